"""Surveys of many molecules: symmetry and completeness, Jacobians of force-field models, the diagonal protocol.

Each is computed in shards (`_shards`), so that it can be killed and goes on, and is read back as rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DatasetError, SymvibError
from ..forward.dataset_sources import qm9_records
from ._response_sources import ResponseTask, response_tasks
from ._shards import ShardJob, SurveyReport, read_shards, run_shards
from ._survey_rows import COLUMNS, TOLERANCES_ANGSTROM, SurveyMolecule, SurveySettings, survey_shard
from .diagonal_protocol import SEED, ProtocolRow, draw_like_qm9, protocol_row
from .jacobian_survey import MODELS, JacobianRow, jacobian_rows

__all__ = [
    "N_QM9",
    "TOLERANCES_ANGSTROM",
    "SurveyMolecule",
    "SurveyReport",
    "SurveySettings",
    "qm9_molecules",
    "read_jacobians",
    "read_protocol",
    "read_symmetry",
    "survey_jacobians",
    "survey_protocol",
    "survey_symmetry",
]

N_QM9 = 130_831
"""Molecules of QM9 in PyPI's qm9pack: the 133,885 without 3,054 whose geometry did not stay the molecule drawn."""

OnDone = Callable[[int, int], None]

_RESPONSE_COLUMNS = {
    "id": "string",
    "source": "string",
    "family": "string",
    "smiles": "string",
    "status": "string",
    "message": "string",
    "point_group": "string",
    "n_atoms": "int16",
    "n_vib": "int16",
    "n_rings": "int16",
    "n_linear": "int16",
    "n_fragments": "int16",
}
_ARROW: dict[Any, str] = {str: "string", int: "int32", float: "float64", float | None: "float64"}


def _columns(row: type) -> dict[str, str]:
    return {field.name: _ARROW[field.type] for field in fields(row)}


_JACOBIAN_COLUMNS = {**_RESPONSE_COLUMNS, **_columns(JacobianRow)}
_PROTOCOL_COLUMNS = {**_RESPONSE_COLUMNS, **_columns(ProtocolRow)}


def qm9_molecules(limit: int | None = None, seed: int = 2026) -> list[SurveyMolecule]:
    """The molecules of QM9 in the order of their index; with ``limit``, so many drawn at random by ``seed``.

    Raises
    ------
    DatasetError
        ``limit`` below 1 or above the number of molecules.
    MissingPackageError
        qm9pack is not installed.
    """
    if limit is not None and not 1 <= limit <= N_QM9:
        raise DatasetError(f"qm9_molecules(limit={limit}): QM9 has 1 to {N_QM9} molecules to give.")
    drawn = None if limit is None else set(np.random.default_rng(seed).choice(N_QM9, limit, replace=False).tolist())
    return [
        SurveyMolecule(f"qm9-{record['index']:06d}", record["smiles"], record["numbers"], record["positions_angstrom"])
        for place, record in enumerate(qm9_records())
        if drawn is None or place in drawn
    ]


# ---- symmetry and completeness -------------------------------------------------------------------------------------


def survey_symmetry(
    molecules: Sequence[SurveyMolecule] | Callable[[], Sequence[SurveyMolecule]],
    folder: str | Path,
    settings: SurveySettings | None = None,
    *,
    request: dict[str, Any],
    shard_size: int = 500,
    n_jobs: int = -1,
    on_done: OnDone | None = None,
) -> SurveyReport:
    """Point group and completeness of many molecules into ``folder``; run again after an interruption, it goes on.

    Parameters
    ----------
    molecules : sequence of SurveyMolecule, or a function that makes it
        The function is not called when nothing is missing.
    folder : str or Path
        Made if absent. Gets ``survey.json`` and ``shards/00000.parquet`` ....
    settings : SurveySettings
    request : dict
        What ``molecules`` is, as plain values ({"source": "qm9", "limit": null}); kept in the folder, so that another
        request is refused.
    shard_size : int
        Molecules in a shard: what a kill costs at most, for each worker.
    n_jobs : int
        Processes; -1: one for each core.
    on_done : callable, optional
        Called with (molecules done, all).

    Raises
    ------
    DatasetError
        The folder holds a survey of other molecules or settings; the disk is full.
    """
    settings = settings or SurveySettings()
    job = ShardJob(survey_shard, settings, COLUMNS, {"request": request, "settings": asdict(settings)})
    return run_shards(job, molecules, folder, shard_size=shard_size, n_jobs=n_jobs, on_done=on_done)


def read_symmetry(folder: str | Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What was asked, and a row for each molecule in order; errors as for a folder that holds no finished survey."""
    return read_shards(folder, COLUMNS)


# ---- responses -----------------------------------------------------------------------------------------------------


def survey_jacobians(
    folder: str | Path,
    source: str | Path | None = None,
    *,
    limit: int | None = None,
    shard_size: int = 20,
    n_jobs: int = -1,
    on_done: OnDone | None = None,
) -> SurveyReport:
    """Jacobian statistics of the first ``limit`` responses of ``source`` (see `response_tasks`) into ``folder``.

    Raises
    ------
    DatasetError
        As `survey_symmetry`; no such source.
    """
    asked = {"request": {"responses": _named(source), "limit": limit}, "settings": {"models": MODELS}}
    job = ShardJob(_jacobian_shard, None, _JACOBIAN_COLUMNS, asked)
    return run_shards(
        job, lambda: response_tasks(source)[:limit], folder, shard_size=shard_size, n_jobs=n_jobs, on_done=on_done
    )


def survey_protocol(
    folder: str | Path,
    source: str | Path | None = None,
    *,
    count: int | None = None,
    seed: int = SEED,
    shard_size: int = 50,
    n_jobs: int = -1,
    on_done: OnDone | None = None,
) -> SurveyReport:
    """The diagonal protocol on molecules drawn from ``source`` as from QM9, into ``folder``.

    ``count`` None: 999 molecules, or as many as there are.

    Raises
    ------
    DatasetError
        As `survey_symmetry`; fewer molecules there than asked for.
    """
    asked = {"request": {"responses": _named(source), "count": count, "seed": seed}, "settings": {}}
    job = ShardJob(_protocol_shard, None, _PROTOCOL_COLUMNS, asked)
    return run_shards(
        job,
        lambda: draw_like_qm9(response_tasks(source), count, N_QM9, seed),
        folder,
        shard_size=shard_size,
        n_jobs=n_jobs,
        on_done=on_done,
    )


def read_jacobians(folder: str | Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What was asked, and a row for each molecule, model and set of observables."""
    return read_shards(folder, _JACOBIAN_COLUMNS)


def read_protocol(folder: str | Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What was asked, and a row for each molecule."""
    return read_shards(folder, _PROTOCOL_COLUMNS)


def _named(source: str | Path | None) -> str:
    return "shipped" if source is None else Path(source).name


def _jacobian_shard(
    number: int, tasks: Sequence[ResponseTask], settings: None, traces: Path, alone: bool
) -> tuple[int, list[dict[str, Any]]]:
    return number, [row for task in tasks for row in _rows_of(task, lambda r: list(jacobian_rows(r)))]


def _protocol_shard(
    number: int, tasks: Sequence[ResponseTask], settings: None, traces: Path, alone: bool
) -> tuple[int, list[dict[str, Any]]]:
    return number, [row for task in tasks for row in _rows_of(task, lambda r: [protocol_row(r)])]


def _rows_of(task: ResponseTask, compute: Callable[[Any], list[Any]]) -> list[dict[str, Any]]:
    """Rows of a response; one flagged row where they cannot be computed."""
    identity = {"id": task.id, "source": task.source, "family": task.family, "smiles": task.smiles}
    try:
        rows = [asdict(row) for row in compute(task.response)]
        return [{**identity, **task.structure, **row, "status": "ok", "message": ""} for row in rows]
    except (SymvibError, np.linalg.LinAlgError) as error:
        return [{**identity, "status": "failed", "message": f"{type(error).__name__}: {error}"[:2000]}]
