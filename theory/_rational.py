"""Rational matrices near measured ones, with what is exactly zero or exactly dependent kept exactly so."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError
from ..groups.operations import NDArrayInt

__all__ = ["RationalMatrix", "compressed_factor", "exact_rows", "pivoted_qr", "rounded"]

# Singular values of an intensity factor below this fraction of the largest are directions without intensity.
_NO_INTENSITY = 1e-6
# What is this small next to the largest entry of a reduced matrix is rounding of an exact zero.
_ZERO = 1e-9
# A column is dependent where less than this is left of it, next to the largest.
_DEPENDENT = 1e-8
_LARGEST = 2**62


@dataclass(frozen=True, eq=False)
class RationalMatrix:
    """An exact matrix (real + i imag) / denominator.

    Attributes
    ----------
    real : ndarray (m, n) of int64, or of Python integers where these are longer
    imag : ndarray (m, n) or None
        None for a real matrix.
    denominator : int

    Examples
    --------
    >>> m = RationalMatrix.of([[0.25, 1.0]], digits=2)
    >>> m.real.tolist(), m.denominator
    ([[1, 4]], 4)
    """

    real: NDArray[Any]
    imag: NDArray[Any] | None
    denominator: int

    def __post_init__(self) -> None:
        for part in (self.real, self.imag):
            if part is not None:
                part.setflags(write=False)

    @classmethod
    def of(cls, values: Any, digits: int = 6, multiple: int = 1) -> "RationalMatrix":
        """Rounded to ``digits`` significant decimals of the largest entry, or to multiples of 1/(10^k ``multiple``)."""
        array = np.asarray(values)
        largest = float(np.abs(array).max(initial=0.0))
        if not np.isfinite(largest):
            raise IdentifiabilityError("a matrix to be made rational holds NaN or infinity.")
        places = max(0, digits - int(np.floor(np.log10(largest)))) if largest else 0
        denominator = 10**places * multiple
        if largest * denominator >= _LARGEST or digits < 1:
            raise IdentifiabilityError(f"digits={digits}: between 1 and about 15 are possible.")
        real = np.rint(np.real(array) * denominator).astype(np.int64)
        imag = np.rint(np.imag(array) * denominator).astype(np.int64) if np.iscomplexobj(array) else None
        return cls(real, imag, denominator).reduced()

    def reduced(self) -> "RationalMatrix":
        """The same matrix in lowest terms."""
        parts = [part for part in (self.real, self.imag) if part is not None]
        common = gcd(self.denominator, *(int(np.gcd.reduce(part, axis=None)) for part in parts if part.size))
        if common <= 1:
            return self
        imag = None if self.imag is None else self.imag // common
        return RationalMatrix(self.real // common, imag, self.denominator // common)

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.real.shape[0], self.real.shape[1]

    @property
    def imaginary(self) -> NDArray[np.int64]:
        """Imaginary numerators, zeros for a real matrix."""
        return np.zeros_like(self.real) if self.imag is None else self.imag

    def __matmul__(self, other: "RationalMatrix") -> "RationalMatrix":
        """The exact product."""
        real = _product(self.real, other.real)
        if self.imag is None and other.imag is None:
            return _from_integers(real, None, self.denominator * other.denominator)
        real = real - _product(self.imaginary, other.imaginary)
        imag = _product(self.real, other.imaginary) + _product(self.imaginary, other.real)
        return _from_integers(real, imag, self.denominator * other.denominator)

    def conjugate(self) -> "RationalMatrix":
        """The complex conjugate."""
        return self if self.imag is None else RationalMatrix(self.real, -self.imag, self.denominator)

    def to_array(self) -> NDArray[Any]:
        """Floating-point values."""
        values = self.real / self.denominator
        return values if self.imag is None else values + 1j * (self.imag / self.denominator)


def _product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Product of integer matrices as Python integers."""
    import flint

    first, second = (flint.fmpz_mat(len(m), m.shape[1], [int(x) for x in m.ravel()]) for m in (left, right))
    return np.array([int(x) for x in (first * second).entries()], dtype=object).reshape(len(left), right.shape[1])


def _from_integers(real: NDArray[Any], imag: NDArray[Any] | None, denominator: int) -> RationalMatrix:
    """Python integers in lowest terms, as int64."""
    entries = [int(x) for part in (real, imag) if part is not None for x in part.ravel()]
    common = gcd(denominator, *entries) if entries else 1
    parts = [None if part is None else part // common for part in (real, imag)]
    first, second = parts
    if max((abs(x) for x in entries), default=0) // common < _LARGEST:
        first, second = (None if part is None else part.astype(np.int64) for part in parts)
    assert first is not None
    return RationalMatrix(first, second, denominator // common)


def rounded(values: NDArray[Any], digits: int) -> RationalMatrix:
    """Rational approximation that keeps ninths and decimals exact (1/3 occurs in cubic groups, 1/2 in all others)."""
    return RationalMatrix.of(values, digits, multiple=9)


def exact_rows(
    rows: NDArray[Any], groups: Sequence[Sequence[int]], classes: NDArrayInt, digits: int
) -> tuple[NDArray[Any], RationalMatrix]:
    """C (n, n) and exact T (n, m) with ``rows`` = C T up to rounding of T, for ``rows`` (n, m) of full rank n.

    The dependences between columns of ``rows`` (redundancies of internal coordinates) depend on T alone. They are
    eliminated in stages, first inside each of the ``groups`` of columns, then altogether, so that a local dependence
    (the angles of a planar centre, torsions about one bond) holds exactly whatever the others are rounded to. Columns
    of a low class (m,) are kept rather than those of a high one.
    """
    kept = np.arange(rows.shape[1])
    exact: RationalMatrix | None = None
    for stage in (*_stages(groups), [range(rows.shape[1])]):
        reduced = np.eye(len(kept), dtype=rows.dtype)
        drop: list[int] = []
        for group in stage:
            inside = np.flatnonzero(np.isin(kept, list(group)))
            pivots, others, weights = _dependent(rows[:, kept[inside]], classes[kept[inside]])
            reduced[np.ix_(inside[pivots], inside[others])] = weights
            reduced[np.ix_(inside[others], inside[others])] = 0.0
            drop += inside[others].tolist()
        if not drop and exact is not None:
            continue
        stay = np.setdiff1d(np.arange(len(kept)), drop)
        factor = rounded(reduced[stay], digits)
        exact = factor if exact is None else factor @ exact
        kept = kept[stay]
    assert exact is not None
    return rows[:, kept], exact


def _stages(groups: Sequence[Sequence[int]]) -> list[list[Sequence[int]]]:
    """Groups in stages without overlaps, in order."""
    stages: list[list[Sequence[int]]] = []
    used: list[set[int]] = []
    for group in groups:
        for stage, members in zip(stages, used, strict=True):
            if not members & set(group):
                stage.append(group)
                members |= set(group)
                break
        else:
            stages.append([group])
            used.append(set(group))
    return stages


def pivoted_qr(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArrayInt]:
    """Q, R and the order of the columns."""
    from scipy.linalg import qr

    vectors, triangle, order = cast(tuple[Any, Any, Any], qr(matrix, mode="economic", pivoting=True))
    return np.asarray(vectors), np.asarray(triangle), np.asarray(order, dtype=np.int64)


def _dependent(columns: NDArray[Any], classes: NDArrayInt) -> tuple[NDArrayInt, NDArrayInt, NDArray[Any]]:
    """Independent columns, low classes first; the others; and the coefficients (n_independent, n_others) of these."""
    pivots = np.zeros(0, dtype=np.int64)
    basis = np.zeros((len(columns), 0), dtype=columns.dtype)
    limit = _DEPENDENT * max(float(np.linalg.norm(columns, axis=0).max(initial=0.0)), 1e-3)
    for value in np.unique(classes):
        members = np.flatnonzero(classes == value)
        rest = columns[:, members] - basis @ (basis.conj().T @ columns[:, members])
        vectors, triangle, order = pivoted_qr(rest)
        rank = int((np.abs(np.diag(triangle)) > limit).sum())
        pivots = np.concatenate([pivots, members[order[:rank]]])
        basis = np.hstack([basis, vectors[:, :rank]])
    others = np.setdiff1d(np.arange(columns.shape[1]), pivots)
    weights = np.linalg.lstsq(columns[:, pivots], columns[:, others], rcond=None)[0]
    real = np.where(np.abs(weights.real) < _ZERO, 0.0, weights.real)
    if not np.iscomplexobj(weights):
        return pivots, others, real
    return pivots, others, real + 1j * np.where(np.abs(weights.imag) < _ZERO, 0.0, weights.imag)


def compressed_factor(factor: NDArray[Any]) -> NDArray[Any]:
    """Factor Q (n, r) of the same W = Q Q^+ with as many columns as W has rank; (n, 0) for zero."""
    left, values, _ = np.linalg.svd(factor, full_matrices=False)
    kept = values > _NO_INTENSITY * max(float(values.max(initial=0.0)), 1e-300)
    columns = left[:, kept] * values[kept]
    # a factor of rank one has a free phase; its largest entry is made positive so that signs do not depend on LAPACK
    if columns.size:
        lead = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
        columns = columns * (np.abs(lead) / lead)
    return columns
