"""Ask a trained model about a measured spectrum: functional groups, alike molecules, and whether to believe it."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from ..errors import ModelError, SpectrumError
from ._peer_preprocessing import SPACING_CM1
from .calibration import GroupCalibration
from .functional_groups import GROUP_NAMES
from .inputs import ModelInput, spectral_input, stack_inputs
from .library import FILE as LIBRARY_FILE
from .library import EmbeddingLibrary, Neighbour
from .model import Encoded, Spektron
from .model_calibration import FILE as CALIBRATION_FILE
from .model_calibration import ModelCalibration, PartCalibration, misfit
from .prediction import GroupProbability, Prediction
from .pretrained import SHIPPED, folder_of

__all__ = ["Predictor", "predict"]

_LOG = logging.getLogger(__name__)
_RECONSTRUCTED = ("ir", "raman")
_LEAST_EXPLAINED = 0.5
_MOST_SHIFT_CM1 = 4 * SPACING_CM1  # of the query: of 0, 4 and 8 channels best for "small" on validation molecules


class Predictor:
    """A trained model with its library and its calibration, ready to be asked about measured spectra.

    Parameters
    ----------
    model : Spektron
    library : EmbeddingLibrary, optional
        Without one, no molecules are named.
    calibration : ModelCalibration, optional
        Without one, probabilities are the model's own and nothing is said about novelty; both are noted.
    name : str
    group_names : sequence of str, optional
        Of the model's outputs [default: `functional_groups.GROUP_NAMES`, or those in the metrics of the model].

    Raises
    ------
    ModelError
        Names, a library or a calibration that do not belong to the model.
    """

    def __init__(
        self,
        model: Spektron,
        library: EmbeddingLibrary | None = None,
        calibration: ModelCalibration | None = None,
        *,
        name: str = "",
        group_names: Sequence[str] | None = None,
    ) -> None:
        self.model = model.eval()
        self.library, self.calibration = library, calibration
        self.name = name or model.config.name
        self.group_names = _names(model, group_names)
        weights = model.fingerprint()
        for part, what in ((library, "library"), (calibration, "calibration")):
            if part is not None and part.weights not in ("", weights):
                raise ModelError(
                    f"Predictor: the {what} was made with other weights ({part.weights}, the model has {weights}); "
                    "write it anew with companions.write_companions."
                )
        for key, numbers in (library.query_lengths if library else {}).items():
            if numbers != model.config.embedding:
                raise ModelError(
                    f"Predictor: the library ({key}) has embeddings of {numbers} numbers, the model of "
                    f"{model.config.embedding}."
                )
        for key, part in (calibration.parts if calibration else {}).items():
            sizes = len(part.distance.mean), len(part.groups.slopes)
            if sizes != (model.config.chem, model.config.functional_groups):
                raise ModelError(
                    f"Predictor: the calibration ({key}) is of a model with {sizes[0]} numbers of z_chem and "
                    f"{sizes[1]} groups; this one has {model.config.chem} and {model.config.functional_groups}."
                )

    @classmethod
    def from_pretrained(cls, name: str | Path = "small") -> "Predictor":
        """The predictor of a shipped model, or of a folder with a model; library and calibration if they are there.

        Raises
        ------
        ModelError
            No such model, or a damaged file.
        """
        model = Spektron.from_pretrained(name)
        folder = folder_of(name)
        library = EmbeddingLibrary.load(folder) if (folder / LIBRARY_FILE).is_file() else None
        calibration = ModelCalibration.load(folder) if (folder / CALIBRATION_FILE).is_file() else None
        return cls(model, library, calibration, name=str(name))

    def __repr__(self) -> str:
        return f"Predictor({self.name}; {self.library or 'no library'}; {self.calibration or 'not calibrated'})"

    def input_of(self, spectrum: Any, modality: str, **how: Any) -> ModelInput:
        """The spectrum on the channels of the model; arguments as of `inputs.spectral_input`."""
        return spectral_input(spectrum, modality=modality, channels=self.model.axis.cpu().double().numpy(), **how)

    def predict(self, ir: Any = None, raman: Any = None, *, nearest: int = 10) -> Prediction:
        """What the model says of a sample, from its IR spectrum, its Raman spectrum or both.

        Parameters
        ----------
        ir, raman : what `inputs.spectral_input` takes, or a `ModelInput`, optional
        nearest : int
            Molecules of the library to name. Their similarity is the largest over shifts of the axis by up to 7 1/cm.

        Raises
        ------
        SpectrumError
            No spectrum, or one that cannot be used.
        """
        given = {"ir": ir, "raman": raman}
        inputs = {name: self.input_of(x, name) for name, x in given.items() if x is not None}
        if not inputs:
            raise SpectrumError("Predictor.predict: give ir=, raman= or both.")
        names = tuple(inputs)
        spectra, _, coverage = (torch.as_tensor(a) for a in stack_inputs([inputs], names))
        with torch.no_grad():
            device = self.model.axis.device
            spectra, coverage = spectra.to(device), coverage.to(device)
            encoded = self.model.encode(spectra, modalities=names, seen=coverage)
            strangeness = float(misfit(self.model, encoded, spectra, coverage)[0])
            return self._said(inputs, encoded, strangeness, self._neighbours(spectra, coverage, names, nearest))

    def group_probabilities(self, spectra: Any, modalities: Sequence[str]) -> Any:
        """Probabilities (n, groups) of the functional groups from whole spectra (n, M, channels) on the model's axis.

        Calibrated where the model came with a calibration for these ``modalities``.
        """
        part = self.calibration.of_modalities(tuple(modalities)) if self.calibration else None
        calibration = part.groups if part else GroupCalibration.none(len(self.group_names))
        logits = []
        with torch.no_grad():
            for chunk in torch.as_tensor(spectra, device=self.model.axis.device).split(256):
                chem = self.model.encode(chunk, modalities=tuple(modalities)).chem.mean
                logits.append(self.model.functional_group_logits(chem).double().cpu())
        return calibration.probabilities(torch.cat(logits).numpy())

    def _neighbours(
        self, spectra: torch.Tensor, coverage: torch.Tensor, names: tuple[str, ...], count: int
    ) -> tuple[Neighbour, ...]:
        """Molecules most like the spectra (1, M, L), moved along the axis as may be: no axis is without error."""
        if self.library is None or count < 1:
            return ()
        most = int(_MOST_SHIFT_CM1 / float(self.model.axis.diff().mean()) + 1e-6)
        moves = sorted({-most, -(most // 2), 0, most // 2, most})
        values = torch.cat([spectra.roll(move, -1) for move in moves])
        place = torch.arange(coverage.shape[-1], device=coverage.device)
        inside = [(place >= move) & (place < len(place) + move) for move in moves]  # what comes in was not measured
        there = torch.cat([coverage.roll(move, -1) & part for move, part in zip(moves, inside, strict=True)])
        chem = self.model.encode(values, modalities=names, seen=there).chem.mean
        return self.library.nearest(self.model.retrieval_embedding(chem).cpu().numpy(), names, count)

    def _said(
        self,
        inputs: dict[str, ModelInput],
        encoded: Encoded,
        strangeness: float,
        neighbours: tuple[Neighbour, ...],
    ) -> Prediction:
        names = tuple(inputs)
        chem = encoded.chem.mean
        part = self.calibration.of_modalities(names) if self.calibration else None
        return Prediction(
            inputs=tuple(inputs.values()),
            groups=self._groups(chem, part),
            calibrated=part is not None and bool(self.group_names),
            nearest=neighbours,
            novelty=None if part is None else part.novelty(chem[0].double().cpu().numpy(), strangeness),
            properties=self._properties(chem),
            channels_cm1=self.model.axis.cpu().double().numpy(),
            reconstruction=self._reconstruction(chem),
            model=self.name,
            notes=self._notes(part),
        )

    def _groups(self, chem: torch.Tensor, part: PartCalibration | None) -> tuple[GroupProbability, ...]:
        if not self.group_names:
            return ()
        logits = self.model.functional_group_logits(chem)[0].double().cpu().numpy()
        calibration = part.groups if part else GroupCalibration.none(len(self.group_names))
        probabilities = calibration.probabilities(logits).tolist()
        found = [GroupProbability(name, p) for name, p in zip(self.group_names, probabilities, strict=True)]
        return tuple(sorted(found, key=lambda group: -group.probability))

    def _properties(self, chem: torch.Tensor) -> dict[str, float]:
        """Predicted properties in their units, as far as the model explains half their variance on held-out molecules.

        Empty where the metrics of the model do not say how it was standardised, or how well it predicts.
        """
        scale = self.model.metrics.get("property_scale")
        explained = self.model.metrics.get("held_out", {}).get("properties_r2", {})
        if not self.model.config.properties or not scale:
            return {}
        values = self.model.predicted_properties(chem)[0].double().cpu().tolist()
        rows = zip(scale["names"], values, scale["mean"], scale["deviation"], strict=True)
        return {
            name: value * deviation + mean
            for name, value, mean, deviation in rows
            if explained.get(name, 0.0) >= _LEAST_EXPLAINED
        }

    def _reconstruction(self, chem: torch.Tensor) -> dict[str, Any]:
        known = [name for name in _RECONSTRUCTED if name in self.model.config.modalities]
        numbers = torch.tensor([self.model.config.modalities.index(name) for name in known], device=chem.device)
        values = self.model.reconstruct(chem.expand(len(known), -1), None, numbers)
        return dict(zip(known, values.double().cpu().numpy(), strict=True))

    def _notes(self, part: PartCalibration | None) -> tuple[str, ...]:
        notes = []
        if part is None:
            notes.append(
                "the model came without calibration for these spectra: probabilities are its own, and whether "
                "it knows such spectra is not tested (companions.write_companions makes one)"
            )
        if self.library is None:
            notes.append(
                "the model came without a library: no molecules are named (companions.write_companions makes one)"
            )
        return tuple(notes)


def _names(model: Spektron, given: Sequence[str] | None) -> tuple[str, ...]:
    count = model.config.functional_groups
    names = tuple(given or model.metrics.get("group_names") or GROUP_NAMES) if count else ()
    if len(names) != count:
        raise ModelError(f"the model predicts {count} functional groups; {len(names)} names are known for them.")
    return names


@lru_cache(maxsize=2)
def _shipped(name: str) -> Predictor:
    _LOG.info("loading the model %s", name)
    return Predictor.from_pretrained(name)


def predict(
    ir: Any = None, raman: Any = None, *, model: "str | Path | Predictor" = "small", nearest: int = 10
) -> Prediction:
    """What a trained model says of a measured spectrum: functional groups, nearest molecules, novelty.

    Parameters
    ----------
    ir, raman : Spectrum, path, array (n, 2) or ModelInput, optional
        One of the two or both; see `inputs.spectral_input`.
    model : str, Path or Predictor
        A shipped model ("small"), the folder of one (loaded anew at each call), or a predictor.
    nearest : int
        Molecules of the library to name.

    Raises
    ------
    SpectrumError
        No spectrum, or one that cannot be used.
    ModelError
        No such model.
    """
    if not isinstance(model, Predictor):  # what lies in a folder may change
        model = _shipped(str(model)) if model in SHIPPED else Predictor.from_pretrained(model)
    return model.predict(ir, raman, nearest=nearest)
