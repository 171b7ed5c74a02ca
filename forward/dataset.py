"""Building a dataset of computed spectra: many molecules, several processes or a Dask cluster, and safe to interrupt.

The list of molecules is cut into shards once, and the list is kept in the folder. A shard is computed by one worker
and written whole, under its number; whatever is killed, running the same command again computes the missing shards
and nothing else. So nothing finished is lost and nothing is there twice.
"""

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import DatasetError, MissingPackageError
from ..groups.atomic_write import write_text
from .dataset_files import SCHEMA_VERSION, read_dataset, write_rows
from .dataset_rows import DatasetTask, RowSettings, compute_row, flagged
from .engines.xtb import XTB_METHODS, tblite_version

__all__ = ["BuildReport", "build_dataset", "run_locally"]

logger = logging.getLogger(__name__)

_SHARD_SIZE = 20  # molecules
_DEATHS = 2  # a molecule whose worker died this often is flagged, not tried again
_RESTARTS = 50  # pools of workers that may die before the build gives up
_SHARDS_AHEAD = 3  # submitted to a Dask cluster for each thread of its workers


@dataclass(frozen=True)
class BuildReport:
    """What a run of `build_dataset` did.

    Attributes
    ----------
    folder : str
    n_molecules, n_shards : int
        Of the whole dataset.
    n_shards_computed : int
        By this run; the others were there.
    n_failed : int
        Rows of this run whose computation failed (they are in the dataset, flagged).
    n_computed_in_all : int
        Molecules of the whole dataset that have results.
    """

    folder: str
    n_molecules: int
    n_shards: int
    n_shards_computed: int
    n_failed: int
    n_computed_in_all: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def build_dataset(
    tasks: Sequence[DatasetTask] | Callable[[], Sequence[DatasetTask]],
    folder: str | Path,
    settings: RowSettings | None = None,
    *,
    request: Mapping[str, Any] | None = None,
    shard_size: int | None = None,
    n_jobs: int = -1,
    scheduler: str | None = None,
    retry_failed: bool = False,
    on_done: Callable[[int, int], None] | None = None,
) -> BuildReport:
    """Compute the spectra of many molecules into ``folder``; run again after an interruption, it goes on.

    Parameters
    ----------
    tasks : sequence of DatasetTask, or a function that makes it
        The function is called only when the folder has no list of molecules yet.
    folder : str or Path
        Made if absent. Gets ``tasks.json``, ``build.json`` and ``shards/00000.parquet`` ....
    settings : RowSettings
    request : mapping, optional
        What ``tasks`` was made from, as plain values ({"source": "qm9", "limit": 1000}): kept in the folder, so that
        another request is refused.
    shard_size : int, optional
        Molecules in a shard: what a kill costs at most, for each worker. Default: that of the build that is continued,
        20 for a new one.
    n_jobs : int
        Processes on this machine; -1: one for each core.
    scheduler : str, optional
        Address of a Dask scheduler ("tcp://host:8786"); the workers need the extras qm and data, and no common disk.
        Workers with a nanny (Dask's default) compute with one OpenMP thread each; for others set OMP_NUM_THREADS=1.
    retry_failed : bool
        Compute molecules that were flagged as failed again (after a kill for lack of memory, say). The new row takes
        the place of the old one; the others of the shard stay.
    on_done : callable, optional
        Called with (molecules done, all).

    Raises
    ------
    DatasetError
        The folder holds a dataset of other molecules or other settings; the disk is full; workers keep dying.
    MissingPackageError
        A package of the extras qm, data or cluster is not installed.
    """
    settings = settings or RowSettings()
    if settings.method not in XTB_METHODS:
        raise DatasetError(f"build_dataset: method {settings.method!r}; choose one of {', '.join(XTB_METHODS)}.")
    place = Path(folder)
    if shard_size is None:
        begun = _read_json(place / "build.json") if (place / "build.json").exists() else {}
        shard_size = int(begun.get("shard_size", _SHARD_SIZE))
    if shard_size < 1 or n_jobs == 0:
        raise DatasetError(f"build_dataset(shard_size={shard_size}, n_jobs={n_jobs}): at least 1 each, or n_jobs=-1.")
    provenance = _provenance(settings)
    _check_same_build(place, wanted := {**provenance, "shard_size": shard_size, "request": dict(request or {})})
    listed = _task_list(place, tasks)  # before anything is made: molecules that cannot be read leave no folder behind
    (place / "shards").mkdir(parents=True, exist_ok=True)
    for leftover in (place / "shards").glob(".*.part"):  # of a build that was killed while it wrote
        leftover.unlink()
    for name, content in (("build.json", wanted), ("tasks.json", [asdict(task) for task in listed])):
        if not (place / name).exists():
            write_text(place / name, json.dumps(content, indent=1 if name == "build.json" else None, sort_keys=True))
    shards = _shards(listed, shard_size)
    todo = {k: shard for k, shard in enumerate(shards) if not _path(place, k).exists()}
    if retry_failed:
        todo |= _failed(place, shards)
    n_molecules = sum(map(len, shards))
    done = n_molecules - sum(map(len, todo.values()))
    n_computed = n_failed = 0
    if on_done is not None:
        on_done(done, n_molecules)
    run = run_locally(todo, settings, place, n_jobs) if scheduler is None else _run_on_dask(todo, settings, scheduler)
    for number, rows in run:
        write_rows(_path(place, number), _completed(_path(place, number), shards[number], rows), provenance)
        done += len(rows)
        n_computed += 1
        n_failed += sum(row["status"] != "ok" for row in rows)
        if on_done is not None:
            on_done(done, n_molecules)
    n_in_all = read_dataset(place, columns=["status"]).column("status").count("ok")
    return BuildReport(str(place), n_molecules, len(shards), n_computed, n_failed, n_in_all)


def _path(place: Path, number: int) -> Path:
    return place / "shards" / f"{number:05d}.parquet"


def _shards(tasks: list[DatasetTask], size: int) -> list[list[DatasetTask]]:
    return [tasks[k : k + size] for k in range(0, len(tasks), size)]


def _failed(place: Path, shards: list[list[DatasetTask]]) -> dict[int, list[DatasetTask]]:
    """Molecules of finished shards that were flagged as failed, by shard; their deaths are forgotten."""
    found = {}
    for number, tasks in enumerate(shards):
        if not _path(place, number).exists():
            continue
        rows = read_dataset(_path(place, number), columns=["status"])
        fine = {name for name, status in zip(rows.column("id"), rows.column("status"), strict=True) if status == "ok"}
        if failed := [task for task in tasks if task.id not in fine]:
            found[number] = failed
            for task in failed:
                _trace(place / "traces", task).unlink(missing_ok=True)
    return found


def _completed(path: Path, tasks: list[DatasetTask], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows of a shard, where only some molecules were computed again."""
    if len(rows) == len(tasks):
        return rows
    by_id = {row["id"]: row for row in [*read_dataset(path), *rows]}
    return [by_id[task.id] for task in tasks]


def _provenance(settings: RowSettings) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "simulated": True,
        "method": settings.method,
        "full_responses": settings.full_responses,
        "options": dict(settings.options),
        "program": tblite_version(),
        "symvib": version("symvib"),
    }


def _check_same_build(place: Path, wanted: Mapping[str, Any]) -> None:
    """Compare the settings of a build that was begun, if one was."""
    path = place / "build.json"
    if not path.exists():
        return
    found = _read_json(path)
    different = [key for key in wanted if found.get(key) != wanted[key]]
    if different:
        differences = "; ".join(f"{key}: {found.get(key)!r} there, {wanted[key]!r} now" for key in different)
        raise DatasetError(f"{place} was begun with other settings ({differences}). Use another folder.")


def _task_list(place: Path, tasks: Sequence[DatasetTask] | Callable[[], Sequence[DatasetTask]]) -> list[DatasetTask]:
    """The molecules of the dataset: those listed in the folder, at the first call those given."""
    path = place / "tasks.json"
    if not path.exists():
        listed = list(tasks() if callable(tasks) else tasks)
        if not listed:
            raise DatasetError(f"{place}: no molecules given.")
        twice = [name for name, count in Counter(task.id for task in listed).items() if count > 1]
        if twice:
            raise DatasetError(f"{place}: the id {twice[0]!r} occurs twice among the molecules; ids must be unique.")
        return listed
    listed = [
        DatasetTask(
            **{
                **row,
                "numbers": tuple(row["numbers"]),
                "mass_numbers": tuple(row.get("mass_numbers", ())),
                "positions_angstrom": tuple(map(tuple, row["positions_angstrom"])),
            }
        )
        for row in _read_json(path)
    ]
    if not callable(tasks) and [task.id for task in tasks] != [task.id for task in listed]:
        raise DatasetError(f"{place} holds a dataset of {len(listed)} other molecules. Use another folder.")
    return listed


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DatasetError(f"{path} is damaged ({error}); the dataset cannot be continued.") from error


# ---- on this machine ---------------------------------------------------------------------------------------------


def run_locally(
    todo: Mapping[int, Sequence[Any]],
    settings: Any,
    place: Path,
    n_jobs: int,
    compute: "Callable[..., tuple[int, list[dict[str, Any]]]] | None" = None,
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Shards as they are finished. When a worker dies, the shards not finished go to new ones.

    ``compute(number, tasks, settings, traces, alone)`` makes the rows of a shard, by default spectra; a task has an
    ``id``.
    """
    try:
        from joblib import Parallel, delayed, parallel_config
        from joblib.externals.loky.process_executor import TerminatedWorkerError
    except ImportError as error:
        raise MissingPackageError.of_extra("building a dataset needs joblib", "data") from error
    traces = place / "traces"
    traces.mkdir(exist_ok=True)
    left = dict(todo)
    work = compute or _shard

    def finished(numbers: Sequence[int], alone: bool) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            # One shard at a time, yet in a process of its own, which joblib has only for more than one job.
            n_workers, dispatched = (2, "1") if alone else (n_jobs, "2*n_jobs")
            pool: Any = Parallel(n_jobs=n_workers, return_as="generator_unordered", pre_dispatch=dispatched)
            for number, rows in pool(delayed(work)(k, left[k], settings, traces, alone) for k in numbers):
                del left[number]
                yield number, rows

    for _ in range(_RESTARTS):
        try:
            # When a worker dies the pool takes the others with it: only alone does a molecule prove that it kills.
            suspects = [k for k, tasks in left.items() if any(_trace(traces, task).exists() for task in tasks)]
            yield from finished(suspects, alone=True)
            yield from finished(list(left), alone=False)
            return
        except TerminatedWorkerError as error:
            logger.warning("a worker died; %d shards are not finished and go to new workers. %s", len(left), error)
    raise DatasetError(
        f"{place}: workers died {_RESTARTS} times (out of memory?). Finished shards are intact; try a smaller n_jobs."
    )


def _shard(
    number: int, tasks: Sequence[DatasetTask], settings: RowSettings, traces: Path | None = None, alone: bool = False
) -> tuple[int, list[dict[str, Any]]]:
    return number, [_attempt(task, settings, traces, alone) for task in tasks]


def _attempt(task: DatasetTask, settings: RowSettings, traces: Path | None, alone: bool) -> dict[str, Any]:
    """The row of a task, with a trace on disk while it is computed: what was at work when a worker died.

    The trace grows by one byte for each attempt with no other worker beside it.
    """
    if traces is None:
        return compute_row(task, settings)
    trace = _trace(traces, task)
    deaths = trace.stat().st_size if trace.exists() else 0
    if deaths >= _DEATHS:
        return flagged(task, settings, f"the worker died {deaths} times while it computed this molecule alone")
    with trace.open("ab") as stream:
        stream.write(b"x" if alone else b"")
        stream.flush()
        os.fsync(stream.fileno())
    row = compute_row(task, settings)
    trace.unlink()
    return row


def _trace(traces: Path, task: Any) -> Path:
    return traces / sha256(task.id.encode()).hexdigest()


# ---- on a cluster ------------------------------------------------------------------------------------------------


def _run_on_dask(
    todo: Mapping[int, list[DatasetTask]], settings: RowSettings, scheduler: str
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Shards as a Dask cluster finishes them; one whose workers keep dying is done molecule by molecule."""
    try:
        from distributed import CancelledError, Client, as_completed
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise MissingPackageError.of_extra("--scheduler needs Dask", "cluster") from error
    try:
        client: Any = Client(scheduler, timeout="10s")
    except OSError as error:
        raise DatasetError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    waiting = iter(todo.items())
    numbers: dict[Any, int] = {}

    def submitted() -> Any:
        """The future of the next shard."""
        number, tasks = next(waiting)
        future = client.submit(_shard, number, tasks, settings, pure=False)
        numbers[future] = number
        return future

    n_left = len(todo)
    with client:
        try:
            # A few shards a worker thread, not all: what is submitted stays in the memory of scheduler and workers.
            n_ahead = _SHARDS_AHEAD * max(1, sum(client.nthreads().values()))
            finished = as_completed([submitted() for _ in range(min(n_ahead, n_left))])
            for future in finished:
                number = numbers.pop(future)
                if isinstance(future.exception(), KilledWorker):
                    yield number, _one_by_one(client, todo[number], settings)
                else:
                    yield future.result()
                future.release()  # the workers' copy of the rows
                n_left -= 1
                if n_left > len(numbers):
                    finished.add(submitted())
        except (CommClosedError, CancelledError) as error:
            raise DatasetError(
                f"the Dask scheduler at {scheduler} went away ({' '.join(str(error).split())}); {n_left} shards are "
                "not finished. Finished ones are intact: run the same command again when it is back."
            ) from error


def _one_by_one(client: Any, tasks: Sequence[DatasetTask], settings: RowSettings) -> list[dict[str, Any]]:
    """Rows of a shard whose workers died, each molecule a task of its own, so that only the deadly one is flagged."""
    from distributed.scheduler import KilledWorker

    singles = [client.submit(_shard, k, [task], settings, pure=False) for k, task in enumerate(tasks)]
    return [
        flagged(task, settings, str(single.exception()))
        if isinstance(single.exception(), KilledWorker)
        else single.result()[1][0]
        for task, single in zip(tasks, singles, strict=True)
    ]
