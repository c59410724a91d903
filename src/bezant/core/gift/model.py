"""A movement on a gift card and its life: types, the lifecycle table, and the decisions, all pure.

Balances are the gift host's. What is kept here is what this gateway asked for and what was answered: each
thing that the caller can name later is one movement with an id of its own; a refund or a void points to
its original. Card numbers are not kept, only a merchant's token for them and the last four digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from bezant.core.gift.messages import Answer, Ask, Granted
from bezant.core.ledger import Account, Cause, Entry, Layer, Line
from bezant.core.lifecycle import Lifecycle
from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Reason, Unresolved


class Kind(StrEnum):
    """What a movement does."""

    ACTIVATION = "activation"
    LOAD = "load"
    REDEMPTION = "redemption"
    REFUND = "refund"
    """Puts what a redemption took back onto its card."""
    DEACTIVATION = "deactivation"
    """Takes what is left off a card and makes it inactive."""
    VOID = "void"


class State(StrEnum):
    """Where a movement is."""

    SENDING = "sending"
    BOOKED = "booked"
    DECLINED = "declined"
    VOIDING = "voiding"
    """Booked, while its void is under way."""
    VOIDED = "voided"
    IN_DOUBT = "in_doubt"
    CANCELLED = "cancelled"
    """Was in doubt; the host has confirmed that nothing of it is left."""


class Event(StrEnum):
    """What happens to a movement."""

    BOOK = "book"
    DECLINE = "decline"
    LOSE = "lose"
    CANCEL = "cancel"
    BEGIN_VOID = "begin_void"
    FINISH_VOID = "finish_void"
    ABANDON_VOID = "abandon_void"


MOVEMENT = Lifecycle(
    name="gift movement",
    initial=State.SENDING,
    rows={
        (State.SENDING, Event.BOOK): State.BOOKED,
        (State.SENDING, Event.DECLINE): State.DECLINED,
        (State.SENDING, Event.LOSE): State.IN_DOUBT,
        (State.IN_DOUBT, Event.CANCEL): State.CANCELLED,
        (State.BOOKED, Event.BEGIN_VOID): State.VOIDING,
        (State.VOIDING, Event.FINISH_VOID): State.VOIDED,
        (State.VOIDING, Event.ABANDON_VOID): State.BOOKED,
    },
)

ASKS: Mapping[Kind, Ask] = {
    Kind.ACTIVATION: Ask.ACTIVATE,
    Kind.LOAD: Ask.LOAD,
    Kind.REDEMPTION: Ask.REDEEM,
    Kind.REFUND: Ask.REFUND,
    Kind.DEACTIVATION: Ask.DEACTIVATE,
    Kind.VOID: Ask.VOID,
}

MISSES = frozenset({Reason.UNKNOWN_GIFT_CARD, Reason.WRONG_PIN})
"""Answers that a guesser gets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What the caller says about a movement, kept and shown.

    ``echo`` is the dialect's own: texts it must repeat exactly as they came.
    """

    invoice: str | None = None
    description: str | None = None
    cardholder: str | None = None
    phone: str | None = None
    email: str | None = None
    echo: Mapping[str, str] = field(default_factory=dict)


NO_NOTES = Notes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One operation on a gift card.

    ``requested_at`` and ``answered_at`` are the merchant's time; ``sent_at`` (whole seconds),
    ``lease_until`` and ``next_try_at`` real time. ``amount`` is what was asked for until the answer, then
    what was granted. ``balance`` is what the host said was left. ``refunded`` sums booked and pending
    refunds. ``reason`` is empty exactly when the movement was booked (or has no outcome yet). One that was
    declined here, without asking the host, has no ``audit_number``. ``next_try_at`` is set while it is in
    doubt: when its cancellation is tried next, after ``tries`` of them.
    """

    merchant_id: int
    movement_id: int
    terminal_id: int
    kind: Kind
    state: State
    amount: Money
    token: str | None = None
    last4: str | None = None
    notes: Notes = NO_NOTES
    original_id: int | None = None
    audit_number: int | None = None
    retrieval_reference: str
    requested_at: datetime
    sent_at: datetime
    lease_until: datetime
    batch_number: int = 0
    transaction_number: int | None = None
    reason: Reason | None = None
    balance: Money | None = None
    answered_at: datetime | None = None
    refunded: Money
    tries: int = 0
    next_try_at: datetime | None = None
    revision: int = 0

    @property
    def approved(self) -> bool:
        """Whether the caller was told yes."""
        return self.answered_at is not None and self.reason is None

    @property
    def reference(self) -> str:
        """The name of its message at the host: unique among all that this gateway ever sends."""
        return f"{self.movement_id}-{self.sent_at:%Y%m%d%H%M%S}"

    @property
    def refundable(self) -> Money:
        """What can still be given back."""
        return self.amount - self.refunded

    def step(self, event: Event, **changes: object) -> Movement:
        """This movement after ``event``. Raises ``IllegalStep`` where the table has none."""
        return replace(
            self,
            state=MOVEMENT.after(self.state, event),
            revision=self.revision + 1,
            **changes,  # type: ignore[arg-type]  # named and typed at each call
        )

    def changed(self, **changes: object) -> Movement:
        """This movement with other facts in the same state."""
        return replace(self, revision=self.revision + 1, **changes)  # type: ignore[arg-type]  # as above


def retrieval_reference(at: datetime, sequence: int) -> str:
    """The twelve digits by which a gift host finds a movement: ``00YDDDNNNNNN``.

    Last digit of the year and day of the year in UTC, then ``sequence`` modulo a million (layout: vendor
    samples; that the day is UTC's: our choice).
    """
    utc = at.astimezone(UTC)
    return f"00{utc.year % 10}{utc.timetuple().tm_yday:03d}{sequence % 1_000_000:06d}"


def decide(movement: Movement, answer: Answer, *, at: datetime, real: datetime) -> Movement:
    """The movement after the host's answer: booked, declined, or in doubt and to be cancelled.

    Whoever asked is told "not approved" of what is in doubt, so it never becomes approved later.
    """
    match answer:
        case Granted(amount=amount, balance=balance):
            return movement.step(Event.BOOK, amount=amount, balance=balance, answered_at=at)
        case Declined(reason=reason):
            return movement.step(Event.DECLINE, reason=reason, answered_at=at)
        case NotSent():
            return movement.step(Event.DECLINE, reason=Reason.NOT_REACHED, answered_at=at)
        case Unresolved():
            return movement.step(Event.LOSE, reason=Reason.NO_ANSWER, answered_at=at, next_try_at=real)


def entry_of(movement: Movement, *, booked_at: datetime) -> Entry | None:
    """What a booked movement books; nothing where no money moved.

    A load is a liability, not revenue; revenue comes with the redemption.
    """
    debited, credited, cause = _BOOKINGS[movement.kind]
    if not movement.amount:
        return None
    return Entry(
        merchant_id=movement.merchant_id,
        subject_id=movement.movement_id,
        cause=cause,
        layer=Layer.POSTED,
        booked_at=booked_at,
        lines=(Line(debited, movement.amount), Line(credited, -movement.amount)),
    )


_BOOKINGS: Mapping[Kind, tuple[Account, Account, Cause]] = {
    Kind.ACTIVATION: (Account.GIFT_LOADS, Account.GIFT_LIABILITY, Cause.GIFT_LOAD),
    Kind.LOAD: (Account.GIFT_LOADS, Account.GIFT_LIABILITY, Cause.GIFT_LOAD),
    Kind.REDEMPTION: (Account.GIFT_LIABILITY, Account.GIFT_REDEEMED, Cause.GIFT_REDEMPTION),
    Kind.REFUND: (Account.GIFT_REDEEMED, Account.GIFT_LIABILITY, Cause.GIFT_REFUND),
    Kind.DEACTIVATION: (Account.GIFT_LIABILITY, Account.GIFT_LOADS, Cause.GIFT_PAYOUT),
}


def void_entry(original: Movement, void: Movement, *, booked_at: datetime) -> Entry | None:
    """What a void books: its original's entry, taken back."""
    taken_back = entry_of(original, booked_at=booked_at)
    if taken_back is None:
        return None
    return msgspec.structs.replace(
        taken_back, subject_id=void.movement_id, cause=Cause.GIFT_VOID, lines=taken_back.negated()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """Wrong numbers and PINs from one place since an instant, and until when it is locked. Real time."""

    count: int
    since: datetime
    locked_until: datetime | None = None

    def locked(self, at: datetime) -> bool:
        """Whether nothing more is tried for this place."""
        return self.locked_until is not None and at < self.locked_until

    def after_another(self, at: datetime, *, count_max: int, window: timedelta, lock: timedelta) -> Misses:
        """One miss more: the count begins again when its window is over, and locks when it is full."""
        fresh = self.since + window <= at
        count = 1 if fresh else self.count + 1
        return Misses(
            count=count,
            since=at if fresh else self.since,
            locked_until=at + lock if count >= count_max else self.locked_until,
        )
