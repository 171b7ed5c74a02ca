"""Probes of a frozen model: what can be read from its latents by a linear classifier."""

import logging
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from ..errors import MissingPackageError, ModelError
from .instrument import InstrumentTable, measure
from .model import Spektron
from .training_data import TrainingData
from .views import HELD_OUT, MODALITIES, has_spectrum

__all__ = ["InstrumentProbe", "instrument_probe"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class InstrumentProbe:
    """Accuracy with which a logistic regression names the virtual instrument from frozen latents.

    Attributes
    ----------
    modality : str
    n_instruments, n_train, n_test : int
        Held-out instruments; spectra that the probe learned from and was tested on, of different molecules.
    accuracy_inst, accuracy_chem : float
        From the mean of z_inst and from z_chem as it is drawn; chance is 1 / n_instruments.
    accuracy_chem_mean : float
        From the mean of z_chem, a number of infinite precision that the bottleneck does not bound.
    interval_inst, interval_chem, interval_chem_mean : (float, float)
        95 % Wilson.
    """

    modality: str
    n_instruments: int
    n_train: int
    n_test: int
    accuracy_inst: float
    interval_inst: tuple[float, float]
    accuracy_chem: float
    interval_chem: tuple[float, float]
    accuracy_chem_mean: float
    interval_chem_mean: tuple[float, float]

    @property
    def chance(self) -> float:
        """Accuracy of guessing."""
        return 1 / self.n_instruments

    def as_dict(self) -> dict[str, Any]:
        """Plain values, with the chance level."""
        return {**asdict(self), "chance": self.chance}


def instrument_probe(
    model: Spektron, data: TrainingData, modality: str, *, split: str = "test", n_instruments: int = 8, seed: int = 0
) -> InstrumentProbe:
    """How well the latents of a frozen model name the instrument, on molecules and instruments it has never seen.

    Every molecule of the split is measured once, on one of the instruments (SIMULATED); half the molecules train the
    probe, half test it.

    Raises
    ------
    ModelError
        Fewer than 20 molecules an instrument, fewer than 2 instruments, an unknown modality.
    MissingPackageError
        Without scikit-learn.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingPackageError.of_extra("probes need scikit-learn", "ml") from error
    from .retrieval import wilson_interval

    if modality not in MODALITIES or n_instruments < 2:
        raise ModelError(
            f"instrument_probe(modality={modality!r}, n_instruments={n_instruments}): one of {', '.join(MODALITIES)} "
            "and 2 instruments or more are needed."
        )
    column = MODALITIES.index(modality)
    rows = torch.from_numpy(np.asarray(data.indices(split)))
    rows = rows[has_spectrum(data.lines[rows], model.axis)[:, column]]
    if len(rows) < 20 * n_instruments:
        raise ModelError(f"instrument_probe: {len(rows)} {split} molecules for {n_instruments} instruments: too few.")
    generator = torch.Generator().manual_seed(seed)
    rows = rows[torch.randperm(len(rows), generator=generator)]
    first = HELD_OUT[split] + 500_000
    table = InstrumentTable.of_seeds(range(first, first + n_instruments), MODALITIES)
    number = torch.arange(len(rows)) % n_instruments
    spectra = measure(data.lines[rows], table.pick(number), model.axis, generator)[:, column : column + 1]
    with torch.no_grad():
        parts = [model.encode(part, modalities=(modality,)) for part in spectra.split(256)]
    latents = {
        "inst": torch.cat([part.inst.mean[:, 0] for part in parts]).numpy(),
        "chem": torch.cat([part.chem_parts.sample(generator)[:, 0] for part in parts]).numpy(),
        "chem_mean": torch.cat([part.chem_parts.mean[:, 0] for part in parts]).numpy(),
    }
    half = len(rows) // 2
    found: dict[str, Any] = {}
    for name, values in latents.items():
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
        probe.fit(values[:half], number[:half].numpy())
        hits = int((probe.predict(values[half:]) == number[half:].numpy()).sum())
        found[f"accuracy_{name}"] = hits / (len(rows) - half)
        found[f"interval_{name}"] = wilson_interval(hits, len(rows) - half)
    return InstrumentProbe(modality, n_instruments, half, len(rows) - half, **found)
