"""From a feed to a decision and on: screen, review, decide, score afresh, and nothing is lost."""

import json
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import select
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed
from tests.review.live_review import LiveReview, live_review

from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.review_runs import enrol_run, latest_run
from parcelscope.review.database import open_review, reading, review_url
from parcelscope.review.tables import ITEMS


def parcelscope(*words: str) -> int | str | None:
    """The exit code of `parcelscope words`."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return ended.value.code


def enrol(folder: Path, bundle: Path) -> None:
    """What `parcelscope review` does before it serves: the newest run comes to review."""
    engine = open_review(review_url(None, runs=folder))
    enrol_run(engine, latest_run(folder), bundle_folder=bundle)
    engine.dispose()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work")
    write_facility_feed(folder / "feed")
    write_tiny_bundle(folder / "bundle")
    return folder


def test_a_decision_outlives_the_run_that_it_was_made_on(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(work)
    words = ("screen", "feed", "--workers", "1", "--provider", "cpu", "--bundle")
    assert parcelscope(*words, "bundle", "--out", "runs/first", "--budget", "60%") == 0
    offered = "Review what was flagged: parcelscope review runs/first"
    assert capsys.readouterr().out.splitlines()[-1] == offered
    runs, database = work / "runs", review_url(None, runs=work / "runs")
    enrol(runs, work / "bundle")

    with live_review(work, database=database) as live, live.browser() as browser:
        taken = browser.post("/api/queue/take", json={"filters": {}}).json()["items"]
        assert [item["state"] for item in taken] == ["open", "open"]
        item = taken[0]
        assert item["reasons"]
        _same_pixels(work, live, browser)
        body = {
            "decision": "inspect", "reason_code": "differs_from_manifest", "note": "too heavy",
            "ms_on_screen": 4100, "functions_used": ["colour", "metal"], "marks_shown": True,
            "presentation": "marks_after", "key": "first-decision",
        }  # fmt: skip
        done = browser.post(f"/api/items/{item['item_id']}/decide", json=body)
        assert done.status_code == 200, done.text

    # The next day: another bundle, another budget, and the first run's folder is gone.
    bundle = json.loads((work / "bundle" / "bundle.json").read_text())
    for fusion in ("parcel_fusion", "carton_fusion"):
        bundle[fusion]["intercept"] = -9.0
    shutil.copytree(work / "bundle", work / "other")
    (work / "other" / "bundle.json").write_text(json.dumps(bundle | {"version": "2"}))
    assert parcelscope(*words, "other", "--out", "runs/second", "--budget", "90%") == 0
    shutil.rmtree(runs / "first")
    enrol(runs, work / "other")

    with live_review(work, database=database) as live, live.browser() as browser:
        told = browser.get(f"/api/items/{item['item_id']}").json()
        assert (told["state"], told["decision"]) == ("decided", "inspect")
        assert told["decided_by"] == "local"
        assert told["reference"] == item["reference"]
        assert "tiny 2" in told["versions"]["bundle"]
        assert told["scored_again"], "whoever decided did not see this score"
        assert [event["kind"] for event in told["history"]].count("decide") == 1
        others = browser.post("/api/queue/take", json={"filters": {}}).json()["items"]
        assert others
        assert item["item_id"] not in [one["item_id"] for one in others]

    assert parcelscope("audit", "verify") == 0


def _same_pixels(work: Path, live: LiveReview, browser: httpx.Client) -> None:
    """What the browser gets of a scan is what the detectors read."""
    with reading(live.engine) as connection:
        rows = connection.execute(select(ITEMS.c.item_id, ITEMS.c.owner_id)).all()
    files = {row.item_id: work / "feed" / f"{row.owner_id}.tif" for row in rows}
    item_id, path = next((item_id, path) for item_id, path in files.items() if path.is_file())
    scan = read_scan([ScanFile(path=path)])
    answer = browser.get(f"/api/items/{item_id}/images/0/pixels")
    assert answer.status_code == 200, answer.text
    width, height = scan.size_wh
    counts = np.frombuffer(answer.content, "<u2").reshape(height, width, 2)
    assert scan.low is not None
    assert np.array_equal(counts[..., 0], scan.low)


def test_what_is_no_run_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert parcelscope("review", "empty", "--port", "0") == 2
    said = capsys.readouterr().err
    assert "empty: expected a complete run in it or below it, found none" in said
    assert said.count("\n") == 1
    assert parcelscope("review", "one", "two", "--feed", "empty", "--port", "0") == 2
    assert "--feed is that of one run, got 2 runs" in capsys.readouterr().err
