"""Values in another currency."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.screening import policies as p
from tests.screening import windows as w

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.screening.exchange_rates import no_rates, read_rates, with_converted
from parcelscope.screening.policy_verdicts import policy_verdicts

HEADER = "from,currency,to_currency,rate,source\n"
ROWS = (
    "2024-01-01,EUR,USD,1.10,central bank\n"
    "2024-02-01,EUR,USD,1.05,central bank\n"
    "2024-01-01,USD,XDR,0.75,fund\n"
)


def rates(folder: Path, rows: str = ROWS) -> Path:
    path = folder / "rates.csv"
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("day", "currency", "converted"),
    [
        pytest.param("2023-12-31", "EUR", None, id="before the first rate"),
        pytest.param("2024-01-01", "EUR", 110.0, id="on its first day"),
        pytest.param("2024-01-31", "EUR", 110.0, id="on its last day"),
        pytest.param("2024-02-01", "EUR", 105.0, id="the next rate"),
        pytest.param("2024-03-03", "EUR", 105.0, id="as old as may be"),
        pytest.param("2024-03-04", "EUR", None, id="too old"),
        pytest.param("1999-01-01", "USD", 100.0, id="the same currency on any day"),
        pytest.param("2024-01-01", "JPY", None, id="a currency without rates"),
        pytest.param(None, "EUR", None, id="no day"),
        pytest.param("2024-01-01", None, None, id="no currency"),
    ],
)
def test_the_rate_is_that_of_the_day(
    tmp_path: Path, day: str | None, currency: str | None, converted: float | None
) -> None:
    rows = pl.DataFrame(
        {
            "value": [100.0],
            "currency": pl.Series([currency], dtype=pl.String),
            "day": pl.Series([day and date.fromisoformat(day)], dtype=pl.Date),
        }
    )
    told = with_converted(rows, ["USD"], read_rates(rates(tmp_path)), max_age_days=31)
    assert told["value_USD"].to_list() == pytest.approx([converted])
    assert told.columns == [*rows.columns, "value_USD"]


def test_without_rates_nothing_is_converted() -> None:
    rows = pl.DataFrame(
        {"value": [5.0, 6.0], "currency": ["USD", "EUR"], "day": [date.today()] * 2}
    )
    told = with_converted(rows, ["XDR", "USD"], no_rates(), max_age_days=31)
    assert told.select("value_USD", "value_XDR").rows() == [(5.0, None), (None, None)]


def test_a_limit_is_compared_in_its_own_currency(tmp_path: Path) -> None:
    row = {
        "channel": "mail",
        "origin_country": "DE",
        "currency": "EUR",
        "arrived_at": p.noon("2024-01-15"),
    }
    feed = w.feed([{**row, "parcel_id": "LOW", "value": 727.0},
                   {**row, "parcel_id": "HIGH", "value": 728.0}])  # fmt: skip
    told = policy_verdicts(feed.parcels, p.US, rates=read_rates(rates(tmp_path)))
    assert told["limit_code"].to_list() == [None, "exemption-per-shipment"]
    assert told["limit_value"].to_list() == pytest.approx([None, 800.8])
    assert told["limit_currency"].to_list() == [None, "USD"]


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ("2024-01-01,EUR,USD,0,bank\n", r"rates\.csv row 1: rate must be a number, 1e-09 or more"),
        ("2024-01-01,EUR,USD,1,bank\n2024-13-01,EUR,USD,1,bank\n", r"row 2: from must be a date"),
        ("2024-01-01,euro,USD,1,bank\n", r"row 1: currency must be text like"),
        ("2024-01-01,EUR,USD,1,\n", r"row 1: source must be text, got nothing"),
    ],
)
def test_a_bad_rate_is_refused_with_its_row(tmp_path: Path, rows: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        read_rates(rates(tmp_path, rows))


def test_two_rates_for_one_day_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"rows 1 and 2: .* must be unique"):
        read_rates(rates(tmp_path, "2024-01-01,EUR,USD,1,a\n2024-01-01,EUR,USD,2,b\n"))
