"""Calibrated probabilities, reliability, and p-values of novelty."""

import json

import numpy as np
import pytest

from symvib.errors import ModelError
from symvib.spektron.calibration import (
    ConformalScore,
    GroupCalibration,
    MahalanobisDistance,
    reliability,
    sigmoid,
)


def drawn(n, slopes, intercepts, seed=0):
    """Logits, and labels whose true probability is sigmoid(slope * logit + intercept)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n, len(slopes)))
    labels = rng.random(logits.shape) < sigmoid(np.array(slopes) * logits + np.array(intercepts))
    return logits, labels.astype(float)


@pytest.mark.parametrize("kind", ["platt", "temperature"])
def test_the_true_parameters_are_found(kind):
    slopes, intercepts = ([0.4] * 3, [0.0] * 3) if kind == "temperature" else ([0.3, 1.0, 2.5], [-1.0, 0.0, 0.5])
    logits, labels = drawn(20_000, slopes, intercepts)
    found = GroupCalibration.fit(logits, labels, kind=kind)
    assert np.allclose(found.slopes, slopes, rtol=0.08)
    assert np.allclose(found.intercepts, intercepts, atol=0.08)


def test_platt_is_the_penalised_maximum():
    from scipy.optimize import minimize

    logits, labels = drawn(300, [0.5, 2.0], [0.3, -1.0], seed=3)
    found = GroupCalibration.fit(logits, labels, prior=2.0)
    for g in range(2):
        scale = np.sqrt(np.mean(logits[:, g] ** 2))

        def loss(v, g=g, scale=scale):
            x = v[0] * logits[:, g] + v[1]
            pull = scale**2 * (v[0] - 1) ** 2 + v[1] ** 2
            return (np.logaddexp(0, x) - labels[:, g] * x).sum() + pull

        best = minimize(loss, [1.0, 0.0], tol=1e-12).x
        assert np.allclose([found.slopes[g], found.intercepts[g]], best, atol=1e-4)


def test_calibration_error_falls_on_new_molecules():
    logits, labels = drawn(4000, [0.3] * 5, [0.5] * 5)
    new_logits, new_labels = drawn(4000, [0.3] * 5, [0.5] * 5, seed=1)
    found = GroupCalibration.fit(logits, labels)
    before = reliability(sigmoid(new_logits), new_labels)
    after = reliability(found.probabilities(new_logits), new_labels)
    assert after.expected_calibration_error < 0.02 < 0.1 < before.expected_calibration_error
    assert after.log_loss < before.log_loss
    assert after.brier < before.brier


def test_masked_labels_do_not_matter():
    logits, labels = drawn(500, [0.5, 0.5], [0.0, 0.0])
    known = np.random.default_rng(5).random(500) < 0.5
    other = np.where(known[:, None], labels, 1 - labels)
    first, second = (GroupCalibration.fit(logits, y, known) for y in (labels, other))
    assert np.array_equal(first.slopes, second.slopes)
    assert reliability(sigmoid(logits), labels, known).log_loss == reliability(sigmoid(logits), other, known).log_loss


def test_a_group_never_seen_and_a_contrary_one():
    logits, labels = drawn(400, [1.0, -2.0], [0.0, 0.0])
    labels[:, 0] = 0.0
    found = GroupCalibration.fit(logits, labels)
    assert (found.probabilities(logits)[:, 0] < 0.5).all()
    assert found.slopes[1] == 0.0
    assert found.probabilities(logits)[0, 1] == pytest.approx(labels[:, 1].mean(), abs=0.01)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_extreme_and_separable_logits_stay_finite(scale):
    logits = scale * np.linspace(-1, 1, 50)[:, None]
    found = GroupCalibration.fit(logits, logits > 0)
    probabilities = found.probabilities(logits)
    assert np.isfinite(probabilities).all()
    assert (np.diff(probabilities[:, 0]) >= 0).all()


def test_written_and_read_back():
    found = GroupCalibration.fit(*drawn(100, [0.5, 2.0], [0.0, 1.0]))
    again = GroupCalibration.from_dict(json.loads(json.dumps(found.as_dict())))
    assert np.array_equal(again.slopes, found.slopes)
    assert again.kind == "platt"


@pytest.mark.parametrize(
    "call",
    [
        lambda: GroupCalibration.fit(np.zeros((3, 2)), np.zeros((3, 1))),
        lambda: GroupCalibration.fit(np.full((3, 2), np.nan), np.zeros((3, 2))),
        lambda: GroupCalibration.fit(np.zeros((3, 2)), np.full((3, 2), 0.5)),
        lambda: GroupCalibration.fit(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(3, bool)),
        lambda: GroupCalibration.fit(np.zeros((3, 2)), np.zeros((3, 2)), kind="isotonic"),
        lambda: GroupCalibration([-1.0], [0.0]),
        lambda: GroupCalibration.none(2).probabilities(np.zeros(3)),
        lambda: reliability(np.full((2, 2), 3.0), np.zeros((2, 2))),
        lambda: ConformalScore(np.array([])),
        lambda: MahalanobisDistance.fit(np.zeros((1, 3))),
    ],
)
def test_refusals(call):
    with pytest.raises(ModelError):
        call()


def test_reliability_diagram():
    found = reliability(np.random.default_rng(0).random((100, 3)), np.zeros((100, 3)))
    assert found.counts.sum() == 300
    assert found.plot().get_xlabel() == "predicted probability"
    assert json.dumps(found.as_dict())


def test_distance_hardly_depends_on_units():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 5))
    mix = rng.normal(size=(5, 5))
    plain, mixed = MahalanobisDistance.fit(z), MahalanobisDistance.fit(z @ mix)
    new = rng.normal(size=(10, 5))
    assert np.allclose(plain(new), mixed(new @ mix), rtol=0.15)  # the shrinkage is not affine
    assert np.mean(plain(z) ** 2) == pytest.approx(5, rel=0.02)


def test_p_values_are_uniform_for_the_same_and_small_for_another_distribution():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(1)
    distance = MahalanobisDistance.fit(rng.normal(size=(1000, 8)))
    score = ConformalScore(distance(rng.normal(size=(1000, 8))))
    same = score.p_value(distance(rng.normal(size=(4000, 8))))
    assert abs(np.mean(same < 0.05) - 0.05) < 0.02
    assert abs(np.mean(same) - 0.5) < 0.03
    assert (score.p_value(distance(rng.normal(size=(100, 8)) + 4)) < 0.01).all()
