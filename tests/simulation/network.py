"""Simulated wires between the gateway's links and the acquirer's host: in memory, and as bad as the weather.

What is written is cut into frames, and each frame meets its own fate. A stream stays a stream: a frame is
delivered whole, in two pieces, or broken off by the end of its connection, and what was under way on a
connection that is reset is gone with it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import Garbled, IsoMessage, decode, encode
from bezant.rails.acquirer.codes import APPROVED
from tests.simulation.loop import Process, SimulatedLoop, Trace, own_process

_HEADER: Final = 2
_LATE_FROM: Final = 6.0
_LATE_TO: Final = 600.0
_CONTRADICTION: Final = "05"
_IDENTITY_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How likely each fault of a frame is, from 0 to 1. ``latency``: the most that one takes, in seconds."""

    loss: float = 0.0
    latency: float = 0.05
    duplicate: float = 0.0
    late: float = 0.0
    garble: float = 0.0
    mismatch: float = 0.0
    contradict: float = 0.0
    reset: float = 0.0


CALM: Final = Weather()


class Wires:
    """Every connection, the weather, and who listens."""

    def __init__(self, loop: SimulatedLoop, chances: Random, trace: Trace) -> None:
        self.weather = CALM
        self.faults: Counter[str] = Counter()
        self.out = False
        """Whether the host cannot be reached at all."""
        self._loop = loop
        self._chances = chances
        self._trace = trace
        self._listening: dict[tuple[str, int], tuple[Callable[[], asyncio.BaseProtocol], Process]] = {}
        self._cables: list[_Cable] = []
        self._numbers = 0

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> None:
        """Let the calling process be reached there."""
        self._listening[host, port] = factory, own_process()

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to whoever listens there; while nobody can be reached, refused or never answered."""
        await asyncio.sleep(self._chances.uniform(0, min(self.weather.latency, 0.5)))
        if self.out:
            self.faults["refused connection"] += 1
            if self._chances.random() < 0.3:
                await asyncio.sleep(3600)
            raise ConnectionRefusedError
        listener, peer = self._listening[host, port]
        self._numbers += 1
        cable = _Cable(self, self._numbers, own_process(), peer)
        self._cables.append(cable)
        near = cable.near
        near.protocol = factory()
        cable.far.protocol = peer.context.copy().run(listener)
        near.protocol.connection_made(near)
        peer.context.copy().run(cable.far.protocol.connection_made, cable.far)
        return near, near.protocol

    def reset(self, cause: str, *, process: Process | None = None) -> None:
        """End every connection, or those of one process."""
        for cable in list(self._cables):
            if process is None or process in {cable.near.process, cable.far.process}:
                cable.end(cause)

    # -- one frame ------------------------------------------------------------------------------------

    def send(self, end: _End, data: bytes) -> None:
        """Let the frames in ``data`` set out from one end of a cable."""
        while data:
            size = _HEADER + int.from_bytes(data[:_HEADER], "big")
            self._dispatch(end, data[:size])
            data = data[size:]

    def _dispatch(self, end: _End, frame: bytes) -> None:
        chances, weather = self._chances, self.weather
        delay = chances.uniform(0.001, weather.latency)
        answers = end is end.cable.far
        if chances.random() < weather.loss:
            self._fault("lost frame", end)
            return
        if chances.random() < weather.reset:
            self._fault("reset in a frame", end)
            cut = chances.randrange(len(frame))
            self._later(delay, end.other, frame[:cut])
            self._loop.call_later(
                delay, end.cable.end, "in a frame", context=end.other.process.context.copy()
            )
            return
        if answers:
            frame, delay = self._distorted(end, frame, delay)
        self._later(delay, end.other, frame)
        if chances.random() < weather.duplicate:
            self._fault("duplicate frame", end)
            self._later(delay + chances.uniform(0, 3), end.other, frame)

    def _distorted(self, end: _End, frame: bytes, delay: float) -> tuple[bytes, float]:
        """An answer as it arrives, and when."""
        chances, weather = self._chances, self.weather
        if chances.random() < weather.late:
            self._fault("late answer", end)
            delay += chances.uniform(_LATE_FROM, _LATE_TO) if chances.random() < 0.3 else _LATE_FROM
        if chances.random() < weather.contradict:
            # After the true answer, which can be read: a host whose first word is a lie cannot be found out.
            self._fault("contradictory answer", end)
            self._later(delay + chances.uniform(0.001, 8), end.other, _contradicted(frame))
        elif chances.random() < weather.garble:
            self._fault("garbled answer", end)
            place = chances.randrange(_HEADER, len(frame))
            frame = frame[:place] + b"\xff" * min(_IDENTITY_BYTES, len(frame) - place) + frame[place + 8 :]
        elif chances.random() < weather.mismatch:
            self._fault("mismatched answer", end)
            frame = _mismatched(frame, chances)
        return frame, delay

    def _later(self, delay: float, end: _End, data: bytes) -> None:
        pieces = [data]
        if len(data) > 1 and self._chances.random() < 0.1:
            place = self._chances.randrange(1, len(data))
            pieces = [data[:place], data[place:]]
        self._loop.call_later(delay, end.receive, pieces, context=end.process.context.copy())

    def _fault(self, what: str, end: _End) -> None:
        self.faults[what] += 1
        self.note(f"{what} on {end.cable.number}")

    def note(self, what: str) -> None:
        """Put something on the trace."""
        self._trace.note(self._loop.time(), what)


class _Cable:
    """A connection: the end that dialled, and the end that was listening."""

    def __init__(self, wires: Wires, number: int, near: Process, far: Process) -> None:
        self.wires = wires
        self.number = number
        self.up = True
        self.near = _End(self, near)
        self.far = _End(self, far)
        self.near.other, self.far.other = self.far, self.near

    def end(self, cause: str) -> None:
        """Tell both ends that it is over."""
        if not self.up:
            return
        self.up = False
        self.wires.note(f"connection {self.number} ends: {cause}")
        self.wires._cables.remove(self)  # noqa: SLF001 - they are one thing
        for end in (self.near, self.far):
            end.lose()


class _End(asyncio.Transport):
    """One end of a cable, as its protocol sees it."""

    other: _End

    def __init__(self, cable: _Cable, process: Process) -> None:
        super().__init__()
        self.cable = cable
        self.process = process
        self.protocol: Any = None
        self._lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        if self.cable.up:
            frame = bytes(data)
            self.cable.wires.note(f"{self.process} says {frame.hex()} on {self.cable.number}")
            self.cable.wires.send(self, frame)

    def receive(self, pieces: list[bytes]) -> None:
        """Hand over what has arrived."""
        for piece in pieces:
            if self.cable.up and piece:
                self.protocol.data_received(piece)

    def lose(self) -> None:
        """Tell the protocol, soon, that this is the end."""
        if not self._lost:
            self._lost = True
            wires = self.cable.wires
            wires._loop.call_soon(self.protocol.connection_lost, None, context=self.process.context.copy())  # noqa: SLF001 - they are one thing

    def close(self) -> None:
        """End the connection."""
        self.cable.end("closed")

    def abort(self) -> None:
        """End the connection."""
        self.cable.end("aborted")

    def is_closing(self) -> bool:
        """Whether it is over."""
        return not self.cable.up


def _contradicted(frame: bytes) -> bytes:
    """A second answer that says the opposite."""
    try:
        message = decode(frame[_HEADER:])
    except Garbled:
        return frame
    if spec.RESPONSE_CODE in message:
        message[spec.RESPONSE_CODE] = _CONTRADICTION if message[spec.RESPONSE_CODE] == APPROVED else APPROVED
    return encode(message)


def _mismatched(frame: bytes, chances: Random) -> bytes:
    """An answer to something else: one of the fields that it should repeat is another."""
    try:
        message = IsoMessage(decode(frame[_HEADER:]))
    except Garbled:
        return frame
    key = chances.choice([spec.AMOUNT, spec.AUDIT_NUMBER, spec.TERMINAL, spec.REFERENCE])
    if key in message and message[spec.MTI] != spec.ANSWER_TYPES[spec.NETWORK]:
        message[key] = message[key][:-1] + ("1" if message[key][-1] == "0" else "0")
    return encode(message)
