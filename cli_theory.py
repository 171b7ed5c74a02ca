"""The commands of theory/: ``symvib identify``, ``symvib claims``."""

import re
from enum import StrEnum
from typing import Annotated

import typer

from .cli_base import JsonOption, check_outputs, read_source, refusing, say, write_result
from .cli_forward import (
    ChargeOption,
    Engine,
    KeepOption,
    MethodOption,
    MoleculeArgument,
    UnpairedOption,
    computed_response,
)

__all__ = ["claims", "identify"]


class Program(StrEnum):
    """Where force constants and derivatives come from."""

    NONE = "none"
    XTB = "xtb"
    DFT = "dft"
    PARSED = "parsed"


class Model(StrEnum):
    """What is unknown."""

    GENERAL = "general"
    VALENCE = "valence"
    DIAGONAL = "diagonal"
    UREY_BRADLEY = "urey-bradley"


@refusing
def identify(
    molecule: MoleculeArgument,
    observables: Annotated[
        str, typer.Option(help="What is measured: any of freq, ir, raman, rho, separated by commas.")
    ] = "freq,ir,raman,rho",
    force_field: Annotated[Model, typer.Option(help="Which force constants are unknown.")] = Model.GENERAL,
    isotopologue: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="Measured, too: H=2 (all H), 3=2 (atom 3, from 1), joined by commas."),
    ] = None,
    engine: Annotated[
        Program, typer.Option(help="none: generic derivatives of the right symmetry; or a program.")
    ] = Program.NONE,
    method: MethodOption = None,
    charge: ChargeOption = None,
    unpaired_electrons: UnpairedOption = None,
    no_optimize: KeepOption = False,
    noise: Annotated[
        bool, typer.Option("--noise", help="Standard errors of the constants at 5 % of an intensity, 0.02 in rho.")
    ] = False,
    noise_cm1: Annotated[float, typer.Option(min=1e-6, help="... and this of a line position, cm-1.")] = 0.5,
    no_exact: Annotated[bool, typer.Option("--no-exact", help="Singular values only.")] = False,
    json_path: JsonOption = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write the report page with this section.")] = None,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Singular values: .png, .svg or .pdf.")] = None,
) -> None:
    """What spectra determine of the force constants, irrep by irrep, with the evidence."""
    from .theory.identifiability import identify as identified
    from .theory.noise import Noise

    check_outputs(json_path, stdout=True)
    check_outputs(html, plot)
    electrons = (charge, unpaired_electrons)
    if engine is not Program.NONE:
        source = computed_response(molecule, Engine(engine.value), method, electrons, not no_optimize, False)
    elif method or no_optimize or any(electrons):
        raise typer.BadParameter("--method, --charge, --unpaired-electrons and --no-optimize go with --engine.")
    else:
        source = read_source(molecule)
    result = identified(
        source,
        tuple(name.strip() for name in observables.split(",")),
        force_field.value,
        [_isotopologue(text) for text in isotopologue or []],
        Noise(wavenumber_cm1=noise_cm1) if noise else None,
        exact=not no_exact,
    )
    typer.echo(result.to_json() if json_path == "-" else str(result))
    if json_path not in (None, "-"):
        write_result(json_path, result.to_json())
    if html:
        from .groups.report import point_group_report

        report = point_group_report(result.molecule, sections=[result])
        report.to_html(html)
        say(f"written: {html}")
    if plot:
        from .forward.spectrum_plot import save_figure

        save_figure(result.plot().figure, plot)
        say(f"written: {plot}")


def _isotopologue(text: str) -> dict[int | str, int]:
    """{atom from 0 or element: mass number} from "H=2,3=13": atoms counted from 1 as everywhere on the command line."""
    found: dict[int | str, int] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*([A-Za-z]{1,2}|[1-9]\d{0,4})\s*=\s*(\d{1,3})\s*", part)
        if match is None:
            raise typer.BadParameter(f"{text!r}: write H=2 for all hydrogens or 3=13 for atom 3, joined by commas.")
        key, number = match.groups()
        found[int(key) - 1 if key.isdigit() else key] = int(number)
    return found


@refusing
def claims(
    only: Annotated[list[str] | None, typer.Option(metavar="KEY", help="This claim; may be repeated.")] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Write the page, as docs/claims.md.")] = None,
    json_path: JsonOption = None,
) -> None:
    """Published claims about what spectra tell: verdict, evidence, number; computed now or read from stored results."""
    import json

    from .evaluation._transfer_claims import TRANSFER_CLAIMS
    from .evaluation.claims import SPEKTRON_CLAIMS
    from .theory._known_claims import CLAIMS
    from .theory.claims import ledger

    result = ledger((*CLAIMS, *SPEKTRON_CLAIMS, *TRANSFER_CLAIMS), only=only or ())
    text = json.dumps(result.as_dict(), indent=2)
    typer.echo(text if json_path == "-" else str(result))
    if json_path not in (None, "-"):
        write_result(json_path, text)
    if out:
        write_result(out, result.to_markdown())
    if missing := result.counts.get("not checked"):
        say(f"symvib: {missing} claims could not be checked.")
        raise typer.Exit(1)
