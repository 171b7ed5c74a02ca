"""One row of a survey: a molecule's point group at several tolerances, and what infrared and Raman see of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import DetectionError, RepresentationError
from ..groups.completeness import analyse_detection
from ..groups.detection import Detection, detect_point_group
from ..groups.molecule import Molecule
from ..groups.operations import NDArrayFloat, NDArrayInt
from ..groups.selection_rules import selection_rules
from ..groups.vibrations import VibrationalAnalysis, vibrational_representation

__all__ = ["COLUMNS", "TOLERANCES_ANGSTROM", "SurveyMolecule", "SurveySettings", "survey_row", "survey_shard"]

TOLERANCES_ANGSTROM = (None, 0.1, 0.001)
"""Tolerances of the survey: read from each molecule; loose; and tight.

The tight one is what the geometries themselves promise: Gaussian, with which QM9 was optimised, by default calls a
structure converged when no coordinate would move by more than 0.0018 bohr = 0.00095 A. A deviation above 0.001 A is
then more than the criterion leaves; one below says nothing against a symmetry.
"""

COLUMNS: dict[str, str] = {
    "id": "string",
    "smiles": "string",
    "status": "string",  # "ok" or "failed"
    "message": "string",
    "n_atoms": "int16",
    # per tolerance, in the order of the settings
    "point_group": "list<string>",
    "deviation_angstrom": "list<float64>",
    "ambiguous": "list<bool>",
    "n_vib": "list<int16>",
    "n_ir": "list<int16>",
    "n_raman": "list<int16>",
    "n_both": "list<int16>",
    "n_silent": "list<int16>",
    "completeness": "list<float64>",
    "raw_ratio": "list<float64>",
    "exclusion_kind": "list<string>",
    # the ladder: every group that the structure has at some tolerance up to 0.5 A
    "ladder_group": "list<string>",
    "ladder_angstrom": "list<float64>",
}
_COUNTS = ("n_vib", "n_ir", "n_raman", "n_both", "n_silent")


@dataclass(frozen=True, eq=False)
class SurveyMolecule:
    """A molecule to look at, small enough to send to another process.

    Attributes
    ----------
    id, smiles : str
    numbers : ndarray (N,)
    positions_angstrom : ndarray (N, 3)
    """

    id: str
    smiles: str
    numbers: NDArrayInt
    positions_angstrom: NDArrayFloat


@dataclass(frozen=True)
class SurveySettings:
    """What is asked of each molecule.

    Attributes
    ----------
    tolerances_angstrom : tuple of float or None
        For the detection; None: read from the molecule.
    ladder : bool
        Also every group up to 0.5 A with its deviation, so that shares can be read at any tolerance.
    """

    tolerances_angstrom: tuple[float | None, ...] = TOLERANCES_ANGSTROM
    ladder: bool = True


def survey_shard(
    number: int, tasks: Sequence[SurveyMolecule], settings: SurveySettings, traces: Path, alone: bool
) -> tuple[int, list[dict[str, Any]]]:
    """Rows of a shard, as ``run_locally`` asks for them; detection kills no worker, so it leaves no traces."""
    return number, [survey_row(task, settings) for task in tasks]


def survey_row(task: SurveyMolecule, settings: SurveySettings) -> dict[str, Any]:
    """All columns of one molecule; where its symmetry cannot be decided, ``status`` says so."""
    row: dict[str, Any] = {"id": task.id, "smiles": task.smiles, "n_atoms": len(task.numbers)}
    molecule = Molecule.from_arrays(task.numbers, task.positions_angstrom, name=task.id)
    try:
        found = [detect_point_group(molecule, tolerance) for tolerance in settings.tolerances_angstrom]
        analyses = [_analysed(detection) for detection in found]
        ladder = found[0].levels if settings.ladder else ()
    except (DetectionError, RepresentationError) as error:
        return row | {"status": "failed", "message": f"{type(error).__name__}: {error}"[:2000]}
    return row | {
        "status": "ok",
        "message": "",
        "point_group": [detection.point_group.label for detection in found],
        "deviation_angstrom": [float(detection.deviation_angstrom) for detection in found],
        "ambiguous": [bool(detection.ambiguous) for detection in found],
        **{name: [getattr(analysis.counts, name) for analysis in analyses] for name in _COUNTS},
        "completeness": [analysis.completeness for analysis in analyses],
        "raw_ratio": [analysis.raw_ratio for analysis in analyses],
        "exclusion_kind": [selection_rules(analysis.point_group).exclusion_kind for analysis in analyses],
        "ladder_group": [level.point_group.label for level in ladder],
        "ladder_angstrom": [float(level.deviation_angstrom) for level in ladder],
    }


def _analysed(detection: Detection) -> VibrationalAnalysis:
    """The analysis of a detection; equal numbers of fixed atoms give equal ones, and C1 is nine of ten."""
    if detection.point_group.is_linear or detection.point_group.label == "Kh":
        return analyse_detection(detection)
    return _analysis(detection.point_group.label, tuple(detection.fixed_atoms_per_class))


@lru_cache(maxsize=4096)
def _analysis(label: str, fixed: tuple[int, ...]) -> VibrationalAnalysis:
    return vibrational_representation(label, fixed)
