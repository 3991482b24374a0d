"""One run in a process of its own: `python -m parcelscope.pipelines.service.job`.

The service writes the `RunJob` as the first line on standard input and reads JSON lines from
standard output. When its input ends, because the service says so or because the service is no more,
the run stops at the next shard and can be taken up again. Whatever a file does to this process, the
service goes on.
"""

import fcntl
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from parcelscope.datasets.errors import ParcelscopeError
from parcelscope.inference.engine import RunStoppedError
from parcelscope.inference.intake import Intake
from parcelscope.pipelines.cli import one_line
from parcelscope.pipelines.progress import Report
from parcelscope.pipelines.provider_options import provider_choice
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.service.job_messages import News, RunJob
from parcelscope.pipelines.service.relay import Relay
from parcelscope.screening.config import load_screening_config

LOCK: Final = "lock"


def main() -> None:
    """Do the run that the first line of standard input asks for."""
    job = RunJob.model_validate_json(sys.stdin.buffer.readline())
    # Libraries print; only ours may reach the service.
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    stop = threading.Event()
    threading.Thread(target=_wait_for_the_end, args=(sys.stdin.buffer, stop), daemon=True).start()
    with _alone(job.folder):
        sys.exit(_run(job, told, stop))


def _run(job: RunJob, told: IO[str], stop: threading.Event) -> int:
    lock = threading.Lock()

    def tell(news: News) -> None:
        with lock:
            print(news.model_dump_json(exclude_defaults=True), file=told, flush=True)

    relay = Relay(lambda observed: tell(News(kind="observed", observed=observed)))

    def report(stage: str, done: int, total: int) -> None:
        tell(News(kind="progress", stage=stage, done=done, total=total))

    try:
        counts = _screen(job, report, relay, stop)
    except RunStoppedError:
        tell(News(kind="stopped"))
        return 0
    except (ParcelscopeError, OSError) as error:
        tell(News(kind="failed", error=one_line(error)))
        return 2
    finally:
        relay.flush()
    tell(News(kind="done", counts=counts))
    return 0


def _screen(job: RunJob, report: Report, relay: Relay, stop: threading.Event) -> dict[str, Any]:
    """The counts of the run, once it is complete."""
    summary = screen(
        Path(job.feed),
        job.folder / "run",
        bundle_folder=job.bundle,
        config=load_screening_config(job.config),
        budget=job.budget,
        workers=job.workers,
        seed=job.seed,
        provider=provider_choice(job.provider, None),
        shard_size=job.shard_size,
        database=job.database,
        history=job.history,
        intake=Intake(isolate=job.isolate, max_quarantine_ratio=job.max_quarantine_ratio),
        progress=report,
        cancelled=stop.is_set,
        observer=relay,
    )
    counts: dict[str, Any] = summary.counts.model_dump(mode="json")
    return counts


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process works on the run: one that a killed service left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _wait_for_the_end(file: IO[bytes], stop: threading.Event) -> None:
    while file.read(1024):
        pass
    stop.set()


if __name__ == "__main__":
    main()
