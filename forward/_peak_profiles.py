"""Peaks of unit height in their width at half maximum and Lorentzian share, with derivatives; sums of them.

A Voigt profile of full width at half maximum f (FWHM) whose Lorentzian part has the FWHM s f is, at the offset x,
Re w(t + iy) / w(iy) with t = 2 sqrt(ln 2) x / (f g), y = sqrt(ln 2) s / g, the Faddeeva function w, and g(s) the FWHM
of the Gaussian part over f. The area drops out, position, height, width and share are nearly independent of one
another, and w' = 2i/sqrt(pi) - 2 z w gives all derivatives from one evaluation of w.
"""

from functools import lru_cache
from math import log, pi, sqrt

import numpy as np
from numpy.polynomial import Chebyshev

from ..groups.operations import NDArrayFloat

__all__ = [
    "LARGEST_SHARE",
    "PEAK_SHAPES",
    "PeakModel",
    "approximate_voigt",
    "gaussian_part",
    "peak_areas",
    "peak_profiles",
]

PEAK_SHAPES = ("gaussian", "lorentzian", "voigt")
# At a share of 1 the Gaussian part vanishes and t, y diverge; at .999 the profile is a Lorentzian within 2e-3.
LARGEST_SHARE = 0.999
_ROOT = sqrt(log(2))


@lru_cache(maxsize=1)
def _gaussian_series() -> tuple[Chebyshev, Chebyshev]:
    """Chebyshev series of q(s) = (g(s))^2 / (1 - s) on [0, 1], and of its derivative.

    g solves Re w(t_half + iy) = w(iy) / 2, the condition that f is the FWHM. (Olivero and Longbothum 1977 give the
    closed form g^2 = (1 - 0.5346 s)^2 - 0.2166 s^2, whose widths are wrong by up to 2e-4; with it two reports of one
    width would differ.)
    """
    from scipy.optimize import brentq
    from scipy.special import wofz

    def excess(square: float, share: float) -> float:
        g = sqrt(square)
        y = _ROOT * share / g
        return float(wofz(complex(_ROOT / g, y)).real - 0.5 * wofz(complex(0, y)).real)

    def quotient(shares: NDArrayFloat) -> NDArrayFloat:
        roots = []
        for share in shares:
            guess = (1 - 0.5346 * share) ** 2 - 0.2166 * share**2
            root = brentq(excess, 0.99 * guess, 1.01 * guess, args=(share,), xtol=1e-16)
            roots.append(float(root))  # type: ignore[arg-type]
        return np.array(roots) / (1 - shares)

    series = Chebyshev.interpolate(quotient, 40, domain=[0, 1])
    return series, series.deriv()


def gaussian_part(share: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    """g(s), the FWHM of the Gaussian part over the FWHM of the whole Voigt profile, and d(g^2)/ds."""
    series, slope = _gaussian_series()
    quotient = series(share)
    return np.sqrt((1 - share) * quotient), (1 - share) * slope(share) - quotient


def peak_profiles(
    shape: str, offset: NDArrayFloat, fwhm: NDArrayFloat, share: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat, NDArrayFloat | None]:
    """Profiles (m, k) of unit height and their derivatives by offset, FWHM and Lorentzian share (Voigt only).

    Parameters
    ----------
    shape : {"gaussian", "lorentzian", "voigt"}
    offset : ndarray (m, k)
        Point minus position of the peak.
    fwhm, share : ndarray (k,)
        ``share``, 0 to `LARGEST_SHARE`, is read for "voigt" alone.
    """
    if shape == "voigt":
        return _voigt(offset, fwhm, share)
    ratio = offset / fwhm
    value, slope = (_gaussian if shape == "gaussian" else _lorentzian)(ratio)
    return value, slope / fwhm, -ratio * slope / fwhm, None


def _gaussian(ratio: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    value = np.exp(-4 * log(2) * ratio**2)
    return value, -8 * log(2) * ratio * value


def _lorentzian(ratio: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
    value = 1 / (1 + 4 * ratio**2)
    return value, -8 * ratio * value**2


def approximate_voigt(
    offset: NDArrayFloat, fwhm: NDArrayFloat, share: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    """`peak_profiles` of "voigt" within 1 % of the height, at a fifth of the cost: while peaks are sought.

    The sum of Thompson, Cox and Hastings, J. Appl. Cryst. 20, 79 (1987): the weight of the Lorentzian by area is
    1.36603 s - 0.47719 s^2 + 0.11116 s^3.
    """
    weight = share * (1.36603 - share * (0.47719 - 0.11116 * share))
    weight_slope = 1.36603 - share * (2 * 0.47719 - 3 * 0.11116 * share)
    tops = weight / pi + (1 - weight) * _ROOT / sqrt(pi)
    by_height = weight / pi / tops
    by_height_slope = weight_slope * _ROOT / sqrt(pi) / pi / tops**2
    ratio = offset / fwhm
    gauss, gauss_slope = _gaussian(ratio)
    lorentz, lorentz_slope = _lorentzian(ratio)
    slope = gauss_slope + by_height * (lorentz_slope - gauss_slope)
    difference = lorentz - gauss
    value = gauss + by_height * difference
    return value, slope / fwhm, -ratio * slope / fwhm, difference * by_height_slope


def _voigt(
    offset: NDArrayFloat, fwhm: NDArrayFloat, share: NDArrayFloat
) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    from scipy.special import erfcx, wofz

    g, square_slope = gaussian_part(share)
    y = _ROOT * share / g
    t = offset * (2 * _ROOT / (fwhm * g))
    z = t + 1j * y
    w = wofz(z)
    w_slope = 2j / sqrt(pi) - 2 * z * w
    top = erfcx(y)
    top_slope = 2 * y * top - 2 / sqrt(pi)
    value = w.real / top
    by_t = w_slope.real / top
    by_y = -(w_slope.imag + value * top_slope) / top
    g_slope = square_slope / (2 * g)
    y_slope = _ROOT * (g - share * g_slope) / g**2
    return value, by_t * (2 * _ROOT / (fwhm * g)), -t * by_t / fwhm, by_y * y_slope - t * by_t * (g_slope / g)


def peak_areas(shape: str, heights: NDArrayFloat, fwhm: NDArrayFloat, share: NDArrayFloat) -> NDArrayFloat:
    """Areas (k,) of peaks of these heights, FWHM and (for "voigt") Lorentzian shares."""
    if shape == "gaussian":
        return heights * fwhm * sqrt(pi) / (2 * _ROOT)
    if shape == "lorentzian":
        return heights * fwhm * pi / 2
    from scipy.special import erfcx

    g, _ = gaussian_part(share)
    return heights * fwhm * g * sqrt(pi) / (2 * _ROOT * erfcx(_ROOT * share / g))


class PeakModel:
    """A Chebyshev baseline and a sum of peaks of one shape on an axis, as a function of one vector.

    The vector holds ``degree + 1`` coefficients of the baseline, then position, height, FWHM and, for "voigt", the
    Lorentzian share of each peak. ``rough`` takes `approximate_voigt` for a Voigt profile.
    """

    def __init__(self, axis: NDArrayFloat, shape: str, degree: int, rough: bool = False) -> None:
        self.axis, self.shape, self.degree = axis, shape, degree
        self.rough = rough and shape == "voigt"
        self.per_peak = 4 if shape == "voigt" else 3
        self.background = np.polynomial.chebyshev.chebvander(2 * (axis - axis[0]) / np.ptp(axis) - 1, degree)

    def split(self, vector: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Coefficients (degree + 1,) of the baseline and parameters (k, 3 or 4) of the peaks."""
        first = self.degree + 1
        return vector[:first], vector[first:].reshape(-1, self.per_peak)

    def value_and_jacobian(self, vector: NDArrayFloat) -> tuple[NDArrayFloat, NDArrayFloat]:
        """Values (m,) and derivatives (m, n) of the model at the points of the axis."""
        coefficients, peaks = self.split(vector)
        position, height, fwhm = peaks[:, 0], peaks[:, 1], peaks[:, 2]
        share = peaks[:, 3] if self.per_peak == 4 else np.zeros(0)
        offset = self.axis[:, None] - position
        if self.rough:
            value, by_offset, by_width, by_share = approximate_voigt(offset, fwhm, share)
        else:
            value, by_offset, by_width, by_share = peak_profiles(self.shape, offset, fwhm, share)
        jacobian = np.empty((len(self.axis), len(vector)))
        first = self.degree + 1
        jacobian[:, :first] = self.background
        of_peaks = jacobian[:, first:].reshape(len(self.axis), -1, self.per_peak)
        of_peaks[..., 0] = -height * by_offset
        of_peaks[..., 1] = value
        of_peaks[..., 2] = height * by_width
        if by_share is not None:
            of_peaks[..., 3] = height * by_share
        return self.background @ coefficients + value @ height, jacobian
