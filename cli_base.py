"""What every command of the command line shares: refusals in one line, reading a molecule, checks of outputs."""

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from .errors import MoleculeError, SymvibError

__all__ = ["JsonOption", "check_outputs", "read_source", "refusing", "say", "write_result"]

_STDIN_LIMIT = 50_000_000  # bytes; an XYZ file of 20,000 atoms has about 1 MB

F = TypeVar("F", bound=Callable[..., None])

JsonOption = Annotated[str | None, typer.Option("--json", metavar="FILE", help="Write JSON; - for standard output.")]


def refusing(command: F) -> F:
    """The command, with our own errors and those of the file system as one line on stderr and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BrokenPipeError:
            raise  # the reader (head, less) went away: click ends quietly
        except (SymvibError, OSError) as error:
            from .groups.batch import one_line

            say(f"symvib: {one_line(error)}")
            raise typer.Exit(1) from None

    return wrapped  # type: ignore[return-value]


def say(line: str) -> None:
    """Print a line on stderr, which leaves stdout to the result."""
    typer.echo(line, err=True)


def read_source(source: str) -> Any:
    """What ``as_molecule`` can read: the source itself, or the text of standard input for ``-``."""
    if source != "-":
        return source
    text = sys.stdin.buffer.read(_STDIN_LIMIT + 1)
    if len(text) > _STDIN_LIMIT:
        raise MoleculeError(f"standard input is longer than {_STDIN_LIMIT} bytes: not a molecule.")
    decoded = text.decode("utf-8", errors="replace")
    if "\n" not in decoded.strip():
        raise MoleculeError("standard input holds no XYZ text: expected the number of atoms, a comment, the atoms.")
    from .groups.readers import as_molecule

    return as_molecule(decoded, name="standard input")


def check_outputs(*paths: str | None, stdout: bool = False) -> None:
    """Refuse what cannot be written before anything is computed; ``-`` only where ``stdout`` says so."""
    for path in paths:
        if path is None or (path == "-" and stdout):
            continue
        if path in ("", "-"):
            raise typer.BadParameter(f"{path!r} is no file to write here: only text goes to standard output.")
        place = Path(path).resolve()
        if place.is_dir():
            raise SymvibError(f"cannot write {path}: it is a folder; give the name of a file in it.")
        if not place.parent.is_dir():
            raise SymvibError(f"cannot write {path}: there is no folder {place.parent}.")
        if not os.access(place if place.exists() else place.parent, os.W_OK):
            raise SymvibError(f"cannot write {path}: no permission.")


def write_result(path: str, text: str) -> None:
    """Write a file, whole or not at all, and say so."""
    from .groups.atomic_write import write_text

    write_text(path, text)
    say(f"written: {path}")
