"""Who scores, by the options of the command line."""

import onnxruntime as ort
import pytest

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference import cores
from parcelscope.inference.executors import ArrayExecutor, LocalExecutor
from parcelscope.inference.executors_ray import RayExecutor
from parcelscope.inference.providers import CPU_CHOICE, RUNTIME, Asked, ProviderChoice
from parcelscope.pipelines.engine_options import executor_of


def test_each_executor_has_its_options() -> None:
    assert executor_of("local", 2, None, None, provider=CPU_CHOICE) == LocalExecutor()
    assert executor_of("ray", 3, None, None, provider=CPU_CHOICE) == RayExecutor(actors=3)
    assert executor_of("local", 2, 1, 4, provider=CPU_CHOICE) == ArrayExecutor(1, 4)


@pytest.mark.parametrize(
    ("asked", "installed", "expected"),
    [
        pytest.param("cuda", True, RayExecutor(actors=2, threads_each=8, gpus_each=1.0), id="cuda"),
        pytest.param("tensorrt", True, RayExecutor(actors=2, threads_each=8, gpus_each=1.0),
                     id="tensorrt"),
        pytest.param("auto", True, RayExecutor(actors=2, threads_each=8), id="auto-with-a-gpu"),
        pytest.param("auto", False, RayExecutor(actors=2), id="auto-without"),
        pytest.param("cpu", True, RayExecutor(actors=2), id="cpu"),
        pytest.param("openvino", True, RayExecutor(actors=2), id="openvino"),
    ],
)  # fmt: skip
def test_each_process_of_ray_on_gpus_takes_one_device_and_its_share_of_the_cores(
    asked: Asked, installed: bool, expected: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = list(RUNTIME.values()) if installed else [RUNTIME["cpu"]]
    monkeypatch.setattr(ort, "get_available_providers", lambda: there)
    monkeypatch.setattr(cores, "usable_cores", lambda: 16)
    choice = ProviderChoice(asked=asked)
    assert executor_of("ray", 2, None, None, provider=choice) == expected


def test_threads_are_those_of_one_process_or_shared_by_the_actors() -> None:
    assert LocalExecutor().threads(4) == ArrayExecutor(0, 2).threads(4) == 4
    assert RayExecutor(actors=2).threads(4) == 2
    assert RayExecutor(actors=8).threads(4) == 1
    assert RayExecutor(actors=8, threads_each=2).threads(8) == 2


@pytest.mark.parametrize(
    ("index", "count", "ray", "says"),
    [
        pytest.param(0, None, False, "must be given together", id="no count"),
        pytest.param(None, 2, False, "must be given together", id="no index"),
        pytest.param(2, 2, False, "--shard-index must be from 0 to 1", id="beyond"),
        pytest.param(0, 2, True, "Ray shares the shards by itself", id="both"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    index: int | None, count: int | None, ray: bool, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        executor_of("ray" if ray else "local", 2, index, count, provider=CPU_CHOICE)
