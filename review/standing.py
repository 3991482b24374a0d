"""Where a parcel stands: what its events come to, one after the other.

The queue writes these columns beside each event that it appends; replaying the events alone gives
the same, which `audit verify` checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from parcelscope.review.events import Event

State = Literal["open", "second", "disputed", "decided", "released"]
Choice = Literal["clear", "inspect"]
Outcome = Literal["violation", "no_violation", "not_examined"]

WAITING: Final[tuple[State, ...]] = ("open", "second", "disputed")
"""States in which somebody still has to decide."""
DECISIONS: Final = ("decide", "second", "release")
"""Kinds of events that can be undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The columns of an item that people change by what they do."""

    state: State = "open"
    first_by: str | None = None
    """Who asked for a second opinion."""
    first_decision: Choice | None = None
    """What they leaned to, if they said so."""
    decision: Choice | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    decision_event: int | None = None
    outcome: Outcome | None = None
    outcome_at: str | None = None


def after(standing: Standing, event: Event) -> Standing:
    """`standing` with what `event` changes; an `undo` is not for here, but for `replay`."""
    told = event.told()
    match event.kind:
        case "decide" if not told["settles"]:
            return replace(standing, state="disputed")
        case "decide" | "release":
            released = event.kind == "release"
            return replace(
                standing,
                state="released" if released else "decided",
                decision="clear" if released else told["decision"],
                decided_by=event.who,
                decided_at=event.at,
                decision_event=event.seq,
            )
        case "second" if standing.state == "open":
            return replace(
                standing, state="second", first_by=event.who, first_decision=told["decision"]
            )
        case "second":
            return replace(standing, state="disputed")
        case "reopen":
            return Standing(outcome=standing.outcome, outcome_at=standing.outcome_at)
        case "outcome":
            return replace(standing, outcome=cast(Outcome, told["outcome"]), outcome_at=event.at)
        case _:
            return standing


def replay(events: Sequence[Event]) -> Standing:
    """What the events of one item come to, oldest first."""
    standing = Standing()
    for event in standing_events(events):
        standing = after(standing, event)
    return standing


def standing_events(events: Sequence[Event]) -> list[Event]:
    """`events` without those that were undone, and without the undoing."""
    undone = {undoes(event) for event in events}
    return [event for event in events if event.seq not in undone and event.kind != "undo"]


def undoes(event: Event) -> int | None:
    """Number of the event that `event` undoes, if it is an `undo`."""
    told: dict[str, Any] = event.told() if event.kind == "undo" else {}
    return told.get("undoes")
