"""OPIXray and HiXray: folders of scans, a text file of boxes for each, and lists of names."""

from dataclasses import dataclass
from pathlib import Path

from parcelscope.datasets.adapters.layout import (
    SMALL_CAP_BYTES,
    Box,
    Entry,
    Layout,
    known_class,
    number,
    picture_files,
    read_names,
    read_text,
    refuse,
    relative,
    without_variant,
)
from parcelscope.datasets.annotated import Split
from parcelscope.datasets.errors import DatasetError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What differs between the two."""

    title: str
    list_name: str
    """Name of a list, with the split for `{}`."""
    classes: tuple[str, ...]


OPIXRAY = _Form(
    title="OPIXray",
    list_name="{}_knife.txt",
    classes=("Folding_Knife", "Straight_Knife", "Scissor", "Utility_Knife", "Multi-tool_Knife"),
)
HIXRAY = _Form(
    title="HiXray",
    list_name="{}_name.txt",
    classes=(
        "Portable_Charger_1", "Portable_Charger_2", "Water", "Laptop", "Mobile_Phone", "Tablet",
        "Cosmetic", "Nonmetallic_Lighter",
    ),
)  # fmt: skip


def read_opixray(src: Path, variant: str | None) -> Layout:
    """OPIXray: knives and scissors, one or more per scan."""
    return _read(src, variant, OPIXRAY)


def read_hixray(src: Path, variant: str | None) -> Layout:
    """HiXray: everyday goods in luggage."""
    return _read(src, variant, HIXRAY)


def _read(src: Path, variant: str | None, form: _Form) -> Layout:
    without_variant(form.title, variant)
    entries: list[Entry] = []
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        folder = src / split
        pictures, notes = folder / f"{split}_image", folder / f"{split}_annotation"
        if not pictures.is_dir() or not notes.is_dir():
            refuse(form.title, src, f"{split}/{pictures.name}/ and {split}/{notes.name}/")
        wanted = _listed(src, folder, form, split)
        by_stem = {path.stem: path for path in picture_files(pictures)}
        unlisted = (wanted or set()) - set(by_stem)
        if unlisted:
            raise DatasetError(f"{pictures}: expected the listed scan {min(unlisted)!r}, not there")
        for stem, path in by_stem.items():
            if wanted is None or stem in wanted:
                boxes = _boxes(notes / f"{stem}.txt", form)
                entries.append(Entry(path=relative(src, path), boxes=boxes, split=split))
    return Layout(classes=form.classes, entries=tuple(entries))


def _listed(src: Path, folder: Path, form: _Form, split: Split) -> set[str] | None:
    """Names on the list of `split`, without endings; None where there is no list."""
    name = form.list_name.format(split)
    path = next((p for p in (folder / name, src / name) if p.is_file()), None)
    return None if path is None else {Path(line).stem for line in read_names(path)}


def _boxes(path: Path, form: _Form) -> tuple[Box, ...]:
    """Lines `image_name class x1 y1 x2 y2`."""
    boxes = []
    for at, line in enumerate(read_text(path, SMALL_CAP_BYTES).splitlines(), start=1):
        words, where = line.split(), f"{path} line {at}"
        if not words:
            continue
        if len(words) != 6:
            raise DatasetError(f"{where}: expected image_name class x1 y1 x2 y2, got {line[:80]!r}")
        label = known_class(words[1], form.classes, where)
        boxes.append(Box(label, *(number(word, where) for word in words[2:])))
    return tuple(boxes)
