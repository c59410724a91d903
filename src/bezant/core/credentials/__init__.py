"""Credentials: API keys, the tokens they are exchanged for, and the numbers and tokens of terminals."""

from bezant.core.credentials.model import (
    GRACE,
    LIFE_MAX,
    LIFE_MIN,
    SCOPES,
    ApiKey,
    Bearer,
    Claims,
    EcomToken,
    IssuedToken,
    KeyPair,
    Refusal,
    Scope,
    SigningKey,
    TerminalProfile,
)
from bezant.core.credentials.ports import BearerCheck, EcomCheck, ProfileNumbers

__all__ = [
    "GRACE",
    "LIFE_MAX",
    "LIFE_MIN",
    "SCOPES",
    "ApiKey",
    "Bearer",
    "BearerCheck",
    "Claims",
    "EcomCheck",
    "EcomToken",
    "IssuedToken",
    "KeyPair",
    "ProfileNumbers",
    "Refusal",
    "Scope",
    "SigningKey",
    "TerminalProfile",
]
