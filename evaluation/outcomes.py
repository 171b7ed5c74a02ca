"""What a model did on molecules with known answers: ranks, probabilities or values, one row for each query.

A *question* is a task, the modalities shown and a target: "the molecule from its IR spectrum", "has a carbonyl group,
from IR and Raman". Models are compared within a question, on the same molecules.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._prediction_rows import COLUMNS, MODALITIES, TASKS, PredictionRows, named_rows

if TYPE_CHECKING:
    from ..spektron.retrieval import RetrievalResult

__all__ = ["MODALITIES", "TASKS", "Outcomes", "Question", "read_predictions"]

_LARGEST_FILE_BYTES = 200_000_000


class Question(NamedTuple):
    """What was asked: the task, what was shown ("ir", "raman", "ir+raman" or "" for neither), and the target."""

    task: str
    modalities: str = ""
    target: str = ""

    @property
    def modalities_text(self) -> str:
        """The modalities in words: "IR", "Raman", "IR + Raman" or "other input"."""
        return {"ir": "IR", "raman": "Raman", "ir+raman": "IR + Raman"}.get(self.modalities, "other input")

    def __str__(self) -> str:
        of = f" of {self.target}" if self.target else ""
        return f"{self.task}{of} ({self.modalities_text})"


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes:
    """The answers of one model; every array has one entry for each of n rows and is read-only.

    Build it by `of_ranks`, `of_retrieval`, `of_probabilities`, `of_values`, `of_similarities` or `read_predictions`,
    which check it.

    Attributes
    ----------
    name : str
        Of the model.
    ids : (n,) array of str
        Molecule of each row.
    tasks, modalities, targets : (n,) arrays of str
        The question: see `Question`.
    queries : (n,) array of str
        Tells repeated queries of one molecule apart (an instrument, a noise level); "" where there is one.
    truth : (n,) float array
        0 or 1 (classification), or the value in ``units`` (regression); 0 elsewhere, where it has no meaning.
    prediction : (n,) float array
        Identification: 1 + number of library entries that score above the true one; classification: probability;
        regression: value in ``units``; similarity: cosine of predicted and true spectrum.
    units : (n,) array of str
    n_library, n_tied : (n,) int arrays
        Identification: entries of the library, and *other* entries that score as the true one does; else 0.
    """

    name: str
    ids: NDArray[np.str_]
    tasks: NDArray[np.str_]
    modalities: NDArray[np.str_]
    targets: NDArray[np.str_]
    queries: NDArray[np.str_]
    truth: NDArray[np.float64]
    prediction: NDArray[np.float64]
    units: NDArray[np.str_]
    n_library: NDArray[np.int64]
    n_tied: NDArray[np.int64]

    def __post_init__(self) -> None:
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Outcomes({self.name!r}, {len(self)} rows, {len(np.unique(self.ids))} molecules)"

    # ------------------------------------------------------------------------------------------------ making them

    @classmethod
    def of_ranks(
        cls,
        ids: Sequence[str],
        ranks: Any,
        n_library: int,
        *,
        modalities: str = "",
        n_tied: Any = 0,
        queries: Sequence[str] | None = None,
        name: str = "model",
    ) -> "Outcomes":
        """Outcomes of an identification in a library of ``n_library`` entries, each holding the true molecule once.

        Parameters
        ----------
        ids : sequence of str (n,)
        ranks : (n,) array of int
            1 + number of entries that score strictly above the true one.
        n_library : int
        modalities : str
            What the query showed: "ir", "raman", "ir+raman" or "".
        n_tied : (n,) array of int
            Number of other entries with the score of the true one; a random order of ties is understood.
        queries : sequence of str (n,), optional
            Tells several queries of one molecule apart.
        name : str
            Of the model.

        Raises
        ------
        EvaluationError
            Lengths differ, a rank is no integer from 1 to ``n_library``, or a query occurs twice.

        Examples
        --------
        >>> Outcomes.of_ranks(["water", "ammonia"], [1, 7], 100, modalities="ir").question
        Question(task='identification', modalities='ir', target='')
        """
        return cls._of("identification", ids, ranks, name, modalities, queries, n_library=n_library, n_tied=n_tied)

    @classmethod
    def of_retrieval(
        cls, ids: Sequence[str], result: "RetrievalResult", *, modalities: str = "", name: str = "model"
    ) -> "Outcomes":
        """Outcomes of a `spektron.retrieval.RetrievalResult`; ``ids`` (n,) name the molecule of each query.

        Molecules that were queried several times get queries numbered in the order of the rows.
        """
        count = Counter[str]()
        numbers = []
        for identifier in ids:
            numbers.append(str(count[identifier]))
            count[identifier] += 1
        repeated = len(count) < len(numbers)
        return cls.of_ranks(
            ids,
            1 + result.better,
            result.n_library,
            modalities=modalities,
            n_tied=result.tied,
            queries=numbers if repeated else None,
            name=name,
        )

    @classmethod
    def of_probabilities(
        cls,
        ids: Sequence[str],
        target: str,
        truth: Any,
        probabilities: Any,
        *,
        modalities: str = "",
        queries: Sequence[str] | None = None,
        name: str = "model",
    ) -> "Outcomes":
        """Outcomes of a yes-or-no question ``target``: truth 0 or 1 (n,) and the probability (n,) of 1.

        Raises
        ------
        EvaluationError
            Lengths differ, truth is neither 0 nor 1, a probability is outside 0 to 1, or a query occurs twice.
        """
        return cls._of("classification", ids, probabilities, name, modalities, queries, target=target, truth=truth)

    @classmethod
    def of_values(
        cls,
        ids: Sequence[str],
        target: str,
        truth: Any,
        prediction: Any,
        *,
        unit: str,
        modalities: str = "",
        queries: Sequence[str] | None = None,
        name: str = "model",
    ) -> "Outcomes":
        """Outcomes of a regression: true and predicted values (n,) of ``target`` in ``unit`` ("" for a pure number).

        Raises
        ------
        EvaluationError
            Lengths differ, a value is not finite, or a query occurs twice.
        """
        return cls._of("regression", ids, prediction, name, modalities, queries, target=target, truth=truth, unit=unit)

    @classmethod
    def of_similarities(
        cls,
        ids: Sequence[str],
        target: str,
        cosines: Any,
        *,
        modalities: str = "",
        queries: Sequence[str] | None = None,
        name: str = "model",
    ) -> "Outcomes":
        """Outcomes of predicted spectra ``target``: cosine (n,), -1 to 1, of each with the true one.

        Raises
        ------
        EvaluationError
            Lengths differ, a cosine is outside -1 to 1, or a query occurs twice.
        """
        return cls._of("similarity", ids, cosines, name, modalities, queries, target=target)

    @classmethod
    def _of(
        cls,
        task: str,
        ids: Sequence[str],
        prediction: Any,
        name: str,
        modalities: str,
        queries: Sequence[str] | None,
        **rest: Any,
    ) -> "Outcomes":
        n = len(ids)
        given = {"id": list(ids), "prediction": prediction, "query": queries, **rest}
        columns: dict[str, list[str]] = {}
        for column, value in given.items():
            values = value if isinstance(value, list) else np.asarray(value if value is not None else "").tolist()
            values = values if isinstance(values, list) else [values] * n
            if len(values) != n:
                raise EvaluationError(f"{n} ids, but {len(values)} values of {column}: give one for each id.")
            columns[column] = [_text(v) for v in values]
        columns |= {"task": [task] * n, "modalities": [modalities] * n}
        return cls._checked(PredictionRows(columns, first_row=0, where=f"outcomes of {name!r}"), name)

    @classmethod
    def _checked(cls, rows: PredictionRows, name: str) -> "Outcomes":
        return cls(name=name, **rows.checked())

    # --------------------------------------------------------------------------------------------- looking at them

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions that were answered, in the order of their first row."""
        triples = zip(self.tasks.tolist(), self.modalities.tolist(), self.targets.tolist(), strict=True)
        return tuple(Question(*triple) for triple in dict.fromkeys(triples))

    @property
    def question(self) -> Question:
        """The only question; EvaluationError where there are several."""
        questions = self.questions
        if len(questions) != 1:
            raise EvaluationError(
                f"{self!r} answers {len(questions)} questions ({_listed(questions)}): choose one by "
                "`chosen(task=..., modalities=..., target=...)`."
            )
        return questions[0]

    def chosen(
        self,
        *,
        task: str | None = None,
        modalities: str | None = None,
        target: str | None = None,
        ids: Iterable[str] | None = None,
    ) -> "Outcomes":
        """The rows of a task, of modalities, of a target, of some molecules; EvaluationError where there are none."""
        kept = np.ones(len(self), dtype=bool)
        for column, value in ((self.tasks, task), (self.modalities, modalities), (self.targets, target)):
            if value is not None:
                kept &= column == value
        if ids is not None:
            kept &= np.isin(self.ids, np.array(sorted(set(ids)), dtype=str))
        if not kept.any():
            raise EvaluationError(
                f"{self!r} has no row with task={task!r}, modalities={modalities!r}, target={target!r}: it answers "
                f"{_listed(self.questions)}."
            )
        return self._rows(kept)

    def _rows(self, rows: Any) -> "Outcomes":
        arrays = {name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, **arrays)

    def keys(self) -> list[tuple[str, str]]:
        """Molecule and query of each row."""
        return list(zip(self.ids.tolist(), self.queries.tolist(), strict=True))

    @classmethod
    def joined(cls, parts: Sequence["Outcomes"], name: str | None = None) -> "Outcomes":
        """Outcomes of one model on several questions as one.

        Raises
        ------
        EvaluationError
            No part, parts of different models without a ``name``, or a query that occurs twice.
        """
        names = list(dict.fromkeys(part.name for part in parts))
        if not parts or (len(names) > 1 and name is None):
            raise EvaluationError(f"Outcomes.joined got {len(parts)} parts of the models {names}: give a name.")
        columns = [part._columns() for part in parts]
        together = {key: [value for part in columns for value in part[key]] for key in COLUMNS}
        return cls._checked(PredictionRows(together, first_row=0, where="Outcomes.joined"), name or names[0])

    def _columns(self) -> dict[str, list[str]]:
        """The rows as text, in the columns of a predictions file."""
        identified = self.tasks == "identification"

        def numbers(values: NDArray[Any], there: NDArray[np.bool_]) -> list[str]:
            return [_text(v) if keep else "" for v, keep in zip(values.tolist(), there.tolist(), strict=True)]

        ranks = [_text(int(v) if whole else v) for v, whole in zip(self.prediction, identified, strict=True)]
        return {
            "id": self.ids.tolist(),
            "task": self.tasks.tolist(),
            "modalities": self.modalities.tolist(),
            "target": self.targets.tolist(),
            "truth": numbers(self.truth, ~identified & (self.tasks != "similarity")),
            "prediction": ranks,
            "unit": self.units.tolist(),
            "n_library": numbers(self.n_library, identified),
            "n_tied": numbers(self.n_tied, identified),
            "query": self.queries.tolist(),
        }

    def to_csv(self, path: str | Path | None = None) -> str:
        """The rows as a predictions file, which `read_predictions` reads back; written to ``path`` if given."""
        from ..groups.atomic_write import written
        from ._prediction_rows import csv_text

        columns = self._columns()
        return written(csv_text(list(columns), zip(*columns.values(), strict=True)), path)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: what was asked and how much was answered, not the rows (`to_csv` has those)."""
        per_question = [
            {**question._asdict(), "n_rows": len(rows), "n_molecules": len(np.unique(rows.ids))}
            for question in self.questions
            for rows in [self.chosen(**question._asdict())]
        ]
        return {"name": self.name, "n_rows": len(self), "questions": per_question}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(str(Question(q['task'], q['modalities'], q['target'])))}</td>"
            f"<td>{q['n_molecules']}</td><td>{q['n_rows']}</td></tr>"
            for q in self.as_dict()["questions"]
        )
        head = "<tr><th>question</th><th>molecules</th><th>rows</th></tr>"
        return f"<table><caption>{escape(self.name)}</caption>{head}{rows}</table>"


def read_predictions(
    path: str | Path,
    *,
    name: str | None = None,
    known_ids: Iterable[str] | None = None,
    test_ids: Iterable[str] | None = None,
    allow_missing: bool = False,
) -> Outcomes:
    """The outcomes in a predictions file (CSV, UTF-8); docs/predictions_csv.md describes its columns.

    Parameters
    ----------
    path : str or Path
        Of at most 200 MB.
    name : str, optional
        Of the model; the name of the file if not given.
    known_ids : iterable of str, optional
        All molecules there are (``strata.ids``): others are refused.
    test_ids : iterable of str, optional
        The declared test set: each question must be answered for each of them, and for no other molecule.
    allow_missing : bool
        Let molecules of the test set be without an answer.

    Raises
    ------
    EvaluationError
        Names the rows at fault (row 1 is the header) and their ids, the first five and how many there are: unknown
        columns, tasks, modalities or molecules; values that are no finite numbers or out of range; duplicates; a
        target in two units or with two truths; missing molecules.
    """
    place = Path(path)
    if not place.is_file():
        raise EvaluationError(f"read_predictions({str(path)!r}): there is no such file.")
    size = place.stat().st_size
    if size > _LARGEST_FILE_BYTES:
        raise EvaluationError(
            f"{place.name} has {size / 1e6:.0f} MB; predictions of up to {_LARGEST_FILE_BYTES / 1e6:.0f} MB are read. "
            "Split it by question."
        )
    rows = PredictionRows.read(place)
    outcomes = Outcomes._checked(rows, name if name is not None else place.stem)
    if known_ids is not None:
        rows.require_known(outcomes.ids, known_ids)
    if test_ids is not None:
        _require_test_set(outcomes, test_ids, allow_missing, rows)
    return outcomes


def _require_test_set(outcomes: Outcomes, test_ids: Iterable[str], allow_missing: bool, rows: PredictionRows) -> None:
    """Every question is answered for the test molecules and no others."""
    declared = list(dict.fromkeys(test_ids))
    rows.require_known(outcomes.ids, declared, "not in the declared test set")
    if allow_missing:
        return
    for question in outcomes.questions:
        answered = set(outcomes.chosen(**question._asdict()).ids.tolist())
        missing = [i for i in declared if i not in answered]
        if missing:
            raise EvaluationError(
                f"{rows.where}: {question} has no prediction for {len(missing)} of the {len(declared)} test molecules "
                f"({named_rows(missing)}). Add these rows, or allow missing ones (--allow-missing, allow_missing=True) "
                "and read the result as one of a subset."
            )


def _text(value: Any) -> str:
    """A cell: whole numbers without a point, others so that they are read back the same."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _listed(questions: Sequence[Question]) -> str:
    return "; ".join(map(str, questions[:5])) + ("; ..." if len(questions) > 5 else "") if questions else "nothing"
