"""What is in a set of annotated images: figures as lines of text, and pictures on one sheet."""

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from parcelscope.datasets.annotated import SPLITS, AnnotatedImage, AnnotatedSet
from parcelscope.datasets.annotated_pictures import Rgb, read_dual, read_picture
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.writing import write_whole
from parcelscope.pipelines.pictures import coloured

COLUMNS, ROWS = 6, 4
CELL_WH = (300, 260)
"""Of one picture with its two lines of text, in pixels of the sheet."""
_TEXT_PX = 34
_FRAMES = ("#d81b60", "#1e88e5", "#e08600", "#00796b", "#6a1b9a", "#5d4037")


def summary_lines(annotated: AnnotatedSet) -> list[str]:
    """Counts, classes and sizes, one fact a line."""
    images = annotated.images
    splits = Counter(image.split for image in images)
    kinds = Counter(image.kind for image in images)
    groups = len({image.group for image in images})
    return [
        f"{annotated.name}: {len(images):,} images in {groups:,} groups",
        f"from: {annotated.source}",
        f"licence: {annotated.licence}",
        f"splits: {', '.join(f'{s} {splits[s]:,}' for s in SPLITS if splits[s])}",
        f"kinds: {', '.join(f'{kind} {count:,}' for kind, count in kinds.most_common())}",
        f"sizes: {_sizes(images)}",
        *_box_lines(annotated),
        *_whole_lines(images),
    ]


def _sizes(images: Sequence[AnnotatedImage]) -> str:
    sizes = Counter((image.width_px, image.height_px) for image in images)
    shown = ", ".join(f"{w} x {h} px {count:,}" for (w, h), count in sizes.most_common(4))
    return shown + (f" and {len(sizes) - 4:,} other sizes" if len(sizes) > 4 else "")


def _box_lines(annotated: AnnotatedSet) -> list[str]:
    images = annotated.images
    boxes = sum(len(image.labels) for image in images)
    empty = sum(not image.labels for image in images)
    lines = [f"boxes: {boxes:,}; {empty:,} images have none"]
    if not annotated.classes:
        return lines
    lines.append(f"{'class':<28}{'train':>8}{'val':>8}{'test':>8}  median side, share of image")
    for name in annotated.classes:
        counts = Counter(i.split for i in images for label in i.labels if label == name)
        sides = [
            float(side)
            for image in images
            for side, label in zip(_side_shares(image), image.labels, strict=True)
            if label == name
        ]
        share = f"{float(np.median(sides)):.2f}" if sides else "none"
        columns = "".join(f"{counts[split]:>8,}" for split in SPLITS)
        lines.append(f"{name[:27]:<28}{columns}  {share}")
    return lines


def _side_shares(image: AnnotatedImage) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(N,) root of each box's area as a share of the picture's."""
    sides = np.maximum(image.box_xyxy[:, 2:] - image.box_xyxy[:, :2], 0).astype(np.float64)
    shares: np.ndarray[tuple[int], np.dtype[np.float64]] = np.sqrt(
        sides[:, 0] * sides[:, 1] / (image.width_px * image.height_px)
    )
    return shares


def _whole_lines(images: Sequence[AnnotatedImage]) -> list[str]:
    """What is said of whole pictures, where anything is."""
    lines = []
    judged = Counter(i.anomalous for i in images if i.anomalous is not None)
    if judged:
        unknown = len(images) - sum(judged.values())
        lines.append(f"anomalous {judged[True]:,}, normal {judged[False]:,}, unsaid {unknown:,}")
    labels = Counter(label for image in images for label in image.image_labels)
    if labels:
        shown = ", ".join(f"{label} {count:,}" for label, count in labels.most_common(12))
        lines.append(f"without a box: {shown}")
    return lines


def write_sheet(annotated: AnnotatedSet, path: Path, *, seed: int = 0) -> int:
    """Draw up to 24 of the images with their boxes on one PNG at `path`; gives how many.

    Every class and every split comes in turn, chosen by `seed`.
    """
    chosen = _sample(annotated, COLUMNS * ROWS, seed)
    rows = -(-len(chosen) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL_WH[0], max(rows, 1) * CELL_WH[1]), "white")
    for at, image in enumerate(chosen):
        cell = _cell(annotated, image)
        sheet.paste(cell, (at % COLUMNS * CELL_WH[0], at // COLUMNS * CELL_WH[1]))
    stream = io.BytesIO()
    sheet.save(stream, "PNG")
    write_whole(path, stream.getvalue())
    return len(chosen)


def _sample(annotated: AnnotatedSet, most: int, seed: int) -> list[AnnotatedImage]:
    """Images drawn from each heap of split and first label in turn."""
    heaps: dict[tuple[str, str], list[AnnotatedImage]] = {}
    order = np.random.default_rng(seed).permutation(len(annotated.images))
    for at in order:
        image = annotated.images[at]
        label = next(iter((*image.labels, *image.image_labels)), "")
        heaps.setdefault((label, image.split), []).append(image)
    chosen: list[AnnotatedImage] = []
    waiting = [heaps[key] for key in sorted(heaps)]
    while waiting and len(chosen) < most:
        chosen += [heap.pop() for heap in waiting][: most - len(chosen)]
        waiting = [heap for heap in waiting if heap]
    return chosen


def _cell(annotated: AnnotatedSet, image: AnnotatedImage) -> Image.Image:
    cell = Image.new("RGB", CELL_WH, "white")
    draw = ImageDraw.Draw(cell)
    font = ImageFont.load_default(12)
    draw.text((6, CELL_WH[1] - _TEXT_PX), f"{image.split}  {image.image_id}"[:44], "#222", font)
    draw.text((6, CELL_WH[1] - _TEXT_PX + 15), _caption(image)[:48], "#666", font)
    try:
        rgb = _picture(annotated.root, image)
    except ImageError as error:
        draw.text((6, 100), f"cannot be read: {error}"[:44], "#b00020", font)
        return cell
    room_wh = CELL_WH[0] - 12, CELL_WH[1] - _TEXT_PX - 10
    scale = min(room_wh[0] / image.width_px, room_wh[1] / image.height_px)
    size = max(round(image.width_px * scale), 1), max(round(image.height_px * scale), 1)
    cell.paste(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS), (6, 5))
    for box, label in zip((image.box_xyxy * scale).tolist(), image.labels, strict=True):
        colour = _FRAMES[annotated.classes.index(label) % len(_FRAMES)]
        x0, y0, x1, y1 = box[0] + 6, box[1] + 5, box[2] + 6, box[3] + 5
        draw.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), None, colour, 2)
    return cell


def _caption(image: AnnotatedImage) -> str:
    said = [*dict.fromkeys(image.labels), *(f"({label})" for label in image.image_labels)]
    return ", ".join(said) or {True: "anomalous", False: "normal", None: "no box"}[image.anomalous]


def _picture(root: Path, image: AnnotatedImage) -> Rgb:
    if image.kind == "dual":
        return coloured(read_dual(root, image))
    return read_picture(root, image, wanted_px=2 * CELL_WH[0])
