"""No card number and no CVV is found in files, dumps, logs, metrics, answers or memory, in whatever form."""

from __future__ import annotations

import base64
import gzip
import secrets
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import structlog

from bezant import cli
from bezant.selfcheck import Place, Unable, check
from bezant.selfcheck.canaries import (
    ACCOUNTS,
    CARDS,
    GIFT_CARDS,
    PINS,
    VERIFICATIONS,
    Canary,
    Kind,
    check_digit,
    forms,
)
from bezant.selfcheck.search import IN_MEMORY, Search
from tests.support import postgres as private_postgres
from tests.support.tree import ROOT

NUMBERS = (*CARDS, *GIFT_CARDS, *PINS, *ACCOUNTS)
KEY = Canary(Kind.CREDENTIAL, "Qm9/Zx+7aWpL2rT5vYk8")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Place]]:
    """All that a gateway left after the errands, searched."""
    home = tmp_path_factory.mktemp("canaries")
    if request.param == "sqlite":
        yield {place.name: place for place in check(home)}
        return
    with private_postgres.server() as server:
        name = f"bezant_{secrets.token_hex(8)}"
        found = check(home, database_url=server.create_database(name))
        server.drop_database(name)
    yield {place.name: place for place in found}


class TestACanary:
    @pytest.mark.parametrize(
        "name",
        ["answers", "metrics", "memory after a restart", "dump", "logs", "files in the data folder"],
    )
    def test_is_found_nowhere(self, places: dict[str, Place], name: str) -> None:
        place = places[name]
        assert (place.found, place.note) == ((), "")
        assert place.searched_bytes > 1000

    def test_is_found_in_no_file_of_the_database(self, places: dict[str, Place]) -> None:
        place = places.get("files of the database")
        if place is None:
            return  # SQLite's are in the data folder
        if "not on this machine" in place.note:
            pytest.skip("the database server that was given is on another machine")
        assert (place.found, place.note) == ((), "")


class TestTheSearch:
    @pytest.mark.parametrize("canary", [*NUMBERS, KEY], ids=repr)
    def test_finds_every_form(self, canary: Canary) -> None:
        search = Search([*NUMBERS, KEY])
        missed = [name for name, form in forms(canary) if not search.traces(b"\x00ab" + form + b"\xffcd")]
        assert missed == []

    def test_finds_one_in_base64_wherever_it_begins(self) -> None:
        for before in ("", "a", "ab", "abc"):
            text = urlencode({"q": before + CARDS[0].value + "zz"})[2:]
            assert Search(CARDS).traces(b"x" + base64.b64encode(text.encode()))

    @pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
    def test_finds_one_that_is_compressed(self, pack: object) -> None:
        assert callable(pack)
        content = b"before" + pack(f"a card: {CARDS[3].value}, and more".encode()) + b"after"
        assert Search(CARDS).traces(content) == [f"plain: {CARDS[3]!r}, compressed"]

    def test_finds_capital_escapes(self) -> None:
        escaped = "".join(f"\\u00{ord(sign):02X}" for sign in KEY.value).encode()
        assert Search([KEY]).traces(escaped)

    def test_finds_a_verification_value_that_stands_alone(self) -> None:
        search, value = Search(VERIFICATIONS), VERIFICATIONS[0].value
        assert search.traces_in_text(f'{{"cvv": "{value}"}}'.encode()) == ["alone: card verification value"]
        assert search.traces_in_text(f"1{value} {value}AF {value}.25 0.{value} k{value}".encode()) == []

    def test_takes_no_part_of_a_uuid_and_no_process_for_a_verification_value(self) -> None:
        search, value = Search(VERIFICATIONS), VERIFICATIONS[0].value
        text = f'{{"token": "9f1c0d77-{value}-4a4b-{value}-0c1d2e3f4a5b", "process":{value}}}'
        assert search.traces_in_text(text.encode()) == []
        assert search.traces_in_text(f"{text}\n{value}".encode()) == ["alone: card verification value"]

    def test_looks_for_fewer_forms_in_memory(self) -> None:
        search = Search(CARDS, only=IN_MEMORY)
        assert search.traces(CARDS[0].value.encode("utf-16-le"))
        assert not search.traces(CARDS[0].value[::-1].encode())


class TestTheCanaries:
    def test_are_twenty_cards_that_pass_for_real(self) -> None:
        numbers = {canary.value for canary in CARDS}
        assert len(numbers) == len({canary.value for canary in VERIFICATIONS}) == 20
        assert {check_digit(number[:-1]) for number in numbers} > {"0"}
        assert all(number.endswith(check_digit(number[:-1])) for number in numbers)

    def test_show_no_more_than_their_last_signs(self) -> None:
        assert repr(CARDS[0]) == f"card number ...{CARDS[0].value[-4:]}"


class TestTheCheck:
    def test_wants_an_empty_folder(self, tmp_path: Path) -> None:
        (tmp_path / "something").touch()
        with pytest.raises(Unable, match="not empty"):
            check(tmp_path)

    def test_says_what_it_cannot_do_in_a_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "something").touch()
        assert cli.run(["selfcheck", "--json", "--folder", str(tmp_path)]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "not empty" in told.err.strip().splitlines()[-1]
        structlog.reset_defaults()

    def test_puts_no_canary_into_a_server(self) -> None:
        """Otherwise the memory of a server would always hold some."""
        program = "import sys, bezant.cli.services, bezant.server; print(*sorted(sys.modules))"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(ROOT / "src")},
            check=True,
            capture_output=True,
            text=True,
        )
        loaded = done.stdout.split()
        assert [name for name in loaded if "selfcheck" in name] == []
