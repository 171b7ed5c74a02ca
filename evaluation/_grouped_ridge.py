"""Ridge regression with a penalty for each block of columns, judged on groups that it has not seen."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = ["fold_numbers", "out_of_fold", "principal_parts"]

Array = NDArray[np.float64]
_PENALTIES = tuple(10.0**k for k in range(-3, 3))  # for each molecule of the training part
_MOST_COLUMNS = 256


def fold_numbers(groups: Sequence[str], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Fold (n,) of each row: groups stay whole; drawn in random order, each goes to the smallest fold so far."""
    _, index, counts = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    fold_of = np.empty(len(counts), dtype=np.int64)
    sizes = np.zeros(n_folds, dtype=np.int64)
    for group in np.random.default_rng(seed).permutation(len(counts)):
        fold_of[group] = smallest = int(np.argmin(sizes))
        sizes[smallest] += counts[group]
    return fold_of[index]


def out_of_fold(
    blocks: Sequence[Array], target: Array, groups: Sequence[str], *, n_folds: int = 5, seed: int = 0
) -> tuple[Array, Array]:
    """Predictions (n,) by ridge on all blocks, and by the mean, each from the folds that the row is not in.

    The penalties (one for each block; a block after the first may be left out altogether) are chosen by folds of the
    training part, so no row bears on its own prediction. Each costs a solve of all columns: about 200 with two blocks
    for each outer fold, O(columns^3); blocks wider than 256 are cut to their first principal components. Predictions
    are kept inside the range of the targets learned from: a column that is nearly constant there (an element that one
    molecule holds) would take the line far outside.

    Parameters
    ----------
    blocks : sequence of ndarray (n, p_k)
    target : ndarray (n,)
    groups : sequence of str (n,)
        Rows of a group are never split.
    """
    folds = fold_numbers(groups, n_folds, seed)
    names = np.asarray(groups)
    fitted, mean = np.empty(len(target)), np.empty(len(target))
    for k in range(n_folds):
        train, test = folds != k, folds == k
        inner = fold_numbers(names[train].tolist(), n_folds, seed + 1)
        center = float(target[train].mean())
        parts = [principal_parts(block[train], block[test]) for block in blocks]
        learned = np.column_stack([a for a, _ in parts])
        widths = [a.shape[1] for a, _ in parts]
        known = target[train] - center
        penalty = _best_penalty(learned, known, inner, widths)
        weights = _solve(learned.T @ learned, learned.T @ known, penalty * int(train.sum()))
        fitted[test] = center + _within(np.column_stack([b for _, b in parts]) @ weights, known)
        mean[test] = center
    return fitted, mean


def principal_parts(train: Array, test: Array) -> tuple[Array, Array]:
    """Columns of both, z-scored by the first; more than 256 are turned to their first 256 principal components."""
    deviation = train.std(axis=0)
    varied = deviation > 1e-12 * np.maximum(1.0, np.abs(train).max(axis=0))
    center, scale = train.mean(axis=0)[varied], deviation[varied]
    a, b = (train[:, varied] - center) / scale, (test[:, varied] - center) / scale
    if a.shape[1] > _MOST_COLUMNS:
        _, vectors = np.linalg.eigh(a.T @ a)
        turn = vectors[:, ::-1][:, :_MOST_COLUMNS]
        a, b = a @ turn, b @ turn
    return a, b


def _best_penalty(columns: Array, target: Array, inner: NDArray[np.int64], widths: Sequence[int]) -> Array:
    """Penalty (p,) of each column, per training row, of least squared error over the inner folds."""
    grids = [_PENALTIES if k == 0 else (*_PENALTIES, np.inf) for k in range(len(widths))]
    choices = [np.repeat(choice, widths) for choice in product(*grids)]
    errors = np.zeros(len(choices))
    gram, moment = columns.T @ columns, columns.T @ target
    for k in range(inner.max() + 1):
        held, known = columns[inner == k], target[inner != k]
        rest = gram - held.T @ held, moment - held.T @ target[inner == k]
        size = int((inner != k).sum())
        for c, penalty in enumerate(choices):
            guess = _within(held @ _solve(*rest, penalty * size), known)
            errors[c] += float(((target[inner == k] - guess) ** 2).sum())
    return choices[int(np.argmin(errors))]


def _within(values: Array, known: Array) -> Array:
    """The values, moved to the nearest that was known."""
    return np.clip(values, known.min(), known.max())


def _solve(gram: Array, moment: Array, penalty: Array) -> Array:
    """Ridge coefficients; 0 where the penalty is infinite."""
    used = np.isfinite(penalty)
    weights = np.zeros(len(moment))
    matrix = gram[np.ix_(used, used)] + np.diag(penalty[used])
    weights[used] = np.linalg.solve(matrix, moment[used])
    return weights
