"""How a model is trained: steps, rates, precision, validation, how often a run saves itself."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import ModelError

__all__ = ["TrainingSettings"]

_PRECISIONS = ("auto", "float32", "bf16")
_NOT_IDENTITY = ("minutes", "checkpoint_every", "checkpoint_seconds")
# Minutes, less than an hour, and hours on 2 processor cores, 2 cores and one GPU.
_OF_PRESET: dict[str, dict[str, Any]] = {
    "tiny": {"steps": 400, "learning_rate": 2e-3, "precision": "bf16", "warmup": 0.1},
    "small": {"steps": 800, "learning_rate": 1.5e-3, "precision": "bf16", "warmup": 0.1, "validate_every": 100},
    "base": {"steps": 20_000, "batch_size": 512, "learning_rate": 1e-3, "validate_every": 500},
}


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is trained.

    Attributes
    ----------
    steps : int
        Of the optimizer; the learning rate falls to its end over them.
    batch_size : int
        Molecules in a batch, over all processes.
    seed : int
        Of the initial weights, the batches and every random draw.
    learning_rate, final_learning_rate : float
        After the warm-up; at the end, as a share of it (a cosine between).
    warmup : float
        Share of the steps over which the learning rate rises linearly.
    weight_decay : float
        Of AdamW, on parameters with two or more dimensions only: not on biases, norms, poles.
    betas : tuple of 2 float
    clip_norm : float
        Largest norm of the gradient.
    precision : {"auto", "float32", "bf16"}
        bf16: matrix products and convolutions by autocast, parameters stay float32. auto: bf16 on a CUDA device that
        knows it, float32 on the CPU.
    validate_every : int
        Steps between validations.
    validation_batches : int
        Always the same ones; 0 switches validation off, and the last weights are the best.
    patience : int or None
        Validations without an improvement after which the run ends; None: never early.
    monitor : str
        What early stop and best weights go by: "loss" or a name of the objective's; smaller is better.
    log_every : int
        Steps that a line of the log is the mean of.
    minutes : float or None
        Time after which the run writes a checkpoint and returns; it can go on later.
    checkpoint_every : int
        Steps between checkpoints.
    checkpoint_seconds : float
        A checkpoint is due, too, when the last one is older.

    Raises
    ------
    ModelError
        A value out of range.

    Examples
    --------
    >>> settings = TrainingSettings(steps=1000, learning_rate=1e-3)
    >>> [round(settings.rate(step), 6) for step in (0, 49, 999)]
    [2e-05, 0.001, 1e-05]
    """

    steps: int = 4000
    batch_size: int = 128
    seed: int = 0
    learning_rate: float = 1e-3
    final_learning_rate: float = 0.01
    warmup: float = 0.05
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    clip_norm: float = 1.0
    precision: str = "auto"
    validate_every: int = 200
    validation_batches: int = 4
    patience: int | None = None
    monitor: str = "loss"
    log_every: int = 10
    minutes: float | None = None
    checkpoint_every: int = 200
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "betas", tuple(self.betas))  # JSON has no tuples
        for name in ("steps", "batch_size", "validate_every", "log_every", "checkpoint_every"):
            self._need(
                name, isinstance(getattr(self, name), int) and getattr(self, name) >= 1, "an integer of at least 1"
            )
        for name in ("seed", "validation_batches"):
            self._need(
                name, isinstance(getattr(self, name), int) and getattr(self, name) >= 0, "an integer of at least 0"
            )
        for name in ("learning_rate", "clip_norm", "checkpoint_seconds"):
            self._need(name, 0 < getattr(self, name) < math.inf, "a number above 0")
        self._need("weight_decay", 0 <= self.weight_decay < math.inf, "a number of at least 0")
        self._need("warmup", 0 <= self.warmup <= 1, "a share between 0 and 1")
        self._need("final_learning_rate", 0 <= self.final_learning_rate <= 1, "a share between 0 and 1")
        self._need("betas", len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas), "two numbers in [0, 1)")
        self._need("precision", self.precision in _PRECISIONS, f"one of {', '.join(_PRECISIONS)}")
        self._need("patience", self.patience is None or self.patience >= 1, "at least 1, or None")
        self._need("minutes", self.minutes is None or 0 < self.minutes < math.inf, "a number above 0, or None")

    def _need(self, name: str, right: bool, what: str) -> None:
        if not right:
            raise ModelError(f"TrainingSettings({name}={getattr(self, name)!r}): {what} is needed.")

    def rate(self, step: int) -> float:
        """Learning rate of the step (from 0): linear warm-up, then a cosine to its end."""
        warm = round(self.warmup * self.steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        along = (step + 1 - warm) / max(1, self.steps - warm)
        low = self.final_learning_rate
        return self.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * along)))

    @classmethod
    def of_preset(cls, name: str, **changes: Any) -> "TrainingSettings":
        """The settings that the preset configuration ``name`` is trained with, with some values changed.

        Raises
        ------
        ModelError
            Another name.

        Examples
        --------
        >>> TrainingSettings.of_preset("small", seed=3).steps
        800
        """
        if name not in _OF_PRESET:
            raise ModelError(f"TrainingSettings.of_preset({name!r}): choose one of {', '.join(_OF_PRESET)}.")
        return cls(**{**_OF_PRESET[name], **changes})

    def identity(self) -> dict[str, Any]:
        """The settings that decide the weights: all but how often a run saves itself and how long it may take."""
        return {name: value for name, value in self.as_dict().items() if name not in _NOT_IDENTITY}

    def as_dict(self) -> dict[str, Any]:
        """All values, as JSON knows them."""
        return {**asdict(self), "betas": list(self.betas)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "TrainingSettings":
        """The settings of `as_dict`; ModelError for a name that is unknown."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ModelError(f"TrainingSettings has no {', '.join(map(repr, unknown))}.")
        return cls(**values)
