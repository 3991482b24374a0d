"""The figures of the service for Prometheus, beside those of the engine."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from parcelscope.pipelines.engine_metrics import SECONDS, EngineMetrics


class Metrics:
    """The figures of the engine, and of the service itself."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.engine = EngineMetrics(registry)
        """What the engine of the run at work tells."""
        self.runs = Gauge(
            "parcelscope_runs", "Runs by state.", ["state"], registry=registry
        )  # fmt: skip
        self.run_seconds = Histogram(
            "parcelscope_run_seconds", "Seconds from the start of a run to its end.", ["state"],
            buckets=(1, 5, 15, 60, 300, 1800, 7200, 28800), registry=registry,
        )  # fmt: skip
        self.parcels = Counter(
            "parcelscope_score_answers", "Single parcels by verdict and, if not assessed, why.",
            ["verdict", "why"], registry=registry,
        )  # fmt: skip
        self.parcel_seconds = Histogram(
            "parcelscope_score_seconds", "Seconds from the request for a parcel to its answer.",
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.requests = Counter(
            "parcelscope_requests", "Requests by route, method and status.",
            ["route", "method", "status"], registry=registry,
        )  # fmt: skip
        self.request_seconds = Histogram(
            "parcelscope_request_seconds", "Seconds of a request.", ["route"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self.bundle = Gauge(
            "parcelscope_bundle", "1 for the bundle that scores.", ["name", "version", "digest"],
            registry=registry,
        )  # fmt: skip
        self.reloads = Counter(
            "parcelscope_bundle_reloads", "Bundles taken up or refused.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self.scorer_restarts = Counter(
            "parcelscope_scorer_restarts", "Scoring processes that died or were stuck.",
            registry=registry,
        )  # fmt: skip

    def scoring_with(self, *, name: str, version: str, digest: str) -> None:
        """Note the bundle that scores from now on."""
        self.bundle.clear()
        self.bundle.labels(name, version, digest[:12]).set(1)

    def page(self) -> bytes:
        """What Prometheus reads, in its text format."""
        return generate_latest(self.registry)
