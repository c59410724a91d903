"""Which language a payer reads, and that each of them says everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from bezant.core.money import Money
from bezant.web.languages import DEFAULT, NAMES, choose, languages
from tests.support.tree import SOURCE

WEB = SOURCE / "web"
_PLACE = re.compile(r"%\([a-z]+\)s|\{\}")
OTHERS = sorted(set(NAMES) - {DEFAULT})


def said() -> Iterator[str]:
    """Every text of templates and code."""
    for path in sorted((WEB / "templates").iterdir()):
        with path.open("rb") as file:
            for _, _, text, _ in babel_extract(file, ("_",), (), {}):
                yield str(text[0] if isinstance(text, tuple) else text)
    for path in sorted(WEB.glob("*.py")):
        found = extract_python(BytesIO(path.read_bytes()), {"english": None, "text": None}, (), {})
        yield from (str(text) for _, _, text, _ in found if text)


@pytest.mark.parametrize("tag", OTHERS)
class TestACatalogue:
    def test_has_every_text_and_no_other(self, tag: str) -> None:
        with (WEB / "locales" / f"{tag}.po").open("rb") as file:
            known = {str(message.id) for message in read_po(file) if message.id and message.string}
        assert known == set(said())

    def test_keeps_what_is_put_into_a_text(self, tag: str) -> None:
        language = languages()[tag]
        wrong = [
            text
            for text in said()
            if sorted(_PLACE.findall(text)) != sorted(_PLACE.findall(language.text(text)))
        ]
        assert wrong == []


class TestALanguage:
    @pytest.mark.parametrize(
        ("wanted", "accepted", "chosen"),
        [
            (None, None, "en"),
            (None, "es-MX,es;q=0.9,en;q=0.8", "es"),
            (None, "fr, ar;q=0.5, en;q=0.4", "ar"),
            (None, "en;q=0.1, es;q=0.2", "es"),
            (None, "ES", "es"),
            (None, "es;q=0", "en"),
            ("ar", "es", "ar"),
            ("xx", "es", "es"),
            ("../ar", None, "en"),
            (None, "es;q=9,\x00,;;;,*" + ",es" * 9999, "es"),
            (None, "de", "en"),
        ],
    )
    def test_is_the_one_that_is_wanted_else_the_one_preferred(
        self, wanted: str | None, accepted: str | None, chosen: str
    ) -> None:
        assert choose(wanted=wanted, accepted=accepted).tag == chosen

    def test_writes_money_as_its_readers_do(self) -> None:
        amount = Money(123456)
        written = {tag: language.money(amount) for tag, language in languages().items()}
        assert written["en"] == written["es"] == "$1,234.56"
        assert "1,234.56" in written["ar"]
