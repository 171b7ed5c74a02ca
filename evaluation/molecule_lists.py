"""Declared test sets: the molecules that a model is expected to answer for."""

import csv
from pathlib import Path

from ..errors import EvaluationError, MissingPackageError
from ._prediction_rows import named_rows

__all__ = ["read_test_set", "shipped_test_ids"]

_LARGEST_FILE_BYTES = 20_000_000


def read_test_set(path: str | Path) -> tuple[str, ...]:
    """The ids in a file, each once: one in a line, or the column ``id`` of a CSV file (a predictions file is one).

    A file is CSV if its first line names a column ``id``; in any other one a line is an id as it stands, commas and
    quotes included.

    Raises
    ------
    EvaluationError
        There is no such file, it is larger than 20 MB, not UTF-8, or holds no id.
    """
    place = Path(path)
    if not place.is_file():
        raise EvaluationError(f"read_test_set({str(path)!r}): there is no such file.")
    if place.stat().st_size > _LARGEST_FILE_BYTES:
        raise EvaluationError(f"{place.name}: a list of ids has at most {_LARGEST_FILE_BYTES / 1e6:.0f} MB.")
    try:
        with place.open(encoding="utf-8-sig", newline="") as stream:
            lines = stream.read().splitlines(keepends=True)
        ids = _of_csv(lines) if lines else []
    except (UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{place.name} is no list of ids in UTF-8: {error}.") from error
    found = tuple(dict.fromkeys(name for name in ids if name))
    if not found:
        raise EvaluationError(f"{place.name} holds no id: write one in each line, or a CSV file with a column id.")
    return found


def _of_csv(lines: list[str]) -> list[str]:
    header = [name.strip() for name in next(csv.reader(lines[:1]))]
    if "id" not in header:
        return [line.strip() for line in lines]
    column = header.index("id")
    rows = list(csv.reader(lines[1:], strict=True))
    short = [f"row {i}" for i, row in enumerate(rows, 2) if row and len(row) <= column]
    if short:
        raise csv.Error(f"{named_rows(short)} has no column id")
    return [row[column].strip() for row in rows if row]


def shipped_test_ids() -> tuple[str, ...]:
    """The shipped molecules on which models are tested: those of formulas that no shipped model was trained on.

    Raises
    ------
    MissingPackageError
        PyTorch, with which the shipped molecules are loaded, is not there.
    """
    try:
        from ..spektron.retrieval_task import distinct_rows
        from ..spektron.training_data import load_training_data
    except ImportError as error:
        raise MissingPackageError.of_extra("The shipped test set needs PyTorch", "ml") from error

    data = load_training_data()
    return tuple(data.ids[row] for row in distinct_rows(data, "test"))
