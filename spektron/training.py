"""Training a Spektron: a loop that can be killed at any moment and goes on bit for bit.

Batches, random draws, learning rates and validations follow from (seed, step) alone, and a checkpoint holds all the rest,
so a run that was killed and resumed ends with the same bits as one that was not: on the same machine, with the same
versions and number of threads; on CUDA with the deterministic kernels that are switched on during the run.
"""

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ._ranks import Ranks, gather_rows, joined
from ._run_folder import RunFolder, versions
from .checkpoints import latest_checkpoint, latest_path, load_optimizer, optimizer_tensors, write_checkpoint
from .train_log import TrainingLog, plot_log
from .training_settings import TrainingSettings

if TYPE_CHECKING:
    from .config import SpektronConfig
    from .training_data import TrainingData

__all__ = ["Sampler", "TrainingParts", "TrainingResult", "TrainingSettings", "train", "train_parts"]

_FINISHED = ("steps", "patience")
_DRAWS = 7  # stream number of the draws of the objective, apart from those of the sampler

log = logging.getLogger(__name__)


class Sampler(Protocol):
    """Gives batch number ``step``, the same whenever it is asked for; with ``to(device)`` and ``part(rank, ranks)``."""

    def batch(self, step: int) -> Any:
        """The batch."""
        ...


@dataclass(frozen=True, eq=False)
class TrainingParts:
    """What is trained, on what, for what.

    Attributes
    ----------
    model : nn.Module
        With ``save(folder)`` and an attribute ``metrics``.
    objective : callable
        (model, batch, step, generator) -> (loss, {name: float}); generator None in validation. Parameters of its own
        are trained, too, if it is an nn.Module.
    sampler : Sampler
    validation : Sampler or None
    """

    model: nn.Module
    objective: Callable[..., tuple[Tensor, dict[str, float]]]
    sampler: Sampler
    validation: Sampler | None = None


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """How a run ended.

    Attributes
    ----------
    model : nn.Module
        With the best weights, those that were saved.
    folder : Path
        Holds config.json, model.safetensors, metrics.json, log.jsonl, run.json and checkpoints/.
    reason : str
        "steps" or "patience" (finished), or what stopped it: "minutes", "SIGTERM", "SIGINT" (the same call goes on).
    metrics : dict
        What metrics.json says.
    """

    model: nn.Module
    folder: Path
    reason: str
    metrics: dict[str, Any]

    @property
    def finished(self) -> bool:
        """Whether all steps are done or early stop ended it."""
        return self.reason in _FINISHED

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"folder": str(self.folder), "reason": self.reason, **self.metrics}

    def plot(self, name: str = "loss", ax: Any = None) -> Any:
        """Axes with a value of the log over the steps, training and validation."""
        return plot_log(self.folder / "log.jsonl", name, ax)


@dataclass
class _Progress:
    """What changes during a run, but for the tensors; all of it is in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_step: int = 0
    best_parts: dict[str, float] = field(default_factory=dict)
    stale: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    summed: int = 0
    train_parts: dict[str, float] = field(default_factory=dict)
    reason: str = ""


def train(
    config: "SpektronConfig",
    data: "TrainingData",
    folder: str | Path,
    *,
    settings: TrainingSettings | None = None,
    weights: Any = None,
    resume: bool = True,
    device: str | torch.device = "auto",
    tensorboard: bool = False,
    command: str | None = None,
    on_step: Callable[[int, int, float], None] | None = None,
) -> TrainingResult:
    """A `Spektron` trained on simulated spectra, saved in ``folder`` with its metrics; goes on where it was killed.

    Parameters
    ----------
    config : SpektronConfig
    data : TrainingData
    folder : path
        Made if need be. One that holds the same run goes on; one that holds another is refused.
    settings : TrainingSettings, optional
    weights : LossWeights, optional
        Of the terms of the objective.
    resume : bool
        False: remove what a run left in ``folder`` and begin again.
    device : "auto", "cpu", "cuda" or torch.device
    tensorboard : bool
        Also log for TensorBoard.
    command : str, optional
        Noted in metrics.json.
    on_step : callable, optional
        Called with (steps done, all steps, loss).

    Raises
    ------
    ModelError
        The folder holds something else; heads that do not fit the data; a loss that is not finite (the message says the
        step and the last good checkpoint).

    Notes
    -----
    Under `torchrun` every process takes its share of each batch and the embeddings of all are gathered for the
    contrastive loss; the process of rank 0 writes. ``folder`` must be the same place for all.
    """
    from dataclasses import asdict

    from .model import Spektron
    from .objective import LossWeights, Objective
    from .views import ViewSampler

    settings = settings or TrainingSettings()
    weights = weights or LossWeights()
    _check_heads(config, data)
    parts = TrainingParts(
        model=Spektron(config, seed=settings.seed),
        objective=Objective(weights, gather=gather_rows),
        sampler=ViewSampler(data, config, settings.seed, batch_size=settings.batch_size),
        validation=_validation_sampler(data, config, settings),
    )
    identity = {"config": config.as_dict(), "weights": asdict(weights), "data_hash": data.data_hash}
    return train_parts(
        parts,
        folder,
        settings=settings,
        identity=identity,
        resume=resume,
        device=device,
        tensorboard=tensorboard,
        command=command,
        on_step=on_step,
    )


def train_parts(
    parts: TrainingParts,
    folder: str | Path,
    *,
    settings: TrainingSettings,
    identity: Mapping[str, Any],
    resume: bool = True,
    device: str | torch.device = "auto",
    tensorboard: bool = False,
    command: str | None = None,
    on_step: Callable[[int, int, float], None] | None = None,
) -> TrainingResult:
    """`train` for any model, objective and sampler; ``identity`` says what they are, beside the settings.

    Raises
    ------
    ModelError
        As `train`.
    """
    with joined(device) as ranks:
        identity = {**identity, "settings": settings.identity(), "processes": ranks.count}
        if ranks.first:
            RunFolder(folder, identity, resume=resume)
        ranks.wait()
        place = RunFolder(folder, identity)
        run = _Run(parts, place, settings, ranks)
        with _deterministic(ranks.device):
            run.resume()
            if not run.now.reason:
                board = place.tensorboard if tensorboard and ranks.first else None
                run.go_on(on_step, board)
        facts = {**identity, "settings": settings.as_dict(), "command": command}
        return run.result(facts)


class _Joint(nn.Module):
    """Model and objective as one module, whose forward is the loss: what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module, objective: Any, autocast: Callable[[], Any]) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.autocast = autocast

    def forward(self, batch: Any, step: int, generator: torch.Generator | None) -> tuple[Tensor, dict[str, float]]:
        with self.autocast():
            return self.objective(self.model, batch, step, generator)


class _Run:
    def __init__(self, parts: TrainingParts, folder: RunFolder, settings: TrainingSettings, ranks: Ranks) -> None:
        self.parts, self.folder, self.settings, self.ranks = parts, folder, settings, ranks
        self.joint = _Joint(parts.model, parts.objective, _autocast(settings.precision, ranks.device)).to(ranks.device)
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.joint, settings), betas=settings.betas)
        self.now = _Progress()
        self.best: dict[str, Tensor] = {}

    # ------------------------------------------------------------------------------------------------ checkpoints

    def resume(self) -> None:
        """Take up the last checkpoint, if there is one."""
        found = latest_checkpoint(self.folder.checkpoints)
        if found is None:
            return
        self.joint.load_state_dict(found.group("joint"))
        load_optimizer(self.optimizer, self.joint, found.group("optimizer"))
        self.best = found.group("best")
        self.now = _Progress(**found.state)
        if self.now.reason not in _FINISHED:
            self.now.reason = ""
        if self.folder.versions != versions():
            log.warning(
                "%s was begun with other versions (%s): not bit for bit.", self.folder.path, self.folder.versions
            )
        log.info("%s: goes on at step %d.", self.folder.path, self.now.step)

    def save(self) -> None:
        """Write a checkpoint, on the first rank."""
        if not self.ranks.first:
            return
        tensors = {f"joint/{name}": tensor for name, tensor in self.joint.state_dict().items()}
        for name, tensor in optimizer_tensors(self.optimizer, self.joint).items():
            tensors[f"optimizer/{name}"] = tensor
        tensors |= {f"best/{name}": tensor for name, tensor in self.best.items()}
        write_checkpoint(self.folder.checkpoints, self.now.step, tensors, vars(self.now))

    # ------------------------------------------------------------------------------------------------------ loop

    def go_on(self, on_step: Callable[[int, int, float], None] | None, board: Path | None) -> None:
        """Train to the end, or until something stops it; a checkpoint of the last state is there afterwards."""
        settings, now = self.settings, self.now
        started, before, saved = time.monotonic(), now.seconds, time.monotonic()
        module = _distributed(self.joint, self.ranks)
        with _stop_signals() as stopped, _log(self.folder, self.ranks, now.step, board) as lines:
            while not now.reason:
                late = settings.minutes is not None and time.monotonic() - started >= 60 * settings.minutes
                loss, asked = self._step(module, lines, stop=bool(stopped) or late)
                now.seconds = before + time.monotonic() - started
                if now.step % settings.validate_every == 0 or now.step == settings.steps:
                    self._validate(lines)
                if not now.reason and now.step >= settings.steps:
                    now.reason = "steps"
                if not now.reason and asked:
                    now.reason = stopped[0] if stopped else "minutes"
                due = now.step % settings.checkpoint_every == 0
                if now.reason or due or time.monotonic() - saved > settings.checkpoint_seconds:
                    self.save()
                    saved = time.monotonic()
                if on_step is not None and self.ranks.first:
                    on_step(now.step, settings.steps, loss)

    def _step(self, module: nn.Module, lines: TrainingLog | None, *, stop: bool) -> tuple[float, bool]:
        """One step of the optimizer; the loss, and whether any process was asked to stop."""
        settings, now = self.settings, self.now
        batch = self._batch(self.parts.sampler, now.step)
        module.train()
        rate = settings.rate(now.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with _seeded(settings.seed, now.step, self.ranks) as generator:
            loss, parts = module(batch, now.step, generator)
            mean_loss, asked = self.ranks.mean([float(loss.detach()), float(stop)])
            if not math.isfinite(mean_loss):
                raise self._not_finite("the loss", mean_loss, parts)
            loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.joint.parameters(), settings.clip_norm))
        if not math.isfinite(norm):
            raise self._not_finite("the norm of the gradient", norm, parts)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        now.step += 1
        self._note(lines, {"loss": mean_loss, **parts, "gradient_norm": norm}, rate)
        return mean_loss, asked > 0

    def _not_finite(self, what: str, value: float, parts: Mapping[str, float]) -> ModelError:
        terms = ", ".join(f"{name} {float(term):.4g}" for name, term in parts.items())
        last = latest_path(self.folder.checkpoints)
        return ModelError(
            f"training stopped at step {self.now.step + 1}: {what} is {value} ({terms or 'no terms given'}). Nothing of "
            f"this step is kept; last good checkpoint: {last or 'none'}. Lower the learning rate (now "
            f"{self.settings.learning_rate:g}) or the clipping norm, or use precision float32, in a new folder."
        )

    def _note(self, lines: TrainingLog | None, values: Mapping[str, float], rate: float) -> None:
        """Add to the means of the log; write a line when it is full."""
        now = self.now
        for name, value in values.items():
            now.sums[name] = now.sums.get(name, 0.0) + float(value)
        now.summed += 1
        if now.step % self.settings.log_every == 0 or now.step == self.settings.steps:
            now.train_parts = {name: total / now.summed for name, total in now.sums.items()}
            now.sums, now.summed = {}, 0
            if lines is not None:
                lines.write("train", now.step, {**now.train_parts, "learning_rate": rate, "seconds": now.seconds})

    def _validate(self, lines: TrainingLog | None) -> None:
        """Loss on the validation batches; keep the weights if they are the best, end the run if it is out of patience."""
        settings, now = self.settings, self.now
        parts = self.validation_parts()
        if parts and settings.monitor not in parts:
            raise ModelError(f"TrainingSettings(monitor={settings.monitor!r}): validation gives {', '.join(parts)}.")
        value = parts[settings.monitor] if parts else None
        if value is not None and not math.isfinite(value):
            raise self._not_finite(f"the validation {settings.monitor}", value, parts)
        if value is None or now.best is None or value < now.best:
            now.best, now.best_step, now.best_parts, now.stale = value, now.step, parts, 0
            self.best = {
                name: tensor.detach().to("cpu", copy=True) for name, tensor in self.parts.model.state_dict().items()
            }
        else:
            now.stale += 1
            if settings.patience is not None and now.stale >= settings.patience:
                now.reason = "patience"
        if lines is not None and parts:
            lines.write("validation", now.step, {**parts, "seconds": now.seconds})

    @torch.no_grad()
    def validation_parts(self) -> dict[str, float]:
        """Mean over the validation batches of the loss (as at the last step) and its terms; {} without validation."""
        sampler, count = self.parts.validation, self.settings.validation_batches
        if sampler is None or not count:
            return {}
        self.joint.eval()
        sums: dict[str, float] = {}
        for number in range(count):
            with _seeded(self.settings.seed, number, self.ranks):
                loss, parts = self.joint(self._batch(sampler, number), self.settings.steps, None)
            for name, value in {"loss": loss, **parts}.items():
                sums[name] = sums.get(name, 0.0) + float(value)
        means = self.ranks.mean([total / count for total in sums.values()])
        return dict(zip(sums, means, strict=True))

    def _batch(self, sampler: Sampler, step: int) -> Any:
        batch = sampler.batch(step)
        if self.ranks.count > 1:
            batch = batch.part(self.ranks.rank, self.ranks.count)
        return batch.to(self.ranks.device)

    # ---------------------------------------------------------------------------------------------------- result

    def result(self, facts: Mapping[str, Any]) -> TrainingResult:
        """Save the best weights with their metrics; what `train` returns."""
        now, model = self.now, self.parts.model
        if self.best:
            model.load_state_dict(self.best)
        model.eval()
        metrics = self.folder.metrics()
        if metrics is None or metrics.get("steps_done") != now.step:
            metrics = self._metrics(facts)
            if self.ranks.first:
                model.metrics = metrics  # type: ignore[assignment]
                model.save(self.folder.path)  # type: ignore[operator]
                self.folder.write_metrics(metrics)
        model.metrics = metrics  # type: ignore[assignment]
        self.ranks.wait()
        return TrainingResult(model, self.folder.path, now.reason, metrics)

    def _metrics(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        now = self.now
        return {
            **facts,
            "seed": self.settings.seed,
            "steps_done": now.step,
            "finished": now.reason in _FINISHED,
            "stopped_by": now.reason,
            "best_step": now.best_step if self.best else now.step,
            "validation": now.best_parts,
            "train": now.train_parts,
            "wall_seconds": round(now.seconds, 3),
            "parameters": sum(p.numel() for p in self.parts.model.parameters()),
            "threads": torch.get_num_threads(),
            "device": str(self.ranks.device.type),
            "precision": str(_precision(self.settings.precision, self.ranks.device)).removeprefix("torch."),
            "versions": versions(),
            "trained_on": "simulated spectra",
        }


def _check_heads(config: "SpektronConfig", data: "TrainingData") -> None:
    for name, given in (("functional_groups", len(data.group_names)), ("properties", len(data.property_names))):
        asked = getattr(config, name)
        if asked not in (0, given):
            raise ModelError(
                f"train: the configuration has {asked} {name}, the data {given}; use {given}, or 0 for none."
            )


def _validation_sampler(data: "TrainingData", config: "SpektronConfig", settings: TrainingSettings) -> Sampler | None:
    from .views import ViewSampler

    size = min(settings.batch_size, len(data.indices("validation")))
    if not settings.validation_batches or size < 2:
        return None
    return ViewSampler(data, config, settings.seed, split="validation", batch_size=size)


def _parameter_groups(module: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Matrices and kernels decay; biases, norms, poles do not."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _precision(precision: str, device: torch.device) -> torch.dtype:
    if precision == "auto":
        precision = "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def _autocast(precision: str, device: torch.device) -> Callable[[], Any]:
    dtype = _precision(precision, device)
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype is torch.bfloat16)


def _distributed(joint: _Joint, ranks: Ranks) -> nn.Module:
    if ranks.count == 1:
        return joint
    # A term of the objective that is off in some batch leaves parameters without a gradient.
    return nn.parallel.DistributedDataParallel(joint, find_unused_parameters=True)


def _log(folder: RunFolder, ranks: Ranks, step: int, board: Path | None) -> Any:
    from contextlib import nullcontext

    return TrainingLog(folder.log, step, board) if ranks.first else nullcontext()


@contextmanager
def _seeded(seed: int, step: int, ranks: Ranks) -> Iterator[torch.Generator]:
    """A generator that follows from (seed, step, rank).

    The global one, which dropout draws from, is seeded likewise within and put back after.
    """
    number = int(
        np.random.SeedSequence((seed, _DRAWS, step, ranks.rank)).generate_state(1, np.uint64)[0] >> np.uint64(1)
    )
    with torch.random.fork_rng(devices=[ranks.device] if ranks.device.type == "cuda" else []):
        torch.manual_seed(number)
        yield torch.Generator(device=ranks.device).manual_seed(number)


@contextmanager
def _deterministic(device: torch.device) -> Iterator[None]:
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
def _stop_signals() -> Iterator[list[str]]:
    """A list that names the first SIGTERM or SIGINT; a second one interrupts as usual. In the main thread only."""
    names: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield names
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _: Any) -> None:
        names.append(signal.Signals(number).name)
        signal.signal(number, before[number] or signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield names
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
