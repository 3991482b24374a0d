"""A folder in MVTec AD's layout, of pieces so small and alike that defects show in seconds."""

from pathlib import Path

import numpy as np
from PIL import Image

from parcelscope.datasets.adapters.catalog import adapter_of
from parcelscope.datasets.adapters.importing import import_set
from parcelscope.datasets.annotated import AnnotatedSet

SIZE_WH = (90, 60)


def write_pieces(out: Path, *, train: int = 60, good: int = 6, damaged: int = 6) -> AnnotatedSet:
    """The annotated set in `out`, imported as a user would.

    Args:
        out: New folder.
        train: Good pieces to learn from.
        good: Good pieces in split test.
        damaged: Pieces with a dark stripe in split test, with masks of it.
    """
    rng = np.random.default_rng(0)
    raw = out.with_name(f"{out.name}-raw")
    for folder, count in (("train/good", train), ("test/good", good), ("test/stripe", damaged)):
        (raw / folder).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(rng.normal(130, 6, SIZE_WH[::-1]), 0, 255).astype(np.uint8)
            if folder == "test/stripe":
                mask = np.zeros_like(pixels)
                mask[28:36, 20:70] = 255
                pixels[mask > 0] = 20
                path = raw / "ground_truth" / "stripe" / f"{number:03d}_mask.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(mask).save(path)
            Image.fromarray(pixels).save(raw / folder / f"{number:03d}.png")
    return import_set(adapter_of("mvtec-ad"), raw, out).annotated
