"""Line lists as text tables and as HTML, and the cells that tables of modes share with them."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from numpy.typing import NDArray

from ..errors import PointGroupError
from ..groups.label_markup import irrep_html
from ..groups.operations import NDArrayFloat
from ..groups.table_format import align, html_table
from ._allowed import allowed_parts

if TYPE_CHECKING:
    from ._allowed import AllowedParts
    from .lines import LineList

__all__ = [
    "has_dashes",
    "intensity_cells",
    "line_html",
    "line_rows",
    "line_table",
    "mode_numbers_text",
    "wavenumber_text",
]

_ROWS_SHOWN = 60  # of a table in a notebook


def wavenumber_text(value: float) -> str:
    """A wavenumber with two decimals; an imaginary one (given as negative) as "123.45i"."""
    return f"{-value:.2f}i" if value < 0 else f"{value:.2f}"


def mode_numbers_text(indices: Iterable[int]) -> str:
    """Numbers from 1 of the modes at these ascending indices: "4", "2-3", "5,7".

    Examples
    --------
    >>> mode_numbers_text([3]), mode_numbers_text([1, 2]), mode_numbers_text([4, 6])
    ('4', '2-3', '5,7')
    """
    numbers = [int(index) + 1 for index in indices]
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))


def intensity_cells(values: Sequence[float] | NDArrayFloat, allowed: "NDArray | None", decimals: int) -> list[str]:
    """Intensities as text: "-" where the rules forbid one, and a number where they allow it, however weak.

    A forbidden intensity that is more than rounding (a program printed it) stays a number.
    """
    zero = 0.5 * 10.0**-decimals
    seen = [True] * len(values) if allowed is None else allowed.tolist()
    return [
        "-" if not may and abs(value) < zero else f"{value:.{decimals}f}"
        for value, may in zip(values, seen, strict=True)
    ]


def _rules(lines: "LineList") -> "AllowedParts | None":
    """What the selection rules allow the lines; None where they are not known."""
    if not lines.point_group or lines.irreps is None:
        return None
    try:
        return allowed_parts(lines.point_group, lines.irreps)
    except PointGroupError:  # labels of someone else's making: the list holds them as they were given
        return None


def line_rows(lines: "LineList") -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table as text, without the columns that are not known."""
    rules = _rules(lines)
    columns: list[tuple[str, list[str]]] = [("cm-1", [wavenumber_text(value) for value in lines.wavenumbers_cm1])]
    if lines.irreps is not None:
        columns.append(("irrep", list(lines.irreps)))
    if (lines._degeneracies != 1).any():
        columns.append(("degeneracy", [str(value) for value in lines._degeneracies]))
    if lines.ir_km_per_mol is not None:
        allowed = None if rules is None else rules.infrared
        columns.append(("IR km/mol", intensity_cells(lines.ir_km_per_mol, allowed, 2)))
    if lines.raman_a4_per_amu is not None:
        allowed = None if rules is None else rules.raman
        columns.append(("Raman A^4/u", intensity_cells(lines.raman_a4_per_amu, allowed, 2)))
    if lines.depolarization is not None:
        masked = lines.depolarization.tolist()
        columns.append(("rho", ["-" if value is None else f"{value:.3f}" for value in masked]))
    texts = [column for _, column in columns]
    return [name for name, _ in columns], [list(row) for row in zip(*texts, strict=True)]


def has_dashes(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether an intensity of a table is forbidden by symmetry."""
    places = [k for k, name in enumerate(header) if name in ("IR km/mol", "Raman A^4/u")]
    return any(row[k] == "-" for row in rows for k in places)


def _notes(lines: "LineList", header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """What stands below the table: the source, what "-" means, what else has to be known."""
    dash = ["intensity -: forbidden by symmetry"] if has_dashes(header, rows) else []
    return [lines.source, *dash, *lines.notes]


def line_table(lines: "LineList") -> str:
    """The list as aligned text, with its source and notes below."""
    header, rows = line_rows(lines)
    index = [[str(k), *row] for k, row in enumerate(rows, start=1)]
    return "\n".join([align(["line", *header], index, len(header)), *_notes(lines, header, rows)])


def line_html(lines: "LineList") -> str:
    """The same as an HTML table."""
    header, rows = line_rows(lines)
    place = header.index("irrep") if "irrep" in header else -1
    cells = [
        [str(k), *(irrep_html(c) if at == place else escape(c) for at, c in enumerate(row))]
        for k, row in enumerate(rows[:_ROWS_SHOWN], start=1)
    ]
    notes = _notes(lines, header, rows)
    if len(rows) > _ROWS_SHOWN:
        notes.insert(0, f"{_ROWS_SHOWN} of {len(rows)} lines")
    table = html_table(["line", *map(escape, header)], cells, len(header), "line-list")
    return table + "".join(f"<p>{escape(note)}</p>" for note in notes)
