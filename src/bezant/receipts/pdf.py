"""A receipt as a PDF, on a sheet of A5, the same bytes each time.

The fonts that every PDF reader has write Latin letters alone. So an Arabic receipt is worded in English here,
and a name in another script is shown by question marks; its page shows both as they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from bezant.core.languages import Language
from bezant.receipts.sheet import Row, worded
from bezant.receipts.slip import Slip

_FONT_ENCODING: Final = "cp1252"
_NARROW_SPACE: Final = "\u202f"
"""Stands before AM and PM."""
_INK, _GREY, _LINE, _WARNING = (HexColor(code) for code in ("#1f2933", "#52606d", "#cbd2d9", "#8d2b0b"))
_MARGIN: Final = 16 * mm
_WIDTH: Final = A5[0] - 2 * _MARGIN

_PLAIN: Final = ParagraphStyle("plain", fontName="Helvetica", fontSize=9.5, leading=13, textColor=_INK)
_BOLD: Final = ParagraphStyle("bold", _PLAIN, fontName="Helvetica-Bold")
_QUIET: Final = ParagraphStyle("quiet", _PLAIN, textColor=_GREY)
_HEAD: Final = ParagraphStyle("head", _BOLD, fontSize=14, leading=18)
_SUM: Final = ParagraphStyle("sum", _BOLD, fontSize=24, leading=30)
_WARN: Final = ParagraphStyle("warn", _PLAIN, textColor=_WARNING)
_RULED: Final = TableStyle(
    [
        ("LINEABOVE", (0, 0), (-1, 0), 0.5, _LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def pdf(slip: Slip, language: Language) -> bytes:
    """A PDF file."""
    worded_in = Language.ENGLISH if language is Language.ARABIC else language
    sheet = worded(slip, worded_in)
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A5,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"{sheet.title} {slip.payment_id}",
        author=slip.merchant,
        lang=worded_in.value,
        invariant=1,
        pageCompression=0,
    )

    def content() -> Iterator[Flowable]:
        yield _words(sheet.merchant, _HEAD)
        if sheet.store:
            yield _words(sheet.store, _QUIET)
        yield Spacer(0, 5 * mm)
        yield _words(f"{sheet.title} - {sheet.kind}", _QUIET)
        yield _words(sheet.total.value, _SUM)
        yield _words(sheet.standing, _BOLD)
        yield Spacer(0, 5 * mm)
        yield _table([(row, _PLAIN) for row in sheet.amounts] + [(sheet.total, _BOLD)])
        if sheet.remaining:
            yield Spacer(0, 3 * mm)
            yield _table([(row, _PLAIN) for row in sheet.changes] + [(sheet.remaining, _BOLD)])
        yield Spacer(0, 3 * mm)
        yield _table([(row, _PLAIN) for row in sheet.facts])
        if sheet.notice:
            yield Spacer(0, 5 * mm)
            yield _words(sheet.notice, _WARN)

    document.build(list(content()))
    return file.getvalue()


def written(text: str) -> str:
    """``text`` in the letters that the fonts have, with a question mark for each that they have not."""
    return text.replace(_NARROW_SPACE, " ").encode(_FONT_ENCODING, "replace").decode(_FONT_ENCODING)


def _words(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(written(text)), style)


def _table(rows: Sequence[tuple[Row, ParagraphStyle]]) -> Table:
    lines = [
        [_words(row.label, style), _words(row.value, ParagraphStyle("value", style, alignment=TA_RIGHT))]
        for row, style in rows
    ]
    return Table(lines, colWidths=[_WIDTH * 0.42, _WIDTH * 0.58], style=_RULED, splitInRow=1)
