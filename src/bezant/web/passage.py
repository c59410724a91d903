"""Card fields for shops' own pages: the shop never sees a card number, it gets a token.

A shop puts our script into its page (source: public clients), which puts a frame of ours there. The frame has
the card's fields, and asks the API for a token with the shop's client token; the shop's form gets the token.
Another script, by another vendor's name, asks for a token with the fields that the shop drew itself.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from bezant.web.answers import FRAMED, PageResponse, security_headers
from bezant.web.site import Site

SCRIPT_PATHS: Final = ("/V1/js/Passage.min.js", "/V2/js/Passage.min.js")
FIELDS_SCRIPT_PATH: Final = "/ftd/v1/freedomtodesign.js"
FRAME_PATH: Final = "/passage/fields"
_FRESH_SECONDS: Final = 300


class PassagePages:
    """The script and the frame."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def script(self, _request: Request) -> PageResponse:
        """GET: the script that puts the frame into a page."""
        return self._script("passage.js")

    async def fields_script(self, _request: Request) -> PageResponse:
        """GET: the script for a page that has fields of its own."""
        return self._script("fields.js")

    def _script(self, name: str) -> PageResponse:
        """A script that shops include. Its address is the vendor's, so its name there carries no hash."""
        return PageResponse(
            self._site.assets[name].content,
            outcome="script",
            media_type="text/javascript; charset=utf-8",
            headers={
                **security_headers(secure=self._site.secure),
                "access-control-allow-origin": "*",
                "cache-control": f"public, max-age={_FRESH_SECONDS}",
                "cross-origin-resource-policy": "cross-origin",
            },
        )

    async def frame(self, request: Request) -> PageResponse:
        """GET: the card's fields, to be framed by any shop. Without a client token they are of no use."""
        response = self._site.draw(
            "frame.html", None, language=self._site.language(request), outcome="frame", policy=FRAMED
        )
        response.headers["cross-origin-resource-policy"] = "cross-origin"
        del response.headers["cross-origin-opener-policy"]
        return response
