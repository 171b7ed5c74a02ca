"""Factor-group analysis of crystals: the vibrations at Gamma, and what infrared and Raman see of them.

At Gamma all cells move alike, so that the 3N displacements of the N atoms of the primitive cell are a representation of
the factor group (space group modulo lattice translations), which is isomorphic to the crystal point group. Its
characters are (atoms left in place modulo lattice translations) x (trace), counted in integers; they are reduced
exactly with the generated character tables, and the three acoustic modes, which move as the vector (x, y, z), are
taken away. S. Bhagavantam, T. Venkatarayudu, Proc. Indian Acad. Sci. A 9, 224 (1939); D. L. Rousseau, R. P. Bauman,
S. P. S. Porto, J. Raman Spectrosc. 10, 253 (1981).
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DetectionError, MoleculeError, RepresentationError
from ._crystal_input import CrystalCell, is_crystal, read_crystal
from ._crystal_sites import SiteCorrelation, SiteSpecies, correlate_site, unsteady_labels
from ._crystal_symmetry import DEFAULT_TOLERANCE, CrystalSymmetry, crystal_symmetry, spglib_dataset
from .atomic_write import written
from .character_table import finite_table
from .report_facts import SpeciesRow, species_rows
from .representation import Decomposition
from .schoenflies import PointGroup
from .selection_rules import vector_representation
from .vibrations import Counted, ModeCounts, VibrationalAnalysis, cartesian_representation, count_modes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CrystalReport", "SiteCorrelation", "SiteSpecies", "crystal_report", "is_crystal"]

_SCHEMA = "symvib.crystal_report/1"
_LARGEST_TOLERANCE = 0.5  # angstrom: half of the shortest bond


@dataclass(frozen=True, eq=False, repr=False)
class CrystalReport(Counted):
    """Everything that symmetry says about the vibrations of one crystal at Gamma.

    Made by :func:`crystal_report`. ``counts`` and ``levels`` are those of the optic modes; ``completeness``,
    ``mutual_exclusion`` and the rest follow from them as for molecules (see :class:`Counted`).

    Attributes
    ----------
    name, formula : str
        ``formula`` is reduced and in Hill's order, as for molecules.
    symmetry : CrystalSymmetry
        Space group, tolerance, deviation, axes, orbits.
    space_group_by_tolerance : tuple of (float, int, str)
        Space group (number, symbol) that spglib finds at other tolerances (angstrom); number 0 where it finds none.
    sites : tuple of SiteCorrelation
        Occupied Wyckoff positions and their part of Gamma_3N.
    gamma_3n, gamma_acoustic, gamma_optic : Decomposition
        Of the factor group, for the primitive cell.
    counts, levels : ModeCounts
        Optic modes, with degeneracy and as distinct levels.
    exclusion_kind : str
        "inversion", "table" or "none", as for molecules.
    rows : tuple of SpeciesRow
        Per irrep: multiplicity and activity.
    unsteady_labels : tuple of str
        Irreps whose names change places where the axes are chosen otherwise; all counts are independent of that.
    units_primitive, units_conventional : int
        Formula units Z in the primitive and in the conventional cell.
    notes : tuple of str
    """

    name: str
    formula: str
    symmetry: CrystalSymmetry
    space_group_by_tolerance: tuple[tuple[float, int, str], ...]
    sites: tuple[SiteCorrelation, ...]
    gamma_3n: Decomposition
    gamma_acoustic: Decomposition
    gamma_optic: Decomposition
    counts: ModeCounts
    levels: ModeCounts
    exclusion_kind: str
    rows: tuple[SpeciesRow, ...]
    unsteady_labels: tuple[str, ...]
    units_primitive: int
    units_conventional: int
    notes: tuple[str, ...] = ()

    @property
    def point_group(self) -> PointGroup:
        """Crystal point group, isomorphic to the factor group."""
        return self.symmetry.point_group

    @property
    def space_group_number(self) -> int:
        """Number of the space group, 1 to 230."""
        return self.symmetry.number

    @property
    def space_group(self) -> str:
        """Hermann-Mauguin symbol, "P6_3mc"."""
        return self.symmetry.hermann_mauguin

    @property
    def n_atoms(self) -> int:
        """Atoms in the primitive cell."""
        return self.symmetry.n_primitive

    @property
    def molecule_name(self) -> str:
        """Name of the crystal in one line without control characters; its formula where it has none."""
        printable = "".join(c if c.isprintable() else " " for c in self.name)
        return " ".join(printable.split())[:200] or self.formula

    @property
    def gamma_vib(self) -> Decomposition:
        """The optic modes; the name that reports on molecules use."""
        return self.gamma_optic

    @property
    def occurring_rows(self) -> tuple[SpeciesRow, ...]:
        """The rows of species that the crystal's optic modes have."""
        return tuple(row for row in self.rows if row.count)

    @property
    def ambiguous(self) -> bool:
        """True where spglib finds another space group at a tenth or at ten times the tolerance."""
        return any(number != self.symmetry.number for _, number, _ in self.space_group_by_tolerance)

    @cached_property
    def raman_tensor(self) -> dict[str, tuple[str, ...]]:
        """Per Raman-active irrep the combinations of tensor components that it moves, in the axes of the table."""
        functions = finite_table(self.point_group).functions
        return {row.label: functions[row.label].quadratic for row in self.rows if row.raman}

    def species(self, visibility: str) -> Decomposition:
        """The part of ``gamma_optic`` that is seen by "IR", by "Raman", by "both", or is "silent".

        Raises
        ------
        MoleculeError
            Another word.
        """
        if visibility not in ("IR", "Raman", "both", "silent"):
            raise MoleculeError(f"species({visibility!r}): ask for 'IR', 'Raman', 'both' or 'silent'.")
        chosen = [
            row
            for row in self.occurring_rows
            if row.visibility == visibility or (row.visibility == "both" and visibility in ("IR", "Raman"))
        ]
        return Decomposition(self.point_group, {row.label: row.count for row in chosen})

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        symmetry = self.symmetry
        return {
            "schema": _SCHEMA,
            "name": self.molecule_name,
            "formula": self.formula,
            "space_group_number": symmetry.number,
            "space_group": symmetry.hermann_mauguin,
            "hall_symbol": symmetry.hall,
            "point_group": self.point_group.label,
            "tolerance_angstrom": symmetry.tolerance_angstrom,
            "deviation_angstrom": symmetry.deviation_angstrom,
            "space_group_by_tolerance": [list(entry) for entry in self.space_group_by_tolerance],
            "n_atoms_primitive": symmetry.n_primitive,
            "n_atoms_conventional": symmetry.n_conventional,
            "units_primitive": self.units_primitive,
            "units_conventional": self.units_conventional,
            "lattice_parameters": list(symmetry.lattice_parameters),
            "standard_axes": symmetry.standard_axes.tolist(),
            "cartesian_axes": list(symmetry.cartesian_axes),
            "sites": [site.as_dict() for site in self.sites],
            "classes": [cls.label for cls in finite_table(self.point_group).classes],
            "fixed_atoms_per_class": list(symmetry.fixed_atoms_per_class),
            "gamma_3n": dict(self.gamma_3n),
            "gamma_acoustic": dict(self.gamma_acoustic),
            "gamma_optic": dict(self.gamma_optic),
            **self.counts.as_dict(),
            "levels": self.levels.as_dict(),
            "completeness": self.completeness,
            "raw_ratio": self.raw_ratio,
            "mutual_exclusion": self.mutual_exclusion,
            "exclusion_kind": self.exclusion_kind,
            "exclusion_vacuous": self.exclusion_vacuous,
            "rows": [row.as_dict() for row in self.rows],
            "raman_tensor": {label: list(parts) for label, parts in self.raman_tensor.items()},
            "unsteady_labels": list(self.unsteady_labels),
            "notes": list(self.notes),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """The report as JSON text; also written to ``path`` if given."""
        text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        return text if path is None else written(text + "\n", path)

    def to_text(self) -> str:
        """The report as plain text; what ``print(report)`` shows."""
        from ._crystal_text import crystal_text

        return crystal_text(self)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The report as (GitHub) Markdown; also written to ``path`` if given."""
        from ._crystal_text import crystal_markdown

        text = crystal_markdown(self)
        return written(text, path)

    def to_html(self, path: str | Path | None = None) -> str:
        """The report as one self-contained HTML page that opens offline; also written to ``path`` if given."""
        from .report_html import crystal_html

        text = crystal_html(self)
        return written(text, path)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Axes with the counts as a picture: optic modes per species, coloured by who sees them."""
        from .report_figures import plot_counts

        return plot_counts(self, ax)

    def _repr_html_(self) -> str:
        from .report_html import crystal_fragment

        return crystal_fragment(self)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        shown = "undefined" if self.completeness is None else f"{self.completeness:.3f}"
        return (
            f"<CrystalReport {self.molecule_name}: {self.space_group} ({self.point_group}), {self.n_vib} optic modes, "
            f"R = {shown}>"
        )


def crystal_report(structure: Any, tolerance: float | None = None, *, name: str | None = None) -> CrystalReport:
    """The report on a crystal: space group, sites, species of the modes at Gamma, IR and Raman activity.

    Parameters
    ----------
    structure : pymatgen Structure, ASE Atoms, str or path
        Periodic Atoms; of files, CIF and POSCAR (read by pymatgen). Any cell: it is reduced to the primitive one.
    tolerance : float, optional
        Distance (angstrom) within which spglib takes atoms for equivalent (its symprec); default 0.01.
    name : str, optional
        Default: the file's stem.

    Notes
    -----
    The axes x, y, z of the character table are those of the standard setting of International Tables (spglib's
    choice, which the report gives in terms of the cell as read): x, y, z along a, b, c; for hexagonal crystals x along
    [210] and y along b; for trigonal ones, on hexagonal axes, x along a; for monoclinic ones z along the unique axis b.
    Where the table asks for another x (a C2' axis in D2d, D3, D3d, a mirror plane in C3v), it is [110] or [210].

    Raises
    ------
    MoleculeError
        Not a crystal that can be analysed: disordered, partly occupied, damaged.
    DetectionError
        spglib finds no space group at this tolerance.
    MissingPackageError
        Reading a file needs pymatgen.

    Examples
    --------
    >>> from ase.build import bulk
    >>> report = crystal_report(bulk("NaCl", "rocksalt", a=5.64), name="halite")
    >>> report.space_group, report.point_group.label, str(report.gamma_3n), str(report.gamma_optic)
    ('Fm-3m', 'Oh', '2T1u', 'T1u')
    >>> report.n_ir, report.n_raman, report.completeness
    (3, 0, 1.0)
    """
    chosen = _tolerance(tolerance)
    cell = read_crystal(structure, name)
    symmetry = crystal_symmetry(cell, chosen)
    group = symmetry.point_group
    gamma_3n = cartesian_representation(group, symmetry.fixed_atoms_per_class, symmetry.n_primitive)
    sites = tuple(correlate_site(group, orbit) for orbit in symmetry.orbits)
    by_sites = sum((site.gamma for site in sites), Decomposition(group))
    if by_sites != gamma_3n:
        raise RepresentationError(
            f"crystal_report: Gamma_3N is {gamma_3n} from the characters and {by_sites} from the site correlation: "
            "report this with the structure."
        )
    acoustic = vector_representation(group)
    optic = gamma_3n - acoustic
    counts, levels = count_modes(optic)
    none = Decomposition(group)
    analysis = VibrationalAnalysis(group, symmetry.n_primitive, gamma_3n, acoustic, none, optic, counts, levels)
    formula, units = cell.formula_units
    rows = species_rows(analysis)
    neighbours = tuple(_space_group_at(cell, value) for value in (chosen / 10, chosen * 10))
    unsteady = unsteady_labels(group)
    return CrystalReport(
        name=cell.name if name is None else name,
        formula=formula,
        symmetry=symmetry,
        space_group_by_tolerance=neighbours,
        sites=sites,
        gamma_3n=gamma_3n,
        gamma_acoustic=acoustic,
        gamma_optic=optic,
        counts=counts,
        levels=levels,
        exclusion_kind=analysis.exclusion_kind,
        rows=rows,
        unsteady_labels=unsteady,
        units_primitive=units * symmetry.n_primitive // len(cell),
        units_conventional=units * symmetry.n_conventional // len(cell),
        notes=(*cell.notes, *_notes(symmetry, rows, neighbours, unsteady, counts)),
    )


def _tolerance(tolerance: float | None) -> float:
    if tolerance is None:
        return DEFAULT_TOLERANCE
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float | np.integer | np.floating):
        raise MoleculeError(f"crystal_report: the tolerance {tolerance!r} is no number (angstrom).")
    if not 0 < tolerance <= _LARGEST_TOLERANCE:
        raise MoleculeError(
            f"crystal_report: the tolerance is {tolerance!r} angstrom; it must lie above 0 and not above "
            f"{_LARGEST_TOLERANCE:g}, or different atoms become the same."
        )
    return float(tolerance)


def _space_group_at(cell: CrystalCell, tolerance: float) -> tuple[float, int, str]:
    try:
        dataset = spglib_dataset(cell, tolerance)
    except DetectionError:
        return tolerance, 0, "none"
    return tolerance, int(dataset.number), str(dataset.international)


def _notes(
    symmetry: CrystalSymmetry,
    rows: tuple[SpeciesRow, ...],
    neighbours: tuple[tuple[float, int, str], ...],
    unsteady: tuple[str, ...],
    counts: ModeCounts,
) -> tuple[str, ...]:
    notes = []
    other = [f"{symbol} (No. {n}) at {value:g} angstrom" for value, n, symbol in neighbours if n != symmetry.number]
    if other:
        notes.append(
            f"The space group depends on the tolerance: {symmetry.hermann_mauguin} at "
            f"{symmetry.tolerance_angstrom:g} angstrom, {' and '.join(other)}."
        )
    if any(row.label in unsteady and row.n_3n for row in rows):
        notes.append(
            f"The names {', '.join(unsteady)} change places where the axes are chosen otherwise (another setting, "
            "another author); the counts do not."
        )
    pairs = [row.label for row in rows if row.separable and row.count]
    if pairs:
        notes.append(
            f"{', '.join(pairs)}: a pair of complex-conjugate irreps, degenerate by time reversal, counted as one real "
            "species of degeneracy 2."
        )
    if not counts.n_vib:
        notes.append("One atom in the primitive cell: there is no optic mode, and the completeness R is undefined.")
    elif counts.n_ir:
        notes.append(
            "Counts are those at Gamma itself: the splitting of infrared-active modes into transverse and longitudinal "
            "ones, which depends on the direction of the wave vector, is not counted."
        )
    return tuple(notes)
