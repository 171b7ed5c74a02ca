"""CSV and JCAMP-DX: round trips, what the files say, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symvib.errors import SpectrumError, SymvibError
from symvib.forward import spectrum_files
from symvib.forward.lines import LineList
from symvib.forward.spectrum import QUANTITY_UNITS, Spectrum, render
from symvib.forward.spectrum_files import (
    lines_to_csv,
    read_jcamp,
    read_lines_csv,
    read_spectrum_csv,
    spectrum_to_csv,
    spectrum_to_jcamp,
)


@pytest.fixture
def lines():
    return LineList(
        [1595.123456789, 3657.0, -12.5],
        [54.0, 2.2, 0.1],
        [1.2, 105.0, 0.0],
        np.ma.MaskedArray([0.75, 0.05, 0.0], mask=[0, 0, 1]),
        irreps=("A1", "A2''", "B2"),
        name='water, "light"\n# not a comment',
        point_group="C2v",
        method="GFN2-xTB, harmonic",
        provenance={"program": "tblite"},
    )


@pytest.fixture
def spectrum(lines):
    return render(lines, np.linspace(400, 4000, 1801))


# ------------------------------------------------------------------------------------------------------------ CSV


def test_lines_csv_round_trip_is_exact(lines, tmp_path):
    lines.to_csv(tmp_path / "lines.csv")
    assert LineList.from_csv(tmp_path / "lines.csv").as_dict() == lines.as_dict()


def test_lines_csv_says_simulated_and_units(lines):
    text = lines_to_csv(lines)
    assert text.startswith("# symvib line list: simulated, GFN2-xTB, harmonic, scale 1.000\n")
    assert "wavenumber_cm1,degeneracy,irrep,ir_km_per_mol,raman_a4_per_amu,depolarization" in text


@pytest.mark.parametrize("quantity", sorted(QUANTITY_UNITS))
def test_spectrum_csv_round_trip_is_exact(quantity, tmp_path):
    values = np.random.default_rng(5).normal(size=7)
    spectrum = Spectrum(np.arange(7) ** 1.5, values, quantity, "cm-1", "voigt", (1.5, 2.5), True, "a, b", "c\nd")
    spectrum_to_csv(spectrum, tmp_path / "s.csv")
    assert read_spectrum_csv(tmp_path / "s.csv").as_dict() == spectrum.as_dict()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "wavenumber_cm1\n1.0\n",
        "# symvib line list: x\n# not json\nwavenumber_cm1\n1\n",
        "# symvib line list: x\n# []\nwavenumber_cm1\n1\n",
        "# symvib line list: x\n# {}\n",
        "# symvib line list: x\n# {}\nwavenumber_cm1,degeneracy\n1\n",
        "# symvib line list: x\n# {}\nwavenumber_cm1\nabc\n",
        "# symvib line list: x\n# {}\nwavenumber_cm1\nnan\n",
        "# symvib line list: x\n# {}\nirrep\nA\n",
        "# symvib line list: x\n# {}\nwavenumber_cm1,colour\n1,red\n",
        '# symvib line list: x\n# {"shoe": 1}\nwavenumber_cm1\n1\n',
        "# symvib line list: x\n# " + "[" * 100_000 + "\nwavenumber_cm1\n1\n",
    ],
    ids=range(12),
)
def test_bad_line_csv_is_refused(text, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(SpectrumError):
        read_lines_csv(tmp_path / "bad.csv")


def test_spectrum_csv_with_other_columns_is_refused(spectrum, tmp_path):
    text = spectrum_to_csv(spectrum).replace("molar_decadic_absorption_l_per_mol_cm", "absorbance_decadic")
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(SpectrumError, match="announce"):
        read_spectrum_csv(tmp_path / "bad.csv")


# ------------------------------------------------------------------------------------------------------- JCAMP-DX


@pytest.mark.parametrize("quantity", sorted(QUANTITY_UNITS))
@pytest.mark.parametrize("even", [True, False], ids=["even", "uneven"])
def test_jcamp_round_trip(quantity, even, tmp_path):
    pytest.importorskip("jcamp")
    rng = np.random.default_rng(7)
    axis = np.linspace(400.3, 3999.7, 1001) if even else np.sort(rng.uniform(400, 4000, 1001))
    spectrum = Spectrum(axis, rng.normal(size=1001), quantity, simulated=True, source="simulated, x", name="benzene")
    spectrum_to_jcamp(spectrum, tmp_path / "s.jdx")
    again = read_jcamp(tmp_path / "s.jdx")
    np.testing.assert_allclose(again.axis, spectrum.axis, rtol=1e-14)
    np.testing.assert_allclose(again.intensity, spectrum.intensity, atol=1e-9 * np.abs(spectrum.intensity).max())
    assert (again.quantity, again.simulated, again.source, again.name) == (quantity, True, "simulated, x", "benzene")


@pytest.mark.parametrize("unit", ["um", "nm"])
def test_jcamp_round_trip_over_wavelength(unit, tmp_path):
    pytest.importorskip("jcamp")
    spectrum = Spectrum([1.0, 2.0, 3.5], [0.1, 0.2, 0.3], "absorbance", unit)
    spectrum_to_jcamp(spectrum, tmp_path / "s.jdx")
    assert read_jcamp(tmp_path / "s.jdx").axis_unit == unit


def test_jcamp_is_what_the_standard_asks_for(spectrum):
    text = spectrum_to_jcamp(spectrum)
    lines = text.splitlines()
    labels = dict(line[2:].split("=", 1) for line in lines if line.startswith("##"))
    assert text.isascii()
    assert max(map(len, lines)) <= 160
    assert all(len(line) <= 80 for line in lines if not line.startswith("##"))
    assert lines[0].startswith("##TITLE=")
    assert lines[1] == "##JCAMP-DX=4.24"
    assert lines[-1] == "##END="
    assert "SIMULATED" in labels["DATA TYPE"]
    assert "simulated" in labels["ORIGIN"]
    assert int(labels["NPOINTS"]) == 1801
    first = lines[lines.index("##XYDATA=(X++(Y..Y))") + 1].split()
    assert float(first[0]) * float(labels["XFACTOR"]) == pytest.approx(float(labels["FIRSTX"]))
    assert int(first[1]) * float(labels["YFACTOR"]) == float(labels["FIRSTY"])
    assert float(labels["DELTAX"]) == pytest.approx(2.0)


def test_jcamp_of_zeros(tmp_path):
    pytest.importorskip("jcamp")
    spectrum_to_jcamp(Spectrum([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]), tmp_path / "zero.jdx")
    assert read_jcamp(tmp_path / "zero.jdx").intensity.tolist() == [0.0, 0.0, 0.0]


def test_title_cannot_smuggle_labels(spectrum):
    named = Spectrum([1.0, 2.0], [1.0, 2.0], name="x\n##YFACTOR=7\n$$ é")
    text = spectrum_to_jcamp(named)
    assert text.count("##YFACTOR") == 1
    assert text.splitlines()[0] == "##TITLE=x #YFACTOR=7 $ ?"


NIST_LIKE = """##TITLE=METHANE
##JCAMP-DX=4.24
##DATA TYPE=INFRARED SPECTRUM
##ORIGIN=someone
##XUNITS=1/CM
##YUNITS=TRANSMITTANCE
##XFACTOR=1.0
##YFACTOR=0.001
##FIRSTX=1000
##LASTX=1006
##NPOINTS=4
##FIRSTY=0.9
##XYDATA=(X++(Y..Y))
1000 900 800
1004 700 600
##END=
"""


def jcamp_file(tmp_path, **changes):
    text = NIST_LIKE
    for label, value in changes.items():
        name = label.replace("_", " ")
        text = "\n".join(f"##{name}={value}" if line.startswith(f"##{name}=") else line for line in text.split("\n"))
    (tmp_path / "x.jdx").write_text(text)
    return tmp_path / "x.jdx"


def test_jcamp_of_another_writer(tmp_path):
    pytest.importorskip("jcamp")
    read = read_jcamp(jcamp_file(tmp_path))
    assert read.axis.tolist() == [1000.0, 1002.0, 1004.0, 1006.0]
    np.testing.assert_allclose(read.intensity, [0.9, 0.8, 0.7, 0.6])
    assert (read.quantity, read.simulated, read.name) == ("transmittance", False, "METHANE")


def test_jcamp_descending_and_per_cent(tmp_path):
    pytest.importorskip("jcamp")
    path = jcamp_file(tmp_path, YUNITS="% TRANSMITTANCE", FIRSTX="1006", LASTX="1000")
    path.write_text(path.read_text().replace("1004 700", "1002 700").replace("1000 900", "1006 900"))
    read = read_jcamp(path)
    assert read.axis.tolist() == [1000.0, 1002.0, 1004.0, 1006.0]
    np.testing.assert_allclose(read.intensity, [0.006, 0.007, 0.008, 0.009])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"NPOINTS": "5"}, "ordinates|Mismatch"),
        ({"NPOINTS": "1000000000000"}, "NPOINTS"),
        ({"NPOINTS": "many"}, "NPOINTS"),
        ({"NPOINTS": "1"}, "NPOINTS"),
        ({"FIRSTX": "here"}, "FIRSTX"),
        ({"XUNITS": "SECONDS"}, "XUNITS"),
        ({"YFACTOR": "nothing"}, "."),
        ({"TITLE": "x\n##TITLE=y"}, "one block"),
        ({"JCAMP-DX": "4.24\n##COMMENT=" + "x" * 30_000}, "characters"),
    ],
)
def test_bad_jcamp_is_refused(changes, words, tmp_path):
    pytest.importorskip("jcamp")
    with pytest.raises(SpectrumError, match=words):
        read_jcamp(jcamp_file(tmp_path, **changes))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_jcamp_never_escapes_as_a_foreign_exception(tmp_path_factory, data):
    pytest.importorskip("jcamp")
    text = list(NIST_LIKE)
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from("#=$\n (+9.eJ%@,é"))
    path = tmp_path_factory.mktemp("damaged") / "x.jdx"
    path.write_text("".join(text))
    try:
        read = read_jcamp(path)
    except SymvibError:
        return
    assert len(read) >= 2


# ---------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("reader", [read_jcamp, read_lines_csv, read_spectrum_csv])
def test_readers_refuse_missing_binary_and_large_files(reader, tmp_path, monkeypatch):
    with pytest.raises(SpectrumError, match="no such file"):
        reader(tmp_path / "none")
    with pytest.raises(SpectrumError, match="is a folder"):
        reader(tmp_path)
    (tmp_path / "binary").write_bytes(b"##TITLE=\0")
    with pytest.raises(SpectrumError, match="binary"):
        reader(tmp_path / "binary")
    monkeypatch.setattr(spectrum_files, "MAXIMUM_FILE_MEGABYTES", 1e-6)
    (tmp_path / "large").write_text("##TITLE=x")
    with pytest.raises(SpectrumError, match="MB"):
        reader(tmp_path / "large")


def test_csv_facts_are_plain_json(lines):
    facts = json.loads(lines_to_csv(lines).splitlines()[1][2:])
    assert facts["simulated"] is True
    assert facts["name"] == lines.name
