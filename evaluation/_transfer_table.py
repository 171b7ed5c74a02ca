"""Scores of the transfer benchmark as columns: joined, chosen, stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError, EvaluationError
from .transfer_benchmark import TransferScore

__all__ = ["ScoreTable"]

_NUMBERS = ("rmsep", "bias", "sep", "r2", "criterion")
_COUNTS = ("k", "n_components", "n_train", "n_test")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """Columns of equal length, by the names of `TransferScore`'s fields; missing numbers are NaN.

    Attributes
    ----------
    columns : dict of str to ndarray (n,)
    """

    columns: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        missing = [name for name in TransferScore.columns() if name not in self.columns]
        if missing or len({len(column) for column in self.columns.values()}) > 1:
            raise EvaluationError(f"score table: columns missing ({', '.join(missing)}) or of different lengths.")

    @classmethod
    def of(cls, scores: Iterable[TransferScore]) -> "ScoreTable":
        """From scores."""
        rows = list(scores)
        return cls({name: _column(name, [getattr(row, name) for row in rows]) for name in TransferScore.columns()})

    @classmethod
    def joined(cls, tables: "Sequence[ScoreTable]") -> "ScoreTable":
        """One below the other.

        Raises
        ------
        EvaluationError
            None.
        """
        if not tables:
            raise EvaluationError("score table: nothing to join.")
        return cls({name: np.concatenate([t.columns[name] for t in tables]) for name in TransferScore.columns()})

    @classmethod
    def read(cls, path: str | Path) -> "ScoreTable":
        """From a parquet file.

        Raises
        ------
        DatasetError
            Not there, not parquet, or without the columns.
        """
        from pyarrow import ArrowException, parquet

        try:
            table = parquet.read_table(path, columns=list(TransferScore.columns()))
        except (OSError, ArrowException) as error:
            raise DatasetError(f"{path}: cannot be read as scores of calibration transfer: {error}") from error
        lacking = set(TransferScore.columns()) - set(table.column_names)
        if lacking:
            raise DatasetError(f"{path}: no column {', '.join(sorted(lacking))}.")
        return cls({name: _column(name, table.column(name).to_pylist()) for name in TransferScore.columns()})

    def to_parquet(self, path: str | Path, *, bits: int = 23) -> None:
        """Written whole or not at all; numbers in single precision with so many bits, repeated words once."""
        import pyarrow as pa
        from pyarrow import parquet

        from ..groups.atomic_write import writing

        def stored(name: str, values: np.ndarray) -> Any:
            if name in _NUMBERS:
                return pa.array(_rounded(values, bits), from_pandas=True)
            if name in _COUNTS:
                return pa.array(values.astype(np.int16))
            return pa.array(values.tolist()).dictionary_encode()

        table = pa.table({name: stored(name, values) for name, values in self.columns.items()})
        # Lists of columns are allowed for both options; the type stubs know of bool only.
        split: dict[str, Any] = {"use_byte_stream_split": list(_NUMBERS)}
        split["use_dictionary"] = [name for name in self.columns if name not in _NUMBERS]
        with writing(path) as temporary:
            parquet.write_table(table, temporary, compression="zstd", compression_level=19, **split)

    def __len__(self) -> int:
        return len(self.columns["data"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def rows(self, mask: np.ndarray) -> "ScoreTable":
        """Those of a mask or of indices."""
        return ScoreTable({name: column[mask] for name, column in self.columns.items()})

    def where(self, **wanted: Any) -> "ScoreTable":
        """Rows with these values; a tuple allows several."""
        mask = np.ones(len(self), dtype=bool)
        for name, value in wanted.items():
            mask &= np.isin(self[name], value) if isinstance(value, tuple) else self[name] == value
        return self.rows(mask)


def _column(name: str, values: list[Any]) -> np.ndarray:
    if name in _NUMBERS:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if name in _COUNTS:
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=object).astype(str)


def _rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Single precision with ``bits`` of 23 bits after the leading one: what is left is zeros, which compress."""
    mantissa, exponent = np.frexp(values)
    scale = 2.0 ** (bits + 1)
    return np.ldexp(np.round(mantissa * scale) / scale, exponent).astype(np.float32)
