"""The command line. Here: ``symvib report``, ``symmetrize``, ``table``, ``completeness``, ``correlate``.

Exit codes: 0 done; 1 refused, with one clear line on stderr; 2 wrong usage.
"""

import functools
import io
import json
import logging
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_base import JsonOption, check_outputs, read_source, refusing, say
from .cli_certificate import certificate_app
from .cli_evaluate import evaluate
from .cli_forward import dataset_app, modes, spectrum
from .cli_model import arms, train
from .cli_predict import predict
from .cli_survey import survey_app
from .cli_theory import claims, identify
from .cli_transfer import transfer
from .errors import SymvibError

if TYPE_CHECKING:
    from .groups.batch import BatchRow
    from .groups.crystal import CrystalReport
    from .groups.report import PointGroupReport

__all__ = ["app", "main"]

app = typer.Typer(
    name="symvib",
    help="What infrared and Raman spectra can and cannot tell about a molecule.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)


class TableForm(StrEnum):
    """How complex-conjugate pairs of irreps are shown."""

    REAL = "real"
    COMPLEX = "complex"


class TableFormat(StrEnum):
    """How a character table is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"
    JSON = "json"


class ListFormat(StrEnum):
    """How a list is written."""

    TEXT = "text"
    JSON = "json"


def main() -> None:
    """Entry point of the ``symvib`` command."""
    for stream in (sys.stdout, sys.stderr):
        # A name beyond the terminal's character set must not end in a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from . import __version__

        typer.echo(f"symvib {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show more log messages on stderr.")] = False,
) -> None:
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING, format="symvib: %(message)s", stream=sys.stderr, force=True
    )


@app.command(
    epilog="Example: symvib report examples/benzene.xyz --html benzene.html; symvib report *.xyz --csv all.csv"
)
@refusing
def report(
    molecules: Annotated[
        list[str],
        typer.Argument(
            metavar="MOL...", help="Files (.xyz .mol .sdf .log ..., crystals: .cif, POSCAR), SMILES, or - for XYZ text."
        ),
    ],
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")] = None,
    json_path: JsonOption = None,
    markdown: Annotated[str | None, typer.Option(metavar="FILE", help="Write Markdown; - as above.")] = None,
    latex: Annotated[str | None, typer.Option(metavar="FILE", help="Write a LaTeX document; - as above.")] = None,
    csv: Annotated[
        str | None, typer.Option("--csv", metavar="FILE", help="Write one row per molecule; - for standard output.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest deviation of a symmetry operation, angstrom [default: read from it].")
    ] = None,
) -> None:
    """Point group, vibrational species, IR and Raman activity and completeness of molecules and crystals.

    Crystals: factor-group analysis at Gamma; the tolerance is that of spglib [default: 0.01 angstrom].

    Files that are there are replaced.
    """
    if len(molecules) > 1 and (html or markdown or latex):
        raise typer.BadParameter("--html, --markdown and --latex take one molecule; for several use --csv or --json.")
    for path in (html, json_path, markdown, latex, csv):
        if path not in (None, "-") and any(Path(path).resolve() == Path(source).resolve() for source in molecules):
            raise typer.BadParameter(f"{path} is read as a molecule and would be overwritten.")
    if molecules.count("-") > 1:
        raise typer.BadParameter("standard input (-) can be read once.")
    if csv == "-" and json_path == "-":
        raise typer.BadParameter("--csv - and --json - cannot share standard output.")
    check_outputs(html, json_path, markdown, latex, csv, stdout=True)
    if len(molecules) == 1 and csv is None:
        _report_one(molecules[0], tolerance, html, json_path, markdown, latex)
    else:
        if html or markdown or latex:
            raise typer.BadParameter("--csv goes with --json only.")
        _report_many(molecules, tolerance, csv, json_path)


def _report_one(
    source: str,
    tolerance: float | None,
    html: str | None,
    json_path: str | None,
    markdown: str | None,
    latex: str | None,
) -> None:
    from .groups.report import PointGroupReport, point_group_report

    paths = {"json": json_path, "markdown": markdown, "latex": latex, "html": html}
    if list(paths.values()).count("-") > 1:
        raise typer.BadParameter("only one kind of output can go to standard output (-).")
    found = point_group_report(read_source(source), tolerance)
    writers = {"json": found.to_json, "markdown": found.to_markdown, "html": found.to_html}
    if isinstance(found, PointGroupReport):
        writers["latex"] = functools.partial(found.to_latex, standalone=True)
    elif latex:
        raise SymvibError(f"--latex: {source} is a crystal, whose report is written as HTML, Markdown or JSON.")
    if "-" not in paths.values():
        _show(found)
    for kind, path in paths.items():
        if path == "-":
            typer.echo(writers[kind]())
        elif path:
            writers[kind](path)
            say(f"written: {path}")


def _show(found: "PointGroupReport | CrystalReport") -> None:
    """Print a report: plain text into a pipe or file, colours and rules on a terminal."""
    from .groups.report import PointGroupReport

    if sys.stdout.isatty() and isinstance(found, PointGroupReport):
        from .cli_view import print_report

        print_report(found)
    else:
        typer.echo(found.to_text())


def _report_many(sources: list[str], tolerance: float | None, csv: str | None, json_path: str | None) -> None:
    from .cli_view import print_batch, with_progress
    from .groups.atomic_write import write_text
    from .groups.batch import batch_csv, batch_rows

    rows: list[BatchRow] = list(with_progress(batch_rows(sources, tolerance, read_source), len(sources)))
    if csv == "-":
        typer.echo(batch_csv(rows), nl=False)
    elif csv is not None:
        write_text(csv, batch_csv(rows))
        say(f"written: {csv}")
    if json_path is not None:
        data = [r.report.as_dict() if r.report else {"file": r.source, "error": r.error} for r in rows]
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
        if json_path == "-":
            typer.echo(text)
        else:
            write_text(json_path, text + "\n")
            say(f"written: {json_path}")
    if "-" not in (csv, json_path):
        print_batch(rows)
    failed = [row for row in rows if row.report is None]
    for row in failed:
        say(f"symvib: {row.source}: {row.error}" if row.source not in row.error else f"symvib: {row.error}")
    if failed:
        say(f"symvib: {len(failed)} of {len(rows)} molecules failed.")
        raise typer.Exit(1)


@app.command(epilog="Example: symvib symmetrize sloppy.xyz --to D6h --output benzene.xyz")
@refusing
def symmetrize(
    molecule: Annotated[str, typer.Argument(metavar="MOL", help="A file, a SMILES, or - for XYZ text.")],
    to: Annotated[str | None, typer.Option(metavar="GROUP", help="Point group [default: the one detected].")] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Write XYZ here.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="For detection, angstrom.")] = None,
) -> None:
    """The nearest structure that has a symmetry exactly, as XYZ. A file that is there is replaced."""
    check_outputs(output)
    from .groups.detection import detect_point_group

    found = detect_point_group(read_source(molecule), tolerance)
    text = found.symmetrize(to).to_xyz(output)
    if output is None:
        typer.echo(text, nl=False)
    else:
        say(f"written: {output}")


@app.command(epilog="Example: symvib table D6h; symvib table C3 --form complex --format latex")
@refusing
def table(
    group: Annotated[str, typer.Argument(help='Point group, any spelling: D6h, "D*h", Td, S8.')],
    form: Annotated[
        TableForm, typer.Option(help="Complex-conjugate pairs as one E, or both members.")
    ] = TableForm.REAL,
    format: Annotated[TableFormat, typer.Option(help="Kind of text.")] = TableFormat.TEXT,
) -> None:
    """Character table of a point group, generated exactly."""
    from .groups.character_table import character_table

    found = character_table(group, form=form.value)
    if format is TableFormat.JSON:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
        return
    writers = {
        TableFormat.TEXT: found.text,
        TableFormat.MARKDOWN: found.markdown,
        TableFormat.LATEX: found.latex,
        TableFormat.HTML: found.html,
    }
    typer.echo(writers[format]())


@app.command(epilog="Example: symvib completeness D6h 12")
@refusing
def completeness(
    group: Annotated[str, typer.Argument(help="Point group.")],
    n_atoms: Annotated[int, typer.Argument(help="Number of atoms.")],
    format: Annotated[ListFormat, typer.Option(help="Kind of text.")] = ListFormat.TEXT,
) -> None:
    """Every completeness R that a molecule of this group and size can have, with the sites its atoms occupy."""
    from .groups.completeness import attainable_completeness
    from .groups.report_text import text_table
    from .groups.schoenflies import PointGroup

    label = PointGroup.parse(group).label
    found = attainable_completeness(label, n_atoms)
    if format is ListFormat.JSON:
        typer.echo(json.dumps([item.as_dict() for item in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo(f"No molecule of {n_atoms} atom{'s' * (n_atoms != 1)} has the point group {label}.")
        return
    rows = [(f"{item.completeness:.3f}", str(item.exact), str(item.partition)) for item in found]
    typer.echo(text_table(("R", "exact", f"sites of {n_atoms} atoms in {label}"), rows))


@app.command(epilog="Example: symvib correlate Oh D4h")
@refusing
def correlate(
    group: Annotated[str, typer.Argument(help="Point group.")],
    subgroup: Annotated[str, typer.Argument(help="A subgroup of it.")],
    format: Annotated[ListFormat, typer.Option(help="Kind of text.")] = ListFormat.TEXT,
) -> None:
    """Correlation table: what the irreps of a group become in a subgroup."""
    from .groups.correlation import correlation_table

    found = correlation_table(group, subgroup)
    typer.echo(found.text() if format is ListFormat.TEXT else json.dumps(found.as_dict(), indent=2, ensure_ascii=False))


app.command(epilog="Example: symvib modes CCO; symvib modes water.xyz --engine xtb --molden water.molden")(modes)
app.command(epilog="Example: symvib spectrum c1ccccc1 --output benzene.png --jcamp benzene.jdx")(spectrum)
app.add_typer(dataset_app, name="dataset")
app.command(epilog="Example: symvib identify examples/benzene.xyz --isotopologue H=2 --html benzene.html")(identify)
app.command(epilog="Example: symvib claims --only mutual-exclusion; symvib claims --out docs/claims.md")(claims)
app.add_typer(survey_app, name="survey")
app.add_typer(certificate_app, name="certificate")
app.command(epilog="Example: symvib evaluate --model small --report report.html")(evaluate)
app.command(epilog="Example: symvib transfer corn --target moisture --direction mp6:mp5 --k 5 --report corn.html")(
    transfer
)
app.command(epilog="Example: symvib predict measured.csv --raman raman.csv --plot answer.png")(predict)
app.command(
    epilog="Example: symvib train --config tiny --steps 200 --out run; the same again after an interruption goes on."
)(train)
app.command(epilog="Example: symvib arms --config tiny")(arms)
