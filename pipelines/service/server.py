"""Starts the service and stops it without losing anything."""

import signal
import socket

import uvicorn

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.service.app import make_app
from parcelscope.pipelines.service.database import open_database
from parcelscope.pipelines.service.keys import KeyRing
from parcelscope.pipelines.service.places import check_roots
from parcelscope.pipelines.service.settings import ServiceSettings


def serve(settings: ServiceSettings) -> None:
    """Answer until the process is asked to stop; then let the running run hand back its shard.

    Raises:
        ConfigError: If a root is no folder, others could reach the service without a key, or the
            port is taken.
    """
    check_roots(settings.roots)
    database = open_database(settings.home)
    if not settings.is_local and not KeyRing(database).needed():
        raise ConfigError(
            f"--host {settings.host} lets other machines in, but there is no key yet; make one"
            f" with `parcelscope serve keys add NAME --role operator --home {settings.home}`"
        )
    config = uvicorn.Config(
        make_app(settings, database),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # else whoever is on this machine says what address they have
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    with _listen(settings.host, settings.port) as listening:
        host, port = listening.getsockname()[:2]
        print(f"parcelscope serves on http://{host}:{port}", flush=True)
        for asked in (signal.SIGTERM, signal.SIGINT):
            # The server raises once more what made it stop, when it has: to stop is no failure.
            signal.signal(asked, lambda number, frame: None)
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that others may connect to, bound before anything is loaded."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None
