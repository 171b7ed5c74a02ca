"""What goes beside the weights of a trained model: its library of molecules and its calibration."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import ModelError
from .library import EmbeddingLibrary
from .model import Spektron
from .model_calibration import ModelCalibration
from .rendering import MODALITIES, reference_spectra
from .training_data import TrainingData
from .views import PLAIN, ViewSampler, has_spectrum

__all__ = ["calibration_of", "library_of", "write_companions"]

_CHUNK = 512
_DIMENSIONS = 96  # kept of each embedding: a library of 12,630 molecules then takes 4 MB


@torch.no_grad()
def library_of(model: Spektron, data: TrainingData, rows: Sequence[int] | np.ndarray | None = None) -> EmbeddingLibrary:
    """The library of the ideal spectra of molecules (all by default): IR alone, Raman alone and both together.

    A molecule without any line of a kind within the axis (IR of a homonuclear diatomic) is never near there.
    """
    chosen = np.arange(len(data)) if rows is None else np.asarray(rows)
    parts: dict[str, list[Tensor]] = {"ir": [], "raman": [], "ir+raman": []}
    model.eval()
    for start in range(0, len(chosen), _CHUNK):
        lines = data.lines[torch.from_numpy(chosen[start : start + _CHUNK])]
        spectra = reference_spectra(lines, model.axis)
        present = has_spectrum(lines, model.axis)
        encoded = model.encode(spectra, modalities=MODALITIES, present=present)
        for key, kinds in (("ir", (True, False)), ("raman", (False, True)), ("ir+raman", (True, True))):
            here = present & torch.tensor(kinds)
            # The zero vector of a molecule without such a spectrum is like nothing.
            parts[key].append(model.retrieval_embedding(encoded.chem_of(here).mean) * here.any(-1, keepdim=True))
    texts = ([texts[row] for row in chosen] for texts in (data.ids, data.formulas, data.smiles))
    embeddings = {key: torch.cat(found).cpu().numpy() for key, found in parts.items()}
    return EmbeddingLibrary.of(embeddings, *texts, dimensions=_DIMENSIONS, weights=model.fingerprint())


def calibration_of(model: Spektron, data: TrainingData, *, molecules: int = 2000, seed: int = 0) -> ModelCalibration:
    """The calibration on validation molecules, measured by virtual instruments that were not trained with.

    Half the spectra lack a part of their range, as measured ones do. Training molecules say which z_chem are usual. At
    most about ``molecules`` of each part of the split are measured, and only those with both spectra take part.

    Raises
    ------
    ModelError
        Fewer than 20 validation molecules have both spectra.
    """
    training, _, _ = _measured(model, data, "train", molecules, seed)
    held_out, labels, mask = _measured(model, data, "validation", molecules, seed)
    if len(held_out) < 20:
        raise ModelError(f"calibration_of: {len(held_out)} validation molecules with both spectra; 20 are needed.")
    seen = _usual_ranges(held_out, model.axis, torch.Generator().manual_seed(seed))
    return ModelCalibration.fit(model, training, held_out, labels, mask, MODALITIES, seen=seen)


def _usual_ranges(spectra: Tensor, axis: Tensor, generator: torch.Generator) -> Tensor:
    """Channels (n, M, L) that a measurement covers: half of them all, half without up to 1/12 below and 2/9 above.

    Of an axis from 400 to 4000 1/cm that is from 400-700 to 3200-4000.
    """
    draws = torch.rand(3, *spectra.shape[:2], 1, generator=generator)
    along = (axis - axis[0]) / (axis[-1] - axis[0])
    within = (along >= draws[0] / 12) & (along <= 1 - 2 / 9 * draws[1])
    return within | (draws[2] < 0.5)


def _measured(
    model: Spektron, data: TrainingData, split: str, molecules: int, seed: int
) -> tuple[Tensor, np.ndarray, np.ndarray]:
    """Spectra (n, 2, L) of molecules of a split, their groups (n, G) and whether those are known (n,)."""
    size = min(256, len(data.indices(split)))
    sampler = ViewSampler(data, model.config, seed, split=split, batch_size=size, **PLAIN)
    steps = min(-(-molecules // size), sampler.batches_per_epoch)
    spectra, labels, masks = [], [], []
    for step in range(steps):
        batch = sampler.batch(step)
        whole = batch.present.all(-1)
        spectra.append(batch.spectra[0][whole])
        labels.append(batch.functional_groups[whole])
        masks.append(batch.group_mask[whole])
    return torch.cat(spectra), torch.cat(labels).numpy(), torch.cat(masks).numpy()


def write_companions(
    model: Spektron, data: TrainingData, folder: str | Path, *, molecules: int = 2000
) -> tuple[Path, Path]:
    """Write library.safetensors and calibration.safetensors beside the weights, and return their paths.

    The names of groups and the scale of properties go into the metrics of the model, and into those in the folder.
    """
    if model.config.functional_groups:
        model.metrics["group_names"] = list(data.group_names)
    if model.config.properties:
        mean, deviation = (values.astype(float).tolist() for values in data.property_scale())
        model.metrics["property_scale"] = {"names": list(data.property_names), "mean": mean, "deviation": deviation}
    model.save_metrics(folder)
    calibration = calibration_of(model, data, molecules=molecules)
    return library_of(model, data).save(folder), calibration.save(folder)
