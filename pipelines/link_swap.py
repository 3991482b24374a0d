"""A link that leads elsewhere in one step, whatever it was before."""

import ctypes
import errno
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import BundleError

RENAME_EXCHANGE: Final = 2
AT_FDCWD: Final = -100


def swap_link(link: Path, to: Path) -> None:
    """Make `link` lead to `to`, in one step whatever it was before.

    Raises:
        BundleError: If a folder is there that this system cannot swap for a link.
    """
    aside = link.with_name(f".{link.name}.{secrets.token_hex(4)}.link")
    aside.symlink_to(os.path.relpath(to, link.parent), target_is_directory=True)
    try:
        if link.is_dir() and not link.is_symlink():
            _exchange(aside, link)
            # The folder that was the champion has the other name now.
            aside.rename(to.parent / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
        else:
            aside.replace(link)
    finally:
        if aside.is_symlink():
            aside.unlink()
    sync_names(link.parent)


def sync_names(folder: Path) -> None:
    """Make a change of names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> None:
    """Swap two names in one step; Linux alone offers it, and not on every file system."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    ctypes.set_errno(errno.ENOSYS)
    names = os.fsencode(one), os.fsencode(other)
    if rename is None or rename(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) != 0:
        raise BundleError(
            f"{other}: a folder cannot be swapped for a link in one step here"
            f" ({os.strerror(ctypes.get_errno())}); move it away, put a link to it in its place,"
            " and promote again"
        )
