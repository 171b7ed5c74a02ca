"""What the ordinate of a measured spectrum is: absorbance, or transmittance that must be turned over first."""

from dataclasses import dataclass

import numpy as np

from ..errors import SpectrumError
from ..forward.beer_lambert import transmittance_to_absorbance
from ..groups.operations import NDArrayFloat

__all__ = ["Ordinate", "as_absorbance", "looks_like_transmittance"]

_LOWEST_TRANSMITTANCE = 1e-3  # absorbance 3: what lies below is stray light and noise in most instruments
_MOST_SATURATED = 0.3
_CEILINGS = {1.0: (0.75, 1.15), 100.0: (75.0, 115.0)}
_LOOKED_AT = 2048


@dataclass(frozen=True)
class Ordinate:
    """Signs of transmittance: does the spectrum dip from a ceiling, where is that, and is it near 1 or 100 (full)?"""

    dips: bool
    ceiling: float
    full_scale: float | None


def looks_like_transmittance(values: NDArrayFloat) -> Ordinate:
    """How the ordinate looks: bands that dip (most points lie high, narrow structures point down), and the ceiling.

    Two signs are needed: the median lies in the upper part of the range, and what a running median (an eighth of the
    spectrum wide) leaves is skewed downwards. Absorption spectra fail both, also on a sloping background.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 400)
    >>> looks_like_transmittance(98 - 60 * np.exp(-((x / 0.03) ** 2))).full_scale
    100.0
    >>> looks_like_transmittance(np.exp(-((x / 0.03) ** 2))).dips
    False
    """
    from scipy.ndimage import median_filter

    some = values[:: max(1, len(values) // _LOOKED_AT)]
    lowest, ceiling = np.quantile(some, (0.005, 0.95))
    spread = float(ceiling - lowest)
    if spread <= 0:
        return Ordinate(False, float(ceiling), None)
    rest = some - median_filter(some, size=max(3, len(some) // 8), mode="nearest")
    scale = float(np.sqrt(np.mean(rest**2)))
    skewness = float(np.mean(rest**3)) / scale**3 if scale > 0 else 0.0
    dips = (float(np.median(some)) - lowest) / spread > 0.6 and skewness < -0.5
    full = next((scale for scale, (low, high) in _CEILINGS.items() if low <= ceiling <= high), None)
    return Ordinate(bool(dips), float(ceiling), full)


def as_absorbance(
    values: NDArrayFloat, quantity: str | None, insisted: bool, source: str
) -> tuple[NDArrayFloat, tuple[str, ...]]:
    """Absorbance of an ordinate, with what was done to it.

    Parameters
    ----------
    values : ndarray (n,)
    quantity : str or None
        "absorbance", "transmittance", or None where nothing says it: then a spectrum that dips from a ceiling near 1
        or 100 is converted.
    insisted : bool
        The user stated the quantity, so it is not doubted.
    source : str
        For messages.

    Raises
    ------
    SpectrumError
        Bands that dip from a ceiling that is neither 1 nor 100, or under the label of an absorbance; bands that rise
        under the label of a transmittance; transmittance with nothing above zero, or saturated over 30 % of the axis.
    """
    if insisted:
        return _converted(values, source) if quantity == "transmittance" else (values, ())
    if quantity == "transmittance":
        if looks_like_transmittance(-values).dips:
            raise SpectrumError(
                f"{source} is labelled transmittance but its bands rise from a floor, as in an absorbance. State "
                "quantity='absorbance' to have it taken as it is, or quantity='transmittance' to have it converted."
            )
        return _converted(values, source)
    seen = looks_like_transmittance(values)
    if not seen.dips:
        return values, ()
    if quantity is None and seen.full_scale is not None:
        converted, notes = _converted(values, source)
        said = f"the bands dip from a ceiling of {seen.ceiling:.3g}: taken as transmittance and turned into absorbance"
        return converted, (said, *notes)
    label = f"is labelled {quantity} but" if quantity else "states no quantity and"
    raise SpectrumError(
        f"{source} {label} its bands dip from a ceiling of {seen.ceiling:.3g}, as in a transmittance. State "
        "quantity='transmittance' to have it converted (its full scale being 1 or 100), or quantity='absorbance' to "
        "have it taken as it is."
    )


def _converted(values: NDArrayFloat, source: str) -> tuple[NDArrayFloat, tuple[str, ...]]:
    notes: list[str] = []
    top = float(np.quantile(values, 0.95))
    if top <= 0:
        raise SpectrumError(f"{source}: a transmittance whose 95 % quantile is {top:.3g}; nothing passes.")
    if top > 2.0:
        values = values / 100.0
        notes.append("transmittance in per cent")
    low = values < _LOWEST_TRANSMITTANCE
    share = float(low.mean())
    if share > _MOST_SATURATED:
        raise SpectrumError(
            f"{source}: {share:.0%} of the points have a transmittance below {_LOWEST_TRANSMITTANCE}: the sample is "
            "too thick (or the ordinate is no transmittance)."
        )
    if share:
        notes.append(f"{int(low.sum())} points with transmittance below {_LOWEST_TRANSMITTANCE}: absorbance cut at 3")
    return transmittance_to_absorbance(np.maximum(values, _LOWEST_TRANSMITTANCE)), tuple(notes)
