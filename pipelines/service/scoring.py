"""Answers for single parcels within a latency budget, and the exchange of the bundle."""

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parcelscope.datasets.errors import BundleError, ParcelscopeError
from parcelscope.models.bundle import builtin_bundle_folder, read_card
from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.parcel import ParcelRequest, ScoreAnswer, not_assessed
from parcelscope.pipelines.service.run_worker import BundleInUse
from parcelscope.pipelines.service.scorer_process import (
    ScorerLostError,
    ScorerProcess,
    ScorerSettings,
)
from parcelscope.pipelines.service.settings import ServiceSettings

LOG = logging.getLogger("parcelscope.service.scoring")


class ParcelScoring:
    """The scoring process in use, and the next one while it gets ready."""

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._process: ScorerProcess | None = None
        self._in_use: BundleInUse | None = None
        self._changing = threading.Lock()  # one bundle is loaded at a time
        self._refused: str | None = None  # digest of the card that failed last
        self._free = asyncio.Lock()
        self._waiting = 0
        self._tasks: set[asyncio.Task[ScoreAnswer]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="scoring")

    @property
    def is_ready(self) -> bool:
        """Whether a parcel would be scored now."""
        return self._process is not None

    @property
    def is_free(self) -> bool:
        """Whether a parcel would be scored now without waiting for the one before it."""
        return self._process is not None and not self._free.locked()

    @property
    def bundle(self) -> BundleInUse | None:
        """The bundle that scores; None until one has passed its self-test."""
        return self._in_use

    def reload(self, *, again: bool = False) -> str:
        """Take up the bundle that the settings name, if it is another one; one sentence.

        The bundle in use goes on until the next has passed its self-test, and stays if it fails.
        Takes seconds; call it in a thread.

        Args:
            again: Also try one that was refused before.

        Raises:
            BundleError: If the bundle is refused.
        """
        with self._changing:
            named = self._settings.bundle or builtin_bundle_folder()
            folder = named.resolve()  # followed once: a promotion may swap the link meanwhile
            _, digest = read_card(folder)
            if self._in_use == BundleInUse(folder=folder, digest=digest):
                return f"the bundle in use is already {digest[:12]}"
            # Without one that scores, try again: memory may have been short.
            if digest == self._refused and self._in_use is not None and not again:
                raise BundleError(f"{folder}: refused before")
            try:
                process = ScorerProcess(self._scorer_settings(folder))
            except ParcelscopeError:
                self._refused = digest
                self._metrics.reloads.labels("refused").inc()
                raise
            self._refused = None
            self._swap(process, BundleInUse(folder=folder, digest=process.name.digest))
            self._metrics.reloads.labels("taken up").inc()
            LOG.info("bundle taken up", extra={"bundle": process.name.model_dump()})
            return f"the bundle is now {process.name.name} {process.name.version}, {digest[:12]}"

    async def score(self, request: ParcelRequest) -> ScoreAnswer:
        """The answer for one parcel, within the latency budget whatever happens."""
        parcel_id = str(request.parcel["parcel_id"])
        if self._in_use is None:
            return not_assessed("starting", "the service is still loading", parcel_id=parcel_id)
        if self._process is None:
            return _restarting(parcel_id)
        if self._waiting >= self._settings.limits.waiting_parcels:
            return not_assessed("busy", "too many parcels wait already", parcel_id=parcel_id)
        task = asyncio.create_task(self._score(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        budget_s = self._settings.latency_budget_s
        # Not cancelled when it is late: the process is at work on it, and the next must wait.
        done, _ = await asyncio.wait({task}, timeout=budget_s)
        if done:
            return task.result()
        reason = f"it took longer than the latency budget of {budget_s * 1000:.0f} ms"
        return not_assessed("latency", reason, parcel_id=parcel_id)

    async def _score(self, request: ParcelRequest) -> ScoreAnswer:
        parcel_id = str(request.parcel["parcel_id"])
        self._waiting += 1
        try:
            # Whoever waits longer than the budget has been answered: scoring it would only make
            # the next one late, too.
            async with asyncio.timeout(self._settings.latency_budget_s):
                await self._free.acquire()
        except TimeoutError:
            return not_assessed("latency", "it waited too long", parcel_id=parcel_id)
        finally:
            self._waiting -= 1
        try:
            return await self._with_process(request, parcel_id)
        finally:
            self._free.release()

    async def _with_process(self, request: ParcelRequest, parcel_id: str) -> ScoreAnswer:
        loop = asyncio.get_running_loop()
        while (process := self._process) is not None:
            try:
                return await loop.run_in_executor(self._threads, self._ask, process, request)
            except ScorerLostError:
                if self._process is not process:
                    continue  # closed for the next bundle just as we turned to it
                self._lost(process)
                break
        return _restarting(parcel_id)

    def _ask(self, process: ScorerProcess, request: ParcelRequest) -> ScoreAnswer:
        stuck_after_s = max(self._settings.stuck_after_s, self._settings.latency_budget_s)
        with process.in_use:
            return process.score(request, stuck_after_s=stuck_after_s)

    def _lost(self, process: ScorerProcess) -> None:
        """Start the process again, in the background."""
        self._metrics.scorer_restarts.inc()
        LOG.warning("scoring process lost")
        if self._process is process:
            self._process = None
            threading.Thread(target=self._again, args=(process.settings,), daemon=True).start()

    def _again(self, settings: ScorerSettings) -> None:
        with self._changing:
            if self._process is not None or self._in_use is None:
                return
            try:
                self._process = ScorerProcess(settings)
            except ParcelscopeError as error:
                LOG.error("scoring process does not start", extra={"error": str(error)})
                self._in_use = None  # the watcher tries again

    def _swap(self, process: ScorerProcess, bundle: BundleInUse) -> None:
        old, self._process, self._in_use = self._process, process, bundle
        name = process.name
        self._metrics.scoring_with(name=name.name, version=name.version, digest=name.digest)
        if old is not None:
            with old.in_use:  # the parcel that it works on is its last
                old.close()

    def _scorer_settings(self, folder: Path) -> ScorerSettings:
        return ScorerSettings(
            bundle=folder,
            config=self._settings.config,
            step_wedges=self._settings.step_wedges,
            history=self._settings.history_url,
        )

    async def watch(self) -> None:
        """Take up another bundle whenever there is one, until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.reload)
            except (ParcelscopeError, OSError) as error:
                told = str(error)
                if not told.endswith("refused before"):
                    LOG.error("bundle refused", extra={"error": told})
            await asyncio.sleep(self._settings.reload_every_s)

    def close(self) -> None:
        """End the scoring process."""
        with contextlib.suppress(RuntimeError):
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.close()


def _restarting(parcel_id: str) -> ScoreAnswer:
    reason = "the scoring process is being started again"
    return not_assessed("restarting", reason, parcel_id=parcel_id)
