"""Substituted benzenes and six-rings with other atoms, condensed aromatics on the honeycomb lattice."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, candidate, polar, ring_members, spread, unit

__all__ = ["condensed_aromatics", "hetero_rings", "substituted_benzenes"]

_RODS = ("F", "Cl", "Br", "I", "CN", "CCH", "NC", "BO", "NCO")
_FLAT = ("NH2", "NO2", "BH2", "BF2")
_TURNED = ("OH", "SH", "CH3", "SiH3", "CF3")
_CC_ANGSTROM = 1.41


# Places of the ring that the operations make equal, beginning with the places 0, 1, 2.
_LOCANTS = {
    "D2h": ("1,4", "2,3,5,6"),
    "C2h": ("1,4", "2,5", "3,6"),
    "D3h": ("1,3,5", "2,4,6"),
    "C3h": ("1,3,5", "2,4,6"),
}


def substituted_benzenes() -> Iterator[Candidate]:
    """para (D2h, C2h), 1,3,5 (D3h, C3h) and 1,2,4,5 (D2h) patterns, on benzene and on its fluorides and chlorides."""
    for x in (*_RODS, *_FLAT, "OLi", "H"):
        for y in ("H", "F", "Cl") if x in ("H", "F", "Cl", "Br", "CN", "CCH", "NC", "I") else ("H",):
            if x == y:
                continue
            yield _benzene("D2h", x, y)
            if x != "H" and (y == "H" or x not in ("F", "Cl")):
                yield _benzene("D3h", x, y)
    yield _benzene("D3h", "F", "Cl")
    for x in _TURNED:
        for y in ("H", "F"):
            yield _benzene("C2h", x, y, y)
            yield _benzene("C3h", x, y)
        yield _benzene("C2h", "H", x, x)
    for x, y in (("OH", "Cl"), ("OH", "CN"), ("SH", "Cl")):
        yield _benzene("C2h", x, y, y)
    for x, y in (("NH2", "F"), ("NO2", "F")):
        yield _benzene("D2h", x, y)
    for x, y, z in (
        ("F", "Cl", "H"),
        ("F", "H", "Br"),
        ("Cl", "H", "Br"),
        ("F", "H", "CN"),
        ("OH", "F", "H"),
        ("CN", "Cl", "H"),
    ):
        yield _benzene("C2h", x, y, z)


def _benzene(group: str, *borne: str) -> Candidate:
    sites = ring_members(group, 6, [(place, "C", x) for place, x in enumerate(borne)])
    name = " ".join(f"{locants}-({x})" for locants, x in zip(_LOCANTS[group], borne, strict=True))
    return candidate(f"benzene {name}", "benzene", group, sites)


def hetero_rings() -> Iterator[Candidate]:
    """Pyrazines, triazines and their phosphorus relatives; 1,4-dioxin, quinones and other D2h six-rings."""
    substituents = ("H", "F", "Cl", "Br", "CN", "CCH")
    for e in ("N", "P", "As"):
        for x in substituents:
            yield candidate(
                f"1,4-{e}2C4({x})4", "hetero six-ring", "D2h", ring_members("D2h", 6, [(0, e, None), (1, "C", x)])
            )
            if e == "N":
                yield candidate(
                    f"1,2,4,5-{e}4C2({x})2",
                    "hetero six-ring",
                    "D2h",
                    ring_members("D2h", 6, [(0, "C", x), (1, e, None)]),
                )
    for e in ("N", "P"):
        for x in ("Br", "CN", "CCH", "NH2", "NC", "I"):  # H, F and Cl are among the alternating rings
            name = f"1,3,5-{e}3C3({x})3"
            yield candidate(name, "hetero six-ring", "D3h", ring_members("D3h", 6, [(0, "C", x), (1, e, None)]))
        for x in ("OH", "SH", "CH3"):
            yield candidate(
                f"1,3,5-{e}3C3({x})3", "hetero six-ring", "C3h", ring_members("C3h", 6, [(0, "C", x), (1, e, None)])
            )
    for e, arm_kind in (
        ("O", None),
        ("S", None),
        ("Se", None),
        ("N", "H"),
        ("B", "H"),
        ("B", "F"),
        ("B", "Cl"),
        ("Si", "H"),
    ):
        for x in ("H", "F", "Cl", "CN"):
            sites = ring_members("D2h", 6, [(0, e, arm_kind), (1, "C", x)])
            if e != "Si":
                yield candidate(f"1,4-({e}{arm_kind or ''})2C4({x})4", "hetero six-ring", "D2h", sites)
    for end in ("O", "S", "CH2", "CF2", "Se"):
        for x in ("H", "F", "Cl", "Br"):
            root: Site = ("C", polar(1.42, 0.0))
            sites = [root, *arm(end, root, polar(1.0, 0.0), polar(1.0, np.pi / 2), order=2.0)]
            sites += ring_members("D2h", 6, [(1, "C", x)])
            yield candidate(f"p-quinone {end} ({x})4", "quinone", "D2h", sites)
    for a, b in (("B", "N"), ("Al", "N"), ("B", "P")):
        for x in ("H", "F", "Cl", "CN", "CCH"):
            for y in ("H", "F", "Cl"):
                if (a, b) == ("B", "N") and x in ("H", "F", "Cl") and y in ("H", "F"):
                    continue  # among the alternating rings
                if (a, b) == ("Al", "N") and y == "H" and x in ("H", "F", "Cl"):
                    continue
                sites = ring_members("D3h", 6, [(0, a, x), (1, b, y)])
                yield candidate(f"({a}({x}){b}({y}))3", "hetero six-ring", "D3h", sites)


_ROW = np.array([np.sqrt(3), 0.0]) * _CC_ANGSTROM  # from one hexagon to the next along x
_DIAGONAL_ROW = np.array([np.sqrt(3) / 2, 1.5]) * _CC_ANGSTROM
# Hexagons in steps of (_ROW, _DIAGONAL_ROW), and the point group with its C2' axis along x.
_FRAMES: dict[str, tuple[str, tuple[tuple[float, float], ...]]] = {
    "naphthalene": ("D2h", ((-0.5, 0), (0.5, 0))),
    "anthracene": ("D2h", ((-1, 0), (0, 0), (1, 0))),
    "tetracene": ("D2h", ((-1.5, 0), (-0.5, 0), (0.5, 0), (1.5, 0))),
    "pyrene": ("D2h", ((-0.5, 0), (0.5, 0), (-0.5, 1), (0.5, -1))),
    "perylene": ("D2h", ((-1, 1), (0, 1), (0, -1), (1, -1))),
    "coronene": ("D6h", ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))),
    "triphenylene": ("D3h", ((0, 0), (1, 0), (-1, 1), (0, -1))),
}


def _honeycomb(hexagons: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """Positions (n, 3) of the atoms, and for each one with two neighbours its index and outward direction."""
    corners = [polar(_CC_ANGSTROM, np.pi / 6 + k * np.pi / 3) for k in range(6)]
    points: list[np.ndarray] = []
    for row, diagonal in hexagons:
        centre = np.append(row * _ROW + diagonal * _DIAGONAL_ROW, 0.0)
        for corner in corners:
            point = centre + corner
            if not points or np.linalg.norm(np.array(points) - point, axis=1).min() > 0.1:
                points.append(point)
    positions = np.array(points)
    gaps = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    neighbours = [np.flatnonzero((row > 0.1) & (row < 1.1 * _CC_ANGSTROM)) for row in gaps]
    rim = [(k, positions[k] - positions[near].mean(axis=0)) for k, near in enumerate(neighbours) if len(near) == 2]
    return positions, rim


def condensed_aromatics() -> Iterator[Candidate]:
    """Condensed aromatics with one orbit, or all, of their hydrogens replaced, and with CH replaced by N."""
    for frame, (group, hexagons) in _FRAMES.items():
        positions, rim = _honeycomb(hexagons)
        orbits = _rim_orbits(group, positions, rim)
        large = len(positions) + len(rim) > 30
        yield _aromatic(frame, group, positions, rim, {}, "H")
        for place, orbit in enumerate(orbits):
            for x in ("F", "Cl", "Br", "CN", "aza", "CCH"):
                if (large or len(orbit) > 4) and x in ("CN", "CCH", "Br"):
                    continue
                yield _aromatic(frame, group, positions, rim, dict.fromkeys(orbit, x), f"{x} on orbit {place + 1}")
        for x in ("F", "Cl", "Br"):
            if sum(map(len, orbits)) == len(rim) and len(orbits) > 1 and not large:
                yield _aromatic(frame, group, positions, rim, {k: x for k, _ in rim}, f"per-{x}")


def _rim_orbits(group: str, positions: np.ndarray, rim: list[tuple[int, np.ndarray]]) -> list[tuple[int, ...]]:
    """Orbits of the atoms that bear hydrogen, without those in a bay, where only hydrogen has room."""
    left = [k for k, _ in rim]
    orbits = []
    rim_hydrogens = np.array([positions[k] + 1.1 * unit(outward) for k, outward in rim])
    gaps = np.linalg.norm(rim_hydrogens[:, None] - rim_hydrogens[None], axis=-1) + 9.0 * np.eye(len(rim))
    in_a_bay = {k for (k, _), row in zip(rim, gaps, strict=True) if row.min() < 2.2}
    while left:
        _, images = spread(group, [("C", positions[left[0]])])
        orbit = tuple(k for k in left if np.linalg.norm(images - positions[k], axis=1).min() < 1e-6)
        if in_a_bay.isdisjoint(orbit):
            orbits.append(orbit)
        left = [k for k in left if k not in orbit]
    return orbits


def _aromatic(
    frame: str, group: str, positions: np.ndarray, rim: list[tuple[int, np.ndarray]], borne: dict[int, str], label: str
) -> Candidate:
    aza = {k for k, x in borne.items() if x == "aza"}
    sites: list[Site] = [("N" if k in aza else "C", point) for k, point in enumerate(positions)]
    for k, outward in rim:
        if k not in aza:
            sites += arm(borne.get(k, "H"), sites[k], outward)
    return candidate(f"{frame} {label}", "condensed aromatic", group, sites)
