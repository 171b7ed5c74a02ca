"""Which part of Spektron does what: the arms of the ablation, of one size: ``python studies/spektron_ablation.py``.

Options: ``--folder FOLDER`` for the runs (default out/ablation; killed at any moment, the same command goes on),
``--arms NAMES``, ``--seeds N`` (default 5), ``--steps N``, ``--batch N`` molecules, ``--quick``. Every arm has the
parameters of the preset "tiny" within 5 %, the same batches, and the same number of steps; seeds are the outer loop,
so that what there is can be compared at any time. Writes studies/results/spektron_ablation.json, and what there is
after each seed as spektron_ablation_partial.json. About 1.5 minutes for a run of 150 steps on 2 cores.

Scores are of the test molecules and test instruments (`held_out_scores`): all simulated.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _tools import ROOT, write_results

from symvib.groups.atomic_write import write_text
from symvib.spektron.ablation import ARMS, ablation_arm, parameter_count
from symvib.spektron.scores import HeldOutScores, held_out_scores
from symvib.spektron.training import train
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.training_settings import TrainingSettings

REFERENCE = "cnn_dlinoss"  # what each arm is compared with, seed by seed


def run(arm: str, seed: int, data: TrainingData, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of one arm and seed, trained and scored unless it was before."""
    config = ablation_arm(arm, functional_groups=len(data.group_names), properties=len(data.property_names))
    settings = TrainingSettings.of_preset("tiny", steps=options.steps, batch_size=options.batch, seed=seed)
    folder = options.folder / f"{arm}_{options.steps}_{options.batch}_{seed}"
    known, basis = folder / "scores.json", {"data_hash": data.data_hash, "queries": 60 if options.quick else 500}
    if known.is_file() and (before := json.loads(known.read_text(encoding="utf-8")))["basis"] == basis:
        return before["found"]
    start = time.perf_counter()
    result = train(config, data, folder, settings=settings)
    if not result.finished:
        raise SystemExit(f"{arm}, seed {seed}: stopped by {result.reason}; the same command goes on")
    scores = held_out_scores(result.model, data, queries=basis["queries"])
    found = {"arm": arm, "seed": seed, "train_seconds": result.metrics["wall_seconds"], **plain(scores)}
    print(f"{arm}, seed {seed}: {time.perf_counter() - start:.0f} s, {found}", file=sys.stderr, flush=True)
    write_text(known, json.dumps({"basis": basis, "found": found}) + "\n")
    return found


def plain(scores: HeldOutScores) -> dict[str, float]:
    """The scores that are compared."""
    return {
        **{f"top-1, {kind}": value for kind, (value, _, _) in scores.top1.items()},
        **{f"masked, {kind}": error.model / error.mean_spectrum for kind, error in scores.masked.items()},
        **{f"cross-modal, to {kind}": error.model / error.mean_spectrum for kind, error in scores.cross_modal.items()},
        **({} if scores.mean_auroc is None else {"functional groups, AUROC": scores.mean_auroc}),
        **{f"instrument from z_chem, {kind}": probe.accuracy_chem_mean for kind, probe in scores.instrument.items()},
    }


def mean_with_interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean over seeds with its 95 % interval by Student's t, None for a single seed."""
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return {"mean": round(mean, 4), "low": None, "high": None, "seeds": n}
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4), "seeds": n}


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """For each arm and score: the mean over seeds, and the mean difference to the reference, paired by seed."""
    names = [name for name in runs[0] if name not in ("arm", "seed")]
    by_arm = {arm: {r["seed"]: r for r in runs if r["arm"] == arm} for arm in dict.fromkeys(r["arm"] for r in runs)}
    reference = by_arm.get(REFERENCE, {})
    found = {}
    for arm, of_seed in by_arm.items():
        shared = sorted(set(of_seed) & set(reference))
        found[arm] = {
            name: {
                **mean_with_interval([r[name] for r in of_seed.values()]),
                **(
                    {f"minus {REFERENCE}": mean_with_interval([of_seed[s][name] - reference[s][name] for s in shared])}
                    if shared and arm != REFERENCE
                    else {}
                ),
            }
            for name in names
            if all(name in r for r in of_seed.values())
        }
    return found


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "out" / "ablation", help="of the runs")
    parser.add_argument("--arms", nargs="*", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--quick", action="store_true", help="two steps, one seed: that the command works")
    options = parser.parse_args(given)
    if options.quick:
        options.steps, options.seeds = 2, 1
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Train and score every arm and seed, and write the results."""
    options = arguments(given)
    options.folder.mkdir(parents=True, exist_ok=True)
    data = load_training_data()
    parameters = {arm: parameter_count(ablation_arm(arm)) for arm in options.arms}
    runs: list[dict[str, Any]] = []
    for seed in range(options.seeds):
        runs += [run(arm, seed, data, options) for arm in options.arms]
        results = {
            "simulated": True,
            "steps": options.steps,
            "batch_size": options.batch,
            "data_hash": data.data_hash,
            "parameters": parameters,
            "summary": summary(runs),
            "runs": runs,
        }
        whole = seed + 1 == options.seeds >= 5 and options.arms == list(ARMS)
        print(write_results("spektron_ablation" if whole else "spektron_ablation_partial", results), flush=True)


if __name__ == "__main__":
    main()
