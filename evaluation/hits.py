"""What a prediction is tested on: which queries were identified, and what is known of the molecules behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import EvaluationError

__all__ = ["MODALITIES", "Covariates", "Hits"]

MODALITIES = ("ir", "raman", "ir+raman")
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Hits:
    """Which queries a model identified; a molecule may be asked more than once.

    Attributes
    ----------
    ids : tuple of str (n,)
        The molecule of each query.
    modalities : tuple of str (n,)
        "ir", "raman" or "ir+raman": what the query held.
    values : ndarray (n,)
        1 found, 0 missed; between them where the order of tied library entries decides.

    Raises
    ------
    EvaluationError
        No query, lengths that differ, an unknown modality, values that are NaN or outside [0, 1].

    Examples
    --------
    >>> hits = Hits.of_ranks(["a", "a", "b"], ["ir", "ir", "ir"], [1, 3, 1])
    >>> hits.table(["b", "a"], ["ir"]).tolist()
    [[1.0], [0.5]]
    """

    ids: tuple[str, ...]
    modalities: tuple[str, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        ids, modalities = tuple(map(str, self.ids)), tuple(map(str, self.modalities))
        values = np.array(self.values, dtype=float)
        if not ids or not len(ids) == len(modalities) == values.size or values.ndim != 1:
            raise EvaluationError(
                f"Hits got {len(ids)} ids, {len(modalities)} modalities and values of shape {values.shape}: "
                "give one of each for every query, at least one query."
            )
        _refuse(~np.isin(modalities, MODALITIES), ids, f"a modality that is none of {', '.join(MODALITIES)}")
        _refuse(~((values >= 0) & (values <= 1)), ids, "a hit that is no number from 0 to 1")
        values.setflags(write=False)
        for name, value in (("ids", ids), ("modalities", modalities), ("values", values)):
            object.__setattr__(self, name, value)

    @classmethod
    def of_ranks(cls, ids: Sequence[str], modalities: Sequence[str], ranks: ArrayLike, k: int = 1) -> "Hits":
        """Hits of ranks (n,) of the true molecule, 1 for the first: 1 where the rank is at most ``k``."""
        ranks = np.asarray(ranks, dtype=float)
        _refuse(~(np.isfinite(ranks) & (ranks >= 1)), ids, "a rank that is no number from 1")
        return cls(tuple(ids), tuple(modalities), (ranks <= k).astype(float))

    def table(self, ids: Sequence[str], modalities: Sequence[str] = MODALITIES) -> NDArray[np.float64]:
        """Mean hit (n_ids, n_modalities) of the queries of each molecule and kind; NaN where nothing was asked."""
        place = {name: row for row, name in enumerate(ids)}
        column = {name: k for k, name in enumerate(modalities)}
        row = np.array([place.get(name, -1) for name in self.ids])
        cell = row * len(column) + np.array([column.get(name, -1) for name in self.modalities])
        kept = (row >= 0) & np.isin(self.modalities, list(column))
        size = len(place) * len(column)
        total = np.bincount(cell[kept], self.values[kept], minlength=size)
        count = np.bincount(cell[kept], minlength=size)
        mean = np.divide(total, count, out=np.full(size, np.nan), where=count > 0)
        return mean.reshape(len(place), len(column))

    def as_dict(self) -> dict[str, Any]:
        """Plain values: number of queries and molecules, share found for each modality."""
        names = np.array(self.modalities)
        shares = {m: float(self.values[names == m].mean()) for m in MODALITIES if (names == m).any()}
        return {"n_queries": len(self.ids), "n_molecules": len(set(self.ids)), "share_found": shares}


@dataclass(frozen=True, eq=False)
class Covariates:
    """What is known of each molecule before a model sees it, by name of the quantity.

    Attributes
    ----------
    ids : tuple of str (n,)
    columns : mapping of str to ndarray (n,)
        As in `Strata`: "n_atoms", "n_vib", "n_levels", "completeness", "exclusion", "margin" ... and
        "nearest_similarity", the similarity of the most alike other molecule of the library.

    Raises
    ------
    EvaluationError
        No molecule, an id twice, a column of another length, numbers that are NaN or infinite.

    Examples
    --------
    >>> table = Covariates.of({"id": ["a", "b"], "n_atoms": [3, 5]})
    >>> table.chosen(["b"])["n_atoms"].tolist()
    [5]
    """

    ids: tuple[str, ...]
    columns: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        ids = tuple(map(str, self.ids))
        if not ids or len(set(ids)) < len(ids):
            raise EvaluationError(
                f"Covariates of {len(ids)} ids, {len(set(ids))} distinct: each molecule once, and some."
            )
        columns = {str(name): np.array(values) for name, values in self.columns.items()}
        for name, values in columns.items():
            if values.shape != (len(ids),):
                raise EvaluationError(
                    f"Covariates: column {name!r} has shape {values.shape}, there are {len(ids)} ids."
                )
            if values.dtype.kind == "f":
                _refuse(~np.isfinite(values), ids, f"a {name} that is no finite number")
            values.setflags(write=False)
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "columns", columns)

    @classmethod
    def of(cls, table: Any, **more: ArrayLike) -> "Covariates":
        """Covariates of a mapping with a column "id", or of an object with ``ids`` and ``columns`` such as `Strata`.

        Further columns (n,) by name; they replace those of the table.
        """
        if isinstance(table, Mapping):
            if "id" not in table:
                raise EvaluationError(f"Covariates.of: no column 'id' among {', '.join(map(str, table))}.")
            ids, columns = table["id"], {name: values for name, values in table.items() if name != "id"}
        else:
            ids, columns = table.ids, table.columns
        return cls(tuple(ids), {name: np.asarray(values) for name, values in {**columns, **more}.items()})

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise EvaluationError(f"Covariates: no column {name!r}; there are {', '.join(self.columns)}.")
        return self.columns[name]

    def numbers(self, names: Sequence[str]) -> NDArray[np.float64]:
        """Columns (n, n_names) as numbers."""
        for name in names:
            if self[name].dtype.kind not in "biuf":
                raise EvaluationError(f"Covariates: {name!r} must hold numbers, it holds {self[name].dtype}.")
        return np.column_stack([self[name].astype(float) for name in names])

    def rows(self, keep: NDArray[Any]) -> "Covariates":
        """The molecules of an index or mask (n,), in its order."""
        index = np.arange(len(self))[keep]
        return Covariates(tuple(self.ids[k] for k in index), {name: v[index] for name, v in self.columns.items()})

    def chosen(self, ids: Sequence[str]) -> "Covariates":
        """The molecules named, in that order; EvaluationError for ids that the table does not have."""
        place = {name: row for row, name in enumerate(self.ids)}
        _refuse(np.array([name not in place for name in ids], dtype=bool), ids, "no row in the table of covariates")
        return self.rows(np.array([place[name] for name in ids], dtype=int))

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"id": list(self.ids), **{name: values.tolist() for name, values in self.columns.items()}}


def _refuse(wrong: NDArray[np.bool_], ids: Sequence[str], what: str) -> None:
    """EvaluationError that names the first few molecules with a fault."""
    if wrong.any():
        rows = np.flatnonzero(wrong)
        named = ", ".join(f"row {k} ({ids[k]})" for k in rows[:_SHOWN])
        more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        raise EvaluationError(f"{len(rows)} of {len(wrong)} rows have {what}: {named}{more}.")
