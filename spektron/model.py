"""Spektron: from a spectrum, or several of one molecule, to what they say of the molecule and of the instrument."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError
from .bottleneck import Gaussian, WindowPool, product_of_experts
from .config import SpektronConfig
from .experts import FeedForward, Routing
from .tokenizer import make_tokenizer, token_centres
from .trunk import Trunk, wavenumber_features

__all__ = ["Encoded", "Spektron", "evaluating", "fingerprint", "normalised"]

_INPUTS = 3  # the value, its signed square root, and whether the channel is seen
_LEAST_VALUE = 1e-12
_FREQUENCIES = 11  # periods of the axis embedding: 8000 ... 7.8
_EMBEDDING_MOMENTUM = 0.02  # six updates a step: two views, three choices of modalities
_WEIGHTS, _CONFIG, _METRICS = "model.safetensors", "config.json", "metrics.json"


@dataclass(frozen=True, eq=False)
class Encoded:
    """What `Spektron.encode` returns for B molecules with M spectra each.

    Attributes
    ----------
    tokens : Tensor (B, M, T, width)
    chem : Gaussian (B, chem)
        Of the molecule, from all its spectra that are present.
    chem_parts : Gaussian (B, M, chem)
        Of the molecule, from each spectrum alone.
    inst : Gaussian (B, M, inst)
        Of the instrument that each spectrum was measured with.
    scale : Tensor (B, M, 1)
        By which each spectrum was divided.
    present : Tensor (B, M) of bool
    modalities : Tensor (M,) of int
        Numbers of the modalities in the configuration.
    routings : tuple of Routing
        One for each layer with experts.
    channels : int
        Length L of the spectra.
    """

    tokens: Tensor
    chem: Gaussian
    chem_parts: Gaussian
    inst: Gaussian
    scale: Tensor
    present: Tensor
    modalities: Tensor
    routings: tuple[Routing, ...]
    channels: int

    def chem_of(self, present: Tensor) -> Gaussian:
        """The molecule from the spectra that are in ``present`` (B, M) and were given."""
        return product_of_experts(self.chem_parts, self.present & present)

    @property
    def expert_load(self) -> Tensor:
        """Share (layers, experts) of the tokens that each expert took."""
        return torch.stack([routing.load for routing in self.routings]) if self.routings else torch.zeros(0, 0)


def normalised(spectra: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Spectra (..., L) over their largest absolute value among the channels ``seen``, zero elsewhere; and that value.

    The value is 1 for a spectrum of zeros. Channels that are not seen cannot change the result.
    """
    kept = torch.where(seen, spectra, torch.zeros((), dtype=spectra.dtype, device=spectra.device))
    largest = kept.abs().amax(-1, keepdim=True)
    scale = torch.where(largest == 0, torch.ones_like(largest), largest)
    return kept / scale, scale


class Spektron(nn.Module):
    """CNN tokenizer -> bidirectional D-LinOSS -> mixture of experts -> variational bottleneck -> heads.

    Every spectrum is encoded by itself; what spectra of one molecule say together is the product of their posteriors,
    so a missing modality needs no stand-in. Masking acts on the raw channels, before the first convolution.

    Parameters
    ----------
    config : SpektronConfig
    seed : int
        Of the initial weights.

    Examples
    --------
    >>> from symvib.spektron.config import preset
    >>> model = Spektron(preset("tiny"))
    >>> spectra = torch.rand(3, 2, 2048)
    >>> model.embed(spectra).shape, model.encode(spectra).chem.mean.shape
    (torch.Size([3, 128]), torch.Size([3, 128]))
    """

    axis: Tensor
    embedding_mean: Tensor
    embedding_variance: Tensor

    def __init__(self, config: SpektronConfig, *, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.metrics: dict[str, Any] = {}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._build(config)

    def _build(self, config: SpektronConfig) -> None:
        modalities, width = len(config.modalities), config.width
        axis = torch.linspace(config.lowest_cm1, config.highest_cm1, config.channels, dtype=torch.float64).float()
        self.register_buffer("axis", axis, persistent=False)
        self.tokenizer = make_tokenizer(config, _INPUTS)
        self.modality_embedding = nn.Embedding(modalities, width)
        self.axis_embedding = nn.Linear(2 * _FREQUENCIES, width)
        self.trunk = Trunk(config)
        self.pool = WindowPool(width, config.windows, config.window_features)
        self.latent = nn.Linear(config.windows * config.window_features, 2 * (config.chem + config.inst))
        self.masked_head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.stride))
        self.retrieval_head = nn.Linear(config.chem, config.embedding)
        self.retrieval_correction = FeedForward(config.chem, 2 * config.chem, config.embedding)
        self.register_buffer("embedding_mean", torch.zeros(config.embedding))
        self.register_buffer("embedding_variance", torch.ones(config.embedding))
        self.group_head = FeedForwardHead(config.chem, config.functional_groups)
        self.property_head = FeedForwardHead(config.chem, config.properties)
        self.instrument_head = nn.Linear(config.inst, config.instruments)
        self.adversary = FeedForwardHead(config.chem, config.instruments)
        self.decoder = LatentDecoder(config)

    # ------------------------------------------------------------------------------------------------- encoding

    def encode(
        self,
        spectra: Tensor,
        *,
        modalities: Sequence[str] = ("ir", "raman"),
        present: Tensor | None = None,
        seen: Tensor | None = None,
        axis: Tensor | None = None,
    ) -> Encoded:
        """What the spectra say of the molecule and of the instruments.

        Parameters
        ----------
        spectra : Tensor (B, M, L)
            Of B molecules, M modalities each; any scale. Values that are not seen may be anything, NaN included.
        modalities : sequence of M str
        present : Tensor (B, M) of bool, optional
            False where the spectrum is missing; one of which no channel is seen is missing, too.
        seen : Tensor (B, M, L) of bool, optional
            False on channels that were not measured, or are masked.
        axis : Tensor (L,) or (B, M, L), optional
            Of the channels, ascending: 1/cm (XRD: 100 times degrees). Default: that of the configuration.

        Raises
        ------
        ModelError
            Shapes that do not fit, an unknown modality, an axis that does not ascend, NaN among the channels seen.
        """
        axis = self._check(spectra, modalities, axis)
        spectra = spectra.to(self.latent.weight.dtype)
        present = torch.ones(spectra.shape[:2], dtype=torch.bool, device=spectra.device) if present is None else present
        seen = torch.ones_like(spectra, dtype=torch.bool) if seen is None else seen
        if present.shape != spectra.shape[:2] or seen.shape != spectra.shape:
            raise ModelError(
                f"Spektron.encode: spectra {tuple(spectra.shape)}, but present {tuple(present.shape)} and seen "
                f"{tuple(seen.shape)}; (molecules, modalities) and the shape of the spectra are needed."
            )
        present = present & seen.any(-1)
        seen = seen & present.unsqueeze(-1)
        values, scale = normalised(spectra, seen)
        if not torch.isfinite(scale).all():
            raise ModelError("Spektron.encode: NaN or infinite values among the channels that are seen.")
        numbers = torch.tensor([self.config.modalities.index(m) for m in modalities], device=spectra.device)
        root = values.sign() * values.abs().clamp(min=_LEAST_VALUE).sqrt()  # the slope of a root at 0 is infinite
        inputs = torch.stack([values, root, seen.to(values)], dim=2)
        tokens = self.tokenizer(inputs.flatten(0, 1))
        features = wavenumber_features(token_centres(axis, self.config.stride), _FREQUENCIES)
        place = self.axis_embedding(0.5 * features.to(spectra.dtype))
        place = place + self.modality_embedding(numbers).unsqueeze(-2)
        tokens = tokens.unflatten(0, spectra.shape[:2]) + place
        mixed, routings = self.trunk(tokens.flatten(0, 1))
        latent = self.latent(self.pool(mixed)).to(spectra.dtype)  # of full precision also under autocast
        mean, log_variance = latent.unflatten(0, spectra.shape[:2]).chunk(2, dim=-1)
        parts = Gaussian.of_parameters(mean, log_variance) if self.config.bottleneck else Gaussian(mean)
        chem, inst = parts[..., : self.config.chem], parts[..., self.config.chem :]
        return Encoded(
            tokens=mixed.unflatten(0, spectra.shape[:2]),
            chem=product_of_experts(chem, present),
            chem_parts=chem,
            inst=inst,
            scale=scale,
            present=present,
            modalities=numbers,
            routings=routings,
            channels=spectra.shape[-1],
        )

    def _check(self, spectra: Tensor, modalities: Sequence[str], axis: Tensor | None) -> Tensor:
        if spectra.ndim != 3 or spectra.shape[1] != len(modalities):
            raise ModelError(
                f"Spektron.encode: spectra of shape {tuple(spectra.shape)} for the modalities {tuple(modalities)}; "
                "(molecules, modalities, channels) is needed."
            )
        unknown = sorted(set(modalities) - set(self.config.modalities))
        if unknown:
            raise ModelError(f"Spektron.encode: unknown modality {unknown}; it knows {self.config.modalities}.")
        given = self.axis if axis is None else axis.to(spectra.device)
        if given.shape not in (spectra.shape[-1:], spectra.shape):
            shape = " x ".join(map(str, given.shape))
            raise ModelError(f"Spektron.encode: {spectra.shape[-1]} channels, but an axis of {shape}.")
        if axis is not None and not ((given.diff(dim=-1) > 0).all() and torch.isfinite(given).all()):
            raise ModelError("Spektron.encode: the axis must be finite and ascend from the first channel to the last.")
        return given

    # ---------------------------------------------------------------------------------------------------- heads

    def retrieval_embedding(self, chem: Tensor) -> Tensor:
        """Unit vectors (..., embedding) of z_chem (..., chem): alike molecules have a large inner product."""
        return self.unit_vectors(self.retrieval_features(chem))

    def retrieval_features(self, chem: Tensor) -> Tensor:
        """What `unit_vectors` makes the retrieval embedding of: (..., embedding) of z_chem (..., chem)."""
        return (self.retrieval_head(chem) + self.retrieval_correction(chem)).to(self.embedding_mean.dtype)

    def unit_vectors(self, features: Tensor) -> Tensor:
        """The features (..., embedding), standardised, at unit length.

        Standardised (Ioffe & Szegedy, arXiv:1502.03167) by mean and variance of the features given, in training, and
        by their running means later: what all molecules have in common would hide what they differ in.
        """
        rows = features.flatten(0, -2)
        standardised = functional.batch_norm(
            rows,
            self.embedding_mean,
            self.embedding_variance,
            training=self.training and len(rows) > 1,
            momentum=_EMBEDDING_MOMENTUM,
        )
        return functional.normalize(standardised, dim=-1).reshape(features.shape)

    def functional_group_logits(self, chem: Tensor) -> Tensor:
        """Logits (..., functional_groups) of z_chem (..., chem)."""
        return self.group_head(chem)

    def predicted_properties(self, chem: Tensor) -> Tensor:
        """Standardised properties (..., properties) of z_chem (..., chem)."""
        return self.property_head(chem)

    def masked_reconstruction(self, encoded: Encoded) -> Tensor:
        """Every channel (B, M, L) as the tokens imply it, on the scale of the normalised input.

        What was masked is filled in from its surroundings; a token speaks for the channels around its centre.
        """
        channels = self.masked_head(encoded.tokens).float().flatten(-2)
        return channels[..., : encoded.channels]

    def reconstruct(self, chem: Tensor, inst: Tensor | None, modalities: Tensor) -> Tensor:
        """Spectra (..., channels) on the default axis, largest value about 1, from z_chem (..., chem) and z_inst.

        Without ``inst`` (..., inst): as the ideal reference instrument would show it. ``modalities`` (...) are numbers.
        """
        return self.decoder(chem, inst, self.modality_embedding(modalities))

    # ----------------------------------------------------------------------------------------------- what users ask

    @torch.no_grad()
    def embed(self, spectra: Tensor, batch_size: int = 256, **options: Any) -> Tensor:
        """Retrieval embeddings (B, embedding), unit vectors, of spectra (B, M, L), ``batch_size`` at a time.

        Options as in `encode`.
        """
        parts = [torch.zeros(0, self.config.embedding, device=spectra.device)]
        with evaluating(self):  # no spectrum's embedding depends on the others, and nothing is learned here
            for start in range(0, len(spectra), batch_size):
                rows = slice(start, start + batch_size)
                chosen = {name: _rows_of(name, value, rows) for name, value in options.items()}
                parts.append(self.retrieval_embedding(self.encode(spectra[rows], **chosen).chem.mean))
        return torch.cat(parts)

    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    # -------------------------------------------------------------------------------------------------- on disk

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of the weights: what was made with others does not fit."""
        return fingerprint(self)

    def save(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write config.json, metrics.json and model.safetensors (in ``dtype``, if given) into a folder."""
        from safetensors.torch import save

        from ..groups.atomic_write import write_text, writing

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        weights = {
            name: tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
            for name, tensor in self.state_dict().items()
        }
        with writing(place / _WEIGHTS) as file:
            file.write(save({name: tensor.cpu().contiguous() for name, tensor in weights.items()}))
        write_text(place / _CONFIG, json.dumps(self.config.as_dict(), indent=1) + "\n")
        self.save_metrics(place)

    def save_metrics(self, folder: str | Path) -> None:
        """Write metrics.json into a folder."""
        from ..groups.atomic_write import write_text

        write_text(Path(folder) / _METRICS, json.dumps(self.metrics, indent=1) + "\n")

    @classmethod
    def from_pretrained(cls, name: str | Path) -> "Spektron":
        """The trained model ``name`` ("small" ships with symvib), or the one in a folder; to be asked, on the CPU.

        Raises
        ------
        ModelError
            No such model, a damaged file, or weights that do not belong to the configuration.
        """
        from .pretrained import load

        return load(cls, name)


def fingerprint(module: nn.Module) -> str:
    """`Spektron.fingerprint` of any module."""
    digest = sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in evaluation mode; afterwards in the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _rows_of(option: str, value: Any, rows: slice | Tensor) -> Any:
    """An option of `Spektron.encode` for some of the molecules."""
    each = option in ("present", "seen") or (option == "axis" and value is not None and value.ndim == 3)
    return value[rows] if each and value is not None else value


class FeedForwardHead(nn.Module):
    """Layer norm and two layers, (..., k) -> (..., outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, inputs), nn.GELU())
        self.output = nn.Linear(inputs, outputs) if outputs else None
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        """The outputs; ModelError if the head has none."""
        if self.output is None:
            raise ModelError(
                "this model was built without outputs for the head that is asked (0 in its configuration)."
            )
        return self.output(self.layers(x)).float()


class LatentDecoder(nn.Module):
    """Spectra from latents: one feature vector for each token place, modulated by the latents, to channels."""

    def __init__(self, config: SpektronConfig) -> None:
        super().__init__()
        inner = 2 * config.width
        self.channels = config.channels
        self.reference = nn.Parameter(torch.zeros(config.inst))
        self.latent = nn.Linear(config.chem + config.inst + config.width, 2 * inner)
        self.place = nn.Parameter(torch.empty(config.tokens, inner).normal_())
        self.output = nn.Sequential(
            nn.LayerNorm(inner), nn.Linear(inner, inner), nn.GELU(), nn.Linear(inner, config.stride)
        )

    def forward(self, chem: Tensor, inst: Tensor | None, modality: Tensor) -> Tensor:
        """Spectra (..., channels)."""
        inst = self.reference.expand(*chem.shape[:-1], -1).to(chem) if inst is None else inst
        modality = modality.expand(*chem.shape[:-1], -1).to(chem)
        scale, shift = self.latent(torch.cat([chem, inst, modality], dim=-1)).unsqueeze(-2).chunk(2, dim=-1)
        return self.output(self.place * scale + shift).float().flatten(-2)[..., : self.channels]
