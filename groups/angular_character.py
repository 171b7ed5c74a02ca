"""Exact characters that depend on an angle: finite sums of cosines, as coefficients."""

from collections.abc import Mapping
from fractions import Fraction
from math import cos
from numbers import Rational
from typing import Any

from ..errors import RepresentationError
from .cyclotomic import Cyclotomic

__all__ = ["AngularCharacter", "angular"]


class AngularCharacter:
    """An exact function of an angle, ``a_0 + sum_m a_m 2cos(m phi)``; immutable.

    Parameters
    ----------
    coefficients : mapping
        m >= 0 -> a_m (integers or Fractions).

    Examples
    --------
    >>> x = AngularCharacter({0: 1, 1: 1})
    >>> print(x, "|", x * x, "|", x.multiple_angle(2))
    1+2cos(phi) | 3+4cos(phi)+2cos(2phi) | 1+2cos(2phi)
    """

    __slots__ = ("_items",)

    def __init__(self, coefficients: Mapping[int, Any] | Rational | int = 0) -> None:
        items = coefficients.items() if isinstance(coefficients, Mapping) else [(0, coefficients)]
        self._items = tuple(sorted((int(m), Fraction(a)) for m, a in items if a))

    @property
    def coefficients(self) -> dict[int, Fraction]:
        """``{m: a_m}``, non-zero only."""
        return dict(self._items)

    def __getitem__(self, m: int) -> Fraction:
        return self.coefficients.get(m, Fraction(0))

    @property
    def largest(self) -> int:
        """Largest m that occurs."""
        return self._items[-1][0] if self._items else 0

    def __add__(self, other: "AngularCharacter | int | Fraction") -> "AngularCharacter":
        other = angular(other)
        total = self.coefficients
        for m, a in other._items:
            total[m] = total.get(m, Fraction(0)) + a
        return AngularCharacter(total)

    __radd__ = __add__

    def __neg__(self) -> "AngularCharacter":
        return self * -1

    def __sub__(self, other: "AngularCharacter | int | Fraction") -> "AngularCharacter":
        return self + angular(other) * -1

    def __mul__(self, other: "AngularCharacter | int | Fraction") -> "AngularCharacter":
        """Product, by 2cos(a) 2cos(b) = 2cos(a+b) + 2cos(a-b)."""
        total: dict[int, Fraction] = {}
        for m, a in self._items:
            for n, b in angular(other)._items:
                if m == 0 or n == 0:
                    parts = ((m + n, a * b),)
                elif m == n:
                    parts = ((2 * m, a * b), (0, 2 * a * b))
                else:
                    parts = ((m + n, a * b), (abs(m - n), a * b))
                for k, c in parts:
                    total[k] = total.get(k, Fraction(0)) + c
        return AngularCharacter(total)

    __rmul__ = __mul__

    def __truediv__(self, divisor: int) -> "AngularCharacter":
        return AngularCharacter({m: a / divisor for m, a in self._items})

    def multiple_angle(self, k: int) -> "AngularCharacter":
        """The function of k phi."""
        total: dict[int, Fraction] = {}
        for m, a in self._items:
            total[m * k] = total.get(m * k, Fraction(0)) + (2 * a if m and not k else a)
        return AngularCharacter(total)

    def half_turn(self) -> "AngularCharacter":
        """The function of phi + pi."""
        return AngularCharacter({m: -a if m % 2 else a for m, a in self._items})

    def at_turn(self, n: int, k: int = 1) -> Cyclotomic:
        """Exact value at phi = 2 pi k/n."""
        total = Cyclotomic(0)
        for m, a in self._items:
            total = total + (a * (Cyclotomic.zeta(n, m * k) + Cyclotomic.zeta(n, -m * k)) if m else a)
        return total

    def __call__(self, phi_rad: float) -> float:
        """Value at the angle ``phi_rad``, as a float."""
        return float(sum(float(a) * (2 * cos(m * phi_rad) if m else 1.0) for m, a in self._items))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, AngularCharacter):
            return self._items == other._items
        return self._items == AngularCharacter(other)._items if isinstance(other, Rational) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._items) if self.largest else hash(self[0])

    def __bool__(self) -> bool:
        return bool(self._items)

    def _text(self, cosine: str) -> str:
        parts = []
        for m, a in self._items:
            factor = 2 * a if m else a
            symbol = cosine.format("" if m == 1 else m) if m else ""
            text = f"{factor}{symbol}" if not symbol or abs(factor) != 1 else ("-" if factor < 0 else "") + symbol
            parts.append(text if not parts or text[0] == "-" else "+" + text)
        return "".join(parts) or "0"

    def __str__(self) -> str:
        return self._text("cos({}phi)")

    def __repr__(self) -> str:
        return f"AngularCharacter({str(self)!r})"

    def unicode(self) -> str:
        """Text such as "1+2cos(φ)"."""
        return self._text("cos({}φ)")

    def latex(self) -> str:
        r"""LaTeX such as ``1+2\cos 2\phi``."""
        return self._text(r"\cos {}\phi")

    def to_sympy(self) -> Any:
        """The same function as a sympy expression in the symbol ``phi``."""
        import sympy

        phi = sympy.Symbol("phi", real=True)
        terms = [
            sympy.Rational(a.numerator, a.denominator) * (2 * sympy.cos(m * phi) if m else 1) for m, a in self._items
        ]
        return sympy.Add(*terms)


def angular(value: Any) -> AngularCharacter:
    """``value`` (an integer, Fraction, rational Cyclotomic or AngularCharacter) as an AngularCharacter."""
    if isinstance(value, AngularCharacter):
        return value
    if isinstance(value, Cyclotomic) and value.is_rational:
        value = value.to_fraction()
    if not isinstance(value, Rational):
        raise RepresentationError(f"{value!r} is no exact character: expected an integer or an AngularCharacter.")
    return AngularCharacter({0: value})
