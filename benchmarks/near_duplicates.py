"""How far apart copies and different pictures of a set lie, which the limits of alikeness rest on.

    python benchmarks/near_duplicates.py FOLDER

FOLDER is a data set as `parcelscope dataset import` wrote it. Copies are drawn from 80 of its
pictures: resized to half to one and a half of their size, and encoded as JPEG of quality 40 to 90.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from parcelscope.datasets.annotated import read_annotated
from parcelscope.datasets.annotated_pictures import Rgb, read_picture
from parcelscope.datasets.near_duplicates import MOST_BITS, SEEN_PX, Looks, grey_of, looks

COPIES = 80


def main() -> None:
    cv2.setNumThreads(1)
    annotated = read_annotated(Path(sys.argv[1]))
    root, images = annotated.root, annotated.images
    seen = looks([grey_of(read_picture(root, image, wanted_px=SEEN_PX)) for image in images])
    bits, rest = pairs(seen)
    near = bits <= MOST_BITS
    print(f"{annotated.name}: {len(images)} pictures")
    print(f"pairs whose hashes differ in at most {MOST_BITS} bits: {near.sum()}")
    print("least apart, all pairs:", ", ".join(f"{r:.3f}" for r in np.sort(rest)[:8]))

    rng = np.random.default_rng(0)
    chosen = rng.choice(len(images), min(COPIES, len(images)), replace=False)
    apart = [compared(read_picture(root, images[at]), rng) for at in chosen]
    print(f"copies differ in at most {max(b for b, _ in apart)} bits,"
          f" and are at most {max(r for _, r in apart):.3f} apart")  # fmt: skip


def pairs(seen: Looks) -> tuple[np.ndarray, np.ndarray]:
    """Bits and thumbnail distance of every pair (i < j)."""
    first, second = np.triu_indices(len(seen.bits), 1)
    bits = np.bitwise_count(seen.bits[first] ^ seen.bits[second])
    squared = 2 - 2 * (seen.thumbs @ seen.thumbs.T)[first, second]
    return bits, np.sqrt(np.maximum(squared, 0))


def compared(rgb: Rgb, rng: np.random.Generator) -> tuple[int, float]:
    """Bits and distance between a picture and a copy of it."""
    scale = rng.uniform(0.5, 1.5)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    copy = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=how)
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(copy), quality=int(rng.integers(40, 90)))
    bits, rest = pairs(looks([grey_of(rgb), grey_of(simplejpeg.decode_jpeg(data))]))
    return int(bits[0]), float(rest[0])


if __name__ == "__main__":
    main()
