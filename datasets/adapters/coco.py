"""Any set annotated as COCO: one JSON file per split."""

import re
from pathlib import Path

from parcelscope.datasets.adapters.coco_json import Place, read_coco, same_classes
from parcelscope.datasets.adapters.layout import Layout, refuse, without_variant
from parcelscope.datasets.annotated import Split
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside

_SPLIT_WORDS: dict[str, Split] = {
    "train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
}  # fmt: skip


def read(src: Path, variant: str | None) -> Layout:
    """The sets that `annotations/*.json`, `*.json` or `<split>/_annotations.coco.json` describe.

    A file's split is the word train, val or test in its name or its folder's. Pictures lie as the
    file says from its own folder, `src`, `images/`, `<split>/`, `<split>2017/` or
    `images/<split>/`.
    """
    without_variant("COCO", variant)
    found = _files(src)
    if not found:
        refuse("COCO", src, "annotations/instances_train.json, or another JSON file of boxes")
    files = {
        path: read_coco(src, path, place=_place(src, path, split), split=split)
        for path, split in found.items()
    }
    known = [split for split in found.values() if split is not None]
    if known and len(known) < len(found):
        stray = next(path for path, split in found.items() if split is None)
        raise DatasetError(f"{stray}: its name says no split (train, val, test), others do")
    entries = tuple(entry for file in files.values() for entry in file.entries)
    return Layout(classes=same_classes(files), entries=entries)


def _files(src: Path) -> dict[Path, Split | None]:
    for pattern in ("annotations/*.json", "*/_annotations.coco.json", "*.json"):
        paths = sorted(p for p in src.glob(pattern) if not p.name.startswith("."))
        # COCO keeps captions and key points beside the boxes.
        boxes = [p for p in paths if p.name.startswith("instances_")] or paths
        if boxes:
            return {path: _split(src, path) for path in boxes}
    return {}


def _split(src: Path, path: Path) -> Split | None:
    words = re.findall(r"[a-z]+", path.relative_to(src).as_posix().lower())
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), None)


def _place(src: Path, path: Path, split: Split | None) -> Place:
    bases = [path.parent, src, src / "images"]
    if split is not None:
        bases += [src / split, src / f"{split}2017", src / "images" / split]
        bases += [src / "images" / f"{split}2017"]

    def place(file_name: str) -> str:
        for base in bases:
            full = path_inside(src, (base / file_name).relative_to(src).as_posix())
            if full is not None and full.is_file():
                return (base / file_name).relative_to(src).as_posix()
        return file_name

    return place
