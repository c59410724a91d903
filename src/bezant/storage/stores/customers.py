"""Customers of merchants, their cards and their bank accounts.

Nothing is buffered: a statement is sent when it is asked for. Only what cards were kept before in the same
transaction is written first, since a customer's card refers to one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Table, select, update

from bezant.core.payments import Kind
from bezant.core.vault import (
    AccountKind,
    Address,
    BankAccount,
    BankProfile,
    Brand,
    Card,
    CardProfile,
    Customer,
    Details,
    PaidCard,
)
from bezant.storage import tables as t
from bezant.storage.instants import to_micros
from bezant.storage.stores.cards import Cards
from bezant.storage.writes import Writes

_addresses: Final = msgspec.json.Decoder(tuple[Address, ...])


class CustomerRows:
    """Customers of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, cards: Cards) -> None:
        self._connection = connection
        self._writes = writes
        self._cards = cards

    # -- customers --------------------------------------------------------------------------------

    def add(self, customer: Customer, *, at: datetime) -> None:
        """Store a customer. Its merchant must have no other of that name."""
        self._insert(
            t.customers,
            merchant_id=customer.merchant_id,
            customer_id=customer.customer_id,
            created_at=to_micros(at),
            changed_at=to_micros(at),
            **_written(customer.details),
        )

    def change(self, customer: Customer, *, at: datetime) -> None:
        """Store a customer's details in place of those before."""
        self._writes.touch()
        self._connection.execute(
            update(t.customers)
            .where(
                t.customers.c.merchant_id == customer.merchant_id,
                t.customers.c.customer_id == customer.customer_id,
            )
            .values(changed_at=to_micros(at), **_written(customer.details))
        )

    def find(self, merchant_id: int, customer_id: int, *, lock: bool = False) -> Customer | None:
        """The merchant's customer with that id. With ``lock``, nobody else changes it meanwhile."""
        statement = select(t.customers).where(
            t.customers.c.merchant_id == merchant_id, t.customers.c.customer_id == customer_id
        )
        row = self._connection.execute(statement.with_for_update() if lock else statement).one_or_none()
        return None if row is None else _customer(row)

    def id_of(self, merchant_id: int, name: str) -> int | None:
        """The id of the merchant's customer with that name, in any case of letters."""
        return self._connection.execute(
            select(t.customers.c.customer_id).where(
                t.customers.c.merchant_id == merchant_id, t.customers.c.name_key == name.casefold()
            )
        ).scalar_one_or_none()

    def page(self, merchant_id: int, *, limit: int, offset: int) -> tuple[Customer, ...]:
        """The merchant's customers, oldest first."""
        rows = self._connection.execute(
            select(t.customers)
            .where(t.customers.c.merchant_id == merchant_id)
            .order_by(t.customers.c.customer_id)
            .limit(limit)
            .offset(offset)
        )
        return tuple(_customer(row) for row in rows)

    # -- cards ------------------------------------------------------------------------------------

    def cards(self, merchant_id: int, customer_id: int) -> tuple[CardProfile, ...]:
        """A customer's cards, oldest first."""
        mine, kept = t.customer_cards, t.cards
        rows = self._connection.execute(
            select(mine, kept.c.bin, kept.c.last4, kept.c.brand)
            .join(kept, (kept.c.merchant_id == mine.c.merchant_id) & (kept.c.token == mine.c.token))
            .where(mine.c.merchant_id == merchant_id, mine.c.customer_id == customer_id)
            .order_by(mine.c.profile_id)
        )
        return tuple(
            CardProfile(
                profile_id=row.profile_id,
                card=Card(token=row.token, bin=row.bin, last4=row.last4, brand=Brand(row.brand)),
                cardholder=row.cardholder,
                expiry=row.expiry,
            )
            for row in rows
        )

    def add_card(self, merchant_id: int, customer_id: int, profile: CardProfile, *, at: datetime) -> None:
        """Store a card of a customer. The card itself must be kept before."""
        self._cards.flush()
        self._insert(
            t.customer_cards,
            merchant_id=merchant_id,
            profile_id=profile.profile_id,
            customer_id=customer_id,
            token=profile.card.token,
            cardholder=profile.cardholder,
            expiry=profile.expiry,
            created_at=to_micros(at),
        )

    def renew_card(self, merchant_id: int, profile: CardProfile) -> None:
        """Store a profile's expiry and cardholder in place of those before."""
        self._update(
            t.customer_cards,
            merchant_id,
            profile.profile_id,
            cardholder=profile.cardholder,
            expiry=profile.expiry,
        )

    def card_paid_with(self, merchant_id: int, payment_id: int) -> PaidCard | None:
        """The card of an approved payment of that merchant."""
        paid = t.payments.c
        row = self._connection.execute(
            select(paid.token, paid.cardholder, paid.expiry).where(
                paid.merchant_id == merchant_id,
                paid.payment_id == payment_id,
                paid.kind.in_([Kind.SALE.value, Kind.AUTHORIZATION.value]),
                paid.answered_at.is_not(None),
                paid.reason.is_(None),
                paid.token.is_not(None),
            )
        ).one_or_none()
        if row is None:
            return None
        return PaidCard(token=row.token, cardholder=row.cardholder, expiry=row.expiry)

    # -- bank accounts ----------------------------------------------------------------------------

    def accounts(self, merchant_id: int, customer_id: int) -> tuple[BankProfile, ...]:
        """A customer's bank accounts, oldest first."""
        table = t.customer_accounts
        rows = self._connection.execute(
            select(table)
            .where(table.c.merchant_id == merchant_id, table.c.customer_id == customer_id)
            .order_by(table.c.profile_id)
        )
        return tuple(
            BankProfile(
                profile_id=row.profile_id,
                account=BankAccount(
                    routing_number=row.routing_number,
                    last4=row.last4,
                    kind=AccountKind(row.kind),
                    holder=row.holder,
                ),
                fingerprint=bytes(row.fingerprint),
                sealed=bytes(row.sealed),
            )
            for row in rows
        )

    def add_account(self, merchant_id: int, customer_id: int, profile: BankProfile, *, at: datetime) -> None:
        """Store a bank account of a customer."""
        self._insert(
            t.customer_accounts,
            merchant_id=merchant_id,
            profile_id=profile.profile_id,
            customer_id=customer_id,
            routing_number=profile.account.routing_number,
            last4=profile.account.last4,
            kind=profile.account.kind.value,
            holder=profile.account.holder,
            fingerprint=profile.fingerprint,
            sealed=profile.sealed,
            created_at=to_micros(at),
        )

    def renew_account(self, merchant_id: int, profile: BankProfile) -> None:
        """Store an account's holder and kind in place of those before."""
        self._update(
            t.customer_accounts,
            merchant_id,
            profile.profile_id,
            kind=profile.account.kind.value,
            holder=profile.account.holder,
        )

    # -- both -------------------------------------------------------------------------------------

    def remove(self, merchant_id: int, customer_id: int, profile_id: int) -> bool:
        """Remove a card or a bank account of a customer; whether there was one."""
        removed = 0
        for table in (t.customer_cards, t.customer_accounts):
            removed += self._connection.execute(
                table.delete().where(
                    table.c.merchant_id == merchant_id,
                    table.c.profile_id == profile_id,
                    table.c.customer_id == customer_id,
                )
            ).rowcount
        if removed:
            self._writes.touch()
        return removed > 0

    def _insert(self, table: Table, **values: object) -> None:
        self._writes.touch()
        self._connection.execute(table.insert().values(**values))

    def _update(self, table: Table, merchant_id: int, profile_id: int, **values: object) -> None:
        self._writes.touch()
        self._connection.execute(
            update(table)
            .where(table.c.merchant_id == merchant_id, table.c.profile_id == profile_id)
            .values(**values)
        )


def _written(details: Details) -> dict[str, Any]:
    return {
        "name": details.name,
        "name_key": details.name.casefold(),
        "company": details.company,
        "phone": details.phone,
        "email": details.email,
        "addresses": msgspec.json.encode(details.addresses).decode(),
    }


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        merchant_id=row.merchant_id,
        customer_id=row.customer_id,
        details=Details(
            name=row.name,
            company=row.company,
            phone=row.phone,
            email=row.email,
            addresses=_addresses.decode(row.addresses),
        ),
    )
