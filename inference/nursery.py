"""The run's side of its decoding processes: one that forks, and its forks."""

import os
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO, Final

from parcelscope.datasets.errors import RunError
from parcelscope.inference.process_messages import EndedError, Words, receive, send
from parcelscope.inference.slabs import RESULT_BYTES, SLAB_BYTES, Pixels, Slab, room_for

START_S: Final = 120.0
"""Longest start of the first process, which imports all decoders; usually one second."""


class DecodingProcess:
    """One decoding process, used by one thread at a time."""

    def __init__(self, channel: socket.socket, number: int) -> None:
        self.number = number
        self._channel = channel
        self._slabs: deque[Slab] = deque()
        """Those that nothing is lent from."""

    def ask(
        self, words: Words, buffers: Sequence[bytes | Pixels], limit_s: float
    ) -> tuple[Words, list[Pixels]]:
        """The answer, and the pixels that came with it.

        Raises:
            TimeoutError: If there is none within `limit_s`.
            EndedError: If the process is gone, or answers nonsense.
        """
        slab, new = self._slab(room_for(buffers))
        once = slab.size_bytes > SLAB_BYTES
        places = slab.write(buffers)
        request = words | {
            "slab": slab.number,
            "size": slab.size_bytes,
            "once": once,
            "buffers": places,
        }
        deadline = time.monotonic() + limit_s
        send(self._channel, request, [slab.file] if new else [])
        answer, _ = receive(self._channel, deadline=deadline)
        try:
            parts = [(int(offset), str(name), list(shape)) for offset, name, shape in
                     answer.get("parts", [])]  # fmt: skip
            arrays = slab.lend(parts, _returning(slab, None if once else self._slabs))
        except (TypeError, ValueError) as error:
            raise EndedError(f"no pixels of a picture: {error}") from None
        return answer, arrays

    def close(self) -> None:
        """Let go of the process; it ends when it notices."""
        self._channel.close()

    def _slab(self, room_bytes: int) -> tuple[Slab, bool]:
        """A slab with room for a request and its result, and whether the process lacks it."""
        if room_bytes > SLAB_BYTES:
            return Slab(room_bytes + RESULT_BYTES), True
        try:
            return self._slabs.pop(), False
        except IndexError:
            return Slab(), True


def _returning(slab: Slab, free: deque[Slab] | None) -> Callable[[], None]:
    """What puts `slab` among the `free` ones, if it is to be used again."""

    def give_back() -> None:
        if free is not None:
            slab.trim()
            free.append(slab)

    return give_back


class Nursery:
    """The process that all others are forks of."""

    def __init__(self, command: Sequence[str], limit_s: float) -> None:
        self._command = [*command]
        self._limit_s = limit_s
        self._one_at_a_time = threading.Lock()
        self._start()

    def fork(self) -> DecodingProcess:
        """A new process, in milliseconds."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                answer = self._say({"fork": self._limit_s}, [theirs.fileno()])
            if "process" not in answer:
                raise RunError(f"no process to decode in could be had: {answer.get('error')}")
        except RunError:
            ours.close()
            raise
        return DecodingProcess(ours, int(answer["process"]))

    def end(self, process: DecodingProcess) -> str:
        """Kill `process` if it lives; in words, how it ended."""
        process.close()
        status = int(self._say({"end": process.number}).get("status", 0))
        return f"signal {-status}" if status < 0 else f"exit code {status}"

    def close(self) -> None:
        """End the process; its forks end when they notice that their channels are closed."""
        self._stop()
        self._process.wait()

    def _say(self, words: Words, files: Sequence[int] = ()) -> Words:
        with self._one_at_a_time:
            try:
                self._until_ready()
                send(self._channel, words, files)
                return receive(self._channel, deadline=time.monotonic() + START_S)[0]
            except (EndedError, TimeoutError) as error:
                raise RunError(f"the process that starts decoders ended: {error}") from None

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _stop
        one_thread = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
        with theirs:
            self._process = subprocess.Popen(
                self._command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._complaints,
                env=os.environ | dict.fromkeys(one_thread, "1"),
                start_new_session=True,  # Ctrl-C is for the run, which then ends this one
            )
        self._ready = False
        self._stop = weakref.finalize(self, _stop, self._channel, self._complaints)

    def _until_ready(self) -> None:
        if self._ready:
            return
        try:
            receive(self._channel, deadline=time.monotonic() + START_S)
        except (EndedError, TimeoutError):
            self._complaints.seek(0)
            lines = self._complaints.read().decode(errors="replace").strip().splitlines()
            raise RunError(
                f"{' '.join(self._command)}: expected it to start, got:"
                f" {lines[-1] if lines else 'nothing'}"
            ) from None
        self._ready = True


def _stop(channel: socket.socket, complaints: IO[bytes]) -> None:
    channel.close()
    complaints.close()
