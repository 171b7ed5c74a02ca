"""Complex refractive index of a sample from its absorption, and back, by the Kramers-Kronig relations.

Convention: N = n + i k with waves exp(i (2 pi nu N z - omega t)), so absorption has k > 0 and the napierian absorption
coefficient is alpha = 4 pi nu k. With nu' over the positive axis (V. Lucarini et al., Kramers-Kronig Relations in
Optical Materials Research, 2005, ch. 2):

    n(nu) - n_inf = (2/pi) P int nu' k(nu') / (nu'^2 - nu^2) dnu'
    k(nu) = -(2 nu/pi) P int (n(nu') - n_inf) / (nu'^2 - nu^2) dnu'

The integrals are exact for the piecewise linear function through the samples: the principal value is taken
analytically, so no point is left out and the axis may be uneven. What is left is the interpolation error, of second
order in step over width: for a damped Lorentz oscillator of FWHM w the largest error of either function, relative to
its largest value, is 0.04 at a step of w/5, 0.01 at w/10, 0.0025 at w/20 and 0.0004 at w/50 (tested). Beyond the
samples the asymptotic behaviour of a damped oscillator is continued from the end points: k proportional to nu down to
0 and to nu^-3 upwards; n constant downwards, n - n_inf proportional to nu^-2 upwards. A spectrum that is cut inside a
band or has a baseline gives what that assumes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING, Any

import numpy as np

from ..constants import AVOGADRO_PER_MOL
from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat
from .spectrum import Spectrum, checked_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ComplexRefractiveIndex", "absorption_index_from_dispersion", "dispersion_from_absorption_index"]

_CHUNK_ENTRIES = 2**20


def dispersion_from_absorption_index(axis_cm1: Any, k: Any) -> NDArrayFloat:
    """Refractive-index change n - n_inf (m,) from the absorption index k (m,) on an ascending axis in 1/cm.

    Time O(m^2), memory bounded.

    Examples
    --------
    >>> axis = np.linspace(800, 1200, 401)
    >>> change = dispersion_from_absorption_index(axis, 0.1 / (1 + ((axis - 1000) / 5) ** 2))
    >>> bool(change[150] > 0 > change[250])  # n rises towards a band and is low behind it
    True
    """
    axis, values = _samples(axis_cm1, k)
    return _transform(axis, values, at_zero=0.0, sign=1.0) / pi


def absorption_index_from_dispersion(axis_cm1: Any, n_minus_n_inf: Any) -> NDArrayFloat:
    """Absorption index k (m,) from n - n_inf (m,) on an ascending axis in 1/cm. Time O(m^2), memory bounded.

    The integral runs over all wavenumbers, so the axis has to reach far beyond the bands on both sides: n - n_inf falls
    off as 1/nu^2 only, and below the samples it is taken to be constant.
    """
    axis, values = _samples(axis_cm1, n_minus_n_inf)
    return -_transform(axis, values, at_zero=float(values[0]), sign=-1.0) / pi


def _samples(axis_cm1: Any, values: Any) -> tuple[NDArrayFloat, NDArrayFloat]:
    axis = checked_axis(axis_cm1)
    samples = np.asarray(values, dtype=float)
    if samples.shape != axis.shape or not np.isfinite(samples).all():
        raise SpectrumError(
            f"Kramers-Kronig: {samples.shape} samples on an axis {axis.shape}; one finite number a point is needed."
        )
    if axis[0] < 0:
        raise SpectrumError(f"Kramers-Kronig: the axis starts at {axis[0]:g} 1/cm; 0 or more is needed.")
    return axis, samples


def _transform(axis: NDArrayFloat, values: NDArrayFloat, at_zero: float, sign: float) -> NDArrayFloat:
    """P int_0^inf f(x) [1/(x - nu) + sign/(x + nu)] dx at every point nu of the axis.

    By parts on [0, X]: f(X) [ln|X - nu| + sign ln(X + nu)] - sum of slopes times differences of F(x - nu) +
    sign F(x + nu), F(u) = u ln|u| - u, which is finite everywhere. F is taken once a point, with the change of the
    slope there. The tail is f(X) (X/x)^p, p = 3 for sign + (k) and 2 for sign - (n).
    """
    nodes, f = (axis, values) if axis[0] == 0 else (np.append(0.0, axis), np.append(at_zero, values))
    slopes = np.diff(f) / np.diff(nodes)
    bends = np.diff(slopes, prepend=0.0, append=0.0)
    total = np.empty(len(axis))
    rows = max(1, _CHUNK_ENTRIES // len(nodes))
    for start in range(0, len(axis), rows):
        nu = axis[start : start + rows, None]
        total[start : start + rows] = _primitive(nodes - nu) @ bends + sign * (_primitive(nodes + nu) @ bends)
    end = nodes[-1]
    ratio = axis / end
    distance = np.where(axis == end, 1.0, end - axis)  # the logarithm has the factor 0 at the end point
    edge = np.log(distance) + sign * np.log(end + axis)
    power = 1 if sign < 0 else 0
    return total + f[-1] * (edge + 2 * ratio**power * _tail(ratio, end, distance))


def _primitive(u: NDArrayFloat) -> NDArrayFloat:
    """F(u) = u ln|u| - u, 0 at 0."""
    return u * (np.log(np.abs(np.where(u == 0, 1.0, u))) - 1)


def _tail(ratio: NDArrayFloat, end: float, distance: NDArrayFloat) -> NDArrayFloat:
    """X^3 int_X^inf dx / (x^2 (x^2 - nu^2)) = (artanh r - r) / r^3 at r = nu/X <= 1."""
    small = ratio < 0.2
    series = sum(np.where(small, ratio, 0.0) ** (2 * m) / (2 * m + 3) for m in range(12))
    r = np.where(small, 1.0, ratio)
    artanh = 0.5 * (np.log(end * (1 + r)) - np.log(distance))
    return np.where(small, series, (artanh - r) / r**3)


@dataclass(frozen=True, eq=False, repr=False)
class ComplexRefractiveIndex:
    """N = n + i k of a sample over the wavenumber.

    Attributes
    ----------
    axis_cm1 : ndarray (m,)
        Ascending.
    n : ndarray (m,)
        Refractive index.
    k : ndarray (m,)
        Absorption index, positive where the sample absorbs.
    n_inf : float
        Refractive index far above the vibrations (below the electronic transitions), e.g. n_D.
    concentration_mol_per_l : float or None
        Of the absorbing molecules, where the index came from a molar spectrum.
    simulated : bool
    source, name : str
    """

    axis_cm1: NDArrayFloat
    n: NDArrayFloat
    k: NDArrayFloat
    n_inf: float = 1.0
    concentration_mol_per_l: float | None = None
    simulated: bool = False
    source: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        for column in ("n", "k"):
            axis, samples = _samples(self.axis_cm1, getattr(self, column))
            samples = samples.copy()
            samples.setflags(write=False)
            object.__setattr__(self, column, samples)
            object.__setattr__(self, "axis_cm1", axis)
        if not (np.isfinite(self.n_inf) and self.n_inf > 0):
            raise SpectrumError(f"ComplexRefractiveIndex: n_inf = {self.n_inf}; a positive number is needed.")

    def __repr__(self) -> str:
        return (
            f"ComplexRefractiveIndex({self.name or 'unnamed'}, {len(self.axis_cm1)} points, {self.axis_cm1[0]:g} to "
            f"{self.axis_cm1[-1]:g} cm-1, n_inf = {self.n_inf:g}, {self.source or 'source not stated'})"
        )

    @classmethod
    def from_absorption(
        cls,
        spectrum: Spectrum,
        *,
        n_inf: float = 1.0,
        concentration_mol_per_l: float | None = None,
        number_density_per_cm3: float | None = None,
    ) -> "ComplexRefractiveIndex":
        """The index of a sample with a molar absorption spectrum ("ir", in 1/cm) and a density of molecules.

        k = ln(10) eps c / (4 pi nu). Give the concentration in mol/L or the number density in molecules per cm^3.
        Local fields and dipole-dipole shifts of a condensed phase are not in it.

        Raises
        ------
        SpectrumError
            Another quantity or axis unit, an axis that does not start above 0, not exactly one density.

        Examples
        --------
        >>> from symvib.forward.lines import LineList
        >>> from symvib.forward.spectrum import render
        >>> band = render(LineList([1000.0], [100.0]), np.linspace(500, 1500, 1001))
        >>> index = ComplexRefractiveIndex.from_absorption(band, n_inf=1.4, concentration_mol_per_l=10.0)
        >>> round(float(index.k.max()), 4), round(float(index.n.min()), 3), round(float(index.n.max()), 3)
        (0.0507, 1.373, 1.424)
        """
        if spectrum.quantity != "ir" or spectrum.axis_unit != "cm-1" or spectrum.axis[0] <= 0:
            raise SpectrumError(
                f"ComplexRefractiveIndex.from_absorption({spectrum!r}): a molar absorption spectrum ('ir') over "
                "positive wavenumbers in 1/cm is needed; Spectrum.to_molar_absorption makes one of an absorbance."
            )
        concentration = _concentration(concentration_mol_per_l, number_density_per_cm3)
        k = log(10) * concentration * spectrum.intensity / (4 * pi * spectrum.axis)
        n = n_inf + dispersion_from_absorption_index(spectrum.axis, k)
        return cls(spectrum.axis, n, k, n_inf, concentration, spectrum.simulated, spectrum.source, spectrum.name)

    @classmethod
    def from_dispersion(
        cls, axis_cm1: Any, n: Any, *, n_inf: float, source: str = "", name: str = "", simulated: bool = False
    ) -> "ComplexRefractiveIndex":
        """The index of a sample from its refractive index n (m,) alone; see `absorption_index_from_dispersion`."""
        k = absorption_index_from_dispersion(axis_cm1, np.asarray(n, dtype=float) - n_inf)
        return cls(axis_cm1, n, k, n_inf, None, simulated, source, name)

    @property
    def permittivity(self) -> np.ndarray:
        """Relative permittivity (n + i k)^2, complex (m,)."""
        return (self.n + 1j * self.k) ** 2

    @property
    def absorption_per_cm(self) -> NDArrayFloat:
        """Napierian absorption coefficient 4 pi nu k (m,), 1/cm."""
        return 4 * pi * self.axis_cm1 * self.k

    @property
    def reflectance(self) -> NDArrayFloat:
        """Reflectance (m,) of a flat surface in vacuum at normal incidence, |(N - 1)/(N + 1)|^2."""
        return ((self.n - 1) ** 2 + self.k**2) / ((self.n + 1) ** 2 + self.k**2)

    def to_spectrum(self, concentration_mol_per_l: float | None = None) -> Spectrum:
        """The molar absorption spectrum at a concentration (that of the input if not given)."""
        concentration = concentration_mol_per_l or self.concentration_mol_per_l
        eps = self.absorption_per_cm / (log(10) * _concentration(concentration, None))
        return Spectrum(self.axis_cm1, eps, "ir", simulated=self.simulated, source=self.source, name=self.name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them back."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "axis_cm1": self.axis_cm1.tolist(), "n": self.n.tolist(), "k": self.k.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ComplexRefractiveIndex":
        """The index that `as_dict` wrote."""
        unknown = sorted(set(values) - set(cls.__dataclass_fields__))
        if unknown or not {"axis_cm1", "n", "k"} <= set(values):
            raise SpectrumError(f"ComplexRefractiveIndex.from_dict: axis_cm1, n, k are needed; not {unknown}.")
        return cls(**values)

    def _repr_html_(self) -> str:
        from html import escape

        from ..groups.report_figures import figure_data_uri

        picture = figure_data_uri(self.plot(), "index")
        return f'<p>{escape(repr(self))}</p><img alt="{escape(repr(self))}" src="{picture}">'

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with n - n_inf and k over the wavenumber, high wavenumbers on the left."""
        from .spectrum_plot import plot_refractive_index

        return plot_refractive_index(self, ax)


def _concentration(concentration_mol_per_l: float | None, number_density_per_cm3: float | None) -> float:
    """Concentration in mol/L from the one of the two that is given."""
    if (concentration_mol_per_l is None) == (number_density_per_cm3 is None):
        raise SpectrumError(
            f"Kramers-Kronig: concentration_mol_per_l = {concentration_mol_per_l} and number_density_per_cm3 = "
            f"{number_density_per_cm3}; give one of them."
        )
    if number_density_per_cm3 is not None:
        value = number_density_per_cm3 * 1000 / AVOGADRO_PER_MOL
    else:
        value = float(concentration_mol_per_l or 0.0)
    if not (np.isfinite(value) and value > 0):
        raise SpectrumError(f"Kramers-Kronig: a concentration of {value} mol/L; a positive number is needed.")
    return value
