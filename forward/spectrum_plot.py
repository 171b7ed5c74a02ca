"""Pictures of line lists and spectra: IR above Raman on one wavenumber axis, so that exclusion is seen at a glance.

Convention: wavenumbers fall from left to right, as in printed infrared spectra, in all panels. The colours are those of
the point-group report; a line that both techniques see also carries a diamond in both panels and a faint line
down from the infrared panel, so that nothing rests on colour alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat
from ._stick_labels import draw_labels, line_labels
from .line_shapes import voigt_fwhm
from .lines import LineList
from .spectrum import Spectrum, line_cross_sections, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .kramers_kronig import ComplexRefractiveIndex

__all__ = [
    "line_visibility",
    "picture_path",
    "plot_refractive_index",
    "plot_spectra",
    "plot_spectrum",
    "plot_sticks",
    "save_figure",
]

_TECHNIQUES = {"ir": "IR", "raman": "Raman", "raman_cross_section": "Raman"}
_STICK_UNITS = {"ir": "km mol$^{-1}$", "raman": "Å$^4$ u$^{-1}$", "raman_cross_section": "m$^2$ sr$^{-1}$"}
_ENVELOPE_UNITS = {
    "ir": r"$\varepsilon$ / L mol$^{-1}$ cm$^{-1}$",
    "raman": "activity / Å$^4$ u$^{-1}$ per cm$^{-1}$",
    "raman_cross_section": r"d$\sigma$/d$\Omega$ / m$^2$ sr$^{-1}$ per cm$^{-1}$",
    "absorbance": "absorbance",
    "transmittance": "transmittance",
    "relative": "intensity (relative)",
}
_AXIS_NAMES = {"cm-1": "wavenumber / cm$^{-1}$", "um": "wavelength / µm", "nm": "wavelength / nm"}
_NAMES = {"IR": "IR only", "both": "IR and Raman", "Raman": "Raman only", "silent": "silent"}
_INK = "#333333"
_WIDTH_INCH = 9.0
_SUFFIXES = (".png", ".svg", ".pdf")
_MARGIN_CM1 = 150.0
_LABELLED = 0.01  # of the strongest line shown: weaker ones have a stick, and no label
_ENVELOPE_SHARE = 0.7  # of the panel's height; the labels stand above
# Weaker than this share of the strongest line of its kind counts as not seen, where no selection rule is known.
_ZERO_SHARE = 1e-4


def line_visibility(lines: LineList) -> tuple[str, ...]:
    """Who sees each line: "IR", "Raman", "both" or "silent", one word a line.

    By the selection rules of the list's point group where it and the irreps are known; otherwise by the intensities, a
    line below 1e-4 of the strongest one counting as not seen.

    Raises
    ------
    SpectrumError
        Neither rules nor both kinds of intensities are known.

    Examples
    --------
    >>> line_visibility(LineList([673.0, 992.0], irreps=("A2u", "A1g"), point_group="D6h"))
    ('IR', 'Raman')
    >>> line_visibility(LineList([400.0, 500.0], [9.0, 0.0], [0.0, 0.0]))
    ('IR', 'silent')
    """
    if lines.point_group and lines.irreps is not None:
        from ..groups.selection_rules import selection_rules

        rules = selection_rules(lines.point_group)
        activities = [rules[label] for label in lines.irreps]
        seen = np.array([[bool(a.infrared), a.raman] for a in activities]).reshape(-1, 2).T
    else:
        kinds = [lines.intensities(quantity) for quantity in ("ir", "raman")]
        seen = np.array([kind > _ZERO_SHARE * kind.max(initial=0.0) for kind in kinds])
    words = np.array([["silent", "Raman"], ["IR", "both"]])
    return tuple(words[seen[0].astype(int), seen[1].astype(int)].tolist())


def plot_spectra(
    lines_or_modes: Any,
    axis_cm1: Any = None,
    fwhm_cm1: float | tuple[float, float] = 10.0,
    shape: str = "lorentzian",
    *,
    labels: bool = True,
    laser_nm: float | None = None,
    temperature_k: float = 298.15,
) -> "Figure":
    """Figure with the IR spectrum above the Raman spectrum, sticks and envelope, and a row for silent modes.

    Envelopes belong to the left axes, sticks to the right ones. Each stick has the colour of who sees its mode; labels
    give irrep and wavenumber, spread so that they do not overlap, and the strongest ones where there is no room for
    all. Imaginary modes are named in the corner and not drawn.

    Parameters
    ----------
    lines_or_modes : LineList or NormalModes
        Anything with a method ``lines()`` that gives a line list. A technique without intensities has no panel.
    axis_cm1 : array (n,), optional
        Ascending; from below the lowest to above the highest line if not given.
    fwhm_cm1, shape
        As in `spectrum.render`.
    labels : bool
        False draws none. A list with a single irrep is labelled with wavenumbers only.
    laser_nm, temperature_k
        With a laser line (vacuum wavelength) the Raman panel shows differential Stokes cross-sections, not activities.

    Raises
    ------
    SpectrumError
        No intensities at all, a laser but no Raman intensities, or input that `render` refuses.
    """
    lines = _levels(lines_or_modes)
    raman = "raman" if laser_nm is None else "raman_cross_section"
    known = {"ir": lines.ir_km_per_mol is not None, raman: lines.raman_a4_per_amu is not None}
    if laser_nm is not None and not known[raman]:
        raise SpectrumError(f"plot_spectra(laser_nm={laser_nm}): {lines!r} has no Raman intensities.")
    quantities = [quantity for quantity, there in known.items() if there]
    if not quantities:
        raise SpectrumError(f"plot_spectra: {lines!r} has neither IR nor Raman intensities.")
    axis = _default_axis(lines, fwhm_cm1) if axis_cm1 is None else np.asarray(axis_cm1, dtype=float)
    light = {"laser_nm": laser_nm, "temperature_k": temperature_k}
    spectra = [render(lines, axis, shape, fwhm_cm1, quantity, **light) for quantity in quantities]
    kinds = _visibility(lines, quantities)
    silent = np.array([kind == "silent" for kind in kinds], dtype=bool) & _inside(lines, axis)
    figure, panels = _figure(len(quantities), bool(silent.any()))
    for panel, quantity, spectrum in zip(panels, quantities, spectra, strict=False):
        sections = quantity == "raman_cross_section"
        sticks = line_cross_sections(lines, laser_nm, temperature_k) if sections else lines.intensities(quantity)
        _panel(panel, lines, sticks, spectrum, kinds, labels)
    if silent.any():
        _silent_row(panels[-1], lines, silent, axis, labels)
    if len(quantities) == 2:
        _connect(panels[1], lines, kinds, axis)
    panels[-1].set_xlim(axis[-1], axis[0])
    panels[-1].set_xlabel("wavenumber, Raman shift / cm$^{-1}$")
    _titles(figure, panels[0], lines, spectra[-1], kinds)
    return figure


def _levels(lines_or_modes: Any) -> LineList:
    """The line list of modes, or the list itself, one line a level."""
    if isinstance(lines_or_modes, LineList):
        return lines_or_modes.merged() if lines_or_modes.irreps else lines_or_modes
    if not callable(getattr(lines_or_modes, "lines", None)):
        raise SpectrumError(
            f"plot_spectra: a LineList or NormalModes is needed, not a {type(lines_or_modes).__name__}."
        )
    return _levels(lines_or_modes.lines())


def _visibility(lines: LineList, quantities: list[str]) -> tuple[str, ...]:
    """As `line_visibility`; with one technique only and no rules, who sees a line is that technique or unknown."""
    if len(quantities) == 2 or (lines.point_group and lines.irreps is not None):
        return line_visibility(lines)
    return (_TECHNIQUES[quantities[0]],) * len(lines)


def _inside(lines: LineList, axis: NDArrayFloat) -> np.ndarray:
    """Real lines on the axis (n,)."""
    return (lines.wavenumbers_cm1 > 0) & (lines.wavenumbers_cm1 >= axis[0]) & (lines.wavenumbers_cm1 <= axis[-1])


def _default_axis(lines: LineList, fwhm_cm1: float | tuple[float, float]) -> NDArrayFloat:
    """An axis around the real lines with ten points to a width."""
    real = lines.wavenumbers_cm1[lines.wavenumbers_cm1 > 0]
    if not len(real):
        raise SpectrumError(f"plot_spectra: {lines!r} has no line above 0 cm-1; give axis_cm1 to plot an empty axis.")
    lowest = max(0.0, 50 * np.floor((real.min() - _MARGIN_CM1) / 50))
    highest = 50 * np.ceil((real.max() + _MARGIN_CM1) / 50)
    width = voigt_fwhm(*fwhm_cm1) if isinstance(fwhm_cm1, tuple) else float(fwhm_cm1)
    points = int(np.clip((highest - lowest) / max(width, 1e-3) * 10, 500, 40_000))
    return np.linspace(lowest, highest, points)


def _figure(n_spectra: int, silent_row: bool) -> tuple["Figure", list["Axes"]]:
    """A figure with one panel a spectrum and, below, a low one for silent modes; all share the x axis."""
    from matplotlib.figure import Figure

    ratios = [1.0] * n_spectra + ([0.3] if silent_row else [])
    figure = Figure(figsize=(_WIDTH_INCH, 0.9 + 2.6 * sum(ratios)), layout="constrained")
    grid = figure.add_gridspec(len(ratios), 1, height_ratios=ratios, hspace=0.0)
    panels: list[Axes] = []
    for row in range(len(ratios)):
        panels.append(figure.add_subplot(grid[row], sharex=panels[0] if panels else None))
        panels[-1].tick_params(labelbottom=row == len(ratios) - 1, direction="in", top=True, labelsize=9)
    return figure, panels


def _panel(
    ax: "Axes", lines: LineList, values: NDArrayFloat, spectrum: Spectrum, kinds: tuple[str, ...], labels: bool
) -> None:
    """Envelope (left axis), sticks of the heights ``values`` (right axis) and labels of one technique."""
    quantity = spectrum.quantity
    ax.plot(spectrum.axis, spectrum.intensity, color=_INK, linewidth=0.9, zorder=2)
    ax.fill_between(spectrum.axis, spectrum.intensity, color=_INK, alpha=0.07, linewidth=0, zorder=1)
    ax.set_ylabel(f"{_TECHNIQUES[quantity]}\n{_ENVELOPE_UNITS[quantity]}", fontsize=9)
    largest = float(spectrum.intensity.max())
    ax.set_ylim(0, (largest or 1.0) / (_ENVELOPE_SHARE if labels else 0.95))
    name = _TECHNIQUES[quantity]
    shown = _inside(lines, spectrum.axis) & np.array([kind in (name, "both") for kind in kinds], dtype=bool)
    sticks = ax.twinx()
    strongest = float(values[shown].max(initial=0.0))
    sticks.set_ylim(0, (strongest or 1.0) / (_ENVELOPE_SHARE if labels else 0.95))
    sticks.set_ylabel(f"sticks / {_STICK_UNITS[quantity]}", fontsize=9)
    sticks.tick_params(direction="in", labelsize=9)
    _sticks(sticks, lines, values, shown, kinds)
    named = shown & (values > _LABELLED * strongest)
    if labels and named.any():
        at = lines.wavenumbers_cm1[named]
        heights = np.maximum(
            np.interp(at, spectrum.axis, spectrum.intensity), values[named] * largest / (strongest or 1)
        )
        texts = [text for text, draw in zip(line_labels(lines), named, strict=True) if draw]
        colours = [_colours()[kind] for kind, draw in zip(kinds, named, strict=True) if draw]
        draw_labels(
            ax, spectrum.axis, at, heights, texts, colours, importance=values[named], base=_ENVELOPE_SHARE + 0.03
        )


def _sticks(ax: "Axes", lines: LineList, values: NDArrayFloat, shown: np.ndarray, kinds: tuple[str, ...]) -> None:
    for kind, colour in _colours().items():
        members = shown & np.array([k == kind for k in kinds], dtype=bool)
        if members.any():
            at, height = lines.wavenumbers_cm1[members], values[members]
            ax.vlines(at, 0, height, color=colour, linewidth=2.0, zorder=3)
            ax.plot(at, height, "D" if kind == "both" else "o", color=colour, markersize=4, clip_on=False, zorder=4)


def _colours() -> Mapping[str, str]:
    from ..groups.report_figures import VISIBILITY_COLOURS

    return {**VISIBILITY_COLOURS, "silent": "#7a808a"}  # thin ticks need a darker grey than bars


def _silent_row(ax: "Axes", lines: LineList, silent: np.ndarray, axis: NDArrayFloat, labels: bool) -> None:
    at = lines.wavenumbers_cm1[silent]
    ax.set(ylim=(0, 1), yticks=[])
    ax.set_ylabel("silent", fontsize=9, rotation=0, ha="right", va="center")
    ax.vlines(at, 0, 0.3, color=_colours()["silent"], linewidth=2.0)
    ax.set_facecolor("#f6f7f8")
    if labels and lines.irreps is not None:
        texts = [text for text, draw in zip(line_labels(lines, numbers=False), silent, strict=True) if draw]
        colours = [_INK] * len(texts)
        draw_labels(ax, axis, at, np.full(len(at), 0.3), texts, colours, importance=-at, base=0.5, upright=True)


def _connect(lower: "Axes", lines: LineList, kinds: tuple[str, ...], axis: NDArrayFloat) -> None:
    """Faint lines down into the Raman panel at what the infrared panel above shows too."""
    both = _inside(lines, axis) & np.array([kind == "both" for kind in kinds], dtype=bool)
    across = lower.get_xaxis_transform()
    lower.vlines(
        lines.wavenumbers_cm1[both], 0, 1, transform=across, color=_colours()["both"], linewidth=0.7,
        linestyle=(0, (2, 3)), alpha=0.6, zorder=0,
    )  # fmt: skip


def _titles(figure: "Figure", top: "Axes", lines: LineList, spectrum: Spectrum, kinds: tuple[str, ...]) -> None:
    """What is shown and where it comes from, a legend of the colours, and notes."""
    from matplotlib.lines import Line2D

    from ..groups.schoenflies import PointGroup

    name = lines.name.replace("$", r"\$") or "unnamed"
    group = f" (${PointGroup.parse(lines.point_group).latex}$)" if lines.point_group else ""
    widths = spectrum.fwhm_cm1 if isinstance(spectrum.fwhm_cm1, tuple) else (spectrum.fwhm_cm1,)
    width = " and ".join(f"{w:g}" for w in widths)
    source = spectrum.source.replace("$", r"\$")
    shape = spectrum.shape.replace("_", "-").capitalize()
    figure.suptitle(f"{name}{group}: {source}; {shape}, FWHM {width} cm$^{{-1}}$", fontsize=10.5)
    modes = lines._degeneracies * (lines.wavenumbers_cm1 > 0)
    counts = {kind: int(modes[np.array(kinds) == kind].sum()) for kind in _NAMES}
    handles = [
        Line2D([], [], color=_colours()[kind], marker="D" if kind == "both" else "o", markersize=4, linewidth=2,
               label=f"{_NAMES[kind]}: {count} modes")
        for kind, count in counts.items() if count
    ]  # fmt: skip
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9)
    imaginary = lines.wavenumbers_cm1[lines.imaginary]
    if len(imaginary):
        values = ", ".join(f"{-value:.0f}i" for value in imaginary[:4]) + (" ..." if len(imaginary) > 4 else "")
        note = f"not drawn: {len(imaginary)} imaginary ({values} cm$^{{-1}}$)"
        top.text(0.995, 0.5, note, ha="right", va="center", fontsize=8, color="#a33", transform=top.transAxes,
                 bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip


def plot_sticks(lines: LineList, ax: "Axes | None" = None, quantity: str | None = None) -> "Axes":
    """Axes with the lines of a list as sticks of "ir" or "raman" (the first known if not given)."""
    chosen = quantity or ("raman" if lines.ir_km_per_mol is None and lines.raman_a4_per_amu is not None else "ir")
    values = lines.intensities(chosen)
    ax = ax or _new_axes()
    real = lines.wavenumbers_cm1 > 0
    ax.vlines(lines.wavenumbers_cm1[real], 0, values[real], color=_colours()[_TECHNIQUES[chosen]], linewidth=1.8)
    ax.set_xlabel(_AXIS_NAMES["cm-1"])
    ax.set_ylabel(f"{_TECHNIQUES[chosen]} / {_STICK_UNITS[chosen]}")
    ax.set_ylim(0, 1.05 * (float(values[real].max(initial=0.0)) or 1.0))
    ax.set_title(f"{lines.name} {lines.source}".strip().replace("$", r"\$"), fontsize=10)
    if not ax.xaxis_inverted():
        ax.invert_xaxis()
    return ax


def plot_spectrum(spectrum: Spectrum, ax: "Axes | None" = None) -> "Axes":
    """Axes with a spectrum; a wavenumber axis falls from left to right, a wavelength axis rises."""
    ax = ax or _new_axes()
    ax.plot(spectrum.axis, spectrum.intensity, color=_INK, linewidth=1.0, label=spectrum.name or None)
    raman = spectrum.quantity.startswith("raman")
    ax.set_xlabel("Raman shift / cm$^{-1}$" if raman else _AXIS_NAMES[spectrum.axis_unit])
    ax.set_ylabel(_ENVELOPE_UNITS[spectrum.quantity])
    ax.set_title(f"{spectrum.name} {spectrum.source}".strip().replace("$", r"\$"), fontsize=10)
    if spectrum.axis_unit == "cm-1":
        ax.set_xlim(spectrum.axis[-1], spectrum.axis[0])
    return ax


def plot_refractive_index(index: "ComplexRefractiveIndex", ax: "Axes | None" = None) -> "Axes":
    """Axes with n - n_inf and k over the falling wavenumber."""
    ax = ax or _new_axes()
    ax.plot(index.axis_cm1, index.n - index.n_inf, color="#2f6690", label=f"$n - n_\\infty$ ({index.n_inf:g})")
    ax.plot(index.axis_cm1, index.k, color="#c8553d", linestyle="--", label="$k$")
    ax.set_xlabel(_AXIS_NAMES["cm-1"])
    ax.set_title(f"{index.name} {index.source}".strip().replace("$", r"\$"), fontsize=10)
    ax.set_xlim(index.axis_cm1[-1], index.axis_cm1[0])
    ax.legend(frameon=False)
    return ax


def picture_path(path: str | Path) -> Path:
    """The path, if `save_figure` can write a picture of that kind there.

    Raises
    ------
    SpectrumError
        A suffix other than .png, .svg and .pdf, or a folder that does not exist.
    """
    target = Path(path)
    if target.suffix.lower() not in _SUFFIXES:
        raise SpectrumError(f"save_figure({str(path)!r}): the suffix must be one of {', '.join(_SUFFIXES)}.")
    if not target.parent.is_dir():
        raise SpectrumError(f"save_figure({str(path)!r}): there is no folder {target.parent}.")
    return target


def save_figure(figure: "Figure", path: str | Path, dpi: float = 160.0) -> Path:
    """Write a figure as .png, .svg or .pdf and return the path; the same figure gives the same file.

    Raises
    ------
    SpectrumError
        Another suffix, or a folder that does not exist.
    """
    import matplotlib as mpl

    from ..groups.atomic_write import writing

    target = picture_path(path)
    kind = target.suffix.lower()[1:]
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    with mpl.rc_context({"svg.hashsalt": "symvib"}), writing(target) as stream:
        figure.savefig(stream, format=kind, dpi=dpi, metadata=dates)
    return target


def _new_axes() -> "Axes":
    from matplotlib.figure import Figure

    return Figure(figsize=(7.2, 3.6), layout="constrained").add_subplot()
