"""Selection rules, vibrational representations and what overtones show."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from symvib import PointGroup, character_table, selection_rules
from symvib.errors import PointGroupError, RepresentationError
from symvib.groups.overtones import silent_mode_overtones
from symvib.groups.representation import Decomposition
from symvib.groups.vibrations import vibrational_representation

AXIAL = [
    f"{f}{n}{s}"
    for f, s in (("C", ""), ("C", "v"), ("C", "h"), ("D", ""), ("D", "h"), ("D", "d"))
    for n in range(2, 13)
]
GROUPS = ["C1", "Cs", "Ci", *AXIAL, "S4", "S6", "S8", "S10", "S12", "S14", "S16", "T", "Td", "Th", "O", "Oh", "I", "Ih"]


def tensor_characters(matrix):
    """Traces of a 3x3 matrix on symmetric tensors of rank 1, 2, 3, by acting on monomials."""
    traces = []
    for rank in (1, 2, 3):
        total = 0.0
        for monomial in combinations_with_replacement(range(3), rank):
            # Coefficient of the monomial in its own image: sum over the ways to pick each factor's component.
            for picked in product(range(3), repeat=rank):
                if tuple(sorted(picked)) == monomial:
                    total += np.prod([matrix[i, j] for i, j in zip(picked, monomial, strict=True)])
        traces.append(total)
    return traces


@pytest.mark.parametrize("label", GROUPS)
def test_activities_are_those_of_the_tensors_acted_on_one_by_one(label):
    group = PointGroup.parse(label)
    table = character_table(group)
    rules = selection_rules(group)
    representatives = [group.operations[c.indices[0]].matrix for c in table.classes]
    tensors = np.array([tensor_characters(matrix) for matrix in representatives])
    axial = np.array([np.linalg.det(matrix) * np.trace(matrix) for matrix in representatives])
    sizes = np.array([c.size for c in table.classes])
    chiral = all(np.linalg.det(matrix) > 0 for matrix in representatives)
    assert [a.label for a in rules.activities] == list(dict.fromkeys(i.real_label for i in table.irreps))
    for activity in rules.activities:
        rows = [i for i, irrep in enumerate(table.irreps) if irrep.real_label == activity.label]
        assert activity.dimension == sum(table.irreps[i].dimension for i in rows)
        weights = sizes * table.to_numpy()[rows[0]].conj() / group.order
        vector, raman, hyper = (round(float((weights @ tensors[:, r]).real), 6) for r in range(3))
        assert (activity.infrared_active, activity.raman, activity.hyper_raman) == (vector > 0, raman > 0, hyper > 0)
        assert activity.vcd == (chiral and vector > 0 and float((weights @ axial).real) > 0.5)
        assert activity.roa == (chiral and raman > 0)
        assert activity.silent == (vector == 0 and raman == 0)
        assert activity.raman_polarised == (activity.raman and rows == [0])
    axes = [axis for a in rules.activities for axis in a.infrared]
    assert set(axes) == {"x", "y", "z"}
    assert len(axes) == 3


KIND_TABLE = {"D5h", "D7h", "C5h", "C7h", "D4d", "D6d", "S8", "O", "I"}


@pytest.mark.parametrize("label", GROUPS)
def test_exclusion_kind(label):
    group, rules = PointGroup.parse(label), selection_rules(label)
    shared = set(rules.infrared) & set(rules.raman)
    if group.has_inversion:
        assert rules.exclusion_kind == "inversion"
        assert not shared
    else:
        assert rules.exclusion_kind == ("none" if shared else "table")
    if label in KIND_TABLE:
        assert rules.exclusion_kind == "table"
    if label in ("C2v", "Td", "T", "D3h", "C3h", "S4", "D2d", "C4v", "D3", "D6", "C4", "D4"):
        assert rules.exclusion_kind == "none"


def test_textbook_activities():
    rules = selection_rules("Td")  # Wilson, Decius, Cross, appendix X
    assert rules["T2"].infrared == ("x", "y", "z")
    assert [rules[x].depolarization for x in ("A1", "E", "T2", "T1")] == ["0", "3/4", "3/4", None]
    assert rules["T1"].seen_by == ("hyper-Raman", "INS")
    assert rules["A2"].seen_by == ("INS",)
    assert selection_rules("C2v")["A1"].depolarization == "< 3/4"
    assert selection_rules("D3")["E"].seen_by == ("IR", "Raman", "hyper-Raman", "VCD", "ROA", "INS")
    assert selection_rules("C2v")["B1"].vcd is False
    assert selection_rules("D6h").silent == ("A2g", "B1g", "B2g", "A1u", "B1u", "B2u", "E2u")


@pytest.mark.parametrize(
    ("label", "infrared", "raman", "kind"),
    [
        ("Cinfv", ("Sigma+", "Pi"), ("Sigma+", "Pi", "Delta"), "none"),
        ("Dinfh", ("Sigmau+", "Piu"), ("Sigmag+", "Pig", "Deltag"), "inversion"),
    ],
)
def test_linear_activities(label, infrared, raman, kind):
    rules = selection_rules(label)
    assert (rules.infrared, rules.raman, rules.exclusion_kind) == (infrared, raman, kind)
    assert rules[infrared[0]].infrared == ("z",)
    assert rules[infrared[1]].infrared == ("x", "y")
    hyper = {a.label for a in rules.activities if a.hyper_raman}
    u = "u" if label == "Dinfh" else ""
    assert hyper == {f"Sigma{u}+", f"Pi{u}", f"Delta{u}", f"Phi{u}"}


def test_atoms_have_no_rules_and_no_modes():
    assert selection_rules("Kh").activities == ()
    atom = vibrational_representation("Kh")
    assert (atom.n_vib, atom.completeness, atom.raw_ratio, dict(atom.gamma_vib)) == (0, None, None, {})
    assert atom.mutual_exclusion is False


def test_unknown_names_are_refused():
    with pytest.raises(PointGroupError, match="XY7"):
        selection_rules("XY7")
    with pytest.raises(KeyError, match="no such irrep"):
        selection_rules("C2v")["E7"]


# Atoms left in place by an operation of each class, worked out by hand on the drawings; classes not named: none.
CHECKS = {
    "water": ("C2v", {"E": 3, "C2(z)": 1, "sigma_v(xz)": 1, "sigma_v'(yz)": 3}, (3, 3, 3, 3, 0), "2A1 + B2"),
    "ammonia": ("C3v", {"E": 4, "2C3": 1, "3sigma_v": 2}, (6, 6, 6, 6, 0), "2A1 + 2E"),
    "methane": ("Td", {"E": 5, "8C3": 2, "3C2": 1, "6S4": 1, "6sigma_d": 3}, (9, 6, 9, 6, 0), "A1 + E + 2T2"),
    "ethylene": (
        "D2h",
        {"E": 6, "C2(z)": 2, "sigma(yz)": 6, "sigma(xz)": 2},
        (12, 5, 6, 0, 1),
        "3Ag + B2g + 2B3g + Au + B1u + 2B2u + 2B3u",
    ),
    "SF6": (
        "Oh",
        {"E": 7, "8C3": 1, "6C2'": 1, "6C4": 3, "3C2": 3, "i": 1, "6S4": 1, "8S6": 1, "3sigma_h": 5, "6sigma_d": 3},
        (15, 6, 6, 0, 3),
        "A1g + Eg + T2g + 2T1u + T2u",
    ),
    "benzene": (
        "D6h",
        {"E": 12, "3C2'": 4, "sigma_h": 12, "3sigma_v": 4},
        (30, 7, 12, 0, 11),
        "2A1g + A2g + 2B2g + E1g + 4E2g + A2u + 2B1u + 2B2u + 3E1u + 2E2u",
    ),
    "cubane": (
        "Oh",
        {"E": 16, "8C3": 4, "6sigma_d": 8},
        (42, 9, 18, 0, 15),
        "2A1g + 2Eg + T1g + 4T2g + 2A2u + 2Eu + 3T1u + 2T2u",
    ),
    "C60": (
        "Ih",
        {"E": 60, "15sigma": 4},
        (174, 12, 42, 0, 120),
        "2Ag + 3T1g + 4T2g + 6Gg + 8Hg + Au + 4T1u + 5T2u + 6Gu + 7Hu",
    ),
}  # fmt: skip


def analysis_of(name):
    group, fixed, *_ = CHECKS[name]
    table = character_table(group)
    assert set(fixed) <= {c.label for c in table.classes}
    return vibrational_representation(group, [fixed.get(c.label, 0) for c in table.classes])


@pytest.mark.parametrize("name", CHECKS)
def test_check_values(name):
    found = analysis_of(name)
    n_vib, n_ir, n_raman, n_both, n_silent = CHECKS[name][2]
    assert (found.n_vib, found.n_ir, found.n_raman, found.n_both, found.n_silent) == CHECKS[name][2]
    assert found.n_vib == 3 * found.n_atoms - 6 == found.gamma_vib.dimension
    assert found.completeness == pytest.approx(1 - n_silent / n_vib, abs=1e-15)
    assert found.raw_ratio == (n_ir + n_raman) / n_vib
    assert n_ir + n_raman - n_both + n_silent == n_vib
    assert found.levels.n_vib == sum(found.gamma_vib.values())
    if name == "ethylene":  # which of the three axes carries the C=C bond is the caller's choice
        assert sorted(found.gamma_vib.values()) == sorted(Decomposition("D2h", {"Ag": 3, "B2g": 1, "B3g": 2, "Au": 1, "B1u": 1, "B2u": 2, "B3u": 2}).values())  # fmt: skip
    elif name != "benzene":  # B1/B2 of benzene depend on which axes are called C2'
        assert str(found.gamma_vib) == CHECKS[name][3]


def test_mutual_exclusion_of_the_check_molecules():
    assert [analysis_of(name).mutual_exclusion for name in CHECKS] == [False] * 3 + [True] * 5
    assert analysis_of("SF6").exclusion_kind == "inversion"
    assert analysis_of("water").exclusion_kind == "none"


@pytest.mark.parametrize(
    ("group", "n", "expected", "gamma"),
    [
        ("Dinfh", 2, (1, 0, 1, 0, 0), "Sigmag+"),
        ("Dinfh", 3, (4, 3, 1, 0, 0), "Sigmag+ + Sigmau+ + Piu"),
        ("Dinfh", 4, (7, 3, 4, 0, 0), "2Sigmag+ + Pig + Sigmau+ + Piu"),
        ("Cinfv", 2, (1, 1, 1, 1, 0), "Sigma+"),
        ("Cinfv", 3, (4, 4, 4, 4, 0), "2Sigma+ + Pi"),
    ],
)
def test_linear_molecules(group, n, expected, gamma):
    found = vibrational_representation(group, n_atoms=n)
    assert (found.n_vib, found.n_ir, found.n_raman, found.n_both, found.n_silent) == expected
    assert found.n_vib == 3 * n - 5
    assert found.completeness == 1.0
    assert dict(found.gamma_vib) == dict(Decomposition(group, {p.lstrip("2"): 2 if p[0] == "2" else 1 for p in gamma.split(" + ")}))  # fmt: skip
    assert found.exclusion_vacuous == (group == "Dinfh" and n == 2)
    assert found.mutual_exclusion == (group == "Dinfh" and n > 2)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: vibrational_representation("C2v", [3, 1]), "2 entries"),
        (lambda: vibrational_representation("C2v", [3, 1, 2, 3]), "C2v"),
        (lambda: vibrational_representation("C2v"), "fixed_atoms_per_class is needed"),
        (lambda: vibrational_representation("C2v", [3, 1, 1, 3], n_atoms=4), "4 atoms"),
        (lambda: vibrational_representation("Cinfv", n_atoms=1), "n_atoms >= 2"),
        (lambda: vibrational_representation("Cinfv", n_atoms=3, atom_at_centre=True), "no centre"),
        (lambda: vibrational_representation("Dinfh", n_atoms=4, atom_at_centre=True), "odd number"),
        (lambda: silent_mode_overtones(Decomposition("Oh", {"T2u": 1}), max_quanta=1), "max_quanta=1"),
    ],
)
def test_impossible_input_is_refused_with_the_numbers(call, text):
    with pytest.raises(RepresentationError, match=text):
        call()


def test_overtones_of_silent_modes_of_sf6():
    table = {t.label: t for t in silent_mode_overtones(analysis_of("SF6").gamma_vib)}
    assert set(table) == {"2 T2u", "3 T2u", "4 T2u", "T2u + A1g", "T2u + Eg", "T2u + T2g", "T2u + T1u"}
    assert str(table["2 T2u"].species) == "A1g + Eg + T2g"  # the antisymmetric T1g must not be there
    assert (table["2 T2u"].infrared, table["2 T2u"].raman) == (False, True)
    assert (table["3 T2u"].infrared, table["3 T2u"].raman) == (True, False)
    assert table["3 T2u"].species.dimension == 10
    assert table["T2u + T2g"].infrared  # T2u x T2g = A1u + Eu + T1u + T2u


def test_a_silent_species_combines_with_itself_only_if_it_occurs_twice():
    labels = [t.label for t in silent_mode_overtones(analysis_of("benzene").gamma_vib)]
    assert "E2u + E2u" in labels
    assert "A2g + A2g" not in labels
    assert silent_mode_overtones(analysis_of("water").gamma_vib) == ()


@pytest.mark.parametrize("name", CHECKS)
def test_first_overtones_are_raman_active(name):
    # The symmetric square of any real irrep holds the totally symmetric one.
    for transition in silent_mode_overtones(analysis_of(name).gamma_vib):
        if transition.partner is None and transition.quanta % 2 == 0:
            assert transition.raman


def test_as_dict_is_plain():
    import json

    assert json.loads(json.dumps(selection_rules("Td").as_dict()))["activities"][4]["infrared"] == ["x", "y", "z"]
    assert json.loads(json.dumps(analysis_of("benzene").as_dict()))["completeness"] == pytest.approx(19 / 30)
    assert json.loads(json.dumps(silent_mode_overtones(analysis_of("SF6").gamma_vib)[0].as_dict()))["raman"] is True
