"""Blocks whose isospectral others can be written down: n = 2, and any n where all intensities have rank one.

n = 2. A = m + r (a . sigma), a unit vector a of two components (real) or three (complex), sigma the Pauli matrices.
Eigenvalues fix m and r, an intensity of W = c + w . sigma fixes a . w. So a is known along the span of the w_j, and of
the rest only its length. If the rest has one dimension a has exactly two values, mirror images (unless it lies in the
span); with no dimension left a is unique; with more there is a family. Real, s = 1: exactly two force fields.

All rank one, real: W_j = p_j p_j^T, I_jk = x_jk^2 with x_j = V^T p_j. The data give |x_jk|; what is left are the signs,
subject to x_i . x_j = p_i . p_j; the signs of the columns of V (2^n) do not matter. These are finitely many patterns,
and all are tried. For t independent p_j each pattern fixes V^T on their span and leaves O(n - t) on the complement: one
V for t = n, two (mirror images) for t = n - 1, else a family.

Any n, real: where the intensity matrices together see all directions but one (sum of the ranks n - 1), the reflection S
in that direction commutes with all of them, and S A S is a twin, however many equations there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._isospectral import IsospectralBlock

__all__ = ["ClosedTwins", "closed_twins", "mirror_twin"]

Array = NDArray[np.float64]
Matrix = NDArray[Any]

_ZERO = 1e-9  # relative, of vectors of norm 1
_UNSEEN = 1e-12  # eigenvalue of the sum of all W relative to its largest
_LARGEST = 14  # 2^13 sign patterns of each further intensity


@dataclass(frozen=True, eq=False)
class ClosedTwins:
    """All other solutions A (m, n, n), why there are no more, and how far the next candidate is from being one.

    ``margin``: smallest relative violation of a relation by a sign pattern that was rejected; inf where none was.
    """

    matrices: Matrix
    reason: str
    margin: float


def closed_twins(block: IsospectralBlock) -> ClosedTwins | None:
    """All solutions other than A itself, where they can be written down and are finite in number; else None."""
    if block.size == 1:
        return ClosedTwins(np.zeros((0, 1, 1)), "one level: its force constant is its eigenvalue over G", float("inf"))
    if block.size == 2:
        return _two_levels(block)
    if not block.is_complex and set(block.intensity_ranks.values()) == {1} and block.size <= _LARGEST:
        return _rank_one(block)
    return None


def mirror_twin(block: IsospectralBlock) -> Matrix | None:
    """The twin S A S (n, n) of a real block, S the reflection in the one direction that no intensity sees; or None."""
    values, vectors = np.linalg.eigh(block.stack.sum(axis=0))
    if block.is_complex or (values < _UNSEEN * values[-1]).sum() != 1:
        return None
    normal = vectors[:, :1]
    s = np.eye(block.size) - 2 * normal @ normal.T
    other = s @ block.matrix @ s
    moved = np.linalg.norm(other - block.matrix) > _ZERO * np.linalg.norm(block.matrix)
    return other if moved else None


def _pauli(matrix: Matrix, is_complex: bool) -> Array:
    """Coefficients of sigma_z, sigma_x (and sigma_y)."""
    parts = [(matrix[0, 0] - matrix[1, 1]).real / 2, matrix[0, 1].real]
    return np.array([*parts, -matrix[0, 1].imag] if is_complex else parts)


def _two_levels(block: IsospectralBlock) -> ClosedTwins | None:
    a = _pauli(block.matrix, block.is_complex)
    w = np.array([_pauli(m, block.is_complex) for m in block.stack]).reshape(-1, len(a))
    _, singular, right = np.linalg.svd(w)
    span = right[: int((singular > _ZERO).sum())]
    rest = a - span.T @ (span @ a)
    free = len(a) - len(span)
    if free > 1:
        return None
    if free == 0 or np.linalg.norm(rest) < _ZERO * np.linalg.norm(a):
        return ClosedTwins(np.zeros((0, 2, 2)), "two levels: the intensities fix the direction of A", float("inf"))
    mirrored = a - 2 * rest
    other = block.matrix.copy()
    mean = (block.matrix[0, 0] + block.matrix[1, 1]).real / 2
    other[0, 0], other[1, 1] = mean + mirrored[0], mean - mirrored[0]
    other[0, 1] = mirrored[1] - (1j * mirrored[2] if block.is_complex else 0)
    other[1, 0] = np.conj(other[0, 1])
    return ClosedTwins(other[None], "two levels: A and its mirror image in the span of the intensities", float("inf"))


def _rank_one(block: IsospectralBlock) -> ClosedTwins | None:
    vectors = []
    for w in block.stack:
        values, columns = np.linalg.eigh(w)
        vectors.append(np.real(columns[:, -1]) * np.sqrt(values[-1]))
    p = np.stack(vectors, axis=1)  # (n, t)
    if np.linalg.matrix_rank(p, tol=_ZERO) < min(p.shape) or block.size - p.shape[1] > 1 or p.shape[1] > block.size:
        return None
    x = np.real(block.modes).T @ p  # (n modes, t)
    if np.abs(x).min() < _ZERO:
        return None  # a dark line: its sign is free or its mode meets the mirror; not generic
    found, margins = [], [np.inf]
    for pattern in _patterns(x, margins):
        found += _modes_of(p, pattern)
    matrices = block.turned(np.stack(found))
    apart = np.linalg.norm(matrices - block.matrix, axis=(1, 2)) / np.linalg.norm(block.matrix)
    return ClosedTwins(
        matrices[apart > _ZERO],
        f"all {p.shape[1]} intensities have rank one: every pattern of signs of the transition moments was tried",
        float(min(margins)),
    )


def _patterns(x: Array, margins: list[Any]) -> Iterator[Array]:
    """Every x (n, t) with these |x| and this Gram matrix, the first column as it is."""
    count, t = x.shape
    signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)  # (2^n, n)
    gram = x.T @ x
    length = np.sqrt(np.diag(gram))

    def extend(chosen: list[Array]) -> Iterator[Array]:
        j = len(chosen)
        if j == t:
            yield np.stack(chosen, axis=1)
            return
        candidates = signs * np.abs(x[:, j])
        misfit = np.abs(candidates @ np.stack(chosen, axis=1) - gram[j, :j]) / (length[:j] * length[j])
        worst = misfit.max(axis=1)
        wrong = worst[worst >= _ZERO]
        margins.append(float(wrong.min()) if wrong.size else np.inf)
        for candidate in candidates[worst < _ZERO]:
            yield from extend([*chosen, candidate])

    yield from extend([x[:, 0]])


def _modes_of(p: Array, x: Array) -> list[Matrix]:
    """Orthogonal V with V^T p = x: one for t = n, two for t = n - 1."""
    left, _, right = np.linalg.svd(p @ x.T)  # V = argmin |V^T p - x|
    v = left @ right
    if p.shape[1] == len(p):
        return [v]
    normal = np.linalg.svd(p)[0][:, -1:]
    return [v, v - 2 * normal @ (normal.T @ v)]
