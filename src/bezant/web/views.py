"""What the pages show: plain facts, already decided, for templates that decide nothing.

Amounts are ``Money``; texts that begin in the code are in the payer's language already; instants are written
on the store's wall clock.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bezant.core.money import Money
from bezant.receipts import Sheet, Standing

ACCENTS: Final = 8
"""Colours that the style sheet knows, each readable under white text."""
_INITIALS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSheet:
    """A style sheet of one rule: what it says, and where it is served."""

    path: str
    content: bytes

    @property
    def integrity(self) -> str:
        """The subresource integrity value that a browser holds it to."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payee:
    """Whom the money is for.

    ``accent`` is one of the style sheet's colours, ``own`` the sheet of one that the store chose instead;
    ``logo`` is where its logo is served.
    """

    name: str
    accent: int
    own: StyleSheet | None = None
    logo: str = ""

    @property
    def initials(self) -> str:
        """What stands in the place of a logo: the first letters of the first two words."""
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in words[:_INITIALS]).upper() or "•"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Something that is paid for: its name, how many, and what all of them come to."""

    name: str
    amount: Money
    quantity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TipChoice:
    """A tip to choose. ``percent`` is of the base amount, 0 for none; ``value`` is what the form sends."""

    value: str
    percent: int
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a payer had typed before, without anything of the card."""

    tip: str = "0"
    tip_amount: str = ""
    holder: str = ""
    street: str = ""
    postal_code: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPage:
    """The form of a payment link. ``pay_text``, ``cancel_text`` and ``disclaimer`` are the merchant's own.

    ``state`` seals the link and one attempt. ``errors`` are by the name of the field; ``messages`` are what
    the script says of a field, by its name. ``number`` is the merchant's invoice number, ``month`` is this
    one, YYMM. ``ask_street`` and ``ask_postal_code``: the merchant cannot do without. ``button`` is the sheet
    of a button's own colour; ``cancel`` is where a payer cancels, if it may. ``verifies``: the card is looked
    at, and nothing is charged.
    """

    payee: Payee
    test: bool
    verifies: bool
    description: str
    number: str
    lines: tuple[Line, ...]
    base: Money
    tax: Money
    fee: Money
    total: Money
    tips: tuple[TipChoice, ...]
    ask_street: bool
    ask_postal_code: bool
    month: str
    expires_at: str
    action: str
    state: str
    messages: Mapping[str, str]
    button: StyleSheet | None = None
    pay_text: str = ""
    cancel: str = ""
    cancel_text: str = ""
    disclaimer: str = ""
    values: Values = field(default_factory=Values)
    errors: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""

    @property
    def zero(self) -> str:
        """No amount, with all decimals of the currency."""
        return Money.zero(self.total.currency).decimal()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedPage:
    """The payment was taken, or the card found good.

    ``onward``: where the merchant sends the payer, exactly as it was given. ``amount`` and ``receipt`` are of
    a payment alone.
    """

    payee: str
    amount: Money | None
    card: str
    approval_code: str
    receipt: str
    onward: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedPage:
    """The payment was not taken. ``retry``: where the payer may try again, if it may."""

    payee: str
    reason: str
    retry: str
    onward: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledPage:
    """This payer cancelled the payment. ``onward``: where the merchant wants it back."""

    payee: str
    onward: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckingPage:
    """Nobody knows yet. ``again``: where to look."""

    again: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GonePage:
    """A link that is not open to this payer, or that never was."""

    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPage:
    """A request that was not carried out, and where to begin again."""

    title: str
    text: str
    retry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage:
    """A payment's receipt: its words, what became of it, and where its PDF is."""

    payee: Payee
    sheet: Sheet
    standing: Standing
    document: str
