"""Which request an answer belongs to, and what to make of an answer that belongs to none.

Answers are matched on message type, terminal number, audit number and transmission time together,
never on the audit number alone, since that wraps. Keys of requests that were given up and of requests
that were answered are remembered for a while, so that a late answer, a second answer and an answer to
nothing can be told apart.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Generic, TypeVar

import structlog

from bezant.core.money import CURRENCIES, Money
from bezant.core.outcomes import Unresolved
from bezant.rails.acquirer.codec import IsoMessage
from bezant.rails.acquirer.spec import (
    AMOUNT,
    ANSWER_TYPES,
    APPROVAL_CODE,
    AUDIT_NUMBER,
    CURRENCY,
    MTI,
    REFERENCE,
    RESPONSE_CODE,
    TERMINAL,
    TRANSMITTED,
)

RECENT_MAX: Final = 10_000
RECENT_SECONDS: Final = 600.0

Key = tuple[str, str, str, str]
"""Answer's message type, terminal number, audit number, transmission time. All as on the wire."""

Reply = IsoMessage | Unresolved
Owner = TypeVar("Owner")

_BY_NUMBER: Final = {currency.number: currency for currency in CURRENCIES.values()}

log = structlog.get_logger()


class StrayKind(StrEnum):
    """What is wrong with an answer that nobody waits for."""

    LATE = "late"
    """Its request was given up: timed out, lost with its connection, or no longer awaited."""
    DUPLICATE = "duplicate"
    """Its request was answered before; the first answer stands."""
    UNMATCHED = "unmatched"
    """It answers nothing that is remembered."""
    GARBLED = "garbled"
    """It could not be read. What is known of it is what could be salvaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """An answer that nobody waits for, without card data. ``None`` where it does not say."""

    kind: StrayKind
    received_at: datetime
    message_type: str | None = None
    terminal_number: str | None = None
    audit_number: int | None = None
    retrieval_reference: str | None = None
    response_code: str | None = None
    approval_code: str | None = None
    amount: Money | None = None


def expected_key(request: Mapping[str, str]) -> Key:
    """The key of the answer to ``request``."""
    return (
        ANSWER_TYPES[request[MTI]],
        request.get(TERMINAL, ""),
        request.get(AUDIT_NUMBER, ""),
        request.get(TRANSMITTED, ""),
    )


def key_of(answer: Mapping[str, str]) -> Key:
    """The key of an answer, or of what remains of one."""
    return (
        answer.get(MTI, ""),
        answer.get(TERMINAL, ""),
        answer.get(AUDIT_NUMBER, ""),
        answer.get(TRANSMITTED, ""),
    )


class _RecentKeys:
    """Keys of the last while: bounded in number and in time."""

    __slots__ = ("_added_at",)

    def __init__(self) -> None:
        self._added_at: OrderedDict[Key, float] = OrderedDict()

    def add(self, key: Key, at: float) -> None:
        self._added_at[key] = at
        self._added_at.move_to_end(key)
        if len(self._added_at) > RECENT_MAX:
            self._added_at.popitem(last=False)

    def discard(self, key: Key) -> None:
        self._added_at.pop(key, None)

    def holds(self, key: Key, at: float) -> bool:
        added_at = self._added_at.get(key)
        return added_at is not None and at - added_at <= RECENT_SECONDS


@dataclass(slots=True)
class _Waiting(Generic[Owner]):
    future: asyncio.Future[Reply]
    owner: Owner
    sent_at: float


class InFlight(Generic[Owner]):
    """Requests that wait for their answers, in the order in which they were sent.

    Times are seconds of the event loop's clock. ``Owner`` is whatever carries a request: losing it
    loses its requests. An awaiting task may be cancelled at any time; its request then stays here
    until its answer comes (a late one) or its time is up.
    """

    def __init__(self, *, on_stray: Callable[[Stray], None], now: Callable[[], datetime]) -> None:
        self._on_stray = on_stray
        self._now = now
        self._waiting: dict[Key, _Waiting[Owner]] = {}
        self._given_up = _RecentKeys()
        self._answered = _RecentKeys()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    def add(self, key: Key, *, owner: Owner, at: float) -> asyncio.Future[Reply]:
        """Begin to wait. The key must not be waited for already."""
        assert key not in self._waiting
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[key] = _Waiting(future, owner, at)
        self._given_up.discard(key)
        self._answered.discard(key)
        return future

    def answer(self, message: IsoMessage, *, at: float) -> None:
        """Hand an answer to whoever waits for it, or report it as a stray."""
        key = key_of(message)
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._answered.add(key, at)
            if waiting.future.done():  # its task was cancelled
                self._report(StrayKind.LATE, message)
            else:
                waiting.future.set_result(message)
        elif self._given_up.holds(key, at):
            self._given_up.discard(key)
            self._answered.add(key, at)
            self._report(StrayKind.LATE, message)
        elif self._answered.holds(key, at):
            self._report(StrayKind.DUPLICATE, message)
        else:
            self._report(StrayKind.UNMATCHED, message)

    def garbled(self, remains: Mapping[str, str], *, at: float) -> None:
        """Something unreadable came. If it was an answer to a known request, that one is unresolved."""
        key = key_of(remains)
        if key in self._waiting:
            self._give_up(key, "garbled", at)
        self._report(StrayKind.GARBLED, remains)

    def lose(self, owner: Owner, *, at: float) -> None:
        """Everything that ``owner`` carried is unresolved."""
        for key in [key for key, waiting in self._waiting.items() if waiting.owner is owner]:
            self._give_up(key, "link lost", at)

    def expire(self, *, patience: float, at: float) -> list[tuple[Owner, float]]:
        """Give up what has waited for ``patience`` seconds; who carried it, and when it was sent."""
        expired: list[tuple[Key, Owner, float]] = []
        for key, waiting in self._waiting.items():
            # The same sum as its timer was set to: a difference may be rounded to just before it, for ever.
            if waiting.sent_at + patience > at:
                break
            expired.append((key, waiting.owner, waiting.sent_at))
        for key, _, _ in expired:
            self._give_up(key, "time-out", at)
        return [(owner, sent_at) for _, owner, sent_at in expired]

    @property
    def oldest_sent_at(self) -> float | None:
        """When the request that has waited longest was sent."""
        for waiting in self._waiting.values():
            return waiting.sent_at
        return None

    def _give_up(self, key: Key, cause: str, at: float) -> None:
        waiting = self._waiting.pop(key)
        self._given_up.add(key, at)
        if not waiting.future.done():
            waiting.future.set_result(Unresolved(cause=cause))

    def _report(self, kind: StrayKind, answer: Mapping[str, str]) -> None:
        audit_number, amount = answer.get(AUDIT_NUMBER), answer.get(AMOUNT)
        currency = _BY_NUMBER.get(answer.get(CURRENCY, ""))
        stray = Stray(
            kind=kind,
            received_at=self._now(),
            message_type=answer.get(MTI),
            terminal_number=answer.get(TERMINAL),
            audit_number=None if audit_number is None else int(audit_number),
            retrieval_reference=answer.get(REFERENCE),
            response_code=answer.get(RESPONSE_CODE),
            approval_code=answer.get(APPROVAL_CODE),
            amount=None if amount is None or currency is None else Money(int(amount), currency),
        )
        try:
            self._on_stray(stray)
        except Exception as error:  # noqa: BLE001 - whatever a listener does, the link goes on
            log.error("acquirer_stray_not_taken", error=type(error).__name__)  # noqa: TRY400 - no text of it
