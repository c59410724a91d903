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


def addressed(*, mail: str | None, phone: str | None) -> tuple[Target, ...]:
    """Whoever is meant by what a caller or a payer wrote: nobody, where it is neither address nor number."""
    targets = (Target.mail(mail) if mail else None, Target.phone(phone) if phone else None)
    return tuple(target for target in targets if target is not None)


class Copy(StrEnum):
    """Whose copy of a receipt it is."""

    CUSTOMER = "c"
    MERCHANT = "m"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """A receipt. It is looked up when it is sent, and shows what has become of the payment by then."""

    payment_id: int
    copy: Copy = Copy.CUSTOMER


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFacts:
    """A link to pay at: an invoice's. It is looked up when it is sent, and sent if it can be paid then."""

    invoice_id: int


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

    @property
    def topic(self) -> str:
        """What it is announced as, and counted with."""
        return TOPICS[type(self.facts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so many notices in that time: to one target, or of a merchant to all of its targets."""

    notices: int
    within: timedelta
    per_target: bool


HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for each of the two families, topic by topic.

    ``notices``: a payer is not to be flooded through us, and a stolen app key sends no mailing.
    ``passwords`` go to addresses that the operator has set; a shop may refund often (our choice).
    """

    notices: tuple[Limit, ...] = (
        Limit(notices=5, within=HOUR, per_target=True),
        Limit(notices=2_000, within=HOUR, per_target=False),
    )
    passwords: tuple[Limit, ...] = (Limit(notices=60, within=HOUR, per_target=True),)

    def of(self, facts: Facts) -> tuple[Limit, ...]:
        """What holds for one."""
        return self.passwords if isinstance(facts, PasswordFacts) else self.notices
