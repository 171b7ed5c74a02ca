"""The files of QM9S: molecules with their Hessians, tables of spectra, and whether the two belong together."""

import csv
import io
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..constants import ATOMIC_MASS_CONSTANT_KG, ELEMENTARY_CHARGE_C, SPEED_OF_LIGHT_M_PER_S
from ..errors import DatasetError
from ..groups.elements import element
from ._structural_formula import StructureFacts, connectivity_key, smiles_of_geometry, structure_facts

__all__ = ["QM9SMolecule", "agreement", "bands", "qm9s_molecules", "spectra_of"]

_FIRST_ATOM = 10  # lines of a molecule's file before it, the line of column numbers not counted
# An eigenvalue of the mass-weighted Hessian in eV/(A^2 u) is the wavenumber sqrt(lambda) times this, in 1/cm.
_CM1 = np.sqrt(ELEMENTARY_CHARGE_C / (1e-20 * ATOMIC_MASS_CONSTANT_KG)) / (2 * np.pi * SPEED_OF_LIGHT_M_PER_S * 100)
_NO_VIBRATION_CM1 = 30.0  # translations and rotations of a Hessian that was not projected lie below
_LEAST_PROMINENCE = 0.02  # of the maximum
_TABLES = {"ir": "ir_boraden.csv", "raman": "raman_boraden.csv"}
_LARGEST_FILE = 2**24  # bytes of a molecule; those of QM9 have some 30 kB


@dataclass(frozen=True, eq=False)
class QM9SMolecule:
    """One file of ``qm9s_csv``.

    Attributes
    ----------
    number : int
        From 1.
    smiles : str
    numbers : ndarray (N,) of int
    positions_angstrom : ndarray (N, 3)
    wavenumbers_cm1 : ndarray (3N,)
        Harmonic, of the main isotopes, translations and rotations among them; negative = imaginary.
    """

    number: int
    smiles: str
    numbers: NDArray[np.int64]
    positions_angstrom: NDArray[np.float64]
    wavenumbers_cm1: NDArray[np.float64]

    def checked(self) -> tuple[str, StructureFacts | None]:
        """Why the molecule is refused ("" if it is not), and what its SMILES says."""
        try:
            facts = structure_facts(self.smiles)
        except DatasetError:
            return "SMILES cannot be read", None
        if sorted(facts.atoms) != sorted(self.numbers.tolist()):
            return "SMILES has another composition than the geometry", facts
        seen = smiles_of_geometry(self.numbers.tolist(), self.positions_angstrom)
        if seen and connectivity_key(seen) != facts.key:
            return "SMILES has another connectivity than the geometry", facts
        if (self.wavenumbers_cm1 < -_NO_VIBRATION_CM1).any():
            return "Hessian is not that of a minimum", facts
        return "", facts


def qm9s_molecules(folder: Path, limit: int | None = None) -> Iterator[QM9SMolecule]:
    """The molecules in ``qm9s_csv`` or ``qm9s_csv.zip``, by number."""
    place, archive = folder / "qm9s_csv", folder / "qm9s_csv.zip"
    if place.is_dir():
        files = sorted(place.glob("*.csv"), key=lambda path: (len(path.name), path.name))
        for path in files[:limit]:
            _check_size(str(path), path.stat().st_size)
            yield _molecule(str(path), path.read_bytes())
    elif archive.is_file():
        try:
            with zipfile.ZipFile(archive) as members:
                names = [name for name in members.namelist() if name.endswith(".csv")]
                for name in sorted(names, key=lambda name: (len(name), name))[:limit]:
                    _check_size(f"{archive}:{name}", members.getinfo(name).file_size)
                    yield _molecule(f"{archive}:{name}", members.read(name))
        except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise DatasetError(f"{archive} is not a readable zip file: {error}") from error
    else:
        raise DatasetError(f"{folder}: neither qm9s_csv nor qm9s_csv.zip is there; without structures no join.")


def _check_size(name: str, size: int) -> None:
    if size > _LARGEST_FILE:
        raise DatasetError(
            f"{name} has {size} bytes; a molecule's file in the layout of QM9S has {_LARGEST_FILE} at most."
        )


def _molecule(name: str, content: bytes) -> QM9SMolecule:
    try:
        rows = [row[1:] for row in csv.reader(io.StringIO(content.decode("utf-8")))][1:]
        number, smiles, n = int(float(rows[0][0])), rows[0][2].strip(), int(float(rows[0][3]))
        atoms = np.array([row[:4] for row in rows[_FIRST_ATOM : _FIRST_ATOM + n]], dtype=float)
        first = _FIRST_ATOM + 3 * n
        hessian = np.array([row[: 3 * n] for row in rows[first : first + 3 * n]], dtype=float)
        if (
            atoms.shape != (n, 4)
            or hessian.shape != (3 * n, 3 * n)
            or not (n and np.isfinite(hessian).all() and np.isfinite(atoms).all())
        ):
            raise ValueError(f"{n} atoms, but {atoms.shape} of coordinates and {hessian.shape} of a Hessian")
        numbers = np.rint(atoms[:, 0]).astype(np.int64)
        wavenumbers = _wavenumbers(numbers, hessian)
    except (IndexError, ValueError, OverflowError, csv.Error) as error:  # no such element is a ValueError, too
        raise DatasetError(f"{name} is not a molecule's file in the layout of QM9S: {error}") from error
    return QM9SMolecule(number, smiles, numbers, atoms[:, 1:], wavenumbers)


def _wavenumbers(numbers: NDArray[np.int64], hessian: NDArray[np.float64]) -> NDArray[np.float64]:
    masses = [element(z).isotope_masses[element(z).main_isotope] for z in numbers.tolist()]
    weights = np.repeat(1 / np.sqrt(masses), 3)
    values = np.linalg.eigvalsh(weights[:, None] * (hessian + hessian.T) / 2 * weights)
    return np.sign(values) * np.sqrt(np.abs(values)) * _CM1


def spectra_of(
    folder: Path, modality: str, wanted: Collection[int]
) -> "tuple[NDArray[np.float64], dict[int, NDArray[np.float32]]]":
    """Axis (L,) in 1/cm and the spectra (L,) of the labels ``wanted``, row by row: the files are of 8 GB."""
    if modality not in _TABLES:
        raise DatasetError(f"QM9S: modality {modality!r}; choose from {', '.join(_TABLES)}.")
    path = folder / _TABLES[modality]
    if not path.is_file():
        raise DatasetError(f"{path}: no such file; the tables of QM9S are {', '.join(_TABLES.values())}, so spelt.")
    found: dict[int, NDArray[np.float32]] = {}
    # What is no UTF-8 becomes a word that is no number, and is refused as such.
    with path.open(encoding="utf-8", errors="replace") as stream:
        axis = _floats(path, 1, stream.readline())
        if len(axis) < 2 or not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
            raise DatasetError(f"{path}: the header must be the wavenumbers, ascending; it begins {axis[:3]}.")
        for line, text in enumerate(stream, start=2):
            if len(found) == len(wanted):
                break
            label = _label(path, line, text)
            if label not in wanted:
                continue
            values = _floats(path, line, text)
            if len(values) != len(axis):
                raise DatasetError(f"{path}, line {line}: {len(values)} values for {len(axis)} wavenumbers.")
            found[label] = values.astype(np.float32)
    return axis, found


def _label(path: Path, line: int, text: str) -> int:
    try:
        return int(float(text[:32].partition(",")[0].strip().strip('"')))
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{path}, line {line}: it begins {text[:20]!r}; a row begins with a number.") from error


def _floats(path: Path, line: int, text: str) -> NDArray[np.float64]:
    """All columns but the first."""
    try:
        return np.array([cell.strip().strip('"') for cell in islice(text.split(","), 1, None)], dtype=float)
    except ValueError as error:
        raise DatasetError(f"{path}, line {line}: {error}") from error


def bands(
    axis: NDArray[np.float64], spectrum: NDArray[np.floating]
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Positions (k,) in 1/cm and prominences (k,) of the bands of a spectrum."""
    from scipy.signal import find_peaks

    values = np.asarray(spectrum, dtype=float)
    places, facts = find_peaks(values, prominence=_LEAST_PROMINENCE * max(values.max(initial=0.0), 1e-300))
    return axis[places], facts["prominences"]


def agreement(
    found: "tuple[NDArray[np.float64], NDArray[np.float64]]", lines: NDArray[np.float64], tolerance_cm1: float
) -> float:
    """Share of the bands, weighed by prominence, that have a line within the tolerance; 0 without bands.

    Examples
    --------
    >>> agreement((np.array([1000.0, 1500.0]), np.array([3.0, 1.0])), np.array([1002.0, 1700.0]), 8.0)
    0.75
    """
    positions, weights = found
    if not len(positions) or not len(lines):
        return 0.0
    near = np.abs(positions[:, None] - lines[None, :]).min(axis=1) <= tolerance_cm1
    return float(weights[near].sum() / weights.sum())
