"""The infinite groups Cinfv, Dinfh and Kh: irreps, characters and exact decompositions in closed form.

A character under the rotation by phi is a finite sum of ``2 cos(m phi)``; it is kept as those coefficients, so
products, powers and reductions are integer arithmetic and no angle is ever sampled. Dinfh = Cinfv x Ci, and
Kh = SO(3) x Ci. G. Herzberg, Infrared and Raman Spectra (1945), tables 13 and 14.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import cos
from numbers import Rational
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import PointGroupError, RepresentationError
from .basis_functions import BasisFunctions, infinite_basis_functions
from .cyclotomic import Cyclotomic
from .mulliken import irrep_key
from .schoenflies import PointGroup

__all__ = ["AngularCharacter", "InfiniteClass", "InfiniteIrrep", "InfiniteTable", "infinite_table"]

_LINEAR_NAMES = ("Sigma", "Pi", "Delta", "Phi", "Gamma", "Eta", "Iota", "Kappa")
_SPHERICAL_NAMES = "SPDFGHIKLMNOQ"
_SHOWN = 4  # largest Lambda (l in Kh) that a printed table lists


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
        other = _angular(other)
        total = self.coefficients
        for m, a in other._items:
            total[m] = total.get(m, Fraction(0)) + a
        return AngularCharacter(total)

    __radd__ = __add__

    def __neg__(self) -> "AngularCharacter":
        return self * -1

    def __sub__(self, other: "AngularCharacter | int | Fraction") -> "AngularCharacter":
        return self + _angular(other) * -1

    def __mul__(self, other: "AngularCharacter | int | Fraction") -> "AngularCharacter":
        """Product, by 2cos(a) 2cos(b) = 2cos(a+b) + 2cos(a-b)."""
        total: dict[int, Fraction] = {}
        for m, a in self._items:
            for n, b in _angular(other)._items:
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


def _angular(value: Any) -> AngularCharacter:
    if isinstance(value, AngularCharacter):
        return value
    if isinstance(value, Cyclotomic) and value.is_rational:
        value = value.to_fraction()
    if not isinstance(value, Rational):
        raise RepresentationError(f"{value!r} is no exact character: expected an integer or an AngularCharacter.")
    return AngularCharacter({0: value})


@dataclass(frozen=True)
class InfiniteClass:
    """A class, or a family of classes with an angle, of an infinite group.

    Attributes
    ----------
    label, symbol : str
        "2C(phi)", "inf sigma_v"; and without the number.
    size : int or None
        Number of operations; None where infinite.
    description : str
    """

    label: str
    symbol: str
    size: int | None
    description: str


@dataclass(frozen=True)
class InfiniteIrrep:
    """An irrep of an infinite group.

    Attributes
    ----------
    label : str
        "Sigmag+", "Pi", "Deltau"; in Kh "Sg", "Pu".
    dimension : int
    quantum_number : int
        Lambda, or l in Kh.
    reflection : int
        +1 or -1 for Sigma+ and Sigma-, else 0.
    parity : {"", "g", "u"}
    """

    label: str
    dimension: int
    quantum_number: int
    reflection: int
    parity: str
    reality: ClassVar[str] = "real"

    @property
    def real_label(self) -> str:
        """The label: all irreps are real."""
        return self.label

    partner = real_label


@dataclass(frozen=True)
class _ClassFunction:
    """Characters under C(phi), i C(phi), sigma_v and i sigma_v (the C2' axes); Cinfv: the inversion acts as +1."""

    rotation: AngularCharacter
    inverted: AngularCharacter
    mirror: Fraction
    inverted_mirror: Fraction

    @property
    def dimension(self) -> Fraction:
        return self.rotation.multiple_angle(0)[0]

    def __add__(self, other: "_ClassFunction") -> "_ClassFunction":
        return _ClassFunction(
            self.rotation + other.rotation,
            self.inverted + other.inverted,
            self.mirror + other.mirror,
            self.inverted_mirror + other.inverted_mirror,
        )

    def __mul__(self, other: "_ClassFunction") -> "_ClassFunction":
        return _ClassFunction(
            self.rotation * other.rotation,
            self.inverted * other.inverted,
            self.mirror * other.mirror,
            self.inverted_mirror * other.inverted_mirror,
        )

    def times(self, factor: Fraction) -> "_ClassFunction":
        return self * _ClassFunction(AngularCharacter(factor), AngularCharacter(factor), factor, factor)

    def proper_part(self) -> "_ClassFunction":
        """The same function on the subgroup Cinfv."""
        return _ClassFunction(self.rotation, self.rotation, self.mirror, self.mirror)

    def power_sum(self, j: int) -> "_ClassFunction":
        """The class function g -> chi(g^j)."""
        rotation = self.rotation.multiple_angle(j)
        if j % 2 == 0:
            return _ClassFunction(rotation, rotation, self.dimension, self.dimension)
        return _ClassFunction(rotation, self.inverted.multiple_angle(j), self.mirror, self.inverted_mirror)


_ONE = _ClassFunction(AngularCharacter(1), AngularCharacter(1), Fraction(1), Fraction(1))
_NONE = _ONE.times(Fraction(0))


class InfiniteArithmetic:
    """Irreps of Cinfv, Dinfh or Kh, and products, powers and reductions of their sums."""

    def __init__(self, group: PointGroup) -> None:
        self.group = group
        self.spherical = group.label == "Kh"
        self.parities = ("g", "u") if group.has_inversion else ("",)

    @lru_cache(maxsize=1024)  # noqa: B019 - three groups exist, each made once
    def irrep(self, label: str) -> InfiniteIrrep:
        """The irrep of that label, in any spelling."""
        key = irrep_key(label) if isinstance(label, str) else None
        if key is not None and not key[0]:
            match = re.fullmatch(r"(\d*)([+-]?)([gu]?)", key[2])
            if match is not None:
                number = self._quantum_number(key[1], match[1])
                found = number is not None and self._make(number, match[2], match[3])
                if found:
                    return found
        examples = {
            "Cinfv": "Sigma+, Sigma-, Pi, Delta",
            "Dinfh": "Sigmag+, Sigmau-, Pig, Deltau",
            "Kh": "Sg, Pu, Dg",
        }
        raise PointGroupError(f"{self.group.label} has no irrep {label!r}; examples: {examples[self.group.label]}.")

    def _quantum_number(self, letter: str, digits: str) -> int | None:
        if self.spherical:
            number = _SPHERICAL_NAMES.lower().find(letter)
            return number if number >= 0 and not digits else int(digits) if letter == "l" and digits else None
        names = [name.lower() for name in _LINEAR_NAMES]
        if letter in names:
            return names.index(letter) if not digits else None
        if letter == "a" and digits in (
            "1",
            "2",
        ):  # A1 = Sigma+, A2 = Sigma-: handled by _make through the sign
            return -int(digits)
        return int(digits) if letter == "e" and digits and int(digits) > 0 else None

    def _make(self, number: int, sign: str, parity: str) -> InfiniteIrrep | None:
        if number < 0 and not sign:
            number, sign = 0, "+" if number == -1 else "-"
        if number < 0 or parity not in self.parities:
            return None
        if self.spherical:
            if sign:
                return None
            name = _SPHERICAL_NAMES[number] if number < len(_SPHERICAL_NAMES) else f"L{number}"
            return InfiniteIrrep(name + parity, 2 * number + 1, number, 0, parity)
        if (number == 0) != bool(sign):
            return None
        name = _LINEAR_NAMES[number] if number < len(_LINEAR_NAMES) else f"E{number}"
        reflection = {"+": 1, "-": -1, "": 0}[sign]
        return InfiniteIrrep(name + parity + sign, 2 if number else 1, number, reflection, parity)

    def irreps(self, largest: int) -> list[InfiniteIrrep]:
        """All irreps with Lambda (l) up to ``largest``, in conventional order."""
        found = []
        for parity in self.parities:
            for number in range(largest + 1):
                for sign in ("+", "-") if number == 0 and not self.spherical else ("",):
                    irrep = self._make(number, sign, parity)
                    assert irrep is not None
                    found.append(irrep)
        return found

    def character(self, irrep: InfiniteIrrep) -> _ClassFunction:
        """Its characters."""
        number = irrep.quantum_number
        weights = range(number + 1) if self.spherical else (number,)
        rotation = AngularCharacter({m: 1 for m in weights})
        sign = -1 if irrep.parity == "u" else 1
        mirror = Fraction((-1) ** number * sign if self.spherical else irrep.reflection)
        return _ClassFunction(rotation, rotation * sign, mirror, mirror * sign)

    def real_label(self, label: str) -> str:
        return self.irrep(label).label

    def dimension(self, label: str) -> int:
        return self.irrep(label).dimension

    def ordered(self, labels: Iterable[str]) -> list[str]:
        def place(label: str) -> tuple:
            irrep = self.irrep(label)
            return (irrep.parity == "u", irrep.quantum_number, -irrep.reflection)

        return sorted(labels, key=place)

    def total(self, counts: Mapping[str, int]) -> _ClassFunction:
        """Characters of a sum of irreps."""
        total = _NONE
        for label, count in counts.items():
            total = total + self.character(self.irrep(label)).times(Fraction(count))
        return total

    def counts(self, character: _ClassFunction) -> dict[str, int]:
        """Multiplicities of the irreps in a character.

        Raises
        ------
        RepresentationError
            They are not non-negative integers.
        """
        found: dict[str, Fraction] = {}
        for parity in self.parities:
            sign = Fraction(-1 if parity == "u" else 1)
            weights = (character.rotation + character.inverted * sign) / 2
            mirror = (character.mirror + sign * character.inverted_mirror) / 2
            for number in range(weights.largest + 1):
                if self.spherical:
                    parts = {"": weights[number] - weights[number + 1]}
                elif number:
                    parts = {"": weights[number]}
                else:
                    parts = {"+": (weights[0] + mirror) / 2, "-": (weights[0] - mirror) / 2}
                for reflection, count in parts.items():
                    irrep = self._make(number, reflection, parity)
                    assert irrep is not None
                    found[irrep.label] = count
        if any(count.denominator != 1 or count < 0 for count in found.values()):
            shown = ", ".join(f"{label}: {count}" for label, count in found.items() if count)
            raise RepresentationError(
                f"The characters are no sum of irreps of {self.group.label}: multiplicities found: {shown}."
            )
        return {label: int(count) for label, count in found.items() if count}

    def product(self, a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
        return self.counts(self.total(a) * self.total(b))

    def power(self, a: Mapping[str, int], k: int, sign: int) -> dict[str, int]:
        """K h_k(g) = sum_(j=1..k) (sign)^(j-1) chi(g^j) h_(k-j)(g): Newton's identities."""
        chi = self.total(a)
        sums = [chi.power_sum(j) for j in range(k + 1)]
        power = [_ONE]
        for m in range(1, k + 1):
            total = _NONE
            for j in range(1, m + 1):
                total = total + (sums[j] * power[m - j]).times(Fraction(sign ** (j - 1)))
            power.append(total.times(Fraction(1, m)))
        return self.counts(power[k])


@dataclass(frozen=True, eq=False)
class InfiniteTable:
    """Character table of Cinfv, Dinfh or Kh; characters are functions of the angle phi.

    Has the members of :class:`~symvib.groups.character_table.CharacterTable` that make sense for an infinite
    group. ``irreps`` and ``characters`` list Lambda (l in Kh) up to 4; :meth:`irrep` and :meth:`row` know them all.

    Attributes
    ----------
    point_group : PointGroup
    classes : tuple of InfiniteClass
    irreps : tuple of InfiniteIrrep
    characters : ndarray (n_irreps, n_classes) of AngularCharacter
        Read-only. Under S(phi) = sigma_h C(phi).

    Examples
    --------
    >>> table = infinite_table(PointGroup("Dinfh"))
    >>> [str(x) for x in table.row("Piu")]
    ['2', '2cos(phi)', '0', '-2', '2cos(phi)', '0']
    """

    point_group: PointGroup
    arithmetic: InfiniteArithmetic
    classes: tuple[InfiniteClass, ...]
    irreps: tuple[InfiniteIrrep, ...]
    form: ClassVar[str] = "real"
    order: ClassVar[None] = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the irreps listed."""
        return tuple(irrep.label for irrep in self.irreps)

    real_labels = labels

    @property
    def real_dimensions(self) -> dict[str, int]:
        """Dimension of each irrep listed."""
        return {irrep.label: irrep.dimension for irrep in self.irreps}

    @cached_property
    def characters(self) -> NDArray[np.object_]:
        """Characters (n_irreps, n_classes) of the irreps listed; read-only."""
        table = np.empty((len(self.irreps), len(self.classes)), dtype=object)
        for i, irrep in enumerate(self.irreps):
            table[i] = self.row(irrep.label)
        table.setflags(write=False)
        return table

    @cached_property
    def functions(self) -> Mapping[str, BasisFunctions]:
        """Linear, rotational, quadratic and cubic functions of the irreps listed."""
        return infinite_basis_functions(self)

    def irrep(self, label: str) -> InfiniteIrrep:
        """The irrep ``label`` in any spelling, any Lambda ("E7g" is Lambda = 7).

        Raises
        ------
        PointGroupError
            The group has no such irrep.
        """
        return self.arithmetic.irrep(label)

    def row(self, label: str) -> tuple[AngularCharacter, ...]:
        """Characters (n_classes,) of the irrep ``label``."""
        return tuple(self._by_class(self.arithmetic.character(self.irrep(label))))

    def _by_class(self, f: _ClassFunction) -> list[AngularCharacter]:
        """Values on the classes; S(phi) = i C(phi + pi)."""
        proper = [AngularCharacter(f.dimension), f.rotation]
        improper = [f.inverted.multiple_angle(0), f.inverted.half_turn()]
        if self.arithmetic.spherical:
            return proper + improper
        proper.append(AngularCharacter(f.mirror))
        if not self.point_group.has_inversion:
            return proper
        return [*proper, *improper, AngularCharacter(f.inverted_mirror)]

    def _from_classes(self, characters: Sequence[Any]) -> _ClassFunction:
        values = [_angular(x) for x in characters]
        spherical, half = self.arithmetic.spherical, len(values) // 2
        if not self.point_group.has_inversion:
            function = _ClassFunction(values[1], values[1], values[2][0], values[2][0])
        else:
            proper, improper = values[:half], values[half:]
            mirrors = (Fraction(0), Fraction(0)) if spherical else (proper[2][0], improper[2][0])
            function = _ClassFunction(proper[1], improper[1].half_turn(), *mirrors)
        different = [c.label for c, x, y in zip(self.classes, values, self._by_class(function), strict=True) if x != y]
        if different:
            raise RepresentationError(
                f"reduce({[str(x) for x in values]}) in {self.point_group.label}: the characters of "
                f"{', '.join(different)} do not agree with those of the rotations."
            )
        return function

    def vector_characters(self) -> tuple[AngularCharacter, ...]:
        """Characters (n_classes,) of the representation of (x, y, z)."""
        counts = {"Cinfv": {"Sigma+": 1, "Pi": 1}, "Dinfh": {"Sigmau+": 1, "Piu": 1}, "Kh": {"Pu": 1}}
        return tuple(self._by_class(self.arithmetic.total(counts[self.point_group.label])))

    def with_form(self, form: str) -> "InfiniteTable":
        """The table itself: there are no complex pairs."""
        return self

    def power_map(self, k: int) -> tuple[int, ...]:
        """Refused: the classes are continuous families.

        Raises
        ------
        PointGroupError
            Always; use the powers of a Decomposition, which are exact.
        """
        raise PointGroupError(
            f"{self.point_group.label}: power_map({k}) is not defined for classes with an angle; "
            "use Decomposition.symmetric_power / antisymmetric_power."
        )

    def to_numpy(self, phi_rad: float) -> NDArray[np.float64]:
        """Characters (n_irreps, n_classes) of the irreps listed, as floats, at the angle ``phi_rad``."""
        return np.array([[x(phi_rad) for x in row] for row in self.characters])

    def text(self, unicode: bool = False) -> str:
        """The table as aligned text."""
        from .table_format import table_text

        return table_text(self, unicode)

    def markdown(self) -> str:
        """The table in (GitHub) Markdown."""
        from .table_format import table_markdown

        return table_markdown(self)

    def latex(self) -> str:
        """The table as a LaTeX tabular (needs the package booktabs)."""
        from .table_format import table_latex

        return table_latex(self)

    def html(self) -> str:
        """The table as an HTML fragment, escaped."""
        from .table_format import table_html

        return table_html(self)

    def _repr_html_(self) -> str:
        return self.html()

    def as_dict(self) -> dict[str, Any]:
        """The table as plain data for JSON: exact characters as strings."""
        from .table_format import table_as_dict

        return table_as_dict(self)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<InfiniteTable {self.point_group.label}: irreps to {self.irreps[-1].label}, ...>"


@lru_cache(maxsize=8)
def infinite_table(group: PointGroup) -> InfiniteTable:
    """Table of Cinfv, Dinfh or Kh."""
    arithmetic = InfiniteArithmetic(group)
    identity = InfiniteClass("E", "E", 1, "identity")
    inversion = InfiniteClass("i", "i", 1, "inversion")
    turn = InfiniteClass("2C(phi)", "C(phi)", 2, "rotations by +phi and -phi about z, for each angle phi")
    mirror = InfiniteClass("inf sigma_v", "sigma_v", None, "all mirrors that hold z")
    improper = InfiniteClass(
        "2S(phi)", "S(phi)", 2, "rotations by +-phi about z with reflection in xy; phi = 0: sigma_h"
    )
    half_turn = InfiniteClass("inf C2'", "C2'", None, "all half-turns about axes normal to z")
    any_turn = InfiniteClass("inf C(phi)", "C(phi)", None, "rotations by phi about any axis")
    any_improper = InfiniteClass(
        "inf S(phi)", "S(phi)", None, "the same with reflection normal to the axis; phi = 0: sigma"
    )
    classes = {
        "Cinfv": (identity, turn, mirror),
        "Dinfh": (identity, turn, mirror, inversion, improper, half_turn),
        "Kh": (identity, any_turn, inversion, any_improper),
    }[group.label]
    return InfiniteTable(group, arithmetic, classes, tuple(arithmetic.irreps(_SHOWN)))


def reduce_infinite(characters: Sequence[Any], table: InfiniteTable) -> dict[str, int]:
    """Multiplicities of the irreps in ``characters`` (n_classes,): integers or AngularCharacter."""
    if len(characters) != len(table.classes):
        raise RepresentationError(
            f"reduce: {len(characters)} characters for the {len(table.classes)} classes of {table.point_group.label}: "
            f"{', '.join(c.label for c in table.classes)}."
        )
    return table.arithmetic.counts(table._from_classes(characters))
