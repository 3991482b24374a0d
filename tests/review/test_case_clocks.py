"""Periods of cases: by the pack of the day, over weekends and federal holidays."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.review.case_world import US
from tests.screening import policies as p

from parcelscope.datasets.errors import ConfigError
from parcelscope.review.case_clocks import Clock, calendar, clocks, due_day, due_words
from parcelscope.review.case_states import CaseDate
from parcelscope.screening.policy import notice_periods
from parcelscope.screening.policy_rules import CaseSubject, NoticeRule

DAYS = st.dates(date(2019, 8, 13), date(2040, 1, 1))


def happened(*events: tuple[str, str]) -> list[CaseDate]:
    return [
        CaseDate(seq=number, event=event, day=date.fromisoformat(day))
        for number, (event, day) in enumerate(events, start=1)
    ]


def clock(code: str, *events: tuple[str, str], about: tuple[CaseSubject, ...] = ()) -> Clock | None:
    found = clocks(US, happened(*events), about)
    return next((one for one in found if one.rule.code == code), None)


def rule(**changes: object) -> NoticeRule:
    told = {
        "kind": "notice_period",
        "code": "any",
        "citation": "none",
        "source_checked": False,
        "action": "act",
        "by": "customs",
        "length": 5,
        "unit": "business_days",
        "counted_from": "start",
    }
    return NoticeRule.model_validate(told | changes)


@pytest.mark.parametrize(
    ("code", "start", "event", "due"),
    [
        pytest.param("detention-decision", "2026-11-23", "presentation", "2026-12-01", id="5 days"),
        pytest.param(
            "detention-decision", "2026-11-16", "presentation", "2026-11-23", id="a weekend"
        ),
        pytest.param(
            "detention-decision", "2027-12-24", "presentation", "2028-01-03", id="observed holidays"
        ),
        pytest.param(
            "admissibility-decision", "2026-11-23", "presentation", "2026-12-23", id="calendar days"
        ),
        pytest.param("mark-notice", "2026-07-02", "decision-to-detain", "2026-07-10", id="July 4"),
        pytest.param(
            "similar-mark-notice", "2026-07-02", "decision-to-detain", "2026-07-07", id="no word"
        ),
        pytest.param("mark-answer", "2026-11-23", "notice-of-detention", "2026-12-03", id="7 days"),
        pytest.param(
            "limited-information", "2026-11-28", "notice-of-detention", "2026-11-28", id="at once"
        ),
        pytest.param("seizure-notice", "2026-11-23", "notice-of-seizure", "2027-01-07", id="30"),
        pytest.param("petition", "2026-11-23", "notice-of-seizure", "2026-12-23", id="petition"),
    ],
)
def test_a_period_ends_as_its_pack_says(code: str, start: str, event: str, due: str) -> None:
    found = clock(code, (event, start))
    assert found is not None
    assert (str(found.started), str(found.due), found.ended) == (start, due, None)


def test_the_pack_of_the_day_on_which_a_period_starts_counts() -> None:
    for day in ("2024-08-22", "2024-08-23", "2026-06-23", "2026-06-24"):
        found = clock("copyright-notice", ("decision-to-detain", day))
        pack = US.on(date.fromisoformat(day))
        assert pack is not None
        if day == "2024-08-22":  # the rule on copyrights is in force from the next day on
            assert found is None
        else:
            assert found is not None
            assert found.pack == pack.name
    assert clocks(US, happened(("presentation", "2001-01-01")), ()) == ()


def test_what_a_case_is_about_decides_which_periods_run() -> None:
    def codes(about: tuple[CaseSubject, ...]) -> set[str]:
        return {
            one.rule.code for one in clocks(US, happened(("presentation", "2026-11-23")), about)
        }

    assert codes(("mark",)) == set()
    assert codes(("admissibility",)) == {"detention-decision", "admissibility-decision"}
    assert codes(("similar_mark", "admissibility")) == codes(("admissibility",)) | {
        "similar-mark-detention"
    }
    assert codes(("copyright",)) == {"copyright-detention"}
    # Before anybody said so, nothing may be missed.
    assert codes(()) >= codes(("similar_mark", "admissibility")) | codes(("copyright",))


@pytest.mark.parametrize(
    ("later", "ended"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((("decision-to-detain", "2026-11-24"),), "2026-11-24", id="decided"),
        pytest.param((("release", "2026-12-09"),), "2026-12-09", id="released late"),
        pytest.param((("notice-of-detention", "2026-11-24"),), None, id="something else"),
        pytest.param((("release", "2026-11-20"),), None, id="before it began"),
        pytest.param(
            (("release", "2026-12-01"), ("decision-to-detain", "2026-11-25")),
            "2026-11-25",
            id="the first of two",
        ),
    ],
)
def test_a_period_ends_with_the_first_event_that_ends_it(
    later: tuple[tuple[str, str], ...], ended: str | None
) -> None:
    found = clock("detention-decision", ("presentation", "2026-11-23"), *later)
    assert found is not None
    assert (found.ended and str(found.ended)) == ended


def test_presented_again_the_period_starts_again() -> None:
    found = clock(
        "detention-decision",
        ("presentation", "2026-11-02"),
        ("release", "2026-11-03"),
        ("presentation", "2026-11-23"),
    )
    assert found is not None
    assert (str(found.started), found.ended) == ("2026-11-23", None)


@pytest.mark.parametrize(
    ("on", "words"),
    [
        ("2026-11-23", "due in 5 business days"),
        ("2026-11-25", "due in 3 business days"),
        ("2026-11-26", "due in 3 business days"),
        ("2026-11-30", "due in 1 business day"),
        ("2026-12-01", "due today"),
        ("2026-12-02", "overdue by 1 business day"),
        ("2026-12-31", "overdue by 21 business days"),
    ],
)
def test_how_far_a_period_is_in_words(on: str, words: str) -> None:
    found = clock("detention-decision", ("presentation", "2026-11-23"))
    assert found is not None
    assert due_words(found, date.fromisoformat(on), "US") == words


def test_over_a_weekend_an_overdue_period_counts_plain_days() -> None:
    found = clock("detention-decision", ("presentation", "2026-11-13"))
    assert found is not None
    assert str(found.due) == "2026-11-20"
    assert due_words(found, date(2026, 11, 22), "US") == "overdue by 2 days"


@pytest.mark.parametrize(
    ("ended", "words"),
    [("2026-12-01", "done in time"), ("2026-12-03", "done 2 business days late")],
)
def test_a_period_that_ended_says_whether_it_was_in_time(ended: str, words: str) -> None:
    found = clock("detention-decision", ("presentation", "2026-11-23"), ("release", ended))
    assert found is not None
    assert due_words(found, date(2027, 1, 1), "US") == words


@given(DAYS, st.integers(1, 40))
def test_business_days_are_counted_one_by_one(start: date, length: int) -> None:
    pack = US.on(start)
    assert pack is not None
    due = due_day(pack, rule(length=length), start)
    days = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]
    free = calendar("US")
    counted = [day for day in days if day.weekday() < 5 and day not in free]
    assert len(counted) == length
    assert counted[-1] == due


@given(DAYS, st.integers(0, 60))
def test_calendar_days_are_days(start: date, length: int) -> None:
    pack = US.on(start)
    assert pack is not None
    due = due_day(pack, rule(length=length, unit="calendar_days"), start)
    assert (due - start).days == length


def test_no_holidays_leave_only_weekends() -> None:
    thursday = date(2026, 11, 26)
    assert calendar("US").get_nth_working_day(date(2026, 11, 25), 1) == date(2026, 11, 27)
    assert calendar(None).get_nth_working_day(date(2026, 11, 25), 1) == thursday
    assert calendar("DE-BY").get_nth_working_day(date(2026, 1, 5), 1) == date(2026, 1, 7)


def test_a_calendar_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holidays: expected a country .* got 'XX'"):
        calendar("XX")
    told = rule(counted_from="presentation").model_dump(mode="json", exclude_none=True)
    policies = p.loaded(tmp_path, p.pack(rules=[told], holidays="QZ"))
    with pytest.raises(ConfigError, match="got 'QZ'"):
        clocks(policies, happened(("presentation", "2020-11-23")), ())


def test_each_period_of_the_packs_can_end() -> None:
    for day in (date(2024, 1, 2), date(2025, 9, 2), date(2026, 11, 23)):
        for one in notice_periods(US, day):
            assert one.counted_from not in one.ended_by, one.code
