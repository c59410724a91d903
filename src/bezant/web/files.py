"""Static files, and the self-check: what a monitor asks for, to learn whether anybody has changed the pages.

Templates and static files are read at the start and served from memory. The check reads them again, compares
them with what is served, and hashes that together with the headers: a monitor alerts when ``intact`` is
false, or when ``digest`` changes although nothing was installed (PCI DSS 6.4.3 and 11.6.1 ask for it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from bezant import __version__
from bezant.web.answers import FRAMED, PageResponse, security_headers
from bezant.web.assets import sorted_files
from bezant.web.site import Site

FOREVER: Final = "public, max-age=31536000, immutable"
_FOLDERS: Final = ("locales", "static", "templates")


class FilePages:
    """Static files and the self-check."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._served = _hashes()

    async def asset(self, request: Request) -> PageResponse:
        """GET: a static file under the name that carries its hash."""
        asset = self._site.assets.at(request.url.path)
        if asset is None:
            return self._site.missing(request)
        packed = "gzip" in request.headers.get("accept-encoding", "")
        return PageResponse(
            asset.packed if packed else asset.content,
            outcome="file",
            media_type=asset.content_type,
            headers={
                **security_headers(secure=self._site.secure),
                "cache-control": FOREVER,
                "vary": "accept-encoding",
                **({"content-encoding": "gzip"} if packed else {}),
            },
        )

    async def check(self, _request: Request) -> PageResponse:
        """GET: whether templates, static files and catalogues are those that are served; their hashes."""
        found = _hashes()
        changed = sorted(
            name for name in found.keys() | self._served.keys() if found.get(name) != self._served.get(name)
        )
        headers = {
            "page": security_headers(secure=self._site.secure),
            "frame": security_headers(policy=FRAMED, secure=self._site.secure),
        }
        facts = {"version": __version__, "files": self._served, "headers": headers}
        report = {"intact": not changed, "changed": changed, "digest": _digest(facts), **facts}
        return PageResponse(
            json.dumps(report, indent=1),
            status=500 if changed else 200,
            outcome="changed" if changed else "intact",
            media_type="application/json",
            headers=security_headers(secure=self._site.secure),
        )


def _hashes() -> dict[str, str]:
    """SHA-256 of every file that pages are made of, in hex, by folder and name."""
    return {
        f"{folder}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in _FOLDERS
        for file in sorted_files(folder)
    }


def _digest(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
