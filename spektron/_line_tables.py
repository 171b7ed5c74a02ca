"""Tables with a SMILES and the lines of a molecule in every row: CSV, Parquet, SQLite. No pickles."""

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError, MissingPackageError

__all__ = ["COLUMNS", "numbers_of", "table_rows"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "smiles": ("smiles", "canonical_smiles"),
    "id": ("id", "chembl_id", "molecule_chembl_id"),
    "wavenumbers": ("freq", "frequency", "frequencies", "wavenumbers_cm1"),
    "ir": ("ir inten", "ir_inten", "ir", "ir_km_per_mol"),
    "raman": ("raman activ", "raman_activ", "raman", "raman_a4_per_amu"),
}


def numbers_of(values: Any) -> NDArray[np.float64]:
    """The numbers in a cell; NaN for what is none."""
    if isinstance(values, bytes):
        raise DatasetError(
            "read_chembl_ir: a column holds binary data (a pickle?). Reading pickles can run any code, so symvib does "
            "not: export the columns as JSON lists, with the program that wrote them."
        )
    if isinstance(values, str):
        try:
            values = json.loads(values) if values.lstrip().startswith("[") else _split(values)
        except ValueError:
            return np.array([np.nan])
    try:
        return np.atleast_1d(np.array(values, dtype=float))
    except (TypeError, ValueError):
        return np.array([np.nan])


def _split(text: str) -> list[str]:
    return text.replace(",", " ").replace(";", " ").split()


def table_rows(place: Path, table: str | None) -> Iterator[dict[str, Any]]:
    """Rows of a CSV, Parquet or SQLite file, under the names of `COLUMNS`; other columns are not read."""
    if not place.is_file():
        raise DatasetError(f"{place}: no such file.")
    ending = place.suffix.lower()
    if ending == ".csv":
        return _csv_rows(place)
    if ending in (".parquet", ".pq"):
        return _parquet_rows(place)
    if ending in (".db", ".sqlite", ".sqlite3"):
        return _sqlite_rows(place, table)
    raise DatasetError(f"{place}: the ending must be .csv, .parquet, .db or .sqlite.")


def _renamed(columns: Iterable[str]) -> dict[str, str]:
    """Our name of each column that we know."""
    return {c: ours for ours, theirs in COLUMNS.items() for c in columns if c is not None and c.lower() in theirs}


def _csv_rows(place: Path) -> Iterator[dict[str, Any]]:
    try:
        with place.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            names = _renamed(reader.fieldnames or ())
            for row in reader:
                yield {ours: row[theirs] for theirs, ours in names.items()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{place} is not a readable CSV file: {error}") from error


def _parquet_rows(place: Path) -> Iterator[dict[str, Any]]:
    try:
        from pyarrow import ArrowInvalid, parquet
    except ImportError as error:
        raise MissingPackageError.of_extra("Parquet files need pyarrow", "ml") from error
    try:
        file = parquet.ParquetFile(place)
    except (ArrowInvalid, OSError) as error:
        raise DatasetError(f"{place} is not a readable Parquet file: {error}") from error
    names = _renamed(file.schema_arrow.names)
    with file:
        for batch in file.iter_batches(1024, columns=list(names)):
            for row in batch.to_pylist():
                yield {ours: row[theirs] for theirs, ours in names.items()}


def _sqlite_rows(place: Path, table: str | None) -> Iterator[dict[str, Any]]:
    try:
        with closing(sqlite3.connect(f"{place.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            if (table is None and len(tables) != 1) or (table is not None and table not in tables):
                raise DatasetError(f"{place}: table={table!r}; name one of {', '.join(tables) or '(none)'}.")
            quoted = (table or tables[0]).replace('"', '""')
            cursor = connection.execute(f'SELECT * FROM "{quoted}"')
            columns = [column[0] for column in cursor.description]
            names = _renamed(columns)
            for row in cursor:
                values = dict(zip(columns, row, strict=True))
                yield {ours: values[theirs] for theirs, ours in names.items()}
    except sqlite3.Error as error:
        raise DatasetError(f"{place} is not a readable SQLite file: {error}") from error
