"""Ridge regression on standardised features, its penalty chosen by cross-validation of the calibration set."""

from dataclasses import dataclass

import numpy as np

from ._transfer_base import Array

__all__ = ["FeatureHead", "Standardisation", "fit_head"]

_PENALTIES = tuple(float(a) for a in np.logspace(-4, 8, 25))


@dataclass(frozen=True, eq=False)
class Standardisation:
    """z -> (z - centre) / unit, of features (n, f); features that do not vary keep their scale."""

    centre: Array
    unit: Array

    @classmethod
    def of(cls, features: Array) -> "Standardisation":
        """That of a sample (n, f)."""
        centre, unit = features.mean(axis=0), features.std(axis=0)
        varies = unit > 1e-6 * np.maximum(np.abs(centre), 1.0)  # float32 features repeat to about 1e-6
        return cls(centre, np.where(varies, unit, 1.0))

    def __call__(self, features: Array) -> Array:
        """Standardised features (n, f)."""
        return (features - self.centre) / self.unit


@dataclass(frozen=True, eq=False)
class FeatureHead:
    """A linear read-out of standardised features.

    Attributes
    ----------
    weights : ndarray (f,)
    bias : float
    penalty : float
    cv_rmse : float
        Of the cross-validation at that penalty.
    """

    weights: Array
    bias: float
    penalty: float
    cv_rmse: float

    def __call__(self, features: Array) -> Array:
        """Predictions (n,)."""
        return features @ self.weights + self.bias


def fit_head(features: Array, targets: Array, folds: int, seed: int) -> FeatureHead:
    """The ridge head of features (n, f) and targets (n,): penalties 1e-4 to 1e8, least cross-validated error.

    By inner products of the samples: O(n^2 f + folds n^3), for all penalties.
    """
    from sklearn.model_selection import KFold

    centre, mean = features.mean(axis=0), float(targets.mean())
    x, y = features - centre, targets - mean
    products = x @ x.T
    said = np.empty((len(_PENALTIES), len(y)))
    for train, held in KFold(min(folds, len(y)), shuffle=True, random_state=seed).split(x):
        among, across = products[np.ix_(train, train)], products[np.ix_(held, train)]
        # Centred by the mean of the fold, which is a mean of rows of the products.
        column = among.mean(axis=0)
        inner = among - column - column[:, None] + column.mean()
        to_held = across - across.mean(axis=1, keepdims=True) - column + column.mean()
        said[:, held] = (_dual(inner, y[train] - y[train].mean()) @ to_held.T) + y[train].mean()
    errors = np.square(said - y).mean(axis=1)
    best = int(errors.argmin())
    weights = _dual(products, y)[best] @ x
    return FeatureHead(weights, float(mean - centre @ weights), _PENALTIES[best], float(np.sqrt(errors[best])))


def _dual(products: Array, y: Array) -> Array:
    """Dual coefficients (p, n) of centred ridge regressions, for every penalty."""
    values, vectors = np.linalg.eigh(products)
    shares = (vectors.T @ y) / (values.clip(min=0.0) + np.array(_PENALTIES)[:, None])
    return shares @ vectors.T
