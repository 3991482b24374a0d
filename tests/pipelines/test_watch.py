"""`parcelscope watch` as its users meet it: drops go in, answers come out, whatever happens."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.inference.tiny_feed import photo_row
from tests.pipelines.spooled import (
    answers,
    folders,
    live_watch,
    write_drop,
    write_manifest,
)

from parcelscope.pipelines.cli import main
from parcelscope.pipelines.drops import read_drop
from parcelscope.pipelines.service.one_parcel import load_scorer, score_parcel
from parcelscope.pipelines.watch import WatchSettings, watch


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_sound_bundle(folder)
    return folder


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def told(spool: Path, bundle: Path, **changes: object) -> WatchSettings:
    settings: dict[str, object] = {"settle_s": 0.05, "patience_s": 0.3, "latency_budget_s": 60.0}
    settings |= changes
    return WatchSettings(folder=spool, bundle=bundle, once=True, **settings)  # type: ignore[arg-type]


def until(happened: Callable[[], object], *, within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_bad_drops_cost_themselves_alone(spool: Path, bundle: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "photo.jpg").write_bytes(b"secret")
    write_drop(secret / "whole")
    good = write_drop(spool / "good")
    request = read_drop(good, max_bytes=1 << 20, max_images=2).request
    cut = write_drop(spool / "cut")
    (cut / "photo.jpg").write_bytes((cut / "photo.jpg").read_bytes()[:500])
    linked = write_drop(spool / "linked")
    (linked / "photo.jpg").unlink()
    (linked / "photo.jpg").symlink_to(secret / "photo.jpg")
    piped = write_drop(spool / "piped")
    (piped / "photo.jpg").unlink()
    os.mkfifo(piped / "photo.jpg")
    lacking = write_drop(spool / "lacking")
    (lacking / "photo.jpg").unlink()
    write_drop(spool / "value", parcel={"parcel_id": "value", "value": "dear"})
    write_drop(spool / "nameless", parcel={})
    write_drop(spool / "outside", images=[photo_row("outside", "../../secret/photo.jpg")])
    write_drop(spool / "bare", images=[])
    (spool / "empty").mkdir()
    (write_drop(spool / "no-json") / "parcel.json").write_text("<html>")
    (spool / "a-link").symlink_to(secret / "whole")
    (spool / "loose.txt").write_text("left alone")
    before = {path: path.lstat().st_mtime_ns for path in secret.rglob("*")}

    ended = watch(told(spool, bundle), say=lambda line: None)

    failed = answers(spool, "failed")
    assert set(failed) >= {"value", "nameless", "outside", "empty", "no-json", "a-link"}
    assert {failed[name]["why"] for name in failed} <= {"request", "no_evidence"}
    assert "parcel.json" in failed["no-json"]["reason"]
    assert "link" in failed["a-link"]["reason"]
    done = answers(spool, "done")
    assert set(done) >= {"good", "cut", "linked", "piped", "lacking"}
    assert set(done) | set(failed) == {
        *("good", "cut", "linked", "piped", "lacking", "value", "nameless", "outside", "bare"),
        *("empty", "no-json", "a-link"),
    }
    photos = {
        name: next(image for image in done[name]["images"] if image["path"] == "photo.jpg")
        for name in ("good", "cut", "linked", "piped", "lacking")
    }
    assert {name: (photo["verdict"], photo["code"]) for name, photo in photos.items()} == {
        "good": ("assessed", None),
        "cut": ("quarantined", "corrupt"),
        "linked": ("quarantined", "outside_feed"),
        "piped": ("quarantined", "not_an_image"),
        "lacking": ("missing", "missing"),
    }
    assert done["good"]["risk"] == score_parcel(request, load_scorer(bundle, None, None)).risk
    assert (ended["done"], ended["failed"]) == (len(done), len(failed))
    assert folders(spool / "done") == set(done)
    assert folders(spool / "failed") == set(failed)
    assert folders(spool) == {"done", "failed", ".working", "loose.txt"}
    assert folders(spool / ".working") == {".lock"}
    assert (spool / "done" / "good" / "scan.jpg").is_file()
    assert {path: path.lstat().st_mtime_ns for path in secret.rglob("*")} == before


def test_a_late_parcel_is_answered_in_time_and_the_next_one_is_scored(
    spool: Path, bundle: Path
) -> None:
    write_drop(spool / "late")
    ended = watch(told(spool, bundle, latency_budget_s=0.001), say=lambda line: None)
    assert ended == {"failed": 1}
    late = answers(spool, "failed")["late"]
    assert (late["verdict"], late["why"], late["risk"]) == ("not_assessed", "latency", None)
    (spool / "failed" / "late").rename(spool / "late")  # put back by an operator
    assert watch(told(spool, bundle), say=lambda line: None) == {"done": 1}
    assert set(answers(spool, "done")) == {"late~2"}


def test_after_a_kill_the_next_watch_goes_on_and_every_drop_has_one_answer(
    spool: Path, bundle: Path
) -> None:
    names = [f"P-{n:02}" for n in range(8)]
    for n, name in enumerate(names):
        write_drop(spool / name, seed=n)

    def answered() -> int:
        return len(list(spool.glob("done/*.json")))

    with live_watch(spool, bundle) as process:
        until(answered)
        time.sleep(0.05)
        process.kill()
        process.wait(10)
    assert answered() < len(names)
    with live_watch(spool, bundle) as process:
        until(lambda: answered() == len(names) and not [n for n in names if (spool / n).exists()])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert list(answers(spool, "done")) == names
    assert folders(spool / "done") == set(names)
    assert [answer["parcel_id"] for answer in answers(spool, "done").values()] == names


def test_a_drop_that_is_written_slowly_is_taken_when_it_is_whole(
    spool: Path, bundle: Path, tmp_path: Path
) -> None:
    whole = write_drop(tmp_path / "slow")
    content = (whole / "scan.jpg").read_bytes()
    slow = spool / "slow"
    with live_watch(spool, bundle) as process:
        slow.mkdir()
        write_manifest(slow, "slow")
        (slow / "photo.jpg").write_bytes((whole / "photo.jpg").read_bytes())
        with (slow / "scan.jpg").open("wb") as file:
            file.write(content[:1000])
            file.flush()
            # Much longer than a drop has to be quiet: that the file is open tells.
            time.sleep(0.6)
            assert slow.is_dir()
            file.write(content[1000:])
        until(lambda: "slow" in answers(spool, "done"))
        write_drop(spool / "next")
        until(lambda: "next" in answers(spool, "done"))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "answered 2: 2 done, 0 failed\n"
    (scan,) = [i for i in answers(spool, "done")["slow"]["images"] if i["path"] == "scan.jpg"]
    assert scan["verdict"] == "assessed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("nowhere",), "nowhere: expected a spool folder", id="folder"),
        pytest.param((".", "--bundle", "nowhere"), "nowhere", id="bundle"),
        pytest.param((".", "--latency-ms", "0"), "--latency-ms", id="latency"),
        pytest.param((".", "--config", "nowhere.yaml"), "nowhere.yaml", id="config"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    words: tuple[str, ...],
    said: str,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(spool)
    with pytest.raises(SystemExit) as ended:
        main(["watch", *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
