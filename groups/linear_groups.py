"""Character tables of the infinite groups Cinfv, Dinfh and Kh.

G. Herzberg, Infrared and Raman Spectra (1945), tables 13 and 14.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import PointGroupError, RepresentationError
from ._infinite_arithmetic import ClassFunction, InfiniteArithmetic, InfiniteIrrep
from ._table_presentation import TablePresentation
from .angular_character import AngularCharacter, angular
from .basis_functions import BasisFunctions, infinite_basis_functions
from .schoenflies import PointGroup

__all__ = ["AngularCharacter", "InfiniteClass", "InfiniteIrrep", "InfiniteTable", "infinite_table"]

_SHOWN = 4  # largest Lambda (l in Kh) that a printed table lists


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
    indices: ClassVar[tuple[int, ...]] = ()  # there is no finite list of operations, nor one order
    order: ClassVar[None] = None


@dataclass(frozen=True, eq=False)
class InfiniteTable(TablePresentation):
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

    def __reduce__(self) -> tuple[Any, ...]:
        return infinite_table, (self.point_group,)

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

    def _by_class(self, f: ClassFunction) -> list[AngularCharacter]:
        """Values on the classes; S(phi) = i C(phi + pi)."""
        proper = [AngularCharacter(f.dimension), f.rotation]
        improper = [f.inverted.multiple_angle(0), f.inverted.half_turn()]
        if self.arithmetic.spherical:
            return proper + improper
        proper.append(AngularCharacter(f.mirror))
        if not self.point_group.has_inversion:
            return proper
        return [*proper, *improper, AngularCharacter(f.inverted_mirror)]

    def _from_classes(self, characters: Sequence[Any]) -> ClassFunction:
        values = [angular(x) for x in characters]
        spherical, half = self.arithmetic.spherical, len(values) // 2
        if not self.point_group.has_inversion:
            function = ClassFunction(values[1], values[1], values[2][0], values[2][0])
        else:
            proper, improper = values[:half], values[half:]
            mirrors = (Fraction(0), Fraction(0)) if spherical else (proper[2][0], improper[2][0])
            function = ClassFunction(proper[1], improper[1].half_turn(), *mirrors)
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
