"""The open batch, and its settlement (source: a copy of the vendor's docs; the answers: our choice)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bezant.core.batches import Totals
from bezant.core.money import Currency, Money
from bezant.core.payments import Payment, State
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.envelope import (
    OPEN_BATCH,
    ROW,
    SETTLE,
    SUCCESSFUL,
    View,
    enveloped,
    show_turned_down,
)
from bezant.dialects.ipospays.operation import Call, Form, Shown
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Constant, Layout, Reply, array

MEMBERS_MAX: Final = 1000
"""Transactions that an answer lists; its totals are of all of them (our choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    reference: str
    type: int
    number: int
    currency: Currency
    totals: Totals
    members: Sequence[Payment]
    status: str

    def money(self, minor: int) -> Money:
        return Money(minor, self.currency)


BATCH: Layout[_Batch] = Layout(
    Constant("responseCode", SUCCESSFUL),
    Constant("responseMessage", "Successful"),
    Constant("errResponseCode", "00"),
    Constant("errResponseMessage", "APPROVAL"),
    Reply("transactionReferenceId", codecs.json, lambda b: b.reference),
    Reply("transactionType", codecs.json, lambda b: b.type),
    Reply("batchNumber", codecs.json, lambda b: f"{b.number:03d}"),
    Reply("batchStatus", codecs.json, lambda b: b.status, "`OPEN`, `CLOSED`; `EMPTY`: nothing to settle"),
    Reply("totalTransactions", codecs.json, lambda b: b.totals.count),
    Reply("totalSales", codecs.minor_text, lambda b: b.money(b.totals.sold), "with tips, fees and taxes"),
    Reply("totalRefunds", codecs.minor_text, lambda b: b.money(b.totals.refunded)),
    Reply("netAmount", codecs.minor_text, lambda b: b.money(b.totals.net)),
    Reply(
        "transactions",
        array(ROW),
        lambda b: [View(member) for member in b.members],
        f"newest first, at most {MEMBERS_MAX}",
    ),
)


async def _open_batch(call: Call) -> Shown:
    found = await call.services.reports.open_batch(call.caller, limit=MEMBERS_MAX, offset=0)
    batch = _Batch(
        reference=call.reference,
        type=OPEN_BATCH,
        number=found.number,
        currency=call.caller.merchant.currency,
        totals=found.totals,
        members=[member for member in found.members.payments if member.state is State.CAPTURED],
        status="OPEN",
    )
    return Shown(enveloped(BATCH, batch, call.services.style), SUCCESSFUL)


async def _settle(call: Call) -> Shown:
    services = call.services
    settled = await services.settlements.settle(call.caller, key=call.key)
    if settled.reason is not None:
        decline = codes.DECLINES[settled.reason]
        return show_turned_down(decline, services.style, reference=call.reference, type_=SETTLE)
    closed = await services.reports.settled_batches(
        call.caller, number=settled.batch_number, limit=1, members_max=MEMBERS_MAX
    )
    batch = _Batch(
        reference=call.reference,
        type=SETTLE,
        number=settled.batch_number,
        currency=settled.currency,
        totals=settled.totals,
        members=[member for batch in closed for member in batch.members.payments],
        status="CLOSED" if settled.totals.count else "EMPTY",
    )
    return Shown(enveloped(BATCH, batch, services.style), SUCCESSFUL)


_FIELDS: Final = (fields.MERCHANT_ID, fields.REFERENCE)

FORMS: Final[Mapping[int, Form]] = {
    SETTLE: Form(
        title="Batch Settlement",
        fields=_FIELDS,
        perform=_settle,
        layouts=(BATCH,),
    ),
    OPEN_BATCH: Form(
        title="Open Batch",
        fields=_FIELDS,
        perform=_open_batch,
        layouts=(BATCH,),
        note="A question: its reference is not used up.",
    ),
}
