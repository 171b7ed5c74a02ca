"""Writes docs/survey.md: ``python docs/make_survey.py``. Its numbers are in theory/data/survey_qm9.json.

The prose is in docs/templates/survey.md, with a word for each number that is computed. `symvib survey qm9` writes the
JSON (summary.json in its folder).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "survey.md"
TEMPLATE = ROOT / "docs" / "templates" / "survey.md"
RESULTS = ROOT / "theory" / "data" / "survey_qm9.json"
IMAGES = ROOT / "docs" / "images"
SETS = ("IR", "Raman", "IR+Raman", "IR+Raman+rho")
Values = Mapping[str, Any]


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(str(c)) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def percent(values: Values, digits: int = 2) -> str:
    """A share in percent, with its interval if it is one of a sample."""
    if values["share"] is None:
        return "-"
    text = f"{100 * values['share']:.{digits}f} %"
    if "wilson_95" in values:
        low, high = values["wilson_95"]
        text += f" ({100 * low:.1f} to {100 * high:.1f})"
    return text


def counted(values: Values, digits: int = 2) -> str:
    """Count and share."""
    return f"{values['count']:,} ({percent(values, digits)})"


def spread(values: Values, digits: int = 3) -> str:
    """Median and 10 to 90 %."""
    if not values.get("n"):
        return "-"
    return f"{number(values['median'], digits)} ({number(values['p10'], digits)} to {number(values['p90'], digits)})"


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; powers of ten above a million."""
    if value == 0:
        return "0"
    if 1e3 <= abs(value) < 1e4:
        return f"{value:.0f}"
    if abs(value) >= 1e4 or abs(value) < 1e-3:
        return f"{value:.1e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:.{digits}g}"


# ---- symmetry ------------------------------------------------------------------------------------------------------


def shares(symmetry: Values) -> str:
    """One row for each quantity, one column for each tolerance."""
    at = symmetry["at_tolerance"]
    rows = [
        (label, *(counted(values[key], digits) for values in at.values()))
        for label, key, digits in (
            ("C1", "c1", 2),
            ("R = 1 (no silent mode)", "complete", 3),
            ("centrosymmetric", "centrosymmetric", 3),
            ("mutual exclusion by the table, no centre", "exclusion_without_centre", 3),
            ("IR and Raman both show every mode (raw ratio 2)", "raw_ratio_2", 2),
            ("marked ambiguous", "ambiguous", 2),
        )
    ]
    rows.append(("number of point groups", *(len(values["point_groups"]) for values in at.values())))
    return table(("molecules", *at), rows)


def groups(symmetry: Values) -> str:
    """Counts of the point groups at each tolerance."""
    at = symmetry["at_tolerance"]
    names = dict.fromkeys(name for values in at.values() for name in values["point_groups"])
    return table(
        ("point group", *at),
        [(name, *(f"{values['point_groups'].get(name, 0):,}" for values in at.values())) for name in names],
    )


def incomplete(symmetry: Values) -> str:
    """Molecules with silent modes by point group."""
    at = symmetry["at_tolerance"]
    names = dict.fromkeys(name for values in at.values() for name in values["incomplete_by_group"])
    rows = [(name, *(values["incomplete_by_group"].get(name, 0) for values in at.values())) for name in names]
    return table(("point group", *at), rows)


def lowest(symmetry: Values) -> str:
    """Molecules of the lowest completeness."""
    first = next(iter(symmetry["at_tolerance"].values()))
    return table(
        ("QM9", "SMILES", "point group", "R", "silent modes"),
        [
            (row["id"], row["smiles"], row["point_group"], row["completeness"], row["n_silent"])
            for row in first["lowest_completeness"]
        ],
    )


def disagreement(symmetry: Values) -> str:
    """Pairs of groups that two tolerances give, with examples."""
    rows = []
    for part in symmetry["disagreement"]:
        for pair in part["pairs"][:6]:
            example = pair["examples"][0]
            rows.append(
                (
                    " / ".join(part["tolerances"]),
                    " / ".join(pair["groups"]),
                    f"{pair['n']:,}",
                    f"{example['id']} {example['smiles']}",
                    " / ".join(number(d, 2) for d in example["deviations_angstrom"]),
                )
            )
    return table(("tolerances", "groups", "molecules", "example", "its deviations, A"), rows)


# ---- responses -----------------------------------------------------------------------------------------------------


def models(cells: Mapping[str, Mapping[str, Values]]) -> str:
    """Unknowns and ratios of each model with all observables, then full-rank shares of each set."""
    rows = []
    for model, sets in cells.items():
        whole = sets["IR+Raman+rho"]
        rows.append(
            (
                model,
                spread(whole["unknowns"]),
                spread(whole["nominal_ratio"]),
                spread(whole["independent_ratio"]),
                *(percent(sets[name]["full_rank"], 1) for name in SETS),
            )
        )
    columns = ("model", "constants", "nominal / constants", "independent / constants")
    return table((*columns, *(f"full rank, {name}" for name in SETS)), rows)


def conditions(cells: Mapping[str, Mapping[str, Values]]) -> str:
    """Condition number and smallest singular value where the rank is full."""
    rows = []
    for model, sets in cells.items():
        for name in SETS:
            cell = sets[name]
            if cell["full_rank"]["count"]:
                smallest = cell["smallest_singular_value_of_full"]
                condition = spread(cell["condition_number_of_full"])
                rows.append((model, name, cell["full_rank"]["count"], condition, spread(smallest)))
    return table(
        ("model", "observables", "molecules of full rank", "condition number", "smallest singular value"), rows
    )


def losses(cells: Mapping[str, Mapping[str, Values]]) -> str:
    """Where constants are lost: redundant, beyond counting, unexplained."""
    rows = []
    for model, sets in cells.items():
        for name in SETS:
            cell = sets[name]
            rows.append(
                (
                    model,
                    name,
                    spread(cell["redundant"]),
                    spread(cell["beyond_counting"]),
                    percent(cell["as_counted"], 2),
                    number(cell["gap"]["least"], 2) if cell["gap"]["n"] else "-",
                )
            )
    columns = ("model", "observables", "redundant constants", "beyond counting", "rank as counted", "least gap")
    return table(columns, rows)


def short(jacobians: Values) -> str:
    """Ranks below what counting allows."""
    keys = ("id", "point_group", "model", "observables", "expected", "rank")
    rows = [(*(row[key] for key in keys), number(row["gap"], 2)) for row in jacobians["short_of_expected"]]
    return table(("molecule", "point group", "model", "observables", "counting allows", "rank", "gap"), rows)


def stratum(strata: Mapping[str, Values], names: Sequence[str]) -> str:
    """Share of full rank and of lost constants for each value of a stratum."""
    rows = []
    numbered = all(value[0].isdigit() for value in strata if value != "others")
    ordered = sorted(strata, key=lambda v: float("inf") if v == "others" else int(v.split()[0]) if numbered else 0)
    for value in ordered:
        part, cells = strata[value], []
        for model in names:
            found = part["models"].get(model)
            cells.append(
                "-"
                if found is None
                else f"{100 * found['full_rank']:.0f} % ({100 * found['redundant']:.0f}, "
                f"{100 * found['beyond_counting']:.0f}, {100 * found['unexplained']:.0f})"
            )
        rows.append((value, part["n"], *cells))
    return table(("", "molecules", *names), rows)


def protocol_sides(protocol: Values) -> str:
    """The two columns of the protocol."""
    sides = protocol["sides"]
    rows = [
        ("full rank", *(counted(side["full_rank"], 1) for side in sides.values())),
        ("condition number", *(spread(side["condition_number"]) for side in sides.values())),
        ("largest condition number", *(number(s["condition_number"].get("greatest", 0)) for s in sides.values())),
        ("smallest singular value", *(spread(side["smallest_singular_value"]) for side in sides.values())),
        ("least smallest singular value", *(number(s["smallest_singular_value"]["least"]) for s in sides.values())),
        ("molecules with imaginary modes", *(counted(side["with_imaginary_modes"], 1) for side in sides.values())),
        ("imaginary modes in a molecule", *(spread(side["n_imaginary"]) for side in sides.values())),
    ]
    for name, values in protocol["condition_number_by_symmetry"].items():
        rows.append((f"condition number, {name}", *(spread(values[side]) for side in sides)))
    return table(("", *sides), rows)


# ---- pictures ------------------------------------------------------------------------------------------------------


def draw(results: Values) -> None:
    """The pictures of the page."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "symvib"  # the same picture gives the same file
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    curve = results["symmetry"]["curve"]
    ax.semilogx([p["tolerance_angstrom"] for p in curve], [100 * p["c1_share"] for p in curve], color="#1f4e79")
    for source in results["symmetry"]["sources_c1"]:
        ax.axhline(100 * source["share"], color="0.5", linestyle="--", linewidth=1)
        ax.text(
            1.2e-6, 100 * source["share"] + 0.6, f"{100 * source['share']:.1f} % in texts", color="0.35", fontsize=8
        )
    for tolerance in results["symmetry"]["tolerances_angstrom"]:
        if tolerance is not None:
            ax.axvline(tolerance, color="0.8", linewidth=1)
    ax.set_xlabel("tolerance, angstrom")
    ax.set_ylabel("molecules of C1, %")
    ax.set_ylim(60, 101)
    figure.savefig(IMAGES / "survey_c1.svg", metadata={"Date": None})
    plt.close(figure)

    cells = results["jacobians"]["qm9_models"]
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 3.8), layout="constrained", sharey=True)
    colours = {"IR": "#b03a2e", "Raman": "#1f618d", "IR+Raman": "#7d3c98", "IR+Raman+rho": "#1e8449"}
    for ax, key, label in (
        (axes[0], "condition_number", "condition number (rank space), simulated responses"),
        (axes[1], "smallest_singular_value_of_full", "smallest singular value (full rank), simulated"),
    ):
        for row, sets in enumerate(cells.values()):
            for k, name in enumerate(SETS):
                values = sets[name][key]
                if values.get("n", 0) < 10:
                    continue
                y = row + 0.18 * (k - 1.5)
                ax.plot([values["p10"], values["p90"]], [y, y], color=colours[name], linewidth=2)
                ax.plot(values["median"], y, "o", color=colours[name], markersize=4, label=name if row == 0 else None)
        ax.set_xscale("log")
        ax.set_xlabel(label)
        ax.grid(axis="x", color="0.9")
    axes[0].set_yticks(range(len(cells)), list(cells))
    axes[0].invert_yaxis()
    axes[0].legend(fontsize=8, frameon=False)
    figure.savefig(IMAGES / "survey_conditions.svg", metadata={"Date": None})
    plt.close(figure)


def page() -> str:
    """The page as text."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    helpers = (shares, groups, incomplete, lowest, disagreement, models, conditions, losses, stratum, short)
    formats = (protocol_sides, percent, counted, spread, number)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    return template.render(**results, **{helper.__name__: helper for helper in (*helpers, *formats)})


if __name__ == "__main__":
    draw(json.loads(RESULTS.read_text(encoding="utf-8")))
    write_text(PAGE, page())
