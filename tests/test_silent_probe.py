"""E8: the probe finds what is there, calls noise noise, and says when it could not have seen anything."""

import json

import numpy as np
import pytest
from scipy.stats import binom

from symvib.errors import EvaluationError
from symvib.evaluation._grouped_ridge import fold_numbers, out_of_fold, principal_parts
from symvib.evaluation.predictions import registered
from symvib.evaluation.silent_probe import _added, composition_features, silent_probe

N = 240


def made(rng, *, tells=0.0, shows=1.0, n=N):
    """Features (two that may tell, four of noise), composition, silent and visible wavenumbers, formulas (by three)."""
    formulas = [f"C{k + 1}H{2 * k + 4}" for k in range(n // 3) for _ in range(3)]
    composition = rng.normal(size=(n // 3, 3)).repeat(3, axis=0)
    hidden, seen = rng.normal(size=(2, n))
    silent = 900 + 60 * composition[:, 0] + 50 * rng.normal(size=n) + 100 * tells * hidden
    visible = 1200 + 40 * composition[:, 1] + 30 * rng.normal(size=n) + 100 * shows * seen
    features = np.column_stack([hidden, seen, rng.normal(size=(n, 4))])
    return features, composition, silent, visible, formulas


def test_composition_only_supports_the_theory():
    found = silent_probe(*made(np.random.default_rng(0)))
    assert found.verdict == "supported"
    assert found.positive.low > 0
    assert found.r2_composition > 0.3
    assert abs(found.effect.value) < 0.05


def test_features_that_tell_refute_it():
    found = silent_probe(*made(np.random.default_rng(1), tells=1.0))
    assert found.verdict == "refuted"
    assert found.effect.low > 0
    assert found.shuffled.value < 0.05
    again = json.loads(json.dumps(found.as_dict()))
    assert again["verdict"] == "refuted"
    assert "silent" in found._repr_html_()
    assert len(found.plot().get_yticks()) == 3


def test_features_that_show_nothing_decide_nothing():
    found = silent_probe(*made(np.random.default_rng(2), shows=0.0))
    assert found.verdict == "undecided"
    assert "positive control" in found.decision.reason


def test_fewer_molecules_than_registered_decide_nothing():
    found = silent_probe(*made(np.random.default_rng(3), n=90))
    assert found.verdict == "undecided"


@pytest.mark.slow
def test_noise_is_flagged_rarely():
    rng, rule = np.random.default_rng(4), registered("E8")
    flagged = 0
    for k in range(200):
        features, composition, silent, _, formulas = made(rng, n=120)
        effect = _added(features, composition, silent, formulas, "noise", rule, k)[0]
        flagged += effect.low > 0
    assert flagged <= binom.ppf(0.999, 200, 0.05)


def test_a_formula_is_in_one_fold():
    groups = np.random.default_rng(5).integers(0, 40, 300).astype(str)
    folds = fold_numbers(groups, 5, 0)
    assert all(len(set(folds[groups == g])) == 1 for g in set(groups))
    sizes = np.bincount(folds, minlength=5)
    assert sizes.min() > 40
    assert np.array_equal(folds, fold_numbers(groups, 5, 0))


def test_what_only_the_formula_knows_is_not_learned():
    """The target is constant within a formula and random between: nothing can be predicted for a new one."""
    rng = np.random.default_rng(6)
    names = np.arange(60).repeat(5)
    target = rng.normal(size=60)[names]
    one_hot = (names[:, None] == np.arange(60)).astype(float)
    fitted, mean = out_of_fold([one_hot], target, names.astype(str).tolist())
    assert ((target - fitted) ** 2).sum() > 0.95 * ((target - mean) ** 2).sum()


def test_wide_blocks_are_cut_to_principal_components():
    rng = np.random.default_rng(7)
    low_rank = rng.normal(size=(400, 8)) @ rng.normal(size=(8, 300))
    a, b = principal_parts(low_rank[:350], low_rank[350:])
    assert a.shape == (350, 256)
    assert b.shape == (50, 256)
    assert (a[:, :8] ** 2).sum() == pytest.approx((a**2).sum(), rel=1e-9)


def test_composition_of_formulas():
    values, names = composition_features(["CH4", "SiCl4"])
    row = dict(zip(names, values[1], strict=True))
    assert row["number of Cl"] == 4
    assert row["number of Si"] == 1
    assert row["number of C"] == 0
    assert row["squared share of Cl"] == pytest.approx(0.64)
    with pytest.raises(EvaluationError, match="'C6H6\\+' is no formula"):
        composition_features(["C6H6+"])


def test_bad_input_is_refused():
    features, composition, silent, visible, formulas = made(np.random.default_rng(8))
    with pytest.raises(EvaluationError, match="arrays of shapes"):
        silent_probe(features[1:], composition, silent, visible, formulas)
    broken = silent.copy()
    broken[7] = np.nan
    with pytest.raises(EvaluationError, match=r"silent_cm1 of 1 molecules .*\[7\]"):
        silent_probe(features, composition, broken, visible, formulas)
    with pytest.raises(EvaluationError, match="25 are needed"):
        silent_probe(features, composition, silent, visible, ["CH4"] * N)
    with pytest.raises(EvaluationError, match="must vary"):
        silent_probe(features, composition, np.ones(N), visible, formulas)
