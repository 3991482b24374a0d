"""The periods of a case: when each began, when it ends, and how that is said.

Lengths, what they are counted from and what ends them stand in the policy packs, each with its
citation; weekends and public holidays come from the `holidays` library. No number of a law is here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

import holidays

from parcelscope.datasets.errors import ConfigError
from parcelscope.review.case_states import CaseDate
from parcelscope.screening.policy import Policies, notice_periods
from parcelscope.screening.policy_rules import CaseSubject, NoticeRule, PolicyPack

PARTY_WORDS: Final = {
    "importer": "importer",
    "right_holder": "right holder",
    "customs": "customs",
    "carrier": "carrier",
    "filer": "filer",
}
_YEARS: Final = range(2010, 2051)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One period of a case."""

    rule: NoticeRule
    pack: str
    """Policy pack that held on the day on which it started."""
    started: date
    due: date
    """The last day on which it is in time."""
    ended: date | None
    """When what ends it happened."""

    @property
    def words(self) -> str:
        """Who has to do what, as in `customs to importer: notify of detention`."""
        return action_words(self.rule)

    @property
    def source(self) -> str:
        """Citation, with a warning where it was not checked."""
        return self.rule.citation + ("" if self.rule.source_checked else "; not checked")


def clocks(
    policies: Policies, dates: Sequence[CaseDate], about: Sequence[CaseSubject]
) -> tuple[Clock, ...]:
    """The periods of a case, by the day on which they are due.

    Of an event that happened twice, the later one counts. As long as nobody said what a case is
    about, periods of all kinds of cases run.

    Args:
        policies: Whose law counts; of its packs, the one of the day on which a period starts.
        dates: What happened.
        about: What the case is about.

    Raises:
        ConfigError: If a pack names a calendar that there is not.
    """
    latest = {one.event: one for one in sorted(dates, key=_order)}
    found: dict[str, Clock] = {}
    for start in latest.values():
        pack = policies.on(start.day)
        if pack is None:
            continue
        for rule in notice_periods(policies, start.day):
            if rule.counted_from != start.event or not _is_about(rule, about):
                continue
            clock = Clock(
                rule=rule,
                pack=pack.name,
                started=start.day,
                due=due_day(pack, rule, start.day),
                ended=_ended(rule, start, dates),
            )
            found[rule.code] = clock
    return tuple(sorted(found.values(), key=lambda one: (one.due, one.rule.code)))


def action_words(rule: NoticeRule) -> str:
    """Who has to do what, as in `customs to importer: notify of detention`."""
    to = "" if rule.to is None else f" to {PARTY_WORDS[rule.to]}"
    return f"{PARTY_WORDS[rule.by]}{to}: {rule.action.replace('-', ' ')}"


def due_day(pack: PolicyPack, rule: NoticeRule, start: date) -> date:
    """The last day of the period of `rule` that starts on `start`, which does not count itself.

    Raises:
        ConfigError: If `pack` names a calendar that there is not.
    """
    if rule.unit == "calendar_days" or rule.length == 0:
        return start + timedelta(days=rule.length)
    due: date = calendar(pack.holidays).get_nth_working_day(start, rule.length)
    return due


def due_words(clock: Clock, today: date, holidays_of: str | None) -> str:
    """How far `clock` is, as in `due in 3 business days` or `overdue by 1 day`.

    Args:
        clock: A period.
        today: The day where the law is.
        holidays_of: Whose holidays count, as a policy pack names them.
    """
    if clock.ended is not None:
        late = _days(clock, clock.due, clock.ended, holidays_of)
        return "done in time" if clock.ended <= clock.due else f"done {late} late"
    if clock.due == today:
        return "due today"
    if clock.due > today:
        return f"due in {_days(clock, today, clock.due, holidays_of)}"
    return f"overdue by {_days(clock, clock.due, today, holidays_of)}"


@cache
def calendar(name: str | None) -> holidays.HolidayBase:
    """Which days are no business days in the country or part of it `name`; weekends only if None.

    Raises:
        ConfigError: If there is no such calendar.
    """
    if name is None:
        return holidays.HolidayBase()
    country, _, part = name.partition("-")
    try:
        # All years at once: a year that is filled in later is half empty for other threads.
        return holidays.country_holidays(country, subdiv=part or None, years=_YEARS)
    except NotImplementedError:
        raise ConfigError(
            f"policy pack: holidays: expected a country of ISO 3166-1 that has a calendar, or a"
            f" part of one, got {name!r}"
        ) from None


def holidays_on(policies: Policies, day: date) -> str | None:
    """Whose holidays count on `day`."""
    pack = policies.on(day)
    return None if pack is None else pack.holidays


def holidays_between(name: str | None, first: date, last: date) -> Iterator[tuple[date, str]]:
    """The public holidays from `first` to `last`, with their names."""
    known = calendar(name)
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day in known:
            yield day, str(known[day])


def _days(clock: Clock, first: date, last: date, holidays_of: str | None) -> str:
    """The days behind `first` up to `last`, in the unit of `clock`."""
    if clock.rule.unit == "business_days":
        count = calendar(holidays_of).get_working_days_count(first + timedelta(days=1), last)
        unit = "business day"
        if count == 0:  # over a weekend
            count, unit = (last - first).days, "day"
    else:
        count, unit = (last - first).days, "day"
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _is_about(rule: NoticeRule, about: Sequence[CaseSubject]) -> bool:
    return not rule.about or not about or bool(set(rule.about) & set(about))


def _ended(rule: NoticeRule, start: CaseDate, dates: Sequence[CaseDate]) -> date | None:
    """The day of the first event since `start` that ends `rule`."""
    enders = rule.ended_by or (rule.action,)
    later = (one for one in dates if one.event in enders and _order(one) > _order(start))
    return min((one.day for one in later), default=None)


def _order(one: CaseDate) -> tuple[date, int]:
    return one.day, one.seq
