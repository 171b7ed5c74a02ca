"""Peers: searches against plain formulas, preprocessing by what it must leave unchanged, learning on toy data."""

import json
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from symvib.errors import ModelError
from symvib.spektron import peers
from symvib.spektron._peer_preprocessing import Preprocessing
from symvib.spektron._peer_search import LibrarySearch, SearchSettings
from symvib.spektron.retrieval_task import distinct_rows, simulated_task
from symvib.spektron.training_data import load_training_data

ROOT = Path(__file__).resolve().parents[1]
PLAIN = Preprocessing(smoothing_cm1=0.0)


def toy_lines(n, seed=0, length=256, n_bands=6):
    """Positions and heights of bands (n, 2, n_bands)."""
    generator = np.random.default_rng(seed)
    return generator.uniform(10, length - 10, (n, 2, n_bands)), generator.uniform(0.2, 1.0, (n, 2, n_bands))


def toy_spectra(lines, seed, length=256, width=2.5, noise=0.02, baseline=0.2, shift=0.5):
    """The lines as an instrument of that seed would draw them (n, 2, length)."""
    generator = np.random.default_rng(seed)
    places, heights = lines
    axis = np.arange(length)
    places = places + generator.normal(scale=shift)
    bands = np.exp(-0.5 * ((axis - places[..., None]) / width) ** 2)
    x = (heights[..., None] * bands).sum(axis=-2)
    slope = baseline * generator.random((len(x), 2, 1)) * axis / length
    return (x + slope + noise * generator.normal(size=x.shape)).astype(np.float32)


def task_of(queries, library):
    return SimpleNamespace(queries=queries, library=library, true_index=np.arange(len(queries)))


@pytest.fixture(scope="module")
def toys():
    lines = toy_lines(60)
    return toy_spectra(lines, 1), toy_spectra(lines, 2)


def test_cosine_is_the_angle():
    x, y = np.random.default_rng(0).random((2, 5, 1, 40))
    search = LibrarySearch("cosine", (SearchSettings(PLAIN),), spacing_cm1=1.0)
    a, b = x[:, 0], y[:, 0]
    cosine = (a @ b.T) / np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    part = search._of_modality(x[:, 0], y[:, 0], search.settings[0])
    np.testing.assert_allclose(part, cosine, atol=1e-6)


def test_the_embedding_of_a_cosine_search_is_that_of_its_scores(toys):
    queries, library = toys
    search = LibrarySearch(spacing_cm1=1.0)
    by_scores = search.scores(queries[:, :1], library[:, :1]).argsort(axis=1)[:, ::-1][:, :3]
    by_vectors = (search.embed(queries[:, :1]) @ search.embed(library[:, :1]).T).argsort(axis=1)[:, ::-1][:, :3]
    np.testing.assert_array_equal(by_scores, by_vectors)
    half = np.array(queries)
    half[:, 1] = np.nan
    np.testing.assert_allclose(search.embed(half)[:, : queries.shape[2]], search.embed(queries[:, :1]), atol=1e-6)


def test_sid_is_the_symmetric_divergence():
    x, y = np.random.default_rng(0).random((2, 5, 40)) + 0.1
    settings = SearchSettings(PLAIN, floor=0.2)
    part = LibrarySearch("sid")._of_modality(x, y, settings)
    for i in range(5):
        p, q = (z + 0.2 * z.mean() for z in (x[i], y[i]))
        p, q = p / p.sum(), q / q.sum()
        assert part[i, i] == pytest.approx(-np.sum((p - q) * np.log(p / q)), abs=1e-5)


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_is_the_distance_of_the_distributions(order):
    x, y = np.random.default_rng(0).random((2, 4, 200))
    y *= np.linspace(0.1, 1.0, 200)  # far apart: order 2 spreads the mass of a channel over its width, ot does not
    search = LibrarySearch("wasserstein", spacing_cm1=3.0)
    part = -search._of_modality(x, y, SearchSettings(PLAIN, order=order))
    places = 3.0 * np.arange(200)
    for i in range(4):
        if order == 1:
            assert part[0, i] == pytest.approx(wasserstein_distance(places, places, x[0], y[i]), rel=1e-4)
        else:
            ot = pytest.importorskip("ot")
            squared = ot.emd2_1d(places, places, x[0] / x[0].sum(), y[i] / y[i].sum(), metric="sqeuclidean")
            assert part[0, i] == pytest.approx(np.sqrt(squared), rel=0.005)


def test_wasserstein_of_a_shift_is_the_shift():
    axis = np.arange(400.0)
    x = np.exp(-0.5 * ((axis - np.array([[200.0], [230.0]])) / 8) ** 2)
    for order in (1, 2):
        found = LibrarySearch("wasserstein", spacing_cm1=2.0)._of_modality(x, x, SearchSettings(PLAIN, order=order))
        assert found[0, 1] == pytest.approx(-60.0, rel=1e-3)


@pytest.mark.parametrize("measure", ["cosine", "sid", "wasserstein"])
def test_searches_find_the_molecule(toys, measure):
    queries, library = toys
    result = peers.tune(measure, [task_of(queries, library)], rounds=1, spacing_cm1=1.0)
    assert result.validation.top1 > 0.9
    search = result.search
    for modality in (0, 1):
        scores = peers.peer_scores(search, peers.masked(queries, [modality]), library)
        assert np.mean(scores.argmax(axis=1) == np.arange(60)) > 0.7
    assert len({str(t) for t in result.trials}) == len(result.trials)
    again = LibrarySearch.from_dict(json.loads(json.dumps(search.as_dict())))
    assert again == search


def test_tuning_on_binned_channels_gives_a_search_of_all_channels(toys):
    queries, library = toys
    options = {"smoothing_cm1": (2.0, 4.0), "baseline": (), "power": (), "threshold": (), "order": ()}
    one, two = (
        peers.tune(
            "wasserstein",
            [task_of(queries, library)],
            options=options,
            channels_at_once=2,
            n_threads=n,
            spacing_cm1=1.0,
        )
        for n in (1, 2)
    )
    assert one.search == two.search
    assert (one.search.spacing_cm1, one.search.settings[0].preprocessing.channels_per_bin) == (1.0, 4)
    scores = one.search.scores(queries, library)
    assert np.mean(scores.argmax(axis=1) == np.arange(60)) > 0.7


def test_presence_decides_what_is_compared(toys):
    queries, library = toys
    search = LibrarySearch(spacing_cm1=1.0)
    ir, both = peers.masked(queries, [0]), search.scores(queries, library)
    alone = search.scores(ir, library)
    np.testing.assert_array_equal(alone, search.scores(queries, library, np.tile([True, False], (60, 1))))
    assert not np.allclose(alone, both)
    assert np.all(search.scores(ir, peers.masked(library, [1])) == -np.inf)
    mixed = ir.copy()
    mixed[30:] = queries[30:]
    np.testing.assert_allclose(search.scores(mixed, library), np.vstack([alone[:30], both[30:]]), atol=1e-4)


@pytest.mark.parametrize("measure", ["cosine", "sid", "wasserstein"])
def test_gain_is_irrelevant(toys, measure):
    queries, library = toys
    search = LibrarySearch(measure, spacing_cm1=1.0)
    gains = np.random.default_rng(0).uniform(0.1, 50, (60, 2, 1))
    np.testing.assert_allclose(search.scores(gains * queries, library), search.scores(queries, library), atol=2e-3)


def test_shift_is_found(toys):
    queries, _ = toys
    moved = np.roll(queries, 6, axis=-1)
    plain = LibrarySearch("cosine", (SearchSettings(PLAIN),), spacing_cm1=1.0)
    shifted = LibrarySearch("cosine", (SearchSettings(PLAIN, max_shift_cm1=6, shift_step_cm1=2),), spacing_cm1=1.0)
    truth = np.arange(60)
    assert np.mean(shifted.scores(moved, queries).argmax(1) == truth) > np.mean(
        plain.scores(moved, queries).argmax(1) == truth
    )


@pytest.mark.parametrize("baseline", ["polynomial", "opening"])
def test_baselines_go_and_bands_stay(baseline):
    axis = np.linspace(-1, 1, 2048)
    bands = np.exp(-0.5 * ((axis - np.array([[-0.6], [0.3]])) / 0.006) ** 2)
    tilted = bands + 0.3 + 0.2 * axis - 0.1 * axis**2
    clean, found = (Preprocessing(baseline, 0.0)(x) for x in (bands, tilted))
    assert np.abs(found - clean).max() < 0.06
    assert np.abs(Preprocessing("none", 0.0)(tilted) - clean).max() > 0.2


def test_second_derivative_removes_a_line():
    axis = np.linspace(-1, 1, 500)
    band = np.exp(-0.5 * (axis / 0.03) ** 2)[None]
    steps = Preprocessing(smoothing_cm1=4.0, derivative=2)
    np.testing.assert_allclose(steps(band + 3 * axis)[:, 20:-20], steps(band)[:, 20:-20], atol=0.02)


def test_bins_average():
    x = np.arange(12.0)[None]
    np.testing.assert_allclose(Preprocessing(smoothing_cm1=0, channels_per_bin=5)(x), [[2 / 11, 7 / 11]], rtol=1e-6)


def test_baseline_peers():
    x = toy_spectra(toy_lines(30), 1)
    targets = np.random.default_rng(0).random((30, 3))
    nearest = peers.NearestNeighbour(LibrarySearch(spacing_cm1=1.0)).fit(x, targets)
    np.testing.assert_array_equal(nearest.predict(x), targets)
    np.testing.assert_allclose(peers.MeanSpectrum().fit(x, targets).predict(x[:2]), [targets.mean(0)] * 2)
    for peer in (nearest, peers.MeanSpectrum()):
        assert isinstance(peer, peers.SpectralModel)
        np.testing.assert_allclose(np.linalg.norm(peer.embed(x), axis=1), 1.0, rtol=1e-5)
    with pytest.raises(ModelError, match="before fit"):
        peers.NearestNeighbour().predict(x)
    with pytest.raises(ModelError, match="one target"):
        peers.NearestNeighbour().fit(x, targets[:5])


@pytest.fixture(scope="module")
def many():
    """Training spectra (200, 2, 256), their references, and unseen molecules on two instruments."""
    lines, unseen = toy_lines(300, seed=5, n_bands=3), toy_lines(40, seed=6, n_bands=3)
    clean = toy_spectra(lines, 0, width=6.0, noise=0, baseline=0, shift=0)
    return toy_spectra(lines, 1), clean, toy_spectra(unseen, 2), toy_spectra(unseen, 3)


@pytest.mark.parametrize("method", ["pls", "ridge", "forest"])
def test_regressions_retrieve_unseen_molecules(many, method):
    pytest.importorskip("sklearn")
    spectra, clean, queries, library = many
    targets = peers.reference_targets(clean, 20)
    steps = Preprocessing(smoothing_cm1=3.0, power=0.5, channels_per_bin=2)
    peer = peers.RegressionPeer(method, steps, n_components=20, n_trees=20, spacing_cm1=1.0).fit(spectra, targets)
    assert isinstance(peer, peers.SpectralModel)
    for modalities in ([0], [1], [0, 1]):
        scores = peers.peer_scores(peer, peers.masked(queries, modalities), library)
        ranks = (scores > np.diag(scores)[:, None]).sum(axis=1)
        assert np.median(ranks) <= (6 if method == "forest" else 3)  # chance: 20
    np.testing.assert_allclose(np.linalg.norm(peer.embed(queries), axis=1), 1.0, atol=1e-5)
    nothing = peers.masked(queries[:1], [])
    np.testing.assert_allclose(peer.predict(nothing)[0], targets.mean(axis=0), atol=1e-5)
    with pytest.raises(ModelError, match="before fit"):
        peers.RegressionPeer(method).predict(queries)
    with pytest.raises(ModelError, match="Finite targets"):
        peers.RegressionPeer(method).fit(spectra, targets[:5])


def test_regression_refuses_modalities_it_never_saw_together(many):
    spectra, clean, queries, _ = many
    steps = Preprocessing(channels_per_bin=4)
    peer = peers.RegressionPeer("ridge", steps).fit(peers.masked(spectra, [0]), peers.reference_targets(clean, 5))
    with pytest.raises(ModelError, match="modalities"):
        peer.predict(queries)


def test_ridge_is_that_of_sklearn(many):
    linear_model = pytest.importorskip("sklearn.linear_model")
    spectra, clean, queries, _ = many
    peer = peers.RegressionPeer("ridge", Preprocessing(channels_per_bin=8), alpha=0.1)
    targets = peers.reference_targets(clean, 5)
    x, q = (peer._features(s[:, 0]) for s in (spectra, queries))
    penalty = 0.1 * ((x - x.mean(0)) ** 2).sum() / x.shape[1]
    expected = linear_model.Ridge(penalty).fit(x, targets).predict(q)
    peer.fit(peers.masked(spectra, [0]), targets)
    np.testing.assert_allclose(peer.predict(peers.masked(queries, [0])), expected, atol=1e-3 * np.abs(expected).max())


def test_pls_is_that_of_sklearn(many):
    regression = pytest.importorskip("sklearn.cross_decomposition").PLSRegression
    spectra, clean, queries, _ = many
    peer = peers.RegressionPeer("pls", Preprocessing(channels_per_bin=8), n_components=7)
    targets = peers.reference_targets(clean, 5)
    x, q = (peer._features(s[:, 0]) for s in (spectra, queries))
    expected = regression(7, scale=False, tol=1e-12, max_iter=5000).fit(x, targets).predict(q)
    peer.fit(peers.masked(spectra, [0]), targets)
    np.testing.assert_allclose(peer.predict(peers.masked(queries, [0])), expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("method", "changes"), [("ridge", {"alpha": 1.0}), ("pls", {"n_components": 3})])
def test_a_variant_is_a_fit_of_its_own(many, method, changes):
    spectra, clean, queries, _ = many
    targets, steps = peers.reference_targets(clean, 5), Preprocessing(channels_per_bin=8)
    first = peers.RegressionPeer(method, steps, n_components=20).fit(spectra, targets)
    before = first.predict(queries)
    changed = first.variant(whitening=0.5, **changes)
    anew = peers.RegressionPeer(method, steps, whitening=0.5, **{"n_components": 20, **changes}).fit(spectra, targets)
    np.testing.assert_array_equal(changed.embed(queries), anew.embed(queries))
    np.testing.assert_array_equal(first.predict(queries), before)
    with pytest.raises(ModelError, match="another fit"):
        first.variant(n_trees=3)
    with pytest.raises(ModelError, match="before fit"):
        peers.RegressionPeer(method).variant(whitening=0.5)


def test_reference_targets_are_principal_components(many):
    clean = many[1]
    flat = np.sqrt(np.maximum(clean, 0)).reshape(len(clean), -1)
    _, sizes, _ = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    found = peers.reference_targets(clean, 8)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), sizes[:8], rtol=1e-2)
    assert np.abs(found.mean(0)).max() < 1e-3


class ToySampler:
    """Two views of toy molecules, as two instruments of the step show them."""

    def __init__(self, present=None):
        self.lines, self.present = toy_lines(120, seed=8, n_bands=3), present

    def batch(self, step):
        rows = np.random.default_rng(step).permutation(120)[:32]
        chosen = tuple(part[rows] for part in self.lines)
        views = np.stack([toy_spectra(chosen, 2 * step + 10), toy_spectra(chosen, 2 * step + 11)])
        return SimpleNamespace(spectra=torch.from_numpy(views), present=self.present)


def test_spektron_finds_a_query_whose_axis_is_off():
    from symvib.spektron.config import preset
    from symvib.spektron.model import Spektron

    spectra = toy_spectra(toy_lines(12, length=2048), 1, length=2048, noise=0.0)
    off = np.roll(spectra, 4, axis=-1)
    model = Spektron(preset("tiny").with_(layers=1)).eval()
    still = peers.SpektronPeer(model)
    moving = peers.ShiftedPeer(still, max_shift_cm1=4 * peers.SPACING_CM1)
    np.testing.assert_array_equal(moving.embed(spectra), still.embed(spectra))
    assert list(moving.shifted_scores(off, spectra)) == [-4, -2, 0, 2, 4]
    with pytest.raises(ModelError, match="shift of at least 0"):
        peers.ShiftedPeer(still, max_shift_cm1=-1.0)
    assert (moving.scores(off, spectra) >= peers.peer_scores(still, off, spectra) - 1e-6).all()
    assert np.diag(moving.scores(off, spectra)).min() > 0.999
    assert np.diag(peers.peer_scores(still, off, spectra)).min() < 0.999


def test_resnet_learns_and_is_repeatable(many):
    _, _, queries, library = many
    state = torch.random.get_rng_state()
    options = {"n_parameters": 60_000, "embedding": 32, "steps": 40, "learning_rate": 3e-3}
    peer = peers.ResNetPeer(**options).fit(ToySampler())
    assert torch.equal(state, torch.random.get_rng_state())
    assert abs(peer.network.n_parameters - 60_000) < 15_000
    assert np.mean(peer.losses[-5:]) < 0.6 * np.mean(peer.losses[:5])
    scores = peers.peer_scores(peer, queries, library)
    assert np.median((scores > np.diag(scores)[:, None]).sum(axis=1)) <= 3  # chance: 20
    short = {**options, "steps": 3}
    first, second = (peers.ResNetPeer(**short).fit(ToySampler()) for _ in range(2))
    np.testing.assert_array_equal(first.embed(queries), second.embed(queries))
    other = peers.ResNetPeer(**short, seed=1).fit(ToySampler())
    assert not np.allclose(first.embed(queries), other.embed(queries))


def test_resnet_trains_in_half_precision():
    lines = toy_lines(8)
    views = torch.from_numpy(np.stack([toy_spectra(lines, seed) for seed in (1, 2)]))
    sampler = SimpleNamespace(batch=lambda step: SimpleNamespace(spectra=views))
    plain, half = (peers.ResNetPeer(60_000, 32, steps=2, bf16=bf16).fit(sampler) for bf16 in (False, True))
    assert half.losses != plain.losses
    assert half.losses[0] == pytest.approx(plain.losses[0], rel=0.05)
    assert half.embed(views[0].numpy()).dtype == np.float32


def test_resnet_comes_back_from_its_file(tmp_path):
    pytest.importorskip("safetensors")
    peer = peers.ResNetPeer(20_000, 16, steps=1)
    with pytest.raises(ModelError, match="before fit"):
        peer.save(tmp_path / "no.safetensors")
    spectra = np.random.default_rng(0).random((3, 2, 256), dtype=np.float32)
    peer.fit(ToySampler()).save(tmp_path / "resnet.safetensors", note="toy")
    again, words = peers.ResNetPeer.load(tmp_path / "resnet.safetensors")
    np.testing.assert_array_equal(again.embed(spectra), peer.embed(spectra))
    assert (again.steps, words["note"]) == (1, "toy")
    (tmp_path / "broken").write_bytes(b"not weights")
    for name in ("broken", "absent"):
        with pytest.raises(ModelError, match=name):
            peers.ResNetPeer.load(tmp_path / name)


def test_resnet_sees_only_what_is_present():
    present = torch.tensor([[True, False]]).expand(32, 2)
    peer = peers.ResNetPeer(20_000, 16, steps=1).fit(ToySampler(present))
    x = ToySampler().batch(0).spectra[0].numpy()
    changed = x.copy()
    changed[:, 1] = 7.0 * changed[::-1, 1] + 3.0
    only = np.tile([True, False], (32, 1))
    np.testing.assert_array_equal(peer.embed(x, only), peer.embed(changed, only))
    np.testing.assert_array_equal(peer.embed(x, only), peer.embed(peers.masked(x, [0])))
    gained = peer.embed(5.0 * x + 1.0)
    np.testing.assert_allclose(peer.embed(x), gained, atol=1e-3)
    with pytest.raises(ModelError, match="before fit"):
        peers.ResNetPeer().embed(x)
    three = SimpleNamespace(spectra=torch.zeros(3, 4, 2, 64))
    with pytest.raises(ModelError, match="wanted"):
        peers.ResNetPeer(20_000, 16, steps=1).fit(SimpleNamespace(batch=lambda step: three))
    with pytest.raises(ModelError, match="nearest"):
        peers.SpectralResNet.of_size(10)


def test_task_is_repeatable_and_never_shares_an_instrument():
    data = load_training_data(["lines_symmetric_gfn2"])
    task, again, other = (simulated_task(data, "validation", s, n_queries=20, channels=512) for s in (0, 0, 1))
    np.testing.assert_array_equal(task.queries, again.queries)
    assert np.array_equal(task.rows, other.rows)
    assert not np.array_equal(task.library, other.library, equal_nan=True)
    assert set(data.split[task.rows]) == {"validation"}
    library_rows = np.array(distinct_rows(data, "validation"))
    np.testing.assert_array_equal(library_rows[task.true_index], task.rows)
    filled = simulated_task(data, "validation", 0, n_queries=20, distractors="train", channels=512)
    assert len(filled.library) == len(library_rows) + len(distinct_rows(data, "train"))
    np.testing.assert_array_equal(filled.rows, task.rows)
    np.testing.assert_array_equal(library_rows[filled.true_index], task.rows)
    with pytest.raises(ModelError, match="other molecules"):
        simulated_task(data, "validation", 0, distractors="validation")
    search = LibrarySearch("cosine", spacing_cm1=3600 / 511)
    for modalities in ([0], [1], [0, 1]):
        assert task.only(modalities).answer(search).top10 > 0.5
    with pytest.raises(ModelError, match="None of"):
        task.only([])


def test_refusals(toys):
    queries, library = toys
    search = LibrarySearch(spacing_cm1=1.0)
    with pytest.raises(ModelError, match="same axis"):
        search.scores(queries, library[..., :100])
    broken = queries.copy()
    broken[3, 0, 7] = np.nan
    with pytest.raises(ModelError, match="row 3"):
        search.scores(broken, library)
    with pytest.raises(ModelError, match="negative values"):
        LibrarySearch("sid", (SearchSettings(Preprocessing(derivative=1)),))
    with pytest.raises(ModelError, match="not one of"):
        LibrarySearch("euclid")
    with pytest.raises(ModelError, match="not one of"):
        peers.tune("euclid", [task_of(queries, library)])
    with pytest.raises(ModelError, match="modalities, channels"):
        search.scores(queries[0], library)
    with pytest.raises(ModelError, match="out of range"):
        SearchSettings(order=3)


@pytest.mark.parametrize(("measure", "limit"), [("cosine", 3.0), ("sid", 4.0), ("wasserstein", 8.0)])
def test_a_large_library_is_a_matter_of_seconds(measure, limit):
    generator = np.random.default_rng(0)
    queries, library = generator.random((100, 1, 2048)), generator.random((1500, 1, 2048))
    start = time.perf_counter()
    assert LibrarySearch(measure).scores(queries, library).shape == (100, 1500)
    assert time.perf_counter() - start < limit


def test_the_shipped_searches_are_those_that_the_study_chose():
    chosen = json.loads((ROOT / "studies" / "results" / "spektron_retrieval_settings.json").read_text(encoding="utf-8"))
    for measure in ("cosine", "sid", "wasserstein"):
        assert LibrarySearch.shipped(measure) == LibrarySearch.from_dict(chosen[measure]["found"]["search"])
    with pytest.raises(ModelError, match="choose one of cosine, sid, wasserstein"):
        LibrarySearch.shipped("euclid")
