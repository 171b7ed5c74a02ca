"""Groups from generators, orbits of points, and the record of one test molecule.

Numpy only, and independent of symvib: what is tested must not be its own oracle.
Standard orientation: principal axis z, one C2' axis along x (Dn, Dnh, Dnd), one sigma_v in the xz plane
(Cnv), the mirror of Cs in the xy plane; cubic and icosahedral groups have a twofold axis along z and a
threefold one along (1, 1, 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

GOLDEN = (1 + np.sqrt(5)) / 2
LINEAR_GROUPS = ("Cinfv", "Dinfh", "Kh")


@dataclass(frozen=True, eq=False)
class ZooMolecule:
    """A cluster of atoms whose point group is known by construction.

    Attributes
    ----------
    name : str
        Unique in its tuple.
    group : str
        Schoenflies label, ASCII.
    symbols : tuple of str
        Element symbols.
    positions : ndarray (N, 3)
        Cartesian coordinates, angstrom, read-only.
    note : str
        Why the group is exactly this one.
    """

    name: str
    group: str
    symbols: tuple[str, ...]
    positions: np.ndarray
    note: str

    def __post_init__(self):
        frozen = np.array(self.positions, dtype=float).reshape(len(self.symbols), 3)
        frozen.setflags(write=False)
        object.__setattr__(self, "positions", frozen)


@dataclass(frozen=True, eq=False)
class NearMolecule(ZooMolecule):
    """A structure of exact group `group` close to one of the higher group `rival`.

    Attributes
    ----------
    rival : str
        The higher group.
    deviation_about : float
        Largest distance (angstrom) of an atom from its image under the operations of the rival, each
        operation fitted to the structure as a rigid rotation about the centre (Kabsch).
    """

    rival: str
    deviation_about: float


def rotation(axis: Sequence[float], angle: float) -> np.ndarray:
    """Active rotation matrix (3, 3) by `angle` (rad) about `axis`."""
    u = np.asarray(axis, dtype=float)
    u = u / np.linalg.norm(u)
    cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    return np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(u, u)


def reflection(normal: Sequence[float]) -> np.ndarray:
    """Reflection matrix (3, 3) in the plane through the origin with this normal."""
    u = np.asarray(normal, dtype=float)
    u = u / np.linalg.norm(u)
    return np.eye(3) - 2 * np.outer(u, u)


E = np.eye(3)
INVERSION = -np.eye(3)
SIGMA_H = np.diag([1.0, 1.0, -1.0])
SIGMA_XZ = np.diag([1.0, -1.0, 1.0])
C2X = np.diag([1.0, -1.0, -1.0])
C2Z = np.diag([-1.0, -1.0, 1.0])
C3_111 = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def _rz(n: int) -> np.ndarray:
    return rotation((0, 0, 1), 2 * np.pi / n)


def generators(label: str) -> tuple[np.ndarray, ...]:
    """Generating matrices of a finite point group given by its ASCII label."""
    c5 = rotation((0, 1, GOLDEN), 2 * np.pi / 5)
    fixed = {
        "C1": (E,),
        "Cs": (SIGMA_H,),
        "Ci": (INVERSION,),
        "T": (C2Z, C3_111),
        "Td": (_rz(4) @ SIGMA_H, C3_111),
        "Th": (C2Z, C3_111, INVERSION),
        "O": (_rz(4), C3_111),
        "Oh": (_rz(4), C3_111, INVERSION),
        "I": (c5, C3_111),
        "Ih": (c5, C3_111, INVERSION),
    }
    if label in fixed:
        return fixed[label]
    match = re.fullmatch(r"([CDS])(\d+)([vhd]?)", label)
    if match is None:
        raise ValueError(f"no finite point group {label!r}")
    kind, n, suffix = match[1], int(match[2]), match[3]
    return {
        "C": (_rz(n),),
        "Cv": (_rz(n), SIGMA_XZ),
        "Ch": (_rz(n), SIGMA_H),
        "D": (_rz(n), C2X),
        "Dh": (_rz(n), C2X, SIGMA_H),
        "Dd": (_rz(2 * n) @ SIGMA_H, C2X),
        "S": (_rz(n) @ SIGMA_H,),
    }[kind + suffix]


def group_order(label: str) -> int:
    """Number of operations of a finite point group, from its name (not from its matrices)."""
    fixed = {"C1": 1, "Cs": 2, "Ci": 2, "T": 12, "Td": 24, "Th": 24, "O": 24, "Oh": 48, "I": 60, "Ih": 120}
    if label in fixed:
        return fixed[label]
    match = re.fullmatch(r"([CDS])(\d+)([vhd]?)", label)
    if match is None:
        raise ValueError(f"no finite point group {label!r}")
    return int(match[2]) * (2 if match[1] == "D" else 1) * (2 if match[3] else 1)


@cache
def group_matrices(label: str) -> np.ndarray:
    """All operations (h, 3, 3) of a finite group, closed from its generators; read-only."""
    elements = [E]
    frontier = [E]
    while frontier:
        fresh = []
        for element in frontier:
            for generator in generators(label):
                product = generator @ element
                if np.abs(np.array(elements) - product).max(axis=(1, 2)).min() > 1e-6:
                    elements.append(product)
                    fresh.append(product)
        frontier = fresh
        if len(elements) > 1000:
            raise RuntimeError(f"generators of {label} do not close")
    matrices = np.array(elements)
    matrices.setflags(write=False)
    return matrices


def orbit(label: str, point: Sequence[float]) -> np.ndarray:
    """Distinct images (m, 3) of one point under a finite group."""
    images: list[np.ndarray] = []
    for image in group_matrices(label) @ np.asarray(point, dtype=float):
        if not images or np.linalg.norm(np.array(images) - image, axis=1).min() > 1e-6:
            images.append(image)
    return np.array(images)


def polar(r: float, angle: float, z: float = 0.0) -> np.ndarray:
    """Point with cylindrical coordinates r (angstrom), angle (rad), z (angstrom)."""
    return np.array([r * np.cos(angle), r * np.sin(angle), z])


def ring_radius(n: int, spacing: float, least: float = 0.0) -> float:
    """Radius of a regular n-gon of this side length (angstrom), at least `least`."""
    return max(spacing / (2 * np.sin(np.pi / n)), least)


def ring(n: int, r: float, z: float = 0.0, phase: float = 0.0) -> np.ndarray:
    """Regular n-gon (n, 3) about z."""
    return np.array([polar(r, phase + 2 * np.pi * k / n, z) for k in range(n)])


def atoms(*parts: tuple[str, Iterable]) -> tuple[tuple[str, ...], np.ndarray]:
    """Join (symbol, point or points) parts into symbols and positions (N, 3)."""
    symbols: list[str] = []
    blocks = []
    for symbol, points in parts:
        block = np.atleast_2d(np.asarray(points, dtype=float))
        symbols += [symbol] * len(block)
        blocks.append(block)
    return tuple(symbols), np.concatenate(blocks)


def spread(label: str, *sites: tuple[str, Sequence[float]]) -> tuple[tuple[str, ...], np.ndarray]:
    """Symbols and positions of the orbits of (symbol, point) sites under a finite group."""
    return atoms(*[(symbol, orbit(label, point)) for symbol, point in sites])


def molecule(name: str, group: str, structure: tuple[tuple[str, ...], np.ndarray], note: str) -> ZooMolecule:
    """A ZooMolecule from `atoms(...)` or `spread(...)`."""
    return ZooMolecule(name, group, structure[0], structure[1], note)


def rotated(positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions (N, 3) turned by a uniformly random rotation and shifted by up to 3 angstrom per axis."""
    q = rng.normal(size=4)
    w, x, y, z = q / np.linalg.norm(q)
    matrix = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.asarray(positions) @ matrix.T + rng.uniform(-3, 3, size=3)


def noisy(positions: np.ndarray, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Positions plus Gaussian noise of standard deviation `scale` (angstrom) in each coordinate."""
    return np.asarray(positions) + rng.normal(scale=scale, size=np.shape(positions))


def permuted(
    symbols: Sequence[str], positions: np.ndarray, rng: np.random.Generator
) -> tuple[tuple[str, ...], np.ndarray]:
    """Symbols and positions in a random order of the atoms."""
    order = rng.permutation(len(symbols))
    return tuple(symbols[i] for i in order), np.asarray(positions)[order]
