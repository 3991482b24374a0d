"""Takes queued runs one after the other and watches over the process that does each."""

import contextlib
import logging
import queue
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from parcelscope.pipelines.service.job_messages import News, RunJob
from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.relay import replay
from parcelscope.pipelines.service.run_store import MAX_ATTEMPTS, RunStatus, RunStore
from parcelscope.pipelines.service.settings import ServiceSettings

LOOK_EVERY_S: Final = 0.1
NOTE_EVERY_S: Final = 0.5
STUCK_S: Final = 5.0
LOG = logging.getLogger("parcelscope.service.runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInUse:
    """The bundle that runs start with."""

    folder: Path
    """Followed to its end."""
    digest: str


@dataclass(slots=True)
class _Process:
    """The process of one run, and what it said."""

    popen: subprocess.Popen[bytes]
    news: queue.Queue[News | None] = field(default_factory=queue.Queue)

    def ask_to_stop(self) -> None:
        """End its input, which it takes as the sign to hand back its shard."""
        if self.popen.stdin is not None:
            with contextlib.suppress(OSError):
                self.popen.stdin.close()


class RunWorker:
    """A thread that works off the queue of runs."""

    def __init__(
        self,
        store: RunStore,
        settings: ServiceSettings,
        metrics: Metrics,
        bundle: Callable[[], BundleInUse | None],
    ) -> None:
        self._store, self._settings, self._metrics, self._bundle = store, settings, metrics, bundle
        self._wake, self._stop = threading.Event(), threading.Event()
        self._cancelled: set[str] = set()
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)

    def start(self) -> None:
        """Take up what a service before left running, then begin."""
        for run_id in self._store.put_back_running():
            LOG.info("run taken up again", extra={"run_id": run_id})
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    def cancel(self, run_id: str) -> None:
        """Stop the run, if it is the one that is running."""
        self._cancelled.add(run_id)

    def stop(self) -> None:
        """Let the running run hand back its shard, and wait for that as long as `grace_s`."""
        self._stop.set()
        self._wake.set()
        self._thread.join(self._settings.grace_s + 5)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                found = self._take_and_do()
            except (OSError, sqlite3.Error) as error:
                # A full disk must not end the queue: what was running is queued again.
                LOG.error("queue of runs is stuck", extra={"error": str(error)})
                found = False
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._store.put_back_running()
                self._stop.wait(STUCK_S)
            if not found:
                self._wake.wait(1.0)
                self._wake.clear()

    def _take_and_do(self) -> bool:
        """Do the next run, if there is one."""
        bundle = self._bundle()
        if bundle is None:
            return False
        run = self._store.take_next(bundle_folder=str(bundle.folder), bundle_digest=bundle.digest)
        if run is None:
            return False
        self._do(run)
        return True

    def _do(self, run: RunStatus) -> None:
        LOG.info("run began", extra={"run_id": run.run_id, "attempt": run.attempts})
        self._metrics.engine.new_run()
        began = time.monotonic()
        process = self._begin(run)
        last = self._watch(run, process)
        self._settle(run, process, last)
        ended = self._store.find(run.run_id)
        state = "gone" if ended is None else ended.state
        self._metrics.run_seconds.labels(state).observe(time.monotonic() - began)
        LOG.info("run ended", extra={"run_id": run.run_id, "state": state})

    def _begin(self, run: RunStatus) -> _Process:
        job = RunJob(
            feed=run.feed,
            folder=self.folder_of(run.run_id),
            bundle=Path(run.bundle_folder or ""),
            config=self._settings.config,
            budget=run.budget,
            seed=run.seed,
            workers=self._settings.workers,
            database=self._settings.database,
            history=self._settings.history,
            provider=self._settings.provider,
            shard_size=self._settings.shard_size,
            isolate=self._settings.isolate,
            max_quarantine_ratio=self._settings.max_quarantine_ratio,
        )
        job.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "parcelscope.pipelines.service.job"]
        with (job.folder / "log.txt").open("ab") as log:
            popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Its own session: Ctrl-C at the service must not cut off a shard.
                start_new_session=True,
            )
        process = _Process(popen)
        if popen.stdin is not None:
            with contextlib.suppress(OSError):  # it died at once; `_settle` says so
                popen.stdin.write(job.model_dump_json().encode() + b"\n")
                popen.stdin.flush()
        threading.Thread(target=_listen, args=(process,), daemon=True).start()
        return process

    def _watch(self, run: RunStatus, process: _Process) -> News | None:
        """Follow the process to its end; the last thing that it said about how it ended."""
        last: News | None = None
        meter = _Meter()
        asked_at: float | None = None
        while True:
            with contextlib.suppress(queue.Empty):
                news = process.news.get(timeout=LOOK_EVERY_S)
                if news is None:
                    self._note(run, meter)
                    return last
                if news.kind == "progress":
                    meter.take(news)
                elif news.kind == "observed":
                    meter.quarantined += replay(news.observed, self._metrics.engine)
                else:
                    last = news
            if meter.due():
                self._note(run, meter)
            if asked_at is None and (self._stop.is_set() or run.run_id in self._cancelled):
                asked_at = time.monotonic()
                process.ask_to_stop()
            if asked_at is not None and time.monotonic() - asked_at > self._settings.grace_s:
                process.popen.kill()

    def _note(self, run: RunStatus, meter: "_Meter") -> None:
        if meter.stage:
            self._store.progress(
                run.run_id,
                stage=meter.stage,
                done=meter.done,
                total=meter.total,
                rate=meter.rate,
                quarantined=meter.quarantined,
            )

    def _settle(self, run: RunStatus, process: _Process, last: News | None) -> None:
        """Write down what became of the run."""
        process.ask_to_stop()
        code = process.popen.wait()
        cancelled = run.run_id in self._cancelled
        self._cancelled.discard(run.run_id)
        if last is not None and last.kind == "done":
            self._store.end(run.run_id, "done", counts=last.counts)
        elif last is not None and last.kind == "failed":
            self._store.end(run.run_id, "failed", error=last.error)
        elif cancelled:
            self._store.end(run.run_id, "cancelled")
        elif self._stop.is_set():
            self._store.put_back(run.run_id, attempted=False)
        elif run.attempts < MAX_ATTEMPTS:
            LOG.warning("run lost its process", extra={"run_id": run.run_id, "exit_code": code})
            self._store.put_back(run.run_id, attempted=True)
        else:
            self._store.end(
                run.run_id,
                "failed",
                error=f"its process ended {MAX_ATTEMPTS} times without a word, last with code"
                f" {code}; see log.txt in its folder",
            )

    def folder_of(self, run_id: str) -> Path:
        """The folder with all that belongs to a run."""
        return self._settings.home.resolve() / "runs" / run_id


@dataclass(slots=True)
class _Meter:
    """How far a run is, and how fast."""

    stage: str = ""
    done: int = 0
    total: int = 0
    quarantined: int = 0
    _began: float = 0.0
    _began_at: int = 0
    _noted: float = 0.0

    def take(self, news: News) -> None:
        if news.stage != self.stage:
            self.stage, self._began, self._began_at = news.stage, time.monotonic(), news.done
        self.done, self.total = news.done, news.total

    @property
    def rate(self) -> float | None:
        """Things per second in this stage; None before there is one."""
        elapsed_s = time.monotonic() - self._began
        done = self.done - self._began_at
        return round(done / elapsed_s, 2) if done > 0 and elapsed_s > 0 else None

    def due(self) -> bool:
        """Whether it is time to write it down."""
        now = time.monotonic()
        if now - self._noted < NOTE_EVERY_S:
            return False
        self._noted = now
        return True


def _listen(process: _Process) -> None:
    """Take in what the process says, line by line, until it ends."""
    if process.popen.stdout is not None:
        for line in process.popen.stdout:
            try:
                process.news.put(News.model_validate_json(line))
            except ValidationError:  # cut off by the death of the process
                break
    process.news.put(None)
