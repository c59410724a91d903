"""The sandbox's second listener, by which tests and tools ask for its books and hand it scripts.

Loopback TCP, one JSON object a line each way: ``{"command": "entries"}`` is answered by ``{"ok": true, ...}``
or ``{"ok": false, "error": "..."}``. The request types below are the protocol.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from bezant.rails.gift.sandbox.books import Books
from bezant.rails.gift.sandbox.scripts import BadScript, Scripts

_LINE_MAX: Final = 1 << 16
_REPLY_MAX: Final = 1 << 26


class _Request(msgspec.Struct, tag_field="command", forbid_unknown_fields=True):
    pass


class PingRequest(_Request, tag="ping"):
    """Answer with the counters since the start."""


class CardRequest(_Request, tag="card"):
    """A card of a program."""

    program: str
    number: str


class EntriesRequest(_Request, tag="entries"):
    """Entries, of one program or of all, and what is wrong with the books."""

    program: str | None = None


class ScriptRequest(_Request, tag="script"):
    """Add a script."""

    script: Any


class ClearRequest(_Request, tag="clear_scripts"):
    """Forget all scripts."""


Request = PingRequest | CardRequest | EntriesRequest | ScriptRequest | ClearRequest


class Sandbox(Protocol):
    """What the control listener needs of a host."""

    scripts: Scripts

    @property
    def seen(self) -> Mapping[str, int]:
        """Requests since the start, by what they asked."""
        ...

    @property
    def books(self) -> Books:
        """Its cards and entries."""
        ...

    def opened(self, transport: asyncio.Transport) -> None:
        """Take note of a connection."""
        ...


def control_session(sandbox: Sandbox) -> Callable[[], asyncio.Protocol]:
    """Makes the server's side of control connections."""
    return lambda: _ControlSession(sandbox)


def _answer(sandbox: Sandbox, line: bytes) -> bytes:
    try:
        reply = {"ok": True, **_told(sandbox, msgspec.json.decode(line, type=Request))}
    except (msgspec.MsgspecError, BadScript, RecursionError) as error:
        reply = {"ok": False, "error": str(error)}
    return msgspec.json.encode(reply) + b"\n"


def _told(sandbox: Sandbox, request: Request) -> Mapping[str, object]:
    match request:
        case PingRequest():
            return {"seen": dict(sandbox.seen)}
        case CardRequest(program=program, number=number):
            return {"card": sandbox.books.card(program, number)}
        case EntriesRequest(program=program):
            return {"entries": sandbox.books.entries(program), "wrong": sandbox.books.wrong()}
        case ScriptRequest(script=script):
            sandbox.scripts.add(script)
            return {}
        case ClearRequest():
            return {"cleared": sandbox.scripts.clear()}


class _ControlSession(asyncio.Protocol):
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sandbox.opened(self._transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._transport.write(_answer(self._sandbox, line))
        if len(self._rest) > _LINE_MAX:
            self._transport.abort()


class ControlRefused(Exception):
    """The sandbox did not take a command. The text says why."""


class GiftControl:
    """Asks a running sandbox. A connection a call, so it survives restarts of the sandbox.

    Raises ``ControlRefused`` for a command that is not taken, ``OSError`` when nobody answers.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def seen(self) -> dict[str, int]:
        """Requests since the start, by what they asked."""
        return cast("dict[str, int]", (await self._ask("ping"))["seen"])

    async def card(self, program: str, number: str) -> dict[str, Any] | None:
        """``balance`` (minor units), ``active`` and ``last4`` of a card."""
        reply = await self._ask("card", program=program, number=number)
        return cast("dict[str, Any] | None", reply["card"])

    async def entries(self, program: str | None = None) -> list[dict[str, Any]]:
        """What the host carried out, oldest first."""
        return cast("list[dict[str, Any]]", (await self._ask("entries", program=program))["entries"])

    async def wrong(self) -> list[str]:
        """What is wrong with its books."""
        return cast("list[str]", (await self._ask("entries"))["wrong"])

    async def script(
        self, *steps: Mapping[str, object], match: Mapping[str, object] | None = None, repeat: bool = False
    ) -> None:
        """Add a script."""
        await self._ask("script", script={"match": match or {}, "steps": steps, "repeat": repeat})

    async def clear_scripts(self) -> int:
        """Forget all scripts; how many had steps left."""
        return cast("int", (await self._ask("clear_scripts"))["cleared"])

    async def _ask(self, command: str, **arguments: object) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection(*self._address, limit=_REPLY_MAX)
        try:
            writer.write(msgspec.json.encode({"command": command, **arguments}) + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            raise ConnectionResetError("the sandbox hung up")
        reply = cast("dict[str, Any]", msgspec.json.decode(line))
        if not reply.pop("ok"):
            raise ControlRefused(reply["error"])
        return reply
