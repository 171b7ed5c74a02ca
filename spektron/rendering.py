"""Line lists rendered to spectra in batches: thousands of spectra a second, differentiable, on any torch device.

Lines are deposited with cubic B-splines on a periodic grid finer than the channels, the grid is multiplied in Fourier
space with the analytic transform of each spectrum's Voigt profile (and divided by that of the splines), and read off at
the axis. One FFT pair a spectrum, whatever the number of lines. `forward.spectrum.render` is the exact, slow reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from math import ceil, log, pi, sqrt
from typing import Any

import torch
from torch import Tensor

from ..errors import SpectrumError
from ..forward.lines import LineList

__all__ = ["LineBatch", "cosine_series", "reference_spectra", "render_batch", "spectral_axis"]

MODALITIES = ("ir", "raman")
REFERENCE_FWHM_CM1 = (
    6.106514616818887,
    6.106514616818887,
)  # Gaussian and Lorentzian part; the FWHM of the whole is 10 1/cm
MARGIN_CM1, MARGIN_WIDTHS = 500.0, 40  # lines so far outside the axis still count; in 1/cm, in Lorentzian FWHM
# The grid's period is no shorter: the Lorentzian wings of the neighbouring periods are then too weak to see.
_PERIOD_CM1, _PERIOD_WIDTHS = 4600.0, 300
_SIGMA_PER_FWHM = 1 / (2 * sqrt(2 * log(2)))
# Grid steps per Gaussian and per Lorentzian FWHM at which spline aliasing stays below about 3e-4 of the maximum.
_STEPS_PER_GAUSSIAN, _STEPS_PER_LORENTZIAN = 4.5, 7.0
_LARGEST_GRID = 2**20
_CHUNK_ENTRIES = 2**19  # grid points of all spectra of a chunk: what stays in the processor's cache (measured)


@dataclass(frozen=True, eq=False, repr=False)
class LineBatch:
    """The lines of B molecules, padded to one length: what a batch of spectra is rendered from.

    Attributes
    ----------
    wavenumbers_cm1 : Tensor (B, n)
        In 1/cm, positive; 0 pads.
    intensities : Tensor (B, M, n)
        Of each modality: "ir" in km/mol, "raman" in A^4/u; 0 where padded.
    modalities : tuple of str (M,)

    Raises
    ------
    SpectrumError
        Shapes that do not agree, a negative or infinite number, an unknown modality.

    Examples
    --------
    >>> water = LineList([1595.0, 3657.0, 3756.0], [54.0, 2.2, 45.0], [1.2, 105.0, 27.0])
    >>> LineBatch.of([water, LineList([-50.0, 2330.0], [0.0, 0.0], [0.0, 20.0])])
    LineBatch(2 molecules, up to 3 lines, ir and raman)
    """

    wavenumbers_cm1: Tensor
    intensities: Tensor
    modalities: tuple[str, ...] = MODALITIES

    def __post_init__(self) -> None:
        object.__setattr__(self, "modalities", tuple(self.modalities))
        unknown = [name for name in self.modalities if name not in MODALITIES]
        if unknown or not self.modalities or len(set(self.modalities)) < len(self.modalities):
            raise SpectrumError(f"LineBatch: modalities {self.modalities}; choose from {MODALITIES}, each once.")
        lines, values = self.wavenumbers_cm1, self.intensities
        if lines.ndim != 2 or values.shape != (len(lines), len(self.modalities), lines.shape[1]):
            raise SpectrumError(
                f"LineBatch: wavenumbers {tuple(lines.shape)} and intensities {tuple(values.shape)}; (B, n) and "
                f"(B, {len(self.modalities)}, n) are needed, one row for each of {self.modalities}."
            )

    @classmethod
    def of(
        cls,
        line_lists: Sequence[LineList],
        modalities: Sequence[str] = MODALITIES,
        dtype: torch.dtype = torch.float32,
    ) -> "LineBatch":
        """The lines of the lists; imaginary and zero wavenumbers are dropped, as `forward.spectrum.render` does.

        Raises
        ------
        SpectrumError
            A list without the intensities of one of the modalities.
        """
        kept = [lines.wavenumbers_cm1 > 0 for lines in line_lists]
        longest = max((int(keep.sum()) for keep in kept), default=0)
        wavenumbers = torch.zeros(len(kept), longest, dtype=dtype)
        intensities = torch.zeros(len(kept), len(modalities), longest, dtype=dtype)
        for b, (lines, keep) in enumerate(zip(line_lists, kept, strict=True)):
            n = int(keep.sum())
            wavenumbers[b, :n] = torch.tensor(lines.wavenumbers_cm1[keep])
            for m, modality in enumerate(modalities):
                intensities[b, m, :n] = torch.tensor(lines.intensities(modality)[keep])
        return cls(wavenumbers, intensities, tuple(modalities)).checked()

    def checked(self) -> "LineBatch":
        """The batch itself, if all numbers are finite and not negative (O(B M n): not done for every batch)."""
        for name in ("wavenumbers_cm1", "intensities"):
            values = getattr(self, name)
            bad = ~(torch.isfinite(values) & (values >= 0))
            if bad.any():
                where = tuple(int(k) for k in bad.nonzero()[0])
                raise SpectrumError(f"LineBatch: {name}{list(where)} is {float(values[where])}; 0 or more is needed.")
        return self

    def __len__(self) -> int:
        return len(self.wavenumbers_cm1)

    def __repr__(self) -> str:
        n, names = self.wavenumbers_cm1.shape[1], " and ".join(self.modalities)
        return f"LineBatch({len(self)} molecules, up to {n} lines, {names})"

    def __getitem__(self, index: Any) -> "LineBatch":
        """The molecules of a slice, an index tensor or array, or a list of indices (a batch again)."""
        if isinstance(index, int):
            index = [index]
        if not isinstance(index, slice):
            index = torch.as_tensor(index, device=self.wavenumbers_cm1.device)
        return replace(self, wavenumbers_cm1=self.wavenumbers_cm1[index], intensities=self.intensities[index])

    def to(self, *args: Any, **options: Any) -> "LineBatch":
        """The batch on a device or in a dtype, as `Tensor.to`."""
        moved = {f.name: v.to(*args, **options) for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)}
        return replace(self, **moved)


def spectral_axis(
    channels: int = 2048, lowest_cm1: float = 400.0, highest_cm1: float = 4000.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Evenly spaced ascending axis (channels,) in 1/cm, both ends included.

    Examples
    --------
    >>> spectral_axis(5).tolist()
    [400.0, 1300.0, 2200.0, 3100.0, 4000.0]
    """
    if channels < 2 or not 0 <= lowest_cm1 < highest_cm1 < float("inf"):
        raise SpectrumError(
            f"spectral_axis({channels}, {lowest_cm1}, {highest_cm1}): two channels or more and 0 <= lowest < highest "
            "are needed."
        )
    return torch.linspace(lowest_cm1, highest_cm1, channels, dtype=torch.float64).to(dtype)


def cosine_series(x: Tensor, coefficients: Tensor, lowest: float, highest: float) -> Tensor:
    """Sum over k = 1..K of ``coefficients[..., k-1] cos(pi k u)``, u from 0 at ``lowest`` to 1 at ``highest``.

    ``x`` (..., n) and ``coefficients`` (..., K) broadcast; u is held at 0 and 1 outside. Slow functions of the
    wavenumber (response, warp) are written like this everywhere here.

    Examples
    --------
    >>> cosine_series(torch.tensor([0.0, 5.0, 10.0]), torch.tensor([2.0]), 0.0, 10.0).round(decimals=6).tolist()
    [2.0, -0.0, -2.0]
    """
    u = ((x - lowest) / (highest - lowest)).clamp(0, 1)
    first = torch.cos(pi * u)
    before, term = torch.ones_like(first), first
    total = torch.zeros_like(coefficients[..., :1] * first)
    for k in range(coefficients.shape[-1]):  # cos(pi k u) are Chebyshev polynomials of cos(pi u): no more cosines
        total = total + coefficients[..., k : k + 1] * term
        before, term = term, 2 * first * term - before
    return total


def render_batch(
    lines: LineBatch,
    axis: Tensor,
    gaussian_fwhm_cm1: float | Tensor,
    lorentzian_fwhm_cm1: float | Tensor,
    shift_cm1: float | Tensor | None = None,
    warp: Tensor | None = None,
) -> Tensor:
    """Spectra (B, M, L) of a batch of line lists on an axis: intensity times a unit-area Voigt profile, summed.

    Within 1e-3 of each spectrum's maximum of `forward.spectrum.render` of the same lines. Lines more than 500 1/cm (40
    Lorentzian widths if that is more) outside the axis may be left out, wings and all. Time O(B M (n + G log G)) with a
    grid of G points (5400 for the default axis), whatever the widths of the single spectra; the narrowest width decides
    the grid. Differentiable in wavenumbers, intensities, widths, shift and warp. On a CPU the same input gives the same bits; on a GPU the order of
    the sums is not fixed.

    Parameters
    ----------
    lines : LineBatch
    axis : Tensor (L,)
        Ascending, in 1/cm. The channels of even axes are points of the grid; other ones are read off by spline
        interpolation, with the same accuracy.
    gaussian_fwhm_cm1, lorentzian_fwhm_cm1 : float or Tensor (), (B,) or (B, M)
        Full widths at half maximum of the two parts; either may be 0, not both.
    shift_cm1 : float or Tensor (), (B,), (B, M), optional
        Added to the wavenumbers of the lines: a rigid error of the axis.
    warp : Tensor (K,), (B, K) or (B, M, K), optional
        Coefficients in 1/cm of a `cosine_series` over the axis, added to the wavenumbers of the lines.

    Returns
    -------
    Tensor (B, M, L)
        In units of the intensities per 1/cm; the decadic factor of `forward.beer_lambert` is not applied.

    Raises
    ------
    SpectrumError
        Axis not ascending, a negative or missing width, a shape that does not fit, a grid beyond 2^20 points.
    """
    low, high = checked_tensor_axis(axis)
    shape = (len(lines), len(lines.modalities))
    values = lines.intensities
    axis = axis.to(values)
    gaussian = _per_spectrum("gaussian_fwhm_cm1", gaussian_fwhm_cm1, shape, values)
    lorentzian = _per_spectrum("lorentzian_fwhm_cm1", lorentzian_fwhm_cm1, shape, values)
    if not values.numel():
        return values.new_zeros(*shape, len(axis))
    positions = lines.wavenumbers_cm1[:, None]
    if shift_cm1 is not None:
        positions = positions + _per_spectrum("shift_cm1", shift_cm1, shape, values)[..., None]
    if warp is not None:
        coefficients = warp.to(values)
        coefficients = coefficients[:, None] if coefficients.ndim == 2 else coefficients
        positions = positions + cosine_series(lines.wavenumbers_cm1[:, None], coefficients, low, high)
    grid = _Grid.of(axis, gaussian, lorentzian)
    # A padding line has wavenumber 0 and intensity 0, and may well fall on the grid: it adds nothing.
    positions = positions.expand(values.shape).flatten(0, 1)
    rows = max(1, _CHUNK_ENTRIES // grid.points)
    pieces = [
        grid.spectra(*piece)
        for piece in zip(
            positions.split(rows),
            values.flatten(0, 1).split(rows),
            gaussian.flatten().split(rows),
            lorentzian.flatten().split(rows),
            strict=True,
        )
    ]
    return torch.cat(pieces).unflatten(0, shape)


def reference_spectra(lines: LineBatch, axis: Tensor) -> Tensor:
    """Ideal spectra (B, M, L): a Voigt profile of FWHM 10 1/cm, no distortion, the maximum of each scaled to 1.

    A spectrum without any line stays zero.
    """
    gaussian, lorentzian = REFERENCE_FWHM_CM1
    return scaled_to_one(render_batch(lines, axis, gaussian, lorentzian).clamp_min(0))


def scaled_to_one(spectra: Tensor) -> Tensor:
    """Spectra (..., L) divided by their maximum; those with no positive value as they are."""
    top = spectra.amax(-1, keepdim=True)
    return spectra / torch.where(top > 0, top, torch.ones_like(top))


def checked_tensor_axis(axis: Tensor) -> tuple[float, float]:
    """Ends of an ascending finite axis (L,) of two points or more; SpectrumError for any other."""
    if axis.ndim != 1 or len(axis) < 2:
        raise SpectrumError(f"the axis has shape {tuple(axis.shape)}; (L,) with two channels or more is needed.")
    if not bool((axis.diff() > 0).all()) or not bool(torch.isfinite(axis).all()):
        raise SpectrumError(
            f"the axis, {float(axis[0]):g} to {float(axis[-1]):g} 1/cm in {len(axis)} channels, must be finite and "
            "ascend strictly. Give axis.flip(0) if it descends."
        )
    return float(axis[0]), float(axis[-1])


def _per_spectrum(name: str, value: float | Tensor, shape: tuple[int, int], like: Tensor) -> Tensor:
    """A number for each spectrum, (B, M)."""
    given = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    given = given[:, None] if given.ndim == 1 else given
    try:
        return given.expand(shape)
    except RuntimeError:
        raise SpectrumError(
            f"render_batch: {name} has shape {tuple(torch.as_tensor(value).shape)}; a number, ({shape[0]},) or {shape} "
            "is needed."
        ) from None


@dataclass(frozen=True)
class _Grid:
    """The periodic grid: ``points`` with spacing ``step`` from ``start``; the axis is every so-manieth, or between."""

    start: float
    step: float
    points: int
    margin: int  # points by which a line may lie outside the axis
    reach: int  # points from the first to the last channel
    channels: Tensor | slice

    @classmethod
    def of(cls, axis: Tensor, gaussian: Tensor, lorentzian: Tensor) -> "_Grid":
        narrowest = float(_grid_step(gaussian, lorentzian).min())
        lowest = min(float(gaussian.min()), float(lorentzian.min()))
        if not (narrowest > 0 and lowest >= 0 and narrowest < float("inf")):
            raise SpectrumError(
                f"render_batch: Gaussian FWHM from {float(gaussian.min()):g}, Lorentzian from "
                f"{float(lorentzian.min()):g} 1/cm; both must be 0 or more, and one of the two above 0 everywhere."
            )
        exact = axis.double()
        low, span = float(exact[0]), float(exact[-1] - exact[0])
        channel = span / (len(axis) - 1)
        # Rounding of a float32 axis, not unevenness, is what a few 1e-7 of the highest wavenumber are.
        allowed = 4 * torch.finfo(axis.dtype).eps * float(exact[-1])
        places = torch.arange(len(axis), dtype=torch.float64, device=axis.device)
        even = bool(((exact - low - channel * places).abs() <= allowed).all())
        every = ceil(channel / narrowest)
        step = channel / every if even else min(narrowest, span)
        reach = every * (len(axis) - 1) if even else ceil(span / step)
        widest = float(lorentzian.max())
        margin = ceil(max(MARGIN_CM1, MARGIN_WIDTHS * widest) / step)
        period = ceil(max(_PERIOD_CM1, _PERIOD_WIDTHS * widest) / step)
        points = _fast_length(max(reach + 2 * margin, period) + 8)
        margin = (points - reach) // 2 - 4
        if points > _LARGEST_GRID:
            raise SpectrumError(
                f"render_batch: widths that need a step of {step:.3g} 1/cm on an axis of {span:g} 1/cm make a grid of "
                f"{points} points; {_LARGEST_GRID} at most. Render wider lines, or a part of the axis."
            )
        channels = slice(0, reach + 1, every) if even else ((exact - low) / step).to(axis)
        return cls(low, step, points, margin, reach, channels)

    def spectra(self, positions: Tensor, values: Tensor, gaussian: Tensor, lorentzian: Tensor) -> Tensor:
        """Spectra (R, L) of R rows of lines (R, n), with widths (R,)."""
        place = (positions - self.start) / self.step
        near = (place >= -self.margin) & (place <= self.reach + self.margin)
        index, weights = _spline_weights(torch.where(near, place, torch.zeros_like(place)))
        deposits = weights * torch.where(near, values, torch.zeros_like(values))[..., None]
        # The margin below the axis is the upper end of the periodic grid.
        grid = values.new_zeros(len(values), self.points).scatter_add(
            1, torch.remainder(index, self.points).flatten(1), deposits.flatten(1)
        )
        transform = torch.fft.rfft(grid) * self._transfer(gaussian, lorentzian)
        fine = torch.fft.irfft(transform, self.points)
        if isinstance(self.channels, slice):
            return fine[:, self.channels]
        index, weights = _spline_weights(self.channels)
        return (fine[:, torch.remainder(index, self.points)] * weights).sum(-1)

    def _transfer(self, gaussian: Tensor, lorentzian: Tensor) -> Tensor:
        """Transform of each row's Voigt profile over that of the splines, (R, points // 2 + 1), per 1/cm."""
        cycles = torch.fft.rfftfreq(self.points, dtype=torch.float64, device=gaussian.device)
        splines = torch.special.sinc(cycles) ** (4 if isinstance(self.channels, slice) else 8)
        frequency = (cycles / self.step).to(gaussian)
        scale = (1 / (self.step * splines)).to(gaussian)
        square = frequency**2 * (-2 * (pi * _SIGMA_PER_FWHM) ** 2)
        exponent = torch.outer(gaussian**2, square) - torch.outer(lorentzian, pi * frequency)
        return exponent.exp_() * scale


def _grid_step(gaussian: Tensor, lorentzian: Tensor) -> Tensor:
    """The step that resolves a Voigt profile."""
    return torch.hypot(gaussian / _STEPS_PER_GAUSSIAN, lorentzian / _STEPS_PER_LORENTZIAN)


def _spline_weights(place: Tensor) -> tuple[Tensor, Tensor]:
    """The four grid points around each place (..., 4), and the cubic B-spline's weights there, which sum to 1."""
    floor = place.floor()
    t = (place - floor)[..., None]
    s = 1 - t
    weights = torch.cat([s**3, 3 * t**3 - 6 * t**2 + 4, 3 * s**3 - 6 * s**2 + 4, t**3], -1) / 6
    return floor.long()[..., None] + torch.arange(-1, 3, device=place.device), weights


def _fast_length(n: int) -> int:
    """The smallest 2^a 3^b 5^c of at least n that is even: lengths whose FFT is fast."""
    best = 1 << (n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            best = min(best, max(2, 1 << max(0, -(-n // three) - 1).bit_length()) * three)
            three *= 3
        five *= 5
    return best
