"""Virtual instruments: seeded, each distortion with its stated size, measured in batches."""

# ruff: noqa: E402 (torch is optional)

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (symvib[ml])")

from symvib.errors import SpectrumError
from symvib.forward.lines import LineList
from symvib.spektron.instrument import InstrumentSettings, InstrumentTable, VirtualInstrument, measure
from symvib.spektron.rendering import LineBatch, render_batch, scaled_to_one, spectral_axis

AXIS = spectral_axis(1024, dtype=torch.float64)
PERFECT = InstrumentSettings().scaled(0.0)
SEEDS = range(40)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def lines():
    rng = np.random.default_rng(0)
    lists = [LineList(rng.uniform(500, 3900, 12), rng.exponential(30, 12), rng.exponential(20, 12)) for _ in range(6)]
    return LineBatch.of(lists, dtype=torch.float64)


def alike(count, settings=PERFECT, **changes):
    """Rows of the same two instruments, with these numbers changed."""
    row = [replace(VirtualInstrument.of_seed(0, modality, settings), **changes) for modality in ("ir", "raman")]
    return InstrumentTable.of([row] * count, torch.float64)


def unscaled(spectra):
    """Without the gain, for spectra whose ideal maximum is their maximum."""
    return spectra / spectra.amax(-1, keepdim=True)


# ----------------------------------------------------------------------------------------------------- one instrument


def test_the_numbers_follow_from_seed_modality_and_settings():
    all_of = [VirtualInstrument.of_seed(s, m) for s in SEEDS for m in ("ir", "raman")]
    assert all_of == [VirtualInstrument.of_seed(s, m) for s in SEEDS for m in ("ir", "raman")]
    assert len({instrument.shift_cm1 for instrument in all_of}) == len(all_of)
    hard = VirtualInstrument.of_seed(3, "ir", InstrumentSettings().scaled(2.0))
    easy = VirtualInstrument.of_seed(3, "ir")
    assert hard.shift_cm1 == pytest.approx(2 * easy.shift_cm1)
    assert hard.gaussian_fwhm_cm1 == easy.gaussian_fwhm_cm1


@pytest.mark.parametrize("modality", ["ir", "raman"])
def test_the_numbers_lie_in_their_ranges(modality):
    settings = InstrumentSettings()
    instruments = [VirtualInstrument.of_seed(seed, modality) for seed in range(200)]
    u = np.linspace(0, 1, 101)
    for one in instruments:
        response = np.exp(np.cos(np.pi * np.outer(u, np.arange(1, 5))) @ one.log_response)
        assert 1 / 1.3 - 1e-3 <= response.min() <= response.max() <= 1.3 + 1e-3
        baseline = np.polynomial.chebyshev.chebval(2 * u - 1, one.baseline)
        assert -1e-3 <= baseline.min() <= baseline.max() <= 0.2 + 1e-3
        warp = np.cos(np.pi * np.outer(u, np.arange(1, 4))) @ one.warp_cm1
        assert np.abs(warp).max() <= settings.warp_cm1 + 1e-3
        assert 4 <= one.gaussian_fwhm_cm1 <= 20
        assert 0.003 <= one.noise <= 0.03
        assert 0 <= one.stray_light <= 0.03
    shifts = np.array([one.shift_cm1 for one in instruments])
    assert -5 <= shifts.min() < -4.5 < 4.5 < shifts.max() <= 5


def test_plain_values_table_and_picture():
    instrument = VirtualInstrument.of_seed(5, "raman")
    values = instrument.as_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["simulated"] is True
    assert "simulated Raman spectrometer, seed 5" in instrument._repr_html_()
    ax = instrument.plot()
    assert "simulated" in ax.get_title()
    response = ax.get_lines()[0].get_ydata()
    assert np.log(response)[0] == pytest.approx(sum(instrument.log_response))
    settings = InstrumentSettings(noise=(0.1, 0.2))
    assert InstrumentSettings(**settings.as_dict()) == settings


# --------------------------------------------------------------------------------------------------------- the table


def test_picking_is_the_row_of_each_modality(lines):
    table = InstrumentTable.of_seeds(SEEDS, dtype=torch.float64)
    index = torch.randint(len(SEEDS), (6, 2), generator=seeded())
    rows = [[VirtualInstrument.of_seed(int(k), m) for k, m in zip(row, ("ir", "raman"), strict=True)] for row in index]
    picked = measure(lines, table.pick(index), AXIS, seeded())
    assert torch.equal(picked, measure(lines, rows, AXIS, seeded()))
    same = table.pick(index[:, 0])
    assert torch.equal(same.noise, table.pick(index[:, :1].expand(-1, 2)).noise)


# ----------------------------------------------------------------------------------------------------- what it measures


def test_a_perfect_instrument_measures_the_rendered_spectrum(lines):
    table = alike(6, lorentzian_range_cm1=(6.0, 6.0))
    got = measure(lines, table, AXIS, seeded())
    ideal = scaled_to_one(render_batch(lines, AXIS, table.gaussian_fwhm_cm1, 6.0).clamp_min(0))
    assert torch.allclose(unscaled(got), ideal, atol=1e-12)


def test_deterministic_in_the_generator_alone(lines):
    table = alike(6, InstrumentSettings())
    before = torch.random.get_rng_state()
    first, again, other = (measure(lines, table, AXIS, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_dtype_is_that_of_the_lines(lines, dtype):
    got = measure(lines.to(dtype), InstrumentTable.of_seeds(range(6)), AXIS, seeded())
    assert got.dtype == dtype
    assert got.shape == (6, 2, 1024)
    assert bool(torch.isfinite(got).all())


def test_noise_has_the_stated_deviation(lines):
    quiet, loud = (measure(lines, alike(6, noise=n, gain=(1.0, 1.0)), AXIS, seeded()) for n in (0.0, 0.02))
    noise = loud - quiet
    assert float(noise.std()) == pytest.approx(0.02, rel=0.02)
    neighbours = noise[..., 1:] * noise[..., :-1]
    assert abs(float(neighbours.mean())) < 4 * 0.02**2 / neighbours.numel() ** 0.5


def test_stray_light_flattens_absorbance_and_lifts_raman(lines):
    peak, stray = 1.0, 0.03
    changes = {"peak_absorbance": (peak, peak), "gain": (1.0, 1.0)}
    clean = measure(lines, alike(6, **changes), AXIS, seeded())
    got = measure(lines, alike(6, stray_light=stray, **changes), AXIS, seeded())
    expected = -torch.log10((10 ** -clean[:, 0] + stray) / (1 + stray))
    assert torch.allclose(got[:, 0], expected, atol=1e-12)
    assert torch.allclose(got[:, 1], clean[:, 1] + stray, atol=1e-12)
    assert float(expected.max()) < 0.95  # 1.0 without stray light


def test_the_axis_is_off_by_shift_and_warp():
    axis = spectral_axis(7201, dtype=torch.float64)
    at = torch.tensor([[700.0], [2200.0], [3700.0]], dtype=torch.float64)
    lines = LineBatch(at, torch.ones(3, 2, 1, dtype=torch.float64))
    got = measure(lines, alike(3, shift_cm1=3.0, warp_cm1=(2.0, 0.0, 0.0)), axis, seeded())
    peaks = axis[got.argmax(-1)][:, 0]
    expected = at[:, 0] + 3.0 + 2.0 * torch.cos(torch.pi * (at[:, 0] - 400) / 3600)
    assert torch.allclose(peaks, expected, atol=0.26)


def test_the_response_multiplies():
    coefficients = (0.1, -0.05, 0.02, 0.0)
    lines = LineBatch(torch.tensor([[800.0, 3500.0]]).double(), torch.ones(1, 2, 2, dtype=torch.float64))
    flat, bent = (measure(lines, alike(1, log_response=c), AXIS, seeded())[0, 1] for c in ((0.0,) * 4, coefficients))
    u = (AXIS - 400) / 3600
    response = torch.exp(sum(c * torch.cos(torch.pi * (k + 1) * u) for k, c in enumerate(coefficients)))
    assert torch.allclose(unscaled(bent), unscaled(flat * response), atol=1e-12)


def test_baseline_and_its_jitter():
    lines = LineBatch(torch.zeros(400, 1).double(), torch.zeros(400, 2, 1, dtype=torch.float64))
    mean = (0.1, 0.05, -0.02, 0.01, 0.005)
    got = measure(lines, alike(400, baseline=mean, baseline_jitter=0.01, gain=(1.0, 1.0)), AXIS, seeded())
    x = np.linspace(-1, 1, 1024)
    fitted = np.polynomial.chebyshev.chebfit(x, got.flatten(0, 1).numpy().T, 4)
    assert np.allclose(fitted.mean(1), mean, atol=4 * 0.01 / 800**0.5)
    assert fitted.std(1) == pytest.approx(0.01, rel=0.15)


def test_molecules_without_lines_have_baseline_and_noise():
    hydrogen = LineBatch.of([LineList([4400.0], [0.0], [100.0])])
    got = measure(hydrogen, InstrumentTable.of_seeds([0]), AXIS, seeded())
    assert bool(torch.isfinite(got).all())
    assert float(got[0, 0].std()) > 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda lines: VirtualInstrument.of_seed(0, "nir"), "nir"),
        (lambda lines: VirtualInstrument.of_seed(-1, "ir"), "-1"),
        (lambda lines: replace(VirtualInstrument.of_seed(0, "ir"), warp_cm1=(1.0,)), "3 numbers"),
        (lambda lines: replace(VirtualInstrument.of_seed(0, "ir"), noise=-0.1), "0 or more"),
        (lambda lines: InstrumentSettings(noise=(0.1, 0.01)), "descends"),
        (lambda lines: InstrumentSettings(noise=0.1), "a pair"),
        (lambda lines: InstrumentSettings(shift_cm1=float("nan")), "nan"),
        (lambda lines: InstrumentSettings(resolution_cm1=(0.0, 5.0)), "above 0"),
        (lambda lines: InstrumentSettings(stray_light=(0.0, 1.0)), "below 1"),
        (lambda lines: InstrumentSettings().scaled(-1.0), "-1"),
        (lambda lines: InstrumentTable.of([]), "0 rows"),
        (lambda lines: InstrumentTable.of_seeds([0]).pick(torch.zeros(2, 3, dtype=torch.long)), r"\(2, 3\)"),
        (lambda lines: measure(lines, InstrumentTable.of_seeds([0, 1]), AXIS, seeded()), "2 rows"),
        (lambda lines: measure(lines, InstrumentTable.of_seeds(range(6), ["ir"]), AXIS, seeded()), "same modalities"),
    ],
)
def test_refusals(call, words, lines):
    with pytest.raises(SpectrumError, match=words):
        call(lines)
