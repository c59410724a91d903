"""Credentials: API keys, the tokens they are exchanged for, and the numbers and tokens of terminals."""

from bezant.core.credentials.directory import CredentialDirectory
from bezant.core.credentials.keys import Credentials, Denied, KeyDenied, KeyGate
from bezant.core.credentials.model import (
    GRACE,
    LIFE_MAX,
    LIFE_MIN,
    PROFILE_NUMBER,
    SCOPES,
    TOKEN_LENGTH_MAX,
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
from bezant.core.credentials.terminals import EcomTokens, Profiles
from bezant.core.credentials.tokens import Tokens

__all__ = [
    "GRACE",
    "LIFE_MAX",
    "LIFE_MIN",
    "PROFILE_NUMBER",
    "SCOPES",
    "TOKEN_LENGTH_MAX",
    "ApiKey",
    "Bearer",
    "BearerCheck",
    "Claims",
    "CredentialDirectory",
    "Credentials",
    "Denied",
    "EcomCheck",
    "EcomToken",
    "EcomTokens",
    "IssuedToken",
    "KeyDenied",
    "KeyGate",
    "KeyPair",
    "ProfileNumbers",
    "Profiles",
    "Refusal",
    "Scope",
    "SigningKey",
    "TerminalProfile",
    "Tokens",
]
