"""The report: one page without network, escaped, with every stratum; the example file; numbers that agree."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from strata_stand_in import made_up, ranks_with
from symvib.evaluation._report_html import _formula, _stratum
from symvib.evaluation.outcomes import Outcomes, read_predictions
from symvib.evaluation.report import evaluation_report
from symvib.evaluation.strata import Strata

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "predictions.csv"
STRATA = made_up(120)
EVIL = "<script>alert(1)</script>"


def model(name, hit, seed):
    """Identification by IR and by both, a classification and a regression."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(0).random(120) < 0.5
    value = np.random.default_rng(1).normal(size=120)
    both = ranks_with(STRATA, hit, seed=seed, name=name)
    return Outcomes.joined(
        [
            both,
            Outcomes.of_ranks(STRATA.ids, both.prediction, 100, modalities="ir+raman", name=name),
            Outcomes.of_probabilities(STRATA.ids, "carbonyl", truth, rng.random(120), modalities="ir", name=name),
            Outcomes.of_values(STRATA.ids, "gap", value, value + 1, unit="eV", modalities="ir", name=name),
        ]
    )


@pytest.fixture(scope="module")
def report():
    models = {EVIL: model(EVIL, 0.9, 1), "two": model("two", 0.5, 2)}
    return evaluation_report(models, STRATA, title="A <title>", about="B & C.", datasets=(), n_draws=99)


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


def test_sections_follow_the_questions(report):
    assert [section.title for section in report.sections] == ["Identification", "Classification", "Regression: gap"]
    assert [s.question.modalities for s in report.sections[0].stratified] == ["ir", "ir+raman"]
    assert report.n_families == 2 * 4


def test_the_text_says_how_the_models_compare(report):
    text = report.to_text()
    paired = next(pair for pair in report.sections[0].stratified[0].paired if pair.kind == "all")
    assert f"all molecules, minus {EVIL}: " in text
    assert f"better on {paired.won}, worse on {paired.lost}" in text
    assert text.count("all molecules, minus") == 4  # one a question


def test_the_page_needs_nothing_from_outside(page):
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "url(" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_what_comes_from_outside_is_escaped(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "A &lt;title&gt;" in page
    assert "B &amp; C." in page


def test_every_stratum_is_on_the_page(report, page):
    for kind in STRATA.KINDS:
        assert f"By {kind}" in page
    rows = report.sections[0].stratified[0].of_kind("point group")
    assert {s.n for of in rows.values() for s in of.values()} >= {1}
    assert page.count("<tr") > len(STRATA.order("point group")) * 2 * 4


def test_simulated_data_is_called_simulated(page):
    assert "simulated" in page
    measured = evaluation_report(model("a", 0.9, 1), STRATA, datasets=(), n_draws=99, simulated=False, n_examples=0)
    assert "simulated" not in measured.to_html()
    assert "as stated by who made this report" in measured.to_html()
    unknown = evaluation_report(model("a", 0.9, 1), STRATA, datasets=(), n_draws=99, simulated=None, n_examples=0)
    assert "measured or computed was not stated" in unknown.to_html()
    assert "unstated (measured or simulated) spectra" in unknown.to_text()


def test_files_agree_with_each_other_and_are_written(report, tmp_path):
    values = json.loads(report.to_json(tmp_path / "report.json"))
    rows = list(csv.DictReader(io.StringIO(report.to_csv(tmp_path / "report.csv"))))
    scores = [s for section in values["sections"] for part in section["stratified"] for s in part["scores"]]
    assert len(rows) == len(scores)
    for row, score in zip(rows, scores, strict=True):
        assert (row["model"], row["kind"], row["stratum"]) == (score["model"], score["kind"], score["stratum"])
        assert float(row["value"]) == score["value"]
    assert report.to_html(tmp_path / "report.html") == (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_same_input_gives_the_same_page(report, page):
    assert report.to_html() == page


def test_a_model_may_lack_questions():
    whole = model("whole", 0.9, 1)
    part = ranks_with(STRATA, 0.5, seed=3, name="part")
    report = evaluation_report({"whole": whole, "part": part}, STRATA, datasets=(), n_draws=99)
    assert report.sections[0].stratified[0].models == ("whole", "part")
    assert report.sections[1].stratified[0].models == ("whole",)
    assert "part" in report.to_html()


def test_the_reference_is_the_first_model_that_answered():
    """Where the first model of all lacks a question, differences there are to another one."""
    lone = ranks_with(STRATA, 0.5, seed=3, name="lone")
    others = {
        name: Outcomes.of_ranks(STRATA.ids, ranks_with(STRATA, 0.7, seed=seed).prediction, 100, modalities="raman")
        for name, seed in (("second", 4), ("third", 5))
    }
    report = evaluation_report({"lone": lone, **others}, STRATA, datasets=(), n_draws=99, n_examples=0)
    assert {score.reference for score in report.sections[0].stratified[1].paired} == {"second"}
    assert "each model minus second" in report.to_html()


def test_groups_and_families_are_typeset_and_other_names_escaped():
    assert [str(_stratum(text, "family")) for text in ("Cnv", "Dinfh", "T", "C10h", "<b>")] == [
        *("C<sub>nv</sub>", "D<sub>∞h</sub>", "T", "C<sub>10h</sub>", "&lt;b&gt;"),
    ]
    assert str(_formula("C2H6<'")) == "C<sub>2</sub>H<sub>6</sub>&lt;'"


def test_the_example_file_makes_a_report_with_pictures():
    outcomes = read_predictions(EXAMPLE, name="cosine search")
    strata = Strata.shipped(list(dict.fromkeys(outcomes.ids.tolist())))
    some = {"cosine search": outcomes.chosen(task="identification", modalities="ir+raman")}
    report = evaluation_report(some, strata, kinds=["exclusion", "completeness"], n_draws=99, n_examples=1)
    page = report.to_html()
    assert page.count("<figure><img") == 2
    assert "not measured" in page
