"""Stands before every route: how much may be sent, from which site, and what browsers may do."""

import json
import logging
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parcelscope.review.settings import LOCAL_HOSTS, ReviewSettings

log = logging.getLogger(__name__)

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FRAMES: Final = "/api/frames"
"""Where the pictures of a camera go; all other requests are small."""
CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}
YEAR_S: Final = 365 * 24 * 3600


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that goes no further."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Guard:
    """ASGI middleware, outermost, so that nothing of a body is read before it may be sent."""

    def __init__(self, app: ASGIApp, *, settings: ReviewSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        answered = False

        async def guarded(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            headers = Headers(scope=scope)
            refuse_strange_host(headers, self._settings)
            if scope["method"] not in READING:
                refuse_strange_origin(headers, self._settings)
            await self._app(scope, self._measured(scope, headers, receive), guarded)
        except Refusal as refusal:
            await _answer(guarded, refusal)
        except Exception:
            # Answered here, since whoever answers it further out knows nothing of our headers.
            log.exception("request failed", extra={"path": scope["path"]})
            if answered:
                raise
            await _answer(guarded, Refusal(500, "something went wrong; the server's log says what"))

    def _measured(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """`receive` that refuses a body as soon as it is too large.

        Raises:
            Refusal: If it says itself that it is.
        """
        limits = self._settings.limits
        most = limits.frame_bytes if scope["path"] == FRAMES else limits.body_bytes
        detail = f"expected a request of at most {most:,} bytes, got more"
        said = headers.get("content-length")
        if said is not None and (not said.isdecimal() or int(said) > most):
            raise Refusal(413, detail)
        taken = 0

        async def measured() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, detail)
            return message

        return measured

    def _add_headers(self, scope: Scope, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self._settings.has_tls:
            headers["strict-transport-security"] = f"max-age={YEAR_S}"
        if "cache-control" not in headers:
            # Files are asked for again but not sent again; anything else may name a person.
            static = scope["path"].startswith("/static/")
            headers["cache-control"] = "no-cache" if static else "no-store"


def refuse_strange_host(headers: Headers, settings: ReviewSettings) -> None:
    """Refuse a name for this machine that is not ours: a page elsewhere may have made it one.

    Raises:
        Refusal: If the Host header names another machine than the settings do.
    """
    host = headers.get("host", "")
    allowed: Iterable[str]
    if settings.origin is not None:
        allowed = {urlsplit(settings.origin).hostname or "", *LOCAL_HOSTS}
    elif settings.is_local:
        allowed = LOCAL_HOSTS
    else:
        return
    if _hostname(host) not in allowed:
        raise Refusal(
            421, f"expected a request to {', '.join(sorted(allowed))}, got one to {host!r}"
        )


def refuse_strange_origin(headers: Headers, settings: ReviewSettings) -> None:
    """Refuse a write that another site made a browser send.

    Raises:
        Refusal: If the Origin header is not that of our own pages.
    """
    scheme = "https" if settings.tls_cert is not None else "http"
    ours = settings.origin or f"{scheme}://{headers.get('host', '')}"
    origins = headers.getlist("origin")
    if len(origins) != 1 or origins[0].lower() != ours.lower():
        got = repr(origins[0]) if origins else "none"
        raise Refusal(403, f"expected a request from a page of {ours}, got the origin {got}")


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""


async def _answer(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"detail": refusal.detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
