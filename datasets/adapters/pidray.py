"""PIDray: pseudo-colour scans with hidden items, in three tests of rising difficulty."""

from pathlib import Path

from parcelscope.datasets.adapters.coco_json import read_coco, same_classes
from parcelscope.datasets.adapters.layout import Layout, known_class, refuse, without_variant
from parcelscope.datasets.annotated import Split

CLASSES = (
    "Baton", "Pliers", "Hammer", "Powerbank", "Scissors", "Wrench", "Gun", "Bullet", "Sprayer",
    "HandCuffs", "Knife", "Lighter",
)  # fmt: skip
_PARTS: tuple[tuple[str, str, Split], ...] = (
    ("xray_train.json", "train", "train"),
    ("xray_test_easy.json", "easy", "test"),
    ("xray_test_hard.json", "hard", "test"),
    ("xray_test_hidden.json", "hidden", "test"),
)


def read(src: Path, variant: str | None) -> Layout:
    """All four parts; boxes only, the masks are not read."""
    without_variant("PIDray", variant)
    files = {}
    for name, folder, split in _PARTS:
        path = src / "annotations" / name
        if not path.is_file() or not (src / folder).is_dir():
            refuse("PIDray", src, f"annotations/{name} and {folder}/")

        def place(file_name: str, folder: str = folder) -> str:
            return f"{folder}/{file_name.rpartition('/')[2]}"

        files[path] = read_coco(src, path, place=place, split=split)
        for label in files[path].classes:
            known_class(label, CLASSES, str(path))
    entries = tuple(entry for file in files.values() for entry in file.entries)
    return Layout(classes=same_classes(files), entries=entries)
