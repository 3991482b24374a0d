"""The scorecard: the same rules for mail and express, dated, with intervals."""

import datetime
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.datasets.manifests.messages import ITEM, MASTER, RECEPTACLE

from parcelscope.datasets.identifiers import identify, make_gtin
from parcelscope.datasets.manifests.reading import read_manifests
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.manifest_convert import convert
from parcelscope.pipelines.manifest_elements import shipped_elements
from parcelscope.pipelines.manifest_measures import Group, Measure, Scorecard, wilson
from parcelscope.pipelines.manifest_scorecard import scorecard_of
from parcelscope.pipelines.manifest_scorecard_text import render, told
from parcelscope.pipelines.manifest_validity import VALIDITY_CHECKS, judged

DAY = datetime.date(2026, 10, 1)
ROWS = {
    "parcel_id": ["m1", "m2", "m3", "e1", "e2"],
    "channel": ["mail", "Postal", "mail", "express", "courier"],
    "tracking_number": [ITEM, ITEM[:10] + "0" + ITEM[11:], None, "1Z999AA10123456784", "X"],
    "master_bill": [None, None, None, MASTER, "176-12345676"],
    "receptacle_id": [RECEPTACLE, "BAG 7", None, None, None],
    "sku": [make_gtin("400638133393"), "4006381333932", "A-1", None, None],
    "shipper_name": ["A", "B", None, "D", "E"],
    "origin_country": ["CN", "XX", None, "us", "US"],
    "description": ["wooden toy train", "gift", None, "samples", "LED lamp 12 V"],
    "hs_code": ["9503.00.0073", "950300", None, "77.01", "610910"],
    "value": ["10", "0", None, "5", "5"],
    "currency": ["USD", "ZZZ", None, "EUR", None],
    "declared_weight_g": ["100", "0", None, "5", "5"],
    "data_received_at": ["2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z", None, None, None],
    "arrived_at": ["2026-03-02T00:00:00Z"] * 3 + [None, None],
}


@pytest.fixture
def card(tmp_path: Path) -> Scorecard:
    """The scorecard of three mail rows and two express rows."""
    folder = tmp_path / "feed"
    folder.mkdir()
    pl.DataFrame(ROWS).write_csv(folder / "parcels.csv")
    return scorecard_of([folder], day=DAY)


def group(card: Scorecard, name: str) -> Group:
    """The group called `name`."""
    return next(one for one in card.groups if one.name == name)


def measure(card: Scorecard, name: str, code: str) -> Measure:
    """One measure, `part.code`, of one group."""
    return next(m for m in group(card, name).measures if f"{m.part}.{m.code}" == code)


@pytest.mark.parametrize(
    ("code", "mail", "express"),
    [
        pytest.param("completeness.shipper_name", (2, 3), (2, 2), id="name"),
        pytest.param("completeness.value", (2, 3), (1, 2), id="value-and-currency"),
        pytest.param("completeness.hs6", (2, 3), (1, 2), id="six-digits"),
        pytest.param("completeness.hs10", (1, 3), (0, 2), id="ten-digits"),
        pytest.param("validity.tracking_number", (1, 2), (1, 1), id="check-digits"),
        pytest.param("validity.master_bill", (0, 0), (1, 2), id="air-waybill"),
        pytest.param("validity.receptacle", (1, 1), (0, 0), id="receptacle"),
        pytest.param("validity.sku", (1, 2), (0, 0), id="gtin"),
        pytest.param("validity.origin_country", (1, 2), (2, 2), id="country"),
        pytest.param("validity.currency", (1, 2), (1, 1), id="currency"),
        pytest.param("validity.hs_code", (2, 2), (1, 2), id="tariff-form"),
        pytest.param("validity.weight", (1, 2), (2, 2), id="weight"),
        pytest.param("vagueness.description", (1, 2), (1, 2), id="vague"),
        pytest.param("timeliness.before_arrival", (1, 2), (0, 0), id="in-time"),
    ],
)
def test_mail_and_express_are_counted_by_the_same_rules(
    card: Scorecard, code: str, mail: tuple[int, int], express: tuple[int, int]
) -> None:
    for name, (count, rows) in (("mail", mail), ("express", express)):
        found = measure(card, name, code)
        assert (found.count, found.rows) == (count, rows)
        assert (found.share is None) == (rows == 0)


def test_what_no_row_allows_to_judge_says_why(card: Scorecard) -> None:
    assert told(measure(card, "mail", "validity.master_bill")).startswith("not assessed: no master")
    assert (
        measure(card, "express", "timeliness.before_arrival").why_not
        == "no row says when both came"
    )
    assert group(card, "mail").median_lead_h == 0.0  # 24 hours before, and 24 after


def test_mail_and_express_are_named_even_without_rows(tmp_path: Path) -> None:
    (tmp_path / "parcels.csv").write_text("parcel_id,channel\na,cargo\nb,\n")
    card = scorecard_of([tmp_path], day=DAY)
    names = [(one.name, one.rows) for one in card.groups if one.kind == "channel"]
    assert names == [("mail", 0), ("express", 0), ("cargo", 1), ("no channel named", 1)]
    assert {one.why_not for one in group(card, "mail").measures} == {"no rows"}


@pytest.mark.parametrize(
    ("day", "hs10", "tracking"),
    [
        pytest.param("2024-01-01", True, False, id="type-86"),
        pytest.param("2025-10-01", False, False, id="between"),
        pytest.param("2026-07-24", True, False, id="postal-entry"),
        pytest.param("2026-09-22", True, True, id="type-13"),
    ],
)
def test_elements_are_asked_for_on_the_days_of_their_rules(
    day: str, hs10: bool, tracking: bool
) -> None:
    asked = {
        element.code
        for element in shipped_elements().elements
        if element.citations(datetime.date.fromisoformat(day))
    }
    assert ("hs10" in asked, "postal_tracking_number" in asked) == (hs10, tracking)


def test_every_element_has_a_citation_and_columns_of_a_feed() -> None:
    rules = shipped_elements()
    assert len({element.code for element in rules.elements}) == len(rules.elements)
    assert all(rule.citation for element in rules.elements for rule in element.rules)


@pytest.mark.parametrize(
    ("count", "rows", "low", "high"),
    # Wilson's interval, as scipy.stats.binomtest(k, n).proportion_ci(method="wilson") gives it.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],
)
def test_wilson_intervals(count: int, rows: int, low: float, high: float) -> None:
    assert wilson(count, rows) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 10_000), st.data())
def test_an_interval_holds_its_share(rows: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, rows))
    low, high = wilson(count, rows)
    assert 0 <= low <= count / rows <= high <= 1


def test_check_digits_agree_with_the_identifiers_of_labels() -> None:
    numbers = [ITEM, ITEM[:10] + "0" + ITEM[11:], "RB123456785GB", "RB123456785XX", "EB000717594HK"]
    check = next(one for one in VALIDITY_CHECKS if one.code == "tracking_number")
    frame = pl.DataFrame({"tracking_number": numbers})
    assert judged(frame, check).to_list() == [identify(number).valid for number in numbers]


def test_sources_of_a_converted_feed_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"Item ID,Currency\n{ITEM},USD\n")
    (tmp_path / "b.json").write_text('{"item_id": "B1"}')
    convert([tmp_path / "a.csv", tmp_path / "b.json"], tmp_path / "feed")
    of_feed = scorecard_of([tmp_path / "feed"], day=DAY)
    of_files = scorecard_of([tmp_path / "a.csv", tmp_path / "b.json"], day=DAY)
    assert of_feed.groups == of_files.groups
    names = [(one.kind, one.name) for one in of_feed.groups if one.kind in ("format", "file")]
    assert names == [
        ("format", "postal-csv"), ("format", "postal-json"), ("file", "a.csv"), ("file", "b.json"),
    ]  # fmt: skip


def test_the_page_escapes_what_manifests_say(tmp_path: Path) -> None:
    (tmp_path / "parcels.csv").write_text("parcel_id,channel\na,<script>alert(1)</script>\n")
    page = render(scorecard_of([tmp_path], day=DAY))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_command_prints_a_table_json_and_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "parcels.csv").write_text("parcel_id,channel\na,mail\n")
    page = tmp_path / "page.html"
    for words in ([], ["--json"], ["--html", str(page)]):
        with pytest.raises(SystemExit) as leaving:
            main(["manifest", "scorecard", str(tmp_path), "--on", "2026-10-01", *words])
        assert not leaving.value.code
        said = capsys.readouterr().out
        if words == ["--json"]:
            assert json.loads(said)["groups"][1]["name"] == "mail"
        else:
            assert "not assessed: no rows" in said.replace("\n", " ")
    assert page.read_text().startswith("<!doctype html>")


def test_a_negative_weight_in_a_source_is_counted_as_one_that_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"Item ID,Weight kg\n{ITEM},-1\n")
    assert read_manifests([tmp_path]).verdicts.height == 1
    card = scorecard_of([tmp_path], day=DAY)
    assert measure(card, "mail", "completeness.weight").count == 0
