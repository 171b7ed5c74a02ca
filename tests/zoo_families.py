"""One molecule or more for each family and axis order, built as orbits of points under the group itself.

The group contains the named one because the structure is a union of its orbits; it is no larger because the
elements and phases of the orbits exclude each supergroup, as each note says.
"""

from __future__ import annotations

import numpy as np

from zoo_base import ZooMolecule, molecule, polar, ring_radius, spread

SPACING = 2.2  # angstrom between neighbours in a ring: wide, so that no mirror is met by chance within 0.25 A
ORDERS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 30)


def _cn(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("F", (r, 0, 0)), ("Cl", polar(r + 0.3, np.pi / (2 * n), 1.5))
    note = "two rings of different elements at different heights, turned by a quarter of a step: no mirror"
    return molecule(f"twisted double ring C{n}", f"C{n}", spread(f"C{n}", *sites), note)


def _cn_equal_radii(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("O", (r, 0, 0)), ("S", polar(r, np.pi / (2 * n), 1.7)), ("Xe", (0, 0, 2.5))
    note = "two rings of equal radius, different elements, a quarter of a step apart, one atom on the axis"
    return molecule(f"twisted equal rings C{n}", f"C{n}", spread(f"C{n}", *sites), note)


def _cnv(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("C", (r, 0, 0)), ("H", (r + 0.8, 0, 1.2))
    note = "two eclipsed rings of different elements at different heights: sigma_v kept, sigma_h and C2' lost"
    return molecule(f"tilted ring C{n}v", f"C{n}v", spread(f"C{n}v", *sites), note)


def _cnh(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("N", (r, 0, 0)), ("O", polar(r + 1.3, np.pi / (2 * n)))
    note = "two planar rings of different elements, a quarter of a step apart: sigma_h kept, sigma_v lost"
    return molecule(f"pinwheel C{n}h", f"C{n}h", spread(f"C{n}h", *sites), note)


def _dn(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("P", (r, 0, 0)), ("F", polar(r + 0.3, 0.45 * np.pi / n, 1.5))
    note = "a ring on the C2' axes and a twisted double ring: each mirror would move one of them"
    return molecule(f"twisted prism D{n}", f"D{n}", spread(f"D{n}", *sites), note)


def _dnh(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    sites = ("B", (r, 0, 0)), ("Cl", (r + 0.5, 0, 1.4))
    note = "a planar ring and an eclipsed double ring; the planar ring excludes twice the axis order"
    return molecule(f"prism D{n}h", f"D{n}h", spread(f"D{n}h", *sites), note)


def _dnd(n: int) -> ZooMolecule:
    r = ring_radius(n, SPACING)
    phase = np.pi / (2 * n)
    sites = ("Si", polar(r, phase, 0.8)), ("F", polar(r + 0.6, phase, 2.2))
    note = "two staggered double rings of different elements and slopes: no cubic and no horizontal mirror"
    return molecule(f"antiprism D{n}d", f"D{n}d", spread(f"D{n}d", *sites), note)


def _s2n(n: int) -> ZooMolecule:
    r = ring_radius(n // 2, SPACING)
    sites = ("C", (r, 0, 0.8)), ("F", polar(r + 1.0, np.pi / n, 1.8))
    note = "two staggered double rings of different elements, a quarter of a step apart: no C2', no sigma_d"
    return molecule(f"twisted antiprism S{n}", f"S{n}", spread(f"S{n}", *sites), note)


def _one_general_orbit() -> list[ZooMolecule]:
    """Groups shown by few general positions, where one element alone settles the group."""
    note = "orbits of general positions of this group"
    cases = {
        "C2": [("H", (0.6, 0.9, 0.8)), ("O", (0.7, 0, 0)), ("F", (1.8, -0.9, 1.1))],
        "C3": [("H", (1.4, 0.5, 0.9)), ("N", (0, 0, 0)), ("F", (1.9, -1.2, -0.9))],
        "D2": [("F", (1.9, 1.1, 0.75)), ("Ni", (0, 0, 0))],
        "D3": [("O", polar(1.9, 0.33, 1.15)), ("Co", (0, 0, 0))],
        "D4": [("O", polar(2.0, 0.21, 1.3)), ("Zr", (0, 0, 0)), ("F", (3.4, 0, 0))],
        "S4": [("F", (1.9, 0.6, 0.75)), ("C", (0, 0, 0)), ("H", (1.0, 2.3, 1.2))],
        "S6": [("F", polar(2.1, 0.1, 0.9)), ("Fe", (0, 0, 0)), ("N", polar(2.6, 0.65, 2.1))],
        "C2h": [("N", (0.6, 0.3, 0)), ("F", (1.6, 1.5, 0)), ("O", (1.9, -0.6, 1.1))],
        "C3h": [
            ("B", (0, 0, 0)),
            ("O", polar(1.4, 0)),
            ("H", polar(2.2, 0.55, 0)),
            ("F", polar(3.0, -0.4, 0.9)),
        ],
        "D2h": [("C", (0.7, 0, 0)), ("F", (1.4, 1.3, 1.0))],
        "D3h": [("B", (0, 0, 0)), ("Cl", polar(2.2, np.pi / 6, 1.2)), ("F", (1.4, 0, 0))],
        "D2d": [("C", (0, 0, 0)), ("F", (1.1, 1.1, 1.9)), ("O", (1.6, 0, 0))],
        "D3d": [("Mo", (0, 0, 0)), ("Cl", polar(1.4, np.pi / 6, 2.1)), ("H", polar(2.9, np.pi / 6, 0.4))],
    }
    return [
        molecule(f"general positions {label}", label, spread(label, *sites), note) for label, sites in cases.items()
    ]


def families() -> list[ZooMolecule]:
    """Clusters for C_n to D_nd with n up to 30 and S_4 to S_20."""
    built = [make(n) for n in ORDERS for make in (_cn, _cnv, _cnh, _dn, _dnh)]
    built.append(_dnh(15))
    built += [_dnd(n) for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15)]
    built += [_s2n(n) for n in (4, 6, 8, 10, 12, 20)]
    built += [_cn_equal_radii(n) for n in (4, 5, 6, 7)]
    return built + _one_general_orbit()
