"""What physics says about a spectrum, as losses: each is 0 for a valid spectrum and grows with the violation.

Spectra are samples on an ascending axis in 1/cm; integrals are by the trapezoidal rule on it. All losses are
differentiable in the spectra and take leading dimensions of any number.
"""

from math import log, pi, sqrt

import torch
from torch import Tensor

from ..errors import ModelError

__all__ = [
    "baseline_smoothness",
    "dispersion",
    "integrated_intensity",
    "kramers_kronig",
    "line_areas",
    "mutual_exclusion",
    "non_negativity",
]

_SPANS_PER_AXIS = 32  # the longest span of `baseline_smoothness` is this part of the axis


def non_negativity(spectra: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean squared negative part of absorbances or scattered intensities (..., L): 0 where nothing is below 0.

    ``mask`` (..., L) of bool is True for the channels that count.

    Examples
    --------
    >>> non_negativity(torch.tensor([1.0, -0.5, 0.0, 2.0])).item()
    0.0625
    """
    negative = torch.clamp(spectra, max=0.0)
    if mask is None:
        return negative.square().mean() if negative.numel() else negative.sum()
    return torch.where(mask.bool(), negative, 0.0).square().sum() / mask.sum().clamp(min=1)


def line_areas(
    wavenumbers_cm1: Tensor,
    intensities: Tensor,
    axis: Tensor,
    *,
    gaussian_fwhm_cm1: float = 0.0,
    lorentzian_fwhm_cm1: float = 0.0,
    windows: int = 1,
) -> Tensor:
    """Integral (..., windows) of the bands of a line list over the axis, or over equal parts of it.

    Each line has a band of unit area per unit intensity: a pseudo-Voigt profile of the two widths (P. Thompson, D. E.
    Cox, J. B. Hastings, J. Appl. Cryst. 20, 79, 1987), whose distribution function is within 0.007 of that of the Voigt
    profile (tested); what a band leaves outside the axis is not counted. Widths 0: each line in one point.

    Parameters
    ----------
    wavenumbers_cm1, intensities : Tensor (..., n)
        Lines; intensity 0 for padding.
    axis : Tensor (L,)
        Ascending, 1/cm.
    windows : int
        Number of parts, of L/windows channels each.
    """
    edges = _edges(axis, windows).to(intensities.dtype)
    below = _distribution(edges - wavenumbers_cm1[..., None], gaussian_fwhm_cm1, lorentzian_fwhm_cm1)
    return (intensities[..., None] * below.diff(dim=-1)).sum(-2)


def integrated_intensity(predicted: Tensor, axis: Tensor, areas: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean squared relative error of the integrated intensity of spectra (..., L): a conserved quantity.

    The integral over each window of the axis is compared with ``areas`` (..., windows), those of the line list (see
    `line_areas`) in the scale of the spectra; the sum of the squared differences is divided by the square of the total
    area. Spectra whose total area is 0 do not count, nor those where ``mask`` (...) is False.

    Examples
    --------
    >>> axis = torch.linspace(0.0, 10.0, 11)
    >>> integrated_intensity(torch.ones(11), axis, torch.tensor([8.0])).item()  # 10 instead of 8
    0.0625
    """
    if areas.shape[:-1] != predicted.shape[:-1] or predicted.shape[-1] != len(axis):
        raise ModelError(
            f"integrated_intensity: spectra {tuple(predicted.shape)}, axis {tuple(axis.shape)}, areas "
            f"{tuple(areas.shape)}; (..., L), (L,) and (..., windows) are needed."
        )
    windows = areas.shape[-1]
    cumulative = _cumulative(predicted, axis)
    at_edges = _interpolated(cumulative, axis, _edges(axis, windows).expand(*predicted.shape[:-1], windows + 1))
    total = areas.sum(-1)
    counts = total > 0 if mask is None else (total > 0) & mask.bool()
    scale = torch.where(counts, total, 1.0)
    errors = (at_edges.diff(dim=-1) - areas).square().sum(-1) / scale.square()
    return torch.where(counts, errors, 0.0).sum() / counts.sum().clamp(min=1)


def baseline_smoothness(baseline: Tensor) -> Tensor:
    """Mean squared deviation of a baseline (..., L) from the mean of its neighbours, over spans of many sizes.

    For each span s = 1, 2, 4, ... channels up to L/32 the second difference b(i) - [b(i - s) + b(i + s)]/2; the mean of
    its square over i and s. 0 for a straight baseline and small for one that bends over the whole axis (a parabola from
    0 to 1 and back costs 2e-6 on 2048 channels), but of the size of the squared height for anything that a band or
    noise could be: short spans see jagged ones, long spans see bands. No low-pass filter is needed before.

    Examples
    --------
    >>> x = torch.linspace(0, 1, 256, dtype=torch.float64)
    >>> smooth, waves = baseline_smoothness(x * (1 - x)), baseline_smoothness(torch.sin(60 * x))
    >>> bool(waves > 1000 * smooth)
    True
    """
    length = baseline.shape[-1]
    if length < 3:
        raise ModelError(f"baseline_smoothness: {length} channels; 3 or more are needed.")
    terms = []
    span = 1
    while span == 1 or span <= length // _SPANS_PER_AXIS:
        middle = baseline[..., span:-span]
        around = 0.5 * (baseline[..., : -2 * span] + baseline[..., 2 * span :])
        terms.append((middle - around).square().mean())
        span *= 2
    return torch.stack(terms).mean()


def dispersion(absorption_index: Tensor, axis: Tensor) -> Tensor:
    """Refractive-index change n - n_inf (..., L) from the absorption index k (..., L) by the Kramers-Kronig relation.

    n(nu) - n_inf = (2/pi) P int nu' k(nu') / (nu'^2 - nu^2) dnu', waves exp(-i omega t). Exact for the piecewise linear
    function through the samples that falls to 0 within one step outside the axis, as
    `symvib.forward.kramers_kronig`, whose continuation of the wings it leaves out; by FFT, O(L log L), differentiable.

    Parameters
    ----------
    absorption_index : Tensor (..., L)
    axis : Tensor (L,)
        Even, 1/cm, from more than one step above 0.
    """
    length, step = _even("dispersion", axis)
    if absorption_index.shape[-1] != length:
        raise ModelError(f"dispersion: samples {tuple(absorption_index.shape)} on an axis of {length}.")
    indices = torch.arange(-length, length + 1, dtype=torch.float64, device=axis.device)
    twice_start = 2 * float(axis[0]) / step
    sums = torch.arange(-1, 2 * length, dtype=torch.float64, device=axis.device) + twice_start
    difference_kernel = _second_difference(_primitive(indices))  # offsets -(L-1) .. L-1
    sum_kernel = _second_difference(_primitive(sums))  # index sums 0 .. 2L-2
    size = 4 * length
    samples = absorption_index.to(torch.promote_types(absorption_index.dtype, torch.float32))
    dtype = samples.dtype
    transform = torch.fft.rfft(samples, size)
    # sum_j k_j W(j - i): a correlation; sum_j k_j V(i + j): the same with the kernel turned round
    first = _correlation(samples, difference_kernel.to(dtype), size)
    second = torch.fft.irfft(transform.conj() * torch.fft.rfft(sum_kernel.to(dtype), size), size)[..., :length]
    return (first + second) / pi


def kramers_kronig(n_minus_n_inf: Tensor, absorption_index: Tensor, axis: Tensor) -> Tensor:
    """Mean squared difference of a predicted n (..., L) from the one that the predicted k (..., L) entails.

    A constant is left free in each spectrum (n_inf, and what bands far outside the axis add). See `dispersion` for the
    convention and the axis.
    """
    if n_minus_n_inf.shape != absorption_index.shape:
        raise ModelError(
            f"kramers_kronig: n {tuple(n_minus_n_inf.shape)}, k {tuple(absorption_index.shape)}; one shape is needed."
        )
    difference = n_minus_n_inf - dispersion(absorption_index, axis)
    return (difference - difference.mean(-1, keepdim=True)).square().mean()


def mutual_exclusion(
    predicted: Tensor,
    reference: Tensor,
    axis: Tensor,
    centrosymmetric: Tensor,
    *,
    wavenumbers_cm1: Tensor | None = None,
    half_width_cm1: float = 15.0,
) -> Tensor:
    """Penalty on bands that a centrosymmetric molecule shows in both IR and Raman, mean over those molecules.

    With an inversion centre a mode is active in one of the two at most. For each mode the share of the IR spectrum's
    area within ``half_width_cm1`` of it is multiplied by the same share of the Raman spectrum, and the excess of this
    product over that of the reference spectra is summed over the modes. The reference carries the molecule's own
    selection rules: a g and a u mode that happen to lie in one window are no violation. 0 for predicted = reference,
    and for any spectrum that adds no common band; 1 if all area is in one window of both where the reference has none.
    Negative intensities count as 0.

    Parameters
    ----------
    predicted, reference : Tensor (B, 2, L)
        IR and Raman, in any scale; the reference is rendered from the line list without distortion.
    axis : Tensor (L,)
        Ascending, 1/cm.
    centrosymmetric : Tensor (B,) of bool
        Whether the point group has an inversion. Other molecules have no such rule and do not count.
    wavenumbers_cm1 : Tensor (B, n), optional
        Fundamentals, silent ones included; 0 for padding. Without them every channel is a window, and the products are
        integrated over the axis in units of the window.

    Notes
    -----
    Time and memory O(B (L + n)).
    """
    if predicted.shape != reference.shape or predicted.ndim != 3 or predicted.shape[1] != 2:
        raise ModelError(
            f"mutual_exclusion: predicted {tuple(predicted.shape)}, reference {tuple(reference.shape)}; both must be "
            "(B, 2, L), IR and Raman."
        )
    if wavenumbers_cm1 is None:
        centres = axis.expand(len(predicted), -1)
        weights = _trapezoid(axis) / (2 * half_width_cm1)
    else:
        centres, weights = wavenumbers_cm1, torch.ones_like(wavenumbers_cm1)
    products = _shared_area(predicted, axis, centres, half_width_cm1)
    allowed = _shared_area(reference, axis, centres, half_width_cm1)
    excess = (weights * torch.clamp(products - allowed, min=0.0)).sum(-1)
    counts = centrosymmetric.bool()
    return torch.where(counts, excess, 0.0).sum() / counts.sum().clamp(min=1)


def _shared_area(spectra: Tensor, axis: Tensor, centres: Tensor, half_width: float) -> Tensor:
    """Product (B, n) over both spectra of the share of the area that lies in the windows around ``centres`` (B, n)."""
    cumulative = _cumulative(torch.clamp(spectra, min=0.0), axis)
    both = centres[:, None].expand(-1, 2, -1)
    window = _interpolated(cumulative, axis, both + half_width) - _interpolated(cumulative, axis, both - half_width)
    total = cumulative[..., -1:].clamp(min=torch.finfo(cumulative.dtype).tiny)
    return (window / total).prod(1)


def _trapezoid(axis: Tensor) -> Tensor:
    """Weights (L,) of the trapezoidal rule."""
    steps = axis.diff()
    weights = torch.zeros_like(axis)
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return weights


def _cumulative(spectra: Tensor, axis: Tensor) -> Tensor:
    """Integral (..., L) from the start of the axis up to each channel."""
    cells = 0.5 * (spectra[..., 1:] + spectra[..., :-1]) * axis.diff().to(spectra.dtype)
    return torch.nn.functional.pad(cells.cumsum(-1), (1, 0))


def _interpolated(values: Tensor, axis: Tensor, points: Tensor) -> Tensor:
    """Values (..., n) at points (..., n) between the samples (..., L), constant beyond the ends."""
    axis = axis.to(values.dtype)
    points = points.to(values.dtype).clamp(float(axis[0]), float(axis[-1])).contiguous()
    right = torch.searchsorted(axis.contiguous(), points).clamp(1, len(axis) - 1)
    share = (points - axis[right - 1]) / (axis[right] - axis[right - 1])
    return torch.lerp(values.gather(-1, right - 1), values.gather(-1, right), share)


def _edges(axis: Tensor, windows: int) -> Tensor:
    """Bounds (windows + 1,) of equal parts of the axis."""
    if windows < 1:
        raise ModelError(f"{windows} windows of an axis; 1 or more are needed.")
    shares = torch.linspace(0.0, 1.0, windows + 1, dtype=torch.float64, device=axis.device)
    return (float(axis[0]) + shares * (float(axis[-1]) - float(axis[0]))).to(axis.dtype)


def _distribution(distance: Tensor, gaussian_fwhm: float, lorentzian_fwhm: float) -> Tensor:
    """Area of a pseudo-Voigt band of unit area up to ``distance`` above its centre."""
    if gaussian_fwhm < 0 or lorentzian_fwhm < 0:
        raise ModelError(f"Widths {gaussian_fwhm:g} and {lorentzian_fwhm:g} 1/cm; 0 or more are needed.")
    if gaussian_fwhm == lorentzian_fwhm == 0:
        return (distance >= 0).to(distance.dtype)
    g, l = gaussian_fwhm, lorentzian_fwhm  # noqa: E741 - as in the source
    width = (
        g**5 + 2.69269 * g**4 * l + 2.42843 * g**3 * l**2 + 4.47163 * g**2 * l**3 + 0.07842 * g * l**4 + l**5
    ) ** 0.2
    ratio = l / width
    mixing = 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3
    gaussian = 0.5 * (1 + torch.erf(distance * (2 * sqrt(log(2)) / width)))
    lorentzian = 0.5 + torch.atan(distance * (2 / width)) / pi
    return mixing * lorentzian + (1 - mixing) * gaussian


def _even(caller: str, axis: Tensor) -> tuple[int, float]:
    """Number of points and step of an even axis that starts more than one step above 0."""
    steps = axis.double().diff()
    step = float(steps.mean())
    # float32 axes hold 1e-7 of the wavenumber
    slack = 1e-6 * step + 4 * torch.finfo(axis.dtype).eps * float(axis.abs().max())
    if step <= 0 or float((steps - step).abs().max()) > slack or float(axis[0]) <= step:
        raise ModelError(
            f"{caller}: an even axis that starts more than a step above 0 is needed; this one starts at "
            f"{float(axis[0]):g} with steps from {float(steps.min()):g} to {float(steps.max()):g} 1/cm."
        )
    return len(axis), step


def _primitive(u: Tensor) -> Tensor:
    """The function u ln|u|, 0 at 0; its second difference is the transform of the linear hat around a sample."""
    return torch.xlogy(u, u.abs())


def _second_difference(values: Tensor) -> Tensor:
    return values[2:] - 2 * values[1:-1] + values[:-2]


def _correlation(samples: Tensor, kernel: Tensor, size: int) -> Tensor:
    """sum_j samples_j kernel(j - i), the kernel given at the offsets -(L-1) .. L-1."""
    length = samples.shape[-1]
    turned = torch.fft.rfft(kernel.flip(0), size)  # kernel(-m) at m + L - 1
    return torch.fft.irfft(torch.fft.rfft(samples, size) * turned, size)[..., length - 1 : 2 * length - 1]
