"""Receipts as PDF: one page, without scripts, links or anything fetched.

The fonts are those that every reader has, and they know Western letters alone: who reads another script gets
the document in English, and other letters in names are shown as question marks.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Final

from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]  # it ships no types
from reportlab.lib.pagesizes import A5  # type: ignore[import-untyped]  # as above
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # as above

from bezant.core.money import Money
from bezant.web.languages import DEFAULT, Language, languages
from bezant.web.views import ReceiptPage

_INK: Final = HexColor("#17212b")
_QUIET: Final = HexColor("#55626f")
_LINE: Final = HexColor("#dfe4ea")
_PLAIN: Final = "Helvetica"
_BOLD: Final = "Helvetica-Bold"
_MARGIN: Final = 40.0
_ROW: Final = 19.0
_TEXT_SIZE: Final = 10.0
_VALUE_SHARE: Final = 0.68
"""How much of a row its value may take."""


def receipt_document(view: Callable[[Language], ReceiptPage], language: Language) -> bytes:
    """The receipt as a PDF file; the same receipt gives the same bytes."""
    spoken = language if language.direction == "ltr" else languages()[DEFAULT]
    page = view(spoken)
    file = BytesIO()
    sheet = _Sheet(file, spoken, title=f"{page.payee.name} {page.payment_id}")
    sheet.heading(page.payee.name, page.status_text)
    sheet.note(spoken.text("Receipt") + f" {page.payment_id}")
    if page.test:
        sheet.note(spoken.text("Test mode: no money moves."))
    sheet.amount(page.moment, page.total)
    for row in page.rows:
        sheet.row(row.name, spoken.money(row.amount), bold=row.kind == "total")
    sheet.gap()
    for name, value in page.facts:
        sheet.row(name, value)
    if page.later:
        sheet.gap()
        sheet.note(spoken.text("What happened later"))
        for entry in page.later:
            sheet.row(f"{entry.name}, {entry.moment}", spoken.money(entry.amount))
    sheet.save()
    return file.getvalue()


class _Sheet:
    """A sheet that is written from top to bottom; another begins where it ends."""

    def __init__(self, file: BytesIO, language: Language, *, title: str) -> None:
        self._width, self._height = A5
        self._canvas = Canvas(file, pagesize=A5, invariant=1, pageCompression=0, lang=language.tag)
        self._canvas.setTitle(_western(title))
        self._canvas.setCreator("Bezant")
        self._language = language
        self._y = self._height - _MARGIN

    def heading(self, text: str, right: str) -> None:
        """The merchant, and how the payment stands."""
        self._y -= 14
        self._left(text, _BOLD, 15, share=_VALUE_SHARE)
        self._right(right, _BOLD, _TEXT_SIZE)

    def note(self, text: str) -> None:
        """A small line."""
        self._y -= 15
        self._left(text, _PLAIN, 9, quiet=True)

    def amount(self, label: str, amount: Money) -> None:
        """The total, large."""
        self.note(label)
        self._y -= 30
        self._left(self._language.money(amount), _BOLD, 26)
        self._y -= 12

    def row(self, name: str, value: str, *, bold: bool = False) -> None:
        """A name and its value, above a thin line."""
        if self._y < _MARGIN + _ROW:
            self._canvas.showPage()
            self._y = self._height - _MARGIN
        self._y -= _ROW
        font = _BOLD if bold else _PLAIN
        self._left(
            name, font, _TEXT_SIZE, quiet=not bold, share=1 - _VALUE_SHARE if len(value) > len(name) else 0.7
        )
        self._right(value, font, _TEXT_SIZE)
        self._canvas.setStrokeColor(_LINE)
        self._canvas.line(_MARGIN, self._y - 6, self._width - _MARGIN, self._y - 6)

    def gap(self) -> None:
        """Some room."""
        self._y -= 14

    def save(self) -> None:
        """No more."""
        self._canvas.save()

    def _left(self, text: str, font: str, size: float, *, quiet: bool = False, share: float = 1.0) -> None:
        self._canvas.setFillColor(_QUIET if quiet else _INK)
        self._canvas.setFont(font, size)
        self._canvas.drawString(_MARGIN, self._y, self._fitting(text, font, size, share))

    def _right(self, text: str, font: str, size: float) -> None:
        self._canvas.setFillColor(_INK)
        self._canvas.setFont(font, size)
        self._canvas.drawRightString(
            self._width - _MARGIN, self._y, self._fitting(text, font, size, _VALUE_SHARE)
        )

    def _fitting(self, text: str, font: str, size: float, share: float) -> str:
        """As much of it as there is room for."""
        room = (self._width - 2 * _MARGIN) * share
        shown = _western(text)
        while self._canvas.stringWidth(shown, font, size) > room:
            shown = shown.removesuffix("...")[:-1] + "..."
        return shown


def _western(text: str) -> str:
    """With a question mark for every letter that the fonts do not have."""
    return text.replace("\N{NO-BREAK SPACE}", " ").encode("cp1252", "replace").decode("cp1252")
