import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.datasets.adapters import layouts
from tests.datasets.adapters.layouts import BOX, SHAPES, SIZE_WH, draw, text, voc_xml

from parcelscope.datasets.adapters.catalog import ADAPTERS, adapter_of
from parcelscope.datasets.adapters.importing import Imported, import_set
from parcelscope.datasets.adapters.splitting import Splitting
from parcelscope.datasets.annotated import read_annotated
from parcelscope.datasets.annotated_check import check_set
from parcelscope.datasets.errors import DatasetError


def imported(name: str, src: Path, out: Path, **options: object) -> Imported:
    return import_set(ADAPTERS[name], src, out, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_set_arrives_with_its_pictures_boxes_and_splits(
    tmp_path: Path, shape: layouts.Shape
) -> None:
    src, out = tmp_path / "src", tmp_path / "out"
    shape.make(src)
    done = imported(shape.adapter, src, out)
    annotated = read_annotated(out)
    assert annotated.digest == done.annotated.digest
    assert annotated.classes == shape.classes
    assert annotated.licence == ADAPTERS[shape.adapter].licence
    assert len(annotated.images) == shape.images
    assert {image.kind for image in annotated.images} == {shape.kind}
    assert {image.split for image in annotated.images} == shape.splits
    assert {(i.width_px, i.height_px) for i in annotated.images} == {SIZE_WH}
    boxes = [box for image in annotated.images for box in image.box_xyxy.tolist()]
    assert len(boxes) == shape.boxes
    for box in boxes:
        assert box == pytest.approx(BOX, abs=1e-3)
    assert {label for i in annotated.images for label in i.labels} >= {shape.label} - {None}
    assert done.left_out == ()
    assert check_set(annotated).faults == ()


def test_there_are_thirteen_adapters_and_each_has_a_fixture() -> None:
    assert len(ADAPTERS) == 13
    assert {shape.adapter for shape in SHAPES.values()} == set(ADAPTERS)


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("holds", ["nothing", "another set", "no folder"])
def test_a_layout_that_is_not_known_is_refused_in_one_sentence(
    tmp_path: Path, name: str, holds: str
) -> None:
    src = tmp_path / "src"
    if holds != "no folder":
        src.mkdir()
    if holds == "another set":
        text(src / "readme.txt", "a set of another kind")
        draw(src / "pictures" / "a.jpg", 1)
    with pytest.raises(DatasetError, match=r"(not the layout of|no such folder)") as caught:
        imported(name, src, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_unknown_name_says_the_known_ones() -> None:
    with pytest.raises(DatasetError, match="no data set or layout 'imagenet'; known: sixray, "):
        adapter_of("imagenet")


def test_a_scan_listed_with_an_item_but_without_its_box_keeps_the_name(tmp_path: Path) -> None:
    layouts.sixray(tmp_path / "src")
    (tmp_path / "src" / "Annotation" / "P00000.xml").unlink()
    annotated = imported("sixray", tmp_path / "src", tmp_path / "out").annotated
    image = next(i for i in annotated.images if i.image_id == "P00000")
    assert (image.labels, image.image_labels, image.anomalous) == ((), ("Knife",), True)


def test_both_views_of_a_bag_stay_together_and_a_hidden_item_keeps_its_name(
    tmp_path: Path,
) -> None:
    layouts.dvxray(tmp_path / "src")
    annotated = imported("dvxray", tmp_path / "src", tmp_path / "out").annotated
    side = next(i for i in annotated.images if i.image_id == "P0_SD")
    assert (side.labels, side.image_labels, side.group) == (("Gun",), ("Lighter",), "P0")
    splits: dict[str, set[str]] = {}
    for image in annotated.images:
        splits.setdefault(image.group, set()).add(image.split)
    assert all(len(found) == 1 for found in splits.values())


def test_raw_energies_come_as_pairs_and_only_danger_is_a_label(tmp_path: Path) -> None:
    layouts.compass_xp(tmp_path / "src")
    annotated = imported("compass-xp", tmp_path / "src", tmp_path / "out").annotated
    assert all(image.high_path and image.high_path != image.path for image in annotated.images)
    assert {(i.anomalous, i.image_labels) for i in annotated.images} == {
        (True, ("gun",)),
        (False, ()),
    }


@pytest.mark.parametrize(("variant", "kind"), [("colour", "colour"), ("photo", "photo")])
def test_the_same_trays_come_as_renderings_or_photos(
    tmp_path: Path, variant: str, kind: str
) -> None:
    layouts.compass_xp(tmp_path / "src")
    done = imported("compass-xp", tmp_path / "src", tmp_path / "out", variant=variant)
    assert {image.kind for image in done.annotated.images} == {kind}


def test_raw_energies_of_eight_bits_are_refused(tmp_path: Path) -> None:
    layouts.compass_xp(tmp_path / "src")
    for path in (tmp_path / "src").rglob("Low/*.png"):
        draw(path, 1)
    with pytest.raises(DatasetError, match="must hold 16-bit counts, got 8"):
        imported("compass-xp", tmp_path / "src", tmp_path / "out")


def test_defects_come_with_their_masks(tmp_path: Path) -> None:
    layouts.mvtec(tmp_path / "src")
    annotated = imported("mvtec-ad", tmp_path / "src", tmp_path / "out").annotated
    broken = [i for i in annotated.images if i.anomalous]
    assert [i.image_labels for i in broken] == [("broken",), ("broken",)]
    assert all(i.mask_path and annotated.file(i.mask_path).is_file() for i in broken)
    assert {i.split for i in annotated.images if not i.anomalous} == {"train", "val", "test"}


def test_one_of_several_categories_must_be_named(tmp_path: Path) -> None:
    layouts.mvtec(tmp_path / "src")
    (tmp_path / "src" / "cable" / "train" / "good").mkdir(parents=True)
    (tmp_path / "src" / "cable" / "test").mkdir()
    with pytest.raises(DatasetError, match="--variant must name a category of bottle, cable"):
        imported("mvtec-ad", tmp_path / "src", tmp_path / "out")
    done = imported("mvtec-ad", tmp_path / "src", tmp_path / "out", variant="bottle")
    assert done.annotated.name == "MVTec AD layout bottle"


def test_a_yolo_outline_becomes_the_box_around_it(tmp_path: Path) -> None:
    layouts.yolo(tmp_path / "src")
    text(tmp_path / "src/train/labels/train0.txt", "0 0.25 0.5 0.5 0.25 0.75 0.5 0.5 0.75\n")
    annotated = imported("yolo", tmp_path / "src", tmp_path / "out").annotated
    image = next(i for i in annotated.images if i.image_id == "train0")
    assert image.box_xyxy.tolist() == [[24, 16, 72, 48]]
    assert image.labels == ("pipe",)


def test_boxes_are_cut_at_the_edge_and_those_without_area_are_left_out(tmp_path: Path) -> None:
    layouts.opixray(tmp_path / "src")
    lines = (
        "train0000.jpg Scissor -5 -5 500 30\n"
        "train0000.jpg Scissor 10 10 10 30\n"
        "train0000.jpg Scissor 200 10 300 30\n"
    )
    text(tmp_path / "src/train/train_annotation/train0000.txt", lines)
    done = imported("opixray", tmp_path / "src", tmp_path / "out")
    image = next(i for i in done.annotated.images if i.image_id == "train0000")
    assert image.box_xyxy.tolist() == [[0, 0, SIZE_WH[0], 30]]
    assert len(done.left_out) == 2
    assert "no area in 96 x 64 pixels" in (tmp_path / "out" / "left_out.txt").read_text()


def test_boxes_drawn_on_another_size_are_not_taken(tmp_path: Path) -> None:
    layouts.voc(tmp_path / "src")
    for path in (tmp_path / "src").rglob("*.xml"):
        path.write_text(path.read_text().replace(">96<", ">960<"))
    with pytest.raises(DatasetError, match=r"96 x 64 pixels, its boxes were drawn on 960 x 64"):
        imported("voc", tmp_path / "src", tmp_path / "out")


def test_a_few_broken_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    for n in range(20):
        draw(tmp_path / f"src/JPEGImages/{n}.jpg", n)
        voc_xml(tmp_path / f"src/Annotations/{n}.xml", "knife", size=False)
    (tmp_path / "src/JPEGImages/3.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    done = imported("voc", tmp_path / "src", tmp_path / "out")
    assert len(done.annotated.images) == 19
    assert len(done.left_out) == 1
    assert done.left_out[0].startswith("JPEGImages/3.jpg")


def test_many_broken_pictures_refuse_the_set(tmp_path: Path) -> None:
    layouts.voc(tmp_path / "src")
    for path in list((tmp_path / "src").rglob("*.jpg"))[:2]:
        path.write_bytes(b"GIF89a")
    with pytest.raises(DatasetError, match="only 6 of 8 pictures can be read; the first fault"):
        imported("voc", tmp_path / "src", tmp_path / "out")


class TestSplits:
    def test_a_copy_of_a_held_out_picture_is_not_learned_from(self, tmp_path: Path) -> None:
        src = tmp_path / "src"
        layouts.clcxray(src)
        (src / "train2017/train0.jpg").write_bytes((src / "test2017/test0.jpg").read_bytes())
        done = imported("clcxray", src, tmp_path / "out")
        assert "train0" not in {image.image_id for image in done.annotated.images}
        assert "train2017/train0.jpg: left out of train" in done.left_out[0]
        assert check_set(done.annotated).faults == ()

    def test_the_published_split_is_kept_when_asked_for_and_said_to_straddle(
        self, tmp_path: Path
    ) -> None:
        src = tmp_path / "src"
        layouts.clcxray(src)
        (src / "train2017/train0.jpg").write_bytes((src / "test2017/test0.jpg").read_bytes())
        done = imported("clcxray", src, tmp_path / "out", splitting=Splitting(mode="published"))
        assert len(done.annotated.images) == 12
        assert done.straddling == 1
        kinds = {fault.kind for fault in check_set(done.annotated).faults}
        assert kinds == {"alike across splits", "group across splits"}

    def test_validation_comes_from_training_where_a_set_has_none(self, tmp_path: Path) -> None:
        layouts.opixray(tmp_path / "src")
        annotated = imported("opixray", tmp_path / "src", tmp_path / "out").annotated
        assert {i.image_id[:4] for i in annotated.of_split("val")} == {"trai"}
        assert len(annotated.of_split("test")) == 5

    def test_a_table_of_senders_and_cartons_joins_pictures(self, tmp_path: Path) -> None:
        rows = ["file,sender,carton"]
        for n in range(12):
            draw(tmp_path / f"src/JPEGImages/{n:02d}.jpg", n)
            voc_xml(tmp_path / f"src/Annotations/{n:02d}.xml", "knife")
            # Sender s0 has 0 to 3; carton c9 holds one of its parcels and one of s1.
            rows.append(f"JPEGImages/{n:02d}.jpg,s{n // 4},{'c9' if n in (3, 4) else ''}")
        text(tmp_path / "groups.csv", "\n".join(rows) + "\n")
        splitting = Splitting(groups=tmp_path / "groups.csv", val_share=0.3, test_share=0.0)
        annotated = imported(
            "voc", tmp_path / "src", tmp_path / "out", splitting=splitting
        ).annotated
        sides = {i.image_id: i.split for i in annotated.images}
        assert {sides[f"{n:02d}"] for n in range(8)} == {"train"}
        assert {sides[f"{n:02d}"] for n in range(8, 12)} == {"val"}

    def test_a_picture_that_the_table_forgets_is_named(self, tmp_path: Path) -> None:
        layouts.voc(tmp_path / "src")
        text(tmp_path / "groups.csv", "file,sender\nVOC2007/JPEGImages/000000.jpg,s\n")
        with pytest.raises(DatasetError, match=r"none for .VOC2007/JPEGImages/000001\.jpg"):
            imported(
                "voc",
                tmp_path / "src",
                tmp_path / "out",
                splitting=Splitting(groups=tmp_path / "groups.csv"),
            )

    def test_a_set_without_a_split_cannot_keep_it(self, tmp_path: Path) -> None:
        layouts.gdxray(tmp_path / "src")
        with pytest.raises(DatasetError, match="needs a set with a split of its own"):
            imported(
                "gdxray",
                tmp_path / "src",
                tmp_path / "out",
                splitting=Splitting(mode="published"),
            )


def _edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(src: Path) -> None:
        file = src / path
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))

    return edit


def _write(path: str, content: str) -> Callable[[Path], None]:
    return lambda src: text(src / path, content)


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>'
DEEP = "<annotation>" + "<a>" * 5000 + "</a>" * 5000 + "</annotation>"
VOC_FILE = "VOC2007/Annotations/000001.xml"
COCO_FILE = "annotations/instances_train.json"
HOSTILE = [
    ("voc", _write(VOC_FILE, BOMB), "document type or entities"),
    ("voc", _write(VOC_FILE, DEEP), "nested deeper"),
    ("voc", _write(VOC_FILE, "<annotation><object>"), "not readable as XML"),
    ("voc", _write(VOC_FILE, "<html></html>"), "expected an <annotation>"),
    ("voc", _edit(VOC_FILE, "<xmin>21<", "<xmin>nan<"), "expected a number, got 'nan'"),
    ("voc", _edit(VOC_FILE, "<ymax>44</ymax>", ""), "expected a number, got 'None'"),
    ("voc", _write("VOC2007/ImageSets/Main/train.txt", "../../../etc/passwd\n"), "listed picture"),
    ("coco", _write(COCO_FILE, '{"images": ['), "not valid JSON"),
    ("coco", _write(COCO_FILE, "[" * 100_000), "not valid JSON"),
    ("coco", _write(COCO_FILE, "[]"), "expected a JSON object"),
    ("coco", _write(COCO_FILE, "{}"), "list of objects called 'categories'"),
    ("coco", _edit(COCO_FILE, "train_0.jpg", "../../secret.jpg"), "expected a file inside"),
    ("coco", _edit(COCO_FILE, "train_0.jpg", "/etc/passwd"), "expected a file inside"),
    ("coco", _edit(COCO_FILE, "[20, 12, 30, 32]", "[1e999, 0, 1, 1]"), "expected a number"),
    ("coco", _edit(COCO_FILE, "[20, 12, 30, 32]", "[1, 2]"), "bbox must be"),
    ("coco", _edit(COCO_FILE, '"category_id": 2', '"category_id": 7'), "is no category"),
    ("coco", _edit(COCO_FILE, '"image_id": 0', '"image_id": 99'), "which is no image"),
    ("yolo", _write("data.yaml", "names: [a\n"), "not valid YAML"),
    ("yolo", _write("data.yaml", "train: ../../..\nnames: [a]\n"), "expected a folder inside"),
    ("yolo", _write("data.yaml", "train: /etc\nnames: [a]\n"), "expected a folder inside"),
    ("yolo", _write("data.yaml", "train: train/images\nnames: {1: a}\n"), "names must list"),
    ("yolo", _write("train/labels/train0.txt", "7 .5 .5 .1 .1\n"), "class of 0 to 1, got 7"),
    ("yolo", _write("train/labels/train0.txt", "1 .5 .5 50 .1\n"), "shares of 0 to 1, got 50"),
    ("yolo", _write("train/labels/train0.txt", "1 nan .5 .5 .1\n"), "expected a number"),
    ("yolo", _write("train/labels/train0.txt", "1 .5\n"), "line 1: expected class"),
    (
        "opixray",
        _edit("train/train_annotation/train0000.txt", "Multi-tool_Knife", "Sword"),
        "got 'Sword'",
    ),
    ("opixray", _write("train/train_annotation/train0000.txt", "a b c\n"), "expected image_name"),
    ("opixray", _write("train/train_knife.txt", "gone.jpg\n"), "expected the listed scan 'gone'"),
    ("sixray", _edit("ImageSet/10/train.csv", "Knife", "Sabre"), "expected columns name, Gun"),
    ("sixray", _edit("ImageSet/10/train.csv", "-1,1", "-1,yes"), "row 1: expected 1 or -1"),
    ("sixray", _edit("ImageSet/10/train.csv", "P00000", "../../P0"), "expected a file inside"),
    ("pidray", _edit("annotations/xray_train.json", '"Baton"', '"Banana"'), "got 'Banana'"),
    ("eds", _edit("domain1/labels/d1_0.xml", "powerbank", "sofa"), "got 'sofa'"),
    ("dvxray", _edit("DvXray_Positive_Samples/P0.json", "difficult", "hidden"), "difficult"),
    ("dvxray", _write("DvXray_Positive_Samples/P0.json", "{}"), "expected a list of objects"),
    ("gdxray", _write("Baggages/B0001/ground_truth.txt", "9 1 2 3 4\n"), "picture 9, not there"),
    ("gdxray", _write("Baggages/B0001/ground_truth.txt", "1 1 2 3\n"), "image_no x1 x2 y1 y2"),
    ("compass-xp", _edit("COMPASS-XP/COMPASS-XP/meta.txt", "True", "maybe"), "true or false"),
    (
        "compass-xp",
        _edit("COMPASS-XP/COMPASS-XP/meta.txt", "0000\t", "../../0000\t"),
        "expected a file inside",
    ),
    ("mvtec-ad", lambda src: (src / "bottle/ground_truth/broken/000_mask.png").unlink(), "mask"),
    ("clcxray", _write("annotations/instances_val2017.json", "nonsense"), "not valid JSON"),
    ("hixray", _write("test/test_annotation/test0001.txt", "\x00\x01 \x02"), "expected image_name"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spoil", "sentence"), HOSTILE, ids=[f"{n}: {s}" for n, _, s in HOSTILE]
)
def test_hostile_or_broken_annotations_are_refused_in_one_sentence(
    tmp_path: Path, name: str, spoil: Callable[[Path], None], sentence: str
) -> None:
    SHAPES[name].make(tmp_path / "src")
    spoil(tmp_path / "src")
    with pytest.raises(DatasetError) as caught:
        imported(name, tmp_path / "src", tmp_path / "out")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_link_that_leads_out_of_the_set_is_not_followed(tmp_path: Path) -> None:
    draw(tmp_path / "secret.jpg", 77)
    layouts.voc(tmp_path / "src")
    for n in range(8):
        path = tmp_path / f"src/VOC2007/JPEGImages/{n:06d}.jpg"
        path.unlink()
        path.symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(DatasetError, match="leads out of"):
        imported("voc", tmp_path / "src", tmp_path / "out")


def test_a_picture_of_absurd_size_is_not_opened(tmp_path: Path) -> None:
    layouts.voc(tmp_path / "src")
    for path in (tmp_path / "src").rglob("*.jpg"):
        data = bytearray(path.read_bytes())
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = b"\xff\xff\xff\xff"
        path.write_bytes(data)
    with pytest.raises(DatasetError, match="65535 x 65535 pixels"):
        imported("voc", tmp_path / "src", tmp_path / "out")


def test_annotations_larger_than_any_real_ones_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layouts.coco(tmp_path / "src")
    monkeypatch.setattr("parcelscope.datasets.adapters.layout.JSON_CAP_BYTES", 100)
    with pytest.raises(DatasetError, match="at most 100 bytes"):
        imported("coco", tmp_path / "src", tmp_path / "out")


def test_a_coco_file_without_sizes_or_segments_is_enough(tmp_path: Path) -> None:
    draw(tmp_path / "src/a.jpg", 1)
    content = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 5, "category_id": 3, "bbox": [1, 2, 30, 40]}],
        "categories": [{"id": 3, "name": "knife"}],
    }
    text(tmp_path / "src/boxes.json", json.dumps(content))
    annotated = imported("coco", tmp_path / "src", tmp_path / "out").annotated
    assert np.allclose(annotated.images[0].box_xyxy, [[1, 2, 31, 42]])
