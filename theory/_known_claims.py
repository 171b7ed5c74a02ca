"""The claims about symmetry and identifiability that we know of, each with its check."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..forward.dataset_files import shipped_dataset
from ..groups.completeness import attainable_completeness
from ..groups.molecule import Molecule
from ..groups.report import point_group_report
from ..groups.selection_rules import selection_rules
from . import _claim_molecules as molecules
from ._survey_claims import SURVEY_CLAIMS
from .block_rank import block_count
from .claims import Claim, Outcome
from .identifiability import identify
from .intensity_patterns import intensity_ranks

__all__ = ["CLAIMS"]


def _completeness(molecule: Callable[[], Molecule], published: float) -> Callable[[], Outcome]:
    def check() -> Outcome:
        report = point_group_report(molecule())
        value = Fraction(report.n_vib - report.n_silent, report.n_vib)
        literal = Fraction(report.n_ir + report.n_raman, report.n_vib)
        agrees = abs(float(value) - published) < 5e-4
        decimal = "" if value.denominator == 1 else f" = {float(value):.3f}"
        return Outcome(
            "R is the share of vibrations seen by IR or Raman, 1 - N_silent/(3N-6), counted with degeneracy from the "
            "characters.",
            "confirmed" if agrees else "corrected",
            "proved",
            f"R = {value}{decimal} ({report.n_ir} IR + {report.n_raman} Raman - {report.n_both} both of "
            f"{report.n_vib}); the sum (N_IR + N_Raman)/(3N-6) is {float(literal):.3f}",
        )

    return check


def _literal_formula() -> Outcome:
    report = point_group_report(molecules.water())
    return Outcome(
        "The sum counts twice what both techniques see. Only the union is a share: R = 1 - N_silent/(3N-6).",
        "corrected",
        "proved",
        f"water: ({report.n_ir} + {report.n_raman})/{report.n_vib} = {report.raw_ratio:g}; union "
        f"{report.completeness:g}",
    )


def _function_of_group_and_size() -> Outcome:
    found = attainable_completeness("D6h", 12)
    values = sorted({Fraction(each.completeness).limit_denominator(30) for each in found}, reverse=True)
    return Outcome(
        "R depends on which sites of the group the atoms occupy: for a group and a number of atoms it is a set.",
        "refuted",
        "proved",
        f"D6h with 12 atoms: R in {{{', '.join(map(str, values))}}}",
    )


def _exclusion_needs_a_centre() -> Outcome:
    groups = [
        f"{family}" for family in ("D5h", "D7h", "C5h", "C7h", "D4d", "D6d", "S8", "O", "D2d", "D3h", "Td", "C3h")
    ]
    kinds = {group: selection_rules(group).exclusion_kind for group in groups}
    without = [group for group, kind in kinds.items() if kind == "table"]
    return Outcome(
        "An inversion centre forces exclusion (Laporte); the converse fails: some groups without one exclude by their "
        "character table.",
        "corrected",
        "proved",
        f"exclusion without a centre: {', '.join(without)}; no exclusion: "
        f"{', '.join(g for g, kind in kinds.items() if kind == 'none')}",
    )


def _combined_increases() -> Outcome:
    water = molecules.water()
    infrared = identify(water, ("freq", "ir"))
    both = identify(water)
    return Outcome(
        "Not strictly: where IR alone determines everything, as in this molecule, Raman adds no independent "
        "combination; nor does it add a visible vibration where all are IR active.",
        "refuted" if infrared.exact_rank == both.exact_rank else "confirmed",
        "certified",
        f"water, general force field: rank {infrared.exact_rank} of {infrared.unknowns} from IR alone, "
        f"{both.exact_rank} from IR, Raman and depolarization ratios",
    )


def _conjecture() -> Outcome:
    ranks = tuple(intensity_ranks("C1", "A").values())
    counts = {atoms: block_count(3 * atoms - 6, ranks) for atoms in range(3, 9)}
    first = min(atoms for atoms, count in counts.items() if not count.identifiable)
    benzene = identify(molecules.benzene())
    families = [
        f"{irrep} ({b.exact_rank} of {b.unknowns})" for irrep, b in benzene.blocks.items() if b.verdict == "family"
    ]
    silent = [irrep for irrep, b in benzene.blocks.items() if b.verdict == "silent"]
    return Outcome(
        f"False for an unconstrained harmonic force field and one isotopologue: from {first} atoms on in C1 the "
        "observables are fewer than the constants; in symmetric molecules silent species see nothing. With fewer "
        "constants (a valence model) or isotopologues the answer differs: `symvib identify`.",
        "refuted" if families else "open",
        "proved",
        "; ".join(f"{atoms} atoms: {count.rank} of {count.unknowns}" for atoms, count in counts.items())
        + f"; benzene: families {', '.join(families)}, silent {', '.join(silent)}",
    )


def _smoothness() -> Outcome:
    """Difference quotients across an exact crossing: the eigenvalue kinks, the moments do not."""
    steps = np.array([1e-2, 1e-3, 1e-4])
    a = np.array([[1.0, 0.0], [0.0, -1.0]])
    kink = [np.linalg.eigvalsh(h * a)[1] + np.linalg.eigvalsh(-h * a)[1] for h in steps]
    moment = [np.trace((np.eye(2) + h * a) @ (np.eye(2) + h * a)) + np.trace(np.eye(2) - 2 * h * a) for h in steps]
    slopes = [k / h for k, h in zip(kink, steps, strict=True)]
    flat = [(m - 4) / h for m, h in zip(moment, steps, strict=True)]
    return Outcome(
        "Single frequencies and intensities are not differentiable where eigenvalues cross, but the moments tr A^k and "
        "tr W A^k are polynomials in the force constants and determine the same line list: generic rank is well "
        "defined, and one exact point of full rank certifies it.",
        "refuted" if max(flat) < min(slopes) else "open",
        "proved",
        "at a crossing, (f(h) + f(-h) - 2 f(0))/h for h = 1e-2, 1e-3, 1e-4: eigenvalue "
        f"{', '.join(f'{s:.2g}' for s in slopes)}; second moment {', '.join(f'{s:.1g}' for s in flat)}",
    )


def _vibrational_sum_rule() -> Outcome:
    """Totals of IR intensity over the shipped line lists (simulated, GFN2-xTB)."""
    data = shipped_dataset("lines_qm9_gfn2").trusted()
    totals = np.array([sum(row) for row in data.column("ir_km_per_mol")])
    electrons = np.array([sum(row) for row in data.column("numbers")])
    low, middle, high = np.quantile(totals / electrons, [0.01, 0.5, 0.99])
    return Outcome(
        "The Thomas-Reiche-Kuhn rule counts electrons in electronic transitions. Vibrational intensity is not "
        "conserved between molecules; what holds is Crawford's G-sum rule, within one molecule and whatever its force "
        "constants.",
        "refuted",
        "measured",
        f"total IR intensity per electron of {len(totals)} molecules (simulated, GFN2-xTB): median {middle:.2f} "
        f"km/mol, 1 % below {low:.2f}, 1 % above {high:.2f}, a factor of {high / low:.0f}",
    )


CLAIMS = (
    Claim("completeness-benzene", "R(benzene) = 0.85", "symvib report examples/benzene.xyz",
          _completeness(molecules.benzene, 0.85)),
    Claim("completeness-methane", "R(methane) = 0.778", "symvib report examples/methane.xyz",
          _completeness(molecules.methane, 0.778)),
    Claim("completeness-cubane", "R(cubane) = 0.452", "symvib report examples/cubane.xyz",
          _completeness(molecules.cubane, 0.452)),
    Claim("completeness-sulfur-hexafluoride", "R(SF6) = 0.60", "symvib report examples/sulfur_hexafluoride.xyz",
          _completeness(molecules.sulfur_hexafluoride, 0.60)),
    Claim("completeness-ethylene", "R(ethylene) = 11/12: one silent vibration", "symvib report C=C",
          _completeness(molecules.ethylene, 11 / 12)),
    Claim("completeness-as-a-sum", "R = (N_IR + N_Raman)/(3N-6), and R = 1 means that every mode is observable",
          "symvib report examples/water.xyz", _literal_formula),
    Claim("completeness-of-a-group", "R is a function R(G, N) of point group and number of atoms",
          "symvib completeness D6h 12", _function_of_group_and_size),
    Claim("mutual-exclusion", "IR and Raman exclude each other if and only if the molecule has an inversion centre",
          "symvib table D5h", _exclusion_needs_a_centre),
    Claim("combined-increases", "IR and Raman together always determine strictly more than either alone",
          "symvib identify examples/water.xyz --observables freq,ir", _combined_increases),
    Claim("generic-identifiability", "combined IR and Raman spectra generically determine the harmonic force field",
          "symvib identify examples/benzene.xyz", _conjecture),
    Claim("smoothness-obstacle", "crossings of eigenvalues are an obstacle, as the forward map is not smooth there",
          "symvib claims --only smoothness-obstacle", _smoothness),
    Claim("sum-rule-of-intensities", "by the Thomas-Reiche-Kuhn sum rule total vibrational intensity is conserved",
          "symvib claims --only sum-rule-of-intensities", _vibrational_sum_rule),
    *SURVEY_CLAIMS,
)  # fmt: skip
