"""How many peaks a spectrum has: maxima to start from, peaks added where the residual shows them, peaks taken away.

Every change of the number is kept only if it lowers the Bayesian information criterion (BIC) by `_STRONG` or more.
"""

from dataclasses import dataclass, field
from functools import cached_property
from math import log

import numpy as np

from ..groups.operations import NDArrayFloat
from ._peak_profiles import LARGEST_SHARE, PeakModel
from ._peak_solver import LeastSquares, bounded_least_squares, covariance

__all__ = ["PeakSearch", "bic"]

_STRONG = 10.0  # Kass and Raftery 1995: a difference of 10 in the BIC is very strong evidence
_NOISES = 5.0  # a maximum counts from this many standard deviations of the noise
_ROUNDS = 6  # of additions: each adds up to half as many peaks as there are
_ROUGH_STEPS = 15  # of the solver, while the number of peaks is still sought
_FINAL_STEPS = 25
_FIRST_SHARE = 0.5
_CERTAIN = 8.0  # a peak of this many standard errors of its height is not questioned again


def bic(solution: LeastSquares) -> float:
    """BIC m ln(S / m) + n ln m of m points, n parameters, sum of squares S; independent normal errors assumed."""
    m = len(solution.residual)
    floor = m * 1e-24  # of data scaled to a range of 1: nothing below rounding
    return m * log(max(solution.square_sum, floor) / m) + len(solution.vector) * log(m)


@dataclass
class PeakSearch:
    """Search on data ``y`` scaled to a range of 1 over ``axis``; ``min_height`` and the noise are on that scale."""

    axis: NDArrayFloat
    y: NDArrayFloat
    shape: str
    degree: int
    max_peaks: int
    min_height: float
    model: PeakModel = field(init=False)

    def __post_init__(self) -> None:
        self.model = PeakModel(self.axis, self.shape, self.degree, rough=True)

    @cached_property
    def threshold(self) -> float:
        """Height from which a maximum counts: ``min_height`` or five standard deviations of the noise.

        The noise is told by the median of the second differences, to which smooth bands add little; where points were
        interpolated it comes out too small, and ``min_height`` decides.
        """
        second = np.abs(np.diff(self.y, 2))
        noise = float(np.median(second)) / 0.6745 / 6**0.5 if len(second) else 0.0
        return max(self.min_height, _NOISES * noise)

    def run(self) -> LeastSquares:
        """The solution with the number of peaks that the BIC prefers."""
        best = self._solve(self._maxima(self.y, self.max_peaks), _ROUGH_STEPS)
        for _ in range(_ROUNDS):
            peaks = self.model.split(best.vector)[1]
            room = min(self.max_peaks - len(peaks), max(1, len(peaks) // 2))
            new = self._maxima(self._smoothed(-best.residual, peaks), room) if room > 0 else peaks[:0]
            if not len(new):
                break
            trial = self._solve(np.concatenate([peaks, new]), _ROUGH_STEPS, best.vector)
            trial = self._pruned(trial)
            if bic(trial) > bic(best) - _STRONG:
                break
            best = trial
        best = self._pruned(best)
        self.model = PeakModel(self.axis, self.shape, self.degree)
        return self._needed(self._solve(self.model.split(best.vector)[1], _FINAL_STEPS, best.vector))

    def _solve(self, peaks: NDArrayFloat, steps: int, before: NDArrayFloat | None = None) -> LeastSquares:
        """The solution that lies downhill from these peaks (and from the baseline of an earlier solution)."""
        first = self.degree + 1
        baseline = np.zeros(first)
        if before is None:
            baseline[0] = self.y.min()
        else:
            baseline[:] = before[:first]
        span = float(np.ptp(self.axis))
        narrowest = float(np.median(np.diff(self.axis)))
        lower = [self.axis[0], 0.0, narrowest, 0.0][: self.model.per_peak]
        upper = [self.axis[-1], np.inf, span / 2, LARGEST_SHARE][: self.model.per_peak]
        return bounded_least_squares(
            self.model.value_and_jacobian,
            self.y,
            np.concatenate([baseline, peaks.ravel()]),
            np.concatenate([np.full(first, -np.inf), np.tile(lower, len(peaks))]),
            np.concatenate([np.full(first, np.inf), np.tile(upper, len(peaks))]),
            max_steps=steps,
        )

    def _maxima(self, curve: NDArrayFloat, most: int) -> NDArrayFloat:
        """Peaks (k, 3 or 4) to start from: the ``most`` most prominent maxima of a curve."""
        from scipy.signal import find_peaks, peak_widths

        padded = np.concatenate([[curve.min()], curve, [curve.min()]])  # a maximum at an end of the axis counts
        found, about = find_peaks(padded, prominence=self.threshold)
        strongest = np.argsort(-about["prominences"], kind="stable")[:most]
        found = found[strongest]
        if not len(found):
            return np.zeros((0, self.model.per_peak))
        prominences = tuple(about[name][strongest] for name in ("prominences", "left_bases", "right_bases"))
        _, _, left, right = peak_widths(padded, found, 0.5, prominence_data=prominences)
        index = np.arange(-1, len(curve) + 1)
        places = np.concatenate([self.axis[:1], self.axis, self.axis[-1:]])
        widths = np.interp(right - 1, index, places) - np.interp(left - 1, index, places)
        columns = [places[found], prominences[0], np.maximum(widths, 2 * np.median(np.diff(self.axis)))]
        if self.model.per_peak == 4:
            columns.append(np.full(len(found), _FIRST_SHARE))
        return np.stack(columns, axis=1)

    def _smoothed(self, residual: NDArrayFloat, peaks: NDArrayFloat) -> NDArrayFloat:
        """The residual under a Gaussian of a quarter of the median width of the peaks: noise gives no maxima."""
        from scipy.ndimage import gaussian_filter1d

        if not len(peaks):
            return residual
        points = float(np.median(peaks[:, 2]) / np.median(np.diff(self.axis)))
        return gaussian_filter1d(residual, max(points / 8, 0.5), mode="nearest")

    def _needed(self, solution: LeastSquares) -> LeastSquares:
        """Without the peaks whose height is uncertain, the most uncertain first, as long as the BIC agrees."""
        while True:
            peaks = self.model.split(solution.vector)[1]
            errors = self.model.split(np.sqrt(np.diagonal(covariance(solution))))[1]
            certainty = peaks[:, 1] / np.maximum(errors[:, 1], np.finfo(float).tiny)
            if not len(peaks) or certainty.min() > _CERTAIN:
                return solution
            fewer = self._solve(np.delete(peaks, int(certainty.argmin()), axis=0), _FINAL_STEPS, solution.vector)
            if bic(fewer) >= bic(solution) + _STRONG:
                return solution
            solution = fewer

    def _pruned(self, solution: LeastSquares) -> LeastSquares:
        """Without the peaks that are lower than a quarter of the threshold, if the BIC agrees."""
        peaks = self.model.split(solution.vector)[1]
        keep = peaks[:, 1] >= 0.25 * self.threshold
        if keep.all():
            return solution
        fewer = self._solve(peaks[keep], _ROUGH_STEPS, solution.vector)
        return fewer if bic(fewer) < bic(solution) + _STRONG else solution
