"""Absorption quantities: integrated coefficients, absorbance and transmittance (Beer-Lambert, decadic)."""

from math import log
from typing import Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat

__all__ = [
    "absorbance_to_transmittance",
    "column_density",
    "molar_absorption_integral",
    "transmittance_to_absorbance",
]


def molar_absorption_integral(ir_km_per_mol: Any) -> NDArrayFloat:
    """Integral of the molar decadic absorption coefficient over a band, L mol^-1 cm^-2, from km/mol.

    The integrated napierian coefficient is A = ln(10) int eps dnu with eps in L mol^-1 cm^-1 and nu in cm^-1;
    L mol^-1 cm^-2 = 1000 cm^3 mol^-1 cm^-2 = 1000 cm/mol = 0.01 km/mol, so int eps dnu = 100 A / ln(10).

    Examples
    --------
    >>> round(float(molar_absorption_integral(1.0)), 4)
    43.4294
    """
    return 100.0 * np.asarray(ir_km_per_mol, dtype=float) / log(10)


def absorbance_to_transmittance(absorbance: Any) -> NDArrayFloat:
    """Transmittance T = 10^-A (0 to 1) of decadic absorbances.

    Examples
    --------
    >>> absorbance_to_transmittance([0.0, 1.0]).tolist()
    [1.0, 0.1]
    """
    return 10.0 ** -np.asarray(absorbance, dtype=float)


def transmittance_to_absorbance(transmittance: Any) -> NDArrayFloat:
    """Decadic absorbance A = -lg T of transmittances (fractions, not per cent).

    Raises
    ------
    SpectrumError
        A transmittance of 0 or below: the absorbance is infinite or undefined.

    Examples
    --------
    >>> transmittance_to_absorbance([0.1]).tolist()
    [1.0]
    """
    values = np.asarray(transmittance, dtype=float)
    if not (values > 0).all():
        raise SpectrumError(
            f"transmittance_to_absorbance: {int((~(values > 0)).sum())} of {values.size} values are 0, negative or NaN "
            f"(the lowest is {np.min(values)}): their absorbance is not finite. Shorten the path, or cut the saturated "
            "range out."
        )
    return -np.log10(values)


def column_density(concentration_mol_per_l: float, path_cm: float) -> float:
    """Concentration times path in mol L^-1 cm; SpectrumError unless both are positive."""
    pair = (concentration_mol_per_l, path_cm)
    if not (np.isfinite(pair).all() and min(pair) > 0):
        raise SpectrumError(f"Beer-Lambert: concentration and path are {pair} mol/L and cm; both must be positive.")
    return float(concentration_mol_per_l * path_cm)
