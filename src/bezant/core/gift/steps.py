"""Steps inside one transaction that several use cases share: numbering, turning down, finishing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bezant.core.gift.messages import Answer, Ask, Message
from bezant.core.gift.model import ASKS, Event, Kind, Movement, State, decide, entry_of, void_entry
from bezant.core.gift.ports import GiftTx
from bezant.core.merchants import Caller
from bezant.core.outcomes import Reason
from bezant.core.sensitive import Pan, Secret


def existing(tx: GiftTx, merchant_id: int, movement_id: int) -> Movement:
    """A movement that must exist."""
    movement = tx.gift.find(merchant_id, movement_id)
    assert movement is not None, "a movement that was stored is gone"
    return movement


def start(tx: GiftTx, draft: Movement) -> Movement:
    """Store the draft as being sent, with its audit number."""
    batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
    movement = replace(draft, audit_number=batch.next_audit_number(), batch_number=batch.number)
    tx.gift.add(movement)
    return movement


def turn_down(tx: GiftTx, draft: Movement, reason: Reason) -> Movement:
    """Store the draft as declined by us; the host is not asked."""
    batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
    declined = replace(
        draft,
        state=State.DECLINED,
        reason=reason,
        batch_number=batch.number,
        answered_at=draft.requested_at,
    )
    tx.gift.add(declined)
    return declined


def finish(tx: GiftTx, *, movement: Movement, answer: Answer, at: datetime, real: datetime) -> Movement:
    """Decide on the host's answer and book it.

    ``at`` is the merchant's time, ``real`` real time. Raises ``Conflict`` at the end of the transaction
    when somebody else decided first.
    """
    finished = decide(movement, answer, at=at, real=real)
    if finished.state is State.BOOKED:
        batch = tx.batches.open(movement.merchant_id, movement.terminal_id)
        finished = replace(
            finished,
            batch_number=batch.number,
            transaction_number=batch.next_transaction_number(),
        )
        if movement.kind is Kind.VOID:
            _finish_voided(tx, finished, at=at)
        elif entry := entry_of(finished, booked_at=at):
            tx.journal.book(entry)
    tx.gift.change(movement, finished, at=at)
    if finished.state is State.DECLINED:
        undo(tx, finished, at=at)
    return finished


def undo(tx: GiftTx, movement: Movement, *, at: datetime) -> None:
    """Give back to its original what a movement that did not take place had claimed of it."""
    if movement.kind is Kind.VOID:
        original = _original(tx, movement)
        tx.gift.change(original, original.step(Event.ABANDON_VOID), at=at)
    elif movement.kind is Kind.REFUND:
        _free_refund(tx, movement, at=at)


def _finish_voided(tx: GiftTx, void: Movement, *, at: datetime) -> None:
    original = _original(tx, void)
    tx.gift.change(original, original.step(Event.FINISH_VOID), at=at)
    if entry := void_entry(original, void, booked_at=at):
        tx.journal.book(entry)
    if original.kind is Kind.REFUND:
        _free_refund(tx, original, at=at)


def _free_refund(tx: GiftTx, refund: Movement, *, at: datetime) -> None:
    redemption = _original(tx, refund)
    freed = redemption.changed(refunded=redemption.refunded - refund.amount)
    tx.gift.change(redemption, freed, at=at)


def _original(tx: GiftTx, movement: Movement) -> Movement:
    assert movement.original_id is not None, "a follow-up without an original"
    return existing(tx, movement.merchant_id, movement.original_id)


def message_of(
    caller: Caller,
    movement: Movement,
    *,
    deadline_at: datetime,
    number: Pan | None = None,
    pin: Secret | None = None,
    original: Movement | None = None,
) -> Message:
    """The message of a movement that was stored as being sent."""
    return Message(
        ask=ASKS[movement.kind],
        reference=movement.reference,
        program=caller.merchant.app_id,
        terminal_number=caller.terminal.number,
        amount=movement.amount,
        deadline_at=deadline_at,
        number=number,
        pin=pin,
        original=original.reference if original else None,
    )


def cancellation_of(caller: Caller, movement: Movement, *, deadline_at: datetime) -> Message:
    """The message that takes back whatever ``movement`` may have done. Repeats are the same message."""
    return Message(
        ask=Ask.CANCEL,
        reference=f"{movement.reference}-cancel",
        program=caller.merchant.app_id,
        terminal_number=caller.terminal.number,
        amount=movement.amount,
        deadline_at=deadline_at,
        original=movement.reference,
    )
