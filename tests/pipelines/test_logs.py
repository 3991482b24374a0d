"""Log lines, for people and for programs."""

import io
import json
import logging

import pytest

from parcelscope.pipelines.logs import JsonLines, PlainLines


@pytest.fixture
def record() -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "parcelscope.service", "levelname": "INFO", "msg": "run %s", "args": ("ended",)}
        | {"run_id": "R-1", "seconds": 1.5}
    )


def test_a_program_gets_one_object_with_the_values(record: logging.LogRecord) -> None:
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "run ended"
    assert (line["level"], line["run_id"], line["seconds"]) == ("info", "R-1", 1.5)
    assert line["time"].endswith("+00:00")


def test_a_person_gets_one_line_without_control_characters(record: logging.LogRecord) -> None:
    record.run_id = "R-1\n\x1b[31mforged"
    line = PlainLines().format(record)
    assert "\n" not in line
    assert "\x1b" not in line
    assert "run ended run_id=R-1" in line


@pytest.mark.parametrize("formatter", [JsonLines(), PlainLines()], ids=["json", "plain"])
def test_an_error_keeps_its_traceback(formatter: logging.Formatter) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    log = logging.Logger("test")
    log.addHandler(handler)
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("failed")
    assert "ValueError: odd" in stream.getvalue()


def test_what_a_library_marks_as_its_own_is_left_out(record: logging.LogRecord) -> None:
    record.__dict__["_ray_timestamp_ns"] = 1
    assert "_ray" not in PlainLines().format(record)
    assert "_ray" not in JsonLines().format(record)
