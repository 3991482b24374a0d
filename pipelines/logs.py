"""Log lines for people, or as JSON for programs."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

ORDINARY: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every log record has; the rest are the values that were logged."""


class JsonLines(logging.Formatter):
    """One JSON object for each record: time, level, logger, message, then its values."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_values(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """The same for people: `12:45:00 info request method=GET path=/healthz`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and its traceback if it has one."""
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        words = [at, record.levelname.lower(), record.getMessage()]
        words += [f"{name}={value}" for name, value in _values(record).items()]
        line = "".join(char if char.isprintable() else "\ufffd" for char in " ".join(words))
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def start_logging(*, as_json: bool, stream: TextIO | None = None) -> None:
    """Send what parcelscope and the server log to `stream`, standard error if None."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("parcelscope").setLevel(logging.INFO)


def _values(record: logging.LogRecord) -> dict[str, Any]:
    # Ray gives every record of the process a value of its own, and marks it as private.
    return {
        name: value
        for name, value in vars(record).items()
        if name not in ORDINARY and not name.startswith("_")
    }
