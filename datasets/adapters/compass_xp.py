"""COMPASS-XP: scans as low and high energy, as renderings and as photos of the same tray."""

from pathlib import Path
from typing import Literal

from parcelscope.datasets.adapters.layout import Entry, Layout, inside, read_table, refuse, relative
from parcelscope.datasets.annotated import Kind
from parcelscope.datasets.errors import DatasetError

Variant = Literal["dual", "colour", "grey", "photo"]
_COLUMNS = ("basename", "class", "instance", "dangerous")
_FOLDERS: dict[str, tuple[str, Kind]] = {
    "dual": ("Low", "dual"),
    "colour": ("Colour", "colour"),
    "grey": ("Grey", "grey"),
    "photo": ("Photo", "photo"),
}


def read(src: Path, variant: str | None) -> Layout:
    """The scans as raw low and high energy; `colour`, `grey` or `photo` as those pictures.

    There are no boxes: a whole scan has a class, which is kept as a label where it is dangerous
    (anomalous) and left to the name of the group where not. One object in all poses is one group.
    """
    inner = src / "COMPASS-XP"
    root = next((p for p in (src, inner, inner / "COMPASS-XP") if (p / "meta.txt").is_file()), None)
    if root is None:
        refuse("COMPASS-XP", src, "meta.txt beside Low/ and High/")
    if variant is not None and variant not in _FOLDERS:
        raise DatasetError(f"COMPASS-XP has the variants {', '.join(_FOLDERS)}, got {variant!r}")
    folder, kind = _FOLDERS[variant or "dual"]
    needed = (folder, "High") if kind == "dual" else (folder,)
    if not all((root / name).is_dir() for name in needed):
        refuse("COMPASS-XP", root, " and ".join(f"{name}/" for name in needed))
    base = "" if root == src else f"{relative(src, root)}/"
    entries = []
    meta = root / "meta.txt"
    for at, row in enumerate(read_table(meta, "\t", _COLUMNS), start=1):
        where = f"{meta} row {at}"
        name = row["basename"].strip()
        ending = _ending(src, f"{base}{folder}", name, where)
        dangerous = _truth(row["dangerous"], where)
        entries.append(
            Entry(
                path=f"{base}{folder}/{name}{ending}",
                high_path=f"{base}High/{name}{ending}" if kind == "dual" else None,
                kind=kind,
                group=f"{row['class'].strip()} {row['instance'].strip()}",
                image_labels=(row["class"].strip(),) if dangerous else (),
                anomalous=dangerous,
            )
        )
    return Layout(classes=(), entries=tuple(entries))


def _ending(src: Path, folder: str, name: str, where: str) -> str:
    """What completes `name` to a file in `folder`; `.png` where there is none, for the message."""
    found = (
        e for e in ("", ".png", ".jpg") if (src / inside(src, folder, name + e, where)).is_file()
    )
    return next(found, ".png")


def _truth(word: str, where: str) -> bool:
    match word.strip().lower():
        case "true" | "1" | "yes":
            return True
        case "false" | "0" | "no":
            return False
    raise DatasetError(f"{where}: dangerous must be true or false, got {word[:40]!r}")
