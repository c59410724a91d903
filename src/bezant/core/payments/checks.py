"""What the comparison of the payer's address and verification value means, and when it turns a charge down.

The network answers an approval with a letter for each. The letters are the card brands' own; what they say
of street and postal code is one table here. A part that was not compared never turns anything down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.core.merchants import AddressCheck, CardChecks
from bezant.core.money import Money
from bezant.core.outcomes import Answer, Approved, Reason


class Match(StrEnum):
    """How what the payer said compares with what the issuer knows."""

    MATCH = "match"
    NO_MATCH = "no_match"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """The network said yes, the merchant's own rules say no: to be taken back."""

    approved: Approved
    reason: Reason


Verdict = Answer | Unwanted
"""The network's answer once the merchant's rules were heard."""

_Parts = tuple[bool | None, bool | None]

_ADDRESS: Final[Mapping[str, _Parts]] = {
    "Y": (True, True),
    "X": (True, True),
    "D": (True, True),
    "F": (True, True),
    "M": (True, True),
    "A": (True, False),
    "B": (True, None),
    "Z": (False, True),
    "W": (False, True),
    "P": (None, True),
    "N": (False, False),
}
"""Street and postal code by the letter: fits, fits not, not compared. Other letters: neither was."""

_VERIFICATION: Final = {"M": Match.MATCH, "N": Match.NO_MATCH}


def address_match(check: AddressCheck, letter: str | None) -> Match:
    """How the parts of the address that count compare, by the network's letter."""
    street, postal_code = _ADDRESS.get(letter or "", (None, None))
    match check:
        case AddressCheck.NONE:
            return Match.UNCHECKED
        case AddressCheck.STREET:
            parts = {street}
        case AddressCheck.POSTAL_CODE:
            parts = {postal_code}
        case AddressCheck.BOTH:
            parts = {street, postal_code}
    if False in parts:
        return Match.NO_MATCH
    return Match.UNCHECKED if None in parts else Match.MATCH


def verification_match(letter: str | None) -> Match:
    """How the verification value compares, by the network's letter."""
    return _VERIFICATION.get(letter or "", Match.UNCHECKED)


def judged(answer: Answer, checks: CardChecks, *, at_least: Money | None = None) -> Verdict:
    """The network's answer to new money by a merchant's rules. The verification value is looked at first.

    An approval of less than ``at_least`` is unwanted: the card has not enough.
    """
    if not isinstance(answer, Approved):
        return answer
    if checks.verification_declines and verification_match(answer.cvv) is Match.NO_MATCH:
        return Unwanted(approved=answer, reason=Reason.CVV_MISMATCH)
    if checks.address_declines and address_match(checks.address, answer.avs) is Match.NO_MATCH:
        return Unwanted(approved=answer, reason=Reason.ADDRESS_MISMATCH)
    if at_least is not None and answer.amount < at_least:
        return Unwanted(approved=answer, reason=Reason.INSUFFICIENT_FUNDS)
    return answer
