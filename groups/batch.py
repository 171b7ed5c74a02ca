"""Many molecules, one row each: the summary behind ``symvib report *.xyz --csv``."""

import csv
import io
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import SymvibError
from .report import PointGroupReport, point_group_report
from .report_words import sum_of

if TYPE_CHECKING:
    from .crystal import CrystalReport

__all__ = ["CSV_COLUMNS", "BatchRow", "batch_csv", "batch_rows"]

logger = logging.getLogger(__name__)

CSV_COLUMNS: tuple[str, ...] = (
    "file", "name", "formula", "n_atoms", "point_group", "space_group", "deviation_angstrom", "ambiguous",
    "symmetry_number", "gamma_vib", "n_vib", "n_ir", "n_raman", "n_both", "n_silent", "levels", "levels_ir",
    "levels_raman", "levels_both", "levels_silent", "completeness", "raw_ratio", "mutual_exclusion", "exclusion_kind",
    "notes", "error",
)  # fmt: skip

# A spreadsheet runs a cell that starts with one of these as a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, eq=False)
class BatchRow:
    """One molecule of a batch: its report, or why there is none.

    Attributes
    ----------
    source : str
        The file or SMILES as given.
    report : PointGroupReport, CrystalReport or None
    error : str
        One line; empty where there is a report.
    """

    source: str
    report: "PointGroupReport | CrystalReport | None"
    error: str = ""

    @property
    def ambiguous(self) -> bool:
        """The symmetry depends on the tolerance; False where there is no report."""
        if isinstance(self.report, PointGroupReport):
            return self.report.detection.ambiguous
        return self.report is not None and self.report.ambiguous

    def cells(self) -> dict[str, Any]:
        """Values of :data:`CSV_COLUMNS`; of a failure only "file" and "error"."""
        if self.report is None:
            return {"file": self.source, "error": self.error}
        r = self.report
        own = _of_molecule(r) if isinstance(r, PointGroupReport) else _of_crystal(r)
        return {
            "file": self.source,
            "name": r.molecule_name,
            "formula": r.formula,
            "point_group": r.point_group.label,
            **own,
            "gamma_vib": sum_of(r.gamma_vib, ""),
            **r.counts.as_dict(),
            "levels": r.levels.n_vib,
            "levels_ir": r.levels.n_ir,
            "levels_raman": r.levels.n_raman,
            "levels_both": r.levels.n_both,
            "levels_silent": r.levels.n_silent,
            "completeness": "" if r.completeness is None else f"{r.completeness:.6g}",
            "raw_ratio": "" if r.raw_ratio is None else f"{r.raw_ratio:.6g}",
            "mutual_exclusion": r.mutual_exclusion,
            "exclusion_kind": r.exclusion_kind,
            "notes": " ".join(r.notes),
        }


def _of_molecule(report: PointGroupReport) -> dict[str, Any]:
    return {
        "n_atoms": len(report.molecule),
        "space_group": "",
        "deviation_angstrom": f"{report.detection.deviation_angstrom:.3g}",
        "ambiguous": report.detection.ambiguous,
        "symmetry_number": report.symmetry_number,
    }


def _of_crystal(report: "CrystalReport") -> dict[str, Any]:
    """The primitive cell is what counts; "gamma_vib" holds the optic modes."""
    return {
        "n_atoms": report.n_atoms,
        "space_group": f"{report.space_group_number} {report.space_group}",
        "deviation_angstrom": f"{report.symmetry.deviation_angstrom:.3g}",
        "ambiguous": report.ambiguous,
        "symmetry_number": "",
    }


def batch_rows(
    sources: Iterable[str],
    tolerance: float | None = None,
    read: Callable[[str], Any] | None = None,
) -> Iterator[BatchRow]:
    """A row for each source, one at a time; a molecule that fails gives a row with its error.

    Parameters
    ----------
    sources : iterable of str
        Paths or SMILES strings.
    tolerance : float, optional
        As for :func:`point_group_report`.
    read : callable, optional
        Turns a source into a molecule; default :func:`symvib.as_molecule`.
    """
    for source in sources:
        try:
            molecule = source if read is None else read(source)
            yield BatchRow(source, point_group_report(molecule, tolerance))
        except (SymvibError, OSError) as error:
            yield BatchRow(source, None, one_line(error))
        except Exception as error:  # a defect of ours on one molecule must not cost the other thousand
            logger.info("%s: unexpected %s", source, type(error).__name__, exc_info=True)
            yield BatchRow(source, None, f"internal error, please report it: {type(error).__name__}: {one_line(error)}")


def batch_csv(rows: Iterable[BatchRow]) -> str:
    """The rows as CSV text with a header line.

    A text cell that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _guarded(value) for key, value in row.cells().items()})
    return stream.getvalue()


def one_line(error: BaseException) -> str:
    """Message of ``error`` as one printable line."""
    text = str(error) or type(error).__name__
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _guarded(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
