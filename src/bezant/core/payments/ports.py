"""What payments need from outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from bezant.core.batches import BatchStore, Totals
from bezant.core.catalogue import CatalogueStore
from bezant.core.ledger import Journal
from bezant.core.merchants import Profile
from bezant.core.outcomes import Answer
from bezant.core.payments.messages import BatchTotals, Message
from bezant.core.payments.model import Kind, Payment
from bezant.core.payments.queries import Page, PaymentQuery
from bezant.core.vault import CardStore, SingleUseStore

T = TypeVar("T")

NOTHING_SETTLED = 0
"""Stands for the settlement that a key was used for when there was nothing to settle. No id is 0."""


class Acquirer(Protocol):
    """A card network. Network trouble is an answer, never an exception."""

    async def send(self, message: Message) -> Answer:
        """Send a payment message and wait for its answer, up to the rail's own time limit."""
        ...

    async def close_batch(self, totals: BatchTotals) -> Answer:
        """Tell the totals of a batch."""
        ...


class Ids(Protocol):
    """Ids of payments and settlements: increasing within a process, unique in the whole gateway."""

    async def take(self) -> int:
        """The next id."""
        ...


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """An idempotency key that was used: by what request, and what came of it.

    ``subject_id`` is the payment or the settlement, or ``NOTHING_SETTLED``.
    """

    merchant_id: int
    terminal_id: int
    key: str
    fingerprint: bytes
    subject_id: int
    claimed_at: datetime


class Bond(Protocol):
    """What a charge is made for, told of it in the transactions that store the charge and its outcome.

    A charge that is bound is approved in full or not at all. ``at`` is the merchant's time.
    """

    def begin(self, tx: PaymentTx, draft: Payment) -> None:
        """The charge is about to be stored. What it raises keeps the charge from being made."""
        ...

    def end(self, tx: PaymentTx, payment: Payment, *, at: datetime) -> None:
        """The charge has been decided on. What became of one that stays in doubt is told to nobody."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A message to the network that must be taken back until the network confirms it.

    ``payment_id`` is the payment in doubt, or the void whose reversal was not answered. Times are real.
    """

    merchant_id: int
    payment_id: int
    tries: int
    next_try_at: datetime
    created_at: datetime
    confirmed_at: datetime | None = None
    escalated: bool = False


class PaymentStore(Protocol):
    """Payments of one transaction."""

    def add(self, payment: Payment) -> None:
        """Store a new payment."""
        ...

    def change(self, before: Payment, after: Payment, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current.

        ``at`` is the merchant's time.
        """
        ...

    def find(self, merchant_id: int, payment_id: int) -> Payment | None:
        """A payment of that merchant, locked to be changed."""
        ...

    def find_by_reference(
        self, merchant_id: int, terminal_id: int, *, retrieval_reference: str, audit_number: int
    ) -> Payment | None:
        """The payment, not a void, that the network knows by both numbers; locked to be changed."""
        ...

    def find_by_retrieval_reference(
        self, merchant_id: int, terminal_id: int, *, retrieval_reference: str, kinds: Collection[Kind]
    ) -> Payment | None:
        """The terminal's payment of one of those kinds with that reference; locked to be changed.

        Of several, one that is in force or under way comes first, then the newest.
        """
        ...

    def has_twin(self, draft: Payment, token: str, *, since: datetime) -> bool:
        """Whether a payment like ``draft`` on that card was asked for since then and stands or is under way.

        Like it: of its terminal and kind, with its invoice and base amount.
        """
        ...

    def totals(self, merchant_id: int, terminal_id: int, batch_number: int) -> Mapping[Profile, Totals]:
        """What the captured members of a batch add up to, by profile."""
        ...

    def settle(self, merchant_id: int, terminal_id: int, batch_number: int, *, settled_at: datetime) -> None:
        """Every captured member of a batch becomes settled."""
        ...

    def page(self, query: PaymentQuery) -> Page:
        """One page of a list, newest first."""
        ...

    def held_too_long(self, real: datetime, life: timedelta, limit: int) -> Sequence[Payment]:
        """Open authorizations that are older than ``life`` by their merchants' clocks."""
        ...

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Payment]:
        """Payments still being sent whose lease ended before that instant."""
        ...


class ReversalStore(Protocol):
    """Reversals of one transaction."""

    def add(self, reversal: Reversal) -> None:
        """Queue a reversal."""
        ...

    def due(self, before: datetime, limit: int) -> Sequence[Reversal]:
        """Unconfirmed reversals whose next try is due, oldest first."""
        ...

    def change(self, before: Reversal, after: Reversal) -> None:
        """Store a try or a confirmation; raises ``Conflict`` unless ``before`` was current."""
        ...


class ClaimStore(Protocol):
    """Idempotency keys of one transaction."""

    def find(self, merchant_id: int, terminal_id: int, key: str) -> Claim | None:
        """Who used that key."""
        ...

    def add(self, claim: Claim) -> None:
        """Use a key; a second use fails at the end of the transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """An answer that nobody was waiting for any more, masked."""

    kind: str
    received_at: datetime
    terminal_number: str | None
    audit_number: int | None
    retrieval_reference: str | None
    response_code: str | None
    approval_code: str | None
    amount_minor: int | None


class StrayStore(Protocol):
    """Strays of one transaction."""

    def add(self, stray_id: int, stray: Stray) -> None:
        """Keep one."""
        ...


class SettlementDays(Protocol):
    """When terminals last settled by themselves."""

    def note_settled(self, merchant_id: int, terminal_id: int, day: date) -> None:
        """A terminal has kept that local day's settlement time."""
        ...


class PaymentTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def merchants(self) -> SettlementDays:
        """Terminals."""
        ...

    @property
    def payments(self) -> PaymentStore:
        """Payments."""
        ...

    @property
    def batches(self) -> BatchStore:
        """Batches."""
        ...

    @property
    def journal(self) -> Journal:
        """The ledger."""
        ...

    @property
    def catalogue(self) -> CatalogueStore:
        """What the terminals sell."""
        ...

    @property
    def cards(self) -> CardStore:
        """The vault."""
        ...

    @property
    def single_use(self) -> SingleUseStore:
        """Tokens for one charge."""
        ...

    @property
    def claims(self) -> ClaimStore:
        """Idempotency keys."""
        ...

    @property
    def reversals(self) -> ReversalStore:
        """Reversals."""
        ...

    @property
    def strays(self) -> StrayStore:
        """Stray answers."""
        ...


class Wanted(msgspec.Struct, frozen=True):
    """What a work will ask for: an idempotency key of its terminal, and a card of its merchant."""

    merchant_id: int
    terminal_id: int
    key: str | None
    token: str | None


class PaymentUnits(Protocol):
    """Runs work in a transaction. Work is plain code without side effects: it may run more than once."""

    async def read(self, work: Callable[[PaymentTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(
        self,
        work: Callable[[PaymentTx], T],
        *,
        merchant_id: int,
        terminal_id: int | None = None,
        wanted: Wanted | None = None,
        blind: bool = False,
    ) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind.

        ``terminal_id`` names the terminal whose open batch the work will ask for: it is fetched with
        those of the other works of the group; and so is what is ``wanted``. Such a work is short. ``blind``:
        it reads nothing else, so that it can be run beside others without asking the database again.
        """
        ...
