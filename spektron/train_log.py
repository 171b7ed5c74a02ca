"""The log of a training run: one JSON object a line, and TensorBoard where it is asked for."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import MissingPackageError, ModelError

__all__ = ["TrainingLog", "plot_log", "read_log"]


class TrainingLog:
    """Appends to a JSONL file, and to TensorBoard if asked; opened at the step that the run goes on from.

    Lines of later steps, which a killed run wrote after its last checkpoint, are removed on opening: the steps are done
    again and written again.

    Parameters
    ----------
    path : path of the .jsonl file
    step : int
        Steps done: 0 begins a new file.
    tensorboard : path of a folder, optional

    Raises
    ------
    MissingPackageError
        TensorBoard is asked for and not installed.
    """

    def __init__(self, path: str | Path, step: int = 0, tensorboard: str | Path | None = None) -> None:
        from ..groups.atomic_write import write_text

        self.path = Path(path)
        kept = [line for line in _lines(self.path) if line["step"] <= step] if step else []
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept))
        self._stream = self.path.open("a", encoding="utf-8")
        self._board = None if tensorboard is None else _summary_writer(tensorboard, step)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Add the line of ``kind`` ("train" or "validation") at a step."""
        self._stream.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")
        self._stream.flush()
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        """Close the files."""
        self._stream.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> "TrainingLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read_log(path: str | Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The lines of a log, all or those of one ``kind``; a last line that was cut off is left out.

    Raises
    ------
    ModelError
        There is no such file.
    """
    if not Path(path).is_file():
        raise ModelError(f"read_log({str(path)!r}): there is no such log.")
    return [line for line in _lines(Path(path)) if kind is None or line["kind"] == kind]


def plot_log(path: str | Path, name: str = "loss", ax: Any = None) -> Any:
    """Axes with the value ``name`` of a log over the steps, training and validation.

    Raises
    ------
    ModelError
        No such log, or no line of it has the value.
    """
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(layout="constrained").add_subplot()
    for kind, style in (("train", "-"), ("validation", "o-")):
        lines = [line for line in read_log(path, kind) if name in line]
        if lines:
            ax.plot([line["step"] for line in lines], [line[name] for line in lines], style, ms=3, label=kind)
    if not ax.lines:
        raise ModelError(f"plot_log: no line of {path} has a {name!r}.")
    ax.set_xlabel("step")
    ax.set_ylabel(name)
    ax.legend()
    return ax


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    result = []
    texts = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
        except json.JSONDecodeError as error:
            if number < len(texts):
                raise ModelError(f"{path}, line {number}, is no line of a training log: {error}.") from error
            continue
        if not isinstance(line, dict) or not {"kind", "step"} <= line.keys():
            raise ModelError(f"{path}, line {number}, is no line of a training log: it has no kind and step.")
        result.append(line)
    return result


def _summary_writer(folder: str | Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingPackageError("the TensorBoard log needs tensorboard: pip install tensorboard.") from error
    return SummaryWriter(str(folder), purge_step=step + 1)
