"""Settings of library searches, chosen on validation molecules by a greedy search over one setting after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import ModelError
from ._peer_preprocessing import Preprocessing, spectra_and_presence
from ._peer_search import MEASURES, LibrarySearch, SearchSettings
from .retrieval import RetrievalResult, retrieval

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
_START = SearchSettings(preprocessing=Preprocessing(baseline="polynomial", power=0.5))
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
    queries: Any,
    library: Any,
    true_index: Any,
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
    queries, library : (n, M, L), (n_library, M, L) arrays
        Validation molecules measured by two instruments.
    true_index : (n,) int array
        Library row of each query.
    options : mapping, optional
        Values to try for settings, in place of those in `OPTIONS`.
    rounds : int
    **search
        Further arguments of `LibrarySearch`.

    Raises
    ------
    ModelError
        An unknown measure, or settings that it does not have.
    """
    if measure not in MEASURES:
        raise ModelError(f"measure {measure!r} is not one of {', '.join(MEASURES)}")
    options = {**OPTIONS[measure], **(options or {})}
    queries, has = spectra_and_presence(queries)
    library, holds = spectra_and_presence(library)
    trials: list[dict[str, Any]] = []
    chosen = []
    for m in range(queries.shape[1]):
        both = _Problem(queries[:, m : m + 1], library[:, m : m + 1], np.asarray(true_index), has[:, m], holds[:, m])
        chosen.append(_tuned_modality(measure, m, both, options, rounds, search, trials))
    found = LibrarySearch(measure, tuple(chosen), **{"weights": (1.0,) * queries.shape[1], **search})
    if queries.shape[1] == 2 and "weights" not in search:
        found = _weighted(found, queries, has, library, holds, np.asarray(true_index), trials)
    result = retrieval(found.scores(queries, library, has, holds), true_index)
    return TunedSearch(found, tuple(trials), result)


@dataclass(frozen=True)
class _Problem:
    """Validation queries and library of one modality."""

    queries: np.ndarray
    library: np.ndarray
    true_index: np.ndarray
    has: np.ndarray
    holds: np.ndarray

    def worth(self, search: LibrarySearch) -> tuple[float, float]:
        usable = self.has & self.holds[self.true_index]
        scores = search.scores(self.queries[usable], self.library, None, self.holds[:, None])
        return _worth(retrieval(scores, self.true_index[usable]))


def _worth(result: RetrievalResult) -> tuple[float, float]:
    return result.top1, result.mean_reciprocal_rank


def _tuned_modality(
    measure: str,
    modality: int,
    problem: _Problem,
    options: Mapping[str, Sequence[Any]],
    rounds: int,
    search: Mapping[str, Any],
    trials: list[dict[str, Any]],
) -> SearchSettings:
    known: dict[SearchSettings, tuple[float, float]] = {}

    def worth(settings: SearchSettings) -> tuple[float, float]:
        if settings not in known:
            arguments = {**search, "weights": (1.0,)}
            known[settings] = problem.worth(LibrarySearch(measure, (settings,), **arguments))
            top1, reciprocal = known[settings]
            trials.append(
                {"modality": modality, **settings.as_dict(), "top1": top1, "mean_reciprocal_rank": reciprocal}
            )
        return known[settings]

    best = _START
    for _ in range(rounds):
        before = best
        for name, values in options.items():
            # The present value is compared too, so that a step never loses.
            best = max([best, *(best.changed(**{name: value}) for value in values)], key=worth)
        if best == before:
            break
    return best


def _weighted(
    search: LibrarySearch,
    queries: np.ndarray,
    has: np.ndarray,
    library: np.ndarray,
    holds: np.ndarray,
    true_index: np.ndarray,
    trials: list[dict[str, Any]],
) -> LibrarySearch:
    candidates = [replace(search, weights=weights) for weights in _WEIGHTS]
    results = [retrieval(c.scores(queries, library, has, holds), true_index) for c in candidates]
    trials.extend({"weights": list(c.weights), **r.as_dict()} for c, r in zip(candidates, results, strict=True))
    worths = [_worth(result) for result in results]
    return candidates[worths.index(max(worths))]
