"""Writes docs/minerals.md: ``python docs/make_minerals.py``.

Numbers come from studies/results/mineral_transfer.json. The prose is in docs/templates/minerals.md.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from symvib.evaluation._stored_results import stored_result
from symvib.evaluation.mineral_predictions import mineral_prediction, mineral_registration_hash
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "minerals.md"
TEMPLATE = ROOT / "docs" / "templates" / "minerals.md"
SHOWN = {"ir": "infrared", "raman": "Raman", "xrd": "powder pattern (computed)"}
TRANSFERS = ("ir -> raman", "raman -> ir", "raman -> xrd")
SELF = ("raman -> raman", "ir -> ir")
SPLITS = ("mineral", "specimen", "row")
METHODS = ("mean", "nearest neighbour", "5 nearest", "PLS2", "CNN", "VAE", "as it is")
AGAINST = "r minus nearest neighbour"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(c) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def called(direction: str) -> str:
    """The direction in words, as in "infrared to Raman"."""
    return " to ".join(SHOWN[side] for side in direction.split(" -> "))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def interval(of: Mapping[str, Any], digits: int = 3, *, percent: bool = False, sign: bool = False) -> str:
    """A mean over groups with its interval."""
    factor, digits = (100, 1) if percent else (1, digits)
    plus = "+" if sign else ""
    value, low, high = (f"{factor * of[name]:{plus}.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def methods_of(scores: Mapping[str, Any]) -> list[str]:
    """The methods that are there, in order."""
    return [name for name in METHODS if name in scores]


def best_of(scores: Mapping[str, Any]) -> str:
    """The method with the largest r."""
    return max(scores, key=lambda name: scores[name]["r"]["value"])


def score_tables(found: Mapping[str, Any]) -> str:
    """The scores of every direction, split by mineral."""
    parts = []
    for direction in TRANSFERS:
        scores = found["scores"].get(f"{direction}, by mineral")
        if scores:
            parts += [f"### {_capital(called(direction))}, split by mineral", score_rows(scores)]
    return "\n\n".join(parts)


def score_rows(scores: Mapping[str, Any]) -> str:
    """A row for each method."""
    rows = []
    for name in methods_of(scores):
        of = scores[name]
        rows.append(
            [
                name,
                interval(of["r"]),
                f"{of['r']['by_row']:.3f}",
                interval(of[AGAINST], sign=True) if AGAINST in of else "–",
                interval(of["rmse"]),
                f"{of['cosine']['value']:.3f}",
                f"{of['ssim']['value']:.3f}",
            ]
        )
    head = ("method", "r", "r by spectrum", "against nearest neighbour", "RMSE", "cosine", "SSIM")
    return table(head, rows)


def leak(found: Mapping[str, Any]) -> str:
    """Correlations by mineral, specimen and row."""
    rows = []
    for direction in TRANSFERS:
        by = {split: found["scores"].get(f"{direction}, by {split}", {}) for split in SPLITS}
        for name in methods_of(by["mineral"]):
            cells = [interval(by[split][name]["r"]) if name in by[split] else "–" for split in SPLITS]
            rows.append([called(direction), name, *cells])
    return table(("direction", "method", "r by mineral", "r by specimen", "r by row (leaks)"), rows)


def seen(found: Mapping[str, Any]) -> str:
    """What had been seen before, beside ours."""
    by = {split: found["scores"][f"ir -> raman, by {split}"] for split in ("mineral", "row")}
    one, five = (by["mineral"][name]["r"] for name in ("nearest neighbour", "5 nearest"))
    folds = by["mineral"]["nearest neighbour"]["r by fold"]
    return (
        f"Here, as a mean over spectra, they are at {by['row']['nearest neighbour']['r']['by_row']:.2f}, "
        f"{one['by_row']:.2f} (interval {one['by_row_low']:.2f} to {one['by_row_high']:.2f}; folds {min(folds):.2f} to "
        f"{max(folds):.2f}) and {five['by_row']:.2f} ({five['by_row_low']:.2f} to {five['by_row_high']:.2f})."
    )


def reconstruction(found: Mapping[str, Any]) -> str:
    """Spectra onto themselves."""
    rows = []
    for direction in SELF:
        scores = found["scores"].get(f"{direction}, by mineral", {})
        rows += [
            [SHOWN[direction.split(" -> ")[0]], name, interval(scores[name]["r"]), interval(scores[name]["rmse"])]
            for name in methods_of(scores)
        ]
    return table(("spectrum", "method", "r", "RMSE"), rows)


def class_table(found: Mapping[str, Any]) -> str:
    """Shares right, by mineral and by row."""
    by = {split: found["classification"][split]["scores"] for split in ("mineral", "row")}
    names = ["most frequent class", "from the source", "measured"]
    names += [f"generated: {m}" for m in METHODS if f"generated: {m}" in by["mineral"]]
    words = {"from the source": "measured infrared", "measured": "measured Raman"}
    rows = [
        [
            words.get(name, name.replace("generated: ", "Raman generated by ")),
            *(interval(of[name], percent=True) if name in of else "–" for of in by.values()),
        ]
        for name in names
    ]
    return table(("asked about", "split by mineral", "split by row (leaks)"), rows)


def strata_table(found: Mapping[str, Any]) -> str:
    """Correlations where there is an inversion centre and where there is none."""
    rows = []
    order = ("centrosymmetric", "noncentrosymmetric", "ambiguous", "unknown")
    for direction, kinds in found["strata"].items():
        for name in methods_of(kinds["inversion"]):
            of = kinds["inversion"][name]
            rows.append([called(direction), name, *(interval(of[s], 2) if s in of else "–" for s in order)])
    counts = Counter(row["inversion"] for row in found["groups"])
    return table(("direction", "method", *(f"{s} (n = {counts[s]})" for s in order)), rows)


def prediction_table(found: Mapping[str, Any]) -> str:
    """The two verdicts."""
    rows = []
    for key in ("M1", "M2"):
        judged = next(iter(found["predictions"][key].values()))
        rule = mineral_prediction(key)
        rows.append(
            [
                f"{key}: {rule.title}",
                judged["verdict"],
                interval(judged["effect"], sign=True),
                judged["effect"]["n"],
                f"{rule.smallest_effect:g}",
                judged["subject"],
            ]
        )
    head = ("prediction", "verdict", "effect (97.5 % interval)", "n of the smaller", "smallest of interest", "judged")
    return table(head, rows)


def beside(found: Mapping[str, Any]) -> str:
    """What stands beside the verdicts."""
    rows = []
    predictions = found["predictions"]
    for key in ("M1", "M2"):
        for place, (name, judged) in enumerate(predictions[key].items()):
            label = f"{key}, {name}"
            if place:
                rows.append([label, "controls held; decides nothing", interval(judged["effect"], sign=True)])
            else:
                rows += [[label, part["name"], interval(part, sign=True)] for part in judged["beside"]]
    rows += [
        [
            f"control: {called(name.split(', ')[0])}, {judged['subject']}",
            "controls held; decides nothing",
            interval(judged["effect"], sign=True),
        ]
        for name, judged in predictions["controls of M1"].items()
    ]
    words = "Noncentrosymmetric minus centrosymmetric; positive is the predicted direction:"
    said = [f"{key}: {next(iter(predictions[key].values()))['reason']}" for key in ("M1", "M2")]
    return "\n\n".join(
        [*map(escape_markdown, said), words, table(("of", "what", "difference (97.5 % interval)"), rows)]
    )


def headline(found: Mapping[str, Any]) -> str:
    """What came out, in a few lines."""
    said = []
    for direction in TRANSFERS:
        scores = found["scores"].get(f"{direction}, by mineral")
        if not scores:
            continue
        best = best_of(scores)
        one = scores["nearest neighbour"]["r"]
        more = f" {interval(scores[best][AGAINST], sign=True)}" if AGAINST in scores[best] else " none"
        said.append(
            f"- {_capital(called(direction))}, minerals never seen: the best of {len(scores)} methods, {best}, "
            f"reaches r = {interval(scores[best]['r'])}; copying the nearest neighbour {interval(one)}, difference"
            f"{more}."
        )
    row = found["scores"]["ir -> raman, by row"]
    best = best_of(row)
    said.append(
        f"- Infrared to Raman split by row, which leaks: {best} reaches r = {interval(row[best]['r'])} "
        f"(mean over spectra {row[best]['r']['by_row']:.2f}) without having learned anything about minerals."
    )
    verdicts = [f"{key} {next(iter(found['predictions'][key].values()))['verdict']}" for key in ("M1", "M2")]
    classes = found["classification"]["mineral"]["scores"]
    said.append(
        f"- Class of an unseen mineral: {interval(classes['measured'], percent=True)} % right from its measured Raman "
        f"spectrum, {interval(classes['from the source'], percent=True)} % from its measured infrared spectrum, "
        f"{interval(classes['generated: nearest neighbour'], percent=True)} % from the Raman spectrum copied from its "
        "nearest infrared neighbour: copies do better than measurements, as they carry what the infrared told."
    )
    said.append(f"- Registered predictions about the inversion centre: {', '.join(verdicts)}.")
    absent = [name for name in ("CNN", "VAE") if name not in found["scores"]["ir -> raman, by mineral"]]
    if absent:
        said.append(
            f"- Not run yet: {', '.join(absent)}. What is said of the best method is said of those in the tables."
        )
    return "\n".join(said)


def sets_table(found: Mapping[str, Any]) -> str:
    """Sizes."""
    rows = [
        [called(direction), of["n_pairs"], of["n_specimens"], of["n_minerals"], of["n_groups"]]
        for direction, of in found["sets"].items()
    ]
    return table(("direction", "pairs", "specimens", "names", "groups of minerals"), rows)


def notes(found: Mapping[str, Any]) -> str:
    """Notes of the loaders, each once."""
    said = dict.fromkeys(note for of in found["sets"].values() for note in of["notes"])
    return "\n".join(f"- {escape_markdown(note)}" for note in said)


def claims(found: Mapping[str, Any]) -> str:
    """The figures of the source, and what was found."""
    scores = found["scores"]["ir -> raman, by mineral"]
    best, lowest = best_of(scores), min(scores, key=lambda name: scores[name]["rmse"]["value"])
    classes = found["classification"]["mineral"]["scores"]
    generated = {name: of for name, of in classes.items() if name.startswith("generated")}
    top = max(generated, key=lambda name: generated[name]["value"])
    rows = [
        ["correlation 99 %", f"{interval(scores[best]['r'])} ({best})"],
        ["RMSE 0.01", f"{interval(scores[lowest]['rmse'])} ({lowest})"],
        [
            "class from generated 94 %, from measured 75 %",
            f"{interval(generated[top], percent=True)} % ({top.replace('generated: ', '')}), "
            f"{interval(classes['measured'], percent=True)} %",
        ],
    ]
    return table(("reported (its own split and file)", "here, infrared to Raman, split by mineral"), rows)


def page() -> str:
    """The whole page."""
    found = stored_result("mineral_transfer")
    judged = {of["registration"] for key in ("M1", "M2") for of in found["predictions"][key].values()}
    if judged != {mineral_registration_hash()}:
        raise ValueError(f"the results were judged by other rules: {judged}")
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(
        headline=headline(found),
        sets=sets_table(found),
        notes=notes(found),
        scores=score_tables(found),
        leak=leak(found),
        seen=seen(found),
        reconstruction=reconstruction(found),
        n_classes=len(found["classification"]["mineral"]["classes"]),
        classes=class_table(found),
        strata=strata_table(found),
        predictions=prediction_table(found),
        beside=beside(found),
        claims=claims(found),
        classes_link="`symvib.evaluation.mineral_classes`",
    )


if __name__ == "__main__":
    write_text(PAGE, page())
