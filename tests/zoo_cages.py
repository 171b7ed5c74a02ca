"""Fullerenes and other cages, from Goldberg's construction and from orbits."""

from __future__ import annotations

import numpy as np

from zoo_base import GOLDEN, ZooMolecule, atoms, molecule, orbit, polar, rotation, spread

FACE = np.array([(0, 1, GOLDEN), (0, -1, GOLDEN), (GOLDEN, 0, 1)])  # one face of the icosahedron


def goldberg(h: int, k: int, radius: float) -> np.ndarray:
    """Vertices (20 (h^2 + hk + k^2), 3) of the Goldberg polyhedron (h, k) on a sphere of this radius.

    Centroids of the small triangles of a triangular lattice laid on one face, projected on the sphere and
    spread by the rotations of I. (Caspar and Klug 1962; Goldberg 1937.)
    """
    basis = np.array([(1.0, 0.0), (0.5, np.sqrt(3) / 2)])
    corner = np.array([h, k]) @ basis
    turned = np.array([-k, h + k]) @ basis
    size = 2 * (h + k) + 2
    found: list[np.ndarray] = []
    for m in range(-size, size):
        for n in range(-size, size):
            for third in (1, 2):
                point = (np.array([m, n]) + third / 3) @ basis
                s, t = np.linalg.solve(np.column_stack([corner, turned]), point)
                if min(s, t, 1 - s - t) < -1e-9:
                    continue
                vertex = np.array([1 - s - t, s, t]) @ FACE
                vertex *= radius / np.linalg.norm(vertex)
                if not found or np.linalg.norm(np.concatenate(found) - vertex, axis=1).min() > 1e-6:
                    found.append(orbit("I", vertex))
    return np.concatenate(found)


def c60_along_c5() -> np.ndarray:
    """C60 (60, 3) with a fivefold axis along z and a mirror in the xz plane."""
    angle = np.arctan2(1, GOLDEN)
    turn = rotation((0, 0, 1), np.pi / 2) @ rotation((1, 0, 0), angle)
    return goldberg(1, 1, 3.55) @ turn.T


def c70() -> tuple[tuple[str, ...], np.ndarray]:
    """C70-like cage: the two halves of C60, eclipsed and pushed apart, around a belt of ten atoms; D5h."""
    c60 = c60_along_c5()
    cap = c60[c60[:, 2] > 0.1] + np.array([0, 0, 0.65])
    lowest = cap[np.argmin(cap[:, 2])]
    belt = polar(3.55, np.arctan2(lowest[1], lowest[0]))
    sites: list[np.ndarray] = []
    for point in [*cap, belt]:
        if not sites or np.linalg.norm(np.concatenate(sites) - point, axis=1).min() > 1e-6:
            sites.append(orbit("D5h", point))
    return atoms(("C", np.concatenate(sites)))


def c60br24() -> tuple[tuple[str, ...], np.ndarray]:
    """C60 with 24 bromine atoms over one general orbit of Th."""
    c60 = goldberg(1, 1, 3.9)
    general = next(p for p in c60 if len(orbit("Th", p)) == 24)
    return atoms(("C", c60), ("Br", orbit("Th", general * (3.9 + 1.95) / 3.9)))


def cages() -> list[ZooMolecule]:
    """Fullerenes, boranes, dodecahedrane."""
    h_over_c = 1 + 1.09 / 2.10
    c20 = np.full(3, 2.10 / np.sqrt(3))
    b12 = np.array((0, 1, GOLDEN)) * 1.70 / np.hypot(1, GOLDEN)
    fullerene = "Goldberg polyhedron with h = k or k = 0: mirrors kept; Ih is maximal among finite groups"
    cases = [
        ("C20 cage", "Ih", atoms(("C", goldberg(1, 0, 2.05))), fullerene),
        ("C60", "Ih", atoms(("C", goldberg(1, 1, 3.55))), fullerene),
        ("C80", "Ih", atoms(("C", goldberg(2, 0, 4.10))), fullerene),
        ("C180", "Ih", atoms(("C", goldberg(3, 0, 6.12))), fullerene),
        ("C240", "Ih", atoms(("C", goldberg(2, 2, 7.07))), fullerene + "; orbits 60 + 60 + 120"),
        (
            "C140",
            "I",
            atoms(("C", goldberg(2, 1, 5.40))),
            "chiral Goldberg polyhedron (2, 1): rotations only",
        ),
        (
            "C70",
            "D5h",
            c70(),
            "halves of C60 eclipsed around a belt: one fivefold axis left, belt in sigma_h",
        ),
        ("C60Br24", "Th", c60br24(), "24 bromines in a general orbit of Th on an Ih cage"),
        ("C60 with one metal inside on C5", "C5v", _endohedral(), "one atom on a fivefold axis of C60"),
        ("dodecahedrane", "Ih", spread("Ih", ("C", c20), ("H", c20 * h_over_c)), "Ih is maximal"),
        ("B12H12", "Ih", spread("Ih", ("B", b12), ("H", b12 * (1 + 1.2 / 1.7))), "Ih is maximal"),
        (
            "B12H11Cl",
            "C5v",
            _b12h11cl(),
            "one vertex of the icosahedron marked: its fivefold axis and mirrors stay",
        ),
        ("twisted twelve-rotor cage", "I", _twelve_rotors(), "twelve C5 rotors turned in the same sense"),
        ("C60 in a twisted shell", "T", _c60_in_t(), "a general orbit of T around an Ih cage"),
    ]
    return [molecule(*case) for case in cases]


def _endohedral():
    return atoms(("C", c60_along_c5()), ("La", (0, 0, 1.2)))


def _b12h11cl():
    turn = rotation((0, 0, 1), np.pi / 2) @ rotation((1, 0, 0), np.arctan2(1, GOLDEN))
    boron = orbit("Ih", np.array((0, 1, GOLDEN)) * 1.70 / np.hypot(1, GOLDEN)) @ turn.T
    outer = boron * (1 + 1.2 / 1.7)
    top = int(np.argmax(outer[:, 2]))
    return atoms(("B", boron), ("Cl", boron[top] * (1 + 1.8 / 1.7)), ("H", np.delete(outer, top, axis=0)))


def _twelve_rotors():
    axis = np.array((0, 1, GOLDEN)) / np.hypot(1, GOLDEN)
    toward = np.array((0, -GOLDEN, 1.0)) / np.hypot(1, GOLDEN)
    arm = rotation(axis, np.pi / 10) @ toward
    return spread("I", ("B", axis * 4.2), ("F", axis * 4.8 + 1.25 * arm))


def _c60_in_t():
    return atoms(("C", goldberg(1, 1, 3.55)), ("F", orbit("T", np.array((4.3, 1.2, 3.0)))))
