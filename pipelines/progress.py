"""How far a run is, its rate, the time left and what could not be read, on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from parcelscope.inference.observed import StageState, bottleneck, bound_fraction

QUIET_EVERY_S = 10.0
"""A log file gets a line this often; a terminal gets a bar."""


class Report(Protocol):
    """Takes the news of a long job."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` things of `stage` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


@dataclass(slots=True)
class Seen:
    """An `Observer` that keeps what is worth showing beside the progress."""

    quarantined: int = 0
    shards: int = 0
    waiting_bytes: dict[str, int] = field(default_factory=dict)
    """By queue."""
    busy_s: dict[str, float] = field(default_factory=dict)
    """By stage."""
    waited_s: float = 0.0
    """Of worker threads between pieces of work."""

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """As `Observer.rows`."""
        if verdict == "quarantined":
            self.quarantined += count

    def stage_time(self, stage: str, state: StageState, seconds: float) -> None:
        """As `Observer.stage_time`."""
        if state == "busy":
            self.busy_s[stage] = self.busy_s.get(stage, 0.0) + seconds
        else:
            self.waited_s += seconds

    def queued(self, queue: str, size_bytes: int) -> None:
        """As `Observer.queued`."""
        self.waiting_bytes[queue] = size_bytes

    def committed(self, seconds: float) -> None:
        """As `Observer.committed`."""
        self.shards += 1

    @property
    def bound_fraction(self) -> float | None:
        """Share of the additive bound that was reached; see `observed.bound_fraction`."""
        return bound_fraction(self.busy_s, self.waited_s)

    def words(self) -> str:
        """`97 % of bound, most in photos, 3 quarantined`, as far as there is something to say."""
        reached = self.bound_fraction
        parts = []
        if reached is not None:
            parts = [f"{reached:.0%} of bound", f"most in {bottleneck(self.busy_s)}"]
        if self.quarantined:
            parts.append(f"{self.quarantined:,} quarantined")
        return ", ".join(parts)


class Display(Report, Protocol):
    """A `Report` that also shows what its observer has seen."""

    @property
    def seen(self) -> Seen:
        """To be given to the engine."""


@contextmanager
def progress(stream: TextIO | None = None, *, as_json: bool = False) -> Iterator[Display]:
    """A `Display`: a bar on a terminal, a line now and then elsewhere.

    Args:
        stream: Where to; standard error if None, so that results can be piped.
        as_json: Lines with one JSON object each, for programs.
    """
    stream = sys.stderr if stream is None else stream

    def write(line: str) -> None:
        print(line, file=stream, flush=True)

    if as_json:
        yield Lines(write=write, words=json_line)
        return
    if not stream.isatty():
        yield Lines(write=write)
        return
    with _bar(stream) as display:
        yield display


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """How far one stage is."""

    stage: str
    done: int
    total: int
    elapsed_s: float
    seen: Seen


def plain_line(news: News) -> str:
    """`scoring: 1,200 of 4,000, 30.0/s, 1 min 33 s left, 97 % of bound, 3 quarantined`."""
    line = sentence(news.stage, news.done, news.total, elapsed_s=news.elapsed_s)
    return ", ".join(part for part in (line, news.seen.words()) if part)


def json_line(news: News) -> str:
    """The same, and more, as one JSON object."""
    rate = news.done / news.elapsed_s if news.done and news.elapsed_s > 0 else None
    reached = news.seen.bound_fraction
    line: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": "info",
        "logger": "parcelscope.progress",
        "message": "progress",
        "stage": news.stage,
        "done": news.done,
        "total": news.total,
        "elapsed_s": round(news.elapsed_s, 3),
        "rate": rate and round(rate, 2),
        "eta_s": rate and round((news.total - news.done) / rate, 1),
        "quarantined": news.seen.quarantined,
        "shards": news.seen.shards,
        "bottleneck_stage": bottleneck(news.seen.busy_s),
        "bound_fraction": reached and round(reached, 4),
        "queue_bytes": sum(news.seen.waiting_bytes.values()),
    }
    return json.dumps(line)


@dataclass(slots=True)
class Lines:
    """A `Display` that writes one line every `every_s`, and one when a stage is done."""

    write: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    every_s: float = QUIET_EVERY_S
    words: Callable[[News], str] = plain_line
    seen: Seen = field(default_factory=Seen)
    _stage: str = ""
    _began: float = 0.0
    _said: float = 0.0
    _finished: set[str] = field(default_factory=set)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Write a line if one is due."""
        now = self.clock()
        if stage != self._stage:
            self._stage, self._began, self._said = stage, now, now
        complete = done >= total
        if complete and stage in self._finished:
            return
        if complete:
            self._finished.add(stage)
        elif now - self._said < self.every_s:
            return
        self._said = now
        elapsed_s = now - self._began
        self.write(
            self.words(
                News(stage=stage, done=done, total=total, elapsed_s=elapsed_s, seen=self.seen)
            )
        )


def sentence(stage: str, done: int, total: int, *, elapsed_s: float) -> str:
    """One line of news: `scoring: 1,200 of 4,000, 30.0/s, 1 min 33 s left`."""
    head = f"{stage}: {done:,} of {total:,}"
    if done >= total:
        return f"{head} in {duration(elapsed_s)}"
    if done <= 0 or elapsed_s <= 0:
        return head
    rate = done / elapsed_s
    return f"{head}, {rate:.1f}/s, {duration((total - done) / rate)} left"


def duration(seconds: float) -> str:
    """`seconds` as people say them: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 7 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{whole} s"


@dataclass(slots=True)
class Bars:
    """A `Display` with one bar for each stage."""

    update: Callable[[str, int, int, str], None]
    seen: Seen = field(default_factory=Seen)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar of `stage`."""
        self.update(stage, done, total, self.seen.words())


@contextmanager
def _bar(stream: TextIO) -> Iterator[Display]:
    # Only here: rich takes longer to import than most commands take to run.
    from rich.console import Console, RenderableType
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:.1f}/s", style="dim")

    said = ""

    class Shown(Progress):
        def get_renderables(self) -> Iterator[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            if said:  # a line of its own: beside the bar it would leave no room for the counts
                yield Text(said, style="yellow")

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    tasks: dict[str, TaskID] = {}
    with Shown(*columns, console=Console(file=stream)) as shown:

        def update(stage: str, done: int, total: int, seen: str) -> None:
            nonlocal said
            said = seen
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=total)
            shown.update(tasks[stage], completed=done, total=total)

        yield Bars(update)
