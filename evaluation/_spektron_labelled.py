"""Estimators with a network that is fine-tuned on labelled target spectra, and the hybrid on PLS residuals."""

from typing import Any, cast

import numpy as np
from sklearn.base import clone
from sklearn.cross_decomposition import PLSRegression
from sklearn.model_selection import KFold

from ..errors import EvaluationError
from ._feature_head import FeatureHead, Standardisation, fit_head
from ._spektron_encoder import PREPROCESSING, Preprocessing, SpektronEncoder, treated
from ._spektron_unlabelled import Choice, Features, LatentTransfer, choices_of, chosen_preprocessing
from ._transfer_base import (
    Array,
    LabelledTransferModel,
    Needs,
    SpectrumMap,
    TransferMethod,
    TransferModel,
    target_values,
)
from ._transfer_maps import MeanOffset
from .transfer import TransferredCalibration, TransferSamples

__all__ = ["ConvolutionalLora", "HybridResidual", "LoraTransfer", "PooledTransfer"]

_MOST_COMPONENTS = 15


class HybridResidual(TransferModel):
    """A classical transferred calibration by PLS, plus Spektron features on what PLS leaves of the source.

    The residuals are those of a cross-validation, so that the second model learns what the first cannot know. Its
    penalty goes up to where it says nothing.

    Parameters
    ----------
    encoder : SpektronEncoder
    base : TransferMethod
        Such as PiecewiseDirectStandardization or DifferenceAugmentedPLS, whose n_components are set. Not labelled.
    map : SpectrumMap, optional
        Of the features; `MeanOffset` with the needs of the base by default.
    preprocessing : {"none", "derivative"} or tuple of these
        Of both; of several the one with which PLS has the least cross-validated error.
    folds, random_state : int

    Attributes
    ----------
    n_components_ : int
    base_ : TransferredCalibration
    residual_ : LatentTransfer
    """

    preprocessing_: Preprocessing

    def __init__(
        self,
        encoder: SpektronEncoder,
        base: TransferMethod,
        *,
        map: SpectrumMap | None = None,
        preprocessing: Choice = PREPROCESSING,
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.base = base
        self.map = map
        self.preprocessing: Choice = preprocessing
        self.folds = folds
        self.random_state = random_state

    @property
    def needs(self) -> Needs:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the base needs."""
        return self.base.needs

    @property
    def smallest_k(self) -> int:
        """That of the base, and of the map of the features."""
        return max(self.base.smallest_k, self._map().smallest_k)

    @property
    def reason(self) -> str:
        """That of the one that takes more."""
        chosen = max((self.base, self._map()), key=lambda method: method.smallest_k)
        return chosen.reason

    def _map(self) -> SpectrumMap:
        return MeanOffset(self.base.needs) if self.map is None else self.map

    def fit(self, spectra: Any, targets: Any, source_spectra: Any, target_spectra: Any) -> "HybridResidual":
        """Itself, fitted to source spectra (n, L), targets (n,) and the transfer samples."""
        if self.needs not in ("paired", "unpaired"):
            raise EvaluationError(f"{self!r}: its base must need paired or unpaired samples.")
        source, target = self._both(source_spectra, target_spectra)
        x = self._spectra(spectra, "calibration", self.n_features_in_)
        y = target_values(targets, len(x), f"{self!r}: targets")
        choices = choices_of(self.preprocessing)
        found = [_left_by_pls(treated(x, choice), y, self.folds, self.random_state) for choice in choices]
        best = int(np.argmin([np.square(left).mean() for _, left in found]))
        self.preprocessing_ = choices[best]
        self.n_components_, left = found[best]
        base = cast(TransferMethod, clone(self.base))
        if "n_components" in base.get_params() and isinstance(base, TransferModel):
            base.set_params(n_components=self.n_components_)
        samples = TransferSamples(self._ready(target), self._ready(source) if self.needs == "paired" else None)
        pls = PLSRegression(self.n_components_, scale=False)
        self.base_ = TransferredCalibration(base, pls).fit(self._ready(x), y, samples)
        settings: dict[str, Any] = {"folds": self.folds, "random_state": self.random_state}
        self.residual_ = LatentTransfer(self.encoder, self._map(), preprocessing=self.preprocessing_, **settings)
        self.residual_.fit(x, left, source, target)
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        x = self._new(spectra)
        return self.base_.predict(self._ready(x)) + self.residual_.predict(x)

    def _ready(self, spectra: Array) -> Array:
        return treated(spectra, self.preprocessing_)


def _left_by_pls(x: Array, y: Array, folds: int, seed: int) -> tuple[int, Array]:
    """The number of components of least cross-validated error, and its residuals (n,) of held-out samples."""
    splits = list(KFold(min(folds, len(x)), shuffle=True, random_state=seed).split(x))
    most = min(_MOST_COMPONENTS, min(len(train) for train, _ in splits) - 1)
    if most < 1:
        raise EvaluationError(f"HybridResidual: {len(x)} calibration samples are too few for PLS and its residuals.")
    said = np.empty((most, len(x)))
    for train, held in splits:
        fitted = PLSRegression(most, scale=False).fit(x[train], y[train])
        steps = fitted.transform(x[held]) * fitted.y_loadings_[0]
        said[:, held] = np.cumsum(steps, axis=1).T + y[train].mean()
    best = int(np.square(said - y).mean(axis=1).argmin())
    return best + 1, y - said[best]


class LoraTransfer(LabelledTransferModel):
    """Head and low-rank updates of the model, fine-tuned on k labelled target spectra.

    E. J. Hu et al., arXiv:2106.09685. The head is fitted to features of the source first, its bias corrected by the k
    mean residuals, then all is trained together; few steps are all that keeps it from learning the k spectra by heart.

    Parameters
    ----------
    encoder : SpektronEncoder
    steps : int
        At most, each with all k spectra: it ends where their error is that of the cross-validation of the source. 0 is
        the correction of the bias alone.
    rank : int
    learning_rate, head_rate : float
        Of the updates and norms, and of the head, on standardised features and targets.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    preprocessing_: Preprocessing

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        steps: int = 10,
        rank: int = 4,
        learning_rate: float = 1e-4,
        head_rate: float = 1e-4,
        preprocessing: Choice = "derivative",
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.steps = steps
        self.rank = rank
        self.learning_rate = learning_rate
        self.head_rate = head_rate
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "LoraTransfer":
        """Itself, fitted to source spectra (n, L), their targets (n,), target spectra (k, L) and theirs (k,)."""
        from ._lora_training import tuned

        x, y, new, known = _labelled(self, spectra, targets, transfer_spectra, transfer_targets)
        if self.features != "chem+tokens":
            raise EvaluationError(f"{self!r}: features must be chem+tokens.")
        self.preprocessing_ = chosen_preprocessing(self, x, y)
        raw = self.encoder.features(x, self.preprocessing_)
        self.standardisation_ = Standardisation.of(raw)
        self.mean_, self.unit_ = float(y.mean()), float(y.std()) or 1.0
        scaled = (known - self.mean_) / self.unit_
        head = fit_head(self.standardisation_(raw), (y - self.mean_) / self.unit_, self.folds, self.random_state)
        at_new = head(self.standardisation_(self.encoder.features(new, self.preprocessing_)))
        head = FeatureHead(head.weights, head.bias + float((scaled - at_new).mean()), head.penalty, head.cv_rmse)
        if self.steps == 0:
            self.encoder_, self.head_ = self.encoder, head
            return self
        model, self.head_ = tuned(
            self.encoder,
            self.encoder.prepared(new, self.preprocessing_),
            scaled,
            self.standardisation_,
            head,
            steps=self.steps,
            rank=self.rank,
            learning_rate=self.learning_rate,
            head_rate=self.head_rate,
            seed=self.random_state,
        )
        self.encoder_ = self.encoder.of_model(model)
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        x = self._new(spectra)
        raw = self.encoder_.features(x, self.preprocessing_)
        return self.mean_ + self.unit_ * self.head_(self.standardisation_(raw))


class PooledTransfer(LabelledTransferModel):
    """A ridge head on features of both instruments, each centred by its own mean, as are its targets.

    What the instruments differ by on average does not matter then; the means of the target are those of its k samples.

    Parameters
    ----------
    encoder : SpektronEncoder
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    preprocessing_: Preprocessing

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        preprocessing: Choice = "derivative",
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "PooledTransfer":
        """Itself, fitted to source spectra (n, L), their targets (n,), target spectra (k, L) and theirs (k,)."""
        x, y, new, known = _labelled(self, spectra, targets, transfer_spectra, transfer_targets)
        self.preprocessing_ = chosen_preprocessing(self, x, y)
        raw = self._features(x)
        self.standardisation_ = Standardisation.of(raw)
        z, z_new = self.standardisation_(raw), self.standardisation_(self._features(new))
        self.centre_, self.mean_ = z_new.mean(axis=0), float(known.mean())
        pooled = np.vstack([z - z.mean(axis=0), z_new - self.centre_])
        self.head_ = fit_head(pooled, np.concatenate([y - y.mean(), known - self.mean_]), self.folds, self.random_state)
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        x = self._new(spectra)
        return self.mean_ + self.head_(self.standardisation_(self._features(x)) - self.centre_)

    def _features(self, spectra: Array) -> Array:
        found = self.encoder.features(spectra, self.preprocessing_)
        return found[:, : self.encoder.n_chem] if self.features == "chem" else found


class ConvolutionalLora(LabelledTransferModel):
    """A small 1-D convolutional network, trained on the source, whose low-rank updates learn k labelled target spectra.

    The manner of LoRA-CT: no pretraining, the network knows the source calibration set alone. Channels are first
    derivatives (or spectra) standardised by the source; two convolutions, two linear layers.

    Parameters
    ----------
    width : int
        Channels of the first convolution.
    epochs, source_rate
        Of the training on the source; a held-out fifth chooses the epoch.
    steps, rank, learning_rate
        Of the fine-tuning.
    preprocessing : {"derivative", "none"}
    random_state : int
    """

    def __init__(
        self,
        *,
        width: int = 16,
        epochs: int = 150,
        source_rate: float = 3e-3,
        steps: int = 30,
        rank: int = 4,
        learning_rate: float = 2e-3,
        preprocessing: Preprocessing = "derivative",
        random_state: int = 0,
    ) -> None:
        self.width = width
        self.epochs = epochs
        self.source_rate = source_rate
        self.steps = steps
        self.rank = rank
        self.learning_rate = learning_rate
        self.preprocessing: Preprocessing = preprocessing
        self.random_state = random_state

    def fit(self, spectra: Any, targets: Any, transfer_spectra: Any, transfer_targets: Any) -> "ConvolutionalLora":
        """Itself, fitted to source spectra (n, L), their targets (n,), target spectra (k, L) and theirs (k,)."""
        from ._lora_training import convolutional_net, tuned_net

        if self.preprocessing not in PREPROCESSING:
            raise EvaluationError(f"{self!r}: preprocessing must be one of {', '.join(PREPROCESSING)}.")
        x, y, new, known = _labelled(self, spectra, targets, transfer_spectra, transfer_targets)
        self.standardisation_ = Standardisation(*_channel_scales(treated(x, self.preprocessing)))
        self.mean_, self.unit_ = float(y.mean()), float(y.std()) or 1.0
        self.source_net_ = convolutional_net(
            self._ready(x),
            (y - self.mean_) / self.unit_,
            width=self.width,
            epochs=self.epochs,
            learning_rate=self.source_rate,
            seed=self.random_state,
        )
        self.net_ = tuned_net(
            self.source_net_,
            self._ready(new),
            (known - self.mean_) / self.unit_,
            steps=self.steps,
            rank=self.rank,
            learning_rate=self.learning_rate,
            seed=self.random_state,
        )
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        import torch

        x = self._new(spectra)
        with torch.no_grad():
            said = self.net_(torch.as_tensor(self._ready(x), dtype=torch.float32).unsqueeze(1))
        return self.mean_ + self.unit_ * said.double().numpy()

    def _ready(self, spectra: Array) -> Array:
        return self.standardisation_(treated(spectra, self.preprocessing))


def _channel_scales(x: Array) -> tuple[Array, Array]:
    """Mean and standard deviation by channel, not below a tenth of its root mean square: noise stays small."""
    unit = x.std(axis=0)
    return x.mean(axis=0), np.maximum(unit, 0.1 * float(np.sqrt(np.square(unit).mean())) or 1.0)


def _labelled(
    method: LabelledTransferModel, spectra: Any, targets: Any, new: Any, known: Any
) -> tuple[Array, Array, Array, Array]:
    """Checked calibration spectra and targets, transfer spectra and targets."""
    x, given = method._both(spectra, new)
    y = target_values(targets, len(x), f"{method!r}: targets")
    return x, y, given, target_values(known, len(given), f"{method!r}: transfer targets")
