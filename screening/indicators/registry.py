"""Every indicator by name, and every code that screening may report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel

from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.indicators.address_clusters import (
    ADDRESSES,
    CLUSTER,
    NAMES,
    SPLIT,
    ClusterParameters,
    address_clusters,
)
from parcelscope.screening.indicators.addressees import (
    ADDRESSES as LABEL_ADDRESSES,
)
from parcelscope.screening.indicators.addressees import (
    CONSIGNEE,
    AddresseeParameters,
    odd_addressees,
)
from parcelscope.screening.indicators.bag_tags import (
    MISSING,
    MIXED,
    BagTagParameters,
    odd_bag_tags,
)
from parcelscope.screening.indicators.consignee_days import (
    ADDRESS,
    DAY,
    AddressParameters,
    ConsigneeDayParameters,
    consignee_days,
    undeliverable_addresses,
)
from parcelscope.screening.indicators.contents import (
    CONTENTS,
    ContentsParameters,
    contents_contradict,
)
from parcelscope.screening.indicators.count import (
    COUNT,
    ROW_PIECES,
    ROW_WEIGHT,
    CountParameters,
    RowsParameters,
    more_pieces_than_manifested,
    rows_unlike_carton,
)
from parcelscope.screening.indicators.description import (
    DESCRIPTION,
    VALUE,
    DescriptionParameters,
    ValueParameters,
    unusual_values,
    vague_descriptions,
)
from parcelscope.screening.indicators.entry_match import (
    NO_ENTRY,
    NO_NUMBER,
    EntryMatchParameters,
    numbers_without_entry,
)
from parcelscope.screening.indicators.entry_policy import (
    ELEMENTS,
    ENTRY,
    EntryPolicyParameters,
    policy_departures,
)
from parcelscope.screening.indicators.evidence import Evidence, Outcome
from parcelscope.screening.indicators.fill import (
    EMPTY,
    LOADED,
    FillParameters,
    fill_unlike_declared,
)
from parcelscope.screening.indicators.identifiers import (
    CHECK,
    CheckParameters,
    wrong_check_digits,
)
from parcelscope.screening.indicators.labels import (
    LABEL,
    LABEL_TEXT,
    LabelParameters,
    LabelTextParameters,
    unlisted_labels,
    unlisted_text,
)
from parcelscope.screening.indicators.leaning import (
    COUNT_LEANING,
    WEIGHT_LEANING,
    LeaningParameters,
    cartons_leaning,
)
from parcelscope.screening.indicators.mass import (
    SCALE_DECLARED,
    XRAY_DECLARED,
    XRAY_SCALE,
    MassParameters,
    masses_unlike,
)
from parcelscope.screening.indicators.origin import (
    ORIGIN,
    ORIGIN_COUNT,
    OriginParameters,
    origin_unlike_arrival,
)
from parcelscope.screening.indicators.outliers import (
    OUTLIER,
    OutlierParameters,
    scans_unlike_group,
)
from parcelscope.screening.indicators.packaging_weight import (
    PACKAGING,
    PackagingParameters,
    unusual_packaging,
)
from parcelscope.screening.indicators.receptacles import (
    RECEPTACLE_COUNT,
    RECEPTACLE_WEIGHT,
    SUBCLASS,
    ReceptacleParameters,
    receptacles_unlike_items,
)
from parcelscope.screening.indicators.reuse import (
    ENTRIES,
    REUSE,
    SEAL,
    ReuseParameters,
    numbers_used_again,
)
from parcelscope.screening.indicators.second_labels import (
    LABELS,
    SecondLabelParameters,
    second_labels,
)
from parcelscope.screening.indicators.watched import (
    ENTITY,
    WatchedParameters,
    resembles_watched,
)

P = TypeVar("P", bound=BaseModel)
Kinds = tuple[OwnerKind, ...]

PARCEL: Final[Kinds] = ("parcel",)
CARTON: Final[Kinds] = ("carton",)
BOTH: Final[Kinds] = ("parcel", "carton")


@dataclass(frozen=True, slots=True)
class IndicatorSpec(Generic[P]):
    """One indicator: what computes it, and what a pack has to say about it."""

    name: str
    run: Callable[[Evidence, P], Outcome]
    parameters: type[P]
    """What the `parameters` of an entry in a pack must fit."""
    codes: Mapping[str, Kinds]
    """What each code that it reports may be said of."""
    by_manifest: bool = False
    """Whether it looks at the manifest tables and nothing that a detector said, so that it can run
    before any image is decoded."""


_SPECS: Final[tuple[IndicatorSpec[Any], ...]] = (
    IndicatorSpec("count", more_pieces_than_manifested, CountParameters, {COUNT: CARTON}),
    IndicatorSpec(
        "leaning",
        cartons_leaning,
        LeaningParameters,
        {COUNT_LEANING: CARTON, WEIGHT_LEANING: CARTON},
    ),
    IndicatorSpec(
        "rows", rows_unlike_carton, RowsParameters, {ROW_PIECES: CARTON, ROW_WEIGHT: CARTON}
    ),
    IndicatorSpec(
        "packaging", unusual_packaging, PackagingParameters, {PACKAGING: CARTON}, by_manifest=True
    ),
    IndicatorSpec(
        "mass",
        masses_unlike,
        MassParameters,
        {XRAY_DECLARED: BOTH, XRAY_SCALE: BOTH, SCALE_DECLARED: BOTH},
    ),
    IndicatorSpec(
        "check digits", wrong_check_digits, CheckParameters, {CHECK: BOTH}, by_manifest=True
    ),
    IndicatorSpec(
        "reuse",
        numbers_used_again,
        ReuseParameters,
        {REUSE: PARCEL, ENTRIES: PARCEL, SEAL: CARTON},
        by_manifest=True,
    ),
    IndicatorSpec("labels", unlisted_labels, LabelParameters, {LABEL: BOTH}),
    IndicatorSpec("label text", unlisted_text, LabelTextParameters, {LABEL_TEXT: BOTH}),
    IndicatorSpec("second labels", second_labels, SecondLabelParameters, {LABELS: PARCEL}),
    IndicatorSpec(
        "addressees",
        odd_addressees,
        AddresseeParameters,
        {LABEL_ADDRESSES: PARCEL, CONSIGNEE: PARCEL},
    ),
    IndicatorSpec(
        "description",
        vague_descriptions,
        DescriptionParameters,
        {DESCRIPTION: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec("value", unusual_values, ValueParameters, {VALUE: PARCEL}, by_manifest=True),
    IndicatorSpec(
        "consignee days", consignee_days, ConsigneeDayParameters, {DAY: PARCEL}, by_manifest=True
    ),
    IndicatorSpec(
        "consignee addresses",
        undeliverable_addresses,
        AddressParameters,
        {ADDRESS: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec(
        "address clusters",
        address_clusters,
        ClusterParameters,
        {NAMES: PARCEL, ADDRESSES: PARCEL, CLUSTER: PARCEL, SPLIT: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec("contents", contents_contradict, ContentsParameters, {CONTENTS: PARCEL}),
    IndicatorSpec(
        "policy",
        policy_departures,
        EntryPolicyParameters,
        {ENTRY: PARCEL, ELEMENTS: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec(
        "entry match",
        numbers_without_entry,
        EntryMatchParameters,
        {NO_ENTRY: PARCEL, NO_NUMBER: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec(
        "receptacles",
        receptacles_unlike_items,
        ReceptacleParameters,
        {RECEPTACLE_COUNT: CARTON, RECEPTACLE_WEIGHT: CARTON, SUBCLASS: PARCEL},
        by_manifest=True,
    ),
    IndicatorSpec(
        "bag tags",
        odd_bag_tags,
        BagTagParameters,
        {MISSING: CARTON, MIXED: CARTON},
        by_manifest=True,
    ),
    IndicatorSpec("outliers", scans_unlike_group, OutlierParameters, {OUTLIER: PARCEL}),
    IndicatorSpec("fill", fill_unlike_declared, FillParameters, {LOADED: BOTH, EMPTY: BOTH}),
    IndicatorSpec(
        "origin", origin_unlike_arrival, OriginParameters, {ORIGIN: BOTH, ORIGIN_COUNT: CARTON}
    ),
    IndicatorSpec(
        "watched", resembles_watched, WatchedParameters, {ENTITY: PARCEL}, by_manifest=True
    ),
)

INDICATORS: Final[Mapping[str, IndicatorSpec[Any]]] = MappingProxyType(
    {spec.name: spec for spec in _SPECS}
)

CODES: Final[Mapping[str, Kinds]] = MappingProxyType(
    {code: kinds for spec in _SPECS for code, kinds in spec.codes.items()}
)
"""What each code of an indicator may be said of; the code is also the name of the check."""

INDICATOR_OF: Final[Mapping[str, str]] = MappingProxyType(
    {code: spec.name for spec in _SPECS for code in spec.codes}
)
"""The indicator that reports each code."""

NEED_TEXT: Final = frozenset({LABEL_TEXT, LABELS, LABEL_ADDRESSES, CONSIGNEE})
"""Codes that are looked for only where labels are read as text."""

DETECTOR_CHECKS: dict[str, OwnerKind] = {"xray.items": "parcel", "xray.anomaly": "parcel"}
"""Checks whose findings count without an indicator between."""
