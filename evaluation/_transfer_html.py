"""The transfer report as one self-contained HTML page. The template escapes everything."""

import base64
import io
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from ._forest_plot import MODEL_COLOURS
from ._report_html import page_environment
from ._transfer_summary import BY_OTHER_SPLITS, MethodSummary

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.axes import Axes

    from .transfer_report import TransferReport

__all__ = ["overview_html", "overview_rows", "plot_shares", "transfer_html"]

LEARNT = ("paired", "unpaired", "labelled")


def transfer_html(report: "TransferReport") -> str:
    """The whole page."""
    from .. import __version__
    from .transfer_report import TABLE_TITLES

    return (
        _environment()
        .get_template("transfer_report.html.j2")
        .render(
            r=report,
            version=__version__,
            titles=TABLE_TITLES,
            synthetic=all(one["synthetic"] for one in report.sets),
            n_splits=max(s.n_splits for s in report.summaries),
            overview=overview_rows(report),
            figures=[(table, _uri(report, table)) for table in LEARNT if _plotted(report, table)],
            sections=[_section(report, direction) for direction in report.directions],
        )
    )


def overview_rows(report: "TransferReport") -> list[list[str]]:
    """Direction, budget, table, ceiling, and the best with how it was chosen."""
    from .transfer_report import CHOICES, mean_text

    rows = []
    for direction in report.directions:
        (top,) = report.of(direction, "ceiling")
        for table in LEARNT:
            for s in report.of(direction, table):
                if s.method in CHOICES:
                    share = "–" if s.r2_share is None else mean_text(s.r2_share, 2)
                    rows.append(
                        [
                            f"{direction[0]}, {direction[1]}",
                            f"{direction[2]} → {direction[3]}",
                            table,
                            str(s.k),
                            s.method,
                            s.which,
                            mean_text(s.r2),
                            mean_text(top.r2),
                            share,
                        ]
                    )
    return rows


OVERVIEW_HEADS = ("Property", "Direction", "Table", "k", "Chosen", "Method", "R²", "Ceiling", "Share of its R²")


def overview_html(report: "TransferReport") -> str:
    """The overview as a table for a notebook cell."""
    head = "".join(f"<th>{escape(text)}</th>" for text in OVERVIEW_HEADS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in overview_rows(report)
    )
    return f"<table><caption>{escape(repr(report))}</caption><tr>{head}</tr>{body}</table>"


def plot_shares(report: "TransferReport", ax: "Axes | None", table: str) -> "Axes":
    """Axes with a row for each direction and a marker for each budget."""
    if ax is None:
        from matplotlib.figure import Figure

        n = len(_plotted(report, table))
        ax = Figure(figsize=(6.4, 1.3 + 0.32 * n), layout="constrained").subplots()
    rows = _plotted(report, table)
    budgets = sorted({s.k for of in rows.values() for s in of})
    for i, k in enumerate(budgets):
        colour, offset = MODEL_COLOURS[i % len(MODEL_COLOURS)], (i - (len(budgets) - 1) / 2) * 0.16
        name: str | None = f"k = {k}"
        for y, of in enumerate(rows.values()):
            for s in of:
                if s.k == k and s.r2_share is not None:
                    low, high = s.r2_share.low, s.r2_share.high
                    if low is not None and high is not None:
                        ax.plot([low, high], [y + offset] * 2, color=colour, linewidth=1.3)
                    ax.plot([s.r2_share.value], [y + offset], "o", color=colour, markersize=4, label=name)
                    name = None
    ax.set_yticks(range(len(rows)), list(rows))
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(-0.1, 1.45)
    ax.axvline(1.0, color="#777", linewidth=0.8)
    ax.set_xlabel("R2 as a share of the ceiling's")
    ax.tick_params(labelsize=8)
    if budgets:
        ax.legend(fontsize=8, frameon=False)
    return ax


def _plotted(report: "TransferReport", table: str) -> dict[str, list[MethodSummary]]:
    """Directions to what other splits chose; where there is one split or one method, what was best."""
    found: dict[str, list[MethodSummary]] = {}
    for direction in report.directions:
        rows = report.of(direction, table)
        chosen = [s for s in rows if s.method == BY_OTHER_SPLITS]
        if chosen:
            data, name, source, target = direction
            found[f"{data} {name} {source} → {target}"] = chosen
    return found


def _uri(report: "TransferReport", table: str) -> str:
    """The picture as a data URI."""
    stream = io.BytesIO()
    figure: Any = plot_shares(report, None, table).figure
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _section(report: "TransferReport", direction: tuple[str, str, str, str]) -> dict[str, Any]:
    (top,) = report.of(direction, "ceiling")
    tables = []
    for table in ("none", *LEARNT):
        rows = report.of(direction, table)
        budgets = sorted({s.k for s in rows})
        names = dict.fromkeys((s.method, s.calibration) for s in rows)
        cells = {(s.method, s.calibration, s.k): s for s in rows}
        if names:
            listed = [(name, [cells.get((*name, k)) for k in budgets]) for name in names]
            tables.append({"table": table, "budgets": budgets, "rows": listed})
    return {"direction": direction, "top": top, "tables": tables, "unit": _unit(report, direction)}


def _unit(report: "TransferReport", direction: tuple[str, str, str, str]) -> str:
    for one in report.sets:
        if one["name"] == direction[0] and direction[1] in one["targets"]:
            return one["targets"][direction[1]][2]
    return ""


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from .transfer_report import mean_text

    environment = page_environment()
    environment.filters["mean"] = mean_text
    environment.globals["overview_heads"] = OVERVIEW_HEADS
    environment.globals["finite"] = lambda value: value is not None and bool(np.isfinite(value))
    return environment
