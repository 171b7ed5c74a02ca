"""The counts of a report as a picture, and figures as text that goes into a page."""

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .crystal import CrystalReport
    from .report import PointGroupReport

__all__ = ["VISIBILITY_COLOURS", "figure_data_uri", "plot_counts"]

VISIBILITY_COLOURS = {"IR": "#c8553d", "both": "#8e5a9b", "Raman": "#2f6690", "silent": "#d3d6db"}
_ORDER = ("IR", "both", "Raman", "silent")
_NAMES = {"IR": "IR only", "both": "IR and Raman", "Raman": "Raman only", "silent": "silent"}
_BAR_INCH = 0.24
_LARGEST_INCH = 40.0  # a picture of a hundred species is still a picture


def plot_counts(report: "PointGroupReport | CrystalReport", ax: "Axes | None" = None) -> "Axes":
    """Axes with one bar per species, as long as its vibrations are many, in the colour of who sees them.

    The top bar holds all vibrations. An atom gives empty axes that say so.
    """
    from .label_markup import irrep_latex

    rows = report.occurring_rows
    ax = ax or _new_axes(len(rows))
    if not rows:
        ax.text(0.5, 0.5, "no vibrations", ha="center", va="center", transform=ax.transAxes)
        ax.set_axis_off()
        return ax
    _total_bar(ax, report, len(rows) + 0.35)
    largest = max(row.modes for row in rows)
    for place, row in zip(range(len(rows) - 1, -1, -1), rows, strict=True):
        # Species are drawn to their own scale, the total to the full width.
        share = report.n_vib * row.modes / largest * 0.85
        ax.barh(place, share, height=0.72, **_style(row.visibility))
        text = f"{row.modes}" if row.dimension == 1 else f"{row.modes} = {row.count} × {row.dimension}"
        ax.text(share + 0.012 * report.n_vib, place, text, va="center", fontsize=9, color="#333")
    labels = ["all", *(f"${irrep_latex(row.label)}$" for row in rows)]
    ax.set_yticks([len(rows) + 0.35, *range(len(rows) - 1, -1, -1)], labels, fontsize=10)
    ax.set_xticks([])
    ax.set(xlim=(0, report.n_vib), ylim=(-0.6, len(rows) + 0.95))
    ax.tick_params(length=0)
    for side in ("top", "right", "bottom", "left"):
        ax.spines[side].set_visible(False)
    return ax


def _total_bar(ax: "Axes", report: "PointGroupReport | CrystalReport", place: float) -> None:
    """One bar of all vibrations, with the legend of the colours above it."""
    from matplotlib.patches import Patch

    parts = {
        "IR": report.n_ir - report.n_both,
        "both": report.n_both,
        "Raman": report.n_raman - report.n_both,
        "silent": report.n_silent,
    }
    left = 0
    for kind in _ORDER:
        if parts[kind]:
            ax.barh(place, parts[kind], left=left, height=0.9, **_style(kind))
        left += parts[kind]
    handles = [Patch(**_style(kind), label=f"{_NAMES[kind]} {parts[kind]}") for kind in _ORDER]
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, frameon=False, fontsize=9,
        handlelength=1.1, handleheight=1.1, borderaxespad=0.1, columnspacing=1.6,
    )  # fmt: skip


def _style(kind: str) -> dict[str, Any]:
    # Silent is hatched as well, so that the picture survives a black-and-white print.
    hatch = {"hatch": "////", "edgecolor": "#ffffff"} if kind == "silent" else {"edgecolor": "white"}
    return {"facecolor": VISIBILITY_COLOURS[kind], "linewidth": 0.6, **hatch}


def _new_axes(rows: int) -> "Axes":
    from matplotlib.figure import Figure

    height = min(0.75 + _BAR_INCH * (rows + 1.6), _LARGEST_INCH)
    return Figure(figsize=(7.2, height), layout="constrained").add_subplot()


def figure_data_uri(axes: "Axes", salt: str) -> str:
    """The figure of ``axes`` as an SVG data URI; the same figure gives the same text."""
    import matplotlib as mpl

    figure = axes.get_figure(root=True)
    assert figure is not None, "axes are always part of a figure"
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": f"symvib-{salt}", "svg.fonttype": "path"}):
        figure.savefig(
            stream, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
