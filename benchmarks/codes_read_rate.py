"""Read rate and cost of photo.codes against profiles of zxing-cpp.

    python benchmarks/codes_read_rate.py [FOLDER] [--drawn 24]

Draws photos of labels and packages, 1280 x 960 pixels. FOLDER adds photographed codes: each picture
has its text beside it (`name.txt`, UTF-8), a sub-folder whose name starts with `falsepositives`
holds pictures without codes; four of them together make a large, cluttered picture. A wrong text
counts as a false read.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
import zxingcpp
from PIL import Image as PilImage

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.design import genuine_design, gs1_check_digit
from parcelscope.datasets.packaging.label import DEGRADATIONS, label_photo
from parcelscope.inference.code_reading import FORMATS
from parcelscope.inference.codes import luma_of, read_codes

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
_RETAIL_FOLDERS = ("ean", "upc")
_TILE_WH = (640, 480)
_PLAIN = zxingcpp.TextMode.Plain
_FAST = {"try_rotate": False, "try_downscale": False, "try_invert": False}

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture, and the texts that are to be read on it; others may be on it if `open`."""

    name: str
    luma: Picture
    texts: frozenset[str]
    open: bool = False


READERS: dict[str, Callable[[Picture], list[str]]] = {
    "zxing-cpp defaults": lambda luma: [c.text for c in zxingcpp.read_barcodes(luma)],
    "our formats, plain text": lambda luma: _texts(luma),
    "the same, fast profile": lambda luma: _texts(luma, **_FAST),
    "fast, and turned": lambda luma: _texts(luma, **_FAST | {"try_rotate": True}),
    "photo.codes, once": lambda luma: [
        c.text for c in read_codes(luma, thorough=False) if c.symbology_ok
    ],
    "photo.codes": lambda luma: [c.text for c in read_codes(luma) if c.symbology_ok],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="photographed codes")
    parser.add_argument("--drawn", type=int, default=24, help="photos of each kind to draw")
    wanted = parser.parse_args()
    if wanted.folder is not None and not wanted.folder.is_dir():
        parser.error(f"{wanted.folder} is no folder")
    cv2.setNumThreads(1)
    groups = {
        "drawn labels": list(_labels(wanted.drawn)),
        "drawn labels, bad light": list(_labels(wanted.drawn, bad=True)),
        "drawn packages": list(_packages(wanted.drawn)),
    }
    if wanted.folder is not None:
        samples = list(_samples(wanted.folder))
        coded = [s for s in samples if s.texts]
        groups |= {
            "linear retail (EAN, UPC)": [s for s in coded if s.name.startswith(_RETAIL_FOLDERS)],
            "other codes": [s for s in coded if not s.name.startswith(_RETAIL_FOLDERS)],
            "no code": [s for s in samples if not s.texts],
            "four in one": list(_mosaics(coded)),
        }
    print(f"{'pictures':26}{'reader':26}{'read':>9}{'false':>7}{'ms/picture':>12}")
    for group, members in groups.items():
        for name, reader in READERS.items():
            right, wanted_texts, false, spent_s = _score(members, reader)
            print(f"{group:26}{name:26}{right:>4}/{wanted_texts:<4}{false:>7}"
                  f"{1e3 * spent_s / max(1, len(members)):>12.1f}", flush=True)  # fmt: skip


def _texts(luma: Picture, **options: bool) -> list[str]:
    found = zxingcpp.read_barcodes(luma, formats=FORMATS, text_mode=_PLAIN, **options)
    return [code.text for code in found]


def _score(
    samples: Sequence[Sample], reader: Callable[[Picture], list[str]]
) -> tuple[int, int, int, float]:
    """Texts that were read, that there are, texts that are on no picture, and CPU seconds."""
    right = wanted = false = 0
    spent_s = 0.0
    for sample in samples:
        start_s = time.process_time()
        texts = {_bare(text) for text in reader(sample.luma)}
        spent_s += time.process_time() - start_s
        right += len(texts & sample.texts)
        wanted += len(sample.texts)
        false += 0 if sample.open else len(texts - sample.texts)
    return right, wanted, false, spent_s


def _labels(count: int, *, bad: bool = False) -> Iterator[Sample]:
    for seed in range(count):
        rng = np.random.default_rng([2000 if bad else 1000, seed])
        digits = "".join(str(d) for d in rng.integers(0, 10, 16))
        codes = [
            LabelCode("Code128", f"RR{digits[:9]}DE"),
            LabelCode("Code128", f"(00)3{digits}{gs1_check_digit('3' + digits)}"),
            LabelCode("QRCode", f"https://id.example/{digits}"),
            LabelCode("DataMatrix", f"LOT{digits[:6]}"),
        ][: 1 + seed % 4]
        degrade = DEGRADATIONS[seed // 4 % len(DEGRADATIONS)] if bad else None
        lines = ("Hanseatic Trade", "Speicherstr. 14", "", "Jordan Example", "742 Cedar Avenue")
        photo = label_photo(rng, codes=codes, lines=lines, degrade=degrade)
        yield Sample(f"label {seed}", _luma(photo.jpeg), frozenset(_bare(c.text) for c in codes))


def _packages(count: int) -> Iterator[Sample]:
    for seed in range(count):
        rng = np.random.default_rng([3000, seed])
        design = genuine_design(rng)
        photo = package_photo(rng, design, size_wh=(1280, 960))
        # A QR code with a text of its own is printed beside it.
        yield Sample(f"package {seed}", _luma(photo.jpeg), frozenset([design.ean13]), open=True)


def _luma(jpeg: bytes) -> Picture:
    return luma_of(simplejpeg.decode_jpeg(jpeg))


def _samples(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES:
            continue
        name = str(path.relative_to(folder))
        text = path.with_suffix(".txt")
        if not text.exists() and not name.startswith("falsepositives"):
            continue
        luma = luma_of(np.array(PilImage.open(path).convert("RGB")))
        texts = [_bare(text.read_text(encoding="utf-8"))] if text.exists() else []
        yield Sample(name, luma, frozenset(texts))


def _mosaics(samples: Sequence[Sample]) -> Iterator[Sample]:
    """Pictures of 1280 x 960 pixels, each of four photos of other codes."""
    order = np.random.default_rng(0).permutation(len(samples)).tolist()
    for start in range(0, len(order) - 3, 4):
        four = [samples[n] for n in order[start : start + 4]]
        a, b, c, d = (_tile(one.luma) for one in four)
        texts = frozenset(text for one in four for text in one.texts)
        yield Sample(f"mosaic {start}", np.vstack([np.hstack([a, b]), np.hstack([c, d])]), texts)


def _tile(luma: Picture) -> Picture:
    wide, tall = _TILE_WH
    scale = min(wide / luma.shape[1], tall / luma.shape[0])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    fitted = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=how)
    tile = np.full((tall, wide), 200, np.uint8)
    tile[: fitted.shape[0], : fitted.shape[1]] = fitted
    return tile


def _bare(text: str) -> str:
    """Without what the text modes write differently: parentheses, group separators, line ends."""
    return "".join(c for c in text.replace("\r", "") if c not in "()\x1d").strip()


if __name__ == "__main__":
    main()
