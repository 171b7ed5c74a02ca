"""closo-Boranes, carboranes and the bare clusters with the same electron count; crowns of two-coordinate atoms."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar

__all__ = ["closo_boranes", "crowns", "octahalides", "saturated_rings", "zintl_clusters"]

_UP = np.array([0.0, 0.0, 1.0])
# Number of vertices: group, sites as (cap or belt, r, angle, z) in units of the edge; caps lie on the axis.
_QUARTER = {4: np.pi / 8, 5: np.pi / 10, 6: np.pi / 12}
_DELTAHEDRA: dict[int, tuple[str, tuple[tuple[str, float, float, float], ...]]] = {
    5: ("D3h", (("cap", 0.0, 0.0, 0.72), ("belt", 0.60, 0.0, 0.0))),
    6: ("D4h", (("cap", 0.0, 0.0, 0.70), ("belt", 0.70, 0.0, 0.0))),
    7: ("D5h", (("cap", 0.0, 0.0, 0.64), ("belt", 0.82, 0.0, 0.0))),
    8: ("D6h", (("cap", 0.0, 0.0, 0.62), ("belt", 0.98, 0.0, 0.0))),
    10: ("D4d", (("cap", 0.0, 0.0, 1.04), ("belt", 0.73, _QUARTER[4], 0.42))),
    12: ("D5d", (("cap", 0.0, 0.0, 0.951), ("belt", 0.8507, _QUARTER[5], 0.4253))),
    14: ("D6d", (("cap", 0.0, 0.0, 1.02), ("belt", 0.98, _QUARTER[6], 0.43))),
}


def _deltahedron(n: int, cap: tuple[str, str], belt: tuple[str, str], edge: float) -> list[Site]:
    sites: list[Site] = []
    for place, radius, angle, z in _DELTAHEDRA[n][1]:
        symbol, x = cap if place == "cap" else belt
        point = edge * polar(radius, angle, z)
        if place == "cap":
            point = point + 0.55 * (bond(symbol, belt[0]) - bond(belt[0], belt[0])) * _UP
        root: Site = (symbol, point)
        sites.append(root)
        if x:
            sites += arm(x, root, point + (0.15 * edge * np.sign(z) * _UP if n == 10 and place == "belt" else 0.0))
    return sites


def closo_boranes() -> Iterator[Candidate]:
    """B_nX_n dianions, and neutral cages with two apical C-H, N, P, ... in place of two B-H minus."""
    edge = 1.76
    for n, x in ((n, x) for n in (5, 6, 7, 10, 12) for x in ("H", "F", "Cl", "Br", "I", "CN")):
        if n * len(arm_atoms(x)) > 24:
            continue
        if n in (6, 12):
            group, direction, radius = (
                ("Oh", _UP, edge / np.sqrt(2))
                if n == 6
                else ("Ih", np.array([0.0, 0.5257311121191336, 0.8506508083520400]), 0.951 * edge)
            )
            root: Site = ("B", radius * direction)
            sites = [root, *arm(x, root, direction)]
        else:
            group = _DELTAHEDRA[n][0]
            sites = _deltahedron(n, ("B", x), ("B", x), edge)
        yield candidate(f"B{n}({x}){n} -2", "closo-borane", group, sites, -2)
    caps = (
        ("C", "H"),
        ("C", "F"),
        ("C", "Cl"),
        ("C", "CN"),
        ("C", "CCH"),
        ("N", ""),
        ("P", ""),
        ("As", ""),
        ("Si", "H"),
    )
    for n in (5, 6, 7, 10, 12, 14):
        for cap in caps:
            for x in ("H", "F", "Cl"):
                if (
                    (n in (5, 6, 12, 14) and x == "Cl")
                    or (n in (12, 14) and x != "H")
                    or (cap[0] == "As" and x != "H")
                    or (n == 10 and cap[1] in ("CN", "CCH") and x != "H")
                ):
                    continue
                if n == 14 and cap[0] not in ("C", "Si", "P"):
                    continue
                name = f"1,{n}-({cap[0]}{cap[1]})2B{n - 2}({x}){n - 2}"
                yield candidate(name, "carborane", _DELTAHEDRA[n][0], _deltahedron(n, cap, ("B", x), edge))
    for cap, charge in ((("S", ""), 2), (("Be", "H"), -4), (("N", "H"), 2)):
        if charge > 0:
            yield candidate(f"({cap[0]}{cap[1]})2B8(H)8 {charge:+d}", "carborane", "D4d",
                            _deltahedron(10, cap, ("B", "H"), edge), charge)  # fmt: skip


def arm_atoms(x: str) -> str:
    """One letter for each heavy-ended atom pair of a borane vertex: BX counts two, BCN three."""
    return "ab" if x != "CN" else "abc"


def zintl_clusters() -> Iterator[Candidate]:
    """Bare E_n clusters with the electron count of closo-boranes, empty and around an atom."""
    for e in ("Si", "Ge", "Sn", "Pb"):
        for n in (5, 7, 10, 12):
            edge = 1.12 * bond(e, e)
            if n == 12:
                sites: list[Site] = [(e, 0.951 * edge * np.array([0.0, 0.5257311121191336, 0.8506508083520400]))]
                yield candidate(f"{e}12 icosahedron -2", "Zintl cluster", "Ih", sites, -2)
            else:
                sites = _deltahedron(n, (e, ""), (e, ""), edge)
                yield candidate(f"{e}{n} deltahedron -2", "Zintl cluster", _DELTAHEDRA[n][0], sites, -2)
    for metal in ("Ni", "Pd", "Pt", "Cu"):
        for e in ("Ge", "Sn", "Pb"):
            charge = -1 if metal == "Cu" else -2
            sites = [(metal, np.zeros(3)), *_deltahedron(10, (e, ""), (e, ""), 1.12 * bond(e, e))]
            yield candidate(f"{metal}@{e}10 {charge:+d}", "Zintl cluster", "D4d", sites, charge)
    for e, charge in (("P", 3), ("As", 3), ("Sb", 3), ("Bi", 3)):
        yield candidate(f"{e}5 bipyramid {charge:+d}", "Zintl cluster", "D3h",
                        _deltahedron(5, (e, ""), (e, ""), 1.1 * bond(e, e)), charge)  # fmt: skip
    for e in ("P", "As", "Sb", "Bi"):
        radius = 1.05 * bond(e, e) / np.sqrt(2)
        yield candidate(f"{e}8 antiprism +2", "Zintl cluster", "D4d", [(e, polar(radius, np.pi / 8, 0.59 * radius))], 2)


def octahalides() -> Iterator[Candidate]:
    """X4M-MX4 with a multiple bond: eclipsed D4h, staggered D4d."""
    for metal, charge in (("Re", -2), ("Tc", -2), ("Os", -2), ("Ru", 0), ("Os", 0)):
        for x in ("F", "Cl", "Br"):
            for group, angle, how in (("D4h", 0.0, "eclipsed"), ("D4d", np.pi / 8, "staggered")):
                root: Site = (metal, 0.78 * bond(metal, metal) / 2 * _UP)
                lean = np.radians(76.0)
                sites = [root, *arm(x, root, polar(float(np.sin(lean)), angle, float(np.cos(lean))))]
                yield candidate(f"{metal}2({x})8 {how} {charge:+d}", "octahalide", group, sites, charge)


def _crown_atom(e: str, size: int, angle_degrees: float, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One atom of a 2n-ring that zigzags about the plane, and its neighbours."""
    radius = length * np.sin(np.radians(angle_degrees) / 2) / np.sin(np.pi / size)
    flat = 2 * radius * np.sin(np.pi / (2 * size))
    height = float(np.sqrt(max(length**2 - flat**2, 0.04))) / 2
    angle = np.pi / (2 * size)
    here = polar(radius, angle, height)
    return here, polar(radius, angle + np.pi / size, -height), polar(radius, angle - np.pi / size, -height)


def _two_more(here: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions of two further bonds that complete a tetrahedron."""
    u, v = (left - here) / np.linalg.norm(left - here), (right - here) / np.linalg.norm(right - here)
    away = -(u + v) / np.linalg.norm(u + v)
    across = np.cross(u, v) / np.linalg.norm(np.cross(u, v))
    return 0.58 * away + 0.82 * across, 0.58 * away - 0.82 * across


def crowns() -> Iterator[Candidate]:
    """E_2n rings that zigzag: chairs (D3d), crowns of eight (D4d) and ten (D5d), with no, one or two substituents."""
    none = [(e, (), size, 106.0) for e in ("S", "Se", "Te") for size in (3, 4, 5, 6)]
    one = [(e, (x,), size, 100.0) for e, kinds in (("P", ("H", "F", "Cl", "CN")), ("As", ("H", "F", "Cl")), ("N", ("H", "F")), ("Sb", ("H",)))
           for x in kinds for size in (3, 4, 5)]  # fmt: skip
    two = [(e, (x, x), size, 112.0) for e, kinds in (("C", ("H", "F", "Cl")), ("Si", ("H", "F", "Cl")), ("Ge", ("H", "F", "Cl")), ("Sn", ("H", "Cl")))
           for x in kinds for size in (3, 4)]  # fmt: skip
    both = [(e, pair, 3, 111.0) for e in ("C", "Si") for pair in (("H", "F"), ("F", "H"), ("H", "Cl"), ("Cl", "H"), ("F", "Cl"), ("H", "CN"),
            ("H", "Br"), ("CN", "H"))]  # fmt: skip
    for e, kinds, size, angle in (*none, *one, *two, *both):
        here, left, right = _crown_atom(e, size, angle, bond(e, e))
        root: Site = (e, here)
        sites: list[Site] = [root]
        first, second = _two_more(here, left, right)
        outer, upper = (first, second) if first[2] < second[2] else (second, first)
        if kinds:
            sites += arm(kinds[0], root, outer)
        if len(kinds) == 2:
            sites += arm(kinds[1], root, upper)
        borne = "".join(f"({x})" for x in kinds)
        yield candidate(f"({e}{borne}){2 * size} crown", "crown", f"D{size}d", sites)


def saturated_rings() -> Iterator[Candidate]:
    """(EX2)_n planar rings: D_nh."""
    for e in ("C", "Si", "Ge", "Sn"):
        for x in ("H", "F", "Cl", "Br"):
            for size in (3, 4, 5, 6):
                if size == 6 and (e == "C" or x == "H"):
                    continue
                radius = bond(e, e) / (2 * np.sin(np.pi / size))
                root: Site = (e, polar(radius, 0.0))
                sites = [root, *arm(x, root, np.array([0.58, 0.0, 0.82]))]
                yield candidate(f"({e}({x})2){size} planar", "saturated ring", f"D{size}h", sites)
