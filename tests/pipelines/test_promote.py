"""Promotions: on evidence, on record, and whole whenever they die."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.evidence import name_of, write_evidence

from parcelscope.datasets.errors import BundleError, ConfigError, RunError
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.promote import Promoted, promote, store_of
from parcelscope.pipelines.promotion_log import locked_log, log_path, read_promotions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A champion, a challenger, and evidence that it is better."""
    write_sound_bundle(tmp_path / "one", version="1", item_weight=0.0)
    write_sound_bundle(tmp_path / "two", version="2")
    write_evidence(tmp_path / "compare.json", tmp_path / "one", tmp_path / "two")
    return tmp_path


def do(place: Path, target: str = "live", **facts: object) -> Promoted:
    options = {
        "over": place / "one",
        "evidence_path": place / "compare.json",
        "target": place / target,
        "max_alarm_share": 0.02,
        "by": "a tester",
        **facts,
    }
    return promote(place / "two", **options)  # type: ignore[arg-type]


def digest(folder: Path) -> str:
    return load_bundle(folder)[1]


def test_a_better_challenger_takes_the_place_and_is_recorded(place: Path) -> None:
    (place / "live").symlink_to("one")
    promoted = do(place, reason="quarterly retraining")
    assert digest(place / "live") == digest(place / "two")
    assert digest(place / "one") == promoted_over(place)
    decided, swapped = read_promotions(promoted.log)
    assert (decided.event, swapped.event) == ("decided", "swapped")
    assert (decided.by, decided.reason, decided.forced) == (
        "a tester",
        "quarterly retraining",
        False,
    )
    assert (decided.metric, decided.difference, decided.low) == ("parcels.recall", 0.1, 0.02)
    assert decided.challenger == name_of(place / "two")
    assert len(decided.evidence_sha256 or "") == 64
    assert next(iter(promoted.lines())).endswith(f"digest {digest(place / 'two')[:12]}…")


def promoted_over(place: Path) -> str:
    return read_promotions(log_path(place / "live"))[-1].champion.digest


def test_a_target_that_is_not_there_yet_is_made(place: Path) -> None:
    do(place)
    assert (place / "live").is_symlink()
    assert digest(place / "live") == digest(place / "two")
    assert (place / "live").resolve().parent == store_of(place / "live")


def test_a_folder_gives_way_to_a_link_in_one_step(place: Path) -> None:
    (place / "one").rename(place / "live")
    before = digest(place / "live")
    do(place, over=place / "live")
    assert digest(place / "live") == digest(place / "two")
    (replaced,) = store_of(place / "live").glob("replaced-*")
    assert digest(replaced) == before


def test_the_old_champion_can_be_put_back(place: Path) -> None:
    do(place)
    write_evidence(place / "back.json", place / "two", place / "one", low=-0.3)
    promote(
        place / "one",
        over=place / "two",
        evidence_path=place / "back.json",
        target=place / "live",
        max_alarm_share=0.02,
        force=True,
        reason="the new one misses knives",
    )
    assert digest(place / "live") == digest(place / "one")
    promotions = read_promotions(log_path(place / "live"))
    assert [one.event for one in promotions] == ["decided", "swapped"] * 2
    assert promotions[-1].forced
    assert promotions[-1].reason == "the new one misses knives"


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        pytest.param({"low": -0.01}, r"not better .* interval -0\.010 to \+0\.180", id="overlap"),
        pytest.param({"low": 0.0}, "not better", id="touching zero"),
        pytest.param({"positives": 9}, "rests on 9 violative", id="too few"),
        pytest.param({"truth": False}, "compare again with --truth", id="no truth"),
    ],
)
def test_one_that_is_not_better_is_refused_unless_forced_with_a_reason(
    place: Path, evidence: dict[str, object], says: str
) -> None:
    (place / "live").symlink_to("one")
    write_evidence(place / "compare.json", place / "one", place / "two", **evidence)  # type: ignore[arg-type]
    with pytest.raises(BundleError, match=says):
        do(place)
    with pytest.raises(ConfigError, match="--force needs --reason"):
        do(place, force=True, reason=" ")
    assert digest(place / "live") == digest(place / "one")
    assert not log_path(place / "live").exists()
    promoted = do(place, force=True, reason="a pilot")
    assert promoted.refusal is not None
    assert read_promotions(promoted.log)[0].forced
    assert digest(place / "live") == digest(place / "two")


def other_champion(place: Path) -> None:
    write_sound_bundle(place / "three", version="3")
    write_evidence(place / "compare.json", place / "three", place / "two")


def changed_since(place: Path) -> None:
    write_sound_bundle(place / "two", version="2.1")


def another_one_is_live(place: Path) -> None:
    write_sound_bundle(place / "three", version="3")
    (place / "live").symlink_to("three")


def spoilt(place: Path) -> None:
    (place / "two" / "items-dual.onnx").write_bytes(b"other")


def gives_nan(place: Path) -> None:
    write_sound_bundle(place / "two", version="2", nan_above=0.001)
    write_evidence(place / "compare.json", place / "one", place / "two")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(other_champion, "expected evidence on the champion", id="other champion"),
        pytest.param(changed_since, "expected evidence on the challenger", id="changed since"),
        pytest.param(another_one_is_live, "compare with the bundle that is there", id="other live"),
        pytest.param(spoilt, "expected SHA-256", id="altered"),
        pytest.param(gives_nan, "checks of `bundle verify` fail", id="fails a check"),
    ],
)
def test_what_the_evidence_is_not_about_is_refused_even_when_forced(
    place: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(place)
    with pytest.raises(BundleError, match=says):
        do(place, force=True, reason="never mind")
    assert not store_of(place / "live").exists()


def test_what_is_no_evidence_is_named(place: Path) -> None:
    (place / "compare.json").write_text("{}")
    with pytest.raises(RunError, match=r"compare\.json: expected what `parcelscope bundle comp"):
        do(place)


def test_a_changed_log_is_noticed(place: Path) -> None:
    do(place)
    log = log_path(place / "live")
    write_evidence(place / "compare.json", place / "two", place / "two")
    first, second = log.read_text().splitlines()
    log.write_text(f"{first.replace('a tester', 'somebody else')}\n{second}\n")
    with pytest.raises(BundleError, match="line 2: does not follow from the line before"):
        do(place, over=place / "two")
    log.write_text(f"{second}\n")
    with pytest.raises(BundleError, match="line 1: does not follow"):
        read_promotions(log)


def test_half_a_line_at_the_end_of_the_log_was_never_told_to_anybody(place: Path) -> None:
    log = log_path(place / "live")
    log.write_bytes(b'{"event": "deci')
    do(place)
    assert [one.event for one in read_promotions(log)] == ["decided", "swapped"]


def test_two_promotions_at_once_are_one_after_the_other(place: Path) -> None:
    with (
        locked_log(log_path(place / "live")),
        pytest.raises(BundleError, match="another promotion is under way"),
    ):
        do(place)


def test_a_system_that_cannot_swap_folders_says_what_to_do(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "one").rename(place / "live")
    before = digest(place / "live")

    class Nothing:
        def __init__(self, *_: object, **__: object) -> None:
            self.renameat2 = None

    monkeypatch.setattr(ctypes, "CDLL", Nothing)
    with pytest.raises(BundleError, match="put a link to it in its place"):
        do(place, over=place / "live")
    assert digest(place / "live") == before
    assert not (place / "live").is_symlink()


def test_a_signed_challenger_keeps_its_signature(place: Path) -> None:
    pytest.importorskip("cryptography", reason="signatures need the sign extra")
    from parcelscope.models.signature import generate_keys, load_trusted_bundle, sign_bundle

    keys = generate_keys(place / "key")
    with pytest.raises(BundleError, match=r"expected a bundle\.sig"):
        do(place, public_key=str(keys.public_path))
    sign_bundle(place / "two", keys.private_path)
    do(place, public_key=str(keys.public_path))
    load_trusted_bundle(place / "live", public_key=str(keys.public_path))


KILLED = """
import os, signal, shutil, sys
from pathlib import Path

from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.promote import promote

place, kind = Path(sys.argv[1]), sys.argv[2]
STEPS = ("mkdir", "fsync", "rename", "replace", "symlink", "unlink", "ftruncate")


def kill_before(step):
    count = 0

    def counted(function):
        def call(*words, **options):
            nonlocal count
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*words, **options)
        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


for step in range(1, 200):
    home = place / f"{kind}-{step:03}"
    home.mkdir()
    live = home / "live"
    if kind == "link":
        live.symlink_to("../one")
    else:
        shutil.copytree(place / "one", live)
    child = os.fork()
    if child == 0:
        kill_before(step)
        promote(place / "two", over=place / "one", evidence_path=place / "compare.json",
                target=live, max_alarm_share=0.02, by="a tester")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(step, -os.waitstatus_to_exitcode(status), flush=True)
    if not os.WIFSIGNALED(status):
        break
"""


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_killed_anywhere_a_whole_champion_is_left_and_the_next_promotion_settles_it(
    place: Path, kind: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(place), kind],
        capture_output=True, text=True, check=False, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    ends = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert done.stderr == ""
    assert [code for _, code in ends[:-1]] == [signal.SIGKILL] * (len(ends) - 1)
    assert ends[-1][1] == 0
    assert len(ends) > 12
    old, new = digest(place / "one"), digest(place / "two")
    seen = set()
    for step, code in ends:
        live = place / f"{kind}-{step:03}" / "live"
        there = digest(live)
        events = [one.event for one in read_promotions(log_path(live))]
        seen.add((there == new, tuple(events)))
        assert there in (old, new)
        # No swap without a line that says who decided it.
        assert there == old or "decided" in events
        if code != 0:
            settle(place, live, there == new)
    assert seen == {
        (False, ()), (False, ("decided",)), (True, ("decided",)), (True, ("decided", "swapped")),
    }  # fmt: skip


def settle(place: Path, live: Path, swapped: bool) -> None:
    """Promote again, as an operator would after a crash."""
    again, over = ("two", "two") if swapped else ("two", "one")
    write_evidence(place / "again.json", place / over, place / again)
    promote(
        place / again,
        over=place / over,
        evidence_path=place / "again.json",
        target=live,
        max_alarm_share=0.02,
    )
    assert digest(live) == digest(place / "two")
    events = [one.event for one in read_promotions(log_path(live))]
    assert events[-2:] == ["decided", "swapped"]
    assert len(events) % 2 == 0
