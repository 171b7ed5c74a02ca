"""Exact ranks of the views of an identifiability question."""

from collections.abc import Sequence

from ..forward.force_field import LinearForceField
from ._views import View
from .exact import ExactRank, exact_rank
from .exact_problem import ExactProblem

__all__ = ["exact_problem_of", "exact_ranks"]

_POINTS = 2  # a rank below the counting bound is looked for at one more point, modulo another prime


def exact_problem_of(views: Sequence[View], field: LinearForceField | None) -> ExactProblem:
    """The problem rounded to decimals; ``field`` None: all constants that symmetry allows."""
    return ExactProblem.from_coordinates(
        [view.coordinates for view in views],
        [[block.spectral for block in view.blocks] for view in views],
        field,
        visible=[[block.visible for block in view.blocks] for view in views],
        names=[view.name for view in views],
    )


def exact_ranks(views: Sequence[View], field: LinearForceField | None, seed: int) -> ExactRank:
    """Rank modulo a prime at random points; block ranks by the irreps of the molecule itself."""
    return exact_rank(exact_problem_of(views, field), seed=seed, points=_POINTS)
