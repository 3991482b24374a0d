"""Runs the one feature graph that all genuine references share."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from parcelscope.inference.appearance import Floats


def photo_features(session: ort.InferenceSession, lit: Floats) -> tuple[Floats, Floats]:
    """Fine (40, h, w) and coarse (112, h / 2, w / 2) features of a relit picture (H, W, 3)."""
    _, _, height, width = session.get_inputs()[0].shape
    picture = np.clip(lit, 0, 255).astype(np.uint8)
    fitted = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    batch = np.ascontiguousarray(fitted.transpose(2, 0, 1)[None])
    found: list[npt.NDArray[Any]] = session.run(["fine", "coarse"], {"scan": batch})
    return found[0][0], found[1][0]
