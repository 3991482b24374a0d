"""Scans of a synthetic feed: on which scanner, in which format, and the rows that name them."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.scan_writing import write_dual_png_pair, write_dual_tiff, write_grey_png
from parcelscope.datasets.synthetic.config import ScanFormat, SynthConfig
from parcelscope.datasets.synthetic.rows import Row
from parcelscope.datasets.writing import write_whole
from parcelscope.datasets.xray.acquisition import EVALUATION_SCANNERS, TRAINING_SCANNERS, Scanner
from parcelscope.datasets.xray.colour import (
    as_jpeg,
    pseudo_colour,
    random_jpeg_quality,
    random_palette,
)
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.scan import SyntheticScan
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.zeff import effective_z

PARCEL_FIELD_MM = (512.0, 400.0)
CARTON_FIELD_MM = (680.0, 530.0)
"""Width and height that a scan shows."""
TEXTURES = 8
TEXTURE_SEEDS = {"training": 7, "evaluation": 1007}
SCANS_FOLDER = "scans"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlace:
    """Where one scan goes and what is written beside its pixels."""

    feed_folder: Path
    owner_id: str
    feed_seed: int
    scan_format: ScanFormat
    scanner: Scanner
    taken_at: datetime
    unseen_palette: bool


def scanners_of(config: SynthConfig) -> dict[str, Scanner]:
    """The facility's scanners, by model."""
    return TRAINING_SCANNERS if config.scanners == "training" else EVALUATION_SCANNERS


def draw_scanner(
    rng: np.random.Generator, config: SynthConfig, kind: Literal["parcel", "carton"]
) -> Scanner:
    """One of the facility's scanners, set to the pixel pitch and field of `kind`."""
    known = scanners_of(config)
    scanner = known[sorted(known)[int(rng.integers(len(known)))]]
    is_parcel = kind == "parcel"
    pitch_mm = config.parcel_pitch_mm if is_parcel else config.carton_pitch_mm
    width_mm, height_mm = PARCEL_FIELD_MM if is_parcel else CARTON_FIELD_MM
    columns, rows = round(width_mm / pitch_mm), round(height_mm / pitch_mm)
    return replace(scanner, geometry=Geometry.square(columns, rows, pitch_mm))


def draw_texture(rng: np.random.Generator, config: SynthConfig) -> npt.NDArray[np.float32]:
    """One of few texture fields; evaluation has its own."""
    return _texture(TEXTURE_SEEDS[config.scanners], int(rng.integers(TEXTURES)))


@lru_cache(maxsize=TEXTURES)
def _texture(family: int, index: int) -> npt.NDArray[np.float32]:
    return texture_field(np.random.default_rng([family, index]))


def write_scan(scan: SyntheticScan, place: ScanPlace, rng: np.random.Generator) -> list[Row]:
    """Write `scan` in its format; gives its rows of the images table, low energy first."""
    stem = f"{SCANS_FOLDER}/{place.owner_id}"
    if place.scan_format == "dual_tiff":
        write_dual_tiff(place.feed_folder / f"{stem}.tiff", scan.le, scan.he)
        return [_row(place, f"{stem}.tiff", "dual")]
    if place.scan_format == "colour":
        z_map = effective_z(scan.le, scan.he, place.scanner.spectrum)
        palette = random_palette(rng, unseen=place.unseen_palette)
        picture = pseudo_colour(scan.le, scan.he, z_map, palette)
        jpeg = as_jpeg(picture, random_jpeg_quality(rng))
        write_whole(place.feed_folder / f"{stem}.jpg", jpeg)
        return [_row(place, f"{stem}.jpg", "colour")]
    if place.scan_format == "grey":
        # A scanner of one energy has the front detector alone, without the filter behind it.
        write_grey_png(place.feed_folder / f"{stem}.png", scan.le)
        return [_row(place, f"{stem}.png", "grey")]
    suffix = "dcs" if place.scan_format == "dicos" else "png"
    low, high = f"{stem}-low.{suffix}", f"{stem}-high.{suffix}"
    if place.scan_format == "dicos":
        _write_dicos_pair(scan, place, low, high)
    else:
        root = place.feed_folder
        write_dual_png_pair(root / low, root / high, scan.le, scan.he)
    return [_row(place, low, "low"), _row(place, high, "high")]


def _write_dicos_pair(scan: SyntheticScan, place: ScanPlace, low: str, high: str) -> None:
    study = derived_uid("synthetic feed", str(place.feed_seed), place.owner_id)
    for path, pixels, is_low in ((low, scan.le, True), (high, scan.he, False)):
        write_dicos_dx(
            place.feed_folder / path,
            pixels,
            "LOW ENERGY" if is_low else "HIGH ENERGY",
            study,
            owner_id=place.owner_id,
            taken_at=place.taken_at,
            pixel_pitch_mm=place.scanner.geometry.pixel_pitch_mm,
            # A spectrum's name begins with its tube voltage, which a scanner does write down.
            tube_kv=float(place.scanner.spectrum.partition("kv")[0]),
        )


def _row(place: ScanPlace, path: str, energy: str) -> Row:
    return {
        "owner_id": place.owner_id,
        "kind": "scan",
        "view": "top",
        "station": "arrival",
        "path": path,
        "energy": energy,
        "scanner_model": place.scanner.model,
        "scanner_software": place.scanner.software,
        "pixel_pitch_mm": place.scanner.geometry.pixel_pitch_mm,
        "air_level": None if energy == "colour" else float(AIR_LEVEL),
        "taken_at": place.taken_at,
    }
