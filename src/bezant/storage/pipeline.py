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

LOOK_SECONDS: Final = 0.1
"""How often a connection is looked at that owes an answer: uvloop does not say that one was reset."""
_WAIT_SECONDS: Final = 5.0


class Pipeline:
    """One connection, one exchange at a time. Not for several threads at once."""

    def __init__(self, connection: psycopg.Connection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._link: PGconn = connection.pgconn
        self._loop = loop
        self._encoding = connection.info.encoding
        self._names: dict[str, bytes] = {}
        """Of the statements that are prepared, by their texts."""
        self._prepared = 0
        self._preparing: deque[str | None] = deque()
        """For each result to come, the text that was to be prepared; none where a statement was run."""
        self._results: list[PGresult] = []
        self._failed = False
        self._heard: Heard | None = None
        self._will_look = False
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
            written = [
                (text, [value.encode(self._encoding) for value in values]) for text, values in statements
            ]
        except UnicodeError:  # nothing has been sent yet
            self._loop.call_soon(self._tell, None)
            return
        try:
            for text, encoded in written:
                name = self._names.get(text) or self._prepare(text)
                self._link.send_query_prepared(name, encoded)
                self._preparing.append(None)
            self._link.pipeline_sync()
            self._flush()
        except psycopg.Error:
            self._loop.call_soon(self.close)
        self._watch()

    def close(self) -> None:
        """Let go of the connection, also when it is lost. Whoever waits is told so."""
        if self.is_open:
            self.is_open = False
            if not self._loop.is_closed():
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
                self.close()

    def _prepare(self, text: str) -> bytes:
        self._prepared += 1
        name = f"bezant_{self._prepared}".encode("ascii")
        self._link.send_prepare(name, _numbered(text).encode("ascii"))
        self._preparing.append(text)
        self._names[text] = name
        return name

    def _flush(self) -> None:
        """Hand what was sent to the kernel; what it has no room for, as soon as it has."""
        if self._link.flush():
            self._loop.add_writer(self._socket, self._writable)

    def _watch(self) -> None:
        if not self._will_look:
            self._will_look = True
            self._loop.call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        """See whether a connection is lost that owes an answer."""
        self._will_look = False
        if self.is_open and self._heard is not None:
            self._readable()
            self._watch()

    def _writable(self) -> None:
        try:
            if not self._link.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.Error:
            self.close()

    def _readable(self) -> None:
        was_nothing = False
        try:
            self._link.consume_input()
            while self._heard is not None and not self._link.is_busy():
                # There is a result, then nothing, for each statement, and one for all of them at the end.
                result = self._link.get_result()
                if result is None:
                    if was_nothing:
                        self.close()
                    was_nothing = True
                    continue
                was_nothing = False
                if result.status == ExecStatus.PIPELINE_SYNC:
                    self._tell(None if self._failed else self._results)
                elif self._preparing:
                    self._note(result)
                else:
                    self.close()  # the last words of a server that ends, which answer nothing
        except psycopg.Error:
            self.close()

    def _note(self, result: PGresult) -> None:
        prepared = self._preparing.popleft()
        is_good = result.status in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}
        if not is_good:
            self._failed = True
        if prepared is None:
            self._results.append(result)
        elif not is_good:
            del self._names[prepared]  # also when it was not looked at, since one before it had failed

    def _tell(self, results: Results | None) -> None:
        heard, self._heard = self._heard, None
        if heard is not None:
            heard(results)


def _numbered(text: str) -> str:
    """``$1``, ``$2``, ... for each ``%s``."""
    first, *others = text.split("%s")
    return first + "".join(f"${n}{part}" for n, part in enumerate(others, 1))
