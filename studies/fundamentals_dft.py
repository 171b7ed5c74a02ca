"""Measured fundamentals of a few small molecules, B3LYP beside xTB: ``python studies/fundamentals_dft.py [NAME ...]``.

Needs ../shared/data (fundamentals and experimental geometries), pyscf and tblite. Takes about 3 minutes on one free
core. Writes studies/results/fundamentals_dft.json, from which docs/make_forward_accuracy.py makes its tables.

Matching, scale factors (fitted on the other molecules) and errors are those of fundamentals_xtb.py, here for the same
molecules and the same levels at all methods.
"""

import logging
import sys
from typing import Any

import numpy as np
from _matching import MatchedLevel
from _tools import left_out_scale_factors, scale_factor, summarise, write_results
from fundamentals_xtb import compare

from measured_fundamentals import GEOMETRIES, TABLE

MOLECULES = (
    "Water",
    "Carbon dioxide (12C16O2)",
    "Ammonia",
    "Methane",
    "Hydrogen cyanide",
    "Acetylene",
    "Ethylene",
    "Formaldehyde",
    "Methyl fluoride",
    "Nitrous oxide (14N2O)",
    "Sulfur dioxide (32S16O2)",
    "Hydrogen sulfide",
)
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "B3LYP/6-31G*": ("dft", {"raman": False, "grid_level": 3}),
    "GFN2-xTB": ("xtb", {}),
    "GFN1-xTB": ("xtb", {}),
}


def errors_of(levels: list[MatchedLevel]) -> dict[str, Any]:
    """Errors before scaling, and after scaling by the factor of the other molecules."""
    computed = np.array([level.computed_cm1 for level in levels])
    measured = np.array([level.measured_cm1 for level in levels])
    parents = [level.parent for level in levels]
    factors = left_out_scale_factors(computed, measured, parents)
    return {
        "scale_factor": round(scale_factor(computed, measured), 4),
        "scale_factor_range_left_out": [round(float(factors.min()), 4), round(float(factors.max()), 4)],
        "unscaled": summarise(computed - measured, parents).as_dict(),
        "scaled": summarise(factors * computed - measured, parents).as_dict(),
    }


def main() -> None:
    """Compute all methods and write the results."""
    if not (TABLE.exists() and GEOMETRIES.exists()):
        raise SystemExit(f"{TABLE} or {GEOMETRIES} is absent: this study needs the shared data.")
    logging.basicConfig(level=logging.ERROR)
    names = tuple(sys.argv[1:]) or MOLECULES
    if unknown := set(names) - set(MOLECULES):
        raise SystemExit(f"{sorted(unknown)}: not among {', '.join(MOLECULES)}")
    found: dict[str, dict[tuple[str, float], MatchedLevel]] = {}
    results: dict[str, Any] = {"methods": {}}
    for method, (engine, options) in METHODS.items():
        levels, left_out = compare(names, method, engine, **options)
        if left_out:
            raise SystemExit(f"{method}: {left_out}")
        results["methods"][method] = errors_of(levels)
        found[method] = {(level.name, level.measured_cm1): level for level in levels}
    first = next(iter(found.values()))
    results["levels"] = [
        [name, level.group, level.irrep, measured, *(found[method][name, measured].computed_cm1 for method in METHODS)]
        for (name, measured), level in first.items()
    ]
    for method, values in results["methods"].items():
        print(f"{method}: {values['scaled']['mae']} cm-1 after scaling by {values['scale_factor']}")
    print(write_results("fundamentals_dft", results))


if __name__ == "__main__":
    main()
