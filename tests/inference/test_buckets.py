"""Padded batches in bound memory: the answers of a plain session, whatever the number of scans."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.inference.tiny_bundle import HEIGHT_PX, WIDTH_PX, write_tiny_bundle

from parcelscope.inference.buckets import BucketedSession, bucket_of
from parcelscope.inference.sessions import open_session

NAMES = ("score", "map")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    bundle = write_tiny_bundle(folder, kinds=("dual",), detectors=("xray.anomaly",))
    return folder / bundle.detectors[0].file


def scans(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 60000, (count, 2, HEIGHT_PX, WIDTH_PX)).astype(np.uint16)


@pytest.mark.parametrize(
    ("size", "bucket"), [(1, 1), (2, 8), (8, 8), (9, 32), (33, 64), (64, 64), (65, 64)]
)
def test_a_batch_is_padded_to_the_next_size(size: int, bucket: int) -> None:
    assert bucket_of(size) == bucket


@pytest.mark.parametrize("count", [1, 2, 8, 9, 64, 65, 130])
def test_padding_changes_no_answer_and_adds_none(model: Path, count: int) -> None:
    batch = scans(count)
    plain = open_session(model)
    bucketed = BucketedSession(plain, device="cpu")
    for found, expected in zip(
        bucketed.run(NAMES, {"scan": batch}), plain.run(list(NAMES), {"scan": batch}), strict=True
    ):
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def test_what_an_earlier_and_larger_batch_left_in_memory_is_not_seen(model: Path) -> None:
    plain = open_session(model)
    bucketed = BucketedSession(plain, device="cpu", slots=1)
    first = bucketed.run(NAMES, {"scan": scans(8, seed=1)})
    kept = [answer.copy() for answer in first]
    second = bucketed.run(NAMES, {"scan": scans(3, seed=2)})
    np.testing.assert_array_equal(second[0], plain.run(["score"], {"scan": scans(3, seed=2)})[0])
    for answer, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(answer, copy)


def test_several_callers_share_it_without_mixing_their_batches(model: Path) -> None:
    plain = open_session(model)
    bucketed = BucketedSession(plain, device="cpu", slots=2)
    batches = [scans(1 + seed % 9, seed) for seed in range(40)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda batch: bucketed.run(NAMES, {"scan": batch})[0], batches))
    for scores, batch in zip(found, batches, strict=True):
        np.testing.assert_array_equal(scores, plain.run(["score"], {"scan": batch})[0])


def test_a_batch_that_fails_gives_its_memory_back(model: Path) -> None:
    bucketed = BucketedSession(open_session(model), device="cpu", slots=1)
    with pytest.raises(Exception, match=r"[Ii]nvalid"):
        bucketed.run(NAMES, {"scan": np.zeros((1, 2, 3, 3), np.uint16)})
    with pytest.raises(Exception, match="nothing"):
        bucketed.run(("nothing",), {"scan": scans(1)})
    assert bucketed.run(NAMES, {"scan": scans(1)})[0].shape == (1,)
