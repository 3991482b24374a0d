"""What the pixels of one scan cost the review application, and how many bytes go to the browser.

    python benchmarks/review_pixels.py [--width 900] [--height 640] [--requests 40]

Draws parcels that fill a scan of that size, writes them as TIFF with both energies, and asks
`Pictures` for their counts: the first time (read, check SHA-256, decode, compress) and again (from
the cache), and for their size alone. CPU time of this process, medians.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from parcelscope.datasets.scan_writing import write_dual_tiff
from parcelscope.datasets.xray.acquisition import EVALUATION_SCANNERS, acquire
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.inference.owners import ImageRow
from parcelscope.review.dossier import Dossier, DossierImage, Source, Versions, as_image_files
from parcelscope.review.pictures import Pictures

PITCH_MM = 1.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=900)
    parser.add_argument("--height", type=int, default=640)
    parser.add_argument("--scans", type=int, default=4)
    parser.add_argument("--requests", type=int, default=40)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dossier = drawn(Path(folder), (chosen.width, chosen.height), chosen.scans)
        measure(dossier, chosen.requests)


def drawn(feed: Path, size_wh: tuple[int, int], scans: int) -> Dossier:
    """A dossier of `scans` cartons, whose scans lie in `feed`."""
    geometry = Geometry.square(*size_wh, PITCH_MM)
    scanner = next(iter(EVALUATION_SCANNERS.values()))
    texture = texture_field(np.random.default_rng(1))
    images = []
    for n in range(scans):
        rng = np.random.default_rng([7, n])
        scene = make_carton(rng, pieces=12, variety="familiar", overlap=0.2)
        low, high = acquire(render(scene, geometry, texture=texture), scanner, rng)
        path = feed / f"{n}.tiff"
        write_dual_tiff(path, low, high)
        images.append(image(n, path))
    return Dossier(
        owner_kind="carton",
        owner_id="C-1",
        risk_words="",
        reasons=(),
        not_assessed=(),
        manifest=(),
        images=tuple(images),
        carton=None,
        versions=Versions(bundle="", threshold=""),
        source=Source(feed=str(feed), run=str(feed)),
    )


def image(n: int, path: Path) -> DossierImage:
    """Image `n` of the dossier."""
    row = ImageRow(
        row=n,
        kind="scan",
        view="top",
        station=None,
        path=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        energy="dual",
        scanner_model=None,
        scanner_software=None,
        pixel_pitch_mm=PITCH_MM,
        air_level=60000.0,
    )
    return DossierImage(
        n=n,
        kind="scan",
        view="top",
        station=None,
        form="dual",
        pixel_pitch_mm=PITCH_MM,
        scanner_model=None,
        taken_at=None,
        note=None,
        files=as_image_files((row,)),
    )


def measure(dossier: Dossier, requests: int) -> None:
    """Print what each request costs."""
    first, again, sizes, sent, raw = [], [], [], [], 0
    for number in range(requests):
        n = number % len(dossier.images)
        pictures = Pictures()
        first.append(cpu_ms(lambda: pictures.pixels(dossier, n)))  # noqa: B023
        again.append(cpu_ms(lambda: pictures.pixels(dossier, n)))  # noqa: B023
        sizes.append(cpu_ms(lambda: pictures.facts(dossier, n)))  # noqa: B023
        made = pictures.pixels(dossier, n)
        sent.append(len(made.data))
        raw = made.width_px * made.height_px * made.channels * 2
        pictures.close()
    print(f"{made.width_px} x {made.height_px}, both energies, {requests} requests")
    for name, values in (("first", first), ("again", again), ("size of a new image", sizes)):
        print(f"{name:<20}{statistics.median(values):8.2f} ms of one core")
    print(f"{'bytes':<20}{statistics.median(sent) / 1e6:8.2f} MB of {raw / 1e6:.2f} MB")


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU time of `work` in this process, ms."""
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
