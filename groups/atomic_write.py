"""Writing a file so that it is either there in full or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import SymvibError

__all__ = ["write_text", "writing", "written"]


@contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """A binary stream to a temporary file beside ``path``, which replaces ``path`` when the block ends well.

    Raises
    ------
    SymvibError
        The folder does not exist.
    OSError
        It cannot be written to; ``path`` is then untouched, and the temporary file removed.
    """
    import tempfile  # which reports that write nothing need not wait for

    target = Path(path).resolve()  # of a link, the file that it points to
    if not target.parent.is_dir():
        raise SymvibError(f"cannot write {target}: there is no folder {target.parent}.")
    if target.exists() and not target.is_file():  # a pipe or a device: there is nothing to replace
        with target.open("wb") as stream:
            yield stream
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files private; a report is an ordinary file
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8, newlines as they are) as `writing` does, with the same errors."""
    with writing(path) as stream:
        stream.write(text.encode("utf-8"))


def written(text: str, path: str | Path | None) -> str:
    """The text; also written to ``path`` if there is one."""
    if path is not None:
        write_text(path, text)
    return text
