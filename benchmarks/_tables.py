"""What every benchmark prints: tables as aligned text, or with ``--json`` for docs/make_benchmarks.py."""

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from symvib.groups.table_format import align

__all__ = ["Table", "arguments", "show"]


@dataclass(frozen=True)
class Table:
    """Cells as text; ``notes`` is a sentence that says what was measured."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: str = ""


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows ``--json``."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the tables as JSON")
    return parser


def show(tables: Iterable[Table], as_json: bool) -> None:
    """Print the tables."""
    if as_json:
        print(json.dumps([asdict(table) for table in tables]))
        return
    for table in tables:
        print(
            "\n".join(
                filter(None, [f"\n{table.title}", align(table.header, table.rows, len(table.header)), table.notes])
            )
        )
