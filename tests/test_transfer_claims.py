"""The claims about transfer, minerals and z_inst: each rule gives every verdict it can give, on made-up results."""

import json

import numpy as np
import pytest

from symvib.errors import DatasetError
from symvib.evaluation import _stored_results
from symvib.evaluation._transfer_claims import TRANSFER_CLAIMS
from symvib.evaluation._transfer_summary import ON_TEST

CHECKS = {claim.key: claim.check for claim in TRANSFER_CLAIMS}
DIRECTIONS = [(a, b) for a in ("m5", "mp5", "mp6") for b in ("m5", "mp5", "mp6") if a != b]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The folder of results of an empty repository."""
    monkeypatch.setattr(_stored_results, "ROOT", tmp_path)
    folder = tmp_path / "studies" / "results"
    folder.mkdir(parents=True)
    return folder


def store(results, name, values):
    (results / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")


def corn_row(source, target, r2, half, k=5, table="paired"):
    known = {"data": "corn", "property": "moisture", "splits": "random", "method": ON_TEST, "n_splits": 20}
    limits = {"r2": r2, "r2_low": r2 - half, "r2_high": r2 + half, "r2_share": r2 / 0.9}
    return {**known, **limits, "source": source, "target": target, "k": k, "table": table}


@pytest.mark.parametrize(
    ("r2", "half", "verdict"), [(0.97, 0.01, "confirmed"), (0.80, 0.1, "refuted"), (0.93, 0.05, "open")]
)
def test_corn_moisture(results, r2, half, verdict):
    rows = [corn_row(*direction, 0.97, 0.01) for direction in DIRECTIONS[1:]]
    rows += [corn_row(*DIRECTIONS[0], r2, half), corn_row(*DIRECTIONS[0], 0.3, 0.1, table="unpaired")]
    rows += [corn_row(*DIRECTIONS[0], 0.99, 0.001, k=25)]  # more samples than the claim allows
    store(results, "calibration_transfer", {"best": rows})
    outcome = CHECKS["corn-moisture-five-samples"]()
    assert outcome.verdict == verdict
    assert f"m5 to mp5 {r2:.3f}" in outcome.number
    assert "ceiling 0.900" in outcome.number


def test_all_directions_are_needed(results):
    store(results, "calibration_transfer", {"best": [corn_row("m5", "mp5", 0.9, 0.1)]})
    with pytest.raises(DatasetError, match="1 of the six directions"):
        CHECKS["corn-moisture-five-samples"]()


def write_splits(results, name, methods, spread=0.01):
    """A table of splits: method and k to the mean R2 of every direction."""
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    noise = spread * np.linspace(-1, 1, 5)
    rows = [
        {"data": "corn", "property": "moisture", "k": k, "method": method, "refused": "", "source": a, "target": b,
         "calibration": "source", "n_train": 60, "n_test": 20, "split": str(i), "r2": r2 + noise[i]}
        for (method, k), r2 in methods.items() for a, b in DIRECTIONS for i in range(5)
    ]  # fmt: skip
    parquet.write_table(pa.Table.from_pylist(rows), results / f"{name}.parquet")


@pytest.mark.parametrize(
    ("r2", "spread", "verdict"),
    [(0.95, 0.01, "confirmed"), (0.98, 0.001, "corrected"), (0.80, 0.01, "refuted"), (0.93, 0.05, "open")],
)
def test_pds(results, r2, spread, verdict):
    write_splits(results, "calibration_transfer", {("PDS 7", 25): r2, ("PDS 3", 25): 0.1, ("DS", 25): 0.99}, spread)
    outcome = CHECKS["pds-25-pairs"]()
    assert outcome.verdict == verdict
    assert f"m5 to mp5 {r2:.3f}" in outcome.number


@pytest.mark.parametrize(
    ("r2", "k", "verdict"), [(0.92, 10, "confirmed"), (0.70, 10, "refuted"), (0.84, 10, "open"), (0.92, 5, "open")]
)
def test_lora(results, r2, k, verdict):
    write_splits(results, "calibration_transfer", {("PDS 7", 25): 0.90})
    write_splits(results, "spektron_transfer", {("CNN, LoRA", k): r2}, spread=0.05 if r2 == 0.84 else 0.01)
    if r2 == 0.84:
        write_splits(results, "calibration_transfer", {("PDS 7", 25): 0.90}, spread=-0.15)
    assert CHECKS["lora-ten-samples"]().verdict == verdict


def score(value, half=0.02):
    return {"value": value, "low": value - half, "high": value + half, "n_groups": 100}


@pytest.mark.parametrize(
    ("r", "half", "verdict"), [(0.4, 0.02, "refuted"), (0.98, 0.02, "open"), (0.995, 0.004, "confirmed")]
)
def test_correlation_of_unseen_minerals(results, r, half, verdict):
    seen = {"mean": {"r": score(0.1)}, "VAE": {"r": score(r, half)}}
    leaked = {"nearest": {"r": score(0.99, 0.001)}}
    store(results, "mineral_transfer", {"scores": {"ir -> raman, by mineral": seen, "ir -> raman, by row": leaked}})
    outcome = CHECKS["spectrogen-correlation"]()
    assert outcome.verdict == verdict
    assert f"split by mineral: VAE {r:.3f}" in outcome.number


@pytest.mark.parametrize(
    ("error", "half", "verdict"), [(0.15, 0.01, "refuted"), (0.012, 0.005, "open"), (0.008, 0.001, "confirmed")]
)
def test_error_of_unseen_minerals(results, error, half, verdict):
    rows = {f"ir -> raman, by {by}": {"mean": {"rmse": score(0.5)}, "VAE": {"rmse": score(error, half)}}
            for by in ("mineral", "row")}  # fmt: skip
    store(results, "mineral_transfer", {"scores": rows})
    assert CHECKS["spectrogen-error"]().verdict == verdict


@pytest.mark.parametrize(
    ("generated", "measured", "verdict"),
    [(0.95, 0.75, "confirmed"), (0.95, 0.94, "open"), (0.80, 0.70, "corrected"), (0.50, 0.70, "refuted")],
)
def test_classes(results, generated, measured, verdict):
    scores = {"measured": score(measured), "from the source": score(0.8), "generated: VAE": score(generated)}
    store(results, "mineral_transfer", {"classification": {"mineral": {"scores": scores}}})
    assert CHECKS["spectrogen-classes"]().verdict == verdict


@pytest.mark.parametrize(("needed", "verdict"), [((40, 50), "confirmed"), ((8, 9), "corrected"), ((8, 40), "open")])
def test_instrument_dimension(results, needed, verdict):
    probes = [{"components": 8, "accuracy": 0.7}, {"components": 64, "accuracy": 0.6}]
    found = {
        kind: {"components_for_share": n, "numbers": 64, "probes": probes} for kind, n in zip("ab", needed, strict=True)
    }
    store(results, "instrument_dimension", {"modalities": found, "share": 0.95, "n_instruments": 32})
    assert CHECKS["instrument-dimension"]().verdict == verdict
