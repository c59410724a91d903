"""What consumer finance needs from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.bnpl.messages import (
    CustomerAnswer,
    CustomerQuestion,
    Inquiry,
    InquiryAnswer,
    LoanAnswer,
    LoanMessage,
    PlansAnswer,
    PlansQuestion,
    ReturnAnswer,
    ReturnMessage,
)
from bezant.core.bnpl.model import Loan, LoanRefund, Password, Program
from bezant.core.deliveries import DeliveryStore
from bezant.core.ledger import Journal
from bezant.core.merchants import Caller
from bezant.core.sensitive import Secret

T = TypeVar("T")


class Lender(Protocol):
    """Whoever lends. Network trouble is an answer, never an exception.

    An answer that is broken, or names another message than the one it answers, is ``Unresolved``.
    """

    async def customer(self, question: CustomerQuestion) -> CustomerAnswer:
        """Whether a customer is known; ``Declined(UNKNOWN_CUSTOMER)`` when not."""
        ...

    async def plans(self, question: PlansQuestion) -> PlansAnswer:
        """Which plans a customer could have, or why none."""
        ...

    async def grant(self, message: LoanMessage) -> LoanAnswer:
        """Grant a loan, and wait for the answer up to the rail's own time limit."""
        ...

    async def give_back(self, message: ReturnMessage) -> ReturnAnswer:
        """Take money off a loan, and wait for the answer up to the rail's own time limit."""
        ...

    async def inquire(self, inquiry: Inquiry) -> InquiryAnswer:
        """What became of a message.

        It fences: where the lender has not booked it, it answers ``Declined(NOT_BOOKED)`` and refuses that
        message from then on, so that one that is still on its way books nothing.
        """
        ...


class Texts(Protocol):
    """Sends text messages to phones. Network trouble is an answer, never an exception."""

    async def send(self, *, phone: str, text: Secret) -> bool:
        """Whether somebody has taken it to be delivered. Neither is logged."""
        ...


class Ids(Protocol):
    """Ids: increasing within a process, unique in the whole gateway."""

    async def take(self) -> int:
        """The next id."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


class PasswordMaker(Protocol):
    """Keyed hashes, and what must not be guessed."""

    def digest(self, secret: str) -> bytes:
        """A keyed hash of ``secret``."""
        ...

    def one_time_password(self) -> Secret:
        """Six random digits."""
        ...


class FinanceStore(Protocol):
    """Programs, passwords, loans and refunds of one transaction."""

    def program(self, merchant_id: int) -> Program | None:
        """A merchant's settings."""
        ...

    def keep_program(self, program: Program) -> None:
        """Store a merchant's settings, new or instead of those before."""
        ...

    def password(self, merchant_id: int, reference: str) -> Password | None:
        """The last password of an order, locked to be changed."""
        ...

    def keep_password(self, before: Password | None, after: Password) -> None:
        """Store an order's password. Raises ``Conflict`` unless ``before`` was current."""
        ...

    def drop_password(self, password: Password) -> None:
        """Forget a password that reached nobody. Nothing where it is not current any more."""
        ...

    def wrong_since(self, merchant_id: int, phone: str, since: datetime) -> int:
        """Wrong tries at the passwords of a phone's orders whose last one was made since then."""
        ...

    def add_loan(self, loan: Loan) -> None:
        """Store a new loan.

        Fails, at the end of the transaction at the latest, when the order has one that is granted, under
        way or in doubt.
        """
        ...

    def change_loan(self, before: Loan, after: Loan, *, at: datetime) -> None:
        """Store a step; at the end of the transaction raises ``Conflict`` unless ``before`` was current.

        ``at`` is the merchant's time.
        """
        ...

    def loan(self, merchant_id: int, loan_id: int) -> Loan | None:
        """A loan of that merchant, locked to be changed."""
        ...

    def loan_of(self, merchant_id: int, reference: str) -> Loan | None:
        """The loan that counts for a reference (see ``Order``), locked to be changed."""
        ...

    def add_refund(self, refund: LoanRefund) -> None:
        """Store a new refund.

        Fails, at the end of the transaction at the latest, when its reference names one that is done, under
        way or in doubt.
        """
        ...

    def change_refund(self, before: LoanRefund, after: LoanRefund, *, at: datetime) -> None:
        """Store a step, as ``change_loan``."""
        ...

    def refund(self, merchant_id: int, refund_id: int) -> LoanRefund | None:
        """A refund of that merchant, locked to be changed."""
        ...

    def refund_named(self, merchant_id: int, refund_reference: str) -> LoanRefund | None:
        """The refund with that reference that is done, under way or in doubt."""
        ...

    def refunds_of(self, merchant_id: int, loan_id: int) -> Sequence[LoanRefund]:
        """A loan's refunds, in the order they were asked for."""
        ...

    def leases_run_out(self, before: datetime, limit: int) -> Sequence[Loan | LoanRefund]:
        """Loans and refunds still being sent whose lease ended before that instant."""
        ...

    def to_inquire(self, before: datetime, limit: int) -> Sequence[Loan | LoanRefund]:
        """Loans and refunds in doubt whose next inquiry is due, oldest first."""
        ...


class FinanceTx(Protocol):
    """The stores of one transaction that this domain uses."""

    @property
    def finance(self) -> FinanceStore:
        """Programs, passwords, loans and refunds."""
        ...

    @property
    def deliveries(self) -> DeliveryStore:
        """What the outside is to be told."""
        ...

    @property
    def journal(self) -> Journal:
        """The ledger."""
        ...


class FinanceUnits(Protocol):
    """Runs work in a transaction. Work is plain code without side effects: it may run more than once."""

    async def read(self, work: Callable[[FinanceTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[FinanceTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...
