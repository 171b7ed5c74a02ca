"""Estimators on features of a Spektron model that need no labelled target spectra."""

from typing import Any, Literal, cast

import numpy as np
from sklearn.base import clone

from ..errors import EvaluationError
from ._feature_head import Standardisation, fit_head
from ._spektron_encoder import PREPROCESSING, Preprocessing, SpektronEncoder
from ._transfer_base import Array, Needs, SpectrumMap, TransferModel, target_values
from ._transfer_maps import MeanOffset

__all__ = ["LatentTransfer", "PairedAdaptation", "SinkhornTransfer", "SpektronCalibration", "TestTimeTraining", "chosen_preprocessing"]

Features = Literal["chem", "chem+tokens"]
Choice = Preprocessing | tuple[Preprocessing, ...]


class _OnFeatures(TransferModel):
    """A ridge head on features of the source; subclasses say how those of the target are made alike."""

    encoder: SpektronEncoder
    preprocessing: Choice
    features: Features
    folds: int
    random_state: int

    def fit(self, spectra: Any, targets: Any, source_spectra: Any = None, target_spectra: Any = None) -> "_OnFeatures":
        """Itself, fitted to calibration spectra (n, L), their targets (n,) and the transfer samples."""
        x = self._spectra(spectra, "calibration", len(self.encoder.axis_cm1))
        y = target_values(targets, len(x), f"{self!r}: targets")
        self.n_features_in_ = x.shape[1]
        source, target = self._transfer(x, source_spectra, target_spectra)
        self.preprocessing_ = chosen_preprocessing(self, x, y)
        self._adapt(x, source, target)
        raw = self._features(self.source_encoder_, x)
        self.standardisation_ = Standardisation.of(raw)
        z = self.standardisation_(raw)
        self.map_ = self._map()
        if self.map_ is not None:
            self.map_.fit(
                self.standardisation_(self._features(self.source_encoder_, source)),
                self.standardisation_(self._features(self.encoder_, target)),
            )
            if self.map_.filters_source:
                z = self.map_.transform(z)
        self.head_ = fit_head(z, y, self.folds, self.random_state)
        return self

    def predict(self, spectra: Any) -> Array:
        """Targets (n,) of spectra (n, L) of the target instrument."""
        x = self._new(spectra)
        z = self.standardisation_(self._features(self.encoder_, x))
        return self.head_(z if self.map_ is None else self.map_.transform(z))

    # ------------------------------------------------------------------------------------------ what subclasses say

    def _transfer(self, x: Array, source: Any, target: Any) -> tuple[Array, Array]:
        """Checked transfer samples; the source's are the calibration spectra where no pairs are needed."""
        if target is None:
            self.check_count(0)
        return self._both(x if self.needs == "unpaired" and source is None else source, target)

    def _adapt(self, x: Array, source: Array, target: Array) -> None:
        """Set the encoders of source and target spectra."""
        self.source_encoder_ = self.encoder_ = self.encoder

    def _map(self) -> SpectrumMap | None:
        """A map of standardised features, not fitted."""
        return None

    # ------------------------------------------------------------------------------------------------------- shared

    def _features(self, encoder: SpektronEncoder, spectra: Array) -> Array:
        found = encoder.features(spectra, self.preprocessing_)
        return found[:, : encoder.n_chem] if self.features == "chem" else found


def chosen_preprocessing(method: Any, x: Array, y: Array) -> Preprocessing:
    """The one given, or of several that whose features of the frozen model give the least cross-validated error."""
    given = method.preprocessing
    choices: tuple[Preprocessing, ...] = (given,) if isinstance(given, str) else tuple(given)
    if not choices or not set(choices) <= set(PREPROCESSING) or method.features not in ("chem", "chem+tokens"):
        raise EvaluationError(
            f"{method!r}: preprocessing is one or some of {', '.join(PREPROCESSING)}, features chem or chem+tokens."
        )
    if len(choices) == 1:
        return choices[0]
    errors = []
    for choice in choices:
        z = method.encoder.features(x, choice)[:, : method.encoder.n_chem if method.features == "chem" else None]
        errors.append(fit_head(Standardisation.of(z)(z), y, method.folds, method.random_state).cv_rmse)
    return choices[int(np.argmin(errors))]


class SpektronCalibration(_OnFeatures):
    """Ridge regression on features of the frozen model; nothing is done about the target instrument.

    Parameters
    ----------
    encoder : SpektronEncoder
    preprocessing : {"none", "derivative"} or tuple of these
        Of several the one with the least cross-validated error of the calibration set.
    features : {"chem+tokens", "chem"}
        z_chem alone, or with tokens averaged along the axis and the scale.
    folds, random_state : int
        Of the cross-validation that chooses the penalty.

    Attributes
    ----------
    head_ : FeatureHead
    preprocessing_ : str
    """

    needs: Needs = "unpaired"

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        preprocessing: Choice = PREPROCESSING,
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    @property
    def smallest_k(self) -> int:
        """0: no transfer samples are looked at."""
        return 0

    def _transfer(self, x: Array, source: Any, target: Any) -> tuple[Array, Array]:
        return x, x


class LatentTransfer(_OnFeatures):
    """A classical map or filter of spectra, applied to standardised features of the frozen model.

    Parameters
    ----------
    encoder : SpektronEncoder
    map : SpectrumMap
        Such as MeanOffset, ExternalParameterOrthogonalization or CovarianceAlignment; it says what is needed.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    def __init__(
        self,
        encoder: SpektronEncoder,
        map: SpectrumMap,
        *,
        preprocessing: Choice = "derivative",
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.map = map
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    @property
    def needs(self) -> Needs:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the map needs."""
        return self.map.needs

    @property
    def smallest_k(self) -> int:
        """That of the map."""
        return self.map.smallest_k

    @property
    def reason(self) -> str:
        """That of the map."""
        return self.map.reason

    def _map(self) -> SpectrumMap:
        return cast(SpectrumMap, clone(self.map))


class SinkhornTransfer(_OnFeatures):
    """Features of the target moved onto the distribution of the source's by debiased entropic transport.

    A.-A. Pooladian, M. Cuturi, J. Niles-Weed, ICML 2022; see `symvib.spektron.adaptation.sinkhorn_align`. The few
    spectra of the target stand for its distribution: where they were chosen to be extreme, they misrepresent it.

    Parameters
    ----------
    encoder : SpektronEncoder
    method : {"affine", "offset", "barycentric"}
    ridge : float
        Of the affine map.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    needs: Needs = "unpaired"

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        method: Literal["affine", "offset", "barycentric"] = "affine",
        ridge: float = 0.1,
        preprocessing: Choice = "derivative",
        features: Features = "chem",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.method: Literal["affine", "offset", "barycentric"] = method
        self.ridge = ridge
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    @property
    def smallest_k(self) -> int:
        """2, or 1 for the offset."""
        return 1 if self.method == "offset" else 2

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "one point has no distribution"

    def _map(self) -> SpectrumMap:
        return _SinkhornMap(self.method, self.ridge)


class _SinkhornMap(SpectrumMap):
    needs: Needs = "unpaired"

    def __init__(self, method: Any, ridge: float) -> None:
        self.method = method
        self.ridge = ridge

    def fit(self, source_spectra: Any, target_spectra: Any) -> "_SinkhornMap":
        import torch

        from ..spektron.adaptation import sinkhorn_align

        source, target = self._both(source_spectra, target_spectra)
        self.alignment_ = sinkhorn_align(
            torch.as_tensor(target), torch.as_tensor(source), method=self.method, ridge=self.ridge
        )
        return self

    def transform(self, spectra: Any) -> Array:
        import torch

        return self.alignment_(torch.as_tensor(self._new(spectra))).numpy()


class TestTimeTraining(_OnFeatures):
    """The model trained on with masked reconstruction of the unlabelled target spectra, then the head on its features.

    Y. Sun et al., ICML 2020 (arXiv:1909.13231); masked: Y. Gandelsman et al., NeurIPS 2022 (arXiv:2209.07522). Source
    and target spectra go through the adapted model. Nothing in the objective says that the instruments should look
    alike: `map` may do that on its features.

    Parameters
    ----------
    encoder : SpektronEncoder
        It keeps adapted models, so that targets of the same samples share one.
    steps : int
    learning_rate : float
    trained : {"lora", "norm", "bias", "all"}
    rank : int
    map : SpectrumMap, optional
        An unpaired one, of standardised features.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    __test__ = False  # its name tells pytest otherwise
    needs: Needs = "unpaired"

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        steps: int = 10,
        learning_rate: float = 1e-4,
        trained: Literal["norm", "bias", "lora", "all"] = "lora",
        rank: int = 4,
        map: SpectrumMap | None = None,
        preprocessing: Choice = "derivative",
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.steps = steps
        self.learning_rate = learning_rate
        self.trained: Literal["norm", "bias", "lora", "all"] = trained
        self.rank = rank
        self.map = map
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    @property
    def smallest_k(self) -> int:
        """1, or what the map needs."""
        return 1 if self.map is None else self.map.smallest_k

    @property
    def reason(self) -> str:
        """Why `fit` takes no fewer."""
        return "without a spectrum there is nothing to train on" if self.map is None else self.map.reason

    def _adapt(self, x: Array, source: Array, target: Array) -> None:
        from ._lora_training import reconstructing

        settings = _training_settings(self)
        prepared = self.encoder.prepared(target, self.preprocessing_)
        self.source_encoder_ = self.encoder_ = self.encoder.kept(
            ("masked", self.preprocessing_, settings), target, lambda: reconstructing(self.encoder, prepared, **settings)
        )

    def _map(self) -> SpectrumMap | None:
        if self.map is not None and self.map.needs != "unpaired":
            raise EvaluationError(f"{self!r}: its map must need unpaired samples only.")
        return None if self.map is None else cast(SpectrumMap, clone(self.map))


class PairedAdaptation(_OnFeatures):
    """The model trained on until it makes of k target spectra the features that it made of their pairs on the source.

    Source spectra go through the model as it is, target spectra through the adapted one: knowledge distillation between
    instruments (G. Hinton, O. Vinyals, J. Dean, arXiv:1503.02531). Features are compared in units of their standard
    deviation among the calibration spectra.

    Parameters
    ----------
    encoder, steps, learning_rate, trained, rank
        As for `TestTimeTraining`.
    map : SpectrumMap, optional
        Of the standardised features, fitted after the training; `MeanOffset` by default takes off what is left.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    needs: Needs = "paired"

    def __init__(
        self,
        encoder: SpektronEncoder,
        *,
        steps: int = 10,
        learning_rate: float = 1e-4,
        trained: Literal["norm", "bias", "lora", "all"] = "lora",
        rank: int = 4,
        map: SpectrumMap | None = None,
        preprocessing: Choice = "derivative",
        features: Features = "chem+tokens",
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.encoder = encoder
        self.steps = steps
        self.learning_rate = learning_rate
        self.trained: Literal["norm", "bias", "lora", "all"] = trained
        self.rank = rank
        self.map = map
        self.preprocessing: Choice = preprocessing
        self.features: Features = features
        self.folds = folds
        self.random_state = random_state

    def _adapt(self, x: Array, source: Array, target: Array) -> None:
        from ._lora_training import matched_to_source

        settings = _training_settings(self)
        self.source_encoder_ = self.encoder
        standard = Standardisation.of(self.encoder.features(x, self.preprocessing_))
        wanted = self.encoder.features(source, self.preprocessing_)
        prepared = self.encoder.prepared(target, self.preprocessing_)
        self.encoder_ = self.encoder.kept(
            ("paired", self.preprocessing_, settings),
            np.vstack([x, source, target]),
            lambda: matched_to_source(self.encoder, prepared, wanted, standard, **settings),
        )

    def _map(self) -> SpectrumMap:
        return MeanOffset() if self.map is None else cast(SpectrumMap, clone(self.map))


def _training_settings(method: Any) -> dict[str, Any]:
    """Arguments of `spektron.adaptation.adapt`."""
    return {
        "steps": method.steps,
        "learning_rate": method.learning_rate,
        "trained": method.trained,
        "rank": method.rank,
        "seed": method.random_state,
    }
