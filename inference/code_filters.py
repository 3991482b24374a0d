"""Copies of a picture in which a code may show that the picture itself hides."""

from typing import Final

import cv2
import numpy as np

from parcelscope.inference.code_reading import Luma

_UPSCALE_BELOW_PX: Final = 500


def equalised(luma: Luma) -> Luma:
    """With the contrast of each part spread out."""
    return np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(luma), np.uint8)


def sharpened(luma: Luma) -> Luma:
    """With steeper edges, twice as large if small."""
    large = _enlarged(luma)
    sharp = cv2.addWeighted(large, 2.5, cv2.GaussianBlur(large, (0, 0), 3), -1.5, 0)
    return np.asarray(sharp, np.uint8)


def smoothed(luma: Luma) -> Luma:
    """With less noise, twice as large if small."""
    return np.asarray(cv2.GaussianBlur(_enlarged(luma), (0, 0), 1.2), np.uint8)


def _enlarged(luma: Luma) -> Luma:
    """Twice the size if small: bars under two pixels wide blur into each other otherwise."""
    if max(luma.shape) > _UPSCALE_BELOW_PX:
        return luma
    large = cv2.resize(luma, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)
