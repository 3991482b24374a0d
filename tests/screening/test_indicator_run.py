"""Each row is held to the version of an entry that is in force on its day."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.screening import windows as w

from parcelscope.screening.indicator_pack import load_indicators
from parcelscope.screening.indicator_run import manifest_reports, run_indicators
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.pack_store import import_pack

PACK = """\
pack: dated
version: "1"
title: Two versions
entries:
  - codes: [ID.check]
    version: 1
    severity: low
    citation: Before
    effective: {from: 2026-01-01, until: 2026-06-23}
    parameters: {likelihood_ratio: 2}
  - codes: [ID.check]
    version: 2
    severity: low
    citation: After
    effective: {from: 2026-06-25}
    parameters: {likelihood_ratio: 9}
"""
WRONG = "RB123456786GB"
"""An S10 number with another check digit than it should have."""


def parcel(name: str, day: str | None, *, received: str | None = None) -> dict[str, object]:
    at = None if day is None else datetime.fromisoformat(f"{day}T23:30:00+00:00")
    told = None if received is None else datetime.fromisoformat(f"{received}T12:00:00+00:00")
    return {
        "parcel_id": name,
        "tracking_number": WRONG,
        "arrived_at": at,
        "data_received_at": told,
    }


def outcome(folder: Path, *rows: dict[str, object], cartons: tuple = ()) -> Outcome:
    path = folder / "dated.yaml"
    path.write_text(PACK, encoding="utf-8")
    return run_indicators(w.evidence(w.feed(rows, cartons)), load_indicators([str(path)]))


@pytest.mark.parametrize(
    ("row", "ratio"),
    [
        pytest.param(parcel("P", "2026-01-01"), 2.0, id="first day of the first"),
        pytest.param(parcel("P", "2026-06-23"), 2.0, id="last day of the first"),
        pytest.param(parcel("P", "2026-06-25"), 9.0, id="first day of the second"),
        pytest.param(parcel("P", None, received="2026-03-01"), 2.0, id="by the advance data"),
        pytest.param(parcel("P", "2026-07-01", received="2026-03-01"), 9.0, id="by the arrival"),
        pytest.param(parcel("P", None), 9.0, id="without a date by the latest"),
    ],
)
def test_a_row_is_held_to_the_version_of_its_day(
    tmp_path: Path, row: dict[str, object], ratio: float
) -> None:
    told = outcome(tmp_path, row)
    assert w.ratio(told, "ID.check", "P") == ratio
    assert told.findings.height == 1
    assert told.not_assessed.is_empty()


@pytest.mark.parametrize("day", ["2025-12-31", "2026-06-24"])
def test_a_day_without_a_version_is_not_assessed(tmp_path: Path, day: str) -> None:
    told = outcome(tmp_path, parcel("P", day))
    assert told.findings.is_empty()
    assert w.reasons_not_assessed(told, "ID.check") == {
        "P": f"no version of ID.check is in force on {day}"
    }


def test_a_carton_is_of_the_day_of_the_latest_of_its_parcels(tmp_path: Path) -> None:
    rows = [
        {**parcel("A", "2026-03-01"), "carton_id": "C"},
        {**parcel("B", "2026-07-01"), "carton_id": "C"},
    ]
    bill = {"carton_id": "C", "master_bill": "176-12345676"}
    told = outcome(tmp_path, *rows, cartons=(bill, {**bill, "carton_id": "EMPTY"}))
    assert w.ratio(told, "ID.check", "C") == 9.0
    assert w.ratio(told, "ID.check", "EMPTY") == 9.0
    assert w.ratio(told, "ID.check", "A") == 2.0


def test_a_finding_by_an_imported_pack_counts_for_no_more_than_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARCELSCOPE_PACKS", str(tmp_path / "packs"))
    path = tmp_path / "dated.yaml"
    path.write_text(PACK, encoding="utf-8")
    import_pack(
        path,
        origin="Another facility",
        now=datetime(2026, 11, 1, tzinfo=UTC),
        reserved=frozenset({"base"}),
        max_likelihood_ratio=5,
    )
    of = w.evidence(w.feed([parcel("P", "2026-07-01")]))
    told = run_indicators(of, load_indicators(["base", "dated"]))
    assert w.ratio(told, "ID.check", "P") == 5.0


def test_what_the_manifest_says_by_itself_is_said_before_any_detector_answered(
    tmp_path: Path,
) -> None:
    window = w.evidence(
        w.feed(
            [parcel(f"P{n}", "2026-06-23") for n in range(3)] + [{"parcel_id": "bare"}],
            [{"carton_id": "C1", "pieces_manifested": 3}],
        )
    )
    # Any look at what detectors said fails.
    blind = replace(
        window, findings=pl.DataFrame(), not_assessed=pl.DataFrame(), embeddings=pl.DataFrame()
    )
    ahead = manifest_reports(blind, load_indicators(["base"]))
    whole = run_indicators(window, load_indicators(["base"]))
    both = run_indicators(window, load_indicators(["base"]), ahead)
    assert not whole.findings.is_empty()
    assert both.findings.equals(whole.findings)
    assert both.not_assessed.equals(whole.not_assessed)
