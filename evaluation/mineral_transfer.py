"""From one modality of minerals to another: out-of-fold predictions, scores with intervals over minerals.

The task is SpectroGen's (infrared to Raman, Raman to infrared, Raman to powder pattern, here of RRUFF and AMCSD), split
by mineral; the splits by specimen and by row show what the same methods seem to reach when the test leaks.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._mineral_data import MineralPairs
from ._mineral_metrics import SCORES, row_scores
from ._mineral_peers import PLS2, AsItIs, MeanSpectrum, ModalityMethod, Neighbours
from .mineral_splits import SplitBy, folds

__all__ = [
    "GroupMean",
    "classification",
    "group_mean",
    "group_means",
    "mineral_peers",
    "out_of_fold",
    "row_scores",
    "score_table",
]

N_DRAWS = 2000
Array = NDArray[np.float64]
Index = NDArray[np.int64]


def mineral_peers(pairs: MineralPairs) -> dict[str, Callable[[], ModalityMethod]]:
    """The peers by name: what makes a fresh one. "as it is" only where both axes are wavenumbers."""
    made: dict[str, Callable[[], ModalityMethod]] = {
        "mean": MeanSpectrum,
        "nearest neighbour": lambda: Neighbours(1),
        "5 nearest": lambda: Neighbours(5),
        "PLS2": PLS2,
    }
    if {pairs.source, pairs.target} == {"ir", "raman"}:
        made["as it is"] = lambda: AsItIs(pairs.x_axis, pairs.y_axis)
    return made


def out_of_fold(
    pairs: MineralPairs, make: Callable[[], ModalityMethod], by: SplitBy = "mineral", *, n_folds: int = 5, seed: int = 0
) -> Array:
    """Predictions (n, Ly): each row by a method that was fitted without its fold.

    Parameters
    ----------
    pairs : MineralPairs
    make : callable
        A fresh method; its ``fit`` sees nothing of the fold that it predicts.
    by : {"mineral", "specimen", "row"}
        What a split keeps together (`mineral_splits.folds`).
    n_folds, seed : int

    Raises
    ------
    EvaluationError
        Predictions of another shape or not finite.
    """
    fold = folds(pairs, by, n_folds, seed)
    found = np.empty(pairs.y.shape)
    for k in range(n_folds):
        found[fold == k] = predict_fold(pairs, make(), fold, k, seed)
    return found


def predict_fold(pairs: MineralPairs, method: ModalityMethod, fold: Index, k: int, seed: int) -> Array:
    """Predictions for the rows of fold ``k`` by a method fitted on the others."""
    train, test = fold != k, fold == k
    method.fit(
        pairs.x[train], pairs.y[train], pairs.x_mask[train], pairs.y_mask[train], pairs.groups[train], seed + k
    )  # fmt: skip
    predicted = np.asarray(method.predict(pairs.x[test], pairs.x_mask[test]), dtype=np.float64)
    if predicted.shape != pairs.y[test].shape or not np.isfinite(predicted).all():
        raise EvaluationError(
            f"{type(method).__name__} predicted {predicted.shape} for {pairs.y[test].shape}; all must be finite."
        )
    return predicted


@dataclass(frozen=True)
class GroupMean:
    """A mean over groups of minerals, with the interval of a bootstrap over groups.

    Attributes
    ----------
    value, low, high : float
        Mean of the means of the groups, each counting once; 95 % percentile interval.
    by_row, by_row_low, by_row_high : float
        Mean over all rows, groups drawn again as wholes.
    n_groups, n_rows : int
    """

    value: float
    low: float
    high: float
    by_row: float
    by_row_low: float
    by_row_high: float
    n_groups: int
    n_rows: int

    def as_dict(self) -> dict[str, float | int]:
        """Plain values."""
        return asdict(self)


def group_means(values: Array, groups: Index) -> tuple[Index, Array]:
    """The groups in order, and the mean of ``values`` (n,) over the rows of each."""
    names, index = np.unique(groups, return_inverse=True)
    return names, np.bincount(index, values) / np.bincount(index)


def group_mean(values: Array, groups: Index, *, n_draws: int = N_DRAWS, seed: int = 0) -> GroupMean:
    """Mean of ``values`` (n,) by group and by row, with bootstrap intervals over groups.

    Raises
    ------
    EvaluationError
        No rows.

    Examples
    --------
    >>> found = group_mean(np.array([1.0, 1.0, 0.0]), np.array([7, 7, 8]))
    >>> found.value, round(found.by_row, 3), found.n_groups
    (0.5, 0.667, 2)
    """
    if not len(values):
        raise EvaluationError("group_mean of no rows.")
    _, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index).astype(np.float64)
    sums = np.bincount(index, values)
    columns = np.column_stack([sums / sizes, np.ones(len(sizes)), sums, sizes])
    drawn = _multiplicities(len(sizes), n_draws, seed) @ columns
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    row_low, row_high = np.percentile(drawn[:, 2] / drawn[:, 3], [2.5, 97.5])
    return GroupMean(
        value=float(columns[:, 0].mean()),
        low=float(low),
        high=float(high),
        by_row=float(values.mean()),
        by_row_low=float(row_low),
        by_row_high=float(row_high),
        n_groups=len(sizes),
        n_rows=len(values),
    )


@lru_cache(maxsize=16)
def _multiplicities(n: int, n_draws: int, seed: int) -> Array:
    """How often each of n groups is drawn in each bootstrap sample (n_draws, n); the same for all that is compared."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=n_draws).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


def score_table(
    rows: Mapping[str, Mapping[str, Array]], groups: Index, *, against: str = "nearest neighbour"
) -> dict[str, dict[str, Any]]:
    """Means of the scores of methods by name, as plain values, and r minus that of one of them.

    Parameters
    ----------
    rows : mapping of str to mapping of str to ndarray (n,)
        Scores of the rows by method (`row_scores`).
    groups : ndarray (n,) of int
    against : str
        Differences of r to it, paired by row; left out where it is not among the methods.
    """
    table: dict[str, dict[str, Any]] = {}
    for name, of in rows.items():
        table[name] = {score: group_mean(of[score], groups).as_dict() for score in SCORES}
        if against in rows and name != against:
            table[name][f"r minus {against}"] = group_mean(of["r"] - rows[against]["r"], groups).as_dict()
    return table


def classification(
    pairs: MineralPairs,
    classes: NDArray[np.str_],
    predictions: Mapping[str, Array],
    by: SplitBy = "mineral",
    *,
    n_folds: int = 5,
    seed: int = 0,
    fold: NDArray[np.int64] | None = None,
    n_trees: int = 200,
) -> dict[str, dict[str, float | int]]:
    """Share of held-out spectra whose class a forest finds, from measured and from generated spectra.

    The forest of extremely randomised trees learns from measured spectra of the target in the training folds, and
    is asked about measured spectra of the test fold and about those that each method predicted for it. "from the
    source" is a second forest, on the measured spectra of the source; "most frequent class" needs no spectrum.

    Parameters
    ----------
    classes : ndarray of str (n,)
    predictions : mapping of str to ndarray (n, Ly)
        Out of fold, of the same folds.
    fold : ndarray of int (n,), optional
        The fold in which each row is tested, where it is not that of `folds` for these pairs: of rows that were chosen
        after predictions had been made.

    Raises
    ------
    EvaluationError
        Fewer than two classes.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    if len(set(classes.tolist())) < 2:
        raise EvaluationError(f"classification: all {len(classes)} rows are of one class.")
    fold = folds(pairs, by, n_folds, seed) if fold is None else fold
    right: dict[str, Array] = {}

    def note(name: str, test: NDArray[np.bool_], found: Any) -> None:
        right.setdefault(name, np.zeros(len(pairs)))[test] = found == classes[test]

    for k in range(n_folds):
        train, test = fold != k, fold == k
        forests = {}
        for side, values, mask in (("y", pairs.y, pairs.y_mask), ("x", pairs.x, pairs.x_mask)):
            filled = _filled(values, mask, train)
            forest = ExtraTreesClassifier(n_trees, random_state=seed + k)
            forests[side] = forest.fit(filled[train], classes[train])
            name = "measured" if side == "y" else "from the source"
            note(name, test, forest.predict(filled[test]))
        for name, predicted in predictions.items():
            note(f"generated: {name}", test, forests["y"].predict(_scaled(predicted[test])))
        names, counts = np.unique(classes[train], return_counts=True)
        note("most frequent class", test, names[counts.argmax()])
    return {name: group_mean(values, pairs.groups).as_dict() for name, values in right.items()}


def _filled(values: Array, mask: NDArray[np.bool_], train: NDArray[np.bool_]) -> Array:
    """Gaps filled with the mean of the channel over the training rows: a forest takes no gaps."""
    from ._mineral_peers import channel_means

    return np.where(mask, values, channel_means(values[train], mask[train]))


def _scaled(values: Array) -> Array:
    largest = values.max(axis=1, keepdims=True)
    return values / np.where(largest > 0, largest, 1.0)
