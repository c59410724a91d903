"""What the gift domain says to a gift host and hears from it, free of any wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bezant.core.money import Money
from bezant.core.outcomes import Declined, NotSent, Unresolved
from bezant.core.sensitive import Pan, Secret


class Ask(StrEnum):
    """What a message asks the host to do."""

    BALANCE = "balance"
    ACTIVATE = "activate"
    LOAD = "load"
    REDEEM = "redeem"
    REFUND = "refund"
    DEACTIVATE = "deactivate"
    VOID = "void"
    """Take back ``original``, which the host has and holds in force."""
    CANCEL = "cancel"
    """See to it that ``original`` has no effect, whether it ever arrived or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request to the gift host.

    ``reference`` names the message within its ``program``, the merchant as the host knows it: whatever
    comes under the same reference again is the same message. ``original`` is the reference of the message
    that this one refers to. ``deadline_at`` (UTC): what could not be written before it must not be written.
    """

    ask: Ask
    reference: str
    program: str
    terminal_number: str
    amount: Money
    deadline_at: datetime
    number: Pan | None = None
    pin: Secret | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The host did what was asked, for ``amount``; the card holds ``balance`` now."""

    amount: Money
    balance: Money


Answer = Granted | Declined | Unresolved | NotSent
