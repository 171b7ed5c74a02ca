"""symvib: what vibrational spectra (IR, Raman) can and cannot tell about a molecule.

Public names are loaded on first use, so that ``import symvib`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Molecule": "groups.molecule",
    "as_molecule": "groups.readers",
    "PointGroup": "groups.schoenflies",
    "SymmetryOperation": "groups.operations",
    "Detection": "groups.detection",
    "detect_point_group": "groups.detection",
    "CharacterTable": "groups.character_table",
    "character_table": "groups.character_table",
    "correlation_table": "groups.correlation",
    "Decomposition": "groups.representation",
    "SelectionRules": "groups.selection_rules",
    "selection_rules": "groups.selection_rules",
    "attainable_completeness": "groups.completeness",
    "information_completeness": "groups.completeness",
    "CrystalReport": "groups.crystal",
    "crystal_report": "groups.crystal",
    "vibrational_representation": "groups.vibrations",
    "label_normal_modes": "groups.mode_labels",
    "PointGroupReport": "groups.report",
    "ReportSection": "groups.report",
    "point_group_report": "groups.report",
    "HarmonicResponse": "forward.response",
    "harmonic_response": "forward.engine_api",
    "NormalModes": "forward.normal_modes",
    "normal_modes": "forward.normal_modes",
    "LineList": "forward.lines",
    "Spectrum": "forward.spectrum",
    "render": "forward.spectrum",
    "plot_spectra": "forward.spectrum_plot",
    "internal_coordinates": "forward.selection",
    "WilsonSolution": "forward.wilson_solution",
    "wilson_gf": "forward.wilson",
    "isotopologue": "forward.isotopologues",
    "read_dataset": "forward.dataset_files",
    "shipped_dataset": "forward.dataset_files",
    "block_rank": "theory.block_rank",
    "certificate": "theory.certificate",
    "fibre": "theory.fibre",
    "identify": "theory.identifiability",
    "Identifiability": "theory.identifiability_result",
    "intensity_ranks": "theory.intensity_patterns",
    "Noise": "theory.noise",
    "supported_force_field": "theory.matroid",
    "twins": "theory.twins",
    "verify_certificate": "theory.certificate",
    "Spektron": "spektron.model",
    "SpektronRegressor": "spektron.regressor",
    "predict": "spektron.predict",
    "SymvibError": "errors",
}

__all__ = ["__version__", *_PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_PUBLIC))


if TYPE_CHECKING:
    from .errors import SymvibError
    from .forward.dataset_files import read_dataset, shipped_dataset
    from .forward.engine_api import harmonic_response
    from .forward.isotopologues import isotopologue
    from .forward.lines import LineList
    from .forward.normal_modes import NormalModes, normal_modes
    from .forward.response import HarmonicResponse
    from .forward.selection import internal_coordinates
    from .forward.spectrum import Spectrum, render
    from .forward.spectrum_plot import plot_spectra
    from .forward.wilson import wilson_gf
    from .forward.wilson_solution import WilsonSolution
    from .groups.character_table import CharacterTable, character_table
    from .groups.completeness import attainable_completeness, information_completeness
    from .groups.correlation import correlation_table
    from .groups.crystal import CrystalReport, crystal_report
    from .groups.detection import Detection, detect_point_group
    from .groups.mode_labels import label_normal_modes
    from .groups.molecule import Molecule
    from .groups.operations import SymmetryOperation
    from .groups.readers import as_molecule
    from .groups.report import PointGroupReport, ReportSection, point_group_report
    from .groups.representation import Decomposition
    from .groups.schoenflies import PointGroup
    from .groups.selection_rules import SelectionRules, selection_rules
    from .groups.vibrations import vibrational_representation
    from .spektron.model import Spektron
    from .spektron.predict import predict
    from .spektron.regressor import SpektronRegressor
    from .theory.block_rank import block_rank
    from .theory.certificate import certificate, verify_certificate
    from .theory.fibre import fibre
    from .theory.identifiability import identify
    from .theory.identifiability_result import Identifiability
    from .theory.intensity_patterns import intensity_ranks
    from .theory.matroid import supported_force_field
    from .theory.noise import Noise
    from .theory.twins import twins
