"""The predictions about minerals are those that were written down before the strata were looked at."""

from pathlib import Path

import pytest

from symvib.errors import EvaluationError
from symvib.evaluation.mineral_predictions import (
    mineral_prediction,
    mineral_predictions,
    mineral_registration_hash,
    mineral_registration_text,
)
from symvib.evaluation.predictions import FAMILY_ALPHA, Estimate

ROOT = Path(__file__).resolve().parents[1]


def test_the_registration_is_the_one_that_was_written_before_the_run():
    """Change this only with an entry under "Changes" of the page."""
    assert mineral_registration_hash() == "6b4cbe83f94f56277ad061cf1ac4fd5e9e091c6770939de95105be40b6a3036e"


def test_the_page_holds_the_rules_and_their_hash():
    page = (ROOT / "docs" / "minerals_registered.md").read_text(encoding="utf-8")
    assert page.partition("\n---\n\n")[2] == mineral_registration_text()
    assert mineral_registration_hash() in page


def test_the_predictions_share_one_error():
    rules = mineral_predictions()
    assert [rule.key for rule in rules] == ["M1", "M2"]
    assert sum(rule.alpha for rule in rules) == pytest.approx(FAMILY_ALPHA)


def test_the_rule_decides():
    rule = mineral_prediction("M1")
    assert rule.decide(Estimate("gap", 0.12, 0.02, 0.22, rule.level, 37, "r", 0.01)).verdict == "supported"
    assert rule.decide(Estimate("gap", 0.00, -0.04, 0.04, rule.level, 37, "r", 0.9)).verdict == "refuted"
    assert rule.decide(Estimate("gap", 0.05, -0.05, 0.15, rule.level, 37, "r", 0.3)).verdict == "undecided"
    assert rule.decide(Estimate("gap", 0.12, 0.02, 0.22, rule.level, 19, "r", 0.01)).verdict == "undecided"
    with pytest.raises(EvaluationError, match="M1, M2"):
        mineral_prediction("M3")
