"""A feed on disk with a handful of owners: every kind of scan and photo, whole and broken."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.scan_writing import (
    write_colour_jpeg,
    write_dual_png_pair,
    write_dual_tiff,
)

SCANNER = "Tiny 1"
PITCH_MM = 1.0
SIZE_WH = (160, 120)
AIR = 60000


def dual_counts(
    *spots_xy: tuple[int, int], seed: int = 0
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16]]:
    """Low and high counts of a paper-thin parcel with a dark 24 px square at each spot."""
    width, height = SIZE_WH
    low = np.full((height, width), AIR, np.float64)
    low[16:-16, 16:-16] *= 0.85
    for x, y in spots_xy:
        low[y : y + 24, x : x + 24] *= 0.3
    high = AIR * (low / AIR) ** 0.6
    noise = np.random.default_rng(seed).normal(1, 0.002, (2, height, width))
    return (low * noise[0]).astype(np.uint16), (high * noise[1]).astype(np.uint16)


def colour_pixels(*spots_xy: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A white rendering of the same parcel."""
    low, _ = dual_counts(*spots_xy)
    return np.repeat((low / 256).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def photo_pixels(seed: int = 0) -> npt.NDArray[np.uint8]:
    """A photo of noise, 320 x 240, without any code on it."""
    return np.random.default_rng(seed).integers(0, 255, (240, 320, 3), dtype=np.uint8)


def scan_row(
    owner_id: str, path: str, energy: str | None = "dual", **facts: object
) -> dict[str, object]:
    """A row of the images table for a scan, of which `facts` may change anything."""
    row: dict[str, object] = {
        "owner_id": owner_id,
        "kind": "scan",
        "view": "top",
        "path": path,
        "energy": energy,
        "scanner_model": SCANNER,
        "pixel_pitch_mm": PITCH_MM,
        "air_level": AIR,
    }
    return row | facts


def photo_row(owner_id: str, path: str, **facts: object) -> dict[str, object]:
    """A row of the images table for a photo."""
    row: dict[str, object] = {"owner_id": owner_id, "kind": "photo", "view": "label", "path": path}
    return row | facts


def write_tables(
    folder: Path,
    *,
    parcels: Sequence[str],
    cartons: Sequence[str] = (),
    images: Sequence[Mapping[str, object]] = (),
    wedge: bool = False,
) -> Feed:
    """Write the tables of a feed into `folder` and read it back."""
    pl.DataFrame({"parcel_id": list(parcels)}).write_parquet(folder / "parcels.parquet")
    if cartons:
        pl.DataFrame({"carton_id": list(cartons)}).write_parquet(folder / "cartons.parquet")
    if images:
        table = pl.DataFrame(list(images), infer_schema_length=None)
        table.write_parquet(folder / "images.parquet")
    if wedge:
        wedge_table().write_parquet(folder / "step_wedges.parquet")
    return read_feed(folder)


def wedge_table() -> pl.DataFrame:
    """What a scanner of two energies (40 and 80 keV) would measure behind a step wedge."""
    steps = [(float(pe), 0.0) for pe in (0, 5, 10, 20, 40, 80, 120)]
    steps += [(0.0, steel) for steel in (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)]
    steps += [(20.0, 1.0), (40.0, 1.0), (40.0, 2.0)]
    pe, steel = np.array(steps).T
    # Areal density in g/cm2 times cm2/g, from the tables of XCOM.
    low = np.exp(-pe * 0.094 * 0.227 - steel * 0.787 * 3.63)
    high = np.exp(-pe * 0.094 * 0.182 - steel * 0.787 * 0.595)
    return pl.DataFrame(
        {
            "scanner_model": [SCANNER] * len(pe),
            "pe_mm": pe,
            "steel_mm": steel,
            "le": AIR * low,
            "he": AIR * high,
            "air_level": [float(AIR)] * len(pe),
        }
    )


def write_mixed_feed(folder: Path, *, parcels: int = 21, cartons: int = 3) -> Feed:
    """A feed of good owners with every kind of scan; parcel 0 has no image at all."""
    images: list[dict[str, object]] = []
    ids = [f"P{n:03}" for n in range(parcels)]
    carton_ids = [f"C{n:03}" for n in range(cartons)]
    for n, owner_id in enumerate(ids[1:], start=1):
        spot = (24 + 3 * (n % 20), 24 + 2 * (n % 20))
        low, high = dual_counts(spot, seed=n)
        if n % 5 == 1:
            write_dual_png_pair(
                folder / f"{owner_id}-l.png", folder / f"{owner_id}-h.png", low, high
            )
            images.append(scan_row(owner_id, f"{owner_id}-l.png", "low"))
            images.append(scan_row(owner_id, f"{owner_id}-h.png", "high"))
        elif n % 5 == 2:
            write_colour_jpeg(folder / f"{owner_id}.jpg", colour_pixels(spot))
            images.append(scan_row(owner_id, f"{owner_id}.jpg", "colour"))
        else:
            write_dual_tiff(folder / f"{owner_id}.tif", low, high)
            images.append(scan_row(owner_id, f"{owner_id}.tif"))
        if n % 3 == 0:
            write_colour_jpeg(folder / f"{owner_id}-photo.jpg", photo_pixels(n))
            images.append(photo_row(owner_id, f"{owner_id}-photo.jpg"))
    for n, carton_id in enumerate(carton_ids):
        low, high = dual_counts((30, 30), (90, 30), (60, 70), seed=100 + n)
        write_dual_tiff(folder / f"{carton_id}.tif", low, high)
        images.append(scan_row(carton_id, f"{carton_id}.tif"))
    return write_tables(
        folder, parcels=ids[::-1], cartons=carton_ids, images=images[::-1], wedge=True
    )
