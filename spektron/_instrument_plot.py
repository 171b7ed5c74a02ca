"""Pictures and tables of virtual instruments."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .instrument import VirtualInstrument

_LOWEST_CM1, _HIGHEST_CM1 = 400.0, 4000.0
_NAMES = {"ir": "infrared", "raman": "Raman"}


def plot_instrument(instrument: "VirtualInstrument", ax: "Axes | None" = None) -> "Axes":
    """Axes with the response and the mean baseline (left) and the error of the axis (right) over 400 to 4000 1/cm."""
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(7.0, 3.2), layout="constrained").add_subplot()
    u = np.linspace(0, 1, 500)
    axis = _LOWEST_CM1 + (_HIGHEST_CM1 - _LOWEST_CM1) * u
    ax.plot(axis, np.exp(_cosines(u, instrument.log_response)), color="#0072B2", label="response")
    baseline = np.polynomial.chebyshev.chebval(2 * u - 1, instrument.baseline)
    ax.plot(axis, baseline, color="#333333", linestyle="--", label="mean baseline / maximum")
    ax.set_ylim(min(-0.1, float(baseline.min()) - 0.1), None)
    ax.set_ylabel("share of the ideal")
    error = ax.twinx()
    wrong = instrument.shift_cm1 + _cosines(u, instrument.warp_cm1)
    error.plot(axis, wrong, color="#D55E00", linestyle=":", label="axis error (right)")
    largest = 1.2 * max(1.0, float(np.abs(wrong).max()))
    error.set_ylim(-largest, largest)
    error.set_ylabel("axis error / cm$^{-1}$")
    ax.set_xlim(_HIGHEST_CM1, _LOWEST_CM1)
    ax.set_xlabel("wavenumber / cm$^{-1}$")
    ax.set_title(_title(instrument), fontsize=9)
    handles = [*ax.get_lines(), *error.get_lines()]
    ax.legend(handles, [str(h.get_label()) for h in handles], fontsize=8, loc="center left")
    return ax


def instrument_html(instrument: "VirtualInstrument") -> str:
    """A table of the numbers."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(_text(value))}</td></tr>"
        for name, value in instrument.as_dict().items()
        if name != "simulated"
    )
    return f"<table><caption>{escape(_title(instrument))}</caption>{rows}</table>"


def _title(instrument: "VirtualInstrument") -> str:
    return (
        f"simulated {_NAMES[instrument.modality]} spectrometer, seed {instrument.seed}: resolution "
        f"{instrument.gaussian_fwhm_cm1:.1f} cm-1, noise {instrument.noise:.1%}, stray light "
        f"{instrument.stray_light:.1%}"
    )


def _cosines(u: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    return np.cos(np.pi * np.outer(u, np.arange(1, len(coefficients) + 1))) @ np.asarray(coefficients)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
