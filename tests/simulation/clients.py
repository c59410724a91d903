"""Clients of a universe: they sell, hold, capture, tip, refund, void and settle, and note what they hear.

Each request has an idempotency key and, where it moves money, an amount that no other request of the universe
has: by it the acquirer's books can be asked what became of the request, whatever the gateway believes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from bezant.rails.acquirer.sandbox.issuer import TEST_CARDS
from tests.simulation.cellar import Till

MIX: Final = {
    "sale": 34,
    "auth": 18,
    "capture": 12,
    "incremental_auth": 7,
    "tipadjust": 9,
    "refund": 14,
    "void": 10,
    "settlement": 4,
}
REFERS_TO: Final = {
    "capture": {"auth"},
    "incremental_auth": {"auth"},
    "tipadjust": {"sale", "capture"},
    "refund": {"sale", "capture"},
    "void": {"sale", "auth", "capture", "refund"},
}
LATER: Final = frozenset({409, 503})
"""Statuses that say: ask again."""
YES: Final = "S00"
DECLINED_SHARE: Final = 0.06
TOKEN_SHARE: Final = 0.15
IMPATIENT_SHARE: Final = 0.1
REPEATED_SHARE: Final = 0.08
LOST_SHARE: Final = 0.04
GONE_SHARE: Final = 0.08


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway answered."""

    status: int
    body: dict[str, Any]
    replayed: bool

    @property
    def approved(self) -> bool:
        """Whether it is a yes."""
        return self.body.get("error_no") == YES

    @property
    def payment_id(self) -> int | None:
        """The id of the payment that it tells of, if it does."""
        told = self.body.get("txnid")
        return None if told is None else int(told)

    @property
    def verdict(self) -> tuple[object, ...]:
        """What a repeat must say again."""
        return self.body.get("error_no"), self.body.get("txnid"), self.body.get("amount")


@dataclass(slots=True, eq=False)
class Request:
    """What a client wants. ``minor``: what its message to the acquirer is for, if no other is for that."""

    key: str
    kind: str
    till: Till
    params: dict[str, Any]
    minor: int | None = None
    original: Request | None = None
    answers: list[Answer] = field(default_factory=list)
    sent: int = 0

    @property
    def answer(self) -> Answer | None:
        """What the client was told, if it was."""
        return self.answers[0] if self.answers else None

    @property
    def approved(self) -> bool:
        """Whether the client was told yes."""
        return bool(self.answers) and self.answers[0].approved


Call = Callable[[Request, float | None], Awaitable[Answer | None]]
"""Makes a request; the client hangs up after so many seconds, if it does. No answer: nobody was heard."""


class Journal:
    """Every request of a universe."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.used: set[tuple[str, int]] = set()
        self.tokens: dict[int, list[str]] = {}

    def follow_ups_of(self, kind: str, chances: Random) -> Request | None:
        """A payment that is known by its id and that a request of that kind could be about."""
        known = [each for each in self.requests if each.kind in REFERS_TO[kind] and each.approved]
        if not known:
            return None
        if kind == "refund" and chances.random() < 0.5:  # once more, which may be more than there is
            again = [each.original for each in self.requests if each.kind == kind and each.original]
            known = again or known
        return chances.choice(known[-6:]) if chances.random() < 0.8 else chances.choice(known)


class Client:
    """One client: a request at a time."""

    def __init__(
        self, name: str, *, chances: Random, journal: Journal, tills: list[Till], call: Call, pause: float
    ) -> None:
        self._name = name
        self._chances = chances
        self._journal = journal
        self._tills = tills
        self._call = call
        self._pause = pause
        self._number = 0
        self.stopping = False

    async def run(self) -> None:
        """Ask one thing after the other until told to stop; then until the last was answered."""
        while not self.stopping:
            await asyncio.sleep(self._chances.expovariate(1 / self._pause))
            if not self.stopping:
                await self._carry_out(self._request())

    async def settle(self, till: Till) -> Request:
        """Settle a terminal, however long that takes."""
        request = self._settlement(till)
        await self._carry_out(request, patient=True)
        return request

    async def _carry_out(self, request: Request, *, patient: bool = False) -> None:
        chances = self._chances
        self._journal.requests.append(request)
        impatient = not patient and chances.random() < IMPATIENT_SHARE
        while True:
            answer = await self._ask(request)
            if answer is not None and answer.status not in LATER:
                self._learn(request, answer)
                break
            if answer is None and impatient:
                return
            await asyncio.sleep(chances.uniform(0.2, 6))
        if chances.random() < REPEATED_SHARE and not patient:
            await asyncio.sleep(chances.uniform(0, 20))
            again = await self._ask(request)
            if again is not None and again.status not in LATER:
                request.answers.append(again)

    async def _ask(self, request: Request) -> Answer | None:
        chances, leaves_after = self._chances, None
        if not self.stopping and chances.random() < GONE_SHARE:
            leaves_after = chances.choice([chances.uniform(0, 0.1), chances.uniform(0, 6)])
        request.sent += 1
        answer = await self._call(request, leaves_after)
        if not self.stopping and chances.random() < LOST_SHARE:
            return None
        return answer

    def _learn(self, request: Request, answer: Answer) -> None:
        request.answers.append(answer)
        if answer.approved and answer.body.get("token"):
            self._journal.tokens.setdefault(request.till.merchant_id, []).append(answer.body["token"])

    # -- what to ask for ------------------------------------------------------------------------------

    def _request(self) -> Request:
        kind = self._chances.choices(list(MIX), list(MIX.values()))[0]
        if kind in REFERS_TO:
            original = self._journal.follow_ups_of(kind, self._chances)
            if original is not None:
                return self._follow_up(kind, original)
            kind = "sale"
        till = self._chances.choice(self._tills)
        return self._settlement(till) if kind == "settlement" else self._charge(kind, till)

    def _settlement(self, till: Till) -> Request:
        return Request(self._key(), "settlement", till, {**till.keys, "txn_type": "settlement"})

    def _charge(self, kind: str, till: Till) -> Request:
        chances, key = self._chances, self._key()
        fee = chances.choice([0, 0, 100])
        minor = self._unused("charge", 1_000, 60_000)
        params: dict[str, Any] = {
            **till.keys,
            "txn_type": kind,
            "amount": _amount(minor - fee),
            "surchargeIndicator": "1" if fee else "0",
            "surchargeAmount": _amount(fee),
            "invoicenumber": key,
            "expirydate": "1236",
        }
        tokens = self._journal.tokens.get(till.merchant_id)
        if tokens and chances.random() < TOKEN_SHARE:
            params["token"] = chances.choice(tokens)
        else:
            name = "decline" if chances.random() < DECLINED_SHARE else chances.choice(["approve", "visa"])
            params["cardnumber"] = TEST_CARDS[name].number
            params["cvv"] = TEST_CARDS[name].cvv
        return Request(key, kind, till, params, minor=minor)

    def _follow_up(self, kind: str, original: Request) -> Request:
        chances, key, till = self._chances, self._key(), original.till
        assert original.answer is not None
        params = {**till.keys, "txn_type": kind, "ref_txn_id": str(original.answer.payment_id)}
        base, minor = original.minor or 1_000, None
        if kind == "refund":  # often more than what is left
            minor = self._unused(kind, base // 2, base - 100)
        elif kind == "capture":
            minor = self._unused(kind, 1, base)
        elif kind == "incremental_auth":
            minor = self._unused("charge", 1, 5_000)
        if minor is not None:
            params["amount"] = _amount(minor)
        if kind == "tipadjust":
            params["amount"] = _amount(chances.randint(1, max(1, base // 8)))
        if kind == "refund":
            params["invoicenumber"] = key
        return Request(key, kind, till, params, minor=minor, original=original)

    def _unused(self, ask: str, least: int, most: int) -> int:
        """An amount for which nobody has asked the same."""
        while True:
            minor = self._chances.randint(least, max(least + 100, most))
            if (ask, minor) not in self._journal.used:
                self._journal.used.add((ask, minor))
                return minor

    def _key(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"


def scope_of(request: Request) -> tuple[dict[str, Any], bytes]:
    """A request as a web server hands it over."""
    headers = [(b"content-type", b"application/json"), (b"idempotency-key", request.key.encode())]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 50_000),
    }
    return scope, json.dumps(request.params).encode()


def _amount(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
