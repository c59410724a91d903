"""What the sandbox's issuers say to a card: the test cards, the trigger amounts, and the rules.

Pure and without chance, so that a test card always gives the same answer. In order: a number that fails
its check digit or belongs to no known brand is 14; a card past its expiry is 54; a card of the table
answers its own code; a card verification value of all zeros is 82; an amount of 9000.00 or more may be
a trigger. Everything else is approved. Address and verification value are compared, never declined on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bezant.core.sensitive import Pan
from bezant.core.vault import Brand, brand_of
from bezant.rails.acquirer import spec
from bezant.rails.acquirer.codec import IsoMessage
from bezant.rails.acquirer.codes import APPROVED, PARTIALLY_APPROVED
from bezant.rails.acquirer.sandbox.scripts import Step

TRIGGERS_FROM: Final = 9000_00
TRIGGER_CODES: Final = frozenset({"05", "12", "14", "51", "54", "91"})
PARTIAL_AMOUNT: Final = 9100_00
SLOW_AMOUNT: Final = 9200_00
SLOW_SECONDS: Final = 20.0
DROPPED_AMOUNT: Final = 9300_00
_TRIGGERED_STEPS: Final[Mapping[int, Step]] = {
    SLOW_AMOUNT: Step(late=SLOW_SECONDS),
    DROPPED_AMOUNT: Step(drop=True),
}

STREET_NUMBER: Final = "8320"  # source: vendor plugins' test data
POSTAL_CODE: Final = "85284"  # source: vendor plugins' test data

_LEADING_NUMBER: Final = re.compile(r"\s*([0-9]+)", re.ASCII)
_ZEROS: Final = re.compile(r"0+", re.ASCII)
_MONTHS: Final = range(1, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxCard:
    """A published test number and what it answers. ``cvv`` is the value that matches."""

    number: str
    cvv: str = "999"
    code: str = APPROVED
    behaviour: str = "approved"


TEST_CARDS: Final[Mapping[str, SandboxCard]] = {
    # source: vendor plugins' test data
    "approve": SandboxCard(number="4111111111111111"),
    "visa": SandboxCard(number="4012881888818888"),
    "visa_2": SandboxCard(number="4012000098765439"),
    "mastercard": SandboxCard(number="5146315000000055", cvv="998"),
    "amex": SandboxCard(number="371449635392376", cvv="9997"),
    "discover": SandboxCard(number="6011000993026909", cvv="996"),
    "diners": SandboxCard(number="3055155515160018", cvv="996"),
    "jcb": SandboxCard(number="3530142019945859", cvv="996"),
    "maestro": SandboxCard(number="5044339324661725266", cvv="998"),
    # our choice
    "decline": SandboxCard(number="4000000000000002", code="05", behaviour="declined: do not honor"),
    "expired": SandboxCard(number="4000000000000069", code="54", behaviour="declined: expired card"),
    "insufficient_funds": SandboxCard(
        number="4000000000009995", code="51", behaviour="declined: insufficient funds"
    ),
    "lost": SandboxCard(number="4000000000009987", code="41", behaviour="declined: lost card"),
    "stolen": SandboxCard(number="4000000000009979", code="43", behaviour="declined: stolen card"),
    "refer": SandboxCard(number="4000000000000010", code="01", behaviour="declined: refer to issuer"),
    "pick_up": SandboxCard(number="4000000000000036", code="04", behaviour="declined: pick up card"),
    "cvv_mismatch": SandboxCard(number="4000000000000127", code="82", behaviour="declined: wrong CVV"),
    "fraud": SandboxCard(number="4000000000000259", code="59", behaviour="declined: suspected fraud"),
    "limit": SandboxCard(number="4000000000006975", code="61", behaviour="declined: exceeds limit"),
    "unavailable": SandboxCard(
        number="4000000000000119", code="91", behaviour="declined: issuer unavailable"
    ),
}

_CARDS: Final = {card.number: card for card in TEST_CARDS.values()}


@dataclass(frozen=True, slots=True)
class Verdict:
    """An issuer's answer: code, approved amount in minor units, results text, and how it is delivered."""

    code: str
    approved: int = 0
    results: str = ""
    step: Step | None = None


def judge(message: IsoMessage, elements: Mapping[str, str], *, now: datetime) -> Verdict:
    """What the card's issuer says. ``now`` stands in where the message does not tell its local year.

    The message has a card number, a processing code and an amount.
    """
    pan = Pan(message[spec.PAN])
    amount = int(message[spec.AMOUNT])
    if not pan.passes_luhn() or brand_of(pan.bin) is Brand.UNKNOWN:
        return Verdict("14")
    if message[spec.PROCESSING_CODE] == spec.RETURN:
        return Verdict(APPROVED, amount)
    card = _CARDS.get(message[spec.PAN])
    results = _results(card, elements)
    expiry = message.get(spec.EXPIRY)
    if expiry is not None and _expired(expiry, message, elements, now):
        return Verdict("54", results=results)
    if card is not None and card.code != APPROVED:
        return Verdict(card.code, results=results)
    if _ZEROS.fullmatch(elements.get(spec.VERIFICATION_VALUE, "")):
        return Verdict("82", results=results)
    return _triggered(amount, results)


def _triggered(amount: int, results: str) -> Verdict:
    """The verdict for an acceptable card by amount alone (source: our choice)."""
    cents = f"{amount % 100:02d}"
    if amount >= TRIGGERS_FROM and cents in TRIGGER_CODES:
        return Verdict(cents, results=results)
    if amount == PARTIAL_AMOUNT:
        return Verdict(PARTIALLY_APPROVED, amount // 2, results)
    return Verdict(APPROVED, amount, results, _TRIGGERED_STEPS.get(amount))


def _expired(expiry: str, message: IsoMessage, elements: Mapping[str, str], now: datetime) -> bool:
    """Whether the card's last month (YYMM) lies before the payment's local one, or is no month."""
    if int(expiry[2:]) not in _MONTHS:
        return True
    month = message.get(spec.LOCAL_DATE, f"{now:%m}")[:2]
    year = elements.get(spec.LOCAL_YEAR, f"{now:%Y}")
    return f"20{expiry}" < year + month


def _results(card: SandboxCard | None, elements: Mapping[str, str]) -> str:
    """Address result (Y both, A street, Z postal code, N none match), then CVV result (M or N)."""
    street, postal_code = elements.get(spec.STREET), elements.get(spec.POSTAL_CODE)
    address = " "
    if street is not None or postal_code is not None:
        number = _LEADING_NUMBER.match(street or "")
        matches = (number is not None and number[1] == STREET_NUMBER, (postal_code or "")[:5] == POSTAL_CODE)
        address = {(True, True): "Y", (True, False): "A", (False, True): "Z", (False, False): "N"}[matches]
    return (address + _verification(card, elements.get(spec.VERIFICATION_VALUE))).rstrip()


def _verification(card: SandboxCard | None, value: str | None) -> str:
    if value is None:
        return " "
    return "M" if card is None or value == card.cvv else "N"
