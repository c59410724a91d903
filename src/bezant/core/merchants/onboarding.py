"""Boarding on behalf of whoever holds an organization's key: a merchant at once, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from bezant.core.merchants.model import (
    Caller,
    Endpoint,
    Merchant,
    MerchantClock,
    Profile,
    Store,
    Terminal,
    TipRule,
)
from bezant.core.merchants.ports import SystemClock
from bezant.core.money import USD
from bezant.core.outcomes import BadFacts
from bezant.core.people import Actor, AuditTrail, Organization, OrganizationKind, OwnerRef

T = TypeVar("T")

TERMINAL_NUMBER_DIGITS = 10
VIRTUAL_TERMINAL = "139"
TIPS = TipRule(adjustable=True, percent_max=100)
ORIGIN: Final = re.compile(
    r"(https?://(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}(?::[0-9]{1,5})?)/?",
    re.ASCII,
)
"""Scheme, host and port of a web page; the first group is without the slash that may follow."""
_USUAL_PORTS: Final = {"http": ":80", "https": ":443"}


def origin_of(url: str) -> str | None:
    """The origin of a web address, in small letters and without a port that is the usual one."""
    scheme, mark, rest = url.partition("://")
    origin = f"{scheme}{mark}{re.split('[/?#]', rest, maxsplit=1)[0]}".lower()
    if ORIGIN.fullmatch(origin) is None:
        return None
    return origin.removesuffix(_USUAL_PORTS[scheme.lower()])


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMerchant:
    """A merchant with one store and one terminal, as it shall be."""

    name: str
    store: str
    zone: ZoneInfo
    label: str
    endpoint: Endpoint
    sandbox: bool


class OnboardingBoard(Protocol):
    """Accounts of one transaction."""

    def add_merchant(self, merchant: Merchant, *, at: datetime) -> None:
        """Store a merchant."""
        ...

    def add_store(self, merchant_id: int, store: Store, *, at: datetime) -> None:
        """Store a store."""
        ...

    def add_terminal(self, merchant_id: int, terminal: Terminal, *, at: datetime) -> None:
        """Store a terminal with its first, empty batch."""
        ...

    def put_origins(self, merchant_id: int, origins: Sequence[str]) -> None:
        """Store the origins of a merchant's web pages, in place of those it has."""
        ...

    def changed(self) -> None:
        """Let every process know."""
        ...


class OnboardingPeople(Protocol):
    """Organizations of one transaction."""

    def organization(self, owner: OwnerRef) -> Organization | None:
        """An organization and its place."""
        ...

    def assign_office(self, merchant_id: int, office_id: int | None) -> None:
        """Let an office look after a merchant, or none."""
        ...


class OnboardingTx(Protocol):
    """The stores of one transaction that this use case needs."""

    @property
    def boarding(self) -> OnboardingBoard:
        """Accounts."""
        ...

    @property
    def people(self) -> OnboardingPeople:
        """Organizations."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """The audit logs."""
        ...


class OnboardingUnits(Protocol):
    """Runs work in a transaction."""

    async def write(self, work: Callable[[OnboardingTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...


class NewNumbers(Protocol):
    """Fresh ids and random names."""

    async def take(self) -> int:
        """A new id."""
        ...

    def app_name(self) -> str:
        """32 random letters and digits."""
        ...

    def random_digits(self, length: int) -> str:
        """So many random digits."""
        ...


class Onboarding:
    """Boards and changes merchants of sales organizations and of their offices."""

    def __init__(self, *, units: OnboardingUnits, names: NewNumbers, clock: SystemClock) -> None:
        self._units = units
        self._names = names
        self._clock = clock

    async def board(self, actor: Actor, owner: OwnerRef, wanted: NewMerchant) -> Caller:
        """The new merchant's terminal; it belongs to the sales organization, and to the office if one boards.

        Raises ``BadFacts`` for an owner that boards nobody, ``Conflict`` when a number is taken.
        """
        at = self._clock.now()
        merchant_id = await self._names.take()
        store = Store(store_id=await self._names.take(), name=wanted.store, zone=wanted.zone)
        terminal = Terminal(
            terminal_id=await self._names.take(),
            store_id=store.store_id,
            number="2" + self._names.random_digits(TERMINAL_NUMBER_DIGITS - 1),
            label=wanted.label,
            device_model=VIRTUAL_TERMINAL,
            endpoints={Profile.TRADITIONAL: wanted.endpoint},
            tips=TIPS,
        )
        app_id = self._names.app_name()

        def work(tx: OnboardingTx) -> Caller:
            boarding = tx.people.organization(owner)
            if boarding is None or owner.kind is OrganizationKind.MERCHANT:
                raise BadFacts("nobody who boards merchants")
            sponsor = boarding.above[-1] if boarding.above else boarding.owner
            merchant = Merchant(
                merchant_id=merchant_id,
                iso_id=sponsor.owner_id,
                name=wanted.name,
                app_id=app_id,
                currency=USD,
                sandbox=wanted.sandbox,
                clock=MerchantClock(),
            )
            tx.boarding.add_merchant(merchant, at=at)
            tx.boarding.add_store(merchant_id, store, at=at)
            tx.boarding.add_terminal(merchant_id, terminal, at=at)
            if owner.kind is OrganizationKind.AGENT_OFFICE:
                tx.people.assign_office(merchant_id, owner.owner_id)
            tx.audit.record(owner, actor, "merchant.boarded", {"merchant_id": merchant_id}, at=at)
            tx.boarding.changed()
            return Caller(merchant=merchant, store=store, terminal=terminal)

        return await self._units.write(work, merchant_id=merchant_id)

    async def set_origins(
        self, actor: Actor, owner: OwnerRef, merchant_id: int, origins: Sequence[str]
    ) -> bool:
        """Let a merchant have web pages at these origins and no others; whether it is ``owner``'s merchant.

        A merchant that is somebody else's is not told apart from one that there is not.
        """
        at = self._clock.now()
        merchant = OwnerRef.merchant(merchant_id)

        def work(tx: OnboardingTx) -> bool:
            found = tx.people.organization(merchant)
            if found is None or found.owner == owner or not found.is_within(owner):
                return False
            tx.boarding.put_origins(merchant_id, origins)
            tx.audit.record(merchant, actor, "merchant.origins_set", {"origins": len(origins)}, at=at)
            tx.boarding.changed()
            return True

        return await self._units.write(work, merchant_id=merchant_id)
