"""From what a user has (a file, arrays, a `Spectrum`) to what the model takes: checked, converted, on its channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrumError
from ..forward.spectrum import Spectrum, checked_axis
from ..groups.operations import NDArrayFloat
from ._input_steps import ascending, check_coverage, check_values, finite, stated_modality, wavenumbers
from ._ordinates import as_absorbance
from ._reading import ReadSpectrum, read_any
from ._resampling import resample
from ._two_columns import MOST_POINTS
from .config import SpektronConfig

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MODALITIES", "MODALITY_NAMES", "ModelInput", "default_channels", "spectral_input", "stack_inputs"]

MODALITY_NAMES = {"ir": "IR", "raman": "Raman", "nir": "near-infrared"}
MODALITIES = tuple(MODALITY_NAMES)
_QUANTITIES = ("absorbance", "transmittance", "ir", "raman", "relative")


def default_channels() -> NDArrayFloat:
    """The channels of the shipped models: 2048, evenly spaced from 400 to 4000 cm-1."""
    config = SpektronConfig()
    return np.linspace(config.lowest_cm1, config.highest_cm1, config.channels)


@dataclass(frozen=True, eq=False, repr=False)
class ModelInput:
    """A measured spectrum on the channels of a model, and what was done to get there.

    Attributes
    ----------
    values : ndarray (L,)
        Absorbance or Raman intensity as measured (the model normalises); 0 where not covered.
    coverage : ndarray (L,) of bool
        Channels that the measurement covers. The others are unknown, not zero: the model masks them.
    channels_cm1 : ndarray (L,)
    modality : str
        "ir", "raman" or "nir".
    notes : tuple of str
        What was converted, cut or turned round, and what looks doubtful.
    measured : Spectrum
        The spectrum as read, in 1/cm, after conversion to absorbance and before resampling.
    """

    values: NDArrayFloat
    coverage: np.ndarray
    channels_cm1: NDArrayFloat
    modality: str
    notes: tuple[str, ...]
    measured: Spectrum

    def __post_init__(self) -> None:
        for name in ("values", "coverage", "channels_cm1"):
            array = np.array(getattr(self, name))
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        return f"ModelInput({'; '.join((self.described, *self.notes))})"

    @property
    def described(self) -> str:
        """What was read, in words."""
        kind = MODALITY_NAMES.get(self.modality, self.modality)
        name = f" of {self.measured.name}" if self.measured.name else ""
        low, high = self.channels_cm1[0], self.channels_cm1[-1]
        return f"{kind} spectrum{name}, {self.coverage_share:.0%} of {low:.0f} to {high:.0f} 1/cm"

    @property
    def coverage_share(self) -> float:
        """Share of the model's channels that the measurement covers."""
        return float(self.coverage.mean())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: without the spectrum as read."""
        return {
            "modality": self.modality,
            "name": self.measured.name,
            "simulated": self.measured.simulated,
            "coverage_share": self.coverage_share,
            "notes": list(self.notes),
            "channels_cm1": self.channels_cm1.tolist(),
            "values": [v if c else None for v, c in zip(self.values.tolist(), self.coverage, strict=True)],
        }

    def _repr_html_(self) -> str:
        from html import escape

        from ..groups.report_figures import figure_data_uri

        picture = figure_data_uri(self.plot(), "spectrum")
        return f'<p>{escape(repr(self))}</p><img alt="{escape(repr(self))}" src="{picture}">'

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the spectrum on the model's channels; what is not covered is left blank."""
        from ..forward.spectrum_plot import plot_spectrum

        axes = plot_spectrum(self.measured, ax)
        low, high = self.channels_cm1[0], self.channels_cm1[-1]
        axes.set_xlim((low, high) if self.modality == "raman" else (high, low))
        if self.modality == "raman":
            axes.set_xlabel("Raman shift / cm$^{-1}$")
        return axes


def spectral_input(
    x: Any,
    axis: Any = None,
    *,
    modality: str | None = None,
    unit: str | None = None,
    quantity: str | None = None,
    channels: Any = None,
) -> ModelInput:
    """A spectrum as a model takes it, from a `Spectrum`, arrays, or the path of a CSV or JCAMP-DX file.

    A descending axis is turned round, a wavelength axis becomes wavenumbers, transmittance becomes absorbance, points
    that are NaN are left out, channels beyond the data or in a hole are marked as not covered: each with a note. What
    could be read in two ways is refused.

    Parameters
    ----------
    x : Spectrum, ModelInput, array (n,) or (n, 2), str or Path
        A file is read as JCAMP-DX, as our own CSV, or as any two columns of numbers.
    axis : array (n,), optional
        Of an array ``x``.
    modality : str, optional
        "ir", "raman" or "nir" [default: what the file or spectrum says, else "ir", with a note].
    unit : str, optional
        Of the axis: "cm-1", "um" or "nm" [default: what the file says, else cm-1, with a note].
    quantity : str, optional
        "absorbance" or "transmittance", to overrule or confirm the file [default: what it says; where nothing is
        said, bands that dip from a ceiling near 1 or 100 are taken as transmittance].
    channels : array (L,), optional
        Channels of the model in 1/cm, e.g. `Spektron.axis` [default: 400 to 4000 cm-1, 2048 channels].

    Raises
    ------
    SpectrumError
        Empty, not numbers, flat, nowhere positive, more than 5,000,000 points, fewer than 16, outside the channels,
        mostly NaN, an ordinate or unit that could be meant in two ways, Raman over an absolute wavelength.

    Examples
    --------
    >>> nu = np.arange(3900.0, 500.0, -2.0)
    >>> found = spectral_input(np.exp(-(((nu - 1700) / 10) ** 2)), nu, modality="ir")
    >>> found.notes, round(found.coverage_share, 2)
    (('the axis descended: turned round', 'no unit stated: the axis is taken as cm-1'), 0.94)
    >>> round(float(found.channels_cm1[found.values.argmax()]))
    1700
    """
    if isinstance(x, ModelInput):
        return _again(x, axis, modality, unit, quantity, channels)
    _check_words(modality, unit, quantity)
    grid = default_channels() if channels is None else checked_axis(channels)
    found = _read(x, axis)
    notes: list[str] = []
    kind, points, values = finite(found, notes)
    points, values = ascending(points, values, found.source, notes)
    modality = stated_modality(modality, kind, found.source, notes)
    points, values = wavenumbers(points, values, unit or found.unit, modality, found.source, notes)
    if modality != "raman":
        stated = quantity or (kind if kind != "relative" else None)
        values, said = as_absorbance(values, stated, quantity is not None or modality == "nir", found.source)
        notes += said
    elif quantity in ("transmittance", "absorbance", "ir"):
        raise SpectrumError(f"{found.source}: a Raman spectrum has no {quantity}.")
    check_values(values, found.source, notes)
    on_channels, covered = resample(points, values, grid)
    check_coverage(points, covered, grid, found.source, notes)
    check_values(on_channels[covered], f"{found.source}, within the model's range,", [])
    measured = Spectrum(
        points,
        values,
        "relative" if modality == "raman" else "absorbance",
        simulated=found.simulated,
        source=found.source,
        name=found.name,
    )
    return ModelInput(on_channels, covered, grid, modality, tuple(notes), measured)


def stack_inputs(
    inputs: Sequence[Mapping[str, ModelInput]], modalities: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra (B, M, L) float32, ``present`` (B, M) and ``coverage`` (B, M, L) for `Spektron.encode`.

    Each of the B mappings holds the spectra of one sample by modality; one that is missing is zero and not present.
    Spectra are divided by their largest absolute value.

    Raises
    ------
    SpectrumError
        No spectrum in a mapping, a modality that the model does not have, or channels that differ.
    """
    first = next((item for mapping in inputs for item in mapping.values()), None)
    if first is None or not all(inputs):
        raise SpectrumError("stack_inputs: every sample needs at least one spectrum.")
    shape = (len(inputs), len(modalities), len(first.channels_cm1))
    spectra, coverage = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=bool)
    for row, mapping in enumerate(inputs):
        for name, item in mapping.items():
            if name not in modalities:
                raise SpectrumError(f"the model takes {', '.join(modalities)} spectra; {name!r} is none of them.")
            if not np.array_equal(item.channels_cm1, first.channels_cm1):
                raise SpectrumError(f"stack_inputs: {item!r} is on other channels than {first!r}.")
            # Over its maximum: cross-sections in m2 have no 32-bit float.
            spectra[row, list(modalities).index(name)] = item.values / (np.abs(item.values).max() or 1.0)
            coverage[row, list(modalities).index(name)] = item.coverage
    return spectra, np.any(coverage, axis=-1), coverage


# -------------------------------------------------------------------------------------------------- reading, checks


def _again(
    x: ModelInput, axis: Any, modality: str | None, unit: str | None, quantity: str | None, channels: Any
) -> ModelInput:
    """A `ModelInput` as it is, or resampled to other channels."""
    if axis is not None or unit is not None or quantity is not None or modality not in (None, x.modality):
        raise SpectrumError(f"spectral_input: {x!r} is converted already; only other channels can be asked of it.")
    if channels is None or np.array_equal(channels, x.channels_cm1):
        return x
    again = spectral_input(x.measured, modality=x.modality, channels=channels, quantity=_insisted(x.modality))
    return replace(again, notes=(*x.notes, *(note for note in again.notes if note not in x.notes)))


def _insisted(modality: str) -> str | None:
    return None if modality == "raman" else "absorbance"


def _check_words(modality: str | None, unit: str | None, quantity: str | None) -> None:
    allowed = (
        ("modality", modality, MODALITIES),
        ("unit", unit, ("cm-1", "um", "nm")),
        ("quantity", quantity, _QUANTITIES),
    )
    for name, given, words in allowed:
        if given is not None and given not in words:
            raise SpectrumError(f"spectral_input: {name} {given!r} is none of {', '.join(words)}.")


def _check_size(points: int) -> None:
    if points > MOST_POINTS:
        raise SpectrumError(f"spectral_input: {points} points; spectra of up to {MOST_POINTS} points are taken.")


def _read(x: Any, axis: Any) -> ReadSpectrum:
    if isinstance(x, str | Path):
        if axis is not None:
            raise SpectrumError(f"spectral_input({str(x)!r}, axis): a file brings its own axis.")
        return read_any(x)
    if isinstance(x, Spectrum):
        if axis is not None:
            raise SpectrumError(f"spectral_input({x!r}, axis): a Spectrum brings its own axis.")
        source = x.source or x.name or "the spectrum"
        _check_size(len(x.axis))
        return ReadSpectrum(x.axis, x.intensity, x.axis_unit, x.quantity, source, x.name, x.simulated)
    size = np.shape(x)[0] if np.ndim(x) else 0
    _check_size(size)
    if np.iscomplexobj(x) or np.iscomplexobj(axis):
        raise SpectrumError("spectral_input: complex numbers; give the absorbance or the intensity, which are real.")
    try:
        values = np.asarray(x, dtype=float)
        points = None if axis is None else np.asarray(axis, dtype=float)
    except (TypeError, ValueError) as error:
        raise SpectrumError(f"spectral_input: {type(x).__name__} cannot be read as numbers: {error}.") from error
    if points is None and values.ndim == 2 and values.shape[1] == 2:
        points, values = values[:, 0], values[:, 1]
    if points is None:
        raise SpectrumError(
            f"spectral_input: an array of shape {values.shape} without an axis; give axis=, or two columns (n, 2)."
        )
    if values.ndim != 1 or values.shape != points.shape:
        raise SpectrumError(
            f"spectral_input: values of shape {values.shape} on an axis of shape {points.shape}; one spectrum is one "
            "dimension, and each value needs its place on the axis."
        )
    return ReadSpectrum(points, values, None, "relative", "the array")
