"""The gift host as the gift domain wants it: core messages in, answers out.

Fulfils the domain's ``GiftHost`` port. Believes a reply only as far as it fits what was asked: anything
else is ``Unresolved``.
"""

from __future__ import annotations

import structlog

from bezant.core.gift import Answer, Ask, Granted, Message
from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Unresolved
from bezant.rails.gift.codec import Reply, Request
from bezant.rails.gift.codes import APPROVED, reason_of
from bezant.rails.gift.link import GiftLink

log = structlog.get_logger()

_OPEN_ENDED = frozenset({Ask.BALANCE, Ask.DEACTIVATE, Ask.CANCEL})
"""What does not ask for an amount: the host says how much it was."""


class GiftRail:
    """Sends messages over a link and reads the replies. The link is stopped by its owner."""

    def __init__(self, link: GiftLink) -> None:
        self._link = link

    async def send(self, message: Message) -> Answer:
        """What the host says to one message. Network trouble is a value, never an exception."""
        reply = await self._link.request(request_of(message), deadline_at=message.deadline_at)
        if isinstance(reply, (NotSent, Unresolved)):
            return reply
        return answer_of(message, reply)


def request_of(message: Message) -> Request:
    """A message on the wire. Its id is the link's to give."""
    return Request(
        id=0,
        ask=message.ask,
        reference=message.reference,
        program=message.program,
        terminal=message.terminal_number,
        amount=message.amount.minor,
        currency=message.amount.currency.code,
        number=message.number.reveal() if message.number else None,
        pin=message.pin.reveal() if message.pin else None,
        original=message.original,
    )


def answer_of(message: Message, reply: Reply) -> Answer:
    """What a reply says, if it fits what was asked."""
    if reply.reference != message.reference:
        return _mismatch(message, "reference")
    if reply.code != APPROVED:
        return Declined(reason=reason_of(reply.code), response_code=reply.code)
    if reply.amount != message.amount.minor and message.ask not in _OPEN_ENDED:
        return _mismatch(message, "amount")
    currency = message.amount.currency
    return Granted(amount=Money(reply.amount, currency), balance=Money(reply.balance, currency))


def _mismatch(message: Message, what: str) -> Unresolved:
    log.warning("gift_reply_mismatch", field=what, reference=message.reference)
    return Unresolved(cause="mismatch")
