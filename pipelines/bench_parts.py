"""What each component of the engine costs alone, on one core, over the parcels of a feed.

The components run one after another on the very images that the engine will score, interleaved
as there, so that their caches are as warm. Their sum bounds what a core can do.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.photos import decode_photo
from parcelscope.inference.codes import code_findings, luma_of, read_codes
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.engine import MICRO_SHARD, ShardResult
from parcelscope.inference.owners import ImageRow, Owner, owner_shards, read_file, scan_groups
from parcelscope.inference.photo_authenticity import authenticity_findings, compare
from parcelscope.inference.photo_scoring import COMPARED_VIEWS, LABELLED_VIEWS
from parcelscope.inference.placing import MODEL_FOR, PlacedScan, place_scan, read_group
from parcelscope.inference.quality import assess_photo, quality_finding
from parcelscope.inference.registration import NotComparable
from parcelscope.inference.scan_measures import describe
from parcelscope.inference.scan_scoring import KINDS, NAMES, run
from parcelscope.inference.verdicts import Failure, Outcome
from parcelscope.inference.weighing import MASS, Gauges, weigh

READ_SCANS: Final = "read scan files"
DECODE_SCANS: Final = "decode scans"
PLACE: Final = "place scans"
DESCRIBE: Final = "fill and embedding"
READ_PHOTOS: Final = "read photo files"
DECODE_PHOTOS: Final = "decode photos"
QUALITY: Final = "photo.quality"
CODES: Final = "photo.codes"
AUTHENTICITY: Final = "photo.authenticity"
ROWS: Final = "rows of the feed"
WRITING: Final = "writing"

SHARD: Final = 256
"""Owners of one shard, as the engine's default."""

Write = Callable[[int, ShardResult], object]
"""Writes the result of a shard, given its number."""


@dataclass(slots=True)
class Cost:
    """What the calls of one component took."""

    calls: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


@dataclass(slots=True)
class Costs:
    """What each component took, and over how many parcels and cartons."""

    by_name: dict[str, Cost] = field(default_factory=dict)
    owners: int = 0

    @contextmanager
    def of(self, name: str, *, all_threads: bool = False) -> Iterator[None]:
        """Add what the block takes to `name`: of this thread, or of the whole process."""
        cpu_clock = time.process_time if all_threads else time.thread_time
        cost = self.by_name.setdefault(name, Cost())
        wall_s, cpu_s = time.perf_counter(), cpu_clock()
        try:
            yield
        finally:
            cost.calls += 1
            cost.cpu_s += cpu_clock() - cpu_s
            cost.wall_s += time.perf_counter() - wall_s

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all components together."""
        return sum(cost.cpu_s for cost in self.by_name.values())


def measure(
    feed: Feed, detectors: Detectors, gauges: Gauges, write: Write, *, seconds: float
) -> Costs:
    """What each component costs, in passes over `feed` until they have used `seconds` of CPU.

    An image that cannot be read costs what reading it took, as in the engine.
    """
    for_warming = Costs()
    warm = next(owner_shards(feed, shard_size=MICRO_SHARD))
    _score(for_warming, warm, feed.root, detectors, gauges, Outcome())
    costs = Costs()
    while costs.owners == 0 or costs.cpu_s < seconds:
        _pass(costs, feed, detectors, gauges, write)
    return costs


def _pass(costs: Costs, feed: Feed, detectors: Detectors, gauges: Gauges, write: Write) -> None:
    # The tables are searched by threads of their own, which only the whole process's clock sees.
    with costs.of(ROWS, all_threads=True):
        shards = list(owner_shards(feed, shard_size=SHARD))
    for number, owners in enumerate(shards):
        outcome = Outcome()
        for start in range(0, len(owners), MICRO_SHARD):
            micro = owners[start : start + MICRO_SHARD]
            _score(costs, micro, feed.root, detectors, gauges, outcome)
        said = outcome.sorted_by(owners)
        result = ShardResult(
            index=number,
            owners=len(owners),
            findings=tuple(said.findings),
            not_assessed=tuple(said.not_assessed),
            image_verdicts=tuple(said.verdicts),
            embeddings=tuple(said.embeddings),
        )
        with costs.of(WRITING, all_threads=True):
            write(number, result)
        costs.owners += len(owners)


def _score(
    costs: Costs,
    owners: Sequence[Owner],
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    outcome: Outcome,
) -> None:
    scans: list[PlacedScan] = []
    for owner in owners:
        scans += _scans(costs, owner, root, detectors, gauges, outcome)
        for image in owner.photos:
            _photo(costs, owner, image, root, detectors, outcome)
    for name in NAMES:
        for kind in KINDS:
            ready = [s for s in scans if name in s.canvases and MODEL_FOR[s.kind] == kind]
            detector = detectors.find(name, kind)
            if not ready or detector is None:
                continue
            # Some providers compute in threads of their own.
            with costs.of(f"{name} {kind}", all_threads=True):
                found = run(detector, ready, root)
            costs.by_name[f"{name} {kind}"].calls += len(ready) - 1  # counted by scan
            for one in found:
                outcome.findings += [] if isinstance(one, Failure) else one


def _scans(
    costs: Costs,
    owner: Owner,
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    outcome: Outcome,
) -> list[PlacedScan]:
    placed = []
    for group in scan_groups(owner):
        try:
            with costs.of(READ_SCANS):
                content = [read_file(image, root) for image in group.images]
            with costs.of(DECODE_SCANS):
                scan = read_group(group, content, root)
        except ImageError:
            continue
        with costs.of(PLACE):
            placed.append(place_scan(owner, group, scan, detectors))
        with costs.of(MASS):
            mass = weigh(placed[-1], scan, gauges, detectors.mass)
        if not isinstance(mass, str):
            outcome.findings.append(mass)
        with costs.of(DESCRIBE):
            fill, embedding = describe(placed[-1], scan)
        outcome.findings += [] if fill is None else [fill]
        outcome.embeddings += [] if embedding is None else [embedding]
        outcome.close(owner, (*group.images, *group.derived))
    return placed


def _photo(
    costs: Costs,
    owner: Owner,
    image: ImageRow,
    root: Path,
    detectors: Detectors,
    outcome: Outcome,
) -> None:
    try:
        with costs.of(READ_PHOTOS):
            data = read_file(image, root)
        with costs.of(DECODE_PHOTOS):
            rgb = decode_photo(data)
    except ImageError:
        return
    owner_id, owner_kind, path = owner.owner_id, owner.owner_kind, image.path
    references = detectors.references
    reference = None if references is None else references.find(owner.sku, owner.brand)
    comparable = reference is not None and image.view in COMPARED_VIEWS
    with costs.of(QUALITY):
        luma = luma_of(rgb)
        quality = assess_photo(rgb, luma=luma)
    with costs.of(CODES):
        codes = read_codes(luma, thorough=comparable or image.view in LABELLED_VIEWS)
    outcome.findings += [
        quality_finding(quality, owner_id=owner_id, owner_kind=owner_kind, image_path=path),
        *code_findings(codes, owner_id=owner_id, owner_kind=owner_kind, image_path=path),
    ]
    outcome.close(owner, [image])
    if references is None or reference is None or not comparable or quality.verdict == "poor":
        return
    with costs.of(AUTHENTICITY):
        found = compare(rgb, reference, references.session, codes)
    if not isinstance(found, NotComparable):
        outcome.findings += authenticity_findings(
            found, reference, owner_id=owner_id, owner_kind=owner_kind, image_path=path
        )
