"""Writes docs/block_rank.md: ``python docs/make_block_rank.py``. Every number on that page is computed here.

The prose (theorem and proof) is in docs/templates/block_rank.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, combinations_with_replacement
from math import comb, cos, radians, sin, sqrt
from pathlib import Path

from jinja2 import StrictUndefined, Template

from symvib import Molecule, as_molecule, detect_point_group, selection_rules
from symvib.groups.atomic_write import write_text
from symvib.groups.completeness import analyse_detection
from symvib.groups.report_markup import escape_markdown, markdown_table
from symvib.theory.block_rank import block_count, block_rank, largest_identifiable
from symvib.theory.block_rank_proof import BlockRankProof, prove_block_rank
from symvib.theory.incidence import PRIME, incidence_rank, weights_at
from symvib.theory.intensity_patterns import IntensityPattern, block_kind, intensity_pattern, intensity_ranks

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "block_rank.md"
TEMPLATE = ROOT / "docs" / "templates" / "block_rank.md"
MAX_AXIS = 6  # longest main axis in the tables
LONGEST_AXIS = 12  # longest axis that is looked at for other ranks
ORDINARY = ("ir", "raman_isotropic", "raman_anisotropic")
CHIROPTICAL = (*ORDINARY, "vcd", "roa_backward", "roa_forward")
HYPER = (*ORDINARY, "hyper_raman_dipolar", "hyper_raman_octupolar")
ORIENTED = ("ir_oriented", "raman_oriented")


# ------------------------------------------------------------------------------------------------- material


def axial_groups(axes: Iterable[int]) -> list[str]:
    """Those with a main axis of one of the orders; S2n counts as order n."""
    kinds = ("C{}", "C{}v", "C{}h", "D{}", "D{}h", "D{}d")
    orders = list(axes)
    return [kind.format(n) for kind in kinds for n in orders] + [f"S{2 * n}" for n in orders]


def groups() -> list[str]:
    """The point groups of the tables."""
    axial = axial_groups(range(2, MAX_AXIS + 1))
    return ["C1", "Cs", "Ci", *axial, "T", "Td", "Th", "O", "Oh", "I", "Ih", "Cinfv", "Dinfh"]


def species(names: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Group and irrep of all species, of the groups of the tables or of others."""
    for group in groups() if names is None else names:
        for activity in selection_rules(group).activities:
            yield group, activity.label


def subsets(techniques: Sequence[str]) -> list[tuple[str, ...]]:
    """All of them that are not empty."""
    return [c for j in range(1, len(techniques) + 1) for c in combinations(techniques, j)]


def different(choices: Iterable[tuple[str, ...]]) -> list[tuple[IntensityPattern, list[str]]]:
    """Different patterns of intensities, each with the species that show it."""
    found: dict[tuple[object, ...], tuple[IntensityPattern, list[str]]] = {}
    for techniques in choices:
        for group, irrep in species():
            p = intensity_pattern(group, irrep, techniques)
            if p.intensities:
                parts = sorted(
                    (i.products, -1 if i.component is None else i.component, p.span([i])) for i in p.intensities
                )
                shared = tuple(sorted(p.components.items())) if any(a != b for q, *_ in parts for a, b in q) else ()
                key = (p.kind, tuple(parts), shared)
                found.setdefault(key, (p, []))[1].append(f"{p.group} {p.irrep}")
    return list(found.values())


def table(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(str(c)) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def in_words(ranks: Sequence[int], kind: str) -> str:
    """The rank as a function of n, for blocks larger than those identified."""
    s, t = len(ranks), ranks.count(1) if kind == "real" else 0
    return f"{1 + s}n - {s + comb(t, 2)}" if s else "n"


def first(names: Sequence[str], count: int = 4) -> str:
    """The first few, and how many more."""
    unique = list(dict.fromkeys(names))
    return ", ".join(unique[:count]) + (f" and {len(unique) - count} more" if len(unique) > count else "")


# ------------------------------------------------------------------------------------------------- molecules


def _nickel_carbonyl() -> Molecule:
    """Ni-C 1.84, C-O 1.14 angstrom (idealised)."""
    corners = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    at = [[x * d / sqrt(3) for x in c] for d in (1.84, 2.98) for c in corners]
    return as_molecule((["Ni", *"CCCC", *"OOOO"], [[0, 0, 0], *at]), name="nickel tetracarbonyl")


def _boric_acid() -> Molecule:
    """B-O 1.36, O-H 0.96 angstrom, planar pinwheel (idealised)."""

    def around(x: float, y: float) -> list[list[float]]:
        turns = [(cos(radians(a)), sin(radians(a))) for a in (0, 120, 240)]
        return [[c * x - s * y, s * x + c * y, 0.0] for c, s in turns]

    hydrogens = around(1.36 + 0.96 * cos(radians(68)), 0.96 * sin(radians(68)))
    return as_molecule((["B", *"OOO", *"HHH"], [[0, 0, 0], *around(1.36, 0), *hydrogens]), name="boric acid")


def _halomethane() -> Molecule:
    """CHFClBr, bonds along the axes of a tetrahedron (idealised)."""
    corners = {"H": (1, 1, 1), "F": (1, -1, -1), "Cl": (-1, 1, -1), "Br": (-1, -1, 1)}
    lengths = {"H": 1.09, "F": 1.36, "Cl": 1.76, "Br": 1.94}
    at = [[x * lengths[k] / sqrt(3) for x in c] for k, c in corners.items()]
    return as_molecule((["C", *corners], [[0, 0, 0], *at]), name="bromochlorofluoromethane")


def molecules() -> list[Molecule]:
    """Those of the table."""
    named = ("water", "ammonia", "methane", "sulfur_hexafluoride", "benzene", "cubane")
    read = [as_molecule(ROOT / "examples" / f"{name}.xyz", name=name.replace("_", " ")) for name in named]
    return [*read[:3], _halomethane(), _nickel_carbonyl(), _boric_acid(), *read[3:]]


def molecule_rows() -> Iterator[tuple[object, ...]]:
    """Counts of the species of each molecule, and of all its species together."""
    for molecule in molecules():
        analysis = analyse_detection(detect_point_group(molecule))
        title = f"{molecule.name}, {analysis.point_group}"
        total_unknowns = total_rank = 0
        for irrep, n in analysis.gamma_vib.items():
            ranks = tuple(r for r in intensity_ranks(str(analysis.point_group), irrep).values() if r)
            kind = block_kind(str(analysis.point_group), irrep)
            c = block_count(n, ranks, visible=bool(ranks), kind=kind)
            total_unknowns, total_rank = total_unknowns + c.unknowns, total_rank + c.rank
            relations = f"{c.sum_rules} + {c.gram_relations + c.frame_relations}" if ranks else ""
            shown = ", ".join(map(str, ranks)) or "silent"
            name = irrep if kind == "real" else f"{irrep} (complex)"
            yield title, name, n, shown, c.unknowns, c.nominal, relations, c.rank, c.undetermined
            title = ""
        yield "", "all", "", "", total_unknowns, "", "", total_rank, total_unknowns - total_rank


def molecule_table() -> str:
    """Species of a few molecules with infrared and both parts of Raman."""
    columns = ("molecule", "species", "n", "ranks", "unknowns", "read", "sum rules + relations", "rank", "free")
    return table(columns, molecule_rows())


# ------------------------------------------------------------------------------------------------- sections


def session() -> str:
    """Examples; tests/test_docs.py runs them."""
    ranks = intensity_ranks("C2v", "A1")
    lines = [
        "```python",
        ">>> from symvib.theory.block_rank import block_rank",
        ">>> from symvib.theory.intensity_patterns import intensity_ranks",
        '>>> ranks = intensity_ranks("C2v", "A1")',
        ">>> ranks",
        repr(ranks),
        ">>> [block_rank(n, ranks) for n in (3, 5, 8)]",
        repr([block_rank(n, ranks) for n in (3, 5, 8)]),
        "",
        "```",
    ]
    return "\n".join(lines)


def largest() -> str:
    """Largest identified block of typical patterns."""
    cases = [
        ((), "real", "frequencies only"),
        ((1,), "real", "E1u of D6h (infrared), E2g of D6h (Raman)"),
        ((1, 1), "real", "T2 of Td, A1g of D6h"),
        ((1, 2), "real", "A1 of C2v without the isotropic part"),
        ((1, 1, 1), "real", "A1 of C3v"),
        ((1, 1, 2), "real", "A1 of C2v"),
        ((2, 1, 3), "real", "A' of Cs"),
        ((3, 1, 5), "real", "A of C1"),
        ((1,), "complex", "E' of C3h"),
        ((1, 2), "complex", "E of C3"),
    ]
    rows = []
    for ranks, kind, where in cases:
        n = largest_identifiable(ranks, kind)
        beyond = block_count(n + 1, ranks, kind=kind)
        gap = f"{beyond.rank} of {beyond.unknowns}"
        rows.append((", ".join(map(str, ranks)) or "none", kind, where, n, gap, in_words(ranks, kind)))
    return table(("ranks", "block", "for example", "largest n identified", "rank at n + 1", "rank beyond"), rows)


def _proved(patterns: Iterable[IntensityPattern]) -> list[BlockRankProof]:
    proofs = [prove_block_rank(p) for p in patterns]
    failed = [p for p in proofs if not p.holds]
    if failed:
        raise SystemExit(f"the formula is not proved for {failed}")
    return proofs


def ordinary() -> tuple[str, str]:
    """Table of the ordinary patterns with their proofs, and how many of them need base cases."""
    choices = (*subsets(ORDINARY), ("raman",), ("ir", "raman"))
    by_ranks: dict[tuple[tuple[int, ...], str], tuple[IntensityPattern, list[str]]] = {}
    for pattern, names in different(choices):
        key = (tuple(sorted(pattern.ranks.values())), pattern.kind)
        by_ranks.setdefault(key, (pattern, []))[1].extend(names)
    rows, needed = [], 0
    for (ranks, kind), (pattern, names) in sorted(by_ranks.items(), key=lambda item: (item[0][1], item[0][0])):
        (proof,) = _proved([pattern])
        needed += proof.argument == "base cases"
        base = ", ".join(map(str, proof.base_ranks)) if proof.argument == "base cases" else ""
        rows.append((", ".join(map(str, ranks)), kind, first(names, 3), proof.argument, base))
    columns = ("ranks", "block", "species", "proved by", "exact ranks n = 1 ...")
    return table(columns, rows), f"{needed} of the {len(rows)} patterns"


def witness() -> tuple[str, int]:
    """Integer derivatives of a (1, 1, 2) pattern with the full rank at n = 5 and the largest possible at n = 6."""
    pattern = IntensityPattern.of_ranks((1, 1, 2))
    lines, increment = [], 0
    for n in (5, 6):
        seed = next(s for s in range(100) if incidence_rank(n, (1, 1, 2), seed=s, field="q") == pattern.rank(n))
        increment = pattern.rank(n) - n
        vectors = weights_at(n, pattern, seed, "q")
        lines.append(f"    n = {n}: {comb(n, 2)} edges, rank of the incidence matrix {increment}")
        names = (("intensity 1, p", 0, 0), ("intensity 2, p", 1, 0), ("intensity 3, Q", 2, 0), ("", 2, 1))
        lines += [f"        {name:15s}{vectors[j][a][0]}" for name, j, a in names]
    return "\n".join(lines), increment


def proofs() -> str:
    """How many patterns are proved, by kind of techniques."""
    cases = [
        ("infrared, Raman parts, VCD and ROA, all subsets", subsets(CHIROPTICAL)),
        ("infrared, Raman parts and hyper-Raman, all subsets", subsets(HYPER)),
        ("oriented samples, infrared, Raman or both", subsets(ORIENTED)),
    ]
    rows = []
    for words, choices in cases:
        found = _proved(p for p, _ in different(choices))
        rows.append((words, len(found), max(p.linear_from for p in found), all(p.holds for p in found)))
    small = [r for s in range(1, 6) for r in combinations_with_replacement(range(1, 5), s)]
    found = _proved(IntensityPattern.of_ranks(r) for r in small)
    rows.append(("all ranks up to 4 for up to 5 intensities", len(found), max(p.linear_from for p in found), True))
    return table(("patterns", "different ones", "largest n computed", "all proved"), rows)


def exceptions() -> str:
    """Species in which a frame relation lowers the rank."""
    choices = [
        (*ORDINARY, "hyper_raman_dipolar"),
        ("raman_oriented", "ir"),
        (*ORDINARY, "hyper_raman_octupolar"),
        ("raman_isotropic", "roa_backward", "roa_forward", "ir"),
        HYPER,
    ]
    rows = []
    for techniques in choices:
        for group, irrep in species():
            p = intensity_pattern(group, irrep, techniques)
            if p.kind == "complex" or not p.intensities:
                continue
            ranks = tuple(p.ranks.values())
            for n in range(2, 16):
                simple = min(comb(n + 1, 2), n + len(ranks) * (n - 1) - comb(min(n, ranks.count(1)), 2))
                if p.rank(n) < simple:
                    rows.append((p.group, p.irrep, ", ".join(techniques), ranks, n, comb(n + 1, 2), simple, p.rank(n)))
    kept = {}
    for row in rows:
        kept.setdefault(row[2:], row)
    columns = ("group", "species", "techniques", "ranks", "n", "unknowns", "simple formula", "rank")
    return table(columns, [(*r[:3], ", ".join(map(str, r[3])), *r[4:]) for r in kept.values()])


def chiral() -> str:
    """What optical activity adds in a few species of chiral groups."""
    sets = [("ir",), ("vcd",), ("ir", "vcd"), ORDINARY, CHIROPTICAL]
    rows = []
    for group, irrep in (("C1", "A"), ("C2", "A"), ("C2", "B"), ("C3", "A"), ("D3", "E"), ("C3", "E")):
        for techniques in sets:
            p = intensity_pattern(group, irrep, techniques)
            ranks = list(p.ranks.values())
            spelt = {CHIROPTICAL: "all six", ORDINARY: "IR, Raman"}.get(techniques, ", ".join(techniques))
            full = largest_identifiable(ranks, p.kind)
            matrix = ", ".join(map(str, p.matrix_ranks.values()))
            rows.append((f"{group} {irrep}", spelt, matrix, ", ".join(map(str, ranks)), full, in_words(ranks, p.kind)))
    columns = ("species", "techniques", "ranks of W", "counted as", "largest n identified", "rank beyond")
    return table(columns, rows)


def _all_ranks(group: str, irrep: str) -> tuple[object, ...]:
    techniques = (CHIROPTICAL, HYPER, ORIENTED)
    ranks = (tuple(intensity_ranks(group, irrep, t).items()) for t in techniques)
    return block_kind(group, irrep), *ranks


def longer_axes() -> str:
    """Whether longer axes bring anything new."""
    known = {_all_ranks(*s) for s in species()}
    longer = list(species(axial_groups(range(MAX_AXIS + 1, LONGEST_AXIS + 1))))
    new = [s for s in longer if _all_ranks(*s) not in known]
    return (
        f"Of the {len(longer)} species of the groups with axes of order {MAX_AXIS + 1} to {LONGEST_AXIS}, {len(new)} "
        "have ranks that do not occur in the table."
    )


def species_table() -> str:
    """Ranks and largest identified block of every species."""
    rows = []
    for group, irrep in species():
        kind = block_kind(group, irrep)
        shown = list(intensity_ranks(group, irrep).values())
        ranks = [r for r in shown if r]
        optical = list(intensity_ranks(group, irrep, CHIROPTICAL).values())[3:]
        hyper = list(intensity_ranks(group, irrep, HYPER).values())[3:]
        oriented = [sum(intensity_ranks(group, irrep, t).values()) for t in ORIENTED]
        components = sum(oriented)
        rows.append(
            (
                group, irrep if kind == "real" else f"{irrep} (complex)", *shown,
                " ".join(map(str, optical)), " ".join(map(str, hyper)), " ".join(map(str, oriented)),
                largest_identifiable(ranks, kind) if ranks else "silent",
                largest_identifiable([1] * components, kind) if components else "silent",
                in_words(ranks, kind) if ranks else "0",
            )
        )  # fmt: skip
    columns = (
        "group", "species", "IR", "iso", "aniso", "VCD, ROA", "hyper-Raman", "oriented", "largest n",
        "largest n, oriented", "rank beyond",
    )  # fmt: skip
    return table(columns, rows)


def page() -> str:
    """The text of docs/block_rank.md."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    c1 = (3, 1, 5)
    e1u = block_count(3, (1,))
    exception = block_count(7, (1, 1, 1, 2))
    ordinary_table, ordinary_cases = ordinary()
    integers, increment = witness()
    return template.render(
        session=session(),
        largest=largest(),
        c1=", ".join(f"{block_rank(d, c1)} of {comb(d + 1, 2)} (d = {d})" for d in (3, 6, 7, 9, 12)),
        c1_last=largest_identifiable(c1),
        five=block_count(9, c1),
        molecules=molecule_table(),
        benzene_e1u=(
            f"{e1u.n} frequencies and {e1u.n} infrared intensities with {e1u.sum_rules} sum rule give "
            f"{e1u.independent} equations for {e1u.unknowns} force constants"
        ),
        prime=PRIME,
        max_axis=MAX_AXIS,
        ordinary=ordinary_table,
        ordinary_cases=ordinary_cases,
        witness=integers,
        witness_rank=increment,
        proofs=proofs(),
        exception=exception,
        exception_simple=exception.independent + exception.frame_relations,
        exceptions=exceptions(),
        chiral=chiral(),
        species=species_table(),
        longer=longer_axes(),
    )


if __name__ == "__main__":
    write_text(PAGE, page())
