"""Transfer between modalities of minerals: scores, peers, folds, intervals, and the verdicts on made-up worlds."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, pearsonr

from symvib.errors import EvaluationError
from symvib.evaluation._mineral_metrics import correlations, row_scores
from symvib.evaluation._mineral_peers import PLS2, AsItIs, MeanSpectrum, Neighbours, _pls
from symvib.evaluation.mineral_sets import synthetic_mineral_pairs
from symvib.evaluation.mineral_strata import MineralStratum
from symvib.evaluation.mineral_symmetry import CONTROLS, GroupTable, coincidence, group_table, judge
from symvib.evaluation.mineral_transfer import (
    classification,
    group_mean,
    group_means,
    mineral_peers,
    out_of_fold,
    predict_fold,
    score_table,
)

# ---- scores ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gappy():
    rng = np.random.default_rng(0)
    values, mask = rng.random((4, 90)), rng.random((4, 90)) > 0.2
    return np.where(mask, values, 0.0), mask


def test_correlations_are_those_over_common_channels(gappy):
    values, mask = gappy
    found = correlations(values, mask, values, mask, least=10)
    for a in range(4):
        for b in range(4):
            both = mask[a] & mask[b]
            assert found[a, b] == pytest.approx(pearsonr(values[a, both], values[b, both])[0])


def test_what_has_nothing_in_common_is_not_alike():
    values, mask = np.ones((1, 60)), np.ones((1, 60), dtype=bool)
    assert correlations(values, mask, values, mask)[0, 0] == -1.0  # no variance
    assert correlations(values, mask, values, ~mask)[0, 0] == -1.0


def test_scores_see_only_what_was_measured(gappy):
    truth, mask = gappy
    predicted = np.random.default_rng(1).random(truth.shape)
    scores = row_scores(truth, mask, predicted)
    changed = row_scores(truth, mask, np.where(mask, predicted, 99.0))
    for name in scores:
        np.testing.assert_allclose(scores[name], changed[name])
    assert scores["r"][2] == pytest.approx(pearsonr(truth[2, mask[2]], predicted[2, mask[2]])[0])


def test_the_truth_has_perfect_scores():
    pairs = synthetic_mineral_pairs(noise=0.0)
    scores = row_scores(pairs.y, pairs.y_mask, 3.0 * pairs.y)
    for name, best in (("r", 1.0), ("cosine", 1.0), ("ssim", 1.0), ("rmse", 0.0)):
        np.testing.assert_allclose(scores[name], best, atol=1e-9)
    assert (row_scores(pairs.y, pairs.y_mask, np.ones_like(pairs.y))["r"] == 0.0).all()


def test_ssim_is_that_of_its_formula():
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 11))
    a, b = a / a.max(), b / b.max()
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()
    mean_a, mean_b = window @ a, window @ b
    var_a, var_b = window @ a**2 - mean_a**2, window @ b**2 - mean_b**2
    both = window @ (a * b) - mean_a * mean_b
    expected = (2 * mean_a * mean_b + 1e-4) * (2 * both + 9e-4)
    expected /= (mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)
    found = row_scores(a[None], np.ones((1, 11), dtype=bool), b[None])["ssim"]
    assert found[0] == pytest.approx(expected)


# ---- peers -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pairs():
    return synthetic_mineral_pairs(1, n_minerals=10, n_specimens=3)


def fitted(method, pairs):
    return method.fit(pairs.x, pairs.y, pairs.x_mask, pairs.y_mask, pairs.groups, 0)


def test_the_mean_is_over_what_was_measured(pairs):
    mask = pairs.y_mask.copy()
    mask[5:, 40] = False
    given = replace(pairs, y_mask=mask, y=np.where(mask, pairs.y, 0.0))
    found = fitted(MeanSpectrum(), given).predict(given.x[:2], given.x_mask[:2])
    assert found[0, 40] == pytest.approx(pairs.y[:5, 40].mean())
    assert np.array_equal(found[0], found[1])


def test_the_nearest_neighbour_of_a_known_spectrum_is_itself(pairs):
    found = fitted(Neighbours(1), pairs).predict(pairs.x, pairs.x_mask)
    np.testing.assert_allclose(found[pairs.y_mask], pairs.y[pairs.y_mask])
    unmeasured = ~pairs.y_mask[0]
    assert unmeasured.any()
    assert (found[0, unmeasured] == 0.0).all()  # no spectrum has these channels


def test_five_neighbours_are_averaged(pairs):
    found = fitted(Neighbours(5), pairs).predict(pairs.x[:1], pairs.x_mask[:1])
    nearest = np.argsort(-correlations(pairs.x[:1], pairs.x_mask[:1], pairs.x, pairs.x_mask)[0])[:5]
    np.testing.assert_allclose(found[0], pairs.y[nearest].mean(axis=0))


def test_pls_finds_a_linear_map(pairs):
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(120, 3))
    x, y = latent @ rng.normal(size=(3, 60)), latent @ rng.normal(size=(3, 70))
    full = (np.ones(x.shape, dtype=bool), np.ones(y.shape, dtype=bool))
    model = PLS2(candidates=(1, 2, 3)).fit(x[:90], y[:90], full[0][:90], full[1][:90], np.arange(90), 0)
    assert model.components_ == 3
    held = row_scores(y[90:], full[1][90:], model.predict(x[90:], full[0][90:]))["r"]
    assert held.min() > 0.95
    with pytest.raises(EvaluationError, match="before fit"):
        PLS2().predict(x, full[0])


def test_pls_is_that_of_sklearn():
    from sklearn.cross_decomposition import PLSRegression

    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(40, 8)), rng.normal(size=(40, 5))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    rotations, loadings = _pls(x, y, 3)
    theirs = PLSRegression(3, scale=False, tol=1e-12, max_iter=5000).fit(x, y)
    np.testing.assert_allclose(x @ rotations @ loadings, theirs.predict(x), atol=1e-4)  # they iterate
    assert _pls(x[:, :1], y[:, :1], 3)[1].shape == (1, 1)  # nothing is left after one
    with pytest.raises(EvaluationError, match="do not vary"):
        _pls(np.zeros((4, 2)), np.zeros((4, 2)), 2)


def test_as_it_is_interpolates():
    method = AsItIs(np.array([0.0, 2.0, 4.0]), np.array([-1.0, 1.0, 4.0]))
    found = method.predict(np.array([[1.0, 3.0, 5.0]]), np.ones((1, 3), dtype=bool))
    assert found.tolist() == [[0.0, 2.0, 5.0]]


@pytest.mark.parametrize("name", ["mean", "nearest neighbour", "5 nearest", "PLS2", "as it is"])
def test_peers_predict_finite_spectra_out_of_fold(pairs, name):
    found = out_of_fold(pairs, mineral_peers(pairs)[name], n_folds=3)
    assert found.shape == pairs.y.shape
    assert np.isfinite(found).all()


def test_no_method_sees_its_test_fold(pairs):
    seen = []

    class Spy(MeanSpectrum):
        def fit(self, X, Y, x_mask, y_mask, groups, seed):
            seen.append(set(groups.tolist()))
            return super().fit(X, Y, x_mask, y_mask, groups, seed)

        def predict(self, X, x_mask):
            tested = {int(pairs.groups[np.flatnonzero((pairs.x == row).all(axis=1))[0]]) for row in X}
            assert not tested & seen[-1]
            return super().predict(X, x_mask)

    out_of_fold(pairs, Spy, "mineral")
    assert len(seen) == 5


def test_predictions_that_are_not_finite_are_refused(pairs):
    class Broken(MeanSpectrum):
        def predict(self, X, x_mask):
            return np.full((len(X), 80), np.nan)

    with pytest.raises(EvaluationError, match="Broken predicted"):
        predict_fold(pairs, Broken(), pairs.groups % 2, 0, 0)


def test_rows_leak_and_minerals_do_not(pairs):
    tables = {}
    for by in ("row", "mineral"):
        predicted = {
            name: out_of_fold(pairs, make, by) for name, make in (("copy", Neighbours), ("mean", MeanSpectrum))
        }
        rows = {name: row_scores(pairs.y, pairs.y_mask, values) for name, values in predicted.items()}
        tables[by] = score_table(rows, pairs.groups, against="mean")
    leaked, honest = (tables[by]["copy"]["r"]["value"] for by in ("row", "mineral"))
    assert tables["row"]["copy"]["r minus mean"]["low"] > 0
    assert "r minus mean" not in tables["row"]["mean"]
    assert leaked > 0.9
    assert honest < 0.6


# ---- intervals -------------------------------------------------------------------------------------------------------


def test_intervals_hold_the_mean_over_groups():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        groups = np.repeat(np.arange(40), rng.integers(1, 6, 40))
        values = rng.normal(size=40)[groups] + 0.1 * rng.normal(size=len(groups))
        found = group_mean(values, groups, n_draws=400, seed=seed)
        held += found.low <= 0.0 <= found.high
    assert held >= binom.ppf(0.001, 100, 0.92)


def test_a_group_counts_once():
    groups = np.array([3, 3, 3, 9])
    names, means = group_means(np.array([1.0, 1.0, 1.0, 0.0]), groups)
    assert (names.tolist(), means.tolist()) == ([3, 9], [1.0, 0.0])
    with pytest.raises(EvaluationError, match="no rows"):
        group_mean(np.zeros(0), np.zeros(0, dtype=int))


# ---- classes ---------------------------------------------------------------------------------------------------------


def test_classes_are_found_where_spectra_tell_them():
    pairs = synthetic_mineral_pairs(2, n_minerals=12, n_specimens=4)
    classes = np.array([f"class {g % 2}" for g in pairs.groups])
    y = pairs.y.copy()
    y[np.ix_(classes == "class 1", range(40, 70))] += 3.0
    pairs = replace(pairs, y=np.where(pairs.y_mask, y, 0.0) / y.max(axis=1, keepdims=True))
    found = classification(pairs, classes, {"truth": pairs.y, "mean": np.tile(pairs.y[0], (48, 1))}, n_trees=30)
    assert found["measured"]["value"] > 0.9
    assert found["generated: truth"]["value"] > 0.9
    assert found["generated: mean"]["value"] <= 0.6
    with pytest.raises(EvaluationError, match="one class"):
        classification(pairs, np.array(["a"] * 48), {})


def test_classes_are_told_in_the_folds_that_are_given():
    """Rows chosen afterwards keep the folds of the predictions: dealt anew, a copy of a training row is a test row."""
    pairs = synthetic_mineral_pairs(n_minerals=12, n_specimens=4)
    classes = np.array(["a", "b"])[pairs.groups % 2]
    fold = pairs.groups % 5
    given = classification(pairs, classes, {}, fold=fold, n_trees=30)
    dealt = classification(pairs, classes, {}, n_trees=30)
    assert given["measured"]["n_rows"] == len(pairs)
    assert given != dealt


# ---- symmetry --------------------------------------------------------------------------------------------------------


def world(n=227, n_without=37, seed=0):
    """Covariates of made-up groups: those without a centre are of other classes more often."""
    rng = np.random.default_rng(seed)
    without = np.arange(n) < n_without
    share = np.where(without, 0.4, 0.1)
    classes = np.where(rng.random(n) < share, "sulfide", rng.choice(["silicate", "sulfate", "oxide"], n))
    inversion = np.where(without, "noncentrosymmetric", "centrosymmetric")
    numbers = {name: rng.normal(size=n) for name in CONTROLS}
    return GroupTable(np.arange(n), tuple(f"m{k}" for k in range(n)), inversion, inversion, inversion, classes, numbers)


def test_m1_finds_an_effect_and_not_that_of_the_class():
    table, rng = world(), np.random.default_rng(1)
    without = table.inversion == "noncentrosymmetric"
    noise = 0.1 * rng.normal(size=len(table))
    by_class = 0.3 + 0.4 * (table.classes == "sulfide") + noise
    assert judge("M1", by_class + 0.2 * without, table, subject="x").decision.verdict == "supported"
    found = judge("M1", by_class, table, subject="x")
    assert found.decision.verdict != "supported"
    raw = next(part for part in found.beside if part.name == "without controls")
    assert raw.low > 0  # the class alone makes a difference
    assert found.n == {"noncentrosymmetric": 37, "centrosymmetric": 190}


def test_m1_flags_no_effect_rarely():
    rng, flagged, n = np.random.default_rng(2), 0, 100
    for k in range(n):
        table = world(seed=k)
        found = judge("M1", 0.25 * rng.normal(size=len(table)), table, subject="x")
        flagged += found.effect.low > 0 or found.effect.high < 0
    assert flagged <= binom.ppf(0.999, n, 0.025)


def test_pairs_that_point_the_other_way_leave_it_undecided():
    table, rng = world(400, 200), np.random.default_rng(3)
    found = judge("M1", rng.normal(size=400), table, subject="x")
    assert found.beside[0].name == "matched pairs"
    without = (table.inversion == "noncentrosymmetric").astype(float)
    answered = judge("M1", 0.3 * without + 0.05 * rng.normal(size=400), table, subject="x")
    assert answered.beside[0].value == pytest.approx(0.3, abs=0.05)
    assert "M1" in str(answered)
    assert answered.as_dict()["verdict"] == "supported"


def test_bad_responses_are_refused():
    table = world()
    with pytest.raises(EvaluationError, match="227 groups"):
        judge("M1", np.zeros(3), table, subject="x")
    with pytest.raises(EvaluationError, match="0 noncentrosymmetric"):
        judge("M1", np.zeros(227), replace(table, inversion=np.full(227, "centrosymmetric")), subject="x")


def stratum(name, inversion="centrosymmetric", kind="silicate"):
    return MineralStratum(name, inversion, "cubic", kind, 1, 1, 0, {"Fm3m": 1})


def test_the_table_knows_its_groups():
    pairs = synthetic_mineral_pairs(4, n_minerals=6, n_channels=200)
    pairs = replace(pairs, x_axis=np.linspace(300, 1400, 200), y_axis=np.linspace(300, 1400, 200))
    names = sorted(set(pairs.minerals))
    table = group_table(
        pairs, {name: stratum(name, "unknown" if name.endswith("0") else "ambiguous") for name in names}
    )
    assert len(table) == 6
    assert set(table.inversion.tolist()) == {"unknown", "ambiguous"}
    assert (table.numbers["bands_raman"] >= 1).all()
    assert (table.numbers["likeness_ir"] < 1).all()
    with pytest.raises(EvaluationError, match="no stratum of"):
        group_table(pairs, {})
    with pytest.raises(EvaluationError, match="not raman and ir"):
        group_table(pairs.reversed(), {name: stratum(name) for name in names})


def test_bands_that_coincide_are_seen():
    """In the synthetic set infrared and Raman bands lie at the same places; with another infrared they do not."""
    pairs = synthetic_mineral_pairs(5, n_minerals=8, n_channels=300)
    pairs = replace(pairs, x_axis=np.linspace(390, 1400, 300), y_axis=np.linspace(390, 1400, 300))
    table = group_table(pairs, {name: stratum(name) for name in set(pairs.minerals)})
    own, kept = coincidence(pairs, table)
    other, _ = coincidence(pairs, table, own=False)
    assert kept.all()
    assert own.mean() > 0.5
    assert abs(other.mean()) < 0.3
