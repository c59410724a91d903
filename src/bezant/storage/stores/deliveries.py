"""Deliveries. New ones are written with the whole group's; every other statement when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import Row as Found

from bezant.core.deliveries import Content, Delivery, Letter, Parcel, State, Text
from bezant.core.sensitive import Secret
from bezant.storage.bulk import BulkInsert, Row
from bezant.storage.crypto import CardSealer, Keys
from bezant.storage.instants import maybe_instant, maybe_micros, to_micros
from bezant.storage.tables import deliveries, notices
from bezant.storage.writes import Writes

_INSERT = BulkInsert(deliveries)
_c = deliveries.c
# In clear, so that the indexes of these states are used.
_DUE = literal(State.DUE.value, literal_execute=True)
_SENDING = literal(State.SENDING.value, literal_execute=True)
_KEYS = ("merchant_id", "delivery_id", "topic", "subject_id", "sequence")
"""What never changes of a delivery."""


class _Parcel(msgspec.Struct, frozen=True, tag="parcel"):
    url: str
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...]
    sandbox: bool


class _Letter(msgspec.Struct, frozen=True, tag="letter"):
    to: str
    sender: str
    subject: str
    text: str
    html: str
    language: str
    reference: str


class _Text(msgspec.Struct, frozen=True, tag="text"):
    to: str
    text: str


_Kept = _Parcel | _Letter | _Text
"""Content as it is sealed."""
# Made once, here: while one thread first learns what a type is made of, another must not read by it.
_READER: msgspec.json.Decoder[_Kept] = msgspec.json.Decoder(_Kept)


class DeliveryRows:
    """Deliveries of one transaction."""

    def __init__(self, connection: Connection, writes: Writes, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._sealer = keys.sealer
        self._new: list[Row] = []
        self.announced = False
        """Whether this transaction brings new ones."""

    def add(self, delivery: Delivery) -> None:
        """Store a new delivery."""
        self._writes.touch()
        self.announced = True
        values = self._values(delivery)
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

    def due(self, now: datetime, *, limit: int, each: int) -> Sequence[Delivery]:
        """What is to be sent now, or is under a lease that ran out, those due longest first.

        Of one subject, the first that has not ended. Of one merchant, no more than ``each`` together with
        those that are being sent.
        """
        return self._all(_WANTED, at=to_micros(now), limit=limit, each=each)

    def oldest_due(self) -> datetime | None:
        """When the one that waits longest was to be sent, if one waits. It may lie ahead."""
        self.flush()
        oldest = self._connection.execute(select(func.min(_c.next_try_at)).where(_c.state == _DUE)).scalar()
        return maybe_instant(oldest)

    def given_up(self, limit: int) -> Sequence[Delivery]:
        """What nobody has taken, the latest first."""
        wanted = select(deliveries).where(_c.state == State.GIVEN_UP.value)
        return self._all(wanted.order_by(_c.delivery_id.desc()).limit(limit))

    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        rows = self._connection.execute(select(_c.state, func.count()).group_by(_c.state))
        return {str(state): int(count) for state, count in rows}

    def forget(self, before: datetime, *, limit: int) -> int:
        """Forget what was sent by deliveries that ended before then, notices too; how many there were."""
        over = and_(_c.ended_at < to_micros(before), _c.ended_at.is_not(None), _c.content.is_not(None))
        keys = self._connection.execute(
            select(_c.merchant_id, _c.delivery_id).where(over).order_by(_c.ended_at).limit(limit)
        ).all()
        if keys:
            self._writes.touch()
        for merchant_id, delivery_id in keys:
            # One that was revived meanwhile is not over.
            mine = _c.merchant_id == merchant_id, _c.delivery_id == delivery_id
            if self._connection.execute(update(deliveries).where(*mine, over).values(content=None)).rowcount:
                told = notices.c.merchant_id == merchant_id, notices.c.notice_id == delivery_id
                self._connection.execute(delete(notices).where(*told))
        return len(keys)

    def change(self, before: Delivery, after: Delivery) -> None:
        """Store a step. Raises ``Conflict`` unless ``before`` was current."""
        self._writes.touch()
        values = self._values(after)
        changed = self._connection.execute(
            update(deliveries)
            .where(
                _c.merchant_id == before.merchant_id,
                _c.delivery_id == before.delivery_id,
                _c.state == before.state.value,
                _c.revision == before.revision,
            )
            .values({name: value for name, value in values.items() if name not in _KEYS})
        )
        self._writes.expect(changed, 1)

    def _all(self, wanted: Select[Any], **values: int) -> list[Delivery]:
        self.flush()
        return [self._delivery(row) for row in self._connection.execute(wanted, values)]

    def _values(self, delivery: Delivery) -> dict[str, Any]:
        return {
            "merchant_id": delivery.merchant_id,
            "delivery_id": delivery.delivery_id,
            "topic": delivery.topic,
            "subject_id": delivery.subject_id,
            "sequence": delivery.sequence,
            "state": delivery.state.value,
            "tries": delivery.tries,
            "next_try_at": maybe_micros(delivery.next_try_at),
            "lease_until": maybe_micros(delivery.lease_until),
            "ended_at": maybe_micros(delivery.ended_at),
            "content": _sealed(self._sealer, delivery),
            "last_word": delivery.last_word,
            "revision": delivery.revision,
        }

    def _delivery(self, row: Found[Any]) -> Delivery:
        return Delivery(
            merchant_id=row.merchant_id,
            delivery_id=row.delivery_id,
            topic=row.topic,
            subject_id=row.subject_id,
            sequence=row.sequence,
            state=State(row.state),
            tries=row.tries,
            next_try_at=maybe_instant(row.next_try_at),
            lease_until=maybe_instant(row.lease_until),
            ended_at=maybe_instant(row.ended_at),
            content=_opened(self._sealer, row) if row.content else None,
            last_word=row.last_word,
            revision=row.revision,
        )


def _follows() -> ColumnElement[bool]:
    """Whether another of the same subject comes before and has not ended."""
    other = deliveries.alias("other")
    return exists().where(
        other.c.merchant_id == _c.merchant_id,
        other.c.subject_id == _c.subject_id,
        other.c.state.in_((_DUE, _SENDING)),
        tuple_(other.c.sequence, other.c.delivery_id) < tuple_(_c.sequence, _c.delivery_id),
    )


def _wanted() -> Select[Any]:
    """What is to be sent ``at`` some time; made once, since it is asked for all the time."""
    at = bindparam("at", type_=BigInteger)
    under_way = and_(_c.state == _SENDING, _c.lease_until > at)
    since = func.coalesce(_c.next_try_at, _c.lease_until)
    order = case((under_way, 0), else_=1), since, _c.delivery_id
    ranked = (
        select(
            deliveries,
            under_way.label("under_way"),
            since.label("since"),
            func.row_number().over(partition_by=_c.merchant_id, order_by=order).label("place"),
        )
        .where(or_(and_(_c.state == _DUE, _c.next_try_at <= at), _c.state == _SENDING), ~_follows())
        .subquery()
    )
    found = ranked.c
    return (
        select(ranked)
        .where(found.place <= bindparam("each", type_=Integer), ~found.under_way)
        .order_by(found.since, found.delivery_id)
        .limit(bindparam("limit", type_=Integer))
    )


_WANTED = _wanted()


def _sealed(sealer: CardSealer, delivery: Delivery) -> bytes | None:
    if delivery.content is None:
        return None
    text = msgspec.json.encode(_kept(delivery.content)).decode()
    return sealer.seal_parcel(delivery.merchant_id, delivery.delivery_id, text)


def _opened(sealer: CardSealer, row: Found[Any]) -> Content | None:
    """What is sent; ``None`` where it cannot be read any more: it is composed anew."""
    try:
        text = sealer.open_parcel(row.merchant_id, row.delivery_id, bytes(row.content))
        return _content(_READER.decode(text))
    except ValueError:
        return None


def _kept(content: Content) -> _Kept:
    match content:
        case Parcel():
            return _Parcel(
                url=content.url,
                content_type=content.content_type,
                body=content.body,
                headers=tuple((name, value.reveal()) for name, value in content.headers),
                sandbox=content.sandbox,
            )
        case Letter():
            return _Letter(
                to=content.to,
                sender=content.sender,
                subject=content.subject,
                text=content.text,
                html=content.html,
                language=content.language,
                reference=content.reference,
            )
        case Text():
            return _Text(to=content.to, text=content.text)
        case _:
            assert_never(content)


def _content(kept: _Kept) -> Content:
    match kept:
        case _Parcel():
            return Parcel(
                url=kept.url,
                content_type=kept.content_type,
                body=kept.body,
                headers=tuple((name, Secret(value)) for name, value in kept.headers),
                sandbox=kept.sandbox,
            )
        case _Letter():
            return Letter(
                to=kept.to,
                sender=kept.sender,
                subject=kept.subject,
                text=kept.text,
                html=kept.html,
                language=kept.language,
                reference=kept.reference,
            )
        case _Text():
            return Text(to=kept.to, text=kept.text)
        case _:
            assert_never(kept)
