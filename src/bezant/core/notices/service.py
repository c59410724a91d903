"""Announces notices: stored with the change that they tell of, and carried by ``core.deliveries``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bezant.core.deliveries import Delivery
from bezant.core.languages import Language
from bezant.core.merchants import SystemClock
from bezant.core.notices.model import Channel, Facts, Limit, Limits, Notice, Target
from bezant.core.notices.ports import Ids, NoticeTx, NoticeUnits, TargetHasher


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What announcing takes from outside: an id for each target that there may be, and when, real time.

    Taken before the transaction, which may run more than once.
    """

    ids: tuple[int, ...]
    at: datetime


class Notices:
    """Tells people things, but nobody too often. ``channels`` are those that this gateway has."""

    def __init__(
        self,
        *,
        units: NoticeUnits,
        ids: Ids,
        hasher: TargetHasher,
        clock: SystemClock,
        channels: Collection[Channel],
        limits: Limits,
    ) -> None:
        self._units = units
        self._ids = ids
        self._hasher = hasher
        self._clock = clock
        self._channels = channels
        self._limits = limits

    async def stamp(self) -> Stamp:
        """For one announcement, to one target of each channel at most."""
        return Stamp(ids=tuple([await self._ids.take() for _ in Channel]), at=self._clock.now())

    def announce(
        self,
        tx: NoticeTx,
        stamp: Stamp,
        merchant_id: int,
        targets: Sequence[Target],
        facts: Facts,
        *,
        language: Language = Language.ENGLISH,
    ) -> int:
        """Have targets told once this transaction is committed; how many will be.

        The others are on channels that this gateway has not, or they or the merchant had too many lately.
        """
        told = 0
        for notice_id, target in zip(stamp.ids, targets, strict=False):
            notice = Notice(
                merchant_id=merchant_id,
                notice_id=notice_id,
                target=target,
                target_hash=self._hasher.digest(f"{target.channel.value}\n{target.address.lower()}"),
                language=language,
                facts=facts,
                made_at=stamp.at,
            )
            if target.channel in self._channels and not self._is_too_much(tx, notice):
                _announce(tx, notice)
                told += 1
        return told

    async def send(
        self,
        merchant_id: int,
        targets: Sequence[Target],
        facts: Facts,
        *,
        language: Language = Language.ENGLISH,
    ) -> int:
        """Announce in a transaction of its own; how many targets will be told."""
        stamp = await self.stamp()
        return await self._units.write(
            lambda tx: self.announce(tx, stamp, merchant_id, targets, facts, language=language),
            merchant_id=merchant_id,
        )

    def _is_too_much(self, tx: NoticeTx, notice: Notice) -> bool:
        return any(_reached(tx, notice, limit) for limit in self._limits.of(notice.facts))


def _reached(tx: NoticeTx, notice: Notice, limit: Limit) -> bool:
    target_hash = notice.target_hash if limit.per_target else None
    since = notice.made_at - limit.within
    return tx.notices.count(notice.merchant_id, notice.topic, since, target_hash) >= limit.notices


def _announce(tx: NoticeTx, notice: Notice) -> None:
    tx.notices.add(notice)
    tx.deliveries.add(
        Delivery.announced(
            merchant_id=notice.merchant_id,
            delivery_id=notice.notice_id,
            topic=notice.topic,
            subject_id=notice.notice_id,
            real=notice.made_at,
        )
    )
