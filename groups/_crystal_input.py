"""Crystals from files and from the objects of pymatgen and ASE: lattice, fractional coordinates, kinds of atoms."""

import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import reduce as fold
from math import gcd
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingPackageError, MoleculeError
from ._file_formats import check_file, read_text_file
from ._foreign_objects import pymatgen_symbol
from .elements import isotope_of_mass
from .operations import NDArrayFloat, NDArrayInt

__all__ = ["CrystalCell", "is_crystal", "read_crystal"]

_SUFFIXES = (".cif", ".mcif", ".vasp", ".poscar", ".contcar", ".cssr")
_NAMES = ("POSCAR", "CONTCAR")
_SAME_PLACE = 0.1  # angstrom: no two nuclei of a crystal are nearer
_MIN_THICKNESS = 0.5  # angstrom between lattice planes: less is a wrong unit or a flat cell
_VACUUM = 7.0  # angstrom without any nucleus across the cell: wider than in layered minerals
_MAX_ATOMS = 5000
_MAX_NOTES = 3


@dataclass(frozen=True, eq=False)
class CrystalCell:
    """A cell with all its atoms, as read.

    Attributes
    ----------
    lattice : ndarray (3, 3)
        Rows a, b, c in angstrom; read-only.
    fractional : ndarray (n_atoms, 3)
        Coordinates in that basis; read-only.
    kinds : ndarray (n_atoms,)
        Atoms of the same number may be mapped on each other; read-only.
    kind_names : tuple of str
        Name of each kind: "Si", "Fe3+", "D".
    name : str
    notes : tuple of str
        What the reading of the file or object has to say.
    """

    lattice: NDArrayFloat
    fractional: NDArrayFloat
    kinds: NDArrayInt
    kind_names: tuple[str, ...]
    name: str = ""
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def formula_units(self) -> tuple[str, int]:
        """Reduced formula in Hill's order (as for molecules), and how many such units the cell holds."""
        counts = Counter(element_of(self.kind_names[k]) for k in self.kinds)
        units = fold(gcd, counts.values())
        ordered = sorted(counts, key=lambda symbol: (0 if symbol == "C" else 1 if symbol in "HD" else 2, symbol))
        if "C" not in counts:
            ordered = sorted(counts)
        return "".join(
            f"{symbol}{counts[symbol] // units if counts[symbol] > units else ''}" for symbol in ordered
        ), units


def element_of(kind: str) -> str:
    """Symbol of the element of a kind of atom: "Fe" for "Fe3+"."""
    return "".join(c for c in kind if c.isalpha())


def is_crystal(x: Any) -> bool:
    """True for a periodic object or the path of a file that only crystals are written in. Nothing is imported."""
    if isinstance(x, CrystalCell):
        return True
    if isinstance(x, str | PathLike):
        text = str(x).strip()
        if "\n" in text or not text:
            return False
        name = Path(text).name
        return name.lower().endswith(_SUFFIXES) or (name.upper().startswith(_NAMES) and _exists(text))
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in type(x).__mro__}
    if bases & {("pymatgen", "IStructure"), ("pymatgen", "Structure")}:
        return True
    return ("ase", "Atoms") in bases and bool(np.any(x.get_pbc()))


def _exists(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def read_crystal(x: Any, name: str | None = None) -> CrystalCell:
    """The cell that ``x`` describes: a path (CIF, POSCAR), a pymatgen Structure, periodic ASE Atoms.

    Raises
    ------
    MoleculeError
        Not a crystal, damaged, partly occupied, or not possible (two atoms at one place, flat cell, NaN).
    MissingPackageError
        A file is given and pymatgen is not installed.
    """
    if isinstance(x, CrystalCell):
        return x
    if not is_crystal(x):
        raise MoleculeError(
            f"crystal_report cannot read a {type(x).__module__}.{type(x).__qualname__}: give a pymatgen Structure, "
            "ASE Atoms with pbc set, or the path of a CIF or POSCAR file."
        )
    if isinstance(x, str | PathLike):
        return _read_file(Path(str(x).strip()), name)
    if hasattr(x, "get_pbc"):
        return _from_ase(x, name)
    return _from_structure(x, name or "", ())


def _read_file(path: Path, name: str | None) -> CrystalCell:
    check_file(path)
    text = read_text_file(path)
    if not text.strip():
        raise MoleculeError(f"the crystal structure {path} is empty.")
    try:
        from pymatgen.core import Structure
    except ImportError as error:
        raise MissingPackageError.of_extra("Reading crystal structures from files needs pymatgen", "chem") from error
    cif = path.suffix.lower() in (".cif", ".mcif")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            structure = Structure.from_str(text, fmt="cif" if cif else "poscar")
        except Exception as error:  # pymatgen raises many kinds; each becomes our refusal with its words
            said = "; ".join([str(error) or type(error).__name__, *_messages(caught)])
            raise MoleculeError(f"pymatgen cannot read {path} as {'CIF' if cif else 'POSCAR'}: {said[:400]}") from error
    messages = _messages(caught)
    if any("false names" in message for message in messages):
        raise MoleculeError(
            f"{path} does not name its elements: add the line of symbols above the numbers of atoms (VASP 5 format)."
        )
    blocks = sum(line.lower().startswith("_cell_length_a") for line in text.splitlines()) if cif else 1
    notes = [f"The file holds {blocks} structures; this is the first."] if blocks > 1 else []
    if any("Defaulting to P1" in message for message in messages):
        notes.insert(0, "CAUTION: no symmetry could be read from the file, so only the atoms that it lists were used.")
    notes += [f"pymatgen on reading the file: {message}" for message in messages[:_MAX_NOTES]]
    return _from_structure(structure, path.stem if name is None else name, tuple(notes))


def _messages(caught: list[warnings.WarningMessage]) -> list[str]:
    """What pymatgen warned of, each once; not what its dependencies say to programmers."""
    told = (w.message for w in caught if issubclass(w.category, UserWarning))
    return list(dict.fromkeys(" ".join(str(message).split())[:240] for message in told))


def _from_structure(structure: Any, name: str, notes: tuple[str, ...]) -> CrystalCell:
    for index, site in enumerate(structure):
        if not site.is_ordered:
            occupation = ", ".join(f"{specie} {share:.3g}" for specie, share in site.species.items())
            raise MoleculeError(
                f"site {index} of the crystal is disordered or partly occupied ({occupation}): factor-group analysis "
                "needs one atom at each place. Give an ordered model (an end member, or a supercell)."
            )
    labels = [_kind(site.specie) for site in structure]
    pbc = tuple(getattr(structure.lattice, "pbc", (True, True, True)))
    return _cell(structure.lattice.matrix, structure.frac_coords, labels, name, (*notes, *_pbc_notes(pbc)))


def _kind(specie: Any) -> str:
    """Element or isotope with its charge, "Fe3+"; a magnetic moment does not make an atom different."""
    charge = getattr(specie, "oxi_state", None)
    size = "" if not charge or abs(charge) == 1 else f"{abs(charge):g}"
    return pymatgen_symbol(specie) + (f"{size}{'+' if charge > 0 else '-'}" if charge else "")


def _from_ase(atoms: Any, name: str | None) -> CrystalCell:
    lattice = np.asarray(atoms.cell.array, dtype=float)
    occupancy = atoms.info.get("occupancy") or {}
    for index, site in occupancy.items():
        if len(site) > 1 or any(abs(share - 1.0) > 1e-6 for share in site.values()):
            raise MoleculeError(
                f"site {index} of the ASE Atoms is disordered or partly occupied ({site}): factor-group analysis needs "
                "one atom at each place. Give an ordered model."
            )
    if not abs(np.linalg.det(lattice)) > 0:
        raise MoleculeError(
            f"the ASE Atoms are periodic (pbc={atoms.get_pbc().tolist()}) but their cell has no volume: set a cell "
            "with three lattice vectors (for a slab, one across the vacuum too)."
        )
    fractional = np.linalg.solve(lattice.T, np.asarray(atoms.get_positions(), dtype=float).T).T
    labels = list(atoms.get_chemical_symbols())
    if atoms.has("masses"):
        numbers = atoms.get_atomic_numbers()
        labels = [_nuclide(int(z), float(m), s) for z, m, s in zip(numbers, atoms.get_masses(), labels, strict=True)]
    return _cell(lattice, fractional, labels, name or "", _pbc_notes(tuple(bool(p) for p in atoms.get_pbc())))


def _nuclide(number: int, mass: float, symbol: str) -> str:
    """The symbol, with the isotope or the mass where it is not the default."""
    isotope = isotope_of_mass(number, mass)
    return f"{symbol}({mass:.4f})" if isotope is None else f"{isotope or ''}{symbol}"


def _pbc_notes(pbc: tuple[bool, ...]) -> tuple[str, ...]:
    if all(pbc):
        return ()
    return (
        f"The input is periodic in {sum(pbc)} of 3 directions; it is analysed as a crystal periodic in all three, with "
        "the cell as given.",
    )


def _cell(lattice: Any, fractional: Any, labels: list[str], name: str, notes: tuple[str, ...]) -> CrystalCell:
    basis, coordinates = np.array(lattice, dtype=float), np.array(fractional, dtype=float)
    if not len(labels):
        raise MoleculeError("the crystal has no atoms.")
    if len(labels) > _MAX_ATOMS:
        raise MoleculeError(f"the cell has {len(labels)} atoms; up to {_MAX_ATOMS} are analysed. Give a smaller cell.")
    if not (np.isfinite(basis).all() and np.isfinite(coordinates).all()):
        raise MoleculeError("the crystal has a lattice vector or coordinate that is not a finite number.")
    thickness = spacings(basis)
    if not thickness.min() > _MIN_THICKNESS:
        raise MoleculeError(
            f"the cell is {thickness.min():.3g} angstrom thick between two opposite faces: the lattice is flat or in "
            "another unit."
        )
    for kind in dict.fromkeys(labels):
        if not _known(element_of(kind)):
            raise MoleculeError(f"the crystal holds {kind!r}, which is no chemical element.")
    names = tuple(sorted(set(labels)))
    kinds = np.array([names.index(label) for label in labels])
    _refuse_overlap(basis, coordinates, labels)
    elements = [element_of(kind) for kind in names]
    split = sorted({e for e in elements if elements.count(e) > 1})
    if split:
        several = ", ".join(kind for kind in names if element_of(kind) in split)
        notes = (*notes, f"{several} are kept apart as different atoms: the structure labels them differently.")
    for array in (basis, coordinates, kinds):
        array.setflags(write=False)
    return CrystalCell(basis, coordinates, kinds, names, name, (*notes, *_vacuum_notes(basis, coordinates)))


def _known(symbol: str) -> bool:
    from .elements import element

    try:
        element(symbol)
    except MoleculeError:
        return False
    return True


def spacings(lattice: NDArrayFloat) -> NDArrayFloat:
    """Distance (3,) in angstrom between opposite faces of the cell."""
    volume = abs(float(np.linalg.det(lattice)))
    areas = np.linalg.norm(np.cross(lattice[[1, 2, 0]], lattice[[2, 0, 1]]), axis=1)
    return volume / np.maximum(areas, np.finfo(float).tiny)


def _refuse_overlap(lattice: NDArrayFloat, fractional: NDArrayFloat, labels: list[str]) -> None:
    from scipy.spatial import KDTree

    # Any two atoms nearer than _SAME_PLACE differ by less than this in each fractional coordinate.
    reach = _SAME_PLACE / float(spacings(lattice).min())
    wrapped = fractional % 1.0
    wrapped[wrapped >= 1.0] = 0.0
    pairs = KDTree(wrapped, boxsize=1.0).query_pairs(reach, p=np.inf, output_type="ndarray")
    if not len(pairs):
        return
    shift = fractional[pairs[:, 0]] - fractional[pairs[:, 1]]
    distances = np.linalg.norm((shift - np.rint(shift)) @ lattice, axis=1)
    worst = int(np.argmin(distances))
    if distances[worst] < _SAME_PLACE:
        i, j = (int(k) for k in pairs[worst])
        raise MoleculeError(
            f"atoms {i} ({labels[i]}) and {j} ({labels[j]}) of the crystal are {distances[worst]:.2g} angstrom apart: "
            "remove the duplicate (or the alternative position of a disordered atom)."
        )


def _vacuum_notes(lattice: NDArrayFloat, fractional: NDArrayFloat) -> tuple[str, ...]:
    """What to say where the cell holds empty space: a slab, a wire or a molecule in a box."""
    gaps = []
    for axis, thickness in enumerate(spacings(lattice)):
        places = np.sort(fractional[:, axis] % 1.0)
        gaps.append(float(np.diff(np.append(places, places[0] + 1.0)).max() * thickness))
    empty = [letter for letter, gap in zip("abc", gaps, strict=True) if gap > _VACUUM]
    if not empty:
        return ()
    what = {1: "a slab", 2: "a wire", 3: "a molecule in a box"}[len(empty)]
    return (
        f"Across {', '.join(empty)} there are more than {_VACUUM:g} angstrom without a nucleus, as for {what}. It is "
        "analysed as the three-dimensional crystal given: only three acoustic modes are removed, and the free "
        "rotations of a separate molecule count as optic modes.",
    )
