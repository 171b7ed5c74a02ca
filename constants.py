"""Physical constants, once for the whole package: CODATA 2022 recommended values.

Source: P. J. Mohr, D. B. Newell, B. N. Taylor, E. Tiesinga, CODATA Recommended Values of the Fundamental Physical
Constants: 2022, Rev. Mod. Phys. 97, 025002 (2025); https://physics.nist.gov/constants. Exact values are marked.
"""

from math import pi, sqrt

__all__ = [
    "ATOMIC_MASS_CONSTANT_KG",
    "AVOGADRO_PER_MOL",
    "BOHR_ANGSTROM",
    "BOHR_M",
    "BOLTZMANN_J_PER_K",
    "CODATA_YEAR",
    "DEBYE_C_M",
    "ELECTRON_MASS_KG",
    "ELEMENTARY_CHARGE_C",
    "HARTREE_J",
    "PLANCK_J_S",
    "SPEED_OF_LIGHT_M_PER_S",
    "SQRT_HARTREE_PER_BOHR2_U_IN_CM1",
    "U_IN_ELECTRON_MASSES",
    "VACUUM_PERMITTIVITY_F_PER_M",
]

CODATA_YEAR = 2022
SPEED_OF_LIGHT_M_PER_S = 299792458.0  # exact
PLANCK_J_S = 6.62607015e-34  # exact
ELEMENTARY_CHARGE_C = 1.602176634e-19  # exact
BOLTZMANN_J_PER_K = 1.380649e-23  # exact
AVOGADRO_PER_MOL = 6.02214076e23  # exact
VACUUM_PERMITTIVITY_F_PER_M = 8.8541878188e-12
HARTREE_J = 4.3597447222060e-18
BOHR_M = 5.29177210544e-11
ATOMIC_MASS_CONSTANT_KG = 1.66053906892e-27
ELECTRON_MASS_KG = 9.1093837139e-31

# 1 debye = 1e-18 statC cm; 1 statC is 10/c C with the number of c in cm/s, by the definition of the unit.
DEBYE_C_M = 1e-21 / SPEED_OF_LIGHT_M_PER_S
BOHR_ANGSTROM = BOHR_M * 1e10
U_IN_ELECTRON_MASSES = ATOMIC_MASS_CONSTANT_KG / ELECTRON_MASS_KG
# An eigenvalue lambda of the mass-weighted Hessian in Eh/(bohr^2 u) is the wavenumber sqrt(lambda) times this, in 1/cm.
SQRT_HARTREE_PER_BOHR2_U_IN_CM1 = sqrt(HARTREE_J / (BOHR_M**2 * ATOMIC_MASS_CONSTANT_KG)) / (
    2 * pi * SPEED_OF_LIGHT_M_PER_S * 100
)
