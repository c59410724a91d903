"""Words in the languages of ``core.languages``: catalogues, amounts and times as written there, brands.

A catalogue is a text file (``locales/es.po``) that is read when its language is first needed. English is the
language that the catalogues translate from and has none; what a catalogue lacks stays English.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_currency

from bezant.core.languages import Language
from bezant.core.money import Money
from bezant.core.vault import Brand

_LOCALES: Final = {
    Language.ENGLISH: Locale("en", "US"),
    Language.SPANISH: Locale("es", "US"),
    Language.ARABIC: Locale("ar", "EG"),
}

BRAND_NAMES: Final[Mapping[Brand, str]] = {
    Brand.VISA: "Visa",
    Brand.MASTERCARD: "Mastercard",
    Brand.AMEX: "American Express",
    Brand.DISCOVER: "Discover",
    Brand.JCB: "JCB",
    Brand.DINERS: "Diners Club",
    Brand.MAESTRO: "Maestro",
    Brand.UNIONPAY: "UnionPay",
    Brand.UNKNOWN: "",
}
"""Names of their owners, the same in every language."""

_RTL_MARK: Final = "\N{RIGHT-TO-LEFT MARK}"
_ISOLATE: Final = "\N{LEFT-TO-RIGHT ISOLATE}"
_END: Final = "\N{POP DIRECTIONAL ISOLATE}"


class Wording:
    """The phrases of one folder of catalogues."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def say(self, phrase: str, language: Language, **values: str) -> str:
        """``phrase``, an English text, in that language, its ``{names}`` filled with ``values``."""
        text = _catalogue(self._folder, language).get(phrase, phrase)
        return text.format(**values) if values else text


def amount(money: Money, language: Language) -> str:
    """``$20.00`` as that language writes it, exact. Among Arabic it stands by itself, from left to right."""
    exponent = money.currency.exponent
    number = Decimal(money.minor).scaleb(-exponent)
    text = format_currency(number, money.currency.code, locale=_LOCALES[language])
    return text if language.direction == "ltr" else f"{_ISOLATE}{text.replace(_RTL_MARK, '')}{_END}"


def moment(at: datetime, language: Language) -> str:
    """Day and time on the wall clock that ``at`` is of."""
    return format_datetime(at, "medium", tzinfo=at.tzinfo, locale=_LOCALES[language])


@cache
def _catalogue(folder: Path, language: Language) -> dict[str, str]:
    if language is Language.ENGLISH:
        return {}
    with (folder / f"{language.value}.po").open("rb") as file:
        found = read_po(file, locale=language.value)
    return {str(each.id): str(each.string) for each in found if each.id and each.string}
