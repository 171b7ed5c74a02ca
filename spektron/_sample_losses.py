"""Losses that compare two samples as wholes: their dependence, and the distance of their distributions."""

from typing import cast

import torch
from torch import Tensor

from ..errors import MissingPackageError, ModelError

__all__ = ["full_precision", "hsic", "sinkhorn_divergence", "squared_distances"]

_SINKHORN_STEPS = 5000


def hsic(x: Tensor, y: Tensor, *, normalised: bool = True) -> Tensor:
    """Dependence of two variables over a batch by the Hilbert-Schmidt independence criterion.

    tr(K H L H) / (n - 1)^2, biased and so never negative (A. Gretton et al., ALT 2005, def. 2), with Gaussian kernels
    whose width is the median distance; ``normalised`` divides by the square root of HSIC(x, x) HSIC(y, y), which makes
    it 1 for y = x (C. Cortes et al., JMLR 13, 795, 2012). 0 if one of the two is constant; independent samples give a
    positive number of order 1/n. Time and memory O(n^2).

    Parameters
    ----------
    x, y : Tensor (n, k), or (n,) of integers
        Values, or classes (instruments, say), which are alike only if they are equal.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ModelError(
            f"hsic: samples {tuple(x.shape)} and {tuple(y.shape)}; the same number of rows >= 2 is needed."
        )
    dtype = torch.promote_types(_float_type(x), _float_type(y))
    kernel_x, kernel_y = _centred(_kernel(x, dtype)), _centred(_kernel(y, dtype))
    cross = (kernel_x * kernel_y).sum()
    if not normalised:
        return cross / (len(x) - 1) ** 2
    scale = (kernel_x.square().sum() * kernel_y.square().sum()).clamp(min=torch.finfo(dtype).tiny)
    return cross / torch.sqrt(scale)


def sinkhorn_divergence(x: Tensor, y: Tensor, epsilon: float | None = None, *, tolerance: float = 1e-7) -> Tensor:
    """Debiased entropic optimal-transport distance between two samples, 0 for the same sample and positive otherwise.

    OT(x, y) - OT(x, x)/2 - OT(y, y)/2 for the squared Euclidean cost, with OT = min <P, C> + epsilon KL(P | a b) (J.
    Feydy et al., AISTATS 2019, eq. 3), solved by POT in the logarithmic domain and in float64. The gradient is that at
    the optimum (the plan times the gradient of the cost). No pairing of the rows is used.

    Parameters
    ----------
    x : Tensor (n, k)
    y : Tensor (m, k)
    epsilon : float, optional
        In units of the cost, more than 0; half the mean squared distance between the samples if not given. A large one
        compares little but the means; a small one compares point by point and then tells two small samples of one
        distribution apart (in 16 even dimensions, for n = m = 200: 12 at 0.05 of the mean squared distance, 0.6 at
        half, where a shift by 1 adds 0.9).
    tolerance : float
        On the marginals of the plan. POT warns if it is not reached.

    Raises
    ------
    MissingPackageError
        Without POT.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or not len(x) or not len(y):
        raise ModelError(
            f"sinkhorn_divergence: samples {tuple(x.shape)} and {tuple(y.shape)}; (n, k) and (m, k) needed."
        )
    centre = torch.cat([x, y]).mean(0).detach()  # distances do not change, rounding does
    x, y = full_precision(x - centre), full_precision(y - centre)
    cost = squared_distances(x, y)
    if epsilon is None:
        epsilon = 0.5 * float(cost.detach().mean())
        if epsilon == 0:  # all points are one
            return cost.mean()
    if epsilon <= 0:
        raise ModelError(f"sinkhorn_divergence: epsilon {epsilon:g}; a number above 0 is needed.")
    cross = _entropic_cost(cost, epsilon, tolerance)
    within = _entropic_cost(squared_distances(x, x), epsilon, tolerance) + _entropic_cost(
        squared_distances(y, y), epsilon, tolerance
    )
    return cross - 0.5 * within


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared distances (n, m) of the rows of (n, k) and (m, k) by one matrix product; give centred rows."""
    return (x.square().sum(-1)[:, None] + y.square().sum(-1)[None, :] - 2 * x @ y.T).clamp(min=0.0)


def _entropic_cost(cost: Tensor, epsilon: float, tolerance: float) -> Tensor:
    """OT = min <P, C> + epsilon KL(P | a b), weights a, b even; differentiable in the cost by the envelope theorem."""
    try:
        from ot.bregman import sinkhorn_log
    except ImportError as error:
        raise MissingPackageError.of_extra("sinkhorn_divergence needs POT", "ml") from error
    held = cost.detach().double()
    n, m = held.shape
    a, b = held.new_full((n,), 1 / n), held.new_full((m,), 1 / m)
    plan = cast(Tensor, sinkhorn_log(a, b, held, epsilon, numItermax=_SINKHORN_STEPS, stopThr=tolerance))
    divergence = torch.xlogy(plan, plan * (n * m)).sum() - plan.sum() + 1
    value = (plan * held).sum() + epsilon * divergence
    # the value of the optimum, with the gradient of <P, C> at the plan held fixed
    plan = plan.to(cost.dtype)
    return value.to(cost.dtype) + (plan * cost).sum() - (plan * cost.detach()).sum()


def _kernel(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Gaussian kernel (n, n) of the median distance, or equality of integer classes."""
    if not x.is_floating_point():
        rows = x.reshape(len(x), -1)
        return (rows[:, None] == rows[None, :]).all(-1).to(dtype)
    rows = x.reshape(len(x), -1).to(dtype)
    rows = rows - rows.mean(0).detach()  # distances do not change, rounding does
    squares = squared_distances(rows, rows)
    with torch.no_grad():
        upper = torch.triu_indices(len(x), len(x), 1, device=x.device)
        median = squares[upper[0], upper[1]].median().clamp(min=torch.finfo(dtype).tiny)
    return torch.exp(-squares / (2 * median))


def _centred(kernel: Tensor) -> Tensor:
    """H K H with H = 1 - 1/n."""
    return kernel - kernel.mean(0, keepdim=True) - kernel.mean(1, keepdim=True) + kernel.mean()


def full_precision(x: Tensor) -> Tensor:
    """The tensor in float32 at least."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _float_type(x: Tensor) -> torch.dtype:
    return full_precision(x).dtype if x.is_floating_point() else torch.float32
