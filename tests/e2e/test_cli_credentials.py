"""``bezant credential``, ``ecom-token``, ``token`` and ``key tpn``, carried out as they are typed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bezant import cli
from tests.e2e.test_cli import APP_ID, APP_KEY, TERMINAL, Printed, Shell

MASKED = "********"
MERCHANT = ("--merchant", TERMINAL)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demo's merchants."""
    home = tmp_path_factory.mktemp("credentials")
    assert Shell(home).run("demo").returncode == 0
    return home


@dataclass(frozen=True, slots=True)
class Typed:
    """Carries command lines out in this process: starting one costs more than any of them."""

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> Printed:
        """What a command line comes to."""
        status = cli.run(arguments)
        return Printed(status, *self.capture.readouterr())

    def json(self, *arguments: str) -> Any:
        """The JSON that it answers."""
        printed = self.run(*arguments, "--json")
        assert (printed.status, printed.error) == (0, "")
        return json.loads(printed.out)


@pytest.fixture
def shell(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Typed]:
    """The command line on that folder."""
    monkeypatch.setenv("BEZANT_HOME", str(home))
    yield Typed(capsys)
    structlog.reset_defaults()


class TestAKeyPair:
    def test_is_made_masked_copied_and_reset(self, shell: Typed) -> None:
        made = shell.json("credential", "generate", "--iso", "1")
        assert re.fullmatch(r"dakey_[A-Za-z0-9]{32}", made["api_key"])
        assert (made["secret_key"], made["scopes"]) == (MASKED, "ExternalApi")
        first = shell.json("credential", "copy", "--iso", "1")
        assert re.fullmatch(r"dskey_[A-Za-z0-9]{32}", first["secret_key"])
        reset = shell.json("credential", "reset", "--iso", "1")
        assert (reset["api_key"], reset["secret_key"]) == (made["api_key"], MASKED)
        second = shell.json("credential", "copy", "--iso", "1")
        assert second["secret_key"] != first["secret_key"]
        actions = [row["action"] for row in shell.json("audit", "list", "--iso", "1")]
        assert actions[:4] == [
            "credential.copied",
            "credential.reset",
            "credential.copied",
            "credential.generated",
        ]

    def test_is_one_of_an_organization(self, shell: Typed) -> None:
        again = shell.run("credential", "generate", *MERCHANT)
        assert (again.status, again.error.count("\n")) == (2, 1)
        assert "can be copied or reset" in again.error
        for wrong in (("credential", "copy", "--office", "999"), ("credential", "view")):
            assert shell.run(*wrong).status == 2

    def test_is_viewed_with_all_that_its_terminals_call_with(self, shell: Typed) -> None:
        shown = shell.json("credential", "view", *MERCHANT)
        assert (shown["secret_key"], len(shown["terminals"])) == (MASKED, 2)
        first = shown["terminals"][0]
        assert first == {
            "terminal": TERMINAL,
            "app_id": APP_ID,
            "app_keys": "***",
            "tpn": first["tpn"],
            "auth_token": MASKED,
        }
        printed = shell.run("credential", "view", *MERCHANT).out
        assert first["tpn"] in printed
        assert APP_KEY not in printed


class TestATerminal:
    def test_has_a_number_and_a_token(self, shell: Typed) -> None:
        tpn = shell.json("key", "tpn", "2319916042")["tpn"]
        assert re.fullmatch(r"[0-9]{12}", tpn)
        assert shell.json("key", "tpn", "2319916042")["tpn"] == tpn
        assert shell.run("ecom-token", "copy", tpn).status == 2
        made = shell.json("ecom-token", "generate", "2319916042")
        assert (made["tpn"], made["auth_token"]) == (tpn, MASKED)
        first = shell.json("ecom-token", "copy", tpn)["auth_token"]
        assert re.fullmatch(r"[A-Za-z0-9]{43}", first)
        assert shell.run("ecom-token", "generate", tpn).status == 2
        assert shell.json("ecom-token", "reset", tpn)["auth_token"] == MASKED
        assert shell.json("ecom-token", "copy", tpn)["auth_token"] != first
        assert shell.run("ecom-token", "copy", "999").status == 2


class TestSigningKeys:
    def test_are_rotated(self, shell: Typed) -> None:
        first, second = (shell.json("token", "rotate-keys") for _ in range(2))
        assert second["number"] == first["number"] + 1
        assert second["key_id"] != first["key_id"]


class TestTheDemo:
    def test_stays_as_it_was_made(self, shell: Typed) -> None:
        block = shell.json("demo")["ipospays"]
        assert list(block) == ["api_key", "secret_key", "tpn", "auth_token", "card_token"]
        assert shell.json("demo")["ipospays"] == block
