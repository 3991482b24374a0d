"""CLCXray: pseudo-colour scans of cutters and liquid containers, annotated as COCO."""

from pathlib import Path

from parcelscope.datasets.adapters.coco_json import read_coco, same_classes
from parcelscope.datasets.adapters.layout import Layout, refuse, without_variant
from parcelscope.datasets.annotated import SPLITS


def read(src: Path, variant: str | None) -> Layout:
    """The three parts train, val and test."""
    without_variant("CLCXray", variant)
    files = {}
    for split in SPLITS:
        path, folder = src / "annotations" / f"instances_{split}2017.json", f"{split}2017"
        if not path.is_file() or not (src / folder).is_dir():
            refuse("CLCXray", src, f"annotations/{path.name} and {folder}/")

        def place(file_name: str, folder: str = folder) -> str:
            return f"{folder}/{file_name.rpartition('/')[2]}"

        files[path] = read_coco(src, path, place=place, split=split)
    entries = tuple(entry for file in files.values() for entry in file.entries)
    return Layout(classes=same_classes(files), entries=entries)
