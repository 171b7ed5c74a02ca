"""symvib transfer at the command line: every output, choices, refusals in one line."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symvib.cli import app

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
measured = pytest.mark.skipif(
    not (SHARED / "raman_multi_instrument").is_dir(), reason="the measured sets are not beside this copy"
)
SMALL = ("synthetic", "--direction", "a:c", "--target", "component_0", "--splits", 2, "--k", 0, "--k", 4)
METHODS = ("--method", "none", "--method", "EPO", "--method", "bias")


def run(*arguments):
    return CliRunner().invoke(app, ["transfer", *map(str, arguments)])


def refusal(result):
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith("symvib: ")
    assert "Traceback" not in result.stderr
    return line


def usage(result):
    assert result.exit_code == 2, result.output
    return re.sub(r"[│╭╮╰╯─\s]+", " ", result.stderr)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transfer")
    paths = {kind: folder / f"report.{kind}" for kind in ("html", "json", "csv")}
    result = run(*SMALL, *METHODS, "--report", paths["html"], "--json", paths["json"], "--csv", paths["csv"])
    assert result.exit_code == 0, result.output
    return result, paths


def test_every_output_is_written(done):
    result, paths = done
    assert "ceiling R2" in result.stdout
    assert "split 1, k = 4" in result.stderr
    for path in paths.values():
        assert f"written: {path}" in result.stderr
    assert paths["html"].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_and_csv_say_the_same(done):
    _, paths = done
    found = json.loads(paths["json"].read_text(encoding="utf-8"))
    rows = list(csv.DictReader(io.StringIO(paths["csv"].read_text(encoding="utf-8"))))
    (summary,) = [s for s in found["summaries"] if (s["method"], s["calibration"]) == ("EPO 1 component", "source")]
    own = [float(r["r2"]) for r in rows if (r["method"], r["calibration"]) == ("EPO 1 component", "source")]
    assert summary["r2"]["value"] == pytest.approx(sum(own) / len(own), abs=1e-5)
    assert [m["name"] for m in found["methods"]][:2] == ["none", "EPO 1 component"]
    assert found["sets"][0]["synthetic"] is True


def test_json_can_go_to_standard_output():
    result = run(*SMALL, "--method", "none", "--json", "-")
    assert json.loads(result.stdout)["summaries"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("synthetic", "--direction", "a:z"), "two different instruments of a, b, c"),
        (("synthetic", "--target", "moisture"), "it has component_0"),
        (("synthetic", "--method", "PDX"), "no transfer method is called 'PDX'"),
        (("corn", "--data", "/nowhere"), "sha256"),
        (("charisma", "--method", "PDX"), "no map is called PDX"),
        (("synthetic", "--report", "/nowhere/report.html"), "there is no folder"),
    ],
)
def test_refusals_are_one_line(arguments, words):
    assert words in refusal(run(*arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("synthetic", "--direction", "a"), "SOURCE:TARGET"),
        (("synthetic", "--given-split"), "goes with tablets"),
        (("charisma", "--target", "moisture"), "no reference values"),
        (("synthetic", "--splits", 0), "greater than or equal to 1"),
        (("wheat",), "wheat"),
    ],
)
def test_wrong_usage(arguments, words):
    assert words in usage(run(*arguments))


@measured
def test_charisma(tmp_path):
    result = run(
        "charisma", "--data", SHARED, "--direction", "ICV BWtek 532 050:ICV BWtek 785 050", "--method", "axis",
        "--json", tmp_path / "raman.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "axis: one shift" in result.stdout
    found = json.loads((tmp_path / "raman.json").read_text(encoding="utf-8"))
    assert {row["left_out"] for row in found["summary"]} == {"sample", "material"}


def test_more_transfer_samples_than_there_are_is_an_error():
    asked = ("synthetic", "--splits", 1, "--direction", "a:b", "--target", "component_0", "--method", "mean offset")
    assert "transfer samples are training samples, of which there are 45" in usage(run(*asked, "--k", 500))


def test_no_correction_stands_beside_every_budget():
    asked = ("synthetic", "--splits", 1, "--direction", "a:b", "--target", "component_0", "--k", 5)
    result = run(*asked, "--method", "none", "--method", "mean offset")
    assert result.exit_code == 0, result.output
    assert re.search(r"^  none: R2", result.stdout, re.MULTILINE)
