"""Stratified scores of models whose truth is known: oracle, guesser, one that fails on centrosymmetric molecules."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from strata_stand_in import made_up, random_ranks, ranks_with
from symvib.errors import EvaluationError
from symvib.evaluation.outcomes import Outcomes
from symvib.evaluation.stratified import stratified

N_SIMULATIONS = 200
# 200 simulations at 5 %: at most 5 % + 3 standard deviations of a binomial.
LARGEST_RATE = 0.05 + 3 * np.sqrt(0.05 * 0.95 / N_SIMULATIONS)
STRATA = made_up()
STRATUM_NAMES = [(kind, name) for kind in STRATA.KINDS for name in STRATA.order(kind)]
INVERSION = STRATA.labels("exclusion") == "inversion"


def probabilities(strata, p, name="model", seed=5):
    truth = np.random.default_rng(seed).random(len(strata.ids)) < 0.5
    return Outcomes.of_probabilities(strata.ids, "x", truth, np.where(truth, p, 1 - p), modalities="ir", name=name)


def values(strata, noise, name="model", seed=6):
    rng = np.random.default_rng(seed)
    truth, error = rng.normal(size=(2, len(strata.ids)))
    return Outcomes.of_values(strata.ids, "gap", truth, truth + noise * error, unit="eV", modalities="ir", name=name)


@pytest.fixture(scope="module")
def oracle():
    return stratified(Outcomes.of_ranks(STRATA.ids, np.ones(len(STRATA.ids)), 100), STRATA)


@pytest.mark.parametrize(("kind", "name"), STRATUM_NAMES)
def test_an_oracle_is_always_right(oracle, kind, name):
    score = oracle.score("model", kind, name)
    assert score.value == 1.0
    assert score.high == 1.0
    assert score.low < 1.0
    assert score.n == (STRATA.labels(kind) == name).sum()
    assert not score.flagged()


@pytest.mark.parametrize("k", [1, 5, 10])
def test_guessers_are_at_chance_in_every_stratum(k):
    """Of 60 guessers, the 95 % interval of each stratum holds the chance k/20 as often as it should.

    Exactly, Wilson's interval misses it in 5.8 % of samples at most for these strata, and in 4.7 % on average. The
    bound for the worst of 13 strata is the binomial quantile that one is beyond in a thousand repetitions.
    """
    n = 60
    missed = dict.fromkeys(STRATUM_NAMES, 0)
    for seed in range(n):
        scores = stratified(random_ranks(STRATA, 20, seed=100 * k + seed), STRATA, metric=f"top{k}")
        assert scores.chance == k / 20
        for place in STRATUM_NAMES:
            score = scores.score("random", *place)
            missed[place] += not score.low <= k / 20 <= score.high
    assert max(missed.values()) <= binom.ppf(1 - 0.001 / len(missed), n, 0.058)
    assert sum(missed.values()) <= 0.07 * n * len(missed)


def test_a_model_that_fails_on_centrosymmetric_molecules_is_caught():
    bad = ranks_with(STRATA, np.where(INVERSION, 0.3, 0.9))
    scores = stratified(bad, STRATA)
    found = scores.score("model", "exclusion", "inversion")
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.01
    assert found.difference is not None
    assert found.difference < -0.4
    assert found in scores.flagged()


@pytest.mark.parametrize(
    ("make", "metric"),
    [(probabilities, "brier"), (probabilities, "auroc"), (values, "rmse"), (values, "mae"), (values, "r2")],
)
def test_so_is_one_that_answers_badly_there(make, metric):
    p = {probabilities: np.where(INVERSION, 0.35, 0.8), values: np.where(INVERSION, 3.0, 0.3)}[make]
    found = stratified(make(STRATA, p), STRATA, metric=metric, n_draws=4999).score("model", "exclusion", "inversion")
    assert found.p_adjusted is not None
    assert found.p_adjusted < 0.01


def test_models_without_a_symmetry_effect_are_not_flagged():
    """Family-wise: the share of 200 models with any flagged stratum is 5 % at most."""
    flagged = [bool(stratified(ranks_with(STRATA, 0.8, seed=seed), STRATA).flagged()) for seed in range(N_SIMULATIONS)]
    assert np.mean(flagged) <= LARGEST_RATE


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["brier", "auroc", "rmse"])
def test_nor_are_they_by_permutation(metric):
    strata = made_up(n=150)
    flagged = []
    for seed in range(N_SIMULATIONS):
        if metric == "rmse":
            model = values(strata, 1.0, seed=seed)
        else:
            model = probabilities(strata, np.random.default_rng(seed).random(150), seed=seed + 1000)
        flagged.append(bool(stratified(model, strata, metric=metric, n_draws=999).flagged()))
    assert np.mean(flagged) <= LARGEST_RATE


def test_a_single_molecule_keeps_its_row_and_its_wide_interval():
    for scores in (
        stratified(ranks_with(STRATA, 0.8), STRATA),
        stratified(probabilities(STRATA, 0.7), STRATA, n_draws=99),
        stratified(values(STRATA, 1.0), STRATA, metric="mae", n_draws=99),
    ):
        alone = scores.score("model", "point group", "Ih")
        assert alone.n == 1
        assert alone.high - alone.low > 0.7
        assert {s for of in STRATA.KINDS for s in scores.of_kind(of)} == {name for _, name in STRATUM_NAMES}


def test_a_stratum_of_everything_has_no_rest():
    strata = made_up(50)
    everything = type(strata)(strata.ids, {"all alike": np.full(50, "yes")}, ("all alike",))
    for model in (ranks_with(everything, 0.5), values(everything, 1.0)):
        score = stratified(model, everything, n_draws=99).score("model", "all alike", "yes")
        assert (score.rest_value, score.difference, score.p_value, score.p_adjusted) == (None,) * 4


def test_an_undefined_value_is_none_and_its_interval_is_all_there_is():
    scores = stratified(values(STRATA, 1.0), STRATA, metric="r2", n_draws=99)
    alone = scores.score("model", "point group", "Ih")
    assert alone.value is None
    assert alone.high == 1.0
    assert alone.as_dict()["low"] is None


def test_the_comparison_over_all_molecules_is_not_adjusted_for_the_strata():
    models = {"reference": ranks_with(STRATA, 0.80, seed=1), "model": ranks_with(STRATA, 0.72, seed=2)}
    models = {name: replace(outcomes, name=name) for name, outcomes in models.items()}
    overall, *strata = stratified(models, STRATA).paired
    assert (overall.kind, overall.p_adjusted) == ("all", overall.p_value)
    tested = [s for s in strata if s.p_value is not None]
    assert min(s.p_adjusted for s in tested) == pytest.approx(min(1, len(tested) * min(s.p_value for s in tested)))


def test_paired_tests_see_where_two_models_differ():
    good, bad = ranks_with(STRATA, 0.9, name="good"), ranks_with(STRATA, np.where(INVERSION, 0.2, 0.9), name="bad")
    scores = stratified({"good": good, "bad": bad}, STRATA)
    flagged = {(s.kind, s.stratum) for s in scores.paired if s.flagged()}
    assert ("exclusion", "inversion") in flagged
    assert ("exclusion", "none") not in flagged
    found = next(s for s in scores.paired if s.stratum == "inversion")
    assert found.lost > found.won
    assert found.difference is not None
    assert found.low < found.difference < found.high < 0


@pytest.mark.parametrize("metric", ["brier", "auroc"])
def test_paired_tests_of_probabilities(metric):
    good, bad = probabilities(STRATA, 0.9, "good"), probabilities(STRATA, np.where(INVERSION, 0.2, 0.9), "bad")
    scores = stratified({"good": good, "bad": bad}, STRATA, metric=metric, n_draws=1999)
    found = next(s for s in scores.paired if s.stratum == "inversion")
    assert found.flagged()
    assert (found.difference > 0) == (metric == "brier")
    untouched = next(s for s in scores.paired if s.stratum == "none")
    assert untouched.p_value == 1.0


def test_the_order_of_rows_does_not_matter():
    model, other = ranks_with(STRATA, 0.8, name="a"), ranks_with(STRATA, 0.7, name="b", seed=9)
    order = np.random.default_rng(0).permutation(len(other))
    first = stratified({"a": model, "b": other}, STRATA)
    second = stratified({"a": model, "b": other._rows(order)}, STRATA)
    assert first.as_dict() == second.as_dict()


def test_the_same_seed_gives_the_same_numbers():
    model = values(STRATA, 1.0)
    once, again = (stratified(model, STRATA, ["atoms"], n_draws=99, seed=3).as_dict() for _ in range(2))
    assert once == again
    assert stratified(model, STRATA, ["atoms"], n_draws=99, seed=4).as_dict() != once


def test_a_molecule_counts_once_however_often_it_is_asked():
    """Molecule a is asked nine times and missed, b once and found: the share is a half."""
    outcomes = Outcomes.of_ranks(["a"] * 9 + ["b"], [2] * 9 + [1], 5, queries=list(map(str, range(10))))
    strata = type(STRATA)(("a", "b"), {"name": np.array(["a", "b"])}, ("name",))
    scores = stratified(outcomes, strata, n_draws=99)
    assert scores.score("model").value == 0.5
    assert scores.score("model").n == 2


def test_ties_are_found_by_chance():
    outcomes = Outcomes.of_ranks(["a", "b"], [1, 1], 4, n_tied=[3, 0])
    strata = type(STRATA)(("a", "b"), {"name": np.array(["a", "b"])}, ("name",))
    scores = stratified(outcomes, strata, n_draws=99)
    assert scores.score("model", "name", "a").value == 0.25
    assert scores.score("model").value == 0.625


def test_targets_of_classifications_are_averaged_and_others_are_not():
    one, two = probabilities(STRATA, 0.9), probabilities(STRATA, 0.6)
    two = Outcomes.of_probabilities(STRATA.ids, "y", two.truth, two.prediction, modalities="ir")
    both = Outcomes.joined([one, two])
    scores = stratified(both, STRATA, n_draws=99)
    assert scores.question.target == ""
    assert scores.score("model").value == pytest.approx((0.01 + 0.16) / 2)
    with pytest.raises(EvaluationError, match="2 questions are left"):
        stratified(both, STRATA, metric="auroc")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "rmse"}, "does not measure a identification; those that do: top1, top5, top10"),
        ({"metric": "accuracy"}, "does not measure"),
        ({"alpha": 0.0}, "alpha is in"),
        ({"n_draws": 10}, "n_draws >= 99"),
        ({"task": "regression"}, "has no row with"),
    ],
)
def test_bad_questions_are_refused(change, words):
    with pytest.raises(EvaluationError, match=words):
        stratified(ranks_with(STRATA, 0.5), STRATA, **change)


def test_unknown_molecules_are_refused():
    outcomes = Outcomes.of_ranks(["mol-0001", "nobody"], [1, 1], 10)
    with pytest.raises(EvaluationError, match="nobody"):
        stratified(outcomes, STRATA)


def test_models_that_answered_other_queries_are_refused():
    one = ranks_with(STRATA, 0.5, name="one")
    two = one.chosen(ids=STRATA.ids[:100])
    with pytest.raises(EvaluationError, match="did not answer the same queries"):
        stratified({"one": one, "two": two}, STRATA)


def test_averages_over_other_targets_are_not_compared():
    one, two = probabilities(STRATA, 0.9), probabilities(STRATA, 0.6)
    both = Outcomes.joined(
        [one, Outcomes.of_probabilities(STRATA.ids, "y", two.truth, two.prediction, modalities="ir")]
    )
    with pytest.raises(EvaluationError, match=r"only one of them answers classification of y \(IR\)"):
        stratified({"both": both, "one": one}, STRATA, n_draws=99)


def test_what_is_handed_out(tmp_path):
    scores = stratified({"<b>": ranks_with(STRATA, 0.9), "two": ranks_with(STRATA, 0.5, seed=2)}, STRATA)
    assert json.loads(json.dumps(scores.as_dict(), allow_nan=False))["metric"] == "top1"
    lines = scores.to_csv(tmp_path / "scores.csv").splitlines()
    assert len(lines) == 1 + 2 * (1 + len(STRATUM_NAMES))
    html = scores._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "13 strata of 3 kinds" in scores.family
    ax = scores.plot(kind="exclusion")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["all", *STRATA.order("exclusion")]


def test_predicted_spectra_that_are_worse_with_a_centre_are_caught():
    strata = made_up(300)
    centre = strata.labels("exclusion") == "inversion"
    cosines = np.clip(np.random.default_rng(0).normal(np.where(centre, 0.3, 0.6), 0.15), -1.0, 1.0)
    good = Outcomes.of_similarities(strata.ids, "Raman spectrum", np.minimum(cosines + 0.1, 1.0), modalities="ir")
    bad = Outcomes.of_similarities(strata.ids, "Raman spectrum", cosines, modalities="ir")
    scores = stratified({"bad": bad, "good": good}, strata, ["exclusion"], n_draws=999)
    found = scores.of_kind("exclusion")["inversion"]["bad"]
    assert found.flagged(0.05)
    assert found.difference < -0.2
    assert found.low < found.value < found.high
    paired = next(pair for pair in scores.paired if pair.kind == "all")
    assert (paired.difference > 0.09, paired.lost) == (True, 0)  # "good" minus the reference "bad"
