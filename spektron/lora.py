"""Low-rank adaptation of any module: weights W + (alpha / rank) U V with small U, V trained and W held.

E. J. Hu et al., arXiv:2106.09685. By `torch.nn.utils.parametrize`, so that code which reads ``module.weight`` sees the
adapted weight and no layer is replaced. All functions return a new model and leave the one given as it is.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import ModelError

__all__ = ["LowRankUpdate", "add_lora", "lora_parameters", "merge_lora"]

Model = TypeVar("Model", bound=nn.Module)
_OSCILLATOR_MATRICES = ("B", "C")  # into and out of a layer of oscillators


class LowRankUpdate(nn.Module):
    """The map W -> W + (alpha / rank) up @ down on a weight (out, ...), whose trailing dimensions are taken as one.

    Attributes
    ----------
    down : Parameter (rank, in)
        Random at first.
    up : Parameter (out, rank)
        0 at first, so that the update starts at 0 exactly.
    place : int
        Of the weight among the parameters of its module, where `merge_lora` puts it back.
    """

    def __init__(self, weight: Tensor, rank: int, alpha: float, place: int, generator: torch.Generator) -> None:
        super().__init__()
        self.place = place
        rows, columns = weight.shape[0], weight[0].numel()
        draw = torch.randn(rank, columns, generator=generator, dtype=torch.float64) / columns**0.5
        self.down = nn.Parameter(draw.to(weight))
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        self.scale = alpha / rank

    def forward(self, weight: Tensor) -> Tensor:
        """The adapted weight."""
        return weight + self.scale * (self.up @ self.down).view_as(weight)


def add_lora(
    model: Model,
    rank: int,
    *,
    alpha: float | None = None,
    include: Callable[[str, Tensor], bool] | None = None,
    seed: int = 0,
) -> Model:
    """A copy of the model that computes the same, with low-rank updates on its matrices; only these are trained.

    Parameters
    ----------
    model : nn.Module
    rank : int
        Of each update. Matrices whose smaller side is not larger than it are left alone: the update would cost more
        parameters than the matrix has.
    alpha : float, optional
        The update is multiplied by alpha / rank; ``rank`` if not given.
    include : callable, optional
        Of the full name and the parameter: whether it gets an update. Default: ``weight`` of linear maps and
        convolutions (norms, embeddings and depthwise convolutions not), and ``B`` and ``C`` of oscillator layers.
    seed : int
        Of the initial values.

    Raises
    ------
    ModelError
        A rank below 1, a model that has updates already, or none of whose parameters gets one.

    Examples
    --------
    >>> model = nn.Linear(20, 10)
    >>> adapted = add_lora(model, rank=2)
    >>> sum(p.numel() for p in adapted.parameters() if p.requires_grad), len(lora_parameters(adapted))
    (60, 2)
    """
    if rank < 1:
        raise ModelError(f"add_lora: rank {rank}; 1 or more is needed.")
    if any(True for _ in _updates(model)):
        raise ModelError("add_lora: the model has low-rank updates already; merge_lora makes them part of the weights.")
    copy = _copied(model).requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    found = 0
    for module_name, module in list(copy.named_modules()):
        for place, (name, parameter) in enumerate(list(module.named_parameters(recurse=False))):
            full_name = f"{module_name}.{name}" if module_name else name
            wanted = include(full_name, parameter) if include else _is_matrix(module, name)
            if wanted and parameter.ndim >= 2 and min(parameter.shape[0], parameter[0].numel()) > rank:
                update = LowRankUpdate(parameter, rank, float(rank if alpha is None else alpha), place, generator)
                parametrize.register_parametrization(module, name, update)
                found += 1
    if not found:
        raise ModelError(f"add_lora: no matrix of the {type(model).__name__} gets an update of rank {rank}.")
    return copy


def merge_lora(model: Model) -> Model:
    """A copy of the model with the updates made part of the weights: plain again, all parameters trained.

    Names, shapes and order of the parameters are those of the model before `add_lora`.

    Raises
    ------
    ModelError
        A model without updates.
    """
    if not any(True for _ in _updates(model)):
        raise ModelError("merge_lora: the model has no low-rank updates.")
    copy = _copied(model)
    for module in list(copy.modules()):
        if not parametrize.is_parametrized(module):
            continue
        lists = cast(nn.ModuleDict, module.parametrizations)
        places = {
            name: part.place
            for name, parts in lists.items()
            for part in cast(nn.ModuleList, parts)
            if isinstance(part, LowRankUpdate)
        }
        for name in places:
            parametrize.remove_parametrizations(module, name, leave_parametrized=True)
        names = [name for name in module._parameters if name not in places]  # torch adds what it restores at the end
        for name in sorted(places, key=places.__getitem__):
            names.insert(places[name], name)
        module._parameters = {name: module._parameters[name] for name in names}
    return copy.requires_grad_(True)


def lora_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The factors ``down`` and ``up`` of all updates."""
    return [parameter for update in _updates(model) for parameter in (update.down, update.up)]


def _copied(model: Model) -> Model:
    """A deep copy whose parametrized modules have classes of their own.

    torch puts the adapted weight as a property on a class made for the module, which a plain deep copy shares: removing
    the property from the copy would take it from the original.
    """
    copy = deepcopy(model)
    for module in copy.modules():
        if parametrize.is_parametrized(module):
            kind = type(module)
            members = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
            module.__class__ = type(kind.__name__, kind.__bases__, members)  # pyright: ignore[reportAttributeAccessIssue]
    return copy


def _updates(model: nn.Module) -> Iterator[LowRankUpdate]:
    return (module for module in model.modules() if isinstance(module, LowRankUpdate))


def _is_matrix(module: nn.Module, name: str) -> bool:
    if name == "weight":
        grouped = isinstance(module, nn.Conv1d | nn.Conv2d) and module.groups > 1
        return isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d) and not grouped
    return name in _OSCILLATOR_MATRICES
