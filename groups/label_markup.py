"""Labels of irreps, classes and point groups typeset for HTML and LaTeX.

Input is the ASCII of the rest of symvib: "A1g", "E''", "1E1u", "Sigmau+", "2C6", "sigma_v'(yz)", "S12^5".
"""

import re
from html import escape

__all__ = ["class_html", "class_latex", "group_html", "irrep_html", "irrep_latex", "sum_html", "sum_latex"]

_GREEK = {"Sigma": "Σ", "Pi": "Π", "Delta": "Δ", "Phi": "Φ", "Gamma": "Γ"}
_IRREP = re.compile(r"([12]?)(Sigma|Pi|Delta|Phi|Gamma|[A-Z])(\d*)([gu]?)([+-]?)('{0,2})")
_CLASS = re.compile(r"(\d*|inf )(sigma|[A-Z])(?:_?([a-z]|\d+))?('{0,2})(?:\^(\d+))?('{0,2})(\(.*\))?")
_MINUS = "\N{MINUS SIGN}"


def _irrep_parts(label: str) -> tuple[str, str, str, str] | None:
    match = _IRREP.fullmatch(label)
    if match is None:
        return None
    member, letter, index, parity, sign, primes = match.groups()
    return member, letter, index + parity, sign or primes


def irrep_html(label: str) -> str:
    """``label`` as HTML with sub- and superscripts, escaped.

    >>> irrep_html("A1g"), irrep_html("E''"), irrep_html("Sigmau+")
    ('A<sub>1g</sub>', 'E″', 'Σ<sub>u</sub><sup>+</sup>')
    """
    parts = _irrep_parts(label)
    if parts is None:
        return escape(label)
    member, letter, below, above = parts
    prime = {"'": "′", "''": "″"}.get(above, "")
    sign = f"<sup>{above.replace('-', _MINUS)}</sup>" if above in ("+", "-") else ""
    return (
        (f"<sup>{member}</sup>" if member else "")
        + _GREEK.get(letter, letter)
        + (f"<sub>{below}</sub>" if below else "")
        + prime
        + sign
    )


def irrep_latex(label: str) -> str:
    r"""``label`` in LaTeX without dollar signs.

    >>> print(irrep_latex("A1g"), irrep_latex("E1''"), irrep_latex("Sigmau+"))
    A_{1g} E_{1}'' \Sigma_{u}^{+}
    """
    parts = _irrep_parts(label)
    if parts is None:
        return rf"\text{{{label}}}"
    member, letter, below, above = parts
    head = rf"\{letter}" if letter in _GREEK else letter
    tail = f"^{{{above}}}" if above in ("+", "-") else above
    return (f"{{}}^{{{member}}}" if member else "") + head + (f"_{{{below}}}" if below else "") + tail


def class_html(label: str) -> str:
    """Class or operation ``label`` as HTML, escaped.

    >>> class_html("2C6"), class_html("sigma_v'(yz)"), class_html("2S12^5")
    ('2C<sub>6</sub>', 'σ<sub>v</sub>′(yz)', '2S<sub>12</sub><sup>5</sup>')
    """
    match = _CLASS.fullmatch(label)
    if match is None:
        return escape(label).replace("sigma_v", "σ<sub>v</sub>").replace("inf", "∞").replace("phi", "φ")
    count, letter, below, prime, power, more, place = match.groups()
    return (
        count.replace("inf ", "∞")
        + {"sigma": "σ"}.get(letter, letter)
        + (f"<sub>{below}</sub>" if below else "")
        + {"'": "′", "''": "″"}.get(prime + more, "")
        + (f"<sup>{power}</sup>" if power else "")
        + escape(place or "").replace("phi", "φ")
    )


def class_latex(label: str) -> str:
    r"""Class or operation ``label`` in LaTeX without dollar signs.

    >>> print(class_latex("3C2''"), class_latex("sigma_v(xz)"))
    3C_{2}'' \sigma_{v}(xz)
    """
    match = _CLASS.fullmatch(label)
    if match is None:
        return label.replace("sigma_v", r"\sigma_{v}").replace("inf", r"\infty ").replace("phi", r"\varphi")
    count, letter, below, prime, power, more, place = match.groups()
    return (
        count.replace("inf ", r"\infty ")
        + {"sigma": r"\sigma"}.get(letter, letter)
        + (f"_{{{below}}}" if below else "")
        + prime
        + more
        + (f"^{{{power}}}" if power else "")
        + (place or "").replace("phi", r"\varphi")
    )


def group_html(label: str) -> str:
    """Schoenflies symbol as HTML.

    >>> group_html("D6h"), group_html("Cinfv")
    ('D<sub>6h</sub>', 'C<sub>∞v</sub>')
    """
    rest = escape(label[1:]).replace("inf", "∞")
    return escape(label[:1]) + (f"<sub>{rest}</sub>" if rest else "")


def sum_html(counts: dict[str, int], none: str = "none") -> str:
    """A decomposition as HTML, "2A<sub>1</sub> + B<sub>1</sub>"; ``none`` where it is empty."""
    terms = [f"<span class=term>{n if n > 1 else ''}{irrep_html(label)}</span>" for label, n in counts.items()]
    return " + ".join(terms) or escape(none)


def sum_latex(counts: dict[str, int], none: str = r"\text{none}") -> str:
    """A decomposition in LaTeX without dollar signs; ``none`` where it is empty."""
    return " + ".join(f"{n if n > 1 else ''}{irrep_latex(label)}" for label, n in counts.items()) or none
