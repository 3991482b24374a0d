"""What a registered photo looks like, freed of its light, colour balance and sharpness."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.fine_print import bars_of, edges_of
from parcelscope.inference.gloss import CELL_PX, LUMA, MIN_PAPER_CELLS, inks_of, light_of
from parcelscope.inference.registration import Image, Matrix, flattened, grey_of, tracked

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

STRIDE: Final = 2
"""Maps are kept at every second pixel."""
WINDOWS_WH: Final[Mapping[str, tuple[int, int]]] = {
    "small": (5, 5),
    "large": (9, 9),
    "tall": (3, 25),
    "wide": (25, 3),
}
"""Shapes over which differences are added up: letters, shapes, bars, lines of print."""
GLOSS_WH: Final = (27, 27)
"""What is wider than this many pixels and soft is light, not print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The genuine reference as a picture, and which parts of it are what."""

    picture: Image
    """(H, W, 3) RGB, middle of the registered genuine photos."""
    inside: Mask
    """(H, W) where the print is."""
    regions: Image
    """(H, W) 0 for none, else the number of a region of even colour."""
    paper: int
    """Number of the region of neutral board or paper; 0 where there is none."""
    points: Floats
    """(P, 2) places to track."""
    bars_xy: Floats | None = None
    """(4, 2) strip of the retail code that genuine copies carry; None where they carry none."""
    flat: Image
    """(H, W) the picture as tracking reads it, see `flattened`."""

    @property
    def count(self) -> int:
        """How many regions of even colour there are."""
        return int(self.regions.max())

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """What was measured of one registered photo."""

    residual: dict[str, Floats]
    """By window of `WINDOWS_WH`: (H / 2, W / 2) grey levels lighter than the template there,
    without slow changes."""
    hue: Floats
    """(2, H / 2, W / 2) red less green and green less blue, off the template."""
    inks_rgb: Floats
    """(R, 3) colour of each region of even colour, freed of light and gloss; NaN where unseen."""
    moved: Floats
    """(P, 2) pixels by which each tracked place lies off."""
    tracked: Mask
    """(P,) whether it could be tracked."""
    sharpness: Floats
    """(3,) logarithms of the steepness of edges of the print and of the rest of the photo, see
    `edges_of`, NaN if unknown; and by how much softer the print is than the template."""
    bars: Floats | None
    """Brightness along the retail code, see `bars_of`; None where genuine copies have none."""


def measure(
    template: Template, picture: Image, lit: Floats, seen: Mask, native: Image, matrix: Matrix
) -> Appearance:
    """What `picture`, a photo on the template's grid, looks like.

    Args:
        template: The reference.
        picture: (H, W, 3) the photo laid over it.
        lit: The same in the template's light, see `relit`.
        seen: (H, W) where the photo shows it.
        native: The photo itself, (h, w, 3), for what resampling would hide.
        matrix: From pixels of `native` to those of the template.
    """
    inside = template.inside & seen
    moved, kept = tracked(template.flat, flattened(grey_of(picture)), template.points)
    reference = template.picture.astype(np.float32)
    grey_there = luma(reference)
    difference, softness = _without_softness(luma(lit) - grey_there, grey_there, inside)
    difference = _without_gloss(difference, inside)
    residual = {
        name: _mean_over(difference, window)[::STRIDE, ::STRIDE]
        for name, window in WINDOWS_WH.items()
    }
    paper = (template.regions == template.paper) & (template.paper > 0)
    light = light_of(picture, template.picture, inside, paper)
    edges = edges_of(native, _on_native(template.inside, native, matrix))
    return Appearance(
        residual=residual,
        hue=_hue_off(lit, reference, inside),
        inks_rgb=inks_of(picture, light, template.regions, inside),
        moved=moved,
        tracked=kept,
        sharpness=np.array([*edges, softness], np.float32),
        bars=None if template.bars_xy is None else bars_of(native, matrix, template.bars_xy),
    )


def relit(template: Template, picture: Image, inside: Mask) -> Floats:
    """The picture in the template's light and white balance, (H, W, 3) float.

    Brightness may change slowly over the package; the colour of the light is one for all of it,
    and is read on neutral paper where there is some, so that an ink's own colour cannot hide it.
    """
    height, width = inside.shape
    small = (max(1, width // CELL_PX), max(1, height // CELL_PX))
    ours = cv2.resize(picture.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    theirs = cv2.resize(template.picture.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    weight = cv2.resize(inside.astype(np.float32), small, interpolation=cv2.INTER_AREA) > 0.95
    ratio = np.log((ours + 6) / (theirs + 6))
    brightness = ratio.mean(axis=2)
    field = _smooth_fit(brightness, weight, (width, height))
    paper = cv2.resize(
        (template.regions == template.paper).astype(np.float32), small, interpolation=cv2.INTER_AREA
    )
    neutral = weight & (paper > 0.6) if template.paper else np.zeros_like(weight)
    balance_on = neutral if neutral.sum() >= MIN_PAPER_CELLS else weight
    balance = np.median(ratio[balance_on] - brightness[balance_on, None], axis=0)
    gain = np.exp(-(field[..., None] + balance)).astype(np.float32)
    return np.asarray((picture.astype(np.float32) + 6) * gain - 6, np.float32)


def opponents(rgb: Floats) -> Floats:
    """Red less green, green less blue, and luma, of colours (..., 3).

    The first two do not change under gloss, which adds the same to all channels.
    """
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    return np.stack([red - green, green - blue, luma(rgb)], axis=-1)


def rgb_of(opponent: Floats) -> Floats:
    """The colours (..., 3) whose `opponents` these are."""
    red_less_green, green_less_blue, bright = np.moveaxis(opponent, -1, 0)
    green = bright - LUMA[0] * red_less_green + LUMA[2] * green_less_blue
    return np.stack([green + red_less_green, green, green - green_less_blue], axis=-1)


def luma(rgb: Floats) -> Floats:
    """Luma of a float picture."""
    return np.asarray(rgb @ np.array(LUMA, np.float32), np.float32)


def lab_of(rgb: Floats) -> Floats:
    """CIE Lab of a float picture 0 to 255; NaN stays NaN."""
    unit = np.clip(rgb / 255, 0, 1).astype(np.float32)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(unit), cv2.COLOR_RGB2LAB), np.float32)


def _smooth_fit(values: Floats, weight: Mask, size_wh: tuple[int, int]) -> Floats:
    """A quadratic surface through `values` where `weight`, outliers apart, at full size."""
    rows, columns = np.nonzero(weight)
    if len(rows) < 20:
        return np.full(size_wh[::-1], float(np.median(values)), np.float32)
    h, w = values.shape
    terms = _quadratic(columns / w, rows / h)
    wanted = values[rows, columns]
    trust = np.ones(len(wanted))
    for _ in range(8):
        fit, *_ = np.linalg.lstsq(terms * trust[:, None], wanted * trust, rcond=None)
        off = wanted - terms @ fit
        scale = max(1.5 * float(np.median(np.abs(off))), 0.01)
        # Cauchy: altered print does not pull, and gloss, which only lightens, still less.
        trust = 1 / (1 + (np.where(off > 0, 2 * off, off) / scale) ** 2)
    y, x = np.mgrid[0 : size_wh[1], 0 : size_wh[0]]
    surface = _quadratic((x.ravel() + 0.5) / size_wh[0], (y.ravel() + 0.5) / size_wh[1]) @ fit
    return np.asarray(surface.reshape(size_wh[::-1]), np.float32)


def _quadratic(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Matrix:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float64)


def _without_softness(difference: Floats, reference: Floats, inside: Mask) -> tuple[Floats, float]:
    """`difference` without what a blurrier or sharper shot explains, and how much that is."""
    curve = cv2.Laplacian(cv2.GaussianBlur(reference, (0, 0), 0.8), cv2.CV_32F)
    a, b = curve[inside], difference[inside]
    keep = np.abs(b) < 40
    share = float((a[keep] * b[keep]).sum() / max(float((a[keep] ** 2).sum()), 1e-6))
    return np.asarray(difference - share * curve, np.float32), share


def _on_native(mask: Mask, native: Image, matrix: Matrix) -> Mask:
    size = (native.shape[1], native.shape[0])
    return cv2.warpPerspective(mask.astype(np.uint8), np.linalg.inv(matrix), size) > 0


def _hue_off(lit: Floats, reference: Floats, inside: Mask) -> Floats:
    off = (opponents(lit) - opponents(reference))[..., :2] * inside[..., None]
    return np.stack([_mean_over(off[..., k], (13, 13))[::STRIDE, ::STRIDE] for k in (0, 1)])


def _without_gloss(difference: Floats, inside: Mask) -> Floats:
    """`difference` without its slow changes: gloss, dents and shadows are no print."""
    weight = _mean_over(inside, GLOSS_WH)
    mean = _mean_over(difference * inside, GLOSS_WH) / np.maximum(weight, 1e-3)
    slow = _mean_over(mean, (9, 9))
    return np.asarray((difference - slow) * inside, np.float32)


def _mean_over(values: npt.NDArray[Any], window_wh: tuple[int, int]) -> Floats:
    return np.asarray(
        cv2.blur(
            np.ascontiguousarray(values, np.float32), window_wh, borderType=cv2.BORDER_REFLECT
        ),
        np.float32,
    )
