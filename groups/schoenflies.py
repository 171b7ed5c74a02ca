"""Point groups by their Schoenflies symbol: parsing, order, standard operations."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import pi

import numpy as np

from ..errors import PointGroupError
from .operations import NDArrayFloat, SymmetryOperation, close_group, rotation_matrix

__all__ = ["PointGroup"]

_LONGEST_TEXT = 64
_MAX_N = 200  # tables grow as n^2; nothing molecular comes near
_FIXED = {"Ci": 2, "Cs": 2, "T": 12, "Td": 24, "Th": 24, "O": 24, "Oh": 48, "I": 60, "Ih": 120}
_FIXED_AXIS = {"Ci": 1, "Cs": 1, "T": 3, "Td": 3, "Th": 3, "O": 4, "Oh": 4, "I": 5, "Ih": 5}
_ORDER_PER_N = {"Cn": 1, "Cnv": 2, "Cnh": 2, "Sn": 1, "Dn": 2, "Dnh": 4, "Dnd": 4}
_INFINITE = ("Cinfv", "Dinfh", "Kh")

# International (Hermann-Mauguin) symbols of the crystallographic point groups.
_INTERNATIONAL = {
    "1": "C1", "-1": "Ci", "2": "C2", "m": "Cs", "2/m": "C2h", "222": "D2", "mm2": "C2v", "mmm": "D2h",
    "4": "C4", "-4": "S4", "4/m": "C4h", "422": "D4", "4mm": "C4v", "-42m": "D2d", "4/mmm": "D4h",
    "3": "C3", "-3": "S6", "32": "D3", "3m": "C3v", "-3m": "D3d",
    "6": "C6", "-6": "C3h", "6/m": "C6h", "622": "D6", "6mm": "C6v", "-6m2": "D3h", "-62m": "D3h", "6/mmm": "D6h",
    "23": "T", "m-3": "Th", "m3": "Th", "432": "O", "-43m": "Td", "m-3m": "Oh", "m3m": "Oh", "532": "I", "m-3-5": "Ih",
}  # fmt: skip
_SYNONYMS = {
    "v": "D2", "vh": "D2h", "vd": "D2d", "y": "I", "yh": "Ih", "k": "Kh", "kh": "Kh", "o(3)": "Kh", "s2": "Ci",
    "ci": "Ci", "cs": "Cs", "t": "T", "td": "Td", "th": "Th", "o": "O", "oh": "Oh", "i": "I", "ih": "Ih",
}  # fmt: skip


@dataclass(frozen=True)
class PointGroup:
    """A point group in the Schoenflies notation.

    Make one with :meth:`parse`, which accepts every spelling; ``label`` is the one spelling used inside.

    Attributes
    ----------
    label : str
        ASCII symbol: "C1", "Cs", "Ci", "C2v", "D6h", "D2d", "S4", "Td", "Oh", "Ih", "Cinfv", "Dinfh", "Kh".

    Examples
    --------
    >>> PointGroup.parse("D*h").label, PointGroup.parse("D_{6h}").order, PointGroup.parse("D1d").label
    ('Dinfh', 24, 'C2h')
    """

    label: str

    @classmethod
    def parse(cls, text: "str | PointGroup") -> "PointGroup":
        """The point group that ``text`` names, in any of the usual spellings.

        Accepted: ASCII, Unicode sub/superscripts, LaTeX, any case, "*", "0", "oo" or the infinity sign for
        infinite axes, alternative names (S2, C1h, C3i, D1d, V, Vh, Vd, K), Hermann-Mauguin symbols ("-43m").

        Raises
        ------
        PointGroupError
            The text names no point group.
        """
        if isinstance(text, cls):
            return text
        if not isinstance(text, str):
            raise PointGroupError(f"PointGroup.parse({text!r}): expected a Schoenflies symbol such as 'D6h'.")
        if len(text) > _LONGEST_TEXT:
            raise PointGroupError(f"PointGroup.parse({text[:20]!r}...): {len(text)} characters are no symbol.")
        return cls(_parse(text))

    def __post_init__(self) -> None:
        if _parse(self.label) != self.label:
            raise PointGroupError(
                f"PointGroup({self.label!r}): the customary symbol is {_parse(self.label)!r}; parse() takes any."
            )

    @cached_property
    def _parts(self) -> tuple[str, int]:
        if self.label == "C1":
            return "C1", 1
        if self.label in _FIXED:
            return self.label, _FIXED_AXIS[self.label]
        if self.label in _INFINITE:
            return self.label, 0
        match = re.fullmatch(r"([CDS])(\d+)([vhd]?)", self.label)
        if match is None:
            raise PointGroupError(f"PointGroup({self.label!r}): not a symbol; use PointGroup.parse.")
        return f"{match[1]}n{match[3]}", int(match[2])

    @property
    def family(self) -> str:
        """One of C1 Cs Ci Cn Cnv Cnh Sn Dn Dnh Dnd T Td Th O Oh I Ih Cinfv Dinfh Kh."""
        return self._parts[0]

    @property
    def n(self) -> int:
        """Order of the principal axis (S4: 4, T: 3, O: 4, I: 5, C1/Cs/Ci: 1; 0 where it is infinite)."""
        return self._parts[1]

    @property
    def order(self) -> int | None:
        """Number of operations; None for infinite groups."""
        if not self.is_finite:
            return None
        if self.label == "C1":
            return 1
        return _FIXED[self.label] if self.label in _FIXED else _ORDER_PER_N[self.family] * self.n

    @property
    def is_finite(self) -> bool:
        """False for Cinfv, Dinfh and Kh."""
        return self.family not in _INFINITE

    @property
    def is_linear(self) -> bool:
        """True for the groups of linear molecules, Cinfv and Dinfh."""
        return self.label in ("Cinfv", "Dinfh")

    @property
    def is_cubic(self) -> bool:
        """True for T, Td, Th, O, Oh, I, Ih: more than one axis of order three or higher."""
        return self.family[0] in "TOI"

    @property
    def has_inversion(self) -> bool:
        """True where the group holds the inversion i, so that irreps carry g or u."""
        family, n = self._parts
        if family in ("Ci", "Th", "Oh", "Ih", "Dinfh", "Kh"):
            return True
        return {"Cnh": n % 2 == 0, "Dnh": n % 2 == 0, "Dnd": n % 2 == 1, "Sn": n % 4 == 2}.get(family, False)

    @property
    def is_chiral(self) -> bool:
        """True where all operations are proper rotations (molecules of this group are chiral)."""
        return self.family in ("C1", "Cn", "Dn", "T", "O", "I")

    @property
    def is_polar(self) -> bool:
        """True where a dipole moment is allowed by symmetry."""
        return self.family in ("C1", "Cs", "Cn", "Cnv", "Cinfv")

    @property
    def rotational_order(self) -> int | None:
        """Number of proper rotations, which is the symmetry number of a rigid molecule; None for Kh.

        Linear molecules: 1 (Cinfv) and 2 (Dinfh), after Herzberg.
        """
        if not self.is_finite:
            return {"Cinfv": 1, "Dinfh": 2}.get(self.label)
        order = self.order
        assert order is not None
        return order if self.is_chiral else order // 2

    @property
    def unicode(self) -> str:
        """Symbol with Unicode subscripts, as "D₆ₕ" or "D∞ₕ" (v and d have no subscript: "C₂v")."""
        table = str.maketrans("0123456789sih", "₀₁₂₃₄₅₆₇₈₉ₛᵢₕ")
        return self.label[0] + self.label[1:].replace("inf", "∞").translate(table)

    @property
    def latex(self) -> str:
        r"""Symbol in LaTeX without dollar signs: ``D_{6h}``, ``C_{\infty v}``."""
        rest = self.label[1:].replace("inf", r"\infty ")
        return f"{self.label[0]}_{{{rest}}}" if rest else self.label

    @cached_property
    def generators(self) -> tuple[NDArrayFloat, ...]:
        """Matrices (3, 3) that generate the group in its standard setting (see :attr:`operations`)."""
        if not self.is_finite:
            raise PointGroupError(f"PointGroup({self.label!r}).generators: the group is infinite.")
        return tuple(_generators(*self._parts))

    @property
    def operations(self) -> tuple[SymmetryOperation, ...]:
        """All operations in the standard setting, identity first.

        Setting: principal axis along z; Cnv has a mirror in xz; Dn, Dnh and Dnd have a C2' along x; Cs has its
        mirror in xy; T, Td, Th have C2 (Td: S4) and O, Oh have C4 along x, y, z; I, Ih have C2 along x, y, z
        and a C5 along (0, 1, golden ratio).

        Raises
        ------
        PointGroupError
            The group is infinite.
        """
        return _operations(self)

    @property
    def matrices(self) -> NDArrayFloat:
        """Matrices (h, 3, 3) of :attr:`operations`; read-only."""
        return _matrices(self)

    def __str__(self) -> str:
        return self.label


@lru_cache(maxsize=256)
def _operations(group: PointGroup) -> tuple[SymmetryOperation, ...]:
    matrices = close_group(list(group.generators))
    if len(matrices) != group.order:
        raise AssertionError(f"{group.label}: {len(matrices)} products of the generators, not {group.order}")
    return tuple(sorted((SymmetryOperation.from_matrix(m) for m in matrices), key=_place))


@lru_cache(maxsize=256)
def _matrices(group: PointGroup) -> NDArrayFloat:
    matrices = np.array([operation.matrix for operation in group.operations])
    matrices.setflags(write=False)
    return matrices


def _place(operation: SymmetryOperation) -> tuple[bool, bool, int, int, tuple[float, ...]]:
    """Sort key: proper before improper, E first, high order first, then power, then the axis from z down."""
    axis = (0.0, 0.0, 0.0) if operation.axis is None else tuple(np.round(-operation.axis[::-1], 6))
    return (not operation.proper, operation.kind != "E", -operation.n, operation.k, axis)


def _generators(family: str, n: int) -> list[NDArrayFloat]:
    z = np.array([0.0, 0.0, 1.0])
    mirror_xy, mirror_xz = np.diag([1.0, 1.0, -1.0]), np.diag([1.0, -1.0, 1.0])
    c2_x, inversion = np.diag([1.0, -1.0, -1.0]), -np.eye(3)
    c3_cubic = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # x -> y -> z -> x
    tetrahedral = [np.diag([-1.0, -1.0, 1.0]), c3_cubic]
    golden = (1 + 5**0.5) / 2
    icosahedral = [*tetrahedral, rotation_matrix(np.array([0.0, 1.0, golden]), 2 * pi / 5)]
    turn = rotation_matrix(z, 2 * pi / n)
    return {
        "C1": [],
        "Cs": [mirror_xy],
        "Ci": [inversion],
        "Cn": [turn],
        "Cnv": [turn, mirror_xz],
        "Cnh": [turn, mirror_xy],
        "Sn": [mirror_xy @ turn],
        "Dn": [turn, c2_x],
        "Dnh": [turn, c2_x, mirror_xy],
        "Dnd": [mirror_xy @ rotation_matrix(z, pi / n), c2_x],
        "T": tetrahedral,
        "Td": [*tetrahedral, np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])],
        "Th": [*tetrahedral, inversion],
        "O": [*tetrahedral, rotation_matrix(z, pi / 2)],
        "Oh": [*tetrahedral, rotation_matrix(z, pi / 2), inversion],
        "I": icosahedral,
        "Ih": [*icosahedral, inversion],
    }[family]


@lru_cache(maxsize=1024)
def _parse(text: str) -> str:
    """Customary label of the group that ``text`` names."""
    refusal = PointGroupError(
        f"PointGroup.parse({text!r}): not a point group. Examples: 'C2v', 'D6h', 'S4', 'Td', 'Oh', 'Cinfv', 'Kh'."
    )
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"\\(infty|mathrm|text|rm)", lambda m: "inf" if m[1] == "infty" else "", plain)
    plain = re.sub(r"[\s$_{}\\,]", "", plain)
    if plain in _INTERNATIONAL:
        return _INTERNATIONAL[plain]
    plain = plain.lower().replace("∞", "inf").replace("*", "inf").replace("infinity", "inf").replace("oo", "inf")
    if plain in _SYNONYMS:
        return _SYNONYMS[plain]
    match = re.fullmatch(r"([cds])(\d{1,6}|inf)([vhdi]?)", plain)
    if match is None:
        raise refusal
    letter, n, suffix = match[1], 0 if match[2] == "inf" else int(match[2]), match[3]
    if n == 0:
        label = {"cv": "Cinfv", "dh": "Dinfh"}.get(letter + suffix)
        if label is None or (match[2] != "inf" and match[2] != "0"):
            raise refusal
        return label
    if n > _MAX_N * (2 if letter == "s" else 1):
        raise PointGroupError(f"PointGroup.parse({text!r}): axes up to order {_MAX_N} are supported.")
    label = _axial_label(letter, n, suffix)
    if label is None:
        raise refusal
    return label


def _axial_label(letter: str, n: int, suffix: str) -> str | None:
    """Conventional label of an axial group: low n and improper axes have customary other names."""
    if letter == "s":
        if suffix:
            return None
        return {1: "Cs", 2: "Ci"}.get(n, f"S{n}" if n % 2 == 0 else f"C{n}h")
    if letter == "c":
        if suffix == "i":  # C_n times the inversion
            return "Ci" if n == 1 else f"S{2 * n}" if n % 2 else f"C{n}h"
        if suffix == "d":
            return None
        return {"": "C1", "v": "Cs", "h": "Cs"}[suffix] if n == 1 else f"C{n}{suffix}"
    if suffix in ("i", "v"):
        return None
    return {"": "C2", "h": "C2v", "d": "C2h"}[suffix] if n == 1 else f"D{n}{suffix}"
