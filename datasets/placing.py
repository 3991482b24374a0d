"""Image files taken from where they lie into a folder of ours, under plain names."""

import hashlib
import re
import shutil
from pathlib import Path, PurePosixPath

_LONGEST_NAME = 120


def path_inside(root: Path, name: str) -> Path | None:
    """The resolved file or folder that `name` says, or None if it may lead out of `root`.

    Args:
        root: Folder that names start from.
        name: Path from outside; only plain relative paths with forward slashes are taken, and no
            link that leads out.
    """
    parts = PurePosixPath(name).parts
    plain = name and not re.search(r"[\x00-\x1f\x7f\\]|://|^(~|[A-Za-z]:)", name)
    if not plain or name.startswith("/") or ".." in parts:
        return None
    try:
        real = (root / name).resolve()
        return real if real.is_relative_to(root.resolve()) else None
    except (OSError, RuntimeError):  # a loop of links, or a name too long for the system
        return None


def unique_name(stem: str, used: set[str], *, default: str = "image") -> str:
    """A name of plain characters made of `stem`, with a number where it is in `used`; joins it."""
    # Compared without case, as the folder may be moved to a file system that ignores it.
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._")[:_LONGEST_NAME] or default
    candidate, number = plain, 1
    while candidate.lower() in used:
        number += 1
        candidate = f"{plain}-{number}"
    used.add(candidate.lower())
    return candidate


def place_file(source: Path, target: Path, *, copy: bool) -> str:
    """Link or copy `source` to `target`; the SHA-256 of what is there then.

    Args:
        source: File to take.
        target: Where to; missing parent folders are made.
        copy: Copy it; else a hard link is made, and a copy only where the disk cannot link.

    Raises:
        OSError: If the disk refuses.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if copy or not _linked(source, target):
        shutil.copyfile(source, target)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _linked(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        return False
    return True
