"""``bezant aps``, started as an operator would start it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.test_cli import TERMINAL, Shell
from tests.support.aps import signature

SHOP = "CycHZxVj"
PHRASES = ("sha_request_phrase", "sha_response_phrase")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A data folder with the demo's merchants."""
    shell = Shell(tmp_path_factory.mktemp("aps"))
    assert shell.run("demo").returncode == 0
    return shell


class TestASigningAccount:
    def test_is_created_with_its_phrases_in_clear_and_shown_masked(self, shell: Shell) -> None:
        made = shell.json("aps", "create", TERMINAL, "--sha-type", "hmac512", "--edition", "classic")
        assert (made["sha_type"], made["edition"], made["active"]) == ("hmac512", "classic", True)
        assert all(len(made[name]) == 32 for name in PHRASES)
        shown = shell.json("aps", "show", made["merchant_identifier"])
        assert shown == {**made, **dict.fromkeys(PHRASES, "***")}
        assert shell.json("aps", "show", TERMINAL, "--reveal") == made
        identifiers = [row["merchant_identifier"] for row in shell.json("aps", "list")]
        assert identifiers == [made["merchant_identifier"], SHOP, "MxvOupuG"]

    def test_is_one_of_a_merchant(self, shell: Shell) -> None:
        again = shell.run("aps", "create", "2011223344")
        assert again.returncode == 1
        assert "Traceback" not in again.stderr
        taken = shell.run("aps", "create", "2319916042", "--identifier", SHOP)
        assert taken.returncode == 1

    def test_gets_new_phrases(self, shell: Shell) -> None:
        before = shell.json("aps", "show", "MxvOupuG", "--reveal")
        after = shell.json("aps", "rotate", "2011223355", "request", "--overlap", "2d")
        assert after["sha_request_phrase"] != before["sha_request_phrase"]
        assert after["sha_response_phrase"] == before["sha_response_phrase"]
        until = datetime.fromisoformat(after["old_request_phrase_until"])
        assert timedelta(days=1) < until - datetime.now(until.tzinfo) <= timedelta(days=2)
        last = shell.json("aps", "rotate", "2011223355", "response", "--phrase", "MyOwnPhrase1")
        assert last["sha_response_phrase"] == "MyOwnPhrase1"
        refused = shell.run("aps", "rotate", "2011223355", "response", "--overlap", "2d")
        assert refused.returncode == 2

    def test_says_where_notices_go(self, shell: Shell) -> None:
        told = shell.json(
            *("aps", "set", "2011223355", "--direct-url", "https://shop.example.com/paid"),
            *("--notification-url", "https://shop.example.com/later", "--format", "form", "--inactive"),
        )
        assert (told["direct_url"], told["format"], told["active"]) == (
            "https://shop.example.com/paid",
            "form",
            False,
        )
        told = shell.json("aps", "set", "2011223355", "--direct-url", "", "--active")
        assert (told["direct_url"], told["notification_url"], told["active"]) == (
            None,
            "https://shop.example.com/later",
            True,
        )
        assert shell.run("aps", "set", "2011223355", "--direct-url", "gopher://x").returncode == 2

    def test_has_access_codes(self, shell: Shell) -> None:
        told = shell.json("aps", "access-code", "add", "2011223355", "Second1")
        assert told["access_code"] == "SILgpo7pWbmzuURp2qri, Second1"
        told = shell.json("aps", "access-code", "drop", "2011223355", "SILgpo7pWbmzuURp2qri")
        assert told["access_code"] == "Second1"
        assert shell.run("aps", "access-code", "drop", "2011223355", "Second1").returncode == 2


class TestPlans:
    def test_are_what_a_merchant_offers(self, shell: Shell) -> None:
        before = shell.json("aps", "plans", "2011223344")
        assert before == {
            "merchant_id": before["merchant_id"],
            "enabled": True,
            "months": "all",
            "currency": "EGP",
            "minimum": None,
            "maximum": None,
            "down_payment_percent": 10,
        }
        told = shell.json(
            *("aps", "plans", "2011223344", "--months", "12,6", "--minimum", "500.00"),
            *("--maximum", "9000", "--down-payment", "0"),
        )
        assert told == {
            **before,
            "months": "6, 12",
            "minimum": "500.00",
            "maximum": "9000.00",
            "down_payment_percent": 0,
        }
        told = shell.json("aps", "plans", "2011223344", "--off", "--maximum", "none", "--months", "all")
        assert (told["enabled"], told["maximum"], told["months"]) == (False, None, "all")

    def test_are_none_at_first(self, shell: Shell) -> None:
        assert shell.json("aps", "plans", "2319916042")["enabled"] is False
        assert shell.json("aps", "plans", "2319916042", "--on")["enabled"] is True


class TestAnExplanation:
    @pytest.mark.parametrize("right", [True, False])
    def test_says_what_is_signed_and_never_with_what(
        self, shell: Shell, tmp_path: Path, *, right: bool
    ) -> None:
        keys = shell.json("aps", "show", SHOP, "--reveal")
        request = {
            "command": "PURCHASE",
            "otp": "123456",
            "amount": 10000,
            "products": [{"product_name": "iphone"}],
        }
        claim = signature(request, keys["sha_request_phrase"]) if right else "0" * 64
        file = tmp_path / "request.json"
        file.write_text(json.dumps({**request, "signature": claim}), encoding="utf-8")
        told = shell.json("aps", "explain-signature", SHOP, str(file))
        assert told == {
            "merchant_identifier": SHOP,
            "sha_type": "sha256",
            "phrase": "request",
            "signed": (
                "[phrase]amount=10000command=PURCHASEotp=[otp]products=[{product_name=iphone}][phrase]"
            ),
            "signature": "right" if right else "wrong",
        }

    def test_is_given_for_answers_too(self, shell: Shell, tmp_path: Path) -> None:
        keys = shell.json("aps", "show", SHOP, "--reveal")
        answer = {"status": "88", "installment_detail": []}
        file = tmp_path / "answer.json"
        claim = signature(answer, keys["sha_response_phrase"])
        file.write_text(json.dumps({**answer, "signature": claim}), encoding="utf-8")
        told = shell.json("aps", "explain-signature", "2011223344", str(file), "--answer")
        assert (told["signed"], told["signature"]) == ("[phrase]status=88[phrase]", "right")

    @pytest.mark.parametrize("text", ["", "[]", "{", '{"a":1,"a":2}'])
    def test_needs_a_json_object(self, shell: Shell, tmp_path: Path, text: str) -> None:
        file = tmp_path / "nothing.json"
        file.write_text(text, encoding="utf-8")
        done = shell.run("aps", "explain-signature", SHOP, str(file))
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1


class TestDeliveries:
    def test_are_counted_and_listed(self, shell: Shell) -> None:
        states = ("due", "sending", "delivered", "unwanted", "given_up")
        assert shell.json("deliveries", "count") == dict.fromkeys(states, 0)
        assert shell.json("deliveries", "list") == []

    def test_are_sent_anew_only_when_they_were_given_up(self, shell: Shell) -> None:
        done = shell.run("deliveries", "retry", "1", "1")
        assert done.returncode == 2
        assert "no such delivery" in done.stderr
