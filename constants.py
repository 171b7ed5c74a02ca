"""Physical constants, once for the whole package: CODATA 2022 recommended values.

Source: P. J. Mohr, D. B. Newell, B. N. Taylor, E. Tiesinga, CODATA Recommended Values of the Fundamental Physical
Constants: 2022, Rev. Mod. Phys. 97, 025002 (2025); https://physics.nist.gov/constants. Exact values are marked.
"""

from math import pi, sqrt

__all__ = [
    "ATOMIC_MASS_CONSTANT_KG",
    "BOHR_ANGSTROM",
    "BOHR_M",
    "CODATA_YEAR",
    "ELECTRON_MASS_KG",
    "HARTREE_J",
    "PLANCK_J_S",
    "SPEED_OF_LIGHT_M_PER_S",
    "SQRT_HARTREE_PER_BOHR2_U_IN_CM1",
    "U_IN_ELECTRON_MASSES",
]

CODATA_YEAR = 2022
SPEED_OF_LIGHT_M_PER_S = 299792458.0  # exact
PLANCK_J_S = 6.62607015e-34  # exact
HARTREE_J = 4.3597447222060e-18
BOHR_M = 5.29177210544e-11
ATOMIC_MASS_CONSTANT_KG = 1.66053906892e-27
ELECTRON_MASS_KG = 9.1093837139e-31

BOHR_ANGSTROM = BOHR_M * 1e10
U_IN_ELECTRON_MASSES = ATOMIC_MASS_CONSTANT_KG / ELECTRON_MASS_KG
# An eigenvalue lambda of the mass-weighted Hessian in Eh/(bohr^2 u) is the wavenumber sqrt(lambda) times this, in 1/cm.
SQRT_HARTREE_PER_BOHR2_U_IN_CM1 = sqrt(HARTREE_J / (BOHR_M**2 * ATOMIC_MASS_CONSTANT_KG)) / (
    2 * pi * SPEED_OF_LIGHT_M_PER_S * 100
)
