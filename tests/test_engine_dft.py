"""PySCF as an engine: polarizabilities against finite fields, Hessians against differences, refusals."""

import numpy as np
import pytest

from symvib import Molecule, detect_point_group
from symvib.constants import BOHR_ANGSTROM
from symvib.errors import EngineError
from symvib.forward.engines import dft
from symvib.forward.engines.dft import dft_response
from symvib.forward.response_checks import response_residuals
from symvib.groups.mode_labels import label_normal_modes

pytest.importorskip("pyscf")

WATER = Molecule.from_arrays([8, 1, 1], [[0.0, 0.0, 0.117], [0.0, 0.757, -0.469], [0.0, -0.757, -0.469]])
HYDROXYL = Molecule.from_arrays([8, 1], [[0.0, 0.0, 0.0], [0.3, 0.2, 0.9]])


@pytest.mark.parametrize(("molecule", "spin"), [(WATER, 0), (HYDROXYL, 1)])
@pytest.mark.parametrize("functional", ["HF", "B3LYP"])
def test_polarizability_against_finite_fields(molecule, spin, functional):
    program = dft._PySCF(molecule, functional, "sto-3g", 0, spin, 1)
    x = molecule.positions / BOHR_ANGSTROM
    field = program.solved(x)
    found = dft._polarizability(field)
    np.testing.assert_allclose(found, found.T, atol=1e-6)
    core, dipole, strength = field.get_hcore(), field.mol.intor("int1e_r"), 2e-3
    moments = []
    for sign in (1, -1):
        other = program._mean_field(x)
        other.get_hcore = lambda *_, sign=sign: core + sign * strength * dipole[2]
        other.kernel(dm0=field.make_rdm1())
        assert other.converged
        moments.append(other.dip_moment(unit="AU", verbose=0))
    # A field E adds -E mu, that is +E z for each electron.
    by_fields = (moments[0] - moments[1]) / (2 * strength)
    np.testing.assert_allclose(found[2], by_fields, atol=5e-4)


def test_water_by_hartree_fock():
    seen = []
    response = dft_response(WATER, "HF", "sto-3g", on_done=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6)
    assert np.abs(response.gradient).max() < 3e-5
    labels = label_normal_modes(response.molecule, response.hessian)
    # HF/STO-3G water in the literature: 2170 (A1), 4139 (A1), 4391 (B2) cm-1, r = 0.989 A (quoted from memory).
    np.testing.assert_allclose(labels.wavenumbers_cm1, [2170, 4139, 4391], atol=3)
    assert labels.irreps == ("A1", "A1", "B2")
    oh = response.molecule.positions[1:] - response.molecule.positions[0]
    assert np.linalg.norm(oh, axis=1) == pytest.approx([0.9894, 0.9894], abs=5e-4)
    # Neutral: the derivatives of dipole and polarizability sum to zero over the atoms.
    assert np.abs(response.dipole_derivatives.reshape(3, 3, 3).sum(axis=1)).max() < 1e-3
    assert np.abs(response.polarizability_derivatives.reshape(3, 3, 3, 3).sum(axis=2)).max() < 1e-3
    by_differences = dft_response(response.molecule, "HF", "sto-3g", hessian="differences", optimize=False, raman=False)
    np.testing.assert_allclose(by_differences.hessian, response.hessian, atol=5e-5)
    assert by_differences.polarizability_derivatives is None
    assert by_differences.provenance["differences"]["asymmetry"] < 5e-5


def test_derivatives_with_symmetry_are_those_without():
    response = dft_response(WATER, "HF", "sto-3g", optimize=False)
    program = dft._PySCF(WATER, "HF", "sto-3g", 0, 0, 1)
    x, step = response.molecule.positions / BOHR_ANGSTROM, 0.01
    for atom, axis in ((1, 1), (2, 2), (0, 2)):
        move = np.zeros((3, 3))
        move[atom, axis] = step
        plus, minus = program.properties(x + move), program.properties(x - move)
        for name, values in (
            ("dipole", response.dipole_derivatives),
            ("polarizability", response.polarizability_derivatives),
        ):
            expected = (plus[name] - minus[name]) / (2 * step)
            np.testing.assert_allclose(values[..., 3 * atom + axis], expected, atol=5e-4)


def test_an_ion_away_from_the_origin():
    water = Molecule.from_arrays(WATER.numbers, WATER.positions + [4.0, 1.0, -2.0])
    response = dft_response(water, "HF", "sto-3g", charge=1, unpaired_electrons=1, optimize=False, raman=False)
    summed = response.dipole_derivatives.reshape(3, 3, 3).sum(axis=1)
    np.testing.assert_allclose(summed, np.eye(3), atol=1e-10)
    assert response.charge == round(response_residuals(response).charge) == 1


def test_rigid_motions_are_exact_and_what_they_changed_is_said():
    """On a coarse grid, off the minimum, away from the origin."""
    water = Molecule.from_arrays(WATER.numbers, WATER.positions + [4.0, 1.0, -2.0])
    response = dft_response(water, "B3LYP", "sto-3g", optimize=False, grid_level=2)
    residuals = response_residuals(response)
    assert residuals.hessian_translation < 1e-12
    assert residuals.hessian_rotation < 1e-12
    for name in ("charge", "dipole_translation", "dipole_rotation"):
        assert abs(getattr(residuals, name)) < 1e-10
    np.testing.assert_allclose(residuals.implied_dipole, response.dipole, atol=1e-10)
    assert residuals.polarizability_translation < 1e-10
    assert residuals.polarizability_rotation < 1e-10
    np.testing.assert_allclose(response.polarizability, response.polarizability.T)
    changed = response.provenance["changed_by_projection"]
    assert set(changed) == {"gradient", "hessian", "dipole_derivatives", "polarizability_derivatives"}
    assert changed["hessian"] > 1e-6
    assert response.provenance["hessian"]["translation_residual"] > 1e-6


def test_a_grid_too_coarse_for_the_hessian_is_refused():
    with pytest.raises(EngineError, match=r"hessian of .*is the integration grid"):
        dft_response(WATER, "B3LYP", "sto-3g", optimize=False, raman=False, grid_level=0)


def test_what_b3lyp_means_is_said():
    assert "VWN" in dft._components("B3LYP")
    assert dft._components("HF") == "HF"


def test_refusals():
    detection = detect_point_group(WATER)
    with pytest.raises(EngineError, match="1 unpaired electrons"):
        dft_response(detection, "HF", "sto-3g", unpaired_electrons=1)
    with pytest.raises(EngineError, match="no-such-functional"):
        dft_response(detection, "no-such-functional", "sto-3g")
    with pytest.raises(EngineError, match="no-such-basis"):
        dft_response(detection, "HF", "no-such-basis")
    with pytest.raises(EngineError, match="hessian='guess'"):
        dft_response(detection, "HF", "sto-3g", hessian="guess")


def test_scf_failure_carries_its_numbers(monkeypatch):
    original = dft._PySCF._mean_field

    def impatient(self, positions):
        field = original(self, positions)
        field.max_cycle = 1
        return field

    monkeypatch.setattr(dft._PySCF, "_mean_field", impatient)
    with pytest.raises(EngineError, match=r"SCF not converged after 1 cycles, last energy -\d+"):
        dft_response(WATER, "HF", "sto-3g")
