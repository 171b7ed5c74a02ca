"""Spektron in calibration transfer: the rows that join those of `calibration_transfer.py`, on the same splits.

    python studies/spektron_transfer.py --data FOLDER --folder OUT [--stage corn-lora-5 ...] [--splits 20]

One file of rows for each split, direction, budget and stage below OUT; what is there is not computed again. At the end
studies/results/spektron_transfer.parquet and .json are written from all files that are there; ``--collect`` only does
that.

What the test samples had a say in: a first trial on split 0 of mp6 -> mp5 showed that the learning rates then set made
fine-tuning diverge, upon which they were chosen as `spektron_transfer` says; and the methods "Spektron after ..." were
added when scores of the others at k = 5 had been seen. No setting was chosen by a score on test samples.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _tools import RESULTS, write_results

from symvib.errors import EvaluationError
from symvib.evaluation._transfer_table import ScoreTable
from symvib.evaluation.instrument_sets import InstrumentSet, corn, tablets
from symvib.evaluation.spektron_transfer import HybridResidual, SpektronEncoder, spektron_specs
from symvib.evaluation.transfer import TransferredCalibration, TransferSamples
from symvib.evaluation.transfer_benchmark import (
    TransferScore,
    TransferSpec,
    TransferSplit,
    prediction_errors,
    random_splits,
    transfer_rows_of,
)
from symvib.groups.atomic_write import write_text

PROPERTIES = {"corn": ("moisture", "oil", "protein", "starch"), "tablets": ("assay",)}
GROUPS = {
    "mapped": ("Spektron after",),
    "adapted": ("test-time training", "paired adaptation"),
    "lora": ("Spektron, LoRA", "Spektron, bias"),
    "cnn": ("CNN",),
}
STAGES = (
    ("corn", "frozen", (5, 25, 10, 3, 0)),
    ("tablets", "frozen", (5, 25, 10, 3, 0)),
    ("corn", "mapped", (5, 25, 10, 3)),
    ("tablets", "mapped", (5, 25, 10, 3)),
    ("corn", "adapted", (5,)),
    ("corn", "lora", (5,)),
    ("corn", "cnn", (5, 25, 10, 3)),
    ("tablets", "adapted", (5, 25, 10, 3)),
    ("tablets", "lora", (5, 25, 10, 3)),
    ("corn", "lora", (25, 10, 3)),
    ("corn", "adapted", (25, 10, 3)),
    ("tablets", "cnn", (5, 25, 10, 3)),
)


@dataclass(frozen=True)
class Work:
    """The methods of a group on one split, direction and budget."""

    data: str
    group: str
    k: int
    split: int
    source: str
    target: str

    @property
    def file(self) -> str:
        """Name of its result file."""
        return f"{self.data}-{self.group}-k{self.k}-{self.source}-{self.target}-{self.split}.json"


def group_of(spec: TransferSpec) -> str:
    """Which stage a method belongs to."""
    return next((name for name, marks in GROUPS.items() if any(mark in spec.name for mark in marks)), "frozen")


def works(sets: dict[str, InstrumentSet], stages: list[str], n_splits: int) -> Iterator[Work]:
    """All work, in the order in which it matters."""
    for data, group, budgets in STAGES:
        for k in budgets:
            asked = {f"{data}-{group}", f"{data}-{group}-{k}"}
            if stages and not asked & set(stages):
                continue
            for split in range(n_splits):
                yield from (Work(data, group, k, split, *pair) for pair in sets[data].directions())


def rows_of(work: Work, data: InstrumentSet, split: TransferSplit, encoder: SpektronEncoder) -> list[dict[str, Any]]:
    """Scores of the methods of the group, with the columns of `transfer_benchmark.TransferScore` and seconds."""
    transfer = transfer_rows_of(data, split, work.source, (work.k,))[work.k]
    source, target = data.spectra[work.source], data.spectra[work.target]
    found = []
    for spec in spektron_specs(encoder):
        if group_of(spec) != work.group or (spec.needs == "none") != (work.k == 0):
            continue
        for name in PROPERTIES[work.data]:
            y = data.targets[name]
            row: dict[str, Any] = {
                "data": data.name,
                "source": work.source,
                "target": work.target,
                "property": name,
                "split": split.name,
                "k": work.k,
                "table": spec.needs,
                "method": spec.name,
                "calibration": "own",
                "preprocessing": "",
                "n_components": 0,
                "n_train": len(split.train),
                "n_test": len(split.test),
                "refused": "",
                **dict.fromkeys(("rmsep", "bias", "sep", "r2", "criterion"), None),
            }
            started = time.process_time()  # of one thread: others may have the machine
            try:
                method = spec.make()
                fitted: Any
                if spec.needs == "none":
                    fitted = method.fit(source[split.train], y[split.train])  # pyright: ignore
                else:
                    samples = TransferSamples(
                        target[transfer],
                        source[transfer] if spec.needs == "paired" else None,
                        y[transfer] if spec.needs == "labelled" else None,
                    )
                    fitted = TransferredCalibration(method).fit(source[split.train], y[split.train], samples).model_
            except EvaluationError as error:
                found.append({**row, "refused": str(error), "seconds": 0.0})
                continue
            row["preprocessing"] = str(getattr(fitted, "preprocessing_", ""))
            row["n_components"] = int(getattr(fitted, "n_components_", 0))
            said = fitted.predict(target[split.test])
            seconds = time.process_time() - started
            found.append({**row, **prediction_errors(said, y[split.test]), "seconds": round(seconds, 3)})
            if isinstance(fitted, HybridResidual):  # what Spektron adds is the difference of these two
                alone = fitted.base_.predict(fitted._ready(target[split.test]))
                alone_name = spec.name.replace("PLS + Spektron on residuals", "PLS of the hybrid alone")
                found.append({**row, "method": alone_name, **prediction_errors(alone, y[split.test]), "seconds": 0.0})
    return found


def collected(folder: Path) -> list[dict[str, Any]]:
    """All rows that are there."""
    return [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text(encoding="utf-8"))]


def described(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What there is of each method: how many splits, and the median of the processor seconds of fit and prediction."""
    found: dict[tuple[str, str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["data"], row["table"], row["method"], row["k"]), []).append(row)
    return [
        {
            "data": data,
            "table": table,
            "method": method,
            "k": k,
            "n_splits": len({row["split"] for row in of}),
            "n_scores": len(of),
            "median_seconds": round(float(np.median([row["seconds"] for row in of])), 2),
        }
        for (data, table, method, k), of in sorted(found.items())
    ]


def main() -> None:
    """Compute what is missing, and collect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="[default: SYMVIB_DATA]")
    parser.add_argument("--folder", type=Path, default=Path("out/spektron_transfer"))
    parser.add_argument(
        "--stage", action="append", default=[], help="DATA-GROUP or DATA-GROUP-K, such as corn-adapted-5"
    )
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--collect", action="store_true", help="only join what there is")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.collect:
        compute(options)
    rows = collected(options.folder)
    scores = [TransferScore(**{name: row[name] for name in TransferScore.columns()}) for row in rows]
    ScoreTable.of(scores).to_parquet(RESULTS / "spektron_transfer.parquet")
    write_results("spektron_transfer", {"splits": options.splits, "n_rows": len(rows), "methods": described(rows)})


def compute(options: argparse.Namespace) -> None:
    """All missing files."""
    import torch

    torch.set_num_threads(1)
    sets = {"corn": corn(options.data), "tablets": tablets(options.data)}
    encoders = {name: SpektronEncoder.of_set(data) for name, data in sets.items()}
    splits = {name: random_splits(data, options.splits) for name, data in sets.items()}
    for work in works(sets, options.stage, options.splits):
        place = options.folder / work.file
        if place.exists():
            continue
        started = time.perf_counter()
        rows = rows_of(work, sets[work.data], splits[work.data][work.split], encoders[work.data])
        write_text(place, json.dumps(rows))
        print(f"{work.file} {time.perf_counter() - started:.1f} s", flush=True)


if __name__ == "__main__":
    main()
