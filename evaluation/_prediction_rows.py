"""Rows of predictions as text, from a file or from arrays, and the checks that turn them into numbers."""

import csv
import io
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError

__all__ = ["COLUMNS", "MODALITIES", "TASKS", "PredictionRows", "csv_text", "named_rows"]

TASKS = ("identification", "classification", "regression", "similarity")
MODALITIES = ("ir", "raman", "ir+raman", "")
REQUIRED = ("id", "task", "prediction")
COLUMNS = (*("id", "task", "modalities", "target", "truth", "prediction", "unit"), *("n_library", "n_tied", "query"))
_NAMED = 5
_LONGEST_CELL = 200  # characters; an array of text has the width of its longest cell
_SAME_TRUTH = 1e-6  # relative: files hold rounded values


def named_rows(names: Sequence[Any]) -> str:
    """The first five names and how many more there are."""
    shown = ", ".join(str(name) for name in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Comma-separated text with Unix line ends."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()


@dataclass(frozen=True, eq=False)
class PredictionRows:
    """Cells by column, all of one length; ``first_row`` is the number that the first of them has in messages."""

    columns: dict[str, list[str]]
    first_row: int
    where: str

    @classmethod
    def read(cls, path: Path) -> "PredictionRows":
        """The cells of a CSV file; EvaluationError where it is not one, or has columns that mean nothing here."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                header, *rows = list(csv.reader(stream, strict=True)) or [[]]
        except (UnicodeDecodeError, csv.Error) as error:
            raise EvaluationError(f"{path.name} is not a CSV file in UTF-8: {error}.") from error
        header = [name.strip() for name in header]
        if not any(header):
            raise EvaluationError(f"{path.name} is empty: the first row names the columns ({', '.join(COLUMNS)}).")
        _check_header(path.name, header)
        while rows and not rows[-1]:  # empty lines at the end are no rows
            rows.pop()
        ragged = [f"row {i} has {len(row)}" for i, row in enumerate(rows, 2) if len(row) != len(header)]
        if ragged:
            raise EvaluationError(f"{path.name}: {len(header)} columns, but {named_rows(ragged)} cells.")
        cells = zip(*rows, strict=True) if rows else ([] for _ in header)
        columns = {name: [cell.strip() for cell in column] for name, column in zip(header, cells, strict=True)}
        return cls(columns, 2, path.name)

    def __len__(self) -> int:
        return len(self.columns["id"])

    def checked(self) -> dict[str, NDArray[Any]]:
        """The arrays of `Outcomes`; EvaluationError names the rows where something is wrong."""
        if not len(self):
            raise EvaluationError(f"{self.where}: there are no rows.")
        for name, cells in self.columns.items():
            long = [i + self.first_row for i, cell in enumerate(cells) if len(cell) > _LONGEST_CELL]
            if long:
                raise EvaluationError(
                    f"{self.where}: {len(long)} rows have more than {_LONGEST_CELL} characters as {name}: row "
                    f"{named_rows(long)}."
                )
        ids, tasks, targets, queries = (self._texts(name) for name in ("id", "task", "target", "query"))
        units = self._texts("unit")
        shown = [_modalities(cell) for cell in self._texts("modalities")]
        self._refuse(ids == "", "have no id", ids)
        self._refuse(~np.isin(tasks, TASKS), f"have a task other than {', '.join(TASKS)}", tasks)
        self._refuse(np.array([s is None for s in shown]), "have modalities other than ir, raman, ir+raman or nothing",
                     self._texts("modalities"))  # fmt: skip
        modalities = np.array(shown, dtype=str)
        identified, yes_or_no, alike = (tasks == task for task in ("identification", "classification", "similarity"))
        self._refuse(identified & (targets != ""), "are identifications with a target (leave it empty)", targets)
        self._refuse(~identified & (targets == ""), "have no target, which all tasks but identification need", tasks)
        self._refuse((tasks != "regression") & (units != ""), "have a unit without being a regression", units)
        prediction = self._numbers("prediction", np.ones(len(self), dtype=bool))
        truth = self._numbers("truth", ~identified & ~alike)
        library = self._numbers("n_library", identified)
        tied = self._numbers("n_tied", identified, default="0")
        self._check_ranks(prediction, library, tied, identified)
        self._refuse(yes_or_no & ~np.isin(truth, (0.0, 1.0)), "have a truth other than 0 or 1", truth)
        outside = yes_or_no & ((prediction < 0) | (prediction > 1))
        self._refuse(outside, "have a probability outside 0 to 1", prediction)
        beyond = alike & (np.abs(prediction) > 1)
        self._refuse(beyond, "have a similarity outside -1 to 1", prediction)
        self._check_duplicates(zip(ids, tasks, modalities, targets, queries, strict=True))
        self._check_one(ids, tasks, targets, truth, units, modalities, library)
        return {
            **{"ids": ids, "tasks": tasks, "modalities": modalities, "targets": targets, "queries": queries},
            **{"truth": truth, "prediction": prediction, "units": units},
            **{"n_library": library.astype(np.int64), "n_tied": tied.astype(np.int64)},
        }

    def require_known(self, ids: NDArray[np.str_], known: Iterable[str], words: str = "unknown here") -> None:
        """EvaluationError if an id is not among the ``known`` ones."""
        everything = np.array(sorted(set(known)), dtype=str)
        hint = f" (ids are as {named_rows(everything[:2].tolist())})" if len(everything) else ""
        self._refuse(~np.isin(ids, everything), f"name molecules that are {words}", ids, hint)

    def _texts(self, name: str) -> NDArray[np.str_]:
        return np.array(self.columns.get(name) or [""] * len(self), dtype=str)

    def _numbers(self, name: str, needed: NDArray[np.bool_], default: str = "") -> NDArray[np.float64]:
        """A column as finite numbers where it is needed; elsewhere it must be empty, and counts as zero."""
        cells = self._texts(name)
        if default:
            cells = np.where(needed & (cells == ""), default, cells)
        empty = cells == ""
        self._refuse(needed & empty, f"have no {name}", cells)
        self._refuse(~needed & ~empty, f"have a {name} that their task does not know (leave it empty)", cells)
        values = np.array([_number(cell) if there else 0.0 for cell, there in zip(cells, needed, strict=True)])
        self._refuse(~np.isfinite(values), f"have a {name} that is not a finite number", cells)
        return values

    def _check_ranks(
        self,
        rank: NDArray[np.float64],
        library: NDArray[np.float64],
        tied: NDArray[np.float64],
        rows: NDArray[np.bool_],
    ) -> None:
        self._refuse(rows & ((library < 1) | (library % 1 != 0)), "have an n_library that is no count from 1", library)
        self._refuse(rows & ((tied < 0) | (tied % 1 != 0)), "have an n_tied that is no count from 0", tied)
        self._refuse(rows & ((rank < 1) | (rank % 1 != 0)), "have a rank that is no count from 1", rank)
        self._refuse(rows & (rank + tied > library), "have a rank (with ties) beyond the end of the library", rank)

    def _check_duplicates(self, keys: Iterable[tuple[str, ...]]) -> None:
        first: dict[tuple[str, ...], int] = {}
        again = [(i, j) for i, key in enumerate(keys) if (j := first.setdefault(key, i)) != i]
        if again:
            names = [f"{self._name(i)} repeats row {j + self.first_row}" for i, j in again]
            raise EvaluationError(
                f"{self.where}: {len(again)} rows answer a query again (same id, task, modalities, target and query): "
                f"{named_rows(names)}."
            )

    def _check_one(
        self,
        ids: NDArray[Any],
        tasks: NDArray[Any],
        targets: NDArray[Any],
        truth: NDArray[np.float64],
        units: NDArray[Any],
        modalities: NDArray[Any],
        library: NDArray[np.float64],
    ) -> None:
        """One unit for a target, one library for a question, one truth for a molecule and target."""
        unit = "are in another unit than the rows of the same target before them"
        size = (
            "have another n_library than the rows of the same question before them (top-k shares of different "
            "libraries do not add up)"
        )
        fact = "contradict the truth that an earlier row gives for the same molecule and target"
        self._refuse_second(zip(tasks, targets, strict=True), units, unit, operator.eq)
        self._refuse_second(zip(tasks, modalities, targets, strict=True), library, size, operator.eq)
        self._refuse_second(zip(ids, tasks, targets, strict=True), truth, fact, _same_truth)

    def _refuse_second(
        self, keys: Iterable[Any], values: NDArray[Any], words: str, same: Callable[[Any, Any], bool]
    ) -> None:
        first: dict[Any, Any] = {}
        wrong = [not same(first.setdefault(key, v), v) for key, v in zip(keys, values.tolist(), strict=True)]
        self._refuse(np.array(wrong), words, values)

    def _refuse(self, wrong: NDArray[np.bool_], words: str, values: NDArray[Any], hint: str = "") -> None:
        places = np.flatnonzero(wrong)
        if len(places):
            ids = self.columns["id"]
            names = [
                self._name(i) + (f": {str(values[i])!r}" if str(values[i]) != ids[int(i)] else "")
                for i in places[:_NAMED]
            ]
            more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            raise EvaluationError(f"{self.where}: {len(places)} rows {words}: {'; '.join(names)}{more}{hint}.")

    def _name(self, index: Any) -> str:
        return f"row {int(index) + self.first_row} ({self.columns['id'][int(index)]})"


def _check_header(name: str, header: Sequence[str]) -> None:
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise EvaluationError(f"{name}: the columns are parted by semicolons or tabs; write commas.")
    unknown = [column for column in header if column not in COLUMNS]
    if unknown or len(set(header)) != len(header):
        what = f"unknown columns {unknown[:_NAMED]}" if unknown else "a column that occurs twice"
        raise EvaluationError(
            f"{name}: {what} in the header {list(header)[:12]}; the columns are {', '.join(COLUMNS)}."
        )
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise EvaluationError(f"{name}: no column {', '.join(missing)}; the header is {list(header)[:12]}.")


def _number(cell: str) -> float:
    """The number in a cell, NaN where there is none."""
    try:
        return float("nan" if "_" in cell else cell)  # float() reads 1_000
    except ValueError:
        return float("nan")


def _same_truth(one: float, two: float) -> bool:
    return abs(one - two) <= _SAME_TRUTH * abs(one)


def _modalities(cell: str) -> str | None:
    """The one spelling of what was shown: parts in any case and order; None where it is something else."""
    parts = {part.strip() for part in cell.lower().split("+")}
    text = "+".join(sorted(parts))
    return text if text in MODALITIES else None
