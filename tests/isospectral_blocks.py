"""Random symmetry blocks with given intensity ranks, and a response of a molecule without an engine (for tests)."""

import numpy as np

from symvib import HarmonicResponse, Molecule
from symvib.forward.internals import InternalCoordinates
from symvib.forward.jacobian import SpectralBlock
from symvib.forward.selection import internal_coordinates

NAMES = ("ir", "raman_isotropic", "raman_anisotropic")


def random_block(n, ranks, seed=0, is_complex=False):
    """A positive block with distinct levels; G is not the unit matrix."""
    rng = np.random.default_rng(seed)

    def normal(*shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if is_complex else 0)

    root, strain = normal(n, n), normal(n, n)
    f = strain @ strain.conj().T + 0.5 * np.eye(n)
    g = root @ root.conj().T + 0.5 * np.eye(n)
    return SpectralBlock("X", g, f, {NAMES[j]: normal(n, r) for j, r in enumerate(ranks)})


def halomethane(elements=("H", "F", "Cl", "Br"), seed=0):
    """A tetrahedral CX4 with a valence force field and random derivatives: a response without an engine."""
    lengths = {"H": 1.09, "F": 1.36, "Cl": 1.77, "Br": 1.94}
    stiff = {"H": 5.0, "F": 6.0, "Cl": 3.5, "Br": 3.0}
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    positions = np.vstack([[0, 0, 0], corners * np.array([[lengths[e]] for e in elements])])
    molecule = Molecule.from_arrays(["C", *elements], positions)
    internals: InternalCoordinates = internal_coordinates(molecule)
    diagonal = [
        stiff[elements[max(q.atoms) - 1]]
        if q.kind == "stretch"
        else 0.6 + 0.05 * sum(molecule.numbers[list(q.atoms)]) / 9
        for q in internals
    ]
    b = internals.b_matrix(molecule.positions)
    hessian = b.T @ np.diag(diagonal) @ b / 15.569141
    rng = np.random.default_rng(seed)
    alpha = rng.normal(size=(3, 3, 15))
    dipole = rng.normal(size=(3, 15))
    dipole -= np.tile(dipole.reshape(3, 5, 3).mean(axis=1), (1, 5))
    return HarmonicResponse(molecule, hessian, dipole, alpha + alpha.swapaxes(0, 1))
