"""Cages: prismanes, cubanes, tetrahedranes, adamantanes, drums, bicyclic cages, fullerenes."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar, unit

__all__ = [
    "adamantanes",
    "bicyclic_cages",
    "cubanes",
    "drums",
    "fullerenes",
    "metal_clusters",
    "prismanes",
    "tetrahedranes",
]

_ORIGIN = np.zeros(3)
_UP = np.array([0.0, 0.0, 1.0])
_DIAGONAL = np.ones(3) / np.sqrt(3)
_GOLDEN = (1 + np.sqrt(5)) / 2


def _with_outward(symbol: str, point: np.ndarray, x: str) -> list[Site]:
    """An atom and, unless ``x`` is empty, its substituent pointing away from the centre."""
    root: Site = (symbol, point)
    return [root, *(arm(x, root, point) if x else [])]


def prismanes() -> Iterator[Candidate]:
    """[n]prismanes (EX)_2n: D_nh."""
    substituents = {"C": ("H", "F", "Cl", "CN", "CCH"), "Si": ("H", "F", "Cl"), "Ge": ("H", "F", "Cl"), "Sn": ("H",), "N": ("",),
                    "P": ("",), "As": ("",)}  # fmt: skip
    for size in (3, 5, 6, 7):
        for e, kinds in substituents.items():
            for x in kinds:
                if size == 7 and (e not in ("C", "Si") or len(x) > 2 or x == "CN"):
                    continue
                side = 1.02 * bond(e, e)
                point = polar(side / (2 * np.sin(np.pi / size)), 0.0, side / 2)
                name = f"[{size}]prismane {e}{x}"
                if len(x) < 2 or x == "Cl" or size < 6:
                    yield candidate(name, "prismane", f"D{size}h", _with_outward(e, point, x))
    for metal, shell, size, charge in (("Co", "Ge", 5, -3), ("Rh", "Sn", 5, -3), ("Cr", "Si", 6, 0), ("Mo", "Si", 6, 0),
                                       ("W", "Si", 6, 0), ("W", "Ge", 6, 0), ("Cr", "Ge", 6, 0), ("Ir", "Sn", 5, -3),
                                       ("Co", "Sn", 5, -3), ("Ni", "Ge", 5, -2)):  # fmt: skip
        side = bond(shell, shell)
        sites: list[Site] = [(metal, _ORIGIN), (shell, polar(side / (2 * np.sin(np.pi / size)), 0.0, side / 2))]
        yield candidate(
            f"{metal}@{shell}{2 * size} prism {charge:+d}", "endohedral cluster", f"D{size}h", sites, charge
        )


def cubanes() -> Iterator[Candidate]:
    """E8X8 (Oh), heterocubanes (AX)4(BY)4 (Td), 1,4-disubstituted cubanes (D3d)."""
    plain = {"C": ("H", "F", "Cl", "Br", "CN", "CCH"), "Si": ("H", "F", "Cl"), "Ge": ("H", "F"), "Sn": ("H",), "N": ("",), "P": ("",),
             "As": ("",), "Sb": ("",)}  # fmt: skip
    for e, kinds in plain.items():
        for x in kinds:
            point = 1.02 * bond(e, e) * np.sqrt(3) / 2 * _DIAGONAL
            yield candidate(f"cubane {e}8{f'({x})8' if x else ''}", "cubane", "Oh", _with_outward(e, point, x))
    mixed = (
        *(("C", x, "C", y) for x, y in (("H", "F"), ("H", "Cl"), ("H", "CN"), ("F", "Cl"), ("H", "CCH"), ("H", "Br"))),
        *((m, "", x, "") for m in ("Li", "Na", "K", "Cu") for x in ("H", "F", "Cl")),
        *((m, "", y, "") for m in ("Be", "Mg", "Zn", "Ca") for y in ("O", "S")),
        *((m, x, y, "H") for m, y in (("B", "N"), ("Al", "N"), ("Ga", "N"), ("Al", "P"), ("B", "P")) for x in ("H", "F")),
        *((e, x, y, "") for e in ("C", "Si", "Ge") for x in ("H", "F") for y in ("N", "P", "As")),
        ("B", "H", "As", "H"), ("Tl", "", "O", "H"), ("Li", "", "O", "H"), ("Na", "", "O", "H"), ("Li", "", "S", "H"),
        ("Sn", "", "O", ""), ("Pb", "", "O", ""), ("Ge", "", "O", ""), ("Sn", "", "S", ""), ("C", "H", "Si", "H"),
    )  # fmt: skip
    for a, x, b, y in mixed:
        length = 1.02 * bond(a, b) * np.sqrt(3) / 2
        sites = _with_outward(a, length * _DIAGONAL, x) + _with_outward(b, -length * _DIAGONAL, y)
        name = f"cubane ({a}{x})4({b}{y})4"
        yield candidate(name, "cubane", "Td", sites)
    for e, x, y in (*(("C", "H", y) for y in ("F", "Cl", "Br", "I", "CN", "CCH", "NC")), *(("C", "F", y) for y in ("H", "Cl", "CN")),
                    ("Si", "H", "F"), ("Si", "H", "Cl"), ("Si", "F", "H")):  # fmt: skip
        edge = 1.02 * bond(e, e)
        belt = polar(edge * np.sqrt(2 / 3), np.pi / 6, edge * np.sqrt(3) / 6)
        sites = _with_outward(e, edge * np.sqrt(3) / 2 * _UP, y) + _with_outward(e, belt, x)
        yield candidate(f"1,4-({y})2-cubane {e}8({x})6", "cubane", "D3d", sites)


def tetrahedranes() -> Iterator[Candidate]:
    """E4X4 and E4; tetrahedra with atoms over the faces or the edges: Td."""
    for e, kinds in {"C": ("H", "F", "CN", "CCH"), "Si": ("H", "F"), "Ge": ("H",), "B": ("H", "F", "Cl", "Br"), "Al": ("H", "Cl"),
                     "Ga": ("H",), "N": ("",), "P": ("",), "As": ("",), "Sb": ("",), "Bi": ("",)}.items():  # fmt: skip
        for x in kinds:
            point = bond(e, e) * np.sqrt(3 / 8) * _DIAGONAL
            yield candidate(
                f"tetrahedrane {e}4{f'({x})4' if x else ''}", "tetrahedrane", "Td", _with_outward(e, point, x)
            )
    for centre, metal in (("O", "Be"), ("O", "Mg"), ("O", "Zn"), ("S", "Be"), ("S", "Zn"), ("S", "Mg")):
        for x in ("F", "Cl", "Br"):
            corner = bond(centre, metal) * _DIAGONAL
            edge = corner[0] + np.sqrt(max(bond(metal, x) ** 2 - 2 * corner[0] ** 2, 0.7))
            sites: list[Site] = [(centre, _ORIGIN), (metal, corner), (x, edge * _UP)]
            yield candidate(f"{metal}4{centre}{x}6", "tetrahedrane", "Td", sites)


# Corner of the adamantane frame: atom, what it bears, order of that bond.
_CORNERS: dict[str, tuple[str, str, float]] = {
    "N": ("N", "", 1.0), "P": ("P", "", 1.0), "As": ("As", "", 1.0), "Sb": ("Sb", "", 1.0), "PO": ("P", "O", 2.0),
    "PS": ("P", "S", 2.0), "AsO": ("As", "O", 2.0), "CH": ("C", "H", 1.0), "CF": ("C", "F", 1.0), "CCl": ("C", "Cl", 1.0),
    "C-CN": ("C", "CN", 1.0), "SiH": ("Si", "H", 1.0),
    "SiF": ("Si", "F", 1.0), "GeH": ("Ge", "H", 1.0), 
}  # fmt: skip


def adamantanes() -> Iterator[Candidate]:
    """Four corners and six bridges, urotropine and P4O10 among them: Td."""
    for label, (corner, x, order) in _CORNERS.items():
        for bridge, y in (("O", ""), ("S", ""), ("Se", ""), ("C", "H"), ("C", "F"), ("Si", "H"), ("Si", "F")):
            group_15 = corner in ("N", "P", "As", "Sb")
            if (y and order > 1) or (y == "F" and x not in ("", "H", "F")) or (corner == "N" and bridge in ("O", "Se")):
                continue
            if bridge == "Se" and not group_15:
                continue
            frame = bond(corner, bridge) / np.sqrt(3)
            root: Site = (corner, frame * np.ones(3))
            span: Site = (bridge, 2 * frame * _UP)
            sites: list[Site] = [root, span]
            if x:
                sites += arm(x, root, _DIAGONAL, order=order)
            if y:
                side = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
                sites += arm(y, span, np.cos(np.radians(54.0)) * _UP + np.sin(np.radians(54.0)) * side)
            yield candidate(f"adamantane ({label})4({bridge}{y}{2 if y else ''})6", "adamantane", "Td", sites)


def drums() -> Iterator[Candidate]:
    """Two rings (AX BY)_n over each other, A over B: D_nd."""
    pairs = [*((m, "", x, "") for m in ("Li", "Na", "K") for x in ("H", "F", "Cl")),
             *((m, "", y, "") for m in ("Be", "Mg", "Zn") for y in ("O", "S")), ("B", "", "N", ""), ("Al", "", "N", ""),
             ("Ga", "", "N", ""), ("Si", "", "C", ""), *((m, x, y, "H") for m, y in (("Al", "N"), ("B", "N"), ("Ga", "N"), ("Al", "P"))
             for x in ("H", "F")), *((e, x, y, "") for e in ("Si", "C") for x in ("H", "F") for y in ("N", "P")),
             ("Ge", "H", "P", ""), ("Si", "H", "As", ""), ("Tl", "", "O", "H"), ("Li", "", "O", "H")]  # fmt: skip
    for a, x, b, y in pairs:
        for size in (3, 4, 5, 6):
            per_ring = size * (2 + bool(x) + bool(y))
            if per_ring > 16 or (size == 6 and per_ring > 12):
                continue
            side = 1.03 * bond(a, b)
            radius = side / (2 * np.sin(np.pi / (2 * size)))
            angle = np.pi / (2 * size)
            sites = _with_outward(a, polar(radius, angle, side / 2), x)
            sites += _with_outward(b, polar(radius, angle + np.pi / size, side / 2), y)
            yield candidate(f"drum ({a}{x}{b}{y}){2 * size}", "drum", f"D{size}d", sites)


def bicyclic_cages() -> Iterator[Candidate]:
    """Bicyclo[1.1.1] and [2.2.2] cages, propellanes, and their heteroatom relatives: D3h."""
    heads = (("C", "H"), ("C", "F"), ("C", "Cl"), ("C", "CN"), ("C", ""), ("N", ""), ("P", ""), ("Si", "H"),
             ("Si", "F"), ("B", ""), ("Si", ""), ("Ge", "H"))  # fmt: skip
    short = (("C", "H"), ("C", "F"), ("Si", "H"), ("O", ""), ("S", ""), ("Se", ""))
    for head, x in heads:
        for bridge, y in short:
            if bridge == "Se" and head not in ("P", "Si", "C"):
                continue
            yield _bicycle(head, x, bridge, y, gap=None)
    for head, x in heads:
        if (head, x) in (("C", ""), ("Si", "")):
            continue
        for bridge, y, count in (
            ("C", "H", 2),
            ("C", "F", 2),
            ("C", "H", 1),
            ("C", "F", 1),
            ("S", "", 0),
            ("Si", "H", 2),
            ("N", "", 0),
        ):
            if count == 2 and (y == "F" and x in ("CN", "CCH")):
                continue
            yield _bicycle(head, x, bridge, y, gap=1.0 if count != 1 and bridge != "N" else 2.0, count=count)


def _bicycle(head: str, x: str, bridge: str, y: str, gap: float | None, count: int = 2) -> Candidate:
    """Three bridges of one atom (``gap`` None) or two atoms whose bond has the order ``gap``."""
    half = 0.0 if gap is None else bond(bridge, bridge, gap) / 2
    length = bond(head, bridge)
    radius = length * np.sin(np.radians(70.0 if half else 55.0))
    top: Site = (head, (half + float(np.sqrt(length**2 - radius**2))) * _UP)
    span: Site = (bridge, polar(radius, 0.0, half))
    sites: list[Site] = [top, span, *(arm(x, top, _UP) if x else [])]
    outward = polar(1.0, 0.0)
    if y and gap is None:
        sites += arm(y, span, np.cos(np.radians(55.0)) * outward + np.sin(np.radians(55.0)) * _UP)
    elif y and count == 2:
        lean = 0.35 * _UP + 0.45 * outward
        sites += arm(y, span, lean + 0.82 * np.array([0.0, 1.0, 0.0]))
    elif y:
        sites += arm(y, span, outward + 0.5 * _UP)
    bridge_name = f"{bridge}{y}{'2' if y and count == 2 else ''}"
    kind = "[1.1.1]" if gap is None else "[2.2.2]"
    return candidate(
        f"bicyclo{kind} ({head}{x})2({bridge_name}){3 if gap is None else 6}", "bicyclic cage", "D3h", sites
    )


def fullerenes() -> Iterator[Candidate]:
    """C20-like dodecahedra (Ih), C24 (D6d), and (AB)12 truncated octahedra (Th)."""
    for e, x in (("C", "H"), ("C", "F"), ("Si", "H"), ("N", ""), ("P", "")):
        point = bond(e, e) * np.sqrt(3) * _GOLDEN / 2 * _DIAGONAL
        yield candidate(f"dodecahedron {e}20{f'({x})20' if x else ''}", "cage", "Ih", _with_outward(e, point, x))
    for e in ("C", "N", "P"):
        scale = bond(e, e, 1.5) / 1.43 if e == "C" else bond(e, e) / 1.45
        angle = np.pi / 12
        sites: list[Site] = [(e, scale * polar(1.42, angle, 1.55)), (e, scale * polar(2.3, angle, 0.42))]
        yield candidate(f"{e}24 cage", "cage", "D6d", sites)
    for a, b in (("B", "N"), ("Al", "N"), ("Be", "O"), ("Mg", "O"), ("Zn", "O"), ("Ga", "N"), ("B", "P"), ("Al", "P"), ("Si", "C"),
                 ("Li", "F"), ("Li", "H"), ("Zn", "S"), ("Be", "S"), ("Mg", "S"), ("Na", "Cl"), ("Li", "Cl")):  # fmt: skip
        edge = bond(a, b, 1.5 if a in ("B", "Si", "Al") else 1.0) / np.sqrt(2)
        sites = [(a, edge * np.array([0.0, 1.0, 2.0])), (b, edge * np.array([0.0, 2.0, 1.0]))]
        yield candidate(f"({a}{b})12 cage", "cage", "Th", sites)


def metal_clusters() -> Iterator[Candidate]:
    """M6X8L6 and M6X12L6 octahedra (Oh); hyperlithiated and other stuffed octahedra."""
    faces = (("Mo", "Cl", "Cl", -2), ("Mo", "Br", "Br", -2), ("W", "Cl", "Cl", -2), ("Mo", "Cl", "F", -2), ("W", "Br", "Br", -2),
             ("Re", "S", "Cl", -4), ("Re", "Se", "Cl", -4), ("Mo", "F", "F", -2), ("Mo", "Cl", "Br", -2))  # fmt: skip
    for metal, x, ligand, charge in faces:
        corner = 0.93 * bond(metal, metal) / np.sqrt(2)
        root: Site = (metal, corner * _UP)
        face = 1.25 * (corner / np.sqrt(3) + 0.8) * _DIAGONAL
        sites = [root, (x, face), *arm(ligand, root, _UP)]
        yield candidate(f"{metal}6({x})8({ligand})6 {charge:+d}", "metal cluster", "Oh", sites, charge)
    edges = (("Nb", "Cl", "Cl", -4), ("Nb", "F", "F", -4), ("Nb", "Cl", "Cl", -2))
    for metal, x, ligand, charge in edges:
        corner = 0.9 * bond(metal, metal) / np.sqrt(2)
        root = (metal, corner * _UP)
        outer = corner / 2 + np.sqrt((bond(metal, x) ** 2 - corner**2 / 2) / 2)
        sites = [root, (x, outer * np.array([1.0, 0.0, 1.0])), *arm(ligand, root, _UP)]
        yield candidate(f"{metal}6({x})12({ligand})6 {charge:+d}", "metal cluster", "Oh", sites, charge)
    for centre, shell, charge in (
        ("O", "Li", 0),
        ("S", "Li", 0),
        ("B", "Li", -1),
        ("N", "Li", 1),
        ("O", "Na", 0),
        ("C", "Au", 2),
    ):
        sites = [(centre, _ORIGIN), (shell, bond(centre, shell) * _UP)]
        yield candidate(f"{centre}@{shell}6 {charge:+d}", "metal cluster", "Oh", sites, charge)
    for e, n_charge in (("Si", -2), ("Ge", -2), ("Sn", -2), ("Pb", -2)):
        sites = [(e, bond(e, e) / np.sqrt(2) * 1.1 * _UP)]
        yield candidate(f"{e}6 octahedron {n_charge:+d}", "metal cluster", "Oh", sites, n_charge)
    for m, x in (("Be", "F"), ("Be", "Cl"), ("Zn", "Cl")):
        root = (m, 1.35 * unit([1.0, 1.0, 1.0]))
        yield candidate(f"{m}4({x})4 tetrahedrane", "metal cluster", "Td", [root, *arm(x, root, _DIAGONAL)])
