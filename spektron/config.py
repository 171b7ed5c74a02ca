"""What a Spektron is made of: one frozen, validated configuration, saved with the weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import inf, prod
from typing import Any

from ..errors import ModelError

__all__ = ["PRESETS", "SpektronConfig", "preset"]

_WIDE = (41, 25, 17, 15, 15, 15, 15)
_CHOICES = {
    "tokenizer": ("cnn", "patches"),
    "mixer": ("dlinoss", "attention", "convolution"),
}
_TUPLES = ("kernels", "strides", "dilations", "tokenizer_widths")
_AT_LEAST = {
    "channels": 16,
    "width": 8,
    "layers": 0,
    "oscillators": 1,
    "attention_layers": 0,
    "attention_heads": 1,
    "hidden": 1,
    "experts": 0,
    "experts_per_token": 1,
    "chem": 1,
    "inst": 1,
    "embedding": 2,
    "functional_groups": 0,
    "properties": 0,
    "instruments": 1,
    "windows": 1,
    "window_features": 1,
}


@dataclass(frozen=True)
class SpektronConfig:
    """Sizes and switches of a `Spektron`; every ablation arm is one of these.

    Attributes
    ----------
    name : str
    channels : int
        Length of the spectra that the reconstruction heads return, and of the default axis.
    lowest_cm1, highest_cm1 : float
        Ends of the default axis. Spectra on another axis are encoded with that axis.
    modalities : tuple of str
        Kinds of spectra with an embedding of their own.
    tokenizer : {"cnn", "patches"}
        Seven convolutions, or raw patches of the same total stride with one linear map.
    kernels, strides, dilations, tokenizer_widths : tuple of 7 int
        Of the convolutions. All strides 1: full resolution, a token for each channel. Layers that neither stride nor
        change the width are depthwise-separable and residual.
    mixer : {"dlinoss", "attention", "convolution"}
        What moves information along the sequence in the layers of the trunk.
    layers, width, oscillators : int
        Of the trunk; oscillators per direction.
    attention_layers, attention_heads : int
        Attention layers on top of the trunk.
    hidden : int
        Width of the feed-forward part (of each expert).
    experts, experts_per_token : int
        Mixture of experts in place of the feed-forward part; 0 experts switch it off.
    bottleneck : bool
        Variational bottleneck. False: the latents are numbers, not distributions, and pay no divergence.
    chem, inst, embedding : int
        Dimensions of z_chem, z_inst and of the retrieval embedding.
    windows, window_features : int
        Places along the spectrum about which the tokens are pooled, and numbers kept of each.
    functional_groups, properties, instruments : int
        Outputs of the supervised heads and of the instrument classifiers.

    Raises
    ------
    ModelError
        A value out of range or of another type, tuples whose lengths differ.

    Examples
    --------
    >>> config = preset("small")
    >>> config.stride, config.tokens, SpektronConfig.from_dict(config.as_dict()) == config
    (27, 76, True)
    """

    name: str = "small"
    channels: int = 2048
    lowest_cm1: float = 400.0
    highest_cm1: float = 4000.0
    modalities: tuple[str, ...] = ("ir", "raman", "nir", "xrd")
    tokenizer: str = "cnn"
    kernels: tuple[int, ...] = _WIDE
    strides: tuple[int, ...] = (3, 3, 3, 1, 1, 1, 1)
    dilations: tuple[int, ...] = (1,) * 7
    tokenizer_widths: tuple[int, ...] = (32, 64, 128, 128, 128, 128, 128)
    mixer: str = "dlinoss"
    layers: int = 4
    width: int = 128
    oscillators: int = 64
    attention_layers: int = 0
    attention_heads: int = 4
    hidden: int = 224
    experts: int = 4
    experts_per_token: int = 2
    bottleneck: bool = True
    chem: int = 128
    inst: int = 64
    embedding: int = 256
    windows: int = 38
    window_features: int = 12
    functional_groups: int = 0
    properties: int = 0
    instruments: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):  # JSON has no tuples
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ModelError(f"SpektronConfig({name}={getattr(self, name)!r}): choose one of {', '.join(allowed)}.")
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ModelError(f"SpektronConfig({name}={value!r}): an integer of at least {least} is needed.")
        if not isinstance(self.name, str) or not isinstance(self.bottleneck, bool):
            raise ModelError(
                f"SpektronConfig(name={self.name!r}, bottleneck={self.bottleneck!r}): text and True or False needed."
            )
        if not all(isinstance(x, int | float) for x in (self.lowest_cm1, self.highest_cm1)):
            raise ModelError("SpektronConfig: lowest_cm1 and highest_cm1 are numbers.")
        if not 0 <= self.lowest_cm1 < self.highest_cm1 < inf:
            raise ModelError(f"SpektronConfig: the axis runs from {self.lowest_cm1} to {self.highest_cm1} cm-1.")
        for name in _TUPLES:
            value = getattr(self, name)
            if not isinstance(value, tuple) or any(isinstance(x, bool) or not isinstance(x, int) for x in value):
                raise ModelError(f"SpektronConfig({name}={value!r}): a tuple of integers is needed.")
        lengths = {name: len(getattr(self, name)) for name in _TUPLES}
        if set(lengths.values()) != {7}:
            raise ModelError(f"SpektronConfig: the tokenizer has 7 convolutions, but {lengths}.")
        if any(kernel < 1 or kernel % 2 == 0 for kernel in self.kernels):
            raise ModelError(f"SpektronConfig(kernels={self.kernels}): odd numbers are needed.")
        if min(*self.strides, *self.dilations, *self.tokenizer_widths) < 1:
            raise ModelError("SpektronConfig: strides, dilations and tokenizer_widths are at least 1.")
        if self.tokenizer == "cnn" and self.tokenizer_widths[-1] != self.width:
            raise ModelError(
                f"SpektronConfig: the last convolution has {self.tokenizer_widths[-1]} channels, "
                f"the trunk {self.width}."
            )
        if self.experts and self.experts_per_token > self.experts:
            raise ModelError(f"SpektronConfig: {self.experts_per_token} experts per token of {self.experts}.")
        names = self.modalities
        if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
            raise ModelError(f"SpektronConfig(modalities={names!r}): a tuple of names is needed.")
        if len(set(names)) != len(names):
            raise ModelError(f"SpektronConfig(modalities={names}): one name each.")
        if self.width % self.attention_heads:
            raise ModelError(f"SpektronConfig: width {self.width} is no multiple of {self.attention_heads} heads.")

    @property
    def stride(self) -> int:
        """Channels per token."""
        return prod(self.strides)

    @property
    def tokens(self) -> int:
        """Number of tokens of a spectrum of `channels` channels."""
        return -(-self.channels // self.stride)

    def with_(self, **changes: Any) -> "SpektronConfig":
        """Return the configuration with some values changed (and checked again)."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """All values, as JSON knows them."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SpektronConfig":
        """The configuration of `as_dict`; ModelError for a name that is unknown.

        Examples
        --------
        >>> SpektronConfig.from_dict({"widht": 3})
        Traceback (most recent call last):
        symvib.errors.ModelError: SpektronConfig has no 'widht'.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ModelError(f"SpektronConfig has no {', '.join(map(repr, unknown))}.")
        return cls(**values)


PRESETS = {
    "tiny": SpektronConfig(
        name="tiny",
        tokenizer_widths=(12, 24, 48, 48, 48, 48, 48),
        width=48,
        oscillators=32,
        layers=2,
        hidden=48,
        embedding=128,
        windows=24,
        window_features=8,
    ),
    "small": SpektronConfig(name="small"),
    "base": SpektronConfig(
        name="base",
        tokenizer_widths=(64, 128, 256, 256, 256, 256, 256),
        width=256,
        oscillators=256,
        layers=4,
        hidden=640,
        attention_layers=2,
    ),
}


def preset(name: str) -> SpektronConfig:
    """The configuration "tiny" (tests), "small" (shipped) or "base" (one GPU).

    Raises
    ------
    ModelError
        Another name.
    """
    if name not in PRESETS:
        raise ModelError(f"preset({name!r}): choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
