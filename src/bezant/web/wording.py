"""Words for payers: brands, reasons, states, in English; they are translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bezant.core.merchants import Store
from bezant.core.outcomes import Reason
from bezant.core.vault import Brand, Card
from bezant.web.languages import english
from bezant.web.views import ACCENTS, Payee, Sheet, Status

BRANDS: Final[Mapping[Brand, str]] = {
    Brand.VISA: "Visa",
    Brand.MASTERCARD: "Mastercard",
    Brand.AMEX: "American Express",
    Brand.DISCOVER: "Discover",
    Brand.JCB: "JCB",
    Brand.DINERS: "Diners Club",
    Brand.MAESTRO: "Maestro",
    Brand.UNIONPAY: "UnionPay",
    Brand.UNKNOWN: "",
}


DECLINED: Final = english("Your bank declined this card. Please try another one, or ask your bank.")
_DECLINES: Final[Mapping[Reason, str]] = {
    Reason.EXPIRED_CARD: english("This card has expired. Please try another one."),
    Reason.CVV_MISMATCH: english("The security code does not fit this card. Please check it."),
    Reason.ADDRESS_MISMATCH: english("The billing address does not fit this card. Please check it."),
    Reason.INVALID_CARD: english("The bank does not know this card number. Please check it."),
    Reason.ISSUER_UNAVAILABLE: english("Your bank cannot be reached. Please try again in a moment."),
    Reason.NOT_REACHED: english("The bank cannot be reached. Please try again in a moment."),
    Reason.NO_ANSWER: english("The bank did not answer in time, so the payment was called off."),
}
"""What a payer is told beyond that the bank said no. The rest stays between merchant and bank: whoever tries
out stolen cards would like to know."""

STATUSES: Final[Mapping[Status, str]] = {
    Status.PAID: english("Paid"),
    Status.AUTHORIZED: english("Authorized"),
    Status.PENDING: english("Pending"),
    Status.DECLINED: english("Declined"),
    Status.VOID: english("Void"),
    Status.PARTLY_REFUNDED: english("Partly refunded"),
    Status.REFUNDED: english("Refunded"),
}


def decline_text(reason: str) -> str:
    """What a payer is told of a decline, in English. ``reason`` is a ``Reason``'s value."""
    return _DECLINES.get(Reason(reason), DECLINED) if reason in set(Reason) else DECLINED


def card_text(card: Card | None) -> str:
    """``Visa •••• 1111``; nothing where there is no card."""
    return "" if card is None else f"{BRANDS[card.brand]} •••• {card.last4}".strip()


def payee_of(store: Store, merchant_id: int) -> Payee:
    """The store as payers see it. Where it chose no colour, a merchant always has the same."""
    brand = store.brand
    return Payee(
        name=store.name,
        accent=merchant_id % ACCENTS,
        own=sheet_of(brand.colour) if brand.colour else None,
        logo=f"/logo/{merchant_id:x}-{store.store_id:x}-{brand.logo}" if brand.logo else "",
    )


def sheet_of(colour: str) -> Sheet:
    """The style sheet of a colour, ``#rrggbb``: one rule for pages whose payee has its own."""
    rule = f'[data-accent="own"] {{ --accent: {colour}; }}\n'
    return Sheet(path=f"/accent/{colour[1:]}.css", content=rule.encode())
