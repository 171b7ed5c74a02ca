"""``symvib transfer``: calibrations carried from one instrument to another, every method under one protocol."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_base import JsonOption, check_outputs, refusing, say, write_result
from .errors import EvaluationError

if TYPE_CHECKING:
    from .evaluation.instrument_sets import InstrumentSet

__all__ = ["transfer"]


class Set(StrEnum):
    """What is transferred."""

    CORN = "corn"
    TABLETS = "tablets"
    CHARISMA = "charisma"
    SYNTHETIC = "synthetic"


@refusing
def transfer(
    name: Annotated[
        Set,
        typer.Argument(
            metavar="SET",
            help="corn (NIR, three instruments), tablets (NIR, two), charisma (Raman, ten settings, no reference "
            "values), synthetic (made up by a formula, needs no files).",
        ),
    ],
    target: Annotated[
        list[str] | None, typer.Option(help="Property to predict, such as moisture; may be repeated [default: all].")
    ] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="SOURCE:TARGET", help="Instruments, such as mp6:mp5; may be repeated [default: all]."),
    ] = None,
    splits: Annotated[int, typer.Option(min=1, help="Random splits by sample.")] = 20,
    k: Annotated[
        list[int] | None, typer.Option("--k", min=0, help="Transfer samples; may be repeated [default: 0 3 5 10 25].")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="A method, or the beginning of its name (PDS); may be repeated [default: all]."),
    ] = None,
    spektron: Annotated[
        bool, typer.Option("--spektron", help="The methods on features of the shipped model, too ('.[ml]'; slow).")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where the files of the set are [default: the folder SYMVIB_DATA]."),
    ] = None,
    given: Annotated[
        bool, typer.Option("--given-split", help="tablets: the source's calibrate and test parts, not random splits.")
    ] = False,
    report: Annotated[str | None, typer.Option(metavar="FILE", help="The report as one offline HTML page.")] = None,
    json_path: JsonOption = None,
    csv_path: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="One row for each method and split.")
    ] = None,
) -> None:
    """Calibration transfer between instruments: methods, budgets of transfer samples, ceiling; test samples only score.

    A whole set takes minutes to an hour; --target, --direction, --k and --method choose. Files that are there are
    replaced.
    """
    check_outputs(json_path, stdout=True)
    check_outputs(report, csv_path)
    pairs = None if direction is None else [_pair(one) for one in direction]
    if name is Set.CHARISMA:
        if target or k or given or spektron or report or csv_path:
            raise typer.BadParameter("charisma has no reference values: --direction, --method, --data, --json only.")
        _charisma(data, pairs, method, json_path)
        return
    if given and name is not Set.TABLETS:
        raise typer.BadParameter("--given-split goes with tablets: the other sets have no split of their own.")
    from .evaluation.transfer_benchmark import BUDGETS, CLASSICAL, given_split, random_splits, specs_named
    from .evaluation.transfer_report import transfer_report

    chosen = _set(name, data)
    known = CLASSICAL
    if spektron:
        from .evaluation.spektron_transfer import SpektronEncoder, spektron_specs

        known += spektron_specs(SpektronEncoder.of_set(chosen))
    specs = known if method is None else specs_named(method, known)
    parts = [given_split(chosen)] if given else random_splits(chosen, splits)
    few = min(len(part.train) for part in parts)
    if k is not None and max(k) > few:
        raise typer.BadParameter(f"--k {max(k)}: transfer samples are training samples, of which there are {few}.")
    done = transfer_report(
        chosen,
        parts,
        directions=pairs,
        properties=target,
        budgets=BUDGETS if k is None else sorted({0, *k}),  # 0: without transfer samples, to compare with
        specs=specs,
        on_done=say,
    )
    typer.echo(done.to_json() if json_path == "-" else done.to_text())
    if json_path not in (None, "-"):
        write_result(json_path, done.to_json())
    writers: tuple[tuple[str | None, Callable[[Path], object]], ...] = ((report, done.to_html), (csv_path, done.to_csv))
    for path, write in writers:
        if path is not None:
            write(Path(path))
            say(f"written: {path}")


def _pair(text: str) -> tuple[str, str]:
    source, colon, target = text.partition(":")
    if not colon or not source.strip() or not target.strip():
        raise typer.BadParameter(f"--direction {text}: SOURCE:TARGET is wanted, such as mp6:mp5.")
    return source.strip(), target.strip()


def _set(name: Set, data: str | None) -> "InstrumentSet":
    from .evaluation import instrument_sets

    if name is Set.SYNTHETIC:
        return instrument_sets.synthetic_instrument_set(noise=1e-3)
    return instrument_sets.corn(data) if name is Set.CORN else instrument_sets.tablets(data)


def _charisma(
    data: str | None, pairs: Sequence[tuple[str, str]] | None, method: Sequence[str] | None, json_path: str | None
) -> None:
    import json

    from .evaluation.instrument_sets import charisma
    from .evaluation.raman_transfer import RAMAN_MAPS, raman_match

    maps = dict(RAMAN_MAPS)
    if method is not None:
        maps = {name: make for name, make in maps.items() if any(name.lower().startswith(m.lower()) for m in method)}
        if not maps:
            raise EvaluationError(f"no map is called {', '.join(method)}; known: {', '.join(RAMAN_MAPS)}.")
        maps = {"none": RAMAN_MAPS["none"], **maps}
    found = raman_match(charisma(data), pairs=pairs, maps=maps, on_done=say)
    text = json.dumps(found.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    typer.echo(text if json_path == "-" else found.to_text())
    if json_path not in (None, "-"):
        write_result(json_path, text + "\n")
