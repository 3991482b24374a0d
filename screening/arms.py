"""Who is examined: a targeted, an uncertain and a random arm within one budget, on arrays.

Everything but the draw is fixed before the draw, so that the chance of each parcel and carton to
come to an exam is known exactly, flagged or not. See docs/flagging.md for the design.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from parcelscope.screening.selection import (
    NONE,
    RANDOM,
    SLACK,
    WITH_CARTON,
    Bools,
    Floats,
    Hashes,
    Ints,
    Spending,
    Units,
    chosen,
)

_ROUNDINGS: Final = ((0, 0), (1, 0), (0, 1), (1, 1))
"""Whether the number of parcels, and of cartons, that are drawn is rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What is decided before the draw."""

    units: Units
    arm: npt.NDArray[np.int8]
    """(N, 4) who is chosen, for each way of rounding the number of draws."""
    settled: Bools
    """(N, 4) who comes to an exam before anything is drawn: chosen, or with a carton that is
    certain to be opened. A draw passes over them."""
    drawn: Ints
    """(P, 2) parcels and cartons that are drawn in each pool, before one may be added."""
    chance_of_one_more: Floats
    """(P, 2)"""
    own: Floats
    """(N,) chance of being chosen or drawn by itself."""
    inclusion: Floats
    """(N,) chance of coming to an exam, by itself or with its carton."""
    draw_chance: Floats
    """(N,) chance of being drawn by itself: the random arm alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """Who is examined."""

    arm: npt.NDArray[np.int8]
    """(N,) index into `ARMS`."""
    drawn: Bools
    """(N,) whether the draw came upon it, also where it was chosen anyway."""


def plan_exams(units: Units, spending: Spending) -> Plan:
    """Who is chosen under every outcome of the draw's rounding, and everyone's chances.

    The draw goes through all units of a pool in random order, passes over those that come to an
    exam anyway, and ends when `random_share` of the budget is spent in expectation. The number
    drawn of each kind is the whole number below or above that expectation, at random; the rest of
    the budget goes to those with the highest value per minute, and to those about whom knowing
    would help most.
    """
    size, pools = len(units.names), len(units.pool_minutes)
    drawn, more = np.zeros((pools, 2), np.int64), np.zeros((pools, 2))
    arm = np.zeros((size, 4), np.int8)
    tie = hashed(units.names, b"tie", b"")
    ends = np.cumsum(np.bincount(units.pool, minlength=pools))[:-1]
    members = np.split(np.argsort(units.pool, kind="stable"), ends) if pools else []
    carried = np.zeros(size, bool)
    # Twice: parcels in cartons that are certain to be opened leave their place to others.
    for _ in range(2):
        certain = np.all(arm > 0, axis=1) & units.is_carton
        first = np.where(certain, arm[:, 0], 0).astype(np.int8)
        inside = units.carton >= 0
        carried[inside] = certain[units.carton[inside]]
        for number, own in enumerate(members):
            expected = _expected_draws(units, own, units.pool_minutes[number], spending)
            drawn[number] = np.floor(expected + SLACK)
            more[number] = np.clip(expected - drawn[number], 0.0, 1.0)
            for column, rounding in enumerate(_ROUNDINGS):
                if any(up and share == 0 for up, share in zip(rounding, more[number], strict=True)):
                    continue  # never comes about
                spent = _cost_of(drawn[number] + rounding, units, own)
                arm[own, column] = chosen(
                    units, own, units.pool_minutes[number], spent, spending, tie, first, carried
                )
        arm = _filled(arm, more, units.pool)
    settled = (arm != NONE) | carried[:, None]
    return _with_chances(units, arm, settled, drawn, more)


def draw_exams(plan: Plan, seed: int) -> Choice:
    """Who is examined under `seed`. The same seed and units, in any order, give the same."""
    units = plan.units
    numbers = hashed(units.names, b"draw", str(seed).encode())
    size, members = len(units.names), _members(units)
    drawn, column = np.zeros(size, bool), np.zeros(len(units.pool_minutes), np.int64)
    counts = plan.drawn.copy()
    for (pool, kind), own in members.items():
        # Of the numbers of all: the same seed must not round alike in every window.
        mixed = np.bitwise_xor.reduce(numbers[own])
        salt = f"{units.pool_names[pool]}\0{kind}\0{mixed}\0{seed}"
        lot = int.from_bytes(blake2b(salt.encode(), digest_size=8).digest(), "big") / 2**64
        up = int(lot < plan.chance_of_one_more[pool, kind])
        counts[pool, kind] += up
        column[pool] += up << kind
    for (pool, kind), own in members.items():
        order = own[np.argsort(numbers[own], kind="stable")]
        to_draw = np.flatnonzero(~plan.settled[order, column[pool]])[: counts[pool, kind]]
        if to_draw.size:
            drawn[order[: to_draw[-1] + 1]] = True
    arm = plan.arm[np.arange(size), column[units.pool]].copy()
    arm[drawn & ~plan.settled[np.arange(size), column[units.pool]]] = RANDOM
    inside = units.carton >= 0
    opened = np.zeros(size, bool)
    opened[inside] = arm[units.carton[inside]] != NONE
    arm[opened] = WITH_CARTON
    return Choice(arm=arm, drawn=drawn)


def hashed(names: tuple[str, ...], purpose: bytes, key: bytes) -> Hashes:
    """A permanent random number for each of `names`, 0 to 2**64 - 1."""
    stem = blake2b(digest_size=8, key=key[:64], person=purpose)
    numbers = np.empty(len(names), np.uint64)
    for index, name in enumerate(names):
        one = stem.copy()
        one.update(name.encode("utf-8", "surrogatepass"))
        numbers[index] = int.from_bytes(one.digest(), "big")
    return numbers


def _members(units: Units) -> dict[tuple[int, int], Ints]:
    """The positions of the units of each pool and kind that there are."""
    if not units.names:
        return {}
    group = 2 * units.pool + units.is_carton
    order = np.argsort(group, kind="stable")
    present, start = np.unique(group[order], return_index=True)
    return {
        (int(one) // 2, int(one) % 2): own
        for one, own in zip(present, np.split(order, start[1:]), strict=True)
    }


def _expected_draws(units: Units, own: Ints, budget: float, spending: Spending) -> Floats:
    """Parcels and cartons to draw, in expectation."""
    cost = float(units.minutes[own].sum())
    chance = min(spending.random_share * budget / cost, 1.0) if cost else 0.0
    cartons = int(units.is_carton[own].sum())
    return np.array([own.size - cartons, cartons]) * chance


def _cost_of(drawn: Ints, units: Units, own: Ints) -> float:
    """Minutes of `drawn` parcels and cartons at what they cost on average."""
    spent = 0.0
    for kind, count in enumerate(drawn):
        minutes = units.minutes[own[units.is_carton[own] == bool(kind)]]
        if count and minutes.size:
            spent += float(minutes.mean()) * int(count)
    return spent


def _filled(arm: npt.NDArray[np.int8], more: Floats, pool: Ints) -> npt.NDArray[np.int8]:
    """`arm` with the columns that never come about as the one beside them."""
    kept = arm.copy()
    for kind, pairs in enumerate((((1, 0), (3, 2)), ((2, 0), (3, 1)))):
        never = more[pool, kind] == 0
        for column, beside in pairs:
            kept[never, column] = kept[never, beside]
    return kept


def _with_chances(
    units: Units, arm: npt.NDArray[np.int8], settled: Bools, drawn: Ints, more: Floats
) -> Plan:
    """The plan with everyone's chances, exact over the draw and its rounding."""
    pools = len(units.pool_minutes)
    kind = units.is_carton.astype(np.int64)
    weight = np.empty((pools, 4))
    by_draw = np.empty((len(units.names), 4))
    for column, rounding in enumerate(_ROUNDINGS):
        up = np.array(rounding)
        weight[:, column] = np.where(up, more, 1 - more).prod(axis=1)
        others = np.zeros((pools, 2))
        np.add.at(others, (units.pool, kind), ~settled[:, column])
        count = np.minimum(drawn + up, others)[units.pool, kind]
        # Of those to draw each comes among the first `count` alike; one that is passed over is
        # come upon if it lies before the last of these.
        by_draw[:, column] = count / np.maximum(others[units.pool, kind] + settled[:, column], 1.0)
    alone = np.where(settled, arm != NONE, by_draw)
    weights = weight[units.pool]
    own = (weights * alone).sum(axis=1)
    inclusion = own.copy()
    inside = np.flatnonzero(units.carton >= 0)
    carton = units.carton[inside]
    together = (weights[inside] * (1 - (1 - alone[inside]) * (1 - alone[carton]))).sum(axis=1)
    apart = 1 - (1 - own[inside]) * (1 - own[carton])
    # In one pool both depend on the same rounding; in two pools on two, which are independent.
    same = units.pool[inside] == units.pool[carton]
    inclusion[inside] = np.where(same, together, apart)
    return Plan(
        units=units,
        arm=arm,
        settled=settled,
        drawn=drawn,
        chance_of_one_more=more,
        own=np.clip(own, 0.0, 1.0),
        inclusion=np.clip(inclusion, 0.0, 1.0),
        draw_chance=np.clip((weights * by_draw).sum(axis=1), 0.0, 1.0),
    )
