"""Text, Markdown, HTML and plot of an `Identifiability`."""

import math
from html import escape
from typing import TYPE_CHECKING, Any

from ..groups.cyclotomic_text import Style
from ..groups.report_figures import figure_data_uri
from ..groups.table_format import align, html_table, irrep_text, markdown_table
from .question import RANDOM_DERIVATIVES

if TYPE_CHECKING:
    from .identifiability_result import BlockIdentifiability, Identifiability

__all__ = ["finite", "html", "markdown", "plot", "text"]

_HEADER = (
    "irrep",
    "n",
    "intensity ranks",
    "unknown",
    "data",
    "indep.",
    "rank",
    "exact",
    "condition",
    "verdict",
    "blind",
)
_NAMES = {"ir": "IR", "raman": "Raman", "raman_isotropic": "iso", "raman_anisotropic": "aniso"}
_N_RIGHT = 8
_SETTLED_GAP = 1e3
_MOST_CONSTANTS = 40
_SEEN, _INVISIBLE = "#1f5fa8", "#b5442e"


def finite(value: float) -> float | None:
    """The value, or None where JSON has no number for it."""
    return float(value) if math.isfinite(value) else None


def _rows(result: "Identifiability", style: Style) -> list[list[str]]:
    return [[irrep_text(block.irrep, style), *_cells(block)] for block in result.blocks.values()]


def _cells(block: "BlockIdentifiability") -> list[str]:
    ranks = " ".join(f"{_NAMES[name]} {rank}" for name, rank in block.intensity_ranks.items()) or "-"
    return [
        f"{block.n}{'c' if block.kind == 'complex' else ''}",
        ranks,
        str(block.unknowns),
        str(block.nominal),
        str(block.independent),
        str(block.rank),
        "-" if block.exact_rank is None else str(block.exact_rank),
        _number(block.condition_number),
        f"{block.verdict} ({block.evidence})",
        f"{block.blind.verdict} ({block.blind.rank})",
    ]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if value < 1e4 else f"{value:.1e}"


def _total(result: "Identifiability") -> list[str]:
    exact = "-" if result.exact_rank is None else str(result.exact_rank)
    return [
        "all",
        str(sum(block.n for block in result.blocks.values())),
        "",
        str(result.unknowns),
        str(result.nominal),
        str(result.independent),
        str(result.rank),
        exact,
        _number(result.condition_number),
        f"{result.verdict} ({result.evidence})",
        f"{result.blind.verdict} ({result.blind.rank})",
    ]


def _headline(result: "Identifiability") -> str:
    measured = {"freq": "line positions", "ir": "IR intensities", "raman": "Raman activities"}
    names = [measured.get(name, "depolarization ratios") for name in result.observables]
    others = f", also of {', '.join(result.isotopologues)}" if result.isotopologues else ""
    return (
        f"{result.molecule.formula} ({result.point_group.label}): {', '.join(names)}{others}; {result.force_field} "
        f"force field, {result.n_constants} constants"
    )


def _notes(result: "Identifiability") -> list[str]:
    notes = [
        "Columns: n levels; ranks of the intensities observed; unknown constants; observables of the block's own lines "
        "and how many of them are independent; combinations that all data determine (singular values, exact "
        "arithmetic); blind: the same with the derivatives unknown (combinations left). Last row: all levels, of all "
        "isotopologues where some were added.",
        f"Derivatives of dipole moment and polarizability: {result.derivatives}.",
    ]
    if result.n_constants != result.unknowns:
        notes.append(
            f"The {result.n_constants} constants reach {result.unknowns} independent force fields (redundant "
            "coordinates)."
        )
    if any(block.kind == "complex" for block in result.blocks.values()):
        notes.append("c: a pair of complex-conjugate irreps; its block of F is Hermitian.")
    if apart := [b.irrep for b in result.blocks.values() if b.exact_rank not in (None, b.rank)]:
        notes.append(
            f"In {', '.join(apart)} exact arithmetic, on rounded coefficients, counts more than the singular "
            "values: rounding broke a relation of the molecule. The smaller number stands, with numerical evidence."
        )
    ratio = f"{result.nominal / result.unknowns:.2f}, of independent ones {result.independent / result.unknowns:.2f}"
    if not result.isotopologues:
        notes.append(f"Observables per unknown: {ratio}.")
    if unsettled := [b.irrep for b in result.blocks.values() if b.gap < _SETTLED_GAP]:
        notes.append(
            f"In {', '.join(unsettled)} the gap between singular values counted and not counted is below "
            f"{_SETTLED_GAP:.0f}: floating point does not settle the rank."
        )
    if result.derivatives == RANDOM_DERIVATIVES:
        notes.append(
            "Ranks are generic; condition numbers and standard errors mean something with a computed response only "
            "(engine=, --engine)."
        )
    return notes


def _noise_rows(result: "Identifiability") -> list[list[str]]:
    """Constants with the smallest standard errors first, in percent of sqrt(F_aa F_bb)."""
    if result.noise is None:
        return []
    found = sorted(zip(result.noise.standard_errors, result.noise.labels, strict=True), key=lambda pair: pair[0])
    rows = [[label, f"{100 * error:.3g}" if math.isfinite(error) else "not determined"] for error, label in found]
    left = len(rows) - _MOST_CONSTANTS
    return rows[:_MOST_CONSTANTS] + ([[f"... and {left} more (as_dict())", ""]] if left > 0 else [])


def _noise_words(result: "Identifiability") -> str:
    assert result.noise is not None
    noise = result.noise.noise
    return (
        f"Standard errors at {noise.wavenumber_cm1:g} cm-1, {100 * noise.intensity_relative:g} % of an intensity, "
        f"{noise.rho:g} of rho; {result.noise.effective_rank} combinations are known better than to their own size:"
    )


def _invisible(result: "Identifiability") -> list[str]:
    return [sentence for block in result.blocks.values() for sentence in block.null_space]


def text(result: "Identifiability") -> str:
    """For the terminal."""
    table = align(_HEADER, [*_rows(result, Style.ASCII), _total(result)], _N_RIGHT)
    lines = [_headline(result), "", table, "", *_notes(result)]
    if rows := _noise_rows(result):
        lines += ["", _noise_words(result), "", align(("constant", "% of sqrt(F_aa F_bb)"), rows, 1)]
    if found := _invisible(result):
        lines += ["", "Invisible (coefficients in units of sqrt(F_aa F_bb)):", *(f"  {line}" for line in found)]
    return "\n".join(lines)


def markdown(result: "Identifiability") -> str:
    """GitHub Markdown."""
    table = markdown_table(_HEADER, [*_rows(result, Style.UNICODE), _total(result)], _N_RIGHT)
    return "\n\n".join([_headline(result), table, *_notes(result), "\n".join(f"- {s}" for s in _invisible(result))])


def html(result: "Identifiability") -> str:
    """A fragment; everything from outside is escaped."""
    rows = [[row[0], *map(escape, row[1:])] for row in _rows(result, Style.HTML)]
    table = html_table(_HEADER, [*rows, list(map(escape, _total(result)))], _N_RIGHT, "character-table")
    notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(result))
    found = "".join(f"<li>{escape(sentence)}</li>" for sentence in _invisible(result))
    hidden = f"<p>Invisible (coefficients in units of &radic;(F<sub>aa</sub>F<sub>bb</sub>)):</p><ul>{found}</ul>"
    errors = ""
    if noise_rows := _noise_rows(result):
        cells = [[escape(label), escape(value)] for label, value in noise_rows]
        header = ("constant", "% of &radic;(F<sub>aa</sub>F<sub>bb</sub>)")
        errors = f"<p>{escape(_noise_words(result))}</p>{html_table(header, cells, 1, 'character-table')}"
    picture = figure_data_uri(plot(result, _new_axes()), "identifiability")
    figure = f'<figure><img src="{picture}" alt="singular values of each species" style="width:100%"></figure>'
    return f"<p>{escape(_headline(result))}</p>{table}{notes}{errors}{hidden if found else ''}{figure}"


def _new_axes() -> Any:
    """Axes of a figure that no window system has to know."""
    from matplotlib.figure import Figure

    return Figure(figsize=(7.2, 3.6), layout="constrained").add_subplot()


def plot(result: "Identifiability", ax: Any = None) -> Any:
    """Axes with the singular values of every block, those not counted hollow."""
    ax = _new_axes() if ax is None else ax
    start, ticks = 0, []
    smallest = min((float(v) for b in result.blocks.values() for v in b.singular_values[: b.rank]), default=1.0)
    floor = smallest * 1e-3
    for block in result.blocks.values():
        places = range(start, start + len(block.singular_values))
        heights = [max(float(v), floor) for v in block.singular_values]
        ax.plot(places[: block.rank], heights[: block.rank], "o", markersize=4, color=_SEEN)
        ax.plot(places[block.rank :], heights[block.rank :], "o", markersize=4, mfc="none", color=_INVISIBLE)
        ticks.append((start + len(heights) / 2 - 0.5, irrep_text(block.irrep)))
        start += len(heights) + 1
        ax.axvline(start - 1, color="0.9", linewidth=0.8, zorder=0)
    ax.plot([], [], "o", markersize=4, color=_SEEN, label="determined")
    if result.rank < result.unknowns:
        ax.plot([], [], "o", markersize=4, mfc="none", color=_INVISIBLE, label="invisible (zero up to rounding)")
    ax.legend(frameon=False, loc="center right", fontsize="small")
    ax.set_yscale("log")
    ax.set_xticks([place for place, _ in ticks], [name for _, name in ticks])
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("singular value (scaled)")
    ax.set_title(
        f"{result.molecule.formula}, {result.force_field} force field: rank {result.rank} of {result.unknowns}"
    )
    return ax
