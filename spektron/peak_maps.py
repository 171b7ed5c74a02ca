"""Spectra as maps of their peaks: what was fitted in each bin of the axis, the same for any order of the peaks."""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SpectrumError
from ..forward.peak_fit import fit_peaks
from ..groups.operations import NDArrayFloat

__all__ = ["MAP_CHANNELS", "PeakBins", "PeakCache", "fitted_peaks", "peak_features"]

#: What the last index of a map runs over. Root of the height (spectrum scaled to a maximum of 1), place in the bin
#: (-1/2 to 1/2), log of FWHM over bin width, Lorentzian share; 0 where there is no peak. "measured" is 1 or 0.
MAP_CHANNELS = ("presence", "root_height", "offset", "log_width", "lorentzian_share", "measured")
_MEASURED_SHARE = 0.5  # of the points of a bin
_MAX_PEAKS = 24
_MOST_POINTS = 1000  # of a fit: of a longer axis every second, third, ... point is taken, which saves as much time
_FORMAT = b"symvib peaks 2"


class PeakCache(MutableMapping[str, NDArrayFloat]):
    """Fitted peaks (k, 4) by the digest of what they were fitted to; kept in one file if a path is given.

    Examples
    --------
    >>> cache = PeakCache()
    >>> axis = np.linspace(100.0, 400.0, 301)
    >>> peaks = fitted_peaks(axis, np.exp(-(((axis - 250) / 9) ** 2))[None], cache=cache)
    >>> len(cache), peaks[0].shape
    (1, (1, 4))
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._peaks: dict[str, NDArrayFloat] = {}
        if self.path is not None and self.path.exists():
            with np.load(self.path, allow_pickle=False) as file:
                parts = np.split(file["peaks"], np.cumsum(file["counts"])[:-1])
                self._peaks = dict(zip(file["digests"].tolist(), parts, strict=True))

    def __getitem__(self, key: str) -> NDArrayFloat:
        return self._peaks[key]

    def __setitem__(self, key: str, value: NDArrayFloat) -> None:
        self._peaks[key] = value

    def __delitem__(self, key: str) -> None:
        del self._peaks[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._peaks)

    def __len__(self) -> int:
        return len(self._peaks)

    def save(self) -> None:
        """Write the file in full or not at all; SpectrumError for a cache without a path."""
        from ..groups.atomic_write import writing

        if self.path is None:
            raise SpectrumError("PeakCache.save: the cache was made without a path; give one: PeakCache(path).")
        if not self._peaks:
            return
        with writing(self.path) as file:
            np.savez_compressed(
                file,
                digests=np.array(list(self._peaks)),
                counts=np.array([len(p) for p in self._peaks.values()]),
                peaks=np.concatenate(list(self._peaks.values())),
            )


def fitted_peaks(
    axis: Any,
    spectra: Any,
    mask: Any = None,
    *,
    cache: MutableMapping[str, NDArrayFloat] | None = None,
    max_peaks: int = _MAX_PEAKS,
    save_every: int = 0,
) -> list[NDArrayFloat]:
    """Position, height, FWHM and Lorentzian share (k, 4) of the Voigt peaks of each spectrum, by `fit_peaks`.

    Parameters
    ----------
    axis : array (L,)
        Ascending; any unit.
    spectra : array (n, L)
        Heights come in their unit.
    mask : array of bool (n, L), optional
        True where measured; without it, where finite. A flat spectrum has no peaks.
    cache : mapping, optional
        Looked up first and filled: the fits are the slow part (about 0.3 s each).
    save_every : int
        Save a `PeakCache` after this many new fits; 0 never.
    """
    x = np.asarray(axis, dtype=float)
    rows = np.asarray(spectra)
    if rows.ndim != 2 or rows.shape[1] != len(x):
        raise SpectrumError(f"fitted_peaks: spectra of shape {rows.shape} on an axis of {len(x)} points.")
    measured = np.isfinite(rows) if mask is None else np.asarray(mask, dtype=bool)
    if measured.shape != rows.shape:
        raise SpectrumError(f"fitted_peaks: the mask has shape {measured.shape}, the spectra {rows.shape}.")
    known = {} if cache is None else cache
    found, new = [], 0
    for row, here in zip(rows, measured, strict=True):
        key = _digest(x, row, here, max_peaks)
        if key not in known:
            known[key] = _peaks_of(x, row, here, max_peaks)
            new += 1
            if save_every and new % save_every == 0 and isinstance(known, PeakCache):
                known.save()
        found.append(known[key])
    return found


def _digest(axis: NDArrayFloat, row: NDArrayFloat, mask: Any, max_peaks: int) -> str:
    """Of the axis, the measured values in single precision, where they are, and the settings."""
    values = np.where(mask, row, 0).astype(np.float32)
    hashed = blake2b(_FORMAT + max_peaks.to_bytes(4, "little"), digest_size=16)
    for part in (axis, values, np.packbits(mask)):
        hashed.update(np.ascontiguousarray(part).tobytes())
    return hashed.hexdigest()


def _peaks_of(axis: NDArrayFloat, row: NDArrayFloat, mask: Any, max_peaks: int) -> NDArrayFloat:
    step = -(-len(axis) // _MOST_POINTS)
    axis, row, mask = axis[::step], row[::step], mask[::step]
    values = row[mask]
    if not len(values) or np.ptp(values) <= 1e-9 * np.abs(values).max():
        return np.zeros((0, 4))
    fit = fit_peaks(axis, row, shape="voigt", max_peaks=max_peaks, mask=mask)
    return np.stack([fit.positions_cm1, fit.heights, fit.fwhm_cm1, fit.lorentzian_share], axis=1)


@dataclass(frozen=True, eq=False)
class PeakBins:
    """Bins of equal width over an axis, and the maps of peaks on them.

    Attributes
    ----------
    axis : ndarray (L,)
    width : float
        In the unit of the axis.
    """

    axis: NDArrayFloat
    width: float

    def __len__(self) -> int:
        return int(np.ceil((self.axis[-1] - self.axis[0]) / self.width - 1e-9)) or 1

    @property
    def centres(self) -> NDArrayFloat:
        """Middles (bins,) of the bins."""
        return self.axis[0] + (np.arange(len(self)) + 0.5) * self.width

    def index(self, positions: NDArrayFloat) -> Any:
        """The bin of each position, ends included."""
        return np.clip(((positions - self.axis[0]) / self.width).astype(int), 0, len(self) - 1)

    def measured(self, mask: Any) -> Any:
        """1 (n, bins) where at least half of a bin's points were measured, else 0."""
        place = self.index(self.axis)
        member = (place[:, None] == np.arange(len(self))).astype(float)
        share = np.asarray(mask, dtype=float) @ member / np.maximum(member.sum(0), 1)
        return (share >= _MEASURED_SHARE).astype(np.float32)

    def maps(self, peaks: list[NDArrayFloat], mask: Any) -> Any:
        """Maps (n, bins, 6) of lists of peaks (k, 4), last index as `MAP_CHANNELS`; mask (n, L) of what was measured.

        Peaks that share a bin become one of their summed height and area, at their centre of area: a map does not
        depend on the order of the peaks.
        """
        n, bins = len(peaks), len(self)
        maps = np.zeros((n, bins, len(MAP_CHANNELS)), dtype=np.float32)
        maps[..., 5] = self.measured(mask)
        counts = np.array([len(p) for p in peaks], dtype=int)
        if not counts.sum():
            return maps
        position, height, fwhm, share = np.concatenate(peaks).T
        solid = height > 0
        row = np.repeat(np.arange(n), counts)[solid]
        position, height, fwhm, share = (part[solid] for part in (position, height, fwhm, share))
        place = row * bins + self.index(position)
        area = height * fwhm

        def total(values: NDArrayFloat) -> Any:
            return np.bincount(place, values, minlength=n * bins)

        heights, areas = total(height), total(area)
        here = np.flatnonzero(heights > 0)
        flat = maps.reshape(-1, len(MAP_CHANNELS))
        centre = total(area * position)[here] / areas[here]
        flat[here, 0] = 1
        flat[here, 1] = np.sqrt(heights[here])
        flat[here, 2] = (centre - self.centres[here % bins]) / self.width
        flat[here, 3] = np.log(areas[here] / heights[here] / self.width)
        flat[here, 4] = total(area * share)[here] / areas[here]
        return maps


def peak_features(
    axis: Any, spectra: Any, mask: Any = None, *, width: float, cache: MutableMapping[str, NDArrayFloat] | None = None
) -> NDArrayFloat:
    """Peak maps (n, bins, 6) of spectra (n, L) in bins of ``width``: `fitted_peaks` on `PeakBins`."""
    measured = np.isfinite(np.asarray(spectra, dtype=float)) if mask is None else np.asarray(mask, dtype=bool)
    peaks = fitted_peaks(axis, spectra, measured, cache=cache)
    return PeakBins(np.asarray(axis, dtype=float), width).maps(peaks, measured)
