"""From one modality of minerals to another (RRUFF, AMCSD), split by mineral, specimen and row: resumable.

``python studies/mineral_transfer.py --data FOLDER --structures FOLDER --folder OUT`` predicts what is not there yet
(OUT/*.npz, one file for each direction, split, method and fold), then writes studies/results/mineral_transfer.json and
mineral_transfer.parquet. ``--summary`` only does the latter. The data are not part of symvib: see
evaluation/mineral_sets.py.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _tools import write_results, write_table

from symvib.evaluation._mineral_metrics import SCORES
from symvib.evaluation._mineral_peers import ModalityMethod
from symvib.evaluation.mineral_classes import mineral_class
from symvib.evaluation.mineral_sets import MineralPairs, amcsd_lines, mineral_pairs, powder_pairs
from symvib.evaluation.mineral_splits import folds
from symvib.evaluation.mineral_strata import MineralStratum, Structure, amcsd_structures, mineral_strata
from symvib.evaluation.mineral_symmetry import GroupTable, coincidence, group_table, judge
from symvib.evaluation.mineral_transfer import (
    classification,
    group_mean,
    group_means,
    mineral_peers,
    predict_fold,
    row_scores,
    score_table,
)
from symvib.groups.atomic_write import write_text, writing
from symvib.spektron.modality_transfer import PeakVAE, SpectrumCNN
from symvib.spektron.peak_maps import PeakCache, fitted_peaks

N_FOLDS, SEED = 5, 0
STRATA = ("inversion", "system", "classes")
PEERS = ("mean", "nearest neighbour", "5 nearest", "PLS2", "as it is")
LEARNED = ("CNN", "VAE")
# Directions, and the splits in which peers and learned methods are run.
TASKS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("ir", "raman", ("mineral", "specimen", "row"), ("mineral", "row")),
    ("raman", "ir", ("mineral", "specimen", "row"), ("mineral",)),
    ("raman", "xrd", ("mineral", "specimen", "row"), ("mineral",)),
    ("raman", "raman", ("mineral",), ("mineral",)),
    ("ir", "ir", ("mineral",), ("mineral",)),
)
LEAST_IN_CLASS = 5


def learned_methods(pairs: MineralPairs, cache: PeakCache) -> dict[str, Callable[[], ModalityMethod]]:
    """The direct CNN, and the VAE on peak parameters with the fits of ``cache``."""
    return {
        "CNN": lambda: SpectrumCNN(axis_x=pairs.x_axis, axis_y=pairs.y_axis),
        "VAE": lambda: PeakVAE(axis_x=pairs.x_axis, axis_y=pairs.y_axis, cache=cache),
    }


def pairs_of(source: str, target: str, data: Path) -> MineralPairs:
    """The pairs of a direction; a spectrum onto itself for reconstruction."""
    if target == "xrd":
        return powder_pairs(data)
    pairs = mineral_pairs(data, source=source)
    return pairs.onto_itself() if source == target else pairs


def units() -> list[tuple[str, str, str, str]]:
    """(source, target, split, method) in the order in which they are run: the split by mineral and the peers first."""
    found = [(s, t, by, m) for s, t, of_peers, _ in TASKS for by in of_peers for m in PEERS]
    found += [(s, t, by, m) for s, t, _, of_learned in TASKS for by in of_learned for m in LEARNED]
    order = ("mineral", "row", "specimen")
    return sorted(found, key=lambda unit: order.index(unit[2]))


def unit_path(folder: Path, unit: tuple[str, str, str, str], k: int) -> Path:
    """Where the predictions of a fold lie."""
    source, target, by, method = unit
    return folder / f"{source}_{target}_{by}_{method.replace(' ', '-')}_{k}.npz"


def run(folder: Path, data: Path, wanted: Sequence[tuple[str, str, str, str]]) -> None:
    """Predict what is not there yet."""
    held: dict[tuple[str, str], MineralPairs] = {}
    cache = PeakCache(folder / "peaks.npz")
    for unit in wanted:
        source, target, by, name = unit
        if all(unit_path(folder, unit, k).exists() for k in range(N_FOLDS)):
            continue
        pairs = held.setdefault((source, target), pairs_of(source, target, data))
        make = {**mineral_peers(pairs), **learned_methods(pairs, cache)}.get(name)
        if make is None:
            continue
        if name == "VAE":
            for axis, values, mask in ((pairs.x_axis, pairs.x, pairs.x_mask), (pairs.y_axis, pairs.y, pairs.y_mask)):
                fitted_peaks(axis, values.astype(np.float32), mask, cache=cache, save_every=100)
            cache.save()
        fold = folds(pairs, by, N_FOLDS, SEED)  # pyright: ignore[reportArgumentType]
        for k in range(N_FOLDS):
            path = unit_path(folder, unit, k)
            if path.exists():
                continue
            start = time.perf_counter()
            predicted = predict_fold(pairs, make(), fold, k, SEED)
            seconds = time.perf_counter() - start
            with writing(path) as partial:
                np.savez(partial, predicted=predicted.astype(np.float32), seconds=seconds)
            print(f"{source} -> {target} by {by}: {name}, fold {k}, {seconds:.1f} s", flush=True)
        scores_of(folder, unit, pairs)


def predictions(folder: Path, unit: tuple[str, str, str, str], pairs: MineralPairs) -> np.ndarray:
    """What a method predicted for all rows."""
    fold = folds(pairs, unit[2], N_FOLDS, SEED)  # pyright: ignore[reportArgumentType]
    found = np.empty(pairs.y.shape)
    for k in range(N_FOLDS):
        with np.load(unit_path(folder, unit, k)) as archive:
            found[fold == k] = archive["predicted"]
    return found


def scores_of(
    folder: Path, unit: tuple[str, str, str, str], pairs: MineralPairs
) -> tuple[dict[str, np.ndarray], float] | None:
    """Scores of all rows and the mean seconds of a fold, kept in a file; None where a fold is missing."""
    paths = [unit_path(folder, unit, k) for k in range(N_FOLDS)]
    if not all(path.exists() for path in paths):
        return None
    kept = folder / f"scores_{paths[0].stem[:-2]}.npz"
    if not kept.exists():
        seconds = []
        for path in paths:
            with np.load(path) as archive:
                seconds.append(float(archive["seconds"]))
        scores = row_scores(pairs.y, pairs.y_mask, predictions(folder, unit, pairs))
        with writing(kept) as partial:
            np.savez(partial, mean_seconds=np.mean(seconds), **scores)  # pyright: ignore[reportArgumentType]
    with np.load(kept) as archive:
        return {name: archive[name] for name in SCORES}, float(archive["mean_seconds"])


def strata_of(pairs: tuple[MineralPairs, ...], data: Path, structures: Path | None) -> dict[str, MineralStratum]:
    """Strata of all names in the pairs."""
    lines = amcsd_lines(data)
    known = [Structure.of(m, g) for m, g in zip(lines.minerals, lines.space_groups, strict=True)]
    names = {name: formula for p in pairs for name, formula in zip(p.minerals, p.formulas, strict=True)}
    return mineral_strata(names, [*known, *amcsd_structures(structures)])


def summary(folder: Path, data: Path, structures: Path | None) -> dict[str, Any]:
    """All scores, the classification, the strata and the verdicts; writes the table of groups."""
    found: dict[str, Any] = {"settings": {"n_folds": N_FOLDS, "seed": SEED}, "sets": {}, "scores": {}, "seconds": {}}
    rows: list[dict[str, Any]] = []
    both = mineral_pairs(data)
    strata = strata_of((both, powder_pairs(data)), data, structures)
    table = group_table(both, strata)
    r_of: dict[tuple[str, str, str], np.ndarray] = {}
    for source, target, splits, _ in TASKS:
        pairs = pairs_of(source, target, data)
        direction = f"{source} -> {target}"
        found["sets"][direction] = pairs.as_dict()
        for by in splits:
            made = {m: scores_of(folder, (source, target, by, m), pairs) for m in (*PEERS, *LEARNED)}
            of = {name: value for name, value in made.items() if value is not None}
            if not of:
                continue
            key = f"{direction}, by {by}"
            found["seconds"][key] = {name: round(seconds, 2) for name, (_, seconds) in of.items()}
            found["scores"][key] = score_table({name: scores for name, (scores, _) in of.items()}, pairs.groups)
            fold = folds(pairs, by, N_FOLDS, SEED)  # pyright: ignore[reportArgumentType]
            for name, (scores, _) in of.items():
                r = r_of[direction, by, name] = scores["r"]
                found["scores"][key][name]["r by fold"] = [float(r[fold == k].mean()) for k in range(N_FOLDS)]
                means = zip(*group_means(r, pairs.groups), strict=True)
                at = {"direction": direction, "by": by, "method": name}
                rows += [{**at, "group": int(group), "r": float(mean)} for group, mean in means]
            if direction == "ir -> raman" and by in ("mineral", "row"):
                found.setdefault("classification", {})[by] = classes_found(folder, pairs, list(of), by)
            print(key, flush=True)
    found["strata"] = stratified(r_of, table, both, data)
    found["groups"] = group_rows(table)
    found["predictions"] = verdicts(r_of, table, both, data)
    write_table("mineral_transfer", rows)
    return found


def classes_found(folder: Path, pairs: MineralPairs, methods: Sequence[str], by: Any) -> dict[str, Any]:
    """`classification` on the classes with five groups or more, kept in a file."""
    path = folder / f"classes_{by}_{'_'.join(methods).replace(' ', '-')}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    classes = np.array([mineral_class(formula) for formula in pairs.formulas])
    counts = {c: len(set(pairs.groups[classes == c].tolist())) for c in sorted(set(classes.tolist()))}
    names = [c for c, n in counts.items() if n >= LEAST_IN_CLASS and c not in ("other", "native")]
    kept = np.isin(classes, names)
    shown = {m: predictions(folder, (pairs.source, pairs.target, by, m), pairs)[kept] for m in methods}
    fold = folds(pairs, by, N_FOLDS, SEED)[kept]  # those of the predictions
    scores = classification(pairs.take(kept), classes[kept], shown, by, n_folds=N_FOLDS, seed=SEED, fold=fold)
    found = {"classes": {c: counts[c] for c in names}, "scores": scores}
    write_text(path, json.dumps(found))
    return found


def stratified(
    r_of: dict[tuple[str, str, str], np.ndarray], table: GroupTable, both: MineralPairs, data: Path
) -> dict[str, Any]:
    """Mean r by stratum, split by mineral, with intervals over groups."""
    found: dict[str, Any] = {}
    for (direction, by, name), r in r_of.items():
        if by != "mineral" or direction not in ("ir -> raman", "raman -> ir"):
            continue
        at = np.searchsorted(table.groups, both.groups)
        for kind in STRATA:
            labels = getattr(table, kind)[at]
            part = found.setdefault(direction, {}).setdefault(kind, {}).setdefault(name, {})
            for label in sorted(set(labels.tolist())):
                part[label] = group_mean(r[labels == label], both.groups[labels == label]).as_dict()
    return found


def group_rows(table: GroupTable) -> list[dict[str, Any]]:
    """Names, strata and covariates of the groups."""
    columns = {"inversion": table.inversion, "majority": table.majority, "system": table.system, "class": table.classes}
    return [
        {
            "group": int(g),
            "name": table.names[k],
            **{name: str(values[k]) for name, values in columns.items()},
            **{name: round(float(values[k]), 4) for name, values in table.numbers.items()},
        }
        for k, g in enumerate(table.groups.tolist())
    ]


def verdicts(
    r_of: dict[tuple[str, str, str], np.ndarray], table: GroupTable, both: MineralPairs, data: Path
) -> dict[str, Any]:
    """M1 of the best method and beside it of all others, M2, and their controls."""
    forth, back = "ir -> raman", "raman -> ir"
    candidates = ("mean", "nearest neighbour", "5 nearest", "PLS2", *LEARNED)
    responses = {}
    for name in candidates:
        if (forth, "mineral", name) in r_of and (back, "mineral", name) in r_of:
            r = (r_of[forth, "mineral", name] + r_of[back, "mineral", name]) / 2
            responses[name] = group_means(r, both.groups)[1]
    best = max(responses, key=lambda name: responses[name].mean())
    order = [best, *(name for name in responses if name != best)]
    m1 = {name: judge("M1", responses[name], table, subject=name).as_dict() for name in order}
    response, kept = coincidence(both, table)
    other, other_kept = coincidence(both, table, own=False)
    m2 = {
        "own infrared spectrum": judge("M2", response, table, subject="own infrared spectrum", kept=kept).as_dict(),
        "that of another group of the class": judge(
            "M2", other, table, subject="that of another group of the class", kept=other_kept
        ).as_dict(),
    }
    controls = {}
    powder = best if ("raman -> xrd", "mineral", best) in r_of else "5 nearest"
    for direction, name in (("raman -> raman", "nearest neighbour"), ("raman -> xrd", powder)):
        if (direction, "mineral", name) not in r_of:
            continue
        pairs = pairs_of(*direction.split(" -> "), data)  # pyright: ignore[reportCallIssue]
        groups, values = group_means(r_of[direction, "mineral", name], pairs.groups)
        here = np.isin(table.groups, groups)
        control = np.zeros(len(table))
        control[here] = values[np.searchsorted(groups, table.groups[here])]
        controls[f"{direction}, {name}"] = judge("M1", control, table, subject=name, kept=here).as_dict()
    return {"M1": m1, "M2": m2, "controls of M1": controls, "judged": best}


def main() -> None:
    """Run, then summarise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None, help="folder of minerals_rruff [SYMVIB_DATA]")
    parser.add_argument("--structures", type=Path, default=None, help="amcsd_cif1.db [package larixite]")
    parser.add_argument("--folder", type=Path, default=Path("out/mineral_transfer"))
    parser.add_argument("--method", action="append", help="only these methods")
    parser.add_argument("--direction", action="append", help="only these directions, ir:raman say")
    parser.add_argument("--by", action="append", help="only these splits")
    parser.add_argument("--summary", action="store_true", help="predict nothing, only summarise what is there")
    parser.add_argument("--no-summary", action="store_true", help="only predict")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.summary:
        methods, splits = options.method or (*PEERS, *LEARNED), options.by or ("mineral", "row", "specimen")
        directions = options.direction or [f"{source}:{target}" for source, target, _, _ in TASKS]
        wanted = [u for u in units() if u[3] in methods and u[2] in splits and f"{u[0]}:{u[1]}" in directions]
        run(options.folder, options.data, wanted)
    if not options.no_summary:
        path = write_results("mineral_transfer", summary(options.folder, options.data, options.structures))
        print(f"{path}: {len(json.dumps(path.read_text()))} characters", flush=True)


if __name__ == "__main__":
    main()
