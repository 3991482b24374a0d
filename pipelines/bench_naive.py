"""The loop that one writes first, with which the engine is compared: same scores, same flags.

One parcel, one picture, one model call after another; files through Pillow into numpy; sessions as
the runtime opens them by default. All else is the engine's own: where a loop of one's own would
score differently, a comparison of speed would mean nothing.
"""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import polars as pl
from PIL import Image, ImageOps, ImageSequence

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.photos import Photo
from parcelscope.datasets.records import Finding, findings_frame
from parcelscope.datasets.scans import Scan, ScanFile
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.codes import read_codes
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.detectors import Detector, Detectors
from parcelscope.inference.owners import ImageRow, Owner, owner_shards, read_file
from parcelscope.inference.photo_scoring import score_photos
from parcelscope.inference.scan_scoring import read_scans, score_scans
from parcelscope.inference.verdicts import Outcome
from parcelscope.inference.weighing import Gauges
from parcelscope.models.bundle import Bundle
from parcelscope.models.heatmap import FLOOR
from parcelscope.pipelines.bench_clock import Spent, now, since

SAME_SCORE: Final = 0.01
"""Most by which a score of the engine may differ from the loop's."""
SAME_MEASURE: Final = 0.01
"""Most by which a measurement may differ, as a share of the loop's."""
FAINT: Final = FLOOR + SAME_SCORE
"""A shape no surer than this may be kept by one and not by the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NaiveRun:
    """What the loop said of the first parcels and cartons of a feed, and what it took."""

    owners: tuple[Owner, ...]
    outcome: Outcome
    spent: Spent


@dataclass(frozen=True, slots=True)
class PillowDecoding:
    """Decodes with Pillow; a format that Pillow lacks or loses bits of as the engine does."""

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`."""
        return read_file(image, root)

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`, of files whose content is in memory."""
        energies = [file.energy for file in files]
        pages = [page for file in files for page in _pages(file.data or b"")]
        if len(pages) == 2 and energies in (["dual"], ["low", "high"]):
            low, high = (page.astype(np.uint16) for page in pages)
            return Scan(
                kind="dual",
                low=low,
                high=high,
                air_level=air_level,
                pixel_pitch_mm=pixel_pitch_mm,
            )
        if energies == ["colour"] and len(pages) == 1 and pages[0].ndim == 3:
            rgb = pages[0].astype(np.uint8)
            return Scan(kind="colour", rgb=rgb, pixel_pitch_mm=pixel_pitch_mm)
        return DIRECT.scan(files, air_level=air_level, pixel_pitch_mm=pixel_pitch_mm)

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`, at full size."""
        try:
            with Image.open(io.BytesIO(data)) as image:
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            return DIRECT.photo(data, wanted_px=wanted_px)  # which says what is wrong with it

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """As `codes.read_codes`."""
        return read_codes(luma, thorough=thorough)

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """As `label_reading.read_text`."""
        return DIRECT.text(luma)


def open_naively(detectors: Detectors, bundle: Bundle, folder: Path) -> Detectors:
    """The same detectors, in sessions with the options that the runtime has by default."""

    def opened(detector: Detector) -> Detector:
        session = ort.InferenceSession(str(folder / detector.card.file))
        return replace(detector, session=session)

    references = detectors.references
    if references is not None and bundle.references is not None:
        session = ort.InferenceSession(str(folder / bundle.references.file))
        references = replace(references, session=session)
    by_name = {key: opened(detector) for key, detector in detectors.by_name.items()}
    return replace(detectors, by_name=MappingProxyType(by_name), references=references)


def run_naively(
    feed: Feed,
    detectors: Detectors,
    gauges: Gauges,
    decoding: Decoding,
    *,
    seconds: float,
    at_least: int = 8,
) -> NaiveRun:
    """Score `feed` owner by owner until `seconds` have passed, and `at_least` so many owners."""
    owners = next(owner_shards(feed, shard_size=max(feed.images.height, 1)))
    outcome, done = Outcome(), 0
    begin = now()
    for owner in owners:
        scans = read_scans(owner, feed.root, detectors, gauges, outcome, decoding)
        score_photos(owner, feed.root, outcome, detectors.references, decoding)
        for scan in scans:
            score_scans([scan], feed.root, detectors, outcome)
        done += 1
        if done >= at_least and time.perf_counter() - begin.wall_s > seconds:
            break
    return NaiveRun(owners=owners[:done], outcome=outcome, spent=since(begin))


def require_same_findings(engine: Sequence[Finding], naive: NaiveRun) -> float:
    """The largest difference between scores of the engine and of the loop, over what both saw.

    Raises:
        RunError: If one found what the other did not, or a score differs by more than 0.01.
    """
    seen = {(owner.owner_id, owner.owner_kind) for owner in naive.owners}
    ours = _numbered([one for one in engine if (one.owner_id, one.owner_kind) in seen])
    both = ours.join(
        _numbered(naive.outcome.findings), on=KEYS, how="full", suffix="_naive", nulls_equal=True,
        coalesce=True,
    )  # fmt: skip
    for found, missing in (("", "_naive"), ("_naive", "")):
        alone = both.filter(
            pl.col(f"sentence{missing}").is_null() & (pl.col(f"score{found}").fill_null(1) > FAINT)
        )
        if not alone.is_empty():
            row = alone.row(0, named=True)
            raise RunError(
                "bench: expected the engine and the naive loop to find the same, but only"
                f" {'the loop' if found else 'the engine'} found {row['code']} on"
                f" {row['owner_kind']} {row['owner_id']}"
            )
    score = (pl.col("score") - pl.col("score_naive")).abs()
    observed = (pl.col("observed") - pl.col("observed_naive")).abs()
    apart = both.select(
        "owner_id", "code",
        score=score.fill_null(0.0),
        observed=(observed / pl.col("observed_naive").abs().clip(1.0)).fill_null(0.0),
    )  # fmt: skip
    for name, most in (("score", SAME_SCORE), ("observed", SAME_MEASURE)):
        worst = apart.sort(name, descending=True).head(1)
        if not worst.is_empty() and worst[name].item() > most:
            raise RunError(
                f"bench: expected every {name} of the engine within {most} of the naive loop's, but"
                f" {worst['code'].item()} on {worst['owner_id'].item()} is"
                f" {worst[name].item():.4f} off"
            )
    return max(apart["score"].to_list(), default=0.0)


KEYS: Final = ("owner_id", "owner_kind", "source", "code", "image_path", "text", "nth")


def _numbered(findings: Sequence[Finding]) -> pl.DataFrame:
    """Findings with `nth`, their place among those of one owner, picture and code, by score."""
    place = ("owner_id", "owner_kind", "source", "code", "image_path", "text")
    frame = findings_frame(findings).sort("score", descending=True, nulls_last=True)
    nth = pl.col("code").cum_count().over(place)
    return frame.select(*place, "score", "observed", "sentence", nth=nth)


def _pages(data: bytes) -> list[npt.NDArray[np.float64]]:
    """Every page of a picture as the usual script holds it; none where Pillow lacks the format."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return [np.asarray(page, np.float64) for page in ImageSequence.Iterator(image)]
    except (OSError, SyntaxError, ValueError):
        return []
