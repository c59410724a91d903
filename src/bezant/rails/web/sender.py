"""Fulfils the ``Sender`` port: one POST, no redirect, a bounded answer, and a veto on where it goes.

What the other side says beside its status is read no further than needed to keep the connection in order,
and kept nowhere.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any, Final

import aiohttp
import structlog

from bezant.core.deliveries import Answered, Fate, Parcel, Unreachable
from bezant.rails.web.guard import Guard, NotAllowed

CONNECTIONS_MAX: Final = 64
ANSWER_BYTES_MAX: Final = 64 * 1024
SECONDS_MAX: Final = 10.0

log = structlog.get_logger()


class WebSender:
    """Posts to the internet; with ``loopback_for_sandboxes``, for sandbox merchants to this machine, too."""

    def __init__(self, *, loopback_for_sandboxes: bool = False, timeout_seconds: float = SECONDS_MAX) -> None:
        self._loopback_for_sandboxes = loopback_for_sandboxes
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._sessions: dict[Guard, aiohttp.ClientSession] = {}

    async def stop(self) -> None:
        """Close the connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def post(self, parcel: Parcel) -> Fate:
        """Post a parcel once."""
        guard = Guard(allow_loopback=self._loopback_for_sandboxes and parcel.sandbox)
        try:
            guard.check_url(parcel.url)
            async with self._session(guard).post(
                parcel.url,
                data=parcel.body,
                headers=[
                    *((name, value.reveal()) for name, value in parcel.headers),
                    ("Content-Type", parcel.content_type),
                    ("Accept-Encoding", "identity"),
                ],
                allow_redirects=False,
            ) as answer:
                await _read(answer)
                return Answered(status=answer.status)
        except NotAllowed:
            log.warning("notice not allowed there")
            return Unreachable(cause="not allowed")
        except TimeoutError:
            return Unreachable(cause="time-out")
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as trouble:
            refused = isinstance(getattr(trouble, "os_error", None), NotAllowed)
            return Unreachable(cause="not allowed" if refused else "not reached")

    def _session(self, guard: Guard) -> aiohttp.ClientSession:
        """The session of a guard, made when it is first needed: it belongs to the loop that runs then."""
        if guard not in self._sessions:
            self._sessions[guard] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS_MAX,
                    # Each try asks for its address anew, and none is reached over a connection of another.
                    force_close=True,
                    use_dns_cache=False,
                    socket_factory=partial(_socket, guard),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[guard]


def _socket(guard: Guard, found: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that was found, or a veto: names and literals alike end up here."""
    family, kind, protocol, _, place = found
    guard.check_address(str(place[0]))
    return socket.socket(family=family, type=kind, proto=protocol)


async def _read(answer: aiohttp.ClientResponse) -> None:
    size = 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            answer.close()
            return
