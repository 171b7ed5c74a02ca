"""Writes docs/detection_examples.md: ``python docs/make_detection.py``. Every number on that page is computed here.

The prose is in docs/templates/detection_examples.md; the structures are those of tests/zoo.py.
"""

import random
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist

import numpy as np
from jinja2 import StrictUndefined, Template

from symvib import Detection, Molecule, as_molecule, detect_point_group
from symvib.groups import _levels
from symvib.groups.atomic_write import write_text
from symvib.groups.report_markup import escape_markdown, markdown_table

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "detection_examples.md"
TEMPLATE = ROOT / "docs" / "templates" / "detection_examples.md"
NOISE_ANGSTROM = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2)
SEEDS = range(3)
TOLERANCES_ANGSTROM = (0.001, 0.01, 0.02, 0.03, 0.1)

sys.path.insert(0, str(ROOT / "tests"))
from zoo import BELOW_FLOOR, NEAR, NearMolecule  # noqa: E402


def table(columns: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A pipe table of plain cells."""
    return markdown_table(
        [escape_markdown(str(c)) for c in columns], [[escape_markdown(str(c)) for c in row] for row in rows]
    )


def limits() -> str:
    """The constants of the default tolerance."""
    exact_noise, exact_limit = _levels.EXACT_REFUSAL
    printed_noise, printed_limit = _levels.PRINTED_REFUSAL
    rows = [
        ("floor", f"{_levels.FLOOR_ANGSTROM:g} A", "deviations up to here are always accepted"),
        ("ceiling", f"{_levels.CEILING_ANGSTROM:g} A", "deviations above are never accepted"),
        ("largest noise", f"{_levels.LARGEST_NOISE_ANGSTROM:g} A", "largest error per coordinate taken for noise"),
        ("F test", f"{_levels.REFUSAL_P:g}", "a level is refused if its probability is below"),
        (
            "F test, exact subgroup",
            f"{exact_limit:g}",
            f"the same, where the subgroup's noise is at most {exact_noise:g} A",
        ),
        (
            "F test, printed digits",
            f"{printed_limit:g}",
            f"the same, where it is at most {printed_noise:g} A and the subgroup breaks few coordinates",
        ),
    ]
    return table(("limit", "value", "meaning"), rows)


def molecule_of(near: NearMolecule) -> Molecule:
    """The structure of the zoo as a molecule."""
    return as_molecule((near.symbols, near.positions), name=near.name)


def near_table(structures: Sequence[NearMolecule]) -> str:
    """What detection says of structures close to a higher group."""
    rows = []
    for near in structures:
        found = detect_point_group(molecule_of(near))
        rows.append((near.name, near.group, near.rival, f"{near.deviation_about:.4f}", *_findings(found)))
    columns = ("structure", "exact group", "close to", "at (A)", "found", "plateau (A)", "rivals (A)", "reason")
    return table(columns, rows)


def noise_table() -> str:
    """Benzene with Gaussian noise."""
    benzene = as_molecule(ROOT / "examples" / "benzene.xyz")
    rows = []
    for scale in NOISE_ANGSTROM:
        for seed in SEEDS:
            found = detect_point_group(with_noise(benzene, scale, seed))
            rows.append((f"{scale:g}", seed, *_findings(found)))
    return table(("noise (A)", "seed", "found", "plateau (A)", "rivals (A)", "reason"), rows)


def tolerance_table() -> str:
    """One structure at several given tolerances."""
    near = NEAR[0]
    rows = [("default", *_findings(detect_point_group(molecule_of(near))))]
    for tolerance in TOLERANCES_ANGSTROM:
        rows.append((f"{tolerance:g}", *_findings(detect_point_group(molecule_of(near), tolerance))))
    return f"{near.name[0].upper()}{near.name[1:]}:\n\n" + table(
        ("tolerance (A)", "found", "plateau (A)", "rivals (A)", "reason"), rows
    )


def with_noise(molecule: Molecule, scale: float, seed: int) -> Molecule:
    """The molecule with Gaussian noise of standard deviation ``scale`` (angstrom) in each coordinate.

    ``random.Random`` and not numpy: its sequence is the same in every version of Python.
    """
    generator, normal = random.Random(seed), NormalDist()
    noise = [[normal.inv_cdf(generator.random()) for _ in range(3)] for _ in range(len(molecule))]
    return Molecule.from_arrays(molecule.numbers, molecule.positions + scale * np.array(noise))


def _findings(found: Detection) -> tuple[str, str, str, str]:
    low, high = found.plateau_angstrom
    rivals = ", ".join(f"{rival.point_group} {_length(rival.deviation_angstrom)}" for rival in found.rivals)
    group = f"{found.point_group}{' (ambiguous)' if found.ambiguous else ''}"
    return group, f"{_length(low)} - {_length(high) if high is not None else 'none'}", rivals or "-", found.reason


def _length(angstrom: float) -> str:
    """Four decimals; what is exact to rounding errors is 0."""
    return "0" if angstrom < _levels.EXACT_ANGSTROM else f"{angstrom:.4f}"


def page() -> str:
    """The text of docs/detection_examples.md."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    return template.render(
        limits=limits(),
        near=near_table(NEAR),
        below_floor=near_table(BELOW_FLOOR),
        tolerances=tolerance_table(),
        noise=noise_table(),
    )


if __name__ == "__main__":
    write_text(PAGE, page())
