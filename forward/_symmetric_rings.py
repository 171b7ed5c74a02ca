"""Planar rings: carbocycles with all positions alike, rings of two kinds of atoms, rings around an atom."""

from collections.abc import Iterator

import numpy as np

from ._symmetric_building import Candidate, Site, arm, bond, candidate, polar, ring_members

__all__ = ["alternating_rings", "centred_rings", "cyclic_acids", "homonuclear_rings", "oxocarbons", "uniform_rings"]

_HALOGENS = ("F", "Cl", "Br", "I")
_ATOMS_AND_RODS = ("H", *_HALOGENS, "CN", "CCH", "NC", "BO", "OLi", "SLi", "NCO")
_FLAT = ("NH2", "BH2", "NO2", "BF2", "BCl2", "AlH2")
_TURNED = ("OH", "SH", "SeH", "OF", "CH3", "SiH3", "CF3", "OCl")
# Charge of the aromatic ring C_nX_n with 4m + 2 pi electrons.
_AROMATIC = {3: 1, 4: 2, 5: -1, 6: 0, 7: 1, 8: -2, 9: -1}
_UP = np.array([0.0, 0.0, 1.0])


def uniform_rings() -> Iterator[Candidate]:
    """C_nX_n aromatic rings, charged where that needs: D_nh, and C_nh with bent substituents in the plane."""
    for size, charge in _AROMATIC.items():
        for x in _ATOMS_AND_RODS:
            if size <= 7 or x in ("H", "F"):
                yield _uniform(size, x, f"D{size}h", charge)
        if size in (3, 5, 6, 7):
            for x in _FLAT:
                if size < 6:
                    yield _uniform(size, x, f"D{size}h", charge)
                yield _uniform(size, x, f"D{size}h", charge, plane="upright")
            for x in _TURNED:
                if size * (4 if x in ("CH3", "SiH3", "CF3") else 2) <= 30:
                    yield _uniform(size, x, f"C{size}h", charge)
    for e in ("Si", "Ge"):
        for size in (3, 5, 6):
            for x in ("H", "F", "Cl"):
                if e == "Si" or x == "H":
                    yield _uniform(size, x, f"D{size}h", _AROMATIC[size], ring=e)


def _uniform(size: int, x: str, group: str, charge: int, plane: str = "flat", ring: str = "C") -> Candidate:
    sites = ring_members(group, size, [(0, ring, x)], plane=plane)
    how = "" if plane == "flat" or x not in _FLAT else " upright"
    return candidate(f"{ring}{size}({x}){size} ring{how} {charge:+d}", "uniform ring", group, sites, charge)


def homonuclear_rings() -> Iterator[Candidate]:
    """Rings E_n without substituents, with 4m + 2 pi electrons."""
    charges = {4: -2, 5: -1, 6: 0}
    for e in ("N", "P", "As", "Sb", "Bi"):
        for size, charge in charges.items():
            yield candidate(
                f"{e}{size} ring {charge:+d}",
                "homonuclear ring",
                f"D{size}h",
                ring_members(f"D{size}h", size, [(0, e, None)]),
                charge,
            )
    for e in ("O", "S", "Se", "Te"):
        yield candidate(f"{e}4 ring +2", "homonuclear ring", "D4h", ring_members("D4h", 4, [(0, e, None)]), 2)
    for e in ("Al", "Ga", "In", "Si", "Ge"):
        charge = {"Al": -2, "Ga": -2, "In": -2}.get(e, 2)
        yield candidate(
            f"{e}4 ring {charge:+d}", "homonuclear ring", "D4h", ring_members("D4h", 4, [(0, e, None)]), charge
        )
    for half in (3, 5, 7, 9):  # C_(4m+2) with bond angles that alternate
        yield _cumulenic_ring(half)


def _cumulenic_ring(half: int) -> Candidate:
    radius = 1.29 / (2 * np.sin(np.pi / (2 * half)))
    sites: list[Site] = [("C", polar(radius * 0.97, 0.0)), ("C", polar(radius * 1.03, np.pi / half))]
    return candidate(f"C{2 * half} cumulenic ring", "homonuclear ring", f"D{half}h", sites)


def oxocarbons() -> Iterator[Candidate]:
    """C_nE_n dianions and radialenes."""
    for size in (3, 4, 5, 6, 7):
        for e in ("O", "S", "Se"):
            sites = ring_members(f"D{size}h", size, [(0, "C", e)], order=1.5)
            yield candidate(f"C{size}{e}{size} -2", "oxocarbon", f"D{size}h", sites, -2)
        for x in ("CH2", "CF2"):
            if size < 7:
                radialene = ring_members(f"D{size}h", size, [(0, "C", x)], order=1.0)
                yield candidate(f"[{size}]radialene {x}", "radialene", f"D{size}h", radialene)


# (A, its substituents, B, its substituents): one substituent in the plane, two above and below it. Closed shell with
# no charge for each number n of repeats.
_UNITS: tuple[tuple[str, tuple[str, int], str, tuple[str, int]], ...] = (
    *((m, ("", 0), x, ("", 0)) for m in ("Li", "Na", "K", "Cu", "Ag", "Au") for x in ("H", "F", "Cl")),
    *((m, ("", 0), y, ("", 0)) for m in ("Be", "Mg", "Ca", "Zn") for y in ("O", "S")),
    *((m, ("", 0), y, ("", 0)) for m in ("B", "Al", "Ga") for y in ("N", "P")),
    ("Si", ("", 0), "C", ("", 0)),
    *(("B", (x, 1), y, ("", 0)) for x in ("H", "F", "Cl") for y in ("O", "S")),
    *((m, (x, 1), "O", ("", 0)) for m in ("Al", "Ga") for x in ("H", "F", "Cl")),
    *(("B", (x, 1), "N", (y, 1)) for x in ("H", "F", "Cl") for y in ("H", "F")),
    *(("Al", (x, 1), "N", ("H", 1)) for x in ("H", "F", "Cl")),
    *(("P", (x, 2), "N", ("", 0)) for x in ("H", "F", "Cl", "Br")),
    *((e, (x, 2), y, ("", 0)) for e in ("Si", "Ge") for x in ("H", "F", "Cl") for y in ("O", "S")),
    *(("Si", (x, 2), "N", ("H", 1)) for x in ("H", "F")),
    *(("B", (x, 2), "N", ("H", 2)) for x in ("H", "F")),
    ("Si", ("H", 2), "C", ("H", 2)),
    *((m, (x, 1), x, ("", 0)) for m in ("Be", "Mg", "Zn") for x in ("F", "Cl")),
    *(("C", (x, 1), "N", ("", 0)) for x in ("H", "F", "Cl")),
    *(("C", (x, 1), "P", ("", 0)) for x in ("H", "F")),
    *(("Si", (x, 1), y, ("", 0)) for x in ("H", "F") for y in ("N", "P")),
)
_LINEAR_METALS = ("Cu", "Ag", "Au", "Li", "Na", "K", "Rb", "Cs", "Be", "Mg", "Ca", "Zn", "Cd", "B", "Al", "Ga")


def alternating_rings(sizes: tuple[int, ...]) -> Iterator[Candidate]:
    """(A X_a B Y_b)_n for each n of ``sizes``, planar: D_nh."""
    for a, (x, n_x), b, (y, n_y) in _UNITS:
        per_unit = 2 + n_x + n_y
        for size in sizes:
            if size * per_unit > 30 or (size in (6, 7) and per_unit > 3) or (size == 2 and a in ("C",)):
                continue
            unit_name = f"{a}{x}{n_x if n_x > 1 else ''}{b}{y}{n_y if n_y > 1 else ''}"
            sites = _alternating(size, a, (x, n_x), b, (y, n_y))
            yield candidate(f"({unit_name}){size} ring", "alternating ring", f"D{size}h", sites)


def _alternating(size: int, a: str, on_a: tuple[str, int], b: str, on_b: tuple[str, int]) -> list[Site]:
    """The ring A at angle 0, B half a step on; a bare metal A is drawn in towards the sides of the polygon of B."""
    half = np.pi / size
    order = 1.0 if (on_a[1], on_b[1]) == (2, 2) or a in _LINEAR_METALS[:10] else 1.5
    ratio = 1.0  # radius of A over radius of B
    if not on_a[1] and a in _LINEAR_METALS:
        ratio = (1 + np.cos(half)) / 2 if size > 2 else 0.9
    if size == 2:
        ratio = 0.9 if on_a[1] else ratio
    distance = float(np.linalg.norm(polar(ratio, 0.0) - polar(1.0, half)))
    radius_b = bond(a, b, order) / distance
    sites: list[Site] = []
    for symbol, (x, count), radius, angle in ((a, on_a, ratio * radius_b, 0.0), (b, on_b, radius_b, half)):
        root: Site = (symbol, polar(radius, angle))
        sites.append(root)
        if count == 1:
            sites += arm(x, root, polar(1.0, angle))
        elif count == 2:
            sites += arm(x, root, np.cos(np.radians(54.7)) * polar(1.0, angle) + np.sin(np.radians(54.7)) * _UP)
    return sites


def centred_rings() -> Iterator[Candidate]:
    """An atom in the middle of a planar ring: metal-centred boron wheels and ligand-bridged hypercoordination."""
    wheels = (
        ("B", 7, -2), ("B", 8, -1), ("Co", 8, -1), ("Rh", 8, -1), ("Ir", 8, -1), ("Fe", 8, -2), ("Ru", 8, -2),
        ("Fe", 9, -1), ("Ru", 9, -1), ("Os", 9, -1), ("Rh", 9, 0), ("Ir", 9, 0), ("Co", 9, 0), ("Ta", 10, -1),
        ("Nb", 10, -1), ("V", 10, -1), ("C", 6, -2), ("N", 6, -1), ("Si", 8, 0), ("Ge", 9, 2), ("C", 7, -1), ("N", 7, 0),
        ("Al", 8, -1), ("Ga", 8, -1), ("P", 8, 1), ("Al", 9, 0),
    )  # fmt: skip
    for centre, size, charge in wheels:
        group = f"D{size}h"
        sites = [(centre, np.zeros(3)), *ring_members(group, size, [(0, "B", None)])]
        if centre == "Al" and size == 9 or centre == "Ge":
            continue
        yield candidate(f"{centre}@B{size} wheel {charge:+d}", "wheel", group, sites, charge)
    for centre, metal, size, charge in (("C", "Al", 5, 1), ("C", "Al", 4, -2), ("Si", "Al", 4, -2), ("C", "Ga", 5, 1),
                                        ("Ge", "Al", 4, -2), ("N", "Al", 4, -1), ("N", "Ga", 4, -1), ("C", "Ga", 4, -2),
                                        ("C", "Be", 5, -4)):  # fmt: skip
        sites = [(centre, np.zeros(3)), (metal, polar(bond(centre, metal) + 0.1, 0.0))]
        if charge > -3:
            yield candidate(f"{centre}@{metal}{size} {charge:+d}", "wheel", f"D{size}h", sites, charge)
    inside = {4: (("", 0),), 5: (("Si", 0), ("Ge", 0), ("P", 1), ("B", -1)), 6: (("", 0), ("Al", -1)), 7: (("Sc", 1),)}
    for metal in ("Cu", "Ag", "Au"):
        for size, centres in inside.items():
            for centre, charge in centres:
                if centre:
                    yield _bridged_wheel(metal, size, centre, charge)


def _bridged_wheel(metal: str, size: int, centre: str, charge: int) -> Candidate:
    """M_nH_n with the hydrides over the edges of the polygon of metals around the centre."""
    side = bond(metal, metal) * 0.97
    radius = side / (2 * np.sin(np.pi / size))
    beyond = np.sqrt(bond(metal, "H") ** 2 - (side / 2) ** 2) if bond(metal, "H") > side / 2 else 0.8
    hydride = polar(radius * np.cos(np.pi / size) + beyond, np.pi / size)
    charge = charge if (element_parity(metal, size, centre) - charge) % 2 == 0 else charge + 1
    sites: list[Site] = [(centre, np.zeros(3)), (metal, polar(radius, 0.0)), ("H", hydride)]
    return candidate(f"{centre}@{metal}{size}H{size} {charge:+d}", "wheel", f"D{size}h", sites, charge)


def element_parity(metal: str, size: int, centre: str) -> int:
    """Number of electrons, modulo 2, of the neutral wheel."""
    from ..groups.elements import element

    return (size * (element(metal).number + 1) + element(centre).number) % 2


def cyclic_acids() -> Iterator[Candidate]:
    """Rings of hydrogen bonds (HX)_n, and (BO OH)_n and its likes: C_nh."""
    for halogen in ("F", "Cl", "Br"):
        for size in (3, 4, 5, 6, 7):
            apart = {"F": 2.5, "Cl": 3.6, "Br": 3.9}[halogen]
            radius = apart / (2 * np.sin(np.pi / size))
            heavy = polar(radius, 0.0)
            step = polar(radius, 2 * np.pi / size) - heavy
            hydrogen = heavy + bond(halogen, "H") * step / np.linalg.norm(step)
            sites: list[Site] = [(halogen, heavy), ("H", hydrogen)]
            yield candidate(f"(H{halogen}){size}", "hydrogen-bonded ring", f"C{size}h", sites)
    for ring_atom in ("O", "S"):
        for arm_kind in ("OH", "SH", "CH3", "OF"):
            for size in (2, 3, 4, 5, 6):
                sites = _alternating(size, "B", ("H", 1), ring_atom, ("", 0))[:1]
                bridge = _alternating(size, "B", ("H", 1), ring_atom, ("", 0))[-1]
                pendant = arm(arm_kind, sites[0], polar(1.0, 0.0), polar(1.0, np.pi / 2))
                name = f"(B({arm_kind}){ring_atom}){size}"
                if size * (len(pendant) + 3) <= 36:
                    yield candidate(name, "alternating ring", f"C{size}h", [*sites, bridge, *pendant])
