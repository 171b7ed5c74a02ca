"""The calibration of a trained model, for each combination of modalities, fitted on held-out molecules and shipped."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import ModelError
from ..groups.operations import NDArrayFloat
from .calibration import ConformalScore, GroupCalibration, MahalanobisDistance
from .model import Encoded, Spektron, evaluating, normalised
from .prediction import Novelty

__all__ = ["ModelCalibration", "PartCalibration", "encoded_in_batches", "misfit"]

FILE = "calibration.safetensors"
_ARRAYS = ("slopes", "intercepts", "mean", "whitening", "latent", "misfit")


def misfit(model: Spektron, encoded: Encoded, spectra: Tensor, seen: Tensor) -> Tensor:
    """What the model cannot reproduce (B,): 1 - cosine of the spectra (B, M, L) and their reconstruction.

    Over the channels that were seen, the largest of the modalities present; 0 is perfect, 1 is nothing in common.
    """
    chem = encoded.chem.mean.unsqueeze(1).expand(-1, spectra.shape[1], -1)
    modalities = encoded.modalities.expand(len(spectra), -1)
    again = model.reconstruct(chem, encoded.inst.mean, modalities)
    visible = seen & encoded.present.unsqueeze(-1)
    given = normalised(spectra, visible)[0]
    cosine = functional.cosine_similarity(given, torch.where(visible, again, torch.zeros(())), dim=-1)
    return torch.where(encoded.present, 1 - cosine, torch.full((), -1.0)).amax(dim=1)


@dataclass(frozen=True, eq=False)
class PartCalibration:
    """The calibration for one combination of modalities."""

    groups: GroupCalibration
    distance: MahalanobisDistance
    latent: ConformalScore
    misfit: ConformalScore

    def novelty(self, chem: NDArrayFloat, misfit: float) -> Novelty:
        """p-values of one spectrum with z_chem (k,) and its misfit."""
        return Novelty(float(self.latent.p_value(self.distance(chem))), float(self.misfit.p_value(misfit)))


@dataclass(frozen=True, eq=False, repr=False)
class ModelCalibration:
    """Calibrations by modalities joined with "+", as "ir+raman", and the `Spektron.fingerprint` of the model.

    The fingerprint is "" if not known.
    """

    parts: Mapping[str, PartCalibration]
    weights: str = ""

    def __repr__(self) -> str:
        return f"ModelCalibration({', '.join(self.parts)})"

    def of_modalities(self, modalities: Sequence[str]) -> PartCalibration | None:
        """The calibration for spectra of these kinds; None if there is none."""
        return self.parts.get("+".join(sorted(modalities)))

    @classmethod
    def fit(
        cls,
        model: Spektron,
        training: Tensor,
        held_out: Tensor,
        labels: Any,
        label_mask: Any = None,
        modalities: Sequence[str] = ("ir", "raman"),
        kind: str = "platt",
        seen: Tensor | None = None,
    ) -> "ModelCalibration":
        """The calibration of a trained model, for each modality alone and for all together.

        Parameters
        ----------
        model : Spektron
        training : Tensor (m, M, L)
            Spectra of molecules that the model was trained on, on its axis: they say what is usual in z_chem.
        held_out : Tensor (n, M, L)
            Spectra, measured as the user's will be, of molecules that it was not trained on.
        labels : array (n, G)
            Functional groups of the latter, 0 or 1; (n, 0) for a model that predicts none.
        label_mask : array (n,) or (n, G) of bool, optional
        modalities : sequence of M str
        kind : {"platt", "temperature"}
        seen : Tensor (n, M, L) of bool, optional
            Channels of the held-out spectra that were measured: p-values hold for spectra that cover as much.

        Raises
        ------
        ModelError
            Shapes that do not fit.
        """
        if training.ndim != 3 or held_out.shape[1:] != training.shape[1:] or len(modalities) != training.shape[1]:
            raise ModelError(
                f"ModelCalibration.fit: training spectra {tuple(training.shape)} and held-out {tuple(held_out.shape)} "
                f"for the modalities {tuple(modalities)}; both are (n, M, L)."
            )
        subsets = [[k] for k in range(len(modalities))] + (
            [list(range(len(modalities)))] if len(modalities) > 1 else []
        )
        parts = {}
        for rows in subsets:
            names = [modalities[k] for k in rows]
            known = encoded_in_batches(model, training[:, rows], names)
            new = encoded_in_batches(model, held_out[:, rows], names, None if seen is None else seen[:, rows])
            distance = MahalanobisDistance.fit(known["chem"])
            groups = GroupCalibration.none(0)
            if model.config.functional_groups:
                groups = GroupCalibration.fit(new["logits"], labels, label_mask, kind)
            scores = ConformalScore(distance(new["chem"])), ConformalScore(new["misfit"])
            parts["+".join(sorted(names))] = PartCalibration(groups, distance, *scores)
        return cls(parts, model.fingerprint())

    def save(self, folder: str | Path) -> Path:
        """Write calibration.safetensors into a folder and return its path."""
        from safetensors.numpy import save

        from ..groups.atomic_write import writing

        tensors = {}
        for key, part in self.parts.items():
            arrays = (
                *(part.groups.slopes, part.groups.intercepts),
                *(part.distance.mean, part.distance.whitening),
                *(part.latent.calibration, part.misfit.calibration),
            )
            tensors |= {
                f"{key} {n}": np.ascontiguousarray(a, dtype=np.float32) for n, a in zip(_ARRAYS, arrays, strict=True)
            }
        kinds = json.dumps({key: part.groups.kind for key, part in self.parts.items()})
        path = Path(folder) / FILE
        with writing(path) as stream:
            stream.write(save(tensors, metadata={"kinds": kinds, "weights": self.weights}))
        return path

    @classmethod
    def load(cls, folder: str | Path) -> "ModelCalibration":
        """The calibration of a folder; ModelError if it has none, or a damaged one."""
        from safetensors import SafetensorError, safe_open

        path = Path(folder) / FILE
        if not path.is_file():
            raise ModelError(f"there is no calibration {path}.")
        try:
            with safe_open(path, framework="numpy") as file:
                kinds, weights = json.loads(file.metadata()["kinds"]), file.metadata()["weights"]
                parts = {
                    key: _part(kind, [file.get_tensor(f"{key} {n}") for n in _ARRAYS]) for key, kind in kinds.items()
                }
            return cls(parts, weights)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{path} is damaged: {error!r}.") from error


def _part(kind: str, arrays: list[np.ndarray]) -> PartCalibration:
    slopes, intercepts, mean, whitening, latent, misfits = (array.astype(float) for array in arrays)
    return PartCalibration(
        GroupCalibration(slopes, intercepts, kind),
        MahalanobisDistance(mean, whitening),
        ConformalScore(latent),
        ConformalScore(misfits),
    )


@torch.no_grad()
def encoded_in_batches(
    model: Spektron,
    spectra: Tensor,
    modalities: Sequence[str],
    seen: Tensor | None = None,
    batch_size: int = 128,
) -> dict[str, NDArrayFloat]:
    """z_chem "chem" (n, chem), "logits" (n, G) and "misfit" (n,) of spectra (n, M, L) on the model's axis."""
    found: dict[str, list[Tensor]] = {"chem": [], "logits": [], "misfit": []}
    spectra = torch.as_tensor(spectra)
    seen = torch.ones_like(spectra, dtype=torch.bool) if seen is None else seen
    with evaluating(model):
        for rows, channels in zip(spectra.split(batch_size), seen.split(batch_size), strict=True):
            encoded = model.encode(rows, modalities=modalities, seen=channels)
            found["chem"].append(encoded.chem.mean)
            if model.config.functional_groups:
                found["logits"].append(model.functional_group_logits(encoded.chem.mean))
            found["misfit"].append(misfit(model, encoded, rows, channels))
    return {
        name: torch.cat(parts).double().cpu().numpy() if parts else np.zeros((len(spectra), 0))
        for name, parts in found.items()
    }
