"""The pages of the wire contracts are in step with the tables that the server runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bezant.dialects.aps import codes as aps_codes
from bezant.dialects.aps import reference as aps
from bezant.dialects.ipospays import reference as ipospays
from bezant.dialects.valor import codes, openapi, reference
from tests.support.tree import ROOT

PAGES = {
    "valor-errors": ("errors", reference.errors_page),
    "valor-operations": ("operations", reference.operations_page),
    "aps-codes": ("aps-codes", aps.codes_page),
    "aps-operations": ("aps-operations", aps.operations_page),
    "ipospays-codes": ("ipospays-codes", ipospays.codes_page),
    "ipospays-operations": ("ipospays-operations", ipospays.operations_page),
}


class TestAReader:
    @pytest.mark.parametrize(
        ("page", "command", "drawn"), [(page, *how) for page, how in PAGES.items()], ids=list(PAGES)
    )
    def test_finds_the_contract_as_it_is(self, page: str, command: str, drawn: Callable[[], str]) -> None:
        written = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
        assert written == drawn(), f"run: bezant contract {command} > docs/{page}.md"

    def test_finds_the_description_for_machines_as_it_is(self) -> None:
        written = (ROOT / "docs" / "openapi" / "valor.json").read_text(encoding="utf-8")
        assert written == openapi.page(), "run: bezant contract openapi > docs/openapi/valor.json"

    @pytest.mark.parametrize("error", codes.ERRORS, ids=lambda error: f"{error.code} {error.text}")
    def test_is_told_when_an_error_is_answered(self, error: codes.Error) -> None:
        assert reference.when(error, reference.uses())

    @pytest.mark.parametrize("message", aps_codes.MESSAGES, ids=lambda message: message.code)
    def test_is_told_when_a_message_is_answered(self, message: aps_codes.Message) -> None:
        assert aps.when(message, aps.uses()) or message is aps_codes.SUCCESS
