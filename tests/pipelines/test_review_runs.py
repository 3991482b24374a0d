"""Runs come to review: what was flagged, with all that pages show of it, and nothing else."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import Engine, func, select, update
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import BREAKOUT, OTHER_LABEL_ID, SCRIPT
from tests.review.enrolled_run import DICOS_ID, EnrolledRun, enrolled_run

from parcelscope.datasets.errors import BundleError, RunError
from parcelscope.pipelines.review_runs import (
    RunEnrolled,
    enrol_run,
    latest_run,
    priority_of,
    runs_below,
)
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen
from parcelscope.review.database import open_review, reading, writing
from parcelscope.review.dossier import DossierError, read_dossier, shown
from parcelscope.review.enrolments import forget
from parcelscope.review.items import item_id_of
from parcelscope.review.queue import Decision, decide, take
from parcelscope.review.roles import Person
from parcelscope.review.tables import ITEMS, VECTORS

ANA = Person(name="ana", role="analyst")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EnrolledRun:
    return enrolled_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_review(f"sqlite:///{tmp_path / 'review.sqlite'}")
    yield made
    made.dispose()


def texts(value: Any) -> Iterator[str]:
    """Every text in `value`, JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def test_everything_flagged_is_an_item_with_a_dossier(run: EnrolledRun) -> None:
    scored = read_run(run.run)
    flags = set(scored.flags.select("owner_kind", "owner_id").iter_rows())
    carried = scored.parcels.filter(pl.col("arm") == "with_carton")["parcel_id"].to_list()
    assert carried, "parcels that come to an exam with their carton"
    with reading(run.engine) as connection:
        rows = connection.execute(select(ITEMS)).all()
    items = {(row.owner_kind, row.owner_id) for row in rows}
    assert items == flags | {("parcel", one) for one in carried}
    for row in rows:
        dossier = read_dossier(row.dossier)
        assert (dossier.owner_kind, dossier.owner_id) == (row.owner_kind, row.owner_id)
        assert row.item_id == item_id_of(None, row.owner_kind, row.owner_id)
        assert len(dossier.reasons) == len(row.reason_codes.split())


def test_reasons_stand_in_the_order_of_what_they_add_with_the_numbers_that_were_compared(
    run: EnrolledRun,
) -> None:
    assessed = read_run(run.run).cartons.filter(pl.col("carton_id") == "C-2")
    dossier = run.dossier("C-2")
    assert [reason.sentence for reason in dossier.reasons] == assessed["reasons"][0].to_list()
    scale = next(reason for reason in dossier.reasons if reason.code == "U3.scale")
    assert (scale.observed, scale.expected, scale.unit) == (2100.0, 900.0, "g")
    added = [reason.contribution for reason in dossier.reasons]
    assert added == sorted(added, key=lambda one: -(one or 0.0))
    assert scale.contribution is not None
    assert scale.contribution > 0


def test_what_differs_is_decided_by_findings_and_not_by_looking_alike(run: EnrolledRun) -> None:
    carton = {line.field: line for line in run.dossier("C-2").manifest}
    assert carton["declared_weight_g"].differs
    assert "scale: 2.10 kg" in (carton["declared_weight_g"].seen or "")
    assert carton["pieces_manifested"].declared == "1"
    assert carton["pieces_manifested"].seen
    parcel = {line.field: line for line in run.dossier("P-005").manifest}
    assert not parcel["value"].differs
    assert not parcel["tracking_number"].differs
    assert parcel["tracking_number"].seen == "no code was read in its photos"


def test_what_a_reason_says_is_not_said_again_beside_the_manifest(run: EnrolledRun) -> None:
    pieces = next(line for line in run.dossier("C-2").manifest if line.field == "pieces_manifested")
    assert (pieces.seen, pieces.differs) == ("X-ray: 4 to 6", True)


def test_a_label_that_the_manifest_does_not_list_differs_and_is_marked(run: EnrolledRun) -> None:
    dossier = run.dossier(OTHER_LABEL_ID)
    number = next(line for line in dossier.manifest if line.field == "tracking_number")
    assert number.differs
    photo = next(image for image in dossier.images if image.kind == "photo")
    assert photo.marks, "the code that was read is marked on the photo"
    assert all(mark.code.startswith(("code.", "U4.")) for mark in photo.marks)
    scan = next(image for image in dossier.images if image.kind == "scan")
    assert not any(mark.code.startswith(("code.", "U4.")) for mark in scan.marks)


def test_marks_lie_inside_of_the_image_that_they_are_on(run: EnrolledRun) -> None:
    marked = 0
    for n in range(23):
        for image in run.dossier(f"P-{n:03}").images:
            if image.kind != "scan":
                continue
            for mark in image.marks:
                x0, y0, x1, y1 = mark.box_xyxy
                assert 0 <= x0 < x1 <= 160
                assert 0 <= y0 < y1 <= 120
                marked += 1
    assert marked > 0


def test_a_carton_tells_what_is_in_it_and_a_parcel_what_it_came_in(run: EnrolledRun) -> None:
    carton = run.dossier("C-1").carton
    assert carton is not None
    assert carton.item_id == run.item("C-1").item_id
    assert carton.manifested == 6
    assert carton.low is not None
    assert carton.counted is not None
    assert carton.high is not None
    assert carton.low <= carton.counted <= carton.high
    assert {box.n for box in carton.boxes} == {0}
    inside = {one.owner_id: one.item_id for one in carton.parcels}
    assert set(inside) == {f"P-{n:03}" for n in range(12, 23) if n % 2 == 0}
    parcel = run.dossier("P-012").carton
    assert parcel is not None
    assert parcel.item_id == carton.item_id
    assert parcel.boxes == ()
    assert inside["P-012"] == run.item("P-012").item_id
    assert run.dossier("P-001").carton is None


def test_an_image_that_was_not_read_says_why_without_naming_this_machine(
    run: EnrolledRun,
) -> None:
    problems = {
        file.path: image.problem
        for owner_id in ("P-002", "P-003")
        for image in run.dossier(owner_id).images
        for file in image.files
    }
    assert problems["gone.tif"] == "gone.tif is named in the feed, but is not there."
    assert problems["cut.jpg"]
    assert str(run.feed) not in problems["cut.jpg"]
    assert problems["P-002.tif"] is None


def test_what_could_not_be_checked_is_told_and_never_a_zero(run: EnrolledRun) -> None:
    dossier = run.dossier("P-001")
    assert any("(U14.origin)" in one.check for one in dossier.not_assessed)
    assert all(one.reason for one in dossier.not_assessed)
    assert "(U14.origin)" not in str(run.dossier(DICOS_ID).not_assessed)


def test_pages_are_told_nothing_of_where_files_lie(run: EnrolledRun) -> None:
    for owner_id in ("P-001", "P-003", "C-1"):
        told = shown(run.dossier(owner_id))
        assert not [text for text in texts(told) if str(run.feed.parent) in text]
        assert "files" not in json.dumps(told["images"])
        assert "hidden" not in told


def test_hostile_descriptions_are_kept_as_the_text_that_they_are(run: EnrolledRun) -> None:
    for owner_id, said in (("P-001", SCRIPT), ("P-002", BREAKOUT)):
        declared = {line.field: line.declared for line in run.dossier(owner_id).manifest}
        assert declared["description"] == said
        assert run.item(owner_id).description == said


def test_scans_are_remembered_by_where_they_lie_among_all(run: EnrolledRun) -> None:
    with reading(run.engine) as connection:
        kept = connection.scalar(select(func.count()).select_from(VECTORS))
    assert kept == read_run(run.run).embeddings.unique(["owner_kind", "owner_id"]).height > 0


def test_enrolling_again_changes_nothing_and_reads_nothing(run: EnrolledRun) -> None:
    again = enrol_run(run.engine, run.run, bundle_folder=run.bundle)
    did = again.enrolled
    assert (did.new, did.changed, did.same, again.is_unchanged) == (0, 0, 26, True)


def test_a_run_of_which_anything_changed_is_gone_through_again(
    run: EnrolledRun, tmp_path: Path, engine: Engine
) -> None:
    here, feed = tmp_path / "run", tmp_path / "feed"
    shutil.copytree(run.run, here)
    shutil.copytree(run.feed, feed)

    def again(bundle_folder: Path | None = None) -> tuple[bool, int]:
        told = enrol_run(engine, here, feed_folder=feed, bundle_folder=bundle_folder)
        return told.is_unchanged, told.enrolled.changed

    assert again() == (False, 0)
    assert again() == (True, 0)
    assert again(bundle_folder=run.bundle) == (False, 26), "its bundle came"
    assert again(bundle_folder=run.bundle) == (True, 0)
    table = feed / "parcels.csv"
    table.write_text(table.read_text() + "\n")
    assert again(bundle_folder=run.bundle) == (False, 0), "the feed's table is another file"
    card = json.loads((here / "run.json").read_text())
    (here / "run.json").write_text(json.dumps(card | {"workers": 9}))
    assert again(bundle_folder=run.bundle) == (False, 0)
    assert again(bundle_folder=run.bundle) == (True, 0)
    with writing(engine) as connection:
        # As a newer run of the same parcels leaves it.
        one = select(ITEMS.c.item_id).limit(1).scalar_subquery()
        connection.execute(update(ITEMS).where(ITEMS.c.item_id == one).values(run_id="newer"))
    assert again(bundle_folder=run.bundle) == (False, 1)


def test_a_run_that_was_not_enrolled_whole_is_gone_through_again(
    run: EnrolledRun, engine: Engine
) -> None:
    for expected in (False, True):
        assert enrol_run(engine, run.run, bundle_folder=run.bundle).is_unchanged is expected
    forget(engine, read_run(run.run).card.run_id)
    assert not enrol_run(engine, run.run, bundle_folder=run.bundle).is_unchanged


def test_a_newer_run_changes_the_score_and_no_decision(
    run: EnrolledRun, tmp_path: Path, engine: Engine
) -> None:
    enrol_run(engine, run.run, bundle_folder=run.bundle)
    [item, *_] = take(engine, ANA)
    decision = Decision(
        decision="inspect", reason_code="other", note="looks odd", ms_on_screen=900,
        functions_used=(), marks_shown=False, presentation="marks_after",
        model_version="1", threshold_version="1",
    )  # fmt: skip
    decide(engine, ANA, item.item_id, decision)
    bundle = json.loads((run.bundle / "bundle.json").read_text())
    shutil.copytree(run.bundle, tmp_path / "bundle")
    bundle["version"] = "2"
    for fusion in ("parcel_fusion", "carton_fusion"):
        bundle[fusion]["intercept"] = -1.0
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(bundle))
    newer = tmp_path / "newer"
    screen(run.feed, newer, bundle_folder=tmp_path / "bundle", budget=0.3, workers=1)
    enrolled = enrol_run(engine, newer).enrolled
    assert enrolled.new == 0
    assert enrolled.changed > 0
    with reading(engine) as connection:
        row = connection.execute(select(ITEMS).where(ITEMS.c.item_id == item.item_id)).one()
    assert (row.state, row.decision, row.decided_by) == ("decided", "inspect", "ana")


def test_a_run_whose_bundle_is_gone_still_comes_to_review(
    run: EnrolledRun, tmp_path: Path, engine: Engine
) -> None:
    shutil.copytree(run.run, tmp_path / "run")
    made: RunEnrolled = enrol_run(engine, tmp_path / "run")
    assert made.without_bundle
    assert made.enrolled.new == 26
    with reading(engine) as connection:
        dossiers = [read_dossier(text) for text in connection.scalars(select(ITEMS.c.dossier))]
    assert all(reason.contribution is None for one in dossiers for reason in one.reasons)
    assert any(image.marks for one in dossiers for image in one.images)
    assert not any(image.heat for one in dossiers for image in one.images)


def test_a_bundle_that_did_not_score_the_run_is_refused_when_it_is_named(
    run: EnrolledRun, tmp_path: Path, engine: Engine
) -> None:
    write_tiny_bundle(tmp_path / "other", kinds=("dual",))
    with pytest.raises(BundleError, match="was scored by tiny 1"):
        enrol_run(engine, run.run, bundle_folder=tmp_path / "other")


def test_a_feed_that_moved_must_be_named(run: EnrolledRun, tmp_path: Path, engine: Engine) -> None:
    shutil.copytree(run.run, tmp_path / "run")
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    card["feed"] = str(tmp_path / "was-here")
    (tmp_path / "run" / "run.json").write_text(json.dumps(card))
    with pytest.raises(RunError, match="was-here"):
        enrol_run(engine, tmp_path / "run", bundle_folder=run.bundle)
    enrol_run(engine, tmp_path / "run", bundle_folder=run.bundle, feed_folder=run.feed)
    with reading(engine) as connection:
        text = connection.scalars(select(ITEMS.c.dossier)).first()
    assert read_dossier(text or "").source.feed == str(run.feed)


def test_the_newest_complete_run_is_found_below_the_folder(
    run: EnrolledRun, tmp_path: Path
) -> None:
    assert runs_below(tmp_path) == []
    with pytest.raises(RunError, match="parcelscope demo"):
        latest_run(tmp_path)
    for name, created in (("a", "2026-01-01"), ("demo/run", "2026-03-01"), ("b", "2026-02-01")):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        card = json.loads((run.run / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(card | {"created": f"{created}T00:00:00Z"}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text('{"format_version": 9}')
    assert [path.name for path in runs_below(tmp_path)] == ["run", "b", "a"]
    assert latest_run(tmp_path) == tmp_path / "demo" / "run"
    assert latest_run(tmp_path / "b") == tmp_path / "b"


def test_flags_come_by_risk_and_random_ones_are_strewn_among_them() -> None:
    ids = [item_id_of(None, "parcel", f"P-{n}") for n in range(400)]
    random = [priority_of(one, 0.01, "random", flagged=True) for one in ids]
    assert 0.4 < sum(random) / len(random) < 0.6
    assert priority_of(ids[0], 0.9, "targeted", flagged=True) == 0.9
    assert priority_of(ids[0], 0.9, "random", flagged=True) >= 0.9
    assert priority_of(ids[0], None, "random", flagged=True) >= 0
    last = priority_of(ids[0], 0.99, "with_carton", flagged=False)
    assert last < min(priority_of(one, 0.0, "targeted", flagged=True) for one in ids)


def test_a_hostile_dossier_is_refused_with_where_it_is_wrong(run: EnrolledRun) -> None:
    text = run.item("P-001").dossier_json
    plain = json.loads(text)
    wrong: list[tuple[Any, str]] = [
        ("", "Invalid JSON"),
        ("[]", "object"),
        (plain | {"format_version": 2}, "format_version"),
        (plain | {"script": "x"}, "script"),
        (plain | {"images": [plain["images"][0] | {"marks": [{"code": "x"}]}]}, "marks"),
        (plain | {"images": [{**plain["images"][0], "references": [
            {"k": 0, "caption": "", "file": "../../etc/passwd"}]}]}, "file"),
    ]  # fmt: skip
    for value, where in wrong:
        with pytest.raises(DossierError, match=where):
            read_dossier(value if isinstance(value, str) else json.dumps(value))
    with pytest.raises(DossierError, match="no image 77"):
        run.dossier("P-001").image(77)
