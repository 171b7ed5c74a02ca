"""What is known of molecules before they are sorted: symmetry, elements and lines, from datasets or geometries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError, SymvibError
from ..forward.dataset_files import SimulatedDataset
from ..groups.completeness import analyse_detection
from ..groups.detection import detect_point_group
from ..groups.molecule import Molecule
from ..groups.readers import as_molecule
from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules
from ._strata_kinds import RANGE_CM1, UNKNOWN_LINES
from ._strata_symmetry import SymmetryFacts, symmetry_facts

__all__ = ["DATASET_COLUMNS", "Known", "named", "of_dataset", "of_molecules"]

DATASET_COLUMNS = ("id", "formula", "numbers", "point_group", "irrep", "wavenumber_cm1")
"""Columns of a dataset that strata are read from."""

_SHOWN = 5
_PARTS_OF_A_LEVEL = 60  # divisible by the dimension of every real species, 1 to 5


@dataclass(frozen=True, eq=False)
class Known:
    """Molecules, one after the other.

    Attributes
    ----------
    ids, formulas : tuple of str (n,)
    elements : tuple of ndarray (n,)
        Atomic numbers of the atoms.
    facts : tuple of SymmetryFacts (n,)
    n_lines : ndarray (n, 3) of int
        Distinct levels within `RANGE_CM1` that are infrared active, Raman active, either; -1 where no lines are known.
    """

    ids: tuple[str, ...]
    formulas: tuple[str, ...]
    elements: tuple[NDArray[Any], ...]
    facts: tuple[SymmetryFacts, ...]
    n_lines: NDArray[np.int64]


def named(names: Sequence[Any]) -> str:
    """The first few, and how many there are: "a, b, c ... (17 in all)"."""
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} ... ({len(names)} in all)"


# ---- geometries ----------------------------------------------------------------------------------------------------


def of_molecules(molecules: Mapping[str, Any] | Iterable[Any], techniques: tuple[str, ...]) -> Known:
    """Of geometries, whose point groups are detected; no lines. Errors name the molecule."""
    read = _read_molecules(molecules)
    return Known(
        ids=tuple(read),
        formulas=tuple(m.formula for m in read.values()),
        elements=tuple(m.numbers for m in read.values()),
        facts=tuple(_detected(name, molecule, techniques) for name, molecule in read.items()),
        n_lines=np.full((len(read), 3), UNKNOWN_LINES),
    )


def _read_molecules(molecules: Mapping[str, Any] | Iterable[Any]) -> dict[str, Molecule]:
    if isinstance(molecules, Mapping):
        return {str(name): _molecule(name, x) for name, x in molecules.items()}
    read: dict[str, Molecule] = {}
    for place, x in enumerate(molecules):
        molecule = _molecule(f"number {place}", x)
        if not molecule.name or molecule.name in read:
            what = "has no name" if not molecule.name else f"is called {molecule.name!r}, as another one is"
            raise EvaluationError(f"Strata.of: molecule number {place} {what}; give a mapping {{id: molecule}}.")
        read[molecule.name] = molecule
    return read


def _molecule(name: Any, x: Any) -> Molecule:
    try:
        return as_molecule(x)
    except SymvibError as error:
        raise EvaluationError(f"Strata.of: molecule {name!r} cannot be read: {error}") from error


def _detected(name: str, molecule: Molecule, techniques: tuple[str, ...]) -> SymmetryFacts:
    if len(molecule) < 2:
        raise EvaluationError(
            f"Strata.of: {name!r} is an atom ({molecule.formula}): it does not vibrate. Leave it out."
        )
    try:
        analysis = analyse_detection(detect_point_group(molecule))
    except SymvibError as error:
        raise EvaluationError(f"Strata.of: the symmetry of {name!r} cannot be decided: {error}") from error
    return symmetry_facts(analysis.point_group.label, analysis.gamma_vib, techniques)


# ---- datasets ------------------------------------------------------------------------------------------------------


def of_dataset(dataset: SimulatedDataset, techniques: tuple[str, ...]) -> Known:
    """Of a dataset, from the species and wavenumbers that it holds for each normal mode.

    Each pair of a point group and its species is looked up once, and so is each set of species: time is that of
    reading, O(modes).

    Raises
    ------
    EvaluationError
        A column is missing, rows that failed, modes without species or not 3N-6 (3N-5) of them.
    """
    _check_columns(dataset)
    ids = tuple(dataset.column("id"))
    groups, group_of_row = _encoded(dataset.table.column("point_group"))
    labels, label = _encoded(_flat(dataset, "irrep"))
    lengths, n_atoms = _lengths(dataset, "irrep"), _lengths(dataset, "numbers")
    _check_modes(dataset, ids, groups, group_of_row, lengths, n_atoms)
    modes = _Modes(groups, labels, group_of_row, lengths, label)
    return Known(
        ids=ids,
        formulas=tuple(dataset.column("formula")),
        elements=tuple(np.split(_flat(dataset, "numbers").to_numpy(), np.cumsum(n_atoms)[:-1])),
        facts=modes.facts(ids, techniques),
        n_lines=_lines(dataset, modes),
    )


@dataclass(frozen=True, eq=False)
class _Modes:
    """Species of all modes of all molecules: ``groups[group_of_row[i]]``, ``labels[label[k]]``."""

    groups: list[str]
    labels: list[str]
    group_of_row: NDArray[np.int64]
    lengths: NDArray[np.int64]
    label: NDArray[np.int64]

    @property
    def row(self) -> NDArray[np.int64]:
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def facts(self, ids: Sequence[str], techniques: tuple[str, ...]) -> tuple[SymmetryFacts, ...]:
        """Of each molecule; molecules with the same group and species share them."""
        ordered = self.label[np.lexsort((self.label, self.row))]
        found: dict[tuple[int, bytes], SymmetryFacts] = {}
        facts = []
        pieces = np.split(ordered, np.cumsum(self.lengths)[:-1])
        for name, group, piece in zip(ids, self.group_of_row.tolist(), pieces, strict=True):
            key = (group, piece.tobytes())
            if key not in found:
                found[key] = self._facts(name, self.groups[group], piece, techniques)
            facts.append(found[key])
        return tuple(facts)

    def _facts(self, name: str, group: str, labels: NDArray[np.int64], techniques: tuple[str, ...]) -> SymmetryFacts:
        codes, counts = np.unique(labels, return_counts=True)
        rules = selection_rules(group)
        vibrations = {}
        for label, count in zip((self.labels[k] for k in codes), counts.tolist(), strict=True):
            try:
                n, rest = divmod(count, rules[label].dimension)
            except SymvibError as error:
                raise EvaluationError(f"Strata.of: {name!r}: {error}") from error
            if rest:
                raise EvaluationError(
                    f"Strata.of: {name!r} ({group}) has {count} modes of species {label}, which come in sets of "
                    f"{rules[label].dimension}."
                )
            vibrations[label] = n
        return symmetry_facts(group, vibrations, techniques)

    def activity(self) -> NDArray[np.int64]:
        """(3, modes): the part of a level that a mode is, in sixtieths, if active in infrared, Raman, either."""
        pairs, which = np.unique(self.group_of_row[self.row] * len(self.labels) + self.label, return_inverse=True)
        parts = np.zeros((3, len(pairs)), dtype=np.int64)
        for k, pair in enumerate(pairs.tolist()):
            group, label = divmod(pair, len(self.labels))
            species = selection_rules(self.groups[group])[self.labels[label]]
            seen = (species.infrared_active, species.raman, not species.silent)
            parts[:, k] = np.array(seen) * (_PARTS_OF_A_LEVEL // species.dimension)
        return parts[:, which]


def _lines(dataset: SimulatedDataset, modes: _Modes) -> NDArray[np.int64]:
    """Distinct active levels (n, 3) in the range; a level whose partners are on both sides of its end is inside."""
    wavenumbers = _flat(dataset, "wavenumber_cm1").to_numpy()
    inside = (wavenumbers >= RANGE_CM1[0]) & (wavenumbers <= RANGE_CM1[1])
    parts = [np.bincount(modes.row, active * inside, len(modes.lengths)) for active in modes.activity()]
    return -(-np.stack(parts, axis=1).astype(np.int64) // _PARTS_OF_A_LEVEL)


def _check_columns(dataset: SimulatedDataset) -> None:
    missing = [name for name in (*DATASET_COLUMNS, "status") if name not in dataset.table.column_names]
    if missing:
        raise EvaluationError(
            f"Strata.of({dataset!r}): columns {named(missing)} were not read; strata need {', '.join(DATASET_COLUMNS)}."
        )
    failed = [i for i, status in zip(dataset.column("id"), dataset.column("status"), strict=True) if status != "ok"]
    if failed:
        raise EvaluationError(f"Strata.of({dataset!r}): {named(failed)} failed; give dataset.trusted(), or other ids.")


def _check_modes(
    dataset: SimulatedDataset,
    ids: Sequence[str],
    groups: list[str],
    group_of_row: NDArray[np.int64],
    lengths: NDArray[np.int64],
    n_atoms: NDArray[np.int64],
) -> None:
    linear = np.array([PointGroup.parse(label).is_linear for label in groups])[group_of_row]
    wrong = np.flatnonzero((lengths != 3 * n_atoms - np.where(linear, 5, 6)) | (lengths == 0))
    if wrong.size:
        raise EvaluationError(
            f"Strata.of({dataset!r}): {named([ids[i] for i in wrong])}: not 3N-6 (linear 3N-5) modes with a species; "
            f"the first has {lengths[wrong[0]]} for {n_atoms[wrong[0]]} atoms."
        )
    uneven = np.flatnonzero(_lengths(dataset, "wavenumber_cm1") != lengths)
    if uneven.size:
        raise EvaluationError(
            f"Strata.of({dataset!r}): {named([ids[i] for i in uneven])}: not as many wavenumbers as species of modes."
        )


def _flat(dataset: SimulatedDataset, column: str) -> Any:
    """All lists of a column one after the other, a pyarrow Array."""
    return dataset.table.column(column).combine_chunks().flatten()


def _lengths(dataset: SimulatedDataset, column: str) -> NDArray[np.int64]:
    from pyarrow import compute

    return compute.list_value_length(dataset.table.column(column)).fill_null(0).to_numpy().astype(np.int64)


def _encoded(texts: Any) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts of a column, and which each is."""
    encoded = texts.dictionary_encode()
    encoded = encoded.combine_chunks() if hasattr(encoded, "combine_chunks") else encoded
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
