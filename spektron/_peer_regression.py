"""Chemometric peers: PLS, ridge and random forest, from spectra to targets, one model for each set of modalities."""

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import MissingPackageError, ModelError
from ._peer_peaks import peak_features
from ._peer_preprocessing import SPACING_CM1, Preprocessing, spectra_and_presence

__all__ = ["METHODS", "RegressionPeer", "reference_targets"]

METHODS = ("pls", "ridge", "forest")
_DEFAULT = Preprocessing(baseline="polynomial", smoothing_cm1=6.0, power=0.5, channels_per_bin=4)


@dataclass
class RegressionPeer:
    """Regression from spectra to targets; the embedding is the standardised prediction at unit length.

    Each non-empty set of modalities has its own regression, fitted to the training spectra that have all of the set (a
    spectrum of IR and Raman trains three); a query is answered by the regression of exactly the modalities it has.

    Attributes
    ----------
    method : {"pls", "ridge", "forest"}
        Partial least squares and ridge on preprocessed channels, random forest on peak features.
    preprocessing : Preprocessing
        Of PLS and ridge.
    n_components : int
        PLS components.
    alpha : float
        Ridge penalty, in units of the mean variance of a channel times the number of training spectra.
    n_trees, least_leaf : int
        Of the forest.
    max_features : float
        Share of the features that each split of the forest chooses from.
    whitening : float
        Predictions are compared after division by the standard deviation of the training targets to this power.
    seed : int
        Of the forest.
    n_jobs : int or None
        Threads of the forest.
    spacing_cm1 : float
        Between channels.
    """

    method: str = "pls"
    preprocessing: Preprocessing = _DEFAULT
    n_components: int = 64
    alpha: float = 1e-2
    n_trees: int = 100
    least_leaf: int = 2
    max_features: float = 0.1
    whitening: float = 1.0
    seed: int = 0
    n_jobs: int | None = None
    spacing_cm1: float = SPACING_CM1
    _models: dict[tuple[int, ...], Any] = field(default_factory=dict, repr=False)
    _moments: "dict[tuple[int, ...], _Moments]" = field(default_factory=dict, repr=False)
    _mean: np.ndarray | None = field(default=None, repr=False)
    _deviation: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self):
        if self.method not in METHODS:
            raise ModelError(f"method {self.method!r} is not one of {', '.join(METHODS)}")

    @property
    def name(self) -> str:
        """The method."""
        return self.method

    def fit(self, spectra: Any, targets: Any, present: Any = None) -> "RegressionPeer":
        """Itself, fitted to spectra (n, M, L) and targets (n, k)."""
        spectra, present = spectra_and_presence(spectra, present)
        targets = np.asarray(targets, dtype=np.float32)
        if targets.ndim != 2 or len(targets) != len(spectra) or not np.isfinite(targets).all():
            raise ModelError(f"Finite targets (n, k) are wanted for {len(spectra)} spectra, got shape {targets.shape}")
        deviation = targets.std(axis=0)
        self._mean, self._deviation = targets.mean(axis=0), np.maximum(deviation, 1e-6 * deviation.max() + 1e-12)
        features = [self._features(spectra[:, m]) for m in range(spectra.shape[1])]
        self._models, self._moments = {}, {}
        for size in range(1, len(features) + 1):
            for chosen in combinations(range(len(features)), size):
                rows = present[:, chosen].all(axis=1)
                if rows.sum() > 1:
                    x = np.concatenate([features[m][rows] for m in chosen], axis=1)
                    if self.method == "forest":
                        self._models[chosen] = self._forest().fit(x, targets[rows])
                    else:
                        self._moments[chosen] = _Moments.of(x, targets[rows])
                        self._models[chosen] = self._linear(self._moments[chosen])
        return self

    def predict(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Targets (n, k); ModelError before `fit` or for modalities that no training spectrum had together."""
        if self._mean is None:
            raise ModelError("RegressionPeer.predict before fit: there is no regression yet")
        spectra, present = spectra_and_presence(spectra, present)
        features = [self._features(spectra[:, m]) for m in range(spectra.shape[1])]
        found = np.repeat(self._mean[None], len(spectra), axis=0)  # the mean where nothing was measured
        for pattern in np.unique(present, axis=0):
            chosen = tuple(np.flatnonzero(pattern).tolist())
            if not chosen:
                continue
            if chosen not in self._models:
                raise ModelError(f"No training spectra had the modalities {chosen}; known: {sorted(self._models)}")
            rows = (present == pattern).all(axis=1)
            x = np.concatenate([features[m][rows] for m in chosen], axis=1)
            found[rows] = np.reshape(self._models[chosen].predict(x), (len(x), -1))
        return found

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k): predictions, standardised by the training targets."""
        predicted = self.predict(spectra, present)  # refuses before fit
        centred = (predicted - self._mean) / np.asarray(self._deviation) ** self.whitening
        size = np.linalg.norm(centred, axis=1, keepdims=True)
        return centred / np.where(size > 0, size, 1.0)

    def variant(self, **changes: Any) -> "RegressionPeer":
        """A fitted copy with another ``whitening``, ``alpha`` or ``n_components``, without the spectra.

        What PLS and ridge are computed from (sums of products of the training spectra and targets) is kept by `fit`.

        Raises
        ------
        ModelError
            Not fitted, or a change that needs another fit.
        """
        unknown = set(changes) - {"whitening", "alpha", "n_components"}
        if unknown or self._mean is None:
            raise ModelError(
                f"RegressionPeer.variant({', '.join(map(str, changes))}): "
                + (
                    f"{', '.join(sorted(unknown))} needs another fit"
                    if unknown
                    else "there is no regression before fit"
                )
            )
        changed = replace(self, **changes)
        if set(changes) - {"whitening"} and self._moments:
            changed._models = {chosen: changed._linear(moments) for chosen, moments in self._moments.items()}
        return changed

    def _features(self, spectra: np.ndarray) -> np.ndarray:
        if self.method == "forest":
            return peak_features(spectra, spacing_cm1=self.spacing_cm1)
        x = self.preprocessing(spectra, self.spacing_cm1)
        size = np.linalg.norm(x, axis=1, keepdims=True)
        return x / np.where(size > 0, size, np.float32(1.0))

    def _forest(self) -> Any:
        try:
            from sklearn.ensemble import RandomForestRegressor
        except ImportError as error:
            raise MissingPackageError.of_extra("forests need scikit-learn", "ml") from error
        return RandomForestRegressor(
            self.n_trees,
            min_samples_leaf=self.least_leaf,
            max_features=self.max_features,
            random_state=self.seed,
            n_jobs=self.n_jobs,
        )

    def _linear(self, moments: "_Moments") -> "_Linear":
        return moments.ridge(self.alpha) if self.method == "ridge" else moments.pls(self.n_components)


@dataclass(frozen=True, eq=False)
class _Linear:
    """Predicts (x - x_mean) coefficients + y_mean."""

    x_mean: np.ndarray
    y_mean: np.ndarray
    coefficients: np.ndarray

    def predict(self, x: np.ndarray) -> np.ndarray:
        return ((x - self.x_mean) @ self.coefficients + self.y_mean).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Moments:
    """What linear regressions need of features (n, p) and targets (n, k): means, X^T X (p, p) and X^T Y (p, k)."""

    x_mean: np.ndarray
    y_mean: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    n: int

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> "_Moments":
        x, y = x.astype(np.float64), y.astype(np.float64)
        x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
        x -= x_mean
        return cls(x_mean, y_mean, x.T @ x, x.T @ (y - y_mean), len(x))

    def ridge(self, alpha: float) -> _Linear:
        """With a penalty relative to the size of the features (sklearn's is absolute)."""
        gram = self.gram.copy()
        gram[np.diag_indices_from(gram)] += alpha * np.trace(gram) / len(gram)
        return _Linear(self.x_mean, self.y_mean, np.linalg.solve(gram, self.cross))

    def pls(self, n_components: int) -> _Linear:
        """PLS2 by the second improved kernel algorithm of B. S. Dayal, J. F. MacGregor, J. Chemometr. 11, 73 (1997).

        The same regression as NIPALS of unscaled features, without a pass over the spectra in each of its steps.
        """
        most = min(self.n - 1, len(self.gram))
        if not 1 <= n_components <= most:
            raise ModelError(
                f"{n_components} PLS components of {self.n} spectra of {len(self.gram)} features: give 1 to {most}"
            )
        cross = self.cross.copy()
        weights, loadings, answers = [], [], []
        for _ in range(n_components):
            direction = cross @ np.linalg.eigh(cross.T @ cross)[1][:, -1]
            size = np.linalg.norm(direction)
            if size <= 1e-10 * np.linalg.norm(self.cross):
                break  # nothing of the targets is left to explain
            weight = direction / size
            for earlier, loading in zip(weights, loadings, strict=True):
                weight = weight - (loading @ direction / size) * earlier
            image = self.gram @ weight
            square = weight @ image
            weights.append(weight)
            loadings.append(image / square)
            answers.append(weight @ cross / square)
            cross -= np.outer(image, answers[-1])
        coefficients = np.transpose(weights) @ np.array(answers) if weights else np.zeros_like(self.cross)
        return _Linear(self.x_mean, self.y_mean, coefficients)


def reference_targets(reference: Any, n_components: int = 64, power: float = 0.5, seed: int = 0) -> np.ndarray:
    """Principal-component scores (n, k) of undistorted spectra (n, M, L): what the regressions predict for retrieval.

    Parameters
    ----------
    reference : (n, M, L) array
        Maximum 1 each; NaN (absent) counts as zero.
    n_components : int
    power : float
        Taken of the values first, so that weak bands count.
    seed : int
        Of the randomised decomposition.
    """
    x, _ = spectra_and_presence(reference)
    x = (np.maximum(x, 0.0) ** np.float32(power)).reshape(len(x), -1)
    if not 1 <= n_components < min(x.shape):
        raise ModelError(f"{n_components} components of {x.shape[0]} spectra of {x.shape[1]} values: give fewer")
    x = x - x.mean(axis=0)
    # Randomised range finder with power steps (N. Halko et al., SIAM Rev. 53, 217 (2011)): spectra are many and wide.
    basis = np.random.default_rng(seed).normal(size=(x.shape[1], n_components + 16)).astype(np.float32)
    for _ in range(4):
        basis, _ = np.linalg.qr(x.T @ (x @ basis))
    left, sizes, _ = np.linalg.svd(x @ basis, full_matrices=False)
    return (left[:, :n_components] * sizes[:n_components]).astype(np.float32)
