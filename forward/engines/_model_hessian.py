"""A cheap model of the Hessian, to start an optimisation from.

R. Lindh, A. Bernhardsson, G. Karlstrom, P.-A. Malmqvist, Chem. Phys. Lett. 241, 423 (1995): every pair, angle and
torsion has a force constant that falls off with the distances in it, so that no list of bonds is needed.
"""

import numpy as np

from ...groups.operations import NDArrayFloat, NDArrayInt

__all__ = ["model_hessian"]

# Table 1 of the paper, by rows of the periodic table (H-He, Li-Ne, the rest): decay in bohr^-2, distance in bohr.
_DECAY = np.array([[1.0, 0.3949, 0.3949], [0.3949, 0.28, 0.28], [0.3949, 0.28, 0.28]])
_REFERENCE_BOHR = np.array([[1.35, 2.10, 2.53], [2.10, 2.87, 3.40], [2.53, 3.40, 3.40]])
_STRETCH, _BEND, _TORSION = 0.45, 0.15, 0.005  # Eh/bohr^2, Eh, Eh
_NEGLIGIBLE = 0.02  # product of decays below which an angle or torsion is left out
_NEARLY_LINEAR = 0.1  # sine of an angle; beyond, it bends in two planes and defines no torsion


def model_hessian(numbers: NDArrayInt, positions_bohr: NDArrayFloat) -> NDArrayFloat:
    """Positive semidefinite model Hessian (3N, 3N) in Eh/bohr^2, zero for translations and rotations.

    Cost O(N^2) for the pairs, and for bends and torsions proportional to their number within a few bohr.
    """
    rows = np.digitize(numbers, [3, 11])
    distances = np.linalg.norm(positions_bohr[:, None] - positions_bohr[None], axis=2)
    decay = _DECAY[rows[:, None], rows[None]]
    rho = np.exp(decay * (_REFERENCE_BOHR[rows[:, None], rows[None]] ** 2 - distances**2))
    np.fill_diagonal(rho, 0.0)
    size = 3 * len(numbers)
    hessian = np.zeros((size, size))
    for atoms, derivatives, weights in (
        _stretches(rho, positions_bohr),
        *_bends(rho, positions_bohr),
        _torsions(rho, positions_bohr),
    ):
        _add(hessian, atoms, derivatives, weights)
    return hessian


Terms = tuple[NDArrayInt, NDArrayFloat, NDArrayFloat]  # atoms (n, k), derivatives (n, k, 3), force constants (n,)


def _add(hessian: NDArrayFloat, atoms: NDArrayInt, derivatives: NDArrayFloat, weights: NDArrayFloat) -> None:
    """Add the sum over terms of weight * b b^T."""
    if not len(atoms):
        return
    rows = np.zeros((len(atoms), len(hessian)))
    columns = (3 * atoms[..., None] + np.arange(3)).reshape(len(atoms), -1)
    np.put_along_axis(rows, columns, derivatives.reshape(len(atoms), -1), axis=1)
    hessian += (rows * weights[:, None]).T @ rows


def _stretches(rho: NDArrayFloat, x: NDArrayFloat) -> Terms:
    i, j = np.nonzero(np.triu(rho > _NEGLIGIBLE**2))
    unit = x[i] - x[j]
    unit = unit / np.linalg.norm(unit, axis=1)[:, None]
    return np.stack([i, j], axis=1), np.stack([unit, -unit], axis=1), _STRETCH * rho[i, j]


def _bends(rho: NDArrayFloat, x: NDArrayFloat) -> list[Terms]:
    """Angles i-j-k; nearly linear ones bend in two planes."""
    first, centre = np.nonzero(rho > _NEGLIGIBLE)
    p, q = np.nonzero((centre[:, None] == centre[None]) & (first[:, None] < first[None]))
    i, j, k = first[p], centre[p], first[q]
    weight = rho[i, j] * rho[j, k]
    unit = x[:, None] - x[None]
    unit = unit / (np.linalg.norm(unit, axis=2) + np.eye(len(x)))[..., None]
    # An angle near zero (two atoms in line on one side of the third) is no coordinate.
    open_angle = (unit[i, j] * unit[k, j]).sum(axis=1) < np.sqrt(1 - _NEARLY_LINEAR**2)
    keep = (weight > _NEGLIGIBLE) & open_angle
    i, j, k, weight = i[keep], j[keep], k[keep], _BEND * weight[keep]
    u, v = unit[i, j], unit[k, j]
    r, s = (np.linalg.norm(x[end] - x[j], axis=1)[:, None] for end in (i, k))
    normal = np.cross(u, v)
    linear = np.linalg.norm(normal, axis=1) < _NEARLY_LINEAR
    # A direction across a nearly linear angle, from the Cartesian axis least parallel to it.
    axes = np.eye(3)[np.abs(u).argmin(axis=1)]
    normal = np.where(linear[:, None], np.cross(u, axes), normal)
    normal = normal / np.linalg.norm(normal, axis=1)[:, None]
    atoms = np.stack([i, j, k], axis=1)
    in_plane = np.cross(u, normal), np.cross(normal, v)  # directions that open the angle, at i and at k
    terms = [_bend(atoms, in_plane[0] / r, in_plane[1] / s, weight)]
    across = normal[linear]
    terms.append(_bend(atoms[linear], across / r[linear], across / s[linear], weight[linear]))
    return terms


def _bend(atoms: NDArrayInt, at_first: NDArrayFloat, at_last: NDArrayFloat, weight: NDArrayFloat) -> Terms:
    return atoms, np.stack([at_first, -at_first - at_last, at_last], axis=1), weight


def _torsions(rho: NDArrayFloat, x: NDArrayFloat) -> Terms:
    """Torsions i-j-k-l (E. B. Wilson, J. C. Decius, P. C. Cross, Molecular Vibrations, section 4-1)."""
    a, b = np.nonzero(rho > _NEGLIGIBLE)
    middle = np.flatnonzero(a < b)
    m, p = np.nonzero(b[None] == a[middle, None])  # p: pair (i, j)
    m, p, q = _with_last(middle, m, p, a, b)
    i, j, k, last = a[p], a[middle[m]], b[middle[m]], b[q]
    weight = rho[i, j] * rho[j, k] * rho[k, last]
    keep = (i != k) & (last != j) & (i != last) & (weight > _NEGLIGIBLE)
    i, j, k, last, weight = i[keep], j[keep], k[keep], last[keep], weight[keep]
    f, g, h = x[i] - x[j], x[j] - x[k], x[last] - x[k]
    axis = np.linalg.norm(g, axis=1)
    n1, n2 = np.cross(f, g), np.cross(h, g)
    square1, square2 = (n1**2).sum(axis=1), (n2**2).sum(axis=1)
    sine1 = np.sqrt(square1) / (np.linalg.norm(f, axis=1) * axis)
    sine2 = np.sqrt(square2) / (np.linalg.norm(h, axis=1) * axis)
    keep = (sine1 > _NEARLY_LINEAR) & (sine2 > _NEARLY_LINEAR)
    f, g, h, n1, n2, axis = f[keep], g[keep], h[keep], n1[keep], n2[keep], axis[keep, None]
    at_i = -axis / square1[keep, None] * n1
    at_last = axis / square2[keep, None] * n2
    fg, hg = ((w * g).sum(axis=1)[:, None] for w in (f, h))
    shared = fg / (square1[keep, None] * axis) * n1 - hg / (square2[keep, None] * axis) * n2
    derivatives = np.stack([at_i, -at_i + shared, -at_last - shared, at_last], axis=1)
    return np.stack([i, j, k, last], axis=1)[keep], derivatives, _TORSION * weight[keep]


def _with_last(
    middle: NDArrayInt, m: NDArrayInt, p: NDArrayInt, a: NDArrayInt, b: NDArrayInt
) -> tuple[NDArrayInt, NDArrayInt, NDArrayInt]:
    """Every pair (k, l) that continues a middle bond, for every (middle, first) combination."""
    row, q = np.nonzero(a[None] == b[middle][m][:, None])
    return m[row], p[row], q
