"""The sandbox's second listener, by which tests and tools ask for its books and hand it scripts.

HTTP on loopback, one JSON object a request: ``{"command": "entries"}`` posted to ``/`` is answered by
``{"ok": true, ...}`` or ``{"ok": false, "error": "..."}``. The request types below are the protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Protocol, cast

import aiohttp
import msgspec
from aiohttp import web

from bezant.rails.lender.codec import Minor, Phone
from bezant.rails.lender.sandbox.books import LIMIT, WALLET, Books
from bezant.rails.lender.sandbox.plans import PlanTable
from bezant.rails.lender.sandbox.scripts import BadScript, Scripts

_SECONDS_MAX: Final = 30.0


class _Request(msgspec.Struct, tag_field="command", forbid_unknown_fields=True):
    pass


class PingRequest(_Request, tag="ping"):
    """Answer with the counters since the start."""


class EntriesRequest(_Request, tag="entries"):
    """Entries, of one program or of all, and what is wrong with the books."""

    program: str | None = None


class RegisterRequest(_Request, tag="register"):
    """Make a customer known."""

    phone: Phone
    limit: Minor = LIMIT
    wallet: Minor = WALLET
    cashback: Minor = WALLET


class OfferRequest(_Request, tag="offer"):
    """Have other plans, for one program or for all that have none of their own."""

    table: PlanTable
    program: Annotated[str, msgspec.Meta(max_length=100)] = ""


class ScriptRequest(_Request, tag="script"):
    """Add a script."""

    script: Any


class ClearRequest(_Request, tag="clear_scripts"):
    """Forget all scripts."""


class ResetRequest(_Request, tag="reset"):
    """Begin with empty books, and no scripts."""


Request = (
    PingRequest
    | EntriesRequest
    | RegisterRequest
    | OfferRequest
    | ScriptRequest
    | ClearRequest
    | ResetRequest
)


class Sandbox(Protocol):
    """What the control listener needs of a host."""

    scripts: Scripts

    @property
    def books(self) -> Books:
        """Its books."""
        ...

    @property
    def seen(self) -> Mapping[str, int]:
        """Requests since the start, by what they asked."""
        ...


def control_handler(sandbox: Sandbox) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What answers the control listener's requests."""

    async def answer(request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=Request)
            told = {"ok": True, **_told(sandbox, asked)}
        except (msgspec.MsgspecError, BadScript, ValueError, RecursionError) as error:
            told = {"ok": False, "error": str(error)}
        return web.Response(body=msgspec.json.encode(told), content_type="application/json")

    return answer


def _told(sandbox: Sandbox, request: Request) -> Mapping[str, object]:
    match request:
        case PingRequest():
            return {"seen": dict(sandbox.seen)}
        case EntriesRequest(program=program):
            return {"entries": sandbox.books.entries(program), "wrong": sandbox.books.wrong()}
        case RegisterRequest(phone=phone, limit=limit, wallet=wallet, cashback=cashback):
            sandbox.books.register(phone, limit=limit, wallet=wallet, cashback=cashback)
        case OfferRequest(table=table, program=program):
            sandbox.books.offer(table, program)
        case ScriptRequest(script=script):
            sandbox.scripts.add(script)
        case ClearRequest():
            return {"cleared": sandbox.scripts.clear()}
        case ResetRequest():
            sandbox.books.reset()
            sandbox.scripts.clear()
    return {}


class ControlRefused(Exception):
    """The sandbox did not take a command. The text says why."""


class LenderControl:
    """Asks a running sandbox. A connection a call, so it survives restarts of the sandbox.

    Raises ``ControlRefused`` for a command that is not taken, ``OSError`` when nobody answers.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._url = f"http://{address[0]}:{address[1]}/"

    async def seen(self) -> dict[str, int]:
        """Requests since the start, by what they asked: customer, plans, loan, return, inquiry."""
        return cast("dict[str, int]", (await self._ask("ping"))["seen"])

    async def entries(self, program: str | None = None) -> list[dict[str, Any]]:
        """What the lender carried out, oldest first: ``reference``, ``kind``, ``code``, ``amount``, ..."""
        return cast("list[dict[str, Any]]", (await self._ask("entries", program=program))["entries"])

    async def wrong(self) -> list[str]:
        """What is wrong with its books."""
        return cast("list[str]", (await self._ask("entries"))["wrong"])

    async def register(self, phone: str, **amounts: int) -> None:
        """Make a customer known; ``limit``, ``wallet`` and ``cashback`` in minor units."""
        await self._ask("register", phone=phone, **amounts)

    async def offer(self, *, months: tuple[int, ...], basis_points: int = 500, program: str = "") -> None:
        """Have other plans from now on, for one program or for all that have none of their own."""
        await self._ask("offer", table={"months": months, "basis_points": basis_points}, program=program)

    async def script(
        self, *steps: Mapping[str, object], match: Mapping[str, object] | None = None, repeat: bool = False
    ) -> None:
        """Add a script."""
        await self._ask("script", script={"match": match or {}, "steps": steps, "repeat": repeat})

    async def clear_scripts(self) -> int:
        """Forget all scripts; how many had steps left."""
        return cast("int", (await self._ask("clear_scripts"))["cleared"])

    async def reset(self) -> None:
        """Begin with empty books."""
        await self._ask("reset")

    async def _ask(self, command: str, **arguments: object) -> dict[str, Any]:
        body = msgspec.json.encode({"command": command, **arguments})
        timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body) as answer,
            ):
                reply = cast("dict[str, Any]", msgspec.json.decode(await answer.read()))
        except (aiohttp.ClientError, msgspec.MsgspecError) as trouble:
            raise ConnectionError("no sandbox lender answered") from trouble
        if not reply.pop("ok", False):
            raise ControlRefused(reply.get("error", ""))
        return reply
