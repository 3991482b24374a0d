"""News of a long job: lines for a log, and how long is left."""

import io
import json

import pytest

from parcelscope.pipelines.progress import Display, Lines, duration, progress, sentence


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(0.0, "0.0 s", id="nothing"),
        pytest.param(9.94, "9.9 s", id="short"),
        pytest.param(59.4, "59 s", id="under a minute"),
        pytest.param(185.0, "3 min 5 s", id="minutes"),
        pytest.param(7625.0, "2 h 7 min", id="hours"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


def test_a_line_has_rate_and_time_left() -> None:
    assert sentence("scoring", 1200, 4000, elapsed_s=40) == (
        "scoring: 1,200 of 4,000, 30.0/s, 1 min 33 s left"
    )


def test_nothing_done_yet_promises_nothing() -> None:
    assert sentence("scoring", 0, 4000, elapsed_s=40) == "scoring: 0 of 4,000"


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    now = [0.0]
    said: list[str] = []
    report = Lines(write=said.append, clock=lambda: now[0])
    for done in range(1, 31):
        now[0] += 1.0
        report("scoring", done, 30)
    report("scoring", 30, 30)
    assert [line.split(",")[0] for line in said] == [
        "scoring: 11 of 30",
        "scoring: 21 of 30",
        "scoring: 30 of 30 in 29 s",
    ]


def test_a_stream_that_is_no_terminal_gets_plain_lines() -> None:
    stream = io.StringIO()
    with progress(stream) as report:
        report("scoring", 2, 2)
    assert stream.getvalue() == "scoring: 2 of 2 in 0.0 s\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_with_a_rate() -> None:
    stream = Terminal()
    with progress(stream) as report:
        for done in range(5):
            report("scoring", done + 1, 5)
    assert "scoring" in stream.getvalue()
    assert "5/5" in stream.getvalue()


def test_on_a_narrow_terminal_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    with progress(stream) as display:
        display.seen.stage_time("photos", "busy", 96.0)
        display.seen.stage_time("workers", "starved", 4.0)
        display.seen.rows("quarantined", 12345)
        display("scoring", 98765, 100000)
    assert "96% of bound, most in photos, 12,345 quarantined" in stream.getvalue()
    assert "98765/100000" in stream.getvalue()


def see_some(display: Display) -> None:
    display.seen.rows("assessed", 10)
    display.seen.rows("quarantined", 3, code="truncated")
    display.seen.stage_time("decode", "busy", 2.0)
    display.seen.stage_time("detect", "busy", 5.0)
    display.seen.stage_time("decode", "blocked", 9.0)
    display.seen.queued("decoded", 4096)
    display.seen.committed(0.1)


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["log", "terminal"])
def test_what_could_not_be_read_is_shown_as_soon_as_it_is_seen(stream: io.StringIO) -> None:
    with progress(stream) as display:
        display("scoring", 1, 5)
        see_some(display)
        display("scoring", 5, 5)
    assert "3 quarantined" in stream.getvalue()


def test_programs_get_json_with_what_holds_the_run_up() -> None:
    stream = io.StringIO()
    with progress(stream, as_json=True) as display:
        see_some(display)
        display("scoring", 5, 5)
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["stage"], line["done"], line["total"]) == ("scoring", 5, 5)
    assert (line["quarantined"], line["shards"], line["queue_bytes"]) == (3, 1, 4096)
    assert line["bottleneck_stage"] == "detect"
    assert line["bound_fraction"] == 0.4375


def test_a_line_says_what_the_threads_reach_and_where_most_time_goes() -> None:
    stream = io.StringIO()
    with progress(stream) as display:
        see_some(display)
        display("scoring", 5, 5)
    assert stream.getvalue().strip().endswith("44% of bound, most in detect, 3 quarantined")
