"""The deep peer: a 1-D ResNet trained by InfoNCE on two views, an embedding of measured spectra.

After C.-S. Ho et al., Nat. Commun. 10, 4927 (2019) (1-D ResNet for Raman spectra) and T. Chen et al., ICML 2020
(contrastive training on views). The head keeps the places of bands: it flattens where images are averaged.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError
from ._peer_preprocessing import spectra_and_presence
from .losses import info_nce

__all__ = ["ResNetPeer", "SpectralResNet"]

_STAGES = 4
_BLOCKS = 2
_PLACES = 16
_MIN_SCALE = 1e-12
_SAVED = ("n_parameters", "embedding", "steps", "learning_rate", "weight_decay", "temperature", "seed", "bf16")


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inputs, outputs, 5, stride, padding=2, bias=False),
            nn.BatchNorm1d(outputs),
            nn.ReLU(),
            nn.Conv1d(outputs, outputs, 5, padding=2, bias=False),
            nn.BatchNorm1d(outputs),
        )
        same = inputs == outputs and stride == 1
        self.skip = nn.Identity() if same else nn.Conv1d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.skip(x) + self.body(x))


class SpectralResNet(nn.Module):
    """Unit vectors (B, embedding) of spectra (B, M, L) and presence (B, M).

    The stem (kernel 15) and a pooling shorten 2048 channels to 512; four stages of two residual blocks (width w, w,
    2w, 2w; each but the first halves the length) follow, then 16 places times 32 features and a linear map.
    """

    def __init__(self, modalities: int = 2, width: int = 64, embedding: int = 256) -> None:
        super().__init__()
        self.modalities, self.width = modalities, width
        self.stem = nn.Sequential(
            nn.Conv1d(2 * modalities, width, 15, stride=2, padding=7, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.MaxPool1d(3, stride=2, padding=1),
        )
        widths = [width, width, 2 * width, 2 * width]
        blocks, inputs = [], width
        for stage, outputs in enumerate(widths[:_STAGES]):
            for block in range(_BLOCKS):
                blocks.append(_Block(inputs, outputs, 2 if stage and not block else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.squeeze = nn.Sequential(nn.Conv1d(inputs, 32, 1), nn.ReLU())
        self.head = nn.Linear(32 * _PLACES, embedding)

    def forward(self, spectra: Tensor, present: Tensor) -> Tensor:
        """Unit vectors; each spectrum is divided by its standard deviation after its mean is taken off."""
        shown = present[..., None].to(spectra.dtype)
        x = torch.nan_to_num(spectra) * shown
        x = x - x.mean(-1, keepdim=True)
        x = x / x.std(-1, keepdim=True).clamp_min(_MIN_SCALE) * shown
        planes = torch.cat([x, shown.expand_as(x)], dim=1)
        features = self.squeeze(self.blocks(self.stem(planes)))
        features = functional.adaptive_avg_pool1d(features, _PLACES)
        return functional.normalize(self.head(features.flatten(1)), dim=-1)

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(p.numel() for p in self.parameters())

    @classmethod
    def of_size(cls, n_parameters: int, modalities: int = 2, embedding: int = 256) -> "SpectralResNet":
        """The network whose number of parameters comes nearest to the one asked for."""
        with torch.device("meta"):  # only counted, never filled
            sizes = {w: cls(modalities, w, embedding).n_parameters for w in range(4, 257, 2)}
        width = min(sizes, key=lambda w: abs(sizes[w] - n_parameters))
        if abs(sizes[width] - n_parameters) > 0.25 * n_parameters:
            raise ModelError(
                f"A 1-D ResNet of {n_parameters} parameters was asked for; the nearest has {sizes[width]} "
                f"(widths 4 to 256, embedding {embedding})"
            )
        return cls(modalities, width, embedding)


@dataclass
class ResNetPeer:
    """A `SpectralResNet`, trained on the views of a sampler.

    Attributes
    ----------
    n_parameters, embedding : int
    steps : int
        Batches; the sampler gives batch ``step`` for ``step`` = 0, 1, ...
    learning_rate, weight_decay, temperature : float
        AdamW with 5 % warm-up and cosine decay.
    seed : int
        Of the initial weights and of which modalities a training row shows.
    device : str
    bf16 : bool
        Train with matrix products and convolutions in bfloat16, as the presets of Spektron do on the CPU.
    """

    n_parameters: int = 2_000_000
    embedding: int = 256
    steps: int = 1000
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    temperature: float = 0.07
    seed: int = 0
    device: str = "cpu"
    bf16: bool = False
    losses: list[float] = field(default_factory=list, repr=False)
    network: SpectralResNet | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "resnet"

    def fit(self, sampler: Any, targets: Any = None, *, progress: Any = None) -> "ResNetPeer":
        """Itself, trained.

        Parameters
        ----------
        sampler : object
            Its ``batch(step)`` has ``spectra`` (2, B, M, L) and, if it likes, ``present`` (B, M) or (2, B, M).
        targets : None
            Not used: the two views of a molecule are each other's target.
        progress : callable, optional
            Called with (step, loss).

        Raises
        ------
        ModelError
            A batch without two views, or a loss that is not finite.
        """
        network = self._new(sampler.batch(0).spectra.shape[-2]).to(self.device).train()
        matrices = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._rate)
        self.losses = []
        for step in range(self.steps):
            spectra, present = self._views(sampler.batch(step), step)
            views, size = spectra.flatten(0, 1), spectra.shape[1]
            with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.bf16):
                found = network(views, present.flatten(0, 1))
            loss = info_nce(found[:size], found[size:], temperature=self.temperature)
            if not torch.isfinite(loss):
                raise ModelError(f"The loss of the 1-D ResNet is {loss.item()} in step {step}: lower the learning rate")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            self.losses.append(float(loss.detach()))
            if progress is not None:
                progress(step, self.losses[-1])
        self.network = network.eval()
        return self

    def embed(self, spectra: Any, present: Any = None, batch: int = 256) -> np.ndarray:
        """Unit vectors (n, embedding) of spectra (n, M, L)."""
        if self.network is None:
            raise ModelError("ResNetPeer.embed before fit: there is no network yet")
        x, has = spectra_and_presence(spectra, present)
        self.network.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(x), batch):
                rows = slice(start, start + batch)
                parts = (torch.from_numpy(part[rows]).to(self.device) for part in (x, has))
                found.append(self.network(*parts).cpu().numpy())
        return np.concatenate(found)

    def predict(self, spectra: Any, present: Any = None) -> np.ndarray:
        """The embedding: nothing else is learned."""
        return self.embed(spectra, present)

    def save(self, path: str | Path, **words: str) -> None:
        """Write the weights (safetensors), how they were trained, and further words."""
        if self.network is None:
            raise ModelError("ResNetPeer.save before fit: there is no network yet")
        from safetensors.torch import save

        from ..groups.atomic_write import writing

        about = {
            "peer": json.dumps(
                {name: getattr(self, name) for name in _SAVED} | {"n_modalities": self.network.modalities}
            )
        }
        with writing(path) as file:
            file.write(save({k: v.cpu().contiguous() for k, v in self.network.state_dict().items()}, words | about))

    @classmethod
    def load(cls, path: str | Path) -> "tuple[ResNetPeer, dict[str, str]]":
        """The peer of a file that `save` wrote, ready to embed, and the further words; ModelError for another file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), "pt") as file:
                words = dict(file.metadata() or {})
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(words.pop("peer"))
            modalities = about.pop("n_modalities")
            peer = cls(**about)
            network = peer._new(modalities)
            network.load_state_dict(weights)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise ModelError(f"{path} holds no 1-D ResNet: {type(error).__name__}: {error}") from error
        peer.network = network.eval()
        return peer, words

    def _new(self, modalities: int) -> SpectralResNet:
        with torch.random.fork_rng(devices=[]):  # the initial weights follow from the seed, the global state stays
            torch.manual_seed(self.seed)
            return SpectralResNet.of_size(self.n_parameters, modalities, self.embedding)

    def _rate(self, step: int) -> float:
        warm = max(1, self.steps // 20)
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(1, self.steps - warm))))

    def _views(self, batch: Any, step: int) -> tuple[Tensor, Tensor]:
        """Spectra (2, B, M, L) and presence (2, B, M); a row shows one modality or all, alike in both views."""
        spectra = batch.spectra.to(self.device)
        if spectra.ndim != 4 or len(spectra) != 2:
            raise ModelError(f"The sampler's spectra have shape {tuple(spectra.shape)}: (2, B, M, L) is wanted")
        _, size, modalities, _ = spectra.shape
        present = ~torch.isnan(spectra).all(-1)
        given = getattr(batch, "present", None)
        if given is not None:
            present = present & given.to(self.device)
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence((self.seed, step)).generate_state(1)[0]))
        shown = torch.randint(modalities + 1, (size,), generator=generator)[:, None]
        shown = ((shown == modalities) | (shown == torch.arange(modalities))).to(self.device)
        # A molecule that has nothing of the modality drawn shows all that it has.
        nothing = ~(present & shown).any(-1, keepdim=True)
        return spectra, present & (shown | nothing)
