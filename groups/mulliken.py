"""Mulliken symbols of irreps and names of classes, by rule, in their conventional order.

Standard setting (see :attr:`PointGroup.operations`): principal axis z, C2' along x, the sigma_v of Cnv in xz, and
the sigma_v of Dnh through a C2' axis (so sigma_v is the class of the xz mirror wherever there are two classes).
R. S. Mulliken, J. Chem. Phys. 23 (1955) 1997; S. L. Altmann and P. Herzig, Point-Group Theory Tables (1994).
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import pi

import numpy as np

from ._dixon import ModularTable
from .operations import NDArrayFloat, SymmetryOperation, rotation_matrix
from .schoenflies import PointGroup

__all__ = ["ClassName", "MullikenSymbol", "irrep_key", "irrep_symbols", "name_classes"]

_LETTERS = "ABETGH"
_CUBIC_CLASS_ORDER = {
    "T": "E C3 C3^2 C2",
    "Td": "E C3 C2 S4 sigma_d",
    "Th": "E C3 C3^2 C2 i S6^5 S6 sigma_h",
    "O": "E C4 C2 C3 C2'",
    "Oh": "E C3 C2' C4 C2 i S4 S6 sigma_h sigma_d",
    "I": "E C5 C5^2 C3 C2",
    "Ih": "E C5 C5^2 C3 C2 i S10 S10^3 S6 sigma",
}
_MIRROR_XZ = np.diag([1.0, -1.0, 1.0])
_C2_X = np.diag([1.0, -1.0, -1.0])
_SIGMA_H = np.diag([1.0, 1.0, -1.0])
_INVERSION = -np.eye(3)
_DIAGONAL = np.ones(3) / 3**0.5
_Z = np.array([0.0, 0.0, 1.0])


def operation_index(group: PointGroup, matrix: NDArrayFloat) -> int:
    """Index of ``matrix`` (3, 3) among the standard operations of ``group``."""
    distance = np.abs(group.matrices - matrix).max(axis=(1, 2))
    index = int(np.argmin(distance))
    if distance[index] > 1e-6:
        raise AssertionError(f"{group.label} has no operation {matrix.tolist()}")
    return index


# ---------------------------------------------------------------------------------------------------- classes


@dataclass(frozen=True)
class ClassName:
    """Name of one class: ``symbol`` without the count ("C2'"), which elements it holds, and its place in the order."""

    symbol: str
    description: str
    place: tuple


def name_classes(group: PointGroup, modular: ModularTable) -> list[ClassName]:
    """Name of each class of ``modular``."""
    namer = _CubicClasses(group) if group.is_cubic else _AxialClasses(group)
    names = [namer.name([group.operations[g] for g in members]) for members in modular.classes]
    if len({name.symbol for name in names}) != len(names):
        raise AssertionError(f"{group.label}: class names are not unique: {[name.symbol for name in names]}")
    return names


def _power(operation: SymmetryOperation) -> int:
    """Exponent in the Schoenflies name: 3 for S4^3, 5 for S3^5."""
    return operation.k if operation.proper or operation.k % 2 else operation.k + operation.n


def _along(operation: SymmetryOperation, direction: NDArrayFloat) -> bool:
    return operation.axis is not None and abs(abs(operation.axis @ direction) - 1) < 1e-6


class _CubicClasses:
    def __init__(self, group: PointGroup) -> None:
        self.family = group.family
        self.order = _CUBIC_CLASS_ORDER[self.family].split()

    def name(self, members: Sequence[SymmetryOperation]) -> ClassName:
        symbol, description = self._symbol(members)
        return ClassName(symbol, description, (self.order.index(symbol),))

    def _symbol(self, members: Sequence[SymmetryOperation]) -> tuple[str, str]:
        kind = members[0].kind
        if kind in ("E", "i"):
            return kind, {"E": "identity", "i": "inversion"}[kind]
        on_axes = any(_along(op, _Z) for op in members)
        place = "along x, y, z" if on_axes else "along the face diagonals, as (1,1,0)"
        if kind == "sigma":
            normal = "normal to x, y, z" if on_axes else "normal to the face diagonals, as (1,1,0)"
            symbol = {"Td": "sigma_d", "Th": "sigma_h", "Ih": "sigma"}.get(self.family)
            if self.family == "Ih":
                return "sigma", "mirrors, among them xy, xz, yz"
            return symbol or ("sigma_h" if on_axes else "sigma_d"), "mirrors " + normal
        if kind == "C" and members[0].n == 2:
            if self.family in ("I", "Ih"):
                return "C2", "half-turns, among them those about x, y, z"
            return ("C2" if on_axes else "C2'"), "half-turns " + place
        if self.family in (
            "T",
            "Th",
        ):  # C3 and its inverse lie in two classes: named by the turn about (1,1,1)
            named = next(op for op in members if _along(op, _DIAGONAL))
            turns = "(1,1,1), (1,-1,-1), (-1,1,-1), (-1,-1,1)"
            return named.label, f"{named.label} about {turns}, each axis in the direction given"
        named = min(members, key=_power)
        place = {3: "about the body diagonals", 4: "about x, y, z"}.get(named.order, "")
        if self.family in ("I", "Ih") or named.order == 6:
            place = "about the axes of order " + str({"C": named.n, "S": named.n // 2}[named.kind])
        return named.label, f"{named.label} and inverses {place}"


class _AxialClasses:
    def __init__(self, group: PointGroup) -> None:
        self.family, self.n = group.family, group.n
        self.cartesian = self.family in ("D2", "Dn", "Dnh", "Cnv") and self.n == 2
        # The class t c of a class c, t = i or sigma_h, takes the place of c in the second half of the table.
        self.second_half: NDArrayFloat | None = None
        if group.has_inversion:
            self.second_half = _INVERSION
        elif self.family in ("Cs", "Cnh", "Dnh"):
            self.second_half = _SIGMA_H
        self.mixed = self.family in ("Sn", "Dnd") and self.second_half is None  # powers of S_2n, C and S in turn

    def name(self, members: Sequence[SymmetryOperation]) -> ClassName:
        symbol, description = self._symbol(members)
        return ClassName(symbol, description, self._place(members))

    def _symbol(self, members: Sequence[SymmetryOperation]) -> tuple[str, str]:
        first = members[0]
        kind = first.kind
        if kind in ("E", "i"):
            return kind, {"E": "identity", "i": "inversion"}[kind]
        if all(_along(op, _Z) for op in members):
            return self._principal(members)
        axis = next((name for name, e in zip("xy", np.eye(3), strict=False) if any(_along(o, e) for o in members)), "")
        if kind == "C":
            where = f"half-turns, one of them about {axis}" if axis else "half-turns between those about the C2' axes"
            if self.cartesian:
                return f"C2({axis})", f"half-turn about {axis}"
            if self.n % 2:
                return "C2", where
            return ("C2'" if any(_along(op, np.array([1.0, 0, 0])) for op in members) else "C2''"), where
        has_xz = any(_along(op, np.array([0.0, 1, 0])) for op in members)
        plane = "xz" if has_xz else "yz" if axis == "x" else ""
        where = f"vertical mirrors, one of them {plane}" if plane else "vertical mirrors between the sigma_v"
        if self.cartesian:
            symbol = f"sigma({plane})" if self.family == "Dnh" else {"xz": "sigma_v(xz)", "yz": "sigma_v'(yz)"}[plane]
            return symbol, f"mirror {plane}"
        if self.family == "Dnd":
            return "sigma_d", where if plane else "vertical mirrors between the C2' axes"
        return ("sigma_v" if has_xz or self.n % 2 else "sigma_d"), where

    def _principal(self, members: Sequence[SymmetryOperation]) -> tuple[str, str]:
        named = min(members, key=_power)
        if named.kind == "sigma":
            return ("sigma(xy)" if self.cartesian else "sigma_h"), "mirror xy"
        label = f"{named.label}(z)" if self.cartesian else named.label
        return label, f"{named.label} about z" + (" and its inverse" if len(members) > 1 else "")

    def _place(self, members: Sequence[SymmetryOperation]) -> tuple:
        if self.mixed:
            return self._section(members)
        if members[0].proper:
            return (0, *self._section(members))
        if self.second_half is None:  # Cnv
            return (1, 0 if any(_along(op, np.array([0.0, 1, 0])) for op in members) else 1)
        partners = [SymmetryOperation.from_matrix(self.second_half @ op.matrix) for op in members]
        return (1, *self._section(partners))

    def _section(self, members: Sequence[SymmetryOperation]) -> tuple:
        """Rotations about z by angle; then C2'; then C2'' (D2: C2(y) before C2(x)); then sigma_d of Dnd."""
        if members[0].axis is None or all(_along(op, _Z) for op in members):
            return (0, min(Fraction(op.k, op.n) for op in members))
        if not members[0].proper:
            return (3, Fraction(0))
        has_x = any(_along(op, np.array([1.0, 0, 0])) for op in members)
        return (1 if has_x != self.cartesian else 2, Fraction(0))


# ---------------------------------------------------------------------------------------------------- irreps


@dataclass(frozen=True)
class MullikenSymbol:
    """Parts of an irrep's label: "2E1g" is member 2, letter E, index 1, parity g.

    Attributes
    ----------
    letter : {"A", "B", "E", "T", "G", "H"}
    index : int
        0 where there is none.
    parity : {"", "g", "u", "'", "''"}
    member : int
        1 or 2 for the members of a complex-conjugate pair (1 has exp(+2 pi i m/n) on the principal rotation),
        else 0.
    """

    letter: str
    index: int = 0
    parity: str = ""
    member: int = 0

    @property
    def label(self) -> str:
        """The symbol as ASCII text."""
        return (str(self.member) if self.member else "") + self.real_label

    @property
    def real_label(self) -> str:
        """The label without the member of a pair."""
        return self.letter + (str(self.index) if self.index else "") + self.parity

    @property
    def place(self) -> tuple:
        """Sort key of the conventional order: g before u, ' before '', A B E T G H, index, member."""
        return (
            "gu".find(self.parity),
            len(self.parity),
            _LETTERS.index(self.letter),
            self.index,
            self.member,
        )


def irrep_symbols(group: PointGroup, modular: ModularTable) -> list[MullikenSymbol]:
    """Mulliken symbol of each irrep of ``modular``."""
    rule = _CubicRule(group, modular) if group.is_cubic else _AxialRule(group, modular)
    symbols = [rule.symbol(i) for i in range(len(modular.dimensions))]
    if len({symbol.label for symbol in symbols}) != len(symbols):
        raise AssertionError(f"{group.label}: irrep labels are not unique: {[s.label for s in symbols]}")
    return symbols


class _Rule:
    """What the rules of all families share: eigenvalues of chosen operations, and the parity."""

    def __init__(self, group: PointGroup, modular: ModularTable) -> None:
        self.group, self.modular = group, modular
        self.parity_class: int | None = None
        self.parity_signs = "gu"
        if group.has_inversion:
            self.parity_class = self.class_of(_INVERSION)
        elif group.family == "Cs" or (group.family in ("Cnh", "Dnh") and group.n % 2):
            self.parity_class, self.parity_signs = self.class_of(_SIGMA_H), "'\""

    def class_of(self, matrix: NDArrayFloat) -> int:
        return int(self.modular.class_of[operation_index(self.group, matrix)])

    def eigenvalues(self, irrep: int, class_index: int) -> dict[int, int]:
        """``{k: how often exp(2 pi i k/order) is an eigenvalue}``."""
        found = self.modular.multiplicities[class_index][irrep]
        return {int(k): int(found[k]) for k in np.flatnonzero(found)}

    def is_symmetric(self, irrep: int, class_index: int) -> bool:
        """True where all eigenvalues are +1."""
        return set(self.eigenvalues(irrep, class_index)) == {0}

    def parity(self, irrep: int) -> str:
        if self.parity_class is None:
            return ""
        sign = self.parity_signs[0 if self.is_symmetric(irrep, self.parity_class) else 1]
        return sign.replace('"', "''")


class _AxialRule(_Rule):
    def __init__(self, group: PointGroup, modular: ModularTable) -> None:
        super().__init__(group, modular)
        family, n = group.family, group.n
        if family in ("C1", "Cs", "Ci"):
            n = 1
        turn = rotation_matrix(_Z, 2 * pi / n)
        if family == "Sn":
            n, turn = (n, _SIGMA_H @ turn) if n % 4 == 0 else (n // 2, rotation_matrix(_Z, 4 * pi / n))
        elif family == "Dnd" and n % 2 == 0:
            n, turn = 2 * n, _SIGMA_H @ rotation_matrix(_Z, pi / n)
        self.n, self.principal = n, self.class_of(turn)
        self.marker: int | None = None
        if family == "Cnv":
            self.marker = self.class_of(_MIRROR_XZ)
        elif family in ("Dn", "Dnh", "Dnd"):
            self.marker = self.class_of(_C2_X)
        self.is_d2 = family in ("Dn", "Dnh") and n == 2

    def symbol(self, irrep: int) -> MullikenSymbol:
        eigenvalues = self.eigenvalues(irrep, self.principal)
        parity = self.parity(irrep)
        turn = min(eigenvalues)
        if turn > 0 and 2 * turn != self.n:
            m = min(turn, self.n - turn)
            member = 0 if len(eigenvalues) == 2 else 1 if turn == m else 2
            return MullikenSymbol("E", m if self.n > 4 else 0, parity, member)
        letter = "B" if turn else "A"
        if self.marker is None:
            return MullikenSymbol(letter, 0, parity)
        symmetric = self.is_symmetric(irrep, self.marker)
        if self.is_d2:  # A, and B1, B2, B3 symmetric to C2(z), C2(y), C2(x)
            index = (0 if symmetric else 1) if letter == "A" else (3 if symmetric else 2)
            return MullikenSymbol("B" if index else "A", index, parity)
        return MullikenSymbol(letter, 1 if symmetric else 2, parity)


class _CubicRule(_Rule):
    def __init__(self, group: PointGroup, modular: ModularTable) -> None:
        super().__init__(group, modular)
        turn = rotation_matrix(_Z, pi / 2)
        self.marker: int | None = None
        if group.family[0] == "I":
            self.marker = self.class_of(rotation_matrix(np.array([0.0, 1.0, (1 + 5**0.5) / 2]), 2 * pi / 5))
        elif group.family in ("O", "Oh"):
            self.marker = self.class_of(turn)
        elif group.family == "Td":
            self.marker = self.class_of(_SIGMA_H @ turn)
        self.c3 = self.class_of(rotation_matrix(_DIAGONAL, 2 * pi / 3))

    def symbol(self, irrep: int) -> MullikenSymbol:
        dimension, parity = int(self.modular.dimensions[irrep]), self.parity(irrep)
        if dimension == 1 and not self.is_symmetric(irrep, self.c3):
            return MullikenSymbol("E", 0, parity, min(self.eigenvalues(irrep, self.c3)))
        letter = {1: "A", 2: "E", 3: "T", 4: "G", 5: "H"}[dimension]
        if self.marker is None or letter in "EGH":
            return MullikenSymbol(letter, 0, parity)
        eigenvalues = self.eigenvalues(irrep, self.marker)
        if self.group.family[0] == "I":  # T1 turns like (x, y, z): exp(+-2 pi i/5), character (1+sqrt5)/2
            return MullikenSymbol(letter, 0 if letter == "A" else 1 if 1 in eigenvalues else 2, parity)
        if letter == "A":
            return MullikenSymbol("A", 1 if 0 in eigenvalues else 2, parity)
        return MullikenSymbol("T", 1 if 0 in eigenvalues else 2, parity)  # {1, i, -i} or {-1, i, -i}


# ---------------------------------------------------------------------------------------------------- spelling

_GREEK = {
    "Σ": "Sigma", "Π": "Pi", "Δ": "Delta", "Φ": "Phi", "Γ": "Gamma", "Η": "Eta", "Ι": "Iota", "Κ": "Kappa",
    "σ": "Sigma", "π": "Pi", "δ": "Delta", "φ": "Phi", "ϕ": "Phi", "γ": "Gamma", "η": "Eta", "ι": "Iota",
    "κ": "Kappa",
}  # fmt: skip
_HEAD = re.compile(r"(\d*)(sigma|pi|delta|phi|gamma|eta|iota|kappa|[a-z])([\dgu'+-]*)")


def irrep_key(text: str) -> tuple[str, str, str] | None:
    """Spelling-independent key ``(member, letter, rest)`` of an irrep label; None if it cannot be one.

    "A1g", "a1g", "A_{1g}", "A₁g"; "Σg+", "Sigma_g^+"; "A″", "A''", 'A"' have equal keys each.
    """
    for sign in "′’ʹ`":
        text = text.replace(sign, "'")
    text = text.replace("″", "''").replace('"', "''").replace("−", "-")
    text = "".join(_GREEK.get(c, c) for c in unicodedata.normalize("NFKC", text.strip()))
    text = text.replace("\\prime", "'").replace("⁺", "+").replace("⁻", "-").replace("−", "-")
    text = re.sub(r"[\s\\_^{}$(),]|mathrm|varSigma", "", text).lower()
    match = _HEAD.fullmatch(text)
    if match is None:
        return None
    rest = match[3]
    digits = "".join(c for c in rest if c.isdigit())
    marks = "".join(sorted(c for c in rest if not c.isdigit()))
    return match[1], match[2], digits + marks
