"""The arms of the ablation: configurations of one class, brought to the same number of parameters."""

from functools import cache

from ..errors import ModelError
from .config import SpektronConfig, preset
from .model import Spektron

__all__ = ["ARMS", "ablation_arm", "parameter_count"]

_BASE: dict[str, object] = {"experts": 0, "bottleneck": False, "attention_layers": 0}
ARMS: dict[str, dict[str, object]] = {
    "cnn": {**_BASE, "mixer": "convolution"},
    "transformer": {**_BASE, "mixer": "attention", "tokenizer": "patches"},
    "cnn_transformer": {**_BASE, "mixer": "attention"},
    "patches_dlinoss": {**_BASE, "tokenizer": "patches"},
    "cnn_dlinoss": _BASE,
    "cnn_dlinoss_kernel3": {**_BASE, "kernels": (3,) * 7},
    # Five taps each, so far apart that the reach of every layer is about that of the wide kernels.
    "cnn_dlinoss_dilated": {**_BASE, "kernels": (5,) * 7, "dilations": (10, 6, 4, 3, 3, 3, 3)},
    "cnn_dlinoss_moe": {"bottleneck": False, "attention_layers": 0},
    "cnn_dlinoss_vib": {"experts": 0, "attention_layers": 0},
    "spektron": {},
}
TOLERANCE = 0.05  # share by which parameter counts may differ between arms


def ablation_arm(name: str, budget: str = "tiny", **changes: object) -> SpektronConfig:
    """The configuration of an arm: the preset ``budget`` with one part changed, and its size matched to the preset's.

    The width of the feed-forward parts is chosen such that the number of parameters differs by less than 5 %.

    Parameters
    ----------
    name : str
        One of `ARMS`; "spektron" is the preset itself.
    budget : str
        Name of the preset.
    changes
        Of the configuration, in all arms (the number of functional groups, say).

    Raises
    ------
    ModelError
        Unknown arm, or an arm that cannot be matched.

    Examples
    --------
    >>> arm = ablation_arm("cnn_transformer")
    >>> arm.mixer, abs(parameter_count(arm) / parameter_count(preset("tiny")) - 1) < 0.05
    ('attention', True)
    """
    if name not in ARMS:
        raise ModelError(f"ablation_arm({name!r}): choose one of {', '.join(ARMS)}.")
    whole = preset(budget).with_(**changes)
    arm = whole.with_(name=whole.name if name == "spektron" else f"{whole.name}-{name}", **ARMS[name])
    wanted = parameter_count(whole)
    low, high = 1, 64 * arm.hidden
    while low < high:  # the count grows with the width, evenly
        middle = (low + high) // 2
        if parameter_count(arm.with_(hidden=middle)) < wanted:
            low = middle + 1
        else:
            high = middle
    matched = min((arm.with_(hidden=h) for h in (max(low - 1, 1), low)), key=lambda c: abs(parameter_count(c) - wanted))
    if abs(parameter_count(matched) / wanted - 1) > TOLERANCE:
        raise ModelError(f"ablation_arm({name!r}): {parameter_count(matched)} parameters, {wanted} are wanted.")
    return matched


@cache
def parameter_count(config: SpektronConfig) -> int:
    """Number of trained parameters of a `Spektron` of this configuration."""
    return Spektron(config).parameter_count()
