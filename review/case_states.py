"""What may become of a case, and what its events come to, one after the other.

A case is open while its parcel is reviewed. All else is written into the log as events; replaying
them gives the state of the case and the days on which periods start and end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal, cast, get_args
from zoneinfo import ZoneInfo

from parcelscope.review.events import Event
from parcelscope.review.roles import Action
from parcelscope.review.standing import standing_events
from parcelscope.screening.policy_rules import CaseSubject

CaseState = Literal["open", "exam", "detained", "conditionally_released", "seized", "released"]
STATES: Final[tuple[CaseState, ...]] = get_args(CaseState)
STATE_WORDS: Final[dict[CaseState, str]] = {
    "open": "open",
    "exam": "in exam",
    "detained": "detained",
    "conditionally_released": "conditionally released",
    "seized": "seized",
    "released": "released",
}
SUBJECT_WORDS: Final[dict[CaseSubject, str]] = {
    "admissibility": "whether the goods may enter",
    "mark": "a mark that may not be genuine",
    "similar_mark": "a mark that resembles a registered one",
    "copyright": "a copy that may not be licensed",
    "other_agency": "what another agency decides on",
    "overage": "goods that no manifest names",
}
MoveKey = Literal[
    "refer", "release", "detain", "seize", "release_conditionally", "call_back", "reopen"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One way from some states to another."""

    key: MoveKey
    words: str
    """What the button says."""
    sources: tuple[CaseState, ...]
    target: CaseState
    event: str | None = None
    """The event of notice periods that it is, on its day."""
    action: Action = "decide"
    """What the role must allow."""
    needs_subject: bool = False
    needs_agency: bool = False


MOVES: Final[tuple[Move, ...]] = (
    Move(key="refer", words="Send to exam", sources=("open",), target="exam"),
    Move(
        key="detain",
        words="Detain",
        sources=("exam",),
        target="detained",
        event="decision-to-detain",
        needs_subject=True,
    ),
    Move(
        key="release_conditionally",
        words="Release conditionally",
        sources=("exam", "detained"),
        target="conditionally_released",
        event="conditional-release",
        needs_agency=True,
    ),
    Move(
        key="call_back",
        words="Call back",
        sources=("conditionally_released",),
        target="exam",
        event="call-back",
    ),
    Move(
        key="seize",
        words="Seize",
        sources=("exam", "detained"),
        target="seized",
        event="seizure",
    ),
    Move(
        key="release",
        words="Release",
        sources=("open", "exam", "detained", "conditionally_released", "seized"),
        target="released",
        event="release",
    ),
    Move(
        key="reopen",
        words="Open again",
        sources=("released",),
        target="exam",
        action="supervise",
    ),
)
"""All that may become of a case; what is not here is refused."""

EVENT_WORDS: Final[dict[str, str]] = {
    "arrival": "arrived",
    "presentation": "presented, in a condition to be viewed",
    "decision-to-detain": "decided to detain",
    "notice-of-detention": "notice of detention sent to the importer",
    "limited-information": "limited information given to the right holder",
    "answer-of-importer": "answer of the importer came",
    "seizure": "seized",
    "notice-of-seizure": "notice of seizure mailed",
    "notice-to-right-holder": "right holder told of the seizure",
    "petition": "petition for relief came",
    "conditional-release": "conditionally released",
    "call-back": "called back",
    "release": "released",
    "exclusion": "excluded from entry",
    "report-overage": "overage reported",
}
"""Events that start or end notice periods; a policy pack may know others."""
RECORDED: Final[tuple[str, ...]] = (
    "arrival",
    "presentation",
    "notice-of-detention",
    "limited-information",
    "answer-of-importer",
    "notice-of-seizure",
    "notice-to-right-holder",
    "petition",
    "exclusion",
    "report-overage",
)
"""Those of them that are written down by hand; the others are moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDate:
    """A day on which something happened that periods start or end with."""

    seq: int
    """Number of the event that says so."""
    event: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStanding:
    """What the events of a case come to."""

    state: CaseState = "open"
    since: str | None = None
    """When it came into this state."""
    opened: str | None = None
    """When it became a case."""
    changed: str | None = None
    """When anything of it changed last."""
    is_case: bool = False
    """Whether it ever left review for more than a release."""
    about: tuple[CaseSubject, ...] = ()
    """Nobody said so yet if empty."""
    agency: str | None = None
    """Whose word a conditional release waits for."""
    dates: tuple[CaseDate, ...] = ()


def move_to(state: CaseState, key: str) -> Move | None:
    """The move `key` of a case in `state`, or None where it is not allowed."""
    return next((one for one in MOVES if one.key == key and state in one.sources), None)


def moves_from(state: CaseState) -> tuple[Move, ...]:
    """What may become of a case in `state`."""
    return tuple(one for one in MOVES if state in one.sources)


def refusal(state: CaseState, key: str) -> str:
    """Why a case in `state` does not make the move `key`, as the end of a sentence."""
    allowed = " or ".join(one.words.lower() for one in moves_from(state))
    asked = next((one.words.lower() for one in MOVES if one.key == key), repr(key[:40]))
    return f"is {STATE_WORDS[state]}: expected {allowed}, got {asked}"


def event_words(event: str) -> str:
    """`event` of a notice period in words."""
    return EVENT_WORDS.get(event, event.replace("-", " "))


def replay(events: Sequence[Event], zone: ZoneInfo) -> CaseStanding:
    """What the events of one parcel come to as a case.

    Args:
        events: Oldest first; those that were undone count for nothing.
        zone: Where its days begin.
    """
    standing = CaseStanding()
    counted = standing_events(events)
    withdrawn = {event.told()["withdraws"] for event in counted if event.kind == "case_withdraw"}
    for event in counted:
        changed = standing if event.seq in withdrawn else after(standing, event, zone)
        if changed != standing:
            standing = replace(changed, changed=event.at)
    return standing


def after(standing: CaseStanding, event: Event, zone: ZoneInfo) -> CaseStanding:
    """`standing` with what `event` changes."""
    told = event.told()
    match event.kind:
        case "decide" if told["settles"]:
            if told["decision"] == "clear":
                return _into(standing, "released", event, ())
            return _into(_made_case(standing, event), "exam", event, ())
        case "release":
            return _into(standing, "released", event, ())
        case "reopen" if standing.state in ("exam", "released"):
            return _into(standing, "open", event, ())
        case "outcome":
            return _examined(_made_case(standing, event), event, told, zone)
        case "case_move":
            return _moved(_made_case(standing, event), event, told)
        case "case_date":
            happened = CaseDate(
                seq=event.seq, event=told["event"], day=date.fromisoformat(told["day"])
            )
            made = _made_case(standing, event)
            return replace(made, dates=(*made.dates, happened))
        case "case_about":
            return replace(standing, about=tuple(told["about"]))
        case _:
            return standing


def _examined(
    standing: CaseStanding, event: Event, told: dict[str, Any], zone: ZoneInfo
) -> CaseStanding:
    """After an exam, or one that did not take place."""
    if told["outcome"] == "not_examined":
        return standing
    began = told.get("exam_started_at") or event.at
    day = datetime.fromisoformat(began).astimezone(zone).date()
    presented = any(one.event == "presentation" for one in standing.dates)
    seen = () if presented else (CaseDate(seq=event.seq, event="presentation", day=day),)
    if told.get("then") == "release":
        ended = datetime.fromisoformat(told.get("exam_ended_at") or event.at).astimezone(zone)
        gone = CaseDate(seq=event.seq, event="release", day=ended.date())
        return _into(standing, "released", event, (*seen, gone))
    if standing.state in ("open", "released"):
        return _into(standing, "exam", event, seen)
    return replace(standing, dates=(*standing.dates, *seen))


def _moved(standing: CaseStanding, event: Event, told: dict[str, Any]) -> CaseStanding:
    move = next(one for one in MOVES if one.key == told["move"])
    day = date.fromisoformat(told["day"])
    dates = () if move.event is None else (CaseDate(seq=event.seq, event=move.event, day=day),)
    about = cast(tuple[CaseSubject, ...], tuple(told.get("about") or standing.about))
    agency = told.get("agency") or standing.agency
    waits = move.target == "conditionally_released"
    changed = replace(standing, about=about, agency=agency if waits else None)
    return _into(changed, move.target, event, dates)


def _made_case(standing: CaseStanding, event: Event) -> CaseStanding:
    return replace(standing, is_case=True, opened=standing.opened or event.at)


def _into(
    standing: CaseStanding, state: CaseState, event: Event, dates: tuple[CaseDate, ...]
) -> CaseStanding:
    return replace(standing, state=state, since=event.at, dates=(*standing.dates, *dates))
