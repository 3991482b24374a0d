"""Lays a photo over the genuine reference, so that both can be compared place by place."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

MOST_KEYPOINTS: Final = 1000
LONG_SIDE_PX: Final = 1280
"""Photos are reduced to this: a larger one costs time and places the print no better."""
MIN_INLIERS: Final = 15
"""Matches that must agree on one plane before the print itself is tracked."""
SURE_INLIERS: Final = 40
"""Matches that are enough alone: where much of the print was moved, little lies in place."""
MIN_TRACKED: Final = 0.3
"""Share of the reference's places that must otherwise be found again within `TRACKED_PX`."""
TRACKED_PX: Final = 2.0
MAX_REPROJECTION_PX: Final = 1.5
"""Median error of those matches, at the reference's size."""
MIN_OVERLAP: Final = 0.85
"""Share of the reference that the photo must show."""
MIN_SCALE: Final = 0.4
"""Least size of the print in the photo, as a share of its size in the reference."""
_RATIO = 0.8
_RANSAC_PX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keypoints:
    """Corners and blobs of a picture, with what their surroundings look like."""

    xy: Floats
    """(N, 2) pixels."""
    descriptors: Image
    """(N, 128) SIFT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How one photo lies on another picture."""

    matrix: Matrix
    """(3, 3) from pixels of the photo to pixels of the target."""
    target_xy: Floats
    """(N, 2) the matches that agree, in pixels of the target."""
    error_px: float
    """Median distance of those matches, in pixels of the target."""

    @property
    def inliers(self) -> int:
        """How many matches agree."""
        return len(self.target_xy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A photo on the grid of the reference."""

    picture: Image
    """(H, W, 3) RGB."""
    seen: npt.NDArray[np.bool_]
    """(H, W) where the photo shows the reference's place."""
    matrix: Matrix
    """(3, 3) from pixels of the photo to pixels of the reference."""
    inliers: int
    """Keypoints that agree on one plane."""
    error_px: float
    """Median distance of tracked places after fine registration."""
    tracked: float
    """Share of the reference's places that were found again."""
    overlap: float
    """Share of the reference's print that the photo shows."""


@dataclass(frozen=True, slots=True)
class NotComparable:
    """Why a photo cannot be compared with the reference."""

    reason: str


def reduced(rgb: Image) -> tuple[Image, float]:
    """The photo with its long side at most `LONG_SIDE_PX`, and by what it was scaled."""
    scale = min(1.0, LONG_SIDE_PX / max(rgb.shape[:2]))
    if scale == 1.0:
        return rgb, 1.0
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8), scale


def grey_of(rgb: Image) -> Image:
    """Luma of an RGB picture."""
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def keypoints_of(grey: Image, mask: Image | None = None) -> Keypoints:
    """Keypoints of a picture (H, W), within `mask` where given."""
    # SIFT, as ORB loses half of its matches at the angles that people take photos from.
    finder = cv2.SIFT.create(nfeatures=MOST_KEYPOINTS, contrastThreshold=0.02)
    points, found = finder.detectAndCompute(grey, mask)
    if not points:
        return Keypoints(xy=np.zeros((0, 2), np.float32), descriptors=np.zeros((0, 128), np.uint8))
    xy = np.array([point.pt for point in points], np.float32)
    return Keypoints(xy=xy, descriptors=np.asarray(found).astype(np.uint8))


def align(photo: Keypoints, target: Keypoints) -> Alignment | None:
    """How `photo` lies on `target` as one plane, or None where nothing agrees."""
    if min(len(photo.xy), len(target.xy)) < 8:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(
        _rooted(target.descriptors), _rooted(photo.descriptors), k=2
    )
    good = [a for a, b in pairs if a.distance < _RATIO * b.distance]
    if len(good) < 8:
        return None
    target_xy = target.xy[[m.queryIdx for m in good]]
    photo_xy = photo.xy[[m.trainIdx for m in good]]
    cv2.setRNGSeed(0)  # the same photo must get the same score
    matrix, kept = cv2.findHomography(
        photo_xy, target_xy, cv2.USAC_MAGSAC, _RANSAC_PX, maxIters=5000, confidence=0.999
    )
    if matrix is None:
        return None
    inside = np.asarray(kept).ravel() > 0
    if inside.sum() < 8:
        return None
    error = np.linalg.norm(mapped(matrix, photo_xy[inside]) - target_xy[inside], axis=1)
    return Alignment(
        matrix=np.asarray(matrix, np.float64),
        target_xy=target_xy[inside],
        error_px=float(np.median(error)),
    )


def mapped(matrix: npt.NDArray[Any], xy: npt.NDArray[Any]) -> Floats:
    """Points (N, 2) through a homography."""
    points = np.asarray(xy, np.float64).reshape(-1, 1, 2)
    there = cv2.perspectiveTransform(points, np.asarray(matrix, np.float64))
    return np.asarray(there.reshape(-1, 2), np.float32)


def laid_over(rgb: Image, matrix: Matrix, size_wh: tuple[int, int]) -> Image:
    """The photo on the target's grid."""
    return np.asarray(
        cv2.warpPerspective(
            rgb, matrix, size_wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def tracked(
    reference: Image, picture: Image, points: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Where the surroundings of `points` (P, 2) of `reference` lie in `picture`.

    Returns:
        Displacement (P, 2) in pixels, sub-pixel, and (P,) whether it can be believed.
    """
    start = points.reshape(-1, 1, 2)
    there, found = _followed(reference, picture, start)
    back, found_back = _followed(picture, reference, there)
    moved = (there - start).reshape(-1, 2)
    closed = np.linalg.norm((back - start).reshape(-1, 2), axis=1) < 0.5
    kept = found & found_back & closed
    return np.asarray(moved, np.float32), kept & (np.abs(moved).max(axis=1) < 16)


def _followed(
    reference: Image, picture: Image, start: Floats
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        reference,
        picture,
        start,
        start.copy(),
        winSize=(21, 21),
        maxLevel=1,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.01),
    )
    return np.asarray(there, np.float32), np.asarray(found).ravel() > 0


def flattened(grey: Image) -> Image:
    """Grey with the light's slow changes taken out, so that tracking sees print alone."""
    values = grey.astype(np.float32)
    mean = cv2.blur(cv2.blur(values, (21, 21)), (21, 21))
    spread = cv2.blur(cv2.blur((values - mean) ** 2, (41, 41)), (41, 41))
    flat = (values - mean) / np.sqrt(spread + 64) * 40 + 128
    return np.clip(flat, 0, 255).astype(np.uint8)


def refined(
    rgb: Image, matrix: Matrix, reference_flat: Image, points: Floats, *, rounds: int = 2
) -> Matrix:
    """`matrix` corrected to a fraction of a pixel by tracking `points` of the reference.

    Most of the print decides: what moved against the rest, such as a shifted logo, does not pull.
    """
    size = (reference_flat.shape[1], reference_flat.shape[0])
    for _ in range(rounds):
        picture = flattened(grey_of(laid_over(rgb, matrix, size)))
        moved, kept = tracked(reference_flat, picture, points)
        if kept.sum() < 20:
            return matrix
        cv2.setRNGSeed(0)
        step, _ = cv2.findHomography(
            (points + moved)[kept], points[kept], cv2.USAC_MAGSAC, 0.7, maxIters=5000
        )
        if step is None:
            return matrix
        matrix = np.asarray(step, np.float64) @ matrix
    return matrix


def textured_points(grey: Image, mask: Image, *, step_px: int = 8) -> Floats:
    """Corners of the print within `mask`, at most one in each square of `step_px`: (P, 2)."""
    found = cv2.goodFeaturesToTrack(
        grey, maxCorners=2000, qualityLevel=0.004, minDistance=step_px, mask=mask, blockSize=7
    )
    if found is None:
        return np.zeros((0, 2), np.float32)
    return np.asarray(found.reshape(-1, 2), np.float32)


def register(
    rgb: Image,
    target: Keypoints,
    *,
    flat: Image,
    points: Floats,
    inside: npt.NDArray[np.bool_],
) -> Registered | NotComparable:
    """`rgb` on the grid of a reference, or why it cannot be laid there.

    Args:
        rgb: Photo, shape (H, W, 3).
        target: Keypoints of the reference.
        flat: The reference as `flattened`, shape (h, w).
        points: (P, 2) places of the reference to track.
        inside: (h, w) where the reference shows the print.
    """
    small, scale = reduced(rgb)
    found = align(keypoints_of(grey_of(small)), target)
    if found is None or found.inliers < MIN_INLIERS:
        agreeing = 0 if found is None else found.inliers
        return NotComparable(
            f"only {agreeing} places match the genuine reference, {MIN_INLIERS} needed"
        )
    if found.error_px > MAX_REPROJECTION_PX:
        return NotComparable(
            f"matching places are {found.error_px:.1f} px off one plane,"
            f" at most {MAX_REPROJECTION_PX:.1f} allowed"
        )
    height, width = flat.shape
    corners = _box_corners(inside)
    there = mapped(np.linalg.inv(found.matrix), corners)
    shown = abs(cv2.contourArea(there)) / max(abs(cv2.contourArea(corners)), 1.0)
    if not cv2.isContourConvex(np.round(there * 8).astype(np.int32)) or shown < MIN_SCALE**2:
        return NotComparable(
            f"the print is shown at {shown**0.5:.2f} of the reference's size,"
            f" at least {MIN_SCALE:.2f} needed"
        )
    matrix = refined(small, found.matrix, flat, points)
    size = (width, height)
    frame = np.full(small.shape[:2], 255, np.uint8)
    seen = cv2.erode(cv2.warpPerspective(frame, matrix, size), np.ones((5, 5), np.uint8)) > 250
    overlap = float((seen & inside).sum() / max(int(inside.sum()), 1))
    if overlap < MIN_OVERLAP:
        return NotComparable(
            f"the photo shows {overlap:.0%} of the reference, at least {MIN_OVERLAP:.0%} needed"
        )
    picture = laid_over(small, matrix, size)
    moved, kept = tracked(flat, flattened(grey_of(picture)), points)
    close = kept & (np.linalg.norm(moved, axis=1) < TRACKED_PX)
    share = float(close.sum() / max(len(points), 1))
    if found.inliers < SURE_INLIERS and share < MIN_TRACKED:
        return NotComparable(
            f"only {share:.0%} of the reference's print is found again, {MIN_TRACKED:.0%} needed"
        )
    return Registered(
        picture=picture,
        seen=seen,
        matrix=matrix @ np.diag([scale, scale, 1.0]),
        inliers=found.inliers,
        error_px=float(np.median(np.linalg.norm(moved[kept], axis=1))),
        tracked=share,
        overlap=overlap,
    )


def _rooted(descriptors: Image) -> Floats:
    """RootSIFT: square root of the share of each bin."""
    values = descriptors.astype(np.float32)
    return np.asarray(np.sqrt(values / (values.sum(axis=1, keepdims=True) + 1e-6)), np.float32)


def _box_corners(inside: npt.NDArray[np.bool_]) -> Floats:
    rows, columns = np.nonzero(inside.any(axis=1))[0], np.nonzero(inside.any(axis=0))[0]
    x0, x1, y0, y1 = columns[0], columns[-1], rows[0], rows[-1]
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
