"""A run that was cut off goes on; a run of something else, or a folder of others, is left alone."""

import dataclasses
import json
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select
from tests.inference.postgres_server import postgres_server
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed
from tests.pipelines.killed_runs import Told, require_same, said

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.database import open_database
from parcelscope.inference.engine import RunStoppedError
from parcelscope.inference.executors import ArrayExecutor
from parcelscope.inference.ledger_tables import ASSESSMENTS, LEDGER, PARTS, RUNS, UNREAD_IMAGES
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.run_summary import RunSummary
from parcelscope.pipelines.screen import screen, screen_job
from parcelscope.pipelines.screen_job import make_job

SHARDS = 7


@dataclasses.dataclass(frozen=True)
class Place:
    """A feed, a bundle, and where runs go."""

    folder: Path

    @property
    def out(self) -> Path:
        return self.folder / "run"

    @property
    def feed(self) -> Path:
        return self.folder / "feed"

    def screen(self, **options: Any) -> RunSummary:
        told: dict[str, Any] = {"workers": 1, "shard_size": 4, "budget": 0.3, "seed": 7}
        return screen(self.feed, self.out, bundle_folder=self.folder / "bundle", **told | options)

    def cut_off(self, **options: Any) -> None:
        """Stop the run in its middle."""
        shards = self.out / "images"
        with pytest.raises(RunStoppedError):
            self.screen(cancelled=lambda: len(list(shards.glob("part-*"))) >= 3, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("resume")
    write_tiny_bundle(folder / "bundle")
    write_facility_feed(folder / "feed")
    return Place(folder)


@pytest.fixture(scope="module")
def undisturbed(made: Place) -> dict[str, pl.DataFrame]:
    made.screen()
    tables = tables_of(made.out)
    shutil.rmtree(made.out)
    return tables


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    for name in ("feed", "bundle"):
        shutil.copytree(made.folder / name, tmp_path / name)
    return Place(tmp_path)


def tables_of(out: Path, url: str | None = None) -> dict[str, pl.DataFrame]:
    return said(Told(feed=out, bundle=out, out=out, url=url))


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of each file: what was written anew has others."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in found
    }


def test_a_run_that_was_stopped_says_how_to_go_on_and_goes_on(
    place: Place, undisturbed: dict[str, pl.DataFrame]
) -> None:
    with pytest.raises(RunStoppedError, match="what is committed is kept: the same command goes"):
        place.screen(cancelled=lambda: len(list((place.out / "images").glob("part-*"))) >= 3)
    assert not (place.out / "run.json").exists()
    kept = files_of(place.out / "findings")
    assert len(kept) >= 3
    news: list[str] = []
    told: list[tuple[str, int, int]] = []
    place.screen(say=news.append, progress=lambda *one: told.append(one))
    assert news == [f"resuming: {len(kept)} of {SHARDS} shards done"]
    assert told[0][1] > 4 * len(kept)
    assert told[-1] == ("scoring", 25, 25)
    after = files_of(place.out / "findings")
    assert {name: after[name] for name in kept} == kept
    require_same(tables_of(place.out), undisturbed)


def test_a_run_that_was_asked_to_stop_at_once_has_done_nothing(place: Place) -> None:
    with pytest.raises(RunStoppedError):
        place.screen(cancelled=lambda: True)
    assert not (place.out / "findings").exists()


def test_a_complete_run_is_left_as_it_is_and_said_to_be_complete(place: Place) -> None:
    first = place.screen()
    before = files_of(place.out)
    again = place.screen()
    assert again.was_complete
    assert again.counts == first.counts
    assert files_of(place.out) == before
    assert next(again.lines()) == f"{place.out} is complete already; nothing was left to do."


def test_a_run_goes_on_where_only_the_report_was_missing(
    place: Place, undisturbed: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device", "report.html")

    with monkeypatch.context() as patched:
        patched.setattr("parcelscope.pipelines.run_finish.write_report", refuse)
        with pytest.raises(RunError, match=r"report.html: No space left on device; what is commit"):
            place.screen()
    before = files_of(place.out / "parcels")
    place.screen()
    assert files_of(place.out / "parcels") == before
    require_same(tables_of(place.out), undisturbed)


def other_feed(place: Place) -> None:
    table = pl.read_csv(place.feed / "parcels.csv", infer_schema=False)
    table.with_columns(description=pl.lit("tea")).write_csv(place.feed / "parcels.csv")


def other_bundle(place: Place) -> None:
    card = place.folder / "bundle" / "bundle.json"
    card.write_text(card.read_text().replace('"version": "1"', '"version": "2"'))


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        pytest.param(None, {"seed": 8}, "seed was 7, now is 8", id="seed"),
        pytest.param(
            None,
            {"budget": 0.2},
            r"the configuration's budget was 0\.3, now is 0\.2",
            id="configuration",
        ),
        pytest.param(None, {"shard_size": 5}, "shard_size was 4, now is 5", id="shards"),
        pytest.param(other_feed, {}, "the feed's table parcels is another", id="feed"),
        pytest.param(
            other_bundle, {}, r"the bundle was tiny 1 \(.*\), now is tiny 2 \(.*\)", id="bundle"
        ),
        pytest.param(
            None,
            {"database": "sqlite:///other.sqlite"},
            "its database was the file in the run folder, now is sqlite:///other.sqlite",
            id="database",
        ),
    ],
)
@pytest.mark.parametrize("complete", [True, False], ids=["complete", "cut off"])
def test_a_run_of_something_else_is_refused_by_what_differs(
    place: Place,
    complete: bool,
    change: Callable[[Place], None] | None,
    options: dict[str, object],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # where the other database would be made
    place.screen() if complete else place.cut_off()
    before = files_of(place.out)
    if change is not None:
        change(place)
    with pytest.raises(RunError, match=f"already holds a run of something else: {says}; name an"):
        place.screen(**options)
    assert files_of(place.out) == before


def test_another_release_of_a_library_is_another_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.cut_off()
    monkeypatch.setattr(
        "parcelscope.pipelines.screen_job.versions", lambda: {"parcelscope": "0.0.1"}
    )
    with pytest.raises(RunError, match=r"the version of parcelscope was .*, now is 0\.0\.1"):
        place.screen()


def test_images_that_changed_since_they_were_scored_are_noticed(place: Place) -> None:
    place.cut_off()
    (place.feed / "P-003.jpg").write_bytes((place.feed / "P-007.jpg").read_bytes())
    with pytest.raises(RunError, match=r"shard 1, from .* to .*: files of the feed were changed"):
        place.screen()


def test_parts_that_changed_since_they_were_committed_are_noticed(place: Place) -> None:
    place.cut_off()
    part = place.out / "findings" / "part-00000.parquet"
    part.write_bytes((place.out / "findings" / "part-00001.parquet").read_bytes())
    with pytest.raises(RunError, match=r"part-00000\.parquet: expected the file that was comm"):
        place.screen()
    part.unlink()
    with pytest.raises(RunError, match="the ledger lists this file, but it is not there"):
        place.screen()


def test_starting_over_is_asked_for(place: Place, undisturbed: dict[str, pl.DataFrame]) -> None:
    place.cut_off(seed=3)
    place.screen(fresh=True)
    require_same(tables_of(place.out), undisturbed)
    old = read_run(place.out).card.run_id
    (place.out / "evaluation.json").write_bytes(b"{}")
    place.screen(fresh=True)
    assert (place.out / "evaluation.json").exists()
    assert read_run(place.out).card.run_id != old


def test_starting_over_deletes_nothing_that_is_no_run(place: Place) -> None:
    place.out.mkdir()
    (place.out / "thesis.docx").write_bytes(b"years of work")
    for fresh in (True, False):
        with pytest.raises(RunError, match="expected an empty or new folder, got one with files"):
            place.screen(fresh=fresh)
    assert [path.name for path in place.out.iterdir()] == ["thesis.docx"]


def test_a_run_of_an_early_release_is_not_gone_on_with(place: Place) -> None:
    place.screen()
    (place.out / "plan.json").unlink()
    with pytest.raises(RunError, match="holds a run of an earlier release, which cannot go on"):
        place.screen()
    assert place.screen(fresh=True).counts.parcels.rows == 24


def test_a_plan_that_is_none_is_named(place: Place) -> None:
    place.cut_off()
    plan = place.out / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"surprise": 1}))
    with pytest.raises(RunError, match=r"plan\.json: surprise: "):
        place.screen()


def test_a_feed_that_cannot_be_read_touches_no_run(place: Place) -> None:
    place.cut_off()
    before = files_of(place.out)
    shutil.rmtree(place.feed)
    for fresh in (True, False):
        with pytest.raises(Exception, match="expected a folder with a feed"):
            place.screen(fresh=fresh)
    assert files_of(place.out) == before


@pytest.mark.parametrize(
    ("index", "count", "says"),
    [
        pytest.param(0, 0, "--shard-count must be 1 or more, got 0", id="none"),
        pytest.param(3, 3, "--shard-index must be from 0 to 2 where --shard-count is 3", id="over"),
    ],
)
def test_a_share_that_nobody_can_have_is_refused(index: int, count: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ArrayExecutor(index, count)


def test_a_share_says_what_is_left_and_cannot_start_over(place: Place) -> None:
    job = make_job(
        place.feed, place.out, bundle_folder=place.folder / "bundle", workers=1, shard_size=4
    )
    summary = screen_job(job, ArrayExecutor(1, 3))
    assert not isinstance(summary, RunSummary)
    assert (summary.shards, summary.done) == (SHARDS, 2)
    assert "2 of 7 of the run; whoever commits the last one" in next(summary.lines())
    with pytest.raises(ConfigError, match="--fresh would delete what the other processes"):
        screen_job(job, ArrayExecutor(1, 3), fresh=True)


def test_a_run_with_no_parcel_that_can_be_taken_is_complete_all_the_same(place: Place) -> None:
    table = pl.read_csv(place.feed / "parcels.csv", infer_schema=False).head(2)
    table.with_columns(declared_weight_g=pl.lit("heavy")).write_csv(place.feed / "parcels.csv")
    (place.feed / "cartons.csv").unlink()
    counts = place.screen().counts
    assert (counts.parcels.rows, counts.parcels.quarantined) == (2, 2)
    assert place.screen().was_complete


def test_files_larger_than_allowed_are_a_sentence_and_then_room_is_made(
    place: Place, undisturbed: dict[str, pl.DataFrame]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (2_000, 12_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(RunError, match="what is committed is kept: the same command goes"):
                place.screen()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not (place.out / "run.json").exists()
    place.screen()
    require_same(tables_of(place.out), undisturbed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 180 kB, which only root can make."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.name != "posix" or os.getuid() != 0 or mount is None or not mounted(folder, "size=180k"):
        pytest.skip("a small file system can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mounted(folder: Path, options: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_a_full_disk_is_a_sentence_and_then_room_is_made(
    place: Place, small_disk: Path, undisturbed: dict[str, pl.DataFrame]
) -> None:
    out = small_disk / "run"
    options = {"workers": 1, "shard_size": 4, "budget": 0.3, "seed": 7}
    options["bundle_folder"] = place.folder / "bundle"
    with pytest.raises(RunError, match=r"(No space left|is full).*what is committed is kept"):
        screen(place.feed, out, **options)  # type: ignore[arg-type]
    assert mounted(small_disk, "remount,size=20m")
    screen(place.feed, out, **options)  # type: ignore[arg-type]
    require_same(tables_of(out), undisturbed)


def test_a_disk_that_cannot_be_written_is_a_sentence(place: Place, small_disk: Path) -> None:
    assert mounted(small_disk, "remount,ro")
    with pytest.raises(RunError, match="Read-only file system"):
        screen(place.feed, small_disk / "run", bundle_folder=place.folder / "bundle")
    assert list(small_disk.iterdir()) == []


def test_a_server_that_goes_away_in_the_middle_is_waited_for(
    place: Place, undisturbed: dict[str, pl.DataFrame]
) -> None:
    with postgres_server() as server:
        url = server.new_database("middle")
        gone: list[threading.Timer] = []

        def go_away_once(_: str, done: int, __: int) -> None:
            if done >= 8 and not gone:
                server.stop()
                gone.append(threading.Timer(1.0, server.start))
                gone[0].start()

        place.screen(database=url, progress=go_away_once)
        gone[0].join()
        require_same(tables_of(place.out, url), undisturbed)


def test_a_database_that_was_never_there_does_not_cling_to_the_run(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg", reason="PostgreSQL needs the postgres extra")
    monkeypatch.setattr("parcelscope.inference.ledger.OPEN_PATIENCE_S", 0.1)
    with pytest.raises(RunError, match=r"the database of the run: .*refused"):
        place.screen(database="postgresql://me:secret@127.0.0.1:1/mistyped")
    assert not place.out.exists()
    place.cut_off()


def test_starting_over_deletes_the_rows_of_that_run_only(place: Place) -> None:
    url = f"sqlite:///{place.folder}/shared.sqlite"
    place.screen(database=url)
    first = read_run(place.out).card.run_id
    shutil.move(place.out, place.folder / "kept")
    place.screen(database=url)
    second = read_run(place.out).card.run_id
    place.screen(database=url, fresh=True)
    third = read_run(place.out).card.run_id
    engine = open_database(url)
    with engine.begin() as connection:
        for table in (RUNS, LEDGER, PARTS, ASSESSMENTS, UNREAD_IMAGES):
            known = {row.run_id for row in connection.execute(select(table))}
            assert known == {first, third}
            assert second not in known
    engine.dispose()
