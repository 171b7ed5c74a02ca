"""Strata: counts against known molecules, theory/ and the datasets' own columns; bins, orders, and bad input."""

import csv
import json
import subprocess
import sys
import time
from dataclasses import make_dataclass
from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from helpers import molecule_of
from symvib.errors import EvaluationError, IdentifiabilityError
from symvib.evaluation._strata_kinds import KINDS as KIND_BY_NAME
from symvib.evaluation._strata_symmetry import symmetry_facts
from symvib.evaluation.strata import CHEMISTRY, IDENTIFIABILITY, KINDS, RANGE_CM1, SHIPPED_SOURCES, Strata
from symvib.forward.dataset_files import SimulatedDataset, shipped_dataset
from symvib.groups.selection_rules import selection_rules
from symvib.theory.identifiability import identify
from zoo import EXPECTED_COUNTS, ZOO_BY_NAME, permuted, rotated

COLUMNS = ["id", "formula", "numbers", "positions_angstrom", "point_group", "irrep", "wavenumber_cm1", "completeness"]
COLUMNS += ["n_silent", "exclusion_kind", "mass_numbers", "name", "method"]
COLUMNS += ["ir_km_per_mol", "raman_a4_per_amu", "depolarization"]
IR_AND_RAMAN = ("ir", "raman")


@pytest.fixture(scope="module")
def symmetric() -> SimulatedDataset:
    return shipped_dataset("lines_symmetric_gfn2", COLUMNS).trusted()


@pytest.fixture(scope="module")
def shipped() -> Strata:
    return Strata.shipped()


def zoo_molecule(name):
    known = ZOO_BY_NAME[name]
    return molecule_of(known.symbols, known.positions)


def strata_of(*names) -> Strata:
    return Strata.of({name: zoo_molecule(name) for name in names})


def only(strata: Strata, *columns):
    """Values of the only molecule."""
    assert len(strata) == 1
    return tuple(strata[name][0] for name in columns)


def altered(dataset: SimulatedDataset, row: int, **values) -> SimulatedDataset:
    """One row of a dataset with other values."""
    import pyarrow

    plain = dataset.table.slice(row, 1).to_pylist()[0] | values
    return SimulatedDataset(pyarrow.Table.from_pylist([plain], schema=dataset.table.schema), dataset.provenance, "made")


# ---- counts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPECTED_COUNTS)
def test_counts_of_known_molecules(name):
    n_ir, n_raman, n_both, n_silent, n_vib = EXPECTED_COUNTS[name]
    strata = strata_of(name)
    assert only(strata, "n_ir", "n_raman", "n_silent", "n_vib") == (n_ir, n_raman, n_silent, n_vib)
    assert n_vib == n_ir + n_raman - n_both + n_silent
    assert strata.completeness_exact(name) == 1 - Fraction(n_silent, n_vib)
    assert strata["completeness"][0] == pytest.approx(1 - n_silent / n_vib, abs=1e-15)


@pytest.mark.parametrize("name", ["CH4", "BF3", "benzene", "CO2"])
def test_strata_do_not_depend_on_orientation_or_numbering(name):
    known, rng = ZOO_BY_NAME[name], np.random.default_rng(6)
    symbols, positions = permuted(known.symbols, rotated(known.positions, rng), rng)[:2]
    first, second = strata_of(name), Strata.of({name: molecule_of(symbols, positions)})
    assert {k: v.tolist() for k, v in first.columns.items()} == {k: v.tolist() for k, v in second.columns.items()}


@pytest.mark.parametrize(
    ("name", "exclusion", "vacuous"),
    [("C2H4", "inversion", False), ("N2", "inversion", True), ("H2O", "none", False), ("BF3", "none", False)],
)
def test_exclusion_of_molecules(name, exclusion, vacuous):
    assert only(strata_of(name), "exclusion", "exclusion_vacuous") == (exclusion, vacuous)


@pytest.mark.parametrize("group", ["D5h", "D4d", "D7h", "D6d"])
def test_exclusion_without_a_centre_is_other(shipped, group):
    mine = shipped["point_group"] == group
    assert mine.any()
    assert set(shipped["exclusion"][mine].tolist()) == {"other"}


# ---- identifiability -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "word", "constants", "observables", "determined"),
    [
        ("CO2", "frequencies suffice", 3, 3, 3),  # Sigma_g+ + Sigma_u+ + Pi_u
        ("H2O", "intensities needed", 4, 5, 4),  # A1: 3 from 2 + 2 (n - 1) = 4; B2: 1 from 1
        ("CH4", "intensities needed", 5, 5, 5),  # A1, E: 1 each; T2: 3 from 2 + 2 (n - 1) - 1 (two of rank one)
        ("SF6", "all but silent species", 7, 6, 6),  # A1g, Eg, T2g: 1 each; T1u: 3 from 2 + 1; T2u silent
        # visible: 2 A1g 3 of 3, E1g 1 of 1, 4 E2g 4 + 3 = 7 of 10, A2u 1 of 1, 3 E1u 3 + 2 = 5 of 6; silent: 10
        ("benzene", "half or more determined", 34, 17, 17),
    ],
)
def test_identifiability_counted_by_hand(name, word, constants, observables, determined):
    strata = strata_of(name)
    columns = ("identifiability", "n_constants", "n_observables", "n_determined", "margin")
    assert only(strata, *columns) == (word, constants, observables, determined, observables - constants)
    assert strata["determined_share"][0] == pytest.approx(determined / constants, abs=1e-15)


@pytest.mark.parametrize(
    ("n_atoms", "word"),
    [
        (3, "intensities needed"),
        (5, "half or more determined"),
        (8, "quarter to half determined"),
        (20, IDENTIFIABILITY[-1]),
    ],
)
def test_identifiability_without_symmetry_is_that_of_the_formula(n_atoms, word):
    d = 3 * n_atoms - 6
    facts = symmetry_facts("C1", {"A": d}, IR_AND_RAMAN)
    assert facts.n_constants == d * (d + 1) // 2
    assert facts.n_observables == 3 * d - 2  # n + s (n - 1), two intensities
    assert facts.n_determined == min(facts.n_constants, facts.n_observables)
    assert facts.identifiability == word


@pytest.mark.parametrize("name", ["H2O", "NH3", "CH4", "C2H4", "BF3", "CO2"])
@pytest.mark.parametrize("observed", [("freq", "ir", "raman"), ("freq", "ir", "raman", "rho")])
def test_counts_are_those_of_identify(name, observed):
    """Unknowns and ranks of the counting rule against singular values of the molecule's own Jacobian."""
    techniques = ("ir", "raman_isotropic", "raman_anisotropic") if "rho" in observed else IR_AND_RAMAN
    strata = Strata.of({name: zoo_molecule(name)}, techniques=techniques)
    found = identify(zoo_molecule(name), observed, exact=False)
    assert only(strata, "n_constants", "n_observables", "n_determined") == (
        found.unknowns,
        sum(block.independent for block in found.blocks.values()),
        found.rank,
    )
    # "all but silent species" and below leave a family; a verdict by counting is never stronger than identify's
    assert (strata["identifiability"][0] in IDENTIFIABILITY[2:]) == (found.verdict == "family")


def test_complex_species_have_as_many_constants_as_a_hermitian_matrix():
    """E of C3 with n = 3: 9 real numbers, of which 3 frequencies and 2 (n - 1) intensities are seen."""
    facts = symmetry_facts("C3", {"A": 3, "E": 3}, IR_AND_RAMAN)
    assert facts.n_constants == 6 + 9
    assert facts.n_determined == 6 + 7
    assert (facts.n_vib, facts.n_levels) == (9, 6)


def test_fewer_techniques_determine_less():
    two, one = (Strata.of({"x": zoo_molecule("C2H4")}, techniques=t) for t in (IR_AND_RAMAN, "ir"))
    assert one.techniques == ("ir",)
    assert one["n_determined"][0] < two["n_determined"][0]
    assert one["n_constants"][0] == two["n_constants"][0]


def test_unknown_technique():
    with pytest.raises(IdentifiabilityError, match="sniffing"):
        Strata.of({"x": zoo_molecule("H2O")}, techniques=("sniffing",))


# ---- datasets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [*SHIPPED_SOURCES, "lines_test_gfn1"])
def test_the_columns_that_the_dataset_has_agree(source):
    """Written by the dataset's makers from the detected symmetry, ours counted from the species of the modes."""
    dataset = shipped_dataset(source, COLUMNS).trusted()
    strata = Strata.of(dataset)
    assert strata["n_silent"].tolist() == dataset.column("n_silent")
    np.testing.assert_allclose(strata["completeness"], dataset.column("completeness"), atol=1e-12)
    words = {"table": "other"}
    assert strata["exclusion"].tolist() == [words.get(kind, kind) for kind in dataset.column("exclusion_kind")]
    assert strata["n_atoms"].tolist() == [len(z) for z in dataset.column("numbers")]


def test_a_dataset_gives_what_its_geometries_give(symmetric):
    rows = np.random.default_rng(1).choice(len(symmetric), 12, replace=False).tolist()
    ids = [symmetric[row]["id"] for row in rows]
    recorded = Strata.of(symmetric, ids)
    detected = Strata.of({name: symmetric.molecule(row) for name, row in zip(ids, rows, strict=True)})
    for name in recorded.columns:
        if not name.endswith("lines"):
            assert recorded[name].tolist() == detected[name].tolist(), name
    assert (detected["n_lines"] == -1).all()
    assert set(detected.labels("lines in range").tolist()) == {"not known"}


def test_lines_are_levels_of_merged_line_lists(symmetric):
    """Levels are joined there by wavenumber and species, here counted by species."""
    rows = np.random.default_rng(2).choice(len(symmetric), 40, replace=False).tolist()
    strata = Strata.of(symmetric)
    for row in rows:
        levels = symmetric.lines(row).merged(tolerance_cm1=1.0)
        rules = selection_rules(symmetric[row]["point_group"])
        inside = [
            rules[irrep]
            for irrep, at in zip(levels.irreps, levels.wavenumbers_cm1, strict=True)
            if RANGE_CM1[0] <= at <= RANGE_CM1[1]
        ]
        seen = [[s.infrared_active for s in inside], [s.raman for s in inside], [not s.silent for s in inside]]
        counted = [int(strata[name][row]) for name in ("n_ir_lines", "n_raman_lines", "n_lines")]
        assert counted == [sum(column) for column in seen], symmetric[row]["id"]


def test_lines_never_exceed_levels(shipped):
    for few, many in [("n_ir_lines", "n_lines"), ("n_raman_lines", "n_lines"), ("n_lines", "n_levels")]:
        assert (shipped[few] <= shipped[many]).all()
    assert (shipped["n_lines"] >= 0).all()
    exclusive = shipped["exclusion"] != "none"
    assert (shipped["n_ir_lines"] + shipped["n_raman_lines"] == shipped["n_lines"])[exclusive].all()


def test_inequalities_of_the_counts(shipped):
    assert (shipped["n_determined"] <= np.minimum(shipped["n_constants"], shipped["n_observables"])).all()
    assert (shipped["n_levels"] <= shipped["n_vib"]).all()
    silent = shipped["n_silent"] > 0
    assert (shipped["n_determined"] < shipped["n_constants"])[silent].all()  # nothing of a silent species is determined
    assert not np.isin(shipped["identifiability"], IDENTIFIABILITY[:2])[silent].any()


def test_all_shipped_molecules_take_seconds():
    started = time.process_time()
    strata = [Strata.of(shipped_dataset(name).trusted()) for name in SHIPPED_SOURCES]
    assert sum(map(len, strata)) > 12_000
    assert time.process_time() - started < 30


def test_training_data_is_looked_up(shipped):
    stand_in = make_dataclass("TrainingData", ["ids", "point_groups", "data_hash"])
    ids = shipped.ids[5:9]
    groups = tuple(shipped["point_group"][5:9].tolist())
    assert Strata.of(stand_in(ids, groups, "")).ids == ids
    assert Strata.of(stand_in(ids, groups, ""), ids=ids[::-1]).ids == ids[::-1]
    with pytest.raises(EvaluationError, match="other point groups"):
        Strata.of(stand_in(ids, ("Ih", *groups[1:]), ""))
    with pytest.raises(EvaluationError, match="'nowhere'"):
        Strata.of(stand_in((*ids, "nowhere"), (*groups, "C1"), ""))


def test_training_data_itself(shipped):
    pytest.importorskip("torch")
    from symvib.spektron.training_data import load_training_data

    data = load_training_data()
    strata = Strata.of(data)
    assert strata.ids == data.ids == shipped.ids
    assert strata["formula"].tolist() == list(data.formulas)
    assert ((strata["exclusion"] == "inversion") == data.has_inversion).all()


# ---- strata --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_molecule_is_in_one_stratum(shipped, kind):
    labels, order = shipped.labels(kind), shipped.order(kind)
    assert len(labels) == len(shipped)
    assert len(set(order)) == len(order)
    assert set(labels.tolist()) == set(order)
    counts = shipped.counts(kind)
    assert tuple(counts) == order
    assert sum(counts.values()) == len(shipped)
    assert min(counts.values()) > 0


def labels_of(kind, **columns):
    return KIND_BY_NAME[kind].label({name: np.array(values) for name, values in columns.items()}).tolist()


def test_edges_of_completeness_are_exact():
    n_vib, n_silent = [30, 30, 10, 30, 4, 12, 3], [0, 1, 1, 4, 1, 4, 2]
    assert labels_of("completeness", n_vib=n_vib, n_silent=n_silent) == [
        "R = 1",
        "0.9 <= R < 1",
        "0.9 <= R < 1",  # 9/10
        "0.75 <= R < 0.9",
        "0.75 <= R < 0.9",  # 3/4
        "R < 0.75",
        "R < 0.75",
    ]


def test_bins_of_whole_numbers():
    assert labels_of("silent modes", n_silent=[0, 1, 2, 3, 5, 6, 120]) == [
        "0",
        "1-2",
        "1-2",
        "3-5",
        "3-5",
        "> 5",
        "> 5",
    ]
    assert labels_of("lines in range", n_lines=[-1, 0, 2, 41]) == ["not known", "0", "1-2", "> 40"]
    assert labels_of("vibrations", n_vib=[1, 6, 7, 60, 61]) == ["1-6", "1-6", "7-12", "49-60", "> 60"]
    assert labels_of("atoms", n_atoms=[2, 4, 20, 21]) == ["2-4", "2-4", "17-20", "> 20"]


def test_order_of_bins_and_groups():
    strata = strata_of("benzene", "HCN", "SF6", "H2O", "CH4", "C2H4", "CO2")
    assert strata.order("point group") == ("C2v", "D2h", "D6h", "Td", "Oh", "Cinfv", "Dinfh")
    assert strata.order("family") == ("Cnv", "Dnh", "Td", "Oh", "Cinfv", "Dinfh")
    assert strata.order("completeness") == ("R = 1", "0.9 <= R < 1", "0.75 <= R < 0.9", "R < 0.75")
    assert strata.order("silent modes") == ("0", "1-2", "3-5", "> 5")
    assert strata.order("exclusion") == ("none", "inversion")


@pytest.mark.parametrize(
    ("numbers", "label"),
    [
        ([1, 6], "hydrocarbon"),
        ([6], "hydrocarbon"),
        ([6, 8], "CHO"),
        ([1, 6, 8], "CHO"),
        ([6, 7], "CHN"),
        ([1, 6, 7, 8], "CHNO"),
        ([6, 17], "organohalogen"),
        ([1, 6, 7, 8, 9], "organohalogen"),
        ([1, 6, 16], "other carbon compound"),
        ([5, 6, 17], "other carbon compound"),
        ([1, 8], "no carbon, no metal"),
        ([5, 9], "no carbon, no metal"),
        ([6, 8, 28], "with metal"),
        ([13, 17], "with metal"),
        ([3, 1], "with metal"),
        ([92, 9], "with metal"),
    ],
)
def test_chemistry(numbers, label):
    from symvib.evaluation._strata_kinds import chemistry

    assert chemistry(numbers) == label
    assert label in CHEMISTRY


# ---- choosing and handing out --------------------------------------------------------------------------------------


def test_chosen_keeps_the_order_asked_for(shipped):
    ids = [shipped.ids[k] for k in (700, 3, 12_000)]
    chosen = shipped.chosen(ids)
    assert chosen.ids == tuple(ids)
    for name in shipped.columns:
        assert chosen[name].tolist() == shipped[name][[700, 3, 12_000]].tolist()
    assert shipped.rows([ids[1], ids[1]]).tolist() == [3, 3]
    assert Strata.shipped(ids).ids == tuple(ids)


def test_unknown_ids_are_named_and_counted(shipped):
    with pytest.raises(EvaluationError, match=r"'x0', 'x1', 'x2', 'x3', 'x4' \.\.\. \(7 in all\)"):
        shipped.chosen([shipped.ids[0], *(f"x{k}" for k in range(7))])


def test_repeated_ids_are_refused(shipped):
    with pytest.raises(EvaluationError, match="once"):
        shipped.chosen([shipped.ids[0], shipped.ids[0]])


def test_geometries_are_chosen_before_their_symmetry_is_sought():
    molecules = {"water": zoo_molecule("H2O"), "atom": molecule_of(["He"], [[0, 0, 0]])}
    assert Strata.of(molecules, ["water"]).ids == ("water",)
    with pytest.raises(EvaluationError, match="'steam'"):
        Strata.of(molecules, ["steam"])


def test_columns_cannot_be_changed(shipped):
    for values in shipped.columns.values():
        with pytest.raises(ValueError, match="read-only"):
            values[0] = values[1]
    with pytest.raises(TypeError):
        shipped.columns["n_vib"] = shipped["n_atoms"]


def test_csv_holds_everything(tmp_path):
    strata = strata_of("benzene", "H2O")
    strata.to_csv(tmp_path / "strata.csv")
    with (tmp_path / "strata.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == ["benzene", "H2O"]
    assert set(rows[0]) == {"id", *strata.columns}
    assert [float(row["completeness"]) for row in rows] == strata["completeness"].tolist()
    assert [row["point_group"] for row in rows] == ["D6h", "C2v"]
    assert [path.name for path in tmp_path.iterdir()] == ["strata.csv"]


def test_plain_values_are_json():
    strata = strata_of("benzene", "H2O")
    plain = json.loads(json.dumps(strata.as_dict()))
    assert plain["ids"] == ["benzene", "H2O"]
    assert plain["columns"]["n_silent"] == [11, 0]
    assert plain["strata"]["completeness"] == {"R = 1": 1, "R < 0.75": 1}


def test_presentation():
    strata = strata_of("benzene", "H2O", "SF6")
    html = strata._repr_html_()
    assert html.count("<table>") == len(KINDS)
    assert "R &lt; 0.75" in html
    assert repr(strata) == "Strata(3 molecules, 3 point groups)"
    pytest.importorskip("matplotlib")
    for kind in KINDS:
        assert len(strata.plot(kind).patches) == len(strata.order(kind))


# ---- bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("lines_qm9_gfn2", "give a dataset"),
        (7, "give a dataset"),
        ({}, "no molecules"),
        ([], "no molecules"),
        ({"helium": molecule_of(["He"], [[0, 0, 0]])}, "'helium' is an atom"),
        ([molecule_of(["H", "H"], [[0, 0, 0], [0, 0, 0.74]])], "has no name"),
        ({"nonsense": 3.5}, "'nonsense' cannot be read"),
    ],
)
def test_what_cannot_be_sorted(source, message):
    with pytest.raises(EvaluationError, match=message):
        Strata.of(source)


def test_unknown_kind_and_column(shipped):
    for call in (shipped.labels, shipped.order, shipped.counts):
        with pytest.raises(EvaluationError, match="colour"):
            call("colour")
    with pytest.raises(EvaluationError, match="colour"):
        shipped["colour"]


def test_failed_rows_are_refused():
    dataset = shipped_dataset("lines_symmetric_gfn2", COLUMNS)
    with pytest.raises(EvaluationError, match="trusted"):
        Strata.of(dataset)
    assert len(Strata.of(dataset, [dataset.trusted()[0]["id"]])) == 1


def test_missing_columns_are_named():
    with pytest.raises(EvaluationError, match="'irrep', 'wavenumber_cm1'"):
        Strata.of(shipped_dataset("lines_symmetric_gfn2", COLUMNS[:5]).trusted())


def test_modes_that_do_not_fit_the_molecule(symmetric):
    row = symmetric.column("point_group").index("D3h")
    whole = symmetric[row]
    irreps, wavenumbers = whole["irrep"], whole["wavenumber_cm1"]
    degenerate = next(k for k, label in enumerate(irreps) if label == "E'")
    other = [label if k != degenerate else "A1'" for k, label in enumerate(irreps)]
    cases = [
        ({"irrep": irreps[:-1]}, "not 3N-6"),
        ({"irrep": None}, "not 3N-6"),
        ({"wavenumber_cm1": wavenumbers[:-1]}, "as many wavenumbers"),
        ({"irrep": other}, "come in sets of 2"),
        ({"irrep": ["Hg", *irreps[1:]]}, "Hg"),
        ({"point_group": None}, "point_group"),
    ]
    for values, message in cases:
        with pytest.raises(EvaluationError, match=message):
            Strata.of(altered(symmetric, row, **values))
    assert Strata.of(altered(symmetric, row)).ids == (whole["id"],)


def test_a_file_that_cannot_be_written():
    with pytest.raises(EvaluationError, match="cannot write"):
        strata_of("H2O").to_csv("/proc/strata.csv")


def test_neither_torch_nor_pyarrow_is_imported():
    code = (
        "import sys, symvib.evaluation.strata;"
        "print([m for m in ('torch', 'pyarrow', 'matplotlib', 'statsmodels', 'scipy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
