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
    """The ridge head of features (n, f) and targets (n,): penalties 1e-4 to 1e8, least cross-validated error."""
    from sklearn.model_selection import KFold

    from ..spektron._linear_heads import cross_validated

    splitter = KFold(min(folds, len(features)), shuffle=True, random_state=seed)
    errors = cross_validated(features, targets[:, None], "ridge", _PENALTIES, splitter, scaled=False)
    best = int(errors.argmin())
    centre, mean = features.mean(axis=0), targets.mean()
    left, sizes, right = np.linalg.svd(features - centre, full_matrices=False)
    weights = (sizes / (sizes**2 + _PENALTIES[best]) * (left.T @ (targets - mean))) @ right
    return FeatureHead(weights, float(mean - centre @ weights), _PENALTIES[best], float(errors[best] * targets.std()))
