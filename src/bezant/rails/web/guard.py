"""Where a merchant's URL may lead: to public addresses over TLS, by a name, and nowhere into our own network.

A URL is judged twice: by its form before anything is looked up, and by the very address that a socket is
about to be connected to. The second is what counts: a name can be answered differently each time it is asked.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TLS_PORT: Final = 443
_URL_MAX: Final = 2000
_PLAIN: Final = re.compile(r"[!-~]+", re.ASCII)
_NAME: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
"""A domain name whose last part begins with a letter: no form of an IPv4 address does."""
_EMBEDDING: Final = (
    # An IPv4 address stands in the last 32 bits of the first two, and behind the prefix of the last.
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
_NEVER: Final = (
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("fec0::/10"),
    ipaddress.ip_network("100.64.0.0/10"),
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
)


class NotAllowed(OSError):
    """A URL or an address that nothing is sent to. Says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """``allow_loopback`` is for sandbox merchants: they reach this machine, without TLS and at any port."""

    allow_loopback: bool = False

    def check_url(self, url: str) -> None:
        """Raises ``NotAllowed`` for a URL that is none of those we send to, by its form alone."""
        if len(url) > _URL_MAX or _PLAIN.fullmatch(url) is None or "\\" in url:
            raise NotAllowed("form")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise NotAllowed("form") from None
        if "@" in parts.netloc or parts.hostname is None:
            raise NotAllowed("form")
        if self.allow_loopback and _is_here(parts):
            return
        if parts.scheme != "https" or port not in {None, TLS_PORT} or _NAME.fullmatch(parts.hostname) is None:
            raise NotAllowed("form")

    def check_address(self, text: str) -> None:
        """Raises ``NotAllowed`` for an address that no socket may be connected to."""
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            raise NotAllowed("address") from None
        if self.allow_loopback and address.is_loopback:
            return
        if not _is_public(address):
            raise NotAllowed("address")


def _is_here(parts: SplitResult) -> bool:
    return parts.scheme in {"http", "https"} and parts.hostname in {"127.0.0.1", "::1", "localhost"}


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return False
        for network, shift in _EMBEDDING:
            if address in network:
                return _is_public(ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF))
    if any(address.version == network.version and address in network for network in _NEVER):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not address.is_link_local
    )
