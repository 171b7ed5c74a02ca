"""The report as one self-contained HTML page, and as a fragment for notebooks. Templates escape everything."""

import re
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .character_table import character_table
from .cyclotomic import Cyclotomic
from .label_markup import class_html, group_html, irrep_html, sum_html
from .report_words import (
    SilentOutlook,
    completeness_formula,
    degrees_of_freedom,
    evidence_sentence,
    exclusion_sentence,
    properties_sentence,
    raman_word,
    silent_outlook,
)
from .worked_reduction import IrrepStep, WorkedReduction, work_reduction

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from .crystal import CrystalReport
    from .drawing import Which
    from .report import PointGroupReport

__all__ = ["crystal_fragment", "crystal_html", "report_fragment", "report_html"]

_ALL_IRREPS_UP_TO = 24  # a larger group lists only the species that the molecule has
_OPEN_UP_TO = 12  # sums worked for more irreps than this are folded


def report_html(report: "PointGroupReport") -> str:
    """The whole page."""
    from .. import __version__
    from .report_figures import VISIBILITY_COLOURS

    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            version=__version__,
            colours=VISIBILITY_COLOURS,
            figures=_figures(report),
            work=_worked(report.worked_reduction) if report.worked_reduction else None,
            table=_trusted(_breakable(character_table(report.point_group, form="real").html())),
            **_common(report),
        )
    )


def report_fragment(report: "PointGroupReport") -> str:
    """A compact table for a notebook cell."""
    return _environment().get_template("fragment.html.j2").render(r=report, **_common(report))


def crystal_html(report: "CrystalReport") -> str:
    """The whole page of a crystal."""
    from .. import __version__
    from ._crystal_text import axes_words, cell_words, freedom_words
    from .report_figures import VISIBILITY_COLOURS, figure_data_uri, plot_counts

    return (
        _environment()
        .get_template("crystal.html.j2")
        .render(
            r=report,
            version=__version__,
            colours=VISIBILITY_COLOURS,
            figure=figure_data_uri(plot_counts(report), "counts"),
            work=_worked(work_reduction(report.point_group, report.symmetry.fixed_atoms_per_class)),
            table=_trusted(_breakable(character_table(report.point_group, form="real").html())),
            axes=axes_words(report),
            cell=_sentence(cell_words(report))[:-1],
            freedom=freedom_words(report),
            **_crystal_common(report),
        )
    )


def crystal_fragment(report: "CrystalReport") -> str:
    """A compact table of a crystal for a notebook cell."""
    return _environment().get_template("crystal_fragment.html.j2").render(r=report, **_crystal_common(report))


def _crystal_common(report: "CrystalReport") -> dict[str, Any]:
    from ._crystal_text import evidence_words, exclusion_words

    parts = {row.label: ", ".join(report.raman_tensor.get(row.label, ())) for row in report.rows}
    return {
        "tensor": {label: _trusted(_power_html(text)) for label, text in parts.items()},
        "evidence": evidence_words(report),
        "exclusion": exclusion_words(report),
    }


def _power_html(text: str) -> str:
    """Polynomials with their squares raised."""
    return re.sub(r"\^(\d)", r"<sup>\1</sup>", escape(text.replace("-", "\N{MINUS SIGN}")))


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name, function in (
        ("irrep", irrep_html),
        ("op", class_html),
        ("group", group_html),
        ("irreps", sum_html),
        ("formula", _formula_html),
        ("space_group", _space_group_html),
        ("number", _number_html),
        ("description", _description_html),
    ):
        environment.filters[name] = _typesetting(function)
    environment.filters["raman"] = raman_word
    environment.filters["angstrom"] = _angstrom
    return environment


def _trusted(fragment: str) -> "Markup":
    from markupsafe import Markup

    return Markup(fragment)


def _typesetting(function: Any) -> Any:
    """A filter from one of our typesetting functions, each of which escapes what it is given."""
    return lambda *args: _trusted(function(*args))


def _common(report: "PointGroupReport") -> dict[str, Any]:
    group = report.point_group
    every = group.is_finite and len(report.rows) <= _ALL_IRREPS_UP_TO
    return {
        "rows": report.rows if every else report.occurring_rows,
        "every_irrep": every,
        "formula_r": completeness_formula(report),
        "freedom": degrees_of_freedom(report),
        "evidence": _prose(report, _sentence(evidence_sentence(report))),
        "properties": _sentence(properties_sentence(report)),
        "exclusion": _prose(report, exclusion_sentence(report)),
        "outlooks": [(o.label, _trusted(_outlook_html(o))) for o in silent_outlook(report)],
        "sections": [(section.title, _trusted(section.to_html())) for section in report.sections],
    }


def _breakable(table: str) -> str:
    """A character table whose long basis functions may break after a comma."""
    cells = re.compile(r'(?<=<td class="text">).*?(?=</td>)')
    return cells.sub(lambda match: match[0].replace(",", ",<wbr>"), table)


def _figures(report: "PointGroupReport") -> list[dict[str, str]]:
    """Pictures as data URIs with their captions, the counts first."""
    from .drawing import draw_molecule, drawn_elements
    from .report_figures import figure_data_uri, plot_counts

    figures = [{"name": "counts", "uri": figure_data_uri(plot_counts(report), "counts"), "caption": ""}]
    subjects: tuple[tuple[Which, str], ...] = (("axes", "symmetry axes"), ("planes", "mirror planes"))
    for which, words in subjects:
        elements, all_drawn = drawn_elements(report, which)
        if which == "planes" and not elements:
            continue
        caption = f"{words} in the standard orientation, z up"
        if not elements:
            caption = "The molecule in the standard orientation, z up" if report.n_vib else "The atom"
        elif not all_drawn:
            caption = f"One of each class of {caption}"
        elif report.point_group.label == "Cinfv" or (which == "planes" and report.point_group.is_linear):
            caption += "; every plane that holds the axis is a mirror too"
        uri = figure_data_uri(draw_molecule(report, which), which)
        figures.append({"name": which, "uri": uri, "caption": _sentence(caption)})
    return figures


def _worked(work: WorkedReduction) -> dict[str, Any]:
    return {
        "order": work.order,
        "classes": work.classes,
        "irreps": [(step, _trusted(_sum_html(step))) for step in work.irreps],
        "open": len(work.irreps) <= _OPEN_UP_TO,
        "pairs": any(step.norm == 2 for step in work.irreps),
    }


def _outlook_html(outlook: SilentOutlook) -> str:
    """As :func:`outlook_sentence`, with the irreps typeset."""
    parts = [f"fundamental by {escape(' and '.join(outlook.direct))}"] if outlook.direct else []
    for technique, (overtone, partners) in (("IR", outlook.infrared), ("Raman", outlook.raman)):
        ways = [f"in {n}{irrep_html(label)}" for n, label in ([overtone.split(" ", 1)] if overtone else [])]
        ways += [f"with {', '.join(irrep_html(p) for p in partners)}"] if partners else []
        if ways:
            parts.append(f"<b>{technique}</b> {', '.join(ways)}")
    if not outlook.visible:
        parts.append("no overtone or binary combination shows it")
    return "; ".join(parts)


def _sum_html(step: IrrepStep) -> str:
    """The terms of one sum, "1·1·9 + 1·1·(−1)": operations in the class, character, chi_3N."""
    terms = [f"{size}·{_factor(chi.conjugate())}·{_factor(character)}" for size, chi, character in step.terms]
    return " + ".join(f'<span class="term">{term}</span>' for term in terms) or "0"


def _factor(value: Cyclotomic) -> str:
    text = _number_html(value)
    return text if text.isalnum() else f"({text})"


def _number_html(value: Cyclotomic | int) -> str:
    text = value.unicode() if isinstance(value, Cyclotomic) else str(value)
    return escape(text.replace("-", "\N{MINUS SIGN}"))


def _formula_html(formula: str) -> str:
    """A Hill formula with subscripts; mass numbers in brackets stay."""
    return re.sub(r"(?<=[A-Za-z\]])(\d+)", r"<sub>\1</sub>", escape(formula))


def _space_group_html(symbol: str) -> str:
    """A Hermann-Mauguin symbol ("P4_2/mnm", "R-3c") with its screw axes as subscripts and bars above the digits."""
    screws = re.sub(r"_(\d)", r"<sub>\1</sub>", escape(symbol))
    return re.sub(r"-(\d)", "\\1\N{COMBINING OVERLINE}", screws)


def _angstrom(value: float) -> str:
    """A deviation for a table: below 1e-6 it is numerical zero."""
    return "< 0.000001" if value < 1e-6 else f"{value:.6f}"


def _prose(report: "PointGroupReport", text: str) -> "Markup":
    """A sentence of ours, escaped, with the point groups in it typeset."""
    labels = {report.point_group.label, *(rival.point_group for rival in report.detection.rivals)}
    names = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    return _trusted(re.sub(rf"\b({names})\b", lambda match: group_html(match[1]), escape(text)))


def _description_html(text: str) -> str:
    """Words about a class with the names of operations in them typeset."""
    return re.sub(r"\b[CS]\d+(\^\d+)?'*|\bsigma_[hvd]\b", lambda match: class_html(match[0]), escape(text, quote=False))


def _sentence(text: str) -> str:
    """First letter upper case, full stop at the end, and a proper angstrom sign."""
    text = re.sub(r"(?<=\d) A\b", " Å", text)
    return f"{text[:1].upper()}{text[1:]}."
