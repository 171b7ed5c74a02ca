"""Calibrations from target spectra with reference values: pooled with the source's, or alone."""

from typing import Any, Literal

import numpy as np

from ..errors import EvaluationError
from ._transfer_base import Array, LabelledTransferModel, target_values
from ._transfer_regression import pls_path

__all__ = ["PooledPLS", "TargetPLS"]


class PooledPLS(LabelledTransferModel):
    """PLS1 of the source's calibration set and the transfer samples of the target together ("model updating").

    With weights above 1 it is the augmentation of J. H. Kalivas, G. G. Siano, E. Andries, H. C. Goicoechea, Appl.
    Spectrosc. 63, 800 (2009), there in ridge form. With ``centre="each"`` every instrument is centred by its own means,
    which takes away a constant difference; predictions are then about the means of the transfer samples.

    Parameters
    ----------
    n_components : int
    weight : float, optional
        What rows of the target are multiplied by [default: sqrt(n / k), so that both instruments weigh the same].
    centre : {"source", "each"}
        Means of the calibration set for all rows, or those of each instrument for its own.

    Attributes
    ----------
    coefficients_ : ndarray (L,)
    mean_ : ndarray (L,)
    target_mean_ : float
    """

    def __init__(
        self, n_components: int = 10, weight: float | None = 1.0, *, centre: Literal["source", "each"] = "source"
    ) -> None:
        self.n_components = n_components
        self.weight = weight
        self.centre = centre

    @property
    def smallest_k(self) -> int:
        """1, or 2 where the instruments are centred each."""
        return 2 if self.centre == "each" else 1

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        if self.centre == "each":
            return "one spectrum, centred, is zero"
        return "without a sample of the target there is nothing to pool"

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "PooledPLS":
        """Itself, fitted to source spectra (n, L), their targets (n,), target spectra (k, L) and theirs (k,)."""
        if self.centre not in ("source", "each") or (self.weight is not None and not self.weight >= 0):
            raise EvaluationError(f"{self!r}: centre must be 'source' or 'each', and the weight not negative.")
        x, new = self._both(spectra, transfer_spectra)
        y = target_values(targets, len(x), f"{self!r}: targets")
        values = target_values(transfer_targets, len(new), f"{self!r}: transfer targets")
        most = min(len(x) - 1, x.shape[1])
        if not 1 <= self.n_components <= most:
            raise EvaluationError(f"{self!r}: {len(x)} calibration spectra of {x.shape[1]} channels allow 1 to {most}.")
        self.mean_, centre = self.means(x, y[:, None], new, values[:, None])
        self.target_mean_ = float(centre[0])
        path = pls_path(x, y[:, None], self.n_components, extra=self.extra_rows(x, y[:, None], new, values[:, None]))
        self.coefficients_ = path.coefficients[0, -1]
        return self

    def means(self, x: Array, y: Array, new: Array, values: Array) -> tuple[Array, Array]:
        """What target spectra (L,) and predictions (t,) are centred by, for targets y (n, t) and values (k, t)."""
        of = (new, values) if self.centre == "each" else (x, y)
        return of[0].mean(axis=0), of[1].mean(axis=0)

    def extra_rows(self, x: Array, y: Array, new: Array, values: Array) -> tuple[Array, Array]:
        """Rows (k, L) that are appended to the centred calibration set, and their responses (k, t)."""
        weight = np.sqrt(len(x) / len(new)) if self.weight is None else self.weight
        mean, centre = self.means(x, y, new, values)
        return weight * (new - mean), weight * (values - centre)

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        return (self._new(spectra) - self.mean_) @ self.coefficients_ + self.target_mean_


class TargetPLS(LabelledTransferModel):
    """PLS1 of the transfer samples alone: what they are worth without the source.

    Parameters
    ----------
    n_components : int, optional
        [default: that with the lowest error when each sample in turn is left out, at most k - 2].

    Attributes
    ----------
    coefficients_ : ndarray (L,)
    mean_ : ndarray (L,)
    target_mean_ : float
    n_components_ : int
    """

    def __init__(self, n_components: int | None = None) -> None:
        self.n_components = n_components

    @property
    def smallest_k(self) -> int:
        """One more than components, and 3 to choose their number."""
        return 3 if self.n_components is None else self.n_components + 1

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        if self.n_components is None:
            return "with one left out there must be two to draw a line through"
        return "k centred spectra have at most k - 1 directions"

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "TargetPLS":
        """Itself, fitted to target spectra (k, L) and their targets (k,); the source's are not looked at."""
        _, new = self._both(spectra, transfer_spectra)
        k = len(new)
        values = target_values(transfer_targets, k, f"{self!r}: transfer targets")
        self.n_components_ = self.n_components or self._by_leaving_out(new, values)
        path = pls_path(new, values[:, None], self.n_components_)
        self.coefficients_, self.mean_ = path.coefficients[0, -1], path.mean[0]
        self.target_mean_ = float(path.target_mean[0])
        return self

    @staticmethod
    def _by_leaving_out(spectra: Array, values: Array) -> int:
        k = len(spectra)
        path = pls_path(spectra, np.repeat(values[:, None], k, axis=1), min(k - 2, 15), kept=~np.eye(k, dtype=bool))
        errors = [path.predicted(spectra[i : i + 1], i)[0] - values[i] for i in range(k)]
        return 1 + int((np.array(errors) ** 2).mean(axis=0).argmin())

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        return (self._new(spectra) - self.mean_) @ self.coefficients_ + self.target_mean_
