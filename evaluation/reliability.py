"""Calibration of probabilities: how often what was given a probability turns out to be true."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._statistics import wilson_interval
from .outcomes import Outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Reliability", "reliability"]

_N_SIMULATED = 400


@dataclass(frozen=True, eq=False)
class Reliability:
    """A calibration curve in bins of equal width of the probability; empty bins are kept, with n = 0.

    Attributes
    ----------
    model : str
    edges : (b + 1,) array
        Of the bins, 0 to 1; a bin holds its upper edge, the first one zero as well.
    n, n_molecules : (b,) int arrays
        Answers and different molecules in each bin.
    mean_probability, share : (b,) masked arrays
        Mean of the probabilities, and share of truths, in each bin that has answers.
    low, high : (b,) masked arrays
        95 % interval of the share: Wilson's with the molecules as independent trials. Several answers about a molecule
        are at most as informative as that many molecules and at least as one, which is what is counted here.
    expected_calibration_error : float
        Mean of abs(share - mean probability) over the answers.
    error_by_chance : float
        The 95 % quantile of that error for a model whose probabilities are exactly right (400 simulated truths, every
        answer independent): an error below it is no sign of miscalibration.
    """

    model: str
    edges: NDArray[np.float64]
    n: NDArray[np.int64]
    n_molecules: NDArray[np.int64]
    mean_probability: np.ma.MaskedArray
    share: np.ma.MaskedArray
    low: np.ma.MaskedArray
    high: np.ma.MaskedArray
    expected_calibration_error: float
    error_by_chance: float

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; None in empty bins."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}

    def _repr_html_(self) -> str:
        cells = zip(self.edges, self.edges[1:], self.n, self.mean_probability, self.share, self.low, self.high)  # noqa: B905
        rows = "".join(
            f"<tr><td>{a:.2g} to {b:.2g}</td><td>{n}</td>"
            + ("<td>–</td>" * 3 if not n else f"<td>{p:.3f}</td><td>{s:.3f}</td><td>{low:.3f} to {high:.3f}</td>")
            + "</tr>"
            for a, b, n, p, s, low, high in cells
        )
        caption = f"{self.model}: expected calibration error {self.expected_calibration_error:.3f}"
        head = "<tr><th>bin</th><th>n</th><th>mean probability</th><th>true</th><th>95 % interval</th></tr>"
        return f"<table><caption>{escape(caption)}</caption>{head}{rows}</table>"

    def plot(self, ax: "Axes | None" = None, colour: str = "#2f6690", marker: str = "o") -> "Axes":
        """Axes with the share of truths against the mean probability of each bin, and the diagonal."""
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(3.6, 3.6), layout="constrained").add_subplot()
        ax.plot([0, 1], [0, 1], color="#777", linewidth=0.9, linestyle=":", zorder=0)
        there = self.n > 0
        x, y = (np.asarray(a[there], dtype=float) for a in (self.mean_probability, self.share))
        low, high = (np.asarray(a[there], dtype=float) for a in (self.low, self.high))
        reach = np.clip([y - low, high - y], 0.0, None)
        ax.errorbar(x, y, yerr=reach, color=colour, marker=marker, markersize=4, linewidth=1.1, capsize=2,
                    label=self.model.replace("$", r"\$"))  # fmt: skip
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
        ax.set_xlabel("mean probability", fontsize=9)
        ax.set_ylabel("share that is true", fontsize=9)
        ax.tick_params(labelsize=8)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        return ax


def reliability(outcomes: Outcomes, n_bins: int = 10, *, seed: int = 0) -> Reliability:
    """The calibration curve of a model's probabilities; targets and queries in ``outcomes`` count together.

    Raises
    ------
    EvaluationError
        Outcomes of another task than classification, or fewer than two bins.

    Examples
    --------
    >>> outcomes = Outcomes.of_probabilities(["a", "b", "c", "d"], "carbonyl", [1, 0, 1, 1], [0.9, 0.1, 0.8, 0.9])
    >>> round(reliability(outcomes, n_bins=2).expected_calibration_error, 3)
    0.125
    """
    if set(outcomes.tasks.tolist()) != {"classification"} or n_bins < 2:
        raise EvaluationError(f"reliability({outcomes!r}, n_bins={n_bins}) needs classifications and two bins or more.")
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    place = np.clip(np.searchsorted(edges, outcomes.prediction, side="left") - 1, 0, n_bins - 1)
    n = np.bincount(place, minlength=n_bins)
    molecules = np.array([len(np.unique(outcomes.ids[place == b])) for b in range(n_bins)])
    mean = _mean_in_bins(outcomes.prediction, place, n)
    share = _mean_in_bins(outcomes.truth, place, n)
    intervals = [wilson_interval(s * m, m) for s, m in zip(share.filled(0.0).tolist(), molecules.tolist(), strict=True)]
    low, high = (np.ma.MaskedArray(ends, mask=n == 0) for ends in np.array(intervals).T)
    return Reliability(
        *(outcomes.name, edges, n, molecules, mean, share, low, high),
        expected_calibration_error=_error(share, mean, n),
        error_by_chance=_error_by_chance(outcomes.prediction, place, n, mean, seed),
    )


def _mean_in_bins(values: NDArray[np.float64], place: NDArray[np.int64], n: NDArray[np.int64]) -> np.ma.MaskedArray:
    return np.ma.MaskedArray(np.bincount(place, values, minlength=len(n)) / np.maximum(n, 1), mask=n == 0)


def _error(share: np.ma.MaskedArray, mean: np.ma.MaskedArray, n: NDArray[np.int64]) -> float:
    return float((np.abs(share.filled(0.0) - mean.filled(0.0)) * n).sum() / n.sum())


def _error_by_chance(
    probability: NDArray[np.float64],
    place: NDArray[np.int64],
    n: NDArray[np.int64],
    mean: np.ma.MaskedArray,
    seed: int,
) -> float:
    generator = np.random.default_rng(seed)
    errors: Sequence[float] = [
        _error(_mean_in_bins((generator.random(len(place)) < probability).astype(float), place, n), mean, n)
        for _ in range(_N_SIMULATED)
    ]
    return float(np.quantile(errors, 0.95))
