"""Decompositions, their products and powers, correlation tables; the infinite groups."""

import json
import pickle
from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest

from symvib.errors import PointGroupError, RepresentationError
from symvib.groups.character_table import character_table
from symvib.groups.correlation import correlation_table, subduce
from symvib.groups.cyclotomic import Cyclotomic
from symvib.groups.linear_groups import AngularCharacter
from symvib.groups.representation import Decomposition, molecular_characters, reduce, vector_characters
from symvib.groups.schoenflies import PointGroup

SAMPLE = [
    *("C1", "Cs", "Ci", "C2", "C3", "C5", "C6", "C2v", "C3v", "C5v", "C6v", "C2h", "C3h", "C4h", "C6h"),
    *("D2", "D3", "D5", "D6", "D2h", "D3h", "D4h", "D5h", "D6h", "D2d", "D3d", "D4d", "D5d", "D6d", "D7h"),
    *("S4", "S6", "S8", "S12", "T", "Td", "Th", "O", "Oh", "I", "Ih"),
]
sample = pytest.mark.parametrize("label", SAMPLE)


def everything(label) -> Decomposition:
    """Each irrep once."""
    return Decomposition(label, dict.fromkeys(character_table(label).real_labels, 1))


def characters_of(representation: Decomposition) -> np.ndarray:
    real = character_table(representation.point_group, "real")
    return sum((n * real.to_numpy()[real.index(k)] for k, n in representation.items()), np.zeros(len(real.classes)))


def operation_characters(representation: Decomposition) -> tuple[np.ndarray, np.ndarray]:
    """Characters per class, and of the squares, from floats only."""
    table = character_table(representation.point_group, "real")
    chi = characters_of(representation)
    return chi, chi[list(table.power_map(2))]


# ------------------------------------------------------------------------------------------------ finite groups


@sample
def test_reduction_inverts_summation(label):
    rng = np.random.default_rng(len(label))
    table = character_table(label, "real")
    counts = {name: int(n) for name, n in zip(table.labels, rng.integers(0, 5, len(table.labels)), strict=True)}
    wanted = Decomposition(label, counts)
    exact = [
        sum((n * table.row(name)[c] for name, n in counts.items()), Cyclotomic(0)) for c in range(len(table.classes))
    ]
    assert reduce(exact, table) == wanted
    assert reduce([float(x) for x in exact], table, tolerance=1e-9) == wanted


@sample
def test_regular_representation(label):
    table = character_table(label)
    regular = reduce([table.order] + [0] * (len(table.classes) - 1), table)
    real = character_table(label, "real")
    for irrep in real.irreps:
        assert regular[irrep.label] == (1 if irrep.reality == "complex" else irrep.dimension)


@sample
def test_product_has_the_product_of_the_characters(label):
    a = everything(label)
    assert characters_of(a * a) == pytest.approx(characters_of(a) ** 2, abs=1e-8)
    assert (a * a).dimension == a.dimension**2


@sample
def test_square_splits_into_symmetric_and_antisymmetric(label):
    a = everything(label)
    chi, chi_squares = operation_characters(a)
    assert characters_of(a.symmetric_power(2)) == pytest.approx((chi**2 + chi_squares) / 2, abs=1e-8)
    assert characters_of(a.antisymmetric_power(2)) == pytest.approx((chi**2 - chi_squares) / 2, abs=1e-8)
    assert a.symmetric_power(2) + a.antisymmetric_power(2) == a * a


@pytest.mark.parametrize("label", ["C3", "C4", "C3v", "D4d", "T", "Td", "Ih", "S8", "D6h"])
def test_third_powers_by_explicit_eigenvalues(label):
    """Elementary and complete symmetric polynomials of the eigenvalues, class by class."""
    table = character_table(label, "real")
    name = max(table.irreps, key=lambda irrep: irrep.dimension).label
    a = Decomposition(label, {name: 1})
    chi = {k: characters_of(a)[list(table.power_map(k))] for k in (1, 2, 3)}
    for k, sign in ((3, 1), (3, -1)):
        found = characters_of(a.symmetric_power(k) if sign > 0 else a.antisymmetric_power(k))
        expected = (chi[1] ** 3 + 3 * sign * chi[1] * chi[2] + 2 * chi[3]) / 6
        assert found == pytest.approx(expected, abs=1e-8)


def test_powers_of_order_zero_and_one():
    e = Decomposition("C3v", {"E": 1})
    assert e.symmetric_power(0) == e.antisymmetric_power(0) == Decomposition("C3v", {"A1": 1})
    assert e.symmetric_power(1) == e.antisymmetric_power(1) == e
    assert e.antisymmetric_power(3) == Decomposition("C3v")
    nothing = Decomposition("C3v")
    assert nothing.symmetric_power(0) == Decomposition("C3v", {"A1": 1})
    assert nothing.symmetric_power(2) == nothing


@pytest.mark.parametrize(
    ("label", "fixed", "expected"),
    [  # chi_3N; Gamma_vib + Gamma_trans + Gamma_rot of the molecule named
        ("C2v", [3, 1, 1, 3], "3A1 + A2 + 2B1 + 3B2"),  # water in yz
        ("C3v", [4, 1, 2], "3A1 + A2 + 4E"),  # ammonia
        ("Td", [5, 2, 1, 1, 3], "A1 + E + T1 + 3T2"),  # methane
        ("D3h", [4, 1, 2, 4, 1, 2], "A1' + A2' + 3E' + 2A2'' + E''"),  # BF3
        ("Oh", [7, 1, 1, 3, 3, 1, 1, 1, 5, 3], "A1g + Eg + T1g + T2g + 3T1u + T2u"),  # SF6
        (
            "D6h",
            [12, 0, 0, 0, 4, 0, 0, 0, 0, 12, 0, 4],
            "2A1g + 2A2g + 2B2g + 2E1g + 4E2g + 2A2u + 2B1u + 2B2u + 4E1u + 2E2u",
        ),
        (
            "Ih",
            [60, 0, 0, 0, 0, 0, 0, 0, 0, 4],
            "2Ag + 4T1g + 4T2g + 6Gg + 8Hg + Au + 5T1u + 5T2u + 6Gu + 7Hu",
        ),
    ],
)
def test_molecules(label, fixed, expected):
    assert str(reduce(molecular_characters(fixed, label), label)) == expected


def test_benzene_vibrations():
    """C2' through the atoms: 2A1g + A2g + 2B2g + E1g + 4E2g + A2u + 2B1u + 2B2u + 3E1u + 2E2u (Wilson)."""
    total = reduce(molecular_characters([12, 0, 0, 0, 4, 0, 0, 0, 0, 12, 0, 4], "D6h"), "D6h")
    vibrations = total - Decomposition("D6h", {"A2u": 1, "E1u": 1, "A2g": 1, "E1g": 1})
    assert str(vibrations) == "2A1g + A2g + 2B2g + E1g + 4E2g + A2u + 2B1u + 2B2u + 3E1u + 2E2u"
    assert vibrations.dimension == 30
    assert vibrations.n_levels == 20


@sample
def test_vector_representation(label):
    table = character_table(label)
    group = PointGroup.parse(label)
    traces = [np.trace(group.operations[c.indices[0]].matrix) for c in table.classes]
    assert [float(x) for x in vector_characters(table)] == pytest.approx(traces, abs=1e-12)
    vector = reduce(vector_characters(table), table)
    assert {k: len(f.linear) for k, f in table.functions.items() if f.linear} == dict(vector)


@pytest.mark.parametrize(
    ("characters", "label", "match"),
    [
        ([5, -1, -1, 2], "T", "no non-negative integer"),
        ([3, 0, 0, 1], "T", "no non-negative integer"),
        ([-1, -1, -1], "C3v", "no non-negative integer"),
        ([1, 1], "C3v", "2 characters for the 3 classes"),
        ([1.0, 1, 1], "C3v", "not exact"),
        ([3, 1, 0], "C3", "no non-negative integer"),
        (["x", 1, 1], "C3v", "not exact"),
    ],
)
def test_what_is_no_representation_is_refused(characters, label, match):
    with pytest.raises(RepresentationError, match=match):
        reduce(characters, label)


def test_integers_that_ignore_galois_conjugation_are_refused():
    """C5 and C5^2 are conjugate over Q: integer characters must agree on them."""
    with pytest.raises(RepresentationError):
        reduce([4, 4, -1, -1], "C5v")


def test_one_member_of_a_pair_alone_is_refused():
    table = character_table("C3")
    with pytest.raises(RepresentationError):
        reduce(table.row("1E"), table)
    assert reduce([a + b for a, b in zip(table.row("1E"), table.row("2E"), strict=True)], table) == {"E": 1}


def test_floats_beyond_the_tolerance_are_refused_with_the_residual():
    with pytest.raises(RepresentationError, match=r"off by 0\.0[0-9]+"):
        reduce([3.05, 0, 1], "C3v", tolerance=1e-3)
    with pytest.raises(RepresentationError, match="not finite"):
        reduce([float("nan"), 0, 1], "C3v", tolerance=1e-3)
    assert reduce([3.0001, 0, 1], "C3v", tolerance=1e-3) == {"A1": 1, "E": 1}


# ----------------------------------------------------------------------------------------------- Decomposition


def test_decomposition_is_an_ordered_read_only_mapping():
    gamma = Decomposition("D6h", {"E2u": 1, "a1g": 2, "B1u": 0})
    assert list(gamma.items()) == [("A1g", 2), ("E2u", 1)]
    assert str(gamma) == "2A1g + E2u"
    assert gamma["A_{1g}"] == 2
    assert gamma["B1u"] == 0
    assert "B1u" not in gamma
    assert "e2u" in gamma
    assert gamma.get("E₂ᵤ") == 1
    assert list(gamma.irreps()) == ["A1g", "A1g", "E2u"]
    assert json.loads(json.dumps(gamma)) == {"A1g": 2, "E2u": 1}
    assert pickle.loads(pickle.dumps(gamma)) == gamma
    assert hash(gamma) == hash(Decomposition("D6h", {"E2u": 1, "A1g": 2}))
    for change in (
        lambda: gamma.update({"A1g": 3}),
        lambda: gamma.pop("A1g"),
        lambda: gamma.__setitem__("A1g", 1),
    ):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert str(Decomposition("C1")) == "0"
    assert eval(repr(gamma)) == gamma


def test_decompositions_of_different_groups_do_not_mix():
    a, b = Decomposition("C2v", {"A1": 1}), Decomposition("C3v", {"A1": 1})
    assert a != b
    for operation in (lambda: a + b, lambda: a - b, lambda: a * b):
        with pytest.raises(PointGroupError, match="groups differ"):
            operation()


def test_subtraction_says_what_is_missing():
    with pytest.raises(RepresentationError, match="short of 2B1"):
        Decomposition("C2v", {"A1": 1}) - Decomposition("C2v", {"B1": 2})


@pytest.mark.parametrize(
    ("counts", "error"),
    [({"A9": 1}, PointGroupError), ({"A1": -1}, RepresentationError), ({"A1": 0.5}, RepresentationError)],
)
def test_bad_counts(counts, error):
    with pytest.raises(error):
        Decomposition("C2v", counts)


def test_dimensions_beyond_the_exact_range_are_refused():
    big = Decomposition("C2v", {"A1": 10**6, "B1": 10**6})
    with pytest.raises(RepresentationError, match="too large"):
        big * big


def test_scaling():
    assert 2 * Decomposition("C2v", {"A1": 1}) == Decomposition("C2v", {"A1": 2})


# ---------------------------------------------------------------------------------------------- infinite groups


@pytest.mark.parametrize(
    ("label", "fixed", "expected"),
    [
        ("Dinfh", [3, 3, 3, 1, 1, 1], "Sigmag+ + Pig + 2Sigmau+ + 2Piu"),  # CO2
        ("Dinfh", [4, 4, 4, 0, 0, 0], "2Sigmag+ + 2Pig + 2Sigmau+ + 2Piu"),  # acetylene
        ("Dinfh", [2, 2, 2, 0, 0, 0], "Sigmag+ + Pig + Sigmau+ + Piu"),  # N2
        ("Cinfv", [3, 3, 3], "3Sigma+ + 3Pi"),  # HCN
        ("Kh", [1, 1, 1, 1], "Pu"),  # an atom
    ],
)
def test_linear_molecules(label, fixed, expected):
    assert str(reduce(molecular_characters(fixed, label), label)) == expected


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [  # Herzberg, table 33
        ("Sigma-", "Sigma-", "Sigma+"),
        ("Sigma-", "Pi", "Pi"),
        ("Pi", "Pi", "Sigma+ + Sigma- + Delta"),
        ("Pi", "Delta", "Pi + Phi"),
        ("Delta", "Delta", "Sigma+ + Sigma- + Gamma"),
        ("E9", "Pi", "E8 + E10"),
    ],
)
def test_products_of_cinfv(a, b, product):
    assert str(Decomposition("Cinfv", {a: 1}) * Decomposition("Cinfv", {b: 1})) == product


def test_powers_of_pi():
    pi_u = Decomposition("Dinfh", {"Πu": 1})
    assert str(pi_u.symmetric_power(2)) == "Sigmag+ + Deltag"
    assert str(pi_u.antisymmetric_power(2)) == "Sigmag-"
    assert str(pi_u.symmetric_power(3)) == "Piu + Phiu"
    assert str(pi_u.symmetric_power(4)) == "Sigmag+ + Deltag + Gammag"


@pytest.mark.parametrize("label", ["Cinfv", "Dinfh", "Kh"])
@pytest.mark.parametrize("k", [2, 3])
def test_infinite_powers_against_explicit_weights(label, k):
    """Weights of symmetric and exterior powers counted one by one."""
    table = character_table(label)
    for name in table.labels[:5]:
        irrep = table.irrep(name)
        top = irrep.quantum_number
        weights = list(range(-top, top + 1)) if label == "Kh" else sorted({top, -top})
        for power, choose in (
            ("symmetric_power", combinations_with_replacement),
            ("antisymmetric_power", combinations),
        ):
            expected = {}
            for chosen in choose(weights, k):
                m = sum(chosen)
                if m >= 0:
                    expected[m] = expected.get(m, 0) + 1
            found = getattr(Decomposition(label, {name: 1}), power)(k)
            total = sum((n * table.row(part)[1] for part, n in found.items()), AngularCharacter())
            assert total == AngularCharacter(expected), (name, power)


def test_kh_products_are_the_vector_model():
    p, d = Decomposition("Kh", {"Pu": 1}), Decomposition("Kh", {"Dg": 1})
    assert str(p * d) == "Pu + Du + Fu"
    assert str(p.symmetric_power(2)) == "Sg + Dg"
    assert str(d.symmetric_power(2)) == "Sg + Dg + Gg"


def test_finite_dnh_tends_to_dinfh():
    """Characters at the angles of D30h agree with those of its irreps."""
    finite, infinite = character_table("D30h"), character_table("Dinfh")
    c30 = [c.symbol for c in finite.classes].index("C30")
    s30 = [c.symbol for c in finite.classes].index("S30")
    for name, twin in (("Pig", "E1g"), ("Piu", "E1u"), ("Deltag", "E2g"), ("Phiu", "E3u")):
        _, turn, _, _, improper, _ = infinite.row(name)
        assert turn.at_turn(30) == finite.row(twin)[c30]
        assert improper.at_turn(30) == finite.row(twin)[s30]


@pytest.mark.parametrize(
    ("group", "spelling", "label"),
    [
        ("Dinfh", "Σg+", "Sigmag+"),
        ("Dinfh", "Sigma_g^+", "Sigmag+"),
        ("Dinfh", r"\Sigma_{u}^{-}", "Sigmau-"),
        ("Dinfh", "Σ⁺g", "Sigmag+"),
        ("Dinfh", "Π_u", "Piu"),
        ("Dinfh", "E1u", "Piu"),
        ("Dinfh", "A1g", "Sigmag+"),
        ("Cinfv", "sigma+", "Sigma+"),
        ("Cinfv", "Δ", "Delta"),
        ("Cinfv", "E3", "Phi"),
        ("Cinfv", "E12", "E12"),
        ("Kh", "pu", "Pu"),
    ],
)
def test_spellings_of_infinite_irreps(group, spelling, label):
    assert character_table(group).irrep(spelling).label == label


@pytest.mark.parametrize(
    ("group", "label"), [("Cinfv", "Pig"), ("Dinfh", "Pi"), ("Dinfh", "Sigmag"), ("Kh", "Sigmag+")]
)
def test_unknown_infinite_irreps(group, label):
    with pytest.raises(PointGroupError, match="has no irrep"):
        character_table(group).irrep(label)


def test_infinite_tables():
    table = character_table("Dinfh")
    assert [c.label for c in table.classes] == ["E", "2C(phi)", "inf sigma_v", "i", "2S(phi)", "inf C2'"]
    assert [str(x) for x in table.row("Sigmau+")] == ["1", "1", "1", "-1", "-1", "-1"]
    assert [str(x) for x in table.row("Pig")] == ["2", "2cos(phi)", "0", "2", "-2cos(phi)", "0"]
    assert [str(x) for x in table.row("Deltau")] == ["2", "2cos(2phi)", "0", "-2", "-2cos(2phi)", "0"]
    assert table.functions["Sigmau+"].linear == ("z",)
    assert table.functions["Sigmag-"].rotational == ("Rz",)
    assert table.functions["Pig"].quadratic == ("(xz,yz)",)
    assert table.functions["Phiu"].cubic == ("(x(x^2-3y^2),y(3x^2-y^2))",)
    assert character_table("Cinfv").functions["Sigma+"].quadratic == ("x^2+y^2", "z^2")
    assert "Σg⁺" in table.text(unicode=True)
    assert r"\Sigma_{g}^{+}" in table.latex()
    assert "<sup>+</sup>" in table.html()
    json.dumps(table.as_dict())
    assert table.with_form("complex") is table
    with pytest.raises(PointGroupError, match="power_map"):
        table.power_map(2)
    assert table.to_numpy(0.3)[2, 1] == pytest.approx(2 * np.cos(0.3))


def test_infinite_characters_that_disagree_are_refused():
    with pytest.raises(RepresentationError, match="do not agree"):
        reduce([3, 1, 1, 1, 1, 1], "Dinfh")
    with pytest.raises(RepresentationError, match="no sum of irreps"):
        reduce([1, 1, 0], "Cinfv")
    with pytest.raises(RepresentationError, match="2 characters"):
        reduce([1, 1], "Cinfv")


def test_angular_characters():
    x = AngularCharacter({0: 1, 1: 1})
    assert str(x * x) == "3+4cos(phi)+2cos(2phi)"
    assert x(0.7) == pytest.approx(1 + 2 * np.cos(0.7))
    assert x.at_turn(5) == 1 + Cyclotomic.zeta(5) + Cyclotomic.zeta(5, 4)
    assert x.multiple_angle(0) == 3
    assert hash(AngularCharacter(3)) == hash(3)
    assert x.latex() == r"1+2\cos \phi"
    expression = x.to_sympy()
    (phi,) = expression.free_symbols
    assert float(expression.subs(phi, 0.7)) == pytest.approx(x(0.7))
    assert str(x - x) == "0"
    assert str(-x) == "-1-2cos(phi)"


# ------------------------------------------------------------------------------------------- correlation tables


PAIRS = [
    *(("Oh", h) for h in ("O", "Td", "Th", "T", "D4h", "D3d", "D2h", "C4v", "C3v", "C2v", "D2d", "S4", "S6", "C4h")),
    *(("Ih", h) for h in ("I", "Th", "T", "D5d", "D3d", "D2h", "D5", "C5v", "C3v", "C2v", "C2h", "S10", "S6")),
    *(("D6h", h) for h in ("D6", "C6v", "C6h", "D3h", "D3d", "D2h", "C2v", "C2h", "C3h", "Cs", "Ci", "C1", "C6")),
    *(("Td", h) for h in ("T", "D2d", "C3v", "C2v", "S4", "D2", "C3", "Cs")),
    *(("D4d", h) for h in ("S8", "C4v", "D4", "C2v", "C4", "D2", "Cs")),
    *(("D5h", h) for h in ("C5v", "C5h", "D5", "C2v", "Cs")),
    *(("D30h", h) for h in ("D15h", "D15d", "D10h", "C30v", "C2v")),
    *(("S12", h) for h in ("C6", "S4", "C3", "C2")),
]


@pytest.mark.parametrize(("group", "subgroup"), PAIRS)
def test_subduction_is_restriction_of_matrices(group, subgroup):
    """The embedded operations are operations of the group, and characters agree on them (floats, independent)."""
    large, small = character_table(group, "real"), character_table(subgroup, "real")
    for way in correlation_table(group, subgroup).ways:
        assert np.linalg.det(way.frame) == pytest.approx(1)
        class_of = {g: c for c, members in enumerate(large.classes) for g in members.indices}
        restricted = []
        for c in small.classes:
            image = way.frame.T @ small.point_group.operations[c.indices[-1]].matrix @ way.frame
            distance = np.abs(large.point_group.matrices - image).max(axis=(1, 2))
            assert distance.min() < 1e-9
            restricted.append(class_of[int(np.argmin(distance))])
        for label, found in way.mapping.items():
            expected = large.to_numpy()[large.index(label)][restricted]
            assert characters_of(found) == pytest.approx(expected, abs=1e-9)
        functions = {Decomposition(group, {k: 1}).subduce(subgroup, way.name).dimension for k in large.labels}
        assert functions == {irrep.dimension for irrep in large.irreps}


@pytest.mark.parametrize(
    ("group", "subgroup", "ways"),
    [
        ("D6h", "C2v", ["C2, sigma_v, sigma_d", "C2', sigma_v, sigma_h", "C2'', sigma_d, sigma_h"]),
        (
            "D4h",
            "D2h",
            ["C2, C2', C2', sigma_h, sigma_v, sigma_v", "C2, C2'', C2'', sigma_h, sigma_d, sigma_d"],
        ),
        ("D4h", "D2d", ["C2, C2', sigma_d", "C2, C2'', sigma_v"]),
        ("Oh", "D4h", None),
        ("Td", "C3v", None),
        ("D6h", "D2h", None),
        ("Dinfh", "D6h", None),
        ("Dinfh", "C2v", ["C2, sigma_v, sigma_v", "C2', sigma_v, sigma_h"]),
        ("Dinfh", "Cs", ["sigma_h", "sigma_v"]),
        ("Dinfh", "C2", ["C2", "C2'"]),
    ],
)
def test_ways(group, subgroup, ways):
    names = [way.name for way in correlation_table(group, subgroup).ways]
    assert names == ([f"{subgroup} ({way})" for way in ways] if ways else [subgroup])


@pytest.mark.parametrize(
    ("irrep", "group", "subgroup", "way", "expected"),
    [  # Wilson, Decius and Cross, Molecular Vibrations, appendix X-8
        ("T2", "Td", "C3v", None, "A1 + E"),
        ("T1", "Td", "C2v", None, "A2 + B1 + B2"),
        ("E", "Td", "D2d", None, "A1 + B1"),
        ("T1u", "Oh", "D4h", None, "A2u + Eu"),
        ("Eg", "Oh", "D4h", None, "A1g + B1g"),
        ("T2g", "Oh", "D3d", None, "A1g + Eg"),
        ("Hg", "Ih", "D5d", None, "A1g + E1g + E2g"),
        ("Gu", "Ih", "Th", None, "Au + Tu"),
        ("E1u", "D6h", "D2h", None, "B2u + B3u"),
        ("B2g", "D6h", "D3h", "C2', sigma_h, sigma_v", "A2''"),
        ("B2g", "D6h", "D3h", "C2'',sigma_h,sigma_d", "A1''"),
        ("B1g", "D4h", "D2h", "D2h (C2, C2'', C2'', sigma_h, sigma_d, sigma_d)", "B1g"),
        ("Piu", "Dinfh", "D2h", None, "B2u + B3u"),
        ("Sigmag-", "Dinfh", "D2h", None, "B1g"),
        ("Deltag", "Dinfh", "D6h", None, "E2g"),
        ("Gammag", "Dinfh", "D3h", None, "E'"),
        ("E7g", "Dinfh", "D6h", None, "E1g"),
        ("Piu", "Dinfh", "Cinfv", None, "Pi"),
        ("Sigmau-", "Dinfh", "Cinfv", None, "Sigma-"),
        ("Pi", "Cinfv", "C2v", None, "B1 + B2"),
        ("Sigma-", "Cinfv", "C3v", None, "A2"),
        ("Dg", "Kh", "Oh", None, "Eg + T2g"),
        ("Fu", "Kh", "Ih", None, "T2u + Gu"),
        ("Pu", "Kh", "Dinfh", None, "Sigmau+ + Piu"),
        ("Pg", "Kh", "Cinfv", None, "Sigma- + Pi"),
    ],
)
def test_known_correlations(irrep, group, subgroup, way, expected):
    assert str(subduce(irrep, group, subgroup, way)) == expected


@pytest.mark.parametrize("subgroup", ["C3v", "D5h", "D3d", "C2v", "D4d", "Cs", "Ci", "C2h"])
def test_vector_of_dinfh_stays_the_vector(subgroup):
    """However it is embedded, (x, y, z) becomes (x, y, z)."""
    vector = reduce(vector_characters(character_table("Dinfh")), "Dinfh")
    wanted = reduce(vector_characters(character_table(subgroup)), subgroup)
    for way in correlation_table("Dinfh", subgroup).ways:
        assert vector.subduce(subgroup, way.name) == wanted


def test_subduction_is_transitive():
    gamma = everything("Oh")
    assert gamma.subduce("D4h").subduce("C4v") == gamma.subduce("C4v")
    assert gamma.subduce("Td").subduce("C3v") == gamma.subduce("C3v")


@pytest.mark.parametrize(
    ("group", "subgroup"),
    [
        ("Td", "D3d"),
        ("C2v", "Dinfh"),
        ("D3h", "D3d"),
        ("Cinfv", "C2h"),
        ("D6h", "D4h"),
        ("Dinfh", "Td"),
        ("C3", "C2"),
    ],
)
def test_not_a_subgroup(group, subgroup):
    with pytest.raises(PointGroupError, match="not a subgroup"):
        correlation_table(group, subgroup)


def test_ambiguous_subduction_is_refused_with_the_choices():
    with pytest.raises(PointGroupError, match="2 ways"):
        subduce("B1g", "D4h", "D2h")
    with pytest.raises(PointGroupError, match="no way"):
        subduce("B1g", "D4h", "D2h", "C5")
    with pytest.raises(PointGroupError, match="not D6h"):
        subduce(Decomposition("D4h", {"B1g": 1}), "D6h", "D2h")


def test_correlation_presentations():
    table = correlation_table("D6h", "C2v")
    assert table.text().splitlines()[0].startswith("D6h  C2v (C2, sigma_v, sigma_d)")
    assert "| B₁g | B₂ | A₂ | B₁ |" in table.markdown()
    assert r"$C_{2v}\ (C_{2}^{\prime}, \sigma_{v}, \sigma_{h})$" in table.latex()
    assert table.html().count("<tr>") == 13
    assert table._repr_html_() == table.html()
    data = json.loads(json.dumps(table.as_dict()))
    assert data["ways"][1]["irreps"]["E1u"] == {"A1": 1, "B2": 1}
    assert repr(table).startswith("<CorrelationTable D6h -> C2v")
