"""What the theory predicts of infrared and Raman spectra of minerals, registered before it was looked at.

docs/minerals_registered.md holds the text; a test holds its hash.
"""

from functools import cache
from hashlib import sha256

from ..errors import EvaluationError
from .predictions import FAMILY_ALPHA, RegisteredPrediction

__all__ = [
    "mineral_prediction",
    "mineral_predictions",
    "mineral_registration_hash",
    "mineral_registration_text",
]


def mineral_prediction(key: str) -> RegisteredPrediction:
    """The registered prediction "M1" or "M2"; EvaluationError for another key."""
    known = {p.key: p for p in mineral_predictions()}
    if key not in known:
        raise EvaluationError(f"mineral_prediction({key!r}): choose one of {', '.join(known)}.")
    return known[key]


def mineral_registration_text() -> str:
    """Both predictions as Markdown, in order."""
    return "\n".join(p.text() for p in mineral_predictions())


def mineral_registration_hash() -> str:
    """SHA-256 of `mineral_registration_text`, 64 hexadecimal digits."""
    return sha256(mineral_registration_text().encode()).hexdigest()


@cache
def mineral_predictions() -> tuple[RegisteredPrediction, ...]:
    """The predictions M1 and M2; they share a two-sided error of 0.05."""
    regression = (
        "Coefficient of the indicator of a noncentrosymmetric structure, by least squares over groups of minerals, the "
        "controls held: mean number of bands in the infrared (400 to 1400 1/cm) and in the Raman spectrum (maxima with "
        "a prominence of 0.05 or more after scaling to largest value 1); the largest correlation of a spectrum of the "
        "group with one of any other group, infrared and Raman, mean over the group; the squares of these four (z-"
        "scored; a column that the ones before determine, variance inflation above 100, is left out and named); and "
        "indicators of the class by composition, classes with fewer than five groups taken together. "
    )
    who = (
        "Groups whose structures are all centrosymmetric or all noncentrosymmetric; ambiguous and unknown ones are "
        "left out and counted. "
    )
    overturn = (
        "Pairs of a noncentrosymmetric and a centrosymmetric group of the same class, both numbers of bands within one "
        "and both similarities within half a pooled standard deviation: if the interval of their mean difference at "
        "the same level lies wholly on the other side of 0 from the estimate, the verdict is undecided. The difference "
        "without controls, and with the strata decided by the majority of the structures (two thirds or more) in place "
        "of unanimity, stand beside and decide nothing."
    )
    interval = "Heteroscedasticity-consistent (HC3) standard errors, with Student's quantile."
    alpha = FAMILY_ALPHA / 2
    return (
        RegisteredPrediction(
            key="M1",
            title="transfer between infrared and Raman is harder where there is an inversion centre",
            hypothesis="At equal class, number of bands and likeness of the nearest other mineral, the spectrum "
            "predicted from the other technique is less like the measured one where the structure is centrosymmetric, "
            "as no mode is then seen by both techniques.",
            expects="effect",
            statistic=regression + "The response is the Pearson correlation of predicted and measured spectrum over "
            "the channels that were measured, split by mineral (five folds), mean over the spectra of a group and over "
            "the two directions, IR to Raman and Raman to IR, of one method: that with the largest mean response over "
            "all groups, strata together, of those in the study (mean, nearest neighbour, 5 nearest, PLS2, direct "
            "CNN, VAE). " + who.rstrip(),
            unit="correlation",
            smallest_effect=0.05,
            why_smallest="Five neighbours in place of one had been seen to gain 0.04: less than about that would not "
            "change what anyone does.",
            least_number=20,
            interval=interval,
            secondary=overturn,
            control="The same coefficient where exclusion says nothing: Raman to the calculated powder pattern, and "
            "the nearest neighbour's Raman for the Raman spectrum itself. If these are as large, centrosymmetric "
            "minerals are harder for another reason. They decide nothing.",
            limits="37 groups of minerals with infrared and Raman are noncentrosymmetric by the rule, 190 "
            "centrosymmetric; a third of the 37 are sulfides, whose vibrations lie mostly below the 400 1/cm at which "
            "the infrared starts. If correlations scatter by 0.25, the interval is at best the estimate +- 0.10, so "
            "small effects will stay undecided. Exclusion holds at the centre of the Brillouin zone of an ordered "
            "crystal; disorder and overtones break it. Methods that work through chemistry and not through shared "
            "modes need not feel it at all: M2 asks the spectra themselves.",
            alpha=alpha,
        ),
        RegisteredPrediction(
            key="M2",
            title="infrared and Raman bands coincide less where there is an inversion centre",
            hypothesis="At equal class, number of bands and likeness of the nearest other mineral, the infrared "
            "spectrum of a specimen is less like its Raman spectrum where the structure is centrosymmetric.",
            expects="effect",
            statistic=regression + "The response is the Pearson correlation of the infrared with the Raman spectrum of "
            "the same specimen over the channels from 400 to 1400 1/cm that were measured in both, minus the mean "
            "correlation of the same infrared spectrum with the Raman spectra of the other groups of its class; mean "
            "over the pairs of a group. No model is involved. " + who.rstrip(),
            unit="correlation",
            smallest_effect=0.05,
            why_smallest="As M1.",
            least_number=20,
            interval=interval,
            secondary=overturn,
            control="The same with the infrared spectrum of another group of the same class, drawn once with seed 0, "
            "in place of its own: no effect is expected. It decides nothing.",
            limits="As M1. Bands of one complex anion lie near each other whatever the symmetry (factor-group "
            "splitting is often less than a band's width), so coincidence within a width does not tell one mode from "
            "two: a null result does not contradict exclusion.",
            alpha=alpha,
        ),
    )
