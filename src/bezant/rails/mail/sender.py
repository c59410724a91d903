"""Hands letters to an SMTP relay, each over a connection of its own. What they say stands in no log.

Unless the relay is on this machine, it is spoken to over TLS with a certificate that is checked; a relay that
offers none is told nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import aiosmtplib
import structlog

from bezant.core.deliveries import Answered, Fate, Letter, Unreachable
from bezant.core.sensitive import Secret
from bezant.rails.mail.message import message_of

SECONDS_MAX: Final = 20.0
_TAKEN: Final = 250
_REPLIES: Final = range(200, 600)
_NEVER: Final = range(500, 600)

log = structlog.get_logger()


class Security(StrEnum):
    """How a relay is spoken to."""

    TLS = "tls"
    """TLS from the first byte on, usually at port 465."""
    STARTTLS = "starttls"
    """In clear until both have agreed on TLS, which must happen; usually at port 587."""
    NONE = "none"
    """In clear: for a relay on this machine."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SmtpSender:
    """Fulfils ``core.deliveries.Sender`` for letters. ``sender`` is the address that they come from.

    ``ca_file`` names the certificates that are trusted instead of the system's.
    """

    def __init__(
        self,
        address: tuple[str, int],
        *,
        sender: str,
        security: Security = Security.STARTTLS,
        user: str | None = None,
        password: Secret | None = None,
        ca_file: Path | None = None,
        timeout_seconds: float = SECONDS_MAX,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._host, self._port = address
        self._sender = sender
        self._security = security
        self._user = user
        self._password = password
        self._context = (
            None if security is Security.NONE else ssl.create_default_context(cafile=ca_file and str(ca_file))
        )
        self._timeout = timeout_seconds
        self._now = now

    async def post(self, letter: Letter) -> Fate:
        """Hand a letter over once. The relay's own words are not kept.

        What it will never do is final; that it does not know us is not, for that can be mended.
        """
        message = message_of(letter, sender=self._sender, at=self._now())
        try:
            async with asyncio.timeout(self._timeout):
                await aiosmtplib.send(
                    message,
                    sender=self._sender,
                    recipients=[letter.to],
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password.reveal() if self._password else None,
                    # Each step has all the time that there is for the whole.
                    timeout=self._timeout,
                    use_tls=self._security is Security.TLS,
                    start_tls=self._security is Security.STARTTLS,
                    tls_context=self._context,
                )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            status = refusal.recipients[0].code
            return self._refused(status, final=status in _NEVER)
        except aiosmtplib.SMTPDataError as refusal:
            return self._refused(refusal.code, final=refusal.code in _NEVER)
        except aiosmtplib.SMTPResponseException as refusal:
            return self._refused(refusal.code, final=False)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return self._unreachable("time-out")
        except (aiosmtplib.SMTPException, OSError, ValueError):
            # A relay without STARTTLS, or without any log-in that we know, is one that cannot be used.
            return self._unreachable("not reached")
        return Answered(status=_TAKEN)

    def _refused(self, status: int, *, final: bool) -> Fate:
        if status not in _REPLIES:
            return self._unreachable("not reached")  # what it said was no answer
        log.warning("mail_not_taken", status=status)
        return Answered(status=status, final=final)

    def _unreachable(self, cause: str) -> Fate:
        log.warning("mail_not_taken", trouble=cause)
        return Unreachable(cause=cause)
