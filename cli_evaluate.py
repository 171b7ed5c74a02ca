"""``symvib evaluate``: accuracy by symmetry stratum, of a shipped model or of predictions in a file."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_base import JsonOption, check_outputs, refusing, say, write_result
from .errors import MissingPackageError

if TYPE_CHECKING:
    from .evaluation.outcomes import Outcomes

__all__ = ["evaluate"]

_ABOUT = (
    "Test molecules of formulas that no model was trained on, as virtual instruments measure them that no model was "
    "trained on. Identification: the molecule is looked for among all test molecules, measured by another instrument; "
    "three pairs of instruments."
)


@refusing
def evaluate(
    predictions: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="Predictions of a model (CSV, see docs/predictions_csv.md)."),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A shipped model (small), or the folder of one; may be repeated.")
    ] = None,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="The report as one offline HTML page.")] = None,
    json_path: JsonOption = None,
    csv_path: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="One row for each question, model and stratum.")
    ] = None,
    queries: Annotated[
        int, typer.Option(min=20, help="Test molecules that a model is asked to find [default: all].")
    ] = 1_000_000,
) -> None:
    """Accuracy by symmetry: point group, completeness, exclusion, silent modes, identifiability, chemistry.

    A --model answers the shipped test molecules as virtual instruments measure them (simulated): which molecule, and
    which functional groups. Files hold answers about the same molecules, by their ids. Several models are compared.
    """
    if not predictions and not model:
        raise typer.BadParameter("give a predictions file, --model small, or both.")
    check_outputs(json_path, stdout=True)
    check_outputs(report)
    check_outputs(csv_path)
    from .evaluation.outcomes import read_predictions
    from .evaluation.report import evaluation_report
    from .evaluation.strata import Strata

    shipped = Strata.shipped()
    found = [_asked(name, queries) for name in model or []]
    found += [read_predictions(path, known_ids=shipped.ids) for path in predictions or []]
    named = {outcomes.name: outcomes for outcomes in found}
    if len(named) < len(found):
        raise typer.BadParameter(f"two models have one name ({', '.join(o.name for o in found)}): rename a file.")
    ids = sorted({i for outcomes in found for i in outcomes.ids.tolist()})
    done = evaluation_report(named, shipped.chosen(ids), about=_ABOUT if model else "")
    typer.echo(done.to_json() if json_path == "-" else done.to_text())
    if json_path not in (None, "-"):
        write_result(json_path, done.to_json())
    for path, write in ((report, done.to_html), (csv_path, done.to_csv)):
        if path is not None:
            write(Path(path))
            say(f"written: {path}")


def _asked(name: str, queries: int) -> "Outcomes":
    """What a model answers about the shipped test molecules."""
    if find_spec("torch") is None:
        raise MissingPackageError.of_extra("symvib evaluate --model needs PyTorch", "ml")
    from .evaluation.model_outcomes import group_outcomes, identification_outcomes
    from .evaluation.outcomes import Outcomes
    from .spektron.peers import SpektronPeer
    from .spektron.predict import Predictor
    from .spektron.training_data import load_training_data

    predictor = Predictor.from_pretrained(name)
    data = load_training_data()
    called = f"Spektron {predictor.model.config.name}" if name == "small" else Path(name).name
    say(f"{called}: asking about the test molecules ...")
    parts = [identification_outcomes(SpektronPeer(predictor.model), data, n_queries=queries, name=called)]
    if predictor.group_names:
        parts.append(group_outcomes(predictor, data, name=called))
    return Outcomes.joined(parts, called)
