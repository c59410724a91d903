"""What became of a transaction, by its reference (source: vendor docs; the forms of both: public clients)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bezant.core.credentials import Scope
from bezant.core.payments import Payment, State
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.envelope import TRANSACTION, UNDER_WAY, View, show
from bezant.dialects.ipospays.operation import Call, Form, Operation, Problems, Shown, key_of
from bezant.dialects.ipospays.operations.transactions import paths
from bezant.dialects.ipospays.page_outcomes import LINK, answered
from bezant.dialects.wire import codecs
from bezant.dialects.wire.contract import Layout, Reply, nested

FIELDS: Final = (fields.MERCHANT_ID, fields.REFERENCE)


async def _payment(call: Call) -> Payment:
    key = key_of(call.reference)
    found = await call.services.reports.keyed(call.caller, key)
    if found is None and (link := await call.services.invoices.named(call.caller, key)) is not None:
        found = link.attempt
    if found is None:
        raise Problems(codes.UNKNOWN_REFERENCE)
    return found


async def _status(call: Call) -> Shown:
    return show(await _payment(call), call.services.style)


STATUS: Final = Operation(
    name="transact_status",
    paths=paths("iposTransactStatus"),
    scope=Scope.PAYMENT_TOKENIZATION,
    ecom_paths=frozenset(paths("iposTransactStatus", ("v1", "v2"))),
    forms=(
        Form(
            title="Transaction status",
            fields=FIELDS,
            perform=_status,
            layouts=(TRANSACTION, UNDER_WAY),
            note="The two may stand in `merchantAuthentication` or beside it.",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class _Queried:
    status: str
    final: View | None


_NOTHING: Layout[object] = Layout()


def _data(queried: _Queried) -> bytes:
    """The transaction, or an empty object before it has ended."""
    return TRANSACTION.render(queried.final) if queried.final else _NOTHING.render(None)


QUERIED: Layout[_Queried] = Layout(
    Reply("status", codecs.json, lambda q: q.status, "`Pending`, `Successful`, `Declined`"),
    Reply(
        "data",
        codecs.described(_data, "an object: the transaction; empty while it is pending"),
        lambda q: q,
        "as the service answers (public client)",
    ),
    Reply("iposHPResponse", nested(TRANSACTION), lambda q: q.final, "as the docs have it", optional=True),
)


async def _query(call: Call) -> Shown:
    link = await call.services.invoices.named(call.caller, key_of(call.reference))
    if link is not None:
        told = answered(link)
        return Shown(LINK.render(told), told.status.lower())
    payment = await _payment(call)
    if payment.state is State.SENDING:
        queried = _Queried("Pending", None)
    else:
        queried = _Queried("Declined" if payment.reason else "Successful", View(payment))
    return Shown(QUERIED.render(queried), queried.status.lower())


QUERY: Final = Operation(
    name="query_payment_status",
    method="GET",
    paths=("/v1/queryPaymentStatus",),
    scope=Scope.PAYMENT_TOKENIZATION,
    ecom_paths=frozenset({"/v1/queryPaymentStatus"}),
    authorization=True,
    forms=(
        Form(
            title="Query payment status",
            fields=FIELDS,
            perform=_query,
            layouts=(QUERIED, LINK),
            note="The query's parameters are `tpn` and `transactionReferenceId`.",
        ),
    ),
)
