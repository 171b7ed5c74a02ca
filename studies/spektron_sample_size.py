"""How many molecules Spektron needs to see (P3): ``python studies/spektron_sample_size.py``.

Options: ``--folder FOLDER`` for the runs (default out/sample_size; killed at any moment, the same command goes on),
``--sizes NUMBERS`` of training molecules, ``--seeds N`` (default 1), ``--steps N``, ``--quick``. The preset "tiny" is
trained with the same number of steps on nested random subsets of the training molecules, without invented line lists,
which would make up for molecules. Then all test molecules are queries, from three pairs of test instruments, IR and
Raman together. Writes studies/results/spektron_sample_size.parquet: one row for each size, seed, pair and query, with
the number of library entries that score better than, and as, the true one. All spectra are simulated.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _tools import ROOT, write_table

from symvib.spektron.config import preset
from symvib.spektron.model import Spektron
from symvib.spektron.objective import LossWeights, Objective
from symvib.spektron.peers import SpektronPeer
from symvib.spektron.retrieval_task import simulated_task
from symvib.spektron.training import TrainingParts, train_parts
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.training_settings import TrainingSettings
from symvib.spektron.views import ViewSampler


def subset(data: TrainingData, size: int, seed: int) -> TrainingData:
    """The data with ``size`` training molecules only; subsets of one seed are nested."""
    rows = np.random.default_rng(seed).permutation(data.indices("train"))
    split = np.array(data.split)
    split[rows[size:]] = "unused"
    return replace(data, split=split)


def trained(size: int, seed: int, data: TrainingData, options: argparse.Namespace) -> Spektron:
    """The model that saw ``size`` molecules, trained unless it was before."""
    seen = subset(data, size, seed)
    config = preset("tiny")
    settings = TrainingSettings.of_preset("tiny", steps=options.steps, seed=seed, validation_batches=0)
    parts = TrainingParts(
        model=Spektron(config, seed=seed),
        objective=Objective(LossWeights()),
        sampler=ViewSampler(seen, config, seed, batch_size=min(128, size), invented_share=0.0),
        validation=None,
    )
    identity = {"config": config.as_dict(), "size": size, "data_hash": seen.data_hash}
    result = train_parts(parts, options.folder / f"{size}_{options.steps}_{seed}", settings=settings, identity=identity)
    if not result.finished:
        raise SystemExit(f"{size} molecules, seed {seed}: stopped by {result.reason}; the same command goes on")
    return parts.model


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "sample_size", help="of the runs")
    parser.add_argument("--sizes", type=int, nargs="*", default=[250, 500, 1000, 2000, 4000, 8000])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--quick", action="store_true", help="two steps, two sizes: that the command works")
    options = parser.parse_args(given)
    if options.quick:
        options.steps, options.sizes = 2, [128, 256]
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Train on every size, ask the test molecules, and write the results."""
    options = arguments(given)
    options.folder.mkdir(parents=True, exist_ok=True)
    data = load_training_data()
    asked = 60 if options.quick else None
    tasks = [simulated_task(data, "test", pair, n_queries=asked).only((0, 1)) for pair in range(3)]
    rows: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        for size in options.sizes:
            start = time.perf_counter()
            peer = SpektronPeer(trained(size, seed, data, options))
            found = [task.answer(peer) for task in tasks]
            rows += [
                {"size": size, "seed": seed, "steps": options.steps, "pair": pair, "id": data.ids[row]}
                | {"better": int(better), "tied": int(tied), "n_library": part.n_library}
                for pair, part in enumerate(found)
                for row, better, tied in zip(part.groups, part.better, part.tied, strict=True)
            ]
            top1 = np.mean([part.top1 for part in found])
            seconds = time.perf_counter() - start
            print(f"{size} molecules, seed {seed}: top-1 {top1:.3f}, {seconds:.0f} s", file=sys.stderr, flush=True)
    print(write_table("spektron_sample_size" + "_quick" * options.quick, rows))


if __name__ == "__main__":
    main()
