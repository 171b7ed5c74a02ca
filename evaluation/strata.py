"""Molecules sorted by what symmetry and theory say about them: the strata by which a model's results are reported."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ..forward.dataset_files import SimulatedDataset, shipped_dataset
from ..groups.atomic_write import write_text
from ._strata_kinds import CHEMISTRY, KINDS, RANGE_CM1, Kind, chemistry
from ._strata_sources import DATASET_COLUMNS, Known, named, of_dataset, of_molecules
from ._strata_symmetry import IDENTIFIABILITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..spektron.training_data import TrainingData

__all__ = ["CHEMISTRY", "IDENTIFIABILITY", "KINDS", "RANGE_CM1", "SHIPPED_SOURCES", "TECHNIQUES", "Strata"]

SHIPPED_SOURCES = ("lines_qm9_gfn2", "lines_symmetric_gfn2")
"""Shipped datasets whose molecules `Strata.shipped` sorts; the second level of theory has the same molecules."""

TECHNIQUES = ("ir", "raman")
"""Intensities that a model reads from unpolarised spectra: infrared, and Raman activity as one number."""

_OF_FACTS = (
    *("point_group", "family", "exclusion", "n_vib", "n_levels", "n_ir", "n_raman", "n_silent"),
    *("identifiability", "n_constants", "n_observables", "n_determined"),
)
_OF_LINES = ("n_ir_lines", "n_raman_lines", "n_lines")


@dataclass(frozen=True, eq=False, repr=False)
class Strata:
    """Molecules with the quantities by which they are sorted; columns are read-only.

    Attributes
    ----------
    ids : tuple of str (n,)
        Each once.
    columns : mapping of str to ndarray (n,)
        formula : str
            Hill formula.
        n_atoms : int
        chemistry : str
            One of `CHEMISTRY`.
        point_group, family : str
            Schoenflies symbol, its family ("Dnh").
        exclusion : str
            Why no vibration is infrared and Raman active: "inversion" (centre), "other" (the tables of a group without
            a centre, such as D5h or D4d), or "none": some species is both.
        n_vib, n_ir, n_raman, n_silent : int
            Vibrations, with degeneracy: all (3N-6, linear 3N-5), infrared active, Raman active, neither.
        n_levels : int
            Vibrations, degenerate sets counted once.
        completeness : float
            R = 1 - n_silent/n_vib; `completeness_exact` has the fraction.
        identifiability : str
            One of `IDENTIFIABILITY`, for the general harmonic force field.
        n_constants, n_observables, n_determined : int
            Force constants that symmetry allows; independent frequencies and intensities by the counting rule
            (docs/block_rank.md); independent combinations of constants that these determine generically.
        determined_share : float
            n_determined/n_constants.
        margin : int
            n_observables - n_constants. A surplus in one species does not make up for a lack in another:
            n_determined counts by species.
        n_ir_lines, n_raman_lines, n_lines : int
            Distinct levels within `RANGE_CM1` that are infrared active, Raman active, either by the selection rules,
            however weak; -1 where no lines are known.
    techniques : tuple of str
        Intensities that count as observables.

    Examples
    --------
    >>> from symvib.groups.molecule import Molecule
    >>> molecules = {"water": Molecule.from_arrays([8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.471], [0, -0.757, -0.471]])}
    >>> strata = Strata.of(molecules)
    >>> strata.labels("completeness").tolist(), strata.labels("identifiability").tolist(), strata["margin"].tolist()
    (['R = 1'], ['intensities needed'], [1])
    """

    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]
    techniques: tuple[str, ...] = field(default=TECHNIQUES)

    def __post_init__(self) -> None:
        repeated = _repeated(self.ids)
        if repeated:
            raise EvaluationError(f"Strata: {named(repeated)}: each molecule is needed once.")
        for values in self.columns.values():
            values.setflags(write=False)
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    # ---- making them -----------------------------------------------------------------------------------------------

    @classmethod
    def of(
        cls,
        source: "SimulatedDataset | TrainingData | Mapping[str, Any] | Iterable[Any]",
        ids: Sequence[str] | None = None,
        *,
        techniques: Sequence[str] = TECHNIQUES,
    ) -> "Strata":
        """The molecules of a dataset, or geometries, sorted.

        Parameters
        ----------
        source : SimulatedDataset, TrainingData, mapping of id to molecule, or iterable of named molecules
            A dataset needs the columns id, formula, numbers, point_group, irrep and wavenumber_cm1; its recorded
            species are used, and no symmetry is detected. TrainingData is looked up in the shipped datasets by id.
            Geometries may be anything ``as_molecule`` reads; their point groups are detected and no lines are known.
        ids : sequence of str, optional
            Only these molecules, in this order.
        techniques : sequence of str
            Intensities that count as observables, keys of `symvib.theory.intensity_patterns.TECHNIQUES`. Give
            ("ir", "raman_isotropic", "raman_anisotropic") where depolarization ratios are measured, too.

        Raises
        ------
        EvaluationError
            Unknown or repeated ids, no molecule at all, an atom, a molecule without a name or whose symmetry cannot be
            decided, rows of a dataset that failed, or modes that do not fit the point group.
        IdentifiabilityError
            Unknown techniques.
        """
        if isinstance(source, str | bytes):
            raise EvaluationError(f"Strata.of({source!r}): give a dataset (shipped_dataset(...)) or {{id: molecule}}.")
        if _is_training_data(source):
            return _of_training_data(source, ids, tuple(techniques))  # type: ignore[arg-type]
        if isinstance(source, SimulatedDataset):
            return _of_dataset(source, ids, tuple(techniques))
        if isinstance(source, Mapping) and ids is not None:
            _check_ids(ids, source)
            source = {name: source[name] for name in ids}
        strata = _strata(of_molecules(source, tuple(techniques)), tuple(techniques))  # type: ignore[arg-type]
        return strata if ids is None else strata.chosen(ids)

    @classmethod
    def shipped(cls, ids: Sequence[str] | None = None, *, techniques: Sequence[str] = TECHNIQUES) -> "Strata":
        """The molecules that come with symvib and are minima of the molecule asked for; errors as `of`."""
        parts = [_whole(name, tuple(techniques)) for name in SHIPPED_SOURCES]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].columns}
        strata = cls(tuple(name for part in parts for name in part.ids), joined, tuple(techniques))
        return strata if ids is None else strata.chosen(ids)

    # ---- looking at them -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Strata({len(self)} molecules, {len(set(self['point_group'].tolist()))} point groups)"

    def __getitem__(self, column: str) -> NDArray[Any]:
        """A column by name; EvaluationError for another name."""
        if column not in self.columns:
            raise EvaluationError(f"Strata[{column!r}]: choose from {', '.join(self.columns)}.")
        return self.columns[column]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.ids)}

    def rows(self, ids: Iterable[str]) -> NDArray[np.int64]:
        """Row of each id, which may repeat; EvaluationError naming the unknown ones."""
        asked = list(ids)
        _check_ids(asked, self._places)
        return np.array([self._places[name] for name in asked], dtype=np.int64)

    def chosen(self, ids: Iterable[str]) -> "Strata":
        """Only these molecules, in this order; EvaluationError naming unknown and repeated ids."""
        asked = tuple(ids)
        rows = self.rows(asked)
        return Strata(asked, {name: values[rows] for name, values in self.columns.items()}, self.techniques)

    def completeness_exact(self, name: str) -> Fraction:
        """R of a molecule as a fraction; EvaluationError for an unknown id."""
        (row,) = self.rows([name])
        return 1 - Fraction(int(self["n_silent"][row]), int(self["n_vib"][row]))

    def labels(self, kind: str) -> NDArray[np.str_]:
        """The stratum (n,) of each molecule in one of `KINDS`; EvaluationError for another kind."""
        return _kind(kind).label(self.columns)

    def order(self, kind: str) -> tuple[str, ...]:
        """The strata of a kind that hold at least one molecule, in a sensible order."""
        return _kind(kind).order(set(self.labels(kind).tolist()))

    def counts(self, kind: str) -> dict[str, int]:
        """Number of molecules in each stratum of a kind, in the order of `order`."""
        found = dict(zip(*(a.tolist() for a in np.unique(self.labels(kind), return_counts=True)), strict=True))
        return {label: found[label] for label in self.order(kind)}

    # ---- handing them out ------------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: ids, columns, and the strata of each kind with their numbers of molecules."""
        return {
            "ids": list(self.ids),
            "columns": {name: values.tolist() for name, values in self.columns.items()},
            "strata": {kind: self.counts(kind) for kind in KINDS},
            "techniques": list(self.techniques),
            "range_cm1": list(RANGE_CM1),
        }

    def to_csv(self, path: str | Path) -> None:
        """Write a row for each molecule: id, then the columns; whole or not at all.

        Raises
        ------
        EvaluationError
            It cannot be written; what stood there before is untouched.
        """
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", *self.columns])
        writer.writerows(zip(self.ids, *(values.tolist() for values in self.columns.values()), strict=True))
        try:
            write_text(path, stream.getvalue())
        except OSError as error:
            raise EvaluationError(f"cannot write {path}: {error}") from error

    def plot(self, kind: str = "completeness", ax: "Axes | None" = None) -> "Axes":
        """Axes with a bar for each stratum of a kind, on a logarithmic scale where the numbers differ by much."""
        from matplotlib.figure import Figure

        counts = self.counts(kind)
        ax = ax or Figure(layout="constrained").add_subplot()
        bars = ax.barh(list(counts), list(counts.values()), color="0.6")
        ax.bar_label(bars, [f" {n}" for n in counts.values()])
        ax.invert_yaxis()
        if max(counts.values()) > 50 * min(counts.values()):
            ax.set_xscale("log")
        ax.margins(x=0.12)
        ax.set_xlabel("molecules")
        ax.set_title(f"{kind}: {_kind(kind).meaning}", fontsize="medium")
        return ax

    def _repr_html_(self) -> str:
        tables = "".join(
            f"<table><caption>{escape(kind)}: {escape(KINDS[kind].meaning)}</caption>"
            + "".join(f"<tr><td>{escape(label)}</td><td>{n}</td></tr>" for label, n in self.counts(kind).items())
            + "</table>"
            for kind in KINDS
        )
        return f"<details><summary>{escape(repr(self))}</summary>{tables}</details>"


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise EvaluationError(f"strata by {name!r}: choose from {', '.join(KINDS)}.")
    return KINDS[name]


def _repeated(ids: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(name for name in ids if name in seen or seen.add(name)))


def _check_ids(asked: Iterable[str], there: Mapping[str, Any]) -> None:
    unknown = [name for name in asked if name not in there]
    if unknown:
        raise EvaluationError(f"no molecule {named(unknown)} among {len(there)}; ids are as {named(list(there)[:2])}.")


def _strata(known: Known, techniques: tuple[str, ...]) -> Strata:
    if not known.ids:
        raise EvaluationError("Strata.of: no molecules were given.")
    columns: dict[str, NDArray[Any]] = {
        "formula": np.array(known.formulas),
        "n_atoms": np.array([len(numbers) for numbers in known.elements]),
        "chemistry": _chemistry(known),
    }
    columns |= {name: np.array([getattr(facts, name) for facts in known.facts]) for name in _OF_FACTS}
    columns["completeness"] = (columns["n_vib"] - columns["n_silent"]) / columns["n_vib"]
    columns["determined_share"] = columns["n_determined"] / columns["n_constants"]
    columns["margin"] = columns["n_observables"] - columns["n_constants"]
    columns |= {name: known.n_lines[:, k].copy() for k, name in enumerate(_OF_LINES)}
    return Strata(known.ids, columns, techniques)


def _chemistry(known: Known) -> NDArray[np.str_]:
    sets = [frozenset(numbers.tolist()) for numbers in known.elements]
    classes = {numbers: chemistry(numbers) for numbers in set(sets)}
    return np.array([classes[numbers] for numbers in sets])


def _of_dataset(dataset: SimulatedDataset, ids: Sequence[str] | None, techniques: tuple[str, ...]) -> Strata:
    if ids is not None:
        there = {name: None for name in dataset.column("id")}
        _check_ids(ids, there)
        wanted = set(ids)
        kept = dataset.table.filter(np.array([name in wanted for name in there], dtype=bool))
        dataset = SimulatedDataset(kept, dataset.provenance, dataset.path)
    if not len(dataset):
        raise EvaluationError(f"Strata.of({dataset!r}): no molecules.")
    strata = _strata(of_dataset(dataset, techniques), techniques)
    return strata if ids is None else strata.chosen(ids)


def _whole(name: str, techniques: tuple[str, ...]) -> Strata:
    return _of_dataset(shipped_dataset(name, list(DATASET_COLUMNS)).trusted(), None, techniques)


def _is_training_data(source: Any) -> bool:
    """Told by its class's name: importing the class would need torch."""
    return type(source).__name__ == "TrainingData" and hasattr(source, "data_hash")


def _of_training_data(data: "TrainingData", ids: Sequence[str] | None, techniques: tuple[str, ...]) -> Strata:
    strata = Strata.shipped(data.ids, techniques=techniques)
    other = np.flatnonzero(strata["point_group"] != np.array(data.point_groups))
    if other.size:
        raise EvaluationError(
            f"Strata.of({data!r}): {named([data.ids[i] for i in other])} have other point groups in the shipped "
            "datasets; give the dataset itself."
        )
    return strata if ids is None else strata.chosen(ids)
