"""The promotions log: one JSON line for each decision, only ever appended to.

Each line holds the SHA-256 of the line before, so that a line taken out or changed later is noticed
by the next promotion.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import BundleError
from parcelscope.pipelines.run_folder import BundleName

FIRST: Final = "0" * 64
"""What the first line has for a line before it."""


class Promotion(BaseModel, frozen=True, extra="forbid"):
    """One decision that a challenger takes the champion's place."""

    event: Literal["decided", "swapped", "not swapped"]
    """`decided` is written before the swap, `swapped` after it; after a cut-off promotion the next
    one writes which of both it found."""
    at: str
    """UTC, ISO 8601."""
    by: str
    champion: BundleName
    challenger: BundleName
    metric: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    evidence_sha256: str | None = None
    forced: bool = False
    reason: str | None = None
    previous: str = FIRST
    """SHA-256 of the line before."""


def log_path(target: Path) -> Path:
    """The log of the bundle at `target`."""
    return target.with_name(f"{target.name}.promotions.ndjson")


def read_promotions(path: Path) -> list[Promotion]:
    """Every decision in the log at `path`, the oldest first.

    Raises:
        BundleError: If a line is none, or does not follow from the one before.
    """
    if not path.exists():
        return []
    previous, promotions = FIRST, []
    for number, line in enumerate(_lines(path), start=1):
        try:
            promotion = Promotion.model_validate_json(line)
        except ValidationError:
            raise BundleError(f"{path} line {number}: expected a promotion, got others") from None
        if promotion.previous != previous:
            raise BundleError(
                f"{path} line {number}: does not follow from the line before; the log was changed"
                " after it was written"
            )
        previous = hashlib.sha256(line).hexdigest()
        promotions.append(promotion)
    return promotions


@contextmanager
def locked_log(path: Path) -> Iterator[None]:
    """Nobody else promotes to the same target inside the block.

    Raises:
        BundleError: If somebody else is at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BundleError(f"{path}: another promotion is under way; try again") from None
        yield


def append_promotion(path: Path, promotion: Promotion) -> None:
    """Append a line to the log and flush it to the disk.

    What a cut-off write left behind the last whole line is cut away: nobody was told of it.
    """
    lines = _lines(path)
    whole = sum(len(line) + 1 for line in lines)
    previous = hashlib.sha256(lines[-1]).hexdigest() if lines else FIRST
    data = promotion.model_copy(update={"previous": previous}).model_dump(mode="json")
    with path.open("r+b") as file:
        file.truncate(whole)
        file.seek(whole)
        file.write(json.dumps(data).encode("utf-8") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(path: Path) -> list[bytes]:
    """The whole lines of the log."""
    return path.read_bytes().split(b"\n")[:-1]
