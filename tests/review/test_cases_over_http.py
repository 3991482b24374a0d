"""Cases, their calendar and exams over HTTP: who may do what, and what hostile input comes to."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import cv2
import httpx
import icalendar
import numpy as np
import pytest
from tests.review.live_review import (
    LiveReview,
    add_people,
    live_review,
    put,
    some_parcel,
)

from parcelscope.review.database import reading
from parcelscope.review.dossier import ManifestLine
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import find

NUMBERS = itertools.count(1)
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    """One application for all: each test has parcels of its own."""
    with live_review(tmp_path_factory.mktemp("cases")) as live:
        add_people(live.engine, ("ana", "analyst"), ("bo", "analyst"), ("vic", "viewer"))
        yield live


def line(field: str, declared: str, *, personal: bool = False) -> ManifestLine:
    return ManifestLine(
        field=field, label=field, declared=declared, seen=None, differs=False, personal=personal
    )


@dataclass(frozen=True)
class Made:
    """A parcel in the queue."""

    owner_id: str
    item_id: str
    reference: str

    @property
    def case(self) -> str:
        return f"/cases/{self.reference}"


def made(review: LiveReview, *manifest: ManifestLine, **told: Any) -> Made:
    owner_id = f"P-{next(NUMBERS)}{told.pop('suffix', '')}"
    (item_id,) = put(review.engine, some_parcel(owner_id, manifest=manifest, **told))
    with reading(review.engine) as connection:
        reference = find(connection, item_id).reference or ""
    return Made(owner_id, item_id, reference)


def events(review: LiveReview, one: Made, kind: str) -> list[Event]:
    with reading(review.engine) as connection:
        return [event for event in of_item(connection, one.item_id) if event.kind == kind]


def exam(client: httpx.Client, item_id: str, **told: Any) -> httpx.Response:
    body = {"item_id": item_id, "outcome": "violation", "kind": "mark", "key": "key-12345678"}
    return client.post("/api/exams", json=body | told)


def test_a_case_goes_from_exam_to_seizure_by_the_forms_of_its_page(review: LiveReview) -> None:
    one = made(review, line("house_bill", "HB 77"))
    case = one.case
    with review.signed_in("ana") as ana:
        assert exam(ana, one.item_id).json()["state"] == "in exam"
        detained = {"key": "detain", "reason": "differs from the reference", "about": "mark"}
        assert ana.post(f"{case}/move", data=detained).headers["location"] == case
        ana.post(f"{case}/dates", data={"event": "notice-of-detention"})
        seized = {"key": "seize", "reason": "no answer", "seizure_number": "2026-4701-1"}
        ana.post(f"{case}/move", data=seized)
        page = ana.get(case).text
        assert "seized" in page
        assert "notice of detention sent to the importer" in page
        assert "Show that the mark is not counterfeit" not in page  # said with who must
        assert "importer to customs: show that the mark is not counterfeit" in page.lower()
        for number in ("hb-77", "2026 4701 1", one.owner_id, one.reference):
            found = ana.get("/cases", params={"q": number})
            assert (found.status_code, found.headers["location"]) == (303, case), number
    kinds = [event.told()["move"] for event in events(review, one, "case_move")]
    assert kinds == ["detain", "seize"]


def test_what_cannot_be_is_said_on_the_page(review: LiveReview) -> None:
    one = made(review)
    case = one.case
    with review.signed_in("ana") as ana:
        refused = ana.post(f"{case}/move", data={"key": "seize", "reason": "found"})
        assert refused.status_code == 422
        assert "is open: expected send to exam or release, got seize" in refused.text
        no_reason = ana.post(f"{case}/move", data={"key": "refer"})
        assert "each step of a case needs a reason" in no_reason.text
        wrong = {"kind": "tracking_number", "alias": "EE471108152FR"}
        assert "the check digit must be 1, got 2" in ana.post(f"{case}/aliases", data=wrong).text
        tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        ahead = ana.post(f"{case}/dates", data={"event": "arrival", "day": tomorrow})
        assert "expected a day from 2000-01-01 to" in ahead.text
        assert (
            ana.post(f"{case}/dates", data={"event": "x", "day": "2026-02-30"}).status_code == 422
        )
        assert ana.post(f"{case}/move", data={"key": "burn", "reason": "x"}).status_code == 422
    assert events(review, one, "case_move") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/cases/PSC-2026-AAAAAAAA-A", 404),
        ("/cases/nothing", 404),
        ("/cases?after=nowhere", 422),
        ("/cases?state=burnt", 422),
        ("/calendar?month=2026-13", 422),
        ("/calendar?month=1999-01", 422),
        ("/calendar?month=x", 422),
    ],
)
def test_addresses_that_lead_nowhere_are_refused(
    review: LiveReview, path: str, status: int
) -> None:
    with review.signed_in("vic") as vic:
        assert vic.get(path).status_code == status


def test_a_reference_that_was_typed_otherwise_leads_to_its_page(review: LiveReview) -> None:
    one = made(review)
    with review.signed_in("vic") as vic:
        answer = vic.get(f"/cases/{one.reference.lower().replace('-', '')}")
        assert answer.headers["location"] == one.case


def test_a_viewer_sees_cases_but_moves_nothing_and_finds_no_numbers_of_people(
    review: LiveReview,
) -> None:
    one = made(review, line("tracking_number", "EE471108151FR"), line("house_bill", "HB78"))
    case = one.case
    with review.signed_in("vic") as vic:
        page = vic.get(case).text
        assert "HB78" in page
        assert "Next step" not in page
        for path in ("move", "dates", "about", "aliases", "dates/1/withdraw"):
            assert vic.post(f"{case}/{path}", data={"key": "refer"}).status_code in (403, 422)
        assert vic.get("/officer").status_code == 403
        assert vic.get("/api/lookup", params={"text": "HB78"}).status_code == 403
        assert vic.post("/api/frames", content=b"").status_code == 403
        assert exam(vic, one.item_id).status_code == 403
        assert vic.get("/calendar").status_code == 200
    assert events(review, one, "outcome") == []


def test_nobody_is_served_without_signing_in(review: LiveReview) -> None:
    with review.browser() as nobody:
        for path in ("/cases", "/cases/x", "/calendar", "/calendar.ics", "/officer"):
            assert nobody.get(path).status_code == 401
        assert nobody.get("/officer-worker.js").status_code == 401
        assert exam(nobody, "0" * 16).status_code == 401


def test_whoever_gives_a_second_opinion_finds_nothing_of_the_first_on_the_case(
    review: LiveReview,
) -> None:
    one = made(review, priority=99.0)
    with review.signed_in("ana") as ana, review.signed_in("bo") as bo:
        ana.post("/api/queue/take", json={}).raise_for_status()
        asked = {"reason_code": "cannot_judge", "note": "look twice", "leans_to": "inspect"}
        ana.post(f"/api/items/{one.item_id}/second", json=asked).raise_for_status()
        page = bo.get(one.case).text
        assert "look twice" not in page
        assert "ana" not in page.partition("What happened")[2]


def test_a_script_in_a_manifest_or_a_reason_stays_text(review: LiveReview) -> None:
    one = made(review, line("house_bill", SCRIPT), description=SCRIPT, suffix="<b>")
    case = one.case
    with review.signed_in("ana") as ana:
        ana.post(f"{case}/move", data={"key": "refer", "reason": SCRIPT})
        ana.post(f"{case}/dates", data={"event": "presentation", "note": SCRIPT})
        for path in (case, "/cases", f"/cases?q={SCRIPT}x", "/calendar"):
            page = ana.get(path).text
            assert SCRIPT not in page, path
        assert "&lt;script&gt;" in ana.get(case).text


def test_the_calendar_can_be_taken_elsewhere(review: LiveReview) -> None:
    one = made(review, line("consignee_name", "Pat Doe", personal=True))
    with review.signed_in("ana") as ana:
        exam(ana, one.item_id)
        told = ana.get("/calendar.ics")
        page = ana.get("/calendar").text
    assert told.headers["content-type"].startswith("text/calendar")
    assert "Pat Doe" not in told.text
    found = icalendar.Calendar.from_ical(told.content).walk("VEVENT")
    assert {str(event["uid"]).partition("@")[0] for event in found} >= {
        f"{one.reference}-detention-decision",
        f"{one.reference}-admissibility-decision",
    }
    for event in found:
        assert str(event["summary"]).startswith("PSC-")
        assert isinstance(event["dtstart"].dt, date)
    assert "today" in page


def test_a_number_that_means_several_lets_the_officer_choose(review: LiveReview) -> None:
    for _ in range(2):
        made(review, line("master_bill", "176-12345675"))
    with review.signed_in("ana") as ana:
        told = ana.get("/api/lookup", params={"text": "17612345675"}).json()
        assert len(told["found"]) == 2
        assert told["item"] is None
        body = {"number": "17612345675", "outcome": "not_examined", "kind": "gone"}
        answer = ana.post("/api/exams", json=body | {"key": "key-12345678"})
        assert answer.status_code == 422
        assert answer.json()["detail"] == ("17612345675 stands on 2 parcels; look it up and choose")
        listed = ana.get("/cases", params={"q": "17612345675"}).text
        assert "2 cases are known by 17612345675" in listed


@pytest.mark.parametrize(
    ("told", "detail"),
    [
        ({"kind": "sorcery"}, "no kind of violation is called 'sorcery'"),
        ({"kind": ""}, "no kind of violation is called ''"),
        ({"outcome": "burnt"}, "outcome: Input should be"),
        ({"key": "short"}, "key: String should have at least 8"),
        ({"started_at": "2026-11-23T10:00:00"}, "started_at: Input should have timezone"),
        ({"started_at": "2099-01-01T10:00:00Z"}, "an exam cannot lie ahead"),
        ({"officer": "sue"}, "officer: Extra inputs are not permitted"),
    ],
)
def test_an_exam_that_does_not_fit_is_refused(
    review: LiveReview, told: dict[str, str], detail: str
) -> None:
    one = made(review)
    with review.signed_in("ana") as ana:
        answer = exam(ana, one.item_id, **told)
        assert answer.status_code == 422
        assert detail in answer.json()["detail"]
    assert events(review, one, "outcome") == []


def test_the_same_key_counts_once_for_one_person_and_is_no_other_persons(
    review: LiveReview,
) -> None:
    one = made(review)
    with review.signed_in("ana") as ana, review.signed_in("bo") as bo:
        first = exam(ana, one.item_id).json()
        assert exam(ana, one.item_id).json() == first
        assert exam(bo, one.item_id).json()["event"] != first["event"]
    assert len(events(review, one, "outcome")) == 2


@pytest.mark.parametrize(
    ("data", "status", "detail"),
    [
        pytest.param(b"", 422, "expected a picture of a label", id="nothing"),
        pytest.param(b"\xff\xd8\xff" + b"x" * 1000, 422, "expected a picture", id="no JPEG"),
        pytest.param(b"x" * 5_000_000, 413, "bytes, got more", id="too large"),
    ],
)
def test_a_frame_that_is_no_picture_is_refused(
    review: LiveReview, data: bytes, status: int, detail: str
) -> None:
    with review.signed_in("ana") as ana:
        answer = ana.post("/api/frames", content=data, headers={"content-type": "image/jpeg"})
        assert (answer.status_code, detail in answer.json()["detail"]) == (status, True)


def test_a_frame_of_too_many_pixels_is_not_decoded(review: LiveReview) -> None:
    _, data = cv2.imencode(".jpg", np.zeros((6000, 6000), np.uint8))
    with review.signed_in("ana") as ana:
        answer = ana.post("/api/frames", content=data.tobytes())
        assert answer.status_code == 422
        assert "pixels" in answer.json()["detail"]


def test_another_site_cannot_log_an_exam(review: LiveReview) -> None:
    one = made(review)
    with review.signed_in("ana") as ana:
        ana.headers["origin"] = "https://elsewhere.example"
        assert exam(ana, one.item_id).status_code == 403
    assert events(review, one, "outcome") == []
