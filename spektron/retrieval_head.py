"""Fitting the retrieval embedding once more to the z_chem of a trained model, which then stays as it is."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from ..errors import ModelError
from ._two_views import two_views
from .bottleneck import product_of_experts
from .losses import info_nce
from .model import Spektron
from .objective import LossWeights
from .training_data import TrainingData

__all__ = ["RetrievalFit", "fit_retrieval_head"]

_WEIGHT_DECAY = 0.05
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
        A number below 1, or more batches at once than there are.
    """
    if min(batches, steps, batches_at_once) < 1 or batches_at_once > batches:
        raise ModelError(
            f"fit_retrieval_head(batches={batches}, steps={steps}, batches_at_once={batches_at_once}): at least 1, and "
            "no more at once than there are, are needed."
        )
    chem, _, present = two_views(model, data, batches, seed, invented_share=0.25)
    device, size = chem.mean.device, len(present) // batches
    generator = torch.Generator().manual_seed(seed)
    draws = torch.Generator(device).manual_seed(seed)
    parameters = [*model.retrieval_head.parameters(), *model.retrieval_correction.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=_WEIGHT_DECAY)
    losses, mode = [], model.training
    model.train()  # the embedding is standardised by these batches
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        chosen = torch.randperm(batches, generator=generator)[:batches_at_once]
        rows = (chosen[:, None] * size + torch.arange(size)).flatten().to(device)
        loss = torch.zeros((), device=device)
        for kinds in _WITH:
            here = present[rows] & torch.tensor(kinds, device=device)
            usable = here.any(-1)
            one, other = (
                model.retrieval_embedding(product_of_experts(chem[view, rows[usable]], here[usable]).sample(draws))
                for view in range(2)
            )
            loss = loss + info_nce(one, other, temperature=LossWeights().temperature) / len(_WITH)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    optimizer.zero_grad()
    model.train(mode)
    tenth = max(1, steps // 10)
    first, last = (sum(part) / len(part) for part in (losses[:tenth], losses[-tenth:]))
    return RetrievalFit(first, last, steps, int(2 * present.sum()))
