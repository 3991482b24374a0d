"""The errors that parcelscope raises on purpose.

ParcelscopeError
├── FeedError        a table, row or path of a feed
├── DatasetError     a set of annotated images, or the public layout that one is read from
├── ImageError       a scan or photo that cannot be read
├── BundleError      a model bundle that cannot be trusted
├── ConfigError      a configuration file or option
└── RunError         a run folder, or a run whose counts do not add up

At the command line each is one sentence on standard error and exit code 2.
"""

from collections.abc import Sequence
from typing import Any


class ParcelscopeError(Exception):
    """Root of all errors whose message is meant for the user."""


class FeedError(ParcelscopeError):
    """A table, row or path of a feed is not what the schema asks for."""


class DatasetError(ParcelscopeError):
    """A set of annotated images, or the layout that one is read from, is not what it must be."""


class ImageError(ParcelscopeError):
    """A scan or photo cannot be read; `code` is stable and short, for counting."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BundleError(ParcelscopeError):
    """A model bundle is incomplete, altered, or of an unknown version."""


class ConfigError(ParcelscopeError):
    """A configuration file or option does not say what it must."""


class RunError(ParcelscopeError):
    """A run folder cannot be used, or its counts do not add up."""


def first_fault(errors: Sequence[Any]) -> str:
    """Where the first of pydantic's `errors` is, dotted, and what it is: `fit.batch: ...`."""
    first = errors[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"
