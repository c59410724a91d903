"""Brings one-time passwords of refunds to a merchant's people: fulfils ``core.merchants.Notifier``."""

from __future__ import annotations

from collections.abc import Collection

from bezant.core.merchants import Caller, RefundFactor
from bezant.core.merchants.factors import LIFE
from bezant.core.money import Money
from bezant.core.notices.model import Channel, PasswordFacts, addressed
from bezant.core.notices.service import Notices
from bezant.core.outcomes import Reason, Refused
from bezant.core.sensitive import Secret


def reaches(factor: RefundFactor, channels: Collection[Channel]) -> bool:
    """Whether a merchant's passwords come to anybody over these channels."""
    return any(target.channel in channels for target in addressed(mail=factor.email, phone=factor.phone))


class FactorNotices:
    """Sends each password to every address that the merchant has given."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def send_password(self, caller: Caller, password: Secret, *, amount: Money) -> None:
        """Have it sent by mail and by text message. Refuses ``BUSY`` when too many were sent lately."""
        factor = caller.merchant.refund_factor
        facts = PasswordFacts(
            merchant=caller.merchant.name,
            password=password,
            amount=amount,
            minutes=int(LIFE.total_seconds() // 60),
        )
        targets = addressed(mail=factor.email, phone=factor.phone)
        if not await self._notices.send(caller.merchant.merchant_id, targets, facts):
            raise Refused(Reason.BUSY)
