"""Words for payers, in English (they are translated where they are shown), and how a payee looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bezant.core.invoices import NO_LOOK, Look
from bezant.core.merchants import Store
from bezant.core.outcomes import Reason
from bezant.core.vault import Card
from bezant.web.languages import english
from bezant.web.views import ACCENTS, Payee, StyleSheet
from bezant.wording import BRAND_NAMES


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment was not taken, and what may be done about it where the link takes another try."""

    why: str
    advice: str = ""


_CHECK: Final = english("Please check it.")
_LATER: Final = english("Please try again in a moment.")
DECLINED: Final = Decline(
    english("Your bank declined this card."), english("Please try another one, or ask your bank.")
)
_DECLINES: Final[Mapping[Reason, Decline]] = {
    Reason.EXPIRED_CARD: Decline(english("This card has expired."), english("Please try another one.")),
    Reason.CVV_MISMATCH: Decline(english("The security code does not fit this card."), _CHECK),
    Reason.ADDRESS_MISMATCH: Decline(english("The billing address does not fit this card."), _CHECK),
    Reason.INVALID_CARD: Decline(english("The bank does not know this card number."), _CHECK),
    Reason.ISSUER_UNAVAILABLE: Decline(english("Your bank cannot be reached."), _LATER),
    Reason.NOT_REACHED: Decline(english("The bank cannot be reached."), _LATER),
    Reason.NO_ANSWER: Decline(english("The bank did not answer in time, so the payment was called off.")),
}
"""What a payer is told beyond that the bank said no. The rest stays between merchant and bank: whoever tries
out stolen cards would like to know."""


def decline_of(reason: str) -> Decline:
    """What a payer is told of a decline, in English. ``reason`` is a ``Reason``'s value."""
    return _DECLINES.get(Reason(reason), DECLINED) if reason in set(Reason) else DECLINED


def card_text(card: Card | None) -> str:
    """``Visa •••• 1111``; nothing where there is no card."""
    return "" if card is None else f"{BRAND_NAMES[card.brand]} •••• {card.last4}".strip()


def payee_of(store: Store, merchant_id: int, look: Look = NO_LOOK) -> Payee:
    """The store as payers see it, by the look of a link where it has one of its own.

    Where nobody chose a colour, a merchant always has the same.
    """
    brand = store.brand
    colour = look.colour or brand.colour
    return Payee(
        name=look.name or store.name,
        accent=merchant_id % ACCENTS,
        own=ACCENT.sheet(colour) if colour else None,
        logo=f"/logo/{merchant_id:x}-{store.store_id:x}-{brand.logo}" if brand.logo else "",
    )


@dataclass(frozen=True, slots=True)
class Paint:
    """What of a page can have a colour of its own, by the name that the style sheet has for it."""

    name: str

    def sheet(self, colour: str) -> StyleSheet:
        """The style sheet of a colour, ``#rrggbb``: one rule for pages that have their own."""
        rule = f'[data-{self.name}="own"] {{ --{self.name}: {colour}; }}\n'
        return StyleSheet(path=f"/{self.name}/{colour[1:]}.css", content=rule.encode())


ACCENT, BUTTON = Paint("accent"), Paint("button")
