"""What studies, benchmarks and trainings found, from the files that come with symvib."""

import json
from pathlib import Path
from typing import Any

from ..errors import DatasetError

__all__ = ["benchmark_rows", "shipped_metrics", "stored_result"]

ROOT = Path(__file__).resolve().parents[1]


def stored_result(name: str) -> dict[str, Any]:
    """The result of a study, as studies/results/NAME.json holds it.

    Raises
    ------
    DatasetError
        The file is not there: the study has not been run.
    """
    return _json(ROOT / "studies" / "results" / f"{name}.json", f"python studies/{name}.py")


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
