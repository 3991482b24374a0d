import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES, Column, TableSchema
from parcelscope.datasets.tables import TableRead, dtypes, empty_table, read_table

ALL_TYPES = TableSchema(
    name="everything",
    meaning="One column of each type.",
    key=("id",),
    columns=(
        Column(name="id", type="text", meaning="", required=True),
        Column(name="text", type="text", meaning=""),
        Column(name="integer", type="integer", meaning=""),
        Column(name="number", type="number", meaning=""),
        Column(name="datetime", type="datetime", meaning=""),
        Column(name="date", type="date", meaning=""),
        Column(name="boolean", type="boolean", meaning=""),
    ),
)


def csv(folder: Path, text: str | bytes, name: str = "parcels.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def column(read: TableRead, name: str) -> list[object]:
    return read.frame.get_column(name).to_list()


# What a table gives.


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, "parcel_id\n"), PARCELS)
    assert (read.rows, read.frame.height, read.rejected.height) == (0, 0, 0)
    assert read.frame.schema == empty_table(PARCELS).schema


def test_columns_that_a_file_lacks_are_there_and_empty(tmp_path: Path) -> None:
    frame = read_table(csv(tmp_path, "value,parcel_id\n12.5,P1\n"), PARCELS).frame
    assert frame.columns == [*PARCELS.names, "row"]
    assert dict(frame.schema) == {**dtypes(PARCELS), "row": pl.Int64()}
    assert frame.row(0, named=True)["value"] == 12.5
    assert frame.row(0, named=True)["currency"] is None


@pytest.mark.parametrize(
    ("schema", "head"),
    [
        (PARCELS, "parcel_id\nP1"),
        (CARTONS, "carton_id\nC1"),
        (IMAGES, "owner_id,kind,path\nP1,scan,a.png"),
        (STEP_WEDGES, "scanner_model,pe_mm,steel_mm,le,air_level\nX,10,0,42000,60000"),
    ],
    ids=lambda value: value.name if isinstance(value, TableSchema) else "",
)
def test_every_table_reads_with_its_required_columns_alone(
    tmp_path: Path, schema: TableSchema, head: str
) -> None:
    read = read_table(csv(tmp_path, head), schema)
    assert (read.frame.height, read.rejected.height) == (1, 0)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"parcel_id,value,brand\nP1,2.5,Acme\n", id="comma"),
        pytest.param(b"parcel_id;value;brand\nP1;2.5;Acme\n", id="semicolon"),
        pytest.param(b"parcel_id\tvalue\tbrand\nP1\t2.5\tAcme\n", id="tab"),
        pytest.param(b"\xef\xbb\xbfparcel_id,value,brand\nP1,2.5,Acme\n", id="byte order mark"),
        pytest.param(b"parcel_id,value,brand\r\nP1,2.5,Acme\r\n", id="windows lines"),
        pytest.param(b"parcel_id,value,brand\nP1,2.5,Acme", id="no last newline"),
        pytest.param(b'"parcel_id", value ,brand\n"P1", 2.5 ," Acme "\n', id="quotes and blanks"),
        pytest.param(b"parcel_id,value,brand,\nP1,2.5,Acme,\n", id="trailing delimiter"),
        pytest.param(b"\xef\xbb\xbfbrand;parcel_id;value\n\nAcme;P1;2.5\n\n\n", id="blank lines"),
    ],
)
def test_csv_as_facilities_write_it(tmp_path: Path, content: bytes) -> None:
    read = read_table(csv(tmp_path, content), PARCELS)
    assert read.rows == 1
    assert column(read, "parcel_id") == ["P1"]
    assert column(read, "value") == [2.5]
    assert column(read, "brand") == ["Acme"]


def test_blank_lines_are_no_rows_but_are_counted_on_the_way(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, "parcel_id,brand\nP1,a\n\nP2,b\n"), PARCELS)
    assert (read.rows, column(read, "row")) == (2, [1, 3])


def test_quoted_text_keeps_delimiters_quotes_and_newlines(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, 'parcel_id,description\nP1,"a, ""b""\nc"\n'), PARCELS)
    assert column(read, "description") == ['a, "b"\nc']


def test_text_that_looks_like_a_number_keeps_its_zeros(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, "parcel_id,hs_code\n007,010121\n"), PARCELS)
    assert (column(read, "parcel_id"), column(read, "hs_code")) == (["007"], ["010121"])


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2026-01-31T13:45:00Z", datetime(2026, 1, 31, 13, 45, tzinfo=UTC)),
        ("2026-01-31T13:45:00", datetime(2026, 1, 31, 13, 45, tzinfo=UTC)),
        ("2026-01-31 13:45:00", datetime(2026, 1, 31, 13, 45, tzinfo=UTC)),
        ("2026-01-31 13:45", datetime(2026, 1, 31, 13, 45, tzinfo=UTC)),
        ("2026-01-31T13:45Z", datetime(2026, 1, 31, 13, 45, tzinfo=UTC)),
        ("2026-01-31T13:45:00.250Z", datetime(2026, 1, 31, 13, 45, 0, 250000, tzinfo=UTC)),
        ("2026-01-31T13:45:00+02:00", datetime(2026, 1, 31, 11, 45, tzinfo=UTC)),
        ("2026-01-31T13:45:00-0500", datetime(2026, 1, 31, 18, 45, tzinfo=UTC)),
        ("2026-01-31 13:45+0200", datetime(2026, 1, 31, 11, 45, tzinfo=UTC)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("31/01/2026", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-31T25:00:00Z", None),
        ("2026-01-31T13:45:00Z and more", None),
        ("20260131", None),
    ],
)
def test_times_are_iso_8601_and_utc_unless_an_offset_is_given(
    tmp_path: Path, written: str, utc: datetime | None
) -> None:
    # A row in the usual form beside it, since columns of one form take a shorter way.
    lines = f"parcel_id,arrived_at\nP1,{written}\nP2,2026-05-01T00:00:00Z\nP3,\n"
    read = read_table(csv(tmp_path, lines), PARCELS)
    if utc is None:
        assert read.rejected.get_column("got").to_list() == [written]
    else:
        assert column(read, "arrived_at") == [utc, datetime(2026, 5, 1, tzinfo=UTC), None]


@pytest.mark.parametrize(
    ("written", "whole"),
    [("3", 3), ("3.0", 3), ("-0", 0), ("9007199254740993", 9007199254740993)],
)
def test_whole_numbers(tmp_path: Path, written: str, whole: int) -> None:
    assert column(
        read_table(csv(tmp_path, f"parcel_id,pieces\nP1,{written}\n"), PARCELS), "pieces"
    ) == [whole]


@pytest.mark.parametrize(
    ("written", "value"),
    [("true", True), ("FALSE", False), ("1", True), ("0", False), ("", None)],
)
def test_truth_values(tmp_path: Path, written: str, value: bool | None) -> None:
    read = read_table(csv(tmp_path, f"id,boolean\nP1,{written}\n"), ALL_TYPES)
    assert column(read, "boolean") == [value]


# A bad value costs its row.


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("value", "twelve", "a number, 0 or more", id="not a number"),
        pytest.param("value", "1,5", "a number, 0 or more", id="decimal comma"),
        pytest.param("value", "nan", "a number, 0 or more", id="nan"),
        pytest.param("value", "inf", "a number, 0 or more", id="infinite"),
        pytest.param("value", "1_000", "a number, 0 or more", id="underscore"),
        pytest.param("declared_weight_g", "-1", "a number, 0 or more", id="negative weight"),
        pytest.param("pieces", "2.5", "a whole number, 0 or more", id="half a piece"),
        pytest.param("pieces", "1e30", "a whole number, 0 or more", id="more pieces than fit"),
        pytest.param(
            "arrived_at", "today", "a date and time like 2026-01-31T13:45:00Z", id="not a time"
        ),
    ],
)
def test_a_bad_value_rejects_its_row_and_says_where(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    path = csv(tmp_path, f'parcel_id,{name}\nP1,\nP2,"{value}"\nP3,\n')
    read = read_table(path, PARCELS)
    assert column(read, "parcel_id") == ["P1", "P3"]
    assert read.rejected.rows(named=True) == [
        {
            "table": "parcels",
            "file": "parcels.csv",
            "row": 2,
            "column": name,
            "expected": expected,
            "got": value,
            "key": "P2",
        }
    ]


@pytest.mark.parametrize(
    ("row", "name", "got"),
    [
        pytest.param("P1,scan,a.png,up,,", "view", "up", id="not a choice"),
        pytest.param("P1,SCAN,a.png,,,", "kind", "SCAN", id="choices have a case"),
        pytest.param("P1,,a.png,,,", "kind", "nothing", id="empty required field"),
        pytest.param("P1,scan,  ,,,", "path", "  ", id="blank required field"),
        pytest.param("P1,scan,a.png,,abc,", "sha256", "abc", id="short digest"),
        pytest.param("P1,scan,a.png,,,0", "pixel_pitch_mm", "0", id="no pitch"),
        pytest.param('"P\x011",scan,a.png,,,', "owner_id", "P\x011", id="control character"),
        pytest.param("x,scan,a.png,up,abc,0", "view", "up", id="the first bad column is named"),
    ],
)
def test_bad_values_of_images(tmp_path: Path, row: str, name: str, got: str) -> None:
    text = f"owner_id,kind,path,view,sha256,pixel_pitch_mm\n{row}\n"
    read = read_table(csv(tmp_path, text, "images.csv"), IMAGES)
    assert read.frame.is_empty()
    assert read.rejected.select("column", "got").rows() == [(name, got)]


def test_a_row_with_too_many_fields_is_rejected_and_not_cut_off(tmp_path: Path) -> None:
    text = "parcel_id,description,value\nP1,toys,1\nP2,toys, wooden,1\nP3,toys,1,,,x\n"
    read = read_table(csv(tmp_path, text), PARCELS)
    assert column(read, "parcel_id") == ["P1"]
    assert read.rejected.select("row", "expected", "got", "key").rows() == [
        (2, "3 fields, as in the header", "more fields", "P2"),
        (3, "3 fields, as in the header", "more fields", "P3"),
    ]


def test_a_wrong_country_or_currency_is_evidence_and_no_reason_to_drop_the_parcel(
    tmp_path: Path,
) -> None:
    text = "parcel_id,origin_country,currency,tracking_number\nP1,Narnia,$,RB123456786US\n"
    read = read_table(csv(tmp_path, text), PARCELS)
    assert (read.frame.height, read.rejected.height) == (1, 0)


def test_nul_in_free_text_becomes_the_replacement_character(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, "parcel_id,description\nP1,a\x00b\n"), PARCELS)
    assert column(read, "description") == ["a\ufffdb"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8), max_size=12
    )
)
def test_every_row_is_kept_or_rejected_whatever_its_fields_hold(
    tmp_path: Path, values: list[str]
) -> None:
    quoted = ['"' + value.replace('"', '""') + '"' for value in values]
    lines = [f"P{index},{value}" for index, value in enumerate(quoted)]
    read = read_table(csv(tmp_path, "\n".join(["parcel_id,value", *lines])), PARCELS)
    assert read.rows == len(values) == read.frame.height + read.rejected.height
    assert sorted(column(read, "row") + read.rejected.get_column("row").to_list()) == list(
        range(1, len(values) + 1)
    )


# The other formats.


def test_csv_parquet_and_ndjson_give_the_same_table(tmp_path: Path) -> None:
    rows = [
        {
            "id": "a",
            "text": "x",
            "integer": 3,
            "number": 2.5,
            "datetime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "date": date(2026, 1, 2),
            "boolean": True,
        },
        dict.fromkeys(ALL_TYPES.names, None) | {"id": "b"},
    ]
    frame = pl.DataFrame(rows, schema=dtypes(ALL_TYPES))
    frame.write_parquet(tmp_path / "t.parquet")
    text = frame.with_columns(pl.col("datetime").dt.to_string("%Y-%m-%dT%H:%M:%SZ"))
    text.write_csv(tmp_path / "t.csv")
    text.write_ndjson(tmp_path / "t.ndjson")
    (tmp_path / "t.jsonl").write_bytes((tmp_path / "t.ndjson").read_bytes())
    expected = frame.with_columns(pl.Series("row", [1, 2]))
    for suffix in ("parquet", "csv", "ndjson", "jsonl"):
        assert read_table(tmp_path / f"t.{suffix}", ALL_TYPES).frame.equals(expected), suffix


def test_one_odd_value_of_ndjson_spoils_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "parcels.ndjson"
    rows = [
        {"parcel_id": "P1", "value": 1},
        {"parcel_id": "P2", "value": "cheap"},
        {"parcel_id": 3, "value": "4.5", "tracking_number": 123},
        {"parcel_id": "P4", "value": None},
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    read = read_table(path, PARCELS)
    assert column(read, "parcel_id") == ["P1", "3", "P4"]
    assert column(read, "tracking_number") == [None, "123", None]
    assert read.rejected.select("row", "column", "got").rows() == [(2, "value", "cheap")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(pl.Series([1, 2], dtype=pl.UInt8), [1.0, 2.0], id="integers"),
        pytest.param(pl.Series([1, 2], dtype=pl.Decimal(10, 2)), [1.0, 2.0], id="decimals"),
        pytest.param(pl.Series([None, None], dtype=pl.Null), [None, None], id="nothing at all"),
        pytest.param(pl.Series(["1", " 2 "]), [1.0, 2.0], id="text"),
    ],
)
def test_parquet_numbers_may_have_any_numeric_type(
    tmp_path: Path, values: pl.Series, expected: list[float | None]
) -> None:
    path = tmp_path / "parcels.parquet"
    pl.DataFrame({"parcel_id": ["P1", "P2"], "value": values}).write_parquet(path)
    assert column(read_table(path, PARCELS), "value") == expected


def test_parquet_floats_serve_as_integers_where_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "parcels.parquet"
    frame = pl.DataFrame({"parcel_id": ["P1", "P2", "P3"], "pieces": [3.0, None, 2.5]})
    frame.write_parquet(path)
    read = read_table(path, PARCELS)
    assert column(read, "pieces") == [3, None]
    assert read.rejected.select("row", "got").rows() == [(3, "2.5")]


def test_parquet_times_without_a_zone_are_utc_and_dates_are_midnight(tmp_path: Path) -> None:
    path = tmp_path / "parcels.parquet"
    pl.DataFrame(
        {
            "parcel_id": pl.Series(["P1"], dtype=pl.Categorical),
            "arrived_at": [datetime(2026, 1, 2, 3)],
            "data_received_at": [date(2026, 1, 1)],
        }
    ).write_parquet(path)
    row = read_table(path, PARCELS).frame.row(0, named=True)
    assert row["parcel_id"] == "P1"
    assert row["arrived_at"] == datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert row["data_received_at"] == datetime(2026, 1, 1, tzinfo=UTC)


# What stops the run: the file itself.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("", r"parcels.csv: expected a header with column names", id="empty"),
        pytest.param("\nparcel_id\nP1\n", r"got an empty line", id="no header"),
        pytest.param("value\n1\n", r"must have column 'parcel_id', got \['value'\]", id="missing"),
        pytest.param(
            "parcel_id,Declared Weight\n",
            r"'Declared Weight'.*did you mean 'declared_weight_g'",
            id="near",
        ),
        pytest.param(
            "parcel_id,zzz\n", r"unknown column 'zzz'.*known: parcel_id, tracking", id="far"
        ),
        pytest.param("parcel_id,value,value\n", r"column 'value' appears twice", id="twice"),
        pytest.param(b"parcel_id\nM\xfcller\n", r"not valid UTF-8 CSV", id="latin-1"),
        pytest.param(
            "parcel_id\nP1\n".encode("utf-16"), r"expected UTF-8 text, got UTF-16", id="utf-16"
        ),
        pytest.param(b"parcel_id\xff\nP1\n", r"the header is not UTF-8", id="bad header"),
        pytest.param('parcel_id,brand\nP1,"a\nP2,b\n', r"not valid UTF-8 CSV", id="open quote"),
    ],
)
def test_a_csv_file_that_is_no_table(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(FeedError, match=message) as caught:
        read_table(csv(tmp_path, content), PARCELS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param('{"parcel_id":"P1"}\n{"parcel_id":\n', r"line 2: not valid JSON", id="cut"),
        pytest.param(
            '{"parcel_id":"P1"}\n[1]\n', r"line 2: expected a JSON object, got list", id="list"
        ),
        pytest.param('{"parcel_id":"P1"}\n{"parcel":1}', r"did you mean 'parcel_id'", id="unknown"),
        pytest.param(
            '{"parcel_id":"P1","value":[1]}', r"'value' must hold plain values", id="nested"
        ),
        pytest.param(
            '{"parcel_id":"P1","value":{"a":1}}\n{"parcel_id":"P1","value":{"b":1,"c":2}}',
            r"'value' must hold (a )?plain value",
            id="objects",
        ),
        pytest.param("", r"parcels.ndjson", id="empty"),
    ],
)
def test_an_ndjson_file_that_is_no_table(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FeedError, match=message):
        read_table(csv(tmp_path, content, "parcels.ndjson"), PARCELS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param([[1.0]], r"column 'value' must be number, got List", id="list"),
        pytest.param([True], r"column 'value' must be number, got Boolean", id="truth"),
        pytest.param([datetime(2026, 1, 1)], r"must be number, got Datetime", id="time"),
    ],
)
def test_a_parquet_column_of_the_wrong_type(
    tmp_path: Path, values: list[object], message: str
) -> None:
    path = tmp_path / "parcels.parquet"
    pl.DataFrame({"parcel_id": ["P1"], "value": values}).write_parquet(path)
    with pytest.raises(FeedError, match=message):
        read_table(path, PARCELS)


def test_numbers_in_a_parquet_text_column_are_refused_as_they_lose_zeros(tmp_path: Path) -> None:
    path = tmp_path / "parcels.parquet"
    pl.DataFrame({"parcel_id": ["P1"], "hs_code": [10121]}).write_parquet(path)
    with pytest.raises(FeedError, match=r"column 'hs_code' must be text, got Int64"):
        read_table(path, PARCELS)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"\x00" * 100])
def test_a_parquet_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FeedError, match=r"parcels.parquet: not a readable Parquet file"):
        read_table(csv(tmp_path, content, "parcels.parquet"), PARCELS)


@pytest.mark.parametrize("name", ["parcels.xlsx", "parcels"])
def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeedError, match=r"must end in .csv, .parquet, .ndjson, .jsonl, got"):
        read_table(csv(tmp_path, "parcel_id\n", name), PARCELS)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"parcels.csv: cannot be read: No such file"):
        read_table(tmp_path / "parcels.csv", PARCELS)


def test_a_key_that_comes_twice_names_both_rows(tmp_path: Path) -> None:
    path = csv(tmp_path, "parcel_id\nP1\nP2\n P1 \nP1\n")
    with pytest.raises(FeedError, match=r"parcels.csv rows 1 and 3: parcel_id 'P1' must be unique"):
        read_table(path, PARCELS)


def test_one_picture_may_show_two_parcels_but_not_one_parcel_twice(tmp_path: Path) -> None:
    head = "owner_id,kind,path\nP1,scan,a.png\nP2,scan,a.png\n"
    assert read_table(csv(tmp_path, head, "images.csv"), IMAGES).frame.height == 2
    with pytest.raises(
        FeedError, match=r"rows 2 and 3: owner_id 'P2', path 'a.png' must be unique"
    ):
        read_table(csv(tmp_path, head + "P2,photo,a.png\n", "images.csv"), IMAGES)


def test_rows_whose_key_cannot_be_used_do_not_clash(tmp_path: Path) -> None:
    read = read_table(csv(tmp_path, "parcel_id,brand\n,a\n,b\nP1,c\n"), PARCELS)
    assert (read.frame.height, read.rejected.height) == (1, 2)


def test_a_step_of_all_software_versions_comes_once(tmp_path: Path) -> None:
    text = "scanner_model,pe_mm,steel_mm,le,air_level\nX,10,0,42000,60000\nX,10.0,0,42000,60000\n"
    with pytest.raises(FeedError, match=r"rows 1 and 2: scanner_model 'X'"):
        read_table(csv(tmp_path, text, "step_wedges.csv"), STEP_WEDGES)
