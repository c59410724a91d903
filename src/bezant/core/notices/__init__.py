"""Notices: what payers and merchants' people are told by mail and text message, and how often at most."""

from bezant.core.notices.factors import FactorNotices, reaches
from bezant.core.notices.model import (
    HOUR,
    TOPICS,
    Channel,
    Copy,
    Facts,
    Limit,
    Limits,
    LinkFacts,
    Notice,
    PasswordFacts,
    ReceiptFacts,
    Target,
    addressed,
)
from bezant.core.notices.ports import NoticeStore, NoticeTx, NoticeUnits
from bezant.core.notices.service import Notices, Stamp

__all__ = [
    "HOUR",
    "TOPICS",
    "Channel",
    "Copy",
    "FactorNotices",
    "Facts",
    "Limit",
    "Limits",
    "LinkFacts",
    "Notice",
    "NoticeStore",
    "NoticeTx",
    "NoticeUnits",
    "Notices",
    "PasswordFacts",
    "ReceiptFacts",
    "Stamp",
    "Target",
    "addressed",
    "reaches",
]
