"""Policy packs: read strictly, chosen by day."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.screening import policies as p

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.policy import (
    Found,
    PolicyConfig,
    consignee_day_limit,
    consignee_day_limits,
    disclosures,
    load_policies,
    notice_periods,
    parse_pack,
    read_packs,
    redactions,
    shipped_folder,
)


@pytest.mark.parametrize("found", read_packs(shipped_folder()), ids=lambda found: found.pack.name)
def test_a_rule_that_counts_as_checked_says_where_it_was_read(found: Found) -> None:
    assert found.file.stem == found.pack.name
    for rule in found.pack.rules:
        words = ("read at", "read in", "1321(a)(2)(C)", "govinfo")
        assert not rule.source_checked or any(word in rule.citation for word in words), rule.code


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2019-08-12", None),
        ("2019-08-13", "us-2019-t86"),
        ("2025-08-28", "us-2019-t86"),
        ("2025-08-29", "us-2025-08"),
        ("2026-06-23", "us-2025-08"),
        ("2026-06-24", "us-2026-06"),
        ("2099-01-01", "us-2026-06"),
    ],
)
def test_the_day_chooses_the_pack(day: str, name: str | None) -> None:
    pack = p.US.on(date.fromisoformat(day))
    assert (None if pack is None else pack.name) == name


@given(st.dates(date(2019, 8, 13), date(2040, 1, 1)))
def test_no_day_since_the_first_pack_is_without_one(day: date) -> None:
    assert sum(pack.effective.holds(day) for pack in p.US.packs) == 1


def test_the_limit_per_consignee_and_day_ends_with_the_exemption() -> None:
    limit = consignee_day_limit(p.US, date(2025, 8, 28))
    assert limit is not None
    assert (limit.amount, limit.currency) == (800, "USD")
    assert consignee_day_limit(p.US, date(2025, 8, 29)) is None
    assert consignee_day_limit(p.US, date(2000, 1, 1)) is None


def test_limits_as_a_table_are_those_of_each_day() -> None:
    table = consignee_day_limits(p.US)
    for day in (date(2019, 8, 13), date(2025, 8, 28), date(2025, 8, 29), date(2027, 1, 1)):
        rows = table.filter((table["first"] <= day) & (table["last"] >= day))
        limit = consignee_day_limit(p.US, day)
        assert rows["amount"].to_list() == ([] if limit is None else [limit.amount])
    assert all("1321" in text for text in table["citation"])


def test_periods_lists_and_fields_of_a_day() -> None:
    periods = {rule.code: rule for rule in notice_periods(p.US, date(2026, 7, 1))}
    assert (periods["mark-answer"].length, periods["mark-answer"].unit) == (7, "business_days")
    assert "postal-filing" not in periods  # from 2026-07-24
    assert "postal-filing" in {rule.code for rule in notice_periods(p.US, date(2026, 8, 1))}
    told = {field for rule in redactions(p.US, date(2026, 7, 1)) for field in rule.fields}
    assert {"serial_number", "lot_code", "importer_name"} <= told
    assert {rule.recipient for rule in disclosures(p.US, date(2026, 7, 1))} == {
        "importer",
        "right_holder",
    }
    assert notice_periods(p.US, date(2000, 1, 1)) == ()
    assert redactions(p.GENERIC, date(2026, 7, 1))[0].symbols


def test_packs_are_sorted_by_day_and_keep_a_digest_of_their_files(tmp_path: Path) -> None:
    later = p.pack(name="later", effective={"from": "2021-01-01"})
    policies = p.loaded(tmp_path / "a", later, p.pack())
    assert [pack.name for pack in policies.packs] == ["first", "later"]
    other = p.loaded(tmp_path / "b", later, p.pack(title="Another"))
    assert policies.digest != other.digest
    assert policies.digest == p.loaded(tmp_path / "c", later, p.pack()).digest


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        pytest.param({"effect": 1}, r"effect: Extra inputs", id="unknown key of the pack"),
        pytest.param(
            {"rules": [p.rule(entri="x")]},
            r"line \d+: rules\.0 \(any\)\.entri: Extra inputs",
            id="unknown key of a rule",
        ),
        pytest.param(
            {"rules": [{k: v for k, v in p.rule().items() if k != "citation"}]},
            r"line \d+: rules\.0 \(any\)\.citation: Field required",
            id="no citation",
        ),
        pytest.param(
            {"rules": [p.rule(citation=" ")]},
            r"rules\.0 \(any\)\.citation: String should have at least 1",
            id="a blank citation",
        ),
        pytest.param(
            {"rules": [p.rule(kind="advice")]},
            r"rules\.0 \(any\): Input tag 'advice' found .* does not match any",
            id="unknown kind",
        ),
        pytest.param(
            {"rules": [p.rule(applies={"origins": ["XX"]})]},
            r"rules\.0 \(any\)\.applies\.origins: expected countries of ISO 3166-1 .* got 'XX'",
            id="no country",
        ),
        pytest.param(
            {
                "rules": [
                    p.rule(
                        applies={
                            "value_above": {"amount": 800, "currency": "USD"},
                            "value_at_most": {"amount": 500, "currency": "USD"},
                        }
                    )
                ]
            },
            r"applies: value_above must lie below value_at_most, got 800 USD and 500 USD",
            id="an empty span of values",
        ),
        pytest.param(
            {"rules": [p.rule(effective={"from": "2021-06-01"})]},
            r"the pack: rule any holds from 2021-06-01, outside its pack, which holds from 2020",
            id="a rule outside its pack",
        ),
        pytest.param(
            {"rules": [p.rule(), p.rule()]}, r"rule any stands twice for the same day", id="twice"
        ),
        pytest.param(
            {
                "rules": [
                    {
                        "kind": "required_elements",
                        "code": "list",
                        "citation": "Law 1",
                        "source_checked": True,
                        "elements": [{"name": "sender", "any_of": ["sender"]}],
                    }
                ]
            },
            r"elements\.0\.any_of: expected columns of the parcels table, got 'sender'",
            id="no such column",
        ),
        pytest.param(
            {"effective": {"from": "2020-01-02", "until": "2020-01-01"}},
            r"effective: until must not lie before from",
            id="backwards",
        ),
        pytest.param({"rules": []}, r"rules: Tuple should have at least 1", id="no rules"),
        pytest.param(
            {"time_zone": "Mars/Olympus"},
            r"line \d+: time_zone: expected a time zone of the IANA",
            id="no time zone",
        ),
    ],
)
def test_a_pack_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, changes: dict[str, Any], match: str
) -> None:
    folder = p.written(tmp_path, p.pack(**changes))
    with pytest.raises(ConfigError, match=match) as caught:
        read_packs(folder)
    assert "pack0.yaml: line" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("other", "match"),
    [
        pytest.param(
            p.pack(name="second", effective={"from": "2020-12-31"}),
            r"pack1\.yaml: expected days on which no other pack of here holds, got from 2020-12-31;"
            r" first in pack0\.yaml holds from 2020-01-01 until 2020-12-31",
            id="one day in common",
        ),
        pytest.param(
            p.pack(effective={"from": "2021-01-01"}),
            r"expected a name that no other pack has, got 'first', as in pack0",
            id="one name",
        ),
        pytest.param(
            p.pack(name="second", effective={"from": "2021-01-01"}, time_zone="Asia/Tokyo"),
            r"expected the time zone of the other packs of here, UTC, got Asia/Tokyo",
            id="two time zones",
        ),
    ],
)
def test_packs_in_each_others_way_are_refused(
    tmp_path: Path, other: dict[str, Any], match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        read_packs(p.written(tmp_path, p.pack(), other))


def test_packs_of_two_jurisdictions_may_hold_on_one_day(tmp_path: Path) -> None:
    folder = p.written(tmp_path, p.pack(), p.pack(name="second", jurisdiction="there"))
    assert len(read_packs(folder)) == 2


def test_a_jurisdiction_without_packs_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"of jurisdiction 'mars', got packs of generic, us"):
        load_policies(PolicyConfig(jurisdiction="mars"))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"- a\n", "expected a policy pack with name"),
        (b"name: [\n", "expected YAML"),
        (b"\xff\xfe", "expected UTF-8"),
        (b"name: a\nname: b\n", "name stands twice"),
    ],
)
def test_what_is_no_pack_is_refused_in_one_sentence(content: bytes, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught:
        parse_pack(content, "x.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [False, True])
def test_a_folder_without_packs_is_refused(tmp_path: Path, *, make: bool) -> None:
    folder = tmp_path / "packs"
    if make:
        folder.mkdir()
    with pytest.raises(ConfigError, match=r"packs: expected"):
        read_packs(folder)
