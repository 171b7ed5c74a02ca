"""Methods of calibration transfer: identities and limits that hold exactly, recovery of known differences, refusals."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression

from symvib.errors import EvaluationError
from symvib.evaluation import transfer as t
from symvib.evaluation._transfer_regression import batched_pcr, batched_pls
from symvib.evaluation.instrument_sets import synthetic_instrument_set

DS, PDS = t.DirectStandardization, t.PiecewiseDirectStandardization
EPO, GLSW, SST = t.ExternalParameterOrthogonalization, t.GeneralizedLeastSquaresWeighting, t.SpectralSpaceTransformation
PAIRED_MAPS = [
    t.MeanOffset(),
    DS(),
    DS(2, toward="identity"),
    PDS(2, 2),
    PDS(2, 2, regression="pls"),
    PDS(3, None, toward="identity"),
    SST(3),
    t.ShenkWesterhaus(0),
    EPO(2),
    GLSW(0.01),
    GLSW(0.01, center=True),
]
UNPAIRED = [t.MeanOffset("unpaired"), t.CovarianceAlignment()]
MODELS = [t.DifferenceAugmentedPLS(4, 2.0), t.DomainInvariantPLS(3)]
SBC = [t.SlopeBias(), t.SlopeBias("paired"), t.SlopeBias(slope=False)]
EVERY = [*PAIRED_MAPS, *UNPAIRED, *MODELS, *SBC]


def pairs(k=12, length=20, seed=0, noise=0.1):
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(k, length))
    return source, 1.1 * source + 0.3 + noise * rng.normal(size=(k, length))


def new(length=20, n=6):
    return np.random.default_rng(99).normal(size=(n, length))


# ---- regressions -----------------------------------------------------------------------------------------------------


def test_batched_pls_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 15, 7)), rng.normal(size=(3, 15))
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    for n in (1, 3, 6):
        found = batched_pls(x, y, n, 1e-12)
        for i in range(3):
            expected = PLSRegression(n, scale=False).fit(x[i], y[i]).coef_.ravel()
            np.testing.assert_allclose(found[i], expected, atol=1e-9)


def test_all_components_are_least_squares():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 15, 5)), rng.normal(size=(2, 15))
    expected = [np.linalg.lstsq(x[i], y[i], rcond=None)[0] for i in range(2)]
    np.testing.assert_allclose(batched_pcr(x, y, None, 1e-12), expected, atol=1e-10)
    np.testing.assert_allclose(batched_pls(x, y, None, 1e-12), expected, atol=1e-8)


def test_pls_stops_where_nothing_is_left():
    x = np.outer([1.0, -2.0, 1.0], [3.0, 4.0])[None]
    np.testing.assert_allclose(batched_pls(x, x[..., 0], 2, 1e-12), [[0.36, 0.48]], atol=1e-12)
    assert batched_pls(x, np.zeros((1, 3)), 2, 1e-12).tolist() == [[0.0, 0.0]]


# ---- identities ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regression", ["pcr", "pls"])
@pytest.mark.parametrize("k", [2, 5, 25])
def test_pds_toward_identity_changes_nothing_between_equal_instruments(regression, k):
    source, _ = pairs(k)
    made = PDS(3, 1, regression=regression, toward="identity").fit(source, source)
    np.testing.assert_allclose(made.transform(new()), new(), atol=1e-13)


@pytest.mark.parametrize("regression", ["pcr", "pls"])
def test_pds_of_the_paper_is_the_identity_when_the_samples_span_the_windows(regression):
    source, _ = pairs(k=8)
    made = PDS(3, None, regression=regression).fit(source, source)  # windows of 7, 8 samples of rank 7
    np.testing.assert_allclose(made.transform(new()), new(), atol=1e-9)
    unit = np.zeros(7)
    unit[3] = 1.0
    np.testing.assert_allclose(made.coefficients_[3:-3], np.tile(unit, (14, 1)), atol=1e-9)


def test_pds_of_the_paper_is_no_identity_when_they_do_not():
    source, _ = pairs(k=4)
    assert np.abs(PDS(3, None).fit(source, source).transform(new()) - new()).max() > 0.1


@pytest.mark.parametrize(
    "method", [t.MeanOffset(), DS(2, toward="identity"), SST(3), EPO(1), GLSW(), *UNPAIRED], ids=repr
)
def test_equal_instruments_need_no_change(method):
    source, _ = pairs()
    np.testing.assert_allclose(clone(method).fit(source, source).transform(new()), new(), atol=1e-10)


# ---- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("half_width", [19, 20, 50])
@pytest.mark.parametrize("toward", ["zero", "identity"])
@pytest.mark.parametrize(("k", "n_components"), [(6, 2), (6, None), (30, 5), (30, None)])
def test_pds_with_full_windows_is_ds(half_width, toward, k, n_components):
    source, target = pairs(k)
    pds = PDS(half_width, n_components, toward=toward).fit(source, target).transform(new())
    ds = DS(n_components, toward=toward).fit(source, target).transform(new())
    np.testing.assert_allclose(pds, ds, atol=1e-9)


def test_pls_in_full_windows_is_ds_with_all_components():
    source, target = pairs(6)
    pds = PDS(19, None, regression="pls", tolerance=1e-12).fit(source, target).transform(new())
    np.testing.assert_allclose(pds, DS().fit(source, target).transform(new()), atol=1e-7)


def test_windows_at_the_ends_are_cut():
    source, target = pairs(15)
    made = PDS(2, None).fit(source, target)
    x, y = target - target.mean(axis=0), source - source.mean(axis=0)
    for j in range(20):
        low, high = max(0, j - 2), min(20, j + 3)
        expected = np.linalg.lstsq(x[:, low:high], y[:, j], rcond=None)[0]
        np.testing.assert_allclose(made.coefficients_[j, low - j + 2 : high - j + 2], expected, atol=1e-10)


def test_pds_in_blocks_is_the_same(monkeypatch):
    source, target = pairs()
    whole = PDS(2, 2).fit(source, target).coefficients_
    monkeypatch.setattr("symvib.evaluation._transfer_maps._BLOCK", 12 * 5 * 3)
    np.testing.assert_allclose(PDS(2, 2).fit(source, target).coefficients_, whole, atol=1e-14)


def test_glsw_goes_from_nothing_to_epo():
    source, target = pairs(3)
    x = new()
    np.testing.assert_allclose(GLSW(1e12).fit(source, target).transform(x), x, atol=1e-9)
    projected = EPO(3).fit(source, target).transform(x)
    np.testing.assert_allclose(GLSW(1e-16).fit(source, target).transform(x), projected, atol=1e-5)


def test_glsw_is_the_inverse_square_root():
    source, target = pairs(5)
    differences = target - source
    covariance = differences.T @ differences
    alpha = 0.02
    values, vectors = np.linalg.eigh(covariance / (alpha * np.linalg.eigvalsh(covariance)[-1]) + np.eye(20))
    expected = new() @ (vectors / np.sqrt(values)) @ vectors.T
    np.testing.assert_allclose(GLSW(alpha).fit(source, target).transform(new()), expected, atol=1e-10)


def test_no_weight_is_pls_on_the_source():
    source, target = pairs(5)
    x = np.random.default_rng(5).normal(size=(30, 20))
    y = x[:, 0] - x[:, 3]
    expected = PLSRegression(4, scale=False).fit(x, y).predict(new()).ravel()
    found = t.DifferenceAugmentedPLS(4, 0.0).fit(x, y, source, target).predict(new())
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_heavier_the_weight_the_less_the_differences_matter():
    data = synthetic_instrument_set(0, noise=1e-3)
    x, y = data.spectra["a"], data.targets["component_0"]
    source, target = data.spectra["a"][:5], data.spectra["c"][:5]
    seen = []
    for weight in (0.0, 1.0, 100.0):
        made = t.DifferenceAugmentedPLS(8, weight).fit(x, y, source, target)
        seen.append(float(np.abs((target - source) @ made.coefficients_).max()))
    assert seen[0] > 3 * seen[1] > 3 * seen[2]


def test_di_pls_without_penalty_is_pls_about_the_mean_of_the_target():
    x = np.random.default_rng(5).normal(size=(30, 20))
    y = x[:, 0] - x[:, 3]
    made = t.DomainInvariantPLS(4, penalty=0.0).fit(x, y, x, x + 0.7)
    expected = PLSRegression(4, scale=False).fit(x, y).predict(new()).ravel()
    np.testing.assert_allclose(made.predict(new() + 0.7), expected, atol=1e-8)


# ---- recovery --------------------------------------------------------------------------------------------------------


def test_ds_recovers_a_linear_map():
    rng = np.random.default_rng(2)
    matrix, offset = rng.normal(size=(20, 20)), rng.normal(size=20)
    target = rng.normal(size=(30, 20))
    made = DS().fit(target @ matrix + offset, target)
    np.testing.assert_allclose(made.left_ @ made.right_, matrix, atol=1e-9)
    np.testing.assert_allclose(made.transform(new()), new() @ matrix + offset, atol=1e-9)
    pure = DS(background=False).fit(target @ matrix, target)
    np.testing.assert_allclose(pure.transform(new()), new() @ matrix, atol=1e-9)


def test_pds_recovers_a_local_map():
    rng = np.random.default_rng(3)
    target = rng.normal(size=(12, 20))
    smooth = np.array([0.2, 0.9, -0.1])
    local = np.array([np.convolve(row, smooth, mode="same") for row in np.vstack([target, new()])]) + 0.4
    made = PDS(1, None).fit(local[:12], target)
    np.testing.assert_allclose(made.transform(new()), local[12:], atol=1e-10)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_gain_and_offset_are_recovered_channel_by_channel_from_two_samples(k):
    data = synthetic_instrument_set(0)
    a, b = data.spectra["a"], data.spectra["b"]
    np.testing.assert_allclose(PDS(0, 1).fit(a[:k], b[:k]).transform(b), a, atol=1e-9)


def test_shenk_westerhaus_without_wavelengths_is_pds_of_one_channel():
    source, target = pairs(6)
    expected = PDS(0, 1).fit(source, target).transform(new())
    np.testing.assert_allclose(t.ShenkWesterhaus(0).fit(source, target).transform(new()), expected, atol=1e-10)


@pytest.mark.parametrize("shift", [-2.0, 0.0, 1.5])
def test_shenk_westerhaus_finds_the_shift_the_gain_and_the_offset(shift):
    data = synthetic_instrument_set(0, n_channels=240, shift=shift)
    a, c = data.spectra["a"], data.spectra["c"]
    made = t.ShenkWesterhaus(5, degree=0).fit(a[:10], c[:10])
    np.testing.assert_allclose(made.positions_[60:-60] - np.arange(60, 180), shift, atol=0.15)
    strong = a.max(axis=0) > 0.1 * a.max()
    strong[:5] = strong[-5:] = False
    np.testing.assert_allclose(made.transform(c)[:, strong], a[:, strong], atol=0.01 * a.max())


def test_shenk_westerhaus_refuses_a_window_that_no_match_lies_in():
    rng = np.random.default_rng(0)
    source = rng.normal(size=(6, 20))
    with pytest.raises(EvaluationError, match="widen half_width"):
        t.ShenkWesterhaus(1).fit(source, np.zeros((6, 20)))


@pytest.mark.parametrize("method", [DS(), PDS(8, None), SST(3), EPO(3)], ids=repr)
def test_shifted_bands_are_recovered_where_the_samples_span_the_mixtures(method):
    """Three components that add up to one: k = 3 centred samples span all spectra."""
    data = synthetic_instrument_set(1)
    a, c = data.spectra["a"], data.spectra["c"]
    rows = t.kennard_stone(a, 6)
    made = clone(method).fit(a[rows], c[rows])
    expected = made.transform(a) if made.filters_source else a
    np.testing.assert_allclose(made.transform(c), expected, atol=1e-7)


def test_epo_removes_exactly_the_directions_given():
    rng = np.random.default_rng(4)
    directions = np.linalg.qr(rng.normal(size=(20, 2)))[0].T
    source = rng.normal(size=(8, 20))
    made = EPO(2).fit(source, source + rng.normal(size=(8, 2)) @ directions)
    projector = np.eye(20) - directions.T @ directions
    np.testing.assert_allclose(made.transform(new()), new() @ projector, atol=1e-12)
    more = EPO(5).fit(source, source + rng.normal(size=(8, 2)) @ directions)
    assert len(more.directions_) == 2
    np.testing.assert_allclose(more.transform(new()), new() @ projector, atol=1e-12)


def test_filters_make_both_instruments_alike_but_for_the_rest():
    source, target = pairs(5)
    made = EPO(5).fit(source, target)
    np.testing.assert_allclose(made.transform(source), made.transform(target), atol=1e-10)
    np.testing.assert_allclose(made.transform(made.transform(source)), made.transform(source), atol=1e-12)


def test_mean_offset_is_exact_for_an_offset():
    source = new()
    made = t.MeanOffset().fit(source[:1], source[:1] + np.arange(20))
    np.testing.assert_allclose(made.transform(source + np.arange(20)), source, atol=1e-12)


def test_alignment_gives_the_source_its_mean_and_covariance():
    rng = np.random.default_rng(6)
    source, target = rng.normal(size=(50, 4)), rng.normal(size=(40, 4)) @ rng.normal(size=(4, 4)) + 2.0
    aligned = t.CovarianceAlignment(1e-12).fit(source, target).transform(target)
    np.testing.assert_allclose(aligned.mean(axis=0), source.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(np.cov(aligned.T), np.cov(source.T), atol=1e-6)


def test_slope_and_bias_are_recovered():
    true = np.array([1.0, 2.0, 4.0, 7.0])
    made = t.SlopeBias().fit((true - 3.0) / 2.0, true)
    assert (made.slope_, made.bias_) == pytest.approx((2.0, 3.0))
    assert t.SlopeBias(slope=False).fit(true - 3.0, true).correct([0.0]) == pytest.approx([3.0])


# ---- any calibration -------------------------------------------------------------------------------------------------


def calibrated(method, k=8, seed=2):
    """RMSE on samples that nothing has seen, and the standard deviation of their targets."""
    data = synthetic_instrument_set(seed, n_samples=90, noise=2e-4)
    a, c, y = data.spectra["a"], data.spectra["c"], data.targets["component_0"]
    rows = t.kennard_stone(a[:50], k)
    samples = t.TransferSamples(c[rows], a[rows], y[rows])
    if method is not None and method.needs == "unpaired":
        samples = t.TransferSamples(c[50:70])
    made = t.TransferredCalibration(method, PLSRegression(4, scale=False)).fit(a[:50], y[:50], samples)
    return float(np.sqrt(np.mean((made.predict(c[70:]) - y[70:]) ** 2))), float(y[70:].std())


@pytest.mark.parametrize("method", [DS(2), PDS(3, 2), PDS(3, 2, toward="identity"), SST(3), EPO(3), GLSW(1e-6),
                                    t.DifferenceAugmentedPLS(6, 10.0), *SBC[:2]], ids=repr)  # fmt: skip
def test_transfer_beats_none_on_the_synthetic_set(method):
    none, _ = calibrated(None)
    corrected, spread = calibrated(method)
    assert corrected < 0.5 * none
    assert corrected < 0.2 * spread


@pytest.mark.parametrize("method", UNPAIRED, ids=repr)
def test_unpaired_samples_help_on_the_synthetic_set(method):
    assert calibrated(method)[0] < calibrated(None)[0]


@pytest.mark.parametrize("penalty", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("k", [4, 12])
def test_di_pls_is_that_of_its_package(penalty, k):
    functions = pytest.importorskip("diPLSlib.functions", reason="diPLSlib is not installed")
    source, target = pairs(k, length=40)
    x = np.random.default_rng(5).normal(size=(30, 40))
    y = x[:, 0] - x[:, 3]
    made = t.DomainInvariantPLS(3, penalty).fit(x, y, source, target)
    centred = [part - part.mean(axis=0) for part in (x, y[:, None], source, target)]
    centred[3] += 1e-14  # the package does not deflate target spectra whose sum happens to be 0.0
    expected = functions.dipals(*centred, 3, penalty)[0].ravel()
    np.testing.assert_allclose(made.coefficients_, expected, atol=1e-9 * np.abs(expected).max())


def test_di_pls_makes_variances_alike():
    """The heavier the penalty, the less the variance of what is predicted differs between the instruments."""
    data = synthetic_instrument_set(4, noise=1e-3)
    a, c, y = data.spectra["a"], data.spectra["c"] * np.linspace(0.5, 1.5, 120), data.targets["component_0"]
    apart = []
    for penalty in (0.0, 1.0, 1e4):
        b = t.DomainInvariantPLS(2, penalty).fit(a, y, a, c).coefficients_
        apart.append(abs(np.var(a @ b) - np.var(c @ b)) / np.var(a @ b))
    assert apart[0] > apart[1] > apart[2]


def test_di_pls_takes_more_components_than_target_spectra():
    source, target = pairs(4)
    x = np.random.default_rng(5).normal(size=(30, 20))
    made = t.DomainInvariantPLS(10).fit(x, x[:, 0], source, target)
    assert np.isfinite(made.predict(new())).all()


def test_di_pls_helps_on_the_synthetic_set():
    assert calibrated(t.DomainInvariantPLS(3))[0] < calibrated(None)[0]


@pytest.mark.parametrize("method", [*PAIRED_MAPS, *UNPAIRED], ids=repr)
def test_order_of_samples_does_not_matter(method):
    source, target = pairs()
    order = np.random.default_rng(0).permutation(len(source))
    first = clone(method).fit(source, target).transform(new())
    again = clone(method).fit(source[order], target[order]).transform(new())
    np.testing.assert_allclose(again, first, atol=1e-8)


@pytest.mark.parametrize("method", MODELS, ids=repr)
def test_order_of_samples_does_not_matter_to_models(method):
    source, target = pairs()
    x = np.random.default_rng(5).normal(size=(30, 20))
    y = x[:, 0] - x[:, 3]
    forth, back = np.arange(12), np.arange(12)[::-1]
    found = [clone(method).fit(x, y, source[i], target[i]).predict(new()) for i in (forth, back)]
    np.testing.assert_allclose(*found, atol=1e-8)


@pytest.mark.parametrize("method", PAIRED_MAPS, ids=repr)
def test_spectra_are_transformed_one_by_one(method):
    """What is said of a test sample does not depend on the others."""
    made = clone(method).fit(*pairs())
    alone = np.vstack([made.transform(new()[i : i + 1]) for i in range(len(new()))])
    np.testing.assert_allclose(made.transform(new()), alone, atol=1e-12)


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", EVERY, ids=repr)
def test_too_few_samples_are_refused_with_the_reason(method):
    k = method.smallest_k - 1
    with pytest.raises(EvaluationError) as caught:
        method.check_count(k)
    text = str(caught.value)
    assert f"{k} transfer samples, at least {k + 1}" in text
    assert method.reason in text
    method.check_count(k + 1)


@pytest.mark.parametrize("method", [*PAIRED_MAPS, *UNPAIRED], ids=repr)
def test_fit_takes_the_smallest_k_and_no_fewer(method):
    source, target = pairs(method.smallest_k)
    assert np.isfinite(clone(method).fit(source, target).transform(new())).all()
    with pytest.raises(EvaluationError, match="are needed"):
        clone(method).fit(source[1:], target[1:])


@pytest.mark.parametrize(
    ("method", "smallest"),
    [(DS(), 2), (DS(3), 4), (DS(3, background=False), 3), (PDS(3, 2), 3), (SST(4), 4), (EPO(3), 3), (GLSW(), 1),
     (GLSW(center=True), 2), (t.SlopeBias(), 2), (t.SlopeBias(slope=False), 1),
     (t.ShenkWesterhaus(), 3), (t.ShenkWesterhaus(0), 2), (t.MeanOffset("unpaired"), 2)],
)  # fmt: skip
def test_smallest_k(method, smallest):
    assert method.smallest_k == smallest


def test_budget_zero_is_refused_by_every_method():
    x, y = np.random.default_rng(0).normal(size=(20, 6)), np.arange(20.0)
    for method in EVERY:
        for samples in (None, t.TransferSamples(x[:0], x[:0], y[:0])):
            with pytest.raises(EvaluationError, match="0 transfer samples"):
                t.TransferredCalibration(method, PLSRegression(2)).fit(x, y, samples)
    assert t.TransferredCalibration(None, PLSRegression(2)).fit(x, y).predict(x).shape == (20,)


def test_samples_that_lack_what_is_needed_are_refused():
    x, y = np.random.default_rng(0).normal(size=(20, 6)), np.arange(20.0)
    unpaired = t.TransferSamples(x[:5])
    assert unpaired.known == ("unpaired",)
    assert t.TransferSamples(x[:5], x[:5], y[:5]).known == ("unpaired", "paired", "labelled")
    for method in (PDS(), EPO(), t.DifferenceAugmentedPLS(2), t.SlopeBias(), t.SlopeBias("paired")):
        with pytest.raises(EvaluationError, match=f"needs {method.needs} samples; these are unpaired"):
            t.TransferredCalibration(method, PLSRegression(2)).fit(x, y, unpaired)


@pytest.mark.parametrize(
    ("method", "message"),
    [(PDS(1, 4), "no 4 components"), (PDS(-1), "components"), (PDS(regression="mlr"), "'pcr' or 'pls'"),
     (DS(toward="one"), "'zero' or 'identity'"), (DS(0), "at least 1"), (EPO(0), "at least 1"), (SST(0), "at least 1"),
     (GLSW(0.0), "above 0"), (t.CovarianceAlignment(0.0), "above 0"), (t.MeanOffset("labelled"), "'paired' or")],
)  # fmt: skip
def test_parameters_out_of_range_are_refused(method, message):
    with pytest.raises(EvaluationError, match=message):
        method.fit(*pairs())


def test_spectra_that_do_not_fit_are_refused():
    source, target = pairs()
    with pytest.raises(EvaluationError, match="must be one sample"):
        DS().fit(source, target[1:])
    with pytest.raises(EvaluationError, match="onto one axis"):
        DS().fit(source, target[:, 1:])
    bad = target.copy()
    bad[3, 2] = np.nan
    with pytest.raises(EvaluationError, match=r"NaN or infinity \(row 3\)"):
        DS().fit(source, bad)
    with pytest.raises(EvaluationError, match="not fitted"):
        DS().transform(source)
    with pytest.raises(EvaluationError, match=r"\(n, 20\) is wanted"):
        DS().fit(source, target).transform(source[:, 1:])
    with pytest.raises(EvaluationError, match="determine no slope"):
        t.SlopeBias().fit([1.0, 1.0], [1.0, 2.0])
    with pytest.raises(EvaluationError, match="allow 1 to 4"):
        t.DifferenceAugmentedPLS(5).fit(source[:5], np.arange(5.0), source, target)


@pytest.mark.parametrize("method", EVERY, ids=repr)
def test_parameters_are_kept_by_clone(method):
    assert repr(clone(method)) == repr(method)
    assert method.needs in ("paired", "unpaired", "labelled")


# ---- choosing samples ------------------------------------------------------------------------------------------------


def test_kennard_stone_takes_the_ends_then_the_middle():
    assert t.kennard_stone(np.array([[5.0], [0.0], [10.0], [1.0]]), 3).tolist() == [1, 2, 0]
    assert t.kennard_stone(np.array([[5.0], [0.0], [10.0], [4.0]]), 1).tolist() == [0]
    assert sorted(t.kennard_stone(np.ones((4, 2)), 4).tolist()) == [0, 1, 2, 3]
    with pytest.raises(EvaluationError, match="k must be 1 to"):
        t.kennard_stone(np.ones((4, 2)), 5)


def test_kennard_stone_does_not_depend_on_the_order():
    x = np.random.default_rng(0).normal(size=(30, 5))
    order = np.random.default_rng(1).permutation(30)
    assert set(order[t.kennard_stone(x[order], 7)]) == set(t.kennard_stone(x, 7))
