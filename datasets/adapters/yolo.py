"""Any set annotated for YOLO: `data.yaml`, and a text file of boxes for each picture."""

from pathlib import Path, PurePosixPath

import yaml

from parcelscope.datasets.adapters.layout import (
    SMALL_CAP_BYTES,
    Box,
    Entry,
    Layout,
    inside,
    number,
    picture_files,
    read_names,
    read_text,
    refuse,
    relative,
    without_variant,
)
from parcelscope.datasets.annotated import SPLITS
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside

_SLACK = 1e-3
"""By how much a share may exceed 1 for rounding."""


def read(src: Path, variant: str | None) -> Layout:
    """The pictures that `data.yaml` names under train, val and test.

    Labels lie where `images` in a picture's path is replaced by `labels`; a picture without such a
    file has no box. Outlines (more than five numbers a line) become the box around them.
    """
    without_variant("YOLO", variant)
    path = next((p for p in (src / "data.yaml", src / "data.yml") if p.is_file()), None)
    if path is None:
        refuse("YOLO", src, "data.yaml")
    settings = _settings(path)
    classes = _classes(settings.get("names"), path)
    base = settings.get("path") or "."
    entries: list[Entry] = []
    for split in SPLITS:
        said = settings.get(split)
        for name in said if isinstance(said, list) else [] if said is None else [said]:
            for picture in _pictures(src, base, name, path):
                boxes = _boxes(src / _labels_of(picture), classes)
                entries.append(Entry(path=picture, boxes=boxes, as_shares=True, split=split))
    if not entries:
        raise DatasetError(f"{path}: expected folders with pictures under train, val or test")
    return Layout(classes=classes, entries=tuple(entries))


def _settings(path: Path) -> dict[str, object]:
    try:
        content = yaml.safe_load(read_text(path, SMALL_CAP_BYTES))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DatasetError(
            f"{path}: not valid YAML: {' '.join(str(error).split())[:200]}"
        ) from None
    if not isinstance(content, dict):
        raise DatasetError(f"{path}: expected names and train, got {type(content).__name__}")
    return content


def _classes(names: object, path: Path) -> tuple[str, ...]:
    if isinstance(names, dict) and set(names) == set(range(len(names))):
        names = [names[at] for at in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise DatasetError(f"{path}: names must list the classes, or number them from 0")
    return tuple(names)


def _pictures(src: Path, base: object, name: object, where: Path) -> list[str]:
    """Pictures in the folder, or on the list, that `where` calls `name`."""
    if not isinstance(base, str) or not isinstance(name, str):
        raise DatasetError(f"{where}: expected the path of a folder, got {str(name)[:60]!r}")
    # Roboflow writes ../train/images for a folder that lies beside data.yaml.
    plain = name.removeprefix("../")
    joined = PurePosixPath(base, plain).as_posix()
    full = path_inside(src, joined)
    if full is None:
        raise DatasetError(f"{where}: expected a folder inside {src}, got {name!r} in {base!r}")
    if full.is_dir():
        return [relative(src, p) for p in picture_files(src / joined)]
    if full.is_file() and full.suffix == ".txt":
        return [
            inside(src, "" if base == "." else base, line.removeprefix("./"), str(full))
            for line in read_names(full)
        ]
    raise DatasetError(f"{where}: expected the folder {joined}, which is not there")


def _labels_of(picture: str) -> str:
    parts = list(PurePosixPath(picture).with_suffix(".txt").parts)
    places = [at for at, part in enumerate(parts[:-1]) if part == "images"]
    if places:
        parts[places[-1]] = "labels"
    return "/".join(parts)


def _boxes(path: Path, classes: tuple[str, ...]) -> tuple[Box, ...]:
    if not path.is_file():
        return ()
    boxes = []
    for at, line in enumerate(read_text(path, SMALL_CAP_BYTES).splitlines(), start=1):
        words, where = line.split(), f"{path} line {at}"
        if not words:
            continue
        if len(words) < 5 or (len(words) > 5 and len(words) % 2 == 0):
            raise DatasetError(f"{where}: expected class, centre x and y, width, height: {line!r}")
        index, *shares = (number(word, where) for word in words)
        if index != int(index) or not 0 <= index < len(classes):
            raise DatasetError(
                f"{where}: expected a class of 0 to {len(classes) - 1}, got {words[0]}"
            )
        odd = next((s for s in shares if not -_SLACK <= s <= 1 + _SLACK), None)
        if odd is not None:
            raise DatasetError(f"{where}: expected shares of 0 to 1, got {odd:g}")
        boxes.append(_box(classes[int(index)], shares))
    return tuple(boxes)


def _box(label: str, shares: list[float]) -> Box:
    if len(shares) == 4:
        x, y, width, height = shares
        return Box(label, x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    across, down = shares[::2], shares[1::2]
    return Box(label, min(across), min(down), max(across), max(down))
