import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.datasets.adapters.layouts import SIZE_WH, draw

from parcelscope.datasets.adapters.catalog import ADAPTERS
from parcelscope.datasets.adapters.exporting import ExportFormat, export_set
from parcelscope.datasets.adapters.importing import import_set
from parcelscope.datasets.adapters.splitting import Splitting
from parcelscope.datasets.annotated import (
    AnnotatedImage,
    AnnotatedSet,
    Kind,
    Split,
    read_annotated,
    write_annotated,
)
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.scan_writing import write_dual_png_pair, write_dual_tiff

WIDTH, HEIGHT = SIZE_WH
CLASSES = ("knife", "flacon d'eau", "剪刀")


def boxes() -> st.SearchStrategy[list[tuple[float, float, float, float]]]:
    """Corners inside the picture, at least a pixel apart."""

    def side(end: int) -> st.SearchStrategy[tuple[float, float]]:
        number = st.floats(0, end, width=32)
        return st.tuples(number, number).map(sorted).filter(lambda s: s[1] - s[0] >= 1.01)

    return st.lists(
        st.tuples(side(WIDTH), side(HEIGHT)).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1])),
        max_size=4,
    )


@st.composite
def images(draw_one: st.DrawFn) -> list[AnnotatedImage]:
    """One to six images of the six pictures in the folder."""
    found = []
    for number in range(draw_one(st.integers(1, 6))):
        corners = draw_one(boxes())
        found.append(
            AnnotatedImage(
                image_id=f"image-{number}",
                path=f"{number}.png",
                kind="colour",
                width_px=WIDTH,
                height_px=HEIGHT,
                split=draw_one(st.sampled_from(["train", "val", "test"])),
                group=draw_one(st.text(min_size=1, max_size=8)),
                box_xyxy=np.array(corners, np.float32).reshape(-1, 4),
                labels=tuple(draw_one(st.sampled_from(CLASSES)) for _ in corners),
                image_labels=tuple(draw_one(st.lists(st.text(max_size=5), max_size=2))),
                anomalous=draw_one(st.sampled_from([True, False, None])),
            )
        )
    return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(6):
        draw(folder / f"{number}.png", number)
    return folder


def a_set(root: Path, found: list[AnnotatedImage]) -> AnnotatedSet:
    return AnnotatedSet(
        name="a set", root=root, classes=CLASSES, images=tuple(found), licence="CC0-1.0",
        source="drawn",
    )  # fmt: skip


def an_image(number: int = 0, **changes: object) -> AnnotatedImage:
    image = AnnotatedImage(
        image_id=f"image-{number}",
        path=f"{number}.png",
        kind="colour",
        width_px=WIDTH,
        height_px=HEIGHT,
        split="train",
        group=str(number),
        box_xyxy=np.array([[1, 2, 30, 40]], np.float32),
        labels=("knife",),
    )
    return replace(image, **changes)  # type: ignore[arg-type]


@settings(max_examples=25)
@given(found=images())
def test_what_is_written_is_read_again(
    found: list[AnnotatedImage], pictures: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("set") / "out"
    written = write_annotated(a_set(pictures, found), out)
    read = read_annotated(out)
    assert read.digest == written.digest
    assert (read.name, read.classes, read.licence) == ("a set", CLASSES, "CC0-1.0")
    for before, after in zip(found, read.images, strict=True):
        assert np.array_equal(before.box_xyxy, after.box_xyxy)
        for field in ("image_id", "labels", "image_labels", "anomalous", "split", "group"):
            assert getattr(before, field) == getattr(after, field)
        assert read.file(after.path).read_bytes() == (pictures / before.path).read_bytes()


@pytest.mark.parametrize("form", ["coco", "yolo"])
@settings(max_examples=12)
@given(found=images())
def test_boxes_survive_export_and_import(
    form: ExportFormat,
    found: list[AnnotatedImage],
    pictures: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("set")
    written = write_annotated(a_set(pictures, found), folder / "set")
    export_set(written, folder / "export", form)
    back = import_set(
        ADAPTERS[form],
        folder / "export",
        folder / "back",
        splitting=Splitting(mode="published"),
    ).annotated
    assert back.classes == CLASSES
    after = {image.image_id: image for image in back.images}
    assert set(after) == {image.image_id for image in found}
    for image in found:
        assert after[image.image_id].labels == image.labels
        assert after[image.image_id].split == image.split
        assert np.allclose(after[image.image_id].box_xyxy, image.box_xyxy, atol=1e-3)


def test_coco_keeps_both_energies_and_the_group(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    low = np.linspace(9000, 50000, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    high = (low + 5000).astype(np.uint16)
    write_dual_png_pair(tmp_path / "raw/l.png", tmp_path / "raw/h.png", low, high)
    write_dual_tiff(tmp_path / "raw/both.tif", high[::-1] - 5000, high[::-1])
    pair = an_image(0, path="l.png", high_path="h.png", kind="dual", group="bag 7")
    both = an_image(1, path="both.tif", kind="dual")
    written = write_annotated(a_set(tmp_path / "raw", [pair, both]), tmp_path / "set")
    export_set(written, tmp_path / "export", "coco")
    back = import_set(
        ADAPTERS["coco"],
        tmp_path / "export",
        tmp_path / "back",
        splitting=Splitting(mode="published"),
    ).annotated
    assert [(i.kind, i.high_path is not None) for i in back.images] == [
        ("dual", True),
        ("dual", False),
    ]
    assert back.images[0].group == "bag 7"
    with pytest.raises(DatasetError, match="holds raw energies, and YOLO reads pictures only"):
        export_set(written, tmp_path / "yolo", "yolo")


def test_a_set_without_classes_has_nothing_to_export(tmp_path: Path, pictures: Path) -> None:
    image = an_image(box_xyxy=np.empty((0, 4), np.float32), labels=())
    written = write_annotated(replace(a_set(pictures, [image]), classes=()), tmp_path / "set")
    with pytest.raises(DatasetError, match="has no classes"):
        export_set(written, tmp_path / "out", "coco")


def test_a_linked_set_takes_no_space_of_its_own(tmp_path: Path) -> None:
    draw(tmp_path / "raw/0.png", 0)
    written = write_annotated(a_set(tmp_path / "raw", [an_image()]), tmp_path / "set", copy=False)
    assert written.file(written.images[0].path).samefile(tmp_path / "raw/0.png")


def test_masks_and_high_energies_lie_under_names_of_their_own(
    tmp_path: Path, pictures: Path
) -> None:
    image = an_image(high_path="1.png", mask_path="2.png")
    written = write_annotated(a_set(pictures, [image]), tmp_path / "set").images[0]
    assert (written.path, written.high_path, written.mask_path) == (
        "images/train/image-0.png",
        "images/train/image-0.high.png",
        "masks/image-0.png",
    )


KIND: Kind = "video"  # type: ignore[assignment]
SPLIT: Split = "holdout"  # type: ignore[assignment]
REFUSED = {
    "box of an unknown class": (
        [an_image(labels=("gun",))],
        "image-0 has a box of class 'gun'",
    ),
    "one id twice": ([an_image(), an_image()], "image 'image-0' is there twice"),
    "an id that is a path": ([an_image(image_id="../x")], "must be a plain file name"),
    "an unknown kind": ([an_image(kind=KIND)], "must have a kind of"),
    "an unknown split": ([an_image(split=SPLIT)], "must have a kind of"),
    "no pixels": ([an_image(width_px=0)], "must have pixels, got 0 x 64"),
    "a path out of the set": ([an_image(path="../0.png")], "leads out of the folder"),
    "an absolute mask": ([an_image(mask_path="/etc/passwd")], "leads out of the folder"),
    "a picture that is not there": ([an_image(path="9.png")], "the file 9.png, which is not"),
    "clashing names": (
        [an_image(high_path="1.png"), an_image(1, image_id="image-0.high")],
        "its files would clash",
    ),
}


@pytest.mark.parametrize(("found", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_set_that_contradicts_itself_is_not_written(
    tmp_path: Path, pictures: Path, found: list[AnnotatedImage], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        write_annotated(a_set(pictures, found), tmp_path / "set")
    assert not (tmp_path / "set" / "dataset.json").exists()


def test_labels_without_boxes_are_refused_at_once() -> None:
    with pytest.raises(DatasetError, match=r"box_xyxy must have shape \(2, 4\)"):
        an_image(labels=("knife", "knife"))


def test_a_folder_in_use_is_left_alone(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DatasetError, match="expected a new or empty folder"):
        write_annotated(a_set(pictures, [an_image()]), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


class TestReading:
    @pytest.fixture
    def folder(self, tmp_path: Path, pictures: Path) -> Path:
        write_annotated(a_set(pictures, [an_image(0), an_image(1)]), tmp_path / "set")
        return tmp_path / "set"

    def test_a_folder_without_a_set_says_what_makes_one(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetError, match="`parcelscope dataset import` makes one"):
            read_annotated(tmp_path)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"format": 2}, "expected format 1, got 2"),
            ({"colour": "red"}, "colour: Extra inputs are not permitted"),
            ({"classes": "knife"}, "classes: Input should be"),
        ],
    )
    def test_an_unknown_sheet_is_refused(
        self, folder: Path, change: dict[str, object], sentence: str
    ) -> None:
        sheet = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps(sheet | change))
        with pytest.raises(DatasetError, match=sentence):
            read_annotated(folder)

    def test_a_moved_box_is_noticed(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "boxes.parquet")
        moved = frame.with_columns(pl.col("x0") + 1)
        moved.write_parquet(folder / "boxes.parquet")
        with pytest.raises(DatasetError, match="the tables were altered"):
            read_annotated(folder)

    @pytest.mark.parametrize("name", ["images", "boxes"])
    def test_a_broken_table_is_named(self, folder: Path, name: str) -> None:
        (folder / f"{name}.parquet").write_bytes(b"PAR1 nonsense")
        with pytest.raises(DatasetError, match=rf"{name}\.parquet: not a readable table"):
            read_annotated(folder)

    def test_a_table_with_other_columns_is_refused(self, folder: Path) -> None:
        pl.DataFrame({"a": [1]}).write_parquet(folder / "images.parquet")
        with pytest.raises(DatasetError, match="expected columns"):
            read_annotated(folder)

    def test_a_hole_in_a_column_is_refused(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "images.parquet")
        holed = frame.with_columns(pl.lit(None, pl.String).alias("group"))
        holed.write_parquet(folder / "images.parquet")
        with pytest.raises(DatasetError, match="column 'group' must be filled"):
            read_annotated(folder)

    def test_a_box_of_no_image_is_refused(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "images.parquet")
        frame.head(1).write_parquet(folder / "images.parquet")
        with pytest.raises(DatasetError, match=r"names 'image-1', images\.parquet does not"):
            read_annotated(folder)

    def test_a_path_out_of_the_folder_is_refused(self, folder: Path) -> None:
        frame = pl.read_parquet(folder / "images.parquet")
        frame.with_columns(pl.lit("../../x.png").alias("path")).write_parquet(
            folder / "images.parquet"
        )
        with pytest.raises(DatasetError, match="leads out of the folder"):
            read_annotated(folder)
