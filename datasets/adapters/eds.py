"""EDS: the same ten goods on three scanners (domains), annotated as VOC."""

from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    Box,
    Entry,
    Layout,
    known_class,
    picture_files,
    read_names,
    refuse,
    relative,
)
from parcelscope.datasets.adapters.voc_xml import read_voc
from parcelscope.datasets.annotated import SPLITS, Split
from parcelscope.datasets.errors import DatasetError

CLASSES = (
    "drinkbottle", "pressure", "lighter", "knife", "smallelectronicequipmen", "powerbank",
    "umbrella", "glassbottle", "scissor", "laptop",
)  # fmt: skip
"""`smallelectronicequipmen` is spelt so in the files."""
DOMAINS = ("domain1", "domain2", "domain3")


def read(src: Path, variant: str | None) -> Layout:
    """All domains, or the one that `variant` names."""
    if variant is not None and variant not in DOMAINS:
        raise DatasetError(f"EDS has the variants {', '.join(DOMAINS)}, got {variant!r}")
    entries: list[Entry] = []
    for domain in [variant] if variant else DOMAINS:
        folder = src / domain
        if not (folder / "images").is_dir() or not (folder / "labels").is_dir():
            refuse("EDS", src, f"{domain}/images/ and {domain}/labels/")
        split_of = _lists(folder)
        # Where only one list is there, the scans on it are held out and the others learned from.
        rest: Split | None = None if not split_of or "train" in split_of.values() else "train"
        for path in picture_files(folder / "images"):
            if rest is None and split_of and path.stem not in split_of:
                continue
            notes = folder / "labels" / f"{path.stem}.xml"
            if not notes.is_file():
                raise DatasetError(f"{notes}: expected the boxes of {path.name}, not there")
            boxes, stated_wh = read_voc(notes)
            entries.append(
                Entry(
                    path=relative(src, path),
                    boxes=tuple(
                        Box(known_class(b.label, CLASSES, str(notes)), b.x0, b.y0, b.x1, b.y1)
                        for b in boxes
                    ),
                    split=split_of.get(path.stem, rest),
                    stated_wh=stated_wh,
                )
            )
    return Layout(classes=CLASSES, entries=tuple(entries))


def _lists(folder: Path) -> dict[str, Split]:
    """Split of each scan that one of the domain's lists names."""
    found: dict[str, Split] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        if path.is_file():
            found |= dict.fromkeys((Path(name).stem for name in read_names(path)), split)
    return found
