"""Exact ranks of the views of an identifiability question."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..forward.force_field import LinearForceField
from ..forward.jacobian import numerical_rank
from ..groups.operations import NDArrayFloat
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


def exact_ranks(
    views: Sequence[View], field: LinearForceField | None, reach: NDArrayFloat | None, seed: int
) -> ExactRank:
    """Rank modulo a prime at random points; block ranks by the irreps of the molecule itself.

    ``reach`` (n_y, n_par): the entries of all blocks for the constants of ``field``. Constants that it shows to be
    redundant are left out, because a redundancy between blocks does not survive the rounding of each.
    """
    if field is not None and reach is not None:
        field = _without_redundant(field, reach)
    return exact_rank(exact_problem_of(views, field), seed=seed, points=_POINTS)


def _without_redundant(field: LinearForceField, reach: NDArrayFloat) -> LinearForceField:
    """The model with the constants that a pivoted QR keeps: they reach the same force fields."""
    from scipy.linalg import qr

    triangle, order = qr(reach, mode="r", pivoting=True)
    kept = np.sort(order[: numerical_rank(np.abs(np.diag(triangle))).rank])
    place = np.full(field.n_parameters, -1)
    place[kept] = np.arange(len(kept))
    chosen = place[field.entries[:, 0]] >= 0
    entries = field.entries[chosen].copy()
    entries[:, 0] = place[entries[:, 0]]
    labels = tuple(field.labels[p] for p in kept)
    return replace(
        field, labels=labels, entries=entries, values=field.values[chosen], parameters=field.parameters[kept]
    )
