"""Mixture of experts: each token is sent to the most probable of several feed-forward networks."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["FeedForward", "MixtureOfExperts", "Routing"]


@dataclass(frozen=True, eq=False)
class Routing:
    """What a mixture did with a batch of n tokens.

    Attributes
    ----------
    probabilities : Tensor (n, experts)
        Of the router, all experts.
    chosen : Tensor (n, k) of int
        Experts that each token went to.
    """

    probabilities: Tensor
    chosen: Tensor

    @property
    def load(self) -> Tensor:
        """Share (experts,) of the assignments that each expert took; the sum is 1, balanced is 1 / experts."""
        return torch.bincount(self.chosen.flatten(), minlength=self.probabilities.shape[1]) / self.chosen.numel()


class FeedForward(nn.Sequential):
    """Linear, GELU, linear on the last dimension."""

    def __init__(self, width: int, hidden: int, outputs: int | None = None) -> None:
        super().__init__(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, outputs or width))


class MixtureOfExperts(nn.Module):
    """``experts`` feed-forward networks, of which each token uses the ``per_token`` most probable.

    Outputs are weighted by the probabilities renormalised over the chosen (Shazeer et al., arXiv:1701.06538, without
    noise). No token is dropped: capacity is what is asked for, and `Routing.load` reports it.
    """

    def __init__(self, width: int, hidden: int, experts: int, per_token: int) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(FeedForward(width, hidden) for _ in range(experts))
        self.per_token = per_token

    def forward(self, x: Tensor) -> tuple[Tensor, Routing]:
        """Output of the shape of ``x`` (..., width), and the routing of its tokens."""
        flat = x.flatten(0, -2)
        with torch.autocast(x.device.type, enabled=False):  # a rounded router would send ties anywhere
            probabilities = (flat.float() @ self.router.weight.float().T).softmax(-1)
        weights, chosen = probabilities.topk(self.per_token, dim=-1)
        weights = (weights / weights.sum(-1, keepdim=True)).to(x.dtype)
        result = torch.zeros_like(flat)
        for number, expert in enumerate(self.experts):
            tokens, place = (chosen == number).nonzero(as_tuple=True)
            output = expert(flat[tokens]) * weights[tokens, place, None]
            result = result.index_add(0, tokens, output.to(result.dtype))
        return result.view_as(x), Routing(probabilities, chosen)
