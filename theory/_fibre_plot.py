"""The picture of a fibre: force constants that move, above spectra that do not."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..forward.lines import LineList
from ..forward.normal_modes import normal_modes
from ..forward.spectrum import render

if TYPE_CHECKING:
    from .fibre import Fibre

__all__ = ["plot_fibre"]

_CONSTANTS = 5  # as many as can be told apart
_FWHM_CM1 = 12.0
_AXIS_CM1 = np.linspace(100.0, 3600.0, 3501)
_QUANTITIES = (("ir", "ir_km_per_mol", "IR"), ("raman", "raman_a4_per_amu", "Raman"))


def plot_fibre(fibre: "Fibre", ax: Any = None) -> Any:
    """Axes, of which the left half has the constants and the right half the spectra of all points."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    if ax is None:
        ax = plt.subplots(figsize=(11, 4.6))[1]
    ax.axis("off")
    left = ax.inset_axes((0.0, 0.0, 0.40, 1.0))
    order = [fibre.labels.index(change.label) for change in fibre.changes()[:_CONSTANTS]]
    units = fibre.molecular_block.constant_units
    for i in order:
        moved = fibre.constants[:, i] - fibre.constants[0, i]
        left.plot(100 * fibre.relative_change, moved, "o-", markersize=3, label=f"{fibre.labels[i]} ({units[i]})")
    left.axhline(0.0, color="0.7", linewidth=0.8)
    left.set_xlabel("change of the force field of the block, %")
    left.set_ylabel("change of the constant, its unit")
    left.legend(fontsize=7, frameon=False, loc="best")
    left.set_title(f"{fibre.irrep}: force constants", fontsize=9)
    shown = _spectra(fibre)
    colours = mpl.colormaps["viridis"](np.linspace(0, 0.9, len(fibre)))
    height = 1.0 / max(len(shown), 1)
    for row, (title, spectra) in enumerate(shown):
        panel = ax.inset_axes((0.50, 1.0 - (row + 1) * height, 0.50, height - 0.10 * (row > 0)))
        panel.plot(_AXIS_CM1, spectra[0], color="0.8", linewidth=4.0)
        for colour, spectrum in zip(colours[1:], spectra[1:], strict=True):
            panel.plot(_AXIS_CM1, spectrum, color=colour, linewidth=0.8)
        panel.set_yticks([])
        panel.set_xlim(_AXIS_CM1[-1], _AXIS_CM1[0])
        panel.set_title(f"{title}: {len(spectra)} simulated spectra (the first one wide and grey)", fontsize=9)
        if row + 1 < len(shown):
            panel.tick_params(labelbottom=False)
        else:
            panel.set_xlabel("wavenumber, 1/cm")
    return ax


def _spectra(fibre: "Fibre") -> list[tuple[str, list[Any]]]:
    """Title and spectra of each technique that is observed and that the response has."""
    lines: list[LineList] = [normal_modes(fibre.response(k), check=False).lines() for k in range(len(fibre))]
    found = []
    for name, column, title in _QUANTITIES:
        if name in fibre.observables and getattr(lines[0], column) is not None:
            curves = [render(line, _AXIS_CM1, fwhm_cm1=_FWHM_CM1, quantity=name).intensity for line in lines]
            found.append((title, curves))
    return found
