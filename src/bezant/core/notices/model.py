"""What people are told, where, and how often at most: types and decisions, all pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from bezant.core.deliveries import is_mail_address, phone_number
from bezant.core.languages import Language
from bezant.core.money import Money
from bezant.core.receipts import Copy
from bezant.core.sensitive import Secret


class Channel(StrEnum):
    """How somebody is reached."""

    MAIL = "mail"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Somebody's mail address or phone number, which printing does not show."""

    channel: Channel
    address: str = field(repr=False)

    @classmethod
    def mail(cls, text: str) -> Self | None:
        """That mail address; nothing for a text that is none."""
        return cls(channel=Channel.MAIL, address=text) if is_mail_address(text) else None

    @classmethod
    def phone(cls, text: str) -> Self | None:
        """That phone number, without brackets and dashes; nothing for a text that is none."""
        number = phone_number(text)
        return None if number is None else cls(channel=Channel.TEXT, address=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """A receipt. It is looked up when it is sent, and shows what has become of the payment by then."""

    payment_id: int
    copy: Copy = Copy.CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """A link to pay at. ``expires_at`` is on the store's wall clock."""

    merchant: str
    url: str = field(repr=False)
    amount: Money
    invoice: str | None = None
    description: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordFacts:
    """A refund's one-time password, good for so many minutes."""

    merchant: str
    password: Secret
    amount: Money
    minutes: int


Facts = ReceiptFacts | LinkFacts | PasswordFacts

TOPICS: Final[Mapping[type[Facts], str]] = {
    ReceiptFacts: "notice.receipt",
    LinkFacts: "notice.link",
    PasswordFacts: "password.refund",
}
"""What a delivery is announced as. Passwords are a family of their own: they are tried in haste, or never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice to one target.

    ``notice_id`` is its delivery's id, too. ``target_hash`` stands for the target where notices are
    counted. ``made_at`` is real time.
    """

    merchant_id: int
    notice_id: int
    target: Target
    target_hash: bytes
    language: Language
    facts: Facts
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so many notices in that time: to one target, or of a merchant to all of its targets."""

    notices: int
    within: timedelta
    per_target: bool


LIMITS: Final = (
    Limit(notices=10, within=timedelta(minutes=10), per_target=True),
    Limit(notices=40, within=timedelta(days=1), per_target=True),
    Limit(notices=2_000, within=timedelta(hours=1), per_target=False),
)
"""A payer is not to be flooded through us, and a stolen app key sends no mailing (our choice)."""
