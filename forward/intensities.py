"""Infrared and Raman intensities from derivatives along normal coordinates, with every unit factor derived.

Double harmonic approximation: the energy is quadratic and the dipole moment and polarizability are linear in the normal
coordinates Q, so only fundamentals have intensity. Q is mass-weighted: its unit is angstrom u^1/2 (or bohr u^1/2), and
a derivative along it is a Cartesian derivative times a displacement in u^-1/2.

Sources: E. B. Wilson, J. C. Decius, P. C. Cross, Molecular Vibrations (1955), ch. 3 and 7; D. A. Long, The Raman
Effect (2002), ch. 5; J. Neugebauer, M. Reiher, C. Kind, B. A. Hess, J. Comput. Chem. 23, 895 (2002).
"""

from math import pi
from typing import Any, Literal

import numpy as np

from ..constants import (
    ATOMIC_MASS_CONSTANT_KG,
    AVOGADRO_PER_MOL,
    BOLTZMANN_J_PER_K,
    DEBYE_C_M,
    ELEMENTARY_CHARGE_C,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
    VACUUM_PERMITTIVITY_F_PER_M,
)
from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat

__all__ = [
    "KM_PER_MOL_PER_DEBYE2_PER_ANGSTROM2_U",
    "KM_PER_MOL_PER_E2_PER_U",
    "RAMAN_ZERO",
    "depolarization_ratios",
    "ir_intensities",
    "raman_activities",
    "raman_cross_sections",
    "raman_invariants",
]

# Integrated napierian absorption coefficient of a fundamental, A = N_A |dmu/dQ|^2 / (12 eps0 c^2), in m/mol for SI
# derivatives (C kg^-1/2); dmu/dQ comes in e u^-1/2, and 1 km = 1000 m. About 974.88.
_M_PER_MOL_SI = AVOGADRO_PER_MOL / (12 * VACUUM_PERMITTIVITY_F_PER_M * SPEED_OF_LIGHT_M_PER_S**2)
KM_PER_MOL_PER_E2_PER_U = _M_PER_MOL_SI * ELEMENTARY_CHARGE_C**2 / ATOMIC_MASS_CONSTANT_KG / 1000
# The same for dmu/dQ in debye angstrom^-1 u^-1/2. About 42.256.
KM_PER_MOL_PER_DEBYE2_PER_ANGSTROM2_U = _M_PER_MOL_SI * (DEBYE_C_M / 1e-10) ** 2 / ATOMIC_MASS_CONSTANT_KG / 1000

RAMAN_ZERO = 1e-6  # a mode with less than this times the strongest Raman activity has no depolarization ratio
_ABSOLUTE_ZERO_A4_PER_U = 1e-12  # what is left of a spectrum that is zero by symmetry


def ir_intensities(dipole_derivatives_normal: NDArrayFloat) -> NDArrayFloat:
    """Integrated infrared intensities (..., d) in km/mol: the napierian A = N_A |dmu/dQ|^2 / (12 eps0 c^2).

    Parameters
    ----------
    dipole_derivatives_normal : ndarray (..., d, 3)
        dmu/dQ of each mode, in e u^-1/2; last index x, y, z.

    Examples
    --------
    >>> float(ir_intensities(np.array([[0.1, 0.0, 0.0]]))[0].round(3))
    9.749
    """
    return KM_PER_MOL_PER_E2_PER_U * np.einsum("...i,...i->...", dipole_derivatives_normal, dipole_derivatives_normal)


def raman_invariants(polarizability_derivatives_normal: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Mean a' (..., d), signed, and anisotropy gamma' (..., d) >= 0 of dalpha/dQ (..., d, 3, 3), in its unit.

    a' = tr(alpha') / 3; gamma'^2 = (3/2) |alpha' - a' 1|^2 (Frobenius norm), which is the usual
    [(xx-yy)^2 + (yy-zz)^2 + (zz-xx)^2 + 6 (xy^2 + yz^2 + zx^2)] / 2 and cannot become negative by rounding.

    Examples
    --------
    >>> mean, anisotropy = raman_invariants(np.diag([1.0, 1.0, 4.0])[None])
    >>> float(mean[0]), float(anisotropy[0])
    (2.0, 3.0)
    """
    mean = np.einsum("...ii->...", polarizability_derivatives_normal) / 3
    deviator = polarizability_derivatives_normal - mean[..., None, None] * np.eye(3)
    return mean, np.sqrt(1.5 * np.einsum("...ij,...ij->...", deviator, deviator))


def raman_activities(mean: NDArrayFloat, anisotropy: NDArrayFloat) -> NDArrayFloat:
    """Raman activities 45 a'^2 + 7 gamma'^2; A^4/u for invariants in A^2 u^-1/2.

    Examples
    --------
    >>> float(raman_activities(np.array([2.0]), np.array([3.0]))[0])
    243.0
    """
    return 45 * mean**2 + 7 * anisotropy**2


def depolarization_ratios(
    mean: NDArrayFloat, anisotropy: NDArrayFloat, relative_zero: float = RAMAN_ZERO
) -> np.ma.MaskedArray:
    """Depolarization ratios rho = 3 gamma'^2 / (45 a'^2 + 4 gamma'^2), masked where Raman is zero.

    For linearly polarised light and observation at 90 degrees: 0 (isotropic) to 3/4 (depolarised, every mode that is
    not totally symmetric). Masked: activity up to ``relative_zero`` times the largest one of the molecule (last axis),
    where the ratio is one of two rounding errors.

    Examples
    --------
    >>> depolarization_ratios(np.array([1.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0])).tolist()
    [0.0, 0.75, None]
    """
    activity = raman_activities(mean, anisotropy)
    strongest = activity.max(axis=-1, initial=0.0, keepdims=True)
    zero = activity <= np.maximum(relative_zero * strongest, _ABSOLUTE_ZERO_A4_PER_U)
    parallel = np.where(zero, 1.0, 45 * mean**2 + 4 * anisotropy**2)
    return np.ma.MaskedArray(np.where(zero, 0.0, 3 * anisotropy**2) / parallel, mask=zero, fill_value=np.nan)


def raman_cross_sections(
    wavenumbers_cm1: Any,
    mean: Any,
    anisotropy: Any,
    *,
    laser_nm: float | None = None,
    laser_cm1: float | None = None,
    temperature_k: float = 298.15,
    polarization: Literal["total", "parallel", "perpendicular"] = "total",
    photon_counting: bool = False,
) -> np.ma.MaskedArray:
    """Absolute differential Raman (Stokes) cross-sections (d,) in m^2/sr per molecule; times 1e4 for cm^2/sr.

    Geometry: incident light linearly polarised perpendicular to the scattering plane, observation at 90 degrees,
    randomly oriented molecules. ``total`` collects both polarizations of the scattered light (45 a'^2 + 7 gamma'^2),
    ``parallel`` only that of the incident light (45 a'^2 + 4 gamma'^2), ``perpendicular`` the other (3 gamma'^2).

    dsigma/dOmega = (2 pi)^4 (nu0 - nu)^4 h / (8 pi^2 c nu) S / 45 / (1 - exp(-h c nu / k T))

    for polarizability volumes, far from electronic resonance, in the double harmonic approximation (the factor with T
    sums the hot bands v -> v+1). Scattered power over incident irradiance; with ``photon_counting`` photons over
    photons: nu0 (nu0 - nu)^3 instead. Local-field (refractive-index) corrections are not included.

    Parameters
    ----------
    wavenumbers_cm1 : array (d,)
        Modes with imaginary (negative) or zero wavenumber, or above the laser's, are masked.
    mean, anisotropy : array (d,)
        Of dalpha/dQ in A^2 u^-1/2.
    laser_nm, laser_cm1 : float
        Vacuum wavelength or wavenumber of the laser; one of the two.
    temperature_k : float
        0 leaves the zero-point term only.

    Raises
    ------
    SpectrumError
        Not exactly one laser line, laser or temperature out of range, shapes that differ.

    Notes
    -----
    D. A. Long, The Raman Effect (2002), eqs. 5.5-5.8; Neugebauer et al., J. Comput. Chem. 23, 895 (2002), eqs. 2-4.

    Examples
    --------
    >>> nitrogen = raman_cross_sections([2330.0], [0.55], [0.95], laser_nm=488.0)  # about 5e-35 m^2/sr
    >>> bool(4e-35 < nitrogen[0] < 7e-35)
    True
    """
    lines, mean, anisotropy = (np.asarray(values, dtype=float) for values in (wavenumbers_cm1, mean, anisotropy))
    if not lines.shape == mean.shape == anisotropy.shape:
        raise SpectrumError(
            f"raman_cross_sections: wavenumbers {lines.shape}, mean {mean.shape} and anisotropy {anisotropy.shape} "
            "must have one entry per mode."
        )
    laser = _laser_per_m(laser_nm, laser_cm1)
    if not (np.isfinite(temperature_k) and temperature_k >= 0):
        raise SpectrumError(f"raman_cross_sections: temperature_k = {temperature_k}; kelvin, 0 or more, are needed.")
    weights = {"total": (45.0, 7.0), "parallel": (45.0, 4.0), "perpendicular": (0.0, 3.0)}
    if polarization not in weights:
        raise SpectrumError(f"raman_cross_sections: polarization {polarization!r} is none of {sorted(weights)}.")
    shift = 100.0 * lines
    hidden = (shift <= 0) | (shift >= laser)
    shift = np.where(hidden, laser / 2, shift)
    scattered = laser - shift
    power = laser * scattered**3 if photon_counting else scattered**4
    squared_amplitude = PLANCK_J_S / (8 * pi**2 * SPEED_OF_LIGHT_M_PER_S * shift)
    isotropic, anisotropic = weights[polarization]
    activity = (isotropic * mean**2 + anisotropic * anisotropy**2) * 1e-40 / ATOMIC_MASS_CONSTANT_KG
    values = (2 * pi) ** 4 * power * squared_amplitude * activity / 45 * _hot_bands(shift, temperature_k)
    return np.ma.MaskedArray(values, mask=hidden, fill_value=np.nan)


def _laser_per_m(laser_nm: float | None, laser_cm1: float | None) -> float:
    """Wavenumber of the laser in 1/m."""
    if (laser_nm is None) == (laser_cm1 is None):
        raise SpectrumError("raman_cross_sections: give the laser line, as laser_nm or as laser_cm1 (one of them).")
    value = 1e9 / laser_nm if laser_nm else 100.0 * (laser_cm1 or 0.0)
    if not (np.isfinite(value) and 1e5 < value < 1e8):
        raise SpectrumError(
            f"raman_cross_sections: laser_nm = {laser_nm}, laser_cm1 = {laser_cm1}: a line between 100 nm and 0.1 mm "
            "is expected."
        )
    return value


def _hot_bands(shift_per_m: NDArrayFloat, temperature_k: float) -> NDArrayFloat:
    """1 / (1 - exp(-h c nu / k T))."""
    if temperature_k == 0:
        return np.ones_like(shift_per_m)
    return -1 / np.expm1(-PLANCK_J_S * SPEED_OF_LIGHT_M_PER_S * shift_per_m / (BOLTZMANN_J_PER_K * temperature_k))
