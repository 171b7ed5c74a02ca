"""P1 to P3: the rules as registered, and what they say of models whose behaviour is known because it was simulated."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import binom

from symvib.errors import EvaluationError
from symvib.evaluation._association import Controls, inflation, least_squares, logistic
from symvib.evaluation._matching import Caliper, match_pairs
from symvib.evaluation._paired_tests import (
    _by_fold,
    _total_gain,
    adjusted_interval,
    bootstrap_deviation,
    chosen_gains,
    exchange_p_value,
    fold_of_pairs,
    sign_flip_p_value,
)
from symvib.evaluation.hits import MODALITIES, Covariates, Hits
from symvib.evaluation.predictions import (
    FAMILY_ALPHA,
    Estimate,
    registered,
    registered_predictions,
    registration_hash,
    registration_text,
)
from symvib.evaluation.sample_efficiency import sample_efficiency
from symvib.evaluation.symmetry_effect import completeness_effect, exclusion_gain, judged

ROOT = Path(__file__).resolve().parents[1]
SIMULATIONS = 200


def sample(n=500, n_symmetric=120, *, seed=0, heavier=6):
    """Covariates of simulated molecules: the symmetric ones are first, larger by ``heavier`` atoms on average."""
    rng = np.random.default_rng(seed)
    symmetric = np.arange(n) < n_symmetric
    n_atoms = rng.integers(6, 22, n) + np.where(symmetric, rng.integers(0, heavier + 1, n), 0)
    n_vib = 3 * n_atoms - 6
    exclusion = np.where(symmetric, np.where(rng.random(n) < 0.3, "other", "inversion"), "none")
    return Covariates.of(
        {
            "id": [f"m{k}" for k in range(n)],
            "n_atoms": n_atoms,
            "n_vib": n_vib,
            "n_levels": n_vib - rng.integers(0, 3, n),
            "nearest_similarity": rng.beta(8, 2, n),
            "completeness": np.where(symmetric, rng.uniform(0.7, 0.99, n), 1.0),
            "exclusion": exclusion,
            "margin": -rng.integers(0, 60, n) - n_vib,
            "chemistry": rng.choice(["hydrocarbon", "other"], n),
        }
    )


def asked(table, probabilities, rng, modalities=("ir+raman",)):
    """Hits drawn with the probabilities (n, m) of each molecule and technique."""
    values = (rng.random(probabilities.shape) < probabilities).astype(float)
    ids = np.repeat(np.array(table.ids), len(modalities))
    return Hits(tuple(ids), tuple(np.tile(modalities, len(table))), values.ravel())


def most(share, n=SIMULATIONS):
    """Count that a true rate of ``share`` exceeds once in a thousand times."""
    return int(binom.ppf(0.999, n, share))


# --- the rules -----------------------------------------------------------------------------------------------------


def test_the_page_is_what_its_script_writes():
    spec = importlib.util.spec_from_file_location("docs_make_predictions", ROOT / "docs" / "make_predictions.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.page() == script.PAGE.read_text(encoding="utf-8"), "run `python docs/make_predictions.py`"


def test_the_registration_is_the_one_that_was_written_before_the_run():
    """Change this only with an entry under "Changes" of the page, if a model has been run on the predictions."""
    assert registration_hash() == "a4e3ff4fc668dfcb0427072bdd8cf990c91c41d4a25bf65e7e8edf97890eb046"


def test_the_predictions_share_one_error():
    rules = registered_predictions()
    assert [rule.key for rule in rules] == ["P1", "P2", "P3", "E8"]
    assert sum(rule.alpha for rule in rules) == pytest.approx(FAMILY_ALPHA)
    for rule in rules:
        assert rule.title in registration_text()
        assert rule.statistic in registration_text()


@pytest.mark.parametrize(
    ("value", "half", "p_value", "p1", "e8"),
    [
        (0.20, 0.05, 1e-4, "supported", "refuted"),
        (0.20, 0.05, 0.04, "undecided", "undecided"),  # the test does not agree
        (0.06, 0.10, 0.20, "undecided", "undecided"),
        (0.00, 0.04, 0.90, "refuted", "supported"),
        (0.03, 0.01, 1e-4, "refuted", "supported"),  # above 0, but smaller than of interest
        (-0.20, 0.05, 1e-4, "refuted", "supported"),
        (0.045, 0.01, 1e-4, "undecided", "undecided"),
    ],
)
def test_each_outcome_has_one_verdict(value, half, p_value, p1, e8):
    for key, expected in (("P1", p1), ("E8", e8)):
        rule = registered(key)
        assert rule.smallest_effect == 0.05
        estimate = Estimate("x", value, value - half, value + half, rule.level, 200, rule.unit, p_value)
        assert rule.decide(estimate).verdict == expected
        assert rule.decide(estimate, objection="unbalanced").verdict == "undecided"


def test_too_few_decide_nothing():
    rule = registered("P1")
    estimate = Estimate("x", 0.5, 0.3, 0.7, rule.level, rule.least_number - 1, rule.unit, 1e-6)
    assert rule.decide(estimate).verdict == "undecided"


def test_an_interval_of_another_level_is_refused():
    with pytest.raises(EvaluationError, match=r"level 0\.9875"):
        registered("P1").decide(Estimate("x", 0.5, 0.3, 0.7, 0.95, 200, "", 1e-6))
    with pytest.raises(EvaluationError, match="P1, P2, P3, E8"):
        registered("P4")


# --- pairs ---------------------------------------------------------------------------------------------------------


def test_pairs_keep_to_the_calipers_and_balance():
    table = sample()
    symmetric = table["completeness"] < 1
    calipers = registered("P1").calipers
    pairs = match_pairs(table, symmetric, ~symmetric, calipers)
    assert len(pairs) > 60
    assert len(set(pairs.treated)) == len(set(pairs.control)) == len(pairs)
    assert symmetric[pairs.treated].all()
    assert not symmetric[pairs.control].any()
    for caliper in calipers[:3]:
        gap = np.abs(table[caliper.name][pairs.treated] - table[caliper.name][pairs.control])
        assert gap.max() <= caliper.width
    assert abs(pairs.before[0]) > 0.4
    assert pairs.imbalance < 0.25


def test_as_many_as_possible_are_paired():
    """Nearest first would pair 10 with 11 and leave 12 without a partner."""
    table = Covariates.of({"id": list("abcd"), "x": [10.0, 13.0, 8.0, 11.0]})
    side = np.array([True, True, False, False])
    pairs = match_pairs(table, side, ~side, (Caliper("x", 2.0),))
    assert sorted(zip(pairs.treated.tolist(), pairs.control.tolist(), strict=True)) == [(0, 2), (1, 3)]
    assert pairs.after[0] == pytest.approx(2.0 / np.sqrt((1.5**2 + 1.5**2) / 2))


def test_a_pair_out_of_reach_is_not_made():
    table = Covariates.of({"id": list("ab"), "x": [0, 5]})
    side = np.array([True, False])
    assert len(match_pairs(table, side, ~side, (Caliper("x", 4),))) == 0
    with pytest.raises(EvaluationError, match="some of both"):
        match_pairs(table, side, ~side & side, (Caliper("x", 4),))


# --- tests of pairs ------------------------------------------------------------------------------------------------


def test_fractions_get_nearly_the_exact_p_value():
    rng = np.random.default_rng(1)
    d = rng.choice([-1.0, 0.0, 1.0], p=[0.2, 0.5, 0.3], size=120)
    assert sign_flip_p_value(d * 0.5, draws=4999) == pytest.approx(sign_flip_p_value(d), abs=0.02)
    assert sign_flip_p_value(np.zeros(5)) == 1.0


def test_the_interval_covers_at_its_level():
    rng = np.random.default_rng(2)
    p = [0.05, 0.85, 0.10]
    covered = 0
    for _ in range(1000):
        low, high = adjusted_interval(rng.choice([-1.0, 0.0, 1.0], p=p, size=60), 0.95)
        covered += low <= 0.05 <= high
    assert covered >= binom.ppf(0.001, 1000, 0.95)


def test_the_better_technique_is_chosen_on_other_pairs():
    treated = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 1, 1]], dtype=float)
    fold = np.array([0, 0, 1, 1])
    gain, _ = chosen_gains(treated, treated, fold)
    assert gain.tolist() == [1, 1, 1, 1]  # each half takes what was the better one of the other: here the worse one


@pytest.mark.parametrize("n", [1, 2, 7, 43])
def test_sums_by_fold_give_the_gain_of_the_pairs(n):
    rng = np.random.default_rng(n)
    hits, fold = rng.random((n, 3)), fold_of_pairs(n)
    assert sorted(set(fold)) == list(range(min(10, n)))
    gain, _ = chosen_gains(hits, hits, fold)
    assert _total_gain(_by_fold(hits, fold)[None])[0] == pytest.approx(gain.sum())
    for k in range(n):
        ir, raman, _ = hits[fold != fold[k]].sum(axis=0)
        assert gain[k] == pytest.approx(hits[k, 2] - hits[k, 0 if ir >= raman else 1])


def test_exchange_p_value_is_uniform_without_effect():
    rng = np.random.default_rng(3)
    below = 0
    for k in range(SIMULATIONS):
        a, b = (rng.random((2, 50, 3)) < [0.4, 0.5, 0.7]).astype(float)
        below += exchange_p_value(a, b, fold_of_pairs(50, k), draws=199, seed=k) <= 0.05
    assert below <= most(0.05)


def test_an_uncertain_choice_of_technique_widens_the_interval():
    """Equal techniques, of which a molecule answers to one only: which is taken changes the gain of each pair."""
    rng = np.random.default_rng(20)
    ir = rng.integers(0, 2, (400, 2)).astype(float)
    sides = [np.column_stack([ir[:, k], 1 - ir[:, k], np.ones(400)]) for k in (0, 1)]
    fold = fold_of_pairs(400)
    values = []
    for _ in range(300):
        order = rng.integers(0, 400, 400)
        gains = chosen_gains(sides[0][order], sides[1][rng.integers(0, 400, 400)], fold)
        values.append((gains[0] - gains[1]).mean())
    # At a tie, where the choice jumps, a bootstrap is too wide rather than too narrow.
    assert 0.9 * np.std(values) < bootstrap_deviation(*sides, fold) < 2 * np.std(values)
    low, high = adjusted_interval(np.zeros(98), 0.95, 0.1)
    assert high - low == pytest.approx(2 * 1.96 * 0.1, rel=1e-3)


# --- regressions ---------------------------------------------------------------------------------------------------


def test_columns_that_others_determine_are_left_out():
    table = sample()
    held = Controls.of(table.numbers(["n_atoms", "n_vib", "n_levels"]), ["n_atoms", "n_vib", "n_levels"])
    assert "n_vib" in held.left_out
    assert {"n_atoms"} <= set(held.names)
    assert inflation(np.ones(5), np.empty((5, 0))) == np.inf


def test_logistic_regression_finds_the_odds_that_were_put_in():
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(2, 6000))
    y = (rng.random(6000) < expit(0.3 + 0.8 * x - 0.5 * z)).astype(float)
    controls = Controls(z[:, None], ("z",), ())
    found = logistic(y, x, "x", controls, np.arange(6000), 0.95)
    assert found.low < 0.8 < found.high
    assert found.high - found.low < 0.2
    assert found.odds_ratio[0] == pytest.approx(np.exp(0.8), rel=0.1)
    twice = logistic(
        np.tile(y, 2),
        np.tile(x, 2),
        "x",
        Controls(np.tile(z, 2)[:, None], ("z",), ()),
        np.tile(np.arange(6000), 2),
        0.95,
    )
    assert twice.high - twice.low == pytest.approx(found.high - found.low, rel=0.01)  # a copy is no new evidence
    assert found.opposes(-1.0)
    assert not found.opposes(1.0)


def test_separated_data_are_refused():
    x = np.linspace(-1, 1, 40)
    found = logistic((x > 0).astype(float), x, "x", Controls(np.empty((40, 0)), (), ()), np.arange(40), 0.95)
    assert found.coefficient is None
    assert "separated" in found.refused
    assert "separated" in str(found)


def test_least_squares_refuses_what_it_cannot_tell_apart():
    x = np.linspace(-1, 1, 40)
    found = least_squares(x, 2 * x, "x", Controls(x[:, None], ("x",), ()), 0.95)
    assert found.coefficient is None
    assert "determine" in found.refused


# --- P1 ------------------------------------------------------------------------------------------------------------


def of_size(table, slope=0.12):
    """Probability of a hit that falls with the size and with nothing else."""
    return expit(slope * (16 - table["n_atoms"]))[:, None]


def test_p1_finds_an_effect_of_completeness():
    table, rng = sample(900, 250), np.random.default_rng(5)
    drop = np.where(table["completeness"] < 1, 0.35, 0.0)[:, None]
    found = completeness_effect(asked(table, np.clip(of_size(table) + 0.2 - drop, 0, 1), rng), table)
    assert found.verdict == "supported"
    assert found.effect.low < 0.35 < found.effect.high
    assert found.association.coefficient > 0
    assert found.registration == registration_hash()


def test_p1_refutes_where_there_is_none():
    table, rng = sample(2000, 400, seed=7), np.random.default_rng(6)
    found = completeness_effect(asked(table, np.full((len(table), 1), 0.98), rng), table)
    assert found.verdict == "refuted"


def test_p1_does_not_blame_symmetry_for_size():
    """Symmetric molecules are larger here, and only size matters: the raw difference is large, the verdict is not."""
    table, rng = sample(heavier=16), np.random.default_rng(8)
    supported, raw = 0, []
    for _ in range(SIMULATIONS):
        found = completeness_effect(asked(table, of_size(table, 0.2), rng), table, regression=False)
        supported += found.verdict == "supported"
        raw.append(found.accuracies["all, R = 1"] - found.accuracies["all, R < 1"])
    assert np.mean(raw) > 0.15
    assert supported <= most(0.05)


def test_p1_flags_no_effect_rarely():
    table, rng = sample(), np.random.default_rng(9)
    flagged, supported = 0, 0
    for _ in range(SIMULATIONS):
        found = completeness_effect(asked(table, of_size(table), rng), table, regression=False)
        flagged += found.effect.p_value < 0.05
        supported += found.verdict == "supported"
    assert flagged <= most(0.05)
    assert supported <= most(0.0125)


def test_no_partner_is_an_error():
    table, rng = sample(900, 250), np.random.default_rng(5)
    skewed = np.where(table["completeness"] < 1, 0.55, 0.5) + 1e-3 * rng.random(len(table))
    table = Covariates.of(table, nearest_similarity=skewed)
    with pytest.raises(EvaluationError, match=r"nearest_similarity within 0\.5"):
        completeness_effect(asked(table, of_size(table), rng), table, regression=False)


def test_what_overturns_a_verdict():
    """The same estimate: supported, and undecided beside a contradicting regression or unbalanced pairs."""
    table, rng = sample(900, 250), np.random.default_rng(5)
    drop = np.where(table["completeness"] < 1, 0.35, 0.0)[:, None]
    found = completeness_effect(asked(table, np.clip(of_size(table) + 0.2 - drop, 0, 1), rng), table)

    def again(**changed):
        parts = {"pairs": found.pairs, "association": found.association, **changed}
        return judged(found.prediction, found.effect, **parts, parts=(), accuracies={}, notes=[])

    assert again().verdict == "supported"
    opposed = replace(found.association, coefficient=-0.5, low=-0.8, high=-0.2)
    assert again(association=opposed).verdict == "undecided"
    assert "points the other way" in again(association=opposed).decision.reason
    skewed = replace(found.pairs, after=np.array([0.0, 0.0, -0.3, 0.0]))
    assert "standardised difference of 0.300" in again(pairs=skewed).decision.reason
    refused = replace(found.association, coefficient=None, low=None, high=None, refused="separated")
    assert again(association=refused).verdict == "supported"
    assert "refused: separated" in again(association=refused).notes[0]


# --- P2 ------------------------------------------------------------------------------------------------------------


def techniques(table, gain_with=0.15, gain_without=0.15):
    """Probabilities with IR, Raman and both."""
    excluded = table["exclusion"] != "none"
    gain = np.where(excluded, gain_with, gain_without)
    ir, raman = np.where(excluded, 0.35, 0.5), np.where(excluded, 0.5, 0.35)
    return np.column_stack([ir, raman, np.maximum(ir, raman) + gain])


def test_p2_finds_the_gain_of_exclusion_and_its_control_groups():
    table, rng = sample(1500, 500), np.random.default_rng(10)
    found = exclusion_gain(asked(table, techniques(table, 0.45, 0.05), rng, MODALITIES), table)
    assert found.verdict == "supported"
    assert found.effect.low < 0.4 < found.effect.high
    assert found.association.coefficient > 0
    assert [part.name for part in found.parts] == [
        "inversion centre",
        "exclusion, no inversion centre",
        "same class of chemistry",
    ]
    assert all(part.low > 0 for part in found.parts)
    both = found.accuracies["gain with exclusion minus gain without, with exclusion"]
    assert both["ir+raman"] - both["raman"] == pytest.approx(both["gain"])


def test_p2_flags_no_effect_rarely_even_if_the_better_technique_differs():
    table, rng = sample(), np.random.default_rng(11)
    flagged, supported = 0, 0
    for _ in range(SIMULATIONS // 4):
        found = exclusion_gain(asked(table, techniques(table), rng, MODALITIES), table, regression=False)
        flagged += found.effect.low > 0 or found.effect.high < 0
        supported += found.verdict == "supported"
    assert flagged <= most(0.0125, SIMULATIONS // 4)
    assert supported <= most(0.0125, SIMULATIONS // 4)


def test_p2_leaves_out_and_counts_molecules_without_a_technique():
    table, rng = sample(), np.random.default_rng(12)
    hits = asked(table, techniques(table), rng, MODALITIES)
    kept = [k for k, m in enumerate(hits.modalities) if not (m == "ir" and hits.ids[k] in ("m1", "m2", "m300"))]
    fewer = Hits(tuple(hits.ids[k] for k in kept), tuple(hits.modalities[k] for k in kept), hits.values[kept])
    found = exclusion_gain(fewer, table, regression=False)
    assert any(note.startswith("3 of 500") for note in found.notes)


def test_p2_says_that_a_control_group_is_missing():
    table, rng = sample(), np.random.default_rng(13)
    table = Covariates.of(table, exclusion=np.where(table["exclusion"] == "other", "inversion", table["exclusion"]))
    found = exclusion_gain(asked(table, techniques(table), rng, MODALITIES), table, regression=False)
    assert [part.name for part in found.parts] == ["inversion centre", "same class of chemistry"]
    assert any("0 molecules with the property" in note for note in found.notes)


# --- P3 ------------------------------------------------------------------------------------------------------------

SIZES = (250, 500, 1000, 2000, 4000)


def learned(table, rng, effect):
    """Hits at each size; the slope rises by ``effect`` for each deviation of margin."""
    z = np.sign(table["margin"]) * np.sqrt(np.abs(table["margin"]))
    z = (z - z.mean()) / z.std()
    found = {}
    for k, size in enumerate(SIZES):
        p = 0.5 + (0.03 + effect * z) * (k - 2)
        found[size] = asked(table, np.clip(p, 0, 1)[:, None], rng)
    return found


def test_p3_finds_slopes_that_follow_the_margin():
    table, rng = sample(1500, 300), np.random.default_rng(14)
    found = sample_efficiency(learned(table, rng, 0.06), table)
    assert found.verdict == "supported"
    assert found.effect.low < 0.06 < found.effect.high
    lowest, _, highest = found.parts[:3]
    assert lowest.value < highest.value
    assert set(found.accuracies["n_vib " + found.parts[3].name.split("n_vib ")[1]]) == set(map(str, SIZES))


def test_p3_flags_no_effect_rarely():
    table, rng = sample(300, 60), np.random.default_rng(15)
    supported, flagged = 0, 0
    for _ in range(SIMULATIONS):
        found = sample_efficiency(learned(table, rng, 0.0), table)
        supported += found.verdict == "supported"
        flagged += found.effect.p_value < 0.05
    assert flagged <= most(0.05)
    assert supported <= most(0.0125)


def test_p3_decides_nothing_where_margin_is_size():
    table, rng = sample(), np.random.default_rng(16)
    z = (table["n_atoms"] - 15) / 10
    root = z + 0.01 * rng.normal(size=len(table))
    table = Covariates.of(table, margin=np.sign(root) * root**2)
    found = sample_efficiency(learned(table, rng, 0.06), table)
    assert found.verdict == "undecided"
    assert "variance inflation" in found.decision.reason
    with pytest.raises(EvaluationError, match="controls determine"):
        sample_efficiency(learned(table, rng, 0.06), Covariates.of(table, margin=np.sign(z) * z**2))


# --- what is refused, and what is shown ----------------------------------------------------------------------------


def test_bad_hits_name_their_rows():
    with pytest.raises(EvaluationError, match=r"row 1 \(b\)"):
        Hits(("a", "b"), ("ir", "ir"), np.array([1.0, np.nan]))
    with pytest.raises(EvaluationError, match=r"none of ir, raman, ir\+raman: row 0 \(a\)"):
        Hits(("a",), ("nmr",), np.array([1.0]))
    with pytest.raises(EvaluationError, match="at least one query"):
        Hits((), (), np.array([]))
    with pytest.raises(EvaluationError, match=r"rank that is no number from 1: row 0 \(a\)"):
        Hits.of_ranks(["a"], ["ir"], [0])


def test_bad_covariates_are_refused():
    with pytest.raises(EvaluationError, match="2 ids, 1 distinct"):
        Covariates.of({"id": ["a", "a"], "x": [1, 2]})
    with pytest.raises(EvaluationError, match="'x' has shape"):
        Covariates.of({"id": ["a", "b"], "x": [1]})
    with pytest.raises(EvaluationError, match=r"a x that is no finite number: row 1 \(b\)"):
        Covariates.of({"id": ["a", "b"], "x": [1, np.inf]})
    with pytest.raises(EvaluationError, match="no column 'id'"):
        Covariates.of({"x": [1]})
    table = Covariates.of({"id": ["a"], "x": ["text"]})
    with pytest.raises(EvaluationError, match="no column 'y'"):
        table["y"]
    with pytest.raises(EvaluationError, match="must hold numbers"):
        table.numbers(["x"])


def test_bad_questions_are_refused():
    table, rng = sample(60, 20), np.random.default_rng(0)
    hits = asked(table, of_size(table), rng)
    with pytest.raises(EvaluationError, match="no row in the table of covariates"):
        completeness_effect(hits, table.rows(np.arange(50)), regression=False)
    with pytest.raises(EvaluationError, match="asked with ir and raman"):
        exclusion_gain(hits, table)
    with pytest.raises(EvaluationError, match="three or more"):
        sample_efficiency({100: hits, 200: hits}, table)
    odd = asked(table, np.full((60, 3), 0.5), rng, MODALITIES)
    with pytest.raises(EvaluationError, match="found centre"):
        exclusion_gain(odd, Covariates.of(table, exclusion=np.full(60, "centre")))


def test_results_can_be_read_and_drawn():
    import json

    table, rng = sample(), np.random.default_rng(17)
    found = exclusion_gain(asked(table, techniques(table), rng, MODALITIES), table)
    again = json.loads(json.dumps(found.as_dict()))
    assert again["verdict"] == found.verdict in str(found)
    assert again["regression"]["controls"][-1] == "exclusion"
    assert "P2" in found._repr_html_()
    ax = found.plot()
    assert len(ax.get_yticks()) == 4
    assert found.verdict in ax.get_title(loc="left")
