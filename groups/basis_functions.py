"""Which polynomials and rotations belong to which irrep, found by projection in the standard setting.

Cubic functions: all ten products of three coordinates (so the tables serve the hyperpolarizability), in
combinations that contain the angular forms of the seven f orbitals and the three r^2 (x, y, z).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from .operations import NDArrayFloat

if TYPE_CHECKING:
    from .character_table import CharacterTable
    from .linear_groups import InfiniteTable

__all__ = ["BasisFunctions", "find_basis_functions", "infinite_basis_functions"]

_TOLERANCE = 1e-9  # of a projected function at points of size one
_SAMPLES = np.random.default_rng(0).uniform(-1.0, 1.0, size=(16, 3))  # more than the ten cubic monomials

Function = Callable[[NDArrayFloat, NDArrayFloat, NDArrayFloat], NDArrayFloat]
Named = tuple[str, Function]
Block = Sequence[Named]


@dataclass(frozen=True)
class BasisFunctions:
    """Functions of one irrep, as text; those that are transformed into each other stand in one pair of brackets.

    Attributes
    ----------
    linear, rotational, quadratic, cubic : tuple of str
        As ("z",), ("(Rx,Ry)",), ("x^2+y^2", "z^2"), ("(xyz,z(x^2-y^2))",).
    """

    linear: tuple[str, ...] = ()
    rotational: tuple[str, ...] = ()
    quadratic: tuple[str, ...] = ()
    cubic: tuple[str, ...] = ()


_VECTOR: Block = (("x", lambda x, y, z: x), ("y", lambda x, y, z: y), ("z", lambda x, y, z: z))
_ROTATIONS: Block = tuple((f"R{name}", function) for name, function in _VECTOR)

# Blocks that stay together under rotations about z: for groups with an axis of order three or higher.
_AXIAL_VECTOR = (_VECTOR[:2], _VECTOR[2:])
_AXIAL_ROTATIONS = (_ROTATIONS[:2], _ROTATIONS[2:])
_AXIAL_QUADRATIC: tuple[Block, ...] = (
    (("x^2+y^2", lambda x, y, z: x * x + y * y),),
    (("z^2", lambda x, y, z: z * z),),
    (("x^2-y^2", lambda x, y, z: x * x - y * y), ("xy", lambda x, y, z: x * y)),
    (("xz", lambda x, y, z: x * z), ("yz", lambda x, y, z: y * z)),
)
_AXIAL_CUBIC: tuple[Block, ...] = (
    (("z^3", lambda x, y, z: z**3),),
    (("z(x^2+y^2)", lambda x, y, z: z * (x * x + y * y)),),
    (("xz^2", lambda x, y, z: x * z * z), ("yz^2", lambda x, y, z: y * z * z)),
    (
        ("x(x^2+y^2)", lambda x, y, z: x * (x * x + y * y)),
        ("y(x^2+y^2)", lambda x, y, z: y * (x * x + y * y)),
    ),
    (("xyz", lambda x, y, z: x * y * z), ("z(x^2-y^2)", lambda x, y, z: z * (x * x - y * y))),
    (
        ("x(x^2-3y^2)", lambda x, y, z: x * (x * x - 3 * y * y)),
        ("y(3x^2-y^2)", lambda x, y, z: y * (3 * x * x - y * y)),
    ),
)

# Blocks for cubic and icosahedral groups.
_CUBIC_QUADRATIC: tuple[Block, ...] = (
    (("x^2+y^2+z^2", lambda x, y, z: x * x + y * y + z * z),),
    (
        ("2z^2-x^2-y^2", lambda x, y, z: 2 * z * z - x * x - y * y),
        ("x^2-y^2", lambda x, y, z: x * x - y * y),
        ("xy", lambda x, y, z: x * y),
        ("xz", lambda x, y, z: x * z),
        ("yz", lambda x, y, z: y * z),
    ),
)
_XYZ: Named = ("xyz", lambda x, y, z: x * y * z)
_RADIAL_CUBIC: Block = (
    ("x(x^2+y^2+z^2)", lambda x, y, z: x * (x * x + y * y + z * z)),
    ("y(x^2+y^2+z^2)", lambda x, y, z: y * (x * x + y * y + z * z)),
    ("z(x^2+y^2+z^2)", lambda x, y, z: z * (x * x + y * y + z * z)),
)
_CUBIC_CUBIC: tuple[Block, ...] = (
    (_XYZ,),
    (("x^3", lambda x, y, z: x**3), ("y^3", lambda x, y, z: y**3), ("z^3", lambda x, y, z: z**3)),
    (
        ("x(y^2+z^2)", lambda x, y, z: x * (y * y + z * z)),
        ("y(z^2+x^2)", lambda x, y, z: y * (z * z + x * x)),
        ("z(x^2+y^2)", lambda x, y, z: z * (x * x + y * y)),
    ),
    (
        ("x(y^2-z^2)", lambda x, y, z: x * (y * y - z * z)),
        ("y(z^2-x^2)", lambda x, y, z: y * (z * z - x * x)),
        ("z(x^2-y^2)", lambda x, y, z: z * (x * x - y * y)),
    ),
)


def find_basis_functions(table: "CharacterTable") -> Mapping[str, BasisFunctions]:
    """Basis functions for each irrep of the real form of ``table``, in its order; read-only."""
    projections = _Projections(table)
    if table.point_group.is_cubic:
        linear, rotational, quadratic = (_VECTOR,), (_ROTATIONS,), _CUBIC_QUADRATIC
        cubic = _icosahedral_cubic(projections) if table.point_group.family[0] == "I" else _CUBIC_CUBIC
    elif max(table.real_dimensions.values()) > 1:
        linear, rotational, quadratic, cubic = _AXIAL_VECTOR, _AXIAL_ROTATIONS, _AXIAL_QUADRATIC, _AXIAL_CUBIC
    else:  # every monomial is its own partner
        linear, rotational = (_VECTOR,), (_ROTATIONS,)
        quadratic, cubic = (_monomials(2),), (_monomials(3),)
    found = [
        projections.assign(linear),
        projections.assign(rotational, axial=True),
        projections.assign(quadratic),
        projections.assign(cubic),
    ]
    return MappingProxyType(
        {label: BasisFunctions(*(tuple(kind.get(label, ())) for kind in found)) for label in table.real_labels}
    )


def infinite_basis_functions(table: "InfiniteTable") -> Mapping[str, BasisFunctions]:
    """Basis functions for the irreps that ``table`` lists; read-only.

    Cinfv and Dinfh are read from C8v and D8h, in which functions of degree three or less have the same partners
    (E_m of order eight is Lambda = m for m < 4).
    """
    from .character_table import character_table

    label = table.point_group.label
    if label == "Kh":
        return MappingProxyType({name: _SPHERICAL.get(name, BasisFunctions()) for name in table.labels})
    finite = character_table("C8v" if label == "Cinfv" else "D8h")
    found = {name: BasisFunctions() for name in table.labels}
    for name, functions in finite.functions.items():
        parity = name[-1] if name[-1] in "gu" else ""
        letter = name.removesuffix(parity)
        if letter[0] == "A":
            # Sigma+ is symmetric to sigma_v, A1 to C2'; they differ by the inversion.
            symmetric = (letter == "A1") != (parity == "u")
            found[f"Sigma{parity}{'+' if symmetric else '-'}"] = functions
        elif letter[0] == "E":
            found[table.irrep(letter + parity).label] = functions
    return MappingProxyType(found)


_SPHERICAL = {
    "Sg": BasisFunctions(quadratic=("x^2+y^2+z^2",)),
    "Pg": BasisFunctions(rotational=("(Rx,Ry,Rz)",)),
    "Dg": BasisFunctions(quadratic=("(2z^2-x^2-y^2,x^2-y^2,xy,xz,yz)",)),
    "Pu": BasisFunctions(linear=("(x,y,z)",), cubic=("(x(x^2+y^2+z^2),y(x^2+y^2+z^2),z(x^2+y^2+z^2))",)),
    "Fu": BasisFunctions(
        cubic=("(z(2z^2-3x^2-3y^2),x(4z^2-x^2-y^2),y(4z^2-x^2-y^2),xyz,z(x^2-y^2),x(x^2-3y^2),y(3x^2-y^2))",)
    ),
}


class _Projections:
    """Projects functions, given by their values at sample points, onto the real irreps of one group."""

    def __init__(self, table: "CharacterTable") -> None:
        self.table = table
        self.dimensions = table.real_dimensions
        group = table.point_group
        # (g f)(r) = f(g^-1 r), and g^-1 r = g^T r, which for rows r is r @ g.
        self.points = np.einsum("pi,gij->gpj", _SAMPLES, group.matrices)  # (h, points, 3)
        self.signs = np.array([1.0 if op.proper else -1.0 for op in group.operations])
        real = table.with_form("real")
        per_class = real.to_numpy() * (1.0 / table.order)
        weights = np.empty((len(real.irreps), group.order or 0))
        for c, members in enumerate(real.classes):
            weights[:, list(members.indices)] = per_class[:, [c]]
        # The projector on an irrep has d chi/h; on the pair E = 1E + 2E, whose members have d = 1, chi_E/h.
        scale = [i.dimension if i.reality == "real" else i.dimension // 2 for i in real.irreps]
        self.weights = weights * np.array(scale)[:, None]

    def project(self, function: Function, axial: bool = False) -> NDArrayFloat:
        """Values (n_real_irreps, points) of the part of ``function`` in each real irrep."""
        values = function(*np.moveaxis(self.points, -1, 0))  # (h, points)
        return self.weights @ (values * self.signs[:, None] if axial else values)

    def irrep_of(self, named: Named, axial: bool) -> str:
        """The real irrep that a function belongs to wholly."""
        name, function = named
        parts = np.abs(self.project(function, axial)).max(axis=1)
        present = np.flatnonzero(parts > _TOLERANCE)
        if len(present) != 1:
            raise AssertionError(f"{self.table.point_group.label}: {name} lies in {len(present)} irreps, not one")
        return self.table.real_labels[int(present[0])]

    def assign(self, blocks: Sequence[Block], axial: bool = False) -> dict[str, list[str]]:
        """Texts per real irrep; partners within a block are put into brackets."""
        result: dict[str, list[str]] = {}
        for block in blocks:
            by_irrep: dict[str, list[str]] = {}
            for named in block:
                by_irrep.setdefault(self.irrep_of(named, axial), []).append(named[0])
            for label, names in by_irrep.items():
                d = self.dimensions[label]
                sets = [names[i : i + d] for i in range(0, len(names), d)]
                texts = [f"({','.join(partners)})" if d > 1 else partners[0] for partners in sets]
                result.setdefault(label, []).extend(texts)
        return result


def _monomials(degree: int) -> Block:
    """All monomials of a degree, x before y before z, pure powers first: x^2, y^2, z^2, xy, xz, yz."""
    powers = [(a, b, degree - a - b) for a in range(degree + 1) for b in range(degree + 1 - a)]
    powers.sort(key=lambda p: (-max(p), [-e for e in p]))
    return tuple((_monomial_text(p), _monomial(p)) for p in powers)


def _monomial_text(powers: tuple[int, int, int]) -> str:
    return "".join(
        name + (f"^{power}" if power > 1 else "") for name, power in zip("xyz", powers, strict=True) if power
    )


def _monomial(powers: tuple[int, int, int]) -> Function:
    return lambda x, y, z: x ** powers[0] * y ** powers[1] * z ** powers[2]


def _icosahedral_cubic(projections: _Projections) -> tuple[Block, ...]:
    """Cubic functions for I and Ih: r^2 (x,y,z), and the parts of x^3, y^3, z^3 in T2 and G, by projection.

    The part of x^3 is x (a x^2 + b y^2 + c z^2) with a, b, c in Q(sqrt5); the cyclic permutation x -> y -> z, an
    element of the group, gives its partners. xyz completes G.
    """
    x, y, z = _SAMPLES.T
    basis = np.array([x**3, x * y * y, x * z * z]).T
    blocks: list[Block] = [_RADIAL_CUBIC]
    for label, values in zip(projections.table.real_labels, projections.project(lambda x, y, z: x**3), strict=True):
        if np.abs(values).max() < _TOLERANCE or label.startswith("T1"):
            continue
        coefficients = np.linalg.lstsq(basis, values, rcond=None)[0]
        doubled = 2 * coefficients / coefficients[0]
        exact = [_golden_integer(value) for value in doubled]
        partners = tuple(_cyclic(exact, shift) for shift in range(3))
        blocks.append((_XYZ, *partners) if label.startswith("G") else partners)
    return tuple(blocks)


def _golden_integer(value: float) -> tuple[int, int]:
    """Integers (a, b), |b| <= 12, with value = a + b sqrt5."""
    for b in sorted(range(-12, 13), key=abs):
        a = round(value - b * sqrt(5))
        if abs(a) <= 12 and abs(a + b * sqrt(5) - value) < _TOLERANCE:
            return a, b
    raise AssertionError(f"{value} is no small integer combination of 1 and sqrt5")


def _cyclic(coefficients: Sequence[tuple[int, int]], shift: int) -> Named:
    """``u (a u^2 + b v^2 + c w^2)`` with (u, v, w) = (x, y, z) moved on by ``shift`` places."""
    numbers = [a + b * sqrt(5) for a, b in coefficients]
    names = [("xyz" * 2)[shift + i] for i in range(3)]
    terms = "".join(_golden_text(c) + f"{name}^2" for c, name in zip(coefficients, names, strict=True))

    def function(x: NDArrayFloat, y: NDArrayFloat, z: NDArrayFloat) -> NDArrayFloat:
        r = (x, y, z)
        u, v, w = (r[(shift + i) % 3] for i in range(3))
        return u * (numbers[0] * u * u + numbers[1] * v * v + numbers[2] * w * w)

    return f"{names[0]}({terms.removeprefix('+')})", function


def _golden_text(c: tuple[int, int]) -> str:
    """Signed text of a + b sqrt5: "+2", "-(3+sqrt5)", "+(3sqrt5-3)"."""
    a, b = c
    if not b:
        return f"{a:+d}"
    sign = "+" if a + b * sqrt(5) > 0 else "-"
    a, b = (a, b) if sign == "+" else (-a, -b)
    root = {1: "sqrt5", -1: "-sqrt5"}.get(b, f"{b}sqrt5")
    if a > 0:
        return f"{sign}({a}{'+' if b > 0 else ''}{root})"
    return f"{sign}({root}{a:+d})" if a else f"{sign}{root}"
