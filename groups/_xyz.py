"""Strict reader of the .xyz format and of its extended form (key=value pairs in the comment line).

A frame is: a line with the number of atoms, a comment line, and one line an atom (symbol or atomic number,
then x, y and z in angstrom). Further columns are left unread unless `Properties=` names them. Fields are
separated by white space. Nothing is guessed: a wrong count is an error.
"""

import logging
import re

from ..errors import MoleculeError
from .molecule import MAXIMUM_ATOMS, Molecule

logger = logging.getLogger(__name__)

# A decimal number, with Fortran's D exponent; Python's float() would also take "1_000" and other scripts'
# digits.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]{1,3})?")
_COUNT = re.compile(r"[0-9]{1,20}")
_LATTICE = re.compile(r"(?i)\blattice\s*=")
_PBC = re.compile(r"(?i)\bpbc\s*=\s*(?:\"([^\"]*)\"|(\S+))")
_ELECTRONS = re.compile(r"(?i)(?:^|\s)(charge|multiplicity|unpaired_electrons)\s*=\s*\"?([^\s\";,]+)\"?")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,3}(?:\.0*)?")
_PROPERTIES = re.compile(r"(?i)\bproperties\s*=\s*\"?([^\s\"]+)")

_COMMENT_LENGTH = 200


def read_xyz(text: str, name: str = "", frame: int | None = None, source: str = "the XYZ text") -> Molecule:
    """Return one frame of an XYZ text.

    Parameters
    ----------
    text : str
        The whole file.
    name : str
        Name of the molecule.
    frame : int, optional
        Which frame, counted from 0, negative from the end. Without it the first is taken; if there are more,
        the comment and a logged warning say so.
    source : str
        Names the input in messages.

    Raises
    ------
    MoleculeError
        With the line (counted from 1) that is wrong.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    starts = _frame_starts(lines, source)
    index = choose_frame(len(starts), frame, source)
    start, count = starts[index]
    comment_line = lines[start + 1].strip()
    _refuse_periodic(comment_line, source)
    symbol_column, position_column = _columns(comment_line, source)
    symbols, positions = [], []
    for row in range(start + 2, start + 2 + count):
        fields = lines[row].split()
        symbols.append(_symbol(fields, symbol_column, row, source))
        positions.append(_position(fields, position_column, row, source))
    note = frame_comment(len(starts), index, "first" if frame is None else "")
    # The key=value pairs of extended XYZ are data for programs, not words about the geometry.
    words = "" if _PROPERTIES.search(comment_line) else _ELECTRONS.sub("", comment_line).strip()[:_COMMENT_LENGTH]
    comment = "; ".join(part for part in (words, note) if part)
    try:
        return Molecule.from_arrays(symbols, positions, name=name, comment=comment, **_electrons(comment_line, source))
    except MoleculeError as error:
        raise MoleculeError(f"{source}: {error}") from error


def choose_frame(n_frames: int, frame: int | None, source: str) -> int:
    """Return the index of the wanted frame; several without a choice give the first and a logged warning."""
    if frame is None:
        if n_frames > 1:
            logger.warning("%s has %d frames; the first is used (choose with frame=)", source, n_frames)
        return 0
    if not -n_frames <= frame < n_frames:
        raise MoleculeError(f"{source} has {n_frames} frames; frame={frame} is not one of 0..{n_frames - 1}.")
    return frame % n_frames


def frame_comment(n_frames: int, index: int, default: str) -> str:
    """Return the note about the chosen frame that goes into the molecule's comment.

    `default` is "first" or "last" if nobody chose, else empty.
    """
    if n_frames == 1:
        return ""
    chosen = f", the {default}, by default" if default else ""
    return f"frame={index}{chosen} (of {n_frames}, counted from 0)"


def _frame_starts(lines: list[str], source: str) -> list[tuple[int, int]]:
    """Return (index of the count line, number of atoms) of each frame."""
    starts, row = [], 0
    while row < len(lines):
        if not lines[row].strip():
            # Blank lines may only end the file: inside, they are usually a blank comment line gone astray.
            rest = next((k for k in range(row, len(lines)) if lines[k].strip()), None)
            if rest is None:
                break
            if not starts:
                raise MoleculeError(f"{source}, line {row + 1}: blank, but the number of atoms belongs here.")
            row = rest
        count = _count(lines[row], row, source, starts)
        available = len(lines) - row - 2
        if count > available or not all(line.strip() for line in lines[row + 2 : row + 2 + count]):
            present = sum(1 for line in lines[row + 2 : row + 2 + count] if line.strip())
            raise MoleculeError(
                f"{source}, line {row + 1}: {count} atoms are announced, but {present} lines with atoms follow."
            )
        starts.append((row, count))
        row += count + 2
    if not starts:
        raise MoleculeError(f"{source} is empty: it has no atoms.")
    return starts


def _count(line: str, row: int, source: str, starts: list[tuple[int, int]]) -> int:
    text = line.strip()
    if not _COUNT.fullmatch(text):
        if starts:
            raise MoleculeError(
                f"{source}, line {row + 1}: {text[:60]!r} follows the {starts[-1][1]} atoms that line "
                f"{starts[-1][0] + 1} announces. Correct that number."
            )
        raise MoleculeError(
            f"{source}, line {row + 1}: {text[:60]!r} is not a number of atoms. An .xyz file begins with "
            "the number "
            "of atoms and a comment line."
        )
    count = int(text)
    if count == 0:
        raise MoleculeError(f"{source}, line {row + 1}: the molecule is empty: it has 0 atoms.")
    if count > MAXIMUM_ATOMS:
        raise MoleculeError(
            f"{source}, line {row + 1}: {count} atoms are announced; symvib reads at most {MAXIMUM_ATOMS}."
        )
    return count


def _refuse_periodic(comment: str, source: str) -> None:
    """Refuse a periodic extended-XYZ frame; a lattice without `pbc` is periodic by that format's rule."""
    pbc = _PBC.search(comment)
    if pbc is not None:
        periodic = any(flag[:1] in "tT1" for flag in (pbc.group(1) or pbc.group(2) or "").split())
    else:
        periodic = _LATTICE.search(comment) is not None
    if periodic:
        raise MoleculeError(
            f"{source} is a crystal (its comment line gives a lattice or pbc). For a crystal give "
            "symvib report a CIF or POSCAR file (or ASE Atoms to crystal_report); for "
            'a molecule in a box write pbc="F F F".'
        )


def _electrons(comment: str, source: str) -> dict[str, int]:
    """Return charge and unpaired electrons if the comment gives them as charge=, multiplicity= (2S + 1).

    "spin=" is left unread: some programs mean 2S by it, some S, some 2S + 1.
    """
    found = {}
    for key, value in _ELECTRONS.findall(comment):
        if not _WHOLE_NUMBER.fullmatch(value):
            raise MoleculeError(f"{source}: {key}={value[:20]} in the comment line is no whole number.")
        found[key.lower()] = int(float(value))
    if "multiplicity" in found:
        multiplicity = found.pop("multiplicity")
        if found.setdefault("unpaired_electrons", multiplicity - 1) != multiplicity - 1:
            raise MoleculeError(f"{source}: multiplicity={multiplicity} means {multiplicity - 1} unpaired electrons.")
    if re.search(r"(?i)(?:^|\s)spin\s*=", comment) and "unpaired_electrons" not in found:
        logger.warning("%s: spin= has no one meaning and is not read; write multiplicity= (2S + 1)", source)
    return found


def _columns(comment: str, source: str) -> tuple[int, int]:
    """Return the columns of the symbol and of x, from `Properties=name:type:width:...` if that is given."""
    match = _PROPERTIES.search(comment)
    if match is None:
        return 0, 1
    fields = match.group(1).split(":")
    columns, position = {}, 0
    for name, _, width in zip(fields[::3], fields[1::3], fields[2::3], strict=False):
        if not re.fullmatch(r"[0-9]{1,4}", width):
            raise MoleculeError(f"{source}: {match.group(0)[:80]!r} cannot be read: {width[:20]!r} is not a width.")
        columns[name.lower()] = (position, int(width))
        position += int(width)
    symbol = columns.get("species", columns.get("z"))
    xyz = columns.get("pos", columns.get("positions"))
    if symbol is None or xyz is None or xyz[1] != 3:
        raise MoleculeError(f"{source}: {match.group(0)[:80]!r} lists no 'species:S:1' (or 'Z:I:1') and 'pos:R:3'.")
    return symbol[0], xyz[0]


def _symbol(fields: list[str], column: int, row: int, source: str) -> str:
    if column >= len(fields):
        raise MoleculeError(f"{source}, line {row + 1}: {len(fields)} fields, but the symbol is field {column + 1}.")
    return fields[column]


def _position(fields: list[str], column: int, row: int, source: str) -> list[float]:
    texts = fields[column : column + 3]
    if len(texts) < 3:
        raise MoleculeError(
            f"{source}, line {row + 1}: an atom needs a symbol, x, y and z, but the line is {' '.join(fields)[:60]!r}."
        )
    for text in texts:
        if not _NUMBER.fullmatch(text):
            raise MoleculeError(f"{source}, line {row + 1}: the coordinate {text[:40]!r} is not a finite number.")
    return [float(text.replace("D", "e").replace("d", "e")) for text in texts]
