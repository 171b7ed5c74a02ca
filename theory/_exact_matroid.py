"""The greedy choice of force constants, checked in exact arithmetic."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forward.force_field import LinearForceField
from ..forward.response import HarmonicResponse
from ..forward.response_jacobian import response_blocks
from ._isospectral import present_factors
from ._observables import is_visible, observed_factors
from .exact import ExactProblem, exact_jacobian

__all__ = ["exact_grades"]

_log = logging.getLogger(__name__)


def exact_grades(
    response: HarmonicResponse,
    force_field: LinearForceField,
    weights: NDArray[np.float64],
    fitted: NDArray[np.int64],
    observables: tuple[str, ...],
) -> tuple[str, str]:
    """How well it is known that the fitted constants are determined, and that no set of larger weight is.

    Modulo a prime, at a random force field, columns that are independent are so generically: "certified". That the
    others depend on them holds there; elsewhere up to the Schwartz-Zippel bound: "probabilistic". Where redundant
    coordinates make constants dependent, the exact model has other columns: then only the fitted constants are looked
    at, and the optimality stays "numerical".
    """
    problem = _problem(response, force_field, force_field.basis, observables)
    if problem.n_parameters != force_field.n_parameters or problem.entries is None:
        alone = _problem(response, force_field, force_field.basis[fitted], observables)
        sure = alone.n_parameters == len(fitted) == int(exact_jacobian(alone).rank())
        return "certified" if sure else "numerical", "numerical"
    # equal weights: those that were taken first, so that another choice among equals is no contradiction
    order = np.lexsort((~np.isin(np.arange(len(weights)), fitted), -weights))
    pivots = order[_pivots(exact_jacobian(problem), order)]
    if set(pivots.tolist()) == set(fitted.tolist()):
        return "certified", "probabilistic"
    _log.warning(
        "supported_force_field: modulo a prime %d constants are taken, in floating point %d; %d are common.",
        len(pivots),
        len(fitted),
        len(set(pivots.tolist()) & set(fitted.tolist())),
    )
    return "numerical", "numerical"


def _problem(
    response: HarmonicResponse, force_field: LinearForceField, basis: NDArray[np.float64], observables: tuple[str, ...]
) -> ExactProblem:
    blocks = response_blocks(response, force_field.coordinates, basis=basis)
    there = [present_factors(block.intensities) for block in blocks]
    seen = [is_visible(factors, observables) for factors in there]
    shown = [
        replace(block, intensities=observed_factors(factors, observables))
        for block, factors in zip(blocks, there, strict=True)
    ]
    return ExactProblem.from_blocks(shown, visible=seen)


def _pivots(matrix: Any, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions in ``order`` of the pivots of the echelon form: each column that is independent of those before."""
    rows, columns = matrix.nrows(), matrix.ncols()
    entries = np.array([int(x) for x in matrix.entries()], dtype=object).reshape(rows, columns)[:, order]
    reduced, rank = type(matrix)(rows, columns, entries.ravel().tolist(), matrix.modulus()).rref()
    pivots, column = [], 0
    for row in range(rank):
        while int(reduced[row, column]) == 0:
            column += 1
        pivots.append(column)
    return np.array(pivots, dtype=np.int64)
