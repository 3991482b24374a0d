"""Sets in the forms that other tools read: COCO and YOLO."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import yaml

from parcelscope.datasets.annotated import SPLITS, AnnotatedImage, AnnotatedSet, Split
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import place_file
from parcelscope.datasets.writing import write_text_whole

ExportFormat = Literal["coco", "yolo"]


def export_set(
    annotated: AnnotatedSet, out: Path, form: ExportFormat, *, copy: bool = False
) -> None:
    """Write `annotated` to the folder `out` as COCO or YOLO, pictures included.

    What neither form has a place for is lost: masks, whether a picture is anomalous, and labels
    without a box. COCO keeps kind and group as fields of its own, and both energies of a scan.

    Args:
        annotated: The set.
        out: New or empty folder.
        form: Which form.
        copy: Copy the pictures; else hard links are made where the disk can.

    Raises:
        DatasetError: If the set has no classes, `out` is in use, or YOLO is asked of raw scans.
    """
    if not annotated.classes:
        raise DatasetError(f"{annotated.root}: has no classes, so there are no boxes to export")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: expected a new or empty folder to export to, got one in use")
    _WRITERS[form](annotated, out, copy)


def _write_coco(annotated: AnnotatedSet, out: Path, copy: bool) -> None:
    number = {name: at for at, name in enumerate(annotated.classes, start=1)}
    for split, images in _by_split(annotated):
        described: list[dict[str, object]] = []
        boxes: list[dict[str, object]] = []
        for key, image in enumerate(images, start=1):
            row: dict[str, object] = {
                "id": key, "file_name": PurePosixPath(image.path).name, "license": 1,
                "width": image.width_px, "height": image.height_px, "kind": image.kind,
                "group": image.group,
            }  # fmt: skip
            _place(annotated, image.path, out / "images" / split, copy)
            if image.high_path is not None:
                row["high_file_name"] = PurePosixPath(image.high_path).name
                _place(annotated, image.high_path, out / "images" / split, copy)
            described.append(row)
            for (x0, y0, x1, y1), label in zip(image.box_xyxy.tolist(), image.labels, strict=True):
                boxes.append(
                    {
                        "id": len(boxes) + 1, "image_id": key, "category_id": number[label],
                        "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
                        "iscrowd": 0,
                    }
                )  # fmt: skip
        content = {
            "info": {"description": f"{annotated.name}. {annotated.source}"},
            "licenses": [{"id": 1, "name": annotated.licence}],
            "categories": [{"id": at, "name": name} for name, at in number.items()],
            "images": described,
            "annotations": boxes,
        }
        path = out / "annotations" / f"instances_{split}.json"
        write_text_whole(path, json.dumps(content, ensure_ascii=False))


def _write_yolo(annotated: AnnotatedSet, out: Path, copy: bool) -> None:
    dual = next((image for image in annotated.images if image.kind == "dual"), None)
    if dual is not None:
        raise DatasetError(
            f"{annotated.root}: {dual.image_id} holds raw energies, and YOLO reads pictures only;"
            " export to coco"
        )
    number = {name: at for at, name in enumerate(annotated.classes)}
    settings: dict[str, object] = {}
    for split, images in _by_split(annotated):
        settings[split] = f"images/{split}"
        for image in images:
            _place(annotated, image.path, out / "images" / split, copy)
            lines = [
                f"{number[label]} {(x0 + x1) / 2 / image.width_px!r}"
                f" {(y0 + y1) / 2 / image.height_px!r} {(x1 - x0) / image.width_px!r}"
                f" {(y1 - y0) / image.height_px!r}\n"
                for (x0, y0, x1, y1), label in zip(
                    image.box_xyxy.tolist(), image.labels, strict=True
                )
            ]
            name = PurePosixPath(image.path).with_suffix(".txt").name
            (out / "labels" / split).mkdir(parents=True, exist_ok=True)
            (out / "labels" / split / name).write_text("".join(lines), encoding="utf-8")
    # No `path`: YOLO then starts from the folder of this file, wherever it is moved to.
    settings["names"] = dict(enumerate(annotated.classes))
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    write_text_whole(out / "data.yaml", f"# {' '.join(annotated.licence.split())}\n{text}")


def _by_split(annotated: AnnotatedSet) -> Iterator[tuple[Split, tuple[AnnotatedImage, ...]]]:
    for split in SPLITS:
        images = annotated.of_split(split)
        if images:
            yield split, images


def _place(annotated: AnnotatedSet, path: str, folder: Path, copy: bool) -> None:
    source = annotated.file(path)
    try:
        place_file(source, folder / PurePosixPath(path).name, copy=copy)
    except OSError as error:
        raise DatasetError(f"{source}: cannot be exported: {error.strerror or error}") from error


_WRITERS: dict[ExportFormat, Callable[[AnnotatedSet, Path, bool], None]] = {
    "coco": _write_coco,
    "yolo": _write_yolo,
}
