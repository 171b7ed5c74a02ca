"""The survey of geometries in numbers: shares at each tolerance, where tolerances disagree and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..groups.detection import Detection, detect_point_group
from ..groups.molecule import Molecule
from ..groups.schoenflies import PointGroup
from ..groups.selection_rules import selection_rules
from ._proportions import quantiles, share
from ._survey_rows import SurveyMolecule

__all__ = ["CURVE_ANGSTROM", "deviating_atoms", "summarise_symmetry", "tolerance_name"]

Row = Mapping[str, Any]

CURVE_ANGSTROM = tuple(float(f"{t:.3g}") for t in np.geomspace(1e-6, 0.5, 58))
SOURCES_C1 = (0.636, 0.928)  # shares of C1 that circulate for QM9
_EXAMPLES = 4
_GROUPS = 16


def tolerance_name(tolerance: float | None) -> str:
    """The tolerance in words, "automatic" or "0.1 A"."""
    return "automatic" if tolerance is None else f"{tolerance:g} A"


def summarise_symmetry(rows: Iterable[Row], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of the whole: see the keys."""
    listed = list(rows)
    good = [row for row in listed if row["status"] == "ok"]
    tolerances = asked["settings"]["tolerances_angstrom"]
    sample = asked["request"].get("limit") is not None
    names = [tolerance_name(t) for t in tolerances]
    return {
        "request": asked["request"],
        "tolerances_angstrom": tolerances,
        "n_molecules": len(listed),
        "n_failed": len(listed) - len(good),
        "at_tolerance": {name: _at(good, k, sample) for k, name in enumerate(names)},
        "curve": _curve(good),
        "sources_c1": [{"share": s, "tolerance_angstrom": _where(good, s)} for s in SOURCES_C1],
        "disagreement": _disagreement(good, names),
    }


def _at(rows: Sequence[Row], k: int, sample: bool) -> dict[str, Any]:
    """One tolerance."""
    groups = Counter(row["point_group"][k] for row in rows)
    total = len(rows)
    centred = {label for label in groups if PointGroup.parse(label).has_inversion}
    silent = [row for row in rows if row["n_silent"][k]]
    kinds = Counter(row["exclusion_kind"][k] for row in rows)
    ratios = Counter(row["raw_ratio"][k] for row in rows)
    return {
        "c1": share(groups["C1"], total, sample),
        "complete": share(sum(row["completeness"][k] == 1.0 for row in rows), total, sample),
        "no_silent_species": share(
            sum(n for label, n in groups.items() if not selection_rules(label).silent), total, sample
        ),
        "centrosymmetric": share(sum(groups[label] for label in centred), total, sample),
        "exclusion_without_centre": share(kinds["table"], total, sample),
        "exclusion_kinds": dict(kinds.most_common()),
        "raw_ratio_2": share(ratios[2.0], total, sample),
        "completeness_of_incomplete": quantiles(row["completeness"][k] for row in silent),
        "n_silent_modes": quantiles(row["n_silent"][k] for row in silent),
        "incomplete_by_group": dict(Counter(row["point_group"][k] for row in silent).most_common()),
        "lowest_completeness": [
            _example(row, k) | {"completeness": round(row["completeness"][k], 4), "n_silent": row["n_silent"][k]}
            for row in sorted(silent, key=lambda row: row["completeness"][k])[:_EXAMPLES]
        ],
        "ambiguous": share(sum(row["ambiguous"][k] for row in rows), total, sample),
        "point_groups": dict(groups.most_common()),
    }


def _example(row: Row, k: int) -> dict[str, Any]:
    return {"id": row["id"], "smiles": row["smiles"], "point_group": row["point_group"][k]}


def _first_symmetry(rows: Sequence[Row]) -> np.ndarray:
    """Least tolerance (angstrom) at which each molecule is more than C1; inf beyond 0.5."""
    return np.array([
        min((d for g, d in zip(row["ladder_group"], row["ladder_angstrom"], strict=True) if g != "C1"), default=np.inf)
        for row in rows
    ])  # fmt: skip


def _curve(rows: Sequence[Row]) -> list[dict[str, float]]:
    """Share of C1 at every tolerance."""
    first = np.sort(_first_symmetry(rows))
    above = len(first) - np.searchsorted(first, CURVE_ANGSTROM, side="right")
    return [
        {"tolerance_angstrom": t, "c1_share": round(float(n) / max(len(first), 1), 6)}
        for t, n in zip(CURVE_ANGSTROM, above.tolist(), strict=True)
    ]


def _where(rows: Sequence[Row], c1_share: float) -> float | None:
    """Tolerance at which the share of C1 is ``c1_share``; None where none up to 0.5 A gives it."""
    first = np.sort(_first_symmetry(rows))
    place = int(np.floor((1 - c1_share) * len(first)))
    found = float(first[place]) if place < len(first) else np.inf
    return float(f"{found:.3g}") if np.isfinite(found) else None


def _disagreement(rows: Sequence[Row], names: Sequence[str]) -> list[dict[str, Any]]:
    """Each pair of tolerances: how many molecules, which groups, how far from the larger one they are."""
    found = []
    for a in range(len(names)):
        for b in range(a + 1, len(names)):
            apart = [row for row in rows if row["point_group"][a] != row["point_group"][b]]
            pairs = Counter((row["point_group"][a], row["point_group"][b]) for row in apart)
            larger = a if len(apart) == 0 else max((a, b), key=lambda k: _orders(apart, k))
            found.append({
                "tolerances": [names[a], names[b]],
                "n": len(apart),
                "pairs": [{"groups": list(pair), "n": n, "examples": _examples(apart, a, b, pair)}
                          for pair, n in pairs.most_common(_GROUPS)],
                "deviation_of_larger_angstrom": quantiles(row["deviation_angstrom"][larger] for row in apart),
            })  # fmt: skip
    return found


def _orders(rows: Sequence[Row], k: int) -> float:
    return float(sum(np.log(PointGroup.parse(row["point_group"][k]).order or 1000) for row in rows))


def _examples(rows: Sequence[Row], a: int, b: int, pair: tuple[str, str]) -> list[dict[str, Any]]:
    chosen = [row for row in rows if (row["point_group"][a], row["point_group"][b]) == pair][:2]
    return [
        {
            "id": row["id"],
            "smiles": row["smiles"],
            "deviations_angstrom": [float(f"{row['deviation_angstrom'][k]:.3g}") for k in (a, b)],
        }
        for row in chosen
    ]


def deviating_atoms(molecules: Iterable[SurveyMolecule], tolerance: float | None) -> dict[str, Any]:
    """Which atoms break a symmetry that tight tolerances refuse: the one that each molecule's operations miss most.

    ``molecules`` have more symmetry at ``tolerance`` than at the tight one.
    """
    kinds: Counter[str] = Counter()
    for task in molecules:
        molecule = Molecule.from_arrays(task.numbers, task.positions_angstrom, name=task.id)
        kinds[_site(molecule, _worst(detect_point_group(molecule, tolerance)))] += 1
    return {"n": sum(kinds.values()), "sites": dict(kinds.most_common())}


def _worst(detection: Detection) -> int:
    """The atom that operations, about the centroid, carry farthest from its partner."""
    centred = detection.molecule.positions - detection.centre
    missed = np.zeros(len(centred))
    for entry in detection.operations:
        image = centred @ entry.operation.matrix.T
        missed = np.maximum(missed, np.linalg.norm(image - centred[entry.permutation], axis=1))
    return int(missed.argmax())


def _site(molecule: Molecule, atom: int) -> str:
    """What an atom is: the element, of a hydrogen also what it is bonded to ("H of CH3")."""
    symbols, bonds = molecule.symbols, np.asarray(molecule.bonds(), dtype=int).reshape(-1, 2)
    near = [int(b if a == atom else a) for a, b in bonds if atom in (a, b)]
    if symbols[atom] != "H" or len(near) != 1:
        return symbols[atom]
    hydrogens = sum(symbols[b if a == near[0] else a] == "H" for a, b in bonds if near[0] in (a, b))
    return f"H of {symbols[near[0]]}H{hydrogens if hydrogens > 1 else ''}"
