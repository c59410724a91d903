"""A payer without a browser: opens links and sends forms, right ones and others."""

from __future__ import annotations

import html
import http.client
import re
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from tests.support.browser import VISA, new_address
from tests.support.gateway import Gateway, NoAnswer

CARD: Final = {"card_number": VISA, "expiry": "1236", "code": "999", "holder": "Ada Lovelace"}
_STATE: Final = re.compile(r'name="state" value="([^"]*)"')


class Page(NamedTuple):
    """What was answered; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


class Visitor:
    """Somebody at an address of its own, who keeps cookies; ``headers`` go with every request.

    Whatever it asks for raises ``NoAnswer`` where none comes.
    """

    def __init__(self, gateway: Gateway, **headers: str) -> None:
        place = urlsplit(gateway.base_url)
        self._connection = http.client.HTTPConnection(str(place.hostname), int(place.port or 0), timeout=30)
        self._headers = {**new_address(), **headers}
        self.cookies: dict[str, str] = {}

    def get(self, target: str) -> Page:
        """GET a path and query."""
        return self._ask("GET", target)

    def form(self, uid: str) -> dict[str, str]:
        """Open a link; the fields of its form, filled in."""
        page = self.get(f"/pay/{uid}")
        found = _STATE.search(page.body)
        assert page.status == 200, page
        assert found is not None
        return {"state": html.unescape(found[1]), **CARD}

    def send(self, target: str, fields: dict[str, str] | str, **headers: str) -> Page:
        """POST a form to a path and query; a text is sent as it is."""
        body = fields if isinstance(fields, str) else urlencode(fields)
        content = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return self._ask("POST", target, body, **{**content, **headers})

    def pay(self, uid: str, /, **fields: str) -> Page:
        """Open a link, and pay it with these fields changed."""
        return self.send(f"/pay/{uid}", {**self.form(uid), **fields})

    def hang_up(self) -> None:
        """Let go of the connection, as browsers do whose server went away; the next request makes another."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def _ask(self, method: str, target: str, body: str | None = None, **headers: str) -> Page:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**self._headers, **({"cookie": cookies} if cookies else {}), **headers}
        try:
            self._connection.request(method, target, body, sent)
            response = self._connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as trouble:
            self.hang_up()
            raise NoAnswer(trouble) from None
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Page(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
