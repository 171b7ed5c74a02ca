"""Labels above sticks: irrep and wavenumber, moved sideways as little as possible until none overlaps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..groups.label_markup import irrep_latex
from ..groups.operations import NDArrayFloat
from .lines import LineList

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FONT_POINTS = 8.0
_PANEL_INCH = 7.4  # width of the panels of `spectrum_plot.plot_spectra` on paper


def line_labels(lines: LineList, numbers: bool = True) -> list[str]:
    """Mathtext of each line: "$E_{1u}$ 1474"; without the irrep where all lines have the same one."""
    several = lines.irreps is not None and len(set(lines.irreps)) > 1
    irreps = [f"${irrep_latex(label)}$" if several else "" for label in lines.irreps or [""] * len(lines)]
    values = [f"{value:.0f}" if numbers else "" for value in lines.wavenumbers_cm1]
    return [" ".join(part for part in pair if part) for pair in zip(irreps, values, strict=True)]


def spread(targets: NDArrayFloat, gap: float, lowest: float, highest: float) -> NDArrayFloat:
    """Places (n,) for ascending targets, at least ``gap`` apart inside the bounds, with the least sum of squares.

    Less k gaps, the k-th place only has to rise: isotonic regression, then cut to the bounds.

    Examples
    --------
    >>> spread(np.array([1.0, 1.0, 9.0]), 1.0, 0.0, 10.0).tolist()
    [0.5, 1.5, 9.0]
    """
    from scipy.optimize import isotonic_regression

    offsets = gap * np.arange(len(targets))
    rising = isotonic_regression(targets - offsets).x
    return np.clip(rising, lowest, highest - offsets[-1]) + offsets


def draw_labels(
    ax: "Axes",
    window: NDArrayFloat,
    at: NDArrayFloat,
    heights: NDArrayFloat,
    texts: Sequence[str],
    colours: Sequence[str],
    importance: NDArrayFloat,
    base: float,
    upright: bool = False,
) -> None:
    """Write ``texts`` at the height ``base`` (share of the axes) with leaders down to (at, heights).

    Text runs upwards, or across if ``upright``. Where there is no room for all, the most important ones are written.
    ``window`` holds the limits of the x axis at its ends.
    """
    low, high = float(window[0]), float(window[-1])
    points = 1.35 * _FONT_POINTS * (1.5 if upright else 1.0)
    gap = (high - low) * points / 72 / _PANEL_INCH
    room = max(1, int((high - low) // gap))
    chosen = np.sort(np.argsort(-importance, kind="stable")[:room])
    chosen = chosen[np.argsort(at[chosen], kind="stable")]
    places = spread(at[chosen], gap, low + gap / 2, high - gap / 2)
    blended = ax.get_xaxis_transform()
    top = ax.get_ylim()[1]
    for index, place in zip(chosen, places.tolist(), strict=True):
        line = int(index)
        start = min(heights[line] / top + 0.015, base - 0.02)
        ax.plot(
            [at[line], at[line], place], [start, max(start, base - 0.05), base - 0.005], transform=blended,
            color=colours[line], linewidth=0.5, alpha=0.7, zorder=1.5, clip_on=False,
        )  # fmt: skip
        ax.text(
            place, base, texts[line], transform=blended, rotation=0 if upright else 90, ha="center", va="bottom",
            fontsize=_FONT_POINTS, color=colours[line],
            bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
