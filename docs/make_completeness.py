"""Writes docs/completeness.md: ``python docs/make_completeness.py``. Every number on that page is computed here.

Only the numbers to be refuted (`CLAIMS`) are typed.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from math import cos, radians, sin
from pathlib import Path

import numpy as np

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
from symvib.groups.vibrations import VibrationalAnalysis, vibrational_representation

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "completeness.md"
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

INTRODUCTION = """\
<!-- Written by docs/make_completeness.py; change that file, not this one. -->
# Completeness of infrared and Raman

A molecule has 3N - 6 vibrations (3N - 5 if it is linear). Infrared sees some of them, Raman sees some, and some are
*silent*: neither sees them. The information completeness is the share that at least one of the two sees,

    R = (n_IR + n_Raman - n_both) / n_vib = 1 - n_silent / n_vib.

R is the size of a **union**. The sum (n_IR + n_Raman) / n_vib counts the vibrations that both see twice. It is no share
and can reach 2. symvib gives both, as `completeness` and `raw_ratio`. Vibrations are counted with their degeneracy: an E
level counts twice. `levels` holds the counts of distinct levels.

"Seen" means allowed by symmetry for a fundamental, in the harmonic approximation with a linear dipole and polarizability.
An allowed line may still be weak.

This page is computed. `make docs` writes it again, and a test compares the two."""


def check_values() -> str:
    """Counts of the nine molecules."""
    rows = []
    for name in CHECKED:
        report = report_of(name)
        found = information_completeness(report.molecule)
        counts, levels = found.counts, found.levels
        rows.append(
            (
                title(name), report.point_group, counts.n_vib, counts.n_ir, counts.n_raman, counts.n_both, counts.n_silent,
                f"{found.completeness:.3f}", f"{found.raw_ratio:.3f}", f"{levels.n_vib - levels.n_silent}/{levels.n_vib}",
            )
        )  # fmt: skip
    columns = ("molecule", "group", "vibrations", "IR", "Raman", "both", "silent", "R", "raw ratio", "levels seen")
    benzene = information_completeness(report_of("benzene").molecule)
    example = session(
        ('sv.information_completeness("examples/benzene.xyz").counts', benzene.counts),
        ('sv.information_completeness("examples/benzene.xyz").levels', benzene.levels),
        ('sv.attainable_completeness("Td", 5)', attainable_completeness("Td", 5)),
    )
    return "\n\n".join(["## Nine molecules", table(columns, rows), "From Python:", example])


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
        f"Vibrations: {escape_markdown(degrees_of_freedom(report))}. **R = {formula.union} = {formula.value}**; raw ratio "
        f"{formula.raw} = {formula.raw_value}."
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


def refutations() -> str:
    """The numbers in circulation beside ours."""
    rows = [
        (title(name), claim, f"{report_of(name).completeness:.3f}", _fraction(report_of(name)))
        for name, claim in CLAIMS.items()
    ]
    return "\n\n".join(
        [
            "## Numbers in circulation that are wrong",
            "These values of R are quoted for four of the molecules above. None is what the definition gives.",
            table(("molecule", "quoted", "R", "seen of all"), rows),
            "What can be said about each, by arithmetic alone:",
            "\n".join(f"- **{title(name)}, {claim}.** {_refutation(name, claim)}" for name, claim in CLAIMS.items()),
        ]
    )


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
        text = f"It is no share of {n} vibrations: {claim} x {n} = {float(claim) * n:g} is not a whole number, and no k/{n} "
        text += f"rounds to it. {facts}"
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
    parts = [
        "## R is a set, not a function of group and size",
        "The group and the number of atoms N do not fix R. It also depends on which sites the atoms occupy: each orbit of "
        "equivalent atoms adds its own part to Gamma(3N), and an orbit on a sixfold axis adds another one than an orbit "
        "in a mirror plane. `attainable_completeness(group, N)` goes through all ways of spreading N atoms over the sites "
        "of the group and keeps those whose molecules need have no more symmetry than the group. Different orbits may be "
        "different elements.",
        "A partition is written as (number of orbits) x (site symmetry); `C2v(C2')` is a site on a C2' axis. In Dn, Dnh and "
        "Cnv with even n the names ' and '' (or v and d) may be exchanged, so partitions that differ by that exchange "
        "describe the same arrangement and have the same R.",
    ]
    for group, n_atoms in SETS:
        items = attainable_completeness(group, n_atoms)
        rows = [(f"{item.completeness:.3f}", item.exact, item.partition, _known(item, n_atoms)) for item in items]
        values = sorted({item.exact for item in items}, reverse=True)
        plural = "values" if len(values) > 1 else "value"
        parts.append(f"**{group}, {n_atoms} atoms**: {len(items)} partitions, {len(values)} {plural} of R.")
        parts.append(table(("R", "exact", "sites", "example"), rows))
    parts.append("On the command line: `symvib completeness D6h 12`.")
    return "\n\n".join(parts).replace("1 partitions", "1 partition")


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
    total = sum(count * np.array(site.fixed_atoms_per_class) for site, count in item.partition.occupation)
    return [int(number) for number in total]


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


def exclusion() -> str:
    """Mutual exclusion: by inversion, by the table, and how the package names it."""
    groups = list(all_groups())
    rules = {group: selection_rules(group) for group in groups}
    by_table = [group for group in groups if rules[group].exclusion_kind == "table"]
    without = [group for group in groups if not group.has_inversion]
    for group in groups:
        assert (rules[group].exclusion_kind == "none") == has_piezoelectric_tensor(group), group
    crystal = [group for group in groups if is_crystallographic(group)]
    rows = [
        (g, ", ".join(rules[g].infrared), ", ".join(rules[g].raman), ", ".join(rules[g].silent) or "-")
        for g in by_table
    ]
    return "\n\n".join(
        [
            EXCLUSION_TEXT,
            f"Here are all of them among the {len(groups)} groups of all families with axes up to n = {MAX_N} (S2n with n up to "
            f"{MAX_N}; Cinfv, Dinfh). {len(without)} of these have no inversion, and {len(by_table)} of those have no species "
            "that is both infrared and Raman active:",
            table(("group", "IR", "Raman", "silent"), rows),
            PIEZOELECTRIC_TEXT
            + f" The script that writes this page checks it for all {len(groups)} groups. Among the {len(crystal)} "
            f"crystallographic ones, {len([g for g in crystal if not g.has_inversion])} have no inversion, and the only one "
            f"of these with exclusion is {listed([g for g in crystal if g in by_table])}.",
            FAMILIES_TEXT,
            DEFINITIONS_TEXT,
            _definition_examples(),
            _accident_search(groups),
        ]
    )


EXCLUSION_TEXT = """\
## Mutual exclusion

Mutual exclusion says: no vibration is seen by both infrared and Raman. There are two ways to it.

**By inversion.** The dipole is odd under i, the polarizability is even. Every species is either odd (u) or even (g), so
no species carries both. This holds in every group with a centre of inversion.

**By the table.** In some groups *without* inversion, too, no species carries both. The rule is then read off the
character table. It is just as strict, and such molecules are a control: they show exclusion, but not inversion."""

PIEZOELECTRIC_TEXT = """\
A species that carries both exists if and only if the vector V and its symmetric square have a real irrep in common, that
is, if V x Sym2(V) holds the totally symmetric species. That is the condition for a piezoelectric tensor. So exclusion
holds exactly in the groups that forbid piezoelectricity."""

FAMILIES_TEXT = """\
For axial groups the list goes on by the same rule for every n. Label functions by k, where a turn by 2 pi/n multiplies
them by exp(2 pi i k/n). V has k = 0 (z) and k = 1, -1 (x and y). Sym2(V) has k = 0 (twice), k = 1, -1 (xz, yz) and
k = 2, -2.

- Cn, Cnv: z and z^2 share a species. Dn with n > 2: (x,y) and (xz,yz) do; D2: z and xy do. No exclusion.
- Cnh with odd n: the mirror makes z and (xz,yz) odd, all else even. Only (x,y) can meet k = 2, -2, which needs
  1 = -2 modulo n, so n = 3. Exclusion holds for odd n > 3. With even n there is an inversion.
- S2m with even m, with k counted modulo 2m for the generator S2m: z has k = m, (x,y) k = 1, -1, and (xz,yz) k = m + 1,
  m - 1. Only for m = 2 does z meet k = 2, -2, or (x,y) meet (xz,yz). Exclusion holds for even m > 2. With odd m there is
  an inversion.
- Dnh contains Cnh, and Dnd contains S2n. A group has exclusion if a subgroup has it: Dnh for odd n > 3, Dnd for even
  n > 2. D3h and D2d have none: in D3h (x,y) and (x^2-y^2,xy) share E', in D2d z and xy share B2.
- T and Td: (x,y,z) and (yz,xz,xy) share T and T2. O and I have exclusion."""

DEFINITIONS_TEXT = """\
### How the package names it

- `mutual_exclusion` is about **the molecule**: it has infrared-active and Raman-active vibrations, and none is both.
- `exclusion_kind` is about **the group**: `"inversion"` if it has a centre of inversion; `"table"` if it has none and still
  no species is both active; `"none"` otherwise.
- `exclusion_vacuous`: the group has the rule, but the molecule has no infrared-active or no Raman-active vibration, so the
  rule says nothing about it. `mutual_exclusion` is then False.
- `exclusion_accidental`: the molecule shows exclusion although `exclusion_kind` is `"none"`, because the species that are
  both active do not occur among its vibrations."""


def _definition_examples() -> str:
    rows = []
    for name in EXCLUSION_EXAMPLES:
        a = analysis_of(name)
        rows.append(
            (
                title(name), a.point_group, f"{a.n_ir}/{a.n_raman}/{a.n_both}", a.mutual_exclusion, a.exclusion_kind,
                a.exclusion_vacuous, a.exclusion_accidental,
            )
        )  # fmt: skip
    columns = ("molecule", "group", "IR/Raman/both", "mutual_exclusion", "exclusion_kind", "vacuous", "accidental")
    return table(columns, rows)


def _accident_search(groups: Sequence[PointGroup]) -> str:
    searched, accidents, members = 0, [], 0
    for group in groups:
        if not group.is_finite or selection_rules(group).exclusion_kind != "none":
            continue
        members += 1
        partitions = [item for n in range(2, ACCIDENT_ATOMS + 1) for item in attainable_completeness(group, n)]
        for item in partitions:
            searched += 1
            if vibrational_representation(group, fixed_atoms(item)).exclusion_accidental:
                accidents.append(f"{group}: {item.partition}")
    found = "none is accidental" if not accidents else f"accidental: {listed(accidents)}"
    return (
        f"Accidental exclusion is possible by definition. Of the {searched} orbit partitions of up to {ACCIDENT_ATOMS} atoms "
        f'in the {members} finite groups above with `exclusion_kind` `"none"`, {found}.'
    )


def page() -> str:
    """The text of docs/completeness.md."""
    blocks = [INTRODUCTION, check_values(), "## The working", *(working(name) for name in CHECKED)]
    return "\n\n".join([*blocks, refutations(), sets_of_r(), exclusion()]) + "\n"


if __name__ == "__main__":
    write_text(PAGE, page())
