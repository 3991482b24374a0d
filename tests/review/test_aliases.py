"""Numbers of labels, bills and entries lead to their case."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.review import case_world as w

from parcelscope.review.aliases import (
    MOST_FOUND,
    Alias,
    AliasKind,
    alias_of,
    aliases_of_case,
    resolve,
)
from parcelscope.review.case_steps import add_case_alias
from parcelscope.review.database import reading
from parcelscope.review.errors import NotAllowed, ReviewError


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with w.sqlite_review(tmp_path) as engine:
        yield engine


@pytest.mark.parametrize(
    ("kind", "text", "alias", "problem"),
    [
        pytest.param("tracking_number", "ee 471 108 151 fr", "EE471108151FR", None, id="s10"),
        pytest.param(
            "tracking_number",
            "EE471108152FR",
            "EE471108152FR",
            "the check digit must be 1, got 2",
            id="s10 with a wrong digit",
        ),
        pytest.param("tracking_number", "1Z 999", "1Z999", None, id="a form of the carrier's own"),
        pytest.param("house_bill", "abc-1/2", "ABC1/2", None, id="house bills are free"),
        pytest.param("master_bill", "176-12345675", "17612345675", None, id="air waybill"),
        pytest.param(
            "master_bill",
            "176-12345674",
            "17612345674",
            "the check digit must be 5, got 4",
            id="air waybill with a wrong digit",
        ),
        pytest.param("entry_number", "abc-1234567-8", "ABC12345678", None, id="entry"),
        pytest.param(
            "entry_number",
            "1234",
            "1234",
            "an entry number is a filer code of 3 characters, 7 digits and a check digit",
            id="no entry",
        ),
    ],
)
def test_a_number_has_one_form_and_says_what_is_wrong_with_it(
    kind: AliasKind, text: str, alias: str, problem: str | None
) -> None:
    assert alias_of(kind, text) == Alias(kind=kind, alias=alias, problem=problem)


@pytest.mark.parametrize("text", ["", "  ", "-", "\x1d", "9" * 300])
def test_what_is_no_number_is_no_alias(text: str) -> None:
    assert alias_of("house_bill", text) is None


def test_each_number_of_the_manifest_leads_to_the_case(engine: Engine) -> None:
    told = {
        "tracking_number": "EE471108151FR",
        "house_bill": "HB 77",
        "master_bill": "176-12345675",
        "entry_number": "ABC-1234567-8",
        "description": "phone case",
    }
    one, other = w.references(engine, w.parcel(1, **told), w.parcel(2, tracking_number="LX1"))
    asked = ["CN-1", "cn 1", "EE471108151FR", "ee 471108151 fr", "HB77", "17612345675", one]
    with reading(engine) as connection:
        for text in [*asked, f"https://review.example/cases/{one}", "\x1dEE471108151FR"]:
            assert resolve(connection, text).references == (one,), text
        assert resolve(connection, "lx-1").references == (other,)
        kinds = [alias.kind for alias in aliases_of_case(connection, one)]
    assert kinds == ["parcel_id", "tracking_number", "entry_number", "house_bill", "master_bill"]


def test_a_bill_of_many_gives_them_all_and_an_own_number_goes_before(engine: Engine) -> None:
    parcels = [w.parcel(n, master_bill="176-12345675", carton_id="MC-9") for n in (1, 2, 3)]
    found = w.references(engine, *parcels)
    (of_carton,) = w.references(engine, w.carton(9))
    with reading(engine) as connection:
        assert resolve(connection, "176-12345675").references == tuple(sorted(found))
        assert resolve(connection, "MC-9").references == (of_carton,)


def test_of_thousands_on_one_bill_some_are_listed_and_an_own_number_is_still_found(
    engine: Engine,
) -> None:
    w.references(engine, *(w.parcel(n, carton_id="MC-9") for n in range(1, 3 * MOST_FOUND)))
    with reading(engine) as connection:
        assert len(resolve(connection, "MC-9").references) == MOST_FOUND
    (of_carton,) = w.references(engine, w.carton(9))
    with reading(engine) as connection:
        assert resolve(connection, "MC-9").references == (of_carton,)


def test_an_address_label_with_its_postcode_leads_to_the_parcel(engine: Engine) -> None:
    (one,) = w.references(engine, w.parcel(1, tracking_number="9205590164917312751089"))
    with reading(engine) as connection:
        for text in ("420100019205590164917312751089", "4201000112349205590164917312751089"):
            assert resolve(connection, text).references == (one,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a number, got nothing"),
        ("CN-99", "no case is known by CN-99"),
        ("EE471108152FR", r"no case is known by EE471108152FR \(the check digit must be 1, got 2"),
        ("PSC-2026-7K3M9QXA-2", "there is no case PSC-2026-7K3M9QXA-2"),
        ("PSC-2026-7K3M9QAX-2", "is no reference: one character is wrong, or two changed about"),
        ("x" * 1000, r"no case is known by x{57}\.\.\."),
    ],
)
def test_a_number_that_leads_nowhere_says_why(engine: Engine, text: str, problem: str) -> None:
    w.references(engine, w.parcel())
    with reading(engine) as connection:
        found = resolve(connection, text)
    assert not found.references
    assert found.problem is not None
    assert re.search(problem, found.problem), found.problem


def test_a_wrong_number_of_a_manifest_is_kept_with_what_is_wrong(engine: Engine) -> None:
    (one,) = w.references(engine, w.parcel(1, tracking_number="EE471108152FR"))
    with reading(engine) as connection:
        assert resolve(connection, "EE471108152FR").references == (one,)
        problems = [alias.problem for alias in aliases_of_case(connection, one)]
    assert problems == [None, "the check digit must be 1, got 2"]


def test_people_add_numbers_that_can_be_right(engine: Engine) -> None:
    (one,) = w.references(engine, w.parcel())
    add_case_alias(engine, w.ANA, w.US, one, "seizure_number", "2026-4701-000123")
    with reading(engine) as connection:
        assert resolve(connection, "2026 4701 000123").references == (one,)
    with pytest.raises(ReviewError, match=r"EE471108152FR cannot be right: the check digit must"):
        add_case_alias(engine, w.ANA, w.US, one, "tracking_number", "EE471108152FR")
    with pytest.raises(ReviewError, match=r"expected one of tracking_number, .* got parcel_id"):
        add_case_alias(engine, w.ANA, w.US, one, "parcel_id", "CN-2")
    with pytest.raises(NotAllowed, match="vic is viewer here"):
        add_case_alias(engine, w.VIC, w.US, one, "house_bill", "HB1")


def test_scored_anew_a_parcel_keeps_its_numbers_and_gets_new_ones(engine: Engine) -> None:
    (one,) = w.references(engine, w.parcel(1, house_bill="OLD"))
    assert w.references(engine, w.parcel(1, house_bill="NEW")) == [one]
    with reading(engine) as connection:
        assert resolve(connection, "OLD").references == (one,)
        assert resolve(connection, "NEW").references == (one,)
