"""Links are found right after a busy day, and wrong after every damage that a rule knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from bezant.core.invoices import Objected
from bezant.core.outcomes import Declined, Reason
from bezant.storage.verify import CHECKS
from bezant.storage.verify.invoices import INVOICES
from tests.storage.billing import billing_of
from tests.storage.shop import SILENCE, Shop

pytestmark = pytest.mark.anyio

# What is done to the database, and words of what is to be said about it.
DAMAGE: dict[str, tuple[str, str]] = {
    "a link that was paid twice": (
        "UPDATE invoice_attempts SET invoice_id = :paid WHERE payment_id = :other_payment",
        "invoice {paid}: is paid with 2 payments of its own that stand",
    ),
    "a payment of a link that is open": (
        "UPDATE invoice_attempts SET invoice_id = :open WHERE payment_id = :payment",
        "invoice {open}: is pending with 1 payments of its own that stand",
    ),
    "a link that nobody paid": (
        "UPDATE payments SET state = 'declined' WHERE payment_id = :payment",
        "invoice {paid}: is paid with 0 payments of its own that stand",
    ),
    "a payment that is not of its terminal": (
        "UPDATE payments SET terminal_id = 99 WHERE payment_id = :payment",
        "invoice {paid}: is paid by payment {payment}, which is not of its terminal or not its own",
    ),
    "a link that was paid less": (
        "UPDATE payments SET base = base - 1 WHERE payment_id = :payment",
        "invoice {paid}: was paid 1999 of 2000",
    ),
    "an attempt that was forgotten": (
        "UPDATE invoices SET attempts = 0 WHERE invoice_id = :paid",
        "invoice {paid}: counts 0 attempts, 2 were made",
    ),
    "a payment without its time": (
        "UPDATE invoices SET paid_at = NULL WHERE invoice_id = :paid",
        "invoice {paid}: is paid, which the time of its payment does not fit",
    ),
    "a state without its event": (
        "UPDATE invoices SET state = 'pending' WHERE invoice_id = :cancelled",
        "invoice {cancelled}: is pending, its last event leads to cancelled",
    ),
    "a step that is none": (
        "UPDATE invoice_events SET after = 'expired' WHERE invoice_id = :paid AND after = 'paid'",
        "invoice {paid}: went from paying to expired at revision",
    ),
    "a link that nobody finds": (
        "DELETE FROM directory WHERE kind = 'invoice' AND name = :uid",
        "invoice {paid}: is found by no public id, or by another merchant's",
    ),
}


@pytest.fixture
async def day(shop: Shop) -> dict[str, int | str]:
    """The ids of what happened on a busy day."""
    billing, network = billing_of(shop), shop.network
    uid, other = await billing.ask(number="A"), await billing.ask()
    network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
    await billing.pay(uid)
    paid, other_paid = await billing.pay(uid, attempt="2"), await billing.pay(other)
    assert paid.payment is not None
    assert other_paid.payment is not None
    await shop.void(other_paid.payment)
    still_open, cancelled, late = [await billing.ask() for _ in range(3)]
    await billing.invoices.cancel(shop.caller, cancelled)
    with pytest.raises(Objected):
        await billing.invoices.update(shop.caller, cancelled)
    network.will_say(SILENCE)
    await billing.pay(late)
    return {
        "uid": uid,
        "paid": paid.view.invoice.invoice_id,
        "payment": paid.payment.payment_id,
        "other_payment": other_paid.payment.payment_id,
        "open": (await billing.find(still_open)).invoice_id,
        "cancelled": (await billing.find(cancelled)).invoice_id,
    }


class TestTheLinks:
    async def test_are_right_after_a_busy_day(self, shop: Shop, day: dict[str, int | str]) -> None:
        assert shop.wrong() == []

    async def test_are_found_wrong_after_any_damage(self, shop: Shop, day: dict[str, int | str]) -> None:
        now = shop.clock.now()
        silent = set(range(len(INVOICES)))
        missed = []
        for statement, words in DAMAGE.values():
            with _damaged(shop.engine) as connection:
                connection.execute(text(statement), day)
                verdicts = [rule.broken(connection, invariant="I8", now=now).findings for rule in INVOICES]
            silent -= {number for number, found in enumerate(verdicts) if found}
            told = [f"{each.subject}: {each.message}" for found in verdicts for each in found]
            if not any(words.format(**day) in each for each in told):
                missed.append((words, told))
        assert missed == []
        assert silent == set()

    async def test_are_looked_at_by_every_verification(self) -> None:
        (check,) = [check for check in CHECKS if check.invariant == "I8"]
        assert set(INVOICES) <= set(check.rules)


@contextmanager
def _damaged(engine: Engine) -> Iterator[Connection]:
    """A transaction that may do what constraints and triggers forbid, and is rolled back."""
    own = create_engine(engine.url)
    with own.connect() as connection:
        if own.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
            connection.execute(text("BEGIN"))
            for change in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER invoice_events_no_{change}"))
        yield connection
        connection.rollback()
    own.dispose()
