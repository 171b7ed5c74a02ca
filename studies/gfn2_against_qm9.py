"""GFN2-xTB wavenumbers of the dataset against QM9's B3LYP: ``python studies/gfn2_against_qm9.py DATASET``.

DATASET is the folder (or file) of a `symvib dataset build` over QM9. Needs qm9pack; for the second part
../shared/data/qm9_gfn2. Takes half a minute, most of it reading QM9. Writes studies/results/gfn2_against_qm9.json.

1. Harmonic wavenumbers, B3LYP/6-31G(2df,p) as QM9 gives them, against GFN2-xTB, in ascending order in each molecule.
   That is not an assignment: of all pairings it has the smallest mean absolute error, which so is a lower bound.
   Molecules are split into two halves by a seeded permutation; the scale factor is fitted on one and the errors are
   those of the other. Failed rows, rows with imaginary modes, and rows whose bonds changed are left out and counted; so
   are QM9 entries with an imaginary wavenumber or another number of them.
2. Our dataset against an independent GFN2-xTB run over the same molecules.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _tools import (
    SEED,
    SHARED,
    by_class,
    range_names,
    range_of,
    scale_factor,
    summarise,
    write_results,
)

from symvib.forward.dataset_files import read_dataset
from symvib.forward.dataset_sources import qm9_records

RANGES_CM1 = (600, 1200, 1800, 2700)
REFERENCE = SHARED / "qm9_gfn2" / "responses.npz"
GROUPS = ("other than C1 and Cs", "C1 or Cs")
CLUSTER_CM1 = 3.0  # modes closer than that are compared as one: intensities inside a degenerate set are arbitrary
SAME_ENERGY_HARTREE, SAME_BASIN_HARTREE = 1e-6, 1e-4
SAME_POINT = "same stationary point, energies within 1 microhartree"
_COLUMNS = (
    "id",
    "status",
    "n_imaginary",
    "bonding_kept",
    "point_group_start",
    "energy_hartree",
    "wavenumber_cm1",
    "ir_km_per_mol",
    "raman_a4_per_amu",
)


def qm9_rows(path: Path) -> dict[int, dict[str, Any]]:
    """Rows of the dataset that are of QM9, by QM9 index."""
    dataset = read_dataset(path, columns=_COLUMNS)
    return {int(row["id"].removeprefix("qm9-")): row for row in dataset if row["id"].startswith("qm9-")}


def exclusion_of(row: dict[str, Any], reference_cm1: np.ndarray | None) -> str:
    """Why a molecule is not compared; "" if it is."""
    if row["status"] != "ok":
        return "computation failed"
    if not row["bonding_kept"]:
        return "bonds changed in the optimisation"
    if row["n_imaginary"]:
        return "imaginary GFN2-xTB mode"
    if reference_cm1 is None or len(reference_cm1) != len(row["wavenumber_cm1"]):
        return "QM9 lists another number of modes"
    if (reference_cm1 <= 0).any():
        return "imaginary or zero mode in QM9"
    return ""


def against_b3lyp(rows: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Errors on the half of the molecules that the scale factor was not fitted on."""
    reference = {
        record["index"]: np.sort(record["wavenumbers_cm1"]) for record in qm9_records() if record["index"] in rows
    }
    reasons = {index: exclusion_of(row, reference.get(index)) for index, row in rows.items()}
    kept = sorted(index for index, reason in reasons.items() if not reason)
    order = np.random.default_rng(SEED).permutation(len(kept))
    fitted = {kept[k] for k in order[: len(kept) // 2]}
    halves = [[index for index in kept if (index in fitted) == wanted] for wanted in (True, False)]
    (x_fit, y_fit, _), (x, y, molecules) = (_stacked(half, rows, reference) for half in halves)
    factor = scale_factor(x_fit, y_fit)
    groups = [GROUPS[rows[int(name)]["point_group_start"] in ("C1", "Cs")] for name in molecules]
    ranges = [range_of(value, RANGES_CM1) for value in y]
    # The same questions of a factor for each range: does one factor do?
    own = {
        name: scale_factor(x_fit[mask], y_fit[mask])
        for name in range_names(RANGES_CM1)
        if (mask := np.array([range_of(value, RANGES_CM1) == name for value in y_fit])).any()
    }
    return {
        "n_rows": len(rows),
        "excluded": dict(Counter(reason for reason in reasons.values() if reason).most_common()),
        "composition": dict(
            Counter(GROUPS[rows[index]["point_group_start"] in ("C1", "Cs")] for index in kept).most_common()
        ),
        "n_fitted": len(halves[0]),
        "n_tested": len(halves[1]),
        "scale_factor": round(factor, 4),
        "scale_factor_by_range": {name: round(value, 4) for name, value in own.items()},
        "unscaled": summarise(x - y, molecules).as_dict(),
        "scaled": summarise(factor * x - y, molecules).as_dict(),
        "unscaled_by_range": by_class(x - y, molecules, ranges, range_names(RANGES_CM1)),
        "scaled_by_range": by_class(factor * x - y, molecules, ranges, range_names(RANGES_CM1)),
        "scaled_by_group": by_class(factor * x - y, molecules, groups, GROUPS),
    }


def _stacked(
    indices: Sequence[int], rows: dict[int, dict[str, Any]], reference: dict[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """GFN2 and B3LYP wavenumbers in ascending order, and the molecule of each."""
    computed = [np.sort(rows[index]["wavenumber_cm1"]) for index in indices]
    names = [str(index) for index, values in zip(indices, computed, strict=True) for _ in values]
    return np.concatenate(computed), np.concatenate([reference[index] for index in indices]), names


def against_independent_run(rows: dict[int, dict[str, Any]], path: Path = REFERENCE) -> dict[str, Any]:
    """Largest differences of each molecule that both runs hold, and what tells their stationary points apart."""
    differences: list[dict[str, Any]] = []
    other_number: list[tuple[int, str, int, int]] = []
    with np.load(path) as data:
        other = {name: data[name] for name in ("index", "smiles", "mode_offset", "energy_hartree")}
        modes = {name: data[name] for name in ("wavenumber_cm1", "ir_km_per_mol", "raman_a4_per_amu")}
    for k, index in enumerate(other["index"].tolist()):
        row = rows.get(index)
        if row is None or row["status"] != "ok":
            continue
        piece = slice(other["mode_offset"][k], other["mode_offset"][k + 1])
        theirs = {name: values[piece] for name, values in modes.items()}
        if len(theirs["wavenumber_cm1"]) != len(row["wavenumber_cm1"]):
            smiles, ours = str(other["smiles"][k]), len(row["wavenumber_cm1"])
            other_number.append((index, smiles, ours, len(theirs["wavenumber_cm1"])))
            continue
        differences.append(_difference(index, row, theirs, float(other["energy_hartree"][k])))
    same = [d for d in differences if d["kind"] == SAME_POINT]
    return {
        "n_common": len(differences) + len(other_number),
        "cluster_cm1": CLUSTER_CM1,
        "other_number_of_modes": other_number,
        "kinds": dict(Counter(d["kind"] for d in differences).most_common()),
        "same_point": {name: _tail(same, name) for name in ("wavenumber_cm1", "ir_km_per_mol", "raman_relative")},
        "all": {name: _tail(differences, name) for name in ("wavenumber_cm1", "ir_km_per_mol", "raman_relative")},
        "largest": sorted(differences, key=lambda d: -d["wavenumber_cm1"])[:10],
    }


def _difference(index: int, row: dict[str, Any], theirs: dict[str, np.ndarray], energy: float) -> dict[str, Any]:
    ours = {name: np.array(row[name]) for name in theirs}
    order, their_order = np.argsort(ours["wavenumber_cm1"]), np.argsort(theirs["wavenumber_cm1"])
    x, y = ours["wavenumber_cm1"][order], theirs["wavenumber_cm1"][their_order]
    gaps = np.minimum(np.diff(x), np.diff(y)) > CLUSTER_CM1
    cluster = np.concatenate([[0], np.cumsum(gaps)])

    def summed(name: str) -> np.ndarray:
        return np.bincount(cluster, ours[name][order]) - np.bincount(cluster, theirs[name][their_order])

    gap = row["energy_hartree"] - energy
    kind = _kind(gap, int((x < 0).sum()) - int((y < 0).sum()))
    strongest = float(theirs["raman_a4_per_amu"].max())
    return {
        "index": int(index),
        "kind": kind,
        "energy_difference_microhartree": round(1e6 * gap, 3),
        "wavenumber_cm1": round(float(np.abs(x - y).max()), 4),
        "ir_km_per_mol": round(float(np.abs(summed("ir_km_per_mol")).max()), 4),
        "raman_relative": round(float(np.abs(summed("raman_a4_per_amu")).max()) / strongest, 6),
    }


def _kind(energy_gap_hartree: float, more_imaginary: int) -> str:
    """What tells the two runs of a molecule apart: the energy (ours minus theirs) and the number of imaginary modes."""
    size = abs(energy_gap_hartree)
    close = "within 100" if size <= SAME_BASIN_HARTREE else "more than 100"
    if more_imaginary:
        return (
            f"{'more' if more_imaginary > 0 else 'fewer'} imaginary modes in ours, energies {close} microhartree apart"
        )
    if size <= SAME_ENERGY_HARTREE:
        return SAME_POINT
    return f"ours {'lower' if energy_gap_hartree < 0 else 'higher'}, {close} microhartree apart"


def _tail(differences: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    values = np.array([d[name] for d in differences])
    if not len(values):
        return {}
    shares = {"median": 50, "p90": 90, "p99": 99, "largest": 100}
    return {label: float(f"{np.percentile(values, share):.3g}") for label, share in shares.items()}


def main() -> None:
    """Both comparisons."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    rows = qm9_rows(Path(sys.argv[1]))
    results = {"ranges_cm1": list(RANGES_CM1), "b3lyp": against_b3lyp(rows)}
    if REFERENCE.exists():
        results["independent_run"] = against_independent_run(rows)
    scaled = results["b3lyp"]["scaled"]
    print(
        f"{results['b3lyp']['n_tested']} molecules: {scaled['mae']} cm-1 after scaling; {results['b3lyp']['excluded']}"
    )
    print(write_results("gfn2_against_qm9", results))


if __name__ == "__main__":
    main()
