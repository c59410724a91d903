"""Brings one-time passwords of refunds to a merchant's people: fulfils ``core.merchants.Notifier``."""

from __future__ import annotations

from collections.abc import Collection

from bezant.core.merchants import Caller, RefundFactor
from bezant.core.merchants.factors import LIFE
from bezant.core.money import Money
from bezant.core.notices.model import Channel, PasswordFacts, Target
from bezant.core.notices.service import Notices
from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret


def targets_of(factor: RefundFactor, channels: Collection[Channel]) -> tuple[Target, ...]:
    """Where a merchant's passwords go, of the channels that this gateway has."""
    targets = (
        Target.mail(factor.email) if factor.email else None,
        Target.phone(factor.phone) if factor.phone else None,
    )
    return tuple(target for target in targets if target is not None and target.channel in channels)


class FactorNotices:
    """Sends each password to every address that the merchant has given and ``channels`` reach."""

    def __init__(self, notices: Notices, *, channels: Collection[Channel]) -> None:
        self._notices = notices
        self._channels = channels

    async def send_password(self, caller: Caller, password: Secret, *, amount: Money) -> None:
        """Send it by mail and by text message. Refuses ``BUSY`` when too many were sent lately."""
        facts = PasswordFacts(
            merchant=caller.merchant.name,
            password=password,
            amount=amount,
            minutes=int(LIFE.total_seconds() // 60),
        )
        sent = [
            await self._notices.send(caller.merchant.merchant_id, target, facts)
            for target in targets_of(caller.merchant.refund_factor, self._channels)
        ]
        if not any(sent):
            raise Refused(Reason.BUSY)
