"""Genuine reference photos that a facility would keep of the designs in a synthetic feed."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.design import another_copy
from parcelscope.datasets.synthetic.photo_files import design_of
from parcelscope.datasets.synthetic.site import FeedSite
from parcelscope.datasets.writing import write_whole

REFERENCES_FOLDER = "references"


def write_references(site: FeedSite, skus: Iterable[str]) -> None:
    """Write `references/<sku>/*.jpg`: genuine copies of several lots, for each of `skus`.

    Their chance is their own, so that a feed without them holds the same scans and photos.
    """
    for sku in sorted(set(skus)):
        design = design_of(sku, site.config)
        folder: Path = site.folder / REFERENCES_FOLDER / sku
        for k in range(site.config.reference_photos):
            rng = np.random.default_rng([site.seed, 4, int(sku), k])
            photo = package_photo(rng, another_copy(rng, design))
            write_whole(folder / f"{k:02d}.jpg", photo.jpeg)
