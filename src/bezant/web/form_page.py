"""The form of a payment link as its view: pure translation of an invoice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bezant.core.invoices import View
from bezant.core.merchants import AddressCheck
from bezant.web.forms import MESSAGES, Asked, tip_choices
from bezant.web.languages import Language
from bezant.web.views import Line, PayPage, TipChoice, Values
from bezant.web.wording import BUTTON, payee_of

_STREET_CHECKS: Final = frozenset({AddressCheck.STREET, AddressCheck.BOTH})
_POSTAL_CHECKS: Final = frozenset({AddressCheck.POSTAL_CODE, AddressCheck.BOTH})


def asked_of(view: View) -> Asked:
    """What the form of this invoice asks for."""
    check = view.merchant.checks.address
    return Asked(
        base=view.invoice.terms.amounts.base,
        tips=view.invoice.terms.tips,
        street=check in _STREET_CHECKS,
        postal_code=check in _POSTAL_CHECKS,
        month=f"{view.at.astimezone(view.store.zone):%y%m}",
    )


def pay_page(
    view: View,
    language: Language,
    *,
    action: str,
    cancel: str,
    state: str,
    values: Values,
    errors: Mapping[str, str],
    notice: str,
) -> PayPage:
    """The form's view.

    ``action`` is where it is sent, ``cancel`` where a payer that may cancels instead, ``state`` seals the
    attempt.
    """
    invoice, terms, asked = view.invoice, view.invoice.terms, asked_of(view)
    look = terms.look
    choices = tip_choices(asked.tips, asked.base) if asked.tips is not None else {}
    return PayPage(
        payee=payee_of(view.store, view.merchant.merchant_id, look),
        test=view.merchant.sandbox,
        verifies=terms.verifies,
        description=terms.order.description or "",
        number=terms.order.invoice or "",
        lines=tuple(Line(name=item.name, amount=item.total, quantity=item.quantity) for item in terms.items),
        base=terms.amounts.base,
        tax=terms.amounts.tax,
        fee=terms.amounts.fee,
        total=invoice.total(),
        tips=tuple(
            TipChoice(value=value, percent=int(value), amount=amount) for value, amount in choices.items()
        ),
        ask_street=asked.street,
        ask_postal_code=asked.postal_code,
        month=asked.month,
        expires_at=language.moment(invoice.expires_at, view.store.zone) if invoice.expires_at else "",
        action=action,
        state=state,
        messages={name: language.text(text) for name, text in MESSAGES.items()},
        button=BUTTON.sheet(look.button_colour) if look.button_colour else None,
        pay_text=look.pay_text or "",
        cancel=cancel if terms.may_cancel else "",
        cancel_text=look.cancel_text or language.text("Cancel"),
        disclaimer=look.disclaimer or "",
        values=values,
        errors=errors,
        notice=notice,
    )
