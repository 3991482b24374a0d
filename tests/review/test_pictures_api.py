"""Pictures over HTTP: counts in headers and bytes, for those who may, and never a path."""

import gzip
import io
import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import update
from tests.review.enrolled_run import EnrolledRun, enrolled_run
from tests.review.live_review import LiveReview, add_people, live_review

from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.pipelines.review_runs import enrol_run
from parcelscope.review.database import writing
from parcelscope.review.redaction import HIDDEN, HIDDEN_IMAGE
from parcelscope.review.tables import ITEMS


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EnrolledRun:
    return enrolled_run(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def live(run: EnrolledRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    with live_review(tmp_path_factory.mktemp("live")) as review:
        enrol_run(review.engine, run.run, bundle_folder=run.bundle)
        add_people(review.engine, ("ana", "analyst"), ("vic", "viewer"), ("otto", "auditor"))
        yield review


@pytest.fixture(scope="module")
def ana(live: LiveReview) -> Iterator[httpx.Client]:
    with live.signed_in("ana") as client:
        yield client


@pytest.fixture(scope="module")
def vic(live: LiveReview) -> Iterator[httpx.Client]:
    with live.signed_in("vic") as client:
        yield client


def address(run: EnrolledRun, owner_id: str, n: int, what: str) -> str:
    return f"/api/items/{run.item(owner_id).item_id}/images/{n}/{what}"


def test_pixels_come_as_counts_with_their_form_in_headers(
    run: EnrolledRun, ana: httpx.Client
) -> None:
    answer = ana.get(address(run, "P-002", 0, "pixels"))
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-air-level"] == "60000"
    shape = tuple(int(answer.headers[f"x-{name}"]) for name in ("height", "width", "channels"))
    assert shape == (120, 160, 2)
    scan = read_scan([ScanFile(path=run.feed / "P-002.tif")])
    assert scan.low is not None
    counts = np.frombuffer(answer.content, "<u2").reshape(shape)
    assert np.array_equal(counts[..., 0], scan.low)
    assert np.array_equal(counts[..., 1], scan.high)


def test_whoever_takes_no_gzip_gets_the_counts_plain(run: EnrolledRun, ana: httpx.Client) -> None:
    where = address(run, "P-002", 0, "pixels")
    plain = ana.get(where, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == ana.get(where).content


def test_a_browser_may_keep_what_it_has_and_nobody_between_may(
    run: EnrolledRun, ana: httpx.Client
) -> None:
    where = address(run, "P-002", 0, "pixels")
    answer = ana.get(where)
    assert answer.headers["cache-control"].startswith("private")
    assert "immutable" in answer.headers["cache-control"]
    again = ana.get(where, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_item_tells_sizes_versions_and_why_an_image_cannot_be_shown(
    run: EnrolledRun, ana: httpx.Client
) -> None:
    told = ana.get(f"/api/items/{run.item('P-002').item_id}").json()
    [whole, gone] = sorted(told["images"], key=lambda image: image["problem"] is not None)
    assert (whole["width_px"], whole["height_px"], whole["problem"]) == (160, 120, None)
    assert whole["version"]
    assert "gone.tif" in gone["problem"]
    assert ana.get(address(run, "P-002", gone["n"], "pixels")).json() == {
        "detail": "The file is not there any more."
    }


def test_photos_come_small_where_that_is_asked_for(run: EnrolledRun, ana: httpx.Client) -> None:
    where = address(run, "P-001", 1, "picture")
    small = ana.get(where, params={"width": 320})
    assert small.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(small.content)).size == (320, 240)
    for wrong in ("0", "-1", "x", "1e9", "99999"):
        assert ana.get(where, params={"width": wrong}).status_code == 422


def test_a_map_is_served_where_there_is_one(run: EnrolledRun, ana: httpx.Client) -> None:
    owner_id, n = next(
        (f"P-{k:03}", image.n)
        for k in range(23)
        for image in run.dossier(f"P-{k:03}").images
        if image.heat
    )
    answer = ana.get(address(run, owner_id, n, "heat"))
    assert answer.headers["content-type"] == "image/png"
    assert ana.get(address(run, "C-1", 0, "heat")).status_code == 404


def test_without_signing_in_there_are_no_pictures(run: EnrolledRun, live: LiveReview) -> None:
    with live.browser() as nobody:
        for what in ("pixels", "picture", "heat", "reference/0"):
            assert nobody.get(address(run, "P-002", 0, what)).status_code == 401


def test_roles_without_personal_data_see_scans_but_no_label(
    run: EnrolledRun, live: LiveReview, ana: httpx.Client, vic: httpx.Client
) -> None:
    label = address(run, "P-001", 1, "picture")
    assert ana.get(label).status_code == 200
    with live.signed_in("otto") as otto:
        for client in (vic, otto):
            assert client.get(address(run, "P-001", 0, "pixels")).status_code == 200
            refused = client.get(label)
            assert (refused.status_code, refused.json()) == (403, {"detail": HIDDEN_IMAGE})


def test_what_a_viewer_gets_holds_no_personal_field(run: EnrolledRun, vic: httpx.Client) -> None:
    told = vic.get(f"/api/items/{run.item('P-001').item_id}").json()
    personal = [line for line in told["manifest"] if line["personal"]]
    assert all(line["declared"] in (HIDDEN, None) for line in personal)
    photo = next(image for image in told["images"] if image["kind"] == "photo")
    assert photo["problem"] == HIDDEN_IMAGE


@pytest.mark.parametrize(
    "where",
    [
        "/api/items/{id}/images/../../../../etc/passwd",
        "/api/items/{id}/images/%2e%2e%2f%2e%2e%2fetc/picture",
        "/api/items/{id}/images/0/reference/..%2f..%2frun.json",
        "/api/items/{id}/images/0/reference/-1",
        "/api/items/{id}/images/0/../../../../../etc/passwd",
        "/api/items/..%2f..%2fetc%2fpasswd/images/0/picture",
        "/api/items/{id}/images/-1/pixels",
        "/api/items/{id}/images/99999999999999999999/pixels",
        "/api/items/{id}/images/0x0/pixels",
        "/api/items/{id}/images/0/pixels/P-002.tif",
        "/api/items/{id}'--/images/0/pixels",
        "/api/items/0000000000000000/images/0/pixels",
        "/api/items/{id}/images/7/pixels",
        "/api/items/{id}/images/0/reference/7",
    ],
)
def test_no_address_leads_anywhere_but_to_images_of_the_item(
    run: EnrolledRun, ana: httpx.Client, where: str
) -> None:
    answer = ana.get(where.format(id=run.item("P-002").item_id))
    assert answer.status_code in (404, 422)
    assert b"root:" not in answer.content
    assert str(run.feed.parent) not in answer.text


def test_a_dossier_that_somebody_changed_in_the_database_opens_no_other_file(
    run: EnrolledRun, live: LiveReview, ana: httpx.Client
) -> None:
    item = run.item("P-013")
    dossier = json.loads(item.dossier_json)
    for file, status in (("/etc/passwd", 404), ("../bundle/bundle.json", 404), (7, 404)):
        dossier["images"][0]["files"][0] |= {"path": file, "sha256": None}
        with writing(live.engine) as connection:
            connection.execute(
                update(ITEMS)
                .where(ITEMS.c.item_id == item.item_id)
                .values(dossier=json.dumps(dossier))
            )
        for what in ("pixels", "picture"):
            answer = ana.get(address(run, "P-013", 0, what))
            assert answer.status_code == status
            assert "/etc" not in answer.text
            assert "root:" not in answer.text


def test_counts_are_small_on_the_way(run: EnrolledRun, ana: httpx.Client) -> None:
    with ana.stream("GET", address(run, "P-002", 0, "pixels")) as answer:
        raw = b"".join(answer.iter_raw())
    assert len(raw) < 160 * 120 * 4
    assert len(gzip.decompress(raw)) == 160 * 120 * 4
