"""A transaction as it is answered: one object, under the key or keys that the gateway is set to.

Approved and declined come in the same shape with the same HTTP status. Codes are texts, since strict clients
compare them as such; amounts are cents as text, since clients divide them by 100 (source: public clients).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from bezant.core.outcomes import Reason
from bezant.core.payments import Kind, Payment, State
from bezant.core.vault import Brand
from bezant.dialects.ipospays.codes import DECLINES, Decline
from bezant.dialects.ipospays.operation import Shown
from bezant.dialects.ipospays.services import Style
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply, nested

SUCCESSFUL: Final = "200"
DECLINED: Final = "400"
PENDING: Final = "202"
"""Our choice: it is neither of the two that the docs have, and may still become one of them."""

TYPES: Final[Mapping[Kind, int]] = {
    Kind.SALE: 1,
    Kind.VOID: 2,
    Kind.REFUND: 3,
    Kind.AUTHORIZATION: 5,
    Kind.CAPTURE: 6,
    Kind.TIP: 7,
    Kind.INCREMENT: 8,
    Kind.VERIFICATION: 2,  # of pages, which have no voids (vendor docs)
}
"""``transactionType`` by what a payment does."""
SETTLE: Final = 4
OPEN_BATCH: Final = 9
ACH: Final = 10
GIFT: Final = 12

BRANDS: Final[Mapping[Brand, str | None]] = {
    Brand.VISA: "VISA",
    Brand.MASTERCARD: "MASTERCARD",
    Brand.AMEX: "AMEX",
    Brand.DISCOVER: "DISCOVER",
    Brand.DINERS: "DINNERS",  # the vendor's spelling
    Brand.JCB: "JCB",
    Brand.MAESTRO: "MAESTRO",
    Brand.UNIONPAY: "UNIONPAY",
    Brand.UNKNOWN: None,
}

ADDRESS_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys("YXDFM", "EXACT MATCH"),
    **dict.fromkeys("AB", "ADDRESS MATCH"),
    **dict.fromkeys("ZWP", "ZIP MATCH"),
    "N": "NO MATCH",
    "U": "AVS UNBL TO VIFY",
    "R": "AVS UNAVL TO PRC",
    "S": "AVS SRVC NT ALWD",
}
"""The vendor's words for the network's letter (source: vendor docs; which letter each is: our choice)."""

ECHO_REFERENCE: Final = "ipospays.reference"
ECHO_TOKEN: Final = "ipospays.token"  # noqa: S105 - the name of a wish
ECHO_LEVEL_3: Final = "ipospays.level3"
"""What a payment's ``order.echo`` keeps for its answers: its reference, whether a token was asked for, and
what is wrong with its level 3 data."""


class View(msgspec.Struct, frozen=True):
    """A payment as its caller sees it."""

    payment: Payment

    @property
    def asked(self) -> Mapping[str, str]:
        """What the request asked of its answer."""
        return self.payment.order.echo

    @property
    def reference(self) -> str | None:
        """The reference of the transaction; None for one that another API made."""
        return self.asked.get(ECHO_REFERENCE)

    @property
    def decline(self) -> Decline | None:
        """Why not; None for one that was approved."""
        reason = self.payment.reason
        return None if reason is None else DECLINES.get(reason, DECLINES[Reason.SYSTEM_ERROR])

    @property
    def token(self) -> str | None:
        """The card's token, if it was asked for."""
        card = self.payment.card
        return card.token if card is not None and ECHO_TOKEN in self.asked else None


def _numbered(digits: int, number: int | None) -> str | None:
    return None if number is None else f"{number:0{digits}d}"


def _compared(v: View) -> str | None:
    letter = v.payment.address_result
    return None if letter is None else ADDRESS_WORDS.get(letter, ADDRESS_WORDS["U"])


def _level_3(v: View) -> str:
    if ECHO_LEVEL_3 in v.asked:
        return "E"
    return "Y" if v.payment.order.items else "N"


def _has_address(v: View) -> View | None:
    """What was sent with a charge; what follows it has compared nothing."""
    payment = v.payment
    sent = payment.order.address or payment.order.postal_code
    return v if sent and payment.original_id is None else None


_ADDRESS: Layout[View] = Layout(
    Reply("Zip", codecs.json, lambda v: v.payment.order.postal_code or ""),
    Reply("StreetNo", codecs.json, lambda v: v.payment.order.address or ""),
)


def _identity() -> tuple[Reply[View], ...]:
    return (
        Reply("transactionId", codecs.json, lambda v: str(v.payment.payment_id)),
        Reply(
            "transactionNumber",
            codecs.json,
            lambda v: _numbered(4, v.payment.transaction_number),
            "within its batch",
            optional=True,
        ),
        Reply("batchNumber", codecs.json, lambda v: _numbered(3, v.payment.batch_number)),
    )


def _card() -> tuple[Reply[View], ...]:
    return (
        Reply(
            "cardType",
            codecs.json,
            lambda v: BRANDS[v.payment.card.brand] if v.payment.card else None,
            optional=True,
        ),
        Reply(
            "cardLast4Digit",
            codecs.json,
            lambda v: v.payment.card.last4 if v.payment.card else None,
            optional=True,
        ),
    )


def _amounts(write: codecs.Writer) -> tuple[Reply[View], ...]:
    return (
        Reply("amount", write, lambda v: v.payment.amounts.base, "without tip, fee and tax"),
        Reply("tips", write, lambda v: v.payment.amounts.tip),
        Reply("customFee", write, lambda v: v.payment.amounts.fee),
        Reply("localTax", write, lambda v: v.payment.amounts.tax),
        Constant("stateTax", "0") if write is codecs.minor_text else Constant("stateTax", 0),
        Reply("totalAmount", write, lambda v: v.payment.amounts.total),
    )


def _numbers() -> tuple[Reply[View], ...]:
    return (
        Reply("responseApprovalCode", codecs.json, lambda v: v.payment.approval_code, optional=True),
        Reply("rrn", codecs.json, lambda v: v.payment.retrieval_reference),
        Reply("RRN", codecs.json, lambda v: v.payment.retrieval_reference, "the same: clients read either"),
    )


TRANSACTION: Layout[View] = Layout(
    Reply("responseCode", codecs.json, lambda v: DECLINED if v.decline else SUCCESSFUL, "a text"),
    Reply("responseMessage", codecs.json, lambda v: "Declined" if v.decline else "Successful"),
    Reply("errResponseCode", codecs.json, lambda v: v.decline.code if v.decline else "00"),
    Reply("errResponseMessage", codecs.json, lambda v: v.decline.text if v.decline else "APPROVAL"),
    Reply("transactionReferenceId", codecs.json, lambda v: v.reference),
    Reply("transactionType", codecs.json, lambda v: TYPES[v.payment.kind], "a number"),
    *_identity(),
    *_card(),
    *_amounts(codecs.minor_text),
    *_numbers(),
    Reply("approvalCode", codecs.json, lambda v: v.payment.approval_code, optional=True),
    Reply("chdToken", codecs.json, lambda v: v.token, "where `requestCardToken` asked for it", optional=True),
    Reply("cardToken", codecs.json, lambda v: v.token, "the same", optional=True),
    Reply("avsRespMsg", codecs.json, _compared, optional=True),
    Reply("avs", nested(_ADDRESS), _has_address, optional=True),
    Reply("l2l3Flag", codecs.json, _level_3, "`Y`, `N`, or `E` for data that were not kept"),
    Reply("l2l3ValidationError", codecs.json, lambda v: v.asked.get(ECHO_LEVEL_3), optional=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedDown:
    """A decline that no payment stands behind."""

    decline: Decline
    reference: str
    type: int


TURNED_DOWN: Layout[TurnedDown] = Layout(
    Constant("responseCode", DECLINED),
    Constant("responseMessage", "Declined"),
    Reply("errResponseCode", codecs.json, lambda d: d.decline.code),
    Reply("errResponseMessage", codecs.json, lambda d: d.decline.text),
    Reply("transactionReferenceId", codecs.json, lambda d: d.reference),
    Reply("transactionType", codecs.json, lambda d: d.type),
)

UNDER_WAY: Layout[View] = Layout(
    Constant("responseCode", PENDING),
    Constant("responseMessage", "Pending"),
    Reply("transactionReferenceId", codecs.json, lambda v: v.reference),
    Reply("transactionType", codecs.json, lambda v: TYPES[v.payment.kind]),
    *_identity(),
)
"""A transaction whose answer is awaited (our choice)."""

ROW: Layout[View] = Layout(
    Reply("transactionReferenceId", codecs.json, lambda v: v.reference, "null for one of another API"),
    Reply("transactionType", codecs.json, lambda v: TYPES[v.payment.kind]),
    *_identity(),
    *_card(),
    *_amounts(codecs.minor_text),
    *_numbers(),
)
"""A transaction in a batch: amounts in cents, as text."""

REPORTED: Layout[View] = Layout(
    Reply("transactionReferenceId", codecs.json, lambda v: v.reference, "null for one of another API"),
    Reply("transactionType", codecs.json, lambda v: TYPES[v.payment.kind]),
    *_identity(),
    *_card(),
    *_amounts(codecs.shortest_number),
    *_numbers(),
)
"""A transaction in a report: amounts in major units, as numbers."""


def enveloped(layout: Layout[Any], view: object, style: Style) -> bytes:
    """An object under the gateway's key or keys."""
    shown = layout.render(view)
    return b"{" + b",".join([codecs.json(key) + b":" + shown for key in style.envelope.keys]) + b"}"


def show(payment: Payment, style: Style) -> Shown:
    """A payment as it is: approved, declined or under way."""
    view = View(payment)
    if payment.state is State.SENDING:
        return Shown(enveloped(UNDER_WAY, view, style), "pending")
    outcome = f"{DECLINED}/{view.decline.code}" if view.decline else SUCCESSFUL
    return Shown(enveloped(TRANSACTION, view, style), outcome)


def show_turned_down(decline: Decline, style: Style, *, reference: str, type_: int) -> Shown:
    """A decline that no payment stands behind."""
    turned_down = TurnedDown(decline=decline, reference=reference, type=type_)
    return Shown(enveloped(TURNED_DOWN, turned_down, style), f"{DECLINED}/{decline.code}")
