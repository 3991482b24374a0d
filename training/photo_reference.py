"""Makes the constants of one genuine reference from its photos."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import onnxruntime as ort

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.appearance import (
    WINDOWS_WH,
    Appearance,
    Template,
    measure,
    opponents,
    relit,
)
from parcelscope.inference.authenticity import CHECKS, raw_scores
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
from parcelscope.models.references import Floats, Reference, Spread
from parcelscope.training.reference_template import bar_strip, common_grid, template_of

MIN_PHOTOS: Final = 5
GOOD_PHOTOS: Final = 20
"""From this many on, held-out genuine photos resolve a p-value of 0.05."""
PRIOR: Final = 5.0
"""How many photos the shared spread counts for beside those of the place itself."""
LEAST_SCALE: Final = 0.2
"""Of the logarithm of a check's score: so few photos cannot show that a check never errs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All that was measured of one genuine photo."""

    appearance: Appearance
    features: tuple[Floats, Floats]
    codes: tuple[ReadCode, ...]


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
        raw = raw_scores(one.appearance, one.features, template, spread_of(others), texts, codes)
        held_out.append([raw[name].score for name in CHECKS])
    logs = np.log(np.array(held_out, np.float32) + 1e-3)  # (n, C)
    centre = np.median(logs, axis=0)
    scale = np.maximum(logs.std(axis=0), LEAST_SCALE)
    genuine = ((logs - centre) / scale).max(axis=1)
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
        spread=spread_of(samples),
        codes=codes,
        checks=CHECKS,
        check_centre=centre.astype(np.float32),
        check_scale=scale.astype(np.float32),
        genuine=np.sort(genuine).astype(np.float32),
    )


def spread_of(samples: Sequence[Sample]) -> Spread:
    """Means and standard deviations over genuine photos, steadied where they are few."""
    seen = [one.appearance for one in samples]
    residual = np.stack([np.stack([s.residual[w] for w in WINDOWS_WH]) for s in seen])
    moved = np.stack([np.where(s.tracked[:, None], s.moved, np.nan) for s in seen])
    # A place that is tracked in less than half of the photos says nothing.
    poor = np.isnan(moved[..., 0]).mean(axis=0) > 0.5
    moved[:, poor] = 0.0
    moved_std = np.nanstd(moved, axis=0)
    usual = np.median(moved_std[~poor], axis=0) if (~poor).any() else 0.3
    n = len(samples)
    regions = np.stack([opponents(s.regions_rgb) for s in seen])
    fine = np.stack([one.features[0] for one in samples])
    coarse = np.stack([one.features[1] for one in samples])
    crisp = np.array([s.crispness for s in seen])
    crisp = crisp[np.isfinite(crisp)]
    known = (np.median(crisp), crisp.std()) if len(crisp) >= MIN_PHOTOS - 1 else (np.nan, 1.0)
    residual_std = np.stack([_steady(residual[:, w], 2.0) for w in range(residual.shape[1])])
    hue = np.stack([s.hue for s in seen])
    hue_std = np.stack([_steady(hue[:, k], 0.8) for k in range(2)])
    moved_mean = np.nanmean(moved, axis=0)
    moved_mean[poor] = np.nan
    return Spread(
        residual_mean=residual.mean(axis=0),
        residual_std=residual_std,
        hue_mean=hue.mean(axis=0),
        hue_std=hue_std,
        moved_mean=moved_mean.astype(np.float32),
        moved_std=np.sqrt((n * moved_std**2 + PRIOR * usual**2) / (n + PRIOR)).astype(np.float32),
        region_mean=np.nanmean(regions, axis=0).astype(np.float32),
        region_root=_region_roots(regions),
        fine_mean=fine.mean(axis=0),
        fine_std=_steady_channels(fine),
        coarse_mean=coarse.mean(axis=0),
        coarse_std=_steady_channels(coarse),
        crispness_mean_std=np.array(known, np.float32),
    )


def _steady(maps: Floats, floor: float) -> Floats:
    """Standard deviation of (n, h, w) at each place, leaning on its neighbourhood's."""
    n = len(maps)
    own = maps.var(axis=0, ddof=1)
    near = cv2.blur(np.ascontiguousarray(own, np.float32), (9, 9))
    return np.asarray(np.sqrt((n * own + PRIOR * near) / (n + PRIOR) + floor**2), np.float32)


def _steady_channels(features: Floats) -> Floats:
    """Standard deviation of (n, C, h, w) at each place, leaning on its channel's."""
    n = len(features)
    own = features.var(axis=0, ddof=1)
    channel = own.mean(axis=(1, 2), keepdims=True)
    return np.asarray(np.sqrt((n * own + PRIOR * channel) / (n + PRIOR)) + 1e-3, np.float32)


def _region_roots(regions: Floats) -> Floats:
    """(R, 3, 3) from the opponent colours (n, R, 3) of each region."""
    n = len(regions)
    # Luma depends on the fit of the light, so it counts for less until the photos prove better.
    prior = np.diag([2.0, 2.0, 5.0]) ** 2
    roots = np.zeros((regions.shape[1], 3, 3), np.float32)
    for r in range(regions.shape[1]):
        values = regions[:, r][np.isfinite(regions[:, r]).all(axis=1)]
        own = np.cov(values.T) if len(values) > 3 else prior
        covariance = (n * own + PRIOR * prior) / (n + PRIOR)
        values_of, axes = np.linalg.eigh(np.linalg.inv(covariance))
        roots[r] = axes * np.sqrt(np.clip(values_of, 0, None))
    return roots


def _common_codes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Codes that two photos or more show, and most of those with one of that kind."""
    counts = Counter(code for one in samples for code in {named_code(c) for c in one.codes})
    return tuple(sorted(code for code in counts if _is_common(code, counts)))


def _is_common(code: str, counts: Counter[str]) -> bool:
    kind = (code.split()[0], len(code))
    alike = sum(n for other, n in counts.items() if (other.split()[0], len(other)) == kind)
    return counts[code] >= 2 and counts[code] > 0.5 * alike
