"""Notices, sealed: whom they go to and what they say can be read with the keys alone."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import msgspec
from sqlalchemy import Connection, func, select

from bezant.core.languages import Language
from bezant.core.money import CURRENCIES, Money
from bezant.core.notices import Channel, Copy, Facts, LinkFacts, Notice, PasswordFacts, ReceiptFacts, Target
from bezant.core.sensitive import Secret
from bezant.storage.crypto import Keys
from bezant.storage.instants import from_micros, to_micros
from bezant.storage.tables import notices
from bezant.storage.writes import Writes

_c = notices.c


class _Receipt(msgspec.Struct, frozen=True, tag="receipt"):
    payment_id: int
    copy: Copy


class _Link(msgspec.Struct, frozen=True, tag="link"):
    invoice_id: int


class _Password(msgspec.Struct, frozen=True, tag="password"):
    merchant: str
    password: str
    minor: int
    currency: str
    minutes: int


class _Kept(msgspec.Struct, frozen=True):
    """A notice as it is sealed."""

    channel: Channel
    address: str
    language: Language
    facts: _Receipt | _Link | _Password


# Made once, here: while one thread first learns what a type is made of, another must not read by it.
_READER = msgspec.json.Decoder(_Kept)


class NoticeRows:
    """Notices of one transaction. Each statement is sent when it is asked for."""

    def __init__(self, connection: Connection, writes: Writes, keys: Keys) -> None:
        self._connection = connection
        self._writes = writes
        self._sealer = keys.sealer

    def add(self, notice: Notice) -> None:
        """Store a notice."""
        self._writes.touch()
        kept = _Kept(
            channel=notice.target.channel,
            address=notice.target.address,
            language=notice.language,
            facts=_kept(notice.facts),
        )
        text = msgspec.json.encode(kept).decode()
        self._connection.execute(
            notices.insert().values(
                merchant_id=notice.merchant_id,
                notice_id=notice.notice_id,
                topic=notice.topic,
                target_hash=notice.target_hash,
                content=self._sealer.seal_notice(notice.merchant_id, notice.notice_id, text),
                made_at=to_micros(notice.made_at),
            )
        )

    def find(self, merchant_id: int, notice_id: int) -> Notice | None:
        """That merchant's notice."""
        row = self._connection.execute(
            select(notices).where(_c.merchant_id == merchant_id, _c.notice_id == notice_id)
        ).one_or_none()
        if row is None:
            return None
        text = self._sealer.open_notice(merchant_id, notice_id, bytes(row.content))
        kept = _READER.decode(text)
        return Notice(
            merchant_id=merchant_id,
            notice_id=notice_id,
            target=Target(channel=kept.channel, address=kept.address),
            target_hash=bytes(row.target_hash),
            language=kept.language,
            facts=_facts(kept.facts),
            made_at=from_micros(row.made_at),
        )

    def count(self, merchant_id: int, topic: str, since: datetime, target_hash: bytes | None) -> int:
        """How many of that topic the merchant has made since then, to one target or to all."""
        wanted = select(func.count()).where(
            _c.merchant_id == merchant_id, _c.topic == topic, _c.made_at > to_micros(since)
        )
        if target_hash is not None:
            wanted = wanted.where(_c.target_hash == target_hash)
        return int(self._connection.execute(wanted).scalar_one())


def _kept(facts: Facts) -> _Receipt | _Link | _Password:
    match facts:
        case ReceiptFacts():
            return _Receipt(payment_id=facts.payment_id, copy=facts.copy)
        case LinkFacts():
            return _Link(invoice_id=facts.invoice_id)
        case PasswordFacts():
            return _Password(
                merchant=facts.merchant,
                password=facts.password.reveal(),
                minor=facts.amount.minor,
                currency=facts.amount.currency.code,
                minutes=facts.minutes,
            )
        case _:
            assert_never(facts)


def _facts(kept: _Receipt | _Link | _Password) -> Facts:
    match kept:
        case _Receipt():
            return ReceiptFacts(payment_id=kept.payment_id, copy=kept.copy)
        case _Link():
            return LinkFacts(invoice_id=kept.invoice_id)
        case _Password():
            return PasswordFacts(
                merchant=kept.merchant,
                password=Secret(kept.password),
                amount=Money(kept.minor, CURRENCIES[kept.currency]),
                minutes=kept.minutes,
            )
        case _:
            assert_never(kept)
