"""Normal modes as a text table and as HTML."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ..groups.label_markup import irrep_html
from ..groups.table_format import align, html_table
from ._allowed import allowed_parts
from ._line_presentation import has_dashes, intensity_cells, mode_numbers_text, wavenumber_text

if TYPE_CHECKING:
    from ..groups.molecule import Molecule
    from .normal_modes import NormalModes

__all__ = ["electrons_in_words", "mode_html", "mode_table"]


def _columns(modes: "NormalModes") -> tuple[list[str], list[list[str]], list[bool]]:
    """Headings, rows of text and, for each row, whether it is imaginary: one row per degenerate set."""
    headings = ["mode", "irrep", "cm-1", "degeneracy", "reduced mass/u"]
    ir, raman, rho = modes.ir_km_per_mol, modes.raman_a4_per_amu, modes.depolarization
    headings += [] if ir is None else ["IR km/mol"]
    headings += [] if raman is None else ["Raman A^4/u", "rho"]
    rules = (
        None if modes.point_group is None or modes.irreps is None else allowed_parts(modes.point_group, modes.irreps)
    )
    rows, imaginary = [], []
    for s, (irrep, wavenumber) in enumerate(modes.levels):
        members = np.flatnonzero(modes.set_index == s)
        row = [mode_numbers_text(members), irrep or "", wavenumber_text(wavenumber), str(len(members))]
        row.append(f"{modes.reduced_masses[members].mean():.3f}")
        first = members[:1]  # partners have one irrep
        if ir is not None:
            row += intensity_cells([ir[members].sum()], None if rules is None else rules.infrared[first], 3)
        if raman is not None and rho is not None:
            ratio = rho[members]
            row += intensity_cells([raman[members].sum()], None if rules is None else rules.raman[first], 3)
            row.append("-" if np.ma.getmaskarray(ratio).any() else f"{ratio.mean():.4f}")
        rows.append(row)
        imaginary.append(wavenumber < 0)
    return headings, rows, imaginary


def _title(modes: "NormalModes") -> str:
    group = "symmetry not used" if modes.point_group is None else modes.point_group.label
    parts = (modes.molecule.formula, group, modes.method, electrons_in_words(modes.molecule))
    return f"{', '.join(part for part in parts if part)}: {len(modes)} harmonic vibrations"


def electrons_in_words(molecule: "Molecule") -> str:
    """Return the charge and the unpaired electrons that are not zero: "charge -1, 1 unpaired electron"."""
    parts = [f"charge {molecule.charge:+d}"] if molecule.charge else []
    if count := molecule.unpaired_electrons:
        parts.append(f"{count} unpaired electron{'s' if count > 1 else ''}")
    return ", ".join(parts)


def _notes(modes: "NormalModes", forbidden: bool) -> list[str]:
    notes = ["mode: number by ascending wavenumber, from 1"]
    if forbidden:
        notes[0] += "; intensity -: forbidden by symmetry"
    count = len(modes.imaginary)
    if count:
        notes.append(
            f"{count} imaginary mode{'s' if count > 1 else ''} (i): the geometry is not a minimum; "
            "--follow-imaginary (follow_imaginary=True) moves along them and optimises again"
        )
    if modes.averaged_away is not None:
        notes.append(str(modes.averaged_away))
    return notes


def mode_table(modes: "NormalModes") -> str:
    """One line per degenerate set (intensities summed over it), then notes."""
    headings, rows, _ = _columns(modes)
    notes = _notes(modes, has_dashes(headings, rows))
    return "\n".join([_title(modes), align(headings, rows, len(headings)), *notes])


def mode_html(modes: "NormalModes") -> str:
    """The same as an HTML table; imaginary wavenumbers in red."""
    headings, rows, imaginary = _columns(modes)
    notes = _notes(modes, has_dashes(headings, rows))
    for row, bad in zip(rows, imaginary, strict=True):
        row[1:] = [irrep_html(row[1]), *map(escape, row[2:])]
        if bad:
            row[2] = f'<span style="color:#b00020">{row[2]}</span>'
    table = html_table(list(map(escape, headings)), rows, len(headings), "normal-modes")
    return f"<p>{escape(_title(modes))}</p>" + table + "".join(f"<p>{escape(note)}</p>" for note in notes)
