"""Regressions that hold the confounders: which columns can be told apart, and whether a finite estimate exists."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError, MissingPackageError

__all__ = ["Association", "Controls", "inflation", "is_separated", "least_squares", "logistic", "z_scored"]

Array = NDArray[np.float64]
Numbers = tuple[float, float, float, float]  # estimate, low, high, p
_LARGEST_INFLATION = 100.0


@dataclass(frozen=True)
class Association:
    """Coefficient of one column of a regression, the others held.

    Attributes
    ----------
    name : str
        The column, z-scored where it is no indicator.
    scale : {"log odds", "linear"}
    coefficient, low, high : float or None
        None where it was refused.
    level : float
        Of the interval.
    p_value : float or None
    n, n_clusters : int
    inflation : float
        Variance inflation of the column: 1 / (1 - R2) of it on the others.
    controls, left_out : tuple of str
        Columns that were held; columns that the others determine.
    refused : str
        Why there is no estimate; "".
    """

    name: str
    scale: str
    coefficient: float | None
    low: float | None
    high: float | None
    level: float
    p_value: float | None
    n: int
    n_clusters: int
    inflation: float
    controls: tuple[str, ...]
    left_out: tuple[str, ...]
    refused: str = ""

    @property
    def odds_ratio(self) -> tuple[float, float, float] | None:
        """Ratio of odds with its interval (value, low, high); None on a linear scale or where refused."""
        if self.scale != "log odds" or self.coefficient is None or self.low is None or self.high is None:
            return None
        return exp(self.coefficient), exp(self.low), exp(self.high)

    def opposes(self, value: float) -> bool:
        """Whether the interval lies wholly on the other side of 0 from ``value``."""
        if self.low is None or self.high is None:
            return False
        return self.high < 0 < value or value < 0 < self.low

    def __str__(self) -> str:
        if self.refused:
            return f"regression on {self.name} refused: {self.refused}"
        ratio = self.odds_ratio
        shown = ("odds ratio", *ratio) if ratio else ("coefficient", self.coefficient, self.low, self.high)
        return (
            f"{self.name}: {shown[0]} {shown[1]:.3f} ({100 * self.level:.4g} % interval {shown[2]:.3f} to "
            f"{shown[3]:.3f}; p = {self.p_value:.2g}, n = {self.n}, variance inflation {self.inflation:.1f})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values, with the odds ratio where there is one."""
        return {**asdict(self), "odds_ratio": self.odds_ratio}


@dataclass(frozen=True, eq=False)
class Controls:
    """Columns that a regression holds.

    Attributes
    ----------
    columns : ndarray (n, k)
        z-scored.
    names, left_out : tuple of str
        Of the columns; of candidates that the others determine.
    """

    columns: Array
    names: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, values: Array, names: Sequence[str]) -> "Controls":
        """Columns (n, n_names) and their squares, without those that the ones before determine.

        Determined means constant, or of variance inflation above 100 beside the columns already taken.

        Examples
        --------
        >>> n_atoms = np.array([3.0, 4, 6, 9])
        >>> held = Controls.of(np.column_stack([n_atoms, 3 * n_atoms - 6]), ["n_atoms", "n_vib"])
        >>> held.names, held.left_out
        (('n_atoms', 'n_atoms squared'), ('n_vib', 'n_vib squared'))
        """
        z = _z_scored(values)
        candidates = [(name, z[:, k]) for k, name in enumerate(names)]
        squares = _z_scored(z**2)
        candidates += [(f"{name} squared", squares[:, k]) for k, name in enumerate(names)]
        taken = np.empty((len(values), 0))
        kept: list[str] = []
        left_out: list[str] = []
        for name, column in candidates:
            if inflation(column, taken) > _LARGEST_INFLATION:
                left_out.append(name)
            else:
                taken = np.column_stack([taken, column])
                kept.append(name)
        return cls(taken, tuple(kept), tuple(left_out))

    def repeated(self, times: int) -> "Controls":
        """The same for rows that stand ``times`` times, one block after the other."""
        return Controls(np.tile(self.columns, (times, 1)), self.names, self.left_out)

    def with_columns(self, columns: Array, names: Sequence[str]) -> "Controls":
        """With further columns (n, m), taken as they are."""
        return Controls(np.column_stack([self.columns, columns]), (*self.names, *names), self.left_out)


def inflation(column: Array, others: Array) -> float:
    """Variance inflation 1 / (1 - R2) of a column (n,) regressed on others (n, k) and a constant; inf if determined."""
    centred = column - column.mean()
    total = float(centred @ centred)
    if total <= 1e-12 * max(1.0, float(column @ column)):
        return float("inf")
    beside = others - others.mean(axis=0)
    fitted = beside @ np.linalg.lstsq(beside, centred, rcond=None)[0] if others.size else np.zeros_like(centred)
    left = float(((centred - fitted) ** 2).sum()) / total
    return float("inf") if left < 1e-10 else 1 / left


def is_separated(hits: Array, design: Array) -> bool:
    """Whether a combination of columns splits hits from misses, wholly or but for ties: no finite estimate then exists.

    Linear programme of K. Konis (thesis, Oxford 2007); a hit between 0 and 1 stands on both sides.

    Examples
    --------
    >>> is_separated(np.array([0.0, 0, 1, 1]), np.array([[1.0, 1], [1, 2], [1, 3], [1, 4]]))
    True
    >>> is_separated(np.array([0.0, 1, 0, 1]), np.array([[1.0, 1], [1, 2], [1, 3], [1, 4]]))
    False
    """
    from scipy.optimize import linprog

    rows = np.concatenate([design[hits > 0], -design[hits < 1]])
    found = linprog(-rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1), method="highs")
    if found.status != 0:
        raise EvaluationError(f"The search for separation in {rows.shape} hits did not end: {found.message}")
    return bool(-found.fun > 1e-6 * max(1.0, float(np.abs(rows).max())))


def logistic(
    hits: Array, judged: Array, name: str, controls: Controls, clusters: NDArray[Any], level: float
) -> Association:
    """Log odds of a hit for one unit of ``judged``, controls held; sandwich errors over clusters.

    Generalised estimating equations with independent working correlation (K.-Y. Liang and S. L. Zeger, Biometrika 73,
    13 (1986)), as a binomial model with a clustered covariance, which are the same equations. Hits between 0 and 1 are
    allowed (L. E. Papke and J. M. Wooldridge, J. Appl. Econom. 11, 619 (1996)).
    """
    design = np.column_stack([np.ones(len(hits)), judged, controls.columns])
    held = inflation(judged, controls.columns)
    refused = "the controls determine the column" if not np.isfinite(held) else ""
    if not refused and is_separated(hits, design):
        refused = "the data are separated: a combination of the columns tells all hits from misses"
    estimate = None
    if not refused:
        glm, binomial, _ = _statsmodels()
        fit = glm(hits, design, family=binomial()).fit()
        refused = "" if fit.converged else "the fit did not converge"
        estimate = None if refused else _sandwich(fit.params, hits, design, clusters, level)
    return _association(name, "log odds", estimate, held, controls, level, len(np.unique(clusters)), len(hits), refused)


def _sandwich(params: Array, hits: Array, design: Array, clusters: NDArray[Any], level: float) -> Numbers:
    """Second coefficient, its interval and p; standard error by clusters, with the usual correction for few of them.

    By hand, as statsmodels divides by the variance of a hit, which is 0 where a fitted share rounds to 1.
    """
    from scipy.special import expit, ndtr, ndtri

    eta = design @ params
    bread = np.linalg.pinv(design.T @ (design * (expit(eta) * expit(-eta))[:, None]))
    groups, index = np.unique(clusters, return_inverse=True)
    scores = np.zeros((len(groups), design.shape[1]))
    np.add.at(scores, index, design * (hits - expit(eta))[:, None])
    n, k, g = *design.shape, len(groups)
    covariance = bread @ (scores.T @ scores) @ bread * (g / (g - 1) * (n - 1) / (n - k))
    value, error = float(params[1]), float(np.sqrt(covariance[1, 1]))
    half = float(ndtri((1 + level) / 2)) * error
    return value, value - half, value + half, float(2 * ndtr(-abs(value) / error))


def least_squares(response: Array, judged: Array, name: str, controls: Controls, level: float) -> Association:
    """Change of the response for one unit of ``judged``, controls held; HC3 errors, Student's quantile.

    J. G. MacKinnon and H. White, J. Econom. 29, 305 (1985).
    """
    held, n = inflation(judged, controls.columns), len(response)
    refused = "" if np.isfinite(held) else "the controls determine the column"
    if n <= controls.columns.shape[1] + 2:
        refused = f"{n} molecules for {controls.columns.shape[1] + 2} coefficients"
    estimate = None
    if not refused:
        design = np.column_stack([np.ones(n), judged, controls.columns])
        fit = _statsmodels()[2](response, design).fit(cov_type="HC3", use_t=True)
        low, high = fit.conf_int(alpha=1 - level)[1]
        estimate = (float(fit.params[1]), float(low), float(high), float(fit.pvalues[1]))
    return _association(name, "linear", estimate, held, controls, level, n, n, refused)


def _association(
    name: str,
    scale: str,
    estimate: Numbers | None,
    held: float,
    controls: Controls,
    level: float,
    n_clusters: int,
    n: int,
    refused: str,
) -> Association:
    """Of the coefficient that is judged, its interval and p; None: refused."""
    if estimate is not None and not np.isfinite(np.array(estimate)).all():
        estimate, refused = None, "the fit has no finite estimate or error"
    coefficient, low, high, p_value = estimate or (None, None, None, None)
    return Association(
        name,
        scale,
        coefficient,
        low,
        high,
        level,
        p_value,
        n,
        n_clusters,
        held,
        controls.names,
        controls.left_out,
        refused,
    )


def z_scored(column: Any) -> Array:
    """Mean 0 and deviation 1; a constant column is 0 everywhere."""
    return _z_scored(np.asarray(column, dtype=float)[:, None])[:, 0]


def _z_scored(values: Array) -> Array:
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def _statsmodels() -> tuple[Any, Any, Any]:
    """GLM, its binomial family, OLS; without statsmodels.api, which takes longer to load."""
    try:
        from statsmodels.genmod.families import Binomial
        from statsmodels.genmod.generalized_linear_model import GLM
        from statsmodels.regression.linear_model import OLS
    except ImportError as error:
        raise MissingPackageError.of_extra("regressions need statsmodels", "evaluation") from error
    return GLM, Binomial, OLS
