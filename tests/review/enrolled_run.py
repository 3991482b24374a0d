"""A feed with all that goes wrong, scored for real, and come to review."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy import Engine, select
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import dual_counts, photo_row, scan_row
from tests.pipelines.facility_feed import write_facility_feed

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.scan_writing import write_grey_png
from parcelscope.pipelines.review_runs import enrol_run
from parcelscope.pipelines.screen import screen
from parcelscope.review.database import open_review, reading
from parcelscope.review.dossier import Dossier, read_dossier
from parcelscope.review.items import Item, as_item
from parcelscope.review.tables import ITEMS

DICOS_ID = "P-000"
"""The parcel without a scan in the facility's feed gets one in DICOS, on arrival and at origin."""
GREY_ID = "P-012"
"""Has a second view, of one energy."""
TURNED_ID = "P-005"
"""Has a photo that is stored sideways, with a place in its EXIF."""


@dataclass(frozen=True)
class EnrolledRun:
    feed: Path
    run: Path
    bundle: Path
    engine: Engine

    def item(self, owner_id: str) -> Item:
        with reading(self.engine) as connection:
            row = connection.execute(select(ITEMS).where(ITEMS.c.owner_id == owner_id)).one()
        return as_item(row)

    def dossier(self, owner_id: str) -> Dossier:
        return read_dossier(self.item(owner_id).dossier_json)


def write_reviewed_feed(folder: Path) -> None:
    """The facility's feed with scans in DICOS, of one energy, at origin, and a turned photo."""
    write_facility_feed(folder)
    images = pl.read_csv(folder / "images.csv", infer_schema=False).to_dicts()
    for station in ("arrival", "origin"):
        low, high = dual_counts((40, 40), seed=len(station))
        for energy, counts in (("low", low), ("high", high)):
            name = f"{DICOS_ID}-{station}-{energy}.dcs"
            write_dicos_dx(
                folder / name,
                counts,
                "LOW ENERGY" if energy == "low" else "HIGH ENERGY",
                derived_uid(station),
                pixel_pitch_mm=1.0,
            )
            images.append(scan_row(DICOS_ID, name, energy, station=station))
    write_grey_png(folder / "grey.png", dual_counts((30, 30))[0])
    images.append(scan_row(GREY_ID, "grey.png", "low", view="side"))
    (folder / "turned.jpg").write_bytes(turned_jpeg())
    images.append(photo_row(TURNED_ID, "turned.jpg") | {"view": "product"})
    pl.DataFrame(images, infer_schema_length=None).write_csv(folder / "images.csv")


def turned_jpeg() -> bytes:
    """A JPEG of 320 x 240 that is to be shown 240 x 320, and says who took it."""
    import io

    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # orientation
    exif[0x013B] = "Jane Doe, 5 Hill Street"  # artist
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:, :160] = (200, 30, 30)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", exif=exif)
    return out.getvalue()


def enrolled_run(folder: Path) -> EnrolledRun:
    """Write, score and enrol it in `folder`; everything is flagged."""
    feed, run, bundle = folder / "feed", folder / "runs" / "first", folder / "bundle"
    write_tiny_bundle(bundle)
    write_reviewed_feed(feed)
    screen(feed, run, bundle_folder=bundle, budget=1.0, workers=1)
    engine = open_review(f"sqlite:///{folder / 'review.sqlite'}")
    enrol_run(engine, run, bundle_folder=bundle)
    return EnrolledRun(feed=feed, run=run, bundle=bundle, engine=engine)
