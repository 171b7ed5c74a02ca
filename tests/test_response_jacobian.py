"""The bridge from a harmonic response to the Jacobian of its spectrum, against full recomputations."""

from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule
from symvib.errors import CoordinateError, ForceFieldError, HessianError
from symvib.forward._vibrational_space import are_linear, vibrations
from symvib.forward.intensities import ir_intensities, raman_invariants
from symvib.forward.internals import InternalCoordinates
from symvib.forward.jacobian import force_constant_basis
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_jacobian import TRACELESS_BASIS, internal_response, response_jacobian
from symvib.forward.selection import internal_coordinates
from zoo import ZOO_BY_NAME

DATA = Path(__file__).resolve().parents[1].parent / "shared/data/qm9_gfn2/responses.npz"
MDYN = 4.3597447222060e-18 * 1e18 / 0.529177210544**2  # mdyn/angstrom of 1 Eh/bohr^2, CODATA 2022
needs_data = pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA}, which is not part of the repository")


def gfn2_responses(rows):
    """Responses at the given rows of the shared table; flat arrays are cut by the numbers of atoms."""
    with np.load(DATA) as data:
        atoms = data["atom_offset"]
        n = 3 * np.diff(atoms)
        cut = {
            "hessian_lower_eh_per_bohr2": np.cumsum([0, *(n * (n + 1) // 2)]),
            "dipole_derivatives_e": np.cumsum([0, *(3 * n)]),
            "polarizability_derivatives_bohr2": np.cumsum([0, *(6 * n)]),
        }
        arrays = {k: data[k].ravel() for k in cut}
        numbers, positions = data["numbers"], data["positions_angstrom"]
    for row in rows:
        lower, dipole, alpha = (arrays[k][o[row] : o[row + 1]] for k, o in cut.items())
        hessian = np.zeros((n[row], n[row]))
        hessian[np.tril_indices(n[row])] = lower
        hessian += np.tril(hessian, -1).T
        tensor = np.zeros((3, 3, n[row]))
        for component, i, j in zip(alpha.reshape(6, -1), *np.tril_indices(3), strict=True):
            tensor[i, j] = tensor[j, i] = component
        chosen = slice(atoms[row], atoms[row + 1])
        molecule = Molecule.from_arrays(numbers[chosen], positions[chosen])
        yield HarmonicResponse(molecule, hessian, dipole.reshape(3, -1), tensor)


def made_up(name, seed=0, noise=0.0):
    """A response with F of valence kind (diagonal, totally symmetric) and random derivatives; and its B."""
    molecule = molecule_of(ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions)
    coordinates = internal_coordinates(molecule)
    b = coordinates.b_matrix(molecule.positions)
    stiff = {"stretch": 5.0, "bend": 0.7, "linear_bend": 0.3, "torsion": 0.1, "out_of_plane": 0.3}
    f = np.diag([stiff[q.kind] for q in coordinates])
    rng = np.random.default_rng(seed)
    f += noise * (lambda m: m + m.T)(rng.normal(size=f.shape))
    alpha = rng.normal(size=(3, 3, b.shape[1]))
    response = HarmonicResponse(
        molecule, b.T @ f @ b / MDYN, rng.normal(size=(3, b.shape[1])), alpha + alpha.transpose(1, 0, 2)
    )
    return response, b


def recomputed(response, hessian):
    """Lambda (mdyn/A u), IR, a'^2 and gamma'^2 of each mode, by projection and diagonalisation in Cartesians."""
    molecule = response.molecule
    x, m = molecule.positions, molecule.masses
    values, modes = vibrations(hessian, x, m, bool(are_linear(x)))
    moved = modes / np.sqrt(np.repeat(m, 3))
    mean, anisotropy = raman_invariants(
        np.einsum("ijx,kx->kij", response.polarizability_derivatives, moved) * 0.529177210544**2
    )
    return np.array([values * MDYN, ir_intensities(moved @ response.dipole_derivatives.T), mean**2, anisotropy**2])


def clustered(lines, clusters):
    """Mean lambda and summed intensities of clusters, in the order of a SpectralJacobian."""
    starts = [c.modes[0] for c in clusters]
    sums = np.add.reduceat(lines, starts, axis=1)
    sums[0] /= [len(c.modes) for c in clusters]
    return sums.ravel()


def assert_agrees_with_recomputation(response, b, step, tolerance, directions=6):
    """Analytic derivatives along random directions against differences of full recomputations.

    The directions are not totally symmetric: sums over clusters have derivatives all the same.
    """
    basis = np.array([np.diag(d) for d in np.random.default_rng(3).normal(size=(directions, len(b)))])
    found = response_jacobian(response, b, basis, cluster_tolerance=1e-3)
    base = b.T @ internal_response(response, b).f @ b / MDYN
    expected = clustered(recomputed(response, base), found.clusters)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=1e-9)
    for column, e in zip(found.jacobian.T, basis, strict=True):
        shift = step * b.T @ e @ b / MDYN
        plus, minus = (clustered(recomputed(response, base + s * shift), found.clusters) for s in (1, -1))
        difference = (plus - minus) / (2 * step)
        for kind in found.kinds:
            rows = found.rows(kind)
            np.testing.assert_allclose(column[rows], difference[rows], atol=tolerance * np.abs(column[rows]).max())


@pytest.mark.parametrize("name", ["H2O", "NH3", "C2H4", "CO2", "HCN", "benzene", "CH4", "allene"])
def test_made_up_force_fields(name):
    response, b = made_up(name)
    assert_agrees_with_recomputation(response, b, 1e-6, 1e-5)


@needs_data
@pytest.mark.parametrize("row", [5, 100, 700, 1500, 2000, 2600])
def test_gfn2_responses(row):
    (response,) = gfn2_responses([row])
    b = internal_coordinates(response.molecule).b_matrix(response.molecule.positions)
    assert_agrees_with_recomputation(response, b, 1e-6, 1e-5)


@needs_data
def test_gfn2_values_are_those_of_the_table():
    row = 2000
    (response,) = gfn2_responses([row])
    b = internal_coordinates(response.molecule).b_matrix(response.molecule.positions)
    found = response_jacobian(response, b, np.eye(len(b))[None]).in_wavenumbers()
    with np.load(DATA) as data:
        modes = slice(*data["mode_offset"][row : row + 2])
        wavenumbers, ir, raman = (data[k][modes] for k in ("wavenumber_cm1", "ir_km_per_mol", "raman_a4_per_amu"))
    assert len(found.clusters) == len(wavenumbers)
    np.testing.assert_allclose(found.values[found.rows("wavenumber")], wavenumbers, atol=0.05)
    np.testing.assert_allclose(found.values[found.rows("ir")], ir, atol=1e-2 + 1e-3 * ir.max())
    activity = 45 * found.values[found.rows("raman_isotropic")] + 7 * found.values[found.rows("raman_anisotropic")]
    np.testing.assert_allclose(activity, raman, atol=1e-2 + 1e-3 * raman.max())


@needs_data
def test_c1_molecule_has_4d_minus_3_independent_observables():
    for response in gfn2_responses(range(1200, 2640)):
        if len(response.molecule) < 7 or np.ptp(response.molecule.positions, axis=0).min() < 1.0:
            continue
        b = internal_coordinates(response.molecule).b_matrix(response.molecule.positions)
        found = response_jacobian(response, b)
        d = len(found.clusters)
        if d == 3 * len(response.molecule) - 6:
            assert found.rank.rank == 4 * d - 3
            return
    raise AssertionError("no suitable molecule in the table")


def test_choice_of_coordinates_does_not_matter():
    response, b = made_up("C2H4", noise=0.02)
    independent = internal_coordinates(response.molecule, redundant=False).b_matrix(response.molecule.positions)
    full, small = (response_jacobian(response, m) for m in (b, independent))
    np.testing.assert_allclose(full.values, small.values, rtol=1e-8, atol=1e-10)
    assert full.rank.rank == small.rank.rank


def test_symmetry_coordinates_of_water_equal_the_unfactored_result():
    response, _ = made_up("H2O")
    x = response.molecule.positions
    coordinates = InternalCoordinates(internal_coordinates(response.molecule))
    assert [q.kind for q in coordinates] == ["stretch", "stretch", "bend"]
    b, h = coordinates.b_matrix(x), np.sqrt(0.5)
    species = {"A1": (np.array([[h, 0], [h, 0], [0, 1]]), 1), "B2": (np.array([[h], [-h], [0]]), 1)}
    basis = np.array([np.diag([1.0, 1, 0]), np.diag([0.0, 0, 1]), np.kron(np.diag([1.0, 0]), [[0, 1], [1, 0]])[:3, :3]])
    whole, factored = (
        response_jacobian(response, b, basis),
        response_jacobian(response, b, basis, symmetry_coordinates=species),
    )
    order = np.argsort([c.eigenvalue for c in factored.clusters])
    rows = np.concatenate([factored.rows(kind)[order] for kind in factored.kinds])
    np.testing.assert_allclose(whole.values, factored.values[rows], rtol=1e-9)
    np.testing.assert_allclose(whole.jacobian, factored.jacobian[rows], atol=1e-9 * np.abs(whole.jacobian).max())
    assert [c.label for c in factored.clusters] == ["A1 1", "A1 2", "B2 1"]
    with pytest.raises(CoordinateError, match="describe 2 vibrations"):
        response_jacobian(response, b, basis, symmetry_coordinates={"A1": species["A1"]})
    with pytest.raises(CoordinateError, match="couples"):
        response_jacobian(response, b, basis, symmetry_coordinates={"A": (np.eye(3)[:, :1], 1)})
    with pytest.raises(CoordinateError, match="orthonormal"):
        response_jacobian(response, b, basis, symmetry_coordinates={"A": (np.ones((3, 1)), 1)})


def test_traceless_basis_is_orthonormal_symmetric_and_traceless():
    np.testing.assert_allclose(np.einsum("mij,nij->mn", TRACELESS_BASIS, TRACELESS_BASIS), np.eye(5), atol=1e-15)
    np.testing.assert_array_equal(TRACELESS_BASIS, TRACELESS_BASIS.transpose(0, 2, 1))
    np.testing.assert_allclose(np.trace(TRACELESS_BASIS, axis1=1, axis2=2), 0, atol=1e-15)


def test_without_derivatives_only_eigenvalues():
    response, b = made_up("H2O")
    found = response_jacobian(HarmonicResponse(response.molecule, response.hessian), b)
    assert found.kinds == ("lambda",)


def test_force_field_given_is_where_the_derivative_is_taken():
    response, b = made_up("H2O")
    f = np.diag([8.0, 8.0, 0.7])
    found = response_jacobian(response, b, force_constant_basis(3), force_field=f)
    np.testing.assert_allclose(found.values[:3].prod(), np.linalg.det(f @ internal_response(response, b).g))


def test_bad_input_is_refused():
    response, b = made_up("H2O")
    with pytest.raises(CoordinateError, match=r"\(n_q, 9\)"):
        response_jacobian(response, b[:, :6])
    with pytest.raises(CoordinateError, match="has rank 2, the molecule 3"):
        response_jacobian(response, b[:2])
    with pytest.raises(CoordinateError, match="another geometry"):
        response_jacobian(response, b[:, ::-1] + 0.1)
    with pytest.raises(HessianError, match="masses"):
        response_jacobian(response, b, masses=[1.0, -1.0, 1.0])
    with pytest.raises(ForceFieldError, match="force_field"):
        response_jacobian(response, b, force_field=np.eye(2))
