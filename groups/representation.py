"""Representations as sums of irreps: reduction, products and powers, exactly.

A :class:`Decomposition` counts irreps of the real form (a complex-conjugate pair counts once, as E).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import comb
from numbers import Integral, Rational
from typing import Any

import numpy as np

from ..errors import PointGroupError, RepresentationError
from ._arithmetic import FiniteArithmetic, arithmetic_of, finite_arithmetic
from .character_table import CharacterTable, character_table
from .cyclotomic import Cyclotomic
from .linear_groups import InfiniteTable, reduce_infinite
from .operations import NDArrayInt
from .schoenflies import PointGroup

__all__ = ["Decomposition", "molecular_characters", "reduce", "vector_characters"]

_LARGE = 2**31  # characters below this keep all sums of _reduce_integers within int64


def _read_sum(text: str) -> dict[str, int]:
    """Counts of a sum such as "2A1g + E1u"; a sign at the end of a label (Sigma+) belongs to the label."""
    counts: dict[str, int] = {}
    for term in re.split(r"\s+\+\s+", text.strip()):
        number, label = re.fullmatch(r"(\d*)\s*(.*)", term, re.DOTALL).groups()  # type: ignore[union-attr]
        counts[label] = counts.get(label, 0) + int(number or 1)
    return counts


class Decomposition(dict[str, int]):
    """A representation of a point group as a sum of irreps: ``{label: multiplicity}``, read-only.

    Keys are irreps of the real form in the order of the table, with non-zero multiplicity only. Looking up an
    irrep that does not occur gives 0; any spelling of a label is understood ("a1g", "A_{1g}", "Σg+").

    Parameters
    ----------
    group : str or PointGroup
    counts : mapping or str
        Irrep label -> number >= 0, or a sum of irreps as printed: "2A1g + E1u".

    Raises
    ------
    PointGroupError
        A label that the group does not have.
    RepresentationError
        A negative or fractional multiplicity.

    Examples
    --------
    >>> gamma = Decomposition("D6h", {"e1u": 1, "A2u": 1})
    >>> print(gamma, gamma.dimension, gamma["A_{1g}"])
    A2u + E1u 3 0
    >>> print(gamma * gamma, "=", Decomposition("D6h", "2A1g + A2g + 2E1g + E2g"))
    2A1g + A2g + 2E1g + E2g = 2A1g + A2g + 2E1g + E2g
    >>> print(gamma.symmetric_power(2))
    2A1g + E1g + E2g
    """

    __slots__ = ("point_group",)

    point_group: PointGroup

    def __init__(self, group: str | PointGroup, counts: Mapping[str, int] | str | None = None) -> None:
        self.point_group = PointGroup.parse(group)
        arithmetic = arithmetic_of(self.point_group)
        total: dict[str, int] = {}
        if isinstance(counts, str):
            counts = {} if counts.strip() == "0" else _read_sum(counts)
        for label, count in (counts or {}).items():
            if not isinstance(count, Integral) or count < 0:
                raise RepresentationError(
                    f"Decomposition({self.point_group.label!r}): multiplicity {count!r} of {label} is no integer >= 0."
                )
            name = arithmetic.real_label(label)
            total[name] = total.get(name, 0) + int(count)
        super().__init__({name: total[name] for name in arithmetic.ordered(total) if total[name]})

    def _label(self, label: str) -> str:
        return arithmetic_of(self.point_group).real_label(label)

    def __missing__(self, label: str) -> int:
        return dict.get(self, self._label(label), 0)

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and self[label] > 0

    def get(self, label: str, default: Any = 0) -> Any:
        """Multiplicity of ``label`` in any spelling; ``default`` where it does not occur."""
        return self[label] or default

    def _read_only(self, *_: Any, **__: Any) -> Any:
        raise TypeError("A Decomposition cannot be changed; combine it with +, -, *.")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _read_only  # type: ignore

    def __reduce__(self) -> tuple[Any, ...]:
        return Decomposition, (self.point_group, dict(self))

    def __hash__(self) -> int:  # type: ignore[override]
        return hash((self.point_group, tuple(self.items())))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Decomposition) and other.point_group != self.point_group:
            return False
        return dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    @property
    def dimension(self) -> int:
        """Dimension of the representation."""
        arithmetic = arithmetic_of(self.point_group)
        return sum(count * arithmetic.dimension(label) for label, count in self.items())

    @property
    def n_levels(self) -> int:
        """Number of irreps, degenerate ones counted once."""
        return sum(self.values())

    def irreps(self) -> Iterator[str]:
        """Labels, each as often as it occurs."""
        for label, count in self.items():
            yield from [label] * count

    def _same_group(self, other: "Decomposition", sign: str) -> None:
        if other.point_group != self.point_group:
            raise PointGroupError(
                f"Decomposition {self} of {self.point_group.label} {sign} {other} of {other.point_group.label}: "
                "the groups differ; subduce one of them first."
            )

    def __add__(self, other: "Decomposition") -> "Decomposition":
        if not isinstance(other, Decomposition):
            return NotImplemented
        self._same_group(other, "+")
        return Decomposition(self.point_group, {k: self[k] + other[k] for k in {**self, **other}})

    def __sub__(self, other: "Decomposition") -> "Decomposition":
        if not isinstance(other, Decomposition):
            return NotImplemented
        self._same_group(other, "-")
        difference = {k: self[k] - other[k] for k in {**self, **other}}
        missing = {k: -count for k, count in difference.items() if count < 0}
        if missing:
            raise RepresentationError(
                f"{self} - ({other}) in {self.point_group.label}: not contained, short of "
                + " + ".join(_times(count, k) for k, count in missing.items())
            )
        return Decomposition(self.point_group, difference)

    def __mul__(self, other: "Decomposition | int") -> "Decomposition":
        """Direct product with another representation, or the sum of ``other`` copies."""
        if isinstance(other, Integral):
            return Decomposition(self.point_group, {k: count * int(other) for k, count in self.items()})
        if not isinstance(other, Decomposition):
            return NotImplemented
        self._same_group(other, "x")
        return Decomposition(self.point_group, arithmetic_of(self.point_group).product(self, other))

    __rmul__ = __mul__

    def symmetric_power(self, k: int) -> "Decomposition":
        """Totally symmetric part of the k-fold product with itself (an overtone of k quanta), k >= 0."""
        return self._power(k, 1)

    def antisymmetric_power(self, k: int) -> "Decomposition":
        """Totally antisymmetric part of the k-fold product with itself, k >= 0."""
        return self._power(k, -1)

    def _power(self, k: int, sign: int) -> "Decomposition":
        if not isinstance(k, Integral) or k < 0:
            raise RepresentationError(f"power {k!r} of {self}: expected an integer >= 0.")
        arithmetic = arithmetic_of(self.point_group)
        result = Decomposition(self.point_group, arithmetic.power(self, int(k), sign))
        d = self.dimension
        expected = comb(d + int(k) - 1, int(k)) if sign > 0 and d + k else comb(d, int(k))
        if result.dimension != expected:
            raise AssertionError(f"power {k} of {self} has dimension {result.dimension}, not {expected}")
        return result

    def subduce(self, subgroup: str | PointGroup, way: str | None = None) -> "Decomposition":
        """What the representation becomes in a subgroup; see :func:`symvib.groups.correlation.subduce`."""
        from .correlation import subduce

        return subduce(self, self.point_group, subgroup, way)

    def as_dict(self) -> dict[str, Any]:
        """Plain data: ``{"point_group": label, "irreps": {label: multiplicity}}``."""
        return {"point_group": self.point_group.label, "irreps": dict(self)}

    def __str__(self) -> str:
        return " + ".join(_times(count, label) for label, count in self.items()) or "0"

    def __repr__(self) -> str:
        return f"Decomposition({self.point_group.label!r}, {dict(self)!r})"


def _times(count: int, label: str) -> str:
    return label if count == 1 else f"{count}{label}"


def reduce(
    characters: Sequence[Any],
    table: CharacterTable | InfiniteTable | str | PointGroup,
    tolerance: float | None = None,
) -> Decomposition:
    """Sum of irreps that has the given characters, exactly.

    Parameters
    ----------
    characters : sequence (n_classes,)
        One integer, Fraction or :class:`Cyclotomic` for each class of ``table``, in its order; for the infinite
        groups what :func:`molecular_characters` returns.
    table : CharacterTable, PointGroup or str
    tolerance : float, optional
        Allows floats: each multiplicity is rounded and may be off by this much.

    Raises
    ------
    RepresentationError
        The characters are not a sum of irreps with non-negative integer multiplicities, or a complex irrep occurs
        without its conjugate; the message holds the multiplicities found.

    Examples
    --------
    >>> print(reduce([9, -1, 1, 3], "C2v"))
    3A1 + A2 + 2B1 + 3B2
    """
    if isinstance(table, str | PointGroup):
        table = character_table(table)
    if isinstance(table, InfiniteTable):
        return Decomposition(table.point_group, reduce_infinite(characters, table))
    if len(characters) != len(table.classes):
        raise RepresentationError(
            f"reduce({list(characters)!r}): {len(characters)} characters for the {len(table.classes)} classes of "
            f"{table.point_group.label}: {', '.join(c.label for c in table.classes)}."
        )
    if tolerance is not None:
        found = _reduce_floats(np.array([complex(x) for x in characters]), table, tolerance)
    else:
        found = _reduce_exactly([_exact(x) for x in characters], table)
    return Decomposition(table.point_group, found)


def _exact(value: Any) -> Cyclotomic:
    if isinstance(value, Cyclotomic):
        return value
    if isinstance(value, Rational):
        return Cyclotomic(value)
    raise RepresentationError(
        f"reduce: the character {value!r} is not exact (integer, Fraction or Cyclotomic); "
        "give tolerance=... to round multiplicities computed from floats."
    )


def _refusal(characters: Iterable[Any], table: CharacterTable, found: Mapping[str, Any], why: str) -> Exception:
    shown = ", ".join(f"{label}: {count}" for label, count in found.items() if count)
    return RepresentationError(
        f"reduce([{', '.join(map(str, characters))}]) in {table.point_group.label}: {why}; "
        f"multiplicities found: {shown}."
    )


def _reduce_exactly(characters: list[Cyclotomic], table: CharacterTable) -> dict[str, int]:
    """Multiplicities by exact inner products, proved by rebuilding the characters from them."""
    arithmetic = finite_arithmetic(table.point_group)
    if all(x.is_integer for x in characters) and all(abs(int(x)) < _LARGE for x in characters):
        return _reduce_integers(np.array([int(x) for x in characters]), table, arithmetic)
    rows = dict(_real_rows(table))
    found = {
        label: _inner_product(characters, row, table) / int(norm)
        for (label, row), norm in zip(rows.items(), arithmetic.norms, strict=True)
    }
    bad = [label for label, m in found.items() if not m.is_integer or int(m) < 0]
    if bad:
        raise _refusal(characters, table, found, f"no non-negative integer number of {', '.join(bad)}")
    counts = {label: int(m) for label, m in found.items() if m}
    for c, wanted in enumerate(characters):
        if sum((m * rows[label][c] for label, m in counts.items()), Cyclotomic(0)) != wanted:
            raise _refusal(characters, table, counts, f"class {table.classes[c].label} is not reproduced")
    return counts


def _reduce_integers(characters: NDArrayInt, table: CharacterTable, arithmetic: "FiniteArithmetic") -> dict[str, int]:
    """The same for integer characters, in integers.

    <chi, chi_i> is rational, so chi_i(c) may be replaced by its average over the Galois group, which is rational.
    """
    means, scale = arithmetic.rational_means
    numerators = means @ (characters * table.class_sizes)
    denominators = scale * table.order * arithmetic.norms
    counts = numerators // denominators
    if (counts * denominators != numerators).any() or counts.min() < 0:
        found = {
            label: Fraction(int(a), int(b))
            for label, a, b in zip(arithmetic.labels, numerators, denominators, strict=True)
        }
        bad = [label for label, m in found.items() if m.denominator != 1 or m < 0]
        raise _refusal(characters, table, found, f"no non-negative integer number of {', '.join(bad)}")
    result = {arithmetic.labels[i]: int(counts[i]) for i in np.flatnonzero(counts)}
    different = np.flatnonzero(counts @ means != scale * characters)
    if len(different):
        why = f"class {table.classes[int(different[0])].label} is not reproduced"
        raise _refusal(characters, table, result, why)
    return result


def _real_rows(table: CharacterTable) -> list[tuple[str, tuple[Cyclotomic, ...]]]:
    real = table.with_form("real")
    return [(label, tuple(row)) for label, row in zip(real.labels, real.characters, strict=True)]


def _inner_product(characters: list[Cyclotomic], row: Sequence[Cyclotomic], table: CharacterTable) -> Cyclotomic:
    total = Cyclotomic(0)
    for c, x, y in zip(table.classes, characters, row, strict=True):
        total = total + c.size * x * y
    return total / table.order


def _reduce_floats(characters: np.ndarray, table: CharacterTable, tolerance: float) -> dict[str, int]:
    if not np.isfinite(characters).all():
        raise RepresentationError(f"reduce({characters.tolist()}): the characters are not finite.")
    real = table.with_form("real")
    arithmetic = finite_arithmetic(table.point_group)
    raw = (real.to_numpy() @ (characters * table.class_sizes)) / table.order / arithmetic.norms
    counts = np.rint(raw.real).astype(int)
    residual = float(np.abs(raw - counts).max())
    rebuilt = float(np.abs(counts @ real.to_numpy() - characters).max())
    if not residual <= tolerance or not rebuilt <= tolerance * table.order or counts.min() < 0:
        found = {label: f"{value:.4g}" for label, value in zip(real.labels, raw, strict=True)}
        why = f"multiplicities off by {residual:.3g} (tolerance {tolerance:g}), characters by {rebuilt:.3g}"
        raise _refusal(characters, table, found, why)
    return {label: int(m) for label, m in zip(real.labels, counts, strict=True) if m}


def molecular_characters(
    fixed_atoms_per_class: Sequence[int], table: CharacterTable | InfiniteTable | str | PointGroup
) -> tuple[Any, ...]:
    """Characters (n_classes,) of the 3N Cartesian displacements of N atoms.

    Parameters
    ----------
    fixed_atoms_per_class : sequence (n_classes,)
        Number of atoms that each class of ``table`` leaves in place.
    table : CharacterTable, PointGroup or str

    An atom left in place contributes ``2 cos(2 pi k/n) + 1`` under a rotation C_n^k and ``2 cos(2 pi k/n) - 1``
    under S_n^k (sigma: 1, i: -3), exactly. For the infinite groups the result holds functions of the angle.

    Raises
    ------
    RepresentationError
        Not one count for each class.

    Examples
    --------
    >>> print(reduce(molecular_characters([12, 0, 0, 0, 4, 0, 0, 0, 0, 12, 0, 4], "D6h"), "D6h"))
    2A1g + 2A2g + 2B2g + 2E1g + 4E2g + 2A2u + 2B1u + 2B2u + 4E1u + 2E2u
    """
    if isinstance(table, str | PointGroup):
        table = character_table(table)
    if len(fixed_atoms_per_class) != len(table.classes):
        raise RepresentationError(
            f"molecular_characters: {len(fixed_atoms_per_class)} counts for the {len(table.classes)} classes of "
            f"{table.point_group.label}: {', '.join(c.label for c in table.classes)}."
        )
    return tuple(int(n) * x for n, x in zip(fixed_atoms_per_class, vector_characters(table), strict=True))


def vector_characters(table: CharacterTable | InfiniteTable) -> tuple[Any, ...]:
    """Characters (n_classes,) of the representation of (x, y, z)."""
    if isinstance(table, InfiniteTable):
        return table.vector_characters()
    characters = []
    for c in table.classes:
        operation = table.point_group.operations[c.indices[0]]
        turn = Cyclotomic.zeta(operation.n, operation.k) + Cyclotomic.zeta(operation.n, -operation.k)
        characters.append(turn + (1 if operation.proper else -1))
    return tuple(characters)
