"""Whether files are still being written, as far as anybody can tell from outside."""

import fcntl
import itertools
import os
import signal
from pathlib import Path
from typing import Final

UNFINISHED: Final = (".part", ".partial", ".filepart", ".tmp")
"""How names end that uploading programs give to what they have not finished."""
MAX_ENTRIES: Final = 1000
"""Files of a drop that are looked at."""

Stamp = tuple[tuple[str, int, int, int], ...]
"""Name, size, time of the last change and number of each file."""


def stamp_of(drop: Path) -> Stamp:
    """What tells whether `drop` changed; empty for a link, which is not followed.

    Raises:
        OSError: As listing a folder does.
    """
    if drop.is_symlink():
        return ()
    with os.scandir(drop) as entries:
        some = list(itertools.islice(entries, MAX_ENTRIES))
    told = [(entry.name, entry.stat(follow_symlinks=False)) for entry in some]
    return tuple(sorted((name, is_.st_size, is_.st_mtime_ns, is_.st_ino) for name, is_ in told))


def is_unfinished(name: str) -> bool:
    """Whether `name` says that what it names is not to be looked at yet."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def is_open_for_writing(path: Path) -> bool:
    """Whether some process has `path` open for writing, as far as the system tells.

    Linux grants a lease for reading only where nobody has: on local disks, to the owner of the file
    and to root. Elsewhere the answer is no, and quietness alone decides.
    """
    if not hasattr(fcntl, "F_SETLEASE") or path.is_symlink() or not path.is_file():
        return False
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Whoever opens the file meanwhile has us told by a signal: by one that does nothing,
        # as the usual one would end the process.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
