"""Announces notices: stored with the change that they tell of, and carried by ``core.deliveries``."""

from __future__ import annotations

from collections.abc import Sequence

from bezant.core.deliveries import Delivery
from bezant.core.languages import Language
from bezant.core.merchants import SystemClock
from bezant.core.notices.model import LIMITS, TOPICS, Facts, Limit, Notice, Target
from bezant.core.notices.ports import Ids, NoticeTx, NoticeUnits, TargetHasher


class Notices:
    """Tells people things, but nobody too often."""

    def __init__(
        self,
        *,
        units: NoticeUnits,
        ids: Ids,
        hasher: TargetHasher,
        clock: SystemClock,
        limits: Sequence[Limit] = LIMITS,
    ) -> None:
        self._units = units
        self._ids = ids
        self._hasher = hasher
        self._clock = clock
        self._limits = limits

    async def draft(
        self, merchant_id: int, target: Target, facts: Facts, language: Language = Language.ENGLISH
    ) -> Notice:
        """A notice to be announced in some transaction."""
        return Notice(
            merchant_id=merchant_id,
            notice_id=await self._ids.take(),
            target=target,
            target_hash=self._hasher.digest(f"{target.channel.value}\n{target.address.lower()}"),
            language=language,
            facts=facts,
            made_at=self._clock.now(),
        )

    def announce(self, tx: NoticeTx, notice: Notice) -> bool:
        """Let a notice be sent once this transaction is committed.

        False, and nothing is sent, where the target or the merchant has had too many lately.
        """
        if any(self._reached(tx, notice, limit) for limit in self._limits):
            return False
        tx.notices.add(notice)
        tx.deliveries.add(
            Delivery.announced(
                merchant_id=notice.merchant_id,
                delivery_id=notice.notice_id,
                topic=TOPICS[type(notice.facts)],
                subject_id=notice.notice_id,
                real=notice.made_at,
            )
        )
        return True

    async def send(
        self, merchant_id: int, target: Target, facts: Facts, language: Language = Language.ENGLISH
    ) -> bool:
        """Announce a notice in a transaction of its own; whether it will be sent."""
        notice = await self.draft(merchant_id, target, facts, language)
        return await self._units.write(lambda tx: self.announce(tx, notice), merchant_id=merchant_id)

    def _reached(self, tx: NoticeTx, notice: Notice, limit: Limit) -> bool:
        target_hash = notice.target_hash if limit.per_target else None
        since = notice.made_at - limit.within
        return tx.notices.count(notice.merchant_id, since, target_hash) >= limit.notices
