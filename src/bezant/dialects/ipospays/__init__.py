"""iPOSpays: tokens for API keys, and what is done with tokens."""

from bezant.dialects.ipospays.auth import AuthDialect, AuthServices

__all__ = ["NAME", "AuthDialect", "AuthServices"]

NAME = "ipospays"
