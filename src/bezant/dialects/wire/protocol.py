"""The short way in: a request that came whole goes to its endpoint without ASGI in between.

Nearly every request comes with its body in one piece. For those, the messages, events and generality of ASGI
cost as much as understanding the request does, and a refusal would come only after all of them. What comes in
pieces, asks to be told to go on, or follows an unanswered request or an unread answer on its connection takes
uvicorn's way.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from bezant.core.faults import fault_point
from bezant.dialects.wire.http import Answer, Endpoint, Whole


class Finder(Protocol):
    """The application behind the listener, so far as this module asks it."""

    def find(self, method: str, path: str) -> Endpoint | None:
        """The endpoint that a request is for; none where the application answers it by ASGI."""
        ...


class _Nobody:
    """Whom uvicorn wakes when a connection is lost: of a request that is whole, nobody waits for more."""

    def set(self) -> None:
        """Nothing to do."""


_NOBODY = _Nobody()


class _Cycle:
    """A request and its answer, so far as uvicorn's protocol looks at them."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.message_event = _NOBODY
        self.response_complete = False


class WholeRequests(HttpToolsProtocol):
    """uvicorn's protocol with the short way for requests that come whole."""

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*arguments, **more)
        self._finder = cast("Finder", self.app)
        self._endpoint: Endpoint | None = None
        """Whose request is being gathered."""
        self._path = ""
        self._query = b""
        self._pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Read what came; a request that is not whole by then takes the long way."""
        super().data_received(data)
        if self._endpoint is not None:
            self._endpoint = None
            super().on_headers_complete()
            for piece in self._pieces:
                super().on_body(piece)

    def on_headers_complete(self) -> None:
        """Begin to gather a request, if the short way may be for it."""
        self._endpoint = self._found()
        if self._endpoint is None:
            super().on_headers_complete()
        else:
            self._pieces = []

    def _found(self) -> Endpoint | None:
        """Whom the short way leads to. Answers are written at once there: none may wait to be sent."""
        cycle: RequestResponseCycle | None = self.cycle
        if (
            self.expect_100_continue
            or (cycle is not None and not cycle.response_complete)
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or self.parser.should_upgrade()
            or self.flow.write_paused
            or self.root_path
        ):
            return None
        method = self.parser.get_method().decode("ascii")
        if method == "HEAD":
            return None
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self._path = unquote(path) if "%" in path else path
        self._query = url.query or b""
        self.scope["method"] = method
        return self._finder.find(method, self._path)

    def on_body(self, body: bytes) -> None:
        """Gather."""
        if self._endpoint is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Hand a gathered request over."""
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is None:
            super().on_message_complete()
            return
        cycle = _Cycle()
        self.cycle = cast("RequestResponseCycle", cycle)
        refusal = endpoint.refusal()
        if refusal is not None:
            self._answer(cycle, refusal)
            return
        whole = Whole(
            method=self.scope["method"],
            path=self._path,
            query=self._query,
            headers=self.headers,
            body=self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces),
            client=self.client[0] if self.client else "",
        )
        task = self.loop.create_task(endpoint.serve(whole, partial(self._answer_soon, cycle)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _answer_soon(self, cycle: _Cycle, answer: Answer) -> None:
        """Answer in the next turn of the event loop, as to all whose answers this one brings.

        Making answers and sending them are then each done in one go, with the code in the processor's caches.
        """
        self.loop.call_soon(self._answer, cycle, answer)

    def _answer(self, cycle: _Cycle, answer: Answer) -> None:
        cycle.response_complete = True
        if self.transport.is_closing():
            return
        self.transport.write(answer.to_bytes(last=not cycle.keep_alive))
        fault_point("answer.sent")
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()
