"""iPOSpays: tokens for API keys, and what is done with them: transactions, closed batches, onboarding."""

from typing import Final

from bezant.dialects.ipospays.addresses import Addresses
from bezant.dialects.ipospays.auth import AuthDialect, AuthServices
from bezant.dialects.ipospays.card_fields import CardFieldsDialect
from bezant.dialects.ipospays.page_callbacks import PageCallbacks
from bezant.dialects.ipospays.page_ways import PageDialect, PageServices
from bezant.dialects.ipospays.services import EnvelopeStyle, Services, Style
from bezant.dialects.ipospays.transact import TransactDialect

__all__ = [
    "NAME",
    "Addresses",
    "AuthDialect",
    "AuthServices",
    "CardFieldsDialect",
    "EnvelopeStyle",
    "PageCallbacks",
    "PageDialect",
    "PageServices",
    "Services",
    "Style",
    "TransactDialect",
]

NAME: Final = "ipospays"
