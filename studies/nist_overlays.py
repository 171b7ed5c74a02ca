"""Ten measured gas-phase infrared spectra over computed ones: ``python studies/nist_overlays.py``.

Needs ../shared/data (NIST and Coblentz spectra, experimental geometries), tblite, matplotlib, and the scale factor in
studies/results/fundamentals_xtb.json. Takes about 20 seconds. Draws docs/images/nist_overlays.png and writes
studies/results/nist_overlays.json.

Measured spectra are turned into decadic absorbance; transmittance at or below 0.005 is saturated, and set to that. They
are of 0.1 to 4 1/cm resolution, show rotational lines, and are convolved with a Gaussian of 15 1/cm. A constant (the
5th percentile) is taken off, and both curves are divided by their maximum between 500 and 3800 1/cm: nothing is fitted.
The simulated curve is GFN2-xTB, harmonic, every line a Lorentzian of 30 1/cm.
"""

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from _matching import starting_geometry
from _tools import IMAGES, SHARED, cached_response, read_results, write_results

from symvib import normal_modes
from symvib.forward.lines import LineList
from symvib.forward.spectrum import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPECTRA = SHARED / "molecules" / "nist_coblentz_ir.npz"
INDEX = SHARED / "molecules" / "nist_coblentz_ir_index.csv"
METHOD = "GFN2-xTB"
FWHM_CM1 = 30.0
LOWEST_CM1, HIGHEST_CM1 = 500.0, 3800.0
LOWEST_TRANSMITTANCE = 0.005
BASELINE_PERCENTILE = 5
RESOLUTION_CM1 = 15.0  # full width at half maximum of the Gaussian for the picture
BAND_WIDTH_CM1 = 15.0  # standard deviation of the Gaussian that merges the P and R branches of a band
BAND_HEIGHT, BAND_DISTANCE_CM1, N_BANDS = 0.08, 110.0, 4
LINE_SHARE = 0.001  # lines weaker than that share of the strongest are no partners of a band
SEARCH_CM1 = 250.0
STEP_CM1 = 0.1
FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
# file of the spectrum (its name in the index) -> (name of the geometry, caption)
MOLECULES = {
    "benzene.jdx": ("Benzene", "benzene, $D_{6h}$"),
    "methane.jdx": ("Methane", "methane, $T_d$"),
    "ammonia.jdx": ("Ammonia", "ammonia, $C_{3v}$"),
    "ethylene.jdx": ("Ethylene", "ethene, $D_{2h}$"),
    "ethane.jdx": ("Ethane", "ethane, $D_{3d}$"),
    "ethylene oxide.jdx": ("Ethylene oxide", "ethylene oxide, $C_{2v}$"),
    "carbon dioxide.jdx": ("Carbon dioxide", "carbon dioxide, $D_{\\infty h}$"),
    "sulfur dioxide.jdx": ("Sulfur dioxide", "sulfur dioxide, $C_{2v}$"),
    "carbon tetrafluoride.jdx": ("Carbon tetrafluoride", "tetrafluoromethane, $T_d$"),
    "sulphur hexafluoride.jdx": ("Sulfur Hexafluoride", "sulfur hexafluoride, $O_h$"),
}


@dataclass(frozen=True, eq=False)
class Measured:
    """A measured spectrum as decadic absorbance (or proportional to it) on an even axis.

    ``saturated`` marks points at which the transmittance was too low to be read.
    """

    axis_cm1: np.ndarray
    absorbance: np.ndarray
    saturated: np.ndarray


def measured_spectrum(file_name: str) -> Measured:
    """The spectrum between `LOWEST_CM1` and `HIGHEST_CM1`, baseline off."""
    with INDEX.open(encoding="utf-8", newline="") as stream:
        entry = next(row for row in csv.DictReader(stream) if row["file"] == file_name)
    with np.load(SPECTRA) as data:
        axis, values = data[f"{entry['key']}_x"], data[f"{entry['key']}_y"].astype(float)
    inside = (axis >= LOWEST_CM1) & (axis <= HIGHEST_CM1)
    axis, values = axis[inside], values[inside]
    saturated = np.zeros(len(axis), dtype=bool)
    if entry["yunits"] == "TRANSMITTANCE":
        saturated = values <= LOWEST_TRANSMITTANCE
        values = -np.log10(np.maximum(values, LOWEST_TRANSMITTANCE))
    even = np.arange(axis[0], axis[-1], STEP_CM1)
    absorbance = np.interp(even, axis, values)
    near_saturated = np.interp(even, axis, saturated) > 0
    return Measured(even, absorbance - np.percentile(absorbance, BASELINE_PERCENTILE), near_saturated)


def smoothed(spectrum: Measured, sigma_cm1: float) -> np.ndarray:
    """Absorbance convolved with a Gaussian, the largest value 1."""
    from scipy.ndimage import gaussian_filter1d

    values = gaussian_filter1d(spectrum.absorbance, sigma_cm1 / STEP_CM1)
    return values / values.max()


def bands(spectrum: Measured) -> list[dict[str, Any]]:
    """The highest bands of the smoothed spectrum: centroid (1/cm), height, whether it is saturated."""
    from scipy.signal import find_peaks

    axis, values, smooth = spectrum.axis_cm1, spectrum.absorbance, smoothed(spectrum, BAND_WIDTH_CM1)
    distance = BAND_DISTANCE_CM1 / STEP_CM1
    peaks, _ = find_peaks(smooth, height=BAND_HEIGHT, distance=distance, prominence=BAND_HEIGHT / 2)
    found = []
    for peak in sorted(peaks, key=lambda k: -smooth[k])[:N_BANDS]:
        near = np.abs(axis - axis[peak]) < BAND_DISTANCE_CM1 / 2
        weight = np.clip(values, 0, None) * (near & (smooth > smooth[peak] / 3))
        found.append(
            {
                "measured_cm1": round(float(axis @ weight / weight.sum()), 0),
                "height": round(float(smooth[peak]), 2),
                "saturated": bool(spectrum.saturated[near].any()),
            }
        )
    return found


def partner_of(band: dict[str, Any], lines: LineList) -> dict[str, Any]:
    """The band with the nearest computed line that is not too weak or too far, or None."""
    ir = lines.ir_km_per_mol
    assert ir is not None
    assert lines.irreps is not None
    strong = np.flatnonzero(ir > LINE_SHARE * ir.max())
    k = strong[np.argmin(np.abs(lines.wavenumbers_cm1[strong] - band["measured_cm1"]))]
    error = float(lines.wavenumbers_cm1[k] - band["measured_cm1"])
    if abs(error) > SEARCH_CM1:
        return band | {"computed_cm1": None, "irrep": None, "computed_height": None, "error": None}
    return band | {
        "computed_cm1": round(float(lines.wavenumbers_cm1[k]), 0),
        "irrep": lines.irreps[k],
        "computed_height": round(float(ir[k] / ir.max()), 3),
        "error": round(error, 0),
    }


def simulated_lines(geometry: str, factor: float) -> LineList:
    """Line list of GFN2-xTB, wavenumbers times the factor."""
    return normal_modes(cached_response(starting_geometry(geometry), "xtb", METHOD)).lines().merged().scaled(factor)


def draw(axes: "Axes", caption: str, spectrum: Measured, lines: LineList) -> None:
    """One panel: measured as an area, simulated as a line, wavenumbers falling to the right."""
    grid = np.linspace(LOWEST_CM1, HIGHEST_CM1, 6601)
    simulated = render(lines, grid, "lorentzian", FWHM_CM1).intensity
    shown = smoothed(spectrum, RESOLUTION_CM1 / FWHM_PER_SIGMA)
    axes.fill_between(spectrum.axis_cm1, shown, facecolor="0.85", edgecolor="0.35", linewidth=0.8, label="measured")
    axes.plot(grid, simulated / simulated.max(), color="#d1495b", linewidth=1.3, label="simulated")
    axes.set(xlim=(HIGHEST_CM1, LOWEST_CM1), ylim=(-0.03, 1.3), yticks=[0, 0.5, 1])
    axes.text(0.015, 0.95, caption, transform=axes.transAxes, va="top", ha="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Draw the figure and write the table."""
    if not SPECTRA.exists():
        raise SystemExit(f"{SPECTRA} is absent: this study needs the shared data.")
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    factor = read_results("fundamentals_xtb")["methods"][METHOD]["scale_factor"]
    figure, panels = plt.subplots(5, 2, figsize=(11, 11.5), sharex=True, sharey=True, layout="constrained")
    results: dict[str, Any] = {"scale_factor": factor, "fwhm_cm1": FWHM_CM1, "method": METHOD}
    results |= {"resolution_cm1": RESOLUTION_CM1, "line_share": LINE_SHARE, "search_cm1": SEARCH_CM1, "molecules": {}}
    for axes, (file_name, (geometry, caption)) in zip(panels.ravel(), MOLECULES.items(), strict=True):
        spectrum, lines = measured_spectrum(file_name), simulated_lines(geometry, factor)
        draw(axes, caption, spectrum, lines)
        results["molecules"][caption.split(",")[0]] = [partner_of(band, lines) for band in bands(spectrum)]
    figure.supxlabel("wavenumber (cm$^{-1}$)")
    figure.supylabel("absorbance, largest = 1")
    handles, _ = panels[0, 0].get_legend_handles_labels()
    labels = [
        f"measured (NIST, gas), at {RESOLUTION_CM1:g} cm$^{{-1}}$ resolution",
        f"simulated: {METHOD}, harmonic × {factor}, Lorentzian {FWHM_CM1:g} cm$^{{-1}}$",
    ]
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    IMAGES.mkdir(parents=True, exist_ok=True)
    figure.savefig(IMAGES / "nist_overlays.png", dpi=110, metadata={"Software": None})
    print(write_results("nist_overlays", results))


if __name__ == "__main__":
    main()
