"""How exact numbers are written: ASCII, Unicode, LaTeX and HTML text of a short sum of known terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import lcm

__all__ = ["Style", "Term", "render"]


class Style(Enum):
    """Kind of text."""

    ASCII = "ascii"
    UNICODE = "unicode"
    LATEX = "latex"
    HTML = "html"


@dataclass(frozen=True)
class Term:
    """One term of a sum: ``factor`` times 1, i, sqrt(radicand), cos(pi turn) or exp(i pi turn).

    Attributes
    ----------
    factor : Fraction
    kind : {"1", "i", "sqrt", "cos", "exp"}
    turn : Fraction
        Angle in units of pi (for "cos" and "exp").
    radicand : int
        For "sqrt".
    """

    factor: Fraction
    kind: str = "1"
    turn: Fraction = Fraction(0)
    radicand: int = 0


def render(terms: Sequence[Term], style: Style) -> str:
    """The sum of ``terms`` as text, over one common denominator.

    Examples
    --------
    >>> render([Term(Fraction(1, 2)), Term(Fraction(-1, 2), "sqrt", radicand=5)], Style.ASCII)
    '(1-sqrt5)/2'
    """
    terms = [term for term in terms if term.factor]
    if not terms:
        return "0"
    denominator = lcm(*(term.factor.denominator for term in terms))
    outer = ""
    if denominator > 1 and len(terms) > 1 and all(term.factor < 0 for term in terms):
        denominator, outer = -denominator, "-"  # -(1+sqrt5)/2, not (-1-sqrt5)/2
    parts = [_signed(term.factor * denominator, _symbol(term, style)) for term in terms]
    denominator = abs(denominator)
    text = parts[0] + "".join(part if part[0] == "-" else "+" + part for part in parts[1:])
    if denominator == 1:
        return text
    if style is Style.LATEX:
        sign, text = ("-", text[1:]) if len(parts) == 1 and text[0] == "-" else ("", text)
        return rf"{outer}{sign}\frac{{{text}}}{{{denominator}}}"
    return f"{outer}({text})/{denominator}" if len(parts) > 1 else f"{text}/{denominator}"


def _signed(factor: Fraction, symbol: str) -> str:
    whole = factor.numerator
    if not symbol:
        return str(whole)
    return {1: symbol, -1: "-" + symbol}.get(whole, f"{whole}{symbol}")


def _symbol(term: Term, style: Style) -> str:
    if term.kind in ("1", "i"):
        return "" if term.kind == "1" else "i"
    if term.kind == "sqrt":
        sign = {Style.ASCII: "sqrt{}", Style.LATEX: r"\sqrt{{{}}}"}.get(style, "√{}")
        return sign.format(term.radicand)
    p, q = term.turn.numerator, term.turn.denominator
    if style is Style.LATEX:
        angle = {1: r"\pi", -1: r"-\pi"}.get(p, rf"{p}\pi")
        if term.kind == "cos":
            return rf"\cos\frac{{{angle}}}{{{q}}}" if q > 1 else rf"\cos {angle}"
        return rf"\mathrm{{e}}^{{{angle}\mathrm{{i}}" + (f"/{q}}}" if q > 1 else "}")
    pi = "pi" if style is Style.ASCII else "π"
    angle = {1: pi, -1: "-" + pi}.get(p, f"{p}{pi}")
    over = f"/{q}" if q > 1 else ""
    if term.kind == "cos":
        return f"cos({angle}{over})"
    return f"exp({angle}{' ' if style is Style.ASCII else ''}i{over})"
