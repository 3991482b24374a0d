"""Decoding: milliseconds of one core for each format, ours beside the bare codec and Pillow.

Run `python benchmarks/decode.py`. Ours includes reading the file, the header check and every
assertion; the bare codec is one call of the fastest library on the same file, to the same
pixels; Pillow's column is the usual `np.asarray(Image.open(path))`.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import simplejpeg
import tifffile
from PIL import Image

from parcelscope.datasets.canvas import CanvasSpec, place_colour, place_dual
from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.photos import read_photo
from parcelscope.datasets.scan_writing import (
    write_colour_jpeg,
    write_dual_png_pair,
    write_dual_tiff,
)
from parcelscope.datasets.scans import ScanFile, read_scan

SPEC = CanvasSpec(width_px=320, height_px=256, mm_per_px=1.6)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time our decoders against Pillow.")
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU time spent on each cell")
    seconds = parser.parse_args().seconds
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'':36}{'ours ms':>9}{'bare ms':>9}{'ours/bare':>11}{'Pillow ms':>11}{'ratio':>7}")
        bare = bare_codecs(Path(folder))
        for name, ours, pillow in cases(Path(folder)):
            mine = cost_ms(ours, seconds)
            line = f"{name:36}{mine:9.2f}"
            if name in bare:
                least = cost_ms(bare[name], seconds)
                line += f"{least:9.2f}{mine / least:11.2f}"
            elif pillow is not None:
                line += " " * 20
            if pillow is not None:
                theirs = cost_ms(pillow, seconds)
                line += f"{theirs:11.2f}{theirs / mine:7.1f}"
            print(line, flush=True)


def cost_ms(work: Callable[[], object], seconds: float) -> float:
    """Median CPU milliseconds of one call."""
    work()
    costs = []
    while sum(costs) < seconds:
        start = time.thread_time()
        work()
        costs.append(time.thread_time() - start)
    return 1e3 * float(np.median(costs))


def cases(folder: Path) -> list[tuple[str, Callable[[], object], Callable[[], object] | None]]:
    """Name, our way and Pillow's, if it has one that keeps every bit."""
    low, high = dual_scan()
    tiff, lzw, grey_alpha = folder / "z.tiff", folder / "l.tiff", folder / "la.png"
    png_low, png_high = folder / "low.png", folder / "high.png"
    dcs_low, dcs_high = folder / "low.dcs", folder / "high.dcs"
    photo, colour = folder / "photo.jpg", folder / "colour.jpg"
    write_dual_tiff(tiff, low, high)
    lzw.write_bytes(lzw_tiff(low, high))
    write_dual_png_pair(png_low, png_high, low, high)
    grey_alpha.write_bytes(imagecodecs.png_encode(np.dstack([low, high])))
    write_dicos_dx(dcs_low, low, "LOW ENERGY", derived_uid("benchmark"))
    write_dicos_dx(dcs_high, high, "HIGH ENERGY", derived_uid("benchmark"))
    picture = camera_picture()
    write_colour_jpeg(photo, picture, 85)
    write_colour_jpeg(colour, cv2.resize(picture, (640, 480)), 90)

    def scan(*files: tuple[Path, str | None]) -> Callable[[], object]:
        named = [ScanFile(path=path, energy=energy) for path, energy in files]  # type: ignore[arg-type]
        return lambda: read_scan(named, air_level=60000.0)

    def pillow(*paths: Path) -> Callable[[], object]:
        return lambda: [pillow_pages(path) for path in paths]

    rgb = read_photo(colour)
    dual_out, colour_out = np.empty((2, 256, 320), np.uint16), np.empty((3, 256, 320), np.uint8)
    return [
        ("scan 640x480x2 TIFF zstd", scan((tiff, "dual")), pillow(tiff)),
        ("scan 640x480x2 TIFF LZW", scan((lzw, "dual")), pillow(lzw)),
        ("scan 640x480x2 PNG pair", scan((png_low, "low"), (png_high, "high")),
         pillow(png_low, png_high)),
        # Pillow turns it into 8-bit RGBA, so there is nothing to compare.
        ("scan 640x480x2 PNG grey-alpha", scan((grey_alpha, "dual")), None),
        ("scan 640x480x2 DICOS pair", scan((dcs_low, None), (dcs_high, None)), None),
        ("rendering 640x480 JPEG", scan((colour, "colour")), pillow_rgb(colour, None)),
        ("photo 1280x960 JPEG", lambda: read_photo(photo), pillow_rgb(photo, None)),
        ("photo 1280x960 JPEG for 640", lambda: read_photo(photo, wanted_px=640),
         pillow_rgb(photo, 640)),
        ("photo 1280x960 JPEG for 224", lambda: read_photo(photo, wanted_px=224),
         pillow_rgb(photo, 224)),
        ("canvas, dual to scale", lambda: place_dual(low, high, 60000, 0.8, SPEC, out=dual_out),
         None),
        ("canvas, dual, air and pitch unknown",
         lambda: place_dual(low, high, None, None, SPEC, out=dual_out), None),
        ("canvas, rendering", lambda: place_colour(rgb, None, SPEC, out=colour_out), None),
    ]  # fmt: skip


def bare_codecs(folder: Path) -> dict[str, Callable[[], object]]:
    """What decoding the files of `cases` costs at least, by name; they are written by then."""

    def photo(name: str, least_px: int) -> Callable[[], object]:
        def work() -> object:
            data = (folder / name).read_bytes()
            return simplejpeg.decode_jpeg(data, min_width=least_px, min_height=least_px * 3 // 4)

        return work

    return {
        "scan 640x480x2 TIFF zstd": lambda: tifffile.imread(folder / "z.tiff", maxworkers=1),
        "scan 640x480x2 PNG pair": lambda: [
            imagecodecs.png_decode((folder / name).read_bytes()) for name in ("low.png", "high.png")
        ],
        "scan 640x480x2 PNG grey-alpha": lambda: imagecodecs.png_decode(
            (folder / "la.png").read_bytes()
        ),
        "photo 1280x960 JPEG": photo("photo.jpg", 1280),
        "photo 1280x960 JPEG for 640": photo("photo.jpg", 640),
        "photo 1280x960 JPEG for 224": photo("photo.jpg", 320),
    }


def pillow_pages(path: Path) -> list[object]:
    with Image.open(path) as image:
        pages = []
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            pages.append(np.asarray(image))
        return pages


def pillow_rgb(path: Path, long_px: int | None) -> Callable[[], object]:
    def work() -> object:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
            if long_px is not None:
                image = image.resize((long_px, long_px * image.height // image.width))
            return np.asarray(image)

    return work


def dual_scan() -> tuple[np.ndarray, np.ndarray]:
    """A parcel of boxes, with scanner noise."""
    rng = np.random.default_rng(0)
    depth = np.zeros((480, 640), np.float32)
    for _ in range(30):
        x, y = rng.integers(100, 480), rng.integers(80, 360)
        depth[y : y + rng.integers(20, 120), x : x + rng.integers(20, 160)] += rng.random() / 2
    low = 60000 * np.exp(-1.3 * depth) + rng.normal(size=depth.shape) * 530
    high = 60000 * np.exp(-depth) + rng.normal(size=depth.shape) * 900
    return low.clip(0, 65535).astype(np.uint16), high.clip(0, 65535).astype(np.uint16)


def camera_picture() -> np.ndarray:
    """A 1280x960 picture that takes about 230 KB at quality 85, as a phone's does."""
    rng = np.random.default_rng(0)
    coarse = cv2.resize(rng.integers(0, 255, (24, 32, 3), np.uint8), (1280, 960))
    grain = cv2.GaussianBlur(rng.normal(0, 12, (960, 1280, 3)), (0, 0), 0.8)
    return (coarse + grain).clip(0, 255).astype(np.uint8)


def lzw_tiff(low: np.ndarray, high: np.ndarray) -> bytes:
    stream = io.BytesIO()
    pages = np.stack([low, high])
    tifffile.imwrite(stream, pages, compression="lzw", predictor=True, photometric="minisblack")
    return stream.getvalue()


if __name__ == "__main__":
    main()
