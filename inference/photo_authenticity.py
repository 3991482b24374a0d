"""Compares a photo of a package with the genuine reference of its SKU, and says where it differs.

It never says what a package is: it says in what it differs from the recorded genuine copies, and
how often those differ as much among themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import onnxruntime as ort

from parcelscope.datasets.records import Finding, OwnerKind
from parcelscope.inference.appearance import Appearance, Template, measure, relit
from parcelscope.inference.authenticity import Raw, combined, evidence, p_value, raw_scores
from parcelscope.inference.codes import ReadCode
from parcelscope.inference.difference_zones import Zone, zones_of
from parcelscope.inference.photo_features import photo_features
from parcelscope.inference.reference_codes import flat_codes, named_code
from parcelscope.inference.registration import (
    Image,
    Keypoints,
    NotComparable,
    Registered,
    flattened,
    grey_of,
    register,
)
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import Bundle, ReferenceCard
from parcelscope.models.references import Floats, Reference, load_reference

AUTHENTICITY: Final = "photo.authenticity"
ZONE: Final = "zone.difference"
"""Code of a place that differs; a mark on the photo, without a strength of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedReference:
    """A genuine reference, ready to compare with."""

    card: ReferenceCard
    constants: Reference
    template: Template
    target: Keypoints


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """The genuine references of one bundle, and the feature graph that they share."""

    session: ort.InferenceSession
    by_sku: Mapping[str, LoadedReference]

    def find(self, sku: str | None, brand: str | None) -> LoadedReference | None:
        """The reference for `sku`, or None; another brand's SKU of the same text is not it."""
        found = None if sku is None else self.by_sku.get(sku)
        if found is None or found.card.brand is None or brand is None:
            return found
        return found if found.card.brand.casefold() == brand.casefold() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one photo differs from the genuine copies of its SKU."""

    score: float
    """All of `by_check` weighed together, see `evidence`; 0 or more."""
    p_value: float
    """Share of held-out genuine photos that differ as much."""
    by_check: dict[str, float]
    """Each check in units of its spread on genuine photos; about 0 for a genuine copy."""
    heat: Floats
    """(H / 2, W / 2) how unlike, on the reference's grid."""
    zones: tuple[Zone, ...]
    """Places that differ, most telling first; empty where nothing stands out."""
    registered: Registered


def load_references(bundle: Bundle, folder: Path) -> References | None:
    """The references of `bundle`, whose files lie in `folder`; None where it has none.

    Raises:
        BundleError: If a file is missing, altered or no reference.
    """
    section = bundle.references
    if section is None:
        return None
    loaded = {}
    for card in section.cards:
        constants = load_reference(folder / card.file, sha256=card.sha256)
        loaded[card.sku] = prepared(constants, card)
    return References(session=open_session(folder / section.file), by_sku=MappingProxyType(loaded))


def prepared(constants: Reference, card: ReferenceCard) -> LoadedReference:
    """`constants` with what every comparison needs of them, worked out once."""
    template = Template(
        picture=constants.picture,
        flat=flattened(grey_of(constants.picture)),
        inside=constants.inside,
        regions=constants.regions,
        paper=constants.paper,
        points=constants.points,
        bars_xy=constants.bars_xy if len(constants.bars_xy) else None,
    )
    return LoadedReference(
        card=card,
        constants=constants,
        template=template,
        target=Keypoints(xy=constants.keypoint_xy, descriptors=constants.keypoint_descriptors),
    )


def compare(
    photo: Image,
    reference: LoadedReference,
    session: ort.InferenceSession,
    codes: Sequence[ReadCode],
) -> Comparison | NotComparable:
    """How `photo` differs from the genuine copies, or why it cannot be compared.

    Args:
        photo: (H, W, 3) RGB.
        reference: The genuine reference of its SKU.
        session: The feature graph.
        codes: Those that were read on the photo as it is.
    """
    constants, template = reference.constants, reference.template
    found = register(
        photo,
        reference.target,
        flat=template.flat,
        points=template.points,
        inside=template.inside,
    )
    if isinstance(found, NotComparable):
        return found
    lit = relit(template, found.picture, template.inside & found.seen)
    seen = measure(template, found.picture, lit, found.seen, photo, found.matrix)
    features = photo_features(session, lit)
    # The bars are held against the reference's own: where that can be done, reading the flattened
    # photo once more adds time and nothing else.
    again = () if seen.bars is not None else flat_codes(photo, found.matrix, template.size_wh)
    texts = tuple(named_code(code) for code in (*codes, *again))
    raw = raw_scores(seen, features, template, constants.spread, texts, constants.codes)
    return judged(constants, template, seen, raw, found, texts)


def judged(
    constants: Reference,
    template: Template,
    seen: Appearance,
    raw: Mapping[str, Raw],
    found: Registered,
    codes: Sequence[str],
) -> Comparison:
    """The raw scores on the scale of genuine photos, and the zones that stand out."""
    units = combined(raw, constants.checks, constants.check_centre, constants.check_scale)
    by_check = dict(zip(constants.checks, (float(v) for v in units), strict=True))
    score = float(evidence(units, constants.checks))
    return Comparison(
        score=score,
        p_value=p_value(constants, score),
        by_check=by_check,
        heat=_heat(raw, constants),
        zones=zones_of(constants, template, seen, raw, by_check, found.matrix, codes),
        registered=found,
    )


def authenticity_findings(
    comparison: Comparison,
    reference: LoadedReference,
    *,
    owner_id: str,
    owner_kind: OwnerKind,
    image_path: str | None,
) -> tuple[Finding, ...]:
    """The comparison as one finding with its p-value, and a mark for each zone that differs."""
    card = reference.card
    count = len(reference.constants.genuine)
    often = f"{comparison.p_value:.1%} of genuine photos differ as much (of {count} held out)"
    if comparison.zones:
        told = f"{comparison.zones[0].sentence}; about {often}."
    else:
        told = f"nothing stands out; about {often}."
    sentence = f"Compared with the genuine reference of SKU {card.sku}: {told}"
    box = comparison.zones[0].box_xyxy if comparison.zones else None
    whole = Finding(
        owner_id=owner_id, owner_kind=owner_kind, source=AUTHENTICITY, code=AUTHENTICITY,
        sentence=sentence, score=float(1 - comparison.p_value), p_value=comparison.p_value,
        observed=comparison.score, unit="log odds", text=card.sku, image_path=image_path,
        box_xyxy=box,
    )  # fmt: skip
    marks = tuple(
        Finding(
            owner_id=owner_id, owner_kind=owner_kind, source=AUTHENTICITY, code=ZONE,
            sentence=f"{zone.sentence[0].upper()}{zone.sentence[1:]}.", observed=zone.size,
            unit="genuine spreads", text=_numbered_box(number, zone), image_path=image_path,
            box_xyxy=zone.box_xyxy,
        )
        for number, zone in enumerate(comparison.zones, start=1)
    )  # fmt: skip
    return (whole, *marks)


def _numbered_box(number: int, zone: Zone) -> str:
    """The zone's number and place on the reference: `2: x0 y0 x1 y1` in pixels of its picture."""
    if zone.reference_xyxy is None:
        return f"{number}:"
    return f"{number}: {' '.join(f'{value:.0f}' for value in zone.reference_xyxy)}"


def _heat(raw: Mapping[str, Raw], constants: Reference) -> Floats:
    """The maps of all checks, each in units of the score that genuine photos reach."""
    height, width = constants.spread.hue_mean.shape[1:]
    heat = np.zeros((height, width), np.float32)
    for name, centre in zip(constants.checks, constants.check_centre, strict=True):
        one = raw[name].heat
        if one is not None:
            np.maximum(heat, one / np.float32(np.exp(centre)), out=heat)
    return heat
