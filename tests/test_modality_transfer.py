"""Peak maps, PeakVAE and SpectrumCNN on synthetic pairs (called synthetic: sums of Lorentzians, no measured data)."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from symvib.errors import ModelError, SpectrumError
from symvib.forward.peak_fit import fit_peaks
from symvib.spektron._modality_training import validation_rows
from symvib.spektron._peak_networks import MapDistribution, gaussian_divergence, masked_correlation, rendered_maps
from symvib.spektron.bottleneck import Gaussian
from symvib.spektron.modality_transfer import PeakVAE, SpectrumCNN, TrainingPlan
from symvib.spektron.peak_maps import PeakBins, PeakCache, fitted_peaks, peak_features

AXIS_X = np.linspace(400.0, 1600.0, 241)
AXIS_Y = np.linspace(100.0, 700.0, 201)


def lines(axis, places, heights, width):
    found = (heights[..., None] / (1 + ((axis - places[..., None]) / (width / 2)) ** 2)).sum(-2)
    return found / found.max(-1, keepdims=True)


def synthetic_pairs(minerals=50, specimens=3, seed=0):
    """A mineral is one number, which sets two bands of X and two of Y; specimens differ in heights and noise."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(minerals), specimens)
    place = np.repeat(rng.uniform(0, 1, minerals), specimens)
    heights = rng.uniform(0.5, 1.0, (2, len(groups), 2))
    x = lines(AXIS_X, np.stack([600 + 300 * place, 1500 - 250 * place], 1), heights[0], 40.0)
    y = lines(AXIS_Y, np.stack([180 + 250 * place, 640 - 100 * place], 1), heights[1], 25.0)
    x, y = (a + rng.normal(0, 0.005, a.shape) for a in (x, y))
    return x, y, groups


def pearson(a, b):
    return np.array([np.corrcoef(p, q)[0, 1] for p, q in zip(a, b, strict=True)])


@pytest.fixture(scope="module")
def pairs():
    x, y, groups = synthetic_pairs()
    test = groups >= 40
    return x, y, groups, test


@pytest.fixture(scope="module")
def cache(pairs):
    filled = PeakCache()
    fitted_peaks(AXIS_X, pairs[0].astype(np.float32), cache=filled)
    fitted_peaks(AXIS_Y, pairs[1].astype(np.float32), cache=filled)
    return filled


def small_vae(cache, **settings):
    plan = TrainingPlan(epochs=settings.pop("epochs", 40), patience=40, batch=32)
    return PeakVAE(axis_x=AXIS_X, axis_y=AXIS_Y, width_x=20, width_y=12, hidden=64, plan=plan, cache=cache, **settings)


@pytest.fixture(scope="module")
def vae(pairs, cache):
    x, y, groups, test = pairs
    return small_vae(cache).fit(x[~test], y[~test], groups=groups[~test])


# ------------------------------------------------------------------------------------------------------- peak maps


def test_maps_do_not_depend_on_the_order_of_the_peaks():
    rng = np.random.default_rng(0)
    peaks = np.stack([rng.uniform(400, 1600, 30), *rng.uniform(0.2, 1, (1, 30)), rng.uniform(5, 60, 30)], 1)
    peaks = np.concatenate([peaks, rng.uniform(0, 1, (30, 1))], 1)
    bins, mask = PeakBins(AXIS_X, 20.0), np.ones((1, len(AXIS_X)), bool)
    once, again = bins.maps([peaks], mask), bins.maps([peaks[rng.permutation(30)]], mask)
    np.testing.assert_allclose(once, again, atol=1e-6)
    assert once[0, :, 0].sum() == len(np.unique(bins.index(peaks[:, 0])))
    np.testing.assert_allclose((once[0, :, 1] ** 2).sum(), peaks[:, 1].sum(), rtol=1e-5)
    areas = (once[0, :, 1] ** 2 * np.exp(once[0, :, 3]) * 20.0)[once[0, :, 0] > 0]
    np.testing.assert_allclose(areas.sum(), (peaks[:, 1] * peaks[:, 2]).sum(), rtol=1e-5)


def test_maps_of_nothing_and_of_what_was_not_measured():
    bins = PeakBins(AXIS_X, 20.0)
    mask = np.tile(AXIS_X > 1000, (2, 1))
    maps = bins.maps([np.zeros((0, 4)), np.zeros((0, 4))], mask)
    assert maps.shape == (2, 60, 6)
    assert not maps[..., :5].any()
    np.testing.assert_array_equal(maps[0, :, 5], bins.centres > 1000)


def test_peaks_at_both_ends_are_in_the_map():
    peaks = np.array([[400.0, 1.0, 10.0, 0.5], [1600.0, 0.5, 10.0, 0.5]])
    maps = PeakBins(AXIS_X, 20.0).maps([peaks], np.ones((1, len(AXIS_X)), bool))
    assert np.flatnonzero(maps[0, :, 0]).tolist() == [0, 59]


def test_rendered_maps_are_the_fitted_spectrum(pairs):
    """Fitted peaks -> map -> spectrum agrees with the fit to the 1 % of the pseudo-Voigt sum and the merged bins."""
    y = pairs[1][:6]
    maps = peak_features(AXIS_Y, y, width=12.0)
    values = torch.from_numpy(np.concatenate([maps[..., 1:2] ** 2, maps[..., 2:5]], -1))
    fine = 100.0 + (np.arange(50 * 8) + 0.5) / 8 * 12.0
    for row, shown in zip(y, rendered_maps(values, 8, 20).numpy(), strict=True):
        fitted = fit_peaks(AXIS_Y, row, max_peaks=24)
        inside = fine[fine < 699]
        expected = fitted.render(inside, baseline=False).intensity
        assert np.abs(shown[: len(inside)] - expected).max() < 0.03


def test_cache_is_used_saved_and_read(tmp_path, pairs, monkeypatch):
    path = tmp_path / "peaks.npz"
    cache = PeakCache(path)
    first = fitted_peaks(AXIS_X, pairs[0][:3], cache=cache)
    cache.save()
    again = PeakCache(path)
    assert len(again) == 3
    monkeypatch.setattr("symvib.spektron.peak_maps.fit_peaks", None)
    for a, b in zip(first, fitted_peaks(AXIS_X, pairs[0][:3], cache=again), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeError):  # another mask is another spectrum
        fitted_peaks(AXIS_X, pairs[0][:1], np.arange(241)[None] > 10, cache=again)


def test_flat_spectra_have_no_peaks_and_bad_shapes_are_refused():
    assert fitted_peaks(AXIS_X, np.zeros((1, 241)))[0].shape == (0, 4)
    with pytest.raises(SpectrumError, match="241 points"):
        fitted_peaks(AXIS_X, np.zeros((1, 240)))
    with pytest.raises(SpectrumError, match="without a path"):
        PeakCache().save()


# -------------------------------------------------------------------------------------------------------- networks


def test_divergence_is_that_of_torch():
    generator = torch.Generator().manual_seed(0)
    q, p = (Gaussian(*torch.randn(2, 5, 7, generator=generator)) for _ in range(2))
    normals = [torch.distributions.Normal(g.mean, (0.5 * g.log_variance).exp()) for g in (q, p)]
    expected = torch.distributions.kl_divergence(*normals).sum(-1)
    torch.testing.assert_close(gaussian_divergence(q, p), expected)


def test_likelihood_counts_only_measured_bins():
    maps = torch.zeros(2, 3, 6)
    maps[:, 0, :5] = torch.tensor([1.0, 0.5, 0.1, 0.3, 0.5])
    maps[0, :, 5] = 1
    maps[1, 0, 5] = 1
    said = MapDistribution(torch.zeros(2, 3), maps[..., 1:5].clone(), torch.zeros(4))
    density = 4 * -0.5 * np.log(2 * np.pi)
    expected = torch.tensor([3 * np.log(0.5) + density, np.log(0.5) + density], dtype=torch.float32)
    torch.testing.assert_close(said.log_likelihood(maps), expected)


def test_correlation_is_pearson_over_the_mask():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 50))
    mask = rng.random((4, 50)) < 0.7
    found = masked_correlation(*(torch.from_numpy(v) for v in (a, b, mask.astype(float))))
    expected = [np.corrcoef(p[m], q[m])[0, 1] for p, q, m in zip(a, b, mask, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_validation_takes_whole_groups():
    groups = np.random.default_rng(0).integers(0, 30, 400)
    held = validation_rows(groups, 0.15, 0)
    assert not set(groups[held]) & set(groups[~held])
    assert 0.1 < held.mean() < 0.25
    two = validation_rows(np.array([0] * 9 + [1]), 0.9, 0)
    assert two.any()
    assert not two.all()


# ---------------------------------------------------------------------------------------------------------- models


def test_vae_predicts_unseen_minerals(pairs, vae):
    x, y, _, test = pairs
    found = vae.predict(x[test])
    mean = np.tile(y[~test].mean(0), (test.sum(), 1))
    assert found.shape == y[test].shape
    assert found.max(1) == pytest.approx(1.0)
    assert pearson(found, y[test]).mean() > pearson(mean, y[test]).mean() + 0.2
    np.testing.assert_array_equal(found, vae.predict(x[test]))


def test_vae_samples_are_different_spectra_about_the_prediction(pairs, vae):
    x, y, _, test = pairs
    drawn = vae.sample(x[test], 8, seed=1)
    assert drawn.shape == (8, test.sum(), len(AXIS_Y))
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert np.abs(drawn[0] - drawn[1]).max() > 0.05
    np.testing.assert_array_equal(drawn, vae.sample(x[test], 8, seed=1))
    # The mean of draws of this mineral is nearer to its spectrum than that of another mineral's draws.
    own = pearson(drawn.mean(0), y[test]).mean()
    assert own > pearson(np.roll(drawn.mean(0), 15, 0), y[test]).mean() + 0.1


def test_cnn_predicts_unseen_minerals(pairs):
    x, y, groups, test = pairs
    cnn = SpectrumCNN(axis_x=AXIS_X, axis_y=AXIS_Y, hidden=64, plan=TrainingPlan(epochs=40, patience=40, batch=32))
    found = cnn.fit(x[~test], y[~test], groups=groups[~test]).predict(x[test])
    mean = np.tile(y[~test].mean(0), (test.sum(), 1))
    assert pearson(found, y[test]).mean() > pearson(mean, y[test]).mean() + 0.2


@pytest.mark.parametrize("kind", [PeakVAE, SpectrumCNN])
def test_same_seed_same_model_and_the_global_state_stays(kind, pairs, cache, tmp_path):
    x, y, groups, _ = pairs
    settings = {"cache": cache} if kind is PeakVAE else {}
    plan = TrainingPlan(epochs=2)
    state = torch.random.get_rng_state()
    first, second = (
        kind(axis_x=AXIS_X, axis_y=AXIS_Y, hidden=16, plan=plan, **settings).fit(x, y, groups=groups, seed=3)
        for _ in range(2)
    )
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(first.predict(x[:4]), second.predict(x[:4]))
    first.save(tmp_path / "model.safetensors")
    loaded = kind.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(first.predict(x[:4]), loaded.predict(x[:4]))
    assert loaded.n_parameters == first.n_parameters
    assert loaded.plan == plan
    other = SpectrumCNN if kind is PeakVAE else PeakVAE
    with pytest.raises(ModelError, match="holds no"):
        other.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("kind", [PeakVAE, SpectrumCNN])
def test_what_was_not_measured_is_not_read(kind, pairs):
    x, y, groups, _ = pairs
    x, y, groups = x[:12], y[:12], groups[:12]
    mask_x, mask_y = np.tile(AXIS_X > 450, (12, 1)), np.tile(AXIS_Y < 650, (12, 1))
    spoiled = np.where(mask_x, x, np.nan), np.where(mask_y, y, 1e6)
    plan = TrainingPlan(epochs=2)
    found = []
    for a, b in ((x, y), spoiled):
        model = kind(axis_x=AXIS_X, axis_y=AXIS_Y, hidden=16, plan=plan)
        found.append(model.fit(a, b, mask_x, mask_y, groups).predict(a, mask_x))
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("kind", [PeakVAE, SpectrumCNN])
def test_refusals(kind, pairs):
    x, y, groups, _ = pairs
    model = kind(axis_x=AXIS_X, axis_y=AXIS_Y)
    with pytest.raises(ModelError, match="before fit"):
        model.predict(x)
    with pytest.raises(ModelError, match="is needed"):
        model.fit(x[:, 1:], y)
    with pytest.raises(ModelError, match="one target a spectrum"):
        model.fit(x, y[1:])
    with pytest.raises(ModelError, match="one group"):
        model.fit(x, y, groups=np.zeros(len(x)))
    with pytest.raises(ModelError, match="no measured point"):
        model.fit(np.where(groups[:, None] == 3, np.nan, x), y)
    with pytest.raises(ModelError, match="not finite"):
        model.fit(np.where(groups[:, None] == 3, np.nan, x), y, x_mask=np.ones(x.shape, bool))
    with pytest.raises(ModelError, match="ascending"):
        kind(axis_x=AXIS_X[::-1], axis_y=AXIS_Y)
