import json
import re
from pathlib import Path

import pytest

from parcelscope.datasets.schema import (
    CARTONS,
    IMAGES,
    PARCELS,
    ROW_HEADER,
    TABLES,
    TableSchema,
    as_json,
    as_rows,
    expectation,
)

FEED_PAGE = Path(__file__).parents[2] / "docs" / "feed.md"
by_name = pytest.mark.parametrize("schema", TABLES, ids=lambda schema: schema.name)


@by_name
def test_column_names_are_unique_and_the_key_is_among_them(schema: TableSchema) -> None:
    assert len(set(schema.names)) == len(schema.names)
    assert set(schema.key) <= set(schema.names)


@by_name
def test_limits_stand_only_where_they_have_a_meaning(schema: TableSchema) -> None:
    for column in schema.columns:
        if column.minimum is not None or column.maximum is not None:
            assert column.type in ("integer", "number"), column.name
        if column.choices or column.pattern is not None:
            assert column.type == "text", column.name
        if column.pattern is not None:
            re.compile(column.pattern)


@by_name
def test_weights_and_lengths_name_their_unit(schema: TableSchema) -> None:
    for column in schema.columns:
        if column.name.endswith("_g"):
            assert column.unit == "g", column.name
        if column.name.endswith("_mm"):
            assert column.unit == "mm", column.name


@by_name
def test_the_feed_page_has_a_row_for_every_column(schema: TableSchema) -> None:
    page = FEED_PAGE.read_text(encoding="utf-8")
    section = page.split(f"## `{schema.name}`", 1)[1].split("\n## ", 1)[0]
    documented = re.findall(r"^\| `([a-z0-9_]+)`", section, flags=re.MULTILINE)
    assert documented == list(schema.names)


@by_name
def test_the_feed_page_says_what_each_column_may_hold(schema: TableSchema) -> None:
    page = FEED_PAGE.read_text(encoding="utf-8")
    for column in schema.columns:
        must = "yes" if column.required else ""
        row = f"| `{column.name}` | {expectation(column)} | {column.unit or ''} | {must} |"
        assert row in page


def test_the_parties_are_spelt_out() -> None:
    assert {"shipper_name", "shipper_address", "shipper_city", "shipper_country"} <= set(
        PARCELS.names
    )
    assert "consignee_postcode" in PARCELS.names
    assert "shipper_postcode" not in PARCELS.names


def test_the_json_form_survives_json_and_holds_every_column() -> None:
    plain = json.loads(json.dumps(as_json()))
    assert list(plain) == ["parcels", "cartons", "images", "step_wedges"]
    columns = plain["images"]["columns"]
    assert [column["name"] for column in columns] == list(IMAGES.names)
    assert columns[1]["choices"] == ["scan", "photo"]


def test_the_rows_for_printing_fit_under_their_header() -> None:
    rows = as_rows([CARTONS])
    assert len(rows) == len(CARTONS.columns)
    assert {len(row) for row in rows} == {len(ROW_HEADER)}
    assert rows[0][:2] == ("cartons", "carton_id")


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        (PARCELS, "value", "a number, 0 or more"),
        (PARCELS, "pieces", "a whole number, 0 or more"),
        (IMAGES, "air_level", "a number, 1 to 65535"),
        (IMAGES, "kind", "one of scan, photo"),
        (IMAGES, "sha256", "64 hexadecimal digits"),
        (IMAGES, "path", "a path of 1 to 1000 characters"),
        (PARCELS, "description", "text"),
    ],
)
def test_what_a_column_expects_reads_as_the_end_of_a_sentence(
    table: TableSchema, column: str, words: str
) -> None:
    assert expectation(table.column(column)) == words


def test_an_unknown_column_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="weight"):
        PARCELS.column("weight")
