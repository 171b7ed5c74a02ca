"""The commands of the spectral model: ``symvib train`` and ``symvib arms``."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_base import refusing, say
from .errors import MissingPackageError, ModelError

if TYPE_CHECKING:
    from .spektron.config import SpektronConfig
    from .spektron.training import TrainingResult
    from .spektron.training_data import TrainingData

__all__ = ["arms", "train"]


@refusing
def train(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the model goes; the same run there goes on.")],
    config: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="tiny, small, base, or a .json with the values of a configuration.")
    ] = "small",
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="An ablation arm of the preset, as large as it: see symvib arms.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Of the optimizer [default: that of the preset].")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time; the same command goes on where it stopped.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of weights, batches and draws.")] = 0,
    batch_size: Annotated[
        int | None, typer.Option(min=2, help="Molecules in a batch [default: that of the preset].")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="After the warm-up [default: that of the preset].")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Validations without improvement that end it [default: never].")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the processor [default: all].")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume/--fresh", help="Go on, or remove what is there and begin.")] = True,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also log for TensorBoard.")] = False,
) -> None:
    """Train a Spektron on the shipped simulated spectra; safe to kill, goes on bit for bit.

    In FOLDER: the model (config.json, model.safetensors, metrics.json) with its library and calibration, as
    symvib predict --model FOLDER wants them; log.jsonl, and the checkpoints.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingPackageError.of_extra("training a model needs torch", "ml") from error
    from .cli_view import counting
    from .spektron.ablation import parameter_count
    from .spektron.config import PRESETS
    from .spektron.training import TrainingSettings
    from .spektron.training import train as train_model
    from .spektron.training_data import load_training_data

    chosen = {"steps": steps, "minutes": minutes, "batch_size": batch_size, "learning_rate": learning_rate}
    given = {name: value for name, value in {**chosen, "patience": patience}.items() if value is not None}
    if threads is not None:
        torch.set_num_threads(threads)
    data = load_training_data()
    chosen_config = _config(config, arm, data)
    preset_name = chosen_config.name.split("-")[0]  # an arm's name begins with that of its preset
    if preset_name in PRESETS:
        settings = TrainingSettings.of_preset(preset_name, seed=seed, **given)
    else:
        settings = TrainingSettings(seed=seed, **given)
    if _first_process():
        say(f"{chosen_config.name}: {parameter_count(chosen_config):,} parameters")
    with counting("steps") as on_done:
        result = train_model(
            chosen_config,
            data,
            out,
            settings=settings,
            resume=resume,
            device=device,
            tensorboard=tensorboard,
            command=" ".join(["symvib", *sys.argv[1:]]),
            on_step=lambda done, total, _: on_done(done, total),
        )
    if _first_process():
        if result.finished:
            _complete(result, data)
        typer.echo(_line(result))
    if result.reason.startswith("SIG"):
        raise typer.Exit(128 + signal.Signals[result.reason])


@refusing
def arms(
    config: Annotated[str, typer.Option(metavar="NAME", help="tiny, small or base.")] = "small",
) -> None:
    """The arms of the ablation, each with as many parameters as the preset, within 5 %."""
    try:
        from .spektron.ablation import ARMS, ablation_arm, parameter_count
    except ImportError as error:
        raise MissingPackageError.of_extra("the arms need torch", "ml") from error
    from .groups.report_text import text_table

    rows = []
    for name in ARMS:
        arm = ablation_arm(name, config)
        kernels = f"{min(arm.kernels)}-{max(arm.kernels)}" if arm.tokenizer == "cnn" else f"patches of {arm.stride}"
        rows.append((name, kernels, arm.mixer, str(arm.experts), str(arm.bottleneck), f"{parameter_count(arm):,}"))
    typer.echo(text_table(("arm", "kernels", "mixer", "experts", "bottleneck", "parameters"), rows))


def _complete(result: "TrainingResult", data: "TrainingData") -> None:
    """Erase what z_chem still says of the instrument, fit the embedding to the rest, write library and calibration."""
    from .spektron.companions import write_companions
    from .spektron.erasure import erase_instruments
    from .spektron.model import Spektron
    from .spektron.retrieval_head import fit_retrieval_head

    model = Spektron.from_pretrained(result.folder)
    if "retrieval_fit" not in model.metrics:
        assert isinstance(result.model, Spektron)
        model = result.model  # with the weights of the checkpoint, whatever a run that was killed here left behind
        say("erasing the instrument from z_chem")
        model.metrics["erased"] = erase_instruments(model, data).as_dict()
        say("fitting the retrieval embedding")
        model.metrics["retrieval_fit"] = fit_retrieval_head(model, data).as_dict()
        model.save(result.folder)
    say("writing the library and the calibration")
    write_companions(model, data, result.folder)


def _first_process() -> bool:
    """Whether this is the one of torchrun's processes that speaks."""
    return os.environ.get("RANK", "0") == "0"


def _config(name: str, arm: str | None, data: "TrainingData") -> "SpektronConfig":
    """A preset or an arm of it with heads that fit the data, or the configuration of a file as it is."""
    from .spektron.ablation import ablation_arm
    from .spektron.config import SpektronConfig, preset

    if not name.endswith(".json"):
        heads = {"functional_groups": len(data.group_names), "properties": len(data.property_names)}
        return preset(name).with_(**heads) if arm is None else ablation_arm(arm, name, **heads)
    if arm is not None:
        raise ModelError(f"--arm {arm} is one of a preset; {name} is a configuration of its own.")
    try:
        values: Any = json.loads(Path(name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{name} is no JSON: {error}.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{name} holds no configuration: an object of names and values is needed.")
    return SpektronConfig.from_dict(values)


def _line(result: "TrainingResult") -> str:
    metrics = result.metrics
    steps, all_steps = metrics["steps_done"], metrics["settings"]["steps"]
    done = f"{steps} of {all_steps} steps in {metrics['wall_seconds']:.0f} s"
    if not result.finished:
        done += f", stopped by {result.reason} (the same command goes on)"
    elif result.reason == "patience":
        done += ", no further improvement"
    validation = metrics["validation"].get("loss")
    best = f"; validation loss {validation:.4f} at step {metrics['best_step']}" if validation is not None else ""
    return f"{done}{best}; model in {result.folder}"
