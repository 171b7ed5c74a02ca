"""The claims about the model: each rule gives every verdict it can give, on made-up results; absent files are said."""

import json

import pytest

from symvib.errors import DatasetError
from symvib.evaluation import _stored_results
from symvib.evaluation._stored_results import benchmark_rows, shipped_metrics, stored_result
from symvib.evaluation.claims import SPEKTRON_CLAIMS
from symvib.evaluation.predictions import Estimate, registered, registration_hash
from symvib.theory.claims import ledger

CHECKS = {claim.key: claim.check for claim in SPEKTRON_CLAIMS}
PREDICTIONS = {"P1": "Spektron small, seed 0", "P2": "Spektron small", "P3": "Spektron tiny", "E8": "Spektron small"}
PUBLISHED = (0.712, 0.783, 0.837, 0.842)
NOISE = (-0.002, 0.0, 0.001, 0.002, -0.001)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty repository."""
    monkeypatch.setattr(_stored_results, "ROOT", tmp_path)
    return tmp_path


def store(root, name, values):
    path = root / "studies" / "results" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def ablation(root, shares, noise=NOISE):
    """Runs of the arms, whose shares differ a little from seed to seed, each in its own way."""
    runs = [
        {"arm": arm, "seed": seed, "top-1, IR and Raman": share + noise[(seed + place) % len(noise)]}
        for place, (arm, share) in enumerate(shares.items())
        for seed in range(len(noise))
    ]
    store(root, "spektron_ablation", {"simulated": True, "steps": 150, "runs": runs})


def four(*shares):
    return dict(zip(("cnn", "transformer", "cnn_transformer", "cnn_dlinoss"), shares, strict=True))


@pytest.mark.parametrize(
    ("shares", "noise", "verdict"),
    [
        (PUBLISHED, NOISE, "confirmed"),
        ((0.80, 0.82, 0.83, 0.83), NOISE, "corrected"),
        ((0.84, 0.70, 0.80, 0.80), NOISE, "refuted"),
        (PUBLISHED, tuple(60 * x for x in NOISE), "open"),
    ],
)
def test_ablation(root, shares, noise, verdict):
    ablation(root, four(*shares), noise)
    outcome = CHECKS["architecture"]()
    assert outcome.verdict == verdict
    assert f"CNN {100 * shares[0]:.1f} %" in outcome.number
    assert "5 seeds" in outcome.number


def test_differences_are_paired_by_seed(root):
    """What seeds have in common goes out: the interval is that of the differences."""
    runs = [
        {"arm": arm, "seed": seed, "top-1, IR and Raman": 0.5 + 0.1 * seed + gain}
        for arm, gain in (("cnn_dlinoss", 0.09), ("patches_dlinoss", 0.0))
        for seed in range(5)
    ]
    store(root, "spektron_ablation", {"steps": 1, "runs": runs})
    outcome = CHECKS["tokenizer"]()
    assert outcome.verdict == "confirmed"
    assert "+9.0 (+9.0 to +9.0; 5 seeds)" in outcome.number


@pytest.mark.parametrize(
    ("gain", "factor", "verdict"),
    [
        (0.09, 1, "confirmed"),
        (0.03, 1, "corrected"),
        (0.20, 1, "corrected"),
        (-0.02, 1, "refuted"),
        (0.0, 1, "refuted"),
        (0.04, 60, "open"),
    ],
)
def test_tokenizer(root, gain, factor, verdict):
    ablation(root, {"cnn_dlinoss": 0.6 + gain, "patches_dlinoss": 0.6}, tuple(factor * x for x in NOISE))
    assert CHECKS["tokenizer"]().verdict == verdict


def test_few_seeds_decide_nothing(root):
    ablation(root, four(0.84, 0.70, 0.80, 0.80) | {"patches_dlinoss": 0.6}, NOISE[:3])
    assert (CHECKS["architecture"]().verdict, CHECKS["tokenizer"]().verdict) == ("open", "open")


def test_one_seed_is_not_enough(root):
    ablation(root, {"cnn_dlinoss": 0.6, "patches_dlinoss": 0.6}, (0.0,))
    with pytest.raises(DatasetError, match="two are needed"):
        CHECKS["tokenizer"]()


def benchmarks(root, at_2048, at_8192):
    """A page with the two tables; ratios of the chunked evaluator as given."""
    rows = [
        f"| {length} | {how} | {kind} | {ratio} | 9 | 0.5 |"
        for length, ratios in ((2048, at_2048), (8192, at_8192))
        for how, ratio in zip(("one", "both"), ratios, strict=True)
        for kind in ("forward", "forward + backward")
    ]
    text = [
        "# Benchmarks",
        "",
        "## D-LinOSS against attention: time",
        "",
        "| length | directions | pass | attention / chunked | attention / fft | attention / scan |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
        "",
        "Notes.",
        "",
        "## D-LinOSS against attention: growth and memory",
        "",
        "| operator | one, forward | both, forward |",
        "|---|---:|---:|",
        "| attention | 1.75 | 1.92 |",
    ]
    (root / "docs").mkdir()
    (root / "docs" / "benchmarks.md").write_text("\n".join(text), encoding="utf-8")


@pytest.mark.parametrize(
    ("at_2048", "at_8192", "verdict"),
    [
        ((1.9, 3.0), (9.0, 6.5), "confirmed"),
        ((4.6, 3.8), (15.4, 7.0), "corrected"),
        ((1.8, 0.9), (7.0, 7.0), "refuted"),
    ],
)
def test_speed(root, at_2048, at_8192, verdict):
    benchmarks(root, at_2048, at_8192)
    outcome = CHECKS["speed-against-attention"]()
    assert outcome.verdict == verdict
    assert f"chunked {at_2048[0]:g} / {at_2048[1]:g}, fft 9 / 9" in outcome.number
    assert "attention 1.75 / 1.92" in outcome.number


def test_a_table_that_is_not_there(root):
    benchmarks(root, (1, 1), (1, 1))
    with pytest.raises(DatasetError, match="make bench"):
        benchmark_rows("Rockets")


def representation(number, half, low, high, n_columns=500, curve=()):
    return {
        "n_molecules": 900,
        "n_columns": n_columns,
        "greatest_rank": min(899, n_columns),
        "components": {"for 95 %": {"number": number, "low": low, "high": high}},
        "for 95 % from half of the molecules": half,
        "over sample size": [{"n_molecules": n, "for 95 %": k} for n, k in curve],
    }


INSIDE, BELOW = representation(90, 88, 86, 94), representation(49, 47, 48, 50)
GROWN_PAST = representation(370, 250, 360, 380, 6000, curve=[(60, 47.0), (120, 89.0)])
GROWING, FRAGMENT = representation(55, 30, 52, 58), representation(19, 19, 18, 20, 55)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([INSIDE], "confirmed"),
        ([INSIDE, GROWING, FRAGMENT], "confirmed"),
        ([INSIDE, BELOW], "corrected"),
        ([BELOW, GROWN_PAST], "refuted"),
        ([GROWING, FRAGMENT], "open"),
        ([representation(90, 50, 86, 94)], "open"),
    ],
)
def test_components(root, found, verdict):
    values = {f"r{number}": {"as they are": each} for number, each in enumerate(found)}
    store(root, "force_constant_components", {"representations": values})
    assert CHECKS["components-of-force-constants"]().verdict == verdict


def test_where_a_growing_number_passes_the_published_range(root):
    store(root, "force_constant_components", {"representations": {"r": {"as they are": GROWN_PAST}}})
    assert CHECKS["components-of-force-constants"]().number.endswith("89 components of 120 molecules (r, as they are)")


@pytest.mark.parametrize(
    ("ir", "raman", "verdict"), [(0.03, 0.02, "confirmed"), (0.03, 0.4, "corrected"), (0.4, 0.3, "open")]
)
def test_reconstruction(root, ir, raman, verdict):
    parts = {
        kind: {"model": error, "interval": [0.9 * error, 1.1 * error], "mean_spectrum": 0.5}
        for kind, error in (("ir", ir), ("raman", raman))
    }
    folder = root / "spektron" / "data" / "spektron_small"
    folder.mkdir(parents=True)
    held_out = {"masked": parts, "cross_modal": parts, "n_scored": 1536}
    (folder / "metrics.json").write_text(json.dumps({"held_out": held_out}), encoding="utf-8")
    outcome = CHECKS["reconstruction-error"]()
    assert outcome.verdict == verdict
    assert f"hidden channels, ir {ir:.3f}" in outcome.number


def predictions(root, **changes):
    """Results as the study writes them, each decided by the registered rule."""
    values = {"simulated": True, "registration": registration_hash()}
    for key, model in PREDICTIONS.items():
        rule = registered(key)
        numbers = changes.get(key, (0.2, 0.15, 0.25))
        effect = Estimate("effect", *numbers, rule.level, 300, rule.unit, 0.001)
        found = {"verdict": rule.decide(effect).verdict, "effect": effect.as_dict()}
        values[key] = {"cosine": found | {"verdict": "undecided"}, model: found}
    store(root, "spektron_predictions", values | {k: v for k, v in changes.items() if k not in PREDICTIONS})


@pytest.mark.parametrize(
    ("numbers", "verdicts"),
    [
        ((0.2, 0.15, 0.25), ("confirmed", "refuted")),
        ((0.001, -0.005, 0.007), ("refuted", "confirmed")),
        ((0.02, -0.1, 0.14), ("open", "open")),
    ],
)
def test_predictions(root, numbers, verdicts):
    """E8 predicts that there is no effect."""
    predictions(root, **dict.fromkeys(PREDICTIONS, numbers))
    for key in PREDICTIONS:
        outcome = CHECKS[f"prediction-{key.lower()}"]()
        assert outcome.verdict == verdicts[key == "E8"]
        assert f"{numbers[0]:+.4f}" in outcome.number
        assert "n = 300" in outcome.number


def test_results_judged_by_other_rules_are_not_read(root):
    predictions(root, registration="0" * 64)
    with pytest.raises(DatasetError, match="other rules"):
        CHECKS["prediction-p1"]()


def test_a_prediction_that_was_judged_for_peers_only(root):
    predictions(root)
    values = stored_result("spektron_predictions")
    store(root, "spektron_predictions", values | {"P1": {"cosine": {}}})
    with pytest.raises(DatasetError, match="not for Spektron small"):
        CHECKS["prediction-p1"]()


def test_without_files_nothing_is_checked_and_the_command_is_named(root):
    found = ledger(SPEKTRON_CLAIMS)
    assert found.counts == {"not checked": len(SPEKTRON_CLAIMS)}
    assert "python studies/spektron_ablation.py" in found.to_markdown()
    for read, name in ((stored_result, "x"), (shipped_metrics, "small"), (benchmark_rows, "x")):
        with pytest.raises(DatasetError, match="in the repository of symvib writes it"):
            read(name)


def test_what_ships_is_read():
    assert stored_result("force_constant_components")["simulated"] is True
    assert shipped_metrics("small")["held_out"]["n_scored"] > 1000
    assert {row["length"] for row in benchmark_rows("D-LinOSS against attention: time")} >= {"2048", "8192"}
