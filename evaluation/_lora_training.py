"""The training loops of the transfer methods that change a network: the torch half of `spektron_transfer`."""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import EvaluationError
from ..spektron.adaptation import adapt
from ..spektron.lora import add_lora, lora_parameters, merge_lora
from ._feature_head import FeatureHead, Standardisation
from ._transfer_base import Array

if TYPE_CHECKING:
    from ..spektron.model import Spektron
    from ._spektron_encoder import SpektronEncoder

__all__ = ["convolutional_net", "matched_to_source", "reconstructing", "tuned", "tuned_net"]

_NORMS = (nn.LayerNorm, nn.GroupNorm)
_HELD_OUT = 0.2
_NET_BATCH = 64


def reconstructing(encoder: "SpektronEncoder", prepared: Array, **settings: Any) -> "Spektron":
    """A copy of the encoder's model trained on to fill in hidden channels of prepared spectra (k, channels)."""
    return adapt(
        encoder.model,
        _tensor(prepared).unsqueeze(1),
        objective="masked",
        modalities=(encoder.modality,),
        axis=_tensor(encoder.channels_cm1),
        **settings,
    )


def matched_to_source(
    encoder: "SpektronEncoder", prepared: Array, features: Array, standard: Standardisation, **settings: Any
) -> "Spektron":
    """A copy of the encoder's model that makes of target spectra (k, channels) the features (k, f) of their pairs."""
    spectra, wanted = _tensor(prepared).unsqueeze(1), _tensor(standard(features))
    centre, unit = _tensor(standard.centre), _tensor(standard.unit)

    def difference(model: "Spektron", rows: Tensor) -> Tensor:
        return (((encoder.of(spectra[rows], model) - centre) / unit - wanted[rows]) ** 2).mean()

    return adapt(encoder.model, spectra, objective=difference, **settings)


def tuned(
    encoder: "SpektronEncoder",
    prepared: Array,
    targets: Array,
    standard: Standardisation,
    head: FeatureHead,
    *,
    steps: int,
    rank: int,
    learning_rate: float,
    head_rate: float,
    seed: int,
) -> tuple["Spektron", FeatureHead]:
    """The encoder's model and the head, both trained on with labelled spectra (k, channels), targets (k,).

    The loss is the mean square error of all k spectra. It ends where the error is that of the head's cross-validation
    on the source: the samples tell no more.

    Parameters
    ----------
    targets : ndarray (k,)
        In the units in which the head was fitted.
    """
    model = add_lora(encoder.model, rank, include=_behind_the_tokenizer, seed=seed)
    slow = [p for module in model.trunk.modules() if isinstance(module, _NORMS) for p in module.parameters(False)]
    slow += lora_parameters(model)
    for parameter in slow:
        parameter.requires_grad_(True)
    weights, bias = (nn.Parameter(_tensor(part)) for part in (head.weights, np.array(head.bias)))
    groups = [{"params": slow, "lr": learning_rate}, {"params": [weights, bias], "lr": head_rate}]
    spectra, wanted = _tensor(prepared).unsqueeze(1), _tensor(targets)
    centre, unit = _tensor(standard.centre), _tensor(standard.unit)

    def loss_of() -> Tensor:
        said = ((encoder.of(spectra, model) - centre) / unit) @ weights + bias
        return nn.functional.mse_loss(said, wanted)

    model.eval()
    _descend(groups, loss_of, steps, "LoraTransfer", head.cv_rmse**2)
    new = weights.detach().double().numpy(), float(bias.detach())
    return merge_lora(model).eval(), FeatureHead(*new, head.penalty, head.cv_rmse)


def _behind_the_tokenizer(name: str, parameter: Tensor) -> bool:
    """Matrices of trunk and latent: training on the convolutions would cost twice the time."""
    return name.startswith(("trunk.", "latent.")) and not name.endswith("bias") and parameter.ndim == 2


class _Net(nn.Module):
    """Two convolutions and two linear layers, (b, 1, L) -> (b,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, width, 9, stride=3, padding=4),
            nn.GELU(),
            nn.Conv1d(width, 2 * width, 7, stride=3, padding=3),
            nn.GELU(),
            nn.AdaptiveAvgPool1d(24),
            nn.Flatten(),
            nn.Linear(48 * width, 64),
            nn.GELU(),
        )
        self.output = nn.Linear(64, 1)

    def forward(self, spectra: Tensor) -> Tensor:
        """Standardised targets (b,)."""
        return self.output(self.layers(spectra))[:, 0]


def convolutional_net(
    spectra: Array, targets: Array, *, width: int, epochs: int, learning_rate: float, seed: int
) -> nn.Module:
    """A 1-D convolutional network trained on standardised spectra (n, L) and targets (n,); kept for the next call.

    A fifth of the samples is held out and chooses the epoch.
    """
    x, y = (np.ascontiguousarray(part, dtype=np.float32) for part in (spectra, targets))
    return _trained_net(x.tobytes(), y.tobytes(), len(y), width, epochs, learning_rate, seed)


@lru_cache(maxsize=8)
def _trained_net(x: bytes, y: bytes, n: int, width: int, epochs: int, learning_rate: float, seed: int) -> nn.Module:
    spectra = torch.frombuffer(bytearray(x), dtype=torch.float32).view(n, 1, -1)
    targets = torch.frombuffer(bytearray(y), dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _Net(width)
    order = torch.as_tensor(np.random.default_rng(seed).permutation(n))
    held, kept = order[: max(1, round(_HELD_OUT * n))], order[max(1, round(_HELD_OUT * n)) :]
    best, best_loss = {name: value.clone() for name, value in net.state_dict().items()}, float("inf")
    optimiser = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=1e-2)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in kept[torch.randperm(len(kept), generator=generator)].split(_NET_BATCH):
            optimiser.zero_grad()
            nn.functional.mse_loss(net(spectra[rows]), targets[rows]).backward()
            optimiser.step()
        with torch.no_grad():
            loss = float(nn.functional.mse_loss(net(spectra[held]), targets[held]))
        if loss < best_loss:
            best, best_loss = {name: value.clone() for name, value in net.state_dict().items()}, loss
    if not np.isfinite(best_loss):
        raise EvaluationError(f"training of the network diverged (learning rate {learning_rate:g}): lower the rate.")
    net.load_state_dict(best)
    return net.eval()


def tuned_net(
    net: nn.Module, spectra: Array, targets: Array, *, steps: int, rank: int, learning_rate: float, seed: int
) -> nn.Module:
    """A copy of the network with low-rank updates and the output layer trained on labelled spectra (k, L).

    The bias of the output is corrected by the mean error first.
    """
    changed = add_lora(net, rank, seed=seed)
    x, y = _tensor(spectra).unsqueeze(1), _tensor(targets)
    with torch.no_grad():
        changed.get_submodule("output").get_parameter("bias").add_((y - changed(x)).mean())
    output = list(changed.get_submodule("output").parameters())
    for parameter in output:
        parameter.requires_grad_(True)
    groups = [{"params": [*lora_parameters(changed), *output], "lr": learning_rate}]
    _descend(groups, lambda: nn.functional.mse_loss(changed(x), y), steps, "ConvolutionalLora")
    return merge_lora(changed).eval()


def _descend(
    groups: list[dict[str, Any]], loss_of: Callable[[], Tensor], steps: int, who: str, enough: float = 0.0
) -> None:
    """AdamW without weight decay, until the loss is ``enough``; the parameters of the least loss stay."""
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    parameters = [parameter for group in groups for parameter in group["params"]]
    best, least = [parameter.detach().clone() for parameter in parameters], float("inf")
    for step in range(steps + 1):
        loss = loss_of()
        if not torch.isfinite(loss):
            raise EvaluationError(f"{who}: the loss of step {step + 1} is {float(loss)}; lower the learning rate.")
        if (now := float(loss.detach())) < least:
            best, least = [parameter.detach().clone() for parameter in parameters], now
        if least <= enough or step == steps:
            break
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    with torch.no_grad():
        for parameter, value in zip(parameters, best, strict=True):
            parameter.copy_(value)


def _tensor(values: Any) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=torch.float32)
