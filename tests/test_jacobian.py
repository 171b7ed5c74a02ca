"""Analytic Jacobians of line lists against differences, at degeneracies, in blocks, and the ranks they show."""

import json
from math import comb

import numpy as np
import pytest

from gf_problems import problem
from symvib.errors import CoordinateError, ForceFieldError, SpectrumError
from symvib.forward.jacobian import (
    SpectralBlock,
    block_spectral_jacobian,
    force_constant_basis,
    numerical_rank,
    spectral_jacobian,
)
from symvib.forward.moments import moment_jacobian

STEP = 1e-5


def with_eigenvalues(g, values, seed=0):
    """F with the given eigenvalues of GF."""
    n = len(g)
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0]
    inverse = np.linalg.inv(np.linalg.cholesky(g))
    return inverse.T @ q @ np.diag(values) @ q.T @ inverse


def brute_force(g, f, p, starts, powers=False):
    """Observables of the clusters that begin at ``starts``, by diagonalisation; centres given for powers."""
    root = np.linalg.cholesky(g)
    values, vectors = np.linalg.eigh(root.conj().T @ f @ root)
    modes = root @ vectors
    sizes = np.diff([*starts, len(values)])
    lines = [(np.abs(x.conj().T @ modes) ** 2).sum(axis=0) for x in p.values()]
    if powers is False:
        return np.concatenate([np.add.reduceat(values, starts) / sizes] + [np.add.reduceat(x, starts) for x in lines])
    x = values - powers
    rows = [np.add.reduceat(values, starts) / sizes] + [np.add.reduceat(x**m, starts) for m in range(2, max(sizes) + 1)]
    rows += [np.add.reduceat(line * x**m, starts) for line in lines for m in range(max(sizes))]
    kept = [sizes >= m for m in range(1, max(sizes) + 1)] + [sizes > m for _ in lines for m in range(max(sizes))]
    return np.concatenate([row[k] for row, k in zip(rows, kept, strict=True)])


def differences(function, f, basis, step=STEP):
    return np.transpose([(function(f + step * e) - function(f - step * e)) / (2 * step) for e in basis])


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("ranks", [(), (1,), (3, 1, 5), (1, 1, 2)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_simple_modes_agree_with_central_differences(n, ranks, hermitian):
    g, f, p = problem(n, ranks, hermitian=hermitian)
    found = spectral_jacobian(g, f, p)
    starts = np.arange(n)
    np.testing.assert_allclose(found.values, brute_force(g, f, p, starts), rtol=1e-10)
    expected = differences(lambda x: brute_force(g, x, p, starts), f, force_constant_basis(n, hermitian))
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("hermitian", [False, True])
def test_a_basis_gives_combinations_of_the_columns_of_all_entries(hermitian):
    g, f, p = problem(4, (3, 1), hermitian=hermitian)
    entries = force_constant_basis(4, hermitian)
    mix = np.random.default_rng(5).normal(size=(7, len(entries)))
    found = spectral_jacobian(g, f, p, np.einsum("pq,qij->pij", mix, entries))
    np.testing.assert_allclose(found.jacobian, spectral_jacobian(g, f, p).jacobian @ mix.T, atol=1e-10)


def symmetric_pair(n, seed):
    """G, F, factors and basis of an E species with n coordinates, unfactored: two equal, uncoupled partners."""
    g, f, p = problem(n, (1,), seed)
    dipole = np.kron(np.eye(2), p["i0"])  # partner x shows along x, partner y along y
    basis = np.kron(np.eye(2), force_constant_basis(n))
    turn = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(2 * n, 2 * n)))[0]
    whole = [turn @ np.kron(np.eye(2), m) @ turn.T for m in (g, f)]
    return *whole, {"ir": turn @ dipole}, turn @ basis @ turn.T, (g, f, p)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_degenerate_by_symmetry_unfactored_equals_factored_and_differences(n):
    g, f, p, basis, (small_g, small_f, small_p) = symmetric_pair(n, 3)
    found = spectral_jacobian(g, f, p, basis)
    assert [c.modes for c in found.clusters] == [(2 * k, 2 * k + 1) for k in range(n)]
    block = SpectralBlock("E", small_g, small_f, {"ir": small_p["i0"]}, degeneracy=2)
    factored = block_spectral_jacobian([block])
    np.testing.assert_allclose(found.values, factored.values, rtol=1e-9)
    np.testing.assert_allclose(found.jacobian, factored.jacobian, atol=1e-9 * np.abs(found.jacobian).max())
    expected = differences(lambda x: brute_force(g, x, p, np.arange(0, 2 * n, 2)), f, basis)
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-7 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("split", [0.0, 1e-9, 1e-7])
@pytest.mark.parametrize("values", [(1, 1, 2, 5), (1, 2, 2, 2), (1, 1, 3, 3)], ids=str)
def test_accidental_clusters_agree_with_differences_of_sums(values, split):
    """Every direction, also those that lift the degeneracy: the sums are analytic."""
    g, _, p = problem(4, (3, 1))
    f = with_eigenvalues(g, np.array(values) + split * np.arange(4))
    found = spectral_jacobian(g, f, p)
    starts = [c.modes[0] for c in found.clusters]
    assert len(starts) == len(set(values))
    expected = differences(lambda x: brute_force(g, x, p, starts), f, force_constant_basis(4))
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("gap", [0.0, 1e-4, 0.05])
@pytest.mark.parametrize("size", [2, 3])
def test_power_sums_of_a_cluster_agree_with_differences_through_crossings(size, gap):
    g, _, p = problem(5, (3, 1))
    values = np.array([1.0, *(3 + gap * np.arange(size)), *(7.0 + np.arange(4 - size))])
    f = with_eigenvalues(g, values)
    found = spectral_jacobian(g, f, p, power_sums=True, cluster_tolerance=0.05)
    starts = [c.modes[0] for c in found.clusters]
    assert [len(c.modes) for c in found.clusters] == [1, size] + [1] * (4 - size)
    centres = np.repeat([c.eigenvalue for c in found.clusters], [len(c.modes) for c in found.clusters])
    np.testing.assert_allclose(found.values, brute_force(g, f, p, starts, centres), atol=1e-10)
    expected = differences(lambda x: brute_force(g, x, p, starts, centres), f, force_constant_basis(5))
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-6 * np.abs(expected).max())


def test_power_sums_of_a_split_cluster_span_what_its_modes_span():
    g, _, p = problem(4, (3,))
    f = with_eigenvalues(g, [1, 2, 2.1, 6])
    single = spectral_jacobian(g, f, p)
    sums = spectral_jacobian(g, f, p, cluster_tolerance=0.05, power_sums=True)
    assert len(sums.clusters) == 3
    assert sums.jacobian.shape == single.jacobian.shape
    together = np.vstack([single.jacobian, sums.jacobian])
    matrices = (single.jacobian, sums.jacobian, together)
    ranks = [numerical_rank(np.linalg.svd(m, compute_uv=False)).rank for m in matrices]
    assert ranks == [4 + 3] * 3


def test_just_above_the_tolerance_modes_stay_single_and_right():
    g, _, p = problem(4, (3,))
    f = with_eigenvalues(g, [1, 2, 2 + 1e-3, 6])
    found = spectral_jacobian(g, f, p)
    assert len(found.clusters) == 4
    expected = differences(lambda x: brute_force(g, x, p, range(4)), f, force_constant_basis(4), step=1e-6)
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("hermitian", [False, True])
def test_crawfords_g_sum_rule(hermitian):
    """The sum of an intensity over all modes does not depend on F."""
    g, f, p = problem(12, (3, 1, 5), hermitian=hermitian)
    found = spectral_jacobian(g, f, p)
    for kind in ("i0", "i1", "i2"):
        rows = found.jacobian[found.rows(kind)]
        assert np.abs(rows.sum(axis=0)).max() < 1e-12 * np.abs(rows).max()
        total = np.trace(p[kind].conj().T @ g @ p[kind]).real
        assert found.values[found.rows(kind)].sum() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_same_row_space_as_the_moments(n, hermitian):
    g, f, p = problem(n, (2, 1), hermitian=hermitian)
    lines, moments = spectral_jacobian(g, f, p), moment_jacobian(g, f, p, polynomials="chebyshev")
    assert lines.rank.rank == moments.rank.rank
    spaces = [np.linalg.svd(m, full_matrices=False)[2][: lines.rank.rank] for m in (lines.jacobian, moments.jacobian)]
    cosines = np.linalg.svd(spaces[0] @ spaces[1].T, compute_uv=False)
    assert cosines.min() > 1 - 1e-9


PATTERNS = [
    (), (1,), (2,), (3,), (1, 1), (2, 1), (1, 2), (2, 2), (2, 5),
    (1, 1, 1), (1, 1, 2), (2, 1, 1), (2, 1, 3), (3, 1, 5), (1, 2, 3),
]  # fmt: skip


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize("ranks", PATTERNS, ids=str)
def test_rank_of_real_blocks_is_the_counting_rule(n, ranks):
    g, f, p = problem(n, ranks)
    found = spectral_jacobian(g, f, p).rank
    relations = comb(min(n, sum(r == 1 for r in ranks)), 2)
    assert found.rank == min(n * (n + 1) // 2, n + len(ranks) * (n - 1) - relations)
    assert found.gap > 1e4


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("ranks", [(), (1,), (2,), (1, 1), (2, 1), (1, 1, 1), (3, 1, 5)], ids=str)
def test_rank_of_complex_blocks_is_the_counting_rule(n, ranks):
    g, f, p = problem(n, ranks, hermitian=True)
    found = spectral_jacobian(g, f, p).rank
    assert found.rank == min(n * n, n + len(ranks) * (n - 1))
    assert found.gap > 1e4


@pytest.mark.parametrize("d", [7, 12, 21])
def test_c1_spectra_hold_4d_minus_3_numbers(d):
    assert spectral_jacobian(*problem(d, (3, 1, 5))).rank.rank == 4 * d - 3


def test_hermitian_block_equals_its_real_form():
    """One of two conjugate species as a Hermitian block, against both as one real block of twice the size."""
    g, f, p = problem(3, (2,), hermitian=True)
    block = block_spectral_jacobian([SpectralBlock("E", g, f, {"ir": p["i0"]}, degeneracy=2)])

    def real(m):
        return np.block([[m.real, -m.imag], [m.imag, m.real]])

    basis = np.array([real(e) for e in force_constant_basis(3, hermitian=True)])
    both = spectral_jacobian(real(g), real(f), {"ir": real(p["i0"])}, basis)
    np.testing.assert_allclose(both.values, block.values, rtol=1e-10)
    np.testing.assert_allclose(both.jacobian, block.jacobian, atol=1e-10 * np.abs(block.jacobian).max())


def test_redundant_coordinates_are_reduced_to_the_range_of_g():
    g, f, p = problem(4, (3, 1))
    redundant = np.vstack([np.eye(4), [1, 1, 0, 0], [0, 1, -1, 0]])
    pseudo = np.linalg.pinv(redundant)
    basis = force_constant_basis(6)
    found = spectral_jacobian(
        redundant @ g @ redundant.T, pseudo.T @ f @ pseudo, {k: pseudo.T @ x for k, x in p.items()}, basis
    )
    expected = spectral_jacobian(g, f, p, redundant.T @ basis @ redundant)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-10)
    np.testing.assert_allclose(found.jacobian, expected.jacobian, atol=1e-10 * np.abs(expected.jacobian).max())


def test_blocks_without_basis_own_their_columns_and_with_one_share_them():
    (g1, f1, p1), (g2, f2, _) = problem(2, (1,), 1), problem(3, (2,), 2)
    blocks = [SpectralBlock("A1", g1, f1, {"ir": p1["i0"]}), SpectralBlock("B2", g2, f2, {})]
    found = block_spectral_jacobian(blocks)
    assert found.jacobian.shape == (2 + 3 + 2, 3 + 6)
    assert found.parameters[3] == "B2 F[0,0]"
    assert found.labels == ("lambda A1 1", "lambda A1 2", *(f"lambda B2 {k}" for k in (1, 2, 3)), "ir A1 1", "ir A1 2")
    whole = np.zeros((9, 5, 5))
    whole[:3, :2, :2], whole[3:, 2:, 2:] = force_constant_basis(2), force_constant_basis(3)
    shared = block_spectral_jacobian(
        [
            SpectralBlock("A1", g1, f1, {"ir": p1["i0"]}, whole[:, :2, :2]),
            SpectralBlock("B2", g2, f2, {}, whole[:, 2:, 2:]),
        ]
    )
    np.testing.assert_allclose(shared.jacobian, found.jacobian, atol=1e-12)


def test_imaginary_and_zero_modes_have_eigenvalues_and_derivatives():
    g, _, p = problem(3, (1,))
    f = with_eigenvalues(g, [-1.0, 0.0, 2.0])
    found = spectral_jacobian(g, f, p)
    expected = differences(lambda x: brute_force(g, x, p, range(3)), f, force_constant_basis(3))
    np.testing.assert_allclose(found.jacobian, expected, atol=1e-8 * np.abs(expected).max())


def test_wavenumbers_follow_the_chain_rule_and_keep_the_sign_of_imaginary_modes():
    g, _, p = problem(3, (1,))
    f = with_eigenvalues(g, [-1.0, 0.5, 2.0])

    def wavenumbers(x):
        values = brute_force(g, x, {}, range(3))
        return np.sign(values) * 1000 * np.sqrt(np.abs(values))

    found = spectral_jacobian(g, f, p).in_wavenumbers(1000.0)
    assert found.kinds == ("wavenumber", "i0")
    np.testing.assert_allclose(found.values[:3], wavenumbers(f), rtol=1e-10)
    expected = differences(wavenumbers, f, force_constant_basis(3))
    np.testing.assert_allclose(found.jacobian[:3], expected, atol=1e-7 * np.abs(expected).max())
    with pytest.raises(SpectrumError, match="zero"):
        spectral_jacobian(np.eye(2), np.diag([0.0, 1.0]), {}).in_wavenumbers()


def test_scaled_and_logarithmic_variants():
    g, f, p = problem(3, (1, 2))
    found = spectral_jacobian(g, f, p)
    scaled = found.scaled(np.full(6, 0.1))
    for kind in found.kinds:
        assert np.linalg.norm(scaled[found.rows(kind)], axis=1).max() == pytest.approx(1)
    x = f[np.triu_indices(3)]
    relative = found.logarithmic(x)
    np.testing.assert_allclose(relative, found.jacobian * x / found.values[:, None])
    # lambda and I are homogeneous in F, of degree 1 and 0 (Euler)
    np.testing.assert_allclose(relative.sum(axis=1), [1] * 3 + [0] * 6, atol=1e-9)
    with pytest.raises(SpectrumError, match=r"lambda 1.*select"):
        spectral_jacobian(np.eye(2), np.diag([-1.0, 1.0]), {}).logarithmic()
    assert found.select(found.rows("i0")).kinds == ("i0",)
    with pytest.raises(ForceFieldError, match="6 are needed"):
        found.scaled(np.ones(2))


def test_a_forbidden_line_adds_nothing_to_the_rank():
    """A row that is zero up to rounding must not be magnified to a direction."""
    (g1, f1, p), (g2, f2, _) = problem(2, (1,), 1), problem(3, (), 2)
    turn = np.linalg.qr(np.random.default_rng(9).normal(size=(5, 5)))[0]
    basis = np.zeros((9, 5, 5))
    basis[:3, :2, :2], basis[3:, 2:, 2:] = force_constant_basis(2), force_constant_basis(3)
    g, f = np.zeros((5, 5)), np.zeros((5, 5))
    g[:2, :2], g[2:, 2:], f[:2, :2], f[2:, 2:] = g1, g2, f1, f2
    factor = turn @ np.vstack([p["i0"], np.zeros((3, 1))])
    found = spectral_jacobian(turn @ g @ turn.T, turn @ f @ turn.T, {"ir": factor}, turn @ basis @ turn.T)
    assert np.sort(found.values[found.rows("ir")])[2] < 1e-25
    assert found.rank.rank == 2 + 1 + 3


def test_a_rank_of_g_that_is_not_clear_is_warned_of(caplog):
    f = np.eye(3)
    clear = spectral_jacobian(np.diag([1.0, 1e-8, 0.0]), f, {})
    assert len(clear.clusters) == 2
    assert not caplog.text
    assert len(spectral_jacobian(np.diag([1.0, 3e-12, 1e-13]), f, {}).clusters) == 2
    assert "the rank 2 of G (3, 3) is not clear: gap 30" in caplog.text


def test_numerical_rank_reports_threshold_and_gap():
    found = numerical_rank([1e-14, 2.0, 1.0])
    assert (found.rank, found.threshold) == (2, pytest.approx(2e-9))
    assert found.gap == pytest.approx(1e14)
    assert numerical_rank([]).rank == numerical_rank([0.0]).rank == 0
    assert numerical_rank([1.0, 0.0]).gap == float("inf")
    with pytest.raises(ForceFieldError, match="finite"):
        numerical_rank([np.nan])


def test_result_is_read_only_plain_and_drawn():
    found = spectral_jacobian(*problem(3, (1,)))
    with pytest.raises(ValueError, match="read-only"):
        found.jacobian[0, 0] = 1
    assert json.loads(json.dumps(found.as_dict()))["rank"]["rank"] == found.rank.rank == 5
    block = SpectralBlock("<b>", np.eye(1), np.eye(1), {})
    assert "&lt;b&gt;" in block_spectral_jacobian([block])._repr_html_()
    assert "rank 5" in repr(found)
    pytest.importorskip("matplotlib").use("Agg")
    assert "rank 5 of 6" in found.plot().get_title()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"f": np.eye(3)}, ForceFieldError, r"F \(3, 3\)"),
        ({"f": np.ones(2)}, ForceFieldError, "square"),
        ({"f": [[0, 1], [2, 0]]}, ForceFieldError, "transpose"),
        ({"g": [[1, 2], [2, 1]]}, CoordinateError, "positive semidefinite"),
        ({"g": np.zeros((2, 2))}, CoordinateError, "not zero"),
        ({"intensities": {"ir": np.ones((3, 1))}}, CoordinateError, "'ir'"),
        ({"basis": np.ones((1, 3, 3))}, ForceFieldError, "to match F"),
        ({"basis": [[[0, 1], [0, 0]]]}, ForceFieldError, "basis differs"),
        ({"cluster_tolerance": 0}, ForceFieldError, "fraction"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    arguments = {"g": np.eye(2), "f": np.diag([1.0, 2.0]), "intensities": {"ir": [1, 1]}} | change
    with pytest.raises(error, match=message):
        spectral_jacobian(**arguments)


def test_blocks_with_and_without_basis_do_not_mix():
    one = SpectralBlock("A", np.eye(1), np.eye(1), {}, np.ones((1, 1, 1)))
    with pytest.raises(ForceFieldError, match=r"\[1, None\]"):
        block_spectral_jacobian([one, SpectralBlock("B", np.eye(1), np.eye(1), {})])
    with pytest.raises(ForceFieldError, match="0 blocks"):
        block_spectral_jacobian([])


@pytest.mark.parametrize("hermitian", [False, True])
def test_sparse_and_dense_bases_give_the_same_and_a_zero_matrix_a_zero_column(hermitian):
    g, f, p = problem(6, (3, 1), hermitian=hermitian)
    entries = force_constant_basis(6, hermitian)
    sparse = np.concatenate([entries[[0, 3, 7]], np.zeros_like(entries[:1]), entries[[9, -1]]])
    dense = np.concatenate([sparse, np.ones_like(entries[:1]), entries.sum(axis=0, keepdims=True)])
    few, many = (function(g, f, p, sparse) for function in (spectral_jacobian, moment_jacobian))
    np.testing.assert_allclose(spectral_jacobian(g, f, p, dense).jacobian[:, :6], few.jacobian, atol=1e-12)
    np.testing.assert_allclose(moment_jacobian(g, f, p, dense).jacobian[:, :6], many.jacobian, rtol=1e-12)
    assert not few.jacobian[:, 3].any()
    assert not many.jacobian[:, 3].any()


@pytest.mark.parametrize("value", [np.nan, 1.0])
def test_a_sparse_basis_is_checked_as_a_dense_one(value):
    basis = np.zeros((1, 6, 6))
    basis[0, 0, 1] = value
    with pytest.raises(ForceFieldError, match="basis"):
        spectral_jacobian(np.eye(6), np.diag(np.arange(1.0, 7.0)), {}, basis)
