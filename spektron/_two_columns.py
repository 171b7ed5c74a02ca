"""Plain two-column text files of spectra, as instruments and colleagues write them: no header of ours is needed."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SpectrumError
from ..groups.operations import NDArrayFloat

__all__ = ["MOST_POINTS", "TwoColumns", "parse_two_columns"]

MOST_POINTS = 5_000_000
_HEADER_LINES = 200  # a text without a pair of numbers in its first lines is no spectrum
_MISSING = {"", "nan", "na", "n/a", "inf", "+inf", "-inf", "null", "none", "--"}
_UNIT_WORDS = (
    ("cm-1", r"cm\s*\^?\s*[-−‐–]\s*1|1\s*/\s*cm|wave\s*number|raman\s*shift|cm⁻¹"),
    ("um", r"\bum\b|[µμ]m\b|micron|micromet"),
    ("nm", r"\bnm\b|nanomet"),
)
_QUANTITY_WORDS = (
    ("transmittance", r"transmit|transmission|%\s*t\b"),
    ("absorbance", r"absorb|\babs\b|log\s*\(?\s*1\s*/\s*[rt]\b"),
    ("raman", r"raman"),
)


@dataclass(frozen=True, eq=False)
class TwoColumns:
    """What a two-column file holds: numbers as written (any order, NaN where a cell is empty) and what its head says.

    Attributes
    ----------
    axis, values : ndarray (n,)
    unit : str or None
        "cm-1", "um" or "nm" if the head names it; several, joined by " or ", if it does not say which.
    quantity : str or None
        "transmittance", "absorbance" or "raman" if the head names it.
    """

    axis: NDArrayFloat
    values: NDArrayFloat
    unit: str | None
    quantity: str | None


def parse_two_columns(text: str, source: str | Path) -> TwoColumns:
    r"""The two columns of a text: comma, semicolon, tab or blanks between them; point or comma as decimal mark.

    Lines before the first pair of numbers are the head, lines that begin with # or % are comments; both are searched
    for units. After that, every line must be a pair.

    Raises
    ------
    SpectrumError
        Nothing there, one column, three or more, a line that is no pair of numbers, more than `MOST_POINTS` lines.

    Examples
    --------
    >>> found = parse_two_columns("Wavenumber (cm-1);%T\n4000,5;99,1\n3999,5;98,7\n", "x.csv")
    >>> found.axis.tolist(), found.unit, found.quantity
    ([4000.5, 3999.5], 'cm-1', 'transmittance')
    """
    if not text.strip():
        raise SpectrumError(f"{source} is empty: a spectrum needs two columns, axis and intensity.")
    if text.count("\n") > MOST_POINTS:
        raise SpectrumError(
            f"{source} has {text.count(chr(10))} lines; spectra of up to {MOST_POINTS} points are read."
        )
    lines = text.splitlines()
    head, start = _head(lines, source)
    split = _splitter(lines[start])
    pairs: list[tuple[float, float]] = []
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.lstrip()[0] in "#%":
            continue
        pair = _pair(split(line))
        if pair is None:
            raise SpectrumError(
                f"{source}, line {number}: {line.strip()[:60]!r} is no pair of numbers (axis, intensity)."
            )
        pairs.append(pair)
    numbers = np.array(pairs, dtype=float)
    return TwoColumns(numbers[:, 0], numbers[:, 1], _named(head, _UNIT_WORDS), _named(head, _QUANTITY_WORDS))


def _head(lines: list[str], source: str | Path) -> tuple[str, int]:
    """Text before the first pair of numbers, and the index of its line."""
    for place, line in enumerate(lines[:_HEADER_LINES]):
        stripped = line.strip()
        if not stripped or stripped[0] in "#%":
            continue
        cells = _splitter(line)(line)
        if _pair(cells) is not None:
            return "\n".join(lines[:place]).lower(), place
        if len(cells) != 2 and all(_number(cell) is not None for cell in cells):
            raise SpectrumError(
                f"{source}, line {place + 1} has {len(cells)} column{'s' * (len(cells) != 1)} of numbers; two are "
                "needed: axis and intensity. Cut the others out, or give arrays."
            )
    raise SpectrumError(f"{source}: no pair of numbers (axis, intensity) in its first {_HEADER_LINES} lines.")


def _splitter(line: str) -> Callable[[str], list[str]]:
    """The function that splits lines like this one; a comma is a decimal mark where another separator is there."""
    if ";" in line:
        return lambda text: [cell.strip().replace(",", ".") for cell in text.strip().split(";")]
    if "\t" in line.strip():
        return lambda text: [cell.strip().replace(",", ".") for cell in text.strip().split("\t")]
    if "," in line and not re.fullmatch(r"\s*[-+]?\d+,\d+\s+[-+]?\d+,\d+\s*", line):
        return lambda text: [cell.strip() for cell in text.strip().split(",")]
    return lambda text: [cell.replace(",", ".") for cell in text.split()]


def _pair(cells: list[str]) -> tuple[float, float] | None:
    if len(cells) == 3 and not cells[2]:
        cells = cells[:2]  # a separator at the end of the line
    axis, value = (_number(cell) for cell in cells) if len(cells) == 2 else (None, None)
    return None if axis is None or value is None or axis != axis else (axis, value)


def _number(cell: str) -> float | None:
    """The number in a cell; NaN for an empty or missing one (also an infinity); None for other words."""
    plain = cell.strip().strip('"').lower()
    if plain in _MISSING:
        return float("nan")
    try:
        return float(plain)
    except ValueError:
        return None


def _named(head: str, words: tuple[tuple[str, str], ...]) -> str | None:
    """What the head names; if more than one, what its last line (the titles of the columns) does."""
    titles = head.strip().rsplit("\n", 1)[-1]
    for text in (head, titles):
        found = [name for name, pattern in words if re.search(pattern, text)]
        if len(found) < 2:
            break
    return " or ".join(found) or None
