"""How `PeakVAE` and `SpectrumCNN` are trained: a validation part by group, AdamW, the best epoch kept."""

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..groups.operations import NDArrayFloat

__all__ = ["PairedSpectra", "TrainingPlan", "paired_spectra", "train", "validation_rows"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingPlan:
    """Numbers of the training loop.

    Attributes
    ----------
    epochs, batch, patience : int
        At most ``epochs``; it ends after ``patience`` epochs without a better validation r.
    learning_rate, weight_decay : float
        AdamW; the rate falls to a tenth by a half cosine over ``epochs``.
    validation_share : float
        Of the rows, in whole groups.
    """

    epochs: int = 80
    batch: int = 64
    patience: int = 15
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    validation_share: float = 0.15


@dataclass(frozen=True, eq=False)
class PairedSpectra:
    """Checked spectra (n, Lx), (n, Ly), 0 where not measured, their masks, and whole-number groups (n,)."""

    x: NDArrayFloat
    y: NDArrayFloat
    x_mask: Any
    y_mask: Any
    groups: Any


def spectra_and_mask(spectra: Any, mask: Any, points: int, call: str) -> tuple[Any, Any]:
    """Spectra (n, points) in single precision, 0 where not measured, and the mask; ModelError for bad input."""
    rows = np.asarray(spectra, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != points or not len(rows):
        raise ModelError(f"{call}: spectra of shape {rows.shape}; (n, {points}) is needed for this model's axis.")
    here = np.isfinite(rows) if mask is None else np.asarray(mask, dtype=bool)
    if here.shape != rows.shape:
        raise ModelError(f"{call}: the mask has shape {here.shape}, the spectra {rows.shape}.")
    if not np.isfinite(rows[here]).all():
        raise ModelError(f"{call}: a spectrum is not finite at a point that the mask calls measured.")
    empty = np.flatnonzero(~here.any(axis=1))
    if len(empty):
        raise ModelError(f"{call}: spectrum {empty[0]} (of {len(empty)} such) has no measured point.")
    return np.where(here, rows, 0).astype(np.float32), here


def paired_spectra(
    x: Any, y: Any, x_mask: Any, y_mask: Any, groups: Any, points: tuple[int, int], call: str
) -> PairedSpectra:
    """What `fit` was given, checked; each row is its own group where no groups are given."""
    rows_x, here_x = spectra_and_mask(x, x_mask, points[0], call)
    rows_y, here_y = spectra_and_mask(y, y_mask, points[1], call)
    if len(rows_x) != len(rows_y):
        raise ModelError(f"{call}: {len(rows_x)} spectra and {len(rows_y)} targets; one target a spectrum is needed.")
    names = np.arange(len(rows_x)) if groups is None else np.asarray(groups)
    if names.shape != (len(rows_x),):
        raise ModelError(f"{call}: groups of shape {names.shape} for {len(rows_x)} spectra.")
    numbers = np.unique(names, return_inverse=True)[1]
    if numbers.max() < 1:
        raise ModelError(f"{call}: all {len(rows_x)} spectra are of one group; early stopping needs two or more.")
    return PairedSpectra(rows_x, rows_y, here_x, here_y, numbers)


def validation_rows(groups: Any, share: float, seed: int) -> Any:
    """True (n,) for about ``share`` of the rows, in whole groups drawn at random; at least one group on each side."""
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    sizes = np.bincount(groups)[order]
    taken = int(np.searchsorted(np.cumsum(sizes), share * len(groups))) + 1
    return np.isin(groups, order[: min(taken, len(order) - 1)])


def train(
    network: nn.Module,
    rows: Any,
    loss_of: Callable[[Any, int], Tensor],
    score: Callable[[], float],
    plan: TrainingPlan,
    seed: int,
) -> list[float]:
    """Scores (higher is better) of the epochs; the network is left in the state of the best one, in eval mode.

    ``loss_of(batch, epoch)`` gives the loss of some of the ``rows`` (indices), ``score()`` that of the validation part.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, plan.epochs, 0.1 * plan.learning_rate)
    rng = np.random.default_rng(seed)
    scores: list[float] = []
    best = copy.deepcopy(network.state_dict())
    with torch.random.fork_rng(devices=[]):  # dropout draws from the global state, which stays as it was
        torch.manual_seed(seed)
        for epoch in range(plan.epochs):
            network.train()
            _one_epoch(network, rng.permutation(rows), lambda batch, at=epoch: loss_of(batch, at), optimizer, plan)
            schedule.step()
            network.eval()
            with torch.inference_mode():
                scores.append(score())
            if not np.isfinite(scores[-1]):
                raise ModelError(f"training diverged in epoch {epoch}: the validation score is {scores[-1]}.")
            if scores[-1] == max(scores):
                best = copy.deepcopy(network.state_dict())
            if epoch - int(np.argmax(scores)) >= plan.patience:
                break
    _LOG.info("%d epochs, best validation r %.3f in epoch %d", len(scores), max(scores), int(np.argmax(scores)))
    network.load_state_dict(best)
    network.eval()
    return scores


def _one_epoch(
    network: nn.Module,
    order: Any,
    loss_of: Callable[[Any], Tensor],
    optimizer: torch.optim.Optimizer,
    plan: TrainingPlan,
) -> None:
    for start in range(0, len(order), plan.batch):
        loss = loss_of(order[start : start + plan.batch])
        if not torch.isfinite(loss):
            raise ModelError(f"the loss is {loss.item()}: lower the learning rate, now {plan.learning_rate:g}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
