"""The other spectrum of a molecule, predicted from one: infrared from Raman and Raman from infrared (simulated)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from .outcomes import Outcomes

if TYPE_CHECKING:
    from ..spektron.model import Spektron
    from ..spektron.training_data import TrainingData

__all__ = ["CrossModalTask", "cross_modal_task", "spektron_other_spectrum"]

_SPECTRA = ("ir", "raman")
_WORDS = {"ir": "infrared spectrum", "raman": "Raman spectrum"}
_INSTRUMENTS = {"train": 64, "validation": 8, "test": 8}

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CrossModalTask:
    """Molecules with both spectra: one as instruments measure it, the other as it is.

    Attributes
    ----------
    source, target : {"ir", "raman"}
    ids : tuple of str (n,)
    given : ndarray (n, 1, L)
        The source, measured by virtual instruments of this part of the data, on the axis of
        `spektron.rendering.spectral_axis`.
    truth : ndarray (n, L)
        The target on an ideal instrument, largest value 1.
    """

    source: str
    target: str
    ids: tuple[str, ...]
    given: Array
    truth: Array

    def cosine(self, predicted: Array) -> NDArray[np.float64]:
        """Cosine (n,) of each predicted spectrum (n, L) with the true one; 0 for an empty prediction.

        Raises
        ------
        EvaluationError
            Another shape, or values that are not finite.
        """
        if predicted.shape != self.truth.shape or not np.isfinite(predicted).all():
            raise EvaluationError(
                f"CrossModalTask.cosine got predictions of shape {predicted.shape}, for truth of shape "
                f"{self.truth.shape}; all values must be finite."
            )
        guess, truth = predicted.astype(np.float64), self.truth.astype(np.float64)
        sizes = np.linalg.norm(guess, axis=1) * np.linalg.norm(truth, axis=1)
        return np.clip((guess * truth).sum(axis=1) / np.maximum(sizes, 1e-12), -1.0, 1.0)

    def outcomes(self, predicted: Array, name: str = "model") -> Outcomes:
        """The cosines of predicted spectra (n, L) as `Outcomes` of the model ``name``."""
        cosines = self.cosine(predicted)
        return Outcomes.of_similarities(self.ids, _WORDS[self.target], cosines, modalities=self.source, name=name)


def cross_modal_task(data: "TrainingData", part: str, source: str, most: int | None = None) -> CrossModalTask:
    """The task on a part ("train", "validation", "test") of the data, from the ``source`` ("ir", "raman").

    Molecules without one of the two spectra are left out; at most ``most`` molecules are looked at.
    """
    from ..spektron.rendering import reference_spectra, spectral_axis
    from ..spektron.retrieval_task import distinct_rows, measured
    from ..spektron.views import HELD_OUT

    if source not in _SPECTRA:
        raise EvaluationError(f"cross_modal_task(source={source!r}): choose ir or raman.")
    index = _SPECTRA.index(source)
    rows = distinct_rows(data, part)[:most]
    given = measured(data.lines[rows], range(HELD_OUT[part], HELD_OUT[part] + _INSTRUMENTS[part]), seed=1)
    truth = reference_spectra(data.lines[rows], spectral_axis()).numpy()
    both = np.isfinite(given).all(axis=(1, 2))
    ids = tuple(data.ids[row] for row in rows[both])
    return CrossModalTask(source, _SPECTRA[1 - index], ids, given[both][:, [index]], truth[both][:, 1 - index])


def spektron_other_spectrum(model: "Spektron", task: CrossModalTask) -> Callable[[Array], Array]:
    """What Spektron makes of spectra (n, 1, L) of the task's source: the other spectra (n, L)."""
    import torch

    from ..spektron.model import evaluating

    def predict(spectra: Array) -> Array:
        found = []
        with evaluating(model), torch.no_grad():
            for chunk in torch.from_numpy(spectra).split(256):
                chem = model.encode(chunk, modalities=(task.source,)).chem.mean
                other = torch.full((len(chunk),), model.config.modalities.index(task.target))
                found.append(model.reconstruct(chem, None, other))
        return torch.cat(found).numpy()

    return predict
