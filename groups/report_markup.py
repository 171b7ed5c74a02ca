"""The report in Markdown and LaTeX."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .label_markup import irrep_latex, sum_latex
from .report_text import count_rows, species_cells, species_columns
from .report_words import (
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

__all__ = ["report_latex", "report_markdown"]

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{amsmath,booktabs}
\begin{document}
"""


def escape_markdown(text: str) -> str:
    """``text`` with everything escaped that Markdown or its embedded HTML would read as markup."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)


def escape_latex(text: str) -> str:
    """``text`` as LaTeX text: special characters escaped, what pdfLaTeX cannot set (beyond Latin) as "?"."""
    escaped = "".join(_LATEX_SPECIAL.get(c, c) for c in text)
    return "".join(c if ord(c) < 0x180 else "?" for c in escaped)


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table; cells are taken as Markdown."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def report_markdown(report: "PointGroupReport") -> str:
    """The report as GitHub Markdown."""
    facts = [
        ("Formula", report.formula),
        ("Point group", report.point_group.label),
        ("Evidence", evidence_sentence(report)),
        ("Molecule", properties_sentence(report)),
        ("Vibrations", degrees_of_freedom(report)),
        *((name, sum_of(gamma)) for name, gamma in _gammas(report)),
    ]
    blocks = [f"# {escape_markdown(report.molecule_name)}"]
    blocks.append("\n".join(f"- **{name}**: {escape_markdown(text)}" for name, text in facts))
    if report.occurring_rows:
        cells = [tuple(escape_markdown(c) for c in species_cells(row)) for row in report.occurring_rows]
        blocks += ["## Species", markdown_table(species_columns(), cells)]
        blocks += ["## Counts", markdown_table(("", "IR", "Raman", "both", "silent", "all"), count_rows(report))]
    blocks += ["## What the spectra see", "\n".join(f"- {line}" for line in _markdown_findings(report))]
    if report.notes:
        blocks += ["## Notes", "\n".join(f"- {escape_markdown(note)}" for note in report.notes)]
    for section in report.sections:
        blocks += [f"## {escape_markdown(section.title)}", section.to_markdown()]
    return "\n\n".join(blocks) + "\n"


def _gammas(report: "PointGroupReport") -> list[tuple[str, dict[str, int]]]:
    if len(report.molecule) == 1:
        return []
    return [
        ("Γ(3N)", report.gamma_3n),
        ("Γ(translations)", report.gamma_trans),
        ("Γ(rotations)", report.gamma_rot),
        ("Γ(vibrations)", report.gamma_vib),
    ]


def _markdown_findings(report: "PointGroupReport") -> list[str]:
    formula = completeness_formula(report)
    if formula is None:
        return ["**R** is undefined: there is no vibration to see."]
    lines = [
        f"**R** = (IR + Raman - both)/all = {formula.union} = **{formula.value}** "
        f"(raw ratio (IR + Raman)/all = {formula.raw} = {formula.raw_value})"
    ]
    lines += [f"**{name}**: {escape_markdown(sum_of(report.species(key)))}" for name, key in _SEEN]
    lines += [f"**Exclusion**: {escape_markdown(exclusion_sentence(report))}"]
    lines += [f"silent {escape_markdown(f'{o.label}: {outlook_sentence(o)}')}" for o in silent_outlook(report)]
    return lines


_SEEN = (("IR sees", "IR"), ("Raman sees", "Raman"), ("Both see", "both"), ("Silent", "silent"))


def report_latex(report: "PointGroupReport", standalone: bool = False) -> str:
    """The report in LaTeX: a fragment (needs amsmath and booktabs) or a document."""
    blocks = [
        rf"\section*{{{escape_latex(report.molecule_name)}}}",
        rf"Formula: {escape_latex(report.formula)}. Point group ${report.point_group.latex}$: "
        rf"{escape_latex(evidence_sentence(report))}. {escape_latex(properties_sentence(report).capitalize())}. "
        rf"Vibrations: {escape_latex(degrees_of_freedom(report))}.",
    ]
    if report.occurring_rows:
        blocks += [_latex_gammas(report), _latex_species(report), _latex_counts(report)]
    blocks += [_latex_findings(report)]
    blocks += [rf"\paragraph{{Note}} {escape_latex(note)}" for note in report.notes]
    for section in report.sections:
        body = escape_latex(section.to_text()).replace("\n", "\\\\\n")
        blocks += [rf"\section*{{{escape_latex(section.title)}}}", rf"\noindent {body}"]
    text = "\n\n".join(blocks) + "\n"
    return f"{_PREAMBLE}{text}\\end{{document}}\n" if standalone else text


def _latex_gammas(report: "PointGroupReport") -> str:
    names = (
        ("3N", report.gamma_3n),
        ("trans", report.gamma_trans),
        ("rot", report.gamma_rot),
        ("vib", report.gamma_vib),
    )
    # Inline formulas, one a paragraph: TeX breaks a long sum at its plus signs, a display it would not.
    return "\n\n".join(rf"\noindent $\Gamma_{{\mathrm{{{name}}}}} = {sum_latex(gamma)}$" for name, gamma in names)


def _latex_species(report: "PointGroupReport") -> str:
    rows = [
        (
            f"${irrep_latex(row.label)}$",
            str(row.count),
            str(row.modes),
            f"${','.join(row.infrared)}$" if row.infrared else "--",
            raman_word(row) or "--",
            "yes" if row.hyper_raman else "--",
            escape_latex(species_cells(row)[-1]),
        )
        for row in report.occurring_rows
    ]
    return _tabular("lrrllll", species_columns(), rows)


def _latex_counts(report: "PointGroupReport") -> str:
    return _tabular("lrrrrr", ("", "IR", "Raman", "both", "silent", "all"), count_rows(report))


def _tabular(alignment: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    body = "\n".join(" & ".join(row) + r" \\" for row in rows)
    head = " & ".join(columns) + r" \\"
    return (
        f"\\begin{{center}}\\small\\setlength{{\\tabcolsep}}{{4pt}}\n\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{head}\n\\midrule\n{body}\n"
        "\\bottomrule\n\\end{tabular}\n\\end{center}"
    )


def _latex_findings(report: "PointGroupReport") -> str:
    formula = completeness_formula(report)
    if formula is None:
        return "The completeness $R$ is undefined: there is no vibration to see."
    lines = [
        rf"$R = (n_\mathrm{{IR}} + n_\mathrm{{Raman}} - n_\mathrm{{both}})/n_\mathrm{{vib}} = {formula.union} = "
        rf"{formula.value}$; raw ratio ${formula.raw} = {formula.raw_value}$.",
        *(rf"{name}: ${sum_latex(report.species(key))}$." for name, key in _SEEN),
        f"Mutual exclusion: {escape_latex(exclusion_sentence(report))}",
    ]
    return "\n\n".join(lines)
