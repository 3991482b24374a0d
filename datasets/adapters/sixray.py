"""SIXray: a million pseudo-colour scans of luggage, with lists of 10, 100 and 1000 to one."""

from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    Box,
    Entry,
    Layout,
    files_by_stem,
    first_folder,
    inside,
    known_class,
    read_table,
    refuse,
    relative,
)
from parcelscope.datasets.adapters.voc_xml import read_voc
from parcelscope.datasets.annotated import Split
from parcelscope.datasets.errors import DatasetError

IN_LISTS = ("Gun", "Knife", "Wrench", "Pliers", "Scissors")
CLASSES = (*IN_LISTS, "Hammer")
"""Hammer has boxes, but no column in the lists."""
VARIANTS = ("10", "100", "1000")
"""Clean scans per scan with an item."""


def read(src: Path, variant: str | None) -> Layout:
    """The scans of one pair of lists, `ImageSet/<variant>/{train,test}.csv`."""
    lists = first_folder(src / "ImageSet", src / "ImageSets")
    notes = first_folder(src / "Annotation", src / "Annotations")
    if lists is None or notes is None:
        refuse("SIXray", src, "Annotation/ and ImageSet/10/train.csv, unpacked")
    wanted = variant or next((v for v in VARIANTS if (lists / v / "train.csv").is_file()), "10")
    if wanted not in VARIANTS:
        raise DatasetError(f"SIXray has the variants {', '.join(VARIANTS)}, got {variant!r}")
    # In the original below JPEGImage/, in mirrors below 0/ to 20/.
    pictures = files_by_stem(src)
    xml = files_by_stem(notes, (".xml",))
    entries = []
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        path = lists / wanted / f"{split}.csv"
        if not path.is_file():
            refuse("SIXray", lists, f"{wanted}/{split}.csv")
        for number, row in enumerate(read_table(path, ",", ("name", *IN_LISTS)), start=1):
            entries.append(_entry(src, row, f"{path} row {number}", split, pictures, xml))
    return Layout(classes=CLASSES, entries=tuple(entries))


def _entry(
    src: Path,
    row: dict[str, str],
    where: str,
    split: Split,
    pictures: dict[str, Path],
    xml: dict[str, Path],
) -> Entry:
    stem = row["name"].strip().removesuffix(".jpg")
    picture = pictures.get(stem)
    flags = {name: row[name].strip() for name in IN_LISTS}
    odd = next((value for value in flags.values() if value not in ("1", "-1", "0")), None)
    if odd is not None:
        raise DatasetError(f"{where}: expected 1 or -1, got {odd[:40]!r}")
    boxes, stated_wh = read_voc(xml[stem]) if stem in xml else ((), None)
    boxes = tuple(
        Box(known_class(b.label, CLASSES, str(xml[stem])), b.x0, b.y0, b.x1, b.y1) for b in boxes
    )
    boxed = {box.label for box in boxes}
    listed = {name for name, value in flags.items() if value == "1"}
    return Entry(
        # Not there: named as the original has it, so that the message says what is missing.
        path=relative(src, picture) if picture else inside(src, "JPEGImage", f"{stem}.jpg", where),
        boxes=boxes,
        split=split,
        image_labels=tuple(sorted(listed - boxed)),
        anomalous=bool(listed or boxed),
        stated_wh=stated_wh,
    )
