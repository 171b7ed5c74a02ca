"""Spectra on an axis: rendered from line lists, converted between absorption quantities and axis units."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat
from .beer_lambert import (
    absorbance_to_transmittance,
    column_density,
    molar_absorption_integral,
    transmittance_to_absorbance,
)
from .line_shapes import line_shape
from .lines import LineList

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "QUANTITY_UNITS",
    "Spectrum",
    "line_cross_sections",
    "render",
]

QUANTITY_UNITS = {
    "ir": "L mol^-1 cm^-1",  # molar decadic absorption coefficient
    "raman": "A^4/u per cm^-1",  # Raman activity per wavenumber
    "raman_cross_section": "m^2/sr per cm^-1",  # differential cross-section per molecule and wavenumber
    "absorbance": "1",  # decadic
    "transmittance": "1",  # 0 to 1
    "relative": "1",  # no scale: measured in arbitrary units, or normalised
}
_AXIS_UNITS = ("cm-1", "um", "nm")
_PER_CM = {"um": 1e4, "nm": 1e7}
_CHUNK_ENTRIES = 2**20  # of the (lines, points) matrix held at once: 8 MiB


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Intensities on an ascending axis.

    Attributes
    ----------
    axis : ndarray (n,)
        Strictly ascending, at least two points, not necessarily evenly spaced.
    intensity : ndarray (n,)
    quantity : str
        A key of `QUANTITY_UNITS`: "ir" (molar decadic absorption coefficient), "raman", "raman_cross_section",
        "absorbance", "transmittance" or "relative".
    axis_unit : str
        "cm-1" (for Raman: the shift), "um" or "nm".
    shape : str
        Line shape, "" for a measured spectrum.
    fwhm_cm1 : float, pair of float or None
        Full width at half maximum; for "voigt" the Gaussian and the Lorentzian one.
    simulated : bool
    source, name : str

    Raises
    ------
    SpectrumError
        Axis not ascending, lengths that differ, NaN, unknown quantity or axis unit.
    """

    axis: NDArrayFloat
    intensity: NDArrayFloat
    quantity: str = "relative"
    axis_unit: str = "cm-1"
    shape: str = ""
    fwhm_cm1: float | tuple[float, float] | None = None
    simulated: bool = False
    source: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITY_UNITS:
            raise SpectrumError(f"Spectrum: quantity {self.quantity!r} is none of {', '.join(QUANTITY_UNITS)}.")
        if self.axis_unit not in _AXIS_UNITS:
            raise SpectrumError(f"Spectrum: axis_unit {self.axis_unit!r} is none of {', '.join(_AXIS_UNITS)}.")
        axis = checked_axis(self.axis)
        intensity = np.array(self.intensity, dtype=float)
        if intensity.shape != axis.shape:
            raise SpectrumError(f"Spectrum: intensity has shape {intensity.shape}, the axis {axis.shape}.")
        if not np.isfinite(intensity).all():
            bad = int(np.flatnonzero(~np.isfinite(intensity))[0])
            raise SpectrumError(f"Spectrum: intensity is {intensity[bad]} at {axis[bad]:g} {self.axis_unit}.")
        intensity.setflags(write=False)
        object.__setattr__(self, "axis", axis)
        object.__setattr__(self, "intensity", intensity)
        if isinstance(self.fwhm_cm1, list):
            object.__setattr__(self, "fwhm_cm1", tuple(self.fwhm_cm1))

    def __len__(self) -> int:
        return len(self.axis)

    def __repr__(self) -> str:
        return (
            f"Spectrum({self.name or 'unnamed'}, {self.quantity}, {len(self)} points, "
            f"{self.axis[0]:g} to {self.axis[-1]:g} {self.axis_unit}, {self.source or 'source not stated'})"
        )

    @property
    def unit(self) -> str:
        """Unit of the intensity."""
        return QUANTITY_UNITS[self.quantity]

    # ------------------------------------------------------------------------------- absorption (Beer-Lambert)

    def absorbance(self, concentration_mol_per_l: float, path_cm: float) -> "Spectrum":
        """Decadic absorbance A = eps c l of an "ir" spectrum, at a concentration (mol/L) and a path length (cm).

        Examples
        --------
        >>> band = render(LineList([1000.0], [50.0]), np.linspace(900, 1100, 201))
        >>> thin = band.absorbance(0.1, 0.01)
        >>> thin.quantity, round(float(thin.intensity.max()), 4)
        ('absorbance', 0.1382)
        """
        self._require("ir", "absorbance")
        column = column_density(concentration_mol_per_l, path_cm)
        return replace(self, intensity=self.intensity * column, quantity="absorbance")

    def transmittance(self, concentration_mol_per_l: float, path_cm: float) -> "Spectrum":
        """Transmittance 10^(-eps c l), 0 to 1, of an "ir" spectrum at a concentration (mol/L) and a path (cm)."""
        return self.absorbance(concentration_mol_per_l, path_cm).to_transmittance()

    def to_transmittance(self) -> "Spectrum":
        """The transmittance (0 to 1) of an absorbance."""
        self._require("absorbance", "to_transmittance")
        return replace(self, intensity=absorbance_to_transmittance(self.intensity), quantity="transmittance")

    def to_absorbance(self) -> "Spectrum":
        """The decadic absorbance of a transmittance; SpectrumError where it is 0 or below."""
        self._require("transmittance", "to_absorbance")
        return replace(self, intensity=transmittance_to_absorbance(self.intensity), quantity="absorbance")

    def to_molar_absorption(self, concentration_mol_per_l: float, path_cm: float) -> "Spectrum":
        """The molar decadic absorption coefficient ("ir") of an absorbance at a concentration and a path length."""
        self._require("absorbance", "to_molar_absorption")
        column = column_density(concentration_mol_per_l, path_cm)
        return replace(self, intensity=self.intensity / column, quantity="ir")

    def _require(self, quantity: str, call: str) -> None:
        if self.quantity != quantity:
            raise SpectrumError(f"Spectrum.{call}: {self!r} holds {self.quantity!r}; {quantity!r} is needed.")

    # --------------------------------------------------------------------------------------------------- the axis

    def to_axis_unit(self, unit: str) -> "Spectrum":
        """The same values over wavenumber ("cm-1") or vacuum wavelength ("um", "nm"), ascending again.

        Only for quantities that have a value at a point (absorption, transmittance); a Raman shift is a difference
        of wavenumbers and has no wavelength.

        Examples
        --------
        >>> Spectrum([1000.0, 2000.0], [0.1, 0.2]).to_axis_unit("um").axis.tolist()
        [5.0, 10.0]
        """
        if unit not in _AXIS_UNITS:
            raise SpectrumError(f"Spectrum.to_axis_unit({unit!r}): the units are {', '.join(_AXIS_UNITS)}.")
        if unit == self.axis_unit:
            return self
        if self.quantity.startswith("raman"):
            raise SpectrumError(
                f"Spectrum.to_axis_unit({unit!r}): {self!r} is over the Raman shift, a difference, per cm-1; it has no "
                "wavelength axis."
            )
        if self.axis[0] <= 0:
            raise SpectrumError(f"Spectrum.to_axis_unit({unit!r}): the axis starts at {self.axis[0]}, not above 0.")
        wavenumbers = self.axis if self.axis_unit == "cm-1" else _PER_CM[self.axis_unit] / self.axis
        axis = wavenumbers if unit == "cm-1" else _PER_CM[unit] / wavenumbers
        # One reciprocal turns the order round, two (um to nm) do not.
        turned = axis[0] > axis[-1]
        return replace(
            self,
            axis=axis[::-1] if turned else axis,
            intensity=self.intensity[::-1] if turned else self.intensity,
            axis_unit=unit,
        )

    def on_axis(self, axis: Any, method: str = "linear") -> "Spectrum":
        """The spectrum interpolated to another ascending axis (same unit) inside its range.

        ``method`` is "linear" or "pchip" (monotone cubic: no overshoot beside sharp lines).

        Raises
        ------
        SpectrumError
            The axis reaches beyond the spectrum: nothing is extrapolated.
        """
        points = checked_axis(axis)
        if points[0] < self.axis[0] or points[-1] > self.axis[-1]:
            raise SpectrumError(
                f"Spectrum.on_axis: {points[0]:g} to {points[-1]:g} reaches beyond {self!r}; nothing is extrapolated."
            )
        if method == "linear":
            values = np.interp(points, self.axis, self.intensity)
        elif method == "pchip":
            from scipy.interpolate import PchipInterpolator

            values = PchipInterpolator(self.axis, self.intensity)(points)
        else:
            raise SpectrumError(f"Spectrum.on_axis: method {method!r}; the methods are 'linear' and 'pchip'.")
        return replace(self, axis=points, intensity=values)

    def integrate(self, lowest: float | None = None, highest: float | None = None) -> float:
        """Integral of the intensity over the axis from ``lowest`` to ``highest`` (its ends if not given).

        Trapezoidal, exact for the piecewise linear function through the points; limits between points are allowed.

        Examples
        --------
        >>> Spectrum([0.0, 1.0, 3.0], [0.0, 1.0, 1.0]).integrate(0.5, 2.0)
        1.375
        """
        first = float(self.axis[0] if lowest is None else lowest)
        last = float(self.axis[-1] if highest is None else highest)
        if not self.axis[0] <= first < last <= self.axis[-1]:
            raise SpectrumError(
                f"Spectrum.integrate({lowest}, {highest}): the limits must ascend inside {self.axis[0]:g} to "
                f"{self.axis[-1]:g} {self.axis_unit}."
            )
        inner = (self.axis > first) & (self.axis < last)
        points = np.concatenate([[first], self.axis[inner], [last]])
        values = np.interp(points, self.axis, self.intensity)
        return float(np.diff(points) @ (values[1:] + values[:-1])) / 2

    def normalized(self) -> "Spectrum":
        """The spectrum divided by its largest value, as "relative"; SpectrumError where nothing is above zero."""
        largest = float(self.intensity.max())
        if not largest > 0:
            raise SpectrumError(f"Spectrum.normalized: the largest value of {self!r} is {largest}.")
        return replace(self, intensity=self.intensity / largest, quantity="relative")

    # ------------------------------------------------------------------------------------------ storage and view

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them back."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fwhm = list(self.fwhm_cm1) if isinstance(self.fwhm_cm1, tuple) else self.fwhm_cm1
        arrays = {"axis": self.axis.tolist(), "intensity": self.intensity.tolist()}
        return {**values, **arrays, "fwhm_cm1": fwhm, "unit": self.unit}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Spectrum":
        """The spectrum that `as_dict` wrote."""
        given = {key: value for key, value in values.items() if key != "unit"}
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        if unknown or not {"axis", "intensity"} <= set(given):
            raise SpectrumError(f"Spectrum.from_dict: 'axis' and 'intensity' are needed; {unknown} mean nothing.")
        return cls(**given)

    def _repr_html_(self) -> str:
        from html import escape

        from ..groups.report_figures import figure_data_uri

        picture = figure_data_uri(self.plot(), "spectrum")
        return f'<p>{escape(repr(self))}</p><img alt="{escape(repr(self))}" src="{picture}">'

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the spectrum; wavenumbers fall from left to right for absorption."""
        from .spectrum_plot import plot_spectrum

        return plot_spectrum(self, ax)


def checked_axis(axis: Any) -> NDArrayFloat:
    """A read-only copy of a strictly ascending axis of at least two points; SpectrumError for any other."""
    try:
        values = np.array(axis, dtype=float)
    except (TypeError, ValueError) as error:
        raise SpectrumError(f"the axis cannot be read as numbers: {error}.") from error
    if values.ndim != 1 or len(values) < 2:
        raise SpectrumError(f"the axis has shape {values.shape}; one dimension and two points or more are needed.")
    if not np.isfinite(values).all():
        raise SpectrumError(f"the axis holds {values[~np.isfinite(values)][0]}.")
    steps = np.diff(values)
    if not (steps > 0).all():
        at = int(np.flatnonzero(steps <= 0)[0])
        advice = " Give axis[::-1]." if (steps < 0).all() else ""
        raise SpectrumError(
            f"the axis must ascend strictly, but point {at} is {values[at]:g} and point {at + 1} {values[at + 1]:g}."
            + advice
        )
    values.setflags(write=False)
    return values


def render(
    lines: LineList,
    axis_cm1: Any,
    shape: str = "lorentzian",
    fwhm_cm1: float | tuple[float, float] = 10.0,
    quantity: str = "ir",
    *,
    lorentzian_share: float = 0.5,
    laser_nm: float | None = None,
    temperature_k: float = 298.15,
) -> Spectrum:
    """Spectrum of a line list on an axis in 1/cm: the sum over lines of area times a unit-area shape.

    Values are those of the continuous function at the points of the axis (no binning), so an axis much coarser than
    the width misses lines. Imaginary (negative) and zero wavenumbers are left out. Time O(lines x points); memory is
    bounded by working through the axis in pieces of 2^20 entries of that matrix.

    Parameters
    ----------
    lines : LineList
    axis_cm1 : array (n,)
        Strictly ascending, evenly spaced or not.
    shape : str
        "gaussian", "lorentzian", "voigt" or "pseudo_voigt".
    fwhm_cm1 : float or pair of float
        Full width at half maximum; for "voigt" the pair (Gaussian, Lorentzian).
    quantity : str
        "ir": molar decadic absorption coefficient, L mol^-1 cm^-1, whose integral over a band is
        `molar_absorption_integral`. "raman": activity per wavenumber, A^4/u per cm^-1. "raman_cross_section":
        differential Stokes cross-section at ``laser_nm`` and ``temperature_k``, m^2/sr per cm^-1
        (`intensities.raman_cross_sections`).
    lorentzian_share : float
        Of a "pseudo_voigt", 0 to 1.

    Raises
    ------
    SpectrumError
        Axis not ascending, NaN, width not positive, unknown shape or quantity, intensities that the list lacks.

    Examples
    --------
    >>> water = LineList([1595.0, 3657.0, 3756.0], ir_km_per_mol=[54.0, 2.2, 45.0])
    >>> spectrum = render(water, np.linspace(1000, 4500, 3501), "gaussian", 20.0)
    >>> round(spectrum.integrate(), 1), round(float(molar_absorption_integral(101.2)), 1)
    (4395.1, 4395.1)
    """
    axis = checked_axis(axis_cm1)
    profile = line_shape(shape, fwhm_cm1, lorentzian_share)
    areas = _areas(lines, quantity, laser_nm, temperature_k)
    shown = (lines.wavenumbers_cm1 > 0) & (areas > 0)
    centres, areas = lines.wavenumbers_cm1[shown], areas[shown]
    intensity = np.zeros(len(axis))
    step = max(1, _CHUNK_ENTRIES // max(1, len(centres)))
    for start in range(0, len(axis) if len(centres) else 0, step):
        piece = slice(start, start + step)
        intensity[piece] = areas @ profile(axis[piece] - centres[:, None])
    widths = np.atleast_1d(np.asarray(fwhm_cm1, dtype=float)).tolist()
    light = f", laser {laser_nm:g} nm, {temperature_k:g} K" if quantity == "raman_cross_section" else ""
    return Spectrum(
        axis,
        intensity,
        quantity,
        shape=shape,
        fwhm_cm1=widths[0] if len(widths) == 1 else (widths[0], widths[1]),
        simulated=lines.simulated,
        source=lines.source + light,
        name=lines.name,
    )


def _areas(lines: LineList, quantity: str, laser_nm: float | None, temperature_k: float) -> NDArrayFloat:
    """Integral of each line (n,); zero where the quantity is not defined (lines that are not rendered)."""
    if quantity == "ir":
        return molar_absorption_integral(lines.intensities("ir"))
    if quantity == "raman":
        return lines.intensities("raman")
    if quantity == "raman_cross_section":
        return line_cross_sections(lines, laser_nm, temperature_k)
    raise SpectrumError(f"render: quantity {quantity!r}; the quantities are 'ir', 'raman', 'raman_cross_section'.")


def line_cross_sections(lines: LineList, laser_nm: float | None, temperature_k: float = 298.15) -> NDArrayFloat:
    """Differential Stokes cross-sections (n,) of a line list in m^2/sr; 0 for imaginary lines and above the laser.

    Both polarizations of the scattered light together, see `intensities.raman_cross_sections`.

    Raises
    ------
    SpectrumError
        No Raman activities in the list, no laser line, or a laser or temperature out of range.

    Examples
    --------
    >>> nitrogen = LineList([2330.0], raman_a4_per_amu=[45 * 0.55**2 + 7 * 0.95**2])
    >>> bool(4e-35 < line_cross_sections(nitrogen, 488.0)[0] < 7e-35)
    True
    """
    from .intensities import raman_cross_sections

    # Both polarizations: only the activity 45 a'^2 + 7 gamma'^2 matters, so take all of it as a'.
    mean = np.sqrt(lines.intensities("raman") / 45)
    sections = raman_cross_sections(
        lines.wavenumbers_cm1, mean, np.zeros_like(mean), laser_nm=laser_nm, temperature_k=temperature_k
    )
    return sections.filled(0.0)
