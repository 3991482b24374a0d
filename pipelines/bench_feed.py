"""The feed that the benchmark scores: light parcels, a few drawn and then repeated."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from parcelscope.datasets.feed import OWNER_KIND, Feed, read_feed
from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.design import genuine_design
from parcelscope.datasets.schema import IMAGES, PARCELS
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed
from parcelscope.datasets.writing import write_csv_whole, write_whole
from parcelscope.pipelines.progress import Report, silent

PHOTO_WH: Final = (1280, 960)
LIGHT: Final = {
    "parcels_in_cartons": 0.0,
    "cartons": 0,
    "parcel_pitch_mm": 0.8,
    "missing_scan": 0.0,
    "missing_photo": 0.0,
    "corrupt_image": 0.0,
    "photos": 1.0,
    "scan_formats": {"dual_tiff": 1.0},
}
"""Settings of a light parcel: one dual-energy scan of 640 x 500 pixels and, once the package is
added to the label, two photos of 1280 x 960."""


def light_feed(
    folder: Path, *, parcels: int, drawn: int = 12, seed: int = 5, progress: Report = silent
) -> Feed:
    """A feed of `parcels` light parcels whose images repeat those of the first `drawn`.

    Args:
        folder: New or empty.
        parcels: Rows of the parcels table.
        drawn: How many of them are drawn; the images are files of their own.
        seed: The same seed gives the same feed.
        progress: Told how far the drawing is.

    Raises:
        FeedError: `folder` is in use, or `parcels` is below 1.
    """
    config = load_synth_config(None).model_copy(update=LIGHT)
    synth_feed(
        folder,
        parcels=min(parcels, drawn),
        seed=seed,
        config=config,
        workers=1,
        progress=lambda done, total: progress("drawing", done, total),
    )
    first = read_feed(folder)
    rng = np.random.default_rng([seed, 1])
    # A label close-up has 1280 x 960 pixels, a photo of a package fewer: each is drawn anew.
    labels = first.images.filter(pl.col("view") == "label")
    photos = [_package_photo(folder, row, rng) for row in labels.iter_rows(named=True)]
    images = pl.concat(
        [
            first.images.filter(pl.col("view") != "product"),
            pl.DataFrame(photos, schema=first.images.schema),
        ]
    )
    copies = -(-parcels // first.parcels.height)
    owners = _repeated(first.parcels, "parcel_id", copies).head(parcels)
    pictures = _repeated(images, "owner_id", copies)
    pictures = pictures.filter(pl.col("owner_id").is_in(owners["parcel_id"].implode()))
    write_csv_whole(owners.select(PARCELS.names), folder / "parcels.csv")
    write_csv_whole(pictures.select(IMAGES.names), folder / "images.csv")
    return read_feed(folder)


def first_owners(feed: Feed, count: int) -> Feed:
    """The feed of the first `count` parcels and cartons, by id, that have an image."""
    ids = (
        feed.images.select("owner_id", OWNER_KIND).unique().sort("owner_id", OWNER_KIND).head(count)
    )
    of_kind = {kind: ids.filter(pl.col(OWNER_KIND) == kind) for kind in ("parcel", "carton")}
    return replace(
        feed,
        parcels=feed.parcels.join(
            of_kind["parcel"], left_on="parcel_id", right_on="owner_id", how="semi"
        ),
        cartons=feed.cartons.join(
            of_kind["carton"], left_on="carton_id", right_on="owner_id", how="semi"
        ),
        images=feed.images.join(ids, on=["owner_id", OWNER_KIND], how="semi"),
    )


def _package_photo(folder: Path, label: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The row of a photo of a package, beside that of a label of the same parcel."""
    jpeg = package_photo(rng, genuine_design(rng), size_wh=PHOTO_WH).jpeg
    path = str(label["path"]).replace("-label", "-package")
    write_whole(folder / path, jpeg)
    return {**label, "view": "product", "path": path, "sha256": hashlib.sha256(jpeg).hexdigest()}


def _repeated(frame: pl.DataFrame, key: str, copies: int) -> pl.DataFrame:
    """`frame` `copies` times, each with ids of its own; the first keeps its ids."""
    return pl.concat(
        [frame] + [frame.with_columns(pl.col(key) + f"-{copy:06d}") for copy in range(1, copies)]
    )
