"""Batches that several threads share: everybody's own answers, and nobody else's errors."""

import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from tests.inference.tiny_bundle import HEIGHT_PX, WIDTH_PX, write_tiny_bundle
from tests.inference.tiny_feed import write_mixed_feed

from parcelscope.inference.buckets import BucketedSession
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.inference.gathering import GatheredSession
from parcelscope.inference.providers import ON_GPU, RUNTIME, ProviderChoice, find_backend
from parcelscope.inference.sessions import open_session

NAMES = ("score", "map")
POISON = 65535
LONG_S = 30.0
"""To wait for others: a test that comes to its end has not waited so long."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    bundle = write_tiny_bundle(folder, kinds=("dual",), detectors=("xray.anomaly",))
    return folder / bundle.detectors[0].file


def scans(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 60000, (count, 2, HEIGHT_PX, WIDTH_PX)).astype(np.uint16)


@dataclass
class Watched:
    """A runtime's session that keeps the sizes of its batches, and fails on poison."""

    session: ort.InferenceSession
    sizes: list[int] = field(default_factory=list)
    meet: threading.Barrier | None = None
    """Where a batch waits until another one is under way as well."""

    def get_inputs(self) -> list[Any]:
        return list(self.session.get_inputs())

    def get_outputs(self) -> list[Any]:
        return list(self.session.get_outputs())

    def io_binding(self) -> "_Binding":
        return _Binding(self.session.io_binding())

    def run_with_iobinding(self, binding: "_Binding") -> None:
        self.sizes.append(binding.seen.shape[0])
        if self.meet is not None:
            self.meet.wait(LONG_S)
        if (binding.seen == POISON).any():
            raise RuntimeError("poison in the batch")
        self.session.run_with_iobinding(binding.real)


@dataclass
class _Binding:
    real: Any
    seen: Any = None

    def bind_ortvalue_input(self, name: str, value: Any) -> None:
        self.seen = value.numpy()
        self.real.bind_ortvalue_input(name, value)

    def bind_output(self, *words: Any) -> None:
        self.real.bind_output(*words)

    def copy_outputs_to_cpu(self) -> Any:
        return self.real.copy_outputs_to_cpu()


def gathered(
    model: Path, *, callers: int, wait_s: float = LONG_S, slots: int = 2, **watch: Any
) -> tuple[GatheredSession, Watched]:
    watched = Watched(open_session(model), **watch)
    bucketed = BucketedSession(watched, device="cpu", slots=slots)  # type: ignore[arg-type]
    return GatheredSession(bucketed, callers=callers, wait_s=wait_s), watched


def asked(session: GatheredSession, batches: Sequence[np.ndarray]) -> list[Any]:
    """What each of so many threads is answered, or the error that it meets."""

    def ask(batch: np.ndarray) -> Any:
        try:
            return session.run(NAMES, {"scan": batch})
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(batches)) as pool:
        return list(pool.map(ask, batches))


def require_own(found: Sequence[Any], model: Path, batches: Sequence[np.ndarray]) -> None:
    plain = open_session(model)
    for answer, batch in zip(found, batches, strict=True):
        for one, expected in zip(answer, plain.run(list(NAMES), {"scan": batch}), strict=True):
            np.testing.assert_array_equal(one, expected)


def test_threads_that_ask_at_once_share_one_batch_and_get_their_own_rows(model: Path) -> None:
    session, watched = gathered(model, callers=4)
    batches = [scans(1 + seed, seed) for seed in range(4)]
    found = asked(session, batches)
    require_own(found, model, batches)
    assert watched.sizes == [32]  # 1 + 2 + 3 + 4 rows, padded


def test_who_asks_alone_waits_a_moment_and_no_longer(model: Path) -> None:
    session, watched = gathered(model, callers=4, wait_s=0.05)
    began = time.monotonic()
    require_own(asked(session, [scans(2)]), model, [scans(2)])
    assert 0.05 <= time.monotonic() - began < 10
    assert watched.sizes == [8]


def test_the_only_caller_waits_for_nobody(model: Path) -> None:
    session, _ = gathered(model, callers=1)
    require_own(asked(session, [scans(2)]), model, [scans(2)])


def test_more_rows_than_fit_are_computed_in_the_next_batch(model: Path) -> None:
    session, watched = gathered(model, callers=3)
    batches = [scans(40, seed) for seed in range(3)]
    require_own(asked(session, batches), model, batches)
    assert watched.sizes == [64, 64, 64]


def test_one_call_of_more_rows_than_fit_is_cut(model: Path) -> None:
    session, watched = gathered(model, callers=1)
    require_own(asked(session, [scans(70)]), model, [scans(70)])
    assert watched.sizes == [64, 8]


def test_who_asks_for_other_outputs_does_not_join(model: Path) -> None:
    session, watched = gathered(model, callers=2, wait_s=0.2)
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(session.run, ("score",), {"scan": scans(2)})
        two = pool.submit(session.run, ("map",), {"scan": scans(3)})
        assert [len(one.result()), len(two.result())] == [1, 1]
        assert two.result()[0].shape[0] == 3
    assert watched.sizes == [8, 8]


def test_an_error_is_for_the_caller_whose_rows_it_is_about(model: Path) -> None:
    session, watched = gathered(model, callers=4)
    batches = [scans(2, seed) for seed in range(4)]
    batches[2][1, 0, 5, 5] = POISON
    found = asked(session, batches)
    assert isinstance(found[2], RuntimeError)
    rest = [0, 1, 3]
    require_own([found[n] for n in rest], model, [batches[n] for n in rest])
    assert watched.sizes == [8, 8, 8, 8, 8]  # together, then each alone


def test_rows_of_another_size_fail_alone(model: Path) -> None:
    session, _ = gathered(model, callers=2, wait_s=0.2)
    batches = [np.zeros((1, 2, 3, 3), np.uint16), scans(2)]
    found = asked(session, batches)
    assert isinstance(found[0], Exception)
    require_own(found[1:], model, batches[1:])


def test_two_batches_are_under_way_at_once(model: Path) -> None:
    """The second is gathered and copied while the first computes: else neither would end."""
    session, watched = gathered(model, callers=4, wait_s=0.0, meet=threading.Barrier(2))
    batches = [scans(64, seed) for seed in range(2)]
    require_own(asked(session, batches), model, batches)
    assert watched.sizes == [64, 64]


@pytest.mark.parametrize("seed", range(3))
def test_whoever_comes_when_gets_the_answers_of_a_plain_session(model: Path, seed: int) -> None:
    chance = random.Random(seed)
    session, watched = gathered(model, callers=6, wait_s=0.002)
    batches = [scans(chance.randint(1, 12), seed=100 * seed + n) for n in range(60)]
    poisoned = {n for n in range(60) if chance.random() < 0.1}
    for n in poisoned:
        batches[n][-1, 1, 0, 0] = POISON

    def ask(batch: np.ndarray) -> Any:
        time.sleep(random.Random(len(batch)).random() * 0.003)
        try:
            return session.run(NAMES, {"scan": batch})
        except RuntimeError as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, batches))
    assert {n for n, answer in enumerate(found) if isinstance(answer, RuntimeError)} == poisoned
    whole = [n for n in range(60) if n not in poisoned]
    require_own([found[n] for n in whole], model, [batches[n] for n in whole])
    assert len(watched.sizes) > 0


def without_times(results: Sequence[ShardResult]) -> list[Any]:
    return [(one.findings, one.not_assessed, one.image_verdicts) for one in results]


def test_a_feed_is_scored_as_without_gathering_and_a_bad_scan_costs_itself(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle", nan_above=0.9)
    (tmp_path / "feed").mkdir()
    feed = write_mixed_feed(tmp_path / "feed")
    said = []
    for gather in (False, True):
        choice = ProviderChoice(asked="cpu", callers=3, gather=gather)
        detectors = load_detectors(bundle, tmp_path / "bundle", choice=choice)
        kinds = {type(one.session) for one in detectors.by_name.values()}
        assert (GatheredSession in kinds) == gather
        said.append(without_times(list(score_feed(feed, detectors, workers=3, shard_size=8))))
    assert said[0] == said[1]


def test_gathering_is_for_gpus_unless_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(RUNTIME.values()))
    found = {name: find_backend(name, ProviderChoice(callers=4)) for name in (*ON_GPU, "cpu")}
    assert {name: backend.gather for name, backend in found.items()} == {
        "tensorrt": True, "cuda": True, "cpu": False,
    }  # fmt: skip
    assert find_backend("cpu", ProviderChoice(callers=4, gather=True)).gather


def test_detectors_for_one_thread_wait_for_nobody(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.anomaly",))
    choice = ProviderChoice(asked="cpu", callers=9, gather=True)
    detectors = load_detectors(bundle, tmp_path, choice=choice)
    (shared,), (alone,) = (
        [one.session for one in some.by_name.values()] for some in (detectors, detectors.alone())
    )
    assert isinstance(shared, GatheredSession)
    assert alone is shared.session
