"""Forest plots: a row for each stratum with value, 95 % interval and n, for one or more models."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .stratified_scores import StratifiedScores, StratumScore

__all__ = ["MODEL_COLOURS", "forest_figure", "plot_forest"]

# Okabe-Ito palette (told apart with any colour vision), each with a marker of its own.
MODEL_COLOURS = ("#2f6690", "#c8553d", "#009E73", "#8e5a9b", "#8c6d1f", "#56B4E9", "#555555", "#CC79A7")
_MARKERS = "osD^vP*X"
_ROW_INCH = 0.17  # for each model in a stratum
_GAP_INCH = 0.13
_REACH = 0.72  # of a stratum's height, taken by its models


def plot_forest(scores: "StratifiedScores", kind: str, ax: "Axes | None" = None) -> "Axes":
    """Axes with the forest plot of one kind; all molecules together come first.

    A filled marker is a stratum that differs from the rest at the family-wise error; the line is what all molecules
    give, dots are chance.
    """
    if ax is None:
        ax = forest_figure([scores], kind).axes[0]
    else:
        _draw(ax, scores, kind)
        _name_strata(ax, kind, _strata([scores], kind))
    return ax


def forest_figure(panels: Sequence["StratifiedScores"], kind: str) -> "Figure":
    """Figure with a panel for each question (the same models and kind), side by side on common strata."""
    from matplotlib.figure import Figure

    strata = _strata(panels, kind)
    n_models = len(panels[0].models)
    height = 1.15 + len(strata) * (_ROW_INCH * n_models + _GAP_INCH)
    width = 6.4 if len(panels) == 1 else 1.5 + 2.5 * len(panels)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for ax, scores in zip(axes, panels, strict=True):
        _draw(ax, scores, kind, strata)
        if len(panels) > 1:
            ax.set_title(scores.question.modalities_text, fontsize=10)
    _name_strata(axes[0], kind, strata)
    if n_models > 1:
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=min(4, n_models), frameon=False, fontsize=9)
    return figure


def _strata(panels: Sequence["StratifiedScores"], kind: str) -> list[str]:
    return ["all", *dict.fromkeys(name for scores in panels for name in scores.of_kind(kind))]


def _draw(ax: "Axes", scores: "StratifiedScores", kind: str, strata: Sequence[str] | None = None) -> None:
    strata = strata or _strata([scores], kind)
    rows = {"all": scores.of_kind("all")["all"], **scores.of_kind(kind)}
    n_models = len(scores.models)
    step = _REACH / n_models
    left, right = _limits(scores, rows)
    for m, model in enumerate(scores.models):
        style = {"color": MODEL_COLOURS[m % len(MODEL_COLOURS)], "marker": _MARKERS[m % len(_MARKERS)]}
        offset = (m - (n_models - 1) / 2) * step
        name: str | None = _plain(model)
        for place, stratum in enumerate(strata):
            if stratum in rows and model in rows[stratum]:
                _row(ax, rows[stratum][model], place + offset, (left, right), style, name, scores.alpha)
                name = None
        everything = rows["all"][model].value
        if everything is not None:
            ax.axvline(everything, color=style["color"], linewidth=0.7, alpha=0.5, zorder=0)
    for place, stratum in enumerate(strata):
        if stratum in rows:
            n = next(iter(rows[stratum].values())).n
            ax.annotate(
                f"{n}", (1.03, place), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#555"
            )
    ax.annotate("n", (1.03, -0.85), xycoords=("axes fraction", "data"), va="center", fontsize=8, color="#555",
                style="italic", annotation_clip=False)  # fmt: skip
    if scores.chance is not None:
        ax.axvline(scores.chance, color="#777", linewidth=0.9, linestyle=":", zorder=0)
    _dress(ax, scores, len(strata), (left, right))


def _row(
    ax: "Axes",
    score: "StratumScore",
    y: float,
    limits: tuple[float, float],
    style: dict[str, Any],
    name: str | None,
    alpha: float,
) -> None:
    """Interval as a line (to the edge where it is infinite), value as a marker, filled if the stratum is flagged."""
    low, high = max(score.low, limits[0]), min(score.high, limits[1])
    ax.plot([low, high], [y, y], color=style["color"], linewidth=1.5, solid_capstyle="butt", alpha=0.75)
    if score.value is not None and limits[0] <= score.value <= limits[1]:
        face = style["color"] if score.flagged(alpha) or score.kind == "all" else "white"
        shape = {"linestyle": "none", "markersize": 5, "markerfacecolor": face, "markeredgewidth": 1.2}
        ax.plot([score.value], [y], label=name, clip_on=False, **shape, **style)


def _limits(scores: "StratifiedScores", rows: Any) -> tuple[float, float]:
    """The whole range of a share; else what the values and the shorter intervals span."""
    low, high = scores.metric.limits
    if scores.metric.is_share:
        return low, high
    every = [score for of in rows.values() for score in of.values()]
    values = np.array([s.value for s in every if s.value is not None] or [0.0])
    bounded = [end for s in every for end in (s.low, s.high) if np.isfinite(end)]
    spread = 3.0 * float(np.ptp(values)) or abs(float(values[0])) or 1.0
    reach = [e for e in bounded if values.min() - spread <= e <= values.max() + spread]
    left, right = min([*reach, values.min()]), max([*reach, values.max()])
    margin = 0.05 * (right - left) or 0.1
    return max(low, float(left) - margin), min(high, float(right) + margin)


def _dress(ax: "Axes", scores: "StratifiedScores", n_strata: int, limits: tuple[float, float]) -> None:
    label = scores.metric.label + (f" / {scores.unit}" if scores.unit else "")
    ax.set_xlabel(_plain(label), fontsize=9)
    if scores.metric.is_share:
        from matplotlib.ticker import PercentFormatter

        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    margin = 0.012 * (limits[1] - limits[0])
    ax.set_xlim(limits[0] - margin, limits[1] + margin)
    ax.set_ylim(n_strata - 0.45, -0.55)
    ax.axhline(0.5, color="#c9ced5", linewidth=0.8)
    ax.tick_params(axis="x", labelsize=8)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#edeff2", linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)


def _name_strata(ax: "Axes", kind: str, strata: Sequence[str]) -> None:
    named = _group if kind in ("point group", "family") else _plain
    ax.set_yticks(range(len(strata)), ["all", *map(named, strata[1:])], fontsize=9)


def _group(label: str) -> str:
    """A Schoenflies symbol with its subscript, if there is one; anything else as it stands."""
    if not label[1:].isalnum():
        return _plain(label)
    rest = label[1:].replace("inf", r"\infty ")
    return rf"$\mathrm{{{label[0]}}}_{{\mathrm{{{rest}}}}}$"


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$").replace("<=", "≤")
