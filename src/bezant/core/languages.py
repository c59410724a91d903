"""The languages in which people are addressed: payers, and a merchant's own people."""

from __future__ import annotations

from enum import StrEnum


class Language(StrEnum):
    """A language by its ISO 639 code."""

    ENGLISH = "en"
    SPANISH = "es"
    ARABIC = "ar"

    @property
    def direction(self) -> str:
        """How it is written: ``ltr`` or ``rtl``."""
        return "rtl" if self is Language.ARABIC else "ltr"
