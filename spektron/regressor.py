"""`SpektronRegressor`: concentrations and other sample properties from spectra, with the manners of scikit-learn."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingPackageError, ModelError, SpectrumError
from ..groups.operations import NDArrayFloat
from ._resampling import resample

try:
    from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
except ImportError as error:
    raise MissingPackageError.of_extra("SpektronRegressor needs scikit-learn", "ml") from error

if TYPE_CHECKING:
    from .model import Spektron

__all__ = ["SpektronRegressor"]

_LOG = logging.getLogger(__name__)
_BLOCKS = ("chem", "tokens", "spectrum")
_HEADS = ("ridge", "pls")
_PREPROCESSING = ("none", "snv", "derivative")
_ALPHAS = tuple(float(a) for a in np.logspace(-8, 4, 25))
_MOST_COMPONENTS = 20
_SMOOTHING = (15, 2)  # Savitzky-Golay window in channels and degree, of the derivative


class SpektronRegressor(RegressorMixin, TransformerMixin, BaseEstimator):
    """Ridge or PLS regression on what a Spektron encoder makes of spectra.

    The spectra go through the encoder on their own axis; its features (z_chem, and tokens pooled along the axis) go
    into a linear model whose penalty or number of components is chosen by cross-validation among the training
    samples. The encoder is frozen, or fine-tuned on the training samples first.

    Parameters
    ----------
    model : str, Path or Spektron
        A shipped model, the folder of one, or the model itself.
    features : str
        One or more of "chem", "tokens" and "spectrum", joined with "+". "spectrum" alone passes the encoder by: the
        control that says what the encoder is good for.
    head : {"ridge", "pls"}
    preprocessing : {"none", "snv", "derivative"}
        Of the spectra: standard normal variate, or first derivative (Savitzky-Golay, 15 channels of the model,
        quadratic).
    places : int
        Stretches of the axis that tokens are averaged over.
    fine_tune_epochs : int
        0: the encoder is frozen. Else at most so many epochs, the number chosen on a held-out fifth.
    learning_rate : float
        Of the fine-tuning.
    folds : int
        Of the cross-validation; fewer where there are fewer samples.
    random_state : int
        Seed of folds and fine-tuning.

    Attributes
    ----------
    axis_cm1_ : ndarray (p,)
        Ascending; the columns of X are brought into this order.
    modality_ : str
    encoder_ : Spektron
        The (fine-tuned) model.
    fine_tuned_epochs_ : int
    penalty_ : float or int
        The chosen ridge penalty or number of PLS components.
    cv_rmse_ : float
        Of the cross-validation at ``penalty_``, mean over standardised targets. After fine-tuning it is too good: the
        features have seen the samples.
    n_features_in_ : int

    Examples
    --------
    >>> from symvib.spektron.config import preset
    >>> from symvib.spektron.model import Spektron
    >>> rng = np.random.default_rng(0)
    >>> share = rng.random(30)
    >>> nu = np.linspace(4000.0, 9000.0, 300)
    >>> bands = [np.exp(-(((nu - centre) / 200) ** 2)) for centre in (5200, 7000)]
    >>> X = share[:, None] * bands[0] + (1 - share)[:, None] * bands[1]
    >>> model = Spektron(preset("tiny"))
    >>> fitted = SpektronRegressor(model).fit(X[:20], share[:20], axis_cm1=nu, modality="nir")
    >>> bool(fitted.score(X[20:], share[20:]) > 0.95)
    True
    """

    def __init__(
        self,
        model: Any = "small",
        *,
        features: str = "chem+tokens",
        head: str = "ridge",
        preprocessing: str = "none",
        places: int = 8,
        fine_tune_epochs: int = 0,
        learning_rate: float = 3e-4,
        folds: int = 5,
        random_state: int = 0,
    ) -> None:
        self.model = model
        self.features = features
        self.head = head
        self.preprocessing = preprocessing
        self.places = places
        self.fine_tune_epochs = fine_tune_epochs
        self.learning_rate = learning_rate
        self.folds = folds
        self.random_state = random_state

    # ---------------------------------------------------------------------------------------------------- sklearn

    def fit(self, X: Any, y: Any, axis_cm1: Any = None, modality: str = "ir") -> "SpektronRegressor":
        """Fit to spectra X (n, p) and targets y (n,) or (n, t).

        Parameters
        ----------
        X : array (n, p)
            Absorbance, log(1/R) or Raman intensity; one spectrum in each row.
        y : array (n,) or (n, t)
        axis_cm1 : array (p,)
            Wavenumbers or Raman shifts of the columns, ascending or descending: 1e7/wavelength_nm for wavelengths
            [default: the columns are spread evenly over the axis of the model, with a warning in the log].
        modality : {"ir", "raman", "nir"}
            The shipped model was trained on infrared and Raman spectra only; others are warned of in the log.

        Raises
        ------
        SpectrumError
            NaN, shapes that do not fit, an axis that is not monotonic.
        ModelError
            An unknown option, a model that does not know the modality, fewer than two samples.
        """
        from sklearn.utils.validation import validate_data

        self._check_options()
        checked = validate_data(
            self, X, y, multi_output=True, y_numeric=True, dtype="float64", ensure_min_samples=2, ensure_min_features=2
        )
        spectra, targets = (np.asarray(part) for part in checked)
        self.n_features_in_ = spectra.shape[1]
        encoder = self._encoder()
        if modality not in encoder.config.modalities:
            raise ModelError(f"the model knows {', '.join(encoder.config.modalities)}; {modality!r} is none of them.")
        from .rendering import MODALITIES

        if modality not in MODALITIES:
            _LOG.warning(
                "the model was trained on %s spectra, never on %s: compare with features='spectrum'.",
                " and ".join(MODALITIES),
                modality,
            )
        self.modality_ = modality
        self._set_axis(axis_cm1, encoder)
        self.encoder_, self.fine_tuned_epochs_ = encoder, 0
        prepared = self._prepared(spectra)
        table = targets.reshape(len(targets), -1)
        # Channels of a spectrum share one scale: small ones are noise, not to be blown up.
        self._unit = max(float(np.sqrt(prepared.var(axis=0).mean())), 1e-12)
        if self.fine_tune_epochs and self.features != "spectrum":
            from ._regressor_features import fine_tuned

            self.encoder_, self.fine_tuned_epochs_ = fine_tuned(
                encoder,
                prepared,
                table,
                self.channels_cm1_,
                modality,
                epochs=self.fine_tune_epochs,
                learning_rate=self.learning_rate,
                seed=self.random_state,
            )
        self._fit_head(self._featured(prepared), table)
        self._n_targets = targets.shape[1] if targets.ndim == 2 else 0
        return self

    def predict(self, X: Any) -> NDArrayFloat:
        """Targets (n,) or (n, t) of spectra X (n, p) on the axis of the fit."""
        features = self._featured(self._prepared(self._checked(X)))
        said = np.asarray(self.head_.predict(features))
        said = said.reshape(len(said), -1)
        return said if self._n_targets else said[:, 0]

    def transform(self, X: Any) -> NDArrayFloat:
        """z_chem (n, chem) of spectra X (n, p) on the axis of the fit."""
        from ._regressor_features import chem_features

        prepared = self._prepared(self._checked(X))
        return chem_features(self.encoder_, prepared, self.channels_cm1_, self.modality_)

    # ------------------------------------------------------------------------------------------------------ parts

    def _check_options(self) -> None:
        blocks = self.features.split("+")
        if len(set(blocks)) != len(blocks) or not set(blocks) <= set(_BLOCKS):
            raise ModelError(
                f"SpektronRegressor(features={self.features!r}): join some of {', '.join(_BLOCKS)} with '+'."
            )
        allowed = (("head", _HEADS), ("preprocessing", _PREPROCESSING))
        for name, words in allowed:
            if getattr(self, name) not in words:
                raise ModelError(
                    f"SpektronRegressor({name}={getattr(self, name)!r}): choose one of {', '.join(words)}."
                )
        for name, least in (("places", 1), ("fine_tune_epochs", 0), ("folds", 2)):
            if getattr(self, name) < least:
                raise ModelError(f"SpektronRegressor({name}={getattr(self, name)!r}): {least} is the least.")

    def _encoder(self) -> "Spektron":
        from .model import Spektron

        return self.model if isinstance(self.model, Spektron) else Spektron.from_pretrained(self.model)

    def _set_axis(self, axis_cm1: Any, encoder: "Spektron") -> None:
        """The axis of the data, ascending, and as many even channels over the same range as the model has."""
        low, high = encoder.config.lowest_cm1, encoder.config.highest_cm1
        if axis_cm1 is None:
            _LOG.warning(
                "no axis given: %d columns are spread evenly from %g to %g cm-1", self.n_features_in_, low, high
            )
            axis = np.linspace(low, high, self.n_features_in_)
        else:
            axis = np.asarray(axis_cm1, dtype=float)
        if axis.shape != (self.n_features_in_,) or not np.isfinite(axis).all():
            raise SpectrumError(
                f"SpektronRegressor.fit: an axis of shape {axis.shape} for spectra of {self.n_features_in_} points; "
                "one finite number for each is needed."
            )
        steps = np.diff(axis)
        if not ((steps > 0).all() or (steps < 0).all()):
            raise SpectrumError("SpektronRegressor.fit: the axis neither ascends nor descends strictly.")
        self._turned = bool(len(axis) > 1 and steps[0] < 0)
        self.axis_cm1_ = axis[::-1] if self._turned else axis
        self.channels_cm1_ = np.linspace(self.axis_cm1_[0], self.axis_cm1_[-1], encoder.config.channels)

    def _checked(self, X: Any) -> NDArrayFloat:
        from sklearn.utils.validation import check_is_fitted, validate_data

        check_is_fitted(self, "head_")
        return np.asarray(validate_data(self, X, reset=False, dtype="float64"))

    def _prepared(self, spectra: NDArrayFloat) -> NDArrayFloat:
        """Spectra (n, L) on even channels over the range of the data, preprocessed."""
        ordered = spectra[:, ::-1] if self._turned else spectra
        values, _ = resample(self.axis_cm1_, ordered, self.channels_cm1_)
        if self.preprocessing == "snv":
            deviation = values.std(axis=1, keepdims=True)
            return (values - values.mean(axis=1, keepdims=True)) / np.where(deviation > 0, deviation, 1.0)
        if self.preprocessing == "derivative":
            from scipy.signal import savgol_filter

            return np.asarray(savgol_filter(values, *_SMOOTHING, deriv=1, axis=1), dtype=float)
        return values

    def _featured(self, prepared: NDArrayFloat) -> NDArrayFloat:
        from ._regressor_features import chem_features, token_features

        place = (self.encoder_, prepared, self.channels_cm1_, self.modality_)
        parts = []
        for block in self.features.split("+"):
            if block == "chem":
                parts.append(chem_features(*place))
            elif block == "tokens":
                parts.append(token_features(*place, self.places))
            else:
                parts.append(prepared / self._unit)
        return np.concatenate(parts, axis=1)

    def _fit_head(self, features: NDArrayFloat, targets: NDArrayFloat) -> None:
        """Choose the penalty by cross-validation and fit the head to all training samples."""
        from sklearn.model_selection import KFold

        from ._linear_heads import cross_validated, linear_head

        folds = KFold(min(self.folds, len(features)), shuffle=True, random_state=self.random_state)
        scaled = self.features != "spectrum"  # features of an encoder have scales of their own
        candidates: tuple[float, ...] = _ALPHAS
        if self.head == "pls":
            smallest = min(len(train) for train, _ in folds.split(features))
            candidates = tuple(range(1, max(1, min(_MOST_COMPONENTS, smallest - 1, features.shape[1])) + 1))
        errors = cross_validated(features, targets, self.head, candidates, folds, scaled)
        best = int(np.argmin(errors))
        self.penalty_ = candidates[best]
        self.cv_rmse_ = float(errors[best])
        self.head_ = linear_head(self.head, self.penalty_, scaled).fit(features, targets)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.regressor_tags.poor_score = True  # the checks regress on noise, which is no spectrum
        return tags
