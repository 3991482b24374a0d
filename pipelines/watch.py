"""Watch a spool folder: score each parcel that a scanner leaves there once it is complete."""

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import FeedError
from parcelscope.pipelines.drops import read_drop
from parcelscope.pipelines.quiet_files import stamp_of
from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.parcel import ScoreAnswer, not_assessed
from parcelscope.pipelines.service.scoring import ParcelScoring
from parcelscope.pipelines.service.settings import ServiceSettings, load_settings
from parcelscope.pipelines.spool import (
    Drop,
    Outcome,
    Spool,
    open_spool,
    printable,
    report_names,
)
from parcelscope.pipelines.threat_reports import threat_reports

LOOK_EVERY_S: Final = 0.1
RETRY_S: Final = 5.0
"""Pause after the disk refused an answer."""
LOG = logging.getLogger("parcelscope.watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """What to watch, and how long to wait for what."""

    folder: Path
    bundle: Path | None = None
    """Folder, or a link to one, which may change; the built-in bundle if None."""
    config: Path | None = None
    step_wedges: Path | None = None
    history: str | None = None
    """File or URL of the history of numbers; None compares with nothing earlier."""
    latency_budget_s: float = 1.0
    """A parcel that takes longer to score is answered as not assessed."""
    max_wait_s: float | None = None
    """A parcel that waited longer for its turn is, too; None lets it wait."""
    settle_s: float = 0.5
    """How long nothing in a drop may have changed before it counts as complete."""
    patience_s: float = 60.0
    """How long a drop that lacks a file is waited for once it is quiet."""
    once: bool = False
    """End when no drop is left."""

    @property
    def scoring(self) -> ServiceSettings:
        """What of it the scoring process is told."""
        told = {
            "bundle": self.bundle,
            "config": self.config,
            "step_wedges": self.step_wedges,
            "history": self.history,
            "latency_budget_s": self.latency_budget_s,
        }
        return load_settings(None, told)


class WatchAnswer(ScoreAnswer, frozen=True, extra="forbid"):
    """What is written beside a drop: the answer of the service, and where it comes from."""

    drop: str
    """Name of the folder as the scanner left it."""
    answered: str
    """When, UTC, ISO 8601."""
    waited_ms: float
    """From the last change of the drop that was seen to the moment when its turn came."""
    reports: tuple[str, ...] = ()
    """DICOS reports beside this file, one for each study of which the drop has DX images."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What is said about a drop, and its images, as far as they were read."""

    answer: ScoreAnswer
    files: Mapping[str, bytes] = field(default_factory=dict)


def watch(settings: WatchSettings, *, say: Callable[[str], object] = print) -> Counter[Outcome]:
    """Score what comes into the folder until the process is asked to stop.

    Whatever a drop holds costs that drop alone. Asked to stop by SIGTERM or SIGINT, it finishes the
    parcel that it has.

    Args:
        settings: What to watch.
        say: Told in a sentence when it begins.

    Returns:
        How many drops ended where.

    Raises:
        ConfigError: If the folder cannot be watched, or a setting does not fit.
        BundleError: If the bundle is refused.
    """
    scoring_settings = settings.scoring
    with open_spool(
        settings.folder, settle_s=settings.settle_s, patience_s=settings.patience_s
    ) as spool:
        scoring = ParcelScoring(scoring_settings, Metrics())
        try:
            scoring.reload()
            say(f"parcelscope watches {settings.folder}")
            return asyncio.run(_Watch(settings, scoring_settings, spool, scoring).until_stopped())
        finally:
            scoring.close()


@dataclass(slots=True)
class _Watch:
    settings: WatchSettings
    scoring_settings: ServiceSettings
    spool: Spool
    scoring: ParcelScoring
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    ended: Counter[Outcome] = field(default_factory=Counter)
    immovable: set[str] = field(default_factory=set)
    """Drops that this process may not move."""

    async def until_stopped(self) -> Counter[Outcome]:
        loop = asyncio.get_running_loop()
        for asked in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(asked, self.stop.set)
        reloading = asyncio.create_task(self.scoring.watch())
        try:
            while not self.stop.is_set():
                left = await self._turn()
                if self.settings.once and not left - self.immovable:
                    break
                await self._pause(LOOK_EVERY_S)
        finally:
            reloading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reloading
        return self.ended

    async def _turn(self) -> set[str]:
        """Look once and score what is complete; the drops that there were, complete or not."""
        try:
            drops, waiting = await asyncio.to_thread(self._look)
        except OSError as error:  # a share that is gone comes back
            LOG.error("spool cannot be read", extra={"error": error.strerror})
            await self._pause(RETRY_S)
            return {""}
        self.immovable &= waiting
        for drop in drops:
            # While the process is starting again, or works on a late parcel, drops are safe here.
            while not self.scoring.is_free and not self.stop.is_set():
                await self._pause(LOOK_EVERY_S)
            if self.stop.is_set():
                break
            await self._end(drop)
        return waiting

    def _look(self) -> tuple[list[Drop], set[str]]:
        self.spool.recover()
        return self.spool.complete(), self.spool.waiting

    async def _end(self, drop: Drop) -> None:
        """See one drop to its end; what the disk refuses is tried again later."""
        waited_s = self.spool.clock() - drop.since_s
        began = time.perf_counter()
        try:
            name = self.spool.take(drop)
        except OSError as error:
            self.spool.tell(drop.name, "cannot be taken", error)
            self.immovable.add(drop.name)
            return
        self.immovable.discard(drop.name)
        said = await self._answer(self.spool.working / name, drop, waited_s)
        try:
            if said is None:
                LOG.warning(
                    "put back: it changed, or the process was stopped",
                    extra={"drop": printable(drop.name)},
                )
                self.spool.put_back(name)
                return
            answer = said.answer.model_copy(
                update={"took_ms": round((time.perf_counter() - began) * 1000, 1)}
            )
            outcome: Outcome = "done" if answer.verdict == "assessed" else "failed"
            now = datetime.now(UTC)
            reports = await asyncio.to_thread(threat_reports, answer, said.files, decided_at=now)
            told = WatchAnswer(
                **answer.model_dump(),
                drop=printable(drop.name),
                answered=now.isoformat(timespec="milliseconds"),
                waited_ms=round(waited_s * 1000, 1),
                reports=tuple(report_names(printable(name), len(reports))),
            )
            self.spool.finish(name, outcome, told.model_dump_json(indent=1) + "\n", reports)
        except OSError as error:
            LOG.error(
                "no answer could be written; tried again later",
                extra={**_of(drop), "error": error.strerror},
            )
            await self._pause(RETRY_S)
            return
        self.ended[outcome] += 1
        _log(told, outcome)

    async def _answer(self, folder: Path, drop: Drop, waited_s: float) -> _Read | None:
        """What is said about the drop in `folder`; None if it is to be looked at anew."""
        limits = self.scoring_settings.limits
        try:
            read = await asyncio.to_thread(
                read_drop, folder, max_bytes=limits.parcel_bytes, max_images=limits.parcel_images
            )
            same = stamp_of(folder) == drop.stamp
        except FeedError as error:
            return _Read(not_assessed("request", str(error)))
        except OSError as error:
            return _Read(not_assessed("request", f"the drop cannot be read: {error.strerror}"))
        if not same:
            return None
        files = read.request.files
        longest_s = self.settings.max_wait_s
        if longest_s is not None and waited_s > longest_s:
            reason = f"it waited for its turn for more than {longest_s * 1000:.0f} ms"
            parcel_id = str(read.request.parcel["parcel_id"])
            return _Read(not_assessed("latency", reason, parcel_id=parcel_id), files)
        answer = await self.scoring.score(read.request)
        if self.stop.is_set() and answer.why == "restarting":
            # Whoever stops a service may stop all its processes at once: no fault of the drop.
            return None
        return _Read(read.with_refused(answer), files)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until the process is asked to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def _of(drop: Drop) -> dict[str, str]:
    return {"drop": printable(drop.name)}


def _log(told: WatchAnswer, outcome: Outcome) -> None:
    values = {
        "drop": told.drop,
        "parcel": told.parcel_id,
        "outcome": outcome,
        "risk": told.risk,
        "band": told.band,
        "why": told.why,
        "reason": told.reason,
        "waited_ms": told.waited_ms,
        "took_ms": told.took_ms,
    }
    LOG.info("answered", extra={name: value for name, value in values.items() if value is not None})
