"""Exact ranks against singular values of the analytic Jacobian, on model blocks and on computed molecules."""

import logging
from math import comb

import flint
import numpy as np
import pytest

import symvib as sv
from helpers import molecule_of
from symvib.errors import IdentifiabilityError
from symvib.forward.force_field import GeneralForceField
from symvib.forward.isotopologues import isotopologue
from symvib.forward.jacobian import SpectralBlock, block_spectral_jacobian, force_constant_basis
from symvib.forward.moments import moment_jacobian
from symvib.forward.response_blocks import response_blocks
from symvib.forward.symmetry_coordinates import symmetry_coordinates
from symvib.forward.valence_models import DiagonalForceField, ValenceForceField
from symvib.theory._generic_response import generic_response
from symvib.theory._modular import DEFAULT_PRIME, random_prime, square_root_of_minus_one
from symvib.theory.exact import ExactProblem, RationalMatrix, exact_jacobian, exact_rank
from zoo import ZOO_BY_NAME

CLEAR = 1e3  # a gap of singular values below this decides nothing


def model_block(n, ranks, seed=0, hermitian=False, label="A"):
    rng = np.random.default_rng(seed)

    def random(*shape):
        return rng.normal(size=shape) + (1j * rng.normal(size=shape) if hermitian else 0)

    root, f = random(n, n), random(n, n)
    intensities = {f"i{k}": random(n, r) for k, r in enumerate(ranks)}
    return SpectralBlock(label, root @ root.conj().T, f + f.conj().T, intensities)


def counting_rule(n, ranks, hermitian):
    relations = 0 if hermitian else comb(min(n, sum(r == 1 for r in ranks)), 2)
    return min(n * n if hermitian else n * (n + 1) // 2, n + len(ranks) * (n - 1) - relations)


PATTERNS = [(), (1,), (2,), (1, 1), (2, 1), (1, 1, 1), (1, 1, 2), (3, 1, 5)]


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("ranks", PATTERNS, ids=str)
def test_three_routes_agree_on_model_blocks(ranks, hermitian):
    for n in range(1, 8):
        block = model_block(n, ranks, hermitian=hermitian)
        found = exact_rank(ExactProblem.from_blocks([block]))
        numerical = block_spectral_jacobian([block]).rank
        assert found.rank == found.upper_bound == numerical.rank == counting_rule(n, ranks, hermitian), n
        assert found.evidence == "certified"
        assert found.block_ranks == {"A": found.rank}


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("ranks", [(1,), (1, 1), (2, 1)], ids=str)
def test_rank_over_the_rationals(ranks, hermitian):
    problem = ExactProblem.from_blocks([model_block(4, ranks, hermitian=hermitian)], digits=3)
    modular, rational = exact_rank(problem), exact_rank(problem, field="q")
    assert rational.rank == modular.rank == counting_rule(4, ranks, hermitian)
    assert rational.prime is None
    assert max(map(abs, rational.point)) < 10


def test_jacobian_over_the_integers_is_that_of_the_moments():
    """Row by row proportional to the floating-point moments of the same A and W."""
    block = model_block(4, (2, 1))
    problem = ExactProblem.from_blocks([block], digits=3)
    point = [3, -1, 2, 5, 4, 1, -2, 7, 6, -3]
    exact = np.array([[int(x) for x in row] for row in exact_jacobian(problem, None, point).tolist()], dtype=float)
    a = np.zeros((4, 4))
    a[np.triu_indices(4)] = point
    factors = {name: q.to_array() for name, q in problem.blocks[0].factors.items()}
    floating = moment_jacobian(np.eye(4), a + np.triu(a, 1).T, factors)
    rows = [k for k, (kind, order) in enumerate(zip(floating.kinds, floating.orders, strict=True))
            if kind == "lambda" or order < 4]  # fmt: skip
    expected = floating.jacobian[rows]
    cosines = (exact * expected).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 1 - 1e-12


@pytest.mark.parametrize("hermitian", [False, True])
def test_modular_jacobian_is_the_integer_one_reduced(hermitian):
    """Two ways to represent complex numbers: i modulo p, and real matrices of twice the size."""
    problem = ExactProblem.from_blocks([model_block(3, (2, 1), hermitian=hermitian)], digits=2)
    point = list(range(1, problem.n_parameters + 1))
    integers = exact_jacobian(problem, None, point)
    modular = exact_jacobian(problem, DEFAULT_PRIME, point)
    reduced = flint.nmod_mat(
        integers.nrows(), integers.ncols(), [int(x) % DEFAULT_PRIME for x in integers.entries()], DEFAULT_PRIME
    )
    assert modular == reduced


def test_bases_shared_by_blocks():
    """Blocks with a full basis give the rank of the general model; a silent one adds unknowns and no data."""
    blocks = []
    offset = 0
    basis = force_constant_basis(3)
    for label, seed in (("A", 1), ("B", 2)):
        block = model_block(3, (1,), seed, label=label)
        whole = np.zeros((12, 3, 3))
        whole[offset : offset + 6] = basis
        offset += 6
        blocks.append(SpectralBlock(label, block.g, block.f, block.intensities, whole))
    found = exact_rank(ExactProblem.from_blocks(blocks))
    assert (found.rank, found.block_ranks) == (10, {"A": 5, "B": 5})
    hidden = exact_rank(ExactProblem.from_blocks(blocks, visible=[True, False]))
    assert (hidden.rank, hidden.block_ranks, hidden.block_unknowns) == (5, {"A": 5, "B": 0}, {"A": 6, "B": 6})


# --- computed molecules

GROUPS = ("C1", "Ci", "Cs", "C2", "C2h", "C2v", "C3", "C3v", "C3h", "C4h", "D2d", "D3d", "D3h", "D6h", "Td", "Oh")
MOST_ATOMS = 10
PER_GROUP = 5


@pytest.fixture(scope="module")
def survey():
    dataset = sv.shipped_dataset("responses_survey_gfn2")
    groups, sizes = np.array(dataset.column("point_group")), np.array([len(x) for x in dataset.column("numbers")])
    chosen = {}
    for group in GROUPS:
        most = MOST_ATOMS if group != "C1" else 8
        rows = np.flatnonzero((groups == group) & (sizes <= most) & (sizes > 2))
        chosen[group] = np.random.default_rng(4).permutation(rows)[:PER_GROUP]
    assert sum(len(rows) > 0 for rows in chosen.values()) >= 10
    assert sum(len(rows) for rows in chosen.values()) >= 50
    return dataset, chosen


@pytest.mark.parametrize("group", GROUPS)
def test_molecules_agree_with_singular_values(survey, group, caplog):
    """General, diagonal and valence force fields; every gap must be clear, or the comparison would mean nothing."""
    dataset, chosen = survey
    for row in chosen[group]:
        response = dataset.response(int(row))
        coordinates = symmetry_coordinates(response.molecule)
        if coordinates.point_group.label != group:
            continue  # the label of the file is that of the engine's tolerance
        for model in (None, DiagonalForceField, ValenceForceField):
            field = None if model is None else model.of(coordinates)
            blocks = response_blocks(response, coordinates, basis=None if field is None else field.basis)
            numerical = block_spectral_jacobian(blocks).rank
            name = f"{dataset.column('id')[row]} {group} {model}"
            assert numerical.gap > CLEAR, name
            by_coordinates = exact_rank(ExactProblem.from_coordinates(coordinates, blocks, field))
            by_blocks = exact_rank(ExactProblem.from_blocks(blocks))
            assert by_coordinates.rank == by_blocks.rank == numerical.rank, name
            if model is None:
                rule = [
                    counting_rule(len(b.g), [_rank(q) for q in b.intensities.values()], np.iscomplexobj(b.g))
                    for b in blocks
                ]
                assert by_blocks.rank == sum(rule), name
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def _rank(factor):
    values = np.linalg.svd(factor, compute_uv=False)
    return int((values > 1e-6 * values[0]).sum())


def test_dependent_constants_stay_dependent():
    """Planar BF3: in the plane the three angles add up to a full turn, so f_a and f_aa act as f_a - f_aa only."""
    molecule = molecule_of(*_zoo("BF3"))
    coordinates = symmetry_coordinates(molecule)
    response = generic_response(sv.detect_point_group(molecule), 0)
    field = ValenceForceField.of(coordinates)
    blocks = response_blocks(response, coordinates, basis=field.basis)
    found = exact_rank(ExactProblem.from_coordinates(coordinates, blocks, field))
    numerical = block_spectral_jacobian(blocks).rank
    assert found.rank == numerical.rank
    stacked = [b.basis.reshape(len(b.basis), -1) for b in blocks]
    acting = np.linalg.matrix_rank(np.hstack([np.hstack([s.real, s.imag]) for s in stacked]), tol=1e-8)
    assert acting < field.n_parameters
    assert found.block_unknowns == {
        b.label: np.linalg.matrix_rank(s, tol=1e-8) for b, s in zip(blocks, stacked, strict=True)
    }


def _zoo(name):
    return ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions


ISOTOPOLOGUES = [
    ("H2O", [{"H": 2}]),
    ("H2O", [{1: 2}]),
    ("NH3", [{"H": 2}]),
    ("NH3", [{1: 2}]),  # Cs: A1 and E merge
    ("C2H4", [{"H": 2}, {2: 2}]),
    ("CH4", [{1: 2}]),
    ("benzene", [{"H": 2}]),
    ("allene", [{"C": 13}]),
]


@pytest.mark.parametrize("model", [GeneralForceField, DiagonalForceField, ValenceForceField])
@pytest.mark.parametrize(("name", "others"), ISOTOPOLOGUES, ids=str)
def test_isotopologues_agree_with_singular_values(name, others, model):
    molecule = molecule_of(*_zoo(name))
    response = generic_response(sv.detect_point_group(molecule), 1)
    coordinates = symmetry_coordinates(molecule)
    field = model.of(coordinates)
    sets, spectra = [coordinates], [response_blocks(response, coordinates, basis=field.basis)]
    for other in others:
        made = isotopologue(response, other)
        sets.append(symmetry_coordinates(made.molecule, coordinates.internals))
        spectra.append(response_blocks(made, sets[-1], basis=field.basis))
    numerical = block_spectral_jacobian([block for part in spectra for block in part]).rank
    found = exact_rank(ExactProblem.from_coordinates(sets, spectra, field))
    assert numerical.gap > CLEAR
    assert found.rank == numerical.rank
    alone = exact_rank(ExactProblem.from_coordinates(coordinates, spectra[0], field))
    assert found.rank >= alone.rank


def test_further_points_and_primes():
    rng = np.random.default_rng(0)
    for prime in (DEFAULT_PRIME, random_prime(rng), random_prime(rng)):
        assert flint.fmpz(prime).is_prime()
        assert square_root_of_minus_one(prime) ** 2 % prime == prime - 1
        assert exact_rank(ExactProblem.from_blocks([model_block(4, (1,))]), prime=prime).rank == 7


def test_a_special_point_gives_less_and_a_further_one_the_generic_rank():
    problem = ExactProblem.from_blocks([model_block(3, (2,))])
    zero = exact_rank(problem, point=[0] * 6)
    assert zero.rank == 2  # tr A and tr W A
    assert zero.evidence == "probabilistic"
    assert 0 < zero.failure_probability < 1e-6
    again = exact_rank(problem, point=[0] * 6, points=2)
    assert (again.rank, again.evidence, again.failure_probability) == (5, "certified", 0.0)


def test_pivots_show_a_regular_minor():
    problem = ExactProblem.from_blocks([model_block(4, (1, 1))])
    found = exact_rank(problem)
    jacobian = exact_jacobian(problem, found.prime, found.point)
    minor = [[int(jacobian[i, j]) for j in found.pivot_columns] for i in found.pivot_rows]
    assert len(minor) == found.rank
    assert flint.nmod_mat(len(minor), len(minor), [x for row in minor for x in row], found.prime).det() != 0


def test_rational_matrices():
    third = RationalMatrix.of(np.array([[1 / 3, 1 / 2, 0.25]]), 6, multiple=9)
    assert np.array_equal(third.to_array(), [[1 / 3, 1 / 2, 0.25]])
    product = RationalMatrix.of([[1j, 2.0]], 3) @ RationalMatrix.of([[1.0], [1j]], 3)
    assert product.to_array().tolist() == [[3j]]
    with pytest.raises(IdentifiabilityError, match="NaN"):
        RationalMatrix.of([np.nan])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: exact_rank(p, prime=7), "prime"),
        (lambda p: exact_rank(p, prime=2**31 - 1), "1 modulo 4"),
        (lambda p: exact_rank(p, field="r"), "field"),
        (lambda p: exact_rank(p, points=0), "point"),
        (lambda p: exact_rank(p, point=[1, 2]), "3 constants"),
        (lambda p: ExactProblem.from_blocks([]), "0 blocks"),
        (lambda p: ExactProblem(p.blocks, 5), "3 entries, not 5"),
        (lambda p: exact_rank(ExactProblem.from_blocks([model_block(30, ())]), field="q"), "too long"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(IdentifiabilityError, match=message):
        call(ExactProblem.from_blocks([model_block(2, ())]))
