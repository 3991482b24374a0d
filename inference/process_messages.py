"""What the run and its decoding processes say to each other: JSON in frames, and open files.

Never pickle: a process that a hostile file took over must not run anything in the one that asks.
"""

import json
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Final

Words = dict[str, Any]

LONGEST_BYTES: Final = 1 << 24
"""Longest message; the codes of a photo full of them are thousands of bytes."""
_HEAD = struct.Struct("<I")


class EndedError(Exception):
    """The other side is gone, silent for too long, or talks nonsense."""


def send(channel: socket.socket, words: Words, files: Sequence[int] = ()) -> None:
    """Send `words`, and the open files of the descriptors `files` with them.

    Raises:
        EndedError: If nobody is there to take them.
    """
    body = json.dumps(words).encode()
    frame = _HEAD.pack(len(body)) + body
    try:
        sent = socket.send_fds(channel, [frame], list(files)) if files else 0
        channel.sendall(frame[sent:])
    except OSError as error:
        raise EndedError(str(error)) from None


def receive(
    channel: socket.socket, *, deadline: float | None = None, most_files: int = 0
) -> tuple[Words, list[int]]:
    """The next message, and the descriptors of the files that came with it.

    Args:
        channel: Where it comes from.
        deadline: `time.monotonic()` until which to wait; None for ever.
        most_files: How many open files may come.

    Raises:
        TimeoutError: At the deadline.
        EndedError: If the other side is gone or talks nonsense.
    """
    files: list[int] = []
    data = b""
    wanted = _HEAD.size
    try:
        while len(data) < wanted:
            _until(channel, deadline)
            if most_files:
                part, came, _, _ = socket.recv_fds(channel, wanted - len(data), most_files)
                files += came
            else:
                part = channel.recv(wanted - len(data))
            if not part:
                raise EndedError("the other side is gone")
            data += part
            if len(data) == _HEAD.size == wanted:
                wanted += _HEAD.unpack(data)[0]
                if wanted > LONGEST_BYTES:
                    raise EndedError(f"a message of {wanted} bytes")
        words = json.loads(data[_HEAD.size :])
    except TimeoutError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise EndedError(str(error)) from None
    if not isinstance(words, dict):
        raise EndedError(f"expected an object, got {type(words).__name__}")
    return words, files


def _until(channel: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        channel.settimeout(None)
        return
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    channel.settimeout(left_s)
