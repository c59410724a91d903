"""What came of a hosted payment page, as a shop that asks is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bezant.core.invoices import Invoice, Named, State
from bezant.core.money import Money
from bezant.core.payments import Amounts
from bezant.dialects.ipospays.envelope import ECHO_REFERENCE, TRANSACTION, TYPES, View
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply, nested

_BY_KEY: Final = {reply.key: reply for reply in TRANSACTION.replies}


def _same(*keys: str) -> list[Reply[View]]:
    """Replies as they are in a transaction's own answer."""
    return [_BY_KEY[key] for key in keys]


def _decimal(key: str, value: Callable[[View], Money]) -> Reply[View]:
    return Reply(key, codecs.decimal_text, value, "a decimal, where other answers have cents (vendor docs)")


OUTCOME: Layout[View] = Layout(
    *_same("responseCode", "responseMessage", "errResponseCode", "errResponseMessage"),
    *_same("transactionReferenceId", "transactionType", "transactionId", "transactionNumber", "batchNumber"),
    *_same("cardType", "cardLast4Digit"),
    _decimal("amount", lambda v: v.payment.amounts.base),
    _decimal("tips", lambda v: v.payment.amounts.tip),
    _decimal("customFee", lambda v: v.payment.amounts.fee),
    _decimal("localTax", lambda v: v.payment.amounts.tax),
    Constant("stateTax", "0.00"),
    _decimal("totalAmount", lambda v: v.payment.amounts.total),
    *_same("responseApprovalCode", "rrn", "cardToken"),
    replace(_BY_KEY["avsRespMsg"], key="avsRspMsg"),  # the vendor's spelling here
    *_same("avs", "l2l3Flag", "l2l3ValidationError"),
)
"""An attempt to pay a page."""


def _left(write: codecs.Writer) -> Layout[Invoice]:
    def amount(key: str, share: Callable[[Amounts], Money]) -> Reply[Invoice]:
        return Reply(key, write, lambda invoice: share(invoice.terms.amounts))

    return Layout(
        Constant("responseCode", "401"),
        Constant("responseMessage", "Cancelled by Customer"),
        Reply("transactionReferenceId", codecs.json, lambda i: i.terms.order.echo[ECHO_REFERENCE]),
        Reply("transactionType", codecs.json, lambda i: TYPES[i.terms.kind]),
        amount("amount", lambda amounts: amounts.base),
        amount("tips", lambda amounts: amounts.tip),
        amount("customFee", lambda amounts: amounts.fee),
        amount("localTax", lambda amounts: amounts.tax),
        Reply("stateTax", write, lambda i: Money.zero(i.terms.amounts.base.currency)),
        amount("totalAmount", lambda amounts: amounts.total),
    )


LEFT, LEFT_IN_CENTS = _left(codecs.decimal_text), _left(codecs.minor_text)
"""A page that its payer cancelled: no transaction stands behind it (code and text: vendor docs)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """How a link stands, and the attempt that ended it."""

    status: str
    final: View | None


_NOTHING: Layout[object] = Layout()


def _data(answered: Answered) -> bytes:
    return TRANSACTION.render(answered.final) if answered.final else _NOTHING.render(None)


LINK: Layout[Answered] = Layout(
    Reply("status", codecs.json, lambda a: a.status, "`Pending`, `Successful`, `Declined`, `Cancelled`"),
    Reply(
        "data",
        codecs.described(_data, "an object: the transaction, amounts in cents; empty without one"),
        lambda a: a,
    ),
    Reply("iposHPResponse", nested(OUTCOME), lambda a: a.final, "as the docs have it", optional=True),
)


def answered(link: Named) -> Answered:
    """What is said of a link."""
    view = View(link.attempt) if link.attempt is not None else None
    match link.state:
        case State.PENDING | State.PAYING:
            return Answered("Pending", None)
        case State.PAID:
            return Answered("Successful", view)
        case State.CANCELLED | State.EXPIRED:
            return Answered("Declined" if view else "Cancelled", view)
