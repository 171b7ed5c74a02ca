"""`as_molecule`: one door for everything that describes a molecule."""

from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import MoleculeError
from ._file_formats import FOREIGN_SUFFIXES, KNOWN_SUFFIXES, read_file, read_mol_block
from ._foreign_objects import reader_for
from ._rdkit_geometry import molecule_from_smiles
from ._xyz import read_xyz
from .molecule import Molecule

__all__ = ["as_molecule"]

_ACCEPTED = (
    "a Molecule, a SMILES string, a path (.xyz, .extxyz, .mol, .sdf, .log, .out, .json), XYZ or MOL text, "
    "an RDKit Mol, "
    "ASE Atoms, a pymatgen Molecule, cclib data, a QCSchema dictionary, or a pair (numbers, positions in "
    "angstrom)"
)

# A longer single line is never the path of a file (Linux: 4096 bytes).
_LONGEST_PATH = 4096


def as_molecule(x: Any, name: str | None = None, *, frame: int | None = None) -> Molecule:
    r"""Return the `Molecule` that `x` describes.

    Parameters
    ----------
    x : object
        One of

        * `Molecule`: returned as it is (renamed if `name` is given).
        * str, read in this order: text of several lines is a MOL block if it has "V2000" or "V3000", else an
          XYZ block; "smiles:..." is a SMILES; a string with a suffix below is a path, and an error if there
          is no such file; the name of an existing file is a path; anything else is a SMILES.
        * path: .xyz, .extxyz, .mol, .sdf, .json (QCSchema), .log and .out (anything cclib reads: last
          geometry).
        * RDKit Mol: its first 3-D conformer (hydrogens must be explicit); without one, as for a SMILES.
        * ASE Atoms (not periodic; masses that were set name isotopes), pymatgen Molecule, cclib data (last
          geometry), QCSchema molecule, input or result (dictionary; bohr).
        * dictionary with "numbers" or "symbols" and "positions" (angstrom), optional "masses",
          "mass_numbers".
        * pair (numbers or symbols, positions in angstrom).
    name : str, optional
        Name of the molecule. Default: the SMILES, the file's stem, or what the object calls itself.
    frame : int, optional
        Which geometry of several, from 0, negative from the end. Default: the first of an .xyz or .sdf file
        (the comment and a logged warning say so), the last of a log.

    Notes
    -----
    A SMILES becomes a geometry by RDKit: ETKDG with fixed seeds, then MMFF94 (UFF where it has no
    parameters), the lowest of several conformers, minimised until the symmetry is there to better than 1e-3
    angstrom. Hypervalent AX_n (SF6, XeF4) take the VSEPR model. `comment` says which. It is a plausible
    geometry, not the measured one.

    Charge and unpaired electrons are kept where the source gives them: formal charges and radical electrons (all of one
    spin) of a SMILES or RDKit Mol, "charge=-1 multiplicity=2" in the comment line of XYZ, QCSchema, logs.

    Isotopes: "[2H]", D and T, "13C", mass numbers in QCSchema, RDKit, MOL files.

    Raises
    ------
    MoleculeError
        With the exact reason, if `x` is none of these or not a possible molecule (see
        `Molecule.from_arrays`).
    MissingPackageError
        If RDKit or cclib is needed and not installed; the message holds the pip command.

    Examples
    --------
    >>> as_molecule((["O", "H", "H"], [[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]]), name="water")
    Molecule('water', H2O, 3 atoms)
    >>> as_molecule("2\n\nH 0 0 0\nD 0 0 0.74").formula
    'HD'
    """
    if isinstance(x, Molecule):
        return x if name is None or name == x.name else Molecule.from_dict({**x.as_dict(), "name": name})
    if isinstance(x, str):
        return _from_string(x, name, frame)
    if isinstance(x, PathLike):
        return read_file(Path(_path_text(x)), name, frame)
    reader = reader_for(x)
    if reader is None:
        raise MoleculeError(f"as_molecule cannot read a {type(x).__module__}.{type(x).__qualname__}. Give {_ACCEPTED}.")
    return reader(x, name, frame)


def _path_text(path: PathLike) -> str:
    text = path.__fspath__()
    if isinstance(text, bytes):
        raise MoleculeError(f"the path {text[:100]!r} is of bytes: give it as str.")
    return text


def _from_string(text: str, name: str | None, frame: int | None) -> Molecule:
    if not text.strip():
        raise MoleculeError("as_molecule was given an empty string.")
    if "\n" in text.strip() or "\r" in text.strip():
        if "V2000" in text or "V3000" in text:
            return read_mol_block(text, name or "", frame, "the MOL text")
        return read_xyz(text, name or "", frame)
    line = text.strip()
    if line.startswith("smiles:"):
        return molecule_from_smiles(line.removeprefix("smiles:"), name)
    if line.lower().endswith(KNOWN_SUFFIXES + FOREIGN_SUFFIXES) or _is_file(line):
        return read_file(Path(line), name, frame)
    return molecule_from_smiles(line, name)


def _is_file(text: str) -> bool:
    if len(text) > _LONGEST_PATH:
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False
