"""A connection to PostgreSQL on the event loop: what is sent together, and what comes back for it.

Straight on libpq, in its pipeline mode: statements are prepared once and sent in one go, and the event loop
calls back when all of them have been answered. A thread would have to win the interpreter back from
a busy event loop for each answer, and the driver's own cursors cost more than what they are asked to do here.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from bezant.storage.recorder import Statement

Results = Sequence[PGresult]
Heard = Callable[[Results | None], None]
"""Takes the results of all statements that were sent together; ``None`` where one failed or all were lost."""

_WAIT_SECONDS: Final = 5.0


class Pipeline:
    """One connection, one exchange at a time. Not for several threads at once."""

    def __init__(self, connection: psycopg.Connection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._link: PGconn = connection.pgconn
        self._loop = loop
        self._encoding = connection.info.encoding
        self._names: dict[str, bytes] = {}
        self._answers: deque[bool] = deque()
        """For each result to come, whether somebody wants it."""
        self._results: list[PGresult] = []
        self._failed = False
        self._heard: Heard | None = None
        self.is_open = True
        self._link.nonblocking = 1
        self._link.enter_pipeline_mode()
        self._socket = self._link.socket
        loop.add_reader(self._socket, self._readable)

    def send(self, statements: Sequence[Statement], heard: Heard) -> None:
        """Send statements together; ``heard`` is called when all have been answered, or never will be.

        Where one fails, those after it are not run.
        """
        assert self._heard is None, "an exchange is under way"
        self._heard = heard
        self._results, self._failed = [], False
        try:
            for text, values in statements:
                name = self._names.get(text) or self._prepare(text)
                self._link.send_query_prepared(name, [value.encode(self._encoding) for value in values])
                self._answers.append(True)
            self._link.pipeline_sync()
            self._flush()
        except psycopg.Error:
            self._loop.call_soon(self._lose)

    def close(self) -> None:
        """Let go of the connection. Who waits is told that all is lost."""
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._connection.close()
            self._tell(None)

    def wait(self) -> None:
        """Wait until an exchange that is under way is over, whether the event loop runs or not."""
        while self.is_open and self._heard is not None:
            readable, _, _ = select.select([self._socket], [], [], _WAIT_SECONDS)
            if readable:
                self._readable()
            else:
                self._lose()

    def _prepare(self, text: str) -> bytes:
        name = f"bezant_{len(self._names)}".encode("ascii")
        self._link.send_prepare(name, _numbered(text).encode("ascii"))
        self._answers.append(False)
        self._names[text] = name
        return name

    def _flush(self) -> None:
        """Hand what was sent to the kernel; what it has no room for, as soon as it has."""
        if self._link.flush():
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        try:
            if not self._link.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error:
            self._lose()

    def _readable(self) -> None:
        link = self._link
        try:
            link.consume_input()
            while self._heard is not None and not link.is_busy():
                result = link.get_result()
                if result is None:
                    continue  # between two results
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._answers.clear()
                    self._tell(None if self._failed else self._results)
                elif self._answers.popleft():
                    self._note(result)
                elif result.status != ExecStatus.COMMAND_OK:
                    self._names.clear()
                    self._failed = True
        except (psycopg.Error, IndexError):
            self._lose()

    def _note(self, result: PGresult) -> None:
        if result.status in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
            self._results.append(result)
        else:
            self._failed = True

    def _tell(self, results: Results | None) -> None:
        heard, self._heard = self._heard, None
        if heard is not None:
            heard(results)

    def _lose(self) -> None:
        self.close()


def _numbered(text: str) -> str:
    """``$1``, ``$2``, ... for each ``%s``."""
    first, *others = text.split("%s")
    return first + "".join(f"${n}{part}" for n, part in enumerate(others, 1))
