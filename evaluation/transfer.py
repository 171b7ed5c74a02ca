"""Calibration transfer: a calibration made on one instrument, used on another with few transfer samples.

Four kinds of methods, one protocol; each states what it `needs` and the `smallest_k` it takes, with the `reason`:

spectrum maps      ``fit(source, target)``, ``transform(target spectra)`` looks like the source: `MeanOffset`,
                   `ShenkWesterhaus`, `DirectStandardization`, `PiecewiseDirectStandardization`,
                   `SpectralSpaceTransformation`, `CovarianceAlignment`
filters            ``fit(source, target)``, ``transform`` for the spectra of both: `ExternalParameterOrthogonalization`,
                   `GeneralizedLeastSquaresWeighting`
predictions        ``fit(predicted, reference)``, ``correct(predicted)``: `SlopeBias`
models             ``fit(spectra, targets, source, target)``, ``predict``: `DifferenceAugmentedPLS`,
                   `DomainInvariantPLS`; or ``fit(spectra, targets, transfer spectra, transfer targets)``:
                   a `LabelledTransferModel`

`TransferredCalibration` joins any of them with any regressor. Nothing here sees a test sample before ``predict``, and
nothing is tuned: every hyper-parameter is an argument.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from ..errors import EvaluationError, MissingPackageError
from ._transfer_base import (
    Array,
    LabelledTransferModel,
    Needs,
    SpectrumMap,
    TransferMethod,
    TransferModel,
    target_values,
)
from ._transfer_filters import ExternalParameterOrthogonalization, GeneralizedLeastSquaresWeighting
from ._transfer_maps import (
    CovarianceAlignment,
    DirectStandardization,
    MeanOffset,
    PiecewiseDirectStandardization,
    SpectralSpaceTransformation,
)
from ._transfer_models import DifferenceAugmentedPLS, DomainInvariantPLS, SlopeBias
from ._transfer_shenk import ShenkWesterhaus

try:
    from sklearn.base import BaseEstimator, RegressorMixin, clone
except ImportError as error:
    raise MissingPackageError.of_extra("calibration transfer needs scikit-learn", "evaluation") from error

__all__ = [
    "CovarianceAlignment",
    "DifferenceAugmentedPLS",
    "DirectStandardization",
    "DomainInvariantPLS",
    "ExternalParameterOrthogonalization",
    "GeneralizedLeastSquaresWeighting",
    "LabelledTransferModel",
    "MeanOffset",
    "Needs",
    "PiecewiseDirectStandardization",
    "ShenkWesterhaus",
    "SlopeBias",
    "SpectralSpaceTransformation",
    "SpectrumMap",
    "TransferMethod",
    "TransferModel",
    "TransferSamples",
    "TransferredCalibration",
    "kennard_stone",
]


@dataclass(frozen=True, eq=False)
class TransferSamples:
    """The k samples that tie two instruments together, with what is known of them.

    Attributes
    ----------
    target : ndarray (k, L)
        Spectra on the target instrument.
    source : ndarray (k, L), optional
        The same samples, row by row, on the source instrument: makes them paired.
    targets : ndarray (k,), optional
        Reference values: makes them labelled.
    """

    target: Array
    source: Array | None = None
    targets: Array | None = None

    def __len__(self) -> int:
        return len(self.target)

    @property
    def known(self) -> tuple[Needs, ...]:
        """Which needs they serve."""
        found: list[Needs] = ["unpaired"]
        if self.source is not None:
            found.append("paired")
        if self.targets is not None:
            found.append("labelled")
        return tuple(found)


class TransferredCalibration(RegressorMixin, BaseEstimator):
    """A calibration of the source instrument that predicts from spectra of the target instrument.

    Parameters
    ----------
    method : TransferMethod or None
        None: no correction.
    model : regressor
        With ``fit`` and ``predict`` as in scikit-learn; not used by a `TransferModel` or `LabelledTransferModel`,
        which is one itself.

    Attributes
    ----------
    method_, model_
        Fitted copies.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> rng = np.random.default_rng(0)
    >>> source = rng.normal(size=(40, 3))
    >>> y, target = source @ [1.0, 2.0, 3.0], source + [0.5, 0.0, 1.0]
    >>> samples = TransferSamples(target[:2], source[:2])
    >>> made = TransferredCalibration(MeanOffset(), Ridge(1e-9)).fit(source[:30], y[:30], samples)
    >>> bool(np.allclose(made.predict(target[30:]), y[30:]))
    True
    """

    def __init__(self, method: TransferMethod | None, model: Any = None) -> None:
        self.method = method
        self.model = model

    def fit(self, X: Any, y: Any, transfer: TransferSamples | None = None) -> "TransferredCalibration":
        """Itself, fitted to source spectra X (n, L), their targets y (n,) and the transfer samples.

        A method that needs unpaired samples compares them with X. Raises EvaluationError where the samples lack what
        the method needs or are too few.
        """
        spectra = np.asarray(X, dtype=np.float64)
        values = target_values(y, len(spectra), "TransferredCalibration: y")
        self.method_: TransferMethod | None = None
        if self.method is None:
            self.model_ = self._fitted(spectra, values)
            return self
        method = self.method_ = cast(TransferMethod, clone(self.method))
        samples = _checked(method, transfer)
        sources = samples.source if method.needs == "paired" else spectra
        if isinstance(method, TransferModel):
            self.model_ = method.fit(spectra, values, sources, samples.target)
            return self
        if isinstance(method, LabelledTransferModel):
            self.model_ = method.fit(spectra, values, samples.target, samples.targets)
            return self
        if isinstance(method, SpectrumMap):
            method.fit(sources, samples.target)
            if method.filters_source:
                spectra = method.transform(spectra)
        self.model_ = self._fitted(spectra, values)
        if isinstance(method, SlopeBias):
            reference = samples.targets if method.needs == "labelled" else self._raw(samples.source)
            method.fit(self._raw(samples.target), reference)
        return self

    def predict(self, X: Any) -> Array:
        """Targets (n,) of spectra X (n, L) of the target instrument."""
        if not hasattr(self, "model_"):
            raise EvaluationError("TransferredCalibration is not fitted: call fit first.")
        if isinstance(self.method_, SpectrumMap):
            X = self.method_.transform(X)
        predicted = self._raw(X)
        return self.method_.correct(predicted) if isinstance(self.method_, SlopeBias) else predicted

    def _raw(self, spectra: Any) -> Array:
        return np.asarray(self.model_.predict(np.asarray(spectra, dtype=np.float64)), dtype=np.float64).reshape(-1)

    def _fitted(self, spectra: Array, values: Array) -> Any:
        if self.model is None:
            raise EvaluationError(f"TransferredCalibration: {self.method!r} needs a model, such as PLSRegression.")
        return cast(Any, clone(self.model)).fit(spectra, values)


def _checked(method: TransferMethod, transfer: TransferSamples | None) -> TransferSamples:
    if transfer is None:
        method.check_count(0)
        raise EvaluationError(f"{method!r} needs transfer samples ({method.needs}).")
    if method.needs not in transfer.known:
        raise EvaluationError(f"{method!r} needs {method.needs} samples; these are {', '.join(transfer.known)}.")
    method.check_count(len(transfer))
    return transfer


def kennard_stone(spectra: Any, k: int) -> np.ndarray:
    """Rows (k,) that cover the spectra evenly: the two farthest apart, then always the one farthest from those chosen.

    R. W. Kennard, L. A. Stone, Technometrics 11, 137 (1969); Euclidean distance. For k = 1 the one nearest the mean.
    O(n^2 L).

    Parameters
    ----------
    spectra : array (n, L)
    k : int

    Raises
    ------
    EvaluationError
        k not in 1 ... n.

    Examples
    --------
    >>> kennard_stone([[0.0], [1.0], [4.0], [10.0]], 3).tolist()
    [0, 3, 2]
    """
    x = np.asarray(spectra, dtype=np.float64)
    if x.ndim != 2 or not 1 <= k <= len(x):
        raise EvaluationError(
            f"kennard_stone: {k} of spectra of shape {x.shape}; k must be 1 to the number of spectra."
        )
    centred = x - x.mean(axis=0)
    squares = np.einsum("nl,nl->n", centred, centred)
    if k == 1:
        return np.array([squares.argmin()])
    distances = squares[:, None] + squares - 2.0 * centred @ centred.T
    np.fill_diagonal(distances, -np.inf)  # also where all spectra are the same
    chosen = sorted(int(i) for i in np.unravel_index(distances.argmax(), distances.shape))
    nearest = np.minimum(*distances[chosen])
    nearest[chosen] = -np.inf
    while len(chosen) < k:
        new = int(nearest.argmax())
        chosen.append(new)
        nearest = np.minimum(nearest, distances[new])
        nearest[new] = -np.inf
    return np.array(chosen)
