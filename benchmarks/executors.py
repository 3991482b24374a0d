"""Processes of Ray beside threads of one process, on the same feed and the same number of cores.

Run `python benchmarks/executors.py FEED [--bundle FOLDER] [--workers 2]`; needs the [ray] extra.
A rate counts from the first commit of each worker on, so that what starting up costs is told apart.
Where others use the machine, set RAY_worker_niceness=0: Ray's processes give way to everybody else.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from parcelscope.inference.executors import Executor, LocalExecutor, WorkerMaker
from parcelscope.inference.executors_ray import RayExecutor
from parcelscope.inference.shards import ShardReceipt, ShardSpec
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.pipelines.screen import screen


@dataclass(frozen=True, slots=True)
class Timed:
    """An executor whose receipts are noted with their time."""

    inner: Executor
    skipped: int
    """Receipts that only say that the workers have started."""
    noted: list[tuple[float, int]] = field(default_factory=list)
    """Seconds since the executor was asked, and owners."""

    @property
    def name(self) -> str:
        """That of the executor."""
        return self.inner.name

    def threads(self, workers: int) -> int:
        """Those of the executor."""
        return self.inner.threads(workers)

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """The receipts of the executor."""
        began = time.perf_counter()
        for receipt in self.inner.map_shards(specs, make_worker, cancelled):
            self.noted.append((time.perf_counter() - began, receipt.owners))
            yield receipt

    def rate(self) -> float:
        """Owners a second once all workers are at work."""
        start = self.noted[self.skipped - 1][0]
        rest = self.noted[self.skipped :]
        return sum(owners for _, owners in rest) / (rest[-1][0] - start)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare Ray with threads of one process.")
    parser.add_argument("feed", type=Path)
    parser.add_argument("--bundle", type=Path, default=builtin_bundle_folder())
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2, help="each in turn, so many times")
    options = parser.parse_args()
    rates: dict[str, list[float]] = {"local": [], "ray": []}
    for _ in range(options.rounds):
        for executor in (LocalExecutor(), RayExecutor(actors=options.workers)):
            timed = Timed(executor, skipped=options.workers)
            with tempfile.TemporaryDirectory() as out:
                screen(
                    options.feed,
                    Path(out) / "run",
                    bundle_folder=options.bundle,
                    workers=options.workers,
                    shard_size=options.shard_size,
                    executor=timed,
                )
            rates[executor.name].append(timed.rate())
            print(
                f"{executor.name:8}{timed.rate():8.1f} owners/s, first commit after"
                f" {timed.noted[0][0]:.1f} s",
                flush=True,
            )
    best = {name: max(found) for name, found in rates.items()}
    print(f"ray / local {best['ray'] / best['local']:.2f}, best of {options.rounds} rounds each")


if __name__ == "__main__":
    main()
