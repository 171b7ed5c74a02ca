"""Rank certificates: what is made verifies by another path, what is broken or of another molecule does not."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import symvib as sv
from helpers import molecule_of
from symvib.cli import app
from symvib.errors import CertificateError, IdentifiabilityError
from symvib.theory import _certificate_format
from symvib.theory.certificate import Certificate, certificate, checksum, verify_certificate
from zoo import ZOO_BY_NAME


def zoo_molecule(name):
    return molecule_of(ZOO_BY_NAME[name].symbols, ZOO_BY_NAME[name].positions)


HYDROGEN_PEROXIDE = sv.Molecule.from_arrays(
    [8, 8, 1, 1], [[0, 0.73, -0.05], [0, -0.73, -0.05], [0.8, 0.9, 0.4], [-0.8, -0.9, 0.4]]
)
# a chiral C1 molecule: CHFClBr-like with distances of order one
CHIRAL = sv.Molecule.from_arrays(
    [6, 1, 9, 17, 35], [[0, 0, 0], [0, 0, 1.09], [1.27, 0, -0.45], [-0.83, 1.44, -0.58], [-0.9, -1.56, -0.63]]
)


@pytest.fixture(scope="module")
def water():
    return certificate(zoo_molecule("H2O"))


@pytest.mark.parametrize("force_field", ["general", "valence", "diagonal"])
@pytest.mark.parametrize(
    "molecule",
    [
        zoo_molecule("H2O"),
        zoo_molecule("NH3").with_isotopes({1: 2}),
        zoo_molecule("benzene"),
        zoo_molecule("CO2"),
        HYDROGEN_PEROXIDE,
        CHIRAL,
    ],
    ids=lambda x: getattr(x, "formula", None) or str(x),
)
def test_round_trip(molecule, force_field, tmp_path):
    made = certificate(molecule, force_field)
    made.save(tmp_path / "c.json")
    found = verify_certificate(tmp_path / "c.json", molecule)
    assert (found.rank, found.upper_bound, found.evidence) == (made.rank, made.upper_bound, made.evidence)
    assert found.molecule_checked
    assert found.rank <= found.upper_bound <= found.unknowns
    assert f"rank {made.rank} of {made.unknowns}" in repr(made)


@pytest.mark.parametrize(("group", "force_field"), [("C3", "general"), ("C3", "valence"), ("C4h", "general")])
def test_complex_blocks(group, force_field):
    dataset = sv.shipped_dataset("responses_survey_gfn2")
    row = next(k for k, label in enumerate(dataset.column("point_group")) if label == group)
    made = certificate(dataset.response(row), force_field)
    assert any(block["complex"] for block in made.content["problem"]["blocks"])
    assert verify_certificate(made).rank == made.rank


def test_known_ranks():
    assert (certificate(zoo_molecule("H2O")).rank, certificate(zoo_molecule("benzene")).rank) == (4, 17)
    made = certificate(CHIRAL)
    assert (made.rank, made.unknowns, made.evidence) == (4 * 9 - 3, 45, "certified")
    assert "PROVED" in made.statement
    assert "12 combinations" in made.statement
    assert "NOT PROVED" in made.statement


def sealed(content):
    """A file with a right checksum, whatever it says."""
    return {**content, "sha256": checksum(content)}


def restated(content):
    """The same with the statement that belongs to its other fields, if there is one."""
    try:
        return {**content, "statement": _certificate_format.statement_of(content)}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return content


def places(value, path=()):
    """Paths to all plain values of a nested structure."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for key, item in enumerate(value):
            yield from places(item, (*path, key))
    else:
        yield path


def changed(content, path, change):
    copied = copy.deepcopy(content)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = change(inner[path[-1]])
    return copied


def other(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "!"
    return 3 if value is None else value + 1


def test_any_changed_value_breaks_the_checksum(water):
    values = water.as_dict()
    for path in places(values):
        with pytest.raises(CertificateError):
            Certificate.from_dict(changed(values, path, other))


def refused(content):
    try:
        verify_certificate(Certificate.from_dict(sealed(content)), zoo_molecule("H2O"))
    except CertificateError:
        return True
    return False


# Values that may change, with a new checksum, into another statement that is also true: names, the rational model
# itself, its point, the prime.
FREE = {
    "label",
    "formula",
    "force_field",
    "point_group",
    "prime",
    "point",
    "real",
    "denominator",
    "derivatives",
    "n_constants",
    "pivot_rows",  # another regular minor
    "pivot_columns",
}


def test_every_changed_field_with_a_right_checksum_is_refused_or_another_true_statement(water):
    assert not refused(dict(water.content))
    accepted = set()
    for path in places(dict(water.content)):
        made = changed(water.content, path, other)
        if not refused(made if path[0] == "statement" else restated(made)):
            accepted |= {key for key in path if isinstance(key, str)} & FREE
            assert set(path) & FREE, path
    assert "rank" not in accepted


def test_every_missing_or_extra_field_is_refused(water):
    content = dict(water.content)
    for name in content:
        assert refused({key: value for key, value in content.items() if key != name}), name
    assert refused({**content, "extra": 1})
    for name in content["problem"]["blocks"][0]:
        copied = copy.deepcopy(content)
        del copied["problem"]["blocks"][0][name]
        assert refused(copied), name


@pytest.mark.parametrize("value", [None, -1, 1.5, "1", True, [], {}, 10**60])
def test_wrong_types_are_refused(water, value):
    for path in [("rank",), ("prime",), ("pivot_rows", 0), ("point", 0), ("problem", "n_parameters"),
                 ("problem", "blocks", 0, "size"), ("molecule", "numbers", 0)]:  # fmt: skip
        assert refused(changed(water.content, path, lambda _: value)), path


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        (("prime",), lambda p: p + 4, "not a prime"),
        (("pivot_columns",), lambda c: [c[0], c[0], *c[2:]], "twice"),
        (("point",), lambda x: [0] * len(x), "vanishes"),
        (("statement",), lambda s: s.replace("at least", "exactly"), "statement"),
        (("problem", "blocks", 0, "visible"), lambda _: False, "certificate"),
        (("problem", "blocks", 0, "degeneracy"), lambda _: 2, "vibrations"),
    ],
)
def test_broken_mathematics_is_named(water, path, change, message):
    made = changed(water.content, path, change)
    made = made if path == ("statement",) else restated(made)
    with pytest.raises(CertificateError, match=message):
        verify_certificate(Certificate.from_dict(sealed(made)))


def test_a_rank_beyond_the_counting_rule_is_refused():
    """Ni(CO)4: T2 occurs four times with two intensities of rank one, so 9 of 10 moments are independent."""
    made = certificate(zoo_molecule("Ni(CO)4"))
    content = copy.deepcopy(dict(made.content))
    content["rank"] += 1
    for name in ("pivot_rows", "pivot_columns"):
        content[name] = [*content[name], next(k for k in range(99) if k not in content[name])]
    with pytest.raises(CertificateError, match="counting rule"):
        verify_certificate(Certificate.from_dict(sealed(restated(content))))


def test_another_molecule_isotopologue_geometry_is_refused_but_not_the_mirror_image():
    made = certificate(CHIRAL)
    x = CHIRAL.positions
    moved = x.copy()
    moved[1, 2] += 2e-3
    for given, message in [
        (zoo_molecule("CH4"), "not for"),
        (CHIRAL.with_isotopes({1: 2}), "isotopologue"),
        (sv.Molecule.from_arrays(CHIRAL.numbers, moved), "geometry"),
    ]:
        with pytest.raises(CertificateError, match=message):
            verify_certificate(made, given)
    turned = x @ np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] + 1.0
    mirrored = x * [1, 1, -1]
    for positions in (turned, mirrored, moved - [[0, 0, 0], [0, 0, 1.5e-3], [0, 0, 0], [0, 0, 0], [0, 0, 0]]):
        assert verify_certificate(made, sv.Molecule.from_arrays(CHIRAL.numbers, positions)).molecule_checked


def test_a_fresh_process_verifies_without_the_exact_library(water, tmp_path):
    path = tmp_path / "c.json"
    water.save(path)
    code = (
        "import sys; from symvib.theory.certificate import verify_certificate; "
        f"print(verify_certificate({str(path)!r}).rank); "
        "print([m for m in sys.modules if m in ('flint', 'symvib.forward.moments', 'symvib.theory._modular')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["4", "[]"]


def test_files_that_are_no_certificates(tmp_path, water, monkeypatch):
    path = tmp_path / "x.json"
    for text in ("", "[]", "{}", "[" * 100_000, '{"schema": NaN}', '{"schema": 1' + "0" * 5000 + "}", "\x00"):
        path.write_text(text)
        with pytest.raises(CertificateError):
            Certificate.load(path)
    water.save(path)
    assert json.loads(path.read_text())["sha256"] == water.sha256
    path.write_text(json.dumps({**water.as_dict(), "version": 2}))
    with pytest.raises(CertificateError, match="version 2"):
        Certificate.load(path)
    monkeypatch.setattr("symvib.theory.certificate.SIZE_LIMIT", 100)
    with pytest.raises(CertificateError, match="100 bytes"):
        Certificate.load(path)
    with pytest.raises(CertificateError, match="limit"):
        water.save(path)


def test_bad_requests():
    with pytest.raises(IdentifiabilityError, match="prime"):
        certificate(zoo_molecule("H2O"), prime=101)
    with pytest.raises(IdentifiabilityError, match="unknown"):
        certificate(zoo_molecule("H2O"), observables=("freq", "uv"))


def run(*arguments, text=None):
    return CliRunner().invoke(app, ["certificate", *arguments], input=text)


def test_command_line(tmp_path):
    water, ammonia, path = tmp_path / "w.xyz", tmp_path / "a.xyz", str(tmp_path / "c.json")
    zoo_molecule("H2O").to_xyz(water)
    zoo_molecule("NH3").to_xyz(ammonia)
    made = run("make", str(water), "-o", path, "--force-field", "valence")
    assert made.exit_code == 0, made.output
    assert "PROVED" in made.stdout
    found = run("verify", path, "--molecule", str(water))
    assert (found.exit_code, found.stdout.split(":")[0]) == (0, "valid")
    assert "made for this molecule" in found.stdout
    assert "not compared" in run("verify", path).stdout
    wrong = run("verify", path, "--molecule", str(ammonia))
    assert wrong.exit_code == 1
    assert "not for" in wrong.stderr
    assert run("verify", str(water)).exit_code == 1
    assert run("verify", str(tmp_path / "none.json")).exit_code == 1
    assert run("make", str(water)).exit_code == 2
    assert run("make", str(water), "-o", path, "--force-field", "best").exit_code == 2
    assert run("verify").exit_code == 2
