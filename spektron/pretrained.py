"""Trained models on disk, and those that ship with symvib."""

import json
from pathlib import Path
from typing import Any

import torch

from ..errors import MissingPackageError, ModelError
from .config import SpektronConfig

__all__ = ["SHIPPED", "folder_of", "load"]

SHIPPED = ("small",)
_DATA = Path(__file__).parent / "data"
_LARGEST_MEGABYTES = 2000
_LONGEST_REASON = 300  # characters of what torch or safetensors say


def folder_of(name: str | Path) -> Path:
    """Where the model ``name`` lies with all that belongs to it."""
    return _DATA / f"spektron_{name}" if name in SHIPPED else Path(name)


def load(cls: Any, name: str | Path) -> Any:
    """The model of class ``cls`` that is shipped as ``name`` or lies in the folder ``name``, in float32, to be asked.

    Only config.json, model.safetensors and metrics.json are read: nothing in them can be executed.

    Raises
    ------
    ModelError
        No such model, a damaged file, weights that do not belong to the configuration or are not finite.
    MissingPackageError
        Without safetensors.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise MissingPackageError.of_extra("weights need safetensors", "ml") from error

    place = folder_of(name)
    files = {part: place / part for part in ("config.json", "model.safetensors")}
    missing = [part for part, path in files.items() if not path.is_file()]
    if missing:
        raise ModelError(
            f"from_pretrained({str(name)!r}): {' and '.join(missing)} not in {place}; give the folder of a trained "
            f"model, or one of {', '.join(SHIPPED)}."
        )
    if files["model.safetensors"].stat().st_size > _LARGEST_MEGABYTES * 1e6:
        raise ModelError(f"from_pretrained({str(name)!r}): the weights exceed {_LARGEST_MEGABYTES} MB.")
    try:
        config = SpektronConfig.from_dict(json.loads(files["config.json"].read_text(encoding="utf-8")))
        weights = load_file(files["model.safetensors"])
        model = cls(config)
        model.load_state_dict(
            {key: value.to(torch.float32) if value.is_floating_point() else value for key, value in weights.items()}
        )
        metrics = place / "metrics.json"
        model.metrics = dict(json.loads(metrics.read_text(encoding="utf-8"))) if metrics.is_file() else {}
    except (SafetensorError, ValueError, TypeError, RuntimeError, OSError) as error:
        if isinstance(error, ModelError):
            raise
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        raise ModelError(f"from_pretrained({str(name)!r}): {place} holds no such model ({reason}).") from error
    wrong = [key for key, value in model.state_dict().items() if not bool(torch.isfinite(value).all())]
    if wrong:
        raise ModelError(f"from_pretrained({str(name)!r}): {', '.join(wrong[:3])} in {place} are not finite.")
    return model.eval()
