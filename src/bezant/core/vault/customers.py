"""Customers of a merchant, and the cards and bank accounts that are kept for them.

A customer has at most five cards, five bank accounts and five addresses, however many requests come at once:
whoever adds one holds the customer's row until it is committed. To add what is there already is to have it
renewed, under the id that it has, so that a request that is sent again fills no place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from bezant.core.merchants import SystemClock
from bezant.core.sensitive import AccountNumber, Pan
from bezant.core.vault.model import Card, StoredCard
from bezant.core.vault.ports import CardStore, Sealer
from bezant.core.vault.service import seal

T = TypeVar("T")

CARDS_MAX: Final = 5
ACCOUNTS_MAX: Final = 5
ADDRESSES_MAX: Final = 5


class Refusal(StrEnum):
    """Why something is not done for a customer. Nothing was recorded then."""

    UNKNOWN_CUSTOMER = "unknown_customer"
    UNKNOWN_PROFILE = "unknown_profile"
    UNKNOWN_CARD = "unknown_card"
    UNKNOWN_PAYMENT = "unknown_payment"
    NAME_TAKEN = "name_taken"
    LABEL_TAKEN = "label_taken"
    ADDRESSES_FULL = "addresses_full"
    CARDS_FULL = "cards_full"
    ACCOUNTS_FULL = "accounts_full"


class CustomerRefused(Exception):
    """It is not done, and nothing was recorded. Another merchant's is as unknown as nobody's."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to bill or to ship to. Whatever is not known is None."""

    name: str | None = None
    street_number: str | None = None
    street: str | None = None
    unit: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of a customer, by a label that its other addresses do not have."""

    label: str
    billing: Place
    shipping: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a merchant says of a customer. Names are unique within the merchant, in any case of letters."""

    name: str
    company: str | None = None
    phone: str | None = None
    email: str | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who pays a merchant, again and again."""

    merchant_id: int
    customer_id: int
    details: Details


@dataclass(frozen=True, slots=True, kw_only=True)
class CardProfile:
    """A card that is kept for a customer. ``expiry`` is YYMM."""

    profile_id: int
    card: Card
    cardholder: str | None
    expiry: str | None


class AccountKind(StrEnum):
    """What sort of bank account it is."""

    CHECKING = "checking"
    SAVINGS = "savings"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """What may be shown and stored in clear of a bank account."""

    routing_number: str
    last4: str
    kind: AccountKind
    holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankProfile:
    """A bank account that is kept for a customer, its number sealed for this profile alone.

    ``fingerprint`` tells the merchant's same account again, without its number.
    """

    profile_id: int
    account: BankAccount
    fingerprint: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidCard:
    """The card of an approved payment, as that payment had it."""

    token: str
    cardholder: str | None
    expiry: str | None


class AccountSealer(Sealer, Protocol):
    """Ciphertexts of bank account numbers, too."""

    def account_fingerprint(self, merchant_id: int, routing_number: str, account: AccountNumber) -> bytes:
        """The same for the same merchant and account, unguessable without the key."""
        ...

    def seal_account(self, merchant_id: int, profile_id: int, account: AccountNumber) -> bytes:
        """The number encrypted and bound to its merchant and profile."""
        ...

    def open_account(self, merchant_id: int, profile_id: int, sealed: bytes) -> AccountNumber:
        """The number back. Raises ``ValueError`` when it was not sealed for this merchant and profile."""
        ...


class CustomerStore(Protocol):
    """Customers of one transaction."""

    def add(self, customer: Customer, *, at: datetime) -> None:
        """Store a customer. Its merchant must have no other of that name."""
        ...

    def change(self, customer: Customer, *, at: datetime) -> None:
        """Store a customer's details in place of those before."""
        ...

    def find(self, merchant_id: int, customer_id: int, *, lock: bool = False) -> Customer | None:
        """The merchant's customer with that id. With ``lock``, nobody else changes it meanwhile."""
        ...

    def id_of(self, merchant_id: int, name: str) -> int | None:
        """The id of the merchant's customer with that name, in any case of letters."""
        ...

    def page(self, merchant_id: int, *, limit: int, offset: int) -> tuple[Customer, ...]:
        """The merchant's customers, oldest first."""
        ...

    def cards(self, merchant_id: int, customer_id: int) -> tuple[CardProfile, ...]:
        """A customer's cards, oldest first."""
        ...

    def add_card(self, merchant_id: int, customer_id: int, profile: CardProfile, *, at: datetime) -> None:
        """Store a card of a customer. The card itself must be kept before."""
        ...

    def renew_card(self, merchant_id: int, profile: CardProfile) -> None:
        """Store a profile's expiry and cardholder in place of those before."""
        ...

    def accounts(self, merchant_id: int, customer_id: int) -> tuple[BankProfile, ...]:
        """A customer's bank accounts, oldest first."""
        ...

    def add_account(self, merchant_id: int, customer_id: int, profile: BankProfile, *, at: datetime) -> None:
        """Store a bank account of a customer."""
        ...

    def renew_account(self, merchant_id: int, profile: BankProfile) -> None:
        """Store an account's holder and kind in place of those before."""
        ...

    def remove(self, merchant_id: int, customer_id: int, profile_id: int) -> bool:
        """Remove a card or a bank account of a customer; whether there was one."""
        ...

    def card_paid_with(self, merchant_id: int, payment_id: int) -> PaidCard | None:
        """The card of an approved payment of that merchant."""
        ...


class CustomerTx(Protocol):
    """The stores of one transaction that customers need."""

    @property
    def cards(self) -> CardStore:
        """Cards."""
        ...

    @property
    def customers(self) -> CustomerStore:
        """Customers."""
        ...


class CustomerUnits(Protocol):
    """Runs work in a transaction. Work is plain code that may run more than once."""

    async def read(self, work: Callable[[CustomerTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[CustomerTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit."""
        ...


class NewIds(Protocol):
    """Fresh ids."""

    async def take(self) -> int:
        """A new id."""
        ...


_Found = tuple[StoredCard, str | None, str | None]
"""A card that can be kept for a customer, its cardholder and its expiry."""


class Customers:
    """The customers of every merchant. Each method raises ``CustomerRefused``."""

    def __init__(
        self, *, units: CustomerUnits, sealer: AccountSealer, ids: NewIds, clock: SystemClock
    ) -> None:
        self._units = units
        self._sealer = sealer
        self._ids = ids
        self._clock = clock

    async def add(self, merchant_id: int, details: Details) -> int:
        """A new customer's id. Refused: a name, a label that is taken; too many addresses."""
        customer = Customer(
            merchant_id=merchant_id,
            customer_id=await self._ids.take(),
            details=_sound(details),
        )

        def work(tx: CustomerTx) -> int | Refusal:
            if tx.customers.id_of(merchant_id, details.name) is not None:
                return Refusal.NAME_TAKEN
            tx.customers.add(customer, at=self._clock.now())
            return customer.customer_id

        return await self._write(merchant_id, work)

    async def edit(self, merchant_id: int, customer_id: int, change: Callable[[Details], Details]) -> None:
        """Change a customer's details. Refused as in ``add``, and when there is no such customer."""

        def work(tx: CustomerTx) -> Refusal | None:
            known = tx.customers.find(merchant_id, customer_id, lock=True)
            if known is None:
                return Refusal.UNKNOWN_CUSTOMER
            details = change(known.details)
            if refusal := _unsound(details):
                return refusal
            if tx.customers.id_of(merchant_id, details.name) not in {None, customer_id}:
                return Refusal.NAME_TAKEN
            tx.customers.change(replace(known, details=details), at=self._clock.now())
            return None

        await self._write(merchant_id, work)

    async def get(self, merchant_id: int, customer_id: int) -> Customer:
        """A customer. Refused when there is none."""
        found = await self._units.read(lambda tx: tx.customers.find(merchant_id, customer_id))
        return _granted(found or Refusal.UNKNOWN_CUSTOMER)

    async def page(self, merchant_id: int, *, limit: int, offset: int) -> tuple[Customer, ...]:
        """A merchant's customers, oldest first."""
        return await self._units.read(lambda tx: tx.customers.page(merchant_id, limit=limit, offset=offset))

    async def cards(self, merchant_id: int, customer_id: int) -> tuple[CardProfile, ...]:
        """A customer's cards, oldest first. Refused when there is no such customer."""
        return await self._read_of(
            merchant_id, customer_id, lambda tx: tx.customers.cards(merchant_id, customer_id)
        )

    async def accounts(self, merchant_id: int, customer_id: int) -> tuple[BankProfile, ...]:
        """A customer's bank accounts, oldest first. Refused when there is no such customer."""
        return await self._read_of(
            merchant_id, customer_id, lambda tx: tx.customers.accounts(merchant_id, customer_id)
        )

    async def add_card(
        self, merchant_id: int, customer_id: int, pan: Pan, *, cardholder: str, expiry: str
    ) -> int:
        """The profile id of a card by its number. Refused when there is no customer or no place."""
        stored = seal(self._sealer, merchant_id, pan)
        return await self._add_card(merchant_id, customer_id, lambda _: (stored, cardholder, expiry))

    async def add_card_by_token(
        self, merchant_id: int, customer_id: int, token: str, *, cardholder: str | None
    ) -> int:
        """The profile id of a card by its token. Refused also when the merchant has no such card."""

        def find(tx: CustomerTx) -> _Found | Refusal:
            stored = tx.cards.find(merchant_id, token)
            return Refusal.UNKNOWN_CARD if stored is None else (stored, cardholder, None)

        return await self._add_card(merchant_id, customer_id, find)

    async def add_card_of_payment(
        self, merchant_id: int, customer_id: int, payment_id: int, *, cardholder: str | None
    ) -> int:
        """The profile id of the card of an approved payment. Refused also when there is no such payment."""

        def find(tx: CustomerTx) -> _Found | Refusal:
            paid = tx.customers.card_paid_with(merchant_id, payment_id)
            stored = tx.cards.find(merchant_id, paid.token) if paid else None
            if paid is None or stored is None:
                return Refusal.UNKNOWN_PAYMENT
            return stored, cardholder or paid.cardholder, paid.expiry

        return await self._add_card(merchant_id, customer_id, find)

    async def add_account(
        self,
        merchant_id: int,
        customer_id: int,
        *,
        routing_number: str,
        number: AccountNumber,
        kind: AccountKind,
        holder: str | None,
    ) -> int:
        """The profile id of a bank account. Refused when there is no customer or no place."""
        profile_id = await self._ids.take()
        wanted = BankProfile(
            profile_id=profile_id,
            account=BankAccount(
                routing_number=routing_number, last4=number.mask()[-4:], kind=kind, holder=holder
            ),
            fingerprint=self._sealer.account_fingerprint(merchant_id, routing_number, number),
            sealed=self._sealer.seal_account(merchant_id, profile_id, number),
        )

        def work(tx: CustomerTx) -> int | Refusal:
            if tx.customers.find(merchant_id, customer_id, lock=True) is None:
                return Refusal.UNKNOWN_CUSTOMER
            profiles = tx.customers.accounts(merchant_id, customer_id)
            for known in profiles:
                if known.fingerprint == wanted.fingerprint:
                    account = replace(known.account, kind=kind, holder=holder or known.account.holder)
                    tx.customers.renew_account(merchant_id, replace(known, account=account))
                    return known.profile_id
            if len(profiles) >= ACCOUNTS_MAX:
                return Refusal.ACCOUNTS_FULL
            tx.customers.add_account(merchant_id, customer_id, wanted, at=self._clock.now())
            return profile_id

        return await self._write(merchant_id, work)

    async def remove(self, merchant_id: int, customer_id: int, profile_id: int) -> None:
        """Remove a card or a bank account of a customer. The card's token goes on working."""

        def work(tx: CustomerTx) -> Refusal | None:
            if tx.customers.find(merchant_id, customer_id, lock=True) is None:
                return Refusal.UNKNOWN_CUSTOMER
            removed = tx.customers.remove(merchant_id, customer_id, profile_id)
            return None if removed else Refusal.UNKNOWN_PROFILE

        await self._write(merchant_id, work)

    async def _add_card(
        self, merchant_id: int, customer_id: int, find: Callable[[CustomerTx], _Found | Refusal]
    ) -> int:
        profile_id = await self._ids.take()

        def work(tx: CustomerTx) -> int | Refusal:
            if tx.customers.find(merchant_id, customer_id, lock=True) is None:
                return Refusal.UNKNOWN_CUSTOMER
            found = find(tx)
            if isinstance(found, Refusal):
                return found
            stored, cardholder, expiry = found
            profiles = tx.customers.cards(merchant_id, customer_id)
            for known in profiles:
                if known.card.token == stored.card.token:
                    renewed = replace(
                        known, cardholder=cardholder or known.cardholder, expiry=expiry or known.expiry
                    )
                    tx.customers.renew_card(merchant_id, renewed)
                    return known.profile_id
            if len(profiles) >= CARDS_MAX:
                return Refusal.CARDS_FULL
            tx.cards.keep(stored)
            profile = CardProfile(
                profile_id=profile_id, card=stored.card, cardholder=cardholder, expiry=expiry
            )
            tx.customers.add_card(merchant_id, customer_id, profile, at=self._clock.now())
            return profile_id

        return await self._write(merchant_id, work)

    async def _read_of(self, merchant_id: int, customer_id: int, work: Callable[[CustomerTx], T]) -> T:
        def reading(tx: CustomerTx) -> T | Refusal:
            known = tx.customers.find(merchant_id, customer_id)
            return Refusal.UNKNOWN_CUSTOMER if known is None else work(tx)

        return _granted(await self._units.read(reading))

    async def _write(self, merchant_id: int, work: Callable[[CustomerTx], T | Refusal]) -> T:
        # A refusal is a value until here: a work that raised would have those of its group run once more.
        return _granted(await self._units.write(work, merchant_id=merchant_id))


def _granted(found: T | Refusal) -> T:
    if isinstance(found, Refusal):
        raise CustomerRefused(found)
    return found


def _sound(details: Details) -> Details:
    if refusal := _unsound(details):
        raise CustomerRefused(refusal)
    return details


def _unsound(details: Details) -> Refusal | None:
    if len(details.addresses) > ADDRESSES_MAX:
        return Refusal.ADDRESSES_FULL
    labels = {address.label.casefold() for address in details.addresses}
    return None if len(labels) == len(details.addresses) else Refusal.LABEL_TAKEN
