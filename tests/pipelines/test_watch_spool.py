"""The spool: what counts as complete, and that each drop ends once, wherever a process dies."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.pipelines.drops import read_drop, read_manifest
from parcelscope.pipelines.quiet_files import is_open_for_writing
from parcelscope.pipelines.spool import Spool, open_spool

FORK: Any = multiprocessing.get_context("fork")


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def drop(folder: Path, *, files: tuple[str, ...] = ("a.png",), **manifest: object) -> Path:
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_bytes(b"pixels")
    told = {
        "parcel": {"parcel_id": folder.name},
        "images": [{"path": name} for name in files],
    } | manifest
    (folder / "parcel.json").write_text(json.dumps(told))
    return folder


def looks(folder: Path, *at_s: float, between: Callable[[], object] = lambda: None) -> list[str]:
    """What is complete after looks at these seconds; `between` the last two, something happens."""
    clock = Clock(0.0)
    with open_spool(folder, settle_s=1, patience_s=10, clock=clock) as spool:
        for place, second in enumerate(at_s, start=1):
            if place == len(at_s):
                between()
            clock.now_s = second
            found = [one.name for one in spool.complete()]
    return found


def test_a_whole_drop_is_complete_once_it_has_been_quiet(tmp_path: Path) -> None:
    drop(tmp_path / "P-1")
    assert looks(tmp_path, 0, 0.9) == []
    assert looks(tmp_path, 0, 1.1) == ["P-1"]


@pytest.mark.parametrize("change", ["grow", "touch", "swap", "add", "remove"])
def test_a_drop_that_changes_is_waited_for_anew(change: str, tmp_path: Path) -> None:
    folder = drop(tmp_path / "P-1", files=("a.png", "b.png"))
    file = folder / "a.png"

    def happens() -> None:
        if change == "grow":
            file.write_bytes(b"more pixels")
        elif change == "touch":
            os.utime(file, ns=(0, 7))
        elif change == "swap":
            (folder / "new").write_bytes(b"pixels")
            (folder / "new").replace(file)
        elif change == "add":
            (folder / "c.png").write_bytes(b"")
        else:
            (folder / "b.png").unlink()

    assert looks(tmp_path, 0, 5, between=happens) == []


def without_manifest(folder: Path) -> None:
    (drop(folder) / "parcel.json").unlink()


def half_a_manifest(folder: Path) -> None:
    (drop(folder) / "parcel.json").write_text('{"parcel": {"par')


def without_a_file(folder: Path) -> None:
    (drop(folder) / "a.png").unlink()


def file_under_another_name(folder: Path) -> None:
    (drop(folder) / "a.png").rename(folder / "a.png.part")


def empty(folder: Path) -> None:
    folder.mkdir()


@pytest.mark.parametrize(
    "make", [without_manifest, half_a_manifest, without_a_file, file_under_another_name, empty]
)
def test_what_a_drop_lacks_is_waited_for_but_not_for_ever(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "P-1")
    assert looks(tmp_path, 0, 9.9) == []
    assert looks(tmp_path, 0, 10.1) == ["P-1"]


def test_a_file_that_is_open_for_writing_is_waited_for_however_long(tmp_path: Path) -> None:
    folder = drop(tmp_path / "P-1")
    with (folder / "a.png").open("ab"):
        if not is_open_for_writing(folder / "a.png"):
            pytest.skip("this system does not tell who has a file open")
        assert looks(tmp_path, 0, 100) == []
    assert looks(tmp_path, 0, 100) == ["P-1"]


@pytest.mark.parametrize("name", [".P-1", "P-1.part", "P-1.TMP", "done", "failed", "loose"])
def test_names_that_are_no_drops_are_left_alone(name: str, tmp_path: Path) -> None:
    if name == "loose":
        (tmp_path / name).write_text("")
    elif name not in {"done", "failed"}:
        drop(tmp_path / name)
    assert looks(tmp_path, 0, 100) == []
    assert (tmp_path / name).exists()


def test_the_drop_that_was_complete_first_comes_first(tmp_path: Path) -> None:
    for name, changed_ns in (("b", 3), ("c", 1), ("a", 2)):
        folder = drop(tmp_path / name)
        for file in folder.iterdir():
            os.utime(file, ns=(0, changed_ns))
    clock = Clock(0.0)
    with open_spool(tmp_path, settle_s=1, patience_s=10, clock=clock) as spool:
        spool.complete()
        drop(tmp_path / "0")
        clock.now_s = 2
        spool.complete()
        clock.now_s = 4
        assert [one.name for one in spool.complete()] == ["c", "a", "b", "0"]


def test_a_drop_that_cannot_be_moved_holds_up_no_other(tmp_path: Path) -> None:
    clock = Clock(0.0)
    drop(tmp_path / "a")
    with open_spool(tmp_path, settle_s=1, patience_s=10, clock=clock) as spool:
        spool.complete()
        drop(tmp_path / "b")
        spool.complete()
        clock.now_s = 2
        first, second = spool.complete()
        spool.working.rename(tmp_path / ".gone")
        with pytest.raises(OSError, match=r"\.working"):
            spool.take(first)
        (tmp_path / ".gone").rename(spool.working)
        clock.now_s = 4
        assert [one.name for one in spool.complete()] == [second.name, first.name]


def test_a_drop_whose_answer_the_disk_refuses_comes_again(tmp_path: Path) -> None:
    drop(tmp_path / "P-1")
    with open_spool(tmp_path, settle_s=1, patience_s=1) as spool:
        (taken,) = take_all(spool)
        (tmp_path / "done").rmdir()
        (tmp_path / "done").write_text("")
        with pytest.raises(OSError, match="done"):
            spool.finish(taken, "done", "{}")
        (tmp_path / "done").unlink()
        (tmp_path / "done").mkdir()
        spool.recover()
        (taken,) = take_all(spool)
        spool.finish(taken, "done", "{}")
    assert sorted(p.name for p in (tmp_path / "done").iterdir()) == ["P-1", "P-1.json"]


def test_a_link_is_taken_to_be_refused_and_never_followed(tmp_path: Path) -> None:
    drop(tmp_path / "elsewhere")
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "P-1").symlink_to(tmp_path / "elsewhere")
    assert looks(tmp_path / "spool", 0, 2) == ["P-1"]
    with pytest.raises(FeedError, match="got a link"):
        read_drop(tmp_path / "spool" / "P-1", max_bytes=99, max_images=9)


def take_all(spool: Spool) -> list[str]:
    spool.settle_s = -1
    return [spool.take(one) for one in spool.complete()]


def test_a_name_that_is_there_already_gets_a_number(tmp_path: Path) -> None:
    ended = []
    with open_spool(tmp_path, settle_s=1, patience_s=1) as spool:
        for name in ("P-1", "P-1", "P-1.json", "x" * 255):
            drop(tmp_path / name)
            (taken,) = take_all(spool)
            spool.finish(taken, "done", "{}")
            ended.append(taken)
    assert ended[:3] == ["P-1", "P-1~2", "P-1.json~2"]
    assert sorted(p.name for p in (tmp_path / "done").iterdir()) == sorted(
        [*ended, *(f"{name}.json" for name in ended)]
    )


def lives_until(step: int, folder: Path) -> None:
    """A child's life: take, answer and move drops, until it kills itself before a rename."""
    left = [step]
    rename, replace = Path.rename, Path.replace

    def dying(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(self: Path, target: Path) -> Path:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return move(self, target)

        return moved

    Path.rename, Path.replace = dying(rename), dying(replace)  # type: ignore[assignment, method-assign]
    with open_spool(folder, settle_s=1, patience_s=1) as spool:
        spool.recover()
        spool.settle_s = -1
        for one in spool.complete():
            spool.finish(spool.take(one), "done", json.dumps({"drop": one.name}))


def test_wherever_a_process_dies_no_drop_is_lost_and_none_is_answered_twice(
    tmp_path: Path,
) -> None:
    spool = tmp_path / "spool"
    names = [f"P-{n}" for n in range(4)]
    for name in names:
        drop(spool / name)
    deaths = 0
    while True:
        # A take, an answer and a move are three steps: each life dies one step further.
        child = FORK.Process(target=lives_until, args=(deaths % 7, spool))
        child.start()
        child.join(30)
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        assert answered_once(spool)
        deaths += 1
        assert deaths < 60
    assert deaths > 5
    assert sorted(p.name for p in (spool / "done").iterdir()) == sorted(
        [*names, *(f"{name}.json" for name in names)]
    )
    assert sorted(p.name for p in spool.iterdir()) == [".working", "done", "failed"]
    assert [p.name for p in (spool / ".working").iterdir()] == [".lock"]


def answered_once(spool: Path) -> bool:
    answers = [p.stem for place in ("done", "failed") for p in (spool / place).glob("*.json")]
    return len(answers) == len(set(answers)) and not any("~" in name for name in answers)


def test_a_second_watch_of_one_folder_is_refused(tmp_path: Path) -> None:
    with (
        open_spool(tmp_path, settle_s=1, patience_s=1),
        pytest.raises(ConfigError, match="another process watches"),
        open_spool(tmp_path, settle_s=1, patience_s=1),
    ):
        pass


def test_places_that_lead_out_of_the_spool_are_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "done").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(ConfigError, match="done: expected a folder on the disk of the spool"),
        open_spool(tmp_path / "spool", settle_s=1, patience_s=1),
    ):
        pass


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "EOF", id="empty"),
        pytest.param(b"[1]", "should be an object", id="list"),
        pytest.param(b'{"images": []}', "parcel: Field required", id="no-parcel"),
        pytest.param(b'{"parcel": {}, "extra": 1}', "extra: ", id="unknown-key"),
        pytest.param(b'{"parcel": {"a": [1]}}', "parcel", id="nested"),
        pytest.param(b"[" * 5000, "parcel.json", id="deep"),
        pytest.param(b'{"parcel": {"a": "' + b"x" * (1 << 20) + b'"}}', "at most", id="long"),
    ],
)
def test_a_manifest_that_is_none_is_told_in_one_sentence(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "parcel.json").write_bytes(content)
    with pytest.raises(FeedError, match=said) as raised:
        read_manifest(tmp_path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("path", ["../a.png", "b/a.png", "/etc/passwd", "", "a\nb"])
def test_a_path_that_is_no_name_refuses_the_drop(path: str, tmp_path: Path) -> None:
    folder = drop(tmp_path / "P-1", images=[{"path": path}])
    with pytest.raises(FeedError, match="images row 1: path must be the name of a file"):
        read_drop(folder, max_bytes=99, max_images=9)


def test_a_drop_that_is_too_large_is_refused(tmp_path: Path) -> None:
    folder = drop(tmp_path / "P-1", files=("a.png", "b.png"))
    assert len(read_drop(folder, max_bytes=12, max_images=2).request.files) == 2
    with pytest.raises(FeedError, match="at most 11 bytes"):
        read_drop(folder, max_bytes=11, max_images=2)
    with pytest.raises(FeedError, match="at most 1 images"):
        read_drop(folder, max_bytes=12, max_images=1)
