"""Unit factors, invariants, depolarization ratios and Raman cross-sections."""

import numpy as np
import pytest

from symvib import constants
from symvib.errors import SpectrumError
from symvib.forward import intensities
from symvib.forward.intensities import (
    depolarization_ratios,
    ir_intensities,
    raman_activities,
    raman_cross_sections,
    raman_invariants,
)


def random_rotation(rng):
    return np.linalg.qr(rng.normal(size=(3, 3)))[0]


def random_tensors(rng, count):
    root = rng.normal(size=(count, 3, 3))
    return root + np.swapaxes(root, 1, 2)


def test_infrared_factors():
    # Printed by many programs, from CODATA of several years: 42.2561 (D/A)^2/u, 974.88 e^2/u.
    assert pytest.approx(42.2561, abs=5e-5) == intensities.KM_PER_MOL_PER_DEBYE2_PER_ANGSTROM2_U
    assert pytest.approx(974.8801, abs=5e-5) == intensities.KM_PER_MOL_PER_E2_PER_U
    debye_per_e_angstrom = constants.ELEMENTARY_CHARGE_C * 1e-10 / constants.DEBYE_C_M
    assert debye_per_e_angstrom == pytest.approx(4.80320471, abs=1e-8)
    ratio = intensities.KM_PER_MOL_PER_E2_PER_U / intensities.KM_PER_MOL_PER_DEBYE2_PER_ANGSTROM2_U
    assert ratio == pytest.approx(debye_per_e_angstrom**2, rel=1e-14)


def test_infrared_factor_by_the_einstein_coefficient():
    """The same from the transition moment <1|mu|0>^2 = mu'^2 h / (8 pi^2 nu) and the absorption cross-section."""
    h, c, eps0 = constants.PLANCK_J_S, constants.SPEED_OF_LIGHT_M_PER_S, constants.VACUUM_PERMITTIVITY_F_PER_M
    derivative = constants.ELEMENTARY_CHARGE_C / np.sqrt(constants.ATOMIC_MASS_CONSTANT_KG)  # C kg^-1/2
    frequency = 3e13
    transition = derivative**2 * h / (8 * np.pi**2 * frequency)
    # int sigma dnu (m^2 Hz) = 2 pi^2 nu |mu|^2 / (3 eps0 h c); over wavenumbers divide by c.
    integral = 2 * np.pi**2 * frequency * transition / (3 * eps0 * h * c) / c
    assert constants.AVOGADRO_PER_MOL * integral / 1000 == pytest.approx(intensities.KM_PER_MOL_PER_E2_PER_U, rel=1e-12)


def test_invariants_are_those_of_the_textbook():
    alpha = random_tensors(np.random.default_rng(0), 20)
    mean, anisotropy = raman_invariants(alpha)
    xx, yy, zz = (alpha[:, k, k] for k in range(3))
    off = alpha[:, 0, 1] ** 2 + alpha[:, 1, 2] ** 2 + alpha[:, 0, 2] ** 2
    squared = ((xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2 + 6 * off) / 2
    np.testing.assert_allclose(mean, (xx + yy + zz) / 3, rtol=1e-13)
    np.testing.assert_allclose(anisotropy**2, squared, rtol=1e-12)


def test_intensities_do_not_depend_on_the_axes():
    rng = np.random.default_rng(1)
    turn, alpha, mu = random_rotation(rng), random_tensors(rng, 9), rng.normal(size=(9, 3))
    turned = np.einsum("ij,kjl,ml->kim", turn, alpha, turn)
    np.testing.assert_allclose(raman_invariants(turned), raman_invariants(alpha), rtol=1e-12)
    np.testing.assert_allclose(ir_intensities(mu @ turn.T), ir_intensities(mu), rtol=1e-12)


def test_invariants_by_averaging_over_orientations():
    """45 a'^2 + 4 gamma'^2 and 3 gamma'^2 are 45 times the averages of alpha_zz^2 and alpha_xz^2 over orientations."""
    rng = np.random.default_rng(2)
    alpha = random_tensors(rng, 1)[0]
    quaternions = rng.normal(size=(200_000, 4))
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = np.array(
        [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
         [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]
    )  # fmt: skip
    along = np.einsum("ik,ij,jk->k", rows[1], alpha, rows[1])
    across = np.einsum("ik,ij,jk->k", rows[0], alpha, rows[1])
    mean, anisotropy = raman_invariants(alpha[None])
    assert 45 * (along**2).mean() == pytest.approx(45 * mean[0] ** 2 + 4 * anisotropy[0] ** 2, rel=0.02)
    assert 45 * (across**2).mean() == pytest.approx(3 * anisotropy[0] ** 2, rel=0.02)


def test_depolarization_is_between_0_and_three_quarters_and_masked_at_zero():
    mean, anisotropy = raman_invariants(random_tensors(np.random.default_rng(3), 100))
    rho = depolarization_ratios(mean, anisotropy)
    assert not rho.mask.any()
    assert rho.min() >= 0
    assert rho.max() <= 0.75
    rho = depolarization_ratios(np.array([1.0, 1e-5, 0.0]), np.array([1.0, 1e-5, 0.0]))
    assert rho.mask.tolist() == [False, True, True]
    assert rho.filled().tolist()[1:] == pytest.approx([np.nan, np.nan], nan_ok=True)
    assert depolarization_ratios(np.zeros(4), np.zeros(4)).mask.all()
    assert depolarization_ratios(np.empty(0), np.empty(0)).shape == (0,)


def test_depolarization_is_masked_molecule_by_molecule():
    rho = depolarization_ratios(np.array([[1.0, 1e-2], [1e4, 1e-2]]), np.zeros((2, 2)))
    assert rho.mask.tolist() == [[False, False], [False, True]]


# ---- cross-sections --------------------------------------------------------------------------------------------


def test_cross_section_by_the_zero_point_amplitude():
    """At 0 K and for an isotropic mode: dsigma/dOmega = (2 pi nu_s)^4 <1|alpha|0>^2, Placzek's dipole radiation."""
    wavenumber, mean, laser = 1000.0, 2.0, 20000.0
    h, c, u = constants.PLANCK_J_S, constants.SPEED_OF_LIGHT_M_PER_S, constants.ATOMIC_MASS_CONSTANT_KG
    amplitude_squared = h / (8 * np.pi**2 * c * wavenumber * 100)  # kg m^2
    matrix_element_squared = (mean * 1e-20) ** 2 / u * amplitude_squared  # m^6
    expected = (2 * np.pi * (laser - wavenumber) * 100) ** 4 * matrix_element_squared
    found = raman_cross_sections([wavenumber], [mean], [0.0], laser_cm1=laser, temperature_k=0.0)
    assert found[0] == pytest.approx(expected, rel=1e-13)


def test_nitrogen_is_of_the_measured_size():
    # Q branch at 488 nm: 5.5e-35 m^2/sr within 10 % (Schroetter and Kloeckner 1979). Derivatives of Q from measured
    # da/dr = 1.86 A^2 and dgamma/dr = 2.25 A^2 (same source), reduced mass 7.0015 u.
    root = np.sqrt(7.0015)
    found = raman_cross_sections([2330.0], [1.86 / root], [2.25 / root], laser_nm=488.0, temperature_k=298.0)
    assert found[0] == pytest.approx(5.5e-35, rel=0.3)


def test_polarizations_add_up_and_photons_are_counted():
    modes = [500.0, 1500.0], [1.0, 0.3], [0.5, 2.0]
    total, parallel, perpendicular = (
        raman_cross_sections(*modes, laser_nm=532.0, polarization=kind)
        for kind in ("total", "parallel", "perpendicular")
    )
    np.testing.assert_allclose(parallel + perpendicular, total, rtol=1e-13)
    np.testing.assert_allclose(perpendicular / parallel, depolarization_ratios(*map(np.array, modes[1:])), rtol=1e-13)
    photons = raman_cross_sections(*modes, laser_nm=532.0, photon_counting=True)
    laser = 1e7 / 532
    np.testing.assert_allclose(photons / total, laser / (laser - np.array(modes[0])), rtol=1e-13)
    np.testing.assert_allclose(raman_cross_sections(*modes, laser_cm1=laser), total, rtol=1e-12)


def test_temperature_factor():
    cold, hot = (raman_cross_sections([200.0], [1.0], [1.0], laser_nm=532.0, temperature_k=t) for t in (0.0, 300.0))
    reduced = 100 * 200 * constants.PLANCK_J_S * constants.SPEED_OF_LIGHT_M_PER_S / (constants.BOLTZMANN_J_PER_K * 300)
    assert hot[0] / cold[0] == pytest.approx(1 / (1 - np.exp(-reduced)), rel=1e-12)


def test_modes_without_scattering_are_masked():
    found = raman_cross_sections([-50.0, 0.0, 1000.0, 30000.0], np.ones(4), np.ones(4), laser_nm=532.0)
    assert found.mask.tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "laser"),
        ({"laser_nm": 532.0, "laser_cm1": 18797.0}, "laser"),
        ({"laser_nm": 0.0}, "laser"),
        ({"laser_nm": -532.0}, "laser"),
        ({"laser_nm": 1e9}, "laser"),
        ({"laser_nm": 532.0, "temperature_k": -1.0}, "temperature_k"),
        ({"laser_nm": 532.0, "temperature_k": float("nan")}, "temperature_k"),
        ({"laser_nm": 532.0, "polarization": "circular"}, "polarization"),
    ],
)
def test_bad_conditions_are_named(change, text):
    with pytest.raises(SpectrumError, match=text):
        raman_cross_sections([1000.0], [1.0], [1.0], **change)


def test_lengths_must_agree():
    with pytest.raises(SpectrumError, match="one entry per mode"):
        raman_cross_sections([1000.0, 1200.0], [1.0], [1.0], laser_nm=532.0)


def test_activity():
    assert raman_activities(np.array([1.0, 0.0]), np.array([0.0, 1.0])).tolist() == [45.0, 7.0]
