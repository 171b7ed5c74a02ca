"""Survey of many geometries: point groups and completeness at several tolerances; resumable, on all cores.

The molecules are cut into shards by their order; a shard is computed by one worker and written whole. Whatever is
killed, the same call computes the missing shards and nothing else (see ``forward/dataset.py``, whose workers it uses).
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import DatasetError
from ..forward.dataset import run_locally
from ..forward.dataset_sources import qm9_records
from ..groups.atomic_write import write_text
from ._survey_rows import (
    TOLERANCES_ANGSTROM,
    SurveyMolecule,
    SurveySettings,
    read_survey_rows,
    survey_shard,
    write_survey_rows,
)

__all__ = [
    "N_QM9",
    "TOLERANCES_ANGSTROM",
    "SurveyMolecule",
    "SurveyReport",
    "SurveySettings",
    "qm9_molecules",
    "read_survey",
    "survey",
]

logger = logging.getLogger(__name__)

N_QM9 = 130_831
"""Molecules of QM9 in PyPI's qm9pack: the 133,885 without the 3,054 whose geometry did not stay the molecule drawn."""


@dataclass(frozen=True)
class SurveyReport:
    """What a run of `survey` did.

    Attributes
    ----------
    folder : str
    n_molecules : int
        Of the whole survey.
    n_computed : int
        By this run; the others were there.
    n_failed : int
        Of this run, flagged in the rows.
    seconds : float
        Of this run.
    """

    folder: str
    n_molecules: int
    n_computed: int
    n_failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Molecules per second of this run; each at all tolerances."""
        return self.n_computed / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "molecules_per_second": self.rate}


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


def survey(
    molecules: Sequence[SurveyMolecule] | Callable[[], Sequence[SurveyMolecule]],
    folder: str | Path,
    settings: SurveySettings | None = None,
    *,
    request: dict[str, Any],
    shard_size: int = 500,
    n_jobs: int = -1,
    on_done: Callable[[int, int], None] | None = None,
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
    if shard_size < 1 or n_jobs == 0:
        raise DatasetError(f"survey(shard_size={shard_size}, n_jobs={n_jobs}): at least 1 each, or n_jobs=-1.")
    settings, place, begun = settings or SurveySettings(), Path(folder), perf_counter()
    wanted = {"symvib": version("symvib"), "request": request, "shard_size": shard_size, "settings": asdict(settings)}
    n_known = _begun_before(place, json.loads(json.dumps(wanted)))
    if n_known is not None and len(_files(place)) == -(-n_known // shard_size):
        return SurveyReport(str(place), n_known, 0, 0, perf_counter() - begun)
    listed = list(molecules() if callable(molecules) else molecules)
    if not listed or len({molecule.id for molecule in listed}) != len(listed):
        raise DatasetError(f"survey: {len(listed)} molecules; at least one is needed, each with an id of its own.")
    (place / "shards").mkdir(parents=True, exist_ok=True)
    for leftover in (place / "shards").glob(".*.part"):  # of a run that was killed while it wrote
        leftover.unlink()
    write_text(place / "survey.json", json.dumps({**wanted, "n_molecules": len(listed)}, indent=1, sort_keys=True))
    shards = [listed[k : k + shard_size] for k in range(0, len(listed), shard_size)]
    todo = {k: shard for k, shard in enumerate(shards) if not _path(place, k).exists()}
    there = len(listed) - sum(map(len, todo.values()))
    n_computed = n_failed = 0
    if on_done is not None:
        on_done(there, len(listed))
    for number, rows in run_locally(todo, settings, place, n_jobs, survey_shard):
        write_survey_rows(_path(place, number), rows)
        n_computed += len(rows)
        n_failed += sum(row["status"] != "ok" for row in rows)
        if on_done is not None:
            on_done(there + n_computed, len(listed))
        logger.info("%d of %d molecules", there + n_computed, len(listed))
    return SurveyReport(str(place), len(listed), n_computed, n_failed, perf_counter() - begun)


def read_survey(folder: str | Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What was asked, and the rows in the order of the molecules.

    Raises
    ------
    DatasetError
        No survey there, or one that is not finished.
    """
    place = Path(folder)
    if not (place / "survey.json").exists():
        raise DatasetError(f"no survey at {place}: give a folder that `symvib survey` made.")
    asked, files = _asked(place), _files(place)
    expected = -(-asked["n_molecules"] // asked["shard_size"])
    if len(files) != expected:
        raise DatasetError(f"{place}: {len(files)} of {expected} shards; run the same `symvib survey` again to finish.")
    return asked, read_survey_rows(files)


def _path(place: Path, number: int) -> Path:
    return place / "shards" / f"{number:05d}.parquet"


def _files(place: Path) -> list[Path]:
    return sorted((place / "shards").glob("[0-9]*.parquet"))


def _asked(place: Path) -> dict[str, Any]:
    try:
        return json.loads((place / "survey.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{place / 'survey.json'} is damaged ({error}); use another folder.") from error


def _begun_before(place: Path, wanted: dict[str, Any]) -> int | None:
    """Number of molecules of the survey that was begun in the folder, None for a new one; another one is refused."""
    if not (place / "survey.json").exists():
        return None
    found = _asked(place)
    different = [key for key in wanted if found.get(key) != wanted[key]]
    if different:
        differences = "; ".join(f"{key}: {found.get(key)!r} there, {wanted[key]!r} now" for key in different)
        raise DatasetError(f"{place} holds another survey ({differences}). Use another folder.")
    return int(found["n_molecules"])
