"""A delivery from its announcement to its end: types, lifecycle, decisions, all pure.

An announcement is stored in the transaction of the change that it tells of. It is composed once, before it
is first sent, and what was composed is kept: each try says the very same. It is sent at least once, until
somebody takes it or the tries are over. A try counts from the moment it is claimed, so that whatever brings
its process down is not tried for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bezant.core.deliveries.letters import Letter, Text
from bezant.core.lifecycle import Lifecycle
from bezant.core.sensitive import Secret


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
    """What is posted, and where. Printed, it shows neither.

    ``headers`` (name, value) go with it and may prove us to whoever takes it. With ``sandbox``, it is of a
    sandbox merchant and may go to this machine, where the gateway lets it.
    """

    url: str = field(repr=False)
    content_type: str
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, Secret], ...] = ()
    sandbox: bool = False


Content = Parcel | Letter | Text
"""What a delivery brings: a parcel to a merchant's server, a letter or a text message to somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Somebody answered, with a status of HTTP or, for a letter, of SMTP.

    With ``final``, it will never be taken: nobody need ask again.
    """

    status: int
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """Nobody answered, or nobody was asked. ``cause`` is one of our own words."""

    cause: str


Fate = Answered | Unreachable

NOT_COMPOSED: Final = Unreachable(cause="not composed")
KEPT: Final = timedelta(days=30)
"""For how long what was sent is kept after its delivery has ended, whoever took it or not (our choice)."""
LOST: Final = "lost"
"""The last word of a try whose process never told what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for the deliveries of a topic.

    ``retries``: how often one is tried again, ``pause`` after the last try. ``taken``: the statuses that say
    that somebody took it.
    """

    retries: int = 10
    pause: timedelta = timedelta(seconds=10)
    taken: tuple[range, ...] = (range(200, 300),)

    def takes(self, fate: Fate) -> bool:
        """Whether somebody took it."""
        return isinstance(fate, Answered) and any(fate.status in statuses for statuses in self.taken)

    def ends(self, fate: Fate, tries: int) -> bool:
        """Whether nobody is asked again after so many tries."""
        return tries > self.retries or (isinstance(fate, Answered) and fate.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One announcement to a merchant.

    ``topic`` says what happened and who composes it, ``subject_id`` to what. ``sequence`` orders what is
    announced of one subject: its revision then. ``tries`` counts those that were begun. ``next_try_at`` (of
    one that is due), ``lease_until`` (of one that is being sent) and ``ended_at`` (of one that has ended) are
    real time.
    """

    merchant_id: int
    delivery_id: int
    topic: str
    subject_id: int
    sequence: int
    state: State = State.DUE
    tries: int = 0
    next_try_at: datetime | None = None
    lease_until: datetime | None = None
    ended_at: datetime | None = None
    content: Content | None = None
    last_word: str | None = None
    """What the last try came to: a status or a word of ours."""
    revision: int = 0

    @classmethod
    def announced(
        cls,
        *,
        merchant_id: int,
        delivery_id: int,
        topic: str,
        subject_id: int,
        sequence: int = 0,
        real: datetime,
    ) -> Delivery:
        """A new one, due at once. What has no revision to tell as ``sequence`` goes by ``delivery_id``."""
        return cls(
            merchant_id=merchant_id,
            delivery_id=delivery_id,
            topic=topic,
            subject_id=subject_id,
            sequence=sequence,
            next_try_at=real,
        )

    @property
    def family(self) -> str:
        """The first word of its topic, by which a composer is found: ``loan`` of ``loan.bought``."""
        return self.topic.partition(".")[0]

    def was_lost(self, policy: Policy) -> bool:
        """Of one whose lease ran out: whether that was its last try."""
        return self.state is State.SENDING and self.tries > policy.retries

    def claimed(self, *, until: datetime) -> Delivery:
        """Under way, by whoever stores this first: one more try, whatever comes of it."""
        return self._step(Event.CLAIM, tries=self.tries + 1, lease_until=until, next_try_at=None)

    def packed(self, content: Content) -> Delivery:
        """With what is sent from now on."""
        return replace(self, content=content, revision=self.revision + 1)

    def dropped(self, *, real: datetime) -> Delivery:
        """Nobody wants it."""
        return self._step(Event.DROP, lease_until=None, ended_at=real)

    def lost(self, *, real: datetime) -> Delivery:
        """Given up, since nobody told what came of its last try."""
        return self._step(Event.GIVE_UP, lease_until=None, ended_at=real, last_word=LOST)

    def revived(self, *, real: datetime) -> Delivery:
        """Given up once, and to be tried anew, as often as a new one."""
        return self._step(Event.REVIVE, tries=0, next_try_at=real, ended_at=None)

    def tried(self, fate: Fate, policy: Policy, *, real: datetime) -> Delivery:
        """After the try that was claimed."""
        word = fate.cause if isinstance(fate, Unreachable) else str(fate.status)
        if policy.takes(fate):
            return self._step(Event.TAKE, last_word=word, lease_until=None, ended_at=real)
        if policy.ends(fate, self.tries):
            return self._step(Event.GIVE_UP, last_word=word, lease_until=None, ended_at=real)
        return self._step(Event.POSTPONE, last_word=word, lease_until=None, next_try_at=real + policy.pause)

    def _step(self, event: Event, **changes: object) -> Delivery:
        changed = {**changes, "state": DELIVERY.after(self.state, event), "revision": self.revision + 1}
        return replace(self, **changed)  # type: ignore[arg-type]  # named and typed at each call
