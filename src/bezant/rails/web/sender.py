"""Fulfils the ``Sender`` port: one POST, no redirect, a bounded answer, and a veto on where it goes.

What the other side says beside its status is read no further than needed to keep the connection in order,
and kept nowhere.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import aiohttp
import structlog

from bezant.core.deliveries import Fate, Parcel, Unreachable
from bezant.core.deliveries.model import fate_of
from bezant.rails.web.guard import Guard, NotAllowed

CONNECTIONS_MAX: Final = 64
ANSWER_BYTES_MAX: Final = 64 * 1024
SECONDS_MAX: Final = 10.0

log = structlog.get_logger()


class WebSender:
    """Posts to wherever ``guard`` lets it."""

    def __init__(self, guard: Guard, *, timeout_seconds: float = SECONDS_MAX) -> None:
        self._guard = guard
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def stop(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, parcel: Parcel) -> Fate:
        """Post a parcel once."""
        try:
            self._guard.check_url(parcel.url)
            async with self._opened().post(
                parcel.url,
                data=parcel.body,
                headers={"Content-Type": parcel.content_type, "Accept-Encoding": "identity"},
                allow_redirects=False,
            ) as answer:
                await _read(answer)
                return fate_of(answer.status)
        except NotAllowed:
            log.warning("notice not allowed there")
            return Unreachable(cause="not allowed")
        except TimeoutError:
            return Unreachable(cause="time-out")
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as trouble:
            refused = isinstance(getattr(trouble, "os_error", None), NotAllowed)
            return Unreachable(cause="not allowed" if refused else "not reached")

    def _opened(self) -> aiohttp.ClientSession:
        """The session, made when it is first needed: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS_MAX,
                    # Each try asks for its address anew, and none is reached over a connection of another.
                    force_close=True,
                    use_dns_cache=False,
                    socket_factory=self._socket,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _socket(self, found: tuple[Any, ...]) -> socket.socket:
        """A socket for an address that was found, or a veto: names and literals alike end up here."""
        family, kind, protocol, _, place = found
        self._guard.check_address(str(place[0]))
        return socket.socket(family=family, type=kind, proto=protocol)


async def _read(answer: aiohttp.ClientResponse) -> None:
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            answer.close()
            return
