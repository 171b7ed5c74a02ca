"""The folder of a training run: what it was started with, and what came out."""

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..errors import ModelError

__all__ = ["RunFolder", "locked", "versions"]

_OURS = ("run.json", "metrics.json", "config.json", "model.safetensors", "log.jsonl")
_COMPANIONS = ("library.safetensors", "calibration.safetensors")  # of the weights that were there: stale without them
_OUR_FOLDERS = ("checkpoints", "tensorboard")


class RunFolder:
    """Paths in the folder of a run; opening it refuses a folder that holds another run.

    Parameters
    ----------
    path : path
    identity : mapping
        "config", "settings", "data_hash": what must be the same for the run to go on.
    resume : bool
        Go on from what is there. False: remove what an earlier run left here and begin again.

    Raises
    ------
    ModelError
        ``resume``, and the folder holds a run with other settings or on other data, or a model without a run.
    """

    def __init__(self, path: str | Path, identity: Mapping[str, Any], *, resume: bool = True) -> None:
        from ..groups.atomic_write import write_text

        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        if not resume:
            self._clear()
        plain = json.loads(json.dumps(identity, allow_nan=False))
        run = self.path / "run.json"
        if run.exists():
            _refuse_other(self.path, _read(run), plain)
        elif any((self.path / name).exists() for name in (*_OURS, *_OUR_FOLDERS)):
            raise ModelError(
                f"{self.path} holds a model that no training run of it describes (run.json is missing): give another "
                "folder, or start again there with --fresh (resume=False), which removes it."
            )
        else:
            write_text(run, json.dumps({**plain, "versions": versions()}, indent=1) + "\n")
        self.versions = _read(run).get("versions", {})

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """The JSONL log."""
        return self.path / "log.jsonl"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's files."""
        return self.path / "tensorboard"

    def metrics(self) -> dict[str, Any] | None:
        """What metrics.json says, None before it is written."""
        path = self.path / "metrics.json"
        return _read(path) if path.exists() else None

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write metrics.json."""
        from ..groups.atomic_write import write_text

        write_text(self.path / "metrics.json", json.dumps(metrics, indent=1, allow_nan=False) + "\n")

    def _clear(self) -> None:
        for name in (*_OURS, *_COMPANIONS):
            (self.path / name).unlink(missing_ok=True)
        for name in _OUR_FOLDERS:
            if (self.path / name).exists():  # what cannot be removed must not be gone on from
                shutil.rmtree(self.path / name)


@contextmanager
def locked(folder: str | Path) -> Iterator[None]:
    """Keep other processes from training in a folder; let go when this one ends, however it ends.

    Raises
    ------
    ModelError
        Another process trains there.
    """
    try:
        import fcntl
    except ImportError:  # Windows: nothing that a kill would let go
        yield
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (Path(folder) / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ModelError(f"another process trains in {folder}: wait for it, or give another folder.") from error
        yield


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    for name in ("symvib", "torch", "numpy", "scipy", "safetensors"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from the source folder
            continue
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is damaged ({error}); start again with --fresh (resume=False).") from error


def _refuse_other(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    differences = [
        f"{name} {old!r} there, {new!r} asked"
        for part in asked
        for name, old, new in _differences(part, there.get(part), asked[part])
    ]
    if differences:
        raise ModelError(
            f"{folder} holds a run with other settings: {'; '.join(differences)}. Give another folder, the settings of "
            "that run, or start again there with --fresh (resume=False), which removes it."
        )


def _differences(part: str, old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        return [(k, old.get(k), new.get(k)) for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
    return [] if old == new else [(part, old, new)]
