"""The commands of forward/: ``symvib modes``, ``symvib spectrum``, ``symvib dataset build``."""

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .cli_base import JsonOption, check_outputs, read_source, refusing, say, write_result
from .errors import DatasetError, SpectrumError, SymvibError

if TYPE_CHECKING:
    from .forward.lines import LineList
    from .forward.normal_modes import NormalModes

__all__ = ["dataset_app", "modes", "spectrum"]

_FAILURES_SHOWN = 10
_HIGHEST_CM1 = 20_000.0  # no fundamental is higher
_MOST_POINTS = 500_000

dataset_app = typer.Typer(help="Datasets of computed (simulated) spectra.", no_args_is_help=True)


class Engine(StrEnum):
    """Where the force constants come from."""

    AUTO = "auto"
    TRANSFERABLE = "transferable"
    XTB = "xtb"
    DFT = "dft"
    PARSED = "parsed"


class Quantity(StrEnum):
    """What a written spectrum shows."""

    IR = "ir"
    RAMAN = "raman"


class Shape(StrEnum):
    """Shape of a line."""

    LORENTZIAN = "lorentzian"
    GAUSSIAN = "gaussian"


class Source(StrEnum):
    """Molecules that ship with a package."""

    QM9 = "qm9"
    SYMMETRIC = "symmetric"
    FILES = "files"


MoleculeArgument = Annotated[str, typer.Argument(metavar="MOL", help="A file, a SMILES, or - for XYZ text.")]
MethodOption = Annotated[
    str | None,
    typer.Option(help="xtb: GFN2-xTB or GFN1-xTB; dft: functional/basis [default: GFN2-xTB, B3LYP/def2-SVP]."),
]
UnpairedOption = Annotated[
    int | None, typer.Option(min=0, help="Number of unpaired electrons [default: of the structure, else 0].")
]
ChargeOption = Annotated[int | None, typer.Option(help="Total charge [default: of the structure, else 0].")]
FollowOption = Annotated[
    bool,
    typer.Option(
        "--follow-imaginary", help="From a saddle point, move along the imaginary modes and optimise again (xtb, dft)."
    ),
]
KeepOption = Annotated[bool, typer.Option("--no-optimize", help="Take the geometry as it is.")]


@refusing
def modes(
    molecule: MoleculeArgument,
    engine: Annotated[
        Engine,
        typer.Option(
            help="transferable: fitted valence constants, no calculation; parsed: read from a finished calculation; or "
            "a program. auto: parsed where MOL is a .fchk or a log with a Hessian or modes, else transferable."
        ),
    ] = Engine.AUTO,
    method: MethodOption = None,
    charge: ChargeOption = None,
    unpaired_electrons: UnpairedOption = None,
    no_optimize: KeepOption = False,
    follow_imaginary: FollowOption = False,
    json_path: JsonOption = None,
    molden: Annotated[str | None, typer.Option(metavar="FILE", help="Write a Molden file.")] = None,
    jmol: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write XYZ frames with vibration vectors, for Jmol and ASE.")
    ] = None,
    animation: Annotated[str | None, typer.Option(metavar="FILE", help="Write one mode as a moving XYZ.")] = None,
    mode: Annotated[
        int, typer.Option(min=1, help="Mode to animate, as in the column `mode`: from 1 by ascending wavenumber.")
    ] = 1,
) -> None:
    """Normal modes: wavenumbers, irreps, what moves (potential energy distribution), intensities.

    Files that are there are replaced.
    """
    from .forward.wilson import wilson_gf

    check_outputs(json_path, stdout=True)
    check_outputs(molden, jmol, animation)
    engine = _chosen(engine, molecule, Engine.TRANSFERABLE)
    if engine is Engine.TRANSFERABLE:
        if method or charge is not None or unpaired_electrons is not None or no_optimize or follow_imaginary:
            raise typer.BadParameter(
                "--method, --charge, --unpaired-electrons, --no-optimize and --follow-imaginary go with --engine xtb "
                "or dft."
            )
        from .forward.transferable import TransferableForceField
        from .groups.readers import as_molecule

        field = TransferableForceField.of(as_molecule(read_source(molecule)))
        result = wilson_gf(field.coordinates.molecule, field)
        text = f"{result}\n\n{field.statement()}"
        if len(result.imaginary):
            text += f" {len(result.imaginary)} imaginary: the molecule is beyond what was fitted, or not at a minimum."
        vibrations: Any = result
    else:
        response = computed_response(
            molecule, engine, method, (charge, unpaired_electrons), not no_optimize, follow_imaginary
        )
        vibrations = _modes(response)
        result = wilson_gf(response)
        text = f"{vibrations}\n\nPotential energy distribution\n{result}"
    count = len(vibrations.wavenumbers_cm1)
    if animation and mode > count:
        raise SpectrumError(f"--mode {mode}: the molecule has {count} modes, counted from 1 by ascending wavenumber.")
    if json_path == "-":
        typer.echo(json.dumps(vibrations.as_dict(), indent=2))
    else:
        typer.echo(text)
        if json_path:
            write_result(json_path, json.dumps(vibrations.as_dict(), indent=2))
    from .forward import mode_files

    if molden:
        mode_files.modes_to_molden(vibrations, molden)
        say(f"written: {molden}")
    if jmol:
        mode_files.modes_to_xyz(vibrations, jmol)
        say(f"written: {jmol}")
    if animation:
        mode_files.modes_to_animation(vibrations, mode - 1, animation)
        say(f"written: {animation}")


@refusing
def spectrum(
    molecule: MoleculeArgument,
    engine: Annotated[
        Engine,
        typer.Option(
            help="Program that computes the intensities; parsed: read from a finished calculation. auto: parsed where "
            "MOL is a .fchk or a log with a Hessian or modes, else xtb."
        ),
    ] = Engine.AUTO,
    method: MethodOption = None,
    charge: ChargeOption = None,
    unpaired_electrons: UnpairedOption = None,
    no_optimize: KeepOption = False,
    follow_imaginary: FollowOption = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Picture: .png, .svg or .pdf.")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the line list as CSV; - for standard output.")
    ] = None,
    curve: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the broadened spectrum as CSV; - for standard output.")
    ] = None,
    jcamp: Annotated[str | None, typer.Option(metavar="FILE", help="Write the spectrum as JCAMP-DX.")] = None,
    quantity: Annotated[Quantity, typer.Option(help="Of the JCAMP-DX file and the curve.")] = Quantity.IR,
    scale: Annotated[float, typer.Option(help="Factor on all wavenumbers, 0.5 to 1.5.")] = 1.0,
    fwhm: Annotated[float, typer.Option(min=0.01, help="Full width at half maximum, cm-1.")] = 10.0,
    shape: Annotated[Shape, typer.Option(help="Of each line.")] = Shape.LORENTZIAN,
    shown: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range",
            metavar="LOW HIGH",
            help="cm-1 that the picture, the curve and the JCAMP-DX file span; the table and --csv keep all lines.",
        ),
    ] = None,
    laser: Annotated[
        float | None,
        typer.Option(
            metavar="NM",
            min=100.0,
            max=1e5,
            help="Vacuum wavelength of a laser: Raman as differential cross-section in m^2/sr, not as activity.",
        ),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(metavar="K", min=0.0, help="Of the cross-section [default: 298.15].")
    ] = None,
) -> None:
    """Simulated IR and Raman spectra: the lines as a table, a picture, files. Files that are there are replaced."""
    from .forward.spectrum_plot import picture_path

    if engine is Engine.TRANSFERABLE:
        raise SymvibError("the transferable force field has no intensities; choose --engine xtb, dft or parsed.")
    engine = _chosen(engine, molecule, Engine.XTB)
    if no_optimize and follow_imaginary:
        raise typer.BadParameter("--follow-imaginary optimises: it does not go with --no-optimize.")
    if temperature is not None and laser is None:
        raise typer.BadParameter("--temperature goes with --laser.")
    if not 0.5 <= scale <= 1.5:  # also refuses nan
        raise typer.BadParameter(
            f"--scale {scale}: a factor from 0.5 to 1.5 is needed (harmonic to measured: 0.9 to 1)."
        )
    if output:
        picture_path(output)
    check_outputs(csv, curve, stdout=True)
    check_outputs(output, jcamp)
    _check_range(shown)
    if csv == curve == "-":
        raise typer.BadParameter("--csv - and --curve - cannot share standard output.")
    light = {"laser_nm": laser, "temperature_k": 298.15 if temperature is None else temperature}
    lines = _lines(
        computed_response(molecule, engine, method, (charge, unpaired_electrons), not no_optimize, follow_imaginary)
    )
    lines = lines.scaled(scale) if scale != 1.0 else lines
    if "-" not in (csv, curve):
        typer.echo(lines.table())
    if output:
        from .forward.spectrum_plot import plot_spectra, save_figure

        axis = None if shown is None else _axis(*shown, fwhm)
        save_figure(plot_spectra(lines, axis, fwhm_cm1=fwhm, shape=shape.value, **light), output)
        say(f"written: {output}")
    if csv:
        _put(csv, lines.to_csv())
    if jcamp or curve:
        from .forward.spectrum import render
        from .forward.spectrum_files import spectrum_to_csv, spectrum_to_jcamp

        top = max(4000.0, float(lines.wavenumbers_cm1.max(initial=0.0)) + 200.0)
        axis = _axis(*(shown or (0.0, top)), fwhm)
        what = "raman_cross_section" if laser and quantity is Quantity.RAMAN else quantity.value
        rendered = render(lines, axis, shape.value, fwhm, what, **light)
        if curve:
            _put(curve, spectrum_to_csv(rendered))
        if jcamp:
            spectrum_to_jcamp(rendered, jcamp)
            say(f"written: {jcamp}")


def _name_failures(folder: str) -> None:
    """Say on stderr which molecules of a dataset failed, and why."""
    from .forward.dataset_files import read_dataset

    rows = read_dataset(folder, columns=["name", "message"])
    failed = [row for row in rows if row["status"] != "ok"]
    for row in failed[:_FAILURES_SHOWN]:
        say(f"symvib: {row['id']} failed: {' '.join(row['message'].split())}")
    if len(failed) > _FAILURES_SHOWN:
        say(f"symvib: and {len(failed) - _FAILURES_SHOWN} more; see the columns `status` and `message`.")


def _chosen(engine: Engine, source: str, otherwise: Engine) -> Engine:
    """What ``auto`` means for this molecule; says so where it is a finished calculation."""
    from .forward.engine_api import holds_calculation

    if engine is not Engine.AUTO:
        return engine
    if source == "-" or not holds_calculation(source):
        return otherwise
    say(f"{source} holds a finished calculation, which is read (--engine parsed); --engine xtb computes anew.")
    return Engine.PARSED


def _lines(response: Any) -> "LineList":
    """The lines of a response; of a log without derivatives of the tensors, with the intensities printed in it."""
    from .forward.printed_lines import printed_lines

    modes = _modes(response)
    if modes.ir_km_per_mol is None and modes.raman_a4_per_amu is None:
        if {"ir_km_per_mol", "raman_a4_per_amu"} & response.provenance.get("listed", {}).keys():
            return printed_lines(response, modes)
        say("The calculation holds no dipole or polarizability derivatives and prints no intensities.")
    return modes.lines()


def computed_response(
    molecule: str,
    engine: Engine,
    method: str | None,
    electrons: tuple[int | None, int | None],
    optimize: bool,
    follow_imaginary: bool,
) -> Any:
    """The response of a molecule; its own charge and unpaired electrons where none are given."""
    from .forward.engine_api import harmonic_response

    charge, unpaired_electrons = electrons
    if engine is Engine.PARSED:
        if method or charge is not None or unpaired_electrons is not None or not optimize or follow_imaginary:
            raise typer.BadParameter(
                "a finished calculation is read (--engine parsed): it takes no --method, --charge, --unpaired-electrons"
                ", --no-optimize or --follow-imaginary. --engine xtb or dft computes anew from its geometry."
            )
        return harmonic_response(molecule, engine="parsed")
    return harmonic_response(
        read_source(molecule),
        engine=engine.value,
        method=method,
        optimize=optimize,
        follow_imaginary=follow_imaginary,
        charge=charge,
        unpaired_electrons=unpaired_electrons,
    )


def _modes(response: Any) -> "NormalModes":
    from .forward.normal_modes import normal_modes

    return normal_modes(response)


def _check_range(shown: tuple[float, float] | None) -> None:
    if shown is not None and not 0 <= shown[0] < shown[1] <= _HIGHEST_CM1:  # also refuses nan
        raise typer.BadParameter(
            f"--range {shown[0]:g} {shown[1]:g}: LOW HIGH in cm-1 are needed, 0 <= LOW < HIGH <= {_HIGHEST_CM1:g}."
        )


def _axis(low: float, high: float, fwhm: float) -> Any:
    """Wavenumbers from ``low`` to ``high`` with ten points to a width, at least one for each cm-1."""
    import numpy as np

    step = max(min(fwhm / 10, 1.0), 0.01, (high - low) / _MOST_POINTS)
    return np.linspace(low, high, max(2, round((high - low) / step) + 1))


def _put(path: str, text: str) -> None:
    """Write text to a file, or to standard output for ``-``."""
    if path == "-":
        typer.echo(text, nl=False)
    else:
        write_result(path, text)


@dataset_app.command(
    epilog="Example: symvib dataset build qm9 --out data/qm9 --limit 1000 --jobs 2; run it again after an interruption."
)
@refusing
def build(
    source: Annotated[Source, typer.Argument(help="qm9 (PyPI qm9pack), symmetric (generated), or files.")],
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="Structures, with `files`.")] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the shards go; the same folder continues.")] = Path(
        "dataset"
    ),
    limit: Annotated[int, typer.Option(min=1, help="Number of molecules, at most.")] = 1000,
    method: Annotated[str, typer.Option(help="GFN2-xTB or GFN1-xTB.")] = "GFN2-xTB",
    charge: Annotated[
        int | None, typer.Option(help="Total charge of each molecule, with `files` [default: of the file, else 0].")
    ] = None,
    unpaired_electrons: Annotated[
        int | None, typer.Option(min=0, help="Of each molecule, with `files` [default: of the file, else 0].")
    ] = None,
    lines_only: Annotated[bool, typer.Option("--lines-only", help="Leave Hessians and derivatives out.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute the molecules flagged as failed again, too.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one on each core.")] = -1,
    shard_size: Annotated[
        int | None,
        typer.Option(min=1, help="Molecules in a shard [default: as begun; new: 20, with `files` 4]."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, as tcp://host:8786, instead of --jobs.")
    ] = None,
) -> None:
    """Compute line lists (and Hessians) of many molecules with xTB; safe to interrupt, resumes."""
    from .cli_view import counting
    from .forward import dataset_sources
    from .forward.dataset import build_dataset
    from .forward.dataset_rows import RowSettings

    if (source is Source.FILES) != bool(files):
        raise typer.BadParameter("give structure files with `files`, and only with it.")
    if (charge is not None or unpaired_electrons is not None) and source is not Source.FILES:
        raise typer.BadParameter("--charge and --unpaired-electrons go with `files`; the others know theirs.")
    # Only what was asked for, so that folders begun before these options existed can be continued.
    asked = {} if charge is None else {"charge": charge}
    options = {} if unpaired_electrons is None else {"unpaired_electrons": unpaired_electrons}
    makers = {
        Source.QM9: lambda: dataset_sources.qm9_tasks(limit),
        Source.SYMMETRIC: lambda: dataset_sources.symmetric_tasks()[:limit],
        Source.FILES: lambda: dataset_sources.file_tasks(files or [], charge, unpaired_electrons)[:limit],
    }
    if shard_size is None and source is Source.FILES and not (out / "build.json").exists():
        shard_size = 4
    try:
        with counting("molecules") as on_done:
            report = build_dataset(
                makers[source],
                out,
                RowSettings(method, full_responses=not lines_only, options=options),
                request={"source": source.value, "limit": limit, "files": files or [], **asked},
                shard_size=shard_size,
                n_jobs=jobs,
                scheduler=scheduler,
                retry_failed=retry_failed,
                on_done=on_done,
            )
    except KeyboardInterrupt:
        say(f"symvib: interrupted; finished shards are in {out}. Run the same command again to continue.")
        raise typer.Exit(130) from None
    _name_failures(report.folder)
    typer.echo(
        f"{report.folder}: {report.n_molecules} molecules in {report.n_shards} shards; computed now: "
        f"{report.n_shards_computed} shards, {report.n_failed} molecules flagged as failed."
    )
    if not report.n_computed_in_all:
        raise DatasetError(
            f"none of the {report.n_molecules} molecules could be computed; the column `message` of "
            f"{report.folder} says why."
        )
