"""The stratified report on one or more models: every question, every stratum, as one offline page, JSON and CSV."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import EvaluationError
from ..groups.atomic_write import written
from ._comparable import comparable
from ._metrics import METRICS, Metric, Resampling
from ._prediction_rows import csv_text
from .extremes import Extremes, extremes
from .outcomes import Outcomes, Question
from .reliability import Reliability, reliability
from .stratified import metric_named, stratified
from .stratified_scores import ALL, StratifiedScores, StratumScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..forward.dataset_files import SimulatedDataset

__all__ = ["EvaluationReport", "ReportSection", "evaluation_report"]

logger = logging.getLogger(__name__)

_MODALITIES = ("ir", "raman", "ir+raman", "")  # the order of the panels


@dataclass(frozen=True)
class OverallScore:
    """A metric of a model over all molecules of a question."""

    question: Question
    metric: Metric
    unit: str
    score: StratumScore

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        own = self.score.as_dict()
        kept = {name: own[name] for name in ("model", "n", "value", "low", "high", "interval_method")}
        return {**self.question._asdict(), "metric": self.metric.name, "unit": self.unit, **kept}


@dataclass(frozen=True, eq=False)
class ReportSection:
    """One task and target: scores by stratum for each choice of modalities, and what belongs to them.

    Attributes
    ----------
    task, target : str
        ``target`` is "" for identification, and for classifications, whose targets are averaged.
    averaged : tuple of str
        The targets over which scores by stratum are averaged: those that all models answered from the same
        modalities; classification only.
    overall : tuple of OverallScore
        Every metric of the task, every model, over all molecules; for classification target by target.
    stratified : tuple of StratifiedScores
        One for each choice of modalities, of the same metric.
    reliability : tuple of (str, Reliability)
        Modalities, calibration curve; classification only.
    extremes : tuple of Extremes
        Of each model, with the modalities that show most.
    """

    task: str
    target: str
    averaged: tuple[str, ...]
    overall: tuple[OverallScore, ...]
    stratified: tuple[StratifiedScores, ...]
    reliability: tuple[tuple[str, Reliability], ...]
    extremes: tuple[Extremes, ...]

    @property
    def title(self) -> str:
        """For a heading."""
        known = {"identification": "Identification", "classification": "Classification"}
        return known.get(self.task) or f"{self.task.capitalize()}: {self.target}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "task": self.task,
            "target": self.target,
            "averaged_targets": list(self.averaged),
            "overall": [score.as_dict() for score in self.overall],
            "stratified": [scores.as_dict() for scores in self.stratified],
            "reliability": [{"modalities": shown, **curve.as_dict()} for shown, curve in self.reliability],
            "extremes": [found.as_dict() for found in self.extremes],
        }


@dataclass(frozen=True, eq=False, repr=False)
class EvaluationReport:
    """What `evaluation_report` found.

    Attributes
    ----------
    title, about : str
        Of the page; ``about`` says in a sentence or two what was evaluated on what.
    models : tuple of str
        The first is the reference of paired tests.
    kinds : tuple of (str, str)
        Each kind of strata and what it means ("" where that is not said).
    sections : tuple of ReportSection
    n_molecules : int
        Different molecules over all questions.
    alpha : float
        Family-wise error.
    simulated : bool or None
        Whether the spectra were computed; None: not known. The page says which.
    datasets : tuple of SimulatedDataset
        Where molecules and spectra of the examples are looked up.
    """

    title: str
    about: str
    models: tuple[str, ...]
    kinds: tuple[tuple[str, str], ...]
    sections: tuple[ReportSection, ...]
    n_molecules: int
    alpha: float
    simulated: bool | None
    datasets: "tuple[SimulatedDataset, ...]"

    def __repr__(self) -> str:
        return f"EvaluationReport({self.title!r}: {', '.join(self.models)}; {self.n_molecules} molecules)"

    @property
    def flagged(self) -> tuple[tuple[StratifiedScores, StratumScore], ...]:
        """Each stratum that differs from the rest, with the question it belongs to."""
        every = [scores for section in self.sections for scores in section.stratified]
        return tuple((scores, score) for scores in every for score in scores.flagged())

    def largest(self, n: int = 3) -> list[tuple[StratifiedScores, str, tuple[StratumScore, ...]]]:
        """For each question and model the ``n`` strata that differ most from the rest, those that do not left out."""
        every = [scores for section in self.sections for scores in section.stratified]
        return [
            (scores, model, tuple(sorted(scores.flagged(model), key=lambda s: -abs(s.difference or 0.0))[:n]))
            for scores in every
            for model in scores.models
        ]

    @property
    def n_families(self) -> int:
        """Families of tests against the rest: one for each model and question."""
        return sum(len(scores.models) for section in self.sections for scores in section.stratified)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        from .. import __version__

        return {
            "title": self.title,
            "about": self.about,
            "models": list(self.models),
            "kinds": [{"kind": kind, "meaning": meaning} for kind, meaning in self.kinds],
            "n_molecules": self.n_molecules,
            "alpha": self.alpha,
            "simulated": self.simulated,
            "symvib_version": __version__,
            "sections": [section.as_dict() for section in self.sections],
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; written to ``path`` if given."""
        return written(json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n", path)

    def to_csv(self, path: str | Path | None = None) -> str:
        """One row for each question, model and stratum; written to ``path`` if given."""
        tables = [scores.rows() for section in self.sections for scores in section.stratified]
        return written(csv_text(tables[0][0], (row for _, rows in tables for row in rows)), path)

    def to_text(self) -> str:
        """What to know at a glance: every model on every question, and the strata that differ from the rest."""
        from ._score_tables import difference_interval, difference_text, interval_text, p_text

        spectra = {True: "simulated", False: "measured, as stated,", None: "unstated (measured or simulated)"}
        lines = [f"{self.title}: {self.n_molecules} molecules, {spectra[self.simulated]} spectra"]
        title = ""
        for scores, model, strata in self.largest():
            section = next(section for section in self.sections if scores in section.stratified)
            if section.title != title:
                title = section.title
                lines += ["", title]
            own, n_flagged = scores.score(model), len(scores.flagged(model))
            value, interval = scores.metric.text(own.value), interval_text(scores, own.low, own.high)
            asked = f"{scores.question.modalities_text}, {model}"
            lines.append(f"  {asked}: {scores.label} {value} ({interval}), n = {own.n}")
            lines += [
                f"    {s.kind} {s.stratum}: {scores.metric.text(s.value)}, n = {s.n}, "
                f"{difference_text(scores, s.difference)} against the rest, p = {p_text(s.p_adjusted)}"
                for s in strata
            ]
            if n_flagged > len(strata):
                lines.append(f"    and {n_flagged - len(strata)} more")
            lines += [
                f"    all molecules, minus {pair.reference}: {difference_text(scores, pair.difference)} "
                f"({difference_interval(scores, pair.low, pair.high)}), better on {pair.won}, worse on {pair.lost}, "
                f"p = {p_text(pair.p_adjusted)}"
                for pair in scores.paired
                if (pair.model, pair.kind) == (model, ALL)
            ]
        lines += [
            "",
            f"Indented: the strata that differ most from the rest; p by Holm, family-wise error {self.alpha:g}."
            + " Between models: the same molecules, larger is better unless it is an error." * (len(self.models) > 1),
        ]
        return "\n".join(lines)

    def to_html(self, path: str | Path | None = None) -> str:
        """One self-contained page: no network, no scripts; written to ``path`` if given."""
        from ._report_html import report_html

        return written(report_html(self), path)

    def _repr_html_(self) -> str:
        return "".join(scores._repr_html_() for section in self.sections for scores in section.stratified)

    def plot(self, ax: "Axes | None" = None, kind: str | None = None) -> "Axes":
        """Axes with the forest plot of a kind (the first if not named) for the first question."""
        return self.sections[0].stratified[0].plot(ax, kind)


def evaluation_report(
    outcomes: Outcomes | Mapping[str, Outcomes],
    strata: Any,
    *,
    kinds: Sequence[str] | None = None,
    metrics: Mapping[str, str] | None = None,
    title: str = "Accuracy by symmetry",
    about: str = "",
    simulated: bool | None = True,
    datasets: "Iterable[SimulatedDataset] | None" = None,
    n_examples: int = 4,
    alpha: float = 0.05,
    n_draws: int = 9999,
    seed: int = 0,
) -> EvaluationReport:
    """The report on all questions that the models answered.

    Parameters
    ----------
    outcomes : Outcomes, or mapping of names to Outcomes
        Models that share a question must have answered it for the same queries; the first is the reference. A model
        may lack questions.
    strata : Strata
        Of all molecules in ``outcomes``, at least.
    kinds : sequence of str, optional
        By default all.
    metrics : mapping of task to metric, optional
        The metric by stratum where it is not the default (top1, brier, rmse).
    title, about : str
    simulated : bool or None
        Whether the spectra were computed; None: not known, which is said.
    datasets : iterable of SimulatedDataset, optional
        Where the molecules and lines of the examples come from; the shipped ones if not given, () for no pictures.
    n_examples : int
        Best and worst molecules of each model, each.
    alpha, n_draws, seed
        As in `stratified`.

    Raises
    ------
    EvaluationError
        As `stratified`, and for a metric of an unknown task.
    """
    models = {outcomes.name: outcomes} if isinstance(outcomes, Outcomes) else dict(outcomes)
    comparable(models)
    resampling = Resampling(n_draws, seed)
    chosen = _checked_metrics(metrics or {})
    sections = []
    for task, target in _topics(models):
        asked = _by_modalities(models, task, target)
        logger.info("evaluating %s %s (%d choices of modalities)", task, target, len(asked))
        parts = [
            stratified(_on_shared_targets(of), strata, kinds, chosen.get(task), alpha=alpha, n_draws=n_draws, seed=seed)
            for of in asked.values()
        ]
        answers = [(shown, o) for shown, of in asked.items() for o in of.values() if task == "classification"]
        sections.append(
            ReportSection(
                task=task,
                target=target,
                averaged=_averaged(asked) if task == "classification" else (),
                overall=tuple(score for of in asked.values() for score in _overall(of, resampling)),
                stratified=tuple(parts),
                reliability=tuple((shown, reliability(o, seed=seed)) for shown, o in answers),
                extremes=_extremes(models, task, target, n_examples) if n_examples else (),
            )
        )
    used = dict.fromkeys(kind for section in sections for scores in section.stratified for kind in scores.kinds)
    return EvaluationReport(
        title=title,
        about=about,
        models=tuple(models),
        kinds=tuple((kind, _meaning(strata, kind)) for kind in used),
        sections=tuple(sections),
        n_molecules=len({i for o in models.values() for i in o.ids.tolist()}),
        alpha=alpha,
        simulated=simulated,
        datasets=() if not n_examples else _shipped() if datasets is None else tuple(datasets),
    )


def _checked_metrics(metrics: Mapping[str, str]) -> dict[str, str]:
    return {task: metric_named(name, task).name for task, name in metrics.items()}


def _topics(models: Mapping[str, Outcomes]) -> list[tuple[str, str]]:
    """Task and target of each section: classifications are one, whatever their targets."""
    questions = [q for o in models.values() for q in o.questions]
    return list(dict.fromkeys((q.task, q.target if q.task in ("regression", "similarity") else "") for q in questions))


def _by_modalities(models: Mapping[str, Outcomes], task: str, target: str) -> dict[str, dict[str, Outcomes]]:
    """Modalities to model to its answers; models that did not answer are left out."""
    found: dict[str, dict[str, Outcomes]] = {}
    for shown in _MODALITIES:
        for name, outcomes in models.items():
            if any(q.task == task and q.modalities == shown and (not target or q.target == target)
                   for q in outcomes.questions):  # fmt: skip
                rows = outcomes.chosen(task=task, modalities=shown, target=target or None)
                found.setdefault(shown, {})[name] = replace(rows, name=name)
    return found


def _shared_targets(of: Mapping[str, Outcomes]) -> list[str]:
    """The targets that each of the models answered, in order."""
    answered = [list(dict.fromkeys(o.targets.tolist())) for o in of.values()]
    return [target for target in answered[0] if all(target in others for others in answered[1:])]


def _on_shared_targets(of: Mapping[str, Outcomes]) -> dict[str, Outcomes]:
    """The models on the targets that all of them answered: an average over others would compare unlike with unlike."""
    shared = _shared_targets(of)
    if not shared:
        raise EvaluationError(
            f"{', '.join(map(repr, of))} answer no common target (the first ones are "
            f"{'; '.join(str(o.questions[0]) for o in of.values())}): make a report of each, or name "
            "the same targets alike."
        )
    return {name: o._rows(np.isin(o.targets, shared)) for name, o in of.items()}


def _averaged(asked: Mapping[str, Mapping[str, Outcomes]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(target for of in asked.values() for target in _shared_targets(of)))


def _overall(of: Mapping[str, Outcomes], resampling: Resampling) -> list[OverallScore]:
    """Every metric of the task for each target and model, over all molecules."""
    scores = []
    for name, outcomes in of.items():
        for question in outcomes.questions:
            rows = outcomes.chosen(target=question.target)
            for metric in METRICS.values():
                if metric.task == question.task:
                    scores.append(_overall_score(name, rows, question, metric, resampling))
    return [score for score in scores if score is not None]


def _overall_score(
    name: str, rows: Outcomes, question: Question, metric: Metric, resampling: Resampling
) -> OverallScore | None:
    if metric.name == "auroc" and len(np.unique(rows.ids)) < len(rows):
        return None  # needs one answer for each molecule
    scored = metric.score(rows)
    every = np.ones(len(scored.ids), dtype=bool)
    value = scored.value(every)
    known = None if np.isnan(value) else float(value)
    score = StratumScore(name, ALL, ALL, len(scored.ids), known, *scored.interval(every, resampling))
    return OverallScore(question, metric, str(rows.units[0]) if metric.name in ("rmse", "mae") else "", score)


def _extremes(models: Mapping[str, Outcomes], task: str, target: str, n: int) -> tuple[Extremes, ...]:
    """Of each model, on the modalities that show most."""
    asked = _by_modalities(models, task, target)
    most = max(asked, key=lambda shown: (shown.count("+"), shown != "", -_MODALITIES.index(shown)))
    return tuple(extremes(rows, n) for rows in asked[most].values())


def _meaning(strata: Any, kind: str) -> str:
    from .strata import KINDS

    own = getattr(strata, "KINDS", KINDS)
    return str(getattr(own[kind], "meaning", "")) if isinstance(own, Mapping) and kind in own else ""


def _shipped() -> "tuple[SimulatedDataset, ...]":
    from ..forward.dataset_files import shipped_dataset
    from .strata import SHIPPED_SOURCES

    return tuple(shipped_dataset(name) for name in SHIPPED_SOURCES)
