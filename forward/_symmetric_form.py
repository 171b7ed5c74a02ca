"""The symmetric form of a GF problem, and the linear parameters of a force field (shared by both Jacobians)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CoordinateError, ForceFieldError

__all__ = ["LinearParameters", "NumericalRank", "SymmetricForm", "force_constant_basis", "numerical_rank"]

logger = logging.getLogger(__name__)

Matrix = NDArray[np.float64] | NDArray[np.complex128]

# Eigenvalues of G below this fraction of the largest one are redundancies between the coordinates: the square of
# `coordinate_rank.INDEPENDENT`, which is about singular values of B. Rounding leaves 1e-15 times the size of G.
RANGE_TOLERANCE = 1e-12
_CLEAR_GAP = 1e3  # between the last eigenvalue kept and the first left out
# A basis with fewer entries than one in this many is kept as a list; a matrix product is that much faster an entry.
_DENSE = 20
# |M - M^+| above this fraction of |M| is a mistake of the caller, not rounding.
_ASYMMETRY = 1e-6


@dataclass(frozen=True)
class NumericalRank:
    """A rank read from singular values, with what decided it.

    Attributes
    ----------
    rank : int
        Number of singular values above ``threshold``.
    threshold : float
        Absolute, in the unit of the singular values.
    gap : float
        Last singular value counted over the first one not counted; inf where none is left out, the rest is exactly
        zero, or nothing is counted. A rank with a gap below about 1e3 is not settled by floating point.
    """

    rank: int
    threshold: float
    gap: float

    def as_dict(self) -> dict[str, float | int]:
        """Plain values, for JSON."""
        return {"rank": self.rank, "threshold": self.threshold, "gap": self.gap}


def numerical_rank(singular_values: ArrayLike, relative_threshold: float = 1e-9) -> NumericalRank:
    """Rank, threshold and gap of a matrix from its singular values (in any order).

    ``relative_threshold`` is compared with singular value / largest singular value.

    Examples
    --------
    >>> numerical_rank([2.0, 1.0, 1e-13])
    NumericalRank(rank=2, threshold=2e-09, gap=10000000000000.0)
    """
    s = np.sort(np.asarray(singular_values, dtype=float).ravel())[::-1]
    if not np.isfinite(s).all() or (s < 0).any():
        raise ForceFieldError("numerical_rank: singular values must be finite and not negative.")
    threshold = float(s[0] * relative_threshold) if s.size else 0.0
    rank = int((s > threshold).sum())
    clear = rank == 0 or rank == s.size or s[rank] == 0
    return NumericalRank(rank, threshold, float("inf") if clear else float(s[rank - 1] / s[rank]))


def hermitian(name: str, given: ArrayLike, error: type[Exception]) -> Matrix:
    """``given`` as a finite Hermitian (real: symmetric) matrix, or stack of them; rounding averaged away."""
    array = np.asarray(given)
    array = array.astype(complex if np.iscomplexobj(array) else float)
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        raise error(f"{name} has shape {array.shape}; a square matrix is needed.")
    adjoint = np.swapaxes(array, -1, -2).conj()
    _check_hermitian(name, array, adjoint, error)
    return (array + adjoint) / 2


def _check_hermitian(name: str, array: Matrix, adjoint: Matrix, error: type[Exception]) -> None:
    """Compare the entries of a matrix with those of its adjoint."""
    scale = float(np.abs(array).max(initial=0.0))
    if not np.isfinite(scale):
        raise error(f"{name} holds NaN or infinity.")
    asymmetry = float(np.abs(array - adjoint).max(initial=0.0))
    if asymmetry > _ASYMMETRY * scale:
        raise error(
            f"{name} differs from its (conjugate) transpose by {asymmetry:.3g}; its largest entry is {scale:.3g}."
        )


@dataclass(frozen=True, eq=False)
class SymmetricForm:
    """A = root^+ F root with G = root root^+, and the intensity factors root^+ P, for n coordinates, d of them free.

    Attributes
    ----------
    root : ndarray (n, d)
        Columns span the range of G, so redundant coordinates (d < n) need no care elsewhere.
    matrix : ndarray (d, d)
        A; its eigenvalues are those of GF on the range of G.
    factors : dict of ndarray (d, r)
    """

    root: Matrix
    matrix: Matrix
    factors: dict[str, Matrix]

    @classmethod
    def of(cls, g: ArrayLike, f: ArrayLike, intensities: Mapping[str, ArrayLike]) -> "SymmetricForm":
        """The symmetric form of G (n, n), F (n, n) and intensity factors (n, r) or (n,)."""
        g, f = hermitian("G", g, CoordinateError), hermitian("F", f, ForceFieldError)
        if g.ndim != 2 or g.shape != f.shape:
            raise ForceFieldError(f"G has shape {g.shape} and F {f.shape}: two (n, n) matrices are needed.")
        values, vectors = np.linalg.eigh(g)
        largest = max(float(values[-1]), 0.0) if values.size else 0.0
        if values.size == 0 or largest == 0 or values[0] < -RANGE_TOLERANCE * largest:
            raise CoordinateError(
                f"G must be positive semidefinite and not zero; its eigenvalues are {values[:1]} ... {values[-1:]}."
            )
        kept = values > RANGE_TOLERANCE * largest
        rank = numerical_rank(np.clip(values, 0.0, None), RANGE_TOLERANCE)
        if rank.gap < _CLEAR_GAP:
            logger.warning("the rank %d of G (%d, %d) is not clear: gap %.2g", rank.rank, len(g), len(g), rank.gap)
        root = vectors[:, kept] * np.sqrt(values[kept])
        factors = {k: root.conj().T @ _factor(k, v, len(g)) for k, v in intensities.items()}
        return cls(root, root.conj().T @ f @ root, factors)


def _factor(name: str, given: ArrayLike, n: int) -> Matrix:
    array = np.asarray(given)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or len(array) != n or not np.isfinite(array).all():
        raise CoordinateError(
            f"intensity factor {name!r} has shape {array.shape}; finite numbers (n, r) or (n,) with n = {n} are needed."
        )
    return array


def force_constant_basis(n: int, hermitian: bool = False) -> Matrix:
    """Basis (n_par, n, n) of all symmetric matrices: F = sum_p x_p E_p, with x the upper triangle of F, row by row.

    With ``hermitian``, basis of all Hermitian ones: real parts as above, then imaginary parts of the strict upper
    triangle, n^2 together. It needs n_par n^2 numbers; `spectral_jacobian` without a basis gives the same columns
    without forming it.

    Examples
    --------
    >>> force_constant_basis(2).tolist()
    [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]
    """
    i, j = np.triu_indices(n)
    basis = np.zeros((n * n if hermitian else len(i), n, n), dtype=complex if hermitian else float)
    p = np.arange(len(i))
    basis[p, i, j] = basis[p, j, i] = 1
    if hermitian:
        i, j = np.triu_indices(n, 1)
        p = len(p) + np.arange(len(i))
        basis[p, i, j], basis[p, j, i] = 1j, -1j
    return basis


@dataclass(frozen=True, eq=False)
class LinearParameters:
    """The linear map x -> F = F_0 + sum_p x_p E_p: dense matrices E_p, or a list of entries where few are not 0.

    Attributes
    ----------
    labels : tuple of str
        One a parameter: "F[0,1]" for entries of F, "x[3]" for coefficients of a basis.
    dense : ndarray (n_par, n, n) or None
    entries : tuple of ndarray (n_entries,) or None
        Parameter (ascending), row, column, value of the entries; None where ``dense`` is given.
    """

    labels: tuple[str, ...]
    dense: Matrix | None
    entries: "tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Matrix] | None"

    @classmethod
    def of(cls, f: ArrayLike, basis: ArrayLike | None) -> "LinearParameters":
        """Parameters for a force field like ``f`` (n, n): a basis (n_par, n, n), or all entries as coordinates."""
        f = hermitian("F", f, ForceFieldError)
        if basis is None:
            return cls._all_entries(len(f), np.iscomplexobj(f))
        array = np.asarray(basis)
        if array.ndim != 3 or array.shape[1:] != f.shape:
            raise ForceFieldError(f"basis has shape {array.shape}; (n_par, {len(f)}, {len(f)}) is needed to match F.")
        labels = tuple(f"x[{p}]" for p in range(len(array)))
        present = np.flatnonzero(array.ravel() != 0)
        if len(present) * _DENSE > array.size:
            return cls(labels, hermitian("basis", array, ForceFieldError), None)
        p, i, j = np.unravel_index(present, array.shape)
        values = array[p, i, j]
        _check_hermitian("basis", values, array[p, j, i].conj(), ForceFieldError)
        return cls(labels, None, (p, i, j, values))

    @classmethod
    def _all_entries(cls, n: int, is_complex: bool) -> "LinearParameters":
        """Entries of `force_constant_basis`, without the zeros."""
        i, j = np.triu_indices(n)
        labels = [f"F[{a},{b}]" for a, b in zip(i, j, strict=True)]
        p, off = np.arange(len(i)), i != j
        parts = [(p, i, j, np.ones(len(i))), (p[off], j[off], i[off], np.ones(off.sum()))]
        if is_complex:
            i, j = i[off], j[off]
            p, ones = len(p) + np.arange(len(i)), np.ones(len(i))
            parts += [(p, i, j, 1j * ones), (p, j, i, -1j * ones)]
            labels += [f"Im F[{a},{b}]" for a, b in zip(i, j, strict=True)]
        p, i, j, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.argsort(p, kind="stable")
        return cls(tuple(labels), None, (p[order], i[order], j[order], values[order]))

    @property
    def count(self) -> int:
        """Number of parameters."""
        return len(self.labels)

    def pair_derivatives(self, left: Matrix, right: Matrix) -> NDArray[np.float64]:
        """Re(y_k^+ E_p l_k), (s, d, n_par), for ``left`` = y (s, n, d) and ``right`` = l (n, d).

        Dense: 2 n_par n^2 d operations in one matrix product and s n_par n d more. By entries: s d n_entries.
        """
        if self.entries is None:
            assert self.dense is not None
            moved = (self.dense.reshape(-1, len(right)) @ right).reshape(self.count, *right.shape)
            return np.stack([np.einsum("ik,pik->kp", y.conj(), moved).real for y in left])
        _, i, j, values = self.entries
        moved = right.T[:, j] * values
        # one observable at a time: its products are as large as its derivatives
        return np.stack([self._by_parameter(np.real(y.T.conj()[:, i] * moved)) for y in left])

    def gradient_derivatives(self, gradients: Matrix) -> NDArray[np.float64]:
        """Re tr(g E_p), (m, n_par), for Hermitian ``gradients`` g (m, n, n)."""
        if self.entries is None:
            assert self.dense is not None
            contracted = gradients.reshape(len(gradients), -1) @ self.dense.reshape(self.count, -1).conj().T
            return np.asarray(np.real(contracted), dtype=np.float64)
        _, i, j, values = self.entries
        return self._by_parameter(np.real(gradients[:, i, j] * values.conj()))

    def _by_parameter(self, products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums of (m, n_entries) over the entries of each parameter, (m, n_par)."""
        assert self.entries is not None
        present, starts = np.unique(self.entries[0], return_index=True)
        result = np.zeros((len(products), self.count))
        if len(present):
            result[:, present] = np.add.reduceat(products, starts, axis=1)
        return result
