"""Alignment of latents by optimal transport: maps from one instrument's distribution to another's."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import MissingPackageError, ModelError
from ._sample_losses import sinkhorn_divergence, squared_distances

__all__ = ["LatentAlignment", "sinkhorn_align"]

_SINKHORN_STEPS = 5000


@dataclass(frozen=True, eq=False)
class AffineMap:
    """z -> z @ matrix + offset, with ``matrix`` (k, k) and ``offset`` (k,)."""

    matrix: Tensor
    offset: Tensor

    def __call__(self, latents: Tensor) -> Tensor:
        """The images (n, k)."""
        return latents @ self.matrix.to(latents) + self.offset.to(latents)


@dataclass(frozen=True, eq=False)
class TransportMap:
    """z -> z + T(z) - T0(z), the barycentric maps of ``anchors`` onto ``targets`` and onto themselves.

    Attributes
    ----------
    anchors, targets : Tensor (n, k), (m, k)
    anchor_potentials, target_potentials : Tensor (n,), (m,)
        Logarithmic potentials of the two entropic transports, with the weights of the samples.
    epsilon : float
    """

    anchors: Tensor
    targets: Tensor
    anchor_potentials: Tensor
    target_potentials: Tensor
    epsilon: float

    def __call__(self, latents: Tensor) -> Tensor:
        """The images (n, k), of anchors or of new latents."""
        z = latents.to(self.anchors)
        there = _barycentres(z, self.targets, self.target_potentials, self.epsilon)
        back = _barycentres(z, self.anchors, self.anchor_potentials, self.epsilon)
        return (z + there - back).to(latents)


@dataclass(frozen=True, eq=False)
class LatentAlignment:
    """A map of latents from one instrument's distribution to another's; call it on latents (n, k).

    Attributes
    ----------
    method : {"offset", "affine", "barycentric"}
    epsilon : float
        Of the transport it was fitted with.
    map : AffineMap or TransportMap
    divergence_before, divergence_after : float
        Sinkhorn divergence of the two samples that it was fitted on.
    """

    method: str
    epsilon: float
    map: AffineMap | TransportMap
    divergence_before: float
    divergence_after: float

    def __call__(self, latents: Tensor) -> Tensor:
        """The latents (n, k), seen or new, as the other instrument would have given them."""
        return self.map(latents)

    def as_dict(self) -> dict[str, Any]:
        """Method, epsilon and the divergences, as plain values."""
        names = ("method", "epsilon", "divergence_before", "divergence_after")
        return {name: getattr(self, name) for name in names}


def sinkhorn_align(
    moved: Tensor,
    onto: Tensor,
    *,
    method: Literal["offset", "affine", "barycentric"] = "affine",
    epsilon: float | None = None,
    ridge: float = 0.1,
) -> LatentAlignment:
    """A map that brings latents of one instrument onto the distribution of another's, without pairs.

    The entropic transport plan between the samples gives each latent the mean of where its mass goes; what the plan of
    the sample onto itself does to it (entropic plans shrink) is taken off (A.-A. Pooladian, M. Cuturi, J. Niles-Weed,
    "Debiaser beware", ICML 2022). Aligning a sample with itself is the identity.

    Parameters
    ----------
    moved : Tensor (n, k)
    onto : Tensor (m, k)
    method : {"offset", "affine", "barycentric"}
        "offset": the difference of the means. "affine": the affine map closest to the transport in least squares.
        "barycentric": the transport itself, at new latents by its potentials (A.-A. Pooladian, J. Niles-Weed,
        arXiv:2109.12004); it needs samples that cover the distribution.
    epsilon : float, optional
        Of the transport, more than 0; half the mean squared distance between the samples, brought to one mean, if not
        given.
    ridge : float
        For "affine": penalty on the deviation of the matrix from 1, in units of the mean variance of ``moved`` times
        k/n, so that few latents in many dimensions move little more than their mean.

    Raises
    ------
    ModelError
        Latents of different dimensions, fewer than one, not finite; an unknown method.
    MissingPackageError
        Without POT.

    Examples
    --------
    >>> z = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    >>> alignment = sinkhorn_align(z + 2, z)
    >>> bool((alignment(z + 2) - z).abs().max() < 1e-4)
    True
    """
    if method not in ("offset", "affine", "barycentric"):
        raise ModelError(f"sinkhorn_align(method={method!r}): choose offset, affine or barycentric.")
    if moved.ndim != 2 or onto.ndim != 2 or moved.shape[1] != onto.shape[1] or not len(moved) or not len(onto):
        raise ModelError(f"sinkhorn_align: latents {tuple(moved.shape)}, {tuple(onto.shape)}; (n, k), (m, k) needed.")
    x, y = moved.detach().double(), onto.detach().double()
    if not (torch.isfinite(x).all() and torch.isfinite(y).all()):
        raise ModelError("sinkhorn_align: latents that are NaN or infinite cannot be aligned.")
    if epsilon is None:
        centred = squared_distances(x - x.mean(0), y - y.mean(0))
        epsilon = 0.5 * float(centred.mean()) or 1.0
    if epsilon <= 0:
        raise ModelError(f"sinkhorn_align: epsilon {epsilon:g}; a number above 0 is needed.")
    fitted = _fit(x, y, method, epsilon, ridge)
    return LatentAlignment(
        method=method,
        epsilon=epsilon,
        map=fitted,
        divergence_before=float(sinkhorn_divergence(x, y, epsilon)),
        divergence_after=float(sinkhorn_divergence(fitted(x), y, epsilon)),
    )


def _fit(x: Tensor, y: Tensor, method: str, epsilon: float, ridge: float) -> AffineMap | TransportMap:
    unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    if method == "offset":
        return AffineMap(unit, y.mean(0) - x.mean(0))
    transport = TransportMap(x, y, _potentials(x, x, epsilon), _potentials(x, y, epsilon), epsilon)
    if method == "barycentric":
        return transport
    centred = x - x.mean(0)
    change = transport(x) - x
    # n times the penalty of the docstring, as the sums over the sample are n times its means
    penalty = (ridge * x.shape[1] * centred.square().mean()).clamp(min=torch.finfo(x.dtype).tiny)
    matrix = unit + torch.linalg.solve(centred.T @ centred + penalty * unit, centred.T @ (change - change.mean(0)))
    return AffineMap(matrix, y.mean(0) - x.mean(0) @ matrix)


def _potentials(x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """Logarithmic potentials (m,) of the targets y in the entropic transport from x to y, weights included."""
    try:
        from ot.bregman import sinkhorn_log
    except ImportError as error:
        raise MissingPackageError.of_extra("sinkhorn_align needs POT", "ml") from error
    n, m = len(x), len(y)
    even = x.new_full((n,), 1 / n), x.new_full((m,), 1 / m)
    centre = y.mean(0)
    cost = squared_distances(x - centre, y - centre)
    result: Any = sinkhorn_log(*even, cost, epsilon, numItermax=_SINKHORN_STEPS, stopThr=1e-9, log=True)
    return result[1]["log_v"]


def _barycentres(z: Tensor, targets: Tensor, potentials: Tensor, epsilon: float) -> Tensor:
    """Mean (n, k) of the targets, weighted by where the transport sends mass at z (n, k)."""
    centre = targets.mean(0)
    exponents = potentials - squared_distances(z - centre, targets - centre) / epsilon
    return exponents.softmax(-1) @ targets
