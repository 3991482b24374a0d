"""Cargo-XML messages: what each gives, and how messages of one master bill are joined."""

from pathlib import Path

import polars as pl
import pytest
from tests.datasets.manifests.messages import MASTER, xfhl, xfwb, xfzb

from parcelscope.datasets.manifests.reading import Manifests, read_manifests


def read(folder: Path, **messages: bytes) -> Manifests:
    """The manifests of `messages`, each a file called by its name."""
    for name, content in messages.items():
        (folder / f"{name}.xml").write_bytes(content)
    return read_manifests([folder])


def test_a_waybill_alone_gives_its_packages_under_one_carton(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(pieces=5, packages=(2, 1)))
    carton = got.cartons.row(0, named=True)
    assert (carton["carton_id"], carton["pieces_manifested"]) == (MASTER, 5)
    assert carton["declared_weight_g"] == 10_500
    assert got.parcels["pieces"].to_list() == [2, 1]
    assert got.parcels["carton_id"].to_list() == [MASTER, MASTER]
    assert got.parcels["description"].to_list() == ["COTTON SHIRTS"] * 2
    assert got.parcels["lane"].to_list() == ["DUB-JFK"] * 2


def test_house_consignments_take_the_place_of_packages(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(), hl=xfhl())
    assert got.parcels["parcel_id"].to_list() == [f"{MASTER}_H1", f"{MASTER}_H2"]
    assert got.parcels["declared_weight_g"].to_list() == [2000, 2000]
    assert got.cartons["pieces_manifested"].to_list() == [3]
    assert (got.taken_in, got.joined, got.rejected) == (6, 3, 0)


def test_packages_that_give_way_leave_a_note_of_their_number(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(pieces=5, packages=(2, 1)), hl=xfhl())
    note = got.verdicts.filter(pl.col("field") == "pieces").row(0, named=True)
    assert (note["verdict"], note["got"]) == ("note", "3")
    assert "5 pieces" in note["expected"]


def test_a_house_waybill_says_more_than_the_house_manifest(tmp_path: Path) -> None:
    got = read(tmp_path, hl=xfhl(), zb=xfzb())
    first = got.parcels.row(0, named=True)
    assert (first["description"], first["value"], first["currency"]) == (
        "RUNNING SHOES",
        80.5,
        "EUR",
    )
    assert first["declared_weight_g"] == pytest.approx(907.18474)
    assert first["consignee_postcode"] == "12345"
    notes = got.verdicts.filter(pl.col("field") == "description")
    assert notes["expected"].str.starts_with("RUNNING SHOES, as in zb.xml").all()
    assert notes["got"].to_list() == ["SHOES"]


def test_an_update_replaces_the_earlier_message(tmp_path: Path) -> None:
    later = xfzb(purpose="Update", issued="2026-03-11T00:00:00Z", description="SANDALS")
    got = read(tmp_path, a=later, b=xfzb())
    assert got.parcels["description"].to_list() == ["SANDALS"]
    told = got.verdicts.filter(pl.col("verdict") == "rejected")
    assert set(told["file"]) == {"b.xml"}
    assert told["got"].str.starts_with("one replaced by a.xml").all()


def test_the_later_message_is_told_by_the_moment_and_not_by_the_clock(tmp_path: Path) -> None:
    east = xfzb(purpose="Update", issued="2026-03-10T20:00:00+08:00", description="EARLIER")
    west = xfzb(purpose="Update", issued="2026-03-10T13:00:00Z", description="LATER")
    assert read(tmp_path, a=west, b=east).parcels["description"].to_list() == ["LATER"]


def test_a_deletion_takes_out_what_it_names(tmp_path: Path) -> None:
    gone = xfzb(purpose="Deletion", issued="2026-03-11T00:00:00Z")
    got = read(tmp_path, a=xfzb(), b=gone, hl=xfhl(houses=(("H2", 1),)))
    assert got.parcels["house_bill"].to_list() == ["H2"]
    assert got.cartons["carton_id"].to_list() == [MASTER]
    withdrawn = got.verdicts.filter(pl.col("got").str.contains("withdra"))
    assert set(withdrawn["file"]) == {"a.xml", "b.xml"}


def test_a_message_sent_twice_counts_once(tmp_path: Path) -> None:
    got = read(tmp_path, a=xfzb(), b=xfzb())
    assert got.parcels.height == 1
    assert got.verdicts.select("verdict", "table", "got").rows() == [
        ("rejected", "parcels", "it again")
    ]


def test_house_waybills_of_one_master_bill_restate_it(tmp_path: Path) -> None:
    got = read(tmp_path, a=xfzb(), b=xfzb(number="H2", pieces=1))
    assert (got.parcels.height, got.cartons.height, got.verdicts.height) == (2, 1, 0)
    assert got.joined == 1


def test_a_waybill_without_houses_or_packages_is_one_parcel(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(packages=(), kind="740"))
    assert got.parcels["pieces"].to_list() == [3]
    assert got.parcels["declared_weight_g"].to_list() == [10_500]


def test_a_master_bill_without_houses_or_packages_gives_no_parcel(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(packages=()))
    assert got.parcels.is_empty()
    assert got.verdicts["expected"].to_list() == ["a parcel that names this carton"]


@pytest.mark.parametrize(
    ("unit", "grams"),
    [("KGM", 2000.0), ("GRM", 2.0), ("LBR", 907.18474), ("XXX", None)],
)
def test_weights_come_in_grams(tmp_path: Path, unit: str, grams: float | None) -> None:
    got = read(tmp_path, hl=xfhl(houses=(("H1", 2),), unit=unit))
    assert got.parcels["declared_weight_g"].to_list() == [grams]
    lost = got.verdicts.filter(pl.col("verdict") == "without_value")
    assert lost["got"].to_list() == ([] if grams is not None else ["2 XXX"])


def test_names_count_without_their_namespaces(tmp_path: Path) -> None:
    other = xfzb().replace(b"iata:datamodel:3", b"iata:datamodel:9")
    assert read(tmp_path, zb=other).parcels.height == 1


def test_every_value_names_its_message_and_element(tmp_path: Path) -> None:
    got = read(tmp_path, wb=xfwb(), zb=xfzb())
    origins = pl.concat(list(got.provenance()))
    weight = origins.filter(pl.col("field") == "declared_weight_g", pl.col("table") == "parcels")
    row = weight.row(0, named=True)
    assert (row["message_id"], row["as_written"]) == ("ZB-1", "2 LBR")
    assert row["path"].startswith("/HouseWaybill/MasterConsignment/IncludedHouseConsignment[1]/")
    for table, frame, key in (
        ("parcels", got.parcels, "parcel_id"),
        ("cartons", got.cartons, "carton_id"),
    ):
        for values in frame.iter_rows(named=True):
            filled = {name for name, value in values.items() if value is not None}
            of_row = origins.filter(pl.col("table") == table, pl.col("key") == values[key])
            assert filled == set(of_row["field"])
