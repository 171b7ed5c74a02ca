"""The predictions P1 and P2 tested on what a model identified: matched pairs, regressions, and a verdict either way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import EvaluationError
from ._association import Association, Controls, logistic, z_scored
from ._matching import Caliper, MatchedPairs, match_pairs
from ._paired_tests import (
    adjusted_interval,
    bootstrap_deviation,
    chosen_gains,
    exchange_p_value,
    fold_of_pairs,
    sign_flip_p_value,
)
from ._tested import TestedPrediction
from .hits import MODALITIES, Covariates, Hits
from .predictions import Estimate, RegisteredPrediction, registered, registration_hash

__all__ = ["SymmetryEffect", "completeness_effect", "exclusion_gain"]

CONTROLS = ("n_atoms", "n_vib", "n_levels", "nearest_similarity")
_EXCLUSIONS = ("inversion", "other", "none")
Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class SymmetryEffect(TestedPrediction):
    """A registered prediction, tested on what a model identified.

    Beside what every `TestedPrediction` has:

    Attributes
    ----------
    pairs : MatchedPairs or None
        With the balance before and after; None for P3.
    association : Association or None
        The regression; None where it was not asked for.
    parts : tuple of Estimate
        What stands beside and decides nothing.
    accuracies : mapping
        Top-1 shares behind the effect, by name.
    notes : tuple of str
        Molecules left out, analyses that could not be made.
    """

    pairs: MatchedPairs | None
    association: Association | None
    parts: tuple[Estimate, ...]
    accuracies: Mapping[str, Any]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **super().as_dict(),
            "pairs": self.pairs.as_dict() if self.pairs else None,
            "regression": self.association.as_dict() if self.association else None,
            "beside": [part.as_dict() for part in self.parts],
            "accuracies": dict(self.accuracies),
            "notes": list(self.notes),
        }

    def _beside(self) -> tuple[Estimate, ...]:
        return self.parts

    def _lines(self) -> list[tuple[str, str]]:
        rows = super()._lines()
        if self.association:
            rows.append(("regression", str(self.association)))
        if self.pairs:
            rows.append(("pairs", f"{len(self.pairs)} of {self.pairs.n_treated}, imbalance {self.pairs.imbalance:.3f}"))
        return rows + [("note", note) for note in self.notes]


def completeness_effect(hits: Hits, covariates: Any, *, regression: bool = True, seed: int = 0) -> SymmetryEffect:
    """Verdict on P1: whether molecules with silent modes are identified less often than matched ones without.

    Parameters
    ----------
    hits : Hits
        Those of "ir+raman" are used.
    covariates : Covariates, mapping with "id", or Strata
        "n_atoms", "n_vib", "n_levels", "nearest_similarity", "completeness"; "chemistry" for pairs of one class.
    regression : bool
        Make the secondary analysis (statsmodels); without it it cannot contradict.
    seed : int
        Of sign flips; only used where hits are fractions.

    Raises
    ------
    EvaluationError
        Unknown molecules, missing covariates, no molecule on one side, no pair within the calipers.

    Notes
    -----
    The rule is ``registered("P1")``; read docs/predictions_registered.md.
    """
    rule = registered("P1")
    table, shares, notes = _asked(hits, covariates, ("ir+raman",))
    share = shares[:, 0]
    complete = table["completeness"] >= 1 - 1e-9

    def difference(calipers: tuple[Caliper, ...], name: str) -> tuple[Estimate, MatchedPairs]:
        pairs = _some(match_pairs(table, ~complete, complete, calipers), rule.key)
        return _paired(share[pairs.control] - share[pairs.treated], name, rule, seed=seed), pairs

    effect, pairs = difference(rule.calipers, "top-1 of R = 1 minus top-1 of R < 1")
    association = None
    if regression:
        controls = Controls.of(table.numbers(CONTROLS), CONTROLS)
        association = logistic(share, z_scored(table["completeness"]), "R", controls, np.arange(len(table)), rule.level)
    parts = [difference(_without(rule.calipers, "nearest_similarity"), "similarity free")[0]]
    parts += _shown(lambda: difference(_chemistry_too(rule.calipers), "same class of chemistry")[0], notes)
    accuracies = {
        "pairs, R = 1": float(share[pairs.control].mean()),
        "pairs, R < 1": float(share[pairs.treated].mean()),
        "all, R = 1": float(share[complete].mean()),
        "all, R < 1": float(share[~complete].mean()),
    }
    return judged(rule, effect, pairs, association, tuple(parts), accuracies, notes)


def exclusion_gain(hits: Hits, covariates: Any, *, regression: bool = True, seed: int = 0) -> SymmetryEffect:
    """Verdict on P2: whether IR and Raman together gain more over the better one where mutual exclusion holds.

    Molecules that were not asked with IR, Raman and both are left out and counted.

    Parameters
    ----------
    hits : Hits
    covariates : Covariates, mapping with "id", or Strata
        "n_atoms", "n_vib", "n_levels", "nearest_similarity", "exclusion" ("inversion", "other" or "none"); "chemistry"
        for pairs of one class.
    regression : bool
        Make the secondary analysis (statsmodels).
    seed : int
        Of the tenths of the pairs, the exchanges and the bootstrap.

    Raises
    ------
    EvaluationError
        As `completeness_effect`, and for another kind of exclusion.
    """
    rule = registered("P2")
    table, shares, notes = _asked(hits, covariates, MODALITIES)
    kind = table["exclusion"].astype(str)
    if not np.isin(kind, _EXCLUSIONS).all():
        odd = sorted(set(kind) - set(_EXCLUSIONS))
        raise EvaluationError(
            f"exclusion_gain: exclusion is one of {', '.join(_EXCLUSIONS)}; found {', '.join(odd[:5])}."
        )

    def gain(
        treated: NDArray[np.bool_], name: str, calipers: tuple[Caliper, ...] = rule.calipers
    ) -> tuple[Estimate, MatchedPairs, dict[str, Any]]:
        pairs = _some(match_pairs(table, treated, kind == "none", calipers), rule.key)
        sides = shares[pairs.treated], shares[pairs.control]
        fold = fold_of_pairs(len(pairs), seed)
        gains = chosen_gains(*sides, fold)
        p_value = exchange_p_value(*sides, fold, seed=seed)
        deviation = bootstrap_deviation(*sides, fold, seed=seed)
        top1 = {
            f"{name}, {side}": {
                **dict(zip(MODALITIES, part.mean(axis=0).tolist(), strict=True)),
                "gain": float(g.mean()),
            }
            for side, part, g in zip(("with exclusion", "partners"), sides, gains, strict=True)
        }
        return _paired(gains[0] - gains[1], name, rule, p_value=p_value, deviation=deviation), pairs, top1

    effect, pairs, accuracies = gain(kind != "none", "gain with exclusion minus gain without")
    parts = []
    for which, name in (("inversion", "inversion centre"), ("other", "exclusion, no inversion centre")):
        for part, _, top1 in _shown(lambda which=which, name=name: gain(kind == which, name), notes):
            parts.append(part)
            accuracies |= top1
    alike = _shown(lambda: gain(kind != "none", "same class of chemistry", _chemistry_too(rule.calipers)), notes)
    parts += [part for part, _, _ in alike]
    association = _gain_association(table, shares, kind != "none", rule) if regression else None
    return judged(rule, effect, pairs, association, tuple(parts), accuracies, notes)


def _asked(hits: Hits, covariates: Any, modalities: tuple[str, ...]) -> tuple[Covariates, Array, list[str]]:
    """Covariates and mean hits (n, m) of the molecules that were asked with all modalities, and who was not."""
    known = covariates if isinstance(covariates, Covariates) else Covariates.of(covariates)
    ids = sorted({*hits.ids, *known.ids})
    shares = hits.table(ids, modalities)
    whole = np.asarray(~np.isnan(shares).any(axis=1))
    if not whole.any():
        raise EvaluationError(f"None of {len(ids)} molecules was asked with {' and '.join(modalities)}.")
    notes = []
    if not whole.all():
        left = known.chosen([name for name, keep in zip(ids, whole, strict=True) if not keep])
        notes.append(
            f"{len(left)} of {len(ids)} molecules were not asked with {', '.join(modalities)}{_of_these(left)}."
        )
    return known_molecules(known, ids, whole), shares[whole], notes


def _of_these(left: Covariates) -> str:
    """How many of the molecules left out have the property that the predictions are about."""
    said = []
    if "completeness" in left.columns:
        said.append(f"{int((left['completeness'] < 1 - 1e-9).sum())} of them with R < 1")
    if "exclusion" in left.columns:
        said.append(f"{int((left['exclusion'].astype(str) != 'none').sum())} with exclusion")
    return f" ({', '.join(said)})" if said else ""


def known_molecules(covariates: Any, ids: list[str], kept: NDArray[np.bool_]) -> Covariates:
    """Rows of the molecules kept; classes of chemistry, where known, also as numbers that a caliper can compare."""
    known = covariates if isinstance(covariates, Covariates) else Covariates.of(covariates)
    table = known.chosen([name for name, keep in zip(ids, kept, strict=True) if keep])
    if "chemistry" not in table.columns:
        return table
    return Covariates.of(table, chemistry_class=np.unique(table["chemistry"], return_inverse=True)[1])


def _paired(
    differences: Array,
    name: str,
    rule: RegisteredPrediction,
    *,
    p_value: float | None = None,
    deviation: float = 0.0,
    seed: int = 0,
) -> Estimate:
    """Mean difference over pairs with its interval and test."""
    p = sign_flip_p_value(differences, seed=seed) if p_value is None else p_value
    low, high = adjusted_interval(differences, rule.level, deviation)
    return Estimate(name, float(differences.mean()), low, high, rule.level, len(differences), rule.unit, p)


def _gain_association(
    table: Covariates, shares: Array, exclusion: NDArray[np.bool_], rule: RegisteredPrediction
) -> Association:
    """Product of exclusion and having both techniques, in the log odds of a hit; two rows for each molecule."""
    single = np.empty(len(table))
    for side in (exclusion, ~exclusion):
        single[side] = shares[side, int(np.argmax(shares[side, :2].sum(axis=0)))]
    both = np.repeat([0.0, 1.0], len(table))
    excluded = np.tile(exclusion.astype(float), 2)
    controls = Controls.of(table.numbers(CONTROLS), CONTROLS).repeated(2)
    controls = controls.with_columns(np.column_stack([both, excluded]), ("both techniques", "exclusion"))
    clusters = np.tile(np.arange(len(table)), 2)
    observed = np.concatenate([single, shares[:, 2]])
    return logistic(observed, both * excluded, "exclusion x both techniques", controls, clusters, rule.level)


def judged(
    rule: RegisteredPrediction,
    effect: Estimate,
    pairs: MatchedPairs | None,
    association: Association | None,
    parts: tuple[Estimate, ...],
    accuracies: Mapping[str, Any],
    notes: list[str],
    objection: str = "",
) -> SymmetryEffect:
    """The effect with its verdict: an imbalance that is left, or a regression that opposes it, overturns it."""
    if pairs is not None and pairs.imbalance > rule.largest_imbalance:
        objection = f"a standardised difference of {pairs.imbalance:.3f} is left, above {rule.largest_imbalance:g}"
    elif pairs is not None and association is not None and association.opposes(effect.value):
        objection = f"the regression points the other way ({association})"
    if association is not None and association.refused:
        notes.append(str(association))
    decision = rule.decide(effect, objection=objection)
    return SymmetryEffect(
        rule, decision, effect, registration_hash(), pairs, association, parts, accuracies, tuple(notes)
    )


def _some(pairs: MatchedPairs, key: str) -> MatchedPairs:
    if not len(pairs):
        within = "; ".join(map(str, pairs.calipers))
        raise EvaluationError(
            f"{key}: none of {pairs.n_treated} molecules has a partner among {pairs.n_controls} within: {within}."
        )
    return pairs


def _shown(make: Callable[[], T], notes: list[str]) -> list[T]:
    """What stands beside and decides nothing; a note instead where it cannot be made."""
    try:
        return [make()]
    except EvaluationError as error:
        notes.append(f"Not shown: {error}")
        return []


def _chemistry_too(calipers: tuple[Caliper, ...]) -> tuple[Caliper, ...]:
    return (*calipers, Caliper("chemistry_class", 0))


def _without(calipers: tuple[Caliper, ...], name: str) -> tuple[Caliper, ...]:
    return tuple(caliper for caliper in calipers if caliper.name != name)
