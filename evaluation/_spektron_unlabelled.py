"""Estimators on features of a frozen Spektron model that need no labelled target spectra."""

from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from sklearn.base import clone

from ..errors import EvaluationError
from ._feature_head import Standardisation, fit_head
from ._spektron_encoder import PREPROCESSING, Preprocessing, SpektronEncoder, treated
from ._transfer_base import Array, Needs, SpectrumMap, TransferModel, target_values

__all__ = [
    "Choice",
    "Features",
    "LatentTransfer",
    "MappedTransfer",
    "OnFeatures",
    "SinkhornTransfer",
    "SpektronCalibration",
    "choices_of",
    "chosen_preprocessing",
]

Features = Literal["chem", "chem+tokens"]
Choice = Preprocessing | tuple[Preprocessing, ...]


class OnFeatures(TransferModel):
    """A ridge head on features of the source; subclasses say how those of the target are made alike."""

    encoder: SpektronEncoder
    preprocessing: Choice
    features: Features
    folds: int
    random_state: int
    source_encoder_: SpektronEncoder
    encoder_: "SpektronEncoder | _MappedEncoder"
    preprocessing_: Preprocessing

    def fit(self, spectra: Any, targets: Any, source_spectra: Any = None, target_spectra: Any = None) -> "OnFeatures":
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

    def _features(self, encoder: "SpektronEncoder | _MappedEncoder", spectra: Array) -> Array:
        found = encoder.features(spectra, self.preprocessing_)
        return found[:, : encoder.n_chem] if self.features == "chem" else found


def choices_of(given: Choice) -> tuple[Preprocessing, ...]:
    """One or several treatments as a tuple."""
    return cast(tuple[Preprocessing, ...], (given,) if isinstance(given, str) else tuple(given))


def chosen_preprocessing(method: Any, x: Array, y: Array) -> Preprocessing:
    """The one given, or of several that whose features of the frozen model give the least cross-validated error."""
    choices = choices_of(method.preprocessing)
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


class SpektronCalibration(OnFeatures):
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


class _WithMap(OnFeatures):
    """A method with a classical spectrum map, which says what is needed."""

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


class LatentTransfer(_WithMap):
    """A classical map or filter of spectra, applied to standardised features of the frozen model.

    Parameters
    ----------
    encoder : SpektronEncoder
    map : SpectrumMap
        Such as MeanOffset, ExternalParameterOrthogonalization or CovarianceAlignment; it says what is needed.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    def _map(self) -> SpectrumMap:
        return cast(SpectrumMap, clone(self.map))


class MappedTransfer(_WithMap):
    """A classical spectrum map, applied to (derivatives of) target spectra before the frozen model sees them.

    Parameters
    ----------
    encoder : SpektronEncoder
    map : SpectrumMap
        That makes target spectra look like the source's, such as PiecewiseDirectStandardization; not a filter.
    preprocessing, features, folds, random_state
        As for `SpektronCalibration`.
    """

    def _adapt(self, x: Array, source: Array, target: Array) -> None:
        if self.map.filters_source:
            raise EvaluationError(
                f"{self!r}: a filter changes the spectra of both instruments; LatentTransfer takes it."
            )
        fitted = cast(SpectrumMap, clone(self.map))
        fitted.fit(*(treated(part, self.preprocessing_) for part in (source, target)))
        self.source_encoder_, self.encoder_ = self.encoder, _MappedEncoder(self.encoder, fitted)


@dataclass(frozen=True, eq=False)
class _MappedEncoder:
    """Features of spectra that are mapped after their treatment."""

    encoder: SpektronEncoder
    map: SpectrumMap

    @property
    def n_chem(self) -> int:
        return self.encoder.n_chem

    def features(self, spectra: Array, preprocessing: Preprocessing) -> Array:
        return self.encoder.features(self.map.transform(treated(spectra, preprocessing)), "none")


class SinkhornTransfer(OnFeatures):
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
