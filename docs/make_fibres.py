"""Writes docs/fibres.md and docs/images/fibre.png: ``python docs/make_fibres.py`` (needs tblite and python-flint).

The prose is in docs/templates/fibres.md.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jinja2 import StrictUndefined, Template

from symvib import HarmonicResponse, Molecule, as_molecule, harmonic_response, shipped_dataset
from symvib.forward.force_field import GeneralForceField
from symvib.forward.jacobian import SpectralBlock
from symvib.forward.spectrum_plot import save_figure
from symvib.forward.valence_models import DiagonalForceField, ValenceForceField
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table
from symvib.theory.fibre import Fibre, fibre
from symvib.theory.invariance import invariance
from symvib.theory.matroid import supported_force_field
from symvib.theory.twins import Twins, twins

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fibres.md"
TEMPLATE = ROOT / "docs" / "templates" / "fibres.md"
FIGURE = ROOT / "docs" / "images" / "fibre.png"
RESULTS = ROOT / "studies" / "results" / "fibres.json"

# molecules of the shipped survey
BENZENE, NICKEL_CARBONYL, WATER = "sym-C6(H)6 ring +0", "sym-Ni(CO) tetrahedron +0", "qm9-000003"
DIAZENE, HYDRAZINE = "sym-trans-N2(H)2", "sym-anti-N2(H)4"
LENGTHS = {"H": 1.09, "F": 1.36, "Cl": 1.77, "Br": 1.94}  # start of the optimisation, angstrom
RANDOM = ((4, (3, 1)), (4, (1, 2)), (4, (2, 2)), (6, (3, 1, 5)))
RANDOM_SEEDS = (1, 2)
RANDOM_STARTS = 500
NAMES = ("ir", "raman_isotropic", "raman_anisotropic")
ALL = ("freq", "ir", "raman", "rho")


@cache
def survey(key: str) -> HarmonicResponse:
    """A response of the shipped survey."""
    return shipped_dataset("responses_survey_gfn2").response(key)


@cache
def halomethane(*elements: str) -> HarmonicResponse:
    """GFN2-xTB response of CX4 with these X."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    lengths = np.array([[LENGTHS[e]] for e in elements])
    return harmonic_response(Molecule.from_arrays(["C", *elements], np.vstack([[0, 0, 0], corners * lengths])))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(c) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def bound(value: float | None) -> str:
    """The next power of ten above a deviation: its digits are rounding and differ between machines."""
    if value is None:
        return "-"
    return f"< 1e{max(int(np.floor(np.log10(max(value, 1e-16)))) + 2, -10)}"


def theorem() -> str:
    """Theorem 1 for several molecules."""
    rows = []
    for name in ("water", "ammonia", "methane", "benzene", "cubane", "carbon_dioxide"):
        found = invariance(as_molecule(ROOT / "examples" / f"{name}.xyz"))
        worst = found.largest
        rows.append(
            (
                name.replace("_", " "), found.point_group, found.n_operations, bound(worst.wavenumber_cm1),
                bound(worst.relative_ir), bound(worst.relative_raman), f"{100 * found.force_field_change:.1f} %",
                f"{found.control_cm1:.0f}",
            )
        )  # fmt: skip
    columns = ("molecule", "group", "operations", "cm-1", "IR", "Raman", "gF differs from F by", "control, cm-1")
    return table(columns, rows)


@cache
def families() -> tuple[tuple[str, Fibre], ...]:
    """The families of the page."""
    benzene, chiral = survey(BENZENE), halomethane("H", "F", "Cl", "Br")
    return (
        ("benzene, GFN2-xTB", fibre(benzene, "B2u")),
        ("benzene, GFN2-xTB", fibre(benzene, "E1u")),
        ("benzene, GFN2-xTB", fibre(benzene, "E2g")),
        ("Ni(CO)4, GFN2-xTB", fibre(survey(NICKEL_CARBONYL), "T2", distance=0.05)),
        ("CHFClBr, GFN2-xTB", fibre(chiral, "A")),
        ("CHFClBr, GFN2-xTB", fibre(chiral, "A", ("freq", "ir"))),
    )


def family_table() -> str:
    """One row a family."""
    rows = []
    for name, found in families():
        worst = found.deviation
        ranks = ", ".join(str(r) for r in found.molecular_block.block.intensity_ranks.values())
        rows.append(
            (
                name, found.irrep, "+".join(found.observables), found.molecular_block.block.size, ranks or "silent",
                f"{found.rank} of {found.unknowns}", found.dimension, found.evidence,
                f"{100 * found.relative_change[-1]:.0f} %", f"{100 * found.relative_hessian_change:.0f} %",
                bound(worst.wavenumber_cm1), bound(worst.relative_ir), bound(worst.relative_raman),
                bound(worst.depolarization),
            )
        )  # fmt: skip
    columns = (
        "molecule", "species", "data", "n", "ranks", "determined", "dimension", "grade", "A differs by", "H differs by",
        "cm-1", "IR", "Raman", "rho",
    )  # fmt: skip
    return table(columns, rows)


def changes() -> str:
    """The force constants of benzene's E1u family."""
    found = next(f for _, f in families() if f.irrep == "E1u")
    rows = [(c.label, c.unit, f"{c.start:.3f}", f"{c.end:.3f}", f"{c.change:+.3f}") for c in found.changes()]
    return table(("constant", "unit", "of the molecule", "at the end", "change"), rows)


def twin_row(name: str, found: Twins) -> tuple[object, ...]:
    """One block with its twins."""
    ranks = ", ".join(str(r) for r in found.block.intensity_ranks.values())
    nearest = f"{100 * found.twins[0].relative_distance:.1f} %" if found.twins else "-"
    count = f"{1 + len(found)}" if found.evidence == "proved" else f">= {1 + len(found)}"
    worst = max((found.deviation(k).wavenumber_cm1 for k in range(min(len(found), 5))), default=None)
    unseen = f"{found.unseen:.2g}" if found.starts else "-"
    return (
        name, found.block.label, found.block.size, ranks, count, found.evidence, f"{found.certified} of {len(found)}",
        nearest, bound(worst), unseen,
    )  # fmt: skip


def twin_table() -> str:
    """Blocks of molecules."""
    fluoro = halomethane("H", "H", "F", "Cl")
    cases = [
        ("N2H2 (trans)", survey(DIAZENE), "Bu"),
        ("Ni(CO)4", survey(NICKEL_CARBONYL), "A1"),
        ("Ni(CO)4", survey(NICKEL_CARBONYL), "E"),
        ("N2H4 (anti)", survey(HYDRAZINE), "Bg"),
        ("N2H4 (anti)", survey(HYDRAZINE), "Ag"),
        ("CH2FCl", fluoro, "A''"),
        ("CH2FCl", fluoro, "A'"),
    ]
    columns = (
        "molecule", "species", "n", "ranks", "force fields", "their number", "twins certain", "nearest", "cm-1",
        "chance of a new one",
    )  # fmt: skip
    return table(columns, [twin_row(name, twins(response, irrep)) for name, response, irrep in cases])


def random_block(n: int, ranks: Sequence[int], seed: int) -> SpectralBlock:
    """G = 1, A = M M^T + 1/2, factors Gaussian."""
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(n, n))
    factors = {name: rng.normal(size=(n, r)) for name, r in zip(NAMES, ranks, strict=False)}
    return SpectralBlock("random", np.eye(n), m @ m.T + 0.5 * np.eye(n), factors)


def random_table() -> str:
    """Counts for random blocks."""
    rows = []
    for n, ranks in RANDOM:
        for seed in RANDOM_SEEDS:
            found = twins(random_block(n, ranks, seed), starts=RANDOM_STARTS, certify=20)
            tried = min(20, len(found))
            rows.append(
                (n, ", ".join(map(str, ranks)), seed, 1 + len(found), f"{found.certified} of {tried} tried",
                 f"{found.converged} of {found.starts}", f"{found.unseen:.2g}")
            )  # fmt: skip
    return table(("n", "ranks", "seed", "force fields", "certain", "searches converged", "chance of a new one"), rows)


def supported() -> str:
    """What can be fitted, per model."""
    rows = []
    for name, response in (
        ("water", survey(WATER)), ("benzene", survey(BENZENE)), ("Ni(CO)4", survey(NICKEL_CARBONYL)),
        ("CHFClBr", halomethane("H", "F", "Cl", "Br")),
    ):  # fmt: skip
        for model in (GeneralForceField, ValenceForceField, DiagonalForceField):
            prior = model.of(response.molecule).fitted(response.hessian).force_field
            for observables in (ALL, ("freq", "ir")):
                found = supported_force_field(response, prior, observables=observables)
                rows.append(
                    (name, model.__name__.removesuffix("ForceField"), "+".join(observables), prior.n_parameters,
                     len(found.fitted), len(found.kept), f"{found.condition_number:.0e}", found.evidence,
                     found.optimality)
                )  # fmt: skip
    columns = ("molecule", "model", "data", "constants", "fit", "keep", "condition", "determined", "none better")
    return table(columns, rows)


def compute() -> dict[str, object]:
    """What the page shows."""
    return {
        "theorem": theorem(),
        "families": family_table(),
        "changes": changes(),
        "benzene_row": BENZENE,
        "twins": twin_table(),
        "random": random_table(),
        "random_starts": RANDOM_STARTS,
        "supported": supported(),
    }


def page() -> str:
    """The text of the page, from the stored results: counts of a search may differ on another machine."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(json.loads(RESULTS.read_text(encoding="utf-8")))


def main() -> None:
    """Results, figure and page."""
    write_text(RESULTS, json.dumps(compute(), indent=1, ensure_ascii=False) + "\n")
    figure = fibre(survey(BENZENE), "E1u", distance=0.12).plot().figure
    save_figure(figure, FIGURE, dpi=110)
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
