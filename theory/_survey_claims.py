"""Claims about many molecules, checked against the shipped result of ``symvib survey qm9``."""

import json
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ..errors import DatasetError
from .claims import Claim, Outcome

__all__ = ["SURVEY_CLAIMS"]

_PAGE = "symvib survey qm9 --out FOLDER (docs/survey.md)"


@lru_cache(maxsize=1)
def _survey() -> dict[str, Any]:
    source = files("symvib.theory") / "data" / "survey_qm9.json"
    if not source.is_file():
        raise DatasetError("the result of `symvib survey qm9` (theory/data/survey_qm9.json) is not installed.")
    return json.loads(source.read_text(encoding="utf-8"))


def _percent(share: dict[str, Any]) -> str:
    text = f"{100 * share['share']:.4g} % ({share['count']:,} of {share['of']:,}"
    if "wilson_95" in share:
        low, high = share["wilson_95"]
        text += f"; 95 % interval {100 * low:.3g} to {100 * high:.3g} %"
    return text + ")"


def _at_tolerances(key: str) -> str:
    found = _survey()["symmetry"]["at_tolerance"]
    return "; ".join(f"{name}: {_percent(result[key])}" for name, result in found.items())


def _share_of_c1(published: float) -> Callable[[], Outcome]:
    def check() -> Outcome:
        (where,) = [s for s in _survey()["symmetry"]["sources_c1"] if abs(s["share"] - published) < 1e-9]
        tolerance = where["tolerance_angstrom"]
        if tolerance is None:
            words = "No tolerance up to 0.5 A gives this share."
        else:
            words = f"It is the share at a tolerance of {tolerance:.2g} A, tighter than the geometries were optimised."
        plateau = [p["c1_share"] for p in _survey()["symmetry"]["curve"] if 0.01 <= p["tolerance_angstrom"] <= 0.2]
        return Outcome(
            f"{words} From 0.01 to 0.2 A the share stays between {100 * min(plateau):.1f} and "
            f"{100 * max(plateau):.1f} %.",
            "refuted" if tolerance is None else "corrected",
            "measured",
            f"share of C1 among all of QM9 at each tolerance: {_at_tolerances('c1')}",
        )

    return check


def _complete() -> Outcome:
    shares = [found["complete"]["share"] for found in _survey()["symmetry"]["at_tolerance"].values()]
    return Outcome(
        "True, and no sign of information: R = 1 is automatic in the low groups that make up QM9. Of what R is about, "
        "silent modes, QM9 holds almost nothing.",
        "confirmed" if all(share > 0.9985 for share in shares) else "corrected",
        "measured",
        f"R = 1: {_at_tolerances('complete')}; centrosymmetric: {_at_tolerances('centrosymmetric')}",
    )


def _full_rank() -> Outcome:
    protocol = _survey()["protocol"]
    sides = protocol["sides"]
    errors = protocol["rms_wavenumber_error_cm1"]
    return Outcome(
        "With symmetric algebra the diagonal model has full numerical rank for these molecules, too; for most of the "
        "symmetric ones only because their coordinates are not quite so: at the symmetric structure equivalent "
        "constants cannot be told apart. The published algebra (eigh on the non-symmetric GF) gives imaginary modes "
        "and other spectra.",
        "corrected",
        "numerical",
        f"full rank, correct algebra: {_percent(sides['correct']['full_rank'])}; at the symmetric structure: "
        f"{_percent(protocol['at_symmetry']['full_rank'])}; eigh of GF: imaginary modes in "
        f"{_percent(sides['eigh of GF']['with_imaginary_modes'])}, wavenumbers off by {errors['median']:.0f} cm-1 "
        "(rms, median)",
    )


def _overdetermination() -> Outcome:
    protocol = _survey()["protocol"]
    models = _survey()["jacobians"]["models"]
    independent = protocol["independent_ratio"]
    lines = []
    for name, cells in models.items():
        cell = cells["IR+Raman+rho"]
        lines.append(
            f"{name}: {cell['independent_ratio']['median']:.2f} (full rank {100 * cell['full_rank']['share']:.0f} %)"
        )
    return Outcome(
        "4 is the definition of the diagonal model: d constants, 4 numbers a mode. Of these 4d numbers at most 4d - 3 "
        "are independent (sum rules; this is proved). With neighbour interactions, or a general force field, "
        "observables are fewer than constants in the median.",
        "corrected" if protocol["nominal_ratio"]["greatest"] == 4 else "open",
        "numerical",
        f"diagonal protocol: nominal ratio {protocol['nominal_ratio']['median']:g}, independent "
        f"{independent['least']:.2f} to {independent['greatest']:.2f}; independent observables per constant, median of "
        f"{_survey()['jacobians']['n_molecules']} molecules (simulated responses): {'; '.join(lines)}",
    )


def _well_conditioned() -> Outcome:
    models = _survey()["jacobians"]["models"]
    worst = max(cells["IR+Raman+rho"]["condition_number"]["p90"] for cells in models.values())
    parts = []
    for name in ("diagonal, independent coordinates", "valence", "general"):
        number = models[name]["IR+Raman+rho"]["condition_number"]
        parts.append(f"{name}: median {number['median']:.3g}, 10 % above {number['p90']:.2g}")
    return Outcome(
        "Depends on the model and the scaling: tens to hundreds for the diagonal model in independent coordinates, "
        "thousands for the others, with a long tail.",
        "corrected" if worst > 1e3 else "confirmed",
        "numerical",
        f"condition number with IR, Raman and depolarization ratios, scaled: {'; '.join(parts)}",
    )


SURVEY_CLAIMS = (
    Claim("qm9-share-of-c1-63", "63.6 % of QM9 have no symmetry (C1)", _PAGE, _share_of_c1(0.636)),
    Claim("qm9-share-of-c1-93", "92.8 % of QM9 have no symmetry (C1)", _PAGE, _share_of_c1(0.928)),
    Claim("qm9-complete", "99.9 % of QM9 have R = 1", _PAGE, _complete),
    Claim("full-rank-999", "999 of 999 molecules have a Jacobian of full rank", _PAGE, _full_rank),
    Claim("overdetermination-4-to-1", "the problem is overdetermined 4:1", _PAGE, _overdetermination),
    Claim("well-conditioned", "the inverse problem is well-conditioned", _PAGE, _well_conditioned),
)
