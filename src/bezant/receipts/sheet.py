"""A receipt in words: every label translated, every value written out, in the order in which it is read.

Pages, mails and PDFs lay the same sheet out, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bezant.core.languages import Language
from bezant.core.payments import Kind
from bezant.core.receipts import Change, Copy, Receipt, Standing
from bezant.core.vault import Brand
from bezant.wording import Wording, amount, moment

LOCALES: Final = Path(__file__).with_name("locales")

_STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.PAID: "Paid",
    Standing.AUTHORIZED: "Authorized",
    Standing.PARTLY_REFUNDED: "Partly refunded",
    Standing.REFUNDED: "Refunded",
    Standing.GIVEN_BACK: "Refunded",
    Standing.CAPTURED: "Captured",
    Standing.VOIDED: "Voided",
    Standing.EXPIRED: "Authorization expired",
}
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.SALE: "Sale",
    Kind.AUTHORIZATION: "Authorization",
    Kind.CAPTURE: "Sale",
    Kind.REFUND: "Refund",
}
_CHANGES: Final[Mapping[Kind, str]] = {
    Kind.REFUND: "Refund of {at}",
    Kind.VOID: "Voided on {at}",
    Kind.CAPTURE: "Captured on {at}",
}
_BRANDS: Final[Mapping[Brand, str]] = {
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
_wording = Wording(LOCALES)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what it is called, what it says."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A receipt's words.

    ``amounts`` are the parts that make ``total``, none where it is all base amount. ``changes`` is what was
    done later, ``remaining`` what is left after that (none where nothing was). ``notice`` warns that no
    money moved.
    """

    language: Language
    title: str
    merchant: str
    store: str | None
    kind: str
    standing: str
    total: Row
    amounts: tuple[Row, ...]
    changes: tuple[Row, ...]
    remaining: Row | None
    facts: tuple[Row, ...]
    notice: str | None


def worded(receipt: Receipt, language: Language) -> Sheet:
    """The receipt in that language."""

    def say(phrase: str, **values: str) -> str:
        return _wording.say(phrase, language, **values)

    parts = receipt.amounts
    extras = [
        Row(say(label), amount(part, language))
        for label, part in (("Tax", parts.tax), ("Fee", parts.fee), ("Tip", parts.tip))
        if part
    ]
    copy = "Merchant's copy" if receipt.copy is Copy.MERCHANT else "Receipt"
    return Sheet(
        language=language,
        title=say(copy),
        merchant=receipt.merchant,
        store=None if receipt.store == receipt.merchant else receipt.store,
        kind=say(_KINDS[receipt.kind]),
        standing=say(_STANDINGS[receipt.standing]),
        total=Row(say("Total"), amount(receipt.total, language)),
        amounts=(Row(say("Amount"), amount(parts.base, language)), *extras) if extras else (),
        changes=tuple(_change(change, language) for change in receipt.changes),
        remaining=Row(say("Remaining"), amount(receipt.remaining, language)) if receipt.changes else None,
        facts=tuple(Row(say(label), value) for label, value in _facts(receipt, language) if value),
        notice=say("Test payment: no money was moved.") if receipt.sandbox else None,
    )


def _change(change: Change, language: Language) -> Row:
    value = amount(change.amount if change.kind is Kind.CAPTURE else -change.amount, language)
    return Row(_wording.say(_CHANGES[change.kind], language, at=moment(change.at, language)), value)


def _facts(receipt: Receipt, language: Language) -> Iterator[tuple[str, str | None]]:
    yield "Date", moment(receipt.at, language)
    if receipt.card is not None:
        yield "Card", f"{_BRANDS[receipt.brand or Brand.UNKNOWN]} {receipt.card}".strip()
    yield "Cardholder", receipt.cardholder
    yield "Invoice", receipt.invoice
    yield "Description", receipt.description
    yield "Approval code", receipt.approval_code
    yield "Transaction", str(receipt.payment_id)
    if receipt.kind is Kind.REFUND and receipt.original_id is not None:
        yield "Refund of transaction", str(receipt.original_id)
    yield "Reference", receipt.retrieval_reference
    numbers = (
        ("Terminal", receipt.terminal_number),
        ("Batch", receipt.batch_number),
        ("Number in batch", receipt.transaction_number),
        ("Audit number", receipt.audit_number),
    )
    for label, number in numbers:
        yield label, None if number is None else str(number)
