"""Serves the review application until it is asked to stop."""

import signal
import socket
import ssl
from collections.abc import Callable
from types import FrameType

import uvicorn
from sqlalchemy import Engine

from parcelscope.datasets.errors import ConfigError
from parcelscope.review.app import create_app
from parcelscope.review.database import reading
from parcelscope.review.people import anybody
from parcelscope.review.pictures import Pictures
from parcelscope.review.settings import ReviewSettings


def serve(settings: ReviewSettings, engine: Engine, *, say: Callable[[str], None]) -> None:
    """Answer until the process is asked to stop.

    Args:
        settings: Where to listen, and for whom.
        engine: The review database.
        say: Told the address, once the port is ours.

    Raises:
        ConfigError: If strangers could reach it without signing in or listen to what is sent, the
            port is taken, or the certificate cannot be read.
    """
    check_exposure(settings, engine)
    _check_certificate(settings)
    config = uvicorn.Config(
        create_app(settings, engine, Pictures()),
        log_config=None,
        access_log=False,
        server_header=False,
        # What a proxy says of its clients counts from the addresses of the settings alone.
        proxy_headers=False,
        ws="none",
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = uvicorn.Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        # Also what comes before the server listens to signals of its own. It raises once more what
        # made it stop, when it has: to stop is no failure.
        server.should_exit = True

    with _listen(settings.host, settings.port) as listening:
        for asked in (signal.SIGTERM, signal.SIGINT):
            signal.signal(asked, stop)
        say(f"parcelscope review is at {_address(settings, listening)}")
        server.run(sockets=[listening])


def check_exposure(settings: ReviewSettings, engine: Engine) -> None:
    """Let no other machine in before people sign in, and not where others can listen.

    Raises:
        ConfigError: If it would.
    """
    if settings.is_local and settings.origin is None:
        return
    opening = f"origin {settings.origin}" if settings.is_local else f"--host {settings.host}"
    with reading(engine) as connection:
        somebody = anybody(connection)
    if not somebody and settings.proxy is None and settings.oidc is None:
        raise ConfigError(
            f"{opening} lets other machines in, but there is nobody yet who could"
            " sign in; add somebody with `parcelscope review user add NAME --role admin`"
        )
    if not settings.has_tls:
        raise ConfigError(
            f"{opening} would send passwords and addresses unencrypted; give"
            " --tls-cert and --tls-key, or `origin: https://...` in --settings where a proxy"
            " encrypts"
        )


def _check_certificate(settings: ReviewSettings) -> None:
    if settings.tls_cert is None or settings.tls_key is None:
        return
    for name, path in (("--tls-cert", settings.tls_cert), ("--tls-key", settings.tls_key)):
        if not path.is_file():
            raise ConfigError(f"{name} must be a file in PEM form, got {path}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(
            f"--tls-cert {settings.tls_cert} and --tls-key {settings.tls_key} are no certificate"
            f" and its key: {error.strerror or error}"
        ) from None


def _address(settings: ReviewSettings, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    scheme = "https" if settings.tls_cert is not None else "http"
    return settings.origin or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from None
