"""How review goes, from the log: seconds for a decision, reversals, agreement, use of the marks.

In aggregate, for whoever leads it. Figures of one person are told to supervisors only, and not
before so many decisions that they say something of the person and not of the parcels.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, select

from parcelscope.review.events import Event, as_event
from parcelscope.review.standing import undoes
from parcelscope.review.tables import EVENTS

LEAST: Final = 20
"""Decisions below which nothing is told of one person."""
KINDS: Final = ("decide", "second", "undo", "reopen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What some decisions come to; shares are None where there is nothing to take them of."""

    name: str
    """Day or person; '' for all."""
    decisions: int
    inspect: int
    """Of these, sent to inspection."""
    p50_s: float | None
    """Half of the decisions took no longer on the screen."""
    p95_s: float | None
    reversed: int
    """Taken back, put back into the queue by a supervisor, or overruled by whoever settled."""
    against_model: int
    """Cleared although the model would have inspected."""
    model_inspect: int
    """Decided where the model would have inspected."""
    marks_shown: int
    """Decided with the model's marks seen."""
    marks_known: int
    """Decisions of which it is known whether they were."""
    opinions: int
    """Second opinions of which the first person said what they leaned to."""
    agreed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How review went since some day."""

    total: Figures
    days: tuple[Figures, ...]
    """The newest first."""
    people: tuple[Figures, ...] | None
    """By name; None for whoever may not see single people."""
    too_few: int
    """People of whom nothing is told, since they decided too little."""
    functions: tuple[tuple[str, int], ...]
    """Image functions by how many decisions they were used for, the most used first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    """A decision with what became of it."""

    event: Event
    told: Mapping[str, Any]
    reversed: bool
    agreed: bool | None
    """Whether it agrees with what the first person leaned to, if it is a second opinion on that."""


def statistics(connection: Connection, *, since: str, each_person: bool) -> Statistics:
    """How review went.

    Args:
        connection: A connection to the review database.
        since: UTC day from which on, as 2026-11-23.
        each_person: Whether figures of single people may be told.
    """
    rows = connection.execute(
        select(EVENTS).where(EVENTS.c.kind.in_(KINDS), EVENTS.c.at >= since).order_by(EVENTS.c.seq)
    )
    decisions = _decisions([as_event(row) for row in rows])
    people = _grouped(decisions, lambda one: one.event.who)
    enough = [one for one in people if one.decisions >= LEAST]
    return Statistics(
        total=_figures("", decisions),
        days=tuple(reversed(_grouped(decisions, lambda one: one.event.at[:10]))),
        people=tuple(enough) if each_person else None,
        too_few=len(people) - len(enough),
        functions=_functions(decisions),
    )


def _decisions(events: Sequence[Event]) -> list[_Decision]:
    """The decisions among `events`, which are in the order of the log."""
    undone = {undoes(event) for event in events if event.kind == "undo"}
    made: list[_Decision] = []
    leanings: dict[str, str | None] = {}
    last: dict[str, int] = {}
    turned: set[int] = set()
    for event in events:
        item_id, told = event.item_id or "", event.told()
        if event.kind == "second" and event.seq not in undone:
            leanings[item_id] = told["decision"]
        elif event.kind == "reopen" and item_id in last:
            turned.add(last[item_id])
        elif event.kind == "decide":
            leaning = leanings.get(item_id) if told["opinion"] == "second" else None
            before = last.get(item_id)
            if before is not None and told["opinion"] == "settling":
                overruled = made[before].told["decision"] != told["decision"]
                turned |= {before} if overruled else set()
            last[item_id] = len(made)
            made.append(
                _Decision(
                    event=event,
                    told=told,
                    reversed=event.seq in undone,
                    agreed=None if leaning is None else leaning == told["decision"],
                )
            )
    return [
        replace(one, reversed=one.reversed or number in turned) for number, one in enumerate(made)
    ]


def _grouped(decisions: Iterable[_Decision], name: Callable[[_Decision], str]) -> list[Figures]:
    groups: defaultdict[str, list[_Decision]] = defaultdict(list)
    for one in decisions:
        groups[name(one)].append(one)
    return [_figures(key, groups[key]) for key in sorted(groups)]


def _figures(name: str, decisions: Sequence[_Decision]) -> Figures:
    times_s = [
        one.told["ms_on_screen"] / 1000
        for one in decisions
        if one.told.get("ms_on_screen") is not None
    ]
    bold = [one for one in decisions if one.told.get("band") == "inspect"]
    marks = [one.told["marks_shown"] for one in decisions if one.told["marks_shown"] is not None]
    opinions = [one.agreed for one in decisions if one.agreed is not None]
    return Figures(
        name=name,
        decisions=len(decisions),
        inspect=sum(one.told["decision"] == "inspect" for one in decisions),
        p50_s=float(np.percentile(times_s, 50)) if times_s else None,
        p95_s=float(np.percentile(times_s, 95)) if times_s else None,
        reversed=sum(one.reversed for one in decisions),
        against_model=sum(one.told["decision"] == "clear" for one in bold),
        model_inspect=len(bold),
        marks_shown=sum(map(bool, marks)),
        marks_known=len(marks),
        opinions=len(opinions),
        agreed=sum(opinions),
    )


def _functions(decisions: Iterable[_Decision]) -> tuple[tuple[str, int], ...]:
    counts: defaultdict[str, int] = defaultdict(int)
    for one in decisions:
        for function in set(one.told.get("functions_used") or ()):
            counts[function] += 1
    return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
