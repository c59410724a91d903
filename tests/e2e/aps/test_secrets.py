"""Passwords and phrases stand nowhere: not in a file, not in a log, not in an answer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.aps import Office, Shop
from tests.support.far import texts_to
from tests.support.gateway import Gateway, eventually

CANARY = "73915528"
REAL_PHONE = "00008557694"


def files_with(text: str, home: Path) -> list[str]:
    """The files of a data folder that hold a text, ``demo.json`` excepted: it is made to tell."""
    return [
        path.name
        for path in home.iterdir()
        if path.is_file() and path.name != "demo.json" and text.encode() in path.read_bytes()
    ]


class TestAPassword:
    def test_of_a_real_customer_comes_by_text_message_and_buys(self, office: Office) -> None:
        shop = office.board(sandbox=False, phone=REAL_PHONE)
        password = self.sent(shop, reference := shop.reference())
        assert "1000.00 EGP" in texts_to(shop.gateway, REAL_PHONE)[-1]
        if password != "123456":  # one time in a million it is the sandbox's
            assert shop.purchase(reference, otp="123456")["response_code"] == "13787"
        bought = shop.purchase(reference, otp=password)
        assert bought["response_code"] == "14000"
        assert password not in json.dumps(bought["response_message"])

    def test_comes_in_the_customers_language(self, office: Office) -> None:
        shop = office.board(sandbox=False, phone=REAL_PHONE)
        self.sent(shop, shop.reference(), language="ar")
        assert not texts_to(shop.gateway, REAL_PHONE)[-1].isascii()

    @staticmethod
    def sent(shop: Shop, reference: str, **other: str) -> str:
        """A password that was asked for, from the phone that got it."""
        known = len(texts_to(shop.gateway, REAL_PHONE))
        assert shop.ask_for_password(reference, **other)["response_code"] == "88000"
        (text,) = texts_to(shop.gateway, REAL_PHONE)[known:]
        found = re.search(r"(?<![0-9])[0-9]{6}(?![0-9])", text)
        assert found
        return found[0]

    @pytest.mark.parametrize("classic", [False, True])
    def test_stands_nowhere(self, office: Office, *, classic: bool) -> None:
        shop = office.board(classic=classic, sandbox=False, phone=REAL_PHONE)
        reference = shop.reference()
        shop.ask_for_password(reference)
        for _ in range(2):
            said = shop.purchase(reference, otp=CANARY)
            assert CANARY not in json.dumps(said)
        if classic:
            assert CANARY not in json.dumps(shop.check_password(reference, otp=CANARY))
        shop.send({**shop.common(reference), "command": "PURCHASE", "otp": CANARY, "signature": "0" * 64})
        assert files_with(CANARY, shop.gateway.home) == []
        if shop.gateway.database_url.startswith("postgresql"):
            for table in ("loans", "loan_passwords", "loan_events"):
                assert CANARY not in str(shop.gateway.rows(f"SELECT * FROM {table}"))  # noqa: S608 - our names


class TestAPhrase:
    def test_stands_nowhere(self, gateway: Gateway, shop: Shop) -> None:
        wrong = shop.sign({**shop.common(shop.reference()), "query_command": "CHECK_STATUS"})
        for parameters in (wrong, {**wrong, "signature": "0" * 64}):
            shop.send(parameters)
        phrases = [
            shop.keys["sha_request_phrase"],
            shop.keys["sha_response_phrase"],
            *(
                gateway.demo[name][f"sha_{which}_phrase"]
                for name in ("aps", "aps_classic")
                for which in ("request", "response")
            ),
        ]
        assert {phrase: found for phrase in phrases if (found := files_with(phrase, gateway.home))} == {}


class TestAWrongSignature:
    def test_of_a_sandbox_shop_is_explained_in_the_log(self, shop: Shop) -> None:
        reference = shop.reference()
        said = {**shop.common(reference), **shop.purchase_parameters(otp=CANARY), "signature": "0" * 64}
        assert shop.send(said).body["response_code"] == "00008"
        (line,) = eventually(lambda: _lines_with(reference, shop.gateway))  # its turn ends after the answer
        told = json.loads(line)
        assert told["event"] == "wrong signature"
        assert told["identifier"] == shop.keys["merchant_identifier"]
        assert told["signed"].startswith("[phrase]access_code=")
        assert "otp=[otp]" in told["signed"]

    def test_of_a_real_shop_is_not(self, office: Office) -> None:
        shop = office.board(sandbox=False)
        reference = shop.reference()
        said = {**shop.common(reference), "query_command": "CHECK_STATUS", "signature": "0" * 64}
        assert shop.send(said).body["response_code"] == "00008"
        assert reference not in shop.gateway.log_text()


def _lines_with(text: str, gateway: Gateway) -> list[str]:
    return [line for line in gateway.log_text().splitlines() if text in line]


class TestADemo:
    def test_is_the_same_after_a_restart(self, tmp_path: Path) -> None:
        with Gateway(tmp_path) as gateway:
            before = {name: gateway.demo[name] for name in ("aps", "aps_classic")}
            shop = Shop(gateway, before["aps"])
            reference, _ = shop.bought()
            gateway.kill()
            gateway.start()
            assert {name: gateway.demo[name] for name in before} == before
            assert shop.status(reference)["transaction_code"] == "14000"
            for name, block in before.items():
                assert list(block) == [
                    "merchant_identifier",
                    "access_code",
                    "sha_type",
                    "sha_request_phrase",
                    "sha_response_phrase",
                    "valu_phone",
                    "valu_otp",
                ], name
