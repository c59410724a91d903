"""What is sent to people: letters by mail and texts to phones, and the grammar of where they go.

A letter that could smuggle a line into a mail's head, or a second recipient, is never made: addresses are of
our own narrow grammar (ASCII, no quoting, no comments), and what stands in the head is one printable line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

ADDRESS_LENGTH_MAX: Final = 254
LINE_LENGTH_MAX: Final = 200

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(
    rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z]{_LABEL}", re.ASCII
)
_PHONE: Final = re.compile(r"\+?[0-9]{4,15}", re.ASCII)
_PHONE_SPACERS: Final = re.compile(r"[().\- ]", re.ASCII)


def is_mail_address(text: str) -> bool:
    """Whether ``text`` is one address: ``name@example.com``, ASCII, nothing around it."""
    return len(text) <= ADDRESS_LENGTH_MAX and _ADDRESS.fullmatch(text) is not None


def phone_number(text: str) -> str | None:
    """The digits (with the plus sign before them, if any) of one phone number; nothing for other texts."""
    bare = _PHONE_SPACERS.sub("", text)
    return bare if _PHONE.fullmatch(bare) else None


def one_line(text: str) -> str:
    """``text`` as it may stand in a mail's head: words with one space between them, printable, and cut.

    Nothing begins as a coded word would: a mail program would decode it, to line ends too.
    """
    printable = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(printable.split()).replace("=?", "= ?")[:LINE_LENGTH_MAX].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail. Printed, it shows nothing of what it says or to whom.

    ``sender`` is the name that it comes from; the address is the gateway's. ``reference`` is the same
    each time this letter is sent, so that mail programs show it once. Raises ``ValueError`` where an
    address or a line of the head is none.
    """

    to: str = field(repr=False)
    sender: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    reference: str

    def __post_init__(self) -> None:
        if not is_mail_address(self.to):
            raise ValueError("no mail address")
        if any(one_line(line) != line or not line for line in (self.sender, self.subject, self.reference)):
            raise ValueError("no line of a mail's head")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text message. Raises ``ValueError`` where the number is none."""

    to: str = field(repr=False)
    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if phone_number(self.to) != self.to:
            raise ValueError("no phone number")
