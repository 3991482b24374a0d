"""The pixels of scans and photos, read from the feed for whoever may see them.

A file is only ever found through the dossier of an item, below the feed that the dossier names, and
never through anything that a request says. Only pixels leave: files are decoded by the decoders of
the batch engine and encoded anew, so EXIF and whatever else a file holds stays behind.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.feed_images import store_at
from parcelscope.datasets.feed_urls import feed_url, fetch_feed, local_path, stand_in_of
from parcelscope.datasets.headers import read_bytes, read_header
from parcelscope.datasets.scans import Scan
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.inference.owners import ScanGroup
from parcelscope.inference.placing import read_group
from parcelscope.inference.time_limit import Limited
from parcelscope.review.bounded_cache import BoundedCache
from parcelscope.review.dossier import Dossier, DossierImage, Form, reference_folder
from parcelscope.review.heat import HeatMaps

Rgb = npt.NDArray[np.uint8]

CACHE_BYTES: Final = 256_000_000
"""Of encoded pictures: about two hundred scans."""
FACTS_BYTES: Final = 4_000_000
WIDTHS: Final = (320, 640, 960, 1440, 2400)
"""Widths that photos are sent in, so that one photo cannot fill the cache with a thousand."""
LIMIT_S: Final = 15.0
"""Seconds that decoding one image may take before its page goes without it."""
_JPEG_QUALITY: Final = 88
_GZIP: Final = 31
"""What zlib calls its window where it writes gzip, without name and time."""
FORM_OF: Final[dict[str, Form]] = {
    "dual": "dual",
    "grey16": "grey",
    "grey8": "grey",
    "colour": "colour",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Pixels on their way to a browser."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    channels: int
    air_level: float | None = None
    """Counts behind nothing but air, of counts; None of pictures."""
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """What only the file of an image can say."""

    width_px: int | None
    height_px: int | None
    version: str
    """Changes when the files do, so that a browser may keep what it has."""
    problem: str | None = None
    """Why it cannot be shown, one sentence."""


class Pictures:
    """Reads and encodes the images of dossiers; one for a process, safe to call from threads."""

    def __init__(self, *, cache_bytes: int = CACHE_BYTES, limit_s: float = LIMIT_S) -> None:
        """An empty cache of at most `cache_bytes`; decoding gives up after `limit_s`."""
        self._decoding = Limited(limit_s=limit_s)
        self._heat = HeatMaps()
        self._cache: BoundedCache[Encoded] = BoundedCache(cache_bytes, lambda one: len(one.data))
        self._facts: BoundedCache[ImageFacts] = BoundedCache(FACTS_BYTES, lambda _: 400)

    def close(self) -> None:
        """End the threads that decode."""
        self._decoding.close()

    def facts(self, dossier: Dossier, n: int) -> ImageFacts:
        """Size of image `n`, or why it cannot be shown. Never raises for what the feed holds."""
        image = dossier.image(n)
        try:
            root = feed_root(dossier)
            stamp = _stamp(root, image)
        except (ImageError, FeedError, OSError) as error:
            return ImageFacts(width_px=None, height_px=None, version="", problem=_said(error))
        return self._facts.get((root, stamp), partial(self._look, root, image, stamp))

    def pixels(self, dossier: Dossier, n: int) -> Encoded:
        """The counts of scan `n`: gzip of interleaved little-endian uint16, low then high energy.

        A scan of one energy has one channel.

        Raises:
            ImageError: If it cannot be read, or has no counts (`unsupported`).
            FeedError: If its feed is gone.
        """
        return self._encoded(dossier, n, "pixels", self._pixels)

    def picture(self, dossier: Dossier, n: int, width_px: int | None = None) -> Encoded:
        """Image `n` as a picture of 8 bits: a PNG of a scan, a JPEG of a photo.

        Args:
            dossier: Of the item.
            n: The image.
            width_px: Of a photo, the next of `WIDTHS` that is not smaller; None is full size. Scans
                keep theirs.

        Raises:
            ImageError: If it cannot be read.
            FeedError: If its feed is gone.
        """
        width = None if width_px is None else next((w for w in WIDTHS if w >= width_px), None)
        return self._encoded(dossier, n, f"picture {width}", partial(self._picture, width))

    def heat(self, dossier: Dossier, n: int) -> Encoded:
        """Where scan `n` is unlike those of compliant parcels, a grey PNG to lay over it.

        Raises:
            ImageError: If there is no such map of it, or it cannot be read.
            BundleError: If the models that scored it are gone.
            FeedError: If its feed is gone.
        """
        source = dossier.source
        if not dossier.image(n).heat or source.bundle is None or source.bundle_digest is None:
            raise ImageError("missing", f"there is no map of image {n}")
        folder, digest = Path(source.bundle), source.bundle_digest

        def make(root: Path, image: DossierImage, stamp: str) -> Encoded:
            return _png(self._heat.over(self.scan(root, image), folder, digest), f"{stamp}-heat")

        return self._encoded(dossier, n, f"heat {digest}", make)

    def reference(self, dossier: Dossier, n: int, k: int) -> Encoded:
        """Genuine reference `k` of image `n`, as the run kept it.

        Raises:
            ImageError: If it is not there any more, or cannot be read.
        """
        file = next((one.file for one in dossier.image(n).references if one.k == k), None)
        if file is None:
            raise ImageError("missing", f"image {n} has no reference {k}")
        folder = reference_folder(dossier)
        data = read_bytes(folder / file, within=folder)
        digest = hashlib.sha256(data).hexdigest()
        return self._cache.get(
            ("reference", digest), lambda: _jpeg(self._decoding.photo(data), digest)
        )

    def _encoded(
        self,
        dossier: Dossier,
        n: int,
        what: str,
        make: Callable[[Path, DossierImage, str], Encoded],
    ) -> Encoded:
        image, root = dossier.image(n), feed_root(dossier)
        stamp = _stamp(root, image)
        return self._cache.get((root, stamp, what), partial(make, root, image, stamp))

    def _look(self, root: Path, image: DossierImage, stamp: str) -> ImageFacts:
        try:
            first = self._decoding.file(image.files[0].as_row(), root)
            header = read_header(first)
            size_wh = (header.width, header.height)
            if image.kind == "photo" and header.orientation >= 5:  # stored sideways
                size_wh = size_wh[::-1]
        except (ImageError, FeedError, OSError) as error:
            if isinstance(error, ImageError) and error.code == "not_an_image":
                return self._decoded_size(root, image, stamp)
            return ImageFacts(width_px=None, height_px=None, version=stamp, problem=_said(error))
        return ImageFacts(width_px=size_wh[0], height_px=size_wh[1], version=stamp)

    def _decoded_size(self, root: Path, image: DossierImage, stamp: str) -> ImageFacts:
        """Of a format that a plug-in reads, whose header nobody else knows."""
        try:
            width, height = self.scan(root, image).size_wh
        except (ImageError, FeedError, OSError) as error:
            return ImageFacts(width_px=None, height_px=None, version=stamp, problem=_said(error))
        return ImageFacts(width_px=width, height_px=height, version=stamp)

    def scan(self, root: Path, image: DossierImage) -> Scan:
        """The scan that the files of `image` make up, each checked against its SHA-256.

        Raises:
            ImageError: If it cannot be read.
        """
        if image.kind != "scan":
            raise ImageError("unsupported", f"image {image.n} is a photo, which has no counts")
        rows = tuple(file.as_row() for file in image.files)
        content = [self._decoding.file(row, root) for row in rows]
        return read_group(ScanGroup(images=rows), content, root, read=self._decoding.scan)

    def _pixels(self, root: Path, image: DossierImage, stamp: str) -> Encoded:
        scan = self.scan(root, image)
        planes = [plane for plane in (scan.low, scan.high) if plane is not None]
        if not planes:
            raise ImageError("unsupported", f"image {image.n} is a picture, which has no counts")
        counts = np.stack(planes, axis=-1).astype("<u2", copy=False)  # (H, W, 1 or 2)
        return Encoded(
            data=_gzipped(counts.tobytes()),
            media_type="application/octet-stream",
            width_px=scan.size_wh[0],
            height_px=scan.size_wh[1],
            channels=len(planes),
            air_level=float(scan.air_level or AIR_LEVEL),
            etag=f"{stamp}-pixels",
        )

    def _picture(
        self, width_px: int | None, root: Path, image: DossierImage, stamp: str
    ) -> Encoded:
        if image.kind == "photo":
            data = self._decoding.file(image.files[0].as_row(), root)
            photo = self._decoding.photo(data, wanted_px=_long_side(data, width_px))
            return _jpeg(_narrowed(photo, width_px), f"{stamp}-{width_px or 'full'}")
        return _png(grey_or_colour(self.scan(root, image)), f"{stamp}-picture")


def feed_root(dossier: Dossier) -> Path:
    """The folder that the image paths of `dossier` start from; a stand-in of a feed behind a URL.

    Raises:
        FeedError: If it is not there.
    """
    url = feed_url(dossier.source.feed)
    root = local_path(dossier.source.feed) if url is None else stand_in_of(url)
    if url is not None and not root.is_dir():
        root = fetch_feed(url, ())  # another machine enrolled it, or the cache was emptied
    if not root.is_dir():
        raise FeedError(f"{dossier.source.feed}: the feed is not there any more")
    return root


def grey_or_colour(scan: Scan) -> Rgb:
    """`scan` in 8 bits: a rendering as it is (H, W, 3), counts as grey (H, W), air white."""
    if scan.rgb is not None:
        rgb: Rgb = scan.rgb
        return rgb
    counts = scan.low if scan.low is not None else scan.high
    if counts is None:
        raise ValueError(f"a scan must have pixels, got none of kind {scan.kind}")
    scaled = counts.astype(np.float32) * np.float32(255 / (scan.air_level or AIR_LEVEL))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def _stamp(root: Path, image: DossierImage) -> str:
    """What changes when the files of `image` do, as text that says nothing of where they lie."""
    told: list[Any] = []
    store = store_at(root)
    for file in image.files:
        told += [file.path, file.sha256, file.energy, file.air_level, store.stamp(file.path)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:20]


def _said(error: Exception) -> str:
    """`error` as one sentence for a page, without where things lie on this machine."""
    words = {
        "missing": "The file is not there any more.",
        "altered": "The file is not the one that was recorded: its SHA-256 differs.",
        "outside_feed": "The file does not lie inside the feed.",
        "timeout": "The file takes too long to decode.",
    }
    if isinstance(error, ImageError):
        return words.get(error.code, f"The file cannot be read ({error.code.replace('_', ' ')}).")
    if isinstance(error, FeedError):
        return "The feed is not there any more, or cannot be read."
    return "The file cannot be opened."


def problem_words(error: Exception) -> str:
    """Why a picture cannot be shown, one sentence that names no path."""
    return _said(error)


def _long_side(data: bytes, width_px: int | None) -> int | None:
    """How long a side to decode, so that the photo is at least `width_px` wide."""
    if width_px is None:
        return None
    header = read_header(data)
    width = header.height if header.orientation >= 5 else header.width
    return round(width_px * max(header.width, header.height) / width)


def _gzipped(data: bytes) -> bytes:
    # The noise of a detector repeats nothing but runs of air: looking for more takes twice the time
    # and gives no byte less.
    pressed = zlib.compressobj(1, zlib.DEFLATED, _GZIP, 9, zlib.Z_RLE)
    return pressed.compress(data) + pressed.flush()


def _narrowed(rgb: Rgb, width_px: int | None) -> Rgb:
    height, width = rgb.shape[:2]
    if width_px is None or width <= width_px:
        return rgb
    size_wh = (width_px, max(round(height * width_px / width), 1))
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(rgb: Rgb, etag: str) -> Encoded:
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(rgb), quality=_JPEG_QUALITY, colorspace="RGB", colorsubsampling="444"
    )
    return _as_encoded(data, "image/jpeg", rgb.shape, etag)


def _png(pixels: Rgb, etag: str) -> Encoded:
    blue_first = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, data = cv2.imencode(".png", np.ascontiguousarray(blue_first))
    if not done:
        raise ImageError("unreadable", f"a picture of {pixels.shape} cannot be encoded")
    return _as_encoded(data.tobytes(), "image/png", pixels.shape, etag)


def _as_encoded(data: bytes, media_type: str, shape: Sequence[int], etag: str) -> Encoded:
    return Encoded(
        data=data,
        media_type=media_type,
        width_px=shape[1],
        height_px=shape[0],
        channels=shape[2] if len(shape) == 3 else 1,
        etag=etag,
    )
