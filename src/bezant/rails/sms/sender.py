"""Reaches phones: one POST of a JSON object to a gateway that sends text messages.

``{"to": "01220422223", "text": "..."}``, with a bearer token where one is set; any 2xx means taken (source:
our choice). Trouble is a value. What is sent stands in no log: it holds one-time passwords.

Fulfils the ``Texts`` port of consumer finance, where a text is sent at most once, for a customer who gets
none asks for another; and the ``PostsTexts`` port of deliveries, which try again.
"""

from __future__ import annotations

from typing import Final

import aiohttp
import msgspec
import structlog

from bezant.core.deliveries import NOT_SET_UP, Answered, Fate, Text, Unreachable
from bezant.core.sensitive import Secret

SECONDS_MAX: Final = 5.0
_CONNECTIONS_MAX: Final = 64
_TAKEN: Final = range(200, 300)

log = structlog.get_logger()


class NoTexts:
    """Where no gateway is set: nobody takes anything."""

    async def send(self, *, phone: str, text: Secret) -> bool:  # noqa: ARG002 - the port's
        """Never taken."""
        return False

    async def post(self, text: Text) -> Fate:  # noqa: ARG002 - the port's
        """Never taken."""
        return NOT_SET_UP

    async def stop(self) -> None:
        """Nothing to let go of."""


class HttpTexts:
    """Posts texts to ``url``. ``token`` proves us, if anything has to."""

    def __init__(
        self,
        url: str,
        *,
        token: Secret | None = None,
        timeout_seconds: float = SECONDS_MAX,
    ) -> None:
        self._url = url
        self._token = token
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def stop(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(self, *, phone: str, text: Secret) -> bool:
        """Whether the gateway has taken it."""
        fate = await self._post(phone, text.reveal())
        return isinstance(fate, Answered) and fate.status in _TAKEN

    async def post(self, text: Text) -> Fate:
        """Hand a text message over once."""
        return await self._post(text.to, text.text)

    async def _post(self, phone: str, text: str) -> Fate:
        """What the gateway said. Its answer's body is not read."""
        headers = {"Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        body = msgspec.json.encode({"to": phone, "text": text})
        try:
            async with self._opened().post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status not in _TAKEN:
                    log.warning("text_not_taken", status=answer.status)
                return Answered(status=answer.status)
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            # The text may have gone out all the same, which does no harm.
            log.warning("text_not_taken", trouble=type(trouble).__name__)
            return Unreachable(cause="time-out" if isinstance(trouble, TimeoutError) else "not reached")

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made when it is first needed: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=5.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
            )
        return self._session
