"""Calibration transfer between instruments: corn (six directions), tablets (two), every budget, 20 splits.

    python studies/calibration_transfer.py --data ../shared/data --folder /tmp/transfer

Writes one table for each split and budget under --folder (goes on after an interruption), then studies/results/
calibration_transfer.parquet with the score of every method on every split, and calibration_transfer.json with the sets.
The Raman instruments, whose samples have no reference values, are in studies/raman_instruments.py.
"""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _tools import RESULTS, write_results

from symvib.evaluation._transfer_summary import ON_TEST, MethodSummary, summaries
from symvib.evaluation._transfer_table import ScoreTable
from symvib.evaluation.instrument_sets import TABLET_OUTLIERS, InstrumentSet, corn, tablets
from symvib.evaluation.transfer_benchmark import (
    N_SPLITS,
    TransferSplit,
    given_split,
    random_splits,
    split_scores,
)

logger = logging.getLogger("calibration_transfer")
LESS = "tablets less outliers"
FIRST, LATER = ((), (0, 5)), ((25,), (10,), (3,))  # what is asked for most comes first


def units(data: Path | None, n_splits: int) -> list[tuple[InstrumentSet, TransferSplit]]:
    """Every set with every split, so ordered that an interrupted study has the same splits of each."""
    maize, pills = corn(data), tablets(data)
    outliers = [pills.sample_ids.index(name) for name in TABLET_OUTLIERS]
    fewer = replace(pills, name=LESS, notes=(*pills.notes, f"less {', '.join(TABLET_OUTLIERS)}"))
    given = given_split(pills)
    found = [(pills, given), (fewer, _less(given, outliers))]
    for of_corn, split in zip(random_splits(maize, n_splits), random_splits(pills, n_splits), strict=True):
        found += [(maize, of_corn), (pills, split), (fewer, _less(split, outliers))]
    return found


def run(data: InstrumentSet, split: TransferSplit, budgets: tuple[int, ...], place: Path) -> None:
    """Compute one unit; the round without budgets has the ceilings."""
    scores = split_scores(data, split, properties=("assay",) if data.name == LESS else None, budgets=budgets)
    kept = [score for score in scores if (score.table == "ceiling") == (not budgets)]
    ScoreTable.of(kept).to_parquet(place)
    logger.info("%s", place.name)


def _less(split: TransferSplit, rows: list[int]) -> TransferSplit:
    """The same split without some samples."""
    return TransferSplit(split.name, np.setdiff1d(split.train, rows), np.setdiff1d(split.test, rows))


def best(table: ScoreTable) -> list[dict[str, Any]]:
    """Ceiling, no correction and what is best on the test samples, over the random splits and by the given one."""
    given = np.char.find(table["split"], "-") >= 0
    found = []
    for name, rows in (("random", table.rows(~given)), ("calibrate-test", table.rows(given))):
        for s in summaries(rows):
            if s.table in ("ceiling", "none") or s.method == ON_TEST:
                found.append({"splits": name, **_flat(s)})
    return found


def _flat(s: MethodSummary) -> dict[str, Any]:
    """What a table of claims wants."""
    names = ("data", "property", "source", "target", "table", "k", "method", "which", "n_splits")
    row = {name: getattr(s, name) for name in names}
    if s.r2 is not None:
        row |= {"r2": s.r2.value, "r2_low": s.r2.low, "r2_high": s.r2.high}
    if s.r2_share is not None:
        row["r2_share"] = s.r2_share.value
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


def main() -> None:
    """Run what is missing, join everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="[default: SYMVIB_DATA]")
    parser.add_argument("--splits", type=int, default=N_SPLITS)
    parser.add_argument("--join", action="store_true", help="Join what there is.")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    parts, sets = [], {}
    every = units(arguments.data, arguments.splits)
    order = [(*unit, budgets) for budgets in FIRST for unit in every]
    order += [(*unit, budgets) for unit in every for budgets in LATER]
    for data, split, budgets in order:
        name = f"{data.name.replace(' ', '_')}_{split.name}_{'_'.join(map(str, budgets)) or 'ceiling'}.parquet"
        place = arguments.folder / name
        if not place.exists():
            if arguments.join:
                continue
            run(data, split, budgets, place)
        part = ScoreTable.read(place)
        parts.append(part.rows((part["table"] == "ceiling") == (not budgets)))
        sets[data.name] = data.as_dict()
    table = ScoreTable.joined(parts)
    table.to_parquet(RESULTS / "calibration_transfer.parquet", bits=13)  # to 6e-5 of each number
    write_results("calibration_transfer", {"sets": sets, "best": best(table)})


if __name__ == "__main__":
    main()
