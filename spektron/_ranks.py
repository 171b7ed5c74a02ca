"""The processes that train one model together (`torchrun`), or the one that trains it alone."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import ModelError

__all__ = ["Ranks", "gather_rows", "joined"]


@dataclass(frozen=True)
class Ranks:
    """One process among those that train together."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def mean(self, values: Sequence[float]) -> list[float]:
        """Mean over the processes of each value; a NaN of one is a NaN for all."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return (total / self.count).tolist()

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def joined(device: str | torch.device = "auto") -> Iterator[Ranks]:
    """The process as `torchrun` numbered it (environment RANK, WORLD_SIZE, LOCAL_RANK), joined to the others.

    Alone without these variables. NCCL on CUDA, gloo on the CPU. A process group that exists already is used and left.

    Raises
    ------
    ModelError
        The device is unknown or not there.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    place = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if count == 1:
        yield Ranks(0, 1, place)
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    ours = not dist.is_initialized()
    if ours:
        dist.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        yield Ranks(rank, count, place)
    finally:
        if ours:
            dist.destroy_process_group()


def gather_rows(x: Tensor) -> Tensor:
    """Rows (n, ...) of all processes, stacked in the order of their ranks (n * processes, ...); differentiable.

    Where every process computes the same loss of all rows and the gradients are then averaged over the processes, as
    DistributedDataParallel does, they are those of that loss. Alone: ``x`` itself.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return x
    return _Gather.apply(x)  # type: ignore[no-any-return]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        ctx.rows = len(x)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        start = dist.get_rank() * ctx.rows
        return total[start : start + ctx.rows]


def _device(device: str | torch.device, local_rank: int) -> torch.device:
    if str(device) == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise ModelError(f"device {str(device)!r}: torch knows no such device; use auto, cpu or cuda.") from error
    if place.type == "cuda":
        if not torch.cuda.is_available():
            raise ModelError(f"device {str(device)!r}: there is no CUDA device here; use cpu or auto.")
        return torch.device("cuda", local_rank if place.index is None else place.index)
    return place
