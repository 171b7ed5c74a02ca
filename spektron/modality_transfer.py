"""One spectrum of a sample from another: a variational autoencoder on peak maps, and a convolutional network.

Both have ``fit(X, Y, x_mask, y_mask, groups, seed)`` and ``predict(X, x_mask)`` on fixed axes; spectra are scaled to a
maximum of 1. The generative one follows the idea of SpectroGen (Y. Liu et al., Matter 2025: peaks of Gaussian,
Lorentzian or Voigt form as the physical prior of a VAE from one technique to another); encoding, likelihood and
training are ours.
"""

import json
from collections.abc import MutableMapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..groups.operations import NDArrayFloat
from ._modality_training import PairedSpectra, TrainingPlan, paired_spectra, spectra_and_mask, train, validation_rows
from ._peak_networks import PeakTranslator, as_tensor, gaussian_divergence, masked_correlation, rendered_maps
from ._spectrum_network import SpectrumNetwork, shifted
from .peak_maps import PeakBins, PeakCache, fitted_peaks

__all__ = ["PeakVAE", "SpectrumCNN", "TrainingPlan"]

_TRAIN_PER_BIN, _TRAIN_REACH = 2, 8
_SHOW_PER_BIN, _SHOW_REACH = 8, 16
_CHUNK = 64


@dataclass(kw_only=True)
class _ModalityModel:
    """Axes, network, scores of the epochs; saving and loading.

    The axes may be handed in as any ascending sequences.
    """

    axis_x: NDArrayFloat
    axis_y: NDArrayFloat
    plan: TrainingPlan = field(default_factory=TrainingPlan)
    scores: list[float] = field(default_factory=list, repr=False)
    network: Any = field(default=None, repr=False)
    kind: ClassVar[str]
    saved: ClassVar[tuple[str, ...]]

    def __post_init__(self) -> None:
        self.axis_x, self.axis_y = (np.asarray(axis, dtype=float) for axis in (self.axis_x, self.axis_y))
        for axis in (self.axis_x, self.axis_y):
            if axis.ndim != 1 or len(axis) < 16 or not (np.diff(axis) > 0).all():
                raise ModelError(f"{type(self).__name__}: an axis of shape {axis.shape}; 16 ascending points at least.")

    def _build(self) -> nn.Module:
        raise NotImplementedError

    def _new(self, seed: int) -> Any:
        with torch.random.fork_rng(devices=[]):  # the initial weights follow from the seed, the global state stays
            torch.manual_seed(seed)
            return self._build()

    def _fitted(self, call: str) -> Any:
        if self.network is None:
            raise ModelError(f"{type(self).__name__}.{call} before fit: there is no network yet.")
        return self.network

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self._fitted("n_parameters").parameters())

    def save(self, path: str | Path) -> None:
        """Write weights, axes and settings (safetensors)."""
        from safetensors.torch import save

        from ..groups.atomic_write import writing

        weights = {name: value.contiguous() for name, value in self._fitted("save").state_dict().items()}
        axes = {"axes.x": torch.from_numpy(self.axis_x), "axes.y": torch.from_numpy(self.axis_y)}
        about = {"plan": asdict(self.plan), **{name: getattr(self, name) for name in self.saved}}
        with writing(path) as file:
            file.write(save({**weights, **axes}, {"kind": self.kind, "about": json.dumps(about)}))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The model of a file that `save` wrote, ready to predict; ModelError for another file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), "pt") as file:
                words = dict(file.metadata() or {})
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if words.get("kind") != cls.kind:
                raise ValueError(f"it holds {words.get('kind', 'something else')!r}, not {cls.kind!r}")
            about = json.loads(words["about"])
            axes = {f"axis_{name}": weights.pop(f"axes.{name}").numpy() for name in "xy"}
            model = cls(**axes, **{**about, "plan": TrainingPlan(**about["plan"])})
            network = model._new(0)
            network.load_state_dict(weights)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ModelError(f"{path} holds no {cls.__name__}: {type(error).__name__}: {error}") from error
        model.network = network.eval()
        return model


@dataclass(kw_only=True)
class PeakVAE(_ModalityModel):
    """Conditional variational autoencoder from the peaks of one modality to those of another.

    Each spectrum becomes a map of its fitted Voigt peaks (`peak_maps`): per bin whether there is one, root of its
    height, place in the bin, log width, Lorentzian share. The order of the peaks thus does not matter, their number is
    free, and the likelihood of a map is a product over bins of Bernoulli and normal terms. With q(z | x, y), p(z | x)
    and p(y | z) the training maximises

        w E_q [log p(y | z)] - w b KL(q || p(z | x)) + (1 - w) E_p(z|x) [log p(y | z)] + s E_p(z|x) [r],

    the hybrid objective of Sohn, Lee and Yan (NeurIPS 2015, eq. 6; at test time there is no y), with b rising linearly
    to ``kl_weight`` over ``warmup`` epochs, and r the Pearson correlation of the expected spectrum with the measured
    one. The peaks given to the encoder are jittered anew in every epoch.

    Attributes
    ----------
    axis_x, axis_y : ndarray
        Axes of the two modalities.
    width_x, width_y : float or None
        Of the bins; 1/160 of the axis if not given (8 cm-1 for Raman, 22 cm-1 for the mid IR).
    latent, hidden : int
    dropout, kl_weight, posterior_weight (w), correlation_weight (s) : float
    warmup : int
        Epochs.
    jitter, height_jitter, dropped_peaks : float
        What the encoder's peaks go through in training: standard deviation of the positions, in bins; that of the log
        of the heights; share of peaks left out.
    draws : int
        Latent vectors over which `predict` averages.
    cache : mapping or None
        Fitted peaks by digest (`PeakCache`): hand in one that is already filled, for fits take about 0.1 s a spectrum.

    Examples
    --------
    >>> axis = np.linspace(0.0, 320.0, 161)
    >>> places = np.linspace(40, 280, 24)
    >>> x = np.exp(-(((axis - places[:, None]) / 8) ** 2))
    >>> vae = PeakVAE(axis_x=axis, axis_y=axis, width_x=10, width_y=10, hidden=16, plan=TrainingPlan(epochs=2))
    >>> vae.fit(x, x[:, ::-1]).predict(x[:3]).shape
    (3, 161)
    """

    width_x: float | None = None
    width_y: float | None = None
    latent: int = 24
    hidden: int = 192
    dropout: float = 0.3
    kl_weight: float = 0.5
    warmup: int = 15
    posterior_weight: float = 0.5
    correlation_weight: float = 200.0
    jitter: float = 0.35
    height_jitter: float = 0.25
    dropped_peaks: float = 0.1
    draws: int = 8
    cache: MutableMapping[str, NDArrayFloat] | None = field(default=None, repr=False)
    kind = "peak_vae"
    saved = (
        "width_x",
        "width_y",
        "latent",
        "hidden",
        "dropout",
        "kl_weight",
        "warmup",
        "posterior_weight",
        "correlation_weight",
        "jitter",
        "height_jitter",
        "dropped_peaks",
        "draws",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cache is None:
            self.cache = PeakCache()
        self.bins_x = PeakBins(self.axis_x, self.width_x or float(np.ptp(self.axis_x)) / 160)
        self.bins_y = PeakBins(self.axis_y, self.width_y or float(np.ptp(self.axis_y)) / 160)

    def _build(self) -> nn.Module:
        return PeakTranslator(len(self.bins_x), len(self.bins_y), self.latent, self.hidden, self.dropout)

    def fit(
        self, X: Any, Y: Any, x_mask: Any = None, y_mask: Any = None, groups: Any = None, seed: int = 0
    ) -> "PeakVAE":
        """Itself, trained on spectra (n, Lx) and their counterparts (n, Ly).

        Parameters
        ----------
        X, Y : array (n, Lx), (n, Ly)
            Scaled to a maximum of 1.
        x_mask, y_mask : array of bool, optional
            True where measured; without them, where finite.
        groups : array (n,), optional
            What must not be split (the mineral): the validation part for early stopping takes whole groups.
        seed : int
            Of the initial weights, the validation part, and all draws.

        Raises
        ------
        ModelError
            Shapes that do not agree, NaN inside a mask, a spectrum without a measured point, one group alone.
        """
        data = paired_spectra(X, Y, x_mask, y_mask, groups, (len(self.axis_x), len(self.axis_y)), "PeakVAE.fit")
        peaks = fitted_peaks(self.axis_x, data.x, data.x_mask, cache=self.cache)
        maps_x = as_tensor(self.bins_x.maps(peaks, data.x_mask))
        maps_y = as_tensor(
            self.bins_y.maps(fitted_peaks(self.axis_y, data.y, data.y_mask, cache=self.cache), data.y_mask)
        )
        coarse, coarse_mask = self._coarse(data)
        held = validation_rows(data.groups, self.plan.validation_share, seed)
        rows, check = np.flatnonzero(~held), np.flatnonzero(held)
        network: PeakTranslator = self._new(seed)
        network.start_from(maps_y[torch.from_numpy(rows)])
        generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)

        def loss_of(batch: Any, epoch: int) -> Tensor:
            shaken = self._shaken([peaks[i] for i in batch], rng)
            x, y = as_tensor(self.bins_x.maps(shaken, data.x_mask[batch])), maps_y[batch]
            prior, posterior = network.both(x, y)
            from_prior = network.decode(prior.sample(generator))
            from_posterior = network.decode(posterior.sample(generator))
            kl = self.kl_weight * min(1.0, (epoch + 1) / self.warmup) * gaussian_divergence(posterior, prior)
            elbo = from_posterior.log_likelihood(y) - kl
            seen = rendered_maps(from_prior.expected(), _TRAIN_PER_BIN, _TRAIN_REACH)
            r = masked_correlation(seen, coarse[batch], coarse_mask[batch])
            share = self.posterior_weight
            objective = share * elbo + (1 - share) * from_prior.log_likelihood(y) + self.correlation_weight * r
            return -objective.mean()

        def score() -> float:
            expected = network.decode(network.prior(maps_x[check]).mean).expected()
            seen = rendered_maps(expected, _TRAIN_PER_BIN, _TRAIN_REACH)
            return float(masked_correlation(seen, coarse[check], coarse_mask[check]).mean())

        self.scores = train(network, rows, loss_of, score, self.plan, seed)
        self.network = network
        return self

    def predict(self, X: Any, x_mask: Any = None) -> NDArrayFloat:
        """Expected spectra (n, Ly), maximum 1: means over ``draws`` latent vectors of p(z | x)."""
        network, prior = self._prior(X, x_mask, "predict")
        generator = torch.Generator().manual_seed(0)
        total = np.zeros((len(prior.mean), len(self.axis_y)))
        with torch.inference_mode():
            for _ in range(self.draws):
                total += self._shown(network.decode(prior.sample(generator)).expected())
        return _scaled(total)

    def sample(self, X: Any, n: int, x_mask: Any = None, seed: int = 0) -> NDArrayFloat:
        """Spectra (n, rows, Ly), maximum 1, drawn from p(y | x): latent vector, then peaks bin by bin."""
        network, prior = self._prior(X, x_mask, "sample")
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            drawn = [self._shown(network.decode(prior.sample(generator)).draw(generator)) for _ in range(n)]
        return np.stack([_scaled(one) for one in drawn])

    def _prior(self, X: Any, x_mask: Any, call: str) -> tuple[PeakTranslator, Any]:
        network = self._fitted(call)
        rows, here = spectra_and_mask(X, x_mask, len(self.axis_x), f"PeakVAE.{call}")
        maps = self.bins_x.maps(fitted_peaks(self.axis_x, rows, here, cache=self.cache), here)
        with torch.inference_mode():
            return network, network.prior(as_tensor(maps))

    def _shown(self, peaks: Tensor) -> NDArrayFloat:
        """Spectra (n, Ly) on the axis of the targets."""
        bins = self.bins_y
        fine = bins.axis[0] + (np.arange(len(bins) * _SHOW_PER_BIN) + 0.5) / _SHOW_PER_BIN * bins.width
        chunks = [
            rendered_maps(peaks[start : start + _CHUNK], _SHOW_PER_BIN, _SHOW_REACH).numpy()
            for start in range(0, len(peaks), _CHUNK)
        ]
        return np.stack([np.interp(self.axis_y, fine, row) for row in np.concatenate(chunks)])

    def _coarse(self, data: PairedSpectra) -> tuple[Tensor, Tensor]:
        """The measured targets and masks (n, bins * 2) as means over half bins."""
        half = PeakBins(self.axis_y, self.bins_y.width / _TRAIN_PER_BIN)
        length = len(self.bins_y) * _TRAIN_PER_BIN
        member = (half.index(self.axis_y)[:, None] == np.arange(length)).astype(np.float32)
        counts = data.y_mask.astype(np.float32) @ member
        return as_tensor(data.y @ member / np.maximum(counts, 1)), as_tensor(counts > 0)

    def _shaken(self, peaks: list[NDArrayFloat], rng: np.random.Generator) -> list[NDArrayFloat]:
        """The peaks moved, scaled and some left out, as other specimens of the mineral would have them."""
        shaken = []
        for rows in peaks:
            kept = rows[rng.random(len(rows)) >= self.dropped_peaks].copy()
            kept[:, 0] += rng.normal(0, self.jitter * self.bins_x.width, len(kept))
            kept[:, 1] *= rng.lognormal(0, self.height_jitter, len(kept))
            shaken.append(kept)
        return shaken


@dataclass(kw_only=True)
class SpectrumCNN(_ModalityModel):
    """The peer without peaks: a 1-D convolutional network from one spectrum to the other.

    Three strided convolutions of root intensity and mask (means over a few points, at most 512 places), a dense layer,
    three upsampling convolutions, and a softplus about the mean spectrum. Trained to 1 - r plus the mean square error
    over the measured points; each epoch sees the spectra shifted and their intensities raised to random powers.

    Attributes
    ----------
    hidden : int
    dropout : float
    error_weight : float
        Of the mean square error, relative to that of the mean spectrum.
    shift : int
        Largest shift, in places of the pooled axis.
    """

    hidden: int = 192
    dropout: float = 0.5
    error_weight: float = 0.2
    shift: int = 2
    kind = "spectrum_cnn"
    saved = ("hidden", "dropout", "error_weight", "shift")

    def _build(self) -> nn.Module:
        return SpectrumNetwork(len(self.axis_x), len(self.axis_y), self.hidden, self.dropout)

    def fit(
        self, X: Any, Y: Any, x_mask: Any = None, y_mask: Any = None, groups: Any = None, seed: int = 0
    ) -> "SpectrumCNN":
        """Itself, trained; parameters and errors as `PeakVAE.fit`."""
        data = paired_spectra(X, Y, x_mask, y_mask, groups, (len(self.axis_x), len(self.axis_y)), "SpectrumCNN.fit")
        held = validation_rows(data.groups, self.plan.validation_share, seed)
        rows, check = np.flatnonzero(~held), np.flatnonzero(held)
        network: SpectrumNetwork = self._new(seed)
        planes = network.planes(as_tensor(data.x), as_tensor(data.x_mask))
        target, mask = as_tensor(data.y), as_tensor(data.y_mask)
        mean = (target[rows] * mask[rows]).sum(0) / mask[rows].sum(0).clamp_min(1)
        network.start_from(mean)
        variance = float(((target[rows] - mean).square() * mask[rows]).sum() / mask[rows].sum())
        rng = np.random.default_rng(seed)

        def loss_of(batch: Any, epoch: int) -> Tensor:
            x = planes[batch]
            power = torch.from_numpy(rng.uniform(0.75, 1.3, (len(batch), 1)).astype(np.float32))
            x = torch.stack([x[:, 0].clamp_min(1e-6) ** power * x[:, 1], x[:, 1]], 1)
            x = shifted(x, int(rng.integers(-self.shift, self.shift + 1)))
            found, weight = network(x), mask[batch]
            error = ((found - target[batch]).square() * weight).sum(-1) / weight.sum(-1)
            r = masked_correlation(found, target[batch], weight)
            return (1 - r + self.error_weight * error / max(variance, 1e-12)).mean()

        def score() -> float:
            return float(masked_correlation(network(planes[check]), target[check], mask[check]).mean())

        self.scores = train(network, rows, loss_of, score, self.plan, seed)
        self.network = network
        return self

    def predict(self, X: Any, x_mask: Any = None) -> NDArrayFloat:
        """Spectra (n, Ly), maximum 1."""
        network = self._fitted("predict")
        rows, here = spectra_and_mask(X, x_mask, len(self.axis_x), "SpectrumCNN.predict")
        with torch.inference_mode():
            return _scaled(network(network.planes(as_tensor(rows), as_tensor(here))).numpy().astype(float))


def _scaled(spectra: NDArrayFloat) -> NDArrayFloat:
    """Divided by their maxima, where these are above zero."""
    top = spectra.max(axis=1, keepdims=True)
    return spectra / np.where(top > 0, top, 1.0)
