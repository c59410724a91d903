"""Answers to browsers: the headers that every page is sent with, and what may be said of it in logs.

A page may load its own style sheet and script and nothing else; it is framed by nobody, stored by nobody, and
tells no other site that it was here: the address of a payment link is a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

_COMMON: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
_POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "require-trusted-types-for": "'script'",
}
FRAMED: Final[Mapping[str, str]] = {"connect-src": "'self'", "form-action": "'none'", "frame-ancestors": "*"}
"""What differs for the card fields that shops put into pages of their own: they are framed, and fetch."""
_TRANSPORT: Final = "max-age=31536000; includeSubDomains"


def security_headers(*, policy: Mapping[str, str] | None = None, secure: bool = False) -> dict[str, str]:
    """The headers of a page. ``policy`` replaces directives; ``secure``: payers come by TLS only."""
    directives = {**_POLICY, **(policy or {})}
    headers = {
        **_COMMON,
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in directives.items()),
    }
    if directives["frame-ancestors"] == "'none'":
        headers |= {"x-frame-options": "DENY", "cross-origin-resource-policy": "same-origin"}
    if secure:
        headers["strict-transport-security"] = _TRANSPORT
    return headers


class PageResponse(Response):
    """An answer and, for logs and metrics, how the request ended: a word from a short list."""

    def __init__(
        self,
        content: str | bytes = b"",
        *,
        status: int = 200,
        outcome: str,
        media_type: str = "text/html; charset=utf-8",
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(content, status_code=status, media_type=media_type, headers=dict(headers))
        self.outcome = outcome
