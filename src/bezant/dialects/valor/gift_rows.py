"""A gift movement as a row of the transaction lists: the keys of a card payment's row (our choice)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bezant.core.gift import Kind, Movement, MovementPage, State
from bezant.core.merchants import Caller
from bezant.core.money import Money
from bezant.core.outcomes import Reason
from bezant.dialects.valor import codes
from bezant.dialects.valor.codes import Decline
from bezant.dialects.valor.rows import CARD_METADATA, CONDITION_CODE, ENTRY_MODE, TRANSACTION, zone_label
from bezant.dialects.wire import codecs
from bezant.dialects.wire.codecs import Writer
from bezant.dialects.wire.contract import Constant, Layout, Reply

TYPE_WORDS: Final[Mapping[Kind, str]] = {
    Kind.REDEMPTION: "GIFT SALE",
    Kind.REFUND: "GIFT REFUND",
    Kind.LOAD: "GIFT ADD VALUE",
    Kind.ACTIVATION: "GIFT ACTIVATE",
    Kind.DEACTIVATION: "GIFT DEACTIVATE",
    Kind.VOID: "GIFT VOID",
}
APPROVAL_CODE: Final = "000000"
"""In every approval (source: vendor samples)."""
NOT_FOUND: Final[Mapping[Kind, Decline]] = {
    Kind.REDEMPTION: codes.GIFT_ROUTING_ERROR,
    Kind.ACTIVATION: codes.GIFT_CARD_NOT_FOUND,
    Kind.LOAD: codes.GIFT_CARD_NOT_FOUND,
    Kind.DEACTIVATION: codes.GIFT_CARD_NOT_FOUND,
}
"""An unknown card is said in other words by each operation (vendor samples; deactivate: our choice)."""


def decline_of(reason: Reason, kind: Kind | None = None) -> Decline:
    """What is said of a gift card that was turned down; ``kind`` says what it was presented for."""
    if reason is Reason.UNKNOWN_GIFT_CARD and kind is not None:
        return NOT_FOUND[kind]
    return codes.GIFT_DECLINES.get(reason) or codes.DECLINES[reason]


@dataclass(frozen=True, slots=True)
class GiftRow:
    """A movement to be listed."""

    movement: Movement
    caller: Caller
    local: datetime


def gift_rows_of(page: MovementPage, caller: Caller) -> list[GiftRow]:
    """The rows of a page."""
    return [
        GiftRow(movement, caller, caller.local(movement.answered_at or movement.requested_at))
        for movement in page.movements
    ]


def _response_code(row: GiftRow) -> str:
    if row.movement.approved:
        return "00"
    return decline_of(row.movement.reason or Reason.SYSTEM_ERROR, row.movement.kind).code


def _approval_code(row: GiftRow) -> str | None:
    return APPROVAL_CODE if row.movement.approved else None


def _masked_number(row: GiftRow) -> str | None:
    last4 = row.movement.last4
    return f"XXXX{last4}" if last4 else None


def _refund_count(row: GiftRow) -> str:
    return "1" if row.movement.refunded else "0"


def _flag(*states: State) -> Writer:
    return lambda state: b'"1"' if state in states else b'"0"'


def _number(value: int | None) -> bytes:
    return codecs.json(None if value is None else str(value))


def _amount(row: GiftRow) -> Money:
    return row.movement.amount


_NO_TAX: Final = {"rate": 0, "amount": 0, "taxableSales": 0}
_TOLD: Final[tuple[Reply[GiftRow], ...]] = (
    Reply("EPI", codecs.json, lambda r: r.caller.terminal.number),
    Reply("LABEL", codecs.json, lambda r: r.caller.terminal.label),
    Reply("DATE", codecs.moment(codecs.day_us), lambda r: r.local),
    Reply("REF_TXN_ID", _number, lambda r: r.movement.movement_id, "the row's own id"),
    Reply("TIME", codecs.moment(codecs.time_12), lambda r: r.local),
    Reply("TIMEZONE", codecs.json, lambda r: zone_label(r.caller.store.zone)),
    Reply("AUTH_CODE", codecs.json, _approval_code),
    Reply("APPROVAL_CODE", codecs.json, _approval_code),
    Reply("TOKEN", codecs.json, lambda r: r.movement.token, "names the card; it cannot be charged"),
    Reply("RRN", codecs.json, lambda r: r.movement.retrieval_reference),
    Reply("TXN_TYPE", codecs.json, lambda r: TYPE_WORDS[r.movement.kind]),
    Constant("CARD_SCHEME", "GIFT"),
    Reply("PAN", codecs.json, _masked_number),
    Reply("RESPONSE_CODE", codecs.json, _response_code),
    Reply("CARDHOLDER_NAME", codecs.json, lambda r: r.movement.notes.cardholder),
    Reply("DBA_NAME", codecs.json, lambda r: r.caller.store.name),
    Reply("INVOICE_NO", codecs.json, lambda r: r.movement.notes.invoice),
    Constant("POS_ENTRY_MODE", ENTRY_MODE),
    Reply("BASE_AMOUNT", codecs.minor_text, _amount),
    Constant("CUSTOM_FEE_AMOUNT", "0"),
    Reply("NET_AMOUNT", codecs.minor_text, _amount),
    Constant("TIP_AMOUNT", "0"),
    Constant("TAX_DETAILS", {"stateTax": _NO_TAX, "cityTax": _NO_TAX, "reducedTax": _NO_TAX}),
    Constant("TOTAL_TAX", 0),
    Reply("TOTAL_WITH_TAX", codecs.minor_number, _amount),
    Constant("CASHBACK_AMOUNT", "0"),
    Reply("DEVICE_MODEL", codecs.json, lambda r: r.caller.terminal.device_model),
    Reply("BATCH_NO", _number, lambda r: r.movement.batch_number),
    Reply("STAN_NO", _number, lambda r: r.movement.audit_number),
    Reply("TRAN_NO", _number, lambda r: r.movement.transaction_number),
    Constant("POS_CONDITION_CODE", CONDITION_CODE),
    Constant("IS_SETTLED", "0", "gift cards are not settled with a batch"),
    Reply("REFUND_AMOUNT", codecs.minor_text, lambda r: r.movement.refunded),
    Reply("REFUND_COUNT", codecs.json, _refund_count),
    Constant("IS_AUTH_COMPLETED", "0"),
    Reply("IS_REVERSAL", _flag(State.IN_DOUBT, State.CANCELLED), lambda r: r.movement.state),
    Reply("IS_VOID", _flag(State.VOIDING, State.VOIDED), lambda r: r.movement.state),
    Reply("ORDER_DESCRIPTION", codecs.json, lambda r: r.movement.notes.description),
    Constant("CARD_METADATA", dict.fromkeys(CARD_METADATA.keys)),
    Constant("TAX_AMOUNT", "0"),
    Reply(
        "TXN_ORIG_DATE", codecs.moment(codecs.day_and_time), lambda r: r.movement.requested_at.astimezone(UTC)
    ),
)
_BY_KEY: Final = {reply.key: reply for reply in _TOLD}

GIFT_TRANSACTION: Final[Layout[GiftRow]] = Layout(
    *(_BY_KEY.get(key, Constant(key, None, "not of a gift card")) for key in TRANSACTION.keys)
)
