"""Settings of library searches, chosen on validation molecules by a greedy search over one setting after another."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ModelError
from ._peer_preprocessing import SPACING_CM1, Preprocessing, binned, remove_baseline, spectra_and_presence
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
    channels_at_once: int = 1,
    n_threads: int = 1,
    spacing_cm1: float = SPACING_CM1,
    weights: tuple[float, ...] | None = None,
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
    channels_at_once : int
        Channels averaged into one while settings are tried, for speed. The search that comes back is one of all
        channels; `TunedSearch.validation` is what the averaged ones gave.
    n_threads : int
        Values of a setting tried at the same time. The result does not depend on it.
    spacing_cm1 : float
        Between the channels of the tasks.
    weights : tuple of float, optional
        Of the modalities, if they are not to be chosen.

    Raises
    ------
    ModelError
        An unknown measure, no task, or settings that the measure does not have.
    """
    if measure not in MEASURES:
        raise ModelError(f"measure {measure!r} is not one of {', '.join(MEASURES)}")
    if not tasks:
        raise ModelError("tune needs at least one task of validation molecules, got none")
    trial = _Trial(measure, channels_at_once, spacing_cm1 * channels_at_once)
    tried = {**OPTIONS[measure], **(options or {})}
    problems = [_Problem.of(task, channels_at_once) for task in tasks]
    n_modalities = problems[0].queries.shape[1]
    trials: list[dict[str, Any]] = []
    with ThreadPoolExecutor(n_threads) as pool:
        chosen = tuple(
            _tuned_modality(trial, m, [problem.of_modality(m) for problem in problems], tried, rounds, pool, trials)
            for m in range(n_modalities)
        )
        open_weights = weights is None and n_modalities == 2
        candidates = _WEIGHTS if open_weights else (weights or (1.0,) * n_modalities,)
        results = list(pool.map(lambda w: _result(trial.search(chosen, w), problems), candidates))
    if open_weights:
        trials.extend({"weights": list(w), **r.as_dict()} for w, r in zip(candidates, results, strict=True))
    worths = [_worth(result) for result in results]
    best = worths.index(max(worths))
    return TunedSearch(LibrarySearch(measure, chosen, candidates[best], spacing_cm1), tuple(trials), results[best])


@dataclass(frozen=True)
class _Trial:
    """How settings are tried: on channels averaged ``width`` at once, which lie ``spacing_cm1`` apart."""

    measure: str
    width: int
    spacing_cm1: float

    def search(self, settings: Sequence[SearchSettings], weights: tuple[float, ...]) -> LibrarySearch:
        """The search of settings that are stated for all channels."""
        rest = [max(1, s.preprocessing.channels_per_bin // self.width) for s in settings]
        adapted = tuple(s.changed(channels_per_bin=bins) for s, bins in zip(settings, rest, strict=True))
        return LibrarySearch(self.measure, adapted, weights, self.spacing_cm1)


@dataclass(frozen=True)
class _Problem:
    """Queries and library with their presence."""

    queries: np.ndarray
    library: np.ndarray
    true_index: np.ndarray
    has: np.ndarray
    holds: np.ndarray

    @classmethod
    def of(cls, task: Any, width: int) -> "_Problem":
        queries, has = spectra_and_presence(task.queries)
        library, holds = spectra_and_presence(task.library)
        return cls(binned(queries, width), binned(library, width), np.asarray(task.true_index), has, holds)

    def of_modality(self, m: int) -> "_Problem":
        """One modality, and the queries that have it."""
        usable, one = self.has[:, m] & self.holds[self.true_index, m], slice(m, m + 1)
        has = self.has[usable, one]
        return _Problem(
            self.queries[usable, one], self.library[:, one], self.true_index[usable], has, self.holds[:, one]
        )

    def without(self, baseline: str, spacing_cm1: float) -> "_Problem":
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
    trial: _Trial,
    modality: int,
    problems: Sequence[_Problem],
    options: Mapping[str, Sequence[Any]],
    rounds: int,
    pool: ThreadPoolExecutor,
    trials: list[dict[str, Any]],
) -> SearchSettings:
    known: dict[SearchSettings, tuple[float, float]] = {}
    without: dict[str, list[_Problem]] = {}

    def worth(settings: SearchSettings) -> tuple[float, float]:
        search = trial.search([settings.changed(baseline="none")], (1.0,))
        return _worth(_result(search, without[settings.preprocessing.baseline]))

    best = _START[trial.measure]
    for _ in range(rounds):
        before = best
        for name, values in options.items():
            # The present value comes first and counts, so that a step never loses.
            candidates = list(dict.fromkeys([best, *(best.changed(**{name: value}) for value in values)]))
            new = [candidate for candidate in candidates if candidate not in known]
            for baseline in {candidate.preprocessing.baseline for candidate in new} - set(without):
                # Baselines take longest and are few: the problems hold the spectra without them.
                without[baseline] = [problem.without(baseline, trial.spacing_cm1) for problem in problems]
            for candidate, found in zip(new, pool.map(worth, new), strict=True):
                known[candidate] = found
                trials.append(
                    {
                        "modality": modality,
                        **candidate.as_dict(),
                        "top1": found[0],
                        "mean_reciprocal_rank": found[1],
                    }
                )
            best = max(candidates, key=known.__getitem__)
        if best == before:
            break
    return best
