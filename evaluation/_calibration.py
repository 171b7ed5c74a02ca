"""Calibrations by PLS on one instrument: spectra treated, number of components chosen by cross-validation there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import EvaluationError, MissingPackageError
from ._transfer_base import Array, target_values
from ._transfer_regression import pls_path

try:
    from sklearn.base import BaseEstimator, RegressorMixin
except ImportError as error:
    raise MissingPackageError.of_extra("calibration needs scikit-learn", "evaluation") from error

__all__ = [
    "MOST_COMPONENTS",
    "PLS1",
    "PREPROCESSINGS",
    "ChosenCalibration",
    "chosen_from",
    "held_out_squares",
    "one_standard_error",
    "preprocessed",
]

PREPROCESSINGS = ("raw", "SNV", "1st derivative", "2nd derivative")
MOST_COMPONENTS = 15
N_FOLDS = 10
_WINDOW = 15  # channels of a Savitzky-Golay filter, parabola


def preprocessed(spectra: Any, how: str) -> Array:
    """Spectra (n, L), each treated by itself: nothing is learnt from a set.

    Parameters
    ----------
    spectra : array (n, L)
    how : str
        One of `PREPROCESSINGS`. SNV: each spectrum less its mean, over its standard deviation (R. J. Barnes,
        M. S. Dhanoa, S. J. Lister, Appl. Spectrosc. 43, 772 (1989)). Derivatives: A. Savitzky, M. J. E. Golay, Anal.
        Chem. 36, 1627 (1964), parabolas through 15 channels (fewer where a spectrum has fewer).

    Raises
    ------
    EvaluationError
        Another name; a constant spectrum has no SNV.

    Examples
    --------
    >>> preprocessed([[1.0, 2.0, 3.0]], "SNV").round(3).tolist()
    [[-1.225, 0.0, 1.225]]
    """
    x = np.asarray(spectra, dtype=np.float64)
    if how not in PREPROCESSINGS:
        raise EvaluationError(f"preprocessing {how!r}: known are {', '.join(PREPROCESSINGS)}.")
    if how == "SNV":
        x = x - x.mean(axis=1, keepdims=True)
        deviation = x.std(axis=1, keepdims=True)
        if not (deviation > 0).all():
            raise EvaluationError(f"SNV: spectrum {int((deviation == 0).argmax())} is constant.")
        x = x / deviation
    if how.endswith("derivative"):
        from scipy.signal import savgol_filter

        window = min(_WINDOW, x.shape[1] - 1 + x.shape[1] % 2)
        x = np.asarray(savgol_filter(x, window, 2, deriv=2 if how.startswith("2nd") else 1, axis=1), dtype=np.float64)
    return x


class PLS1(RegressorMixin, BaseEstimator):
    """Partial least squares of one response, all numbers of components from one pass (`pls_path`).

    Parameters
    ----------
    n_components : int

    Attributes
    ----------
    coefficients_ : ndarray (L,)
    mean_ : ndarray (L,)
    target_mean_ : float

    Examples
    --------
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, -2.0], [0.5, 0.0]])
    >>> PLS1(2).fit(x, x @ [3.0, 4.0] + 1.0).predict([[1.0, 1.0]]).round(9).tolist()
    [8.0]
    """

    def __init__(self, n_components: int = 2) -> None:
        self.n_components = n_components

    def fit(self, X: Any, y: Any) -> "PLS1":
        """Itself, fitted to spectra X (n, L) and targets y (n,)."""
        x = np.asarray(X, dtype=np.float64)
        path = pls_path(x, target_values(y, len(x), "PLS1")[:, None], self.n_components)
        self.coefficients_, self.mean_ = path.coefficients[0, -1], path.mean[0]
        self.target_mean_ = float(path.target_mean[0])
        return self

    def predict(self, X: Any) -> Array:
        """Targets (n,)."""
        if not hasattr(self, "mean_"):
            raise EvaluationError("PLS1 is not fitted: call fit first.")
        return (np.asarray(X, dtype=np.float64) - self.mean_) @ self.coefficients_ + self.target_mean_


@dataclass(frozen=True)
class ChosenCalibration:
    """What cross-validation of the calibration set chose for one target.

    Attributes
    ----------
    preprocessing : str
        That with the lowest error at its best number of components.
    n_components : int
        The fewest whose error is within one standard error of the lowest of that preprocessing.
    rmsecv : float
        Of this choice.
    """

    preprocessing: str
    n_components: int
    rmsecv: float


def chosen_from(squares: Mapping[str, Array]) -> list[ChosenCalibration]:
    """For each target what cross-validation chooses: preprocessing by lowest error, components by one standard error.

    Parameters
    ----------
    squares : mapping of str to ndarray (n, components, t)
        By preprocessing, as `held_out_squares` gives them.
    """
    found = []
    for j in range(next(iter(squares.values())).shape[2]):
        how = min(squares, key=lambda name: squares[name][:, :, j].mean(axis=0).min())
        n, error = one_standard_error(squares[how][:, :, j])
        found.append(ChosenCalibration(how, n, error))
    return found


def held_out_squares(
    spectra: Array,
    targets: Array,
    most: int = MOST_COMPONENTS,
    seed: int = 0,
    extra: tuple[Array, Array] | None = None,
) -> Array:
    """Squared errors (n, components, t) of held-out samples in ten folds of the calibration set.

    Parameters
    ----------
    spectra : ndarray (n, L)
    targets : ndarray (n, t)
    most : int
        Of the numbers of components; fewer where a fold has fewer samples.
    seed : int
    extra : (ndarray (m, L), ndarray (m,) or (m, t)), optional
        Rows and responses, centred by whoever made them, that are in every fit and are not predicted.

    Raises
    ------
    EvaluationError
        Fewer than four samples.
    """
    n, t = targets.shape
    folds = np.random.default_rng([seed, n]).permutation(n) % min(N_FOLDS, n)
    n_folds = int(folds.max()) + 1
    smallest = n - int(np.bincount(folds).max())
    if smallest < 3:
        raise EvaluationError(f"cross-validation of {n} calibration samples: at least 4 are needed.")
    kept = folds[:, None] != np.arange(n_folds)
    spectra, extra = _in_their_span(spectra, extra)
    if extra is not None and extra[1].ndim == 2:
        extra = extra[0], np.repeat(extra[1], n_folds, axis=1)
    path = pls_path(
        spectra,
        np.repeat(targets, n_folds, axis=1),
        min(most, smallest - 1, spectra.shape[1]),
        kept=np.tile(kept, t),
        extra=extra,
    )
    errors = np.empty((n, path.coefficients.shape[1], t))
    for fold in range(n_folds):
        out = folds == fold
        for j in range(t):
            predicted = path.predicted(spectra[out], j * n_folds + fold)
            errors[out, :, j] = (predicted - targets[out, j][:, None]) ** 2
    return errors


def _in_their_span(spectra: Array, extra: tuple[Array, Array] | None) -> tuple[Array, tuple[Array, Array] | None]:
    """The rows in orthonormal coordinates of their span, where they are fewer than channels: PLS is the same there."""
    rows = spectra if extra is None else np.vstack([spectra, extra[0]])
    if rows.shape[0] >= rows.shape[1]:
        return spectra, extra
    reduced = np.asarray(np.linalg.qr(rows.T, mode="r"), dtype=np.float64).T
    n = len(spectra)
    return reduced[:n], None if extra is None else (reduced[n:], extra[1])


def one_standard_error(squares: Array) -> tuple[int, float]:
    """Number of components and its RMSECV, of squared errors (n, components)."""
    means = squares.mean(axis=0)
    best = int(means.argmin())
    allowed = means[best] + squares[:, best].std(ddof=1) / np.sqrt(len(squares))
    n = int((means <= allowed).argmax())
    return n + 1, float(np.sqrt(means[n]))
