"""Geometries of the molecules that claims are about, exactly symmetric (angstrom)."""

from itertools import product

import numpy as np

from ..groups.molecule import Molecule

__all__ = ["benzene", "cubane", "ethylene", "methane", "sulfur_hexafluoride", "water"]


def _molecule(name: str, symbols: list[int], positions: list[list[float]]) -> Molecule:
    return Molecule.from_arrays(symbols, positions, name=name)


def water() -> Molecule:
    """C2v."""
    return _molecule("water", [8, 1, 1], [[0, 0, 0.117], [0, 0.757, -0.469], [0, -0.757, -0.469]])


def methane() -> Molecule:
    """Td."""
    corners = [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    return _molecule("methane", [6, 1, 1, 1, 1], [[0, 0, 0], *(0.629 * np.array(corners)).tolist()])


def ethylene() -> Molecule:
    """D2h."""
    hydrogens = [[x * 1.232, y * 0.928, 0.0] for x, y in product((1, -1), repeat=2)]
    return _molecule("ethylene", [6, 6, 1, 1, 1, 1], [[0.667, 0, 0], [-0.667, 0, 0], *hydrogens])


def benzene() -> Molecule:
    """D6h."""
    angles = np.pi / 3 * np.arange(6)
    rings = [[r * np.cos(a), r * np.sin(a), 0.0] for r in (1.397, 2.481) for a in angles]
    return _molecule("benzene", [6] * 6 + [1] * 6, rings)


def cubane() -> Molecule:
    """Oh."""
    corners = np.array(list(product((1, -1), repeat=3)))
    return _molecule("cubane", [6] * 8 + [1] * 8, [*(0.783 * corners).tolist(), *(1.414 * corners).tolist()])


def sulfur_hexafluoride() -> Molecule:
    """Oh."""
    axes = 1.561 * np.vstack([np.eye(3), -np.eye(3)])
    return _molecule("sulfur hexafluoride", [16] + [9] * 6, [[0, 0, 0], *axes.tolist()])
