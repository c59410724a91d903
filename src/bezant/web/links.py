"""Where a merchant sends payers on to: only over HTTP, exactly as it was given, or not at all."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_ADDRESS: Final = re.compile(
    r"https?://(?:[0-9A-Z.-]{1,253}|\[[0-9A-F:.]{2,45}\])(?::[0-9]{1,5})?"
    r"(?:[/?#][!#$%&'()*+,./0-9:;=?@A-Z\[\]_~-]*)?",
    re.ASCII | re.IGNORECASE,
)
_LENGTH_MAX: Final = 2000


def onward(*candidates: str | None) -> str:
    """The first that was given, unchanged, if a browser may be sent there; else nothing.

    Refused are other schemes than HTTP's, addresses without a host or with a user, and whatever is not plain
    ASCII.
    """
    given = next((url for url in candidates if url), "")
    return given if host_of(given) else ""


def host_of(url: str) -> str:
    """The host that such an address names, in lower case; nothing for one that nobody is sent to."""
    if len(url) > _LENGTH_MAX or _ADDRESS.fullmatch(url) is None:
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    return host or ""
