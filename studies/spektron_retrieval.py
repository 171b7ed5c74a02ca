"""Which molecule is it? Spektron and its peers on the same simulated queries: ``python studies/spektron_retrieval.py``.

Options: ``--model FOLDER`` for each trained Spektron to compare (or "small"), ``--seeds N`` pairs of instruments
(default 3), ``--queries N``, ``--peers NAMES``, ``--resnet FILE`` (weights of the 1-D ResNet: read, or trained and
written), ``--resnet-steps N`` (0 leaves it out), ``--retune``, ``--quick``. Writes
studies/results/spektron_retrieval.json after each table, and the ranks in every single query into
spektron_retrieval_ranks.parquet beside it. The tuned settings lie in studies/results/spektron_retrieval_settings.json
and serve again as long as the molecules, the virtual instruments, the grids and the validation tasks are the same.

Everything is simulated. Library: the test molecules as one virtual instrument measures them. Queries: test molecules on
another instrument, of the same level of theory (first table) or of GFN1-xTB (second table). Peers are fitted on
training molecules and training instruments, and their settings are chosen on validation molecules and validation
instruments; for every method that is also how far the query may be shifted along the axis. While the settings of
searches are chosen, all training molecules stand in the library as distractors: among validation molecules alone nearly
every setting finds nearly every query. Regressions know the training molecules and are therefore chosen among
validation molecules alone. Searches marked "for GFN1" are chosen on the validation molecules that have GFN1-xTB lines,
and stand in the second table only. The best peer, with which each model is compared pairwise, is the one that is best
on the test queries themselves: that favours the peers.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _tools import RESULTS, ROOT, read_results, write_results, write_table

from symvib.groups.atomic_write import write_text
from symvib.spektron.config import preset
from symvib.spektron.instrument import InstrumentSettings
from symvib.spektron.model import Spektron, fingerprint
from symvib.spektron.peers import (
    OPTIONS,
    SPACING_CM1,
    LibrarySearch,
    RegressionPeer,
    ResNetPeer,
    ShiftedPeer,
    SpektronPeer,
    reference_targets,
    tune,
)
from symvib.spektron.rendering import reference_spectra, spectral_axis
from symvib.spektron.retrieval import RetrievalResult, compare, pooled, retrieval
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
SHIFTS_CM1 = (0.0, 4 * SPACING_CM1, 8 * SPACING_CM1)
VALIDATION_PAIRS = 2
CHANNELS_AT_ONCE = 2  # while searches are tuned: 3.5 1/cm, no instrument resolves less than 4
THREADS = 2
SETTINGS = "spektron_retrieval_settings"
SHIPPED_SEARCHES = ROOT / "spektron" / "data" / "library_searches.json"  # read by `LibrarySearch.shipped`
TRAINING_INSTRUMENTS = range(64)


@dataclass
class SettingsFile:
    """Settings that an earlier run chose, by name, each with all that the choice followed from."""

    data: TrainingData
    reused: bool
    written: bool
    entries: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if self.reused and (RESULTS / f"{SETTINGS}.json").is_file():
            self.entries = read_results(SETTINGS)

    def basis(self, grid: Any, tasks: Sequence[RetrievalTask]) -> dict[str, Any]:
        """What a choice follows from, as JSON has it."""
        sizes = [[len(task.queries), len(task.library)] for task in tasks]
        instruments = InstrumentSettings().as_dict()
        return json.loads(
            json.dumps(
                {
                    "data_hash": self.data.data_hash,
                    "instruments": instruments,
                    "grid": grid,
                    "queries_and_library": sizes,
                    "channels_at_once": CHANNELS_AT_ONCE,
                }
            )
        )

    def known(self, name: str, basis: Mapping[str, Any]) -> Any:
        """What was chosen on the same basis, or None."""
        entry = self.entries.get(name, {})
        return entry["found"] if entry.get("basis") == basis else None

    def keep(self, name: str, basis: Mapping[str, Any], found: Any) -> None:
        """Remember a choice, on disk unless the run is a quick one."""
        self.entries[name] = {"basis": basis, "found": found}
        if self.written:
            write_results(SETTINGS, self.entries)


def tuned_searches(
    names: Sequence[str], tasks: Sequence[RetrievalTask], settings: SettingsFile, suffix: str = ""
) -> dict[str, dict[str, Any]]:
    """The searches, as plain values, with their validation results."""
    found = {}
    for name in names:
        start, basis = time.perf_counter(), settings.basis(OPTIONS[name], tasks)
        known = settings.known(name + suffix, basis)
        if known is None:
            tuned = tune(name, tasks, rounds=1, channels_at_once=CHANNELS_AT_ONCE, n_threads=THREADS)
            known = tuned.as_dict() | {"trials": []}
            settings.keep(name + suffix, basis, known)
        found[name] = known
        say(f"{name}{suffix}: validation top-1 {known['validation']['top1']:.3f} ({time.perf_counter() - start:.0f} s)")
    return found


def fitted_regressions(
    names: Sequence[str],
    data: TrainingData,
    tasks: Sequence[RetrievalTask],
    settings: SettingsFile,
    n_views: int,
    n_train: int | None,
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
        # One fit serves all values of the grid.
        fitted = RegressionPeer(name, n_jobs=THREADS, n_components=32).fit(spectra, targets)
        basis = settings.basis({"options": REGRESSIONS[name], "n_fitted": len(spectra)}, tasks)
        known = settings.known(name, basis)
        if known is None:
            tops = []
            for options in REGRESSIONS[name]:
                candidate = fitted.variant(**options)
                tops.append(pooled([task.answer(candidate) for task in tasks]).top1)
            known = [{**o, "validation_top1": round(t, 4)} for o, t in zip(REGRESSIONS[name], tops, strict=True)]
            settings.keep(name, basis, known)
        best = max(range(len(known)), key=lambda k: known[k]["validation_top1"])
        peers[name], tried[name] = fitted.variant(**REGRESSIONS[name][best]), known
        say(f"{name}: validation top-1 {known[best]['validation_top1']:.3f} ({time.perf_counter() - start:.0f} s)")
    return peers, tried


def trained_resnet(data: TrainingData, options: argparse.Namespace) -> tuple[ResNetPeer, dict[str, Any]]:
    """The 1-D ResNet, on the batches that Spektron gets, or that of a file; and how it was trained."""
    path = options.resnet
    basis = {name: str(getattr(options, f"resnet_{name}")) for name in ("steps", "parameters", "batch")}
    basis |= {"data_hash": data.data_hash, "precision": "bf16"}
    if path is not None and path.is_file():
        peer, words = ResNetPeer.load(path)
        if {name: words.get(name) for name in basis} != basis:
            raise SystemExit(f"{path} was trained with {words}; {basis} is asked for: take another file, or remove it")
        return peer, words
    sampler = ViewSampler(data, preset("tiny"), 0, batch_size=options.resnet_batch)
    steps, start = options.resnet_steps, time.perf_counter()

    def progress(step: int, loss: float) -> None:
        if step % 25 == 0 or step == steps - 1:
            say(f"resnet: step {step} of {steps}, loss {loss:.3f} ({time.perf_counter() - start:.0f} s)")

    peer = ResNetPeer(options.resnet_parameters, steps=steps, bf16=True).fit(sampler, progress=progress)
    words = basis | {"seconds": f"{time.perf_counter() - start:.0f}"}
    if path is not None:
        peer.save(path, **words)
    return peer, words


def tops_by_range(peer: Any, task: RetrievalTask) -> list[float]:
    """Shares found first with each range of `SHIFTS_CM1`; every shift is embedded once."""
    scores = ShiftedPeer(peer, max(SHIFTS_CM1)).shifted_scores(task.queries, task.library)
    ranges = [[s for shift, s in scores.items() if abs(shift) * SPACING_CM1 <= most] for most in SHIFTS_CM1]
    return [retrieval(np.max(found, axis=0), task.true_index, groups=task.rows).top1 for found in ranges]


def shifted(peer: Any, name: str, weights: str, tasks: Sequence[RetrievalTask], settings: SettingsFile) -> ShiftedPeer:
    """The peer with the range of shifts of the query that does best on the validation tasks, all modalities."""
    basis = settings.basis({"max_shift_cm1": list(SHIFTS_CM1), "weights": weights}, tasks)
    tops = settings.known(f"shift of {name}", basis)
    if tops is None:
        kinds = [task.only(observed) for observed in OBSERVED.values() for task in tasks]
        tops = np.round(np.mean([tops_by_range(peer, task) for task in kinds], axis=0), 4).tolist()
        settings.keep(f"shift of {name}", basis, tops)
    say(f"{name}: validation top-1 {dict(zip(SHIFTS_CM1, tops, strict=True))}")
    return ShiftedPeer(peer, SHIFTS_CM1[int(np.argmax(tops))])


def answers(
    methods: Mapping[str, Any], tasks: Sequence[RetrievalTask], observed: Sequence[int]
) -> dict[str, list[RetrievalResult]]:
    """The result of each method on each task."""
    shown = [task.only(observed) for task in tasks]
    with ThreadPoolExecutor(THREADS) as pool:
        return {name: list(pool.map(lambda task, m=method: task.answer(m), shown)) for name, method in methods.items()}


def table(
    methods: Mapping[str, Any],
    models: Sequence[str],
    tasks: Sequence[RetrievalTask],
    data: TrainingData,
    ranks: list[dict[str, Any]],
    level: str,
) -> Any:
    """Shares with intervals for each set of modalities, strata, and each model against the best peer.

    Adds the rank in every query to ``ranks``.
    """
    found = {}
    for name, observed in OBSERVED.items():
        each = answers(methods, tasks, observed)
        ranks += rank_rows(each, data, {"level": level, "modalities": name.lower().replace(" and ", "+")})
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


def rank_rows(
    each: Mapping[str, Sequence[RetrievalResult]], data: TrainingData, labels: dict[str, Any]
) -> list[dict[str, Any]]:
    """One row for each method and query: how many entries of the library score better than, and as, the true one."""
    return [
        labels
        | {"pair": pair, "method": method, "id": data.ids[row], "better": int(better), "tied": int(tied)}
        | {"n_library": part.n_library}
        for method, parts in each.items()
        for pair, part in enumerate(parts)
        for row, better, tied in zip(part.groups, part.better, part.tied, strict=True)
    ]


def summary(result: RetrievalResult, parts: Sequence[RetrievalResult], data: TrainingData) -> dict[str, Any]:
    """Plain values of the pooled result, of each pair of instruments, and of strata."""
    centric = np.where(data.has_inversion[result.groups], "with inversion centre", "without inversion centre")
    low = np.isin(np.array(data.point_groups)[result.groups], ("C1", "Cs"))
    strata = {
        **result.by_stratum(centric),
        **result.by_stratum(np.where(low, "C1 or Cs", "other point groups")),
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
    parser.add_argument("--resnet", type=Path, help="file of its weights: read, or trained and written")
    parser.add_argument("--resnet-steps", type=int, default=600, help="0 leaves it out")
    parser.add_argument("--resnet-parameters", type=int, default=500_000)
    parser.add_argument("--resnet-batch", type=int, default=64)
    parser.add_argument("--retune", action="store_true", help="choose all settings anew")
    parser.add_argument("--output", default="spektron_retrieval", help="name in studies/results")
    parser.add_argument("--quick", action="store_true", help="a few molecules: that the command works, not how well")
    options = parser.parse_args(given)
    options.output += "_quick" if options.quick else ""
    unknown = set(options.peers) - {*SEARCHES, *REGRESSIONS, "resnet"}
    if unknown:
        parser.error(f"unknown peers {sorted(unknown)}: choose from {[*SEARCHES, *REGRESSIONS, 'resnet']}")
    return options


def validation_tasks(quick: bool) -> dict[str, dict[str, Any]]:
    """Arguments of `simulated_task` for what is chosen on validation molecules."""
    n_queries = 30 if quick else 300
    return {
        "searches": {"n_queries": n_queries, "distractors": None if quick else "train"},
        "searches for GFN1": {"n_queries": None, "second_level": True},
        "regressions": {"n_queries": n_queries},
    }


def main(given: Sequence[str] | None = None) -> None:
    """Tune and fit on training and validation molecules, then answer the test queries and write the results."""
    options = arguments(given)
    data = load_training_data()
    n_queries = 60 if options.quick else options.queries
    validation = {
        kind: [
            simulated_task(data, "validation", pair, **chosen)
            for pair in range(1 if options.quick else VALIDATION_PAIRS)
        ]
        for kind, chosen in validation_tasks(options.quick).items()
    }
    settings = SettingsFile(data, reused=not (options.retune or options.quick), written=not options.quick)
    searches = [name for name in options.peers if name in SEARCHES]
    tuned = tuned_searches(searches, validation["searches"], settings)
    if not options.quick and searches == list(SEARCHES):
        write_text(SHIPPED_SEARCHES, json.dumps({name: of["search"] for name, of in tuned.items()}, indent=2) + "\n")
    tuned_second = tuned_searches(searches, validation["searches for GFN1"], settings, " for GFN1")
    regressions, tried = fitted_regressions(
        [name for name in options.peers if name in REGRESSIONS],
        data,
        validation["regressions"],
        settings,
        1 if options.quick else options.views,
        400 if options.quick else None,
    )
    methods: dict[str, Any] = {n: LibrarySearch.from_dict(found["search"]) for n, found in tuned.items()}
    for name, peer in regressions.items():
        methods[name] = shifted(peer, name, f"{peer.name} of {tried[name]}", validation["regressions"], settings)
    resnet: dict[str, Any] = {}
    if "resnet" in options.peers and options.resnet_steps:
        network, resnet = trained_resnet(data, options)
        assert network.network is not None
        weights = fingerprint(network.network)
        methods["resnet"] = shifted(network, "resnet", weights, validation["regressions"], settings)
    trained = [Spektron.from_pretrained(name) for name in options.model]
    models = {
        label(model): shifted(
            SpektronPeer(model), label(model), model.fingerprint(), validation["regressions"], settings
        )
        for model in trained
    }
    del validation
    if len(models) < len(trained):
        raise SystemExit(f"{options.model}: two of them are one preset and seed; the table could not tell them apart")
    for_second = {f"{n} for GFN1": LibrarySearch.from_dict(found["search"]) for n, found in tuned_second.items()}
    results: dict[str, Any] = {
        "simulated": True,
        "command": {name: str(v) if isinstance(v, Path) else v for name, v in vars(options).items()},
        "data_hash": data.data_hash,
        "settings": {
            "searches": tuned,
            "searches_for_gfn1": tuned_second,
            "regressions": tried,
            "resnet": resnet,
            "max_shift_cm1": {
                name: peer.max_shift_cm1 for name, peer in (methods | models).items() if isinstance(peer, ShiftedPeer)
            },
        },
        "tables": {},
    }
    ranks: list[dict[str, Any]] = []
    for name, second_level in (("GFN2-xTB queries", False), ("GFN1-xTB queries", True)):
        tasks = [
            simulated_task(data, "test", seed, n_queries=n_queries, second_level=second_level)
            for seed in range(options.seeds)
        ]
        print(f"{name}, library of {len(tasks[0].library)} GFN2-xTB spectra, {len(tasks)} pairs of instruments")
        answered = methods | (for_second if second_level else {}) | models
        results["tables"][name] = table(answered, list(models), tasks, data, ranks, name.split()[0])
        print(write_results(options.output, results), write_table(f"{options.output}_ranks", ranks), flush=True)


if __name__ == "__main__":
    main()
