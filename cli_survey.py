"""The command ``symvib survey qm9``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .cli_base import refusing, say

if TYPE_CHECKING:
    from .theory.survey import SurveyReport

__all__ = ["survey_app"]

survey_app = typer.Typer(help="Statistics of many molecules.", no_args_is_help=True)


@survey_app.callback()
def _survey() -> None:
    """Statistics of many molecules."""


class Part(StrEnum):
    """What a survey looks at."""

    SYMMETRY = "symmetry"
    JACOBIANS = "jacobians"
    PROTOCOL = "protocol"


@survey_app.command(
    epilog="Example: symvib survey qm9 --out qm9-survey --limit 2000; run it again after an interruption, it goes on."
)
@refusing
def qm9(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where results go; the same folder continues.")] = Path(
        "survey"
    ),
    part: Annotated[
        list[Part] | None,
        typer.Option(
            help="symmetry: point groups and completeness; jacobians: ranks and conditions of force-field models; "
            "protocol: the diagonal model with correct algebra and with the source's. Repeat it [default: all]."
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Molecules of `symmetry`, drawn at random; of `jacobians`, the first [default: all]."),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Molecules of `protocol`, drawn at random [default: 999, or all there are]."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of that draw.")] = 999,
    responses: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Dataset with Hessians, or folder with responses.npz [default: shipped]."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 for one on each core.")] = -1,
    shard_size: Annotated[int, typer.Option(min=1, help="Molecules in a shard of `symmetry`.")] = 500,
) -> None:
    """Symmetry of QM9's molecules, and what their simulated spectra determine; safe to interrupt, resumes."""
    from .cli_view import counting
    from .theory import survey
    from .theory.survey_summary import write_summary

    for one in part or list(Part):
        with counting(one.value) as on_done:
            if one is Part.SYMMETRY:
                report = survey.survey_symmetry(
                    lambda: survey.qm9_molecules(limit),
                    out / one.value,
                    request={"source": "qm9", "limit": limit},
                    shard_size=shard_size,
                    n_jobs=jobs,
                    on_done=on_done,
                )
            elif one is Part.JACOBIANS:
                report = survey.survey_jacobians(out / one.value, responses, limit=limit, n_jobs=jobs, on_done=on_done)
            else:
                report = survey.survey_protocol(
                    out / one.value, responses, count=count, seed=seed, n_jobs=jobs, on_done=on_done
                )
        typer.echo(_line(one, report))
    say(f"written: {write_summary(out)}")


def _line(part: Part, report: "SurveyReport") -> str:
    done = f"{part.value}: {report.n_molecules} molecules"
    if not report.n_computed:
        return f"{done}, all there already."
    failed = f", {report.n_failed} failed" if report.n_failed else ""
    return (
        f"{done}; computed now: {report.n_computed} in {report.seconds:.1f} s, "
        f"{report.molecules_per_second:.1f} a second{failed}."
    )
