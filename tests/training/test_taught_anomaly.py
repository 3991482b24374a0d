"""The anomaly detector for photos: fitted on good pieces and made defects, then exported."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from PIL import Image

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.datasets.errors import DatasetError
from parcelscope.models.taught_network import TaughtNetwork
from parcelscope.training.anomaly import fit_anomaly
from parcelscope.training.export import export_onnx
from parcelscope.training.photo_pictures import masks_of, photo_pictures
from parcelscope.training.taught_anomaly import TaughtSettings, fit_taught

Colour = npt.NDArray[np.uint8]
TINY = TaughtSettings(drawn=96, rounds=6)
SIDE_PX = 64


@pytest.fixture(scope="module")
def network() -> TaughtNetwork:
    return fit_taught(pieces(70, seed=0), seed=3, settings=TINY)


def test_a_damaged_piece_scores_above_good_ones_and_the_map_shows_where(
    network: TaughtNetwork, tmp_path: Path
) -> None:
    good, damaged = pieces(8, seed=5), pieces(8, seed=6)
    damaged[:, :, 36:44, 20:44] = 15
    found = export_onnx(
        network,
        tmp_path / "tiles.onnx",
        kind="colour",
        height_px=SIDE_PX,
        width_px=SIDE_PX,
        outputs=("score", "map"),
        samples=good[:5],
    )
    assert max(found.values()) < 2e-4
    session = onnxruntime.InferenceSession(tmp_path / "tiles.onnx")
    (calm, _), (high, heat) = (
        session.run(["score", "map"], {"scan": photos}) for photos in (good, damaged)
    )
    assert high.min() > np.median(calm)
    assert np.median(high) > calm.max()
    assert heat.shape == (8, 1, SIDE_PX // 8, SIDE_PX // 8)
    row, column = np.unravel_index(int(heat.mean(axis=0)[0].argmax()), heat.shape[2:])
    assert 3 <= row <= 6
    assert 1 <= column <= 6


def test_good_pieces_score_about_zero(network: TaughtNetwork) -> None:
    import torch

    with torch.no_grad():
        score, _ = network(torch.from_numpy(pieces(24, seed=9)))
    assert abs(float(score.mean())) < 1.5


@pytest.mark.parametrize(
    ("count", "side_px", "sentence"),
    [
        pytest.param(20, 64, "at least 50 photos, got 20", id="too few"),
        pytest.param(60, 72, r"multiples of 32, got \(72, 72\)", id="odd size"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(count: int, side_px: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        fit_taught(np.zeros((count, 3, side_px, side_px), np.uint8))


def test_scans_are_not_taken_for_photos() -> None:
    with pytest.raises(ValueError, match="method taught takes colour photos, got kind 'dual'"):
        fit_anomaly(np.zeros((60, 2, 64, 64), np.uint16), kind="dual", method="taught")


def test_photos_of_any_size_are_stretched_and_masks_with_them(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 90), 77, np.uint8)).save(tmp_path / "a.png")
    mask = np.zeros((40, 90), np.uint8)
    mask[20:, :45] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    annotated = photo_set(tmp_path, image("a.png", mask_path="m.png"))
    size = {"width_px": 32, "height_px": 32}
    assert (photo_pictures(annotated, annotated.images, **size) == 77).all()
    masks = masks_of(annotated, annotated.images, **size)
    assert masks[0, 20:, :14].all()
    assert not masks[0, :14].any()


def test_a_photo_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    annotated = photo_set(tmp_path, image("a.png"))
    with pytest.raises(DatasetError, match=r"a\.png"):
        photo_pictures(annotated, annotated.images, width_px=32, height_px=32)


@pytest.mark.slow
def test_magnetic_tiles_are_told_apart() -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if root is None or not (Path(root) / "mtd").is_dir():
        pytest.skip("PARCELSCOPE_REAL_DATA names no folder with mtd, the magnetic tiles")
    from sklearn.metrics import roc_auc_score

    folder = Path(root) / "mtd"
    train = sorted((folder / "train" / "good").iterdir())[::4]
    test = [*sorted((folder / "test" / "good").iterdir())[::3],
            *sorted((folder / "test" / "break").iterdir())[::2]]  # fmt: skip
    images = [image(str(path.relative_to(folder))) for path in (*train, *test)]
    annotated = photo_set(folder, *images)
    photos = photo_pictures(annotated, annotated.images, width_px=160, height_px=160)
    found = fit_taught(photos[: len(train)], settings=TaughtSettings(drawn=200, rounds=4))
    import torch

    with torch.no_grad():
        score, _ = found(torch.from_numpy(photos[len(train) :]))
    defective = [path.parent.name != "good" for path in test]
    assert roc_auc_score(defective, score.numpy()) > 0.8


def pieces(count: int, *, seed: int) -> Colour:
    """(N, 3, 64, 64) photos of a brushed surface under uneven light."""
    rng = np.random.default_rng(seed)
    light = 120 + 20 * np.sin(np.linspace(0, 2, SIDE_PX) + rng.uniform(0, 3, (count, 1)))
    grain = rng.normal(0, 8, (count, 1, SIDE_PX)) + rng.normal(0, 4, (count, SIDE_PX, SIDE_PX))
    shade = np.clip(light[:, :, None] + grain, 0, 255).astype(np.uint8)
    return np.repeat(shade[:, None], 3, axis=1)


def image(path: str, mask_path: str | None = None) -> AnnotatedImage:
    return AnnotatedImage(
        image_id=path.replace("/", "-"),
        path=path,
        kind="photo",
        width_px=90,
        height_px=40,
        split="train",
        group=path,
        mask_path=mask_path,
    )


def photo_set(root: Path, *images: AnnotatedImage) -> AnnotatedSet:
    return AnnotatedSet(name="t", root=root, classes=(), images=images, licence="", source="test")
