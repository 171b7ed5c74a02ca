"""How far the model's word can be trusted: calibrated group probabilities, and whether a spectrum is like its training.

Logits become probabilities by temperature scaling (C. Guo et al., arXiv:1706.04599) or Platt scaling, fitted on
molecules that were not trained on. Novelty is a conformal p-value (V. Vovk et al., Algorithmic Learning in a Random
World, 2005): the share of calibration spectra that are at least as strange.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MissingPackageError, ModelError
from ..groups.operations import NDArrayFloat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ConformalScore", "GroupCalibration", "MahalanobisDistance", "Reliability", "reliability", "sigmoid"]

_STEPS = 50
_TOLERANCE = 1e-10


def sigmoid(logits: Any) -> NDArrayFloat:
    """1/(1 + exp(-x)) without overflow.

    Examples
    --------
    >>> sigmoid([-1e4, 0.0, 1e4]).tolist()
    [0.0, 0.5, 1.0]
    """
    from scipy.special import expit

    return expit(np.asarray(logits, dtype=float))


@dataclass(frozen=True, eq=False)
class GroupCalibration:
    """Probabilities of functional groups from logits: sigmoid(slope * logit + intercept), one pair for each group.

    Attributes
    ----------
    slopes, intercepts : ndarray (G,)
        1 and 0: as the model says. Slopes are not negative.
    kind : str
        "none", "temperature" (one slope for all, no intercepts) or "platt".
    """

    slopes: NDArrayFloat
    intercepts: NDArrayFloat
    kind: str = "platt"

    def __post_init__(self) -> None:
        slopes, intercepts = (np.array(x, dtype=float) for x in (self.slopes, self.intercepts))
        if slopes.ndim != 1 or slopes.shape != intercepts.shape or not np.isfinite([slopes, intercepts]).all():
            raise ModelError(f"GroupCalibration: slopes {slopes.shape} and intercepts {intercepts.shape} for G groups.")
        if (slopes < 0).any():
            raise ModelError(f"GroupCalibration: a negative slope ({slopes.min():.3g}) would turn the order round.")
        for name, array in (("slopes", slopes), ("intercepts", intercepts)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def none(cls, n_groups: int) -> "GroupCalibration":
        """The calibration that leaves the model's probabilities as they are."""
        return cls(np.ones(n_groups), np.zeros(n_groups), "none")

    @classmethod
    def fit(
        cls, logits: Any, labels: Any, mask: Any = None, kind: str = "platt", prior: float = 2.0
    ) -> "GroupCalibration":
        """The calibration of largest likelihood on held-out molecules.

        Platt's parameters are drawn to 1 and 0 with the weight of a few molecules, so that a group seen twice does
        not get certain. Newton's method; the problem is convex.

        Parameters
        ----------
        logits : array (n, G)
        labels : array (n, G)
            0 or 1.
        mask : array (n,) or (n, G) of bool, optional
            Labels that are known.
        kind : {"platt", "temperature"}
        prior : float
            Weight of the pull to 1 and 0.

        Raises
        ------
        ModelError
            Shapes that differ, NaN, no known label, an unknown kind.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.normal(size=(4000, 1))
        >>> labels = rng.random((4000, 1)) < sigmoid(truth)
        >>> found = GroupCalibration.fit(3 * truth + 1, labels)  # three times too certain, and biased
        >>> [round(float(x), 1) for x in (found.slopes[0], found.intercepts[0])]
        [0.3, -0.3]
        """
        x, y, w = _labelled(logits, labels, mask)
        if kind == "temperature":
            slope = _fit_slope(x, y, w)
            return cls(np.full(x.shape[1], slope), np.zeros(x.shape[1]), kind)
        if kind != "platt":
            raise ModelError(f"GroupCalibration.fit: kind {kind!r}; the kinds are 'platt' and 'temperature'.")
        return cls(*_fit_platt(x, y, w, prior), kind)

    def probabilities(self, logits: Any) -> NDArrayFloat:
        """Probabilities (..., G) of logits (..., G)."""
        values = np.asarray(logits, dtype=float)
        if values.shape[-1:] != self.slopes.shape:
            raise ModelError(f"GroupCalibration of {len(self.slopes)} groups, logits of shape {values.shape}.")
        return sigmoid(self.slopes * values + self.intercepts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; `from_dict` reads them back."""
        return {"kind": self.kind, "slopes": self.slopes.tolist(), "intercepts": self.intercepts.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GroupCalibration":
        """The calibration of `as_dict`."""
        return cls(np.array(values["slopes"]), np.array(values["intercepts"]), str(values["kind"]))


def _labelled(logits: Any, labels: Any, mask: Any) -> tuple[NDArrayFloat, NDArrayFloat, NDArrayFloat]:
    x, y = np.asarray(logits, dtype=float), np.asarray(labels, dtype=float)
    known = np.ones(x.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    if known.ndim == 1 and x.ndim == 2:
        known = np.broadcast_to(known[:, None], x.shape)
    if x.ndim != 2 or y.shape != x.shape or known.shape != x.shape:
        raise ModelError(f"calibration: logits {x.shape}, labels {y.shape}, mask {known.shape}; all are (n, G).")
    if not known.any() or not np.isfinite(x).all() or not np.isin(y[known], (0.0, 1.0)).all():
        raise ModelError("calibration: finite logits and labels 0 or 1 are needed, one known label at least.")
    return x, np.where(known, y, 0.0), known.astype(float)


def _fit_slope(x: NDArrayFloat, y: NDArrayFloat, w: NDArrayFloat) -> float:
    """The common slope (1/temperature), by Newton steps in its logarithm."""
    log_slope = 0.0
    for _ in range(_STEPS):
        slope = np.exp(log_slope)
        p = sigmoid(slope * x)
        gradient = slope * float((w * (p - y) * x).sum())
        curvature = slope**2 * float((w * p * (1 - p) * x**2).sum()) + abs(gradient)
        step = float(np.clip(gradient / max(curvature, 1e-12), -1.0, 1.0))
        log_slope = float(np.clip(log_slope - step, -6.0, 6.0))
        if abs(step) < _TOLERANCE:
            break
    return float(np.exp(log_slope))


def _fit_platt(x: NDArrayFloat, y: NDArrayFloat, w: NDArrayFloat, prior: float) -> tuple[NDArrayFloat, NDArrayFloat]:
    """Slopes and intercepts (G,), all groups at once: penalised logistic regressions with 2 x 2 Hessians."""
    # The pull is stated in units of the scatter of the logits, else a model with small logits could not be corrected.
    scale = np.sqrt((w * x**2).sum(0) / np.maximum(w.sum(0), 1)).clip(1e-6)
    parameters = np.stack([scale, np.zeros_like(scale)])  # of x / scale
    target, z = parameters.copy(), x / scale
    design = np.stack([z, np.ones_like(z)])
    value = _platt_loss(parameters, design, y, w, prior, target)
    for _ in range(_STEPS):
        p = sigmoid((parameters[:, None] * design).sum(0))
        gradient = (design * (w * (p - y))).sum(1) + prior * (parameters - target)
        hessian = np.einsum("ang,bng->gab", design * (w * p * (1 - p)), design) + prior * np.eye(2)
        step = np.linalg.solve(hessian, gradient.T[..., None])[..., 0].T
        length = np.ones(x.shape[1])
        for _ in range(30):
            trial = parameters - length * step
            lower = _platt_loss(trial, design, y, w, prior, target)
            worse = lower > value + 1e-12 * np.abs(value)
            if not worse.any():
                break
            length = np.where(worse, length / 2, length)
        parameters, value = np.where(worse, parameters, trial), np.where(worse, value, lower)
        if np.abs(step).max() < _TOLERANCE:
            break
    slopes, intercepts = parameters / np.stack([scale, np.ones_like(scale)])
    useless = slopes < 0  # the logit says nothing, or the contrary: what is left is how frequent the group is
    rate = ((w * y).sum(0) + 1) / (w.sum(0) + 2)
    return np.where(useless, 0.0, slopes), np.where(useless, np.log(rate / (1 - rate)), intercepts)


def _platt_loss(
    parameters: NDArrayFloat, design: NDArrayFloat, y: NDArrayFloat, w: NDArrayFloat, prior: float, target: NDArrayFloat
) -> NDArrayFloat:
    x = (parameters[:, None] * design).sum(0)
    return (w * (np.logaddexp(0, x) - y * x)).sum(0) + prior / 2 * ((parameters - target) ** 2).sum(0)


# -------------------------------------------------------------------------------------------------- reliability


@dataclass(frozen=True, eq=False)
class Reliability:
    """How well probabilities agree with frequencies.

    Attributes
    ----------
    expected_calibration_error : float
        Mean |frequency - probability| over the bins, weighted by their counts.
    brier, log_loss : float
        Means over all known labels; log_loss in nats.
    mean_probability, frequency, counts : ndarray (bins,)
        NaN-free: bins without a label are left out.
    """

    expected_calibration_error: float
    brier: float
    log_loss: float
    mean_probability: NDArrayFloat
    frequency: NDArrayFloat
    counts: np.ndarray

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with frequency over probability; a calibrated model lies on the diagonal."""
        from matplotlib.figure import Figure

        ax = ax or Figure(figsize=(4.0, 4.0), layout="constrained").add_subplot()
        ax.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        ax.plot(self.mean_probability, self.frequency, marker="o", markersize=4)
        ax.set(xlabel="predicted probability", ylabel="frequency", xlim=(0, 1), ylim=(0, 1))
        ax.set_title(f"expected calibration error {self.expected_calibration_error:.3f}", fontsize="medium")
        return ax


def reliability(probabilities: Any, labels: Any, mask: Any = None, bins: int = 10) -> Reliability:
    """Calibration error, Brier score and log loss of probabilities (n, G) against labels (n, G), in equal bins.

    Examples
    --------
    >>> round(reliability(np.full((4, 1), 0.5), [[1], [0], [1], [1]]).expected_calibration_error, 2)
    0.25
    """
    p, y, w = _labelled(probabilities, labels, mask)
    if not ((p >= 0) & (p <= 1)).all():
        raise ModelError(f"reliability: probabilities from {p.min():.3g} to {p.max():.3g}; logits given?")
    known = w > 0
    p, y = p[known], y[known]
    place = np.minimum((p * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    used = counts > 0
    said, seen = (np.bincount(place, v, bins)[used] / counts[used] for v in (p, y))
    sure = np.clip(p, 1e-12, 1 - 1e-12)
    loss = -float(np.mean(y * np.log(sure) + (1 - y) * np.log1p(-sure)))
    error = float(counts[used] @ np.abs(said - seen)) / len(p)
    return Reliability(error, float(np.mean((p - y) ** 2)), loss, said, seen, counts[used])


# ------------------------------------------------------------------------------------------------------ novelty


@dataclass(frozen=True, eq=False)
class MahalanobisDistance:
    """Distance of latents from those of the training molecules, in standard deviations along every direction.

    Attributes
    ----------
    mean : ndarray (k,)
    whitening : ndarray (k, k)
        W with W cov W^T = 1.
    """

    mean: NDArrayFloat
    whitening: NDArrayFloat

    @classmethod
    def fit(cls, latents: Any) -> "MahalanobisDistance":
        """Of latents (n, k); the covariance is shrunk as by O. Ledoit, M. Wolf, J. Multivar. Anal. 88, 365 (2004).

        Raises
        ------
        ModelError
            Fewer than two latents, or NaN.
        MissingPackageError
            No scikit-learn.
        """
        try:
            from sklearn.covariance import ledoit_wolf
        except ImportError as error:
            raise MissingPackageError.of_extra("the novelty score needs scikit-learn", "ml") from error
        z = np.asarray(latents, dtype=float)
        if z.ndim != 2 or len(z) < 2 or not np.isfinite(z).all():
            raise ModelError(
                f"MahalanobisDistance.fit: latents of shape {z.shape}; two finite rows are needed at least."
            )
        covariance = ledoit_wolf(z)[0]
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 1e-12 * max(values[-1], 1e-300))
        return cls(z.mean(0), (vectors / np.sqrt(values)).T)

    def __call__(self, latents: Any) -> NDArrayFloat:
        """Distances (n,) of latents (n, k); about sqrt(k) where they are like those of the training."""
        return np.linalg.norm((np.asarray(latents, dtype=float) - self.mean) @ self.whitening.T, axis=-1)


@dataclass(frozen=True, eq=False)
class ConformalScore:
    """The p-value of a strangeness: the share of calibration spectra that are at least as strange, itself included.

    For a spectrum drawn like those, the p-value is uniform whatever the score is: below 0.01 in 1 % of the cases.

    Attributes
    ----------
    calibration : ndarray (m,)
        Scores of spectra not trained on, ascending; larger is stranger.

    Examples
    --------
    >>> ConformalScore(np.arange(99.0)).p_value([-1.0, 49.0, 200.0]).tolist()
    [1.0, 0.51, 0.01]
    """

    calibration: NDArrayFloat

    def __post_init__(self) -> None:
        scores = np.sort(np.asarray(self.calibration, dtype=float))
        if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
            raise ModelError(f"ConformalScore: calibration scores of shape {scores.shape}; one finite score at least.")
        scores.setflags(write=False)
        object.__setattr__(self, "calibration", scores)

    def p_value(self, scores: Any) -> NDArrayFloat:
        """p-values of scores, any shape, from 1/(m + 1) to 1."""
        m = len(self.calibration)
        below = np.searchsorted(self.calibration, np.asarray(scores, dtype=float), side="left")
        return (m - below + 1) / (m + 1)
