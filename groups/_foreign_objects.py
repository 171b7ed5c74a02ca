"""Molecules from other programs' objects: ASE, pymatgen, cclib, QCSchema, and plain dictionaries and tuples.

An object is recognised by the module in which its class (or a base class) is defined, so that nothing is
imported that the caller does not already have.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..constants import BOHR_ANGSTROM
from ..errors import MoleculeError
from ._arrays import read_floats, sequence_length
from ._rdkit_geometry import molecule_from_rdkit
from ._xyz import choose_frame, frame_comment
from .elements import element, isotope_of_mass
from .molecule import Molecule

_WHOLE = 1e-6  # of a sum of initial charges, from a whole number
_OTHER_DOOR = "Crystals are read by point_group_report and crystal_report; a molecule comes without a lattice."


def reader_for(x: Any) -> Callable[[Any, str | None, int | None], Molecule] | None:
    """Return the function that reads an object of this type, or None."""
    for base in type(x).__mro__:
        package = base.__module__.partition(".")[0]
        reader = _READERS.get((package, base.__name__))
        if reader is not None:
            return reader
    if isinstance(x, Mapping):
        return read_mapping
    if isinstance(x, tuple | list) and len(x) == 2:
        return _read_pair
    return None


def nuclides(numbers: Any, masses: Any) -> dict[str, Any]:
    """Return the keywords of `Molecule.from_arrays` that keep what another program's masses say.

    A mass that is the standard weight or the main isotope's means the default; that of another isotope names
    it; any other is kept as a mass.
    """
    found = [isotope_of_mass(int(z), float(mass)) for z, mass in zip(numbers, masses, strict=True)]
    keywords: dict[str, Any] = {"mass_numbers": [isotope or 0 for isotope in found]}
    if None in found:
        keywords["masses"] = [
            float(mass) if isotope is None else element(int(z)).isotope_mass(isotope)
            for z, mass, isotope in zip(numbers, masses, found, strict=True)
        ]
    return keywords


def _only_frame(frame: int | None, what: str) -> None:
    if frame is not None:
        choose_frame(1, frame, what)


def _read_rdkit(mol: Any, name: str | None, frame: int | None) -> Molecule:
    _only_frame(frame, "an RDKit Mol (its first 3-D conformer)")
    return molecule_from_rdkit(mol, name)


def _read_ase(atoms: Any, name: str | None, frame: int | None) -> Molecule:
    """ASE Atoms; masses count if they were set and differ from the standard weights."""
    _only_frame(frame, "an ASE Atoms object")
    if any(atoms.get_pbc()):
        raise MoleculeError(
            f"this ASE Atoms object is periodic (pbc={np.asarray(atoms.get_pbc()).tolist()}). {_OTHER_DOOR}"
        )
    numbers = atoms.get_atomic_numbers()
    for z in numbers:
        element(int(z))
    keywords = nuclides(numbers, atoms.get_masses()) if atoms.has("masses") else {}
    if atoms.has("initial_charges"):
        total = float(atoms.get_initial_charges().sum())
        keywords["charge"] = round(total) if abs(total - round(total)) < _WHOLE else None
    if "charge" in atoms.info:
        keywords["charge"] = atoms.info["charge"]
    return Molecule.from_arrays(numbers, atoms.get_positions(), name=name or "", **keywords)


def _read_pymatgen(molecule: Any, name: str | None, frame: int | None) -> Molecule:
    _only_frame(frame, "a pymatgen Molecule")
    disordered = [index for index, site in enumerate(molecule) if not site.is_ordered]
    if disordered:
        raise MoleculeError(f"site {disordered[0]} of the pymatgen Molecule is disordered: give one element a site.")
    symbols = [pymatgen_symbol(site.specie) for site in molecule]
    return Molecule.from_arrays(symbols, molecule.cart_coords, name=name or "", charge=_pymatgen_charge(molecule))


def _pymatgen_charge(molecule: Any) -> int | None:
    """Return the charge that was given; pymatgen's multiplicity is a guess where it was not."""
    charge = float(molecule.charge)
    return round(charge) if charge.is_integer() else None


def pymatgen_symbol(specie: Any) -> str:
    """Return the symbol of a pymatgen Element, Species or DummySpecies; its .symbol would say "H" for D."""
    kind = getattr(specie, "element", specie)
    return str(getattr(kind, "value", None) or getattr(kind, "symbol", kind))


def _refuse_structure(structure: Any, name: str | None, frame: int | None) -> Molecule:
    raise MoleculeError(f"a pymatgen {type(structure).__name__} is a crystal. {_OTHER_DOOR}")


def read_cclib(data: Any, name: str | None, frame: int | None) -> Molecule:
    """Return the last geometry of cclib data, or the one `frame` names."""
    numbers, geometries = getattr(data, "atomnos", None), getattr(data, "atomcoords", None)
    if numbers is None or geometries is None or len(geometries) == 0:
        raise MoleculeError("the cclib data hold no geometry (atomnos, atomcoords).")
    index = choose_frame(len(geometries), -1 if frame is None else frame, "cclib data")
    comment = frame_comment(len(geometries), index, "last" if frame is None else "")
    for z in numbers:
        element(int(z))
    charge, multiplicity = getattr(data, "charge", None), getattr(data, "mult", None)
    if charge is not None and multiplicity is not None and (sum(numbers) - charge - multiplicity) % 2 == 0:
        multiplicity = None  # of another part than the nuclei: effective core potentials, embedding
    masses = getattr(data, "atommasses", None)
    has_masses = masses is not None and len(masses) == len(numbers)
    keywords = nuclides(numbers, masses) if has_masses else {}
    keywords |= {"charge": charge, "unpaired_electrons": None if multiplicity is None else multiplicity - 1}
    return Molecule.from_arrays(numbers, geometries[index], name=name or "", comment=comment, **keywords)


def _read_qcelemental(molecule: Any, name: str | None, frame: int | None) -> Molecule:
    return read_mapping(molecule.dict(), name, frame)


def read_mapping(data: Mapping[Any, Any], name: str | None, frame: int | None) -> Molecule:
    """Return the molecule of a dictionary: QCSchema (bohr), or "numbers" and "positions" (angstrom)."""
    _only_frame(frame, "a dictionary")
    inner = _qcschema_molecule(data)
    if inner is not None:
        return _read_qcschema(inner, name)
    molecule = Molecule.from_dict(data)
    if name is None:
        return molecule
    return Molecule.from_dict({**molecule.as_dict(), "name": name})


def _qcschema_molecule(data: Mapping[Any, Any]) -> Mapping[Any, Any] | None:
    """Return the QCSchema molecule in a molecule, an input or a result (v1, v2), or None."""
    if "geometry" in data:
        return data
    for key in ("final_molecule", "molecule", "input_data", "initial_molecule"):
        inner = data.get(key)
        if isinstance(inner, Mapping) and key != "input_data":
            return inner
        if isinstance(inner, Mapping):
            return _qcschema_molecule({k: v for k, v in inner.items() if k != "input_data"})
    return None


def _read_qcschema(data: Mapping[Any, Any], name: str | None) -> Molecule:
    """QCSchema molecule: symbols, geometry in bohr (flat or (N, 3)), mass_numbers (-1 = default), real."""
    symbols, geometry = data.get("symbols"), data.get("geometry")
    if symbols is None or geometry is None:
        raise MoleculeError(f"the QCSchema molecule lacks 'symbols' or 'geometry'; it has {_keys(data)}.")
    count = sequence_length(symbols, "QCSchema symbols")
    real = data.get("real")
    if real is not None and not read_floats(real, "QCSchema real", (count,)).all():
        raise MoleculeError("the QCSchema molecule has ghost atoms (real=False), which are not nuclei: remove them.")
    flat = sequence_length(geometry, "QCSchema geometry") == 3 * count
    xyz = read_floats(geometry, "QCSchema geometry", (3 * count,) if flat and count else (count, 3))
    given = data.get("mass_numbers")
    if given is not None:
        given = read_floats(given, "QCSchema mass_numbers", (count,))
        given = np.where(given == -1, 0, given)
    multiplicity = data.get("molecular_multiplicity")
    title = name if name is not None else data.get("name")
    return Molecule.from_arrays(
        symbols,
        xyz.reshape(-1, 3) * BOHR_ANGSTROM,
        mass_numbers=given,
        masses=data.get("masses") if given is None else None,
        name=title if isinstance(title, str) else "",
        comment=data["comment"] if isinstance(data.get("comment"), str) else "",
        charge=data.get("molecular_charge"),
        unpaired_electrons=None if multiplicity is None else read_floats([multiplicity], "multiplicity", (1,))[0] - 1,
    )


def _read_pair(pair: Any, name: str | None, frame: int | None) -> Molecule:
    _only_frame(frame, "a pair (numbers, positions)")
    return Molecule.from_arrays(pair[0], pair[1], name=name or "")


def _keys(data: Mapping[Any, Any]) -> list[str]:
    return sorted(str(key)[:30] for key in data)[:12]


_READERS: dict[tuple[str, str], Callable[[Any, str | None, int | None], Molecule]] = {
    ("rdkit", "Mol"): _read_rdkit,
    ("ase", "Atoms"): _read_ase,
    ("pymatgen", "IMolecule"): _read_pymatgen,
    ("pymatgen", "SiteCollection"): _refuse_structure,
    ("cclib", "ccData"): read_cclib,
    ("qcelemental", "Molecule"): _read_qcelemental,
}
