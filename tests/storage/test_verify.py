"""The books are found right after a busy day, and wrong after every kind of damage that a rule knows."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from bezant.core.money import Money
from bezant.core.outcomes import Declined, Reason
from bezant.core.payments import Key, Payment
from bezant.storage import migrate
from bezant.storage.engine import open_engine
from bezant.storage.migrations import append_only
from bezant.storage.verify import CHECKS, verify
from bezant.storage.verify.invoices import INVOICES
from bezant.storage.verify.rules import FINDINGS_MAX
from tests.storage.shop import SILENCE, Shop, charge_of, open_shop
from tests.support import postgres


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A database after a busy day, when it was, and the ids of what happened."""

    engine: Engine
    shop: Shop
    ids: dict[str, int]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """One for all tests here: what a test damages, it rolls back."""
    folder = tmp_path_factory.mktemp("day")
    if request.param == "sqlite":
        with _opened(f"sqlite:///{folder / 'bezant.db'}", folder) as day:
            yield day
        return
    server: postgres.Server = request.getfixturevalue("postgres")
    name = f"bezant_{secrets.token_hex(8)}"
    with _opened(server.create_database(name), folder) as day:
        yield day
    server.drop_database(name)


@contextmanager
def _opened(url: str, folder: Path) -> Iterator[Day]:
    engine = open_engine(url)
    migrate.upgrade(engine)
    yield asyncio.run(_busy_day(engine, folder))
    engine.dispose()


async def _busy_day(engine: Engine, folder: Path) -> Day:
    """Something of everything, in a closed batch, a settling one and an open one."""
    async with open_shop(engine, folder) as shop:
        expired = await shop.expired_authorization(43_00)
        settled = await shop.sale(20_00, tax=Money(1_65), fee=Money(60), tip=Money(3_00))
        refund = await shop.refund(settled, 5_00)
        voided = await shop.sale(7_00)
        void = await shop.void(voided)
        await shop.settlements.settle(shop.caller)

        completed = await shop.authorization(40_00)
        await shop.increment(completed, 5_00)
        capture = await shop.capture(completed, 42_00)
        await shop.adjust_tip(capture, 2_00)
        reopened = await shop.authorization(41_00)
        await shop.void(await shop.capture(reopened, 41_00))
        held = await shop.authorization(30_00)
        released = await shop.authorization(31_00)
        release = await shop.void(released)
        await shop.sale(9_00)
        shop.network.will_say(SILENCE)
        await shop.settlements.settle(shop.caller)

        key = Key(value="order-1", fingerprint=b"one request")
        captured = (await shop.payments.charge(shop.caller, charge_of(10_00), key=key)).payment
        shop.network.will_say(Declined(reason=Reason.DO_NOT_HONOR, response_code="05"))
        declined = await shop.sale(11_00)
        shop.network.will_say(SILENCE)
        reversed_sale = await shop.sale(12_00)
        await shop.reverse()
        shop.network.will_say(SILENCE)
        doubtful = await shop.sale(13_00)
        voiding = await shop.sale(14_00)
        with shop.network.silent():
            waiting = asyncio.create_task(shop.void(voiding))
            await shop.network.is_asked()
            waiting.cancel()
        adjusting, raising = await shop.sale(16_00), await shop.authorization(17_00)
        for work in (shop.adjust_tip(adjusting, 1_00), shop.increment(raising, 1_00)):
            with shop.network.silent():
                waiting = asyncio.create_task(work)
                await shop.network.is_asked()
                waiting.cancel()
        turned_down = await shop.refund(voided, 1)
        await shop.gate.issue_client_token(shop.caller)

        stranger = await shop.another_caller()
        foreign = (await shop.payments.charge(stranger, charge_of(15_00))).payment
        named: dict[str, Payment] = {
            "settled": settled,
            "refund": refund,
            "voided": voided,
            "void": void,
            "expired": expired,
            "completed": completed,
            "raising": raising,
            "held": held,
            "released": released,
            "release": release,
            "captured": captured,
            "declined": declined,
            "reversed": reversed_sale,
            "doubtful": doubtful,
            "voiding": voiding,
            "turned_down": turned_down,
            "foreign": foreign,
        }
        merchant_id, terminal_id = shop.caller.key
        ids = {name: payment.payment_id for name, payment in named.items()}
        return Day(
            engine=engine,
            shop=shop,
            ids=ids | {"merchant": merchant_id, "terminal": terminal_id, "stranger": stranger.key[0]},
        )


def _on(table: str, name: str, change: str) -> str:
    return f"UPDATE {table} SET {change} WHERE payment_id = :{name}"  # noqa: S608 - our own words


# What is done to the database, and what is to be said about it: the invariant, and words of the finding.
DAMAGE: dict[str, tuple[str, str, str]] = {
    "a line that was changed": (
        "UPDATE postings SET minor = minor + 1 WHERE subject_id = :settled AND line = 2",
        "I1",
        "sale entry of {settled}: 5 lines that sum to 1",
    ),
    "a line that was lost": (
        "DELETE FROM postings WHERE subject_id = :settled AND line = 5",
        "I1",
        "sale entry of {settled}: 4 lines that sum to 300",
    ),
    "a line of another currency": (
        "UPDATE postings SET currency = 'EGP' WHERE subject_id = :held AND line = 2",
        "I1",
        "all postings in EGP: sum to -3000",
    ),
    "a line on another layer": (
        "UPDATE postings SET layer = 'posted' WHERE subject_id = :held AND line = 2",
        "I1",
        "authorization entry of {held}: 2 lines that sum to 0, or whose layers",
    ),
    "an entry on another layer": (
        "UPDATE postings SET layer = 'posted' WHERE subject_id = :held",
        "I1",
        "authorization entry of {held}: is posted",
    ),
    "tax that was booked as a tip": (
        "UPDATE postings SET account = 'tips' WHERE subject_id = :settled AND account = 'tax'",
        "I2",
        "account tax in USD: holds 0, the payments say -165",
    ),
    "a sale that was booked for less": (
        "UPDATE postings SET minor = minor / 2 WHERE subject_id = :captured",
        "I2",
        "clearing account captured in USD: is off by -500",
    ),
    "a settlement that was booked for less": (
        "UPDATE postings SET minor = minor / 2 WHERE cause = 'settlement'",
        "I2",
        "batch 1 of terminal {terminal}: is closed with a net of 2025, its settlement booked 1012",
    ),
    "a refund that its sale does not know": (
        _on("payments", "settled", "refunded = 0, refund_count = 0"),
        "I3",
        "payment {settled}: has 2525, of which 0 refunds took 0; there are 1 of 500",
    ),
    "a sale that forgot one of its refunds": (
        _on("payments", "settled", "refund_count = 2"),
        "I3",
        "payment {settled}: has 2525, of which 2 refunds took 500; there are 1 of 500",
    ),
    "a refund of more than there was": (
        "UPDATE payments SET refunded = 2526 WHERE payment_id = :settled",
        "I3",
        "payment {settled}: has 2525, of which 1 refunds took 2526",
    ),
    "a refund of what is no sale": (
        _on("payments", "refund", "original_id = :declined"),
        "I3",
        "refund {refund}: is settled, but its original {declined} is not a sale that took place",
    ),
    "a refund in another currency": (
        _on("payments", "refund", "currency = 'EGP'"),
        "I3",
        "refund {refund}: is settled, but its original {settled} is not a sale",
    ),
    "an authorization that forgot what it was raised by": (
        _on("payments", "completed", "incremented = 0"),
        "I3",
        "authorization {completed}: of 4000 is completed with 1 captures that took place",
    ),
    "totals that were changed": (
        "UPDATE batches SET tip = tip + 1 WHERE terminal_id = :terminal AND number = 3",
        "I4",
        (
            "batch 3 of terminal {terminal}: counts 1 sales of 1001 and 0 refunds of 0; "
            "its members are 1 of 1000 and 0 of 0"
        ),
    ),
    "tips that were miscounted": (
        "UPDATE batches SET tip_count = 0 WHERE terminal_id = :terminal AND number = 1",
        "I4",
        "batch 1 of terminal {terminal}: counts",
    ),
    "a member that went to another batch": (
        _on("payments", "captured", "batch_number = 2, transaction_number = 99"),
        "I4",
        "batch 2 of terminal {terminal}: counts 2 sales of 5300",
    ),
    "a settled payment in an open batch": (
        (
            "UPDATE batches SET state = 'settling', closed_at = NULL "
            "WHERE terminal_id = :terminal AND number = 1"
        ),
        "I4",
        "payment {settled}: is settled in batch 1, which is settling",
    ),
    "a payment in no batch": (
        _on("payments", "declined", "batch_number = 77"),
        "I4",
        "payment {declined}: is declined in batch 77, which is missing",
    ),
    "a settled payment without its day": (
        _on("payments", "settled", "settled_at = NULL"),
        "I4",
        "payment {settled}: is settled in batch 1, which is closed",
    ),
    "a closed batch that was never frozen": (
        "UPDATE batches SET frozen_at = NULL WHERE terminal_id = :terminal AND number = 1",
        "I4",
        "batch 1 of terminal {terminal}: is closed, which its settlement, its dates",
    ),
    "a counter that was set back": (
        "UPDATE batches SET transaction_number = 0 WHERE terminal_id = :terminal AND number = 3",
        "I4",
        "batch 3 of terminal {terminal}: is open, which",
    ),
    "a terminal without an open batch": (
        "DELETE FROM batches WHERE terminal_id = :terminal AND number = 3",
        "I4",
        "terminal {terminal}: has 0 open batches and 1 that are settling",
    ),
    "a batch that was lost": (
        "DELETE FROM batches WHERE terminal_id = :terminal AND number = 1",
        "I4",
        "terminal {terminal}: has 1 open batches and 1 that are settling",
    ),
    "a sale that was not booked": (
        "DELETE FROM postings WHERE subject_id = :captured",
        "I5",
        "sale {captured}: is captured for 1000, its entry is 0",
    ),
    "a void that was booked as a release": (
        "UPDATE postings SET cause = 'release' WHERE subject_id = :void",
        "I5",
        "void {void}: is done for 700, its entry is 0",
    ),
    "a declined sale that was booked": (
        "UPDATE postings SET subject_id = :declined WHERE subject_id = :captured",
        "I5",
        "sale entry of {declined}: records a sale that is declined",
    ),
    "an entry of nothing": (
        "UPDATE postings SET subject_id = 5 WHERE subject_id = :captured",
        "I5",
        "sale entry of 5: records a subject that is missing",
    ),
    "a settlement of a batch that is not closed": (
        "UPDATE batches SET settlement_id = 6 WHERE terminal_id = :terminal AND number = 1",
        "I5",
        "records a subject that is missing",
    ),
    "a void that left something behind": (
        "UPDATE postings SET account = 'fees' WHERE subject_id = :void AND account = 'merchant_payable'",
        "I5",
        "payment {voided}: was voided, but 700 is left in account fees",
    ),
    "a voided sale without its void": (
        _on("payments", "void", "state = 'declined'"),
        "I5",
        "payment {voided}: is voided with 0 voids that fit",
    ),
    "a void of what is captured": (
        _on("payments", "void", "original_id = :captured"),
        "I5",
        "payment {captured}: is captured with 1 voids that fit",
    ),
    "an authorization that is not raised any more": (
        _on("payments", "raising", "state = 'authorized'"),
        "I5",
        "payment {raising}: is authorized with 1 increments or tips under way",
    ),
    "an authorization that did not expire": (
        _on("payments", "expired", "state = 'authorized'"),
        "I5",
        "release entry of {expired}: records a authorization that is authorized",
    ),
    "a sale in a state of authorizations": (
        _on("payments", "captured", "state = 'authorized'"),
        "I5",
        "sale {captured}: is authorized, which a sale cannot be",
    ),
    "a verification of money": (
        _on("payments", "declined", "kind = 'verification'"),
        "I5",
        "verification {declined}: is of",
    ),
    "an approval with a reason": (
        _on("payments", "captured", "reason = 'do_not_honor'"),
        "I5",
        "sale {captured}: is captured, which",
    ),
    "a no without a reason": (
        _on("payments", "declined", "reason = NULL"),
        "I5",
        "sale {declined}: is declined, which",
    ),
    "an outcome without its moment": (
        _on("payments", "declined", "answered_at = NULL"),
        "I5",
        "sale {declined}: is declined, which",
    ),
    "a charge without its number": (
        _on("payments", "held", "transaction_number = NULL"),
        "I5",
        "authorization {held}: is authorized, which",
    ),
    "an outcome without an event": (
        "DELETE FROM payment_events WHERE payment_id = :declined",
        "I5",
        "payment {declined}: is declined with 0 outcome events, the last event leads to nothing",
    ),
    "a second outcome": (
        (
            "INSERT INTO payment_events SELECT merchant_id, payment_id, 9, 'sending', after, at "
            "FROM payment_events WHERE payment_id = :declined"
        ),
        "I5",
        "payment {declined}: is declined with 2 outcome events",
    ),
    "a step that nobody recorded": (
        _on("payments", "declined", "state = 'in_doubt'"),
        "I5",
        "payment {declined}: is in_doubt with 1 outcome events, the last event leads to declined",
    ),
    "an event of the future": (
        _on("payments", "declined", "revision = 0"),
        "I5",
        "payment {declined}: is declined with 1 outcome events",
    ),
    "a history with a gap": (
        "DELETE FROM payment_events WHERE payment_id = :voided AND before = 'captured'",
        "I5",
        "payment {voided}: went from voiding to voided at revision 3, after it had come to captured",
    ),
    "a step that the table does not have": (
        "UPDATE payment_events SET after = 'reversed' WHERE payment_id = :declined",
        "I5",
        "payment {declined}: went from sending to reversed at revision 1, after it had come to sending",
    ),
    "a payment that is sent forever": (
        _on("payments", "doubtful", "state = 'sending', lease_until = 0"),
        "I6",
        "payment {doubtful}: is still being sent",
    ),
    "a doubt that nobody takes back": (
        "DELETE FROM reversals WHERE payment_id = :doubtful",
        "I6",
        "payment {doubtful}: is in_doubt without a reversal that fits",
    ),
    "a doubt whose reversal is over": (
        _on("reversals", "doubtful", "confirmed_at = 1"),
        "I6",
        "payment {doubtful}: is in_doubt without a reversal that fits",
    ),
    "a reversal that was not confirmed": (
        _on("reversals", "reversed", "confirmed_at = NULL"),
        "I6",
        "payment {reversed}: is reversed without a reversal that fits",
    ),
    "an approved sale that is being reversed": (
        _on("reversals", "doubtful", "payment_id = :captured"),
        "I6",
        "sale {captured}: is captured, and a reversal takes it back",
    ),
    "a transaction number that was given twice": (
        "DROP INDEX uq_payments_transaction_number; " + _on("payments", "declined", "transaction_number = 1"),
        "I7",
        "transaction number 1 of terminal {terminal}, batch 3: was given 2 times",
    ),
    "an audit number that was given twice": (
        "DROP INDEX uq_payments_audit; " + _on("payments", "captured", "audit_number = 2"),
        "I7",
        "audit number 2 of terminal {terminal}, day 20260401: was given 2 times",
    ),
    "an id that two merchants have": (
        _on("payments", "foreign", "payment_id = :captured"),
        "I7",
        "id {captured}: names 2 payments or settlements",
    ),
    "an approval without its code": (
        _on("payments", "captured", "approval_code = NULL"),
        "I7",
        "sale {captured}: is captured, which its approval code does not fit",
    ),
    "a no with an approval code": (
        _on("payments", "declined", "approval_code = 'TAS001'"),
        "I7",
        "sale {declined}: is declined, which its approval code does not fit",
    ),
    "a payment of two keys": (
        (
            "INSERT INTO claims SELECT merchant_id, terminal_id, 'another', fingerprint, subject_id, "
            "claimed_at FROM claims"
        ),
        "I8",
        "payment {captured}: was made by 2 idempotency keys",
    ),
    "a key without its payment": (
        "UPDATE claims SET subject_id = 5",
        "I8",
        "an idempotency key of terminal {terminal}: was used for 5",
    ),
    "a key for another merchant's payment": (
        "UPDATE claims SET subject_id = :foreign",
        "I8",
        "an idempotency key of terminal {terminal}: was used for {foreign}",
    ),
    "an original of another merchant": (
        _on("payments", "turned_down", "original_id = :foreign"),
        "I14",
        "refund {turned_down}: refers to {foreign}, which is no payment of its terminal",
    ),
    "a card of another merchant": (
        (
            "UPDATE payments SET token = (SELECT token FROM payments WHERE payment_id = :foreign) "
            "WHERE payment_id = :captured"
        ),
        "I14",
        "payment {captured}: is on a card that its merchant's vault does not have",
    ),
    "a history without a payment": (
        "UPDATE payment_events SET merchant_id = :stranger WHERE payment_id = :declined",
        "I14",
        "events of payment {declined}: are there, the payment is not",
    ),
    "a name that leads to another merchant": (
        "UPDATE directory SET merchant_id = :stranger WHERE kind = 'terminal'",
        "I14",
        "is listed for a merchant that has no such name",
    ),
    "an app id that leads to another merchant": (
        "UPDATE directory SET merchant_id = :stranger WHERE kind = 'app_id'",
        "I14",
        "is listed for a merchant that has no such name",
    ),
    "an endpoint that leads to another merchant": (
        "UPDATE directory SET merchant_id = :stranger WHERE kind = 'endpoint'",
        "I14",
        "is listed for a merchant that has no such name",
    ),
    "a client token for another merchant's terminal": (
        "UPDATE client_tokens SET merchant_id = :stranger",
        "I14",
        "a client token of terminal {terminal}: opens a terminal that its merchant does not have",
    ),
    "a profile number that leads to another merchant": (
        "INSERT INTO directory (kind, name, merchant_id) VALUES ('profile', '123456789012', :stranger)",
        "I14",
        "profile 123456789012: is listed for a merchant that has no such name",
    ),
    "an agent office of nobody": (
        "UPDATE merchants SET office_id = 77 WHERE merchant_id = :merchant",
        "I14",
        "merchant {merchant}: is looked after by agent office 77, which is no office",
    ),
    "a user at an organization that there is not": (
        (
            "INSERT INTO users (user_id, email, name, role, owner_kind, owner_id, active, created_at) "
            "VALUES (88, 'a@b.example', 'Ann', 'iso_admin', 'iso', 99, true, 1)"
        ),
        "I14",
        "user 88: is iso_admin at iso 99, which there is not",
    ),
    "a user without a password": (
        (
            "INSERT INTO users (user_id, email, name, role, owner_kind, owner_id, active, created_at) "
            "VALUES (88, 'a@b.example', 'Ann', 'merchant_admin', 'merchant', :merchant, true, 1)"
        ),
        "I14",
        "user 88: has no password",
    ),
}


class TestABusyDay:
    def test_leaves_nothing_wrong(self, day: Day) -> None:
        assert day.shop.wrong() == []


class TestDamage:
    @pytest.mark.parametrize("what", DAMAGE)
    def test_is_found(self, day: Day, what: str) -> None:
        statements, invariant, words = DAMAGE[what]
        with _damaged(day) as connection:
            for statement in statements.split("; "):
                connection.execute(text(statement), day.ids)
            found = verify(connection, now=day.shop.clock.now())
        told = [f"{each.subject}: {each.message}" for each in found if each.invariant == invariant]
        assert any(words.format(**day.ids) in each for each in told), [found, told]

    def test_is_counted_where_it_is_too_much_to_tell(self, day: Day) -> None:
        with _damaged(day) as connection:
            for number in range(30):
                connection.execute(
                    text(
                        "INSERT INTO claims SELECT merchant_id, terminal_id, :key, fingerprint, :number, "
                        "claimed_at FROM claims WHERE key = 'order-1'"
                    ),
                    {"key": f"lost {number}", "number": number + 1},
                )
            (check,) = [each for each in CHECKS if each.invariant == "I8"]
            verdict = check.run(connection, now=day.shop.clock.now())
            found = verify(connection, now=day.shop.clock.now())
        assert (len(verdict.findings), verdict.count) == (FINDINGS_MAX, 30)
        assert (found[-1].message, len(found)) == ("10 more", FINDINGS_MAX + 1)

    def test_names_the_merchant(self, day: Day) -> None:
        with _damaged(day) as connection:
            connection.execute(text("UPDATE claims SET subject_id = 5"))
            (found,) = verify(connection, now=day.shop.clock.now())
        assert found.merchant_id == day.ids["merchant"]


class TestEveryRule:
    def test_has_a_damage_that_it_finds(self, day: Day) -> None:
        """Each of them, not just each invariant."""
        # Gift cards, deliveries, loans and links have a day of their own.
        checks = [check for check in CHECKS if check.invariant not in {"I9", "I11", "I15"}]
        silent = {
            (check.invariant, number)
            for check in checks
            for number, rule in enumerate(check.rules)
            if rule not in INVOICES
        }
        for statements, _, _ in DAMAGE.values():
            with _damaged(day) as connection:
                for statement in statements.split("; "):
                    connection.execute(text(statement), day.ids)
                for check in checks:
                    for number in range(len(check.rules)):
                        alone = replace(check, rules=check.rules[number : number + 1])
                        if alone.run(connection, now=day.shop.clock.now()).count:
                            silent.discard((check.invariant, number))
        assert silent == set()


@contextmanager
def _damaged(day: Day) -> Iterator[Connection]:
    """A transaction that may do what constraints and triggers forbid, and is rolled back."""
    engine = create_engine(day.engine.url)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(text("ALTER TABLE payments DROP CONSTRAINT ck_payments_refunded"))
        else:
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
            connection.execute(text("BEGIN"))
            for table in append_only.TABLES:
                for change in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER {table}_no_{change}"))
        yield connection
        connection.rollback()
    engine.dispose()
