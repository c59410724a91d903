"""What merchants chose for their pages: a store's logo, and style sheets of one rule for a colour.

A page may have no styles of its own, so a colour comes as a file that its address tells whole: nothing is
looked up for it, and it never changes. A logo's address holds the hash of what it is.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

from bezant.core.merchants import BadFacts, Logo, colour_of
from bezant.web.answers import PageResponse, security_headers
from bezant.web.files import FOREVER
from bezant.web.site import Site
from bezant.web.wording import Paint

FindLogo = Callable[[int, int], Awaitable[Logo | None]]
"""The logo of a merchant's store, by their ids."""
_LOGO: Final = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{1,15})-([0-9a-f]{32}\.(?:png|jpeg|webp))", re.ASCII)
_COLOUR: Final = re.compile(r"[0-9a-f]{6}", re.ASCII)
_PICTURE: Final = "default-src 'none'; sandbox"


class BrandPages:
    """Logos and style sheets of colours."""

    def __init__(self, site: Site, logo: FindLogo) -> None:
        self._site = site
        self._logo = logo

    async def colour(self, request: Request, paint: Paint) -> PageResponse:
        """GET: the style sheet of a colour that a merchant could have chosen for that."""
        digits = request.path_params["digits"]
        try:
            colour = colour_of(f"#{digits}") if _COLOUR.fullmatch(digits) else None
        except BadFacts:
            colour = None
        if colour is None:
            return self._site.missing(request)
        return PageResponse(
            paint.sheet(colour).content,
            outcome="colour",
            media_type="text/css; charset=utf-8",
            headers={**security_headers(secure=self._site.secure), "cache-control": FOREVER},
        )

    async def logo(self, request: Request) -> PageResponse:
        """GET: a logo, as long as it is the store's."""
        parts = _LOGO.fullmatch(request.path_params["name"])
        found = await self._logo(int(parts[1], 16), int(parts[2], 16)) if parts else None
        if parts is None or found is None or found.name != parts[3]:
            return self._site.missing(request)
        return PageResponse(
            found.content,
            outcome="logo",
            media_type=f"image/{found.kind}",
            headers={
                **security_headers(secure=self._site.secure),
                "content-security-policy": _PICTURE,
                "cache-control": FOREVER,
            },
        )
