"""symvib evaluate at the command line: reports of files and of a model, refusals that name rows and ids."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from symvib.cli import app
from symvib.evaluation.outcomes import read_predictions

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "predictions.csv"
HEADER = "id,task,modalities,target,truth,prediction,unit,n_library,n_tied,query\n"
with EXAMPLE.open(encoding="utf-8", newline="") as stream:
    NAMES = dict.fromkeys(row["id"] for row in csv.DictReader(stream))
*IDS, OTHER = [name for name in NAMES if name.startswith("qm9-")][:13]
EVIL = "<script>alert('1')</script>"


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def ranked(ids, ranks, n_library=50):
    rows = "".join(f"{i},identification,ir,,,{r},,{n_library},0,\n" for i, r in zip(ids, ranks, strict=True))
    return HEADER + rows


@pytest.fixture
def file(tmp_path):
    def write(text, name="peer.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def good(file):
    return file(ranked(IDS, [1, 3] * 6), "good.csv")


def refusal(result):
    """What is said on stderr: one paragraph, and nothing on stdout."""
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("symvib: ")
    assert "Traceback" not in line
    return line


def usage(result):
    """What is said of options that do not fit, without the frame that is drawn around it."""
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return re.sub(r"[│╭╮╰╯─\s]+", " ", result.stderr)


# -------------------------------------------------------------------------------------------------- reports of files


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """The example file with every output, twice; the second time in JSON on standard output."""
    folder = tmp_path_factory.mktemp("example")
    small = folder / "predictions.csv"
    read_predictions(EXAMPLE).chosen(modalities="ir+raman", task="identification").to_csv(small)
    results = []
    for k in (1, 2):
        paths = [folder / f"{k}.{kind}" for kind in ("html", "json", "csv")]
        options = ["--report", paths[0], "--json", paths[1], "--csv", paths[2], "--name", "cosine search"]
        results.append((run(small, *options), paths))
    return results


def test_the_example_is_reported(example):
    result, (page, values, table) = example[0]
    assert result.exit_code == 0, result.output
    assert "IR + Raman, cosine search: top-1 share 30.0 % (23.4 to 37.5 %), n = 160" in result.stdout
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == ["written"] * 3
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    (section,) = json.loads(values.read_text(encoding="utf-8"))["sections"]
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    assert len(rows) == len(section["stratified"][0]["scores"]) > 50
    assert {row["model"] for row in rows} == {"cosine search"}


def test_the_page_says_what_was_read_and_draws_it(example):
    page = example[0][1][0].read_text(encoding="utf-8")
    assert "Answers from a file: cosine search (predictions.csv)." in page
    assert "All spectra are simulated" in page
    assert page.count("<figure><img") == 8  # four best, four worst
    assert "D<sub>∞h</sub>" in page
    assert re.search(r"<figcaption><strong>qm9-\d{6}</strong>, C<sub>", page)
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert anchors
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))


def test_the_same_command_writes_the_same_bytes(example):
    (_, first), (_, second) = example
    for one, two in zip(first, second, strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_json_on_standard_output_is_json_only(good):
    result = run(good, "--json", "-")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert json.loads(result.stdout)["models"] == ["good"]


def test_a_peer_beside_another(good, file):
    peer = file(ranked(IDS, [1] * 12))
    result = run(good, peer, "--json", "-")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["models"] == ["good", "peer"]
    (scores,) = report["sections"][0]["stratified"]
    overall = scores["paired"][0]
    assert (overall["model"], overall["reference"], overall["difference"]) == ("peer", "good", 0.5)
    assert (overall["won"], overall["lost"]) == (6, 0)


def test_targets_that_one_model_lacks_are_left_out_of_comparisons_only(file):
    def classified(targets, p):
        return HEADER + "".join(
            f"{i},classification,ir,{target},{k % 2},{p},,,,\n" for target in targets for k, i in enumerate(IDS)
        )

    both = [file(classified(["a", "b"], 0.5), "one.csv"), file(classified(["b"], 0.25), "two.csv")]
    result = run(*both, "--json", "-")
    assert result.exit_code == 0, result.output
    (section,) = json.loads(result.stdout)["sections"]
    assert section["averaged_targets"] == ["b"]
    assert {(s["model"], s["target"]) for s in section["overall"]} == {("one", "a"), ("one", "b"), ("two", "b")}
    assert "answer no common target" in refusal(run(both[1], file(classified(["a"], 0.5), "three.csv")))


def test_hostile_names_are_escaped_on_the_page(file, tmp_path):
    rows = "".join(f"{i},regression,ir,{EVIL},1.0,{k}.0,<b>eV,,,{EVIL}\n" for k, i in enumerate(IDS))
    page = tmp_path / "page.html"
    result = run(file(HEADER + rows), "--name", f"{EVIL}$x_", "--report", page)
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>eV" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;eV" in text


def test_hostile_ids_are_named_in_one_line(file):
    line = refusal(run(file(HEADER + f'"{EVIL}\x1b[31m\nsecond line",identification,ir,,,1,,50,0,\n')))
    assert "row 2" in line
    assert "\x1b" not in line


# ------------------------------------------------------------------------------------------------------- bad files

ROW = "{},identification,ir,,,1,,50,0,\n"
BAD = {
    "unknown molecules": (
        ranked([*IDS, "benzene", "toluene"], [1] * 14),
        ["2 rows name molecules that are unknown here: row 14 (benzene); row 15 (toluene)", "ids are as"],
    ),
    "many unknown molecules": (
        ranked([f"x{k}" for k in range(9)], [1] * 9),
        ["9 rows", "row 2 (x0)", "row 6 (x4)", "and 4 more"],
    ),
    "duplicates": (
        ranked([*IDS, IDS[2]], [1] * 13),
        ["1 rows answer a query again", f"row 14 ({IDS[2]}) repeats row 4"],
    ),
    "NaN scores": (ranked(IDS, [1] * 11 + ["nan"]), [f"row 13 ({IDS[11]}): 'nan'", "not a finite number"]),
    "infinite scores": (ranked(IDS, ["inf"] + [1] * 11), [f"row 2 ({IDS[0]}): 'inf'"]),
    "no scores": (ranked(IDS, [1, ""] + [1] * 10), [f"have no prediction: row 3 ({IDS[1]})"]),
    "mixed units": (
        HEADER + f"{IDS[0]},regression,ir,gap,1,1,eV,,,\n{IDS[1]},regression,raman,gap,1,1,kJ/mol,,,\n",
        ["another unit", f"row 3 ({IDS[1]}): 'kJ/mol'"],
    ),
    "contradictory truth": (
        HEADER + f"{IDS[0]},classification,ir,a,1,0.5,,,,\n{IDS[0]},classification,raman,a,0,0.5,,,,\n",
        ["contradict the truth", f"row 3 ({IDS[0]}): '0.0'"],
    ),
    "another library size": (
        ranked(IDS, [1] * 12) + ROW.format(IDS[0]).replace(",50,0,", ",60,0,again"),
        ["another n_library", f"row 14 ({IDS[0]}): '60.0'"],
    ),
    "rank beyond the library": (ranked(IDS, [51] + [1] * 11), ["beyond the end", f"row 2 ({IDS[0]})"]),
    "no rows": (HEADER, ["peer.csv: there are no rows"]),
    "another table": ("name,score\na,1\n", ["unknown columns", "the columns are id, task"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_by_row_and_id(file, case):
    text, words = BAD[case]
    line = refusal(run(file(text), "--json", "-"))
    assert "peer.csv" in line
    for part in words:
        assert part in line


def test_the_second_file_may_be_the_bad_one(good, file):
    assert f"peer.csv: 1 rows have no prediction: row 2 ({IDS[0]})" in refusal(run(good, file(ranked(IDS[:1], [""]))))


def test_files_that_disagree_are_refused(file):
    def answered(truth, unit):
        rows = [f"{i},regression,ir,gap,{truth if k == 3 else 1.0},1,{unit},,,\n" for k, i in enumerate(IDS)]
        return HEADER + "".join(rows)

    one = file(answered(1.0, "eV"), "one.csv")
    truth = refusal(run(one, file(answered(2.5, "eV"), "two.csv")))
    assert "truth differs between 'one' and 'two'" in truth
    assert IDS[3] in truth
    assert "the first has 1.0 and 2.5" in truth
    assert "unit differs between 'one' and 'three'" in refusal(run(one, file(answered(1.0, "Hartree"), "three.csv")))
    sizes = [file(ranked(IDS, [1] * 12, n), f"{n}.csv") for n in (50, 60)]
    assert "size of the library differs between '50' and '60'" in refusal(run(*sizes))


# --------------------------------------------------------------------------------------------------- declared tests


def test_rows_that_a_model_lacks_are_named(good, file):
    line = refusal(run(good, file(ranked(IDS[:10], [1] * 10))))
    assert "identification (IR): 'good' and 'peer' did not answer the same queries" in line
    assert f"'peer' lacks 2 of 12 ({IDS[10]}, {IDS[11]})" in line


def test_molecules_of_the_declared_set_without_an_answer_are_named(file):
    names = file("\n".join(IDS) + "\n\n", "names.txt")
    peer = file(ranked(IDS[:5], [1] * 5))
    line = refusal(run(peer, "--test-set", names))
    assert f"no prediction for 7 of the 12 test molecules ({', '.join(IDS[5:10])} and 2 more)" in line
    assert "--allow-missing" in line
    result = run(peer, "--test-set", names, "--allow-missing")
    assert result.exit_code == 0, result.output
    assert "n = 5" in result.stdout


def test_a_predictions_file_declares_a_test_set(good, file):
    peer = file(ranked([*IDS[:11], OTHER], [1] * 12))
    line = refusal(run(peer, "--test-set", good))
    assert f"1 rows name molecules that are not in the declared test set: row 13 ({OTHER})" in line
    result = run(good, "--test-set", good, "--json", "-")
    assert "Declared test set: the 12 molecules of good.csv, each of which" in json.loads(result.stdout)["about"]


def test_the_shipped_test_set_is_known_by_name(good):
    line = refusal(run(good, "--test-set", "shipped-test"))
    assert "not in the declared test set" in line or "of the 1542 test molecules" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{IDS[0]}\nnobody\n", "1 of the 2 test molecules are not among those that are known (nobody)"),
        ("\n\n", "holds no id"),
        ("task,id\nidentification,a\nidentification\n", "row 3 has no column id"),
    ],
    ids=["unknown", "empty", "ragged"],
)
def test_a_bad_test_set_is_refused(good, file, text, words):
    line = refusal(run(good, "--test-set", file(text, "names.txt")))
    assert words in line
    assert "names.txt" in line


# ---------------------------------------------------------------------------------------------------------- options


def test_something_must_be_evaluated():
    assert "give a predictions file, --model small, or both" in usage(run())


def test_a_missing_file_is_named(tmp_path):
    line = refusal(run(tmp_path / "none.csv"))
    assert "none.csv" in line
    assert "no such file" in line
    assert "no such file" in refusal(run(EXAMPLE, "--test-set", tmp_path / "none.txt"))


def test_a_model_that_does_not_exist_is_refused(tmp_path):
    pytest.importorskip("torch")
    assert "nothing" in refusal(run("--model", tmp_path / "nothing"))


@pytest.mark.parametrize("option", ["--report", "--json", "--csv"])
def test_outputs_that_cannot_be_written_are_refused_before_anything_is_read(tmp_path, option):
    for place in (tmp_path, tmp_path / "nowhere" / "x"):
        assert f"cannot write {place}" in refusal(run("absent.csv", option, place))


def test_no_output_replaces_an_input_or_another_output(good, tmp_path):
    before = good.read_bytes()
    assert "give each output its own file" in usage(run(good, "--csv", good))
    both = tmp_path / "both"
    assert "give each output its own file" in usage(run(good, "--csv", both, "--report", both))
    assert good.read_bytes() == before
    assert not both.exists()


def test_models_need_different_names(good, tmp_path):
    (tmp_path / "other").mkdir()
    same = tmp_path / "other" / "good.csv"
    same.write_bytes(good.read_bytes())
    assert "two models have one name (good): tell the files apart by --name" in usage(run(good, same))
    result = run(good, same, "--name", "mine", "--name", "theirs", "--json", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["models"] == ["mine", "theirs"]
    assert "1 --name for 2 files" in usage(run(good, same, "--name", "mine"))
    assert "needs a name" in usage(run(good, "--name", " "))


def test_options_about_files_need_files():
    assert "there is none" in usage(run("--model", "small", "--test-set", "shipped-test"))
    assert "there is none" in usage(run(EXAMPLE, "--allow-missing"))


# ------------------------------------------------------------------------------------------------- the shipped model


@pytest.mark.slow
def test_the_shipped_model_is_reported_twice_alike(tmp_path):
    """The example of the documentation, with few queries; both runs to the same bytes."""
    pytest.importorskip("torch")
    pages = []
    for k in (1, 2):
        page, values = tmp_path / f"{k}.html", tmp_path / f"{k}.json"
        result = run("--model", "small", "--queries", 40, "--report", page, "--json", values)
        assert result.exit_code == 0, result.output
        assert "Spektron small: asking about the test molecules" in result.stderr
        pages.append((page.read_bytes(), values.read_bytes()))
    assert pages[0] == pages[1]
    report = json.loads(pages[0][1])
    assert report["models"] == ["Spektron small"]
    assert {section["task"] for section in report["sections"]} == {"identification", "classification", "regression"}
    identified = {part["question"]["modalities"]: part["scores"][0] for part in report["sections"][0]["stratified"]}
    assert set(identified) == {"ir", "raman", "ir+raman"}
    assert all(score["n"] <= 40 for score in identified.values())
    assert identified["ir+raman"]["value"] > 0.2


# ------------------------------------------------------------------------------------------------------ own molecules


OWN = {
    "eau": "3\n\nO 0 0 0.1173\nH 0 0.7572 -0.4692\nH 0 -0.7572 -0.4692\n",
    "CO2": "3\n\nC 0 0 0\nO 0 0 1.162\nO 0 0 -1.162\n",
}


@pytest.fixture
def own(tmp_path, file):
    folder = tmp_path / "structures"
    folder.mkdir()
    for name, text in OWN.items():
        (folder / f"{name}.xyz").write_text(text)
    return folder, file(ranked(OWN, [1, 3]))


def test_own_molecules_are_sorted_by_their_structures(own, tmp_path):
    folder, answers = own
    page = tmp_path / "page.html"
    result = run(answers, "--molecules", folder, "--measured", "--json", "-", "--report", page)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    strata = {
        (score["kind"], score["stratum"]): score["value"] for score in found["sections"][0]["stratified"][0]["scores"]
    }
    assert (strata["point group", "C2v"], strata["point group", "Dinfh"]) == (1.0, 0.0)
    assert found["simulated"] is False
    assert "simulated" not in page.read_text().lower()


def test_own_molecules_need_a_structure_each(own, tmp_path, file):
    folder, _ = own
    assert "row 3 (CO)" in refusal(run(file(ranked(["eau", "CO"], [1, 1])), "--molecules", folder))
    (folder / "eau.mol").write_text("")
    assert "two files are called eau" in refusal(run(own[1], "--molecules", folder))
    assert "no such folder" in refusal(run(own[1], "--molecules", tmp_path / "nowhere"))


def test_what_does_not_go_with_own_molecules(own):
    folder, answers = own
    assert "whose spectra are simulated" in usage(run("--model", "small", "--molecules", folder))
    assert "names shipped molecules" in usage(run(answers, "--molecules", folder, "--test-set", "shipped-test"))
