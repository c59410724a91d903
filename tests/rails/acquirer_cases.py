"""Messages, hosts and links that the acquirer's tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Declined
from bezant.core.payments.messages import Ask, BatchTotals, Endpoint, Message, Original
from bezant.core.sensitive import Cvv, Pan
from bezant.rails.acquirer import AcquirerLink, AcquirerRail, Stray, spec
from bezant.rails.acquirer.codec import FrameReader, IsoMessage, decode, encode
from bezant.rails.acquirer.sandbox import TEST_CARDS, SandboxHost

ENDPOINT = Endpoint(merchant_number="820000000010", terminal_number="82000010")
CARD = TEST_CARDS["approve"].number
CVV = "999"
BRIEFLY = 0.3
"""A read time-out for tests in which one shall pass: still long for an answer that does come."""

_numbers = count(1)


def a_message(ask: Ask = Ask.SALE, *, minor: int = 10_00, **changes: Any) -> Message:
    """A message of its own numbers, for an approving card."""
    number = next(_numbers)
    now = datetime.now(UTC).replace(microsecond=0)
    message = Message(
        ask=ask,
        endpoint=ENDPOINT,
        audit_number=number,
        retrieval_reference=f"{number:012d}",
        amount=Money(minor),
        sent_at=now,
        local_at=now,
        deadline_at=now + timedelta(minutes=1),
        pan=Pan(CARD) if ask is not Ask.CAPTURE else None,
        expiry="9912" if ask is not Ask.CAPTURE else None,
        cvv=Cvv(CVV) if ask in {Ask.SALE, Ask.AUTHORIZE} else None,
    )
    return structs.replace(message, **changes)


def original_of(message: Message, answer: Answer | None = None) -> Original:
    """What a later message says of ``message``."""
    return Original(
        ask=message.ask,
        audit_number=message.audit_number,
        sent_at=message.sent_at,
        retrieval_reference=message.retrieval_reference,
        approval_code=answer.approval_code if isinstance(answer, Approved) else None,
    )


def a_capture_of(message: Message, *, minor: int | None = None, **changes: Any) -> Message:
    """The capture of an authorization, for all of it unless said otherwise."""
    amount = message.amount.minor if minor is None else minor
    return a_message(Ask.CAPTURE, minor=amount, original=original_of(message), **changes)


def a_reversal_of(message: Message, **changes: Any) -> Message:
    """The reversal of a message."""
    return a_message(Ask.REVERSE, minor=message.amount.minor, original=original_of(message), **changes)


def some_totals(
    *, number: int = 1, debits: tuple[int, int] = (0, 0), refunds: tuple[int, int] = (0, 0), **changes: Any
) -> BatchTotals:
    """Totals of a batch: each side a count and an amount in minor units."""
    now = datetime.now(UTC).replace(microsecond=0)
    totals = BatchTotals(
        endpoint=ENDPOINT,
        batch_number=number,
        audit_number=next(_numbers),
        sent_at=now,
        local_at=now,
        debit_count=debits[0],
        debits=Money(debits[1]),
        credit_count=refunds[0],
        credits=Money(refunds[1]),
    )
    return structs.replace(totals, **changes)


async def until(condition: Callable[[], bool]) -> None:
    """Return once ``condition`` holds; fail after a while."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it waits for sets no event
            await asyncio.sleep(0.005)


@dataclass
class Network:
    """A sandbox host, a link to it, the rail on that link, and the strays it reported."""

    host: SandboxHost
    link: AcquirerLink
    rail: AcquirerRail
    strays: list[Stray] = field(default_factory=list)

    def script(self, *steps: Mapping[str, object], repeat: bool = False, **match: Any) -> None:
        """Tell the host what to do with the next matching messages."""
        self.host.scripts.add({"match": match, "steps": list(steps), "repeat": repeat})

    async def send(self, message: Message) -> Answer:
        """Send one message."""
        return await self.rail.send(message)

    def state_of(self, message: Message) -> str | None:
        """What the host believes became of a message."""
        found = self.host.books.listed(reference=message.retrieval_reference)
        return found[0].state.value if found else None


@asynccontextmanager
async def a_network(host: SandboxHost | None = None, **options: Any) -> AsyncIterator[Network]:
    """A running host and a started link."""
    host = host or SandboxHost()
    await host.start()
    strays: list[Stray] = []
    settings: dict[str, Any] = {
        "read_timeout_seconds": 10.0,
        "backoff_seconds": 0.01,
        "on_stray": strays.append,
    } | options
    link = AcquirerLink(*host.address, **settings)
    await link.start()
    try:
        yield Network(host, link, AcquirerRail(link), strays)
    finally:
        await link.stop()
        await host.stop()


async def code_of(network: Network, **changes: Any) -> str | None:
    """The response code for a message, which must get one."""
    answer = await network.send(a_message(**changes))
    assert isinstance(answer, Approved | Declined)
    return answer.response_code


Reader = Callable[[], Awaitable[IsoMessage]]
Peer = Callable[[Reader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_peer(behave: Peer) -> AsyncIterator[tuple[str, int]]:
    """A host that does what ``behave`` says on each connection; its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        frames = FrameReader()
        bodies: list[bytes] = []

        async def read() -> IsoMessage:
            while not bodies:
                chunk = await reader.read(65536)
                if not chunk:
                    raise ConnectionResetError
                bodies.extend(frames.feed(chunk))
            return decode(bodies.pop(0))

        try:
            await behave(read, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[:2]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def a_reply_to(message: IsoMessage, **fields: str) -> bytes:
    """The frame that approves a request, with other fields by number (``de39="05"``)."""
    kept = {spec.PROCESSING_CODE, spec.AMOUNT, spec.TRANSMITTED, spec.AUDIT_NUMBER, spec.REFERENCE}
    kept |= {spec.TERMINAL, spec.MERCHANT, spec.CURRENCY, spec.NETWORK_CODE}
    reply = {key: value for key, value in message.items() if key in kept}
    reply |= {spec.MTI: spec.ANSWER_TYPES[message[spec.MTI]], spec.RESPONSE_CODE: "00"}
    reply |= {key.removeprefix("de"): value for key, value in fields.items()}
    return encode(reply)


TYPES = st.sampled_from(sorted({*spec.ANSWER_TYPES, *spec.ANSWER_TYPES.values()}))


def values_of(field: spec.Field) -> st.SearchStrategy[str]:
    """Anything that a field may hold."""
    any_value = st.from_regex(field.pattern, fullmatch=True)
    if field.content == "[CD][0-9]+":
        digits = st.text("0123456789", min_size=field.length - 1, max_size=field.length - 1)
        return st.sampled_from("CD").flatmap(lambda sign: digits.map(lambda rest: sign + rest))
    if field.prefix:
        return any_value.filter(lambda value: len(value) <= field.length)
    alphabet = "0123456789" if field.content == "[0-9]+" else "0189AZ"
    return st.text(alphabet, min_size=field.length, max_size=field.length)


MESSAGES = st.builds(
    lambda message_type, fields: IsoMessage({spec.MTI: message_type, **fields}),
    TYPES,
    st.fixed_dictionaries({}, optional={key: values_of(field) for key, field in spec.FIELDS.items()}),
)
"""Any message of the dialect, whether it makes sense or not."""
