"""Annotations as COCO keeps them: one JSON file of images, categories and boxes (x, y, w, h)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parcelscope.datasets.adapters.layout import Box, Entry, inside, number, read_json
from parcelscope.datasets.annotated import Kind, Split
from parcelscope.datasets.errors import DatasetError

Place = Callable[[str], str]
"""From the `file_name` of an image to its path below the set's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoFile:
    """What one file holds."""

    classes: tuple[str, ...]
    """In the order of their ids."""
    entries: tuple[Entry, ...]


def read_coco(
    src: Path, path: Path, *, place: Place, split: Split | None, kind: Kind = "colour"
) -> CocoFile:
    """The images that the COCO file at `path` describes.

    Args:
        src: Folder of the set.
        path: The JSON file.
        place: Where a named image lies.
        split: Split of all its images.
        kind: What the pictures are, unless the file says it of an image (`kind`, as our own
            exports do).

    Raises:
        DatasetError: If it is no such file; the message names the field.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: expected a JSON object, got {type(content).__name__}")
    names = _names(path, _list(path, content, "categories"))
    boxes: dict[int, list[Box]] = {}
    for at, item in enumerate(_list(path, content, "annotations")):
        where = f"{path} annotations[{at}]"
        label = names.get(_id(item, "category_id", where))
        if label is None:
            raise DatasetError(f"{where}: category_id {item['category_id']} is no category")
        boxes.setdefault(_id(item, "image_id", where), []).append(_box(item, label, where))
    entries = []
    for at, item in enumerate(_list(path, content, "images")):
        where = f"{path} images[{at}]"
        key = _id(item, "id", where)
        file_name = inside(src, "", item.get("file_name"), where)
        entries.append(
            Entry(
                path=inside(src, "", place(file_name), where),
                kind=_kind(item, kind, where),
                high_path=_high(src, item, place, where),
                boxes=tuple(boxes.pop(key, ())),
                split=split,
                group=_group(item),
                stated_wh=_size(item, where),
            )
        )
    if boxes:
        raise DatasetError(f"{path}: annotations name image {next(iter(boxes))}, which is no image")
    return CocoFile(classes=tuple(names[key] for key in sorted(names)), entries=tuple(entries))


def same_classes(files: dict[Path, CocoFile]) -> tuple[str, ...]:
    """The classes that all `files` share.

    Raises:
        DatasetError: If two differ.
    """
    first = next(iter(files))
    for path, found in files.items():
        if found.classes != files[first].classes:
            raise DatasetError(f"{path}: its categories are not those of {first}")
    return files[first].classes


def _list(path: Path, content: dict[str, object], field: str) -> list[dict[str, object]]:
    found = content.get(field)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise DatasetError(f"{path}: expected a list of objects called {field!r}")
    return found


def _names(path: Path, categories: list[dict[str, object]]) -> dict[int, str]:
    names: dict[int, str] = {}
    for at, item in enumerate(categories):
        where = f"{path} categories[{at}]"
        name, key = item.get("name"), _id(item, "id", where)
        if not isinstance(name, str) or not name.strip():
            raise DatasetError(f"{where}: expected a name, got {name!r}")
        if key in names or name.strip() in names.values():
            raise DatasetError(f"{where}: category {key} {name!r} is there twice")
        names[key] = name.strip()
    return names


def _id(item: dict[str, object], field: str, where: str) -> int:
    found = item.get(field)
    if not isinstance(found, int) or isinstance(found, bool):
        raise DatasetError(f"{where}: {field} must be a whole number, got {str(found)[:40]!r}")
    return found


def _box(item: dict[str, object], label: str, where: str) -> Box:
    corner_and_size = item.get("bbox")
    if not isinstance(corner_and_size, list) or len(corner_and_size) != 4:
        raise DatasetError(f"{where}: bbox must be [x, y, width, height]")
    x, y, width, height = (number(value, where) for value in corner_and_size)
    return Box(label, x, y, x + width, y + height)


def _kind(item: dict[str, object], kind: Kind, where: str) -> Kind:
    match item.get("kind"):
        case None:
            return kind
        case "colour" | "grey" | "dual" | "photo" as said:
            return said
        case other:
            raise DatasetError(f"{where}: kind must be colour, grey, dual or photo, got {other!r}")


def _group(item: dict[str, object]) -> str | None:
    said = item.get("group")  # ours alone; another tool may mean anything by it
    return said if isinstance(said, str) and said else None


def _high(src: Path, item: dict[str, object], place: Place, where: str) -> str | None:
    if item.get("high_file_name") is None:
        return None
    return inside(src, "", place(inside(src, "", item["high_file_name"], where)), where)


def _size(item: dict[str, object], where: str) -> tuple[int, int] | None:
    if item.get("width") is None or item.get("height") is None:
        return None
    return int(number(item["width"], where)), int(number(item["height"], where))
