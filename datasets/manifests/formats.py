"""Which files of a source are manifests, and in what form."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import find_table
from parcelscope.datasets.manifests.entries import Format

SUFFIXES: Final = (".xml", ".json", ".ndjson", ".jsonl", ".csv", ".tsv", ".txt", ".edi", ".parquet")
FORMATS: Final = ("auto", "cargo-xml", "postal-json", "postal-csv", "edifact", "table")
_HEAD_BYTES = 4096
# Tables of a feed that are no manifest, and what a conversion leaves beside its tables.
_OTHER_TABLES: Final = ("images", "step_wedges", "verdicts", "conversion")
_OTHER_FOLDERS: Final = ("provenance", "image_shards")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestFile:
    """One file to read."""

    path: Path
    name: str
    """What it is called in verdicts and provenance."""


def manifest_files(sources: Sequence[Path]) -> tuple[list[ManifestFile], int]:
    """The files in `sources`, in order of their names, and how many others were passed over.

    Raises:
        FeedError: If a source is not there, or there is no manifest in any.
    """
    found: list[ManifestFile] = []
    passed_over = 0
    for source in sources:
        if source.is_file():
            found.append(ManifestFile(path=source, name=source.name))
        elif source.is_dir():
            taken, others = _in_folder(source)
            found += taken
            passed_over += others
        else:
            raise FeedError(
                f"{source}: expected a manifest or a folder of manifests, got no such file"
            )
    if not found:
        where = ", ".join(str(source) for source in sources)
        raise FeedError(f"{where}: expected a file ending in {', '.join(SUFFIXES)}, got none")
    return _told_apart(found), passed_over


def format_of(path: Path) -> Format | None:
    """The form of the manifest in `path`, by its first bytes and its ending; None for none."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    suffix = path.suffix.lower()
    if suffix == ".parquet" or head.startswith(b"PAR1"):
        return "table"
    if suffix == ".xml" or text.startswith(b"<"):
        return "cargo-xml"
    if suffix == ".edi" or text[:3] in (b"UNA", b"UNB", b"UNH"):
        return "edifact"
    if suffix in (".ndjson", ".jsonl"):
        return "postal-json" if b'"item_id"' in text or b'"lines"' in text else "table"
    if suffix == ".json" or text[:1] in (b"{", b"["):
        return "postal-json"
    return "table" if suffix in (".csv", ".tsv", ".txt") else None


def _in_folder(folder: Path) -> tuple[list[ManifestFile], int]:
    tables = [find_table(folder, name) for name in ("parcels", "cartons")]
    if tables[0] is not None:  # a feed: its manifest is these tables, and nothing else in it
        return [ManifestFile(path=path, name=path.name) for path in tables if path is not None], 0
    taken: list[ManifestFile] = []
    others = 0
    for path in sorted(_files(folder)):
        usable = not path.name.startswith(".") and path.is_file() and not path.is_symlink()
        if usable and path.suffix.lower() in SUFFIXES and path.stem not in _OTHER_TABLES:
            taken.append(ManifestFile(path=path, name=path.relative_to(folder).as_posix()))
        else:
            others += 1
    return taken, others


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _OTHER_FOLDERS]
        for name in names:
            yield Path(root) / name


def _told_apart(files: list[ManifestFile]) -> list[ManifestFile]:
    """`files` with their whole paths as names, where two would be called alike."""
    names = Counter(file.name for file in files)
    return [
        file if names[file.name] == 1 else ManifestFile(path=file.path, name=file.path.as_posix())
        for file in files
    ]
