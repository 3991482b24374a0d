"""Makes the constants of one genuine reference from its photos."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import onnxruntime as ort

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.appearance import (
    Template,
    measure,
    relit,
)
from parcelscope.inference.authenticity import CHECKS, evidence, raw_scores
from parcelscope.inference.codes import ReadCode
from parcelscope.inference.photo_features import photo_features
from parcelscope.inference.reference_codes import flat_codes, named_code
from parcelscope.inference.registration import (
    Image,
    Keypoints,
    Registered,
    grey_of,
    keypoints_of,
    laid_over,
    reduced,
    register,
)
from parcelscope.models.references import Reference
from parcelscope.training.reference_spread import Sample, spread_of
from parcelscope.training.reference_template import bar_strip, common_grid, template_of

MIN_PHOTOS: Final = 5
GOOD_PHOTOS: Final = 20
"""From this many on, held-out genuine photos resolve a p-value of 0.05."""
SCALE_PRIOR: Final = 10.0
"""How many photos the usual scale of a check counts for: so few cannot show that it never errs."""
USUAL_SCALE: Final[Mapping[str, float]] = {
    "print": 0.22, "hue": 0.38, "placement": 0.36, "colour": 0.51, "sharpness": 1.25,
    "features": 0.17, "bars": 0.47, "codes": 1.0,
}  # fmt: skip
"""Of the logarithm of a check's score on genuine photos: see `training/check_weights.py`. Codes
hardly ever err, so theirs is set by judgement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A reference, and which photos it was made of."""

    reference: Reference
    used: tuple[int, ...]
    """Places in the sequence given."""
    left_out: dict[int, str]
    """Why the others were not used."""


def build_reference(photos: Sequence[Image], session: ort.InferenceSession) -> Built:
    """The constants of one design from genuine photos of it.

    Args:
        photos: (H, W, 3) RGB each, `MIN_PHOTOS` or more, at different angles and in different
            light; copies of several lots, so that what varies among genuine ones is known.
        session: The feature graph.

    Raises:
        ConfigError: If fewer than `MIN_PHOTOS` of them show one and the same print.
    """
    if len(photos) < MIN_PHOTOS:
        raise ConfigError(f"expected {MIN_PHOTOS} or more genuine photos, got {len(photos)}")
    base, to_grid, inside = common_grid(photos)
    left_out = {k: "does not show the same print" for k, m in enumerate(to_grid) if m is None}
    used = [k for k, matrix in enumerate(to_grid) if matrix is not None]
    if len(used) < MIN_PHOTOS:
        raise ConfigError(
            f"expected {MIN_PHOTOS} or more photos of one and the same print, got {len(used)}"
            f" of {len(photos)} that match"
        )
    smalls = {k: reduced(photos[k])[0] for k in used}
    template, matrices = template_of(smalls, {k: to_grid[k] for k in used}, inside)
    target = keypoints_of(grey_of(template.picture), inside.astype(np.uint8))
    registered: dict[int, Registered] = {}
    for k in used:
        # Registered anew, by the way that scoring goes: its errors belong to the spread.
        found = register(
            photos[k], target, flat=template.flat, points=template.points, inside=template.inside
        )
        if not isinstance(found, Registered):
            left_out[k] = found.reason
            continue
        registered[k] = found
    read = {k: flat_codes(photos[k], f.matrix, template.size_wh) for k, f in registered.items()}
    template = replace(template, bars_xy=bar_strip(template.picture, list(read.values())))
    kept = list(registered)
    samples = [sample(photos[k], registered[k], template, session, read[k]) for k in kept]
    if len(kept) < MIN_PHOTOS:
        raise ConfigError(
            f"expected {MIN_PHOTOS} or more photos that register, got {len(kept)} of {len(photos)}"
        )
    shown_k = base if base in kept else kept[0]
    shown = laid_over(smalls[shown_k], matrices[shown_k], template.size_wh)
    return Built(
        reference=fitted(template, target, samples, shown),
        used=tuple(kept),
        left_out=dict(sorted(left_out.items())),
    )


def sample(
    photo: Image,
    found: Registered,
    template: Template,
    session: ort.InferenceSession,
    codes: tuple[ReadCode, ...] | None = None,
) -> Sample:
    """What is measured of one registered photo; its codes are read where they are not given."""
    lit = relit(template, found.picture, template.inside & found.seen)
    return Sample(
        appearance=measure(template, found.picture, lit, found.seen, photo, found.matrix),
        features=photo_features(session, lit),
        codes=flat_codes(photo, found.matrix, template.size_wh) if codes is None else codes,
    )


def fitted(
    template: Template, target: Keypoints, samples: Sequence[Sample], shown: Image
) -> Reference:
    """The reference, with its checks set by photos that were left out in turn."""
    codes = _common_codes(samples)
    held_out = []
    for k, one in enumerate(samples):
        others = [*samples[:k], *samples[k + 1 :]]
        texts = [named_code(code) for code in one.codes]
        spread = spread_of(others, template.paper)
        raw = raw_scores(one.appearance, one.features, template, spread, texts, codes)
        held_out.append([raw[name].score for name in CHECKS])
    logs = np.log(np.array(held_out, np.float32) + 1e-3)  # (n, C)
    centre = np.median(logs, axis=0)
    n, usual = len(logs), np.array([USUAL_SCALE[name] for name in CHECKS])
    scale = np.sqrt((n * logs.var(axis=0) + SCALE_PRIOR * usual**2) / (n + SCALE_PRIOR))
    units = (logs - centre) / scale
    return Reference(
        picture=template.picture,
        shown=shown,
        inside=template.inside,
        regions=template.regions,
        paper=template.paper,
        points=template.points,
        bars_xy=np.zeros((0, 2), np.float32) if template.bars_xy is None else template.bars_xy,
        keypoint_xy=target.xy,
        keypoint_descriptors=target.descriptors,
        spread=spread_of(samples, template.paper),
        codes=codes,
        checks=CHECKS,
        check_centre=centre.astype(np.float32),
        check_scale=scale.astype(np.float32),
        held_out=units.astype(np.float32),
        genuine=np.sort(evidence(units, CHECKS)),
    )


def _common_codes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Codes that two photos or more show, and most of those with one of that kind."""
    counts = Counter(code for one in samples for code in {named_code(c) for c in one.codes})
    return tuple(sorted(code for code in counts if _is_common(code, counts)))


def _is_common(code: str, counts: Counter[str]) -> bool:
    kind = (code.split()[0], len(code))
    alike = sum(n for other, n in counts.items() if (other.split()[0], len(other)) == kind)
    return counts[code] >= 2 and counts[code] > 0.5 * alike
