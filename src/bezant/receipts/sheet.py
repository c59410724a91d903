"""A receipt in words: every label translated, every value written out, in the order in which it is read.

Pages, mails and PDFs lay the same sheet out, so that they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bezant.core.invoices import Copy
from bezant.core.languages import Language
from bezant.core.payments import Kind
from bezant.core.vault import Brand
from bezant.receipts.slip import Change, Slip, Standing
from bezant.wording import BRAND_NAMES, Wording, amount, moment

LOCALES: Final = Path(__file__).with_name("locales")

_STANDINGS: Final[Mapping[Standing, str]] = {
    Standing.PAID: "Paid",
    Standing.AUTHORIZED: "Authorized",
    Standing.PARTLY_REFUNDED: "Partly refunded",
    Standing.REFUNDED: "Refunded",
    Standing.GIVEN_BACK: "Refunded",
    Standing.CAPTURED: "Captured",
    Standing.VOIDED: "Voided",
    Standing.DONE: "Done",
    Standing.EXPIRED: "Authorization expired",
    Standing.PENDING: "Pending",
    Standing.DECLINED: "Declined",
}
_KINDS: Final[Mapping[Kind, str]] = {
    Kind.SALE: "Sale",
    Kind.AUTHORIZATION: "Authorization",
    Kind.CAPTURE: "Sale",
    Kind.REFUND: "Refund",
    Kind.VOID: "Void",
    Kind.INCREMENT: "Increase",
    Kind.TIP: "Change of tip",
    Kind.VERIFICATION: "Card verification",
}
_CHANGES: Final[Mapping[Kind, str]] = {
    Kind.REFUND: "Refund of {at}",
    Kind.VOID: "Voided on {at}",
    Kind.CAPTURE: "Captured on {at}",
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


def worded(slip: Slip, language: Language) -> Sheet:
    """The receipt in that language."""

    def say(phrase: str, **values: str) -> str:
        return _wording.say(phrase, language, **values)

    parts = slip.amounts
    extras = [
        Row(say(label), amount(part, language))
        for label, part in (("Tax", parts.tax), ("Fee", parts.fee), ("Tip", parts.tip))
        if part
    ]
    copy = "Merchant's copy" if slip.copy is Copy.MERCHANT else "Receipt"
    return Sheet(
        language=language,
        title=say(copy),
        merchant=slip.merchant,
        store=None if slip.store == slip.merchant else slip.store,
        kind=say(_KINDS[slip.kind]),
        standing=say(_STANDINGS[slip.standing]),
        total=Row(say("Total"), amount(slip.total, language)),
        amounts=(Row(say("Amount"), amount(parts.base, language)), *extras) if extras else (),
        changes=tuple(_change(change, language) for change in slip.changes),
        remaining=Row(say("Remaining"), amount(slip.remaining, language)) if slip.changes else None,
        facts=tuple(Row(say(label), value) for label, value in _facts(slip, language) if value),
        notice=say("Test payment: no money was moved.") if slip.sandbox else None,
    )


def _change(change: Change, language: Language) -> Row:
    value = amount(change.amount if change.kind is Kind.CAPTURE else -change.amount, language)
    return Row(_wording.say(_CHANGES[change.kind], language, at=moment(change.at, language)), value)


def _facts(slip: Slip, language: Language) -> Iterator[tuple[str, str | None]]:
    yield "Date", moment(slip.at, language)
    if slip.card is not None:
        yield "Card", f"{BRAND_NAMES[slip.brand or Brand.UNKNOWN]} {slip.card}".strip()
    yield "Cardholder", slip.cardholder
    yield "Invoice", slip.invoice
    yield "Description", slip.description
    yield "Approval code", slip.approval_code
    yield "Transaction", str(slip.payment_id)
    if slip.kind is Kind.REFUND and slip.original_id is not None:
        yield "Refund of transaction", str(slip.original_id)
    yield "Reference", slip.retrieval_reference
    numbers = (
        ("Batch", slip.batch_number),
        ("Number in batch", slip.transaction_number),
        ("Audit number", slip.audit_number),
    )
    for label, number in numbers:
        yield label, None if number is None else str(number)
