"""Raman instruments without reference values: does a map fitted on other samples make a spectrum that of the source?

Each sample in turn is left out, the map is fitted on the others (pairs), and the target spectrum of the one left out is
compared with its source spectrum: Pearson correlation, and distance of the main peak. Because four of the seven samples
of CHARISMA are silicon and two are calcite, the same is done with all samples of a material left out. Each spectrum is
treated by itself: its background (a morphological opening) is taken off, then SNV. Backgrounds of fluorescence differ
between lasers by much more than axes do, and no map of the axis could mend them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import EvaluationError
from . import transfer as t
from ._calibration import preprocessed
from ._instrument_set import InstrumentSet
from ._transfer_axis import AxisPolynomial
from ._transfer_base import Array, SpectrumMap

__all__ = ["MAIN_PEAKS_CM1", "RAMAN_MAPS", "MatchScore", "RamanMatch", "raman_match"]

MATERIALS = {
    "PST": "polystyrene",
    "nCAL": "calcite",
    "sCAL": "calcite",
    "S0B": "silicon",
    "S0N": "silicon",
    "S0P": "silicon",
    "S1N": "silicon",
}
# Where the main peak is looked for, to 25 1/cm on either side; what is scored is its distance to the source's.
MAIN_PEAKS_CM1 = {"polystyrene": 1001.4, "calcite": 1086.0, "silicon": 520.5}
_REACH_CM1 = 25.0
_BACKGROUND_CM1 = 100.0  # bands narrower than this are kept

RAMAN_MAPS: Mapping[str, Callable[[], SpectrumMap | None]] = {
    "none": lambda: None,
    "axis: one shift": partial(AxisPolynomial, 0),
    "axis: straight line": partial(AxisPolynomial, 1),
    "axis: parabola": partial(AxisPolynomial, 2),
    "mean offset": t.MeanOffset,
    "DS": t.DirectStandardization,
    "DS, differences": partial(t.DirectStandardization, toward="identity"),
    "PDS 7 channels, 1 component": partial(t.PiecewiseDirectStandardization, 3, 1),
    "PDS 31 channels, 2 components": partial(t.PiecewiseDirectStandardization, 15, 2),
    "PDS 7 channels, differences": partial(t.PiecewiseDirectStandardization, 3, 1, toward="identity"),
    "Shenk-Westerhaus, 15 channels": partial(t.ShenkWesterhaus, 15),
    "SST 3 components": partial(t.SpectralSpaceTransformation, 3),
}


@dataclass(frozen=True)
class MatchScore:
    """One sample, left out, through one map.

    Attributes
    ----------
    source, target, sample, method : str
    left_out : {"sample", "material"}
        What the map has not seen.
    correlation : float or None
        With the source spectrum; None where refused.
    peak_cm1 : float or None
        Distance of the main peak to that on the source, absolute; None also where the spectrum has no maximum inside
        the window.
    refused : str
    """

    source: str
    target: str
    sample: str
    method: str
    left_out: str
    correlation: float | None = None
    peak_cm1: float | None = None
    refused: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class RamanMatch:
    """What `raman_match` found.

    Attributes
    ----------
    scores : tuple of MatchScore
    """

    scores: tuple[MatchScore, ...]

    def __repr__(self) -> str:
        return f"RamanMatch({len(self.scores)} scores)"

    def summary(self, n_draws: int = 1000, seed: int = 0) -> list[dict[str, Any]]:
        """A row for each map and what was left out: means over pairs and samples with 95 % intervals.

        Intervals: bootstrap over the instrument settings, a pair being drawn as often as both its settings are.
        ``gain`` is the mean of the correlation less that without a map; ``no_peak`` the share without a main peak.
        """
        rows = []
        for left_out in dict.fromkeys(s.left_out for s in self.scores):
            plain = {
                (s.source, s.target, s.sample): s for s in self.scores if (s.left_out, s.method) == (left_out, "none")
            }
            for method in dict.fromkeys(s.method for s in self.scores):
                own = [s for s in self.scores if (s.left_out, s.method) == (left_out, method)]
                done = [s for s in own if s.correlation is not None]
                row: dict[str, Any] = {"left_out": left_out, "method": method, "n": len(done)}
                row["refused"] = len(own) - len(done)
                row["reason"] = next((s.refused for s in own if s.refused), "")
                if done:
                    before = [plain.get((s.source, s.target, s.sample), s).correlation for s in done]
                    after = np.array([s.correlation for s in done], dtype=float)
                    row["correlation"] = _interval(done, after, n_draws, seed)
                    row["gain"] = _interval(done, after - np.array(before, dtype=float), n_draws, seed)
                    seen = [s for s in done if s.peak_cm1 is not None]
                    row["peak_cm1"] = _interval(seen, [s.peak_cm1 for s in seen], n_draws, seed) if seen else None
                    row["no_peak"] = round(1.0 - len(seen) / len(done), 4)
                rows.append(row)
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Plain values: the summary and every score."""
        return {"summary": self.summary(), "scores": [asdict(score) for score in self.scores]}

    def to_text(self) -> str:
        """The summary as lines."""
        lines = ["left out; map: correlation with the source spectrum, distance of the main peak (95 % intervals)"]
        for row in self.summary():
            if "correlation" not in row:
                lines.append(f"{row['left_out']}; {row['method']}: refused: {row['reason']}")
                continue
            peak = "no main peak" if row["peak_cm1"] is None else f"{_text(row['peak_cm1'], 2)} 1/cm"
            lines.append(f"{row['left_out']}; {row['method']}: {_text(row['correlation'], 3)}, {peak}")
        return "\n".join(lines)


def raman_match(
    data: InstrumentSet,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    maps: Mapping[str, Callable[[], SpectrumMap | None]] = RAMAN_MAPS,
    left_out: Sequence[str] = ("sample", "material"),
    materials: Mapping[str, str] = MATERIALS,
    on_done: Callable[[str], None] | None = None,
) -> RamanMatch:
    """Every map for every pair of settings, with each sample, or all of its material, left out.

    Parameters
    ----------
    data : InstrumentSet
        As `charisma` gives it.
    pairs : sequence of (source, target), optional
        [default: all]
    maps : mapping of str to callable
        New unfitted maps, or None for no map.
    left_out : sequence of {"sample", "material"}
    materials : mapping of str to str
        Sample to material.
    on_done : callable, optional
        Called with a line after each pair.

    Raises
    ------
    EvaluationError
        An unknown setting, or a sample of no known material.
    """
    unknown = [name for name in data.sample_ids if materials.get(name) not in MAIN_PEAKS_CM1]
    if unknown:
        raise EvaluationError(f"raman_match: of what material is {', '.join(unknown)}?")
    chosen = tuple(pairs if pairs is not None else data.directions())
    for source, target in chosen:
        if source == target or source not in data.spectra or target not in data.spectra:
            raise EvaluationError(
                f"direction {source}:{target}: two different settings of {', '.join(data.instruments)} are wanted."
            )
    spectra = {name: preprocessed(_without_background(x, data.axis), "SNV") for name, x in data.spectra.items()}
    of = np.array([materials[name] for name in data.sample_ids])
    found = []
    for source, target in chosen:
        for what in left_out:
            found += _pair_scores(data, of, what, maps, (source, spectra[source]), (target, spectra[target]))
        if on_done is not None:
            on_done(f"{data.name}: {source} -> {target}")
    return RamanMatch(tuple(found))


def _pair_scores(
    data: InstrumentSet,
    materials: np.ndarray,
    what: str,
    maps: Mapping[str, Callable[[], SpectrumMap | None]],
    source: tuple[str, Array],
    target: tuple[str, Array],
) -> list[MatchScore]:
    found = []
    groups = materials if what == "material" else np.array(data.sample_ids)
    for group in dict.fromkeys(groups.tolist()):
        out = groups == group
        for name, make in maps.items():
            after: Array | None = target[1][out]
            refused = ""
            try:
                made = make()
                if made is not None:
                    after = made.fit(source[1][~out], target[1][~out]).transform(after)
            except EvaluationError as error:
                after, refused = None, str(error)
            for i, row in enumerate(np.flatnonzero(out)):
                near = MAIN_PEAKS_CM1[str(materials[row])]
                correlation, peak = (None, None) if after is None else _match(data.axis, source[1][row], after[i], near)
                sample = data.sample_ids[row]
                found.append(MatchScore(source[0], target[0], sample, name, what, correlation, peak, refused))
    return found


def _match(axis: Array, source: Array, mapped: Array, near: float) -> tuple[float, float | None]:
    """Correlation of two spectra and distance of their main peaks; a constant spectrum correlates with nothing."""
    first, second = _main_peak(axis, source, near), _main_peak(axis, mapped, near)
    apart = None if first is None or second is None else abs(second - first)
    return (float(np.corrcoef(source, mapped)[0, 1]) if np.ptp(mapped) > 0 else 0.0), apart


def _without_background(spectra: Array, axis: Array) -> Array:
    """Spectra (n, L) less their morphological opening, smoothed by a running mean of the same width."""
    from scipy.ndimage import grey_opening, uniform_filter1d

    width = min(2 * round(_BACKGROUND_CM1 / (2.0 * (axis[1] - axis[0]))) + 1, len(axis))
    background = grey_opening(spectra, size=(1, width), mode="nearest")
    return spectra - uniform_filter1d(background, width, axis=1, mode="nearest")


def _main_peak(axis: Array, spectrum: Array, near: float) -> float | None:
    """Position of the highest point near a wavenumber, refined by a parabola; None where it is at the edge."""
    inside = np.flatnonzero(np.abs(axis - near) <= _REACH_CM1)
    at = int(inside[spectrum[inside].argmax()]) if len(inside) else 0
    if not len(inside) or at in (inside[0], inside[-1]):
        return None
    left, top, right = spectrum[at - 1 : at + 2]
    bend = left - 2.0 * top + right
    step = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(axis[at] + step * (axis[1] - axis[0]))


def _interval(scores: Sequence[MatchScore], values: Any, n_draws: int, seed: int) -> tuple[float, float, float]:
    """Mean and 95 % interval by a bootstrap over settings."""
    x = np.asarray(values, dtype=float)
    names = list(dict.fromkeys(name for s in scores for name in (s.source, s.target)))
    first = np.array([names.index(s.source) for s in scores])
    second = np.array([names.index(s.target) for s in scores])
    generator = np.random.default_rng(seed)
    times = generator.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=n_draws)
    weights = times[:, first] * times[:, second]
    totals = weights.sum(axis=1)
    drawn = (weights @ x)[totals > 0] / totals[totals > 0]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return round(float(x.mean()), 4), round(float(low), 4), round(float(high), 4)


def _text(part: tuple[float, float, float], digits: int) -> str:
    return f"{part[0]:.{digits}f} ({part[1]:.{digits}f} to {part[2]:.{digits}f})"
