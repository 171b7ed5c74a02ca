"""Exact sums of roots of unity, the numbers that characters of finite groups are made of."""

import cmath
from fractions import Fraction
from functools import lru_cache
from math import cos, gcd, lcm, pi
from numbers import Rational
from typing import Any, Union

from flint import fmpq, fmpq_poly, fmpz_poly

from ..errors import SymvibError
from .cyclotomic_text import Style, Term, render

__all__ = ["Cyclotomic"]

Number = Union["Cyclotomic", int, Rational]


@lru_cache(maxsize=1024)
def _cyclotomic_polynomial(n: int) -> fmpq_poly:
    return fmpq_poly(fmpz_poly.cyclotomic(n))


@lru_cache(maxsize=1024)
def _primes(n: int) -> tuple[int, ...]:
    return tuple(p for p in range(2, n + 1) if n % p == 0 and all(p % q for q in range(2, int(p**0.5) + 1)))


class Cyclotomic:
    """An exact number in a cyclotomic field Q(zeta_n), zeta_n = exp(2 pi i/n).

    Kept in the smallest such field that holds it, as a polynomial in zeta_n modulo the n-th cyclotomic
    polynomial; so equality and hash are those of the numbers, and rational values equal Python's.

    Parameters
    ----------
    value : int, Fraction or Cyclotomic

    Examples
    --------
    >>> z = Cyclotomic.zeta(5)
    >>> print(z + z.conjugate(), z**5, z + z**2 + z**3 + z**4)
    (-1+sqrt5)/2 1 -1
    >>> Cyclotomic.zeta(8) + Cyclotomic.zeta(8, -1)
    Cyclotomic('sqrt2')
    """

    __slots__ = ("_hash", "_poly", "conductor")

    conductor: int
    _poly: fmpq_poly
    _hash: int | None

    def __init__(self, value: Number = 0) -> None:
        if isinstance(value, Cyclotomic):
            self.conductor, self._poly = value.conductor, value._poly
        elif isinstance(value, Rational):
            self.conductor, self._poly = 1, fmpq_poly([fmpq(int(value.numerator), int(value.denominator))])
        else:
            raise SymvibError(f"Cyclotomic({value!r}): expected an integer, a Fraction or a Cyclotomic.")
        self._hash = None

    @classmethod
    def zeta(cls, n: int, k: int = 1) -> "Cyclotomic":
        """The root of unity exp(2 pi i k/n); n >= 1."""
        if n < 1:
            raise SymvibError(f"Cyclotomic.zeta({n}, {k}): n must be positive.")
        return _zeta(n, k % n)

    @classmethod
    def from_powers(cls, n: int, coefficients: dict[int, int]) -> "Cyclotomic":
        """The sum of ``c * zeta_n^k`` over the items ``k: c`` of ``coefficients``."""
        dense = [0] * n
        for k, c in coefficients.items():
            dense[k % n] += c
        return cls._make(n, fmpq_poly(dense))

    @classmethod
    def _make(cls, n: int, poly: fmpq_poly) -> "Cyclotomic":
        self = object.__new__(cls)
        self.conductor, self._poly = _smallest_field(n, poly % _cyclotomic_polynomial(n))
        self._hash = None
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        numerators = [int(c) for c in self._poly.numer().coeffs()]
        return _restore, (self.conductor, numerators, int(self._poly.denom()))

    def coefficients(self, n: int | None = None) -> tuple[Fraction, ...]:
        """Coordinates (phi(n),) in the basis 1, zeta_n, zeta_n^2, ... of Q(zeta_n).

        Raises
        ------
        SymvibError
            The number does not lie in Q(zeta_n).
        """
        n = self.conductor if n is None else n
        if n % self.conductor:
            raise SymvibError(f"{self} does not lie in Q(zeta_{n}); its smallest field is Q(zeta_{self.conductor}).")
        degree = _cyclotomic_polynomial(n).degree()
        values = [Fraction(int(c.p), int(c.q)) for c in self._lifted(n).coeffs()]
        return tuple(values + [Fraction(0)] * (degree - len(values)))

    def _lifted(self, n: int) -> fmpq_poly:
        """Polynomial in zeta_n for a multiple n of the conductor."""
        if n == self.conductor:
            return self._poly
        numerator = self._poly.numer().inflate(n // self.conductor)
        return fmpq_poly(numerator, self._poly.denom()) % _cyclotomic_polynomial(n)

    def _with(self, other: object) -> tuple[int, fmpq_poly, fmpq_poly] | None:
        if not isinstance(other, Cyclotomic):
            if not isinstance(other, Rational):
                return None
            other = Cyclotomic(other)
        if self.conductor == other.conductor:
            return self.conductor, self._poly, other._poly
        n = lcm(self.conductor, other.conductor)
        return n, self._lifted(n), other._lifted(n)

    def __add__(self, other: Number) -> "Cyclotomic":
        pair = self._with(other)
        return NotImplemented if pair is None else self._make(pair[0], pair[1] + pair[2])

    __radd__ = __add__

    def __sub__(self, other: Number) -> "Cyclotomic":
        pair = self._with(other)
        return NotImplemented if pair is None else self._make(pair[0], pair[1] - pair[2])

    def __rsub__(self, other: Number) -> "Cyclotomic":
        return -self + other

    def __neg__(self) -> "Cyclotomic":
        return self._make(self.conductor, -self._poly)

    def __pos__(self) -> "Cyclotomic":
        return self

    def __mul__(self, other: Number) -> "Cyclotomic":
        pair = self._with(other)
        return NotImplemented if pair is None else self._make(pair[0], pair[1] * pair[2])

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> "Cyclotomic":
        pair = self._with(other)
        if pair is None:
            return NotImplemented
        n, dividend, divisor = pair
        if not divisor:
            raise ZeroDivisionError(f"{self} / 0")
        common, inverse, _ = divisor.xgcd(_cyclotomic_polynomial(n))
        return self._make(n, dividend * inverse / common[0])

    def __rtruediv__(self, other: Number) -> "Cyclotomic":
        return Cyclotomic(other) / self

    def __pow__(self, exponent: int) -> "Cyclotomic":
        if exponent < 0:
            return Cyclotomic(1) / self ** (-exponent)
        result, base = Cyclotomic(1), self
        while exponent:
            if exponent & 1:
                result = result * base
            exponent >>= 1
            base = base * base if exponent else base
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cyclotomic):
            if not isinstance(other, Rational):
                return NotImplemented
            return self.is_rational and self.to_fraction() == other
        return self.conductor == other.conductor and self._poly == other._poly

    def __hash__(self) -> int:
        if self._hash is None:
            rational = self.is_rational
            self._hash = hash(self.to_fraction()) if rational else hash((self.conductor, self.coefficients()))
        return self._hash

    def __bool__(self) -> bool:
        return bool(self._poly)

    @property
    def is_rational(self) -> bool:
        """True for rational numbers."""
        return self.conductor == 1

    @property
    def is_integer(self) -> bool:
        """True for integers."""
        return self.is_rational and self._poly.denom() == 1

    @property
    def is_real(self) -> bool:
        """True where the number equals its complex conjugate."""
        return self.conductor == 1 or self == self.conjugate()

    def conjugate(self) -> "Cyclotomic":
        """The complex conjugate."""
        return self.galois(-1)

    def galois(self, k: int) -> "Cyclotomic":
        """Image under zeta_n -> zeta_n^k (n the conductor, k coprime to it).

        Raises
        ------
        SymvibError
            k shares a factor with the conductor.
        """
        n = self.conductor
        if gcd(n, k) != 1:
            raise SymvibError(f"Cyclotomic.galois({k}): not coprime to the conductor {n}.")
        moved = [fmpq(0)] * n
        for exponent, c in enumerate(self._poly.coeffs()):
            moved[exponent * k % n] += c
        return self._make(n, fmpq_poly(moved))

    def to_fraction(self) -> Fraction:
        """The value as a Fraction.

        Raises
        ------
        SymvibError
            The number is irrational.
        """
        if not self.is_rational:
            raise SymvibError(f"{self} is irrational.")
        value = self._poly[0]
        return Fraction(int(value.p), int(value.q))

    def __int__(self) -> int:
        if not self.is_integer:
            raise SymvibError(f"{self} is not an integer.")
        return int(self._poly[0])

    def __complex__(self) -> complex:
        step = 2j * pi / self.conductor
        total = 0j
        for k, c in enumerate(self._poly.coeffs()):
            total += int(c.p) / int(c.q) * cmath.exp(step * k)
        return total

    def __float__(self) -> float:
        if not self.is_real:
            raise SymvibError(f"{self} is not real; use complex().")
        step = 2 * pi / self.conductor
        return float(sum(int(c.p) / int(c.q) * cos(step * k) for k, c in enumerate(self._poly.coeffs())))

    def terms(self) -> tuple[Term, ...]:
        """The number as a readable sum: see :class:`~symvib.groups.cyclotomic_text.Term`."""
        return _terms(self)

    def __str__(self) -> str:
        return render(self.terms(), Style.ASCII)

    def unicode(self) -> str:
        """Text with Unicode signs, as "(1+√5)/2" or "2cos(2π/7)"."""
        return render(self.terms(), Style.UNICODE)

    def latex(self) -> str:
        r"""LaTeX without dollar signs: ``\frac{1+\sqrt{5}}{2}``, ``2\cos\frac{2\pi}{7}``."""
        return render(self.terms(), Style.LATEX)

    def __repr__(self) -> str:
        return f"Cyclotomic({str(self)!r})"

    def to_sympy(self) -> Any:
        """The same number as a sympy expression."""
        import sympy

        total = sympy.Integer(0)
        for term in self.terms():
            angle = sympy.pi * sympy.Rational(term.turn.numerator, term.turn.denominator)
            factor = {
                "1": sympy.Integer(1),
                "i": sympy.I,
                "sqrt": sympy.sqrt(term.radicand),
                "cos": sympy.cos(angle),
                "exp": sympy.exp(sympy.I * angle),
            }[term.kind]
            total += sympy.Rational(term.factor.numerator, term.factor.denominator) * factor
        return total


def _restore(n: int, numerators: list[int], denominator: int) -> Cyclotomic:
    return Cyclotomic._make(n, fmpq_poly(numerators, denominator))


@lru_cache(maxsize=8192)
def _zeta(n: int, k: int) -> Cyclotomic:
    return Cyclotomic.from_powers(n, {k: 1})


def _smallest_field(n: int, poly: fmpq_poly) -> tuple[int, fmpq_poly]:
    """``(m, q)`` with poly(zeta_n) = q(zeta_m), q reduced, and m as small as possible (so never 2 mod 4)."""
    if poly.degree() <= 0:
        return 1, poly
    for p in _primes(n):
        while n % p == 0:
            smaller = _descend(n, p, poly)
            if smaller is None:
                break
            n, poly = n // p, smaller
            if poly.degree() <= 0:
                return 1, poly
    return n, poly


def _descend(n: int, p: int, poly: fmpq_poly) -> fmpq_poly | None:
    """``poly`` as a reduced polynomial in zeta_(n/p), or None where the number is not in that field."""
    m = n // p
    coefficients = poly.coeffs()
    if m % p == 0:  # 1, zeta_n, ..., zeta_n^(p-1) are a basis over Q(zeta_m)
        if any(c for k, c in enumerate(coefficients) if k % p):
            return None
        return fmpq_poly(coefficients[::p]) % _cyclotomic_polynomial(m)
    # gcd(m, p) = 1: zeta_n^k = zeta_p^a zeta_m^b with k = a m + b p (mod n); group by a. Because
    # 1 + zeta_p + ... + zeta_p^(p-1) = 0 is the only relation, the parts a = 1..p-1 must agree.
    inverse_m, inverse_p = pow(m, -1, p), pow(p, -1, m) if m > 1 else 0
    parts = [[fmpq(0)] * m for _ in range(p)]
    for k, c in enumerate(coefficients):
        if c:
            parts[k * inverse_m % p][k * inverse_p % m if m > 1 else 0] += c
    modulus = _cyclotomic_polynomial(m)
    reduced = [fmpq_poly(part) % modulus for part in parts]
    if any(part != reduced[1] for part in reduced[2:]):
        return None
    return reduced[0] - reduced[1]


_SQUARE_ROOTS = {5: 5, 8: 2, 12: 3}  # conductor: d, where the real numbers of the field are Q(sqrt d)


@lru_cache(maxsize=4096)
def _terms(x: Cyclotomic) -> tuple[Term, ...]:
    if x.is_rational:
        return (Term(x.to_fraction()),)
    n = x.conductor
    if n in _SQUARE_ROOTS and x.is_real:
        root = _square_root(n)
        rational = ((x + x.galois(_flip(n, root))) / 2).to_fraction()
        return (
            Term(rational),
            Term(((x - rational) / root).to_fraction(), "sqrt", radicand=_SQUARE_ROOTS[n]),
        )
    if n == 4:
        real, imaginary = (*x.coefficients(), Fraction(0))[:2]
        return (Term(real), Term(imaginary, "i"))
    if x.is_real:
        return _cosine(x) or _cosines(x)
    return _root_of_unity(x) or tuple(
        Term(c, "exp", Fraction(2 * k, n)) if k else Term(c) for k, c in enumerate(x.coefficients()) if c
    )


@lru_cache(maxsize=8)
def _square_root(n: int) -> Cyclotomic:
    """The positive square root of 5, 2 or 3 in Q(zeta_n), n = 5, 8, 12."""
    z = Cyclotomic.zeta
    return {
        5: lambda: 1 + 2 * (z(5, 1) + z(5, 4)),
        8: lambda: z(8, 1) + z(8, 7),
        12: lambda: z(12, 1) + z(12, 11),
    }[n]()


def _flip(n: int, root: Cyclotomic) -> int:
    return next(k for k in range(2, n) if gcd(k, n) == 1 and root.galois(k) == -root)


def _cosine(x: Cyclotomic) -> tuple[Term, ...] | None:
    """``x`` as one term +-2cos(2 pi k/n), or None. For n divisible by four the angle is made acute."""
    n = x.conductor
    value = float(x)
    if abs(value) > 2:
        return None
    for sign in (1, -1):
        turns = cmath.acos(sign * value / 2).real / (2 * pi) * n
        k = round(turns)
        if abs(turns - k) > 1e-6 or (n % 4 == 0 and 4 * k > n):
            continue
        if sign * x == Cyclotomic.zeta(n, k) + Cyclotomic.zeta(n, -k):
            return (Term(Fraction(2 * sign), "cos", Fraction(2 * k, n)),)
    return None


def _cosines(x: Cyclotomic) -> tuple[Term, ...]:
    """A real ``x`` as a sum of cosines: x = (x + x*)/2 term by term."""
    n = x.conductor
    total: dict[Fraction, Fraction] = {}
    for k, c in enumerate(x.coefficients()):
        turn = Fraction(2 * min(k, n - k), n)
        total[turn] = total.get(turn, Fraction(0)) + c
    return tuple(Term(c, "cos", turn) if turn else Term(c) for turn, c in sorted(total.items()) if c)


def _root_of_unity(x: Cyclotomic) -> tuple[Term, ...] | None:
    """``x`` as one term c*exp(i pi t), c rational, -1 < t < 1; or None."""
    n = x.conductor
    square = x * x.conjugate()
    if not square.is_rational:
        return None
    value = complex(x)
    for sign in (1, -1):
        turns = cmath.phase(sign * value) / (2 * pi) * n
        k = round(turns)
        if abs(turns - k) < 1e-6:
            factor = x / Cyclotomic.zeta(n, k)
            if factor.is_rational:
                return (Term(factor.to_fraction(), "exp", Fraction(2 * k, n)),)
    return None
