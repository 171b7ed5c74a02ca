"""Estimators that train the Spektron model on with unlabelled spectra of the target instrument."""

from typing import Any, Literal, cast

import numpy as np
from sklearn.base import clone

from ..errors import EvaluationError
from ._feature_head import Standardisation
from ._spektron_encoder import SpektronEncoder
from ._spektron_unlabelled import Choice, Features, OnFeatures
from ._transfer_base import Array, Needs, SpectrumMap
from ._transfer_maps import MeanOffset

__all__ = ["PairedAdaptation", "TestTimeTraining"]


class _TrainedOn(OnFeatures):
    """A method that trains the model on before features are made."""

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

    def _training_settings(self) -> dict[str, Any]:
        """Arguments of `spektron.adaptation.adapt`."""
        return {
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "trained": self.trained,
            "rank": self.rank,
            "seed": self.random_state,
        }


class TestTimeTraining(_TrainedOn):
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

        settings = self._training_settings()
        prepared = self.encoder.prepared(target, self.preprocessing_)
        self.source_encoder_ = self.encoder_ = self.encoder.kept(
            ("masked", self.preprocessing_, settings),
            target,
            lambda: reconstructing(self.encoder, prepared, **settings),
        )

    def _map(self) -> SpectrumMap | None:
        if self.map is not None and self.map.needs != "unpaired":
            raise EvaluationError(f"{self!r}: its map must need unpaired samples only.")
        return None if self.map is None else cast(SpectrumMap, clone(self.map))


class PairedAdaptation(_TrainedOn):
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

    def _adapt(self, x: Array, source: Array, target: Array) -> None:
        from ._lora_training import matched_to_source

        settings = self._training_settings()
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
