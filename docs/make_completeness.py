"""Writes docs/completeness.md: ``python docs/make_completeness.py``. Every number on that page is computed here.

The prose is in docs/templates/completeness.md. Only the numbers to be refuted (`CLAIMS`) are typed.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from math import cos, radians, sin
from pathlib import Path

import numpy as np
from jinja2 import StrictUndefined, Template

from symvib import (
    PointGroup,
    PointGroupReport,
    as_molecule,
    attainable_completeness,
    detect_point_group,
    information_completeness,
    point_group_report,
    selection_rules,
)
from symvib.groups.atomic_write import write_text
from symvib.groups.completeness import AttainableCompleteness, analyse_detection
from symvib.groups.cyclotomic import Cyclotomic
from symvib.groups.report_markup import escape_markdown, markdown_table
from symvib.groups.report_words import completeness_formula, degrees_of_freedom, sum_of
from symvib.groups.selection_rules import polarizability_representation, vector_representation
from symvib.groups.site_symmetry import SiteType
from symvib.groups.vibrations import VibrationalAnalysis, vibrational_representation

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "completeness.md"
TEMPLATE = ROOT / "docs" / "templates" / "completeness.md"
MAX_N = 12  # largest axis among the groups looked through for exclusion
ACCIDENT_ATOMS = 8  # largest molecules of the search for accidental exclusion

CHECKED = (
    "water", "ammonia", "carbon_dioxide", "methane", "ethylene", "sulfur_hexafluoride", "benzene", "cubane",
    "buckminsterfullerene",
)  # fmt: skip
EXCLUSION_EXAMPLES = ("benzene", "cyclooctasulfur", "ferrocene_eclipsed", "carbon_dioxide", "dinitrogen", "methane")
CLAIMS = {"benzene": "0.85", "methane": "0.778", "cubane": "0.452", "sulfur_hexafluoride": "0.60"}
SETS = (("D6h", 12), ("Td", 5), ("Oh", 7), ("Oh", 16))


# ------------------------------------------------------------------------------------------------- molecules


def _ethylene() -> tuple[list[str], list[list[float]]]:
    """C=C 1.339, C-H 1.087 angstrom, C=C-H 121.3 degrees."""
    along, across = 1.339 / 2 - 1.087 * cos(radians(121.3)), 1.087 * sin(radians(121.3))
    hydrogens = [[sx * along, sy * across, 0.0] for sx in (1, -1) for sy in (1, -1)]
    return ["C", "C", "H", "H", "H", "H"], [[1.339 / 2, 0, 0], [-1.339 / 2, 0, 0], *hydrogens]


@cache
def report_of(name: str) -> PointGroupReport:
    """Report of an example molecule, or of one that is built here."""
    built = {"ethylene": _ethylene, "dinitrogen": lambda: (["N", "N"], [[0, 0, 0], [0, 0, 1.098]])}
    source = built[name]() if name in built else ROOT / "examples" / f"{name}.xyz"
    return point_group_report(as_molecule(source, name=name.replace("_", " ")))


def analysis_of(name: str) -> VibrationalAnalysis:
    """Vibrational analysis of the same molecule."""
    return analyse_detection(detect_point_group(report_of(name).molecule))


def title(name: str) -> str:
    """Name and formula."""
    report = report_of(name)
    return f"{report.molecule_name} ({report.formula})"


# ------------------------------------------------------------------------------------------------- markdown


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(str(c)) for c in columns], [[escape_markdown(str(c)) for c in r] for r in rows]
    )


def session(*examples: tuple[str, object]) -> str:
    """A doctest block of (expression, its value); tests/test_docs.py runs it."""
    lines = [line for expression, value in examples for line in (f">>> {expression}", repr(value))]
    return "\n".join(["```python", ">>> import symvib as sv", *lines, "", "```"])


def listed(items: Sequence[object], last: str = "and") -> str:
    """Items as "a, b and c"."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


# ------------------------------------------------------------------------------------------------- sections


def nine_molecules() -> str:
    """Counts of the nine molecules."""
    rows = []
    for name in CHECKED:
        report = report_of(name)
        found = information_completeness(report.molecule)
        counts, levels = found.counts, found.levels
        rows.append(
            (
                title(name), report.point_group, counts.n_vib, counts.n_ir, counts.n_raman, counts.n_both,
                counts.n_silent, f"{found.completeness:.3f}", f"{found.raw_ratio:.3f}",
                f"{levels.n_vib - levels.n_silent}/{levels.n_vib}",
            )
        )  # fmt: skip
    columns = ("molecule", "group", "vibrations", "IR", "Raman", "both", "silent", "R", "raw ratio", "levels seen")
    return table(columns, rows)


def example_session() -> str:
    """What to type for these numbers."""
    benzene = information_completeness(report_of("benzene").molecule)
    return session(
        ('sv.information_completeness("examples/benzene.xyz").counts', benzene.counts),
        ('sv.information_completeness("examples/benzene.xyz").levels', benzene.levels),
        ('sv.attainable_completeness("Td", 5)', attainable_completeness("Td", 5)),
    )


def working(name: str) -> str:
    """From the atoms that stay in place to R, for one molecule."""
    report = report_of(name)
    parts = [f"### {title(name)}, {report.point_group}"]
    work = report.worked_reduction
    if work is None:
        parts.append(
            "A linear molecule: along the axis each atom moves as Sigma, across it as Pi. With a centre, a pair of "
            "equivalent atoms gives g and u, an atom at the centre gives u."
        )
    else:
        steps = work.classes
        rows = [
            ("atoms in place", *(step.fixed_atoms for step in steps)),
            ("trace of the operation", *(step.contribution for step in steps)),
            ("character of Gamma(3N)", *(step.character for step in steps)),
        ]
        parts += [table(("", *(step.label for step in steps)), rows), _one_sum(report)]
    gammas = (
        ("Gamma(3N)", report.gamma_3n), ("translations", report.gamma_trans), ("rotations", report.gamma_rot),
        ("**Gamma(vib)**", report.gamma_vib),
    )  # fmt: skip
    parts.append("\n".join(f"- {label} = {escape_markdown(sum_of(gamma))}" for label, gamma in gammas))
    rows = [
        (
            row.label,
            row.count,
            row.dimension,
            ", ".join(row.infrared) or "-",
            "yes" if row.raman else "-",
            row.visibility,
        )
        for row in report.occurring_rows
    ]
    parts.append(table(("species", "levels", "degeneracy", "IR (axes)", "Raman", "seen by"), rows))
    formula = completeness_formula(report)
    assert formula is not None
    parts.append(
        f"Vibrations: {escape_markdown(degrees_of_freedom(report))}. **R = {formula.union} = {formula.value}**; "
        f"raw ratio {formula.raw} = {formula.raw_value}."
    )
    return "\n\n".join(parts)


def _one_sum(report: PointGroupReport) -> str:
    """The sum over classes for the species that occurs most often."""
    work = report.worked_reduction
    assert work is not None
    step = max(work.irreps, key=lambda irrep: (irrep.norm == 1, irrep.multiplicity))
    terms = " + ".join("·".join(_factor(f) for f in term) for term in step.terms)
    text = f"For example n({step.label}) = [{terms}] / {work.order} = {step.total}/{work.order} = {step.multiplicity}"
    return f"{escape_markdown(text)}, each term being (operations)·(character of the species)·(character of Gamma(3N))."


def _factor(value: int | Cyclotomic) -> str:
    text = str(value)
    return f"({text})" if text.startswith("-") or "+" in text else text


def claims() -> str:
    """The numbers in circulation beside ours."""
    rows = [(title(name), claim, _value(report_of(name)), _fraction(report_of(name))) for name, claim in CLAIMS.items()]
    return table(("molecule", "quoted", "R", "seen of all"), rows)


def refutations() -> str:
    """Why each cannot be right."""
    return "\n".join(f"- **{title(name)}, {claim}.** {_refutation(name, claim)}" for name, claim in CLAIMS.items())


def _value(report: PointGroupReport) -> str:
    return f"{report.completeness:.3f}"


def _fraction(report: PointGroupReport) -> str:
    return f"{report.n_vib - report.n_silent}/{report.n_vib}"


def _rounding_to(claim: str, whole: int) -> list[int]:
    """Numerators k with k/whole equal to the quoted decimal after rounding."""
    digits = len(claim.split(".")[1])
    return [k for k in range(whole + 1) if f"{k / whole:.{digits}f}" == claim]


def _refutation(name: str, claim: str) -> str:
    report, n = report_of(name), report_of(name).n_vib
    seen = n - report.n_silent
    silent = sum_of(report.species("silent"), none="")
    facts = f"IR or Raman sees {seen} of {n} vibrations; " + (
        f"the silent ones are {escape_markdown(silent)}." if silent else "none is silent."
    )
    shares = _rounding_to(claim, n)
    if shares:
        (k,) = shares
        text = f"As a share of {n} vibrations it is {k}/{n}: {n - k} silent ones. {facts}"
        text += _misjudged(report, seen - k)
    else:
        text = f"It is no share of {n} vibrations: {claim} x {n} = {float(claim) * n:g} is not a whole number, "
        text += f"and no k/{n} rounds to it. {facts}"
    text += _of_levels(report, claim)
    values = sorted({item.exact for item in attainable_completeness(report.point_group, len(report.molecule))})
    listing = listed([f"{value} = {float(value):.3f}" if value != 1 else "1" for value in values])
    return (
        f"{text} No molecule of {len(report.molecule)} atoms with the group {report.point_group} has this R; possible: "
        f"{listing}."
    )


def _of_levels(report: PointGroupReport, claim: str) -> str:
    """The same number read as a share of the distinct levels."""
    levels = report.levels
    seen = levels.n_vib - levels.n_silent
    shares = _rounding_to(claim, levels.n_vib)
    if not shares:
        return f" Nor is it a share of the {levels.n_vib} distinct levels, of which {seen} are seen."
    return f" As a share of the {levels.n_vib} distinct levels it would be {shares[0]}; but {seen} of them are seen."


def _misjudged(report: PointGroupReport, missing: int) -> str:
    """Which visible levels would have to be silent, if only few sets of them add up."""
    visible = [row for row in report.occurring_rows if not row.silent for _ in range(row.count)]
    sets = {
        tuple(row.label for row in chosen)
        for size in range(1, 4)
        for chosen in combinations(visible, size)
        if sum(row.dimension for row in chosen) == missing
    }
    text = f" So {missing} vibrations that are seen would have to be silent"
    if len(visible) > 3 and missing > 3:
        return text + "."
    by_label = {row.label: row for row in report.occurring_rows}
    ways = [
        " + ".join(f"{label} ({_seen_by(by_label[label].visibility)})" for label in labels) for labels in sorted(sets)
    ]
    return f"{text}. The levels that add up to {missing}: {escape_markdown(listed(ways, 'or'))}."


def _seen_by(visibility: str) -> str:
    return "seen by both" if visibility == "both" else f"seen by {visibility}"


def sets_of_r() -> str:
    """R as a set over orbit partitions."""
    parts = []
    for group, n_atoms in SETS:
        items = attainable_completeness(group, n_atoms)
        rows = [(f"{item.completeness:.3f}", item.exact, item.partition, _known(item, n_atoms)) for item in items]
        values = len({item.exact for item in items})
        parts.append(
            f"**{group}, {n_atoms} atoms**: {_count(len(items), 'partition')}, {_count(values, 'value')} of R."
        )
        parts.append(table(("R", "exact", "sites", "example"), rows))
    return "\n\n".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _known(item: AttainableCompleteness, n_atoms: int) -> str:
    """Which of the nine molecules has this partition."""
    fixed = tuple(fixed_atoms(item))
    names = [
        title(name)
        for name in CHECKED
        if report_of(name).point_group == item.point_group
        and len(report_of(name).molecule) == n_atoms
        and report_of(name).fixed_atoms_per_class == fixed
    ]
    return names[0] if names else ""


def fixed_atoms(item: AttainableCompleteness) -> list[int]:
    """Atoms in place per class, of a molecule with this partition."""
    per_orbit = [
        [count * atoms for atoms in site.fixed_atoms_per_class]
        for site, count in item.partition.occupation
        if isinstance(site, SiteType)
    ]
    return [sum(numbers) for numbers in zip(*per_orbit, strict=True)]


# ------------------------------------------------------------------------------------------------- exclusion


def all_groups() -> Iterator[PointGroup]:
    """Every family with axes up to MAX_N (S2n: n up to MAX_N), each group once, and the linear groups."""
    axial = [f"{letter}{n}{suffix}" for letter, suffixes in (("C", ("", "v", "h")), ("D", ("", "h", "d")))
             for suffix in suffixes for n in range(2, MAX_N + 1)]  # fmt: skip
    improper = [f"S{2 * n}" for n in range(2, MAX_N + 1)]
    cubic = ["T", "Td", "Th", "O", "Oh", "I", "Ih"]
    labels = ["C1", "Cs", "Ci", *axial, *improper, *cubic, "Cinfv", "Dinfh"]
    yield from dict.fromkeys(PointGroup.parse(label) for label in labels)


def has_piezoelectric_tensor(group: PointGroup) -> bool:
    """Does V x Sym2(V) hold the totally symmetric species?"""
    (trivial,) = (a.label for a in selection_rules(group).activities if a.raman_polarised)
    return trivial in vector_representation(group) * polarizability_representation(group)


def is_crystallographic(group: PointGroup) -> bool:
    """All traces are integers (the crystallographic restriction)."""
    traces = np.einsum("gii->g", group.matrices) if group.is_finite else np.array([0.5])
    return bool(np.abs(traces - np.rint(traces)).max() < 1e-9)


def exclusion_by_table(groups: Sequence[PointGroup]) -> str:
    """The groups without inversion that have exclusion."""
    without = [group for group in groups if not group.has_inversion]
    found = [rules for rules in map(selection_rules, without) if rules.exclusion_kind == "table"]
    rows = [(r.point_group, ", ".join(r.infrared), ", ".join(r.raman), ", ".join(r.silent) or "-") for r in found]
    return (
        f"The families with axes up to n = {MAX_N} (S2n with n up to {MAX_N}), with Cinfv and Dinfh, make "
        f"{len(groups)} groups. {len(without)} of these have no inversion, and {len(found)} of those have no species "
        f"that is both infrared and Raman active:\n\n{table(('group', 'IR', 'Raman', 'silent'), rows)}"
    )


def piezoelectric(groups: Sequence[PointGroup]) -> str:
    """The statement about piezoelectric tensors, checked."""
    kinds = {group: selection_rules(group).exclusion_kind for group in groups}
    for group, kind in kinds.items():
        if (kind == "none") != has_piezoelectric_tensor(group):
            raise AssertionError(f"{group}: exclusion is not the absence of a piezoelectric tensor")
    crystal = [group for group in groups if is_crystallographic(group)]
    without = [group for group in crystal if not group.has_inversion]
    exclusive = [group for group in without if kinds[group] == "table"]
    return (
        f"The script that writes this page checks it for all {len(groups)} groups. {len(crystal)} of them are "
        f"crystallographic, {len(without)} of these have no inversion, and exclusion holds among these in "
        f"{listed(exclusive)} only."
    )


def definition_examples() -> str:
    """The three properties for a few molecules."""
    rows = []
    for name in EXCLUSION_EXAMPLES:
        a = analysis_of(name)
        rows.append(
            (
                title(name), a.point_group, f"{a.n_ir}/{a.n_raman}/{a.n_both}", a.mutual_exclusion, a.exclusion_kind,
                a.exclusion_vacuous,
            )
        )  # fmt: skip
    columns = ("molecule", "group", "IR/Raman/both", "mutual_exclusion", "exclusion_kind", "vacuous")
    return table(columns, rows)


def accident_search(groups: Sequence[PointGroup]) -> str:
    """Whether any small orbit partition shows exclusion that its group does not have."""
    searched, accidents, members = 0, [], 0
    for group in groups:
        if not group.is_finite or selection_rules(group).exclusion_kind != "none":
            continue
        members += 1
        partitions = [item for n in range(2, ACCIDENT_ATOMS + 1) for item in attainable_completeness(group, n)]
        for item in partitions:
            searched += 1
            if vibrational_representation(group, fixed_atoms(item)).mutual_exclusion:
                accidents.append(f"{group}: {item.partition}")
    found = "none" if not accidents else listed(accidents)
    return (
        "A molecule could show exclusion without the rule, if the species that are both active did not occur among "
        f"its vibrations. Of the {searched} orbit partitions of up to {ACCIDENT_ATOMS} atoms in the {members} finite "
        f'groups above with `exclusion_kind` `"none"`, these do: {found}.'
    )


def page() -> str:
    """The text of docs/completeness.md."""
    groups = list(all_groups())
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(
        nine_molecules=nine_molecules(),
        session=example_session(),
        working="\n\n".join(working(name) for name in CHECKED),
        claims=claims(),
        refutations=refutations(),
        sets=sets_of_r(),
        exclusion_by_table=exclusion_by_table(groups),
        piezoelectric=piezoelectric(groups),
        definitions=definition_examples(),
        accidents=accident_search(groups),
    )


if __name__ == "__main__":
    write_text(PAGE, page())
