"""What pages hand to browsers and want back unchanged: the state of a form, and what came of it.

Both are bound to one link and one browser, which a cookie names, so that a form that another site sends, or
one that was copied from another link, fits nothing.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bezant.randomness import drawing

_FORM: Final = re.compile(
    r"(?P<attempt>[0-9A-Za-z_-]{22})\.(?P<agreed>[0-9]{1,15})\.(?P<seal>[0-9A-Za-z_-]{43})", re.ASCII
)
_MEMORY: Final = re.compile(
    r"(?P<ended>[a-z]+)\.(?P<payment>[0-9]{1,19})\.(?P<reason>[a-z_]{0,40})\."
    r"(?P<attempt>(?:[0-9A-Za-z_-]{22})?)\.(?P<seal>[0-9A-Za-z_-]{43})",
    re.ASCII,
)
_BROWSER: Final = re.compile(r"[0-9A-Za-z_-]{22}", re.ASCII)
_TOKEN_BYTES: Final = 16


class Ended(StrEnum):
    """How an attempt of this browser ended."""

    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """Its payer did not want to pay."""
    UNKNOWN = "unknown"
    """Nobody knew yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """One attempt: its key, and the total that the payer was shown, without a tip, in minor units."""

    attempt: str
    agreed_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a browser knows of its last attempt: without a payment it is 0, without a reason empty.

    ``attempt`` is that of a form whose answer the browser has not seen.
    """

    ended: Ended
    payment_id: int = 0
    reason: str = ""
    attempt: str = ""


@drawing()
def new_browser() -> str:
    """A random name for a browser: 128 bits."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def known_browser(text: str | None) -> str | None:
    """The name that a cookie gives, if it is one."""
    return text if text is not None and _BROWSER.fullmatch(text) else None


class Seals:
    """Writes and reads them. ``digest`` is a keyed hash, the same in every process."""

    def __init__(self, digest: Callable[[str], bytes]) -> None:
        self._digest = digest

    @drawing()
    def new_form(self, uid: str, browser: str, *, agreed_minor: int) -> str:
        """The state of a new form: a new attempt."""
        text = f"{secrets.token_urlsafe(_TOKEN_BYTES)}.{agreed_minor}"
        return f"{text}.{self._seal('form', uid, browser, text)}"

    def form(self, text: str, uid: str, browser: str) -> FormState | None:
        """The state, if it was made for this link and this browser."""
        match = _FORM.fullmatch(text)
        if match is None or not self._fits(match, "form", uid, browser):
            return None
        return FormState(attempt=match["attempt"], agreed_minor=int(match["agreed"]))

    def memory(self, memory: Memory, uid: str, browser: str) -> str:
        """What a browser shall remember."""
        text = f"{memory.ended}.{memory.payment_id}.{memory.reason}.{memory.attempt}"
        return f"{text}.{self._seal('memory', uid, browser, text)}"

    def remembered(self, text: str | None, uid: str, browser: str | None) -> Memory | None:
        """What it remembers, if that was written for this link and this browser."""
        match = _MEMORY.fullmatch(text or "")
        if match is None or browser is None or not self._fits(match, "memory", uid, browser):
            return None
        return Memory(
            ended=Ended(match["ended"]),
            payment_id=int(match["payment"]),
            reason=match["reason"],
            attempt=match["attempt"],
        )

    def _fits(self, match: re.Match[str], kind: str, uid: str, browser: str) -> bool:
        sealed = match.string[: match.start("seal") - 1]
        return hmac.compare_digest(match["seal"], self._seal(kind, uid, browser, sealed))

    def _seal(self, kind: str, uid: str, browser: str, text: str) -> str:
        digest = self._digest(f"page {kind}\n{uid}\n{browser}\n{text}")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
