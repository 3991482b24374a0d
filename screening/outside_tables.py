"""Tables that a facility keeps beside its feeds: every row of them must be good."""

from pathlib import Path

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.tables import TableRead


def require_all_taken(read: TableRead, path: Path) -> None:
    """Refuse a table of which a row was rejected.

    A bad row of a feed costs itself. A bad row here would silently change what is decided of
    others.

    Raises:
        ConfigError: Naming the first such row.
    """
    if read.rejected.is_empty():
        return
    first = read.rejected.sort("row").row(0, named=True)
    subject = first["column"] or "the row"
    raise ConfigError(
        f"{path} row {first['row']}: {subject} must be {first['expected']}, got {first['got']}"
    )
