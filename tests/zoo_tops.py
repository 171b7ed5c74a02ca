"""Accidental symmetric and spherical tops: low groups with degenerate moments of inertia.

A cluster of ONE element is stretched by a matrix that commutes with its group until sum x x^T is isotropic,
or isotropic in a plane: the moments then agree to rounding whatever the element weighs, and the group stays.
"""

from __future__ import annotations

import numpy as np

from zoo_base import ZooMolecule, atoms, molecule, polar, spread


def equalised(positions: np.ndarray, axes: int) -> np.ndarray:
    """Positions (N, 3) stretched so that the `axes` largest eigenvalues of sum x x^T agree.

    3: spherical top, 2: symmetric top. The stretch is a function of that tensor: it commutes with the group.
    """
    centred = positions - positions.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    goal = values.copy()
    goal[3 - axes :] = np.exp(np.log(values[3 - axes :]).mean())
    return centred @ (vectors * np.sqrt(goal / values)) @ vectors.T


SITES = {
    "C1": [
        (0.0, 0.0, 0.0),
        (1.9, 0.2, 0.1),
        (-0.9, 1.8, 0.3),
        (-0.5, -1.2, 1.7),
        (0.6, -1.3, -1.9),
        (2.3, 2.0, 1.2),
    ],
    "Cs": [(0.3, 0.1, 0), (2.0, 1.1, 0), (-1.9, 0.4, 0), (-0.8, -1.4, 1.3), (1.3, -1.9, 2.3)],
    "Ci": [
        (1.2, 0.3, 0.4),
        (-0.4, 1.9, 0.9),
        (0.7, -0.9, 2.3),
        (2.6, 1.4, 1.2),
        (-1.9, -0.9, 2.6),
        (2.4, -1.6, 0.2),
    ],
    "C2": [(1.0, 0.2, 0.1), (0.4, 1.8, 1.3), (1.9, -0.8, -1.7), (0.0, 0.0, 2.6)],
    "C2v": [(1.2, 0, 0.2), (0, 1.6, -1.3), (1.5, 1.1, 1.9), (0, 0, -2.3)],
    "C2h": [(1.4, 0.3, 0), (0.5, 2.2, 0), (1.7, -0.9, 1.6), (2.9, 0.9, 0)],
    "D2": [(1.6, 0.7, 1.0), (0, 0, 2.4), (0.5, 2.2, 1.6)],
    "D2h": [(1.1, 1.9, 0), (2.3, 0, 0), (0, 0, 1.0), (0.0, 1.1, 2.5)],
    "C3": [(1.1, 0, 0.2), (1.7, 1.2, 1.7), (0.4, 1.9, -1.6), (0, 0, 2.2)],
    "C3v": [(1.3, 0, 0.1), (-1.9, 0, 1.5), (0, 0, -1.6)],
    "C3h": [(1.2, 0, 0), tuple(polar(2.3, 0.5)), (0, 0, 1.5)],
    "D3": [tuple(polar(1.6, 0.25, 1.1)), (2.9, 0, 0)],
    "D3h": [(1.4, 0, 0), (-2.2, 0, 1.3)],
    "D3d": [tuple(polar(1.5, np.pi / 6, 0.7)), (0, 0, 2.4), tuple(polar(2.6, np.pi / 6, 1.9))],
    "C4v": [(1.4, 0, 0), (0, 0, 1.7), (1.4, 1.4, -1.2)],
    "D4": [tuple(polar(1.7, 0.2, 1.0)), (3.0, 0, 0)],
    "D4h": [(1.5, 0, 0), (0, 0, 2.4), (1.5, 1.5, 1.1)],
    "S4": [(1.6, 0.4, 0.9), (0.9, 2.2, 2.0)],
    "D2d": [(1.4, 1.4, 0.7), (1.3, 0, 0), (0, 0, 2.2)],
    "S6": [tuple(polar(1.6, 0, 0.8)), tuple(polar(2.2, 0.75, 1.9))],
    "D4d": [tuple(polar(1.6, np.pi / 8, 1.2)), (0, 0, 2.4)],
    "C5v": [(1.7, 0, 0.3), (0, 0, 1.8), (-1.5, 0, -1.3)],
    "D5h": [(1.7, 0, 0), (0, 0, 1.9), (2.0, 0, 1.6)],
    "D6h": [(2.0, 0, 0), tuple(polar(2.2, np.pi / 6, 1.7))],
}
PLANAR_ISOTROPY = ("C1", "Cs", "Ci", "C2", "C2v", "C2h", "D2", "D2h")


def tops() -> list[ZooMolecule]:
    """One spherical top per group of `SITES`, one symmetric top where no axis has order 3 or more."""
    found = []
    for label, points in SITES.items():
        symbols, positions = spread(label, *[("B", p) for p in points])
        note = "orbits under the group, stretched by a matrix that commutes with it; one element"
        spherical = (symbols, equalised(positions, 3))
        found.append(molecule(f"accidental spherical top {label}", label, spherical, note))
        if label in PLANAR_ISOTROPY:
            symmetric = (symbols, equalised(positions, 2))
            found.append(molecule(f"accidental symmetric top {label}", label, symmetric, note))
    return found


def centred_tops() -> list[ZooMolecule]:
    """Spherical tops with a heavy atom at the centre of mass, which adds nothing to the inertia."""
    found = []
    for label in ("Ci", "C2h", "D2", "D2d"):
        points = [p for p in SITES[label] if np.linalg.norm(p) > 1.35]
        _, positions = spread(label, *[("F", p) for p in points])
        structure = atoms(("F", equalised(positions, 3)), ("W", (0, 0, 0)))
        found.append(
            molecule(
                f"accidental spherical top {label} with centre",
                label,
                structure,
                "centre fixed by every operation",
            )
        )
    return found
