"""The report as plain ASCII text for a terminal."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .report_words import (
    axes_sentence,
    completeness_formula,
    degrees_of_freedom,
    evidence_sentence,
    exclusion_sentence,
    outlook_sentence,
    properties_sentence,
    raman_word,
    silent_outlook,
    sum_of,
)

if TYPE_CHECKING:
    from .report import PointGroupReport
    from .report_facts import SpeciesRow

__all__ = [
    "appendix_blocks",
    "count_rows",
    "finding_lines",
    "head_lines",
    "report_text",
    "species_cells",
    "species_columns",
    "text_table",
]

_WIDTH = 100
_LABEL = 15


def report_text(report: "PointGroupReport") -> str:
    """The report as text of at most 100 columns (long labels and extra sections excepted)."""
    blocks = ["\n".join(head_lines(report))]
    if report.occurring_rows:
        blocks.append(text_table(species_columns(), [species_cells(row) for row in report.occurring_rows]))
        blocks.append(text_table(("", "IR", "Raman", "both", "silent", "all"), count_rows(report)))
    blocks.append("\n".join(finding_lines(report)))
    return "\n\n".join([*blocks, *appendix_blocks(report)])


def appendix_blocks(report: "PointGroupReport") -> list[str]:
    """Notes, then each extra section under its title."""
    notes = [textwrap.fill(f"Note: {note}", _WIDTH, subsequent_indent="      ") for note in report.notes]
    sections = [f"{section.title}\n{'-' * len(section.title)}\n{section.to_text()}" for section in report.sections]
    return ["\n".join(notes)] * bool(notes) + sections


def species_columns() -> tuple[str, ...]:
    """Headings of the table of species."""
    return ("Species", "levels", "modes", "IR axes", "Raman line", "hyper-Raman", "seen by")


def species_cells(row: "SpeciesRow") -> tuple[str, ...]:
    """Cells of one species, as :func:`species_columns`."""
    sight = ", ".join(name for name in row.seen_by if name in ("IR", "Raman")) or "silent"
    optical = [name for name in row.seen_by if name in ("VCD", "ROA")]
    return (
        row.label,
        str(row.count),
        str(row.modes),
        ",".join(row.infrared) or "-",
        raman_word(row) or "-",
        "yes" if row.hyper_raman else "-",
        ", ".join([sight, *optical]),
    )


def count_rows(report: "PointGroupReport") -> list[tuple[str, ...]]:
    """The counts with degeneracy and as distinct levels: name, IR, Raman, both, silent, all."""
    return [
        (name, *(str(n) for n in (c.n_ir, c.n_raman, c.n_both, c.n_silent, c.n_vib)))
        for name, c in (("modes", report.counts), ("levels", report.levels))
    ]


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned text: numbers to the right, words to the left, a rule below the headings."""
    cells = [list(columns), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    right = [all(row[i].lstrip("-").isdigit() for row in rows) for i in range(len(columns))]
    lines = [
        "   ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "   ".join("-" * w for w in widths), *lines[1:]])


def head_lines(report: "PointGroupReport") -> list[str]:
    """Title, underline, group, evidence and decompositions."""
    title = report.molecule_name
    if title != report.formula:
        title += f"  ({report.formula})"
    lines = [title, "=" * min(len(title), _WIDTH)]
    lines += _entry(
        "Point group", f"{report.point_group}" + (f" (order {o})" if (o := report.point_group.order) else "")
    )
    lines += _entry("Evidence", evidence_sentence(report))
    if report.detection.deviation_angstrom > 1e-3 or report.detection.ambiguous:
        lines += _entry("Chosen", report.detection.reason)
    if len(report.molecule) > 1:
        lines += _entry("Axes", axes_sentence(report))
    lines += _entry("Molecule", properties_sentence(report))
    lines += _entry("Vibrations", degrees_of_freedom(report))
    if len(report.molecule) > 1:
        lines += _entry("Gamma_3N", sum_of(report.gamma_3n))
        lines += _entry("Gamma_trans", sum_of(report.gamma_trans))
        lines += _entry("Gamma_rot", sum_of(report.gamma_rot))
        lines += _entry("Gamma_vib", sum_of(report.gamma_vib))
    return lines


def finding_lines(report: "PointGroupReport") -> list[str]:
    """R with its formula, who sees what, what becomes of the silent species, exclusion."""
    formula = completeness_formula(report)
    if formula is None:
        return _entry("R", "undefined: there is no vibration to see")
    lines = _entry("R", f"(IR + Raman - both)/all = {formula.union} = {formula.value}")
    lines += _entry("", f"raw ratio (IR + Raman)/all = {formula.raw} = {formula.raw_value}")
    lines += _entry("IR sees", sum_of(report.species("IR")))
    lines += _entry("Raman sees", sum_of(report.species("Raman")))
    lines += _entry("Both see", sum_of(report.species("both")))
    lines += _entry("Silent", sum_of(report.species("silent"), "none: IR or Raman sees every vibration"))
    for outlook in silent_outlook(report):
        lines += _entry(f"  {outlook.label}", outlook_sentence(outlook))
    lines += _entry("Exclusion", exclusion_sentence(report))
    return lines


def _entry(label: str, text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=label.ljust(_LABEL), subsequent_indent=" " * _LABEL) or [label]
