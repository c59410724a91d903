"""``bezant merchant set`` and ``bezant contract``, started as an operator would start them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bezant.dialects.valor import reference
from tests.e2e.test_cli import TERMINAL, Shell

RULES = {
    "avs": "none",
    "avs_declines": False,
    "cvv_required": False,
    "cvv_declines": False,
    "checks_shown": False,
    "refund_factor": False,
    "refund_email": None,
    "refund_phone": None,
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A data folder with the demo's merchants."""
    shell = Shell(tmp_path_factory.mktemp("rules"))
    assert shell.run("demo").returncode == 0
    return shell


class TestAMerchantsOrigins:
    def test_are_named_shown_and_forgotten(self, shell: Shell) -> None:
        named = shell.json("merchant", "origins", TERMINAL, "https://Shop.example/", "http://127.0.0.1:8000")
        assert named["origins"] == "http://127.0.0.1:8000, https://shop.example"
        assert shell.json("merchant", "show", TERMINAL)["origins"] == named["origins"]
        assert shell.json("merchant", "origins", TERMINAL, "--any")["origins"] is None
        for wrong in ((), ("https://shop.example/x",)):
            assert shell.run("merchant", "origins", TERMINAL, *wrong).returncode == 2


class TestAStoresBrand:
    def test_is_chosen_shown_and_forgotten(self, shell: Shell) -> None:
        store_id = str(shell.json("merchant", "show", TERMINAL)["stores"][0]["store_id"])
        chosen = shell.json("store", "brand", store_id, "--colour", "#067A57")
        assert chosen["colour"] == "#067a57"
        assert shell.json("merchant", "show", TERMINAL)["stores"][0]["colour"] == "#067a57"
        assert shell.json("store", "brand", store_id, "--none")["colour"] is None
        for wrong in ((), ("--colour", "#0a7"), ("--logo", __file__)):
            assert shell.run("store", "brand", store_id, *wrong).returncode == 2


class TestAMerchantsRules:
    def test_are_changed_one_by_one(self, shell: Shell) -> None:
        before = shell.json("merchant", "show", TERMINAL)
        assert {name: before[name] for name in RULES} == RULES
        changed = shell.json("merchant", "set", TERMINAL, "--avs", "both", "--avs-declines", "on")
        assert changed == {"merchant_id": before["merchant_id"], **RULES, "avs": "both", "avs_declines": True}
        shell.json("merchant", "set", TERMINAL, "--cvv-required", "on", "--cvv-declines", "on")
        shell.json("merchant", "set", TERMINAL, "--checks-shown", "on", "--avs-declines", "off")
        after = shell.json("merchant", "show", TERMINAL)
        assert {name: after[name] for name in RULES} == {
            **RULES,
            "avs": "both",
            "cvv_required": True,
            "cvv_declines": True,
            "checks_shown": True,
        }

    def test_may_ask_for_one_time_passwords(self, shell: Shell) -> None:
        told = shell.json(
            *("merchant", "set", "2319916042"),
            *("--refund-factor", "on", "--refund-email", "till@example.com", "--refund-phone", "+1 555 0100"),
        )
        assert (told["refund_factor"], told["refund_phone"]) == (True, "+1 555 0100")

    def test_ask_for_none_where_nothing_sends_them(self, shell: Shell) -> None:
        iso = shell.json("iso", "list")[0]["iso_id"]
        real = shell.json("merchant", "create", "Real", "--iso", str(iso), "--zone", "America/New_York")
        done = shell.run(
            *("merchant", "set", str(real["merchant_id"])),
            *("--refund-factor", "on", "--refund-email", "till@example.com"),
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "nothing is set up that sends one-time passwords" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--avs", "maybe"),
            ("--cvv-required", "yes"),
            ("--refund-factor", "on"),
            ("--refund-email", "nobody"),
            ("--refund-phone", "call me"),
        ],
        ids=" ".join,
    )
    def test_are_refused_in_one_line(self, shell: Shell, wrong: tuple[str, str]) -> None:
        done = shell.run("merchant", "set", TERMINAL, *wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1


class TestTheContract:
    def test_is_printed_without_a_database(self, tmp_path: Path) -> None:
        shell = Shell(tmp_path)
        assert shell.run("contract", "errors").stdout == reference.errors_page()
        assert shell.run("contract", "operations").stdout == reference.operations_page()
        assert list(tmp_path.iterdir()) == []
