"""Carries deliveries: claim, compose once, send, store what came of it. Several processes may do so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bezant.core.deliveries.model import Delivery, Policy
from bezant.core.deliveries.ports import Composer, DeliveryUnits, Sender
from bezant.core.merchants import SystemClock
from bezant.core.outcomes import Conflict


class Courier:
    """Sends what is due.

    ``composers`` go by the topic's first word (``loan`` of ``loan.bought``). ``lease``: how long one try may
    take before another process takes it for lost; longer than the sender waits for an answer.
    """

    def __init__(
        self,
        *,
        units: DeliveryUnits,
        composers: Mapping[str, Composer],
        sender: Sender,
        clock: SystemClock,
        policy: Policy,
        lease: timedelta = timedelta(seconds=45),
    ) -> None:
        self._units = units
        self._composers = composers
        self._sender = sender
        self._clock = clock
        self._policy = policy
        self._lease = lease

    async def due(self, limit: int) -> list[Delivery]:
        """What is to be carried now."""
        now = self._clock.now()
        return list(await self._units.read(lambda tx: tx.deliveries.due(now, limit)))

    async def carry(self, delivery: Delivery) -> bool:
        """Send a delivery once; whether it was this process that did."""
        try:
            claimed = await self._claim(delivery)
            packed = await self._packed(claimed)
            if packed is None:
                await self._store(claimed, claimed.dropped())
                return True
            assert packed.parcel is not None, "packed"
            fate = await self._sender.post(packed.parcel)
            await self._store(packed, packed.tried(fate, self._policy, real=self._clock.now()))
        except Conflict:
            return False
        return True

    async def _claim(self, delivery: Delivery) -> Delivery:
        claimed = delivery.claimed(until=self._clock.now() + self._lease)
        await self._store(delivery, claimed)
        return claimed

    async def _packed(self, delivery: Delivery) -> Delivery | None:
        """The delivery with its parcel, stored before it is first sent; nothing if nobody wants it."""
        if delivery.parcel is not None:
            return delivery
        composer = self._composers.get(delivery.topic.partition(".")[0])
        parcel = await composer.compose(delivery) if composer else None
        if parcel is None:
            return None
        packed = delivery.packed(parcel)
        await self._store(delivery, packed)
        return packed

    async def _store(self, before: Delivery, after: Delivery) -> None:
        await self._units.write(
            lambda tx: tx.deliveries.change(before, after), merchant_id=before.merchant_id
        )
