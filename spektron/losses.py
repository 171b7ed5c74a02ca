"""Losses of a spectral model: plain functions on tensors, each a scalar that is 0 where nothing is wrong.

Every loss is a mean over the spectra (or tokens, or pairs) that count, so its size does not depend on the batch. Masked
entries may hold anything, NaN included: they enter neither the value nor the gradient. Where nothing counts the loss is
0 with a gradient of 0. Half-precision input is computed in float32.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ModelError
from ._physics_losses import (
    baseline_smoothness,
    dispersion,
    integrated_intensity,
    kramers_kronig,
    line_areas,
    mutual_exclusion,
    non_negativity,
)
from ._sample_losses import full_precision, hsic, sinkhorn_divergence

__all__ = [
    "baseline_smoothness",
    "dispersion",
    "gaussian_kl",
    "gradient_reversal",
    "hsic",
    "info_nce",
    "integrated_intensity",
    "kramers_kronig",
    "line_areas",
    "load_balance",
    "masked_bce",
    "masked_huber",
    "masked_reconstruction",
    "mutual_exclusion",
    "non_negativity",
    "sinkhorn_divergence",
    "vib_kl",
    "warm_up",
]


def masked_reconstruction(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared difference over the masked channels only.

    Parameters
    ----------
    predicted, target : Tensor (..., L)
        What the model fills in and what was hidden from it.
    mask : Tensor (..., L) of bool, or (...)
        True where a channel was hidden before the first convolution. Channels that no instrument measured are False.

    Examples
    --------
    >>> hidden = torch.tensor([[True, False]])
    >>> masked_reconstruction(torch.tensor([[1.5, 9.0]]), torch.tensor([[1.0, 0.0]]), hidden).item()
    0.25
    """
    _same_shape("masked_reconstruction", predicted=predicted, target=target)
    chosen = _expanded(mask, predicted, "masked_reconstruction")
    difference = torch.where(chosen, full_precision(predicted) - full_precision(target), 0.0)
    return difference.square().sum() / _count(chosen)


def masked_bce(
    logits: Tensor, labels: Tensor, mask: Tensor | None = None, *, positive_weights: Tensor | None = None
) -> Tensor:
    """Mean binary cross-entropy (nats) of ``logits`` (n, G) against 0/1 ``labels`` (n, G) over the unmasked entries.

    Parameters
    ----------
    logits, labels : Tensor (n, G)
    mask : Tensor (n, G) or (n,) of bool, optional
        True where the label is known.
    positive_weights : Tensor (G,), optional
        Factor on the term of the positive labels of each group, for rare groups.

    Examples
    --------
    >>> round(masked_bce(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])).item(), 4)
    0.6931
    """
    _same_shape("masked_bce", logits=logits, labels=labels)
    chosen = _expanded(mask, logits, "masked_bce")
    safe_logits = torch.where(chosen, full_precision(logits), 0.0)
    safe_labels = torch.where(chosen, labels.to(safe_logits.dtype), 0.0)
    entries = functional.binary_cross_entropy_with_logits(
        safe_logits, safe_labels, pos_weight=positive_weights, reduction="none"
    )
    return torch.where(chosen, entries, 0.0).sum() / _count(chosen)


def masked_huber(predicted: Tensor, target: Tensor, mask: Tensor | None = None, *, delta: float = 1.0) -> Tensor:
    """Mean Huber loss of ``predicted`` (n, P) against ``target`` (n, P) over the unmasked entries.

    Half the squared difference up to ``delta``, linear beyond (P. J. Huber, Ann. Math. Statist. 35, 73, 1964).
    ``mask`` is (n, P) or (n,), True where the target is known.

    Examples
    --------
    >>> masked_huber(torch.tensor([[3.0]]), torch.tensor([[0.0]])).item()
    2.5
    """
    _same_shape("masked_huber", predicted=predicted, target=target)
    chosen = _expanded(mask, predicted, "masked_huber")
    difference = torch.where(chosen, full_precision(predicted) - full_precision(target), 0.0)
    return functional.huber_loss(difference, torch.zeros_like(difference), delta=delta, reduction="sum") / _count(
        chosen
    )


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence (..., d) in nats of N(mean, exp(log_variance)) from N(0, 1), each dimension by itself."""
    _same_shape("gaussian_kl", mean=mean, log_variance=log_variance)
    mean, log_variance = full_precision(mean), full_precision(log_variance)
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance)


def vib_kl(mean: Tensor, log_variance: Tensor, *, free_bits: float = 0.0, present: Tensor | None = None) -> Tensor:
    """KL term of a variational information bottleneck, in nats: summed over dimensions, what is free not counted.

    sum_d max(KL_d - free_bits, 0), with KL_d the mean over the batch of `gaussian_kl` in dimension d (D. P. Kingma et
    al., arXiv:1606.04934, eq. 15, less its constant, so that the loss of an unused latent is 0).

    Parameters
    ----------
    mean, log_variance : Tensor (..., d)
        Of the posterior of each spectrum.
    free_bits : float
        Nats of each dimension that cost nothing.
    present : Tensor (...) of bool, optional
        True for the spectra that exist (a molecule may lack a modality).

    Examples
    --------
    >>> vib_kl(torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2), free_bits=0.5).item()
    1.5
    """
    divergence = gaussian_kl(mean, log_variance).flatten(0, -2)
    if present is not None:
        if present.shape != mean.shape[:-1]:
            raise ModelError(f"vib_kl: present {tuple(present.shape)} does not fit means {tuple(mean.shape)}.")
        rows = present.reshape(-1, 1)
        divergence = torch.where(rows, divergence, 0.0)
        averages = divergence.sum(0) / _count(rows)
    else:
        averages = divergence.mean(0)
    return torch.clamp(averages - free_bits, min=0.0).sum()


def warm_up(step: int, steps: int, *, start: int = 0) -> float:
    """Weight in [0, 1] that rises linearly from 0 at ``start`` to 1 after ``steps`` more.

    Examples
    --------
    >>> [warm_up(step, 100) for step in (0, 25, 100, 500)]
    [0.0, 0.25, 1.0, 1.0]
    """
    if steps <= 0:
        return float(step >= start)
    return min(1.0, max(0.0, (step - start) / steps))


def info_nce(
    first: Tensor, second: Tensor, *, temperature: float | Tensor = 0.07, identity: Tensor | None = None
) -> Tensor:
    """Symmetric contrastive loss of two views (n, k), in nats: row i of one belongs to row i of the other.

    Cross-entropy of the pair among all n candidates by cosine over ``temperature``, mean of both directions (A. van den
    Oord et al., arXiv:1807.03748; symmetric as in A. Radford et al., arXiv:2103.00020). At least log(1 + (n - 1)
    exp(-n / ((n - 1) temperature))), so 0 for a small temperature and for n = 1; log n for embeddings that tell
    nothing.

    Parameters
    ----------
    first, second : Tensor (n, k)
        Embeddings; brought to unit length here.
    temperature : float or 0-d Tensor
        More than 0.
    identity : Tensor (n,) of integers, optional
        What each row shows. Another row with the same identity is not a wrong answer and is left out of the candidates.

    Examples
    --------
    >>> round(info_nce(torch.eye(3), torch.eye(3), temperature=0.1).item(), 5)
    9e-05
    """
    _same_shape("info_nce", first=first, second=second)
    if first.ndim != 2:
        raise ModelError(f"info_nce: views (n, k) are needed, got {tuple(first.shape)}.")
    if isinstance(temperature, float | int) and temperature <= 0:
        raise ModelError(f"info_nce: temperature {temperature:g}; a number above 0 is needed.")
    if not len(first):
        return full_precision(first).sum() + full_precision(second).sum()
    unit_first = functional.normalize(full_precision(first), dim=-1)
    unit_second = functional.normalize(full_precision(second), dim=-1)
    logits = unit_first @ unit_second.T / temperature
    if identity is not None:
        same = identity[:, None] == identity[None, :]
        same.fill_diagonal_(False)
        logits = logits.masked_fill(same, float("-inf"))
    right = torch.arange(len(logits), device=logits.device)
    return 0.5 * (functional.cross_entropy(logits, right) + functional.cross_entropy(logits.T, right))


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None


def gradient_reversal(x: Tensor, weight: float = 1.0) -> Tensor:
    """``x`` itself, whose gradient is multiplied by -``weight`` on the way back.

    A classifier behind it is trained as usual, while what is before it is trained to defeat the classifier (Y. Ganin
    et al., JMLR 17, 59, 2016).

    Examples
    --------
    >>> x = torch.ones(1, requires_grad=True)
    >>> gradient_reversal(x, 0.5).mul(3).sum().backward()
    >>> x.grad
    tensor([-1.5000])
    """
    return _GradientReversal.apply(x, weight)  # type: ignore[return-value]


def load_balance(router_probabilities: Tensor, assignment: Tensor, *, mask: Tensor | None = None) -> Tensor:
    """Excess of a router's load over an even one: E sum_e f_e P_e - 1, 0 where experts are used evenly.

    f_e is the share of assignments to expert e, P_e its mean probability (W. Fedus et al., JMLR 23, 120, 2022, eq. 4,
    less its value at balance). At most E - 1, when one expert gets all. Only P carries a gradient.

    Parameters
    ----------
    router_probabilities : Tensor (..., E)
        Of each token, summing to 1.
    assignment : Tensor (..., k) of integers, or (..., E) of bool or float
        The experts that take each token, by number or as 0/1.
    mask : Tensor (...) of bool, optional
        True for the tokens that count.

    Examples
    --------
    >>> load_balance(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0], [0]])).item()
    1.0
    """
    n_experts = router_probabilities.shape[-1]
    probabilities = full_precision(router_probabilities).reshape(-1, n_experts)
    if assignment.dtype in (torch.int64, torch.int32):
        taken = functional.one_hot(assignment.reshape(len(probabilities), -1).long(), n_experts).sum(1)
    else:
        _same_shape("load_balance", router_probabilities=router_probabilities, assignment=assignment)
        taken = assignment.reshape(-1, n_experts)
    tokens = torch.ones_like(probabilities[:, :1], dtype=torch.bool) if mask is None else mask.reshape(-1, 1)
    load = torch.where(tokens, taken.detach().to(probabilities.dtype), 0.0).sum(0)
    share = load / load.sum().clamp(min=torch.finfo(load.dtype).tiny)
    average = torch.where(tokens, probabilities, 0.0).sum(0) / _count(tokens)
    # a batch without a token has no load to be uneven
    return n_experts * (share * average).sum() - tokens.any().to(load.dtype)


def _expanded(mask: Tensor | None, like: Tensor, caller: str) -> Tensor:
    """The mask as bool in the shape of ``like``; a mask of fewer dimensions covers whole rows."""
    if mask is None:
        return torch.ones_like(like, dtype=torch.bool)
    shape: Sequence[int] = mask.shape
    if mask.ndim > like.ndim or tuple(shape) != tuple(like.shape[: mask.ndim]):
        raise ModelError(f"{caller}: mask {tuple(shape)} does not fit values {tuple(like.shape)} from the left.")
    return mask.bool().reshape(*shape, *(1,) * (like.ndim - mask.ndim)).expand_as(like)


def _count(chosen: Tensor) -> Tensor:
    return chosen.sum().clamp(min=1)


def _same_shape(caller: str, **tensors: Tensor) -> None:
    if len({tensor.shape for tensor in tensors.values()}) > 1:
        shapes = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ModelError(f"{caller}: {shapes}; one shape is needed.")
