"""Rational matrices near measured ones, with what is exactly zero or exactly dependent kept exactly so."""

from dataclasses import dataclass
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IdentifiabilityError

__all__ = ["RationalMatrix", "compressed_factor", "dependent_columns", "rounded"]

# Singular values of an intensity factor below this fraction of the largest are directions without intensity.
_NO_INTENSITY = 1e-6
# What is this small next to the largest entry of a reduced matrix is rounding of an exact zero.
_ZERO = 1e-9
_LARGEST = 2**62


@dataclass(frozen=True, eq=False)
class RationalMatrix:
    """An exact matrix (real + i imag) / denominator.

    Attributes
    ----------
    real : ndarray (m, n) of int64
    imag : ndarray (m, n) of int64 or None
        None for a real matrix.
    denominator : int

    Examples
    --------
    >>> m = RationalMatrix.of([[0.25, 1.0]], digits=2)
    >>> m.real.tolist(), m.denominator
    ([[1, 4]], 4)
    """

    real: NDArray[np.int64]
    imag: NDArray[np.int64] | None
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
        a, b, c, d = (x.astype(object) for x in (self.real, self.imaginary, other.real, other.imaginary))
        is_complex = self.imag is not None or other.imag is not None
        real = a @ c - b @ d if is_complex else a @ c
        imag = a @ d + b @ c if is_complex else None
        return _from_integers(real, imag, self.denominator * other.denominator)

    def conjugate(self) -> "RationalMatrix":
        """The complex conjugate."""
        return self if self.imag is None else RationalMatrix(self.real, -self.imag, self.denominator)

    def to_array(self) -> NDArray[Any]:
        """Floating-point values."""
        values = self.real / self.denominator
        return values if self.imag is None else values + 1j * (self.imag / self.denominator)


def _from_integers(real: NDArray[Any], imag: NDArray[Any] | None, denominator: int) -> RationalMatrix:
    """Python integers in lowest terms, as int64."""
    entries = [int(x) for part in (real, imag) if part is not None for x in part.ravel()]
    common = gcd(denominator, *entries) if entries else 1
    parts = [None if part is None else part // common for part in (real, imag)]
    if max((abs(x) for x in entries), default=0) // common >= _LARGEST:
        raise IdentifiabilityError("a product of rational matrices is beyond 64 bits: use fewer digits.")
    first, second = (None if part is None else part.astype(np.int64) for part in parts)
    assert first is not None
    return RationalMatrix(first, second, denominator // common)


def common_denominator(matrices: Any) -> int:
    """Least common denominator of rational matrices."""
    return lcm(*(m.denominator for m in matrices))


def rounded(values: NDArray[Any], digits: int) -> RationalMatrix:
    """Rational approximation that keeps ninths and decimals exact (1/3 occurs in cubic groups, 1/2 in all others)."""
    return RationalMatrix.of(values, digits, multiple=9)


def dependent_columns(rows: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """C (n, n) and T (n, m) with ``rows`` = C T, where T holds the unit matrix in n well-conditioned columns.

    The dependences between the columns of ``rows`` (redundancies of internal coordinates) depend on T alone, and those
    with simple coefficients, such as that the angles in a planar centre add up to a full turn, show as integers in T.
    """
    from scipy.linalg import qr

    size = len(rows)
    pivots = np.asarray(qr(rows, mode="r", pivoting=True)[1][:size])
    base = rows[:, pivots]
    reduced = np.linalg.solve(base, rows)
    reduced = np.where(np.abs(reduced.real) < _ZERO, 0, reduced.real) + (
        1j * np.where(np.abs(reduced.imag) < _ZERO, 0, reduced.imag) if np.iscomplexobj(reduced) else 0
    )
    reduced[:, pivots] = np.eye(size)
    return base, reduced


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
