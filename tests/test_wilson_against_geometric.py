"""G and the wavenumbers from it against geomeTRIC's B matrix of the same primitives.

geomeTRIC: L.-P. Wang, C. Song, J. Chem. Phys. 144, 214108 (2016). Stretches, bends and torsions are the same functions
there; its linear bends and out-of-plane angles are others (see test_internals.py), so those rows are left out of G.
"""

import numpy as np
import pytest

from helpers import molecule_of
from symvib import as_molecule, wilson_gf
from symvib.forward.force_constants import SQRT_MDYN_PER_ANGSTROM_U_IN_CM1
from symvib.forward.transferable import TransferableForceField
from zoo import ZOO_BY_NAME

internal = pytest.importorskip("geometric.internal", reason="geomeTRIC is not installed (symvib[test])")

SAME = ("stretch", "bend", "torsion")


def molecule(name):
    if name in ZOO_BY_NAME:
        return molecule_of(ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions)
    return as_molecule(name)


def peer_g(solution, same):
    """B M^-1 B^T (n, n) of the primitives ``same``, from geomeTRIC's derivatives, at the same positions."""
    kinds = {"stretch": internal.Distance, "bend": internal.Angle, "torsion": internal.Dihedral}
    x = np.array(solution.molecule.positions)
    primitives = [kinds[solution.internals[k].kind](*solution.internals[k].atoms) for k in same]
    b = np.array([primitive.derivative(x).ravel() for primitive in primitives])
    return b / np.repeat(solution.molecule.masses, 3) @ b.T


@pytest.mark.parametrize("name", ["N", "C", "benzene", "cubane", "CCO", "O", "CC#N", "C=O"])
def test_g_is_that_of_geometric(name):
    found = wilson_gf(molecule(name), symmetry=False)
    same = [k for k, coordinate in enumerate(found.internals) if coordinate.kind in SAME]
    assert len(same) > 1
    np.testing.assert_allclose(found.G[np.ix_(same, same)], peer_g(found, same), atol=1e-11, rtol=0)


@pytest.mark.parametrize("smiles", ["O", "C", "CCO", "OO", "C1CC1", "CC(C)C"])
def test_wavenumbers_from_the_g_of_geometric(smiles):
    """GF is not symmetric: a solver for such matrices, sharing nothing with ours, gives the same levels."""
    field = TransferableForceField.of(as_molecule(smiles))
    found = wilson_gf(field.coordinates.molecule, field, symmetry=False)
    everything = list(range(len(found.internals)))
    assert {found.internals[k].kind for k in everything} <= set(SAME)
    values = np.sort(np.linalg.eigvals(peer_g(found, everything) @ found.F).real)[-len(found.wavenumbers_cm1) :]
    np.testing.assert_allclose(
        found.wavenumbers_cm1, SQRT_MDYN_PER_ANGSTROM_U_IN_CM1 * np.sqrt(values), atol=1e-4, rtol=0
    )
