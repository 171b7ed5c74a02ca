"""The symmetric form of a GF problem, and the linear parameters of a force field (shared by both Jacobians)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import CoordinateError, ForceFieldError

__all__ = ["LinearParameters", "NumericalRank", "SymmetricForm", "force_constant_basis", "numerical_rank"]

Matrix = NDArray[np.float64] | NDArray[np.complex128]

# Eigenvalues of G below this fraction of the largest one are redundancies between the coordinates.
RANGE_TOLERANCE = 1e-9
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
    if not np.isfinite(array).all():
        raise error(f"{name} holds NaN or infinity.")
    adjoint = np.swapaxes(array, -1, -2).conj()
    asymmetry, scale = np.abs(array - adjoint).max(initial=0.0), np.abs(array).max(initial=0.0)
    if asymmetry > _ASYMMETRY * scale:
        raise error(
            f"{name} differs from its (conjugate) transpose by {asymmetry:.3g}; its largest entry is {scale:.3g}."
        )
    return (array + adjoint) / 2


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
    """The linear map x -> F = F_0 + sum_p x_p E_p: an explicit basis, or all entries of F.

    Attributes
    ----------
    n : int
        Coordinates.
    basis : ndarray (n_par, n, n) or None
        None: the parameters of `force_constant_basis`.
    hermitian : bool
        With ``basis=None``: complex Hermitian F.
    """

    n: int
    basis: Matrix | None = None
    hermitian: bool = False

    @classmethod
    def of(cls, f: ArrayLike, basis: ArrayLike | None) -> "LinearParameters":
        """Parameters for a force field like ``f`` (n, n)."""
        f = hermitian("F", f, ForceFieldError)
        if basis is None:
            return cls(len(f), None, np.iscomplexobj(f))
        array = hermitian("basis", basis, ForceFieldError)
        if array.ndim != 3 or array.shape[1:] != f.shape:
            raise ForceFieldError(f"basis has shape {array.shape}; (n_par, {len(f)}, {len(f)}) is needed to match F.")
        return cls(len(f), array)

    @property
    def count(self) -> int:
        """Number of parameters."""
        if self.basis is not None:
            return len(self.basis)
        return self.n**2 if self.hermitian else self.n * (self.n + 1) // 2

    @property
    def labels(self) -> tuple[str, ...]:
        """One name a parameter: "F[0,1]" for entries of F, "x[3]" for coefficients of a basis."""
        if self.basis is not None:
            return tuple(f"x[{p}]" for p in range(len(self.basis)))
        real = [f"F[{i},{j}]" for i, j in zip(*np.triu_indices(self.n), strict=True)]
        imaginary = [f"Im F[{i},{j}]" for i, j in zip(*np.triu_indices(self.n, 1), strict=True)]
        return tuple(real + imaginary) if self.hermitian else tuple(real)

    def pair_derivatives(self, left: Matrix, right: Matrix) -> NDArray[np.float64]:
        """Re(y_k^+ E_p l_k), (s, d, n_par), for ``left`` = y (s, n, d) and ``right`` = l (n, d).

        With a basis 2 n_par n^2 d operations (one matrix product) and s n_par n d more; without, 2 s d n_par.
        """
        if self.basis is not None:
            moved = (self.basis.reshape(-1, self.n) @ right).reshape(len(self.basis), *right.shape)
            return np.stack([np.einsum("ik,pik->kp", y.conj(), moved).real for y in left])
        i, j = np.triu_indices(self.n)
        off = i != j
        row_modes, column_modes = right.T[:, i], right.T[:, j]
        result = np.empty((len(left), right.shape[1], self.count))
        for block, y in zip(result, left, strict=True):  # one observable at a time: the temporaries are as large as it
            row, column = y.T.conj()[:, i] * column_modes, y.T.conj()[:, j] * row_modes
            block[:, : len(i)] = (row + off * column).real
            if self.hermitian:
                block[:, len(i) :] = (1j * (row - column)[:, off]).real
        return result

    def gradient_derivatives(self, gradients: Matrix) -> NDArray[np.float64]:
        """Re tr(g E_p), (m, n_par), for Hermitian ``gradients`` g (m, n, n)."""
        if self.basis is not None:
            flat = gradients.reshape(len(gradients), -1)
            contracted = flat @ self.basis.reshape(len(self.basis), -1).conj().T
            return np.asarray(np.real(contracted), dtype=np.float64)
        i, j = np.triu_indices(self.n)
        off = i != j
        real = np.asarray((1.0 + off) * np.real(gradients[:, i, j]), dtype=np.float64)
        # E = i (e_ij - e_ji): tr(g E) = i (g_ji - g_ij) = 2 Im g_ij
        return np.concatenate([real, 2 * gradients[:, i[off], j[off]].imag], axis=1) if self.hermitian else real
