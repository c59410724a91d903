"""Whose request it is: the client's address, with a proxy's word taken only from proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection


def client_address(peer: str, forwarded_for: bytes, *, trusted: Collection[str]) -> str:
    """The connection's ``peer``, or whom trusted proxies name in ``X-Forwarded-For``."""
    address = peer
    if address not in trusted:
        return address
    for hop in reversed(forwarded_for.decode("latin-1").split(",")):
        named = _ip_address(hop.strip())
        if named is None:
            break
        address = named
        if address not in trusted:
            break
    return address


def _ip_address(text: str) -> str | None:
    """An IP address in its usual form. With an IPv6 zone, which may be any text, it is none."""
    try:
        return None if "%" in text else str(ipaddress.ip_address(text))
    except ValueError:
        return None
