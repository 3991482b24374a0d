"""Batches of several threads as one: a GPU is fast on many scans and idle on few.

Each worker thread asks a model about the scans of its own few parcels. The first to ask waits a
moment for others, computes for all, and hands each its rows.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy.typing as npt

from parcelscope.inference.buckets import BucketedSession

WAIT_S: Final = 0.003
"""Longest that a batch waits for others: little beside the decoding of one parcel."""

Rows = npt.NDArray[Any]


@dataclass(slots=True, eq=False)
class _Call:
    """One caller's rows, and what came of them."""

    names: tuple[str, ...]
    name: str
    """Of the input."""
    rows: Rows
    answer: list[Rows] | None = None
    error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self.answer is not None or self.error is not None

    def joins(self, other: "_Call") -> bool:
        """Whether both can be computed at once."""
        return (self.names, self.name, self.rows.dtype, self.rows.shape[1:]) == (
            other.names, other.name, other.rows.dtype, other.rows.shape[1:],
        )  # fmt: skip

    def result(self) -> list[Rows]:
        if self.error is not None:
            raise self.error
        return self.answer or []


@dataclass(slots=True)
class GatheredSession:
    """A session whose callers share its batches; safe to call from several threads.

    What one caller is told depends on its own rows alone, as far as the provider's answers do not
    depend on the batch: a batch that fails is computed again for each caller by itself.
    """

    session: BucketedSession
    callers: int
    """Threads that may call at the same time: once all of them wait, nobody else will come."""
    wait_s: float = WAIT_S
    _waiting: list[_Call] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _is_gathering: bool = False

    def get_inputs(self) -> list[Any]:
        """Name, type and shape of each input."""
        return self.session.get_inputs()

    def get_outputs(self) -> list[Any]:
        """Name, type and shape of each output."""
        return self.session.get_outputs()

    def run(self, names: Sequence[str], feeds: dict[str, Rows]) -> list[Rows]:
        """The outputs `names` for the one input in `feeds`, (N, ...), N from 1 on."""
        ((name, rows),) = feeds.items()
        call = _Call(tuple(names), name, rows)
        with self._changed:
            self._waiting.append(call)
            self._changed.notify_all()
            # In somebody's batch, or until nobody gathers: then this caller does.
            while not call.is_done and (self._is_gathering or call not in self._waiting):
                self._changed.wait()
            if call.is_done:
                return call.result()
            self._is_gathering = True
            try:
                batch = self._gather(call)
            finally:
                # The next batch is gathered and copied while this one is computed.
                self._is_gathering = False
                self._changed.notify_all()
        try:
            self._compute(batch)
        finally:
            with self._changed:
                for one in batch:
                    if not one.is_done:  # this thread was ended; the others must not wait for it
                        one.error = RuntimeError("the thread that computed the batch ended")
                self._changed.notify_all()
        return call.result()

    def _gather(self, first: _Call) -> list[_Call]:
        """Calls to compute at once, `first` among them; they wait for nobody else any more."""
        until = time.monotonic() + self.wait_s
        while len(self._waiting) < self.callers and self._rows(first) < self.session.largest:
            left_s = until - time.monotonic()
            if left_s <= 0:
                break
            self._changed.wait(left_s)
        batch, room = [first], self.session.largest - len(first.rows)
        for call in self._waiting:
            if call is not first and call.joins(first) and len(call.rows) <= room:
                batch.append(call)
                room -= len(call.rows)
        self._waiting = [call for call in self._waiting if call not in batch]
        return batch

    def _rows(self, first: _Call) -> int:
        return sum(len(call.rows) for call in self._waiting if call.joins(first))

    def _compute(self, batch: list[_Call]) -> None:
        """Give each call of `batch` its answer, or its error."""
        names, name = batch[0].names, batch[0].name
        try:
            outputs = self.session.run_parts(names, name, [call.rows for call in batch])
        # The runtime's errors have no common class below Exception. Each caller gets its own, and
        # finds by halves which of its scans is to blame.
        except Exception as error:
            if len(batch) == 1:
                batch[0].error = error
                return
            for call in batch:
                self._compute([call])
            return
        start = 0
        for call in batch:
            end = start + len(call.rows)
            # Copies: a caller must not keep the answers of all others alive.
            call.answer = [output[start:end].copy() for output in outputs]
            start = end
