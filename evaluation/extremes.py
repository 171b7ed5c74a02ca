"""The molecules on which a model does best and worst."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from .outcomes import Outcomes, Question

__all__ = ["Example", "Extremes", "extremes"]


@dataclass(frozen=True)
class Example:
    """A molecule by id, and what the model made of it in words."""

    id: str
    words: str


@dataclass(frozen=True)
class Extremes:
    """Best and worst molecules of a model on a question.

    Attributes
    ----------
    model : str
    question : Question
    best, worst : tuple of Example
    n_tied_best, n_tied_worst : int
        Molecules that do as well as the last one shown (as badly): where these are more than are shown, those shown
        are spread evenly over them in the order of their ids.
    """

    model: str
    question: Question
    best: tuple[Example, ...]
    worst: tuple[Example, ...]
    n_tied_best: int
    n_tied_worst: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "model": self.model,
            "question": self.question._asdict(),
            **{side: [vars(example) for example in getattr(self, side)] for side in ("best", "worst")},
            "n_tied_best": self.n_tied_best,
            "n_tied_worst": self.n_tied_worst,
        }


def extremes(outcomes: Outcomes, n: int = 3) -> Extremes:
    """The ``n`` best and the ``n`` worst molecules of one task and one choice of modalities.

    By the rank of the true molecule (ties count half), the squared error of the probabilities, the absolute error or
    the cosine, averaged over a molecule's answers.

    Raises
    ------
    EvaluationError
        Outcomes of several tasks, modalities or units.

    Examples
    --------
    >>> outcomes = Outcomes.of_ranks(["a", "b", "c"], [1, 40, 2], 100)
    >>> [example.words for example in extremes(outcomes, 1).worst]
    ['rank 40 of 100']
    """
    questions = outcomes.questions
    if len({(q.task, q.modalities) for q in questions}) > 1 or len(set(outcomes.units.tolist())) > 1:
        raise EvaluationError(f"extremes({outcomes!r}): choose one task, modalities and unit.")
    if outcomes.tasks[0] == "identification":
        loss = outcomes.prediction + outcomes.n_tied / 2.0
    elif outcomes.tasks[0] == "similarity":
        loss = -outcomes.prediction
    else:
        loss = np.abs(outcomes.prediction - outcomes.truth) ** (2 if outcomes.tasks[0] == "classification" else 1)
    ids, index = np.unique(outcomes.ids, return_inverse=True)
    mean = np.bincount(index, loss) / np.bincount(index)
    (best, n_best), (worst, n_worst) = _first(mean, n), _first(-mean, n)
    asked = questions[0] if len(questions) == 1 else questions[0]._replace(target="")

    def examples(rows: NDArray[np.int64]) -> tuple[Example, ...]:
        return tuple(Example(str(ids[i]), _words(outcomes, index == i, float(mean[i]))) for i in rows)

    return Extremes(outcomes.name, asked, examples(best), examples(worst), n_best, n_worst)


def _first(loss: NDArray[np.float64], n: int) -> tuple[NDArray[np.int64], int]:
    """Rows of the n smallest losses, ties spread evenly over the rows; and how many tie with the last of them."""
    n = min(n, len(loss))
    order = np.argsort(loss, kind="stable")
    last = loss[order[n - 1]]
    certain, tied = order[loss[order] < last], np.flatnonzero(loss == last)
    wanted = n - len(certain)
    spread = tied[np.linspace(0, len(tied) - 1, wanted).round().astype(int)] if wanted > 1 else tied[:wanted]
    return np.concatenate([certain, spread]), len(tied)


def _words(outcomes: Outcomes, rows: NDArray[np.bool_], loss: float) -> str:
    several = int(rows.sum()) > 1
    task = outcomes.tasks[0]
    if task == "identification":
        return f"{'mean rank' if several else 'rank'} {loss:.4g} of {outcomes.n_library[rows][0]}"
    if task == "classification":
        return f"Brier score {loss:.3f}" + (f" over {int(rows.sum())} answers" if several else "")
    if task == "similarity":
        return f"{'mean cosine' if several else 'cosine'} {-loss:.3f}"
    unit = f" {outcomes.units[rows][0]}".rstrip()
    if several:
        return f"mean absolute error {loss:.3g}{unit}"
    return f"{outcomes.prediction[rows][0]:.4g}{unit}, true {outcomes.truth[rows][0]:.4g}{unit}"
