"""BIN Lookup, Device Info and Encryption Fetch: the vendor's samples replayed, and what is refused."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bezant.core.merchants import Profile
from bezant.core.vault import Envelope
from bezant.selfcheck.canaries import Canary, Kind
from bezant.selfcheck.search import Search
from bezant.storage.crypto import KeyTrouble
from bezant.storage.envelopes import load_iso_keys, open_envelope
from tests.conformance.valor.shape import differences
from tests.conformance.valor.vaults import PAN, Vault
from tests.e2e.valor.shop import VISA, Office, Till, approved, refused
from tests.support import forks
from tests.support.gateway import Gateway, eventually

# source: vendor sample
BIN: Final = {
    "error_no": "S00",
    "pan_number": "411111",
    "card_brand": "VISA",
    "card_type": "D",
    "desc": "SUCCESS",
}
BAD_BIN: Final = {
    "error_no": "G42",
    "mesg": "PROCESSING ERROR",
    "msg": "PROCESSING ERROR",
    "desc": "INVALID BIN",
}
DEVICE: Final[dict[str, Any]] = {
    "error_no": "S00",
    "store": {"name": "Test Store", "version_tid": "75021674", "last_heartbeat": None},
    "device": {
        "name": "VT #2",
        "type": "Virtual Terminal",
        "serial_no": None,
        "last_txn_date": "2026-03-24 02:18:36",
        "assigned_app_version": "1.0.0",
        "app_update": "enabled",
        "app_updated": None,
        "param_update": "enabled",
        "param_updated": None,
        "status": "active",
        "owner": "Valor ISO LLC",
    },
    "processor": {"name": "TSYS SIERRA", "Profiles": {"Traditional": 0, "Surcharge": 1}},
}
BAD_EPI: Final = {
    "error_no": "D27",
    "mesg": "PROCESSING ERROR",
    "msg": "PROCESSING ERROR",
    "desc": "INVALID EPI ID",
}
ENCRYPTED: Final[dict[str, Any]] = {
    "error_no": "S00",
    "error_code": "00",
    "data": {
        "cardholder_name": "John Smith",
        "masked_pan": "XXXX1111",
        "token": "D3DFB7*******5E5980D7",
        "card_type": "C",
        "card_brand": "Visa",
        "spx_encrypted_pan": "adjsahdywer*******7w8e4guw37bgu",
        "spx_iso_key_label": "ISO_SPX",
        "spx_iso_session_key": "adjsahdywer*******7w8e4guw37bgu",
        "customer_name": "TestACH",
    },
}
NOT_NAMED: Final = {
    "error_no": "D47",
    "mesg": "PROCESSING ERROR",
    "msg": "PROCESSING ERROR",
    "desc": "MISSING REQUIRED PARAMETERS: TXN_ID OR VAULT_ID AND PAYMENT_ID",
}

ON_SQLITE = pytest.mark.parametrize("office", ["sqlite"], indirect=True)


class TestANumberRange:
    def test_is_looked_up_as_in_the_sample(self, till: Till) -> None:
        answer = till.call("binLookup", bin="411111")
        assert (answer.status, list(answer.body), answer.body) == (200, list(BIN), BIN)

    @pytest.mark.parametrize("said", ["411112", "41111", "4111x1", "", "999999"])
    def test_that_is_none_is_refused_as_in_the_sample(self, till: Till, said: str) -> None:
        answer = till.call("binLookup", bin=said)
        assert (answer.status, list(answer.body), answer.body) == (400, list(BAD_BIN), BAD_BIN)

    @pytest.mark.parametrize(
        "said", [None, [], {}, "\u0664" * 6, "4" * 20, "-41111", "411111\u00b2", "4.1111e5", True], ids=ascii
    )
    def test_is_written_in_digits(self, till: Till, said: Any) -> None:
        assert refused(till.call("binLookup", bin=said)) == "G42"

    def test_may_be_a_json_number(self, till: Till) -> None:
        assert approved(till.call("binlookup", bin=514631))["card_type"] == "C"

    def test_is_found_by_a_longer_number_that_is_not_repeated(self, till: Till) -> None:
        assert approved(till.call("binLookup", bin=VISA))["pan_number"] == VISA[:8]
        assert approved(till.call("binLookup", pan_number="41111111"))["pan_number"] == "41111111"

    def test_is_looked_up_by_a_page_with_a_client_token(self, till: Till) -> None:
        token = approved(till.call("clientToken"))["clientToken"]
        said = {"txn_type": "binLookup", "client_token": token, "epi": till.epi, "bin": "411111"}
        target = f"/?{urlencode(said)}"
        for answer in (till.gateway.post(b"", {}, target=target), till.send(said)):
            assert approved(answer) == BIN
            assert answer.headers["access-control-allow-origin"] == "*"
        wrong = till.send({**said, "client_token": "wrong"})
        assert refused(wrong) == "E26"
        assert wrong.headers["access-control-allow-origin"] == "*"

    def test_is_not_looked_up_for_nobody(self, till: Till) -> None:
        assert refused(till.send({"txn_type": "binLookup", "bin": "411111"})) == "D01"
        assert refused(till.send({**till.keys, "appkey": "x", "txn_type": "binLookup", "bin": "1"})) == "D07"

    def test_that_was_imported_is_known_at_once(self, office: Office, till: Till, tmp_path: Path) -> None:
        file = tmp_path / "some list.csv"
        file.write_text(
            "BIN,Brand,Type,Category,Issuer,CountryName\n"
            '476173,VISA,debit,CLASSIC,"Bank, of Test",POLAND\n'
            "222100,MASTERCARD,PREPAID,,,\n"
            "47617,VISA,DEBIT,,,\n"
            "476174,VISA,,,,\n"
            "41112222,VISA,CREDIT,,,\n",
            encoding="utf-8-sig",
        )
        assert refused(till.call("binLookup", bin="47617399")) == "G42"
        done = _bezant(
            till.gateway, "bin", "import", str(file), "--attribution", "A list, CC BY 4.0", "--json"
        )
        assert json.loads(done) == {
            "source": "some list",
            "attribution": "A list, CC BY 4.0",
            "ranges": 3,
            "skipped": {"no range of six or eight digits": 1, "no funding that is known": 1},
        }
        eventually(lambda: till.call("binLookup", bin="476173").status == 200)
        assert approved(till.call("binLookup", bin="476173"))["card_type"] == "D"
        assert approved(till.call("binLookup", bin="222100"))["card_type"] == "D"
        assert approved(till.call("binLookup", bin="41112222"))["card_type"] == "C"
        assert approved(till.call("binLookup", bin="411122"))["card_type"] == "C"
        assert refused(till.call("binLookup", bin="41112223")) == "G42"
        shown = json.loads(_bezant(till.gateway, "bin", "show", "476173", "--json"))
        assert [row["issuer"] for row in shown["ranges"]] == ["Bank, of Test"]
        assert [row["attribution"] for row in shown["sources"]] == ["A list, CC BY 4.0"]
        assert "CC BY 4.0" in _bezant(till.gateway, "bin", "show", "476173")
        # Once more, by other headings: what is there is replaced.
        file.write_text("range;kind\n476173;C\n", encoding="utf-8")
        columns = ("--prefix-column", "Range", "--funding-column", "KIND", "--delimiter", ";")
        _bezant(till.gateway, "bin", "import", str(file), "--attribution", "Mine", *columns)
        eventually(lambda: till.call("binLookup", bin="476173").body["card_type"] == "C")
        (source,) = json.loads(_bezant(till.gateway, "bin", "sources", "--json"))
        assert (source["attribution"], source["ranges"]) == ("Mine", 1)


class TestADevice:
    @pytest.mark.parametrize("word", ["deviceInfo", "device_info", "DEVICEINFO"])
    def test_is_told_of_as_in_the_sample(self, till: Till, word: str) -> None:
        till.sale(surchargeIndicator="1")
        answer = till.call(word)
        told = {
            "error_no",
            "status",
            "type",
            "Profiles",
            "assigned_app_version",
            "app_update",
            "param_update",
        }
        texts = frozenset(told)
        assert (answer.status, list(differences(DEVICE, answer.body, texts=texts))) == (200, [])
        device = answer.body["device"]
        datetime.strptime(device["last_txn_date"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        assert (device["name"], device["owner"]) == ("VT #2", "Test ISO")
        assert answer.body["store"]["name"] == "Valor Store LLC"
        assert answer.body["store"]["version_tid"] == till.host_terminals[Profile.SURCHARGE]

    @ON_SQLITE
    def test_was_last_used_at_the_local_time_of_the_sample(self, office: Office) -> None:
        shop = office.board(store="Test Store")
        office.freeze(shop, datetime(2026, 3, 24, 6, 18, 36, tzinfo=UTC))
        shop.tills[0].sale()
        answer = approved(shop.tills[0].call("deviceInfo"))
        assert answer["device"]["last_txn_date"] == DEVICE["device"]["last_txn_date"]
        assert answer["processor"]["Profiles"] == {"Traditional": 1, "Surcharge": 1}

    def test_that_was_never_used_has_no_date(self, till: Till) -> None:
        assert approved(till.call("deviceInfo"))["device"]["last_txn_date"] is None

    @pytest.mark.parametrize("epi", ["2999999999", "1203082193", "x", ["2"], "\u0662203082193"], ids=ascii)
    def test_that_is_none_of_ours_is_refused_as_in_the_sample(self, till: Till, epi: object) -> None:
        answer = till.send({**till.keys, "epi": epi, "txn_type": "deviceInfo"})
        assert (answer.status, list(answer.body), answer.body) == (400, list(BAD_EPI), BAD_EPI)


@dataclass(frozen=True, slots=True)
class Exporter:
    """A gateway whose demo ISO may have card numbers, the private key of that ISO, a till of its merchant."""

    till: Till
    key: rsa.RSAPrivateKey
    key_file: Path
    second: Till

    def fetch(self, **said: Any) -> dict[str, Any]:
        """What is answered for a card."""
        answer = self.till.call("encryptionfetch", **said)
        assert answer.status == 200, answer
        return answer.body


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    """A gateway of its own, with encryption fetch on."""
    home = tmp_path_factory.mktemp("exporter")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (home / "keys").mkdir()
    (home / "keys" / "1.pem").write_bytes(_public(key))
    key_file = home / "private.pem"
    key_file.write_bytes(_private(key))
    with Gateway(home, settings={"BEZANT_ISO_KEYS": str(home / "keys")}) as gateway:
        keys = [gateway.demo[name] for name in ("valor", "valor_second")]
        tills = [
            Till(
                gateway=gateway,
                appid=each["appid"],
                appkey=each["appkey"],
                epi=each["epi"],
                host_terminals={},
            )
            for each in keys
        ]
        yield Exporter(tills[0], key, key_file, tills[1])


class TestAnEncryptedCard:
    def test_of_a_customer_is_fetched_as_in_the_sample(self, exporter: Exporter) -> None:
        vault = Vault(exporter.till)
        customer_id = vault.add_customer("TestACH")
        payment_id = vault.add_card(customer_id, cardholder_name="John Smith")
        answer = exporter.fetch(vault_id=customer_id, payment_id=payment_id)
        texts = frozenset(
            {"error_no", "error_code", "cardholder_name", "card_type", "card_brand", "spx_iso_key_label"}
            | {"customer_name"}
        )
        assert list(differences(ENCRYPTED, answer, texts=texts)) == []
        assert answer["data"]["masked_pan"] == "XXXX5439"
        assert _opened(exporter, answer) == PAN

    def test_of_a_payment_is_fetched_by_its_id(self, exporter: Exporter) -> None:
        sale = exporter.till.sale(cardholdername="Jane Smith")
        for payment_id in (sale["txnid"], int(sale["txnid"])):
            data = exporter.fetch(txn_id=payment_id)["data"]
            assert (data["token"], data["masked_pan"]) == (sale["token"], "XXXX1111")
            assert (data["cardholder_name"], data["customer_name"]) == ("JANE SMITH", None)
            assert _opened(exporter, {"data": data}) == VISA

    def test_is_in_a_new_envelope_each_time(self, exporter: Exporter) -> None:
        payment_id = exporter.till.sale()["txnid"]
        envelopes = [exporter.fetch(txn_id=payment_id)["data"] for _ in range(3)]
        for name in ("spx_encrypted_pan", "spx_iso_session_key"):
            assert len({each[name] for each in envelopes}) == 3

    def test_is_shown_by_the_command_of_who_may_read_it(self, exporter: Exporter, tmp_path: Path) -> None:
        answer = tmp_path / "answer.json"
        answer.write_text(json.dumps(exporter.fetch(txn_id=exporter.till.sale()["txnid"])))
        command = ("spx", "decrypt", "--key", str(exporter.key_file), str(answer), "--json")
        masked, revealed = (
            json.loads(_bezant(exporter.till.gateway, *command, *more)) for more in ((), ("--reveal",))
        )
        assert (masked["card_number"], revealed["card_number"]) == ("XXXX1111", VISA)

    def test_opens_with_no_other_key_and_for_no_other_token(self, exporter: Exporter) -> None:
        data = exporter.fetch(txn_id=exporter.till.sale()["txnid"])["data"]
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for key, token in ((other, data["token"]), (exporter.key, "0" * 40)):
            with pytest.raises(KeyTrouble, match="another key or token"):
                open_envelope(key, _envelope(data), token=token)

    def test_is_named_in_the_merchants_audit_log(self, exporter: Exporter) -> None:
        till, payment_id = exporter.till, int(exporter.till.sale()["txnid"])
        exporter.fetch(txn_id=payment_id)
        owner = ("--merchant", str(till.keys["epi"]))
        newest, *_ = json.loads(_bezant(till.gateway, "audit", "list", *owner, "--limit", "1", "--json"))
        assert (newest["action"], newest["actor"]) == ("card.exported", till.keys["appid"])
        assert newest["facts"] == {"payment_id": payment_id, "card": "411111...1111", "to_iso": 1}

    def test_leaves_no_number_in_the_log(self, exporter: Exporter) -> None:
        exporter.fetch(txn_id=exporter.till.sale(cardnumber=PAN)["txnid"])
        log = exporter.till.gateway.log_text().encode()
        assert Search([Canary(Kind.CARD, PAN)]).traces(log) == []

    @pytest.mark.parametrize(
        "said",
        [
            {},
            {"vault_id": "1"},
            {"payment_id": "1"},
            {"txn_id": "", "vault_id": "", "payment_id": None},
        ],
        ids=str,
    )
    def test_that_is_not_named_is_refused_as_in_the_sample(
        self, exporter: Exporter, said: dict[str, Any]
    ) -> None:
        answer = exporter.till.call("encryptionfetch", **said)
        assert (answer.status, list(answer.body), answer.body) == (400, list(NOT_NAMED), NOT_NAMED)

    @pytest.mark.parametrize(
        "said",
        [
            {"txn_id": "999999999"},
            {"txn_id": "x"},
            {"txn_id": 0},
            {"txn_id": "-1"},
            {"txn_id": "\u0661"},
            {"txn_id": str(2**63)},
            {"txn_id": [1]},
            {"vault_id": "999999999", "payment_id": "1"},
            {"vault_id": "1e3", "payment_id": "1"},
        ],
        ids=ascii,
    )
    def test_that_is_not_there_is_refused(self, exporter: Exporter, said: dict[str, Any]) -> None:
        assert refused(exporter.till.call("encryptionfetch", **said)) == "E14"

    def test_of_another_merchant_is_not_there(self, exporter: Exporter) -> None:
        vault = Vault(exporter.till)
        customer_id = vault.add_customer("Ours")
        payment_id = vault.add_card(customer_id)
        own = Vault(exporter.second).add_customer("Theirs")
        asked: list[dict[str, Any]] = [
            {"txn_id": exporter.till.sale()["txnid"]},
            {"vault_id": customer_id, "payment_id": payment_id},
            {"vault_id": own, "payment_id": payment_id},
        ]
        assert [refused(exporter.second.call("encryptionfetch", **said)) for said in asked] == ["E14"] * 3

    def test_stays_where_it_is_unless_its_iso_has_a_key(self, till: Till) -> None:
        sale = till.sale(surchargeIndicator="1")
        assert refused(till.call("encryptionfetch", txn_id=sale["txnid"])) == "D50"

    def test_stays_where_it_is_when_another_iso_has_a_key(self, exporter: Exporter) -> None:
        with Office(exporter.till.gateway) as office:
            till = office.board().tills[0]
            assert refused(till.call("encryptionfetch", txn_id=till.sale()["txnid"])) == "D50"


class TestAKeyFolder:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("1.pem", b"nothing"),
            ("iso.pem", None),
            ("1.pem", "private"),
            ("1.pem", "elliptic"),
            ("1.pem", "short"),
        ],
        ids=str,
    )
    def test_holds_public_rsa_keys_of_2048_bits_alone(
        self, tmp_path: Path, name: str, content: bytes | str | None
    ) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        contents = {
            None: _public(key),
            "private": _private(key),
            "elliptic": _public(ec.generate_private_key(ec.SECP256R1())),
            "short": _public(rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - to be refused
        }
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else contents[content])
        with pytest.raises(KeyTrouble):
            load_iso_keys(tmp_path)

    def test_that_is_not_there_is_told_at_the_start(self, tmp_path: Path) -> None:
        settings = {
            "BEZANT_HOME": str(tmp_path),
            "BEZANT_ISO_KEYS": str(tmp_path / "none"),
            "BEZANT_PORT": "0",
        }
        done = _run(settings, "serve", "--demo")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "is no folder" in done.stderr


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _envelope(data: dict[str, Any]) -> Envelope:
    return Envelope(
        encrypted_pan=base64.b64decode(data["spx_encrypted_pan"], validate=True),
        wrapped_key=base64.b64decode(data["spx_iso_session_key"], validate=True),
    )


def _opened(exporter: Exporter, answer: dict[str, Any]) -> str:
    data = answer["data"]
    return open_envelope(exporter.key, _envelope(data), token=data["token"]).reveal()


def _bezant(gateway: Gateway, *arguments: str) -> str:
    """What a command line prints beside a running gateway."""
    settings = {"BEZANT_HOME": str(gateway.home), "BEZANT_DATABASE_URL": gateway.database_url}
    done = _run(settings, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(settings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run(arguments, environment=settings)
