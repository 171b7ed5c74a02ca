"""What models answer about test molecules: an oracle and a guesser by stratum, and a stand-in for a predictor."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
from scipy.stats import binom

pytest.importorskip("torch")

from symvib.evaluation.model_outcomes import group_outcomes, identification_outcomes, identification_tasks
from symvib.evaluation.strata import KINDS, Strata
from symvib.evaluation.stratified import stratified
from symvib.spektron import retrieval_task
from symvib.spektron.retrieval_task import distinct_rows
from symvib.spektron.training_data import load_training_data

N_QUERIES = 120
N_PAIRS = 2
MODALITIES = ("ir", "raman", "ir+raman")
# All intervals of chance below are right together with this probability at least, whatever depends on what.
FAMILY_WISE_ERROR = 1e-3


@pytest.fixture(scope="module")
def data():
    return load_training_data()


@pytest.fixture(scope="module", autouse=True)
def tasks_are_made_once():
    """The same tasks are asked of several peers; to simulate their spectra is most of the work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval_task, "simulated_task", lru_cache(retrieval_task.simulated_task))
        yield


@dataclass
class Knowing:
    """Scores by the molecule that it is told stands in each row: the tasks it will be given, in their order."""

    tasks: list

    def scores(self, queries, library, queries_present=None, library_present=None):
        task = self.tasks.pop(0)
        assert len(queries) == len(task.true_index)
        return (task.true_index[:, None] == np.arange(len(library))).astype(float)


class Guessing:
    """Scores at random."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def scores(self, queries, library, queries_present=None, library_present=None):
        return self.rng.random((len(queries), len(library)))


class Indifferent:
    """Embeds every spectrum as the same vector: all entries tie."""

    def embed(self, spectra, present=None):
        return np.ones((len(spectra), 1))


def answers(peer, data, **options):
    tasks = identification_tasks(data, **{"n_queries": N_QUERIES, "pairs": N_PAIRS} | options)
    return identification_outcomes(peer, data, tasks=tasks, name="peer")


@pytest.fixture(scope="module")
def asked(data):
    """The tasks, by the modalities they are asked with."""
    observed = ((0,), (1,), (0, 1))
    whole = [
        retrieval_task.simulated_task(data, "test", pair, n_queries=N_QUERIES, second_level=False)
        for pair in range(N_PAIRS)
    ]
    return [task.only(shown) for task in whole for shown in observed]


@pytest.fixture(scope="module")
def oracle(data, asked):
    return answers(Knowing(list(asked)), data)


@pytest.fixture(scope="module")
def guesser(data):
    return answers(Guessing(0), data)


@pytest.fixture(scope="module")
def strata(oracle):
    return Strata.shipped(sorted(set(oracle.ids.tolist())))


def test_each_molecule_is_asked_once_by_each_pair_of_instruments(oracle, asked, data):
    assert {q.modalities for q in oracle.questions} == set(MODALITIES)
    both = oracle.chosen(modalities="ir+raman")
    assert set(Counter(both.ids.tolist()).values()) == {N_PAIRS}
    assert set(both.queries.tolist()) == {f"instruments {pair}" for pair in range(N_PAIRS)}
    assert set(both.n_library.tolist()) == {len(distinct_rows(data, "test"))}
    for shown, task in zip(MODALITIES, asked[:3], strict=True):  # a molecule without a spectrum is not asked about
        first = oracle.chosen(modalities=shown)
        first_ids = first.ids[first.queries == "instruments 0"].tolist()
        assert first_ids == [data.ids[row] for row in task.rows]


def test_molecules_asked_are_test_molecules(oracle, data):
    part = dict(zip(data.ids, data.split.tolist(), strict=True))
    assert {part[name] for name in oracle.ids.tolist()} == {"test"}


@pytest.mark.parametrize("shown", MODALITIES)
def test_an_oracle_is_right_in_every_stratum(oracle, strata, shown):
    """Of shipped molecules; asked twice, each counts once."""
    scores = stratified(oracle, strata, modalities=shown, n_draws=99)
    n = len(set(oracle.chosen(modalities=shown).ids.tolist()))
    for kind in KINDS:
        found = [of["peer"] for of in scores.of_kind(kind).values()]
        assert {score.value for score in found} == {1.0}
        assert sum(score.n for score in found) == n
        assert not any(score.flagged() for score in found)


@pytest.mark.parametrize("shown", MODALITIES)
@pytest.mark.parametrize("k", [1, 5, 10])
def test_a_guesser_is_at_chance_in_every_stratum(guesser, strata, shown, k):
    """Hits in a stratum of q queries are binomial (q, k/n_library), pairs being guessed independently."""
    scores = stratified(guesser, strata, metric=f"top{k}", modalities=shown, n_draws=99)
    n_library = int(guesser.n_library[0])
    assert scores.chance == pytest.approx(k / n_library)
    every = [of["peer"] for kind in ("all", *KINDS) for of in scores.of_kind(kind).values()]
    alpha = FAMILY_WISE_ERROR / (9 * len(every))
    for score in every:
        n, hits = N_PAIRS * score.n, round(score.value * N_PAIRS * score.n)
        assert hits == pytest.approx(score.value * n)
        low, high = binom.ppf([alpha / 2, 1 - alpha / 2], n, k / n_library)
        assert low <= hits <= high, (score.kind, score.stratum)


def test_a_model_that_sees_no_difference_is_at_chance_exactly(data):
    found = answers(Indifferent(), data, pairs=1)
    assert set(found.prediction.tolist()) == {1}
    assert (found.n_tied == found.n_library - 1).all()
    strata = Strata.shipped(sorted(set(found.ids.tolist())))
    scores = stratified(found, strata, ["exclusion"], modalities="ir", n_draws=99)
    for of in scores.of_kind("exclusion").values():
        assert of["peer"].value == pytest.approx(1 / found.n_library[0])


def test_the_second_level_of_theory_asks_only_molecules_that_have_it(data):
    found = answers(Guessing(1), data, pairs=1, second_level=True, n_queries=30)
    there = data.second_level_index[data.second_level_indices("test")]
    assert set(found.ids.tolist()) <= {data.ids[row] for row in there}
    assert 20 < len(set(found.ids.tolist())) <= 30  # but for those without a line in range


# ----------------------------------------------------------------------------------------------- functional groups


@dataclass
class Told:
    """A stand-in for a predictor: it gives each molecule the probabilities that it is told, whatever the spectrum."""

    group_names: tuple
    by_count: dict
    name: str = "told"
    seen: tuple = ()

    def group_probabilities(self, spectra, modalities):
        assert spectra.shape[1] == len(modalities)
        assert np.isfinite(spectra).all()
        self.seen = (*self.seen, (tuple(modalities), len(spectra)))
        return self.by_count[tuple(modalities)][: len(spectra)]


def test_groups_are_asked_of_molecules_with_a_structural_formula(data):
    names = (data.group_names[2], data.group_names[0])  # in an order of its own
    rng = np.random.default_rng(0)
    told = {shown: rng.random((2000, 2)) for shown in (("ir",), ("raman",), ("ir", "raman"))}
    model = Told(names, told)
    found = group_outcomes(model, data)
    assert [shown for shown, _ in model.seen] == [("ir",), ("raman",), ("ir", "raman")]
    assert {q.target for q in found.questions} == set(names)
    row_of = {name: k for k, name in enumerate(data.ids)}
    for shown, n in model.seen:
        for k, group in enumerate(names):
            rows = found.chosen(modalities="+".join(shown), target=group)
            assert len(rows) == n == len(set(rows.ids.tolist()))
            assert np.array_equal(rows.prediction, told[shown][:n, k])
            places = [row_of[name] for name in rows.ids.tolist()]
            assert data.group_mask[places].all()
            assert np.array_equal(rows.truth, data.functional_groups[places, data.group_names.index(group)])
    assert found.name == "told"
