"""Retrieval: ranks, ties, intervals and paired comparison, against cases that can be counted by hand."""

import json

import numpy as np
import pytest

from symvib.errors import ModelError
from symvib.spektron.retrieval import compare, pooled, retrieval, wilson_interval


def test_results_in_libraries_of_two_sizes_are_not_compared():
    small = retrieval([[1.0, 0.0]], [0])
    large = retrieval([[1.0, 0.0, 0.0]], [0])
    with pytest.raises(ModelError, match="one library"):
        compare(small, large)


def test_ranks_are_those_of_a_sort():
    generator = np.random.default_rng(1)
    scores = generator.normal(size=(200, 300))
    true = generator.integers(300, size=200)
    order = np.argsort(-scores, axis=1)
    expected = 1 + np.argmax(order == true[:, None], axis=1)
    result = retrieval(scores, true)
    assert np.array_equal(result.ranks, expected)
    assert result.top5 == np.mean(expected <= 5)
    assert result.median_rank == np.median(expected)
    assert not result.better.flags.writeable


@pytest.mark.parametrize("k", [1, 3, 7])
def test_ties_count_by_the_chance_of_a_random_order(k):
    scores = np.array([[5.0, 3, 3, 3, 1, 0]])
    generator = np.random.default_rng(0)
    shaken = [scores + 1e-6 * generator.random(scores.shape) for _ in range(4000)]
    expected = np.mean([retrieval(s, [2]).top(k) for s in shaken])
    assert retrieval(scores, [2]).top(k) == pytest.approx(expected, abs=0.03)
    assert retrieval(scores, [2]).ranks[0] == 3.0


def test_constant_scores_are_chance():
    result = retrieval(np.zeros((10, 50)), np.arange(10))
    assert result.top1 == pytest.approx(1 / 50)
    assert result.top10 == pytest.approx(10 / 50)


def test_wilson_interval_covers():
    generator = np.random.default_rng(5)
    counts = generator.binomial(200, 0.1, size=2000)
    inside = [low <= 0.1 <= high for low, high in (wilson_interval(c, 200) for c in counts)]
    assert 0.93 < np.mean(inside) < 0.97
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_groups_widen_the_interval():
    generator = np.random.default_rng(2)
    scores = generator.normal(size=(150, 10))
    scores[:60, 0] += 10
    once = retrieval(scores, np.zeros(150, int))
    single = retrieval(scores, np.zeros(150, int), groups=np.arange(150))
    thrice = pooled([single, single, single])
    assert thrice.n == 450
    assert thrice.top1 == pytest.approx(once.top1)
    width, naive = np.diff(thrice.interval())[0], np.diff(wilson_interval(450 * thrice.top1, 450))[0]
    assert width > 1.5 * naive
    assert width == pytest.approx(np.diff(once.interval())[0], rel=0.1)


def test_comparison_is_paired_and_exact():
    from scipy.stats import binomtest

    better = np.zeros((100, 2))
    better[:, 0] = 1
    worse = better.copy()
    worse[:12] = worse[:12, ::-1]
    better[12:15] = better[12:15, ::-1]
    found = compare(retrieval(better, np.zeros(100, int)), retrieval(worse, np.zeros(100, int)))
    assert (found.first_only, found.second_only) == (12, 3)
    assert found.difference == pytest.approx(0.09)
    assert found.low < 0.09 < found.high
    assert found.p_value == pytest.approx(binomtest(12, 15).pvalue)
    assert "+9.0 points" in str(found)
    same = compare(retrieval(better, np.zeros(100, int)), retrieval(better, np.zeros(100, int)))
    assert (same.difference, same.low, same.high, same.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_strata_add_up():
    generator = np.random.default_rng(3)
    result = retrieval(generator.normal(size=(90, 4)), generator.integers(4, size=90))
    parts = result.by_stratum(np.repeat(["a", "b", "c"], [20, 30, 40]))
    assert sum(p.n * p.top1 for p in parts.values()) == pytest.approx(90 * result.top1)


def test_refusals():
    scores = np.zeros((3, 4))
    with pytest.raises(ModelError, match="in the library"):
        retrieval(scores, [0, 1, 4])
    with pytest.raises(ModelError, match="in the library"):
        retrieval(scores, [0, 1, -1])
    with pytest.raises(ModelError, match="true_index"):
        retrieval(scores, [0.0, 1.0, 2.0])
    with pytest.raises(ModelError, match="NaN"):
        retrieval(np.where(np.eye(3, 4) > 0, np.nan, 0), [0, 1, 2])
    with pytest.raises(ModelError, match="n_library"):
        retrieval(np.zeros(3), [0, 1, 2])
    with pytest.raises(ModelError, match="same queries"):
        compare(retrieval(scores, [0, 1, 2]), retrieval(scores[:2], [0, 1]))
    with pytest.raises(ModelError, match="one size"):
        pooled([retrieval(scores, [0, 1, 2]), retrieval(scores[:, :3], [0, 1, 2])])
    with pytest.raises(ModelError, match="no query"):
        retrieval(scores, [0, 1, 2]).chosen(np.zeros(3, bool))


def test_minus_infinity_is_not_comparable():
    assert retrieval([[-np.inf, 1.0, 2.0]], [0]).ranks.tolist() == [3.0]


def test_words_and_picture():
    pytest.importorskip("matplotlib").use("Agg")
    result = retrieval(np.random.default_rng(0).normal(size=(30, 40)), np.arange(30))
    plain = json.loads(json.dumps(result.as_dict()))
    assert plain["n_queries"] == 30
    assert plain["top1_interval_95"][0] <= plain["top1"] <= plain["top1_interval_95"][1]
    assert "top 5" in result._repr_html_()
    assert result.plot().get_xscale() == "log"
