"""Words notices for ``core.deliveries``: one template an event, in the language of whoever gets it.

Each event has a subject, a text message, a plain text and an HTML part. HTML escapes whatever is filled in;
what stands in a mail's head or in a text message is made one line. Card numbers that a merchant wrote into a
description are masked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, assert_never

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bezant import receipts
from bezant.core.deliveries import Delivery, Letter, Text, one_line
from bezant.core.invoices import Copy, Invoice, Receipt, State
from bezant.core.languages import Language
from bezant.core.merchants import Caller, SystemClock
from bezant.core.notices import Channel, LinkFacts, Notice, NoticeTx, PasswordFacts, ReceiptFacts
from bezant.core.payments import Kind, Payment
from bezant.core.vault import mask_card_numbers
from bezant.wording import Wording, amount, moment

T = TypeVar("T")

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

    async def of(self, merchant_id: int, payment_id: int, copy: Copy) -> Receipt | None:
        """The receipt of that merchant's payment."""
        ...

    def uid(self, payment: Payment, copy: Copy) -> str:
        """The public id of a payment's receipt."""
        ...


class InvoiceRows(Protocol):
    """Invoices of one transaction."""

    def find(self, merchant_id: int, invoice_id: int) -> Invoice | None:
        """An invoice of that merchant."""
        ...


class InvoiceTx(NoticeTx, Protocol):
    """The stores of one transaction."""

    @property
    def invoices(self) -> InvoiceRows:
        """Invoices."""
        ...


class Units(Protocol):
    """Reads."""

    async def read(self, work: Callable[[InvoiceTx], T]) -> T:
        """Run ``work`` on a consistent view."""
        ...


class Callers(Protocol):
    """Terminals by their ids."""

    async def caller(self, merchant_id: int, terminal_id: int) -> Caller:
        """The terminal as a caller, without credentials."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worded:
    """``event`` names the templates, which are filled with ``values`` and, for HTML, ``html``.

    ``short`` and ``link`` are a text message.
    """

    event: str
    sender: str
    subject: str
    short: str
    values: dict[str, str]
    link: str = ""
    html: dict[str, str] = field(default_factory=dict)


class NoticeComposer:
    """Fulfils ``Composer``. ``pages_url`` is what the addresses of hosted pages begin with."""

    def __init__(
        self,
        *,
        units: Units,
        callers: Callers,
        opens: OpensReceipts,
        clock: SystemClock,
        pages_url: str,
    ) -> None:
        self._units = units
        self._callers = callers
        self._receipts = opens
        self._clock = clock
        self._pages_url = pages_url

    async def compose(self, delivery: Delivery) -> Letter | Text | None:
        """The letter or text message of a notice; nothing where what it tells of is over, or forgotten."""
        notice = await self._units.read(lambda tx: tx.notices.find(delivery.merchant_id, delivery.subject_id))
        worded = await self._worded(notice) if notice else None
        if notice is None or worded is None:
            return None
        match notice.target.channel:
            case Channel.MAIL:
                return _letter(notice, worded)
            case Channel.TEXT:
                # Its address is last, and is never cut.
                return Text(to=notice.target.address, text=f"{one_line(worded.short)}{worded.link}")
            case _:
                assert_never(notice.target.channel)

    async def _worded(self, notice: Notice) -> _Worded | None:
        match notice.facts:
            case ReceiptFacts() as facts:
                receipt = await self._receipts.of(notice.merchant_id, facts.payment_id, facts.copy)
                return self._receipt(receipt, notice.language) if receipt else None
            case LinkFacts() as facts:
                return await self._link(notice, facts)
            case PasswordFacts() as facts:
                return _password(facts, notice.language)
            case _:
                assert_never(notice.facts)

    def _receipt(self, receipt: Receipt, language: Language) -> _Worded:
        slip = receipts.slip_of(receipt)
        phrase = "Your refund from {merchant}" if slip.kind is Kind.REFUND else "Your receipt from {merchant}"
        title = _WORDING.say(phrase, language, merchant=slip.merchant)
        url = f"{self._pages_url}/r/{self._receipts.uid(receipt.payment, receipt.copy)}"
        return _Worded(
            event="receipt",
            sender=slip.merchant,
            subject=title,
            short=f"{title}, {amount(slip.total, language)}",
            link=f": {url}",
            values={"title": title, "url": url, "receipt": receipts.text(slip, language)},
            html={"receipt": Markup(receipts.html(slip, language))},  # noqa: S704 - an autoescaped template's
        )

    async def _link(self, notice: Notice, facts: LinkFacts) -> _Worded | None:
        invoice = await self._units.read(lambda tx: tx.invoices.find(notice.merchant_id, facts.invoice_id))
        assert invoice is not None, "an invoice that was announced is there"
        caller = await self._callers.caller(invoice.merchant_id, invoice.terminal_id)
        if invoice.stands(caller.now(self._clock.now())) is not State.PENDING:
            return None
        return _asked(invoice, caller, notice.language, url=f"{self._pages_url}/pay/{invoice.uid}")


def _asked(invoice: Invoice, caller: Caller, language: Language, *, url: str) -> _Worded:
    merchant, sum_ = caller.merchant.name, amount(invoice.total(), language)
    verifies = invoice.terms.verifies
    phrase = "{merchant} asks you to verify your card" if verifies else "{merchant} asks you to pay {amount}"
    title = _WORDING.say(phrase, language, merchant=merchant, amount=sum_)
    order, expires_at = invoice.terms.order, invoice.expires_at
    return _Worded(
        event="link",
        sender=merchant,
        subject=title,
        short=title,
        link=f": {url}",
        values={
            "title": title,
            "url": url,
            "amount": "" if verifies else sum_,
            "action": _WORDING.say("Verify card" if verifies else "Pay now", language),
            "invoice": mask_card_numbers(order.invoice or ""),
            "description": mask_card_numbers(order.description or ""),
            "expires_at": moment(caller.local(expires_at), language) if expires_at else "",
        },
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
        values={"said": said, **values},
    )


def _letter(notice: Notice, worded: _Worded) -> Letter:
    language = notice.language

    def say(phrase: str, **values: str) -> str:
        return _WORDING.say(phrase, language, **values)

    values: dict[str, Any] = {**worded.values, "say": say, "language": language}
    return Letter(
        to=notice.target.address,
        sender=one_line(worded.sender) or "-",
        subject=one_line(worded.subject),
        text=_TEMPLATES.get_template(f"{worded.event}.txt").render(values),
        html=_TEMPLATES.get_template(f"{worded.event}.html").render(values | worded.html),
        language=language.value,
        reference=hashlib.sha256(f"{notice.merchant_id}:{notice.notice_id}".encode()).hexdigest()[:32],
    )
