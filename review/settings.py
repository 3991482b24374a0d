"""What the review application is told when it starts."""

import ipaddress
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from parcelscope.datasets.yaml_file import read_settings
from parcelscope.review.exam_kinds import ExamKinds
from parcelscope.review.reasons import ReasonCodes
from parcelscope.review.roles import Role
from parcelscope.screening.policy import PolicyConfig

KIBIBYTE: Final = 1024
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})

Presentation = Literal["marks_after", "marks_first"]
"""Whether the model's marks are shown after an analyst's first look, or at once."""


class Limits(BaseModel, frozen=True, extra="forbid"):
    """How much one person may send, and how often they may fail to sign in."""

    body_bytes: int = Field(default=64 * KIBIBYTE, gt=0)
    """Largest request, but for pictures of a camera."""
    frame_bytes: int = Field(default=4096 * KIBIBYTE, gt=0)
    """Largest picture of a camera that looks for a label."""
    failures_of_name: int = Field(default=5, gt=0)
    """Failed sign-ins of one name from one address within the window, before it has to wait."""
    failures_of_address: int = Field(default=30, gt=0)
    """The same for all names tried from one address, and for one name from all addresses."""
    failure_window_s: float = Field(default=900.0, gt=0)


class ProxySettings(BaseModel, frozen=True, extra="forbid"):
    """A reverse proxy that has signed people in before it passes their requests on."""

    header: str = Field(default="X-Remote-User", pattern=r"^[A-Za-z0-9-]+$")
    """Header with the person's name. The proxy must remove what clients send under it."""
    addresses: tuple[str, ...] = Field(min_length=1)
    """Addresses or networks (CIDR) of the proxy. From anywhere else the header means nothing."""
    default_role: Role | None = None
    """Role of a name that is not among the people; such a name is refused if None."""

    @field_validator("addresses")
    @classmethod
    def _are_networks(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            ipaddress.ip_network(address)
        return addresses


class OidcSettings(BaseModel, frozen=True, extra="forbid"):
    """An OpenID Connect provider that signs people in (authorisation code flow with PKCE)."""

    issuer: str
    """URL; its discovery document lies at /.well-known/openid-configuration."""
    client_id: str
    client_secret_file: Path | None = None
    """File with the secret; a public client if None."""
    label: str = "single sign-on"
    """What the button says after `Sign in with`."""
    scope: str = "openid profile"
    """What is asked of the provider; some tell groups only if asked."""
    name_claim: str = "preferred_username"
    """Claim of the ID token with the person's name: one that people cannot change themselves."""
    groups_claim: str = "groups"
    group_roles: dict[str, Role] = Field(default_factory=dict)
    """Role of the first group here that a person is in, where they are not among the people."""
    default_role: Role | None = None
    """Role of a person in none of these groups; such a person is refused if None."""

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if parts.scheme != "https" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError(f"expected an https URL, got {issuer!r}")
        return issuer.rstrip("/")


class ReviewSettings(BaseModel, frozen=True, extra="forbid"):
    """All settings of the review application. Unknown keys are errors."""

    host: str = "127.0.0.1"
    port: int = Field(default=8760, ge=0, le=65535)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    origin: str | None = None
    """What browsers call the application, like `https://review.example`, where a proxy stands
    before it; else what the request's Host header says."""
    presentation: Presentation = "marks_after"
    undo_s: int = Field(default=30, ge=0)
    """How long a decision can be undone: until the parcel is diverted."""
    break_after_min: int = Field(default=20, gt=0)
    """Minutes at the screen after which a break is suggested (EU 2015/1998, 5.1.7: 20)."""
    clear_needs_reason: Literal["look", "inspect"] = "inspect"
    """Lowest band that takes a reason code to be cleared."""
    reasons: ReasonCodes = ReasonCodes()
    exam: ExamKinds = ExamKinds()
    """What officers choose from when they log an exam."""
    policy: PolicyConfig = PolicyConfig()
    """Whose law the periods of cases follow."""
    session_h: float = Field(default=12.0, gt=0)
    """Longest time between two sign-ins."""
    idle_min: float = Field(default=60.0, gt=0)
    """Time without a request after which a session ends."""
    limits: Limits = Limits()
    proxy: ProxySettings | None = None
    oidc: OidcSettings | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("expected tls_cert and tls_key together, got one of them")
        if self.origin is not None:
            parts = urlsplit(self.origin)
            plain = f"{parts.scheme}://{parts.netloc}"
            if parts.scheme not in ("http", "https") or not parts.hostname or self.origin != plain:
                raise ValueError(f"origin: expected scheme://host[:port], got {self.origin!r}")
        if self.oidc is not None and not self.is_local and self.origin is None:
            raise ValueError("oidc needs `origin`, the address that the provider sends people to")
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOCAL_HOSTS

    @property
    def is_private(self) -> bool:
        """Whether nobody comes but from this machine: no other address, and no proxy before it."""
        return self.is_local and self.origin is None and self.proxy is None and self.oidc is None

    @property
    def unlisted_roles(self) -> frozenset[Role]:
        """Roles that people may come with who were never added here."""
        proxied = () if self.proxy is None else (self.proxy.default_role,)
        provided = (
            () if self.oidc is None else (self.oidc.default_role, *self.oidc.group_roles.values())
        )
        return frozenset(role for role in (*proxied, *provided) if role is not None)

    @property
    def has_tls(self) -> bool:
        """Whether browsers reach it by https, here or at the proxy."""
        return self.tls_cert is not None or (self.origin or "").startswith("https://")


def load_settings(path: Path | None, changes: dict[str, Any]) -> ReviewSettings:
    """The settings in the YAML file `path`, with `changes` in place of what it says.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    return read_settings(ReviewSettings, path, changes, of="the review")
