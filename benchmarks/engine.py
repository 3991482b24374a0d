"""The engine: owners a second, how near that is to what its parts allow, and a naive loop.

Run `python benchmarks/engine.py FEED [--bundle FOLDER]`. Each part is timed alone on one core;
their sum bounds what that core can do. Shares and ratios travel between machines, seconds do not.
"""

import argparse
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image, ImageSequence

from parcelscope.datasets.canvas import AIR
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.scans import Scan
from parcelscope.inference.codes import read_codes
from parcelscope.inference.detectors import (
    Canvases,
    Detector,
    Detectors,
    count_pieces,
    detect_items,
    load_detectors,
    score_anomaly,
)
from parcelscope.inference.engine import MICRO_SHARD, score_feed, use_one_thread_per_worker
from parcelscope.inference.owners import ImageRow, Owner, owner_shards, read_file, scan_groups
from parcelscope.inference.placing import DETECTORS_OF, MODEL_FOR, place_scan, read_group, stack
from parcelscope.inference.quality import assess_photo
from parcelscope.inference.scan_scoring import KINDS, NAMES
from parcelscope.inference.weighing import Gauges, gauges_of, weigh
from parcelscope.models.bundle import DetectorCard, builtin_bundle_folder, load_bundle

Pixels = npt.NDArray[np.float64]
READERS = {
    "xray.items": detect_items,
    "xray.pieces": count_pieces,
    "xray.anomaly": score_anomaly,
}


@dataclass(slots=True)
class Parts:
    """CPU seconds by part, and over how many owners."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    owners: int = 0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        begin = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - begin

    @property
    def ms_each(self) -> float:
        """CPU milliseconds of all parts for one owner."""
        return 1e3 * sum(self.seconds.values()) / max(self.owners, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast owners were scored."""

    rate: float
    """Owners a second."""
    cpu_ms: float
    """CPU milliseconds of the whole process for one owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveDetector:
    """A model as a first script would open it: default session, batch 1."""

    card: DetectorCard
    session: ort.InferenceSession


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the engine, its parts, and a naive loop.")
    parser.add_argument("feed", type=Path)
    parser.add_argument("--bundle", type=Path, default=builtin_bundle_folder())
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--owners", type=int, default=128, help="timed part by part, and naively")
    options = parser.parse_args()
    use_one_thread_per_worker()
    feed = read_feed(options.feed)
    bundle, _ = load_bundle(options.bundle)
    detectors = load_detectors(bundle, options.bundle)
    gauges = gauges_of(feed.step_wedges)
    sample = next(owner_shards(feed, shard_size=options.owners))
    time_parts(sample[:MICRO_SHARD], feed.root, detectors, gauges)  # warms caches and allocators
    parts = time_parts(sample, feed.root, detectors, gauges)
    bound = print_parts(parts, workers=options.workers)
    engine = time_engine(feed, detectors, gauges, workers=options.workers)
    # Where other processes share the cores, the CPU says what the wall clock cannot.
    print(f"{'engine':22}{engine.rate:9.1f} owners/s, {engine.rate / bound:.2f} of the bound")
    print(f"{'':22}{engine.cpu_ms:9.2f} ms of CPU, {parts.ms_each / engine.cpu_ms:.2f} of it parts")
    naive = time_naive(sample, feed.root, open_naively(detectors, options.bundle), gauges)
    print(
        f"{'naive loop':22}{naive.rate:9.1f} owners/s, the engine {engine.rate / naive.rate:.1f}x"
    )
    print(f"{'':22}{naive.cpu_ms:9.2f} ms of CPU, {naive.cpu_ms / engine.cpu_ms:.1f}x the engine's")


def print_parts(parts: Parts, *, workers: int) -> float:
    """Print what each part costs; the bound in owners a second that their sum sets."""
    total = sum(parts.seconds.values())
    by_cost = sorted(parts.seconds.items(), key=lambda part: -part[1])
    for name, seconds in by_cost:
        print(f"{name:22}{1e3 * seconds / parts.owners:9.2f} ms{seconds / total:7.0%}")
    used = min(workers, cores())
    bound = used * 1e3 / parts.ms_each
    print(f"{'sum':22}{parts.ms_each:9.2f} ms an owner; the dearest part is {by_cost[0][0]}")
    print(f"{'bound':22}{bound:9.1f} owners/s on {used} cores", flush=True)
    return bound


def time_parts(owners: Sequence[Owner], root: Path, detectors: Detectors, gauges: Gauges) -> Parts:
    """CPU seconds of each part of the engine over `owners`, on this thread alone."""
    parts = Parts(owners=len(owners))
    for micro in batched(owners):
        scans = []
        for owner in micro:
            for group in scan_groups(owner):
                with parts.part("read scans"):
                    content = [read_file(image, root) for image in group.images]
                with parts.part("decode scans"):
                    scan = read_group(group, content, root)
                with parts.part("canvas"):
                    scans.append(place_scan(owner, group, scan, detectors))
                with parts.part("mass"):
                    weigh(scans[-1], scan, gauges)
            for image in owner.photos:
                time_photo(parts, image, root)
        for name, kind in itertools.product(NAMES, KINDS):
            ready = [s for s in scans if name in s.canvases and MODEL_FOR[s.kind] == kind]
            detector = detectors.find(name, kind)
            if ready and detector is not None:
                with parts.part(f"{name} {kind}"):
                    READERS[name](detector, stack([scan.canvases[name] for scan in ready]))
    return parts


def time_photo(parts: Parts, image: ImageRow, root: Path) -> None:
    with parts.part("read photos"):
        data = read_file(image, root)
    with parts.part("decode photos"):
        rgb = decode_photo(data)
    with parts.part("photo quality"):
        assess_photo(rgb)
    with parts.part("photo codes"):
        read_codes(rgb)


def time_engine(feed: Feed, detectors: Detectors, gauges: Gauges, *, workers: int) -> Pace:
    """What the engine does over the whole feed."""
    begin = time.perf_counter(), time.process_time()
    owners = sum(r.owners for r in score_feed(feed, detectors, gauges, workers=workers))
    return pace_since(begin, owners)


def pace_since(begin: tuple[float, float], owners: int) -> Pace:
    seconds, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
    return Pace(rate=owners / seconds, cpu_ms=1e3 * cpu / owners)


def time_naive(
    owners: Sequence[Owner], root: Path, detectors: Sequence[NaiveDetector], gauges: Gauges
) -> Pace:
    """The loop that one writes first: an owner, an image, a model at a time.

    It reads what Pillow reads, weighs and reads codes with our functions, and makes no findings.
    """
    begin = time.perf_counter(), time.process_time()
    for owner in owners:
        for group in scan_groups(owner):
            planes = [p for image in group.images for p in pillow_pages(root / image.path)]
            kind = "colour" if planes[0].ndim == 3 else "dual" if len(planes) == 2 else "grey"
            for detector in detectors:
                card = detector.card
                if card.input == kind and card.detector in DETECTORS_OF[owner.owner_kind]:
                    canvas = naive_canvas(planes, card, group.images[0].pixel_pitch_mm)
                    detector.session.run(None, {"scan": canvas})
            if kind == "dual":
                low, high = (plane.astype(np.uint16) for plane in planes)
                first = group.images[0]
                scan = Scan(
                    kind="dual",
                    low=low,
                    high=high,
                    air_level=first.air_level,
                    pixel_pitch_mm=first.pixel_pitch_mm,
                )
                weigh(place_scan(owner, group, scan, Detectors(by_name={})), scan, gauges)
        for image in owner.photos:
            rgb = np.asarray(Image.open(root / image.path).convert("RGB"))
            assess_photo(rgb)
            read_codes(rgb)
    return pace_since(begin, len(owners))


def naive_canvas(planes: Sequence[Pixels], card: DetectorCard, pitch_mm: float | None) -> Canvases:
    """The scan as float64, resized by Pillow plane by plane, in the middle of an empty canvas."""
    channels = list(planes[0].transpose(2, 0, 1)) if planes[0].ndim == 3 else planes
    height, width = channels[0].shape
    scale = min(card.width_px / width, card.height_px / height)
    if pitch_mm is not None:
        scale = min(scale, pitch_mm / card.mm_per_px)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = [np.asarray(Image.fromarray(c.astype(np.float32)).resize(size)) for c in channels]
    air, dtype = (255, np.uint8) if card.input == "colour" else (AIR, np.uint16)
    canvas = np.full((1, len(small), card.height_px, card.width_px), float(air))
    x, y = (card.width_px - size[0]) // 2, (card.height_px - size[1]) // 2
    canvas[0, :, y : y + size[1], x : x + size[0]] = np.stack(small)
    return canvas.clip(0, np.iinfo(dtype).max).astype(dtype)


def pillow_pages(path: Path) -> list[Pixels]:
    with Image.open(path) as image:
        return [np.asarray(page, np.float64) for page in ImageSequence.Iterator(image)]


def open_naively(detectors: Detectors, folder: Path) -> list[NaiveDetector]:
    def opened(detector: Detector) -> NaiveDetector:
        return NaiveDetector(
            card=detector.card, session=ort.InferenceSession(str(folder / detector.card.file))
        )

    return [opened(detector) for detector in detectors.by_name.values()]


def batched(owners: Sequence[Owner]) -> Iterator[Sequence[Owner]]:
    for start in range(0, len(owners), MICRO_SHARD):
        yield owners[start : start + MICRO_SHARD]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


if __name__ == "__main__":
    main()
