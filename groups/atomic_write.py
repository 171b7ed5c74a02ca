"""Writing a file so that it is either there in full or not at all."""

import os
import tempfile
from pathlib import Path

from ..errors import SymvibError

__all__ = ["write_text"]


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` (UTF-8, newlines as they are) to a temporary file beside ``path``, then rename it.

    Raises
    ------
    SymvibError
        The folder does not exist.
    OSError
        It cannot be written to; ``path`` is then untouched.
    """
    target = Path(path).resolve()  # of a link, the file that it points to
    if not target.parent.is_dir():
        raise SymvibError(f"cannot write {target}: there is no folder {target.parent}.")
    if target.exists() and not target.is_file():  # a pipe or a device: there is nothing to replace
        target.write_text(text, encoding="utf-8", newline="")
        return
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files private; a report is an ordinary file
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
