"""Every indicator by name, and every code that screening may report."""

from collections.abc import Callable

from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.contents import CONTENTS, contents_contradict
from parcelscope.screening.indicators.count import (
    COUNT,
    ROW_PIECES,
    ROW_WEIGHT,
    more_pieces_than_manifested,
    rows_unlike_carton,
)
from parcelscope.screening.indicators.description import (
    DESCRIPTION,
    VALUE,
    unusual_values,
    vague_descriptions,
)
from parcelscope.screening.indicators.evidence import Evidence, Outcome
from parcelscope.screening.indicators.identifiers import (
    CHECK,
    ENTRIES,
    REUSE,
    numbers_used_twice,
    wrong_check_digits,
)
from parcelscope.screening.indicators.labels import LABEL, unlisted_labels
from parcelscope.screening.indicators.leaning import (
    COUNT_LEANING,
    WEIGHT_LEANING,
    cartons_leaning,
)
from parcelscope.screening.indicators.mass import (
    SCALE_DECLARED,
    XRAY_DECLARED,
    XRAY_SCALE,
    masses_unlike,
)

Indicator = Callable[[Evidence, ScreeningConfig], Outcome]

INDICATORS: dict[str, Indicator] = {
    "count": more_pieces_than_manifested,
    "leaning": cartons_leaning,
    "rows": rows_unlike_carton,
    "mass": masses_unlike,
    "check digits": wrong_check_digits,
    "reuse": numbers_used_twice,
    "labels": unlisted_labels,
    "description": vague_descriptions,
    "value": unusual_values,
    "contents": contents_contradict,
}

CODES: dict[str, tuple[OwnerKind, ...]] = {
    COUNT: ("carton",),
    COUNT_LEANING: ("carton",),
    WEIGHT_LEANING: ("carton",),
    ROW_PIECES: ("carton",),
    ROW_WEIGHT: ("carton",),
    XRAY_DECLARED: ("parcel", "carton"),
    XRAY_SCALE: ("parcel", "carton"),
    SCALE_DECLARED: ("parcel", "carton"),
    LABEL: ("parcel", "carton"),
    CHECK: ("parcel", "carton"),
    REUSE: ("parcel",),
    ENTRIES: ("parcel",),
    DESCRIPTION: ("parcel",),
    VALUE: ("parcel",),
    CONTENTS: ("parcel",),
}
"""What each code of an indicator may be said of; the code is also the name of the check."""

DETECTOR_CHECKS: dict[str, OwnerKind] = {"xray.items": "parcel", "xray.anomaly": "parcel"}
"""Checks whose findings count without an indicator between."""
