"""What happened to one parcel, in words: its events as a page tells them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from parcelscope.review.events import Event
from parcelscope.review.items import Item
from parcelscope.review.reasons import ReasonCodes

OUTCOME_WORDS: Final[Mapping[str, str]] = {
    "violation": "exam: a violation was found",
    "no_violation": "exam: nothing was found",
    "not_examined": "was not examined",
}
_DECISIONS: Final[Mapping[str, str]] = {"clear": "cleared", "inspect": "sent to inspection"}


def history(
    item: Item, of_item: Sequence[Event], codes: ReasonCodes, *, name: str
) -> list[dict[str, Any]]:
    """The events `of_item` for the person `name`, oldest first.

    While somebody is asked for a second opinion, they are not told what the first one did or wrote.
    """
    blind = item.state == "second" and item.first_by != name
    return [
        {"at": event.at, "who": event.who, "kind": event.kind, "words": words(event, codes)}
        for event in of_item
        if not blind
    ]


def words(event: Event, codes: ReasonCodes) -> str:
    """What `event` says, in one line."""
    told = event.told()
    say = _SAY.get(event.kind)
    sentence = say(told) if say else event.kind.replace("_", " ")
    reason = _reason(told.get("reason_code"), codes)
    note = told.get("note")
    return ": ".join(part for part in (sentence, reason, note) if part)


def _reason(code: object, codes: ReasonCodes) -> str:
    if not isinstance(code, str):
        return ""
    known = (*codes.clear, *codes.inspect)
    return next((reason.words for reason in known if reason.code == code), code)


def _decided(told: Mapping[str, Any]) -> str:
    done = _DECISIONS.get(told.get("decision", ""), "decided")
    return done if told.get("settles", True) else f"{done}, unlike the first opinion"


def _asked(told: Mapping[str, Any]) -> str:
    leaning = told.get("decision") or ""
    asked = "asked for a second opinion"
    return f"{asked}, would have {_DECISIONS[leaning]} it" if leaning in _DECISIONS else asked


_SAY: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "decide": _decided,
    "second": _asked,
    "undo": lambda told: "took the decision back",
    "note": lambda told: "noted",
    "release": lambda told: "released with its carton",
    "outcome": lambda told: OUTCOME_WORDS.get(told.get("outcome", ""), "exam"),
}
