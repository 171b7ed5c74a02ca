"""Measured fundamentals (Shimanouchi) against GFN2-xTB and GFN1-xTB: ``python studies/fundamentals_xtb.py``.

Needs ../shared/data (fundamentals and experimental geometries) and tblite. Takes half a minute on a free core (set
OMP_NUM_THREADS=1 on a busy machine). Writes studies/results/fundamentals_xtb.json, from which
docs/make_forward_accuracy.py makes its tables.

Each geometry is optimised from the experimental one in its point group. Isotopologues come from the Hessian of the
molecule without isotopes. The scale factor of each molecule is fitted on all other molecules; a molecule and its
isotopologues are left out together. Harmonic wavenumbers are compared with fundamentals, so the factor also stands for
anharmonicity.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from _matching import STRATA, MatchedLevel, match_levels, modes_of, parent_of, starting_molecule
from _tools import (
    by_class,
    cached_response,
    left_out_scale_factors,
    progress,
    range_names,
    range_of,
    scale_factor,
    summarise,
    write_results,
)

from measured_fundamentals import COMPLETE, GEOMETRIES, INCOMPLETE, TABLE
from symvib import HarmonicResponse
from symvib.errors import EngineError

RANGES_CM1 = (600, 1200, 1800, 2700)
METHODS = ("GFN2-xTB", "GFN1-xTB")
WORST_MOLECULES, WORST_LEVELS = 10, 10
_ORGANIC = {1, 6, 7, 8, 9}
ELEMENTS = ("H, C, N, O, F only", "other elements")
logger = logging.getLogger(__name__)


def compare(
    names: Sequence[str], method: str, engine: str = "xtb", **options: Any
) -> tuple[list[MatchedLevel], dict[str, str]]:
    """Matched levels of the molecules, and {molecule: reason} for those left out; options are of the engine."""
    responses: dict[str, HarmonicResponse | str] = {}
    levels: list[MatchedLevel] = []
    left_out: dict[str, str] = {}
    for name in progress(names):
        parent = parent_of(name)
        if parent not in responses:
            try:
                responses[parent] = cached_response(starting_molecule(name), engine, method, **options)
            except EngineError as error:
                responses[parent] = f"{method}: {str(error)[:200]}"
        response = responses[parent]
        if isinstance(response, str):
            left_out[name] = response
            continue
        matched, reason = match_levels(name, modes_of(name, response))
        levels += matched
        if reason:
            left_out[name] = reason
    return levels, left_out


def analyse(levels: Sequence[MatchedLevel], left_out: dict[str, str]) -> dict[str, Any]:
    """Errors before and after scaling, by range, symmetry and elements; the worst; the activities."""
    measured = np.array([level.measured_cm1 for level in levels])
    computed = np.array([level.computed_cm1 for level in levels])
    parents = [level.parent for level in levels]
    factors = left_out_scale_factors(computed, measured, parents)
    raw, scaled = computed - measured, factors * computed - measured
    main = np.array([not _is_isotopologue(level) for level in levels])
    ranges = [range_of(value, RANGES_CM1) for value in measured]
    elements = [ELEMENTS[0] if _is_organic(level.name) else ELEMENTS[1] for level in levels]
    return {
        "n_molecules_with_isotopologues": len({level.name for level in levels}),
        "left_out": left_out,
        "scale_factor": round(scale_factor(computed, measured), 4),
        "scale_factor_range_left_out": [round(float(factors.min()), 4), round(float(factors.max()), 4)],
        "unscaled": summarise(raw, parents).as_dict(),
        "scaled": summarise(scaled, parents).as_dict(),
        "scaled_without_isotopologues": summarise(scaled[main], np.array(parents)[main]).as_dict(),
        "scaled_by_range": by_class(scaled, parents, ranges, range_names(RANGES_CM1)),
        "unscaled_by_range": by_class(raw, parents, ranges, range_names(RANGES_CM1)),
        "scaled_by_symmetry": by_class(scaled, parents, [level.stratum for level in levels], STRATA),
        "scaled_by_elements": by_class(scaled, parents, elements, ELEMENTS),
        "worst_molecules": _worst_molecules(levels, scaled),
        "worst_levels": _worst_levels(levels, scaled, factors),
        "activities": activities(levels),
    }


def _is_isotopologue(level: MatchedLevel) -> bool:
    from measured_fundamentals import PLAIN

    return level.name not in PLAIN


def _is_organic(name: str) -> bool:
    return set(starting_molecule(name).numbers.tolist()) <= _ORGANIC


def _worst_molecules(levels: Sequence[MatchedLevel], errors: np.ndarray) -> list[dict[str, Any]]:
    """Molecules without isotopes with the largest mean absolute error."""
    of_molecule: dict[str, list[tuple[float, MatchedLevel]]] = defaultdict(list)
    for level, error in zip(levels, errors, strict=True):
        if not _is_isotopologue(level):
            of_molecule[level.name].append((float(error), level))
    rows = []
    for name, pairs in of_molecule.items():
        worst, level = max(pairs, key=lambda pair: abs(pair[0]))
        mae = float(np.mean([abs(error) for error, _ in pairs]))
        row = {"molecule": name, "group": level.group, "n_levels": len(pairs), "mae": round(mae, 1)}
        rows.append(row | {"worst_irrep": level.irrep, "at_cm1": level.measured_cm1, "error": round(worst, 1)})
    return sorted(rows, key=lambda row: -row["mae"])[:WORST_MOLECULES]


def _worst_levels(levels: Sequence[MatchedLevel], errors: np.ndarray, factors: np.ndarray) -> list[dict[str, Any]]:
    order = [k for k in np.argsort(-np.abs(errors)) if not _is_isotopologue(levels[k])][:WORST_LEVELS]
    return [
        {
            "molecule": levels[k].name,
            "irrep": levels[k].irrep,
            "measured": levels[k].measured_cm1,
            "scaled": round(float(factors[k] * levels[k].computed_cm1), 1),
            "error": round(float(errors[k]), 1),
        }
        for k in order
    ]


def activities(levels: Sequence[MatchedLevel]) -> dict[str, Any]:
    """How often a level that the table calls active (or not) has a computed intensity (or none).

    Most activities in the table come from the character table of the group; those that its source observed are counted
    by themselves.
    """
    counts: dict[str, Any] = {}
    for kind in ("ir", "raman"):
        for which, chosen in (("all", levels), ("observed", [level for level in levels if level.observed])):
            pairs = [(getattr(level, f"{kind}_tabulated"), getattr(level, f"{kind}_active")) for level in chosen]
            counts[f"{kind}_{which}"] = {
                "active": sum(table is True for table, _ in pairs),
                "active_and_computed": sum(table is True and found for table, found in pairs),
                "inactive": sum(table is False for table, _ in pairs),
                "inactive_and_zero": sum(table is False and not found for table, found in pairs),
            }
    counts["disagreeing"] = [
        {"molecule": level.name, "irrep": level.irrep, "measured": level.measured_cm1}
        for level in levels
        if level.ir_tabulated not in (None, level.ir_active) or level.raman_tabulated not in (None, level.raman_active)
    ]
    return counts


def main() -> None:
    """Compute both methods and write the results."""
    if not (TABLE.exists() and GEOMETRIES.exists()):
        raise SystemExit(f"{TABLE} or {GEOMETRIES} is absent: this study needs the shared data.")
    logging.basicConfig(level=logging.ERROR)
    results: dict[str, Any] = {"ranges_cm1": list(RANGES_CM1), "methods": {}, "levels": {}}
    for method in METHODS:
        levels, left_out = compare([*COMPLETE, *sorted(INCOMPLETE)], method)
        results["methods"][method] = analyse(levels, left_out)
        results["levels"][method] = [
            [level.name, level.group, level.irrep, level.measured_cm1, level.computed_cm1] for level in levels
        ]
        scaled = results["methods"][method]["scaled"]
        print(f"{method}: {scaled['n_levels']} levels, mean absolute error {scaled['mae']} cm-1 after scaling")
    print(write_results("fundamentals_xtb", results))


if __name__ == "__main__":
    main()
