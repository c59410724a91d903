"""What follows a transaction, which it names by its RRN: ticket, void, refund, tip, incremental auth.

Payments that came in over another API, or over a page, have their RRNs in the same space.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from bezant.core.outcomes import Refused, Unavailable
from bezant.core.payments import (
    Capture,
    Increment,
    Kind,
    Payment,
    PaymentQuery,
    Reference,
    Refund,
    State,
    Tip,
)
from bezant.core.vault import Brand
from bezant.dialects.ipospays import codes, fields
from bezant.dialects.ipospays.envelope import TRANSACTION, TYPES, show, show_turned_down
from bezant.dialects.ipospays.operation import Call, Form, Problems, Shown
from bezant.dialects.ipospays.operations.charges import check_parties, order_of, with_tip

_NAMED: Final = (fields.MERCHANT_ID, fields.REFERENCE, fields.RRN)


def _original(call: Call) -> Reference:
    return Reference(retrieval_reference=call[fields.RRN])


async def _capture(call: Call) -> Shown:
    capture = Capture(
        original=_original(call),
        amounts=with_tip(call[fields.AMOUNT], call[fields.TIP]),
        tip_on_top=True,
        order=order_of(call),
    )
    outcome = await call.services.payments.capture(call.caller, capture, key=call.key)
    return show(outcome.payment, call.services.style)


async def _increment(call: Call) -> Shown:
    services = call.services
    if await _authorizations(call, brands=(Brand.AMEX,)):
        return show_turned_down(
            codes.NO_INCREMENT, services.style, reference=call.reference, type_=TYPES[Kind.INCREMENT]
        )
    increment = Increment(original=_original(call), amount=call[fields.MORE_AMOUNT], order=order_of(call))
    outcome = await services.payments.increment(call.caller, increment, key=call.key)
    return show(outcome.payment, services.style)


async def _void(call: Call) -> Shown:
    payments = call.services.payments
    outcome = await payments.void(call.caller, _original(call), order=order_of(call), key=call.key)
    if outcome.payment.approved:
        with contextlib.suppress(Refused, Unavailable):
            await _release(call)
    return show(outcome.payment, call.services.style)


async def _release(call: Call) -> None:
    """Void the authorization that a voided ticket has let live again: one RRN is one transaction here.

    Should that fail, or this process die before it, another void finds the authorization.
    """
    for held in await _authorizations(call, states=(State.AUTHORIZED,)):
        await call.services.payments.void(call.caller, Reference(payment_id=held.payment_id))


async def _authorizations(call: Call, **filters: Any) -> tuple[Payment, ...]:  # noqa: ANN401 - a query's own
    """The authorization with the RRN, if it is one that the filters let through."""
    merchant_id, terminal_id = call.caller.key
    query = PaymentQuery(
        merchant_id=merchant_id,
        terminal_id=terminal_id,
        kinds=(Kind.AUTHORIZATION,),
        retrieval_reference=call[fields.RRN],
        limit=1,
        **filters,
    )
    return (await call.services.reports.page(query)).payments


async def _refund(call: Call) -> Shown:
    refund = Refund(
        original=_original(call),
        amount=call[fields.OPTIONAL_AMOUNT],
        settled_only=True,
        order=order_of(call),
    )
    outcome = await call.services.payments.refund(call.caller, refund, key=call.key)
    if outcome.payment.reason is not None:
        raise Problems(codes.refund_error(outcome.payment.reason))
    return show(outcome.payment, call.services.style)


async def _adjust_tip(call: Call) -> Shown:
    tip = Tip(original=_original(call), amount=call[fields.NEW_TIP_OR_AMOUNT], order=order_of(call))
    adjusted = await call.services.payments.adjust_tip(call.caller, tip, key=call.key)
    # The same tip again is no change: it is shown as the change that it would have been.
    same = adjusted.charge.having(kind=Kind.TIP, order=tip.order)
    return show(adjusted.outcome.payment if adjusted.outcome else same, call.services.style)


FORMS: Final[Mapping[int, Form]] = {
    2: Form(
        title="Void",
        fields=(*_NAMED, *fields.PARTIES),
        check=check_parties,
        perform=_void,
        layouts=(TRANSACTION,),
        note="Always of the whole, of a ticket with its PreAuth. An amount is not looked at: clients send "
        "it empty, 0, or the original's.",
    ),
    3: Form(
        title="Refund",
        fields=(*_NAMED, fields.OPTIONAL_AMOUNT, *fields.PARTIES),
        check=check_parties,
        perform=_refund,
        layouts=(TRANSACTION,),
        note="Of what is settled; before that, a void. One that is not done is answered with `errors`: "
        "a shop plugin takes every other answer for success.",
    ),
    6: Form(
        title="Ticket",
        fields=(*_NAMED, fields.AMOUNT, fields.TIP, *fields.PARTIES),
        check=check_parties,
        perform=_capture,
        layouts=(TRANSACTION,),
        note="Once, of a PreAuth, up to what it and its increments hold; a tip may come on top, within the "
        "terminal's limit for tips.",
    ),
    7: Form(
        title="Tip Adjust",
        fields=(*_NAMED, fields.NEW_TIP_OR_AMOUNT, *fields.PARTIES),
        check=check_parties,
        perform=_adjust_tip,
        layouts=(TRANSACTION,),
        note="Before settlement, within the terminal's limit for tips.",
    ),
    8: Form(
        title="Incremental Auth",
        fields=(*_NAMED, fields.MORE_AMOUNT, *fields.PARTIES),
        check=check_parties,
        perform=_increment,
        layouts=(TRANSACTION,),
        note="Not on American Express.",
    ),
}
