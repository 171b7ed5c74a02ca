"""What the methods of calibration transfer share: what they need, how few samples are too few, checks of spectra."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError, MissingPackageError

try:
    from sklearn.base import BaseEstimator
except ImportError as error:
    raise MissingPackageError.of_extra("calibration transfer needs scikit-learn", "evaluation") from error

__all__ = [
    "Array",
    "LabelledTransferModel",
    "Needs",
    "SpectrumMap",
    "TransferMethod",
    "TransferModel",
    "target_values",
]

Array = NDArray[np.float64]
Needs = Literal["paired", "unpaired", "labelled"]


class TransferMethod(BaseEstimator):
    """Base of all methods: parameters by name as in scikit-learn, and what the method must be given.

    Attributes
    ----------
    needs : {"paired", "unpaired", "labelled"}
        The same samples on both instruments; samples of the target instrument that the source has not measured; or
        samples of the target instrument with reference values.
    """

    needs: Needs

    @property
    def smallest_k(self) -> int:
        """The fewest transfer samples that `fit` takes with these parameters."""
        return 1

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "without a sample there is nothing to compare the instruments by"

    def check_count(self, k: int) -> None:
        """EvaluationError, with the reason, where k transfer samples are too few."""
        if k < self.smallest_k:
            raise EvaluationError(
                f"{self!r}: {k} transfer samples, at least {self.smallest_k} are needed: {self.reason}."
            )

    def _both(self, source: Any, target: Any) -> tuple[Array, Array]:
        """Checked spectra of the transfer samples on the two instruments."""
        first, second = self._spectra(source, "source"), self._spectra(target, "target")
        if first.shape[1] != second.shape[1]:
            raise EvaluationError(
                f"{self!r}: source spectra of {first.shape[1]} channels, target spectra of {second.shape[1]}: bring "
                "them onto one axis first."
            )
        if self.needs == "paired" and len(first) != len(second):
            raise EvaluationError(
                f"{self!r}: {len(first)} source and {len(second)} target spectra; row i of both must be one sample."
            )
        self.check_count(min(len(first), len(second)))
        self.n_features_in_ = first.shape[1]
        return first, second

    def _spectra(self, spectra: Any, what: str, channels: int | None = None) -> Array:
        """Finite spectra (n, L) in float64."""
        values = np.asarray(spectra, dtype=np.float64)
        if values.ndim != 2 or (channels is not None and values.shape[1] != channels):
            wanted = "(n, channels)" if channels is None else f"(n, {channels})"
            raise EvaluationError(f"{self!r}: {what} spectra of shape {values.shape}, {wanted} is wanted.")
        if not np.isfinite(values).all():
            bad = ~np.isfinite(values).all(axis=1)
            raise EvaluationError(
                f"{self!r}: {int(bad.sum())} {what} spectra hold NaN or infinity (row {bad.argmax()})."
            )
        return values

    def _new(self, spectra: Any) -> Array:
        """Checked spectra to apply the fitted method to."""
        if not hasattr(self, "n_features_in_"):
            raise EvaluationError(f"{self!r} is not fitted: call fit first.")
        return self._spectra(spectra, "given", self.n_features_in_)


class SpectrumMap(TransferMethod):
    """A method that changes spectra; ``filters_source`` says whether those of the source change, too."""

    filters_source = False

    def fit(self, source_spectra: Any, target_spectra: Any) -> "SpectrumMap":
        """Itself, fitted to source (k, L) and target (k, L) spectra of the transfer samples."""
        raise NotImplementedError

    def transform(self, spectra: Any) -> Array:
        """Spectra (n, L) made alike."""
        raise NotImplementedError


class TransferModel(TransferMethod):
    """A method that is a calibration of its own: it is fitted with the calibration set and the transfer samples."""

    def fit(self, spectra: Any, targets: Any, source_spectra: Any, target_spectra: Any) -> "TransferModel":
        """Itself, fitted to calibration spectra (n, L), their targets (n,) and the transfer samples."""
        raise NotImplementedError

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        raise NotImplementedError


class LabelledTransferModel(TransferMethod):
    """A method that is a calibration of its own and learns from target spectra with reference values."""

    needs: Needs = "labelled"

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "LabelledTransferModel":
        """Itself, fitted to source spectra (n, L), their targets (n,), target spectra (k, L) and theirs (k,)."""
        raise NotImplementedError

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        raise NotImplementedError


def target_values(values: Any, n: int, who: Any) -> Array:
    """Finite values (n,) in float64, one for each of n samples; ``who`` (text, or an estimator) asks for them.

    Raises
    ------
    EvaluationError
        Another shape; NaN.

    Examples
    --------
    >>> target_values([[1], [2]], 2, "here").tolist()
    [1.0, 2.0]
    """
    checked = np.asarray(values, dtype=np.float64)
    if checked.ndim == 2 and checked.shape[1] == 1:
        checked = checked[:, 0]
    if checked.shape != (n,) or not np.isfinite(checked).all():
        raise EvaluationError(f"{who}: {n} finite values are wanted, one a sample; got shape {checked.shape}.")
    return checked
