"""What the model says of a measured spectrum: a result to read, to plot and to write."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..groups.operations import NDArrayFloat
from .inputs import MODALITY_NAMES, ModelInput
from .library import Neighbour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GroupProbability", "Novelty", "Prediction"]

_P_STRANGE = 0.01
_SHOWN = 0.05
_CAVEAT = (
    "The model was trained on simulated spectra (GFN2-xTB, harmonic) of single molecules; nothing here is a proof."
)


@dataclass(frozen=True)
class GroupProbability:
    """Probability that the molecule has a functional group."""

    name: str
    probability: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Novelty:
    """Is the spectrum like those that the model was calibrated on? p-values, uniform if it is.

    Attributes
    ----------
    p_latent : float
        Of the distance of z_chem from the training molecules.
    p_misfit : float
        Of what the model cannot reproduce of the spectrum.
    """

    p_latent: float
    p_misfit: float

    @property
    def p_value(self) -> float:
        """Of the two together (Bonferroni)."""
        return min(1.0, 2 * min(self.p_latent, self.p_misfit))

    @property
    def strange(self) -> bool:
        """Below 0.01: of spectra like the training, one in a hundred or fewer."""
        return self.p_value < _P_STRANGE

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**vars(self), "p_value": self.p_value, "strange": self.strange}


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """What the model says of one sample.

    Attributes
    ----------
    inputs : tuple of ModelInput
        The spectra asked with, as the model saw them.
    groups : tuple of GroupProbability
        Most probable first.
    calibrated : bool
        The probabilities were calibrated on molecules that were not trained on.
    nearest : tuple of Neighbour
        Molecules of the library, most alike first.
    novelty : Novelty or None
        None where the model came without calibration.
    properties : dict of str to float
        By name with unit, as far as the model predicts any.
    channels_cm1 : ndarray (L,)
    reconstruction : dict of str to ndarray (L,)
        Spectra as an ideal instrument would show them, by modality, the largest value about 1; also of the modality
        that was not measured.
    model : str
    notes : tuple of str
    """

    inputs: tuple[ModelInput, ...]
    groups: tuple[GroupProbability, ...]
    calibrated: bool
    nearest: tuple[Neighbour, ...]
    novelty: Novelty | None
    properties: dict[str, float]
    channels_cm1: NDArrayFloat
    reconstruction: dict[str, NDArrayFloat]
    model: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        said = ", ".join(f"{g.name} {g.probability:.2f}" for g in self.groups[:3])
        return f"Prediction({'+'.join(i.modality for i in self.inputs)}; {said}{'; STRANGE' if self.warning else ''})"

    def __str__(self) -> str:
        return self.to_text()

    @property
    def warning(self) -> str:
        """One sentence if the spectrum is unlike what the model knows, else ""."""
        if self.novelty is None or not self.novelty.strange:
            return ""
        return (
            f"The spectrum is unlike those the model was calibrated on (p = {self.novelty.p_value:.2g}): do not rely "
            "on what follows."
        )

    @property
    def _probability_name(self) -> str:
        return "probability" if self.calibrated else "probability (not calibrated)"

    def to_text(self, count: int = 10) -> str:
        """A page of plain text: warnings, functional groups, nearest molecules."""
        from ..groups.report_text import text_table

        lines = [f"Read: {item.described}" for item in self.inputs]
        lines += [f"Note: {note}" for note in (*(n for item in self.inputs for n in item.notes), *self.notes)]
        if self.warning:
            lines += ["", f"WARNING: {self.warning}"]
        elif self.novelty is not None:
            lines += [
                "",
                "Not found unlike the spectra that the model was calibrated on "
                f"(p = {self.novelty.p_value:.2g}; small is strange). That alone does not make the answer right.",
            ]
        shown = [g for g in self.groups if g.probability >= _SHOWN][:count] or list(self.groups[:3])
        if shown:
            rows = [(g.name.replace("_", " "), f"{g.probability:.2f}") for g in shown]
            lines += ["", text_table(("functional group", self._probability_name), rows)]
        if self.nearest:
            rows = [(n.smiles or n.id, n.formula, f"{n.similarity:.3f}") for n in self.nearest[:count]]
            lines += ["", text_table(("nearest in the library", "formula", "cosine"), rows)]
            lines.append("A cosine near 1: much the same spectrum, and then more to go by than the groups above.")
        if self.properties:
            lines += ["", text_table(("property", "value"), [(k, f"{v:.4g}") for k, v in self.properties.items()])]
        return "\n".join([*lines, "", f"Model: {self.model}. {_CAVEAT}"])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "model": self.model,
            "caveat": _CAVEAT,
            "notes": list(self.notes),
            "warning": self.warning,
            "novelty": None if self.novelty is None else self.novelty.as_dict(),
            "calibrated": self.calibrated,
            "groups": [group.as_dict() for group in self.groups],
            "nearest": [neighbour.as_dict() for neighbour in self.nearest],
            "properties": self.properties,
            "inputs": [item.as_dict() for item in self.inputs],
            "channels_cm1": self.channels_cm1.tolist(),
            "reconstruction": {name: values.tolist() for name, values in self.reconstruction.items()},
        }

    def _repr_html_(self) -> str:
        from html import escape

        from ..groups.report_figures import figure_data_uri

        picture = figure_data_uri(self.plot(), "prediction")
        return f'<pre>{escape(self.to_text())}</pre><img alt="{escape(repr(self))}" src="{picture}">'

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the spectra given (maximum 1) and what the model makes of them, one above the other."""
        from matplotlib.figure import Figure

        if ax is None:
            ax = Figure(figsize=(8.0, 2.0 + 1.6 * len(self.reconstruction)), layout="constrained").add_subplot()
        given = {item.modality: item for item in self.inputs}
        for level, (name, values) in enumerate(reversed(self.reconstruction.items())):
            word = MODALITY_NAMES.get(name, name)
            if name in given:
                item = given[name]
                seen = np.where(item.coverage, item.values, np.nan) / np.abs(item.values).max()
                ax.plot(item.channels_cm1, seen + 1.2 * level, color="0.2", linewidth=1.0, label=f"{word}, given")
            said = "reconstructed by the model" if name in given else "predicted by the model, not given"
            style = "-" if name in given else "--"
            ax.plot(self.channels_cm1, values + 1.2 * level, style, linewidth=1.0, label=f"{word}, {said}")
            ax.annotate(word, (0.01, 1.2 * level + 0.9), xycoords=("axes fraction", "data"))
        ax.set_xlim(self.channels_cm1[-1], self.channels_cm1[0])
        ax.set_ylim(top=1.2 * len(self.reconstruction))
        ax.set(xlabel="wavenumber or Raman shift / cm$^{-1}$", ylabel="relative intensity", yticks=[])
        ax.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        if self.warning:
            ax.set_title("unlike the spectra that the model knows", color="#b00020", fontsize="medium")
        return ax
