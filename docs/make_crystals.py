"""Writes docs/crystals.md: ``python docs/make_crystals.py``. Every number on that page is computed here.

The prose is in docs/templates/crystals.md; the structures and the species of the literature are those of
tests/crystal_structures.py.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, Template

from symvib.groups.atomic_write import write_text
from symvib.groups.crystal import CrystalReport, crystal_report
from symvib.groups.report_markup import escape_markdown, markdown_table
from symvib.groups.report_words import sum_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "crystals.md"
TEMPLATE = ROOT / "docs" / "templates" / "crystals.md"
WORKED = "rutile"


def _structures() -> Any:
    spec = importlib.util.spec_from_file_location("crystal_structures", ROOT / "tests" / "crystal_structures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("crystal_structures", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def _row(report: CrystalReport, source: str) -> list[str]:
    levels = report.levels
    shown = "undefined" if report.completeness is None else f"{report.completeness:.3f}"
    cells = (
        report.molecule_name,
        f"{report.space_group} ({report.space_group_number})",
        report.point_group.label,
        str(report.n_atoms),
        sum_of(report.gamma_optic),
        f"{levels.n_ir} / {levels.n_raman} / {levels.n_both} / {levels.n_silent}",
        shown,
        source,
    )
    return [escape_markdown(cell) for cell in cells]


def page() -> str:
    """The whole page."""
    crystals = _structures().CRYSTALS
    reports = {c.name: crystal_report(c.structure(), name=c.name) for c in crystals}
    seen = "levels: IR / Raman / both / silent"
    columns = ("crystal", "space group", "factor group", "N", "optic species", seen, "R", "species after")
    table = markdown_table(columns, [_row(reports[c.name], c.source) for c in crystals])
    worked = str(reports[WORKED])
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(table=table, worked=worked, n=len(crystals))


if __name__ == "__main__":
    write_text(PAGE, page())
