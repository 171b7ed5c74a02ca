"""The commands ``symvib certificate make`` and ``symvib certificate verify``."""

from typing import Annotated

import typer

from .cli_base import read_source, refusing, say
from .cli_forward import MoleculeArgument
from .cli_theory import Model, Program

__all__ = ["certificate_app"]

certificate_app = typer.Typer(
    help="Certificates of what spectra determine: small files that can be re-checked.", no_args_is_help=True
)


@certificate_app.command(epilog="Example: symvib certificate make examples/benzene.xyz -o benzene.json")
@refusing
def make(
    molecule: MoleculeArgument,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write the certificate here.")],
    force_field: Annotated[Model, typer.Option(help="Which force constants are unknown.")] = Model.GENERAL,
    observables: Annotated[
        str, typer.Option(help="What is measured: any of freq, ir, raman, rho, separated by commas.")
    ] = "freq,ir,raman,rho",
    engine: Annotated[
        Program, typer.Option(help="none: generic derivatives of the right symmetry; or a program.")
    ] = Program.NONE,
    prime: Annotated[int | None, typer.Option(help="1 modulo 4, from 2^20 to 2^31 [default: 2147483629].")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random point.")] = 0,
) -> None:
    """Rank of the map from force constants to spectra, in exact arithmetic, as a file."""
    from .theory.certificate import certificate

    made = certificate(
        read_source(molecule),
        force_field.value,
        tuple(name.strip() for name in observables.split(",")),
        engine=None if engine is Program.NONE else engine.value,
        prime=prime,
        seed=seed,
    )
    made.save(output)
    typer.echo(made.statement)
    say(f"written: {output}")


@certificate_app.command(epilog="Example: symvib certificate verify benzene.json --molecule examples/benzene.xyz")
@refusing
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A certificate.")],
    molecule: Annotated[
        str | None, typer.Option(metavar="MOL", help="Was it made for this one? A file, a SMILES, or - for XYZ text.")
    ] = None,
) -> None:
    """Re-check a certificate by another way of computing; exit code 1 if it does not hold."""
    from .theory.certificate import verify_certificate

    found = verify_certificate(file, None if molecule is None else read_source(molecule))
    checked = "made for this molecule" if found.molecule_checked else "not compared with a molecule (--molecule)"
    typer.echo(f"valid: rank {found.rank} of {found.unknowns} unknowns, {found.evidence}; {checked}.")
    typer.echo(found.statement)
    say(f"checked in {found.seconds:.2f} s")
