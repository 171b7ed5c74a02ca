"""The command line: exit codes, one clear line, files, batches."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import symvib
from symvib import PointGroupReport
from symvib.cli import app
from symvib.groups.batch import CSV_COLUMNS, batch_csv, batch_rows

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
WATER = str(EXAMPLES / "water.xyz")
BENZENE = str(EXAMPLES / "benzene.xyz")
BAD = "3\nbad\nO 0 0 0\nH 0 0\nH 0 1 0\n"


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def one_line(result):
    """The refusal on stderr: exactly one line, no traceback."""
    (line,) = result.stderr.splitlines()
    assert "Traceback" not in result.output
    return line


def test_report_prints_the_counts():
    result = run("report", WATER)
    assert result.exit_code == 0, result.output
    assert "Gamma_vib      2A1 + B2" in result.stdout
    assert result.stderr == ""


def test_report_writes_every_format(tmp_path):
    paths = [tmp_path / name for name in ("r.html", "r.json", "r.md", "r.tex", "r[bold].html")]
    html, data, markdown, latex, _ = paths
    result = run("report", BENZENE, "--html", html, "--json", data, "--markdown", markdown, "--latex", latex)
    assert result.exit_code == 0, result.output
    assert html.read_text().startswith("<!DOCTYPE html>")
    assert PointGroupReport.from_dict(json.loads(data.read_text())).point_group.label == "D6h"
    assert markdown.read_text().startswith("# benzene")
    assert latex.read_text().rstrip().endswith(r"\end{document}")
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == ["written"] * 4


def test_json_on_stdout_is_json_only():
    result = run("report", BENZENE, "--json", "-")
    assert json.loads(result.stdout)["n_silent"] == 11


def test_report_reads_standard_input():
    result = run("report", "-", "--json", "-", stdin=Path(WATER).read_text())
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["point_group"] == "C2v"


@pytest.mark.parametrize("text", ["", "\n\n", "CCO", BAD, "1\n\nXx 0 0 0\n", "\x00\x01\n\x02", "99999999999\n\n"])
def test_bad_standard_input_is_refused_in_one_line(text):
    result = run("report", "-", stdin=text)
    assert result.exit_code == 1
    assert one_line(result).startswith("symvib: ")


def test_standard_input_need_not_be_utf8():
    result = run("report", "-", stdin=b"2\n\xff\xfe name\nH 0 0 0\nH 0 0 0.74\n")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "missing.xyz"),
        ("report", WATER, "--tolerance", "-1"),
        ("report", WATER, "--tolerance", "nan"),
        ("report", WATER, "--html", "/nonexistent/folder/x.html"),
        ("report", WATER, "--json", "/nonexistent/folder/x.json"),
        ("report", str(EXAMPLES)),
        ("table", "Q7"),
        ("table", "D6hh"),
        ("completeness", "D6h", "0"),
        ("completeness", "D6h", "1000000000"),
        ("completeness", "nonsense", "3"),
        ("correlate", "Oh", "D5h"),
        ("correlate", "Oh", "x"),
    ],
    ids=" ".join,
)
def test_refusals_are_one_line_and_exit_code_1(arguments):
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert one_line(result).startswith("symvib: ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("report",),
        ("nonsense",),
        ("report", WATER, "--nonsense"),
        ("report", WATER, "--tolerance", "wide"),
        ("report", WATER, BENZENE, "--html", "x.html"),
        ("report", WATER, "--csv", "-", "--html", "x.html"),
        ("report", WATER, BENZENE, "--csv", "-", "--json", "-"),
        ("report", "-", "-"),
        ("table", "D6h", "--form", "imaginary"),
        ("completeness", "D6h", "many"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


# --------------------------------------------------------------------------------------------------- batches


@pytest.fixture
def bad_file(tmp_path):
    path = tmp_path / "bad.xyz"
    path.write_text(BAD)
    return str(path)


def test_one_bad_file_does_not_stop_the_rest(bad_file, tmp_path):
    target = tmp_path / "all.csv"
    result = run("report", WATER, bad_file, BENZENE, "--csv", target)
    assert result.exit_code == 1
    rows = list(csv.DictReader(target.open(newline="")))
    assert [row["point_group"] for row in rows] == ["C2v", "", "D6h"]
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert rows[2]["n_silent"] == "11"
    assert result.stderr.splitlines()[-1] == "symvib: 1 of 3 molecules failed."
    assert any("bad.xyz" in line for line in result.stderr.splitlines())


def test_batch_without_csv_prints_a_line_a_molecule():
    result = run("report", WATER, BENZENE)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["Molecule", "--------", "water", "benzene"]


def test_batch_json_is_a_list(bad_file):
    result = run("report", WATER, bad_file, "--json", "-")
    data = json.loads(result.stdout)
    assert data[0]["point_group"] == "C2v"
    assert set(data[1]) == {"file", "error"}
    assert result.exit_code == 1


def test_csv_on_stdout_has_the_columns():
    result = run("report", WATER, "--csv", "-")
    (row,) = csv.DictReader(io.StringIO(result.stdout))
    assert tuple(row) == CSV_COLUMNS
    assert (row["completeness"], row["raw_ratio"], row["gamma_vib"]) == ("1", "2", "2A1 + B2")


def test_an_unwritable_csv_is_refused():
    result = run("report", WATER, "--csv", "/nonexistent/folder/x.csv")
    assert result.exit_code == 1
    assert one_line(result).startswith("symvib: ")


def test_an_unexpected_error_becomes_a_row():
    def read(source):
        raise ZeroDivisionError("secret\nof the reader")

    (row,) = batch_rows(["a.xyz"], read=read)
    assert row.report is None
    assert row.error == "internal error, please report it: ZeroDivisionError: secret of the reader"


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_cells_are_not_formulas(start):
    (row,) = batch_rows([f"{start}cmd|' /C calc'!A0.xyz"])
    (cells,) = csv.DictReader(io.StringIO(batch_csv([row])))
    assert cells["file"].startswith(f"'{start}")
    assert not cells["error"].startswith(("=", "+", "-", "@"))


# ----------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("format", ["text", "markdown", "latex", "html", "json"])
@pytest.mark.parametrize("group", ["D6h", "C3", "Ih", "D*h", "S2"])
def test_table_in_every_format(group, format):
    result = run("table", group, "--format", format)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip()
    if format == "json":
        assert json.loads(result.stdout)["form"] == "real"


def test_complex_form_shows_both_members():
    assert "1E" in run("table", "C3", "--form", "complex").stdout
    assert "1E" not in run("table", "C3").stdout


def test_completeness_lists_benzene():
    result = run("completeness", "D6h", "12")
    assert "19/30" in result.stdout
    data = json.loads(run("completeness", "D6h", "12", "--format", "json").stdout)
    assert any(abs(item["completeness"] - 19 / 30) < 1e-12 for item in data)


def test_completeness_of_the_impossible_says_so():
    result = run("completeness", "Ih", "5")
    assert result.exit_code == 0
    assert "No molecule of 5 atoms has the point group Ih" in result.stdout


def test_correlation():
    result = run("correlate", "Oh", "D4h")
    assert "A2u + Eu" in result.stdout
    assert json.loads(run("correlate", "Oh", "D4h", "--format", "json").stdout)


# ------------------------------------------------------------------------------------------------ the process


def test_version():
    assert run("--version").stdout.strip() == f"symvib {symvib.__version__}"


@pytest.mark.parametrize("command", ["report", "table", "completeness", "correlate"])
def test_help_has_an_example(command):
    assert f"symvib {command}" in run(command, "--help").stdout


def process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "symvib", *arguments], capture_output=True, text=True, timeout=60, **options
    )


def test_module_can_be_run():
    result = process("report", WATER)
    assert result.returncode == 0, result.stderr
    assert "C2v" in result.stdout


def test_report_does_not_import_heavy_packages():
    code = (
        "import sys; from symvib.cli import app; from typer.testing import CliRunner\n"
        f"assert CliRunner().invoke(app, ['report', {WATER!r}]).exit_code == 0\n"
        "print([m for m in ('matplotlib', 'sympy', 'rdkit', 'jinja2', 'scipy.optimize') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_a_terminal_that_knows_ascii_only(tmp_path):
    path = tmp_path / "wässer \u2603.xyz"
    path.write_text(Path(WATER).read_text())
    result = process("report", str(path), env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert result.returncode == 0, result.stderr


def test_a_closed_pipe_is_no_traceback():
    command = f"{sys.executable} -m symvib report {WATER} | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in result.stderr


def test_on_a_terminal_markup_in_names_is_inert(tmp_path, monkeypatch):
    from rich.console import Console

    from symvib.cli_view import print_report
    from symvib.groups.report import point_group_report

    path = tmp_path / "[red]evil[bold].xyz"
    path.write_text(Path(WATER).read_text())
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    print_report(point_group_report(path), console)
    assert "[red]evil[bold]" in console.file.getvalue()


def test_symmetrize_writes_xyz(tmp_path):
    path = tmp_path / "exact.xyz"
    assert run("symmetrize", BENZENE, "-o", str(path)).exit_code == 0
    assert "symmetrized to D6h" in path.read_text()
    result = run("symmetrize", str(path), "--to", "D3h")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "12"
    assert run("symmetrize", BENZENE, "--to", "Oh").exit_code == 1


@pytest.mark.parametrize("option", ["--latex", "--markdown", "--html"])
def test_a_dash_is_standard_output(option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("report", WATER, option, "-")
    assert result.exit_code == 0
    assert "Point group" not in result.stdout.splitlines()[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "O", "--html"),
        ("report", "O", "--json"),
        ("report", "O", "--markdown"),
        ("report", "O", "--csv"),
        ("report", "O", "N", "--csv"),
        ("symmetrize", "O", "-o"),
    ],
)
def test_outputs_are_checked_before_the_work(arguments, tmp_path, monkeypatch):
    from symvib import cli
    from symvib.groups import detection, report

    for module, name in ((cli, "_report_many"), (report, "point_group_report"), (detection, "detect_point_group")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("worked first"))
    for path, words in ((tmp_path / "nowhere" / "x", "there is no folder"), (tmp_path, "it is a folder")):
        result = run(*arguments, str(path))
        assert result.exit_code == 1
        assert words in one_line(result)


def test_two_outputs_cannot_share_standard_output():
    assert run("report", WATER, "--latex", "-", "--json", "-").exit_code == 2


def test_the_input_is_never_overwritten(tmp_path):
    path = tmp_path / "water.xyz"
    path.write_text(Path(WATER).read_text())
    assert run("report", str(path), "--html", str(path)).exit_code == 2
    assert path.read_text() == Path(WATER).read_text()
