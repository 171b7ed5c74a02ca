"""Whether models can be compared: the same queries, truth, units and libraries."""

from collections.abc import Mapping

import numpy as np

from ..errors import EvaluationError
from ._prediction_rows import named_rows
from .outcomes import Outcomes, Question

__all__ = ["comparable"]


def comparable(outcomes: Mapping[str, Outcomes]) -> None:
    """Nothing, if all models answered each question they share for the same molecules with the same truth and unit.

    Raises
    ------
    EvaluationError
        Names the models and the molecules where they differ.
    """
    models = list(outcomes.items())
    if not models:
        return
    for name, other in models[1:]:
        reference_name, reference = models[0]
        for question in dict.fromkeys(reference.questions):
            if question in other.questions:
                one, two = (x.chosen(**question._asdict()) for x in (reference, other))
                _same(question, (reference_name, one), (name, two))


def _lacks(name: str, asked: Mapping[tuple[str, str], int], answered: Mapping[tuple[str, str], int]) -> str:
    """Which of the queries a model did not answer, in words; "" if it answered all."""
    lone = [f"{one} [{query}]" if query else one for one, query in asked if (one, query) not in answered]
    return f"{name!r} lacks {len(lone)} of {len(asked)} ({named_rows(lone)})" if lone else ""


def _same(question: Question, one: tuple[str, Outcomes], two: tuple[str, Outcomes]) -> None:
    (first, a), (second, b) = one, two
    left, right = ({key: i for i, key in enumerate(x.keys())} for x in (a, b))
    lacks = [_lacks(second, left, right), _lacks(first, right, left)]
    if any(lacks):
        raise EvaluationError(
            f"{question}: {first!r} and {second!r} did not answer the same queries: "
            f"{' and '.join(filter(None, lacks))}. Models are compared on the same queries: add these rows, or "
            "take them out of the other model."
        )
    order = [right[key] for key in left]
    for words, column in (("truth", "truth"), ("unit", "units"), ("size of the library", "n_library")):
        mine, other = getattr(a, column), getattr(b, column)[order]
        differs = ~np.isclose(mine, other, rtol=1e-6, atol=0.0) if column == "truth" else mine != other
        if differs.any():
            at = int(np.flatnonzero(differs)[0])
            raise EvaluationError(
                f"{question}: the {words} differs between {first!r} and {second!r} for {int(differs.sum())} molecules "
                f"({named_rows(a.ids[differs].tolist())}); the first has {mine[at]} and {other[at]}."
            )
