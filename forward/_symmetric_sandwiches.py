"""Rings and metals on one axis: sandwiches, inverse sandwiches, triple deckers."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar, ring_members

__all__ = ["double_deckers", "half_sandwich_pairs", "inverse_sandwiches", "triple_deckers"]

_UP = np.array([0.0, 0.0, 1.0])
_HALOGENS = ("F", "Cl", "Br", "I")

# Charge of M(C_nH_n)2 that makes a closed shell of the metals' usual electron counts.
_METALS: dict[int, dict[str, int]] = {
    4: {"Ni": 0, "Pd": 0, "Pt": 0, "Fe": 0, "Ru": 0, "Os": 0, "Co": 1, "Rh": 1, "Ir": 1, "Cr": 0, "Mo": 0, "W": 0},
    5: {"Fe": 0, "Ru": 0, "Os": 0, "Mg": 0, "Ca": 0, "Sr": 0, "Ba": 0, "Zn": 0, "Cd": 0, "Be": 0, "Co": 1, "Rh": 1,
        "Ir": 1, "Ni": 2, "Pd": 2, "Pt": 2, "Mn": -1, "Tc": -1, "Re": -1, "Li": -1, "Na": -1, "K": -1, "Rb": -1,
        "Cs": -1, "Al": 1, "Ga": 1, "In": 1, "B": 1, "Si": 0, "Ge": 0, "Sn": 0, "Pb": 0, "Tl": -1, "Cr": -2, "P": 1},
    6: {"Cr": 0, "Mo": 0, "W": 0, "V": -1, "Nb": -1, "Ta": -1, "Mn": 1, "Tc": 1, "Re": 1, "Fe": 2, "Ru": 2, "Os": 2,
        "Co": 3, "Ti": 0, "Zr": 0, "Hf": 0, "Li": 1, "Na": 1, "K": 1, "Cs": 1, "Ag": 1, "Cu": 1, "Mg": 2, "Ca": 2},
    7: {"Ti": 0, "Zr": 0, "Hf": 0, "V": 1, "Nb": 1, "Ta": 1, "Mo": 2, "W": 2, "Cr": 2},
    8: {"Ti": 0, "Zr": 0, "Hf": 0, "Ce": 0, "La": -1, "Y": -1, "Sc": -1},
}  # fmt: skip


def double_deckers() -> Iterator[Candidate]:
    """M(C_nX_n)2 and M(E_n)2, eclipsed (D_nh) and staggered (D_nd)."""
    for size, metals in _METALS.items():
        for metal, charge in metals.items():
            for x in ("H", "F", "Cl"):
                well_known = metal in ("Fe", "Mg", "Ni", "Cr")
                if x == "H" or (size in (4, 5, 6) and well_known):
                    yield from _both(metal, size, "C", x, charge)
            if size in (4, 5, 6) and metal in ("Fe", "Ru", "Os", "Cr", "W", "Ni", "Pt"):
                yield from _both(metal, size, "P", None, charge)
    yield from _both("Ti", 5, "P", None, -2)
    yield from _both("Zr", 5, "P", None, -2)
    yield from _both("Hf", 5, "P", None, -2)
    yield from _both("Ti", 5, "As", None, -2)


def _both(metal: str, size: int, ring: str, x: str | None, charge: int) -> Iterator[Candidate]:
    name = f"{metal}({ring}{size}{f'({x}){size}' if x else ''})2 {charge:+d}"
    for group, how in ((f"D{size}h", "eclipsed"), (f"D{size}d", "staggered")):
        # In D_nd a point of a mirror is a quarter of a step away from the C2' axis along x.
        phase = 0.0 if how == "eclipsed" else np.pi / (2 * size)
        sites: list[Site] = [(metal, np.zeros(3)), *_deck(size, ring, x, metal, phase)]
        yield candidate(f"{name} {how}", "sandwich", group, sites, charge)


def _height(metal: str, ring: str, radius: float) -> float:
    """Of the metal above the ring, from the bond length, and 1.25 angstrom at least."""
    squared = (1.04 * bond(metal, ring)) ** 2 - radius**2
    return max(float(np.sqrt(max(squared, 0.0))), 1.25 if ring == "C" else 1.5)


def _deck(size: int, ring: str, x: str | None, metal: str, phase: float) -> list[Site]:
    """A ring above the metal at the origin, its first atom at the angle ``phase``."""
    flat = ring_members(f"D{size}h", size, [(0, ring, x)])
    radius = float(np.linalg.norm(flat[0][1]))
    height = _height(metal, ring, radius)
    return [(symbol, polar(float(point[0]), phase, height)) for symbol, point in flat]


def inverse_sandwiches() -> Iterator[Candidate]:
    """M2(C_nX_n): a ring between two metals or between two ligand-bearing metals; D_nh."""
    charged = {4: 0, 5: 1, 8: 0}
    for size, charge in charged.items():
        for metal in ("Li", "Na", "K", "Ga", "In", "Tl"):
            for x in ("H", *_HALOGENS, "CN", "CCH"):
                if size == 5 or x in ("H", "F"):
                    yield _inverse(metal, size, "C", x, charge)
            if size == 5:
                for e in ("N", "P", "As"):
                    yield _inverse(metal, size, e, None, charge)
            if size == 4:
                for e in ("P", "As"):
                    yield _inverse(metal, size, e, None, charge)
    for metal in ("Mg", "Ca", "Sr", "Ba"):
        for x in ("H", "F", "Cl"):
            yield _inverse(metal, 7, "C", x, 1)


def _inverse(metal: str, size: int, ring: str, x: str | None, charge: int) -> Candidate:
    sites = ring_members(f"D{size}h", size, [(0, ring, x)])
    height = _height(metal, ring, float(np.linalg.norm(sites[0][1])))
    name = f"{metal}2({ring}{size}{f'({x}){size}' if x else ''}) inverse {charge:+d}"
    return candidate(name, "inverse sandwich", f"D{size}h", [*sites, (metal, height * _UP)], charge)


def half_sandwich_pairs() -> Iterator[Candidate]:
    """(XM)2(C_nH_n) with a ligand on each metal, and HC-capped boron and carbon cages on a ring."""
    for metal in ("Be", "Mg", "Ca", "Zn"):
        for ligand in ("H", "F", "Cl", "CN"):
            for size, charge in ((4, 0), (5, 1)):
                ring = ring_members(f"D{size}h", size, [(0, "C", "H")])
                top: Site = (metal, _height(metal, "C", float(np.linalg.norm(ring[0][1]))) * _UP)
                sites = [*ring, top, *arm(ligand, top, _UP)]
                name = f"({ligand}{metal})2(C{size}H{size}) {charge:+d}"
                yield candidate(name, "inverse sandwich", f"D{size}h", sites, charge)


def triple_deckers() -> Iterator[Candidate]:
    """Three parallel rings with two metals between them, eclipsed: D_nh."""
    cases = [("Ni", "C", 1), ("Fe", "P", 1), ("Ru", "P", 1), ("Fe", "As", 1), ("Os", "P", 1), ("Co", "C", 3), ("Mg", "C", 1),
             ("Li", "C", -1), ("Na", "C", -1), ("K", "C", -1), ("Zn", "C", 1), ("Be", "C", 1), ("Ca", "C", 1),
             ("Tl", "C", -1), ("Ru", "C", 1), ("Fe", "C", 1)]  # fmt: skip
    for metal, middle, charge in cases:
        inner = ring_members("D5h", 5, [(0, middle, None if middle != "C" else "H")])
        lower = _height(metal, middle, float(np.linalg.norm(inner[0][1])))
        outer = [(s, p + lower * _UP) for s, p in _deck(5, "C", "H", metal, 0.0)]
        sites = [*inner, (metal, lower * _UP), *outer]
        yield candidate(f"{metal}2(C5H5)2({middle}5) {charge:+d}", "triple decker", "D5h", sites, charge)
