"""The weights that ship: that they are those of their record, that the record is what they score, and how they load."""

import json
import time
from pathlib import Path

import pytest
import torch

import symvib
from symvib.errors import ModelError
from symvib.evaluation._stored_results import stored_result
from symvib.spektron.model import Spektron
from symvib.spektron.scores import held_out_scores
from symvib.spektron.training_data import load_training_data

FOLDER = Path(symvib.__file__).parent / "spektron" / "data" / "spektron_small"
MARGIN = 0.10  # by which a probe of z_chem may beat chance; set before the shipped model was probed


@pytest.fixture(scope="module")
def model():
    return Spektron.from_pretrained("small")


def test_size_and_speed():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 10e6
    start = time.perf_counter()
    parameters = Spektron.from_pretrained("small").parameter_count()
    assert time.perf_counter() - start < 20  # 2 s is the aim; machines of tests are busy
    assert 1.8e6 < parameters < 2.3e6


def test_the_record_names_command_seed_and_data(model):
    assert "train" in model.metrics["command"].split()
    assert "--config small" in model.metrics["command"]
    assert model.metrics["settings"]["seed"] == 0
    assert model.metrics["data_hash"] == load_training_data().data_hash
    assert model.metrics["config"] == model.config.as_dict()


def test_the_record_is_what_the_weights_score(model):
    """Every number of the held-out scores again from the weights; 3 in 1000 for another machine's rounding."""
    again = held_out_scores(model, load_training_data()).as_dict()

    def compare(told, found, path=""):
        if isinstance(told, dict):
            assert told.keys() == found.keys(), path
            for key in told:
                compare(told[key], found[key], f"{path}/{key}")
        elif isinstance(told, list):
            for k, (a, b) in enumerate(zip(told, found, strict=True)):
                compare(a, b, f"{path}/{k}")
        elif isinstance(told, float):
            assert found == pytest.approx(told, abs=0.004 if "instrument" not in path else 0.02), path
        else:
            assert told == found, path

    compare(model.metrics["held_out"], json.loads(json.dumps(again)))


def test_the_instrument_is_in_z_inst_and_not_in_z_chem(model):
    for kind, probe in model.metrics["held_out"]["instrument"].items():
        chance = 1 / probe["n_instruments"]
        assert probe["accuracy_inst"] > 5 * chance, kind
        assert probe["accuracy_chem"] < chance + MARGIN, kind


def test_a_model_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not in"):
        Spektron.from_pretrained(tmp_path)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_damaged_files_are_refused(tmp_path, damage, model):
    model.save(tmp_path)
    path = tmp_path / damage
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match="holds no such model"):
        Spektron.from_pretrained(tmp_path)


def test_weights_of_another_configuration_are_refused(tmp_path, model):
    model.save(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**values, "width": 64, "tokenizer_widths": [32, 64] + [64] * 5}))
    with pytest.raises(ModelError, match="holds no such model"):
        Spektron.from_pretrained(tmp_path)


def test_the_embedding_does_not_depend_on_the_batch(model):
    spectra = torch.rand(5, 2, 2048, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([model.embed(spectra[k : k + 1]) for k in range(5)])
    assert torch.allclose(model.embed(spectra), alone, atol=1e-4)


def test_the_stored_verdicts_are_about_these_weights(model):
    assert stored_result("spektron_predictions")["weights"] == model.fingerprint()
