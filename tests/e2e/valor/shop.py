"""A shop that takes cards over Valor's API, and the office that boards it on a running gateway.

``Office`` opens the gateway's own database beside it, as the command line does. A ``Till`` speaks for one
terminal, with that terminal's keys; its methods answer the body of what was approved, or fail.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from anyio.from_thread import start_blocking_portal

from bezant.app.store import open_store
from bezant.config import Settings
from bezant.core.merchants import (
    CardChecks,
    ClockChange,
    Endpoint,
    Onboarding,
    Profile,
    RefundFactor,
    TipRule,
    freeze,
    move,
)
from bezant.core.people import OPERATOR, OwnerRef
from tests.support.gateway import Answer, Gateway, eventually

NEW_YORK: Final = ZoneInfo("America/New_York")
VISA: Final = "4111111111111111"
EXPIRY: Final = "1236"
NO_HEADERS: Final[Mapping[str, str]] = {}
BOTH: Final = (Profile.TRADITIONAL, Profile.SURCHARGE)

_numbers: Final = itertools.count(random.randrange(10_000_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """One terminal of a merchant. ``host_terminals`` are its numbers in the acquirer's books."""

    gateway: Gateway
    appid: str
    appkey: str
    epi: str
    host_terminals: dict[Profile, str]

    @property
    def keys(self) -> dict[str, str]:
        """The credentials that every request carries."""
        return {"appid": self.appid, "appkey": self.appkey, "epi": self.epi}

    def call(self, txn_type: str, *, idempotency_key: str | None = None, **params: object) -> Answer:
        """Any request of this terminal."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self.send({**self.keys, "txn_type": txn_type, **params}, headers=headers)

    def send(self, said: Mapping[str, object], *, headers: Mapping[str, str] = NO_HEADERS) -> Answer:
        """A request that says just this, as JSON."""
        return self.gateway.post(json.dumps(said).encode(), {"Content-Type": "application/json", **headers})

    def charge(self, amount: object, *, txn_type: str = "sale", **params: Any) -> Answer:
        """A sale, or what ``txn_type`` says, on the Visa test card or on what is given."""
        card = {} if "token" in params else {"cardnumber": VISA, "expirydate": EXPIRY}
        return self.call(txn_type, **{**card, "amount": amount, **params})

    def sale(self, amount: object = "20.00", **params: Any) -> dict[str, Any]:
        """A sale that is approved."""
        return approved(self.charge(amount, **params))

    def refund(self, original: dict[str, Any], amount: object, **params: Any) -> Answer:
        """Money back on an earlier sale."""
        return self.call("refund", ref_txn_id=original["txnid"], amount=amount, sale_refund="1", **params)

    def void(self, original: dict[str, Any], **params: Any) -> Answer:
        """Take an earlier payment back."""
        return self.call("void", ref_txn_id=original["txnid"], **params)

    def settle(self) -> dict[str, Any]:
        """A settlement that the acquirer confirms."""
        return approved(self.call("settlement"))

    def list(self, **params: Any) -> dict[str, Any]:
        """A page of the transaction list."""
        answer = self.call("txnfetch", **params)
        assert answer.status == 200, answer
        return answer.body

    def row(self, payment: dict[str, Any]) -> dict[str, Any]:
        """One payment in the transaction list."""
        (row,) = self.list(date_filter=9, filter="TXNID", filter_text=payment["txnid"])["data"]
        found: dict[str, Any] = row
        return found

    def open_batch(self, **params: Any) -> dict[str, Any]:
        """The open batch."""
        answer = self.call("openbatch", **params)
        assert answer.status == 200, answer
        return answer.body

    def booked(self, profile: Profile = Profile.TRADITIONAL) -> dict[str, tuple[int, int]]:
        """What the acquirer believes is in force: count and cents, by what was asked."""
        live = self.gateway.control.live(self.host_terminals[profile])
        asks = live["terminals"].get(self.host_terminals[profile], {})
        return {ask: (sums["count"], sums["amount"]) for ask, sums in asks.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A merchant with its terminals."""

    merchant_id: int
    tills: tuple[Till, ...]


class Office:
    """Boards merchants and moves their clocks. ``smtp``: where the gateway hands mails over."""

    def __init__(self, gateway: Gateway, *, smtp: str = "") -> None:
        self._gateway = gateway
        self._smtp = smtp
        self._closing = contextlib.ExitStack()

    @property
    def gateway(self) -> Gateway:
        """The gateway that serves these merchants."""
        return self._gateway

    def __enter__(self) -> Self:
        settings = Settings(home=self._gateway.home, database_url=self._gateway.database_url, smtp=self._smtp)
        self._portal = self._closing.enter_context(start_blocking_portal())
        self._store = self._closing.enter_context(
            self._portal.wrap_async_context_manager(open_store(settings))
        )
        self._iso = self._portal.call(self._store.boarding.add_iso, "Test ISO")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def board(
        self,
        *,
        terminals: int = 1,
        profiles: tuple[Profile, ...] = BOTH,
        zone: ZoneInfo = NEW_YORK,
        store: str = "Test Store",
        sandbox: bool = True,
    ) -> Shop:
        """A new merchant, of the sandbox or a real one, with so many terminals in one store."""
        board = partial(self._board, terminals, profiles, zone, store, sandbox=sandbox)
        return self._portal.call(board)

    async def _board(
        self,
        terminals: int,
        profiles: tuple[Profile, ...],
        zone: ZoneInfo,
        store_name: str,
        *,
        sandbox: bool,
    ) -> Shop:
        boarding = self._store.boarding
        merchant = await boarding.add_merchant(iso_id=self._iso.iso_id, name="Test Merchant", sandbox=sandbox)
        store = await boarding.add_store(merchant.merchant_id, name=store_name, zone=zone)
        tills = []
        for number in range(1, terminals + 1):
            endpoints = dict(_endpoints(profiles))
            terminal = await boarding.add_terminal(
                merchant.merchant_id,
                store_id=store.store_id,
                number=f"20{next(_numbers) % 100_000_000:08d}",
                label=f"VT #{number}",
                endpoints=endpoints,
                tips=TipRule(adjustable=True, percent_max=350),
            )
            issued = await boarding.issue_key(merchant.merchant_id, terminal.number)
            tills.append(
                Till(
                    gateway=self._gateway,
                    appid=merchant.app_id,
                    appkey=issued.key.reveal(),
                    epi=terminal.number,
                    host_terminals={profile: at.terminal_number for profile, at in endpoints.items()},
                )
            )
        return Shop(merchant_id=merchant.merchant_id, tills=tuple(tills))

    def replace_key(self, shop: Shop, till: Till) -> Till:
        """The till with a new key; its old one has ended, and the server knows when this returns."""
        issued = self._portal.call(self._store.boarding.issue_key, shop.merchant_id, till.epi)
        changed = replace(till, appkey=issued.key.reveal())
        eventually(lambda: changed.call("openbatch").status == 200, every_seconds=0.2)
        return changed

    def change_clock(self, shop: Shop, change: ClockChange) -> None:
        """Freeze, move or release a merchant's clock; the server has seen it when this returns."""
        kept, _ = self._portal.call(self._store.boarding.move_clock, shop.merchant_id, change)

        def is_seen() -> bool:
            seen = clock_of(shop.tills[0])
            return timedelta() <= kept.at(datetime.now(UTC)) - seen < timedelta(seconds=1)

        eventually(is_seen, every_seconds=0.02)

    def set_rules(
        self,
        shop: Shop,
        *,
        checks: CardChecks | None = None,
        refund_factor: RefundFactor | None = None,
    ) -> None:
        """Change what a sandbox merchant wants checked; the server has seen it when this returns."""
        self._set_rules(shop, checks, refund_factor)
        # Changes are followed together, and the clock's can be seen.
        self.change_clock(shop, move(timedelta(minutes=5)))

    def guard_refunds(self, shop: Shop, factor: RefundFactor) -> None:
        """Want one-time passwords of a merchant's refunds. The server hears of it a little later."""
        self._set_rules(shop, None, factor)

    def _set_rules(self, shop: Shop, checks: CardChecks | None, refund_factor: RefundFactor | None) -> None:
        change = partial(
            self._store.boarding.set_rules,
            shop.merchant_id,
            checks=lambda now: checks or now,
            refund_factor=lambda now: refund_factor or now,
        )
        self._portal.call(change)

    def set_origins(self, shop: Shop, *origins: str) -> None:
        """Say where a merchant's web pages are; nobody keeps that in memory."""
        store = self._store
        onboarding = Onboarding(units=store.units, names=store.names, clock=store.clock)
        iso = OwnerRef.iso(self._iso.iso_id)
        assert self._portal.call(onboarding.set_origins, OPERATOR, iso, shop.merchant_id, origins)

    def freeze(self, shop: Shop, at: datetime) -> None:
        """Stop a merchant's clock at an instant."""
        self.change_clock(shop, freeze(at))


def clock_of(till: Till) -> datetime:
    """What second the gateway thinks it is for a terminal's merchant, by the life of a client token."""
    validity = approved(till.call("clientToken"))["validity"]
    return datetime.fromisoformat(validity).replace(tzinfo=UTC) - timedelta(minutes=30)


def approved(answer: Answer) -> dict[str, Any]:
    """The body of an approval."""
    assert (answer.status, answer.body.get("error_no")) == (200, "S00"), answer
    return answer.body


def declined(answer: Answer) -> str:
    """The code of a decline."""
    assert (answer.status, answer.body.get("error_no")) == (400, "E98"), answer
    code: str = answer.body["error_code"]
    return code


def refused(answer: Answer) -> str:
    """The ``error_no`` of a refusal that is no decline."""
    assert answer.status == 400, answer
    code: str = answer.body["error_no"]
    assert code != "E98", answer
    return code


def _endpoints(profiles: tuple[Profile, ...]) -> Iterator[tuple[Profile, Endpoint]]:
    for profile in profiles:
        number = next(_numbers) % 100_000_000
        yield profile, Endpoint(merchant_number="887000003193", terminal_number=f"{number:08d}")
