"""Line shapes of unit area with a stated full width at half maximum (FWHM)."""

from collections.abc import Callable
from math import log, pi, sqrt
from typing import Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat

__all__ = ["SHAPES", "gaussian", "line_shape", "lorentzian", "pseudo_voigt", "voigt", "voigt_fwhm"]

SHAPES = ("gaussian", "lorentzian", "voigt", "pseudo_voigt")
_SIGMA_PER_FWHM = 1 / (2 * sqrt(2 * log(2)))


def gaussian(offset: Any, fwhm: float) -> NDArrayFloat:
    """Gaussian of unit area at ``offset`` (any shape) from its centre, in the unit of ``fwhm``.

    Examples
    --------
    >>> float(gaussian(5.0, 10.0) / gaussian(0.0, 10.0))
    0.5
    """
    _check(fwhm, "gaussian")
    ratio = np.asarray(offset, dtype=float) / fwhm
    return 2 * sqrt(log(2) / pi) / fwhm * np.exp2(-4 * ratio**2)


def lorentzian(offset: Any, fwhm: float) -> NDArrayFloat:
    """Lorentzian (Cauchy) of unit area at ``offset`` (any shape) from its centre, in the unit of ``fwhm``.

    Its wings fall off as 1/offset^2: a window of +-w holds 1 - fwhm/(pi w) of the area.

    Examples
    --------
    >>> float(lorentzian(5.0, 10.0) / lorentzian(0.0, 10.0))
    0.5
    """
    _check(fwhm, "lorentzian")
    ratio = np.asarray(offset, dtype=float) / fwhm
    return 2 / (pi * fwhm) / (1 + 4 * ratio**2)


def voigt(offset: Any, gaussian_fwhm: float, lorentzian_fwhm: float) -> NDArrayFloat:
    """Voigt profile of unit area: the convolution of a Gaussian and a Lorentzian of these two FWHM.

    From the Faddeeva function (`scipy.special.voigt_profile`), not an approximation. Either width may be 0. The FWHM
    of the whole is `voigt_fwhm`.
    """
    from scipy.special import voigt_profile

    _check_pair(gaussian_fwhm, lorentzian_fwhm)
    return voigt_profile(np.asarray(offset, dtype=float), gaussian_fwhm * _SIGMA_PER_FWHM, lorentzian_fwhm / 2)


def voigt_fwhm(gaussian_fwhm: float, lorentzian_fwhm: float) -> float:
    """FWHM of the Voigt profile of the two widths, solved to rounding (not the Olivero-Longbothum estimate).

    Examples
    --------
    >>> voigt_fwhm(3.0, 0.0), voigt_fwhm(0.0, 3.0), round(voigt_fwhm(1.0, 1.0), 4)
    (3.0, 3.0, 1.6376)
    """
    from scipy.optimize import brentq

    _check_pair(gaussian_fwhm, lorentzian_fwhm)
    if not gaussian_fwhm or not lorentzian_fwhm:
        return float(gaussian_fwhm + lorentzian_fwhm)
    scale = max(gaussian_fwhm, lorentzian_fwhm)
    widths = gaussian_fwhm / scale, lorentzian_fwhm / scale
    half = 0.5 * float(voigt(0.0, *widths))
    # The convolution is wider than either part and narrower than their sum; 1e-9 keeps rounding out of the bracket.
    root = brentq(lambda x: float(voigt(x, *widths)) - half, 0.5 - 1e-9, 0.5 * sum(widths) + 1e-9, xtol=1e-15)
    return 2 * scale * float(root)  # type: ignore[arg-type]


def pseudo_voigt(offset: Any, fwhm: float, lorentzian_share: float = 0.5) -> NDArrayFloat:
    """Weighted sum of a Lorentzian (``lorentzian_share``, 0 to 1) and a Gaussian of the same FWHM; unit area."""
    if not 0 <= lorentzian_share <= 1:
        raise SpectrumError(f"pseudo_voigt: lorentzian_share = {lorentzian_share}; a share lies between 0 and 1.")
    return lorentzian_share * lorentzian(offset, fwhm) + (1 - lorentzian_share) * gaussian(offset, fwhm)


def line_shape(
    shape: str, fwhm: float | tuple[float, float], lorentzian_share: float = 0.5
) -> Callable[[NDArrayFloat], NDArrayFloat]:
    """Function of the offset for a named shape; ``fwhm`` is a pair (Gaussian, Lorentzian) for "voigt".

    Raises
    ------
    SpectrumError
        Unknown shape, a width that is not positive, a pair where one width is needed or the reverse.

    Examples
    --------
    >>> profile = line_shape("voigt", (6.0, 4.0))
    >>> profile(np.array([0.0, 100.0])).round(5).tolist()
    [0.09215, 6e-05]
    """
    if shape not in SHAPES:
        raise SpectrumError(f"unknown line shape {shape!r}; the shapes are {', '.join(SHAPES)}.")
    widths = np.atleast_1d(np.asarray(fwhm, dtype=float))
    needed = 2 if shape == "voigt" else 1
    if widths.shape != (needed,):
        what = "a pair of widths, (Gaussian FWHM, Lorentzian FWHM)," if needed == 2 else "one width"
        raise SpectrumError(f"line shape {shape!r}: fwhm = {fwhm!r}; {what} is needed.")
    if shape == "voigt":
        pair = float(widths[0]), float(widths[1])
        _check_pair(*pair)
        return lambda offset: voigt(offset, *pair)
    width = float(widths[0])
    _check(width, shape)
    if shape == "pseudo_voigt":
        pseudo_voigt(0.0, width, lorentzian_share)  # refuses a share out of range now, not at the first line
        return lambda offset: pseudo_voigt(offset, width, lorentzian_share)
    profile = gaussian if shape == "gaussian" else lorentzian
    return lambda offset: profile(offset, width)


def _check(fwhm: float, shape: str) -> None:
    if not (np.isfinite(fwhm) and fwhm > 0):
        raise SpectrumError(f"{shape}: the FWHM is {fwhm}; a positive width is needed.")


def _check_pair(gaussian_fwhm: float, lorentzian_fwhm: float) -> None:
    pair = (gaussian_fwhm, lorentzian_fwhm)
    if not (np.isfinite(pair).all() and min(pair) >= 0 and max(pair) > 0):
        raise SpectrumError(f"voigt: the FWHM are {pair}; both must be 0 or more, and one of them positive.")
