"""The training loop: the same bits again, after a kill too; early stop, refusals, non-finite losses, metrics, ranks."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

import symvib  # noqa: E402
from _ranks_training import train_pairs  # noqa: E402
from _toy_training import SETTINGS, ToyModel, ToySampler, objective, toy_parts, toy_train  # noqa: E402
from symvib.cli import app  # noqa: E402
from symvib.errors import ModelError  # noqa: E402
from symvib.spektron._run_folder import locked  # noqa: E402
from symvib.spektron.ablation import ARMS, TOLERANCE, parameter_count  # noqa: E402
from symvib.spektron.checkpoints import latest_checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from symvib.spektron.config import preset  # noqa: E402
from symvib.spektron.train_log import read_log  # noqa: E402
from symvib.spektron.training import TrainingParts, TrainingSettings, train, train_parts  # noqa: E402

TESTS = Path(__file__).resolve().parent


def weights_of(folder):
    return (Path(folder) / "model.safetensors").read_bytes()


def log_of(folder):
    """The lines of the log without the times."""
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_log(Path(folder) / "log.jsonl")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted."""
    return toy_train(tmp_path_factory.mktemp("whole"))


def environment(**extra):
    import_root = Path(symvib.__file__).resolve().parent
    paths = [str(TESTS), *sys.path, str(import_root.parent)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p), **extra}


def start(folder, pause=0.0, launcher=()):
    command = [sys.executable, *launcher, str(TESTS / "_toy_training.py"), str(folder), str(pause)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(whole, tmp_path):
    again = toy_train(tmp_path / "again")
    other = toy_train(tmp_path / "other", changes={"seed": 1})
    assert weights_of(again.folder) == weights_of(whole.folder) != weights_of(other.folder)
    assert log_of(again.folder) == log_of(whole.folder) != log_of(other.folder)


def test_the_global_generator_is_neither_used_nor_changed(whole, tmp_path):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    result = toy_train(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert weights_of(result.folder) == weights_of(whole.folder)


def test_it_learns(whole):
    losses = [line["loss"] for line in read_log(whole.folder / "log.jsonl", "validation")]
    assert losses[-1] < 0.95 * losses[0]
    assert whole.metrics["validation"]["loss"] == min(losses)


@pytest.mark.parametrize("step", [1, 5, 7, 13, 23])
def test_resumed_from_any_step_it_ends_with_the_same_bits(whole, tmp_path, step):
    """Killed after ``step`` steps, wherever the last checkpoint, the log and the validations then stand."""

    class Dying(ToySampler):
        def batch(self, number):
            if number == step:
                raise KeyboardInterrupt
            return super().batch(number)

    with pytest.raises(KeyboardInterrupt):
        toy_train(tmp_path, parts=TrainingParts(ToyModel(0), objective, Dying(0), ToySampler(999)))
    result = toy_train(tmp_path)
    assert weights_of(result.folder) == weights_of(whole.folder)
    assert log_of(result.folder) == log_of(whole.folder)
    assert result.metrics["validation"] == whole.metrics["validation"]
    assert result.metrics["best_step"] == whole.metrics["best_step"]


def test_killed_with_sigkill_and_resumed_it_ends_with_the_same_bits(whole, tmp_path):
    process = start(tmp_path, pause=0.05)
    until(lambda: list((tmp_path / "checkpoints").glob("step-00000001*.safetensors")))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    assert not (tmp_path / "model.safetensors").exists()
    assert 0 < latest_checkpoint(tmp_path / "checkpoints").step < SETTINGS["steps"]
    assert toy_train(tmp_path).reason == "steps"
    assert weights_of(tmp_path) == weights_of(whole.folder)
    assert log_of(tmp_path) == log_of(whole.folder)


def test_sigterm_writes_a_checkpoint_of_the_last_step_and_the_best_weights(whole, tmp_path):
    process = start(tmp_path, pause=0.05)
    until(lambda: (tmp_path / "log.jsonl").exists() and log_of(tmp_path))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    assert (process.returncode, out.strip()) == (0, "SIGTERM"), err
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["finished"], metrics["stopped_by"]) == (False, "SIGTERM")
    assert latest_checkpoint(tmp_path / "checkpoints").step == metrics["steps_done"] < SETTINGS["steps"]
    assert toy_train(tmp_path).finished
    assert weights_of(tmp_path) == weights_of(whole.folder)


def test_minutes_stop_it_and_the_same_call_goes_on(whole, tmp_path):
    first = toy_train(tmp_path, changes={"minutes": 1e-9})
    assert (first.reason, first.finished, first.metrics["steps_done"]) == ("minutes", False, 1)
    second = toy_train(tmp_path)
    assert (second.reason, second.finished) == ("steps", True)
    assert weights_of(tmp_path) == weights_of(whole.folder)


def test_without_validation_the_last_weights_are_saved_whenever_it_stops(tmp_path):
    settings = TrainingSettings(**{**SETTINGS, "validation_batches": 0, "validate_every": 2})

    def stop(done, _, __):
        if done == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    identity = {"config": {"toy": True}, "data_hash": "toy"}
    result = train_parts(toy_parts(), tmp_path, settings=settings, identity=identity, device="cpu", on_step=stop)
    assert result.reason == "SIGTERM"
    last = latest_checkpoint(tmp_path / "checkpoints").group("joint")
    assert result.metrics["best_step"] == result.metrics["steps_done"] > 4
    for name, value in result.model.state_dict().items():
        assert torch.equal(value, last[f"model.{name}"]), name


def test_a_checkpoint_of_another_model_is_refused_in_our_words(tmp_path):
    toy_train(tmp_path, changes={"minutes": 1e-9})
    parts = toy_parts()
    parts.model.layers = torch.nn.Linear(5, 1)
    with pytest.raises(ModelError, match="another version of symvib"):
        toy_train(tmp_path, parts=parts)


def test_a_term_that_comes_in_some_steps_only_is_the_mean_over_these(tmp_path):
    def now_and_then(model, batch, step, generator):
        loss, terms = objective(model, batch, step, generator)
        return loss, {**terms, **({"rare": 6.0} if step % 2 else {})}

    parts = replace(toy_parts(), objective=now_and_then)
    toy_train(tmp_path, changes={"steps": 8, "validation_batches": 0}, parts=parts)
    assert [line["rare"] for line in log_of(tmp_path)] == [6.0, 6.0]


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in whole.folder.rglob("*.*") if path.name != ".lock"}
    again = toy_train(whole.folder, poisoned=0)
    assert again.metrics == whole.metrics
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert torch.equal(again.model.layers[0].weight, whole.model.layers[0].weight)


def test_early_stop_keeps_the_best_weights(tmp_path):
    """The validation objective grows from the third validation on, whatever the weights."""
    seen = []

    def growing(model, batch, step, generator):
        loss, parts = objective(model, batch, step, generator)
        if generator is None:
            seen.append(len(seen))
            return loss * 0 + abs(len(seen) // 2 - 3), parts
        return loss, parts

    parts = TrainingParts(ToyModel(0), growing, ToySampler(0), ToySampler(999))
    changes = {"validate_every": 2, "validation_batches": 1, "patience": 3, "steps": 1000}
    result = toy_train(tmp_path, parts=parts, changes=changes)
    values = [line["loss"] for line in read_log(tmp_path / "log.jsonl", "validation")]
    best = values.index(min(values))
    assert result.reason == "patience"
    assert result.finished
    assert len(values) == best + 4
    assert result.metrics["best_step"] == 2 * (best + 1) < result.metrics["steps_done"] == 2 * len(values)
    checkpoint = latest_checkpoint(tmp_path / "checkpoints")
    last, kept = checkpoint.group("joint")["model.layers.0.weight"], checkpoint.group("best")["layers.0.weight"]
    assert torch.equal(result.model.layers[0].weight, kept)
    assert not torch.equal(last, kept)
    assert toy_train(tmp_path, parts=parts, changes=changes).reason == "patience"


@pytest.mark.parametrize(("step", "last"), [(3, "none"), (12, "step-000000010")])
def test_a_loss_that_is_not_finite_stops_it(tmp_path, step, last):
    with pytest.raises(ModelError, match=rf"step {step + 1}: the loss is nan .*last good checkpoint: .*{last}"):
        toy_train(tmp_path, poisoned=step)
    assert not (tmp_path / "model.safetensors").exists()
    found = latest_checkpoint(tmp_path / "checkpoints")
    assert (found.step if found else 0) <= step
    for tensor in found.tensors.values() if found else ():
        assert torch.isfinite(tensor).all()


def test_a_gradient_that_is_not_finite_stops_it(tmp_path):
    def steep(model, batch, step, generator):
        loss, parts = objective(model, batch, step, generator)
        return (loss + (model.rare * 0).sqrt().sum() if step == 8 else loss), parts

    parts = TrainingParts(ToyModel(0), steep, ToySampler(0), None)
    with pytest.raises(
        ModelError, match=r"step 9: the norm of the gradient is .*last good checkpoint: .*step-000000005"
    ):
        toy_train(tmp_path, parts=parts)


def test_a_validation_that_is_not_finite_stops_it(tmp_path):
    parts = TrainingParts(ToyModel(0), objective, ToySampler(0), ToySampler(999, poisoned=1))
    with pytest.raises(ModelError, match="the validation loss is nan"):
        toy_train(tmp_path, parts=parts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learning_rate": 0.5}, "learning_rate 0.01 there, 0.5 asked"),
        ({"steps": 30, "seed": 3}, "seed 0 there, 3 asked; steps 24 there, 30 asked"),
    ],
)
def test_a_folder_with_another_run_is_refused(whole, changes, words):
    before = weights_of(whole.folder)
    with pytest.raises(ModelError, match=words):
        toy_train(whole.folder, changes=changes)
    assert weights_of(whole.folder) == before


def test_what_does_not_decide_the_weights_may_change(whole, tmp_path):
    toy_train(tmp_path, changes={"minutes": 1e-9})
    result = toy_train(tmp_path, changes={"checkpoint_every": 3, "checkpoint_seconds": 1e-3})
    assert weights_of(result.folder) == weights_of(whole.folder)


def test_fresh_begins_again(whole, tmp_path):
    toy_train(tmp_path, changes={"seed": 4, "steps": 30})
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "library.safetensors").write_bytes(b"of the old weights")
    result = toy_train(tmp_path, resume=False)
    assert not (tmp_path / "library.safetensors").exists()
    assert weights_of(result.folder) == weights_of(whole.folder)
    assert log_of(result.folder) == log_of(whole.folder)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_model_without_a_run_is_not_overwritten(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"precious")
    with pytest.raises(ModelError, match=r"run\.json is missing"):
        toy_train(tmp_path)
    assert weights_of(tmp_path) == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks that a kill lets go")
def test_two_processes_do_not_train_in_one_folder(tmp_path):
    with locked(tmp_path), pytest.raises(ModelError, match="another process trains in"):
        toy_train(tmp_path)
    assert toy_train(tmp_path).finished


def test_metrics_say_what_was_done(whole):
    metrics = json.loads((whole.folder / "metrics.json").read_text())
    assert metrics == whole.metrics
    assert metrics["settings"]["learning_rate"] == 1e-2
    assert (metrics["config"], metrics["data_hash"], metrics["seed"]) == ({"toy": True}, "toy", 0)
    assert metrics["versions"]["torch"] == torch.__version__
    assert metrics["steps_done"] == SETTINGS["steps"]
    assert metrics["parameters"] == sum(p.numel() for p in ToyModel().parameters())
    assert metrics["wall_seconds"] > 0
    last = read_log(whole.folder / "log.jsonl", "train")[-1]
    assert metrics["train"]["loss"] == last["loss"]
    assert last["step"] == SETTINGS["steps"]


def test_metrics_are_reproduced_by_the_saved_weights(whole):
    from safetensors.torch import load_file

    model = ToyModel(3)
    model.load_state_dict(load_file(whole.folder / "model.safetensors"))
    model.eval()
    with torch.no_grad():
        batches = [ToySampler(999).batch(number) for number in range(SETTINGS["validation_batches"])]
        losses = [float(objective(model, batch, SETTINGS["steps"], None)[0]) for batch in batches]
    assert sum(losses) / len(losses) == pytest.approx(whole.metrics["validation"]["loss"], rel=1e-6)


def test_parameters_of_the_objective_are_trained_and_resumed(tmp_path):
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.log_scale = torch.nn.Parameter(torch.zeros(()))

        def forward(self, model, batch, step, generator):
            loss, parts = objective(model, batch, step, generator)
            return loss * torch.exp(-self.log_scale) + self.log_scale, {
                **parts,
                "scale": float(self.log_scale.detach().exp()),
            }

    def run(folder, **changes):
        scaled = Scaled()
        toy_train(folder, parts=TrainingParts(ToyModel(0), scaled, ToySampler(0), None), changes=changes)
        return float(scaled.log_scale.detach())

    run(tmp_path / "a", minutes=1e-9)
    assert run(tmp_path / "a") == run(tmp_path / "b") != 0


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"learning_rate": -1.0},
        {"learning_rate": float("nan")},
        {"precision": "fp8"},
        {"patience": 0},
        {"betas": (0.9, 1.0)},
        {"minutes": 0.0},
        {"seed": -1},
        {"warmup": 2.0},
    ],
)
def test_settings_out_of_range_are_refused(change):
    with pytest.raises(ModelError, match=next(iter(change))):
        TrainingSettings(**change)


def test_settings_survive_json():
    settings = TrainingSettings(steps=7, minutes=2.5)
    assert TrainingSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings
    with pytest.raises(ModelError, match="'step'"):
        TrainingSettings.from_dict({"step": 3})


def test_learning_rate_rises_then_falls():
    settings = TrainingSettings(steps=100, learning_rate=1.0, warmup=0.1, final_learning_rate=0.1)
    rates = [settings.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert all(a > b for a, b in itertools.pairwise(rates[9:]))
    assert rates[-1] == pytest.approx(0.1)


def test_an_unknown_monitor_is_refused_at_the_first_step(tmp_path):
    with pytest.raises(ModelError, match=r"monitor='accuracy'.*squared"):
        toy_train(tmp_path, changes={"monitor": "accuracy"})


def test_bf16_trains_and_keeps_parameters_in_float32(whole, tmp_path):
    result = toy_train(tmp_path, changes={"precision": "bf16"})
    assert result.metrics["precision"] == "bfloat16"
    assert {p.dtype for p in result.model.parameters()} == {torch.float32}
    assert weights_of(tmp_path) != weights_of(whole.folder)
    assert result.metrics["validation"]["loss"] == pytest.approx(whole.metrics["validation"]["loss"], rel=0.2)


def test_an_unknown_device_is_refused(tmp_path):
    from symvib.spektron.training import train_parts

    with pytest.raises(ModelError, match="abacus"):
        train_parts(toy_parts(), tmp_path, settings=TrainingSettings(), identity={}, device="abacus")


# ------------------------------------------------------------------------------------------------------- checkpoints


def test_checkpoint_round_trip_and_what_is_kept(tmp_path):
    shared = torch.arange(6.0).view(2, 3)
    for step in (1, 2, 3):
        write_checkpoint(
            tmp_path, step, {"a": shared, "b/tied": shared, "n": torch.tensor(step)}, {"seconds": 0.1 * step}
        )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-000000002.safetensors", "step-000000003.safetensors"]
    found = latest_checkpoint(tmp_path)
    assert (found.step, found.state) == (3, {"seconds": 0.1 * 3})
    assert torch.equal(found.tensors["a"], shared)
    assert torch.equal(found.group("b")["tied"], shared)


def test_a_damaged_checkpoint_is_passed_over_and_said(tmp_path, caplog):
    write_checkpoint(tmp_path, 1, {"a": torch.ones(100)}, {})
    newest = write_checkpoint(tmp_path, 2, {"a": torch.ones(100)}, {})
    newest.write_bytes(newest.read_bytes()[:150])
    assert latest_checkpoint(tmp_path).step == 1
    assert "damaged" in caplog.text
    (tmp_path / "step-000000001.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="none of the 2 checkpoints"):
        latest_checkpoint(tmp_path)


def test_a_file_of_weights_is_no_checkpoint(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2)}, tmp_path / "step-000000001.safetensors")
    with pytest.raises(ModelError, match="no checkpoint of symvib"):
        read_checkpoint(tmp_path / "step-000000001.safetensors")


def test_values_that_are_not_finite_are_never_written(tmp_path):
    good = write_checkpoint(tmp_path, 1, {"a": torch.ones(2)}, {})
    with pytest.raises(ModelError, match=rf"step 2: a holds .*{good.name}"):
        write_checkpoint(tmp_path, 2, {"a": torch.tensor([1.0, float("inf")])}, {})
    assert [path.name for path in tmp_path.iterdir()] == [good.name]


def test_checkpoints_hold_no_pickle(whole):
    for path in whole.folder.rglob("*"):
        assert path.is_dir() or path.suffix in (".safetensors", ".json", ".jsonl") or path.name == ".lock"


# --------------------------------------------------------------------------------------------------------------- log


def test_a_log_line_cut_off_by_a_kill_is_left_out(whole, tmp_path):
    text = (whole.folder / "log.jsonl").read_text()
    (tmp_path / "log.jsonl").write_text(text[:-20])
    assert len(read_log(tmp_path / "log.jsonl")) == len(read_log(whole.folder / "log.jsonl")) - 1
    with pytest.raises(ModelError, match="there is no such log"):
        read_log(tmp_path / "no.jsonl")


@pytest.mark.parametrize("line", ["5", '{"loss": 1.0}', "no JSON"])
def test_a_line_that_is_none_of_a_log_is_refused(tmp_path, line):
    (tmp_path / "log.jsonl").write_text(line + '\n{"kind": "train", "step": 1}\n')
    with pytest.raises(ModelError, match="line 1, is no line of a training log"):
        read_log(tmp_path / "log.jsonl")


def test_result_plots_its_log(whole):
    import matplotlib as mpl

    mpl.use("Agg")
    ax = whole.plot()
    assert [len(line.get_xdata()) for line in ax.lines] == [6, 4]


def test_tensorboard_is_written(tmp_path):
    pytest.importorskip("tensorboard")
    from symvib.spektron.training import train_parts

    settings = TrainingSettings(**{**SETTINGS, "steps": 4})
    result = train_parts(toy_parts(), tmp_path, settings=settings, identity={}, device="cpu", tensorboard=True)
    (events,) = (result.folder / "tensorboard").iterdir()
    assert events.stat().st_size > 100


# ------------------------------------------------------------------------------------------------- several processes


def test_two_processes_train_the_same_model_as_one(tmp_path):
    """Each has its share of every batch, 5 and 3 rows, and the contrast is with the rows of both."""
    single, double = tmp_path / "one", tmp_path / "two"
    script = TESTS / "_ranks_training.py"
    train_pairs(single)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(double)], env=environment(OMP_NUM_THREADS="1"), capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    from safetensors.torch import load_file

    one, two = load_file(single / "model.safetensors"), load_file(double / "model.safetensors")
    for name in one:
        assert torch.allclose(one[name], two[name], atol=1e-5), name
    metrics = json.loads((double / "metrics.json").read_text())
    assert metrics["processes"] == 2
    assert metrics["validation"]["loss"] == pytest.approx(
        json.loads((single / "metrics.json").read_text())["validation"]["loss"], rel=1e-4
    )


# ---------------------------------------------------------------------------------------------------- the real thing


@pytest.fixture(scope="module")
def molecules():
    """48 invented molecules: six lines each."""
    from symvib.spektron.rendering import LineBatch
    from symvib.spektron.training_data import TrainingData

    generator = torch.Generator().manual_seed(0)
    random = np.random.default_rng(0)
    n = 48
    ids = tuple(f"m{number}" for number in range(n))
    return TrainingData(
        ids=ids,
        lines=LineBatch(
            wavenumbers_cm1=500 + 3000 * torch.rand(n, 6, generator=generator),
            intensities=1 + 99 * torch.rand(n, 2, 6, generator=generator),
        ),
        split=np.array(["train"] * 32 + ["validation"] * 8 + ["test"] * 8),
        formulas=ids,
        smiles=ids,
        point_groups=("C1",) * n,
        sources=("invented",) * n,
        has_inversion=np.zeros(n, dtype=bool),
        functional_groups=(random.random((n, 3)) < 0.5).astype(np.float32),
        group_mask=np.ones(n, dtype=bool),
        group_names=("a", "b", "c"),
        properties=random.normal(size=(n, 2)).astype(np.float32),
        property_mask=np.ones((n, 2), dtype=bool),
        property_names=("p", "q"),
        second_level=LineBatch(torch.zeros(0, 6), torch.zeros(0, 2, 6)),
        second_level_index=np.zeros(0, dtype=np.int64),
    )


def small_config(**changes):
    return preset("tiny").with_(channels=256, functional_groups=3, properties=2, instruments=8, **changes)


def spektron_train(folder, molecules, config=None, **changes):
    values = {"steps": 4, "batch_size": 8, "validate_every": 2, "validation_batches": 1, "checkpoint_every": 1}
    settings = TrainingSettings(**{**values, **changes})
    return train(config or small_config(), molecules, folder, settings=settings, device="cpu")


def test_spektron_resumes_bit_for_bit_and_its_metrics_are_reproduced(molecules, tmp_path):
    from symvib.spektron.model import Spektron
    from symvib.spektron.objective import Objective
    from symvib.spektron.views import ViewSampler

    whole = spektron_train(tmp_path / "whole", molecules)
    for number in range(3):  # stopped after every step
        assert spektron_train(tmp_path / "parts", molecules, minutes=1e-9).metrics["steps_done"] == number + 1
    assert spektron_train(tmp_path / "parts", molecules).finished
    assert weights_of(tmp_path / "parts") == weights_of(tmp_path / "whole")
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")

    loaded = Spektron.from_pretrained(tmp_path / "whole").eval()
    assert loaded.metrics == whole.metrics
    assert whole.metrics["data_hash"] == molecules.data_hash
    sampler = ViewSampler(molecules, loaded.config, 0, split="validation", batch_size=8)
    with torch.no_grad():
        loss, terms = Objective()(loaded, sampler.batch(0), 4, None)
    assert float(loss) == pytest.approx(whole.metrics["validation"]["loss"], rel=1e-5)
    assert terms["identification"] == pytest.approx(whole.metrics["validation"]["identification"], rel=1e-5)


def test_every_parameter_of_spektron_is_trained(molecules, tmp_path):
    from symvib.spektron.model import Spektron

    result = spektron_train(tmp_path, molecules, steps=2, validation_batches=0)
    start = Spektron(small_config()).state_dict()
    still = {name for name, value in result.model.named_parameters() if torch.equal(value, start[name])}
    assert still == set()


def test_heads_that_do_not_fit_the_data_are_refused(molecules, tmp_path):
    with pytest.raises(ModelError, match="has 5 functional_groups, the data 3"):
        spektron_train(tmp_path, molecules, small_config().with_(functional_groups=5))


# ------------------------------------------------------------------------------------------------------ command line


def refusal(*arguments):
    result = CliRunner().invoke(app, ["train", *map(str, arguments)])
    (line,) = result.stderr.splitlines()
    return result.exit_code, line


def test_command_refuses_an_unknown_configuration(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    for config, words in (("huge", "choose one of"), ("broken.json", "no JSON"), ("list.json", "an object")):
        path = tmp_path / config if config.endswith("json") else config
        code, line = refusal("--config", path, "--out", tmp_path / "run", "--steps", 1)
        assert code == 1
        assert words in line
    assert not (tmp_path / "run").exists()


def test_settings_of_an_unknown_preset_are_refused():
    with pytest.raises(ModelError, match="choose one of tiny"):
        TrainingSettings.of_preset("smal")


def test_command_refuses_an_arm_that_cannot_be(tmp_path):
    (tmp_path / "own.json").write_text(json.dumps(preset("tiny").as_dict()))
    for config, arm, words in (("tiny", "cnn_rnn", "choose one of"), (tmp_path / "own.json", "cnn", "of its own")):
        code, line = refusal("--config", config, "--arm", arm, "--out", tmp_path / "run", "--steps", 1)
        assert code == 1
        assert words in line


def test_a_run_is_completed_once_and_then_from_what_its_folder_holds(molecules, tmp_path, monkeypatch):
    from symvib.cli_model import _complete
    from symvib.spektron import companions, erasure, retrieval_head
    from symvib.spektron.model import Spektron

    done = []

    def change(model, data):
        with torch.no_grad():
            model.latent.bias += 1.0
        done.append("changed")
        return SimpleNamespace(as_dict=dict)

    monkeypatch.setattr(erasure, "erase_instruments", change)
    monkeypatch.setattr(retrieval_head, "fit_retrieval_head", change)
    monkeypatch.setattr(companions, "write_companions", lambda model, data, folder: done.append(model.fingerprint()))
    result = spektron_train(tmp_path / "killed", molecules)
    with monkeypatch.context() as killed:
        killed.setattr(Spektron, "save_metrics", lambda *_: sys.exit("killed, the weights are written"))
        with pytest.raises(SystemExit):
            _complete(result, molecules)
    for folder in ("killed", "whole"):
        done.clear()
        for _ in range(2):  # the second time nothing is left to do
            _complete(spektron_train(tmp_path / folder, molecules), molecules)
        kept = Spektron.from_pretrained(tmp_path / folder).fingerprint()
        assert done == ["changed", "changed", kept, kept]
    assert kept == Spektron.from_pretrained(tmp_path / "killed").fingerprint()


def test_arms_are_printed_with_their_sizes():
    result = CliRunner().invoke(app, ["arms", "--config", "tiny"])
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert set(ARMS) < set(rows)
    counts = [int(rows[name][-1].replace(",", "")) for name in ARMS]
    assert counts[-1] == parameter_count(preset("tiny"))
    assert all(abs(count / counts[-1] - 1) <= TOLERANCE for count in counts)


def test_command_needs_a_folder():
    assert CliRunner().invoke(app, ["train"]).exit_code == 2
