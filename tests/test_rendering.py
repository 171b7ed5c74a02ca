"""Batched rendering against the exact one, line batches, augmentations."""

# ruff: noqa: E402 (torch is optional)

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (symvib[ml])")

from symvib.errors import SpectrumError
from symvib.forward.line_shapes import voigt_fwhm
from symvib.forward.lines import LineList
from symvib.forward.spectrum import render
from symvib.spektron import augmentation, rendering
from symvib.spektron.augmentation import ALLOWED, REFUSED, augment
from symvib.spektron.rendering import LineBatch, cosine_series, reference_spectra, render_batch, spectral_axis

AXES = {
    "default": spectral_axis(dtype=torch.float64),
    "fingerprint": spectral_axis(700, 800.0, 1800.0, dtype=torch.float64),
    "uneven": torch.cat([torch.linspace(400, 1500, 600), torch.linspace(1502, 4000, 500)]).double(),
    "coarse": spectral_axis(40, dtype=torch.float64),
}
WIDTHS = [(4.0, 0.0), (0.0, 4.0), (4.0, 3.0), (6.0, 6.0), (20.0, 10.0), (12.0, 0.0), (0.0, 12.0), (1.0, 0.5)]


def random_lists(count=5, lines=50, seed=0):
    """Line lists whose lines lie on, between and beyond the axes."""
    rng = np.random.default_rng(seed)
    return [
        LineList(np.sort(rng.uniform(30, 4300, n)), rng.exponential(30, n), rng.exponential(20, n))
        for n in rng.integers(lines // 2, lines, count)
    ]


def exact(lists, axis, widths):
    """The same by `forward.spectrum.render` ("raman": without the decadic factor of "ir"), (B, 2, L)."""
    as_raman = [
        [LineList(lines.wavenumbers_cm1, raman_a4_per_amu=lines.intensities(q)) for q in ("ir", "raman")]
        for lines in lists
    ]
    points = axis.double().numpy()
    return np.array([[render(one, points, "voigt", widths, "raman").intensity for one in row] for row in as_raman])


def relative_error(got, reference):
    """Largest deviation of each spectrum as a share of its maximum, the worst of all."""
    return float((np.abs(got.double().numpy() - reference).max(-1) / reference.max(-1)).max())


# ------------------------------------------------------------------------------------------ against the exact spectrum


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_as_the_exact_spectrum(axis, widths, dtype):
    lists = random_lists()
    got = render_batch(LineBatch.of(lists, dtype=dtype), axis.to(dtype), *widths)
    assert got.dtype == dtype
    assert relative_error(got, exact(lists, axis, widths)) < 1e-3


def test_a_single_line_wherever_it_lies_between_channels():
    axis = AXES["default"]
    places = 2000 + float(axis[1] - axis[0]) * np.linspace(0, 1, 17)
    lists = [LineList([place], [1.0], [1.0]) for place in places]
    got = render_batch(LineBatch.of(lists, dtype=torch.float64), axis, 4.0, 3.0)
    assert relative_error(got, exact(lists, axis, (4.0, 3.0))) < 3e-4


def test_the_wings_of_a_lorentzian_line_do_not_come_round():
    axis = AXES["default"]
    lists = [LineList([410.0], [1.0], [1.0]), LineList([3990.0], [1.0], [1.0])]
    got = render_batch(LineBatch.of(lists, dtype=torch.float64), axis, 0.0, 10.0)
    assert relative_error(got, exact(lists, axis, (0.0, 10.0))) < 3e-4
    assert float(got[0, 0, -1]) < 4e-5 * float(got[0, 0].max())


def test_every_spectrum_has_its_own_width_shift_and_modality():
    lists = random_lists(3)
    batch = LineBatch.of(lists, dtype=torch.float64)
    axis = AXES["default"]
    gaussian = torch.tensor([[4.0, 9.0], [6.0, 20.0], [12.0, 5.0]], dtype=torch.float64)
    lorentzian = torch.tensor([3.0, 0.0, 8.0], dtype=torch.float64)
    shift = torch.tensor([[1.3, -4.0], [0.0, 2.0], [5.0, 0.1]], dtype=torch.float64)
    got = render_batch(batch, axis, gaussian, lorentzian, shift)
    for b, lines in enumerate(lists):
        for m in range(2):
            moved = LineList(lines.wavenumbers_cm1 + float(shift[b, m]), lines.ir_km_per_mol, lines.raman_a4_per_amu)
            reference = exact([moved], axis, (float(gaussian[b, m]), float(lorentzian[b])))
            assert relative_error(got[b : b + 1, m : m + 1], reference[:, m : m + 1]) < 1e-3


def test_the_warp_moves_each_line_by_the_series():
    axis = AXES["default"]
    lines = LineList([1000.0, 2200.0, 3500.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    warp = torch.tensor([2.0, -1.0, 0.5], dtype=torch.float64)
    got = render_batch(LineBatch.of([lines], dtype=torch.float64), axis, 6.0, 4.0, warp=warp)
    u = (lines.wavenumbers_cm1 - 400) / 3600
    moved = lines.wavenumbers_cm1 + 2 * np.cos(np.pi * u) - np.cos(2 * np.pi * u) + 0.5 * np.cos(3 * np.pi * u)
    reference = exact([LineList(moved, lines.ir_km_per_mol, lines.raman_a4_per_amu)], axis, (6.0, 4.0))
    assert relative_error(got, reference) < 3e-4


def test_the_area_is_the_intensity():
    lines = LineList([1500.0, 2500.0], [3.0, 5.0], [7.0, 0.0])
    axis = AXES["default"]
    got = render_batch(LineBatch.of([lines], dtype=torch.float64), axis, 10.0, 0.0)
    assert torch.trapezoid(got, axis)[0].tolist() == pytest.approx([8.0, 7.0], rel=1e-5)


def test_linear_in_the_intensities_and_equal_under_padding():
    lists = random_lists(2, 20)
    axis = AXES["default"]
    alone = render_batch(LineBatch.of(lists[:1], dtype=torch.float64), axis, 5.0, 5.0)
    batch = LineBatch.of(lists + random_lists(1, 90, seed=4), dtype=torch.float64)
    together = render_batch(batch, axis, 5.0, 5.0)
    assert torch.allclose(alone[0], together[0], atol=1e-12)
    doubled = LineBatch(batch.wavenumbers_cm1, 2 * batch.intensities)
    assert torch.allclose(render_batch(doubled, axis, 5.0, 5.0), 2 * together, atol=1e-12)


def test_chunks_change_nothing(monkeypatch):
    batch = LineBatch.of(random_lists(6), dtype=torch.float64)
    whole = render_batch(batch, AXES["default"], 6.0, 2.0)
    monkeypatch.setattr(rendering, "_CHUNK_ENTRIES", 1)
    assert torch.allclose(render_batch(batch, AXES["default"], 6.0, 2.0), whole, rtol=0, atol=1e-13)


def test_differentiable_in_everything_given():
    axis = spectral_axis(24, 900.0, 1300.0, dtype=torch.float64)
    nodes = torch.tensor([[1000.0, 1111.0]], dtype=torch.float64, requires_grad=True)
    heights = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
    widths = [torch.tensor([[value]], dtype=torch.float64, requires_grad=True) for value in (60.0, 30.0, 2.0)]

    def spectrum(nodes, heights, gaussian, lorentzian, shift):
        return render_batch(LineBatch(nodes, heights, ("ir",)), axis, gaussian, lorentzian, shift)

    assert torch.autograd.gradcheck(spectrum, (nodes, heights, *widths), atol=1e-6)


def test_the_reference_is_ten_wide_and_one_high():
    assert voigt_fwhm(*rendering.REFERENCE_FWHM_CM1) == pytest.approx(10.0, abs=1e-12)
    axis = spectral_axis(36001, dtype=torch.float64)
    lines = LineList([1000.0], [17.0], [0.0])
    got = reference_spectra(LineBatch.of([lines], dtype=torch.float64), axis)[0]
    above = axis[got[0] >= 0.5]
    assert float(got[0].max()) == 1.0
    assert float(above[-1] - above[0]) == pytest.approx(10.0, abs=0.21)  # two steps
    assert not got[1].any()  # no Raman line: zero, not NaN


# -------------------------------------------------------------------------------------------------- line batches


def test_a_batch_holds_the_real_lines():
    lists = [
        LineList([-300.0, 0.0, 1000.0], [9.0, 9.0, 2.0], [1.0, 1.0, 3.0]),
        LineList([500.0, 700.0], [1, 2], [3, 4]),
    ]
    batch = LineBatch.of(lists, dtype=torch.float64)
    assert batch.wavenumbers_cm1.tolist() == [[1000.0, 0.0], [500.0, 700.0]]
    assert batch.intensities.tolist() == [[[2.0, 0.0], [3.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]]]
    assert LineBatch.of(lists, ["raman"]).intensities.shape == (2, 1, 2)


@pytest.mark.parametrize("index", [torch.tensor([2, 0]), np.array([2, 0]), [2, 0]], ids=["tensor", "array", "list"])
def test_picking_molecules(index):
    batch = LineBatch.of(random_lists(3))
    picked = batch[index]
    assert len(picked) == 2
    assert torch.equal(picked.intensities[0], batch.intensities[2])
    assert torch.equal(picked.wavenumbers_cm1[1], batch.wavenumbers_cm1[0])


def test_slices_masks_and_single_molecules_are_batches():
    batch = LineBatch.of(random_lists(4))
    mask = torch.tensor([True, False, True, True])
    assert [len(batch[1:3]), len(batch[mask]), len(batch[3]), len(batch[-1:])] == [
        2,
        3,
        1,
        1,
    ]
    assert batch.to(torch.float64).intensities.dtype == torch.float64


def test_no_molecules_and_no_lines():
    axis = spectral_axis(16)
    assert render_batch(LineBatch(torch.zeros(0, 3), torch.zeros(0, 2, 3)), axis, 5.0, 5.0).shape == (0, 2, 16)
    assert render_batch(LineBatch.of([LineList([], [], [])]), axis, 5.0, 5.0).tolist() == [[[0.0] * 16] * 2]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: LineBatch(torch.zeros(2, 3), torch.zeros(2, 3)), r"\(2, 3\)"),
        (lambda: LineBatch(torch.zeros(2, 3), torch.zeros(2, 1, 3), ("nir",)), "nir"),
        (lambda: LineBatch(torch.ones(1, 1), -torch.ones(1, 1, 1), ("ir",)).checked(), "-1"),
        (lambda: LineBatch(torch.full((1, 1), torch.nan), torch.ones(1, 1, 1), ("ir",)).checked(), "nan"),
        (lambda: LineBatch.of([LineList([1000.0], [1.0])]), "raman"),
        (lambda: spectral_axis(1), "two channels"),
        (lambda: spectral_axis(10, 500.0, 400.0), "lowest < highest"),
        (lambda: render_batch(LineBatch.of(random_lists(1)), spectral_axis().flip(0), 5.0, 5.0), "flip"),
        (lambda: render_batch(LineBatch.of(random_lists(1)), spectral_axis(), 0.0, 0.0), "above 0"),
        (lambda: render_batch(LineBatch.of(random_lists(1)), spectral_axis(), -1.0, 5.0), "0 or more"),
        (lambda: render_batch(LineBatch.of(random_lists(1)), spectral_axis(), float("nan"), 5.0), "nan"),
        (lambda: render_batch(LineBatch.of(random_lists(1)), spectral_axis(), 0.001, 0.0), "grid of"),
        (lambda: render_batch(LineBatch.of(random_lists(2)), spectral_axis(), torch.ones(3), 5.0), r"\(3,\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(SpectrumError, match=words):
        call()


def test_the_cosine_series_is_one():
    x = torch.linspace(400, 4000, 50, dtype=torch.float64)
    coefficients = torch.tensor([0.3, -0.2, 0.7, 1.1], dtype=torch.float64)
    u = (x - 400) / 3600
    expected = sum(c * torch.cos(torch.pi * (k + 1) * u) for k, c in enumerate(coefficients))
    assert torch.allclose(cosine_series(x, coefficients, 400.0, 4000.0), expected, atol=1e-12)


# -------------------------------------------------------------------------------------------------- augmentations


@pytest.fixture
def spectra():
    axis = spectral_axis(400, dtype=torch.float64)
    return reference_spectra(LineBatch.of(random_lists(3), dtype=torch.float64), axis).clone()


OPTIONS = {"shift": {"axis": spectral_axis(400, dtype=torch.float64)}, "baseline": {}, "noise": {}, "gain": {}}


@pytest.mark.parametrize("name", ALLOWED)
def test_augmentations_follow_the_generator(name, spectra):
    before = torch.random.get_rng_state()
    kept = spectra.clone()
    first, again = (augment(spectra, name, torch.Generator().manual_seed(3), **OPTIONS[name]) for _ in range(2))
    other = augment(spectra, name, torch.Generator().manual_seed(4), **OPTIONS[name])
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == spectra.shape
    assert torch.equal(spectra, kept)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_shift_moves_a_band_by_no_more_than_allowed():
    axis = spectral_axis(3601, dtype=torch.float64)
    band = reference_spectra(LineBatch.of([LineList([2000.0], [1.0], [1.0])], dtype=torch.float64), axis)[:, 0]
    moved = augmentation.shift(band.expand(200, -1), axis, torch.Generator().manual_seed(0), 3.0)
    centres = (moved * axis)[:, 1500:1700].sum(-1) / moved[:, 1500:1700].sum(-1)
    offsets = centres - float((band * axis)[:, 1500:1700].sum() / band[:, 1500:1700].sum())
    assert float(offsets.abs().max()) <= 3.05
    assert float(offsets.max()) > 2.5
    assert float(offsets.min()) < -2.5


def test_a_baseline_is_a_polynomial_of_degree_four(spectra):
    added = (augmentation.baseline(spectra, torch.Generator().manual_seed(0), 0.2) - spectra).flatten(0, 1).numpy()
    x = np.linspace(-1, 1, 400)
    rest = added - np.polynomial.chebyshev.chebval(x, np.polynomial.chebyshev.chebfit(x, added.T, 4))
    assert np.abs(rest).max() < 1e-12
    assert added.min() > -1e-12
    assert 0.02 < added.max() <= 0.2


def test_noise_and_gain_have_their_size():
    flat = torch.ones(300, 2000, dtype=torch.float64)
    deviations = augmentation.noise(flat, torch.Generator().manual_seed(0), 0.03).std(-1)
    assert 0.028 < float(deviations.max()) < 0.032
    assert float(deviations.min()) < 0.002
    factors = augmentation.gain(flat, torch.Generator().manual_seed(0), 2.0)[:, 0]
    assert 0.5 <= float(factors.min()) < 0.55
    assert 1.8 < float(factors.max()) <= 2.0


@pytest.mark.parametrize("name", [*REFUSED, "Flip", "time_warp", "random-crop", "roll", "gamma"])
def test_unphysical_augmentations_are_refused_with_the_reason(name, spectra):
    with pytest.raises(SpectrumError, match=r"is refused: .{40,}Allowed are shift, baseline, noise, gain"):
        augment(spectra, name, torch.Generator())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: augment(s, "sharpen", torch.Generator()), "unknown"),
        (lambda s: augment(s, "shift", torch.Generator(), axis=spectral_axis(400), largest_cm1=20.0), "another band"),
        (lambda s: augment(s, "shift", torch.Generator(), axis=spectral_axis(300)), "300"),
        (lambda s: augment(s, "noise", torch.Generator(), largest=-0.1), "-0.1"),
        (lambda s: augment(s, "gain", torch.Generator(), largest=0.5), "0.5"),
        (lambda s: augment((100 * s).long(), "gain", torch.Generator()), "int64"),
    ],
)
def test_refusals_of_options(call, words, spectra):
    with pytest.raises(SpectrumError, match=words):
        call(spectra)


def test_every_public_function_of_the_augmentations_takes_a_generator():
    assert all("generator" in inspect.signature(function).parameters for function in ALLOWED.values())
