"""Moments of a line list: values, gradients, exact arithmetic, and the counting rule they certify."""

import operator
from math import comb

import numpy as np
import pytest

from gf_problems import problem
from symvib.errors import CoordinateError, ForceFieldError
from symvib.forward.jacobian import force_constant_basis
from symvib.forward.moments import moment_jacobian, moment_map, moment_terms

RANKS = {"s0": (), "s1r1": (1,), "s1r3": (3,), "s2": (1, 1), "s2b": (2, 5), "C2v A1": (1, 1, 2), "C1": (3, 1, 5)}


def block_rank(n, ranks, hermitian=False):
    """theory.md section 4."""
    nominal = n + len(ranks) * (n - 1)
    if hermitian:
        return min(n * n, nominal)
    return min(n * (n + 1) // 2, nominal - comb(min(n, sum(r == 1 for r in ranks)), 2))


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("polynomials", ["powers", "chebyshev"])
def test_values_are_sums_over_modes(polynomials, hermitian):
    g, f, p = problem(4, (2, 1), hermitian=hermitian)
    interval = (0.0, 20.0) if polynomials == "chebyshev" else None
    values, modes = np.linalg.eigh(np.linalg.cholesky(g).conj().T @ f @ np.linalg.cholesky(g))
    modes = np.linalg.cholesky(g) @ modes
    lines = [np.ones(4)] + [(np.abs(x.conj().T @ modes) ** 2).sum(axis=0) for x in p.values()]
    orders = np.arange(1, 6)[:, None]
    p_k = values**orders if interval is None else np.cos(orders * np.arccos((values / 10 - 1).astype(complex))).real
    expected = np.concatenate([p_k @ line for line in lines])
    got = moment_map(g, f, p, orders=5, polynomials=polynomials, interval=interval)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("polynomials", ["powers", "chebyshev"])
@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS.keys())
def test_gradient_agrees_with_central_differences(ranks, polynomials, hermitian):
    g, f, p = problem(4, ranks, hermitian=hermitian)
    found = moment_jacobian(g, f, p, polynomials=polynomials)
    interval = found.interval if polynomials == "chebyshev" else None
    basis, h = force_constant_basis(4, hermitian), 1e-4
    columns = [
        (
            moment_map(g, f + h * e, p, polynomials=polynomials, interval=interval)
            - moment_map(g, f - h * e, p, polynomials=polynomials, interval=interval)
        )
        / (2 * h)
        for e in basis
    ]
    scale = np.abs(found.jacobian).max(axis=1, keepdims=True)
    np.testing.assert_allclose(found.jacobian / scale, np.transpose(columns) / scale, atol=2e-7)


@pytest.mark.parametrize("chebyshev", [False, True])
def test_gradient_agrees_with_complex_steps(chebyshev):
    """Transposes, not conjugates: the formulas are analytic in F, so that a complex step has no cancellation."""
    g, f, p = problem(5, (3, 1, 5))
    if chebyshev:
        f = f / np.linalg.norm(g @ f)
    factors, shape = tuple(p.values()), (5, *(x.shape[1] for x in p.values()))

    def values(force):
        terms = moment_terms(g + 0j, force, factors, 5, shape=shape, chebyshev=chebyshev)
        return np.array([[t.trace, *t.weighted] for t in terms])

    terms = list(moment_terms(g, f, factors, 5, shape=shape, chebyshev=chebyshev))
    gradients = np.array([[t.trace_gradient, *t.weighted_gradients] for t in terms])
    for e in force_constant_basis(5):
        exact = values(f + 1e-30j * e).imag / 1e-30
        np.testing.assert_allclose(np.einsum("koij,ji->ko", gradients, e), exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("hermitian", [False, True])
def test_basis_contracts_the_full_gradient(hermitian):
    g, f, p = problem(4, (2,), hermitian=hermitian)
    mix = np.random.default_rng(1).normal(size=(6, len(force_constant_basis(4, hermitian))))
    basis = np.einsum("pq,qij->pij", mix, force_constant_basis(4, hermitian))
    full, contracted = moment_jacobian(g, f, p), moment_jacobian(g, f, p, basis)
    np.testing.assert_allclose(contracted.jacobian, full.jacobian @ mix.T, rtol=1e-10)
    assert contracted.parameters[5] == "x[5]"


def test_redundant_coordinates_give_the_moments_of_independent_ones():
    g, f, p = problem(4, (2,))
    redundant = np.vstack([np.eye(4), [1, 1, 0, 0], [0, 1, -1, 0]])
    pseudo = np.linalg.pinv(redundant)
    moved = {k: pseudo.T @ x for k, x in p.items()}
    values = moment_map(redundant @ g @ redundant.T, pseudo.T @ f @ pseudo, moved, orders=4)
    np.testing.assert_allclose(values, moment_map(g, f, p), rtol=1e-10)


def exact_rank(n, ranks, hermitian=False):
    """Rank of the moment Jacobian at a random point modulo a prime: it can only be too small (Schwartz-Zippel).

    A Hermitian block X + iY runs as the real one [[X, -Y], [Y, X]] of twice the size, in n^2 directions of F.
    """
    flint = pytest.importorskip("flint")
    prime = 2**61 - 1
    rng = np.random.default_rng([n, hermitian])

    def real(re, im):
        return np.block([[re, -im], [im, re]]) if hermitian else re

    def point():
        a, b = rng.integers(prime // 4, size=(2, n, n))
        return real(a + a.T, b - b.T)

    def matrix(a):
        return flint.nmod_mat(*a.shape, [int(x) % prime for x in a.ravel()], prime)

    g, f = point(), point()
    factors = [real(*rng.integers(prime, size=(2, n, r))) for r in ranks]
    basis = force_constant_basis(n, hermitian)
    directions = np.array([real(e.real, e.imag) for e in basis]).reshape(len(basis), -1).astype(int)
    shape = (len(g), *(p.shape[1] for p in factors))
    terms = moment_terms(matrix(g), matrix(f), tuple(map(matrix, factors)), n, shape=shape, multiply=operator.mul)
    gradients = [list(m.entries()) for t in terms for m in (t.trace_gradient, *t.weighted_gradients)]
    rows = flint.nmod_mat(len(gradients), len(g) ** 2, [int(x) for row in gradients for x in row], prime)
    return (rows * matrix(directions.T)).rank()


@pytest.mark.parametrize("n", range(1, 10))
@pytest.mark.parametrize(
    "ranks", [(), (1,), (2,), (3,), (1, 1), (2, 1), (1, 2), (2, 5), (1, 1, 1), (1, 1, 2), (2, 1, 3), (3, 1, 5)], ids=str
)
def test_exact_rank_is_the_counting_rule(n, ranks):
    assert exact_rank(n, ranks) == block_rank(n, ranks)


@pytest.mark.parametrize("n", range(1, 7))
@pytest.mark.parametrize("ranks", [(), (1,), (2,), (1, 1), (2, 1), (1, 1, 1), (3, 1, 5)], ids=str)
def test_exact_rank_of_complex_blocks_is_the_counting_rule(n, ranks):
    assert exact_rank(n, ranks, hermitian=True) == block_rank(n, ranks, hermitian=True)


@pytest.mark.parametrize("n", [2, 4, 6, 8])
def test_chebyshev_moments_span_the_same_space_and_keep_the_rank_in_floating_point(n):
    g, f, p = problem(n, (3, 1, 5))
    powers, chebyshev = (moment_jacobian(g, f, p, polynomials=kind) for kind in ("powers", "chebyshev"))
    assert chebyshev.rank.rank == block_rank(n, (3, 1, 5))
    basis = np.linalg.svd(chebyshev.jacobian, full_matrices=False)[2][: chebyshev.rank.rank]
    outside = powers.jacobian - powers.jacobian @ basis.T @ basis
    assert np.abs(outside).max() < 1e-9 * np.abs(powers.jacobian).max()


def test_chebyshev_rows_are_better_conditioned_than_powers():
    g, f, p = problem(8, (3, 1, 5))

    def smallest(found):
        return found.singular_values[block_rank(8, (3, 1, 5)) - 1] / found.singular_values[0]

    better = smallest(moment_jacobian(g, f, p, polynomials="chebyshev"))
    assert better > 100 * smallest(moment_jacobian(g, f, p))


def test_moments_are_smooth_where_eigenvalues_cross():
    p, e = {"ir": np.array([1.0, 0.5, 0.2])}, force_constant_basis(3)[1]
    f, h = np.diag([2.0, 2.0, 3.0]), 1e-4
    difference = (moment_map(np.eye(3), f + h * e, p) - moment_map(np.eye(3), f - h * e, p)) / (2 * h)
    np.testing.assert_allclose(moment_jacobian(np.eye(3), f, p).jacobian[:, 1], difference, atol=1e-6)


def test_plain_values_and_labels():
    found = moment_jacobian(np.eye(2), np.diag([1.0, 2.0]), {"ir": [1, 1]})
    assert (found.kinds, found.orders) == (("lambda", "lambda", "ir", "ir"), (1, 2, 1, 2))
    assert found.as_dict()["rank"]["rank"] == found.rank.rank == 3
    assert "rank 3" in repr(found)
    with pytest.raises(ValueError, match="read-only"):
        found.jacobian[0, 0] = 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"polynomials": "legendre"}, ForceFieldError, "chebyshev"),
        ({"interval": (0, 1)}, ForceFieldError, "powers are not scaled"),
        ({"polynomials": "chebyshev", "interval": (1, 0)}, ForceFieldError, "below the second"),
        ({"orders": 0}, ForceFieldError, "at least 1"),
        ({"f": np.eye(3)}, ForceFieldError, r"\(2, 2\) and F \(3, 3\)"),
        ({"f": [[0, 1], [2, 0]]}, ForceFieldError, "transpose"),
        ({"f": [[0, np.nan], [np.nan, 0]]}, ForceFieldError, "NaN"),
        ({"g": -np.eye(2)}, CoordinateError, "positive semidefinite"),
        ({"intensities": {"ir": [1, 2, 3]}}, CoordinateError, "'ir'"),
        ({"basis": np.ones((2, 3, 3))}, ForceFieldError, "to match F"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    arguments = {"g": np.eye(2), "f": np.eye(2), "intensities": {"ir": [1, 1]}} | change
    with pytest.raises(error, match=message):
        moment_jacobian(**arguments)
