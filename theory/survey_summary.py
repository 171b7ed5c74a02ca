"""All parts of a survey as one small JSON: what docs/survey.md is rendered from."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError
from ..groups.atomic_write import write_text
from ._response_summary import summarise_jacobians, summarise_protocol
from ._symmetry_summary import deviating_atoms, summarise_symmetry, tolerance_name
from .survey import qm9_molecules, read_jacobians, read_protocol, read_symmetry

__all__ = ["PARTS", "survey_summary", "write_summary"]

PARTS = ("symmetry", "jacobians", "protocol")
"""Parts of a survey, and the folders they are in."""

_LOOKED_AT = 500  # molecules in which the atoms that break a symmetry are looked for
_SEED = 2026


def survey_summary(folder: str | Path) -> dict[str, Any]:
    """The parts of a survey that are finished, in plain values.

    Raises
    ------
    DatasetError
        None is there; one is not finished or damaged.
    """
    place = Path(folder)
    there = [part for part in PARTS if (place / part / "survey.json").exists()]
    if not there:
        raise DatasetError(f"no survey at {place}: give a folder that `symvib survey` made.")
    found: dict[str, Any] = {"simulated": True}
    if "symmetry" in there:
        found["symmetry"] = _symmetry(place / "symmetry")
    if "jacobians" in there:
        asked, rows = read_jacobians(place / "jacobians")
        found["jacobians"] = summarise_jacobians(rows, asked)
    if "protocol" in there:
        asked, rows = read_protocol(place / "protocol")
        found["protocol"] = summarise_protocol(rows, asked)
    return found


def write_summary(folder: str | Path) -> Path:
    """Write `survey_summary` as ``summary.json`` into the folder; the path."""
    path = Path(folder) / "summary.json"
    write_text(path, json.dumps(survey_summary(folder), indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    return path


def _symmetry(folder: Path) -> dict[str, Any]:
    asked, rows = read_symmetry(folder)
    listed = list(rows)
    summary = summarise_symmetry(listed, asked)
    tolerances = asked["settings"]["tolerances_angstrom"]
    ids = [row["id"] for row in listed if row["status"] == "ok" and row["point_group"][0] != row["point_group"][-1]]
    if asked["request"]["source"] == "qm9" and len(tolerances) > 1 and ids:
        drawn = set(np.random.default_rng(_SEED).choice(ids, min(_LOOKED_AT, len(ids)), replace=False).tolist())
        molecules = [molecule for molecule in qm9_molecules() if molecule.id in drawn]
        between = f"{tolerance_name(tolerances[0])} / {tolerance_name(tolerances[-1])}"
        summary["deviating_atoms"] = {"between": between, "seed": _SEED, **deviating_atoms(molecules, tolerances[0])}
    return summary
