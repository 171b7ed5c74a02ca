"""The evaluation report as one self-contained HTML page. The template escapes everything."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._report_figures import example_facts, example_pictures, forest_uri, reliability_uri
from ._score_tables import difference_interval, difference_text, interval_text, p_text, score_rows
from .outcomes import Question

if TYPE_CHECKING:
    from jinja2 import Environment

    from .report import EvaluationReport, ReportSection
    from .stratified_scores import PairedScore, StratifiedScores

__all__ = ["page_environment", "report_html"]


def report_html(report: "EvaluationReport") -> str:
    """The whole page."""
    from .. import __version__

    examples = [e.id for s in report.sections for f in s.extremes for e in (*f.worst, *f.best)]
    pictures = example_pictures(examples, report.datasets)
    facts = example_facts(examples, report.datasets)
    return (
        _environment()
        .get_template("evaluation_report.html.j2")
        .render(
            r=report,
            version=__version__,
            found=_found(report),
            sections=[_section(report, section, pictures) for section in report.sections],
            facts=facts,
            meanings=dict(report.kinds),
            paired_tests=_different(
                pair.test for s in report.sections for panel in s.stratified for pair in panel.paired
            ),
            n_draws=report.sections[0].stratified[0].n_draws,
            seed=report.sections[0].stratified[0].seed,
        )
    )


def page_environment() -> "Environment":
    """Templates of the pages of this room, which escape everything; what is missing is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    return Environment(
        # The look is that of the point-group report, whose style sheet is included.
        loader=FileSystemLoader([here / "templates", here.parent / "groups" / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    environment = page_environment()
    environment.filters["p"] = p_text
    environment.filters["stratum"] = _stratum
    environment.filters["formula"] = _formula
    return environment


def _stratum(label: str, kind: str) -> Any:
    """The name of a stratum; a point group or family of them ("Cnv") typeset."""
    from markupsafe import Markup

    if kind in ("point group", "family") and re.fullmatch(r"[A-Z](?:\d+|inf)?[a-z]*", label):
        rest = label[1:].replace("inf", "∞")
        return Markup(f"{label[0]}<sub>{rest}</sub>" if rest else label)
    return Markup(escape(label).replace("&lt;=", "≤").replace("&gt;=", "≥"))


def _formula(text: str) -> Any:
    """A formula with its numbers as subscripts, escaped."""
    from markupsafe import Markup

    return Markup(re.sub(r"\d+", r"<sub>\g<0></sub>", escape(text, quote=False)))


def _found(report: "EvaluationReport") -> list[dict[str, Any]]:
    """The strata that differ most from the rest, for each question and model."""
    return [
        {
            "question": str(scores.question),
            "model": score.model,
            "kind": score.kind,
            "stratum": score.stratum,
            "n": score.n,
            "value": scores.metric.text(score.value),
            "interval": interval_text(scores, score.low, score.high),
            "rest": scores.metric.text(score.rest_value),
            "difference": difference_text(scores, score.difference),
            "worse": (score.difference or 0.0) * (1 if scores.metric.higher_is_better else -1) < 0,
            "p": score.p_adjusted,
        }
        for scores, _, strata in report.largest()
        for score in strata
    ]


def _section(report: "EvaluationReport", section: "ReportSection", pictures: dict[str, str]) -> dict[str, Any]:
    panels = section.stratified
    titles = {scores.question.modalities: scores.question.modalities_text for scores in panels}
    first = panels[0]
    return {
        "title": section.title,
        "anchor": f"section-{report.sections.index(section) + 1}",
        "n_questions": len({score.question for score in section.overall}),
        "metric": first.metric,
        "unit": first.unit,
        # Libraries, and how often a molecule is asked, may differ between choices of modalities.
        "chance": _different(first.metric.text(p.chance) for p in panels if p.chance is not None),
        "test": _different(p.test for p in panels),
        "families": _different(p.family for p in panels),
        "references": _different(score.reference for p in panels for score in p.paired),
        "averaged": section.averaged,
        "overall": _overall(section),
        "kinds": [_kind(panels, kind) for kind, _ in report.kinds],
        "paired": [row for scores in panels for row in _paired(scores)],
        "calibration": reliability_uri(section.reliability, titles) if section.reliability else "",
        "curves": [(titles[shown], curve) for shown, curve in section.reliability],
        "extremes": [
            {
                "model": found.model,
                "question": found.question,
                "sides": [
                    ("Worst", [(e, pictures.get(e.id)) for e in found.worst], found.n_tied_worst),
                    ("Best", [(e, pictures.get(e.id)) for e in found.best], found.n_tied_best),
                ],
            }
            for found in section.extremes
        ],
    }


def _different(texts: Iterable[str]) -> str:
    """The texts, each once, in order; "" for none."""
    return " or ".join(text for text in dict.fromkeys(texts) if text)


def _overall(section: "ReportSection") -> dict[str, Any]:
    """A row for each question and model, a column for each metric."""
    metrics = list(dict.fromkeys(score.metric for score in section.overall))
    rows: dict[tuple[Question, str], dict[str, Any]] = {}
    for score in section.overall:
        own = score.score
        row = rows.setdefault((score.question, own.model), {"n": own.n, "cells": {}})
        unit = f" {score.unit}" if score.unit else ""
        low, high = (score.metric.text(end) for end in (own.low, own.high))
        row["cells"][score.metric.name] = (
            score.metric.text(own.value) + unit,
            f"{low} to {high}".replace(" % to", " to"),
        )
    return {
        "metrics": metrics,
        "rows": [
            {"question": question, "model": model, "n": row["n"], "cells": [row["cells"].get(m.name) for m in metrics]}
            for (question, model), row in rows.items()
        ],
        "targets": any(score.question.target for score in section.overall),
    }


def _kind(panels: Sequence["StratifiedScores"], kind: str) -> dict[str, Any]:
    rows = []
    for scores in panels:
        for stratum, of in score_rows(scores, kind):
            for score in of:
                rows.append(
                    {
                        "shown": scores.question.modalities_text,
                        "stratum": stratum,
                        "model": score.model,
                        "n": score.n,
                        "value": scores.metric.text(score.value),
                        "interval": interval_text(scores, score.low, score.high),
                        "method": score.interval_method,
                        "rest": scores.metric.text(score.rest_value),
                        "difference": difference_text(scores, score.difference),
                        "p": score.p_value,
                        "q": score.p_adjusted,
                        "flagged": score.flagged(scores.alpha),
                    }
                )
    flags = sum(row["flagged"] for row in rows)
    return {"name": kind, "figure": forest_uri(panels, kind), "rows": rows, "flags": flags}


def _paired(scores: "StratifiedScores") -> list[dict[str, Any]]:
    """Differences between models: over all molecules, and where a stratum shows one."""

    def row(score: "PairedScore") -> dict[str, Any]:
        return {
            "shown": scores.question.modalities_text,
            "model": score.model,
            "reference": score.reference,
            "kind": score.kind,
            "stratum": score.stratum,
            "n": score.n,
            "difference": difference_text(scores, score.difference),
            "interval": difference_interval(scores, score.low, score.high),
            "won": score.won,
            "lost": score.lost,
            "p": score.p_value,
            "q": score.p_adjusted,
            "flagged": score.flagged(scores.alpha),
        }

    return [row(score) for score in scores.paired]
