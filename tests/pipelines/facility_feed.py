"""A small feed as a facility hands it over: manifest, scans, photos, and all that goes wrong."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import zxingcpp
from tests.inference.tiny_feed import (
    colour_pixels,
    dual_counts,
    photo_row,
    scan_row,
    wedge_table,
)

from parcelscope.datasets.scan_writing import (
    write_colour_jpeg,
    write_dual_png_pair,
    write_dual_tiff,
)

PARCELS = 24
CARTON_IDS = ("C-1", "C-2")
SCRIPT = "<script>alert('seen')</script> toys"
BREAKOUT = '"><img src="https://evil.example/x.png" onerror="alert(1)">'
REJECTED_ID = "P-023"
OTHER_LABEL_ID = "P-010"
"""Its photo shows the number of the next parcel."""


def write_facility_feed(folder: Path) -> None:
    """Write the feed into `folder`.

    One parcel row and one image row cannot be taken, one image is not there, one is cut off, and
    two descriptions try to break out of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    images = [*_parcel_images(folder), *_carton_images(folder)]
    images.append(scan_row("P-002", "gone.tif", "dual", view="side"))
    (folder / "cut.jpg").write_bytes((folder / "P-003.jpg").read_bytes()[:200])
    images.append(photo_row("P-003", "cut.jpg"))
    images.append(photo_row("P-004", "odd.jpg") | {"kind": "drawing"})
    pl.DataFrame(images, infer_schema_length=None).write_csv(folder / "images.csv")
    _manifest().write_csv(folder / "parcels.csv")
    _cartons().write_csv(folder / "cartons.csv")
    wedge_table().write_parquet(folder / "step_wedges.parquet")


def _manifest() -> pl.DataFrame:
    descriptions = ["cotton shirts", "phone case", "ceramic mugs", "gift"] * (PARCELS // 4)
    descriptions[1], descriptions[2] = SCRIPT, BREAKOUT
    weights = [str(200 + 10 * n) for n in range(PARCELS)]
    weights[PARCELS - 1] = "heavy"
    return pl.DataFrame(
        {
            "parcel_id": [f"P-{n:03}" for n in range(PARCELS)],
            "tracking_number": [_number(n) for n in range(PARCELS)],
            "carton_id": [CARTON_IDS[n % 2] if n >= 12 else None for n in range(PARCELS)],
            "description": descriptions,
            "declared_weight_g": weights,
            "measured_weight_g": [str(205 + 10 * n) for n in range(PARCELS)],
            "value": [str(10 + n) for n in range(PARCELS)],
            "currency": ["USD"] * PARCELS,
        }
    )


def _cartons() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "carton_id": list(CARTON_IDS),
            "master_bill": ["176-12345675", "176-12345676"],
            "pieces_manifested": [6, 1],
            "declared_weight_g": [2000.0, 900.0],
            "measured_weight_g": [2050.0, 2100.0],
        }
    )


def _parcel_images(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for n in range(1, PARCELS - 1):
        owner_id = f"P-{n:03}"
        spot = (24 + 3 * n, 24 + 2 * n)
        low, high = dual_counts(spot, seed=n)
        if n % 4 == 1:
            names = f"{owner_id}-low.png", f"{owner_id}-high.png"
            write_dual_png_pair(folder / names[0], folder / names[1], low, high)
            rows += [scan_row(owner_id, names[0], "low"), scan_row(owner_id, names[1], "high")]
        elif n % 4 == 3:
            write_colour_jpeg(folder / f"{owner_id}.jpg", colour_pixels(spot))
            rows.append(scan_row(owner_id, f"{owner_id}.jpg", "colour"))
        else:
            write_dual_tiff(folder / f"{owner_id}.tif", low, high)
            rows.append(scan_row(owner_id, f"{owner_id}.tif"))
        if n % 3 == 1:
            write_colour_jpeg(
                folder / f"{owner_id}-label.jpg", _label(_number(n if n != 10 else 11))
            )
            rows.append(photo_row(owner_id, f"{owner_id}-label.jpg"))
    return rows


def _carton_images(folder: Path) -> list[dict[str, object]]:
    rows = []
    for n, carton_id in enumerate(CARTON_IDS):
        low, high = dual_counts((20, 24), (70, 24), (116, 24), (40, 76), (96, 70), seed=90 + n)
        write_dual_tiff(folder / f"{carton_id}.tif", low, high)
        rows.append(scan_row(carton_id, f"{carton_id}.tif"))
    return rows


def _number(n: int) -> str:
    """A tracking number with its check digit, as S10 asks."""
    digits = f"{n + 1:08}"
    rest = 11 - sum(w * int(d) for w, d in zip((8, 6, 4, 2, 3, 5, 9, 7), digits, strict=True)) % 11
    check = {10: 0, 11: 5}.get(rest, rest)
    return f"LX{digits}{check}CN"


def _label(text: str) -> npt.NDArray[np.uint8]:
    """A photo of a label with `text` as a bar code."""
    symbol = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    bars = np.array(symbol.to_image(scale=3))  # (H, W)
    page = np.full((480, 640), 235, np.uint8)
    page[120 : 120 + bars.shape[0], 50 : 50 + bars.shape[1]] = bars
    return np.repeat(page[..., None], 3, axis=2)
