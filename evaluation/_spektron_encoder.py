"""What a Spektron model makes of the spectra of an instrument: features, kept by spectrum, and adapted copies."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import EvaluationError
from ._instrument_set import InstrumentSet
from ._transfer_base import Array

if TYPE_CHECKING:
    from ..spektron.model import Spektron

__all__ = ["PREPROCESSING", "Preprocessing", "SpektronEncoder", "derivative", "treated"]

Preprocessing = Literal["none", "derivative"]
PREPROCESSING: tuple[Preprocessing, ...] = ("none", "derivative")
_LOG = logging.getLogger(__name__)
_SMOOTHING = (15, 2)  # Savitzky-Golay window in channels as measured and degree
_BATCH = 64
_ROWS_KEPT = 20_000  # of about 1,150 float32 each: 90 MB
_MODELS_KEPT = 4


class SpektronEncoder:
    """A Spektron model on the axis of one instrument set: features of spectra, computed once for each spectrum.

    Estimators share one; copies made by scikit-learn's ``clone`` are itself. The shipped model was pretrained on
    infrared and Raman spectra: near infrared is a modality that it has an embedding for, but never saw.

    Parameters
    ----------
    axis_cm1 : array (L,)
        Wavenumbers of the columns of the spectra, ascending or descending.
    model : str, Path or Spektron
        A shipped model, the folder of one, or the model itself, whose weights then must not be changed.
    modality : str
        One that the model knows.
    channels : int
        The spectra are brought onto so many even channels; more of them cost more and say little.
    places : int
        Stretches of the axis that tokens are averaged over.

    Examples
    --------
    >>> from symvib.spektron.config import preset
    >>> from symvib.spektron.model import Spektron
    >>> encoder = SpektronEncoder(np.linspace(4000, 9000, 200), Spektron(preset("tiny")), channels=128)
    >>> encoder.features(np.random.default_rng(0).random((3, 200))).shape
    (3, 369)
    """

    def __init__(
        self,
        axis_cm1: Any,
        model: Any = "small",
        *,
        modality: str = "nir",
        channels: int = 512,
        places: int = 8,
    ) -> None:
        axis = np.asarray(axis_cm1, dtype=np.float64)
        steps = np.diff(axis)
        if axis.ndim != 1 or len(axis) < 2 or not ((steps > 0).all() or (steps < 0).all()):
            raise EvaluationError(f"SpektronEncoder: an axis of shape {axis.shape} that neither ascends nor descends.")
        if channels < 2 or places < 1:
            raise EvaluationError(f"SpektronEncoder: {channels} channels, {places} places; 2 and 1 are the least.")
        self.axis_cm1 = axis
        self.modality = modality
        self.channels = channels
        self.places = places
        self._given = model
        self._model: Spektron | None = None
        self._rows: OrderedDict[bytes, Array] = OrderedDict()
        self._adapted: OrderedDict[bytes, SpektronEncoder] = OrderedDict()

    @classmethod
    def of_set(cls, data: InstrumentSet, model: Any = "small", **options: Any) -> "SpektronEncoder":
        """An encoder on the axis of an instrument set: near infrared for wavelengths, Raman for wavenumbers.

        Raises
        ------
        EvaluationError
            An axis in neither nm nor 1/cm.
        """
        if data.axis_unit not in ("nm", "1/cm"):
            raise EvaluationError(f"SpektronEncoder: the axis of {data.name} is in {data.axis_unit!r}, not nm or 1/cm.")
        nm = data.axis_unit == "nm"
        axis = 1e7 / data.axis if nm else data.axis
        return cls(axis, model, **{"modality": "nir" if nm else "raman", **options})

    def __repr__(self) -> str:
        what = self._given if isinstance(self._given, str) else self.model.config.name
        return (
            f"SpektronEncoder({what!r}, {self.modality}, {self.channels} channels of {self.axis_cm1.min():.0f} to "
            f"{self.axis_cm1.max():.0f}/cm)"
        )

    def __sklearn_clone__(self) -> "SpektronEncoder":
        return self

    @property
    def model(self) -> "Spektron":
        """The model, read when it is first needed."""
        if self._model is None:
            from ..spektron.model import Spektron
            from ..spektron.rendering import MODALITIES

            given = self._given
            model = given if isinstance(given, Spektron) else Spektron.from_pretrained(given)
            if self.modality not in model.config.modalities:
                known = ", ".join(model.config.modalities)
                raise EvaluationError(f"SpektronEncoder: the model knows {known}, not {self.modality!r}.")
            if model is not given and self.modality not in MODALITIES:
                trained = " and ".join(MODALITIES)
                _LOG.warning("the model was trained on %s spectra, never on %s", trained, self.modality)
            self._model = model
        return self._model

    @property
    def n_chem(self) -> int:
        """How many features, the first ones, are z_chem; the others are pooled tokens and the scale."""
        return self.model.config.chem

    @property
    def channels_cm1(self) -> Array:
        """The even channels (channels,), ascending."""
        return np.linspace(self.axis_cm1.min(), self.axis_cm1.max(), self.channels)

    def features(self, spectra: Any, preprocessing: Preprocessing = "none") -> Array:
        """z_chem, pooled tokens and logarithm of the scale (n, f) of spectra (n, L) as measured.

        A value may differ by 1e-6 with the spectra that were in one batch with its own.
        """
        x = np.ascontiguousarray(spectra, dtype=np.float64)
        keys = [sha256(preprocessing.encode() + row.tobytes()).digest() for row in x]
        place = {key: i for i, key in enumerate(keys)}
        new = [key for key in place if key not in self._rows]
        if new:
            computed = self._computed(x[[place[key] for key in new]], preprocessing)
            computed.setflags(write=False)
            self._rows.update(zip(new, computed, strict=True))
        found = np.array([self._rows[key] for key in keys], dtype=np.float64)
        for key in keys:
            self._rows.move_to_end(key)
        while len(self._rows) > _ROWS_KEPT:
            self._rows.popitem(last=False)
        return found

    def prepared(self, spectra: Any, preprocessing: Preprocessing) -> Array:
        """Spectra (n, channels) as the model is given them."""
        from ..spektron._resampling import resample

        values = np.asarray(spectra, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.axis_cm1):
            raise EvaluationError(
                f"SpektronEncoder: spectra of shape {values.shape} on an axis of {len(self.axis_cm1)} columns."
            )
        values = treated(values, preprocessing)
        axis = self.axis_cm1
        if axis[0] > axis[-1]:
            axis, values = axis[::-1], values[:, ::-1]
        return resample(axis, values, self.channels_cm1)[0]

    def of_model(self, model: "Spektron") -> "SpektronEncoder":
        """One like this with another model."""
        return SpektronEncoder(self.axis_cm1, model, modality=self.modality, channels=self.channels, places=self.places)

    def kept(self, settings: Any, spectra: Any, make: Callable[[], "Spektron"]) -> "SpektronEncoder":
        """An encoder of the model that ``make`` returns, or the one made before with these settings and spectra.

        Parameters
        ----------
        settings
            With a ``repr`` that says all that the model depends on besides the spectra.
        spectra : array (k, L)
        make : callable
        """
        digest = sha256(repr(settings).encode())
        digest.update(np.ascontiguousarray(spectra, dtype=np.float64).tobytes())
        key = digest.digest()
        if key not in self._adapted:
            self._adapted[key] = self.of_model(make())
            while len(self._adapted) > _MODELS_KEPT:
                self._adapted.popitem(last=False)
        self._adapted.move_to_end(key)
        return self._adapted[key]

    def _computed(self, spectra: Array, preprocessing: Preprocessing) -> Array:
        import torch

        from ..spektron.model import evaluating

        values = torch.as_tensor(self.prepared(spectra, preprocessing), dtype=torch.float32).unsqueeze(1)
        with torch.no_grad(), evaluating(self.model):
            parts = [self.of(rows) for rows in values.split(_BATCH)]
        return torch.cat(parts).cpu().numpy()

    def of(self, rows: Any, model: Any = None) -> Any:
        """The features as a Tensor (b, f), differentiable, of prepared spectra, a Tensor (b, 1, channels)."""
        import torch
        from torch.nn.functional import adaptive_avg_pool1d

        axis = torch.as_tensor(self.channels_cm1, dtype=torch.float32)
        encoded = (model or self.model).encode(rows, modalities=(self.modality,), axis=axis)
        tokens = encoded.tokens[:, 0].transpose(1, 2)
        pooled = adaptive_avg_pool1d(tokens, min(self.places, tokens.shape[-1]))
        return torch.cat([encoded.chem.mean, pooled.flatten(1), encoded.scale.flatten(1).log()], dim=1)


def derivative(spectra: Array) -> Array:
    """First derivatives (n, L) by Savitzky and Golay, 15 channels, quadratic; by channel."""
    from scipy.signal import savgol_filter

    window, degree = _SMOOTHING
    if spectra.shape[1] < window:
        raise EvaluationError(
            f"a derivative over {window} channels needs as many; the spectra have {spectra.shape[1]}."
        )
    return np.asarray(savgol_filter(spectra, window, degree, deriv=1, axis=1), dtype=np.float64)


def treated(spectra: Array, preprocessing: Preprocessing) -> Array:
    """Spectra (n, L) or their derivatives."""
    if preprocessing not in PREPROCESSING:
        raise EvaluationError(f"preprocessing {preprocessing!r}: choose one of {', '.join(PREPROCESSING)}.")
    return derivative(spectra) if preprocessing == "derivative" else spectra
