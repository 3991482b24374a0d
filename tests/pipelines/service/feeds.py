"""Feeds for the service: a long one of many parcels that share one scan, and feeds in archives."""

import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
from tests.inference.tiny_feed import colour_pixels, scan_row

from parcelscope.datasets.scan_writing import write_colour_jpeg


def write_long_feed(folder: Path, parcels: int) -> None:
    """Write a feed of `parcels` that share one scan."""
    folder.mkdir(parents=True)
    write_colour_jpeg(folder / "scan.jpg", colour_pixels((40, 40)))
    ids = [f"L-{n:05}" for n in range(parcels)]
    rows = [scan_row(owner, "scan.jpg", "colour") for owner in ids]
    pl.DataFrame(rows, infer_schema_length=None).write_csv(folder / "images.csv")
    pl.DataFrame({"parcel_id": ids}).write_csv(folder / "parcels.csv")


def zipped(folder: Path, *, inside: str = "") -> bytes:
    """The files in `folder` as a zip, all in the folder `inside` of it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                opened.write(path, f"{inside}{path.relative_to(folder)}")
    return archive.getvalue()


def tarred(folder: Path) -> bytes:
    """The files in `folder` as a gzipped tar, all in one folder of it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as opened:
        opened.add(folder, "feed")
    return archive.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip with `files`."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return archive.getvalue()
