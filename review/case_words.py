"""What happened to a case, in words: its own kinds of events as a timeline tells them."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from parcelscope.review.aliases import KIND_WORDS
from parcelscope.review.case_states import SUBJECT_WORDS, event_words

Told = Mapping[str, Any]
_SUBJECTS: Final[Mapping[str, str]] = {str(one): words for one, words in SUBJECT_WORDS.items()}
_DONE: Final[Mapping[str, str]] = {
    "refer": "sent to exam",
    "detain": "detained",
    "release_conditionally": "conditionally released",
    "call_back": "called back",
    "seize": "seized",
    "release": "released",
    "reopen": "opened again",
}


def day_words(day: date) -> str:
    """A day as people write it, as in `Fri 27 Nov 2026`."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def _moved(told: Told) -> str:
    done = _DONE.get(told["move"], told["move"])
    agency = f" pending {told['agency']}" if told.get("agency") else ""
    about = _about(told["about"]) if told.get("about") else ""
    day = day_words(date.fromisoformat(told["day"]))
    return f"{done}{agency} on {day}{about}: {told['reason']}"


def _dated(told: Told) -> str:
    return f"{event_words(told['event'])} on {day_words(date.fromisoformat(told['day']))}"


def _named(told: Told) -> str:
    return f"added {KIND_WORDS[told['kind']].lower()} {told['alias']}"


def _about(subjects: list[str]) -> str:
    return ", about " + " and ".join(_SUBJECTS.get(one, one) for one in subjects)


def _withdrawn(told: Told) -> str:
    return f"took back the day of event {told['withdraws']}: {told['reason']}"


def _subjects(told: Told) -> str:
    if not told["about"]:
        return "left open what the case is about"
    return f"says that the case is {_about(told['about'])[2:]}"


SAY: Final[Mapping[str, Callable[[Told], str]]] = {
    "case_move": _moved,
    "case_date": _dated,
    "case_withdraw": _withdrawn,
    "case_about": _subjects,
    "case_alias": _named,
}
"""One line for each kind of event that is a case's own."""
