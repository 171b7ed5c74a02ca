"""The commands of forward/: what they print, write and refuse."""

import json

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
            (("O", "--animation", "x.xyz", "--mode", "9"), "3"),
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

    def test_refusals(self, water):
        assert "no intensities" in run("spectrum", water, "--engine", "transferable").stderr
        pytest.importorskip("tblite", reason="the xTB engine needs tblite (symvib[qm])")
        assert "unpaired" in run("spectrum", water, "--charge", "1").stderr
        assert run("spectrum", water, "--shape", "square", "-o", "x.png").exit_code == 2
        assert run("spectrum", water, "--fwhm", "-3", "-o", "x.png").exit_code == 2


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

    def test_files_must_be_given(self, tmp_path):
        assert run("dataset", "build", "files", "--out", str(tmp_path)).exit_code == 2
        assert run("dataset", "build", "qm9", "x.xyz", "--out", str(tmp_path)).exit_code == 2
