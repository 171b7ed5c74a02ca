"""Spektron in calibration transfer: limits that hold exactly, recovery on made-up instruments, refusals, caches."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="spektron needs torch (symvib[ml])")
pytest.importorskip("ot", reason="Sinkhorn alignment needs POT (symvib[ml])")

from sklearn.base import clone  # noqa: E402
from sklearn.cross_decomposition import PLSRegression  # noqa: E402

from symvib.errors import EvaluationError  # noqa: E402
from symvib.evaluation import spektron_transfer as st  # noqa: E402
from symvib.evaluation import transfer as t  # noqa: E402
from symvib.evaluation._feature_head import Standardisation, fit_head  # noqa: E402
from symvib.evaluation._spektron_encoder import derivative  # noqa: E402
from symvib.evaluation.instrument_sets import synthetic_instrument_set  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402

N_TRAIN = 40


@pytest.fixture(scope="module")
def made():
    return synthetic_instrument_set(3, n_samples=60, n_channels=90, gain=1.2, offset=0.2, noise=2e-4)


@pytest.fixture(scope="module")
def model():
    return Spektron(preset("tiny").with_(channels=128, layers=1, chem=32, inst=16, windows=6, window_features=8))


@pytest.fixture(scope="module")
def encoder(made, model):
    return st.SpektronEncoder(np.linspace(9000.0, 4000.0, len(made.axis)), model, channels=128, places=4)


def samples_of(made, k=6, *, target="b", labels=True):
    rows = t.kennard_stone(made.spectra["a"][:N_TRAIN], k)
    y = made.targets["component_0"]
    return t.TransferSamples(made.spectra[target][rows], made.spectra["a"][rows], y[rows] if labels else None)


def r2_of(method, made, k=6, target="b"):
    y = made.targets["component_0"]
    fitted = t.TransferredCalibration(method).fit(
        made.spectra["a"][:N_TRAIN], y[:N_TRAIN], samples_of(made, k, target=target)
    )
    said = fitted.predict(made.spectra[target][N_TRAIN:])
    truth = y[N_TRAIN:]
    return 1 - np.square(said - truth).sum() / np.square(truth - truth.mean()).sum()


def every(encoder):
    quick = {"steps": 2}
    return [
        st.SpektronCalibration(encoder),
        st.LatentTransfer(encoder, t.MeanOffset()),
        st.LatentTransfer(encoder, t.ExternalParameterOrthogonalization(2)),
        st.LatentTransfer(encoder, t.MeanOffset("unpaired")),
        st.MappedTransfer(encoder, t.PiecewiseDirectStandardization(2, 1)),
        st.SinkhornTransfer(encoder),
        st.TestTimeTraining(encoder, **quick),
        st.PairedAdaptation(encoder, **quick),
        st.HybridResidual(encoder, t.PiecewiseDirectStandardization(2, 1)),
        st.HybridResidual(encoder, t.DifferenceAugmentedPLS()),
        st.HybridResidual(encoder, t.CovarianceAlignment()),
        st.LoraTransfer(encoder, **quick),
        st.PooledTransfer(encoder),
        st.ConvolutionalLora(epochs=3, **quick),
    ]


# ---- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(14))
def test_fits_by_the_common_interface_and_repeats(encoder, made, place):
    method = every(encoder)[place]
    y = made.targets["component_0"]
    said = []
    for _ in range(2):
        fitted = t.TransferredCalibration(clone(method)).fit(made.spectra["a"][:N_TRAIN], y[:N_TRAIN], samples_of(made))
        said.append(fitted.predict(made.spectra["b"][N_TRAIN:]))
    assert said[0].shape == (len(y) - N_TRAIN,)
    assert np.isfinite(said[0]).all()
    np.testing.assert_array_equal(said[0], said[1])


@pytest.mark.parametrize("place", range(1, 14))
def test_too_few_samples_and_unfitted_are_refused(encoder, made, place):
    method = every(encoder)[place]
    assert method.smallest_k >= 1
    assert method.reason
    y = made.targets["component_0"]
    with pytest.raises(EvaluationError):
        t.TransferredCalibration(method).fit(made.spectra["a"][:N_TRAIN], y[:N_TRAIN], None)
    with pytest.raises(EvaluationError, match="not fitted"):
        cast(Any, clone(method)).predict(made.spectra["b"])


def test_the_model_is_left_as_it_was(encoder, model, made):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for method in (st.TestTimeTraining(encoder, steps=2, trained="lora"), st.LoraTransfer(encoder, steps=2)):
        r2_of(method, made)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.requires_grad for value in model.parameters())


def test_specs_have_unique_names_and_make_what_they_say(encoder):
    specs = st.spektron_specs(encoder)
    assert len({spec.name for spec in specs}) == len(specs)
    for spec in specs:
        method = spec.make()
        assert spec.model
        assert method is not spec.make()
        if spec.needs == "none":
            assert method.smallest_k == 0
        else:
            assert method.needs == spec.needs


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_identical_instruments_need_nothing(encoder, made):
    """Paired samples that agree change no prediction."""
    y = made.targets["component_0"]
    x, new = made.spectra["a"][:N_TRAIN], made.spectra["a"][N_TRAIN:]
    pairs = t.TransferSamples(x[:5], x[:5])
    plain = st.SpektronCalibration(encoder, preprocessing="derivative").fit(x, y[:N_TRAIN]).predict(new)
    for method in (
        st.LatentTransfer(encoder, t.MeanOffset()),
        st.LatentTransfer(encoder, t.ExternalParameterOrthogonalization(2)),
        st.LatentTransfer(encoder, t.PiecewiseDirectStandardization(2, 2, toward="identity")),
        st.MappedTransfer(encoder, t.PiecewiseDirectStandardization(2, 2, toward="identity")),
    ):
        fitted = t.TransferredCalibration(method).fit(x, y[:N_TRAIN], pairs)
        np.testing.assert_allclose(fitted.predict(new), plain, atol=1e-6)


def test_no_steps_change_nothing(encoder, made):
    """Test-time training and paired adaptation without a step are the frozen model."""
    frozen = r2_of(st.LatentTransfer(encoder, t.MeanOffset()), made)
    assert r2_of(st.PairedAdaptation(encoder, steps=0), made) == pytest.approx(frozen, abs=1e-6)
    plain = r2_of(st.LatentTransfer(encoder, t.MeanOffset("unpaired")), made)
    trained = r2_of(st.TestTimeTraining(encoder, steps=0, map=t.MeanOffset("unpaired")), made)
    assert trained == pytest.approx(plain, abs=1e-6)


def test_lora_without_steps_is_a_bias_correction(encoder, made):
    y = made.targets["component_0"]
    x, b = made.spectra["a"][:N_TRAIN], made.spectra["b"]
    plain = st.SpektronCalibration(encoder, preprocessing="derivative").fit(x, y[:N_TRAIN])
    samples = samples_of(made)
    tuned = st.LoraTransfer(encoder, steps=0).fit(x, y[:N_TRAIN], samples.target, samples.targets)
    expected = t.SlopeBias(slope=False).fit(plain.predict(samples.target), samples.targets)
    np.testing.assert_allclose(tuned.predict(b), expected.correct(plain.predict(b)), atol=1e-4)


def test_training_lowers_what_it_minimises(encoder, made):
    y = made.targets["component_0"]
    x = made.spectra["a"][:N_TRAIN]
    samples = samples_of(made, 8)

    def error(steps, known):
        fitted = st.LoraTransfer(encoder, steps=steps, learning_rate=1e-4, head_rate=1e-3)
        fitted.fit(x, y[:N_TRAIN], samples.target, known)
        return np.square(fitted.predict(samples.target) - known).mean()

    other = 2.0 * samples.targets**2
    assert error(20, other) < 0.9 * error(0, other)
    # Where the bias alone brings the error to that of the cross-validation there is nothing to be learnt.
    assert error(20, samples.targets) == pytest.approx(error(0, samples.targets), rel=1e-3)  # features vary by 1e-6
    samples = samples_of(made, 8, target="c")  # bands shifted: gain and offset are nothing to the derivative
    settings = {"steps": 15, "learning_rate": 1e-3}
    adapted = st.PairedAdaptation(encoder, **settings).fit(x, y[:N_TRAIN], samples.source, samples.target)
    wanted = adapted.source_encoder_.features(samples.source, "derivative")
    near = adapted.encoder_.features(samples.target, "derivative")
    far = encoder.features(samples.target, "derivative")
    unit = adapted.standardisation_.unit
    assert np.square((near - wanted) / unit).mean() < 0.9 * np.square((far - wanted) / unit).mean()


# ---- recovery --------------------------------------------------------------------------------------------------------


def test_frozen_features_calibrate_on_one_instrument(encoder, made):
    y = made.targets["component_0"]
    fitted = st.SpektronCalibration(encoder).fit(made.spectra["a"][:N_TRAIN], y[:N_TRAIN])
    errors = fitted.predict(made.spectra["a"][N_TRAIN:]) - y[N_TRAIN:]
    assert errors.std() < 0.2 * y.std()


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (lambda e: st.LatentTransfer(e, t.MeanOffset()), 0.9),
        (lambda e: st.HybridResidual(e, t.PiecewiseDirectStandardization(2, 1)), 0.98),
        (lambda e: st.HybridResidual(e, t.DifferenceAugmentedPLS()), 0.9),
        (lambda e: st.PooledTransfer(e), 0.9),
        (lambda e: st.MappedTransfer(e, t.PiecewiseDirectStandardization(2, 1)), 0.9),
    ],
)
def test_a_gain_and_an_offset_are_transferred(encoder, made, make, least):
    assert r2_of(make(encoder), made, k=10) > least


def test_hybrid_is_its_base_where_nothing_is_left(encoder):
    """A target that PLS knows exactly leaves residuals of rounding, and Spektron adds nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2)) @ rng.normal(size=(2, len(encoder.axis_cm1)))
    y = x @ rng.normal(size=len(encoder.axis_cm1))
    hybrid = st.HybridResidual(encoder, t.MeanOffset(), preprocessing="none").fit(x[:30], y[:30], x[:4], x[:4])
    np.testing.assert_allclose(hybrid.predict(x[30:]), y[30:], atol=1e-6 * np.abs(y).max())
    alone = PLSRegression(hybrid.n_components_, scale=False).fit(x[:30], y[:30]).predict(x[30:])
    np.testing.assert_allclose(hybrid.base_.predict(x[30:]), alone.ravel(), atol=1e-9 * np.abs(y).max())


# ---- encoder and head ------------------------------------------------------------------------------------------------


def test_features_are_computed_once_and_do_not_depend_on_the_direction_of_the_axis(made, model, monkeypatch):
    nu = np.linspace(4000.0, 9000.0, len(made.axis))
    up, down = (st.SpektronEncoder(axis, model, channels=128) for axis in (nu, nu[::-1]))
    x = made.spectra["a"][:6]
    first = up.features(x)
    np.testing.assert_allclose(first, down.features(x[:, ::-1]), atol=1e-6)
    monkeypatch.setattr(up, "_computed", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(up.features(x[::-1]), first[::-1])
    np.testing.assert_array_equal(up.features(x[[1, 1]]), first[[1, 1]])
    first[:] = 0  # what is handed out is a copy
    assert up.features(x).any()


def test_adapted_models_are_shared_by_targets_of_the_same_samples(encoder, made, monkeypatch):
    from symvib.evaluation import _lora_training

    calls = []
    original = _lora_training.reconstructing
    monkeypatch.setattr(_lora_training, "reconstructing", lambda *a, **k: calls.append(1) or original(*a, **k))
    x, b = made.spectra["a"][:N_TRAIN], made.spectra["b"]
    for name in ("component_0", "component_1"):
        st.TestTimeTraining(encoder, steps=1, random_state=7).fit(x, made.targets[name][:N_TRAIN], x, b[:4])
    assert len(calls) == 1
    st.TestTimeTraining(encoder, steps=1, random_state=7).fit(x, made.targets["component_0"][:N_TRAIN], x, b[:5])
    st.TestTimeTraining(encoder, steps=1, random_state=8).fit(x, made.targets["component_0"][:N_TRAIN], x, b[:4])
    assert len(calls) == 3


def test_a_modality_that_was_not_trained_is_warned_of(encoder, caplog):
    for modality, said in (("nir", True), ("ir", False)):
        caplog.clear()
        assert st.SpektronEncoder(encoder.axis_cm1, modality=modality).n_chem == 128
        assert ("never on nir" in caplog.text) == said


def test_encoder_of_a_set_reads_its_unit(made, model):
    nm = replace(made, axis=np.linspace(1100.0, 2498.0, len(made.axis)), axis_unit="nm")
    encoder = st.SpektronEncoder.of_set(nm, model)
    assert encoder.modality == "nir"
    assert encoder.channels_cm1[[0, -1]] == pytest.approx([1e7 / 2498, 1e7 / 1100])
    shift = replace(nm, axis_unit="1/cm")
    assert st.SpektronEncoder.of_set(shift, model).modality == "raman"
    with pytest.raises(EvaluationError, match="channel"):
        st.SpektronEncoder.of_set(made, model)


def test_encoder_is_shared_by_clones(encoder):
    assert cast(Any, clone(st.SpektronCalibration(encoder))).encoder is encoder


@pytest.mark.parametrize("axis", [np.ones(5), np.array([1.0, 3.0, 2.0]), np.zeros((2, 2)), np.array([1.0])])
def test_axes_that_turn_are_refused(axis):
    with pytest.raises(EvaluationError, match="axis"):
        st.SpektronEncoder(axis)


def test_wrong_options_are_refused(encoder, made, model):
    x, y = made.spectra["a"], made.targets["component_0"]
    with pytest.raises(EvaluationError, match="knows"):
        st.SpektronEncoder(encoder.axis_cm1, model, modality="uv").features(x)
    with pytest.raises(EvaluationError, match="preprocessing"):
        st.SpektronCalibration(encoder, preprocessing="snv").fit(x, y)
    with pytest.raises(EvaluationError, match="channels"):
        st.SpektronCalibration(encoder).fit(x[:, 1:], y)
    with pytest.raises(EvaluationError, match="NaN"):
        st.SpektronCalibration(encoder).fit(np.where(np.arange(len(x))[:, None] == 3, np.nan, x), y)
    with pytest.raises(EvaluationError, match="unpaired"):
        st.TestTimeTraining(encoder, steps=1, map=t.MeanOffset()).fit(x, y, x, x[:3])
    with pytest.raises(EvaluationError, match="LatentTransfer"):
        st.MappedTransfer(encoder, t.ExternalParameterOrthogonalization(1)).fit(x, y, x[:3], x[:3])
    with pytest.raises(EvaluationError, match="derivative"):
        derivative(x[:, :10])


def test_head_is_ridge_and_standardisation_keeps_what_does_not_vary():
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(30, 50)), rng.normal(size=30)
    head = fit_head(z, y, 5, 0)
    expected = Ridge(head.penalty).fit(z, y)
    np.testing.assert_allclose(head(z), expected.predict(z), atol=1e-8)
    constant = np.column_stack([z[:, 0], np.full(30, 7.0)])
    np.testing.assert_array_equal(Standardisation.of(constant)(constant)[:, 1], 0.0)
