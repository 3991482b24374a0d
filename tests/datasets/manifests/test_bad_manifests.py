"""Bad input: each ends as a verdict with file, place, field, what was expected and what came."""

import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.datasets.manifests import messages as made

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.manifests.limits import shipped_limits
from parcelscope.datasets.manifests.reading import Manifests, read_manifests
from parcelscope.datasets.manifests.verdicts import SHOWN_CHARACTERS

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "lol"><!ENTITY y "&x;&x;&x;&x;&x;&x;&x;&x;">]>'
    b"<Waybill>&y;</Waybill>"
)
REMOTE = b'<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd"><Waybill/>'
FILE_ENTITY = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Waybill>&x;</Waybill>'


def read(folder: Path, name: str, content: bytes) -> Manifests:
    """The manifests in `content`."""
    (folder / name).write_bytes(content)
    return read_manifests([folder / name])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "well-formed XML", id="empty"),
        pytest.param(made.xfwb()[:-30], "well-formed XML", id="cut"),
        pytest.param(made.xfwb().replace(b"UTF-8", b"utf-99"), "well-formed XML", id="codec"),
        pytest.param(made.xfwb().replace(b"SENDER", b"SEND\xe9R"), "well-formed XML", id="bytes"),
        pytest.param(BOMB, "without a document type", id="bomb"),
        pytest.param(REMOTE, "without a document type", id="remote-dtd"),
        pytest.param(FILE_ENTITY, "without a document type", id="file-entity"),
        pytest.param(b"<a>" * 5000 + b"</a>" * 5000, "nested at most 64 deep", id="deep"),
        pytest.param(b"<html><body/></html>", "a message Waybill, HouseManifest", id="web-page"),
        pytest.param(b"<Waybill/>", "BusinessHeaderDocument/ID", id="bare"),
    ],
)
def test_xml_that_is_not_read_is_one_rejection(
    tmp_path: Path, content: bytes, expected: str
) -> None:
    got = read(tmp_path, "a.xml", content)
    assert got.parcels.is_empty()
    told = got.verdicts.row(0, named=True)
    assert (got.verdicts.height, told["verdict"], told["file"]) == (1, "rejected", "a.xml")
    assert expected in told["expected"]


def test_a_file_beyond_the_limits_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(made.xfwb())
    (tmp_path / "b.csv").write_bytes(made.postal_csv())
    few = shipped_limits().model_copy(update={"message_bytes": 100, "table_bytes": 100})
    got = read_manifests([tmp_path], limits=few)
    assert got.verdicts["expected"].to_list() == ["at most 100 bytes"] * 2


def test_more_elements_than_the_limit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(made.xfwb())
    few = shipped_limits().model_copy(update={"xml_elements": 10})
    assert read_manifests([tmp_path], limits=few).verdicts["expected"].to_list() == [
        "at most 10 elements"
    ]


@pytest.mark.parametrize(
    ("column", "bad", "field"),
    [
        pytest.param("1.5", "-1.5", "declared_weight_g", id="negative-weight"),
        pytest.param("1.5", "1e400", "declared_weight_g", id="huge-weight"),
        pytest.param("1.5", "9" * 500, "declared_weight_g", id="long-weight"),
        pytest.param("1.5", "nan", "declared_weight_g", id="nan"),
        pytest.param("KGM", "stone", "declared_weight_g", id="unit"),
        pytest.param("KGM", "", "declared_weight_g", id="no-unit"),
        pytest.param("20.00", "-20", "value", id="negative-value"),
        pytest.param("20.00", "1e300", "value", id="huge-value"),
        pytest.param(
            "2026-03-02T08:00:00Z", "2026-02-30T08:00:00Z", "arrived_at", id="no-such-day"
        ),
        pytest.param("2026-03-02T08:00:00Z", "0001-01-01", "arrived_at", id="year-one"),
        pytest.param("2026-03-02T08:00:00Z", "9999-12-31", "arrived_at", id="year-9999"),
        pytest.param("2026-03-02T08:00:00Z", "yesterday", "arrived_at", id="words"),
    ],
)
def test_a_bad_value_costs_its_field_and_names_it(
    tmp_path: Path, column: str, bad: str, field: str
) -> None:
    row = made.POSTAL_ROW.replace(column, bad)
    got = read(tmp_path, "p.csv", made.postal_csv(row, made.POSTAL_ROW.replace(made.ITEM, "X1")))
    told = got.verdicts.row(0, named=True)
    assert (told["verdict"], told["field"], told["place"]) == ("without_value", field, "row 1")
    assert (told["key"], got.verdicts.height) == (made.ITEM, 1)
    assert (bad or "without a unit")[:SHOWN_CHARACTERS] in told["got"]
    assert got.parcels[field].is_null().to_list() == [True, False]


def test_rows_with_fields_too_many_are_rejected_one_by_one(tmp_path: Path) -> None:
    rows = (made.POSTAL_ROW, made.POSTAL_ROW.replace(made.ITEM, "X1") + ",,,extra")
    got = read(tmp_path, "p.csv", made.postal_csv(*rows))
    assert got.parcels.height == got.rejected == 1
    assert got.verdicts.filter(pl.col("verdict") == "rejected")["place"].to_list() == ["row 2"]


def test_the_same_own_id_twice_keeps_the_first_and_rejects_the_second(tmp_path: Path) -> None:
    got = read(tmp_path, "parcels.csv", b"parcel_id,pieces\na,1\na,2\n")
    assert got.parcels["pieces"].to_list() == [1]
    assert got.verdicts["place"].to_list() == ["row 2"]


def test_control_characters_and_paths_in_fields_stay_text(tmp_path: Path) -> None:
    text = (
        "parcel_id,description,consignee_name\n../../etc/passwd,a\x07b\x1b[31m,C:\\x\nb\x07,x,y\n"
    )
    got = read(tmp_path, "parcels.csv", text.encode())
    assert got.parcels["parcel_id"].to_list() == ["../../etc/passwd"]
    assert got.parcels["description"].to_list() == ["a\ufffdb\ufffd[31m"]
    kinds = got.verdicts.select("verdict", "field").rows()
    assert sorted(kinds) == [("note", "description"), ("rejected", "parcel_id")]
    assert got.verdicts["got"].str.contains(r"[\x00-\x1f]").sum() == 0


def test_a_megabyte_of_description_is_cut_and_noted(tmp_path: Path) -> None:
    got = read(tmp_path, "parcels.csv", b"parcel_id,description\na," + b"x" * 1_000_000 + b"\n")
    assert got.parcels["description"].str.len_chars().to_list() == [2000]
    assert got.verdicts["verdict"].to_list() == ["note"]
    assert len(got.verdicts["got"][0]) == SHOWN_CHARACTERS


def test_ten_thousand_parcels_under_one_carton_are_kept_and_noted(tmp_path: Path) -> None:
    rows = "".join(f"p{i},c1\n" for i in range(10_000))
    (tmp_path / "parcels.csv").write_text("parcel_id,carton_id\n" + rows)
    (tmp_path / "cartons.csv").write_text("carton_id\nc1\nc2\n")
    got = read_manifests([tmp_path])
    assert got.parcels.height == 10_000
    told = got.verdicts.select("key", "expected", "got").rows()
    assert told == [
        ("c1", "at most 5,000 parcels in one carton", "10000 parcels"),
        ("c2", "a parcel that names this carton", "none"),
    ]


def test_parcels_without_a_carton_are_noted_where_others_have_one(tmp_path: Path) -> None:
    (tmp_path / "parcels.csv").write_text("parcel_id,carton_id\na,c1\nb,\nc,c9\n")
    (tmp_path / "cartons.csv").write_text("carton_id\nc1\n")
    got = read_manifests([tmp_path])
    assert got.verdicts.select("key", "expected").rows() == [
        ("c", "a carton that some row describes"),
        ("b", "a carton, as other rows name one"),
    ]


def test_numbers_in_a_text_column_of_parquet_are_left_out(tmp_path: Path) -> None:
    pl.DataFrame({"parcel_id": ["a"], "hs_code": [40210]}).write_parquet(
        tmp_path / "parcels.parquet"
    )
    got = read_manifests([tmp_path])
    assert got.parcels["hs_code"].to_list() == [None]
    assert got.verdicts["verdict"].to_list() == ["without_value"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a.csv", b"", id="empty-csv"),
        pytest.param("a.csv", b"a,b\n1,2\n", id="strange-csv"),
        pytest.param("a.csv", b"parcel_id,parcel_id\n1,2\n", id="column-twice"),
        pytest.param("a.parquet", b"PAR1 no", id="broken-parquet"),
        pytest.param("a.ndjson", b"[1,2]\n", id="no-objects"),
        pytest.param("a.json", b"[" * 100_000, id="deep-json"),
        pytest.param("a.json", b'{"item_id": "x", "gross_weight": 1e999}', id="huge-json"),
        pytest.param("a.json", b"\xff\xfe\x00", id="no-json"),
        pytest.param("a.edi", b"\x00\x01\x02", id="no-edifact"),
        pytest.param("a.pdf", b"%PDF-1.7", id="pdf"),
    ],
)
def test_what_is_no_manifest_is_told_and_raises_nothing(
    tmp_path: Path, name: str, content: bytes
) -> None:
    got = read(tmp_path, name, content)
    assert got.verdicts.height >= 1
    assert (got.verdicts["expected"] != "").all()


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="expected a manifest or a folder of manifests"):
        read_manifests([tmp_path / "nothing"])


_JUNK = (
    b"\x00", b"\xff", b'"', b"<", b"&#0;", b"&x;", b"-1", b"1e999", b"9" * 400, b"\n", b",,,,,,",
    b"+", b":", b"?", b"{", b"[]", b"null", b"NaN", b"\xed\xa0\x80", b"../../etc/passwd",
    b"<!DOCTYPE a>", b"2026-02-30", b"\\ud800", b'"\\u0000"', b"UNH+1+A", b"UNA", b"\xef\xbb\xbf",
)  # fmt: skip
_SOUND: dict[str, Callable[[], bytes]] = {
    "wb.xml": made.xfwb,
    "hl.xml": made.xfhl,
    "zb.xml": made.xfzb,
    "post.json": made.postal_json,
    "cuscar.edi": made.edifact,
    "post.csv": lambda: made.postal_csv(made.POSTAL_ROW, made.POSTAL_ROW.replace(made.ITEM, "X1")),
    "parcels.ndjson": lambda: b'{"parcel_id":"a","value":3}\n{"parcel_id":"b","value":"x"}\n',
}


def mutated(content: bytes, chance: random.Random) -> bytes:
    """`content` with a few changes of the kinds that senders, disks and attackers make."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(data) or 1)
        end = min(len(data), start + chance.randint(1, 60))
        match chance.randrange(6):
            case 0 if data:
                data[start] = chance.randrange(256)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = chance.choice(_JUNK)
            case 3:
                data[start:start] = data[start:end]
            case 4:
                data[start:end] = chance.choice(_JUNK)
            case _ if chance.random() < 0.2:
                del data[start:]
    return bytes(data)


@pytest.mark.parametrize("name", _SOUND)
def test_damaged_messages_give_rows_that_a_feed_takes_or_verdicts(
    tmp_path: Path, name: str
) -> None:
    chance = random.Random(name)
    for _ in range(40):
        source = tmp_path / name
        source.write_bytes(mutated(_SOUND[name](), chance))
        got = read_manifests([source])
        assert got.parcels.height or got.verdicts.height
        keys = set(got.parcels["parcel_id"])
        for part in got.provenance():
            assert set(part.filter(pl.col("table") == "parcels")["key"]) <= keys
        if got.parcels.height:
            feed = tmp_path / "feed"
            feed.mkdir(exist_ok=True)
            got.parcels.write_parquet(feed / "parcels.parquet")
            got.cartons.write_parquet(feed / "cartons.parquet")
            assert read_feed(feed).rejected.is_empty()
