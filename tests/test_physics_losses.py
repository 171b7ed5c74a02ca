"""Losses from physics and transport: 0 for a valid spectrum, more for a larger violation, gradients, oracles."""

import math
from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from symvib.errors import ModelError  # noqa: E402
from symvib.forward.kramers_kronig import dispersion_from_absorption_index  # noqa: E402
from symvib.forward.line_shapes import voigt  # noqa: E402
from symvib.spektron import losses  # noqa: E402

AXIS = torch.linspace(400.0, 4000.0, 2048, dtype=torch.float64)


def draws(*shape, seed=0, grad=False):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.requires_grad_(grad)


def increases(values):
    return all(a < b for a, b in pairwise([float(value) for value in values]))


def bands(wavenumbers, intensities, axis=AXIS, gaussian=6.0, lorentzian=6.0):
    """Spectrum (L,) of a few lines, each a Voigt band."""
    total = sum(
        height * voigt(axis.numpy() - centre, gaussian, lorentzian)
        for centre, height in zip(wavenumbers, intensities, strict=True)
    )
    return torch.as_tensor(total)


# non-negativity


def test_non_negativity():
    spectrum = bands([1000, 1700], [2.0, 5.0])
    assert losses.non_negativity(spectrum) == 0
    assert increases(losses.non_negativity(spectrum - e) for e in (0.0, 0.01, 0.1))
    mask = spectrum > 0.05
    assert losses.non_negativity(spectrum - 0.05, mask) == 0
    assert losses.non_negativity(-spectrum, torch.zeros_like(mask)) == 0
    assert losses.non_negativity(spectrum - 0.1, torch.ones_like(mask)) == losses.non_negativity(spectrum - 0.1)


# integrated intensity


@pytest.mark.parametrize("windows", [1, 7])
def test_integrated_intensity_of_a_rendered_line_list(windows):
    wavenumbers, intensities = [650.0, 1234.0, 1700.0, 2950.0], [3.0, 1.0, 10.0, 4.0]
    spectrum = bands(wavenumbers, intensities)
    areas = losses.line_areas(
        torch.tensor(wavenumbers, dtype=torch.float64),
        torch.tensor(intensities, dtype=torch.float64),
        AXIS,
        gaussian_fwhm_cm1=6.0,
        lorentzian_fwhm_cm1=6.0,
        windows=windows,
    )
    assert areas.shape == (windows,)
    assert losses.integrated_intensity(spectrum, AXIS, areas).item() < 1e-6
    scaled = [losses.integrated_intensity(spectrum * gain, AXIS, areas) for gain in (1.0, 1.1, 1.5)]
    assert increases(scaled)
    if windows == 1:
        assert scaled[1].item() == pytest.approx(0.01, rel=1e-2)


def test_windows_see_intensity_at_the_wrong_place():
    areas = losses.line_areas(torch.tensor([1000.0]), torch.tensor([1.0]), AXIS, windows=6)
    assert areas.tolist() == [0, 1, 0, 0, 0, 0]
    moved = [losses.integrated_intensity(bands([x], [1.0]), AXIS, areas.double()) for x in (1300, 1550, 1610, 1750)]
    assert moved[0] < 1e-4
    assert increases(moved)


@pytest.mark.parametrize(("gaussian", "lorentzian"), [(10.0, 0.0), (0.0, 10.0), (6.0, 6.0), (10.0, 2.0), (2.0, 10.0)])
def test_band_distribution_against_the_integrated_voigt_profile(gaussian, lorentzian):
    fine = np.linspace(-60, 60, 24001)
    profile = voigt(fine, gaussian, lorentzian)
    steps = 0.5 * (profile[1:] + profile[:-1]) * np.diff(fine)
    expected = 0.5 + np.append(0, np.cumsum(steps)) - steps.sum() / 2  # symmetric about the centre
    got = np.array(
        [
            losses.line_areas(
                torch.zeros(1, dtype=torch.float64),
                torch.ones(1, dtype=torch.float64),
                torch.tensor([-1e9, x], dtype=torch.float64),
                gaussian_fwhm_cm1=gaussian,
                lorentzian_fwhm_cm1=lorentzian,
            ).item()
            for x in fine[::400]
        ]
    )
    assert np.abs(got - expected[::400]).max() < (1e-6 if 0 in (gaussian, lorentzian) else 0.007)


def test_line_areas_leave_out_what_is_off_the_axis_and_padding():
    wavenumbers = torch.tensor([[400.0, 100.0, 0.0], [1000.0, 5000.0, 0.0]])
    areas = losses.line_areas(wavenumbers, torch.tensor([[2.0, 1.0, 0.0], [3.0, 1.0, 0.0]]), AXIS, gaussian_fwhm_cm1=8)
    assert areas[:, 0].tolist() == pytest.approx([1.0, 3.0])


def test_integrated_intensity_skips_what_has_none():
    axis = torch.linspace(0.0, 10.0, 11)
    spectra = torch.ones(3, 11, requires_grad=True)
    loss = losses.integrated_intensity(spectra, axis, torch.tensor([[10.0], [0.0], [5.0]]), torch.tensor([1, 1, 0]))
    loss.backward()
    assert loss == 0
    assert torch.isfinite(spectra.grad).all()
    with pytest.raises(ModelError, match="windows"):
        losses.integrated_intensity(spectra, axis, torch.ones(3))


# baseline


def test_baseline_smoothness_is_zero_for_straight_lines():
    x = torch.linspace(0, 1, 2048, dtype=torch.float64)
    assert losses.baseline_smoothness(torch.stack([0 * x + 3, 2 * x - 1])).item() < 1e-28


def test_baseline_smoothness_tells_polynomials_from_bands_and_noise():
    x = torch.linspace(-1, 1, 2048, dtype=torch.float64)
    polynomials = [losses.baseline_smoothness(p).item() for p in (1 - x**2, x**3, 8 * x**4 - 8 * x**2 + 1)]
    assert max(polynomials) < 3e-4
    assert losses.baseline_smoothness(1 - x**2).item() == pytest.approx(1e-6, rel=0.5)
    band = bands([1500], [1.0], gaussian=0.0, lorentzian=10.0)
    violations = [losses.baseline_smoothness(1 - x**2 + e * band / band.max()).item() for e in (0.0, 0.1, 0.3, 1.0)]
    assert increases(violations)
    noise = draws(2048)
    assert losses.baseline_smoothness(noise).item() == pytest.approx(1.5, rel=0.1)  # 1 + 1/4 + 1/4 of the variance


@pytest.mark.parametrize("period", [2, 3, 7, 16, 56, 64])
def test_baseline_smoothness_sees_waves_of_every_length(period):
    wave = torch.sin(2 * math.pi * torch.arange(2048, dtype=torch.float64) / period + 0.3)
    assert losses.baseline_smoothness(wave) > 0.2


def test_baseline_smoothness_in_float32_and_on_few_channels():
    x = torch.linspace(0, 1, 2048)
    assert losses.baseline_smoothness(2 * x - 1).item() < 1e-12
    assert losses.baseline_smoothness(torch.tensor([0.0, 1.0, 0.0])).item() == 1
    with pytest.raises(ModelError, match="2 channels"):
        losses.baseline_smoothness(torch.zeros(2))


# Kramers-Kronig


def oscillators(axis):
    """n - n_inf and k (small) of two damped oscillators, chi = sum f nu0^2/(nu0^2 - nu^2 - i w nu)."""
    nu = axis.numpy()
    chi = sum(f * 1e6 / (c**2 - nu**2 - 1j * w * nu) for f, c, w in ((0.01, 1200.0, 20.0), (0.02, 2500.0, 30.0)))
    return torch.as_tensor(chi.real / 2), torch.as_tensor(chi.imag / 2)


def test_dispersion_equals_that_of_the_forward_package():
    """Same piecewise linear integral; the continuation of the wings, which is left out here, is cut off by a window."""
    _, k = oscillators(AXIS)
    k = k * torch.sin(math.pi * (AXIS - 400) / 3600) ** 2
    expected = torch.as_tensor(dispersion_from_absorption_index(AXIS.numpy(), k.numpy()).copy())
    got = losses.dispersion(k, AXIS)
    assert (got - expected).abs().max() < 1e-12 * expected.abs().max() + 1e-15


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_dispersion_of_a_batch_and_in_float32(dtype, tolerance):
    _, k = oscillators(AXIS)
    one = losses.dispersion(k, AXIS)
    many = losses.dispersion(torch.stack([k, 2 * k])[None].to(dtype), AXIS.to(dtype))
    assert many.shape == (1, 2, 2048)
    assert many.dtype == dtype
    assert (many[0, 1].double() - 2 * one).abs().max() < tolerance * one.abs().max()


def test_kramers_kronig_is_small_for_an_oscillator_and_grows():
    n, k = oscillators(AXIS)
    size = n.var().item()
    valid = losses.kramers_kronig(n, k, AXIS).item()
    assert valid < 2e-3 * size
    assert losses.kramers_kronig(n + 5, k, AXIS).item() == pytest.approx(valid)  # n_inf is free
    assert losses.kramers_kronig(losses.dispersion(k, AXIS) + 1, k, AXIS).item() < 1e-28
    assert increases(losses.kramers_kronig((1 - e) * n, k, AXIS) for e in (0.0, 0.2, 1.0, 2.0))
    assert losses.kramers_kronig(-n, k, AXIS).item() == pytest.approx(4 * size, rel=0.1)


def test_kramers_kronig_refuses_other_axes():
    k = torch.zeros(50)
    with pytest.raises(ModelError, match="even axis"):
        losses.dispersion(k, torch.linspace(20.0, 60.0, 50) ** 2)
    with pytest.raises(ModelError, match="even axis"):
        losses.dispersion(k, torch.linspace(0.0, 60.0, 50))
    with pytest.raises(ModelError, match="one shape"):
        losses.kramers_kronig(k, k[:3], torch.linspace(20.0, 60.0, 50))


# mutual exclusion


IR, RAMAN = ([800.0, 1500.0], [1.0, 2.0]), ([1100.0, 1520.0, 3000.0], [3.0, 1.0, 2.0])
MODES = torch.tensor([[800.0, 1100.0, 1500.0, 1520.0, 3000.0, 0.0]], dtype=torch.float64)
YES, NO = torch.tensor([True]), torch.tensor([False])


@pytest.mark.parametrize("modes", [MODES, None], ids=["modes", "channels"])
def test_mutual_exclusion(modes):
    reference = torch.stack([bands(*IR), bands(*RAMAN)])[None]
    predicted = reference.clone()

    def penalty(share, molecule=YES):
        shown = predicted.clone()
        shown[0, 0] += share * bands(*RAMAN)  # g modes in the infrared
        return losses.mutual_exclusion(shown, reference, AXIS, molecule, wavenumbers_cm1=modes)

    # g and u modes 20 1/cm apart share a window: no violation
    assert penalty(0.0) == 0
    assert increases(penalty(share) for share in (0.0, 0.05, 0.2, 1.0))
    assert penalty(1.0, NO) == 0
    assert 0.1 < penalty(1.0) < 1


def test_mutual_exclusion_does_not_see_scales_or_negative_noise():
    reference = torch.stack([bands(*IR), bands(*RAMAN)])[None]
    predicted = torch.stack([bands(*RAMAN), 5 * bands(*RAMAN)])[None]
    value = losses.mutual_exclusion(predicted, reference, AXIS, YES, wavenumbers_cm1=MODES)
    scaled = torch.stack([40 * bands(*RAMAN), 5 * bands(*RAMAN)])[None]
    other = losses.mutual_exclusion(scaled, 7 * reference, AXIS, YES, wavenumbers_cm1=MODES)
    assert other.item() == pytest.approx(value.item(), rel=1e-10)
    below = predicted - torch.where(predicted < 1e-3, 0.5, 0.0)
    assert torch.isfinite(losses.mutual_exclusion(below, reference, AXIS, YES))


def test_mutual_exclusion_is_one_at_most_in_a_single_window():
    narrow = bands([2000.0], [1.0], gaussian=3.0, lorentzian=0.0)
    predicted = torch.stack([narrow, narrow])[None]
    reference = torch.stack([bands([1000.0], [1.0]), bands([3000.0], [1.0])])[None]
    modes = torch.tensor([[2000.0]], dtype=torch.float64)
    value = losses.mutual_exclusion(predicted, reference, AXIS, YES, wavenumbers_cm1=modes)
    assert value.item() == pytest.approx(1, abs=1e-6)


def test_mutual_exclusion_is_the_mean_over_centrosymmetric_molecules():
    reference = torch.stack([bands(*IR), bands(*RAMAN)])[None].expand(3, 2, -1)
    predicted = torch.stack([bands(*RAMAN), bands(*RAMAN)])[None].expand(3, 2, -1)
    modes = MODES.expand(3, -1)
    one = losses.mutual_exclusion(predicted[:1], reference[:1], AXIS, YES, wavenumbers_cm1=modes[:1])
    flags = torch.tensor([True, False, True])
    assert losses.mutual_exclusion(predicted, reference, AXIS, flags, wavenumbers_cm1=modes).item() == pytest.approx(
        one.item()
    )
    with pytest.raises(ModelError, match="IR and Raman"):
        losses.mutual_exclusion(predicted[:, 0], reference[:, 0], AXIS, flags)


# transport


def test_sinkhorn_divergence_is_zero_for_a_sample_and_its_permutation():
    x = draws(30, 4)
    assert abs(losses.sinkhorn_divergence(x, x).item()) < 1e-12
    assert abs(losses.sinkhorn_divergence(x, x.flip(0)).item()) < 1e-9
    assert losses.sinkhorn_divergence(torch.ones(4, 2), torch.ones(3, 2)) == 0


@pytest.mark.parametrize("epsilon", [0.1, 10.0])
def test_sinkhorn_divergence_of_a_shift_is_its_square(epsilon):
    """The debiased divergence of a sample and its translation is the squared distance, for every epsilon."""
    x = draws(40, 3)
    shift = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64)
    for factor in (0.5, 1.0, 2.0):
        got = losses.sinkhorn_divergence(x, x + factor * shift, epsilon)
        assert got.item() == pytest.approx(factor**2 * shift.square().sum().item(), rel=1e-3)


def test_sinkhorn_divergence_grows_with_a_change_of_shape():
    x = draws(50, 2)
    assert increases(losses.sinkhorn_divergence(x, x * torch.tensor([s, 1.0]), 0.5) for s in (1.0, 1.3, 2.0))


def test_sinkhorn_divergence_goes_to_exact_transport():
    import ot

    x, y = draws(12, 2), draws(15, 2, seed=4) * 0.5 + 1
    exact = ot.emd2(np.full(12, 1 / 12), np.full(15, 1 / 15), ot.dist(x.numpy(), y.numpy()))
    assert losses.sinkhorn_divergence(x, y, 0.01).item() == pytest.approx(float(exact), rel=0.02)


def test_sinkhorn_divergence_equals_that_of_pot():
    import ot

    x, y = draws(12, 2), draws(15, 2, seed=4) * 0.5 + 1

    def cost(first, second):
        result = ot.solve(ot.dist(first.numpy(), second.numpy()), reg=0.7, reg_type="KL", tol=1e-12)
        return float(result.value)

    expected = cost(x, y) - 0.5 * (cost(x, x) + cost(y, y))
    assert losses.sinkhorn_divergence(x, y, 0.7, tolerance=1e-12).item() == pytest.approx(expected, rel=1e-8)


def test_sinkhorn_gradient_moves_one_sample_onto_the_other():
    x, y = draws(20, 2, grad=True), draws(20, 2, seed=5) + 3
    position = x
    values = []
    for _ in range(12):
        value = losses.sinkhorn_divergence(position, y, 0.5)
        (gradient,) = torch.autograd.grad(value, position)
        values.append(value.item())
        position = (position - 5 * gradient).detach().requires_grad_()
    assert values[-1] < 0.02 * values[0]


def test_sinkhorn_in_float32():
    x, y = draws(20, 8), draws(20, 8, seed=1) + 1
    value = losses.sinkhorn_divergence(x.float(), y.float(), 1.0)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(losses.sinkhorn_divergence(x, y, 1.0).item(), rel=1e-5)
    with pytest.raises(ModelError, match="epsilon"):
        losses.sinkhorn_divergence(x, y, -1.0)
    with pytest.raises(ModelError, match="samples"):
        losses.sinkhorn_divergence(x, y[:, :3])


# gradients


SHORT = torch.linspace(100.0, 130.0, 40, dtype=torch.float64)
GRADCHECKED = {
    "non_negativity": losses.non_negativity,
    "integrated_intensity": lambda x: losses.integrated_intensity(x.flatten(1), SHORT, draws(2, 3, seed=1).abs()),
    "baseline_smoothness": losses.baseline_smoothness,
    "kramers_kronig n": lambda x: losses.kramers_kronig(x, draws(2, 1, 40, seed=1), SHORT),
    "kramers_kronig k": lambda x: losses.kramers_kronig(draws(2, 1, 40, seed=1), x, SHORT),
    "mutual_exclusion": lambda x: losses.mutual_exclusion(
        (x * x).expand(2, 2, 40),
        draws(2, 2, 40, seed=3).abs() * 0.1 + torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)[:, :1, None],
        SHORT,
        torch.tensor([True, True]),
        half_width_cm1=3.3,
    ),
    "sinkhorn_divergence": lambda x: losses.sinkhorn_divergence(
        x.reshape(10, 8), draws(7, 8, seed=2), 8.0, tolerance=1e-13
    ),
}


@pytest.mark.parametrize("name", GRADCHECKED)
def test_gradients_against_differences(name):
    assert torch.autograd.gradcheck(GRADCHECKED[name], (draws(2, 1, 40, seed=7, grad=True),), atol=1e-7, rtol=1e-4)
