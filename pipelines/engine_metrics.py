"""What the engine tells whoever watches it, as figures for Prometheus. Needs the serve extra."""

from collections import defaultdict
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from parcelscope.inference.observed import StageState, bottleneck, bound_fraction

SECONDS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0
)  # fmt: skip


class EngineMetrics:
    """An `Observer` that keeps counters and gauges in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._rows = Counter(
            "parcelscope_rows", "Parcels, cartons and images by verdict.", ["verdict"],
            registry=registry,
        )  # fmt: skip
        self._quarantined = Counter(
            "parcelscope_quarantined", "Rows that could not be read, by reason.", ["code"],
            registry=registry,
        )  # fmt: skip
        self._stages = Counter(
            "parcelscope_stage_seconds", "Seconds of workers by stage: busy, starved or blocked.",
            ["stage", "state"], registry=registry,
        )  # fmt: skip
        self._queues = Gauge(
            "parcelscope_queue_bytes", "Bytes that wait between stages.", ["queue"],
            registry=registry,
        )  # fmt: skip
        self._commits = Histogram(
            "parcelscope_shard_commit_seconds", "Seconds to write and commit one shard.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._bottleneck = Gauge(
            "parcelscope_bottleneck_stage", "1 for the stage that is busy longest.", ["stage"],
            registry=registry,
        )  # fmt: skip
        self._bound = Gauge(
            "parcelscope_bound_fraction",
            "Share of the threads' time that the run at work was busy: 1 is the additive bound.",
            registry=registry,
        )  # fmt: skip
        self._busy: defaultdict[str, float] = defaultdict(float)
        self._waited_s = 0.0

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """As `Observer.rows`."""
        self._rows.labels(verdict).inc(count)
        if verdict == "quarantined":
            self._quarantined.labels(code or "unknown").inc(count)

    def stage_time(self, stage: str, state: StageState, seconds: float) -> None:
        """As `Observer.stage_time`."""
        self._stages.labels(stage, state).inc(seconds)
        if state == "busy":
            self._work(stage, seconds)
        else:
            self._waited_s += seconds
        reached = bound_fraction(self._busy, self._waited_s)
        if reached is not None:
            self._bound.set(reached)

    def queued(self, queue: str, size_bytes: int) -> None:
        """As `Observer.queued`."""
        self._queues.labels(queue).set(size_bytes)

    def committed(self, seconds: float) -> None:
        """As `Observer.committed`."""
        self._commits.observe(seconds)

    def new_run(self) -> None:
        """Begin to look for the stage that holds up another run, once it has worked."""
        self._busy.clear()
        self._waited_s = 0.0

    def _work(self, stage: str, seconds: float) -> None:
        if not self._busy:
            self._bottleneck.clear()
        self._busy[stage] += seconds
        worst = bottleneck(self._busy)
        for name in self._busy:
            self._bottleneck.labels(name).set(name == worst)
