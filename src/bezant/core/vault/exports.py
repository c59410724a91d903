"""Card numbers for a party further down the line: encrypted so that only that party can read them.

A merchant's sales organization may hand in a public key. A card number leaves the vault in an envelope that
its private key alone opens; the merchant that fetched it cannot. Without such a key nothing leaves. What
leaves stands in the merchant's audit log first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from bezant.core.merchants import Caller, SystemClock
from bezant.core.people import Actor, ActorKind, AuditTrail, Facts, OwnerRef
from bezant.core.sensitive import Pan
from bezant.core.vault.customers import CustomerStore
from bezant.core.vault.model import Card, StoredCard
from bezant.core.vault.ports import CardStore, Sealer

T = TypeVar("T")


class ExportRefusal(StrEnum):
    """Why a card number does not leave the vault."""

    NO_KEY = "no_key"
    UNKNOWN_CARD = "unknown_card"


class ExportRefused(Exception):
    """The card number does not leave the vault."""

    def __init__(self, refusal: ExportRefusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A card number under a random session key, and that key under the public key of who may read it."""

    encrypted_pan: bytes
    wrapped_key: bytes


class Envelopes(Protocol):
    """Seals envelopes for sales organizations."""

    def seal(self, iso_id: int, pan: Pan, *, token: str) -> Envelope | None:
        """The number in an envelope that is bound to its token; None without that organization's key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A card that leaves the vault."""

    card: Card
    cardholder: str | None
    customer: str | None
    envelope: Envelope


class ExportTx(Protocol):
    """The stores of one transaction that exports need."""

    @property
    def cards(self) -> CardStore:
        """Cards."""
        ...

    @property
    def customers(self) -> CustomerStore:
        """Customers."""
        ...

    @property
    def audit(self) -> AuditTrail:
        """Audit logs."""
        ...


class ExportUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[ExportTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[ExportTx], T], *, merchant_id: int) -> T:
        """Run ``work`` in one transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    stored: StoredCard
    cardholder: str | None
    customer: str | None = None


class Exports:
    """Lets card numbers out of the vault. Each method raises ``ExportRefused``."""

    def __init__(
        self, *, units: ExportUnits, sealer: Sealer, envelopes: Envelopes, clock: SystemClock
    ) -> None:
        self._units = units
        self._sealer = sealer
        self._envelopes = envelopes
        self._clock = clock

    async def of_payment(self, caller: Caller, payment_id: int) -> Export:
        """The card of an approved payment."""
        merchant_id = caller.merchant.merchant_id

        def work(tx: ExportTx) -> _Found | None:
            paid = tx.customers.card_paid_with(merchant_id, payment_id)
            stored = tx.cards.find(merchant_id, paid.token) if paid else None
            return _Found(stored=stored, cardholder=paid.cardholder) if paid and stored else None

        return await self._export(caller, await self._units.read(work), {"payment_id": payment_id})

    async def of_profile(self, caller: Caller, *, customer_id: int, profile_id: int) -> Export:
        """The card of a customer."""
        merchant_id = caller.merchant.merchant_id

        def work(tx: ExportTx) -> _Found | None:
            customer = tx.customers.find(merchant_id, customer_id)
            for profile in tx.customers.cards(merchant_id, customer_id):
                if customer is not None and profile.profile_id == profile_id:
                    stored = tx.cards.find(merchant_id, profile.card.token)
                    assert stored is not None
                    return _Found(
                        stored=stored, cardholder=profile.cardholder, customer=customer.details.name
                    )
            return None

        named = {"customer_id": customer_id, "profile_id": profile_id}
        return await self._export(caller, await self._units.read(work), named)

    async def _export(self, caller: Caller, found: _Found | None, named: Facts) -> Export:
        if found is None:
            raise ExportRefused(ExportRefusal.UNKNOWN_CARD)
        merchant, card = caller.merchant, found.stored.card
        pan = self._sealer.open(merchant.merchant_id, card.token, found.stored.sealed)
        envelope = self._envelopes.seal(merchant.iso_id, pan, token=card.token)
        if envelope is None:
            raise ExportRefused(ExportRefusal.NO_KEY)

        def record(tx: ExportTx) -> None:
            facts = {**named, "card": f"{card.bin}...{card.last4}", "to_iso": merchant.iso_id}
            tx.audit.record(
                OwnerRef.merchant(merchant.merchant_id), actor, "card.exported", facts, at=self._clock.now()
            )

        actor = Actor(kind=ActorKind.API_KEY, name=merchant.app_id, origin=f"EPI {caller.terminal.number}")
        await self._units.write(record, merchant_id=merchant.merchant_id)
        return Export(card=card, cardholder=found.cardholder, customer=found.customer, envelope=envelope)
