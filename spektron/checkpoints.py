"""Checkpoints: all that a training run needs to go on bit for bit, in one file that is there whole or not at all.

A file is a safetensors file: weights, optimizer moments and the best weights so far as tensors; step counters, seconds
and running means as JSON in its header. No pickle. It is written beside its place, flushed to the disk and renamed, so
a process killed at any moment leaves the previous checkpoint or the new one.
"""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ModelError

__all__ = [
    "Checkpoint",
    "latest_checkpoint",
    "load_optimizer",
    "optimizer_tensors",
    "read_checkpoint",
    "write_checkpoint",
]

_FORMAT = "symvib-checkpoint-1"
_SUFFIX = ".safetensors"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A state of a training run.

    Attributes
    ----------
    step : int
        Steps done.
    tensors : dict of Tensor
        By "joint/NAME" (model and objective), "optimizer/SLOT/NAME" and "best/NAME" (model).
    state : dict
        Plain values: seconds, best validation loss, running means ...
    path : Path
    """

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]
    path: Path

    def group(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin with ``prefix/``, without it."""
        start = prefix + "/"
        return {name[len(start) :]: tensor for name, tensor in self.tensors.items() if name.startswith(start)}


def write_checkpoint(
    folder: str | Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any], keep: int = 2
) -> Path:
    """Write step-NNN.safetensors into ``folder`` and remove all but the last ``keep``; returns its path.

    Raises
    ------
    ModelError
        A tensor holds NaN or infinite values: such a state is never written, the checkpoint before it stays.
    """
    from safetensors.torch import save_file

    place = Path(folder)
    copies = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    for name, tensor in copies.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            before = latest_path(place)
            raise ModelError(
                f"step {step}: {name} holds values that are not finite, so this state is not written; "
                f"last good checkpoint: {before or 'none'}."
            )
    place.mkdir(parents=True, exist_ok=True)
    header = {"format": _FORMAT, "step": str(step), "state": json.dumps(dict(state), allow_nan=False)}
    target = place / f"step-{step:09d}{_SUFFIX}"
    temporary = place / f".{target.name}.{os.getpid()}.part"
    try:
        save_file(_unshared(copies), temporary, metadata=header)
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(place)
    for old in _paths(place)[:-keep]:
        old.unlink(missing_ok=True)
    for part in place.glob(".step-*.part"):  # of a process that was killed while it wrote
        part.unlink(missing_ok=True)
    return target


def read_checkpoint(path: str | Path) -> Checkpoint:
    """The checkpoint of a file.

    Raises
    ------
    ModelError
        The file is damaged or is no checkpoint of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if header.get("format") != _FORMAT:
                raise ModelError(
                    f"read_checkpoint({str(path)!r}): no checkpoint of symvib (format {header.get('format')})."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        return Checkpoint(int(header["step"]), tensors, json.loads(header["state"]), Path(path))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"read_checkpoint({str(path)!r}): the file is damaged ({error}).") from error


def latest_checkpoint(folder: str | Path) -> Checkpoint | None:
    """The newest checkpoint that can be read, None where there is none.

    A damaged newest file (a disk error: our own writes cannot leave one) is said in the log and passed over.

    Raises
    ------
    ModelError
        There are checkpoints, and none can be read.
    """
    paths = _paths(Path(folder))
    for path in reversed(paths):
        try:
            return read_checkpoint(path)
        except ModelError as error:
            log.warning("%s", error)
    if paths:
        raise ModelError(f"none of the {len(paths)} checkpoints in {folder} can be read; start again with --fresh.")
    return None


def latest_path(folder: str | Path) -> Path | None:
    """Path of the newest checkpoint, unread; None where there is none."""
    paths = _paths(Path(folder))
    return paths[-1] if paths else None


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """The state of an optimizer as tensors by "SLOT/PARAMETER" ("exp_avg/model.weight")."""
    return {
        f"{slot}/{name}": torch.as_tensor(value)
        for name, parameter in module.named_parameters()
        for slot, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the state of `optimizer_tensors` back.

    Raises
    ------
    ModelError
        A state of a parameter that the module does not have.
    """
    parameters = dict(module.named_parameters())
    for key, tensor in tensors.items():
        slot, _, name = key.partition("/")
        if name not in parameters:
            raise ModelError(f"the checkpoint holds the optimizer state of {name!r}, which the model does not have.")
        # Adam keeps its step counter on the CPU
        device = "cpu" if slot == "step" else parameters[name].device
        optimizer.state[parameters[name]][slot] = tensor.to(device, copy=True)


def _paths(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"step-*{_SUFFIX}"))


def _unshared(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tied weights, which safetensors refuses, as copies."""
    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        start = tensor.untyped_storage().data_ptr()
        result[name] = tensor.clone() if start in seen else tensor
        seen.add(start)
    return result


def _sync_folder(folder: Path) -> None:
    """Put the renaming itself on the disk, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
