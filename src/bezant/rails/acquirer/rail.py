"""The card network as the payments domain wants it: core messages in, answers out.

Fulfils the domain's ``Acquirer`` port. Says what each kind of message looks like on the wire, and
believes an answer only as far as it repeats what was asked: anything else is ``Unresolved``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Declined, NotSent, Unresolved
from bezant.core.payments.messages import Ask, BatchTotals, Message, Original
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage, Unencodable, pack
from bezant.rails.acquirer.codes import APPROVALS, PARTIALLY_APPROVED, reason_of
from bezant.rails.acquirer.link import AcquirerLink

_STREET_MAX: Final = 40
_POSTAL_CODE_MAX: Final = 10
_INVOICE_MAX: Final = 25
_MERCHANT_WIDTH: Final = 15
_UNPRINTABLE: Final = re.compile(r"[^ -~]")
_NEW_MONEY: Final = frozenset({Ask.AUTHORIZE, Ask.SALE})
_ECHOED: Final = (spec.PROCESSING_CODE, spec.MERCHANT, spec.CURRENCY)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Form:
    message_type: str
    processing_code: str = spec.PURCHASE
    entry_mode: str = spec.MANUAL_ENTRY


_FORMS: Final[Mapping[Ask, _Form]] = {
    Ask.AUTHORIZE: _Form(spec.AUTHORIZATION),
    Ask.VERIFY: _Form(spec.AUTHORIZATION, processing_code=spec.VERIFICATION),
    Ask.SALE: _Form(spec.FINANCIAL),
    Ask.REFUND: _Form(spec.FINANCIAL, processing_code=spec.RETURN),
    Ask.CAPTURE: _Form(spec.COMPLETION, entry_mode=spec.COMPLETION_ENTRY),
    Ask.REVERSE: _Form(spec.REVERSAL),
}


class AcquirerRail:
    """Sends messages over a link and reads the answers. The link is started and stopped by its owner."""

    def __init__(self, link: AcquirerLink) -> None:
        self._link = link

    async def send(self, message: Message) -> Answer:
        """What the network says to one message. Network trouble is a value, never an exception."""
        request = request_of(message)
        try:
            reply = await self._link.request(request, deadline_at=message.deadline_at)
        except Unencodable as error:
            log.error("acquirer_message_unencodable", field=error.key, ask=message.ask.value)  # noqa: TRY400 - expected, and a traceback shows values
            return NotSent(cause="unencodable")
        return answer_of(message, request, reply) if isinstance(reply, IsoMessage) else reply

    async def close_batch(self, totals: BatchTotals) -> Answer:
        """What the network says to the totals of a batch. Approved for their net amount."""
        request = reconciliation_of(totals)
        try:
            reply = await self._link.request(request)
        except Unencodable as error:
            log.error("acquirer_message_unencodable", field=error.key, ask="close_batch")  # noqa: TRY400 - expected, and a traceback shows values
            return NotSent(cause="unencodable")
        if not isinstance(reply, IsoMessage):
            return reply
        code = reply.get(spec.RESPONSE_CODE)
        if code is None:
            return Unresolved(cause="garbled")
        if reply.get(spec.SETTLEMENT_CODE) == spec.OUT_OF_BALANCE:
            log.warning(
                "acquirer_batch_out_of_balance",
                terminal_number=totals.endpoint.terminal_number,
                batch_number=totals.batch_number,
            )
        if code in APPROVALS:
            return Approved(approval_code="", response_code=code, amount=totals.net)
        return Declined(reason=reason_of(code), response_code=code)


def request_of(message: Message) -> IsoMessage:
    """A payment message on the wire. Values that do not fit their field are the codec's to refuse."""
    form = _FORMS[message.ask]
    fields = IsoMessage(
        {
            spec.MTI: spec.repeat_of(form.message_type) if message.repeat else form.message_type,
            spec.PROCESSING_CODE: form.processing_code,
            spec.AMOUNT: f"{message.amount.minor:012d}",
            spec.TRANSMITTED: _day(message.sent_at) + _time(message.sent_at),
            spec.AUDIT_NUMBER: f"{message.audit_number:06d}",
            spec.LOCAL_TIME: _time(message.local_at),
            spec.LOCAL_DATE: _day(message.local_at),
            spec.ENTRY_MODE: form.entry_mode,
            spec.CONDITION: spec.ECOMMERCE,
            spec.REFERENCE: message.retrieval_reference,
            spec.TERMINAL: message.endpoint.terminal_number,
            spec.MERCHANT: message.endpoint.merchant_number.ljust(_MERCHANT_WIDTH),
            spec.CURRENCY: message.amount.currency.number,
        }
    )
    if message.pan is not None:
        fields[spec.PAN] = message.pan.reveal()
    if message.expiry is not None:
        fields[spec.EXPIRY] = message.expiry
    original = message.original
    if original is not None:
        fields[spec.ORIGINAL] = _original(original)
        if original.approval_code is not None:
            fields[spec.APPROVAL_CODE] = original.approval_code.ljust(6)
        if message.ask is Ask.REVERSE:
            fields[spec.PROCESSING_CODE] = _FORMS[original.ask].processing_code
    fields[spec.PRIVATE] = pack(_private(message))
    return fields


def reconciliation_of(totals: BatchTotals) -> IsoMessage:
    """Batch totals on the wire. What was reversed is in neither count, so reversals are told as none."""
    none, nothing = f"{0:010d}", f"{0:016d}"
    net = totals.net
    return IsoMessage(
        {
            spec.MTI: spec.repeat_of(spec.RECONCILIATION) if totals.repeat else spec.RECONCILIATION,
            spec.TRANSMITTED: _day(totals.sent_at) + _time(totals.sent_at),
            spec.AUDIT_NUMBER: f"{totals.audit_number:06d}",
            spec.LOCAL_TIME: _time(totals.local_at),
            spec.LOCAL_DATE: _day(totals.local_at),
            spec.TERMINAL: totals.endpoint.terminal_number,
            spec.MERCHANT: totals.endpoint.merchant_number.ljust(_MERCHANT_WIDTH),
            spec.PRIVATE: pack({spec.BATCH_NUMBER: str(totals.batch_number)}),
            spec.CURRENCY: totals.debits.currency.number,
            spec.CREDIT_COUNT: f"{totals.credit_count:010d}",
            spec.CREDIT_REVERSAL_COUNT: none,
            spec.DEBIT_COUNT: f"{totals.debit_count:010d}",
            spec.DEBIT_REVERSAL_COUNT: none,
            spec.CREDITS: f"{totals.credits.minor:016d}",
            spec.CREDIT_REVERSALS: nothing,
            spec.DEBITS: f"{totals.debits.minor:016d}",
            spec.DEBIT_REVERSALS: nothing,
            spec.NET: f"{'C' if net.minor < 0 else 'D'}{abs(net.minor):016d}",
        }
    )


def answer_of(message: Message, request: IsoMessage, reply: IsoMessage) -> Answer:
    """What a reply that matched ``request`` says, if it repeats faithfully what was asked."""
    code = reply.get(spec.RESPONSE_CODE)
    if code is None:
        return Unresolved(cause="garbled")
    wrong = next((key for key in _ECHOED if reply.get(key, request[key]) != request[key]), None)
    if reply.get(spec.REFERENCE) != request[spec.REFERENCE]:
        wrong = spec.REFERENCE
    if wrong is not None:
        return _mismatch(message, wrong)
    if code not in APPROVALS:
        return Declined(reason=reason_of(code), response_code=code)
    approved = _approved_minor(message, reply, code)
    if approved is None:
        return _mismatch(message, spec.AMOUNT)
    approval_code = reply.get(spec.APPROVAL_CODE, "").strip()
    if not approval_code:
        if message.ask in _NEW_MONEY:
            return Unresolved(cause="garbled")
        approval_code = (message.original.approval_code if message.original else None) or ""
    results = reply.get(spec.RESULTS, "")
    return Approved(
        approval_code=approval_code,
        response_code=code,
        amount=Money(approved, message.amount.currency),
        avs=results[:1].strip() or None,
        cvv=results[1:2].strip() or None,
    )


def _approved_minor(message: Message, reply: IsoMessage, code: str) -> int | None:
    """The amount that a reply approves, or ``None`` where it may not approve that."""
    asked = message.amount.minor
    text = reply.get(spec.AMOUNT)
    if text is None:
        return None if message.ask in _NEW_MONEY else asked
    given = int(text)
    if code == PARTIALLY_APPROVED:
        return given if message.ask in _NEW_MONEY and 0 < given < asked else None
    return given if given == asked else None


def _mismatch(message: Message, key: str) -> Unresolved:
    log.warning(
        "acquirer_answer_mismatch",
        field=key,
        terminal_number=message.endpoint.terminal_number,
        audit_number=message.audit_number,
        retrieval_reference=message.retrieval_reference,
    )
    return Unresolved(cause="mismatch")


def _original(original: Original) -> str:
    message_type = _FORMS[original.ask].message_type
    return f"{message_type}{original.audit_number:06d}{original.sent_at:%m%d%H%M%S}{0:022d}"


def _day(at: datetime) -> str:
    """``MMDD``; half of the time that ``strftime`` takes."""
    return f"{at.month:02d}{at.day:02d}"


def _time(at: datetime) -> str:
    """``hhmmss``."""
    return f"{at.hour:02d}{at.minute:02d}{at.second:02d}"


def _private(message: Message) -> dict[str, str]:
    elements = {spec.LOCAL_YEAR: f"{message.local_at.year:04d}"}
    if message.cvv is not None:
        elements[spec.VERIFICATION_VALUE] = message.cvv.reveal()
    street = message.street
    if street is not None and street.line:
        elements[spec.STREET] = _plain(street.line, _STREET_MAX)
    if street is not None and street.postal_code:
        elements[spec.POSTAL_CODE] = _plain(street.postal_code, _POSTAL_CODE_MAX)
    if message.invoice:
        elements[spec.INVOICE] = _plain(message.invoice, _INVOICE_MAX)
    return elements


def _plain(text: str, length_max: int) -> str:
    """As much of a text as the wire can carry."""
    return _UNPRINTABLE.sub("?", text[:length_max])
