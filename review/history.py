"""What happened to one parcel, in words: its events as a page tells them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from parcelscope.review import case_words
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
    told_note = f"“{note}”" if (note := told.get("note")) else ""
    return "; ".join(part for part in (sentence, reason, told_note) if part)


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


def _handed_on(told: Mapping[str, Any]) -> str:
    came, to = told.get("from"), told.get("to")
    return (f"handed on to {to}" if to else "put back") + (f", was with {came}" if came else "")


def _enrolled(told: Mapping[str, Any]) -> str:
    return f"run {told.get('run')}: {told.get('new')} new, {told.get('changed')} scored anew"


def _exported(told: Mapping[str, Any]) -> str:
    count = told.get("events")
    return f"exported {count} {'event' if count == 1 else 'events'} as {told.get('format')}"


_SAY: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "decide": _decided,
    "second": _asked,
    "undo": lambda told: "took the decision back",
    "note": lambda told: "noted",
    "release": lambda told: f"released with its carton: “{told.get('reason')}”",
    "reopen": lambda told: f"put into the queue again: “{told.get('reason')}”",
    "reassign": _handed_on,
    "enrol": _enrolled,
    "sign_in": lambda told: f"signed in from {told.get('address')} ({told.get('how')})",
    "sign_in_refused": lambda told: f"could not sign in from {told.get('address')}",
    "sign_out": lambda told: "signed out",
    "person_added": lambda told: f"added {told.get('name')}, {told.get('role')}",
    "person_changed": lambda told: (
        f"made {told.get('name')} {told.get('role')}, was {told.get('before')}"
    ),
    "person_disabled": lambda told: f"shut out {told.get('name')}",
    "person_enabled": lambda told: f"let in {told.get('name')} again",
    "password_set": lambda told: f"set the password of {told.get('name')}",
    "audit_export": _exported,
    "outcome": lambda told: OUTCOME_WORDS.get(told.get("outcome", ""), "exam"),
    **case_words.SAY,
}
