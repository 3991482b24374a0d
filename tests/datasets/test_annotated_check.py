from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.datasets.adapters.layouts import SIZE_WH, draw

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet, write_annotated
from parcelscope.datasets.annotated_check import check_set

WIDTH, HEIGHT = SIZE_WH


@pytest.fixture
def good(tmp_path: Path) -> AnnotatedSet:
    """Four different pictures, two to learn from and two to judge on, each with a knife."""
    images = []
    for number in range(4):
        draw(tmp_path / f"raw/{number}.png", number)
        images.append(
            AnnotatedImage(
                image_id=str(number),
                path=f"{number}.png",
                kind="colour",
                width_px=WIDTH,
                height_px=HEIGHT,
                split="train" if number < 2 else "val",
                group=str(number),
                box_xyxy=np.array([[4, 5, 30, 40]], np.float32),
                labels=("knife",),
            )
        )
    found = AnnotatedSet(
        name="good",
        root=tmp_path / "raw",
        classes=("knife",),
        images=tuple(images),
        licence="CC0-1.0",
        source="drawn",
    )
    return write_annotated(found, tmp_path / "set")


def changed(annotated: AnnotatedSet, number: int, **changes: object) -> AnnotatedSet:
    images = list(annotated.images)
    images[number] = replace(images[number], **changes)  # type: ignore[arg-type]
    return replace(annotated, images=tuple(images))


def test_a_good_set_has_no_fault(good: AnnotatedSet) -> None:
    seen: list[tuple[int, int]] = []
    found = check_set(good, progress=lambda done, total: seen.append((done, total)))
    assert (found.faults, found.notes) == ((), ())
    assert seen[-1] == (4, 4)


def box(*corners: float) -> dict[str, object]:
    return {"box_xyxy": np.array([corners], np.float32)}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        pytest.param(box(4, 5, 4, 40), "empty box", id="no width"),
        pytest.param(box(30, 5, 4, 40), "empty box", id="turned round"),
        pytest.param(box(4, 5, np.nan, 40), "empty box", id="no number"),
        pytest.param(box(-1, 5, 30, 40), "box outside", id="left of the picture"),
        pytest.param(box(4, 5, WIDTH + 1, 40), "box outside", id="right of the picture"),
        pytest.param({"width_px": WIDTH - 20}, "wrong size", id="size"),
        pytest.param({"sha256": "0" * 64}, "altered", id="another file"),
        pytest.param({"path": "images/train/gone.png"}, "unreadable", id="no file"),
        pytest.param({"group": "2"}, "group across splits", id="group on both sides"),
    ],
)
def test_each_fault_is_found(good: AnnotatedSet, changes: dict[str, object], kind: str) -> None:
    faults = check_set(changed(good, 1, **changes)).faults
    assert [fault.kind for fault in faults] == [kind]
    assert "images/" in faults[0].message


def test_a_mask_must_fit_its_picture(good: AnnotatedSet) -> None:
    Image.new("L", (WIDTH, HEIGHT)).save(good.root / "fits.png")
    Image.new("L", (WIDTH, 5)).save(good.root / "small.png")
    kinds = []
    for name in ("fits.png", "small.png"):
        masked = changed(good, 1, mask_path=name)
        kinds += [f.kind for f in check_set(masked).faults if f.kind != "altered"]
    assert kinds == ["wrong size"]


def overwrite(annotated: AnnotatedSet, number: int, other: int) -> AnnotatedSet:
    """Image `number` shows what `other` does, and the table knows it."""
    source, target = annotated.images[other], annotated.images[number]
    data = annotated.file(source.path).read_bytes()
    annotated.file(target.path).write_bytes(data)
    return changed(annotated, number, sha256=source.sha256)


def test_a_picture_on_both_sides_is_a_fault(good: AnnotatedSet) -> None:
    (fault,) = check_set(overwrite(good, 0, 2)).faults
    assert fault.kind == "alike across splits"
    assert "images/train/0.png and images/val/2.png look the same" in fault.message


def test_a_picture_twice_on_one_side_is_worth_a_note(good: AnnotatedSet) -> None:
    found = check_set(overwrite(good, 0, 1))
    assert found.faults == ()
    assert found.notes == ("images/train/0.png and images/train/1.png look the same",)


def test_two_copies_with_other_boxes_contradict_each_other(good: AnnotatedSet) -> None:
    twice = changed(overwrite(good, 0, 1), 0, **box(50, 5, 80, 40))
    assert [fault.kind for fault in check_set(twice).faults] == ["alike with other boxes"]


@pytest.mark.parametrize("spoil", [lambda data: data[:200], lambda data: b"GIF89a" + data])
def test_a_file_that_is_no_picture_any_more_is_unreadable(
    good: AnnotatedSet, spoil: Callable[[bytes], bytes]
) -> None:
    path = good.file(good.images[3].path)
    path.write_bytes(spoil(path.read_bytes()))
    assert [fault.kind for fault in check_set(good).faults] == ["unreadable"]
