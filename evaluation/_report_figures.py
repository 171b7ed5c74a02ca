"""Pictures of the evaluation report: forest plots, calibration curves, example molecules with their spectra."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..groups.report_figures import figure_data_uri
from ._forest_plot import MODEL_COLOURS, forest_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..forward.dataset_files import SimulatedDataset
    from .reliability import Reliability
    from .stratified_scores import StratifiedScores

__all__ = ["example_facts", "example_pictures", "forest_uri", "reliability_uri"]

_RANGE_CM1 = (400.0, 4000.0)
_STEP_CM1 = 4.0
_FWHM_CM1 = 15.0
_PICTURE_DPI = 130
_TECHNIQUES = (("ir", "IR", "#c8553d"), ("raman", "Raman", "#2f6690"))


def forest_uri(panels: Sequence["StratifiedScores"], kind: str) -> str:
    """The forest plots of a kind for some questions, side by side, as an SVG data URI."""
    return figure_data_uri(forest_figure(panels, kind).axes[0], f"forest-{kind}")


def reliability_uri(curves: Sequence[tuple[str, "Reliability"]], titles: Mapping[str, str]) -> str:
    """Calibration curves, a panel for each choice of modalities, as an SVG data URI."""
    from matplotlib.figure import Figure

    shown = list(dict.fromkeys(modalities for modalities, _ in curves))
    models = list(dict.fromkeys(curve.model for _, curve in curves))
    figure = Figure(figsize=(0.4 + 3.0 * max(len(shown), 2), 3.9), layout="compressed")  # axes are squares
    axes = np.atleast_1d(figure.subplots(1, len(shown)))
    for ax, modalities in zip(axes, shown, strict=True):
        for of, curve in curves:
            if of == modalities:
                place = models.index(curve.model)
                curve.plot(ax, MODEL_COLOURS[place % len(MODEL_COLOURS)], "osD^vP*X"[place % 8])
        ax.set_title(titles[modalities], fontsize=10)
        ax.label_outer()
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure_data_uri(axes[0], "reliability")


def example_pictures(ids: Iterable[str], datasets: Iterable["SimulatedDataset"]) -> dict[str, str]:
    """Id to a PNG data URI with the molecule and its computed spectra, for the ids that a dataset has."""
    wanted = list(dict.fromkeys(ids))
    pictures: dict[str, str] = {}
    for dataset in datasets:
        there = set(dataset.column("id")) & set(wanted) - set(pictures)
        pictures |= {name: _picture(dataset, name) for name in wanted if name in there}
    return pictures


def example_facts(ids: Iterable[str], datasets: Iterable["SimulatedDataset"]) -> dict[str, tuple[str, str]]:
    """Id to formula and point group, for the ids that a dataset has."""
    wanted = set(ids)
    facts: dict[str, tuple[str, str]] = {}
    for dataset in datasets:
        columns = (dataset.column(name) for name in ("id", "formula", "point_group"))
        facts |= {i: (str(f), str(g)) for i, f, g in zip(*columns, strict=True) if i in wanted and i not in facts}
    return facts


def _picture(dataset: "SimulatedDataset", name: str) -> str:
    from matplotlib.figure import Figure

    from ..groups.drawing import draw_molecule
    from ..groups.report import point_group_report

    figure = Figure(figsize=(5.4, 2.1), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(1.0, 1.75), hspace=0.05)
    drawing = figure.add_subplot(grid[:, 0])
    draw_molecule(point_group_report(dataset.molecule(name)), "axes", drawing)
    _spectra([figure.add_subplot(grid[row, 1]) for row in (0, 1)], dataset, name)
    stream = io.BytesIO()
    # A shaded molecule is several times larger as SVG, and a page has dozens.
    figure.savefig(stream, format="png", dpi=_PICTURE_DPI, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _spectra(panels: Sequence["Axes"], dataset: "SimulatedDataset", name: str) -> None:
    """IR above Raman, each to its own strongest band, wavenumbers falling from left to right."""
    from ..forward.spectrum import render

    lines = dataset.lines(name)
    axis = np.arange(_RANGE_CM1[0], _RANGE_CM1[1] + _STEP_CM1, _STEP_CM1)
    for ax, (quantity, word, colour) in zip(panels, _TECHNIQUES, strict=True):
        values = getattr(lines, "ir_km_per_mol" if quantity == "ir" else "raman_a4_per_amu")
        if values is None:
            ax.set_axis_off()
            continue
        shown = (lines.wavenumbers_cm1 >= axis[0]) & (lines.wavenumbers_cm1 <= axis[-1])
        seen = float(values[shown].max(initial=0.0)) > 0
        if seen:  # else only the flank of a band beyond the range would be drawn, as if it were one
            intensity = render(lines, axis, "lorentzian", _FWHM_CM1, quantity).intensity
            ax.plot(axis, intensity / float(intensity.max()), color=colour, linewidth=0.9)
        else:
            ax.axhline(0.0, color=colour, linewidth=0.9)
        ax.set(xlim=(_RANGE_CM1[1], _RANGE_CM1[0]), ylim=(-0.04, 1.12), yticks=[])
        note = word if seen else f"{word}: no band in this range"
        ax.text(0.01, 0.93, note, transform=ax.transAxes, fontsize=8, va="top", color=colour)
        ax.tick_params(labelsize=7, labelbottom=ax is panels[-1])
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
    panels[-1].set_xlabel("wavenumber, Raman shift / cm$^{-1}$", fontsize=7.5)
