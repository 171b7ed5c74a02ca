"""Jacobian statistics and the diagonal protocol in numbers: ranks, ratios, conditions, and where ranks are short."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np

from ._proportions import quantiles, share
from .jacobian_survey import MODELS, RANK_THRESHOLD, TYPICAL_CONSTANTS

__all__ = ["STRATA", "summarise_jacobians", "summarise_protocol"]

Row = Mapping[str, Any]

_ALL = "IR+Raman+rho"
_SURE_GAP = 1e4  # ranks with a smaller gap are not settled by floating point
_FEW = 10  # point groups with fewer molecules are joined
_LISTED = 20


def _binned(value: int, edges: Sequence[int]) -> str:
    low = max(edge for edge in edges if edge <= value)
    above = [edge for edge in edges if edge > value]
    return f"{low} or more" if not above else (str(low) if above[0] == low + 1 else f"{low} to {above[0] - 1}")


STRATA: dict[str, Callable[[Row], str]] = {
    "source": lambda row: row["source"],
    "point group": lambda row: row["point_group"],
    "atoms": lambda row: _binned(row["n_atoms"], (0, 6, 10, 15, 20, 25)),
    "rings": lambda row: _binned(row["n_rings"], (0, 1, 2, 3, 4)),
    "linear fragments": lambda row: _binned(row["n_linear"], (0, 1, 2, 3)),
    "fragments": lambda row: _binned(row["n_fragments"], (1, 2)),
}


def summarise_jacobians(rows: Iterable[Row], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of the whole: see the keys."""
    listed = list(rows)
    good = [row for row in listed if row["status"] == "ok"]
    failed = [row for row in listed if row["status"] != "ok"]
    cells: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in good:
        cells[row["model"], row["observables"]].append(row)
    names = list(dict.fromkeys(row["observables"] for row in good))
    return {
        "request": asked["request"],
        "n_molecules": len({row["id"] for row in listed}),
        "n_failed": len(failed),
        "failures": [{"id": row["id"], "message": row["message"]} for row in failed[:_LISTED]],
        "rank_threshold": RANK_THRESHOLD,
        "typical_constants": TYPICAL_CONSTANTS,
        "models": {model: {name: _cell(cells[model, name]) for name in names} for model in MODELS},
        "qm9_models": {
            model: {name: _cell([r for r in cells[model, name] if r["source"] == "qm9"]) for name in names}
            for model in MODELS
        },
        "gain_over_ir": {model: _gain(cells[model, "IR"], cells[model, _ALL]) for model in MODELS},
        "strata": {kind: _by_stratum(cells, of) for kind, of in STRATA.items()},
        "short_of_expected": [
            {k: row[k] for k in ("id", "point_group", "n_atoms", "model", "observables", "expected", "rank", "gap")}
            for row in good
            if row["rank"] < row["expected"]
        ][:_LISTED],
        "n_short_of_expected": sum(row["rank"] < row["expected"] for row in good),
        "n_short_and_settled": sum(row["rank"] < row["expected"] and row["gap"] >= _SURE_GAP for row in good),
        "n_above_expected": sum(row["rank"] > row["expected"] for row in good),
        "n_unsettled": sum(row["gap"] < _SURE_GAP for row in good),
        "n_ranks": len(good),
    }


def _cell(rows: Sequence[Row]) -> dict[str, Any]:
    """One model with one set of observables."""
    full = [row for row in rows if row["rank"] == row["unknowns"]]
    settled = [row for row in rows if row["rank"] == row["span"]]
    return {
        "full_rank": share(len(full), len(rows), True),
        "all_of_span": share(len(settled), len(rows), True),
        "as_counted": share(sum(row["rank"] == row["expected"] for row in rows), len(rows), True),
        "unknowns": quantiles(row["unknowns"] for row in rows),
        "rank": quantiles(row["rank"] for row in rows),
        "nominal_ratio": quantiles(row["nominal"] / row["unknowns"] for row in rows),
        "independent_ratio": quantiles(row["independent"] / row["unknowns"] for row in rows),
        "redundant": quantiles(row["unknowns"] - row["span"] for row in rows),
        "beyond_counting": quantiles(row["span"] - row["expected"] for row in rows),
        "condition_number": quantiles(row["condition_number"] for row in rows),
        "condition_number_of_full": quantiles(row["condition_number"] for row in full),
        "smallest_singular_value_of_full": quantiles(row["smallest_singular_value"] for row in full),
        "gap": quantiles(row["gap"] for row in rows),
    }


def _gain(ir: Sequence[Row], whole: Sequence[Row]) -> dict[str, Any]:
    """Where IR alone has full rank: how many times all observables raise the smallest singular value."""
    other = {row["id"]: row["smallest_singular_value"] for row in whole}
    full = [row for row in ir if row["rank"] == row["unknowns"] and row["id"] in other]
    return quantiles(other[row["id"]] / row["smallest_singular_value"] for row in full)


def _by_stratum(cells: Mapping[tuple[str, str], Sequence[Row]], of: Callable[[Row], str]) -> dict[str, Any]:
    """For each value of the stratum: molecules, and for each model what is missing with all observables."""
    groups: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for (model, observables), rows in cells.items():
        if observables == _ALL:
            for row in rows:
                groups[of(row)][model].append(row)
    sizes = {name: max(map(len, models.values())) for name, models in groups.items()}
    kept = [name for name, size in sorted(sizes.items(), key=lambda item: -item[1]) if size >= _FEW]
    joined: dict[str, list[Row]] = defaultdict(list)
    for name in groups.keys() - set(kept):
        for model, rows in groups[name].items():
            joined[model] += rows
    parts = {name: groups[name] for name in kept} | ({"others": joined} if joined else {})
    return {
        name: {
            "n": max(map(len, models.values())),
            "models": {model: _missing(rows) for model, rows in models.items()},
        }
        for name, models in parts.items()
    }


def _missing(rows: Sequence[Row]) -> dict[str, Any]:
    """Share of full rank, and the mean shares of the constants that are redundant, or beyond counting."""
    unknowns = np.array([row["unknowns"] for row in rows], dtype=float)

    def mean(values: Sequence[float]) -> float:
        return round(float((np.array(values) / unknowns).mean()), 4)

    return {
        "full_rank": round(float(np.mean([row["rank"] == row["unknowns"] for row in rows])), 4),
        "redundant": mean([row["unknowns"] - row["span"] for row in rows]),
        "beyond_counting": mean([row["span"] - row["expected"] for row in rows]),
        "unexplained": mean([row["expected"] - row["rank"] for row in rows]),
    }


def summarise_protocol(rows: Iterable[Row], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values: correct algebra and the source's side by side."""
    listed = list(rows)
    good = [row for row in listed if row["status"] == "ok"]
    sides = {"correct": "", "eigh of GF": "_eigh"}
    return {
        "request": asked["request"],
        "n_molecules": len(listed),
        "n_failed": len(listed) - len(good),
        "at_symmetry": {
            "full_rank": share(sum(row["rank_symmetric"] == row["unknowns"] for row in good), len(good), True),
            "all_distinct": share(sum(row["rank_symmetric"] == row["distinct"] for row in good), len(good), True),
            "lost_where_symmetric": quantiles(
                (row["unknowns"] - row["rank_symmetric"]) / row["unknowns"]
                for row in good
                if row["point_group"] != "C1"
            ),
        },
        "least_gap": {name: _least(row["gap" + end] for row in good) for name, end in sides.items()},
        "worst": [
            {key: row[key] for key in ("id", "smiles", "point_group", "unknowns", "rank_symmetric", "condition_number")}
            for row in sorted(good, key=lambda row: -(row["condition_number"] or np.inf))[:5]
        ],
        "ids_sha256": sha256("\n".join(sorted(row["id"] for row in listed)).encode()).hexdigest(),
        "point_groups": _counted(row["point_group"] for row in good),
        "nominal_ratio": quantiles(row["nominal"] / row["unknowns"] for row in good),
        "independent_ratio": quantiles(row["independent"] / row["unknowns"] for row in good),
        "sides": {
            name: {
                "full_rank": share(sum(row["rank" + end] == row["unknowns"] for row in good), len(good), True),
                "condition_number": quantiles(row["condition_number" + end] for row in good),
                "smallest_singular_value": quantiles(row["smallest_singular_value" + end] for row in good),
                "with_imaginary_modes": share(sum(row["n_imaginary" + end] > 0 for row in good), len(good), True),
                "n_imaginary": quantiles(row["n_imaginary" + end] for row in good),
            }
            for name, end in sides.items()
        },
        "condition_number_by_symmetry": {
            name: {
                side: quantiles(row["condition_number" + end] for row in good if (row["point_group"] == "C1") == is_c1)
                for side, end in sides.items()
            }
            for name, is_c1 in (("C1", True), ("with symmetry", False))
        },
        "rms_wavenumber_error_cm1": quantiles(row["rms_wavenumber_error_cm1"] for row in good),
        "largest_wavenumber_error_cm1": quantiles(row["largest_wavenumber_error_cm1"] for row in good),
        "intensity_ratio_eigh": quantiles(row["intensity_ratio_eigh"] for row in good),
    }


def _least(values: Iterable[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return min(finite) if finite else None


def _counted(values: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))
