"""The transfer benchmark: splits, calibrations, choices; test samples score and do nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from symvib.errors import DatasetError, EvaluationError
from symvib.evaluation import transfer as t
from symvib.evaluation._calibration import (
    PLS1,
    PREPROCESSINGS,
    chosen_from,
    held_out_squares,
    one_standard_error,
    preprocessed,
)
from symvib.evaluation._transfer_axis import AxisPolynomial
from symvib.evaluation._transfer_case import TransferCase
from symvib.evaluation._transfer_pooled import PooledPLS, TargetPLS
from symvib.evaluation._transfer_regression import batched_pcr, batched_pls, pls_path, truncated_svd
from symvib.evaluation._transfer_summary import BY_OTHER_SPLITS, BY_TRANSFER, ON_TEST, mean_over_splits, summaries
from symvib.evaluation._transfer_table import ScoreTable
from symvib.evaluation.instrument_sets import charisma, corn, synthetic_instrument_set, tablets
from symvib.evaluation.raman_transfer import RAMAN_MAPS, RamanMatch, raman_match
from symvib.evaluation.transfer_benchmark import (
    CLASSICAL,
    TransferSpec,
    given_split,
    prediction_errors,
    random_splits,
    specs_named,
    split_scores,
    transfer_rows_of,
)
from symvib.evaluation.transfer_report import transfer_report

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
measured = pytest.mark.skipif(not (SHARED / "corn_nir").is_dir(), reason="the measured sets are not beside this copy")
SET = synthetic_instrument_set(0, n_samples=60, n_channels=60, noise=2e-3)
SPLIT = random_splits(SET, 1)[0]
FEW = specs_named(["none", "mean offset", "DS", "EPO", "difference-augmented PLS", "di-PLS", "bias", "pooled PLS"])


def scores(data=SET, split=SPLIT, **kwargs):
    options = {"directions": [("a", "c")], "properties": ["component_0"], "budgets": (0, 5), "specs": FEW, **kwargs}
    return split_scores(data, split, **options)


def problem(n=30, length=50, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, length)) + 3.0
    return x, x @ rng.normal(size=(length, 2)) + rng.normal(size=(n, 2))


# ---- PLS with every number of components -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(30, 50), (40, 8)])
def test_path_is_the_pls_of_scikit_learn_with_every_number_of_components(shape):
    x, y = problem(*shape)
    path = pls_path(x, y, 6)
    for a in range(1, 7):
        for j in range(2):
            expected = PLSRegression(a, scale=False).fit(x, y[:, j]).predict(x).ravel()
            np.testing.assert_allclose(path.predicted(x, j)[:, a - 1], expected, atol=1e-9)


def test_path_of_a_subset_is_that_of_these_rows():
    x, y = problem()
    kept = np.ones((30, 2), dtype=bool)
    kept[:7, 1] = False
    path = pls_path(x, y, 4, kept=kept)
    np.testing.assert_allclose(path.coefficients[1], pls_path(x[7:], y[7:, 1:], 4).coefficients[0], atol=1e-9)
    np.testing.assert_allclose(path.coefficients[0], pls_path(x, y[:, :1], 4).coefficients[0], atol=1e-9)


def test_extra_rows_are_not_centred():
    x, y = problem()
    rows, responses = np.ones((3, 50)), np.arange(3.0)
    path = pls_path(x, y[:, :1], 3, extra=(rows, responses))
    stacked = np.vstack([x - x.mean(axis=0), rows])[None]
    wanted = np.concatenate([y[:, 0] - y[:, 0].mean(), responses])[None]
    np.testing.assert_allclose(path.coefficients[0, 2], batched_pls(stacked, wanted, 3, 1e-12)[0], atol=1e-9)


def test_components_beyond_the_rank_change_nothing():
    x, y = problem(6, 20)
    path = pls_path(x, y, 9)
    assert np.isfinite(path.coefficients).all()
    np.testing.assert_allclose(path.coefficients[:, 4:], np.repeat(path.coefficients[:, 4:5], 5, axis=1), atol=1e-9)


@pytest.mark.parametrize("shape", [(4, 5, 9), (4, 12, 7)])
def test_few_principal_components_are_those_of_the_singular_values(shape):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=shape), rng.normal(size=shape[:2])
    u, inverse, vt = truncated_svd(x, 2, 1e-12)
    expected = np.einsum("brw,br->bw", vt, np.einsum("bkr,bk->br", u, y) * inverse)
    np.testing.assert_allclose(batched_pcr(x, y, 2, 1e-12), expected, atol=1e-10)


def test_held_out_errors_are_those_of_fits_without_the_fold():
    x, y = problem()
    squares = held_out_squares(x, y, 3)
    folds = np.random.default_rng([0, 30]).permutation(30) % 10
    for fold in (0, 7):
        out = folds == fold
        for j in range(2):
            made = PLSRegression(2, scale=False).fit(x[~out], y[~out, j])
            expected = (made.predict(x[out]).ravel() - y[out, j]) ** 2
            np.testing.assert_allclose(squares[out, 1, j], expected, atol=1e-9)


def test_few_samples_cannot_be_cross_validated():
    with pytest.raises(EvaluationError, match="at least 4"):
        held_out_squares(*problem(3))


def test_one_standard_error_takes_the_fewest_components_that_are_as_good():
    noise = np.tile([0.5, 1.5], 50)
    squares = np.stack([9.0 * noise, 1.04 * noise, noise], axis=1)
    assert one_standard_error(squares)[0] == 2
    squares[:, 1] = 1.2 * noise
    assert one_standard_error(squares)[0] == 3


def test_preprocessing_is_that_with_the_lowest_error():
    noise = np.tile([0.5, 1.5], 50)[:, None, None]
    (chosen,) = chosen_from({"raw": 2.0 * noise, "SNV": noise})
    assert (chosen.preprocessing, chosen.n_components) == ("SNV", 1)


@pytest.mark.parametrize("how", PREPROCESSINGS)
def test_each_spectrum_is_treated_by_itself(how):
    x, _ = problem()
    np.testing.assert_allclose(preprocessed(x, how)[3:4], preprocessed(x[3:4], how), atol=1e-12)


def test_preprocessings_take_away_what_they_should():
    x = np.linspace(0.0, 1.0, 40)[None] ** 2
    for how in ("1st derivative", "2nd derivative", "SNV"):
        np.testing.assert_allclose(preprocessed(x + 5.0, how), preprocessed(x, how), atol=1e-9)
    np.testing.assert_allclose(preprocessed(3.0 * x, "SNV"), preprocessed(x, "SNV"), atol=1e-12)
    with pytest.raises(EvaluationError, match="known are raw"):
        preprocessed(x, "smoothed")
    with pytest.raises(EvaluationError, match="constant"):
        preprocessed(np.ones((1, 5)), "SNV")


def test_pls1_refuses_to_predict_unfitted():
    with pytest.raises(EvaluationError, match="fit first"):
        PLS1().predict([[1.0]])


# ---- splits ----------------------------------------------------------------------------------------------------------


def test_splits_are_by_sample_and_stay_the_same():
    few, many = random_splits(SET, 2), random_splits(SET, 5)
    for a, b in zip(few, many, strict=False):
        np.testing.assert_array_equal(a.test, b.test)
    for split in many:
        assert sorted([*split.train, *split.test]) == list(range(60))
        assert len(split.test) == 15
    assert len({tuple(split.test) for split in many}) == 5


def test_sizes_follow_the_part_that_the_source_calibrates_with():
    parts = replace(SET, split=("calibrate",) * 20 + ("test",) * 40)
    (split,) = random_splits(parts, 1)
    assert (len(split.train), len(split.test)) == (20, 20)
    given = given_split(parts)
    assert given.name == "calibrate-test"
    assert given.test.tolist() == list(range(20, 60))
    with pytest.raises(DatasetError):
        given_split(SET)
    with pytest.raises(EvaluationError, match="50 training"):
        random_splits(SET, 1, n_train=50, n_test=20)


def test_transfer_samples_are_training_samples_and_nested():
    rows = transfer_rows_of(SET, SPLIT, "a", (0, 3, 10, 99))
    assert {k: len(of) for k, of in rows.items()} == {0: 0, 3: 3, 10: 10}
    assert set(rows[3]) <= set(rows[10]) <= set(SPLIT.train)


# ---- protocol --------------------------------------------------------------------------------------------------------


def test_other_values_of_the_test_samples_change_no_choice():
    """Everything but the scores themselves is the same when the reference values and spectra of the test change."""
    rng = np.random.default_rng(1)
    spectra = {name: x.copy() for name, x in SET.spectra.items()}
    targets = {name: y.copy() for name, y in SET.targets.items()}
    for x in spectra.values():
        x[SPLIT.test] += rng.normal(size=x[SPLIT.test].shape)
    for y in targets.values():
        y[SPLIT.test] = rng.normal(size=len(SPLIT.test))
    first, second = scores(), scores(replace(SET, spectra=spectra, targets=targets))
    for a, b in zip(first, second, strict=True):
        assert (a.method, a.preprocessing, a.n_components, a.criterion) == (
            b.method,
            b.preprocessing,
            b.n_components,
            b.criterion,
        )
    assert first[0].rmsep != second[0].rmsep


def test_the_target_is_seen_through_the_transfer_samples_only():
    """Without the ceiling, target spectra of training samples that are not transfer samples have no say."""
    transfer = transfer_rows_of(SET, SPLIT, "a", (5,))[5]
    hidden = np.setdiff1d(SPLIT.train, transfer)
    changed = SET.spectra["c"].copy()
    changed[hidden] = 7.0 + np.random.default_rng(0).normal(size=changed[hidden].shape)
    other = replace(SET, spectra={**SET.spectra, "c": changed})
    for a, b in zip(scores(), scores(other), strict=True):
        assert a == b or a.table == "ceiling"


@pytest.mark.parametrize("spec", CLASSICAL, ids=lambda spec: spec.name)
def test_predictions_are_those_of_the_estimators(spec):
    """The benchmark tries all numbers of components at once; one by one it is `TransferredCalibration`."""
    rows = transfer_rows_of(SET, SPLIT, "a", (6,))[6]
    targets = np.array(list(SET.targets.values())).T
    source, target = SET.spectra["a"], SET.spectra["c"]
    components = np.array([2, 3, 4])
    case = TransferCase(source, target, targets, SPLIT.train, rows, SPLIT.test, components, most=4)
    found = case.predicted(spec.make())
    for j, n in enumerate(components):
        method = spec.make()
        if isinstance(method, t.DifferenceAugmentedPLS | t.DomainInvariantPLS | PooledPLS):
            method.set_params(n_components=int(n))
        made = t.TransferredCalibration(method, PLS1(int(n)))
        made.fit(source[SPLIT.train], targets[SPLIT.train, j],
                 t.TransferSamples(target[rows], source[rows], targets[rows, j]))  # fmt: skip
        at = 0 if found.shape[1] == 1 else n - 1
        np.testing.assert_allclose(found[:, at, j], made.predict(target[SPLIT.test]), rtol=1e-6, atol=1e-7)


def test_groups_are_neither_calibrated_nor_transferred():
    rows = transfer_rows_of(SET, SPLIT, "a", (7,))[7]
    targets = np.array(list(SET.targets.values())).T
    case = TransferCase(SET.spectra["a"], SET.spectra["c"], targets, SPLIT.train, rows, SPLIT.test, np.array([2, 2, 2]))
    groups = case.groups()
    assert sorted(np.concatenate([g.test for g in groups])) == sorted(rows)
    for group in groups:
        assert not set(group.test) & (set(group.train) | set(group.transfer))


def test_too_few_samples_are_refused_with_the_reason():
    found = scores(budgets=(1,), specs=specs_named(["EPO 2", "slope and bias", "covariance"]))
    assert {row.method: row.refused.split(": ")[-1] for row in found if row.refused} == {
        "EPO 2 components": "k difference spectra have at most k directions and 2 are to be removed.",
        "slope and bias, by the source": "a line has two unknowns.",
        "slope and bias": "a line has two unknowns.",
        "covariance alignment": "one spectrum has no covariance.",
    }
    assert all(row.rmsep is None for row in found if row.refused)


def test_choosing_by_transfer_samples_can_be_refused_alone():
    found = scores(budgets=(3,), specs=specs_named(["Shenk-Westerhaus"]))
    by = {(row.method, row.calibration): row.refused for row in found}
    assert by["Shenk-Westerhaus", "source"] == ""
    assert "2 transfer samples" in by["Shenk-Westerhaus", "transfer"]


def test_synthetic_instruments_are_transferred():
    """Between "a" and "b" lie a gain and an offset: one map mends both, and no map nothing."""
    data = synthetic_instrument_set(3, n_samples=60, n_channels=60, gain=1.4, offset=0.2, noise=1e-4)
    found = scores(data, random_splits(data, 1)[0], directions=[("a", "b")])
    by = {(row.method, row.calibration): row.r2 for row in found}
    assert by["ceiling", "target"] > 0.99
    assert by["DS, differences", "transfer"] > 0.98
    assert by["pooled PLS, centred each, equal weights", "transfer"] > 0.98


def test_models_are_given_spectra_as_measured():
    seen = []

    class Model(t.LabelledTransferModel):
        def fit(self, spectra, targets, transfer_spectra, transfer_targets):
            seen.append((spectra, targets, transfer_spectra, transfer_targets))
            self.mean_ = float(np.mean(targets))
            return self

        def predict(self, spectra):
            return np.full(len(spectra), self.mean_)

    spec = TransferSpec("a model", "labelled", Model, model=True)
    (row,) = [row for row in scores(budgets=(4,), specs=[spec]) if row.method == "a model"]
    assert (row.calibration, row.table, row.k) == ("own", "labelled", 4)
    rows = transfer_rows_of(SET, SPLIT, "a", (4,))[4]
    np.testing.assert_array_equal(seen[0][0], SET.spectra["a"][SPLIT.train])
    np.testing.assert_array_equal(seen[0][2], SET.spectra["c"][rows])
    np.testing.assert_array_equal(seen[0][3], SET.targets["component_0"][rows])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"directions": [("a", "a")]}, "two different instruments"),
        ({"directions": [("a", "z")]}, "a:z"),
        ({"properties": ["colour"]}, "no target colour"),
        ({"properties": []}, "no reference values"),
        ({"budgets": [-1]}, "negative"),
    ],
)
def test_wrong_requests_are_refused(options, words):
    with pytest.raises(EvaluationError, match=words):
        scores(**options)
    with pytest.raises(EvaluationError, match="no transfer method"):
        specs_named(["PDX"])


def test_errors_of_predictions():
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    found = prediction_errors(truth + 0.5, truth)
    assert found["rmsep"] == pytest.approx(0.5)
    assert found["bias"] == pytest.approx(0.5)
    assert found["sep"] == pytest.approx(0.0, abs=1e-12)
    assert found["r2"] == pytest.approx(1.0 - 4 * 0.25 / 5.0)
    with pytest.raises(EvaluationError, match="undefined"):
        prediction_errors([1.0, 2.0], [1.0, 1.0])
    with pytest.raises(EvaluationError, match="3 finite values"):
        prediction_errors([1.0, float("nan"), 2.0], [1.0, 2.0, 3.0])
    assert prediction_errors([[1.0], [2.0], [3.0]], [1.0, 2.0, 3.0])["r2"] == 1.0  # a column is no matrix of errors


# ---- pooled models ---------------------------------------------------------------------------------------------------


def test_pooled_pls_of_weight_zero_is_that_of_the_source():
    x, y = problem()
    made = PooledPLS(3, 0.0).fit(x, y[:, 0], x[:4] + 1.0, y[:4, 0])
    np.testing.assert_allclose(made.predict(x), PLS1(3).fit(x, y[:, 0]).predict(x), atol=1e-9)


def test_means_of_each_instrument_take_an_offset_away():
    x, y = problem()
    offset = np.random.default_rng(5).normal(size=50)
    made = PooledPLS(6, centre="each").fit(x, y[:, 0], x[:8] + offset, y[:8, 0])
    same = PooledPLS(6, centre="each").fit(x, y[:, 0], x[:8], y[:8, 0])
    np.testing.assert_allclose(made.predict(x + offset), same.predict(x), atol=1e-8)


def test_models_of_target_samples():
    x, y = problem()
    made = TargetPLS(2).fit(x, y[:, 0], x[:9], y[:9, 0])
    np.testing.assert_allclose(made.predict(x), PLS1(2).fit(x[:9], y[:9, 0]).predict(x), atol=1e-9)
    assert 1 <= TargetPLS().fit(x, y[:, 0], x[:9], y[:9, 0]).n_components_ <= 7
    with pytest.raises(EvaluationError, match="two to draw a line"):
        TargetPLS().fit(x, y[:, 0], x[:2], y[:2, 0])
    with pytest.raises(EvaluationError, match="centre must be"):
        PooledPLS(centre="none").fit(x, y[:, 0], x[:2], y[:2, 0])


# ---- summaries -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    return transfer_report(SET, 3, directions=[("a", "c")], properties=["component_1"], budgets=(0, 4), specs=FEW)


def test_corrected_interval_is_wider_than_that_of_independent_splits():
    values = [0.1, 0.2, 0.3, 0.4]
    naive, corrected = mean_over_splits(values, 1e12, 1.0), mean_over_splits(values, 30.0, 10.0)
    assert naive.value == corrected.value == pytest.approx(0.25)
    ratio = (corrected.high - corrected.low) / (naive.high - naive.low)
    assert ratio == pytest.approx(np.sqrt((1 / 4 + 1 / 3) / (1 / 4)), rel=1e-4)
    assert mean_over_splits([0.5], 3, 1).low is None


def test_summaries_are_those_of_the_scores(report):
    (direction,) = report.directions
    (top,) = report.of(direction, "ceiling")
    assert top.rmsep_ratio.value == top.r2_share.value == 1.0
    for s in report.of(direction, "paired"):
        if s.calibration:
            own = report.scores.where(method=s.method, calibration=s.calibration, k=4)
            assert s.r2.value == pytest.approx(own["r2"].mean(), abs=1e-5)
            assert s.rmsep_ratio.value == pytest.approx(own["rmsep"].mean() / top.rmsep.value, rel=1e-3)


def test_ways_to_choose_a_best_method(report):
    (direction,) = report.directions
    found = {s.method: s for s in report.of(direction, "labelled", 4)}
    every = [s.rmsep.value for name, s in found.items() if s.calibration]
    assert found[ON_TEST].rmsep.value <= min(s.rmsep.value for s in report.of(direction, "labelled", 4)) + 1e-6
    assert found[ON_TEST].rmsep.value <= min(every) + 1e-6
    assert {BY_TRANSFER, BY_OTHER_SPLITS} <= set(found)
    assert found[ON_TEST].minus_classical.value == pytest.approx(0.0, abs=1e-9)
    assert BY_TRANSFER not in {s.method for s in report.of(direction, "unpaired", 4)}


def test_choice_by_transfer_samples_takes_the_lowest_criterion(report):
    (direction,) = report.directions
    (chosen,) = [s for s in report.of(direction, "labelled", 4) if s.method == BY_TRANSFER]
    table, errors = report.scores.where(table="labelled", k=4), []
    for split in ("0", "1", "2"):
        rows = table.where(split=split)
        errors.append(rows["rmsep"][rows["criterion"].argmin()])
    assert chosen.rmsep.value == pytest.approx(np.mean(errors), abs=1e-6)


def test_scores_survive_a_file(report, tmp_path):
    report.scores.to_parquet(tmp_path / "scores.parquet")
    again = ScoreTable.read(tmp_path / "scores.parquet")
    for name in report.scores.columns:
        if again[name].dtype.kind == "f":
            np.testing.assert_allclose(again[name], report.scores[name], rtol=1e-6)
        else:
            assert again[name].tolist() == report.scores[name].tolist()
    (tmp_path / "none.parquet").write_text("no")
    with pytest.raises(DatasetError, match="cannot be read"):
        ScoreTable.read(tmp_path / "none.parquet")
    with pytest.raises(EvaluationError, match="nothing to join"):
        ScoreTable.joined([])


def test_summaries_want_a_ceiling(report):
    with pytest.raises(EvaluationError, match="no ceiling"):
        summaries(report.scores.where(table="paired"))


def test_report_is_one_offline_page(report):
    page = report.to_html()
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    assert "synthetic: nothing here was measured" in page
    assert "refused" in transfer_report(SET, 1, directions=[("a", "c")], budgets=(1,), specs=FEW).to_html()
    assert report.plot().get_xlabel().startswith("R2 as a share")
    assert "<table>" in report._repr_html_()
    assert "ceiling R2" in report.to_text()
    assert report.to_csv().count("\n") == 1 + len(report.scores)


# ---- Raman without reference values ----------------------------------------------------------------------------------


def raman_set(shift=3.0):
    """Lines of three materials on two settings, the second moved. Synthetic."""
    axis = np.arange(300.0, 1700.0)
    lines = {
        "PST": (621.0, 1001.4, 1155.0, 1602.0),
        "nCAL": (712.0, 1086.0),
        "sCAL": (712.0, 1086.0, 1436.0),
        "S0B": (520.5, 940.0),
        "S1N": (520.5, 950.0),
    }

    def spectrum(name, moved):
        main = {"PST": 1001.4, "nCAL": 1086.0, "sCAL": 1086.0}.get(name, 520.5)
        return sum((1.0 if at == main else 0.3) / (1 + ((axis - at - moved) / 5.0) ** 2) for at in lines[name])

    spectra = {s: np.array([spectrum(n, moved) for n in lines]) for s, moved in (("a", 0.0), ("b", shift))}
    return replace(
        SET,
        name="synthetic Raman",
        axis=axis,
        axis_unit="1/cm",
        spectra=spectra,
        sample_ids=tuple(lines),
        targets={},
        units={},
    )


def test_an_axis_is_calibrated_by_peaks_of_other_materials():
    maps = {name: RAMAN_MAPS[name] for name in ("none", "axis: one shift", "axis: straight line", "DS")}
    rows = {(row["left_out"], row["method"]): row for row in raman_match(raman_set(), maps=maps).summary()}
    assert rows["material", "none"]["peak_cm1"][0] == pytest.approx(3.0, abs=0.05)
    for method in ("axis: one shift", "axis: straight line"):
        assert rows["material", method]["peak_cm1"][0] < 0.1
        assert rows["material", method]["correlation"][0] > 0.99
    assert rows["sample", "DS"]["correlation"][0] > rows["material", "DS"]["correlation"][0] + 0.3


def test_an_axis_polynomial_finds_shift_and_stretch():
    x = np.arange(400.0)
    source = sum(np.exp(-(((x - at) / 4.0) ** 2)) for at in (60, 130, 220, 330))[None]
    target = sum(np.exp(-(((x - at) / 4.0) ** 2)) for at in (1.01 * np.array([60, 130, 220, 330]) + 2.0))[None]
    made = AxisPolynomial(1).fit(source, target)
    assert made.n_peaks_ == 4
    np.testing.assert_allclose(made.transform(target), source, atol=0.01)
    with pytest.raises(EvaluationError, match="0 peaks"):
        AxisPolynomial(0).fit(np.zeros((1, 50)), np.zeros((1, 50)))


def test_raman_refusals():
    data = raman_set()
    with pytest.raises(EvaluationError, match="two different settings"):
        raman_match(data, pairs=[("a", "z")])
    with pytest.raises(EvaluationError, match="of what material"):
        raman_match(data, materials={"PST": "polystyrene"})
    assert repr(RamanMatch(())) == "RamanMatch(0 scores)"


# ---- measured --------------------------------------------------------------------------------------------------------


@measured
def test_corn_moisture_mp6_to_mp5():
    data = corn(SHARED)
    found = split_scores(
        data,
        random_splits(data, 1)[0],
        directions=[("mp6", "mp5")],
        properties=["moisture"],
        budgets=(0, 5),
        specs=specs_named(["none", "difference-augmented PLS, weight 10"]),
    )
    by = {(row.method, row.calibration): row.r2 for row in found}
    assert by["ceiling", "target"] > 0.8
    assert by["none", "source"] < 0.0
    assert by["difference-augmented PLS, weight 10", "source"] > 0.6


@measured
def test_tablets_assay_by_the_given_split():
    data = tablets(SHARED)
    found = split_scores(
        data,
        given_split(data),
        directions=[("1", "2")],
        properties=["assay"],
        budgets=(5,),
        specs=specs_named(["bias"]),
    )
    by = {(row.method, row.calibration): row.r2 for row in found}
    assert by["ceiling", "target"] > 0.89
    assert by["bias", "transfer"] >= 0.93


@measured
def test_charisma_maps_do_not_know_a_material_they_have_not_seen():
    data = charisma(SHARED)
    maps = {name: RAMAN_MAPS[name] for name in ("none", "axis: one shift", "DS")}
    found = raman_match(data, pairs=data.directions()[:2], maps=maps)
    rows = {(row["left_out"], row["method"]): row for row in found.summary(100)}
    assert rows["material", "DS"]["correlation"][0] < rows["material", "axis: one shift"]["correlation"][0]
