"""Parting minerals for training and test: by mineral, by specimen, and by row, which leaks."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._mineral_data import MineralPairs

__all__ = ["SPLITS", "SplitBy", "folds", "units_of"]

SplitBy = Literal["mineral", "specimen", "row"]
SPLITS: tuple[SplitBy, ...] = ("mineral", "specimen", "row")


def units_of(pairs: MineralPairs, by: SplitBy) -> NDArray[np.int64]:
    """What a split keeps together, as a number for each row (n,).

    "mineral": names that share a specimen or a spectrum, over all files. "specimen": the RRUFF id, so that the same
    mineral from elsewhere may be on both sides. "row": nothing: spectra of one specimen with several lasers are parted,
    and the other spectrum of the very specimen is in the training set. Only to show how much that flatters.

    Raises
    ------
    EvaluationError
        Another way to split.
    """
    if by == "mineral":
        return pairs.groups.astype(np.int64)
    if by == "specimen":
        return _numbers(pairs.specimens)
    if by == "row":
        return np.arange(len(pairs))
    raise EvaluationError(f"units_of(by={by!r}): choose one of {', '.join(SPLITS)}.")


def folds(pairs: MineralPairs, by: SplitBy, n_folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """The fold (n,) in which each row is tested; the others are its training set.

    Units are shuffled and dealt out in turn, so folds have as many units as each other to within one.

    Raises
    ------
    EvaluationError
        Fewer than two folds, or fewer units than folds.

    Examples
    --------
    >>> from symvib.evaluation.mineral_sets import synthetic_mineral_pairs
    >>> pairs = synthetic_mineral_pairs(n_minerals=5, n_specimens=2)
    >>> fold = folds(pairs, "mineral")
    >>> all(len(set(fold[pairs.groups == g].tolist())) == 1 for g in range(5))
    True
    """
    units, index = np.unique(units_of(pairs, by), return_inverse=True)
    if n_folds < 2 or len(units) < n_folds:
        raise EvaluationError(f"folds: {len(units)} units ({by}) into {n_folds} folds; two folds or more, one each.")
    dealt = np.empty(len(units), dtype=np.int64)
    dealt[np.random.default_rng(seed).permutation(len(units))] = np.arange(len(units)) % n_folds
    return dealt[index]


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)
