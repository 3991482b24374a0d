"""Read rate of photo.codes against zxing-cpp's own defaults, on a folder of photographed codes.

    python benchmarks/codes_read_rate.py FOLDER

Each picture has its text beside it (`name.txt`, UTF-8); a sub-folder whose name starts with
`falsepositives` holds pictures without codes. A wrong text counts as a false read.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp
from PIL import Image as PilImage

from parcelscope.inference.codes import read_codes

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
_RETAIL_FOLDERS = ("ean", "upc")

Sample = tuple[str, npt.NDArray[np.uint8], str | None]


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: codes_read_rate.py FOLDER (a folder of pictures with .txt beside them)")
    cv2.setNumThreads(1)
    samples = list(_samples(Path(sys.argv[1])))
    groups: dict[str, list[Sample]] = {
        "linear retail (EAN, UPC)": [s for s in samples if s[0].startswith(_RETAIL_FOLDERS)],
        "other codes": [s for s in samples if s[2] is not None
                        and not s[0].startswith(_RETAIL_FOLDERS)],
        "no code": [s for s in samples if s[2] is None],
    }  # fmt: skip
    readers: dict[str, Callable[[npt.NDArray[np.uint8]], list[str]]] = {
        "zxing-cpp defaults": lambda rgb: [c.text for c in zxingcpp.read_barcodes(rgb)],
        "zxing-cpp plain text": lambda rgb: [
            c.text for c in zxingcpp.read_barcodes(rgb, text_mode=zxingcpp.TextMode.Plain)
        ],
        "photo.codes": lambda rgb: [c.text for c in read_codes(rgb) if c.symbology_ok],
    }
    print(f"{'pictures':26}{'reader':22}{'read':>9}{'false':>7}{'ms/picture':>12}")
    for group, members in groups.items():
        for name, reader in readers.items():
            right, false, spent_s = _score(members, reader)
            print(f"{group:26}{name:22}{right:>4}/{len(members):<4}{false:>7}"
                  f"{1e3 * spent_s / max(1, len(members)):>12.1f}")  # fmt: skip


def _score(
    samples: list[Sample], reader: Callable[[npt.NDArray[np.uint8]], list[str]]
) -> tuple[int, int, float]:
    """Pictures whose text was read, texts that are on no picture, and CPU seconds."""
    right = false = 0
    spent_s = 0.0
    for _, rgb, expected in samples:
        start_s = time.process_time()
        texts = [_bare(t) for t in reader(rgb)]
        spent_s += time.process_time() - start_s
        right += expected is not None and _bare(expected) in texts
        false += sum(expected is None or t != _bare(expected) for t in texts)
    return right, false, spent_s


def _samples(folder: Path) -> Iterator[Sample]:
    for path in sorted(folder.rglob("*")):
        if path.suffix not in _SUFFIXES:
            continue
        name = str(path.relative_to(folder))
        text = path.with_suffix(".txt")
        if not text.exists() and not name.startswith("falsepositives"):
            continue
        rgb = np.array(PilImage.open(path).convert("RGB"))
        yield name, rgb, text.read_text(encoding="utf-8") if text.exists() else None


def _bare(text: str) -> str:
    """Without what the text modes write differently: parentheses, group separators, line ends."""
    return "".join(c for c in text.replace("\r", "") if c not in "()\x1d").strip()


if __name__ == "__main__":
    main()
