"""The unit of work: a shard, some owners of a feed in the order of their ids.

A shard is named by its index and known by its digest, so that whoever scores it, in this process or
on another machine, can be held to have seen the same rows and files.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.feed_images import store_at
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.observed import StageState
from parcelscope.inference.owners import ImageRow, Owner, OwnerTable
from parcelscope.inference.verdicts import Verdict

DEFAULT_SHARD_SIZE = 256
"""Parcels and cartons of a shard. A killed run loses at most this many, and a commit costs some
20 ms, which at 30 parcels a second is a quarter of a percent of what the shard takes."""


StageTime = tuple[str, StageState, float]
"""A stage, what its threads did, and for how many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSpec:
    """Which owners a shard holds, and what their rows and files were when it was planned."""

    index: int
    """0 for the owners whose ids sort first."""
    owners: tuple[tuple[OwnerKind, str], ...]
    """In the order of their ids."""
    digest: str
    """SHA-256 over the owners and their images; see `shard_digest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFile:
    """One file that a shard left, as the ledger lists it."""

    table: str
    """Such as `findings`; the name of its folder, unless the table is one file."""
    file: str
    """Relative to the run folder, with forward slashes."""
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReceipt:
    """That a shard is committed, and what it came to. Small enough to cross a network."""

    index: int
    owners: int
    parts: tuple[PartFile, ...]
    verdicts: tuple[tuple[Verdict, int], ...]
    """How many images came to each verdict."""
    commit_s: float
    """Seconds to write the parts and commit."""
    already: bool = False
    """Whether somebody else had committed the same before."""
    faults: tuple[tuple[str, int], ...] = ()
    """How many images are quarantined, by code."""
    times: tuple[StageTime, ...] = ()
    """What the threads of the worker did since its last shard."""
    held_bytes: int = 0
    """Most that was decoded and waited for the models at one time."""


class ShardPlan:
    """The shards of one feed: the same for any order of its rows and any number of workers."""

    def __init__(self, feed: Feed, *, shard_size: int = DEFAULT_SHARD_SIZE) -> None:
        """Cut `feed` into shards of `shard_size` owners, 1 or more; the last may be shorter.

        Raises:
            ValueError: If `shard_size` is below 1.
        """
        if shard_size < 1:
            raise ValueError(f"shard_size must be 1 or more, got {shard_size}")
        self.root = feed.root
        self.shard_size = shard_size
        self._owners = OwnerTable(feed)

    @property
    def owners(self) -> int:
        """Parcels and cartons of the feed."""
        return self._owners.count

    def __len__(self) -> int:
        """Number of shards."""
        return -(-self.owners // self.shard_size)

    def shard(self, index: int) -> tuple[Owner, ...]:
        """The owners of shard `index` with their images."""
        return self._owners.between(index * self.shard_size, (index + 1) * self.shard_size)

    def spec(self, index: int) -> ShardSpec:
        """What shard `index` holds; looks at the files that have no SHA-256, but opens none."""
        return spec_of(index, self.shard(index), self.root)

    def specs(self) -> Iterator[ShardSpec]:
        """All shards in order, one at a time."""
        return (self.spec(index) for index in range(len(self)))


def spec_of(index: int, owners: tuple[Owner, ...], root: Path) -> ShardSpec:
    """The specification of `owners` as shard `index`."""
    return ShardSpec(
        index=index,
        owners=tuple((owner.owner_kind, owner.owner_id) for owner in owners),
        digest=shard_digest(owners, root),
    )


def shard_digest(owners: tuple[Owner, ...], root: Path) -> str:
    """SHA-256 over the ids of `owners` and the content of their images.

    The content is the SHA-256 that the feed gives, else the size and the time of the last change
    (or its place in a shard), else that it is not there. What the rows say beyond that is in the
    digest of the tables.
    """
    told = hashlib.sha256()
    for owner in owners:
        told.update(f"{owner.owner_kind}\0{owner.owner_id}\n".encode())
        for image in owner.images:
            told.update(f"{image.row}\0{image.path}\0{_content(image, root)}\n".encode())
    return told.hexdigest()


def _content(image: ImageRow, root: Path) -> str:
    if image.sha256 is not None:
        return image.sha256.lower()
    return store_at(root).stamp(image.path)
