"""``symvib evaluate``: accuracy by symmetry stratum, of a shipped model or of predictions in a file."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_base import JsonOption, check_outputs, refusing, say, write_result
from .errors import EvaluationError, MissingPackageError

if TYPE_CHECKING:
    from .evaluation.outcomes import Outcomes

__all__ = ["evaluate"]

_SHIPPED_TEST = "shipped-test"
_SEARCHES = {"cosine": "cosine search", "sid": "search by spectral information divergence"}
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
        list[str] | None,
        typer.Option(
            help="A shipped model (small), the folder of one, or a search of the library, tuned on simulated spectra "
            "(cosine; sid: spectral information divergence); may be repeated."
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="What to call the model of a file, in the order of the files [default: the file's name]."),
    ] = None,
    test_set: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Molecules that each file must answer for: ids, one in a line, or a CSV file with a column id; "
            f"{_SHIPPED_TEST} for the shipped test molecules.",
        ),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Let molecules of the --test-set be without an answer.")
    ] = False,
    molecules: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Structures of your own molecules (.xyz, .mol ...), a file for each: its name without the suffix is "
            "the id in the predictions.",
        ),
    ] = None,
    measured: Annotated[bool, typer.Option("--measured", help="Say that the spectra were measured.")] = False,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="The report as one offline HTML page.")] = None,
    json_path: JsonOption = None,
    csv_path: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="One row for each question, model and stratum.")
    ] = None,
    queries: Annotated[
        int | None,
        typer.Option(
            min=20,
            help="Test molecules that a --model is asked to find [default: all]; it is asked about the functional "
            "groups and the other spectrum of all in any case.",
        ),
    ] = None,
) -> None:
    """Accuracy by symmetry: point group, completeness, exclusion, silent modes, identifiability, chemistry.

    A --model answers the shipped test molecules as virtual instruments measure them (simulated): which molecule,
    which functional groups, and what the other spectrum looks like. Files hold answers about the same molecules, by
    their ids, or about the --molecules of a folder. Several models are compared, the first being the reference.
    """
    files, models = predictions or [], model or []
    if not files and not models:
        raise typer.BadParameter("give a predictions file, --model small, or both.")
    if (test_set is not None or name) and not files:
        raise typer.BadParameter("--test-set and --name are about predictions files, and there is none.")
    if allow_missing and test_set is None:
        raise typer.BadParameter("--allow-missing is about a --test-set, and there is none.")
    if models and (molecules is not None or measured):
        raise typer.BadParameter("a --model is asked about the shipped molecules, whose spectra are simulated.")
    if molecules is not None and test_set == _SHIPPED_TEST:
        raise typer.BadParameter(f"--test-set {_SHIPPED_TEST} names shipped molecules, --molecules others.")
    _check_paths(files, test_set, json_path, report, csv_path)
    called = [*map(_called, models), *_names(files, name or [])]
    again = sorted({one for one in called if called.count(one) > 1})
    if again:
        raise typer.BadParameter(f"two models have one name ({', '.join(again)}): tell the files apart by --name.")
    from .evaluation.report import evaluation_report
    from .evaluation.strata import Strata

    own = None if molecules is None else _structures(molecules)
    shipped = None if own is not None else Strata.shipped()
    known = shipped.ids if shipped is not None else tuple(own or ())
    declared = None if test_set is None else _declared(test_set, known)
    # Files first, which are refused in a second; the models take minutes, and come first in the report.
    read = [
        _read(path, one, known, declared, allow_missing) for path, one in zip(files, called[len(models) :], strict=True)
    ]
    asked = _asked(dict(zip(called, models, strict=False)), queries)
    named = {outcomes.name: outcomes for outcomes in [*asked, *read]}
    ids = sorted({i for outcomes in named.values() for i in outcomes.ids.tolist()})
    about = " ".join([_ABOUT] * bool(models) + _about_files(files, read, test_set, declared, allow_missing))
    strata = shipped.chosen(ids) if shipped is not None else Strata.of(own or {}, ids)
    pictures = None if own is None else ()
    simulated = False if measured else (True if own is None else None)
    done = evaluation_report(named, strata, about=about, simulated=simulated, datasets=pictures)
    typer.echo(done.to_json() if json_path == "-" else done.to_text())
    if json_path not in (None, "-"):
        write_result(json_path, done.to_json())
    writers: tuple[tuple[str | None, Callable[[Path], object]], ...] = ((report, done.to_html), (csv_path, done.to_csv))
    for path, write in writers:
        if path is not None:
            write(Path(path))
            say(f"written: {path}")


def _check_paths(files: Sequence[str], test_set: str | None, json_path: str | None, *others: str | None) -> None:
    """Outputs can be written, and none of them is an input or another output."""
    check_outputs(json_path, stdout=True)
    check_outputs(*others)
    taken = {Path(path).resolve() for path in (*files, test_set) if path is not None}
    for path in (json_path, *others):
        if path is None or path == "-":
            continue
        if Path(path).resolve() in taken:
            raise typer.BadParameter(f"{path} is read, or written by another option: give each output its own file.")
        taken.add(Path(path).resolve())


def _structures(folder: str) -> dict[str, Path]:
    """Id to file, of the structures in a folder."""
    place = Path(folder)
    if not place.is_dir():
        raise EvaluationError(f"--molecules {folder}: there is no such folder.")
    files = sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith("."))
    found = {path.stem: path for path in files}
    if not files or len(found) < len(files):
        again = sorted({path.stem for path in files if found[path.stem] != path})
        what = f"two files are called {again[0]}" if again else "it holds no file"
        raise EvaluationError(f"--molecules {folder}: {what}; each molecule needs one structure, named by its id.")
    return found


def _called(model: str) -> str:
    if model in _SEARCHES:
        return _SEARCHES[model]
    return f"Spektron {model}" if model == "small" else Path(model).resolve().name


def _names(files: Sequence[str], names: Sequence[str]) -> list[str]:
    if names and len(names) != len(files):
        raise typer.BadParameter(f"{len(names)} --name for {len(files)} files: give one for each, in their order.")
    if not all(one.strip() for one in names):
        raise typer.BadParameter("--name: a model needs a name.")
    return list(names) or [Path(path).stem for path in files]


def _declared(test_set: str, known: Sequence[str]) -> tuple[str, ...]:
    from .evaluation.molecule_lists import read_test_set, shipped_test_ids

    if test_set == _SHIPPED_TEST:
        return shipped_test_ids()
    ids, there = read_test_set(test_set), set(known)
    unknown = [one for one in ids if one not in there]
    if unknown:
        from .evaluation._prediction_rows import named_rows

        raise EvaluationError(
            f"{Path(test_set).name}: {len(unknown)} of the {len(ids)} test molecules are not among those that are "
            f"known ({named_rows(unknown)})."
        )
    return ids


def _read(
    path: str, name: str, known: Sequence[str], declared: Sequence[str] | None, allow_missing: bool
) -> "Outcomes":
    from .evaluation.outcomes import read_predictions

    return read_predictions(path, name=name, known_ids=known, test_ids=declared, allow_missing=allow_missing)


def _about_files(
    files: Sequence[str],
    read: Sequence["Outcomes"],
    test_set: str | None,
    declared: Sequence[str] | None,
    allow_missing: bool,
) -> list[str]:
    """Sentences on what was read, for the head of the page."""
    if not files:
        return []
    listed = "; ".join(f"{one.name} ({Path(path).name})" for path, one in zip(files, read, strict=True))
    sentences = [f"Answers from a file: {listed}."]
    if test_set is not None and declared is not None:
        whose = "the shipped test set" if test_set == _SHIPPED_TEST else Path(test_set).name
        each = "not all of which are answered for" if allow_missing else "each of which every question answers for"
        sentences.append(f"Declared test set: the {len(declared)} molecules of {whose}, {each}.")
    return sentences


def _asked(models: Mapping[str, str], queries: int | None) -> "list[Outcomes]":
    """What each model, or search of a library, answers about the shipped test molecules."""
    if not models:
        return []
    if find_spec("torch") is None:
        raise MissingPackageError.of_extra("symvib evaluate --model needs PyTorch", "ml")
    from .evaluation.model_outcomes import (
        cross_modal_outcomes,
        group_outcomes,
        identification_outcomes,
        identification_tasks,
    )
    from .evaluation.outcomes import Outcomes
    from .spektron.peers import LibrarySearch, SpektronPeer
    from .spektron.predict import Predictor
    from .spektron.training_data import load_training_data

    # Folders that are no model are refused before minutes are spent.
    predictors = {
        called: Predictor.from_pretrained(model) for called, model in models.items() if model not in _SEARCHES
    }
    data = load_training_data()
    say("measuring the test molecules with virtual instruments ...")
    tasks = identification_tasks(data, n_queries=queries)
    answers = []
    for called, model in models.items():
        say(f"{called}: asking about the test molecules ...")
        if model in _SEARCHES:
            answers.append(identification_outcomes(LibrarySearch.shipped(model), data, tasks=tasks, name=called))
            continue
        predictor = predictors[called]
        parts = [
            identification_outcomes(SpektronPeer(predictor.model), data, tasks=tasks, name=called),
            cross_modal_outcomes(predictor.model, data, name=called),
        ]
        if predictor.group_names:
            parts.append(group_outcomes(predictor, data, name=called))
        answers.append(Outcomes.joined(parts, called))
    return answers
