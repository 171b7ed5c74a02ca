"""Methods that act on the calibration itself: corrected predictions, augmented rows, domain-invariant components."""

from typing import Any, Literal

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, Needs, TransferMethod, TransferModel, target_values
from ._transfer_regression import pls_path

__all__ = ["DifferenceAugmentedPLS", "DomainInvariantPLS", "SlopeBias"]


class SlopeBias(TransferMethod):
    """Slope and bias correction (SBC) of predictions: a straight line from predicted to reference values.

    E. Bouveresse, C. Hartmann, D. L. Massart, I. R. Last, K. A. Prebble, Anal. Chem. 68, 982 (1996). What Shenk and
    Westerhaus patented corrects spectra, not predictions: `ShenkWesterhaus`.

    Parameters
    ----------
    needs : {"labelled", "paired"}
        What the reference is: known values of the transfer samples, or, without any, what the model predicts from
        their spectra on the source instrument.
    slope : bool
        False: the bias alone.

    Attributes
    ----------
    slope_, bias_ : float

    Examples
    --------
    >>> SlopeBias().fit([1.0, 2.0, 3.0], [3.0, 5.0, 7.0]).correct([4.0]).round(12).tolist()
    [9.0]
    """

    def __init__(self, needs: Literal["labelled", "paired"] = "labelled", *, slope: bool = True) -> None:
        self.needs: Needs = needs
        self.slope = slope

    @property
    def smallest_k(self) -> int:
        """2, or 1 for the bias alone."""
        return 2 if self.slope else 1

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "a line has two unknowns" if self.slope else "the mean of no differences is not defined"

    def fit(self, predicted: Any, reference: Any) -> "SlopeBias":
        """Itself, fitted to predictions (k,) from target spectra and the reference (k,) of the same samples."""
        if self.needs not in ("labelled", "paired"):
            raise EvaluationError(f"{self!r}: needs must be 'labelled' or 'paired'.")
        k = len(np.asarray(predicted))
        self.check_count(k)
        x, y = target_values(predicted, k, self), target_values(reference, k, self)
        slopes, biases = self.lines(x[:, None], y[:, None])
        self.slope_, self.bias_ = float(slopes[0]), float(biases[0])
        return self

    def lines(self, predicted: Array, reference: Array) -> tuple[Array, Array]:
        """Slopes and biases (c,) of c models at once, from predictions and references (k, c).

        Raises
        ------
        EvaluationError
            Predictions of a model that are all the same have no slope.
        """
        slopes = np.ones(predicted.shape[1])
        if self.slope:
            centred = predicted - predicted.mean(axis=0)
            spread = (centred**2).sum(axis=0)
            same = spread <= (1e-12 * np.abs(predicted).max(axis=0)) ** 2 * len(predicted)
            if same.any():
                value = predicted[0, same.argmax()]
                raise EvaluationError(
                    f"{self!r}: all {len(predicted)} predictions are {value:g}: they determine no slope."
                )
            slopes = (centred * (reference - reference.mean(axis=0))).sum(axis=0) / spread
        return slopes, reference.mean(axis=0) - slopes * predicted.mean(axis=0)

    def correct(self, predicted: Any) -> Array:
        """Corrected predictions (n,)."""
        if not hasattr(self, "bias_"):
            raise EvaluationError(f"{self!r} is not fitted: call fit first.")
        return self.slope_ * np.asarray(predicted, dtype=np.float64) + self.bias_


class DifferenceAugmentedPLS(TransferModel):
    """PLS1 with the difference spectra as further rows whose response is zero: what differs must not matter.

    The rows are those of Tikhonov regularization for calibration maintenance (J. H. Kalivas, G. G. Siano, E. Andries,
    H. C. Goicoechea, Appl. Spectrosc. 63, 800 (2009)); as rows of a PLS they are folklore. The calibration set is
    centred by its own means first, the differences are not. O((n + k) L n_components).

    Parameters
    ----------
    n_components : int
    weight : float
        What the differences T - S are multiplied by; 0 is plain PLS on the source.

    Attributes
    ----------
    coefficients_ : ndarray (L,)
    mean_ : ndarray (L,)
    target_mean_ : float
    """

    needs: Needs = "paired"

    def __init__(self, n_components: int = 10, weight: float = 1.0) -> None:
        self.n_components = n_components
        self.weight = weight

    def fit(self, spectra: Any, targets: Any, source_spectra: Any, target_spectra: Any) -> "DifferenceAugmentedPLS":
        """Itself, fitted to source spectra (n, L), targets (n,) and both spectra (k, L) of the transfer samples."""
        source, target = self._both(source_spectra, target_spectra)
        x = self._spectra(spectra, "calibration", self.n_features_in_)
        y = target_values(targets, len(x), f"{self!r}: targets")
        if not self.weight >= 0:
            raise EvaluationError(f"{self!r}: the weight must not be negative.")
        _check_components(self, self.n_components, x)
        self.mean_, self.target_mean_ = x.mean(axis=0), float(y.mean())
        path = pls_path(x, y[:, None], self.n_components, extra=self.extra_rows(source, target))
        self.coefficients_ = path.coefficients[0, -1]
        return self

    def extra_rows(self, source: Array, target: Array) -> tuple[Array, Array]:
        """Rows (k, L) that are appended to the centred calibration set, and their responses (k,)."""
        return self.weight * (target - source), np.zeros(len(source))

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of either instrument."""
        return (self._new(spectra) - self.mean_) @ self.coefficients_ + self.target_mean_


class DomainInvariantPLS(TransferModel):
    """Domain-invariant PLS (di-PLS): components whose scores have the same variance on both instruments.

    R. Nikzad-Langerodi, W. Zellinger, E. Lughofer, S. Saminger-Platz, Anal. Chem. 90, 6693 (2018). A weight vector is
    that of PLS1 times (1 + penalty D / y^T y)^-1, D the difference of the covariances with its eigenvalues made
    positive; all three sets are deflated by their own scores. With a given penalty the coefficients are those of the
    package diPLSlib 2.5, whose heuristic fails with NumPy 2.4 and whose classes fail with scikit-learn 1.8. Solved in
    the span of the r spectra: O(r^2 L + r^3 n_components).

    Parameters
    ----------
    n_components : int
    penalty : float, optional
        Of the difference of the variances, in units of the square of y [default: for each component the ratio of
        |X - y w^T|^2 and w^T D w, w being the weight vector of PLS1, which balances both terms].

    Attributes
    ----------
    coefficients_ : ndarray (L,)
    mean_ : ndarray (L,)
        Of the target spectra: predictions are about it.
    target_mean_ : float
    """

    needs: Needs = "unpaired"

    def __init__(self, n_components: int = 10, penalty: float | None = None) -> None:
        self.n_components = n_components
        self.penalty = penalty

    @property
    def smallest_k(self) -> int:
        """2."""
        return 2

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "one spectrum has no covariance"

    def fit(self, spectra: Any, targets: Any, source_spectra: Any, target_spectra: Any) -> "DomainInvariantPLS":
        """Itself, fitted to source spectra (n, L), targets (n,) and spectra of any samples on both instruments."""
        if self.penalty is not None and not self.penalty >= 0:
            raise EvaluationError(f"{self!r}: the penalty must not be negative.")
        source, target = self._both(source_spectra, target_spectra)
        x = self._spectra(spectra, "calibration", self.n_features_in_)
        y = target_values(targets, len(x), f"{self!r}: targets")
        _check_components(self, self.n_components, x)
        self.mean_, self.target_mean_ = target.mean(axis=0), float(y.mean())
        centred = (x - x.mean(axis=0), source - source.mean(axis=0), target - self.mean_)
        # Nothing happens outside the span of the spectra, whose dimension is that of their number, not of channels.
        _, sizes, basis = np.linalg.svd(np.vstack(centred), full_matrices=False)
        basis = basis[sizes > 1e-13 * sizes[0]]
        parts = [part @ basis.T for part in centred]
        self.coefficients_ = _invariant(parts, y - self.target_mean_, self.n_components, self.penalty) @ basis
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        return (self._new(spectra) - self.mean_) @ self.coefficients_ + self.target_mean_


def _invariant(parts: list[Array], y: Array, n_components: int, penalty: float | None) -> Array:
    """Coefficients (r,) of di-PLS from calibration, source and target spectra (n, r), all centred."""
    first = np.linalg.norm(parts[0].T @ y)
    sizes = [np.linalg.norm(part) for part in parts]
    weights, loadings, answers = [], [], []
    for _ in range(n_components):
        x, source, target = parts
        w = x.T @ y
        if np.linalg.norm(w) <= 1e-12 * first:
            break  # nothing of y is left to explain
        w /= np.linalg.norm(w)
        values, vectors = np.linalg.eigh(source.T @ source / len(source) - target.T @ target / len(target))
        along = vectors.T @ w
        apart = float(np.abs(values) @ along**2)
        if penalty is None:
            factor = float(((x - np.outer(y, w)) ** 2).sum()) / apart if apart > 0 else 0.0
        else:
            factor = penalty
        w = vectors @ (along / (1.0 + factor / float(y @ y) * np.abs(values)))
        w /= np.linalg.norm(w)
        scores = [part @ w for part in parts]
        # A few target spectra are used up after as many components.
        shares = [
            t / (t @ t) if np.linalg.norm(t) > 1e-12 * size else np.zeros_like(t)
            for t, size in zip(scores, sizes, strict=True)
        ]
        weights.append(w)
        loadings.append(shares[0] @ x)
        answers.append(shares[0] @ y)
        parts = [p - np.outer(t, share @ p) for p, t, share in zip(parts, scores, shares, strict=True)]
        y = y - scores[0] * answers[-1]
    if not weights:
        return np.zeros(parts[0].shape[1])
    w, p = np.array(weights), np.array(loadings)
    return w.T @ np.linalg.solve(p @ w.T, np.array(answers))


def _check_components(method: TransferModel, n_components: int, x: Array) -> None:
    most = min(len(x) - 1, x.shape[1])
    if not 1 <= n_components <= most:
        raise EvaluationError(f"{method!r}: {len(x)} calibration spectra of {x.shape[1]} channels allow 1 to {most}.")
