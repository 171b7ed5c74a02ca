"""Least squares within bounds by Levenberg-Marquardt steps on the normal equations.

`scipy.optimize.least_squares` decomposes the Jacobian (1301 x 100 for a mineral spectrum) by singular values in every
step; forming J^T J and solving it costs a tenth of that, and after scaling by its diagonal the peaks of a spectrum are
far from the condition numbers where the square would hurt. tests/test_peak_fit.py holds the two solutions together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..groups.operations import NDArrayFloat

__all__ = ["LeastSquares", "bounded_least_squares", "covariance"]

_FIRST_DAMPING = 1e-3
_LARGEST_DAMPING = 1e10
_SMALL = 1e-12  # of the largest scaled eigenvalue: below, a direction counts as not determined


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Where the steps ended: parameters, residuals (model minus data), normal matrix J^T J, steps, and if at rest."""

    vector: NDArrayFloat
    residual: NDArrayFloat
    normal: NDArrayFloat
    steps: int
    converged: bool

    @property
    def square_sum(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residual @ self.residual)


def bounded_least_squares(
    model: Callable[[NDArrayFloat], tuple[NDArrayFloat, NDArrayFloat]],
    data: NDArrayFloat,
    start: NDArrayFloat,
    lower: NDArrayFloat,
    upper: NDArrayFloat,
    max_steps: int = 60,
    tolerance: float = 1e-5,
) -> LeastSquares:
    """The least-squares solution between two bounds that lies downhill from ``start``.

    Parameters at a bound towards which the sum still falls rest in that step; the others take a damped Gauss-Newton
    step, clipped to the bounds (damping after Nielsen 1999). At rest when a step lowers the sum by less than
    ``tolerance`` of it: 1e-5 of 1000 points is a change of chi^2 by 0.01, a tenth of a standard error. Each step costs
    one call of ``model``, which returns values (m,) and Jacobian (m, n).
    """
    vector = np.clip(start, lower, upper)
    value, jacobian = model(vector)
    residual = value - data
    cost = float(residual @ residual)
    normal, gradient = _normal(jacobian), jacobian.T @ residual
    damping, growth, steps, converged = _FIRST_DAMPING, 2.0, 0, False
    while steps < max_steps and damping < _LARGEST_DAMPING and not converged:
        steps += 1
        step = _step(vector, gradient, normal, lower, upper, damping)
        trial = np.clip(vector + step, lower, upper)
        moved = trial - vector
        expected = -float(moved @ (2 * gradient + normal @ moved))
        value, jacobian = model(trial)
        trial_residual = value - data
        trial_cost = float(trial_residual @ trial_residual)
        if trial_cost < cost:
            converged = cost - trial_cost < tolerance * cost and expected < 10 * tolerance * cost
            ratio = (cost - trial_cost) / expected if expected > 0 else 0.0
            vector, residual, cost = trial, trial_residual, trial_cost
            normal, gradient = _normal(jacobian), jacobian.T @ residual
            damping *= max(0.1, 1 - (2 * min(ratio, 1.0) - 1) ** 3)
            growth = 2.0
        else:
            converged = abs(expected) < tolerance * cost
            damping *= growth
            growth *= 2
    return LeastSquares(vector, residual, normal, steps, converged)


def _normal(jacobian: NDArrayFloat) -> NDArrayFloat:
    """J^T J by the symmetric rank-k product, half the work of a general one."""
    from scipy.linalg.blas import dsyrk  # type: ignore[attr-defined]

    upper = np.triu(dsyrk(1.0, jacobian.T))
    return upper + np.triu(upper, 1).T


def _step(
    vector: NDArrayFloat,
    gradient: NDArrayFloat,
    normal: NDArrayFloat,
    lower: NDArrayFloat,
    upper: NDArrayFloat,
    damping: float,
) -> NDArrayFloat:
    from scipy.linalg import solve

    resting = ((vector <= lower) & (gradient > 0)) | ((vector >= upper) & (gradient < 0))
    free = np.flatnonzero(~resting & (np.diagonal(normal) > 0))
    step = np.zeros_like(vector)
    if not len(free):
        return step
    scale = np.sqrt(np.diagonal(normal)[free])
    matrix = normal[np.ix_(free, free)] / np.outer(scale, scale)
    matrix[np.diag_indices_from(matrix)] += damping
    step[free] = -solve(matrix, gradient[free] / scale, assume_a="pos") / scale
    return step


def covariance(solution: LeastSquares) -> NDArrayFloat:
    """Covariance (n, n) of the parameters, s^2 (J^T J)^-1 with s^2 = sum of squares / (m - n).

    Directions that the data do not determine (scaled eigenvalue below 1e-12) get that eigenvalue: a large variance.
    """
    n = len(solution.vector)
    diagonal = np.diagonal(solution.normal)
    scale = np.sqrt(np.maximum(diagonal, _SMALL * max(float(diagonal.max()), np.finfo(float).tiny)))
    values, vectors = np.linalg.eigh(solution.normal / np.outer(scale, scale))
    values = np.maximum(values, _SMALL * max(values[-1], np.finfo(float).tiny))
    inverse = (vectors / values) @ vectors.T / scale / scale[:, None]
    return inverse * solution.square_sum / max(len(solution.residual) - n, 1)
