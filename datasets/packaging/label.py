"""Photographs a shipping label close up: thermal print, codes, addresses, and bad photos of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageDraw

from parcelscope.datasets.packaging.codes import MATRIX_FORMATS, LabelCode, code_modules
from parcelscope.datasets.packaging.design import Image, font
from parcelscope.datasets.packaging.optics import (
    Exposure,
    Radiance,
    expose,
    glare_field,
    indoor_exposure,
    light_field,
    smooth_noise,
)

Degradation = Literal["blurred", "dark", "overexposed", "glare", "far"]
DEGRADATIONS: tuple[Degradation, ...] = get_args(Degradation)

# A 4 x 6 inch label at 203 dpi (8 dots/mm), what parcel label printers print.
_LABEL_DOTS = (812, 1218)
_SERVICES = ("PRIORITY PARCEL", "SMALL PACKET", "EXPRESS INTL", "TRACKED PACKET", "ECONOMY POST")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTruth:
    """A generated photo of a shipping label, and what is true of it."""

    jpeg: bytes
    corners_xy: npt.NDArray[np.float32]
    """Corners of the label in pixels, shape (4, 2), clockwise from its top left as printed."""
    codes: tuple[LabelCode, ...]
    degrade: Degradation | None


def label_photo(
    rng: np.random.Generator,
    *,
    codes: Sequence[LabelCode],
    lines: Sequence[str],
    size_wh: tuple[int, int] = (1280, 960),
    degrade: Degradation | None = None,
) -> LabelTruth:
    """A phone close-up of a shipping label on a parcel.

    Args:
        rng: Source of all choices; the same state gives the same bytes.
        codes: What to print as codes, at most four linear and two matrix codes.
        lines: Addresses and contents from top to bottom; an empty string draws a rule, and the
            line after a rule is set bold.
        size_wh: Width and height of the photo in pixels.
        degrade: What is wrong with the photo; None is a photo that a facility would accept.

    Raises:
        ValueError: If the degradation is not known, or a code cannot be printed.
    """
    if degrade is not None and degrade not in DEGRADATIONS:
        raise ValueError(f"degrade must be one of {', '.join(DEGRADATIONS)}, got {degrade!r}")
    is_short = sum(c.format not in MATRIX_FORMATS for c in codes) <= 1
    landscape = bool(is_short and rng.random() < 0.4)  # more codes leave no room for the address
    label = draw_label(codes, lines, service=str(rng.choice(_SERVICES)), landscape=landscape)
    share = float(rng.uniform(0.12, 0.18) if degrade == "far" else rng.uniform(0.84, 0.97))
    corners = _place(rng, (label.shape[1], label.shape[0]), size_wh, share)
    scene = _surface(rng, size_wh)
    _stick(rng, scene, label, corners)
    scene *= light_field(rng, size_wh)[..., None]
    exposure = indoor_exposure(rng)
    if degrade == "glare":
        scene += _strong_glare(rng, corners, size_wh)[..., None]
    elif degrade is not None:
        exposure = _degraded(rng, exposure, degrade, size_wh[0])
    jpeg = expose(rng, scene, exposure)
    return LabelTruth(jpeg=jpeg, corners_xy=corners, codes=tuple(codes), degrade=degrade)


def draw_label(
    codes: Sequence[LabelCode], lines: Sequence[str], *, service: str, landscape: bool = False
) -> Image:
    """The label as printed, shape (H, W), 0 ink and 255 paper, one pixel a printer dot."""
    width, height = _LABEL_DOTS[::-1] if landscape else _LABEL_DOTS
    canvas = PilImage.new("L", (width, height), 255)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((8, 8, width - 9, height - 9), outline=0, width=4)
    draw.rectangle((8, 8, 120, 112), fill=0)
    draw.text((64, 60), service[0], font=font("roboto", 92), fill=255, anchor="mm")
    draw.text((144, 60), service, font=font("roboto", 52), fill=0, anchor="lm")
    draw.line((8, 112, width - 9, 112), fill=0, width=4)
    linear = [c for c in codes if c.format not in MATRIX_FORMATS]
    matrix = [c for c in codes if c.format in MATRIX_FORMATS]
    each = min(230, int(height * 0.52 / len(linear))) if linear else 0
    floor = height - 20 - each * len(linear)
    column = width - 24
    for k, code in enumerate(matrix):
        column = min(column, _draw_matrix(canvas, code, width - 36, 132 + k * 216))
    _draw_lines(draw, lines, (28, 124, column - 16, floor - 12))
    draw.line((8, floor - 6, width - 9, floor - 6), fill=0, width=4)
    for k, code in enumerate(linear):
        _draw_linear(canvas, draw, code, floor + k * each, each)
    return np.asarray(canvas)


def _draw_lines(
    draw: ImageDraw.ImageDraw, lines: Sequence[str], room: tuple[int, int, int, int]
) -> None:
    left, top, right, bottom = room
    if not lines:
        return
    step = min(44, (bottom - top) // len(lines))
    size = max(12, int(step * 0.72))
    bold = True
    for k, line in enumerate(lines):
        y = top + k * step
        if not line:
            draw.line((left - 16, y + step // 2, right, y + step // 2), fill=0, width=2)
        else:
            draw.text((left, y), line, font=font("roboto" if bold else "sans", size), fill=0)
        bold = not line


def _draw_linear(
    canvas: PilImage.Image, draw: ImageDraw.ImageDraw, code: LabelCode, top: int, room: int
) -> None:
    modules = code_modules(code)
    text_size = min(34, max(18, room // 6))
    width = canvas.width
    # Quiet zones of 10 modules on each side (ISO/IEC 15417) come off the width.
    dots = max(1, min(4, (width - 40) // (modules.shape[1] + 20)))
    bar_height = room - text_size - 22
    rows = dots if modules.shape[0] > 1 else bar_height
    picture = np.repeat(np.repeat(modules, dots, axis=1), rows, axis=0)[:bar_height]
    left = (width - picture.shape[1]) // 2
    canvas.paste(PilImage.fromarray(picture), (left, top + 8))
    face = font("condensed", text_size)
    draw.text((width // 2, top + 10 + bar_height), code.text, font=face, fill=0, anchor="mt")


def _draw_matrix(canvas: PilImage.Image, code: LabelCode, right: int, top: int) -> int:
    """Draws a matrix code flush right; gives its left edge with the quiet zone."""
    modules = code_modules(code)
    dots = max(3, 190 // modules.shape[0])
    picture = np.kron(modules, np.ones((dots, dots), np.uint8))
    left = right - picture.shape[1]
    canvas.paste(PilImage.fromarray(picture), (left, top))
    return int(left - 4 * dots)


def _place(
    rng: np.random.Generator, label_wh: tuple[int, int], size_wh: tuple[int, int], share: float
) -> npt.NDArray[np.float32]:
    """Corners of the label in the photo, its outline filling `share` of the frame."""
    half = np.array(label_wh, np.float64) / max(label_wh)
    upright = label_wh[0] >= label_wh[1]
    # People turn the phone or the parcel, so that the long sides agree; mostly.
    quarter = 0.0 if upright or rng.random() < 0.25 else (np.pi / 2 * rng.choice([-1, 1]))
    tilt = [rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), quarter + rng.uniform(-0.12, 0.12)]
    rotation = np.eye(3)
    for axis in (2, 1, 0):
        vector = np.zeros(3)
        vector[axis] = tilt[axis]
        rotation = cv2.Rodrigues(vector)[0] @ rotation
    flat = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]) * (*half, 1.0)
    turned = flat @ rotation.T
    seen = turned[:, :2] / (turned[:, 2:] + rng.uniform(3.5, 6.0))
    low, high = seen.min(axis=0), seen.max(axis=0)
    frame = np.array(size_wh, np.float64)
    zoom = float(np.min(frame / (high - low))) * share
    spare = (frame - (high - low) * zoom) / 2
    offset = frame / 2 + spare * rng.uniform(-0.7, 0.7, 2)
    return np.asarray((seen - (low + high) / 2) * zoom + offset, np.float32)


def _surface(rng: np.random.Generator, size_wh: tuple[int, int]) -> Radiance:
    """The parcel under the label: kraft board, or a white or grey mailing bag."""
    kind = int(rng.integers(0, 3))
    coarse = smooth_noise(rng, size_wh, (140, 90))
    if kind == 0:
        width = size_wh[0]
        flutes = np.sin(np.arange(width, dtype=np.float32) * np.float32(2 * np.pi / 17))[None] * 2
        speckle = smooth_noise(rng, size_wh, (3, 3)) * 3
        base = np.array([182, 146, 106], np.float32) * np.float32(rng.uniform(0.85, 1.1))
        return np.asarray(base + (coarse * 4 + speckle + flutes)[..., None], np.float32)
    level = rng.uniform(180, 208) if kind == 1 else rng.uniform(95, 140)
    base = np.full(3, level, np.float32) * rng.uniform(0.97, 1.0, 3).astype(np.float32)
    return np.asarray(base + (coarse * 4 + _creases(rng, size_wh))[..., None], np.float32)


def _creases(rng: np.random.Generator, size_wh: tuple[int, int]) -> Radiance:
    """Folds of a mailing bag, shape (H, W): each a light flank beside a dark one."""
    width, height = size_wh[0] // 4, size_wh[1] // 4
    folds = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(8, 18))):
        start = rng.uniform((0, 0), (width, height))
        angle, length = rng.uniform(0, np.pi), rng.uniform(0.15, 0.6) * width
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        side = np.array([-np.sin(angle), np.cos(angle)]) * rng.uniform(1.5, 4)
        depth = float(rng.uniform(10, 30))
        for offset, tone in ((side, depth), (-side, -depth)):
            (ax, ay), (bx, by) = start + offset, end + offset
            cv2.line(folds, (int(ax), int(ay)), (int(bx), int(by)), tone, 2, cv2.LINE_AA)
    folds = np.asarray(cv2.GaussianBlur(folds, (0, 0), 2.5), np.float32)
    return np.asarray(cv2.resize(folds, size_wh, interpolation=cv2.INTER_CUBIC), np.float32)


def _stick(
    rng: np.random.Generator, scene: Radiance, label: Image, corners: npt.NDArray[np.float32]
) -> None:
    """Lays the label on the surface, slightly wavy in its shading."""
    height, width = label.shape
    shown = float(np.linalg.norm(corners[1] - corners[0]))
    scale = min(1.0, shown * 1.25 / width)
    small = label
    if scale < 1:  # a linear warp must not shrink by much (aliasing breaks thin bars)
        shrunk = cv2.resize(label, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        small = np.asarray(shrunk, np.uint8)
    height, width = small.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(flat, corners)
    size = (scene.shape[1], scene.shape[0])
    seen = cv2.warpPerspective(small, warp, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.full(small.shape, 255, np.uint8), warp, size)
    alpha = cover.astype(np.float32) / 255
    edge = cv2.GaussianBlur(alpha, (0, 0), 3)
    scene *= (1 - 0.25 * edge * (1 - alpha))[..., None]  # the paper's edge throws a thin shadow
    ink, paper = np.float32(rng.uniform(18, 48)), np.float32(rng.uniform(196, 222))
    wave = smooth_noise(rng, size, (260, 160)) * np.float32(rng.uniform(1, 5))
    sheet = ink + (paper - ink) * (seen.astype(np.float32) / 255) + wave
    scene += (sheet[..., None] - scene) * alpha[..., None]


def _degraded(
    rng: np.random.Generator, usual: Exposure, degrade: Degradation, width_px: int
) -> Exposure:
    unit = width_px / 1280
    if degrade == "blurred":
        if rng.random() < 0.5:
            return replace(usual, blur_px=float(rng.uniform(4.0, 9.0)) * unit)
        length = round(float(rng.uniform(16, 34)) * unit)
        return replace(usual, motion_px=length, motion_deg=float(rng.uniform(0, 180)))
    if degrade == "dark":
        return replace(usual, gain=float(rng.uniform(0.06, 0.16)), noise=float(rng.uniform(3, 6)))
    if degrade == "overexposed":
        return replace(usual, gain=float(rng.uniform(2.2, 4.0)))
    return usual


def _strong_glare(
    rng: np.random.Generator, corners: npt.NDArray[np.float32], size_wh: tuple[int, int]
) -> Radiance:
    """A lamp mirrored in the film over the label: a burnt-out patch across the codes."""
    size = float(np.linalg.norm(corners[2] - corners[0]))
    # Codes stand in the lower half of a label.
    u, v = float(rng.uniform(0.3, 0.7)), float(rng.uniform(0.55, 0.8))
    top = corners[0] * (1 - u) + corners[1] * u
    bottom = corners[3] * (1 - u) + corners[2] * u
    centre = top * (1 - v) + bottom * v
    radii = (size * float(rng.uniform(0.12, 0.2)), size * float(rng.uniform(0.08, 0.14)))
    place = (float(centre[0]), float(centre[1]))
    return glare_field(size_wh, place, radii, float(rng.uniform(-60, 60)), 700.0)
