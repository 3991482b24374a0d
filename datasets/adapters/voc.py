"""Any set annotated as Pascal VOC: `JPEGImages/`, `Annotations/` and lists of names."""

from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    Entry,
    Layout,
    picture_files,
    read_names,
    refuse,
    relative,
    seen_classes,
    without_variant,
)
from parcelscope.datasets.adapters.voc_xml import read_voc
from parcelscope.datasets.annotated import SPLITS, Split
from parcelscope.datasets.errors import DatasetError


def read(src: Path, variant: str | None) -> Layout:
    """The pictures on the lists in `ImageSets/Main/`, or all where there are none.

    Objects marked as difficult count like the others.
    """
    without_variant("Pascal VOC", variant)
    roots = [src, *sorted(src.glob("VOC20*")), *sorted(src.glob("VOCdevkit/VOC20*"))]
    root = next((p for p in roots if (p / "JPEGImages").is_dir()), None)
    if root is None or not (root / "Annotations").is_dir():
        refuse("Pascal VOC", src, "JPEGImages/ and Annotations/")
    split_of = _lists(root / "ImageSets" / "Main")
    by_stem = {path.stem: path for path in picture_files(root / "JPEGImages")}
    missing = set(split_of) - set(by_stem)
    if missing:
        raise DatasetError(f"{root}: expected the listed picture {min(missing)!r} in JPEGImages/")
    entries = []
    for stem, path in by_stem.items():
        if split_of and stem not in split_of:
            continue
        notes = root / "Annotations" / f"{stem}.xml"
        if not notes.is_file():
            raise DatasetError(f"{notes}: expected the boxes of {path.name}, not there")
        boxes, stated_wh = read_voc(notes)
        entries.append(
            Entry(
                path=relative(src, path),
                boxes=boxes,
                split=split_of.get(stem),
                stated_wh=stated_wh,
            )
        )
    return Layout(classes=seen_classes(entries), entries=tuple(entries))


def _lists(folder: Path) -> dict[str, Split]:
    found: dict[str, Split] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        if path.is_file():
            for name in read_names(path):
                if found.setdefault(name, split) != split:
                    raise DatasetError(f"{path}: {name!r} is in {found[name]}.txt as well")
    return found
