"""Postal declarations as JSON, postal tables, and the cartons that only their rows name."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.datasets.manifests.messages import (
    ITEM,
    OTHER_ITEM,
    POSTAL_HEADER,
    POSTAL_ROW,
    RECEPTACLE,
    declaration,
    postal_csv,
    postal_json,
)

from parcelscope.datasets.manifests.declarations import Declaration, validated
from parcelscope.datasets.manifests.reading import Manifests, read_manifests


def read(folder: Path, content: bytes, name: str = "post.json", **options: Any) -> Manifests:
    """The manifests in `content`."""
    (folder / name).write_bytes(content)
    return read_manifests([folder / name], **options)


def test_a_declaration_of_two_lines_is_one_parcel(tmp_path: Path) -> None:
    row = read(tmp_path, postal_json()).parcels.row(0, named=True)
    assert row["parcel_id"] == row["tracking_number"] == ITEM
    assert row["description"] == "Powdered milk; Spoon"
    assert (row["value"], row["currency"], row["quantity"]) == (15.5, "EUR", 3)
    assert row["declared_weight_g"] == 1250
    assert (row["hs_code"], row["origin_country"]) == ("040210", "NL")  # of the dearer line
    assert (row["channel"], row["carton_id"]) == ("mail", RECEPTACLE)


def test_lines_of_two_currencies_are_not_added_up(tmp_path: Path) -> None:
    lines = declaration()["lines"]
    lines[1]["currency"] = "USD"
    got = read(tmp_path, postal_json(declaration(lines=lines, total_value=15.5)))
    row = got.parcels.row(0, named=True)
    assert (row["value"], row["currency"]) == (None, None)
    told = got.verdicts.filter(pl.col("field") == "value").row(0, named=True)
    assert (told["verdict"], told["got"]) == ("without_value", "12.5 EUR, 3 USD")


def test_without_a_gross_weight_the_lines_are_added_up(tmp_path: Path) -> None:
    got = read(tmp_path, postal_json(declaration(gross_weight=None)))
    assert got.parcels["declared_weight_g"].to_list() == [1000]


def test_a_total_that_is_not_the_sum_of_its_lines_is_noted(tmp_path: Path) -> None:
    got = read(tmp_path, postal_json(declaration(total_value=99)))
    assert got.parcels["value"].to_list() == [99]
    told = got.verdicts.filter(pl.col("field") == "value")
    assert told.select("verdict", "expected").rows() == [("note", "the sum of its lines, 15.5")]


@pytest.mark.parametrize(
    ("changed", "field", "column"),
    [
        pytest.param({"gross_weight": -3}, "gross_weight", "origin_country", id="negative"),
        pytest.param({"gross_weight": "heavy"}, "gross_weight", "value", id="words"),
        pytest.param({"arrived_at": "2026-02-30"}, "arrived_at", "value", id="impossible-date"),
        pytest.param({"form": "CN99"}, "form", "value", id="unknown-form"),
    ],
)
def test_a_bad_value_costs_its_field_only(
    tmp_path: Path, changed: dict[str, Any], field: str, column: str
) -> None:
    got = read(tmp_path, postal_json(declaration(**changed)))
    told = got.verdicts.row(0, named=True)
    assert (told["verdict"], told["field"], told["key"]) == ("without_value", field, ITEM)
    assert got.parcels.row(0, named=True)[column] is not None


def test_a_bad_line_costs_its_value_only(tmp_path: Path) -> None:
    lines = declaration()["lines"]
    lines[1]["value"] = -1
    got = read(tmp_path, postal_json(declaration(lines=lines)))
    told = got.verdicts.filter(pl.col("verdict") == "without_value")
    assert told["place"].to_list() == ["$[0].lines[1].value", "$[0].lines"]
    assert got.parcels["value"].to_list() == [None]  # a sum of one line in two is no sum


def test_a_declaration_without_a_number_is_rejected(tmp_path: Path) -> None:
    nameless = {name: value for name, value in declaration().items() if name != "item_id"}
    got = read(tmp_path, postal_json(nameless, declaration()))
    assert got.parcels.height == 1
    told = got.verdicts.row(0, named=True)
    assert (told["verdict"], told["place"]) == ("rejected", "$[0].item_id")


def test_one_number_on_two_declarations_stays_two_parcels(tmp_path: Path) -> None:
    got = read(tmp_path, postal_json(declaration(), declaration()))
    assert got.parcels["parcel_id"].to_list() == [ITEM, f"{ITEM}#2"]
    assert got.parcels["tracking_number"].to_list() == [ITEM, ITEM]


def test_declarations_may_stand_one_a_line(tmp_path: Path) -> None:
    lines = [declaration(), declaration(item_id=OTHER_ITEM)]
    content = "\n".join([json.dumps(lines[0]), "{broken", json.dumps(lines[1])]).encode()
    got = read(tmp_path, content, "post.ndjson", form="postal-json")
    assert got.parcels["parcel_id"].to_list() == [ITEM, OTHER_ITEM]
    told = got.verdicts.filter(pl.col("verdict") == "rejected")
    assert told["place"].to_list() == ["line 2"]


def test_the_declaration_in_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[3] / "docs" / "manifests.md").read_text(encoding="utf-8")
    example = json.loads(re.search(r"```json\n(.*?)```", text, re.S).group(1))  # type: ignore[union-attr]
    declared, faults = validated(example)
    assert declared is not None
    assert not faults


def test_the_schema_says_what_is_required() -> None:
    schema = Declaration.model_json_schema()
    assert schema["required"] == ["item_id"]
    assert schema["additionalProperties"] is False


def test_a_postal_table_is_read_by_other_names(tmp_path: Path) -> None:
    row = read(tmp_path, postal_csv(), "post.csv").parcels.row(0, named=True)
    assert (row["parcel_id"], row["declared_weight_g"]) == (ITEM, 1500)
    assert (row["consignee_name"], row["hs_code"], row["channel"]) == ("Buyer", "9503.00", "mail")


def test_a_receptacle_without_a_row_is_made_of_the_rows_that_name_it(tmp_path: Path) -> None:
    got = read(tmp_path, postal_csv(POSTAL_ROW, POSTAL_ROW.replace(ITEM, OTHER_ITEM)), "post.csv")
    carton = got.cartons.row(0, named=True)
    assert (carton["carton_id"], carton["pieces_manifested"]) == (RECEPTACLE, 2)
    assert carton["declared_weight_g"] == 12_000  # from the number itself
    assert got.derived_cartons == 1


def test_a_rejected_row_leaves_the_count_of_its_carton_open(tmp_path: Path) -> None:
    got = read(tmp_path, postal_csv(POSTAL_ROW, POSTAL_ROW.replace(ITEM, "")), "post.csv")
    assert got.cartons["pieces_manifested"].to_list() == [None]
    assert got.rejected == 1


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-8-sig", "Bücher"), ("utf-16", "Bücher"), ("latin-1", "B\ufffdcher")],
)
def test_tables_in_other_encodings_are_read_or_noted(
    tmp_path: Path, encoding: str, name: str
) -> None:
    text = postal_csv().decode().replace("Wooden train", "Bücher")
    got = read(tmp_path, text.encode(encoding), "post.csv")
    assert got.parcels["description"].to_list() == [name]
    assert got.verdicts["expected"].to_list() == (["UTF-8 text"] if encoding == "latin-1" else [])


def test_semicolons_and_columns_nobody_knows(tmp_path: Path) -> None:
    text = f"{POSTAL_HEADER},Colour\n{POSTAL_ROW},red\n".replace(",", ";")
    got = read(tmp_path, text.encode(), "post.csv")
    assert got.parcels.height == 1
    assert got.verdicts["got"].to_list() == ["Colour, which is not used"]


@pytest.mark.parametrize(
    ("header", "unused"),
    [
        pytest.param('Item ID,Weight kg,"Remarks, others"', "Remarks  others", id="delimiter"),
        pytest.param("Item ID,Weight kg,Weight kg", "Weight kg (column 3)", id="twice"),
        pytest.param("Item ID,Weight kg,row", "row (column 3)", id="row"),
        pytest.param("Item ID,Weight kg,,Remarks,,,", "unnamed 3", id="blank"),
    ],
)
def test_strange_column_names_cost_no_more_than_their_column(
    tmp_path: Path, header: str, unused: str
) -> None:
    got = read(tmp_path, f"{header}\n{ITEM},1.5,x\n".encode(), "post.csv")
    assert got.parcels["declared_weight_g"].to_list() == [1500]
    assert got.verdicts["got"][0] == f"{unused}, which is not used"


def test_the_row_and_column_of_each_value_are_kept(tmp_path: Path) -> None:
    got = read(tmp_path, postal_csv(POSTAL_ROW, "", POSTAL_ROW.replace(ITEM, OTHER_ITEM)), "p.csv")
    origins = pl.concat(list(got.provenance()))
    weight = origins.filter(pl.col("key") == OTHER_ITEM, pl.col("field") == "declared_weight_g")
    row = weight.row(0, named=True)
    assert (row["row"], row["path"], row["as_written"]) == (3, "column Weight", "1.5 KGM")
    channel = origins.filter(pl.col("key") == ITEM, pl.col("field") == "channel")
    assert channel["path"].to_list() == ["the format of the file"]


def test_options_fill_gaps_and_are_told_as_such(tmp_path: Path) -> None:
    text = POSTAL_HEADER + "\n" + POSTAL_ROW.replace("2026-03-01T08:00:00Z", "") + "\n" + POSTAL_ROW
    fill = {"data_received_at": "2026-02-28T00:00:00+00:00", "facility": "JFK"}
    got = read(tmp_path, text.encode(), "post.csv", fill=fill)
    assert got.parcels["data_received_at"].dt.day().to_list() == [28, 1]
    origins = pl.concat(list(got.provenance())).filter(pl.col("field") == "data_received_at")
    assert origins.sort("row")["path"].to_list() == ["command line", "column Received At"]


def test_tables_of_the_feed_itself_stay_as_they_are(tmp_path: Path) -> None:
    own = b"parcel_id,carton_id,declared_weight_g\na,c1,5\nb,c9,6\n"
    (tmp_path / "parcels.csv").write_bytes(own)
    (tmp_path / "cartons.ndjson").write_bytes(b'{"carton_id":"c1","pieces_manifested":2}\n')
    (tmp_path / "images.csv").write_bytes(b"owner_id,kind,path\na,scan,x.png\n")
    got = read_manifests([tmp_path])
    assert got.parcels["declared_weight_g"].to_list() == [5, 6]
    assert got.cartons["carton_id"].to_list() == ["c1"]
    assert got.verdicts["expected"].to_list() == ["a carton that some row describes"]
