"""Calibration transfer between instruments: corn (six directions), tablets (two), every budget, 20 splits.

    python studies/calibration_transfer.py --data ../shared/data --folder /tmp/transfer

Writes one table for each split under --folder (goes on after an interruption), then studies/results/
calibration_transfer.parquet with the score of every method on every split, and calibration_transfer.json with the sets.
The Raman instruments, whose samples have no reference values, are in studies/raman_instruments.py.
"""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from _tools import RESULTS, write_results

from symvib.evaluation._transfer_table import ScoreTable
from symvib.evaluation.instrument_sets import TABLET_OUTLIERS, InstrumentSet, corn, tablets
from symvib.evaluation.transfer_benchmark import (
    BUDGETS,
    N_SPLITS,
    TransferSplit,
    given_split,
    random_splits,
    split_scores,
)

logger = logging.getLogger("calibration_transfer")
LESS = "tablets less outliers"


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


def _less(split: TransferSplit, rows: list[int]) -> TransferSplit:
    """The same split without some samples."""
    return TransferSplit(split.name, np.setdiff1d(split.train, rows), np.setdiff1d(split.test, rows))


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
    for data, split in units(arguments.data, arguments.splits):
        place = arguments.folder / f"{data.name.replace(' ', '_')}_{split.name}.parquet"
        if not place.exists():
            if arguments.join:
                continue
            properties = ("assay",) if data.name == LESS else None
            scores = split_scores(data, split, properties=properties, budgets=BUDGETS, on_done=logger.info)
            ScoreTable.of(scores).to_parquet(place)
        parts.append(ScoreTable.read(place))
        sets[data.name] = data.as_dict()
    ScoreTable.joined(parts).to_parquet(RESULTS / "calibration_transfer.parquet")
    write_results("calibration_transfer", {"sets": sets, "budgets": list(BUDGETS), "n_units": len(parts)})


if __name__ == "__main__":
    main()
