"""Settings of library searches, chosen on validation molecules by a greedy search over one setting after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ModelError
from ._peer_preprocessing import SPACING_CM1, Preprocessing, remove_baseline, spectra_and_presence
from ._peer_search import MEASURES, LibrarySearch, SearchSettings
from .retrieval import RetrievalResult, pooled, retrieval

__all__ = ["OPTIONS", "TunedSearch", "tune"]

_COMMON: dict[str, Sequence[Any]] = {
    "smoothing_cm1": (0.0, 2.0, 4.0, 6.0, 9.0, 13.0),
    "baseline": ("none", "polynomial", "opening"),
    "power": (0.25, 0.35, 0.5, 0.7, 1.0),
}
_SHIFTS = (0.0, 4.0, 7.5)
OPTIONS: dict[str, dict[str, Sequence[Any]]] = {  # the values that `tune` tries
    "cosine": {"derivative": (0, 1, 2), **_COMMON, "threshold": (0.0, 0.01, 0.03), "max_shift_cm1": _SHIFTS},
    "sid": {**_COMMON, "threshold": (0.0, 0.01, 0.03), "floor": (0.03, 0.1, 0.3, 1.0), "max_shift_cm1": _SHIFTS},
    "wasserstein": {**_COMMON, "threshold": (0.0, 0.01, 0.02, 0.04, 0.08, 0.15), "order": (1, 2)},
}
_START = {
    "cosine": SearchSettings(Preprocessing("polynomial", smoothing_cm1=6.0, power=0.5)),
    "sid": SearchSettings(Preprocessing("polynomial", smoothing_cm1=6.0, power=0.5)),
    # Bins of 7 1/cm: four times as fast, and bands are wider.
    "wasserstein": SearchSettings(Preprocessing("polynomial", 6.0, threshold=0.03, power=0.5, channels_per_bin=4)),
}
_WEIGHTS = ((1.0, 1.0), (1.0, 0.7), (0.7, 1.0), (1.0, 0.5), (0.5, 1.0))


@dataclass(frozen=True, eq=False)
class TunedSearch:
    """A search whose settings were chosen, and everything that was tried on the way."""

    search: LibrarySearch
    trials: tuple[dict[str, Any], ...]
    validation: RetrievalResult

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "search": self.search.as_dict(),
            "n_trials": len(self.trials),
            "validation": self.validation.as_dict(),
            "trials": list(self.trials),
        }


def tune(
    measure: str,
    tasks: Sequence[Any],
    *,
    options: Mapping[str, Sequence[Any]] | None = None,
    rounds: int = 2,
    **search: Any,
) -> TunedSearch:
    """The library search whose settings do best on validation molecules (never give test molecules).

    Greedy: for each modality alone, one setting after another takes the value with the largest top-1 share (then mean
    reciprocal rank); after ``rounds`` rounds, or when a round changes nothing, the modality weights are chosen.

    Parameters
    ----------
    measure : {"cosine", "sid", "wasserstein"}
    tasks : sequence
        Validation molecules measured by pairs of instruments: each has ``queries`` (n, M, L) and ``library``
        (n_library, M, L), absent spectra NaN, and ``true_index`` (n,), as a `retrieval_task.RetrievalTask`. Several
        pairs keep the settings from fitting one instrument.
    options : mapping, optional
        Values to try for settings, in place of those in `OPTIONS`.
    rounds : int
    **search
        Further arguments of `LibrarySearch`.

    Raises
    ------
    ModelError
        An unknown measure, no task, or settings that the measure does not have.
    """
    if measure not in MEASURES:
        raise ModelError(f"measure {measure!r} is not one of {', '.join(MEASURES)}")
    if not tasks:
        raise ModelError("tune needs at least one task of validation molecules, got none")
    options = {**OPTIONS[measure], **(options or {})}
    problems = [_Problem.of(task) for task in tasks]
    n_modalities = problems[0].queries.shape[1]
    trials: list[dict[str, Any]] = []
    chosen = tuple(
        _tuned_modality(measure, m, [problem.of_modality(m) for problem in problems], options, rounds, search, trials)
        for m in range(n_modalities)
    )
    found = LibrarySearch(measure, chosen, **{"weights": (1.0,) * n_modalities, **search})
    if n_modalities == 2 and "weights" not in search:
        candidates = [replace(found, weights=weights) for weights in _WEIGHTS]
        results = [_result(candidate, problems) for candidate in candidates]
        trials.extend({"weights": list(c.weights), **r.as_dict()} for c, r in zip(candidates, results, strict=True))
        worths = [_worth(result) for result in results]
        found = candidates[worths.index(max(worths))]
    return TunedSearch(found, tuple(trials), _result(found, problems))


@dataclass(frozen=True)
class _Problem:
    """Queries and library with their presence."""

    queries: np.ndarray
    library: np.ndarray
    true_index: np.ndarray
    has: np.ndarray
    holds: np.ndarray

    @classmethod
    def of(cls, task: Any) -> "_Problem":
        queries, has = spectra_and_presence(task.queries)
        library, holds = spectra_and_presence(task.library)
        return cls(queries, library, np.asarray(task.true_index), has, holds)

    def of_modality(self, m: int) -> "_Problem":
        """One modality, and the queries that have it."""
        usable, one = self.has[:, m] & self.holds[self.true_index, m], slice(m, m + 1)
        has = self.has[usable, one]
        return _Problem(
            self.queries[usable, one], self.library[:, one], self.true_index[usable], has, self.holds[:, one]
        )

    def without(self, baseline: str, spacing_cm1: float = SPACING_CM1, **_: Any) -> "_Problem":
        """The spectra without their baselines."""
        queries, library = (remove_baseline(x, baseline, spacing_cm1) for x in (self.queries, self.library))
        return replace(self, queries=queries, library=library)


def _result(search: LibrarySearch, problems: Sequence[_Problem]) -> RetrievalResult:
    """All queries of all problems; a molecule that is queried in several is a group by its place in the library."""
    answers = [
        retrieval(search.scores(p.queries, p.library, p.has, p.holds), p.true_index, groups=p.true_index)
        for p in problems
    ]
    return pooled(answers)


def _worth(result: RetrievalResult) -> tuple[float, float]:
    return result.top1, result.mean_reciprocal_rank


def _tuned_modality(
    measure: str,
    modality: int,
    problems: Sequence[_Problem],
    options: Mapping[str, Sequence[Any]],
    rounds: int,
    search: Mapping[str, Any],
    trials: list[dict[str, Any]],
) -> SearchSettings:
    known: dict[SearchSettings, tuple[float, float]] = {}
    without: dict[str, list[_Problem]] = {}

    def worth(settings: SearchSettings) -> tuple[float, float]:
        if settings not in known:
            # Baselines take longest and are few: the problems hold the spectra without them.
            baseline = settings.preprocessing.baseline
            if baseline not in without:
                without[baseline] = [problem.without(baseline, **search) for problem in problems]
            tried = LibrarySearch(measure, (settings.changed(baseline="none"),), **{**search, "weights": (1.0,)})
            known[settings] = top1, reciprocal = _worth(_result(tried, without[baseline]))
            trials.append(
                {"modality": modality, **settings.as_dict(), "top1": top1, "mean_reciprocal_rank": reciprocal}
            )
        return known[settings]

    best = _START[measure]
    for _ in range(rounds):
        before = best
        for name, values in options.items():
            # The present value is compared too, so that a step never loses.
            best = max([best, *(best.changed(**{name: value}) for value in values)], key=worth)
        if best == before:
            break
    return best
