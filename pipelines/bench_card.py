"""What `parcelscope bench` measured, as `--json` prints it."""

from pydantic import BaseModel


class ComponentCard(BaseModel, frozen=True, extra="forbid"):
    """One component of the engine, measured alone on one core."""

    name: str
    calls_per_parcel: float
    """Scans, photos or rows that it looks at for one parcel or master carton."""
    cpu_ms: float
    """CPU of one call."""
    wall_ms: float
    """Wall clock of one call; beyond the CPU it waited for a file, a device or a core."""
    cpu_ms_per_parcel: float
    share: float
    """Of the CPU of all components, 0 to 1."""
    on_device: bool
    """Whether an accelerator does the work, so that the wall clock counts and not the CPU."""


class EngineCard(BaseModel, frozen=True, extra="forbid"):
    """The engine over the whole feed."""

    parcels: int
    """Scored in all passes; master cartons count as parcels here and everywhere below."""
    parcels_per_s: float
    cpu_ms_per_parcel: float
    cores_used: float
    """Cores that it kept busy, on average."""
    cores_of_others: float | None
    """Cores that other processes kept busy meanwhile; None where the system does not say."""
    mb_per_s: float
    """Megabytes of image files read."""


class LineCard(BaseModel, frozen=True, extra="forbid"):
    """The engine against the naive loop over some of the components."""

    components: str
    engine_parcels_per_s: float
    naive_parcels_per_s: float
    speedup: float
    """By the wall clock."""
    cpu_speedup: float
    """By CPU time, which other processes do not change."""


class NaiveCard(BaseModel, frozen=True, extra="forbid"):
    """The naive loop over the first parcels of the feed."""

    parcels: int
    parcels_per_s: float
    cpu_ms_per_parcel: float
    cores_of_others: float | None
    largest_score_difference: float
    """Between the loop and the engine; more than 0.01 is an error."""
    flags: int
    """Flagged by both alike, at a budget of 20 %; a difference is an error."""


class YoloCard(BaseModel, frozen=True, extra="forbid"):
    """`ultralytics predict` on the scans of the feed as colour pictures."""

    parameters: int
    our_parameters: int
    """Of `xray.items`."""
    size_hw: tuple[int, int]
    """Of the network's input."""
    pictures: int
    cpu_ms: float
    """CPU of one picture: reading, network, boxes."""
    wall_ms: float
    our_cpu_ms: float
    """CPU of reading, placing and `xray.items` for one scan."""
    cpu_speedup: float


class BenchCard(BaseModel, frozen=True, extra="forbid"):
    """One run of the benchmark."""

    bound_fraction: float
    """Achieved rate over the bound, by the wall clock: 1 is ideal, other processes lower it."""
    cpu_bound_fraction: float
    """CPU of the components over that of the engine: what it adds to them, whoever else runs."""
    parcels_per_s: float
    bound_parcels_per_s: float
    """Cores over the sum of the CPU of one parcel, or what the device allows where that is less."""
    speedup_over_naive: float | None
    """By the wall clock, over all components."""
    cpu_speedup_over_naive: float | None
    binding_stage: str
    """The dearest component of what binds: the CPU, or the device."""
    cpu_ms_per_parcel: float
    """All components together."""
    workers: int
    cores: int
    processor: str
    provider: str
    precision: str
    bundle: str
    feed: str
    """What a parcel of the feed is, in words."""
    components: tuple[ComponentCard, ...]
    """Dearest first."""
    engine: EngineCard
    naive: NaiveCard | None
    lines: tuple[LineCard, ...]
    yolo: YoloCard | None
    notes: tuple[str, ...]
    """What to know before believing the figures."""
    versions: dict[str, str]
