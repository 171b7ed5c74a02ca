"""Many molecules into Parquet shards: resumable, on all cores, each shard whole or not there.

The molecules are cut into shards by their order; a shard is computed by one worker and written under its number.
Whatever is killed, the same call computes the missing shards and nothing else. The workers are those of
``forward.dataset``.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from ..errors import DatasetError, MissingPackageError
from ..forward.dataset import run_locally
from ..groups.atomic_write import write_text, writing

__all__ = ["ShardJob", "SurveyReport", "read_shards", "run_shards"]

logger = logging.getLogger(__name__)

_ASKED = "survey.json"


@dataclass(frozen=True)
class ShardJob:
    """What is computed of each molecule.

    Attributes
    ----------
    compute : callable
        ``compute(number, tasks, settings, traces, alone) -> (number, rows)``, importable by a worker.
    settings : Any
        Passed to it.
    columns : mapping of str to str
        Column and Arrow type, "int16" or "list<float64>".
    asked : mapping
        What is asked, as plain values; another question in the same folder is refused.
    """

    compute: Callable[..., tuple[int, list[dict[str, Any]]]]
    settings: Any
    columns: Mapping[str, str]
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class SurveyReport:
    """What a run did.

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
        Of this run, without the reading of the molecules.
    """

    folder: str
    n_molecules: int
    n_computed: int
    n_failed: int
    seconds: float

    @property
    def molecules_per_second(self) -> float:
        """Rate of this run."""
        return self.n_computed / self.seconds if self.seconds > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "molecules_per_second": self.molecules_per_second}


def run_shards(
    job: ShardJob,
    tasks: Sequence[Any] | Callable[[], Sequence[Any]],
    folder: str | Path,
    *,
    shard_size: int,
    n_jobs: int = -1,
    on_done: Callable[[int, int], None] | None = None,
) -> SurveyReport:
    """Compute what is missing of a survey of ``tasks`` (each with an ``id``) in ``folder``.

    Raises
    ------
    DatasetError
        The folder holds a survey of other molecules or settings; the disk is full.
    """
    if shard_size < 1 or n_jobs == 0:
        raise DatasetError(f"survey(shard_size={shard_size}, n_jobs={n_jobs}): at least 1 each, or n_jobs=-1.")
    place = Path(folder)
    wanted = json.loads(json.dumps({"symvib": version("symvib"), "shard_size": shard_size, **job.asked}))
    n_known = _begun_before(place, wanted)
    if n_known is not None and len(_files(place)) == -(-n_known // shard_size):
        return SurveyReport(str(place), n_known, 0, 0, 0.0)
    listed = list(tasks() if callable(tasks) else tasks)
    if not listed or len({task.id for task in listed}) != len(listed) or n_known not in (None, len(listed)):
        raise DatasetError(
            f"survey in {place}: {len(listed)} molecules given, {n_known} begun with; at least one is needed, the same "
            "ones as before, each with an id of its own."
        )
    (place / "shards").mkdir(parents=True, exist_ok=True)
    for leftover in (place / "shards").glob(".*.part"):  # of a run that was killed while it wrote
        leftover.unlink()
    write_text(place / _ASKED, json.dumps({**wanted, "n_molecules": len(listed)}, indent=1, sort_keys=True))
    shards = [listed[k : k + shard_size] for k in range(0, len(listed), shard_size)]
    todo = {k: shard for k, shard in enumerate(shards) if not _path(place, k).exists()}
    there = len(listed) - sum(map(len, todo.values()))
    n_computed, n_failed, begun = 0, 0, perf_counter()
    if on_done is not None:
        on_done(there, len(listed))
    for number, rows in run_locally(todo, job.settings, place, n_jobs, job.compute):
        _write(_path(place, number), rows, job.columns)
        n_computed += len(shards[number])
        n_failed += len({row["id"] for row in rows if row["status"] != "ok"})
        if on_done is not None:
            on_done(there + n_computed, len(listed))
        logger.info("%d of %d molecules", there + n_computed, len(listed))
    return SurveyReport(str(place), len(listed), n_computed, n_failed, perf_counter() - begun)


def read_shards(folder: str | Path, columns: Mapping[str, str]) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What was asked, and the rows in the order of the molecules.

    Raises
    ------
    DatasetError
        No survey there, one that is not finished, or not of these columns.
    """
    place = Path(folder)
    if not (place / _ASKED).exists():
        raise DatasetError(f"no survey at {place}: give a folder that `symvib survey` made.")
    asked, files = _asked(place), _files(place)
    expected = -(-asked["n_molecules"] // asked["shard_size"])
    if len(files) != expected:
        raise DatasetError(f"{place}: {len(files)} of {expected} shards; run the same `symvib survey` again to finish.")
    return asked, _rows(files, columns)


# ---- files ---------------------------------------------------------------------------------------------------------


def _path(place: Path, number: int) -> Path:
    return place / "shards" / f"{number:05d}.parquet"


def _files(place: Path) -> list[Path]:
    return sorted((place / "shards").glob("[0-9]*.parquet"))


def _asked(place: Path) -> dict[str, Any]:
    try:
        return json.loads((place / _ASKED).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{place / _ASKED} is damaged ({error}); use another folder.") from error


def _begun_before(place: Path, wanted: Mapping[str, Any]) -> int | None:
    """Number of molecules of the survey that was begun in the folder, None for a new one; another one is refused."""
    if not (place / _ASKED).exists():
        return None
    found = _asked(place)
    different = [key for key in wanted if found.get(key) != wanted[key]]
    if different:
        differences = "; ".join(f"{key}: {found.get(key)!r} there, {wanted[key]!r} now" for key in different)
        raise DatasetError(f"{place} holds another survey ({differences}). Use another folder.")
    return int(found["n_molecules"])


def _arrow() -> Any:
    try:
        import pyarrow as arrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingPackageError.of_extra("a survey is written as Parquet, which needs pyarrow", "data") from error
    return arrow


def _write(path: Path, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    arrow = _arrow()

    def arrow_type(kind: str) -> Any:
        inner = kind[5:-1] if kind.startswith("list<") else None
        return arrow.list_(arrow.type_for_alias(inner)) if inner else arrow.type_for_alias(kind)

    schema = arrow.schema([arrow.field(name, arrow_type(kind)) for name, kind in columns.items()])
    table = arrow.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema=schema)
    try:
        with writing(path) as stream:
            arrow.parquet.write_table(table, stream, compression="zstd", compression_level=9)
    except OSError as error:
        raise DatasetError(
            f"cannot write {path} ({error}). Finished shards are intact: make room, run again."
        ) from error


def _rows(files: Sequence[Path], columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    arrow = _arrow()
    for file in files:
        try:
            table = arrow.parquet.read_table(file)
        except (arrow.ArrowInvalid, OSError) as error:
            raise DatasetError(f"{file} is not a readable Parquet file: {error}; remove it and run again.") from error
        if table.schema.names != list(columns):
            raise DatasetError(f"{file} has the columns {', '.join(table.schema.names)}: not a survey of this symvib.")
        yield from table.to_pylist()
