"""Fitting the retrieval embedding to a finished z_chem: the embedding learns, and nothing else changes."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pyarrow", reason="the shipped molecules need pyarrow (symvib[ml])")

from symvib.errors import ModelError  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402
from symvib.spektron.retrieval_head import _identification, fit_retrieval_head  # noqa: E402
from symvib.spektron.training_data import load_training_data  # noqa: E402


@pytest.fixture(scope="module")
def data():
    return load_training_data(["lines_symmetric_gfn2"])


def model():
    return Spektron(preset("tiny").with_(layers=1, channels=256, instruments=4, windows=6, window_features=4)).eval()


def test_the_embedding_learns_and_nothing_else_changes(data):
    trained, again = model(), model().train()
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    found = fit_retrieval_head(trained, data, batches=3, steps=30, batches_at_once=2)
    assert found.last_loss < 0.8 * found.first_loss
    assert found.n_spectra > 3 * 2 * 128
    changed = {name for name, value in trained.state_dict().items() if not torch.equal(value, before[name])}
    assert {name.split(".")[0].split("_")[0] for name in changed} == {"retrieval", "embedding"}
    assert not trained.training
    assert all(parameter.grad is None for parameter in trained.parameters())
    assert fit_retrieval_head(again, data, batches=3, steps=30, batches_at_once=2) == found
    assert again.training


def test_a_molecule_that_comes_twice_is_no_wrong_answer_to_itself():
    from symvib.spektron.bottleneck import Gaussian

    torch.manual_seed(0)
    trained = model().train()
    z = torch.randn(1, 6, 2, trained.config.chem).expand(2, -1, -1, -1)
    z = z[:, [0, 1, 2, 3, 4, 4]]
    present = torch.ones(6, 2, dtype=torch.bool)
    same, apart = (
        float(_identification(trained, Gaussian(z), present, torch.tensor(rows), None).detach())
        for rows in ([0, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 5])
    )
    assert same < 0.5 * apart


def test_a_fit_that_fails_leaves_the_model_in_its_mode(data):
    trained = model()
    with torch.no_grad():
        trained.retrieval_head.weight.fill_(torch.inf)
    with pytest.raises(ModelError, match="step 0"):
        fit_retrieval_head(trained, data, batches=1, steps=1, batches_at_once=1)
    assert not trained.training


@pytest.mark.parametrize("numbers", [{"steps": 0}, {"learning_rate": 0.0}, {"batches": 2, "batches_at_once": 3}])
def test_what_cannot_be_fitted_is_refused(data, numbers):
    with pytest.raises(ModelError, match="fit_retrieval_head"):
        fit_retrieval_head(model(), data, **numbers)
