"""Simple methods from one modality of minerals to another, on grids: what a learned one has to beat.

All have ``fit(X, Y, x_mask, y_mask, groups, seed)`` and ``predict(X, x_mask)``. Channels that were not measured are
never copied: a mean is over the spectra that have the channel.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._mineral_metrics import correlations, row_scores

__all__ = ["PLS2", "AsItIs", "MeanSpectrum", "ModalityMethod", "Neighbours"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]


class ModalityMethod(Protocol):
    """From spectra of one modality to those of another."""

    def fit(self, X: Array, Y: Array, x_mask: Mask, y_mask: Mask, groups: Index, seed: int) -> object:
        """Learn from pairs (n, Lx), (n, Ly); masks are True where measured, groups are not parted for validation."""

    def predict(self, X: Array, x_mask: Mask) -> Array:
        """The other spectra (m, Ly)."""
        ...


@dataclass
class MeanSpectrum:
    """The mean spectrum of the training set."""

    mean_: Array = field(default_factory=lambda: np.zeros(0), repr=False)

    def fit(self, X: Array, Y: Array, x_mask: Mask, y_mask: Mask, groups: Index, seed: int) -> "MeanSpectrum":
        """Mean over the spectra that have a channel."""
        self.mean_ = channel_means(Y, y_mask)
        return self

    def predict(self, X: Array, x_mask: Mask) -> Array:
        """The same for all (m, Ly)."""
        return np.tile(self.mean_, (len(X), 1))


@dataclass
class AsItIs:
    """The given spectrum itself, interpolated onto the other axis: whether bands lie at the same wavenumbers."""

    x_axis: Array = field(repr=False)
    y_axis: Array = field(repr=False)

    def fit(self, X: Array, Y: Array, x_mask: Mask, y_mask: Mask, groups: Index, seed: int) -> "AsItIs":
        """Nothing to learn."""
        return self

    def predict(self, X: Array, x_mask: Mask) -> Array:
        """Interpolated (m, Ly), 0 where the given axis does not reach."""
        given = np.where(x_mask, X, 0.0)
        return np.array([np.interp(self.y_axis, self.x_axis, row, left=0.0, right=0.0) for row in given])


@dataclass
class Neighbours:
    """The mean of the other spectra of the ``k`` training specimens whose given spectra correlate best.

    Attributes
    ----------
    k : int
    """

    k: int = 1
    kept_: tuple[Array, Mask, Array, Mask] | None = field(default=None, repr=False)

    def fit(self, X: Array, Y: Array, x_mask: Mask, y_mask: Mask, groups: Index, seed: int) -> "Neighbours":
        """Keep the training set."""
        self.kept_ = (X, x_mask, Y, y_mask)
        return self

    def predict(self, X: Array, x_mask: Mask) -> Array:
        """Means over those of the k neighbours that have a channel, else the mean of the training set (m, Ly)."""
        if self.kept_ is None:
            raise EvaluationError("Neighbours.predict before fit.")
        seen, seen_mask, other, other_mask = self.kept_
        nearest = np.argsort(-correlations(X, x_mask, seen, seen_mask), axis=1, kind="stable")[:, : self.k]
        n = other_mask[nearest].sum(axis=1)
        total = np.where(other_mask[nearest], other[nearest], 0.0).sum(axis=1)
        return np.where(n > 0, total / np.maximum(n, 1), channel_means(other, other_mask))


@dataclass
class PLS2:
    """Partial least squares of all channels at once, number of components chosen on training groups held out.

    Gaps are filled with the mean of the channel over the training set, in input and output alike, so that they are 0
    after centring. Both sides are first compressed to the principal components that hold 99 % of their variance, which
    makes the fit faster.

    Attributes
    ----------
    candidates : tuple of int
    """

    candidates: tuple[int, ...] = (2, 5, 10, 15, 20, 30)
    components_: int = 0
    fit_: "_PlsFit | None" = field(default=None, repr=False)

    def fit(self, X: Array, Y: Array, x_mask: Mask, y_mask: Mask, groups: Index, seed: int) -> "PLS2":
        """Choose the components on a fifth of the groups, by the mean correlation, then fit all."""
        names = np.unique(groups)
        held_names = np.random.default_rng(seed).permutation(names)[: max(1, len(names) // 5)]
        held = np.isin(groups, held_names)
        if held.all() or not held.any():
            raise EvaluationError(f"PLS2.fit: {len(names)} groups; two or more are needed to choose the components.")
        part = _PlsFit.of(X[~held], Y[~held], x_mask[~held], y_mask[~held], max(self.candidates))
        tried = [k for k in self.candidates if k <= len(part.loadings)] or [len(part.loadings)]
        means = [row_scores(Y[held], y_mask[held], part.predict(X[held], x_mask[held], k))["r"].mean() for k in tried]
        self.components_ = tried[int(np.argmax(means))]
        self.fit_ = _PlsFit.of(X, Y, x_mask, y_mask, self.components_)
        return self

    def predict(self, X: Array, x_mask: Mask) -> Array:
        """The other spectra (m, Ly)."""
        if self.fit_ is None:
            raise EvaluationError("PLS2.predict before fit.")
        return self.fit_.predict(X, x_mask, self.components_)


@dataclass(frozen=True, eq=False)
class _PlsFit:
    """Means, rotations (Lx, k) and loadings (k, Ly): the fits with fewer components are slices of them."""

    mean_x: Array
    mean_y: Array
    rotations: Array
    loadings: Array

    @classmethod
    def of(cls, x: Array, y: Array, x_mask: Mask, y_mask: Mask, most: int) -> "_PlsFit":
        mean_x, mean_y = channel_means(x, x_mask), channel_means(y, y_mask)
        basis_x, scores_x = _compressed(np.where(x_mask, x - mean_x, 0.0))
        basis_y, scores_y = _compressed(np.where(y_mask, y - mean_y, 0.0))
        most = min(most, scores_x.shape[1], len(x) - 1)
        rotations, loadings = _pls(scores_x, scores_y, most)
        return cls(mean_x, mean_y, basis_x @ rotations, loadings @ basis_y.T)

    def predict(self, x: Array, x_mask: Mask, k: int) -> Array:
        return np.where(x_mask, x - self.mean_x, 0.0) @ self.rotations[:, :k] @ self.loadings[:k] + self.mean_y


def channel_means(values: Array, mask: Mask) -> Array:
    """Mean (L,) over the rows that have a channel; 0 where none has it."""
    return np.where(mask, values, 0.0).sum(axis=0) / np.maximum(mask.sum(axis=0), 1)


def _pls(x: Array, y: Array, most: int) -> tuple[Array, Array]:
    """Rotations (p, k) and loadings (k, q) of PLS2 on centred x (n, p), y (n, q).

    Weights are the leading left singular vectors of x'y, which is what NIPALS iterates to (A. Hoskuldsson, J. Chemom.
    2, 211 (1988)). k is smaller than ``most`` where nothing is left to explain.
    """
    weights: list[Array] = []
    of_x: list[Array] = []
    of_y: list[Array] = []
    start = float((x * x).sum()) * float((y * y).sum())
    for _ in range(most):
        u, s, _ = np.linalg.svd(x.T @ y, full_matrices=False)
        if s[0] ** 2 <= 1e-20 * start:
            break
        t = x @ u[:, 0]
        norm = float(t @ t)
        weights.append(u[:, 0])
        of_x.append(x.T @ t / norm)
        of_y.append(y.T @ t / norm)
        x = x - np.outer(t, of_x[-1])
        y = y - np.outer(t, of_y[-1])
    if not weights:
        raise EvaluationError("PLS2: the spectra of the training set do not vary together.")
    w, p = np.array(weights).T, np.array(of_x).T
    return w @ np.linalg.inv(p.T @ w), np.array(of_y)


def _compressed(centred: Array) -> tuple[Array, Array]:
    """Orthonormal basis (L, q) and scores (n, q) that hold 99 % of the variance, by the smaller Gram matrix."""
    tall = centred.shape[0] > centred.shape[1]
    values, vectors = np.linalg.eigh(centred.T @ centred if tall else centred @ centred.T)
    order = np.argsort(-values)
    values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
    share = np.cumsum(values) / max(float(values.sum()), 1e-300)
    q = int(np.searchsorted(share, 0.99)) + 1
    basis = vectors[:, :q] if tall else centred.T @ (vectors[:, :q] / np.sqrt(np.maximum(values[:q], 1e-300)))
    return basis, centred @ basis
