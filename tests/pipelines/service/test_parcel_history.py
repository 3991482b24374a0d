"""Numbers that earlier windows saw, for parcels that come one by one."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from tests.inference.postgres_server import Server, postgres_server
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.service.live_service import live_service
from tests.pipelines.spooled import answers, write_drop
from tests.screening import windows as w

from parcelscope.inference.database import sqlite_url
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.service.one_parcel import Scorer, load_scorer, score_parcel
from parcelscope.pipelines.service.parcel import ParcelRequest, ScoreAnswer
from parcelscope.pipelines.service.parcel_history import ParcelHistory
from parcelscope.pipelines.watch import WatchSettings, watch

NUMBER = "RB123456785GB"
REUSE = "U6.reuse"
DAY = "2026-11-20T09:00:00Z"
PLACES = ("file", "postgresql")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_sound_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture
def earlier(tmp_path: Path, bundle: Path) -> Path:
    """The history of a run that saw the number on parcel `first`."""
    feed = tmp_path / "feed"
    feed.mkdir()
    row = {"parcel_id": ["first"], "tracking_number": [NUMBER], "arrived_at": [DAY]}
    pl.DataFrame(row).write_parquet(feed / "parcels.parquet")
    file = tmp_path / "numbers.sqlite"
    screen(feed, tmp_path / "run", bundle_folder=bundle, workers=1, history=str(file))
    return file


def parcel(name: str, number: str | None = NUMBER) -> dict[str, object]:
    return {"parcel_id": name, "tracking_number": number, "arrived_at": DAY}


def score(scorer: Scorer, name: str, number: str | None = NUMBER) -> ScoreAnswer:
    return score_parcel(ParcelRequest(parcel=parcel(name, number), images=[], files={}), scorer)


def codes(answer: ScoreAnswer) -> list[str]:
    return [str(finding["code"]) for finding in answer.findings]


def test_a_number_of_an_earlier_feed_is_found_on_a_single_parcel(
    earlier: Path, bundle: Path
) -> None:
    scorer = load_scorer(bundle, None, None, sqlite_url(earlier))
    answer = score(scorer, "second")
    assert codes(answer) == [REUSE]
    assert any("was seen on another parcel" in reason for reason in answer.reasons)
    assert codes(score(scorer, "third", "RB123456799GB")) == []


def test_the_parcel_of_the_feed_itself_and_a_repeated_request_are_no_reuse(
    earlier: Path, bundle: Path
) -> None:
    scorer = load_scorer(bundle, None, None, sqlite_url(earlier))
    assert codes(score(scorer, "first")) == []
    new = "RB123456825GB"
    answers_to_one = [score(scorer, "again", new) for _ in range(3)]
    assert [codes(answer) for answer in answers_to_one] == [[], [], []]
    assert len({answer.risk for answer in answers_to_one}) == 1


def test_without_a_history_a_single_parcel_has_no_predecessor(bundle: Path) -> None:
    scorer = load_scorer(bundle, None, None)
    assert codes(score(scorer, "first")) == codes(score(scorer, "second")) == []


def test_a_later_feed_is_told_of_what_a_single_parcel_left(
    earlier: Path, bundle: Path, tmp_path: Path
) -> None:
    score(load_scorer(bundle, None, None, sqlite_url(earlier)), "second", "RB123456839GB")
    feed = tmp_path / "later"
    feed.mkdir()
    rows = [parcel("second", "RB123456839GB"), parcel("other", "RB123456839GB")]
    pl.DataFrame(rows[1:]).write_parquet(feed / "parcels.parquet")
    summary = screen(
        feed, tmp_path / "run-2", bundle_folder=bundle, workers=1, history=str(earlier)
    )
    found = pl.read_parquet(summary.folder / "findings" / "*.parquet")
    assert found.filter(pl.col("code") == REUSE)["owner_id"].to_list() == ["other"]


@pytest.mark.parametrize("place", PLACES)
def test_of_parcels_at_once_with_one_number_each_later_one_is_told_of_those_before(
    place: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if place == "file":
        url = sqlite_url(tmp_path / "numbers.sqlite")
    else:
        url = request.getfixturevalue("server").new_database("at_once")
    count = 6
    histories = [ParcelHistory(url, keep_days=365, lock_wait_s=60) for _ in range(count)]
    # The tables are made once; whoever comes first would make the others wait for that.
    histories[0].look(w.feed([parcel_row("warm", "RB000000000GB")]), {"parcel_id": "warm"})
    together = threading.Barrier(count)

    def look(n: int) -> int:
        together.wait()
        row = {"parcel_id": f"P-{n}"}
        seen = histories[n].look(w.feed([parcel_row(f"P-{n}", NUMBER)]), row)
        assert seen.earlier is not None, seen.not_assessed
        return seen.earlier.sightings.height

    with ThreadPoolExecutor(count) as pool:
        told = sorted(pool.map(look, range(count)))
    for history in histories:
        history.close()
    # Whoever commits as number k sees the k before it, and perhaps some after it.
    assert all(seen >= n for n, seen in enumerate(told)), told


def parcel_row(name: str, number: str) -> dict[str, object]:
    return {"parcel_id": name, "tracking_number": number}


def test_a_history_that_is_away_costs_its_check_and_not_the_parcel(bundle: Path) -> None:
    # Port 1 answers nobody.
    away = "postgresql://nobody@127.0.0.1:1/none"
    pytest.importorskip("psycopg")
    scorer = load_scorer(bundle, None, None, away)
    answer = score(scorer, "first")
    assert answer.why in (None, "no_evidence")
    assert any(row.startswith(f"{REUSE}: the history") for row in answer.not_assessed)


def test_the_service_and_the_spool_ask_the_history(
    earlier: Path, bundle: Path, tmp_path: Path
) -> None:
    settings = {"bundle": str(bundle), "history": str(earlier), "latency_budget_s": 60.0}
    with live_service(tmp_path / "home", settings) as service:
        data = {"parcel": json.dumps(parcel("second"))}
        answer = service.client.post("/v1/score", data=data, timeout=60).json()
        again = service.client.post("/v1/score", data=data, timeout=60).json()
        first = service.client.post(
            "/v1/score", data={"parcel": json.dumps(parcel("first"))}, timeout=60
        ).json()
    assert [finding["code"] for finding in answer["findings"]] == [REUSE]
    assert again["findings"] == answer["findings"]
    # By now the number was on `second` too, and that is told of `first`.
    assert [finding["code"] for finding in first["findings"]] == [REUSE]
    spool = tmp_path / "spool"
    spool.mkdir()
    write_drop(spool / "third", parcel=parcel("third"))
    watch(
        WatchSettings(
            folder=spool,
            bundle=bundle,
            history=str(earlier),
            settle_s=0.05,
            latency_budget_s=60.0,
            once=True,
        ),
        say=lambda line: None,
    )
    (told,) = answers(spool, "done").values()
    assert REUSE in told["reason_codes"]
    assert any("was seen on another parcel" in reason for reason in told["reasons"])
