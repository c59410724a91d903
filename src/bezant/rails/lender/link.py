"""HTTP to a lender. One request, one bounded answer, or a value that says precisely how much is known.

``NotSent`` when surely no byte of the request left us, ``Unresolved`` when one may have. Nothing is ever sent
twice, no redirect is followed, no proxy of the environment is used, and an answer is read no further than
``BODY_MAX`` bytes. Nothing here knows what a request is about.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import aiohttp
import structlog

from bezant.core.outcomes import NotSent, Unresolved
from bezant.core.sensitive import Secret
from bezant.rails.lender.codec import BODY_MAX

_CONNECTIONS_MAX: Final = 256
_IDLE_SECONDS: Final = 5.0
"""Shorter than servers keep a connection, so that a request seldom meets one that is being closed."""
_OK: Final = 200
_NOTHING_WRITTEN: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LenderLink:
    """A link to one lender. Without a ``url`` there is none, and nothing is ever sent.

    ``url`` is what the protocol's paths are appended to, ``token`` what proves us, if anything has to.
    """

    def __init__(
        self,
        url: str | None,
        *,
        token: Secret | None = None,
        connect_timeout_seconds: float = 5.0,
        read_timeout_seconds: float = 10.0,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._url = url.rstrip("/") if url else None
        self._token = token
        self._connect_timeout = connect_timeout_seconds
        self._read_timeout = read_timeout_seconds
        self._now = now
        self._session: aiohttp.ClientSession | None = None
        self._asking = 0

    @property
    def in_flight(self) -> int:
        """Requests that wait for their answers."""
        return self._asking

    async def stop(self) -> None:
        """Close the connections. What still waits for an answer is unresolved."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(
        self, path: str, body: bytes, *, deadline_at: datetime | None = None
    ) -> bytes | Unresolved | NotSent:
        """Post a JSON body and give the answer's. Past ``deadline_at`` (UTC) nothing is written."""
        if self._url is None:
            return NotSent(cause="no connection")
        connect_seconds = self._connect_timeout
        if deadline_at is not None:
            connect_seconds = min(connect_seconds, (deadline_at - self._now()).total_seconds())
            if connect_seconds <= 0:
                return NotSent(cause="too late")
        timeout = aiohttp.ClientTimeout(
            # An answer that comes in drips may take as long as connecting and reading together.
            total=connect_seconds + self._read_timeout,
            connect=connect_seconds,
            sock_read=self._read_timeout,
        )
        self._asking += 1
        try:
            async with self._opened().post(
                self._url + path, data=body, headers=self._headers(), timeout=timeout, allow_redirects=False
            ) as answer:
                return await _read(answer)
        except _NOTHING_WRITTEN as trouble:
            log.warning("lender_not_reached", trouble=type(trouble).__name__)
            return NotSent(cause="no connection")
        except TimeoutError:
            return Unresolved(cause="time-out")
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            log.warning("lender_answer_lost", trouble=type(trouble).__name__)
            return Unresolved(cause="link lost")
        finally:
            self._asking -= 1

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made when it is first needed: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_MAX, keepalive_timeout=_IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return headers


async def _read(answer: aiohttp.ClientResponse) -> bytes | Unresolved:
    """The body of an answer that counts."""
    if answer.status != _OK:
        log.warning("lender_answer_unexpected", status=answer.status)
        return Unresolved(cause="status")
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > BODY_MAX:
            answer.close()
            return Unresolved(cause="garbled")
    return bytes(body)
