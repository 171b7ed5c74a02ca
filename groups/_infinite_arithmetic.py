"""Irreps of Cinfv, Dinfh and Kh and the arithmetic of their sums, in closed form.

A character under the rotation by phi is a finite sum of ``2 cos(m phi)``; it is kept as those coefficients, so
products, powers and reductions are integer arithmetic and no angle is ever sampled. Dinfh = Cinfv x Ci, and
Kh = SO(3) x Ci.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar

from ..errors import PointGroupError, RepresentationError
from .angular_character import AngularCharacter
from .mulliken import irrep_key
from .schoenflies import PointGroup

__all__ = ["ClassFunction", "InfiniteArithmetic", "InfiniteIrrep"]

_LINEAR_NAMES = ("Sigma", "Pi", "Delta", "Phi", "Gamma", "Eta", "Iota", "Kappa")
_SPHERICAL_NAMES = "SPDFGHIKLMNOQ"


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
class ClassFunction:
    """Characters under C(phi), i C(phi), sigma_v and i sigma_v (the C2' axes); Cinfv: the inversion acts as +1."""

    rotation: AngularCharacter
    inverted: AngularCharacter
    mirror: Fraction
    inverted_mirror: Fraction

    @property
    def dimension(self) -> Fraction:
        return self.rotation.multiple_angle(0)[0]

    def __add__(self, other: "ClassFunction") -> "ClassFunction":
        return ClassFunction(
            self.rotation + other.rotation,
            self.inverted + other.inverted,
            self.mirror + other.mirror,
            self.inverted_mirror + other.inverted_mirror,
        )

    def __mul__(self, other: "ClassFunction") -> "ClassFunction":
        return ClassFunction(
            self.rotation * other.rotation,
            self.inverted * other.inverted,
            self.mirror * other.mirror,
            self.inverted_mirror * other.inverted_mirror,
        )

    def times(self, factor: Fraction) -> "ClassFunction":
        return self * ClassFunction(AngularCharacter(factor), AngularCharacter(factor), factor, factor)

    def proper_part(self) -> "ClassFunction":
        """The same function on the subgroup Cinfv."""
        return ClassFunction(self.rotation, self.rotation, self.mirror, self.mirror)

    def power_sum(self, j: int) -> "ClassFunction":
        """The class function g -> chi(g^j)."""
        rotation = self.rotation.multiple_angle(j)
        if j % 2 == 0:
            return ClassFunction(rotation, rotation, self.dimension, self.dimension)
        return ClassFunction(rotation, self.inverted.multiple_angle(j), self.mirror, self.inverted_mirror)


_ONE = ClassFunction(AngularCharacter(1), AngularCharacter(1), Fraction(1), Fraction(1))
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

    def character(self, irrep: InfiniteIrrep) -> ClassFunction:
        """Its characters."""
        number = irrep.quantum_number
        weights = range(number + 1) if self.spherical else (number,)
        rotation = AngularCharacter({m: 1 for m in weights})
        sign = -1 if irrep.parity == "u" else 1
        mirror = Fraction((-1) ** number * sign if self.spherical else irrep.reflection)
        return ClassFunction(rotation, rotation * sign, mirror, mirror * sign)

    def real_label(self, label: str) -> str:
        return self.irrep(label).label

    def dimension(self, label: str) -> int:
        return self.irrep(label).dimension

    def ordered(self, labels: Iterable[str]) -> list[str]:
        def place(label: str) -> tuple:
            irrep = self.irrep(label)
            return (irrep.parity == "u", irrep.quantum_number, -irrep.reflection)

        return sorted(labels, key=place)

    def total(self, counts: Mapping[str, int]) -> ClassFunction:
        """Characters of a sum of irreps."""
        total = _NONE
        for label, count in counts.items():
            total = total + self.character(self.irrep(label)).times(Fraction(count))
        return total

    def counts(self, character: ClassFunction) -> dict[str, int]:
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
