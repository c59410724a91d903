"""What a password must be like. It is taken exactly as it was typed."""

from __future__ import annotations

import string
from typing import Final

from bezant.core.outcomes import BadFacts
from bezant.core.sensitive import Secret

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 128
DIFFERENT_MIN: Final = 6
"""Characters that differ from each other."""


def check_password(password: Secret, *, email: str) -> None:
    """Refuse what is easily guessed. Raises ``BadFacts``, without the password.

    Length, letters and digits are what the card industry's rules ask for (PCI DSS 4.0, 8.3.6).
    """
    text = password.reveal()
    name = email.partition("@")[0]
    if not LENGTH_MIN <= len(text) <= LENGTH_MAX:
        raise BadFacts(f"a password has {LENGTH_MIN} to {LENGTH_MAX} characters")
    if not text.isprintable():
        raise BadFacts("a password has printable characters only")
    if not any(map(str.isalpha, text)) or not set(text) & set(string.digits):
        raise BadFacts("a password has letters and digits")
    if len(set(text)) < DIFFERENT_MIN:
        raise BadFacts(f"a password has {DIFFERENT_MIN} different characters at least")
    if len(name) >= len("abc") and name in text.lower():
        raise BadFacts("a password does not contain the name in the email address")
