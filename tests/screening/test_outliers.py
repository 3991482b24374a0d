"""U11: scans unlike those of their group."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.screening import windows as w

from parcelscope.datasets.embeddings import ScanEmbedding, embeddings_frame
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.outliers import OUTLIER, scans_unlike_group

LOT = {"master_bill": "020-12345675", "hs_code": "8517.13.00"}


def embedding(name: str, vector: np.ndarray[Any, Any], version: str = "dual-mm-1") -> ScanEmbedding:
    return ScanEmbedding(
        owner_id=name,
        owner_kind="parcel",
        image_path=f"{name}.tif",
        version=version,
        vector=np.asarray(vector / np.linalg.norm(vector), np.float32),
    )


def lot(count: int = 30, *, odd: int | None = 7, **columns: Any) -> Evidence:
    """Parcels alike within chance, with an odd one."""
    rng = np.random.default_rng(3)
    usual, other = np.ones(12), np.r_[np.ones(4) * 3, np.zeros(8)]
    rows = [{"parcel_id": f"P{k:02}", **LOT, **columns} for k in range(count)]
    of = w.feed(
        rows,
        images=[
            {"owner_id": row["parcel_id"], "kind": "scan", "path": f"{row['parcel_id']}.tif"}
            for row in rows
        ],
    )
    vectors = [
        embedding(row["parcel_id"], (other if k == odd else usual) + rng.uniform(0, 0.3, 12))
        for k, row in enumerate(rows)
    ]
    return Evidence(
        feed=of,
        findings=w.evidence(of).findings,
        not_assessed=w.evidence(of).not_assessed,
        embeddings=embeddings_frame(vectors),
    )


def test_the_scan_that_lies_far_from_its_lot_is_reported_with_its_distance() -> None:
    outcome = scans_unlike_group(lot(), w.parameters("outliers"))
    assert list(w.sentences(outcome, OUTLIER)) == ["P07"]
    row = outcome.findings.row(0, named=True)
    assert row["observed"] > 10 * row["expected"] > 0
    assert row["likelihood_ratio"] > 10
    assert row["image_path"] == "P07.tif"
    assert "unlike the 29 others of its" in row["sentence"]


def test_a_lot_of_like_parcels_is_silent() -> None:
    outcome = scans_unlike_group(lot(odd=None), w.parameters("outliers"))
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        pytest.param(lot(7), "fewer than 8 comparable scans", id="a small lot"),
        pytest.param(
            lot(master_bill=None, hs_code=None), "fewer than 8 comparable scans", id="no group"
        ),
    ],
)
def test_a_group_that_is_too_small_is_not_assessed(of: Evidence, reason: str) -> None:
    outcome = scans_unlike_group(of, w.parameters("outliers"))
    assert outcome.findings.is_empty()
    assert reason in w.reasons_not_assessed(outcome, OUTLIER)["P00"]


def test_a_parcel_without_a_scan_says_so() -> None:
    of = w.evidence(w.feed([{"parcel_id": "P", **LOT}]))
    outcome = scans_unlike_group(of, w.parameters("outliers"))
    assert w.reasons_not_assessed(outcome, OUTLIER) == {"P": "no scan of it could be described"}


def test_scans_of_another_version_or_station_are_not_compared() -> None:
    of = lot(12, odd=None)
    other = of.embeddings.with_columns(
        version=pl.when(pl.int_range(pl.len()) < 6)
        .then(pl.lit("colour-mm-1"))
        .otherwise(pl.col("version"))
    )
    split = Evidence(
        feed=of.feed, findings=of.findings, not_assessed=of.not_assessed, embeddings=other
    )
    outcome = scans_unlike_group(split, w.parameters("outliers"))
    assert len(w.reasons_not_assessed(outcome, OUTLIER)) == 12


def test_the_order_of_rows_changes_nothing() -> None:
    of = lot()
    turned = Evidence(
        feed=of.feed,
        findings=of.findings,
        not_assessed=of.not_assessed,
        embeddings=of.embeddings.reverse(),
    )
    one, other = (scans_unlike_group(some, w.parameters("outliers")) for some in (of, turned))
    assert one.findings.equals(other.findings)
