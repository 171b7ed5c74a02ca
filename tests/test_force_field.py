"""Force fields and the transformation of force constants: units, equivalence, fits, round trips."""

import json

import numpy as np
import pytest

from helpers import molecule_of
from symvib.constants import BOHR_ANGSTROM, HARTREE_J
from symvib.errors import CoordinateError, ForceFieldError, HessianError
from symvib.forward._equivalence import coordinate_images
from symvib.forward.force_constants import (
    AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2,
    HARTREE_AJ,
    atomic_units_to_mdyn_angstrom,
    cartesian_to_internal,
    internal_to_cartesian,
    mdyn_angstrom_to_atomic_units,
    wavenumbers_of,
)
from symvib.forward.force_field import ForceField, GeneralForceField
from symvib.forward.internals import InternalCoordinate, InternalCoordinates
from symvib.forward.selection import internal_coordinates
from symvib.forward.symmetry_coordinates import symmetry_coordinates
from symvib.forward.valence_models import (
    INTERACTIONS,
    DiagonalForceField,
    UreyBradleyForceField,
    ValenceForceField,
)
from symvib.forward.wilson import wilson_gf
from symvib.groups.detection import detect_point_group
from symvib.groups.displacements import DisplacementSymmetry
from symvib.groups.molecule import Molecule
from zoo import ZOO_BY_NAME

WATER = Molecule.from_arrays([8, 1, 1], [[0, 0, 0.1173], [0, 0.7572, -0.4692], [0, -0.7572, -0.4692]])
ACETYLENE = Molecule.from_arrays([1, 6, 6, 1], [[0, 0, -1.66], [0, 0, -0.6], [0, 0, 0.6], [0, 0, 1.66]])
FORMALDEHYDE = Molecule.from_arrays([6, 8, 1, 1], [[0, 0, 0], [0, 0, 1.21], [0, 0.94, -0.59], [0, -0.94, -0.59]])
MODELS = (GeneralForceField, DiagonalForceField, ValenceForceField, UreyBradleyForceField)


def zoo(name):
    return molecule_of(ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions)


def named(group, largest=12):
    """The smallest zoo molecule of a point group."""
    cases = [case for case in ZOO_BY_NAME.values() if str(case.group) == group and 2 <= len(case.symbols) <= largest]
    case = min(cases, key=lambda case: len(case.symbols))
    return molecule_of(case.symbols, case.positions)


def random_hessian(molecule, seed=1):
    action = DisplacementSymmetry.of(detect_point_group(molecule))
    noise = np.random.default_rng(seed).normal(size=(3 * len(molecule),) * 2)
    roots = action.mass_weights
    averaged = 0.02 * action.average(noise @ noise.T)
    rigid = action.rigid_motions() / roots[:, None]  # unweighted rigid displacements
    left = np.linalg.svd(rigid, full_matrices=False)[0]
    inside = np.eye(len(roots)) - left @ left.T
    return inside @ averaged @ inside


# ---- units -----------------------------------------------------------------------------------------------------


def test_units_by_dimension():
    internals = InternalCoordinates([InternalCoordinate("stretch", (0, 1)), InternalCoordinate("bend", (1, 0, 2))])
    in_atomic = mdyn_angstrom_to_atomic_units(np.ones((2, 2)), internals)
    hartree_aj = HARTREE_J * 1e18
    expected = [[BOHR_ANGSTROM**2, BOHR_ANGSTROM], [BOHR_ANGSTROM, 1.0]]
    np.testing.assert_allclose(in_atomic, np.array(expected) / hartree_aj, rtol=1e-14)
    np.testing.assert_allclose(atomic_units_to_mdyn_angstrom(in_atomic, internals), np.ones((2, 2)), rtol=1e-14)


def test_one_mdyn_per_angstrom_in_textbook_numbers():
    # Wilson, Decius, Cross: nu = 1302.8 sqrt(f mu) with f in mdyn/A and mu in 1/u; 1 Eh/bohr^2 = 15.569 mdyn/A
    assert wavenumbers_of(np.array([1.0, -1.0])) == pytest.approx([1302.79, -1302.79], abs=0.01)
    assert pytest.approx(15.5689, abs=1e-4) == AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2


def test_a_diatomic_by_hand():
    carbon_monoxide = Molecule.from_arrays([6, 8], [[0, 0, 0], [0, 0, 1.128]])
    found = wilson_gf(carbon_monoxide, [[19.02]], InternalCoordinates([InternalCoordinate("stretch", (0, 1))]))
    reduced = 1 / (1 / carbon_monoxide.masses).sum()
    assert found.wavenumbers_cm1[0] == pytest.approx(1302.79 * np.sqrt(19.02 / reduced), rel=1e-5)


# ---- Cartesian <-> internal --------------------------------------------------------------------------------------


def pair_energy(molecule, seed=5):
    """Gradient (Eh/bohr) and Hessian (Eh/bohr^2) of strained springs between all atoms: invariant, not stationary."""
    rng = np.random.default_rng(seed)
    pairs = InternalCoordinates([InternalCoordinate("stretch", (a, b)) for a in range(len(molecule)) for b in range(a)])
    x = molecule.positions
    constants, strain = rng.uniform(1, 5, len(pairs)), rng.uniform(-0.2, 0.2, len(pairs))
    b_matrix = pairs.b_matrix(x)
    hessian = b_matrix.T @ np.diag(constants) @ b_matrix
    hessian += np.tensordot(constants * strain, pairs.second_derivatives(x), axes=1)
    gradient = b_matrix.T @ (constants * strain)
    return gradient * BOHR_ANGSTROM / HARTREE_AJ, hessian / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2


@pytest.mark.parametrize("name", ["H2O", "NH3", "C2H4", "H2O2", "cubane"])
def test_round_trip_off_a_stationary_point_is_exact(name):
    molecule = zoo(name)
    gradient, hessian = pair_energy(molecule)
    internals = internal_coordinates(molecule)
    x = molecule.positions
    inside = cartesian_to_internal(hessian, gradient, internals, x)
    back, slope = internal_to_cartesian(inside.force_constants, inside.gradient, internals, x)
    np.testing.assert_allclose(back, hessian, atol=1e-10)
    np.testing.assert_allclose(slope, gradient, atol=1e-12)
    assert inside.rank == 3 * len(molecule) - 6
    assert inside.removed < 1e-10


def test_without_the_gradient_term_the_result_is_another():
    gradient, hessian = pair_energy(WATER)
    internals = internal_coordinates(WATER)
    with_term = cartesian_to_internal(hessian, gradient, internals, WATER.positions)
    without = cartesian_to_internal(hessian, None, internals, WATER.positions)
    assert np.abs(with_term.force_constants - without.force_constants).max() > 0.01
    assert without.removed > 1e-4


def test_the_choice_of_generalised_inverse_does_not_matter_for_an_invariant_energy():
    molecule = zoo("C2H4")
    gradient, hessian = pair_energy(molecule)
    internals = internal_coordinates(molecule)
    results = [
        cartesian_to_internal(hessian, gradient, internals, molecule.positions, masses)
        for masses in (None, molecule.masses)
    ]
    np.testing.assert_allclose(results[0].force_constants, results[1].force_constants, atol=1e-9)
    np.testing.assert_allclose(results[0].gradient, results[1].gradient, atol=1e-10)


def test_internal_force_constants_are_second_derivatives_in_curvilinear_coordinates():
    # E = k/2 (q - q0)^2 of the H...H distance alone, as a function of r1, r2, alpha: by differences.
    internals = InternalCoordinates(
        [
            InternalCoordinate("stretch", (0, 1)),
            InternalCoordinate("stretch", (0, 2)),
            InternalCoordinate("bend", (1, 0, 2)),
        ]
    )
    x = WATER.positions
    spring = InternalCoordinates([InternalCoordinate("stretch", (1, 2))])
    q, constant, strain = float(spring.values(x)[0]), 3.0, 0.25
    b_matrix = spring.b_matrix(x)
    hessian = constant * (b_matrix.T @ b_matrix + strain * spring.second_derivatives(x)[0])
    inside = cartesian_to_internal(
        hessian / AJ_PER_ANGSTROM2_PER_HARTREE_PER_BOHR2,
        (constant * strain * b_matrix[0]) * BOHR_ANGSTROM / HARTREE_AJ,
        internals,
        x,
    )

    def energy(values):
        r1, r2, angle = values
        return constant / 2 * (np.sqrt(r1**2 + r2**2 - 2 * r1 * r2 * np.cos(angle)) - (q - strain)) ** 2

    centre, step = internals.values(x), 1e-4
    units = step * np.eye(3)
    numeric = np.array(
        [
            [
                energy(centre + a + b) - energy(centre + a - b) - energy(centre - a + b) + energy(centre - a - b)
                for b in units
            ]
            for a in units
        ]
    ) / (4 * step**2)
    np.testing.assert_allclose(inside.force_constants, numeric, atol=1e-6)
    # and the Urey-Bradley form is just this, with F'/F = (q - q0)/q
    model = UreyBradleyForceField.of(WATER, internals, ratio=strain / q)
    np.testing.assert_allclose(model.with_parameters([0, 0, constant]).matrix(), numeric, atol=1e-6)


def test_bad_input_of_the_transformation():
    internals = internal_coordinates(WATER)
    with pytest.raises(HessianError, match=r"\(9, 9\)"):
        cartesian_to_internal(np.eye(6), None, internals, WATER.positions)
    with pytest.raises(HessianError, match="NaN"):
        cartesian_to_internal(np.full((9, 9), np.nan), None, internals, WATER.positions)
    with pytest.raises(CoordinateError, match="force constants of shape"):
        internal_to_cartesian(np.eye(7), None, internals, WATER.positions)


# ---- models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("molecule", [WATER, FORMALDEHYDE, ACETYLENE], ids=["water", "formaldehyde", "acetylene"])
def test_f_is_linear_in_the_parameters_and_totally_symmetric(model, molecule):
    field = model.of(molecule)
    assert isinstance(field, ForceField)
    values = np.random.default_rng(2).normal(size=field.n_parameters)
    filled = field.with_parameters(values)
    np.testing.assert_allclose(filled.matrix(), np.tensordot(values, field.basis, axes=1), atol=1e-12)
    np.testing.assert_allclose(filled.matrix(), filled.matrix().T, atol=1e-12)
    assert filled.coordinates.asymmetry(filled.matrix()) < 1e-9
    assert len(set(field.labels)) == len(field.labels) == field.n_parameters
    assert json.loads(json.dumps(filled.as_dict()))["labels"] == list(field.labels)
    assert (field.parameters == 0).all()
    with pytest.raises(ForceFieldError, match="finite numbers"):
        field.with_parameters(values[:-1])


@pytest.mark.parametrize(
    ("group", "is_complex"),
    [("C2v", False), ("C3v", False), ("D3h", False), ("Td", False), ("Dinfh", False), ("C3h", True), ("S4", True)],
)
def test_general_field_has_one_constant_for_each_invariant_and_fits_exactly(group, is_complex):
    molecule = named(group)
    field = GeneralForceField.of(molecule)
    gamma = DisplacementSymmetry.of(detect_point_group(molecule)).analysis.gamma_vib
    blocks = field.coordinates.blocks
    assert {block.irrep: block.n_levels for block in blocks} == dict(gamma)
    assert any(block.is_complex for block in blocks) == is_complex
    count = sum(n**2 if block.is_complex else n * (n + 1) // 2 for block in blocks for n in [block.n_levels])
    assert field.n_parameters == count
    basis = field.basis.reshape(count, -1)
    assert np.linalg.matrix_rank(basis) == count
    hessian = random_hessian(molecule)
    fit = field.fitted(hessian)
    assert fit.relative_residual < 1e-10
    assert fit.max_cm1 < 1e-6
    again = wilson_gf(molecule, fit.force_field)
    np.testing.assert_allclose(
        again.wavenumbers_cm1, wilson_gf(molecule, hessian=hessian, check=False).wavenumbers_cm1, atol=1e-6, rtol=0
    )


def test_all_pairs_of_a_complete_set_fit_exactly_too():
    # water: diagonal and neighbour constants are all four there are
    fit = ValenceForceField.of(WATER).fitted(random_hessian(WATER))
    assert fit.force_field.n_parameters == fit.rank == 4
    assert fit.max_cm1 < 1e-6
    assert "4 constants (4 determined)" in str(fit)


def test_fewer_constants_fit_worse_and_say_so():
    hessian = random_hessian(FORMALDEHYDE)
    residuals = [model.of(FORMALDEHYDE).fitted(hessian).relative_residual for model in MODELS]
    general, diagonal, valence, _ = residuals
    assert general < 1e-10
    assert diagonal > 0.01
    assert valence <= diagonal


def test_a_fit_recovers_the_constants():
    field = DiagonalForceField.of(FORMALDEHYDE, internal_coordinates(FORMALDEHYDE, redundant=False))
    values = np.random.default_rng(4).uniform(0.5, 5.0, field.n_parameters)
    hessian, _ = internal_to_cartesian(
        field.with_parameters(values).matrix(), None, field.internals, field.coordinates.positions
    )
    fit = field.fitted(hessian)
    np.testing.assert_allclose(fit.force_field.parameters, values, atol=1e-9)
    assert fit.rank == field.n_parameters
    assert fit.max_cm1 < 1e-6


def test_equivalent_coordinates_share_a_constant():
    methane = zoo("CH4")
    field = DiagonalForceField.of(methane)
    assert field.labels[0] == "C-H stretch: " + field.internals[0].label(methane.symbols) + ", 4 equivalent"
    assert field.n_parameters == 2  # C-H stretches, H-C-H bends
    interactions = ValenceForceField.of(methane)
    words = [label.split(":")[0] for label in interactions.labels]
    assert words[:2] == ["C-H stretch", "H-C-H bend"]
    # r-r, r-a of a side, a-a with a common bond, a-a opposite
    assert words[2:] == [
        "C-H stretch / C-H stretch",
        "C-H stretch / H-C-H bend",
        "H-C-H bend / H-C-H bend",
        "H-C-H bend / H-C-H bend",
    ]


def test_linear_bends_share_a_constant_and_interactions_that_symmetry_cancels_are_absent():
    field = DiagonalForceField.of(ACETYLENE)
    kinds = [label.split(":")[0] for label in field.labels]
    assert sorted(kinds) == ["C#C stretch", "C-C-H linear bend", "C-H stretch"]
    pairs = ValenceForceField.of(ACETYLENE)
    assert not [label for label in pairs.labels if "stretch / C-C-H linear" in label]
    assert [label for label in pairs.labels if "linear bend / C-C-H linear bend" in label]


def test_images_of_a_closed_set_are_signed_permutations():
    coordinates = symmetry_coordinates(zoo("C2H4"))
    images = coordinate_images(coordinates)
    np.testing.assert_allclose(np.abs(images.coefficient[..., 0]), 1.0, atol=1e-9)
    np.testing.assert_allclose(images.coefficient[..., 1], 0.0, atol=1e-9)
    size = len(coordinates.internals)
    for g in range(len(images.image)):
        assert sorted(images.image[g, :, 0]) == list(range(size))


def test_models_that_need_equivalents_refuse_a_set_that_is_not_closed():
    ammonia = zoo("NH3")
    centre = int(np.flatnonzero(ammonia.numbers == 7)[0])
    a, b, c = (int(i) for i in np.flatnonzero(ammonia.numbers == 1))
    lopsided = InternalCoordinates(
        [
            *(InternalCoordinate("stretch", (centre, h)) for h in (a, b, c)),
            InternalCoordinate("bend", (a, centre, b)),
            InternalCoordinate("bend", (a, centre, c)),
            InternalCoordinate("stretch", (b, c)),
        ]
    )
    with pytest.raises(CoordinateError, match="not closed"):
        DiagonalForceField.of(ammonia, lopsided)


def test_kinds_of_interaction_are_chosen_by_name():
    ethylene = zoo("C2H4")
    counts = {name: ValenceForceField.of(ethylene, interactions=[name]).n_parameters for name in INTERACTIONS}
    diagonal = DiagonalForceField.of(ethylene).n_parameters
    assert ValenceForceField.of(ethylene, interactions=[]).n_parameters == diagonal
    assert counts["stretch-stretch"] > diagonal
    with pytest.raises(ForceFieldError, match="interactions \\['bond-bond'\\]; known are stretch-stretch"):
        ValenceForceField.of(ethylene, interactions=["bond-bond"])


def test_urey_bradley_has_one_repulsion_for_each_kind_of_angle():
    field = UreyBradleyForceField.of(zoo("CH4"))
    assert [label.split(":")[0] for label in field.labels] == ["K C-H stretch", "H H-C-H bend", "F H...H"]
    bend = next(i for i, c in enumerate(field.internals) if c.kind == "bend")
    r = float(np.linalg.norm(np.diff(field.coordinates.positions[list(field.internals[bend].atoms[:2])], axis=0)))
    assert field.basis[1, bend, bend] == pytest.approx(r**2)
    sides = InternalCoordinates([c for c in internal_coordinates(WATER) if c.kind == "bend"])
    triangle = InternalCoordinates(
        [*sides, InternalCoordinate("stretch", (0, 1)), InternalCoordinate("stretch", (0, 2))]
    )
    assert UreyBradleyForceField.of(WATER, triangle).n_parameters == 3
    chain = InternalCoordinates(
        [*sides, InternalCoordinate("stretch", (1, 2)), InternalCoordinate("stretch", (0, 1)),
         InternalCoordinate("stretch", (0, 2))][:2] + [InternalCoordinate("bend", (0, 1, 2)),
         InternalCoordinate("bend", (0, 2, 1))]
    )  # fmt: skip
    with pytest.raises(ForceFieldError, match="a side that is not among the stretches"):
        UreyBradleyForceField.of(WATER, chain)


def test_fitting_refuses_a_hessian_of_another_molecule():
    with pytest.raises(ForceFieldError, match=r"\(9, 9\)"):
        DiagonalForceField.of(WATER).fitted(np.eye(12))
