"""Executors: who gives the shards of a run to whom.

An executor knows nothing of scoring. It hands out specifications, takes receipts, and makes the
workers by calling what it is given, in this process or in another.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.shards import ShardReceipt, ShardSpec


class ShardWorker(Protocol):
    """Scores shards and commits them, one after the other."""

    def __call__(self, specs: Iterable[ShardSpec]) -> Iterator[ShardReceipt]:
        """A receipt for each of `specs` as soon as it is committed."""


class WorkerMaker(Protocol):
    """Makes a worker. Can be pickled: an executor may call it on another machine."""

    @property
    def on_gpu(self) -> bool:
        """Whether its workers keep a GPU each to themselves."""

    def __call__(self) -> ShardWorker:
        """A worker of the process that this is called in."""


class Executor(Protocol):
    """Has shards scored."""

    @property
    def name(self) -> str:
        """How `run.json` calls it."""

    def threads(self, workers: int) -> int:
        """Threads of one worker where the run is to have `workers` in all."""

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """A receipt for each of those `specs` that are this executor's, in any order."""


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """One worker in this process, whose threads share a session for each model."""

    name: str = "local"

    def threads(self, workers: int) -> int:
        """All of them."""
        return workers

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """Receipts in the order of `specs`. The worker itself asks `cancelled`, more often."""
        return make_worker()(specs)


@dataclass(frozen=True, slots=True)
class ArrayExecutor:
    """One of several processes that share the shards without speaking to each other.

    For Slurm arrays, indexed jobs of Kubernetes, or ssh: process `index` of `count` takes every
    `count`-th shard, and the ledger is all that they have in common.
    """

    index: int
    """From 0."""
    count: int
    name: str = "array"

    def __post_init__(self) -> None:
        """Refuse an index that no process of so many can have."""
        if self.count < 1:
            raise ConfigError(f"--shard-count must be 1 or more, got {self.count}")
        if not 0 <= self.index < self.count:
            raise ConfigError(
                f"--shard-index must be from 0 to {self.count - 1} where --shard-count is"
                f" {self.count}, got {self.index}"
            )

    def threads(self, workers: int) -> int:
        """All of them: `workers` is said to each process by itself."""
        return workers

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """Receipts of this process's shards, in the order of `specs`."""
        return make_worker()(spec for spec in specs if self.takes(spec.index))

    def takes(self, shard: int) -> bool:
        """Whether `shard` is this process's."""
        return shard % self.count == self.index
