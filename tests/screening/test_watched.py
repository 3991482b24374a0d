"""U17: names that resemble an entry of a watch list."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from tests.screening import windows as w

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.watched import (
    ENTITY,
    WatchedParameters,
    resembles_watched,
)
from parcelscope.screening.policy import PolicyConfig
from parcelscope.screening.standing import load_standing
from parcelscope.screening.trader_tiers import TraderTierConfig
from parcelscope.screening.watch_list import WatchLists, load_watch_lists

PARAMETERS = WatchedParameters.model_validate(
    {
        "similarity": {"at": [88, 94, 100], "likelihood_ratio": [3, 8, 20]},
        "same_country": 2,
        "other_country": 0.4,
        "min_letters": 5,
    }
)
LIST = """\
name,aliases,country,list_name,list_date,programme
"Hoshine Silicon Industry Co., Ltd.",Hesheng Silicon; Ho Shine,CN,Forced list,2025-01-15,Section 2
Aksu Huafu Textiles Co.,,CN,Forced list,2025-01-15,
Aksu Huafu Textiles Co.,,CN,Own list,2026-02-01,
"""


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> WatchLists:
    path = tmp_path_factory.mktemp("lists") / "entities.csv"
    path.write_text(LIST, encoding="utf-8")
    found = load_watch_lists([path])
    assert found is not None
    return found


def outcome(row: dict[str, str], lists: WatchLists | None) -> Outcome:
    standing = replace(load_standing(PolicyConfig(), TraderTierConfig()), watch_lists=lists)
    evidence = w.evidence(w.feed([{"parcel_id": "P", **row}]))
    return resembles_watched(replace(evidence, standing=standing), PARAMETERS)


def test_a_name_like_an_entry_is_told_with_list_date_and_programme(lists: WatchLists) -> None:
    row = {"shipper_name": "HOSHINE SILICON INDUSTRIES CO LTD", "shipper_country": "CN"}
    told = outcome(row, lists)
    assert w.sentences(told, ENTITY) == {
        "P": 'The shipper "HOSHINE SILICON INDUSTRIES CO LTD" resembles the entry "Hoshine Silicon'
        ' Industry Co., Ltd." of Forced list (2025-01-15, Section 2), in the same country:'
        " 92 of 100 alike."
    }
    assert told.not_assessed.is_empty()


def test_an_alias_counts_as_a_name(lists: WatchLists) -> None:
    told = outcome({"consignee_name": "Silicon Hesheng"}, lists)
    assert 'the entry "Hesheng Silicon"' in w.sentences(told, ENTITY)["P"]
    assert w.ratio(told, ENTITY, "P") == pytest.approx(20)


@pytest.mark.parametrize(
    ("country", "ratio"),
    [("CN", 40.0), (None, 20.0), ("DE", 8.0), (" cn", 40.0)],
)
def test_the_country_counts(lists: WatchLists, country: str | None, ratio: float) -> None:
    row = {"shipper_name": "Hesheng Silicon", "shipper_country": country}
    assert w.ratio(outcome(row, lists), ENTITY, "P") == pytest.approx(ratio)


def test_each_list_and_each_party_speaks_for_itself(lists: WatchLists) -> None:
    row = {"shipper_name": "Aksu Huafu Textile", "consignee_name": "Hesheng Silicon"}
    told = outcome(row, lists).findings["sentence"].sort().to_list()
    assert [text.split('"')[0] + text.split(" of ")[1].split(" (")[0] for text in told] == [
        "The consignee Forced list",
        "The shipper Forced list",
        "The shipper Own list",
    ]


@pytest.mark.parametrize("at", [[49, 100], [90, 101], [200]])
def test_a_similarity_that_is_none_is_refused(at: list[float]) -> None:
    grades = {"at": at, "likelihood_ratio": [2.0] * len(at)}
    with pytest.raises(ValidationError, match="at must lie between 50 and 100"):
        WatchedParameters.model_validate({**PARAMETERS.model_dump(), "similarity": grades})


@pytest.mark.parametrize("name", ["Bee Honey GmbH", "Silicon Valley Toys", "Aksu Flowers"])
def test_other_names_are_silent(lists: WatchLists, name: str) -> None:
    told = outcome({"shipper_name": name}, lists)
    assert told.findings.is_empty()
    assert told.not_assessed.is_empty()


def test_without_a_list_nothing_is_assessed() -> None:
    told = outcome({"shipper_name": "Hesheng Silicon"}, None)
    assert w.reasons_not_assessed(told, ENTITY) == {"P": "no watch list is configured"}


@pytest.mark.parametrize("row", [{}, {"shipper_name": " - "}, {"shipper_name": "Li Co. Ltd."}])
def test_without_a_name_nothing_is_assessed(lists: WatchLists, row: dict[str, str]) -> None:
    told = outcome(row, lists)
    assert w.reasons_not_assessed(told, ENTITY) == {
        "P": "the manifest gives no name long enough to compare"
    }


def test_lists_come_as_csv_parquet_and_ndjson_alike(tmp_path: Path) -> None:
    source = tmp_path / "one.csv"
    source.write_text(LIST, encoding="utf-8")
    frame = pl.read_csv(source, try_parse_dates=True)
    frame.write_parquet(tmp_path / "one.parquet")
    frame.with_columns(pl.col("list_date").cast(pl.String)).write_ndjson(tmp_path / "one.ndjson")
    first, *others = (
        load_watch_lists([tmp_path / f"one.{suffix}"]) for suffix in ("csv", "parquet", "ndjson")
    )
    assert first is not None
    assert first.names.height == 5
    for other in others:
        assert other is not None
        assert other.names.equals(first.names)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        pytest.param("name,list_name\nA,B\n", FeedError, "list_date", id="a column is missing"),
        pytest.param(
            "name,list_name,list_date\nA,B,soon\n",
            ConfigError,
            r"row 1: list_date must be a date like 2026-01-31, got soon",
            id="no date",
        ),
        pytest.param(
            "name,list_name,list_date\n,B,2026-01-01\n", ConfigError, "row 1: name", id="no name"
        ),
        pytest.param("", FeedError, "empty", id="an empty file"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(
    tmp_path: Path, text: str, error: type[Exception], says: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(error, match=says):
        load_watch_lists([path])
