"""A letter as an Internet message: plain text and HTML, either of which says it all."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from bezant.core.deliveries import Letter


def message_of(letter: Letter, *, sender: str, at: datetime) -> EmailMessage:
    """The message, from ``sender`` (an address of ours) in the name of whoever the letter comes from.

    Its id stays the same each time it is sent. No answer is wanted by programs that answer by themselves.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(letter.sender, addr_spec=sender)
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = letter.subject
    message["Date"] = at
    message["Message-ID"] = f"<{letter.reference}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.language
    return message
