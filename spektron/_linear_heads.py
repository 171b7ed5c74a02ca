"""Ridge and PLS for all penalties at once: one decomposition for each fold of a cross-validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..groups.operations import NDArrayFloat

__all__ = ["cross_validated", "linear_head"]


def cross_validated(
    features: NDArrayFloat, targets: NDArrayFloat, head: str, penalties: Sequence[float], folds: Any, scaled: bool
) -> NDArrayFloat:
    """Root mean square errors (k,) of the cross-validation for every penalty, mean over standardised targets.

    Parameters
    ----------
    features : ndarray (n, p)
    targets : ndarray (n, t)
    head : {"ridge", "pls"}
    penalties : sequence of k float
        Of the ridge; for PLS the numbers of components 1 ... k.
    folds : splitter of scikit-learn
    scaled : bool
        Features are divided by their standard deviation.
    """
    deviation = targets.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    errors = np.zeros(len(penalties))
    for train, test in folds.split(features):
        path = _ridge_path if head == "ridge" else _pls_path
        said = path(features[train], targets[train], features[test], penalties, scaled)
        errors += (((said - targets[test]) / deviation) ** 2).sum(axis=(1, 2))
    return np.sqrt(errors / targets.size)


def linear_head(head: str, penalty: float, scaled: bool) -> Any:
    """The regressor of scikit-learn that `cross_validated` speaks of, not fitted."""
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if head == "pls":
        return PLSRegression(int(penalty), scale=scaled)
    return make_pipeline(StandardScaler(with_std=scaled), Ridge(alpha=penalty, solver="svd"))


def _ridge_path(
    x: NDArrayFloat, y: NDArrayFloat, new: NDArrayFloat, penalties: Sequence[float], scaled: bool
) -> NDArrayFloat:
    """Predictions (k, n', t) for every penalty, from one singular value decomposition."""
    centre = x.mean(axis=0)
    unit = x.std(axis=0) if scaled else np.ones(x.shape[1])
    unit = np.where(unit > 10 * np.finfo(float).eps * np.maximum(np.abs(centre), 1e-300), unit, 1.0)
    left, values, right = np.linalg.svd((x - centre) / unit, full_matrices=False)
    inner = left.T @ (y - y.mean(axis=0))
    projected = ((new - centre) / unit) @ right.T
    squares = values**2 + np.asarray(penalties)[:, None]
    return projected @ ((values / squares)[:, :, None] * inner) + y.mean(axis=0)


def _pls_path(
    x: NDArrayFloat, y: NDArrayFloat, new: NDArrayFloat, penalties: Sequence[float], scaled: bool
) -> NDArrayFloat:
    """Predictions (k, n', t) with the first 1 ... k components of one fit."""
    fitted = linear_head("pls", len(penalties), scaled).fit(x, y)
    scores = fitted.transform(new)
    unit = y.std(axis=0, ddof=1) if scaled else np.ones(y.shape[1])
    unit = np.where(unit > 0, unit, 1.0)
    steps = scores.T[:, :, None] * fitted.y_loadings_.T[:, None, :]
    return np.cumsum(steps, axis=0) * unit + y.mean(axis=0)
