"""The page of benchmark figures: every program in benchmarks/ is on it, and prints tables that fit on it."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def make_benchmarks():
    spec = importlib.util.spec_from_file_location("make_benchmarks", ROOT / "docs" / "make_benchmarks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_program_is_run(make_benchmarks):
    programs = {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    assert set(make_benchmarks.NAMES) == programs


def test_a_section_of_the_page(make_benchmarks):
    pytest.importorskip("geometric", reason="geomeTRIC is not installed (symvib[bench])")
    tables, load = make_benchmarks.tables_of("b_matrix")
    text = make_benchmarks.page([make_benchmarks.section(table) for table in tables], [load])
    header, rule, *rows = [line for line in text.splitlines() if line.startswith("|")]
    assert header.count("|") == rule.count("|")
    assert {row.count("|") for row in rows} == {header.count("|")}
    assert rows[0].startswith("| water | 3 | 3 |")
    assert "geometric" in text


def test_a_program_that_fails_is_told(make_benchmarks, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "what went wrong")
    monkeypatch.setattr(make_benchmarks.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(SystemExit, match="what went wrong"):
        make_benchmarks.tables_of("startup")
