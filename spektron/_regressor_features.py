"""Features of spectra from an encoder, and fine-tuning it: the torch half of `regressor.SpektronRegressor`."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ..groups.operations import NDArrayFloat
from .model import Encoded, Spektron, evaluating

__all__ = ["chem_features", "fine_tuned", "token_features"]

_BATCH = 64
_HELD_OUT = 0.2
_PATIENCE = 5


@torch.no_grad()
def _encoded(
    model: Spektron, spectra: NDArrayFloat, axis: NDArrayFloat, modality: str, of: Callable[[Encoded], Tensor]
) -> NDArrayFloat:
    points = torch.as_tensor(axis, dtype=torch.float32)
    parts = []
    with evaluating(model):
        for rows in torch.as_tensor(spectra, dtype=torch.float32).split(_BATCH):
            parts.append(of(model.encode(rows.unsqueeze(1), modalities=(modality,), axis=points)))
    return torch.cat(parts).double().numpy()


def chem_features(model: Spektron, spectra: NDArrayFloat, axis: NDArrayFloat, modality: str) -> NDArrayFloat:
    """z_chem (n, chem) of spectra (n, L) on an ascending axis (L,) in 1/cm."""
    return _encoded(model, spectra, axis, modality, lambda encoded: encoded.chem.mean)


def token_features(
    model: Spektron, spectra: NDArrayFloat, axis: NDArrayFloat, modality: str, places: int
) -> NDArrayFloat:
    """Tokens averaged over ``places`` stretches of the axis (n, places * width), and the logarithm of the scale.

    The model divides each spectrum by its maximum; a concentration may be in what it divided by.
    """

    def of(encoded: Encoded) -> Tensor:
        tokens = encoded.tokens[:, 0].transpose(1, 2)
        pooled = nn.functional.adaptive_avg_pool1d(tokens, min(places, tokens.shape[-1]))
        return torch.cat([pooled.flatten(1), encoded.scale[:, 0].log()], dim=1)

    return _encoded(model, spectra, axis, modality, of)


def fine_tuned(
    model: Spektron,
    spectra: NDArrayFloat,
    targets: NDArrayFloat,
    axis: NDArrayFloat,
    modality: str,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> tuple[Spektron, int]:
    """A copy of the model trained on a linear read-out of z_chem and pooled tokens, and the epochs it took.

    A fifth of the samples, drawn by ``seed``, is held out to choose the number of epochs; they stay held out, and the
    weights of the best epoch are returned.

    Parameters
    ----------
    spectra : ndarray (n, L)
    targets : ndarray (n, t)
    axis : ndarray (L,)
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(spectra))
    held = order[: max(1, round(_HELD_OUT * len(order)))]
    kept = order[len(held) :]
    if not len(kept):
        return model, 0
    x = torch.as_tensor(spectra, dtype=torch.float32).unsqueeze(1)
    deviation = targets[kept].std(0)
    y = torch.as_tensor((targets - targets[kept].mean(0)) / np.where(deviation > 0, deviation, 1), dtype=torch.float32)
    points = torch.as_tensor(axis, dtype=torch.float32)
    tuned = copy.deepcopy(model)
    head = nn.Linear(model.config.chem + model.config.width, y.shape[1])
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.AdamW([*tuned.parameters(), *head.parameters()], lr=learning_rate, weight_decay=1e-2)

    def loss_of(rows: np.ndarray) -> Tensor:
        encoded = tuned.encode(x[rows], modalities=(modality,), axis=points)
        said = head(torch.cat([encoded.chem.mean, encoded.tokens[:, 0].mean(1)], dim=1))
        return nn.functional.mse_loss(said, y[rows])

    best, best_loss, best_epoch = copy.deepcopy(model.state_dict()), float("inf"), 0
    for epoch in range(1, epochs + 1):
        tuned.train()
        for rows in np.array_split(rng.permutation(kept), max(1, len(kept) // 16)):
            optimizer.zero_grad()
            loss_of(rows).backward()
            nn.utils.clip_grad_norm_(tuned.parameters(), 1.0)
            optimizer.step()
        tuned.eval()
        with torch.no_grad():
            loss = float(loss_of(held))
        if loss < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(tuned.state_dict()), loss, epoch
        elif epoch - best_epoch >= _PATIENCE:
            break
    tuned.load_state_dict(best)
    return tuned.eval(), best_epoch
