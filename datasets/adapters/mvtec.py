"""The layout of MVTec AD: normal pictures to learn from, normal and defective ones to test on."""

from pathlib import Path

from parcelscope.datasets.adapters.layout import Entry, Layout, picture_files, refuse, relative
from parcelscope.datasets.annotated import Split
from parcelscope.datasets.errors import DatasetError


def read(src: Path, variant: str | None) -> Layout:
    """One category, with a mask for each defective picture where there is one.

    Args:
        src: Folder of a category, or of all of them.
        variant: Name of the category; may be left out where `src` is one, or holds just one.
    """
    root = _category(src, variant)
    entries = [
        Entry(path=relative(src, path), kind="photo", split="train", anomalous=False)
        for path in picture_files(root / "train" / "good")
    ]
    for folder in sorted(p for p in (root / "test").iterdir() if p.is_dir()):
        for path in picture_files(folder):
            entries.append(_test_entry(src, root, folder.name, path))
    if not any(entry.split == "train" for entry in entries):
        refuse("MVTec AD", root / "train" / "good", "pictures")
    return Layout(classes=(), entries=tuple(entries))


def _category(src: Path, variant: str | None) -> Path:
    def is_category(folder: Path) -> bool:
        return (folder / "train" / "good").is_dir() and (folder / "test").is_dir()

    if variant is None and is_category(src):
        return src
    found = (
        {p.name: p for p in sorted(src.iterdir()) if is_category(p) and not p.is_symlink()}
        if src.is_dir()
        else {}
    )
    if variant is None and len(found) > 1:
        raise DatasetError(f"{src}: --variant must name a category of {', '.join(found)}")
    if not found:
        refuse("MVTec AD", src, "train/good/ and test/, or categories that have them")
    if variant is not None and variant not in found:
        raise DatasetError(f"{src}: the categories are {', '.join(found)}, got {variant!r}")
    return found[variant] if variant else next(iter(found.values()))


def _test_entry(src: Path, root: Path, defect: str, path: Path) -> Entry:
    mask = root / "ground_truth" / defect / f"{path.stem}_mask.png"
    split: Split = "test"
    if defect == "good":
        return Entry(path=relative(src, path), kind="photo", split=split, anomalous=False)
    masks = root / "ground_truth"
    if masks.is_dir() and not mask.is_file():
        raise DatasetError(f"{mask}: expected the mask of {path.name}, not there")
    return Entry(
        path=relative(src, path),
        kind="photo",
        split=split,
        anomalous=True,
        image_labels=(defect,),
        mask_path=relative(src, mask) if mask.is_file() else None,
    )
