"""Gift cards' books are found right after a busy day, and wrong after every damage that a rule knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from bezant.storage.verify import CHECKS
from bezant.storage.verify.gift import GIFT
from tests.storage.gift_counter import STOCK, Counter, open_counter
from tests.storage.shop import Shop

pytestmark = pytest.mark.anyio

# What is done to the database, and words of what is to be said about it.
DAMAGE: dict[str, tuple[str, str]] = {
    "an amount that was changed": (
        "UPDATE gift_movements SET amount = amount + 1 WHERE movement_id = :load",
        "gift load {load}: is booked for 401, its entry is 400",
    ),
    "an entry that was lost": (
        "DELETE FROM postings WHERE subject_id = :void",
        "gift void {void}: is booked for 200, its entry is 0",
    ),
    "an entry of nothing": (
        "UPDATE postings SET subject_id = 1 WHERE subject_id = :load",
        "gift_load entry of 1: records no gift movement",
    ),
    "money that moved by itself": (
        "UPDATE postings SET minor = minor + 7 WHERE account = 'gift_redeemed' AND subject_id = :sale",
        "account gift_redeemed in USD: holds",
    ),
    "a refund that was forgotten": (
        "UPDATE gift_movements SET refunded = 0 WHERE movement_id = :sale",
        "gift redemption {sale}: of 300 says that 0 were refunded, its refunds are 100",
    ),
    "a void without its original": (
        "UPDATE gift_movements SET state = 'booked' WHERE movement_id = :voided",
        "gift redemption {voided}: is booked with 1 voids that fit",
    ),
    "an approval with a reason": (
        "UPDATE gift_movements SET reason = 'wrong_pin' WHERE movement_id = :sale",
        "gift redemption {sale}: is booked, which its reason, answer, balance, numbers",
    ),
    "a doubt that nobody tries to resolve": (
        "UPDATE gift_movements SET next_try_at = NULL WHERE movement_id = :doubtful",
        "gift redemption {doubtful}: is in_doubt, which",
    ),
    "a lease that nobody noticed": (
        "UPDATE gift_movements SET state = 'sending', lease_until = 0 WHERE movement_id = :doubtful",
        "gift redemption {doubtful}: is still being sent,",
    ),
    "a number given twice": (
        "UPDATE payments SET audit_number = (SELECT MIN(audit_number) FROM gift_movements)",
        "audit number",
    ),
    "an id given twice": (
        "UPDATE payments SET payment_id = :sale",
        "id {sale}: names a payment and a gift movement",
    ),
    "an original that is nobody's": (
        "UPDATE gift_movements SET original_id = 5 WHERE movement_id = :refund",
        "gift refund {refund}: refers to 5, which is no gift movement of its terminal",
    ),
    "a state without its event": (
        "DELETE FROM gift_events WHERE movement_id = :sale",
        "gift movement {sale}: is booked, its last event leads to nothing",
    ),
    "a step that is none": (
        "UPDATE gift_events SET before = 'declined' WHERE movement_id = :load",
        "gift movement {load}: went from declined to booked at revision 1, after it had come to sending",
    ),
}


@pytest.fixture
async def day(shop: Shop) -> dict[str, int]:
    """The ids of what happened on a busy day."""
    async with open_counter(shop) as counter:
        return await _busy_day(counter)


async def _busy_day(counter: Counter) -> dict[str, int]:
    await counter.shop.sale(1_00)
    load = await counter.load(4_00)
    await counter.activate(5_00)
    await counter.deactivate(STOCK)
    sale = await counter.redeem(3_00)
    refund = await counter.refund(sale, 1_00)
    voided = await counter.redeem(2_00)
    void = await counter.void(voided)
    await counter.redeem(1_000_00)
    counter.script({"silent": True})
    await counter.redeem(1_00)
    await counter.cancel_due()
    counter.script({"silent": True})
    doubtful = await counter.redeem(1_00)
    named = {
        "load": load,
        "sale": sale,
        "refund": refund,
        "voided": voided,
        "void": void,
        "doubtful": doubtful,
    }
    return {name: movement.movement_id for name, movement in named.items()}


class TestTheBooks:
    async def test_are_right_after_a_busy_day(self, shop: Shop, day: dict[str, int]) -> None:
        assert shop.wrong() == []

    async def test_are_found_wrong_after_any_damage(self, shop: Shop, day: dict[str, int]) -> None:
        now = shop.clock.now()
        silent = set(range(len(GIFT)))
        missed = []
        for statement, words in DAMAGE.values():
            with _damaged(shop.engine) as connection:
                connection.execute(text(statement), day)
                verdicts = [rule.broken(connection, invariant="I9", now=now).findings for rule in GIFT]
            silent -= {number for number, found in enumerate(verdicts) if found}
            told = [f"{each.subject}: {each.message}" for found in verdicts for each in found]
            if not any(words.format(**day) in each for each in told):
                missed.append((words, told))
        assert missed == []
        assert silent == set()

    def test_are_looked_at_by_every_verification(self) -> None:
        (check,) = [check for check in CHECKS if check.invariant == "I9"]
        assert check.rules == GIFT


class TestAnEvent:
    async def test_is_never_changed_or_removed(self, shop: Shop, day: dict[str, int]) -> None:
        for statement in ("UPDATE gift_events SET after = 'booked'", "DELETE FROM gift_events"):
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
            for table in ("postings", "gift_events"):
                for change in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{change}"))
        yield connection
        connection.rollback()
    own.dispose()
