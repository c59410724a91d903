"""The languages of the pages: which one a payer reads, its texts, and how it writes money and times.

Texts stand in English in templates and code; the others' catalogues are read from ``locales`` at the start.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bezant.core.languages import Language as CoreLanguage
from bezant.core.money import Money
from bezant.wording import amount

DEFAULT: Final = "en"
_RANGE: Final = re.compile(
    r"(?P<tag>[A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8}){0,4}[ \t]*(?:;[ \t]*q=(?P<weight>[01](?:\.[0-9]{0,3})?))?"
)
_HEADER_LENGTH_MAX: Final = 500


class _Name(NamedTuple):
    own: str
    territory: str


NAMES: Final[Mapping[str, _Name]] = {
    "en": _Name("English", "en_US"),
    "es": _Name("Español", "es_US"),
    "ar": _Name("العربية", "ar"),
}
"""Every language: its own name, and whose numbers and dates it is written with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """A language of the pages. ``direction`` is its script's, ``ltr`` or ``rtl``; ``name`` is its own."""

    tag: str
    name: str
    direction: str
    texts: NullTranslations
    locale: Locale

    @property
    def core(self) -> CoreLanguage:
        """The same as whatever is sent later names it."""
        return CoreLanguage(self.tag)

    @property
    def script_locale(self) -> str:
        """The locale as browsers name it, with Western digits, as on cards."""
        return f"{str(self.locale).replace('_', '-')}-u-nu-latn"

    def text(self, original: str) -> str:
        """An English text in this language."""
        return self.texts.gettext(original)

    def money(self, money: Money) -> str:
        """An amount as its readers write it: ``$21.00``. Within Arabic it stands by itself, left to right."""
        return amount(money, self.core)

    def moment(self, at: datetime, zone: ZoneInfo) -> str:
        """An instant on the wall clock of ``zone``, to the minute: ``21 Nov 2026, 10:48``."""
        return str(format_datetime(at, "d MMM y, HH:mm", tzinfo=zone, locale=self.locale))


def english(text: str) -> str:
    """Marks a text for the catalogues; it is translated where it is shown."""
    return text


@cache
def languages() -> Mapping[str, Language]:
    """Every language by its tag."""
    return {tag: _load(tag) for tag in NAMES}


def choose(*, wanted: str | None, accepted: str | None) -> Language:
    """The language that a payer asked for by its tag; else the best of an ``Accept-Language``; else English.

    What is in neither form counts for nothing.
    """
    known = languages()
    if wanted is not None and wanted in known:
        return known[wanted]
    best, best_weight = known[DEFAULT], 0.0
    for part in (accepted or "")[:_HEADER_LENGTH_MAX].split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None or (found := known.get(match["tag"].lower())) is None:
            continue
        weight = float(match["weight"] or 1)
        if weight > best_weight:
            best, best_weight = found, weight
    return best


def _load(tag: str) -> Language:
    locale = Locale.parse(NAMES[tag].territory)
    return Language(
        tag=tag,
        name=NAMES[tag].own,
        direction=locale.text_direction,
        texts=NullTranslations() if tag == DEFAULT else _catalogue(tag),
        locale=locale,
    )


def _catalogue(tag: str) -> NullTranslations:
    """Read from its source, so that no compiled file can be out of step with it."""
    with (files(__package__) / "locales" / f"{tag}.po").open("rb") as source:
        catalogue = read_po(source, locale=tag, charset="utf-8")
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)
