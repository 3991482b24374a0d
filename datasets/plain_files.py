"""Opening files that somebody else named: plain ones only, and only inside the folder they claim.

Checking a path and opening it afterwards leaves a moment in which a file can become a link. So the
folders are opened one inside the other, none of them through a link.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from parcelscope.datasets.errors import ImageError

_BY_FOLDER: Final = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_BINARY: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _BINARY
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
# A pipe without a writer would block for ever.
_FILE: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY


def open_plain(path: Path, *, within: Path | None = None) -> BinaryIO:
    """The plain file at `path`, open for reading.

    Args:
        path: The file.
        within: Folder that must hold it; links may lead there, but not out of it.

    Raises:
        ImageError: `outside_feed`, or `not_an_image` for a pipe, a device or a folder.
        OSError: As `open` does.
    """
    handle = os.open(_plain(path), _FILE) if within is None else _open_within(path, within)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _not_plain(path)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _open_within(path: Path, within: Path) -> int:
    inner = path.relative_to(within) if path.is_relative_to(within) else None
    if inner is None or ".." in inner.parts or not inner.parts:
        raise _outside(path)
    if _BY_FOLDER and (handle := _open_step_by_step(within, inner)) is not None:
        return handle
    # There is a link on the way, or this system cannot tell: where does it lead?
    root = within.resolve()
    try:
        real = path.resolve(strict=True)
    except RuntimeError:  # so Python before 3.13 calls a loop of links
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise _outside(path) from None  # it was a link, and a plain file when the link was read
    if not real.is_relative_to(root) or real == root:
        raise _outside(path)
    if not _BY_FOLDER:
        return os.open(_plain(real), _FILE)
    handle = _open_step_by_step(root, real.relative_to(root))
    if handle is None:  # somebody put a link there just now
        raise _outside(path)
    return handle


def _open_step_by_step(root: Path, inner: Path) -> int | None:
    """Descriptor of `inner` below `root`; None where a link is on the way."""
    folder = os.open(root, _FOLDER)
    try:
        *folders, name = inner.parts
        for part in folders:
            if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                return None
            below = os.open(part, _FOLDER | _NO_LINK, dir_fd=folder)
            os.close(folder)
            folder = below
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            return None
        if not stat.S_ISREG(mode):  # opening a device may already do something
            raise _not_plain(root / inner)
        return os.open(name, _FILE | _NO_LINK, dir_fd=folder)
    finally:
        os.close(folder)


def _plain(path: Path) -> Path:
    if not stat.S_ISREG(path.stat().st_mode):
        raise _not_plain(path)
    return path


def _not_plain(path: Path) -> ImageError:
    return ImageError("not_an_image", f"{path} is not a plain file")


def _outside(path: Path) -> ImageError:
    return ImageError("outside_feed", f"{path} is not inside the feed folder")
