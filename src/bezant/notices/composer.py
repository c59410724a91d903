"""Words notices for ``core.deliveries``: one template an event, in the language of whoever gets it.

Each event has a subject, a text message, a plain text and an HTML part. HTML escapes whatever is filled in;
what stands in a mail's head or in a text message is made one line. Card numbers that a merchant wrote into a
description are masked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, assert_never

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bezant import receipts
from bezant.core.deliveries import Delivery, Letter, Text, one_line
from bezant.core.languages import Language
from bezant.core.notices import Channel, LinkFacts, Notice, NoticeUnits, PasswordFacts, ReceiptFacts
from bezant.core.payments import Kind
from bezant.core.receipts import Copy, Receipt
from bezant.core.vault import mask_card_numbers
from bezant.wording import Wording, amount, moment

_HERE: Final = Path(__file__).parent
_WORDING: Final = Wording(_HERE / "locales")

_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


class OpensReceipts(Protocol):
    """Receipts by their payments."""

    async def find(
        self, merchant_id: int, payment_id: int, copy: Copy, *, terminal_id: int | None = None
    ) -> Receipt | None:
        """The receipt of that merchant's payment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worded:
    """``event`` names the templates, which are filled with ``values``."""

    event: str
    sender: str
    subject: str
    short: str
    text: dict[str, Any]
    html: dict[str, Any]


class NoticeComposer:
    """Fulfils ``Composer``. ``pages_url`` is what the addresses of receipts begin with."""

    def __init__(self, *, units: NoticeUnits, opens: OpensReceipts, pages_url: str) -> None:
        self._units = units
        self._receipts = opens
        self._pages_url = pages_url

    async def compose(self, delivery: Delivery) -> Letter | Text | None:
        """The letter or text message of a notice; nothing where its receipt is gone."""
        notice = await self._units.read(lambda tx: tx.notices.find(delivery.merchant_id, delivery.subject_id))
        worded = await self._worded(notice) if notice else None
        if notice is None or worded is None:
            return None
        match notice.target.channel:
            case Channel.MAIL:
                return _letter(notice, worded)
            case Channel.TEXT:
                return Text(to=notice.target.address, text=one_line(worded.short))

    async def _worded(self, notice: Notice) -> _Worded | None:
        match notice.facts:
            case ReceiptFacts() as facts:
                receipt = await self._receipts.find(notice.merchant_id, facts.payment_id, facts.copy)
                return self._receipt(receipt, notice.language) if receipt else None
            case LinkFacts() as facts:
                return _link(facts, notice.language)
            case PasswordFacts() as facts:
                return _password(facts, notice.language)
            case _:
                assert_never(notice.facts)

    def _receipt(self, receipt: Receipt, language: Language) -> _Worded:
        phrase = (
            "Your refund from {merchant}" if receipt.kind is Kind.REFUND else "Your receipt from {merchant}"
        )
        title = _WORDING.say(phrase, language, merchant=receipt.merchant)
        url = f"{self._pages_url}/r/{receipt.uid}"
        return _Worded(
            event="receipt",
            sender=receipt.merchant,
            subject=title,
            short=f"{title}, {amount(receipt.total, language)}: {url}",
            text={"title": title, "url": url, "receipt": receipts.text(receipt, language)},
            html={"title": title, "url": url, "receipt": Markup(receipts.html(receipt, language))},  # noqa: S704 - an autoescaped template's
        )


def _link(facts: LinkFacts, language: Language) -> _Worded:
    sum_ = amount(facts.amount, language)
    title = _WORDING.say(
        "{merchant} asks you to pay {amount}", language, merchant=facts.merchant, amount=sum_
    )
    values = {
        "title": title,
        "url": facts.url,
        "amount": sum_,
        "invoice": mask_card_numbers(facts.invoice or ""),
        "description": mask_card_numbers(facts.description or ""),
        "expires_at": moment(facts.expires_at, language) if facts.expires_at else "",
    }
    return _Worded(
        event="link",
        sender=facts.merchant,
        subject=title,
        short=f"{title}: {facts.url}",
        text=values,
        html=values,
    )


def _password(facts: PasswordFacts, language: Language) -> _Worded:
    values = {
        "password": facts.password.reveal(),
        "amount": amount(facts.amount, language),
        "minutes": str(facts.minutes),
    }
    said = _WORDING.say(
        "{password} is the one-time password for a refund of {amount}. It is good for {minutes} minutes.",
        language,
        **values,
    )
    return _Worded(
        event="password",
        sender=facts.merchant,
        # Subjects are shown on locked screens, so the password is not among them.
        subject=_WORDING.say("One-time password for a refund", language),
        short=said,
        text={"said": said, **values},
        html={"said": said, **values},
    )


def _letter(notice: Notice, worded: _Worded) -> Letter:
    language = notice.language

    def say(phrase: str, **values: str) -> str:
        return _WORDING.say(phrase, language, **values)

    common = {"say": say, "language": language}
    return Letter(
        to=notice.target.address,
        sender=one_line(worded.sender) or "-",
        subject=one_line(worded.subject),
        text=_TEMPLATES.get_template(f"{worded.event}.txt").render(**common, **worded.text),
        html=_TEMPLATES.get_template(f"{worded.event}.html").render(**common, **worded.html),
        language=language.value,
        reference=hashlib.sha256(f"{notice.merchant_id}:{notice.notice_id}".encode()).hexdigest()[:32],
    )
