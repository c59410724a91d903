"""Carries deliveries: claim, compose once, send, store what came of it. Several processes may do so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from bezant.core.deliveries.letters import Letter, Text
from bezant.core.deliveries.model import (
    KEPT,
    NOT_COMPOSED,
    Content,
    Delivery,
    Fate,
    Parcel,
    Policy,
    Unreachable,
)
from bezant.core.deliveries.ports import (
    Composer,
    DeliveryUnits,
    PostsLetters,
    PostsParcels,
    PostsTexts,
    Sender,
)
from bezant.core.faults import fault_point
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import Conflict

FORGET_AT_ONCE: Final = 500
ALL_MERCHANTS: Final = 0
"""Stands for the merchant of what is done for all of them."""
_UNROUTED = Policy()
"""How often a topic is tried that nobody composes: as if somebody soon might, as after an update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Who composes a family of topics, and what holds for its deliveries."""

    composer: Composer
    policy: Policy


NOT_SET_UP: Final = Unreachable(cause="not set up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Fulfils ``Sender`` by one for each kind of content. Without one, its kind reaches nobody."""

    parcels: PostsParcels
    letters: PostsLetters | None = None
    texts: PostsTexts | None = None

    async def post(self, content: Content) -> Fate:
        """Send it once, by whoever sends its kind."""
        match content:
            case Parcel():
                return await self.parcels.post(content)
            case Letter():
                return await self.letters.post(content) if self.letters else NOT_SET_UP
            case Text():
                return await self.texts.post(content) if self.texts else NOT_SET_UP
            case _:
                assert_never(content)


class Unrouted(Exception):
    """A delivery of a topic that nobody composes: a bug, or one of a newer version."""


class Courier:
    """Sends what is due.

    ``routes`` go by the topic's first word (``loan`` of ``loan.bought``). ``answer_within``: how long the
    sender waits for an answer. A try has twice as long before another process takes it for lost, and is not
    begun in the second half of that. ``each``: how many of one merchant may be under way at once, whoever
    carries them.
    """

    def __init__(
        self,
        *,
        units: DeliveryUnits,
        routes: Mapping[str, Route],
        sender: Sender,
        clock: SystemClock,
        answer_within: timedelta = timedelta(seconds=10),
        each: int = 8,
    ) -> None:
        self._units = units
        self._routes = routes
        self._sender = sender
        self._clock = clock
        self._answer_within = answer_within
        self._lease = 2 * answer_within
        self._each = each

    async def due(self, limit: int) -> list[Delivery]:
        """What is to be carried now."""
        now = self._clock.now()
        return list(await self._units.read(lambda tx: tx.deliveries.due(now, limit=limit, each=self._each)))

    async def overdue(self) -> timedelta:
        """For how long the one that waits longest could have been sent."""
        oldest = await self._units.read(lambda tx: tx.deliveries.oldest_due())
        return max(self._clock.now() - oldest, timedelta()) if oldest else timedelta()

    async def forget(self) -> int:
        """Forget what was sent, and to whom, once that has been over for long; how many were forgotten.

        That there was a delivery, and how it ended, stays.
        """
        before, found = self._clock.now() - KEPT, 0
        while some := await self._units.write(
            lambda tx: tx.deliveries.forget(before, limit=FORGET_AT_ONCE), merchant_id=ALL_MERCHANTS
        ):
            found += some
        return found

    async def carry(self, delivery: Delivery) -> Delivery | None:
        """Try a delivery once: how it was stored after that; nothing where it is another process's now.

        Raises what its composer raised, when that has been stored as a try that failed.
        """
        route = self._routes.get(delivery.family)
        policy = route.policy if route else _UNROUTED
        try:
            if delivery.was_lost(policy):
                return await self._store(delivery, delivery.lost(real=self._clock.now()))
            claimed = await self._store(delivery, delivery.claimed(until=self._clock.now() + self._lease))
            fault_point("delivery.claimed")
            try:
                packed = await self._packed(claimed, route)
            except Conflict:
                raise
            except Exception:
                await self._store(claimed, claimed.tried(NOT_COMPOSED, policy, real=self._clock.now()))
                raise
            if packed.content is None:
                return await self._store(packed, packed.dropped(real=self._clock.now()))
            if self._late(packed):
                return None
            fault_point("delivery.packed")
            fate = await self._sender.post(packed.content)
            fault_point("delivery.answered")
            return await self._store(packed, packed.tried(fate, policy, real=self._clock.now()))
        except Conflict:
            return None

    async def _packed(self, delivery: Delivery, route: Route | None) -> Delivery:
        """The delivery with its content, stored before it is first sent; without one if nobody wants it."""
        if delivery.content is not None:
            return delivery
        if route is None:
            raise Unrouted(delivery.topic)
        content = await route.composer.compose(delivery)
        return delivery if content is None else await self._store(delivery, delivery.packed(content))

    def _late(self, delivery: Delivery) -> bool:
        """Whether an answer might come after the lease, when somebody else is sending the same."""
        assert delivery.lease_until is not None, "claimed"
        return self._clock.now() + self._answer_within > delivery.lease_until

    async def _store(self, before: Delivery, after: Delivery) -> Delivery:
        """``after``, stored. Raises ``Conflict`` when somebody else was first."""
        await self._units.write(
            lambda tx: tx.deliveries.change(before, after), merchant_id=before.merchant_id
        )
        return after
