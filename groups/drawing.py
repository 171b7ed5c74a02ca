"""A picture of the molecule with its symmetry elements, drawn by matplotlib: depth-sorted discs, no 3-D backend."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from .elements import covalent_radii_angstrom
from .operations import NDArrayFloat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .report import PointGroupReport
    from .report_facts import ElementFact

__all__ = ["draw_molecule", "drawn_elements"]

Which = Literal["axes", "planes"]

# CPK colours (Corey, Pauling, Koltun; the tints of Jmol, slightly darkened for a white page).
_CPK = {
    "H": "#f4f4f4", "C": "#5b5f66", "N": "#4363d8", "O": "#e0302f", "F": "#7ccf4f", "Cl": "#2fbf3a", "Br": "#a6402f",
    "I": "#8a2fa0", "S": "#e8c62e", "P": "#f08a24", "B": "#f2b0a5", "Si": "#d9b98f", "Fe": "#d9722e", "Cr": "#8a99c7",
    "Mn": "#9c7ac7", "Co": "#e58fa0", "Ni": "#50c878", "Cu": "#c88033", "Zn": "#7d80b0", "Xe": "#4aa3b5",
    "Li": "#b98ae0", "Na": "#9f6bd9", "Pt": "#b8b8c8", "Au": "#e3b735", "U": "#5aa86a", "Re": "#4f8fae",
}  # fmt: skip
_OTHER = "#c77fb0"
# Okabe-Ito palette: told apart with any colour vision.
_ELEMENT_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8c6d1f")

_DISC = 0.55  # radius of an atom's disc as a share of its covalent radius ...
_SMALLEST_ANGSTROM = 0.26  # ... and at least this
_OVERHANG_ANGSTROM = 0.9  # axes reach this far beyond the outermost atom ...
_OVERHANG = 0.22  # ... or this share of its distance, if that is more
_EVERY_ELEMENT_UP_TO = 7  # more axes than this, and one of each class is drawn
_EVERY_PLANE_UP_TO = 3
_END_ON = 0.8  # an axis whose direction has a larger part towards the viewer is hard to read
_SEGMENTS = 48


@dataclass(frozen=True, eq=False)
class _View:
    """Orthographic projection: rows of ``axes`` (3, 3) are right, up and towards the viewer."""

    axes: NDArrayFloat

    def project(self, points: NDArrayFloat) -> NDArrayFloat:
        """Screen coordinates and depth (..., 3); a larger depth is nearer."""
        return points @ self.axes.T


def drawn_elements(report: "PointGroupReport", which: Which) -> tuple["tuple[ElementFact, ...]", bool]:
    """Elements that :func:`draw_molecule` shows, and whether that is all of them.

    All axes are drawn if they are no more than seven, all planes if no more than three; else the first of each class.
    """
    kinds = ("axis", "improper axis") if which == "axes" else ("plane",)
    limit = _EVERY_ELEMENT_UP_TO if which == "axes" else _EVERY_PLANE_UP_TO
    wanted = [e for e in report.detection.elements if e.kind in kinds]
    if len(wanted) <= limit:
        return tuple(wanted), True
    first = {e.label: e for e in reversed(wanted)}
    return tuple(e for e in wanted if first[e.label] is e), False


def draw_molecule(report: "PointGroupReport", which: Which = "axes", ax: "Axes | None" = None) -> "Axes":
    """Axes with the molecule in its standard orientation and its symmetry axes or mirror planes.

    Parameters
    ----------
    report : PointGroupReport
    which : {"axes", "planes"}
        Proper and improper axes as lines, or mirror planes as translucent discs.
    ax : Axes, optional
        Where to draw; by default a new figure without a window.

    Notes
    -----
    The direction of view is the one, of a fixed set, under which atoms hide each other least and no axis is seen
    end-on; the picture of a molecule is always the same.
    """
    ax = ax or _new_axes()
    positions = _standard_positions(report)
    radii = _disc_radii(report)
    view = _best_view(positions, radii, _directions(drawn_elements(report, "axes")[0]))
    size = float(np.linalg.norm(positions, axis=1).max())
    reach = size + max(_OVERHANG_ANGSTROM, _OVERHANG * size)
    elements, _ = drawn_elements(report, which)
    colours = _colours(elements)
    for element in reversed(elements):
        if element.direction is not None:
            draw = _draw_axis if which == "axes" else _draw_plane
            draw(ax, view, np.array(element.direction), reach, colours[element.label], element.kind)
    _draw_bonds(ax, view, report, positions, radii)
    _draw_atoms(ax, view, report, positions, radii)
    if which == "axes":
        _label_axes(ax, view, elements, reach, colours)
    else:
        _plane_legend(ax, elements, colours)
    limit = 1.14 * reach
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
    ax.set_axis_off()
    return ax


def _new_axes() -> "Axes":
    from matplotlib.figure import Figure

    return Figure(figsize=(4.6, 4.6)).add_axes((0, 0, 1, 1))


def _standard_positions(report: "PointGroupReport") -> NDArrayFloat:
    centred = report.molecule.positions - np.array(report.detection.centre)
    return np.asarray(centred @ np.array(report.detection.frame).T, dtype=np.float64)


def _disc_radii(report: "PointGroupReport") -> NDArrayFloat:
    return np.maximum(_DISC * covalent_radii_angstrom()[report.molecule.numbers], _SMALLEST_ANGSTROM)


def _directions(elements: "tuple[ElementFact, ...]") -> NDArrayFloat:
    """Directions (n, 3) of axes."""
    return np.array([e.direction for e in elements if e.direction is not None]).reshape(-1, 3)


def _best_view(positions: NDArrayFloat, radii: NDArrayFloat, lines: NDArrayFloat) -> _View:
    """Of 54 directions the one with the least overlap of discs and no axis end-on; z points up in all of them."""
    best, least = None, np.inf
    pairs = np.triu_indices(len(positions), 1)
    touch = radii[pairs[0]] + radii[pairs[1]]
    for elevation in (20.0, 32.0, 12.0):
        for azimuth in np.arange(20.0, 200.0, 10.0):
            view = _View(_camera(np.radians(azimuth), np.radians(elevation)))
            flat = view.project(positions)[:, :2]
            gaps = np.linalg.norm(flat[pairs[0]] - flat[pairs[1]], axis=1)
            overlap = float((np.clip(1.15 - gaps / touch, 0, None) ** 2).sum())
            overlap += float(np.clip(np.abs(lines @ view.axes[2]) - _END_ON, 0, None).sum())
            if overlap < least - 1e-6:
                best, least = view, overlap
    assert best is not None
    return best


def _camera(azimuth: float, elevation: float) -> NDArrayFloat:
    towards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return np.array([right, np.cross(towards, right), towards])


def _colours(elements: "tuple[ElementFact, ...]") -> dict[str, str]:
    labels = list(dict.fromkeys(element.label for element in elements))
    return {label: _ELEMENT_COLOURS[i % len(_ELEMENT_COLOURS)] for i, label in enumerate(labels)}


# Drawing order: planes below everything; then axes, bonds and atoms by depth.
def _order(depth: float) -> float:
    return 100.0 + depth


def _draw_axis(ax: "Axes", view: _View, direction: NDArrayFloat, reach: float, colour: str, kind: str) -> None:
    """A line in short pieces, each at its own depth, so that atoms in front hide it."""
    points = view.project(np.linspace(-reach, reach, _SEGMENTS + 1)[:, None] * direction)
    for i, (start, end) in enumerate(pairwise(points)):
        if kind == "improper axis" and i % 3 == 2:
            continue  # dashed
        middle = float(start[2] + end[2]) / 2
        ax.plot(
            [start[0], end[0]], [start[1], end[1]], color=colour, lw=1.7, solid_capstyle="round", zorder=_order(middle)
        )


def _draw_plane(ax: "Axes", view: _View, normal: NDArrayFloat, reach: float, colour: str, kind: str) -> None:
    del kind
    u = np.cross(normal, [1.0, 0, 0] if abs(normal[0]) < 0.8 else [0, 1.0, 0])
    u /= np.linalg.norm(u)
    angles = np.linspace(0, 2 * np.pi, 73)[:, None]
    rim = view.project(0.92 * reach * (np.cos(angles) * u + np.sin(angles) * np.cross(normal, u)))
    ax.fill(rim[:, 0], rim[:, 1], color=colour, alpha=0.13, lw=0, zorder=1)
    ax.plot(rim[:, 0], rim[:, 1], color=colour, lw=1.1, alpha=0.85, zorder=2)


def _draw_bonds(
    ax: "Axes", view: _View, report: "PointGroupReport", positions: NDArrayFloat, radii: NDArrayFloat
) -> None:
    """Each bond as two halves in the colours of its atoms, with an outline for contrast on white."""
    symbols = report.molecule.symbols
    screen = view.project(positions)
    width = float(np.clip(90 / np.ptp(positions) if len(positions) > 1 else 8, 2.2, 7))
    for i, j in report.molecule.bonds():
        middle = (screen[i] + screen[j]) / 2
        half = float(np.linalg.norm(middle - screen[i]))
        for atom in (i, j):
            # A bond starts at the surface of its atom, else one that points at the viewer would lie on the disc.
            start = screen[atom] + (middle - screen[atom]) * min(0.9 * float(radii[atom]) / half, 0.9)
            depth = _order(float(start[2] + middle[2]) / 2)
            xs, ys = [start[0], middle[0]], [start[1], middle[1]]
            ax.plot(xs, ys, color="#3a3f47", lw=width + 1.2, solid_capstyle="butt", zorder=depth)
            colour = _CPK.get(symbols[atom], _OTHER)
            ax.plot(xs, ys, color=colour, lw=width, solid_capstyle="butt", zorder=depth + 1e-4)


def _draw_atoms(
    ax: "Axes", view: _View, report: "PointGroupReport", positions: NDArrayFloat, radii: NDArrayFloat
) -> None:
    from matplotlib.patches import Circle

    screen = view.project(positions)
    depths = screen[:, 2]
    span = max(float(np.ptp(depths)), 1e-9)
    for atom in np.argsort(depths, kind="stable"):
        x, y, depth = (float(v) for v in screen[atom])
        radius = float(radii[atom])
        # Atoms further back are paler: depth without perspective.
        haze = 0.45 * (float(depths.max()) - depth) / span if len(depths) > 12 else 0.0
        colour = _mix(_CPK.get(report.molecule.symbols[atom], _OTHER), "#ffffff", haze)
        edge = _mix("#2b2f36", "#ffffff", haze)
        order = _order(depth) + 0.2
        ax.add_patch(Circle((x, y), radius, facecolor=colour, edgecolor=edge, lw=0.9, zorder=order))
        gleam = (x - 0.3 * radius, y + 0.32 * radius)
        ax.add_patch(Circle(gleam, 0.3 * radius, facecolor="white", alpha=0.45, lw=0, zorder=order + 1e-4))


def _label_axes(
    ax: "Axes", view: _View, elements: "tuple[ElementFact, ...]", reach: float, colours: dict[str, str]
) -> None:
    """A label at the end of each axis; of coinciding axes (C3 and S6) the labels are joined."""
    at: dict[tuple[float, ...], list[str]] = {}
    for element in elements:
        if element.direction is not None:
            key = tuple((np.round(np.array(element.direction), 4) + 0.0).tolist())
            at.setdefault(key, []).append(element.label)
    placed: list[NDArrayFloat] = []
    for direction, labels in at.items():
        ends = view.project(np.array([direction, [-c for c in direction]]) * reach * 1.05)[:, :2]
        free = [e for e in ends if all(np.linalg.norm(e - p) > 0.12 * reach for p in placed)]
        spot = free[0] if free else ends[0]
        placed.append(spot)
        ax.text(
            spot[0], spot[1], ", ".join(_mathtext(label) for label in labels), color=colours[labels[0]], fontsize=13,
            ha="center", va="center", zorder=500, bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.8},
        )  # fmt: skip


def _plane_legend(ax: "Axes", elements: "tuple[ElementFact, ...]", colours: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, alpha=0.4, edgecolor=colour, label=_mathtext(label))
        for label, colour in colours.items()
    ]
    if handles:
        ax.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.0), ncols=4, frameon=False, fontsize=13,
            handlelength=1.2, columnspacing=1.4,
        ).set_zorder(600)  # fmt: skip


def _mathtext(label: str) -> str:
    from .label_markup import class_latex

    return f"${class_latex(label)}$"


def _mix(colour: str, other: str, share: float) -> str:
    """``colour`` with ``share`` (0..1) of ``other``."""
    a, b = (tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in (colour, other))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))
