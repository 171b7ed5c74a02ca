"""Model responses that are exactly invariant under rigid motions and have every symmetry of the molecule.

Hessian: sums of k grad f grad f^T over functions f that no rigid motion changes (distances; volumes of tetrahedra,
for planar molecules; cross products that vanish on a line, for linear ones). Dipole moment: charges that depend on
distances. Polarizability: pair terms. Their derivatives are taken by complex steps, exact to rounding.
"""

from itertools import combinations

import numpy as np

from symvib.constants import BOHR_ANGSTROM
from symvib.forward.response import HarmonicResponse

STEP = 1e-30


def pair_distances(x):
    """All distances (n(n-1)/2,) of positions (N, 3), real or complex."""
    i, j = np.triu_indices(len(x), 1)
    return np.sqrt(((x[i] - x[j]) ** 2).sum(axis=1))


def complex_step(function, x):
    """Derivatives (..., 3N) of an analytic function of positions (N, 3)."""
    columns = []
    for k in range(x.size):
        moved = x.astype(complex)
        moved.flat[k] += 1j * STEP
        columns.append(np.imag(function(moved)) / STEP)
    return np.stack(columns, axis=-1)


def planar_terms(x):
    corners = np.array(list(combinations(range(len(x)), 4)))
    a, b, c, d = (x[corners[:, k]] for k in range(4))
    return np.einsum("ki,ki->k", b - a, np.cross(c - a, d - a))


def linear_terms(x):
    corners = np.array(list(combinations(range(len(x)), 3)))
    a, b, c = (x[corners[:, k]] for k in range(3))
    return np.cross(b - a, c - a).ravel()


def model_dipole(z, charge):
    def dipole(x):
        n = len(x)
        i, j = np.triu_indices(n, 1)
        reach = np.exp(-pair_distances(x) / 2)
        share = np.zeros(n, dtype=x.dtype)
        np.add.at(share, i, reach * z[j])
        np.add.at(share, j, reach * z[i])
        charges = 0.3 * np.sqrt(z) * share / z.mean()
        charges = charges - charges.mean() + charge / n
        return charges @ x

    return dipole


def model_polarizability(z):
    def polarizability(x):
        i, j = np.triu_indices(len(x), 1)
        bond, r = x[i] - x[j], pair_distances(x)
        weight = np.sqrt(z[i] * z[j])
        isotropic = (weight * r * np.exp(-r / 3)).sum() * np.eye(3)
        return isotropic + np.einsum("b,bi,bj->ij", weight * np.exp(-r / 2), bond, bond)

    return polarizability


def synthetic_response(molecule, charge=0):
    """The model response of a molecule; the dipole moment is the model's, about the frame's origin."""
    x, z = molecule.positions / BOHR_ANGSTROM, molecule.numbers.astype(float)
    n = len(x)
    jacobian = complex_step(pair_distances, x)
    i, j = np.triu_indices(n, 1)
    constants = 0.9 * np.exp(-0.45 * pair_distances(x)) * (1 + 0.002 * z[i] * z[j])
    hessian = jacobian.T @ (constants[:, None] * jacobian)
    spread = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    if n > 2 and spread[1] < 1e-4 * spread[0]:
        extra = complex_step(linear_terms, x)
        hessian = hessian + 0.002 * extra.T @ extra
    elif n > 3 and spread[2] < 1e-4 * spread[0]:
        extra = complex_step(planar_terms, x)
        hessian = hessian + 0.1 / len(extra) * extra.T @ extra / spread[0] ** 4 * n**2
    return HarmonicResponse(
        molecule,
        hessian,
        complex_step(model_dipole(z, charge), x),
        complex_step(model_polarizability(z), x),
        dipole=model_dipole(z, charge)(x),
        method="model",
    )
