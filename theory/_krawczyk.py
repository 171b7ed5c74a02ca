"""Existence of an isospectral block, proved in ball arithmetic (Krawczyk's test on the moment equations).

With exact data A, W_j (the decimal numbers that are given, taken as rationals) a Hermitian X has the spectrum of A if
tr X^k = tr A^k (k = 1..n) and tr W_j X^k = tr W_j A^k (k = 1..n-1): polynomials in the entries of X. Where these are as
many as the unknowns, and for a midpoint m, an approximate inverse C of the Jacobian and a box B about m
K(B) = m - C f(m) + (1 - C f'(B))(B - m) lies inside B, then B holds exactly one solution.
R. Krawczyk, Computing 4, 187 (1969); R. E. Moore, SIAM J. Numer. Anal. 14, 611 (1977). Balls: F. Johansson, IEEE Trans.
Comput. 66, 1281 (2017) (Arb).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingPackageError
from ..forward.jacobian import force_constant_basis

__all__ = ["ExistenceProof", "MomentSystem"]

Matrix = NDArray[Any]

_NEWTON_STEPS = 8  # quadratic from 1e-13: far beyond the precision
_RADIUS_EXPONENT = 60  # boxes of 2^-60 about the midpoint, first attempt
_ATTEMPTS = 3
_CONTRACTED = 0.5  # any number below 1 proves it; this one leaves room for rounding the number itself


@dataclass(frozen=True)
class ExistenceProof:
    """A box that holds exactly one solution.

    Attributes
    ----------
    proved : bool
    radius : float
        Half the side of the box, relative to |A| (2-norm): the solution is this near to the one given.
    contraction : float
        Largest radius of K(B) - m over the radius of B; below 1 where ``proved``.
    distance : float
        Lower bound of the largest difference of an entry from A, relative to |A|: > 0, so another force field.
    bits : int
    """

    proved: bool
    radius: float
    contraction: float
    distance: float
    bits: int


def _flint() -> Any:
    try:
        import flint
    except ImportError as error:
        raise MissingPackageError("certified twins need python-flint: pip install python-flint") from error
    return flint


class MomentSystem:
    """The moment equations of A and W_j, all scaled to norm 1, as exact numbers.

    Parameters
    ----------
    a : ndarray (n, n)
        Hermitian; doubles, taken as exact.
    weights : ndarray (s, n, n)
        Hermitian.
    bits : int
        Working precision.
    """

    def __init__(self, a: Matrix, weights: Matrix, bits: int = 256) -> None:
        self.flint = _flint()
        self.bits = bits
        self.size = len(a)
        self.basis = force_constant_basis(self.size, bool(np.iscomplexobj(a)))
        scale = 2.0 ** np.ceil(np.log2(np.linalg.norm(a, 2)))  # a power of two: exact
        self.scale = float(scale)
        with self.flint.ctx.workprec(bits):
            self.weights = [self._exact(w) for w in weights]
            self.forms = [self._exact(e) for e in self.basis]
            self.reference = self._exact(a / scale)
            self.target = self._moments(self.reference)

    @property
    def is_square(self) -> bool:
        """Are there as many equations as unknowns?"""
        return self.size + len(self.weights) * (self.size - 1) == len(self.basis)

    def _exact(self, matrix: Matrix) -> Any:
        acb = self.flint.acb
        return self.flint.acb_mat(
            [[acb(float(x.real), float(x.imag)) for x in row] for row in np.asarray(matrix, complex)]
        )

    def _powers(self, x: Any) -> list[Any]:
        n = self.size
        found = [self.flint.acb_mat([[int(i == j) for j in range(n)] for i in range(n)])]
        for _ in range(n):
            found.append(found[-1] * x)
        return found

    def _trace(self, a: Any, b: Any) -> Any:
        """Real part of tr(a b)."""
        n = self.size
        total = self.flint.acb(0)
        for i in range(n):
            for j in range(n):
                total += a[i, j] * b[j, i]
        return total.real

    def _moments(self, x: Any) -> list[Any]:
        powers = self._powers(x)
        found = [self._trace(powers[k], powers[0]) for k in range(1, self.size + 1)]
        return found + [self._trace(w, powers[k]) for w in self.weights for k in range(1, self.size)]

    def _gradients(self, x: Any) -> list[Any]:
        """Gradients g of the moments: the derivative along E is tr(g E)."""
        powers = self._powers(x)
        found = [powers[k - 1] * k for k in range(1, self.size + 1)]
        for w in self.weights:
            sandwich = None
            for k in range(1, self.size):
                # sum_i X^i W X^(k-1-i) = X (the sum for k-1) + W X^(k-1)
                last = w * powers[k - 1]
                sandwich = last if sandwich is None else x * sandwich + last
                found.append(sandwich)
        return found

    def _jacobian(self, x: Any) -> Any:
        """(equations, unknowns) as an arb_mat."""
        rows = []
        for gradient in self._gradients(x):
            rows.append([self._trace(gradient, form) for form in self.forms])
        return self.flint.arb_mat(rows)

    def _assemble(self, unknowns: list[Any]) -> Any:
        """X of its parameters (balls)."""
        n = self.size
        i, j = np.triu_indices(n)
        entries: dict[tuple[int, int], list[Any]] = {}
        for p, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            entries[a, b] = [unknowns[p], self.flint.arb(0)]
        if len(unknowns) > len(i):
            for p, (a, b) in enumerate(zip(*(k.tolist() for k in np.triu_indices(n, 1)), strict=True), start=len(i)):
                entries[a, b][1] = unknowns[p]
        acb = self.flint.acb

        def entry(a: int, b: int) -> Any:
            real, imaginary = entries[min(a, b), max(a, b)]
            return acb(real, imaginary if a <= b else -imaginary)

        return self.flint.acb_mat([[entry(a, b) for b in range(n)] for a in range(n)])

    def _parameters(self, x: Matrix) -> list[Any]:
        i, j = np.triu_indices(self.size)
        values = [float(v.real) for v in x[i, j]]
        if len(self.basis) > len(i):
            i, j = np.triu_indices(self.size, 1)
            values += [float(v.imag) for v in x[i, j]]
        return [self.flint.arb(v) for v in values]

    def prove(self, x: Matrix) -> ExistenceProof:
        """Krawczyk's test near ``x`` (n, n), an approximate solution."""
        with self.flint.ctx.workprec(self.bits):
            middle = self._refined(self._parameters(np.asarray(x) / self.scale))
            inverse = self._mid_matrix(self._jacobian(self._assemble(middle)).inv())
            contraction = float("inf")
            for attempt in range(_ATTEMPTS):
                exponent = _RADIUS_EXPONENT >> attempt
                contraction = self._contraction(middle, inverse, exponent)
                if contraction < _CONTRACTED:
                    return self._proof(middle, 2.0**-exponent, contraction)
            return ExistenceProof(False, float("nan"), contraction, 0.0, self.bits)

    def _residual(self, unknowns: list[Any]) -> Any:
        found = self._moments(self._assemble(unknowns))
        return self.flint.arb_mat([[a - b] for a, b in zip(found, self.target, strict=True)])

    def _refined(self, unknowns: list[Any]) -> list[Any]:
        """Newton's method on midpoints, in the working precision."""
        for _ in range(_NEWTON_STEPS):
            jacobian = self._mid_matrix(self._jacobian(self._assemble(unknowns)))
            step = jacobian.solve(self._residual(unknowns))
            unknowns = [(u - step[p, 0]).mid() for p, u in enumerate(unknowns)]
        return unknowns

    def _mid_matrix(self, matrix: Any) -> Any:
        rows = [[matrix[i, j].mid() for j in range(matrix.ncols())] for i in range(matrix.nrows())]
        return self.flint.arb_mat(rows)

    def _contraction(self, middle: list[Any], inverse: Any, exponent: int) -> float:
        """Largest |K(B) - m| over the radius of the box."""
        arb, size = self.flint.arb, len(middle)
        radius = arb(2) ** -exponent
        box = [m + arb(0, 1) * radius for m in middle]
        slope = self._jacobian(self._assemble(box))
        one = self.flint.arb_mat([[int(i == j) for j in range(size)] for i in range(size)])
        offset = self.flint.arb_mat([[arb(0, 1) * radius] for _ in range(size)])
        image = (one - inverse * slope) * offset - inverse * self._residual(middle)
        return max(float((abs(image[p, 0]).upper() / radius).upper()) for p in range(size))

    def _proof(self, middle: list[Any], radius: float, contraction: float) -> ExistenceProof:
        reference = self._parameters(self._as_double(self.reference))
        apart = max(float((abs(m - r) - radius).lower()) for m, r in zip(middle, reference, strict=True))
        norm = float(np.linalg.norm(self._as_double(self.reference), 2))
        return ExistenceProof(True, radius / norm, contraction, max(apart, 0.0) / norm, self.bits)

    def _as_double(self, matrix: Any) -> Matrix:
        n = self.size
        values = [[complex(matrix[i, j]) for j in range(n)] for i in range(n)]
        return np.array(values)
