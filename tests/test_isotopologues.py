"""Isotopologues from stored responses: symmetry, rotational correction of derivatives, sum and product rules."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import CoordinateError, HessianError, MoleculeError
from symvib.forward.intensities import KM_PER_MOL_PER_E2_PER_U
from symvib.forward.isotopologues import (
    internal_derivatives,
    internal_displacements,
    isotopologue,
    rigid_derivatives,
    rigid_dipole_derivatives,
    rigid_displacements,
    transferred_derivatives,
)
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse
from symvib.forward.sum_rules import f_sum_rule, g_sum_rule, product_rule, without_rigid_motions
from synthetic_responses import complex_step, pair_distances, synthetic_response
from zoo import ZOO_BY_NAME

HESSIANS = Path(__file__).resolve().parents[1].parent / "shared/data/forward_reference/cartesian_hessians.json"
HEAVIER = {1: 2, 6: 13, 7: 15, 8: 18, 16: 34, 17: 37, 9: 0, 2: 3}
NAMES = ("H2O", "CO2", "HCN", "C2H2", "NH3", "CH4", "benzene", "C2H4", "SF6", "allene", "H2O2", "N2", "HCl")
POLAR = ("H2O", "NH3", "HCN", "HCl", "H2O2")


@cache
def response_of(name, charge=0):
    entry = ZOO_BY_NAME[name]
    return synthetic_response(molecule_of(entry.symbols, entry.positions), charge)


def one_heavier(response):
    """The last atom that has a heavier isotope replaced."""
    numbers = response.molecule.numbers.tolist()
    atom = max(k for k, z in enumerate(numbers) if HEAVIER.get(z))
    return isotopologue(response, {atom: HEAVIER[numbers[atom]]})


def distance_b_matrix(response):
    """B (pairs, 3N) of all distances, angstrom per angstrom; redundant from five atoms on."""
    return complex_step(pair_distances, response.molecule.positions)


def hydrogens(response):
    return np.flatnonzero(response.molecule.numbers == 1).tolist()


# ---- masses and symmetry ---------------------------------------------------------------------------------------

SUBSTITUTIONS = [
    ("H2O", 1, "Cs"),
    ("H2O", 2, "C2v"),
    ("CH4", 1, "C3v"),
    ("CH4", 2, "C2v"),
    ("CH4", 3, "C3v"),
    ("CH4", 4, "Td"),
    ("NH3", 1, "Cs"),
    ("NH3", 3, "C3v"),
    ("C2H2", 1, "Cinfv"),
    ("benzene", 1, "C2v"),
    ("benzene", 6, "D6h"),
]


@pytest.mark.parametrize(("name", "count", "group"), SUBSTITUTIONS)
def test_deuterium_lowers_symmetry(name, count, group):
    parent = response_of(name)
    heavy = isotopologue(parent, dict.fromkeys(hydrogens(parent)[:count], 2))
    assert detect_point_group(heavy.molecule).point_group.label == group
    modes = normal_modes(heavy)
    assert modes.point_group.label == group
    parent_modes = normal_modes(parent)
    # Every wavenumber falls or stays (Rayleigh), the intensities change.
    assert (modes.wavenumbers_cm1 <= parent_modes.wavenumbers_cm1 + 1e-6).all()
    np.testing.assert_allclose(modes.wavenumbers_cm1, normal_modes(heavy, symmetry=False).wavenumbers_cm1, atol=1e-6)


def test_spellings_of_an_isotopologue():
    parent = response_of("CH4")
    by_atom = isotopologue(parent, dict.fromkeys(hydrogens(parent), 2))
    by_symbol = isotopologue(parent, {"H": 2})
    by_array = isotopologue(parent, np.where(parent.molecule.numbers == 1, 2, 0))
    by_mass = isotopologue(parent, masses=by_atom.molecule.masses)
    for other in (by_symbol, by_array, by_mass):
        assert other.molecule.formula == "CD4"
        np.testing.assert_array_equal(other.molecule.masses, by_atom.molecule.masses)
        np.testing.assert_array_equal(other.hessian, parent.hessian)
    assert isotopologue(by_symbol, {"H": 0}).molecule.formula == "CH4"
    carbon13 = isotopologue(parent, {"C": 13, hydrogens(parent)[0]: 2})
    assert carbon13.molecule.formula == "[13C]H3D"
    modes = normal_modes(parent, masses=by_atom.molecule.masses)
    np.testing.assert_allclose(modes.ir_km_per_mol, normal_modes(by_atom).ir_km_per_mol, rtol=1e-9, atol=1e-9)


BAD = [
    ({}, "mass_numbers or masses"),
    ({"mass_numbers": {0: 13}, "masses": np.ones(5)}, "mass_numbers or masses"),
    ({"mass_numbers": {"Xe": 130}}, "has no Xe"),
    ({"mass_numbers": {77: 2}}, "77"),
    ({"mass_numbers": {"H": 9}}, "9"),
    ({"masses": [1.0, 2.0]}, "masses"),
    ({"masses": -np.ones(5)}, "positive"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD)
def test_bad_isotopes_are_named(arguments, text):
    with pytest.raises(MoleculeError, match=text):
        isotopologue(response_of("CH4"), **arguments)


# ---- internal derivatives and the rotational correction --------------------------------------------------------


@pytest.mark.parametrize("name", ["H2O", "NH3", "CH4", "H2O2"])
def test_displacements_of_internal_coordinates(name):
    """B A is the projector on the possible changes, and A moves neither the centre of mass nor the Eckart frame."""
    response = response_of(name)
    masses, b = response.molecule.masses, distance_b_matrix(response)
    a = internal_displacements(b, masses)
    product = b @ a
    np.testing.assert_allclose(product @ b, b, atol=1e-10)
    np.testing.assert_allclose(product, product.T, atol=1e-10)
    rigid = rigid_displacements(response.molecule.positions)
    np.testing.assert_allclose(rigid.T @ (np.repeat(masses, 3)[:, None] * a), 0.0, atol=1e-9)


@pytest.mark.parametrize("name", ["H2O", "NH3", "H2O2"])
@pytest.mark.parametrize("heavy", [False, True])
def test_intensities_by_internal_coordinates(name, heavy):
    """Wilson's route, F = A^T H A and p = P A of the isotopologue itself, gives the Cartesian intensities."""
    response = one_heavier(response_of(name)) if heavy else response_of(name)
    masses, b = response.molecule.masses, distance_b_matrix(response)
    a = internal_displacements(b, masses)
    force, g = a.T @ response.hessian @ a, b @ (b.T / np.repeat(masses, 3)[:, None])
    values, vectors = np.linalg.eigh(g)
    root = vectors @ np.diag(np.sqrt(values)) @ vectors.T
    eigenvalues, normal = np.linalg.eigh(root @ force @ root)
    intensities = KM_PER_MOL_PER_E2_PER_U * ((internal_derivatives(response, b) @ root @ normal) ** 2).sum(axis=0)
    modes = normal_modes(response, symmetry=False)
    np.testing.assert_allclose(np.sqrt(eigenvalues) * 5140.48714356, modes.wavenumbers_cm1, rtol=1e-9)
    sets = normal_modes(response).set_index
    np.testing.assert_allclose(
        np.bincount(sets, intensities), np.bincount(sets, modes.ir_km_per_mol), rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("name", POLAR)
def test_derivatives_transfer_with_the_rotational_correction(name):
    """From the parent's derivatives and dipole moment alone to the isotopologue's; without correction they differ."""
    parent = response_of(name)
    heavy = one_heavier(parent)
    b, positions = distance_b_matrix(parent), parent.molecule.positions
    old, new = internal_derivatives(parent, b), internal_derivatives(heavy, b)
    rigid = rigid_dipole_derivatives(positions, parent.dipole * BOHR_ANGSTROM)
    found = transferred_derivatives(old, b, positions, parent.molecule.masses, heavy.molecule.masses, rigid)
    np.testing.assert_allclose(found, new, atol=1e-11)
    if name in ("H2O", "NH3", "H2O2"):  # stretches of a linear molecule do not turn it
        assert np.abs(new - old).max() > 1e-4
    else:
        np.testing.assert_allclose(old, new, atol=1e-12)


@pytest.mark.parametrize("name", ["CH4", "C2H4", "benzene"])
def test_nonpolar_molecules_need_no_correction(name):
    parent = response_of(name)
    heavy = one_heavier(parent)
    b = distance_b_matrix(parent)
    np.testing.assert_allclose(internal_derivatives(heavy, b), internal_derivatives(parent, b), atol=1e-9)


def test_between_two_polar_isotopologues_of_a_nonpolar_molecule():
    """CH4 to CH3D: no permanent dipole moment, so no correction, however polar the bonds."""
    parent = response_of("CH4")
    rigid = rigid_dipole_derivatives(parent.molecule.positions, parent.dipole * BOHR_ANGSTROM)
    assert np.abs(rigid).max() < 1e-12


def test_ions_also_move():
    """With a charge, the shift of the centre of mass counts as well."""
    parent = response_of("H2O", 1)
    heavy = one_heavier(parent)
    b, positions = distance_b_matrix(parent), parent.molecule.positions
    masses = parent.molecule.masses, heavy.molecule.masses
    rigid = rigid_dipole_derivatives(positions, parent.dipole * BOHR_ANGSTROM, charge=1)
    old, new = internal_derivatives(parent, b), internal_derivatives(heavy, b)
    np.testing.assert_allclose(transferred_derivatives(old, b, positions, *masses, rigid), new, atol=1e-11)
    neutral = rigid_dipole_derivatives(positions, parent.dipole * BOHR_ANGSTROM)
    assert np.abs(transferred_derivatives(old, b, positions, *masses, neutral) - new).max() > 1e-3


def test_polarizability_derivatives_transfer_too():
    """The polarizability turns with the Eckart frame in any molecule that is not isotropic."""
    parent = response_of("C2H4")
    heavy = one_heavier(parent)
    b, positions = distance_b_matrix(parent), parent.molecule.positions
    masses = parent.molecule.masses, heavy.molecule.masses
    rigid = rigid_derivatives(parent.polarizability_derivatives, positions)
    old, new = (parent.polarizability_derivatives @ internal_displacements(b, m) for m in masses)
    np.testing.assert_allclose(transferred_derivatives(old, b, positions, *masses, rigid), new, atol=1e-10)
    assert np.abs(new - old).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_rigid_derivatives_of_the_dipole_are_its_turning(name):
    response = response_of(name)
    positions = response.molecule.positions
    expected = rigid_dipole_derivatives(positions, response.dipole * BOHR_ANGSTROM)
    np.testing.assert_allclose(rigid_derivatives(response.dipole_derivatives, positions), expected, atol=1e-11)


def test_a_b_matrix_of_another_molecule_is_refused():
    with pytest.raises(CoordinateError, match="15"):
        internal_displacements(distance_b_matrix(response_of("H2O")), response_of("CH4").molecule.masses)
    bare = replace(response_of("H2O"), dipole_derivatives=None)
    with pytest.raises(CoordinateError, match="no dipole derivatives"):
        internal_derivatives(bare, distance_b_matrix(bare))


# ---- rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_product_rule(name):
    """Teller-Redlich, also with a Hessian that has a residue of rigid motions (projected by the function)."""
    parent = response_of(name)
    rng = np.random.default_rng(0)
    noise = rng.normal(scale=1e-4, size=parent.hessian.shape)
    for response in (parent, replace(parent, hessian=parent.hessian + noise + noise.T)):
        rule = product_rule(response, one_heavier(response))
        assert abs(rule.difference) < 1e-10
        assert rule.left < -5e-4
        heavy = isotopologue(response, masses=response.molecule.masses * 1.7)
        assert product_rule(response, heavy).left == pytest.approx(-len(normal_modes(response)) / 2 * np.log(1.7))


def test_product_rule_of_an_atom_is_empty():
    neon = Molecule.from_arrays([10], [[0.0, 0.0, 0.0]])
    response = HarmonicResponse(neon, np.zeros((3, 3)), np.zeros((3, 3)))
    rule = product_rule(response, isotopologue(response, {0: 22}))
    assert rule.left == 0.0
    assert rule.right == pytest.approx(0.0, abs=1e-15)
    assert g_sum_rule(response).difference == pytest.approx(0.0, abs=1e-15)


def test_product_rule_holds_at_a_saddle():
    parent = response_of("H2O")
    modes = normal_modes(parent, symmetry=False)
    weighted = (modes.displacements[0] * parent.molecule.masses[:, None]).ravel()
    eigenvalue = (modes.wavenumbers_cm1[0] / 5140.4871) ** 2
    saddle = replace(parent, hessian=parent.hessian - 2 * eigenvalue * np.outer(weighted, weighted))
    assert abs(product_rule(saddle, one_heavier(saddle)).difference) < 1e-10


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quantity", ["ir", "raman"])
def test_g_sum_rule(name, quantity):
    for response in (response_of(name), one_heavier(response_of(name))):
        rule = g_sum_rule(response, quantity=quantity)
        assert abs(rule.difference) < 1e-10 * max(rule.left, 1.0)
        # The total does not depend on the force constants.
        other = replace(response, hessian=response.hessian @ response.hessian)
        assert g_sum_rule(other, quantity=quantity).left == pytest.approx(rule.left, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("charge", [0, 1, -2])
def test_g_sum_rule_with_the_permanent_dipole(name, charge):
    """Crawford's form: the rotational contribution from dipole moment and moments of inertia."""
    response = one_heavier(response_of(name, charge))
    rule = g_sum_rule(response, dipole=response.dipole)
    assert abs(rule.difference) < 1e-10 * max(rule.left, abs(rule.correction), 1.0)
    molecule = response.molecule
    centred = molecule.positions - molecule.center_of_mass
    gram = centred.T @ (molecule.masses[:, None] * centred)
    moments, axes = np.linalg.eigh(np.trace(gram) * np.eye(3) - gram)
    dipole = response.dipole * BOHR_ANGSTROM - charge * molecule.center_of_mass
    turned = (np.cross(axes.T, dipole) ** 2).sum(axis=1)
    counted = moments > 1e-6 * moments.max()
    by_hand = 3 * charge**2 / molecule.masses.sum() + (turned[counted] / moments[counted]).sum()
    assert rule.correction == pytest.approx(-KM_PER_MOL_PER_E2_PER_U * by_hand, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_f_sum_rule_with_the_rotational_correction(name):
    """sum A_k / nu_k^2 of an isotopologue from the parent's internal derivatives, turned into its Eckart frame."""
    parent = response_of(name)
    heavy = one_heavier(parent)
    own, transferred = f_sum_rule(heavy), f_sum_rule(heavy, parent)
    for rule in (own, transferred):
        assert abs(rule.difference) < 1e-10 * max(rule.left, 1e-9)
    assert own.correction == 0.0
    if name in ("H2O", "NH3", "HCN", "H2O2"):
        assert abs(transferred.correction) > 1e-6 * transferred.left
    elif name not in ("HCl",):  # nonpolar: one number for all isotopologues
        assert transferred.left == pytest.approx(f_sum_rule(parent).left, rel=1e-9, abs=1e-15)


def test_rules_name_what_is_wrong():
    water, ammonia = response_of("H2O"), response_of("NH3")
    with pytest.raises(HessianError, match="not isotopologues"):
        product_rule(water, ammonia)
    with pytest.raises(HessianError, match="different Hessians"):
        product_rule(water, replace(water, hessian=1.01 * water.hessian))
    flat = replace(water, hessian=np.zeros((9, 9)))
    with pytest.raises(HessianError, match="no restoring force"):
        product_rule(flat, one_heavier(flat))
    with pytest.raises(HessianError, match="no dipole derivatives"):
        g_sum_rule(replace(water, dipole_derivatives=None))
    with pytest.raises(HessianError, match="no polarizability derivatives"):
        g_sum_rule(replace(water, polarizability_derivatives=None), quantity="raman")
    with pytest.raises(HessianError, match="neither"):
        g_sum_rule(water, quantity="vcd")


def test_rules_as_text_and_values():
    rule = product_rule(response_of("H2O"), one_heavier(response_of("H2O")))
    assert "Teller-Redlich" in str(rule)
    assert json.loads(json.dumps(rule.as_dict()))["difference"] == rule.difference


@pytest.mark.skipif(not HESSIANS.exists(), reason=f"{HESSIANS} is absent")
def test_product_rule_of_printed_hessians():
    """Printed Hessians carry rigid motions: the rule holds to 1e-10 once they are projected."""
    for entry in json.loads(HESSIANS.read_text(encoding="utf-8")):
        molecule = Molecule.from_arrays(entry["Z"], np.array(entry["xyz_bohr"]) * BOHR_ANGSTROM)
        response = HarmonicResponse(molecule, np.array(entry["hessian_Eh_bohr2"]))
        heavy = isotopologue(response, masses=molecule.masses * np.linspace(1.1, 1.5, len(molecule)))
        assert abs(product_rule(response, heavy).difference) < 1e-10, entry["name"]
        clean = without_rigid_motions(response)
        assert np.abs(clean.hessian @ rigid_displacements(molecule.positions)).max() < 1e-10


def test_a_symbol_in_place_of_a_mass_number_is_told():
    hydrogen = Molecule.from_arrays([1, 1], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.741]])
    spring = 0.37 * np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    with pytest.raises(MoleculeError, match=r"as \{.H.: 2\} for deuterium"):
        isotopologue(HarmonicResponse(hydrogen, spring), {"H": "D"})
