"""What the routes of one service share."""

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.run_store import RunStore
from parcelscope.pipelines.service.run_worker import RunWorker
from parcelscope.pipelines.service.scoring import ParcelScoring
from parcelscope.pipelines.service.settings import ServiceSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service."""

    settings: ServiceSettings
    store: RunStore
    worker: RunWorker
    scoring: ParcelScoring
    metrics: Metrics
    scratch: Path
    """Folder for what is there for one request; on the disk of the runs."""


def service_of(request: Request) -> Service:
    """The service that answers `request`."""
    service: Service = request.app.state.service
    return service
