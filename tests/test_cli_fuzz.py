"""Whatever is typed: no traceback, no hang, exit codes 0, 1 or 2."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from symvib.cli import app

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
groups = st.one_of(
    words,
    st.sampled_from(["D6h", "Ih", "C3", "D*h", "C0v", "S3", "S2", "Kh", "K", "-43m", "D200d", "C999999", "\u221e"]),
    st.from_regex(r"[CDSTOIK][0-9]{0,3}[vhdi]?", fullmatch=True),
)
options = st.sampled_from(
    [
        "--tolerance",
        "--form",
        "--format",
        "--json",
        "--csv",
        "-",
        "--help",
        "-v",
        "0.1",
        "nan",
        "inf",
        "-1",
        "1e999",
        "--",
    ]
)
molecules = st.one_of(words, st.sampled_from(["water.xyz", ".", "/dev/null", "C", "O=C=O"]))


@pytest.fixture(scope="module", autouse=True)
def empty_folder(tmp_path_factory):
    """Options may name files, also that of the molecule (`--json -- water.xyz`): all are in a folder of their own."""
    import os
    import shutil

    before = os.getcwd()
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copy(EXAMPLES / "water.xyz", folder)
    os.chdir(folder)
    yield
    os.chdir(before)


def check(arguments, stdin=""):
    result = CliRunner().invoke(app, arguments, input=stdin)
    assert result.exit_code in (0, 1, 2), (arguments, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit), (arguments, result.exception)
    assert "Traceback" not in result.output
    if result.exit_code == 1:
        assert result.stderr.startswith("symvib: ") or "written" in result.stderr


@QUIET
@given(st.lists(st.one_of(molecules, options), max_size=5), st.text(max_size=200))
@example(["-"], "3\n\nO 0 0 0\nH 0 0 1\nH 0 1 0\n")
@example(["-"], "2\n\nH 0 0 0\nH 0 0 0\n")
def test_report(arguments, stdin):
    check(["report", *arguments], stdin.encode("utf-8", "surrogatepass"))


@QUIET
@given(groups, st.lists(options, max_size=3))
@example("D200h", [])
@example("S400", [])
def test_table(group, rest):
    # D200 and its like take seconds to print; their size is bounded by PointGroup.parse and tested elsewhere.
    if sum(c.isdigit() for c in group) < 3:
        check(["table", group, *rest])


@QUIET
@given(groups, st.one_of(st.integers(-3, 40).map(str), words))
def test_completeness(group, number):
    if sum(c.isdigit() for c in group) < 2:
        check(["completeness", group, number])


@QUIET
@given(groups, groups)
def test_correlate(group, subgroup):
    if sum(c.isdigit() for c in group + subgroup) < 3:
        check(["correlate", group, subgroup])


@QUIET
@given(words, st.lists(words, max_size=3))
def test_anything(command, arguments):
    check([command, *arguments])
