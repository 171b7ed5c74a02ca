"""The claims about calibration transfer and minerals, checked against stored results; every verdict follows a rule."""

from typing import Any

import numpy as np

from ..errors import DatasetError
from ..theory.claims import Claim, Outcome
from ._stored_results import stored_result, stored_table

__all__ = ["TRANSFER_CLAIMS"]

PUBLISHED_R2 = 0.952
MOST_SAMPLES = 5
PUBLISHED_PDS = (0.94, 0.96)
PDS_SAMPLES = 25
PUBLISHED_INSTRUMENT = 64

_STUDY = "calibration_transfer"
_COMMAND = "python studies/calibration_transfer.py"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"


def _corn_rows() -> list[dict[str, Any]]:
    """What is best on the test samples, of corn moisture with a few transfer samples, by direction and table."""
    from ._transfer_summary import ON_TEST

    return [
        row
        for row in stored_result(_STUDY)["best"]
        if (row["data"], row["property"], row["splits"], row["method"]) == ("corn", "moisture", "random", ON_TEST)
        and 0 < row["k"] <= MOST_SAMPLES
        and row["r2"] is not None
    ]


def _corn_moisture() -> Outcome:
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _corn_rows():
        key = row["source"], row["target"]
        if key not in best or row["r2"][0] > best[key]["r2"][0]:
            best[key] = row
    if len(best) < 6:
        raise DatasetError(
            f"studies/results/{_STUDY}.json: {len(best)} of the six directions of corn; `{_COMMAND}` computes them."
        )
    if any(row["r2"][2] < PUBLISHED_R2 for row in best.values()):
        verdict = "refuted"
    elif all(row["r2"][1] > PUBLISHED_R2 for row in best.values()):
        verdict = "confirmed"
    else:
        verdict = "open"
    return Outcome(
        "The figure stems from another data set (Raman spectra of methanol). Here: corn, all six directions, the best "
        f"of all methods in all tables with at most {MOST_SAMPLES} transfer samples, named by the test samples "
        "themselves, which flatters; beside it the ceiling, a calibration of all training samples on the target. Rule, "
        f"on the 95 % intervals over splits: refuted where one direction ends below {PUBLISHED_R2:g}, confirmed where "
        "all lie above it, else open.",
        verdict,
        "measured",
        "; ".join(
            f"{source} to {target} {row['r2'][0]:.3f}{_interval(row['r2'][1], row['r2'][2])}, {row['table']}, "
            f"k = {row['k']}, ceiling {row['ceiling_r2']:.3f}"
            for (source, target), row in best.items()
        )
        + f"; {next(iter(best.values()))['n_splits']} splits",
    )


def _pds() -> Outcome:
    from ._transfer_summary import Mean, mean_over_splits

    stored = stored_table(_STUDY)
    of = (stored["data"] == "corn") & (stored["property"] == "moisture") & (stored["k"] == PDS_SAMPLES)
    of &= np.char.startswith(stored["method"].astype(str), "PDS") & (stored["refused"] == "")
    best: dict[str, tuple[Mean, str]] = {}
    directions = [f"{a} to {b}" for a, b in zip(stored["source"].tolist(), stored["target"].tolist(), strict=True)]
    names = np.array(directions)
    for direction in dict.fromkeys(names[of].tolist()):
        for method in dict.fromkeys(stored["method"][of].tolist()):
            for how in dict.fromkeys(stored["calibration"][of].tolist()):
                rows = of & (names == direction) & (stored["method"] == method) & (stored["calibration"] == how)
                if not rows.any():
                    continue
                sizes = stored["n_train"][rows].mean(), stored["n_test"][rows].mean()
                mean = mean_over_splits(stored["r2"][rows].astype(float), *map(float, sizes))
                if direction not in best or mean.value > best[direction][0].value:
                    best[direction] = mean, method
    if not best:
        raise DatasetError(
            f"studies/results/{_STUDY}.parquet: no PDS with k = {PDS_SAMPLES}; `{_COMMAND}` computes it."
        )
    low, high = PUBLISHED_PDS
    if any(mean.high is not None and mean.high < low for mean, _ in best.values()):
        verdict = "refuted"
    elif all(mean.low is not None and mean.low > high for mean, _ in best.values()):
        verdict = "corrected"
    elif all(low <= mean.value <= high for mean, _ in best.values()):
        verdict = "confirmed"
    else:
        verdict = "open"
    return Outcome(
        f"Piecewise direct standardisation with {PDS_SAMPLES} pairs on corn moisture, the best of its settings in each "
        "direction, named by the test samples. Rule, on the 95 % intervals over splits: refuted where one direction "
        f"ends below {low:g}; corrected where all lie above {high:g}; confirmed where all means lie in {low:g} to "
        f"{high:g}; else open.",
        verdict,
        "measured",
        "; ".join(
            f"{direction} {mean.value:.3f}{_interval(mean.low, mean.high)}" for direction, (mean, _) in best.items()
        ),
    )


def _instrument_numbers() -> Outcome:
    result = stored_result("instrument_dimension")
    parts = []
    needed = []
    for modality, found in result["modalities"].items():
        needed.append(found["components_for_share"])
        best = max(found["probes"], key=lambda probe: probe["accuracy"])
        whole = found["probes"][-1]
        parts.append(
            f"{modality}: {found['components_for_share']} of {found['numbers']} components hold "
            f"{100 * result['share']:.0f} % of the variance; instruments named right from {best['components']} "
            f"components {100 * best['accuracy']:.1f} %, from all {100 * whole['accuracy']:.1f} %"
        )
    return Outcome(
        "How many directions of z_inst the shipped model uses for virtual instruments (simulated), which bounds what "
        f"it needs only from above. Rule: confirmed where half of {PUBLISHED_INSTRUMENT} components or more are needed "
        "for 95 % of the variance in both modalities, corrected where fewer are in both, else open.",
        "confirmed"
        if min(needed) >= PUBLISHED_INSTRUMENT / 2
        else "corrected"
        if max(needed) < PUBLISHED_INSTRUMENT / 2
        else "open",
        "measured",
        "; ".join(parts) + f"; {result['n_instruments']} instruments",
    )


TRANSFER_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "corn-moisture-five-samples",
        f"calibration transfer of corn moisture: R2 above {PUBLISHED_R2:g} with {MOST_SAMPLES} transfer samples or "
        "fewer, in every direction",
        _COMMAND,
        _corn_moisture,
    ),
    Claim(
        "pds-25-pairs",
        f"piecewise direct standardisation reaches R2 {PUBLISHED_PDS[0]:g} to {PUBLISHED_PDS[1]:g} with {PDS_SAMPLES} "
        "pairs or more",
        _COMMAND,
        _pds,
    ),
    Claim(
        "instrument-dimension",
        f"{PUBLISHED_INSTRUMENT} numbers of a latent describe the instrument",
        "python studies/instrument_dimension.py",
        _instrument_numbers,
    ),
)
"""The claims about calibration transfer and minerals, for `theory.claims.ledger`."""
