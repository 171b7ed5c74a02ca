"""Chains and open molecules: polyynes, cumulenes, ethylenes, ethanes, neopentanes, spiranes, trans pairs."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar

__all__ = [
    "capped_rods",
    "cumulenes",
    "ethanes",
    "ethylenes",
    "hexa_rotors",
    "linear_chains",
    "spiranes",
    "tetrahedral_rotors",
    "trans_pairs",
]

_ORIGIN = np.zeros(3)
_UP = np.array([0.0, 0.0, 1.0])
_X = np.array([1.0, 0.0, 0.0])
_Y = np.array([0.0, 1.0, 0.0])
_DIAGONAL = np.ones(3) / np.sqrt(3)


def _upper_half(symbols: tuple[str, ...], orders: tuple[float, ...], centred: bool) -> list[Site]:
    """Upper half of a chain along z that is symmetric about the origin.

    ``orders[0]`` is the order of the bond across the centre, or, with an atom in the centre, of its own bond.
    """
    heights = [0.0 if centred else bond(symbols[0], symbols[0], orders[0]) / 2]
    rest = orders if centred else orders[1:]
    for previous, symbol, order in zip(symbols, symbols[1:], rest, strict=False):
        heights.append(heights[-1] + bond(previous, symbol, order))
    return [(symbol, height * _UP) for symbol, height in zip(symbols, heights, strict=True)]


def linear_chains() -> Iterator[Candidate]:
    """Polyynes X(CC)_nX and oxides, sulfides of cumulenes: D_inf h."""
    for pairs in (1, 2, 3, 4):
        for x in ("H", "F", "Cl", "Br", "I", "CN", "Li", "Na", "BO"):
            carbons = ("C",) * pairs
            orders = (3.0, 1.0, 3.0, 1.0) if pairs % 2 else (1.0, 3.0, 1.0, 3.0)
            sites = _upper_half(carbons, orders, centred=False)
            sites += arm(x, sites[-1], _UP)
            yield candidate(f"{x}(CC){pairs}{x}", "linear chain", "D2h", sites, intended="Dinfh")
    for count in (3, 5, 7):
        for end in ("O", "S", "Se"):
            chain = (*("C",) * ((count + 1) // 2), end)
            sites = _upper_half(chain, (2.0,) * 4, centred=True)
            yield candidate(f"C{count}{end}2", "linear chain", "D2h", sites, intended="Dinfh")
    cyanogen = _upper_half(("C", "N"), (1.0, 3.0), centred=False)
    yield candidate("NCCN", "linear chain", "D2h", cyanogen, intended="Dinfh")


def ethylenes() -> Iterator[Candidate]:
    """X2E=EX2 and X2E-EX2: planar D2h, and perpendicular D2d for the boron and nitrogen ones."""
    cases = [("C", x, 2.0, 0) for x in ("H", "F", "Cl", "Br", "I", "CN", "CCH", "BO", "NC")]
    cases += [(e, x, 1.5, 0) for e in ("Si", "Ge") for x in ("H", "F", "Cl")]
    cases += [
        ("N", "O", 1.0, 0),
        ("C", "O", 1.0, -2),
        ("C", "S", 1.0, -2),
        ("N", "H", 2.0, 2),
        ("P", "H", 2.0, 2),
        ("P", "O", 1.0, 0),
    ]
    cases += [
        (e, x, 1.0, 0)
        for e in ("B", "Al", "Ga")
        for x in ("H", "F", "Cl", "Br", "I", "CN")
        if e == "B" or x in ("H", "F", "Cl")
    ]
    lean = np.radians(60.0)
    for e, x, order, charge in cases:
        root: Site = (e, bond(e, e, order) / 2 * _UP)
        own = 1.5 if x in ("O", "S") else 1.0
        flat = arm(x, root, np.cos(lean) * _UP + np.sin(lean) * _X, order=own)
        yield candidate(f"{e}2({x})4 planar {charge:+d}", "ethylene", "D2h", [root, *flat], charge)
        if order == 1.0:
            turned = polar(1.0, np.pi / 4)  # the mirrors of D2d lie between its C2' axes
            upright = arm(x, root, np.cos(lean) * _UP + np.sin(lean) * turned, order=own)
            yield candidate(f"{e}2({x})4 perpendicular {charge:+d}", "ethylene", "D2d", [root, *upright], charge)


def cumulenes() -> Iterator[Candidate]:
    """X2C(=C)_n=CX2: D2d where the number of carbons is odd, else D2h."""
    lean = np.radians(60.0)
    for count in (3, 4, 5, 6, 7):
        for x in ("H", "F", "Cl", "Br", "CN", "CCH"):
            odd = count % 2 == 1
            sites = _upper_half(("C",) * ((count + 1) // 2), (2.0,) * 5, centred=odd)
            side = polar(1.0, np.pi / 4) if odd else _X
            sites += arm(x, sites[-1], np.cos(lean) * _UP + np.sin(lean) * side)
            yield candidate(f"cumulene C{count}({x})4", "cumulene", "D2d" if odd else "D2h", sites)


def _staggered(symbol: str, height: float, x: str, size: int = 3) -> list[Site]:
    """An atom on the axis with three bonds upwards, on the mirrors of D_nd."""
    root: Site = (symbol, height * _UP)
    lean = np.radians(70.5)
    return [root, *arm(x, root, polar(float(np.sin(lean)), np.pi / (2 * size), float(np.cos(lean))))]


def ethanes() -> Iterator[Candidate]:
    """X3E-EX3, staggered: D3d."""
    cases = [(e, x, 0) for e in ("C", "Si", "Ge", "Sn", "Pb") for x in ("H", "F", "Cl", "Br", "I")]
    cases += [(e, x, 0) for e in ("C", "Si") for x in ("CN", "CCH")]
    cases += [(e, x, -2) for e in ("B", "Al", "Ga") for x in ("F", "Cl", "Br")] + [("S", "O", -2), ("Se", "O", -2)]
    cases += [(e, x, 2) for e in ("N", "P", "As") for x in ("H", "F", "Cl")]
    cases += [(e, x, 0) for e in ("Mo", "W") for x in ("F", "Cl", "Br", "H")]
    for e, x, charge in cases:
        sites = _staggered(e, bond(e, e, 1.0 if e not in ("Mo", "W") else 3.0) / 2, x)
        yield candidate(f"{e}2({x})6 {charge:+d}", "ethane", "D3d", sites, charge)


def capped_rods() -> Iterator[Candidate]:
    """X3E-L-EX3 with a linear L: D3d."""
    rods: tuple[tuple[tuple[str, ...], tuple[float, ...], bool], ...] = (
        (("C",), (3.0,), False), (("C", "C"), (1.0, 3.0), False), (("Hg",), (), True), (("Zn",), (), True), (("Be",), (), True),
        (("Mg",), (), True), (("O",), (), True),
    )  # fmt: skip
    for symbols, orders, centred in rods:
        for e in ("C", "Si", "Ge"):
            for x in ("H", "F", "Cl"):
                rod = "".join(symbols)
                if (symbols == ("O",) and e != "Si") or (e == "Ge" and x == "Cl"):
                    continue
                sites = _upper_half(symbols, orders, centred)
                height = float(sites[-1][1][2]) + bond(symbols[-1], e)
                yield candidate(
                    f"({e}({x})3)2{rod}{'' if centred else ' rod'}",
                    "capped rod",
                    "D3d",
                    [*sites, *_staggered(e, height, x)],
                )
    for metal, charge in (("Au", -1), ("Ag", -1), ("Cu", -1), ("Tl", 1), ("I", 1)):
        for x in ("H", "F"):
            height = bond(metal, "C")
            sites = [(metal, _ORIGIN), *_staggered("C", height, x)]
            yield candidate(f"(C({x})3)2{metal} {charge:+d}", "capped rod", "D3d", sites, charge)
    for metal, charge in (
        ("Ag", 1),
        ("Cu", 1),
        ("Au", 1),
        ("Zn", 2),
        ("Hg", 2),
        ("Pt", 0),
        ("Pd", 0),
        ("Ni", 0),
        ("H", 1),
    ):
        for e in ("N", "P"):
            sites = [(metal, _ORIGIN), *_staggered(e, bond(metal, e), "H")]
            if not (metal == "H" and e == "P"):
                yield candidate(f"({e}H3)2{metal} {charge:+d}", "capped rod", "D3d", sites, charge)


def tetrahedral_rotors() -> Iterator[Candidate]:
    """M(EX3)4 with the rotors staggered: Td."""
    toward = np.array([1.0, 1.0, -2.0])
    centres = {
        "C": 0,
        "Si": 0,
        "Ge": 0,
        "Sn": 0,
        "Pb": 0,
        "Ti": 0,
        "Zr": 0,
        "Hf": 0,
        "N": 1,
        "P": 1,
        "As": 1,
        "B": -1,
        "Al": -1,
    }
    for centre, charge in centres.items():
        for rotor in ("CH3", "SiH3", "GeH3", "CF3", "SiF3", "CCl3", "SiCl3"):
            if rotor in ("SiF3", "CCl3", "SiCl3", "GeH3") and centre not in ("C", "Si"):
                continue
            root: Site = (centre, _ORIGIN)
            sites = [root, *arm(rotor, root, _DIAGONAL, toward)]
            yield candidate(f"{centre}({rotor})4 {charge:+d}", "tetrahedral rotors", "Td", sites, charge)
    for centre, rotor, charge in (("Ni", "PH3", 0), ("Pd", "PH3", 0), ("Pt", "PH3", 0), ("Ni", "PF3", 0), ("Pt", "PF3", 0), ("Pd", "PF3", 0),
                                  ("Zn", "NH3", 2), ("Cd", "NH3", 2), ("Cu", "NH3", 1), ("Ag", "NH3", 1), ("Be", "NH3", 2), ("Mg", "NH3", 2),
                                  ("Li", "NH3", 1), ("Cu", "PH3", 1), ("Na", "NH3", 1), ("Zn", "CH3", -2), ("Hg", "CH3", -2)):  # fmt: skip
        root = (centre, _ORIGIN)
        sites = [root, *arm(rotor, root, _DIAGONAL, toward)]
        yield candidate(f"{centre}({rotor})4 {charge:+d}", "tetrahedral rotors", "Td", sites, charge)


def hexa_rotors() -> Iterator[Candidate]:
    """M(NH3)6 and M(CH3)6: D3d."""
    direction = polar(np.sqrt(2 / 3), np.pi / 6, np.sqrt(1 / 3))
    for centre, rotor, charge in (("Co", "NH3", 3), ("Rh", "NH3", 3), ("Ir", "NH3", 3), ("Pt", "NH3", 4), ("Mg", "NH3", 2), ("Ca", "NH3", 2),
                                  ("Ru", "NH3", 2), ("Fe", "NH3", 2), ("Zn", "NH3", 2), ("Pt", "CH3", -2), ("Sn", "CH3", -2), ("Os", "NH3", 2)):  # fmt: skip
        root: Site = (centre, _ORIGIN)
        sites = [root, *arm(rotor, root, direction, _UP)]
        yield candidate(f"{centre}({rotor})6 {charge:+d}", "hexa rotors", "D3d", sites, charge)


def spiranes() -> Iterator[Candidate]:
    """Spiro atoms with two three- or four-membered rings at right angles: D2d."""
    for centre, charge in (("C", 0), ("Si", 0), ("Ge", 0), ("Sn", 0), ("B", -1), ("Al", -1), ("N", 1), ("P", 1)):
        for e, x, count in (("C", "H", 2), ("C", "F", 2), ("C", "H", 1), ("Si", "H", 2), ("S", "", 0)):
            order = 2.0 if count == 1 else 1.0
            half = bond(e, e, order) / 2
            height = float(np.sqrt(bond(centre, e) ** 2 - half**2))
            side = polar(1.0, np.pi / 4)
            across = polar(1.0, -np.pi / 4)
            root: Site = (e, half * side + height * _UP)
            sites: list[Site] = [(centre, _ORIGIN), root]
            if count == 2:
                sites += arm(x, root, 0.45 * side + 0.35 * _UP + 0.82 * across)
            elif count == 1:
                sites += arm(x, root, side + 0.7 * _UP)
            yield candidate(
                f"spiro {centre}({e}2{x}{2 * count if count else ''})2 {charge:+d}", "spirane", "D2d", sites, charge
            )
    for centre in ("Be", "Mg", "Zn", "Si", "Ge", "Ti"):
        for outer, bridge, end in (("B", "H", "H"), ("Al", "H", "H"), ("Al", "Cl", "Cl"), ("B", "F", "F"), ("Al", "F", "F"), ("Si", "O", "H"),
                                   ("Si", "S", "Cl"), ("Be", "Cl", ""), ("Be", "F", ""), ("Ga", "Cl", "Cl"), ("C", "O", "H"), ("Si", "S", "H")):  # fmt: skip
            tetravalent = centre in ("Si", "Ge", "Ti")
            if tetravalent != (outer in ("Si", "C")):
                continue
            if end == "":
                continue
            yield _bridged_spirane(centre, outer, bridge, end)


def _bridged_spirane(centre: str, outer: str, bridge: str, end: str) -> Candidate:
    """X2E(Y2)M(Y2)EX2: two four-membered rings that share the atom in the middle."""
    side, across = polar(1.0, np.pi / 4), polar(1.0, -np.pi / 4)
    half = 0.72 * (bond(centre, bridge) + bond(outer, bridge)) / 2
    low = float(np.sqrt(bond(centre, bridge) ** 2 - half**2))
    high = low + float(np.sqrt(max(bond(outer, bridge) ** 2 - half**2, 0.3)))
    top: Site = (outer, high * _UP)
    sites: list[Site] = [
        (centre, _ORIGIN),
        (bridge, half * side + low * _UP),
        top,
        *arm(end, top, 0.5 * _UP + 0.86 * across),
    ]
    return candidate(f"spiro {centre}(({bridge})2{outer}({end})2)2", "spirane", "D2d", sites)


def trans_pairs() -> Iterator[Candidate]:
    """Planar and folded trans molecules of two equal halves: C2h."""
    bent = [(e, x, o) for e, o in (("N", 2.0), ("P", 2.0), ("As", 2.0)) for x in ("H", "F", "Cl", "Br", "CN")]
    lean = np.radians(70.0)
    for e, x, order in bent:
        root: Site = (e, bond(e, e, order) / 2 * _X)
        sites = [root, *arm(x, root, np.cos(lean) * _X + np.sin(lean) * _Y)]
        yield candidate(f"trans-{e}2({x})2", "trans pair", "C2h", sites)
    flat = [
        ("C", 2.0, x, y) for x, y in combinations(("H", "F", "Cl", "Br", "CN", "I", "CCH"), 2) if y != "CCH" or x != "I"
    ]
    flat += [("B", 1.0, x, y) for x, y in (("F", "Cl"), ("H", "F"), ("H", "Cl"), ("H", "CN"))]
    for e, order, x, y in flat:
        root = (e, bond(e, e, order) / 2 * _X)
        up, down = 0.5 * _X + 0.87 * _Y, 0.5 * _X - 0.87 * _Y
        yield candidate(f"trans-{e}2({x})2({y})2", "trans pair", "C2h", [root, *arm(x, root, up), *arm(y, root, down)])
    for x, y in (
        ("O", "H"),
        ("O", "F"),
        ("O", "Cl"),
        ("O", "Br"),
        ("S", "H"),
        ("O", "CN"),
        ("O", "OLi"),
        ("S", "F"),
        ("S", "Cl"),
    ):
        root = ("C", bond("C", "C") / 2 * _X)
        up, down = 0.5 * _X + 0.87 * _Y, 0.5 * _X - 0.87 * _Y
        sites = [root, *arm(x, root, up, order=2.0), *arm(y, root, down)]
        yield candidate(f"trans-glyoxal C2{x}2({y})2", "trans pair", "C2h", sites)
    for vinyl in ("H", "F", "Cl"):
        yield _diene(vinyl)
    for e in ("N", "P", "As", "Sb"):
        for x in ("H", "F", "Cl", "Br", "CN"):
            root = (e, bond(e, e) / 2 * _X)
            sites = [root, *arm(x, root, 0.2 * _X + 0.45 * _Y + 0.82 * _UP)]
            yield candidate(f"anti-{e}2({x})4", "trans pair", "C2h", sites)
    for x, y in (
        ("F", "H"),
        ("Cl", "H"),
        ("Br", "H"),
        ("CN", "H"),
        ("I", "H"),
        ("H", "F"),
        ("Cl", "F"),
        ("Br", "F"),
        ("CCH", "H"),
        ("H", "Cl"),
        ("F", "Cl"),
    ):
        for e in ("C", "Si"):
            root = (e, bond(e, e) / 2 * _X)
            sites = [root, *arm(x, root, 0.33 * _X + 0.94 * _Y), *arm(y, root, 0.33 * _X - 0.47 * _Y + 0.82 * _UP)]
            yield candidate(f"anti-{e}2({x})2({y})4", "trans pair", "C2h", sites)


def _diene(x: str) -> Candidate:
    """s-trans butadiene with all hydrogens alike or replaced."""
    inner: Site = ("C", bond("C", "C", 1.5) * 0.52 * _X)
    up = 0.5 * _X + 0.87 * _Y
    outer: Site = ("C", inner[1] + bond("C", "C", 2.0) * up)
    sites = [
        inner,
        outer,
        *arm(x, inner, 0.5 * _X - 0.87 * _Y),
        *arm(x, outer, _X),
        *arm(x, outer, -0.5 * _X + 0.87 * _Y),
    ]
    return candidate(f"s-trans-butadiene C4({x})6", "trans pair", "C2h", sites)
