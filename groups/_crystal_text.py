"""The report on a crystal as plain text and Markdown."""

import textwrap
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from .report_markup import escape_markdown, markdown_table
from .report_text import text_table
from .report_words import sum_of

if TYPE_CHECKING:
    from ._crystal_sites import SiteCorrelation
    from .crystal import CrystalReport

__all__ = [
    "axes_words",
    "cell_words",
    "correlation_cells",
    "crystal_markdown",
    "crystal_text",
    "evidence_words",
    "exclusion_words",
    "freedom_words",
]

_WIDTH = 100
_LABEL = 17
_SITE_COLUMNS = ("Atoms", "Wyckoff", "site symmetry", "group", "per primitive cell", "site species", "crystal species")


def crystal_text(report: "CrystalReport") -> str:
    """The report as text of at most 100 columns (long symbols excepted)."""
    group = report.point_group.label
    title = (
        f"{report.molecule_name} ({report.formula}): {report.space_group} (No. {report.space_group_number}), {group}"
    )
    head = [
        title,
        "=" * len(title),
        *_entry("Factor group", f"{group}, order {report.point_group.order}"),
        *_entry("Primitive cell", cell_words(report)),
        *_entry("Evidence", evidence_words(report)),
        *_entry("Axes", axes_words(report)),
    ]
    blocks = ["\n".join(head), text_table(_SITE_COLUMNS, [c for s in report.sites for c in correlation_cells(s)])]
    gammas = [
        *_entry("Gamma_3N", sum_of(report.gamma_3n)),
        *_entry("Gamma_acoustic", sum_of(report.gamma_acoustic)),
        *_entry("Gamma_optic", sum_of(report.gamma_optic)),
        *_entry("Optic modes", freedom_words(report)),
    ]
    blocks.append("\n".join(gammas))
    if report.n_vib:
        blocks.append(text_table(_species_columns(), _species_cells(report)))
        blocks.append(text_table(("", "IR", "Raman", "both", "silent", "all"), _count_cells(report)))
        blocks.append("\n".join(line for name, words in _findings(report) for line in _entry(name, words)))
    notes = [textwrap.fill(f"Note: {note}", _WIDTH, subsequent_indent="      ") for note in report.notes]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])])


def crystal_markdown(report: "CrystalReport") -> str:
    """The report as GitHub Markdown."""
    group = report.point_group.label
    facts = [
        ("Space group", f"{report.space_group} (No. {report.space_group_number})"),
        ("Factor group", f"{group}, order {report.point_group.order}"),
        ("Primitive cell", cell_words(report)),
        ("Evidence", evidence_words(report)),
        ("Axes", axes_words(report)),
        ("Gamma_3N", sum_of(report.gamma_3n)),
        ("Gamma_acoustic", sum_of(report.gamma_acoustic)),
        ("Gamma_optic", sum_of(report.gamma_optic)),
        ("Optic modes", freedom_words(report)),
        *(_findings(report) if report.n_vib else ()),
    ]
    parts = [
        f"# {escape_markdown(report.molecule_name)}: {escape_markdown(report.space_group)}",
        _markdown(("", ""), facts),
        "## Sites and their correlation",
        _markdown(_SITE_COLUMNS, [c for s in report.sites for c in correlation_cells(s)]),
    ]
    if report.n_vib:
        parts += [
            "## What the spectra see",
            _markdown(_species_columns(), _species_cells(report)),
            _markdown(("", "IR", "Raman", "both", "silent", "all"), _count_cells(report)),
        ]
    parts += [f"*Note: {escape_markdown(note)}*" for note in report.notes]
    return "\n\n".join(parts) + "\n"


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(columns, [[escape_markdown(cell) for cell in row] for row in rows])


def cell_words(report: "CrystalReport") -> str:
    """Contents of the primitive and the conventional cell."""
    symmetry = report.symmetry
    a, b, c, alpha, beta, gamma = symmetry.lattice_parameters
    return (
        f"{symmetry.n_primitive} atom{'s' if symmetry.n_primitive != 1 else ''}, Z = {report.units_primitive} "
        f"(conventional: {symmetry.n_conventional}, Z = {report.units_conventional}; a, b, c = {a:.4f}, {b:.4f}, "
        f"{c:.4f} A; alpha, beta, gamma = {alpha:.2f}, {beta:.2f}, {gamma:.2f} deg)"
    )


def evidence_words(report: "CrystalReport") -> str:
    """Tolerance, deviation of the atoms, and the space groups at other tolerances."""
    symmetry = report.symmetry
    worst = symmetry.deviation_angstrom
    obeyed = "to numerical exactness" if worst < 1e-6 else f"within {worst:.2g} A"
    others = ", ".join(f"{symbol} at {value:g} A" for value, _, symbol in report.space_group_by_tolerance)
    return f"spglib with tolerance {symmetry.tolerance_angstrom:g} A; every operation obeyed {obeyed}; {others}"


def axes_words(report: "CrystalReport") -> str:
    """What x, y, z of the character table are, and the standard cell in the basis of the input."""
    symmetry = report.symmetry
    if "any" in symmetry.cartesian_axes:
        table = "any x, y, z"
    else:
        table = ", ".join(f"{n} along {axis}" for n, axis in zip("xyz", symmetry.cartesian_axes, strict=True))
    if np.allclose(symmetry.standard_axes, np.eye(3), atol=1e-6):
        return f"{table} of the cell given, which is in the standard setting"
    vectors = (f"{n} = {_vector(row)}" for n, row in zip("abc", symmetry.standard_axes, strict=True))
    return f"{table} of the standard cell, in the basis of the input {', '.join(vectors)}"


def _vector(row: np.ndarray) -> str:
    terms = []
    for name, value in zip("abc", row, strict=True):
        fraction = Fraction(float(value)).limit_denominator(12)
        if fraction:
            size = "" if abs(fraction) == 1 else str(abs(fraction))
            terms.append(f"{'-' if fraction < 0 else '+'}{size}{name}")
    return "".join(terms).removeprefix("+")


def freedom_words(report: "CrystalReport") -> str:
    """The number of optic modes with its formula."""
    n = report.n_atoms
    return f"3N - 3 = 3 x {n} - 3 = {report.n_vib}"


def correlation_cells(site: "SiteCorrelation") -> list[tuple[str, ...]]:
    """One row per species of the site; the site itself in the first."""
    rows = []
    for index, species in enumerate(site.species):
        first = (site.orbit.kind, site.wyckoff, site.orbit.symbol, site.embedding, str(site.orbit.n_primitive))
        times = f"{species.multiplicity} " if species.multiplicity > 1 else ""
        axes = f" ({', '.join(species.axes)})" if species.axes else ""
        rows.append((*(first if not index else ("",) * 5), f"{times}{species.label}{axes}", sum_of(species.gamma)))
    return rows


def _species_columns() -> tuple[str, ...]:
    return ("Species", "levels", "modes", "acoustic", "IR axes", "Raman tensor", "seen by")


def _species_cells(report: "CrystalReport") -> list[tuple[str, ...]]:
    return [
        (
            row.label,
            str(row.count),
            str(row.modes),
            str(row.n_trans),
            ",".join(row.infrared) or "-",
            ", ".join(report.raman_tensor.get(row.label, ())) or "-",
            ", ".join(name for name in row.seen_by if name in ("IR", "Raman")) or "silent",
        )
        for row in report.occurring_rows
    ]


def _count_cells(report: "CrystalReport") -> list[tuple[str, ...]]:
    return [
        (name, *(str(n) for n in (c.n_ir, c.n_raman, c.n_both, c.n_silent, c.n_vib)))
        for name, c in (("modes", report.counts), ("levels", report.levels))
    ]


def _findings(report: "CrystalReport") -> list[tuple[str, str]]:
    ir, raman, both, n = report.n_ir, report.n_raman, report.n_both, report.n_vib
    return [
        ("Completeness", f"R = ({ir} + {raman} - {both})/{n} = {report.completeness:.3f}"),
        ("Silent", sum_of(report.species("silent"))),
        ("Mutual exclusion", exclusion_words(report)),
    ]


def exclusion_words(report: "CrystalReport") -> str:
    """Mutual exclusion in words."""
    from .report_words import exclusion_sentence

    return exclusion_sentence(report).replace("this molecule", "this crystal").replace("vibration", "optic mode")


def _entry(name: str, words: str) -> list[str]:
    return textwrap.wrap(
        words, _WIDTH, initial_indent=name.ljust(_LABEL), subsequent_indent=" " * _LABEL, break_long_words=False
    ) or [name]
