"""Runs that kill themselves: what a child process is told, and how what it left is compared."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection, Table, select

from parcelscope.inference import database, ledger_tables
from parcelscope.inference.engine import ShardResult
from parcelscope.inference.executors import ArrayExecutor, Executor, LocalExecutor
from parcelscope.inference.executors_ray import RayExecutor
from parcelscope.inference.intake import Intake
from parcelscope.pipelines.run_finish import OWN_SINKS, Sinks
from parcelscope.pipelines.run_folder import LEDGER, PARTS, read_run
from parcelscope.pipelines.run_summary import ShareSummary
from parcelscope.pipelines.screen import screen_job
from parcelscope.pipelines.screen_job import Job, make_job

FORK: Any = multiprocessing.get_context("forkserver")
NEVER = 1 << 60


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a child is to do."""

    feed: Path
    out: Path
    bundle: Path
    shard_size: int = 4
    workers: int = 1
    url: str | None = None
    history: str | None = None
    share: tuple[int, int] | None = None
    """Index and count, for the array."""
    ray_address: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    dies_at: int = NEVER
    """Kills itself before this of its steps towards the disk and the database."""
    sinks: Sinks = OWN_SINKS
    isolate: bool = False
    """Decodes in processes of its own."""

    @property
    def job(self) -> Job:
        return make_job(
            self.feed,
            self.out,
            bundle_folder=self.bundle,
            budget=0.3,
            seed=7,
            workers=self.workers,
            shard_size=self.shard_size,
            database=self.url,
            history=self.history,
            intake=Intake(isolate=self.isolate),
        )

    @property
    def executor(self) -> Executor:
        if self.share is not None:
            return ArrayExecutor(*self.share)
        if self.ray_address is not None:
            return RayExecutor(actors=self.workers, address=self.ray_address)
        return LocalExecutor()


@dataclass(frozen=True)
class DiesOnce:
    """A sink that kills its process inside the transaction of some shards, the first time."""

    folder: Path
    shards: frozenset[int]

    def write(self, connection: Connection, shard: ShardResult) -> None:
        if shard.index in self.shards:
            try:
                (self.folder / str(shard.index)).touch(exist_ok=False)
            except FileExistsError:
                return
            os.kill(os.getpid(), signal.SIGKILL)


def preload() -> None:
    """Have the server of child processes import what they need, once."""
    # One thread: a child of few cores waits for its threads more than for its work.
    os.environ["POLARS_MAX_THREADS"] = "1"
    FORK.set_forkserver_preload(["tests.pipelines.killed_runs"])


def run_child(told: Told) -> int:
    """Exit code of a child that does what it is told: 0, or -9 if it was killed."""
    child = started(told)
    child.join()
    assert child.exitcode is not None
    return child.exitcode


def started(told: Told) -> BaseProcess:
    child: BaseProcess = FORK.Process(target=_run, args=(told,))
    child.start()
    return child


def run_to_the_end(told: Told) -> None:
    """Do it without being killed, in as many shares as there are."""
    count = 1 if told.share is None else told.share[1]
    for index in range(count):
        share = None if told.share is None else (index, count)
        assert run_child(replace(told, share=share, dies_at=NEVER)) == 0


def killed_by_itself(told: Told, chance: random.Random, *, most_steps: int) -> int:
    """Kill a child at a random step, of any share; the number of kills, 0 or 1."""
    share = told.share and (chance.randrange(told.share[1]), told.share[1])
    dies_at = chance.randint(1, most_steps)
    return int(run_child(replace(told, share=share, dies_at=dies_at)) == -signal.SIGKILL)


def killed_from_outside(told: Told, chance: random.Random, *, most_s: float) -> int:
    """Kill a child after a random time."""
    child = started(told)
    child.join(chance.uniform(0, most_s))
    child.kill()
    child.join()
    return int(child.exitcode == -signal.SIGKILL)


def said(told: Told) -> dict[str, pl.DataFrame]:
    """All that a complete run says, in files and in the database, without who and when."""
    run = read_run(told.out)
    tables = {name: getattr(run, name) for name in PARTS}
    rows = database_rows(told.url or database.sqlite_url(told.out / LEDGER), run.card.run_id)
    return {"flags": run.flags, **tables, **rows}


def database_rows(url: str, run_id: str) -> dict[str, pl.DataFrame]:
    """The rows of the run by table, without the columns that differ from run to run."""
    engine = database.open_database(url)
    with engine.begin() as connection:
        rows = {
            f"sql:{table.name}": _rows(connection, table, run_id)
            for table in ledger_tables.METADATA.sorted_tables
            if table is not ledger_tables.RUNS
        }
    engine.dispose()
    return rows


def require_same(found: Mapping[str, pl.DataFrame], expected: Mapping[str, pl.DataFrame]) -> None:
    """Every table equal row by row; the ledger's own only where the shards are the same."""
    assert found.keys() == expected.keys()
    shards = [len(tables["sql:ledger"]) for tables in (found, expected)]
    for name, table in expected.items():
        if name in ("sql:ledger", "sql:parts") and shards[0] != shards[1]:
            continue
        assert found[name].equals(table), name


def left_over(out: Path) -> set[str]:
    """Files in the run folder that nobody lists."""
    parts = read_run(out).card.parts
    assert parts is not None
    known = {part.file for part in parts} | {"plan.json", "run.json", "report.html", LEDGER}
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    return files - known


def _rows(connection: Connection, table: Table, run_id: str) -> pl.DataFrame:
    told = [
        column for column in table.columns if column.name not in ("run_id", "committed", "worker")
    ]
    key = [column for column in table.primary_key.columns if column.name != "run_id"]
    query = select(*told).where(table.c.run_id == run_id).order_by(*key)
    rows = [tuple(row) for row in connection.execute(query)]
    names = [column.name for column in told]
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)


def _run(told: Told) -> None:
    os.environ.update(told.environment)
    _die_at(told.dies_at)
    summary = screen_job(told.job, told.executor, sinks=told.sinks)
    if isinstance(summary, ShareSummary):
        assert told.share is not None


def _die_at(step: int) -> None:
    """Kill this process at one of its steps: before or after a sync, a rename, an insert."""
    if step == NEVER:
        return
    lock, count = threading.Lock(), 0

    def stepped() -> None:
        nonlocal count
        with lock:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def both(*arguments: Any, **named: Any) -> Any:
            stepped()
            done = work(*arguments, **named)
            stepped()
            return done

        return both

    os.fsync = counted(os.fsync)
    os.link = counted(os.link)
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    Connection.execute = counted(Connection.execute)  # type: ignore[method-assign]
    Connection.commit = counted(Connection.commit)  # type: ignore[method-assign]


def wait_for(happens: Callable[[], bool], *, most_s: float = 60.0) -> None:
    """Wait until it happens."""
    until = time.monotonic() + most_s
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.02)
