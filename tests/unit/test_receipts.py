"""Receipts in words and on paper, in every language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from bezant import receipts
from bezant.core.invoices import Copy
from bezant.core.languages import Language
from bezant.core.money import EGP, Money
from bezant.core.payments import Amounts, Kind
from bezant.core.vault import Brand
from bezant.receipts import Change, Slip, Standing
from bezant.receipts.pdf import written

AT = datetime(2026, 3, 24, 1, 36, 44, tzinfo=ZoneInfo("America/New_York"))
RECEIPT = Slip(
    copy=Copy.CUSTOMER,
    sandbox=True,
    merchant="Demo Merchant",
    store="Demo Store",
    payment_id=10169526,
    kind=Kind.SALE,
    standing=Standing.PARTLY_REFUNDED,
    at=AT,
    amounts=Amounts(base=Money(20_00), tax=Money(1), fee=Money(1_00), tip=Money(3_00)),
    refunded=Money(5_00),
    brand=Brand.VISA,
    card="XXXX1111",
    approval_code="TAS992",
    retrieval_reference="608305501153",
    original_id=None,
    invoice="inv0001",
    description="king size bed 10x12",
    changes=(
        Change(kind=Kind.REFUND, payment_id=10169527, amount=Money(5_00), at=AT, approval_code="TAS993"),
    ),
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "</div></table>",
    "&lt;b&gt;",
    "{label}",
)


class TestAReceiptInWords:
    @pytest.mark.parametrize("language", Language)
    def test_says_the_same_in_each_form(self, language: Language) -> None:
        sheet = receipts.worded(RECEIPT, language)
        said = (*sheet.amounts, sheet.total, *sheet.changes, *sheet.facts)
        assert len(said) == 13
        for form in (receipts.text(RECEIPT, language), receipts.html(RECEIPT, language)):
            assert all(row.label in form and row.value in form for row in said)

    def test_writes_amounts_and_times_as_its_language_does(self) -> None:
        assert "Total: $24.01" in receipts.text(RECEIPT, Language.ENGLISH)
        assert "Mar 24, 2026, 1:36:44" in receipts.text(RECEIPT, Language.ENGLISH)
        assert "Importe: $20.00" in receipts.text(RECEIPT, Language.SPANISH)
        assert "24 mar 2026" in receipts.text(RECEIPT, Language.SPANISH)

    def test_is_exact_to_the_last_piastre(self) -> None:
        amounts = Amounts.of(Money(999_999_999_99, EGP))
        shown = replace(RECEIPT, amounts=amounts, refunded=Money(0, EGP), changes=())
        assert "Total: EGP999,999,999.99" in receipts.text(shown, Language.ENGLISH)

    def test_leaves_no_word_in_another_language(self) -> None:
        """Whatever a receipt can say in English, it says otherwise in Spanish and Arabic."""
        same = {"Total"}  # in Spanish
        for receipt in _all_kinds():
            english, *others = (receipts.worded(receipt, language) for language in Language)
            for other in others:
                for mine, theirs in zip(_labels(english), _labels(other), strict=True):
                    assert mine != theirs or (mine in same and other.language is Language.SPANISH)

    def test_of_the_sandbox_warns_that_no_money_moved(self) -> None:
        assert "no money was moved" in receipts.text(RECEIPT, Language.ENGLISH)
        assert "no money was moved" not in receipts.text(replace(RECEIPT, sandbox=False), Language.ENGLISH)


class TestAReceiptOnPaper:
    @pytest.mark.parametrize("language", Language)
    def test_is_the_same_pdf_each_time(self, language: Language) -> None:
        first = receipts.pdf(RECEIPT, language)
        assert first.startswith(b"%PDF-")
        assert first.rstrip().endswith(b"%%EOF")
        assert receipts.pdf(RECEIPT, language) == first

    def test_has_no_question_marks_where_its_fonts_have_the_letters(self) -> None:
        for language in (Language.ENGLISH, Language.SPANISH):
            sheet = receipts.worded(RECEIPT, language)
            said = (sheet.title, sheet.kind, sheet.standing, sheet.notice or "")
            rows = (*sheet.amounts, sheet.total, *sheet.changes, *sheet.facts)
            for text in (*said, *(part for row in rows for part in (row.label, row.value))):
                assert "?" not in written(text)

    def test_goes_on_where_a_sheet_ends(self) -> None:
        long = replace(RECEIPT, changes=RECEIPT.changes * 100, description="long text " * 400)
        assert receipts.pdf(long, Language.ENGLISH).count(b"/Type /Page\n") > 2

    @pytest.mark.parametrize("name", ["متجر", "日本", "Café Ñandú €", *HOSTILE])
    def test_takes_any_name(self, name: str) -> None:
        hostile = replace(RECEIPT, merchant=name, store=name, description=name, invoice=name)
        assert receipts.pdf(hostile, Language.ENGLISH).startswith(b"%PDF-")


class TestAHostileText:
    @pytest.mark.parametrize("text", HOSTILE)
    @pytest.mark.parametrize("field", ["merchant", "store", "description", "invoice", "cardholder"])
    def test_stays_a_text(self, field: str, text: str) -> None:
        harmless = receipts.html(replace(RECEIPT, **{field: "x"}), Language.ENGLISH)  # type: ignore[arg-type]  # a text field each
        shown = receipts.html(replace(RECEIPT, **{field: text}), Language.ENGLISH)  # type: ignore[arg-type]  # a text field each
        assert shown.count("<") == harmless.count("<")
        assert "49" not in shown


def _all_kinds() -> Iterator[Slip]:
    for kind, standing in product(Kind, Standing):
        yield replace(
            RECEIPT,
            kind=kind,
            standing=standing,
            copy=Copy.MERCHANT,
            original_id=1,
            cardholder="JOHN SMITH",
            audit_number=1,
            batch_number=2,
            transaction_number=3,
            changes=tuple(
                replace(RECEIPT.changes[0], kind=change) for change in (Kind.REFUND, Kind.VOID, Kind.CAPTURE)
            ),
        )


def _labels(sheet: receipts.Sheet) -> list[str]:
    assert sheet.remaining is not None
    assert sheet.notice is not None
    rows = (*sheet.amounts, sheet.total, *sheet.changes, sheet.remaining, *sheet.facts)
    return [sheet.title, sheet.kind, sheet.standing, sheet.notice, *(row.label for row in rows)]
