"""Known models on the strata of the shipped test molecules: oracle, guesser, crafted failure, no effect."""

import numpy as np
import pytest
from scipy.stats import binom

pytest.importorskip("torch")

from strata_stand_in import random_ranks, ranks_with
from symvib.evaluation.molecule_lists import shipped_test_ids
from symvib.evaluation.outcomes import Outcomes
from symvib.evaluation.strata import KINDS, Strata
from symvib.evaluation.stratified import stratified

N_SIMULATIONS = 200
# 200 simulations at 5 %: at most 5 % + 3 standard deviations of a binomial.
LARGEST_RATE = 0.05 + 3 * np.sqrt(0.05 * 0.95 / N_SIMULATIONS)
FAMILY_WISE_ERROR = 1e-3


class Fixed:
    """Strata whose labels are looked up once: simulations ask for them 200 times."""

    def __init__(self, strata):
        self.ids, self.KINDS = strata.ids, tuple(KINDS)
        self._labels = {kind: strata.labels(kind) for kind in KINDS}
        self._order = {kind: strata.order(kind) for kind in KINDS}

    def labels(self, kind):
        return self._labels[kind]

    def order(self, kind):
        return self._order[kind]

    def chosen(self, ids):
        assert tuple(ids) == self.ids
        return self


@pytest.fixture(scope="module")
def strata():
    return Fixed(Strata.shipped(shipped_test_ids()))


@pytest.fixture(scope="module")
def inversion(strata):
    return strata.labels("exclusion") == "inversion"


def every_stratum(scores, model):
    return [of[model] for kind in ("all", *KINDS) for of in scores.of_kind(kind).values()]


def test_there_are_strata_of_all_sizes(strata, inversion):
    """What the tests below rest on: the shipped test set, many strata, some of one molecule."""
    assert len(strata.ids) == 1542
    sizes = [int((strata.labels(kind) == name).sum()) for kind in KINDS for name in strata.order(kind)]
    assert len(sizes) > 60
    assert min(sizes) == 1
    assert set(strata.order("exclusion")) == {"inversion", "other", "none"}
    assert inversion.sum() >= 100


def test_an_oracle_is_right_in_every_stratum(strata):
    oracle = Outcomes.of_ranks(strata.ids, np.ones(len(strata.ids)), len(strata.ids), name="oracle")
    scores = stratified(oracle, strata)
    for kind in KINDS:
        found = scores.of_kind(kind)
        assert list(found) == list(strata.order(kind))
        for name, of in found.items():
            score = of["oracle"]
            assert (score.value, score.high, score.n) == (1.0, 1.0, (strata.labels(kind) == name).sum())
            assert score.low < 1.0
    assert not scores.flagged()


@pytest.mark.parametrize("n_library", [20, 1542])
@pytest.mark.parametrize("k", [1, 5, 10])
def test_a_guesser_is_at_chance_in_every_stratum(strata, k, n_library):
    """Hits of a stratum are binomial; all strata are inside their intervals but once in a thousand such tests."""
    scores = stratified(random_ranks(strata, n_library, seed=k + n_library), strata, metric=f"top{k}")
    assert scores.chance == k / n_library
    every = every_stratum(scores, "random")
    tail = FAMILY_WISE_ERROR / (2 * len(every))
    for score in every:
        low, high = binom.ppf([tail, 1 - tail], score.n, k / n_library)
        assert low <= round(score.value * score.n) <= high, (score.kind, score.stratum)


@pytest.mark.parametrize("there", [0.0, 0.6])
@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_fails_on_centrosymmetric_molecules_only_is_caught(strata, inversion, there, seed):
    """Found in 90 % of other molecules, and in none or 60 % of these."""
    scores = stratified(ranks_with(strata, np.where(inversion, there, 0.9), seed=seed), strata)
    found = scores.score("model", "exclusion", "inversion")
    assert found.p_adjusted < 0.01
    assert found.difference == pytest.approx(there - 0.9, abs=0.15)
    assert found in scores.flagged()
    for score in scores.flagged():  # nothing is blamed that has no centrosymmetric molecule in it
        if score.difference < 0:
            assert (inversion & (strata.labels(score.kind) == score.stratum)).any(), (score.kind, score.stratum)


@pytest.mark.parametrize("share", [0.8, 0.3])
def test_a_model_without_symmetry_effect_is_not_flagged(strata, share):
    """Family-wise: of 200 such models at most 5 % show any stratum, among all strata of all kinds."""
    flagged = [
        bool(stratified(ranks_with(strata, share, seed=1000 + seed), strata).flagged()) for seed in range(N_SIMULATIONS)
    ]
    assert np.mean(flagged) <= LARGEST_RATE


@pytest.mark.slow
def test_nor_is_one_that_is_asked_three_times(strata):
    """Answers of one molecule are alike, which the permutation of molecules allows for."""
    flagged = []
    for seed in range(N_SIMULATIONS):
        rng = np.random.default_rng(seed)
        ease = rng.beta(2.0, 1.0, len(strata.ids))
        ranks = np.where(rng.random((3, len(ease))) < ease, 1, 2).ravel()
        queries = np.repeat(["0", "1", "2"], len(ease)).tolist()
        model = Outcomes.of_ranks(strata.ids * 3, ranks, 100, queries=queries)
        flagged.append(bool(stratified(model, strata, n_draws=1999, seed=seed).flagged()))
    assert np.mean(flagged) <= LARGEST_RATE
