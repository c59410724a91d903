"""QR codes of payment links, to be shown on a screen or printed."""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final

import segno
from starlette.requests import Request

from bezant.core.invoices import Invoices, State
from bezant.web.answers import PageResponse, security_headers
from bezant.web.site import Site

_SCALE: Final = 10
_QUIET_ZONE: Final = 4
"""Modules around the code, as its standard wants them."""
_TYPES: Final = {"svg": "image/svg+xml", "png": "image/png"}
_MANNER: Final[dict[str, dict[str, Any]]] = {"svg": {"svgclass": None, "lineclass": None}, "png": {}}


class CodePages:
    """The QR codes of payment links."""

    def __init__(self, site: Site, invoices: Invoices) -> None:
        self._site = site
        self._invoices = invoices

    async def code(self, request: Request) -> PageResponse:
        """GET: the code of a link that can be paid, as ``svg`` or ``png``."""
        view = await self._invoices.open(request.path_params["uid"])
        kind = request.path_params["kind"]
        if view is None or kind not in _TYPES:
            return self._site.missing(request)
        if view.state is not State.PENDING:
            return self._site.over(request)
        link = self._site.absolute(f"/pay/{view.invoice.uid}")
        return PageResponse(
            drawn(link, kind),
            outcome=kind,
            media_type=_TYPES[kind],
            headers={
                **security_headers(policy=_IMAGE, secure=self._site.secure),
                # Shops show it in pages of their own.
                "cross-origin-resource-policy": "cross-origin",
            },
        )


_IMAGE: Final = {"script-src": "'none'", "style-src": "'none'", "img-src": "'none'"}


def drawn(text: str, kind: str) -> bytes:
    """A QR code of a text that a scanner reads with up to a seventh of it lost."""
    file = BytesIO()
    code = segno.make_qr(text, error="m")
    code.save(file, kind=kind, scale=_SCALE, border=_QUIET_ZONE, **_MANNER[kind])
    return file.getvalue()
