"""Shards on a Ray cluster: one actor for each device runs the same worker as on one machine.

Only specifications and receipts cross Ray; images and tables never do. An actor that dies is made
anew and given its shards again, which the ledger makes harmless.
"""

import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.engine import RunStoppedError
from parcelscope.inference.executors import ShardWorker, WorkerMaker
from parcelscope.inference.shards import ShardReceipt, ShardSpec

IN_FLIGHT: Final = 2
"""Shards that an actor has in hand, so that it never waits for the next."""
MOST_DEATHS: Final = 3
"""A shard that took so many actors with it will take the next one too."""
_LOOK_EVERY_S: Final = 0.5


class ShardActor:
    """A worker in a process of Ray's."""

    def __init__(self, make_worker: WorkerMaker) -> None:
        self._make_worker = make_worker
        self._worker: ShardWorker | None = None

    def score(self, spec: ShardSpec) -> ShardReceipt:
        """Score and commit one shard; loads the models before the first."""
        if self._worker is None:
            # Here and not when the actor is made: Ray tells the caller of a task why it failed.
            self._worker = self._make_worker()
        (receipt,) = self._worker([spec])
        return receipt


@dataclass(slots=True)
class _Slot:
    """An actor and what it has in hand, oldest first."""

    actor: Any
    queue: list[tuple[Any, ShardSpec]] = field(default_factory=list)

    def give(self, spec: ShardSpec) -> None:
        self.queue.append((self.actor.score.remote(spec), spec))


@dataclass(frozen=True, slots=True, kw_only=True)
class RayExecutor:
    """`actors` processes of a Ray cluster, each with its own models and its share of the threads.

    Where the models run on a GPU there is one process for each device: Ray shows a process its
    own device alone, and never gives one to two of them.

    Every machine of the cluster must see the feed, the bundle and the run folder under the same
    paths, and the ledger must be a PostgreSQL database where there are several machines.
    """

    actors: int
    address: str | None = None
    """Of the cluster; None takes that of `RAY_ADDRESS`, else starts one on this machine."""
    threads_each: int = 1
    """Least threads of one process; Ray counts them as cores that it takes."""
    gpus_each: float | None = None
    """Devices that one process takes; None for one where its models run on a GPU."""
    name: str = "ray"

    def threads(self, workers: int) -> int:
        """Threads of one actor where the run has `workers`."""
        return max(workers // self.actors, self.threads_each)

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """Receipts as they come.

        Raises:
            ConfigError: If Ray is not installed, or the cluster is too small.
            RunError: If a shard's worker died again and again.
            RunStoppedError: If `cancelled` says so; shards under way are dropped, not waited for.
        """
        ray = _ray()
        is_ours = not ray.is_initialized()
        gpus_each = float(make_worker.on_gpu) if self.gpus_each is None else self.gpus_each
        if is_ours:
            _start(ray, self.address, self.actors * self.threads_each)
        slots: list[_Slot] = []
        try:
            _require_room(ray, self.actors, self.threads_each, gpus_each)
            remote = ray.remote(ShardActor)

            def made() -> Any:
                each = {"num_cpus": self.threads_each, "num_gpus": gpus_each}
                return remote.options(**each, max_restarts=0).remote(make_worker)

            slots += [_Slot(made()) for _ in range(self.actors)]
            yield from _map(ray, slots, iter(specs), made, cancelled)
        finally:
            for slot in slots:
                ray.kill(slot.actor)
            if is_ours:
                ray.shutdown()


def _map(
    ray: Any,
    slots: list[_Slot],
    specs: Iterator[ShardSpec],
    made: Callable[[], Any],
    cancelled: Callable[[], bool],
) -> Iterator[ShardReceipt]:
    deaths: dict[int, int] = {}
    for _ in range(IN_FLIGHT):
        for slot, spec in zip(slots, specs, strict=False):
            slot.give(spec)
    while any(slot.queue for slot in slots):
        if cancelled():
            raise RunStoppedError("the run was asked to stop")
        heads = {slot.queue[0][0]: slot for slot in slots if slot.queue}
        ready, _ = ray.wait(list(heads), num_returns=1, timeout=_LOOK_EVERY_S)
        for reference in ready:
            slot = heads[reference]
            receipt = _receipt(ray, reference)
            if receipt is None:
                _revive(slot, made, deaths)
                continue
            slot.queue.pop(0)
            following = next(specs, None)
            if following is not None:
                slot.give(following)
            yield receipt


def _receipt(ray: Any, reference: Any) -> ShardReceipt | None:
    """What the task came to, or None where its actor died."""
    try:
        receipt: ShardReceipt = ray.get(reference)
    except ray.exceptions.RayActorError:
        return None
    except ray.exceptions.RayTaskError as error:
        # The worker's own error, as if it had been raised here.
        raise error.cause from None
    return receipt


def _revive(slot: _Slot, made: Callable[[], Any], deaths: dict[int, int]) -> None:
    """Give what a dead actor had in hand to a new one in its place."""
    dropped = [spec for _, spec in slot.queue]
    first = dropped[0].index
    deaths[first] = deaths.get(first, 0) + 1
    if deaths[first] >= MOST_DEATHS:
        raise RunError(
            f"shard {first}, from {dropped[0].owners[0][1]} to {dropped[0].owners[-1][1]}: the"
            f" process that scored it died {MOST_DEATHS} times; --isolate finds the image"
        )
    slot.actor, slot.queue = made(), []
    for spec in dropped:
        slot.give(spec)


def _ray() -> Any:
    # Nothing is told to anybody about who uses this.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError:
        raise ConfigError(
            "--executor ray needs Ray, which is not installed; install parcelscope[ray]"
        ) from None


def _start(ray: Any, address: str | None, cores: int) -> None:
    """Join the cluster at `address`, or start one of this machine."""
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address is not None or os.environ.get("RAY_ADDRESS"):
            ray.init(address=address, **quiet)
        else:
            ray.init(num_cpus=cores, include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        lines = str(error).strip().splitlines()
        raise ConfigError(
            f"cannot join the Ray cluster: {lines[0] if lines else type(error).__name__}"
        ) from None


def _require_room(ray: Any, actors: int, threads_each: int, gpus_each: float) -> None:
    """Refuse more actors than the cluster has room for: they would wait for ever."""
    there = ray.cluster_resources()
    for what, needed in (("CPU", float(actors * threads_each)), ("GPU", actors * gpus_each)):
        if there.get(what, 0.0) < needed:
            hint = "; --workers is the number of devices there" if what == "GPU" else ""
            raise ConfigError(
                f"--workers asks for {actors} processes of Ray, {needed:g} {what} in all;"
                f" the cluster has {there.get(what, 0.0):g}{hint}"
            )
