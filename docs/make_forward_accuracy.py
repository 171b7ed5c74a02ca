"""Writes docs/forward_accuracy.md: ``python docs/make_forward_accuracy.py``. Its numbers are in studies/results.

The prose is in docs/templates/forward_accuracy.md. No shared data are needed: the scripts in studies/ left their
results in studies/results.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "forward_accuracy.md"
TEMPLATE = ROOT / "docs" / "templates" / "forward_accuracy.md"
RESULTS = ROOT / "studies" / "results"
_NIST_NUMBERS = {
    "fwhm": "fwhm_cm1",
    "resolution": "resolution_cm1",
    "line_share": "line_share",
    "search": "search_cm1",
}
SUMMARY = ("levels", "molecules", "MAE", "median", "90 %", "bias", "largest")
Values = Mapping[str, Any]


def results(name: str) -> dict[str, Any]:
    """What a study wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(str(c)) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def cells(summary: Values) -> tuple[object, ...]:
    """The columns `SUMMARY` of an error summary."""
    return (
        summary["n_levels"],
        summary["n_molecules"],
        mae(summary),
        *(summary[name] for name in ("median", "p90", "bias", "largest")),
    )


def mae(summary: Values) -> str:
    """Mean absolute error with its interval."""
    return f"{summary['mae']} ({summary['mae_low']} to {summary['mae_high']})"


def side_by_side(methods: Mapping[str, Values], key: str, head: str) -> str:
    """One row for each class: numbers of levels and molecules, then MAE and bias of each method."""
    rows = []
    for name in next(iter(methods.values()))[key]:
        parts = [values[key][name] for values in methods.values()]
        rows.append((name, parts[0]["n_levels"], parts[0]["n_molecules"], *_pairs(parts)))
    columns = [head, "levels", "molecules"]
    for method in methods:
        columns += [f"MAE {method}", "bias"]
    return table(columns, rows)


def _pairs(parts: Sequence[Values]) -> list[object]:
    return [cell for part in parts for cell in (mae(part), part["bias"])]


def counted(counts: Mapping[str, int]) -> str:
    """Counts as a sentence: "3 of this, 2 of that"."""
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"


def xtb() -> dict[str, Any]:
    """Measured fundamentals against xTB."""
    methods: dict[str, Values] = results("fundamentals_xtb")["methods"]
    first = next(iter(methods.values()))
    rows = []
    for method, values in methods.items():
        rows.append((method, "none", *cells(values["unscaled"])))
        rows.append((method, "of the others", *cells(values["scaled"])))
        rows.append((method, "of the others; no isotopologues", *cells(values["scaled_without_isotopologues"])))
    return {
        "n_molecules": first["scaled"]["n_molecules"],
        "n_named": first["n_molecules_with_isotopologues"],
        "summary": table(("method", "scale factor", *SUMMARY), rows),
        "factors": ", ".join(f"{values['scale_factor']} ({method})" for method, values in methods.items()),
        "factor_ranges": ", ".join(
            f"{low} and {high} ({method})"
            for method, values in methods.items()
            for low, high in [values["scale_factor_range_left_out"]]
        ),
        "left_out": _left_out(methods),
        "ranges": side_by_side(methods, "scaled_by_range", "range (cm⁻¹)"),
        "classes": "\n\n".join(
            side_by_side(methods, key, head)
            for key, head in (("scaled_by_symmetry", "symmetry"), ("scaled_by_elements", "elements"))
        ),
        "worst_molecules": _worst_molecules(methods),
        "worst_levels": _worst_levels(first["worst_levels"]),
        "activities": _activities(methods),
        "disagreeing": _disagreeing(methods),
    }


def _left_out(methods: Mapping[str, Values]) -> str:
    """Molecule and reason, with the method where the methods differ."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for method, values in methods.items():
        for name, reason in values["left_out"].items():
            reasons.setdefault((name, reason), []).append(method)
    return "; ".join(
        f"{name} ({reason}{'' if len(found) == len(methods) else ', ' + ', '.join(found)})"
        for (name, reason), found in reasons.items()
    )


def _worst_molecules(methods: Mapping[str, Values]) -> str:
    rows = [
        (
            method,
            row["molecule"],
            row["group"],
            row["n_levels"],
            row["mae"],
            row["worst_irrep"],
            row["at_cm1"],
            row["error"],
        )
        for method, values in methods.items()
        for row in values["worst_molecules"]
    ]
    return table(("method", "molecule", "group", "levels", "MAE", "worst level", "measured", "error"), rows)


def _worst_levels(levels: Sequence[Values]) -> str:
    names = ("molecule", "irrep", "measured", "scaled", "error")
    return table(names, [[level[name] for name in names] for level in levels])


def _activities(methods: Mapping[str, Values]) -> str:
    rows = []
    for method, values in methods.items():
        for kind, name in (("ir", "IR"), ("raman", "Raman")):
            for which in ("all", "observed"):
                n = values["activities"][f"{kind}_{which}"]
                active = f"{n['active_and_computed']} of {n['active']}"
                rows.append((method, name, which, active, f"{n['inactive_and_zero']} of {n['inactive']}"))
    return table(("method", "", "levels", "active: computed above zero", "inactive: computed zero"), rows)


def _disagreeing(methods: Mapping[str, Values]) -> str:
    found = [
        f"{row['molecule']}, {row['irrep']} at {row['measured']} ({method})"
        for method, values in methods.items()
        for row in values["activities"]["disagreeing"]
    ]
    return (
        f"Not in agreement: {'; '.join(found)}. A line can be allowed and weaker than that." if found else "All agree."
    )


def dft() -> dict[str, Any]:
    """A few small molecules."""
    found = results("fundamentals_dft")
    methods: dict[str, Values] = found["methods"]
    rows = []
    for method, values in methods.items():
        rows.append((method, "none", *cells(values["unscaled"])))
        low, high = values["scale_factor_range_left_out"]
        rows.append((method, f"{values['scale_factor']} (others: {low} to {high})", *cells(values["scaled"])))
    first = next(iter(methods.values()))["scaled"]
    return {
        "n_molecules": first["n_molecules"],
        "n_levels": first["n_levels"],
        "summary": table(("method", "scale factor", *SUMMARY), rows),
        "levels": table(("molecule", "group", "species", "measured", *methods), found["levels"]),
    }


def qm9() -> dict[str, Any]:
    """GFN2-xTB against B3LYP."""
    found = results("gfn2_against_qm9")["b3lyp"]
    parts = [("none", found["unscaled"]), (str(found["scale_factor"]), found["scaled"])]
    groups = [(f"{found['scale_factor']}; {name}", values) for name, values in found["scaled_by_group"].items()]
    rows = [
        (name, values["n_levels"], *_pairs([found["unscaled_by_range"][name], values]))
        for name, values in found["scaled_by_range"].items()
    ]
    return {
        **{name: found[name] for name in ("n_rows", "n_fitted", "n_tested")},
        "factor": found["scale_factor"],
        "factors": ", ".join(f"{value} ({name})" for name, value in found["scale_factor_by_range"].items()),
        "composition": counted({f"point group {name}:": count for name, count in found["composition"].items()}),
        "excluded": counted({f"{name}:": count for name, count in found["excluded"].items()}),
        "summary": table(("scale factor", *SUMMARY), [(name, *cells(values)) for name, values in parts + groups]),
        "ranges": table(("B3LYP (cm⁻¹)", "levels", "MAE unscaled", "bias", "MAE scaled", "bias"), rows),
    }


def independent_run() -> dict[str, Any]:
    """Our dataset against the other run."""
    found = results("gfn2_against_qm9")["independent_run"]
    names = {
        "wavenumber_cm1": "wavenumber (cm⁻¹)",
        "ir_km_per_mol": "IR (km/mol)",
        "raman_relative": "Raman (relative)",
    }
    labels = ("median", "p90", "p99", "largest")
    tails = [
        (head, which, *(found[key][name].get(label, "-") for label in labels))
        for name, head in names.items()
        for key, which in (("all", "all"), ("same_point", "energies within 1 µEh"))
    ]
    largest = [
        (d["index"], d["wavenumber_cm1"], d["ir_km_per_mol"], d["energy_difference_microhartree"], d["kind"])
        for d in found["largest"]
    ]
    other = found["other_number_of_modes"]
    named = "; ".join(f"QM9 {index}, {smiles}: {ours} here, {theirs} there" for index, smiles, ours, theirs in other)
    return {
        "n_common": found["n_common"],
        "cluster": found["cluster_cm1"],
        "tails": table(("largest difference of", "molecules", "median", "90 %", "99 %", "largest"), tails),
        "kinds": table(("stationary points", "molecules"), list(found["kinds"].items())),
        "other_number": f"For {len(other)} molecules the numbers of modes differ ({named}). " if other else "",
        "largest": table(
            ("QM9 index", "wavenumber (cm⁻¹)", "IR (km/mol)", "energy (µEh)", "stationary points"), largest
        ),
    }


def nist() -> dict[str, Any]:
    """Peaks of the ten spectra."""
    found = results("nist_overlays")
    rows = [
        (molecule, f"{band['measured_cm1']:.0f}", _height(band), *_partner(band))
        for molecule, bands in found["molecules"].items()
        for band in bands
    ]
    columns = ("molecule", "measured", "height", "computed, scaled", "species", "intensity", "error")
    return {
        "method": found["method"],
        "factor": found["scale_factor"],
        **{name: f"{found[key]:g}" for name, key in _NIST_NUMBERS.items()},
        "table": table(columns, rows),
    }


def _height(band: Values) -> str:
    return f"{band['height']:.2f}{' (saturated)' if band['saturated'] else ''}"


def _partner(band: Values) -> tuple[str, ...]:
    if band["computed_cm1"] is None:
        return "-", "-", "-", "-"
    return f"{band['computed_cm1']:.0f}", band["irrep"], f"{band['computed_height']:.3f}", f"{band['error']:+.0f}"


def page() -> str:
    """The text of docs/forward_accuracy.md."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    first_method = next(iter(results("fundamentals_xtb")["methods"]))
    return template.render(
        xtb=xtb(), dft=dft(), qm9=qm9(), run=independent_run(), nist=nist(), first_method=first_method
    )


if __name__ == "__main__":
    write_text(PAGE, page())
