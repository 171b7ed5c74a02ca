"""The checks and conversions that `inputs.spectral_input` goes through, each saying what it did."""

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat
from ._reading import ReadSpectrum

__all__ = ["ascending", "check_coverage", "check_values", "finite", "stated_modality", "wavenumbers"]

_FEWEST_POINTS = 16
_LEAST_COVERAGE = 0.05
_NEGATIVE_SHARE = 0.05  # of the maximum: below this it is noise around zero
_COARSE_CM1 = 16.0
_BACKGROUND = 0.5
_LONGEST_WAVELENGTH_UM = 60.0


def finite(found: ReadSpectrum, notes: list[str]) -> tuple[str, NDArrayFloat, NDArrayFloat]:
    """What the spectrum says it is, and its points without those that are NaN or infinite."""
    if not np.isfinite(found.axis).all():
        raise SpectrumError(
            f"{found.source}: the axis holds {int((~np.isfinite(found.axis)).sum())} NaN or infinities."
        )
    good = np.isfinite(found.values)
    if good.sum() < max(_FEWEST_POINTS, 0.5 * len(good)):
        raise SpectrumError(
            f"{found.source}: {len(good)} points, {int(good.sum())} of them numbers; {_FEWEST_POINTS} at least, and "
            "half of all, are needed."
        )
    if not good.all():
        notes.append(f"{int((~good).sum())} of {len(good)} points are NaN or infinite: left out")
    return found.quantity, found.axis[good], found.values[good]


def ascending(
    points: NDArrayFloat, values: NDArrayFloat, source: str, notes: list[str]
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """The points in ascending order; a few at one place of the axis are averaged, many are refused."""
    steps = np.diff(points)
    if (steps > 0).all():
        return points, values
    if (steps < 0).all():
        notes.append("the axis descended: turned round")
        return points[::-1], values[::-1]
    unique, place, counts = np.unique(points, return_inverse=True, return_counts=True)
    if len(unique) < 0.9 * len(points):
        raise SpectrumError(
            f"{source}: {len(points)} points at {len(unique)} places of the axis; several spectra in one? Give one."
        )
    notes.append("the axis was not in order: sorted, points at one place averaged")
    return unique, np.bincount(place, values) / counts


def stated_modality(asked: str | None, quantity: str, source: str, notes: list[str]) -> str:
    """The modality asked for, or the one that the spectrum states, or "ir" with a note."""
    said = (
        "raman" if quantity.startswith("raman") else "ir" if quantity in ("ir", "absorbance", "transmittance") else None
    )
    if asked is None:
        if said is None:
            notes.append("nothing states IR or Raman: taken as IR")
        return said or "ir"
    if said is not None and (said == "raman") != (asked == "raman"):
        raise SpectrumError(f"{source} is {quantity} by its own words; it was given as modality {asked!r}.")
    return asked


def wavenumbers(
    points: NDArrayFloat, values: NDArrayFloat, unit: str | None, modality: str, source: str, notes: list[str]
) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Ascending wavenumbers (for Raman: Stokes shifts) and the values there."""
    if unit is None:
        unit = "cm-1"
        if points[-1] <= _LONGEST_WAVELENGTH_UM:
            raise SpectrumError(
                f"{source}: no unit stated, and an axis from {points[0]:g} to {points[-1]:g} looks like micrometres; "
                "state unit='um', --unit um in the shell (or cm-1, nm)."
            )
        if modality == "nir" and points[-1] < 3500:
            raise SpectrumError(
                f"{source}: no unit stated, and a near-infrared axis from {points[0]:g} to {points[-1]:g} looks like "
                "nanometres; state unit='nm', --unit nm in the shell (or cm-1, um)."
            )
        notes.append("no unit stated: the axis is taken as cm-1")
    if " or " in unit:
        raise SpectrumError(f"{source}: its head names {unit}; state unit= of the axis.")
    if modality == "raman":
        if unit != "cm-1":
            raise SpectrumError(
                f"{source}: Raman over {unit}; without the laser line that is no shift. Give the axis in cm-1: "
                "shift = 1e7/laser_nm - 1e7/wavelength_nm."
            )
        stokes = points > 0
        if not stokes.all():
            notes.append(f"{int((~stokes).sum())} points at or below zero shift: left out")
            points, values = points[stokes], values[stokes]
        if len(points) < _FEWEST_POINTS:
            raise SpectrumError(f"{source}: {len(points)} points above zero shift; {_FEWEST_POINTS} are needed.")
        return points, values
    if points[0] < 0 or (points[0] == 0 and unit != "cm-1"):
        raise SpectrumError(f"{source}: the axis begins at {points[0]:g} {unit}; light has none there.")
    if unit == "cm-1":
        return points, values
    notes.append(f"wavelengths in {unit}: turned into wavenumbers")
    return ({"um": 1e4, "nm": 1e7}[unit] / points)[::-1], values[::-1]


def check_values(values: NDArrayFloat, source: str, notes: list[str]) -> None:
    """Refuse what is flat or nowhere positive; say what looks like a difference or has a strong background."""
    lowest, highest = float(values.min()), float(values.max())
    if highest - lowest <= 1e-9 * max(abs(lowest), abs(highest), 1e-300):
        raise SpectrumError(f"{source} is flat: every value is {highest:.6g}. There is nothing to read in it.")
    if highest <= 0:
        raise SpectrumError(
            f"{source} is nowhere positive ({lowest:.4g} to {highest:.4g}): a difference spectrum, or turned over?"
        )
    if lowest < -_NEGATIVE_SHARE * highest:
        notes.append(f"negative down to {lowest / highest:.0%} of the maximum: a difference or derivative spectrum?")
    elif float(np.median(values)) > _BACKGROUND * highest:
        notes.append("half of the points exceed half of the maximum: subtract the background first")


def check_coverage(
    points: NDArrayFloat, covered: np.ndarray, channels: NDArrayFloat, source: str, notes: list[str]
) -> None:
    """Refuse what hardly overlaps with the channels; say how much does, and whether the points are far apart."""
    low, high = channels[0], channels[-1]
    inside = int(((points >= low) & (points <= high)).sum())
    share = float(covered.mean())
    if inside < _FEWEST_POINTS or share < _LEAST_COVERAGE:
        raise SpectrumError(
            f"{source} runs from {points[0]:g} to {points[-1]:g} cm-1 with {inside} points inside the model's range "
            f"of {low:g} to {high:g} cm-1 ({share:.1%} of its channels); {_FEWEST_POINTS} points and "
            f"{_LEAST_COVERAGE:.0%} are needed. Is the unit of the axis right?"
        )
    if share < 0.5:
        notes.append(f"only {share:.0%} of the model's range of {low:g} to {high:g} cm-1 is covered")
    within = points[(points >= low) & (points <= high)]
    step = float(np.median(np.diff(within)))
    if step > _COARSE_CM1:
        notes.append(f"points {step:.3g} cm-1 apart: narrower bands are lost")
