"""What the command line shows on a terminal: rich tables, colours, a progress bar."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from .cli_base import say
from .groups.report_text import (
    appendix_blocks,
    count_rows,
    finding_lines,
    head_lines,
    species_cells,
    species_columns,
    text_table,
)
from .groups.report_words import sum_of

if TYPE_CHECKING:
    from .groups.batch import BatchRow
    from .groups.report import PointGroupReport

__all__ = ["counting", "print_batch", "print_report", "with_progress"]

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 10.0

_COLOUR = {"IR": "red", "Raman": "blue", "both": "magenta", "silent": "bright_black"}
_LABEL_COLUMNS = 15  # width of the labels of report_text


def print_report(report: "PointGroupReport", console: Console | None = None) -> None:
    """Print ``report`` with colours. Everything from the molecule goes through Text, so markup in it is inert."""
    console = console or Console()
    title, _, *lines = head_lines(report)
    console.print(Text(title, style="bold"))
    _print_entries(console, lines)
    if report.occurring_rows:
        console.print(_species_table(report))
        console.print(_table(("", "IR", "Raman", "both", "silent", "all"), count_rows(report)))
    _print_entries(console, finding_lines(report))
    for block in appendix_blocks(report):
        console.print(Text("\n" + block))


def print_batch(rows: Sequence["BatchRow"]) -> None:
    """Print one line a molecule; failures are left to the caller."""
    columns = ("Molecule", "Group", "Gamma_vib", "IR", "Raman", "both", "silent", "all", "R")
    cells = []
    for row in rows:
        if row.report is not None:
            r = row.report
            counts = (r.n_ir, r.n_raman, r.n_both, r.n_silent, r.n_vib)
            shown = "-" if r.completeness is None else f"{r.completeness:.3f}"
            gamma = sum_of(r.gamma_vib, "-")
            name, group = r.molecule_name[:40], r.point_group.label + " ?" * row.ambiguous
            cells.append((name, group, gamma, *(str(n) for n in counts), shown))
    console = Console()
    if not cells:
        return
    if console.is_terminal:
        console.print(_table(columns, cells))
    else:
        console.file.write(text_table(columns, cells) + "\n")
    if any(row.ambiguous for row in rows):
        console.print("? The symmetry is ambiguous: see the report of that molecule alone.")


def with_progress(items: Iterable[T], total: int) -> Iterator[T]:
    """Yield ``items``, with a progress bar on stderr where that is a terminal."""
    with _progress() as progress:
        task = progress.add_task("reports", total=total)
        for item in items:
            progress.advance(task)
            yield item


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function (done, all) that moves a progress bar on stderr, or writes a line there now and then.

    Lines where stderr is no terminal (a batch job's log): at most one in ``_SECONDS_BETWEEN_LINES``.
    """
    if not Console(stderr=True).is_terminal:
        yield _line_writer(what)
        return
    with _progress() as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _line_writer(what: str) -> Callable[[int, int], None]:
    started = last = time.monotonic()
    at_start: int | None = None

    def write(done: int, total: int) -> None:
        nonlocal last, at_start
        now = time.monotonic()
        at_start = done if at_start is None else at_start
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        rate = (done - at_start) / (now - started)
        say(f"symvib: {done} of {total} {what}" + (f", {(total - done) / rate:.0f} s left" if rate else ""))

    return write


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _print_entries(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        text = Text(line)
        text.stylize("bold", 0, _LABEL_COLUMNS if not line.startswith(" " * _LABEL_COLUMNS) else 0)
        console.print(text, soft_wrap=True)


def _species_table(report: "PointGroupReport") -> Table:
    table = _table(species_columns(), [])
    for row in report.occurring_rows:
        table.add_row(*(Text(cell) for cell in species_cells(row)), style=_COLOUR[row.visibility])
    return table


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    words = ("", "Species", "IR axes", "Raman line", "hyper-Raman", "seen by", "Molecule", "Group", "Gamma_vib")
    for column in columns:
        table.add_column(Text(column), justify="left" if column in words else "right")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
