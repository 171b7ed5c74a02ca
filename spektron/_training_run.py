"""The loop of a training run, and the state of it that checkpoints hold."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..errors import ModelError
from ._ranks import Ranks
from ._run_folder import RunFolder, versions
from ._training_context import autocast, precision_of, seeded, stop_signals
from .checkpoints import latest_checkpoint, latest_path, load_optimizer, optimizer_tensors, write_checkpoint
from .train_log import TrainingLog
from .training_settings import TrainingSettings

__all__ = ["FINISHED", "Sampler", "TrainingParts", "TrainingRun"]

FINISHED = ("steps", "patience")

OnStep = Callable[[int, int, float], None]

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
    counts: dict[str, int] = field(default_factory=dict)
    train_parts: dict[str, float] = field(default_factory=dict)
    reason: str = ""


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


class TrainingRun:
    """A run between two checkpoints: `resume` takes it up, `go_on` trains, `saved` writes the model.

    Parameters
    ----------
    parts : TrainingParts
    folder : RunFolder
    settings : TrainingSettings
    ranks : Ranks
    """

    def __init__(self, parts: TrainingParts, folder: RunFolder, settings: TrainingSettings, ranks: Ranks) -> None:
        self.parts, self.folder, self.settings, self.ranks = parts, folder, settings, ranks
        self.joint = _Joint(parts.model, parts.objective, autocast(settings.precision, ranks.device)).to(ranks.device)
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.joint, settings), betas=settings.betas)
        self.now = _Progress()
        self.best: dict[str, Tensor] = {}
        self.ahead: ThreadPoolExecutor | None = None
        self.made: dict[int, Future[Any]] = {}

    # ------------------------------------------------------------------------------------------------ checkpoints

    def resume(self) -> None:
        """Take up the last checkpoint, if there is one."""
        found = latest_checkpoint(self.folder.checkpoints)
        if found is None:
            return
        try:
            self.joint.load_state_dict(found.group("joint"))
            load_optimizer(self.optimizer, self.joint, found.group("optimizer"))
            self.now = _Progress(**found.state)
        except (RuntimeError, TypeError, KeyError) as error:
            raise ModelError(
                f"{self.folder.path}: its checkpoint is of another version of symvib "
                f"({' '.join(str(error).split())[:200]}); begin again with --fresh (resume=False) or in another folder."
            ) from error
        self.best = found.group("best")
        if self.now.reason not in FINISHED:
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

    def go_on(self, on_step: OnStep | None, board: Path | None) -> None:
        """Train to the end, or until something stops it; a checkpoint of the last state is there afterwards."""
        settings, now = self.settings, self.now
        started, before, saved = time.monotonic(), now.seconds, time.monotonic()
        module = _distributed(self.joint, self.ranks)
        with ExitStack() as stack:
            stopped = stack.enter_context(stop_signals())
            lines = stack.enter_context(_log(self.folder, self.ranks, now.step, board))
            if self.ranks.device.type == "cuda":
                self.ahead = stack.enter_context(ThreadPoolExecutor(1, "batches"))
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
        batch = self._next_batch()
        module.train()
        rate = settings.rate(now.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with self._seeded(now.step) as generator:
            try:
                loss, parts = module(batch, now.step, generator)
            except ModelError as error:  # the model itself refuses values that are not finite
                raise self._stopped(str(error)) from error
            mean_loss, asked = self.ranks.mean([float(loss.detach()), float(stop)])
            if not math.isfinite(mean_loss):
                raise self._not_finite("the loss", mean_loss, parts)
            loss.backward()
        if settings.monitor not in {"loss", *parts}:
            raise ModelError(
                f"TrainingSettings(monitor={settings.monitor!r}): the objective gives loss, {', '.join(parts)}."
            )
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
        return self._stopped(
            f"{what} is {value} ({terms or 'no terms given'}). Lower the learning rate (now "
            f"{self.settings.learning_rate:g}) or the clipping norm, or use precision float32, in a new folder."
        )

    def _stopped(self, why: str) -> ModelError:
        last = latest_path(self.folder.checkpoints)
        return ModelError(
            f"training stopped at step {self.now.step + 1}: {why} Nothing of this step is kept; last good checkpoint: "
            f"{last or 'none'}."
        )

    def _seeded(self, step: int) -> AbstractContextManager[torch.Generator]:
        return seeded(self.settings.seed, step, self.ranks.rank, self.ranks.device)

    def _note(self, lines: TrainingLog | None, values: Mapping[str, float], rate: float) -> None:
        """Add to the means of the log; write a line when it is full."""
        now = self.now
        for name, value in values.items():
            now.sums[name] = now.sums.get(name, 0.0) + float(value)
            now.counts[name] = now.counts.get(name, 0) + 1
        if now.step % self.settings.log_every == 0 or now.step == self.settings.steps:
            now.train_parts = {name: total / now.counts[name] for name, total in now.sums.items()}
            now.sums, now.counts = {}, {}
            if lines is not None:
                lines.write("train", now.step, {**now.train_parts, "learning_rate": rate, "seconds": now.seconds})

    def _validate(self, lines: TrainingLog | None) -> None:
        """Validate; keep the weights if they are the best so far, end the run if it is out of patience."""
        settings, now = self.settings, self.now
        parts = self.validation_parts()
        if parts and settings.monitor not in parts:  # a term of training only
            raise ModelError(f"TrainingSettings(monitor={settings.monitor!r}): validation gives {', '.join(parts)}.")
        if not parts:
            return  # the last weights are the best
        value = parts[settings.monitor]
        if not math.isfinite(value):
            raise self._not_finite(f"the validation {settings.monitor}", value, parts)
        if now.best is None or value < now.best:
            now.best, now.best_step, now.best_parts, now.stale = value, now.step, parts, 0
            self.best = {
                name: tensor.detach().to("cpu", copy=True) for name, tensor in self.parts.model.state_dict().items()
            }
        else:
            now.stale += 1
            if settings.patience is not None and now.stale >= settings.patience:
                now.reason = "patience"
        if lines is not None:
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
            with self._seeded(number):
                loss, parts = self.joint(self._batch(sampler, number), self.settings.steps, None)
            for name, value in {"loss": loss, **parts}.items():
                sums[name] = sums.get(name, 0.0) + float(value)
        means = self.ranks.mean([total / count for total in sums.values()])
        return dict(zip(sums, means, strict=True))

    def _next_batch(self) -> Any:
        """The batch of this step. The next one is made meanwhile, on another thread, where a GPU does the rest."""
        step, sampler = self.now.step, self.parts.sampler
        if self.ahead is None:
            return self._batch(sampler, step)
        made = self.made.pop(step, None) or self.ahead.submit(self._batch, sampler, step)
        batch = made.result()
        if step + 1 < self.settings.steps:
            self.made[step + 1] = self.ahead.submit(self._batch, sampler, step + 1)
        return batch

    def _batch(self, sampler: Sampler, step: int) -> Any:
        batch = sampler.batch(step)
        if self.ranks.count > 1:
            batch = batch.part(self.ranks.rank, self.ranks.count)
        return batch.to(self.ranks.device)

    # ---------------------------------------------------------------------------------------------------- result

    def saved(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Put the best weights into the model, on the CPU, and save it with its metrics, which are returned."""
        model = self.parts.model
        if self.best:
            model.load_state_dict(self.best)
        model.eval().cpu()
        metrics = self.folder.metrics()
        if metrics is None or metrics.get("steps_done") != self.now.step:
            metrics = self._metrics(facts)
            model.metrics = metrics  # type: ignore[assignment]
            if self.ranks.first:
                model.save(self.folder.path)  # type: ignore[operator]
                self.folder.write_metrics(metrics)
        model.metrics = metrics  # type: ignore[assignment]
        self.ranks.wait()
        return metrics

    def _metrics(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        now = self.now
        return {
            **facts,
            "seed": self.settings.seed,
            "steps_done": now.step,
            "finished": now.reason in FINISHED,
            "stopped_by": now.reason,
            "best_step": now.best_step if self.best else now.step,
            "validation": now.best_parts,
            "train": now.train_parts,
            "wall_seconds": round(now.seconds, 3),
            "parameters": sum(p.numel() for p in self.parts.model.parameters()),
            "threads": torch.get_num_threads(),
            "device": str(self.ranks.device.type),
            "precision": str(precision_of(self.settings.precision, self.ranks.device)).removeprefix("torch."),
            "versions": versions(),
            "trained_on": "simulated spectra",
        }


def _parameter_groups(module: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Matrices and kernels decay; biases, norms, poles do not."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _distributed(joint: _Joint, ranks: Ranks) -> nn.Module:
    if ranks.count == 1:
        return joint
    # A term of the objective that is off in some batch leaves parameters without a gradient.
    return nn.parallel.DistributedDataParallel(joint, find_unused_parameters=True)


def _log(folder: RunFolder, ranks: Ranks, step: int, board: Path | None) -> Any:
    return TrainingLog(folder.log, step, board) if ranks.first else nullcontext()
