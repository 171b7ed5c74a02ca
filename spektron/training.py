"""Training a Spektron: a loop that can be killed at any moment and goes on bit for bit.

Batches, random draws, learning rates and validations follow from (seed, step) alone, and a checkpoint holds all the
rest, so a run that was killed and resumed ends with the same bits as one that was not: on the same machine, with the
same versions and number of threads; on CUDA with the deterministic kernels that are switched on during the run.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..errors import ModelError
from ._ranks import gather_rows, joined
from ._run_folder import RunFolder, locked
from ._training_context import deterministic
from ._training_run import FINISHED, Sampler, TrainingParts, TrainingRun
from .train_log import plot_log
from .training_settings import TrainingSettings

if TYPE_CHECKING:
    from .config import SpektronConfig
    from .training_data import TrainingData

__all__ = ["Sampler", "TrainingParts", "TrainingResult", "TrainingSettings", "train", "train_parts"]


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
        return self.reason in FINISHED

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"folder": str(self.folder), "reason": self.reason, **self.metrics}

    def plot(self, name: str = "loss", ax: Any = None) -> Any:
        """Axes with a value of the log over the steps, training and validation."""
        return plot_log(self.folder / "log.jsonl", name, ax)


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
        with locked(folder) if ranks.first else nullcontext():
            if ranks.first:
                RunFolder(folder, identity, resume=resume)
            ranks.wait()
            place = RunFolder(folder, identity)
            run = TrainingRun(parts, place, settings, ranks)
            with deterministic(ranks.device):
                run.resume()
                if not run.now.reason:
                    run.go_on(on_step, place.tensorboard if tensorboard and ranks.first else None)
            metrics = run.saved({**identity, "settings": settings.as_dict(), "command": command})
    return TrainingResult(parts.model, place.path, run.now.reason, metrics)


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
