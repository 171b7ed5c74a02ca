"""Erasing the instrument from z_chem: the effect of instruments is found whatever the molecules, and is gone after."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pyarrow", reason="the shipped molecules need pyarrow (symvib[ml])")

from symvib.errors import ModelError  # noqa: E402
from symvib.spektron._two_views import two_views  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.erasure import _leading, _of_instruments, erase_instruments  # noqa: E402
from symvib.spektron.model import Spektron  # noqa: E402
from symvib.spektron.training_data import load_training_data  # noqa: E402


@pytest.fixture(scope="module")
def data():
    return load_training_data(["lines_symmetric_gfn2"])


def model():
    return Spektron(preset("tiny").with_(layers=1, channels=256, chem=12, instruments=4, windows=6, window_features=4))


def test_the_effect_of_instruments_is_found_whatever_the_molecules():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=(6, 3))
    effects -= effects.mean(0)
    numbers = rng.integers(6, size=(2, 20_000))
    noise = rng.normal(size=(20_000, 3))
    found = _of_instruments(effects[numbers[0]] - effects[numbers[1]] + noise, numbers, 6)
    assert np.allclose(found, effects.T @ effects / 6, atol=0.02)
    nothing = _of_instruments(noise[:500], numbers[:, :500], 6)
    assert np.abs(nothing).max() < 0.02  # the noise of the estimate is subtracted


def test_leading_directions_are_those_of_the_largest_share():
    shares, vectors = _leading(np.diag([1.0, 8.0, -1.0]), np.diag([2.0, 10.0, 1.0]), 3)
    assert np.allclose(shares, [0.8, 0.5])
    assert np.allclose(np.abs(vectors.T @ np.diag([2.0, 10.0, 1.0]) @ vectors), np.eye(2))


def between(model, data):
    encoded, *rest = two_views(model, data, 4, seed=5)
    chem, instruments, present = (x.numpy() for x in (encoded.mean, *rest[:2]))
    z, numbers = chem[:, present[:, 0], 0], instruments[:, present[:, 0], 0]
    return np.trace(_of_instruments(z[0] - z[1], numbers, 4)) / np.trace(np.cov(z.reshape(-1, 12), rowvar=False))


def test_after_erasing_z_chem_says_less_of_the_instrument_and_as_much_of_the_molecule(data):
    trained = model()
    spectra = torch.rand(20, 2, 256, generator=torch.Generator().manual_seed(0))
    before, inst = between(trained, data), trained.encode(spectra).inst.mean
    found = erase_instruments(trained, data, directions=3, batches=4)
    assert (np.diff(found.shares) <= 0).all()
    assert found.shares[0] > 0.05
    assert between(trained, data) < 0.5 * before
    encoded = trained.encode(spectra)
    assert torch.equal(encoded.inst.mean, inst)
    z = encoded.chem_parts.mean.flatten(0, 1).detach().numpy()
    assert np.linalg.matrix_rank(z - z.mean(0), tol=1e-4) == 12 - 3
    assert found.as_dict()["n_spectra"] == found.n_spectra > 500


@pytest.mark.parametrize(("directions", "batches", "words"), [(0, 4, "z_chem has 12"), (13, 4, "z_chem has 12")])
def test_what_cannot_be_erased_is_refused(data, directions, batches, words):
    with pytest.raises(ModelError, match=words):
        erase_instruments(model(), data, directions=directions, batches=batches)
