"""Normal modes: reference Hessians, an independent run, symmetry of intensities, invariance, stacks, mistakes."""

import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from helpers import molecule_of
from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import HessianError, MoleculeError
from symvib.forward._vibrational_space import are_linear
from symvib.forward.batched_modes import batch_normal_modes, many_normal_modes
from symvib.forward.isotopologues import isotopologue
from symvib.forward.normal_modes import normal_modes
from symvib.forward.response import HarmonicResponse
from symvib.forward.response_checks import check_response, response_residuals
from symvib.forward.wilson import wilson_gf
from symvib.groups.selection_rules import selection_rules
from synthetic_responses import synthetic_response
from zoo import ZOO, ZOO_BY_NAME, rotated

DATA = Path(__file__).resolve().parents[1].parent / "shared/data"
HESSIANS = DATA / "forward_reference/cartesian_hessians.json"
RESPONSES = DATA / "qm9_gfn2/responses.npz"
PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))  # xx, xy, yy, xz, yz, zz
KINDS = ("H2O", "CO2", "HCN", "C2H2", "NH3", "CH4", "benzene", "C2H4", "SF6", "allene", "cubane", "H2O2")
FORBIDDEN = 1e-6  # of the strongest line


@cache
def response_of(name):
    entry = ZOO_BY_NAME[name]
    return synthetic_response(molecule_of(entry.symbols, entry.positions))


def one_per_group(limit):
    chosen = {}
    for entry in ZOO:
        if 1 < len(entry.symbols) <= limit:
            chosen.setdefault(entry.group, entry)
    return list(chosen.values())


def turned(response, matrix, shift):
    """The same response in other axes."""
    molecule = response.molecule
    n = len(molecule)
    big = np.kron(np.eye(n), matrix)
    positions = molecule.positions @ matrix.T + shift
    return HarmonicResponse(
        Molecule.from_arrays(molecule.numbers, positions, masses=molecule.masses),
        big @ response.hessian @ big.T,
        matrix @ response.dipole_derivatives @ big.T,
        np.einsum("ij,jkx,lk,yx->ily", matrix, response.polarizability_derivatives, matrix, big, optimize=True),
        dipole=matrix @ response.dipole,
    )


# ---- symmetry --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", one_per_group(16), ids=lambda e: e.group)
def test_forbidden_intensities_vanish_and_degenerate_sets_are_equal(entry):
    """Noise of 1e-4 on a symmetric response must not show in what symmetry forbids."""
    response = synthetic_response(molecule_of(entry.symbols, entry.positions))
    rng = np.random.default_rng(0)
    noisy = replace(
        response,
        hessian=response.hessian + symmetric(rng.normal(scale=1e-5, size=response.hessian.shape)),
        dipole_derivatives=response.dipole_derivatives + rng.normal(scale=1e-4, size=response.dipole_derivatives.shape),
        polarizability_derivatives=response.polarizability_derivatives
        + symmetric(rng.normal(scale=1e-4, size=response.polarizability_derivatives.shape)),
    )
    modes = normal_modes(noisy, check=False)
    detection = detect_point_group(response.molecule)
    assert modes.point_group.label == detection.point_group.label == entry.group
    rules = selection_rules_of(detection)
    ir_scale, raman_scale = modes.ir_km_per_mol.max(initial=1e-3), modes.raman_a4_per_amu.max(initial=1e-3)
    for k, irrep in enumerate(modes.irreps):
        if not rules[irrep].infrared:
            assert modes.ir_km_per_mol[k] < FORBIDDEN * ir_scale
        if not rules[irrep].raman:
            assert modes.raman_a4_per_amu[k] < FORBIDDEN * raman_scale
            assert modes.depolarization.mask[k]
    for s in range(len(modes.levels)):
        members = modes.set_index == s
        for values in (modes.wavenumbers_cm1, modes.ir_km_per_mol, modes.raman_a4_per_amu):
            assert np.ptp(values[members]) <= 1e-8 * np.abs(values).max(initial=1e-3)
    assert 0 < modes.averaged_away.hessian < 1e-2 or entry.group == "C1"


def symmetric(array):
    return (array + np.swapaxes(array, 0, 1)) / 2


def selection_rules_of(detection):
    from symvib.groups.displacements import DisplacementSymmetry

    return DisplacementSymmetry.of(detection).analysis.rules


@pytest.mark.parametrize("name", KINDS)
def test_symmetric_and_plain_route_agree_for_an_exact_response(name):
    response = response_of(name)
    symmetric_route, plain = normal_modes(response), normal_modes(response, symmetry=False)
    np.testing.assert_allclose(symmetric_route.wavenumbers_cm1, plain.wavenumbers_cm1, atol=1e-7)
    assert symmetric_route.averaged_away.hessian < 1e-9
    for values, other in (
        (symmetric_route.ir_km_per_mol, plain.ir_km_per_mol),
        (symmetric_route.raman_a4_per_amu, plain.raman_a4_per_amu),
    ):
        sums = np.bincount(symmetric_route.set_index, values)
        others = np.bincount(symmetric_route.set_index, other)
        np.testing.assert_allclose(sums, others, atol=1e-8 * max(sums.max(), 1e-3))
    assert plain.irreps is None
    assert plain.point_group is None


@pytest.mark.parametrize("name", ["CO2", "C2H2", "benzene", "C2H4", "SF6", "cubane"])
def test_mutual_exclusion(name):
    modes = normal_modes(response_of(name))
    infrared = modes.ir_km_per_mol > FORBIDDEN * modes.ir_km_per_mol.max()
    raman = modes.raman_a4_per_amu > FORBIDDEN * modes.raman_a4_per_amu.max()
    assert infrared.any()
    assert raman.any()
    assert not (infrared & raman).any()


@pytest.mark.parametrize("group", ["D5h", "D4d"])
def test_exclusion_without_an_inversion_centre(group):
    entry = next(e for e in ZOO if e.group == group and len(e.symbols) <= 24)
    modes = normal_modes(synthetic_response(molecule_of(entry.symbols, entry.positions)), check=False)
    infrared = modes.ir_km_per_mol > FORBIDDEN * modes.ir_km_per_mol.max()
    raman = modes.raman_a4_per_amu > FORBIDDEN * modes.raman_a4_per_amu.max()
    assert infrared.any()
    assert raman.any()
    assert not (infrared & raman).any()


@pytest.mark.parametrize("name", ["CH4", "benzene", "SF6", "CO2", "NH3"])
def test_depolarised_unless_totally_symmetric(name):
    modes = normal_modes(response_of(name))
    for irrep, rho in zip(modes.irreps, modes.depolarization, strict=True):
        if rho is np.ma.masked:
            continue
        if irrep in ("A1", "A1g", "Sigmag+"):
            assert rho < 0.75 - 1e-6
        else:
            assert rho == pytest.approx(0.75, abs=1e-9)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("symmetry", [True, False])
def test_axes_do_not_matter(name, symmetry):
    rng = np.random.default_rng(7)
    response = response_of(name)
    matrix = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    one = normal_modes(response, symmetry=symmetry)
    two = normal_modes(turned(response, matrix, [3.0, -2.0, 5.0]), symmetry=symmetry)
    np.testing.assert_allclose(two.wavenumbers_cm1, one.wavenumbers_cm1, atol=1e-6)
    sets = normal_modes(response).set_index
    for values, other in ((one.ir_km_per_mol, two.ir_km_per_mol), (one.raman_a4_per_amu, two.raman_a4_per_amu)):
        np.testing.assert_allclose(np.bincount(sets, other), np.bincount(sets, values), atol=1e-7 * values.max())


# ---- definition ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("symmetry", [True, False])
def test_modes_are_orthonormal_and_free_of_rigid_motion(name, symmetry):
    modes = normal_modes(response_of(name), symmetry=symmetry)
    masses = modes.molecule.masses
    linear = modes.molecule.formula in ("CO2", "CHN", "C2H2")
    assert len(modes) == 3 * len(masses) - (5 if linear else 6)
    np.testing.assert_allclose(
        np.einsum("a,kai,lai->kl", masses, modes.displacements, modes.displacements), np.eye(len(modes)), atol=1e-10
    )
    centred = modes.molecule.positions - modes.molecule.center_of_mass
    assert np.abs(np.einsum("a,kai->ki", masses, modes.displacements)).max() < 1e-10
    assert np.abs(np.einsum("a,kai->ki", masses, np.cross(centred, modes.displacements))).max() < 1e-9


def test_a_diatomic_by_hand():
    force_constant, derivative = 1.22, 0.4  # Eh/bohr^2, e
    masses = np.array([12.0, 15.99491461957])
    reduced = masses.prod() / masses.sum()
    axis = np.diag([0.0, 0.0, 1.0])
    hessian = force_constant * np.kron([[1, -1], [-1, 1]], axis)
    dipole = derivative * np.hstack([-axis, axis])
    polarizability = np.zeros((3, 3, 6))
    polarizability[2, 2, [2, 5]] = -5.0, 5.0
    molecule = Molecule.from_arrays([6, 8], [[0, 0, 0], [0, 0, 1.128]])
    modes = normal_modes(HarmonicResponse(molecule, hessian, dipole, polarizability))
    assert modes.ir_km_per_mol[0] == pytest.approx(974.8801 * derivative**2 / reduced, rel=1e-7)
    activity = 45 * (5 / 3) ** 2 + 7 * 5.0**2
    assert modes.raman_a4_per_amu[0] == pytest.approx(activity * BOHR_ANGSTROM**4 / reduced, rel=1e-9)
    assert modes.depolarization[0] == pytest.approx(3 * 25 / (45 * 25 / 9 + 4 * 25), rel=1e-12)
    assert modes.wavenumbers_cm1[0] == pytest.approx(5140.4871 * np.sqrt(force_constant / reduced), rel=1e-6)


def test_an_atom_has_no_modes():
    neon = Molecule.from_arrays([10], [[0.0, 0.0, 0.0]])
    for symmetry in (True, False):
        modes = normal_modes(
            HarmonicResponse(neon, np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 3, 3))), symmetry=symmetry
        )
        assert len(modes) == 0
        assert modes.levels == ()
        assert modes.ir_km_per_mol.shape == modes.depolarization.shape == (0,)
        assert len(modes.lines()) == 0
        json.dumps(modes.as_dict())


def test_without_derivatives_there_are_no_intensities():
    response = response_of("H2O")
    modes = normal_modes(response.hessian, response.molecule)
    assert modes.ir_km_per_mol is None
    assert modes.raman_a4_per_amu is None
    assert modes.depolarization is None
    assert modes.lines().ir_km_per_mol is None


@pytest.mark.parametrize("name", ["benzene", "CO2", "CH4", "SF6", "allene"])
def test_what_the_rules_forbid_is_exactly_zero_and_nothing_else(name):
    modes = normal_modes(response_of(name))
    rules = selection_rules(modes.point_group)
    plain = normal_modes(response_of(name), symmetry=False)
    for k, label in enumerate(modes.irreps):
        rule = rules[label]
        assert (modes.ir_km_per_mol[k] > 0) == rule.infrared_active, label
        assert (modes.raman_a4_per_amu[k] > 0) == rule.raman, label
        assert (modes.mean_polarizability_derivatives[k] != 0) == rule.raman_polarised, label
    assert modes.lines().ir_km_per_mol.sum() == pytest.approx(plain.ir_km_per_mol.sum(), rel=1e-6)
    assert modes.lines().raman_a4_per_amu.sum() == pytest.approx(plain.raman_a4_per_amu.sum(), rel=1e-6)
    csv = [line.split(",") for line in modes.lines().to_csv().splitlines() if not line.startswith("#")]
    column = csv[0].index("ir_km_per_mol")
    assert {row[column] for row in csv[1:] if not rules[row[2]].infrared} <= {"0.0"}


def test_tables_show_forbidden_as_a_dash_and_weak_as_a_number():
    modes = normal_modes(response_of("benzene"))
    weak = replace(modes, dipole_derivatives_normal=modes.dipole_derivatives_normal * 1e-6)
    rules = selection_rules("D6h")
    for text, place in ((str(weak), 5), (weak.lines().table(), 3)):
        rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
        assert len(rows) in (20, 30)
        for row in rows:
            irrep = next(cell for cell in row if cell[0] in "ABE")
            shown = row[place]
            assert (shown == "-") == (not rules[irrep].infrared), row
            assert shown == "-" or float(shown) < 0.01, row
        assert "-: forbidden by symmetry" in text


def test_modes_are_numbered_as_they_are_animated():
    modes = normal_modes(response_of("benzene"))
    numbers = [line.split()[0] for line in str(modes).splitlines() if line[:1].isdigit()]
    ends = [number.split("-")[-1] for number in numbers]
    assert ends[-1] == "30"
    assert ends == [str(np.flatnonzero(modes.set_index == s)[-1] + 1) for s in range(20)]
    assert "degeneracy" in str(modes)


def test_imaginary_modes_are_flagged(caplog):
    response = response_of("H2O")
    modes = normal_modes(response)
    weighted = (modes.displacements[0] * modes.molecule.masses[:, None]).ravel()
    eigenvalue = (modes.wavenumbers_cm1[0] / 5140.4871) ** 2
    saddle = replace(response, hessian=response.hessian - 1.5 * eigenvalue * np.outer(weighted, weighted))
    for symmetry in (True, False):
        caplog.clear()
        found = normal_modes(saddle, symmetry=symmetry)
        assert found.imaginary.tolist() == [0]
        assert found.wavenumbers_cm1[0] == pytest.approx(-np.sqrt(0.5) * modes.wavenumbers_cm1[0], rel=1e-6)
        np.testing.assert_allclose(found.wavenumbers_cm1[1:], modes.wavenumbers_cm1[1:], rtol=1e-9)
        assert "not a minimum" in caplog.text
        assert "imaginary" in str(found)
        assert "imaginary" in found._repr_html_()
        shown = f"{-found.wavenumbers_cm1[0]:.2f}i"
        assert shown in str(found)
        if symmetry:  # the same in the table of the energy distribution
            assert shown in str(wilson_gf(saddle))


def test_a_zero_mode_is_not_taken_for_a_rotation():
    response = response_of("H2O2")
    modes = normal_modes(response, symmetry=False)
    weighted = (modes.displacements[0] * modes.molecule.masses[:, None]).ravel()
    eigenvalue = (modes.wavenumbers_cm1[0] / 5140.4871) ** 2
    flat = replace(response, hessian=response.hessian - eigenvalue * np.outer(weighted, weighted))
    found = normal_modes(flat, symmetry=False)
    assert len(found) == 6
    assert abs(found.wavenumbers_cm1[0]) < 1.0
    np.testing.assert_allclose(found.wavenumbers_cm1[1:], modes.wavenumbers_cm1[1:], rtol=1e-7)


def test_presentation():
    modes = normal_modes(response_of("CO2"))
    text = str(modes)
    assert "CO2, Dinfh, model: 4 harmonic vibrations" in text
    assert "averaged away" in text
    assert text.count("Piu") == 1
    assert repr(modes) == "NormalModes(CO2, Dinfh, 4 vibrations)"
    assert "<table" in modes._repr_html_()
    plain = json.loads(json.dumps(modes.as_dict()))
    assert plain["irreps"] == list(modes.irreps)
    assert plain["depolarization"][0] is None
    lines = modes.lines()
    assert lines.irreps == modes.irreps
    assert lines.point_group == "Dinfh"
    merged = lines.merged()
    assert len(merged) == len(modes.levels) == 3


def test_results_are_read_only():
    modes = normal_modes(response_of("H2O"))
    for array in (modes.wavenumbers_cm1, modes.displacements, modes.ir_km_per_mol, modes.raman_a4_per_amu):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


# ---- mistakes --------------------------------------------------------------------------------------------------

WRONG_UNITS = [
    (3.5710, "Eh/angstrom"),
    (15.569, "mdyn/angstrom"),
    (97.174, "eV/angstrom"),
    (2240.9, "kcal/mol/angstrom"),
    (9375.8, "kJ/mol/angstrom"),
    (1556.9, "N/m"),
    (627.51, "kcal/mol/bohr"),
    (27.211, "eV/bohr"),
    (219474.6, "cm-1/bohr"),
]


@pytest.mark.parametrize(("factor", "unit"), WRONG_UNITS)
@pytest.mark.parametrize("name", ["H2O", "benzene", "CH4", "C2H2"])
def test_a_hessian_in_another_unit_is_named(factor, unit, name):
    response = response_of(name)
    with pytest.raises(HessianError, match="Eh/bohr") as caught:
        normal_modes(replace(response, hessian=factor * response.hessian))
    assert unit in str(caught.value)


@pytest.mark.parametrize("name", ["H2O", "HCN", "CH4", "benzene"])
def test_a_mass_weighted_hessian_is_named(name):
    response = response_of(name)
    root = np.repeat(np.sqrt(response.molecule.masses), 3)
    with pytest.raises(HessianError, match="mass-weighted"):
        normal_modes(replace(response, hessian=response.hessian / np.outer(root, root)))
    with pytest.raises(HessianError, match="mass-weighted"):
        normal_modes(replace(response, hessian=response.hessian / np.outer(root, root) / 1822.9))


def test_heavy_elements_are_judged_by_wavenumber():
    iodine = Molecule.from_arrays([53, 53], [[0, 0, 0], [0, 0, 2.666]])
    spring = np.kron([[1, -1], [-1, 1]], np.diag([0.0, 0.0, 1.0]))
    assert normal_modes(0.11 * spring, iodine).wavenumbers_cm1[0] == pytest.approx(214, abs=1)
    with pytest.raises(HessianError, match="kcal/mol"):
        normal_modes(0.11 * 2240.9 * spring, iodine)
    with pytest.raises(HessianError, match="cm-1"):
        normal_modes(1e-6 * spring, iodine)


def swapped(array, a, b):
    order = np.arange(array.shape[-1])
    order[3 * a : 3 * a + 3], order[3 * b : 3 * b + 3] = np.arange(3 * b, 3 * b + 3), np.arange(3 * a, 3 * a + 3)
    return array[..., order]


MISTAKES = [
    (lambda r: {"hessian": swapped(swapped(r.hessian, 0, 1).T, 0, 1)}, "geometry|atom order|force constant"),
    (lambda r: {"hessian": -r.hessian}, "-H"),
    (lambda r: {"hessian": r.hessian + 0.2 * np.eye(len(r.hessian))}, "rows sum"),
    (lambda r: {"dipole_derivatives": swapped(r.dipole_derivatives, 0, 1)}, "dipole derivatives along rotations"),
    (lambda r: {"dipole_derivatives": 4.8032 * r.dipole_derivatives}, "D/angstrom"),
    (lambda r: {"dipole_derivatives": 2.5417 * r.dipole_derivatives}, "D/bohr"),
    (lambda r: {"dipole_derivatives": r.dipole_derivatives + 0.3}, "sum over the atoms"),
    (lambda r: {"polarizability_derivatives": np.roll(r.polarizability_derivatives, 1, 2)}, "polarizability"),
]


@pytest.mark.parametrize(("change", "text"), MISTAKES)
def test_mistakes_break_a_sum_rule(change, text):
    response = polar_response()
    check_response(response)
    with pytest.raises(HessianError, match=text):
        normal_modes(replace(response, **change(response)))


@cache
def polar_response():
    """Bent, polar, without symmetry: HOF-like with different bonds."""
    molecule = molecule_of(["F", "O", "H"], [[0.0, 0.0, 0.0], [1.44, 0.0, 0.0], [1.63, 0.95, 0.0]])
    return synthetic_response(molecule)


def test_another_orientation_is_noticed():
    response = polar_response()
    matrix = rotated(np.eye(3), np.random.default_rng(0))
    other = turned(response, matrix, 0.0)
    with pytest.raises(HessianError, match="orientation"):
        normal_modes(replace(other, hessian=response.hessian))
    with pytest.raises(HessianError, match="dipole derivatives"):
        normal_modes(replace(other, dipole_derivatives=response.dipole_derivatives))


def test_a_charge_scales_dipole_derivatives():
    symbols = ["O" if symbol == "N" else symbol for symbol in ZOO_BY_NAME["NH3"].symbols]
    ion = molecule_of(symbols, ZOO_BY_NAME["NH3"].positions)
    response = synthetic_response(ion, charge=1)
    assert response_residuals(response).charge == pytest.approx(1.0)
    with pytest.raises(HessianError, match="whole charge"):
        normal_modes(replace(response, dipole_derivatives=4.8032 * response.dipole_derivatives))


def test_a_known_charge_tells_a_wrong_unit_that_rounds_to_another_charge():
    symbols = ["O" if symbol == "N" else symbol for symbol in ZOO_BY_NAME["NH3"].symbols]
    response = synthetic_response(molecule_of(symbols, ZOO_BY_NAME["NH3"].positions), charge=1)
    wrong = replace(response, dipole_derivatives=2.0 * response.dipole_derivatives, dipole=None)
    check_response(wrong)  # nothing tells it from a dication
    check_response(replace(response, charge=1))
    for charge, given in ((1, wrong), (0, response), (2, response)):
        with pytest.raises(HessianError, match=rf"off the charge {charge} by.*check=False"):
            normal_modes(replace(given, charge=charge))


def test_a_transition_state_is_not_refused(caplog):
    """H + H2: the stiffest bonds have a negative force constant, as the antisymmetric stretch is imaginary."""
    molecule = molecule_of(["H", "H", "H"], [[0.0, 0.0, -0.93], [0.0, 0.0, 0.0], [0.0, 0.0, 0.93]])
    b = np.zeros((4, 9))
    b[0, [2, 5]], b[1, [5, 8]] = (-1, 1), (-1, 1)
    for row, axis in ((2, 0), (3, 1)):
        b[row, [axis, 3 + axis, 6 + axis]] = 1, -2, 1
    field = np.diag([0.02, 0.02, 0.01, 0.01])
    field[0, 1] = field[1, 0] = 0.1
    response = HarmonicResponse(molecule, b.T @ field @ b)
    modes = normal_modes(response)
    assert modes.imaginary.tolist() == [0]
    assert modes.irreps[0] == "Sigmau+"
    assert "transition state" in caplog.text
    assert "imaginary" in str(modes)


def test_charge_goes_through_dictionaries_and_isotopologues():
    response = replace(response_of("H2O"), charge=1)
    values = response.as_dict()
    assert values["charge"] == HarmonicResponse.from_dict(values).charge == 1
    assert isotopologue(response, {"H": 2}).charge == 1
    del values["charge"]  # written before there was one
    assert HarmonicResponse.from_dict(values).charge is None
    with pytest.raises(HessianError, match="whole number"):
        replace(response, charge=0.5)


@pytest.mark.parametrize("name", KINDS)
def test_the_sum_rules_of_an_exact_response(name):
    response = response_of(name)
    residuals = response_residuals(response)
    values = residuals.as_dict()
    implied = values.pop("implied_dipole")
    assert all(abs(value) < 1e-12 for value in values.values())
    if implied is not None:
        np.testing.assert_allclose(implied, response.dipole, atol=1e-12)


def test_a_gradient_turns_with_the_molecule():
    """Off a stationary point H (omega x r) = omega x g."""
    from synthetic_responses import complex_step, pair_distances

    molecule = response_of("NH3").molecule
    x = molecule.positions / BOHR_ANGSTROM

    def energy(y):
        return (0.2 * (pair_distances(y) - 1.8) ** 2).sum()

    gradient = complex_step(energy, x)
    step = 1e-4
    hessian = np.array(
        [
            (complex_step(energy, x + step * e.reshape(x.shape)) - complex_step(energy, x - step * e.reshape(x.shape)))
            / (2 * step)
            for e in np.eye(x.size)
        ]
    )
    given, missing = (HarmonicResponse(molecule, hessian, gradient=g) for g in (gradient, None))
    assert response_residuals(given).hessian_rotation < 1e-7
    assert response_residuals(missing).hessian_rotation > 1e-2


BAD_INPUT = [
    (lambda r: {"response": r.hessian}, HessianError, "needs the molecule"),
    (lambda r: {"response": r, "molecule": r.molecule}, HessianError, "has its molecule"),
    (lambda r: {"response": r.hessian[:3, :3], "molecule": r.molecule}, HessianError, r"\(3, 3\)"),
    (lambda r: {"response": np.where(np.eye(9) > 0, np.nan, r.hessian), "molecule": r.molecule}, HessianError, "NaN"),
    (
        lambda r: {"response": r.hessian + np.triu(np.ones((9, 9)), 1), "molecule": r.molecule},
        HessianError,
        "transpose",
    ),
    (lambda r: {"response": r, "masses": [1.0, 2.0]}, MoleculeError, "masses"),
    (lambda r: {"response": r, "masses": [1.0, 2.0, -3.0]}, MoleculeError, "positive"),
    (
        lambda r: {"response": r, "detection": detect_point_group(response_of("CH4").molecule)},
        HessianError,
        "detection",
    ),
]


@pytest.mark.parametrize(("arguments", "error", "text"), BAD_INPUT)
def test_bad_input_is_named(arguments, error, text):
    with pytest.raises(error, match=text):
        normal_modes(**arguments(response_of("H2O")))


def test_a_hessian_without_the_symmetry_of_the_geometry_is_refused():
    response = response_of("H2O")
    rng = np.random.default_rng(0)
    noise = symmetric(rng.normal(scale=0.1, size=(9, 9)))
    with pytest.raises(HessianError, match="symmetry=False"):
        normal_modes(replace(response, hessian=response.hessian + noise), check=False)


# ---- stacks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_a_ragged_list_gives_what_single_calls_give(threads):
    responses = [response_of(name) for name in KINDS] + [
        polar_response(),
        replace(polar_response(), dipole_derivatives=None),
    ]
    many = many_normal_modes(responses * 7, threads=threads)
    assert len(many) == 7 * len(responses)
    for response, modes in zip(responses * 7, many, strict=True):
        one = normal_modes(response, symmetry=False, check=False)
        assert modes.molecule is response.molecule
        np.testing.assert_allclose(modes.wavenumbers_cm1, one.wavenumbers_cm1, atol=1e-8)
        np.testing.assert_allclose(modes.raman_a4_per_amu, one.raman_a4_per_amu, rtol=1e-6, atol=1e-5)
        if response.dipole_derivatives is None:
            assert modes.ir_km_per_mol is None


def test_stacks_share_geometry_and_masses():
    response = response_of("CH4")
    hessians = response.hessian * np.linspace(0.9, 1.1, 150)[:, None, None]
    stack = batch_normal_modes(hessians, response.molecule.positions, numbers=response.molecule.numbers, threads=2)
    assert len(stack) == 150
    assert stack.ir_km_per_mol is None
    one = normal_modes(response, symmetry=False).wavenumbers_cm1
    np.testing.assert_allclose(stack.wavenumbers_cm1, np.sqrt(np.linspace(0.9, 1.1, 150))[:, None] * one, rtol=1e-9)


def test_empty_stack():
    assert len(batch_normal_modes(np.empty((0, 9, 9)), np.empty((0, 3, 3)), masses=np.empty((0, 3)))) == 0


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"hessians": np.zeros((9, 9))}, HessianError, "m, 3N, 3N"),
        ({"hessians": np.zeros((2, 6, 6))}, HessianError, r"\(2, 9, 9\)"),
        ({"masses": [1.0, -1.0, 1.0]}, MoleculeError, "positive"),
        ({"masses": None}, MoleculeError, "numbers or masses"),
        ({"numbers": [8, 1, 1]}, MoleculeError, "numbers or masses"),
        ({"hessians": np.full((2, 9, 9), np.nan)}, HessianError, "NaN"),
        ({"dipole_derivatives": np.zeros((2, 9, 3))}, HessianError, "dipole_derivatives"),
        ({"positions": [[[0, 0, 0], [0, 0, 1], [0, 0, 2]], [[0, 0, 0], [0, 0, 1], [0, 1, 2]]]}, HessianError, "linear"),
    ],
)
def test_bad_stacks_are_named(change, error, text):
    arguments = {
        "hessians": np.zeros((2, 9, 9)),
        "positions": response_of("H2O").molecule.positions,
        "masses": [16.0, 1.0, 1.0],
    } | change
    with pytest.raises(error, match=text):
        batch_normal_modes(**arguments)


# ---- real responses --------------------------------------------------------------------------------------------


def reference_hessians():
    return json.loads(HESSIANS.read_text(encoding="utf-8")) if HESSIANS.exists() else []


@pytest.mark.skipif(not HESSIANS.exists(), reason=f"{HESSIANS} is absent")
@pytest.mark.parametrize("entry", reference_hessians(), ids=lambda e: e["name"])
def test_spectro_wavenumbers(entry):
    """SPECTRO's harmonic wavenumbers, to 0.01 cm-1.

    Of a degenerate pair that the printed Hessian splits SPECTRO lists one (bipy: 844.100 and 844.133, listed 844.133);
    the mean of the symmetric route is then off by half the splitting.
    """
    positions = np.array(entry["xyz_bohr"]) * BOHR_ANGSTROM
    molecule = Molecule.from_arrays(entry["Z"], positions, masses=entry["mass_amu"])
    listed = np.sort(entry["harmonic_cm1_listed_once_if_degenerate"])
    plain = normal_modes(entry["hessian_Eh_bohr2"], molecule, symmetry=False).wavenumbers_cm1
    assert np.abs(plain - listed[:, None]).min(axis=1).max() < 0.01
    assert np.abs(plain - listed[:, None]).min(axis=0).max() < 0.04
    levels = [wavenumber for _, wavenumber in normal_modes(entry["hessian_Eh_bohr2"], molecule).levels]
    np.testing.assert_allclose(np.sort(levels), listed, atol=0.02 if entry["name"] == "bipy" else 0.01)


@cache
def independent_run():
    return dict(np.load(RESPONSES))


def stored_response(m):
    """Molecule m of the independent run, and its own table."""
    data = independent_run()
    atoms, lines = data["atom_offset"], data["mode_offset"]
    sizes = 3 * np.diff(atoms)
    triangle, flat = (int(c[:m].sum()) for c in (sizes * (sizes + 1) // 2, sizes))
    n = int(sizes[m])
    hessian = np.zeros((n, n))
    hessian[np.tril_indices(n)] = data["hessian_lower_eh_per_bohr2"][triangle : triangle + n * (n + 1) // 2]
    polarizability = np.empty((3, 3, n))
    rows = data["polarizability_derivatives_bohr2"][6 * flat : 6 * (flat + n)].reshape(6, n)
    for row, (i, j) in zip(rows, PAIRS, strict=True):
        polarizability[i, j] = polarizability[j, i] = row
    response = HarmonicResponse(
        Molecule.from_arrays(
            data["numbers"][atoms[m] : atoms[m + 1]], data["positions_angstrom"][atoms[m] : atoms[m + 1]]
        ),
        hessian + np.tril(hessian, -1).T,
        data["dipole_derivatives_e"][3 * flat : 3 * (flat + n)].reshape(3, n),
        polarizability,
    )
    names = ("wavenumber_cm1", "ir_km_per_mol", "raman_a4_per_amu", "depolarization")
    return response, [data[name][lines[m] : lines[m + 1]].astype(float) for name in names]


@pytest.mark.skipif(not RESPONSES.exists(), reason=f"{RESPONSES} is absent")
def test_the_table_of_an_independent_run():
    """400 of its molecules: their table from their response (stored in float32: hence the tolerances)."""
    logging.disable(logging.WARNING)
    try:
        chosen = np.unique(np.linspace(0, len(independent_run()["atom_offset"]) - 2, 400).astype(int))
        stored = [stored_response(int(m)) for m in chosen]
        for response, _ in stored:
            check_response(response)
        for modes, (_, (lines, ir, raman, rho)) in zip(many_normal_modes([r for r, _ in stored]), stored, strict=True):
            if len(modes) == len(lines) + 1:  # that run took six rigid motions from long linear molecules, too
                assert are_linear(modes.molecule.positions)
                continue
            np.testing.assert_allclose(modes.wavenumbers_cm1, lines, atol=0.05)
            # Modes closer than 0.1 cm-1 mix as rounding has it: their sums are compared.
            level = np.concatenate([[0], np.cumsum(np.diff(lines) > 0.1)])
            np.testing.assert_allclose(
                *(np.bincount(level, v) for v in (modes.ir_km_per_mol, ir)), atol=0.02, rtol=1e-3
            )
            np.testing.assert_allclose(
                *(np.bincount(level, v) for v in (modes.raman_a4_per_amu, raman)), atol=0.02, rtol=1e-3
            )
            alone = np.bincount(level)[level] == 1
            strong = alone & (raman > 0.01 * raman.max())
            np.testing.assert_allclose(modes.depolarization[strong], rho[strong], atol=1e-3)
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.skipif(not RESPONSES.exists(), reason=f"{RESPONSES} is absent")
def test_symmetry_of_computed_responses():
    """Symmetric molecules of the independent run: forbidden lines vanish, and the averaging changes little."""
    logging.disable(logging.WARNING)
    try:
        seen = set()
        for m in range(0, 300, 3):
            response, (lines, *_) = stored_response(m)
            modes = normal_modes(response)
            seen.add(modes.point_group.label)
            assert modes.averaged_away.hessian < 0.01
            if len(modes) == len(lines):
                assert np.abs(np.sort(modes.wavenumbers_cm1) - lines)[len(lines) // 3 :].max() < 2.0
            rules = selection_rules_of(detect_point_group(response.molecule))
            silent = np.array([not rules[irrep].infrared for irrep in modes.irreps])
            assert (modes.ir_km_per_mol[silent] < FORBIDDEN * modes.ir_km_per_mol.max()).all()
            dark = np.array([not rules[irrep].raman for irrep in modes.irreps])
            assert (modes.raman_a4_per_amu[dark] < FORBIDDEN * modes.raman_a4_per_amu.max()).all()
        assert len(seen) >= 8
    finally:
        logging.disable(logging.NOTSET)
