"""A spool folder: which drops in it are complete, and how each ends in one place with one answer.

    DIR/NAME/                       a drop: the files of one parcel
    DIR/.working/NAME/              the drop that is being scored
    DIR/done/NAME/, NAME.json       a drop that was assessed, and its answer
    DIR/failed/NAME/, NAME.json     one that was not, and why
    NAME.tdr.dcs beside NAME.json   the answer once more, for a drop with DICOS scans

The answer is the commit point. A drop that is being worked on and has no answer goes back to where
it came from; one that has its answer goes where the answer is. So nothing is lost, and nothing is
answered twice, wherever the process was killed.
"""

import fcntl
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.datasets.writing import write_text_whole, write_whole
from parcelscope.pipelines.drops import read_manifest
from parcelscope.pipelines.link_swap import sync_names
from parcelscope.pipelines.quiet_files import (
    Stamp,
    is_open_for_writing,
    is_unfinished,
    stamp_of,
)

Outcome = Literal["done", "failed"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("done", "failed")
WORKING: Final = ".working"
LOCK: Final = ".lock"
MAX_NAME_BYTES: Final = 200
"""Of the 255 that a name may have: the rest is for a number and a suffix."""
MOST_AT_ONCE: Final = 32
"""Drops that one look gives, so that a long backlog does not hide what comes meanwhile."""
MOST_REPORTS: Final = 100
"""More than a drop has images."""
LOG = logging.getLogger("parcelscope.watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A drop that is complete."""

    name: str
    stamp: Stamp
    since_s: float
    """When it was last seen to change, on the clock of the spool."""


@dataclass(slots=True)
class _Seen:
    stamp: Stamp
    since_s: float


@dataclass(slots=True, kw_only=True)
class Spool:
    """The folder, for the one process that watches it."""

    folder: Path
    settle_s: float
    """A drop counts as quiet when nothing in it has changed for so long."""
    patience_s: float
    """A quiet drop that still lacks something is taken as it is after so long."""
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @property
    def working(self) -> Path:
        """Where the drop is that is being scored."""
        return self.folder / WORKING

    @property
    def waiting(self) -> set[str]:
        """Names of the drops that the last look saw, complete or not."""
        return set(self._seen)

    def complete(self) -> list[Drop]:
        """The drops that are complete now, those first that were so first."""
        now = self.clock()
        seen: dict[str, _Seen] = {}
        for name in self._names():
            try:
                stamp = stamp_of(self.folder / name)
            except FileNotFoundError:  # a file was renamed while we looked
                stamp = ()
            except OSError as error:
                self.tell(name, "cannot be looked into", error)
                continue
            before = self._seen.get(name)
            seen[name] = before if before and before.stamp == stamp else _Seen(stamp, now)
        self._seen = seen
        in_turn = sorted(seen, key=lambda name: (seen[name].since_s, _newest(seen[name]), name))
        found = (
            Drop(name=name, stamp=seen[name].stamp, since_s=seen[name].since_s)
            for name in in_turn
            if self._is_complete(name, now - seen[name].since_s)
        )
        return list(itertools.islice(found, MOST_AT_ONCE))

    def take(self, drop: Drop) -> str:
        """Move `drop` where nobody but this process looks; its name there, which is free.

        Raises:
            OSError: If it cannot be moved, as when it belongs to somebody else.
        """
        name = self._free(drop.name)
        # Should it not let itself be moved, its next turn comes after that of all others.
        self._seen[drop.name].since_s = self.clock()
        (self.folder / drop.name).rename(self.working / name)
        del self._seen[drop.name]
        return name

    def finish(
        self, name: str, outcome: Outcome, answer: str, reports: Sequence[bytes] = ()
    ) -> None:
        """Write the answer to the drop that was taken as `name`, and move the drop beside it.

        Args:
            name: As `take` gave it.
            outcome: Where to.
            answer: The commit point: written last.
            reports: The same as DICOS reports; their files are named by `report_names`.

        Raises:
            OSError: If the disk refuses; `recover` then does what is left to be done.
        """
        for file, report in zip(report_names(name, len(reports)), reports, strict=True):
            write_whole(self.folder / outcome / file, report)
        write_text_whole(self.folder / outcome / f"{name}.json", answer)
        self._move(name, outcome)

    def put_back(self, name: str) -> None:
        """Give back the drop that was taken as `name`, to be looked at anew."""
        for outcome in OUTCOMES:
            _forget_reports(self.folder / outcome, name)
        (self.working / name).rename(self.folder / self._free(name, self.folder))

    def recover(self) -> None:
        """End what a process began that is no more: answered drops are moved, others put back."""
        for name in sorted(entry.name for entry in os.scandir(self.working)):
            if name == LOCK:
                continue
            answered = [one for one in OUTCOMES if (self.folder / one / f"{name}.json").is_file()]
            try:
                if answered:
                    self._move(name, answered[0])
                else:
                    self.put_back(name)
            except OSError as error:
                self.tell(name, "cannot be moved", error)

    def tell(self, name: str, what: str, error: OSError | None = None) -> None:
        """Log something about a drop, once for as long as it is there."""
        if name not in self._told:
            self._told.add(name)
            values = {"drop": printable(name)} | ({"error": error.strerror} if error else {})
            LOG.warning(what, extra=values)

    def _names(self) -> list[str]:
        names = []
        here = {entry.name for entry in os.scandir(self.working)}
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name = entry.name
                here.add(name)
                if name in OUTCOMES or is_unfinished(name):
                    continue
                if entry.is_dir(follow_symlinks=False) or entry.is_symlink():
                    names.append(name)
                else:
                    self.tell(name, "left alone: not a folder")
        self._told &= here
        return names

    def _is_complete(self, name: str, quiet_s: float) -> bool:
        """Whether a drop that has been quiet for so long is to be taken."""
        if quiet_s < self.settle_s:
            return False
        drop = self.folder / name
        if drop.is_symlink():  # taken only to be refused: where it leads is not looked at
            return True
        files = [entry[0] for entry in self._seen[name].stamp]
        try:
            lacking = sorted(set(read_manifest(drop).named) - set(files))
        except FeedError:
            lacking = ["parcel.json"]
        if lacking and quiet_s < self.patience_s:
            return False
        # However long a writer pauses: who has a file open has not finished it.
        if any(is_open_for_writing(drop / file) for file in files):
            self.tell(name, "waits: a file is still open for writing")
            return False
        return True

    def _move(self, name: str, outcome: Outcome) -> None:
        (self.working / name).rename(self.folder / outcome / name)
        sync_names(self.folder / outcome)

    def _free(self, name: str, *folders: Path) -> str:
        """`name`, or with a number if one of `folders` has it already, or its answer."""
        places = folders or (self.working, *(self.folder / outcome for outcome in OUTCOMES))
        stem = os.fsdecode(os.fsencode(name)[:MAX_NAME_BYTES])
        for number in itertools.count(1):
            free = stem if number == 1 else f"{stem}~{number}"
            beside = (free, f"{free}.json", *report_names(free, 1))
            taken = (place / one for place in places for one in beside)
            if not any(path.is_symlink() or path.exists() for path in taken):
                return free
        raise AssertionError("counting never ends")


@contextmanager
def open_spool(
    folder: Path,
    *,
    settle_s: float,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Spool]:
    """The spool in `folder`, for this process alone.

    Raises:
        ConfigError: If there is no such folder, it cannot be written, a folder of the spool is a
            link or on another disk, or another process watches it.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: expected a spool folder, got no such folder")
    root = folder.resolve()
    try:
        for name, mode in ((WORKING, 0o700), *((outcome, 0o777) for outcome in OUTCOMES)):
            inner = root / name
            inner.mkdir(mode=mode, exist_ok=True)
            if inner.is_symlink() or inner.stat().st_dev != root.stat().st_dev:
                raise ConfigError(
                    f"{inner}: expected a folder on the disk of the spool, as drops are moved there"
                    " in one step; got a link or another disk"
                )
        handle = os.open(root / WORKING / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{folder}: expected a spool folder that can be written, got: {error.strerror}"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f"{folder}: another process watches this folder already") from None
        _sweep(root)
        yield Spool(folder=root, settle_s=settle_s, patience_s=patience_s, clock=clock)
    finally:
        os.close(handle)


def report_names(name: str, count: int) -> list[str]:
    """Names of the `count` DICOS reports of a drop: one for each study, usually one."""
    return [f"{name}.tdr.dcs" if n == 1 else f"{name}.tdr-{n}.dcs" for n in range(1, count + 1)]


def printable(name: str) -> str:
    """`name` without what no log or JSON takes."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)


def _newest(seen: _Seen) -> int:
    return max((changed_ns for _, _, changed_ns, _ in seen.stamp), default=0)


def _forget_reports(place: Path, name: str) -> None:
    """Delete the reports of an answer that was never written."""
    if not (place / f"{name}.json").exists():
        for file in report_names(name, MOST_REPORTS):
            if (place / file).is_file():
                (place / file).unlink()


def _sweep(root: Path) -> None:
    """Delete what killed processes left of answers that they had not finished."""
    for outcome in OUTCOMES:
        for path in (root / outcome).glob(".*.part"):
            path.unlink(missing_ok=True)
