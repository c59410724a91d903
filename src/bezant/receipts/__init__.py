"""Receipts on screen, on paper and in mails: one wording of ``core.receipts``, and its forms."""

from bezant.receipts.html import html
from bezant.receipts.pdf import pdf
from bezant.receipts.sheet import Row, Sheet, worded
from bezant.receipts.text import text

__all__ = ["Row", "Sheet", "html", "pdf", "text", "worded"]
