"""Calibration curves and the best and worst molecules."""

import json

import numpy as np
import pytest

from symvib.errors import EvaluationError
from symvib.evaluation.extremes import extremes
from symvib.evaluation.outcomes import Outcomes
from symvib.evaluation.reliability import reliability

N = 3000
IDS = [f"m{i}" for i in range(N)]


def answers(power, seed=0, n=N):
    """Truths with probabilities p, of which the model says p**power."""
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return Outcomes.of_probabilities(IDS[:n], "x", rng.random(n) < p, p**power)


def test_right_probabilities_lie_on_the_diagonal():
    curve = reliability(answers(1.0))
    outside = (curve.mean_probability < curve.low) | (curve.mean_probability > curve.high)
    assert outside.sum() <= 2
    assert curve.n.sum() == N


def test_the_error_by_chance_is_exceeded_by_chance_alone():
    """By one in twenty of 60 models whose probabilities are right: at most 5 % + 3 standard deviations."""
    curves = [reliability(answers(1.0, seed, n=300), seed=1000) for seed in range(60)]
    exceeded = np.mean([c.expected_calibration_error > c.error_by_chance for c in curves])
    assert exceeded <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_overconfident_probabilities_do_not():
    curve = reliability(answers(4.0))
    assert curve.expected_calibration_error > 3 * curve.error_by_chance


def test_empty_bins_stay_and_edges_belong_to_the_bin_below():
    curve = reliability(Outcomes.of_probabilities(["a", "b", "c"], "x", [0, 1, 1], [0.0, 0.5, 1.0]), n_bins=4)
    assert curve.n.tolist() == [1, 1, 0, 1]
    assert curve.as_dict()["share"] == [0.0, 1.0, None, 1.0]
    assert json.dumps(curve.as_dict(), allow_nan=False)


def test_many_answers_about_few_molecules_are_few_molecules():
    ids = ["a", "b"] * 100
    queries = [str(i) for i in range(200)]
    truth = [1, 0] * 100
    curve = reliability(Outcomes.of_probabilities(ids, "x", truth, [0.5] * 200, queries=queries))
    assert curve.n_molecules.max() == 2
    assert float(curve.high.max() - curve.low.min()) > 0.8


def test_bad_questions_are_refused():
    with pytest.raises(EvaluationError, match="needs classifications"):
        reliability(Outcomes.of_ranks(["a"], [1], 3))
    with pytest.raises(EvaluationError, match="two bins"):
        reliability(answers(1.0), n_bins=1)


def test_extremes_by_rank_with_ties_spread():
    ranks = [1] * 50 + list(range(2, 52))
    found = extremes(Outcomes.of_ranks([f"m{i:03d}" for i in range(100)], ranks, 100), 3)
    assert [example.id for example in found.worst] == ["m099", "m098", "m097"]
    assert found.n_tied_best == 50
    assert [example.id for example in found.best] == ["m000", "m024", "m049"]
    assert found.worst[0].words == "rank 51 of 100"


def test_extremes_of_probabilities_and_values():
    found = extremes(Outcomes.of_probabilities(["a", "b"], "x", [1, 1], [0.9, 0.2]), 1)
    assert (found.best[0].id, found.worst[0].id) == ("a", "b")
    found = extremes(Outcomes.of_values(["a", "b"], "gap", [1.0, 2.0], [1.5, 2.1], unit="eV"), 5)
    assert [example.id for example in found.worst] == ["a", "b"]
    assert found.worst[0].words == "1.5 eV, true 1 eV"


def test_extremes_of_several_questions_are_refused():
    parts = [Outcomes.of_ranks(["a"], [1], 10, modalities=shown) for shown in ("ir", "raman")]
    with pytest.raises(EvaluationError, match="choose one task"):
        extremes(Outcomes.joined(parts))
