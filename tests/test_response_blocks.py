"""Symmetry blocks of computed responses: against normal modes, and their Jacobian against the unfactored one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from symvib.errors import CoordinateError, ForceFieldError, HessianError
from symvib.forward._tensor_averages import averaged_response
from symvib.forward.dataset_files import shipped_dataset
from symvib.forward.force_constants import wavenumbers_of
from symvib.forward.force_field import GeneralForceField
from symvib.forward.internals import InternalCoordinates
from symvib.forward.isotopologues import isotopologue
from symvib.forward.jacobian import block_spectral_jacobian
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_jacobian import response_blocks, response_jacobian
from symvib.forward.symmetry_coordinates import symmetry_coordinates
from symvib.forward.wilson import wilson_gf

KINDS = ("ir", "raman_isotropic", "raman_anisotropic")
# id of the shipped survey (computed by GFN2-xTB): point group
MOLECULES = {
    "sym-C6(H)6 ring +0": "D6h",
    "sym-C(H) tetrahedron +0": "Td",
    "sym-(BN)3 ring": "D3h",
    "qm9-000477": "C3",
    "sym-(HF)4": "C4h",
    "sym-1,3,5-N3C3(OH)3": "C3h",
    "sym-(LiCl)12 cage": "Th",
    "sym-C3S2": "Dinfh",
    "qm9-000005": "Cinfv",
}


@cache
def response_of(name):
    dataset = shipped_dataset("responses_survey_gfn2")
    return dataset.response(dataset.column("id").index(name))


@cache
def exact(name):
    """The response with its symmetry to rounding, and symmetry coordinates at the same geometry."""
    response = response_of(name)
    coordinates = symmetry_coordinates(response.molecule)
    assert coordinates.point_group.label == MOLECULES[name]
    molecule = replace(response.molecule, positions=coordinates.positions + response.molecule.center_of_mass)
    return averaged_response(coordinates.action, replace(response, molecule=molecule)), coordinates


def levels_of(jacobian):
    """Eigenvalue, intensities (zero where there is no row) and rows of each level, by ascending eigenvalue."""
    order = np.argsort([cluster.eigenvalue for cluster in jacobian.clusters], kind="stable")
    kinds = ("lambda", *KINDS)
    values = np.zeros((len(kinds), len(order)))
    rows = np.zeros((len(kinds), len(order), jacobian.jacobian.shape[1]))
    for value, row, observable in zip(jacobian.values, jacobian.jacobian, jacobian.observables, strict=True):
        place = kinds.index(observable.kind), int(np.flatnonzero(order == observable.cluster)[0])
        values[place], rows[place] = value, row
    return values, rows


def assert_same_levels(mine, theirs):
    """Values and derivatives to 1e-7 of the largest of their kind; forbidden ones (no row, or rounding) to 1e-11."""
    for ones, twos in zip(levels_of(mine), levels_of(theirs), strict=True):
        for one, two in zip(ones, twos, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-7 * max(np.abs(two).max(), 1e-4))


@pytest.mark.parametrize("name", MOLECULES)
def test_levels_and_intensities_are_those_of_normal_modes(name):
    response = response_of(name)
    values, _ = levels_of(block_spectral_jacobian(response_blocks(response), cluster_tolerance=1e-12))
    modes = normal_modes(response)
    sets = range(int(modes.set_index.max()) + 1)
    wavenumbers, ir, raman = (
        np.array([function(array[modes.set_index == s]) for s in sets])
        for function, array in (
            (np.mean, modes.wavenumbers_cm1),
            (np.sum, modes.ir_km_per_mol),
            (np.sum, modes.raman_a4_per_amu),
        )
    )
    np.testing.assert_allclose(wavenumbers_of(values[0]), wavenumbers, atol=1e-6)
    np.testing.assert_allclose(values[1], ir, atol=1e-9 * max(ir.max(), 1e-3))
    np.testing.assert_allclose(45 * values[2] + 7 * values[3], raman, atol=1e-9 * raman.max())


@pytest.mark.parametrize("name", [name for name in MOLECULES if name != "sym-(LiCl)12 cage"])
def test_factored_jacobian_is_the_unfactored_one(name):
    """For the general force field, and for single force constants that are not totally symmetric."""
    response, coordinates = exact(name)
    field = GeneralForceField.of(coordinates)
    rng = np.random.default_rng(1)
    lopsided = np.array([np.diag(d) for d in rng.normal(size=(3, len(coordinates.internals)))])
    for basis in (field, lopsided):
        factored = response_jacobian(response, basis=basis, symmetry_coordinates=coordinates, cluster_tolerance=1e-12)
        whole = response_jacobian(response, coordinates.b_matrix, basis, cluster_tolerance=1e-10)
        assert len(whole.clusters) == len(factored.clusters)
        assert_same_levels(factored, whole)
    assert factored.parameters == ("x[0]", "x[1]", "x[2]")
    assert response_jacobian(response, basis=field, symmetry_coordinates=coordinates).parameters == field.labels


@pytest.mark.parametrize("name", ["qm9-000477", "sym-(HF)4", "sym-1,3,5-N3C3(OH)3", "sym-(LiCl)12 cage"])
def test_complex_pairs_are_hermitian_with_complex_factors(name):
    pairs = [block for block in response_blocks(response_of(name)) if np.iscomplexobj(block.g)]
    assert pairs
    for block in pairs:
        assert block.degeneracy == 2
        for matrix in (block.g, block.f):
            np.testing.assert_allclose(matrix, matrix.conj().T, atol=1e-10 * np.abs(matrix).max())
        assert all(np.iscomplexobj(factor) for factor in block.intensities.values())
    assert any(np.abs(np.imag(block.f)).max() > 1e-3 * np.abs(block.f).max() for block in pairs)


def test_allowed_intensities_of_benzene():
    blocks = {block.label: block for block in response_blocks(response_of("sym-C6(H)6 ring +0"))}
    assert {label: tuple(block.intensities) for label, block in blocks.items()} == {
        "A1g": ("raman_isotropic", "raman_anisotropic"),
        "A2g": (),
        "B2g": (),
        "E1g": ("raman_anisotropic",),
        "E2g": ("raman_anisotropic",),
        "A2u": ("ir",),
        "B1u": (),
        "B2u": (),
        "E1u": ("ir",),
        "E2u": (),
    }
    assert sum(len(block.g) * block.degeneracy for block in blocks.values()) == 30


def test_totally_symmetric_levels_of_methane_are_fully_polarised():
    blocks = {
        block.label: tuple(block.intensities) for block in response_blocks(response_of("sym-C(H) tetrahedron +0"))
    }
    assert blocks == {"A1": ("raman_isotropic",), "E": ("raman_anisotropic",), "T2": ("ir", "raman_anisotropic")}


def test_sets_that_are_not_closed_have_the_same_lines():
    """No orthonormal symmetry coordinates exist, but blocks do; also through the solution of the GF problem."""
    name = "sym-C(H) tetrahedron +0"
    response, coordinates = exact(name)
    chosen = InternalCoordinates([q for k, q in enumerate(coordinates.internals) if k != 4])  # one bend left out
    lopsided = symmetry_coordinates(response.molecule, chosen)
    assert not lopsided.orthonormal
    solution = wilson_gf(response, internals=chosen)
    basis = np.array([np.diag(d) for d in np.random.default_rng(2).normal(size=(3, len(chosen)))])
    whole = response_jacobian(response, lopsided.b_matrix, basis, cluster_tolerance=1e-10)
    for given in (lopsided, solution.coordinates):
        found = response_jacobian(response, basis=basis, symmetry_coordinates=given, cluster_tolerance=1e-12)
        assert_same_levels(found, whole)


def test_isotopologues_share_symmetry_coordinates_where_they_keep_the_symmetry():
    response, coordinates = exact("sym-C6(H)6 ring +0")
    heavy = isotopologue(response, {"H": 2})
    values, _ = levels_of(block_spectral_jacobian(response_blocks(heavy, coordinates), cluster_tolerance=1e-12))
    modes = normal_modes(heavy)
    np.testing.assert_allclose(wavenumbers_of(values[0]), [w for _, w in modes.levels], atol=1e-6)
    np.testing.assert_allclose(values[1].sum(), modes.ir_km_per_mol.sum(), rtol=1e-9)
    by_masses = response_blocks(response, coordinates, masses=heavy.molecule.masses)
    for one, two in zip(response_blocks(heavy, coordinates), by_masses, strict=True):
        np.testing.assert_array_equal(one.g, two.g)
    with pytest.raises(CoordinateError, match="less symmetry than D6h"):
        response_blocks(isotopologue(response, {int(np.argmin(response.molecule.numbers)): 2}), coordinates)


def test_force_field_is_where_the_blocks_are_taken():
    response, coordinates = exact("sym-C(H) tetrahedron +0")
    field = GeneralForceField.of(coordinates).fitted(response.hessian).force_field
    for one, two in zip(response_blocks(response), response_blocks(response, force_field=field), strict=True):
        np.testing.assert_allclose(one.f, two.f, atol=1e-8)
    f = np.diag(np.arange(1.0, len(coordinates.internals) + 1))
    with pytest.raises(ForceFieldError, match="lacks the symmetry Td"):
        response_blocks(response, coordinates, force_field=f)
    with pytest.raises(ForceFieldError, match=r"\(10, 10\)"):
        response_blocks(response, coordinates, force_field=np.eye(3))


def test_bad_input_is_refused():
    response, coordinates = exact("sym-C(H) tetrahedron +0")
    other = exact("sym-(HF)4")[1]
    with pytest.raises(CoordinateError, match="those of"):
        response_blocks(response, other)
    molecule = response.molecule
    turned = replace(response, molecule=replace(molecule, positions=molecule.positions[:, ::-1] + 0.01))
    with pytest.raises(CoordinateError, match="another geometry"):
        response_blocks(turned, coordinates)
    with pytest.raises(HessianError, match="lacks the symmetry Td"):
        response_blocks(HarmonicResponse(molecule, np.diag(np.arange(15.0))))
    with pytest.raises(CoordinateError, match="give b_matrix"):
        response_jacobian(response)
    with pytest.raises(CoordinateError, match="other internal coordinates"):
        response_jacobian(response, basis=GeneralForceField.of(other), symmetry_coordinates=coordinates)
    with pytest.raises(CoordinateError, match="leave b_matrix out"):
        response_jacobian(response, np.eye(15), symmetry_coordinates=coordinates)
