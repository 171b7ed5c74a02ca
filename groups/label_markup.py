"""Labels of irreps, classes and groups for HTML and LaTeX, safe also where a label comes from a stored report."""

from collections.abc import Mapping
from html import escape

from .cyclotomic_text import Style
from .schoenflies import PointGroup
from .table_format import class_text, irrep_text

__all__ = ["class_html", "class_latex", "group_html", "irrep_html", "irrep_latex", "sum_html", "sum_latex"]

_INFINITE_AXIS = "Cinf"  # the line of a linear molecule: an element, not a class


def irrep_html(label: str) -> str:
    """``label`` as HTML with sub- and superscripts, escaped.

    >>> irrep_html("A1g"), irrep_html("<b>")
    ('A<sub>1g</sub>', '&lt;b&gt;')
    """
    return irrep_text(escape(label, quote=False), Style.HTML)


def irrep_latex(label: str) -> str:
    """``label`` in LaTeX without dollar signs."""
    return irrep_text(label, Style.LATEX)


def class_html(label: str) -> str:
    """Class, operation or element ``label`` as HTML, escaped.

    >>> class_html("2C6"), class_html("Cinf")
    ('2C<sub>6</sub>', 'C<sub>∞</sub>')
    """
    if label == _INFINITE_AXIS:
        return "C<sub>∞</sub>"
    return class_text(escape(label, quote=False), Style.HTML)


def class_latex(label: str) -> str:
    """Class, operation or element ``label`` in LaTeX without dollar signs."""
    return r"C_{\infty}" if label == _INFINITE_AXIS else class_text(label, Style.LATEX)


def group_html(label: str) -> str:
    """Schoenflies symbol as HTML.

    >>> group_html("D6h"), group_html("Cinfv")
    ('D<sub>6h</sub>', 'C<sub>∞v</sub>')
    """
    symbol = PointGroup.parse(label).label
    rest = symbol[1:].replace("inf", "∞")
    return symbol[0] + (f"<sub>{rest}</sub>" if rest else "")


def sum_html(counts: Mapping[str, int], none: str = "none") -> str:
    """A decomposition as HTML whose terms do not break across lines; ``none`` where it is empty."""
    terms = [f'<span class="term">{n if n > 1 else ""}{irrep_html(label)}</span>' for label, n in counts.items()]
    return " + ".join(terms) or escape(none)


def sum_latex(counts: Mapping[str, int], none: str = r"\text{none}") -> str:
    """A decomposition in LaTeX without dollar signs; ``none`` where it is empty."""
    return " + ".join(f"{n if n > 1 else ''}{irrep_latex(label)}" for label, n in counts.items()) or none
