"""Which molecule is it? Spektron and its peers on the same simulated queries: ``python studies/spektron_retrieval.py``.

Options: ``--model FOLDER`` for each trained Spektron to compare (or "small"), ``--seeds N`` pairs of instruments
(default 3), ``--queries N``, ``--peers NAMES``, ``--resnet-steps N`` (0 leaves the 1-D ResNet out), ``--quick``. Writes
studies/results/spektron_retrieval.json.

Everything is simulated. Library: the test molecules as one virtual instrument measures them. Queries: test molecules
on another instrument, of the same level of theory (first table) or of GFN1-xTB (second table). Peers are fitted on
training molecules and training instruments, and their settings are chosen on validation molecules and validation
instruments; searches marked "for GFN1" are chosen on the validation molecules that have GFN1-xTB lines, and stand in
the second table only. The best peer, with which each model is compared pairwise, is the one that is best on the test
queries themselves: that favours the peers.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _tools import write_results

from symvib.spektron.config import preset
from symvib.spektron.model import Spektron
from symvib.spektron.peers import RegressionPeer, ResNetPeer, reference_targets, spectra_and_presence, tune
from symvib.spektron.rendering import reference_spectra, spectral_axis
from symvib.spektron.retrieval import RetrievalResult, compare, pooled
from symvib.spektron.retrieval_task import RetrievalTask, distinct_rows, measured, simulated_task
from symvib.spektron.training_data import TrainingData, load_training_data
from symvib.spektron.views import ViewSampler

SEARCHES = ("cosine", "sid", "wasserstein")
REGRESSIONS = {  # settings that are tried on the validation molecules
    "pls": [{"n_components": n, "whitening": w} for n in (32, 64) for w in (0.5, 1.0)],
    "ridge": [{"alpha": a, "whitening": w} for a in (1e-3, 1e-2, 1e-1) for w in (0.5, 1.0)],
    "forest": [{"whitening": w} for w in (0.5, 1.0)],
}
OBSERVED = {"IR": (0,), "Raman": (1,), "IR and Raman": (0, 1)}
VALIDATION_PAIRS = 4
TRAINING_INSTRUMENTS = range(64)


@dataclass(frozen=True)
class SpektronPeer:
    """A trained Spektron as a peer: it embeds spectra with their presence."""

    model: Spektron

    def embed(self, spectra: Any, present: Any = None) -> np.ndarray:
        """Unit vectors (n, k)."""
        x, has = spectra_and_presence(spectra, present)
        with torch.inference_mode():
            return self.model.embed(torch.from_numpy(x), present=torch.from_numpy(has)).numpy()


def tuned_searches(names: Sequence[str], tasks: Sequence[RetrievalTask], rounds: int) -> dict[str, Any]:
    """The searches with their validation results."""
    found = {}
    for name in names:
        start = time.perf_counter()
        found[name] = tune(name, tasks, rounds=rounds)
        say(f"{name}: validation top-1 {found[name].validation.top1:.3f} ({time.perf_counter() - start:.0f} s)")
    return found


def fitted_regressions(
    names: Sequence[str], data: TrainingData, tasks: Sequence[RetrievalTask], n_views: int, n_train: int | None
) -> tuple[dict[str, RegressionPeer], dict[str, Any]]:
    """The regressions that do best on the validation tasks (both modalities), and what was tried."""
    peers: dict[str, RegressionPeer] = {}
    tried: dict[str, Any] = {}
    if not names:
        return peers, tried
    rows = distinct_rows(data, "train")[:n_train]
    lines = data.lines[rows]
    spectra = np.concatenate([measured(lines, TRAINING_INSTRUMENTS, seed) for seed in range(n_views)])
    reference = reference_spectra(lines, spectral_axis()).numpy()
    targets = np.tile(reference_targets(reference, min(64, len(rows) // 4)), (n_views, 1))
    for name in names:
        start = time.perf_counter()
        candidates = [RegressionPeer(name, **options) for options in REGRESSIONS[name]]
        fitted: dict[Any, RegressionPeer] = {}
        tops = []
        for candidate in candidates:  # whitening belongs to the comparison: one fit serves all its values
            key = (candidate.n_components, candidate.alpha)
            fitted[key] = candidate.sharing(fitted[key]) if key in fitted else candidate.fit(spectra, targets)
            tops.append(pooled([task.answer(candidate) for task in tasks]).top1)
        peers[name] = candidates[int(np.argmax(tops))]
        tried[name] = [{**o, "validation_top1": round(t, 4)} for o, t in zip(REGRESSIONS[name], tops, strict=True)]
        say(f"{name}: validation top-1 {max(tops):.3f} ({time.perf_counter() - start:.0f} s)")
    return peers, tried


def trained_resnet(data: TrainingData, steps: int, n_parameters: int, batch_size: int) -> ResNetPeer:
    """The 1-D ResNet, on the batches that Spektron gets."""
    sampler = ViewSampler(data, preset("tiny"), 0, batch_size=batch_size)

    def progress(step: int, loss: float) -> None:
        if step % 50 == 0 or step == steps - 1:
            say(f"resnet: step {step} of {steps}, loss {loss:.3f}")

    return ResNetPeer(n_parameters, steps=steps).fit(sampler, progress=progress)


def answers(
    methods: Mapping[str, Any], tasks: Sequence[RetrievalTask], observed: Sequence[int]
) -> dict[str, list[RetrievalResult]]:
    """The result of each method on each task."""
    shown = [task.only(observed) for task in tasks]
    return {name: [task.answer(method) for task in shown] for name, method in methods.items()}


def table(methods: Mapping[str, Any], models: Sequence[str], tasks: Sequence[RetrievalTask], data: TrainingData) -> Any:
    """Shares with intervals for each set of modalities, strata, and each model against the best peer."""
    found = {}
    for name, observed in OBSERVED.items():
        each = answers(methods, tasks, observed)
        results = {method: pooled(parts) for method, parts in each.items()}
        entry: dict[str, Any] = {"methods": {m: summary(r, each[m], data) for m, r in results.items()}}
        peers = [method for method in results if method not in models]
        if peers:
            best = max(peers, key=lambda method: results[method].top1)
            entry["best_peer"] = best
            entry["against_best_peer"] = {
                model: {f"top{k}": compare(results[model], results[best], k).as_dict() for k in (1, 5, 10)}
                for model in models
            }
        found[name] = entry
        for method, result in results.items():
            low, high = result.interval()
            print(f"  {name:13} {method:24} top-1 {result.top1:.3f} [{low:.3f}, {high:.3f}] top-10 {result.top10:.3f}")
        for model, change in entry.get("against_best_peer", {}).items():
            print(f"  {name:13} {model} minus {entry['best_peer']}: {change['top1']}")
    return found


def summary(result: RetrievalResult, parts: Sequence[RetrievalResult], data: TrainingData) -> dict[str, Any]:
    """Plain values of the pooled result, of each pair of instruments, and of strata."""
    centric = np.where(data.has_inversion[result.groups], "with inversion centre", "without inversion centre")
    symmetric = np.isin(np.array(data.point_groups)[result.groups], ("C1", "Cs"))
    strata = {
        **result.by_stratum(centric),
        **result.by_stratum(np.where(symmetric, "C1 or Cs", "other point groups")),
    }
    tops = np.array([part.top1 for part in parts])
    return {
        **result.as_dict(),
        "top1_of_instrument_pairs": [round(float(t), 4) for t in tops],
        "strata": {name: part.as_dict() for name, part in strata.items()},
    }


def label(model: Spektron) -> str:
    """Spektron, its size and the seed that it was trained with."""
    seed = model.metrics.get("settings", {}).get("seed", "unknown")
    return f"Spektron {model.config.name}, seed {seed}"


def say(text: str) -> None:
    """A line on standard error."""
    print(text, file=sys.stderr, flush=True)


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="folder of a trained Spektron, or its name")
    parser.add_argument("--seeds", type=int, default=3, help="pairs of instruments")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--peers", nargs="*", default=[*SEARCHES, *REGRESSIONS, "resnet"])
    parser.add_argument("--views", type=int, default=2, help="measurements of each training molecule for regressions")
    parser.add_argument("--resnet-steps", type=int, default=1000)
    parser.add_argument("--resnet-parameters", type=int, default=2_000_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--output", default="spektron_retrieval", help="name in studies/results")
    parser.add_argument("--quick", action="store_true", help="a few molecules: that the command works, not how well")
    options = parser.parse_args(given)
    unknown = set(options.peers) - {*SEARCHES, *REGRESSIONS, "resnet"}
    if unknown:
        parser.error(f"unknown peers {sorted(unknown)}: choose from {[*SEARCHES, *REGRESSIONS, 'resnet']}")
    return options


def main(given: Sequence[str] | None = None) -> None:
    """Tune and fit on training and validation molecules, then answer the test queries and write the results."""
    options = arguments(given)
    data = load_training_data()
    n_validation = 30 if options.quick else 250
    n_queries = 60 if options.quick else options.queries
    pairs = 1 if options.quick else VALIDATION_PAIRS
    validation = [simulated_task(data, "validation", s, n_queries=n_validation) for s in range(pairs)]
    second = [simulated_task(data, "validation", s, n_queries=None, second_level=True) for s in range(pairs)]
    searches = [name for name in options.peers if name in SEARCHES]
    rounds = 1
    tuned = tuned_searches(searches, validation, rounds)
    tuned_second = tuned_searches(searches, second, rounds)
    regressions, tried = fitted_regressions(
        [name for name in options.peers if name in REGRESSIONS],
        data,
        validation,
        1 if options.quick else options.views,
        400 if options.quick else None,
    )
    methods: dict[str, Any] = {name: found.search for name, found in tuned.items()} | regressions
    if "resnet" in options.peers and options.resnet_steps:
        methods["resnet"] = trained_resnet(data, options.resnet_steps, options.resnet_parameters, options.batch_size)
    models = {label(model): SpektronPeer(model) for model in map(Spektron.from_pretrained, options.model)}
    for_second = {f"{name} for GFN1": found.search for name, found in tuned_second.items()}
    results: dict[str, Any] = {
        "simulated": True,
        "command": vars(options),
        "data_hash": data.data_hash,
        "settings": {
            "searches": {name: found.as_dict() | {"trials": []} for name, found in tuned.items()},
            "searches_for_gfn1": {name: found.as_dict() | {"trials": []} for name, found in tuned_second.items()},
            "regressions": tried,
        },
        "tables": {},
    }
    for name, second_level in (("GFN2-xTB queries", False), ("GFN1-xTB queries", True)):
        tasks = [
            simulated_task(data, "test", seed, n_queries=n_queries, second_level=second_level)
            for seed in range(options.seeds)
        ]
        print(f"{name}, library of {len(tasks[0].library)} GFN2-xTB spectra, {len(tasks)} pairs of instruments")
        answered = methods | (for_second if second_level else {}) | models
        results["tables"][name] = table(answered, list(models), tasks, data)
    print(write_results(options.output, results))


if __name__ == "__main__":
    main()
