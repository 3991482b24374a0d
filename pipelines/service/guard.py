"""Stands before every route: who asks, how often, how much; and notes what became of it."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parcelscope.pipelines.service.keys import Caller, Role
from parcelscope.pipelines.service.metrics import Metrics
from parcelscope.pipelines.service.settings import LOCAL_HOSTS, Limits

SCORE: Final = "/v1/score"
RUNS: Final = "/v1/runs"
OPEN: Final = frozenset({"/healthz", "/readyz", "/openapi.json"})
FORM_BYTES: Final = 64 * 1024
"""What a form weighs beyond its files."""
NOBODY: Final = Caller(name="local", role="admin")
"""Whoever is on this machine, where no key was ever made."""
LOG = logging.getLogger("parcelscope.service.requests")


def needed_role(method: str, path: str) -> Role | None:
    """The role that a request needs; None where none does."""
    if path in OPEN:
        return None
    if path == "/metrics":
        return "monitor"
    if path.startswith("/v1/bundle/"):
        return "admin"
    if path == SCORE or method not in {"GET", "HEAD"}:
        return "operator"
    return "reader"


@dataclass(slots=True)
class Buckets:
    """How many requests each caller has left: a bucket that fills at a steady rate."""

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait_s(self, caller: str) -> float:
        """0 where a request is granted, else how long to wait for one."""
        now, per_s = self.clock(), self.per_minute / 60
        if len(self._left) > 10_000:  # those that are full again say nothing
            self._left = {
                name: (left, at)
                for name, (left, at) in self._left.items()
                if left + (now - at) * per_s < self.per_minute
            }
        left, at = self._left.get(caller, (float(self.per_minute), now))
        left = min(float(self.per_minute), left + (now - at) * per_s)
        granted = left >= 1
        self._left[caller] = (left - 1 if granted else left, now)
        return 0.0 if granted else (1 - left) / per_s


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """A request that goes no further."""

    def __init__(self, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Guard:
    """ASGI middleware, outermost, so that nothing of a body is read before it is known whose."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        find_caller: Callable[[str], Caller | None],
        keys_needed: Callable[[], bool],
        limits: Limits,
        metrics: Metrics,
    ) -> None:
        self._app, self._metrics, self._limits = app, metrics, limits
        self._find_caller, self._keys_needed = find_caller, keys_needed
        self._buckets = Buckets(limits.requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        caller: Caller | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            caller = self._admit(scope)
            scope.setdefault("state", {})["caller"] = caller
            await self._app(scope, self._measured(scope, receive), noting)
        except Refusal as refusal:
            await _answer(scope, noting, refusal)
        finally:
            self._note(scope, caller, status, time.perf_counter() - began)

    def _admit(self, scope: Scope) -> Caller:
        """Who asks.

        Raises:
            Refusal: If they may not.
        """
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        role = needed_role(scope["method"], scope["path"])
        address = scope["client"][0] if scope.get("client") else "unknown"
        caller: Caller | None
        if not self._keys_needed():
            _refuse_strange_sites(headers)
            caller = NOBODY
        else:
            scheme, _, key = headers.get("authorization", "").partition(" ")
            caller = self._find_caller(key.strip()) if scheme.lower() == "bearer" else None
        if role is not None or caller is not None:
            wait_s = self._buckets.wait_s(f"key {caller.name}" if caller else f"from {address}")
            if wait_s > 0:
                raise Refusal(
                    429,
                    f"more than {self._limits.requests_per_minute} requests a minute;"
                    f" try again in {wait_s:.1f} s",
                    (("retry-after", str(int(wait_s) + 1)),),
                )
        if role is None:
            return caller or Caller(name="anybody", role="monitor")
        if caller is None:
            raise Refusal(
                401,
                "expected the header `Authorization: Bearer KEY` with a key in use",
                (("www-authenticate", "Bearer"),),
            )
        if not caller.may(role):
            raise Refusal(
                403, f"this needs the role {role}, and key {caller.name!r} is a {caller.role}"
            )
        return caller

    def _measured(self, scope: Scope, receive: Receive) -> Receive:
        """`receive` that refuses a body as soon as it is too large.

        Raises:
            Refusal: If it says itself that it is.
        """
        most = FORM_BYTES
        if scope["method"] == "POST" and scope["path"] == RUNS:
            most += self._limits.upload_bytes
        elif scope["method"] == "POST" and scope["path"] == SCORE:
            most += self._limits.parcel_bytes
        detail = f"expected a request of at most {most:,} bytes, got more"
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > most):
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

    def _note(self, scope: Scope, caller: Caller | None, status: int, seconds: float) -> None:
        # The template, `/v1/runs/{run_id}`: one series for each run would never end.
        route = getattr(scope.get("route"), "path", "other")
        self._metrics.requests.labels(route, scope["method"], str(status)).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        LOG.info(
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "ms": round(seconds * 1000, 1),
                "caller": caller.name if caller else None,
            },
        )


def _refuse_strange_sites(headers: dict[str, str]) -> None:
    """Without keys, refuse what a web page elsewhere made a browser on this machine send."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    origin = headers.get("origin")
    strange_origin = origin is not None and (urlsplit(origin).hostname or "") not in LOCAL_HOSTS
    if (host and host not in LOCAL_HOSTS) or strange_origin:
        raise Refusal(
            403,
            "without keys the service answers this machine alone; make one with"
            " `parcelscope serve keys add`",
        )


async def _answer(scope: Scope, send: Send, refusal: Refusal) -> None:
    body = json.dumps(error_body(scope["path"], refusal.detail)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in refusal.headers),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_body(path: str, detail: str) -> dict[str, Any]:
    """The body of a refusal. For a parcel it also says that the parcel was not assessed."""
    body: dict[str, Any] = {"detail": detail}
    if path == SCORE:
        body["verdict"] = "not_assessed"
    return body
