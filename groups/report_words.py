"""Sentences of a report that every format shares: evidence, who sees what, exclusion, the formula for R."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .overtones import MultiquantumTransition

if TYPE_CHECKING:
    from .crystal import CrystalReport
    from .report import PointGroupReport
    from .report_facts import SpeciesRow

__all__ = [
    "CompletenessFormula",
    "SilentOutlook",
    "axes_sentence",
    "completeness_formula",
    "degrees_of_freedom",
    "evidence_sentence",
    "exclusion_sentence",
    "outlook_sentence",
    "properties_sentence",
    "raman_word",
    "report_notes",
    "silent_outlook",
    "sum_of",
]

_NUMERICAL_ZERO_ANGSTROM = 1e-6


@dataclass(frozen=True)
class CompletenessFormula:
    """R with its numbers: ``union`` = ``(3 + 3 - 3)/3``, ``value`` = ``1.000``, and the same for the raw ratio."""

    union: str
    value: str
    raw: str
    raw_value: str


@dataclass(frozen=True)
class SilentOutlook:
    """Where one silent species becomes visible.

    Attributes
    ----------
    label : str
    direct : tuple of str
        Techniques other than IR and Raman that see the fundamental.
    infrared, raman : (overtone or None, partners)
        Lowest overtone that the technique sees ("3 E2u"), and the species with which a binary combination shows.
    """

    label: str
    direct: tuple[str, ...]
    infrared: tuple[str | None, tuple[str, ...]]
    raman: tuple[str | None, tuple[str, ...]]

    @property
    def visible(self) -> bool:
        """Some overtone up to three quanta or some binary combination shows the species."""
        return any(overtone or partners for overtone, partners in (self.infrared, self.raman))


def completeness_formula(report: "PointGroupReport") -> CompletenessFormula | None:
    """The numbers that make up R; None where there is no vibration."""
    if report.completeness is None:
        return None
    ir, raman, both, n = report.n_ir, report.n_raman, report.n_both, report.n_vib
    return CompletenessFormula(
        f"({ir} + {raman} - {both})/{n}",
        f"{report.completeness:.3f}",
        f"({ir} + {raman})/{n}",
        f"{report.raw_ratio:.3f}",
    )


def degrees_of_freedom(report: "PointGroupReport") -> str:
    """The number of vibrations with its formula, "3N - 6 = 3 x 12 - 6 = 30"."""
    n = len(report.molecule)
    if n == 1:
        return "a single atom: 3 translations, no vibration"
    minus = 5 if report.point_group.is_linear else 6
    return f"3N - {minus} = 3 x {n} - {minus} = {report.n_vib}"


def evidence_sentence(report: "PointGroupReport") -> str:
    """How sure the point group is: deviation, range of tolerances, rivals."""
    facts = report.detection
    if report.point_group.label == "Kh":
        return "a single atom has the full rotation-reflection group Kh"
    worst = facts.deviation_angstrom
    obeyed = "to numerical exactness" if worst < _NUMERICAL_ZERO_ANGSTROM else f"within {worst:.2g} A"
    text = f"every operation obeyed {obeyed}"
    if report.point_group.label == "C1":
        text = "no operation but the identity"
    high = facts.plateau_angstrom[1]
    text += f"; same group up to a tolerance of {high:.2g} A" if high else "; no larger group nearby"
    below = [r for r in facts.rivals if r.deviation_angstrom < worst]
    above = [r for r in facts.rivals if r.deviation_angstrom >= worst]
    text += "".join(f", then {r.point_group}" for r in above)
    text += "".join(f"; {r.point_group} below {worst:.2g} A" for r in below)
    if facts.tolerance_angstrom is not None:
        text += f"; tolerance given: {facts.tolerance_angstrom:g} A"
    return text + ("; AMBIGUOUS" if facts.ambiguous else "")


def axes_sentence(report: "PointGroupReport") -> str:
    """The axes that the names of species refer to, in the coordinates of the input."""
    named = zip("xyz", report.detection.frame, strict=True)
    return ", ".join(f"{name} = ({', '.join(f'{round(v, 2) + 0.0:.2f}' for v in axis)})" for name, axis in named)


def properties_sentence(report: "PointGroupReport") -> str:
    """Rotor type, symmetry number, polarity, chirality."""
    facts = report.detection
    if report.point_group.label == "Kh":
        return f"{facts.rotor.kind}, achiral, non-polar"
    polar = "polar" if facts.is_polar else "non-polar"
    chiral = "chiral" if facts.is_chiral else "achiral"
    return f"{facts.rotor.kind}, symmetry number {facts.symmetry_number}, {polar}, {chiral}"


def sum_of(counts: "dict[str, int]", none: str = "none") -> str:
    """A decomposition as "2A1 + B1", or ``none`` where it is empty."""
    return " + ".join(f"{n if n > 1 else ''}{label}" for label, n in counts.items()) or none


def raman_word(row: "SpeciesRow") -> str:
    """Raman activity in a word: "polarised", "depolarised" or "" where forbidden."""
    if not row.raman:
        return ""
    return "polarised" if row.raman_polarised else "depolarised"


def exclusion_sentence(report: "PointGroupReport | CrystalReport") -> str:
    """Mutual exclusion in words: whether, by what rule, and whether it says anything about this molecule."""
    if not report.n_vib:
        return "Not applicable: there is no vibration."
    group = report.point_group.label
    rule = {
        "inversion": f"{group} has a centre of inversion: IR-active species are u, Raman-active ones g",
        "table": f"{group} has no centre of inversion, yet none of its irreps is both IR and Raman active",
        "none": f"{group} has irreps that are both IR and Raman active",
    }[report.exclusion_kind]
    if report.exclusion_kind == "none":
        if report.mutual_exclusion:
            return f"Holds by accident: {rule}, but no vibration of this molecule belongs to one of them."
        if not report.n_both:
            return f"No: {rule}, although no vibration of this molecule belongs to one of them."
        return f"No: {rule}; {report.n_both} of {report.n_vib} vibrations are seen by both."
    if report.mutual_exclusion:
        return f"Yes, {'by inversion' if report.exclusion_kind == 'inversion' else 'by the table'}: {rule}."
    missing = "IR" if not report.n_ir else "Raman"
    return f"Vacuous: {rule}; but this molecule has no {missing}-active vibration."


def silent_outlook(report: "PointGroupReport") -> tuple[SilentOutlook, ...]:
    """For each silent species of the molecule the lowest visible overtones and the binary combinations."""
    outlook = []
    for row in report.occurring_rows:
        if row.silent:
            own = [t for t in report.silent_transitions if t.silent == row.label]
            direct = tuple(name for name in row.seen_by if name not in ("IR", "Raman"))
            infrared, raman = _ways([t for t in own if t.infrared]), _ways([t for t in own if t.raman])
            outlook.append(SilentOutlook(row.label, direct, infrared, raman))
    return tuple(outlook)


def report_notes(report: "PointGroupReport") -> tuple[str, ...]:
    """What a reader must know: source of the geometry, doubt, isotopes, complex pairs, undefined R."""
    notes = []
    comment = " ".join("".join(c if c.isprintable() else " " for c in report.molecule.comment).split())
    if comment:
        source = comment if comment.lower().startswith("geometry") else f"geometry: {comment}"
        notes.append(f"{source[0].upper()}{source[1:300]}.")
    if report.detection.ambiguous:
        notes.append(f"The symmetry is ambiguous: {report.detection.reason}.")
    if report.molecule.has_isotopes:
        notes.append("Isotopes count: nuclei of different mass are not equivalent.")
    if any(row.separable and row.count for row in report.rows):
        pairs = ", ".join(row.label for row in report.rows if row.separable and row.count)
        notes.append(
            f"{pairs}: a pair of complex-conjugate irreps, degenerate by time reversal, counted as one real "
            "species of degeneracy 2."
        )
    if not report.n_vib:
        notes.append("A single atom has no vibrations: the completeness R is undefined.")
    if report.detection.rotor.accidental:
        notes.append(f"The molecule is a {report.detection.rotor.kind} by accident, not by symmetry.")
    return tuple(notes)


def _ways(visible: Sequence[MultiquantumTransition]) -> tuple[str | None, tuple[str, ...]]:
    overtones = [t for t in visible if t.partner is None]
    lowest = min(overtones, key=lambda t: t.quanta).label if overtones else None
    return lowest, tuple(t.partner for t in visible if t.partner is not None)


def outlook_sentence(outlook: SilentOutlook) -> str:
    """One silent species in words: "fundamental by INS; IR in 3 E2u, with B2g; Raman in 2 E2u"."""
    parts = [f"fundamental by {' and '.join(outlook.direct)}"] if outlook.direct else []
    for technique, (overtone, partners) in (("IR", outlook.infrared), ("Raman", outlook.raman)):
        ways = [f"in {overtone}"] if overtone else []
        ways += [f"with {', '.join(partners)}"] if partners else []
        if ways:
            parts.append(f"{technique} {', '.join(ways)}")
    if not outlook.visible:
        parts.append("no overtone or binary combination shows it")
    return "; ".join(parts)
