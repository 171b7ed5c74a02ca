"""Adapting a trained model to another instrument, from the few spectra that were measured on it.

`adapt` trains on (test-time training) with the spectra alone: no reference values, no paired measurements.
`sinkhorn_align` leaves the model as it is and moves the latents. Both see nothing but what they are given, so what a
result is later tested on must not be among it.
"""

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ._latent_alignment import LatentAlignment, sinkhorn_align
from ._sample_losses import sinkhorn_divergence
from .lora import add_lora, lora_parameters, merge_lora
from .model import Encoded, Spektron
from .objective import relative_error
from .views import block_mask

__all__ = ["LatentAlignment", "adapt", "sinkhorn_align"]

_log = logging.getLogger(__name__)

_OBJECTIVES = ("masked", "transport")
_TRAINED = ("norm", "bias", "lora", "all")
_NORMS = (nn.LayerNorm, nn.GroupNorm)


def adapt(
    model: Spektron,
    spectra: Tensor,
    steps: int = 100,
    *,
    objective: Literal["masked", "transport"] | Callable[[Spektron, Tensor], Tensor] = "masked",
    trained: Literal["norm", "bias", "lora", "all"] = "lora",
    rank: int = 4,
    learning_rate: float = 1e-3,
    batch_size: int = 32,
    masked_share: float = 0.4,
    source_latents: Tensor | None = None,
    epsilon: float | None = None,
    modalities: Sequence[str] = ("ir", "raman"),
    present: Tensor | None = None,
    seen: Tensor | None = None,
    axis: Tensor | None = None,
    seed: int = 0,
) -> Spektron:
    """A copy of the model, trained on with the spectra of the instrument that it is to be used on.

    Parameters
    ----------
    model : Spektron
        Left as it is.
    spectra : Tensor (n, M, L)
        All that is seen of the target instrument.
    steps : int
        Of AdamW without weight decay, after a linear warm-up over the first tenth.
    objective : {"masked", "transport"} or callable
        "masked": fill in hidden channels of the spectra, as in pretraining (Y. Gandelsman et al., arXiv:2209.07522).
        "transport": bring the distribution of z_chem to that of ``source_latents`` by the Sinkhorn divergence.
        A function of the model and the row numbers (k,) of a batch that returns the loss: for labelled or paired
        spectra.
    trained : {"norm", "bias", "lora", "all"}
        The gains and offsets of norms; these and all biases; norms and low-rank updates of the matrices, merged at the
        end; everything.
    rank : int
        Of the updates, for "lora".
    learning_rate : float
        Highest rate.
    batch_size : int
        Spectra a step, drawn without replacement.
    masked_share : float
        Share of the channels that is hidden, for "masked".
    source_latents : Tensor (m, chem)
        For "transport": means of z_chem of spectra of the instrument that the model knows.
    epsilon : float, optional
        Of `sinkhorn_divergence`.
    modalities, present, seen, axis
        As in `Spektron.encode`.
    seed : int
        Of batches, masks and low-rank updates; they follow from (seed, step).

    Returns
    -------
    Spektron
        Plain weights, in evaluation mode. Its ``metrics`` hold "adaptation", the settings with first and last loss, and
        nothing of the original's, which are not those of the new weights.

    Raises
    ------
    ModelError
        No spectra, an unknown choice, "transport" without source latents, or a loss that is not finite.

    Examples
    --------
    >>> from symvib.spektron.config import preset
    >>> model = Spektron(preset("tiny"))
    >>> adapted = adapt(model, torch.rand(3, 1, 256), steps=2, modalities=("ir",), axis=torch.linspace(400, 4000, 256))
    >>> sorted(adapted.metrics["adaptation"])[:3]
    ['first_loss', 'last_loss', 'learning_rate']
    """
    _check_choices(len(spectra), steps, batch_size, objective, trained, source_latents)
    adapted = add_lora(model, rank, seed=seed) if trained == "lora" else deepcopy(model).requires_grad_(False)
    parameters = _parameters_to_train(adapted, trained)
    for parameter in parameters:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    given = _Given(
        spectra,
        torch.ones(spectra.shape[:2], dtype=torch.bool) if present is None else present,
        torch.ones(spectra.shape, dtype=torch.bool) if seen is None else seen,
        tuple(modalities),
        axis,
    )
    adapted.eval()
    losses = []
    for step in range(steps):
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, step)).generate_state(1)[0]))
        rows = torch.randperm(len(spectra), generator=generator)[:batch_size]
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * min(1.0, (step + 1) / max(1.0, 0.1 * steps))
        if objective == "masked":
            loss = _masked_loss(adapted, given, rows, masked_share, generator)
        elif objective == "transport":
            assert source_latents is not None
            latents = given.encoded(adapted, rows).chem.mean
            loss = sinkhorn_divergence(latents, source_latents.to(latents), epsilon)
        else:
            loss = objective(adapted, rows)
        if not torch.isfinite(loss):
            raise ModelError(f"adapt: the loss of step {step + 1} is {float(loss.detach())}; lower the learning rate.")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    result = merge_lora(adapted) if trained == "lora" else adapted.requires_grad_(True)
    settings = {
        "objective": objective if isinstance(objective, str) else getattr(objective, "__name__", "function"),
        "trained": trained,
        "rank": rank if trained == "lora" else None,
        "steps": steps,
        "learning_rate": learning_rate,
        "seed": seed,
        "n_spectra": len(spectra),
        "trained_parameters": sum(parameter.numel() for parameter in parameters),
        "first_loss": losses[0] if losses else None,
        "last_loss": losses[-1] if losses else None,
    }
    _log.info("adapted to %d spectra: %s", len(spectra), settings)
    result.metrics = {"adaptation": settings}
    return result.eval()


@dataclass(frozen=True, eq=False)
class _Given:
    """The spectra (n, M, L) that may be seen: which of them exist (n, M), which channels (n, M, L), on what axis."""

    spectra: Tensor
    present: Tensor
    seen: Tensor
    modalities: tuple[str, ...]
    axis: Tensor | None

    def measured(self, rows: Tensor) -> Tensor:
        """Channels (k, M, L) with a value."""
        return (self.seen[rows] & self.present[rows].unsqueeze(-1)).to(self.spectra.device)

    def encoded(self, model: Spektron, rows: Tensor, seen: Tensor | None = None) -> Encoded:
        """What the model makes of some rows, of the channels ``seen`` only."""
        seen = self.measured(rows) if seen is None else seen
        present = self.present[rows].to(self.spectra.device)
        axis = self.axis if self.axis is None or self.axis.ndim == 1 else self.axis[rows]
        return model.encode(self.spectra[rows], modalities=self.modalities, present=present, seen=seen, axis=axis)


def _check_choices(
    n: int, steps: int, batch_size: int, objective: Any, trained: str, source_latents: Tensor | None
) -> None:
    if not n or steps < 0 or batch_size < 1:
        raise ModelError(
            f"adapt: {n} spectra, {steps} steps of {batch_size}; 1 spectrum or more, 0 steps or more of 1 spectrum or "
            "more are needed."
        )
    for name, value, allowed in (("objective", objective, _OBJECTIVES), ("trained", trained, _TRAINED)):
        if value not in allowed and not (name == "objective" and callable(value)):
            raise ModelError(f"adapt({name}={value!r}): choose one of {', '.join(allowed)}.")
    if objective == "transport" and source_latents is None:
        raise ModelError("adapt(objective='transport'): source_latents (m, chem) are needed to align with.")


def _parameters_to_train(model: nn.Module, trained: str) -> list[nn.Parameter]:
    if trained == "all":
        return list(model.parameters())
    chosen = [p for module in model.modules() if isinstance(module, _NORMS) for p in module.parameters(recurse=False)]
    if trained == "lora":
        return chosen + lora_parameters(model)
    if trained == "bias":
        norms = {id(parameter) for parameter in chosen}
        chosen += [p for name, p in model.named_parameters() if name.endswith("bias") and id(p) not in norms]
    return chosen


def _masked_loss(model: Spektron, given: _Given, rows: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Relative error of the channels hidden in this step, on the scale of the input, as in pretraining."""
    spectra, measured = given.spectra[rows], given.measured(rows)
    hidden = block_mask(spectra.shape, model.config.stride, share, generator).to(spectra.device) & measured
    encoded = given.encoded(model, rows, measured & ~hidden)
    target = torch.where(hidden, spectra, 0.0) / encoded.scale
    return relative_error(model.masked_reconstruction(encoded), target, hidden)
