"""The places where a photo differs from genuine copies, each with a sentence of difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.appearance import STRIDE, Appearance, Template, lab_of, rgb_of
from parcelscope.inference.authenticity import Raw, region_distances
from parcelscope.inference.fine_print import other_digit
from parcelscope.inference.reference_codes import conflicting_code, retail_digits
from parcelscope.inference.registration import Matrix, mapped
from parcelscope.models.references import Floats, Reference

Box = tuple[float, float, float, float]

STANDS_OUT: Final = 3.0
"""Spreads above the genuine middle from which a check names its zones."""
NAMED_FIRST: Final = (
    "codes", "bars", "placement", "colour", "sharpness", "print", "features", "hue",
)  # fmt: skip
"""Checks whose sentence says most come first: several see the same place."""
MOST_ZONES: Final = 5
PER_CHECK: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One place that differs."""

    check: str
    size: float
    """How far the check lies off, in spreads of genuine photos."""
    sentence: str
    """A clause without capital or full stop."""
    reference_xyxy: Box | None
    """Box on the reference's picture; None where the difference has no place."""
    box_xyxy: Box | None
    """Box on the photo, in pixels."""


def zones_of(
    constants: Reference,
    template: Template,
    seen: Appearance,
    raw: Mapping[str, Raw],
    by_check: Mapping[str, float],
    matrix: Matrix,
    codes: Sequence[str],
) -> tuple[Zone, ...]:
    """The zones of every check that stands out, most telling first, at most `MOST_ZONES`."""
    level = max(STANDS_OUT, float(np.quantile(constants.held_out.max(axis=1), 0.9)))
    to_photo = np.asarray(np.linalg.inv(matrix), np.float64)
    zones: list[Zone] = []
    loud = [name for name in NAMED_FIRST if by_check.get(name, 0.0) >= level]
    for name in loud:
        heat = raw[name].heat
        boxes: Sequence[Box | None] = [None] if heat is None else hot_boxes(heat)[:PER_CHECK]
        for box in boxes:
            if box is not None and any(_shared(box, z.reference_xyxy) > 0.5 for z in zones):
                continue  # the first check to see a place names it
            zones.append(
                Zone(
                    check=name,
                    size=by_check[name],
                    sentence=_sentence(name, box, constants, template, seen, codes),
                    reference_xyxy=box,
                    box_xyxy=None if box is None else _on_photo(box, to_photo),
                )
            )
    return tuple(zones[:MOST_ZONES])


def hot_boxes(heat: Floats) -> list[Box]:
    """Boxes of the connected regions above 0.6 of the peak of a map, hottest first, full size."""
    peak = float(heat.max())
    if peak <= 0:
        return []
    hot = cv2.dilate((heat >= 0.6 * peak).astype(np.uint8), np.ones((9, 9), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hot)
    ordered = sorted(range(1, count), key=lambda k: -float(heat[labels == k].max()))
    boxes = []
    for k in ordered:
        x, y, width, height, _ = (int(v) for v in stats[k])
        boxes.append(
            (
                float(x * STRIDE),
                float(y * STRIDE),
                float((x + width) * STRIDE),
                float((y + height) * STRIDE),
            )
        )
    return boxes


def place_words(box: Box, size_wh: tuple[int, int]) -> str:
    """Where a box lies on the package, in words.

    >>> place_words((0, 0, 10, 10), (100, 100)), place_words((40, 40, 60, 60), (100, 100))
    ('upper left', 'middle')
    """
    x, y = (box[0] + box[2]) / 2 / size_wh[0], (box[1] + box[3]) / 2 / size_wh[1]
    row = "upper " if y < 1 / 3 else "lower " if y > 2 / 3 else ""
    column = "left" if x < 1 / 3 else "right" if x > 2 / 3 else "middle"
    return f"{row}{column}"


def _sentence(
    name: str,
    box: Box | None,
    constants: Reference,
    template: Template,
    seen: Appearance,
    codes: Sequence[str],
) -> str:
    where = "" if box is None else f"at the {place_words(box, template.size_wh)}"
    if name == "print" and box is not None:
        off = _inside(seen.residual["small"] - constants.spread.residual_mean[0], box)
        tone = "lighter" if float(off[np.abs(off).argmax()]) > 0 else "darker"
        return (
            f"the print {where} differs from genuine copies, up to {np.abs(off).max():.0f} of 255"
            f" grey levels {tone}"
        )
    if name == "placement" and box is not None:
        return _moved_words(box, where, constants, template, seen)
    if name == "colour" and box is not None:
        return _colour_words(box, where, constants, template, seen)
    if name == "hue":
        return f"the colour {where} differs from genuine copies"
    if name == "sharpness":
        return (
            "the print is softer beside the rest of the photo than on genuine copies, as a scanned"
            " and reprinted one is"
        )
    if name == "bars" and seen.bars is not None:
        digits = retail_digits(constants.codes)
        text = None if digits is None else other_digit(seen.bars, digits)[1]
        return (
            f"the bars of the retail code fit {text} better than {digits}, which genuine copies"
            " carry"
        )
    if name == "codes":
        read = conflicting_code(codes, constants.codes) or "otherwise"
        return f"a bar code reads {read}, where genuine copies carry {', '.join(constants.codes)}"
    return f"the detail {where} is unlike that of genuine copies"


def _moved_words(
    box: Box, where: str, constants: Reference, template: Template, seen: Appearance
) -> str:
    x, y = template.points.T
    near = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3]) & seen.tracked
    off = (seen.moved - constants.spread.moved_mean)[near]
    off = off[np.isfinite(off).all(axis=1)]
    if len(off) == 0:
        return f"the print {where} does not lie where it does on genuine copies"
    columns = np.nonzero(template.inside.any(axis=0))[0]
    dx, dy = np.median(off, axis=0) / max(int(columns[-1] - columns[0]), 1)
    words = []
    if abs(dx) >= 0.001:
        words.append(f"{abs(dx):.1%} of the width further {'right' if dx > 0 else 'left'}")
    if abs(dy) >= 0.001:
        words.append(f"{abs(dy):.1%} {'lower' if dy > 0 else 'higher'}")
    if not words:
        return f"the print {where} is set otherwise than on genuine copies"
    return f"the print {where} lies {' and '.join(words)} than on genuine copies"


def _colour_words(
    box: Box, where: str, constants: Reference, template: Template, seen: Appearance
) -> str:
    numbers = _inside(template.regions[::STRIDE, ::STRIDE], box)
    distances = region_distances(seen, constants.spread)
    present = [int(n) for n in np.unique(numbers) if n]
    if not present:
        return f"the colour {where} differs from genuine copies"
    region = max(present, key=lambda n: float(distances[n - 1])) - 1
    genuine = rgb_of(constants.spread.region_mean[region])
    ours, theirs = lab_of(np.stack([seen.inks_rgb[region], genuine])[None])[0]
    off = ours - theirs
    tone = max(
        (abs(off[1]), "redder" if off[1] > 0 else "greener"),
        (abs(off[2]), "yellower" if off[2] > 0 else "bluer"),
        (0.5 * abs(off[0]), "lighter" if off[0] > 0 else "darker"),
    )[1]
    return f"the ink {where} is dE {float(np.linalg.norm(off)):.1f} {tone} than on genuine copies"


def _inside(values: npt.NDArray[Any], box: Box) -> npt.NDArray[Any]:
    x0, y0, x1, y1 = (int(v) // STRIDE for v in box)
    return np.asarray(values[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]).ravel()


def _on_photo(box: Box, to_photo: Matrix) -> Box:
    x0, y0, x1, y1 = box
    corners = mapped(to_photo, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return (
        round(max(float(low[0]), 0.0), 1),
        round(max(float(low[1]), 0.0), 1),
        round(float(high[0]), 1),
        round(float(high[1]), 1),
    )


def _shared(a: Box, b: Box | None) -> float:
    """Share of the smaller box that both cover."""
    if b is None:
        return 0.0
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    areas = ((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(width, 0.0) * max(height, 0.0) / max(min(areas), 1.0)
