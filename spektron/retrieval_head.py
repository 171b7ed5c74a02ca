"""Fitting the retrieval embedding once more to the z_chem of a trained model, which then stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ._two_views import two_views
from .bottleneck import Gaussian, product_of_experts
from .losses import info_nce
from .model import Spektron
from .objective import LossWeights
from .training_data import TrainingData

__all__ = ["RetrievalFit", "fit_retrieval_head"]

_WEIGHT_DECAY = 0.05
_VIEWS = 1_000_000  # seeds from here on: views that training did not have
_WITH = ((True, False), (False, True), (True, True))  # infrared, Raman, both


@dataclass(frozen=True)
class RetrievalFit:
    """How the fit went: identification losses (nats), means of the first and the last tenth of the steps.

    Attributes
    ----------
    first_loss, last_loss : float
    steps : int
    n_spectra : int
        Simulated spectra of training molecules and invented line lists, on training instruments.
    """

    first_loss: float
    last_loss: float
    steps: int
    n_spectra: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: round(value, 4) for name, value in asdict(self).items()}

    def _repr_html_(self) -> str:
        return f"<p>identification loss {self.first_loss:.3f} to {self.last_loss:.3f} in {self.steps} steps</p>"


def fit_retrieval_head(
    model: Spektron,
    data: TrainingData,
    *,
    batches: int = 90,
    steps: int = 200,
    batches_at_once: int = 8,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> RetrievalFit:
    """How the fit went; the retrieval embedding of ``model`` is another, z_chem and everything else as before.

    The loss is that of training (`info_nce` of two views, from IR, Raman and both), but of a z_chem that no longer
    changes, which is cheap: every molecule is told from about a thousand others at a time, not from 128, and the
    embedding learns to do without what `erase_instruments` took.

    Parameters
    ----------
    model : Spektron
        Changed in place.
    data : TrainingData
    batches : int
        Of `ViewSampler`, two views each; encoded once.
    steps, learning_rate
        Of AdamW; the rate falls linearly to 0.
    batches_at_once : int
        Whole batches that make a step: what is alike stays together.
    seed : int

    Raises
    ------
    ModelError
        Numbers that make no fit, or a loss that is not finite (the message says the step and the rate).
    """
    numbers = {"batches": batches, "steps": steps, "batches_at_once": batches_at_once, "learning_rate": learning_rate}
    for name, value in numbers.items():
        if value <= 0:
            raise ModelError(f"fit_retrieval_head({name}={value}): more than 0 is needed.")
    if batches_at_once > batches:
        raise ModelError(f"fit_retrieval_head(batches_at_once={batches_at_once}): there are {batches} batches.")
    chem, _, present, molecules = two_views(model, data, batches, _VIEWS + seed, invented_share=0.25)
    device, size = chem.mean.device, len(present) // batches
    # A molecule that comes twice is no wrong answer to itself; an invented list comes once.
    identity = torch.where(molecules >= 0, molecules, -1 - torch.arange(len(molecules), device=device))
    generator, draws = torch.Generator().manual_seed(seed), torch.Generator(device).manual_seed(seed + 1)
    parameters = [*model.retrieval_head.parameters(), *model.retrieval_correction.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=_WEIGHT_DECAY)
    losses = []
    with _learning(model):
        for step in range(steps):
            rate = optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
            chosen = torch.randperm(batches, generator=generator)[:batches_at_once]
            rows = (chosen[:, None] * size + torch.arange(size)).flatten().to(device)
            loss = _identification(model, chem[:, rows], present[rows], identity[rows], draws)
            if not torch.isfinite(loss):
                raise ModelError(
                    f"fit_retrieval_head: the loss is {float(loss.detach())} at step {step}, rate {rate:g}."
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
    tenth = max(1, steps // 10)
    first, last = (sum(part) / len(part) for part in (losses[:tenth], losses[-tenth:]))
    return RetrievalFit(first, last, steps, int(2 * present.sum()))


def _identification(model: Spektron, chem: Gaussian, present: Tensor, identity: Tensor, draws: Any) -> Tensor:
    """Mean `info_nce` of two views of z_chem (2, n, M, k): from infrared, from Raman, from both."""
    losses = []
    for kinds in _WITH:
        here = present & torch.tensor(kinds, device=present.device)
        usable = here.any(-1)
        one, other = (
            model.retrieval_embedding(product_of_experts(chem[view, usable], here[usable]).sample(draws))
            for view in range(2)
        )
        losses.append(info_nce(one, other, temperature=LossWeights().temperature, identity=identity[usable]))
    return torch.stack(losses).mean()


@contextmanager
def _learning(model: Spektron) -> Iterator[None]:
    """The embedding is standardised by the batches that it is given; afterwards the model is as it was."""
    mode = model.training
    model.train()
    try:
        yield
    finally:
        model.train(mode)
        model.zero_grad()
