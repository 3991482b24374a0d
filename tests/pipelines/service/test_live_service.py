"""The service as its users meet it: a process of its own, by HTTP."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import polars as pl
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.facility_feed import write_facility_feed
from tests.pipelines.service.feeds import tarred, write_long_feed, zip_of
from tests.pipelines.service.live_service import LiveService, live_service

from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.service.database import open_database
from parcelscope.pipelines.service.keys import Role, add_key, revoke_key

PARCELS = 600


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the root `feeds`, a `bundle`, and what lies outside of both."""
    folder = tmp_path_factory.mktemp("places")
    write_facility_feed(folder / "feeds" / "small")
    write_long_feed(folder / "feeds" / "long", PARCELS)
    write_facility_feed(folder / "secret")
    write_sound_bundle(folder / "one")
    write_sound_bundle(folder / "two", version="2", item_weight=2.0)
    (folder / "bundle").symlink_to(folder / "one")
    return folder


def settings(places: Path) -> dict[str, object]:
    return {
        "roots": [str(places / "feeds")],
        "bundle": str(places / "bundle"),
        "workers": 1,
        "latency_budget_s": 60.0,
        "stuck_after_s": 90.0,
        "reload_every_s": 0.2,
        "provider": "cpu",
        "shard_size": 64,
    }


@pytest.fixture(scope="module")
def service(places: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with live_service(tmp_path_factory.mktemp("home"), settings(places)) as live:
        yield live


@pytest.fixture(scope="module")
def small_run(service: LiveService) -> str:
    run_id = service.submit("small", budget="0.3", seed="7")
    run = service.wait(run_id)
    assert run["state"] == "done", run
    return run_id


def test_a_run_by_http_is_the_run_of_the_command_line(
    service: LiveService, small_run: str, places: Path, tmp_path: Path
) -> None:
    run = service.run(small_run)
    assert (run["share"], run["attempts"], run["error"]) == (1.0, 1, None)
    assert run["counts"]["parcels"]["rows"] == 24
    screen(
        places / "feeds" / "small",
        tmp_path / "run",
        bundle_folder=places / "one",
        budget=0.3,
        seed=7,
        workers=1,
    )
    answer = service.client.get(f"/v1/runs/{small_run}/results/flags?format=parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    flags = pl.read_parquet(answer.content)
    assert flags.height > 0
    assert flags.equals(pl.read_parquet(tmp_path / "run" / "flags.parquet"))
    card = service.client.get(f"/v1/runs/{small_run}/card").json()
    assert card["bundle"]["digest"] == run["bundle_digest"]


@pytest.mark.parametrize(
    "table",
    ["flags", "parcels", "cartons", "images", "findings", "not_assessed", "quarantine", "notes"],
)
def test_every_table_comes_as_pages_and_as_a_file(
    table: str, service: LiveService, small_run: str
) -> None:
    path = f"/v1/runs/{small_run}/results/{table}"
    whole = pl.read_parquet(service.client.get(path, params={"format": "parquet"}).content)
    page = service.client.get(path, params={"offset": 1, "limit": 2}).json()
    assert page["rows"] == whole.height
    assert len(page["items"]) == max(0, min(2, whole.height - 1))
    if page["items"]:
        assert list(page["items"][0]) == whole.columns


def test_the_report_comes_in_a_sandbox(service: LiveService, small_run: str) -> None:
    answer = service.client.get(f"/v1/runs/{small_run}/report")
    assert "<html" in answer.text
    assert "allow-same-origin" not in answer.headers["content-security-policy"]


def test_an_uploaded_feed_is_screened_and_deleted_again(service: LiveService, places: Path) -> None:
    answer = service.client.post(
        "/v1/runs",
        files={"archive": ("monday", tarred(places / "feeds" / "small"))},
        data={"budget": "0.3"},
    )
    assert answer.status_code == 202, answer.text
    run = service.wait(answer.json()["run_id"])
    assert (run["state"], run["counts"]["parcels"]["rows"]) == ("done", 24)
    place = Path(run["feed"])
    assert place.is_dir()
    assert service.client.delete(f"/v1/runs/{run['run_id']}").status_code == 204
    assert not place.exists()
    assert service.client.get(f"/v1/runs/{run['run_id']}").status_code == 404


@pytest.mark.parametrize("feed", ["/etc", "../secret", "small/../../secret", "", "file:///etc"])
def test_no_feed_outside_the_roots_is_read(feed: str, service: LiveService) -> None:
    answer = service.client.post("/v1/runs", data={"feed": feed})
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_feed_that_cannot_be_read_fails_its_run_with_the_sentence(
    service: LiveService, places: Path
) -> None:
    (places / "feeds" / "empty").mkdir(exist_ok=True)
    run = service.wait(service.submit("empty"))
    assert run["state"] == "failed"
    assert "a feed must have a parcels table" in run["error"]
    answer = service.client.get(f"/v1/runs/{run['run_id']}/results/flags")
    assert answer.status_code == 409


def test_the_same_idempotency_key_gives_the_same_run(service: LiveService) -> None:
    headers = {"idempotency-key": "monday"}
    first, second = (
        service.client.post("/v1/runs", data={"feed": "small"}, headers=headers).json()
        for _ in range(2)
    )
    assert first["run_id"] == second["run_id"]
    service.client.post(f"/v1/runs/{first['run_id']}/cancel")
    assert service.wait(first["run_id"])["state"] == "cancelled"


def test_a_running_run_and_a_waiting_one_can_be_cancelled(service: LiveService) -> None:
    running, waiting = service.submit("long"), service.submit("long")
    service.wait_for_progress(running)
    for run_id in (waiting, running):
        assert service.client.post(f"/v1/runs/{run_id}/cancel").status_code == 202
    assert service.wait(waiting)["state"] == "cancelled"
    run = service.wait(running)
    assert run["state"] == "cancelled"
    assert run["done"] < PARCELS
    assert service.client.post(f"/v1/runs/{running}/cancel").status_code == 409


def test_one_parcel_is_scored_with_its_images(service: LiveService, places: Path) -> None:
    scan = (places / "feeds" / "long" / "scan.jpg").read_bytes()
    answer = service.client.post(
        "/v1/score",
        data={
            "parcel": json.dumps({"parcel_id": "P-1", "description": "gift"}),
            "images": json.dumps(
                [
                    {"kind": "scan", "path": "scan.jpg", "energy": "colour"},
                    {"kind": "photo", "path": "cut.jpg", "view": "label"},
                    {"kind": "photo", "path": "gone.jpg", "view": "label"},
                ]
            ),
        },
        files=[("files", ("scan.jpg", scan)), ("files", ("cut.jpg", scan[:300]))],
    )
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["verdict"], said["parcel_id"]) == ("assessed", "P-1"), said
    assert 0 <= said["risk"] <= 1
    assert said["bundle"]["name"] == "tiny"
    verdicts = {image["path"]: image["verdict"] for image in said["images"]}
    assert verdicts == {"scan.jpg": "assessed", "cut.jpg": "quarantined", "gone.jpg": "missing"}
    assert any(finding["image_path"] == "scan.jpg" for finding in said["findings"])


@pytest.mark.parametrize(
    ("form", "files", "why"),
    [
        pytest.param({}, None, "no_evidence", id="nothing-at-all"),
        pytest.param({"parcel": "{"}, None, "request", id="not-json"),
        pytest.param({"parcel": '{"colour": "red"}'}, None, "request", id="unknown-column"),
        pytest.param({"parcel": '{"value": "dear"}'}, None, "request", id="wrong-value"),
        pytest.param({"parcel": '{"parcel_id": ""}'}, None, "request", id="empty-id"),
        pytest.param(
            {"images": '[{"kind": "scan", "path": "../x"}]'}, None, "request", id="path-up"
        ),
        pytest.param({}, {"files": ("/etc/passwd", b"")}, "request", id="file-up"),
        pytest.param({}, {"files": ("", b"x")}, "request", id="file-without-name"),
    ],
)
def test_whatever_is_wrong_with_a_parcel_it_is_not_held(
    form: dict[str, str], files: dict[str, tuple[str, bytes]] | None, why: str, service: LiveService
) -> None:
    answer = service.client.post("/v1/score", data=form, files=files)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["verdict"] == "not_assessed", said
    assert said["reason"]


def test_a_form_that_is_none_does_not_hold_a_parcel_either(service: LiveService) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = service.client.post("/v1/score", content=b"nonsense", headers=headers)
    assert (answer.status_code, answer.json()["verdict"]) == (200, "not_assessed")


def test_parcels_at_once_are_all_answered(service: LiveService, places: Path) -> None:
    scan = (places / "feeds" / "long" / "scan.jpg").read_bytes()
    images = json.dumps([{"kind": "scan", "path": "scan.jpg", "energy": "colour"}])

    def score(n: int) -> tuple[int, str, str]:
        answer = service.client.post(
            "/v1/score",
            data={"parcel": json.dumps({"parcel_id": f"P-{n}"}), "images": images},
            files={"files": ("scan.jpg", scan)},
        )
        return answer.status_code, answer.json()["verdict"], answer.json()["parcel_id"]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(score, range(8)))
    assert answers == [(200, "assessed", f"P-{n}") for n in range(8)]


def test_a_scoring_process_that_dies_costs_no_parcel_and_comes_back(
    service: LiveService, places: Path
) -> None:
    scorers = [
        int(child)
        for task in Path(f"/proc/{service.process.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    assert len(scorers) == 1
    os.kill(scorers[0], signal.SIGKILL)
    answer = service.client.post("/v1/score")
    assert (answer.status_code, answer.json()["why"]) == (200, "restarting")
    until = time.monotonic() + 120
    while service.client.post("/v1/score").json()["why"] == "restarting":
        assert time.monotonic() < until
        time.sleep(0.2)
    assert service.client.get("/readyz").status_code == 200
    assert "parcelscope_scorer_restarts_total 1.0" in service.client.get("/metrics").text


def test_metrics_count_what_was_done(service: LiveService, small_run: str) -> None:
    page = service.client.get("/metrics").text
    assert 'parcelscope_runs{state="done"}' in page
    assert 'parcelscope_bundle{digest="' in page
    assert 'parcelscope_rows_total{verdict="assessed"}' in page
    assert 'parcelscope_quarantined_total{code="' in page
    assert 'parcelscope_stage_seconds_total{stage="models",state="busy"}' in page
    assert "parcelscope_shard_commit_seconds_count" in page
    assert page.count("parcelscope_bottleneck_stage{stage=") > 1
    assert 'route="/v1/runs/{run_id}"' in page
    assert small_run not in page


def test_without_keys_no_other_site_may_use_the_browser_of_this_machine(
    service: LiveService,
) -> None:
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        answer = service.client.post("/v1/runs", data={"feed": "small"}, headers=headers)
        assert answer.status_code == 403


def test_another_bundle_is_taken_up_and_a_broken_one_is_not(
    service: LiveService, places: Path
) -> None:
    link = places / "bundle"

    def point_to(name: str) -> None:
        (places / "next").symlink_to(places / name)
        (places / "next").rename(link)

    in_flight = service.submit("long")
    service.wait_for_progress(in_flight)
    before = service.client.get("/readyz").json()["bundle"]
    point_to("two")
    assert service.client.post("/v1/bundle/reload").status_code == 200
    after = service.client.get("/readyz").json()["bundle"]
    assert after != before
    broken = places / "broken"
    write_sound_bundle(broken, version="3")
    next(broken.glob("*.onnx")).write_bytes(b"no model")
    point_to("broken")
    answer = service.client.post("/v1/bundle/reload")
    assert answer.status_code == 409
    assert "SHA-256" in answer.json()["detail"]
    assert service.client.get("/readyz").json()["bundle"] == after
    assert (
        'parcelscope_bundle_reloads_total{outcome="refused"}' in service.client.get("/metrics").text
    )
    run = service.wait(in_flight)
    assert (run["state"], run["bundle_digest"]) == ("done", before)
    point_to("one")
    assert service.client.post("/v1/bundle/reload").status_code == 200


def test_a_killed_service_takes_its_run_up_again(places: Path, tmp_path: Path) -> None:
    with live_service(tmp_path / "home", settings(places)) as live:
        run_id = live.submit("long")
        live.wait_for_progress(run_id)
        live.kill()
    with live_service(tmp_path / "home", settings(places)) as live:
        run = live.wait(run_id)
        assert run["state"] == "done", run
        answer = live.client.get(f"/v1/runs/{run_id}/results/parcels?format=parquet")
    parcels = pl.read_parquet(answer.content)
    assert parcels.height == parcels["parcel_id"].n_unique() == PARCELS


def test_a_service_that_is_asked_to_stop_hands_back_its_shard(places: Path, tmp_path: Path) -> None:
    with live_service(tmp_path / "home", settings(places)) as live:
        run_id = live.submit("long")
        live.wait_for_progress(run_id)
        assert live.terminate() == 0
    with live_service(tmp_path / "home", settings(places)) as live:
        run = live.wait(run_id)
        assert (run["state"], run["attempts"]) == ("done", 1)
        assert run["counts"]["parcels"]["assessed"] == PARCELS


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[Role | str, str]:
    """Keys by role, with the `home` they belong to."""
    home = tmp_path_factory.mktemp("keyed")
    database = open_database(home)
    roles: tuple[Role, ...] = ("monitor", "reader", "operator", "admin")
    made: dict[Role | str, str] = {role: add_key(database, role, role) for role in roles}
    made["hasty"] = add_key(database, "hasty", "reader")
    made["revoked"] = add_key(database, "old", "admin")
    revoke_key(database, "old")
    return made | {"home": str(home)}


@pytest.fixture(scope="module")
def strict(places: Path, keys: dict[Role | str, str]) -> Iterator[LiveService]:
    """A service with keys, hardly any time for a parcel, and small limits."""
    limits = {
        "upload_bytes": 200_000,
        "unpacked_bytes": 1_000_000,
        "parcel_bytes": 50_000,
        "requests_per_minute": 60,
    }
    told = settings(places) | {"latency_budget_s": 0.001, "limits": limits}
    with live_service(Path(keys["home"]), told) as live:
        yield live


def bearer(keys: dict[Role | str, str], role: Role | str) -> dict[str, str]:
    return {"authorization": f"Bearer {keys[role]}"}


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        ("monitor", "GET", "/metrics", 200),
        ("monitor", "GET", "/v1/runs", 403),
        ("reader", "GET", "/v1/runs", 200),
        ("reader", "POST", "/v1/runs", 403),
        ("reader", "POST", "/v1/score", 403),
        ("operator", "POST", "/v1/score", 200),
        ("operator", "POST", "/v1/bundle/reload", 403),
        ("admin", "POST", "/v1/bundle/reload", 200),
        ("revoked", "GET", "/v1/runs", 401),
    ],
)
def test_each_role_may_do_its_part(
    role: str,
    method: str,
    path: str,
    status: int,
    strict: LiveService,
    keys: dict[Role | str, str],
) -> None:
    answer = strict.client.request(method, path, headers=bearer(keys, role))
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer ps_00000000_x"}, {"authorization": "Basic YTpi"}],
    ids=["none", "wrong", "other-scheme"],
)
def test_without_a_key_nothing_is_told(headers: dict[str, str], strict: LiveService) -> None:
    answer = strict.client.post("/v1/score", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["verdict"] == "not_assessed"
    assert strict.client.get("/healthz").status_code == 200


def test_a_parcel_that_takes_too_long_is_answered_all_the_same(
    strict: LiveService, keys: dict[Role | str, str], places: Path
) -> None:
    scan = (places / "feeds" / "long" / "scan.jpg").read_bytes()
    answer = strict.client.post(
        "/v1/score",
        data={"images": json.dumps([{"kind": "scan", "path": "scan.jpg", "energy": "colour"}])},
        files={"files": ("scan.jpg", scan)},
        headers=bearer(keys, "operator"),
    )
    assert answer.status_code == 200
    said = answer.json()
    assert (said["verdict"], said["why"]) == ("not_assessed", "latency")
    assert "budget of 1 ms" in said["reason"]


@pytest.mark.parametrize(
    ("path", "name", "content", "status"),
    [
        pytest.param("/v1/score", "files", bytes(200_000), 413, id="parcel-too-large"),
        pytest.param("/v1/runs", "archive", bytes(400_000), 413, id="upload-too-large"),
        pytest.param("/v1/runs", "archive", zip_of({"0": bytes(2_000_000)}), 422, id="zip-bomb"),
        pytest.param("/v1/runs", "archive", zip_of({"../x": b""}), 422, id="path-escape"),
    ],
)
def test_what_is_too_large_is_refused(
    path: str,
    name: str,
    content: bytes,
    status: int,
    strict: LiveService,
    keys: dict[Role | str, str],
) -> None:
    answer = strict.client.post(
        path, files={name: ("x", content)}, headers=bearer(keys, "operator")
    )
    assert answer.status_code == status, answer.text
    assert list((Path(keys["home"]) / "scratch").iterdir()) == []


def test_a_body_without_a_length_is_measured_as_it_comes(
    strict: LiveService, keys: dict[Role | str, str]
) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(10_000)

    headers = bearer(keys, "operator") | {"content-type": "multipart/form-data; boundary=x"}
    try:
        answer = strict.client.post("/v1/score", content=endless(), headers=headers)
    except httpx.WriteError:
        return  # it hung up while we were still sending
    assert answer.status_code == 413, answer.text


def test_who_asks_too_often_must_wait(strict: LiveService, keys: dict[Role | str, str]) -> None:
    answers = [strict.client.get("/v1/runs", headers=bearer(keys, "hasty")) for _ in range(70)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert strict.client.get("/v1/runs", headers=bearer(keys, "reader")).status_code == 200
