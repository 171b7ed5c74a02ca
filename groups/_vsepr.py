"""Geometry of a hypervalent molecule AX_n by electron-pair repulsion (VSEPR), unknown to force fields.

MMFF94 has no parameters for SF6 or XeF4, and UFF none or tetrahedral ones. The electron pairs of the central
atom are points on a sphere that repel each other; lone pairs repel more (Gillespie and Nyholm, Q. Rev. Chem.
Soc. 11 (1957) 339). Which angles come out depends little on the law of repulsion; its symmetry is what is
wanted here.
"""

from itertools import combinations

import numpy as np

from .elements import covalent_radii_angstrom

# Exponent of the repulsion 1/r^n between points on the sphere. n = 2 gives D3h, Oh and D5h for
# five, six and seven equal pairs, as in PF5, SF6 and IF7; from n = 3 on, seven pairs leave D5h.
_EXPONENT = 2

# Repulsion of lone pair with bond and of two lone pairs, relative to two bonds. Only the order matters: it
# puts lone pairs into the equator of a bipyramid (SF4, ClF3) and opposite each other in an octahedron (XeF4).
_LONE_PAIR_BOND = 1.5
_LONE_PAIR_LONE_PAIR = 2.6

# Number of random starts; the lowest energy is kept. Seven points have a handful of minima.
_STARTS = 30

_NOBLE_GASES = (2, 10, 18, 36, 54, 86)


def vsepr_positions(numbers: list[int], charges: list[int], bonds: list[tuple[int, int, float]]) -> np.ndarray | None:
    """Return positions (N, 3) in angstrom, or None if the molecule is not a hypervalent AX_n.

    Parameters
    ----------
    numbers, charges : list of int
        Atomic number and formal charge of each atom.
    bonds : list of (int, int, float)
        Atom indices and bond order.

    Notes
    -----
    AX_n: n = N - 1 bonds, all from one main-group atom of period 3 or below, with five or more electron
    pairs (bonds plus lone pairs), at most seven. Fewer pairs are the force fields' business.
    """
    n_ligands = len(numbers) - 1
    if n_ligands < 2 or len(bonds) != n_ligands:
        return None
    center = next((i for i in range(len(numbers)) if all(i in bond[:2] for bond in bonds)), None)
    if center is None:
        return None
    valence = _valence_electrons(numbers[center])
    if valence is None:
        return None
    lone_pairs = (valence - charges[center] - sum(order for *_, order in bonds)) / 2
    if lone_pairs < 0 or lone_pairs != int(lone_pairs) or not 5 <= n_ligands + lone_pairs <= 7:
        return None
    if (n_ligands, lone_pairs) == (6, 1):  # XeF6 is C3v, SeCl6(2-) octahedral: the model cannot tell
        return None
    directions = _repelling_points(n_ligands, int(lone_pairs))
    radii = covalent_radii_angstrom()
    positions = np.zeros((len(numbers), 3))
    ligands = [i for i in range(len(numbers)) if i != center]
    lengths = np.array([radii[numbers[center]] + radii[numbers[i]] for i in ligands])
    positions[ligands] = directions * lengths[:, None]
    return positions


def _valence_electrons(number: int) -> int | None:
    """Return the number of valence electrons of a main-group element of groups 13-18, period 3 or below."""
    noble = next((gas for gas in _NOBLE_GASES if gas >= number), None)
    if noble is None or noble <= 10 or noble - number > 5:
        return None
    return 8 - (noble - number)


def _repelling_points(n_bonds: int, n_lone_pairs: int) -> np.ndarray:
    """Return unit vectors (n_bonds, 3) of the bonds at the lowest repulsion found."""
    from scipy.optimize import minimize

    count = n_bonds + n_lone_pairs
    i, j = np.array(list(combinations(range(count), 2))).T
    n_lone = (i >= n_bonds).astype(int) + (j >= n_bonds)
    strengths = np.array([1.0, _LONE_PAIR_BOND, _LONE_PAIR_LONE_PAIR])[n_lone]

    def repulsion(flat: np.ndarray) -> tuple[float, np.ndarray]:
        points = flat.reshape(-1, 3)
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        units = points / lengths
        difference = units[i] - units[j]
        squared = (difference**2).sum(axis=1)
        terms = strengths * squared ** (-_EXPONENT / 2)
        pull = (-_EXPONENT * terms / squared)[:, None] * difference
        gradient = np.zeros_like(points)
        np.add.at(gradient, i, pull)
        np.add.at(gradient, j, -pull)
        # Only the direction counts: project out the radial part, divide by the length.
        gradient = (gradient - (gradient * units).sum(axis=1, keepdims=True) * units) / lengths
        return float(terms.sum()), gradient.ravel()

    rng = np.random.default_rng(0)
    best_energy, best = np.inf, np.empty(0)
    for _ in range(_STARTS):
        start = rng.normal(size=3 * count)
        result = minimize(repulsion, start, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 1000})
        if result.fun < best_energy - 1e-9:
            best_energy, best = result.fun, result.x
    points = best.reshape(-1, 3)[:n_bonds]
    return points / np.linalg.norm(points, axis=1, keepdims=True)
