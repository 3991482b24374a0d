"""One band from the bands of several scans."""

import numpy as np
import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import findings_frame
from parcelscope.screening.indicators.bands import counts_on_arrival, pooled_bands, scan_bands


def pooled(*bands: tuple[float, float]) -> tuple[float, float, bool]:
    findings = [
        w.band("C", "pieces.count", low, high, image=f"{n}.tif")
        for n, (low, high) in enumerate(bands)
    ]
    (row,) = pooled_bands(findings_frame(findings), "pieces.count").iter_rows(named=True)
    return row["low"], row["high"], row["agree"]


def test_one_scan_keeps_its_band() -> None:
    assert pooled((8.0, 14.0)) == (8.0, 14.0, True)


def test_two_like_scans_are_a_little_surer_than_one() -> None:
    low, high, agree = pooled((8, 14), (8, 14))
    assert agree
    assert (low + high) / 2 == pytest.approx(11)
    assert high - low == pytest.approx(6 * np.sqrt(0.8))


def test_scans_that_barely_meet_do_not_make_a_band_of_nothing() -> None:
    low, high, agree = pooled((6, 10), (9.9, 14))
    assert agree
    assert high - low > 3


def test_the_narrower_band_counts_for_no_more() -> None:
    low, high, _ = pooled((9, 11), (6, 18))
    assert (low + high) / 2 == pytest.approx(11)


def test_scans_that_do_not_meet_are_both_believed_possible() -> None:
    assert pooled((6, 7), (9, 10)) == (6, 10, False)


def test_a_band_without_a_width_is_no_fault() -> None:
    low, high, agree = pooled((5, 5), (4, 7))
    assert agree
    assert 4 < low < 5 < high < 7


def test_the_order_of_scans_changes_no_bit() -> None:
    bands = [(8.1, 14.3), (9.7, 15.1), (7.9, 13.3)]
    assert len({pooled(*order) for order in (bands, bands[::-1], bands[1:] + bands[:1])}) == 1


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_pooled_band_holds_the_truth_as_often_as_one_scan_and_the_common_part_does_not(
    correlation: float,
) -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal(2000)[:, None]
    errors = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.standard_normal(
        (2000, 2)
    )
    counts, half = 20 + 2 * errors, 1.645 * 2
    rows = [
        w.band(f"C{k:04}", "pieces.count", value - half, value + half, image=f"{view}.tif")
        for k, pair in enumerate(counts)
        for view, value in enumerate(pair)
    ]
    findings = findings_frame(rows)
    holds = {
        name: bands.select((bands["low"] <= 20) & (bands["high"] >= 20)).to_series().mean()
        for name, bands in (
            ("pooled", pooled_bands(findings, "pieces.count")),
            ("common", scan_bands(findings, "pieces.count")),
        )
    }
    assert holds["pooled"] >= 0.885
    assert holds["common"] < holds["pooled"] - 0.02


def test_what_arrived_is_counted_and_not_what_left() -> None:
    images = [
        {"owner_id": "C", "owner_kind": "carton", "kind": "scan", "path": path, "station": station}
        for path, station in (("out.tif", "origin"), ("in.tif", None))
    ]
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C"}], images=images),
        [
            w.band("C", "pieces.count", 4, 6, image="out.tif"),
            w.band("C", "pieces.count", 9, 12, image="in.tif"),
        ],
    )
    (row,) = counts_on_arrival(of).iter_rows(named=True)
    assert (row["low"], row["high"], row["scans"]) == (9, 12, 1)


def test_a_scan_at_origin_counts_where_there_is_no_other() -> None:
    images = [
        {
            "owner_id": "C",
            "owner_kind": "carton",
            "kind": "scan",
            "path": "out.tif",
            "station": "origin",
        }
    ]
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C"}], images=images),
        [w.band("C", "pieces.count", 4, 6, image="out.tif")],
    )
    assert counts_on_arrival(of)["scans"].to_list() == [1]
