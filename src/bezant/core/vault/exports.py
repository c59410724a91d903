"""Card numbers for a party further down the line: encrypted so that only that party can read them.

A merchant's sales organization may hand in a public key. A card number leaves the vault in an envelope that
its private key alone opens; the merchant that fetched it cannot. Without such a key nothing leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from bezant.core.merchants import Merchant
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


class ExportUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[ExportTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    stored: StoredCard
    cardholder: str | None
    customer: str | None = None


class Exports:
    """Lets card numbers out of the vault. Each method raises ``ExportRefused``."""

    def __init__(self, *, units: ExportUnits, sealer: Sealer, envelopes: Envelopes) -> None:
        self._units = units
        self._sealer = sealer
        self._envelopes = envelopes

    async def of_payment(self, merchant: Merchant, payment_id: int) -> Export:
        """The card of an approved payment."""

        def work(tx: ExportTx) -> _Found | None:
            paid = tx.customers.card_paid_with(merchant.merchant_id, payment_id)
            stored = tx.cards.find(merchant.merchant_id, paid.token) if paid else None
            return _Found(stored=stored, cardholder=paid.cardholder) if paid and stored else None

        return self._export(merchant, await self._units.read(work))

    async def of_profile(self, merchant: Merchant, *, customer_id: int, profile_id: int) -> Export:
        """The card of a customer."""

        def work(tx: ExportTx) -> _Found | None:
            customer = tx.customers.find(merchant.merchant_id, customer_id)
            for profile in tx.customers.cards(merchant.merchant_id, customer_id):
                if customer is not None and profile.profile_id == profile_id:
                    stored = tx.cards.find(merchant.merchant_id, profile.card.token)
                    assert stored is not None
                    return _Found(
                        stored=stored, cardholder=profile.cardholder, customer=customer.details.name
                    )
            return None

        return self._export(merchant, await self._units.read(work))

    def _export(self, merchant: Merchant, found: _Found | None) -> Export:
        if found is None:
            raise ExportRefused(ExportRefusal.UNKNOWN_CARD)
        card = found.stored.card
        pan = self._sealer.open(merchant.merchant_id, card.token, found.stored.sealed)
        envelope = self._envelopes.seal(merchant.iso_id, pan, token=card.token)
        if envelope is None:
            raise ExportRefused(ExportRefusal.NO_KEY)
        return Export(card=card, cardholder=found.cardholder, customer=found.customer, envelope=envelope)
