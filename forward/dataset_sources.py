"""Molecules for a dataset: QM9 as PyPI's qm9pack ships it, the generated symmetric molecules, structure files."""

import csv
import importlib.util
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError, MissingPackageError, SymvibError
from ..groups.detection import detect_point_group
from ..groups.elements import SAME_NUCLIDE_U, parse_symbol
from ..groups.molecule import Molecule
from ..groups.readers import as_molecule
from .dataset_rows import DatasetTask
from .engine_api import wanted_electrons

__all__ = ["file_tasks", "qm9_records", "qm9_tasks", "symmetric_tasks"]

logger = logging.getLogger(__name__)

_QM9_TOLERANCE_ANGSTROM = 0.05  # above the looseness of QM9's B3LYP optimisations


def qm9_records() -> Iterator[dict[str, Any]]:
    """Molecules of QM9 in the order of their index, from PyPI's qm9pack.

    Yields mappings: "index" (1...), "smiles", "numbers", "positions_angstrom" (N, 3), "wavenumbers_cm1" (B3LYP
    6-31G(2df,p), harmonic). R. Ramakrishnan et al., Sci. Data 1, 140022 (2014).

    Raises
    ------
    MissingPackageError
        qm9pack is not installed.
    """
    # The files are read without importing the package: it needs pkg_resources, which setuptools 81 no longer has.
    spec = importlib.util.find_spec("qm9pack")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError.of_extra("QM9 is read from PyPI's package qm9pack", "data")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    for part in sorted(folder.glob("qm9_part*.csv")):
        with part.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                symbols = row["Elements"].strip("[]").replace("'", "").split(",")
                yield {
                    "index": int(row["Index"]),
                    "smiles": row["SMILES"],
                    "numbers": np.array([parse_symbol(s)[0] for s in symbols]),
                    "positions_angstrom": _floats(row["XYZ_Ang"]).reshape(-1, 3),
                    "wavenumbers_cm1": _floats(row["Harmonic_Freq_cmi"]),
                }


def _floats(text: str) -> np.ndarray:
    """Numbers of a bracketed list; qm9pack writes some as Mathematica does ("1.2*^-6", "0.")."""
    return np.array([float(item) for item in text.replace("[", "").replace("]", "").replace("*^", "e").split(",")])


def qm9_tasks(limit: int, seed: int = 2026) -> list[DatasetTask]:
    """``limit`` molecules of QM9: first all whose point group is neither C1 nor Cs, then the others at random.

    Symmetric molecules are about 1 % of QM9, and every stratum needs members; the rest is a seeded permutation.
    """
    if limit < 1:
        raise DatasetError(f"qm9_tasks(limit={limit}): ask for at least one molecule.")
    symmetric, others = [], []
    for record in qm9_records():
        detection = detect_point_group((record["numbers"], record["positions_angstrom"]), _QM9_TOLERANCE_ANGSTROM)
        (others if detection.point_group.label in ("C1", "Cs") else symmetric).append(_qm9_task(record))
    order = np.random.default_rng(seed).permutation(len(others))
    return [*symmetric, *(others[k] for k in order)][:limit]


def _qm9_task(record: dict[str, Any]) -> DatasetTask:
    return DatasetTask(
        id=f"qm9-{record['index']:06d}",
        source="qm9",
        numbers=tuple(map(int, record["numbers"])),
        positions_angstrom=tuple(map(tuple, record["positions_angstrom"].tolist())),
        smiles=record["smiles"],
    )


def symmetric_tasks() -> list[DatasetTask]:
    """The generated symmetric molecules (``symvib.forward.symmetric_molecules``), rare strata first."""
    from .symmetric_molecules import symmetric_molecules

    return [
        DatasetTask(
            id=f"sym-{candidate.name}",
            source="symmetric",
            numbers=tuple(map(int, candidate.molecule.numbers)),
            positions_angstrom=tuple(map(tuple, candidate.molecule.positions.tolist())),
            name=candidate.name,
            family=candidate.family,
            charge=candidate.charge,
        )
        for candidate in symmetric_molecules()
    ]


def file_tasks(
    paths: Iterable[str | Path], charge: int | None = None, unpaired_electrons: int | None = None
) -> list[DatasetTask]:
    """One molecule for each structure file; the id is the file's name without its ending.

    Charge and unpaired electrons are those given, for all files, else those that the file states, else zero. Isotopes
    are kept.

    Raises
    ------
    DatasetError
        A file that cannot be read, or whose masses are those of no isotopes; the message names it.
    """
    tasks = []
    for path in map(Path, paths):
        try:
            molecule = as_molecule(path)
        except SymvibError as error:
            words = str(error)
            raise DatasetError(words if str(path) in words else f"{path}: {words}") from error
        _refuse_free_masses(molecule, path)
        total, unpaired = wanted_electrons(molecule, charge, unpaired_electrons)
        tasks.append(
            DatasetTask(
                id=path.stem,
                source="files",
                numbers=tuple(map(int, molecule.numbers)),
                positions_angstrom=tuple(map(tuple, molecule.positions.tolist())),
                name=molecule.name,
                charge=total,
                unpaired_electrons=unpaired,
                mass_numbers=tuple(map(int, molecule.mass_numbers)) if molecule.has_isotopes else (),
            )
        )
    return tasks


def _refuse_free_masses(molecule: Molecule, path: Path) -> None:
    """A row holds mass numbers: masses that are those of no isotope would be lost."""
    isotopes = Molecule.from_arrays(molecule.numbers, molecule.positions, mass_numbers=molecule.mass_numbers).masses
    worst = int(np.abs(molecule.masses - isotopes).argmax())
    if abs(molecule.masses[worst] - isotopes[worst]) > SAME_NUCLIDE_U:
        raise DatasetError(
            f"{path}: atom {worst} has the mass {molecule.masses[worst]:g} u, which is that of no isotope; a dataset "
            "holds mass numbers. Name the isotopes, or leave the masses out."
        )
