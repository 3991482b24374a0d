"""Reads printed text on photos; the only file that imports rapidocr (extra `ocr`, Apache-2.0).

rapidocr brings its networks (PP-OCRv6: where text is, which way up, what it says) in its wheel.
Each is named here by its file, as rapidocr would download what it does not find.
"""

import logging
import math
import unicodedata
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma

MISSING: Final = "ocr: reading labels as text needs the extra: pip install 'parcelscope[ocr]'"
_FOLDER: Final = "models"
_NETWORKS: Final = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}
READ_PX: Final = 2000
"""Long side of a photo above which it is read smaller. Letters of 3 mm on a label that fills the
photo are then 30 pixels high; the network wants 48 and reads 12."""
FOUND_PX: Final = 960
"""Long side at which lines are searched for. On generated labels 736 loses lines of dark photos,
1280 takes 1.6 times as long and reads no more (benchmarks/label_reading.py)."""
_LEAST_SIDE_PX: Final = 32
"""A narrower photo holds no line of text."""
_LEAST_CONFIDENCE: Final = 0.5
_LEAST_SPAN: Final = 16
"""Grey levels from the darkest to the brightest hundredth: photos with fewer show noise."""


def require_reader() -> None:
    """Refuse where text cannot be read.

    Raises:
        ConfigError: If the extra is not installed, or is a release without its networks.
    """
    if find_spec("rapidocr") is None:
        raise ConfigError(MISSING)
    for path in _network_files().values():
        if not path.is_file():
            raise ConfigError(f"{MISSING}: the rapidocr that is installed has no {path.name}")


def read_text(luma: Luma, *, found_px: int = FOUND_PX) -> tuple[TextLine, ...]:
    """The lines of text of a photo, in no order that means anything.

    Args:
        luma: Its brightness, shape (H, W).
        found_px: Long side at which lines are searched for.

    Returns:
        Lines that were read with some confidence; corners in pixels of `luma`.

    Raises:
        ConfigError: As `require_reader`.
        ValueError: If `luma` has another shape.
    """
    if luma.ndim != 2:
        raise ValueError(f"luma must have shape (H, W), got {luma.shape}")
    scale = min(1.0, READ_PX / max(luma.shape))
    height, width = (round(side * scale) for side in luma.shape)
    if min(height, width) < _LEAST_SIDE_PX:
        return ()
    small = luma
    if scale < 1:
        small = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA))
    found = _reader(found_px)(cv2.cvtColor(_stretched(small), cv2.COLOR_GRAY2BGR))
    if not found.txts:
        return ()
    lines = []
    for corners, text, confidence in zip(found.boxes, found.txts, found.scores, strict=True):
        plain = unicodedata.normalize("NFKC", str(text)).strip()
        sure = float(confidence)
        if plain and math.isfinite(sure) and sure >= _LEAST_CONFIDENCE:
            seen = np.asarray(corners, np.float32) / np.float32(scale)
            lines.append(TextLine(text=plain, confidence=min(sure, 1.0), corners_xy=seen))
    return tuple(lines)


def _stretched(luma: Luma) -> Luma:
    """`luma` from black to white: of dark label photos three times as many numbers are read."""
    darkest, brightest = np.percentile(luma[::8, ::8], [1, 99])
    gain = 255 / max(brightest - darkest, _LEAST_SPAN)
    return np.asarray(np.clip((luma - np.float32(darkest)) * np.float32(gain), 0, 255), np.uint8)


@cache
def _reader(found_px: int) -> Any:
    """One reader for all threads of this process; its networks are loaded when first asked.

    As the detectors' sessions, each call runs in the calling thread alone: the workers fill the
    cores already.
    """
    require_reader()
    from rapidocr import RapidOCR  # an extra, and a second to import

    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return RapidOCR(
        params={
            "Global.log_level": "critical",  # it warns of every photo without text
            "Global.max_side_len": READ_PX,
            "Global.text_score": _LEAST_CONFIDENCE,
            "Det.limit_type": "max",
            "Det.limit_side_len": found_px,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            **{f"{part}.model_path": str(path) for part, path in _network_files().items()},
        }
    )


def _network_files() -> dict[str, Path]:
    folder = Path(str(resources.files("rapidocr"))) / _FOLDER
    return {part: folder / name for part, name in _NETWORKS.items()}
