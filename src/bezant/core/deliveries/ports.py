"""What deliveries need from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from bezant.core.deliveries.letters import Letter, Text
from bezant.core.deliveries.model import Content, Delivery, Fate, Parcel

T = TypeVar("T")


class Composer(Protocol):
    """Words what is to be told of a topic: a dialect, to servers, or notices, to people."""

    async def compose(self, delivery: Delivery) -> Content | None:
        """What to send, and where; nothing when nobody wants to be told."""
        ...


class Sender(Protocol):
    """Sends whatever a delivery brings. Network trouble is an answer, never an exception."""

    async def post(self, content: Content) -> Fate:
        """Send it once."""
        ...


class PostsParcels(Protocol):
    """Reaches merchants' servers."""

    async def post(self, parcel: Parcel) -> Fate:
        """Post a parcel once."""
        ...


class PostsLetters(Protocol):
    """Reaches mail boxes."""

    async def post(self, letter: Letter) -> Fate:
        """Hand a letter over once."""
        ...


class PostsTexts(Protocol):
    """Reaches phones."""

    async def post(self, text: Text) -> Fate:
        """Hand a text message over once."""
        ...


class DeliveryStore(Protocol):
    """Deliveries of one transaction."""

    def add(self, delivery: Delivery) -> None:
        """Store a new delivery."""
        ...

    def find(self, merchant_id: int, delivery_id: int) -> Delivery | None:
        """A delivery of that merchant."""
        ...

    def due(self, now: datetime, *, limit: int, each: int) -> Sequence[Delivery]:
        """What is to be sent now, or is under a lease that ran out, those due longest first.

        Of one subject, the first that has not ended. Of one merchant, no more than ``each`` together with
        those that are being sent.
        """
        ...

    def oldest_due(self) -> datetime | None:
        """When the one that waits longest was to be sent, if one waits. It may lie ahead."""
        ...

    def given_up(self, limit: int) -> Sequence[Delivery]:
        """What nobody has taken, the latest first."""
        ...

    def forget(self, before: datetime, *, limit: int) -> int:
        """Forget what was sent by deliveries that ended before then, notices too; how many there were."""
        ...

    def change(self, before: Delivery, after: Delivery) -> None:
        """Store a step. Raises ``Conflict`` unless ``before`` was current."""
        ...


class DeliveryTx(Protocol):
    """The store of one transaction."""

    @property
    def deliveries(self) -> DeliveryStore:
        """Deliveries."""
        ...


class DeliveryUnits(Protocol):
    """Runs work in a transaction."""

    async def read(self, work: Callable[[DeliveryTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...

    async def write(self, work: Callable[[DeliveryTx], T], *, merchant_id: int) -> T:
        """Run ``work`` and commit, or raise and leave nothing behind."""
        ...
