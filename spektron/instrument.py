"""Virtual spectrometers: simulated, seeded, with everything known that a real one does to a spectrum.

What an instrument does, in this order, to the rendered lines of a molecule (`measure`): error of the axis (shift and
slow warp), line width (its resolution and the sample's own width), response, the maximum set to 1; infrared:
absorbance at a random peak height flattened by stray light; then stray light as an offset (Raman), baseline, noise, and
a random gain. The numbers of an instrument follow from its seed, its modality and the settings; those of one
measurement come from the generator given to `measure`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import SpectrumError
from .rendering import MODALITIES, LineBatch, checked_tensor_axis, cosine_series, render_batch, scaled_to_one

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["InstrumentSettings", "InstrumentTable", "VirtualInstrument", "measure"]

RESPONSE_TERMS, WARP_TERMS, BASELINE_TERMS = 4, 3, 5  # baseline: polynomial of degree 4
_DISTORTIONS = ("shift_cm1", "warp_cm1", "response", "baseline", "noise", "stray_light")
_TERMS = {
    "warp_cm1": WARP_TERMS,
    "log_response": RESPONSE_TERMS,
    "baseline": BASELINE_TERMS,
    "lorentzian_range_cm1": 2,
    "peak_absorbance": 2,
    "gain": 2,
}
_NOT_NEGATIVE = ("gaussian_fwhm_cm1", "lorentzian_range_cm1", "baseline_jitter", "noise", "stray_light")
_PER_MODALITY = {name: k for k, name in enumerate(MODALITIES)}


@dataclass(frozen=True)
class InstrumentSettings:
    """Ranges from which the numbers of a `VirtualInstrument` are drawn, evenly unless said otherwise.

    Attributes
    ----------
    resolution_cm1 : pair of float
        Gaussian FWHM of the instrument (drawn evenly in its logarithm).
    sample_width_cm1 : pair of float
        Lorentzian FWHM of the sample's lines, drawn anew for each measurement.
    shift_cm1, warp_cm1 : float
        Largest error of the axis, as a whole and slowly varying.
    response : float
        Largest relative deviation of the response from 1, up or down (0.3: from 1/1.3 to 1.3).
    baseline : pair of float
        Span of the mean baseline as a share of the maximum.
    baseline_jitter : float
        Standard deviation of the baseline from measurement to measurement, as a share of its span.
    noise : pair of float
        Standard deviation of the noise as a share of the maximum (drawn evenly in its logarithm).
    stray_light : pair of float
        Infrared: share of the light that never passed the sample. Raman: offset as a share of the maximum.
    peak_absorbance : pair of float
        Infrared: absorbance of the strongest band, drawn anew for each measurement.
    gain : pair of float
        Factor on the whole spectrum, drawn anew for each measurement (evenly in its logarithm).

    Raises
    ------
    SpectrumError
        A range that descends, or a number that makes no sense for what it is.
    """

    resolution_cm1: tuple[float, float] = (4.0, 20.0)
    sample_width_cm1: tuple[float, float] = (3.0, 10.0)
    shift_cm1: float = 5.0
    warp_cm1: float = 2.0
    response: float = 0.3
    baseline: tuple[float, float] = (0.0, 0.2)
    baseline_jitter: float = 0.3
    noise: tuple[float, float] = (0.003, 0.03)
    stray_light: tuple[float, float] = (0.0, 0.03)
    peak_absorbance: tuple[float, float] = (0.3, 1.2)
    gain: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            numbers = np.atleast_1d(np.asarray(value, dtype=float))
            pair = isinstance(field.default, tuple)
            if numbers.shape != ((2,) if pair else (1,)) or not np.isfinite(numbers).all() or (numbers < 0).any():
                needed = "a pair of numbers" if pair else "a number"
                raise SpectrumError(f"InstrumentSettings: {field.name} = {value!r}; {needed}, 0 or more, is needed.")
            if pair and numbers[0] > numbers[1]:
                raise SpectrumError(f"InstrumentSettings: {field.name} = {value!r} descends.")
            object.__setattr__(self, field.name, tuple(numbers.tolist()) if pair else float(numbers[0]))
        for name in ("resolution_cm1", "peak_absorbance", "gain"):
            if not getattr(self, name)[0] > 0:
                raise SpectrumError(f"InstrumentSettings: {name} = {getattr(self, name)}; it must be above 0.")
        if self.stray_light[1] >= 1:
            raise SpectrumError(f"InstrumentSettings: stray_light = {self.stray_light}; a share is below 1.")

    def scaled(self, difficulty: float) -> "InstrumentSettings":
        """The settings with all that distorts times ``difficulty``: 0 a perfect instrument, 1 the same, 2 twice as bad.

        Widths, peak absorbance and gain stay: they change no information beyond resolution.

        Examples
        --------
        >>> InstrumentSettings().scaled(0.5).noise
        (0.0015, 0.015)
        """
        if not 0 <= difficulty < float("inf"):
            raise SpectrumError(f"InstrumentSettings.scaled({difficulty}): a factor of 0 or more is needed.")

        def times(value: Any) -> Any:
            return tuple(difficulty * v for v in value) if isinstance(value, tuple) else difficulty * value

        return replace(self, **{name: times(getattr(self, name)) for name in _DISTORTIONS})

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``InstrumentSettings(**values)`` makes them again."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class VirtualInstrument:
    """A simulated spectrometer for one modality.

    Attributes
    ----------
    seed : int
    modality : str
        "ir" or "raman".
    gaussian_fwhm_cm1 : float
        Resolution.
    lorentzian_range_cm1, peak_absorbance, gain : pair of float
        Ranges of what is drawn for each measurement.
    shift_cm1 : float
    warp_cm1 : tuple of float (3,)
        Of a `rendering.cosine_series` over the axis, added to the wavenumbers.
    log_response : tuple of float (4,)
        Of a cosine series: the response is its exponential.
    baseline : tuple of float (5,)
        Chebyshev coefficients T_0 ... T_4 over the axis, in shares of the maximum; the mean over measurements.
    baseline_jitter : float
        Standard deviation of each coefficient from measurement to measurement.
    noise, stray_light : float

    Examples
    --------
    >>> VirtualInstrument.of_seed(7, "ir") == VirtualInstrument.of_seed(7, "ir")
    True
    >>> VirtualInstrument.of_seed(7, "ir").shift_cm1 == VirtualInstrument.of_seed(7, "raman").shift_cm1
    False
    """

    seed: int
    modality: str
    gaussian_fwhm_cm1: float
    lorentzian_range_cm1: tuple[float, float]
    shift_cm1: float
    warp_cm1: tuple[float, ...]
    log_response: tuple[float, ...]
    baseline: tuple[float, ...]
    baseline_jitter: float
    noise: float
    stray_light: float
    peak_absorbance: tuple[float, float]
    gain: tuple[float, float]

    def __post_init__(self) -> None:
        if self.modality not in _PER_MODALITY:
            raise SpectrumError(f"VirtualInstrument: modality {self.modality!r} is none of {MODALITIES}.")
        for name, terms in _TERMS.items():
            values = np.asarray(getattr(self, name), dtype=float)
            if values.shape != (terms,) or not np.isfinite(values).all():
                raise SpectrumError(f"VirtualInstrument: {name} = {getattr(self, name)}; {terms} numbers are needed.")
        for name in _NOT_NEGATIVE:
            values = np.asarray(getattr(self, name), dtype=float)
            if not (np.isfinite(values).all() and (values >= 0).all()):
                raise SpectrumError(f"VirtualInstrument: {name} = {getattr(self, name)}; it must be 0 or more.")

    @classmethod
    def of_seed(cls, seed: int, modality: str, settings: InstrumentSettings | None = None) -> "VirtualInstrument":
        """The instrument of a seed (0 or more); SpectrumError for an unknown modality or a negative seed."""
        if modality not in _PER_MODALITY or seed < 0:
            raise SpectrumError(
                f"VirtualInstrument.of_seed({seed}, {modality!r}): a seed of 0 or more and one of {MODALITIES} are "
                "needed."
            )
        ranges = settings or InstrumentSettings()
        rng = np.random.default_rng([int(seed), _PER_MODALITY[modality]])
        resolution = _log_uniform(rng, ranges.resolution_cm1)
        shift = rng.uniform(-1, 1) * ranges.shift_cm1
        warp = _series(rng, WARP_TERMS, ranges.warp_cm1 * rng.uniform())
        response = _series(rng, RESPONSE_TERMS, log(1 + ranges.response) * rng.uniform(0.3, 1.0))
        span = rng.uniform(*ranges.baseline)
        return cls(
            seed=int(seed),
            modality=modality,
            gaussian_fwhm_cm1=resolution,
            lorentzian_range_cm1=ranges.sample_width_cm1,
            shift_cm1=float(shift),
            warp_cm1=warp,
            log_response=response,
            baseline=_baseline(rng, span),
            baseline_jitter=float(span * ranges.baseline_jitter / BASELINE_TERMS**0.5),
            noise=_log_uniform(rng, ranges.noise),
            stray_light=float(rng.uniform(*ranges.stray_light)),
            peak_absorbance=ranges.peak_absorbance,
            gain=ranges.gain,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``simulated`` says what it is."""
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {"simulated": True, **values}

    def _repr_html_(self) -> str:
        from ._instrument_plot import instrument_html

        return instrument_html(self)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the response, the mean baseline and the error of the axis over 400 to 4000 1/cm."""
        from ._instrument_plot import plot_instrument

        return plot_instrument(self, ax)


@dataclass(frozen=True, eq=False)
class InstrumentTable:
    """Instruments as stacked tensors (K, M, ...): K of each of M modalities, picked without a loop.

    The attributes are those of `VirtualInstrument`, one more axis for the pairs and series.
    """

    modalities: tuple[str, ...]
    gaussian_fwhm_cm1: Tensor
    lorentzian_range_cm1: Tensor
    shift_cm1: Tensor
    warp_cm1: Tensor
    log_response: Tensor
    baseline: Tensor
    baseline_jitter: Tensor
    noise: Tensor
    stray_light: Tensor
    peak_absorbance: Tensor
    gain: Tensor

    @classmethod
    def of(
        cls, instruments: Sequence[Sequence[VirtualInstrument]], dtype: torch.dtype = torch.float32
    ) -> "InstrumentTable":
        """The table of K rows of M instruments; the modality of a column is the same in all rows."""
        rows = [tuple(row) for row in instruments]
        columns = {tuple(instrument.modality for instrument in row) for row in rows}
        if len(columns) != 1 or not next(iter(columns)):
            raise SpectrumError(
                f"InstrumentTable.of: {len(rows)} rows with the modalities {sorted(columns)}; one row or more is "
                "needed, with the same modalities in all."
            )
        stacked = {
            name: torch.tensor([[getattr(instrument, name) for instrument in row] for row in rows], dtype=dtype)
            for name in _NUMBERS
        }
        return cls(modalities=columns.pop(), **stacked)

    @classmethod
    def of_seeds(
        cls,
        seeds: Sequence[int],
        modalities: Sequence[str] = MODALITIES,
        settings: InstrumentSettings | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> "InstrumentTable":
        """The table with one row a seed, each with one instrument a modality.

        Examples
        --------
        >>> len(InstrumentTable.of_seeds(range(8)))
        8
        """
        return cls.of([[VirtualInstrument.of_seed(s, m, settings) for m in modalities] for s in seeds], dtype)

    def __len__(self) -> int:
        return len(self.noise)

    def pick(self, index: Tensor) -> "InstrumentTable":
        """The table of B rows whose instrument b of modality m is the one in row ``index[b, m]`` (or ``index[b]``)."""
        index = torch.as_tensor(index, device=self.noise.device)
        index = index[:, None] if index.ndim == 1 else index
        n_modalities = len(self.modalities)
        if index.ndim != 2 or index.shape[1] not in (1, n_modalities):
            raise SpectrumError(
                f"InstrumentTable.pick: the index has shape {tuple(index.shape)}; (B,) or (B, {n_modalities}) is "
                "needed."
            )
        columns = torch.arange(n_modalities, device=index.device)
        return InstrumentTable(self.modalities, **{name: getattr(self, name)[index, columns] for name in _NUMBERS})

    def to(self, *args: Any, **options: Any) -> "InstrumentTable":
        """The table on a device or in a dtype, as `Tensor.to`."""
        return InstrumentTable(self.modalities, **{name: getattr(self, name).to(*args, **options) for name in _NUMBERS})


_NUMBERS = tuple(field.name for field in fields(InstrumentTable) if field.name != "modalities")


def measure(
    lines: LineBatch,
    instruments: InstrumentTable | Sequence[Sequence[VirtualInstrument]],
    axis: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Simulated measurements (B, M, L) of B molecules, each (molecule, modality) on its own instrument.

    In units of the undistorted spectrum's maximum (infrared: of its peak absorbance) times a random gain: only the
    shape counts. A modality without any line gives baseline and noise. Deterministic in the generator's state; drawn
    for each measurement are the sample's width, the peak absorbance, the gain, the baseline's jitter and the noise.

    Parameters
    ----------
    lines : LineBatch
    instruments : InstrumentTable or rows of VirtualInstrument
        B rows; ``table.pick(index)`` makes them of a table and an index (B, M).
    axis : Tensor (L,)
        Ascending, in 1/cm. Response, warp and baseline are functions of the place on it, first to last channel.
    generator : torch.Generator
        May live on the CPU while the lines are elsewhere.

    Raises
    ------
    SpectrumError
        Not one row a molecule, or other modalities than the lines'; axis not ascending.
    """
    table = instruments if isinstance(instruments, InstrumentTable) else InstrumentTable.of(instruments)
    if table.modalities != lines.modalities or len(table) != len(lines):
        raise SpectrumError(
            f"measure: {len(table)} rows of instruments for {table.modalities}, but {lines!r}; one row a molecule and "
            "the same modalities are needed (InstrumentTable.pick)."
        )
    low, high = checked_tensor_axis(axis)
    values = lines.intensities
    table, axis = table.to(values), axis.to(values)
    draw = _Draws(generator, values)
    lorentzian = _between(table.lorentzian_range_cm1, draw.uniform(values.shape[:2]))
    peak = _between(table.peak_absorbance, draw.uniform(values.shape[:2]))
    gain = _between(table.gain.log(), draw.uniform(values.shape[:2])).exp()
    baseline = table.baseline + table.baseline_jitter[..., None] * draw.normal(table.baseline.shape)

    cosines, chebyshev = _bases(axis, low, high)
    spectra = render_batch(lines, axis, table.gaussian_fwhm_cm1, lorentzian, table.shift_cm1, table.warp_cm1)
    spectra = scaled_to_one(spectra.clamp_min_(0).mul_((table.log_response @ cosines).exp_()))
    for m, modality in enumerate(lines.modalities):
        stray = table.stray_light[:, m, None]
        if modality == "ir":
            spectra[:, m] = _flattened(spectra[:, m], peak[:, m, None], stray)
        else:
            spectra[:, m] += stray
    spectra += baseline @ chebyshev
    spectra.addcmul_(draw.normal(spectra.shape), table.noise[..., None])
    return spectra.mul_(gain[..., None])


def _flattened(shares: Tensor, peak: Tensor, stray: Tensor) -> Tensor:
    """Absorbance -log10((T + s) / (1 + s)) of the transmittance T = 10^(-peak share), over the peak absorbance."""
    transmittance = torch.exp(shares * (-log(10) * peak))
    return ((transmittance + stray) / (1 + stray)).log_().mul_(-1 / (log(10) * peak))


def _bases(axis: Tensor, low: float, high: float) -> tuple[Tensor, Tensor]:
    """Cosines cos(pi k u), k = 1..4, (4, L) and Chebyshev polynomials T_0..T_4 of 2u - 1, (5, L), on the channels."""
    cosines = cosine_series(axis, torch.eye(RESPONSE_TERMS, dtype=axis.dtype, device=axis.device), low, high)
    x = 2 * (axis - low) / (high - low) - 1
    terms = [torch.ones_like(x), x]
    while len(terms) < BASELINE_TERMS:
        terms.append(2 * x * terms[-1] - terms[-2])
    return cosines, torch.stack(terms)


class _Draws:
    """Random tensors like another one, drawn where the generator lives."""

    def __init__(self, generator: torch.Generator, like: Tensor) -> None:
        self._generator, self._like = generator, like

    def uniform(self, shape: Sequence[int]) -> Tensor:
        drawn = torch.rand(*shape, generator=self._generator, device=self._generator.device, dtype=self._like.dtype)
        return drawn.to(self._like.device)

    def normal(self, shape: Sequence[int]) -> Tensor:
        drawn = torch.randn(*shape, generator=self._generator, device=self._generator.device, dtype=self._like.dtype)
        return drawn.to(self._like.device)


def _between(ranges: Tensor, share: Tensor) -> Tensor:
    """The number at a share (0 to 1) of each range (..., 2)."""
    return torch.lerp(ranges[..., 0], ranges[..., 1], share)


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """A number between the limits, even in its logarithm; 0 only where a limit is 0."""
    if limits[0] == 0:
        return float(rng.uniform(*limits))
    return float(np.exp(rng.uniform(*np.log(limits))))


def _series(rng: np.random.Generator, terms: int, largest: float) -> tuple[float, ...]:
    """Coefficients of a cosine series whose largest absolute value on [0, 1] is ``largest``; high terms are weaker."""
    k = np.arange(1, terms + 1)
    coefficients = rng.normal(size=terms) / k
    values = np.cos(np.pi * np.outer(np.linspace(0, 1, 257), k)) @ coefficients
    return tuple((coefficients * (largest / np.abs(values).max())).tolist())


def _baseline(rng: np.random.Generator, span: float) -> tuple[float, ...]:
    """Chebyshev coefficients of a polynomial of degree 1 to 4 from 0 to ``span`` on the axis."""
    coefficients = np.zeros(BASELINE_TERMS)
    degree = int(rng.integers(1, BASELINE_TERMS))
    coefficients[1 : degree + 1] = rng.normal(size=degree) / np.arange(1, degree + 1)
    values = np.polynomial.chebyshev.chebval(np.linspace(-1, 1, 257), coefficients)
    coefficients *= span / np.ptp(values)
    coefficients[0] -= values.min() * span / np.ptp(values)
    return tuple(coefficients.tolist())
