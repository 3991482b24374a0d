"""EDIFACT messages built like CUSCAR and IFTMIN."""

from pathlib import Path

import pytest
from tests.datasets.manifests.messages import CUSCAR_SEGMENTS, MASTER, edifact

from parcelscope.datasets.manifests.reading import Manifests, read_manifests


def read(folder: Path, content: bytes) -> Manifests:
    """The manifests in one interchange."""
    (folder / "a.edi").write_bytes(content)
    return read_manifests([folder])


def test_each_consignment_is_a_parcel_of_the_master_bill(tmp_path: Path) -> None:
    got = read(tmp_path, edifact())
    assert got.verdicts.is_empty()
    first, second = got.parcels.iter_rows(named=True)
    assert (first["parcel_id"], first["carton_id"]) == (f"{MASTER}_H1", MASTER)
    assert (first["pieces"], first["declared_weight_g"], first["value"]) == (2, 2500, 80.5)
    assert (first["description"], first["hs_code"]) == ("SHOES RUNNING", "640411")
    assert (first["consignee_city"], first["consignee_postcode"]) == ("NEW YORK", "10001")
    assert first["lane"] == "PVG-JFK"
    assert second["description"] == "TOY + BOX"
    assert second["arrived_at"].isoformat() == "2026-03-10T12:00:00+00:00"
    assert got.cartons["pieces_manifested"].to_list() == [3]


def test_one_instruction_without_cni_is_one_parcel(tmp_path: Path) -> None:
    segments = ("UNH+M1+IFTMIN:D:95B:UN", "BGM+340+1", "RFF+HWB:H9", "NAD+CN+++BUYER",
                "GID+1+4:CT", "FTX+AAA+++LAMPS", "MEA+AAE+G+GRM:800")  # fmt: skip
    got = read(tmp_path, edifact(segments))
    assert got.parcels["parcel_id"].to_list() == ["H9"]
    assert got.parcels["pieces"].to_list() == [4]
    assert got.parcels["declared_weight_g"].to_list() == [800]


def test_a_decimal_comma_is_the_one_that_una_names(tmp_path: Path) -> None:
    text = edifact().decode().replace("UNA:+.? '", "UNA:+,? '").replace("KGM:2.5", "KGM:2,5")
    assert read(tmp_path, text.encode()).parcels["declared_weight_g"][0] == 2500


@pytest.mark.parametrize(
    ("content", "verdict", "expected"),
    [
        pytest.param(edifact(count=99), "note", "UNT with the number of segments", id="count"),
        pytest.param(edifact()[:-60], "rejected", "EDIFACT segments that all end", id="cut"),
        pytest.param(b"UNB+UNOC:3+A+B+1+1'UNZ+0+1'", "rejected", "a message from UNH to UNT",
                     id="empty"),
        pytest.param(edifact(("UNH+M1+CUSCAR", "BGM+85+X")), "rejected",
                     "a consignment (CNI or GID)", id="no-consignment"),
        pytest.param(b"UNA::::::'", "rejected", "EDIFACT segments that all end", id="una"),
    ],
)  # fmt: skip
def test_what_is_odd_is_told(tmp_path: Path, content: bytes, verdict: str, expected: str) -> None:
    told = read(tmp_path, content).verdicts.row(0, named=True)
    assert (told["verdict"], told["expected"]) == (verdict, expected)


@pytest.mark.parametrize(
    ("segment", "field"),
    [
        pytest.param("MEA+AAE+G+KGM:-2", "declared_weight_g", id="negative"),
        pytest.param("MEA+AAE+G+XXX:2", "declared_weight_g", id="unit"),
        pytest.param("DTM+178:20260230:102", "arrived_at", id="date"),
        pytest.param("MOA+40:1e999:USD", "value", id="huge"),
    ],
)
def test_a_bad_segment_costs_its_field_only(tmp_path: Path, segment: str, field: str) -> None:
    got = read(tmp_path, edifact((*CUSCAR_SEGMENTS[:9], "GID+1+1:CT", segment)))
    assert got.parcels.height == 1
    assert got.verdicts["field"].to_list() == [field]
    assert got.parcels[field].to_list() == [None]
