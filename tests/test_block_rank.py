"""How many force constants of a block spectra determine: formula, finite field and SVD; ranks of all species."""

import operator
from functools import cache
from itertools import combinations, combinations_with_replacement
from math import comb
from random import Random

import flint
import numpy as np
import pytest

from symvib.errors import IdentifiabilityError, PointGroupError
from symvib.forward._symmetric_form import numerical_rank
from symvib.forward.jacobian import SpectralBlock, block_spectral_jacobian
from symvib.forward.moments import moment_terms
from symvib.groups.selection_rules import selection_rules
from symvib.theory.block_rank import block_count, block_rank, largest_identifiable
from symvib.theory.block_rank_proof import prove_block_rank
from symvib.theory.incidence import PRIME, incidence_rank, pattern_incidence_rank
from symvib.theory.intensity_patterns import (
    TECHNIQUES,
    IntensityPattern,
    block_kind,
    intensity_pattern,
    intensity_ranks,
)

LARGEST = 12
ORDINARY = ("ir", "raman_isotropic", "raman_anisotropic")
GROUPS = [
    *("C1", "Cs", "Ci", "T", "Td", "Th", "O", "Oh", "I", "Ih", "Cinfv", "Dinfh"),
    *(
        f"{letter}{n}{tail}"
        for n in range(2, 9)
        for letter, tail in (("C", ""), ("C", "v"), ("C", "h"), ("D", ""), ("D", "h"), ("D", "d"))
    ),
    *(f"S{2 * n}" for n in range(2, 9)),
]
SPECIES = [(group, activity.label) for group in GROUPS for activity in selection_rules(group).activities]
CHIROPTICAL = (*ORDINARY, "vcd", "roa_backward", "roa_forward")
HYPER = (*ORDINARY, "hyper_raman_dipolar", "hyper_raman_octupolar")


def subsets(techniques):
    return [c for j in range(1, len(techniques) + 1) for c in combinations(techniques, j)]


@cache
def patterns(choices, groups=tuple(GROUPS)):
    """Different patterns that species of point groups show."""
    found = {}
    for group, irrep in SPECIES:
        if group not in groups:
            continue
        for techniques in choices:
            p = intensity_pattern(group, irrep, techniques)
            if p.intensities:
                key = (p.kind, *sorted((i.component, i.products, p.span([i])) for i in p.intensities))
                found.setdefault(str(key), p)
    return tuple(found.values())


def ordinary_patterns():
    return patterns((*subsets(ORDINARY), ("raman",), ("ir", "raman"), ("ir_oriented", "raman_oriented")))


def svd_rank(n, pattern, seed=0):
    """Rank and gap of the analytic Jacobian of a random block; products of two derivatives by polarisation."""
    rng = np.random.default_rng(seed)

    def random(*shape):
        real = rng.standard_normal(shape)
        return real + 1j * rng.standard_normal(shape) if pattern.kind == "complex" else real

    vectors = np.linalg.qr(random(n, n))[0]
    f = (vectors * np.arange(1, n + 1)) @ vectors.conj().T
    values = {d: random(n, m) for d, m in pattern.components.items()}
    factors, combine = {}, []
    for i, intensity in enumerate(pattern.intensities):
        plus, minus = [], []
        for a, b in intensity.products:
            p, m = (values[x] if intensity.component is None else values[x][:, [intensity.component]] for x in (a, b))
            plus.append(p + m)
            minus.append(p - m)
        factors[f"+{i}"] = np.hstack(plus)
        combine.append([f"+{i}"])
        if any(a != b for a, b in intensity.products):
            factors[f"-{i}"] = np.hstack(minus)
            combine[-1].append(f"-{i}")
    jacobian = block_spectral_jacobian([SpectralBlock("", np.eye(n), (f + f.conj().T) / 2, factors)])
    kinds = np.array([o.kind for o in jacobian.observables])
    rows = {kind: jacobian.jacobian[kinds == kind] for kind in set(kinds)}
    blocks = [rows["lambda"]] + [rows[p] - sum(rows[m] for m in minus) for p, *minus in combine]
    stacked = np.vstack(blocks)
    stacked /= np.linalg.norm(stacked, axis=1, keepdims=True) + 1e-300
    return numerical_rank(np.linalg.svd(stacked, compute_uv=False))


def moment_rank(n, ranks, seed=0):
    """Rank modulo a prime of the gradients of tr A^k and tr W A^k, by no perturbation theory at all."""
    random = Random(seed)

    def matrix(rows, columns):
        return flint.nmod_mat(rows, columns, [random.randrange(PRIME) for _ in range(rows * columns)], PRIME)

    one = flint.nmod_mat(n, n, [int(i == j) for i in range(n) for j in range(n)], PRIME)
    half = matrix(n, n)
    factors = tuple(matrix(n, r) for r in ranks)
    terms = moment_terms(one, half + half.transpose(), factors, n, shape=(n, *ranks), multiply=operator.mul)
    gradients = [g for t in terms for g in (t.trace_gradient, *t.weighted_gradients)]
    pairs = list(combinations_with_replacement(range(n), 2))
    entries = [int(g[i, j]) + int(g[j, i]) for g in gradients for i, j in pairs]
    return flint.nmod_mat(len(gradients), len(pairs), [x % PRIME for x in entries], PRIME).rank()


def settled(n, pattern):
    """The SVD rank at the first of a few random points whose gap leaves no doubt."""
    for seed in range(5):
        found = svd_rank(n, pattern, seed)
        if found.gap > 1e3:
            return found.rank
    raise AssertionError(f"{pattern}, n={n}: no clear gap")


# ---------------------------------------------------------------------------------------------- three routes


def test_the_patterns_of_point_groups_are_many():
    assert len(ordinary_patterns()) > 25
    assert {p.kind for p in ordinary_patterns()} == {"real", "complex"}


@pytest.mark.parametrize("n", range(1, LARGEST + 1))
def test_three_routes_agree_for_all_patterns_of_point_groups(n):
    for p in ordinary_patterns():
        formula = block_rank(n, p.ranks.values(), kind=p.kind)
        assert (formula, p) == (incidence_rank(n, p.ranks.values(), p.kind), p)
        assert (formula, p) == (settled(n, p), p)


@pytest.mark.parametrize("n", [2, 3, 5, 7, 9])
def test_three_routes_agree_for_optical_activity_and_hyper_raman(n):
    for p in patterns((CHIROPTICAL, ("ir", "vcd"), ("vcd",), ("raman", "roa_backward"), CHIROPTICAL[3:], HYPER)):
        assert (p.rank(n), p) == (pattern_incidence_rank(n, p), p)
        assert (p.rank(n), p) == (settled(n, p), p)


def test_formula_and_finite_field_agree_for_all_techniques_together():
    """Every subset of the isotropic techniques in a few chiral groups, where most is allowed."""
    techniques = [t for t in TECHNIQUES if not t.endswith("oriented") and t not in ("raman", "hyper_raman")]
    for group, irrep in (("C1", "A"), ("C2", "B"), ("C3", "A"), ("D2", "B1"), ("D3", "E"), ("C3", "E")):
        for chosen in subsets(techniques):
            p = intensity_pattern(group, irrep, chosen)
            for n in (4, 7):
                assert (p.rank(n), p) == (pattern_incidence_rank(n, p), p)


def test_ranks_add_up_wherever_intensity_ranks_says_so():
    chosen = subsets([t for t in TECHNIQUES if not t.endswith("oriented") and t not in ("raman", "hyper_raman")])
    checked = 0
    for p in patterns(
        (*chosen, ("ir", "raman", "vcd", "roa_backward")), ("C1", "Cs", "C2", "C3", "D2", "D3", "C2v", "T")
    ):
        ranks = list(p.ranks.values())
        if p.additive:
            assert [block_rank(n, ranks, kind=p.kind) for n in range(1, 14)] == [p.rank(n) for n in range(1, 14)]
            checked += 1
        else:  # still an upper bound
            assert all(block_rank(n, ranks, kind=p.kind) >= p.rank(n) for n in range(1, 14))
    assert checked > 200


@pytest.mark.parametrize("n", [1, 2, 4, 6, 8])
def test_moments_modulo_a_prime_have_the_same_rank(n):
    for p in ordinary_patterns():
        if p.kind == "real":
            ranks = tuple(p.ranks.values())
            assert (moment_rank(n, ranks), ranks) == (block_rank(n, ranks), ranks)
    assert moment_rank(7, (1, 1, 1, 2)) == 27


def test_rational_numbers_give_the_same_as_the_finite_field():
    for ranks in ((1, 1, 2), (3, 1, 5), (1, 1, 1, 2)):
        for n in (2, 4, 7):
            assert incidence_rank(n, ranks, field="q") == incidence_rank(n, ranks) == block_rank(n, ranks)
            assert incidence_rank(n, ranks, "complex", field="q") == block_rank(n, ranks, kind="complex")


# ---------------------------------------------------------------------------------------------- wrong formulas


def without_gram(n, ranks):
    return min(comb(n + 1, 2), n + len(ranks) * (n - 1))


def without_frames(n, ranks):
    return min(comb(n + 1, 2), n + len(ranks) * (n - 1) - comb(min(n, ranks.count(1)), 2))


@pytest.mark.parametrize(
    ("wrong", "n", "ranks"),
    [(without_gram, 4, (1, 1)), (without_gram, 5, (1, 1, 1)), (without_frames, 7, (1, 1, 1, 2))],
)
def test_a_wrong_formula_is_seen(wrong, n, ranks):
    exact = incidence_rank(n, ranks)
    assert wrong(n, ranks) != exact == block_rank(n, ranks) == settled(n, IntensityPattern.of_ranks(ranks))


def test_the_simple_formula_holds_for_infrared_and_raman():
    for p in ordinary_patterns():
        if p.kind == "real" and not any(i.component is not None for i in p.intensities):
            for n in range(1, 30):
                ranks = [min(r, n) for r in p.ranks.values()]
                assert block_rank(n, ranks) == without_frames(n, ranks)


def test_frame_relations_are_where_the_theorem_page_says():
    """Ranks (1 ... 1, 2) with t ones: n from t + 4 to 2 t + 1, as far as the block is not full anyway."""
    for t in range(6):
        ranks = (1,) * t + (2,)
        found = [n for n in range(1, 40) if block_rank(n, ranks) != without_frames(n, ranks)]
        assert found == list(range(t + 4, 2 * t + 2))
        assert all(incidence_rank(n, ranks) == block_rank(n, ranks) for n in found)


def test_exact_ranks_of_all_small_patterns():
    for s in range(1, 5):
        for ranks in combinations_with_replacement(range(1, 5), s):
            for n in range(1, 9):
                assert (ranks, n, incidence_rank(n, ranks)) == (ranks, n, block_rank(n, ranks))


# ---------------------------------------------------------------------------------------------- proofs


def test_the_formula_is_proved_for_all_n_for_every_ordinary_pattern():
    for p in ordinary_patterns():
        proof = prove_block_rank(p)
        assert proof.holds, proof
        assert proof.linear_from <= 12


def test_a_proof_fails_where_the_formula_is_wrong(monkeypatch):
    p = IntensityPattern.of_ranks((1, 1, 2))
    monkeypatch.setattr(IntensityPattern, "rank", lambda self, n: without_gram(n, list(self.ranks.values())))
    assert not prove_block_rank(p).holds


def test_proof_in_plain_values_and_without_intensities():
    assert prove_block_rank(IntensityPattern.of_ranks((1, 2), "complex")).as_dict()["argument"] == "complex"
    arguments = [prove_block_rank(IntensityPattern.of_ranks(r)).argument for r in ((1, 1), (1, 3), (1, 1, 2))]
    assert arguments == ["all of rank one", "at most one of rank one", "base cases"]
    assert prove_block_rank(intensity_pattern("C3", "A", ["ir", "vcd"])).argument == "base cases"
    with pytest.raises(IdentifiabilityError, match="without intensities"):
        prove_block_rank(intensity_pattern("Td", "A2"))


# ---------------------------------------------------------------------------------------------- the count


def test_largest_identifiable_blocks():
    real = {(): 1, (2,): 2, (1, 2): 4, (1, 1): 3, (3, 1, 5): 6, (1, 1, 2): 5, (1, 1, 1): 4, (1, 1, 1, 2): 6}
    assert {r: largest_identifiable(r) for r in real} == real
    assert [largest_identifiable((1,) * s, "complex") for s in range(5)] == [1, 1, 2, 3, 4]
    for s in range(1, 7):
        assert largest_identifiable((1,) * s) == s + 1
        assert largest_identifiable((s + 2,) * s) == 2 * s


def test_c1_is_full_up_to_six_vibrations():
    ranks = tuple(intensity_ranks("C1", "A").values())
    for n in range(1, 25):
        assert block_rank(n, ranks) == min(comb(n + 1, 2), 4 * n - 3)
        assert block_count(n, ranks).identifiable == (n <= 6)


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_count_adds_up(kind):
    for ranks in ((), (0, 0), (1,), (1, 1, 0, 2), (1, 1, 1, 2), (7, 7)):
        for n in range(12):
            c = block_count(n, ranks, kind=kind)
            assert c.independent == c.nominal - c.sum_rules - c.gram_relations - c.frame_relations
            assert c.rank == min(c.unknowns, c.independent) == c.unknowns - c.undetermined
            assert c.as_dict()["rank"] == block_rank(n, ranks, kind=kind)
            assert all(r <= n for r in c.intensity_ranks)


def test_silent_empty_and_frequency_only_blocks():
    assert block_rank(5, (1, 1), visible=False) == block_rank(0, (1,)) == 0
    assert block_count(5, (), visible=False).undetermined == 15
    assert block_rank(5, ()) == block_rank(5, (0,)) == incidence_rank(5, ()) == 5


@pytest.mark.parametrize("n", [-1, 1.0, "3", True, None])
def test_a_size_that_is_none_is_refused(n):
    for function in (block_rank, incidence_rank):
        with pytest.raises(IdentifiabilityError, match="n="):
            function(n, (1,))


@pytest.mark.parametrize(("ranks", "words"), [((1, -1), r"intensity_ranks\[1\]=-1"), ("12", "one integer"), (3, "one")])
def test_ranks_that_are_none_are_refused(ranks, words):
    for function in (lambda r: block_rank(3, r), largest_identifiable):
        with pytest.raises(IdentifiabilityError, match=words):
            function(ranks)


def test_unknown_kind_and_field_are_refused():
    with pytest.raises(IdentifiabilityError, match="kind='quaternionic'"):
        block_rank(3, (1,), kind="quaternionic")
    with pytest.raises(IdentifiabilityError, match="field='r'"):
        incidence_rank(3, (1,), field="r")


# ---------------------------------------------------------------------------------------------- ranks of species


@pytest.mark.parametrize(
    ("group", "irrep", "ranks"),
    [
        ("C1", "A", (3, 1, 5)),
        ("C2v", "A1", (1, 1, 2)),
        ("C3v", "A1", (1, 1, 1)),
        ("Td", "T2", (1, 0, 1)),
        ("D6h", "E1u", (1, 0, 0)),
        ("D6h", "A1g", (0, 1, 1)),
        ("Oh", "A1g", (0, 1, 0)),
        ("Cs", "A'", (2, 1, 3)),
        ("C3", "E", (1, 0, 2)),
        ("Th", "Eg", (0, 0, 1)),
        ("Cinfv", "Pi", (1, 0, 1)),
        ("Dinfh", "Delta_g", (0, 0, 1)),
        ("Dinfh", "Sigmau-", (0, 0, 0)),
        ("Ih", "Gu", (0, 0, 0)),
    ],
)
def test_ranks_of_known_species(group, irrep, ranks):
    assert tuple(intensity_ranks(group, irrep).values()) == ranks


@pytest.mark.parametrize("group", GROUPS)
def test_ranks_add_up_over_the_species_and_follow_the_selection_rules(group):
    """Vector 3, traceless tensor 5, octupole 7; a rank is positive where the selection rules allow the technique."""
    totals = dict.fromkeys((*HYPER, "ir_oriented", "raman_oriented"), 0)
    for a in selection_rules(group).activities:
        per_member = a.dimension // (2 if block_kind(group, a.label) == "complex" else 1)
        copies = a.dimension
        ranks = intensity_ranks(group, a.label, HYPER)
        oriented = intensity_ranks(group, a.label, ["ir_oriented", "raman_oriented"])
        for name, r in [*ranks.items(), *((k.partition("[")[0], r) for k, r in oriented.items())]:
            totals[name] += r * copies
        assert per_member in (1, 2, 3, 4, 5)
        assert a.infrared_active == bool(ranks["ir"])
        assert a.raman == bool(ranks["raman_isotropic"] + ranks["raman_anisotropic"])
        assert a.hyper_raman == bool(ranks["hyper_raman_dipolar"] + ranks["hyper_raman_octupolar"])
        assert a.vcd == bool(intensity_ranks(group, a.label, "vcd")["vcd"])
        assert a.roa == bool(intensity_ranks(group, a.label, "roa_backward")["roa_backward"]) or a.label in ("A", "A1")
    assert [totals[k] for k in HYPER] == [3, 1, 5, 3, 7]
    assert (totals["ir_oriented"], totals["raman_oriented"]) == (3, 6)


def test_optical_activity_tells_a_second_amplitude():
    assert intensity_ranks("C3", "A", ["vcd"]) == {"vcd": 2}
    assert intensity_ranks("C3", "A", ["ir", "vcd"]) == {"ir": 1, "vcd": 1}
    assert intensity_ranks("C1", "A", ["ir", "vcd"]) == {"ir": 3, "vcd": 3}
    assert intensity_ranks("C3v", "A1", ["ir", "vcd"]) == {"ir": 1, "vcd": 0}
    assert intensity_ranks("D3", "A1", CHIROPTICAL) == {
        "ir": 0, "raman_isotropic": 1, "raman_anisotropic": 1, "vcd": 0, "roa_backward": 1, "roa_forward": 2
    }  # fmt: skip


def test_ranks_that_do_not_add_up_are_refused():
    with pytest.raises(IdentifiabilityError, match=r"C3 A, .* do not add up"):
        intensity_ranks("C3", "A", ["raman", "roa_backward"])
    p = intensity_pattern("C3", "A", ["ir", "raman", "roa_backward"])
    assert p.rank(6) == pattern_incidence_rank(6, p) == 20 < block_rank(6, p.ranks.values())


@pytest.mark.parametrize(
    ("techniques", "words"),
    [
        (("ir", "nmr"), "choose from"),
        ((), "choose from"),
        (("ir", "ir"), "twice"),
        (("raman", "raman_isotropic"), "adds nothing"),
        (("ir_oriented", "ir"), "adds nothing"),
    ],
)
def test_techniques_that_make_no_sense_are_refused(techniques, words):
    with pytest.raises(IdentifiabilityError, match=words):
        intensity_ranks("C2v", "A1", techniques)


@pytest.mark.parametrize(("group", "irrep"), [("C2v", "E"), ("X5", "A"), ("Kh", "S")])
def test_unknown_groups_and_species_are_refused(group, irrep):
    with pytest.raises(PointGroupError):
        intensity_ranks(group, irrep)


def test_pattern_in_plain_values():
    p = intensity_pattern("C2", "B", ["ir", "vcd"]).as_dict()
    assert p["matrix_ranks"] == {"ir": 2, "vcd": 4}
    assert (p["group"], p["irrep"], p["kind"], p["ranks"]) == ("C2", "B", "real", {"ir": 2, "vcd": 2})


def test_ranks_by_technique_of_a_silent_species():
    assert block_rank(3, intensity_ranks("D6h", "B1u")) == 0
    assert block_rank(3, intensity_ranks("D6h", "E1u")) == 5
    assert block_rank(3, {}) == 3
