"""The books of consumer finance are found right after a busy day, and wrong after every damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from bezant.core.sensitive import Secret
from bezant.storage.verify import CHECKS
from bezant.storage.verify.bnpl import LOANS
from tests.storage.lender_counter import Counter, open_counter
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

# What is done to the database, and words of what is to be said about it.
DAMAGE: dict[str, tuple[str, str]] = {
    "an amount that was changed": (
        "UPDATE loans SET amount = amount + 1 WHERE loan_id = :loan",
        "loan {loan}: is granted for 100001, its entry is 100000",
    ),
    "a refund's entry that was lost": (
        "DELETE FROM postings WHERE subject_id = :refund",
        "loan refund {refund}: is done for 30000, its entry is 0",
    ),
    "an entry of nothing": (
        "UPDATE postings SET subject_id = 1 WHERE subject_id = :loan",
        "loan entry of 1: records nothing that was financed",
    ),
    "money that moved by itself": (
        "UPDATE postings SET minor = minor + 7 WHERE account = 'lender_receivable' AND subject_id = :loan",
        "account lender_receivable in EGP: holds",
    ),
    "money of a payment that the lender would owe": (
        "UPDATE postings SET account = 'lender_receivable' WHERE cause = 'sale' AND line = 1",
        "account lender_receivable in USD: holds 100 of loans, the loans and their refunds say 0",
    ),
    "a refund that was forgotten": (
        "UPDATE loans SET refunded = 0 WHERE loan_id = :loan",
        "loan {loan}: of 100000, granted, says that 0 were given back, its refunds are 30000",
    ),
    "a refund of what was not bought": (
        "UPDATE loans SET state = 'declined' WHERE loan_id = :loan",
        "loan {loan}: of 100000, declined, says that 30000 were given back",
    ),
    "an order that was bought twice": (
        "DROP INDEX uq_loans_reference; UPDATE loans SET reference = 'one' WHERE loan_id = :doubtful",
        "order one: has 2 loans that are granted, under way or in doubt",
    ),
    "a refund reference that was used twice": (
        "DROP INDEX uq_loan_refunds_reference; UPDATE loan_refunds SET refund_reference = 'back'",
        "refund reference back: names 2 refunds that are done, under way or in doubt",
    ),
    "a grant with a reason": (
        "UPDATE loans SET reason = 'wrong_password' WHERE loan_id = :loan",
        "loan {loan}: is granted, which its reason, answer, numbers, plan",
    ),
    "a grant without a plan": (
        "UPDATE loans SET fee = NULL WHERE loan_id = :loan",
        "loan {loan}: is granted, which its reason, answer, numbers, plan",
    ),
    "a doubt that nobody tries to resolve": (
        "UPDATE loans SET next_try_at = NULL WHERE loan_id = :doubtful",
        "loan {doubtful}: is in_doubt, which its",
    ),
    "a refund in doubt that nobody tries to resolve": (
        "UPDATE loan_refunds SET next_try_at = NULL WHERE refund_id = :doubtful_refund",
        "loan refund {doubtful_refund}: is in_doubt, which its",
    ),
    "a lease that nobody noticed": (
        "UPDATE loans SET state = 'sending', lease_until = 0 WHERE loan_id = :doubtful",
        "loan {doubtful}: is still being sent,",
    ),
    "a refund's lease that nobody noticed": (
        "UPDATE loan_refunds SET state = 'sending', lease_until = 0 WHERE refund_id = :doubtful_refund",
        "loan refund {doubtful_refund}: is still being sent,",
    ),
    "a refund of nobody's loan": (
        "UPDATE loan_refunds SET loan_id = 5 WHERE refund_id = :refund",
        "loan refund {refund}: gives back loan 5 in EGP, which is no such loan of its merchant",
    ),
    "an id given twice": (
        "UPDATE payments SET payment_id = :loan",
        "id {loan}: names 2 of a payment, a gift movement, a loan and a loan refund",
    ),
    "a password that was not used up": (
        "UPDATE loan_passwords SET used = FALSE WHERE reference = 'one'",
        "order one: was asked of the lender with a password that was not used up",
    ),
    "a state without its event": (
        "DELETE FROM loan_events WHERE subject_id = :loan",
        "loan {loan}: is granted, its last event leads to nothing",
    ),
    "a step that is none": (
        "UPDATE loan_events SET before = 'declined' WHERE subject_id = :refund",
        "refund {refund}: went from declined to done at revision 1, after it had come to sending",
    ),
    "an end that nobody is told of": (
        "DELETE FROM deliveries WHERE subject_id = :refund",
        "loan or refund {refund}: came to 1 ends and doubts, 0 were announced",
    ),
    "an announcement of what did not happen": (
        "UPDATE deliveries SET subject_id = 9 WHERE subject_id = :loan",
        "loan or refund 9: came to 0 ends and doubts, 1 were announced",
    ),
    "an end that is told of twice": (
        "UPDATE deliveries SET subject_id = :doubtful WHERE subject_id = :loan",
        "loan or refund {doubtful}: came to 1 ends and doubts, 2 were announced",
    ),
}


@pytest.fixture
async def day(shop: Shop) -> dict[str, int]:
    """The ids of what happened on a busy day."""
    async with open_counter(shop) as counter:
        return await _busy_day(counter)


async def _busy_day(counter: Counter) -> dict[str, int]:
    await counter.shop.sale(1_00)
    loan = await counter.bought("one")
    refund = await counter.give_back(300_00, "one", refund_reference="back")
    counter.bank.will("lender_declined")
    await counter.bought("two")
    await counter.offer("two")
    await counter.buy("two", password=Secret("000000"))
    await counter.bought("three")
    counter.bank.will("drop", to="return")
    await counter.give_back(1_00, "three")
    counter.bank.will("lose")
    await counter.bought("four")
    await counter.resolve_due()
    counter.bank.will("lose")
    doubtful = await counter.bought("five")
    counter.bank.will("lose", to="return")
    doubtful_refund = await counter.give_back(1_00, "three")
    return {
        "loan": loan.loan_id,
        "refund": refund.refund_id,
        "doubtful": doubtful.loan_id,
        "doubtful_refund": doubtful_refund.refund_id,
    }


class TestTheBooks:
    async def test_are_right_after_a_busy_day(self, shop: Shop, day: dict[str, int]) -> None:
        assert shop.wrong() == []

    async def test_are_found_wrong_after_any_damage(self, shop: Shop, day: dict[str, int]) -> None:
        now = shop.clock.now()
        silent = set(range(len(LOANS)))
        missed = []
        for statements, words in DAMAGE.values():
            with _damaged(shop.engine) as connection:
                for statement in statements.split("; "):
                    connection.execute(text(statement), day)
                verdicts = [rule.broken(connection, invariant="I15", now=now).findings for rule in LOANS]
            silent -= {number for number, found in enumerate(verdicts) if found}
            told = [f"{each.subject}: {each.message}" for found in verdicts for each in found]
            if not any(words.format(**day) in each for each in told):
                missed.append((words, told))
        assert missed == []
        assert silent == set()

    def test_are_looked_at_by_every_verification(self) -> None:
        (check,) = [check for check in CHECKS if check.invariant == "I15"]
        assert check.rules == LOANS


class TestAnEvent:
    async def test_is_never_changed_or_removed(self, shop: Shop, day: dict[str, int]) -> None:
        for statement in ("UPDATE loan_events SET after = 'granted'", "DELETE FROM loan_events"):
            with shop.engine.connect() as connection, pytest.raises(Exception, match="append-only"):
                connection.execute(text(statement))


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
            for table in ("postings", "loan_events"):
                for change in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{change}"))
        yield connection
        connection.rollback()
    own.dispose()
