"""Character tables, and the names in them, as text, Markdown, LaTeX, HTML and plain data."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from math import lcm
from typing import Any

from .angular_character import AngularCharacter
from .basis_functions import BasisFunctions
from .character_table import CharacterTable
from .cyclotomic import Cyclotomic
from .cyclotomic_text import Style, render
from .linear_groups import InfiniteTable
from .operations import reduced
from .schoenflies import PointGroup

__all__ = [
    "Style",
    "align",
    "class_text",
    "decomposition_text",
    "function_text",
    "group_text",
    "html_table",
    "irrep_text",
    "latex_table",
    "markdown_table",
    "table_as_dict",
    "table_html",
    "table_latex",
    "table_markdown",
    "table_text",
    "way_text",
]

Table = CharacterTable | InfiniteTable

_SUBSCRIPTS = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_SUPERSCRIPTS = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_GREEK = {
    "Sigma": "Σ", "Pi": "Π", "Delta": "Δ", "Phi": "Φ", "Gamma": "Γ", "Eta": "Η", "Iota": "Ι", "Kappa": "Κ",
}  # fmt: skip
_PRIME = r"\prime"
_LATEX_GREEK = {"Eta": r"\mathrm{H}", "Iota": r"\mathrm{I}", "Kappa": r"\mathrm{K}"}
_IRREP = re.compile(r"(\d?)(Sigma|Pi|Delta|Phi|Gamma|Eta|Iota|Kappa|[A-Z])(\d*)([gu]?)('*)([+-]?)")
_CLASS = re.compile(r"(inf |\d*)(sigma|[ECSi])(?:_([hvd]))?(\d*)(?:\^(\d+))?('*)(\(\w+\))?")
_HEADINGS = ("linear, rotations", "quadratic", "cubic")


def group_text(table: Table, style: Style) -> str:
    """Symbol of the group of a table."""
    group = table.point_group
    if style is Style.LATEX:
        return f"${group.latex}$"
    return group.label if style is Style.ASCII else group.unicode


def _primes(primes: str) -> str:
    return {1: "′", 2: "″"}.get(len(primes), "")


def irrep_text(label: str, style: Style = Style.UNICODE) -> str:
    r"""An irrep label typeset: "1E1u" as "¹E₁u", "Sigmag+" as "Σg⁺"; LaTeX without dollar signs.

    Examples
    --------
    >>> irrep_text("Sigmag+"), irrep_text("A2''", Style.LATEX), irrep_text("B1g", Style.HTML)
    ('Σg⁺', 'A_{2}^{\\prime\\prime}', 'B<sub>1g</sub>')
    """
    match = _IRREP.fullmatch(label)
    if style is Style.ASCII or match is None:
        return label
    member, letter, index, parity, primes, sign = match.groups()
    if style is Style.LATEX:
        head = _LATEX_GREEK.get(letter, "\\" + letter if letter in _GREEK else letter)
        below = f"_{{{index}{parity}}}" if index or parity else ""
        above = f"^{{{sign}{_PRIME * len(primes)}}}" if sign or primes else ""
        return (f"{{}}^{{{member}}}" if member else "") + head + below + above
    head = _GREEK.get(letter, letter)
    if style is Style.HTML:
        below = f"<sub>{index}{parity}</sub>" if index or parity else ""
        above = f"<sup>{sign.replace('-', '−')}</sup>" if sign else ""
        return (f"<sup>{member}</sup>" if member else "") + head + below + above + _primes(primes)
    return (
        member.translate(_SUPERSCRIPTS)
        + head
        + index.translate(_SUBSCRIPTS)
        + parity
        + _primes(primes)
        + sign.translate(_SUPERSCRIPTS)
    )


def class_text(label: str, style: Style = Style.UNICODE) -> str:
    """A class label typeset: "3sigma_v" as "3σv", "2S10^3" as "2S₁₀³"; LaTeX without dollar signs."""
    match = _CLASS.fullmatch(label)
    if style is Style.ASCII or match is None:
        return label
    count, letter, plane, order, power, primes, place = (part or "" for part in match.groups())
    if style is Style.LATEX:
        head = {"inf ": r"\infty "}.get(count, count) + {"sigma": r"\sigma"}.get(letter, letter)
        below = f"_{{{plane}{order}}}" if plane or order else ""
        above = f"^{{{power}{_PRIME * len(primes)}}}" if power or primes else ""
        return head + below + above + place.replace("phi", r"\phi")
    head = {"inf ": "∞"}.get(count, count) + {"sigma": "σ"}.get(letter, letter)
    place = place.replace("phi", "φ")
    if style is Style.HTML:
        below = f"<sub>{plane}{order}</sub>" if plane or order else ""
        above = f"<sup>{power}</sup>" if power else ""
        return head + below + above + _primes(primes) + place
    below = plane + order.translate(_SUBSCRIPTS)
    return head + below + power.translate(_SUPERSCRIPTS) + _primes(primes) + place


def function_text(text: str, style: Style = Style.UNICODE) -> str:
    """A basis function typeset: "x^2-y^2" as "x²−y²", "Rz" as "Rz"; LaTeX without dollar signs."""
    if style is Style.ASCII:
        return text
    if style is Style.LATEX:
        return re.sub(r"R([xyz])", r"R_\1", re.sub(r"sqrt(\d+)", r"\\sqrt{\1}", text))
    text = text.replace("sqrt", "√").replace("-", "−")
    if style is Style.HTML:
        text = re.sub(r"\^(\d)", r"<sup>\1</sup>", text)
        return re.sub(r"R([xyz])", r"R<sub>\1</sub>", text)
    return re.sub(r"\^(\d)", lambda m: m[1].translate(_SUPERSCRIPTS), text)


def decomposition_text(counts: Mapping[str, int], style: Style = Style.UNICODE) -> str:
    """A sum of irreps typeset: "2A₁g + E₂g"; LaTeX without dollar signs."""
    parts = [("" if n == 1 else str(n)) + irrep_text(label, style) for label, n in counts.items()]
    return " + ".join(parts) or "0"


def way_text(group: PointGroup, name: str, style: Style) -> str:
    """The name of an embedding, as "C2v (C2', sigma_v, sigma_h)", typeset; LaTeX without dollar signs."""
    if style is Style.ASCII:
        return name
    symbol = group.latex if style is Style.LATEX else group.unicode
    inside = name.removeprefix(group.label).strip(" ()")
    if not inside:
        return symbol
    classes = ", ".join(class_text(part, style) for part in re.split(r", (?=[A-Za-z])", inside))
    return f"{symbol}\\ ({classes})" if style is Style.LATEX else f"{symbol} ({classes})"


# ------------------------------------------------------------------------------------------------- characters


@lru_cache(maxsize=1024)
def _root_of_unity(value: Cyclotomic) -> tuple[int, int] | None:
    """``(k, n)`` with value = exp(2 pi i k/n), in lowest terms; None for other numbers."""
    if value * value.conjugate() != 1:
        return None
    n = value.conductor * (2 if value.conductor % 2 else 1)
    for k in range(n):
        if Cyclotomic.zeta(n, k) == value:
            return reduced(k, n)
    return None


class _Shorthand:
    """Writes non-real roots of unity as powers of one e = exp(2 pi i/n), e* its conjugate; i stays i."""

    def __init__(self, table: Table, style: Style) -> None:
        self.style = style
        self.n = 1
        values = set(table.characters.ravel().tolist()) if isinstance(table, CharacterTable) else set()
        orders = [root[1] for v in values if not v.is_real and (root := _root_of_unity(v)) is not None]
        if orders:
            halved = [order // 2 if order % 4 == 2 else order for order in orders]
            self.n = lcm(*halved) if all(order % 2 for order in halved) else lcm(*orders)
        self.letter = {Style.ASCII: "e", Style.LATEX: r"\varepsilon"}.get(style, "ε")

    def text(self, value: Cyclotomic | AngularCharacter) -> str:
        if isinstance(value, AngularCharacter):
            return {Style.ASCII: value.__str__, Style.LATEX: value.latex}.get(self.style, value.unicode)()
        root = None if value.is_real else _root_of_unity(value)
        if root is None or (self.n <= 4 and self.n != 3):
            text = render(value.terms(), self.style)
            return text if self.style in (Style.ASCII, Style.LATEX) else text.replace("-", "−")
        k, n = root
        sign = ""
        if self.n % n:  # n = 2 (mod 4) and self.n odd: the negative of an odd root
            sign = "-" if self.style in (Style.ASCII, Style.LATEX) else "−"
            k, n = (2 * k + n) % (2 * n), 2 * n
        power = k * self.n // n % self.n
        return sign + self._power(power)

    def _power(self, power: int) -> str:
        if 4 * power in (self.n, 3 * self.n):
            minus = "-" if self.style in (Style.ASCII, Style.LATEX) else "−"
            return "i" if 4 * power == self.n else minus + "i"
        conjugate = 2 * power > self.n
        power = self.n - power if conjugate else power
        star, exponent = "*" if conjugate else "", "" if power == 1 else str(power)
        if self.style is Style.LATEX:
            return self.letter + (f"^{{{exponent}{star}}}" if exponent or star else "")
        if self.style is Style.ASCII:
            return self.letter + (f"^{exponent}" if exponent else "") + star
        if self.style is Style.HTML:
            return self.letter + (f"<sup>{exponent}</sup>" if exponent else "") + star
        return self.letter + exponent.translate(_SUPERSCRIPTS) + star

    def note(self) -> str | None:
        if self.n <= 4 and self.n != 3:
            return None
        if self.style is Style.LATEX:
            return (
                rf"$\varepsilon = \mathrm{{e}}^{{2\pi\mathrm{{i}}/{self.n}}}$; an asterisk means the complex conjugate"
            )
        pi = "pi " if self.style is Style.ASCII else "π"
        return f"{self.letter} = exp(2{pi}i/{self.n}); * complex conjugate"


# ------------------------------------------------------------------------------------------------------ tables


def _function_columns(functions: BasisFunctions, style: Style) -> list[str]:
    columns = [(*functions.linear, *functions.rotational), functions.quadratic, functions.cubic]
    texts = [", ".join(function_text(text, style) for text in column) for column in columns]
    return [f"${text}$" if text and style is Style.LATEX else text for text in texts]


def _rows(table: Table, style: Style) -> tuple[list[str], list[list[str]], list[str]]:
    """Header, rows (irrep, characters, functions) and footnotes of a table."""

    def math(text: str) -> str:
        return f"${text}$" if style is Style.LATEX else text

    shorthand = _Shorthand(table, style)
    header = [
        group_text(table, style),
        *(math(class_text(c.label, style)) for c in table.classes),
        *_HEADINGS,
    ]
    rows, seen = [], set()
    for irrep, characters in zip(table.irreps, table.characters, strict=True):
        functions = BasisFunctions() if irrep.real_label in seen else table.functions[irrep.real_label]
        seen.add(irrep.real_label)
        cells = [math(shorthand.text(value)) for value in characters]
        rows.append([math(irrep_text(irrep.label, style)), *cells, *_function_columns(functions, style)])
    if isinstance(table, InfiniteTable):
        rows.append([r"$\cdots$" if style is Style.LATEX else "..."] + [""] * (len(header) - 1))
    notes = [note] if (note := shorthand.note()) else []
    for c in table.classes:
        if (
            c.symbol.endswith("'")
            or c.symbol in ("sigma_v", "sigma_d")
            or (c.symbol.startswith(("C3", "S6")) and (table.point_group.family in ("T", "Th")))
        ):
            notes.append(f"{math(class_text(c.symbol, style))}: {_safe(c.description, style)}")
    pairs = [irrep for irrep in table.irreps if irrep.reality == "complex"]
    if pairs and table.form == "real":
        names = ", ".join(math(irrep_text(irrep.label, style)) for irrep in pairs)
        notes.append(f"{names}: sum of two complex-conjugate irreps (norm 2)")
    return header, rows, notes


def _safe(text: str, style: Style) -> str:
    if style is Style.LATEX:
        text = re.sub(r"sigma_(\w)", r"$\\sigma_\1$", text).replace("C2''", "$C_2''$").replace("C2'", "$C_2'$")
        return re.sub(r"\b([CS])(\d+)\^(\d+)", r"$\1_{\2}^{\3}$", text)
    return escape(text, quote=False) if style is Style.HTML else text


def align(header: Sequence[str], rows: Sequence[Sequence[str]], n_right: int) -> str:
    """Rows as aligned columns; columns 1 to ``n_right`` flush right, the others flush left."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[c]) for line in lines) for c in range(len(header))]

    def row(line: list[str]) -> str:
        cells = [
            cell.rjust(width) if 1 <= c <= n_right else cell.ljust(width)
            for c, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([row(lines[0]), "-" * (sum(widths) + 2 * len(widths) - 2), *map(row, lines[1:])])


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], n_right: int) -> str:
    """Rows as a GitHub table; columns 1 to ``n_right`` flush right."""
    rule = ["---:" if 1 <= c <= n_right else "---" for c in range(len(header))]

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|").replace("*", r"\*") for cell in cells) + " |"

    return "\n".join([row(header), "|" + "|".join(rule) + "|", *map(row, rows)])


def latex_table(header: Sequence[str], rows: Sequence[Sequence[str]], n_right: int) -> str:
    """Rows (already LaTeX) as a booktabs tabular."""
    columns = "".join("r" if 1 <= c <= n_right else "l" for c in range(len(header)))
    body = [" & ".join(row) + r" \\" for row in rows]
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(header) + r" \\", r"\midrule", *body]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], n_right: int, css_class: str) -> str:
    """Rows (already HTML) as a table; the first cell of each row is its header."""

    def cells(row: Sequence[str]) -> str:
        texts = (
            f'<td class="{"number" if 1 <= c <= n_right else "text"}">{cell}</td>' for c, cell in enumerate(row) if c
        )
        return f'<tr><th scope="row">{row[0]}</th>{"".join(texts)}</tr>'

    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "\n".join(map(cells, rows))
    return f'<table class="{css_class}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'


def table_text(table: Table, unicode: bool = False) -> str:
    """The table as aligned text, with footnotes."""
    header, rows, notes = _rows(table, Style.UNICODE if unicode else Style.ASCII)
    return "\n".join([align(header, rows, len(table.classes)), *notes])


def table_markdown(table: Table) -> str:
    """The table in GitHub Markdown."""
    header, rows, notes = _rows(table, Style.UNICODE)
    lines = [markdown_table(header, rows, len(table.classes)), *(note.replace("*", r"\*") for note in notes)]
    return "\n\n".join(lines)


def table_latex(table: Table) -> str:
    """The table as a LaTeX tabular; footnotes follow it."""
    header, rows, notes = _rows(table, Style.LATEX)
    return "\n".join([latex_table(header, rows, len(table.classes)), *(rf"\\ {note}" for note in notes)])


def table_html(table: Table) -> str:
    """The table as an HTML fragment without styles: classes ``character-table``, ``number``, ``text``, ``notes``."""
    header, rows, notes = _rows(table, Style.HTML)
    text = html_table(header, rows, len(table.classes), "character-table")
    if notes:
        text += '\n<p class="notes">' + "<br>\n".join(notes) + "</p>"
    return text


def table_as_dict(table: Table) -> dict[str, Any]:
    """Plain data for JSON: exact characters as strings, and for finite groups floats or [re, im] pairs."""
    result: dict[str, Any] = {
        "point_group": table.point_group.label,
        "order": table.order,
        "form": table.form,
        "classes": [
            {"label": c.label, "symbol": c.symbol, "size": c.size, "description": c.description} for c in table.classes
        ],
        "irreps": [
            {"label": i.label, "dimension": i.dimension, "reality": i.reality, "partner": i.partner}
            for i in table.irreps
        ],
        "characters": [[str(value) for value in row] for row in table.characters],
        "functions": {
            label: {kind: list(getattr(f, kind)) for kind in ("linear", "rotational", "quadratic", "cubic")}
            for label, f in table.functions.items()
        },
    }
    if isinstance(table, CharacterTable):
        for c, data in zip(table.classes, result["classes"], strict=True):
            data["operations"] = list(c.indices)
            data["order"] = c.order
        numeric = table.to_numpy()
        real = numeric.dtype.kind == "f"
        result["characters_numeric"] = [[float(x) if real else [x.real, x.imag] for x in row] for row in numeric]
    return result
