"""The claims ledger: computed now, page in step, verdicts that can go either way."""

import json
from pathlib import Path

import pytest

from symvib.errors import DatasetError, IdentifiabilityError
from symvib.evaluation._transfer_claims import TRANSFER_CLAIMS
from symvib.evaluation.claims import SPEKTRON_CLAIMS
from symvib.theory import _claim_molecules as molecules
from symvib.theory._known_claims import CLAIMS, _completeness
from symvib.theory.claims import Claim, Outcome, ledger

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "claims.md"


@pytest.fixture(scope="module")
def whole():
    return ledger((*CLAIMS, *SPEKTRON_CLAIMS, *TRANSFER_CLAIMS))


def test_page_is_what_the_command_writes(whole):
    assert PAGE.read_text(encoding="utf-8") == whole.to_markdown(), "run `symvib claims --out docs/claims.md`"


def test_every_claim_is_checked(whole):
    """Those of the model too, but where a study has not been run yet."""
    missing = [entry.missing for entry in whole.entries if entry.outcome is None]
    absent = [text for text in missing if text.startswith("studies/results/") and not (ROOT / text.split()[0]).exists()]
    assert missing == absent
    assert sum(whole.counts.values()) == len(whole) == len(CLAIMS) + len(SPEKTRON_CLAIMS) + len(TRANSFER_CLAIMS)


def test_claims_of_this_room_by_default():
    assert [entry.claim for entry in ledger(only=["smoothness-obstacle"]).entries] == [
        claim for claim in CLAIMS if claim.key == "smoothness-obstacle"
    ]


@pytest.mark.parametrize(
    ("key", "verdict", "number"),
    [
        ("completeness-benzene", "corrected", "19/30"),
        ("completeness-methane", "corrected", "R = 1 "),
        ("completeness-cubane", "corrected", "9/14"),
        ("completeness-sulfur-hexafluoride", "corrected", "4/5"),
        ("completeness-ethylene", "confirmed", "11/12"),
        ("completeness-of-a-group", "refuted", "{5/6, 19/30, 3/5, 17/30}"),
        ("mutual-exclusion", "corrected", "D4d"),
        ("generic-identifiability", "refuted", "5 atoms: 33 of 45"),
        ("qm9-complete", "confirmed", "130,831"),
    ],
)
def test_what_is_found(whole, key, verdict, number):
    (outcome,) = [entry.outcome for entry in whole.entries if entry.claim.key == key]
    assert outcome.verdict == verdict
    assert number in outcome.number


def test_a_right_claim_is_confirmed_and_a_wrong_one_is_not():
    assert _completeness(molecules.benzene, 19 / 30)().verdict == "confirmed"
    assert _completeness(molecules.benzene, 0.634)().verdict == "corrected"


def test_geometries_have_the_symmetry_they_are_named_for():
    from symvib.groups.detection import detect_point_group

    expected = {"water": "C2v", "methane": "Td", "ethylene": "D2h", "benzene": "D6h", "cubane": "Oh"}
    for name, group in (expected | {"sulfur_hexafluoride": "Oh"}).items():
        assert detect_point_group(getattr(molecules, name)(), 1e-6).point_group.label == group


def test_missing_data_is_said_and_not_skipped():
    def check():
        raise DatasetError("no survey here")

    found = ledger([Claim("a", "b", "c", check)])
    assert found.counts == {"not checked": 1}
    assert "no survey here" in found.to_markdown()


def test_rooms_above_add_rows():
    mine = Claim("mine", "it is so", "symvib claims", lambda: Outcome("It is.", "confirmed", "proved", "1"))
    assert len(ledger([*CLAIMS[:1], mine])) == 2


@pytest.mark.parametrize("arguments", [{"only": ["nonsense"]}, {"claims": [CLAIMS[0], CLAIMS[0]]}])
def test_refusals(arguments):
    with pytest.raises(IdentifiabilityError, match="ledger"):
        ledger(**arguments)


def test_only_known_verdicts_and_grades():
    with pytest.raises(IdentifiabilityError, match="verdicts are"):
        Outcome("x", "plausible", "proved", "1")


def test_plain_values(whole):
    data = json.loads(json.dumps(whole.as_dict()))
    assert data["counts"] == whole.counts
