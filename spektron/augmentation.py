"""Augmentations of spectra that a spectrometer could have made, and refusals, with the reason, of those it could not.

Allowed: an error of the axis (`shift`), a smooth baseline (`baseline`), noise (`noise`) and a gain (`gain`). Most of
what images and time series are augmented with changes the molecule: `augment` refuses it by name.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ..errors import SpectrumError
from .rendering import checked_tensor_axis

__all__ = ["ALLOWED", "REFUSED", "augment", "baseline", "gain", "noise", "shift"]

_LARGEST_SHIFT_CM1 = 5.0  # beyond it another molecule's band is as good a match
_DEGREE = 4

REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "flip": "a reversed axis puts C-H stretching where skeletal bending belongs: no molecule has that spectrum",
        "crop": "a crop that is stretched back to the axis moves every band, and one that is cut loses bands that the "
        "label still claims; hide channels from the model with a mask instead",
        "rotation": "a spectrum is no image: rolling it carries bands from one end of the axis to the other",
        "axis scaling": "wavenumbers go as sqrt(force constant / mass): a factor on the axis is another isotopologue "
        "(C-H to C-D is 0.73) or another molecule; `shift` moves the axis by what calibration leaves",
        "time warp": "stretching one region and squeezing another changes the ratios of frequencies, which are what "
        "tells molecules apart; an instrument's slow warp of a few cm-1 is in `VirtualInstrument`",
        "permutation": "the order of the channels is the wavenumber: shuffled, bands belong to other vibrations",
        "mixup": "a weighted sum of two spectra is the spectrum of a mixture of two substances; a label between "
        "those of the two (half an aldehyde) means nothing",
        "cutmix": "one half of one molecule's spectrum beside another's is no molecule's, and breaks the relation "
        "between stretching and bending bands",
        "invert": "negative absorption or scattering does not exist",
        "power": "a power or another nonlinear change of intensity breaks Beer's law and intensity ratios; stray "
        "light, the nonlinearity that does occur, is in `VirtualInstrument`",
        "band removal": "a missing band is evidence (of symmetry: a forbidden mode); mask channels instead",
    }
)
_OTHER_NAMES = {
    "mirror": "flip",
    "horizontal flip": "flip",
    "reverse": "flip",
    "random crop": "crop",
    "resized crop": "crop",
    "rotate": "rotation",
    "roll": "rotation",
    "scale axis": "axis scaling",
    "axis scale": "axis scaling",
    "stretch": "axis scaling",
    "warp": "time warp",
    "time warping": "time warp",
    "dtw": "time warp",
    "shuffle": "permutation",
    "mix up": "mixup",
    "negate": "invert",
    "vertical flip": "invert",
    "gamma": "power",
    "dropout": "band removal",
    "cutout": "band removal",
}


def augment(spectra: Tensor, name: str, generator: torch.Generator, **options: Any) -> Tensor:
    """Spectra (..., L) augmented by name: "shift", "baseline", "noise" or "gain" (see the functions for options).

    Raises
    ------
    SpectrumError
        An augmentation that no spectrometer performs, with the physical reason; an unknown name.

    Examples
    --------
    >>> try:
    ...     augment(torch.ones(2, 8), "flip", torch.Generator())
    ... except SpectrumError as error:
    ...     print(str(error).partition(":")[0])
    augment('flip') is refused
    """
    key = name.lower().replace("_", " ").replace("-", " ").strip()
    key = _OTHER_NAMES.get(key, key)
    if key in REFUSED:
        raise SpectrumError(f"augment({name!r}) is refused: {REFUSED[key]}. Allowed are {', '.join(ALLOWED)}.")
    if key not in ALLOWED:
        raise SpectrumError(
            f"augment({name!r}): unknown. Allowed are {', '.join(ALLOWED)}; refused are {', '.join(REFUSED)}."
        )
    return ALLOWED[key](spectra, generator=generator, **options)


def shift(spectra: Tensor, axis: Tensor, generator: torch.Generator, largest_cm1: float = 3.0) -> Tensor:
    """Spectra (..., L), each moved by its own -largest_cm1 to +largest_cm1 (at most 5): an error of calibration.

    Cubic interpolation between channels; the value of the end channel is held where nothing was measured.

    Raises
    ------
    SpectrumError
        ``largest_cm1`` above 5 1/cm, an axis that is not even, ascending and as long as the spectra.
    """
    _check(spectra, "shift")
    low, high = checked_tensor_axis(axis)
    channels = len(axis)
    step = (high - low) / (channels - 1)
    even = bool(((axis.diff() - step).abs() <= 1e-2 * step).all())
    if spectra.shape[-1] != channels or not even or not 0 <= largest_cm1 <= _LARGEST_SHIFT_CM1:
        raise SpectrumError(
            f"augmentation.shift: spectra of {spectra.shape[-1]} channels, an axis of {channels} "
            f"({'even' if even else 'not even'}), largest_cm1 = {largest_cm1}; as many channels, an even axis and 0 to "
            f"{_LARGEST_SHIFT_CM1:g} 1/cm are needed: beyond that it is another band."
        )
    moved = _uniform(spectra, generator, -largest_cm1, largest_cm1) / step
    place = torch.arange(channels, dtype=spectra.dtype, device=spectra.device) - moved
    floor = place.floor()
    t = place - floor
    # Lagrange's four-point weights.
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    first = floor.long() - 1
    return sum(
        (weight * spectra.gather(-1, (first + k).clamp(0, channels - 1)) for k, weight in enumerate(weights)),
        torch.zeros_like(spectra),
    )


def baseline(spectra: Tensor, generator: torch.Generator, largest: float = 0.2) -> Tensor:
    """Spectra (..., L) with a polynomial of degree 4 or less added, its span up to ``largest`` of each maximum."""
    _check(spectra, "baseline")
    _check_share("baseline", "largest", largest)
    x = torch.linspace(-1, 1, spectra.shape[-1], dtype=spectra.dtype, device=spectra.device)
    powers = torch.cos(torch.arange(1, _DEGREE + 1, device=x.device)[:, None] * torch.acos(x))  # Chebyshev
    weights = _normal(spectra, generator, (*spectra.shape[:-1], _DEGREE))
    curve = weights @ powers
    lowest = curve.amin(-1, keepdim=True)
    span = (curve.amax(-1, keepdim=True) - lowest).clamp_min(torch.finfo(curve.dtype).tiny)
    return spectra + _uniform(spectra, generator, 0.0, largest) * _top(spectra) * (curve - lowest) / span


def noise(spectra: Tensor, generator: torch.Generator, largest: float = 0.03) -> Tensor:
    """Spectra (..., L) with white noise added, its standard deviation 0 to ``largest`` of each maximum."""
    _check(spectra, "noise")
    _check_share("noise", "largest", largest)
    level = _uniform(spectra, generator, 0.0, largest) * _top(spectra)
    return spectra + level * _normal(spectra, generator, spectra.shape)


def gain(spectra: Tensor, generator: torch.Generator, largest: float = 2.0) -> Tensor:
    """Spectra (..., L), each times one factor from 1/largest to ``largest``: path length, laser power."""
    _check(spectra, "gain")
    if not 1 <= largest < float("inf"):
        raise SpectrumError(f"augmentation.gain: largest = {largest}; a factor of 1 or more is needed.")
    bound = torch.tensor(largest).log().item()
    return spectra * _uniform(spectra, generator, -bound, bound).exp()


ALLOWED: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {"shift": shift, "baseline": baseline, "noise": noise, "gain": gain}
)


def _check(spectra: Tensor, call: str) -> None:
    if spectra.ndim < 1 or not spectra.is_floating_point() or spectra.shape[-1] < 2:
        raise SpectrumError(
            f"augmentation.{call}: a tensor of shape {tuple(spectra.shape)} and {spectra.dtype}; floating-point "
            "spectra (..., L) of two channels or more are needed."
        )


def _check_share(call: str, name: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise SpectrumError(f"augmentation.{call}: {name} = {share}; a share of the maximum, 0 to 1, is needed.")


def _top(spectra: Tensor) -> Tensor:
    return spectra.abs().amax(-1, keepdim=True)


def _uniform(spectra: Tensor, generator: torch.Generator, low: float, high: float) -> Tensor:
    """One number a spectrum, (..., 1)."""
    shape = (*spectra.shape[:-1], 1)
    drawn = torch.rand(shape, generator=generator, device=generator.device, dtype=spectra.dtype)
    return (low + (high - low) * drawn).to(spectra.device)


def _normal(spectra: Tensor, generator: torch.Generator, shape: tuple[int, ...] | torch.Size) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device, dtype=spectra.dtype).to(spectra.device)
