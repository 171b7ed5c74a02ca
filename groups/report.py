"""The report on a molecule: point group, vibrational species, what infrared and Raman see, and how much that is."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ..errors import SymvibError
from ._crystal_input import is_crystal
from .atomic_write import written
from .detection import Detection, detect_point_group
from .molecule import Molecule
from .overtones import MultiquantumTransition, silent_mode_overtones
from .report_facts import DetectionFacts, SpeciesRow, species_rows
from .report_section import ReportSection, section_as_dict, section_from_dict
from .report_words import report_notes
from .representation import Decomposition
from .schoenflies import PointGroup
from .vibrations import Counted, ModeCounts, vibrational_representation
from .worked_reduction import WorkedReduction, work_reduction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .crystal import CrystalReport

__all__ = ["PointGroupReport", "ReportSection", "point_group_report"]

_SCHEMA = "symvib.point_group_report/1"


@dataclass(frozen=True, eq=False, repr=False)
class PointGroupReport(Counted):
    """Everything that symmetry says about the vibrations of one molecule.

    Made by :func:`point_group_report`. Two reports are equal if their :meth:`as_dict` is.

    Attributes
    ----------
    molecule : Molecule
        As read; its ``comment`` says where a generated geometry comes from.
    point_group : PointGroup
    detection : DetectionFacts
        Evidence: deviations, range of tolerances, rivals, symmetry elements, orbits and site symmetries.
    gamma_3n, gamma_trans, gamma_rot, gamma_vib : Decomposition
        Multiplicity of each real irrep; a complex-conjugate pair appears as one E of degeneracy 2.
    counts : ModeCounts
        Vibrations, with degeneracy: all, IR, Raman, both, silent. Also as ``n_vib``, ``n_ir`` ...
    levels : ModeCounts
        The same as distinct levels: a degenerate set counts once.
    exclusion_kind : str
        The rule of the group that no vibration is both IR and Raman active: "inversion", "table" (there is no
        inversion, yet no irrep carries both) or "none".
    rows : tuple of SpeciesRow
        Per irrep: multiplicity and activity.
    notes : tuple of str
        What a reader must know: generated geometry, ambiguous symmetry, complex pairs, undefined R.
    sections : tuple of ReportSection
        Extra sections, see :meth:`with_sections`.
    """

    molecule: Molecule
    point_group: PointGroup
    detection: DetectionFacts
    gamma_3n: Decomposition
    gamma_trans: Decomposition
    gamma_rot: Decomposition
    gamma_vib: Decomposition
    counts: ModeCounts
    levels: ModeCounts
    exclusion_kind: str
    rows: tuple[SpeciesRow, ...]
    notes: tuple[str, ...] = ()
    sections: tuple[ReportSection, ...] = ()

    # ---- counts ---------------------------------------------------------------------------------------------

    @property
    def molecule_name(self) -> str:
        """Name of the molecule in one line without control characters; its formula where it has none."""
        printable = "".join(c if c.isprintable() else " " for c in self.molecule.name)
        return " ".join(printable.split())[:200] or self.formula

    @property
    def formula(self) -> str:
        """Hill formula."""
        return self.molecule.formula

    @property
    def symmetry_number(self) -> int:
        """Number of indistinguishable orientations of the rigid molecule."""
        return self.detection.symmetry_number

    @property
    def occurring_rows(self) -> tuple[SpeciesRow, ...]:
        """The rows of species that the molecule's vibrations have."""
        return tuple(row for row in self.rows if row.count)

    def species(self, visibility: str) -> Decomposition:
        """The part of ``gamma_vib`` that is seen by "IR", by "Raman", by "both", or is "silent".

        "IR" and "Raman" include what both see.

        Raises
        ------
        SymvibError
            Another word.
        """
        test = {
            "IR": lambda row: bool(row.infrared),
            "Raman": lambda row: row.raman,
            "both": lambda row: row.visibility == "both",
            "silent": lambda row: row.silent,
        }.get(visibility)
        if test is None:
            raise SymvibError(f"species({visibility!r}): ask for 'IR', 'Raman', 'both' or 'silent'.")
        return Decomposition(self.point_group, {row.label: row.count for row in self.occurring_rows if test(row)})

    # ---- derived detail -------------------------------------------------------------------------------------

    @property
    def fixed_atoms_per_class(self) -> tuple[int, ...]:
        """Atoms in place, per class of the character table; empty for infinite groups."""
        return tuple(evidence.fixed_atoms for evidence in self.detection.classes)

    @cached_property
    def worked_reduction(self) -> WorkedReduction | None:
        """The decomposition of Gamma_3N step by step; None for infinite groups (closed form)."""
        if not self.point_group.is_finite:
            return None
        return work_reduction(self.point_group, self.fixed_atoms_per_class)

    @cached_property
    def silent_transitions(self) -> tuple[MultiquantumTransition, ...]:
        """First and second overtones and binary combinations of the silent vibrations, visible or not."""
        return silent_mode_overtones(self.gamma_vib, max_quanta=3)

    def with_sections(self, *sections: ReportSection) -> "PointGroupReport":
        """A copy with ``sections`` added at the end.

        Raises
        ------
        SymvibError
            An object does not follow the :class:`ReportSection` protocol.
        """
        for section in sections:
            if not isinstance(section, ReportSection):
                raise SymvibError(
                    f"with_sections({type(section).__name__}): a section needs title, to_text(), to_html(), "
                    "to_markdown() and as_dict()."
                )
        return replace(self, sections=(*self.sections, *sections))

    # ---- storage --------------------------------------------------------------------------------------------

    def as_dict(self) -> dict[str, Any]:
        """JSON types only; :meth:`from_dict` reads it back exactly."""
        plain = {
            "schema": _SCHEMA,
            "name": self.molecule_name,
            "formula": self.formula,
            "molecule": self.molecule.as_dict(),
            "point_group": self.point_group.label,
            "detection": self.detection.as_dict(),
            "gamma_3n": dict(self.gamma_3n),
            "gamma_trans": dict(self.gamma_trans),
            "gamma_rot": dict(self.gamma_rot),
            "gamma_vib": dict(self.gamma_vib),
            **self.counts.as_dict(),
            "levels": self.levels.as_dict(),
            "completeness": self.completeness,
            "raw_ratio": self.raw_ratio,
            "mutual_exclusion": self.mutual_exclusion,
            "exclusion_kind": self.exclusion_kind,
            "exclusion_vacuous": self.exclusion_vacuous,
            "symmetry_number": self.symmetry_number,
            "rows": [row.as_dict() for row in self.rows],
            "notes": list(self.notes),
            "sections": [section_as_dict(section) for section in self.sections],
        }
        return json.loads(json.dumps(plain))  # tuples become lists, and what is not plain raises here

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "PointGroupReport":
        """The report that :meth:`as_dict` (or :meth:`to_json`, parsed) wrote.

        The molecule and the evidence for its point group are read, everything that follows from them is computed
        again and compared, so a stored report cannot say what its molecule does not.

        Raises
        ------
        SymvibError
            The data are not a report of this version, are damaged, or contradict themselves.
        """
        if not isinstance(data, Mapping) or data.get("schema") != _SCHEMA:
            found = data.get("schema") if isinstance(data, Mapping) else type(data).__name__
            raise SymvibError(f"PointGroupReport.from_dict: expected the schema {_SCHEMA!r}, found {found!r}.")
        try:
            report = cls._read(data)
        except (SymvibError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise SymvibError(
                f"PointGroupReport.from_dict: the data are damaged ({type(error).__name__}: {error})."
            ) from error
        changed = [key for key, value in report.as_dict().items() if data.get(key) != value]
        if changed or len(data) != len(report.as_dict()):
            raise SymvibError(f"PointGroupReport.from_dict: the data contradict themselves in {changed or list(data)}.")
        return report

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> "PointGroupReport":
        group = PointGroup.parse(data["point_group"])
        facts = DetectionFacts.from_dict(data["detection"])
        report = cls._build(Molecule.from_dict(data["molecule"]), group, facts)
        sections = tuple(section_from_dict(section) for section in data["sections"])
        return replace(report, notes=tuple(data["notes"]), sections=sections)

    @classmethod
    def _build(cls, molecule: Molecule, group: PointGroup, facts: DetectionFacts) -> "PointGroupReport":
        """The report without notes and sections: all that follows from the group and the atoms in place."""
        fixed = [evidence.fixed_atoms for evidence in facts.classes]
        analysis = vibrational_representation(group, fixed, n_atoms=len(molecule))
        return cls(
            molecule=molecule,
            point_group=group,
            detection=facts,
            gamma_3n=analysis.gamma_3n,
            gamma_trans=analysis.gamma_trans,
            gamma_rot=analysis.gamma_rot,
            gamma_vib=analysis.gamma_vib,
            counts=analysis.counts,
            levels=analysis.levels,
            exclusion_kind=analysis.exclusion_kind,
            rows=species_rows(analysis),
        )

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; also written to ``path`` if given."""
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return text if path is None else written(text + "\n", path)

    # ---- presentation ---------------------------------------------------------------------------------------

    def to_text(self) -> str:
        """The report as plain text; what ``print(report)`` shows."""
        from .report_text import report_text

        return report_text(self)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The report as (GitHub) Markdown; also written to ``path`` if given."""
        from .report_markup import report_markdown

        text = report_markdown(self)
        return written(text, path)

    def to_latex(self, path: str | Path | None = None, *, standalone: bool = False) -> str:
        """The report as LaTeX (needs the package booktabs); also written to ``path`` if given.

        Parameters
        ----------
        standalone : bool
            With a preamble, so that it compiles as it is; otherwise a fragment for a paper.
        """
        from .report_markup import report_latex

        text = report_latex(self, standalone)
        return written(text, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one self-contained HTML page that opens offline; also written to ``path`` if given.

        The file is written beside ``path`` first and then renamed, so that a half-written report never stands there.
        """
        from .report_html import report_html

        text = report_html(self)
        return written(text, path)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the counts as a picture: vibrations per species, coloured by who sees them."""
        from .report_figures import plot_counts

        return plot_counts(self, ax)

    def _repr_html_(self) -> str:
        from .report_html import report_fragment

        return report_fragment(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        shown = "undefined" if self.completeness is None else f"{self.completeness:.3f}"
        return f"<PointGroupReport {self.molecule_name}: {self.point_group}, {self.n_vib} vibrations, R = {shown}>"

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, PointGroupReport) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equality is by content, and the content holds arrays


@overload
def point_group_report(
    x: Molecule | Detection, tolerance: float | None = None, *, sections: Iterable[ReportSection] = ()
) -> PointGroupReport: ...


@overload
def point_group_report(
    x: Any, tolerance: float | None = None, *, sections: Iterable[ReportSection] = ()
) -> "PointGroupReport | CrystalReport": ...


def point_group_report(
    x: Any, tolerance: float | None = None, *, sections: Iterable[ReportSection] = ()
) -> "PointGroupReport | CrystalReport":
    """The report on a molecule or crystal: point group, vibrational species, IR and Raman activity, completeness.

    Parameters
    ----------
    x : Molecule, Detection, or anything that :func:`symvib.as_molecule` reads
        A path, a SMILES string, an RDKit, ASE, pymatgen or cclib object, (numbers, positions in angstrom). What is
        periodic (a CIF or POSCAR file, a pymatgen Structure, ASE Atoms with pbc) gives a
        :class:`~symvib.groups.crystal.CrystalReport`, see :func:`~symvib.groups.crystal.crystal_report`.
    tolerance : float, optional
        Largest deviation (angstrom) of a symmetry operation; by default read from the molecule. Not used for a
        Detection, which has been made with its own.
    sections : iterable of ReportSection
        Extra sections; for molecules only.

    Raises
    ------
    MoleculeError
        ``x`` cannot be read, or is no molecule.
    DetectionError
        Its symmetry cannot be decided.

    Examples
    --------
    >>> water = point_group_report((["O", "H", "H"], [[0, 0, 0.119], [0, 0.763, -0.477], [0, -0.763, -0.477]]))
    >>> water.point_group.label, str(water.gamma_vib)
    ('C2v', '2A1 + B2')
    >>> water.n_ir, water.n_raman, water.n_both, water.n_silent, water.completeness
    (3, 3, 3, 0, 1.0)
    """
    if is_crystal(x):
        from .crystal import crystal_report

        if list(sections):
            raise SymvibError("point_group_report(sections=...): the report on a crystal takes no extra sections.")
        return crystal_report(x, tolerance)
    detection = x if isinstance(x, Detection) else detect_point_group(x, tolerance)
    facts = DetectionFacts.from_detection(detection)
    report = PointGroupReport._build(detection.molecule, detection.point_group, facts)
    return replace(report, notes=report_notes(report)).with_sections(*sections)
