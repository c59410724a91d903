"""Receipts in words: on paper, in mails, as text. One wording for every form, so that none says otherwise."""

from bezant.receipts.html import html
from bezant.receipts.pdf import pdf
from bezant.receipts.sheet import Row, Sheet, worded
from bezant.receipts.slip import Change, Slip, Standing, slip_of
from bezant.receipts.text import text

__all__ = ["Change", "Row", "Sheet", "Slip", "Standing", "html", "pdf", "slip_of", "text", "worded"]
