"""LineList: construction, levels, storage."""

import json

import numpy as np
import pytest

from symvib.errors import SpectrumError
from symvib.forward.lines import LineList, irrep_dimension


def benzene_like():
    return LineList(
        [3060.0, 703.001, 703.0, 1000.0, -30.0],
        ir_km_per_mol=[10.0, 30.0, 31.0, 0.0, 1.0],
        raman_a4_per_amu=[4.0, 3.0, 1.0, 0.0, 0.0],
        depolarization=np.ma.MaskedArray([0.2, 0.75, 0.75, 0.0, 0.0], mask=[0, 0, 0, 1, 1]),
        irreps=("A1", "E", "E", "A2", "A2"),
        name="<made> up",
        point_group="C3v",
        method="GFN2-xTB, harmonic",
        provenance={"program": "tblite"},
    )


def test_columns_are_read_only():
    lines = benzene_like()
    for column in ("wavenumbers_cm1", "ir_km_per_mol", "raman_a4_per_amu", "depolarization", "degeneracies"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(lines, column)[0] = 1.0


def test_input_is_copied():
    given = np.array([100.0, 200.0])
    lines = LineList(given)
    given[0] = 7.0
    assert lines.wavenumbers_cm1[0] == 100.0


def test_source_says_simulated_method_and_scale():
    assert benzene_like().source == "simulated, GFN2-xTB, harmonic, scale 1.000"
    assert benzene_like().scaled(0.9).scaled(1.1).source.endswith("scale 0.990")
    assert LineList([1.0], simulated=False, method="gas").source == "measured, gas"


def test_scaled_leaves_intensities():
    scaled = benzene_like().scaled(0.5)
    assert scaled.wavenumbers_cm1[0] == 1530.0
    assert scaled.ir_km_per_mol.tolist() == benzene_like().ir_km_per_mol.tolist()


def test_merged_sums_partners_and_sorts():
    levels = benzene_like().merged(0.01)
    assert levels.irreps == ("A2", "E", "A2", "A1")
    assert levels.degeneracies.tolist() == [1, 2, 1, 1]
    assert levels.ir_km_per_mol.tolist() == [1.0, 61.0, 0.0, 10.0]
    assert levels.wavenumbers_cm1[1] == pytest.approx(703.0005, abs=1e-10)
    assert levels.depolarization.tolist() == [None, 0.75, None, pytest.approx(0.2)]


def test_merged_twice_is_merged_once():
    once = benzene_like().merged(0.01)
    assert once.merged(0.01).as_dict() == once.as_dict()


def test_one_dimensional_irreps_never_merge_but_unlabelled_lines_do():
    labelled = LineList([500.0, 500.0], [1.0, 2.0], irreps=("A", "A"))
    assert len(labelled.merged(1.0)) == 2
    assert LineList([500.0, 500.0], [1.0, 2.0]).merged(1.0).degeneracies.tolist() == [2]


def test_two_close_levels_of_one_degenerate_irrep_stay_two():
    lines = LineList([500.0, 500.0, 500.05, 500.05], [1.0, 1.0, 5.0, 5.0], irreps=("E",) * 4)
    levels = lines.merged(0.1)
    assert levels.ir_km_per_mol.tolist() == [2.0, 10.0]


def test_merged_depolarization_is_that_of_the_summed_scattering():
    # Two modes given by their invariants; the ratio of the sum from the invariants themselves.
    a2, g2 = np.array([0.3, 0.01]), np.array([0.2, 1.5])
    lines = LineList(
        [900.0, 900.0], raman_a4_per_amu=45 * a2 + 7 * g2, depolarization=3 * g2 / (45 * a2 + 4 * g2)
    ).merged()
    expected = 3 * g2.sum() / (45 * a2.sum() + 4 * g2.sum())
    assert lines.depolarization[0] == pytest.approx(expected, rel=1e-14)


def test_dict_round_trip_through_json():
    lines = benzene_like()
    again = LineList.from_dict(json.loads(json.dumps(lines.as_dict())))
    assert again.as_dict() == lines.as_dict()
    assert again.depolarization.mask.tolist() == [False, False, False, True, True]


def test_imaginary_modes_are_noted():
    assert "30i" in benzene_like().notes[0]
    assert "never rendered" in benzene_like().table()
    assert LineList([10.0]).notes == ()


def test_html_is_escaped_and_typeset():
    html = LineList([1.0], irreps=("<b>",), method="<script>")._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in html
    assert "A<sub>1</sub>" in benzene_like()._repr_html_()


def test_empty_list_works():
    empty = LineList([])
    assert len(empty.merged()) == 0
    assert "simulated" in empty.table()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"wavenumbers_cm1": [[1.0]]}, "shape"),
        ({"wavenumbers_cm1": [np.nan]}, "nan"),
        ({"wavenumbers_cm1": ["x"]}, "numbers"),
        ({"wavenumbers_cm1": [1.0], "ir_km_per_mol": [1.0, 2.0]}, "shape"),
        ({"wavenumbers_cm1": [1.0], "ir_km_per_mol": [-1.0]}, "-1.0"),
        ({"wavenumbers_cm1": [1.0], "depolarization": [-0.1]}, "-0.1"),
        ({"wavenumbers_cm1": [1.0], "irreps": ("A", "B")}, "irreps"),
        ({"wavenumbers_cm1": [1.0], "degeneracies": [0]}, "degeneracies"),
        ({"wavenumbers_cm1": [1.0], "degeneracies": [1.5]}, "degeneracies"),
        ({"wavenumbers_cm1": [1.0], "scale_factor": 0.0}, "scale_factor"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(SpectrumError, match=words):
        LineList(**arguments)


def test_missing_quantity_is_named():
    with pytest.raises(SpectrumError, match="no raman"):
        LineList([1.0], [1.0]).intensities("raman")
    with pytest.raises(SpectrumError, match="one of"):
        LineList([1.0], [1.0]).intensities("vcd")


@pytest.mark.parametrize(
    ("label", "dimension"),
    [("A1g", 1), ("B2", 1), ("E1u", 2), ("T2g", 3), ("Gu", 4), ("Hg", 5), ("Sigmag+", 1), ("Piu", 2), ("Deltag", 2),
     ("Gammau", 2), ("A2''", 1), ("?", None)],
)  # fmt: skip
def test_irrep_dimension(label, dimension):
    assert irrep_dimension(label) == dimension
