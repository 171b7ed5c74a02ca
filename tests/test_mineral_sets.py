"""Minerals: what the loaders find, check and leave out; classes, strata and splits."""

from pathlib import Path

import numpy as np
import pytest

from symvib.errors import DatasetError, EvaluationError
from symvib.evaluation._crystal_classes import centrosymmetric, crystal_class_of, crystal_system
from symvib.evaluation._mineral_data import MineralPairs, PowderLines, scaled
from symvib.evaluation._mineral_groups import name_groups
from symvib.evaluation.mineral_classes import CLASSES, formula_counts, mineral_class
from symvib.evaluation.mineral_sets import (
    amcsd_lines,
    mineral_pairs,
    powder_pairs,
    rruff_ir,
    rruff_raman,
    synthetic_mineral_pairs,
)
from symvib.evaluation.mineral_splits import SPLITS, folds, units_of
from symvib.evaluation.mineral_strata import Structure, amcsd_structures, mineral_strata, with_underscores

DATA = Path(__file__).resolve().parents[1].parent / "shared/data"
STRUCTURES = Path("/work/data/exp/mineral_transfer")


@pytest.fixture(scope="module")
def data():
    if not (DATA / "minerals_rruff").exists():
        pytest.skip(f"{DATA / 'minerals_rruff'} is not here")
    return DATA


# ---- crystal classes -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")
@pytest.mark.parametrize("first", range(1, 531, 53))
def test_classes_of_all_settings_are_those_of_spglib(first):
    spglib = pytest.importorskip("spglib")
    for number in range(first, first + 53):
        setting = spglib.get_spacegroup_type(number)
        for symbol in (setting.international_short, setting.international_full):
            assert crystal_class_of(symbol.split("=")[0]) == setting.pointgroup_international, symbol


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("Fd3m", "m-3m"),
        ("Pa3", "m-3"),
        ("R-32/c", "-3m"),
        ("I2mb", "mm2"),
        ("P2cm", "mm2"),
        ("C-1", "-1"),
        ("F2/d", "2/m"),
        ("P4/nnc", "4/mmm"),
        ("P-42_1m", "-42m"),
        ("I2", "2"),
        ("P31c", "3m"),
        ("P6_3mc", "6mm"),
    ],
)
def test_unusual_and_old_symbols(symbol, found):
    assert crystal_class_of(symbol) == found


@pytest.mark.parametrize("symbol", ["", "quartz", "X2/m", "P7", "P2122_1_1_", "Pfoo"])
def test_what_is_no_symbol_is_not_guessed(symbol):
    assert crystal_class_of(symbol) is None
    assert centrosymmetric(symbol) is None
    assert crystal_system(symbol) is None


# ---- classes by composition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        ("CaCO_3_", "carbonate"),
        ("Cu_2_CO_3_(OH)_2_", "carbonate"),
        ("KNO_3_", "carbonate"),
        ("SiO_2_", "silicate"),
        ("Ca_2_(Mg_4.5-2.5_Fe^2+^_0.5-2.5_)Si_8_O_22_(OH)_2_", "silicate"),
        ("Ca_2_B_5_SiO_9_(OH)_5_", "borate"),
        ("BaSO_4_", "sulfate"),
        ("CuSO_4_·5H_2_O", "sulfate"),
        ("PbCrO_4_", "sulfate"),
        ("CaWO_4_", "sulfate"),
        ("Ca_5_(PO_4_)_3_F", "phosphate"),
        ("Pb_5_(VO_4_)_3_Cl", "phosphate"),
        ("Zn_2_(As^5+^O_4_)(OH)", "phosphate"),
        ("Fe_2_O_3_", "oxide"),
        ("Mg(OH)_2_", "oxide"),
        ("Cu_3_(IO_3_)_6_·2H_2_O", "oxide"),
        ("FeS_2_", "sulfide"),
        ("Ag_3_SbS_3_", "sulfide"),
        ("Sb_2_OS_2_", "sulfide"),
        ("NaCl", "halide"),
        ("Cu_2_Cl(OH)_3_", "halide"),
        ("C", "native"),
        ("(Fe,Ni,Cr)_3_P", "native"),
        ("CaC_2_O_4_·H_2_O", "other"),
        ("C_24_H_12_", "other"),
        ("", "other"),
    ],
)
def test_classes_of_known_minerals(formula, found):
    assert mineral_class(formula) == found
    assert found in CLASSES


def test_formulas_are_counted():
    assert formula_counts("Ca(UO_2_)(CO_3_)_2_·5H_2_O") == {"Ca": 1, "U": 1, "O": 8, "C": 2}
    assert formula_counts("Ca_2_(Mg_4.5-2.5_Fe^2+^_0.5-2.5_)_Σ=5_Si_8_")["Si"] == 8
    assert formula_counts("([box]_0.5_Na_0.5_)O")["Na"] == 0.5
    assert formula_counts("K(Fe,") == {"K": 1.0, "Fe": 1.0}


# ---- groups and splits -----------------------------------------------------------------------------------------------


def test_names_that_share_a_specimen_or_a_spectrum_are_one_group():
    groups = name_groups(["a", "b", "b", "c", "d"], ["1", "1", "2", "3", "4"], np.array([-1, -1, -1, 2, -1]))
    assert groups["a"] == groups["b"] == groups["c"] != groups["d"]


@pytest.mark.parametrize("by", SPLITS)
@pytest.mark.parametrize("seed", [0, 1])
def test_units_are_not_parted(by, seed):
    pairs = synthetic_mineral_pairs(n_minerals=11, n_specimens=2)
    fold, units = folds(pairs, by, seed=seed), units_of(pairs, by)
    assert set(fold.tolist()) == set(range(5))
    assert all(len(set(fold[units == u].tolist())) == 1 for u in set(units.tolist()))
    sizes = [len(set(units[fold == k].tolist())) for k in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_folds_are_refused_or_reproducible():
    pairs = synthetic_mineral_pairs(n_minerals=4)
    with pytest.raises(EvaluationError, match="4 units"):
        folds(pairs, "mineral")
    with pytest.raises(EvaluationError, match="mineral, specimen, row"):
        units_of(pairs, "locality")
    assert np.array_equal(folds(pairs, "row", seed=3), folds(pairs, "row", seed=3))
    assert not np.array_equal(folds(pairs, "row", seed=3), folds(pairs, "row", seed=4))


# ---- values ----------------------------------------------------------------------------------------------------------


def test_gaps_are_masked_and_scaled():
    values, mask, usable = scaled(np.array([[np.nan, 2.0, 4.0], [np.nan, -1.0, -2.0]]))
    assert values[0].tolist() == [0.0, 0.5, 1.0]
    assert mask[:, 0].tolist() == [False, False]
    assert usable.tolist() == [True, False]


def test_numbers_in_gaps_are_refused():
    pairs = synthetic_mineral_pairs()
    y = pairs.y.copy()
    y[~pairs.y_mask] = 7.0
    with pytest.raises(DatasetError, match="0 where it was not measured"):
        MineralPairs(**{**{f: getattr(pairs, f) for f in pairs.__dataclass_fields__}, "y": y})


def test_pairs_turn_around_and_onto_themselves():
    pairs = synthetic_mineral_pairs()
    back = pairs.reversed()
    assert (back.source, back.target) == ("raman", "ir")
    assert np.array_equal(back.x, pairs.y)
    assert np.array_equal(back.y_mask, pairs.x_mask)
    same = pairs.take([0, 0, 1]).onto_itself()
    assert len(same) == 2
    assert same.target == "ir"
    assert np.array_equal(same.y, same.x)
    assert "synthetic" in repr(pairs)
    assert pairs.as_dict()["n_groups"] == 12
    with pytest.raises(ValueError, match="read-only"):
        pairs.x[0, 0] = 1.0


def test_lines_become_patterns():
    lines = PowderLines(
        "x", ("1",), ("Quartz",), ("P3_221",), (np.array([20.0, 40.0]),), (np.array([50.0, 100.0]),), synthetic=True
    )
    axis, patterns = lines.patterns()
    assert axis[0] == 5.0
    assert axis[-1] == pytest.approx(90.0)
    assert patterns.max() == pytest.approx(1.0)
    assert patterns[0, np.argmin(np.abs(axis - 20))] == pytest.approx(0.5, abs=1e-6)
    assert lines.as_dict()["computed"]
    with pytest.raises(DatasetError, match="positive"):
        lines.patterns(fwhm_deg=0.0)


# ---- strata ----------------------------------------------------------------------------------------------------------


def test_structures_that_disagree_are_ambiguous_and_none_is_unknown():
    structures = [Structure.of(n, g) for n, g in (("A", "R-3c"), ("A", "R3c"), ("B-(K)", "P-1"), ("B-(K)", "Fd3m"))]
    found = mineral_strata({"A": "CaCO_3_", "BK": "NaCl", "C": ""}, structures)
    assert found["A"].inversion == "ambiguous"
    assert found["A"].majority == "ambiguous"
    assert found["A"].system == "trigonal"
    assert (found["BK"].inversion, found["BK"].system) == ("centrosymmetric", "ambiguous")
    assert (found["C"].inversion, found["C"].majority, found["C"].n_structures) == ("unknown", "unknown", 0)
    more = mineral_strata({"A": ""}, [*structures, Structure.of("A", "R-3c")])["A"]
    assert (more.inversion, more.majority) == ("ambiguous", "centrosymmetric")


@pytest.mark.parametrize(
    ("symbol", "written"), [("P 1 21/c 1", "P12_1/c1"), ("P 42/m n m", "P4_2/mnm"), ("F d 3 m %var1%", "Fd3m")]
)
def test_symbols_with_spaces(symbol, written):
    assert with_underscores(symbol) == written
    assert crystal_class_of(written) is not None


def test_structures_of_larixite():
    if not (STRUCTURES / "larixite").exists():
        pytest.skip(f"{STRUCTURES / 'larixite'} is not here")
    found = amcsd_structures(STRUCTURES)
    assert len(found) == 5439
    strata = mineral_strata({"Quartz": "", "Halite": "", "Sphalerite": ""}, found)
    assert [s.inversion for s in strata.values()] == ["noncentrosymmetric", "centrosymmetric", "noncentrosymmetric"]


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loader", "origin"), [(rruff_raman, "RaMin"), (rruff_ir, "FastAPI_RRUFF"), (amcsd_lines, "quant-data-vision")]
)
def test_absent_files_say_where_they_come_from(loader, origin, monkeypatch, tmp_path):
    monkeypatch.delenv("SYMVIB_DATA", raising=False)
    with pytest.raises(DatasetError, match=f"SYMVIB_DATA.*minerals_rruff.*{origin}.*sha256 [0-9a-f]{{64}}"):
        loader()
    with pytest.raises(DatasetError, match=origin):
        loader(tmp_path)
    with pytest.raises(DatasetError, match="larixite==2026"):
        amcsd_structures(tmp_path)


def test_another_file_is_refused_by_its_checksum(tmp_path):
    (tmp_path / "raman_index.csv.gz").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"not c6009c68.*verify=False"):
        rruff_raman(tmp_path)


def test_raman_is_as_its_readme_says(data):
    found = rruff_raman(data, duplicates=True)
    assert found.values.shape == (5471, 1301)
    assert 0.11 < 1 - found.mask.mean() < 0.12
    assert len(rruff_raman(data)) == 5471 - 117
    assert any("117 spectra" in note for note in rruff_raman(data).notes)
    quartz = [k for k, name in enumerate(found.minerals) if name == "Quartz" and found.laser_nm[k] == 532]
    peaks = found.axis_cm1[np.nanargmax(found.values[quartz], axis=1)]
    assert ((peaks >= 464) & (peaks <= 466)).all()
    fewer = rruff_raman(data, confirmed_only=True)
    assert fewer.confirmed.all()
    assert len(fewer) < len(rruff_raman(data))


def test_infrared_is_as_its_readme_says(data):
    found = rruff_ir(data)
    assert len(found) == 773 - 6
    assert len(rruff_ir(data, flagged=True)) == 773
    assert any("nearly flat: " in note for note in found.notes)
    assert len(rruff_ir(data, region="far")) == 112
    with pytest.raises(DatasetError, match="mid or far"):
        rruff_ir(data, region="near")


def test_pairs_are_of_one_specimen(data):
    found = mineral_pairs(data)
    assert (len(found), len(set(found.groups.tolist()))) == (1500, 398)
    assert any("Fluorapatite/Bromellite" in note for note in found.notes)
    back = mineral_pairs(data, source="raman")
    assert np.array_equal(back.groups, found.groups)
    with pytest.raises(DatasetError, match="ir or raman"):
        mineral_pairs(data, source="xrd")


def test_powder_patterns_are_computed(data):
    lines = amcsd_lines(data)
    assert (len(lines), len(set(lines.minerals))) == (385, 250)
    found = powder_pairs(data)
    assert found.y_mask.all()
    assert found.y.max() == pytest.approx(1.0)
    assert "computed" in repr(found)
    by_group = {g: set(found.y_rows[found.groups == g].tolist()) for g in set(found.groups.tolist())}
    assert max(map(len, by_group.values())) <= 3  # one structure for each name of the group
