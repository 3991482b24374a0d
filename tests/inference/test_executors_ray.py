"""Which devices processes of Ray see, on a cluster that believes to have some."""

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.pipelines.ray_cluster import TOKEN, ray_cluster

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.executors_ray import RayExecutor
from parcelscope.inference.shards import ShardReceipt, ShardSpec


@dataclass(frozen=True)
class NotesDevices:
    """Makes workers that write down which devices they see, and score nothing."""

    folder: Path
    on_gpu: bool

    def __call__(self) -> Callable[[Iterable[ShardSpec]], Iterator[ShardReceipt]]:
        return self.work

    def work(self, specs: Iterable[ShardSpec]) -> Iterator[ShardReceipt]:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        (self.folder / str(os.getpid())).write_text(seen)
        for spec in specs:
            yield ShardReceipt(index=spec.index, owners=1, parts=(), verdicts=(), commit_s=0.0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a cluster of four cores and two devices."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed; it comes with the ray extra")
    with ray_cluster(cpus=4, gpus=2) as address, pytest.MonkeyPatch.context() as patch:
        for name, value in TOKEN.items():
            patch.setenv(name, value)
        yield address


def specs(count: int) -> list[ShardSpec]:
    return [
        ShardSpec(index=index, owners=(("parcel", f"P{index}"),), digest="0")
        for index in range(count)
    ]


def devices(folder: Path, cluster: str, *, on_gpu: bool, **options: int) -> list[str]:
    """What each process saw, sorted."""
    executor = RayExecutor(actors=2, address=cluster, **options)
    maker = NotesDevices(folder, on_gpu)
    receipts = executor.map_shards(specs(12), maker, lambda: False)
    assert sorted(receipt.index for receipt in receipts) == list(range(12))
    return sorted(path.read_text() for path in folder.iterdir())


def test_each_process_has_a_device_of_its_own(cluster: str, tmp_path: Path) -> None:
    assert devices(tmp_path, cluster, on_gpu=True, threads_each=2) == ["0", "1"]


def test_processes_that_compute_on_the_cpu_take_no_device(cluster: str, tmp_path: Path) -> None:
    assert not set("".join(devices(tmp_path, cluster, on_gpu=False))) & set("01")


@pytest.mark.parametrize(
    ("executor", "says"),
    [
        pytest.param(
            RayExecutor(actors=3), r"3 GPU in all; the cluster has 2; --workers is the number of",
            id="devices",
        ),
        pytest.param(
            RayExecutor(actors=2, threads_each=4), r"8 CPU in all; the cluster has 4$", id="cores"
        ),
    ],
)  # fmt: skip
def test_more_than_the_cluster_has_is_refused(
    executor: RayExecutor, says: str, cluster: str, tmp_path: Path
) -> None:
    there = RayExecutor(actors=executor.actors, threads_each=executor.threads_each, address=cluster)
    with pytest.raises(ConfigError, match=says):
        list(there.map_shards(specs(1), NotesDevices(tmp_path, on_gpu=True), lambda: False))
