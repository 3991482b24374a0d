"""What the service and the process of a run say to each other, one line each."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from parcelscope.pipelines.provider_options import Provider


class RunJob(BaseModel, frozen=True, extra="forbid"):
    """What the process is to do."""

    feed: str
    folder: Path
    """Holds the run folder `run` and the lock."""
    bundle: Path
    config: Path | None
    budget: float | None
    seed: int
    workers: int | None
    database: str | None
    history: str | None = None
    """File or URL, where it is not in `database`."""
    provider: Provider
    shard_size: int | None
    isolate: bool
    max_quarantine_ratio: float


class News(BaseModel, frozen=True, extra="forbid"):
    """One line from the process."""

    kind: Literal["progress", "observed", "done", "stopped", "failed"]
    stage: str = ""
    done: int = 0
    total: int = 0
    observed: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    error: str = ""
