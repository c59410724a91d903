"""Boarding: making sales organizations, merchants, stores, terminals and their keys, and moving clocks.

Every change raises the change counter in its own transaction, so that no process goes on with old facts, and
is recorded there in the audit log of whom it is about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from bezant.core.merchants.brands import NO_BRAND, Logo
from bezant.core.merchants.model import (
    Account,
    CardChecks,
    Endpoint,
    Iso,
    Merchant,
    MerchantClock,
    Profile,
    RefundFactor,
    Store,
    Terminal,
    TipRule,
)
from bezant.core.merchants.ports import SystemClock
from bezant.core.money import USD, Currency
from bezant.core.outcomes import BadFacts
from bezant.core.people import OPERATOR, Actor, AuditTrail, Facts, OwnerRef
from bezant.core.sensitive import Secret

T = TypeVar("T")

TERMINAL_NUMBER = re.compile(r"2[0-9]{9}", re.ASCII)
APP_NAME = re.compile(r"[A-Za-z0-9$@%#]{32}", re.ASCII)
MERCHANT_NUMBER = re.compile(r"[0-9]{12}", re.ASCII)
MINUTES_OF_DAY = 24 * 60
ACQUIRER_TERMINAL_NUMBER = re.compile(r"[0-9]{8}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A terminal's new app key, in clear for the one time that it is handed out."""

    credential_id: int
    terminal: Terminal
    app_id: str
    key: Secret


class BoardingStore(Protocol):
    """Accounts of one transaction, to be changed."""

    def account(self, merchant_id: int) -> Account | None:
        """Everything of one merchant."""
        ...

    def add_iso(self, iso: Iso, *, at: datetime) -> None:
        """Store a sales organization."""
        ...

    def add_merchant(self, merchant: Merchant, *, at: datetime) -> None:
        """Store a merchant."""
        ...

    def add_store(self, merchant_id: int, store: Store, *, at: datetime) -> None:
        """Store a store."""
        ...

    def set_brand(self, merchant_id: int, store: Store, logo: Logo | None) -> None:
        """Store a store's brand. ``logo`` is given when it is a new one; without a name, there is none."""
        ...

    def add_terminal(self, merchant_id: int, terminal: Terminal, *, at: datetime) -> None:
        """Store a terminal with its first, empty batch."""
        ...

    def add_key(
        self, merchant_id: int, terminal_id: int, credential_id: int, key: Secret, *, at: datetime
    ) -> None:
        """Store an app key: hashed, and sealed for those who may see it again."""
        ...

    def revoke_keys(self, merchant_id: int, terminal_id: int, *, at: datetime) -> int:
        """End a terminal's keys; how many there were."""
        ...

    def set_settlement_time(self, merchant_id: int, terminal_id: int, settles_at: int | None) -> None:
        """Let a terminal settle by itself at that minute of the local day, or no more."""
        ...

    def note_settled(self, merchant_id: int, terminal_id: int, day: date) -> None:
        """A terminal has kept that local day's settlement time."""
        ...

    def set_clock(self, merchant_id: int, clock: MerchantClock) -> None:
        """Move, freeze or release a merchant's clock."""
        ...

    def set_rules(self, merchant: Merchant) -> None:
        """Store a merchant's card checks and refund factor."""
        ...

    def changed(self) -> None:
        """Let every process know."""
        ...


class BoardingTx(Protocol):
    """The stores of one transaction."""

    @property
    def boarding(self) -> BoardingStore:
        """Accounts."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The audit logs."""
        ...


class BoardingUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[BoardingTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[BoardingTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class NewNames(Protocol):
    """Fresh ids and random names."""

    async def take(self) -> int:
        """A new id."""
        ...

    def app_name(self) -> str:
        """A new app id or app key: 32 random letters and digits."""
        ...


class Boarding:
    """Makes and changes accounts on behalf of ``actor``, who has been found to be allowed to.

    ``notifies``: whether one-time passwords reach that factor's people.
    """

    def __init__(
        self,
        *,
        units: BoardingUnits,
        names: NewNames,
        clock: SystemClock,
        notifies: Callable[[RefundFactor], bool] = lambda _factor: False,
        actor: Actor = OPERATOR,
    ) -> None:
        self._units = units
        self._names = names
        self._clock = clock
        self._notifies = notifies
        self._actor = actor

    async def add_iso(self, name: str) -> Iso:
        """A new sales organization."""
        iso = Iso(iso_id=await self._names.take(), name=_named(name, "name"))
        at = self._clock.now()

        def work(tx: BoardingTx) -> None:
            tx.boarding.add_iso(iso, at=at)
            tx.audit.record(OwnerRef.iso(iso.iso_id), self._actor, "iso.added", {"name": iso.name}, at=at)

        await self._units.write(work, merchant_id=0)
        return iso

    async def add_merchant(
        self,
        *,
        iso_id: int,
        name: str,
        app_id: str | None = None,
        currency: Currency = USD,
        sandbox: bool = False,
    ) -> Merchant:
        """A new merchant of a sales organization."""
        merchant = Merchant(
            merchant_id=await self._names.take(),
            iso_id=iso_id,
            name=_named(name, "name"),
            app_id=_fitting(APP_NAME, app_id or self._names.app_name(), "app id"),
            currency=currency,
            sandbox=sandbox,
            clock=MerchantClock(),
        )

        def work(tx: BoardingTx) -> tuple[Merchant, Facts]:
            tx.boarding.add_merchant(merchant, at=self._clock.now())
            return merchant, {"name": merchant.name, "iso_id": iso_id, "sandbox": sandbox}

        return await self._change(merchant.merchant_id, "merchant.boarded", work)

    async def add_store(self, merchant_id: int, *, name: str, zone: ZoneInfo) -> Store:
        """A new store. Its zone decides the local dates and times of its terminals."""
        store = Store(store_id=await self._names.take(), name=_named(name, "name"), zone=zone)

        def work(tx: BoardingTx) -> tuple[Store, Facts]:
            tx.boarding.add_store(merchant_id, store, at=self._clock.now())
            return store, {"store_id": store.store_id, "name": store.name, "zone": zone.key}

        return await self._change(merchant_id, "store.added", work)

    async def brand_store(
        self,
        merchant_id: int,
        store_id: int,
        *,
        colour: str | None = None,
        logo: Logo | None = None,
        forget: bool = False,
    ) -> Store:
        """Give a store a colour (of ``colour_of``) and a logo (of ``logo_of``).

        What is not given stays, unless the store is to ``forget`` what it had.
        """

        def work(tx: BoardingTx) -> tuple[Store, Facts]:
            account = tx.boarding.account(merchant_id)
            store = account.stores.get(store_id) if account else None
            if store is None:
                raise BadFacts("no such store")
            brand = NO_BRAND if forget else store.brand
            brand = replace(brand, colour=colour or brand.colour, logo=logo.name if logo else brand.logo)
            branded = replace(store, brand=brand)
            tx.boarding.set_brand(merchant_id, branded, logo)
            return branded, {"store_id": store_id, "colour": brand.colour, "logo": brand.logo}

        return await self._change(merchant_id, "store.branded", work)

    async def add_terminal(
        self,
        merchant_id: int,
        *,
        store_id: int,
        number: str,
        label: str,
        endpoints: Mapping[Profile, Endpoint],
        tips: TipRule,
        device_model: str = "139",
    ) -> Terminal:
        """A new terminal with its first batch. Model 139 is a virtual terminal (vendor sample)."""
        if not endpoints:
            raise BadFacts("a terminal needs at least one profile")
        for endpoint in endpoints.values():
            _fitting(MERCHANT_NUMBER, endpoint.merchant_number, "merchant number")
            _fitting(ACQUIRER_TERMINAL_NUMBER, endpoint.terminal_number, "acquirer terminal number")
        terminal = Terminal(
            terminal_id=await self._names.take(),
            store_id=store_id,
            number=_fitting(TERMINAL_NUMBER, number, "terminal number"),
            label=_named(label, "label", length_max=50),
            device_model=device_model,
            endpoints=dict(endpoints),
            tips=tips,
        )

        def work(tx: BoardingTx) -> tuple[Terminal, Facts]:
            tx.boarding.add_terminal(merchant_id, terminal, at=self._clock.now())
            return terminal, {"terminal": terminal.number, "store_id": store_id, "label": terminal.label}

        return await self._change(merchant_id, "terminal.added", work)

    async def issue_key(
        self, merchant_id: int, terminal_number: str, *, key: str | None = None, keep_others: bool = False
    ) -> IssuedKey:
        """A new app key of a terminal. Its other keys end with the same commit, unless they are kept."""
        credential_id = await self._names.take()
        secret = Secret(_fitting(APP_NAME, key or self._names.app_name(), "app key"))

        def work(tx: BoardingTx) -> tuple[IssuedKey, Facts]:
            account = tx.boarding.account(merchant_id)
            terminal = account.terminals.get(terminal_number) if account else None
            if account is None or terminal is None:
                raise BadFacts("no such terminal")
            at = self._clock.now()
            ended = 0 if keep_others else tx.boarding.revoke_keys(merchant_id, terminal.terminal_id, at=at)
            tx.boarding.add_key(merchant_id, terminal.terminal_id, credential_id, secret, at=at)
            issued = IssuedKey(
                credential_id=credential_id,
                terminal=terminal,
                app_id=account.merchant.app_id,
                key=secret,
            )
            return issued, {"terminal": terminal.number, "key_id": credential_id, "ended": ended}

        return await self._change(merchant_id, "key.issued", work)

    async def settle_daily(self, merchant_id: int, terminal_number: str, at_minute: int | None) -> Terminal:
        """Let a terminal settle by itself every day at that minute of its store's day, or no more.

        It begins with the next such time, today or tomorrow.
        """
        if at_minute is not None and not 0 <= at_minute < MINUTES_OF_DAY:
            raise BadFacts("not a time of day")
        real = self._clock.now()

        def work(tx: BoardingTx) -> tuple[Terminal, Facts]:
            account = tx.boarding.account(merchant_id)
            terminal = account.terminals.get(terminal_number) if account else None
            if account is None or terminal is None:
                raise BadFacts("no such terminal")
            tx.boarding.set_settlement_time(merchant_id, terminal.terminal_id, at_minute)
            if at_minute is not None:
                zone = account.stores[terminal.store_id].zone
                local = account.merchant.clock.at(real).astimezone(zone)
                is_over = local.hour * 60 + local.minute >= at_minute
                kept = local.date() - timedelta(days=0 if is_over else 1)
                tx.boarding.note_settled(merchant_id, terminal.terminal_id, kept)
            return terminal, {"terminal": terminal.number, "at_minute": at_minute}

        return await self._change(merchant_id, "terminal.settlement_set", work)

    async def set_rules(
        self,
        merchant_id: int,
        *,
        checks: Callable[[CardChecks], CardChecks] = lambda checks: checks,
        refund_factor: Callable[[RefundFactor], RefundFactor] = lambda factor: factor,
    ) -> Merchant:
        """Change a merchant's card checks and refund factor."""

        def work(tx: BoardingTx) -> tuple[Merchant, Facts]:
            merchant = _merchant(tx, merchant_id)
            changed = replace(
                merchant,
                checks=checks(merchant.checks),
                refund_factor=refund_factor(merchant.refund_factor),
            )
            factor = changed.refund_factor
            if factor.enabled and not (factor.email or factor.phone):
                raise BadFacts("the refund factor needs an email address or a phone number")
            if factor.enabled and not merchant.sandbox and not self._notifies(factor):
                raise BadFacts(
                    "the refund factor cannot be switched on: nothing is set up that sends one-time "
                    "passwords there: see BEZANT_SMTP and BEZANT_SMS (a sandbox merchant's is fixed)"
                )
            tx.boarding.set_rules(changed)
            return changed, _rules(changed)

        return await self._change(merchant_id, "merchant.rules_set", work)

    async def move_clock(self, merchant_id: int, change: ClockChange) -> tuple[MerchantClock, datetime]:
        """Freeze, move or release the clock of a sandbox merchant; the clock and its time now."""
        real = self._clock.now()

        def work(tx: BoardingTx) -> tuple[MerchantClock, Facts]:
            merchant = _merchant(tx, merchant_id)
            if not merchant.sandbox:
                raise BadFacts("only a sandbox merchant's clock can be moved")
            clock = change(merchant.clock, real)
            tx.boarding.set_clock(merchant_id, clock)
            return clock, {
                "frozen_at": clock.frozen_at.isoformat() if clock.frozen_at else None,
                "offset_seconds": clock.offset // timedelta(seconds=1),
            }

        clock = await self._change(merchant_id, "clock.set", work)
        return clock, clock.at(real)

    async def _change(
        self, merchant_id: int, action: str, work: Callable[[BoardingTx], tuple[T, Facts]]
    ) -> T:
        """Do ``work``, which tells the facts to be recorded."""

        def changing(tx: BoardingTx) -> T:
            result, facts = work(tx)
            owner = OwnerRef.merchant(merchant_id)
            tx.audit.record(owner, self._actor, action, facts, at=self._clock.now())
            tx.boarding.changed()
            return result

        return await self._units.write(changing, merchant_id=merchant_id)


ClockChange = Callable[[MerchantClock, datetime], MerchantClock]


def freeze(at: datetime | None = None) -> ClockChange:
    """Stop the clock, at a given instant or where it is."""
    return lambda clock, real: MerchantClock(frozen_at=at or clock.at(real), offset=clock.offset)


def move(by: timedelta) -> ClockChange:
    """Move the clock; a frozen one stays frozen."""

    def moved(clock: MerchantClock, _real: datetime) -> MerchantClock:
        if clock.frozen_at is not None:
            return MerchantClock(frozen_at=clock.frozen_at + by, offset=clock.offset + by)
        return MerchantClock(offset=clock.offset + by)

    return moved


def release(_clock: MerchantClock, _real: datetime) -> MerchantClock:
    """Back to real time."""
    return MerchantClock()


def _merchant(tx: BoardingTx, merchant_id: int) -> Merchant:
    account = tx.boarding.account(merchant_id)
    if account is None:
        raise BadFacts("no such merchant")
    return account.merchant


def _rules(merchant: Merchant) -> Facts:
    """What is recorded of a merchant's rules: not where its one-time passwords go."""
    checks = merchant.checks
    return {
        "address": checks.address.value,
        "address_declines": checks.address_declines,
        "verification_required": checks.verification_required,
        "verification_declines": checks.verification_declines,
        "shown": checks.shown,
        "refund_factor": merchant.refund_factor.enabled,
    }


def _fitting(pattern: re.Pattern[str], text: str, what: str) -> str:
    if pattern.fullmatch(text) is None:
        raise BadFacts(f"not a {what}")
    return text


def _named(text: str, what: str, *, length_max: int = 100) -> str:
    stripped = text.strip()
    if not stripped or len(stripped) > length_max or not stripped.isprintable():
        raise BadFacts(f"{what} must have 1 to {length_max} printable characters")
    return stripped
