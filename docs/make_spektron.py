"""Writes docs/spektron.md and docs/images/spektron_poles.png: ``python docs/make_spektron.py``.

Numbers come from the metrics of the shipped weights (tools/make_spektron.py) and from studies/results. The prose is in
docs/templates/spektron.md.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pyarrow.compute as pc
from jinja2 import StrictUndefined, Template
from pyarrow import parquet

from symvib.forward.spectrum_plot import save_figure
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table
from symvib.spektron.ablation import ARMS, ablation_arm, parameter_count
from symvib.spektron.dlinoss_response import dlinoss_response
from symvib.spektron.model import Spektron

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "spektron.md"
TEMPLATE = ROOT / "docs" / "templates" / "spektron.md"
FIGURE = ROOT / "docs" / "images" / "spektron_poles.png"
RANKS = ROOT / "studies" / "results" / "spektron_retrieval_ranks.parquet"
RETRIEVAL = ROOT / "studies" / "results" / "spektron_retrieval.json"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(c) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def share(value: float, low: float, high: float) -> str:
    """Percent with its interval."""
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def training(metrics: dict[str, Any], model: Spektron) -> str:
    """One paragraph on the run."""
    settings, versions = metrics["settings"], metrics["versions"]
    return (
        f"`symvib train --config {model.config.name} --out run`: {model.parameter_count():,} parameters, "
        f"{metrics['steps_done']} steps of {settings['batch_size']} molecules (two views, two modalities each), "
        f"{metrics['wall_seconds'] / 60:.0f} minutes on {metrics['threads']} processor cores, seed "
        f"{settings['seed']}, torch {versions['torch']}, data sha256 "
        f"`{metrics['data_hash'][:12]}`. The best validation loss was that of step {metrics['best_step']}. Afterwards "
        f"{len(metrics['erased']['shares'])} directions of z_chem were erased (`erase_instruments`), of whose variance "
        f"the instrument explained {metrics['erased']['shares'][0]:.0%} (the first) to "
        f"{metrics['erased']['shares'][-1]:.1%} (the last); their number was chosen on validation molecules. Then "
        "the retrieval embedding was fitted once more to the z_chem that is left (`fit_retrieval_head`, "
        f"{metrics['retrieval_fit']['steps']} steps, minutes)."
    )


def retrieval(results: dict[str, Any]) -> str:
    """Both tables of the study, and the paired comparison with the best peer."""
    command, resnet = results["command"], results["settings"]["resnet"]
    given = [f"--model {Path(model).name}" for model in command["model"]]
    names = ("seeds", "queries", "resnet", "resnet_parameters", "resnet_steps", "resnet_batch")
    given += [f"--{name.replace('_', '-')} {Path(str(command[name])).name}" for name in names]
    parts = [
        f"`python studies/spektron_retrieval.py {' '.join(given)}` (seconds of training and all tuned settings are in "
        f"studies/results/spektron_retrieval.json): the library holds the test molecules as one virtual instrument "
        f"measures them, the queries come from another, {command['seeds']} pairs of instruments. Peers are fitted on "
        f"training molecules and tuned on validation molecules. With every method the query may be shifted along "
        f"the axis, as far as did best on validation molecules. The ResNet has {int(resnet['parameters']):,} "
        f"parameters and {resnet['steps']} steps of {resnet['batch']} molecules on the batches of Spektron. Percent "
        "found first, with 95 % intervals (bootstrap over molecules); bold is the best of a column."
    ]
    for title, entries in results["tables"].items():
        methods = list(next(iter(entries.values()))["methods"])
        best = {kind: max(m["top1"] for m in entry["methods"].values()) for kind, entry in entries.items()}
        rows = []
        for method in methods:
            cells = []
            for kind, entry in entries.items():
                found = entry["methods"][method]
                cell = share(found["top1"], *found["top1_interval_95"])
                cells.append(f"**{cell}**" if found["top1"] == best[kind] else cell)
            rows.append([method, *cells])
        said = "\n".join(against(kind, entry) for kind, entry in entries.items())
        parts += [f"### {title}", markdown_table(["", *entries], rows), seeds(entries), said, by_any(title.split()[0])]
    return "\n\n".join(parts)


def by_any(level: str) -> str:
    """How many queries any method finds: what is left is hard for all."""
    columns = parquet.read_table(RANKS).filter(pc.field("level") == level).to_pydict()
    best: dict[str, dict[tuple[int, str], int]] = {}
    for kind, pair, name, better in zip(*(columns[c] for c in ("modalities", "pair", "id", "better")), strict=True):
        found = best.setdefault(kind, {})
        found[pair, name] = min(found.get((pair, name), better), better)
    said = [f"{kind} {100 * sum(b == 0 for b in found.values()) / len(found):.1f} %" for kind, found in best.items()]
    return f"Found first by at least one method (ties count as found): {', '.join(said)}."


def seeds(entries: dict[str, Any]) -> str:
    """Mean and range over the runs of tiny, which differ by the seed of their training."""
    said = []
    for kind, entry in entries.items():
        found = [100 * m["top1"] for name, m in entry["methods"].items() if name.startswith("Spektron tiny")]
        said.append(f"{kind} {sum(found) / len(found):.1f} ({min(found):.1f} to {max(found):.1f}, {len(found)} seeds)")
    return f"Spektron tiny, mean and range over seeds: {'; '.join(said)}."


def against(kind: str, entry: dict[str, Any]) -> str:
    """The paired comparison of each model with the peer that is best on these very queries."""
    said = []
    for model, change in entry["against_best_peer"].items():
        low, high = (100 * change["top1"][end] for end in ("low", "high"))
        said.append(f"{model} {100 * change['top1']['difference']:+.1f} points ({low:+.1f} to {high:+.1f})")
    return f"- {kind}, against {entry['best_peer']}: {'; '.join(said)}."


def held_out(scores: dict[str, Any]) -> str:
    """Reconstruction, functional groups and properties of the shipped model."""
    rows = []
    for title, name in (("hidden channels", "masked"), ("from the other spectrum", "cross_modal")):
        for kind, error in scores[name].items():
            low, high = error["interval"]
            rows.append(
                [
                    f"{title}, {kind}",
                    f"{error['model']:.3f} ({low:.3f} to {high:.3f})",
                    f"{error['mean_spectrum']:.3f}",
                    f"{error['model'] / error['mean_spectrum']:.2f}",
                ]
            )
    groups = sorted(scores["group_auroc"].items(), key=lambda item: -item[1][0])
    listed = ", ".join(f"{name} {value:.3f}" for name, (value, _) in groups)
    properties = ", ".join(f"{name} {value:.2f}" for name, value in scores["properties_r2"].items())
    return "\n\n".join(
        [
            f"{scores['n_scored']} test molecules, test instruments. Sum of squared errors over the sum of squares (0 "
            "perfect, 1 predicts zero), with 95 % intervals over molecules. The mean spectrum of the training "
            "molecules is scaled by least squares to the channels that are visible:",
            table(["", "Spektron small", "mean spectrum", "ratio"], rows),
            "The description that this model was built after claims 0.036 on data of its own. Narrow bands that are "
            "hidden in full cannot be told from their surroundings but through chemistry; a small number needs broad "
            "bands, or a mask that leaks.",
            "Functional groups from both spectra, area under the ROC curve: mean "
            f"{scores['mean_auroc']:.3f}; {listed}.",
            f"Properties, share of the variance explained: {properties}.",
        ]
    )


def instrument(scores: dict[str, Any]) -> str:
    """The probes."""
    (n_instruments,) = {probe["n_instruments"] for probe in scores["instrument"].values()}
    rows = [
        [
            kind,
            share(probe["accuracy_inst"], *probe["interval_inst"]),
            share(probe["accuracy_chem"], *probe["interval_chem"]),
            share(probe["accuracy_chem_mean"], *probe["interval_chem_mean"]),
            f"{100 / probe['n_instruments']:.1f}",
        ]
        for kind, probe in scores["instrument"].items()
    ]
    return (
        f"A logistic regression is asked which of {n_instruments} test instruments measured a spectrum, from the "
        "frozen latents; half of the test molecules train it, the other half test it. Percent right:\n\n"
        + table(["", "z_inst", "z_chem", "mean of z_chem", "chance"], rows)
        + "\n\nz_chem is a distribution; what the bottleneck bounds is a draw from it. Its mean is a number without "
        "noise, from which more can be read."
    )


def arms() -> str:
    """Parameters of all arms at two budgets."""
    rows = []
    for name in ARMS:
        small = [ablation_arm(name, budget) for budget in ("tiny", "small")]
        rows.append([name, small[0].tokenizer, small[0].mixer, *(f"{parameter_count(c):,}" for c in small)])
    return (
        "Configurations of one class (`ablation_arm`, `symvib arms`, `symvib train --arm`), whose feed-forward width "
        "is chosen such that all have the same number of parameters within 5 %:\n\n"
        + table(["arm", "tokenizer", "mixer", "parameters, tiny", "parameters, small"], rows)
    )


def page() -> str:
    """The text of docs/spektron.md."""
    model = Spektron.from_pretrained("small")
    metrics = model.metrics
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(
        config=model.config,
        training=training(metrics, model),
        retrieval=retrieval(json.loads(RETRIEVAL.read_text(encoding="utf-8"))),
        held_out=held_out(metrics["held_out"]),
        instrument=instrument(metrics["held_out"]),
        arms=arms(),
    )


def figure() -> None:
    """The poles of the first layer."""
    model = Spektron.from_pretrained("small")
    axes = dlinoss_response(model.trunk.layers[0].mixer.scan).plot()
    save_figure(axes.figure, FIGURE)


if __name__ == "__main__":
    write_text(PAGE, page())
    figure()
    print(f"{PAGE.name}, {FIGURE.name}")
