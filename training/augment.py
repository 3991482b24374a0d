"""Changes that a scan may undergo without changing what lies in the parcel."""

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import AIR
from parcelscope.models.bundle import InputKind

DARK_GROUND = 128
"""Mean level of a background, of 255, below which a colour rendering shows objects as light."""
Floats = npt.NDArray[np.float32]


AT_A_BOX = 0.75
"""Share of windows that are laid over one of the boxes; the others lie anywhere."""
OFF_CENTRE = 0.3
"""How far such a box may lie from the window's middle, as a share of its side."""


def augment(
    pixels: npt.NDArray[np.generic],
    box_xyxy: Floats,
    *,
    kind: InputKind,
    rng: np.random.Generator,
    window_px: int | None = None,
) -> tuple[npt.NDArray[np.generic], Floats]:
    """One scan, mirrored, shifted, resized a little, and seen by a slightly different scanner.

    Args:
        pixels: (2, H, W) uint16 or (3, H, W) uint8.
        box_xyxy: (N, 4) in canvas pixels.
        kind: Which of the two.
        rng: Source of chance.
        window_px: Side of a square window, usually over one of the boxes, that is cut out; None
            keeps the whole.

    Returns:
        Pixels of the same type, (C, H, W) or the window's size, and the boxes that go with them,
        which may lie partly or wholly outside.
    """
    picture, boxes = _move(pixels, box_xyxy, kind, rng, window_px)
    if kind == "dual":
        return _another_scanner(picture, rng), boxes
    return _another_palette(picture, rng), boxes


def stack(
    lower: npt.NDArray[np.generic], upper: npt.NDArray[np.generic], *, kind: InputKind
) -> npt.NDArray[np.generic]:
    """One parcel scanned upon another: what the first lets through, times what the second does.

    Exact for one energy of photons, near enough for a beam of many. Colour renderings are no
    transmissions, but their shades multiply much alike; on a dark ground `lower` is kept alone.

    Args:
        lower: (2, H, W) uint16 or (3, H, W) uint8.
        upper: The same shape and type.
        kind: Which of the two.
    """
    if kind == "dual":
        through = lower.astype(np.float32) * upper.astype(np.float32) / AIR
        counts: npt.NDArray[np.uint16] = np.minimum(through + 0.5, 65535).astype(np.uint16)
        return counts
    ground = upper[:, :1, :1].astype(np.float32)
    if min(float(ground.mean()), float(lower[:, 0, 0].mean())) < DARK_GROUND:
        return lower
    product = lower.astype(np.float32) * (upper.astype(np.float32) / ground)
    shades: npt.NDArray[np.uint8] = np.minimum(product + 0.5, 255).astype(np.uint8)
    return shades


def _move(
    pixels: npt.NDArray[np.generic],
    box_xyxy: Floats,
    kind: InputKind,
    rng: np.random.Generator,
    window_px: int | None,
) -> tuple[npt.NDArray[np.generic], Floats]:
    """Mirror, scale by up to a fifth, stretch by up to a quarter, shift; turn and cut out."""
    if window_px is not None and rng.random() < 0.5:
        # A quarter turn, with the mirrors any of the eight: a bag lies on the belt as it fell. A
        # whole picture would no longer fit its canvas.
        pixels, box_xyxy = pixels.transpose(0, 2, 1), box_xyxy[:, [1, 0, 3, 2]]
    height, width = pixels.shape[1:]
    scale = np.exp(rng.uniform(-0.2, 0.2))
    stretch = np.exp(rng.uniform(-0.12, 0.12))
    sx, sy = scale * stretch * rng.choice([-1, 1]), scale / stretch * rng.choice([-1, 1])
    shift_x, shift_y = rng.uniform(-0.05, 0.05, 2) * width
    matrix = np.array(
        [
            [sx, 0, width / 2 * (1 - sx) + shift_x],
            [0, sy, height / 2 * (1 - sy) + shift_y],
        ],
        np.float64,
    )
    xs = box_xyxy[:, [0, 2]] * sx + matrix[0, 2]
    ys = box_xyxy[:, [1, 3]] * sy + matrix[1, 2]
    boxes = np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1)], 1) if len(xs) else box_xyxy
    size_wh = width, height
    if window_px is not None:
        # Cut out by the same interpolation: what lies outside is never computed.
        corner = _corner(boxes, size_wh, window_px, rng)
        matrix[:, 2] -= corner
        boxes = boxes - np.tile(corner, 2)
        size_wh = window_px, window_px
    fill = (float(AIR), float(AIR)) if kind == "dual" else tuple(float(v) for v in pixels[:, 0, 0])
    moved = cv2.warpAffine(
        np.ascontiguousarray(pixels.transpose(1, 2, 0)),
        matrix,
        size_wh,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
    return moved.transpose(2, 0, 1), boxes.astype(np.float32)


def _corner(
    box_xyxy: npt.NDArray[np.floating],
    size_wh: tuple[int, int],
    side_px: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.floating]:
    """Upper left corner (x, y) of a window of `side_px`."""
    room = np.maximum(np.array(size_wh) - side_px, 0)
    if len(box_xyxy) == 0 or rng.random() > AT_A_BOX:
        anywhere: npt.NDArray[np.floating] = rng.uniform(0, 1, 2) * room
        return anywhere
    x0, y0, x1, y1 = box_xyxy[rng.integers(len(box_xyxy))]
    middle = np.array([x0 + x1, y0 + y1]) / 2 + rng.uniform(-OFF_CENTRE, OFF_CENTRE, 2) * side_px
    corner: npt.NDArray[np.floating] = np.clip(middle - side_px / 2, 0, room)
    return corner


def _another_scanner(
    pixels: npt.NDArray[np.generic], rng: np.random.Generator
) -> npt.NDArray[np.generic]:
    """Attenuation scaled by up to 10 % (3 % between the energies), sharpness and noise changed."""
    depth = -np.log(np.clip(pixels.astype(np.float32) / AIR, 2e-4, 1.09))
    gain = rng.uniform(0.9, 1.1)
    depth[0] *= gain * rng.uniform(0.97, 1.03)
    depth[1] *= gain * rng.uniform(0.97, 1.03)
    chance = rng.random()
    if chance < 0.35:
        smooth = cv2.GaussianBlur(depth.transpose(1, 2, 0), (0, 0), rng.uniform(0.4, 0.9))
        depth += rng.uniform(-0.7, 0.7) * (depth - smooth.transpose(2, 0, 1))
    level = np.exp(-depth)
    # Quantum noise: variance proportional to the signal.
    sigma = rng.uniform(0.0, 0.012) * np.sqrt(np.clip(level, 0.002, 1.1))
    level += sigma * rng.standard_normal(level.shape, dtype=np.float32)
    counts: npt.NDArray[np.uint16] = np.clip(np.round(level * AIR), 0, 65535).astype(np.uint16)
    return counts


def _another_palette(
    pixels: npt.NDArray[np.generic], rng: np.random.Generator
) -> npt.NDArray[np.generic]:
    """Colour balance, contrast and brightness changed a little."""
    rgb = pixels.astype(np.float32) / 255.0
    gamma = rng.uniform(0.8, 1.25)
    balance = rng.uniform(0.92, 1.08, (3, 1, 1)).astype(np.float32)
    mixed = np.clip(rgb, 0, 1) ** gamma * balance
    if rng.random() < 0.25:
        grey = mixed.mean(axis=0, keepdims=True)
        mixed = grey + (mixed - grey) * rng.uniform(0.4, 1.2)
    mixed += rng.uniform(0, 0.025) * rng.standard_normal(mixed.shape, dtype=np.float32)
    shades: npt.NDArray[np.uint8] = np.clip(np.round(mixed * 255), 0, 255).astype(np.uint8)
    return shades
