"""Where a feed is being written, and how a scan gets there."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from parcelscope.datasets.synthetic.config import ScanFormat, SynthConfig
from parcelscope.datasets.synthetic.damage import deliver
from parcelscope.datasets.synthetic.rows import Row
from parcelscope.datasets.synthetic.scan_files import ScanPlace, write_scan
from parcelscope.datasets.xray.acquisition import Scanner
from parcelscope.datasets.xray.scan import SyntheticScan


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSite:
    """Where a feed is being written, and by which settings."""

    folder: Path
    seed: int
    config: SynthConfig


@dataclass(frozen=True, slots=True)
class Recorded:
    """A scan as the feed holds it."""

    images: list[Row]
    """Its rows of the images table, low energy first."""
    scan_kind: str | None
    """`dual` for both energies, `colour` for their colours alone, `grey` for one energy alone; None
    where it cannot be read."""


def record_scan(
    rng: np.random.Generator,
    site: FeedSite,
    scan: SyntheticScan,
    *,
    owner_id: str,
    scan_format: ScanFormat,
    scanner: Scanner,
    taken_at: datetime,
) -> Recorded:
    """Write `scan` to `site`, where it may be lost or damaged on the way."""
    config = site.config
    place = ScanPlace(
        feed_folder=site.folder,
        owner_id=owner_id,
        feed_seed=site.seed,
        scan_format=scan_format,
        scanner=scanner,
        taken_at=taken_at,
        unseen_palette=config.scanners == "evaluation",
    )
    images = write_scan(scan, place, rng)
    readable = deliver(
        rng,
        site.folder,
        images,
        missing_share=config.missing_scan,
        corrupt_share=config.corrupt_image,
    )
    kind = scan_format if scan_format in ("colour", "grey") else "dual"
    return Recorded(images, kind if readable else None)
