"""The sandbox's second listener, by which tests and tools ask for its books and hand it scripts.

Loopback TCP, one JSON object a line each way: ``{"command": "live", "terminal": "12345678"}`` is answered
by ``{"ok": true, ...}`` or ``{"ok": false, "error": "..."}``. The request types below are the protocol.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Protocol, cast

import msgspec

from bezant.rails.acquirer.sandbox.books import Books, Entry
from bezant.rails.acquirer.sandbox.scripts import BadScript, Scripts

LOOPBACK: Final = "127.0.0.1"
_LINE_MAX: Final = 1 << 16
_REPLY_MAX: Final = 1 << 26

After = Annotated[int, msgspec.Meta(ge=0)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class _Request(msgspec.Struct, tag_field="command", forbid_unknown_fields=True):
    pass


class PingRequest(_Request, tag="ping"):
    """Answer, and nothing else."""


class StatsRequest(_Request, tag="stats"):
    """Counters since the start."""


class BooksRequest(_Request, tag="books"):
    """Entries that have everything named, oldest first: those after ``after``, at most ``limit``."""

    terminal: str | None = None
    rrn: str | None = None
    state: str | None = None
    ask: str | None = None
    after: After = 0
    limit: Limit = 100


class LiveRequest(_Request, tag="live"):
    """What is in force: sums by terminal and ask, and a page of entries. Settled ones count, too."""

    terminal: str | None = None
    settled: bool = True
    after: After = 0
    limit: Limit = 1000


class TotalsRequest(_Request, tag="totals"):
    """Batches told, and what each terminal's next one would come to."""

    terminal: str | None = None


class ScriptRequest(_Request, tag="script"):
    """Add a script."""

    script: Any


class ScriptsRequest(_Request, tag="scripts"):
    """Scripts with steps left."""


class ClearRequest(_Request, tag="clear_scripts"):
    """Forget all scripts."""


Request = (
    PingRequest
    | StatsRequest
    | BooksRequest
    | LiveRequest
    | TotalsRequest
    | ScriptRequest
    | ScriptsRequest
    | ClearRequest
)


class Sandbox(Protocol):
    """What the control listener needs of a host."""

    books: Books
    scripts: Scripts

    def stats(self) -> Mapping[str, object]:
        """Its counters."""
        ...


def control_session(sandbox: Sandbox, *, opened: Callable[[asyncio.Transport], None]) -> asyncio.Protocol:
    """The server's side of one control connection. ``opened`` is told of its transport."""
    return _ControlSession(sandbox, opened=opened)


def _line_answer(sandbox: Sandbox, line: bytes) -> bytes:
    reply: Mapping[str, object]
    try:
        reply = {"ok": True, **_answer(sandbox, msgspec.json.decode(line, type=Request))}
    except (msgspec.MsgspecError, BadScript, RecursionError) as error:
        reply = {"ok": False, "error": str(error)}
    return msgspec.json.encode(reply) + b"\n"


def _answer(sandbox: Sandbox, request: Request) -> Mapping[str, object]:
    books, scripts = sandbox.books, sandbox.scripts
    reply: Mapping[str, object]
    match request:
        case PingRequest():
            reply = {}
        case StatsRequest():
            reply = {"stats": sandbox.stats()}
        case BooksRequest():
            page = books.listed(
                terminal=request.terminal,
                reference=request.rrn,
                state=request.state,
                ask=request.ask,
                after=request.after,
                limit=request.limit,
            )
            reply = _paged(page, request.limit)
        case LiveRequest():
            reply = _live(books, request)
        case TotalsRequest():
            unsettled = [
                {"merchant": merchant, "terminal": terminal, **msgspec.structs.asdict(sums)}
                for (merchant, terminal), sums in books.unsettled(request.terminal).items()
            ]
            reply = {"unsettled": unsettled, "batches": books.batches(request.terminal)}
        case ScriptRequest():
            reply = {"number": scripts.add(request.script)}
        case ScriptsRequest():
            reply = {"scripts": scripts.listed()}
        case ClearRequest():
            reply = {"cleared": scripts.clear()}
    return reply


def _live(books: Books, request: LiveRequest) -> Mapping[str, object]:
    sums: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    page: list[Entry] = []
    for entry in books.in_force(terminal=request.terminal, settled=request.settled):
        total = sums[entry.terminal][entry.ask]
        total[0] += 1
        total[1] += entry.approved
        if entry.sequence > request.after and len(page) < request.limit:
            page.append(entry)
    terminals = {
        terminal: {ask: {"count": count, "amount": amount} for ask, (count, amount) in asks.items()}
        for terminal, asks in sums.items()
    }
    return {"terminals": terminals, **_paged(page, request.limit)}


def _paged(page: list[Entry], limit: int) -> Mapping[str, object]:
    return {
        "entries": [msgspec.structs.asdict(entry) for entry in page],
        "next": page[-1].sequence if len(page) == limit else None,
    }


class _ControlSession(asyncio.Protocol):
    def __init__(self, sandbox: Sandbox, *, opened: Callable[[asyncio.Transport], None]) -> None:
        self._sandbox = sandbox
        self._opened = opened
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._opened(self._transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._transport.write(_line_answer(self._sandbox, line))
        if len(self._rest) > _LINE_MAX:
            self._transport.abort()


class ControlRefused(Exception):
    """The sandbox did not take a command. The text says why."""


class SandboxControl:
    """Asks a running sandbox. A connection a call, so it survives restarts of the sandbox.

    Entries come as dictionaries with the fields of ``books.Entry``. Raises ``ControlRefused`` for a
    command that is not taken, ``OSError`` when nobody answers.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def ping(self) -> None:
        """Return if the sandbox answers."""
        await self._ask("ping")

    async def stats(self) -> dict[str, Any]:
        """Counters since the start: messages by type, garbled ones, connections, entries."""
        return cast("dict[str, Any]", (await self._ask("stats"))["stats"])

    async def books(self, **filters: str) -> list[dict[str, Any]]:
        """All entries that match ``terminal``, ``rrn``, ``state``, ``ask``, oldest first."""
        _, entries = await self._pages("books", filters)
        return entries

    async def live(self, terminal: str | None = None, *, settled: bool = True) -> dict[str, Any]:
        """What is approved and not reversed: ``terminals`` → ask → count and amount; ``entries``."""
        terminals, entries = await self._pages("live", {"terminal": terminal, "settled": settled})
        return {"terminals": terminals, "entries": entries}

    async def totals(self, terminal: str | None = None) -> dict[str, Any]:
        """``batches`` told so far, and what is ``unsettled``."""
        return await self._ask("totals", terminal=terminal)

    async def script(
        self, *steps: Mapping[str, object], match: Mapping[str, object] | None = None, repeat: bool = False
    ) -> int:
        """Add a script; its number."""
        script = {"match": match or {}, "steps": steps, "repeat": repeat}
        return cast("int", (await self._ask("script", script=script))["number"])

    async def scripts(self) -> list[dict[str, Any]]:
        """Scripts with steps left."""
        return cast("list[dict[str, Any]]", (await self._ask("scripts"))["scripts"])

    async def clear_scripts(self) -> int:
        """Forget all scripts; how many there were."""
        return cast("int", (await self._ask("clear_scripts"))["cleared"])

    async def _pages(
        self, command: str, filters: Mapping[str, object]
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """All pages of a listing, and the sums that came with the last."""
        entries: list[dict[str, Any]] = []
        after: int | None = 0
        reply: dict[str, Any] = {}
        while after is not None:
            reply = await self._ask(command, after=after, limit=1000, **filters)
            entries += reply["entries"]
            after = reply["next"]
        return reply.get("terminals", {}), entries

    async def _ask(self, command: str, **arguments: object) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection(*self._address, limit=_REPLY_MAX)
        try:
            writer.write(msgspec.json.encode({"command": command, **arguments}) + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
        if not line:
            message = "the sandbox hung up"
            raise ConnectionResetError(message)
        reply = cast("dict[str, Any]", msgspec.json.decode(line))
        if not reply.pop("ok"):
            raise ControlRefused(reply["error"])
        return reply
