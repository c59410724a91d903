"""Whoever comes new to a busy server is let in soon."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import uvloop

from bezant.server import DOORS, doors

CALLERS = 4 * DOORS
TURNS_MAX = 6  # the loop's first turns listen and see whom it can let in


def test_callers_who_come_while_the_loop_is_busy_are_let_in_within_a_few_of_its_turns() -> None:
    assert uvloop.run(_turns_until_all_are_in()) <= TURNS_MAX


async def _turns_until_all_are_in() -> int:
    loop = asyncio.get_running_loop()
    inside = 0

    class Guest(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal inside
            inside += 1

    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CALLERS))
        for door in doors(listener, DOORS):
            server = await loop.create_server(Guest, sock=door)
            stack.callback(server.close)
        for _ in range(CALLERS):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        turns = 0
        while inside < CALLERS:
            await asyncio.sleep(0)
            turns += 1
        return turns
