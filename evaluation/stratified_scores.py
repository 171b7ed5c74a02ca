"""What `stratified` finds: scores by stratum, comparisons of models, and how they are shown."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EvaluationError
from ._metrics import Metric
from ._prediction_rows import csv_text
from .outcomes import Question

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ALL", "PairedScore", "StratifiedScores", "StratumScore"]

ALL = "all"


class _Tested:
    """What scores with an adjusted p have in common."""

    p_adjusted: float | None

    def flagged(self, alpha: float = 0.05) -> bool:
        """Whether there is a difference at a family-wise error of ``alpha``."""
        return self.p_adjusted is not None and self.p_adjusted < alpha

    def as_dict(self) -> dict[str, Any]:
        """Plain values; an infinite end of an interval is None."""
        return {name: _plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class StratumScore(_Tested):
    """One model in one stratum.

    Attributes
    ----------
    model, kind, stratum : str
        ``kind`` and ``stratum`` are "all" for all molecules together.
    n : int
        Molecules.
    value : float or None
        The metric; None where it is undefined (an AUROC without positives, R2 of one molecule).
    low, high : float
        95 % interval; infinite where nothing is known.
    interval_method : str
    rest_value, difference : float or None
        The metric over the other molecules, and value - rest_value; None where there are none or it is undefined.
    p_value, p_adjusted : float or None
        That the stratum is a random subset, as the test of the family gives it, and by Holm's method; None where
        nothing can be tested.
    """

    model: str
    kind: str
    stratum: str
    n: int
    value: float | None
    low: float
    high: float
    interval_method: str
    rest_value: float | None = None
    difference: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True)
class PairedScore(_Tested):
    """One model against the reference (the first model) on the molecules of one stratum.

    ``difference`` is the model's metric minus the reference's, with its 95 % interval; ``won`` and ``lost`` count the
    molecules on which the model's answer is better and worse; ``p_value`` is that of ``test``.
    """

    model: str
    reference: str
    kind: str
    stratum: str
    n: int
    difference: float | None
    low: float
    high: float
    interval_method: str
    won: int
    lost: int
    test: str
    p_value: float | None = None
    p_adjusted: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class StratifiedScores:
    """A metric of one or more models on one question, by stratum.

    Attributes
    ----------
    question : Question
    metric : Metric
    n_targets : int
        Targets that the metric is averaged over.
    unit : str
        Of the metric's values; "" for a pure number.
    models : tuple of str
        The first is the reference of the paired tests.
    kinds : tuple of str
    scores : tuple of StratumScore
        For each model first that of all molecules, then kind by kind in the order of the strata.
    paired : tuple of PairedScore
        Each further model against the first; over all molecules, then stratum by stratum.
    chance : float or None
        The metric of guessing blindly where that is known (k of n_library, half for an AUROC).
    test : str
        The test against the rest.
    alpha : float
        Family-wise error at which strata count as flagged.
    seed, n_draws : int
        Of the resampling.
    """

    question: Question
    metric: Metric
    n_targets: int
    unit: str
    models: tuple[str, ...]
    kinds: tuple[str, ...]
    scores: tuple[StratumScore, ...]
    paired: tuple[PairedScore, ...]
    chance: float | None
    test: str
    alpha: float
    seed: int
    n_draws: int

    def __repr__(self) -> str:
        return f"StratifiedScores({self.metric.name} of {', '.join(self.models)}; {self.question}; {len(self.scores)})"

    @property
    def family(self) -> str:
        """What the p-values of a model are adjusted for, in words."""
        tested = [s for s in self.scores if s.model == self.models[0] and s.p_value is not None]
        return f"{len(tested)} strata of {len(self.kinds)} kinds ({', '.join(self.kinds)})"

    @property
    def label(self) -> str:
        """The metric by name, and how many targets it is averaged over."""
        return self.metric.label + (f" (mean of {self.n_targets} targets)" if self.n_targets > 1 else "")

    def score(self, model: str, kind: str = ALL, stratum: str = ALL) -> StratumScore:
        """The score of a model in a stratum; EvaluationError where there is none."""
        for score in self.scores:
            if (score.model, score.kind, score.stratum) == (model, kind, stratum):
                return score
        raise EvaluationError(f"{self!r} has no score of {model!r} in {kind!r} = {stratum!r}.")

    def of_kind(self, kind: str) -> dict[str, dict[str, StratumScore]]:
        """Stratum to model to score, in order; EvaluationError for a kind that was not asked for."""
        if kind not in (*self.kinds, ALL):
            raise EvaluationError(f"{self!r}: no kind {kind!r}; there are {', '.join(self.kinds)}.")
        rows: dict[str, dict[str, StratumScore]] = {}
        for score in self.scores:
            if score.kind == kind:
                rows.setdefault(score.stratum, {})[score.model] = score
        return rows

    def flagged(self, model: str | None = None) -> tuple[StratumScore, ...]:
        """The strata that differ from the rest, by kind and order; of all models if none is named."""
        return tuple(s for s in self.scores if model in (None, s.model) and s.flagged(self.alpha))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "question": self.question._asdict(),
            "metric": self.metric.name,
            "metric_label": self.metric.label,
            "higher_is_better": self.metric.higher_is_better,
            "unit": self.unit,
            "n_targets": self.n_targets,
            "models": list(self.models),
            "kinds": list(self.kinds),
            "chance": self.chance,
            "test": self.test,
            "family": self.family,
            "alpha": self.alpha,
            "seed": self.seed,
            "n_draws": self.n_draws,
            "scores": [score.as_dict() for score in self.scores],
            "paired": [score.as_dict() for score in self.paired],
        }

    def rows(self) -> tuple[list[str], list[list[Any]]]:
        """Header and one row for each score, for a table of several questions."""
        names = [name for name in StratumScore.__dataclass_fields__]
        header = ["task", "modalities", "target", "n_targets", "metric", "unit", *names]
        start = [*self.question, self.n_targets, self.metric.name, self.unit]
        rows = [[_cell(v) for v in (*start, *score.as_dict().values())] for score in self.scores]
        return header, rows

    def to_csv(self, path: str | Path | None = None) -> str:
        """One row for each model and stratum; written to ``path`` if given."""
        from ..groups.atomic_write import written

        return written(csv_text(*self.rows()), path)

    def _repr_html_(self) -> str:
        from ._score_tables import scores_html

        return scores_html(self)

    def plot(self, ax: "Axes | None" = None, kind: str | None = None) -> "Axes":
        """Axes with a forest plot of one kind (the first if not named): value, 95 % interval and n of each stratum."""
        from ._forest_plot import plot_forest

        return plot_forest(self, kind or self.kinds[0], ax)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _cell(value: Any) -> Any:
    """The value for a table; text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return "" if value is None else value
