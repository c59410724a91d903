"""The inbox that all mail addresses of the sandbox share: an SMTP server, and what shows what it took.

It takes every mail, in clear and from anybody, on loopback unless another host is named, and keeps the newest
in memory for whoever runs the sandbox to read, at ``GET /messages`` of its second port. Only the part of SMTP
that every client speaks is here (source: RFC 5321): no TLS, no log-in, no extension.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Final

import aiohttp
import msgspec
from aiohttp import web

LOOPBACK: Final = "127.0.0.1"
PATH: Final = "/messages"
KEPT_MAX: Final = 1000
LINE_MAX: Final = 4096
MAIL_BYTES_MAX: Final = 1 << 20
RECIPIENTS_MAX: Final = 100
_SECONDS_MAX: Final = 30.0
_PATH_ARGUMENT: Final = re.compile(r"(?:FROM|TO):\s*<([^<>\s]{0,254})>(?: .*)?", re.ASCII | re.IGNORECASE)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that somebody has got. ``number`` counts from 1, ``at`` is when, UTC."""

    number: int
    at: datetime
    to: list[str]
    sender: str
    subject: str
    text: str
    html: str


class _TooMuch(Exception):
    """A line or a mail without end."""


class _Session:
    """One client's conversation."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take: Callable[[list[str], bytes], bool],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._take = take
        self._sender: str | None = None
        self._recipients: list[str] = []

    async def run(self) -> None:
        """Answer until the client goes."""
        await self._say("220 bezant sandbox")
        while True:
            line = (await self._line()).rstrip(b"\r\n").decode("utf-8", "replace")
            verb, _, argument = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self._forget()
                    await self._say("250 bezant sandbox")
                case "MAIL":
                    await self._mail(argument)
                case "RCPT":
                    await self._recipient(argument)
                case "DATA":
                    await self._data()
                case "RSET":
                    self._forget()
                    await self._say("250 forgotten")
                case "NOOP":
                    await self._say("250 nothing done")
                case "QUIT":
                    await self._say("221 bye")
                    return
                case _:
                    await self._say("502 not known here")

    async def _mail(self, argument: str) -> None:
        found = _PATH_ARGUMENT.fullmatch(argument)
        if found is None:
            await self._say("501 no address")
            return
        self._forget()
        self._sender = found[1]
        await self._say("250 sender taken")

    async def _recipient(self, argument: str) -> None:
        found = _PATH_ARGUMENT.fullmatch(argument)
        if self._sender is None:
            await self._say("503 MAIL comes first")
        elif found is None or not found[1]:
            await self._say("501 no address")
        elif len(self._recipients) >= RECIPIENTS_MAX:
            await self._say("452 too many recipients")
        else:
            self._recipients.append(found[1])
            await self._say("250 recipient taken")

    async def _data(self) -> None:
        if not self._recipients:
            await self._say("503 RCPT comes first")
            return
        await self._say("354 go ahead, end with a dot on a line of its own")
        lines: list[bytes] = []
        size = 0
        while (line := await self._line()).rstrip(b"\r\n") != b".":
            size += len(line)
            if size > MAIL_BYTES_MAX:
                raise _TooMuch
            lines.append(line.removeprefix(b"."))
        taken = self._take(self._recipients, b"".join(lines))
        self._forget()
        await self._say("250 taken" if taken else "451 out of order, try again later")

    def _forget(self) -> None:
        self._sender, self._recipients = None, []

    async def _line(self) -> bytes:
        async with asyncio.timeout(_SECONDS_MAX):
            line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the client is gone")
        return line

    async def _say(self, text: str) -> None:
        self._writer.write(f"{text}\r\n".encode("ascii"))
        await self._writer.drain()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MailSandbox:
    """An inbox for tests, demos and integrators. A port of 0 means any free one.

    With ``refusing`` set to true it takes nothing, as a relay that is out of order.
    """

    def __init__(
        self,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        control_port: int = 0,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._host = host
        self._port = port
        self._control_port = control_port
        self._now = now
        self._numbers = itertools.count(1)
        self._server: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self.mails: deque[Mail] = deque(maxlen=KEPT_MAX)
        """What was taken, oldest first."""
        self.refusing = False

    async def start(self) -> None:
        """Listen. Raises ``OSError`` when a port is taken."""
        application = web.Application()
        application.add_routes([web.get(PATH, self._show), web.delete(PATH, self._clear)])
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.01)
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=LINE_MAX)
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._control_port).start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close everything at once."""
        server, self._server = self._server, None
        runner, self._runner = self._runner, None
        if server is not None:
            server.close()
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        if runner is not None:
            await runner.cleanup()

    @property
    def address(self) -> tuple[str, int]:
        """Where it takes mails, while started."""
        assert self._server is not None, "not started"
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def control_address(self) -> tuple[str, int]:
        """Where it shows them, while started."""
        assert self._runner is not None, "not started"
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        self._sessions.add(task)
        try:
            await _Session(reader, writer, self._take).run()
        except (OSError, ValueError, _TooMuch):
            pass  # gone, silent, or talking without end: a client of a sandbox is owed no explanation
        finally:
            self._sessions.discard(task)
            writer.close()

    def _take(self, recipients: list[str], content: bytes) -> bool:
        if self.refusing:
            return False
        message = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(content)
        self.mails.append(
            Mail(
                number=next(self._numbers),
                at=self._now(),
                to=recipients,
                sender=_head(message, "From"),
                subject=_head(message, "Subject"),
                text=_part(message, "plain"),
                html=_part(message, "html"),
            )
        )
        return True

    async def _show(self, request: web.Request) -> web.Response:
        wanted = request.query.get("to")
        found = [mail for mail in self.mails if wanted is None or wanted in mail.to]
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    async def _clear(self, _request: web.Request) -> web.Response:
        self.mails.clear()
        return web.Response(status=204)


def _head(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except Exception:  # noqa: BLE001 - the standard library's reader trips over odd heads in many ways
        return ""


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    try:
        return "" if part is None else str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, UnicodeError):
        return ""  # in a character set that nobody knows


class MailInbox:
    """Reads a running inbox. Raises ``OSError`` when nobody answers."""

    def __init__(self, control_address: tuple[str, int]) -> None:
        self._url = f"http://{control_address[0]}:{control_address[1]}{PATH}"

    async def mails(self, address: str | None = None) -> list[Mail]:
        """What was taken, oldest first, for one address or for all."""
        query = {} if address is None else {"to": address}
        return msgspec.json.decode(await self._ask("GET", query), type=list[Mail])

    async def clear(self) -> None:
        """Forget all."""
        await self._ask("DELETE", {})

    async def _ask(self, method: str, query: dict[str, str]) -> bytes:
        timeout = aiohttp.ClientTimeout(total=_SECONDS_MAX)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session,
                session.request(method, self._url, params=query) as answer,
            ):
                return await answer.read()
        except aiohttp.ClientError as trouble:
            raise ConnectionError("no inbox answered") from trouble
