"""The options by which a run tells Prometheus how it goes, and what they open."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.service_options import needing_extra

if TYPE_CHECKING:
    from parcelscope.inference.observed import Observer, StageState

MetricsPortOption = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Port of this machine that Prometheus may ask; 0 for a free one."
    ),
]
MetricsFileOption = Annotated[
    Path | None,
    typer.Option(help="File for the textfile collector of Prometheus' node exporter: NAME.prom."),
]
ADDRESS: Final = "127.0.0.1"
"""Nobody but this machine: the figures need no key."""
EVERY_S: Final = 2.0
SUFFIX: Final = ".prom"
LOG = logging.getLogger("parcelscope.metrics")


@contextmanager
def told_to_prometheus(
    observer: "Observer", *, port: int | None, file: Path | None, say: Callable[[str], object]
) -> Iterator["Observer"]:
    """An observer that tells `observer`, and Prometheus by whichever of the ways was asked for.

    Args:
        observer: Told everything, too.
        port: To be asked at; None for not.
        file: To be written every few seconds, whole or not at all; None for not.
        say: Told in a sentence where the figures are.

    Raises:
        ConfigError: If the serve extra is missing, the port is taken, or the file cannot be
            written.
    """
    if port is None and file is None:
        yield observer
        return
    with needing_extra("--metrics-port" if file is None else "--metrics-file"):
        from prometheus_client import CollectorRegistry

        from parcelscope.pipelines.engine_metrics import EngineMetrics
    from parcelscope.inference.observed import Observers

    registry = CollectorRegistry()
    metrics = EngineMetrics(registry)
    told: list[Any] = [observer, metrics]
    written = None if file is None else _Written(file, registry)
    if written is not None:
        written.begin()
        told.append(written)
    with _asked_at(port, registry, say):
        try:
            yield Observers(tuple(told))
        finally:
            if written is not None:
                written.write()


@contextmanager
def _asked_at(port: int | None, registry: Any, say: Callable[[str], object]) -> Iterator[None]:
    if port is None:
        yield
        return
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, addr=ADDRESS, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"--metrics-port {port}: expected a free port of {ADDRESS}, got: {error.strerror}"
        ) from None
    try:
        say(f"metrics at http://{ADDRESS}:{server.server_port}/metrics")
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(slots=True)
class _Written:
    """An `Observer` that writes the figures to a file now and then."""

    path: Path
    registry: Any
    clock: Callable[[], float] = time.monotonic
    _at: float = 0.0

    def begin(self) -> None:
        """Write the file for the first time: a place that cannot be written is told at once."""
        if self.path.suffix != SUFFIX:
            # The collector passes over all others without a word.
            raise ConfigError(f"--metrics-file must end in {SUFFIX}, got {self.path}")
        try:
            self._write()
        except OSError as error:
            raise ConfigError(
                f"--metrics-file {self.path}: cannot be written: {error.strerror}"
            ) from None

    def write(self) -> None:
        """Write the file; a disk that refuses stops no run."""
        try:
            self._write()
        except OSError as error:
            LOG.warning("metrics not written", extra={"error": error.strerror})

    def _write(self) -> None:
        from prometheus_client import generate_latest

        from parcelscope.datasets.writing import write_whole

        write_whole(self.path, generate_latest(self.registry))
        self._at = self.clock()

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """As `Observer.rows`."""

    def stage_time(self, stage: str, state: "StageState", seconds: float) -> None:
        """As `Observer.stage_time`."""

    def queued(self, queue: str, size_bytes: int) -> None:
        """As `Observer.queued`."""

    def committed(self, seconds: float) -> None:
        """Write the file if it is time to: all else of a shard was told before."""
        if self.clock() - self._at >= EVERY_S:
            self.write()
