"""Scores by stratum as tables: cells as text, and HTML for a notebook."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stratified_scores import StratifiedScores, StratumScore

__all__ = ["difference_interval", "difference_text", "interval_text", "p_text", "score_rows", "scores_html"]

_MINUS = "\N{MINUS SIGN}"


def p_text(p: float | None) -> str:
    """A p-value for a table; a dash where nothing could be tested."""
    if p is None:
        return "–"
    return f"{p:.1e}".replace("-", _MINUS) if p < 0.001 else f"{p:.3f}"


def interval_text(scores: "StratifiedScores", low: float, high: float) -> str:
    """A 95 % interval for a table."""
    measure = scores.metric
    if measure.is_share:
        return f"{100 * low:.1f} to {100 * high:.1f} %".replace("-", _MINUS)
    return f"{measure.text(low)} to {measure.text(high)}".replace("-", _MINUS)


def difference_text(scores: "StratifiedScores", value: float | None) -> str:
    """A difference of the metric, with its sign; points for shares."""
    if value is None:
        return "–"
    text = f"{100 * value:+.1f}" if scores.metric.is_share else f"{value:+.3g}"
    return text.replace("-", _MINUS)


def difference_interval(scores: "StratifiedScores", low: float, high: float) -> str:
    """The 95 % interval of a difference, with signs; points for shares."""
    return f"{difference_text(scores, low)} to {difference_text(scores, high)}"


def score_rows(scores: "StratifiedScores", kind: str) -> list[tuple[str, "Sequence[StratumScore]"]]:
    """Strata of a kind in order, each with the score of every model."""
    return [(stratum, tuple(of.values())) for stratum, of in scores.of_kind(kind).items()]


def scores_html(scores: "StratifiedScores") -> str:
    """All strata as one table for a notebook cell."""
    label = f"{scores.label} / {scores.unit}" if scores.unit else scores.label
    heads = ("kind", "stratum", "model", "n", label, "95 % interval", "minus the rest", "adjusted p")
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(cell)}</td>"
            for cell in (
                *(s.kind, s.stratum, s.model, str(s.n), scores.metric.text(s.value)),
                interval_text(scores, s.low, s.high),
                difference_text(scores, s.difference),
                p_text(s.p_adjusted) + (" *" if s.flagged(scores.alpha) else ""),
            )
        )
        + "</tr>"
        for s in scores.scores
    )
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    caption = f"{scores.question}; p adjusted by Holm over {scores.family}; * below {scores.alpha:g}"
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"
