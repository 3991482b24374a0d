"""What a request that came through a trusted reverse proxy says of its sender."""

import ipaddress
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from parcelscope.review.settings import ProxySettings

MAX_NAME: Final = 100


def is_proxy(address: str, settings: ProxySettings | None) -> bool:
    """Whether `address` is one of the proxy that is trusted."""
    if settings is None:
        return False
    try:
        sender = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(sender in ipaddress.ip_network(network) for network in settings.addresses)


def address_of(connection: HTTPConnection, settings: ProxySettings | None) -> str:
    """The address that a request came from: behind the proxy, the one that the proxy saw."""
    address = connection.client.host if connection.client else "unknown"
    if not is_proxy(address, settings):
        return address
    # Each proxy adds at the end whom it saw: what lies before the last stranger anybody may forge.
    for seen in reversed(connection.headers.get("x-forwarded-for", "").split(",")):
        address = seen.strip() or address
        if not is_proxy(address, settings):
            break
    return address


def name_from_proxy(address: str, headers: Headers, settings: ProxySettings | None) -> str | None:
    """The name that the proxy at `address` vouches for; None from anywhere else.

    A header that is there twice names nobody: one of the two came from the client.
    """
    if settings is None or not is_proxy(address, settings):
        return None
    names = headers.getlist(settings.header)
    if len(names) != 1:
        return None
    name = names[0].strip()
    return name if 0 < len(name) <= MAX_NAME and name.isprintable() else None
