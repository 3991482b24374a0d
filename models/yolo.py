"""Decoding of a YOLO's outputs into boxes. No torch, and nothing of ultralytics.

The graph gives a box and a score per class for every place of its grids. Of a head that was taught
to say each thing once (end to end), the best scores are the result; of any other the doubles have
to be taken out. Both are done here and not in the graph: with the suppression inside, a batch of
another size than that of the export loses pictures without an error (ultralytics 8.4.190), and a
fixed number of best scores fails on a canvas with fewer places.
"""

from parcelscope.models.box_scores import CANDIDATES, boxes_above, inside
from parcelscope.models.heatmap import FLOOR, LIMIT, Boxes, Floats

MOST_OVERLAP = 0.7
"""Intersection over union above which two boxes of one class are one: ultralytics' own default."""


def decode_yolo(
    box_xyxy: Floats,
    score: Floats,
    *,
    width_px: int,
    height_px: int,
    floor: float = FLOOR,
    limit: int = LIMIT,
    most_overlap: float | None = MOST_OVERLAP,
    candidates: int = CANDIDATES,
) -> Boxes:
    """Boxes of one scan, cut to the canvas.

    Args:
        box_xyxy: (A, 4) box of each place in canvas pixels.
        score: (A, C) 0 to 1.
        width_px: Width of the canvas.
        height_px: Height of the canvas.
        floor: Lowest score kept.
        limit: Most boxes kept.
        most_overlap: As in `boxes_above`; None for a head that is end to end.
        candidates: As in `boxes_above`.
    """
    found = boxes_above(
        score,
        box_xyxy,
        most_overlap=most_overlap,
        floor=floor,
        limit=limit,
        candidates=candidates,
    )
    # Only now: a box that reaches beyond the canvas is compared with others as a whole.
    cut = inside(found.box_xyxy, width_px=width_px, height_px=height_px)
    return Boxes(box_xyxy=cut, score=found.score, label=found.label)
