"""Predictions files: what is read, what comes back, and what is refused with which words."""

import numpy as np
import pytest

from symvib.errors import EvaluationError
from symvib.evaluation import outcomes as module
from symvib.evaluation._comparable import comparable
from symvib.evaluation.outcomes import Outcomes, Question, read_predictions
from symvib.spektron.retrieval import retrieval

GOOD = """id,task,modalities,target,truth,prediction,unit,n_library,n_tied,query
a,identification,ir,,,1,,10,,
b,identification,ir,,,3,,10,2,
a,classification,ir,carbonyl,1,0.9,,,,
b,classification,ir,carbonyl,0,0.25,,,,
a,regression,Raman+IR,gap,5.5,5.25,eV,,,
b,regression,raman + ir,gap,7,7.5,eV,,,
"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="model.csv", **how):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(**how))
        return path

    return write


def replaced(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def test_a_file_is_read_as_it_says(file):
    found = read_predictions(file(GOOD))
    assert found.name == "model"
    assert found.questions == (
        Question("identification", "ir"),
        Question("classification", "ir", "carbonyl"),
        Question("regression", "ir+raman", "gap"),
    )
    assert found.prediction.tolist() == [1, 3, 0.9, 0.25, 5.25, 7.5]
    assert found.truth.tolist() == [0, 0, 1, 0, 5.5, 7]
    assert found.n_tied.tolist() == [0, 2, 0, 0, 0, 0]
    assert set(found.units.tolist()) == {"", "eV"}


def test_what_is_written_is_read_back(file, tmp_path):
    found = read_predictions(file(GOOD))
    found.to_csv(tmp_path / "again.csv")
    again = read_predictions(tmp_path / "again.csv")
    for name, value in vars(found).items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, getattr(again, name)), name


def test_byte_order_mark_windows_line_ends_and_column_order_do_not_matter(file):
    lines = [",".join(reversed(line.split(","))) for line in GOOD.splitlines()]
    found = read_predictions(file("﻿" + "\r\n".join(lines) + "\r\n\r\n"))
    assert found.prediction.tolist() == read_predictions(file(GOOD, "other.csv")).prediction.tolist()


def test_optional_columns_may_be_absent(file):
    found = read_predictions(file("id,task,prediction,n_library\na,identification,2,5\n"))
    assert found.question == Question("identification")
    assert found.n_library.tolist() == [5]


REFUSED = {
    "unknown column": (replaced("n_tied", "ties"), r"unknown columns \['ties'\]"),
    "repeated column": (replaced("query", "id"), "a column that occurs twice"),
    "missing column": (replaced("id,task", "task").replace("\na,", "\n").replace("\nb,", "\n"), "no column id"),
    "empty": ("", "is empty: the first row names the columns"),
    "semicolons": ("id;task;prediction\nwater;identification;1\n", "parted by semicolons or tabs; write commas"),
    "only a header": (GOOD.splitlines()[0] + "\n", "no rows"),
    "ragged": (replaced("a,identification,ir,,,1,,10,,", "a,identification,ir,,,1,,10"), "row 2 has 8"),
    "no id": (replaced("a,identification", ",identification"), r"1 rows have no id: row 2 \(\)"),
    "unknown task": (replaced("a,identification", "a,retrieval"), r"row 2 \(a\): 'retrieval'"),
    "unknown modalities": (replaced("identification,ir,", "identification,nmr,"), r"row 2 \(a\): 'nmr'"),
    "both and more": (replaced("raman + ir", "raman + ir + nmr"), "row 7"),
    "identification with a target": (replaced("ir,,,1", "ir,what,,1"), "with a target"),
    "identification with a truth": (replaced("ir,,,1", "ir,,1,1"), "have a truth that their task does not know"),
    "no target": (replaced("ir,carbonyl,1", "ir,,1"), "have no target"),
    "no truth": (replaced("carbonyl,1,", "carbonyl,,"), r"have no truth: row 4 \(a\)"),
    "no prediction": (replaced("carbonyl,1,0.9", "carbonyl,1,"), r"have no prediction: row 4 \(a\)"),
    "unit of a probability": (replaced("0.9,,", "0.9,eV,"), "a unit without being a regression"),
    "NaN": (replaced("0.9", "nan"), r"row 4 \(a\): 'nan'"),
    "infinity": (replaced("7.5", "inf"), r"row 7 \(b\): 'inf'"),
    "no number": (replaced("7.5", "7,5").replace("7,5,eV", '"7,5",eV'), r"row 7 \(b\): '7,5'"),
    "number with underscores": (replaced("7.5", "7_5"), "not a finite number"),
    "probability above one": (replaced("0.9", "1.2"), r"outside 0 to 1: row 4 \(a\): '1.2'"),
    "truth of a half": (replaced("carbonyl,1,", "carbonyl,0.5,"), "truth other than 0 or 1"),
    "rank zero": (replaced("ir,,,1,", "ir,,,0,"), "rank that is no count"),
    "half a rank": (replaced("ir,,,1,", "ir,,,1.5,"), "rank that is no count"),
    "rank beyond the library": (replaced("3,,10,2", "9,,10,2"), "beyond the end of the library"),
    "no library": (replaced("1,,10", "1,,"), "have no n_library"),
    "library of a probability": (replaced("0.9,,,", "0.9,,10,"), "have a n_library that their task does not know"),
    "two libraries": (replaced("3,,10", "3,,20"), "another n_library"),
    "duplicate": (GOOD + "b,identification,ir,,,3,,10,2,\n", r"row 8 \(b\) repeats row 3"),
    "two units": (replaced("7.5,eV", "7.5,Hartree"), r"another unit .* row 7 \(b\): 'Hartree'"),
    "two truths": (GOOD + "a,regression,ir,gap,5.6,5.5,eV,,,\n", r"contradict the truth .* row 8 \(a\)"),
    "not UTF-8": (GOOD.encode("utf-16"), "UTF-8"),
    "unclosed quote": (replaced("carbonyl", '"carbonyl'), "not a CSV file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_files_are_refused_with_the_row(file, case):
    text, words = REFUSED[case]
    with pytest.raises(EvaluationError, match=words):
        read_predictions(file(text))


def test_the_first_five_rows_are_named_and_the_others_counted(file):
    rows = "".join(f"m{i},classification,ir,x,1,nan,,,,\n" for i in range(8))
    with pytest.raises(EvaluationError, match=r"8 rows .*row 2 \(m0\).*row 6 \(m4\).* and 3 more"):
        read_predictions(file(GOOD.splitlines()[0] + "\n" + rows))


def test_no_file_and_too_large_a_file(file, tmp_path, monkeypatch):
    with pytest.raises(EvaluationError, match="no such file"):
        read_predictions(tmp_path / "none.csv")
    monkeypatch.setattr(module, "_LARGEST_FILE_BYTES", 10)
    with pytest.raises(EvaluationError, match="MB are read"):
        read_predictions(file(GOOD))


def test_unknown_molecules_are_named(file):
    with pytest.raises(EvaluationError, match=r"3 rows name molecules that are unknown here: row 3 \(b\)"):
        read_predictions(file(GOOD), known_ids=["a", "c"])


def test_missing_molecules_are_named_unless_they_are_allowed(file):
    path = file(GOOD)
    with pytest.raises(EvaluationError, match=r"identification \(IR\) has no prediction for 1 of the 3 .*\(c\)"):
        read_predictions(path, test_ids=["a", "b", "c"])
    assert len(read_predictions(path, test_ids=["a", "b", "c"], allow_missing=True)) == 6
    with pytest.raises(EvaluationError, match="not in the declared test set"):
        read_predictions(path, test_ids=["a"], allow_missing=True)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Outcomes.of_ranks(["a", "b"], [1], 10), "2 ids, but 1 values of prediction"),
        (lambda: Outcomes.of_ranks(["a", "a"], [1, 2], 10), "answer a query again"),
        (lambda: Outcomes.of_ranks(["a"], [float("nan")], 10), "not a finite number"),
        (lambda: Outcomes.of_ranks([], [], 10), "no rows"),
        (lambda: Outcomes.of_probabilities(["a"], "x", [True], [1.5]), "outside 0 to 1"),
        (lambda: Outcomes.of_values(["a"], "", [1.0], [1.0], unit="eV"), "have no target"),
        (lambda: Outcomes.joined([]), "0 parts"),
    ],
)
def test_bad_arrays_are_refused(make, words):
    with pytest.raises(EvaluationError, match=words):
        make()


def test_a_retrieval_result_keeps_its_ties_and_repeated_queries():
    result = retrieval([[1.0, 1.0, 0.0], [0.5, 0.9, 0.1], [0.2, 0.3, 0.1]], [0, 1, 1])
    found = Outcomes.of_retrieval(["a", "b", "b"], result, modalities="raman")
    assert found.n_tied.tolist() == [1, 0, 0]
    assert found.queries.tolist() == ["0", "0", "1"]
    assert found.prediction.tolist() == [1, 1, 1]


def test_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        Outcomes.of_ranks(["a"], [1], 10).prediction[0] = 2


def test_several_questions_are_no_question(file):
    found = read_predictions(file(GOOD))
    with pytest.raises(EvaluationError, match="answers 3 questions"):
        _ = found.question
    with pytest.raises(EvaluationError, match="has no row with"):
        found.chosen(target="absent")
    assert found.chosen(task="regression").question.target == "gap"


def test_models_are_compared_on_the_same_queries_truth_and_library():
    one = Outcomes.of_values(["a", "b"], "gap", [1.0, 2.0], [1.0, 2.0], unit="eV", name="one")
    fewer = Outcomes.of_values(["a"], "gap", [1.0], [1.0], unit="eV", name="two")
    other = Outcomes.of_values(["b", "a"], "gap", [2.5, 1.0], [1.0, 2.0], unit="eV", name="three")
    units = Outcomes.of_values(["a", "b"], "gap", [1.0, 2.0], [1.0, 2.0], unit="Hartree", name="four")
    comparable({"one": one, "again": one})
    with pytest.raises(EvaluationError, match=r"same queries: 'two' lacks 1 of 2 \(b\)\."):
        comparable({"one": one, "two": fewer})
    with pytest.raises(EvaluationError, match=r"truth differs .* for 1 molecules \(b\); the first has 2.0 and 2.5"):
        comparable({"one": one, "three": other})
    with pytest.raises(EvaluationError, match="unit differs"):
        comparable({"one": one, "four": units})
    small, large = (Outcomes.of_ranks(["a"], [1], n) for n in (10, 20))
    with pytest.raises(EvaluationError, match="size of the library differs"):
        comparable({"small": small, "large": large})


def test_a_name_is_shown_escaped():
    html = Outcomes.of_ranks(["a"], [1], 10, name="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in html


def test_similarities_go_through_a_file_and_are_refused_beyond_one(tmp_path):
    outcomes = Outcomes.of_similarities(["a", "b"], "Raman spectrum", [0.25, -1.0], modalities="ir")
    outcomes.to_csv(tmp_path / "p.csv")
    again = read_predictions(tmp_path / "p.csv")
    assert again.prediction.tolist() == [0.25, -1.0]
    assert again.questions == outcomes.questions
    with pytest.raises(EvaluationError, match=r"similarity outside -1 to 1: row 1 \(b\)"):
        Outcomes.of_similarities(["a", "b"], "Raman spectrum", [0.25, 1.5])
