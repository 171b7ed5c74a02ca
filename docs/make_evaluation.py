"""Writes docs/evaluation.md and docs/images/evaluation.png: ``python docs/make_evaluation.py``.

Numbers come from studies/results. The prose is in docs/templates/evaluation.md.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from jinja2 import StrictUndefined, Template

from symvib.evaluation._forest_plot import forest_figure
from symvib.evaluation._stored_results import shipped_metrics, stored_result, stored_table
from symvib.evaluation.outcomes import Outcomes
from symvib.evaluation.strata import Strata
from symvib.evaluation.stratified import StratifiedScores, StratumScore, stratified
from symvib.forward.spectrum_plot import save_figure
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evaluation.md"
TEMPLATE = ROOT / "docs" / "templates" / "evaluation.md"
FIGURE = ROOT / "docs" / "images" / "evaluation.png"

KINDS = ("exclusion", "completeness", "identifiability", "vibrations", "chemistry")
SHOWN = {"ir": "IR", "raman": "Raman", "ir+raman": "IR + Raman"}
# By name in the table of ranks; the searches at the second level of theory are those tuned for it.
METHODS = {
    "GFN2-xTB": ("Spektron small, seed 0", "resnet", "cosine", "sid"),
    "GFN1-xTB": ("Spektron small, seed 0", "resnet", "cosine for GFN1", "sid for GFN1"),
}
NAMES = {"resnet": "ResNet", "sid": "spectral information divergence", "cosine": "cosine"}
N_DRAWS = 1999
TOP1 = ("top-1, IR", "top-1, Raman", "top-1, IR and Raman")
ARM_NAMES = {
    "cnn": "convolutions only",
    "transformer": "raw patches + attention",
    "cnn_transformer": "CNN tokenizer + attention",
    "patches_dlinoss": "raw patches + D-LinOSS",
    "cnn_dlinoss": "CNN tokenizer + D-LinOSS",
    "cnn_dlinoss_kernel3": "the same, kernels of 3 channels",
    "cnn_dlinoss_dilated": "the same, dilated kernels",
    "cnn_dlinoss_moe": "the same + experts",
    "cnn_dlinoss_vib": "the same + bottleneck",
    "spektron": "Spektron (all of it)",
}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(c) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def called(method: str) -> str:
    """The name of a method for a reader."""
    return NAMES.get(method.removesuffix(" for GFN1"), method).replace(", seed 0", "")


def ranks(level: str, shown: str) -> dict[str, Outcomes]:
    """What each method identified, by name."""
    stored = stored_table("spektron_retrieval_ranks")
    found = {}
    for method in METHODS[level]:
        rows = (stored["level"] == level) & (stored["modalities"] == shown) & (stored["method"] == method)
        found[called(method)] = Outcomes.of_ranks(
            stored["id"][rows].tolist(),
            1 + stored["better"][rows],
            int(stored["n_library"][rows][0]),
            n_tied=stored["tied"][rows],
            modalities=shown,
            queries=stored["pair"][rows].astype(str).tolist(),
            name=called(method),
        )
    return found


@cache
def identification(level: str) -> tuple[StratifiedScores, ...]:
    """Top-1 by stratum from IR, Raman and both."""
    answers = [ranks(level, shown) for shown in SHOWN]
    strata = Strata.shipped(sorted({i for of in answers for o in of.values() for i in o.ids.tolist()}))
    return tuple(stratified(of, strata, KINDS, n_draws=N_DRAWS) for of in answers)


def cell(scores: StratifiedScores, score: StratumScore) -> str:
    """Value with its interval, a star where the stratum differs from the rest."""
    mark = " *" if score.flagged(scores.alpha) else ""
    if score.value is None:
        return "–"
    if scores.metric.is_share:
        return f"{100 * score.value:.1f} ({100 * score.low:.1f} to {100 * score.high:.1f}){mark}"
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f}){mark}"


def strata_table(panels: Sequence[StratifiedScores], kinds: Sequence[str], shown: str) -> str:
    """A row for each stratum, a column for each method."""
    (scores,) = [panel for panel in panels if panel.question.modalities == shown]
    rows = []
    for kind in ("all", *kinds):
        for stratum, of in scores.of_kind(kind).items():
            n = next(iter(of.values())).n
            cells = [cell(scores, of[model]) for model in scores.models]
            rows.append(["all molecules" if kind == "all" else f"{kind}: {stratum}".replace("<=", "≤"), n, *cells])
    return table(["", "n", *scores.models], rows)


def flags(panels: Sequence[StratifiedScores]) -> str:
    """How many strata differ from the rest, for each method."""
    said = []
    for scores in panels:
        counted = [f"{model} {len(scores.flagged(model))}" for model in scores.models]
        tested = len([s for s in scores.scores if s.model == scores.models[0] and s.p_value is not None])
        said.append(f"- {scores.question.modalities_text}, of {tested} strata: {', '.join(counted)}.")
    return "\n".join(said)


def interval(part: dict[str, Any]) -> str:
    """An estimate with its interval; slopes are small."""
    digits = 4 if "doubling" in part.get("unit", "") else 3
    return f"{part['value']:+.{digits}f} ({part['low']:+.{digits}f} to {part['high']:+.{digits}f})"


def predictions(found: dict[str, Any]) -> str:
    """The verdicts, what stands beside them, and the peers under the same rules."""
    rows = []
    for key in ("P1", "P2", "P3", "E8"):
        judged = next(iter(judged_models(found, key).values()))
        rows.append(
            [
                f"{key}: {judged['title']}",
                f"**{judged['verdict']}**",
                interval(judged["effect"]),
                judged["effect"]["unit"],
                judged["effect"]["n"],
                judged["smallest_effect"],
            ]
        )
    head = ("prediction", "verdict", "effect (98.75 % interval)", "unit", "n", "smallest effect of interest")
    parts = [markdown_table(list(head), [[str(c) for c in row] for row in rows])]
    for key in ("P1", "P2", "P3", "E8"):
        model, judged = next(iter(judged_models(found, key).items()))
        parts += [f"### {key}: {judged['title']}", f"{model}: {judged['reason']}", beside(key, judged)]
        others = list(judged_models(found, key).items())[1:]
        if others:
            listed = [[called(name), other["verdict"], interval(other["effect"])] for name, other in others]
            parts += [
                "Other methods under the same rule; they decide nothing:",
                table(["method", "verdict", "effect"], listed),
            ]
    return "\n\n".join(parts)


def judged_models(found: dict[str, Any], key: str) -> dict[str, Any]:
    """Models to their verdict on a prediction, the one that decides first."""
    return dict(sorted(found[key].items(), key=lambda item: not item[0].startswith("Spektron small")))


def beside(key: str, judged: dict[str, Any]) -> str:
    """What stands beside a verdict and decides nothing."""
    if key == "E8":
        parts = [judged["positive_control"], judged["shuffled_features"]]
        visible = judged["r2_visible"]
        known = (
            f"R2 of composition {judged['r2_composition']:.3f}, with the features "
            f"{judged['r2_composition_and_features']:.3f} (of visible modes {visible[0]:.3f} and {visible[1]:.3f}); "
            f"{judged['n_formulas']} formulas."
        )
        against = " The interval lies above 0: the features add to composition." * (judged["effect"]["low"] > 0)
        return known + against + "\n\n" + listed_parts(parts)
    said = listed_parts(judged["beside"])
    if judged["regression"] and key != "P3":  # where it is the effect itself
        said += f"\n- regression: {words(judged['regression'])}"
    if judged["pairs"]:
        said += f"\n- {pairs_words(judged['pairs'])}"
    said = "\n".join([said, *(f"- {note}" for note in judged["notes"])])
    return said + "\n\nTop-1 behind it, in percent:\n\n" + accuracies(judged["accuracies"])


def accuracies(found: dict[str, Any]) -> str:
    """Shares behind an effect: one for each name, or one for each technique or training size."""
    if not any(isinstance(value, dict) for value in found.values()):
        return table(list(found), [[f"{100 * value:.1f}" for value in found.values()]])
    columns = list(next(iter(found.values())))
    rows = [[name, *(f"{100 * value:.1f}" for value in of.values())] for name, of in found.items()]
    return table(["", *(SHOWN.get(c, c if c == "gain" else f"{c} molecules") for c in columns)], rows)


def listed_parts(parts: Sequence[dict[str, Any]]) -> str:
    """A line for each estimate."""
    return "\n".join(f"- {part['name']}: {interval(part)}, n = {part['n']}" for part in parts)


def words(fit: dict[str, Any]) -> str:
    """A regression in one line."""
    if fit.get("coefficient") is None:
        return f"refused: {fit['refused']}"
    found = {"value": fit["coefficient"], "low": fit["low"], "high": fit["high"]}
    return f"coefficient of {fit['name']} ({fit['scale']}) {interval(found)}, n = {fit['n']}"


def pairs_words(pairs: dict[str, Any]) -> str:
    """How well the pairs are matched."""
    after = pairs["standardised_difference_after"]
    balance = ", ".join(
        f"{name} {value:+.2f} to {after[name]:+.2f}" for name, value in pairs["standardised_difference_before"].items()
    )
    return (
        f"{pairs['n_pairs']} pairs of {pairs['n_treated']}; standardised mean differences before and after: {balance}"
    )


def ablation_reference(summary: dict[str, Any]) -> str:
    """The arm that the others are compared with."""
    (name,) = {n.removeprefix("minus ") for s in summary.values() for v in s.values() for n in v if "minus" in n}
    return name


def ablation(found: dict[str, Any]) -> str:
    """A row for each arm: parameters, scores with intervals over seeds, difference to the reference."""
    summary, parameters = found["summary"], found["parameters"]
    shown = (*TOP1, "masked, ir", "masked, raman", "functional groups, AUROC")
    reference = ablation_reference(summary)
    rows: list[list[str]] = []
    changes: list[list[str]] = []
    for arm, scores in summary.items():
        scales = [(100, 1) if name.startswith("top-1") else (1, 3) for name in shown]
        rows.append(
            [ARM_NAMES[arm], f"{parameters[arm]:,}"]
            + [around(scores[name], *scale) for name, scale in zip(shown, scales, strict=True)]
        )
        if arm != reference:
            parts = [scores[name][f"minus {reference}"] for name in shown]
            changes.append(
                [ARM_NAMES[arm], *(around(p, *scale, sign="+") for p, scale in zip(parts, scales, strict=True))]
            )
    seeds = {score["seeds"] for scores in summary.values() for score in scores.values()}
    return (
        f"`python studies/spektron_ablation.py`: {found['steps']} steps of {found['batch_size']} molecules, the preset "
        f"tiny, {min(seeds)} seeds. Mean over seeds with its 95 % interval (Student's t). Top-1: percent of test "
        "molecules found first; masked: squared error in hidden channels over that of the mean spectrum, less is "
        f"better; AUROC: 0.5 is guessing. {same_task()}\n\n"
        + table(["", "parameters", *shown], rows)
        + f"\n\nMinus {ARM_NAMES[reference]}, paired by seed; an interval that holds 0 is a tie:\n\n"
        + table(["", *shown], changes)
    )


def same_task() -> str:
    """How the task of the ablation differs from that of the study, and what the shipped model scores there."""
    held_out = shipped_metrics("small")["held_out"]
    scores = " / ".join(f"{100 * value:.1f}" for value, *_ in held_out["top1"].values())
    return (
        f"{held_out['n_queries']} queries of the first pair of instruments in a library of {held_out['n_library']:,}, "
        "compared as measured (the tables above take three pairs and, for every method, the best of several shifts of "
        f"the axis): the shipped small, trained for much longer, has {scores} there ({', '.join(held_out['top1'])}; "
        "metrics.json), so top-1 is near its ceiling and tells the arms apart less than the rest does."
    )


def in_short() -> str:
    """What this page found, in a line each."""
    judged = stored_result("spektron_predictions")
    lines = []
    for key in ("P1", "P2", "P3", "E8"):
        one = next(iter(judged_models(judged, key).values()))
        unit = "" if one["effect"]["unit"] == "R2" else f" {one['effect']['unit']}"
        why = f" Undecided as {re.split(r'; | [(]', one['reason'])[0]}." if one["verdict"] == "undecided" else ""
        lines.append(
            f"**{key}, {one['title']}: {one['verdict']}.** {interval(one['effect'])}{unit}; at least "
            f"{one['smallest_effect']:g} had been called an effect worth having.{why}"
        )
    lines.append(f"**The parts of Spektron.** {arms_that_differ(stored_result('spektron_ablation')['summary'])}")
    lines += [f"**{line}" for line in other_spectrum()]
    return "\n".join(f"- {line}" for line in lines)


def arms_that_differ(summary: dict[str, Any]) -> str:
    """The arms that are not a tie with the reference, by score."""
    reference, said = ablation_reference(summary), []
    for name, scale, digits in (*((name, 100, 1) for name in TOP1), ("functional groups, AUROC", 1, 3)):
        differ = [
            f"{ARM_NAMES[arm]} {around(part, scale, digits, sign='+')}"
            for arm, scores in summary.items()
            if arm != reference and not (part := scores[name][f"minus {reference}"])["low"] <= 0 <= part["high"]
        ]
        said.append(f"{name}: {', '.join(differ) or 'none'}")
    return (
        f"Arms that differ from {ARM_NAMES[reference]} (95 % interval over seeds; top-1 in points): {'; '.join(said)}. "
        "All others are ties."
    )


def other_spectrum() -> list[str]:
    """For each direction the best method over all molecules and where exclusion holds, and Spektron."""
    errors, lines = squared_errors(), []
    for scores in cross_modal():
        source = scores.question.modalities
        of = {method.split(" (")[0]: error for (kind, method), (error, _) in errors.items() if kind == source}
        best = min(of, key=lambda name: of[name])
        own = next(name for name in of if name.startswith("Spektron"))
        centred = scores.of_kind("exclusion")["inversion"]
        shown = ", ".join(f"{name} {cell(scores, centred[name])}" for name in dict.fromkeys((best, own)))
        lines.append(
            f"{SHOWN[source]} to the other spectrum.** {best} has the smallest squared error over all molecules, "
            f"{of[best]:.3f}; {own} {of[own]:.3f}. Mean cosine where there is an inversion centre: {shown}."
        )
    return lines


def around(part: dict[str, Any], scale: float, digits: int, sign: str = "") -> str:
    """A mean with half of its interval."""
    half = scale * (part["high"] - part["low"]) / 2
    return f"{scale * part['mean']:{sign}.{digits}f} ± {half:.{digits}f}"


@cache
def cross_modal() -> tuple[StratifiedScores, ...]:
    """Mean cosine by stratum, for both directions."""
    stored = stored_table("spektron_cross_modal")
    strata = Strata.shipped(sorted(set(stored["id"].tolist())))
    panels = []
    for source in ("ir", "raman"):
        answers = {}
        for method in dict.fromkeys(stored["method"][stored["source"] == source].tolist()):
            rows = (stored["source"] == source) & (stored["method"] == method)
            target = f"{stored['target'][rows][0]} spectrum"
            name = method.split(" (")[0]
            answers[name] = Outcomes.of_similarities(
                stored["id"][rows].tolist(), target, stored["cosine"][rows], modalities=source, name=name
            )
        panels.append(stratified(answers, strata, ("exclusion", "completeness"), n_draws=N_DRAWS))
    return tuple(panels)


def cross_modal_errors() -> str:
    """Relative squared error over all test molecules, for each direction and method."""
    rows = [
        [f"from {SHOWN[source]}", method, f"{error:.3f}", f"{cosine:.3f}"]
        for (source, method), (error, cosine) in squared_errors().items()
    ]
    return table(["", "method", "squared error over squares", "mean cosine"], rows)


@cache
def squared_errors() -> dict[tuple[str, str], tuple[float, float]]:
    """Source and method to squared error over squares, and mean cosine."""
    stored, found = stored_table("spektron_cross_modal"), {}
    for source in ("ir", "raman"):
        for method in dict.fromkeys(stored["method"][stored["source"] == source].tolist()):
            of = (stored["source"] == source) & (stored["method"] == method)
            error = float(stored["squared_error"][of].sum() / stored["square"][of].sum())
            found[source, method] = error, float(stored["cosine"][of].mean())
    return found


def page() -> str:
    """The text of docs/evaluation.md."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    first, second = identification("GFN2-xTB"), identification("GFN1-xTB")
    crossed = cross_modal()
    return template.render(
        in_short=in_short(),
        asked=f"{stored_result('spektron_retrieval')['command']['queries']:,}",
        identification={shown: strata_table(first, KINDS, shown) for shown in ("ir+raman",)}
        | {shown: strata_table(first, ("exclusion", "completeness"), shown) for shown in ("ir", "raman")},
        family=first[0].family,
        test=first[0].test,
        flags=flags(first),
        second_level=strata_table(second, ("exclusion", "completeness"), "ir+raman"),
        predictions=predictions(stored_result("spektron_predictions")),
        ablation=ablation(stored_result("spektron_ablation")),
        cross_modal_errors=cross_modal_errors(),
        cross_family=crossed[0].family,
        cross_test=crossed[0].test,
        cross_modal={
            SHOWN[p.question.modalities]: strata_table(crossed, ("exclusion", "completeness"), p.question.modalities)
            for p in crossed
        },
    )


def main() -> None:
    """Write the page and the picture."""
    write_text(PAGE, page())
    save_figure(forest_figure(identification("GFN2-xTB"), "exclusion"), FIGURE, dpi=110)


if __name__ == "__main__":
    main()
