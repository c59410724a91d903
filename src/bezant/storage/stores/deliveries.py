"""Deliveries. New ones are written with the whole group's; every other statement when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select, update
from sqlalchemy import Row as Found

from bezant.core.deliveries import Delivery, Parcel, State
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.instants import maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import deliveries
from bezant.storage.writes import Writes

_AT_ONCE = 0
_INSERT = BulkInsert(deliveries)
_c = deliveries.c


class DeliveryRows:
    """Deliveries of one transaction."""

    def __init__(self, connection: Connection, writes: Writes) -> None:
        self._connection = connection
        self._writes = writes
        self._new: list[Row] = []

    def add(self, delivery: Delivery) -> None:
        """Store a new delivery."""
        self._writes.touch()
        values = _values(delivery)
        self._new.append([values[name] for name in _INSERT.columns])

    def flush(self) -> None:
        """Write what is new."""
        if self._new:
            new, self._new = self._new, []
            _INSERT.run(self._connection, new)

    def find(self, merchant_id: int, delivery_id: int) -> Delivery | None:
        """A delivery of that merchant."""
        found = self._all(
            select(deliveries).where(_c.merchant_id == merchant_id, _c.delivery_id == delivery_id)
        )
        return found[0] if found else None

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """What is to be sent now, or is under a lease that ran out, those due longest first.

        Of one subject the oldest only.
        """
        waiting = select(deliveries).where(_c.state == State.DUE.value, _c.next_try_at <= to_micros(now))
        lost = select(deliveries).where(_c.state == State.SENDING.value, _c.lease_until <= to_micros(now))
        found = [
            *self._all(waiting.order_by(_c.next_try_at, _c.delivery_id).limit(limit)),
            *self._all(lost.order_by(_c.lease_until).limit(limit)),
        ]
        first: dict[tuple[int, int], Delivery] = {}
        for delivery in sorted(found, key=lambda each: each.delivery_id):
            first.setdefault((delivery.merchant_id, delivery.subject_id), delivery)
        return [delivery for delivery in found if delivery in first.values()][:limit]

    def given_up(self, limit: int) -> Sequence[Delivery]:
        """What nobody has taken, the latest first."""
        wanted = select(deliveries).where(_c.state == State.GIVEN_UP.value)
        return self._all(wanted.order_by(_c.delivery_id.desc()).limit(limit))

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        rows = self._connection.execute(select(_c.state, func.count()).group_by(_c.state))
        return {str(state): int(count) for state, count in rows}

    def change(self, before: Delivery, after: Delivery) -> None:
        """Store a step. Raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        values = _values(after)
        changed = self._connection.execute(
            update(deliveries)
            .where(
                _c.merchant_id == before.merchant_id,
                _c.delivery_id == before.delivery_id,
                _c.state == before.state.value,
                _c.revision == before.revision,
            )
            .values(
                {
                    name: values[name]
                    for name in (
                        "state",
                        "tries",
                        "next_try_at",
                        "lease_until",
                        "url",
                        "content_type",
                        "body",
                        "last_word",
                        "revision",
                    )
                }
            )
        )
        self._writes.expect(changed, 1)

    def _all(self, wanted: Select[Any]) -> list[Delivery]:
        self.flush()
        return [_delivery(row) for row in self._connection.execute(wanted)]


def _values(delivery: Delivery) -> dict[str, Any]:
    parcel = delivery.parcel
    waits = delivery.state is State.DUE
    return {
        "merchant_id": delivery.merchant_id,
        "delivery_id": delivery.delivery_id,
        "topic": delivery.topic,
        "subject_id": delivery.subject_id,
        "state": delivery.state.value,
        "tries": delivery.tries,
        "next_try_at": (maybe_micros(delivery.next_try_at) or _AT_ONCE) if waits else None,
        "lease_until": maybe_micros(delivery.lease_until),
        "url": parcel.url if parcel else None,
        "content_type": parcel.content_type if parcel else None,
        "body": parcel.body if parcel else None,
        "last_word": delivery.last_word,
        "revision": delivery.revision,
    }


def _delivery(row: Found[Any]) -> Delivery:
    parcel = None
    if row.body is not None:
        parcel = Parcel(url=row.url, content_type=row.content_type, body=bytes(row.body))
    return Delivery(
        merchant_id=row.merchant_id,
        delivery_id=row.delivery_id,
        topic=row.topic,
        subject_id=row.subject_id,
        state=State(row.state),
        tries=row.tries,
        next_try_at=maybe_instant(row.next_try_at or None),
        lease_until=maybe_instant(row.lease_until),
        parcel=parcel,
        last_word=row.last_word,
        revision=row.revision,
    )
