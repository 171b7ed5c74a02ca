"""Writes docs/calibration_transfer.md and docs/images/calibration_transfer.png: ``python docs/make_transfer.py``.

Numbers come from studies/results. The prose is in docs/templates/calibration_transfer.md.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import StrictUndefined, Template

from symvib.evaluation._stored_results import stored_result
from symvib.evaluation._transfer_html import plot_shares
from symvib.evaluation._transfer_spec import CLASSICAL
from symvib.evaluation._transfer_summary import BY_OTHER_SPLITS, BY_TRANSFER, ON_TEST, Mean, MethodSummary, summaries
from symvib.evaluation._transfer_table import ScoreTable
from symvib.evaluation.transfer_report import TransferReport, mean_text
from symvib.forward.spectrum_plot import save_figure
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "calibration_transfer.md"
TEMPLATE = ROOT / "docs" / "templates" / "calibration_transfer.md"
FIGURE = ROOT / "docs" / "images" / "calibration_transfer.png"
RESULTS = ROOT / "studies" / "results"

LESS = "tablets less outliers"
FOCUS, MANY = 5, 25
LEARNT = ("paired", "unpaired", "labelled")
LEDGER = 0.952  # R2 with five transfer samples that the source claims


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(c) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


@cache
def scores() -> ScoreTable:
    """Scores of the classical study."""
    return ScoreTable.read(RESULTS / "calibration_transfer.parquet")


@cache
def report(given: bool) -> TransferReport:
    """Over the random splits, or by the split of the source."""
    kept = (np.char.find(scores()["split"], "-") >= 0) == given
    part = scores().rows(kept)
    sets = stored_result("calibration_transfer")["sets"]
    return TransferReport(part, tuple(summaries(part)), tuple(sets.values()), CLASSICAL)


def found(of: TransferReport, direction: Any, where: str, k: int, method: str) -> MethodSummary | None:
    """One summary, if it is there."""
    return next((s for s in of.of(direction, where, k) if s.method == method), None)


def directions(data: str, name: str | None = None) -> list[tuple[str, str, str, str]]:
    """Directions of a set, of one property if named."""
    return [d for d in report(False).directions if d[0] == data and name in (None, d[1])]


def best(data: str, name: str, how: str) -> str:
    """For each direction the ceiling, no correction, and the best of each table with five transfer samples."""
    rows = []
    for d in directions(data, name):
        (top,) = report(False).of(d, "ceiling")
        (none,) = report(False).of(d, "none")
        row = [f"{d[2]} → {d[3]}", mean_text(top.r2), mean_text(at_home(d)), mean_text(none.r2)]
        for where in LEARNT:
            s = found(report(False), d, where, FOCUS, how)
            row.append("–" if s is None else f"{mean_text(s.r2)}{share(s)}; {s.which}")
        rows.append(row)
    return table(["direction", "ceiling", "source at home", "none", *LEARNT], rows)


def at_home(direction: tuple[str, str, str, str]) -> Mean | None:
    """R2 of all training samples on the source, tested there: the ceiling of a direction that leads to it."""
    data, name, source, _ = direction
    tops = [s for s in report(False).summaries if (s.data, s.property, s.target) == (data, name, source)]
    return next((s.r2 for s in tops if s.table == "ceiling"), None)


def share(s: MethodSummary) -> str:
    """Share of the ceiling's R2, in brackets."""
    if s.r2_share is None:
        return ""
    return f" [{100 * s.r2_share.value:.0f} %]".replace("-", "\N{MINUS SIGN}")


def by_method(data: str, name: str) -> str:
    """Mean R2 of every method with five transfer samples, for each direction."""
    every = directions(data, name)
    rows = []
    for where in LEARNT:
        of = {d: report(False).of(d, where, FOCUS) for d in every}
        names = dict.fromkeys(s.method for listed in of.values() for s in listed if s.calibration)
        for method in names:
            each = [[plain(s) for s in of[d] if s.method == method] for d in every]
            rows.append([where, method, *(" / ".join(texts) or "–" for texts in each)])
    return table(["table", "method", *(f"{d[2]} → {d[3]}" for d in every)], rows)


def plain(s: MethodSummary) -> str:
    """Mean R2, or that it was refused."""
    if s.r2 is None:
        return "refused"
    return f"{s.r2.value:.2f}".replace("-", "\N{MINUS SIGN}") if abs(s.r2.value) < 10 else "< \N{MINUS SIGN}10"


def budgets(data: str, name: str, where: str) -> str:
    """R2 by the number of transfer samples, methods chosen by the other splits."""
    rows = []
    every = directions(data, name)
    ks = sorted({s.k for d in every for s in report(False).of(d, where)})
    for d in every:
        (top,) = report(False).of(d, "ceiling")
        cells = [found(report(False), d, where, k, BY_OTHER_SPLITS) for k in ks]
        texts = ["–" if s is None else mean_text(s.r2, 2) + fewer(s, top) for s in cells]
        rows.append([f"{d[2]} → {d[3]}", *texts, mean_text(top.r2, 2)])
    return table(["direction", *(f"k = {k}" for k in ks), "ceiling"], rows)


def fewer(s: MethodSummary, top: MethodSummary) -> str:
    """How many splits a budget has, where the study has not done all."""
    return f", {s.n_splits} splits" if s.n_splits < top.n_splits else ""


def ledger() -> str:
    """The claim of R2 above .952 with five transfer samples on corn moisture, direction by direction."""
    rows = []
    for d in directions("corn", "moisture"):
        (top,) = report(False).of(d, "ceiling")
        few = [s for s in report(False).of(d) if s.method == ON_TEST and s.k <= FOCUS and not fewer(s, top)]
        s = max(few, key=lambda one: one.r2.value if one.r2 is not None else -np.inf)
        reached = "yes" if s.r2 is not None and s.r2.value > LEDGER else "no"
        said = "above" if top.r2 is not None and top.r2.value > LEDGER else "below"
        rows.append([f"{d[2]} → {d[3]}", mean_text(s.r2), f"{s.which}, k = {s.k}", reached, mean_text(top.r2), said])
    return table(["direction", "best R²", "method", f"> {LEDGER}", "ceiling", f"ceiling and {LEDGER}"], rows)


def pds() -> str:
    """Piecewise direct standardization with the largest budget: the best of its variants, named by the test samples."""
    rows = []
    for d in [*directions("corn", "moisture"), *directions("tablets", "assay"), *directions(LESS, "assay")]:
        (top,) = report(False).of(d, "ceiling")
        of = [s for s in report(False).of(d, "paired", MANY) if s.method.startswith("PDS") and s.rmsep is not None]
        s = min(of, key=lambda one: one.rmsep.value if one.rmsep is not None else np.inf)
        name = f"{s.method} (calibration: {s.calibration})"
        rows.append([f"{d[0]}, {d[1]}", f"{d[2]} → {d[3]}", mean_text(s.r2), name, s.n_splits, mean_text(top.r2)])
    return table(["set", "direction", "R²", "variant", "splits", "ceiling"], rows)


def given_split() -> str:
    """Tablets by the source's parts: ceiling, no correction, the best of each table, with and without the outliers."""
    rows = []
    for data in ("tablets", LESS):
        for d in [d for d in report(True).directions if d[:2] == (data, "assay")]:
            (top,) = report(True).of(d, "ceiling")
            (none,) = report(True).of(d, "none")
            rows.append([data, f"{d[2]} → {d[3]}", "ceiling", "", *cells(top)])
            rows.append(["", "", "none", "", *cells(none)])
            for where in LEARNT:
                for how in (BY_TRANSFER, ON_TEST):
                    s = found(report(True), d, where, FOCUS, how)
                    if s is not None:
                        rows.append(["", "", f"{where}: {how}", s.which.removesuffix(", 1 of 1"), *cells(s)])
    return table(["set", "direction", "", "method", "R²", "RMSEP / mg", "bias / mg", "SEP / mg"], rows)


def cells(s: MethodSummary) -> list[str]:
    """R2 with an interval from the chi-square distribution of the squared errors, and the other scores."""
    from scipy.stats import chi2

    if s.r2 is None or s.rmsep is None:
        return ["–"] * 4
    low, high = (float(s.n_test / chi2.ppf(p, s.n_test)) for p in (0.975, 0.025))
    rest = 1.0 - s.r2.value
    r2 = f"{s.r2.value:.3f} ({1.0 - rest * high:.3f} to {1.0 - rest * low:.3f})"
    rmsep = f"{s.rmsep.value:.2f} ({s.rmsep.value * sqrt(low):.2f} to {s.rmsep.value * sqrt(high):.2f})"
    return [r2, rmsep, f"{s.bias:.2f}".replace("-", "\N{MINUS SIGN}"), f"{s.sep:.2f}"]


@cache
def with_models() -> TransferReport:
    """Classical methods and Spektron's together, random splits, with five transfer samples or none."""
    ours = ScoreTable.read(RESULTS / "spektron_transfer.parquet")
    both = ScoreTable.joined([scores(), ours])
    kept = (np.char.find(both["split"], "-") < 0) & (np.isin(both["k"], (0, FOCUS)) | (both["table"] == "ceiling"))
    part = both.rows(kept & np.isin(both["data"], list(dict.fromkeys(ours["data"].tolist()))))
    return TransferReport(part, tuple(summaries(part)), (), CLASSICAL)


def of_model(s: MethodSummary) -> bool:
    """A row of Spektron: not of the network beside it, nor what the hybrid does without Spektron."""
    return s.calibration == "own" and "alone" not in s.method and not s.method.startswith("CNN")


def places(data: str, name: str) -> str:
    """For each direction and table the best classical method and Spektron's best, both named by the test samples."""
    rows = []
    for d in directions(data, name):
        for where in LEARNT:
            every = [s for s in with_models().of(d, where, FOCUS) if s.calibration and s.rmsep is not None]
            every.sort(key=lambda s: s.rmsep.value if s.rmsep is not None else np.inf)
            ours = [s for s in every if of_model(s)]
            theirs = [s for s in every if s.calibration != "own"]
            if not ours or not theirs:
                continue
            top, rival = ours[0], theirs[0]
            place = f"{1 + sum(1 for s in theirs if every.index(s) < every.index(top))} of {len(theirs) + 1}"
            cells = [f"{d[2]} → {d[3]}", where, f"{mean_text(rival.r2)}{share(rival)}; {rival.method}"]
            cells += [f"{mean_text(top.r2)}{share(top)}; {top.method}", top.n_splits, place]
            rows.append([*cells, mean_text(top.minus_classical)])
    heads = ["direction", "table", "best classical", "Spektron's best", "splits", "place"]
    return table([*heads, "RMSEP minus best classical"], rows)


def by_model() -> str:
    """Each of Spektron's methods over corn's directions and properties."""
    groups: dict[tuple[str, str], list[MethodSummary]] = {}
    for s in with_models().summaries:
        if s.data == "corn" and s.calibration == "own" and s.r2 is not None:
            groups.setdefault((s.table, s.method), []).append(s)
    rows = []
    for (where, method), of in groups.items():
        shares = [s.r2_share.value for s in of if s.r2_share is not None]
        changes = [s.minus_classical for s in of if s.minus_classical is not None]
        better = sum(1 for c in changes if c.high is not None and c.high < 0)
        worse = sum(1 for c in changes if c.low is not None and c.low > 0)
        median = f"{100 * np.median(shares):.0f} %".replace("-", "\N{MINUS SIGN}")
        rows.append([where, method, min(s.n_splits for s in of), len(of), median, better, worse])
    rows.sort(key=lambda row: (row[0], row[1]))
    heads = ["table", "method", "splits", "cases", "median share of the ceiling's R²", "better", "worse"]
    return table(heads, rows)


def in_short() -> str:
    """What was found, in a line each."""
    lines = []
    for data in ("tablets", "tablets less outliers"):
        (d,) = [d for d in report(True).directions if d[:2] == (data, "assay") and d[2] == "1"]
        (top,), (none,) = report(True).of(d, "ceiling"), report(True).of(d, "none")
        s = found(report(True), d, "paired", FOCUS, BY_TRANSFER)
        assert s is not None
        lines.append(
            f"{data}, assay, 1 → 2, the source's parts: with {FOCUS} pairs {mean_text(s.r2)} ({s.which}); without a "
            f"correction {mean_text(none.r2)}, ceiling {mean_text(top.r2)}."
        )
    for how in (BY_OTHER_SPLITS, BY_TRANSFER):
        of = [s for s in report(False).summaries if (s.data, s.table, s.method, s.k) == ("corn", "paired", how, FOCUS)]
        shares = [100 * s.r2_share.value for s in of if s.r2_share is not None]
        lines.append(
            f"Corn, {FOCUS} pairs, {len(shares)} directions and properties, {how}: median share of the ceiling's "
            f"R² {np.median(shares):.0f} %, from {min(shares):.0f} to {max(shares):.0f} %."
        )
    rows = [s for s in with_models().summaries if s.data == "corn" and of_model(s) and s.minus_classical is not None]
    changes = [s.minus_classical for s in rows if s.k == FOCUS and s.minus_classical is not None]
    better = sum(1 for c in changes if c.high is not None and c.high < 0)
    worse = sum(1 for c in changes if c.low is not None and c.low > 0)
    lines.append(
        f"Spektron on corn, {FOCUS} samples, {len(changes)} comparisons with the best classical method of the same "
        f"table: better in {better}, worse in {worse}, the others within their intervals."
    )
    return "\n".join(f"- {line[0].upper()}{line[1:]}" for line in lines)


def overall() -> str:
    """How often the choices reach the ceiling: mean share over corn's directions and properties, by budget."""
    rows = []
    for where in LEARNT:
        for how in (BY_OTHER_SPLITS, BY_TRANSFER, ON_TEST):
            for k in sorted({s.k for s in report(False).summaries if s.table == where}):
                of = [
                    s
                    for s in report(False).summaries
                    if (s.data, s.table, s.method, s.k) == ("corn", where, how, k) and s.rmsep_ratio is not None
                ]
                if of:
                    shares = [s.r2_share.value for s in of if s.r2_share is not None]
                    ratios = [s.rmsep_ratio.value for s in of if s.rmsep_ratio is not None]
                    texts = [f"{100 * np.median(shares):.0f} %", f"{np.median(ratios):.2f}"]
                    n = min(s.n_splits for s in of)
                    rows.append([where, k, n, how, *(text.replace("-", "\N{MINUS SIGN}") for text in texts)])
    heads = ["table", "k", "splits", "chosen", "median share of the ceiling's R²", "median RMSEP over the ceiling's"]
    return table(heads, rows)


def raman() -> str:
    """Maps between Raman settings."""
    rows = []
    for row in stored_result("raman_instruments")["summary"]:
        values = [triple(row.get(name), digits) for name, digits in (("correlation", 3), ("gain", 3), ("peak_cm1", 2))]
        lost = f"{100 * row.get('no_peak', 0.0):.1f}" if row["n"] else "–"
        rows.append([row["left_out"], row["method"], row["n"], *values, lost])
    heads = ["left out", "map", "n", "correlation", "minus no map", "main peak off by / cm⁻¹", "no main peak / %"]
    return table(heads, rows)


def triple(part: Sequence[float] | None, digits: int) -> str:
    """Mean with its interval."""
    if part is None:
        return "–"
    text = f"{part[0]:.{digits}f} ({part[1]:.{digits}f} to {part[2]:.{digits}f})"
    return text.replace("-", "\N{MINUS SIGN}")


def methods() -> str:
    """A line for each method."""
    return "\n".join(f"- {m.name} ({m.needs}){': ' + m.paper if m.paper else ''}" for m in CLASSICAL)


def page() -> str:
    """The text of docs/calibration_transfer.md."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    first = {s.data: s for s in report(False).summaries if s.table == "ceiling"}
    corn_best = {name: best("corn", name, BY_OTHER_SPLITS) for name in ("moisture", "oil", "protein", "starch")}
    return template.render(
        sizes={name: (s.n_splits, s.n_train, s.n_test) for name, s in first.items()},
        given_split=given_split(),
        tablets={name: best(name, "assay", BY_OTHER_SPLITS) for name in ("tablets", LESS)},
        tablet_others={name: best("tablets", name, BY_OTHER_SPLITS) for name in ("weight", "hardness")},
        corn=corn_best,
        corn_by_transfer=best("corn", "moisture", BY_TRANSFER),
        corn_on_test=best("corn", "moisture", ON_TEST),
        corn_methods=by_method("corn", "moisture"),
        budgets={where: budgets("corn", "moisture", where) for where in LEARNT},
        overall=overall(),
        ledger=ledger(),
        pds=pds(),
        many=MANY,
        ledger_value=LEDGER,
        places={name: places(*name) for name in (("corn", "moisture"), ("tablets", "assay"))},
        by_model=by_model(),
        in_short=in_short(),
        raman=raman(),
        methods=methods(),
    )


def main() -> None:
    """Write the page and the picture."""
    write_text(PAGE, page())
    corn = [s for s in report(False).summaries if s.data == "corn"]
    shown = TransferReport(report(False).scores, tuple(corn), report(False).sets, CLASSICAL)
    save_figure(plot_shares(shown, None, "paired").figure, FIGURE, dpi=110)


if __name__ == "__main__":
    main()
