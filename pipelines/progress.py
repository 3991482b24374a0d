"""How far a run is, its rate and the time left, on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TextIO

QUIET_EVERY_S = 10.0
"""A log file gets a line this often; a terminal gets a bar."""


class Report(Protocol):
    """Takes the news of a long job."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` things of `stage` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Report]:
    """A `Report` that draws a bar on a terminal and prints a line now and then elsewhere.

    Args:
        stream: Where to; standard error if None, so that results can be piped.
    """
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        yield Lines(write=lambda line: print(line, file=stream, flush=True))
        return
    with _bar(stream) as report:
        yield report


@dataclass(slots=True)
class Lines:
    """A `Report` that writes one line every `every_s`, and one when a stage is done."""

    write: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    every_s: float = QUIET_EVERY_S
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
        self.write(sentence(stage, done, total, elapsed_s=now - self._began))


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


@contextmanager
def _bar(stream: TextIO) -> Iterator[Report]:
    # Only here: rich takes longer to import than most commands take to run.
    from rich.console import Console
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

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(file=stream)) as shown:

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = shown.add_task(stage, total=total)
            shown.update(tasks[stage], completed=done, total=total)

        yield report
