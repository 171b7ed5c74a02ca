"""Many Newton searches at once on the orthogonal (unitary) group for modes with given intensities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._isospectral import IsospectralBlock

__all__ = ["SearchResult", "search"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]

_CONVERGED = 1e-13  # largest residual intensity relative to tr W
_SAME = 1e-6  # relative distance of A below which two solutions are one
_LARGEST_TURN = 0.5  # radian, of one step
_BATCH = 1000


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Distinct solutions of a multistart search.

    Attributes
    ----------
    matrices : ndarray (m, n, n)
        A of each, in the order of the hits.
    hits : ndarray (m,) of int
        How many searches ended there.
    starts, converged : int
    """

    matrices: Matrix
    hits: NDArray[np.int64]
    starts: int
    converged: int

    @property
    def unseen(self) -> float:
        """Good and Turing's estimate of the probability that one more converged search finds a new solution."""
        return float((self.hits == 1).sum() / max(self.converged, 1))

    @property
    def basin_bound(self) -> float:
        """A solution that is reached from a larger share of the converged starts was found, with 95 % confidence."""
        return float(1 - 0.05 ** (1 / max(self.converged, 1)))


def search(block: IsospectralBlock, starts: int, seed: int, iterations: int = 200) -> SearchResult:
    """Levenberg-Marquardt from random modes (Haar measure): V with the intensities of the block, and A = V Lambda V^+.

    Cost O(starts iterations (s n) edges^2), in batches of 1000.
    """
    rng = np.random.default_rng(seed)
    found, hits, converged = np.zeros((0, block.size, block.size), block.modes.dtype), np.zeros(0, np.int64), 0
    for first in range(0, starts, _BATCH):
        modes = _random_modes(block, min(_BATCH, starts - first), rng)
        reached, residual = _levenberg(block, modes, iterations)
        good = reached[residual < _CONVERGED]
        converged += len(good)
        found, hits = _merged(found, hits, block.turned(good), float(np.linalg.norm(block.eigenvalues)))
    order = np.argsort(-hits, kind="stable")
    return SearchResult(found[order], hits[order], starts, converged)


def _random_modes(block: IsospectralBlock, count: int, rng: np.random.Generator) -> Matrix:
    shape = (count, block.size, block.size)
    normal = rng.normal(size=shape) + (1j * rng.normal(size=shape) if block.is_complex else 0)
    q, r = np.linalg.qr(normal)
    phases = np.einsum("mii->mi", r)
    return q * (phases / np.abs(phases))[:, None, :]


def _levenberg(block: IsospectralBlock, modes: Matrix, iterations: int) -> tuple[Matrix, Array]:
    """Final modes and largest relative residuals."""
    target = block.intensities(block.modes)
    scale = target.sum(axis=-1, keepdims=True)

    def residual_of(v: Matrix) -> Array:
        return ((block.intensities(v) - target) / scale).reshape(len(v), -1)

    rows = np.repeat(scale.ravel(), block.size)[:, None]
    v, damping = modes.copy(), np.full(len(modes), 1e-2)
    residual = residual_of(v)
    cost = (residual**2).sum(axis=1)
    for _ in range(iterations):
        active = np.flatnonzero(np.abs(residual).max(axis=1) >= _CONVERGED / 10)
        if not active.size:
            break
        jacobian = block.incidence(v[active]) / rows
        transposed = jacobian.swapaxes(1, 2)
        normal = transposed @ jacobian + damping[active, None, None] * np.eye(jacobian.shape[2])
        step = -np.linalg.solve(normal, transposed @ residual[active, :, None])[..., 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        step *= np.minimum(1.0, _LARGEST_TURN / np.maximum(length, 1e-300))
        trial = _orthonormal(block.turn(v[active], step))
        new = residual_of(trial)
        new_cost = (new**2).sum(axis=1)
        better = new_cost < cost[active]
        chosen = active[better]
        v[chosen], residual[chosen], cost[chosen] = trial[better], new[better], new_cost[better]
        damping[active] = np.clip(np.where(better, damping[active] / 5, damping[active] * 4), 1e-16, 1e3)
    return v, np.abs(residual).max(axis=1)


def _orthonormal(modes: Matrix) -> Matrix:
    left, _, right = np.linalg.svd(modes)
    return left @ right


def _merged(found: Matrix, hits: NDArray[np.int64], more: Matrix, norm: float) -> tuple[Matrix, NDArray[np.int64]]:
    for a in more:
        near = np.flatnonzero(np.linalg.norm(found - a, axis=(1, 2)) < _SAME * norm)
        if near.size:
            hits[near[0]] += 1
        else:
            found, hits = np.concatenate([found, a[None]]), np.append(hits, 1)
    return found, hits
