"""Intervals and tests against scipy, exact enumeration and their own coverage."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, mannwhitneyu

from symvib.evaluation import _statistics as statistics
from symvib.evaluation._paired_tests import adjusted_interval


@pytest.mark.parametrize("seed", range(20))
def test_fisher_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    n_all = int(rng.integers(2, 300))
    n, every = int(rng.integers(1, n_all)), int(rng.integers(0, n_all + 1))
    hits = int(rng.integers(max(0, n + every - n_all), min(n, every) + 1))
    table = [[hits, n - hits], [every - hits, n_all - n - every + hits]]
    assert statistics.fisher_p(hits, n, every, n_all) == pytest.approx(fisher_exact(table).pvalue, rel=1e-8)


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(0).random(50) ** 3
    assert np.allclose(statistics.holm(p), multitest.multipletests(p, method="holm")[1])


def test_holm_of_nothing_is_nothing():
    assert statistics.holm([]).shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_the_mann_whitney_statistic(seed):
    rng = np.random.default_rng(seed)
    truth = rng.random(60) < 0.4
    scores = rng.normal(size=60).round(1)  # with ties
    u = mannwhitneyu(scores[truth], scores[~truth]).statistic
    assert statistics.auroc(scores, truth) == pytest.approx(u / (truth.sum() * (~truth).sum()))
    placed = statistics.placements(scores, truth)
    assert placed[truth].mean() == pytest.approx(placed[~truth].mean())


def test_intervals_of_perfect_and_tiny_samples_have_a_width():
    low, high = statistics.auroc_interval(1.0, 1, 1)
    assert high == 1.0
    assert low < 0.3
    low, high = statistics.auroc_interval(1.0, 50, 50)
    assert high == 1.0
    assert 0.9 < low < 0.99
    assert adjusted_interval(np.zeros(1), 0.95)[1] > 0.5
    assert statistics.student_interval(np.array([0.3]), (0.0, 1.0)) == (0.0, 1.0)


def test_auroc_interval_covers():
    """Normal scores one deviation apart: AUROC 0.7602; 300 samples of 12 and 20, nominal 95 %."""
    rng = np.random.default_rng(1)
    truth = np.arange(32) < 12
    inside = 0
    for _ in range(300):
        area = statistics.auroc(rng.normal(size=32) + truth, truth)
        low, high = statistics.auroc_interval(area, 12, 20)
        inside += low <= 0.7602 <= high
    assert inside / 300 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 300)


def test_the_interval_of_a_paired_difference_covers():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(400):
        won, lost, _ = rng.multinomial(30, [0.2, 0.05, 0.75])
        low, high = adjusted_interval(np.repeat([1.0, -1.0, 0.0], [won, lost, 30 - won - lost]), 0.95)
        inside += low <= 0.15 <= high
    assert inside / 400 >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 400)


def test_sign_flips_are_exact_for_few_changes():
    assert statistics.sign_flip_p(np.ones(5), 99, np.random.default_rng(0)) == 2 / 32
    assert statistics.sign_flip_p(np.zeros(5), 99, np.random.default_rng(0)) == 1.0


def test_permutation_p_is_that_of_enumeration():
    """Six molecules, a stratum of two: 15 subsets, of which 2 are as far from the rest as the two largest values."""
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    columns = np.column_stack([values, np.ones(6)])
    members = np.array([[False, False, False, False, True, True]])
    p = statistics.permutation_p(
        columns,
        members,
        lambda a, b: a[..., 0] / a[..., 1] - b[..., 0] / b[..., 1],
        20000,
        np.random.default_rng(0),
    )
    assert p[0] == pytest.approx(2 / 15, abs=4 * np.sqrt(2 / 15 * 13 / 15 / 20000))


def test_bootstrap_totals_have_the_moments_of_the_sample():
    columns = np.random.default_rng(3).normal(size=(50, 2))
    totals = statistics.bootstrap_totals(columns, 4000, np.random.default_rng(4))
    assert totals.shape == (4000, 2)
    expected = columns.var(axis=0) * 50
    assert np.allclose(totals.mean(axis=0), columns.sum(axis=0), atol=4 * np.sqrt(expected.max() / 4000))
    assert np.allclose(totals.var(axis=0), expected, rtol=0.12)
