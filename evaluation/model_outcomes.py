"""What a model answers about the shipped test molecules, as virtual instruments measure them (simulated)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .outcomes import Outcomes

if TYPE_CHECKING:
    from ..spektron.model import Spektron
    from ..spektron.predict import Predictor
    from ..spektron.retrieval_task import RetrievalTask
    from ..spektron.training_data import TrainingData

__all__ = ["cross_modal_outcomes", "group_outcomes", "identification_outcomes", "identification_tasks"]

_OBSERVED = {"ir": (0,), "raman": (1,), "ir+raman": (0, 1)}


def identification_tasks(
    data: "TrainingData",
    *,
    part: str = "test",
    pairs: int = 3,
    n_queries: int | None = None,
    second_level: bool = False,
) -> "list[RetrievalTask]":
    """A task for each pair of instruments: one measures the library, the other the queries.

    Parameters
    ----------
    data : TrainingData
    part : {"train", "validation", "test"}
    pairs : int
    n_queries : int, optional
        Molecules asked for; all if not given.
    second_level : bool
        Queries at the second level of theory (GFN1-xTB) in the library of the first.
    """
    from ..spektron.retrieval_task import simulated_task

    return [simulated_task(data, part, pair, n_queries=n_queries, second_level=second_level) for pair in range(pairs)]


def identification_outcomes(
    peer: Any,
    data: "TrainingData",
    *,
    tasks: "Sequence[RetrievalTask] | None" = None,
    n_queries: int | None = None,
    name: str = "model",
) -> Outcomes:
    """Outcomes of identification from IR, Raman and both, of any model that embeds spectra or scores them.

    Parameters
    ----------
    peer : object
        With ``embed(spectra, present) -> (n, k)`` unit vectors, or ``scores(queries, library, queries_present,
        library_present) -> (n_queries, n_library)``; spectra are (n, 2, 2048) arrays, IR and Raman on 2048 channels
        from 400 to 4000 1/cm, NaN where there is none.
    data : TrainingData
        Which the tasks were made of.
    tasks : sequence of RetrievalTask, optional
        Those of `identification_tasks`, made once where several models are asked [default: made here, of test
        molecules].
    n_queries : int, optional
        Molecules asked for, where tasks are made here; all if not given.
    name : str
        Of the model.

    Raises
    ------
    ModelError
        What the model gives does not fit.
    """
    parts = []
    for pair, task in enumerate(identification_tasks(data, n_queries=n_queries) if tasks is None else tasks):
        for shown, kinds in _OBSERVED.items():
            asked = task.only(kinds)
            result, ids = asked.answer(peer), [data.ids[row] for row in asked.rows]
            parts.append(
                Outcomes.of_ranks(
                    ids,
                    1 + result.better,
                    result.n_library,
                    modalities=shown,
                    n_tied=result.tied,
                    queries=[f"instruments {pair}"] * len(ids),
                    name=name,
                )
            )
    return Outcomes.joined(parts, name)


def group_outcomes(
    predictor: "Predictor", data: "TrainingData", *, part: str = "test", name: str | None = None
) -> Outcomes:
    """Outcomes of all functional groups, by their calibrated probabilities, from IR, Raman and both.

    Molecules without a structural formula, hence without known groups, are not asked.
    """
    from ..spektron.retrieval_task import distinct_rows, measured
    from ..spektron.views import HELD_OUT

    rows = distinct_rows(data, part)
    rows = rows[data.group_mask[rows]]
    spectra = measured(data.lines[rows], [HELD_OUT[part]], seed=0)
    parts = []
    for shown, kinds in _OBSERVED.items():
        names, given = tuple(shown.split("+")), spectra[:, list(kinds)]
        there = np.isfinite(given).all(axis=(1, 2))
        probabilities = predictor.group_probabilities(given[there], names)
        parts += [
            Outcomes.of_probabilities(
                [data.ids[row] for row in rows[there]],
                group,
                data.functional_groups[rows[there], data.group_names.index(group)],
                probabilities[:, k],
                modalities=shown,
                name=name or predictor.name,
            )
            for k, group in enumerate(predictor.group_names)
        ]
    return Outcomes.joined(parts, name or predictor.name)


def cross_modal_outcomes(
    model: "Spektron", data: "TrainingData", *, part: str = "test", name: str = "model"
) -> Outcomes:
    """Outcomes of both other spectra: infrared from Raman and Raman from infrared, as cosines with the true ones."""
    from .cross_modal import cross_modal_task, spektron_other_spectrum

    tasks = [cross_modal_task(data, part, source) for source in ("ir", "raman")]
    return Outcomes.joined(
        [task.outcomes(spektron_other_spectrum(model, task)(task.given), name) for task in tasks], name
    )
