"""An OpenID Connect provider on this machine, which can be told to lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "parcelscope"
SECRET = "a secret of the test"


@dataclass
class Provider:
    """What it says; tests change it."""

    key: RSAKey
    claims: dict[str, Any] = field(default_factory=lambda: {"preferred_username": "Ana"})
    signs_with: RSAKey | None = None
    """Another key than the one that it publishes."""
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims of the ID token that are put over the true ones."""
    state: str | None = None
    """Sent back instead of the one that came."""
    issuer: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What came to the authorisation endpoint."""
    exchanged: list[dict[str, str]] = field(default_factory=list)
    """What came to the token endpoint."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)


@contextmanager
def local_provider(key: RSAKey) -> Iterator[Provider]:
    """Serve a provider that signs with `key` until the block ends."""
    provider = Provider(key=key)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self.send_json(_discovery(provider))
            elif parts.path == "/jwks":
                self.send_json({"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("location", _approved(provider, query))
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = parse_qs(self.rfile.read(length).decode())
            told = {name: values[0] for name, values in body.items()}
            told["authorization"] = self.headers.get("authorization", "")
            provider.exchanged.append(told)
            answer = _tokens(provider, told)
            self.send_json(answer, status=400 if "error" in answer else 200)

        def send_json(self, told: object, status: int = 200) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _discovery(provider: Provider) -> dict[str, Any]:
    return {
        "issuer": provider.issuer,
        "authorization_endpoint": f"{provider.issuer}/authorize",
        "token_endpoint": f"{provider.issuer}/token",
        "jwks_uri": f"{provider.issuer}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def _approved(provider: Provider, query: dict[str, str]) -> str:
    """Where the browser is sent with a code: somebody has signed in."""
    provider.asked.append(query)
    code = secrets.token_urlsafe(8)
    provider.codes[code] = query
    back = {"code": code, "state": provider.state or query["state"]}
    return f"{query['redirect_uri']}?{urlencode(back)}"


def _tokens(provider: Provider, told: dict[str, str]) -> dict[str, Any]:
    asked = provider.codes.pop(told.get("code", ""), None)
    digest = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    basic = base64.b64encode(f"{CLIENT_ID}:{SECRET.replace(' ', '+')}".encode()).decode()
    plain = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
    trusted = told["authorization"] in (f"Basic {basic}", f"Basic {plain}")
    if asked is None or asked.get("code_challenge") != challenge or not trusted:
        return {"error": "invalid_grant"}
    now = int(time.time())
    claims = {
        "iss": provider.issuer,
        "sub": "1234",
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "nonce": asked["nonce"],
        **provider.claims,
        **provider.lies,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    key = provider.signs_with or provider.key
    return {
        "access_token": secrets.token_urlsafe(8),
        "token_type": "Bearer",
        "expires_in": 300,
        "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, key),
    }
