"""What the service is told when it starts: places, limits, and how long it may think."""

from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, Field

from parcelscope.datasets.yaml_file import read_settings
from parcelscope.inference.history import history_url
from parcelscope.pipelines.provider_options import Provider

MEBIBYTE: Final = 1024 * 1024
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Limits(BaseModel, frozen=True, extra="forbid"):
    """How much one client may ask for. Beyond it the answer is one sentence, not a slow machine."""

    upload_bytes: int = Field(default=2048 * MEBIBYTE, gt=0)
    """Largest archive with a feed."""
    unpacked_bytes: int = Field(default=8192 * MEBIBYTE, gt=0)
    """Largest feed that an archive may unpack to."""
    unpacked_files: int = Field(default=200_000, gt=0)
    parcel_bytes: int = Field(default=64 * MEBIBYTE, gt=0)
    """Largest request for one parcel, all its images together."""
    parcel_images: int = Field(default=32, gt=0)
    queued_runs: int = Field(default=100, gt=0)
    waiting_parcels: int = Field(default=16, gt=0)
    """Parcels that may wait to be scored; the next one is answered at once, not assessed."""
    requests_per_minute: int = Field(default=1200, gt=0)
    """For each key, or each address where there are no keys."""


class ServiceSettings(BaseModel, frozen=True, extra="forbid"):
    """All settings of the service. Unknown keys are errors."""

    home: Path = Path("service")
    """Folder of the queue, the keys, the uploads and the runs."""
    roots: tuple[str, ...] = ()
    """Folders, or URLs such as `s3://bucket/feeds`, that a run may take its feed from."""
    bundle: Path | None = None
    """Folder or link; the built-in bundle if None."""
    config: Path | None = None
    """Screening configuration; the built-in one if None."""
    step_wedges: Path | None = None
    """Table with the step wedges of the facility's scanners, for parcels scored one by one."""
    database: str | None = None
    """URL of the database of the runs, where they do not keep their own."""
    history: str | None = None
    """File or URL of the history of numbers, for runs and single parcels; `database` if None."""
    host: str = "127.0.0.1"
    port: int = Field(default=8750, ge=0, le=65535)
    latency_budget_s: float = Field(default=1.0, gt=0, le=60)
    """A parcel that takes longer is answered as not assessed."""
    stuck_after_s: float = Field(default=10.0, gt=0)
    """A parcel that takes longer than this costs the scoring process its life."""
    workers: int | None = Field(default=None, gt=0)
    """Threads of one run; one per core if None."""
    provider: Provider = "auto"
    """What the models of runs run on, as `screen --provider` takes it."""
    shard_size: int | None = Field(default=None, gt=0)
    """Parcels and cartons that are committed together; the engine's own choice if None."""
    isolate: bool = True
    """Whether runs decode images in processes of their own: what comes by HTTP is not trusted."""
    max_quarantine_ratio: float = Field(default=0.25, ge=0, le=1)
    """Share of damaged images at which a run stops."""
    grace_s: float = Field(default=30.0, gt=0)
    """How long a run may take to hand back its shard when the service stops."""
    reload_every_s: float = Field(default=5.0, gt=0)
    """How often it looks whether the bundle is another one."""
    limits: Limits = Limits()

    @property
    def history_url(self) -> str | None:
        """URL of the history of numbers, if there is one.

        Raises:
            ConfigError: If `history` names none.
        """
        return self.database if self.history is None else history_url(self.history)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOCAL_HOSTS


def load_settings(path: Path | None, changes: dict[str, Any]) -> ServiceSettings:
    """The settings in the YAML file `path`, with `changes` in place of what it says.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    settings = read_settings(ServiceSettings, path, changes, of="the service")
    _ = settings.history_url  # what is none is refused now, not when a parcel comes
    return settings
