"""A model's metric in every stratum of every kind, with intervals, tests against the rest and between models.

Families. The tests of the strata of all kinds of one model and one question are one family; the comparisons of each
model with the first over all molecules are another one, and those in every stratum a third; p-values are adjusted by
Holm's method within a family. Strata of different kinds overlap; Holm's method holds under any dependence. No stratum
is dropped or pooled with another, however small: its interval says how little it says.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._comparable import comparable
from ._metrics import DEFAULT_METRICS, METRICS, Metric, Resampling, Scored
from ._prediction_rows import named_rows
from ._statistics import holm
from .outcomes import Outcomes, Question
from .stratified_scores import ALL, PairedScore, StratifiedScores, StratumScore

__all__ = ["PairedScore", "StrataLike", "StratifiedScores", "StratumScore", "metric_named", "stratified"]

_FEWEST_DRAWS = 99


class StrataLike(Protocol):
    """What is needed of `evaluation.strata.Strata`."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The molecules, each once."""
        ...

    def labels(self, kind: str) -> NDArray[Any]:
        """The stratum of each molecule."""
        ...

    def order(self, kind: str) -> Sequence[str]:
        """The strata in a sensible order."""
        ...

    def chosen(self, ids: Sequence[str]) -> "StrataLike":
        """The strata of some molecules, in the order asked."""
        ...


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
        Several questions are left, models did not answer the same questions and queries, a molecule is not in
        ``strata``, or the metric does not fit the task.
    """
    if not 0 < alpha < 1 or n_draws < _FEWEST_DRAWS:
        raise EvaluationError(f"stratified(alpha={alpha}, n_draws={n_draws}): alpha is in (0, 1), n_draws >= 99.")
    models = {outcomes.name: outcomes} if isinstance(outcomes, Outcomes) else dict(outcomes)
    if not models:
        raise EvaluationError("stratified got no model.")
    chosen = {n: o.chosen(task=task, modalities=modalities, target=target) for n, o in models.items()}
    question, measure = _question(chosen, metric)
    comparable(chosen)
    _same_targets(chosen)
    scored = {name: measure.score(rows) for name, rows in chosen.items()}
    resampling = Resampling(n_draws, seed)
    first = next(iter(scored.values()))
    members = _members(strata.chosen(first.ids), _kinds(strata, kinds))
    aligned = {name: _aligned(one, first.ids, chosen[name], measure) for name, one in scored.items()}
    targets = {target for rows in chosen.values() for target in rows.targets.tolist()}
    tests: dict[str, list[str]] = {}
    scores = []
    for name, one in aligned.items():
        test, own = _scores_of(name, one, members, resampling)
        tests.setdefault(test, []).append(name)
        scores += own
    return StratifiedScores(
        question=question,
        metric=measure,
        n_targets=len(targets),
        unit=str(next(iter(chosen.values())).units[0]) if measure.name in ("rmse", "mae") else "",
        models=tuple(models),
        kinds=tuple(dict.fromkeys(kind for kind, _ in members)),
        scores=tuple(scores),
        paired=tuple(_paired(aligned, members, resampling)),
        chance=_chance(measure, next(iter(chosen.values()))),
        test="; ".join(tests) if len(tests) < 2 else "; ".join(f"{t} ({', '.join(m)})" for t, m in tests.items()),
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


def _same_targets(chosen: Mapping[str, Outcomes]) -> None:
    """Averages over targets are comparable only where all models answered the same ones."""
    (first, reference), *others = chosen.items()
    for name, rows in others:
        differs = set(reference.questions) ^ set(rows.questions)
        if differs:
            raise EvaluationError(
                f"{first!r} and {name!r} did not answer the same questions; only one of them answers "
                f"{named_rows(sorted(map(str, differs)))}. Choose by task=, modalities= and target=."
            )


def _kinds(strata: StrataLike, kinds: Sequence[str] | None) -> tuple[str, ...]:
    from .strata import KINDS

    return tuple(getattr(strata, "KINDS", KINDS) if kinds is None else kinds)


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
    """Each further model against the first: all molecules are one family, all strata another."""
    (reference, first), *others = scored.items()
    every = {(ALL, ALL): np.ones(len(first.ids), dtype=bool)}
    tests = [
        (name, place, int(rows.sum()), one.paired(first, rows, resampling))
        for name, one in others
        for place, rows in {**every, **members}.items()
    ]
    p_values = np.array([found.p_value for *_, found in tests])
    overall = np.array([place == (ALL, ALL) for _, place, *_ in tests], dtype=bool)
    adjusted = np.empty(len(tests))
    for family in (overall, ~overall):
        adjusted[family] = _adjusted(p_values[family])
    return [
        PairedScore(
            *(name, reference, *place, n, _number(found.difference)),
            *found.interval,
            won=found.won,
            lost=found.lost,
            test=found.test,
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
