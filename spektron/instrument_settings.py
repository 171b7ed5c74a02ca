"""Ranges from which virtual instruments are drawn."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from ..errors import SpectrumError

__all__ = ["InstrumentSettings"]

_DISTORTIONS = ("shift_cm1", "warp_cm1", "response", "baseline", "noise", "stray_light")


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
