"""What a trained model scores on molecules and instruments it has never seen; what metrics.json holds of it."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import MissingPackageError
from .model import Spektron
from .peers import SpektronPeer
from .probes import InstrumentProbe, instrument_probe
from .retrieval_task import simulated_task
from .training_data import TrainingData
from .views import MODALITIES, PLAIN, TrainingBatch, ViewSampler

__all__ = ["HeldOutScores", "RelativeError", "held_out_scores"]

_BATCH = 128
_BOOTSTRAP = 2000
KINDS = {"IR": (0,), "Raman": (1,), "IR and Raman": (0, 1)}


@dataclass(frozen=True)
class RelativeError:
    """Sum of squared errors over the sum of squares of the target: 0 is perfect, 1 is what predicting zero gives.

    Attributes
    ----------
    model : float
    interval : (float, float)
        95 %, molecules drawn again with replacement.
    mean_spectrum : float
        The same for the mean spectrum of the training molecules; where channels are hidden, times the factor that fits
        it best to the others.
    """

    model: float
    interval: tuple[float, float]
    mean_spectrum: float


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of one model on a part of the split; all spectra are simulated.

    Attributes
    ----------
    split : str
    n_molecules, n_scored : int
        Molecules of the split; those in whole batches of 128, of which all scores are but ``top1`` and ``instrument``.
    n_library, n_queries : int
        Structures in the library, each once; those that are asked for (with one kind of spectrum only: those that have
        it).
    top1 : dict of (float, float, float)
        Share of queries whose molecule is found first, with its 95 % interval, for "IR", "Raman" and "IR and Raman";
        query and library come from two instruments, both unknown to the model.
    masked : dict of RelativeError
        Filling in hidden channels, for each modality.
    cross_modal : dict of RelativeError
        "ir": infrared from Raman; "raman": Raman from infrared, both as the ideal instrument shows them.
    group_auroc : dict of (float, int)
        Area under the ROC curve for each functional group, from both spectra, and the number of molecules that have it.
    properties_r2 : dict of float
        Share of the variance explained, from both spectra.
    instrument : dict of InstrumentProbe
    """

    split: str
    n_molecules: int
    n_scored: int
    n_library: int
    n_queries: int
    top1: dict[str, tuple[float, float, float]]
    masked: dict[str, RelativeError]
    cross_modal: dict[str, RelativeError]
    group_auroc: dict[str, tuple[float, int]]
    properties_r2: dict[str, float]
    instrument: dict[str, InstrumentProbe]

    @property
    def mean_auroc(self) -> float | None:
        """Mean over the functional groups; None for a model without the head."""
        return float(np.mean([value for value, _ in self.group_auroc.values()])) if self.group_auroc else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, rounded to four places."""
        return _rounded({**asdict(self), "mean_auroc": self.mean_auroc})


@torch.no_grad()
def held_out_scores(
    model: Spektron, data: TrainingData, *, split: str = "test", queries: int = 500, seed: int = 0
) -> HeldOutScores:
    """What the model scores on a part of the split, measured by instruments that nobody trained with.

    Takes about a minute for "small" on two cores.

    Raises
    ------
    ModelError
        The split is too small.
    MissingPackageError
        Without scikit-learn.
    """
    model.eval()
    task = simulated_task(data, split, seed, n_queries=queries)
    top1 = {}
    for name, kind in KINDS.items():
        result = task.only(kind).answer(SpektronPeer(model))
        top1[name] = (float(result.top1), *(float(x) for x in result.interval()))
    size = len(data.indices(split))
    sampler = ViewSampler(data, model.config, seed, split=split, batch_size=min(_BATCH, size), masked_molecules=1.0)
    batches = [sampler.batch(step) for step in range(sampler.batches_per_epoch)]
    told = [_told(model, batch) for batch in batches]
    joined = {name: torch.cat([part[name] for part in told]) for name in told[0]}
    means = _mean_spectra(data, model)
    return HeldOutScores(
        split=split,
        n_molecules=size,
        n_scored=sum(len(batch) for batch in batches),
        n_library=len(task.library),
        n_queries=len(task.rows),
        top1=top1,
        masked=_relative_errors(joined, "masked", _fitted(means["measured"], joined), seed),
        cross_modal=_relative_errors(joined, "ideal", means["reference"], seed),
        group_auroc=_group_auroc(data, joined) if model.config.functional_groups else {},
        properties_r2=_explained(data, joined) if model.config.properties else {},
        instrument={kind: instrument_probe(model, data, kind, split=split, seed=seed) for kind in MODALITIES},
    )


def _told(model: Spektron, batch: TrainingBatch) -> dict[str, Tensor]:
    """What the model makes of a batch, beside the truth: the second view is masked, the first whole."""
    seen = ~batch.mask[1]
    hidden = model.encode(batch.spectra[1], modalities=MODALITIES, present=batch.present, seen=seen)
    whole = model.encode(batch.spectra[0], modalities=MODALITIES, present=batch.present)
    kinds = (torch.tensor(kind).expand_as(batch.present) for kind in ((False, True), (True, False)))
    from_raman, from_ir = (whole.chem_of(kind).mean for kind in kinds)
    numbers = whole.modalities.expand(len(batch), -1)
    target = batch.spectra[1] / hidden.scale
    height = target.abs().amax(-1, keepdim=True).clamp(min=1.0)  # as in the objective
    told = {
        "masked": model.masked_reconstruction(hidden) / height,
        "masked_target": target / height,
        "masked_where": batch.mask[1] & batch.present.unsqueeze(-1),
        "ideal": model.reconstruct(torch.stack([from_raman, from_ir], dim=1), None, numbers),
        "ideal_target": batch.reference,
        "ideal_where": batch.present.all(-1)[:, None, None].expand_as(batch.reference),
        "groups": batch.functional_groups,
        "group_mask": batch.group_mask,
        "properties": batch.properties,
        "property_mask": batch.property_mask,
    }
    if model.config.functional_groups:
        told["logits"] = model.functional_group_logits(whole.chem.mean)
    if model.config.properties:
        told["found"] = model.predicted_properties(whole.chem.mean)
    return told


def _mean_spectra(data: TrainingData, model: Spektron) -> dict[str, Tensor]:
    """Mean (M, L) of training spectra, as measured over their maximum, and as the ideal instrument shows them."""
    sampler = ViewSampler(data, model.config, 0, batch_size=min(1024, len(data.indices("train"))), **PLAIN)
    batch = sampler.batch(0)
    here = batch.present.unsqueeze(-1)
    measured = batch.spectra[0] / batch.spectra[0].abs().amax(-1, keepdim=True)
    return {
        name: (spectra * here).sum(0) / here.sum(0)
        for name, spectra in (("measured", measured), ("reference", batch.reference))
    }


def _fitted(mean: Tensor, told: dict[str, Tensor]) -> Tensor:
    """The mean spectrum (n, M, L), each time scaled so that it fits the channels that are not hidden best."""
    seen = ~told["masked_where"]
    factor = (told["masked_target"] * mean * seen).sum(-1) / (mean.square() * seen).sum(-1).clamp(min=1e-12)
    return factor.unsqueeze(-1) * mean


def _relative_errors(told: dict[str, Tensor], name: str, mean: Tensor, seed: int) -> dict[str, RelativeError]:
    target, where = told[f"{name}_target"], told[f"{name}_where"]
    square = (target.square() * where).sum(-1).double().numpy()
    error = ((told[name] - target).square() * where).sum(-1).double().numpy()
    plain = ((mean - target).square() * where).sum(-1).double().numpy()
    draws = np.random.default_rng(seed).integers(len(square), size=(_BOOTSTRAP, len(square)))
    found = {}
    for m, kind in enumerate(MODALITIES):
        again = error[draws, m].sum(1) / square[draws, m].sum(1)
        low, high = np.percentile(again, [2.5, 97.5])
        total = square[:, m].sum()
        found[kind] = RelativeError(
            float(error[:, m].sum() / total), (float(low), float(high)), float(plain[:, m].sum() / total)
        )
    return found


def _group_auroc(data: TrainingData, told: dict[str, Tensor]) -> dict[str, tuple[float, int]]:
    try:
        from sklearn.metrics import roc_auc_score
    except ImportError as error:
        raise MissingPackageError.of_extra("held-out scores need scikit-learn", "ml") from error
    known = told["group_mask"].bool().numpy()
    labels, logits = told["groups"].numpy()[known], told["logits"].numpy()[known]
    counts = labels.sum(0).astype(int)
    return {
        name: (float(roc_auc_score(labels[:, k], logits[:, k])), int(counts[k]))
        for k, name in enumerate(data.group_names)
        if 0 < counts[k] < len(labels)
    }


def _explained(data: TrainingData, told: dict[str, Tensor]) -> dict[str, float]:
    found = {}
    for k, name in enumerate(data.property_names):
        known = told["property_mask"][:, k].bool()
        target, guess = told["properties"][known, k], told["found"][known, k]
        found[name] = float(1 - (target - guess).square().sum() / (target - target.mean()).square().sum())
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return round(value, 4) if isinstance(value, float) else value
