"""The other spectrum from one: what is asked, and what a perfect, an empty and a real answer score."""

import numpy as np
import pytest

pytest.importorskip("torch")

from symvib.errors import EvaluationError
from symvib.evaluation.cross_modal import cross_modal_task, spektron_other_spectrum
from symvib.evaluation.model_outcomes import cross_modal_outcomes
from symvib.evaluation.strata import Strata
from symvib.spektron.model import Spektron
from symvib.spektron.training_data import load_training_data


@pytest.fixture(scope="module")
def data():
    return load_training_data()


@pytest.fixture(scope="module")
def task(data):
    return cross_modal_task(data, "test", "ir", most=60)


def test_what_is_given_and_what_is_wanted_belong_to_the_same_molecules(data, task):
    back = cross_modal_task(data, "test", "raman", most=60)
    assert (task.source, task.target, back.target) == ("ir", "raman", "ir")
    assert task.ids == back.ids
    assert set(task.ids) <= {data.ids[row] for row in data.indices("test")}
    assert task.given.shape == (len(task.ids), 1, task.truth.shape[1])
    # A measurement looks like its own spectrum more than like the other one.
    own = np.mean([np.corrcoef(a[0], b)[0, 1] for a, b in zip(task.given, back.truth, strict=True)])
    other = np.mean([np.corrcoef(a[0], b)[0, 1] for a, b in zip(task.given, task.truth, strict=True)])
    assert own > other + 0.2


def test_perfect_opposite_and_empty_answers(task):
    assert task.cosine(3 * task.truth) == pytest.approx(1.0)
    assert task.cosine(-task.truth) == pytest.approx(-1.0)
    assert task.cosine(np.zeros_like(task.truth)) == pytest.approx(0.0)


def test_answers_of_another_shape_or_without_a_value_are_refused(task):
    for wrong in (task.truth[:-1], np.where(task.truth == 1, np.nan, task.truth)):
        with pytest.raises(EvaluationError, match="cosine got predictions of shape"):
            task.cosine(wrong)


def test_an_unknown_source_is_refused(data):
    with pytest.raises(EvaluationError, match="choose ir or raman"):
        cross_modal_task(data, "test", "xrd")


def test_what_the_shipped_model_says_beats_the_mean_and_comes_as_outcomes(data, task):
    model = Spektron.from_pretrained("small")
    answered = task.outcomes(spektron_other_spectrum(model, task)(task.given), "small")
    assert answered.question == ("similarity", "ir", "Raman spectrum")
    assert answered.ids.tolist() == list(task.ids)
    mean = cross_modal_task(data, "train", "ir", most=500).truth.mean(axis=0)
    assert answered.prediction.mean() > task.cosine(np.broadcast_to(mean, task.truth.shape)).mean()
    assert Strata.shipped(task.ids).ids == task.ids


@pytest.mark.slow
def test_both_directions_of_all_test_molecules(data):
    answered = cross_modal_outcomes(Spektron.from_pretrained("small"), data, name="small")
    assert [q.modalities for q in answered.questions] == ["ir", "raman"]
    assert len(set(answered.ids.tolist())) > 1200
