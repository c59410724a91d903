"""Deliberate bugs, to see that the simulation finds each: what it misses here, it would miss in earnest.

Each puts a wrong part in the place of a right one for as long as it lasts. There is no switch in what is
shipped. ``within`` is how many universes it may take to notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from unittest.mock import patch
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from bezant.core import payments as core
from bezant.core.batches import Batch, Totals
from bezant.core.ledger import Entry, Line
from bezant.core.merchants import Caller, Profile
from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Declined, Reason, Unresolved
from bezant.core.payments import recovery, service, settlement, steps
from bezant.core.payments.messages import Ask, Message
from bezant.core.payments.model import Payment, State, decide, entry_of, tip_entry, void_entry
from bezant.rails.acquirer.rail import AcquirerRail
from bezant.storage.bulk import BulkInsert, BulkUpdate
from bezant.storage.lanes import Groups, Job
from bezant.storage.stores import payments as payment_store
from bezant.storage.stores.batches import Batches
from bezant.storage.stores.payments import PaymentRows, payment_of
from bezant.storage.stores.strays import Strays
from bezant.storage.tables import payment_events
from bezant.storage.tables import payments as payments_table
from bezant.storage.units import Unit

Plant = Callable[[ExitStack], None]

_NEW_MONEY: Final = frozenset({Ask.SALE, Ask.AUTHORIZE})
_OTHER_NUMBER: Final = 500_000


@dataclass(frozen=True, slots=True)
class Bug:
    """Something wrong on purpose."""

    name: str
    plant: Plant
    within: int

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The bug is there in here."""
        with ExitStack() as stack:
            self.plant(stack)
            yield


def _ignore_keys(stack: ExitStack) -> None:
    stack.enter_context(patch.object(service, "_replayed", lambda *_: None))


def _answer_before_storing(stack: ExitStack) -> None:
    async def send(self: Any, caller: Caller, intent: Any, message: Message) -> core.Outcome:
        answer = await self._acquirer.send(message)
        payment, real = intent.payment, self._clock.now()
        store = partial(steps.finish, payment=payment, answer=answer, at=caller.now(real), real=real)

        async def later() -> None:
            await asyncio.sleep(1)
            await self._units.write(store, merchant_id=payment.merchant_id, terminal_id=payment.terminal_id)

        later_task = asyncio.create_task(later())
        later_task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return core.Outcome(payment=decide(payment, answer, at=caller.now(real)))

    stack.enter_context(patch.object(service.Payments, "_send", send))


def _take_silence_for_a_confirmation(stack: ExitStack) -> None:
    right = recovery._settles

    def settles(payment: Payment, answer: Answer, real: datetime) -> bool:
        return isinstance(answer, Unresolved) or right(payment, answer, real)

    stack.enter_context(patch.object(recovery, "_settles", settles))


def _take_silence_for_a_decline(stack: ExitStack) -> None:
    right = AcquirerRail.send

    async def send(self: AcquirerRail, message: Message) -> Answer:
        answer = await right(self, message)
        if isinstance(answer, Unresolved) and message.ask in _NEW_MONEY:
            return Declined(reason=Reason.ISSUER_UNAVAILABLE, response_code="91")
        return answer

    stack.enter_context(patch.object(AcquirerRail, "send", send))


def _send_again_with_another_number(stack: ExitStack) -> None:
    right = AcquirerRail.send

    async def send(self: AcquirerRail, message: Message) -> Answer:
        answer = await right(self, message)
        if isinstance(answer, Unresolved) and message.ask in _NEW_MONEY:
            return await right(
                self, msgspec.structs.replace(message, audit_number=message.audit_number + _OTHER_NUMBER)
            )
        return answer

    stack.enter_context(patch.object(AcquirerRail, "send", send))


def _accept_late_approvals(stack: ExitStack) -> None:
    right, made = Strays.add, Unit.__init__
    units: WeakKeyDictionary[Strays, Unit] = WeakKeyDictionary()

    def make(self: Unit, *args: Any, **rest: Any) -> None:
        made(self, *args, **rest)
        units[self.strays] = self

    def add(self: Any, stray_id: int, stray: core.Stray) -> None:
        right(self, stray_id, stray)
        if stray.kind != "late" or stray.response_code != "00":
            return
        found = text(
            "SELECT * FROM payments WHERE state = 'in_doubt' AND kind = 'sale' AND retrieval_reference = :rrn"
        )
        row = self._connection.execute(found, {"rrn": stray.retrieval_reference}).one_or_none()
        if row is None:
            return
        doubted = payment_of(row)
        now = doubted.answered_at
        assert now is not None
        asked = doubted.having(state=State.SENDING, reason=None, answered_at=None)
        answer = Approved(
            approval_code=stray.approval_code or "", response_code="00", amount=doubted.amounts.total
        )
        unit = units[self]
        batch = unit.batches.open(doubted.merchant_id, doubted.terminal_id)
        taken = decide(asked, answer, at=now).having(
            batch_number=batch.number,
            transaction_number=batch.next_transaction_number(),
        )
        steps.enter(batch, taken)
        unit.journal.book(entry_of(taken, booked_at=now))
        unit.payments.change(doubted, taken, at=now)

    stack.enter_context(patch.object(Unit, "__init__", make))
    stack.enter_context(patch.object(Strays, "add", add))


def _keep_what_is_voided_in_its_batch(stack: ExitStack) -> None:
    stack.enter_context(patch.object(service, "leave", lambda *_: None))


def _forget_what_was_refunded(stack: ExitStack) -> None:
    stack.enter_context(patch.object(Payment, "refundable", property(lambda payment: payment.amounts.total)))


def _doubled(entry: Entry) -> Entry:
    return msgspec.structs.replace(
        entry, lines=tuple(Line(line.account, line.amount + line.amount) for line in entry.lines)
    )


def _post_voids_twice(stack: ExitStack) -> None:
    right = void_entry
    stack.enter_context(patch.object(steps, "void_entry", lambda *a, **k: _doubled(right(*a, **k))))


def _post_tips_twice(stack: ExitStack) -> None:
    right = tip_entry
    stack.enter_context(patch.object(steps, "tip_entry", lambda *a, **k: _doubled(right(*a, **k))))


def _store_events_after_the_commit(stack: ExitStack) -> None:
    right = PaymentRows.flush
    held: list[tuple[object, ...]] = []

    def flush(self: Any) -> None:
        mine, self._events = self._events, held.copy()
        held[:] = mine
        right(self)

    stack.enter_context(patch.object(PaymentRows, "flush", flush))


def _let_go_of_the_batch_too_early(stack: ExitStack) -> None:
    """What a transaction works on is the batch as it was one transaction ago, now and then."""
    right = Batches._hold
    seen: dict[tuple[int, int, int], Batch] = {}
    count = 0

    def hold(self: Any, batch: Batch) -> Batch:
        nonlocal count
        key = batch.merchant_id, batch.terminal_id, batch.number
        if key not in self._held:
            count += 1
            stale, seen[key] = seen.get(key), batch.copy()
            if stale is not None and stale.state is batch.state and count % 5 == 0:
                batch = stale
        return right(self, batch)

    stack.enter_context(patch.object(Batches, "_hold", hold))


def _write_without_looking_at_the_state(stack: ExitStack) -> None:
    unfenced = BulkUpdate(payments_table, sets=payment_store._CHANGING, keys=("merchant_id", "payment_id"))

    class Unfenced:
        """Forgets the state and the revision that each row was expected to have."""

        @staticmethod
        def run(connection: Any, rows: Sequence[tuple[object, ...]]) -> Any:
            return unfenced.run(connection, [row[:-2] for row in rows])

    stack.enter_context(patch.object(payment_store, "_UPDATE", Unfenced))
    # A step that is taken twice has the number of one that was told: that fences it, too.
    untold = BulkInsert(payment_events, ignore=True)
    stack.enter_context(patch.object(payment_store, "_INSERT_EVENTS", untold))


def _swallow_a_full_disk(stack: ExitStack) -> None:
    right = Groups._attempt

    def attempt(self: Any, jobs: Sequence[Job[Any, Any]], *, again: Any) -> Exception | None:
        error = right(self, jobs, again=again)
        if isinstance(error, OperationalError) and all(job.result is not None for job in jobs):
            return None
        return error

    stack.enter_context(patch.object(Groups, "_attempt", attempt))


def _total_before_freezing(stack: ExitStack) -> None:
    right, settle = PaymentRows.totals, settlement.Settlements.settle
    read: dict[tuple[int, int, int], Mapping[Profile, Totals]] = {}

    def totals(
        self: PaymentRows, merchant_id: int, terminal_id: int, number: int
    ) -> Mapping[Profile, Totals]:
        known = read.get((merchant_id, terminal_id, number))
        return right(self, merchant_id, terminal_id, number) if known is None else known

    async def settled(self: Any, caller: Caller, **rest: Any) -> settlement.Settlement:
        def look(tx: Any) -> None:
            number = tx.batches.open_number(*caller.key)
            read[*caller.key, number] = right(tx.payments, *caller.key, number)

        await self._units.read(look)
        await asyncio.sleep(1)
        return await settle(self, caller, **rest)

    stack.enter_context(patch.object(PaymentRows, "totals", totals))
    stack.enter_context(patch.object(settlement.Settlements, "settle", settled))


def _never_reverse(stack: ExitStack) -> None:
    stack.enter_context(patch.object(recovery, "DELAYS", (0, 10**7)))
    right = recovery.Recovery.due

    async def due(self: Any, limit: int = 1) -> list[core.Reversal]:
        return [each for each in await right(self, limit) if each.tries == 0]

    stack.enter_context(patch.object(recovery.Recovery, "due", due))


def _release_more_than_was_held(stack: ExitStack) -> None:
    right = Payment.held.fget  # type: ignore[attr-defined]  # a property has one
    stack.enter_context(
        patch.object(Payment, "held", property(lambda payment: right(payment) + Money(1, payment.currency)))
    )


BUGS: Final = (
    Bug("idempotency keys are ignored", _ignore_keys, 20),
    Bug("the caller is answered before the outcome is stored", _answer_before_storing, 60),
    Bug("silence is taken for the confirmation of a reversal", _take_silence_for_a_confirmation, 40),
    Bug("silence is taken for a decline", _take_silence_for_a_decline, 20),
    Bug(
        "a charge without an answer is sent again with another audit number",
        _send_again_with_another_number,
        20,
    ),
    Bug("a late approval is accepted", _accept_late_approvals, 60),
    Bug("a voided payment stays in its batch", _keep_what_is_voided_in_its_batch, 20),
    Bug("refunds are not counted", _forget_what_was_refunded, 150),
    Bug("a void is posted twice", _post_voids_twice, 20),
    Bug("a tip is posted twice", _post_tips_twice, 20),
    Bug("events are stored after the commit", _store_events_after_the_commit, 20),
    Bug("the lock on a batch is let go too early", _let_go_of_the_batch_too_early, 20),
    Bug("a lost lease is not fenced", _write_without_looking_at_the_state, 60),
    Bug("a full disk is swallowed", _swallow_a_full_disk, 60),
    Bug("totals are read before the batch is frozen", _total_before_freezing, 200),
    Bug("a reversal is tried once", _never_reverse, 60),
    Bug("more is held than was authorized", _release_more_than_was_held, 20),
)
