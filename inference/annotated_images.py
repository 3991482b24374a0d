"""What one detector gives on the images of an annotated set, image by image."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.datasets.canvas import Canvas
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import read_bytes
from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.scans import Scan, ScanFile, read_scan
from parcelscope.inference.detectors import (
    INPUT,
    OUTPUTS,
    Canvases,
    Detector,
    ScoreError,
    count_pieces,
    detect_items,
)
from parcelscope.inference.placing import canvas_spec, place, stack, stretched
from parcelscope.models.bundle import DetectorCard, InputKind
from parcelscope.models.heatmap import Boxes

Floats = npt.NDArray[np.float32]
INPUT_OF: dict[str, InputKind] = {
    "dual": "dual", "colour": "colour", "grey": "colour", "photo": "colour",
}  # fmt: skip
"""Which of a detector's models looks at an image; a grey one is given three equal channels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What a detector gave on one image."""

    image: AnnotatedImage
    canvas: Canvas | None
    """Where the image lies on the model's canvas, without its pixels; None where the whole image
    was stretched to fill it."""
    boxes: Boxes | None = None
    """In pixels of the image."""
    count: float | None = None
    """Raw, before calibration."""
    score: float | None = None
    heat: Floats | None = None
    """(h, w) over the canvas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers, what could not be read, and how long it took."""

    answers: tuple[Answer, ...]
    unread: tuple[str, ...]
    """One sentence each."""
    read_s: float
    """Processor seconds for reading and placing all of them."""
    model_s: float
    """Processor seconds of the model, one image at a time on one core."""


def answers_of(
    annotated: AnnotatedSet,
    images: Sequence[AnnotatedImage],
    detector: Detector,
    *,
    pitch_mm: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Answers:
    """What `detector` gives on each of `images`; one that cannot be read is left out and told.

    Args:
        annotated: The set that they belong to.
        images: Those whose `INPUT_OF` is the detector's input; for `photo.anomaly` photos alone.
        detector: One model, on one thread.
        pitch_mm: Size of a pixel of every image; None where it is not known.
        progress: Called with the number done and in all.
    """
    answers, unread = [], []
    read_s = model_s = 0.0
    for done, image in enumerate(images, start=1):
        begun = time.thread_time()
        try:
            scan = read_image(annotated, image, pitch_mm=pitch_mm)
            if detector.card.detector == "photo.anomaly":
                batch = _stretched_batch(scan, detector.card)
                placed = time.thread_time()
                answers.append(_anomaly_answer(detector, image, None, batch))
            else:
                canvas = place(scan, canvas_spec(detector.card))
                placed = time.thread_time()
                answers.append(_answer(detector, image, canvas))
        except (ImageError, ScoreError, OSError) as error:
            unread.append(f"{image.image_id}: {error}")
            continue
        read_s += placed - begun
        model_s += time.thread_time() - placed
        if progress is not None:
            progress(done, len(images))
    return Answers(answers=tuple(answers), unread=tuple(unread), read_s=read_s, model_s=model_s)


def read_image(
    annotated: AnnotatedSet, image: AnnotatedImage, *, pitch_mm: float | None = None
) -> Scan:
    """The pixels of `image`, upright, with `pitch_mm` as its pixel pitch.

    Raises:
        ImageError: If it cannot be read, or holds something else than the set says.
    """
    path = annotated.file(image.path)
    if image.kind == "photo":
        rgb = decode_photo(read_bytes(path))
        return Scan(kind="colour", rgb=rgb, pixel_pitch_mm=pitch_mm)
    scan = read_scan(scan_files(annotated, image), pixel_pitch_mm=pitch_mm)
    has_both = scan.low is not None and scan.high is not None
    if has_both != (image.kind == "dual") or (not has_both and scan.rgb is None):
        raise ImageError("wrong_channels", f"{path}: expected a {image.kind} scan, got {scan.kind}")
    return scan


def scan_files(annotated: AnnotatedSet, image: AnnotatedImage) -> list[ScanFile]:
    """The one or two files that hold the scan of `image`."""
    path = annotated.file(image.path)
    if image.high_path is None:
        return [ScanFile(path=path)]
    high = ScanFile(path=annotated.file(image.high_path), energy="high")
    return [ScanFile(path=path, energy="low"), high]


def heat_on_image(answer: Answer, size_wh: tuple[int, int]) -> Floats:
    """The heat of `answer` as a picture of the whole image, (h, w) for `size_wh`.

    Outside the canvas, where the detector did not look, it is the lowest of its map.

    Raises:
        ValueError: If the detector gives no heat.
    """
    if answer.heat is None:
        raise ValueError(f"{answer.image.image_id} has no heat map")
    width, height = size_wh
    image, canvas, heat = answer.image, answer.canvas, answer.heat
    rows, columns = heat.shape
    if canvas is None:
        cx = (np.arange(width) + 0.5) * columns / width - 0.5
        cy = (np.arange(height) + 0.5) * rows / height - 0.5
        return np.ascontiguousarray(_between_columns(_between_columns(heat, cx).T, cy).T)
    xs = (np.arange(width) + 0.5) * image.width_px / width
    ys = (np.arange(height) + 0.5) * image.height_px / height
    corners = np.stack([xs, np.zeros_like(xs), xs, np.zeros_like(xs)], axis=1)
    cx = canvas.to_canvas(corners)[:, 0] * columns / canvas.pixels.shape[2] - 0.5
    corners = np.stack([np.zeros_like(ys), ys, np.zeros_like(ys), ys], axis=1)
    cy = canvas.to_canvas(corners)[:, 1] * rows / canvas.pixels.shape[1] - 0.5
    x_inside = (cx > -1) & (cx < columns)
    y_inside = (cy > -1) & (cy < rows)
    picture = _between_columns(_between_columns(heat, cx).T, cy).T  # bilinear, axis by axis
    picture[~(y_inside[:, None] & x_inside[None])] = heat.min()
    return picture


def _between_columns(values: Floats, place_px: npt.NDArray[np.float64]) -> Floats:
    """`values` (h, w) at columns `place_px` (n,), linearly between them: (h, n)."""
    clipped = np.clip(place_px, 0, values.shape[1] - 1)
    left = np.minimum(clipped.astype(np.int64), max(values.shape[1] - 2, 0))
    right = np.minimum(left + 1, values.shape[1] - 1)
    share = (clipped - left).astype(np.float32)
    between: Floats = values[:, left] * (1 - share) + values[:, right] * share
    return between


def _answer(detector: Detector, image: AnnotatedImage, canvas: Canvas) -> Answer:
    name, batch = detector.card.detector, stack([canvas])
    # An array of one repeated zero has the shape and no memory: a set may hold thousands of images.
    kept = replace(canvas, pixels=np.broadcast_to(np.uint8(0), canvas.pixels.shape))
    if name == "xray.anomaly":
        return _anomaly_answer(detector, image, kept, batch)
    if name == "xray.pieces":
        (found,) = count_pieces(detector, batch)
        return Answer(
            image=image, canvas=kept, boxes=_on_image(found.boxes, canvas, image), count=found.raw
        )
    (boxes,) = detect_items(detector, batch)
    return Answer(image=image, canvas=kept, boxes=_on_image(boxes, canvas, image))


def _anomaly_answer(
    detector: Detector, image: AnnotatedImage, canvas: Canvas | None, batch: Canvases
) -> Answer:
    score, heat = detector.session.run(list(OUTPUTS[detector.card.detector]), {INPUT: batch})
    if not (np.isfinite(score).all() and np.isfinite(heat).all()):
        raise ScoreError(f"{detector.card.file}: an output is not finite")
    return Answer(image=image, canvas=canvas, score=float(score[0]), heat=heat[0, 0])


def _stretched_batch(scan: Scan, card: DetectorCard) -> Canvases:
    if scan.rgb is None:
        raise ImageError("wrong_channels", f"expected a photo, got a scan of kind {scan.kind}")
    return stretched(scan.rgb, width_px=card.width_px, height_px=card.height_px)[None]


def _on_image(boxes: Boxes, canvas: Canvas, image: AnnotatedImage) -> Boxes:
    """`boxes` of the canvas in pixels of `image`, clipped to it."""
    size = [image.width_px, image.height_px] * 2
    placed = np.clip(canvas.to_image(boxes.box_xyxy), 0, size)
    return replace(boxes, box_xyxy=placed.astype(np.float32))
