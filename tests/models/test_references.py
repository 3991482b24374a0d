"""The file of a genuine reference: written, read back, refused."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from parcelscope.datasets.errors import BundleError
from parcelscope.models.references import Reference, Spread, load_reference, save_reference


def reference() -> Reference:
    shapes = {
        "residual": (4, 10, 16), "hue": (2, 10, 16), "moved": (5, 2), "fine": (40, 3, 5),
        "coarse": (112, 2, 3),
    }  # fmt: skip
    rng = np.random.default_rng(0)
    values = {
        f"{name}_{part}": rng.uniform(0.5, 2, shape).astype(np.float32)
        for name, shape in shapes.items()
        for part in ("mean", "std")
    }
    spread = Spread(
        **values,
        region_mean=np.ones((2, 3), np.float32),
        region_root=np.ones((2, 3, 3), np.float32),
        sharpness_fit=np.ones((2, 3), np.float32),
    )
    return Reference(
        picture=np.zeros((20, 32, 3), np.uint8),
        shown=np.zeros((20, 32, 3), np.uint8),
        inside=np.ones((20, 32), np.bool_),
        regions=np.zeros((20, 32), np.uint8),
        paper=1,
        points=np.zeros((5, 2), np.float32),
        bars_xy=np.zeros((4, 2), np.float32),
        keypoint_xy=np.zeros((7, 2), np.float32),
        keypoint_descriptors=np.zeros((7, 128), np.uint8),
        spread=spread,
        codes=("EAN13 4006381333931",),
        checks=("print", "hue"),
        check_centre=np.zeros(2, np.float32),
        check_scale=np.ones(2, np.float32),
        held_out=np.zeros((8, 2), np.float32),
        genuine=np.arange(8, dtype=np.float32),
    )


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    path.write_bytes(save_reference(reference()))
    read = load_reference(path)
    assert (read.codes, read.checks, read.paper) == (reference().codes, ("print", "hue"), 1)
    for field in fields(Spread):
        ours, theirs = getattr(read.spread, field.name), getattr(reference().spread, field.name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_the_same_constants_give_the_same_bytes() -> None:
    assert save_reference(reference()) == save_reference(reference())


def test_an_altered_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    path.write_bytes(save_reference(reference()))
    with pytest.raises(BundleError, match=r"one\.npz: expected SHA-256 000000000000"):
        load_reference(path, sha256="0" * 64)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(None, "found no file", id="missing"),
        pytest.param(b"", "expected the constants of a reference", id="empty"),
        pytest.param(b"PK\x03\x04 but no archive", "expected the constants", id="no archive"),
    ],
)
def test_a_file_that_is_no_reference_is_refused(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "one.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleError, match=told):
        load_reference(path)


def test_a_reference_without_one_of_its_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    with path.open("wb") as file:
        np.savez(file, told=np.frombuffer(b'{"version": 2}', np.uint8))
    with pytest.raises(BundleError, match="expected the constants of a reference"):
        load_reference(path)


def test_a_reference_of_an_older_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    with path.open("wb") as file:
        np.savez(file, told=np.frombuffer(b'{"version": 1}', np.uint8))
    with pytest.raises(BundleError, match=r"version 2, got 1; .* `parcelscope references build`"):
        load_reference(path)
