"""A model's metric in every stratum of every kind, with intervals, tests against the rest and between models.

Families. The tests of the strata of all kinds of one model and one question are one family, and the tests between
models (each model against the first, in every stratum and over all) are another one; p-values are adjusted by
Holm's method within a family. Strata of different kinds overlap; Holm's method holds under any dependence. No stratum
is dropped or pooled with another, however small: its interval says how little it says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._metrics import DEFAULT_METRICS, METRICS, Metric, Resampling, Scored
from ._prediction_rows import csv_text
from ._statistics import holm
from .outcomes import Outcomes, Question, comparable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ALL", "PairedScore", "StrataLike", "StratifiedScores", "StratumScore", "metric_named", "stratified"]

ALL = "all"
_FEWEST_DRAWS = 99


class StrataLike(Protocol):
    """What is needed of `evaluation.strata.Strata`."""

    ids: tuple[str, ...]

    def labels(self, kind: str) -> NDArray[Any]:
        """The stratum of each molecule."""
        ...

    def order(self, kind: str) -> Sequence[str]:
        """The strata in a sensible order."""
        ...

    def chosen(self, ids: Sequence[str]) -> "StrataLike":
        """The strata of some molecules, in the order asked."""
        ...


@dataclass(frozen=True)
class StratumScore:
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

    def flagged(self, alpha: float = 0.05) -> bool:
        """Whether the stratum differs from the rest at a family-wise error of ``alpha``."""
        return self.p_adjusted is not None and self.p_adjusted < alpha

    def as_dict(self) -> dict[str, Any]:
        """Plain values; an infinite end of an interval is None."""
        return {name: _plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class PairedScore:
    """One model against the reference (the first model) on the molecules of one stratum.

    ``difference`` is the model's metric minus the reference's, with its 95 % interval; ``won`` and ``lost`` count the
    molecules on which the model's answer is better and worse; ``p_value`` is of McNemar's exact test for shares, else
    of a sign-flip test over molecules.
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
    p_value: float | None = None
    p_adjusted: float | None = None

    def flagged(self, alpha: float = 0.05) -> bool:
        """Whether the models differ at a family-wise error of ``alpha``."""
        return self.p_adjusted is not None and self.p_adjusted < alpha

    def as_dict(self) -> dict[str, Any]:
        """Plain values; an infinite end of an interval is None."""
        return {name: _plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True, eq=False, repr=False)
class StratifiedScores:
    """A metric of one or more models on one question, by stratum.

    Attributes
    ----------
    question : Question
    metric : Metric
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
        """What the p-values are adjusted for, in words."""
        tested = [s for s in self.scores if s.model == self.models[0] and s.p_value is not None]
        return (
            f"{len(tested)} strata of {len(self.kinds)} kinds ({', '.join(self.kinds)}) of one model and one question"
        )

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
        header = ["task", "modalities", "target", "metric", "unit", *names]
        start = [*self.question, self.metric.name, self.unit]
        rows = [[*start, *("" if v is None else v for v in score.as_dict().values())] for score in self.scores]
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


def metric_named(name: str | None, task: str) -> Metric:
    """The metric by name, by default that of the task; EvaluationError for one that does not measure the task."""
    chosen = METRICS.get(name or DEFAULT_METRICS[task])
    if chosen is None or chosen.task != task:
        fitting = ", ".join(m.name for m in METRICS.values() if m.task == task)
        raise EvaluationError(f"metric {name!r} does not measure a {task}; those that do: {fitting}.")
    return chosen


def stratified(
    outcomes: Outcomes | Mapping[str, Outcomes],
    strata: StrataLike,
    kinds: Sequence[str] | None = None,
    metric: str | None = None,
    *,
    task: str | None = None,
    modalities: str | None = None,
    target: str | None = None,
    alpha: float = 0.05,
    n_draws: int = 9999,
    seed: int = 0,
) -> StratifiedScores:
    """The metric of each model in each stratum of each kind, with intervals and adjusted tests.

    Parameters
    ----------
    outcomes : Outcomes, or mapping of names to Outcomes
        Several models answer the same queries; the first is the reference.
    strata : Strata
        Of all molecules that were asked about, at least.
    kinds : sequence of str, optional
        By default all that ``strata`` has.
    metric : str, optional
        "top1", "top5", "top10"; "brier", "auroc"; "rmse", "mae", "r2". By default top1, brier, rmse.
    task, modalities, target : str, optional
        Choose the question where the outcomes answer several. The Brier score averages over targets left open.
    alpha : float
        Family-wise error, above 0 and below 1.
    n_draws : int
        Permutations where a test has no exact form: at least 99; adjusted p-values have a floor of about
        (number of strata)/n_draws.
    seed : int
        Of bootstrap and permutations.

    Returns
    -------
    StratifiedScores

    Raises
    ------
    EvaluationError
        Several questions are left, models did not answer the same queries, a molecule is not in ``strata``, or the
        metric does not fit the task.
    """
    if not 0 < alpha < 1 or n_draws < _FEWEST_DRAWS:
        raise EvaluationError(f"stratified(alpha={alpha}, n_draws={n_draws}): alpha is in (0, 1), n_draws >= 99.")
    models = {outcomes.name: outcomes} if isinstance(outcomes, Outcomes) else dict(outcomes)
    if not models:
        raise EvaluationError("stratified got no model.")
    chosen = {n: o.chosen(task=task, modalities=modalities, target=target) for n, o in models.items()}
    question, measure = _question(chosen, metric)
    comparable(chosen)
    scored = {name: measure.score(rows) for name, rows in chosen.items()}
    resampling = Resampling(n_draws, seed)
    first = next(iter(scored.values()))
    members = _members(strata.chosen(first.ids), _kinds(strata, kinds))
    aligned = {name: _aligned(one, first.ids, chosen[name], measure) for name, one in scored.items()}
    test, scores = "", []
    for name, one in aligned.items():
        test, own = _scores_of(name, one, members, resampling)
        scores += own
    return StratifiedScores(
        question=question,
        metric=measure,
        unit=str(next(iter(chosen.values())).units[0]) if measure.name in ("rmse", "mae") else "",
        models=tuple(models),
        kinds=tuple(dict.fromkeys(kind for kind, _ in members)),
        scores=tuple(scores),
        paired=tuple(_paired(aligned, members, resampling)),
        chance=_chance(measure, next(iter(chosen.values()))),
        test=test,
        alpha=alpha,
        seed=seed,
        n_draws=n_draws,
    )


def _question(chosen: Mapping[str, Outcomes], metric: str | None) -> tuple[Question, Metric]:
    """The question that is left, and its metric; targets may be left open where the metric averages over them."""
    questions = list(dict.fromkeys(q for rows in chosen.values() for q in rows.questions))
    measure = metric_named(metric, questions[0].task)
    kinds = {(q.task, q.modalities) for q in questions}
    if len(kinds) > 1 or (measure.one_target and len(questions) > 1):
        raise EvaluationError(
            f"{len(questions)} questions are left ({'; '.join(map(str, questions[:5]))}"
            f"{'; ...' if len(questions) > 5 else ''}): choose one by task=, modalities= and target=."
        )
    asked = questions[0] if len(questions) == 1 else questions[0]._replace(target="")
    return asked, measure


def _kinds(strata: Any, kinds: Sequence[str] | None) -> tuple[str, ...]:
    if kinds is None:
        kinds = getattr(strata, "KINDS", None)
    if kinds is None:
        from .strata import KINDS as kinds
    return tuple(kinds)


def _members(strata: StrataLike, kinds: Sequence[str]) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Which molecules (n,) are in each stratum that has any, by (kind, stratum) in order."""
    members = {}
    for kind in kinds:
        labels = np.asarray(strata.labels(kind)).astype(str)
        ordered = [label for label in map(str, strata.order(kind)) if (labels == label).any()]
        ordered += [label for label in dict.fromkeys(labels.tolist()) if label not in ordered]
        members |= {(kind, label): labels == label for label in ordered}
    return members


def _aligned(one: Scored, ids: tuple[str, ...], rows: Outcomes, measure: Metric) -> Scored:
    """The score with its molecules in the order of ``ids``."""
    if one.ids == ids:
        return one
    place = {name: i for i, name in enumerate(ids)}
    order = np.argsort([place[name] for name in rows.ids.tolist()], kind="stable")
    return measure.score(rows._rows(order))


def _scores_of(
    name: str, one: Scored, members: dict[tuple[str, str], NDArray[np.bool_]], resampling: Resampling
) -> tuple[str, list[StratumScore]]:
    every = np.ones(len(one.ids), dtype=bool)
    scores = [StratumScore(name, ALL, ALL, len(one.ids), _number(one.value(every)), *one.interval(every, resampling))]
    if not members:
        return "", scores
    p_values, test = one.against_rest(np.stack(list(members.values())), resampling)
    adjusted = _adjusted(p_values)
    for (kind, stratum), rows, p, q in zip(members, members.values(), p_values, adjusted, strict=True):
        value = _number(one.value(rows))
        rest = None if rows.all() else _number(one.value(~rows))
        scores.append(
            StratumScore(
                *(name, kind, stratum, int(rows.sum()), value),
                *one.interval(rows, resampling),
                rest_value=rest,
                difference=None if value is None or rest is None else value - rest,
                p_value=_number(p),
                p_adjusted=_number(q),
            )
        )
    return test, scores


def _paired(
    scored: dict[str, Scored], members: dict[tuple[str, str], NDArray[np.bool_]], resampling: Resampling
) -> list[PairedScore]:
    """Each further model against the first, the family being all of them in all strata."""
    (reference, first), *others = scored.items()
    every = {(ALL, ALL): np.ones(len(first.ids), dtype=bool)}
    tests = [
        (name, place, int(rows.sum()), one.paired(first, rows, resampling))
        for name, one in others
        for place, rows in {**every, **members}.items()
    ]
    adjusted = _adjusted(np.array([found.p_value for *_, found in tests]))
    return [
        PairedScore(
            *(name, reference, *place, n, _number(found.difference)),
            *found.interval,
            won=found.won,
            lost=found.lost,
            p_value=_number(found.p_value),
            p_adjusted=_number(q),
        )
        for (name, place, n, found), q in zip(tests, adjusted, strict=True)
    ]


def _adjusted(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's over what could be tested; NaN stays."""
    adjusted = np.full(len(p_values), np.nan)
    tested = ~np.isnan(p_values)
    adjusted[tested] = holm(p_values[tested])
    return adjusted


def _chance(measure: Metric, rows: Outcomes) -> float | None:
    if measure.task == "identification":
        return min(1.0, int(measure.name.removeprefix("top")) / float(rows.n_library[0]))
    return 0.5 if measure.name == "auroc" else None


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value
