"""What studies, benchmarks and trainings found, from the files that come with symvib."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError

__all__ = ["benchmark_rows", "shipped_metrics", "stored_result", "stored_table"]

ROOT = Path(__file__).resolve().parents[1]


def stored_result(name: str) -> dict[str, Any]:
    """The result of a study, as studies/results/NAME.json holds it.

    Raises
    ------
    DatasetError
        The file is not there: the study has not been run.
    """
    return _json(ROOT / "studies" / "results" / f"{name}.json", f"python studies/{name}.py")


def stored_table(name: str) -> dict[str, NDArray[Any]]:
    """The columns of studies/results/NAME.parquet; DatasetError as `stored_result`."""
    from pyarrow import parquet

    path = ROOT / "studies" / "results" / f"{name}.parquet"
    if not path.is_file():
        raise DatasetError(_absent(path, f"python studies/{name}.py"))
    table = parquet.read_table(path)
    return {key: np.array(table.column(key).to_pylist()) for key in table.column_names}


def shipped_metrics(model: str) -> dict[str, Any]:
    """Training and held-out scores of shipped weights, "small" say; DatasetError without them."""
    return _json(ROOT / "spektron" / "data" / f"spektron_{model}" / "metrics.json", f"symvib train --config {model}")


def benchmark_rows(title: str) -> list[dict[str, str]]:
    """Rows of one table of docs/benchmarks.md, cells as text by column; that page is the only record of the times.

    Raises
    ------
    DatasetError
        No page, or no such table in it.
    """
    page = ROOT / "docs" / "benchmarks.md"
    if not page.is_file():
        raise DatasetError(_absent(page, "make bench"))
    _, found, rest = page.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    if not found:
        raise DatasetError(f"{page}: no table {title!r}; `make bench` writes it.")
    lines = [line.strip("| ") for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    header, _, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
    return [dict(zip(header, row, strict=True)) for row in rows]


def _json(path: Path, command: str) -> dict[str, Any]:
    if not path.is_file():
        raise DatasetError(_absent(path, command))
    return json.loads(path.read_text(encoding="utf-8"))


def _absent(path: Path, command: str) -> str:
    return f"{path.relative_to(ROOT)} is not here; `{command}` in the repository of symvib writes it."
