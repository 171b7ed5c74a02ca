"""What the theory predicts of a model, written down before the model is run: hypothesis, statistic, decision rule.

The text of docs/predictions_registered.md is made from the objects here, and every result carries the hash of that
text, so that a rule changed after the fact shows.
"""

from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Literal

from ..errors import EvaluationError
from ._matching import Caliper

__all__ = [
    "Decision",
    "Estimate",
    "RegisteredPrediction",
    "registered",
    "registered_predictions",
    "registration_hash",
    "registration_text",
]

FAMILY_ALPHA = 0.05
_SAME_SIZE = (
    Caliper("n_atoms", 1),
    Caliper("n_vib", 4),
    Caliper("n_levels", 3),
    Caliper("nearest_similarity", 0.5, in_deviations=True),
)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    name : str
        What was estimated.
    value, low, high : float
    level : float
        Of the interval, 0.95 say.
    n : int
        Pairs or molecules it rests on.
    unit : str
    p_value : float or None
        Two-sided, of no effect; None where no test was made.
    """

    name: str
    value: float
    low: float
    high: float
    level: float
    n: int
    unit: str
    p_value: float | None = None

    def __str__(self) -> str:
        p = "" if self.p_value is None else f", p = {self.p_value:.2g}"
        return (
            f"{self.name}: {self.value:+.4f} {self.unit} ({100 * self.level:.4g} % interval {self.low:+.4f} to "
            f"{self.high:+.4f}; n = {self.n}{p})"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Decision:
    """Verdict on a prediction, and the numbers that gave it.

    Attributes
    ----------
    verdict : {"supported", "refuted", "undecided"}
    reason : str
    """

    verdict: Literal["supported", "refuted", "undecided"]
    reason: str

    def __str__(self) -> str:
        return f"{self.verdict}: {self.reason}"


@dataclass(frozen=True)
class RegisteredPrediction:
    """A prediction and the rule by which it will be judged.

    Attributes
    ----------
    key : str
        "P1" ...
    title, hypothesis : str
    expects : {"effect", "no effect"}
        Whether the hypothesis says that the statistic exceeds ``smallest_effect`` or that it stays below.
    statistic, unit : str
        The one number that is judged, and its unit; positive is the predicted direction.
    smallest_effect : float
        Smallest effect of interest.
    why_smallest : str
    alpha : float
        Two-sided error of this prediction; the family of all predictions shares 0.05.
    least_number : int
        Pairs or molecules below which nothing is decided.
    interval, secondary, control, limits : str
        How the interval is made; analyses that can contradict; the control; what a verdict does not say.
    calipers : tuple of Caliper
        Of the matched pairs; empty where none are made.
    largest_imbalance : float
        Standardised mean difference above which pairs count as unbalanced, and nothing is decided.
    """

    key: str
    title: str
    hypothesis: str
    expects: Literal["effect", "no effect"]
    statistic: str
    unit: str
    smallest_effect: float
    why_smallest: str
    least_number: int
    interval: str
    secondary: str
    control: str
    limits: str
    calipers: tuple[Caliper, ...] = ()
    largest_imbalance: float = 0.25
    alpha: float = FAMILY_ALPHA / 4

    @property
    def level(self) -> float:
        """Level of the interval that decides, 1 - alpha."""
        return 1 - self.alpha

    def decide(self, estimate: Estimate, *, objection: str = "") -> Decision:
        """The verdict on an estimate of the statistic.

        Parameters
        ----------
        estimate : Estimate
            With an interval at `level`.
        objection : str
            Why the estimate must not be judged (unbalanced pairs, a contradicting secondary analysis, a failed
            positive control); the verdict is then "undecided".

        Raises
        ------
        EvaluationError
            An interval of another level.

        Examples
        --------
        >>> p1 = registered("P1")
        >>> p1.decide(Estimate("gap", 0.10, 0.06, 0.14, p1.level, 300, "share", 0.001)).verdict
        'supported'
        >>> p1.decide(Estimate("gap", 0.01, -0.02, 0.04, p1.level, 300, "share", 0.5)).verdict
        'refuted'
        >>> p1.decide(Estimate("gap", 0.03, -0.02, 0.08, p1.level, 300, "share", 0.2)).verdict
        'undecided'
        """
        if abs(estimate.level - self.level) > 1e-9:
            raise EvaluationError(
                f"{self.key} is decided at level {self.level:.6g}, the interval given has level {estimate.level:.6g}."
            )
        if estimate.n < self.least_number:
            return Decision("undecided", f"n = {estimate.n}, registered are {self.least_number} at least; {estimate}")
        if objection:
            return Decision("undecided", f"{objection}; {estimate}")
        least = self.smallest_effect
        significant = estimate.low > 0 and (estimate.p_value is None or estimate.p_value < self.alpha)
        present = significant and estimate.value >= least
        absent = estimate.high < least
        if present:
            return Decision(
                "supported" if self.expects == "effect" else "refuted",
                f"an effect of {least:g} or more, its interval above 0; {estimate}",
            )
        if absent:
            sign = " (though above 0)" if significant else ""
            return Decision(
                "refuted" if self.expects == "effect" else "supported",
                f"an effect of {least:g} is outside the interval{sign}; {estimate}",
            )
        return Decision(
            "undecided", f"the interval holds {least:g}, and the effect is not both above 0 and that large; {estimate}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "calipers": [str(c) for c in self.calipers]}

    def text(self) -> str:
        """The registration as Markdown."""
        words = {"effect": ("supported", "refuted"), "no effect": ("refuted", "supported")}[self.expects]
        pairs = "; ".join(str(c) for c in self.calipers)
        matched = (
            f"\n- **Pairs.** Largest set within: {pairs}; no molecule twice. Undecided if a standardised mean "
            f"difference "
            f"above {self.largest_imbalance:g} is left in any of them."
            if pairs
            else ""
        )
        return (
            f"## {self.key}: {self.title}\n\n"
            f"- **Hypothesis.** {self.hypothesis}\n"
            f"- **Statistic.** {self.statistic} Unit: {self.unit}.{matched}\n"
            f"- **Interval.** {self.interval} Level {100 * self.level:.4g} % (alpha = {self.alpha:g}).\n"
            f"- **Smallest effect of interest.** {self.smallest_effect:g}. {self.why_smallest}\n"
            f"- **Decision.** *{words[0].capitalize()}*: the interval is above 0, p < alpha where a test is named, "
            f"and the "
            f"estimate is {self.smallest_effect:g} or more. *{words[1].capitalize()}*: the interval is below "
            f"{self.smallest_effect:g}. *Undecided*: all else, and always with fewer than {self.least_number}.\n"
            f"- **What can overturn it.** {self.secondary}\n"
            f"- **Control.** {self.control}\n"
            f"- **Limits.** {self.limits}\n"
        )


def registered(key: str) -> RegisteredPrediction:
    """The registered prediction "P1", "P2", "P3" or "E8"; EvaluationError for another key."""
    known = {p.key: p for p in registered_predictions()}
    if key not in known:
        raise EvaluationError(f"registered({key!r}): choose one of {', '.join(known)}.")
    return known[key]


def registration_text() -> str:
    """All registered predictions as Markdown, in order."""
    return "\n".join(p.text() for p in registered_predictions())


def registration_hash() -> str:
    """SHA-256 of `registration_text`, 64 hexadecimal digits."""
    return sha256(registration_text().encode()).hexdigest()


@cache
def registered_predictions() -> tuple[RegisteredPrediction, ...]:
    """The predictions P1, P2, P3 and the silent-mode probe E8; they share a two-sided error of 0.05."""
    regression = (
        "A logistic regression of the mean hits of the molecules on {what}, and on n_atoms, n_vib, n_levels, "
        "nearest_similarity and their squares (z-scored; a column that the ones before determine, variance inflation "
        "above 100, is left out and named), with standard errors clustered by molecule, over all molecules. If its "
        "interval of the same level lies wholly on the other side of no effect from the estimate, the verdict is "
        "undecided. Where the data are separated (no finite estimate) it is refused, and says so."
    )
    adjusted = (
        "Wald interval of the mean difference over pairs after half a pair of each kind is added (A. Agresti and Y. "
        "Min, Stat. Med. 24, 729 (2005)), {quantile}; test: {test}."
    )
    sample = (
        "What the sample can show: of the 1,542 test molecules {treated} have the property, and {pairs} pairs keep to "
        "the calipers on size and levels (covariates only; that on similarity can only take some away); where four "
        "pairs in ten differ by 1, the interval is at best the estimate +- {half:g}, so small effects will stay "
        "undecided."
    )
    normal = "with the normal quantile"
    return (
        RegisteredPrediction(
            key="P1",
            title="accuracy falls as completeness falls",
            hypothesis="At equal size, level count and similarity of the nearest neighbour, molecules with silent "
            "modes (R < 1) are identified less often than molecules without (R = 1).",
            expects="effect",
            statistic="Mean over pairs of (top-1 of the R = 1 molecule minus top-1 of the R < 1 molecule), queries "
            "with IR and Raman; the mean hit of a molecule that was asked more than once.",
            unit="share of queries",
            smallest_effect=0.05,
            why_smallest="Five queries in a hundred: less than that would not change what anyone measures.",
            least_number=30,
            interval=adjusted.format(
                quantile=normal,
                test="signs of the differences are flipped (exact McNemar where every difference is -1, 0 or 1)",
            ),
            secondary=regression.format(what="R")
            + " The same difference without the caliper on similarity, and with pairs of the same class of chemistry "
            "only, are reported beside it and decide nothing.",
            control="None; P2's control groups show whether silent modes or exclusion matter.",
            limits="R < 1 needs symmetry, so every such molecule also has fewer independent force constants and often "
            "degenerate levels; the pairs hold the number of levels, not the group. The number of lines in the range "
            "is how R acts, so it is not controlled. "
            + sample.format(pairs=191, treated=550, half=0.11)
            + " Similarity of spectra may itself be changed by symmetry: holding it estimates what remains beside it.",
            calipers=_SAME_SIZE,
        ),
        RegisteredPrediction(
            key="P2",
            title="IR and Raman together gain most where exclusion holds",
            hypothesis="The gain in top-1 of IR+Raman over the better of IR and Raman is larger for molecules of "
            "groups with mutual exclusion than for others.",
            expects="effect",
            statistic="Gain of the molecules with exclusion (inversion centre or not) minus gain of their partners; "
            "the better single technique is chosen for each side on nine tenths of the pairs and used on the last "
            "tenth, for each tenth in turn.",
            unit="share of queries",
            smallest_effect=0.03,
            why_smallest="The pilot (a cosine search on about 2,200 perturbed xTB spectra, uncontrolled) saw gains of "
            "0.096 with and 0.059 without a centre; a difference of that order is what the theory would have to "
            "deliver.",
            least_number=30,
            interval=adjusted.format(
                quantile=normal
                + ", its standard deviation or that over 2,000 bootstrap draws of pairs with the better "
                "technique chosen anew, whichever is larger",
                test="the two molecules of a pair change sides, the better technique is chosen anew",
            ),
            secondary=regression.format(what="exclusion, number of techniques and their product (which is judged)"),
            control="Groups with exclusion but no inversion centre against groups with none, and groups with a centre "
            "against groups with none, each with its own interval: if the centre and not exclusion were the cause, "
            "the first would be without gain. Pairs of the same class of chemistry. They decide nothing.",
            limits="A model that identifies everything from one technique cannot gain: beside the gain stand the four "
            "accuracies. Molecules without lines of one technique in the range are left out and counted. "
            + sample.format(pairs=314, treated=459, half=0.09),
            calipers=_SAME_SIZE,
        ),
        RegisteredPrediction(
            key="P3",
            title="sample efficiency follows the identifiability margin",
            hypothesis="The larger the margin (observables of IR and Raman minus symmetry-allowed force constants), "
            "the faster top-1 grows with the number of training molecules.",
            expects="effect",
            statistic="Change of the learning slope for one standard deviation of the signed square root of the "
            "margin, by least squares over molecules; the slope of a molecule is that of its hits against log2 of the "
            "training size. Held: n_atoms, n_vib, n_levels, nearest_similarity and their squares (left out as "
            "under P1).",
            unit="share of queries per doubling",
            smallest_effect=0.01,
            why_smallest="One query in a hundred for each doubling: over five doublings the five of P1.",
            least_number=200,
            interval="Heteroscedasticity-consistent (HC3) standard errors, with Student's quantile.",
            secondary="Undecided where the variance inflation of the margin is above 20: without symmetry the margin "
            "is a function of the number of vibrations, and such a sample cannot tell one from the other. Slopes of "
            "three classes of margin (thirds) with intervals and the accuracy at each size are shown and decide "
            "nothing.",
            control="The slopes in thirds of the number of vibrations instead of the margin, beside.",
            limits="The same molecules are asked at every size, of models of one seed each unless more are given. A "
            "slope is small for molecules that are easy at the smallest size: the accuracies at each size stand "
            "beside it.",
        ),
        RegisteredPrediction(
            key="E8",
            title="silent modes are known through chemistry only",
            hypothesis="What a spectrum's features add to composition in predicting the mean wavenumber of the silent "
            "modes is negligible.",
            expects="no effect",
            statistic="R2 of ridge regression on composition and features minus R2 on composition, on molecules of "
            "formulas that neither the fit nor the choice of its penalty has seen (five folds by formula, nested); "
            "predictions are kept inside the range of the wavenumbers learned from.",
            unit="R2",
            smallest_effect=0.05,
            why_smallest="A twentieth of the variance.",
            least_number=100,
            interval="Bootstrap over formulas (2,000 draws) of the predictions out of fold; percentiles.",
            secondary="Positive control: the same probe of the mean wavenumber of the Raman-active modes, which the "
            "features must add to (interval above 0); if not, the features carry nothing that a probe can read, and "
            "the verdict is undecided.",
            control="Features dealt out to the wrong molecules: its difference, reported beside.",
            limits="A spectrum tells structure that composition does not (isomers, functional groups), and structure "
            "bears on silent modes too. A refutation says that more than composition is known, not that silent modes "
            "are seen.",
        ),
    )
