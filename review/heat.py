"""Where a scan is unlike those of compliant parcels, as a map over the scan.

Runs keep the place that stands out most and no map. The map is worked out again when somebody asks
for it, by the very model that scored the run; without that model there is none.
"""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import Canvas
from parcelscope.datasets.errors import BundleError, ImageError
from parcelscope.datasets.scans import Scan
from parcelscope.inference.detectors import INPUT, Detectors, load_detectors
from parcelscope.inference.placing import MODEL_FOR, canvas_spec, place, stack
from parcelscope.models.bundle import load_bundle

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

ANOMALY: Final = "xray.anomaly"
MOST_BUNDLES: Final = 2
"""Bundles whose models are kept in memory: that of today's runs, and of yesterday's."""
LONG_SIDE_PX: Final = 512
"""Of a map; the model sees no finer, and a browser stretches it over the scan."""


class HeatMaps:
    """Works out maps by the models of bundles, the last few of which stay loaded."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[tuple[Path, str], Detectors] = OrderedDict()
        self._lock = threading.Lock()

    def over(self, scan: Scan, bundle_folder: Path, digest: str) -> Grey:
        """The map over `scan`, 8 bits, 0 what is usual in this scan, 255 what is least so.

        It is brightest where this scan is most unusual, whatever that comes to; how unusual that
        is, the finding says.

        Args:
            scan: With both energies, or in colour.
            bundle_folder: The bundle that scored it.
            digest: What its card must come to.

        Returns:
            (h, w) in the proportions of the scan, at most `LONG_SIDE_PX` on its long side.

        Raises:
            BundleError: If the bundle is another one, or cannot be trusted.
            ImageError: If no model looks at scans of its kind.
        """
        kind = MODEL_FOR[scan.kind]
        detector = None
        if kind is not None:
            detector = self._detectors(bundle_folder, digest).find(ANOMALY, kind)
        if detector is None:
            raise ImageError("unsupported", f"no model makes a map of {scan.kind} scans")
        canvas = place(scan, canvas_spec(detector.card))
        (maps,) = detector.session.run(["map"], {INPUT: stack([canvas])})
        heat: Floats = np.asarray(maps[0, 0], np.float32)
        if not np.isfinite(heat).all():
            raise ImageError("corrupt", "the model gave a map with a number that is not finite")
        stride = detector.card.width_px / heat.shape[1]
        return _levels(_over_scan(heat, canvas, stride, scan.size_wh))

    def _detectors(self, folder: Path, digest: str) -> Detectors:
        with self._lock:
            key = (folder, digest)
            if key not in self._loaded:
                bundle, found = load_bundle(folder)
                if found != digest:
                    raise BundleError(
                        f"{folder}: expected the bundle that scored the run, {digest[:12]}…, got"
                        f" {found[:12]}…"
                    )
                cards = tuple(card for card in bundle.detectors if card.detector == ANOMALY)
                alone = bundle.model_copy(update={"detectors": cards, "references": None})
                self._loaded[key] = load_detectors(alone, folder)
            self._loaded.move_to_end(key)
            while len(self._loaded) > MOST_BUNDLES:
                self._loaded.popitem(last=False)
            return self._loaded[key]


def _over_scan(heat: Floats, canvas: Canvas, stride: float, size_wh: tuple[int, int]) -> Floats:
    """`heat`, one value for each `stride` pixels of the canvas, in the place of the scan."""
    step = max(max(size_wh) / LONG_SIDE_PX, 1.0)  # pixels of the scan for one of the map
    width, height = (max(round(side / step), 1) for side in size_wh)
    scale = canvas.scale * step / stride
    # Centres of pixels, not corners: hence the halves.
    shift = [
        canvas.scale * 0.5 * step / stride + offset / stride - 0.5 for offset in canvas.offset_xy
    ]
    affine = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    warped = cv2.warpAffine(
        heat,
        affine,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        # Beyond the canvas lies air that was cropped away.
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=float(np.median(heat)),
    )
    return np.asarray(warped, np.float32)


def _levels(heat: Floats) -> Grey:
    """`heat` from its median (0) to its peak (255)."""
    usual, peak = float(np.median(heat)), float(heat.max())
    if peak <= usual:
        return np.zeros(heat.shape, np.uint8)
    share = np.clip((heat - usual) / (peak - usual), 0, 1)
    return np.asarray(np.rint(255 * share), np.uint8)
