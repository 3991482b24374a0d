"""Who will be in a feed and what will be wrong with them, before anything is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from parcelscope.datasets.synthetic.config import ScanFormat, SynthConfig, Violation
from parcelscope.datasets.synthetic.numbering import tracking_number, wrong_check_digit
from parcelscope.datasets.synthetic.parties import ORIGIN_SHARES

TWO_VIOLATIONS = 0.25
"""Of violative loose parcels: those with two things wrong."""
NEEDS_PHOTO = frozenset[Violation]({"foreign_label", "altered_packaging"})
EXCLUSIVE = (
    frozenset[Violation]({"invalid_tracking", "reused_tracking"}),
    frozenset[Violation]({"contradicting_description", "vague_description"}),
)
"""Pairs that would undo each other."""
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoosePlan:
    """One parcel that comes by itself."""

    index: int
    """Its place among all owners; seeds its chance."""
    number: int
    """Its place among all manifest rows; gives its id and tracking number."""
    violations: tuple[Violation, ...]
    scan_format: ScanFormat
    photographed: bool
    origin: str
    """Country that it comes from."""
    tracking: str
    """The number on its label and in its row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonPlan:
    """One master carton."""

    index: int
    number: int
    """Its place among the cartons."""
    first_row: int
    """Number of its first manifest row."""
    pieces_manifested: int
    extra: int
    """Pieces inside that no row lists."""
    true_weight: bool
    """Whether the declared weight is that of all that is inside."""
    overlap: float
    scan_format: ScanFormat
    origin: str

    @property
    def pieces_true(self) -> int:
        """Pieces inside."""
        return self.pieces_manifested + self.extra


OwnerPlan = LoosePlan | CartonPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """All owners of a feed."""

    loose: tuple[LoosePlan, ...]
    cartons: tuple[CartonPlan, ...]

    @property
    def owners(self) -> tuple[OwnerPlan, ...]:
        """Loose parcels, then cartons, in the order of their index."""
        return (*self.loose, *self.cartons)


def make_plan(parcels: int, seed: int, config: SynthConfig) -> FeedPlan:
    """The plan of a feed of `parcels` (see `SynthConfig.cartons` for who counts)."""
    rng = np.random.default_rng([seed, 0])
    pieces = _pieces(parcels, rng, config)
    loose = parcels if config.cartons is not None else parcels - sum(pieces)
    return FeedPlan(
        loose=_loose(loose, rng, seed, config), cartons=_cartons(pieces, loose, rng, config)
    )


def apportion(rng: np.random.Generator, weights: Mapping[Key, float], count: int) -> list[Key]:
    """`count` keys in random order, as many of each as its weight asks for, to within one.

    Shares come out as configured even in a small feed, where independent draws would scatter.
    """
    keys = list(weights)
    share = np.array([weights[key] for key in keys], np.float64)
    edges = np.concatenate([[0.0], np.cumsum(share / share.sum())]) * count
    # One random offset for all edges: each key's expected number is exactly its share.
    whole = np.floor(edges + rng.random()).astype(np.int64)
    whole[-1] = count  # the shares may add up to a hair less than 1
    numbers = np.diff(whole)
    chosen = [key for key, number in zip(keys, numbers, strict=True) for _ in range(number)]
    return [chosen[k] for k in rng.permutation(count)]


def _pieces(parcels: int, rng: np.random.Generator, config: SynthConfig) -> list[int]:
    """Manifested pieces of each carton."""
    fewest, most = config.pieces
    if config.cartons is not None:
        return [int(v) for v in rng.integers(fewest, most + 1, config.cartons)]
    left = round(parcels * config.parcels_in_cartons)
    pieces = []
    while left >= fewest:
        pieces.append(min(int(rng.integers(fewest, most + 1)), left))
        left -= pieces[-1]
    return pieces


def _loose(
    count: int, rng: np.random.Generator, seed: int, config: SynthConfig
) -> tuple[LoosePlan, ...]:
    violative = {int(k) for k in rng.permutation(count)[: round(config.violative * count)]}
    firsts = iter(apportion(rng, config.parcel_violations, len(violative)))
    formats = apportion(rng, config.scan_formats, count)
    photographed = apportion(rng, {True: config.photos, False: 1 - config.photos}, count)
    origins = apportion(rng, ORIGIN_SHARES, count)
    own = [tracking_number(seed, k, origins[k]) for k in range(count)]
    plans = []
    for k in range(count):
        violations: tuple[Violation, ...] = ()
        if k in violative:
            violations = _violations(next(firsts), rng, config.parcel_violations)
            if "reused_tracking" in violations and count < 2:
                violations = ("invalid_tracking",)
        tracking = own[k]
        if "invalid_tracking" in violations:
            tracking = wrong_check_digit(tracking, rng)
        elif "reused_tracking" in violations:
            other = int(rng.integers(count - 1))
            tracking = own[other + (other >= k)]
        plans.append(
            LoosePlan(
                index=k,
                number=k,
                violations=violations,
                scan_format=formats[k],
                photographed=photographed[k] or not NEEDS_PHOTO.isdisjoint(violations),
                origin=origins[k],
                tracking=tracking,
            )
        )
    return tuple(plans)


def _violations(
    first: Violation, rng: np.random.Generator, weights: Mapping[Violation, float]
) -> tuple[Violation, ...]:
    """`first`, and sometimes another that does not undo it."""
    if rng.random() >= TWO_VIOLATIONS:
        return (first,)
    barred = {first}.union(*(pair for pair in EXCLUSIVE if first in pair))
    others = {kind: weight for kind, weight in weights.items() if kind not in barred}
    if not sum(others.values()) > 0:
        return (first,)
    share = np.array(list(others.values()), np.float64)
    second = list(others)[int(rng.choice(len(share), p=share / share.sum()))]
    return (first, second)


def _cartons(
    pieces: Sequence[int], loose: int, rng: np.random.Generator, config: SynthConfig
) -> tuple[CartonPlan, ...]:
    count = len(pieces)
    violative = [int(k) for k in rng.permutation(count)[: round(config.violative * count)]]
    extra = dict(zip(violative, apportion(rng, config.extra_pieces, len(violative)), strict=True))
    shares = {True: config.true_weight, False: 1 - config.true_weight}
    honest = dict(zip(violative, apportion(rng, shares, len(violative)), strict=True))
    formats = apportion(rng, config.scan_formats, count)
    origins = apportion(rng, ORIGIN_SHARES, count)
    # Apart, so that violative cartons have every overlap as often as compliant ones.
    even = dict.fromkeys(config.overlap, 1.0)
    rest = [k for k in range(count) if k not in extra]
    overlap = {
        k: value
        for group in (violative, rest)
        for k, value in zip(group, apportion(rng, even, len(group)), strict=True)
    }
    first_rows = loose + np.concatenate([[0], np.cumsum(pieces, dtype=np.int64)])
    return tuple(
        CartonPlan(
            index=loose + k,
            number=k,
            first_row=int(first_rows[k]),
            pieces_manifested=manifested,
            extra=extra.get(k, 0),
            true_weight=honest.get(k, True),
            overlap=overlap[k],
            scan_format=formats[k],
            origin=origins[k],
        )
        for k, manifested in enumerate(pieces)
    )
