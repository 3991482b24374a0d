"""Drops as scanners leave them, and a process that watches them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.inference.tiny_feed import colour_pixels, photo_pixels, photo_row, scan_row

from parcelscope.datasets.scan_writing import write_colour_jpeg

COMMAND = "from parcelscope.pipelines.cli import main; main()"


def write_drop(
    folder: Path,
    *,
    parcel: Mapping[str, object] | None = None,
    images: Sequence[Mapping[str, object]] | None = None,
    seed: int = 3,
) -> Path:
    """A whole drop: a scan, a photo, and `parcel.json`; the folder appears at once."""
    aside = folder.with_name(f".{folder.name}")
    aside.mkdir(parents=True)
    write_colour_jpeg(aside / "scan.jpg", colour_pixels((40, 40)))
    write_colour_jpeg(aside / "photo.jpg", photo_pixels(seed))
    write_manifest(aside, folder.name, parcel=parcel, images=images)
    return aside.rename(folder)


def write_manifest(
    folder: Path,
    parcel_id: str,
    *,
    parcel: Mapping[str, object] | None = None,
    images: Sequence[Mapping[str, object]] | None = None,
) -> None:
    rows = [scan_row(parcel_id, "scan.jpg", "colour"), photo_row(parcel_id, "photo.jpg")]
    told = {
        "parcel": {"parcel_id": parcel_id} if parcel is None else parcel,
        "images": rows if images is None else images,
    }
    (folder / "parcel.json").write_text(json.dumps(told))


def answers(spool: Path, outcome: str) -> dict[str, dict[str, Any]]:
    """What was answered, by the name of the drop there."""
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((spool / outcome).glob("*.json"))
    }


def folders(place: Path) -> set[str]:
    """Names of what is in `place` and is no answer."""
    return {path.name for path in place.iterdir() if path.suffix != ".json"}


@contextmanager
def live_watch(spool: Path, bundle: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process that watches, once it has begun."""
    options = ["--bundle", str(bundle), "--settle-ms", "50", "--latency-ms", "60000", *words]
    with (spool.parent / "watch.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "watch", str(spool), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("parcelscope watches"), (spool.parent / "watch.log").read_text()
        yield process
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
