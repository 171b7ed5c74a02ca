"""Measured fundamentals of a molecule matched with computed levels, species by species."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import _tools  # noqa: F401  (makes the folder of measured_fundamentals.py importable)

from measured_fundamentals import (
    INCOMPLETE,
    geometry_of,
    molecule_of,
    molecule_of_geometry,
    relabellings,
    species_of,
    table_rows,
)
from symvib import HarmonicResponse, NormalModes, detect_point_group, normal_modes
from symvib.groups.completeness import analyse_detection, information_completeness
from symvib.groups.detection import Detection
from symvib.groups.molecule import Molecule
from symvib.groups.selection_rules import selection_rules

__all__ = ["STRATA", "MatchedLevel", "match_levels", "modes_of", "parent_of", "starting_geometry", "starting_molecule"]

RELATIVE_ZERO = 1e-6  # an intensity below this share of the molecule's strongest is zero
STRATA = ("inversion centre", "R < 1, no inversion centre", "degenerate levels, R = 1", "other groups", "Cs or C1")


@dataclass(frozen=True)
class MatchedLevel:
    """One level (a degenerate set counts once), measured and computed.

    ``parent`` is the molecule without its isotopes. ``irrep`` is the species in symvib's axes. ``ir_active`` and
    ``raman_active``: the computed intensity is not zero (None: not computed); ``ir_tabulated`` and
    ``raman_tabulated``: the activities in the table (None: not given); ``observed``: the table says that its source
    states them.
    """

    name: str
    parent: str
    group: str
    stratum: str
    irrep: str
    measured_cm1: float
    computed_cm1: float
    ir_active: bool | None
    raman_active: bool | None
    ir_tabulated: bool | None
    raman_tabulated: bool | None
    observed: bool


def parent_of(name: str) -> str:
    """The molecule without its isotopes: what is left out together when a scale factor is fitted on "others"."""
    return geometry_of(name)[0]


def starting_molecule(name: str) -> Molecule:
    """Experimental geometry of a molecule of the table, without isotopes: where an optimisation starts."""
    return starting_geometry(parent_of(name))


@cache
def starting_geometry(geometry: str) -> Molecule:
    """Experimental geometry by its name in the file of geometries, exactly in its point group."""
    molecule, tolerance = molecule_of_geometry(geometry)
    return detect_point_group(molecule, tolerance).symmetrize()


def modes_of(name: str, response: HarmonicResponse) -> NormalModes:
    """Modes of a molecule of the table from the response of the molecule without isotopes."""
    return normal_modes(response, masses=molecule_of(name)[0].masses)


def stratum_of(detection: Detection) -> str:
    """Where a molecule stands in the order of symmetry; one of `STRATA`."""
    completeness = information_completeness(detection)
    if selection_rules(detection.point_group).exclusion_kind == "inversion":
        return STRATA[0]
    if completeness.completeness is not None and completeness.completeness < 1:
        return STRATA[1]
    if any(label.startswith(("E", "T", "Pi")) for label in analyse_detection(detection).gamma_vib):
        return STRATA[2]
    return STRATA[4] if detection.point_group.label in ("C1", "Cs") else STRATA[3]


@cache
def _rows_by_molecule() -> Mapping[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in table_rows():
        if row["irrep"]:
            rows[row["molecule"]].append(row)
    return rows


def match_levels(name: str, modes: NormalModes) -> tuple[list[MatchedLevel], str]:
    """Levels of a molecule matched in ascending order within each species, and what was left out ("" for nothing).

    Species are named up to the choice of axes: of the renamings that a choice of axes allows and that give the
    tabulated numbers of levels, the one with the smallest sum of relative differences is taken. A species with a
    missing level is left out, because its order is then unknown; so is a molecule with an imaginary mode.
    """
    if len(modes.imaginary):
        return [], f"imaginary mode ({-modes.wavenumbers_cm1.min():.0f}i)"
    listed: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _rows_by_molecule()[name]:
        listed[species_of(row)].append(row)
    lines = modes.lines().merged()
    assert lines.irreps is not None
    counts = Counter(lines.irreps)
    group = modes.point_group.label if modes.point_group is not None else "C1"
    renamings = []
    for renaming in relabellings(group, list(counts)):
        renamed = {renaming.get(label, label): n for label, n in counts.items()}
        whole = all(renamed.get(label, 0) >= len(rows) for label, rows in listed.items())
        if whole if name in INCOMPLETE else renamed == {label: len(rows) for label, rows in listed.items()}:
            renamings.append(renaming)
    if not renamings:
        return [], f"species differ: table { ({k: len(v) for k, v in listed.items()}) }, {group} {dict(counts)}"
    candidates = [_paired(name, modes, lines, listed, renaming) for renaming in renamings]
    levels = min(candidates, key=_relative_difference)
    return levels, "" if levels else "no species is listed whole"


def _relative_difference(levels: Sequence[MatchedLevel]) -> float:
    return sum(abs(level.computed_cm1 / level.measured_cm1 - 1) for level in levels)


def _paired(
    name: str, modes: NormalModes, lines: Any, listed: Mapping[str, list[dict[str, str]]], renaming: Mapping[str, str]
) -> list[MatchedLevel]:
    detection = detect_point_group(modes.molecule)
    stratum = stratum_of(detection)
    levels = []
    for irrep in sorted(set(lines.irreps)):
        rows = listed.get(renaming.get(irrep, irrep), [])
        where = [k for k, label in enumerate(lines.irreps) if label == irrep]
        if len(rows) != len(where) or not all(row["fundamental_cm1"] for row in rows):
            continue
        where.sort(key=lambda k: lines.wavenumbers_cm1[k])
        for k, row in zip(where, sorted(rows, key=lambda row: float(row["fundamental_cm1"])), strict=True):
            levels.append(
                MatchedLevel(
                    name=name,
                    parent=parent_of(name),
                    group=detection.point_group.label,
                    stratum=stratum,
                    irrep=irrep,
                    measured_cm1=float(row["fundamental_cm1"]),
                    computed_cm1=round(float(lines.wavenumbers_cm1[k]), 2),
                    ir_active=_is_seen(lines.ir_km_per_mol, k),
                    raman_active=_is_seen(lines.raman_a4_per_amu, k),
                    ir_tabulated=_flag(row["ir_active"]),
                    raman_tabulated=_flag(row["raman_active"]),
                    observed="stated in source" in row["activity_basis"] or "observed" in row["activity_basis"],
                )
            )
    return levels


def _is_seen(intensities: Any, k: int) -> bool | None:
    return None if intensities is None else bool(intensities[k] > RELATIVE_ZERO * intensities.max())


def _flag(text: str) -> bool | None:
    return None if text == "" else text == "1"
