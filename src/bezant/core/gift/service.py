"""Use cases: activate, load, redeem, refund, deactivate, void, and asking for a balance.

Each is the walk of a card payment: store the intent and commit, ask the host with no transaction open,
decide, store the outcome and commit. Whether a card holds enough is the host's to say, in one step with
taking it: no balance is kept or compared here, so that none can be overdrawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bezant.core.faults import fault_point
from bezant.core.gift.guard import Guard
from bezant.core.gift.messages import Ask, Granted, Message
from bezant.core.gift.model import (
    MISSES,
    NO_NOTES,
    Event,
    Kind,
    Movement,
    Notes,
    State,
    retrieval_reference,
)
from bezant.core.gift.ports import GiftHost, GiftTx, GiftUnits, Ids, Key, Tokens
from bezant.core.gift.queries import MovementPage, MovementQuery
from bezant.core.gift.steps import existing, finish, message_of, start, turn_down
from bezant.core.merchants import Caller, SystemClock
from bezant.core.money import Money
from bezant.core.outcomes import Conflict, Declined, Reason, Refused, Unavailable
from bezant.core.sensitive import Pan, Secret
from bezant.core.twins import Pause, TwinWait


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A gift card as it is presented. Gift numbers have no check digit."""

    number: Pan
    pin: Secret | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A movement as it ended, and whether an earlier request with the same key had made it."""

    movement: Movement
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Enquiry:
    """A balance that was asked for: it moves nothing, so nothing is stored of it.

    ``reason`` says why there is no ``balance``. ``transaction_number`` is the one that the terminal's next
    movement will have. ``at`` is the merchant's time.
    """

    balance: Money | None
    reason: Reason | None
    last4: str
    audit_number: int
    retrieval_reference: str
    batch_number: int
    transaction_number: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intent:
    """What unit 1 stored."""

    movement: Movement
    original: Movement | None = None
    replayed: bool = False


class GiftCards:
    """Gift cards of one gateway.

    ``lease``: how long a movement may be under way before it is taken to be lost. In the last third of it
    nothing is sent any more: by then somebody may be about to take it back.
    """

    def __init__(
        self,
        *,
        units: GiftUnits,
        host: GiftHost,
        tokens: Tokens,
        ids: Ids,
        clock: SystemClock,
        pause: Pause,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._host = host
        self._tokens = tokens
        self._ids = ids
        self._clock = clock
        self._pause = pause
        self._lease = lease
        self._guard = Guard(units)

    async def page(self, query: MovementQuery) -> MovementPage:
        """One page of a terminal's movements, newest first."""
        return await self._units.read(lambda tx: tx.gift.page(query))

    # -- use cases --------------------------------------------------------------------------------

    async def activate(
        self, caller: Caller, card: Card, opening: Money, *, notes: Notes = NO_NOTES, key: Key | None = None
    ) -> Outcome:
        """Make a card usable, with ``opening``, which may be nothing, on it."""
        return await self._present(Kind.ACTIVATION, caller, card, amount=opening, notes=notes, key=key)

    async def load(
        self, caller: Caller, card: Card, amount: Money, *, notes: Notes = NO_NOTES, key: Key | None = None
    ) -> Outcome:
        """Put money on an active card."""
        return await self._present(Kind.LOAD, caller, card, amount=amount, notes=notes, key=key)

    async def redeem(
        self, caller: Caller, card: Card, amount: Money, *, notes: Notes = NO_NOTES, key: Key | None = None
    ) -> Outcome:
        """Pay with a card: all of ``amount``, or it is declined."""
        return await self._present(Kind.REDEMPTION, caller, card, amount=amount, notes=notes, key=key)

    async def deactivate(
        self, caller: Caller, card: Card, *, notes: Notes = NO_NOTES, key: Key | None = None
    ) -> Outcome:
        """Make a card unusable; the amount of the outcome was left on it and is the holder's."""
        nothing = Money.zero(caller.merchant.currency)
        return await self._present(Kind.DEACTIVATION, caller, card, amount=nothing, notes=notes, key=key)

    async def refund(
        self,
        caller: Caller,
        original_id: int,
        amount: Money,
        *,
        notes: Notes = NO_NOTES,
        key: Key | None = None,
    ) -> Outcome:
        """Put money of an earlier redemption of this terminal back on its card, up to what is left of it."""
        draft = await self._draft(Kind.REFUND, caller, amount, notes)

        def begin(tx: GiftTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = _look_up(tx, draft, original_id)
            if original is None or original.kind is not Kind.REDEMPTION:
                return _Intent(movement=turn_down(tx, draft, Reason.ORIGINAL_NOT_FOUND))
            named = _referring(draft, original)
            if original.state is not State.BOOKED:
                return _Intent(movement=turn_down(tx, named, Reason.ORIGINAL_NOT_FOUND))
            if amount > original.refundable:
                return _Intent(movement=turn_down(tx, named, Reason.EXCEEDS_REFUNDABLE))
            movement = start(tx, named)
            claimed = original.changed(refunded=original.refunded + amount)
            tx.gift.change(original, claimed, at=draft.requested_at)
            return _Intent(movement=movement, original=original)

        return await self._walk(caller, draft, begin, key)

    async def void(
        self, caller: Caller, original_id: int, *, notes: Notes = NO_NOTES, key: Key | None = None
    ) -> Outcome:
        """Take back an earlier movement of this terminal while its batch is open."""
        draft = await self._draft(Kind.VOID, caller, Money.zero(caller.merchant.currency), notes)

        def begin(tx: GiftTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            original = _look_up(tx, draft, original_id)
            if original is None:
                return _Intent(movement=turn_down(tx, draft, Reason.ORIGINAL_NOT_FOUND))
            named = replace(
                _referring(draft, original),
                amount=original.amount,
                retrieval_reference=original.retrieval_reference,
            )
            if refusal := _void_refusal(tx, original):
                return _Intent(movement=turn_down(tx, named, refusal))
            movement = start(tx, named)
            voiding = original.step(Event.BEGIN_VOID)
            tx.gift.change(original, voiding, at=draft.requested_at)
            return _Intent(movement=movement, original=voiding)

        return await self._walk(caller, draft, begin, key)

    async def balance(self, caller: Caller, card: Card) -> Enquiry:
        """What a card holds. Moves nothing."""
        draft = await self._draft(Kind.REDEMPTION, caller, Money.zero(caller.merchant.currency), NO_NOTES)

        def begin(tx: GiftTx) -> tuple[Enquiry, bool]:
            batch = tx.batches.open(draft.merchant_id, draft.terminal_id)
            unanswered = Enquiry(
                balance=None,
                reason=Reason.UNKNOWN_GIFT_CARD,
                last4=card.number.last4,
                audit_number=batch.next_audit_number(),
                retrieval_reference=draft.retrieval_reference,
                batch_number=batch.number,
                transaction_number=batch.transaction_number + 1,
                at=draft.requested_at,
            )
            return unanswered, self._guard.locked(tx, caller, real=draft.sent_at)

        enquiry, locked = await self._units.write(
            begin, merchant_id=draft.merchant_id, terminal_id=draft.terminal_id
        )
        if locked:
            return enquiry
        message = replace(self._message(caller, draft, card=card), ask=Ask.BALANCE)
        answer = await self._host.send(message)
        enquiry = replace(enquiry, at=caller.now(self._clock.now()))
        if isinstance(answer, Granted):
            return replace(enquiry, balance=answer.balance, reason=None)
        reason = answer.reason if isinstance(answer, Declined) else Reason.ISSUER_UNAVAILABLE
        await self._count_miss(caller, reason)
        return replace(enquiry, reason=reason)

    # -- the walk ---------------------------------------------------------------------------------

    async def _present(
        self, kind: Kind, caller: Caller, card: Card, *, amount: Money, notes: Notes, key: Key | None
    ) -> Outcome:
        """A movement on the card that is presented."""
        draft = await self._draft(kind, caller, amount, notes, card=card)

        def begin(tx: GiftTx) -> _Intent:
            if known := _replayed(tx, draft, key):
                return known
            if self._guard.locked(tx, caller, real=draft.sent_at):
                return _Intent(movement=turn_down(tx, draft, Reason.UNKNOWN_GIFT_CARD))
            return _Intent(movement=start(tx, draft))

        return await self._walk(caller, draft, begin, key, card=card)

    async def _walk(
        self,
        caller: Caller,
        draft: Movement,
        begin: Callable[[GiftTx], _Intent],
        key: Key | None,
        *,
        card: Card | None = None,
    ) -> Outcome:
        """From the intent to the outcome."""
        intent = await self._begin(begin, draft, key)
        movement = intent.movement
        if movement.state is not State.SENDING:
            return Outcome(movement=movement, replayed=intent.replayed)
        message = self._message(caller, movement, card=card, original=intent.original)
        fault_point("gift.stored")
        answer = await self._host.send(message)
        fault_point("gift.answered")
        real = self._clock.now()
        try:
            finished = await self._units.write(
                partial(finish, movement=movement, answer=answer, at=caller.now(real), real=real),
                merchant_id=movement.merchant_id,
                terminal_id=movement.terminal_id,
            )
        except Conflict:
            # The lease ran out while we waited: the movement is in doubt and is being cancelled, and this
            # answer, whatever it says, came too late to change that.
            finished = await self._units.read(
                lambda tx: existing(tx, movement.merchant_id, movement.movement_id)
            )
        fault_point("gift.finished")
        await self._count_miss(caller, finished.reason)
        return Outcome(movement=finished)

    async def _draft(
        self, kind: Kind, caller: Caller, amount: Money, notes: Notes, *, card: Card | None = None
    ) -> Movement:
        real = self._clock.now()
        movement_id = await self._ids.take()
        requested_at = caller.now(real)
        merchant_id, terminal_id = caller.key
        return Movement(
            merchant_id=merchant_id,
            movement_id=movement_id,
            terminal_id=terminal_id,
            kind=kind,
            state=State.SENDING,
            amount=amount,
            token=self._tokens.token(merchant_id, card.number) if card else None,
            last4=card.number.last4 if card else None,
            notes=notes,
            retrieval_reference=retrieval_reference(requested_at, movement_id),
            requested_at=requested_at,
            sent_at=real.replace(microsecond=0),
            lease_until=real + self._lease,
            refunded=Money.zero(amount.currency),
        )

    async def _begin(self, begin: Callable[[GiftTx], _Intent], draft: Movement, key: Key | None) -> _Intent:
        """Run unit 1. A twin with the same key that is still under way is waited for, then refused.

        When it is not known to be stored, nothing is sent: the caller may try again, and what was stored
        after all is found when its lease has run out.
        """
        twin = TwinWait(self._clock.now, self._pause)
        while True:
            try:
                intent = await self._units.write(
                    begin, merchant_id=draft.merchant_id, terminal_id=draft.terminal_id
                )
            except (Conflict, Unavailable):
                raise Refused(Reason.BUSY) from None
            if key is None or not intent.replayed or intent.movement.state is not State.SENDING:
                return intent
            await twin.go_on()

    def _message(
        self,
        caller: Caller,
        movement: Movement,
        *,
        card: Card | None = None,
        original: Movement | None = None,
    ) -> Message:
        return message_of(
            caller,
            movement,
            deadline_at=movement.lease_until - self._lease / 3,
            number=card.number if card else None,
            pin=card.pin if card else None,
            original=original,
        )

    async def _count_miss(self, caller: Caller, reason: Reason | None) -> None:
        if reason in MISSES:
            await self._guard.count(caller, real=self._clock.now())


def _replayed(tx: GiftTx, draft: Movement, key: Key | None) -> _Intent | None:
    """What an earlier request with this key made; or none, and the key is now used."""
    if key is None:
        return None
    known = tx.gift.key_use(draft.merchant_id, draft.terminal_id, key.value)
    if known is None:
        tx.gift.use_key(
            draft.merchant_id, draft.terminal_id, key, movement_id=draft.movement_id, at=draft.sent_at
        )
        return None
    fingerprint, movement_id = known
    if fingerprint != key.fingerprint:
        raise Refused(Reason.KEY_REUSED)
    return _Intent(movement=existing(tx, draft.merchant_id, movement_id), replayed=True)


def _look_up(tx: GiftTx, draft: Movement, movement_id: int) -> Movement | None:
    """The movement of this terminal with that id."""
    found = tx.gift.find(draft.merchant_id, movement_id)
    return found if found is not None and found.terminal_id == draft.terminal_id else None


def _referring(draft: Movement, original: Movement) -> Movement:
    """The draft of a follow-up, with what it takes over from its original."""
    notes = replace(
        original.notes,
        phone=draft.notes.phone or original.notes.phone,
        email=draft.notes.email or original.notes.email,
        invoice=draft.notes.invoice or original.notes.invoice,
        echo=draft.notes.echo,
    )
    return replace(
        draft, token=original.token, last4=original.last4, notes=notes, original_id=original.movement_id
    )


def _void_refusal(tx: GiftTx, original: Movement) -> Reason | None:
    """Why this movement cannot be voided, if it cannot."""
    if original.state in {State.VOIDED, State.VOIDING}:
        return Reason.ALREADY_VOIDED
    batch = tx.batches.open(original.merchant_id, original.terminal_id)
    can = (
        original.state is State.BOOKED
        and original.kind is not Kind.VOID
        and not original.refunded
        and original.batch_number == batch.number
    )
    return None if can else Reason.ORIGINAL_NOT_FOUND
