"""Signing in through an OpenID Connect provider: authorisation code flow with PKCE and nonce."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App
from fastapi import APIRouter
from joserfc.errors import JoseError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from parcelscope.datasets.errors import ConfigError
from parcelscope.review import events
from parcelscope.review.access import address_of_sender
from parcelscope.review.database import reading, writing
from parcelscope.review.people import find_member, plain_name
from parcelscope.review.roles import Person
from parcelscope.review.settings import OidcSettings
from parcelscope.review.sign_in import NOBODY, begin_session, own_path, sign_in_form
from parcelscope.review.state import page, review_of

oidc_pages = APIRouter()
log = logging.getLogger(__name__)

START: Final = "/sign-in/oidc"
CALLBACK: Final = "/sign-in/oidc/callback"
FLOW_S: Final = 600
"""How long somebody may take at the provider."""
PATIENCE_S: Final = 10.0
# What comes over the wire may be anything: not JSON, not an object, without what it must have.
_UNBELIEVABLE: Final = (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError, RuntimeError)


def make_provider(settings: OidcSettings) -> StarletteOAuth2App:
    """The client of the provider; asks it nothing before somebody signs in.

    Raises:
        ConfigError: If the file with the secret cannot be read.
    """
    secret = None
    if settings.client_secret_file is not None:
        try:
            secret = settings.client_secret_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigError(
                f"oidc.client_secret_file: cannot read {settings.client_secret_file}"
            ) from None
    client: StarletteOAuth2App = OAuth().register(
        "provider",
        client_id=settings.client_id,
        client_secret=secret,
        server_metadata_url=f"{settings.issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.scope,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_basic" if secret else "none",
            "timeout": PATIENCE_S,
        },
    )
    return client


@oidc_pages.get(START)
async def go_to_provider(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    provider, _ = _provider(request)
    request.session.clear()
    request.session["next"] = own_path(next)
    origin = review_of(request).settings.origin or str(request.base_url).rstrip("/")
    try:
        answer: Response = await provider.authorize_redirect(request, f"{origin}{CALLBACK}")
    except (httpx2.HTTPError, *_UNBELIEVABLE) as error:
        log.warning("the identity provider does not answer as it must: %s", error)
        sentence = "The sign-in service cannot be reached. Try again in a minute."
        return await run_in_threadpool(sign_in_form, request, problem=sentence, status=503)
    return answer


@oidc_pages.get(CALLBACK)
async def come_back(request: Request) -> Response:
    """Take the browser back from the provider, and believe it only what it signed for us."""
    provider, settings = _provider(request)
    try:
        token = await provider.authorize_access_token(
            request, claims_options=_claims_options(settings)
        )
        claims: dict[str, Any] = dict(token["userinfo"])
    except (httpx2.HTTPError, *_UNBELIEVABLE) as error:
        log.warning("the identity provider's answer is refused: %s", error)
        sentence = "That sign-in did not work. Try again from here."
        return await run_in_threadpool(sign_in_form, request, problem=sentence, status=403)
    wanted = own_path(str(request.session.get("next", "/")))
    request.session.clear()
    return await run_in_threadpool(_enter, request, settings, claims, wanted)


def role_and_name(
    settings: OidcSettings, claims: Mapping[str, Any], listed: Person | None
) -> Person | None:
    """Who the provider's `claims` are for us; None if they may not in.

    Args:
        settings: Which claims count.
        claims: Of the ID token, verified.
        listed: The person of that name if they are among the people, whose role goes first.
    """
    if listed is not None:
        return listed
    groups = claims.get(settings.groups_claim)
    inside = groups if isinstance(groups, list) else []
    role = next(
        (role for group, role in settings.group_roles.items() if group in inside),
        settings.default_role,
    )
    return None if role is None else Person(name=name_of(settings, claims), role=role)


def name_of(settings: OidcSettings, claims: Mapping[str, Any]) -> str:
    """The name that `claims` give.

    Raises:
        ConfigError: If they give none that a person can have here.
    """
    name = claims.get(settings.name_claim)
    if not isinstance(name, str):
        raise ConfigError(f"the sign-in service told no {settings.name_claim}")
    # Whoever may type in any address must not become somebody by it.
    if settings.name_claim == "email" and claims.get("email_verified") is not True:
        raise ConfigError("the sign-in service did not verify the e-mail address")
    return plain_name(name)


def _enter(
    request: Request, settings: OidcSettings, claims: dict[str, Any], wanted: str
) -> Response:
    review = review_of(request)
    try:
        name = name_of(settings, claims)
    except ConfigError as error:
        return sign_in_form(request, problem=f"That sign-in did not work: {error}.", status=403)
    with reading(review.engine) as connection:
        member = find_member(connection, name)
    listed = None if member is None else Person(name=member.name, role=member.role)
    person = role_and_name(settings, claims, listed)
    if person is None or (member is not None and member.disabled):
        with writing(review.engine) as connection:
            events.append(
                connection,
                who=NOBODY if member is None else name,
                kind="sign_in_refused",
                body={"address": address_of_sender(request), "how": "oidc", "name": name},
            )
        sentence = f"{name} is not among the people of this application."
        return sign_in_form(request, problem=sentence, status=403)
    # The provider's site sent the browser here, so the strict cookie would not travel along with a
    # redirect; a page of ours that goes on by itself starts anew.
    return begin_session(request, person, page(request, "onward.html", None, onward=wanted), "oidc")


def _provider(request: Request) -> tuple[StarletteOAuth2App, OidcSettings]:
    review = review_of(request)
    if review.provider is None or review.settings.oidc is None:
        raise HTTPException(404, "no sign-in service is set up here")
    return review.provider, review.settings.oidc


def _claims_options(settings: OidcSettings) -> dict[str, Any]:
    return {
        # Whatever the discovery document says of itself, only what was configured counts.
        "iss": {"essential": True, "values": [settings.issuer, f"{settings.issuer}/"]},
        "aud": {"essential": True, "values": [settings.client_id]},
    }
