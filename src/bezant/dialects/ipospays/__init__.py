"""iPOSpays: tokens for API keys, and what is done with them: transactions, closed batches, onboarding."""

from typing import Final

from bezant.dialects.ipospays.auth import AuthDialect, AuthServices
from bezant.dialects.ipospays.services import EnvelopeStyle, Services, Style
from bezant.dialects.ipospays.transact import TransactDialect

__all__ = [
    "NAME",
    "AuthDialect",
    "AuthServices",
    "EnvelopeStyle",
    "Services",
    "Style",
    "TransactDialect",
]

NAME: Final = "ipospays"
