"""DvXray: pairs of views, from above and from the side, of one piece of luggage."""

from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    Box,
    Entry,
    Layout,
    number,
    read_json,
    refuse,
    relative,
    seen_classes,
    without_variant,
)
from parcelscope.datasets.errors import DatasetError

VIEWS = {"OL": "ol_bb", "SD": "sd_bb"}
"""Overlook and side, with the field that holds a view's box."""


def read(src: Path, variant: str | None) -> Layout:
    """Both views of every piece; the two share a group, since they show the same things."""
    without_variant("DvXray", variant)
    entries: list[Entry] = []
    for name, anomalous in (("Positive", True), ("Negative", False)):
        folder = src / f"DvXray_{name}_Samples"
        if not folder.is_dir():
            refuse("DvXray", src, f"{folder.name}/")
        for path in sorted(folder.rglob("*.json")):
            entries += _views(src, path, anomalous=anomalous)
    if not entries:
        refuse("DvXray", src, "JSON files in DvXray_Positive_Samples/")
    return Layout(classes=seen_classes(entries), entries=tuple(entries))


def _views(src: Path, path: Path, *, anomalous: bool) -> list[Entry]:
    content = read_json(path)
    objects = content.get("objects") if isinstance(content, dict) else None
    if objects in ("None", None) and isinstance(content, dict) and "objects" in content:
        objects = []
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise DatasetError(f"{path}: expected a list of objects, or the word None, as 'objects'")
    entries = []
    for view, field in VIEWS.items():
        boxes, hidden = [], []
        for at, item in enumerate(objects, start=1):
            where = f"{path} object {at}"
            label = item.get("label")
            if not isinstance(label, str) or not label.strip():
                raise DatasetError(f"{where}: expected a label, got {str(label)[:40]!r}")
            box = _box(item.get(field), label.strip(), f"{where} {field}")
            if box is None:
                hidden.append(label.strip())
            else:
                boxes.append(box)
        entries.append(
            Entry(
                path=relative(src, path.with_name(f"{path.stem}_{view}.png")),
                boxes=tuple(boxes),
                group=path.stem,
                image_labels=tuple(hidden),
                anomalous=anomalous,
            )
        )
    return entries


def _box(corners: object, label: str, where: str) -> Box | None:
    """The box, its corners in any order; None where the annotators wrote that none can be seen."""
    if isinstance(corners, str) and corners.strip().lower() == "difficult":
        return None
    if not isinstance(corners, list) or len(corners) != 4:
        raise DatasetError(f"{where}: expected [x1, y1, x2, y2] or the word difficult")
    x1, y1, x2, y2 = (number(value, where) for value in corners)
    return Box(label, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
