"""A delivery from its announcement to its end: types, lifecycle, decisions, all pure.

An announcement is stored in the transaction of the change that it tells of. It is composed once, before it
is first sent, and what was composed is kept: each try says the very same. It is sent at least once, until
somebody takes it or the tries are over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bezant.core.lifecycle import Lifecycle

TAKEN_FROM, TAKEN_BELOW = 200, 300
FOUND = 302


class State(StrEnum):
    """Where a delivery is."""

    DUE = "due"
    SENDING = "sending"
    DELIVERED = "delivered"
    UNWANTED = "unwanted"
    """Nobody wants to be told."""
    GIVEN_UP = "given_up"


class Event(StrEnum):
    """What happens to a delivery."""

    CLAIM = "claim"
    TAKE = "take"
    DROP = "drop"
    POSTPONE = "postpone"
    GIVE_UP = "give_up"
    REVIVE = "revive"


DELIVERY = Lifecycle(
    name="delivery",
    initial=State.DUE,
    rows={
        (State.DUE, Event.CLAIM): State.SENDING,
        # Whoever had it is gone: its lease ran out.
        (State.SENDING, Event.CLAIM): State.SENDING,
        (State.SENDING, Event.TAKE): State.DELIVERED,
        (State.SENDING, Event.DROP): State.UNWANTED,
        (State.SENDING, Event.POSTPONE): State.DUE,
        (State.SENDING, Event.GIVE_UP): State.GIVEN_UP,
        (State.GIVEN_UP, Event.REVIVE): State.DUE,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is sent, and where. Printed, it shows neither."""

    url: str = field(repr=False)
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Somebody took it."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Somebody answered that it is not taken."""

    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """Nobody answered. ``cause`` is one of our own words."""

    cause: str


Fate = Accepted | Refused | Unreachable


def fate_of(status: int) -> Accepted | Refused:
    """What an HTTP status says: any 2xx and 302 take it (source: vendor docs)."""
    taken = TAKEN_FROM <= status < TAKEN_BELOW or status == FOUND
    return Accepted(status=status) if taken else Refused(status=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How often a delivery is tried again, and after how long (source: vendor docs)."""

    retries: int = 10
    pause: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One announcement to a merchant.

    ``delivery_id`` increases with what is announced of one subject. ``topic`` says what happened and who
    composes it, ``subject_id`` to what. ``next_try_at`` (none: at once) and ``lease_until`` are real time.
    """

    merchant_id: int
    delivery_id: int
    topic: str
    subject_id: int
    state: State = State.DUE
    tries: int = 0
    next_try_at: datetime | None = None
    lease_until: datetime | None = None
    parcel: Parcel | None = None
    last_word: str | None = None
    """What the last try came to: a status or a word of ours."""
    revision: int = 0

    def claimed(self, *, until: datetime) -> Delivery:
        """Under way, by whoever stores this first."""
        return self._step(Event.CLAIM, lease_until=until, next_try_at=None)

    def packed(self, parcel: Parcel) -> Delivery:
        """With what is sent from now on."""
        return replace(self, parcel=parcel, revision=self.revision + 1)

    def dropped(self) -> Delivery:
        """Nobody wants it."""
        return self._step(Event.DROP, lease_until=None)

    def revived(self) -> Delivery:
        """Given up once, and to be tried anew, as often as a new one."""
        return self._step(Event.REVIVE, tries=0)

    def tried(self, fate: Fate, policy: Policy, *, real: datetime) -> Delivery:
        """After one more try."""
        tries = self.tries + 1
        word = fate.cause if isinstance(fate, Unreachable) else str(fate.status)
        if isinstance(fate, Accepted):
            return self._step(Event.TAKE, tries=tries, last_word=word, lease_until=None)
        if tries > policy.retries:
            return self._step(Event.GIVE_UP, tries=tries, last_word=word, lease_until=None)
        return self._step(
            Event.POSTPONE, tries=tries, last_word=word, lease_until=None, next_try_at=real + policy.pause
        )

    def _step(self, event: Event, **changes: object) -> Delivery:
        changed = {**changes, "state": DELIVERY.after(self.state, event), "revision": self.revision + 1}
        return replace(self, **changed)  # type: ignore[arg-type]  # named and typed at each call
