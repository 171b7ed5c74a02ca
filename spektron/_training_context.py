"""What surrounds the steps of a training run: precision, random numbers, deterministic kernels, signals."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["autocast", "deterministic", "precision_of", "seeded", "stop_signals"]

_DRAWS = 7  # stream number of the draws of the objective, apart from those of the sampler


def precision_of(precision: str, device: torch.device) -> torch.dtype:
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def autocast(precision: str, device: torch.device) -> Callable[[], Any]:
    dtype = precision_of(precision, device)
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16)


@contextmanager
def seeded(seed: int, step: int, rank: int, device: torch.device) -> Iterator[torch.Generator]:
    """A generator that follows from (seed, step, rank).

    The global one, which dropout draws from, is seeded likewise within and put back after.
    """
    number = int(np.random.SeedSequence((seed, _DRAWS, step, rank)).generate_state(1, np.uint64)[0] >> np.uint64(1))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(number)
        yield torch.Generator(device=device).manual_seed(number)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Deterministic kernels on CUDA, where there are any; the CPU's are."""
    if device.type != "cuda":
        yield
        return
    before, only_warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warn)


@contextmanager
def stop_signals() -> Iterator[list[str]]:
    """A list that names the first SIGTERM or SIGINT; a second one interrupts as usual. In the main thread only."""
    names: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield names
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _: Any) -> None:
        names.append(signal.Signals(number).name)
        signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield names
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
