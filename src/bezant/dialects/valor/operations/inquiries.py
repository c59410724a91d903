"""One payment, looked up by what a shop knows of it (form: public client; not in the vendor's reference)."""

from __future__ import annotations

from bezant.core.payments import Kind, PaymentQuery
from bezant.dialects.valor import codes, families
from bezant.dialects.valor.dialect import Call, Operation, Shown
from bezant.dialects.valor.operations import fields
from bezant.dialects.wire.contract import Fault

_SHOWN = (Kind.SALE, Kind.AUTHORIZATION, Kind.CAPTURE)


async def _inquire(call: Call) -> Shown:
    """The newest approved charge with that invoice and reference."""
    invoice, reference = call.values["invoicenumber"], call.values["rrn"]
    if invoice is None and reference is None:
        raise Fault(codes.BAD_TRANSACTION_ID)
    merchant_id, terminal_id = call.caller.key
    query = PaymentQuery(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        kinds=_SHOWN,
        approved=True,
        invoice=invoice,
        retrieval_reference=reference,
        limit=1,
    )
    page = await call.services.reports.page(query)
    if not page.payments:
        raise Fault(codes.BAD_TRANSACTION_ID)
    return Shown(families.SALE.render(families.view(page.payments[0], call.caller)), "S00")


OPERATIONS = (
    Operation(
        name="transaction_inquiry",
        title="Transaction Inquiry",
        types=("transaction_inquiry",),
        fields=(fields.INVOICE, fields.RRN),
        answer=_inquire,
        layouts=(families.SALE,),
    ),
)
