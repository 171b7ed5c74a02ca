"""The commands of forward/: what they print, write and refuse."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symvib.cli import app

WATER = "3\nwater\nO 0 0 0.119\nH 0 0.763 -0.477\nH 0 -0.763 -0.477\n"


def run(*arguments, text=None):
    return CliRunner().invoke(app, list(arguments), input=text)


@pytest.fixture
def water(tmp_path):
    path = tmp_path / "water.xyz"
    path.write_text(WATER)
    return str(path)


class TestModes:
    def test_without_a_program(self, water):
        result = run("modes", water)
        assert result.exit_code == 0, result.output
        assert "O-H stretch" in result.output
        assert "Transferable valence force field" in result.output

    def test_from_standard_input_as_json(self):
        result = run("modes", "-", "--json", "-", text=WATER)
        values = json.loads(result.stdout)
        assert sorted(values["irreps"]) == ["A1", "A1", "B2"]

    def test_options_of_programs_need_one(self, water):
        assert run("modes", water, "--charge", "1").exit_code == 2
        assert run("modes", water, "--method", "GFN1-xTB").exit_code == 2

    def test_files_of_modes(self, water, tmp_path):
        paths = [tmp_path / name for name in ("w.molden", "w.jmol.xyz", "w.anim.xyz")]
        result = run(
            "modes",
            water,
            "--molden",
            str(paths[0]),
            "--jmol",
            str(paths[1]),
            "--animation",
            str(paths[2]),
            "--mode",
            "2",
        )
        assert result.exit_code == 0, result.output
        assert "[FR-NORM-COORD]" in paths[0].read_text()
        assert all(path.stat().st_size > 100 for path in paths)

    def test_with_xtb(self, water):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        result = run("modes", water, "--engine", "xtb")
        assert result.exit_code == 0, result.output
        assert "IR km/mol" in result.output
        assert "100 % H-O-H bend" in result.output

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("no-such-file.xyz",), "no-such-file.xyz"),
            (("[Xe]",), "one atom"),
            (("O", "--animation", "x.xyz", "--mode", "99"), "--mode 99: the molecule has 3 modes, counted from 1"),
        ],
    )
    def test_refusals_are_one_line(self, arguments, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = run("modes", *arguments)
        assert result.exit_code == 1
        assert words in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        assert "Traceback" not in result.output


class TestSpectrum:
    def test_picture_and_files(self, water, tmp_path):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        picture, csv, jcamp = (tmp_path / name for name in ("w.png", "w.csv", "w.jdx"))
        result = run("spectrum", water, "-o", str(picture), "--csv", str(csv), "--jcamp", str(jcamp), "--scale", "0.96")
        assert result.exit_code == 0, result.output
        assert "simulated, GFN2-xTB, harmonic, scale 0.960" in result.output
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert "simulated" in csv.read_text()
        assert "SIMULATED" in jcamp.read_text().upper()

    @pytest.mark.parametrize("option", ["--csv", "--curve"])
    def test_text_to_standard_output(self, water, tmp_path, option):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        to_stdout, to_file = (
            run("spectrum", water, option, "-"),
            run("spectrum", water, option, str(tmp_path / "w.csv")),
        )
        assert to_stdout.exit_code == to_file.exit_code == 0, to_stdout.output
        assert to_stdout.stdout == (tmp_path / "w.csv").read_text()
        assert len(to_stdout.stdout.splitlines()) > (1000 if option == "--curve" else 3)

    def test_range_of_picture_and_curve(self, water, tmp_path, monkeypatch):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        from symvib.forward import spectrum_plot
        from symvib.forward.spectrum_files import read_spectrum_csv

        figures = []
        monkeypatch.setattr(spectrum_plot, "save_figure", lambda figure, path: figures.append(figure))
        curve, csv, picture = (str(tmp_path / name) for name in ("c.csv", "l.csv", "w.svg"))
        result = run("spectrum", water, "--range", "500", "2000.5", "--curve", curve, "--csv", csv, "-o", picture)
        assert result.exit_code == 0, result.output
        spectrum = read_spectrum_csv(curve)
        assert (spectrum.axis[0], spectrum.axis[-1]) == (500.0, 2000.5)
        rows = [line for line in Path(csv).read_text().splitlines() if line[0].isdigit()]
        assert len(rows) == 3  # all lines
        assert figures[0].axes[0].get_xlim() == (2000.5, 500.0)
        strongest = max(float(row.split(",")[3]) for row in rows if float(row.split(",")[0]) < 2000)
        infrared_sticks = next(ax for ax in figures[0].axes if "km mol" in ax.get_ylabel())
        assert infrared_sticks.get_ylim()[1] < 2 * strongest  # the bend fills the panel, the stretches do not dwarf it

    def test_cross_sections_for_a_laser(self, water, tmp_path):
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        from symvib.forward.spectrum_files import read_jcamp

        areas = {}
        for laser, temperature in (("488", "298.15"), ("532", "298.15"), ("532", "0")):
            jcamp, picture = tmp_path / "w.jdx", tmp_path / "w.svg"
            command = ("--quantity", "raman", "--jcamp", str(jcamp), "-o", str(picture))
            result = run("spectrum", water, "--laser", laser, "--temperature", temperature, *command)
            assert result.exit_code == 0, result.output
            spectrum = read_jcamp(jcamp)
            assert spectrum.quantity == "raman_cross_section"
            assert f"laser {laser} nm, {temperature} K" in jcamp.read_text()
            areas[laser, temperature] = spectrum.integrate(3000.0, 3990.0)
        # O-H stretches near 3650 cm-1: (nu0 - nu)^4, and hardly any hot bands.
        expected = ((1e7 / 488 - 3650) / (1e7 / 532 - 3650)) ** 4
        assert areas["488", "298.15"] / areas["532", "298.15"] == pytest.approx(expected, rel=5e-3)
        assert areas["532", "0"] == pytest.approx(areas["532", "298.15"], rel=1e-4)
        assert 1e-35 < areas["532", "0"] < 1e-33  # m^2/sr; measured for water vapour about 1e-34

    def test_refused_before_the_calculation(self, water, tmp_path, monkeypatch):
        from symvib.forward import engine_api

        monkeypatch.setattr(engine_api, "harmonic_response", lambda *_, **__: pytest.fail("computed first"))
        for arguments, code in (
            (("-o", str(tmp_path / "w.gif")), 1),
            (("-o", str(tmp_path / "nowhere" / "w.png")), 1),
            (("--csv", str(tmp_path / "nowhere" / "w.csv")), 1),
            (("--jcamp", str(tmp_path / "nowhere" / "w.jdx")), 1),
            (("--scale", "0"), 2),
            (("--scale", "96"), 2),
            (("--csv", str(tmp_path)), 1),
            (("--curve", str(tmp_path / "nowhere" / "w.csv")), 1),
            (("--jcamp", "-"), 2),
            (("--csv", "-", "--curve", "-"), 2),
            (("--temperature", "300"), 2),
            (("--laser", "5"), 2),
            (("--range", "1800", "300"), 2),
            (("--range", "nan", "300"), 2),
            (("--shape", "voigt"), 2),
            (("--engine", "parsed", "--charge", "1"), 2),
        ):
            result = run("spectrum", water, *arguments)
            assert result.exit_code == code, (arguments, result.output)
            assert "computed first" not in result.output
        assert run("modes", water, "--molden", str(tmp_path / "nowhere" / "w.molden")).exit_code == 1
        assert run("modes", water, "--animation", "x.xyz", "--mode", "0").exit_code == 2

    def test_refusals(self, water):
        assert "no intensities" in run("spectrum", water, "--engine", "transferable").stderr
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        assert "unpaired" in run("spectrum", water, "--charge", "1").stderr
        assert run("spectrum", water, "--shape", "square", "-o", "x.png").exit_code == 2
        assert run("spectrum", water, "--fwhm", "-3", "-o", "x.png").exit_code == 2


class TestProgress:
    def test_at_most_one_line_in_ten_seconds_where_there_is_no_terminal(self, monkeypatch, capsys):
        from symvib import cli_view

        now = [0.0]
        monkeypatch.setattr(cli_view.time, "monotonic", lambda: now[0])
        with cli_view.counting("molecules") as on_done:
            for second in range(36):
                now[0] = float(second)
                on_done(20 + second, 120)
        lines = capsys.readouterr().err.splitlines()
        assert lines == [
            "symvib: 30 of 120 molecules, 90 s left",
            "symvib: 40 of 120 molecules, 80 s left",
            "symvib: 50 of 120 molecules, 70 s left",
        ]

    def test_a_quick_run_says_nothing(self, capsys):
        from symvib import cli_view

        with cli_view.counting("molecules") as on_done:
            on_done(0, 2)
            on_done(2, 2)
        assert capsys.readouterr().err == ""


class TestDataset:
    def test_build_from_files_and_again(self, water, tmp_path):
        pytest.importorskip("tblite", reason="datasets are computed by xTB (symvib[qm])")
        pytest.importorskip("pyarrow", reason="datasets are Parquet files (symvib[data])")
        command = ("dataset", "build", "files", water, "--out", str(tmp_path / "set"), "--jobs", "1")
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert "1 molecules in 1 shards; computed now: 1 shards, 0 molecules flagged" in result.output
        assert "computed now: 0 shards" in run(*command).output
        other = run(*command, "--limit", "7")
        assert other.exit_code == 1
        assert "other settings" in other.stderr
        assert run(*command[:-1], "0").exit_code == 1  # jobs
        assert "GFN1-xTB, GFN2-xTB" in run(*command, "--method", "GFN3").stderr

    def test_ions_and_radicals_from_files(self, water, tmp_path):
        pytest.importorskip("tblite", reason="datasets are computed by xTB (symvib[qm])")
        pytest.importorskip("pyarrow", reason="datasets are Parquet files (symvib[data])")
        from symvib.forward.dataset_files import read_dataset

        command = ("dataset", "build", "files", water, "--jobs", "1", "--charge", "1", "--out")
        failed = run(*command, str(tmp_path / "closed"))
        assert failed.exit_code == 1  # an odd number of electrons: nothing could be computed
        assert "none of the 1 molecules" in failed.stderr
        assert "symvib: water failed: EngineError" in failed.stderr
        assert "unpaired" in read_dataset(tmp_path / "closed")[0]["message"]
        assert run(*command, str(tmp_path / "closed")).exit_code == 1  # and is not better the second time
        cation = run(*command, str(tmp_path / "open"), "--unpaired-electrons", "1")
        assert cation.exit_code == 0, cation.output
        (row,) = read_dataset(tmp_path / "open")
        assert (row["status"], row["charge"], row["n_imaginary"]) == ("ok", 1, 0)
        assert run("dataset", "build", "qm9", "--charge", "1", "--out", str(tmp_path / "x")).exit_code == 2

    def test_a_missing_file_leaves_no_folder(self, tmp_path):
        result = run("dataset", "build", "files", str(tmp_path / "no.xyz"), "--out", str(tmp_path / "set"))
        assert result.exit_code == 1
        assert "no.xyz" in result.stderr
        assert not (tmp_path / "set").exists()

    def test_files_must_be_given(self, tmp_path):
        assert run("dataset", "build", "files", "--out", str(tmp_path)).exit_code == 2
        assert run("dataset", "build", "qm9", "x.xyz", "--out", str(tmp_path)).exit_code == 2
