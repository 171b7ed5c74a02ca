"""Metrics of a model on molecules, each with its interval, its test against the rest and its paired test.

Each molecule counts once, whatever the number of its queries: a molecule's rows are averaged first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._paired_tests import adjusted_interval
from ._statistics import (
    auroc,
    auroc_interval,
    bootstrap_totals,
    fisher_p,
    mcnemar_p,
    permutation_p,
    placements,
    sign_flip_p,
    student_interval,
    wilson_interval,
)
from .outcomes import Outcomes

__all__ = ["DEFAULT_METRICS", "METRICS", "Interval", "Metric", "PairedResult", "Resampling", "Scored"]

_FEWEST = 10  # molecules (of a class) below which a bootstrap or a normal approximation says too little
_N_BOOTSTRAP = 2000
_SIGN_FLIP = "sign-flip test over molecules"

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Interval(NamedTuple):
    """A 95 % interval and the method behind it."""

    low: float
    high: float
    method: str


class PairedResult(NamedTuple):
    """Difference of two models on the same molecules (first minus second), its interval, and the p of its ``test``.

    ``won`` and ``lost`` count the molecules with a better and a worse answer of the first model.
    """

    difference: float
    interval: Interval
    won: int
    lost: int
    p_value: float
    test: str


@dataclass(frozen=True)
class Resampling:
    """How often and from which seed; each use starts its own stream, so results do not depend on the order of uses."""

    n_draws: int = 9999
    seed: int = 0

    def generator(self) -> np.random.Generator:
        """A new stream."""
        return np.random.default_rng(self.seed)


class Scored(Protocol):
    """One model's answers by molecule, ready to be looked at stratum by stratum."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The molecules, each once."""
        ...

    def value(self, rows: Mask) -> float:
        """The metric over some molecules; NaN where it is undefined."""
        ...

    def interval(self, rows: Mask, resampling: Resampling) -> Interval:
        """Its 95 % interval."""
        ...

    def against_rest(self, members: Mask, resampling: Resampling) -> tuple[Array, str]:
        """p-values (S,) of the strata ``members`` (S, n) against the other molecules, NaN where untestable; a name."""
        ...

    def paired(self, other: Any, rows: Mask, resampling: Resampling) -> PairedResult:
        """The metric minus that of another model on some molecules, with its test."""
        ...


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes
    ----------
    name, label, meaning : str
        "top1", "top-1 share" and what that is, in one line.
    task : str
        Whose outcomes it measures.
    higher_is_better : bool
    limits : (float, float)
        Smallest and largest value there can be.
    is_share : bool
        Drawn and written in percent.
    one_target : bool
        Needs the rows of a single target (units, or scores of different scales, do not mix).
    score : callable
        Outcomes to `Scored`.
    """

    name: str
    label: str
    meaning: str
    task: str
    higher_is_better: bool
    limits: tuple[float, float]
    is_share: bool
    one_target: bool
    score: Callable[[Outcomes], Scored]

    def text(self, value: float | None) -> str:
        """The value for a table."""
        if value is None or not np.isfinite(value):
            return "–" if value is None or np.isnan(value) else ("∞" if value > 0 else "−∞")
        return f"{100 * value:.1f} %" if self.is_share else f"{value:.3g}"


# ------------------------------------------------------------------------------------------- metrics made of averages


@dataclass(frozen=True, eq=False)
class _Averages:
    """A metric that is a function of sums over molecules; the first column is what one molecule adds to it."""

    ids: tuple[str, ...]
    columns: Array
    of_totals: Callable[[Array], Array]
    limits: tuple[float, float]
    higher_is_better: bool
    is_share: bool

    @property
    def _is_binary(self) -> bool:
        return self.is_share and bool(np.isin(self.columns[:, 0], (0.0, 1.0)).all())

    def value(self, rows: Mask) -> float:
        return float(self.of_totals(self.columns[rows].sum(axis=0)))

    def interval(self, rows: Mask, resampling: Resampling) -> Interval:
        columns = self.columns[rows]
        n, first = len(columns), columns[:, 0]
        alike = bool((first == first[0]).all())  # a bootstrap of what does not vary has no width
        if np.isnan(self.value(rows)):
            return Interval(*self.limits, "undefined")
        if self.is_share or (self.limits == (0.0, 1.0) and (n < _FEWEST or alike)):
            # Of all quantities in [0, 1] with this mean a share varies most: its interval holds for a mean, too.
            return Interval(*wilson_interval(float(first.sum()), n), "Wilson")
        if n >= _FEWEST and not alike:
            drawn = self.of_totals(bootstrap_totals(columns, _N_BOOTSTRAP, resampling.generator()))
            low, high = np.nanpercentile(drawn, [2.5, 97.5])
            return Interval(float(low), float(high), "bootstrap over molecules")
        if columns.shape[1] == 2 and not alike:
            edges = np.array(student_interval(first, self.limits if self.higher_is_better else (0.0, inf)))
            low, high = self.of_totals(np.stack([edges, np.ones(2)], axis=-1))
            return Interval(float(low), float(min(high, self.limits[1])), "Student t")
        return Interval(*self.limits, "none: answers that do not vary" if n > 1 else "none: one molecule")

    def against_rest(self, members: Mask, resampling: Resampling) -> tuple[Array, str]:
        n, sizes = len(self.ids), members.sum(axis=1)
        testable = sizes < n
        p = np.full(len(members), nan)
        if self._is_binary:
            hits = (members @ self.columns[:, 0]).round().astype(int)
            every = round(float(self.columns[:, 0].sum()))
            for s in np.flatnonzero(testable):
                p[s] = fisher_p(int(hits[s]), int(sizes[s]), every, n)
            return p, "Fisher's exact test"
        name = f"permutation test over molecules ({resampling.n_draws} draws)"
        if testable.any():
            p[testable] = permutation_p(
                self.columns, members[testable], self._change, resampling.n_draws, resampling.generator()
            )
        return p, name

    def _change(self, inside: Array, outside: Array) -> Array:
        return self.of_totals(inside) - self.of_totals(outside)

    def paired(self, other: "_Averages", rows: Mask, resampling: Resampling) -> PairedResult:
        mine, theirs = self.columns[rows], other.columns[rows]
        change = mine[:, 0] - theirs[:, 0]
        difference = float(self.of_totals(mine.sum(axis=0)) - self.of_totals(theirs.sum(axis=0)))
        better = change if self.higher_is_better else -change
        won, lost, n = int((better > 1e-12).sum()), int((better < -1e-12).sum()), len(change)
        if self._is_binary and other._is_binary:
            p, test = mcnemar_p(won, lost), "McNemar's exact test"
        else:
            p, test = sign_flip_p(change, resampling.n_draws, resampling.generator()), _SIGN_FLIP
        if self.is_share:
            low, high = adjusted_interval(change, 0.95)
            return PairedResult(difference, Interval(max(-1.0, low), min(1.0, high), "Agresti-Min"), won, lost, p, test)
        if n < _FEWEST or bool((change == change[0]).all()):
            reach = self.limits[1] - self.limits[0]
            why = "none: too few molecules" if n < _FEWEST else "none: differences that do not vary"
            return PairedResult(difference, Interval(-reach, reach, why), won, lost, p, test)
        # The two models' rows stay together in a draw: the columns are drawn side by side.
        both = bootstrap_totals(np.hstack([mine, theirs]), _N_BOOTSTRAP, resampling.generator())
        drawn = self.of_totals(both[:, : mine.shape[1]]) - self.of_totals(both[:, mine.shape[1] :])
        low, high = np.nanpercentile(drawn, [2.5, 97.5])
        return PairedResult(difference, Interval(float(low), float(high), "paired bootstrap"), won, lost, p, test)


def _averages(
    outcomes: Outcomes, values: Array, of_totals: Any, limits: tuple[float, float], *, good: bool, share: bool = False
) -> _Averages:
    """Rows (n_rows, c) averaged over each molecule, with a column of ones put second."""
    ids, index = _molecules(outcomes)
    counts = np.bincount(index).astype(float)
    means = [np.bincount(index, column) / counts for column in values.T]
    columns = np.column_stack([means[0], np.ones(len(ids)), *means[1:]])
    return _Averages(ids, columns, of_totals, limits, good, share)


def _molecules(outcomes: Outcomes) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The molecules in the order of their first row, and the molecule of each row."""
    ids = tuple(dict.fromkeys(outcomes.ids.tolist()))
    place = {name: i for i, name in enumerate(ids)}
    return ids, np.array([place[name] for name in outcomes.ids.tolist()], dtype=np.int64)


def _mean(totals: Array) -> Array:
    return totals[..., 0] / totals[..., 1]


def _root_mean(totals: Array) -> Array:
    return np.sqrt(_mean(totals))


def _explained(totals: Array) -> Array:
    """1 - SSE/SST from the sums of squared errors, ones, y and y^2; NaN where y does not vary."""
    errors, n, y, yy = np.moveaxis(totals, -1, 0)
    n = np.maximum(n, 1e-300)
    spread = yy - y**2 / n
    varies = (n > 1.5) & (spread > 1e-12 * np.maximum(yy, 1e-300))
    return np.where(varies, 1.0 - errors / np.where(varies, spread, 1.0), nan)


def _top(k: int) -> Callable[[Outcomes], Scored]:
    def score(outcomes: Outcomes) -> Scored:
        # The chance, over random orders of the ties, that the true entry is among the first k.
        hits = np.clip((k - (outcomes.prediction - 1.0)) / (outcomes.n_tied + 1.0), 0.0, 1.0)
        return _averages(outcomes, hits[:, None], _mean, (0.0, 1.0), good=True, share=True)

    return score


def _of_errors(power: int, of_totals: Any, limits: tuple[float, float]) -> Callable[[Outcomes], Scored]:
    def score(outcomes: Outcomes) -> Scored:
        error = np.abs(outcomes.prediction - outcomes.truth) ** power
        return _averages(outcomes, error[:, None], of_totals, limits, good=False)

    return score


def _r2(outcomes: Outcomes) -> Scored:
    # Measured from the mean of all rows, so that y^2 - y*y loses no digits where the values are far from zero.
    y = outcomes.truth - outcomes.truth.mean()
    values = np.column_stack([(outcomes.prediction - outcomes.truth) ** 2, y, y**2])
    return _averages(outcomes, values, _explained, (-inf, 1.0), good=False)


def _similarity(outcomes: Outcomes) -> Scored:
    return _averages(outcomes, outcomes.prediction[:, None], _mean, (-1.0, 1.0), good=True)


# --------------------------------------------------------------------------------------------------------------- AUROC


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Probabilities and truth (n,), one for each molecule, for the area under the ROC curve."""

    ids: tuple[str, ...]
    scores: Array
    truth: Mask

    def value(self, rows: Mask) -> float:
        return auroc(self.scores[rows], self.truth[rows])

    def interval(self, rows: Mask, resampling: Resampling) -> Interval:
        area = self.value(rows)
        if np.isnan(area):
            return Interval(0.0, 1.0, "undefined: one class only")
        positive = int(self.truth[rows].sum())
        return Interval(*auroc_interval(area, positive, int(rows.sum()) - positive), "Newcombe")

    def against_rest(self, members: Mask, resampling: Resampling) -> tuple[Array, str]:
        """By placement among *all* molecules, permuted within positives and within negatives.

        Means of placements add up over molecules, which AUROCs of strata do not; and under the null hypothesis that
        a stratum is a random subset of each class the test is exact whatever the statistic.
        """
        p = np.full(len(members), nan)
        positive = members @ self.truth.astype(int)
        testable = (positive > 0) & (positive < members.sum(axis=1)) & (members.sum(axis=1) < len(self.ids))
        name = f"permutation test on placements within classes ({resampling.n_draws} draws)"
        if testable.any():
            kept, placed = members[testable], placements(self.scores, self.truth)
            p[testable] = _placement_p(kept, placed, self.truth, resampling)
        return p, name

    def paired(self, other: "_Ranked", rows: Mask, resampling: Resampling) -> PairedResult:
        truth = self.truth[rows]
        if truth.all() or not truth.any():
            return PairedResult(nan, Interval(-1.0, 1.0, "undefined: one class only"), 0, 0, nan, _SIGN_FLIP)
        change = placements(self.scores[rows], truth) - placements(other.scores[rows], truth)
        up, down = change[truth], change[~truth]
        weighted = np.where(truth, change / len(up), change / len(down))
        p = sign_flip_p(weighted, resampling.n_draws, resampling.generator())
        difference = float(up.mean())
        won, lost = int((change > 1e-12).sum()), int((change < -1e-12).sum())
        if min(len(up), len(down)) < _FEWEST or not won + lost:
            why = "none: too few molecules" if won + lost else "none: answers that do not differ"
            return PairedResult(difference, Interval(-1.0, 1.0, why), won, lost, p, _SIGN_FLIP)
        half = 1.959963984540054 * sqrt(float(up.var(ddof=1)) / len(up) + float(down.var(ddof=1)) / len(down))
        interval = Interval(max(-1.0, difference - half), min(1.0, difference + half), "DeLong")
        return PairedResult(difference, interval, won, lost, p, _SIGN_FLIP)


def _placement_p(members: Mask, placed: Array, truth: Mask, resampling: Resampling) -> Array:
    """Sum over both classes of (mean in the stratum - mean of all), each permuted within its class."""
    generator = resampling.generator()
    seen, drawn = np.zeros(len(members)), np.zeros((resampling.n_draws, len(members)))
    for part in (truth, ~truth):
        values = placed[part] - placed[part].mean()
        weights = members[:, part].astype(float)
        weights /= weights.sum(axis=1, keepdims=True)
        seen += weights @ values
        step = max(1, 2_000_000 // len(values))
        for done in range(0, resampling.n_draws, step):
            rows = slice(done, min(done + step, resampling.n_draws))
            shuffled = generator.permuted(np.tile(values, (rows.stop - rows.start, 1)), axis=1)
            drawn[rows] += shuffled @ weights.T
    return (1 + (np.abs(drawn) >= np.abs(seen) - 1e-12).sum(axis=0)) / (1 + resampling.n_draws)


def _auroc(outcomes: Outcomes) -> Scored:
    ids, _ = _molecules(outcomes)
    if len(ids) < len(outcomes):
        raise EvaluationError(
            f"auroc: {len(outcomes)} rows of {len(ids)} molecules; it ranks one answer for each molecule. Choose one "
            "query and one target, or take the Brier score, which averages over a molecule's answers."
        )
    return _Ranked(ids, outcomes.prediction, outcomes.truth > 0.5)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        *(
            Metric(
                f"top{k}", f"top-{k} share", f"how often the true molecule is {words}",
                "identification", True, (0.0, 1.0), True, False, _top(k),
            )
            for k, words in ((1, "ranked first"), (5, "among the first five"), (10, "among the first ten"))
        ),
        Metric(
            "brier", "Brier score", "mean squared error of the probability: 0 is best, always saying 0.5 gives 0.25",
            "classification", False, (0.0, 1.0), False, False, _of_errors(2, _mean, (0.0, 1.0)),
        ),
        Metric(
            "auroc", "AUROC", "how often a molecule with the property gets a higher probability than one without: 0.5 "
            "is guessing", "classification", True, (0.0, 1.0), False, True, _auroc,
        ),
        Metric(
            "mae", "mean absolute error", "mean of the absolute differences",
            "regression", False, (0.0, inf), False, True, _of_errors(1, _mean, (0.0, inf)),
        ),
        Metric(
            "rmse", "root-mean-square error", "root of the mean squared difference",
            "regression", False, (0.0, inf), False, True, _of_errors(2, _root_mean, (0.0, inf)),
        ),
        Metric(
            "r2", "R²", "share of the variance explained: 0 is what the mean value gives",
            "regression", True, (-inf, 1.0), False, True, _r2,
        ),
        Metric(
            "cosine", "mean cosine", "likeness of the predicted and the true spectrum: 1 is the same shape, 0 nothing "
            "in common", "similarity", True, (-1.0, 1.0), False, True, _similarity,
        ),
    )
}  # fmt: skip
DEFAULT_METRICS = {"identification": "top1", "classification": "brier", "regression": "rmse", "similarity": "cosine"}
