"""GDXray: series of grey X-ray pictures of castings, welds, baggage and natural objects."""

import re
from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    Box,
    Entry,
    Layout,
    number,
    read_text,
    refuse,
    relative,
    seen_classes,
)
from parcelscope.datasets.errors import DatasetError

SECTIONS = ("Baggage", "Baggages", "Castings", "Nature", "Settings", "Welds")
_SERIES = re.compile(r"[A-Z]\d{4}")
_PICTURE = re.compile(r"[A-Z]\d{4}_(\d{4})")


def read(src: Path, variant: str | None) -> Layout:
    """All sections that are there, or the one that `variant` names.

    A series shows one object from many sides, so it is one group. The set names no classes: a box
    is a `defect` in castings and welds, and an `object` elsewhere.
    """
    if variant is not None and variant not in SECTIONS:
        raise DatasetError(f"GDXray has the variants {', '.join(SECTIONS)}, got {variant!r}")
    sections = [name for name in ([variant] if variant else SECTIONS) if (src / name).is_dir()]
    if not sections:
        refuse("GDXray", src, f"{variant or 'Baggages'}/ with series such as B0001/")
    entries: list[Entry] = []
    for section in sections:
        label = "defect" if section in ("Castings", "Welds") else "object"
        for series in sorted((src / section).iterdir()):
            if series.is_dir() and _SERIES.fullmatch(series.name):
                entries += _series(src, series, label)
    if not entries:
        refuse("GDXray", src / sections[0], "series such as B0001/B0001_0001.png")
    return Layout(classes=seen_classes(entries) or ("object",), entries=tuple(entries))


def _series(src: Path, series: Path, label: str) -> list[Entry]:
    boxes = _boxes(series / "ground_truth.txt", label)
    entries, numbers = [], set()
    for path in sorted(series.glob(f"{series.name}_*.png")):
        match = _PICTURE.fullmatch(path.stem)
        if match:
            at = int(match[1])
            numbers.add(at)
            found = tuple(boxes.get(at, ()))
            entries.append(
                Entry(path=relative(src, path), kind="grey", boxes=found, group=series.name)
            )
    strangers = set(boxes) - numbers
    if strangers:
        raise DatasetError(
            f"{series / 'ground_truth.txt'}: has a box in picture {min(strangers)}, not there"
        )
    return entries


def _boxes(path: Path, label: str) -> dict[int, list[Box]]:
    """Lines `image_no x1 x2 y1 y2`: both x come first, unlike everywhere else."""
    found: dict[int, list[Box]] = {}
    if not path.is_file():
        return found
    for at, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path} line {at}"
        values = [number(word, where) for word in line.split()]
        if not values:
            continue
        if len(values) != 5:
            raise DatasetError(f"{where}: expected image_no x1 x2 y1 y2, got {line[:80]!r}")
        x0, x1, y0, y1 = values[1:]
        found.setdefault(int(values[0]), []).append(Box(label, x0, y0, x1, y1))
    return found
