"""This vendor's words for why no token is given: one table.

``Mark`` says how sure a row is: ``docs`` (the vendor's reference has number and text), ``client`` (a public
client knows the number; the text is ours), ``ours`` (no source found; safe to correct here). Statuses are our
choice: the documentation shows 200 for errors, too; clients read the body anyway (source: public clients).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.core.credentials import Denied, Refusal


class Mark(StrEnum):
    """How sure a fact is."""

    DOCS = "docs"
    CLIENT = "client"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class AuthError:
    """Why no token is given."""

    code: str
    message: str
    status: int
    mark: Mark = Mark.CLIENT
    when: str = ""


KEY_MISSING: Final = AuthError("AUTH_ERR_001", "API Key is required.", 400, Mark.DOCS)
SECRET_MISSING: Final = AuthError("AUTH_ERR_002", "Secret Key is required.", 400)
WRONG_KEY: Final = AuthError(
    "AUTH_ERR_004", "Invalid API Key or Secret Key.", 401, when="which of them is not told"
)
LOCKED: Final = AuthError(
    "AUTH_ERR_004",
    "Too many failed attempts. Please try again later.",
    429,
    Mark.OURS,
    when="ten wrong tries with one key from one address within ten minutes, for an hour",
)
BAD_SCOPE: Final = AuthError(
    "AUTH_ERR_005", "Invalid Scope.", 400, when="a scope is asked for that the key does not have"
)
TOKEN_MISSING: Final = AuthError("AUTH_ERR_006", "Token is required.", 401)
TOKEN_INVALID: Final = AuthError(
    "AUTH_ERR_006", "Invalid Token.", 401, when="also one whose secret key was reset since"
)
TOKEN_EXPIRED: Final = AuthError("AUTH_ERR_007", "Token is Expired.", 401, when="its grace is over, too")
TOKEN_FORGED: Final = AuthError("AUTH_ERR_008", "Invalid Token Signature.", 401)
UNKNOWN_TERMINAL: Final = AuthError(
    "DEJ_ERR_001", "Invalid Merchant Id", 400, Mark.OURS, when="unknown, or another merchant's"
)
BUSY: Final = AuthError("DEJ_ERR_003", "System Busy, Try Again Later", 503, Mark.OURS)
CRASHED: Final = AuthError("DEJ_ERR_003", "Request Failed", 500, Mark.OURS, when="a bug")

ERRORS: Final = tuple(value for value in list(globals().values()) if isinstance(value, AuthError))
"""Every row, for the documentation."""

DENIALS: Final[Mapping[Denied, AuthError]] = {Denied.WRONG: WRONG_KEY, Denied.LOCKED: LOCKED}
REFUSALS: Final[Mapping[Refusal, AuthError]] = {
    Refusal.INVALID: TOKEN_INVALID,
    Refusal.EXPIRED: TOKEN_EXPIRED,
    Refusal.BAD_SIGNATURE: TOKEN_FORGED,
}
