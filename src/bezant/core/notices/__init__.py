"""Notices to people: receipts, payment links and one-time passwords, by mail or text message."""

from bezant.core.notices.factors import FactorNotices, targets_of
from bezant.core.notices.model import (
    Channel,
    Facts,
    Limit,
    LinkFacts,
    Notice,
    PasswordFacts,
    ReceiptFacts,
    Target,
)
from bezant.core.notices.ports import NoticeStore, NoticeTx, NoticeUnits
from bezant.core.notices.service import Notices

__all__ = [
    "Channel",
    "FactorNotices",
    "Facts",
    "Limit",
    "LinkFacts",
    "Notice",
    "NoticeStore",
    "NoticeTx",
    "NoticeUnits",
    "Notices",
    "PasswordFacts",
    "ReceiptFacts",
    "Target",
    "targets_of",
]
